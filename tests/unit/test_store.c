/* The store: never back to an older version, never a ghost, every change told once, indexes equal
 * to what is held. */
#include "lib/testing.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/store.h"

#include <stdio.h>
#include <string.h>

static const struct kind KIND = {"", "v1", "Pod", "pods", NULL};

/* The uid is what tests index by: "" is not indexed. */
static struct object *object(const char *ns, const char *name, const char *rv, const char *uid)
{
    struct object_packer p;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *meta = yyjson_mut_obj_add_obj(doc, root, "metadata");

    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, meta, "namespace", ns);
    yyjson_mut_obj_add_str(doc, meta, "name", name);
    yyjson_mut_obj_add_str(doc, meta, "resourceVersion", rv);
    yyjson_mut_obj_add_str(doc, meta, "uid", uid);
    yyjson_doc *read = yyjson_mut_doc_imut_copy(doc, NULL);
    yyjson_val *json = yyjson_doc_get_root(read);
    struct object *o = object_alloc(sizeof *o, object_meta_bytes(json), &p);
    assert_int_equal(object_pack_meta(&p, json, o, NULL), 0);
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(read);
    return o;
}

static void by_uid(const struct object *o, char out[STORE_KEY_BYTES])
{
    snprintf(out, STORE_KEY_BYTES, "%s", o->uid);
}

static void by_ns(const struct object *o, char out[STORE_KEY_BYTES])
{
    snprintf(out, STORE_KEY_BYTES, "%s", o->ns);
}

/* A store with two indexes, and what its subscriber was told, one change a line. */
struct fixture {
    struct store store;
    struct store_index *uid_index, *ns_index;
    struct buf told;
};

static void describe(struct buf *out, const struct object *o)
{
    if (o == NULL) {
        buf_append_text(out, "-");
    } else {
        buf_printf(out, "%s/%s@%s", o->ns, o->name, o->rv);
    }
}

/* Subscribers see the store as it is after the change. */
static void on_change(void *ctx, const struct object *before, const struct object *after)
{
    struct fixture *f = ctx;
    const struct object *either = after != NULL ? after : before;
    size_t count;
    bool found = false;

    describe(&f->told, before);
    buf_append_text(&f->told, " -> ");
    describe(&f->told, after);
    buf_append_char(&f->told, '\n');
    assert_ptr_equal(store_get(&f->store, either->ns, either->name), after);
    const struct object *const *peers = store_index_get(f->ns_index, either->ns, &count);
    for (size_t i = 0; i < count; i++) {
        found = found || peers[i] == after;
        assert_ptr_not_equal(peers[i], before);
    }
    assert_int_equal(found, after != NULL);
}

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    buf_init(&f->told, 1 << 20);
    store_init(&f->store, &KIND, 7);
    f->uid_index = store_add_index(&f->store, by_uid);
    f->ns_index = store_add_index(&f->store, by_ns);
    store_subscribe(&f->store, on_change, f);
}

static void fixture_fini(struct fixture *f)
{
    store_fini(&f->store);
    buf_fini(&f->told);
}

static enum store_result put(struct fixture *f, const char *ns, const char *name, const char *rv)
{
    return store_put(&f->store, object(ns, name, rv, ""));
}

static enum store_result answer(struct fixture *f, const char *ns, const char *name, const char *rv)
{
    return store_put_answer(&f->store, object(ns, name, rv, ""));
}

/* What was told since the last call. */
#define assert_told(f, expected)                                                                   \
    do {                                                                                           \
        assert_string_equal(buf_text(&(f)->told), expected);                                       \
        buf_reset(&(f)->told, SIZE_MAX);                                                           \
    } while (0)

static void replace(struct fixture *f, struct store_scope *scope, struct object **objects,
                    size_t count, const char *rv)
{
    store_replace(&f->store, scope, objects, count, rv, VERSIONS_CONTINUE);
}

