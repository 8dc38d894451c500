/*
 * The head of an answer, one line a call. It is complete at an empty line behind a final status,
 * and says nothing new from then on; what it says is in range.
 */
#include "base/error.h"
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "shell/http_head.h"

#include <string.h>

static void check(const struct http_head *before, const struct http_head *after, struct part line)
{
    bool empty = (line.len == 1 && line.bytes[0] == '\n') ||
                 (line.len == 2 && memcmp(line.bytes, "\r\n", 2) == 0);
    assert(after->status >= 0 && after->status <= 999);
    assert(after->retry_after_ms == -1 ||
           (after->retry_after_ms >= 0 && after->retry_after_ms % 1000 == 0 &&
            after->retry_after_ms <= HTTP_RETRY_AFTER_S_MAX * INT64_C(1000)));
    assert(after->complete == (before->complete || (empty && before->status >= 200)));
    if (before->complete) {
        assert(after->status == before->status && after->retry_after_ms == before->retry_after_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_head head = HTTP_HEAD_INIT;
    const char *at = (const char *)data;
    size_t left = size;
    while (left > 0) {
        const char *newline = memchr(at, '\n', left);
        struct part line = {at, newline != NULL ? (size_t)(newline + 1 - at) : left};
        struct http_head before = head;
        char *copy = part_copy(line);
        int rc = http_head_line(&head, copy, line.len);
        mem_free(copy);
        at += line.len;
        left -= line.len;
        assert((rc == ERR_TOO_BIG) == (size - left > HTTP_HEAD_BYTES_MAX) &&
               (rc == 0 || rc == ERR_TOO_BIG));
        if (rc == 0) {
            check(&before, &head, line);
        }
    }
    return 0;
}
