/*
 * Base64 with the standard alphabet and padding (RFC 4648 §4): certificates in kubeconfigs, basic
 * authentication.
 */
#pragma once
#include "base/buf.h"

#include <stddef.h>

/** Append the base64 text of @len @bytes. Returns 0, or ERR_TOO_BIG with nothing appended. */
int base64_encode(struct buf *out, const void *bytes, size_t len);

/**
 * Decode @len bytes of @text. Line breaks and spaces between are skipped, as people wrap such text
 * and YAML folds it; anything else that is not canonical is refused.
 * Returns NUL-terminated memory (mem_free) and its length in *out_len, or NULL.
 */
char *base64_decode(const char *text, size_t len, size_t *out_len);