static const char *rv_of(const struct fixture *f, const char *ns, const char *name)
{
    const struct object *o = store_get(&f->store, ns, name);

    return o == NULL ? "gone" : o->rv;
}

static void put_keeps_the_newest(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);

    assert_int_equal(put(&f, "a", "x", "9"), STORE_ADDED);
    assert_int_equal(put(&f, "a", "x", "10"), STORE_UPDATED);
    assert_int_equal(put(&f, "a", "x", "10"), STORE_UNCHANGED);
    assert_int_equal(put(&f, "a", "x", "9"), STORE_STALE);
    assert_string_equal(rv_of(&f, "a", "x"), "10");
    assert_null(store_get(&f.store, "b", "x"));
    assert_null(store_get(&f.store, "a", "y"));
    assert_told(&f, "- -> a/x@9\na/x@9 -> a/x@10\n");
}

static void remove_keeps_what_is_newer(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);

    put(&f, "a", "x", "10");
    put(&f, "a", "y", "10");
    assert_told(&f, "- -> a/x@10\n- -> a/y@10\n");
    assert_int_equal(store_remove(&f.store, "a", "x", "9"), STORE_STALE);
    assert_int_equal(store_remove(&f.store, "a", "none", "11"), STORE_UNCHANGED);
    assert_told(&f, "");
    /* left a filtered watch by the very write whose answer was stored */
    assert_int_equal(store_remove(&f.store, "a", "x", "10"), STORE_REMOVED);
    assert_int_equal(store_remove(&f.store, "a", "y", "11"), STORE_REMOVED);
    assert_told(&f, "a/x@10 -> -\na/y@10 -> -\n");
    assert_int_equal(f.store.objects.count, 0);
}

static void drop_removes_any_version(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);

    put(&f, "a", "x", "10");
    store_drop(&f.store, "a", "x");
    store_drop(&f.store, "a", "x");
    assert_told(&f, "- -> a/x@10\na/x@10 -> -\n");
}

static void an_answer_never_brings_a_ghost(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *a = store_add_scope(&f.store, "a", NULL);
    struct store_scope *b = store_add_scope(&f.store, "b", NULL);

    assert_int_equal(answer(&f, "a", "early", "5"), STORE_ADDED); /* before the first list */
    store_scope_advance(a, "100");
    store_scope_advance(b, "200");
    assert_int_equal(answer(&f, "a", "x", "99"), STORE_STALE); /* deleted since */
    assert_int_equal(answer(&f, "a", "x", "100"), STORE_STALE);
    assert_int_equal(answer(&f, "a", "x", "101"), STORE_ADDED);
    assert_int_equal(answer(&f, "b", "x", "150"), STORE_STALE); /* each scope for itself */
    assert_int_equal(answer(&f, "c", "x", "1"), STORE_ADDED);   /* nobody watches there */
    /* what is held is only ever made newer */
    store_scope_advance(a, "300");
    assert_int_equal(answer(&f, "a", "x", "100"), STORE_STALE);
    assert_int_equal(answer(&f, "a", "x", "101"), STORE_UNCHANGED);
    assert_int_equal(answer(&f, "a", "x", "102"), STORE_UPDATED);
    assert_told(&f, "- -> a/early@5\n- -> a/x@101\n- -> c/x@1\na/x@101 -> a/x@102\n");
}

static void a_scope_of_all_namespaces_covers_each(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);

    store_scope_advance(store_add_scope(&f.store, "", NULL), "100");
    assert_int_equal(answer(&f, "a", "x", "99"), STORE_STALE);
    assert_int_equal(answer(&f, "", "cluster-scoped", "99"), STORE_STALE);
    assert_int_equal(answer(&f, "a", "x", "101"), STORE_ADDED);
}

