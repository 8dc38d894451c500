#include "sim/fault_forms.h"

#define STATUS(code, reason, message)                                                              \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","           \
    "\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" #code "}\n"

const struct refusal_form refusal_forms[REFUSAL_FORMS] = {
    {"429 in 1 s", 429, 1000, STATUS(429, "TooManyRequests", "too many requests")},
    {"429 in plain text", 429, 1000, "The apiserver is shutting down\n"},
    {"429 without Retry-After", 429, -1, STATUS(429, "TooManyRequests", "too many requests")},
    {"503 in 2 s", 503, 2000, STATUS(503, "ServiceUnavailable", "unavailable")},
    {"503 in plain text", 503, -1, "upstream connect error\n"},
    {"500", 500, -1, STATUS(500, "InternalError", "etcdserver: leader changed")},
    {"504", 504, -1, STATUS(504, "Timeout", "request did not complete within requested timeout")},
    {"401", 401, -1, STATUS(401, "Unauthorized", "Unauthorized")},
    {"403", 403, -1, STATUS(403, "Forbidden", "forbidden: RBAC is not in step yet")},
};

const struct watch_error_form watch_error_forms[WATCH_ERROR_FORMS] = {
    {"410 Expired", 410, "Expired"},
    {"410 Gone", 410, "Gone"},
    {"500 InternalError", 500, "InternalError"},
    {"429 TooManyRequests", 429, "TooManyRequests"},
    {"503 ServiceUnavailable", 503, "ServiceUnavailable"},
    {"504 Timeout", 504, "Timeout"},
    {"401 Unauthorized", 401, "Unauthorized"},
    {"403 Forbidden", 403, "Forbidden"},
    {"400 BadRequest", 400, "BadRequest"},
};
