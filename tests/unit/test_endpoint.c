#include "lib/testing.h"

#include "base/mem.h"
#include "shell/endpoint.h"

#include <string.h>

static const struct row {
    const char *server, *tls_server_name, *proxy_url;
    const char *url, *authority, *peer, *connect_to, *proxy;
} rows[] = {
    {"https://10.0.0.1:6443", NULL, NULL, "https://10.0.0.1:6443", "10.0.0.1:6443", "10.0.0.1:6443",
     NULL, NULL},
    {"https://kube.example.com", NULL, NULL, "https://kube.example.com:443", "kube.example.com",
     "kube.example.com:443", NULL, NULL},
    {"https://kube.example.com/k8s/c%20x/", NULL, NULL, "https://kube.example.com:443/k8s/c%20x",
     "kube.example.com", "kube.example.com:443", NULL, NULL},
    {"https://[fd00::1]:6443", NULL, NULL, "https://[fd00::1]:6443", "[fd00::1]:6443",
     "[fd00::1]:6443", NULL, NULL},
    /* another name to verify: the address moves to connect_to */
    {"https://10.0.0.1:6443/p", "kube.test", NULL, "https://kube.test:6443/p", "10.0.0.1:6443",
     "10.0.0.1:6443", "::10.0.0.1:6443", NULL},
    {"https://[fd00::1]:6443", "fd00::2", NULL, "https://[fd00::2]:6443", "[fd00::1]:6443",
     "[fd00::1]:6443", "::[fd00::1]:6443", NULL},
    {"http://10.0.0.1", "kube.test", NULL, "http://10.0.0.1:80", "10.0.0.1", "10.0.0.1:80", NULL,
     NULL},
    /* no proxy of the environment for ourselves */
    {"http://127.0.0.1:8001", NULL, NULL, "http://127.0.0.1:8001", "127.0.0.1:8001",
     "127.0.0.1:8001", NULL, ""},
    {"https://127.8.9.1:1", NULL, NULL, "https://127.8.9.1:1", "127.8.9.1:1", "127.8.9.1:1", NULL,
     ""},
    {"https://localhost:1", NULL, NULL, "https://localhost:1", "localhost:1", "localhost:1", NULL,
     ""},
    {"https://[::1]:1", NULL, NULL, "https://[::1]:1", "[::1]:1", "[::1]:1", NULL, ""},
    /* but one that was asked for */
    {"https://localhost:1", NULL, "http://proxy:3128", "https://localhost:1", "localhost:1",
     "localhost:1", NULL, "http://proxy:3128"},
    {"https://a:1", NULL, "https://u:p@proxy", "https://a:1", "a:1", "a:1", NULL,
     "https://u:p@proxy"},
    {"https://a:1", NULL, "socks5://proxy:1080", "https://a:1", "a:1", "a:1", NULL,
     "socks5h://proxy:1080"},
};

static void assert_same(const char *actual, const char *expected)
{
    assert_int_equal(actual == NULL, expected == NULL);
    if (expected != NULL) {
        assert_string_equal(actual, expected);
    }
}

static struct client_config config_of(const struct row *row)
{
    return (struct client_config){
        .server = (char *)(uintptr_t)row->server,
        .tls_server_name = (char *)(uintptr_t)row->tls_server_name,
        .proxy_url = (char *)(uintptr_t)row->proxy_url,
    };
}

static void parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct client_config config = config_of(&rows[i]);
        struct endpoint e;
        struct error err = ERROR_INIT;
        assert_int_equal(endpoint_init(&e, &config, &err), 0);
        assert_same(e.url, rows[i].url);
        assert_same(e.authority, rows[i].authority);
        assert_same(e.peer, rows[i].peer);
        assert_same(e.connect_to, rows[i].connect_to);
        assert_same(e.proxy, rows[i].proxy);
        endpoint_fini(&e);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct row bad[] = {
        {.server = ""},
        {.server = "https://"},
        {.server = "https://a:99999"},
        {.server = "https://a b"},
        {.server = "ftp://a"},
        {.server = "https://user:secret@a"},
        {.server = "https://a?x=y"},
        {.server = "https://a", .proxy_url = "gopher://p"},
        {.server = "https://a", .proxy_url = "http://p:x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct client_config config = config_of(&bad[i]);
        struct endpoint e = {0};
        struct error err = ERROR_INIT;
        assert_int_equal(endpoint_init(&e, &config, &err), ERR_INVALID);
        assert_true(err.message[0] != '\0');
        assert_null(strstr(err.message, "secret"));
        assert_null(e.url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
