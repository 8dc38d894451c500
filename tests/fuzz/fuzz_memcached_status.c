/*
 * A Memcached's status as canonical text: JSON always, its own canonical form, and read back it is
 * what was written. Second part: a condition to set, as texts line by line.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "operator/status.h"

#include <string.h>

static void assert_canonical(struct arena *arena, const char *text)
{
    struct status s;
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    assert(doc != NULL);
    assert(strcmp(status_canonical(arena, yyjson_doc_get_root(doc)), text) == 0);
    yyjson_doc_free(doc);
    status_parse(arena, text, &s);
    assert(strcmp(status_text(arena, &s), text) == 0);
    assert(s.replicas >= 0 && s.ready_replicas >= 0 && s.condition_count <= STATUS_CONDITIONS_MAX);
}

/* The conditions that the operator sets, at a status of the server's. */
static void set_condition(struct arena *arena, struct status *s, char *text)
{
    const char *type = strsep(&text, "\n");
    const char *status = text != NULL ? strsep(&text, "\n") : "True";
    const char *reason = text != NULL ? strsep(&text, "\n") : "Reason";
    bool full = s->condition_count == STATUS_CONDITIONS_MAX && status_condition(s, type) == NULL;
    status_set_condition(s, type, status, reason, text != NULL ? text : "", "now");
    const struct condition *c = status_condition(s, type);
    assert(full == (c == NULL));
    assert(c == NULL || (strcmp(c->status, status) == 0 && strcmp(c->reason, reason) == 0));
    /* what is not UTF-8 is replaced on the way out, so only the second text is canonical */
    struct status read_back;
    status_parse(arena, status_text(arena, s), &read_back);
    assert_canonical(arena, status_text(arena, &read_back));
    size_t before = s->condition_count;
    status_remove_condition(s, type);
    assert(s->condition_count + (c != NULL ? 1 : 0) == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    struct input in = input_of(data, size);
    struct part json, condition;
    struct status s;
    input_next(&in, &json);
    yyjson_doc *doc = parse(json);
    assert_canonical(&arena, status_canonical(&arena, yyjson_doc_get_root(doc)));
    status_read(&arena, yyjson_doc_get_root(doc), &s);
    yyjson_doc_free(doc); /* nothing of it is borrowed */
    if (input_next(&in, &condition)) {
        char *text = part_text(condition);
        set_condition(&arena, &s, text);
        mem_free(text);
    }
    return 0;
}
