#include "lib/testing.h"

#include "base/mem.h"
#include "kube/url.h"

static void test_servers(void **state)
{
    (void)state;
    static const char *const good[] = {
        "https://example.com",
        "https://example.com/",
        "HTTPS://Example.com:6443",
        "http://127.0.0.1:8080",
        "https://[::1]:6443",
        "https://[fd00::1]",
        "https://h/k8s/clusters/c-a1",
        "https://h:65535/a%20b/c@d:e",
        "https://a_b.c-d.",
        "https://h:1",
    };
    static const char *const bad[] = {
        "",
        "example.com",
        "example.com:6443",
        "ftp://example.com",
        "unix:///run/x",
        "https:/example.com",
        "https://",
        "https:///path",
        "https://:6443",
        "https://h:",
        "https://h:0",
        "https://h:65536",
        "https://h:4294967297", /* 1 in 32 bits */
        "https://h:99999999999",
        "https://h:64x",
        "https://h:-1",
        "https://user@h",
        "https://user:pw@h:1",
        "https://h?x=1",
        "https://h/p?x=1",
        "https://h#f",
        "https://h/p#f",
        "https://h h",
        "https://h/a b",
        "https://h/\r\nX: y",
        "https://h\n",
        " https://h",
        "https://h\\@evil",
        "https://[::1",
        "https://[]",
        "https://[g::]",
        "https://[::1]x",
        "https://h\xc3\xa4",
        "https://h/\xc3\xa4",
        "https://h/\x7f",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!url_is_server(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (url_is_server(bad[i])) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void test_proxies(void **state)
{
    (void)state;
    static const char *const good[] = {
        "http://proxy",           "https://proxy:3128/",      "socks5://127.0.0.1:1080",
        "http://user:p@proxy:80", "http://user:p%40@w@proxy", "http://[::1]:3128",
    };
    static const char *const bad[] = {
        "",
        "proxy:3128",
        "ftp://proxy",
        "http://",
        "http://proxy/path",
        "http://proxy:0",
        "http://user@",
        "http://pro xy",
        "http://us\ner:p@proxy",
        "http://proxy?x",
        "socks4://p",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!url_is_proxy(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (url_is_proxy(bad[i])) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void test_scheme_and_trailing_slashes(void **state)
{
    (void)state;
    char *plain = url_dup_without_slash("https://h/p//");
    assert_string_equal(plain, "https://h/p");
    mem_free(plain);
    plain = url_dup_without_slash("https://h");
    assert_string_equal(plain, "https://h");
    mem_free(plain);
    assert_true(url_is_secure("HTTPS://h"));
    assert_false(url_is_secure("http://h"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_proxies),
        cmocka_unit_test(test_scheme_and_trailing_slashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
