#include "sim/conformance_difference.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { CONTEXT_LINES = 3 };

static size_t lines_of(char *text, char ***lines)
{
    size_t count = 0;
    *lines = NULL;
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        if ((count & (count + 1)) == 0) {
            *lines = mem_realloc(*lines, (count + 1) * 2 * sizeof(char *));
        }
        (*lines)[count++] = line;
    }
    return count;
}

/* What lies between the lines that both begin and end with. */
void difference_print(const char *const names[2], const struct buf texts[2])
{
    char *copies[2], **lines[2];
    size_t counts[2], same = 0, tail = 0;
    for (size_t s = 0; s < 2; s++) {
        copies[s] = mem_strdup(buf_text(&texts[s]));
        counts[s] = lines_of(copies[s], &lines[s]);
    }
    size_t least = counts[0] < counts[1] ? counts[0] : counts[1];
    while (same < least && strcmp(lines[0][same], lines[1][same]) == 0) {
        same++;
    }
    while (tail < least - same &&
           strcmp(lines[0][counts[0] - 1 - tail], lines[1][counts[1] - 1 - tail]) == 0) {
        tail++;
    }
    for (size_t i = same > CONTEXT_LINES ? same - CONTEXT_LINES : 0; i < same; i++) {
        printf("      %s\n", lines[0][i]);
    }
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = same; i < counts[s] - tail; i++) {
            printf("%5s %s\n", names[s], lines[s][i]);
        }
        mem_free(lines[s]);
        mem_free(copies[s]);
    }
}
