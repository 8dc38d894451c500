/*
 * A lookout at work: watches begin, go on and end as the references are.
 */
#include "kube/lookout_parts.h"

/* People are told by whoever refers to the object: he knows what it is for. */
static void on_report(void *ctx, const char *verb, const struct reflector_spec *spec,
                      uint64_t retry_in_ms, const struct error *err)
{
    struct watched *w = ctx;
    struct manager *m = w->lookout->manager;

    manager_log(m, manager_now(m), LOG_DEBUG, "lookout",
                err == NULL ? "In step with the server" : "Cannot watch the object. Trying again",
                (struct log_field[]){LOG_STR("kind", spec->kind->kind), LOG_STR("namespace", w->ns),
                                     LOG_STR("name", w->name), LOG_STR("verb", verb),
                                     LOG_STR("error", err == NULL ? "" : err->message),
                                     LOG_INT("retry-in-ms", (int64_t)retry_in_ms)},
                err == NULL ? 3 : 6);
    if (err != NULL) {
        lookout_set_trouble(w, err);
        return;
    }
    /* also of the first list, which may have brought nothing */
    w->trouble = ERROR_INIT;
    lookout_tell(w->lookout, w->ns, w->name);
}

static void on_stirred(void *ctx)
{
    struct watched *w = ctx;

    w->lookout->stirred = true;
}

/* @i is its place in the map. */
static void begin(struct lookout *l, size_t i)
{
    struct watched *w = lookout_at(l, i);

    if (w->watcher != NULL || l->kind == NULL) {
        return;
    }
    if (i >= LOOKOUT_WATCHES_MAX) {
        struct error many = ERROR_INIT;
        error_set(&many, ERR_TOO_BIG,
                  "%d objects of kind %s are referred to and watched already; this one waits until "
                  "one of them no longer is",
                  LOOKOUT_WATCHES_MAX, l->kind->kind);
        lookout_set_trouble(w, &many);
        return;
    }
    w->watcher = watcher_new(
        l->manager, &(struct watch_spec){.kind = l->kind, .metadata_only = l->metadata_only}, w->ns,
        w->name, &l->store, l->random,
        &(struct watcher_owner){.report = on_report, .stirred = on_stirred, .ctx = w});
    lookout_set_trouble(w, &ERROR_INIT);
}

/* Out of the map first: whoever is told may add it anew. */
static void end(struct lookout *l, size_t i)
{
    struct watched *w = map_remove(&l->watched, l->watched.entries[i].key);

    if (w->watcher != NULL) {
        struct store_scope *scope = watcher_scope(w->watcher);
        watcher_stop(w->watcher);
        watcher_free(w->watcher);
        w->watcher = NULL;
        store_remove_scope(&l->store, scope);
    }
    lookout_free_watched(w);
}

/* A pause outlives the references, for whoever refers to the object anew must not ask before it is
 * over; unless others need the place. */
static bool has_ended(const struct lookout *l, const struct watched *w, struct now now)
{
    bool stays = w->watcher != NULL && watcher_is_pausing(w->watcher, now) &&
                 l->watched.count <= LOOKOUT_WATCHES_MAX;

    return w->references == 0 && !stays;
}

static void end_unreferenced(struct lookout *l, struct now now)
{
    for (size_t i = 0; i < l->watched.count;) {
        if (has_ended(l, lookout_at(l, i), now)) {
            end(l, i); /* the last entry moves to i */
        } else {
            i++;
        }
    }
}

static void search(struct lookout *l)
{
    if (l->kind == NULL && l->watched.count > 0) {
        kind_search_pump(&l->search);
        l->due_ms = kind_search_deadline(&l->search);
    }
}

static bool is_starting(const struct watched *w, struct now now)
{
    uint64_t since_ms = w->watcher == NULL ? 0 : watcher_unanswered_since(w->watcher);

    return since_ms != 0 && now.mono_ms < since_ms + LOOKOUT_START_MS;
}

static size_t count_starting(const struct lookout *l, struct now now)
{
    size_t count = 0;

    for (size_t i = 0; i < l->watched.count; i++) {
        count += is_starting(lookout_at(l, i), now) ? 1 : 0;
    }
    return count;
}

/* Returns when it may be due again. One that is held up has to wait until another one is answered.
 */
static uint64_t pump_one(struct watched *w, bool may, struct now now)
{
    if (w->refresh) {
        w->refresh = false;
        w->refreshing = watcher_refresh(w->watcher) || w->refreshing;
    } else if (w->refreshing && !watcher_is_refreshing(w->watcher)) {
        w->refreshing = false;
        lookout_tell(w->lookout, w->ns, w->name); /* also if it has brought nothing new */
    }
    watcher_pump(w->watcher, may);
    if (is_starting(w, now)) {
        return watcher_unanswered_since(w->watcher) + LOOKOUT_START_MS;
    }
    uint64_t due_ms = watcher_deadline(w->watcher);
    return due_ms <= now.mono_ms ? UINT64_MAX : due_ms;
}

static void pump_all(struct lookout *l, struct now now)
{
    size_t starting = count_starting(l, now);

    for (size_t i = 0; i < l->watched.count; i++) {
        struct watched *w = lookout_at(l, i);
        begin(l, i);
        if (w->watcher == NULL) {
            continue;
        }
        bool was_starting = is_starting(w, now);
        l->due_ms = time_earlier(l->due_ms, pump_one(w, starting < LOOKOUT_STARTS_MAX, now));
        starting += !was_starting && is_starting(w, now) ? 1 : 0;
    }
}

void lookout_pump(struct lookout *l)
{
    struct now now = manager_now(l->manager);

    if (!l->stirred && now.mono_ms < l->due_ms) {
        return;
    }
    l->stirred = false; /* first: who is told may stir it */
    l->due_ms = UINT64_MAX;
    end_unreferenced(l, now);
    scales_drop_strays(&l->scales);
    search(l);
    pump_all(l, now);
}

uint64_t lookout_deadline(const struct lookout *l)
{
    return l->stirred ? 0 : l->due_ms;
}

struct watcher *lookout_take_history(struct lookout *l, enum reflector_history *history)
{
    for (size_t i = 0; l->stirred && i < l->watched.count; i++) {
        struct watcher *watcher = lookout_at(l, i)->watcher;
        *history = watcher != NULL ? watcher_take_history(watcher) : REFLECTOR_HISTORY_GOES_ON;
        if (*history != REFLECTOR_HISTORY_GOES_ON) {
            return watcher;
        }
    }
    return NULL;
}

void lookout_learn_history(struct lookout *l, const struct watcher *witness,
                           enum reflector_history history)
{
    l->stirred = true;
    for (size_t i = 0; i < l->watched.count; i++) {
        struct watcher *watcher = lookout_at(l, i)->watcher;
        if (watcher != NULL && watcher != witness) {
            watcher_learn_history(watcher, history);
        }
    }
    if (history == REFLECTOR_HISTORY_RESET) {
        store_drop_all(&l->scales.store);
        lookout_tell_all(l);
    }
}

void lookout_stop(struct lookout *l)
{
    kind_search_stop(&l->search);
    for (size_t i = 0; i < l->watched.count; i++) {
        struct watcher *watcher = lookout_at(l, i)->watcher;
        if (watcher != NULL) {
            watcher_stop(watcher);
        }
    }
}
