#include "kube/scales.h"

#include <string.h>

void scales_init(struct scales *s, const struct store *objects, uint64_t seed)
{
    *s = (struct scales){.objects = objects};
    store_init(&s->store, &scale_kind, seed);
}

void scales_fini(struct scales *s)
{
    store_fini(&s->store);
}

static struct scale *find(const struct scales *s, const struct object *o)
{
    char key[STORE_KEY_BYTES];
    struct scale *scale = map_get(&s->store.objects, store_key(o->ns, o->name, key));

    return scale != NULL && strcmp(scale->object.uid, o->uid) == 0 ? scale : NULL;
}

const struct scale *scales_get(const struct scales *s, const struct object *o)
{
    return find(s, o);
}

static bool is_as_new(const struct scale *scale, const struct object *o)
{
    return rv_compare(scale->object.rv, o->rv) >= 0;
}

/* As new as the object, it is right until the object's generation is another. */
static void compare(const struct scales *s, const struct object *o)
{
    struct scale *scale = find(s, o);

    if (scale != NULL && is_as_new(scale, o)) {
        scale->generation = o->generation;
    }
}

bool scales_is_due(const struct scales *s, const struct object *o)
{
    const struct scale *scale = find(s, o);
    bool same_spec = scale != NULL && o->generation != 0 && scale->generation == o->generation;

    return scale == NULL || (!same_spec && !is_as_new(scale, o));
}

void scales_follow(struct scales *s, const struct object *before, const struct object *after)
{
    const struct object *o = after != NULL ? after : before;

    if (after == NULL || find(s, after) == NULL) {
        store_drop(&s->store, o->ns, o->name); /* that of a namesake, too */
    } else {
        compare(s, after);
    }
}

void scales_note(struct scales *s, const struct object *scale)
{
    const struct object *o = store_get(s->objects, scale->ns, scale->name);

    if (o == NULL) {
        s->has_stray = true;
    } else {
        compare(s, o);
    }
}

void scales_drop_strays(struct scales *s)
{
    if (!s->has_stray) {
        return;
    }
    s->has_stray = false;
    for (size_t i = 0; i < s->store.objects.count;) {
        const struct object *scale = s->store.objects.entries[i].value;
        if (store_get(s->objects, scale->ns, scale->name) == NULL) {
            store_drop(&s->store, scale->ns, scale->name); /* the last entry moves to i */
        } else {
            i++;
        }
    }
}
