#include "shell/explain_command.h"

#include "base/mem.h"
#include "kube/name.h"
#include "operator/operator.h"
#include "shell/engine.h"
#include "shell/explain_flags.h"
#include "shell/process.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    OUTPUT_BYTES_MAX = 256 << 20,
    WRITE_MS_MAX = 60 * 1000, /* whoever reads standard output has so long for some bytes */
    ATTEMPTS_MAX = 2,         /* of what may go well the next time */
    READS_MAX = 16,           /* single objects that are read at a time */
};

struct command {
    const struct explain_flags *flags;
    struct engine engine;
    struct operator* op;
    const char *ns; /* "": all */
    uint64_t until_ms;
    struct buf out;
};

/* ---- What goes wrong ---- */

static void say(const char *context, const char *text)
{
    dprintf(STDERR_FILENO, "%s: %s%s%s\n", PROGRAM, context, context[0] != '\0' ? ": " : "", text);
}

static void on_credentials_log(void *ctx, enum log_level level, const char *message,
                               const char *detail)
{
    (void)ctx;
    if (level >= LOG_WARN) {
        say(message, detail);
    }
}

/* Trying again would not help, or has not. */
static bool is_final(const struct error *trouble, unsigned attempts)
{
    return trouble->code == ERR_FORBIDDEN || trouble->code == ERR_NOT_FOUND ||
           trouble->code == ERR_BAD_REQUEST || attempts >= ATTEMPTS_MAX;
}

static const char *what_to_do(const struct error *trouble)
{
    switch (trouble->code) {
    case ERR_NOT_FOUND:
        return "\nMemcacheds are not known there. Install the CustomResourceDefinition: `make "
               "install`, or `kubectl apply -k config/crd`";
    case ERR_FORBIDDEN:
        return "\nWho explains has to get, list and watch memcacheds and deployments, and whatever "
               "spec.sizeFrom names";
    case ERR_TRANSPORT:
        return "\nIs the server up, and the kubeconfig's context the right one?";
    default:
        return "";
    }
}

static void say_trouble(const struct command *c, const struct error *trouble)
{
    const char *server = credentials_config(c->engine.credentials)->server;
    dprintf(STDERR_FILENO, "%s: %s: %s%s\n", PROGRAM, server, trouble->message,
            what_to_do(trouble));
}

/* Not even the lists came. */
static void say_late(const struct command *c)
{
    unsigned attempts = 0;
    const char *why = "";
    const struct error *trouble = manager_trouble(c->engine.manager, &attempts);
    if (trouble != NULL) {
        say_trouble(c, trouble);
        return;
    }
    manager_ready(c->engine.manager, &why);
    say("no answer within --request-timeout", why);
}

/* ---- What is known ---- */

static bool wait_for_room(void)
{
    struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&room, 1, WRITE_MS_MAX) > 0;
}

/* Whoever reads may have read enough, as `head` does: that is no news. */
static int print(const struct buf *out)
{
    const char *rest = buf_text(out);
    size_t len = out->len;
    while (len > 0) {
        ssize_t written = write(STDOUT_FILENO, rest, len);
        if (written >= 0) {
            rest += written;
            len -= (size_t)written;
        } else if (errno == EPIPE) {
            return EXIT_FAILED;
        } else if (errno != EINTR && !(errno == EAGAIN && wait_for_room())) {
            say("standard output", strerror(errno));
            return EXIT_FAILED;
        }
    }
    return EXIT_OK;
}

static int say_not_found(const struct command *c)
{
    dprintf(STDERR_FILENO,
            "%s: there is no Memcached \"%s\" in namespace \"%s\"; --namespace names another, and "
            "`kubectl get mc --all-namespaces` lists all\n",
            PROGRAM, c->flags->name, c->ns);
    return EXIT_FAILED;
}

static void say_none(const struct command *c)
{
    if (c->ns[0] == '\0') {
        say("", "there is no Memcached");
    } else {
        dprintf(STDERR_FILENO,
                "%s: there is no Memcached in namespace \"%s\"; --namespace names another, "
                "--all-namespaces means all\n",
                PROGRAM, c->ns);
    }
}

