/*
 * The scale subresource: how many replicas an object of whatever kind shall have. Read by a plan's
 * write with method HTTP_GET and subresource "scale".
 * https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/scale-v1/
 */
#pragma once
#include "kube/object.h"

enum { SCALE_REPLICAS_INVALID = -1 };

struct scale {
    struct object object; /* name, uid and resourceVersion of the object that it is the scale of */
    int32_t replicas;     /* spec.replicas, absent is 0; INVALID: negative, or no int32 */
    int64_t generation; /* of the object, when this was seen to be as new; 0: was not (scales.h) */
};

/** autoscaling/v1 Scale, for stores and their decoder. It is addressed by its object's own kind. */
extern const struct kind scale_kind;
