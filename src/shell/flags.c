/*
 * One table holds every flag: its name, default, help and setter. Parser, --help and (by a test)
 * the man page follow it.
 */
#include "shell/flags.h"

#include "base/mem.h"
#include "kube/name.h"
#include "shell/flag_table.h"
#include "shell/flag_value.h"
#include "shell/probe_server.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONCURRENT_MAX = 1000,
    IMAGE_BYTES_MAX = 512,
};

/* What the --zap flags said; brought together once all of them are known, whatever their order. */
struct zap_flags {
    bool devel;
    bool encoder_given, level_given, time_given;
    struct log_format given;
};

struct parse {
    struct flags *flags;
    struct zap_flags zap;
};

static const char *text_or_null(const char *value)
{
    return *value == '\0' ? NULL : value;
}

static bool set_kubeconfig(void *target, const char *value)
{
    struct parse *p = target;
    p->flags->kubeconfig = text_or_null(value);
    return true;
}

static bool set_context(void *target, const char *value)
{
    struct parse *p = target;
    p->flags->context = text_or_null(value);
    return true;
}

static void namespaces_free(struct flags *f)
{
    for (size_t i = 0; i < f->namespace_count; i++) {
        mem_free(f->namespaces[i]);
    }
    mem_free(f->namespaces);
    f->namespaces = NULL;
    f->namespace_count = 0;
}

static bool namespaces_add(struct flags *f, const char *name, size_t len)
{
    char *ns = mem_strndup(name, len);
    if (!namespace_is_valid(ns)) {
        mem_free(ns);
        return false;
    }
    for (size_t i = 0; i < f->namespace_count; i++) {
        if (strcmp(f->namespaces[i], ns) == 0) {
            mem_free(ns);
            return true;
        }
    }
    f->namespaces = mem_realloc(f->namespaces, (f->namespace_count + 1) * sizeof(f->namespaces[0]));
    f->namespaces[f->namespace_count++] = ns;
    return true;
}

static bool set_namespaces(void *target, const char *value)
{
    struct parse *p = target;
    namespaces_free(p->flags);
    if (*value == '\0') {
        return true;
    }
    for (;;) {
        size_t len = strcspn(value, ",");
        if (!namespaces_add(p->flags, value, len)) {
            return false;
        }
        if (value[len] == '\0') {
            return true;
        }
        value += len + 1;
    }
}

static bool set_metrics_address(void *target, const char *value)
{
    struct parse *p = target;
    p->flags->metrics_address = value;
    return probe_address_is_valid(value);
}

static bool set_probe_address(void *target, const char *value)
{
    struct parse *p = target;
    p->flags->probe_address = value;
    return probe_address_is_valid(value);
}

static bool set_leader_elect(void *target, const char *value)
{
    struct parse *p = target;
    return flag_value_bool(value, &p->flags->leader_elect);
}

static bool set_leader_elect_ns(void *target, const char *value)
{
    struct parse *p = target;
    p->flags->leader_elect_ns = text_or_null(value);
    return *value == '\0' || namespace_is_valid(value);
}

static bool set_max_concurrent(void *target, const char *value)
{
    struct parse *p = target;
    return flag_value_whole(value, CONCURRENT_MAX, &p->flags->max_concurrent) &&
           p->flags->max_concurrent > 0;
}

static bool set_sync_period(void *target, const char *value)
{
    struct parse *p = target;
    return flag_value_duration_ms(value, &p->flags->sync_period_ms);
}

static bool set_qps(void *target, const char *value)
{
    struct parse *p = target;
    char *end = NULL;
    /* strtod alone would take signs, spaces, hexadecimal, "inf" and "nan" */
    if (*value == '\0' || strspn(value, "0123456789.") != strlen(value)) {
        return false;
    }
    p->flags->qps = strtod(value, &end);
    return *end == '\0' && isfinite(p->flags->qps);
}

static bool set_dry_run(void *target, const char *value)
{
    struct parse *p = target;
    return flag_value_bool(value, &p->flags->dry_run);
}