static int tell(struct command *c)
{
    struct error err = ERROR_INIT;
    size_t unknown = 0;
    const struct explain_wish wish = {.name = c->flags->name, .as_json = c->flags->as_json};
    int count = operator_explain(c->op, &wish, clock_now(), &c->out, &unknown, &err);
    if (count == ERR_NOT_FOUND) {
        return say_not_found(c);
    }
    if (count == ERR_CANCELLED) {
        say_late(c);
        return EXIT_FAILED;
    }
    if (count < 0) {
        say(err.message, "name one Memcached, or one namespace");
        return EXIT_FAILED;
    }
    if (print(&c->out) != EXIT_OK) {
        return EXIT_FAILED;
    }
    if (count == 0 && !c->flags->as_json) {
        say_none(c);
    }
    if (unknown > 0) {
        say("within --request-timeout not all became known",
            "what State calls SourceUnknown, or is called not known, may be otherwise");
    }
    return unknown > 0 ? EXIT_FAILED : EXIT_OK;
}

static int loop(struct command *c)
{
    engine_start(&c->engine);
    while (!operator_is_explained(c->op) && clock_now().mono_ms < c->until_ms) {
        unsigned attempts = 0;
        const struct error *trouble = manager_trouble(c->engine.manager, &attempts);
        if (trouble != NULL && is_final(trouble, attempts)) {
            say_trouble(c, trouble);
            return EXIT_FAILED;
        }
        engine_turn(&c->engine, c->until_ms);
    }
    return tell(c);
}

/* ---- Setting up ---- */

static void free_text(char **text)
{
    mem_free(*text);
}

/* As kubectl has it. */
static int choose_namespace(struct command *c, struct error *err)
{
    const char *of_context = credentials_config(c->engine.credentials)->ns;
    c->ns = c->flags->ns != NULL ? c->flags->ns : of_context != NULL ? of_context : "default";
    c->ns = c->flags->all_namespaces ? "" : c->ns;
    if (c->ns[0] != '\0' && !namespace_is_valid(c->ns)) {
        return error_set(err, ERR_INVALID,
                         "the context's namespace \"%.64s\" is no valid one; --namespace names "
                         "another",
                         c->ns);
    }
    return 0;
}

/* A dry run takes no Lease, and records no events; the operator that explains writes nothing. */
static void make_manager(struct command *c)
{
    const struct client_config *config = credentials_config(c->engine.credentials);
    CLEANUP(free_text) char *host = engine_host(&c->engine);
    c->engine.manager = manager_new(&(struct manager_options){
        .log = {.level_min = LOG_ERROR},
        .name = PROGRAM,
        .namespaces = &c->ns,
        .namespace_count = 1,
        .max_concurrent = READS_MAX,
        .dry_run = true,
        .identity = "explain",
        .host = host,
        .user = config->user_name != NULL ? config->user_name : "",
        .seed = process_random(),
    });
    c->op =
        operator_new(c->engine.manager, &(struct operator_options){.image = "", .explains = true});
}

static int set_up(struct command *c, struct error *err)
{
    if (engine_connect(&c->engine, c->flags->kubeconfig, c->flags->context, err) != 0 ||
        choose_namespace(c, err) != 0) {
        return err->code;
    }
    make_manager(c);
    return engine_runs_plugin(&c->engine) ? 0 : sandbox_enter(c->flags->seccomp, err);
}

static int run(const struct explain_flags *flags)
{
    struct error err = ERROR_INIT;
    struct command c = {
        .flags = flags,
        .engine = {.on_log = on_credentials_log},
        .until_ms = flags->timeout_ms > 0 ? clock_now().mono_ms + flags->timeout_ms : UINT64_MAX,
    };
    int code = EXIT_FAILED;
    buf_init(&c.out, OUTPUT_BYTES_MAX);
    if (set_up(&c, &err) != 0) {
        say("", err.message);
    } else {
        code = loop(&c);
    }
    engine_disconnect(&c.engine);
    manager_free(c.engine.manager);
    operator_free(c.op);
    engine_fini(&c.engine);
    buf_fini(&c.out);
    return code;
}

int explain_command(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct explain_flags flags;
    if (explain_flags_parse(&flags, argc, argv, &err) != 0) {
        dprintf(STDERR_FILENO,
                "%s: explain: %s\n"
                "usage: %s explain [flags] [NAME]; --help lists them\n",
                PROGRAM, err.message, PROGRAM);
        return EXIT_USAGE;
    }
    if (flags.help) {
        explain_flags_usage(stdout);
        return EXIT_OK;
    }
    return run(&flags);
}
