/*
 * One HTTP exchange after the other on a libcurl handle that is kept, because making one costs more
 * than a request. This is what libcurl calls on headers and bodies; when an exchange begins and
 * ends is the transport's affair.
 */
#pragma once
#include "kube/http.h"
#include "shell/endpoint.h"
#include "shell/http_head.h"
#include "shell/identity.h"

enum {
    EXCHANGE_CONNECT_MS = 10 * 1000,
    EXCHANGE_SILENCE_MS = 30 * 1000, /* so long sent bytes may go without an acknowledgement */
};

typedef void exchange_event_fn(void *ctx, const struct event *event);

/** What all exchanges with one server have in common. */
struct exchange_site {
    struct endpoint endpoint;
    struct curl_slist *connect_to; /* endpoint.connect_to as libcurl wants it; NULL without */
    char *user_agent;
    bool insecure; /* certificates are not verified */
    exchange_event_fn *fn;
    void *ctx;
    uint64_t heard_ms; /* when the server last said anything */
};

enum exchange_state {
    EXCHANGE_WAITING, /* to be begun */
    EXCHANGE_RUNNING, /* libcurl has it */
    EXCHANGE_OVER,    /* to be ended */
};

struct exchange {
    struct exchange *prev, *next; /* the transport's */
    struct exchange_site *site;
    CURL *easy;
    struct identity *identity; /* whose TLS options the handle has; NULL: none yet */
    /* of the current exchange */
    enum exchange_state state;
    bool silenced;   /* cancelled: no more events */
    bool distrusted; /* TLS failed: the server, its authority or our certificate is another now */
    uint64_t id;
    const struct request *request;
    uint64_t began_ms;
    struct http_head head; /* complete: EVENT_HEAD was delivered */
    struct error failure;  /* code ERR_NONE: none so far */
    char reason[CURL_ERROR_SIZE];
};

/** @site outlives it. */
struct exchange *exchange_new(struct exchange_site *site);
void exchange_free(struct exchange *x);

/** A new exchange on an idle handle; @request is borrowed up to its end. */
void exchange_reset(struct exchange *x, uint64_t id, const struct request *request,
                    uint64_t now_ms);

/** Set the handle up for its request; @url is copied, a reference of @identity taken. */
void exchange_prepare(struct exchange *x, struct identity *identity, const char *url);

/** Pass an event on, with the id filled in, unless silenced. */
void exchange_deliver(const struct exchange *x, struct event event);

/** Remember why it failed, unless a reason is known already. The message begins with the server. */
void exchange_fail(struct exchange *x, int code, const char *text);

/** libcurl is done with it: turn @code into x->failure, with words for people. */
void exchange_conclude(struct exchange *x, CURLcode code);

/** mono_ms by which it must have ended. */
uint64_t exchange_deadline(const struct exchange *x);
