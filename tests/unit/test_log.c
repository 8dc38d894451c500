#include "lib/testing.h"

#include "base/log.h"
#include "base/mem.h"

static const int64_t WALL_US = 1700000000123456; /* 2023-11-14T22:13:20.123456Z */

static const struct log_field FIELDS[] = {
    {.key = "deploymentSync", .type = LOG_FIELD_STRING, .string = "default/a"},
    {.key = "from", .type = LOG_FIELD_INT, .integer = 1},
    {.key = "dry-run", .type = LOG_FIELD_BOOL, .integer = 1},
};

static void expect(struct log_format f, struct log_record r, const char *line)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 4096);
    log_format_record(&f, &r, &out);
    assert_string_equal(buf_text(&out), line);
}

static struct log_record record(const char *logger, const char *message, size_t field_count)
{
    return (struct log_record){.level = LOG_INFO,
                               .wall_us = WALL_US,
                               .logger = logger,
                               .message = message,
                               .fields = FIELDS,
                               .field_count = field_count};
}

static void the_console_line_is_zaps(void **state)
{
    (void)state;
    const struct log_format f = {LOG_CONSOLE, LOG_TIME_ISO8601, LOG_INFO};
    expect(f, record("controllers.DeploymentSync", "Syncing memcached", 3),
           "2023-11-14T22:13:20.123Z\tINFO\tcontrollers.DeploymentSync\tSyncing memcached\t"
           "{\"deploymentSync\": \"default/a\", \"from\": 1, \"dry-run\": true}\n");
    expect(f, record(NULL, "starting", 0), "2023-11-14T22:13:20.123Z\tINFO\tstarting\n");
    expect(f, record("", "starting", 1),
           "2023-11-14T22:13:20.123Z\tINFO\tstarting\t{\"deploymentSync\": \"default/a\"}\n");
}

static void the_json_line_is_zaps(void **state)
{
    (void)state;
    const struct log_format f = {LOG_JSON, LOG_TIME_EPOCH, LOG_INFO};
    expect(f, record("controllers.DeploymentSync", "Syncing memcached", 3),
           "{\"level\":\"info\",\"ts\":1700000000.123456,\"logger\":\"controllers.DeploymentSync\","
           "\"msg\":\"Syncing memcached\",\"deploymentSync\":\"default/a\",\"from\":1,"
           "\"dry-run\":true}\n");
    expect(f, record(NULL, "starting", 0),
           "{\"level\":\"info\",\"ts\":1700000000.123456,\"msg\":\"starting\"}\n");
}

