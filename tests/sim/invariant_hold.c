#include "sim/invariant_hold.h"

#include "base/time_text.h"
#include "kube/json.h"

#include <inttypes.h>
#include <string.h>

enum { SECOND_MS = 1000 };

/* The highest hold that a status tells of. */
struct hold {
    int64_t size; /* -1: none */
    int64_t until_ms;
};

static struct hold read_hold(yyjson_val *memcached)
{
    yyjson_val *first = yyjson_arr_get_first(json_at(memcached, "status", "sizing", "holds", NULL));
    yyjson_val *until = yyjson_obj_get(first, "until");
    int64_t wall_us;
    if (!yyjson_is_str(until) ||
        time_parse(yyjson_get_str(until), yyjson_get_len(until), &wall_us) != 0) {
        return (struct hold){.size = -1};
    }
    return (struct hold){json_get_int(yyjson_obj_get(first, "size"), -1), wall_us / 1000};
}

/* The one source called for so many again after it had called for less, or was missing meanwhile:
 * operators may learn of that late. */
static bool may_be_wished_again(const struct invariants *i, const struct memcached_past *m,
                                const struct size_rules *rules, int64_t size)
{
    char key[SIZE_SOURCE_KEY_BYTES];
    unsigned rises = 0;
    bool was_high = false;
    size_source_key(&rules->sources[0], m->ns, key);
    const struct timeline *t = history_source_of(&i->history, key);
    for (size_t n = 1; t != NULL && n < t->count; n++) { /* before the first it never was */
        struct size_tally tally = {0};
        size_tally_add(&tally, (struct size_reading){READING_FOUND, t->moments[n].value});
        bool is_high = t->moments[n].is_known && size_wished(rules, &tally, size) >= size;
        rises += is_high && !was_high;
        was_high = is_high;
        if (!t->moments[n].is_known) {
            return true;
        }
    }
    return t == NULL || rises > 1;
}

static bool is_judged(const struct invariants *i, const struct memcached_past *m,
                      const struct size_rules *rules)
{
    return rules->fault == NULL && rules->source_count == 1 && rules->hold_ms > 0 &&
           rules->step_up == 0 && rules->step_down == 0 && m->holds_count && !m->is_meddled &&
           !i->history.is_restored && world_clocks_agree(i->world);
}

const char *hold_prolonged(const struct invariants *i, const struct deed *d,
                           const struct memcached_past *m, struct buf *why)
{
    struct size_rules rules;
    struct hold was = read_hold(d->before);
    struct hold is = read_hold(d->after);
    size_rules_read(&rules, d->after);
    if (was.size < 0 || is.size != was.size || is.until_ms <= was.until_ms + SECOND_MS ||
        !is_judged(i, m, &rules) || may_be_wished_again(i, m, &rules, is.size)) {
        return NULL;
    }
    buf_printf(why,
               "the hold of %" PRId64 " ends %" PRId64
               " ms later than was told, though nobody called for so many again",
               is.size, is.until_ms - was.until_ms);
    return buf_text(why);
}