static bool set_seccomp(void *target, const char *value)
{
    struct parse *p = target;
    size_t mode = 0;
    bool good = flag_value_name(value, sandbox_mode_names, ARRAY_LEN(sandbox_mode_names), &mode);
    p->flags->seccomp = (enum sandbox_mode)mode;
    return good;
}

/* The characters of registry:port/path:tag@digest; the API server and the kubelet know the rest. */
static bool set_image(void *target, const char *value)
{
    struct parse *p = target;
    size_t len = 0;
    while (isalnum((unsigned char)value[len]) ||
           (len > 0 && value[len] != '\0' && strchr("._-/:@+", value[len]) != NULL)) {
        len++;
    }
    p->flags->image = value;
    return len > 0 && len <= IMAGE_BYTES_MAX && value[len] == '\0';
}

static bool set_zap_devel(void *target, const char *value)
{
    struct parse *p = target;
    return flag_value_bool(value, &p->zap.devel);
}

static bool set_zap_encoder(void *target, const char *value)
{
    struct parse *p = target;
    p->zap.encoder_given = true;
    p->zap.given.encoder = strcmp(value, "json") == 0 ? LOG_JSON : LOG_CONSOLE;
    return strcmp(value, "json") == 0 || strcmp(value, "console") == 0;
}

static bool set_zap_level(void *target, const char *value)
{
    struct parse *p = target;
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    unsigned verbosity = 0;
    size_t level = 0;
    p->zap.level_given = true;
    if (flag_value_name(value, names, ARRAY_LEN(names), &level)) {
        p->zap.given.level_min = (enum log_level)level;
        return true;
    }
    /* zap counts debug levels upwards; here is but one. */
    p->zap.given.level_min = LOG_DEBUG;
    return flag_value_whole(value, 127, &verbosity) && verbosity > 0;
}

static bool set_zap_time(void *target, const char *value)
{
    struct parse *p = target;
    static const char *const names[] = {
        [LOG_TIME_EPOCH] = "epoch",     [LOG_TIME_MILLIS] = "millis",
        [LOG_TIME_NANO] = "nano",       [LOG_TIME_ISO8601] = "iso8601",
        [LOG_TIME_RFC3339] = "rfc3339", [LOG_TIME_RFC3339NANO] = "rfc3339nano"};
    size_t time = 0;
    bool good = flag_value_name(value, names, ARRAY_LEN(names), &time);
    p->zap.time_given = true;
    p->zap.given.time = (enum log_time)time;
    return good;
}

static bool set_version(void *target, const char *value)
{
    struct parse *p = target;
    return flag_value_bool(value, &p->flags->version);
}

static bool set_help(void *target, const char *value)
{
    struct parse *p = target;
    return flag_value_bool(value, &p->flags->help);
}

#define EXPECTED_BOOL    "true or false"
#define EXPECTED_IMAGE   "an image as in registry.example:5000/memcached:1.6"
#define EXPECTED_ADDRESS "host:port as in :8080, 127.0.0.1:8080 or [::1]:8080, or 0"

