/*
 * Numbers out of samples.
 */
#pragma once
#include <stddef.h>

/** The value below which a share @q (0 … 1) of @samples lies. Sorts them. */
double quantile(double *samples, size_t count, double q);
