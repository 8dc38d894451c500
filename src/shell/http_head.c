#include "shell/http_head.h"

#include "base/error.h"

#include <string.h>
#include <strings.h>

/* Retry-After as integer seconds; the form with a date is not used by Kubernetes. */
static int64_t parse_retry_after(const char *value, size_t len)
{
    int64_t seconds = -1;
    size_t i = 0;
    while (i < len && (value[i] == ' ' || value[i] == '\t')) {
        i++;
    }
    for (; i < len && value[i] >= '0' && value[i] <= '9'; i++) {
        seconds = (seconds < 0 ? 0 : seconds * 10) + (value[i] - '0');
        seconds = seconds < HTTP_RETRY_AFTER_S_MAX ? seconds : HTTP_RETRY_AFTER_S_MAX;
    }
    while (i < len && strchr(" \t\r\n", value[i]) != NULL) {
        i++;
    }
    return i == len && seconds >= 0 ? seconds * 1000 : -1;
}

/* "HTTP/2 200 OK": the three digits, or 0. */
static int parse_status(const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    size_t rest = space != NULL ? len - (size_t)(space - line) : 0;
    int status = 0;
    for (size_t i = 1; i < rest && i <= 3 && space[i] >= '0' && space[i] <= '9'; i++) {
        status = status * 10 + (space[i] - '0');
    }
    return status;
}

static bool is_empty(const char *line, size_t len)
{
    return (len == 1 && line[0] == '\n') || (len == 2 && line[0] == '\r' && line[1] == '\n');
}

int http_head_line(struct http_head *h, const char *line, size_t len)
{
    static const char retry_after[] = "retry-after:";
    const size_t name_len = sizeof(retry_after) - 1;
    h->bytes += len;
    if (h->bytes > HTTP_HEAD_BYTES_MAX) {
        return ERR_TOO_BIG;
    }
    if (h->complete) {
        return 0;
    }
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        h->status = parse_status(line, len);
        h->retry_after_ms = -1;
    } else if (len > name_len && strncasecmp(line, retry_after, name_len) == 0) {
        h->retry_after_ms = parse_retry_after(line + name_len, len - name_len);
    } else if (is_empty(line, len) && h->status >= 200) {
        h->complete = true;
    }
    return 0;
}
