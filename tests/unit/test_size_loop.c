/*
 * Ways back to where one came from, over Memcacheds that follow each other.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/size_loop.h"

#include <stdio.h>
#include <string.h>

enum { MEMCACHEDS_MAX = 2000 };

struct town {
    struct memcached *memcacheds[MEMCACHEDS_MAX];
    size_t count;
    size_t asked;
};

/* NAME follows the Deployments of @sources, a list in single quotes; NULL: no sizeFrom. */
static struct memcached *add(struct town *t, const char *name, const char *sources)
{
    struct memcached *m = (struct memcached *)object_from(
        &memcached_kind,
        "{'metadata':{'namespace':'n','name':'%s'},'spec':{'size':1,'sizeFrom':%s%s%s}}", name,
        sources != NULL ? "{'sources':[" : "null", sources != NULL ? sources : "",
        sources != NULL ? "]}" : "");
    assert_true(m->size_from == NULL || m->size_from->fault == NULL);
    t->memcacheds[t->count++] = m;
    return m;
}

#define DEPLOYMENT(name) "{'kind':'Deployment','name':'" name "'}"

/* Each Memcached controls the Deployment of its name. */
static const struct memcached *owner(void *ctx, const char *ns, const struct size_source *source)
{
    struct town *t = ctx;
    assert_string_equal(ns, "n");
    t->asked++;
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(source->kind, "StatefulSet") != 0 &&
            strcmp(t->memcacheds[i]->object.name, source->name) == 0) {
            return t->memcacheds[i];
        }
    }
    return NULL;
}

static void town_fini(struct town *t)
{
    for (size_t i = 0; i < t->count; i++) {
        object_free(&t->memcacheds[i]->object);
    }
}

static void assert_way(struct town *t, size_t from, size_t index, const char *way)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    const char *found = size_loop_find(t->memcacheds[from], index, owner, t, &arena);
    if (way == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, way);
    }
}

static void its_own_deployment(void **state)
{
    (void)state;
    struct town t = {0};
    add(&t, "cache",
        DEPLOYMENT("web") "," DEPLOYMENT("cache") ",{'kind':'StatefulSet','name':'cache'}");
    assert_way(&t, 0, 0, NULL);
    assert_way(&t, 0, 1, "Deployment/cache");
    assert_way(&t, 0, 2, NULL);
    town_fini(&t);
}

static void over_others(void **state)
{
    (void)state;
    struct town t = {0};
    add(&t, "a", DEPLOYMENT("b"));
    add(&t, "b",
        DEPLOYMENT(
            "web") ",{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','name':'c'}");
    add(&t, "c", DEPLOYMENT("a"));
    add(&t, "d", DEPLOYMENT("a")); /* follows those in the loop, and is not in it */
    add(&t, "e", NULL);
    add(&t, "f", DEPLOYMENT("e"));
    assert_way(&t, 0, 0, "Deployment/b → Memcached/c → Deployment/a");
    assert_way(&t, 1, 0, NULL);
    assert_way(&t, 1, 1, "Memcached/c → Deployment/a → Deployment/b");
    assert_way(&t, 3, 0, NULL);
    assert_way(&t, 5, 0, NULL);
    town_fini(&t);
}

static void the_shortest_is_told(void **state)
{
    (void)state;
    struct town t = {0};
    add(&t, "a", DEPLOYMENT("b"));
    add(&t, "b", DEPLOYMENT("c") "," DEPLOYMENT("a"));
    add(&t, "c", DEPLOYMENT("a"));
    assert_way(&t, 0, 0, "Deployment/b → Deployment/a");
    town_fini(&t);
}

/* Each follows all others but the first: every one is asked once, and the first is not found. */
static void many_that_follow_each_other_end(void **state)
{
    (void)state;
    struct town t = {0};
    char name[32], sources[4096];
    add(&t, "a", DEPLOYMENT("m0"));
    for (int i = 0; i < 16; i++) {
        size_t len = 0;
        for (int j = 0; j < 16; j++) {
            len += (size_t)snprintf(sources + len, sizeof sources - len, "%s" DEPLOYMENT("m%d"),
                                    j > 0 ? "," : "", j);
        }
        snprintf(name, sizeof name, "m%d", i);
        add(&t, name, sources);
    }
    assert_way(&t, 0, 0, NULL);
    assert_int_equal(t.asked, 1 + 16 * 16);
    town_fini(&t);
}

static void a_long_way_is_found(void **state)
{
    (void)state;
    static struct town t;
    CLEANUP(arena_fini) struct arena arena = {0};
    char name[32], sources[256];
    for (int i = 0; i < MEMCACHEDS_MAX; i++) {
        snprintf(name, sizeof name, "m%d", i);
        snprintf(sources, sizeof sources, DEPLOYMENT("m%d"), (i + 1) % MEMCACHEDS_MAX);
        add(&t, name, sources);
    }
    const char *way = size_loop_find(t.memcacheds[9], 0, owner, &t, &arena);
    assert_string_equal(way, "… → Deployment/m2 → Deployment/m3 → Deployment/m4 → Deployment/m5 → "
                             "Deployment/m6 → Deployment/m7 → Deployment/m8 → Deployment/m9");
    assert_int_equal(t.asked, MEMCACHEDS_MAX);
    town_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own_deployment),   cmocka_unit_test(over_others),
        cmocka_unit_test(the_shortest_is_told), cmocka_unit_test(many_that_follow_each_other_end),
        cmocka_unit_test(a_long_way_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
