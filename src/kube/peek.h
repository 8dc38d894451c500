/*
 * Which version of which object some JSON brings, seen without decoding it all. Each of our own
 * writes comes twice, as its answer and as a watch event; decoding the second, whichever it is,
 * would be a good part of the work of a sync.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { PEEK_NS_BYTES = 64, PEEK_NAME_BYTES = 254, PEEK_RV_BYTES = 64 };

struct peek {
    char ns[PEEK_NS_BYTES];
    char name[PEEK_NAME_BYTES];
    char rv[PEEK_RV_BYTES];
};

/**
 * Look into one line of a watch stream. True with *out filled when it is an ADDED or MODIFIED event
 * whose object has a namespace, a name and a resourceVersion, all plain texts that fit. False for
 * anything else, however odd: decode it then. What follows behind these members is not looked at.
 */
bool peek_line(const char *line, size_t len, struct peek *out);

/** The same for an object by itself, as an answer brings it. */
bool peek_object(const char *json, size_t len, struct peek *out);
