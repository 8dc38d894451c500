#include "sim/rival.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME       "cache"
#define DEPLOYMENT "/apis/apps/v1/namespaces/default/deployments/" NAME
#define MEMCACHED  "/apis/cache.example.com/v1alpha1/namespaces/default/memcacheds/" NAME
#define POD        "/spec/template/spec/"
#define CONTAINER  POD "containers/0/"
#define SIDECAR                                                                                    \
    "{'name':'sidecar','image':'x','imagePullPolicy':'Always','terminationMessagePath':'/dev/x',"  \
    "'terminationMessagePolicy':'File','resources':{}}"

enum { BODY_BYTES = 64 << 10, PATH_BYTES = 512, DEPTH_MAX = 12 };

const struct rival_field rival_fields[] = {
    {"deployments", "", NULL, RIVAL_CONFLICT},
    {"deployments", "/spec/replicas", "1", RIVAL_CONFLICT},
    {"deployments", "/metadata/labels/app", "'other'", RIVAL_CONFLICT},
    {"deployments", "/metadata/labels/memcached_cr", NULL, RIVAL_CONFLICT},
    {"deployments", "/metadata/labels/app.kubernetes.io~1name", NULL, RIVAL_CONFLICT},
    {"deployments", "/metadata/labels/app.kubernetes.io~1instance", "'x'", RIVAL_CONFLICT},
    {"deployments", "/metadata/labels/app.kubernetes.io~1managed-by", NULL, RIVAL_CONFLICT},
    {"deployments", "/metadata/labels/app.kubernetes.io~1managed-by", "'Helm'", RIVAL_CONFLICT},
    {"deployments", "/metadata/ownerReferences", NULL, RIVAL_TAKEN},
    {"deployments", POD "automountServiceAccountToken", "true", RIVAL_CONFLICT},
    {"deployments", POD "securityContext/runAsNonRoot", "false", RIVAL_CONFLICT},
    {"deployments", POD "securityContext/runAsUser", "1000", RIVAL_CONFLICT},
    {"deployments", POD "securityContext/runAsGroup", NULL, RIVAL_CONFLICT},
    {"deployments", POD "securityContext/seccompProfile/type", "'Unconfined'", RIVAL_CONFLICT},
    {"deployments", CONTAINER "image", "'mirror.example.com/memcached:1.6'", RIVAL_CONFLICT},
    {"deployments", CONTAINER "imagePullPolicy", "'Always'", RIVAL_CONFLICT},
    {"deployments", CONTAINER "command", "['sleep','1']", RIVAL_CONFLICT},
    {"deployments", CONTAINER "args", "['-vv']", RIVAL_CONFLICT},
    {"deployments", CONTAINER "ports/0/name", "'other'", RIVAL_CONFLICT},
    {"deployments", CONTAINER "securityContext/allowPrivilegeEscalation", "true", RIVAL_CONFLICT},
    {"deployments", CONTAINER "securityContext/capabilities/drop", "['NET_RAW']", RIVAL_CONFLICT},
    {"deployments", "/metadata/annotations/note", "'x'", RIVAL_HARMLESS},
    {"deployments", "/metadata/labels/team", "'x'", RIVAL_HARMLESS},
    {"deployments", "/spec/template/metadata/annotations/injected", "'x'", RIVAL_HARMLESS},
    {"deployments", POD "containers/1", SIDECAR, RIVAL_HARMLESS},
    {"deployments", CONTAINER "terminationMessagePath", "'/dev/other'", RIVAL_HARMLESS},
    {"deployments", "/spec/revisionHistoryLimit", "3", RIVAL_HARMLESS},
    {"memcacheds", "/spec/size", "1", RIVAL_CONFLICT},
    {"memcacheds", "/metadata/annotations/note", "'x'", RIVAL_HARMLESS},
    {"memcacheds", "/status/replicas", "99", RIVAL_STATUS},
    {"memcacheds", "/status/readyReplicas", "0", RIVAL_STATUS},
    {"memcacheds", "/status/nodes", "['nobody']", RIVAL_STATUS},
    {"memcacheds", "/status/selector", NULL, RIVAL_STATUS},
    {"memcacheds", "/status/source", "'x'", RIVAL_STATUS},
    {"memcacheds", "/status/observedGeneration", NULL, RIVAL_STATUS},
    {"memcacheds", "/status/conditions", "[]", RIVAL_STATUS},
};
const unsigned rival_field_count = ARRAY_LEN(rival_fields);

static bool is_custom(const struct rival_field *f)
{
    return strcmp(f->resource, "memcacheds") == 0;
}

