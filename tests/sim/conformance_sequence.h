/*
 * What the program conformance asks of two servers: sequences of operations, generated from a seed
 * or written out. Paths and bodies name what only the answers will tell, as words that begin with
 * '$' and that each side replaces by what it was told:
 *
 *     $ns                    the sequence's namespace
 *     $uid(deployments/a)    the uid last seen of that object; a wrong one when none was
 *     $rv(deployments/a)     its newest resourceVersion; 1 when none was seen
 *     $old(deployments/a)    the one before
 *     $newest(deployments)   the newest resourceVersion of any of them; "" when none was seen
 *     $first(deployments)    the oldest
 *     $continue              the last list's continue token; "" when it had none
 *     $generated             the last name that a server has made; "none" when none was
 *
 * Single quotes in bodies are read as double ones.
 */
#pragma once
#include "base/buf.h"
#include "base/random.h"
#include "kube/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPERATIONS_MAX = 96,
    OPERATION_BYTES_MAX = 64 << 10,
};

enum resource {
    RESOURCE_DEPLOYMENTS,
    RESOURCE_MEMCACHEDS,
    RESOURCE_PODS,
    RESOURCE_REPLICASETS,
    RESOURCE_LEASES,
    RESOURCE_EVENTS,
    RESOURCE_NAMESPACES, /* in written sequences only */
    RESOURCE_COUNT,
};

struct resource_text {
    const char *plural, *root, *api_version, *kind;
};
extern const struct resource_text resource_texts[RESOURCE_COUNT];

struct operation {
    enum http_method method;
    enum resource resource;
    char *path, *body;                 /* with $-words; body NULL: none */
    const char *accept, *content_type; /* static texts, or NULL */
    bool is_watch;
    bool initial; /* a watch that begins with what is there, in no particular order */
    bool cached;  /* a real server answers from a cache, which has to catch up first */
    unsigned end; /* a watch: over when an event's object bears the label end=N; others: this is one
                     of the operations that see to it. 0: neither; such a watch is waited for until
                     the server ends it */
    bool compact; /* no request: history is forgotten */
    bool off;     /* left out, while a sequence is made shorter */
};

struct sequence {
    struct operation operations[OPERATIONS_MAX];
    size_t count;
};

void sequence_fini(struct sequence *s);

/** Append an operation and return it; valid until the next one. @content_type static; @body copied;
 * either may be NULL. */
struct operation *sequence_add(struct sequence *s, enum http_method method, enum resource resource,
                               const char *content_type, const char *body, const char *path, ...)
    __attribute__((format(printf, 6, 7)));

/** The media types of metadata alone, of one object and of a list. */
#define MEDIA_METADATA      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define MEDIA_METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

/** "/apis/apps/v1/namespaces/$ns/deployments" and what follows: "" or "a/status" or "?limit=1". */
enum { PATH_BYTES_MAX = 1024 };
const char *sequence_path(enum resource resource, const char *rest, char out[PATH_BYTES_MAX]);

/** The sequences that are written, not generated: NULL behind the last. */
const char *sequence_case(struct sequence *s, size_t n);

/** About @length operations on few names of one namespace. Equal arguments, equal sequence. */
void sequence_generate(struct sequence *s, uint64_t seed, size_t length);
