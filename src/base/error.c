#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const char ELLIPSIS[] = "…";

/* The message was cut at the end of @text: make room for the ellipsis, never inside a character. */
static void end_with_ellipsis(char text[ERROR_MESSAGE_BYTES])
{
    const size_t last = ERROR_MESSAGE_BYTES - sizeof ELLIPSIS;
    size_t end = last;
    while (end > last - 3 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    memcpy(text + end, ELLIPSIS, sizeof ELLIPSIS);
}

int error_set(struct error *err, int code, const char *format, ...)
{
    if (err == NULL) {
        return code;
    }
    /* The arguments may point into *err, so the text is made aside. */
    char text[ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (wanted >= (int)sizeof text) {
        end_with_ellipsis(text);
    }
    *err = ERROR_INIT;
    err->code = code;
    strcpy(err->message, text);
    return code;
}

int error_wrap(struct error *err, const char *format, ...)
{
    if (err == NULL) {
        return ERR_INVALID;
    }
    char text[ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (wanted >= (int)sizeof text) {
        end_with_ellipsis(text);
    } else if (wanted >= 0) {
        size_t used = (size_t)wanted;
        int rest = snprintf(text + used, sizeof text - used, ": %s", err->message);
        if (rest >= (int)(sizeof text - used)) {
            end_with_ellipsis(text);
        }
    }
    strcpy(err->message, text);
    return err->code;
}

const char *error_code_name(int code)
{
    switch ((enum error_code)code) {
    case ERR_NONE:
        return "none";
    case ERR_INVALID:
        return "invalid";
    case ERR_PARSE:
        return "parse";
    case ERR_TOO_BIG:
        return "too-big";
    case ERR_TRANSPORT:
        return "transport";
    case ERR_CANCELLED:
        return "cancelled";
    case ERR_BAD_REQUEST:
        return "bad-request";
    case ERR_UNAUTHORIZED:
        return "unauthorized";
    case ERR_FORBIDDEN:
        return "forbidden";
    case ERR_NOT_FOUND:
        return "not-found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_EXISTS:
        return "exists";
    case ERR_GONE:
        return "gone";
    case ERR_RV_TOO_LARGE:
        return "rv-too-large";
    case ERR_TOO_MANY:
        return "too-many";
    case ERR_SERVER:
        return "server";
    }
    return "unknown";
}
