#include "lib/testing.h"

#include "base/buf.h"
#include "base/mem.h"
#include "lib/net_pki.h"
#include "shell/vet.h"

#include <openssl/err.h>
#include <string.h>

struct fixture {
    struct net_cert ca, other_ca, client;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.ca = net_cert_new("ca", NULL, NULL);
    f.other_ca = net_cert_new("other", NULL, NULL);
    f.client = net_cert_new("client", NULL, &f.ca);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    net_cert_fini(&f->ca);
    net_cert_fini(&f->other_ca);
    net_cert_fini(&f->client);
    return 0;
}

static int vet_ca_text(const char *pem)
{
    struct error err = ERROR_INIT;
    int code = vet_ca(pem, strlen(pem), &err);
    assert_int_equal(err.code, code);
    assert_int_equal(ERR_peek_error(), 0); /* libcurl would report it as its own */
    return code;
}

static void authorities(void **state)
{
    const struct fixture *f = *state;
    CLEANUP(buf_fini) struct buf both;
    buf_init(&both, 1 << 20);
    buf_printf(&both, "# first\n%s\n# second\n%s", f->ca.cert, f->other_ca.cert);
    assert_int_equal(vet_ca_text(both.data), 0);
    assert_int_equal(vet_ca_text(f->ca.cert), 0);
    assert_int_equal(vet_ca_text(""), ERR_INVALID);
    assert_int_equal(vet_ca_text("hello"), ERR_INVALID);
    assert_int_equal(vet_ca_text(f->ca.key), ERR_INVALID);
}

/* A file that is being written is read at any point of it. */
static void a_cut_authority_is_refused_at_every_byte(void **state)
{
    const struct fixture *f = *state;
    size_t len = strlen(f->ca.cert) - 1; /* the last line break may be missing */
    for (size_t cut = 0; cut < len; cut++) {
        struct error err = ERROR_INIT;
        assert_int_equal(vet_ca(f->ca.cert, cut, &err), ERR_INVALID);
    }
    assert_int_equal(vet_ca(f->ca.cert, len, NULL), 0);
}

static void a_broken_second_authority_is_noticed(void **state)
{
    const struct fixture *f = *state;
    CLEANUP(buf_fini) struct buf both;
    buf_init(&both, 1 << 20);
    buf_printf(&both, "%s%s", f->ca.cert, f->other_ca.cert);
    buf_cut(&both, both.len - 40);
    assert_int_equal(vet_ca_text(both.data), ERR_INVALID);
}

static void pairs(void **state)
{
    const struct fixture *f = *state;
    const struct {
        const char *cert, *key;
        int code;
        const char *message;
    } rows[] = {
        {f->client.cert, f->client.key, 0, ""},
        {f->client.cert, f->ca.key, ERR_INVALID,
         "client certificate and client key do not belong together"},
        {f->client.key, f->client.cert, ERR_INVALID,
         "no PEM certificate in the client certificate"},
        {f->client.cert, "", ERR_INVALID,
         "no PEM private key without a password in the client key"},
        {"", f->client.key, ERR_INVALID, "no PEM certificate in the client certificate"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = ERROR_INIT;
        int code =
            vet_pair(rows[i].cert, strlen(rows[i].cert), rows[i].key, strlen(rows[i].key), &err);
        assert_int_equal(code, rows[i].code);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void tokens(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        int code;
    } rows[] = {
        {"abc.DEF-_~+/=", 0},       {"", ERR_INVALID},     {"a b", ERR_INVALID},
        {"a\r\nX: y", ERR_INVALID}, {"\x7f", ERR_INVALID}, {"\xc3\xa4", ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(vet_token(rows[i].token, &err), rows[i].code);
        assert_true(rows[i].token[0] == '\0' || strstr(err.message, rows[i].token) == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorities),
        cmocka_unit_test(a_cut_authority_is_refused_at_every_byte),
        cmocka_unit_test(a_broken_second_authority_is_noticed),
        cmocka_unit_test(pairs),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
