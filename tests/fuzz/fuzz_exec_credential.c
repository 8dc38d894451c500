/*
 * What a credential plugin says. Taken: a token that fits into a header, or a certificate with its
 * key. Refused: with words that hold nothing of it, and nothing taken.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/exec_credential.h"

#include <string.h>

static bool fits_header(const char *token)
{
    return token[0] != '\0' && token[strspn(token, "!\"#$%&'()*+,-./0123456789:;<=>?@"
                                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                                                   "abcdefghijklmnopqrstuvwxyz{|}~")] == '\0';
}

static void check_taken(const struct exec_credential *c)
{
    assert(c->token != NULL || c->cert != NULL);
    assert(c->token == NULL || fits_header(c->token));
    assert((c->cert == NULL) == (c->key == NULL));
    assert(c->cert == NULL || (c->cert[0] != '\0' && c->key[0] != '\0'));
}

static int run(const char *version, struct part reply)
{
    struct exec_credential c = {0};
    struct error err = ERROR_INIT;
    char *copy = part_copy(reply);
    int rc = exec_credential_parse(version, copy, reply.len, &c, &err);
    mem_free(copy);
    assert(rc == err.code);
    if (rc == 0) {
        check_taken(&c);
    } else {
        assert(rc == ERR_PARSE || rc == ERR_INVALID || rc == ERR_TOO_BIG);
        assert(is_printable(err.message) && strstr(err.message, "the plugin") == err.message);
        assert(c.token == NULL && c.cert == NULL && c.key == NULL);
    }
    exec_credential_fini(&c);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct part reply = {(const char *)data, size};
    int v1 = run("client.authentication.k8s.io/v1", reply);
    int v1beta1 = run("client.authentication.k8s.io/v1beta1", reply);
    assert(v1 != 0 || v1beta1 != 0); /* it has one apiVersion */
    return 0;
}
