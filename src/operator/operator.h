/*
 * The memcached operator: puts its kinds, stores and the two controllers into a manager. The only
 * module that the shell needs to know.
 */
#pragma once
#include "kube/manager.h"

struct operator_options {
    const char *image; /* of memcached's container; copied */
};

struct operator;

/** Wire everything up in @manager, before its first step. */
struct operator* operator_new(struct manager *manager, const struct operator_options *options);

/** After manager_free(). */
void operator_free(struct operator* op);
