/*
 * Looks at what a file or a plugin gave us before it replaces what works: certificates, keys,
 * tokens. By OpenSSL, to which libcurl will hand the same bytes. Messages never quote a secret.
 */
#pragma once
#include "base/error.h"

#include <stddef.h>

/** 0 when @pem holds at least one certificate and every one in it parses, else ERR_INVALID. */
int vet_ca(const char *pem, size_t len, struct error *err);

/** 0 when the first certificate of @cert and the private key of @key belong together, else
 * ERR_INVALID. */
int vet_pair(const char *cert, size_t cert_len, const char *key, size_t key_len, struct error *err);

/** 0 when @token is not empty and can stand in a header, else ERR_INVALID. */
int vet_token(const char *token, struct error *err);
