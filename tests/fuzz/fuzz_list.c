/*
 * A page of a list through the cutter. However the page is cut, items, position and error are the
 * same; and where the JSON parser takes the page as a whole, it finds the same in it.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/json.h"
#include "kube/list.h"

#include <stdlib.h>
#include <string.h>

struct feeding {
    struct list list;
    struct buf items; /* as text, one a line */
    struct error err;
};

static int on_item(void *ctx, yyjson_val *item, struct error *err)
{
    struct feeding *f = ctx;
    assert(yyjson_is_obj(item));
    if (yyjson_obj_get(item, "refused") != NULL) {
        return error_set(err, ERR_INVALID, "refused");
    }
    char *text = yyjson_val_write(item, 0, NULL);
    buf_append_text(&f->items, text);
    buf_append_char(&f->items, '\n');
    free(text); /* yyjson's */
    return 0;
}

static int feed(void *ctx, const char *bytes, size_t len)
{
    struct feeding *f = ctx;
    return list_feed(&f->list, bytes, len, on_item, f, &f->err);
}

static int run(struct feeding *f, struct part page, struct part sizes)
{
    *f = (struct feeding){.err = ERROR_INIT};
    list_init(&f->list);
    buf_init(&f->items, 64 << 20);
    int rc = feed_pieces(page, sizes, feed, f);
    if (rc == 0) {
        rc = list_end(&f->list, &f->err);
    } else {
        struct error again = ERROR_INIT;
        assert(list_feed(&f->list, "{", 1, on_item, f, &again) == ERR_PARSE);
    }
    assert(rc == f->err.code);
    return rc;
}

static void feeding_fini(struct feeding *f)
{
    list_fini(&f->list);
    buf_fini(&f->items);
}

/* Unless the page as a whole is no JSON: members that are not used are skipped unread. */
static void check_against_parser(const struct feeding *f, struct part page)
{
    yyjson_doc *doc = parse(page);
    if (doc == NULL) {
        return;
    }
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct feeding parsed = {.err = ERROR_INIT};
    buf_init(&parsed.items, 64 << 20);
    size_t i, count;
    yyjson_val *item;
    yyjson_arr_foreach(yyjson_obj_get(root, "items"), i, count, item)
    {
        assert(on_item(&parsed, item, &parsed.err) == 0);
    }
    assert(strcmp(buf_text(&parsed.items), buf_text(&f->items)) == 0);
    yyjson_val *metadata = yyjson_obj_get(root, "metadata");
    const char *cont = yyjson_get_str(yyjson_obj_get(metadata, "continue"));
    assert(yyjson_equals_str(yyjson_obj_get(metadata, "resourceVersion"), f->list.rv));
    assert(strcmp(cont != NULL ? cont : "", buf_text(&f->list.cont)) == 0);
    buf_fini(&parsed.items);
    yyjson_doc_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char in_big_pieces[] = "\xff";
    struct input in = input_of(data, size);
    struct part page, sizes;
    struct feeding cut, big;
    input_next(&in, &page);
    input_next(&in, &sizes);
    int rc = run(&cut, page, sizes);
    assert(run(&big, page, (struct part){in_big_pieces, 1}) == rc);
    assert(strcmp(cut.err.message, big.err.message) == 0);
    assert(strcmp(buf_text(&cut.items), buf_text(&big.items)) == 0);
    assert(strcmp(cut.list.rv, big.list.rv) == 0);
    assert(strcmp(buf_text(&cut.list.cont), buf_text(&big.list.cont)) == 0);
    if (rc == 0) {
        check_against_parser(&cut, page);
    }
    feeding_fini(&cut);
    feeding_fini(&big);
    return 0;
}
