#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STATUS "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","

static struct error answer(int http_status, int64_t retry_after_ms, const char *body)
{
    struct error err = ERROR_INIT;
    int rc = status_to_error(http_status, retry_after_ms, body, strlen(body), &err);
    assert_int_equal(rc, err.code);
    assert_int_not_equal(rc, 0);
    assert_int_equal(err.http_status, http_status);
    return err;
}

static void the_http_status_decides(void **state)
{
    (void)state;
    static const struct {
        int http_status;
        int code;
        const char *message;
    } cases[] = {
        {301, ERR_SERVER, "301 Unknown: text"},
        {400, ERR_BAD_REQUEST, "400 BadRequest: text"},
        {401, ERR_UNAUTHORIZED, "401 Unauthorized: text"},
        {403, ERR_FORBIDDEN, "403 Forbidden: text"},
        {404, ERR_NOT_FOUND, "404 NotFound: text"},
        {405, ERR_BAD_REQUEST, "405 MethodNotAllowed: text"},
        {406, ERR_BAD_REQUEST, "406 NotAcceptable: text"},
        {409, ERR_CONFLICT, "409 Conflict: text"},
        {410, ERR_GONE, "410 Gone: text"},
        {413, ERR_BAD_REQUEST, "413 RequestEntityTooLarge: text"},
        {415, ERR_BAD_REQUEST, "415 UnsupportedMediaType: text"},
        {418, ERR_SERVER, "418 Unknown: text"},
        {422, ERR_BAD_REQUEST, "422 Invalid: text"},
        {429, ERR_TOO_MANY, "429 TooManyRequests: text"},
        {500, ERR_SERVER, "500 InternalError: text"},
        {503, ERR_SERVER, "503 ServiceUnavailable: text"},
        {504, ERR_SERVER, "504 Timeout: text"},
        {599, ERR_SERVER, "599 Unknown: text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = answer(cases[i].http_status, -1, "text\r\n");
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.retry_after_ms, -1);
    }
}

static void the_reason_of_a_status_refines_the_code(void **state)
{
    (void)state;
    static const struct {
        int http_status;
        const char *body;
        int code;
        const char *message;
    } cases[] = {
        {403,
         STATUS
         "\"reason\":\"Forbidden\",\"code\":403,\"message\":\"memcacheds.cache.example.com is "
         "forbidden: User \\\"x\\\" cannot list\"}",
         ERR_FORBIDDEN,
         "403 Forbidden: memcacheds.cache.example.com is forbidden: User \"x\" cannot list"},
        {409, STATUS "\"reason\":\"AlreadyExists\",\"message\":\"m\"}", ERR_EXISTS,
         "409 AlreadyExists: m"},
        {409, STATUS "\"reason\":\"Conflict\",\"message\":\"m\"}", ERR_CONFLICT, "409 Conflict: m"},
        {409, STATUS "\"reason\":\"Odd\"}", ERR_CONFLICT, "409 Odd"},
        {410, STATUS "\"reason\":\"Expired\",\"message\":\"too old\"}", ERR_GONE,
         "410 Expired: too old"},
        {500, STATUS "\"reason\":\"Expired\"}", ERR_GONE, "500 Expired"},
        {500, STATUS "\"reason\":\"Gone\"}", ERR_GONE, "500 Gone"},
        {500, STATUS "\"reason\":\"AlreadyExists\"}", ERR_SERVER, "500 AlreadyExists"},
        {504, STATUS "\"reason\":\"Timeout\",\"message\":\"m\"}", ERR_SERVER, "504 Timeout: m"},
        {504,
         STATUS "\"reason\":\"Timeout\",\"details\":{\"causes\":[{\"reason\":\"Other\"},"
                "{\"reason\":\"ResourceVersionTooLarge\"}]}}",
         ERR_RV_TOO_LARGE, "504 Timeout"},
        {504,
         STATUS "\"reason\":\"Timeout\",\"message\":\"Timeout: Too large resource version: 9, "
                "current: 5\"}",
         ERR_RV_TOO_LARGE, "504 Timeout: Timeout: Too large resource version: 9, current: 5"},
        {422, STATUS "\"message\":\"quotes Too large resource version\"}", ERR_BAD_REQUEST,
         "422 Invalid: quotes Too large resource version"},
        {404, STATUS "\"code\":410,\"message\":\"the HTTP status wins\"}", ERR_NOT_FOUND,
         "404 NotFound: the HTTP status wins"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = answer(cases[i].http_status, -1, cases[i].body);
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.message, cases[i].message);
    }
}

