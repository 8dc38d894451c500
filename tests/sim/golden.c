#include "sim/golden.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define FOLDER "tests/sim/golden"

enum { TRACE_BYTES_MAX = 1 << 20, CONTEXT_LINES = 2 };

/* ---- Files ---- */

static void path_of(const struct golden_scene *scene, char out[256])
{
    snprintf(out, 256, FOLDER "/%s.trace", scene->name);
}

/* What is in the file, or nothing. */
static char *read_trace(const char *path)
{
    struct buf text;
    char piece[4096];
    size_t len;
    buf_init(&text, TRACE_BYTES_MAX);
    FILE *f = fopen(path, "r");
    while (f != NULL && (len = fread(piece, 1, sizeof piece, f)) > 0) {
        buf_append(&text, piece, len);
    }
    if (f != NULL) {
        fclose(f);
    }
    return buf_take(&text);
}

static bool write_trace(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    bool good = f != NULL && fputs(text, f) >= 0;
    good = f != NULL && fclose(f) == 0 && good;
    if (!good) {
        fprintf(stderr, "%s: cannot be written; is this the folder of the project?\n", path);
    }
    return good;
}

/* ---- Difference ---- */

struct lines {
    const char *starts[4096];
    size_t count;
};

static void split(const char *text, struct lines *out)
{
    out->count = 0;
    while (*text != '\0' && out->count < ARRAY_LEN(out->starts)) {
        out->starts[out->count++] = text;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

static size_t length(const struct lines *l, size_t i)
{
    return strcspn(l->starts[i], "\n");
}

static bool same_line(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
    size_t len = length(a, i);
    return len == length(b, k) && memcmp(a->starts[i], b->starts[k], len) == 0;
}

static void print_lines(const char *mark, const struct lines *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        printf("%s%.*s\n", mark, (int)length(l, i), l->starts[i]);
    }
}

/* All between the first and the last line that differ. */
static void print_difference(const char *path, const char *before, const char *after)
{
    static struct lines was, is;
    size_t head = 0;
    size_t tail = 0;
    split(before, &was);
    split(after, &is);
    size_t shorter = was.count < is.count ? was.count : is.count;
    while (head < shorter && same_line(&was, head, &is, head)) {
        head++;
    }
    while (tail < shorter - head &&
           same_line(&was, was.count - 1 - tail, &is, is.count - 1 - tail)) {
        tail++;
    }
    size_t from = head > CONTEXT_LINES ? head - CONTEXT_LINES : 0;
    size_t to = is.count - tail + CONTEXT_LINES;
    printf("%s differs at line %zu (- as it was, + as it is):\n", path, head + 1);
    print_lines("  ", &is, from, head);
    print_lines("- ", &was, head, was.count - tail);
    print_lines("+ ", &is, head, is.count - tail);
    print_lines("  ", &is, is.count - tail, to < is.count ? to : is.count);
}

/* ---- Checking ---- */

static char *play(const struct golden_scene *scene)
{
    struct stage s;
    const struct world_options options = {
        .seed = 7,
        .processes = scene->leaders ? 2 : 1,
        .leader_elect = scene->leaders,
        .watch_list = scene->watch_list,
        .workload = {.name = WORKLOAD_NONE},
    };
    struct buf text;
    buf_init(&text, TRACE_BYTES_MAX);
    stage_open(&s, &options);
    s.pods = scene->pods;
    scene->play(&s);
    char *story = stage_close(&s);
    buf_printf(&text, "# %s\n%s", scene->about, story);
    mem_free(story);
    return buf_take(&text);
}

bool golden_check(const struct golden_scene *scene, bool update)
{
    char path[256];
    path_of(scene, path);
    char *is = play(scene);
    char *was = read_trace(path);
    bool same = strcmp(was, is) == 0;
    bool held = strstr(is, "FAILED") == NULL;
    if (!same && update) {
        same = write_trace(path, is);
    } else if (!same) {
        print_difference(path, was, is);
        printf("If this is how it shall be: make sim GOLDEN=update\n");
    }
    if (!held) {
        printf("%s: the end is not as it must be: %s", path, strstr(is, "FAILED"));
    }
    mem_free(is);
    mem_free(was);
    return same && held;
}
