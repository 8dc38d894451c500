/*
 * Rules: RFC 3986, and the API's own layout of paths:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
#include "sim/api_path.h"

#include "base/mem.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { SEGMENTS_MAX = 10 };

static const struct {
    const char *key;
    size_t offset;
} PARAMETERS[] = {
    {"watch", offsetof(struct api_query, watch)},
    {"allowWatchBookmarks", offsetof(struct api_query, allow_watch_bookmarks)},
    {"sendInitialEvents", offsetof(struct api_query, send_initial_events)},
    {"labelSelector", offsetof(struct api_query, label_selector)},
    {"fieldSelector", offsetof(struct api_query, field_selector)},
    {"resourceVersion", offsetof(struct api_query, resource_version)},
    {"resourceVersionMatch", offsetof(struct api_query, resource_version_match)},
    {"limit", offsetof(struct api_query, limit)},
    {"continue", offsetof(struct api_query, continue_token)},
    {"timeoutSeconds", offsetof(struct api_query, timeout_seconds)},
    {"fieldManager", offsetof(struct api_query, field_manager)},
    {"force", offsetof(struct api_query, force)},
    {"dryRun", offsetof(struct api_query, dry_run)},
    {"propagationPolicy", offsetof(struct api_query, propagation_policy)},
    {"gracePeriodSeconds", offsetof(struct api_query, grace_period_seconds)},
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. A percent sign that begins nothing stays as it is. */
static void decode(char *text, bool plus_is_space)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        int high = from[0] == '%' ? hex_digit(from[1]) : -1;
        int low = high >= 0 ? hex_digit(from[2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = plus_is_space && *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
}

static void parse_parameter(struct api_query *query, char *pair)
{
    char *value = strchr(pair, '=');
    if (value == NULL) {
        value = pair + strlen(pair);
    } else {
        *value++ = '\0';
    }
    decode(pair, true);
    for (size_t i = 0; i < ARRAY_LEN(PARAMETERS); i++) {
        const char **field = (const char **)(void *)((char *)query + PARAMETERS[i].offset);
        if (strcmp(PARAMETERS[i].key, pair) == 0 && *field == NULL) {
            decode(value, true);
            *field = value;
        }
    }
}

static void parse_query(struct api_query *query, char *text)
{
    char *rest;
    for (char *pair = strtok_r(text, "&", &rest); pair != NULL; pair = strtok_r(NULL, "&", &rest)) {
        parse_parameter(query, pair);
    }
}

static bool is_built_in_group(const char *group)
{
    for (unsigned i = 0; i < api_resource_count; i++) {
        if (!api_resources[i].is_custom && strcmp(api_resources[i].group, group) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_namespace_subresource(const char *text)
{
    return strcmp(text, "status") == 0 || strcmp(text, "finalize") == 0;
}

/* @segments are what follows the version: [namespaces NS] PLURAL [NAME [SUBRESOURCE]] */
static void find_resource(struct api_path *p, const char *group, const char *version,
                          char *const *segments, size_t count)
{
    bool in_namespace = count >= 3 && strcmp(segments[0], "namespaces") == 0 &&
                        !(count == 3 && is_namespace_subresource(segments[2]));
    if (in_namespace) {
        p->ns = segments[1];
        segments += 2;
        count -= 2;
    }
    p->kind = is_built_in_group(group) ? API_PATH_NO_RESOURCE : API_PATH_UNKNOWN;
    if (count < 1 || count > 3) {
        return;
    }
    p->resource = api_resource_find(group, version, segments[0]);
    p->name = count > 1 ? segments[1] : NULL;
    p->subresource = count > 2 ? segments[2] : NULL;
    if (p->resource == NULL || (in_namespace && !p->resource->namespaced) ||
        (p->name != NULL && p->resource->namespaced && !in_namespace)) {
        return;
    }
    p->kind = API_PATH_RESOURCE;
}

void api_path_parse(struct api_path *p, const char *path)
{
    *p = (struct api_path){.kind = API_PATH_UNKNOWN, .ns = "", .memory = mem_strdup(path)};
    char *query = strchr(p->memory, '?');
    if (query != NULL) {
        *query++ = '\0';
        parse_query(&p->query, query);
    }
    decode(p->memory, false);

    char *segments[SEGMENTS_MAX];
    size_t count = 0;
    char *rest;
    for (char *s = strtok_r(p->memory, "/", &rest); s != NULL && count < SEGMENTS_MAX;
         s = strtok_r(NULL, "/", &rest)) {
        segments[count++] = s;
    }
    size_t head = 0;
    if (count > 1 && strcmp(segments[0], "api") == 0) {
        p->group = "";
        head = 2;
    } else if (count > 2 && strcmp(segments[0], "apis") == 0) {
        p->group = segments[1];
        head = 3;
    }
    if (head > 0) {
        p->version = segments[head - 1];
        find_resource(p, p->group, p->version, segments + head, count - head);
    }
    if (head > 0 && count == head) {
        p->kind = API_PATH_DISCOVERY;
    }
}

void api_path_fini(struct api_path *p)
{
    mem_free(p->memory);
    p->memory = NULL;
}

bool api_query_bool(const char *value)
{
    return value != NULL && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
}
