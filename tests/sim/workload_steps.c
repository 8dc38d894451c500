#include "sim/workload_steps.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define CLAIM_LABEL "memcached-operator/associated-memcached-deployment-name"

enum { BODY_TEXT_BYTES_MAX = 16 << 10, WORDS_BYTES_MAX = 200, LOOKS_MAX = 200 };

static struct step *add(struct steps *s, enum step_type type, const char *words)
{
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 16 : s->cap * 2;
        s->items = mem_realloc(s->items, s->cap * sizeof *s->items);
    }
    struct step *step = &s->items[s->count++];
    *step = (struct step){.type = type, .words = mem_strndup(words, WORDS_BYTES_MAX)};
    return step;
}

void steps_fini(struct steps *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->items[i].words);
        mem_free(s->items[i].path);
        mem_free(s->items[i].body);
        mem_free(s->items[i].image);
    }
    mem_free(s->items);
}

/* ---- Requests ---- */

static const char *prefix_of(const char *resource)
{
    if (strcmp(resource, "memcacheds") == 0) {
        return "/apis/cache.example.com/v1alpha1";
    }
    if (strcmp(resource, "fleets") == 0) {
        return "/apis/stable.example.com/v1";
    }
    bool is_of_apps = strcmp(resource, "deployments") == 0 ||
                      strcmp(resource, "statefulsets") == 0 || strcmp(resource, "replicasets") == 0;
    return is_of_apps ? "/apis/apps/v1" : "/api/v1";
}

static char *quoted(const char *body)
{
    char *text = body != NULL ? mem_strdup(body) : NULL;
    for (char *c = text; c != NULL && (c = strchr(c, '\'')) != NULL;) {
        *c = '"';
    }
    return text;
}

static char *path_of(const struct target *t, const char *subresource)
{
    struct buf path;
    buf_init(&path, BODY_TEXT_BYTES_MAX);
    buf_printf(&path, "%s/namespaces/%s/%s", prefix_of(t->resource), t->ns, t->resource);
    if (t->name != NULL) {
        buf_printf(&path, "/%s", t->name);
    }
    buf_append_text(&path, subresource);
    return buf_take(&path);
}

void user_request(struct steps *s, const char *who, enum http_method method,
                  const struct target *target, const char *subresource, const char *content_type,
                  const char *body, const char *words)
{
    struct step *step = add(s, STEP_REQUEST, words);
    step->who = who;
    step->method = method;
    step->path = path_of(target, subresource);
    step->content_type = content_type;
    step->body = quoted(body);
}

/* "kubectl scale deployments default/web 3" */
static char *describe(const char *who, const char *verb, const struct target *t, const char *detail)
{
    struct buf words;
    buf_init(&words, BODY_TEXT_BYTES_MAX);
    buf_printf(&words, "%s %s %s %s/%s%s%s", who, verb, t->resource, t->ns, t->name,
               detail[0] != '\0' ? " " : "", detail);
    return buf_take(&words);
}

void user_patch(struct steps *s, const char *who, const struct target *target, const char *body)
{
    char *words = describe(who, "patch", target, body);
    user_request(s, who, HTTP_PATCH, target, "", MEDIA_MERGE_PATCH, body, words);
    mem_free(words);
}

void user_patch_status(struct steps *s, const char *who, const struct target *target,
                       const char *body)
{
    char *words = describe(who, "patch status of", target, body);
    user_request(s, who, HTTP_PATCH, target, "/status", MEDIA_MERGE_PATCH, body, words);
    mem_free(words);
}

void user_apply(struct steps *s, const char *who, const struct target *target, const char *body)
{
    bool is_memcached = strcmp(target->resource, "memcacheds") == 0;
    CLEANUP(buf_fini) struct buf whole, query;
    buf_init(&whole, BODY_TEXT_BYTES_MAX);
    buf_init(&query, BODY_TEXT_BYTES_MAX);
    buf_printf(&query, "?fieldManager=%s&force=true", who);
    buf_printf(&whole, "{'apiVersion':'%s','kind':'%s','metadata':{'name':'%s','namespace':'%s'},",
               is_memcached ? "cache.example.com/v1alpha1" : "apps/v1",
               is_memcached ? "Memcached" : "Deployment", target->name, target->ns);
    buf_append_text(&whole, body + 1); /* behind its brace */
    char *words = describe(who, "apply", target, body);
    user_request(s, who, HTTP_PATCH, target, buf_text(&query), MEDIA_APPLY_PATCH, buf_text(&whole),
                 words);
    mem_free(words);
}

static void create(struct steps *s, const char *who, const struct target *target, const char *body,
                   const char *detail)
{
    char *words = describe(who, "create", target, detail);
    user_request(s, who, HTTP_POST, &(struct target){target->resource, target->ns, NULL}, "",
                 MEDIA_JSON, body, words);
    mem_free(words);
}

/* ---- Creation ---- */

