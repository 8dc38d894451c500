/*
 * The words of `explain`: what people read, line by line, and the JSON, compared as values.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/explain.h"

#include <stdio.h>
#include <string.h>

#define WEB "{'kind':'Deployment','name':'web'}"
#define API "{'kind':'StatefulSet','name':'api'}"

enum { CLAIMANTS_MAX = 4, OUT_BYTES_MAX = 64 << 10 };
static const struct now NOW = {.mono_ms = 1000, .wall_us = INT64_C(1767225600000000)};

/* ---- A Memcached, those who want to decide, and what would become of it ---- */

struct scene {
    struct memcached *memcached;
    struct sizing_source sources[2];
    struct object *claimants[CLAIMANTS_MAX];
    size_t claimant_count;
    struct size_window window;
    struct sizing_view view;
    struct sizing sizing;
    struct explanation explanation;
    struct arena arena;
};

static void scene_init(struct scene *s, const char *size, const char *size_from)
{
    *s = (struct scene){0};
    s->memcached = (struct memcached *)object_from(
        &memcached_kind,
        "{'metadata':{'namespace':'shop','name':'cache','uid':'u','resourceVersion':'1'},"
        "'spec':{'size':%s,'sizeFrom':%s}}",
        size, size_from);
}

static void scene_claim(struct scene *s, const char *name, int replicas)
{
    s->claimants[s->claimant_count] =
        &make_source(name, "cache", replicas, (int)s->claimant_count)->object;
    s->claimant_count++;
}

static void scene_decide(struct scene *s)
{
    s->view = (struct sizing_view){.memcached = s->memcached,
                                   .claimants = (const struct object *const *)s->claimants,
                                   .claimant_count = s->claimant_count,
                                   .sources = s->sources,
                                   .window = &s->window};
    s->sizing = sizing_decide(&s->view, NOW, &s->arena);
    s->explanation = (struct explanation){
        .memcached = s->memcached,
        .view = &s->view,
        .sizing = &s->sizing,
        .size = s->sizing.has_target ? s->sizing.target : s->memcached->size,
        .replicas = REPLICAS_INVALID,
    };
}

/* With a Deployment of @replicas, which follows the size. */
static void scene_operand(struct scene *s, int32_t replicas)
{
    s->explanation.deed = EXPLAIN_SCALE;
    s->explanation.replicas = replicas;
}

static void scene_fini(struct scene *s)
{
    object_free(&s->memcached->object);
    for (size_t i = 0; i < s->claimant_count; i++) {
        object_free(s->claimants[i]);
    }
    arena_fini(&s->arena);
}

static void check_text(const struct scene *s, const char *expected)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, OUT_BYTES_MAX);
    explain_text(&s->explanation, &out);
    assert_string_equal(buf_text(&out), expected);
}

static void check_json(const struct scene *s, const char *expected)
{
    CLEANUP(buf_fini) struct buf out;
    struct json_writer w;
    char *wanted = mem_strdup(expected);
    for (char *at = wanted; (at = strchr(at, '\'')) != NULL;) {
        *at = '"';
    }
    buf_init(&out, OUT_BYTES_MAX);
    json_writer_init(&w, &out, true);
    explain_json(&s->explanation, &w);
    yyjson_doc *got = yyjson_read(buf_text(&out), out.len, 0);
    yyjson_doc *want = yyjson_read(wanted, strlen(wanted), 0);
    assert_non_null(got);
    assert_non_null(want);
    if (!yyjson_equals(yyjson_doc_get_root(got), yyjson_doc_get_root(want))) {
        fail_msg("%s\nis not\n%s", buf_text(&out), wanted);
    }
    yyjson_doc_free(got);
    yyjson_doc_free(want);
    mem_free(wanted);
}

/* ---- Cases ---- */

