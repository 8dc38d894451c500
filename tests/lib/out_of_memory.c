#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void mem_out_of_memory(size_t bytes)
{
    fprintf(stderr, "out of memory: %zu bytes\n", bytes);
    abort();
}
