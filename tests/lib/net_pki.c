#include "lib/net_pki.h"

#include "base/mem.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static char *text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = mem_strndup(bytes, (size_t)len);
    BIO_free(bio);
    return text;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert(extension != NULL);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static void sign(X509 *cert, EVP_PKEY *own_key, const struct net_cert *issuer)
{
    if (issuer == NULL) {
        X509_set_issuer_name(cert, X509_get_subject_name(cert));
        X509_sign(cert, own_key, EVP_sha256());
        return;
    }
    BIO *cert_bio = BIO_new_mem_buf(issuer->cert, -1);
    BIO *key_bio = BIO_new_mem_buf(issuer->key, -1);
    X509 *ca = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *ca_key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    X509_set_issuer_name(cert, X509_get_subject_name(ca));
    X509_sign(cert, ca_key, EVP_sha256());
    EVP_PKEY_free(ca_key);
    X509_free(ca);
    BIO_free(key_bio);
    BIO_free(cert_bio);
}

struct net_cert net_cert_new(const char *common_name, const char *names,
                             const struct net_cert *issuer)
{
    static long serial = 1;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)common_name, -1, -1, 0);
    if (issuer == NULL) {
        add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    }
    if (names != NULL) {
        add_extension(cert, NID_subject_alt_name, names);
    }
    sign(cert, key, issuer);
    BIO *cert_bio = BIO_new(BIO_s_mem());
    BIO *key_bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(cert_bio, cert);
    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    X509_free(cert);
    EVP_PKEY_free(key);
    return (struct net_cert){.cert = text_of(cert_bio), .key = text_of(key_bio)};
}

void net_cert_fini(struct net_cert *c)
{
    mem_free(c->cert);
    mem_free(c->key);
    *c = (struct net_cert){0};
}
