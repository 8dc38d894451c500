/*
 * Sees what becomes of the pairs: a watch on the operator's Deployments.
 */
#pragma once
#include "lib/bare.h"

struct observer;

/** Watch the Deployments m0 … m@count-1 of @ns through @client, whose calls deliver the events. */
struct observer *observer_new(struct bare_client *client, const char *ns, size_t count);
void observer_free(struct observer *o);

/** From now on, Deployments @first … @end - 1 are expected to have @replicas. */
void observer_expect(struct observer *o, size_t first, size_t end, int32_t replicas);

/** How many of them do not have it yet. */
size_t observer_missing(const struct observer *o);

/** How often the server has ended the watch: it does so when a watcher does not keep up. */
size_t observer_restarts(const struct observer *o);

/** When the last of them was seen to have it, by seconds_now(); 0: they had it before. */
double observer_last_seen(const struct observer *o);
