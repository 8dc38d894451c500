/*
 * The head of an answer, line by line: what counts, what does not, and the limit. (test_transport
 * sees the same through libcurl.)
 */
#include "lib/testing.h"

#include "base/error.h"
#include "base/mem.h"
#include "shell/http_head.h"

#include <string.h>

/* @text with its lines fed one by one. */
static struct http_head head_of(const char *text)
{
    struct http_head head = HTTP_HEAD_INIT;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        len += text[len] == '\n';
        assert_int_equal(http_head_line(&head, text, len), 0);
        text += len;
    }
    return head;
}

static void status_and_retry_after_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool complete;
        int status;
        int64_t retry_after_ms;
    } rows[] = {
        {"HTTP/2 200 \r\ndate: x\r\n\r\n", true, 200, -1},
        {"HTTP/1.1 429 Too Many\r\nReTrY-aFtEr:\t7 \r\n\r\n", true, 429, 7000},
        {"HTTP/2 503\nretry-after: 99999999999999999999\n\n", true, 503, 86400000},
        {"HTTP/2 503\nretry-after: 1.5\n\n", true, 503, -1},
        {"HTTP/2 503\nretry-after:\n\n", true, 503, -1},
        {"HTTP/2 503\nretry-after: Fri, 31 Dec 1999 23:59:59 GMT\n\n", true, 503, -1},
        {"HTTP/2 200", false, 200, -1},
        {"HTTP/2 200 \r\na\n", false, 200, -1},
        {"HTTP/2 2000 \n\n", true, 200, -1},
        {"HTTP/2\n\n", false, 0, -1},
        {"HTTP/2 x\n\n", false, 0, -1},
        /* informational answers before, trailers behind */
        {"HTTP/2 103\nretry-after: 5\n\n", false, 103, 5000},
        {"HTTP/2 103\nretry-after: 5\n\nHTTP/2 200\n\n", true, 200, -1},
        {"HTTP/2 200\n\nretry-after: 5\nHTTP/2 500\n", true, 200, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_head head = head_of(rows[i].text);
        assert_int_equal(head.complete, rows[i].complete);
        assert_int_equal(head.status, rows[i].status);
        assert_int_equal(head.retry_after_ms, rows[i].retry_after_ms);
    }
}

static void all_lines_together_have_a_limit(void **state)
{
    (void)state;
    static char line[HTTP_HEAD_BYTES_MAX / 4];
    struct http_head head = HTTP_HEAD_INIT;
    memset(line, 'a', sizeof line);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(http_head_line(&head, line, sizeof line), 0);
    }
    assert_int_equal(http_head_line(&head, "\n", 1), ERR_TOO_BIG);
    assert_false(head.complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_and_retry_after_are_read),
        cmocka_unit_test(all_lines_together_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
