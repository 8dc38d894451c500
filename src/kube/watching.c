#include "kube/watching.h"

#include "base/mem.h"
#include "kube/discovery.h"

void watching_fini(struct watching *w)
{
    for (size_t i = 0; i < w->watcher_count; i++) {
        watcher_free(w->watchers[i]);
    }
    mem_free(w->watchers);
    for (size_t i = 0; i < w->lookout_count; i++) {
        lookout_free(w->lookouts[i]);
    }
    mem_free(w->lookouts);
}

void watching_add(struct watching *w, const struct watch_spec *spec, const char *ns,
                  struct store *store)
{
    w->watchers = mem_realloc(w->watchers, (w->watcher_count + 1) * sizeof w->watchers[0]);
    w->watchers[w->watcher_count++] =
        watcher_new(w->manager, spec, ns, NULL, store, w->random, NULL);
}

/* ---- lookouts -------------------------------------------------------------------------------- */

static struct lookout *find(const struct watching *w, const char *api_version, const char *kind)
{
    for (size_t i = 0; i < w->lookout_count; i++) {
        if (lookout_is_of(w->lookouts[i], api_version, kind)) {
            return w->lookouts[i];
        }
    }
    return NULL;
}

struct lookout *watching_lookout(struct watching *w, const struct lookout_spec *spec,
                                 struct error *err)
{
    char text[API_VERSION_BYTES];
    bool compiled_in = spec->kind != NULL;
    const char *api_version = compiled_in ? kind_api_version(spec->kind, text) : spec->api_version;
    const char *kind = compiled_in ? spec->kind->kind : spec->kind_name;
    struct lookout *l = find(w, api_version, kind);

    if (l != NULL) {
        return l;
    }
    if (discovery_check(api_version, kind, err) != 0) {
        return NULL;
    }
    l = lookout_new(w->manager, spec, w->random);
    w->lookouts = mem_realloc(w->lookouts, (w->lookout_count + 1) * sizeof w->lookouts[0]);
    w->lookouts[w->lookout_count++] = l;
    return l;
}

static void pump_lookouts(struct watching *w)
{
    for (size_t i = 0; i < w->lookout_count;) {
        struct lookout *l = w->lookouts[i];
        lookout_pump(l);
        if (lookout_is_idle(l)) {
            w->lookouts[i] = w->lookouts[--w->lookout_count];
            lookout_stop(l);
            lookout_free(l);
        } else {
            i++;
        }
    }
}

const struct store *watching_store(const struct watching *w, size_t i)
{
    for (size_t k = 0; k < w->lookout_count; k++) {
        bool known = lookout_kind(w->lookouts[k]) != NULL;
        if (known && i < 2) {
            return i == 0 ? lookout_store(w->lookouts[k]) : lookout_scales(w->lookouts[k]);
        }
        i -= known ? 2 : 0;
    }
    return NULL;
}

/* ---- the manager's steps --------------------------------------------------------------------- */

/* What other scopes know may be of a past that never was: a Memcached that is no more would be
 * given its Deployment anew. So after a reset nothing is decided before all have listed. Where that
 * is only doubted, the list of one that has lost something will tell; when it comes to ask by
 * itself the server may have written as much as it has lost. */
static void tell_all_but(struct watching *w, const struct watcher *witness,
                         enum reflector_history history)
{
    for (size_t i = 0; i < w->watcher_count; i++) {
        if (w->watchers[i] != witness) {
            watcher_learn_history(w->watchers[i], history);
        }
    }
    for (size_t i = 0; i < w->lookout_count; i++) {
        lookout_learn_history(w->lookouts[i], witness, history);
    }
}

/* Returns whether history was reset. */
static bool spread_history(struct watching *w)
{
    bool reset = false;
    enum reflector_history history;

    for (size_t i = 0; i < w->watcher_count; i++) {
        history = watcher_take_history(w->watchers[i]);
        if (history != REFLECTOR_HISTORY_GOES_ON) {
            tell_all_but(w, w->watchers[i], history);
            reset = reset || history == REFLECTOR_HISTORY_RESET;
        }
    }
    for (size_t i = 0; i < w->lookout_count; i++) {
        const struct watcher *witness;
        while ((witness = lookout_take_history(w->lookouts[i], &history)) != NULL) {
            tell_all_but(w, witness, history);
            reset = reset || history == REFLECTOR_HISTORY_RESET;
        }
    }
    return reset;
}

bool watching_pump(struct watching *w)
{
    bool reset = spread_history(w);

    for (size_t i = 0; i < w->watcher_count; i++) {
        watcher_pump(w->watchers[i], true);
    }
    pump_lookouts(w);
    return reset;
}

uint64_t watching_deadline(const struct watching *w)
{
    uint64_t at_ms = UINT64_MAX;

    for (size_t i = 0; i < w->watcher_count; i++) {
        at_ms = time_earlier(at_ms, watcher_deadline(w->watchers[i]));
    }
    for (size_t i = 0; i < w->lookout_count; i++) {
        at_ms = time_earlier(at_ms, lookout_deadline(w->lookouts[i]));
    }
    return at_ms;
}

bool watching_refresh(struct watching *w, const struct store *store, const char *ns)
{
    bool begun = false;

    for (size_t i = 0; i < w->watcher_count; i++) {
        struct watcher *watcher = w->watchers[i];
        begun = (watcher_keeps(watcher, store, ns) && watcher_refresh(watcher)) || begun;
    }
    return begun;
}

bool watching_is_ready(const struct watching *w, char *why, size_t bytes)
{
    for (size_t i = 0; i < w->watcher_count; i++) {
        if (!watcher_is_ready(w->watchers[i], why, bytes)) {
            return false;
        }
    }
    return true;
}

const struct error *watching_trouble(const struct watching *w, unsigned *attempts)
{
    const struct error *trouble = NULL;

    for (size_t i = 0; trouble == NULL && i < w->watcher_count; i++) {
        trouble = watcher_trouble(w->watchers[i], attempts);
    }
    return trouble;
}

void watching_stop(struct watching *w)
{
    for (size_t i = 0; i < w->watcher_count; i++) {
        watcher_stop(w->watchers[i]);
    }
    for (size_t i = 0; i < w->lookout_count; i++) {
        lookout_stop(w->lookouts[i]);
    }
}

void watching_mute(struct watching *w)
{
    for (size_t i = 0; i < w->lookout_count; i++) {
        lookout_mute(w->lookouts[i]);
    }
}
