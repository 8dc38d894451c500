/*
 * Finds where the values of a list's members begin and end, and gives only those that are used to
 * the JSON parser. The cutter itself understands strings and brackets, nothing else: what is inside
 * a value is the parser's to judge.
 */
#include "kube/list.h"

#include "base/mem.h"
#include "kube/json.h"

#include <assert.h>
#include <string.h>

enum {
    VALUE_KEEP_BYTES = 64 << 10, /* after one huge item the buffer shrinks to this */
};

/* What is expected next; blanks may come first, except within keys and values. */
enum state {
    AT_START,      /* the opening brace */
    AT_FIRST_KEY,  /* a key, or the end of an empty object */
    AT_KEY,        /* a key */
    IN_KEY,        /* the rest of a key */
    AT_COLON,      /* the colon behind a key */
    AT_VALUE,      /* a member's value */
    AT_FIRST_ITEM, /* an item, or the end of empty items */
    AT_ITEM,       /* an item */
    IN_VALUE,      /* the rest of a bracketed value or a string */
    IN_SCALAR,     /* the rest of a number or literal: ends before what cannot be part of it */
    BEHIND_VALUE,  /* comma or closing brace */
    BEHIND_ITEM,   /* comma or closing bracket */
    AT_END,        /* nothing but blanks */
    FAILED,
};

/* What the value being cut is for. */
enum role { SKIPPED, METADATA, ITEM, NO_ITEMS };

void list_init(struct list *l)
{
    *l = (struct list){0};
    buf_init(&l->value, BODY_BYTES_MAX);
    buf_init(&l->cont, LIST_CONTINUE_BYTES_MAX);
}

void list_fini(struct list *l)
{
    buf_fini(&l->value);
    buf_fini(&l->cont);
}

void list_reset(struct list *l)
{
    struct buf value = l->value;
    struct buf cont = l->cont;

    buf_reset(&value, VALUE_KEEP_BYTES);
    buf_reset(&cont, VALUE_KEEP_BYTES);
    *l = (struct list){.value = value, .cont = cont};
}

/* Bytes of one list_feed() on their way through the cutter. */
struct feed {
    struct list *list;
    const char *at, *end;
    const char *value; /* where the value being cut, or its part in these bytes, begins */
    list_item_fn *fn;
    void *ctx;
    struct error *err;
};

static int unexpected(const struct feed *f, const char *expected)
{
    unsigned char c = (unsigned char)*f->at;

    if (c < ' ' || c >= 0x7f) {
        return error_set(f->err, ERR_PARSE, "list: expected %s, found byte 0x%02x", expected, c);
    }
    return error_set(f->err, ERR_PARSE, "list: expected %s, found '%c'", expected, c);
}

