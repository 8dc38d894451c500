/*
 * Errors: one caller-owned struct, filled by the callee, passed last.
 *
 * A function that can fail returns 0 or a negative error code (the value also stored in err->code)
 * and touches *err only when it fails. Callers add context with error_wrap(), outermost first:
 *     memcached "cache/web": apply Deployment: 403 Forbidden: …
 * Nothing here allocates, so that the failing path cannot fail. Decide on the code, never on the
 * text.
 */
#pragma once
#include <stdarg.h>
#include <stdint.h>

enum {
    ERROR_MESSAGE_BYTES = 512, /* longer messages are cut with an ellipsis */
};

enum error_code {
    ERR_NONE = 0,
    ERR_INVALID = -1,   /* bad input: a flag, a file, an object */
    ERR_PARSE = -2,     /* bytes that are not what they claim to be */
    ERR_TOO_BIG = -3,   /* one of the named limits was passed */
    ERR_TRANSPORT = -4, /* no HTTP answer: refused, reset, timed out */
    ERR_CANCELLED = -5, /* we ended it ourselves */
    ERR_BAD_REQUEST =
        -10, /* 400, 405, 406, 413, 415, 422: the server refuses the request as it is */
    ERR_UNAUTHORIZED = -11, /* 401 */
    ERR_FORBIDDEN = -12,    /* 403 */
    ERR_NOT_FOUND = -13,    /* 404 */
    ERR_CONFLICT = -14,     /* 409 with another reason than AlreadyExists */
    ERR_EXISTS = -15,       /* 409 AlreadyExists */
    ERR_GONE =
        -16, /* 410, reason Gone or Expired: the resourceVersion or continue token is too old */
    ERR_RV_TOO_LARGE = -17, /* the server has not seen that resourceVersion yet */
    ERR_TOO_MANY = -18,     /* 429 */
    ERR_SERVER = -19,       /* any other status that is not 2xx */
};

struct error {
    int code;               /* enum error_code */
    int http_status;        /* 0 when there was no HTTP answer */
    int64_t retry_after_ms; /* from Retry-After or Status.details; -1: the server named none */
    char message[ERROR_MESSAGE_BYTES];
};

/** An error struct that says "no error"; use as initializer. */
#define ERROR_INIT ((struct error){.retry_after_ms = -1})

/** Fill *err (may be NULL) with code and formatted message, http_status 0, retry_after_ms -1;
 * returns code, so `return error_set(…);` reads well. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Put "context: " before the message of *err; returns err->code. *err may be NULL: returns
 * ERR_INVALID then, as the code is lost, so a caller that passes the code on keeps it itself. */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The code's name in lower case with dashes, for metrics and tests: "not-found". Never NULL. */
const char *error_code_name(int code);
