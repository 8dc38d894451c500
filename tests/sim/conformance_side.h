/*
 * One server's side of a sequence: what it was asked, word for word, and what it said; and that as
 * a text in which all that may differ between two servers is replaced by what may not: uids by the
 * operation that made them, resourceVersions by their rank among those of the same resource,
 * times by a word, generated names by their number.
 */
#pragma once
#include "base/map.h"
#include "sim/conformance_sequence.h"

#include <yyjson.h>

/** What was said of one operation. */
struct said {
    char *path, *body; /* as sent; NULL before */
    int status;
    struct buf bytes;     /* the answer; of a watch the lines */
    uint64_t newest_told; /* watch: the newest resourceVersion that was known when it was opened */
    bool end_seen;        /* watch: the event that ends it was there */
    bool ended;           /* watch: the server ended it */
};

struct side {
    const struct sequence *sequence;
    char ns[48];
    struct said said[OPERATIONS_MAX];
    struct map memory; /* "uid deployments/a" and so on → text */
    char *continue_token;
    char *generated[OPERATIONS_MAX];
    size_t generated_count;
    uint64_t newest[RESOURCE_COUNT], first[RESOURCE_COUNT];

    struct map uids; /* → the name of each that a server has made */

    /* of the text, see side_prepare() */
    uint64_t *revisions[RESOURCE_COUNT];
    size_t revision_count[RESOURCE_COUNT];
};

struct side *side_new(const struct sequence *sequence, const char *ns);
void side_free(struct side *side);

/** Fill in what operation @i asks for, by what is known now. */
void side_ask(struct side *side, size_t i);

/** The answer to operation @i is complete (status, bytes): learn from it. Not for a watch that is
 * open. */
void side_learn(struct side *side, size_t i);

/** Take in bytes of watch @i; true when the event that ends it has come. */
bool side_watch_bytes(struct side *side, size_t i, const char *bytes, size_t len);

/** All is said: rank resourceVersions. Before side_text(). */
void side_prepare(struct side *side);

/** Append operation @i's outcome; for all of them, in their order. */
void side_text(struct side *side, size_t i, struct buf *out);

/** Append what operation @i asked, in one line. */
void side_question(const struct side *side, size_t i, struct buf *out);
