/*
 * Certificates made up for a test: authorities, and what they sign. All PEM, owned by the struct.
 */
#pragma once

struct net_cert {
    char *cert, *key; /* PEM, NUL-terminated */
};

/** @names  subjectAltName as OpenSSL writes it ("IP:127.0.0.1,DNS:kube.test"), or NULL.
 * @issuer  who signs; NULL: itself, as an authority. */
struct net_cert net_cert_new(const char *common_name, const char *names,
                             const struct net_cert *issuer);
void net_cert_fini(struct net_cert *c);
