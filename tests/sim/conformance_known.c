#include "sim/conformance_known.h"

#include <stdio.h>

const struct known_difference known_table[KNOWN_MAX] = {
    {0},
};

int known_find(const struct operation *o, const char *real, const char *model)
{
    for (int i = 0; i < KNOWN_MAX && known_table[i].name != NULL; i++) {
        if (known_table[i].is_it(o, real, model)) {
            return i;
        }
    }
    return -1;
}

void known_print(const unsigned long counts[KNOWN_MAX])
{
    for (int i = 0; i < KNOWN_MAX && known_table[i].name != NULL; i++) {
        printf("known difference, met %lu times: %s\n", counts[i], known_table[i].name);
    }
}
