#include "kube/kubeconfig_check.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

enum kind {
    ANY,
    LINE, /* a text without control characters: goes into messages, paths and headers */
    TEXT, /* a text of any characters */
    BOOL,
    LIST,  /* of items */
    TABLE, /* any keys, items as values */
    RECORD /* known keys */
};

struct shape {
    enum kind kind;
    const char *expected;
    const struct shape *items;
    const struct field *fields; /* RECORD; ends with a NULL name; 64 at most */
    const char *required;       /* RECORD: a field that must be there and not empty, or NULL */
};

struct field {
    const char *name;
    const struct shape *shape;
};

static const struct shape any = {ANY, NULL, NULL, NULL, NULL};
static const struct shape line = {LINE, "a string without control characters", NULL, NULL, NULL};
static const struct shape text = {TEXT, "a string", NULL, NULL, NULL};
static const struct shape boolean = {BOOL, "true or false", NULL, NULL, NULL};
static const struct shape lines = {LIST, "a list of strings", &line, NULL, NULL};
static const struct shape texts = {LIST, "a list of strings", &text, NULL, NULL};
static const struct shape lines_by_key = {TABLE, "a mapping of lists of strings", &lines, NULL,
                                          NULL};

static const struct field env_fields[] = {{"name", &line}, {"value", &text}, {0}};
static const struct shape env = {RECORD, "a mapping", NULL, env_fields, "name"};
static const struct shape envs = {LIST, "a list", &env, NULL, NULL};

static const struct field exec_fields[] = {
    {"apiVersion", &line},      {"command", &line},
    {"args", &texts},           {"env", &envs},
    {"installHint", &text},     {"provideClusterInfo", &boolean},
    {"interactiveMode", &line}, {0},
};
static const struct shape exec = {RECORD, "a mapping", NULL, exec_fields, NULL};

static const struct field cluster_fields[] = {
    {"server", &line},
    {"tls-server-name", &line},
    {"insecure-skip-tls-verify", &boolean},
    {"certificate-authority", &line},
    {"certificate-authority-data", &text},
    {"proxy-url", &line},
    {0},
};
static const struct shape cluster = {RECORD, "a mapping", NULL, cluster_fields, NULL};

static const struct field user_fields[] = {
    {"client-certificate", &line},
    {"client-certificate-data", &text},
    {"client-key", &line},
    {"client-key-data", &text},
    {"token", &line},
    {"tokenFile", &line},
    {"username", &line},
    {"password", &text},
    {"as", &line},
    {"as-uid", &line},
    {"as-groups", &lines},
    {"as-user-extra", &lines_by_key},
    {"auth-provider", &any},
    {"exec", &exec},
    {0},
};
static const struct shape user = {RECORD, "a mapping", NULL, user_fields, NULL};

static const struct field context_fields[] = {
    {"cluster", &line},
    {"user", &line},
    {"namespace", &line},
    {0},
};
static const struct shape context = {RECORD, "a mapping", NULL, context_fields, NULL};

static const struct field named_cluster_fields[] = {{"name", &line}, {"cluster", &cluster}, {0}};
static const struct field named_user_fields[] = {{"name", &line}, {"user", &user}, {0}};
static const struct field named_context_fields[] = {{"name", &line}, {"context", &context}, {0}};
static const struct shape named_cluster = {RECORD, "a mapping", NULL, named_cluster_fields, "name"};
static const struct shape named_user = {RECORD, "a mapping", NULL, named_user_fields, "name"};
static const struct shape named_context = {RECORD, "a mapping", NULL, named_context_fields, "name"};
static const struct shape clusters = {LIST, "a list", &named_cluster, NULL, NULL};
static const struct shape users = {LIST, "a list", &named_user, NULL, NULL};
static const struct shape contexts = {LIST, "a list", &named_context, NULL, NULL};

static const struct field config_fields[] = {
    {"apiVersion", &line},
    {"kind", &line},
    {"current-context", &line},
    {"clusters", &clusters},
    {"users", &users},
    {"contexts", &contexts},
    {0},
};
static const struct shape config = {
    RECORD, "a kubeconfig: a mapping with clusters, users and contexts", NULL, config_fields, NULL};

/* Where the walk is: printed in messages as clusters[0].cluster.server. */
struct trail {
    const struct trail *up;
    const char *key; /* NULL: item @index of a list */
    size_t index;
};

struct check {
    const char *path;
    size_t visits;
    struct error *err;
};

static void trail_print(const struct trail *trail, struct buf *out)
{
    if (trail == NULL) {
        return;
    }
    trail_print(trail->up, out);
    if (trail->key != NULL) {
        buf_printf(out, "%s%s", out->len > 0 ? "." : "", trail->key);
    } else {
        buf_printf(out, "[%zu]", trail->index);
    }
}

