/*
 * What a write does to one object, as tables of requests, each on what those before have left.
 *
 *     {"apply! deployments/web/status by op", BODY, "200 /status/replicas 3 | /metadata/labels -"}
 *
 * Verbs: create, update, patch (merge patch), json (patch), apply, apply! (forced). In bodies and
 * expectations ' stands for ", and $UID and $RV for the object's. An expectation is 200 or 201 with
 * JSON pointers and what is there ("-": nothing), "same" when nothing was to be written, or the
 * refusal's code, reason ("-": none) and message. Every line is what a kube-apiserver 1.20.2
 * answered, but for what its JSON parser says.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct step {
    const char *request, *body, *expect;
};

/** Take all; the test fails at the first that is answered otherwise. @ticks: every second write is
 * a second later. */
void steps_run(const struct step *steps, size_t count, bool ticks);

#define STEPS_RUN(steps) steps_run(steps, ARRAY_LEN(steps), false)

/* ---- Parts of bodies and answers ---- */

#define IS_A(version, kind, name)                                                                  \
    "'apiVersion':'" version "','kind':'" kind "','metadata':{'name':'" name "'"
#define DEPLOYMENT(name)   IS_A("apps/v1", "Deployment", name)
#define MEMCACHED(name)    IS_A("cache.example.com/v1alpha1", "Memcached", name)
#define LEASE(name)        IS_A("coordination.k8s.io/v1", "Lease", name)
#define SELECTOR           "'selector':{'matchLabels':{'app':'web'}}"
#define TEMPLATE(pod_spec) "'template':{'metadata':{'labels':{'app':'web'}},'spec':{" pod_spec "}}"
#define CONTAINERS         "'containers':[{'name':'c','image':'nginx'}]"
#define SPEC               SELECTOR "," TEMPLATE(CONTAINERS)

#define CHANGED(what)                                                                              \
    "409 Conflict Operation cannot be fulfilled on " what                                          \
    ": the object has been modified; please apply your changes to the latest version and try "     \
    "again"

#define OWNS(entry, fields) "/metadata/managedFields/" entry "/fieldsV1 " fields
