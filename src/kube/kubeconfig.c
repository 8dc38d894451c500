/*
 * The files stay apart, as trees; merging is looking a name up in one after the other. What is
 * taken out was checked when its file was added, so a value that is there is of the right kind.
 */
#include "kube/kubeconfig.h"

#include "base/mem.h"
#include "kube/kubeconfig_check.h"
#include "kube/kubeconfig_entry.h"
#include "kube/name.h"

#include <stdio.h>
#include <string.h>

struct source {
    char *path;
    struct yaml yaml;
    struct source *next;
};

struct kubeconfig {
    struct source *first, **tail;
};

struct kubeconfig *kubeconfig_new(void)
{
    struct kubeconfig *k = mem_zalloc(sizeof(*k));
    k->tail = &k->first;
    return k;
}

void kubeconfig_free(struct kubeconfig *k)
{
    if (k == NULL) {
        return;
    }
    while (k->first != NULL) {
        struct source *source = k->first;
        k->first = source->next;
        yaml_fini(&source->yaml);
        mem_free(source->path);
        mem_free(source);
    }
    mem_free(k);
}

int kubeconfig_add(struct kubeconfig *k, const char *path, const char *bytes, size_t len,
                   struct error *err)
{
    struct yaml yaml;
    if (len > KUBECONFIG_BYTES_MAX) {
        return error_set(err, ERR_TOO_BIG, "%s: expected a kubeconfig of 1 MiB at most", path);
    }
    int failed = yaml_parse(&yaml, path, bytes, len, err);
    if (failed != 0) {
        return failed;
    }
    failed = kubeconfig_check(path, yaml.root, err);
    if (failed != 0) {
        yaml_fini(&yaml);
        return failed;
    }
    struct source *source = mem_zalloc(sizeof(*source));
    *source = (struct source){.path = mem_strdup(path), .yaml = yaml};
    *k->tail = source;
    k->tail = &source->next;
    return 0;
}

bool kubeconfig_is_empty(const struct kubeconfig *k)
{
    for (const struct source *s = k->first; s != NULL; s = s->next) {
        if (yaml_get(s->yaml.root, "clusters") != NULL ||
            yaml_get(s->yaml.root, "contexts") != NULL ||
            yaml_get_text(s->yaml.root, "current-context") != NULL) {
            return false;
        }
    }
    return true;
}

static const struct yaml_node *list_of(const struct source *s, const char *kind)
{
    char plural[16];
    snprintf(plural, sizeof(plural), "%ss", kind);
    return yaml_get(s->yaml.root, plural);
}

/* "no context "x" in A, B: known are a, b" */
static int fail_unknown(const struct kubeconfig *k, const char *problem, const char *kind,
                        struct error *err)
{
    CLEANUP(buf_fini) struct buf paths;
    CLEANUP(buf_fini) struct buf names;
    buf_init(&paths, 160);
    buf_init(&names, 160);
    for (const struct source *s = k->first; s != NULL; s = s->next) {
        const struct yaml_node *list = list_of(s, kind);
        buf_printf(&paths, "%s%s", paths.len > 0 ? ", " : "", s->path);
        for (const struct yaml_item *i = list != NULL ? list->items : NULL; i != NULL;
             i = i->next) {
            const char *name = yaml_get_text(i->value, "name");
            if (name != NULL) {
                buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", name);
            }
        }
    }
    return error_set(err, ERR_INVALID, "%s%s: %s; known %ss: %s%s", buf_text(&paths),
                     paths.truncated ? ", …" : "", problem, kind,
                     names.len > 0 ? buf_text(&names) : "none", names.truncated ? ", …" : "");
}

/* The first of that name in the first file that has it. */
static bool find(const struct kubeconfig *k, const char *kind, const char *name,
                 struct kubeconfig_entry *out)
{
    for (const struct source *s = k->first; s != NULL; s = s->next) {
        const struct yaml_node *list = list_of(s, kind);
        for (const struct yaml_item *i = list != NULL ? list->items : NULL; i != NULL;
             i = i->next) {
            const char *given = yaml_get_text(i->value, "name");
            if (given != NULL && strcmp(given, name) == 0) {
                *out = (struct kubeconfig_entry){.path = s->path,
                                                 .kind = kind,
                                                 .name = name,
                                                 .named = i->value,
                                                 .fields = yaml_get(i->value, kind)};
                return true;
            }
        }
    }
    return false;
}

static const char *current_context(const struct kubeconfig *k)
{
    for (const struct source *s = k->first; s != NULL; s = s->next) {
        const char *name = yaml_get_text(s->yaml.root, "current-context");
        if (name != NULL) {
            return name;
        }
    }
    return NULL;
}

/* The entry that @context refers to by its field @kind. */
static int follow(const struct kubeconfig *k, const struct kubeconfig_entry *context,
                  const char *kind, struct kubeconfig_entry *out, struct error *err)
{
    const char *name = entry_get(context, kind);
    char problem[160];
    if (name == NULL) {
        return entry_fail(context, NULL, err, "no cluster; expected a cluster's name");
    }
    if (find(k, kind, name, out)) {
        return 0;
    }
    snprintf(problem, sizeof(problem),
             "context \"%.48s\" names the %s \"%.48s\", which is not there", context->name, kind,
             name);
    return fail_unknown(k, problem, kind, err);
}

static int resolve_context(const struct kubeconfig *k, const struct kubeconfig_entry *context,
                           struct client_config *c, struct error *err)
{
    struct kubeconfig_entry cluster, user;
    const char *ns = entry_get(context, "namespace");
    if (ns != NULL && !namespace_is_valid(ns)) {
        return entry_fail(context, "namespace", err, "expected a namespace's name: a-z, 0-9 and -");
    }
    c->ns = ns != NULL ? mem_strdup(ns) : NULL;
    c->context_name = mem_strdup(context->name);
    int failed = follow(k, context, "cluster", &cluster, err);
    if (failed != 0) {
        return failed;
    }
    c->cluster_name = mem_strdup(cluster.name);
    failed = entry_take_cluster(&cluster, c, err);
    if (failed != 0 || entry_get(context, "user") == NULL) {
        return failed; /* a context without user is anonymous */
    }
    failed = follow(k, context, "user", &user, err);
    if (failed != 0) {
        return failed;
    }
    c->user_name = mem_strdup(user.name);
    return entry_take_user(&user, c, err);
}

int kubeconfig_resolve(const struct kubeconfig *k, const char *context, struct client_config *out,
                       struct error *err)
{
    CLEANUP(client_config_fini) struct client_config c = {0};
    struct kubeconfig_entry entry;
    char problem[160];
    const char *name = context != NULL ? context : current_context(k);
    if (name == NULL) {
        return fail_unknown(k, "no current-context; name one with --context", "context", err);
    }
    if (!find(k, "context", name, &entry)) {
        snprintf(problem, sizeof(problem), "no context \"%.100s\"", name);
        return fail_unknown(k, problem, "context", err);
    }
    int failed = resolve_context(k, &entry, &c, err);
    if (failed == 0) {
        *out = c;
        c = (struct client_config){0};
    }
    return failed;
}
