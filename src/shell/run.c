#include "shell/run.h"

#include "base/mem.h"
#include "operator/operator.h"
#include "shell/config.h"
#include "shell/credentials.h"
#include "shell/poller.h"
#include "shell/probe_server.h"
#include "shell/process.h"
#include "shell/sandbox.h"
#include "shell/transport.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PROGRAM    "memcached-operator"
#define LEASE_NAME "memcached-operator.cache.example.com"
#define USER_AGENT PROGRAM "/" OPERATOR_VERSION " (linux)"

enum {
    STOP_MS_MAX = 4500,         /* after a signal; Kubernetes and people expect 5 s */
    LOG_BYTES_MAX = 4 << 20,    /* of one turn; more is cut */
    LOG_WRITE_BYTES = 64 << 10, /* collected before they are written */
    LOG_STUCK_MS_MAX = 200,     /* a reader of stderr that is slower loses lines */
};

struct runner {
    const struct flags *flags;
    struct poller *poller;
    struct credentials *credentials;
    struct transport *transport;
    struct manager *manager;
    struct operator* op;
    struct process_metrics *process_metrics;
    struct probe_server *servers[2]; /* metrics, probes */
    struct actions actions;
    struct buf log; /* lines of this turn */
    int signal_fd;
    uint64_t stop_by_ms; /* UINT64_MAX: nobody has asked us to stop */
    bool done;
    int exit_code;
};

/* ---- the log ---- */

/* In one write as a rule, so that lines of several processes do not mix. Standard error may be a
 * pipe without a reader, or one that somebody made non-blocking: the operator's work goes on. */
static void flush_log(struct runner *r)
{
    const char *rest = r->log.data;
    size_t len = r->log.len;
    while (len > 0) {
        ssize_t written = write(STDERR_FILENO, rest, len);
        if (written >= 0) {
            rest += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd stderr_room = {.fd = STDERR_FILENO, .events = POLLOUT};
            if (poll(&stderr_room, 1, LOG_STUCK_MS_MAX) <= 0) {
                break;
            }
        } else if (errno != EINTR) {
            break;
        }
    }
    buf_reset(&r->log, LOG_WRITE_BYTES);
}

static void log_text(struct runner *r, const char *text)
{
    buf_append_text(&r->log, text);
    if (r->log.len >= LOG_WRITE_BYTES) {
        flush_log(r);
    }
}

static void log_line(struct runner *r, enum log_level level, const char *message,
                     const struct log_field *fields, size_t count)
{
    const struct log_record record = {
        .level = level,
        .wall_us = clock_now().wall_us,
        .logger = "setup",
        .message = message,
        .fields = fields,
        .field_count = count,
    };
    log_format_record(&r->flags->log, &record, &r->log);
    flush_log(r);
}

static void on_credentials_log(void *ctx, enum log_level level, const char *message,
                               const char *detail)
{
    const struct log_field reason = LOG_STR("reason", detail);
    log_line(ctx, level, message, &reason, detail[0] != '\0');
}

/* ---- events ---- */

static void step(struct runner *r, const struct event *event)
{
    manager_step(r->manager, clock_now(), event, &r->actions);
}

static void on_transport_event(void *ctx, const struct event *event)
{
    step(ctx, event);
}

static void on_signal(void *ctx, int fd, uint32_t events)
{
    (void)events;
    struct runner *r = ctx;
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return;
    }
    if (r->stop_by_ms != UINT64_MAX) {
        _exit(128 + (int)info.ssi_signo);
    }
    r->stop_by_ms = clock_now().mono_ms + STOP_MS_MAX;
    step(r, &(struct event){.type = EVENT_STOP});
}

static void render_metrics(void *ctx, struct buf *out)
{
    struct runner *r = ctx;
    process_metrics_update(r->process_metrics);
    manager_update_metrics(r->manager, clock_now());
    metrics_render(manager_metrics(r->manager), out);
}

static bool is_ready(void *ctx, const char **why)
{
    const struct runner *r = ctx;
    return manager_ready(r->manager, why);
}

/* ---- actions ---- */

/* Started and cancelled in one step: the request may be gone by now. */
static bool cancelled_later(const struct actions *a, size_t i)
{
    for (size_t later = i + 1; later < a->count; later++) {
        if (a->items[later].type == ACTION_CANCEL && a->items[later].id == a->items[i].id) {
            return true;
        }
    }
    return false;
}

