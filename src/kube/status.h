/*
 * From an HTTP answer that is not 2xx, or a watch's ERROR event, to a struct error.
 * Rules:
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind
 */
#pragma once
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

/**
 * Fill *err from an answer: the code from @http_status and, where the body is a Status, from its
 * reason; the message from the Status, else the beginning of the body made printable.
 * @retry_after_ms is the header's (-1 without) and wins over Status.details.retryAfterSeconds.
 * @body may be anything: hostile, cut, NULL with @len 0. Never takes a resourceVersion from a
 * Status. Returns err->code (never 0).
 */
int status_to_error(int http_status, int64_t retry_after_ms, const char *body, size_t len,
                    struct error *err);

/** The same from a Status object inside a watch's ERROR event: code, reason, message of the object
 * decide. Returns err->code (never 0). */
int status_object_to_error(yyjson_val *status, struct error *err);
