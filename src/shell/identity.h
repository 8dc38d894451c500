/*
 * Who we are, as libcurl wants to be told: headers and PEM blobs made once per change of the
 * credentials, and shared by all requests that were begun since. Counted references: a watch may
 * hold an old identity for minutes.
 */
#pragma once
#include "kube/http.h"
#include "shell/credentials.h"

#include <curl/curl.h>

struct identity;

/** From what @credentials say now. NULL with ERR_INVALID: something in it cannot stand in a header.
 * @host  the Host header to send, or NULL for curl's own. */
struct identity *identity_new(struct credentials *credentials, const char *host, struct error *err);

struct identity *identity_take(struct identity *i);

/** Drop one reference; NULL is fine. The last one wipes and frees. */
void identity_drop(struct identity *i);

/** credentials_generation() at its making. */
uint64_t identity_generation(const struct identity *i);

/** The headers of a request; lives as long as @i. @accept and @content_type are static texts; each
 * may be NULL. */
struct curl_slist *identity_headers(struct identity *i, const char *accept,
                                    const char *content_type);

/** Set CA, certificate and key on @easy, which borrows them as long as @i lives. */
void identity_set_tls(const struct identity *i, CURL *easy);
