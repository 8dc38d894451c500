/*
 * Deployment controller, ReplicaSet controller, scheduler and kubelet in one. Only for cluster.c.
 *
 * Pods are made for Deployments whose template bears the label memcached_cr, as nobody in the
 * simulation looks at those of others: the status of these says at once that all pods are ready.
 * Simplified: no ReplicaSets, the pods are the Deployment's own; of a rolling update the step is
 * one pod; a node holds CLUSTER_PODS_MAX pods of one Deployment, more never come about.
 */
#pragma once
#include "base/map.h"
#include "sim/cluster.h"
#include "sim/cluster_mirror.h"

enum { CLUSTER_PODS_MAX = 8 };

/** What the pods of a Deployment are, and what it calls for. */
struct rollout {
    int64_t total, updated, ready, old; /* pods that are not terminating */
    struct thing *orphan;               /* a pod that nobody controls and its selector matches */
    struct thing *surplus;              /* the pod to be removed now, or NULL */
    bool wants_pod;                     /* one is to be made or taken in now */
    bool is_observed;                   /* its status says all that */
};

void deployment_look(const struct mirror *m, const struct thing *d, struct rollout *out);

void deployment_observe(struct mirror *m, struct thing *d);

/** @made: "ns/name" → how many pods were made; @seed: of their names. */
void deployment_add_pod(struct mirror *m, struct thing *d, struct map *made, uint64_t seed);

void pod_become_ready(struct mirror *m, struct thing *pod);
