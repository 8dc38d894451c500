/*
 * Asks the model API server by hand, for its tests: requests as one line, answers and events as
 * short texts. Single quotes in bodies and expectations stand for double ones.
 */
#pragma once
#include "sim/api.h"

#define DEFAULT_NS  "/namespaces/default"
#define CACHE       "/apis/cache.example.com/v1alpha1"
#define APPS        "/apis/apps/v1"
#define CORE        "/api/v1"
#define MEMCACHEDS  CACHE DEFAULT_NS "/memcacheds"
#define DEPLOYMENTS APPS DEFAULT_NS "/deployments"
#define PODS        CORE DEFAULT_NS "/pods"
#define NAMESPACES  CORE "/namespaces"
#define LEASES      "/apis/coordination.k8s.io/v1" DEFAULT_NS "/leases"

#define META_OBJECT "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define META_LIST                                                                                  \
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

struct api_driver {
    struct api *api;
    struct api_answer answer; /* the last one */
    unsigned server;
    const char *accept; /* of the requests to come */
    char text[4096];    /* what a function below has returned */
};

/** A server whose revision is 100 after "default" was made; its clock stands at 2026-01-01. */
void api_driver_init(struct api_driver *d, bool watch_list);
void api_driver_fini(struct api_driver *d);

/** "PUT /apis/…", with the content type that goes with it (a patch is a merge patch); @body may be
 * NULL. Returns the HTTP status. */
int api_driver_ask(struct api_driver *d, const char *line, const char *body);
int api_driver_ask_as(struct api_driver *d, const char *line, const char *type, const char *body);

/** Ask; the test fails unless it is answered @http_status and @part is in the body. */
void api_driver_expect(struct api_driver *d, const char *line, const char *body, int http_status,
                       const char *part);

/** Whether the body of the last answer has @part. */
bool api_driver_has(const struct api_driver *d, const char *part);

/** Text at a JSON pointer of the last answer, e.g. "/metadata/resourceVersion"; "" where none is.
 */
const char *api_driver_at(struct api_driver *d, const char *pointer);

/* Make objects in "default" (or @ns), as they must be made. @label: of "x"; NULL: none. */
void api_driver_memcached(struct api_driver *d, const char *ns, const char *name,
                          const char *label);
void api_driver_deployment(struct api_driver *d, const char *name, const char *label);
void api_driver_pod(struct api_driver *d, const char *name, const char *node);
void api_driver_namespace(struct api_driver *d, const char *name);
/** metadata.labels.x := label of a memcached in default. */
void api_driver_label(struct api_driver *d, const char *name, const char *label);

/** The list's items: "a@103 b@104". */
const char *api_driver_items(struct api_driver *d);

/** Open a watch, which must work. */
struct api_watch *api_driver_watch(struct api_driver *d, const char *path);

/** All events that are there: "ADDED a@103 DELETED a@104 BOOKMARK @105 ERROR 410 Expired". */
const char *api_driver_events(struct api_driver *d, struct api_watch *w);

/** A bookmark's revision, or "" where there is none to be had. */
const char *api_driver_bookmark(struct api_driver *d, struct api_watch *w);

/** A list's @line is answered with these items, as of @revision. */
void api_driver_expect_items(struct api_driver *d, const char *line, const char *items,
                             const char *revision);

/* For cmocka: *state is a driver. */
int api_driver_setup(void **state);
int api_driver_setup_watch_list(void **state);
int api_driver_teardown(void **state);

#define API_TEST(test) cmocka_unit_test_setup_teardown(test, api_driver_setup, api_driver_teardown)