static void two_sources_with_a_ratio_and_a_label_that_does_not_count(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, "3",
               "{'sources':[" WEB "," API "],'ratio':{'memcached':1,'per':2},'min':1,'max':20}");
    s.sources[0] = (struct sizing_source){.state = SOURCE_FOUND, .replicas = 5};
    s.sources[1] = (struct sizing_source){.state = SOURCE_FOUND, .replicas = 2};
    scene_claim(&s, "canary", 1);
    scene_decide(&s);
    scene_operand(&s, 3);
    check_text(&s,
               "Memcached:   shop/cache\n"
               "Size:        3\n"
               "Decided by:  Sum of 2 sources\n"
               "Arithmetic:  web 5 + api 2 = 7 → ÷2 up = 4 → clamp 1..20 = 4\n"
               "Counts:      Deployment/web with 5 replicas\n"
               "             StatefulSet/api with 2 replicas\n"
               "Ignored:     Deployment/canary with 1 replica: spec.sizeFrom.sources decide, so "
               "its label does not count\n"
               "State:       InSync: size follows Sum of 2 sources\n"
               "Would write: spec.size 3 → 4\n"
               "             replicas of the Deployment 3 → 4\n");
    check_json(
        &s,
        "{'namespace':'shop','name':'cache','size':3,'source':'Sum of 2 sources',"
        "'arithmetic':'web 5 + api 2 = 7 → ÷2 up = 4 → clamp 1..20 = 4','sum':7,'wish':4,"
        "'decided':4,'reason':'InSync','message':'size follows Sum of 2 sources','claimants':["
        "{'kind':'Deployment','name':'web','replicas':5,'deciding':true,'ignored':null},"
        "{'kind':'StatefulSet','name':'api','replicas':2,'deciding':true,'ignored':null},"
        "{'kind':'Deployment','name':'canary','replicas':1,'deciding':false,"
        "'ignored':'spec.sizeFrom.sources decide, so its label does not count'}],'holds':[],"
        "'wouldWrite':{'size':{'from':3,'to':4},'deployment':'scale','replicas':{'from':3,'to':4},"
        "'why':null}}");
    scene_fini(&s);
}

static void nobody_decides(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, "3", "null");
    scene_decide(&s);
    check_text(&s, "Memcached:   shop/cache\n"
                   "Size:        3\n"
                   "State:       nobody decides: the size is what somebody writes\n"
                   "Would write: nothing\n");
    check_json(&s, "{'namespace':'shop','name':'cache','size':3,'source':null,'arithmetic':null,"
                   "'sum':null,'wish':null,'decided':null,'reason':null,'message':null,"
                   "'claimants':[],'holds':[],'wouldWrite':{'size':null,'deployment':'none',"
                   "'replicas':null,'why':null}}");
    scene_fini(&s);
}

static void a_hold_says_until_when(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, "9", "{'sources':[" WEB "],'scaleDownAfterSeconds':300}");
    s.sources[0] = (struct sizing_source){.state = SOURCE_FOUND, .replicas = 5};
    size_window_begin(&s.window, 9);
    scene_decide(&s);
    check_text(&s,
               "Memcached:   shop/cache\n"
               "Size:        9\n"
               "Decided by:  Deployment/web\n"
               "Arithmetic:  web 5 → highest of 300 s = 9\n"
               "Counts:      Deployment/web with 5 replicas\n"
               "State:       Holding: wish is 5; size stays 9, the highest wish of 300 seconds, "
               "until 2026-01-01T00:05:00Z\n"
               "Held:        not below 9 until 2026-01-01T00:05:00Z\n"
               "Would write: nothing\n");
    check_json(&s, "{'namespace':'shop','name':'cache','size':9,'source':'Deployment/web',"
                   "'arithmetic':'web 5 → highest of 300 s = 9','sum':5,'wish':5,'decided':9,"
                   "'reason':'Holding','message':'wish is 5; size stays 9, the highest wish of 300 "
                   "seconds, until 2026-01-01T00:05:00Z',"
                   "'claimants':[{'kind':'Deployment','name':'web','replicas':5,'deciding':true,"
                   "'ignored':null}],'holds':[{'size':9,'until':'2026-01-01T00:05:00Z'}],"
                   "'wouldWrite':{'size':null,'deployment':'none','replicas':null,'why':null}}");
    scene_fini(&s);
}

static void a_pause_says_what_would_be(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, "2", "{'claims':'Max','paused':true}");
    scene_claim(&s, "web", 5);
    scene_claim(&s, "api", 7);
    scene_decide(&s);
    s.explanation.deed = EXPLAIN_CREATE;
    check_text(&s,
               "Memcached:   shop/cache\n"
               "Size:        2\n"
               "Decided by:  Max of 2 Deployments\n"
               "Arithmetic:  max(web 5, api 7) = 7\n"
               "Counts:      Deployment/web with 5 replicas\n"
               "             Deployment/api with 7 replicas\n"
               "State:       Paused: spec.sizeFrom.paused is true: size is left alone; it would "
               "be 7\n"
               "Would write: a new Deployment with 2 replicas\n");
    scene_fini(&s);
}

