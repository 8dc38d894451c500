#include "shell/endpoint.h"

#include "base/buf.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

enum { URL_BYTES_MAX = 8 << 10 };

struct url_parts {
    char *scheme, *host, *port, *path; /* libcurl's; host of IPv6 in brackets; port may be NULL */
};

static void url_parts_fini(struct url_parts *p)
{
    curl_free(p->scheme);
    curl_free(p->host);
    curl_free(p->port);
    curl_free(p->path);
}

static void url_fini(CURLU **url)
{
    curl_url_cleanup(*url);
}

static int parse(const char *text, unsigned flags, struct url_parts *out, struct error *err)
{
    CLEANUP(url_fini) CURLU *url = curl_url();
    if (url == NULL) {
        mem_out_of_memory(0);
    }
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, flags | CURLU_PATH_AS_IS);
    if (code != CURLUE_OK) {
        return error_set(err, ERR_INVALID, "%s", curl_url_strerror(code));
    }
    char *user = NULL, *query = NULL;
    bool more = curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK ||
                curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK;
    curl_free(user);
    curl_free(query);
    if (more && flags == 0) {
        return error_set(err, ERR_INVALID, "neither user nor query may be in it");
    }
    curl_url_get(url, CURLUPART_SCHEME, &out->scheme, 0);
    curl_url_get(url, CURLUPART_HOST, &out->host, 0);
    curl_url_get(url, CURLUPART_PORT, &out->port, 0);
    curl_url_get(url, CURLUPART_PATH, &out->path, 0);
    return out->scheme != NULL && out->host != NULL
               ? 0
               : error_set(err, ERR_INVALID, "scheme or host is missing");
}

static char *join(const char *const *parts, size_t count)
{
    struct buf text;
    buf_init(&text, URL_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_append_text(&text, parts[i]);
    }
    return buf_take(&text);
}

#define JOIN(...)                                                                                  \
    join((const char *const[]){__VA_ARGS__}, ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

/* Go looks up names at the SOCKS proxy, and so do we: libcurl calls that socks5h. */
static int resolve_proxy(const char *proxy_url, char **out, struct error *err)
{
    CLEANUP(url_parts_fini) struct url_parts parts = {0};
    if (parse(proxy_url, CURLU_NON_SUPPORT_SCHEME, &parts, err) != 0) {
        return error_wrap(err, "proxy-url");
    }
    if (strcmp(parts.scheme, "socks5") == 0) {
        *out = JOIN("socks5h", proxy_url + strlen("socks5"));
        return 0;
    }
    if (strcmp(parts.scheme, "http") != 0 && strcmp(parts.scheme, "https") != 0 &&
        strcmp(parts.scheme, "socks5h") != 0) {
        return error_set(err, ERR_INVALID, "proxy-url: scheme %s; expected http, https or socks5",
                         parts.scheme);
    }
    *out = mem_strdup(proxy_url);
    return 0;
}

static const char *without_slash(char *path)
{
    size_t len = path != NULL ? strlen(path) : 0;
    while (len > 0 && path[len - 1] == '/') {
        path[--len] = '\0';
    }
    return path != NULL ? path : "";
}

int endpoint_init(struct endpoint *out, const struct client_config *config, struct error *err)
{
    CLEANUP(url_parts_fini) struct url_parts parts = {0};
    if (strlen(config->server) > URL_BYTES_MAX / 2) {
        return error_set(err, ERR_INVALID, "server: the URL is too long");
    }
    if (parse(config->server, 0, &parts, err) != 0) {
        return error_wrap(err, "server"); /* not quoted: it may have a password in it */
    }
    bool tls = strcmp(parts.scheme, "https") == 0;
    if (!tls && strcmp(parts.scheme, "http") != 0) {
        return error_set(err, ERR_INVALID, "server: scheme %s; expected https or http",
                         parts.scheme);
    }
    char *proxy = NULL;
    if (config->proxy_url != NULL) {
        if (resolve_proxy(config->proxy_url, &proxy, err) != 0) {
            return err->code;
        }
    } else if (is_loopback(parts.host)) {
        proxy = mem_strdup(""); /* as Go does: a proxy's idea of localhost is another */
    }
    const char *port = parts.port != NULL ? parts.port : tls ? "443" : "80";
    const char *name = tls ? config->tls_server_name : NULL;
    bool bare_v6 = name != NULL && strchr(name, ':') != NULL && name[0] != '[';
    const char *host = name != NULL ? name : parts.host;
    *out = (struct endpoint){
        .url = JOIN(parts.scheme, "://", bare_v6 ? "[" : "", host, bare_v6 ? "]" : "", ":", port,
                    without_slash(parts.path)),
        .authority = parts.port != NULL ? JOIN(parts.host, ":", port) : mem_strdup(parts.host),
        .peer = JOIN(parts.host, ":", port),
        .connect_to = name != NULL ? JOIN("::", parts.host, ":", port) : NULL,
        .proxy = proxy,
    };
    return 0;
}

void endpoint_fini(struct endpoint *e)
{
    mem_free(e->url);
    mem_free(e->authority);
    mem_free(e->peer);
    mem_free(e->connect_to);
    mem_free(e->proxy);
    *e = (struct endpoint){0};
}
