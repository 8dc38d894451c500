/*
 * An API server of the fewest words, for an operator that runs as a process: one Memcached "web" of
 * size 1, and a Deployment "source" of size 2 that claims it. It keeps what is written, and checks
 * that every request is a whole one. HTTP/1.1 with TLS, by lib/net_server.
 */
#pragma once
#include "lib/net_pki.h"

#include <stdbool.h>

struct api;

/** @token  what a request must bear, else it is answered 401. Both are borrowed for its life. */
struct api *api_new(const struct net_cert *cert, const char *token);

/** Ends all connections first. */
void api_free(struct api *a);

unsigned api_port(const struct api *a);

/** All is written that there is to write: the size, the Deployment, the status of that state. */
bool api_in_step(const struct api *a);

/** Requests that nobody should have sent: no JSON, an unknown path or method. */
unsigned api_strange(const struct api *a);

/** Deployments that were created. */
unsigned api_created(const struct api *a);

/** Writes are taken and never answered from now on: of Leases, or of all else. */
enum api_silence { API_LEASES = 1, API_OTHERS = 2 };
void api_fall_silent(struct api *a, unsigned about);

/** Requests that wait for such an answer. */
unsigned api_waiting(const struct api *a);
