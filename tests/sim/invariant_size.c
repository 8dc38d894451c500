#include "sim/invariant_size.h"

#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <string.h>

__extension__ typedef __int128 wide;

/* ---- The reference ---- */

/* @replicas of somebody call for so many memcacheds. */
static int64_t memcacheds_for(const struct size_rules *r, int64_t replicas)
{
    wide product = (wide)replicas * r->memcached;
    wide n = product / r->per, rest = product % r->per;
    if ((r->rounding[0] == 'U' && rest > 0) || (r->rounding[0] == 'N' && 2 * rest >= r->per)) {
        n++;
    }
    n = n < r->min ? r->min : n;
    return (int64_t)(n > r->max ? r->max : n);
}

int64_t size_wished(const struct size_rules *r, const struct size_tally *t, int64_t size)
{
    if (t->counting == 0 && !t->is_short) {
        return -1;
    }
    int64_t n = memcacheds_for(r, r->is_maximum ? t->max : t->sum);
    if (t->is_short && r->if_missing[0] == 'K') {
        return t->counting > 0 && n >= size ? n : -1;
    }
    return t->is_short && r->if_missing[0] == 'F' && n < r->fallback ? r->fallback : n;
}

void size_tally_add(struct size_tally *t, struct size_reading reading)
{
    if (reading.state != READING_FOUND) {
        t->is_short = true;
        return;
    }
    t->counting++;
    t->sum += reading.replicas;
    t->max = reading.replicas > t->max ? reading.replicas : t->max;
}

/* ---- The rules ---- */

static const char *text_or(yyjson_val *object, const char *key, const char *fallback)
{
    yyjson_val *v = yyjson_obj_get(object, key);
    return yyjson_is_str(v) ? yyjson_get_str(v) : fallback;
}

static int64_t number_or(yyjson_val *object, const char *key, int64_t fallback)
{
    return json_get_int(yyjson_obj_get(object, key), fallback);
}

static bool has(yyjson_val *object, const char *key)
{
    yyjson_val *v = yyjson_obj_get(object, key);
    return v != NULL && !yyjson_is_null(v);
}

static bool is_of_apps(const char *kind)
{
    return strcmp(kind, "Deployment") == 0 || strcmp(kind, "StatefulSet") == 0 ||
           strcmp(kind, "ReplicaSet") == 0;
}

static size_t group_len(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return slash != NULL ? (size_t)(slash - api_version) : 0;
}

static bool is_same(const struct size_source_name *a, const struct size_source_name *b)
{
    size_t len = group_len(a->api_version);
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0 &&
           len == group_len(b->api_version) && memcmp(a->api_version, b->api_version, len) == 0;
}

static const struct api_resource *resource_of(const struct size_source_name *s)
{
    for (unsigned i = 0; i < api_resource_count; i++) {
        const struct api_resource *r = &api_resources[i];
        size_t len = strlen(r->group);
        const char *version = s->api_version + len + (len > 0);
        if (strcmp(r->kind, s->kind) == 0 && len == group_len(s->api_version) &&
            memcmp(r->group, s->api_version, len) == 0 && strcmp(r->version, version) == 0) {
            return r;
        }
    }
    return NULL;
}

static void read_source(struct size_rules *r, yyjson_val *json)
{
    struct size_source_name *s = &r->sources[r->source_count];
    s->kind = text_or(json, "kind", "");
    s->name = text_or(json, "name", "");
    s->api_version = text_or(json, "apiVersion", is_of_apps(s->kind) ? "apps/v1" : "");
    if (s->api_version[0] == '\0') {
        r->fault = "which apiVersion?";
        return;
    }
    for (size_t i = 0; i < r->source_count; i++) {
        if (is_same(&r->sources[i], s)) {
            r->fault = "twice the same";
        }
    }
    s->resource = resource_of(s);
    r->source_count++;
}

static void read_sources(struct size_rules *r, yyjson_val *list)
{
    size_t i, count;
    yyjson_val *source;
    yyjson_arr_foreach(list, i, count, source)
    {
        if (r->source_count == SIZE_SOURCES_MAX) {
            r->fault = "too many";
            return;
        }
        read_source(r, source);
    }
}

