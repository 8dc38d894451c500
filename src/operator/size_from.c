#include "operator/size_from.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NOT_GIVEN = -1, FAULT_BYTES_MAX = 512 };

const struct size_from size_from_default = {.ratio_memcached = 1, .ratio_per = 1, .max = INT32_MAX};

/* ---- The fields that are numbers, choices or switches ---- */

enum field {
    CLAIMS,
    AGGREGATE,
    RATIO_MEMCACHED,
    RATIO_PER,
    RATIO_ROUNDING,
    MIN,
    MAX,
    SCALE_DOWN_AFTER,
    STEP_UP,
    STEP_DOWN,
    IF_MISSING,
    FALLBACK,
    MODE,
    PAUSED,
    FIELDS
};

static const char *const claims_names[] = {"Oldest", "Max", "Sum", "Ignore", NULL};
static const char *const aggregate_names[] = {"Sum", "Max", NULL};
static const char *const rounding_names[] = {"Up", "Down", "Nearest", NULL};
static const char *const if_missing_names[] = {"Keep", "Min", "Fallback", NULL};
static const char *const mode_names[] = {"Enforce", "ScaleUpOnly", "Observe", NULL};

/* Where nothing is given, `absent` is meant: of choices the first. */
static const struct field_spec {
    const char *parent; /* "": sizeFrom itself */
    const char *name;
    const char *const *choices; /* in the order of the enum; NULL: a number, or PAUSED */
    int32_t min, max;
    int32_t absent;
} fields[FIELDS] = {
    [CLAIMS] = {"", "claims", claims_names, 0, 0, 0},
    [AGGREGATE] = {"", "aggregate", aggregate_names, 0, 0, 0},
    [RATIO_MEMCACHED] = {"ratio", "memcached", NULL, 1, INT32_MAX, 1},
    [RATIO_PER] = {"ratio", "per", NULL, 1, INT32_MAX, 1},
    [RATIO_ROUNDING] = {"ratio", "rounding", rounding_names, 0, 0, 0},
    [MIN] = {"", "min", NULL, 0, INT32_MAX, 0},
    [MAX] = {"", "max", NULL, 0, INT32_MAX, INT32_MAX},
    [SCALE_DOWN_AFTER] = {"", "scaleDownAfterSeconds", NULL, 0, SIZE_FROM_SECONDS_MAX, 0},
    [STEP_UP] = {"step", "up", NULL, 0, INT32_MAX, 0},
    [STEP_DOWN] = {"step", "down", NULL, 0, INT32_MAX, 0},
    [IF_MISSING] = {"", "ifMissing", if_missing_names, 0, 0, 0},
    [FALLBACK] = {"", "fallback", NULL, 0, INT32_MAX, 0},
    [MODE] = {"", "mode", mode_names, 0, 0, 0},
    [PAUSED] = {"", "paused", NULL, 0, 1, 0},
};

/* What was given, before defaults. */
struct draft {
    struct arena *arena;
    const char *fault; /* the first that was found */
    int32_t given[FIELDS];
    struct size_source sources[SIZE_FROM_SOURCES_MAX];
    size_t source_count;
};

