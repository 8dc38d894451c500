/*
 * URLs of a configuration: the API server (first part), a proxy (second), tls-server-name (third).
 * What url.h lets through, libcurl either takes as we mean it or refuses with words.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/url.h"
#include "shell/endpoint.h"

#include <stdlib.h>
#include <string.h>

static void check_endpoint(const struct client_config *config)
{
    struct endpoint e, again;
    struct error err = ERROR_INIT;
    if (endpoint_init(&e, config, &err) != 0) {
        assert(err.code == ERR_INVALID && is_printable(err.message));
        return;
    }
    struct client_config made = {.server = e.url};
    assert(url_is_secure(e.url) == url_is_secure(config->server));
    assert(e.url[strlen(e.url) - 1] != '/' && strrchr(e.peer, ':') != NULL);
    assert((e.connect_to != NULL) == (config->tls_server_name != NULL && url_is_secure(e.url)));
    if (config->tls_server_name == NULL && strlen(e.url) < 2000) { /* far from the limit */
        assert(url_is_server(e.url));
        assert(endpoint_init(&again, &made, &err) == 0 && strcmp(again.url, e.url) == 0);
        endpoint_fini(&again);
    }
    if (config->proxy_url != NULL) {
        assert(strncmp(e.proxy, "socks5h://", 10) == 0 || strncasecmp(e.proxy, "http://", 7) == 0 ||
               strncasecmp(e.proxy, "https://", 8) == 0);
    }
    endpoint_fini(&e);
}

/* scheme://host[:port][/path], of harmless characters */
static void check_server(const char *url)
{
    const char *authority = strstr(url, "://") + 3;
    size_t len = strcspn(authority, "/");
    const char *port = authority + strcspn(authority, "]") < authority + len
                           ? authority + strcspn(authority, "]") + 1
                           : authority + strcspn(authority, ":/");
    assert(is_printable(url) && strpbrk(url, "?# \"<>\\^`{|}") == NULL);
    assert(memchr(authority, '@', len) == NULL && len > 0);
    if (port < authority + len) {
        size_t digits = strspn(port + 1, "0123456789");
        assert(*port == ':' && digits > 0 && port + 1 + digits == authority + len);
        assert(strtoul(port + 1, NULL, 10) >= 1 && strtoul(port + 1, NULL, 10) <= 65535);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct part server, proxy, name;
    input_next(&in, &server);
    input_next(&in, &proxy);
    struct client_config config = {.server = part_text(server), .proxy_url = part_text(proxy)};
    if (input_next(&in, &name) && name.len > 0) {
        config.tls_server_name = part_text(name);
    }
    bool good_proxy = url_is_proxy(config.proxy_url);
    assert(is_printable(config.proxy_url) || !good_proxy);
    if (!good_proxy) {
        mem_free(config.proxy_url);
        config.proxy_url = NULL;
    }
    if (url_is_server(config.server)) {
        char *bare = url_dup_without_slash(config.server);
        assert(url_is_server(bare) && bare[strlen(bare) - 1] != '/');
        check_server(config.server);
        mem_free(config.server);
        config.server = bare;
        check_endpoint(&config);
    }
    mem_free(config.server);
    mem_free(config.proxy_url);
    mem_free(config.tls_server_name);
    return 0;
}
