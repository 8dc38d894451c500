#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "kube/json.h"

#include <string.h>

struct input input_of(const uint8_t *data, size_t size)
{
    const char *bytes = size > 0 ? (const char *)data : "";
    return (struct input){bytes, bytes + size};
}

bool input_next(struct input *in, struct part *out)
{
    static const char separator[] = "\n%%\n";
    size_t left = in->end != NULL ? (size_t)(in->end - in->at) : 0;
    *out = (struct part){in->end != NULL ? in->at : "", left};
    if (in->end == NULL) {
        return false;
    }
    const char *found = left > 0 ? memmem(in->at, left, separator, sizeof separator - 1) : NULL;
    if (found == NULL) {
        in->end = NULL;
        return true;
    }
    out->len = (size_t)(found - in->at);
    in->at = found + sizeof separator - 1;
    return true;
}

char *part_copy(struct part p)
{
    return memcpy(mem_alloc(p.len), p.bytes, p.len);
}

char *part_text(struct part p)
{
    return mem_strndup(p.bytes, p.len);
}

int feed_pieces(struct part document, struct part sizes, feed_fn *feed, void *ctx)
{
    for (size_t at = 0, i = 0; at < document.len; i++) {
        size_t size = sizes.len > 0 ? (unsigned char)sizes.bytes[i % sizes.len] : 1;
        size = size > 0 ? size : 1;
        size = size < document.len - at ? size : document.len - at;
        char *piece = part_copy((struct part){document.bytes + at, size});
        int rc = feed(ctx, piece, size);
        mem_free(piece);
        if (rc != 0) {
            return rc;
        }
        at += size;
    }
    return 0;
}

yyjson_doc *parse(struct part p)
{
    char *copy = part_copy(p);
    yyjson_doc *doc = json_parse(copy, p.len, NULL);
    mem_free(copy);
    return doc;
}

bool is_printable(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c >= ' ' && *c != 0x7f) {
        c++;
    }
    return *c == '\0' && *text != '\0';
}
