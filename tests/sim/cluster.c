#include "sim/cluster.h"

#include "base/map.h"
#include "base/mem.h"
#include "sim/cluster_collect.h"
#include "sim/cluster_deployment.h"
#include "sim/cluster_mirror.h"

#include <stdio.h>
#include <string.h>

struct cluster {
    struct mirror mirror;
    uint64_t seed;
    struct map made; /* pods of each Deployment so far, see deployment_add_pod() */
    struct cluster_step steps[CLUSTER_STEPS_MAX];
    size_t step_count;
};

struct cluster *cluster_new(struct api *api, uint64_t seed)
{
    struct cluster *c = mem_zalloc(sizeof *c);
    c->seed = seed;
    mirror_init(&c->mirror, api);
    map_init(&c->made, seed);
    return c;
}

void cluster_free(struct cluster *c)
{
    if (c != NULL) {
        mirror_fini(&c->mirror);
        map_fini(&c->made);
        mem_free(c);
    }
}

/* ---- What is due ---- */

static void add(struct cluster *c, enum cluster_step_type type, const struct thing *t)
{
    if (c->step_count < CLUSTER_STEPS_MAX && !t->refused) {
        struct cluster_step *s = &c->steps[c->step_count++];
        memset(s, 0, sizeof *s);
        s->type = type;
        snprintf(s->resource, sizeof s->resource, "%s", thing_resource(t->kind));
        snprintf(s->ns, sizeof s->ns, "%s", t->ns);
        snprintf(s->name, sizeof s->name, "%s", t->name);
    }
}

static void find_deployment_steps(struct cluster *c, enum cluster_step_type type)
{
    const struct mirror *m = &c->mirror;
    for (size_t i = 0; i < m->count && m->things[i]->kind == THING_DEPLOYMENT; i++) {
        struct rollout r;
        deployment_look(m, m->things[i], &r);
        if (type == CLUSTER_OBSERVE && !r.is_observed) {
            add(c, type, m->things[i]);
        } else if (type == CLUSTER_POD_ADD && r.wants_pod) {
            add(c, type, m->things[i]);
        } else if (type == CLUSTER_POD_REMOVE && r.surplus != NULL) {
            add(c, type, r.surplus);
        }
    }
}

static bool is_due(const struct mirror *m, enum cluster_step_type type, const struct thing *t)
{
    switch (type) {
    case CLUSTER_POD_READY:
        return t->kind == THING_POD && !t->deleting && !t->ready;
    case CLUSTER_POD_GONE:
        return t->kind == THING_POD && t->deleting && !t->held;
    case CLUSTER_COLLECT:
        return t->kind != THING_NAMESPACE && collect_is_due(m, t);
    default:
        if (t->kind == THING_NAMESPACE) {
            return t->deleting && namespace_is_empty(m, t->name);
        }
        return !t->deleting && mirror_is_terminating(m, t->ns);
    }
}

static void find_steps(struct cluster *c)
{
    const struct mirror *m = &c->mirror;
    c->step_count = 0;
    for (enum cluster_step_type type = CLUSTER_OBSERVE; type <= CLUSTER_POD_REMOVE; type++) {
        find_deployment_steps(c, type);
    }
    for (enum cluster_step_type type = CLUSTER_POD_READY; type <= CLUSTER_NAMESPACE; type++) {
        for (size_t i = 0; i < m->count; i++) {
            if (is_due(m, type, m->things[i])) {
                add(c, type, m->things[i]);
            }
        }
    }
}

size_t cluster_steps(struct cluster *c, struct cluster_step *out)
{
    if (mirror_update(&c->mirror)) {
        find_steps(c);
    }
    memcpy(out, c->steps, c->step_count * sizeof *out);
    return c->step_count;
}

/* ---- Doing it ---- */

static bool is_listed(const struct cluster *c, const struct cluster_step *step)
{
    for (size_t i = 0; i < c->step_count; i++) {
        const struct cluster_step *s = &c->steps[i];
        if (s->type == step->type && strcmp(s->resource, step->resource) == 0 &&
            strcmp(s->ns, step->ns) == 0 && strcmp(s->name, step->name) == 0) {
            return true;
        }
    }
    return false;
}

static struct thing *find(const struct mirror *m, const struct cluster_step *step)
{
    for (enum thing_kind kind = 0; kind < THING_KINDS; kind++) {
        if (strcmp(thing_resource(kind), step->resource) == 0) {
            return mirror_find(m, kind, step->ns, step->name);
        }
    }
    return NULL;
}

void cluster_do(struct cluster *c, const struct cluster_step *step)
{
    struct mirror *m = &c->mirror;
    if (mirror_update(m)) {
        find_steps(c);
    }
    struct thing *t = find(m, step);
    if (t == NULL || !is_listed(c, step)) {
        return;
    }
    switch (step->type) {
    case CLUSTER_OBSERVE:
        deployment_observe(m, t);
        break;
    case CLUSTER_POD_ADD:
        deployment_add_pod(m, t, &c->made, c->seed);
        break;
    case CLUSTER_POD_READY:
        pod_become_ready(m, t);
        break;
    case CLUSTER_POD_REMOVE:
        mirror_delete(m, "kube-controller-manager", t, "Background", false);
        break;
    case CLUSTER_POD_GONE:
        mirror_delete(m, "kubelet", t, "Background", true);
        break;
    case CLUSTER_COLLECT:
        collect_do(m, t);
        break;
    case CLUSTER_NAMESPACE:
        if (t->kind == THING_NAMESPACE) {
            namespace_finish(m, t);
        } else {
            mirror_delete(m, "namespace-controller", t, "Background", false);
        }
        break;
    }
    if (t->refused) { /* nothing has changed: it is not to be tried again and again */
        find_steps(c);
    }
}

const char *cluster_step_text(const struct cluster_step *step, char *out, size_t bytes)
{
    static const char *const words[] = {
        [CLUSTER_OBSERVE] = "observe",    [CLUSTER_POD_ADD] = "add a pod of",
        [CLUSTER_POD_REMOVE] = "remove",  [CLUSTER_POD_READY] = "make ready",
        [CLUSTER_POD_GONE] = "end",       [CLUSTER_COLLECT] = "collect",
        [CLUSTER_NAMESPACE] = "clean up",
    };
    snprintf(out, bytes, "%s %s %s%s%s", words[step->type], step->resource, step->ns,
             step->ns[0] != '\0' ? "/" : "", step->name);
    return out;
}
