#include "lib/measure.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile(double *samples, size_t count, double q)
{
    qsort(samples, count, sizeof(*samples), compare);
    size_t at = (size_t)(q * (double)count);
    return count == 0 ? 0 : samples[at < count ? at : count - 1];
}
