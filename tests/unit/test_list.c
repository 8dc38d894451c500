/* The list cutter: every item comes out once, in order and whole, whatever the splits and the order
 * of the members; whatever is not a complete list is refused. */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/list.h"

#include <string.h>

/* Items as text, one a line, then "rv" and "continue"; fails at the item numbered fail_at. */
struct trace {
    struct buf text;
    int items;
    int fail_at;
};

static int record(void *ctx, yyjson_val *item, struct error *err)
{
    struct trace *t = ctx;

    if (++t->items == t->fail_at) {
        return error_set(err, ERR_INVALID, "told to fail");
    }
    char *json = yyjson_val_write(item, 0, NULL);
    buf_printf(&t->text, "%s\n", json);
    mem_free(json);
    return 0;
}

/* Feed from memory of exactly that size, so that reading past it is seen. */
static int feed(struct list *l, const char *bytes, size_t len, struct trace *t, struct error *err)
{
    char *copy = mem_alloc(len);

    memcpy(copy, bytes, len);
    int rc = list_feed(l, copy, len, record, t, err);
    mem_free(copy);
    return rc;
}

/* Feed @len bytes of @bytes in two pieces and end; the trace on success, else the error's code. */
static int run(const char *bytes, size_t len, size_t split, struct buf *out, struct error *err)
{
    struct list l;
    struct trace t = {0};
    int rc;

    list_init(&l);
    buf_init(&t.text, 1 << 20);
    rc = feed(&l, bytes, split, &t, err);
    if (rc == 0) {
        rc = feed(&l, bytes + split, len - split, &t, err);
    }
    if (rc == 0) {
        rc = list_end(&l, err);
    }
    buf_printf(out, "%srv=%s continue=%s\n", buf_text(&t.text), l.rv, buf_text(&l.cont));
    list_fini(&l);
    buf_fini(&t.text);
    return rc;
}

static const struct {
    const char *json;
    const char *expected;
} lists[] = {
    /* typed lists have metadata first */
    {"{\"kind\":\"DeploymentList\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"resourceVersion\":"
     "\"10\"},\"items\":[{\"a\":1},{\"b\":{\"c\":[1,{\"d\":\"}]\\\"\\\\\"}]}}]}",
     "{\"a\":1}\n{\"b\":{\"c\":[1,{\"d\":\"}]\\\"\\\\\"}]}}\nrv=10 continue=\n"},
    /* custom resources have it last */
    {"{\"apiVersion\":\"cache.example.com/v1alpha1\",\"items\":[{\"a\":\"\xc3\xbc\"},{}],\"kind\":"
     "\"MemcachedList\",\"metadata\":{\"continue\":\"eyJ2\",\"remainingItemCount\":7,"
     "\"resourceVersion\":\"11\"}}\n",
     "{\"a\":\"\xc3\xbc\"}\n{}\nrv=11 continue=eyJ2\n"},
    /* pretty-printed */
    {"\r\n{\n\t\"items\" : [\n  { \"a\" : [ ] } ,\n  { \"b\" : \"x\" }\n ] ,\n \"metadata\" : {\n"
     "  \"resourceVersion\" : \"12\" ,\n \"continue\" : \"\" }\n}\n \n",
     "{\"a\":[]}\n{\"b\":\"x\"}\nrv=12 continue=\n"},
    /* no items, in all its ways */
    {"{\"items\":[],\"metadata\":{\"resourceVersion\":\"13\"}}", "rv=13 continue=\n"},
    {"{\"items\": [ ] ,\"metadata\":{\"resourceVersion\":\"13\",\"continue\":null}}",
     "rv=13 continue=\n"},
    {"{\"items\":null,\"metadata\":{\"resourceVersion\":\"14\"}}", "rv=14 continue=\n"},
    {"{\"metadata\":{\"resourceVersion\":\"14\"},\"items\":null}", "rv=14 continue=\n"},
    {"{\"metadata\":{\"resourceVersion\":\"15\"}}", "rv=15 continue=\n"},
    /* members that nobody uses */
    {"{\"n\":-1.5e3,\"t\":true,\"f\":false,\"z\":null,\"s\":\"]}\\\"{[\",\"\":[],\"o\":{\"items\":["
     "{"
     "\"no\":1}],\"metadata\":{\"resourceVersion\":\"9\"}},\"a\":[[],{},\"\\\\\"],\"item\":[{}],"
     "\"itemsx\":[{}],\"a-name-that-is-much-longer-than-those-that-are-used\":0,"
     "\"metadata\":{\"resourceVersion\":\"16\"},\"items\":[{\"yes\":1}],\"last\":2 }",
     "{\"yes\":1}\nrv=16 continue=\n"},
};

