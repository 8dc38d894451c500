#include "kube/status.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"

#include <stdbool.h>
#include <string.h>

enum {
    REASON_BYTES_MAX = 64,
    MESSAGE_BYTES_MAX = 400, /* of what the server says; leaves room for our context */
    ESCAPED_BYTES_MAX = 8 * (REASON_BYTES_MAX + MESSAGE_BYTES_MAX),
};

struct code_rule {
    const char *reason; /* metav1.StatusReason */
    int http_status;    /* that goes with it */
};

/* https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go, StatusReason…;
 * the first of a status is the one that a bare HTTP answer is named after. */
static const struct code_rule REASONS[] = {
    {"BadRequest", 400},
    {"Unauthorized", 401},
    {"Forbidden", 403},
    {"NotFound", 404},
    {"MethodNotAllowed", 405},
    {"NotAcceptable", 406},
    {"Conflict", 409},
    {"AlreadyExists", 409},
    {"Gone", 410},
    {"Expired", 410},
    {"RequestEntityTooLarge", 413},
    {"UnsupportedMediaType", 415},
    {"Invalid", 422},
    {"TooManyRequests", 429},
    {"InternalError", 500},
    {"ServerTimeout", 500},
    {"BadGateway", 502},
    {"ServiceUnavailable", 503},
    {"Timeout", 504},
};

static int http_status_of(const char *reason)
{
    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (strcmp(REASONS[i].reason, reason) == 0) {
            return REASONS[i].http_status;
        }
    }
    return 0;
}

static const char *reason_of(int http_status)
{
    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (REASONS[i].http_status == http_status) {
            return REASONS[i].reason;
        }
    }
    return "Unknown";
}

static int code_of(int http_status)
{
    switch (http_status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
        return ERR_BAD_REQUEST;
    case 401:
        return ERR_UNAUTHORIZED;
    case 403:
        return ERR_FORBIDDEN;
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 410:
        return ERR_GONE;
    case 429:
        return ERR_TOO_MANY;
    default:
        return ERR_SERVER;
    }
}

/* "" where there is no such text. */
static const char *text_at(yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str(json_at(object, key, NULL));
    return text != NULL ? text : "";
}

/* The API server answers a resourceVersion from its future with 504 Timeout and a cause of this
 * reason; 1.17.0 to 1.18.5 have the text alone (client-go, isTooLargeResourceVersionError). */
static bool rv_is_too_large(int http_status, yyjson_val *status)
{
    static const char TEXT[] = "Too large resource version";
    if (http_status != 504) {
        return false;
    }
    yyjson_val *causes = json_at(status, "details", "causes", NULL);
    size_t i;
    size_t count;
    yyjson_val *cause;
    yyjson_arr_foreach(causes, i, count, cause)
    {
        if (strcmp(text_at(cause, "reason"), "ResourceVersionTooLarge") == 0) {
            return true;
        }
    }
    return strstr(text_at(status, "message"), TEXT) != NULL;
}

/* Append at most @max bytes of @text, printable, with an ellipsis where it was cut. */
static void append_printable(struct buf *out, const char *text, size_t len, size_t max)
{
    bool cut = len > max;
    if (cut) {
        len = max;
        while (len > max - 3 && ((unsigned char)text[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    json_escape(out, text, len, false);
    if (cut) {
        buf_append_text(out, "…");
    }
}

static int fill(struct error *err, int code, int http_status, int64_t retry_after_ms,
                const char *reason, const char *said, size_t said_len)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, ESCAPED_BYTES_MAX);
    append_printable(&text, reason, strlen(reason), REASON_BYTES_MAX);
    if (said_len > 0) {
        buf_append_text(&text, ": ");
        append_printable(&text, said, said_len, MESSAGE_BYTES_MAX);
    }
    error_set(err, code, "%d %s", http_status, buf_text(&text));
    if (err != NULL) {
        err->http_status = http_status;
        err->retry_after_ms = retry_after_ms;
    }
    return code;
}

static int64_t retry_after_of(yyjson_val *status)
{
    int64_t seconds = json_get_int(json_at(status, "details", "retryAfterSeconds", NULL), 0);
    return seconds > 0 && seconds < INT64_MAX / 1000 ? seconds * 1000 : -1;
}

static bool is_status(yyjson_val *value)
{
    return strcmp(text_at(value, "kind"), "Status") == 0;
}

/* @http_status has been settled; the reason refines what it means. */
static int fill_from_status(struct error *err, int http_status, int64_t retry_after_ms,
                            yyjson_val *status)
{
    const char *reason = text_at(status, "reason");
    const char *message = text_at(status, "message");
    int code = code_of(http_status);
    if (rv_is_too_large(http_status, status)) {
        code = ERR_RV_TOO_LARGE;
    } else if (http_status_of(reason) == 410) {
        code = ERR_GONE;
    } else if (http_status == 409 && strcmp(reason, "AlreadyExists") == 0) {
        code = ERR_EXISTS;
    }
    if (retry_after_ms < 0) {
        retry_after_ms = retry_after_of(status);
    }
    bool named = reason[0] != '\0';
    return fill(err, code, http_status, retry_after_ms, named ? reason : reason_of(http_status),
                message, strlen(message));
}

static size_t without_trailing_space(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    return len;
}

int status_to_error(int http_status, int64_t retry_after_ms, const char *body, size_t len,
                    struct error *err)
{
    yyjson_doc *doc = json_parse(body, len, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int code;
    if (is_status(root)) {
        code = fill_from_status(err, http_status, retry_after_ms, root);
    } else {
        code = fill(err, code_of(http_status), http_status, retry_after_ms, reason_of(http_status),
                    body, without_trailing_space(body, len));
    }
    yyjson_doc_free(doc);
    return code;
}

int status_object_to_error(yyjson_val *status, struct error *err)
{
    int64_t http_status = json_get_int(json_at(status, "code", NULL), 0);
    if (http_status < 300 || http_status > 599) { /* missing, or not the code of a failure */
        http_status = http_status_of(text_at(status, "reason"));
    }
    return fill_from_status(err, http_status == 0 ? 500 : (int)http_status, -1, status);
}