static void perform(struct runner *r, size_t i)
{
    const struct action *action = &r->actions.items[i];
    switch (action->type) {
    case ACTION_START:
        if (!cancelled_later(&r->actions, i)) {
            transport_start(r->transport, action->id, action->request);
        }
        return;
    case ACTION_CANCEL:
        transport_cancel(r->transport, action->id);
        return;
    case ACTION_LOG:
        log_text(r, action->text);
        return;
    case ACTION_EXIT:
        r->done = true;
        r->exit_code = action->exit_code;
        return;
    }
}

/* Until nothing is left to do: the tick sends what was begun, and may bring answers. */
static void settle(struct runner *r)
{
    do {
        for (size_t i = 0; i < r->actions.count; i++) {
            perform(r, i);
        }
        actions_clear(&r->actions);
        transport_tick(r->transport, clock_now());
    } while (r->actions.count > 0 && !r->done);
    flush_log(r);
}

/* ---- the loop ---- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_deadline(const struct runner *r)
{
    uint64_t at_ms = earliest(manager_deadline(r->manager), transport_deadline(r->transport));
    at_ms = earliest(at_ms, credentials_deadline(r->credentials));
    at_ms = earliest(at_ms, r->stop_by_ms);
    for (size_t i = 0; i < ARRAY_LEN(r->servers); i++) {
        if (r->servers[i] != NULL) {
            at_ms = earliest(at_ms, probe_server_deadline(r->servers[i]));
        }
    }
    return at_ms;
}

static void turn(struct runner *r)
{
    poller_wait(r->poller, next_deadline(r));
    struct now now = clock_now();
    credentials_tick(r->credentials, now);
    for (size_t i = 0; i < ARRAY_LEN(r->servers); i++) {
        if (r->servers[i] != NULL) {
            probe_server_tick(r->servers[i]);
        }
    }
    if (now.mono_ms >= manager_deadline(r->manager)) {
        step(r, &(struct event){.type = EVENT_TICK});
    }
    settle(r);
    if (now.mono_ms >= r->stop_by_ms && !r->done) {
        log_line(r, LOG_ERROR, "Could not stop in time", NULL, 0);
        r->done = true;
        r->exit_code = 1;
    }
}

static void loop(struct runner *r)
{
    step(r, &(struct event){.type = EVENT_TICK});
    settle(r);
    while (!r->done) {
        turn(r);
    }
}

/* ---- setting up ---- */

/* "host:port" of "https://host:port/prefix"; owned by the caller. */
static char *host_of(const char *url)
{
    const char *start = strstr(url, "://");
    start = start != NULL ? start + 3 : url;
    return mem_strndup(start, strcspn(start, "/"));
}

static void free_text(char **text)
{
    mem_free(*text);
}

/* Unique among all replicas that ever were: a Lease is held under this name. */
static char *make_identity(void)
{
    CLEANUP(free_text) char *host = process_hostname();
    struct buf text;
    buf_init(&text, 1024);
    buf_printf(&text, "%s_%016llx", host, (unsigned long long)process_random());
    return buf_take(&text);
}

static void make_manager(struct runner *r)
{
    const struct flags *flags = r->flags;
    const struct client_config *config = credentials_config(r->credentials);
    CLEANUP(free_text) char *identity = make_identity();
    CLEANUP(free_text) char *host = host_of(config->server);
    CLEANUP(free_text) char *own_ns = config_own_namespace(config);
    r->manager = manager_new(&(struct manager_options){
        .log = flags->log,
        .name = PROGRAM,
        .namespaces = (const char *const *)flags->namespaces,
        .namespace_count = flags->namespace_count,
        .max_concurrent = flags->max_concurrent,
        .sync_period_ms = flags->sync_period_ms,
        .qps = flags->qps,
        .dry_run = flags->dry_run,
        .leader_elect = flags->leader_elect,
        .lease_ns = flags->leader_elect_ns != NULL ? flags->leader_elect_ns : own_ns,
        .lease_name = LEASE_NAME,
        .identity = identity,
        .host = host,
        .user = config->user_name != NULL ? config->user_name : "",
        .seed = process_random(),
    });
    r->op = operator_new(r->manager, &(struct operator_options){.image = flags->image});
    r->process_metrics = process_metrics_new(manager_metrics(r->manager));
}

