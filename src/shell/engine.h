/*
 * A manager at work on a cluster: credentials, transport, and the loop that hands events in and
 * carries actions out. What the operator (run.c) and its commands have in common.
 *
 *     struct engine e = {.on_log = …, .on_line = …, .ctx = …};
 *     if (engine_connect(&e, kubeconfig, context, &err) != 0) …
 *     e.manager = manager_new(…);
 *     engine_start(&e);
 *     while (!e.done) {
 *         engine_turn(&e, deadline_ms);
 *     }
 *     engine_disconnect(&e);      before manager_free()
 *     manager_free(e.manager);
 *     engine_fini(&e);
 */
#pragma once
#include "kube/manager.h"
#include "shell/credentials.h"
#include "shell/poller.h"
#include "shell/transport.h"

#define PROGRAM "memcached-operator"

struct engine {
    struct poller *poller;
    struct credentials *credentials;
    struct transport *transport;
    struct manager *manager; /* the caller's */
    struct actions actions;
    credentials_log_fn *on_log;                   /* of the credentials */
    void (*on_line)(void *ctx, const char *text); /* a line of the manager's log; NULL: dropped */
    void *ctx;
    bool done; /* the manager, or the caller, has ended it */
    int exit_code;
};

/** Read the configuration and make all but the manager; nothing is sent yet. Returns 0, or a
 * negative code; engine_fini() is right either way. */
int engine_connect(struct engine *e, const char *kubeconfig, const char *context,
                   struct error *err);

/** "host:port" of the server; owned by the caller. */
char *engine_host(const struct engine *e);

/** A credential plugin would inherit a seccomp filter, and may need any system call, or a program
 * that gains privileges. */
bool engine_runs_plugin(const struct engine *e);

/** Hand @event in. Its actions are carried out by the next engine_settle(). */
void engine_step(struct engine *e, const struct event *event);

/** Carry out actions until nothing is left to do. */
void engine_settle(struct engine *e);

/** The first step. */
void engine_start(struct engine *e);

/** Wait for something to happen, until @until_ms (mono_ms) at the latest, and let it. */
void engine_turn(struct engine *e, uint64_t until_ms);

/** End what is in flight: it borrows requests of the manager. */
void engine_disconnect(struct engine *e);
void engine_fini(struct engine *e);