void user_create_memcached(struct steps *s, const char *ns, const char *name, int size)
{
    CLEANUP(buf_fini) struct buf body, detail;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_init(&detail, WORDS_BYTES_MAX);
    buf_printf(&detail, "size=%d", size);
    buf_printf(&body,
               "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{'name':"
               "'%s'},'spec':{'size':%d}}",
               name, size);
    create(s, "kubectl", &(struct target){"memcacheds", ns, name}, buf_text(&body),
           buf_text(&detail));
}

void user_create_sized(struct steps *s, const char *ns, const char *name, int size,
                       const char *size_from)
{
    CLEANUP(buf_fini) struct buf body, detail;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_init(&detail, BODY_TEXT_BYTES_MAX);
    buf_printf(&detail, "size=%d from %s", size, size_from);
    buf_printf(&body,
               "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{'name':"
               "'%s'},'spec':{'size':%d,'sizeFrom':%s}}",
               name, size, size_from);
    create(s, "kubectl", &(struct target){"memcacheds", ns, name}, buf_text(&body),
           buf_text(&detail));
}

static void deployment_body(struct buf *body, const char *name, const char *labels, int replicas,
                            const char *pod_labels, const char *image)
{
    buf_printf(body,
               "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'%s','labels':{%s}},"
               "'spec':{'replicas':%d,'selector':{'matchLabels':{%s}},'template':{'metadata':"
               "{'labels':{%s}},'spec':{'containers':[{'name':'main','image':'%s'}]}}}}",
               name, labels, replicas, pod_labels, pod_labels, image);
}

void user_create_source(struct steps *s, const char *ns, const char *name, const char *claim,
                        int replicas)
{
    CLEANUP(buf_fini) struct buf body, labels, pod_labels, detail;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_init(&labels, BODY_TEXT_BYTES_MAX);
    buf_init(&pod_labels, BODY_TEXT_BYTES_MAX);
    buf_init(&detail, WORDS_BYTES_MAX);
    buf_printf(&pod_labels, "'app':'%s'", name);
    buf_printf(&labels, "'app':'%s'", name);
    buf_printf(&detail, "replicas=%d", replicas);
    if (claim != NULL) {
        buf_printf(&labels, ",'" CLAIM_LABEL "':'%s'", claim);
        buf_printf(&detail, " for %s", claim);
    }
    deployment_body(&body, name, buf_text(&labels), replicas, buf_text(&pod_labels), "nginx:1");
    create(s, "kubectl", &(struct target){"deployments", ns, name}, buf_text(&body),
           buf_text(&detail));
}

static const char *kind_of(const char *resource)
{
    return strcmp(resource, "statefulsets") == 0  ? "StatefulSet"
           : strcmp(resource, "replicasets") == 0 ? "ReplicaSet"
                                                  : "Fleet";
}

void user_create_scalable(struct steps *s, const struct target *target, int replicas)
{
    bool is_fleet = strcmp(target->resource, "fleets") == 0;
    CLEANUP(buf_fini) struct buf body, detail;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_init(&detail, WORDS_BYTES_MAX);
    buf_printf(&detail, "replicas=%d", replicas);
    buf_printf(&body,
               "{'apiVersion':'%s','kind':'%s','metadata':{'name':'%s'},'spec':{'replicas':%d",
               is_fleet ? "stable.example.com/v1" : "apps/v1", kind_of(target->resource),
               target->name, replicas);
    if (!is_fleet) {
        buf_printf(&body,
                   ",'selector':{'matchLabels':{'app':'%s'}},'template':{'metadata':{'labels':{"
                   "'app':'%s'}},'spec':{'containers':[{'name':'main','image':'nginx:1'}]}}",
                   target->name, target->name);
    }
    buf_append_text(&body, "}}");
    create(s, "kubectl", target, buf_text(&body), buf_text(&detail));
}

void user_create_stranger(struct steps *s, const char *ns, const char *name, bool disguised)
{
    CLEANUP(buf_fini) struct buf body, labels;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_init(&labels, BODY_TEXT_BYTES_MAX);
    buf_printf(&labels, "'app':'memcached','memcached_cr':'%s'", name);
    deployment_body(&body, name,
                    disguised ? "'app.kubernetes.io/managed-by':'memcached-operator'" : "", 2,
                    disguised ? buf_text(&labels) : "'app':'helm'", "memcached:1.5");
    create(s, "helm", &(struct target){"deployments", ns, name}, buf_text(&body),
           disguised ? "like one of the operator's" : "");
}

void user_create_pod(struct steps *s, const char *ns, const char *name, const char *memcached)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_printf(&body,
               "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'%s','labels':{'app':"
               "'memcached','memcached_cr':'%s'}},'spec':{'nodeName':'node-1','containers':[{"
               "'name':'main','image':'busybox'}]}}",
               name, memcached);
    create(s, "kubectl", &(struct target){"pods", ns, name}, buf_text(&body), "");
}

void user_evict_pod(struct steps *s, const char *ns, const char *memcached, bool is_held)
{
    CLEANUP(buf_fini) struct buf words;
    buf_init(&words, WORDS_BYTES_MAX);
    buf_printf(&words, "kubectl delete a pod of %s/%s%s", ns, memcached,
               is_held ? ", which is held" : "");
    struct step *step = add(s, STEP_EVICT, buf_text(&words));
    step->who = "kubectl";
    step->path = mem_strdup(ns);
    step->body = mem_strdup(memcached);
    step->is_held = is_held;
}

