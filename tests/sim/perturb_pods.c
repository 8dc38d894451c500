/*
 * Pods: their watch is the last to bring its news, and pods on their way out never end (their node
 * is lost). The status names the others, and no more.
 */
#include "sim/perturb.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/world_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STILL_MS = 5000,
    LATE_MS = 3000, /* of the pods' watch, behind the last step of people */
};

struct pods {
    uint64_t step_ms; /* of people, the last one */
};

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct pods *p = ctx;
    uint64_t now_ms = world_now_ms(w);
    if (next->type == CHOICE_USER) {
        p->step_ms = now_ms;
    } else if (next->type == CHOICE_CLUSTER && w->steps[next->value].type == CLUSTER_POD_GONE) {
        return SAY_NOT_NOW;
    } else if (next->type == CHOICE_DELIVER && now_ms < p->step_ms + LATE_MS &&
               strstr(world_exchange(w, next->exchange)->path, "/pods?") != NULL) {
        return SAY_NOT_NOW;
    }
    return SAY_TAKE;
}

static bool is_going(struct world *w, const char *ns, const char *pod)
{
    const char *json = api_get(world_api(w), "pods", ns, pod);
    yyjson_doc *doc = json != NULL ? yyjson_read(json, strlen(json), 0) : NULL;
    bool going = json_at(yyjson_doc_get_root(doc), "metadata", "deletionTimestamp", NULL) != NULL;
    yyjson_doc_free(doc);
    return going;
}

static void check_nodes(void *ctx, const char *json)
{
    struct world *w = ctx;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *ns = yyjson_get_str(json_at(root, "metadata", "namespace", NULL));
    size_t i, max;
    yyjson_val *node;
    yyjson_arr_foreach(json_at(root, "status", "nodes", NULL), i, max, node)
    {
        if (is_going(w, ns, yyjson_get_str(node))) {
            world_fail(w, "pods: status.nodes names %s, which is on its way out",
                       yyjson_get_str(node));
        }
    }
    yyjson_doc_free(doc);
}

static uint64_t count(bool many)
{
    (void)many;
    return perturb_workload_count();
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    (void)many;
    struct pods p = {0};
    struct world_options options = {
        .seed = 7, .processes = 1, .watch_list = i % 2 == 0, .trace = c->trace, .logs = c->logs};
    perturb_workload((unsigned)i, &options.workload);
    snprintf(c->what, sizeof c->what, "pods that never end in %s/%u",
             workload_text(options.workload.name), options.workload.variant);
    struct world *w = world_new(&options);
    world_play(w, STILL_MS, say, &p);
    api_each(world_api(w), "memcacheds", NULL, check_nodes, w);
    world_settle(w);
    perturb_finish(w, c);
}

const struct perturb_class perturb_pods = {
    .name = "pods",
    .about = "news of pods come last, and those on their way out never end",
    .count = count,
    .run = run,
};
