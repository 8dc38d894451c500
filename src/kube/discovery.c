#include "kube/discovery.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/name.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

enum { QUOTED_BYTES = 65 };

/* What the list says of the kind. The entries "widgets" and "widgets/scale" come in any order. */
struct finding {
    yyjson_val *resource;
    const char *plural;
    const char *similar; /* a kind that differs in case only, for those who mistyped */
};

/* ---- what somebody wrote --------------------------------------------------------------------- */

static bool is_kind(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strnlen(text, DISCOVERY_KIND_BYTES_MAX + 1);

    return len > 0 && len <= DISCOVERY_KIND_BYTES_MAX && strchr(letters, text[0]) != NULL &&
           text[strspn(text, all)] == '\0';
}

/* A version is a label, as a namespace is. */
static bool is_api_version(const char *text)
{
    char group[API_VERSION_BYTES] = "";
    const char *slash = strchr(text, '/');

    if (slash == NULL) {
        return namespace_is_valid(text);
    }
    if (strnlen(text, API_VERSION_BYTES) == API_VERSION_BYTES) {
        return false; /* no kind_api_version() */
    }
    memcpy(group, text, (size_t)(slash - text));
    return name_is_valid(group) && namespace_is_valid(slash + 1);
}

/* The beginning of what cannot be right, fit for a message. */
static const char *quoted(const char *text, char out[QUOTED_BYTES])
{
    size_t len = strnlen(text, QUOTED_BYTES - 1);

    for (size_t i = 0; i < len; i++) {
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    out[len] = '\0';
    return out;
}

int discovery_check(const char *api_version, const char *kind, struct error *err)
{
    char text[QUOTED_BYTES];

    if (!is_api_version(api_version)) {
        return error_set(err, ERR_INVALID,
                         "apiVersion \"%s\" is none: write it as in \"apps/v1\", or \"v1\"",
                         quoted(api_version, text));
    }
    if (!is_kind(kind)) {
        return error_set(err, ERR_INVALID, "kind \"%s\" is none: write it as in \"Deployment\"",
                         quoted(kind, text));
    }
    return 0;
}

void discovery_append_path(struct buf *path, const char *api_version)
{
    buf_append_text(path, strchr(api_version, '/') == NULL ? "/api/" : "/apis/");
    buf_append_text(path, api_version); /* checked: nothing in it needs an escape */
}

/* ---- what the server says -------------------------------------------------------------------- */

static bool has_verb(yyjson_val *resource, const char *verb)
{
    size_t i;
    size_t count;
    yyjson_val *value;

    yyjson_arr_foreach(json_at(resource, "verbs", NULL), i, count, value)
    {
        if (yyjson_equals_str(value, verb)) {
            return true;
        }
    }
    return false;
}

static const char *plural_of(yyjson_val *resource)
{
    yyjson_val *name = json_at(resource, "name", NULL);
    const char *text = yyjson_get_str(name);
    bool plain = text != NULL && strlen(text) == yyjson_get_len(name);

    return plain && namespace_is_valid(text) ? text : NULL; /* subresources have a slash */
}

static void look_at(struct finding *f, yyjson_val *resource, const char *kind)
{
    yyjson_val *named = json_at(resource, "kind", NULL);
    const char *plural = plural_of(resource);

    if (plural == NULL || !yyjson_is_str(named)) {
        return;
    }
    if (f->resource == NULL && yyjson_equals_str(named, kind)) {
        f->resource = resource;
        f->plural = plural;
    } else if (strcasecmp(yyjson_get_str(named), kind) == 0) {
        f->similar = yyjson_get_str(named);
    }
}

/* An entry of a subresource names group and version where they are not the list's own. */
static bool is_scale(yyjson_val *resource, const char *plural)
{
    size_t len = strlen(plural);
    const char *name = yyjson_get_str(json_at(resource, "name", NULL));

    return name != NULL && strncmp(name, plural, len) == 0 && strcmp(name + len, "/scale") == 0 &&
           yyjson_equals_str(json_at(resource, "group", NULL), "autoscaling") &&
           yyjson_equals_str(json_at(resource, "version", NULL), "v1") && has_verb(resource, "get");
}

static bool has_scale(yyjson_val *resources, const char *plural)
{
    size_t i;
    size_t count;
    yyjson_val *resource;

    yyjson_arr_foreach(resources, i, count, resource)
    {
        if (is_scale(resource, plural)) {
            return true;
        }
    }
    return false;
}

static int check(const struct finding *f, yyjson_val *resources, const char *api_version,
                 const char *kind, struct error *err)
{
    if (f->resource == NULL) {
        return error_set(err, ERR_NOT_FOUND, "the server knows no kind \"%s\" in %s%s%.63s%s", kind,
                         api_version, f->similar == NULL ? "" : "; it knows \"",
                         f->similar == NULL ? "" : f->similar, f->similar == NULL ? "" : "\"");
    }
    if (!yyjson_is_true(json_at(f->resource, "namespaced", NULL))) {
        return error_set(err, ERR_INVALID, "%s of %s is not namespaced", kind, api_version);
    }
    if (!has_verb(f->resource, "list") || !has_verb(f->resource, "watch")) {
        return error_set(err, ERR_INVALID, "%s of %s cannot be listed and watched", kind,
                         api_version);
    }
    if (!has_scale(resources, f->plural)) {
        return error_set(err, ERR_INVALID, "%s of %s has no scale subresource of autoscaling/v1",
                         kind, api_version);
    }
    return 0;
}

static const char *pack(char **next, const char *text, size_t len)
{
    char *copy = memcpy(*next, text, len);

    copy[len] = '\0';
    *next += len + 1;
    return copy;
}

static struct kind *make(const char *api_version, const char *kind, const char *plural)
{
    const char *slash = strchr(api_version, '/');
    size_t group_len = slash == NULL ? 0 : (size_t)(slash - api_version);
    const char *version = slash == NULL ? api_version : slash + 1;
    struct kind *k = mem_zalloc(sizeof *k + group_len + strlen(version) + strlen(kind) +
                                strlen(plural) + 4 /* NULs */);
    char *next = (char *)(k + 1);

    k->group = pack(&next, api_version, group_len);
    k->version = pack(&next, version, strlen(version));
    k->kind = pack(&next, kind, strlen(kind));
    k->plural = pack(&next, plural, strlen(plural));
    return k;
}

static int read_list(const char *api_version, const char *kind, yyjson_val *list, struct kind **out,
                     struct error *err)
{
    yyjson_val *resources = json_at(list, "resources", NULL);
    struct finding f = {0};
    size_t i;
    size_t count;
    yyjson_val *resource;

    if (!yyjson_is_arr(resources)) {
        return error_set(err, ERR_PARSE, "the answer is no APIResourceList");
    }
    yyjson_arr_foreach(resources, i, count, resource)
    {
        look_at(&f, resource, kind);
    }
    int rc = check(&f, resources, api_version, kind, err);
    if (rc == 0) {
        *out = make(api_version, kind, f.plural);
    }
    return rc;
}

int discovery_judge(const char *api_version, const char *kind, const struct answer *answer,
                    struct kind **out, struct error *err)
{
    if (answer->error.code == ERR_NOT_FOUND) {
        return error_set(err, ERR_NOT_FOUND,
                         "the server knows no %s: is its CustomResourceDefinition installed?",
                         api_version);
    }
    int rc = answer->error.code;
    if (rc != ERR_NONE) {
        *err = answer->error;
    } else {
        yyjson_doc *doc = json_parse(answer->body, answer->body_len, err);
        rc = doc == NULL ? err->code
                         : read_list(api_version, kind, yyjson_doc_get_root(doc), out, err);
        yyjson_doc_free(doc);
    }
    if (rc != 0 && rc != ERR_NOT_FOUND && rc != ERR_INVALID) {
        error_wrap(err, "looking up kind \"%s\" in %s", kind, api_version);
    }
    return rc;
}