__attribute__((format(printf, 2, 3))) static void complain(struct draft *d, const char *format, ...)
{
    if (d->fault != NULL) {
        return;
    }
    char text[FAULT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CLEANUP(buf_fini) struct buf plain;
    buf_init(&plain, FAULT_BYTES_MAX);
    json_escape(&plain, text, strlen(text), false); /* names of fields may be anything */
    d->fault = arena_printf(d->arena, "spec.sizeFrom%s", buf_text(&plain));
}

/* The server drops null where it stands for "not given"; so do we. */
static yyjson_val *member(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    return yyjson_is_null(value) ? NULL : value;
}

static const char *path_of(struct draft *d, const char *parent, const char *name)
{
    const char *dot = parent[0] == '\0' ? "" : ".";
    return arena_printf(d->arena, "%s%s.%s", dot, parent, name);
}

static int32_t read_choice(struct draft *d, const struct field_spec *f, yyjson_val *value)
{
    for (int32_t i = 0; f->choices[i] != NULL; i++) {
        if (yyjson_equals_str(value, f->choices[i])) {
            return i;
        }
    }
    const char *known = f->choices[0];
    for (int32_t i = 1; f->choices[i] != NULL; i++) {
        known = arena_printf(d->arena, "%s, %s", known, f->choices[i]);
    }
    complain(d, "%s is none of those that this operator knows: %s", path_of(d, f->parent, f->name),
             known);
    return NOT_GIVEN;
}

static int32_t read_number(struct draft *d, const struct field_spec *f, yyjson_val *value)
{
    int64_t n = json_get_int(value, INT64_MIN);
    if (n < f->min || n > f->max) {
        complain(d, "%s is not a whole number from %d to %d", path_of(d, f->parent, f->name),
                 f->min, f->max);
        return NOT_GIVEN;
    }
    return (int32_t)n;
}

static int32_t read_switch(struct draft *d, const struct field_spec *f, yyjson_val *value)
{
    if (!yyjson_is_bool(value)) {
        complain(d, "%s is neither true nor false", path_of(d, f->parent, f->name));
        return NOT_GIVEN;
    }
    return yyjson_get_bool(value);
}

static void read_fields(struct draft *d, yyjson_val *json)
{
    for (size_t i = 0; i < FIELDS; i++) {
        const struct field_spec *f = &fields[i];
        yyjson_val *object = f->parent[0] == '\0' ? json : member(json, f->parent);
        yyjson_val *value = member(object, f->name);
        d->given[i] = value == NULL        ? NOT_GIVEN
                      : i == PAUSED        ? read_switch(d, f, value)
                      : f->choices != NULL ? read_choice(d, f, value)
                                           : read_number(d, f, value);
    }
}

static bool is_known(const char *parent, const char *name)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(parent, fields[i].parent) == 0 && strcmp(name, fields[i].name) == 0) {
            return true;
        }
    }
    return parent[0] == '\0' && (strcmp(name, "sources") == 0 || strcmp(name, "ratio") == 0 ||
                                 strcmp(name, "step") == 0);
}

/* An unknown field changes what the others mean in a way that only its author knows. */
static void check_object(struct draft *d, const char *parent, yyjson_val *json)
{
    if (json == NULL) {
        return;
    }
    if (!yyjson_is_obj(json)) {
        complain(d, "%s%s is not an object", parent[0] == '\0' ? "" : ".", parent);
        return;
    }
    size_t i, count;
    yyjson_val *key, *value;
    yyjson_obj_foreach(json, i, count, key, value)
    {
        const char *name = unsafe_yyjson_get_str(key); /* keys are texts */
        if (d->fault == NULL && !yyjson_is_null(value) && !is_known(parent, name)) {
            complain(d, "%.96s is no field that this operator knows", path_of(d, parent, name));
        }
    }
}

/* ---- Sources ---- */

static void read_source(struct draft *d, size_t index, yyjson_val *json)
{
    struct error err = ERROR_INIT;
    if (size_source_read(d->arena, json, &d->sources[index], &err) != 0) {
        complain(d, ".sources[%zu]%s", index, err.message);
        return;
    }
    for (size_t i = 0; i < index; i++) {
        if (size_source_is_same(&d->sources[i], &d->sources[index])) {
            complain(d, ".sources[%zu] is the same as sources[%zu]: name each source once", index,
                     i);
        }
    }
}

static void read_sources(struct draft *d, yyjson_val *json)
{
    if (json != NULL && !yyjson_is_arr(json)) {
        complain(d, ".sources is not a list");
    }
    if (yyjson_arr_size(json) > SIZE_FROM_SOURCES_MAX) {
        complain(d, ".sources are %zu: at most %d are allowed", yyjson_arr_size(json),
                 SIZE_FROM_SOURCES_MAX);
    }
    size_t i, count;
    yyjson_val *source;
    yyjson_arr_foreach(json, i, count, source)
    {
        if (d->fault != NULL) {
            return;
        }
        read_source(d, i, source);
        d->source_count = i + 1;
    }
}

/* ---- What must hold between fields ---- */

static bool both(const struct draft *d, enum field a, enum field b)
{
    return d->given[a] != NOT_GIVEN && d->given[b] != NOT_GIVEN;
}

static bool min_above_max(const struct draft *d)
{
    return both(d, MIN, MAX) && d->given[MIN] > d->given[MAX];
}

static bool fallback_below_min(const struct draft *d)
{
    return both(d, FALLBACK, MIN) && d->given[FALLBACK] < d->given[MIN];
}

static bool fallback_above_max(const struct draft *d)
{
    return both(d, FALLBACK, MAX) && d->given[FALLBACK] > d->given[MAX];
}

static bool fallback_unused(const struct draft *d)
{
    return d->given[FALLBACK] != NOT_GIVEN && d->given[IF_MISSING] != SIZE_IF_MISSING_FALLBACK;
}

static bool fallback_lacking(const struct draft *d)
{
    return d->given[FALLBACK] == NOT_GIVEN && d->given[IF_MISSING] == SIZE_IF_MISSING_FALLBACK;
}

