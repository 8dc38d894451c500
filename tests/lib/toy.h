/*
 * A toy operator for tests of the runtime: kind Thing, one controller whose plans a test writes.
 */
#pragma once
#include "lib/driver.h"

#define THINGS "/apis/toys.example.com/v1/things?"
#define THING  "/apis/toys.example.com/v1/namespaces/default/things/"

struct toy {
    struct driver driver;
    struct store *things;
    struct controller *controller;
    size_t reconciles;
    bool write;        /* each reconcile patches its thing */
    bool look;         /* or gets it */
    uint64_t again_ms; /* and wishes to be called again */
    bool look_again;   /* what answered() returns */
    size_t answers;
    int last_code;    /* of the last answer */
    bool last_object; /* the last answer brought one */
};

/** Options that tests start from: max_concurrent 16, log to the driver at debug level, all
 * namespaces. */
struct manager_options toy_options(void);

void toy_init(struct toy *t, const struct manager_options *options);
void toy_fini(struct toy *t);

/** Let the watch of things tell of default/NAME at @rv. */
void toy_tell(struct toy *t, const char *name, int rv);

/** Answer the open PATCH of NAME with the object at @rv. */
void toy_patched(struct toy *t, const char *name, int rv);

/** Open PATCHes of things. */
size_t toy_patches(const struct toy *t);
