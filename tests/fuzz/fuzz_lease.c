/*
 * Leader election against a server that answers anything. Each part is the next answer's body; one
 * that begins with "!" and a number is that HTTP status with the rest as body, one of "+" and a
 * number lets so many milliseconds pass, with a request on its way if one is due, "-" gives the
 * lease back. Who leads has just written itself into the record and was confirmed; and never does
 * it lead longer than the record lasts.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/json.h"
#include "kube/lease.h"
#include "kube/status.h"

#include <stdlib.h>
#include <string.h>

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/ns/leases"

struct election {
    struct lease lease;
    struct random random;
    struct now now;
    bool asked;
    enum http_method method; /* of the request that waits for its answer */
    uint64_t asked_ms;
};

static void check_record(const struct election *e, const struct request *r)
{
    yyjson_doc *doc = yyjson_read(r->body, r->body_len, 0);
    assert(doc != NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *rv = yyjson_get_str(json_at(root, "metadata", "resourceVersion", NULL));
    const char *holder = yyjson_get_str(json_at(root, "spec", "holderIdentity", NULL));
    bool releasing = e->lease.state == LEASE_RELEASING;
    assert(strcmp(holder, releasing ? "" : "me") == 0);
    assert((rv != NULL) == (r->method == HTTP_PUT)); /* never over a record that was not read */
    yyjson_doc_free(doc);
}

static void check_request(const struct election *e, const struct request *r)
{
    assert(r->timeout_ms > 0 && r->timeout_ms <= LEASE_REQUEST_MS);
    assert(strcmp(r->path, r->method == HTTP_POST ? LEASES : LEASES "/lock") == 0);
    assert((r->body == NULL) == (r->method == HTTP_GET));
    if (r->body != NULL) {
        check_record(e, r);
    }
}

/* If a request is due. */
static void ask_now(struct election *e)
{
    struct request request;
    if (!e->asked && lease_want(&e->lease, e->now, &request)) {
        check_request(e, &request);
        e->asked = true;
        e->method = request.method;
        e->asked_ms = e->now.mono_ms;
        request_fini(&request);
    }
}

/* Let it ask, at its own time. */
static void ask(struct election *e)
{
    ask_now(e);
    for (int i = 0; i < 2 && !e->asked; i++) {
        uint64_t at_ms = lease_deadline(&e->lease);
        assert(at_ms > e->now.mono_ms); /* or the loop would spin */
        e->now.mono_ms = at_ms != UINT64_MAX ? at_ms : e->now.mono_ms;
        ask_now(e);
    }
}

static void answer(struct election *e, struct part body, int http_status)
{
    struct error err = ERROR_INIT;
    char *copy = part_copy(body);
    bool led = lease_step(&e->lease, e->now);
    if (http_status / 100 != 2) {
        status_to_error(http_status, -1, copy, body.len, &err);
    }
    lease_answer(&e->lease, e->now, copy, body.len, err.code != 0 ? &err : NULL);
    e->asked = false;
    if (lease_step(&e->lease, e->now) && !led) {
        assert(e->method != HTTP_GET && err.code == 0 && e->lease.owner == LEASE_OURS);
        assert(e->lease.renewed_ms == e->asked_ms);
    }
    mem_free(copy);
}

static void check_state(struct election *e)
{
    enum lease_state before = e->lease.state;
    bool leading = lease_step(&e->lease, e->now);
    assert(leading == (e->lease.state == LEASE_LEADING));
    assert(before != LEASE_LOST || e->lease.state == LEASE_LOST);
    assert(!leading || e->now.mono_ms < e->lease.renewed_ms + LEASE_RENEW_DEADLINE_MS);
    assert(!leading || lease_write_deadline(&e->lease) < e->lease.renewed_ms + LEASE_DURATION_MS);
    assert(lease_holder(&e->lease) != NULL);
    assert(e->lease.duration_ms <= (uint64_t)INT32_MAX * 1000);
}

static void take_part(struct election *e, struct part p)
{
    char *text = part_text(p);
    if (p.len > 0 && p.bytes[0] == '+') {
        ask_now(e);
        e->now.mono_ms += strtoul(text + 1, NULL, 10) % 100000;
    } else if (p.len > 0 && p.bytes[0] == '-') {
        lease_release(&e->lease, e->now);
    } else {
        ask(e);
        char *body = text + 1;
        int status =
            p.len > 0 && p.bytes[0] == '!' ? (int)(strtoul(text + 1, &body, 10) % 600) : 200;
        size_t cut = status != 200 ? (size_t)(body - text) : 0;
        if (e->asked) {
            answer(e, (struct part){p.bytes + cut, p.len - cut}, status);
        }
    }
    mem_free(text);
    check_state(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct election e = {.now = {.mono_ms = 1000000, .wall_us = 1767225600000000}};
    struct input in = input_of(data, size);
    struct part p;
    random_init(&e.random, 1);
    lease_init(&e.lease, "ns", "lock", "me", &e.random);
    while (input_next(&in, &p)) {
        take_part(&e, p);
    }
    lease_fini(&e.lease);
    return 0;
}