static void the_header_wins_over_the_bodys_delay(void **state)
{
    (void)state;
    static const struct {
        int64_t header_ms;
        const char *seconds;
        int64_t expected_ms;
    } cases[] = {
        {-1, "3", 3000},   {2000, "3", 2000}, {0, "3", 0},
        {-1, "0", -1},     {-1, "-4", -1},    {-1, "9223372036854775807", -1},
        {-1, "\"3\"", -1}, {-1, "{}", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[200];
        snprintf(body, sizeof body, STATUS "\"details\":{\"retryAfterSeconds\":%s}}",
                 cases[i].seconds);
        struct error err = answer(429, cases[i].header_ms, body);
        assert_true(err.retry_after_ms == cases[i].expected_ms);
    }
    /* A 429 at shutdown is plain text: the header is all there is. */
    assert_int_equal(answer(429, 1000, "Too many requests").retry_after_ms, 1000);
}

static void hostile_bodies_give_a_printable_message(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {"", "500 InternalError"},
        {" \n", "500 InternalError"},
        {"{\"kind\":", "500 InternalError: {\"kind\":"},
        {"{\"kind\":\"Pod\"}", "500 InternalError: {\"kind\":\"Pod\"}"},
        {"[1]", "500 InternalError: [1]"},
        {"a\nb\x1b[31m\xff", "500 InternalError: a\\nb\\u001b[31m\\ufffd"},
        {STATUS "\"reason\":[1,2,3],\"message\":[1,2,3,4],\"details\":\"x\",\"code\":\"y\"}",
         "500 InternalError"},
        {STATUS "\"message\":{\"a\":1},\"details\":{\"causes\":{\"reason\":1}}}",
         "500 InternalError"},
        {STATUS "\"reason\":\"a\\nb\",\"message\":\"c\\u001b\"}", "500 a\\nb: c\\u001b"},
        {STATUS "\"reason\":\"%s%n\",\"message\":\"%s\"}", "500 %s%n: %s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(answer(500, -1, cases[i].body).message, cases[i].message);
    }
    struct error err = ERROR_INIT;
    assert_int_equal(status_to_error(502, -1, NULL, 0, &err), ERR_SERVER);
    assert_string_equal(err.message, "502 BadGateway");
    assert_int_equal(status_to_error(404, -1, "x", 1, NULL), ERR_NOT_FOUND);
    assert_int_equal(status_to_error(500, -1, "a\0b", 3, &err), ERR_SERVER);
    assert_string_equal(err.message, "500 InternalError: a\\u0000b");
}

/* Cut between characters, with room for context in front, whatever it is made of. */
static void long_answers_are_cut(void **state)
{
    (void)state;
    static const char *const units[] = {"a",    "\xC3\xA4", "\xF0\x9F\x98\x80",
                                        "\x01", "\x80",     "\xff"};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char body[3000] = "";
            memset(body, 'x', shift);
            while (strlen(body) < 2000) {
                strcat(body, units[i]);
            }
            struct error err = answer(500, -1, body);
            size_t len = strlen(err.message);
            assert_true(len > 300);
            assert_string_equal(err.message + len - strlen("…"), "…");
            bool is_text = i < 4;
            assert_int_equal(strstr(err.message, "\\ufffd") == NULL, is_text);
        }
    }
    char status[3000] = STATUS "\"message\":\"";
    while (strlen(status) < 2000) {
        strcat(status, "b");
    }
    strcat(status, "\",\"reason\":\"NotFound\"}");
    struct error err = answer(404, -1, status);
    assert_memory_equal(err.message, "404 NotFound: bbb", 17);
    assert_int_equal(strlen(err.message), strlen("404 NotFound: ") + 400 + strlen("…"));
}