static void a_store_without_scopes_takes_every_answer(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);

    assert_true(store_synced(&f.store));
    assert_int_equal(answer(&f, "a", "x", "5"), STORE_ADDED);
    assert_int_equal(answer(&f, "a", "x", "6"), STORE_UPDATED);
    store_drop(&f.store, "a", "x");
    assert_int_equal(answer(&f, "a", "x", "5"), STORE_ADDED);
}

/* A restored etcd counts anew: what was written since then may have the version of what is lost. */
static void in_doubt_the_list_has_the_right_one_of_equal_versions(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *all = store_add_scope(&f.store, "", NULL);

    put(&f, "a", "lost", "10");
    put(&f, "a", "newer-here", "35");
    buf_reset(&f.told, SIZE_MAX);
    struct object *list[] = {object("a", "lost", "10", ""), object("a", "newer-here", "30", "")};
    assert_false(store_replace(&f.store, all, list, ARRAY_LEN(list), "30", VERSIONS_DOUBTFUL));
    assert_told(&f, "a/lost@10 -> a/lost@10\n");
    assert_string_equal(rv_of(&f, "a", "newer-here"), "35");
}

static void replace_makes_the_scope_equal_to_the_list(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *all = store_add_scope(&f.store, "", NULL);

    put(&f, "a", "missing", "10");
    put(&f, "a", "same", "10");
    put(&f, "a", "updated", "10");
    put(&f, "a", "newer-here", "35");
    answer(&f, "b", "own-write", "40"); /* after the list's version */
    buf_reset(&f.told, SIZE_MAX);
    struct object *list[] = {
        object("b", "added", "20", ""),
        object("a", "same", "10", ""),
        object("a", "updated", "25", ""),
        object("a", "newer-here", "30", ""),
    };
    assert_false(store_synced(&f.store));
    replace(&f, all, list, ARRAY_LEN(list), "30");
    assert_told(&f, "a/missing@10 -> -\n- -> b/added@20\na/updated@10 -> a/updated@25\n");
    assert_string_equal(rv_of(&f, "a", "newer-here"), "35");
    assert_string_equal(rv_of(&f, "b", "own-write"), "40");
    assert_int_equal(f.store.objects.count, 5);
    assert_string_equal(all->rv, "30");
    assert_true(store_synced(&f.store));

    replace(&f, all, NULL, 0, "50");
    assert_int_equal(f.store.objects.count, 0);
    assert_string_equal(all->rv, "50");
}

static void replace_touches_only_its_namespace(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *a = store_add_scope(&f.store, "a", NULL);
    struct store_scope *b = store_add_scope(&f.store, "b", NULL);

    struct object *list_a[] = {object("a", "x", "10", "")};
    struct object *list_b[] = {object("b", "x", "11", "")};
    replace(&f, a, list_a, 1, "20");
    assert_false(store_synced(&f.store));
    replace(&f, b, list_b, 1, "21");
    assert_true(store_synced(&f.store));
    replace(&f, a, NULL, 0, "30");
    assert_told(&f, "- -> a/x@10\n- -> b/x@11\na/x@10 -> -\n");
    assert_string_equal(a->rv, "30");
    assert_string_equal(b->rv, "21");
}

/* ---- scopes of one object -------------------------------------------------------------------- */

static void a_scope_of_one_object_is_replaced_without_the_others(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *x = store_add_scope(&f.store, "a", "x");
    struct store_scope *y = store_add_scope(&f.store, "a", "y");

    struct object *list_x[] = {object("a", "x", "10", "")};
    struct object *list_y[] = {object("a", "y", "11", "")};
    replace(&f, x, list_x, 1, "20");
    assert_false(store_synced(&f.store));
    replace(&f, y, list_y, 1, "21");
    assert_true(store_synced(&f.store));
    put(&f, "b", "x", "12");
    assert_told(&f, "- -> a/x@10\n- -> a/y@11\n- -> b/x@12\n");
    replace(&f, x, NULL, 0, "30");
    store_clear(&f.store, y);
    assert_told(&f, "a/x@10 -> -\na/y@11 -> -\n");
    assert_string_equal(rv_of(&f, "b", "x"), "12");
    assert_null(store_scope_of(&f.store, "a")); /* neither brings all of a */
}

