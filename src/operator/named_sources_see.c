/*
 * What is known of the sources that a Memcached names, and the reading of scales.
 */
#include "operator/named_sources_parts.h"

#include "base/mem.h"
#include "operator/memcached_reconcile.h"

struct sight named_sources_sight(const struct named_sources *n, const char *ns,
                                 const struct size_source *source)
{
    const struct named_kind *kind = named_kind_of(n, source);
    return kind != NULL ? lookout_see(kind->lookout, ns, source->name) : (struct sight){0};
}

/* The next attempt may well succeed, and people need not hear of this one. */
static bool is_passing(const struct error *trouble)
{
    return trouble->code == ERR_TRANSPORT || trouble->code == ERR_CANCELLED ||
           trouble->code == ERR_TOO_MANY || trouble->code == ERR_UNAUTHORIZED;
}

/* What was known counts no more. */
static bool is_lasting(const struct error *trouble)
{
    return trouble->code == ERR_NOT_FOUND || trouble->code == ERR_INVALID ||
           trouble->code == ERR_FORBIDDEN || trouble->code == ERR_TOO_BIG;
}

static struct sizing_source in_trouble(const struct error *trouble, bool has_kind)
{
    struct sizing_source s = {.state = SOURCE_UNREADABLE, .detail = trouble->message};
    if (trouble->code == ERR_NOT_FOUND) {
        s = (struct sizing_source){.state = SOURCE_NO_KIND};
    } else if (trouble->code == ERR_INVALID && !has_kind) {
        s = (struct sizing_source){.state = SOURCE_NO_SCALE};
    }
    return s;
}

/* How many replicas an object has that is there. */
static struct sizing_source count(const struct named *o, const struct sight *sight,
                                  bool is_compiled_in)
{
    struct sizing_source s = {.state = SOURCE_FOUND, .created_us = sight->object->created_us};
    if (sight->object->deleting) {
        s.state = SOURCE_TERMINATING;
    } else if (is_compiled_in) {
        s.replicas = ((const struct deployment *)sight->object)->replicas;
    } else if (!sight->scale_due) {
        s.replicas = sight->scale->replicas; /* SCALE_REPLICAS_INVALID is REPLICAS_INVALID */
    } else {
        s.state = o->trouble != NULL ? SOURCE_UNREADABLE : SOURCE_UNKNOWN;
        s.detail = o->trouble;
    }
    return s;
}

_Static_assert((int)SCALE_REPLICAS_INVALID == (int)REPLICAS_INVALID, "count() hands it over");

static struct sizing_source look(struct named_sources *n, const char *ns,
                                 const struct size_source *source, struct named_view *view)
{
    struct named_kind *kind = named_kind_of(n, source);
    struct named *o = named_of(kind, ns, source->name);
    if (o == NULL) {
        return (struct sizing_source){.state = SOURCE_UNKNOWN};
    }
    struct sight sight = lookout_see(kind->lookout, ns, source->name);
    if (sight.trouble != NULL &&
        (sight.synced ? is_lasting(sight.trouble) : !is_passing(sight.trouble))) {
        return in_trouble(sight.trouble, lookout_kind(kind->lookout) != NULL);
    }
    if (!named_confirm(n, o, kind->lookout, ns, source->name)) {
        view->is_doubted = view->is_doubted || sight.synced;
        return (struct sizing_source){.state = SOURCE_UNKNOWN};
    }
    if (!sight.synced) {
        return (struct sizing_source){.state = SOURCE_UNKNOWN};
    }
    if (sight.object == NULL) {
        return (struct sizing_source){.state = SOURCE_MISSING};
    }
    if (sight.scale_due && !sight.object->deleting && view->unread == NULL) {
        view->unread = source;
    }
    return count(o, &sight, named_compiled_in(source) != NULL);
}

struct named_view named_sources_see(struct named_sources *n, const struct memcached *m,
                                    struct arena *arena)
{
    struct named_view view = {0};
    const struct size_from *f = m->size_from;
    if (f == NULL || f->fault != NULL || f->source_count == 0) {
        return view;
    }
    struct sizing_source *sources = arena_alloc(arena, f->source_count * sizeof *sources);
    for (size_t i = 0; i < f->source_count; i++) {
        sources[i] = look(n, m->object.ns, &f->sources[i], &view);
    }
    view.sources = sources;
    return view;
}

/* ---- Reading scales ---- */

void named_sources_plan_read(struct named_sources *n, const char *ns,
                             const struct size_source *unread, struct plan *plan)
{
    struct lookout *l = named_kind_of(n, unread)->lookout;
    struct write *w = plan_write(plan, "read scale", HTTP_GET, lookout_kind(l), ns, unread->name);
    w->subresource = "scale";
    w->into = lookout_scales(l);
    w->tag = WRITE_SCALE;
}

static struct named *named_by(const struct named_sources *n, const struct write *write)
{
    map_for_each (&n->kinds, e) {
        const struct named_kind *kind = e->value;
        if (lookout_kind(kind->lookout) == write->kind) {
            return named_of(kind, write->ns, write->name);
        }
    }
    return NULL;
}

void named_sources_answered(struct named_sources *n, const struct write *write,
                            const struct answer *answer)
{
    struct named *o = named_by(n, write);
    if (o == NULL) {
        return; /* nobody names it any more */
    }
    bool was_fine = o->trouble == NULL;
    bool is_fine = answer->error.code == ERR_NONE || is_passing(&answer->error);
    mem_free(o->trouble);
    o->trouble = is_fine ? NULL : mem_strdup(answer->error.message);
    if (was_fine && !is_fine) {
        named_tell_users(n, o, write->ns);
    }
}
