/*
 * A scripted HTTP server on loopback, in threads of the test: speaks HTTP/1.1 or HTTP/2, in the
 * clear or with TLS, and does as badly as its script says. The nth request of all gets the nth
 * reply; further ones hang. Or a function decides on the reply.
 */
#pragma once
#include "lib/net_pki.h"

#include <stdbool.h>
#include <stddef.h>

enum net_then {
    NET_END,          /* the answer is complete */
    NET_HANG,         /* nothing more comes on this stream */
    NET_CLOSE,        /* the connection is closed at once */
    NET_RESET,        /* HTTP/2: RST_STREAM with INTERNAL_ERROR */
    NET_REFUSE,       /* HTTP/2: RST_STREAM with REFUSED_STREAM */
    NET_GOAWAY,       /* HTTP/2: complete, then GOAWAY; streams in flight go on */
    NET_GOAWAY_CLOSE, /* HTTP/2: GOAWAY that disowns this stream, then close */
};

struct net_reply {
    int status;          /* 0: no head at all */
    const char *headers; /* "name: value\r\n…", names in lower case; or NULL */
    const char *body;    /* or NULL */
    enum net_then then;
    size_t claimed_len; /* HTTP/1.1: content-length that is not the body's; 0: the true one */
    size_t cut;      /* only so many bytes of the answer go out, then the connection ends; 0: all */
    bool reset;      /* … by RST */
    const char *raw; /* HTTP/1.1: sent as it is before all else, e.g. "HTTP/1.1 103 …\r\n\r\n" */
};

/** What @request (HTTP/1.1: head and body) is answered. Called in the server's threads, one at a
 * time; the reply's texts live as long as the server. */
typedef struct net_reply net_answer_fn(void *ctx, const char *request);

struct net_server_options {
    bool http2;
    const struct net_cert *cert;      /* NULL: no TLS */
    const struct net_cert *client_ca; /* ask for a client certificate of this authority */
    const struct net_reply *replies;  /* borrowed for the server's life */
    size_t reply_count;
    net_answer_fn *answer; /* or NULL: the replies above, in their order */
    void *ctx;
};

struct net_server;

struct net_server *net_server_new(const struct net_server_options *options);

/** Ends all connections and joins all threads. */
void net_server_free(struct net_server *s);

unsigned net_server_port(const struct net_server *s);
unsigned net_server_connections(struct net_server *s);
unsigned net_server_requests(struct net_server *s);

/** Without TLS: connections that the client ended by RST. */
unsigned net_server_resets(struct net_server *s);

/** HTTP/1.1: head and body of request @n (from 0), "" when it has not come. Lives as long as @s. */
const char *net_server_request(struct net_server *s, unsigned n);

/** Common name of the last client certificate; "" when none came. */
const char *net_server_client(struct net_server *s);