static void an_answer_is_a_ghost_by_the_scope_of_its_own_object(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);

    store_scope_advance(store_add_scope(&f.store, "a", "x"), "100");
    assert_int_equal(answer(&f, "a", "x", "99"), STORE_STALE);
    assert_int_equal(answer(&f, "a", "y", "99"), STORE_ADDED);
    assert_int_equal(answer(&f, "b", "x", "99"), STORE_ADDED);
}

static void a_scope_that_is_removed_takes_its_object_along(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *x = store_add_scope(&f.store, "a", "x");
    struct store_scope *y = store_add_scope(&f.store, "a", "y");
    struct store_scope *z = store_add_scope(&f.store, "a", "z");

    put(&f, "a", "x", "10");
    put(&f, "a", "y", "11");
    buf_reset(&f.told, SIZE_MAX);
    store_remove_scope(&f.store, z); /* never listed, nothing held */
    assert_told(&f, "");
    store_remove_scope(&f.store, x);
    assert_told(&f, "a/x@10 -> -\n");
    assert_int_equal(f.store.scope_count, 1);
    assert_ptr_equal(f.store.scopes[0], y);
    assert_string_equal(rv_of(&f, "a", "y"), "11");
    assert_int_equal(answer(&f, "a", "x", "5"), STORE_ADDED); /* nobody watches it */
}

static void replace_takes_the_newer_of_two_entries(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *all = store_add_scope(&f.store, "", NULL);

    struct object *list[] = {object("a", "x", "9", ""), object("a", "x", "10", ""),
                             object("a", "x", "10", ""), object("a", "x", "8", "")};
    replace(&f, all, list, ARRAY_LEN(list), "20");
    assert_told(&f, "- -> a/x@10\n");
}

static void replace_after_a_step_back_takes_the_list_as_it_is(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *all = store_add_scope(&f.store, "", NULL);

    store_scope_advance(all, "1000");
    put(&f, "a", "older-on-server", "900");
    put(&f, "a", "same-version", "40");
    put(&f, "a", "missing", "999");
    buf_reset(&f.told, SIZE_MAX);
    struct object *list[] = {object("a", "older-on-server", "30", ""),
                             object("a", "same-version", "40", "")};
    store_replace(&f.store, all, list, ARRAY_LEN(list), "50", VERSIONS_RESET);
    assert_told(&f, "a/missing@999 -> -\na/older-on-server@900 -> a/older-on-server@30\n"
                    "a/same-version@40 -> a/same-version@40\n");
    assert_string_equal(all->rv, "50");
    assert_int_equal(answer(&f, "a", "y", "51"), STORE_ADDED);
}

/* What the list must know, and does not, was lost; as new as the store has come, it is not older.
 */
static void replace_by_a_list_that_takes_an_object_back_takes_it_as_it_is(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *all = store_add_scope(&f.store, "", NULL);

    put(&f, "a", "x", "40");
    answer(&f, "a", "own-write", "60");
    buf_reset(&f.told, SIZE_MAX);
    struct object *too_old[] = {object("a", "x", "30", "")};
    assert_false(
        store_replace(&f.store, all, too_old, 1, "39", VERSIONS_CONTINUE)); /* a stale server */
    assert_told(&f, "");
    struct object *list[] = {object("a", "x", "30", "")};
    assert_true(store_replace(&f.store, all, list, 1, "40", VERSIONS_CONTINUE));
    assert_told(&f, "a/own-write@60 -> -\na/x@40 -> a/x@30\n");
    assert_string_equal(all->rv, "40");
}

static void replace_may_be_given_the_scopes_own_version(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *all = store_add_scope(&f.store, "", NULL);

    store_scope_advance(all, "10");
    store_scope_advance(all, all->rv);
    replace(&f, all, NULL, 0, all->rv);
    assert_string_equal(all->rv, "10");
}

