/*
 * Log lines as zap prints them (the logger of controller-runtime), so that existing log pipelines
 * keep working. Formatting only: the shell writes.
 *
 *   console, columns set apart by tabs; the logger and the fields are optional:
 *     2026-11-22T11:13:05.123Z  INFO  controllers.Memcached  Creating…  {"memcached": "default/a"}
 *   json:
 *     {"level":"info","ts":…,"logger":"controllers.Memcached","msg":"Creating…","memcached":…}
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_encoder { LOG_CONSOLE, LOG_JSON };

/** zap's time encoders, by the names that --zap-time-encoding takes. */
enum log_time {
    LOG_TIME_EPOCH,
    LOG_TIME_MILLIS,
    LOG_TIME_NANO,
    LOG_TIME_ISO8601,
    LOG_TIME_RFC3339,
    LOG_TIME_RFC3339NANO
};

enum log_field_type { LOG_FIELD_STRING, LOG_FIELD_INT, LOG_FIELD_BOOL };

struct log_field {
    const char *key;
    enum log_field_type type;
    const char *string;
    int64_t integer;
};

#define LOG_STR(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_STRING, .string = (v)})
#define LOG_INT(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_INT, .integer = (v)})
#define LOG_BOOL(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_BOOL, .integer = (v)})

struct log_format {
    enum log_encoder encoder;
    enum log_time time;
    enum log_level level_min; /* records below are not written */
};

struct log_record {
    enum log_level level;
    int64_t wall_us;
    const char *logger; /* may be NULL */
    const char *message;
    const struct log_field *fields;
    size_t field_count;
};

/** Append one line with its newline to @out; nothing when the level is below level_min. Control
 * characters come out escaped, so a hostile name cannot forge a line. A line that does not fit into
 * @out is left out as a whole and sets out->truncated. */
void log_format_record(const struct log_format *f, const struct log_record *r, struct buf *out);
