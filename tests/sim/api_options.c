/*
 * What a query may say, and how the real one complains of what it may not.
 */
#include "sim/api_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(const char *text, const char *what)
{
    return text != NULL && strcmp(text, what) == 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

bool api_is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool api_has_cache(const struct api_resource *resource)
{
    return strcmp(resource->kind, "Event") != 0;
}

bool api_parse_revision(struct api_call *c, uint64_t *revision)
{
    const char *text = c->path.query.resource_version;
    char *end;
    *revision = 0;
    if (!api_is_given(text)) {
        return true;
    }
    errno = 0;
    *revision = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0) {
        return true;
    }
    char message[320];
    bool by_storage = !api_query_bool(c->path.query.watch) &&
                      (api_is_given(c->path.query.limit) || !api_has_cache(c->path.resource));
    snprintf(
        message, sizeof message,
        "%sresourceVersion: Invalid value: \"%.80s\": strconv.ParseUint: parsing \"%.80s\": %s",
        by_storage ? "invalid resource version: " : "", text, text,
        errno == ERANGE ? "value out of range" : "invalid syntax");
    if (by_storage) {
        api_answer_bad_request(c->answer, "%s", message);
    } else {
        api_answer_status(c->answer, &(struct api_status){.code = 500, .message = message});
    }
    return false;
}

bool api_parse_int(struct api_call *c, const char *text, int64_t *value)
{
    char *end;
    *value = 0;
    if (!api_is_given(text)) {
        return true;
    }
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (*end == '\0' && text[0] != ' ' && errno == 0) {
        return true;
    }
    api_answer_bad_request(c->answer, "strconv.ParseInt: parsing \"%.80s\": %s", text,
                           errno == ERANGE ? "value out of range" : "invalid syntax");
    return false;
}

bool api_parse_dry_run(struct api_call *c, const char *options, bool *dry_run)
{
    const char *value = c->path.query.dry_run;
    *dry_run = value != NULL && strcmp(value, "All") == 0;
    if (!api_is_given(value) || *dry_run) {
        return true;
    }
    char message[256];
    snprintf(message, sizeof message,
             "Unsupported value: []string{\"%.80s\"}: supported values: \"All\"", value);
    const struct api_cause cause = {"FieldValueNotSupported", message, "dryRun"};
    api_answer_bad_options(c->answer, options, &cause, 1);
    return false;
}

bool api_parse_selector(struct api_call *c, struct api_selector **selector)
{
    static const char UNKNOWN[] = "field label not supported: ";
    const struct api_query *q = &c->path.query;
    const char *group = c->path.resource->group;
    struct api_refusal refusal = {0};
    if (api_selector_parse(q->label_selector, q->field_selector, selector, &refusal) == 0) {
        return true;
    }
    /* kinds without fields of their own say it in other words */
    bool has_no_own = is(group, "apps") || is(group, "coordination.k8s.io");
    if (has_no_own && strncmp(refusal.message, UNKNOWN, strlen(UNKNOWN)) == 0) {
        api_answer_bad_request(c->answer,
                               "\"%s\" is not a known field selector: only \"metadata.name\", "
                               "\"metadata.namespace\"",
                               refusal.message + strlen(UNKNOWN));
    } else {
        api_answer_refusal(c->answer, &refusal);
    }
    return false;
}

/* ---- lists and watches ----------------------------------------------------------------------- */

static const char REASON_FORBIDDEN[] = "FieldValueForbidden";
static const char REASON_NOT_SUPPORTED[] = "FieldValueNotSupported";
static const char FIELD_MATCH[] = "resourceVersionMatch";

enum { CAUSES_MAX = 4 };

struct causes {
    struct api_cause list[CAUSES_MAX];
    size_t count;
};

static void add(struct causes *all, const char *reason, const char *message, const char *field)
{
    all->list[all->count++] = (struct api_cause){reason, message, field};
}

static void check_list(struct causes *all, const struct api_query *q, const char *unsupported)
{
    const char *match = q->resource_version_match;
    if (!api_is_given(match)) {
        return;
    }
    if (!api_is_given(q->resource_version)) {
        add(all, REASON_FORBIDDEN,
            "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            FIELD_MATCH);
    }
    if (api_is_given(q->continue_token)) {
        add(all, REASON_FORBIDDEN,
            "Forbidden: resourceVersionMatch is forbidden when continue is provided", FIELD_MATCH);
    }
    if (!is(match, "Exact") && !is(match, "NotOlderThan")) {
        add(all, REASON_NOT_SUPPORTED, unsupported, FIELD_MATCH);
    }
    if (is(match, "Exact") && is(q->resource_version, "0")) {
        add(all, REASON_FORBIDDEN,
            "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            FIELD_MATCH);
    }
}

/* Since sendInitialEvents is known. */
static void check_watch(struct causes *all, const struct api_query *q, const char *unsupported)
{
    const char *match = q->resource_version_match;
    bool has_match = api_is_given(match);
    if (q->send_initial_events != NULL && !is(match, "NotOlderThan")) {
        add(all, REASON_FORBIDDEN,
            "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            FIELD_MATCH);
    }
    if (has_match && q->send_initial_events == NULL) {
        add(all, REASON_FORBIDDEN,
            "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
            "provided",
            FIELD_MATCH);
    }
    if (has_match && !is(match, "NotOlderThan")) {
        add(all, REASON_NOT_SUPPORTED, unsupported, FIELD_MATCH);
    }
}

bool api_check_list_options(struct api_call *c)
{
    const struct api_query *q = &c->path.query;
    bool is_watch = api_query_bool(q->watch);
    const char *match = q->resource_version_match != NULL ? q->resource_version_match : "";
    char unsupported[256];
    snprintf(unsupported, sizeof unsupported, "Unsupported value: \"%.80s\": supported values: %s",
             match,
             is_watch && c->api->options.watch_list ? "\"NotOlderThan\""
                                                    : "\"Exact\", \"NotOlderThan\", \"\"");
    struct causes all = {.count = 0};
    if (is_watch && c->api->options.watch_list) {
        check_watch(&all, q, unsupported);
    } else {
        if (is_watch && match[0] != '\0') {
            add(&all, REASON_FORBIDDEN, "Forbidden: resourceVersionMatch is forbidden for watch",
                FIELD_MATCH);
        }
        check_list(&all, q, unsupported);
    }
    if (all.count > 0) {
        api_answer_bad_options(c->answer, "ListOptions", all.list, all.count);
    }
    return all.count == 0;
}