static void cuts_lists_split_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        size_t len = strlen(lists[i].json);
        for (size_t split = 0; split <= len; split++) {
            CLEANUP(buf_fini) struct buf out;
            struct error err = ERROR_INIT;
            buf_init(&out, 1 << 20);
            if (run(lists[i].json, len, split, &out, &err) != 0) {
                fail_msg("list %zu split at %zu: %s", i, split, err.message);
            }
            assert_string_equal(buf_text(&out), lists[i].expected);
        }
    }
}

static void cuts_lists_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct trace t = {0};
        struct list l;
        buf_init(&t.text, 1 << 20);
        list_init(&l);
        for (const char *c = lists[i].json; *c != '\0'; c++) {
            assert_int_equal(feed(&l, c, 1, &t, NULL), 0);
        }
        assert_int_equal(list_end(&l, NULL), 0);
        buf_printf(&t.text, "rv=%s continue=%s\n", l.rv, buf_text(&l.cont));
        assert_string_equal(buf_text(&t.text), lists[i].expected);
        list_fini(&l);
        buf_fini(&t.text);
    }
}

static void a_truncated_list_is_refused_wherever_it_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        size_t complete = (size_t)(strrchr(lists[i].json, '}') - lists[i].json) + 1;
        for (size_t len = 0; len < complete; len++) {
            CLEANUP(buf_fini) struct buf out;
            struct error err = ERROR_INIT;
            buf_init(&out, 1 << 20);
            if (run(lists[i].json, len, len / 2, &out, &err) != ERR_PARSE) {
                fail_msg("list %zu cut at %zu was taken", i, len);
            }
            assert_non_null(strstr(err.message, "truncated"));
        }
    }
}

#define DEEP_16 "[[[[[[[[[[[[[[[["
#define META    "\"metadata\":{\"resourceVersion\":\"1\"}"

