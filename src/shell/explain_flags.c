#include "shell/explain_flags.h"

#include "base/mem.h"
#include "kube/name.h"
#include "shell/flag_table.h"
#include "shell/flag_value.h"

static const char *text_or_null(const char *value)
{
    return *value == '\0' ? NULL : value;
}

static bool set_kubeconfig(void *target, const char *value)
{
    struct explain_flags *f = target;
    f->kubeconfig = text_or_null(value);
    return true;
}

static bool set_context(void *target, const char *value)
{
    struct explain_flags *f = target;
    f->context = text_or_null(value);
    return true;
}

static bool set_namespace(void *target, const char *value)
{
    struct explain_flags *f = target;
    f->ns = text_or_null(value);
    return *value == '\0' || namespace_is_valid(value);
}

static bool set_all_namespaces(void *target, const char *value)
{
    struct explain_flags *f = target;
    return flag_value_bool(value, &f->all_namespaces);
}

static bool set_output(void *target, const char *value)
{
    static const char *const names[] = {"text", "json"};
    struct explain_flags *f = target;
    size_t format = 0;
    bool good = flag_value_name(value, names, ARRAY_LEN(names), &format);
    f->as_json = format == 1;
    return good;
}

static bool set_timeout(void *target, const char *value)
{
    struct explain_flags *f = target;
    return flag_value_duration_ms(value, &f->timeout_ms);
}

static bool set_seccomp(void *target, const char *value)
{
    struct explain_flags *f = target;
    size_t mode = 0;
    bool good = flag_value_name(value, sandbox_mode_names, ARRAY_LEN(sandbox_mode_names), &mode);
    f->seccomp = (enum sandbox_mode)mode;
    return good;
}

static bool set_help(void *target, const char *value)
{
    struct explain_flags *f = target;
    return flag_value_bool(value, &f->help);
}

/* What is no name is found out at the server otherwise, by a message that says less. */
static bool set_name(void *target, const char *value)
{
    struct explain_flags *f = target;
    bool good = f->name == NULL && name_is_valid(value);
    f->name = value;
    return good;
}

static const struct flag flags_table[] = {
    {"namespace", "NS", NULL, "of this namespace; else the context's", "a namespace",
     set_namespace},
    {"all-namespaces", NULL, "false", "of all namespaces", "true or false", set_all_namespaces},
    {"output", "FORMAT", "text", "text, or json: an array of objects", "text or json", set_output},
    {"request-timeout", "DURATION", "30s", "say what is known by then; 0: wait",
     "a duration as in 30s or 1m30s", set_timeout},
    {"kubeconfig", "FILE", NULL, "this file; else $KUBECONFIG, ~/.kube/config, in-cluster",
     "a file", set_kubeconfig},
    {"context", "NAME", NULL, "context of the kubeconfig; else its current one", "a name",
     set_context},
    {"seccomp", "MODE", "on", "limit system calls: on, log or off", "on, log or off", set_seccomp},
    {"help", NULL, NULL, "print this and exit", "true or false", set_help},
};

static const struct flag_table table = {
    .flags = flags_table,
    .count = ARRAY_LEN(flags_table),
    .letters = "nAo",
    .stray = set_name,
    .stray_else = "the name of one Memcached, and flags",
};

int explain_flags_parse(struct explain_flags *f, int argc, char **argv, struct error *err)
{
    int failed = 0;
    *f = (struct explain_flags){0};
    flag_table_set_defaults(&table, f);
    for (int i = 1; i < argc && failed == 0 && !f->help; i++) {
        failed = flag_table_take(&table, f, argc, argv, &i, err);
    }
    if (failed == 0 && f->name != NULL && f->all_namespaces && !f->help) {
        return error_set(err, ERR_INVALID,
                         "\"%.64s\" with --all-namespaces: a name counts in one namespace; say "
                         "which by --namespace",
                         f->name);
    }
    return failed;
}

void explain_flags_usage(FILE *out)
{
    fprintf(out, "usage: memcached-operator explain [flags] [NAME]\n\n"
                 "Says of the Memcached NAME, or of all in the namespace, who decides its size and "
                 "why,\nwho is ignored, and what the operator would write. Writes nothing.\n\n");
    flag_table_usage(&table, out);
}
