/*
 * What a server might say to a request of the operator, made from a few bytes: objects, lists,
 * events of a watch, echoes of writes. Mostly well-formed, seldom right.
 */
#pragma once
#include "base/buf.h"
#include "kube/http.h"

enum { ECHOES_MAX = 4 };

/** Bytes to decide by; 0 when they are used up. */
struct choices {
    const uint8_t *at, *end;
};

uint8_t choose(struct choices *c, uint8_t below);

struct answers {
    uint64_t rv;              /* the server's last resourceVersion */
    char *echoes[ECHOES_MAX]; /* objects as they were written, to turn up in watches; owned */
    size_t echo_count;
};

void answers_fini(struct answers *a);

/** Append a whole body for @r: a list, some events of a watch, or the object. */
void answers_body(struct answers *a, const struct request *r, struct choices *c, struct buf *out);

/** Append one event of the watch @r. */
void answers_event(struct answers *a, const struct request *r, struct choices *c, struct buf *out);

/** Append a Status; returns the HTTP status that goes with it. */
int answers_refusal(struct choices *c, struct buf *out);