static void what_is_no_list_is_refused_whatever_the_split(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int code;
    } cases[] = {
        {"x", ERR_PARSE},
        {"null", ERR_PARSE},
        {"[]", ERR_PARSE},
        {"\"items\"", ERR_PARSE},
        {"{]", ERR_PARSE},
        {"{,}", ERR_PARSE},
        {"{" META ",}", ERR_PARSE},
        {"{" META " \"items\":[]}", ERR_PARSE},
        {"{" META ";\"items\":[]}", ERR_PARSE},
        {"{" META ",items:[]}", ERR_PARSE},
        {"{" META ",\"items\"[]}", ERR_PARSE},
        {"{" META ",\"items\":}", ERR_PARSE},
        {"{" META ",\"items\":[]]", ERR_PARSE},
        {"{" META ",\"items\":[}}", ERR_PARSE},
        {"{" META ",\"items\":[,]}", ERR_PARSE},
        {"{" META ",\"items\":[{},]}", ERR_PARSE},
        {"{" META ",\"items\":[{}{}]}", ERR_PARSE},
        {"{" META ",\"items\":[{} {}]}", ERR_PARSE},
        {"{" META ",\"items\":[{}}}", ERR_PARSE},
        /* behind the end */
        {"{" META ",\"items\":[]}x", ERR_PARSE},
        {"{" META ",\"items\":[]} {}", ERR_PARSE},
        {"{" META ",\"items\":[]},", ERR_PARSE},
        {"{" META ",\"items\":[]}}", ERR_PARSE},
        /* twice */
        {"{" META ",\"items\":[],\"items\":[]}", ERR_PARSE},
        {"{" META ",\"items\":null,\"items\":[]}", ERR_PARSE},
        {"{" META "," META "}", ERR_PARSE},
        /* wrong types */
        {"{" META ",\"items\":{}}", ERR_PARSE},
        {"{" META ",\"items\":\"\"}", ERR_PARSE},
        {"{" META ",\"items\":1}", ERR_PARSE},
        {"{" META ",\"items\":true}", ERR_PARSE},
        {"{" META ",\"items\":nul}", ERR_PARSE},
        {"{" META ",\"items\":[1]}", ERR_PARSE},
        {"{" META ",\"items\":[null]}", ERR_PARSE},
        {"{" META ",\"items\":[\"{}\"]}", ERR_PARSE},
        {"{" META ",\"items\":[[]]}", ERR_PARSE},
        {"{" META ",\"items\":[{},[]]}", ERR_PARSE},
        {"{\"metadata\":null,\"items\":[]}", ERR_PARSE},
        {"{\"metadata\":[],\"items\":[]}", ERR_PARSE},
        {"{\"metadata\":\"1\",\"items\":[]}", ERR_PARSE},
        {"{\"metadata\":{\"resourceVersion\":1},\"items\":[]}", ERR_PARSE},
        {"{\"metadata\":{\"resourceVersion\":\"\"},\"items\":[]}", ERR_PARSE},
        {"{\"metadata\":{\"resourceVersion\":\"1\\u0000\"},\"items\":[]}", ERR_PARSE},
        {"{\"metadata\":{\"resourceVersion\":\"1234567890123456789012345678901234567890123456789012"
         "345678901234\"},\"items\":[]}",
         ERR_PARSE},
        {"{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":5},\"items\":[]}", ERR_PARSE},
        {"{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"a\\u0000b\"},\"items\":[]}",
         ERR_PARSE},
        /* no version: an empty object, or a Status in a 200 */
        {"{}", ERR_PARSE},
        {"{\"items\":[]}", ERR_PARSE},
        {"{\"kind\":\"Status\",\"metadata\":{},\"code\":500}", ERR_PARSE},
        /* garbage in used values is the parser's to find, brackets elsewhere the cutter's */
        {"{" META ",\"items\":[{\"a\":}]}", ERR_PARSE},
        {"{" META ",\"items\":[{\"a\":[}]}]}", ERR_PARSE},
        {"{" META ",\"items\":[{a}]}", ERR_PARSE},
        {"{" META ",\"items\":[{\"a\":\"\xff\"}]}", ERR_PARSE},
        {"{\"metadata\":{resourceVersion:\"1\"}}", ERR_PARSE},
        {"{\"other\":[}," META "}", ERR_PARSE},
        {"{\"other\":{]," META "}", ERR_PARSE},
        {"{\"other\":?," META "}", ERR_PARSE},
        {"{\"other\":1\"2\"," META "}", ERR_PARSE},
        {"{\"other\":true{}," META "}", ERR_PARSE},
        {"{" META ",\"other\":true{}", ERR_PARSE},
        {"{\"other\":1 2," META "}", ERR_PARSE},
        /* another spelling of "items" */
        {"{" META ",\"\\u0069tems\":[]}", ERR_PARSE},
        /* depth */
        {"{\"other\":" DEEP_16 DEEP_16 DEEP_16 DEEP_16 "[", ERR_TOO_BIG},
        {"{" META ",\"items\":[{\"a\":" DEEP_16 DEEP_16 DEEP_16 DEEP_16, ERR_TOO_BIG},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].json);
        for (size_t split = 0; split <= len; split++) {
            CLEANUP(buf_fini) struct buf out;
            struct error err = ERROR_INIT;
            buf_init(&out, 1 << 20);
            if (run(cases[i].json, len, split, &out, &err) != cases[i].code) {
                fail_msg("%s split at %zu: %d %s", cases[i].json, split, err.code, err.message);
            }
            assert_int_equal(err.code, cases[i].code);
            assert_null(strstr(err.message, "truncated"));
        }
    }
}

static void an_item_may_be_64_deep(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf json, out;
    struct error err = ERROR_INIT;

    buf_init(&json, 4096);
    buf_init(&out, 4096);
    buf_append_text(&json, "{\"items\":[{\"a\":");
    for (int i = 1; i < JSON_DEPTH_MAX; i++) {
        buf_append_char(&json, '[');
    }
    for (int i = 1; i < JSON_DEPTH_MAX; i++) {
        buf_append_char(&json, ']');
    }
    buf_append_text(&json, "}]," META "}");
    assert_int_equal(run(json.data, json.len, 9, &out, &err), 0);
}

static void the_items_before_a_bad_one_are_delivered(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    static const char json[] = "{" META ",\"items\":[{\"a\":1},{\"b\":2},{]";

    buf_init(&out, 4096);
    assert_int_equal(run(json, sizeof json - 1, 20, &out, NULL), ERR_PARSE);
    assert_string_equal(buf_text(&out), "{\"a\":1}\n{\"b\":2}\nrv=1 continue=\n");
}