/* ---- Changes ---- */

void user_scale(struct steps *s, const struct target *target, int replicas)
{
    CLEANUP(buf_fini) struct buf body, detail;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_init(&detail, WORDS_BYTES_MAX);
    buf_printf(&body, "{'spec':{'replicas':%d}}", replicas);
    buf_printf(&detail, "to %d", replicas);
    char *words = describe("kubectl", "scale", target, buf_text(&detail));
    user_request(s, "kubectl", HTTP_PATCH, target, "/scale", MEDIA_MERGE_PATCH, buf_text(&body),
                 words);
    mem_free(words);
}

void user_size_from(struct steps *s, const char *ns, const char *name, const char *size_from)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_printf(&body, "{'spec':{'sizeFrom':%s}}", size_from != NULL ? size_from : "null");
    user_patch(s, "kubectl", &(struct target){"memcacheds", ns, name}, buf_text(&body));
}

void user_pause(struct steps *s, const char *ns, const char *name, const char *value)
{
    char body[128];
    snprintf(body, sizeof body, "{'metadata':{'annotations':{'memcached-operator/paused':%s%s%s}}}",
             value != NULL ? "'" : "", value != NULL ? value : "null", value != NULL ? "'" : "");
    user_patch(s, "kubectl", &(struct target){"memcacheds", ns, name}, body);
}

void user_claim(struct steps *s, const char *ns, const char *deployment, const char *claim)
{
    const struct target target = {"deployments", ns, deployment};
    CLEANUP(buf_fini) struct buf body, detail;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_init(&detail, BODY_TEXT_BYTES_MAX);
    if (claim == NULL) {
        buf_append_text(&body, "{'metadata':{'labels':{'" CLAIM_LABEL "':null}}}");
        buf_append_text(&detail, "for nobody");
    } else {
        buf_printf(&body, "{'metadata':{'labels':{'" CLAIM_LABEL "':'%s'}}}", claim);
        buf_printf(&detail, "for %s", claim);
    }
    char *words = describe("kubectl", "label", &target, buf_text(&detail));
    user_request(s, "kubectl", HTTP_PATCH, &target, "", MEDIA_MERGE_PATCH, buf_text(&body), words);
    mem_free(words);
}

void user_delete(struct steps *s, const struct target *target, const char *policy)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_printf(&body, "{'kind':'DeleteOptions','apiVersion':'v1','propagationPolicy':'%s'}",
               policy);
    char *words =
        describe("kubectl", "delete", target, strcmp(policy, "Background") == 0 ? "" : policy);
    user_request(s, "kubectl", HTTP_DELETE, target, "", MEDIA_JSON, buf_text(&body), words);
    mem_free(words);
}

void user_delete_held(struct steps *s, const struct target *target)
{
    user_patch(s, "kubectl", target, "{'metadata':{'finalizers':['example.com/hold']}}");
    user_delete(s, target, "Background");
}

/* ---- More than an object ---- */

static struct step *add_about(struct steps *s, enum step_type type, const char *words,
                              const char *what)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, WORDS_BYTES_MAX);
    buf_printf(&text, "%s %s", words, what);
    struct step *step = add(s, type, buf_text(&text));
    step->who = "kubectl";
    return step;
}

void user_create_namespace(struct steps *s, const char *ns)
{
    struct step *step = add_about(s, STEP_REQUEST, "kubectl create namespace", ns);
    struct buf body;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_printf(&body,
               "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", ns);
    step->method = HTTP_POST;
    step->path = mem_strdup("/api/v1/namespaces");
    step->content_type = MEDIA_JSON;
    step->body = buf_take(&body);
}

void user_delete_namespace(struct steps *s, const char *ns)
{
    struct step *step = add_about(s, STEP_REQUEST, "kubectl delete namespace", ns);
    struct buf path;
    buf_init(&path, BODY_TEXT_BYTES_MAX);
    buf_printf(&path, "/api/v1/namespaces/%s", ns);
    step->method = HTTP_DELETE;
    step->path = buf_take(&path);
}

void user_await_namespace_gone(struct steps *s, const char *ns)
{
    struct step *step = add_about(s, STEP_AWAIT_GONE, "kubectl wait for the end of namespace", ns);
    step->path = mem_strdup(ns);
    step->patience = LOOKS_MAX;
}

void user_upgrade(struct steps *s, const char *image)
{
    struct step *step = add_about(s, STEP_UPGRADE, "the operator is replaced by one for", image);
    step->image = mem_strdup(image);
}

void user_wait(struct steps *s, unsigned seconds)
{
    char words[32];
    snprintf(words, sizeof words, "people wait %u s", seconds);
    add(s, STEP_WAIT, words)->wait_ms = (uint64_t)seconds * 1000;
}

void user_serve_crd(struct steps *s, bool serve)
{
    add(s, serve ? STEP_CRD_BACK : STEP_CRD_AWAY,
        serve ? "kubectl apply the CRD" : "kubectl delete the CRD");
}