static bool min_lacking(const struct draft *d)
{
    return d->given[MIN] == NOT_GIVEN && d->given[IF_MISSING] == SIZE_IF_MISSING_MIN;
}

/* A label that is gone leaves the size as it is: nobody says any more that there was one. */
static bool nothing_to_miss(const struct draft *d)
{
    return d->source_count == 0 && d->given[IF_MISSING] > SIZE_IF_MISSING_KEEP;
}

static bool nothing_to_aggregate(const struct draft *d)
{
    return d->source_count == 0 && d->given[AGGREGATE] != NOT_GIVEN;
}

/* Who writes it expects labelled Deployments to count. */
static bool claims_beside_sources(const struct draft *d)
{
    return d->source_count > 0 &&
           (d->given[CLAIMS] == SIZE_CLAIMS_MAX || d->given[CLAIMS] == SIZE_CLAIMS_SUM);
}

static bool down_though_up_only(const struct draft *d)
{
    return d->given[MODE] == SIZE_MODE_SCALE_UP_ONLY &&
           (d->given[SCALE_DOWN_AFTER] > 0 || d->given[STEP_DOWN] > 0);
}

/* In the words of config/crd/cel_rules.yaml. */
static const struct rule {
    bool (*is_broken)(const struct draft *);
    const char *message;
} rules[] = {
    {min_above_max, "min is more than max"},
    {fallback_unused, "fallback is only for ifMissing: Fallback"},
    {fallback_lacking, "ifMissing: Fallback needs fallback"},
    {fallback_below_min, "fallback is less than min"},
    {fallback_above_max, "fallback is more than max"},
    {min_lacking, "ifMissing: Min needs min"},
    {nothing_to_miss, "ifMissing: Min and Fallback are about sources, and there are none"},
    {nothing_to_aggregate, "aggregate is about sources, and there are none: claims says how "
                           "labelled Deployments count"},
    {claims_beside_sources, "claims: Max and Sum count labelled Deployments, but sources take "
                            "their place"},
    {down_though_up_only, "mode: ScaleUpOnly never scales down: leave scaleDownAfterSeconds and "
                          "step.down out"},
};

static void check_rules(struct draft *d)
{
    for (size_t i = 0; d->fault == NULL && i < ARRAY_LEN(rules); i++) {
        if (rules[i].is_broken(d)) {
            complain(d, ": %s", rules[i].message);
        }
    }
}

/* ---- From draft to struct ---- */

static int32_t value_of(const struct draft *d, enum field i)
{
    return d->given[i] == NOT_GIVEN ? fields[i].absent : d->given[i];
}

static struct size_from *finish(const struct draft *d)
{
    struct size_from *f = arena_alloc(d->arena, sizeof *f);
    if (d->fault != NULL) {
        *f = size_from_default;
        f->fault = d->fault;
        return f;
    }
    struct size_source *sources = arena_alloc(d->arena, sizeof d->sources);
    memcpy(sources, d->sources, sizeof d->sources);
    *f = (struct size_from){.sources = sources,
                            .source_count = d->source_count,
                            .claims = (enum size_claims)value_of(d, CLAIMS),
                            .aggregate = (enum size_aggregate)value_of(d, AGGREGATE),
                            .ratio_memcached = value_of(d, RATIO_MEMCACHED),
                            .ratio_per = value_of(d, RATIO_PER),
                            .rounding = (enum size_rounding)value_of(d, RATIO_ROUNDING),
                            .min = value_of(d, MIN),
                            .max = value_of(d, MAX),
                            .scale_down_after_s = value_of(d, SCALE_DOWN_AFTER),
                            .step_up = value_of(d, STEP_UP),
                            .step_down = value_of(d, STEP_DOWN),
                            .if_missing = (enum size_if_missing)value_of(d, IF_MISSING),
                            .fallback = value_of(d, FALLBACK),
                            .mode = (enum size_mode)value_of(d, MODE),
                            .paused = value_of(d, PAUSED) != 0};
    return f;
}

const struct size_from *size_from_read(struct arena *arena, yyjson_val *json)
{
    if (json == NULL || yyjson_is_null(json)) {
        return NULL;
    }
    struct draft d = {.arena = arena};
    check_object(&d, "", json);
    check_object(&d, "ratio", member(json, "ratio"));
    check_object(&d, "step", member(json, "step"));
    read_fields(&d, json);
    read_sources(&d, member(json, "sources"));
    check_rules(&d);
    return finish(&d);
}