static void after_a_failure_only_reset_helps(void **state)
{
    (void)state;
    struct list l;
    struct trace t = {.fail_at = 2};
    struct error err = ERROR_INIT;

    buf_init(&t.text, 4096);
    list_init(&l);
    assert_int_equal(feed(&l, lists[0].json, strlen(lists[0].json), &t, &err), ERR_INVALID);
    assert_string_equal(err.message, "told to fail");
    assert_int_equal(feed(&l, "]}", 2, &t, &err), ERR_PARSE);
    assert_int_equal(list_end(&l, &err), ERR_PARSE);

    list_reset(&l);
    assert_int_equal(feed(&l, lists[1].json, strlen(lists[1].json), &t, &err), 0);
    assert_int_equal(list_end(&l, &err), 0);
    assert_string_equal(buf_text(&l.cont), "eyJ2");

    list_reset(&l);
    assert_string_equal(l.rv, "");
    assert_int_equal(l.cont.len, 0);
    list_fini(&l);
    buf_fini(&t.text);
}

/* {"items":[{"a":"xxx… — an item of @bytes. */
static int feed_item_of(struct list *l, size_t bytes, struct trace *t, struct error *err)
{
    static char chunk[4096];
    static const char head[] = "{\"a\":\"";
    size_t left = bytes - (sizeof head - 1) - 2;
    int rc = feed(l, head, sizeof head - 1, t, err);

    memset(chunk, 'x', sizeof chunk);
    while (rc == 0 && left > 0) {
        size_t piece = left < sizeof chunk ? left : sizeof chunk;
        rc = list_feed(l, chunk, piece, record, t, err);
        left -= piece;
    }
    return rc == 0 ? feed(l, "\"}", 2, t, err) : rc;
}

static void an_item_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct list l;
        struct trace t = {0};
        struct error err = ERROR_INIT;

        buf_init(&t.text, 16); /* the item does not fit: only counted */
        list_init(&l);
        assert_int_equal(feed(&l, "{\"items\":[", 10, &t, &err), 0);
        assert_int_equal(feed_item_of(&l, BODY_BYTES_MAX + over, &t, &err),
                         over == 0 ? 0 : ERR_TOO_BIG);
        assert_int_equal(t.items, over == 0);
        assert_true(over == 1 || l.value.cap <= 64 << 10); /* and shrinks again */
        list_fini(&l);
        buf_fini(&t.text);
    }
}

static void what_is_not_used_is_not_buffered(void **state)
{
    (void)state;
    struct list l;
    struct trace t = {0};
    struct error err = ERROR_INIT;

    list_init(&l);
    assert_int_equal(feed(&l, "{\"x\":[", 6, &t, &err), 0);
    assert_int_equal(feed_item_of(&l, BODY_BYTES_MAX + 1, &t, &err), 0);
    assert_int_equal(feed(&l, "],", 2, &t, &err), 0);
    assert_null(l.value.data);
    /* nor is what arrived whole */
    assert_int_equal(feed(&l, "\"items\":[{\"a\":1}]," META "}", 18 + sizeof META, &t, &err), 0);
    assert_null(l.value.data);
    assert_int_equal(list_end(&l, &err), 0);
    assert_int_equal(t.items, 1);
    list_fini(&l);
    buf_fini(&t.text);
}

static void a_continue_token_has_a_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        CLEANUP(buf_fini) struct buf json, out;
        struct error err = ERROR_INIT;
        buf_init(&json, 1 << 20);
        buf_init(&out, 1 << 20);
        buf_append_text(&json, "{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"");
        for (size_t i = 0; i < LIST_CONTINUE_BYTES_MAX + over; i++) {
            buf_append_char(&json, 'c');
        }
        buf_append_text(&json, "\"}}");
        assert_int_equal(run(json.data, json.len, 5, &out, &err), over == 0 ? 0 : ERR_TOO_BIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_lists_split_anywhere),
        cmocka_unit_test(cuts_lists_byte_by_byte),
        cmocka_unit_test(a_truncated_list_is_refused_wherever_it_ends),
        cmocka_unit_test(what_is_no_list_is_refused_whatever_the_split),
        cmocka_unit_test(an_item_may_be_64_deep),
        cmocka_unit_test(the_items_before_a_bad_one_are_delivered),
        cmocka_unit_test(after_a_failure_only_reset_helps),
        cmocka_unit_test(an_item_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(what_is_not_used_is_not_buffered),
        cmocka_unit_test(a_continue_token_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