static bool is_of_status(const struct rival_field *f)
{
    return strncmp(f->pointer, "/status/", strlen("/status/")) == 0;
}

static bool is_in_list(const struct rival_field *f)
{
    return strstr(f->pointer, "/0/") != NULL || strstr(f->pointer, "/1") != NULL;
}

bool rival_can(const struct rival_field *f, enum rival_means means)
{
    bool is_all = f->pointer[0] == '\0';
    bool is_number_of_pods =
        strcmp(f->pointer, "/spec/replicas") == 0 || strcmp(f->pointer, "/spec/size") == 0;
    switch (means) {
    case RIVAL_DELETE:
        return is_all;
    case RIVAL_SCALE:
        return is_number_of_pods;
    case RIVAL_MERGE:
        return !is_all && !is_in_list(f);
    case RIVAL_APPLY: /* cannot take away what others own */
        return !is_all && f->value != NULL && !is_of_status(f) && strstr(f->pointer, "/1") == NULL;
    default:
        return !is_all;
    }
}

const char *rival_means_text(enum rival_means means)
{
    static const char *const texts[RIVAL_MEANS] = {
        [RIVAL_PUT] = "PUT",     [RIVAL_MERGE] = "merge patch", [RIVAL_APPLY] = "apply",
        [RIVAL_SCALE] = "scale", [RIVAL_DELETE] = "deletion",   [RIVAL_WEBHOOK] = "webhook",
    };
    return texts[means];
}

/* ---- Values ---- */

static yyjson_doc *parse(const char *text)
{
    return text != NULL ? yyjson_read(text, strlen(text), 0) : NULL;
}

/* ' for ". */
static yyjson_doc *parse_value(const struct rival_field *f)
{
    char text[512];
    snprintf(text, sizeof text, "%s", f->value != NULL ? f->value : "null");
    for (char *c = text; (c = strchr(c, '\'')) != NULL;) {
        *c = '"';
    }
    return parse(text);
}

static void set_value(const struct rival_field *f, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    if (f->value == NULL) {
        yyjson_mut_ptr_remove(object, f->pointer);
        return;
    }
    yyjson_doc *value = parse_value(f);
    yyjson_mut_val *wanted = yyjson_val_mut_copy(doc, yyjson_doc_get_root(value));
    if (yyjson_mut_ptr_get(object, f->pointer) != NULL) {
        yyjson_mut_ptr_replace(object, f->pointer, wanted);
    } else {
        yyjson_mut_ptr_add(object, f->pointer, wanted, doc);
    }
    yyjson_doc_free(value);
}

static bool has_value(const struct rival_field *f, yyjson_val *object)
{
    yyjson_doc *value = parse_value(f);
    yyjson_val *is = yyjson_ptr_get(object, f->pointer);
    bool same = f->value == NULL ? is == NULL
                                 : is != NULL && (yyjson_is_obj(is) || /* defaults beside it */
                                                  yyjson_equals(is, yyjson_doc_get_root(value)));
    yyjson_doc_free(value);
    return same;
}

/* ---- Bodies ---- */

/* The object that has nothing but this field, and what tells elements of lists apart. */
static void write_nested(const struct rival_field *f, struct buf *out)
{
    char closing[DEPTH_MAX * 2 + 1] = "";
    for (const char *at = f->pointer; *at != '\0';) {
        size_t len = strcspn(at + 1, "/");
        if (isdigit((unsigned char)at[1])) {
            bool is_port = strstr(f->pointer, "/ports/") == at - strlen("/ports");
            buf_printf(out, "[{%s,",
                       is_port ? "\"containerPort\":11211,\"protocol\":\"TCP\""
                               : "\"name\":\"memcached\"");
            memmove(closing + 2, closing, strlen(closing) + 1);
            memcpy(closing, "}]", 2);
        } else {
            bool in_element = out->len > 0 && out->data[out->len - 1] == ',';
            buf_append_text(out, in_element ? "\"" : "{\"");
            for (size_t i = 1; i <= len; i++) {
                bool is_escape = at[i] == '~';
                buf_append_char(out, is_escape ? '/' : at[i]);
                i += is_escape ? 1 : 0;
            }
            buf_append_text(out, "\":");
            memmove(closing + 1, closing, strlen(closing) + 1);
            closing[0] = in_element ? ' ' : '}';
        }
        at += 1 + len;
    }
    for (const char *c = f->value != NULL ? f->value : "null"; *c != '\0'; c++) {
        buf_append_char(out, *c == '\'' ? '"' : *c);
    }
    buf_append_text(out, closing);
}

