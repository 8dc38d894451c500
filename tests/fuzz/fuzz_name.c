/*
 * Names against Kubernetes' rule, put plainly; paths with any text in them; resourceVersions, an
 * order. Two parts, as two names or versions.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/name.h"

#include <stdlib.h>
#include <string.h>

static const struct kind kind = {
    .group = "apps", .version = "v1", .kind = "Deployment", .plural = "deployments"};

/* A label: alphanumerics, dashes in between. */
static bool is_label(const char *text, size_t len)
{
    static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    bool good =
        len > 0 && memchr(alnum, text[0], 36) != NULL && memchr(alnum, text[len - 1], 36) != NULL;
    for (size_t i = 0; i < len; i++) {
        good = good && (text[i] == '-' || memchr(alnum, text[i], 36) != NULL);
    }
    return good;
}

/* https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names */
static bool is_subdomain(const char *text)
{
    size_t len = strcspn(text, ".");
    if (strlen(text) > 253 || !is_label(text, len)) {
        return false;
    }
    return text[len] == '\0' || is_subdomain(text + len + 1);
}

/* Decode @escaped and compare. */
static void assert_escapes(const char *text, const char *escaped)
{
    for (; *escaped != '\0'; text++) {
        char hex[3] = {escaped[0] == '%' ? escaped[1] : '0', escaped[0] == '%' ? escaped[2] : '0',
                       0};
        assert(*text == (escaped[0] == '%' ? (char)strtoul(hex, NULL, 16) : *escaped));
        assert(strchr("/?#&= \"", *escaped) == NULL && *escaped > ' ' && *escaped <= '~');
        escaped += escaped[0] == '%' ? 3 : 1;
    }
    assert(*text == '\0');
}

static void check_path(const char *ns, const char *name)
{
    static const char base[] = "/apis/apps/v1/namespaces/";
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, 4096);
    int rc = path_append_resource(&path, &kind, ns, name, NULL);
    assert(rc == 0 || path.len == 0);
    if (rc == 0 && ns[0] != '\0') {
        size_t slashes = 0;
        assert(strncmp(path.data, base, sizeof base - 1) == 0);
        for (const char *c = path.data; *c != '\0'; c++) {
            slashes += *c == '/' ? 1 : 0;
        }
        assert(slashes == 7);
        assert_escapes(name, strrchr(path.data, '/') + 1);
    }
    size_t before = path.len;
    rc = path_append_query(&path, "labelSelector", name);
    assert(rc == 0 ? strchr(path.data, '?') != NULL : path.len == before);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct part first, second;
    input_next(&in, &first);
    input_next(&in, &second);
    char *a = part_text(first);
    char *b = part_text(second);
    assert(name_is_valid(a) == is_subdomain(a));
    assert(namespace_is_valid(a) == (is_label(a, strlen(a)) && strlen(a) <= 63));
    check_path(b, a);
    assert(sign(rv_compare(a, b)) == -sign(rv_compare(b, a)));
    assert(rv_compare(a, a) == 0 && rv_compare(a, NULL) >= 0);
    mem_free(a);
    mem_free(b);
    return 0;
}
