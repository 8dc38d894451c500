/*
 * What of an object matters to people, as a short list of key and value: how traces show objects,
 * and what a change has changed.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>

enum { FACTS_MAX = 16 };

struct fact {
    const char *key; /* static */
    char *value;
};

struct facts {
    struct fact items[FACTS_MAX];
    size_t count;
};

/** Of an object's JSON; NULL: none. @resource: "memcacheds" … facts_fini() when done. */
void facts_read(struct facts *f, const char *resource, const char *json);
void facts_fini(struct facts *f);

/** Append " size=2 ready=1": those of @after that @before does not have alike. One that is there no
 * more is "ready=-". Returns false when there is no difference. */
bool facts_append_difference(struct buf *out, const struct facts *before,
                             const struct facts *after);

/** "memcached" of "memcacheds"; of what it does not know, the same. */
const char *facts_word(const char *resource);

/** "memcached default/cache"; of pods without the random parts; of Events what they are about. */
void facts_append_name(struct buf *out, const char *resource, const char *json);