/* Go's JSON encoder prints a float64 in plain digits, its console encoder as %v does. */
static void each_time_encoding_is_zaps(void **state)
{
    (void)state;
    static const struct {
        enum log_time time;
        int64_t us;
        const char *console;
        const char *json;
    } cases[] = {
        {LOG_TIME_EPOCH, 1700000000123456, "1.700000000123456e+09", "1700000000.123456"},
        {LOG_TIME_EPOCH, 1700000000123000, "1.700000000123e+09", "1700000000.123"},
        {LOG_TIME_EPOCH, 1700000000000000, "1.7e+09", "1700000000"},
        {LOG_TIME_EPOCH, 1000000000000000, "1e+09", "1000000000"},
        {LOG_TIME_EPOCH, 1000000, "1", "1"},
        {LOG_TIME_EPOCH, 999999500000, "999999.5", "999999.5"},
        {LOG_TIME_EPOCH, 1234567500000, "1.2345675e+06", "1234567.5"},
        {LOG_TIME_EPOCH, 0, "0", "0"},
        {LOG_TIME_EPOCH, -1500000, "-1.5", "-1.5"},
        {LOG_TIME_EPOCH, -500000, "-0.5", "-0.5"},
        {LOG_TIME_MILLIS, 1700000000123456, "1.700000000123456e+12", "1700000000123.456"},
        {LOG_TIME_MILLIS, 1700000000120000, "1.70000000012e+12", "1700000000120"},
        {LOG_TIME_NANO, 1700000000123456, "1700000000123456000", "1700000000123456000"},
        {LOG_TIME_ISO8601, 1700000000123456, "2023-11-14T22:13:20.123Z",
         "\"2023-11-14T22:13:20.123Z\""},
        {LOG_TIME_ISO8601, 1700000000000000, "2023-11-14T22:13:20.000Z",
         "\"2023-11-14T22:13:20.000Z\""},
        {LOG_TIME_RFC3339, 1700000000123456, "2023-11-14T22:13:20Z", "\"2023-11-14T22:13:20Z\""},
        {LOG_TIME_RFC3339NANO, 1700000000123456, "2023-11-14T22:13:20.123456Z",
         "\"2023-11-14T22:13:20.123456Z\""},
        {LOG_TIME_RFC3339NANO, 1700000000120000, "2023-11-14T22:13:20.12Z",
         "\"2023-11-14T22:13:20.12Z\""},
        {LOG_TIME_RFC3339NANO, 1700000000000000, "2023-11-14T22:13:20Z",
         "\"2023-11-14T22:13:20Z\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf line;
        buf_init(&line, 1000);
        struct log_record r = {.level = LOG_INFO, .wall_us = cases[i].us, .message = "m"};
        buf_printf(&line, "%s\tINFO\tm\n", cases[i].console);
        expect((struct log_format){LOG_CONSOLE, cases[i].time, LOG_INFO}, r, buf_text(&line));
        buf_reset(&line, 0);
        buf_printf(&line, "{\"level\":\"info\",\"ts\":%s,\"msg\":\"m\"}\n", cases[i].json);
        expect((struct log_format){LOG_JSON, cases[i].time, LOG_INFO}, r, buf_text(&line));
    }
}

static void levels_have_zaps_names_and_filter(void **state)
{
    (void)state;
    static const char *const upper[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    static const char *const lower[] = {"debug", "info", "warn", "error"};
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        for (int min = LOG_DEBUG; min <= LOG_ERROR; min++) {
            CLEANUP(buf_fini) struct buf line;
            buf_init(&line, 1000);
            struct log_record r = {.level = (enum log_level)level, .message = "m"};
            if (level >= min) {
                buf_printf(&line, "1970-01-01T00:00:00Z\t%s\tm\n", upper[level]);
            }
            expect((struct log_format){LOG_CONSOLE, LOG_TIME_RFC3339, (enum log_level)min}, r,
                   buf_text(&line));
            buf_reset(&line, 0);
            if (level >= min) {
                buf_printf(&line, "{\"level\":\"%s\",\"ts\":0,\"msg\":\"m\"}\n", lower[level]);
            }
            expect((struct log_format){LOG_JSON, LOG_TIME_NANO, (enum log_level)min}, r,
                   buf_text(&line));
        }
    }
}

static void hostile_text_forges_no_line_and_no_column(void **state)
{
    (void)state;
    const struct log_field field = LOG_STR("k\n", "v\r\n2023\tERROR\x1b[2J");
    const struct log_record r = {.level = LOG_INFO,
                                 .logger = "a\tb",
                                 .message = "say \"hi\"\nC:\\x\xff\xC2\x9B",
                                 .fields = &field,
                                 .field_count = 1};
    expect((struct log_format){LOG_CONSOLE, LOG_TIME_NANO, LOG_INFO}, r,
           "0\tINFO\ta\\tb\tsay \"hi\"\\nC:\\x\\ufffd\\u009b\t"
           "{\"k\\n\": \"v\\r\\n2023\\tERROR\\u001b[2J\"}\n");
    expect((struct log_format){LOG_JSON, LOG_TIME_NANO, LOG_INFO}, r,
           "{\"level\":\"info\",\"ts\":0,\"logger\":\"a\\tb\","
           "\"msg\":\"say \\\"hi\\\"\\nC:\\\\x\\ufffd\\u009b\","
           "\"k\\n\":\"v\\r\\n2023\\tERROR\\u001b[2J\"}\n");
}

static void a_line_that_does_not_fit_is_left_out_as_a_whole(void **state)
{
    (void)state;
    const struct log_format f = {LOG_CONSOLE, LOG_TIME_ISO8601, LOG_INFO};
    const struct log_record r = record("logger", "message", 3);
    CLEANUP(buf_fini) struct buf full;
    buf_init(&full, 1000);
    log_format_record(&f, &r, &full);
    for (size_t max = 5; max < full.len + 5; max++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, max);
        buf_append_text(&out, "kept\n");
        log_format_record(&f, &r, &out);
        assert_string_equal(buf_text(&out), "kept\n");
        assert_true(out.truncated);
    }
}

static void a_line_after_a_lost_one_is_whole(void **state)
{
    (void)state;
    const struct log_format f = {LOG_CONSOLE, LOG_TIME_RFC3339, LOG_INFO};
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 40);
    struct log_record big = record("logger", "message", 3);
    struct log_record small = {.level = LOG_INFO, .message = "m"};
    log_format_record(&f, &big, &out);
    log_format_record(&f, &small, &out);
    assert_string_equal(buf_text(&out), "1970-01-01T00:00:00Z\tINFO\tm\n");
    assert_true(out.truncated); /* still tells of the lost one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_console_line_is_zaps),
        cmocka_unit_test(the_json_line_is_zaps),
        cmocka_unit_test(each_time_encoding_is_zaps),
        cmocka_unit_test(levels_have_zaps_names_and_filter),
        cmocka_unit_test(hostile_text_forges_no_line_and_no_column),
        cmocka_unit_test(a_line_that_does_not_fit_is_left_out_as_a_whole),
        cmocka_unit_test(a_line_after_a_lost_one_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
