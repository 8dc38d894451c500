#include "shell/run.h"

#include "base/mem.h"
#include "operator/operator.h"
#include "shell/config.h"
#include "shell/engine.h"
#include "shell/probe_server.h"
#include "shell/process.h"
#include "shell/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LEASE_NAME "memcached-operator.cache.example.com"

enum {
    STOP_MS_MAX = 4500,         /* after a signal; Kubernetes and people expect 5 s */
    LOG_BYTES_MAX = 4 << 20,    /* of one turn; more is cut */
    LOG_WRITE_BYTES = 64 << 10, /* collected before they are written */
    LOG_STUCK_MS_MAX = 200,     /* a reader of stderr that is slower loses lines */
};

struct runner {
    const struct flags *flags;
    struct engine engine;
    struct operator* op;
    struct process_metrics *process_metrics;
    struct probe_server *servers[2]; /* metrics, probes */
    struct buf log;                  /* lines of this turn */
    int signal_fd;
    uint64_t stop_by_ms; /* UINT64_MAX: nobody has asked us to stop */
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

static void on_line(void *ctx, const char *text)
{
    struct runner *r = ctx;
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
    engine_step(&r->engine, &(struct event){.type = EVENT_STOP});
}

static void render_metrics(void *ctx, struct buf *out)
{
    struct runner *r = ctx;
    process_metrics_update(r->process_metrics);
    manager_update_metrics(r->engine.manager, clock_now());
    metrics_render(manager_metrics(r->engine.manager), out);
}

static bool is_ready(void *ctx, const char **why)
{
    const struct runner *r = ctx;
    return manager_ready(r->engine.manager, why);
}

/* ---- the loop ---- */

static uint64_t next_deadline(const struct runner *r)
{
    uint64_t at_ms = r->stop_by_ms;
    for (size_t i = 0; i < ARRAY_LEN(r->servers); i++) {
        if (r->servers[i] != NULL) {
            at_ms = time_earlier(at_ms, probe_server_deadline(r->servers[i]));
        }
    }
    return at_ms;
}

static void turn(struct runner *r)
{
    engine_turn(&r->engine, next_deadline(r));
    for (size_t i = 0; i < ARRAY_LEN(r->servers); i++) {
        if (r->servers[i] != NULL) {
            probe_server_tick(r->servers[i]);
        }
    }
    flush_log(r);
    if (clock_now().mono_ms >= r->stop_by_ms && !r->engine.done) {
        log_line(r, LOG_ERROR, "Could not stop in time", NULL, 0);
        r->engine.done = true;
        r->engine.exit_code = 1;
    }
}

static void loop(struct runner *r)
{
    engine_start(&r->engine);
    flush_log(r);
    while (!r->engine.done) {
        turn(r);
    }
}

/* ---- setting up ---- */

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
    const struct client_config *config = credentials_config(r->engine.credentials);
    CLEANUP(free_text) char *identity = make_identity();
    CLEANUP(free_text) char *host = engine_host(&r->engine);
    CLEANUP(free_text) char *own_ns = config_own_namespace(config);
    r->engine.manager = manager_new(&(struct manager_options){
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
    r->op = operator_new(r->engine.manager, &(struct operator_options){.image = flags->image});
    r->process_metrics = process_metrics_new(manager_metrics(r->engine.manager));
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
    r->servers[0] = probe_server_new(r->engine.poller, metrics, true, shared, &handlers, err);
    if (err->code == ERR_NONE && !shared) {
        r->servers[1] = probe_server_new(r->engine.poller, probes, false, true, &handlers, err);
    }
    return err->code;
}

static int watch_signals(struct runner *r, struct error *err)
{
    r->signal_fd = process_signal_fd(err);
    if (r->signal_fd < 0) {
        return err->code;
    }
    poller_set(r->engine.poller, r->signal_fd, EPOLLIN, on_signal, r);
    return 0;
}

static int set_up(struct runner *r, struct error *err)
{
    if (engine_connect(&r->engine, r->flags->kubeconfig, r->flags->context, err) != 0) {
        return err->code;
    }
    make_manager(r);
    if (make_servers(r, err) != 0 || watch_signals(r, err) != 0) {
        return err->code;
    }
    return engine_runs_plugin(&r->engine) ? 0 : sandbox_enter(r->flags->seccomp, err);
}

static void tear_down(struct runner *r)
{
    for (size_t i = 0; i < ARRAY_LEN(r->servers); i++) {
        probe_server_free(r->servers[i]);
    }
    engine_disconnect(&r->engine);
    process_metrics_free(r->process_metrics);
    manager_free(r->engine.manager);
    operator_free(r->op);
    engine_fini(&r->engine);
    if (r->signal_fd >= 0) {
        close(r->signal_fd);
    }
    buf_fini(&r->log);
}

static void say_hello(struct runner *r)
{
    const struct client_config *config = credentials_config(r->engine.credentials);
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
    if (engine_runs_plugin(&r->engine) && r->flags->seccomp != SANDBOX_OFF) {
        log_line(r, LOG_INFO, "No seccomp filter: the credential plugin would inherit it", NULL, 0);
    }
}

int run(const struct flags *flags)
{
    struct error err = ERROR_INIT;
    struct runner r = {
        .flags = flags,
        .engine = {.on_log = on_credentials_log, .on_line = on_line, .ctx = &r},
        .signal_fd = -1,
        .stop_by_ms = UINT64_MAX,
    };
    buf_init(&r.log, LOG_BYTES_MAX);
    if (set_up(&r, &err) != 0) {
        fprintf(stderr, PROGRAM ": %s\n", err.message);
        r.engine.exit_code = 1;
    } else {
        say_hello(&r);
        loop(&r);
    }
    tear_down(&r);
    return r.engine.exit_code;
}