static void free_doc(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

/* ---- values that are used -------------------------------------------------------------------- */

static int take_metadata(struct list *l, yyjson_val *metadata, struct error *err)
{
    yyjson_val *rv = json_at(metadata, "resourceVersion", NULL);
    yyjson_val *cont = json_at(metadata, "continue", NULL);
    const char *text = yyjson_get_str(rv);

    if (text == NULL || text[0] == '\0' || strlen(text) != yyjson_get_len(rv) ||
        strlen(text) >= sizeof l->rv) {
        return error_set(err, ERR_PARSE, "list: no usable metadata.resourceVersion");
    }
    memcpy(l->rv, text, strlen(text) + 1);
    if (cont == NULL || yyjson_is_null(cont)) {
        return 0;
    }
    text = yyjson_get_str(cont);
    if (text == NULL || strlen(text) != yyjson_get_len(cont)) {
        return error_set(err, ERR_PARSE, "list: metadata.continue is not a text");
    }
    if (buf_append_text(&l->cont, text) != 0) {
        return error_set(err, ERR_TOO_BIG, "list: metadata.continue of more than %d bytes",
                         LIST_CONTINUE_BYTES_MAX);
    }
    return 0;
}

static int take_parsed(struct feed *f, yyjson_val *value)
{
    switch ((enum role)f->list->role) {
    case ITEM:
        return f->fn(f->ctx, value, f->err);
    case METADATA:
        return take_metadata(f->list, value, f->err);
    case NO_ITEMS:
        return yyjson_is_null(value) ? 0
                                     : error_set(f->err, ERR_PARSE, "list: items is not an array");
    case SKIPPED:
        break;
    }
    return 0;
}

static int take_value(struct feed *f, const char *bytes, size_t len)
{
    CLEANUP(free_doc) yyjson_doc *doc = json_parse(bytes, len, f->err);

    if (doc == NULL) {
        return error_wrap(f->err, "list: %s", f->list->role == ITEM ? "item" : f->list->key);
    }
    return take_parsed(f, yyjson_doc_get_root(doc));
}

static int keep_value(struct feed *f)
{
    if (buf_append(&f->list->value, f->value, (size_t)(f->at - f->value)) != 0) {
        return error_set(f->err, ERR_TOO_BIG, "list: a value of more than %d bytes",
                         BODY_BYTES_MAX);
    }
    return 0;
}

/* ---- cutting values -------------------------------------------------------------------------- */

/* The value ends before f->at. */
static int end_value(struct feed *f)
{
    struct list *l = f->list;
    int rc = 0;

    l->state = l->role == ITEM ? BEHIND_ITEM : BEHIND_VALUE;
    if (l->role == SKIPPED) {
        return 0;
    }
    if (l->value.len == 0) {
        return take_value(f, f->value, (size_t)(f->at - f->value)); /* whole: no need to copy it */
    }
    rc = keep_value(f);
    if (rc == 0) {
        rc = take_value(f, l->value.data, l->value.len);
    }
    buf_reset(&l->value, VALUE_KEEP_BYTES);
    return rc;
}

static int open_bracket(struct feed *f, bool array)
{
    struct list *l = f->list;

    if (l->depth == JSON_DEPTH_MAX) {
        return error_set(f->err, ERR_TOO_BIG, "list: a value nests deeper than %d", JSON_DEPTH_MAX);
    }
    l->arrays = l->arrays << 1 | array;
    l->depth++;
    return 0;
}

static int close_bracket(struct feed *f, bool array)
{
    struct list *l = f->list;

    if (l->depth == 0 || (l->arrays & 1) != array) {
        return unexpected(f, "the other closing bracket");
    }
    l->arrays >>= 1;
    l->depth--;
    return 0;
}

/* Skip to behind the closing quote, or to the end of the bytes. */
static void scan_string(struct feed *f)
{
    struct list *l = f->list;

    while (f->at < f->end && l->string) {
        char c = *f->at++;
        if (l->escaped) {
            l->escaped = false;
        } else if (c == '\\') {
            l->escaped = true;
        } else if (c == '"') {
            l->string = false;
        }
    }
}

/* One byte of a value outside its strings. */
static int scan_structure(struct feed *f)
{
    int rc = 0;

    switch (*f->at) {
    case '"':
        f->list->string = true;
        break;
    case '{':
    case '[':
        rc = open_bracket(f, *f->at == '[');
        break;
    case '}':
    case ']':
        rc = close_bracket(f, *f->at == ']');
        break;
    default:
        break;
    }
    f->at++;
    return rc;
}

static int scan_value(struct feed *f)
{
    struct list *l = f->list;

    while (f->at < f->end) {
        if (l->string) {
            scan_string(f);
        } else {
            int rc = scan_structure(f);
            if (rc != 0) {
                return rc;
            }
        }
        if (l->depth == 0 && !l->string) {
            return end_value(f);
        }
    }
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int scan_scalar(struct feed *f)
{
    while (f->at < f->end) {
        char c = *f->at;
        if (is_blank(c) || c == ',' || c == '}' || c == ']') {
            return end_value(f);
        }
        if (c == '"' || c == '{' || c == '[' || c == ':') {
            return unexpected(f, "',' or '}'");
        }
        f->at++;
    }
    return 0;
}

/* A value begins at f->at. */
static int begin_value(struct feed *f, enum role role)
{
    static const char scalars[] = "-0123456789tfn";
    char c = *f->at;

    f->list->role = role;
    f->value = f->at;
    if (c == '{' || c == '[' || c == '"') {
        f->list->state = IN_VALUE;
        return 0;
    }
    if (memchr(scalars, c, sizeof scalars - 1) != NULL) {
        f->list->state = IN_SCALAR;
        return 0;
    }
    return unexpected(f, "a value");
}

/* ---- the list's own structure ---------------------------------------------------------------- */

static int begin_key(struct feed *f)
{
    if (*f->at != '"') {
        return unexpected(f, "a member's name");
    }
    f->at++;
    f->list->key[0] = '\0';
    f->list->state = IN_KEY;
    return 0;
}

static int scan_key(struct feed *f)
{
    struct list *l = f->list;
    size_t len = strlen(l->key);

    for (; f->at < f->end && *f->at != '"'; f->at++) {
        /* An escape could spell "items" in another way. No field of Kubernetes has one. */
        if (*f->at == '\\' || *f->at == '\0') {
            return unexpected(f, "a member's name without escapes");
        }
        if (len + 1 < sizeof l->key) {
            l->key[len++] = *f->at;
            l->key[len] = '\0';
        }
    }
    if (f->at < f->end) {
        f->at++;
        l->state = AT_COLON;
    }
    return 0;
}

static int begin_once(struct feed *f, bool *seen)
{
    if (*seen) {
        return error_set(f->err, ERR_PARSE, "list: %s comes twice", f->list->key);
    }
    *seen = true;
    return 0;
}

static int begin_items(struct feed *f)
{
    int rc = begin_once(f, &f->list->items_seen);

    if (rc != 0) {
        return rc;
    }
    if (*f->at != '[') {
        return begin_value(f, NO_ITEMS);
    }
    f->at++;
    f->list->state = AT_FIRST_ITEM;
    return 0;
}

static int begin_member(struct feed *f)
{
    if (strcmp(f->list->key, "items") == 0) {
        return begin_items(f);
    }
    if (strcmp(f->list->key, "metadata") == 0) {
        int rc = begin_once(f, &f->list->metadata_seen);
        return rc != 0 ? rc : begin_value(f, METADATA);
    }
    return begin_value(f, SKIPPED);
}

static int begin_item(struct feed *f)
{
    return *f->at == '{' ? begin_value(f, ITEM) : unexpected(f, "an object as item");
}

/* Step over @c and go to @then, or say what was expected. */
static int step_over(struct feed *f, char c, enum state then, const char *expected)
{
    if (*f->at != c) {
        return unexpected(f, expected);
    }
    f->at++;
    f->list->state = then;
    return 0;
}

static int step_structure(struct feed *f)
{
    switch ((enum state)f->list->state) {
    case AT_START:
        return step_over(f, '{', AT_FIRST_KEY, "'{'");
    case AT_FIRST_KEY:
        return *f->at == '}' ? step_over(f, '}', AT_END, "'}'") : begin_key(f);
    case AT_KEY:
        return begin_key(f);
    case AT_COLON:
        return step_over(f, ':', AT_VALUE, "':'");
    case AT_VALUE:
        return begin_member(f);
    case AT_FIRST_ITEM:
        return *f->at == ']' ? step_over(f, ']', BEHIND_VALUE, "']'") : begin_item(f);
    case AT_ITEM:
        return begin_item(f);
    case BEHIND_VALUE:
        return *f->at == ',' ? step_over(f, ',', AT_KEY, "','")
                             : step_over(f, '}', AT_END, "',' or '}'");
    case BEHIND_ITEM:
        return *f->at == ',' ? step_over(f, ',', AT_ITEM, "','")
                             : step_over(f, ']', BEHIND_VALUE, "',' or ']'");
    case AT_END:
        return unexpected(f, "nothing behind the end");
    case FAILED:
        return error_set(f->err, ERR_PARSE, "list: fed on after it failed");
    case IN_KEY:
    case IN_VALUE:
    case IN_SCALAR:
        break;
    }
    assert(false); /* step() deals with these */
    return 0;
}

static int step(struct feed *f)
{
    switch ((enum state)f->list->state) {
    case IN_KEY:
        return scan_key(f);
    case IN_VALUE:
        return scan_value(f);
    case IN_SCALAR:
        return scan_scalar(f);
    default:
        break;
    }
    if (is_blank(*f->at)) {
        f->at++;
        return 0;
    }
    return step_structure(f);
}

int list_feed(struct list *l, const char *bytes, size_t len, list_item_fn *fn, void *ctx,
              struct error *err)
{
    struct feed f = {l, bytes, bytes + len, bytes, fn, ctx, err};
    int rc = 0;

    while (rc == 0 && f.at < f.end) {
        rc = step(&f);
    }
    if (rc == 0 && (l->state == IN_VALUE || l->state == IN_SCALAR) && l->role != SKIPPED) {
        rc = keep_value(&f);
    }
    if (rc != 0) {
        l->state = FAILED;
    }
    return rc;
}

int list_end(struct list *l, struct error *err)
{
    if (l->state != AT_END) {
        return error_set(err, ERR_PARSE, "truncated list");
    }
    if (l->rv[0] == '\0') {
        return error_set(err, ERR_PARSE, "list without metadata.resourceVersion");
    }
    return 0;
}