static const char *const heads[] = {
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"" NAME "\"}}",
    "{\"apiVersion\":\"cache.example.com/v1alpha1\",\"kind\":\"Memcached\",\"metadata\":{\"name\":"
    "\"" NAME "\"}}"};

/* Likewise, as a configuration to apply. */
static void write_config(const struct rival_field *f, struct buf *out)
{
    CLEANUP(buf_fini) struct buf nested;
    buf_init(&nested, BODY_BYTES);
    write_nested(f, &nested);
    yyjson_doc *head = parse(heads[is_custom(f)]);
    yyjson_doc *body = parse(buf_text(&nested));
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *merged =
        yyjson_merge_patch(doc, yyjson_doc_get_root(head), yyjson_doc_get_root(body));
    char *text = yyjson_mut_val_write(merged, 0, NULL);
    buf_append_text(out, text);
    free(text);
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(head);
    yyjson_doc_free(body);
}

static const char *live_object(const struct rival_field *f, struct world *w)
{
    return api_get(world_api(w), f->resource, "default", NAME);
}

static void write_whole(const struct rival_field *f, struct world *w, struct buf *out)
{
    yyjson_doc *live = parse(live_object(f, w));
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(live, NULL);
    set_value(f, doc, yyjson_mut_doc_get_root(doc));
    char *text = yyjson_mut_write(doc, 0, NULL);
    buf_append_text(out, text);
    free(text);
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(live);
}

/* ---- Acting ---- */

bool rival_is_content(const struct rival *r, struct world *w)
{
    yyjson_doc *live = parse(live_object(r->field, w));
    bool content = live == NULL ||
                   (r->means != RIVAL_DELETE && has_value(r->field, yyjson_doc_get_root(live)));
    yyjson_doc_free(live);
    return content;
}

static void write_it(const struct rival *r, struct world *w)
{
    static const enum http_method methods[RIVAL_MEANS] = {HTTP_PUT, HTTP_PATCH, HTTP_PATCH,
                                                          HTTP_PATCH, HTTP_DELETE};
    static const char *const types[RIVAL_MEANS] = {MEDIA_JSON, MEDIA_MERGE_PATCH, MEDIA_APPLY_PATCH,
                                                   MEDIA_MERGE_PATCH};
    const struct rival_field *f = r->field;
    char path[PATH_BYTES];
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BODY_BYTES);
    snprintf(path, sizeof path, "%s%s%s", is_custom(f) ? MEMCACHED : DEPLOYMENT,
             r->means == RIVAL_SCALE ? "/scale"
             : is_of_status(f)       ? "/status"
                                     : "",
             r->means == RIVAL_APPLY ? "?fieldManager=rival&force=true" : "");
    if (r->means == RIVAL_PUT) {
        write_whole(f, w, &body);
    } else if (r->means == RIVAL_MERGE) {
        write_nested(f, &body);
    } else if (r->means == RIVAL_APPLY) {
        write_config(f, &body);
    } else if (r->means == RIVAL_SCALE) {
        buf_printf(&body, "{\"spec\":{\"replicas\":%s}}", f->value);
    }
    world_write(w, "rival", methods[r->means], path, types[r->means],
                body.len > 0 ? buf_text(&body) : NULL, 200);
}

bool rival_act(struct rival *r, struct world *w)
{
    if (r->stopped || r->means == RIVAL_WEBHOOK || rival_is_content(r, w)) {
        r->due_ms = UINT64_MAX;
        return false;
    }
    if (r->due_ms == UINT64_MAX) {
        r->due_ms = world_now_ms(w) + r->late_ms;
    }
    if (r->due_ms > world_now_ms(w)) {
        return false;
    }
    r->due_ms = UINT64_MAX;
    write_it(r, w);
    if (!rival_is_content(r, w)) {
        world_fail(w, "workload: the rival's %s of %s does not work", rival_means_text(r->means),
                   r->field->pointer);
    }
    return true;
}

static void admit(void *ctx, const char *resource, const char *subresource, yyjson_mut_doc *doc,
                  yyjson_mut_val *object)
{
    const struct rival *r = ctx;
    yyjson_mut_val *name = yyjson_mut_ptr_get(object, "/metadata/name");
    bool is_status = subresource != NULL && strcmp(subresource, "status") == 0;
    if (strcmp(resource, r->field->resource) == 0 && yyjson_mut_equals_str(name, NAME) &&
        is_status == is_of_status(r->field)) {
        set_value(r->field, doc, object);
    }
}

void rival_admit(struct rival *r, struct world *w)
{
    world_admit(w, admit, r);
}

void rival_stop(struct rival *r, struct world *w)
{
    r->stopped = true;
    r->due_ms = UINT64_MAX;
    world_admit(w, NULL, NULL);
}
