/*
 * Memcacheds: the schema of config/crd/bases as a table. test_sim_api_validate holds table and file
 * together.
 */
#include "sim/api_validate.h"
#include "sim/api_validate_memcached.h"

#include <string.h>

#define DNS_LABEL "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

static const char *const STATUSES[] = {"True", "False", "Unknown", NULL};

static bool is_reason(const char *text)
{
    size_t len = strlen(text);
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char INNER[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_,:";
    return len > 0 && strchr(LETTERS, text[0]) != NULL && strspn(text, INNER) == len &&
           (len == 1 || strchr(",:", text[len - 1]) == NULL);
}

static const char LOWER[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
static const char ALNUM[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

/* Of these characters, and with no dash at its ends. */
static bool is_label(const char *text, size_t len, const char *characters)
{
    return len > 0 && strspn(text, characters) >= len && text[0] != '-' && text[len - 1] != '-';
}

static bool is_subdomain_of(const char *text, size_t len)
{
    for (const char *end = text + len, *dot; text <= end; text = dot + 1) {
        dot = memchr(text, '.', (size_t)(end - text));
        dot = dot != NULL ? dot : end;
        if (!is_label(text, (size_t)(dot - text), LOWER)) {
            return false;
        }
    }
    return true;
}

static bool is_subdomain(const char *text)
{
    return is_subdomain_of(text, strlen(text));
}

static bool is_kind(const char *text)
{
    return is_label(text, strlen(text), ALNUM) && strchr("0123456789", text[0]) == NULL;
}

static bool is_api_version(const char *text)
{
    const char *slash = strchr(text, '/');
    const char *version = slash != NULL ? slash + 1 : text;
    size_t len = strlen(version);
    return len <= 63 && is_label(version, len, LOWER) &&
           (slash == NULL || is_subdomain_of(text, (size_t)(slash - text)));
}

/* By name: missing ones are told in the order of the CRD's list of them. */
static const struct memcached_rule CONDITION[] = {
    {.name = "lastTransitionTime", .type = "string", .required = true, .is_time = true},
    {.name = "message", .type = "string", .required = true, .max_len = 32768},
    {.name = "observedGeneration", .type = "integer", .has_min = true},
    {.name = "reason",
     .type = "string",
     .required = true,
     .min_len = 1,
     .max_len = 1024,
     .pattern = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
     .matches = is_reason},
    {.name = "status", .type = "string", .required = true, .one_of = STATUSES},
    {.name = "type",
     .type = "string",
     .required = true,
     .max_len = 316,
     .pattern = "^(" DNS_LABEL "(\\." DNS_LABEL ")*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
     .matches = validate_is_qualified},
    {0},
};
static const struct memcached_rule CONDITIONS = {.type = "object", .members = CONDITION};
static const struct memcached_rule NODE = {.type = "string"};

/* ---- spec.sizeFrom ---- */

#define SUBDOMAIN DNS_LABEL "(\\." DNS_LABEL ")*"

#define NUMBER(called, least, most)                                                                \
    {                                                                                              \
        .name = (called), .type = "integer", .has_min = true, .min = (least), .max = (most)        \
    }
#define CHOICE(called, values)                                                                     \
    {                                                                                              \
        .name = (called), .type = "string", .one_of = (values)                                     \
    }

static const char *const AGGREGATES[] = {"Sum", "Max", NULL};
static const char *const CLAIMS[] = {"Oldest", "Max", "Sum", "Ignore", NULL};
static const char *const ROUNDINGS[] = {"Up", "Down", "Nearest", NULL};
static const char *const IF_MISSING[] = {"Keep", "Min", "Fallback", NULL};
static const char *const MODES[] = {"Enforce", "ScaleUpOnly", "Observe", NULL};

static const struct memcached_rule SOURCE[] = {
    {.name = "apiVersion",
     .type = "string",
     .min_len = 1,
     .max_len = 317,
     .pattern = "^(" SUBDOMAIN "/)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
     .matches = is_api_version},
    {.name = "kind",
     .type = "string",
     .required = true,
     .min_len = 1,
     .max_len = 63,
     .pattern = "^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$",
     .matches = is_kind},
    {.name = "name",
     .type = "string",
     .required = true,
     .min_len = 1,
     .max_len = 253,
     .pattern = "^" SUBDOMAIN "$",
     .matches = is_subdomain},
    {0},
};
static const struct memcached_rule SOURCE_ITEM = {.type = "object", .members = SOURCE};
static const struct memcached_rule RATIO[] = {
    NUMBER("memcached", 1, INT32_MAX),
    NUMBER("per", 1, INT32_MAX),
    CHOICE("rounding", ROUNDINGS),
    {0},
};
static const struct memcached_rule STEP[] = {
    NUMBER("up", 0, INT32_MAX),
    NUMBER("down", 0, INT32_MAX),
    {0},
};
static const struct memcached_rule SIZE_FROM[] = {
    {.name = "sources", .type = "array", .max_items = 16, .items = &SOURCE_ITEM},
    CHOICE("claims", CLAIMS),
    CHOICE("aggregate", AGGREGATES),
    {.name = "ratio", .type = "object", .members = RATIO},
    NUMBER("min", 0, INT32_MAX),
    NUMBER("max", 0, INT32_MAX),
    NUMBER("scaleDownAfterSeconds", 0, 86400),
    {.name = "step", .type = "object", .members = STEP},
    CHOICE("ifMissing", IF_MISSING),
    NUMBER("fallback", 0, INT32_MAX),
    CHOICE("mode", MODES),
    {.name = "paused", .type = "boolean"},
    {0},
};
static const struct memcached_rule SPEC[] = {
    {.name = "size", .type = "integer", .required = true, .has_min = true, .max = INT32_MAX},
    {.name = "sizeFrom", .type = "object", .members = SIZE_FROM},
    {0},
};

/* ---- status.sizing ---- */

static const struct memcached_rule HOLD[] = {
    {.name = "size", .type = "integer", .required = true},
    {.name = "until", .type = "string", .required = true, .is_time = true},
    {0},
};
static const struct memcached_rule HOLD_ITEM = {.type = "object", .members = HOLD};
static const struct memcached_rule CLAIMANT[] = {
    {.name = "deciding", .type = "boolean", .required = true},
    {.name = "name", .type = "string", .required = true},
    {.name = "replicas", .type = "integer"},
    {.name = "since", .type = "string", .is_time = true},
    {0},
};
static const struct memcached_rule CLAIMANT_ITEM = {.type = "object", .members = CLAIMANT};
static const struct memcached_rule SIZING[] = {
    {.name = "source", .type = "string", .nullable = true},
    {.name = "wish", .type = "integer"},
    {.name = "size", .type = "integer"},
    {.name = "reason", .type = "string"},
    {.name = "since", .type = "string", .is_time = true},
    {.name = "holdUntil", .type = "string", .is_time = true},
    {.name = "holds", .type = "array", .max_items = 32, .items = &HOLD_ITEM},
    {.name = "claimants", .type = "array", .max_items = 32, .items = &CLAIMANT_ITEM},
    {0},
};
static const struct memcached_rule STATUS[] = {
    {.name = "nodes", .type = "array", .items = &NODE},
    {.name = "replicas", .type = "integer"},
    {.name = "readyReplicas", .type = "integer"},
    {.name = "selector", .type = "string"},
    {.name = "source", .type = "string", .nullable = true},
    {.name = "sizing", .type = "object", .members = SIZING},
    {.name = "observedGeneration", .type = "integer"},
    {.name = "conditions", .type = "array", .items = &CONDITIONS},
    {0},
};
static const struct memcached_rule OBJECT[] = {
    {.name = "spec", .type = "object", .members = SPEC},
    {.name = "status", .type = "object", .members = STATUS},
    {0},
};
const struct memcached_rule memcached_rules = {.type = "object", .members = OBJECT};

/* ---- Fleets ---- */

static const struct memcached_rule FLEET_SPEC[] = {
    {.name = "replicas", .type = "integer"},
    {.name = "note", .type = "string"},
    {0},
};
static const struct memcached_rule FLEET_STATUS[] = {
    {.name = "replicas", .type = "integer"},
    {.name = "selector", .type = "string"},
    {0},
};
static const struct memcached_rule FLEET[] = {
    {.name = "spec", .type = "object", .members = FLEET_SPEC},
    {.name = "status", .type = "object", .members = FLEET_STATUS},
    {0},
};
const struct memcached_rule fleet_rules = {.type = "object", .members = FLEET};