static int fail(const struct check *c, const struct yaml_node *node, const struct trail *trail,
                const char *verb, const char *what)
{
    CLEANUP(buf_fini) struct buf where;
    buf_init(&where, 200);
    trail_print(trail, &where);
    return error_set(c->err, ERR_PARSE, "%s:%u:%u: %s%s%s%s", c->path, node->line, node->column,
                     buf_text(&where), where.len > 0 ? ": " : "", verb, what);
}

static int check_node(struct check *c, const struct yaml_node *node, const struct shape *shape,
                      const struct trail *trail);

static int check_items(struct check *c, const struct yaml_node *node, const struct shape *shape,
                       const struct trail *trail)
{
    struct trail at = {.up = trail};
    int failed = 0;
    for (const struct yaml_item *i = node->items; i != NULL && failed == 0; i = i->next) {
        at.key = i->key != NULL ? i->key->text : NULL;
        if (i->key != NULL) {
            failed = check_node(c, i->key, &line, &at);
        }
        if (failed == 0) {
            failed = check_node(c, i->value, shape, &at);
        }
        at.index++;
    }
    return failed;
}

/* The field named @key, or the end of @fields. */
static const struct field *field_find(const struct field *fields, const char *key)
{
    while (fields->name != NULL && strcmp(fields->name, key) != 0) {
        fields++;
    }
    return fields;
}

static int check_record(struct check *c, const struct yaml_node *node, const struct shape *shape,
                        const struct trail *trail)
{
    const struct field *fields = shape->fields;
    uint64_t seen = 0;
    for (const struct yaml_item *i = node->items; i != NULL; i = i->next) {
        const struct field *field = field_find(fields, i->key->text);
        const struct trail at = {.up = trail, .key = field->name};
        if (strcmp(i->key->text, "<<") == 0) {
            return fail(c, i->key, trail, "expected the fields themselves, not a merge key ", "<<");
        }
        if (field->name == NULL) {
            continue;
        }
        if ((seen & UINT64_C(1) << (field - fields)) != 0) {
            return fail(c, i->key, &at, "expected only once", "");
        }
        seen |= UINT64_C(1) << (field - fields);
        int failed = check_node(c, i->value, field->shape, &at);
        if (failed != 0) {
            return failed;
        }
    }
    if (shape->required != NULL && yaml_get_text(node, shape->required) == NULL) {
        return fail(c, node, trail, "expected it to have a ", shape->required);
    }
    return 0;
}

static bool has_control(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f) {
            return true;
        }
    }
    return false;
}

static int check_node(struct check *c, const struct yaml_node *node, const struct shape *shape,
                      const struct trail *trail)
{
    bool value = false;
    if (++c->visits > KUBECONFIG_VISITS_MAX) {
        return fail(c, node, trail, "aliases nested beyond reason", "");
    }
    if (yaml_is_null(node)) {
        return 0; /* as if it were not there */
    }
    switch (shape->kind) {
    case ANY:
        return 0;
    case LINE:
        if (node->kind == YAML_TEXT && !has_control(node->text)) {
            return 0;
        }
        break;
    case TEXT:
        if (node->kind == YAML_TEXT) {
            return 0;
        }
        break;
    case BOOL:
        if (yaml_is_bool(node, &value)) {
            return 0;
        }
        break;
    case LIST:
    case TABLE:
        if (node->kind == (shape->kind == LIST ? YAML_LIST : YAML_MAP)) {
            return check_items(c, node, shape->items, trail);
        }
        break;
    case RECORD:
        if (node->kind == YAML_MAP) {
            return check_record(c, node, shape, trail);
        }
        break;
    }
    return fail(c, node, trail, "expected ", shape->expected);
}

/* Another object's manifest, given by mistake, would otherwise look like an empty kubeconfig. */
static int check_is(const struct check *c, const struct yaml_node *root, const char *key,
                    const char *value)
{
    const char *given = yaml_get_text(root, key);
    const struct trail trail = {.key = key};
    if (given == NULL || strcmp(given, value) == 0) {
        return 0;
    }
    return fail(c, yaml_get(root, key), &trail, "expected ", value);
}

int kubeconfig_check(const char *path, const struct yaml_node *root, struct error *err)
{
    struct check c = {.path = path, .err = err};
    if (root == NULL) {
        return 0;
    }
    int failed = check_node(&c, root, &config, NULL);
    if (failed == 0) {
        failed = check_is(&c, root, "kind", "Config");
    }
    if (failed == 0) {
        failed = check_is(&c, root, "apiVersion", "v1");
    }
    return failed;
}
