/*
 * What the fuzz targets have in common. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput:
 * libFuzzer calls it with what it makes up (hack/fuzz), replay.c with every file of corpus/NAME
 * (hack/test fuzz). Its properties are asserts. See README.md.
 *
 * An input is one part or more, parted by lines of "%%", so that files of a corpus can be read and
 * written by people.
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

/** Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Bytes of an input; borrowed. */
struct part {
    const char *bytes;
    size_t len;
};

struct input {
    const char *at;
    const char *end; /* NULL: nothing is left */
};

struct input input_of(const uint8_t *data, size_t size);

/** The next part; false with an empty one when there is none. The first is always there. */
bool input_next(struct input *in, struct part *out);

/** A copy (mem_free) of just these bytes, so that whoever reads past them is caught. */
char *part_copy(struct part p);

/** A copy (mem_free) as a C string; it ends at the first NUL byte. */
char *part_text(struct part p);

/**
 * Call @feed with @document cut into pieces, each a copy of its own: the bytes of @sizes are their
 * lengths, from the beginning again when they are used up; without any, one byte a piece.
 * Returns the first result that is not 0, and feeds no further.
 */
typedef int feed_fn(void *ctx, const char *bytes, size_t len);
int feed_pieces(struct part document, struct part sizes, feed_fn *feed, void *ctx);

/** Parse JSON, or NULL. By the project's own parser with its limits. */
yyjson_doc *parse(struct part p);

/** @text is not empty and has no control character: fit for a log line or an error. */
bool is_printable(const char *text);
