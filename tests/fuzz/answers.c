#include "fuzz/answers.h"

#include "base/mem.h"
#include "operator/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static const char *const names[] = {"cache", "web", "cache-2", "other.dotted"};
static const char *const namespaces[] = {"default", "default", "default", "team"};
static const char *const sizes[] = {"0",   "1",     "3",    "3",           "4",     "-1",
                                    "1.0", "\"3\"", "null", "99999999999", "2.5e3", "2147483647"};

/* Never two of these in one expression: compilers differ in what they evaluate first. */
uint8_t choose(struct choices *c, uint8_t below)
{
    return (uint8_t)(c->at < c->end ? *c->at++ % below : 0);
}

#define CHOOSE(c, table) ((table)[choose(c, ARRAY_LEN(table))])

void answers_fini(struct answers *a)
{
    for (size_t i = 0; i < a->echo_count; i++) {
        mem_free(a->echoes[i]);
    }
}

/* A new version mostly; an old or a strange one now and then. */
static void append_version(struct answers *a, struct choices *c, struct buf *out)
{
    uint8_t kind = choose(c, 16);
    a->rv += kind < 14 ? 1 : 0;
    if (kind == 15) {
        buf_append_text(out, "\"resourceVersion\":\"strange\"");
    } else {
        buf_printf(out, "\"resourceVersion\":\"%llu\"",
                   (unsigned long long)(kind < 14 ? a->rv : a->rv / 2));
    }
}

