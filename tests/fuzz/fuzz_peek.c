/*
 * A glance at a watch line, or at an object by itself: where the decoder can read it, it finds the
 * same version of the same object.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/json.h"
#include "kube/peek.h"

#include <string.h>

static void assert_text(yyjson_val *metadata, const char *key, const char *want)
{
    assert(want[0] != '\0');
    assert(yyjson_equals_str(json_at(metadata, key, NULL), want));
}

static void assert_agrees(yyjson_val *object, const struct peek *peek)
{
    yyjson_val *metadata = json_at(object, "metadata", NULL);
    assert_text(metadata, "namespace", peek->ns);
    assert_text(metadata, "name", peek->name);
    assert_text(metadata, "resourceVersion", peek->rv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct part p = {(const char *)data, size};
    struct peek peek;
    char *line = part_copy(p);
    yyjson_doc *doc = parse(p);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (peek_line(line, size, &peek) && doc != NULL) {
        yyjson_val *type = json_at(root, "type", NULL);
        assert(yyjson_equals_str(type, "ADDED") || yyjson_equals_str(type, "MODIFIED"));
        assert_agrees(json_at(root, "object", NULL), &peek);
    }
    if (peek_object(line, size, &peek) && doc != NULL) {
        assert_agrees(root, &peek);
    }
    yyjson_doc_free(doc);
    mem_free(line);
    return 0;
}