/* What contradicts itself: the rules of config/crd/cel_rules.yaml. */
static void check(struct size_rules *r, yyjson_val *json)
{
    bool sourced = r->source_count > 0;
    bool falls_back = strcmp(r->if_missing, "Fallback") == 0;
    const struct {
        bool broken;
        const char *fault;
    } rules[] = {
        {r->min > r->max, "min above max"},
        {has(json, "fallback") != falls_back, "fallback and ifMissing"},
        {falls_back && (r->fallback < r->min || r->fallback > r->max), "fallback out of bounds"},
        {strcmp(r->if_missing, "Min") == 0 && !has(json, "min"), "no min"},
        {!sourced && strcmp(r->if_missing, "Keep") != 0, "nothing to miss"},
        {!sourced && has(json, "aggregate"), "nothing to aggregate"},
        {sourced && (strcmp(r->claims, "Max") == 0 || strcmp(r->claims, "Sum") == 0), "claims"},
        {r->up_only && (r->hold_ms > 0 || r->step_down > 0), "never down"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        r->fault = r->fault == NULL && rules[i].broken ? rules[i].fault : r->fault;
    }
}

static void read_pause(struct size_rules *r, yyjson_val *memcached, yyjson_val *json)
{
    yyjson_val *note = json_at(memcached, "metadata", "annotations", PAUSED_ANNOTATION, NULL);
    r->is_paused = yyjson_is_true(yyjson_obj_get(json, "paused"));
    if (note != NULL && yyjson_equals_str(note, "true")) {
        r->is_paused = true;
    }
    r->pause_is_unclear =
        note != NULL && !yyjson_equals_str(note, "true") && !yyjson_equals_str(note, "false");
}

void size_rules_read(struct size_rules *r, yyjson_val *memcached)
{
    yyjson_val *json = json_at(memcached, "spec", "sizeFrom", NULL);
    yyjson_val *ratio = yyjson_obj_get(json, "ratio"), *step = yyjson_obj_get(json, "step");
    const char *mode = text_or(json, "mode", "Enforce");
    *r = (struct size_rules){.is_given = yyjson_is_obj(json),
                             .claims = text_or(json, "claims", "Oldest"),
                             .rounding = text_or(ratio, "rounding", "Up"),
                             .if_missing = text_or(json, "ifMissing", "Keep"),
                             .memcached = number_or(ratio, "memcached", 1),
                             .per = number_or(ratio, "per", 1),
                             .min = number_or(json, "min", 0),
                             .max = number_or(json, "max", INT32_MAX),
                             .fallback = number_or(json, "fallback", 0),
                             .hold_ms = number_or(json, "scaleDownAfterSeconds", 0) * 1000,
                             .step_up = number_or(step, "up", 0),
                             .step_down = number_or(step, "down", 0),
                             .up_only = strcmp(mode, "ScaleUpOnly") == 0,
                             .observes = strcmp(mode, "Observe") == 0};
    read_sources(r, yyjson_obj_get(json, "sources"));
    r->is_maximum = r->source_count > 0 ? strcmp(text_or(json, "aggregate", "Sum"), "Max") == 0
                                        : strcmp(r->claims, "Max") == 0;
    check(r, json);
    read_pause(r, memcached, json);
}

bool size_rules_are_bad(const struct size_rules *r)
{
    return r->fault != NULL || r->pause_is_unclear;
}

/* ---- Sources ---- */

void size_source_key(const struct size_source_name *s, const char *ns,
                     char out[SIZE_SOURCE_KEY_BYTES])
{
    out[0] = '\0';
    if (s->resource != NULL) {
        snprintf(out, SIZE_SOURCE_KEY_BYTES, "%.63s/%.63s/%.253s", ns, s->resource->plural,
                 s->name);
    }
}

struct size_reading size_read(const char *plural, yyjson_val *object)
{
    if (object == NULL || json_at(object, "metadata", "deletionTimestamp", NULL) != NULL) {
        return (struct size_reading){.state = READING_MISSING};
    }
    const char *key = strcmp(plural, "memcacheds") == 0 ? "size" : "replicas";
    yyjson_val *replicas = json_at(object, "spec", key, NULL);
    if (replicas == NULL && strcmp(plural, "fleets") == 0) {
        return (struct size_reading){.state = READING_MISSING}; /* it has no /scale now */
    }
    return (struct size_reading){.state = READING_FOUND, .replicas = json_get_int(replicas, 0)};
}

bool size_is_source(const struct size_rules *r, const char *deployment)
{
    const struct size_source_name self = {
        .api_version = "apps/v1", .kind = "Deployment", .name = deployment};
    for (size_t i = 0; i < r->source_count; i++) {
        if (is_same(&r->sources[i], &self)) {
            return true;
        }
    }
    return false;
}
