#include "kube/leader.h"

#include "base/mem.h"

#include <string.h>

void leader_init(struct leader *l, struct manager *manager, struct random *random,
                 struct metrics *metrics)
{
    const struct manager_options *options = manager_settings(manager);
    *l = (struct leader){.manager = manager, .elects = options->leader_elect};
    l->leading = !l->elects;
    if (l->elects) {
        lease_init(&l->lease, options->lease_ns, options->lease_name, options->identity, random);
        l->metric = metric_get(
            metrics_family(metrics, METRIC_GAUGE, "leader_election_master_status",
                           "Gauge of if the reporting system is master of the relevant lease, 0 "
                           "indicates backup, 1 indicates master.",
                           "name", NULL, 0),
            options->lease_name);
    }
}

void leader_fini(struct leader *l)
{
    if (l->elects) {
        lease_fini(&l->lease);
        mem_free(l->holder);
    }
}

static void tell(struct leader *l, enum log_level level, const char *message, const char *key,
                 const char *value)
{
    struct manager *m = l->manager;
    manager_log(m, manager_now(m), level, "leaderelection", message,
                (struct log_field[]){LOG_STR("lease", manager_settings(m)->lease_name),
                                     LOG_STR(key, value)},
                2);
}

static void on_answer(void *ctx, struct now now, const struct answer *answer)
{
    struct leader *l = ctx;
    lease_answer(&l->lease, now, answer->body, answer->body_len,
                 answer->error.code == ERR_NONE ? NULL : &answer->error);
    if (answer->error.code != ERR_NONE && answer->error.code != ERR_CONFLICT &&
        answer->error.code != ERR_NOT_FOUND && answer->error.code != ERR_EXISTS) {
        tell(l, LOG_ERROR, "Cannot get or renew the lease", "error", answer->error.message);
    }
}

static const struct call_handler handler = {.done = on_answer};

static void attempt(struct leader *l)
{
    struct now now = manager_now(l->manager);
    struct request request = {0};
    if (lease_want(&l->lease, now, &request)) {
        client_start(manager_client(l->manager), now, &request, &handler, l);
    }
}

/* Whoever looks at a standby's log shall see that it waits, and for whom. */
static void tell_holder(struct leader *l)
{
    const char *holder = lease_holder(&l->lease);
    if (l->lease.state != LEASE_STANDBY || holder[0] == '\0' ||
        strcmp(holder, l->holder != NULL ? l->holder : "") == 0) {
        return;
    }
    mem_free(l->holder);
    l->holder = mem_strdup(holder);
    tell(l, LOG_INFO, "Standing by: another holds the lease", "holder", holder);
}

bool leader_pump(struct leader *l)
{
    if (!l->elects) {
        return true;
    }
    bool leading = lease_step(&l->lease, manager_now(l->manager));
    attempt(l);
    if (leading != l->leading) {
        l->leading = leading;
        metric_set(l->metric, leading ? 1 : 0);
        tell(l, LOG_INFO, leading ? "Successfully acquired the lease" : "No longer the leader",
             "holder", lease_holder(&l->lease));
    }
    tell_holder(l);
    return leading;
}

bool leader_is_lost(const struct leader *l)
{
    return l->elects && l->lease.state == LEASE_LOST;
}

bool leader_is_acquiring(const struct leader *l)
{
    return l->elects && lease_is_acquiring(&l->lease);
}

uint64_t leader_keeps_until_ms(const struct leader *l)
{
    uint64_t lost_ms = manager_client(l->manager)->lost_ms;
    bool holds = l->elects && l->lease.state == LEASE_LEADING;
    return holds && lost_ms != 0 ? lost_ms + LEASE_LANDED_MS : 0;
}

bool leader_release(struct leader *l)
{
    if (!l->elects || l->lease.state == LEASE_RELEASED) {
        return true;
    }
    lease_release(&l->lease, manager_now(l->manager));
    lease_step(&l->lease, manager_now(l->manager));
    attempt(l);
    return l->lease.state != LEASE_RELEASING;
}

bool leader_is_releasing(const struct leader *l)
{
    return l->elects && l->lease.state == LEASE_RELEASING;
}

uint64_t leader_deadline(const struct leader *l)
{
    return l->elects ? lease_deadline(&l->lease) : UINT64_MAX;
}