static void clear_empties_the_scope_but_does_not_sync_it(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *a = store_add_scope(&f.store, "a", NULL);

    answer(&f, "a", "x", "10");
    answer(&f, "b", "x", "10");
    store_scope_advance(a, "5");
    store_clear(&f.store, a);
    assert_told(&f, "- -> a/x@10\n- -> b/x@10\na/x@10 -> -\n");
    assert_null(a->rv);
    assert_false(a->synced);

    replace(&f, a, NULL, 0, "20");
    store_clear(&f.store, a);
    assert_true(a->synced);
}

/* The names under @key of the index, as text. */
static const char *found(const struct store_index *index, const char *key, struct buf *out)
{
    size_t count = 99;
    const struct object *const *objects = store_index_get(index, key, &count);

    buf_reset(out, SIZE_MAX);
    assert_int_equal(objects == NULL, count == 0);
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s/%s ", objects[i]->ns, objects[i]->name);
    }
    return buf_text(out);
}

static void an_index_is_sorted_whatever_the_order_of_insertion(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"a", "a"},  {"a", "ab"}, {"a", "b"},
                                           {"ab", "a"}, {"b", "a"},  {"b", "c"}};
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 4096);

    for (size_t step = 1; step <= 6; step += 4) { /* forwards; backwards */
        for (size_t start = 0; start < ARRAY_LEN(names); start++) {
            CLEANUP(fixture_fini) struct fixture f;
            fixture_init(&f);
            for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const char *const *n = names[(start + i * step) % ARRAY_LEN(names)];
                store_put(&f.store, object(n[0], n[1], "1", "key"));
            }
            assert_string_equal(found(f.uid_index, "key", &out), "a/a a/ab a/b ab/a b/a b/c ");
        }
    }
}

static void an_index_follows_every_change(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    CLEANUP(buf_fini) struct buf out;
    fixture_init(&f);
    buf_init(&out, 4096);

    store_put(&f.store, object("a", "x", "1", "one"));
    store_put(&f.store, object("a", "y", "1", "one"));
    store_put(&f.store, object("a", "z", "1", ""));
    assert_string_equal(found(f.uid_index, "one", &out), "a/x a/y ");
    assert_string_equal(found(f.uid_index, "", &out), "");
    assert_string_equal(found(f.ns_index, "a", &out), "a/x a/y a/z ");

    store_put(&f.store, object("a", "x", "2", "two")); /* moves */
    store_put(&f.store, object("a", "z", "2", "two")); /* comes in */
    store_put(&f.store, object("a", "y", "2", ""));    /* goes out */
    assert_string_equal(found(f.uid_index, "one", &out), "");
    assert_string_equal(found(f.uid_index, "two", &out), "a/x a/z ");

    store_put(&f.store, object("a", "x", "3", "two")); /* stays, as the new version */
    size_t count;
    assert_string_equal(store_index_get(f.uid_index, "two", &count)[0]->rv, "3");

    store_remove(&f.store, "a", "x", "4");
    store_drop(&f.store, "a", "z");
    assert_string_equal(found(f.uid_index, "two", &out), "");
    assert_string_equal(found(f.ns_index, "a", &out), "a/y ");
}

/* Longer ones are no objects: object_pack_meta() sees to it. */
static void the_longest_names_are_kept_apart(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    char ns[63 + 1] = "", first[253 + 1] = "", second[253 + 1];
    size_t count;
    fixture_init(&f);

    memset(ns, 'x', sizeof ns - 1);
    memset(first, 'n', sizeof first - 1);
    memcpy(second, first, sizeof second);
    second[sizeof second - 2] = 'm';
    assert_int_equal(put(&f, ns, first, "1"), STORE_ADDED);
    assert_int_equal(put(&f, ns, second, "2"), STORE_ADDED);
    store_index_get(f.ns_index, ns, &count);
    assert_int_equal(count, 2);
    assert_string_equal(store_get(&f.store, ns, second)->name, second);
    assert_int_equal(store_remove(&f.store, ns, first, "3"), STORE_REMOVED);
}

