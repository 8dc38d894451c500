#include "base/json_writer.h"

#include <assert.h>
#include <string.h>

void json_writer_init(struct json_writer *w, struct buf *out, bool spaced)
{
    *w = (struct json_writer){.out = out, .spaced = spaced};
}

/* What comes before a value: nothing after a key or at the top, else a comma unless first. */
static void begin_item(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    uint64_t bit = UINT64_C(1) << w->depth;
    if (w->depth > 0 && (w->filled & bit) != 0) {
        buf_append_text(w->out, w->spaced ? ", " : ",");
    }
    w->filled |= bit;
}

static void open_level(struct json_writer *w, char bracket)
{
    begin_item(w);
    assert(w->depth < JSON_WRITER_DEPTH_MAX);
    w->depth++;
    w->filled &= ~(UINT64_C(1) << w->depth);
    buf_append_char(w->out, bracket);
}

static void close_level(struct json_writer *w, char bracket)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    buf_append_char(w->out, bracket);
}

void json_object_begin(struct json_writer *w)
{
    open_level(w, '{');
}

void json_object_end(struct json_writer *w)
{
    close_level(w, '}');
}

void json_array_begin(struct json_writer *w)
{
    open_level(w, '[');
}

void json_array_end(struct json_writer *w)
{
    close_level(w, ']');
}

/* Length of the UTF-8 character at @p (of @left > 0 bytes), 0 when it is not well-formed: overlong,
 * a surrogate, past U+10FFFF, cut (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] > 0xF4 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xED && p[1] >= 0xA0;
    bool too_high = p[0] == 0xF4 && p[1] >= 0x90;
    return len > 1 && (overlong || surrogate || too_high) ? 0 : len;
}

/* The escape for the character at @p of @len bytes (0: malformed), or NULL when it stands as it is.
 * Escaped beyond what JSON asks for: DEL and the C1 controls, which steer terminals. */
static const char *escape_for(const unsigned char *p, size_t len, bool quotes, char scratch[8])
{
    static const char HEX[] = "0123456789abcdef";
    unsigned control = len == 2 && p[0] == 0xC2 ? p[1] : p[0];
    if (len == 0) {
        return "\\ufffd";
    }
    if (len == 1 && (p[0] == '"' || p[0] == '\\')) {
        return !quotes ? NULL : p[0] == '"' ? "\\\"" : "\\\\";
    }
    bool is_control =
        len == 1 ? control < 0x20 || control == 0x7F : len == 2 && p[0] == 0xC2 && control < 0xA0;
    if (!is_control) {
        return NULL;
    }
    switch (control) {
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        memcpy(scratch, "\\u00", 4);
        scratch[4] = HEX[control >> 4];
        scratch[5] = HEX[control & 15];
        scratch[6] = '\0';
        return scratch;
    }
}

/* ASCII that always stands as it is: nearly all text is nothing else. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

void json_escape(struct buf *out, const char *text, size_t len, bool quotes)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t plain = 0; /* bytes before i that stand as they are and wait to be appended */
    size_t i = 0;
    while (i < len) {
        if (is_plain(p[i])) {
            plain++;
            i++;
            continue;
        }
        char scratch[8];
        size_t bytes = utf8_length(p + i, len - i);
        const char *escape = escape_for(p + i, bytes, quotes, scratch);
        size_t step = bytes == 0 ? 1 : bytes;
        if (escape != NULL) {
            if (buf_append(out, text + i - plain, plain) != 0 ||
                buf_append_text(out, escape) != 0) {
                return;
            }
            plain = 0;
        } else {
            plain += step;
        }
        i += step;
    }
    buf_append(out, text + i - plain, plain);
}

static void quoted(struct json_writer *w, const char *text)
{
    size_t len = 0;
    while (is_plain((unsigned char)text[len])) {
        len++;
    }
    char *to = text[len] == '\0' ? buf_reserve(w->out, len + 2) : NULL;
    if (to == NULL) {
        buf_append_char(w->out, '"');
        json_escape(w->out, text, strlen(text), true);
        buf_append_char(w->out, '"');
        return;
    }
    to[0] = '"';
    memcpy(to + 1, text, len);
    to[len + 1] = '"';
    to[len + 2] = '\0';
    w->out->len += len + 2;
}

void json_key(struct json_writer *w, const char *key)
{
    assert(w->depth > 0 && !w->after_key);
    begin_item(w);
    quoted(w, key);
    buf_append(w->out, ": ", w->spaced ? 2 : 1);
    w->after_key = true;
}

void json_string(struct json_writer *w, const char *text)
{
    begin_item(w);
    if (text == NULL) {
        buf_append_text(w->out, "null");
    } else {
        quoted(w, text);
    }
}

void json_int(struct json_writer *w, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        *--at = '-';
    }
    begin_item(w);
    buf_append(w->out, at, (size_t)(digits + sizeof digits - at));
}

void json_bool(struct json_writer *w, bool value)
{
    begin_item(w);
    buf_append_text(w->out, value ? "true" : "false");
}

void json_raw(struct json_writer *w, const char *json)
{
    begin_item(w);
    buf_append_text(w->out, json);
}

void json_member_string(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_string(w, text);
}

void json_member_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_int(w, value);
}

void json_member_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_bool(w, value);
}
