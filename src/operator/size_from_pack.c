/*
 * spec.sizeFrom behind its Memcached's struct, in the one allocation of the object.
 */
#include "operator/size_from.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

static size_t text_bytes(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

size_t size_from_bytes(const struct size_from *f)
{
    if (f == NULL) {
        return 0;
    }
    size_t bytes = alignof(max_align_t) - 1 + sizeof *f + f->source_count * sizeof *f->sources +
                   text_bytes(f->fault);
    for (size_t i = 0; i < f->source_count; i++) {
        bytes += text_bytes(f->sources[i].api_version) + text_bytes(f->sources[i].kind) +
                 text_bytes(f->sources[i].name);
    }
    return bytes;
}

static void *take(struct object_packer *p, size_t bytes)
{
    assert(bytes <= (size_t)(p->end - p->next)); /* it was measured */
    void *memory = p->next;
    p->next += bytes;
    return memory;
}

static const char *take_text(struct object_packer *p, const char *text)
{
    return text == NULL ? NULL : memcpy(take(p, strlen(text) + 1), text, strlen(text) + 1);
}

const struct size_from *size_from_pack(struct object_packer *p, const struct size_from *f)
{
    if (f == NULL) {
        return NULL;
    }
    take(p, -(uintptr_t)p->next % alignof(max_align_t));
    struct size_from *copy = take(p, sizeof *copy);
    struct size_source *sources = take(p, f->source_count * sizeof *sources);
    for (size_t i = 0; i < f->source_count; i++) {
        sources[i] = (struct size_source){.api_version = take_text(p, f->sources[i].api_version),
                                          .kind = take_text(p, f->sources[i].kind),
                                          .name = take_text(p, f->sources[i].name)};
    }
    *copy = *f;
    copy->sources = sources;
    copy->fault = take_text(p, f->fault);
    return copy;
}
