#include "sim/explore_mark.h"

#include "base/mem.h"
#include "sim/world_state.h"

#include <stdio.h>
#include <string.h>

static const char *const resources[] = {"memcacheds", "deployments", "pods"};

static unsigned resources_in(const char *text)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < ARRAY_LEN(resources); i++) {
        bits |= strstr(text, resources[i]) != NULL ? 1U << i : 0;
    }
    return bits != 0 ? bits : ~0U;
}

/* A Deployment of a Memcached's name is watched as its own, if at all, others as sources: changes
 * of two that no watch shows both can change places. Of all else there is one watch. */
static void mark_deployment(struct explore_mark *m, const struct world *w, const char *ns,
                            const char *name)
{
    snprintf(m->object, sizeof m->object, "%s/%s", ns, name);
    m->watch = api_get(w->api, "memcacheds", ns, name) != NULL ? "operands" : "sources";
}

/* The name is where it is addressed, or in what is posted there. */
static void mark_execute(struct explore_mark *m, const struct world *w, const struct exchange *e)
{
    char path[WORLD_CHOICE_BYTES];
    char ns[64], name[64];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(e->path, "?"), e->path);
    m->flight = e->id;
    *(e->method == HTTP_GET ? &m->reads : &m->writes) = resources_in(path);
    const char *at = strstr(path, "/namespaces/");
    const char *body = e->body != NULL ? strstr(e->body, "\"name\":\"") : NULL;
    if (m->writes == resources_in("deployments") && at != NULL &&
        (sscanf(at, "/namespaces/%63[^/]/deployments/%63[^/]", ns, name) == 2 ||
         (body != NULL && sscanf(body, "\"name\":\"%63[^\"]", name) == 1))) {
        mark_deployment(m, w, ns, name);
    }
}

/* "user    kubectl scale deployments default/web to 3" */
static void mark_user(struct explore_mark *m, const struct world *w)
{
    char ns[64], name[64];
    m->writes = resources_in(m->text);
    if (sscanf(m->text, "user %*s %*s deployments %63[^/]/%63s", ns, name) == 2) {
        mark_deployment(m, w, ns, name);
    }
}

static void mark_cluster(struct explore_mark *m, const struct world *w,
                         const struct cluster_step *step)
{
    unsigned deployments = resources_in("deployments");
    unsigned pods = resources_in("pods");
    bool observe = step->type == CLUSTER_OBSERVE;
    if (step->type >= CLUSTER_COLLECT) {
        m->writes = ~0U; /* owners may be anything */
        return;
    }
    m->writes = observe ? deployments : pods;
    m->reads = observe ? pods : deployments;
    if (observe) {
        mark_deployment(m, w, step->ns, step->name);
    }
}

/* What is read before all caches are in step goes into one of them and nowhere else. */
static const char *scope_of(const struct world *w, const struct choice *c)
{
    static const char *const scopes[] = {"/memcacheds", "associated-memcached", "managed-by",
                                         "/pods"};
    const struct exchange *e = world_exchange(w, c->exchange);
    struct manager *m = w->network.processes[e->process].manager;
    bool filling = e->method == HTTP_GET && m != NULL && !manager_ready(m, NULL);
    for (size_t i = 0; filling && i < ARRAY_LEN(scopes); i++) {
        if (strstr(e->path, scopes[i]) != NULL) {
            return scopes[i];
        }
    }
    return NULL;
}

struct explore_mark explore_mark_of(struct world *w, const struct choice *c)
{
    struct explore_mark m = {.all = false};
    world_choice_text(w, c, m.text);
    switch (c->type) {
    case CHOICE_EXECUTE:
        mark_execute(&m, w, world_exchange(w, c->exchange));
        break;
    case CHOICE_USER:
        mark_user(&m, w);
        break;
    case CHOICE_CLUSTER:
        mark_cluster(&m, w, &w->steps[c->value]);
        break;
    case CHOICE_DROP:
        m.flight = world_exchange(w, c->exchange)->id;
        break;
    case CHOICE_ANSWER:
    case CHOICE_DELIVER:
    case CHOICE_LOSE:
        m.process = true;
        m.flight = world_exchange(w, c->exchange)->id;
        m.scope = scope_of(w, c);
        break;
    case CHOICE_CRASH:
        m.process = m.all_flights = true;
        break;
    case CHOICE_START: /* it asks for everything */
        m.process = true;
        m.reads = ~0U;
        break;
    default:
        m.all = true;
        break;
    }
    return m;
}

bool explore_are_independent(const struct explore_mark *a, const struct explore_mark *b)
{
    bool other = a->watch != NULL && b->watch != NULL && a->watch != b->watch &&
                 strcmp(a->object, b->object) != 0;
    bool clash = (a->writes & b->writes) != 0 && !other;
    bool apart = a->scope != NULL && b->scope != NULL && a->scope != b->scope;
    bool meet = clash || (a->writes & b->reads) != 0 || (a->reads & b->writes) != 0 ||
                (a->process && b->process && !apart);
    bool share = (a->flight != 0 && a->flight == b->flight) || (a->all_flights && b->flight != 0) ||
                 (b->all_flights && a->flight != 0);
    return !a->all && !b->all && !meet && !share;
}