static void an_error_event_is_judged_by_its_object(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int code;
        int http_status;
        const char *message;
    } cases[] = {
        {STATUS "\"code\":410,\"reason\":\"Expired\",\"message\":\"too old resource version\"}",
         ERR_GONE, 410, "410 Expired: too old resource version"},
        {STATUS "\"code\":410,\"reason\":\"Gone\"}", ERR_GONE, 410, "410 Gone"},
        {STATUS "\"code\":410}", ERR_GONE, 410, "410 Gone"},
        {STATUS "\"reason\":\"Expired\"}", ERR_GONE, 410, "410 Expired"},
        {STATUS "\"code\":0,\"reason\":\"Expired\"}", ERR_GONE, 410, "410 Expired"},
        {STATUS "\"code\":200,\"reason\":\"Forbidden\"}", ERR_FORBIDDEN, 403, "403 Forbidden"},
        {STATUS "\"code\":-1,\"reason\":\"Unauthorized\"}", ERR_UNAUTHORIZED, 401,
         "401 Unauthorized"},
        {STATUS "\"code\":99999999999,\"reason\":\"NotFound\"}", ERR_NOT_FOUND, 404,
         "404 NotFound"},
        {STATUS "\"reason\":\"AlreadyExists\"}", ERR_EXISTS, 409, "409 AlreadyExists"},
        {STATUS "\"code\":500,\"reason\":\"InternalError\",\"message\":\"RequestWatchProgress is "
                "disabled\"}",
         ERR_SERVER, 500, "500 InternalError: RequestWatchProgress is disabled"},
        {STATUS "\"code\":504,\"reason\":\"Timeout\",\"details\":{\"retryAfterSeconds\":1,"
                "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}}",
         ERR_RV_TOO_LARGE, 504, "504 Timeout"},
        {STATUS "\"reason\":\"Timeout\",\"details\":{\"causes\":[{\"reason\":"
                "\"ResourceVersionTooLarge\"}]}}",
         ERR_RV_TOO_LARGE, 504, "504 Timeout"},
        {STATUS "\"code\":429,\"reason\":\"TooManyRequests\"}", ERR_TOO_MANY, 429,
         "429 TooManyRequests"},
        {STATUS "\"message\":\"no code, no reason\"}", ERR_SERVER, 500,
         "500 InternalError: no code, no reason"},
        {"{}", ERR_SERVER, 500, "500 InternalError"},
        {"[]", ERR_SERVER, 500, "500 InternalError"},
        {"null", ERR_SERVER, 500, "500 InternalError"},
        {"\"text\"", ERR_SERVER, 500, "500 InternalError"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = ERROR_INIT;
        yyjson_doc *doc = json_parse(cases[i].json, strlen(cases[i].json), &err);
        assert_non_null(doc);
        assert_int_equal(status_object_to_error(yyjson_doc_get_root(doc), &err), cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.http_status, cases[i].http_status);
        assert_string_equal(err.message, cases[i].message);
        yyjson_doc_free(doc);
    }
    assert_int_equal(status_object_to_error(NULL, NULL), ERR_SERVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_http_status_decides),
        cmocka_unit_test(the_reason_of_a_status_refines_the_code),
        cmocka_unit_test(the_header_wins_over_the_bodys_delay),
        cmocka_unit_test(hostile_bodies_give_a_printable_message),
        cmocka_unit_test(long_answers_are_cut),
        cmocka_unit_test(an_error_event_is_judged_by_its_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
