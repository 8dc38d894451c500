/*
 * Somebody who wants a field otherwise than the operator: writes it back a while after each of its
 * writes, as an autoscaler does, or changes it on its way to the storage, as an admission webhook
 * does. It is all about Memcached default/cache and its Deployment.
 */
#pragma once
#include "sim/world.h"

enum rival_means {
    RIVAL_PUT,   /* the whole object */
    RIVAL_MERGE, /* a merge patch of the field */
    RIVAL_APPLY, /* server-side apply of the field, forced */
    RIVAL_SCALE, /* the scale subresource */
    RIVAL_DELETE,
    RIVAL_WEBHOOK,
    RIVAL_MEANS,
};

enum rival_outcome {
    RIVAL_CONFLICT, /* people are told of it */
    RIVAL_TAKEN,    /* the Deployment is not the operator's any more */
    RIVAL_STATUS,   /* it is about the status: nowhere to tell of it */
    RIVAL_HARMLESS, /* the field is not the operator's: nobody is bothered */
};

struct rival_field {
    const char *resource; /* "deployments" */
    const char *pointer;  /* into the object; "": all of it */
    const char *value;    /* JSON that the rival wants there, ' for "; NULL: nothing */
    enum rival_outcome outcome;
};

extern const struct rival_field rival_fields[];
extern const unsigned rival_field_count;

struct rival {
    const struct rival_field *field;
    enum rival_means means;
    uint64_t late_ms; /* so long after the field was changed */
    uint64_t due_ms;  /* UINT64_MAX: it is content */
    bool stopped;
};

/** Can this field be written by these means? */
bool rival_can(const struct rival_field *field, enum rival_means means);

/** "spec.replicas" by "merge patch" … */
const char *rival_means_text(enum rival_means means);

/** The field is as it wants it. */
bool rival_is_content(const struct rival *r, struct world *w);

/** Look at the field, write it if the time has come. True: it was written. */
bool rival_act(struct rival *r, struct world *w);

/** RIVAL_WEBHOOK: begin, end. */
void rival_admit(struct rival *r, struct world *w);
void rival_stop(struct rival *r, struct world *w);
