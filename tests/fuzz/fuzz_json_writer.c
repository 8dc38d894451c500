/*
 * Any text as JSON, and as a log line: JSON always, and one line always. The parts are keys and
 * values in turn.
 */
#include "base/json_writer.h"
#include "base/log.h"
#include "base/mem.h"
#include "fuzz/fuzz.h"

#include <string.h>

enum { MEMBERS_MAX = 8 };

struct member {
    char *key, *value;
};

static size_t read_members(struct input in, struct member members[MEMBERS_MAX])
{
    size_t count = 0;
    struct part key, value;
    while (count < MEMBERS_MAX && input_next(&in, &key)) {
        input_next(&in, &value);
        members[count++] = (struct member){part_text(key), part_text(value)};
    }
    return count;
}

static bool is_utf8(const char *text)
{
    char quoted[16 << 10];
    size_t len = 0;
    quoted[len++] = '"';
    for (const char *c = text; *c != '\0' && len + 8 < sizeof quoted; c++) {
        bool plain = (unsigned char)*c >= ' ' && *c != '"' && *c != '\\';
        quoted[len++] = plain ? *c : 'x';
    }
    quoted[len++] = '"';
    yyjson_doc *doc = yyjson_read(quoted, len, 0);
    yyjson_doc_free(doc);
    return doc != NULL && strlen(text) == len - 2;
}

static void check_json(const struct member *members, size_t count, bool spaced)
{
    CLEANUP(buf_fini) struct buf out;
    struct json_writer w;
    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out, spaced);
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&w);
        json_member_string(&w, members[i].key, members[i].value);
        json_member_int(&w, "n", (int64_t)strlen(members[i].value) - 3);
        json_member_bool(&w, "b", i % 2 == 0);
        json_key(&w, "null");
        json_string(&w, NULL);
        json_key(&w, "raw");
        json_raw(&w, "[]");
        json_object_end(&w);
    }
    json_array_end(&w);
    yyjson_doc *doc = yyjson_read(out.data, out.len, 0);
    assert(doc != NULL && yyjson_arr_size(yyjson_doc_get_root(doc)) == count);
    for (size_t i = 0; i < count; i++) {
        yyjson_val *object = yyjson_arr_get(yyjson_doc_get_root(doc), i);
        yyjson_val *value = unsafe_yyjson_get_first(object) + 1; /* its key may be another's */
        assert(yyjson_is_str(value));
        assert(!is_utf8(members[i].value) || yyjson_equals_str(value, members[i].value));
    }
    yyjson_doc_free(doc);
}

static void check_escape(const char *text)
{
    for (size_t max = 1; max <= 64; max += 21) { /* whatever fits, and no more */
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, max);
        json_escape(&out, text, strlen(text), max > 30);
        assert(out.len <= max && (out.len == 0 || is_printable(out.data)));
        assert(out.truncated || strlen(text) <= max);
    }
}

static void check_log(const struct member *members, size_t count)
{
    CLEANUP(buf_fini) struct buf line;
    struct log_field fields[MEMBERS_MAX];
    for (size_t i = 0; i < count; i++) {
        fields[i] = LOG_STR(members[i].key, members[i].value);
    }
    for (enum log_encoder encoder = LOG_CONSOLE; encoder <= LOG_JSON; encoder++) {
        for (enum log_time time = LOG_TIME_EPOCH; time <= LOG_TIME_RFC3339NANO; time++) {
            struct log_format f = {.encoder = encoder, .time = time};
            struct log_record r = {.level = LOG_WARN,
                                   .wall_us = INT64_C(1767225600123456),
                                   .logger = members[0].key,
                                   .message = members[0].value,
                                   .fields = fields,
                                   .field_count = count};
            buf_init(&line, 16 << 20);
            log_format_record(&f, &r, &line);
            assert(line.len > 0 && strchr(line.data, '\n') == line.data + line.len - 1);
            for (const char *c = line.data; c < line.data + line.len - 1; c++) {
                assert((unsigned char)*c >= ' ' || (*c == '\t' && encoder == LOG_CONSOLE));
            }
            yyjson_doc *doc = encoder == LOG_JSON ? yyjson_read(line.data, line.len, 0) : NULL;
            assert((doc != NULL) == (encoder == LOG_JSON));
            yyjson_doc_free(doc);
            buf_fini(&line);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct member members[MEMBERS_MAX];
    size_t count = read_members(input_of(data, size), members);
    check_json(members, count, false);
    check_json(members, count, true);
    check_log(members, count);
    for (size_t i = 0; i < count; i++) {
        check_escape(members[i].value);
        mem_free(members[i].key);
        mem_free(members[i].value);
    }
    return 0;
}
