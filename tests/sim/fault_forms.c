#include "sim/fault_forms.h"

/* No resourceVersion of a Status means anything: this one is there to be seen if it is used. */
#define STATUS_WITH(code, reason, message, details)                                                \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" STATUS_RV    \
    "\"},\"status\":\"Failure\","                                                                  \
    "\"message\":\"" message "\",\"reason\":\"" reason "\"," details "\"code\":" #code "}\n"
#define STATUS(code, reason, message) STATUS_WITH(code, reason, message, "")

const struct refusal_form refusal_forms[REFUSAL_FORMS_ALL] = {
    {"429 in 1 s", 429, 1000, STATUS(429, "TooManyRequests", "too many requests")},
    {"429 in plain text", 429, 1000, "The apiserver is shutting down\n"},
    {"429 without Retry-After", 429, -1, STATUS(429, "TooManyRequests", "too many requests")},
    {"503 in 2 s", 503, 2000, STATUS(503, "ServiceUnavailable", "unavailable")},
    {"503 in plain text", 503, -1, "upstream connect error\n"},
    {"500", 500, -1, STATUS(500, "InternalError", "etcdserver: leader changed")},
    {"504", 504, -1, STATUS(504, "Timeout", "request did not complete within requested timeout")},
    {"401", 401, -1, STATUS(401, "Unauthorized", "Unauthorized")},
    {"403", 403, -1, STATUS(403, "Forbidden", "forbidden: RBAC is not in step yet")},
    {"429 in 30 s", 429, 30000, STATUS(429, "TooManyRequests", "too many requests")},
    {"429 by its details", 429, -1,
     STATUS_WITH(429, "TooManyRequests", "too many", "\"details\":{\"retryAfterSeconds\":3},")},
    {"429 with nothing", 429, 5000, ""},
    {"503 in plain text in 5 s", 503, 5000, "no healthy upstream\n"},
    {"503 in 0 s", 503, 0, STATUS(503, "ServiceUnavailable", "unavailable")},
    {"503 as a page", 503, -1, "<html><body><h1>503</h1></body></html>\n"},
    {"410 Expired", 410, -1, STATUS(410, "Expired", "too old resource version: 1 (2)")},
    {"410 Gone", 410, -1, STATUS(410, "Gone", "gone")},
    {"410 in plain text", 410, -1, "gone\n"},
    {"504 too large", 504, 1000,
     STATUS_WITH(504, "Timeout", "Too large resource version: 9, current: 8",
                 "\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":"
                 "\"Too large resource version\"}],\"retryAfterSeconds\":1},")},
    {"504 too large, as 1.17 says", 504, -1,
     STATUS(504, "Timeout", "Too large resource version: 9, current: 8")},
    {"400", 400, -1, STATUS(400, "BadRequest", "a bad request")},
    {"404", 404, -1, STATUS(404, "NotFound", "the server could not find the requested resource")},
    {"404 in plain text", 404, -1, "404 page not found\n"},
    {"405", 405, -1, STATUS(405, "MethodNotAllowed", "not allowed")},
    {"409", 409, -1, STATUS(409, "Conflict", "a conflict")},
    {"422", 422, -1, STATUS(422, "Invalid", "sendInitialEvents is forbidden")},
    {"301", 301, -1, ""},
    {"302 as a page", 302, -1, "<a href=\"/login\">Found</a>.\n"},
    {"200 as a page", 200, -1, "<html><body>Log in</body></html>\n"},
    {"200 of half a list", 200, -1, "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"metadata\":{\"res"},
    {"200 with nothing", 200, -1, ""},
};

const struct watch_error_form watch_error_forms[WATCH_ERROR_FORMS_ALL] = {
    {"410 Expired", 410, "Expired"},
    {"410 Gone", 410, "Gone"},
    {"500 InternalError", 500, "InternalError"},
    {"429 TooManyRequests", 429, "TooManyRequests"},
    {"503 ServiceUnavailable", 503, "ServiceUnavailable"},
    {"504 Timeout", 504, "Timeout"},
    {"401 Unauthorized", 401, "Unauthorized"},
    {"403 Forbidden", 403, "Forbidden"},
    {"400 BadRequest", 400, "BadRequest"},
    {"404 NotFound", 404, "NotFound"},
    {"405 MethodNotAllowed", 405, "MethodNotAllowed"},
    {"406 NotAcceptable", 406, "NotAcceptable"},
    {"409 Conflict", 409, "Conflict"},
    {"409 AlreadyExists", 409, "AlreadyExists"},
    {"413 RequestEntityTooLarge", 413, "RequestEntityTooLarge"},
    {"415 UnsupportedMediaType", 415, "UnsupportedMediaType"},
    {"422 Invalid", 422, "Invalid"},
    {"500 ServerTimeout", 500, "ServerTimeout"},
    {"500 StorageReadError", 500, "StorageReadError"},
    {"500 of no reason", 500, ""},
    {"503 of no reason", 503, ""},
    {"no code, but Expired", 0, "Expired"},
    {"neither code nor reason", 0, ""},
};