/* "metadata":{… without its end, so that labels may follow. */
static void append_metadata(struct answers *a, struct choices *c, const char *kind, struct buf *out)
{
    uint8_t which = choose(c, ARRAY_LEN(names));
    uint8_t life = choose(c, 8);
    const char *ns = CHOOSE(c, namespaces);
    uint8_t second = choose(c, 60);
    buf_printf(out,
               "\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"%s-%s-%d\","
               "\"generation\":%d,\"creationTimestamp\":\"2026-01-01T00:00:%02dZ\",",
               names[which], ns, kind, names[which], life == 7, life + 1, second);
    append_version(a, c, out);
    if (life == 6) {
        buf_append_text(out, ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
    }
}

static void append_condition(struct choices *c, struct buf *out)
{
    static const char *const types[] = {"Available", "Reconciled", "SizeSynced", "Conflict", "X"};
    static const char *const statuses[] = {"True", "False", "Unknown", ""};
    const char *type = CHOOSE(c, types);
    const char *status = CHOOSE(c, statuses);
    buf_printf(out,
               "{\"type\":\"%s\",\"status\":\"%s\",\"reason\":\"R\",\"message\":\"m\","
               "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}",
               type, status);
}

static void append_memcached(struct answers *a, struct choices *c, struct buf *out)
{
    buf_append_text(out, "{");
    append_metadata(a, c, "m", out);
    buf_printf(out, "},\"spec\":{\"size\":%s}", CHOOSE(c, sizes));
    if (choose(c, 4) == 0) {
        const char *replicas = CHOOSE(c, sizes);
        uint8_t generation = choose(c, 9);
        buf_printf(out, ",\"status\":{\"replicas\":%s,\"observedGeneration\":%d,\"conditions\":[",
                   replicas, generation);
        append_condition(c, out);
        buf_append_text(out, ",");
        append_condition(c, out);
        buf_append_text(out, "]}");
    }
    buf_append_text(out, "}");
}

static void append_owner(struct choices *c, struct buf *out)
{
    const char *name = CHOOSE(c, names);
    const char *kind = choose(c, 8) == 7 ? "Other" : "Memcached";
    bool older = choose(c, 8) == 7;
    buf_printf(out,
               ",\"ownerReferences\":[{\"apiVersion\":\"cache.example.com/v1alpha1\",\"kind\":"
               "\"%s\",\"name\":\"%s\",\"uid\":\"m-%s-%d\",\"controller\":true}]",
               kind, name, name, older);
}

static void append_deployment(struct answers *a, struct choices *c, struct buf *out)
{
    uint8_t label = choose(c, 8);
    buf_append_text(out, "{");
    append_metadata(a, c, "d", out);
    if (label < 7) {
        buf_printf(out, ",\"labels\":{\"" CLAIM_LABEL "\":\"%s\"}",
                   label < 4   ? names[label]
                   : label < 6 ? "cache"
                               : "../bad");
    }
    if (choose(c, 3) == 0) {
        append_owner(c, out);
    }
    const char *replicas = CHOOSE(c, sizes);
    uint8_t generation = choose(c, 9);
    const char *current = CHOOSE(c, sizes);
    const char *ready = CHOOSE(c, sizes);
    buf_printf(out,
               "},\"spec\":{\"replicas\":%s},\"status\":{\"observedGeneration\":%d,"
               "\"replicas\":%s,\"readyReplicas\":%s}}",
               replicas, generation, current, ready);
}

static void append_pod(struct answers *a, struct choices *c, struct buf *out)
{
    buf_append_text(out, "{");
    append_metadata(a, c, "p", out);
    buf_printf(out, ",\"labels\":{\"app\":\"memcached\",\"memcached_cr\":\"%s\"}}}",
               CHOOSE(c, names));
}

static void append_lease(struct answers *a, struct choices *c, struct buf *out)
{
    static const char *const holders[] = {"\"me\"", "\"another\"", "\"\"", "null", "7"};
    const char *holder = CHOOSE(c, holders);
    const char *duration = CHOOSE(c, sizes);
    uint8_t transitions = choose(c, 9);
    uint8_t second = choose(c, 60);
    a->rv++;
    buf_printf(out,
               "{\"metadata\":{\"name\":\"lock\",\"uid\":\"l\",\"resourceVersion\":\"%llu\"},"
               "\"spec\":{\"holderIdentity\":%s,\"leaseDurationSeconds\":%s,"
               "\"leaseTransitions\":%d,\"renewTime\":\"2026-01-01T00:00:%02d.000000Z\"}}",
               (unsigned long long)a->rv, holder, duration, transitions, second);
}

static bool has(const struct request *r, const char *what)
{
    return strstr(r->path, what) != NULL;
}

static void append_object(struct answers *a, const struct request *r, struct choices *c,
                          struct buf *out)
{
    if (a->echo_count > 0 && !has(r, "/pods") && !has(r, "/leases") && choose(c, 2) == 0) {
        buf_append_text(out, a->echoes[choose(c, (uint8_t)a->echo_count)]);
    } else if (has(r, "/memcacheds")) {
        append_memcached(a, c, out);
    } else if (has(r, "/deployments")) {
        append_deployment(a, c, out);
    } else if (has(r, "/leases")) {
        append_lease(a, c, out);
    } else {
        append_pod(a, c, out);
    }
}

void answers_event(struct answers *a, const struct request *r, struct choices *c, struct buf *out)
{
    static const char *const types[] = {"ADDED", "MODIFIED", "MODIFIED", "DELETED"};
    uint8_t kind = choose(c, 16);
    if (kind == 15) {
        buf_append_text(out, "{\"type\":\"ERROR\",\"object\":");
        answers_refusal(c, out);
    } else if (kind >= 12) {
        a->rv++;
        buf_printf(out,
                   "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%llu\","
                   "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}",
                   (unsigned long long)a->rv);
    } else {
        buf_printf(out, "{\"type\":\"%s\",\"object\":", types[kind % 4]);
        append_object(a, r, c, out);
    }
    buf_append_text(out, "}\n");
}

static void append_watch(struct answers *a, const struct request *r, struct choices *c,
                         struct buf *out)
{
    size_t count = choose(c, 4);
    for (size_t i = 0; i < count; i++) {
        answers_event(a, r, c, out);
    }
    if (has(r, "sendInitialEvents")) {
        a->rv++;
        buf_printf(out,
                   "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%llu\","
                   "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n",
                   (unsigned long long)a->rv);
    }
}

static void append_list(struct answers *a, const struct request *r, struct choices *c,
                        struct buf *out)
{
    size_t count = choose(c, 4);
    buf_append_text(out, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        append_object(a, r, c, out);
    }
    buf_append_text(out, "],\"metadata\":{");
    append_version(a, c, out);
    buf_append_text(out, choose(c, 8) == 7 ? ",\"continue\":\"more/\"}}" : "}}");
}

/* ---- Echoes ---- */

/* The last segment of the object's path; for a creation, the name in the body. */
static void name_of(const struct request *r, yyjson_mut_val *metadata, char out[256])
{
    size_t end = strcspn(r->path, "?");
    const char *given = yyjson_mut_get_str(yyjson_mut_obj_get(metadata, "name"));
    if (end > 7 && strncmp(r->path + end - 7, "/status", 7) == 0) {
        end -= 7;
    }
    size_t start = end;
    while (start > 0 && r->path[start - 1] != '/') {
        start--;
    }
    if (r->method == HTTP_POST) {
        snprintf(out, 256, "%s", given != NULL ? given : "");
    } else {
        snprintf(out, 256, "%.*s", (int)(end - start), r->path + start);
    }
}

static void namespace_of(const struct request *r, char out[64])
{
    const char *at = strstr(r->path, "/namespaces/");
    size_t len = at != NULL ? strcspn(at + 12, "/?") : 0;
    snprintf(out, 64, "%.*s", (int)len, at != NULL ? at + 12 : "");
}

static void put_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
    yyjson_mut_obj_remove_key(object, key);
    yyjson_mut_obj_add_strcpy(doc, object, key, text);
}

