#include "kube/peek.h"

#include <string.h>

/* A place in JSON text. Nothing is checked beyond what finding the members takes: a line that is
 * not JSON is told by its decoding. */
struct cursor {
    const char *at;
    const char *end;
};

struct text {
    const char *start;
    size_t len;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Step over @c, white space before it included. */
static bool take(struct cursor *p, char c)
{
    while (p->at < p->end && is_space(*p->at)) {
        p->at++;
    }
    if (p->at >= p->end || *p->at != c) {
        return false;
    }
    p->at++;
    return true;
}

/* Behind the opening quote: to behind the closing one. */
static bool skip_string(struct cursor *p)
{
    while (p->at < p->end) {
        char c = *p->at++;
        if (c == '"') {
            return true;
        }
        if (c == '\\') {
            p->at++; /* may step past the end: the loop ends then */
        }
    }
    return false;
}

static bool take_string(struct cursor *p, struct text *out)
{
    if (!take(p, '"')) {
        return false;
    }
    out->start = p->at;
    if (!skip_string(p)) {
        return false;
    }
    out->len = (size_t)(p->at - out->start) - 1;
    return true;
}

static bool skip_value(struct cursor *p)
{
    size_t depth = 0;
    while (p->at < p->end) {
        char c = *p->at;
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
            return true; /* it was a number or a word */
        }
        p->at++;
        if (c == '"' && !skip_string(p)) {
            return false;
        }
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= c == '}' || c == ']' ? 1 : 0;
        if (depth == 0 && (c == '"' || c == '}' || c == ']')) {
            return true;
        }
    }
    return false;
}

static bool has_escape(const struct text *t)
{
    return memchr(t->start, '\\', t->len) != NULL;
}

static bool equals(const struct text *t, const char *want)
{
    return t->len == strlen(want) && memcmp(t->start, want, t->len) == 0;
}

/* The next member of an object: its key, with the cursor at its value. False at the end, and at a
 * key with an escape: it may spell a name that is looked for. */
static bool next_member(struct cursor *p, bool *first, struct text *key)
{
    bool parted = *first || take(p, ',');
    *first = false;
    return parted && take_string(p, key) && !has_escape(key) && take(p, ':');
}

/* Step to the value of member @name of the object that begins here. */
static bool enter(struct cursor *p, const char *name)
{
    struct text key;
    bool first = true;
    if (!take(p, '{')) {
        return false;
    }
    while (next_member(p, &first, &key)) {
        if (equals(&key, name)) {
            return true;
        }
        if (!skip_value(p)) {
            return false;
        }
    }
    return false;
}

/* Texts with escapes are left to the decoder. */
static bool copy(const struct text *t, char *out, size_t bytes)
{
    if (t->len == 0 || t->len >= bytes || has_escape(t)) {
        return false;
    }
    memcpy(out, t->start, t->len);
    out[t->len] = '\0';
    return true;
}

static bool read_metadata(struct cursor *p, struct peek *out)
{
    const struct {
        const char *key;
        char *to;
        size_t bytes;
    } wanted[] = {{"namespace", out->ns, PEEK_NS_BYTES},
                  {"name", out->name, PEEK_NAME_BYTES},
                  {"resourceVersion", out->rv, PEEK_RV_BYTES}};
    struct text key, value;
    bool first = true;
    unsigned found = 0;
    if (!take(p, '{')) {
        return false;
    }
    while (found < 7 && next_member(p, &first, &key)) {
        size_t i = 0;
        while (i < 3 && !equals(&key, wanted[i].key)) {
            i++;
        }
        if (i < 3 && (found & 1U << i) != 0) {
            return false; /* twice: the decoder takes the first */
        }
        if (i == 3 ? !skip_value(p)
                   : !take_string(p, &value) || !copy(&value, wanted[i].to, wanted[i].bytes)) {
            return false;
        }
        found |= i < 3 ? 1U << i : 0;
    }
    return found == 7;
}

bool peek_object(const char *json, size_t len, struct peek *out)
{
    struct cursor p = {json, json + len};
    return enter(&p, "metadata") && read_metadata(&p, out);
}

bool peek_line(const char *line, size_t len, struct peek *out)
{
    struct cursor p = {line, line + len};
    struct text type;
    if (!enter(&p, "type") || !take_string(&p, &type) ||
        !(equals(&type, "ADDED") || equals(&type, "MODIFIED"))) {
        return false;
    }
    /* the API server writes the type first and the object behind it */
    struct text key;
    bool first = false;
    return next_member(&p, &first, &key) && equals(&key, "object") && enter(&p, "metadata") &&
           read_metadata(&p, out);
}
