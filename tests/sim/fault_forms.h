/*
 * The forms in which servers and those in front of them say no.
 */
#pragma once
#include <stdint.h>

#define STATUS_RV "987654321"

struct refusal_form {
    const char *text; /* for people and traces */
    int http_status;
    int64_t retry_after_ms; /* -1: no such header */
    const char *body;
};

struct watch_error_form {
    const char *text;
    int code; /* 0: it has none */
    const char *reason;
};

enum {
    REFUSAL_FORMS = 9,      /* those that random runs draw from */
    REFUSAL_FORMS_ALL = 31, /* and behind them the others */
    WATCH_ERROR_FORMS = 9,
    WATCH_ERROR_FORMS_ALL = 23,
};

extern const struct refusal_form refusal_forms[REFUSAL_FORMS_ALL];
extern const struct watch_error_form watch_error_forms[WATCH_ERROR_FORMS_ALL];
