/*
 * The Memcached's schema as rules; for api_validate_memcached.c and for the test that compares it
 * with config/crd/bases.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memcached_rule {
    const char *name; /* of a member; NULL ends a list of them */
    const char *type; /* "object", "array", "string", "integer" */
    bool required, nullable;
    bool has_min; /* minimum 0 */
    int64_t max;  /* 0: none */
    size_t min_len, max_len;
    bool is_time;
    const char *const *one_of;
    const char *pattern;
    bool (*matches)(const char *text); /* the pattern */
    const struct memcached_rule *members, *items;
};

extern const struct memcached_rule memcached_rules;