static int make_servers(struct runner *r, struct error *err)
{
    const struct probe_handlers handlers = {
        .ctx = r,
        .metrics = render_metrics,
        .ready = is_ready,
    };
    const char *metrics = r->flags->metrics_address;
    const char *probes = r->flags->probe_address;
    bool shared = strcmp(metrics, probes) == 0;
    r->servers[0] = probe_server_new(r->poller, metrics, true, shared, &handlers, err);
    if (err->code == ERR_NONE && !shared) {
        r->servers[1] = probe_server_new(r->poller, probes, false, true, &handlers, err);
    }
    return err->code;
}

static int watch_signals(struct runner *r, struct error *err)
{
    r->signal_fd = process_signal_fd(err);
    if (r->signal_fd < 0) {
        return err->code;
    }
    poller_set(r->poller, r->signal_fd, EPOLLIN, on_signal, r);
    return 0;
}

static int make_credentials(struct runner *r, struct error *err)
{
    struct client_config config = {0};
    int code = config_load(r->flags->kubeconfig, r->flags->context, &config, err);
    if (code == 0) {
        r->credentials = credentials_new(&config, r->poller, on_credentials_log, r, err);
        code = r->credentials != NULL ? 0 : err->code;
    }
    client_config_fini(&config);
    return code;
}

/* A credential plugin would inherit the filter, and may need any system call, or a program that
 * gains privileges. */
static bool runs_plugin(const struct runner *r)
{
    return credentials_config(r->credentials)->exec != NULL;
}

static int set_up(struct runner *r, struct error *err)
{
    r->poller = poller_new(err);
    if (r->poller == NULL || make_credentials(r, err) != 0) {
        return err->code;
    }
    r->transport = transport_new(r->poller, r->credentials, USER_AGENT, on_transport_event, r, err);
    if (r->transport == NULL) {
        return err->code;
    }
    make_manager(r);
    if (make_servers(r, err) != 0 || watch_signals(r, err) != 0) {
        return err->code;
    }
    return runs_plugin(r) ? 0 : sandbox_enter(r->flags->seccomp, err);
}

static void tear_down(struct runner *r)
{
    for (size_t i = 0; i < ARRAY_LEN(r->servers); i++) {
        probe_server_free(r->servers[i]);
    }
    transport_free(r->transport); /* it borrows requests of the manager */
    process_metrics_free(r->process_metrics);
    manager_free(r->manager);
    operator_free(r->op);
    credentials_free(r->credentials);
    poller_free(r->poller);
    if (r->signal_fd >= 0) {
        close(r->signal_fd);
    }
    actions_fini(&r->actions);
    buf_fini(&r->log);
}

static void say_hello(struct runner *r)
{
    const struct client_config *config = credentials_config(r->credentials);
    const struct log_field fields[] = {
        LOG_STR("version", OPERATOR_VERSION),
        LOG_STR("server", config->server),
        LOG_STR("context", config->context_name != NULL ? config->context_name : ""),
        LOG_STR("user", config->user_name != NULL ? config->user_name : ""),
    };
    log_line(r, LOG_INFO, "Starting " PROGRAM, fields, ARRAY_LEN(fields));
    if (config->insecure) {
        log_line(r, LOG_WARN,
                 "INSECURE: insecure-skip-tls-verify is set; anyone on the way to the server can "
                 "read and change everything",
                 NULL, 0);
    }
    if (runs_plugin(r) && r->flags->seccomp != SANDBOX_OFF) {
        log_line(r, LOG_INFO, "No seccomp filter: the credential plugin would inherit it", NULL, 0);
    }
}

int run(const struct flags *flags)
{
    struct error err = ERROR_INIT;
    struct runner r = {.flags = flags, .signal_fd = -1, .stop_by_ms = UINT64_MAX};
    buf_init(&r.log, LOG_BYTES_MAX);
    if (set_up(&r, &err) != 0) {
        fprintf(stderr, PROGRAM ": %s\n", err.message);
        r.exit_code = 1;
    } else {
        say_hello(&r);
        loop(&r);
    }
    tear_down(&r);
    return r.exit_code;
}
