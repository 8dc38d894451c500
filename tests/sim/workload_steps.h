/*
 * What a user can do, each as one step with its words: the vocabulary of workload.c's files. Every
 * function appends to the list; nothing happens before workload_step().
 */
#pragma once
#include "sim/workload.h"

#include "kube/http.h"

enum step_type {
    STEP_REQUEST,
    STEP_UPGRADE,
    STEP_CRD_AWAY,
    STEP_CRD_BACK,
    STEP_AWAIT_GONE,
    STEP_EVICT,
    STEP_WAIT
};

struct step {
    enum step_type type;
    char *words;
    const char *who;
    enum http_method method;
    char *path; /* REQUEST; AWAIT_GONE: the namespace; EVICT: that, and in body the Memcached */
    const char *content_type;
    char *body;        /* or NULL */
    char *image;       /* UPGRADE */
    bool is_held;      /* EVICT */
    unsigned patience; /* AWAIT_GONE: how often it may still be in vain */
    uint64_t wait_ms;  /* WAIT */
};

struct steps {
    struct step *items;
    size_t count, cap;
};

void steps_fini(struct steps *s);

/** One object: "default", "cache". */
struct target {
    const char *resource; /* "memcacheds", "deployments", "pods", "statefulsets", … */
    const char *ns, *name;
};

/** A request with any body. In @body, which may be NULL, ' stands for ". */
void user_request(struct steps *s, const char *who, enum http_method method,
                  const struct target *target, const char *subresource, const char *content_type,
                  const char *body, const char *words);

/** A merge patch by @who; words: "WHO patch deployments default/cache BODY". */
void user_patch(struct steps *s, const char *who, const struct target *target, const char *body);

/** Likewise of its status. */
void user_patch_status(struct steps *s, const char *who, const struct target *target,
                       const char *body);

/** A forced server-side apply by @who. @body without apiVersion, kind and metadata.name. */
void user_apply(struct steps *s, const char *who, const struct target *target, const char *body);

void user_create_memcached(struct steps *s, const char *ns, const char *name, int size);

/** Likewise with spec.sizeFrom. */
void user_create_sized(struct steps *s, const char *ns, const char *name, int size,
                       const char *size_from);

/** Merge into spec.sizeFrom; NULL: take it away. */
void user_size_from(struct steps *s, const char *ns, const char *name, const char *size_from);

/** The annotation that pauses; NULL: take it away. */
void user_pause(struct steps *s, const char *ns, const char *name, const char *value);

/** A "statefulsets", "replicasets" or "fleets" of somebody. */
void user_create_scalable(struct steps *s, const struct target *target, int replicas);

/** A Deployment of somebody; @claim: the Memcached that its label names, NULL: no label. */
void user_create_source(struct steps *s, const char *ns, const char *name, const char *claim,
                        int replicas);

/** A Deployment of a Memcached's name that is not the operator's. @disguised: with the labels that
 * the operator's own bear. */
void user_create_stranger(struct steps *s, const char *ns, const char *name, bool disguised);

/** A pod made by hand with the labels of the Memcached's own. */
void user_create_pod(struct steps *s, const char *ns, const char *name, const char *memcached);

/** Delete the first pod of the Memcached, whatever its name then is. @is_held: it stays
 * terminating, as somebody's finalizer is on it. */
void user_evict_pod(struct steps *s, const char *ns, const char *memcached, bool is_held);

/** Through the scale subresource. */
void user_scale(struct steps *s, const struct target *target, int replicas);

/** Set the label; NULL: take it off. */
void user_claim(struct steps *s, const char *ns, const char *deployment, const char *claim);

/** @policy: "Background", "Foreground", "Orphan". */
void user_delete(struct steps *s, const struct target *target, const char *policy);
/** It stays on its way out, for ever: somebody's finalizer holds it. */
void user_delete_held(struct steps *s, const struct target *target);

void user_create_namespace(struct steps *s, const char *ns);
void user_delete_namespace(struct steps *s, const char *ns);
/** Look until it is gone, but not for ever. */
void user_await_namespace_gone(struct steps *s, const char *ns);

void user_upgrade(struct steps *s, const char *image);
/** People wait before they go on. */
void user_wait(struct steps *s, unsigned seconds);
void user_serve_crd(struct steps *s, bool serve);
