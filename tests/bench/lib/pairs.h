/*
 * What the measurements are made on: pairs of a Memcached m0, m1, … and a source Deployment s0, s1,
 * … that is labelled for it, and Deployments that concern nobody.
 */
#pragma once
#include "lib/bare.h"

/** Of "m12" it is 12; SIZE_MAX: no such name. */
size_t pair_index(const char *memcached);

void pairs_create_namespace(struct bare_client *c, const char *ns);

/** Pairs @first … @end - 1; Memcached and source have size @size alike. */
void pairs_create(struct bare_client *c, const char *ns, size_t first, size_t end, int32_t size);

/** Scale the sources of these pairs, as many at a time as there are lanes. */
void pairs_scale(struct bare_client *c, const char *ns, size_t first, size_t end, int32_t replicas);

void pairs_create_unrelated(struct bare_client *c, const char *ns, size_t count);
