/*
 * Decodes a watch stream: bytes, split anywhere, to watch events. One JSON object a line.
 * Rules:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
#pragma once
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <yyjson.h>

enum {
    WATCH_RV_BYTES_MAX = 63, /* a longer resourceVersion is taken for garbage */
};

enum watch_type { WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK, WATCH_ERROR };

struct watch_event {
    enum watch_type type;
    yyjson_val *object; /* borrowed during the callback: the object, or the Status of WATCH_ERROR */
    const char *rv;     /* metadata.resourceVersion; NULL for WATCH_ERROR */
    bool initial_events_end; /* a bookmark with annotation k8s.io/initial-events-end: "true" */
};

/** Returns 0 to go on, or a negative code to end the stream with the error that it filled in. */
typedef int watch_event_fn(void *ctx, const struct watch_event *event, struct error *err);

/** Asked before a line that brings a version of an object is decoded: true when that very version
 * is known, and the line is done with. */
struct peek;
typedef bool watch_known_fn(void *ctx, const struct peek *peek);

struct watch {
    watch_known_fn *known; /* or NULL: decode all; ctx as for the events */
    struct buf line;       /* the unfinished line */
    size_t keep_bytes;     /* of its memory, between lines: watch_init() sets what suits one watch
                              among few */
};

void watch_init(struct watch *w);
void watch_fini(struct watch *w);

/** Forget an unfinished line: a new stream begins. */
void watch_reset(struct watch *w);

/**
 * Feed bytes of the stream, split anywhere (also inside UTF-8); CRLF and empty lines are fine;
 * linear time.
 *
 * @bytes  borrowed for the call; @len in bytes.
 * Returns 0, or with the stream unusable until watch_reset(), every line before the bad one
 * delivered:
 *   ERR_TOO_BIG  a line passed BODY_BYTES_MAX or JSON_DEPTH_MAX;
 *   ERR_PARSE    a line is not JSON, not a watch event, or has an object without resourceVersion;
 *   or what @fn returned.
 */
int watch_feed(struct watch *w, const char *bytes, size_t len, watch_event_fn *fn, void *ctx,
               struct error *err);
