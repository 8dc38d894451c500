#include "kube/url.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

/* A letter, a digit, or one of @more. Not of <ctype.h>, which asks the locale. */
static bool is_alnum_or(char c, const char *more)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(more, c) != NULL);
}

/* Behind "scheme://", or NULL. */
static const char *skip_scheme(const char *url, const char *scheme)
{
    size_t len = strlen(scheme);
    bool match = strncasecmp(url, scheme, len) == 0 && strncmp(url + len, "://", 3) == 0;
    return match ? url + len + 3 : NULL;
}

/* Behind the host, or NULL: a name, an IPv4 address, or an IPv6 address in brackets. */
static const char *skip_host(const char *text)
{
    const char *end = text;
    if (*text == '[') {
        size_t inside = strspn(text + 1, "0123456789abcdefABCDEF:.");
        return inside > 1 && text[1 + inside] == ']' ? text + inside + 2 : NULL;
    }
    while (is_alnum_or(*end, "-._")) {
        end++;
    }
    return end > text ? end : NULL;
}

/* Behind ":port"; where there is none, @text itself; NULL when it is bad. */
static const char *skip_port(const char *text)
{
    unsigned port = 0;
    if (*text != ':') {
        return text;
    }
    size_t digits = strspn(text + 1, "0123456789");
    if (digits == 0 || digits > 5) {
        return NULL;
    }
    for (size_t i = 1; i <= digits; i++) {
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port >= 1 && port <= 65535 ? text + 1 + digits : NULL;
}

/* Nothing, or a path of RFC 3986's characters to the end. */
static bool is_path(const char *text)
{
    if (*text == '\0') {
        return true;
    }
    if (*text != '/') {
        return false;
    }
    while (is_alnum_or(*text, "/-._~%!$&'()*+,;=:@")) {
        text++;
    }
    return *text == '\0';
}

bool url_is_server(const char *url)
{
    const char *rest = skip_scheme(url, "https");
    if (rest == NULL) {
        rest = skip_scheme(url, "http");
    }
    rest = rest != NULL ? skip_host(rest) : NULL;
    rest = rest != NULL ? skip_port(rest) : NULL;
    return rest != NULL && is_path(rest);
}

/* Behind "user:password@"; where there is none, @text itself. */
static const char *skip_user(const char *text)
{
    const char *at = strrchr(text, '@');
    return at != NULL ? at + 1 : text;
}

bool url_is_proxy(const char *url)
{
    static const char *const schemes[] = {"http", "https", "socks5"};
    const char *rest = NULL;
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(schemes) && rest == NULL; i++) {
        rest = skip_scheme(url, schemes[i]);
    }
    rest = rest != NULL ? skip_host(skip_user(rest)) : NULL;
    rest = rest != NULL ? skip_port(rest) : NULL;
    return rest != NULL && (*rest == '\0' || strcmp(rest, "/") == 0);
}

bool url_is_secure(const char *url)
{
    return skip_scheme(url, "https") != NULL;
}

char *url_dup_without_slash(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    return mem_strndup(url, len);
}
