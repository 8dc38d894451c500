/*
 * A Status, or what stands in its place, to an error: whatever the body, the code follows from the
 * HTTP status and a few reasons, the header's Retry-After wins, and the message fits for a log.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/status.h"

#include <string.h>

static const int http_statuses[] = {0,   101, 302, 400, 401, 403, 404, 405, 406, 409,
                                    410, 413, 418, 422, 429, 500, 502, 503, 504, 999};

static void check_error(const struct error *err, int rc)
{
    assert(rc == err->code && rc != 0);
    assert(strcmp(error_code_name(rc), "unknown") != 0);
    assert(is_printable(err->message));
    assert(err->retry_after_ms == -1 || err->retry_after_ms > 0);
}

static void check_answer(int http_status, const char *body, size_t len)
{
    struct error plain = ERROR_INIT, err = ERROR_INIT, told = ERROR_INIT;
    status_to_error(http_status, -1, NULL, 0, &plain);
    int rc = status_to_error(http_status, -1, body, len, &err);
    check_error(&err, rc);
    assert(err.http_status == http_status);
    bool refined = rc == ERR_GONE || (rc == ERR_EXISTS && http_status == 409) ||
                   (rc == ERR_RV_TOO_LARGE && http_status == 504);
    assert(rc == plain.code || refined);
    assert(status_to_error(http_status, 7000, body, len, &told) == rc);
    assert(told.retry_after_ms == 7000 && strcmp(told.message, err.message) == 0);
    assert(status_to_error(http_status, -1, body, len, NULL) == rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct part p = {(const char *)data, size};
    char *body = part_copy(p);
    for (size_t i = 0; i < ARRAY_LEN(http_statuses); i++) {
        check_answer(http_statuses[i], body, size);
    }
    mem_free(body);
    yyjson_doc *doc = parse(p);
    struct error err = ERROR_INIT;
    check_error(&err, status_object_to_error(yyjson_doc_get_root(doc), &err));
    assert(err.http_status >= 300 && err.http_status <= 599);
    yyjson_doc_free(doc);
    return 0;
}
