/*
 * As the real ones: base64url (RFC 4648 §5) of JSON, without padding.
 */
#include "sim/api_token.h"

#include "base/base64.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <string.h>

static void swap(char *text, const char *from, const char *to)
{
    for (; *text != '\0'; text++) {
        const char *at = strchr(from, *text);
        *text = at != NULL ? to[at - from] : *text;
    }
}

void api_token_write(const struct api_token *token, char out[API_TOKEN_BYTES])
{
    CLEANUP(buf_fini) struct buf json;
    CLEANUP(buf_fini) struct buf text;
    struct json_writer w;
    buf_init(&json, API_TOKEN_BYTES);
    buf_init(&text, API_TOKEN_BYTES);
    json_writer_init(&w, &json, false);
    json_object_begin(&w);
    json_member_int(&w, "rv", (int64_t)token->revision);
    json_member_string(&w, "start", token->start);
    json_object_end(&w);
    base64_encode(&text, json.data, json.len);
    swap(text.data, "+/", "-_");
    snprintf(out, API_TOKEN_BYTES, "%.*s", (int)strcspn(text.data, "="), text.data);
}

/* Of @text; mem_free. NULL: it is not base64url. */
static char *decode(const char *text, size_t *len)
{
    CLEANUP(buf_fini) struct buf padded;
    buf_init(&padded, API_TOKEN_BYTES);
    buf_append_text(&padded, text);
    if (padded.len == 0 || strpbrk(text, "+/= \n") != NULL) {
        return NULL;
    }
    swap(padded.data, "-_", "+/");
    while (padded.len % 4 != 0 && buf_append_char(&padded, '=') == 0) {
    }
    return base64_decode(padded.data, padded.len, len);
}

bool api_token_read(struct api_token *token, const char *text, struct api_answer *answer)
{
    static const char INVALID[] = "invalid continue token: continue key is not valid";
    size_t len;
    char *json = decode(text, &len);
    if (json == NULL) {
        api_answer_bad_request(answer, "%s: illegal base64 data", INVALID);
        return false;
    }
    yyjson_doc *doc = json_parse(json, len, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *start = yyjson_get_str(json_at(root, "start", NULL));
    bool good = start != NULL && strlen(start) < sizeof token->start;
    if (good) {
        token->revision = (uint64_t)json_get_int(json_at(root, "rv", NULL), 0);
        snprintf(token->start, sizeof token->start, "%s", start);
    } else {
        unsigned char first = (unsigned char)json[0];
        char shown[8];
        snprintf(shown, sizeof shown, first < 0x80 ? "%c" : "\\u00%02x", first);
        api_answer_bad_request(answer, "%s: invalid character '%s' looking for beginning of value",
                               INVALID, shown);
    }
    yyjson_doc_free(doc);
    mem_free(json);
    return good;
}
