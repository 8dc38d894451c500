/*
 * The types of a Memcached's spec and status: config/crd/bases. test_sim_api_validate compares them
 * with it.
 */
#include "sim/api_schema.h"

static const struct schema string = {.class = SCHEMA_STRING};
static const struct schema int32 = {.class = SCHEMA_INT32};
static const struct schema int64 = {.class = SCHEMA_INT64};
static const struct schema boolean = {.class = SCHEMA_BOOL};
static const struct schema strings = {.class = SCHEMA_LIST, .atomic = true, .element = &string};

/* ---- The spec ---- */

static const struct schema_field size_source_fields[] = {
    {"apiVersion", &string, FIELD_IF_GIVEN},
    {"kind", &string, FIELD_IF_GIVEN},
    {"name", &string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema size_source = {.class = SCHEMA_STRUCT, .fields = size_source_fields};
static const struct schema size_sources = {
    .class = SCHEMA_LIST, .atomic = true, .element = &size_source};
static const struct schema_field size_ratio_fields[] = {
    {"memcached", &int32, FIELD_IF_GIVEN},
    {"per", &int32, FIELD_IF_GIVEN},
    {"rounding", &string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema size_ratio = {.class = SCHEMA_STRUCT, .fields = size_ratio_fields};
static const struct schema_field size_step_fields[] = {
    {"up", &int32, FIELD_IF_GIVEN},
    {"down", &int32, FIELD_IF_GIVEN},
    {0},
};
static const struct schema size_step = {.class = SCHEMA_STRUCT, .fields = size_step_fields};
static const struct schema_field size_from_fields[] = {
    {"sources", &size_sources, FIELD_IF_GIVEN},
    {"claims", &string, FIELD_IF_GIVEN},
    {"aggregate", &string, FIELD_IF_GIVEN},
    {"ratio", &size_ratio, FIELD_IF_GIVEN},
    {"min", &int32, FIELD_IF_GIVEN},
    {"max", &int32, FIELD_IF_GIVEN},
    {"scaleDownAfterSeconds", &int32, FIELD_IF_GIVEN},
    {"step", &size_step, FIELD_IF_GIVEN},
    {"ifMissing", &string, FIELD_IF_GIVEN},
    {"fallback", &int32, FIELD_IF_GIVEN},
    {"mode", &string, FIELD_IF_GIVEN},
    {"paused", &boolean, FIELD_IF_GIVEN},
    {0},
};
static const struct schema size_from = {.class = SCHEMA_STRUCT, .fields = size_from_fields};
static const struct schema_field memcached_spec_fields[] = {
    {"size", &int32, FIELD_IF_GIVEN},
    {"sizeFrom", &size_from, FIELD_IF_GIVEN},
    {0},
};
const struct schema schema_memcached_spec = {.class = SCHEMA_STRUCT,
                                             .fields = memcached_spec_fields};
/* ---- The status ---- */

static const struct schema_field memcached_condition_fields[] = {
    {"type", &string, FIELD_IF_GIVEN},
    {"status", &string, FIELD_IF_GIVEN},
    {"observedGeneration", &int64, FIELD_IF_GIVEN},
    {"lastTransitionTime", &string, FIELD_IF_GIVEN},
    {"reason", &string, FIELD_IF_GIVEN},
    {"message", &string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema memcached_condition = {.class = SCHEMA_STRUCT,
                                                  .fields = memcached_condition_fields};
static const struct schema memcached_conditions = {
    .class = SCHEMA_LIST, .keys = {"type"}, .element = &memcached_condition};
static const struct schema_field sizing_hold_fields[] = {
    {"size", &int32, FIELD_IF_GIVEN},
    {"until", &string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema sizing_hold = {.class = SCHEMA_STRUCT, .fields = sizing_hold_fields};
static const struct schema sizing_holds = {
    .class = SCHEMA_LIST, .atomic = true, .element = &sizing_hold};
static const struct schema_field sizing_claimant_fields[] = {
    {"name", &string, FIELD_IF_GIVEN},
    {"replicas", &int32, FIELD_IF_GIVEN},
    {"since", &string, FIELD_IF_GIVEN},
    {"deciding", &boolean, FIELD_IF_GIVEN},
    {0},
};
static const struct schema sizing_claimant = {.class = SCHEMA_STRUCT,
                                              .fields = sizing_claimant_fields};
static const struct schema sizing_claimants = {
    .class = SCHEMA_LIST, .atomic = true, .element = &sizing_claimant};
static const struct schema_field sizing_fields[] = {
    {"source", &string, FIELD_NULLABLE},
    {"wish", &int32, FIELD_IF_GIVEN},
    {"size", &int32, FIELD_IF_GIVEN},
    {"reason", &string, FIELD_IF_GIVEN},
    {"since", &string, FIELD_IF_GIVEN},
    {"holdUntil", &string, FIELD_IF_GIVEN},
    {"holds", &sizing_holds, FIELD_IF_GIVEN},
    {"claimants", &sizing_claimants, FIELD_IF_GIVEN},
    {0},
};
static const struct schema sizing = {.class = SCHEMA_STRUCT, .fields = sizing_fields};
static const struct schema_field memcached_status_fields[] = {
    {"nodes", &strings, FIELD_IF_GIVEN},
    {"replicas", &int32, FIELD_IF_GIVEN},
    {"readyReplicas", &int32, FIELD_IF_GIVEN},
    {"selector", &string, FIELD_IF_GIVEN},
    {"source", &string, FIELD_NULLABLE},
    {"sizing", &sizing, FIELD_IF_GIVEN},
    {"observedGeneration", &int64, FIELD_IF_GIVEN},
    {"conditions", &memcached_conditions, FIELD_IF_GIVEN},
    {0},
};
const struct schema schema_memcached_status = {.class = SCHEMA_STRUCT,
                                               .fields = memcached_status_fields};
