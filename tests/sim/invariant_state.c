/*
 * I1: is every Memcached, its Deployment and its status as design.md §4 and the README say? On
 * nothing but what the server has now.
 */
#include "sim/invariant_parts.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/invariant_desired.h"
#include "sim/invariant_sizing.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CLAIMANTS_MAX = 64, LOSERS_NAMED_MAX = 10, POD_LABEL_BYTES_MAX = 63 };

/* All that is claimed in the cluster now. */
struct claims {
    struct claimant all[CLAIMANTS_MAX];
    const struct claimant *pointers[CLAIMANTS_MAX];
    size_t count;
};

/* One Memcached, and what concerns it. */
struct subject {
    struct invariants *i;
    const struct claims *claims;
    const char *ns, *name, *uid;
    yyjson_val *memcached, *status;
    yyjson_val *operand;            /* the Deployment of its name; NULL: none */
    bool is_ours;                   /* that one is controlled by it */
    const struct claimant *decider; /* of those who bear the label, if only that counted */
    struct sizing_truth *sizing;
};

__attribute__((format(printf, 2, 3))) static void differ(const struct subject *s,
                                                         const char *format, ...)
{
    char what[INVARIANT_TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    world_fail(s->i->world, "I1: Memcached %s/%s: %s", s->ns, s->name, what);
}

static int64_t number(yyjson_val *value)
{
    return json_get_int(value, -1);
}

/* ---- The spec and the Deployment ---- */

static int64_t size_of(const struct subject *s)
{
    return number(json_at(s->memcached, "spec", "size", NULL));
}

/* Its name cannot be the value of its pods' label. */
static bool is_invalid(const struct subject *s)
{
    return strlen(s->name) > POD_LABEL_BYTES_MAX;
}

static bool is_leaving(yyjson_val *object)
{
    return json_at(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

static void check_size(const struct subject *s)
{
    if (s->sizing->has_target && !s->sizing->is_right) {
        differ(s, "size is %" PRId64 ", but \"%s\" decides and calls for %" PRId64, size_of(s),
               s->sizing->source, s->sizing->wish);
    }
}

static void check_operand(const struct subject *s)
{
    if (is_invalid(s)) {
        if (s->is_ours) {
            differ(s, "it can have no Deployment, but has one");
        }
        return;
    }
    if (s->operand == NULL) {
        differ(s, "it has no Deployment");
    } else if (s->is_ours && !is_leaving(s->operand)) {
        CLEANUP(buf_fini) struct buf where;
        buf_init(&where, INVARIANT_TEXT_BYTES_MAX);
        const char *image = s->i->images[s->i->image_count - 1];
        const char *difference = desired_difference(s->operand, s->name, s->uid, image, &where);
        int64_t replicas = number(json_at(s->operand, "spec", "replicas", NULL));
        if (difference != NULL) {
            differ(s, "%s of its Deployment is not as desired (image \"%s\", desired \"%s\")",
                   difference, desired_image_of(s->operand), image);
        } else if (replicas != size_of(s)) {
            differ(s, "size is %" PRId64 ", but its Deployment has %" PRId64 " replicas",
                   size_of(s), replicas);
        }
    }
}

/* ---- The status ---- */

static void expect_number(const struct subject *s, const char *key, int64_t expected)
{
    int64_t is = number(yyjson_obj_get(s->status, key));
    if (is != expected) {
        differ(s, "status.%s is %" PRId64 ", not %" PRId64, key, is, expected);
    }
}

static void expect_text(const struct subject *s, const char *key, const char *expected)
{
    const char *is = invariants_text(yyjson_obj_get(s->status, key));
    if (strcmp(is, expected) != 0) {
        differ(s, "status.%s is \"%s\", not \"%s\"", key, is, expected);
    }
}

/* The condition of this type; more than one is a failure. */
static yyjson_val *condition(const struct subject *s, const char *type)
{
    yyjson_val *found = NULL;
    size_t index, max;
    yyjson_val *c;
    yyjson_arr_foreach(yyjson_obj_get(s->status, "conditions"), index, max, c)
    {
        if (yyjson_equals_str(yyjson_obj_get(c, "type"), type)) {
            if (found != NULL) {
                differ(s, "it has two conditions %s", type);
            }
            found = c;
        }
    }
    return found;
}

/* @reason NULL: there is no such condition. */
static void expect_condition(const struct subject *s, const char *type, const char *status,
                             const char *reason)
{
    yyjson_val *c = condition(s, type);
    if (c == NULL && reason != NULL) {
        differ(s, "it has no condition %s, but should have %s %s", type, status, reason);
    } else if (c != NULL && reason == NULL) {
        differ(s, "it has condition %s %s, but should have none of that type", type,
               invariants_text(yyjson_obj_get(c, "reason")));
    } else if (c != NULL && (!yyjson_equals_str(yyjson_obj_get(c, "status"), status) ||
                             !yyjson_equals_str(yyjson_obj_get(c, "reason"), reason))) {
        differ(s, "condition %s is %s %s (%s), not %s %s", type,
               invariants_text(yyjson_obj_get(c, "status")),
               invariants_text(yyjson_obj_get(c, "reason")),
               invariants_text(yyjson_obj_get(c, "message")), status, reason);
    } else if (c != NULL &&
               strlen(invariants_text(yyjson_obj_get(c, "lastTransitionTime"))) != 20) {
        differ(s, "condition %s has no time", type);
    }
}

static void expect_message_names(const struct subject *s, const char *type, const char *name)
{
    const char *message = invariants_text(yyjson_obj_get(condition(s, type), "message"));
    char quoted[300];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    if (strstr(message, quoted) == NULL) {
        differ(s, "the message of condition %s does not name %s: %s", type, quoted, message);
    }
}

static bool is_by_age(const struct subject *s)
{
    const struct size_rules *rules = &s->sizing->rules;
    return rules->source_count == 0 && strcmp(rules->claims, "Oldest") == 0;
}

/* It bears the label, and is not listened to. */
static bool is_unheard(const struct subject *s, const struct claimant *c)
{
    const struct size_rules *rules = &s->sizing->rules;
    bool is_heard = is_by_age(s) ? c == s->decider
                                 : rules->source_count == 0 && strcmp(rules->claims, "Ignore") != 0;
    return !size_rules_are_bad(rules) && claimant_is_for(c, s->ns, s->name) && !is_heard &&
           !size_is_source(rules, c->name);
}

static void check_conflict(const struct subject *s)
{
    size_t unheard = 0;
    for (size_t n = 0; n < s->claims->count; n++) {
        unheard += is_unheard(s, s->claims->pointers[n]);
    }
    expect_condition(s, "Conflict", "True",
                     unheard == 0   ? NULL
                     : is_by_age(s) ? "SeveralClaimants"
                                    : "LabelIgnored");
    if (unheard > 0 && is_by_age(s)) {
        expect_message_names(s, "Conflict", s->decider->name);
    }
    for (size_t n = 0; n < s->claims->count && unheard <= LOSERS_NAMED_MAX; n++) {
        const struct claimant *c = s->claims->pointers[n];
        if (is_unheard(s, c)) {
            expect_message_names(s, "Conflict", c->name);
        }
    }
}

static void check_numbers(const struct subject *s)
{
    expect_number(s, "observedGeneration",
                  number(json_at(s->memcached, "metadata", "generation", NULL)));
    if (!s->is_ours) {
        expect_number(s, "replicas", 0);
        expect_number(s, "readyReplicas", 0);
        expect_condition(s, "Available", "False", "NoDeployment");
        return;
    }
    yyjson_val *status = yyjson_obj_get(s->operand, "status");
    int64_t ready = json_get_int(yyjson_obj_get(status, "readyReplicas"), 0);
    bool all = ready >= size_of(s);
    expect_number(s, "replicas", json_get_int(yyjson_obj_get(status, "replicas"), 0));
    expect_number(s, "readyReplicas", ready);
    expect_condition(s, "Available", all ? "True" : "False",
                     all ? "AllReplicasReady" : "ReplicasNotReady");
}

static void check_reconciled(const struct subject *s)
{
    if (is_invalid(s)) {
        expect_condition(s, "Reconciled", "False", "InvalidSpec");
    } else if (s->is_ours) {
        expect_condition(s, "Reconciled", "True", "AsDesired");
    } else {
        expect_condition(s, "Reconciled", "False", "NameTaken");
        expect_message_names(s, "Reconciled", s->name);
    }
}

struct pods {
    const struct subject *subject;
    size_t count; /* live ones so far */
};

/* By name, as the server lists them. */
static void check_pod(void *ctx, const char *json)
{
    struct pods *pods = ctx;
    const struct subject *s = pods->subject;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *pod = yyjson_doc_get_root(doc);
    yyjson_val *labels = json_at(pod, "metadata", "labels", NULL);
    const char *name = invariants_text(json_at(pod, "metadata", "name", NULL));
    if (yyjson_equals_str(yyjson_obj_get(labels, "app"), "memcached") &&
        yyjson_equals_str(yyjson_obj_get(labels, "memcached_cr"), s->name) && !is_leaving(pod)) {
        const char *node =
            invariants_text(yyjson_arr_get(yyjson_obj_get(s->status, "nodes"), pods->count));
        if (strcmp(node, name) != 0) {
            differ(s, "status.nodes[%zu] is \"%s\", not \"%s\"", pods->count, node, name);
        }
        pods->count++;
    }
    yyjson_doc_free(doc);
}

static void check_nodes(const struct subject *s)
{
    struct pods pods = {.subject = s};
    api_each(world_api(s->i->world), "pods", s->ns, check_pod, &pods);
    size_t told = yyjson_arr_size(yyjson_obj_get(s->status, "nodes"));
    if (told != pods.count) {
        differ(s, "status.nodes names %zu pods, but there are %zu", told, pods.count);
    }
}

static void check_sizing(const struct subject *s)
{
    CLEANUP(buf_fini) struct buf why;
    buf_init(&why, INVARIANT_TEXT_BYTES_MAX);
    const char *difference = sizing_status_difference(s->sizing, s->status, &why);
    if (difference != NULL) {
        differ(s, "%s", difference);
    }
}

static void check_status(const struct subject *s)
{
    char expected[512] = "";
    expect_text(s, "source", s->sizing->source);
    snprintf(expected, sizeof expected, "app=memcached,memcached_cr=%s", s->name);
    expect_text(s, "selector", expected);
    check_nodes(s);
    if (s->is_ours && is_leaving(s->operand)) {
        return; /* held by somebody's finalizer: until it is gone there is nothing to say */
    }
    expect_condition(s, "SizeSynced", s->sizing->is_synced ? "True" : "False", s->sizing->reason);
    check_conflict(s);
    check_sizing(s);
    check_numbers(s);
    check_reconciled(s);
}

/* ---- All ---- */

static void judge_claims(struct subject *s)
{
    sizing_expect(s->sizing, s->i, s->memcached, s->is_ours ? s->operand : NULL,
                  s->claims->pointers, s->claims->count);
    s->decider = claimants_decide(s->claims->pointers, s->claims->count, s->ns, s->name);
}

struct checking {
    struct invariants *i;
    struct claims claims;
    struct sizing_truth sizing; /* of one after the other */
};

static bool is_ending(const struct invariants *i, const char *ns)
{
    const char *json = api_get(world_api(i->world), "namespaces", "", ns);
    return json == NULL || strstr(json, "\"deletionTimestamp\"") != NULL;
}

static void check_memcached(void *ctx, const char *json)
{
    struct checking *c = ctx;
    struct subject s = {.i = c->i, .claims = &c->claims, .sizing = &c->sizing};
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    s.memcached = yyjson_doc_get_root(doc);
    s.status = yyjson_obj_get(s.memcached, "status");
    s.ns = invariants_text(json_at(s.memcached, "metadata", "namespace", NULL));
    s.name = invariants_text(json_at(s.memcached, "metadata", "name", NULL));
    s.uid = invariants_text(json_at(s.memcached, "metadata", "uid", NULL));
    const char *operand = api_get(world_api(c->i->world), "deployments", s.ns, s.name);
    yyjson_doc *operand_doc = operand != NULL ? yyjson_read(operand, strlen(operand), 0) : NULL;
    s.operand = yyjson_doc_get_root(operand_doc);
    const char *owner = controlling_memcached(s.operand);
    s.is_ours = owner != NULL && strcmp(owner, s.uid) == 0;
    if (!is_leaving(s.memcached) && !is_ending(c->i, s.ns)) {
        judge_claims(&s);
        check_size(&s);
        check_operand(&s);
        check_status(&s);
    }
    yyjson_doc_free(operand_doc);
    yyjson_doc_free(doc);
}

struct search {
    const char *uid;
    bool found;
};

static void look_for_uid(void *ctx, const char *json)
{
    struct search *search = ctx;
    search->found |= strstr(json, search->uid) != NULL;
}

/* Of each Deployment: note its claim; and its Memcached is there, or it should not be. */
static void read_deployment(void *ctx, const char *json)
{
    struct checking *c = ctx;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *deployment = yyjson_doc_get_root(doc);
    struct claims *claims = &c->claims;
    if (claims->count < CLAIMANTS_MAX && claimant_read(deployment, &claims->all[claims->count])) {
        claims->pointers[claims->count] = &claims->all[claims->count];
        claims->count++;
    }
    const char *ns = invariants_text(json_at(deployment, "metadata", "namespace", NULL));
    struct search search = {.uid = controlling_memcached(deployment)};
    if (search.uid != NULL && !is_leaving(deployment)) {
        api_each(world_api(c->i->world), "memcacheds", ns, look_for_uid, &search);
        if (!search.found) {
            world_fail(c->i->world, "I1: Deployment %s/%s: its Memcached %s is gone", ns,
                       invariants_text(json_at(deployment, "metadata", "name", NULL)), search.uid);
        }
    }
    yyjson_doc_free(doc);
}

void invariants_check_state(struct invariants *i)
{
    struct checking *c = mem_zalloc(sizeof *c);
    c->i = i;
    api_each(world_api(i->world), "deployments", NULL, read_deployment, c);
    api_each(world_api(i->world), "memcacheds", NULL, check_memcached, c);
    mem_free(c);
}
