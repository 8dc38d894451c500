#include "shell/vet.h"

#include "base/mem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>

static void bio_fini(BIO **bio)
{
    BIO_free(*bio);
    ERR_clear_error(); /* libcurl would report what we left on OpenSSL's error stack as its own */
}

static void certificate_fini(X509 **certificate)
{
    X509_free(*certificate);
}

static void key_fini(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static BIO *reader(const char *pem, size_t len)
{
    return len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
}

/* OpenSSL would ask the terminal. */
static int no_password(char *to, int size, int writing, void *ctx)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

/* The next certificate, or NULL with *ended telling a clean end from a broken block. */
static X509 *read_certificate(BIO *from, bool *ended)
{
    X509 *certificate = PEM_read_bio_X509(from, NULL, no_password, NULL);
    *ended = certificate == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    return certificate;
}

int vet_ca(const char *pem, size_t len, struct error *err)
{
    CLEANUP(bio_fini) BIO *from = reader(pem, len);
    bool ended = false;
    int count = 0;
    while (from != NULL && !ended) {
        CLEANUP(certificate_fini) X509 *certificate = read_certificate(from, &ended);
        if (certificate == NULL && !ended) {
            return error_set(err, ERR_INVALID, "certificate %d cannot be parsed", count + 1);
        }
        count += certificate != NULL;
    }
    return count > 0 ? 0 : error_set(err, ERR_INVALID, "no PEM certificate in it");
}

int vet_pair(const char *cert, size_t cert_len, const char *key, size_t key_len, struct error *err)
{
    CLEANUP(bio_fini) BIO *from_cert = reader(cert, cert_len);
    CLEANUP(bio_fini) BIO *from_key = reader(key, key_len);
    bool ended;
    CLEANUP(certificate_fini)
    X509 *certificate = from_cert != NULL ? read_certificate(from_cert, &ended) : NULL;
    if (certificate == NULL) {
        return error_set(err, ERR_INVALID, "no PEM certificate in the client certificate");
    }
    CLEANUP(key_fini)
    EVP_PKEY *private_key =
        from_key != NULL ? PEM_read_bio_PrivateKey(from_key, NULL, no_password, NULL) : NULL;
    if (private_key == NULL) {
        return error_set(err, ERR_INVALID,
                         "no PEM private key without a password in the client key");
    }
    if (X509_check_private_key(certificate, private_key) != 1) {
        return error_set(err, ERR_INVALID,
                         "client certificate and client key do not belong together");
    }
    return 0;
}

int vet_token(const char *token, struct error *err)
{
    if (token[0] == '\0') {
        return error_set(err, ERR_INVALID, "the token is empty");
    }
    for (const char *c = token; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return error_set(err, ERR_INVALID, "the token has a space or control character in it");
        }
    }
    return 0;
}
