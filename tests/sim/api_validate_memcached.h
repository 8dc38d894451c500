/*
 * The Memcached's schema as rules (api_memcached_rules.c); for api_validate_memcached.c and for the
 * test that compares it with config/crd/bases.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memcached_rule {
    const char *name; /* of a member; NULL ends a list of them */
    const char *type; /* "object", "array", "string", "integer", "boolean" */
    bool required, nullable;
    bool has_min;
    int64_t min, max; /* max 0: none */
    size_t min_len, max_len;
    size_t max_items; /* 0: any number */
    bool is_time;
    const char *const *one_of;
    const char *pattern;
    bool (*matches)(const char *text); /* the pattern */
    const struct memcached_rule *members, *items;
};

extern const struct memcached_rule memcached_rules;
extern const struct memcached_rule fleet_rules; /* the other custom resource's */