static void a_missing_source_and_one_that_may_not_be_read(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, "2", "{'sources':[" WEB "," API "]}");
    s.sources[0] = (struct sizing_source){.state = SOURCE_MISSING};
    s.sources[1] = (struct sizing_source){.state = SOURCE_FOUND, .replicas = 1};
    scene_decide(&s);
    scene_operand(&s, 4);
    check_text(&s, "Memcached:   shop/cache\n"
                   "Size:        2\n"
                   "Decided by:  Sum of 2 sources\n"
                   "Counts:      StatefulSet/api with 1 replica\n"
                   "Ignored:     Deployment/web: its replicas are not known\n"
                   "State:       SourceMissing: Deployment/web is not there; size does not go down "
                   "(ifMissing: Keep)\n"
                   "Would write: replicas of the Deployment 4 → 2\n");
    scene_fini(&s);
    scene_init(&s, "2", "{'sources':[" WEB "]}");
    s.sources[0] =
        (struct sizing_source){.state = SOURCE_UNREADABLE, .detail = "403 Forbidden: \x1b[31mno\n"};
    scene_decide(&s);
    s.explanation.deed = EXPLAIN_UNKNOWN;
    s.explanation.reason = "403 Forbidden: \x1b]0;x\x07";
    check_text(&s,
               "Memcached:   shop/cache\n"
               "Size:        2\n"
               "Decided by:  Deployment/web\n"
               "Ignored:     Deployment/web: its replicas are not known\n"
               "State:       SourceMissing: Deployment/web cannot be read: 403 Forbidden: "
               "\\u001b[31mno\\n; size stays as it is\n"
               "Would write: not known, as to the Deployment: 403 Forbidden: \\u001b]0;x\\u0007\n");
    scene_fini(&s);
}

static void what_is_wrong_with_the_spec(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, "-4", "{'min':5,'max':3}");
    scene_claim(&s, "web", 1);
    scene_decide(&s);
    s.explanation.reason = "spec.size is not a whole number from 0 to 2147483647";
    assert_int_equal(s.sizing.reason, SIZING_INVALID_SPEC);
    check_text(&s, "Memcached:   shop/cache\n"
                   "Size:        (invalid)\n"
                   "State:       InvalidSpec: spec.sizeFrom: min is more than max\n"
                   "Would write: no Deployment: spec.size is not a whole number from 0 to "
                   "2147483647\n");
    scene_fini(&s);
}

static void a_size_that_is_none_is_written_anew(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, "'x'", "null");
    scene_claim(&s, "web", 1);
    scene_decide(&s);
    s.explanation.deed = EXPLAIN_CREATE;
    check_text(&s, "Memcached:   shop/cache\n"
                   "Size:        (invalid)\n"
                   "Decided by:  Deployment/web\n"
                   "Arithmetic:  web 1\n"
                   "Counts:      Deployment/web with 1 replica\n"
                   "State:       InSync: size follows Deployment/web\n"
                   "Would write: spec.size (invalid) → 1\n"
                   "             a new Deployment with 1 replica\n");
    check_json(&s, "{'namespace':'shop','name':'cache','size':null,'source':'Deployment/web',"
                   "'arithmetic':'web 1','sum':1,'wish':1,'decided':1,'reason':'InSync',"
                   "'message':'size follows Deployment/web','claimants':[{'kind':'Deployment',"
                   "'name':'web','replicas':1,'deciding':true,'ignored':null}],'holds':[],"
                   "'wouldWrite':{'size':{'from':null,'to':1},'deployment':'create',"
                   "'replicas':{'from':null,'to':1},'why':null}}");
    scene_fini(&s);
}

static void a_full_buffer_is_noticed(void **state)
{
    (void)state;
    struct scene s;
    struct buf out;
    scene_init(&s, "3", "null");
    scene_decide(&s);
    buf_init(&out, 40);
    explain_text(&s.explanation, &out);
    assert_true(out.truncated);
    buf_fini(&out);
    scene_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sources_with_a_ratio_and_a_label_that_does_not_count),
        cmocka_unit_test(nobody_decides),
        cmocka_unit_test(a_hold_says_until_when),
        cmocka_unit_test(a_pause_says_what_would_be),
        cmocka_unit_test(a_missing_source_and_one_that_may_not_be_read),
        cmocka_unit_test(what_is_wrong_with_the_spec),
        cmocka_unit_test(a_size_that_is_none_is_written_anew),
        cmocka_unit_test(a_full_buffer_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
