/*
 * An exec credential plugin: run at start, before its answer expires and when the server rejected
 * it; the last good answer is kept until it expires.
 */
#pragma once
#include "kube/exec_credential.h"
#include "shell/poller.h"

enum {
    PLUGIN_TIMEOUT_MS = 60 * 1000,
    PLUGIN_RETRY_MS = 5 * 1000, /* between the beginnings of two runs, at least */
    PLUGIN_RENEW_MS =
        60 * 1000, /* so long before expiry it is run again, but not before 3/4 of its life */
};

struct plugin;

/** After every run: @err NULL when there is a new credential. */
typedef void plugin_ran_fn(void *ctx, const struct error *err);

/** Runs it. @config (with an exec plugin) outlives it. NULL with ERR_INVALID: cannot be run. */
struct plugin *plugin_new(const struct client_config *config, struct poller *poller,
                          plugin_ran_fn *ran, void *ctx, struct error *err);
void plugin_free(struct plugin *p);

/** The credential, or NULL when there is none that has not expired. Borrowed until ran(). */
const struct exec_credential *plugin_credential(const struct plugin *p, struct now now);

/** Why the last run failed; code ERR_NONE while it runs or when it did not fail. */
const struct error *plugin_error(const struct plugin *p);

/** The server refused the credential: run it again soon. */
void plugin_reject(struct plugin *p, struct now now);

void plugin_tick(struct plugin *p, struct now now);
uint64_t plugin_deadline(const struct plugin *p);