static void many_objects_come_and_go(void **state)
{
    (void)state;
    CLEANUP(fixture_fini) struct fixture f;
    fixture_init(&f);
    struct store_scope *all = store_add_scope(&f.store, "", NULL);
    struct object *list[500];
    char name[16];
    size_t count;

    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%zu", i);
        put(&f, "a", name, "1");
    }
    for (size_t i = 0; i < ARRAY_LEN(list); i++) { /* every other stays */
        snprintf(name, sizeof name, "n%zu", 2 * i);
        list[i] = object("a", name, "1", "");
    }
    replace(&f, all, list, ARRAY_LEN(list), "2");
    store_index_get(f.ns_index, "a", &count);
    assert_int_equal(count, 500);
    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%zu", i);
        assert_string_equal(rv_of(&f, "a", name), i % 2 == 0 ? "1" : "gone");
    }
}

static void fini_of_a_zeroed_or_missing_store(void **state)
{
    (void)state;
    struct store zeroed = {0};

    store_fini(&zeroed);
    store_fini(NULL);
}

static bool is_not_hidden(const struct object *o)
{
    return strcmp(o->name, "hidden") != 0;
}

static void an_answer_that_the_watch_does_not_show_takes_the_object_out(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    put(&f, "a", "hidden", "5");
    store_show_only(&f.store, is_not_hidden);
    assert_told(&f, "- -> a/hidden@5\n");
    assert_int_equal(answer(&f, "a", "hidden", "4"), STORE_STALE);
    assert_int_equal(answer(&f, "a", "hidden", "6"), STORE_REMOVED);
    assert_told(&f, "a/hidden@5 -> -\n");
    assert_int_equal(answer(&f, "a", "hidden", "7"), STORE_UNCHANGED);
    assert_int_equal(answer(&f, "a", "other", "8"), STORE_ADDED);
    assert_told(&f, "- -> a/other@8\n");
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_keeps_the_newest),
        cmocka_unit_test(remove_keeps_what_is_newer),
        cmocka_unit_test(drop_removes_any_version),
        cmocka_unit_test(an_answer_never_brings_a_ghost),
        cmocka_unit_test(an_answer_that_the_watch_does_not_show_takes_the_object_out),
        cmocka_unit_test(a_scope_of_all_namespaces_covers_each),
        cmocka_unit_test(a_store_without_scopes_takes_every_answer),
        cmocka_unit_test(in_doubt_the_list_has_the_right_one_of_equal_versions),
        cmocka_unit_test(replace_makes_the_scope_equal_to_the_list),
        cmocka_unit_test(replace_touches_only_its_namespace),
        cmocka_unit_test(a_scope_of_one_object_is_replaced_without_the_others),
        cmocka_unit_test(an_answer_is_a_ghost_by_the_scope_of_its_own_object),
        cmocka_unit_test(a_scope_that_is_removed_takes_its_object_along),
        cmocka_unit_test(replace_takes_the_newer_of_two_entries),
        cmocka_unit_test(replace_after_a_step_back_takes_the_list_as_it_is),
        cmocka_unit_test(replace_by_a_list_that_takes_an_object_back_takes_it_as_it_is),
        cmocka_unit_test(replace_may_be_given_the_scopes_own_version),
        cmocka_unit_test(clear_empties_the_scope_but_does_not_sync_it),
        cmocka_unit_test(an_index_is_sorted_whatever_the_order_of_insertion),
        cmocka_unit_test(an_index_follows_every_change),
        cmocka_unit_test(the_longest_names_are_kept_apart),
        cmocka_unit_test(many_objects_come_and_go),
        cmocka_unit_test(fini_of_a_zeroed_or_missing_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
