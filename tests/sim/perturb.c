#include "sim/perturb.h"

#include "base/buf.h"
#include "kube/json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct perturb_class *const perturb_classes[] = {
    &perturb_crash,     &perturb_lost,  &perturb_stale,   &perturb_blind,   &perturb_late,
    &perturb_overtaken, &perturb_lease, &perturb_restore, &perturb_restart, &perturb_pods,
    &perturb_overload,  &perturb_reads, &perturb_rivals,  &perturb_memory,  NULL,
};

static bool is_deterministic(enum workload_name name)
{
    return name != WORKLOAD_NONE && name != WORKLOAD_RANDOM;
}

unsigned perturb_workload_count(void)
{
    unsigned sum = 0;
    for (enum workload_name name = WORKLOAD_NONE; name < WORKLOAD_COUNT; name++) {
        sum += is_deterministic(name) ? workload_variants(name) : 0;
    }
    return sum;
}

void perturb_workload(unsigned i, struct workload_spec *out)
{
    for (enum workload_name name = WORKLOAD_NONE; name < WORKLOAD_COUNT; name++) {
        unsigned variants = is_deterministic(name) ? workload_variants(name) : 0;
        if (i < variants) {
            *out = (struct workload_spec){.name = name, .variant = i};
            return;
        }
        i -= variants;
    }
}

uint64_t perturb_count(uint64_t (*points)(unsigned workload))
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < perturb_workload_count(); i++) {
        sum += points(i);
    }
    return sum;
}

unsigned perturb_locate(uint64_t (*points)(unsigned workload), uint64_t *i)
{
    unsigned workload = 0;
    while (*i >= points(workload)) {
        *i -= points(workload++);
    }
    return workload;
}

bool perturb_known(const struct perturb_memo *memo, unsigned workload)
{
    assert(workload < PERTURB_WORKLOADS_MAX);
    return memo->known[workload];
}

void perturb_remember(struct perturb_memo *memo, unsigned workload, uint64_t points)
{
    memo->known[workload] = true;
    memo->points[workload] = points;
}

struct world *perturb_world(unsigned workload, bool watch_list, const struct perturb_case *c)
{
    struct world_options options = {.seed = 7,
                                    .processes = 1,
                                    .watch_list = watch_list,
                                    .trace = c != NULL && c->trace,
                                    .logs = c != NULL && c->logs};
    perturb_workload(workload, &options.workload);
    return world_new(&options);
}

void perturb_judge(struct world *w, struct perturb_case *c, bool reached)
{
    if (!reached) {
        world_fail(w, "the point was not reached");
    }
    world_settle(w);
    perturb_finish(w, c);
}

void perturb_finish(struct world *w, struct perturb_case *c)
{
    if (world_failure(w) != NULL) {
        snprintf(c->failure, sizeof c->failure, "%s", world_failure(w));
    }
    if (c->trace) {
        printf("%s", world_trace(w));
    }
    world_free(w);
}

bool perturb_is_write(const struct exchange *e)
{
    return e->method != HTTP_GET && strstr(e->path, "/events") == NULL &&
           strstr(e->path, "/leases") == NULL;
}

bool perturb_written(const struct exchange *e, char *path, size_t bytes)
{
    size_t len = strcspn(e->path, "?");
    size_t tail = strlen("/status");
    bool is_status = len > tail && strncmp(e->path + len - tail, "/status", tail) == 0;
    yyjson_doc *doc = e->method == HTTP_POST ? yyjson_read(e->body, strlen(e->body), 0) : NULL;
    const char *name = yyjson_get_str(json_at(yyjson_doc_get_root(doc), "metadata", "name", NULL));
    snprintf(path, bytes, "%.*s%s%s", (int)(is_status ? len - tail : len), e->path,
             name != NULL ? "/" : "", name != NULL ? name : "");
    yyjson_doc_free(doc);
    return is_status;
}

void perturb_cut_watches(struct world *w)
{
    for (size_t i = 0; i < world_exchange_count(w);) {
        const struct exchange *e = world_exchange(w, i);
        if (e->is_watch && !e->orphan) {
            world_take(w, &(struct choice){
                              .type = CHOICE_LOSE, .process = e->process, .exchange = (unsigned)i});
            i = 0;
        } else {
            i++;
        }
    }
}

enum world_say perturb_pass_until(struct world *w, const struct choice *pass, uint64_t until_ms)
{
    uint64_t now_ms = world_now_ms(w);
    if (now_ms >= until_ms || (uint64_t)pass->value <= until_ms - now_ms) {
        return SAY_TAKE;
    }
    world_take(w, &(struct choice){.type = CHOICE_PASS, .value = (int64_t)(until_ms - now_ms)});
    return SAY_DID;
}