static const struct flag flags_table[] = {
    {"kubeconfig", "FILE", NULL, "this file; else $KUBECONFIG, ~/.kube/config, in-cluster",
     "a file", set_kubeconfig},
    {"context", "NAME", NULL, "context of the kubeconfig; else its current one", "a name",
     set_context},
    {"watch-namespaces", "NS,NS", NULL, "only these namespaces; else all",
     "namespaces, comma-separated", set_namespaces},
    {"metrics-bind-address", "ADDRESS", ":8080", "serve /metrics here; 0: nowhere",
     EXPECTED_ADDRESS, set_metrics_address},
    {"health-probe-bind-address", "ADDRESS", ":8081", "serve /healthz and /readyz here; 0: nowhere",
     EXPECTED_ADDRESS, set_probe_address},
    {"leader-elect", NULL, "false", "of several replicas one works, by a Lease", EXPECTED_BOOL,
     set_leader_elect},
    {"leader-elect-namespace", "NS", NULL, "where the Lease is; else the own namespace",
     "a namespace", set_leader_elect_ns},
    {"max-concurrent-reconciles", "N", "16", "writes in flight at most, 1 to 1000",
     "a whole number from 1 to 1000", set_max_concurrent},
    {"sync-period", "DURATION", "10h", "look at everything again; 0: never",
     "a duration as in 10h, 1h30m or 500ms", set_sync_period},
    {"kube-api-qps", "N", "0", "requests a second at most; 0: no limit", "a number, 0 or more",
     set_qps},
    {"dry-run", NULL, "false", "say what would be written, write nothing", EXPECTED_BOOL,
     set_dry_run},
    {"memcached-image", "IMAGE", "memcached:1.6", "image to run; else $MEMCACHED_IMAGE",
     EXPECTED_IMAGE, set_image},
    {"seccomp", "MODE", "on", "limit system calls: on, log or off", "on, log or off", set_seccomp},
    {"zap-devel", NULL, "true", "log for people; false: json, info, epoch times", EXPECTED_BOOL,
     set_zap_devel},
    {"zap-encoder", "NAME", NULL, "console or json", "console or json", set_zap_encoder},
    {"zap-log-level", "LEVEL", NULL, "debug, info, warn, error, or verbosity > 0",
     "debug, info, warn, error, or a whole number from 1 to 127", set_zap_level},
    {"zap-time-encoding", "NAME", NULL, "epoch, millis, nano, iso8601, rfc3339[nano]",
     "epoch, millis, nano, iso8601, rfc3339 or rfc3339nano", set_zap_time},
    {"version", NULL, NULL, "print the version and exit", EXPECTED_BOOL, set_version},
    {"help", NULL, NULL, "print this and exit", EXPECTED_BOOL, set_help},
};

static const struct flag_table table = {
    .flags = flags_table,
    .count = ARRAY_LEN(flags_table),
    .stray_else = "only flags, booleans as --flag or --flag=false; or, before any flag, the "
                  "command explain",
};

static int set_image_from_environment(struct parse *p, struct error *err)
{
    const char *image = getenv("MEMCACHED_IMAGE");
    if (image != NULL && *image != '\0' && !set_image(p, image)) {
        return error_set(err, ERR_INVALID,
                         "invalid value \"%.64s\" in environment variable MEMCACHED_IMAGE: "
                         "expected %s",
                         image, EXPECTED_IMAGE);
    }
    return 0;
}

static void apply_zap(const struct zap_flags *zap, struct log_format *log)
{
    static const struct log_format devel = {LOG_CONSOLE, LOG_TIME_ISO8601, LOG_DEBUG};
    static const struct log_format production = {LOG_JSON, LOG_TIME_EPOCH, LOG_INFO};
    *log = zap->devel ? devel : production;
    if (zap->encoder_given) {
        log->encoder = zap->given.encoder;
    }
    if (zap->time_given) {
        log->time = zap->given.time;
    }
    if (zap->level_given) {
        log->level_min = zap->given.level_min;
    }
}

int flags_parse(struct flags *f, int argc, char **argv, struct error *err)
{
    struct parse p = {.flags = f};
    *f = (struct flags){0};
    flag_table_set_defaults(&table, &p);
    int failed = set_image_from_environment(&p, err);
    for (int i = 1; i < argc && failed == 0 && !f->help && !f->version; i++) {
        failed = flag_table_take(&table, &p, argc, argv, &i, err);
    }
    apply_zap(&p.zap, &f->log);
    return failed;
}

void flags_fini(struct flags *f)
{
    namespaces_free(f);
}

void flags_usage(FILE *out)
{
    fprintf(out, "usage: memcached-operator [flags]\n"
                 "       memcached-operator explain [-n NS] [NAME]\n\n");
    flag_table_usage(&table, out);
}