/* What was written, with what the server adds. */
static void complete(struct answers *a, const struct request *r, struct choices *c,
                     yyjson_mut_doc *doc)
{
    char name[256], ns[64], text[300];
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    yyjson_mut_val *metadata = yyjson_mut_obj_get(root, "metadata");
    if (metadata == NULL) {
        metadata = yyjson_mut_obj_add_obj(doc, root, "metadata");
    }
    name_of(r, metadata, name);
    namespace_of(r, ns);
    put_text(doc, metadata, "name", name);
    put_text(doc, metadata, "namespace", ns);
    snprintf(text, sizeof text, "%s-%s-0", has(r, "/memcacheds") ? "m" : "d", name);
    put_text(doc, metadata, "uid", text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)++a->rv);
    put_text(doc, metadata, "resourceVersion", text);
    if (has(r, "/memcacheds") && yyjson_mut_obj_get(root, "spec") == NULL) {
        yyjson_mut_val *spec = yyjson_mut_obj_add_obj(doc, root, "spec");
        yyjson_mut_obj_add_int(doc, spec, "size", choose(c, 5));
    }
}

static void keep_echo(struct answers *a, const char *text)
{
    if (a->echo_count < ECHOES_MAX) {
        a->echo_count++;
    } else {
        mem_free(a->echoes[0]);
        memmove(a->echoes, a->echoes + 1, (ECHOES_MAX - 1) * sizeof a->echoes[0]);
    }
    a->echoes[a->echo_count - 1] = mem_strdup(text);
}

static void append_echo(struct answers *a, const struct request *r, struct choices *c,
                        struct buf *out)
{
    yyjson_doc *body = yyjson_read(r->body, r->body_len, 0);
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(body, NULL);
    complete(a, r, c, doc);
    char *text = yyjson_mut_write(doc, 0, NULL);
    buf_append_text(out, text);
    if (!has(r, "/leases") && !has(r, "/events")) {
        keep_echo(a, text);
    }
    free(text); /* yyjson's */
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(body);
}

void answers_body(struct answers *a, const struct request *r, struct choices *c, struct buf *out)
{
    if (r->body != NULL) {
        append_echo(a, r, c, out);
    } else if (has(r, "watch=1")) {
        append_watch(a, r, c, out);
    } else if (r->stream) {
        append_list(a, r, c, out);
    } else {
        append_object(a, r, c, out);
    }
}

int answers_refusal(struct choices *c, struct buf *out)
{
    static const struct {
        int code;
        const char *reason, *more;
    } refusals[] = {
        {400, "BadRequest", ""},
        {401, "Unauthorized", ""},
        {403, "Forbidden", ""},
        {404, "NotFound", ""},
        {409, "Conflict", ""},
        {409, "AlreadyExists", ""},
        {410, "Expired", ""},
        {410, "Gone", ""},
        {422, "Invalid", ""},
        {429, "TooManyRequests", ",\"details\":{\"retryAfterSeconds\":1}"},
        {500, "InternalError", ""},
        {503, "ServiceUnavailable", ""},
        {504, "Timeout", ",\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}"},
        {504, "Timeout", ""},
    };
    uint8_t i = choose(c, ARRAY_LEN(refusals));
    buf_printf(out,
               "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":%d,\"reason\":\"%s\","
               "\"message\":\"m\"%s}",
               refusals[i].code, refusals[i].reason, refusals[i].more);
    return refusals[i].code;
}
