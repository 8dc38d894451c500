#include "base/log.h"
#include "base/json_writer.h"
#include "base/time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const LEVELS_LOWER[] = {"debug", "info", "warn", "error"};
static const char *const LEVELS_UPPER[] = {"DEBUG", "INFO", "WARN", "ERROR"};

enum { LOG_TIME_TEXT_BYTES = 64 };

static void trim_zeros(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '0') {
        text[--len] = '\0';
    }
    if (len > 0 && text[len - 1] == '.') {
        text[len - 1] = '\0';
    }
}

/* @us / 10^@decimals as Go's strconv prints the shortest float64. Microseconds have at most 16
 * digits until the year 2286, which a float64 tells apart, so integers do. */
static void format_float(char out[LOG_TIME_TEXT_BYTES], int64_t us, int decimals)
{
    int64_t unit = decimals == 6 ? 1000000 : 1000;
    int64_t fraction = us % unit;
    snprintf(out, LOG_TIME_TEXT_BYTES, "%s%" PRId64 ".%0*" PRId64, us < 0 ? "-" : "",
             us < 0 ? -(us / unit) : us / unit, decimals, fraction < 0 ? -fraction : fraction);
    trim_zeros(out);
}

/* The same as Go's fmt prints it, which zap's console encoder uses: 1.700000000123e+09. */
static void format_scientific(char out[LOG_TIME_TEXT_BYTES], int64_t us, int decimals)
{
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%" PRId64, us);
    int exponent = count - 1 - decimals;
    if (us < 0 || exponent < 6) {
        format_float(out, us, decimals);
        return;
    }
    char mantissa[40];
    snprintf(mantissa, sizeof mantissa, "%c.%s", digits[0], digits + 1);
    trim_zeros(mantissa);
    snprintf(out, LOG_TIME_TEXT_BYTES, "%se+%02d", mantissa, exponent);
}

/* Go's layout "2006-01-02T15:04:05.999999999Z07:00": no zeros at the fraction's end. */
static void format_rfc3339_nano(char out[LOG_TIME_TEXT_BYTES], int64_t us)
{
    char text[TIME_TEXT_BYTES];
    time_format(text, us, TIME_MICROSECONDS);
    text[strlen(text) - 1] = '\0';
    trim_zeros(text);
    snprintf(out, LOG_TIME_TEXT_BYTES, "%sZ", text);
}

static void format_time(char out[LOG_TIME_TEXT_BYTES], const struct log_format *f, int64_t us)
{
    switch (f->time) {
    case LOG_TIME_EPOCH:
    case LOG_TIME_MILLIS: {
        int decimals = f->time == LOG_TIME_EPOCH ? 6 : 3;
        if (f->encoder == LOG_CONSOLE) {
            format_scientific(out, us, decimals);
        } else {
            format_float(out, us, decimals);
        }
        break;
    }
    case LOG_TIME_NANO:
        snprintf(out, LOG_TIME_TEXT_BYTES, "%" PRId64, us * 1000); /* as Go: until 2262 */
        break;
    case LOG_TIME_ISO8601:
        time_format(out, us, TIME_MILLISECONDS);
        break;
    case LOG_TIME_RFC3339:
        time_format(out, us, TIME_SECONDS);
        break;
    case LOG_TIME_RFC3339NANO:
        format_rfc3339_nano(out, us);
        break;
    }
}

static void write_fields(struct json_writer *w, const struct log_record *r)
{
    for (size_t i = 0; i < r->field_count; i++) {
        const struct log_field *field = &r->fields[i];
        switch (field->type) {
        case LOG_FIELD_STRING:
            json_member_string(w, field->key, field->string);
            break;
        case LOG_FIELD_INT:
            json_member_int(w, field->key, field->integer);
            break;
        case LOG_FIELD_BOOL:
            json_member_bool(w, field->key, field->integer != 0);
            break;
        }
    }
}

/* zap prints the message bare here; we keep quotes and backslashes so, and escape what could begin
 * a new line or steer a terminal. */
static void console_column(struct buf *out, const char *text)
{
    buf_append_char(out, '\t');
    json_escape(out, text, strlen(text), false);
}

static void format_console(const char *time, const struct log_record *r, struct buf *out)
{
    buf_append_text(out, time);
    console_column(out, LEVELS_UPPER[r->level]);
    if (r->logger != NULL && r->logger[0] != '\0') {
        console_column(out, r->logger);
    }
    console_column(out, r->message);
    if (r->field_count > 0) {
        struct json_writer w;
        json_writer_init(&w, out, true);
        buf_append_char(out, '\t');
        json_object_begin(&w);
        write_fields(&w, r);
        json_object_end(&w);
    }
}

static void format_json(const char *time, bool time_is_number, const struct log_record *r,
                        struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out, false);
    json_object_begin(&w);
    json_member_string(&w, "level", LEVELS_LOWER[r->level]);
    json_key(&w, "ts");
    if (time_is_number) {
        json_raw(&w, time);
    } else {
        json_string(&w, time);
    }
    if (r->logger != NULL && r->logger[0] != '\0') {
        json_member_string(&w, "logger", r->logger);
    }
    json_member_string(&w, "msg", r->message);
    write_fields(&w, r);
    json_object_end(&w);
}

void log_format_record(const struct log_format *f, const struct log_record *r, struct buf *out)
{
    if (r->level < f->level_min) {
        return;
    }
    size_t start = out->len;
    bool truncated_before = out->truncated;
    out->truncated = false;
    char time[LOG_TIME_TEXT_BYTES];
    format_time(time, f, r->wall_us);
    if (f->encoder == LOG_CONSOLE) {
        format_console(time, r, out);
    } else {
        bool time_is_number = f->time <= LOG_TIME_NANO;
        format_json(time, time_is_number, r, out);
    }
    buf_append_char(out, '\n');
    if (out->truncated) {
        buf_cut(out, start);
    }
    out->truncated = out->truncated || truncated_before;
}
