/*
 * Continue tokens: where a list in pages goes on, opaque to clients. For api_read.c.
 */
#pragma once
#include "sim/api_status.h"

enum { API_KEY_BYTES = 600, API_TOKEN_BYTES = 2048 };

struct api_token {
    uint64_t revision;         /* 0: the newest */
    char start[API_KEY_BYTES]; /* after this key */
};

void api_token_write(const struct api_token *token, char out[API_TOKEN_BYTES]);

/** False: answered with what is wrong with @text. */
bool api_token_read(struct api_token *token, const char *text, struct api_answer *answer);
