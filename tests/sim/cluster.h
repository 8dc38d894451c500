/*
 * The rest of Kubernetes: Deployment controller and kubelet in one (observedGeneration, pods that
 * appear, become ready and go), garbage collector, namespace controller. Level-triggered, and one
 * small step at a time, so that a scheduler decides in which order things come about. Writes
 * through the same API as everybody, as its own field managers.
 */
#pragma once
#include "sim/api.h"

struct cluster;

struct cluster *cluster_new(struct api *api, uint64_t seed);
void cluster_free(struct cluster *c);

/** A thing that a controller would do now. */
struct cluster_step {
    enum cluster_step_type {
        CLUSTER_OBSERVE, /* Deployment: observedGeneration, replicas, readyReplicas … in status */
        CLUSTER_POD_ADD, /* a pod too few */
        CLUSTER_POD_REMOVE, /* a pod too many, or of an old template: it becomes terminating */
        CLUSTER_POD_READY,
        CLUSTER_POD_GONE,  /* a terminating pod has ended */
        CLUSTER_COLLECT,   /* an object whose owner is gone */
        CLUSTER_NAMESPACE, /* an object in a terminating namespace, or that namespace itself */
    } type;
    char resource[16];
    char ns[64];
    char name[254];
};

enum { CLUSTER_STEPS_MAX = 64 };

/** What could be done now, in a stable order (type, resource, namespace, name); at most
 * CLUSTER_STEPS_MAX. Cheap when nothing has changed since the last call. */
size_t cluster_steps(struct cluster *c, struct cluster_step *out);

/** Do it. Ignored when it is no longer due. What the server refuses (a quota, a namespace that
 * ends) is not due again before the object has changed. */
void cluster_do(struct cluster *c, const struct cluster_step *step);

/** "collect deployments default/cache" */
const char *cluster_step_text(const struct cluster_step *step, char *out, size_t bytes);
