/*
 * What a request's path and query address, percent-decoded. For api.c and its parts.
 */
#pragma once
#include "sim/api_object.h"

#include <stdbool.h>
#include <stdint.h>

/** The parameters that the model knows; each decoded, NULL when absent. */
struct api_query {
    const char *watch, *allow_watch_bookmarks, *send_initial_events;
    const char *label_selector, *field_selector;
    const char *resource_version, *resource_version_match;
    const char *limit, *continue_token, *timeout_seconds;
    const char *field_manager, *force, *dry_run;
    const char *propagation_policy, *grace_period_seconds;
};

enum api_path_kind {
    API_PATH_RESOURCE,
    API_PATH_NO_RESOURCE, /* of a group that is built in: 404 with a Status */
    API_PATH_UNKNOWN,     /* "404 page not found" */
    API_PATH_DISCOVERY,   /* "/apis/apps/v1": what there is of it */
};

struct api_path {
    enum api_path_kind kind;
    const char *group, *version; /* "" for the core's; NULL where no such path begins */
    const struct api_resource *resource;
    const char *ns;                 /* "" for all namespaces, or where there are none */
    const char *name, *subresource; /* NULL without */
    struct api_query query;
    char *memory; /* all of these texts */
};

/** Take @path apart; api_path_fini() whatever the outcome. */
void api_path_parse(struct api_path *p, const char *path);
void api_path_fini(struct api_path *p);

/** As the API reads booleans: given, and neither "false" nor "0". */
bool api_query_bool(const char *value);
