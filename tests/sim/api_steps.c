#include "lib/testing.h"

#include "sim/api_object.h"
#include "sim/api_steps.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS_MAX = 8, TEXT_MAX = 8192 };

struct stored {
    char key[128]; /* "deployments/web" */
    char *json;
    unsigned revision;
};

struct store {
    struct stored objects[OBJECTS_MAX];
    size_t count;
    unsigned revision;
    bool ticks; /* every second write is a second later */
};

struct parsed_request {
    char verb[16], plural[32], name[256], sub[16], manager[32];
};

static const struct api_resource *resource_of(const char *plural)
{
    for (unsigned i = 0; i < api_resource_count; i++) {
        if (strcmp(api_resources[i].plural, plural) == 0) {
            return &api_resources[i];
        }
    }
    fail_msg("no resource %s", plural);
    return NULL;
}

/* "apply! deployments/web/status by op" */
static void parse_request(const char *text, struct parsed_request *r)
{
    char path[320];
    *r = (struct parsed_request){.manager = "kubectl"};
    assert_true(sscanf(text, "%15s %319s by %31s", r->verb, path, r->manager) >= 2);
    sscanf(path, "%31[^/]/%255[^/]/%15s", r->plural, r->name, r->sub);
}

static struct stored *find(struct store *s, const char *plural, const char *name)
{
    char key[sizeof s->objects[0].key];
    snprintf(key, sizeof key, "%s/%.64s", plural, name);
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->objects[i].key, key) == 0) {
            return &s->objects[i];
        }
    }
    assert_true(s->count < OBJECTS_MAX);
    struct stored *o = &s->objects[s->count++];
    *o = (struct stored){0};
    memcpy(o->key, key, sizeof key);
    return o;
}

static void put(struct store *s, struct stored *o, yyjson_mut_doc *doc)
{
    char version[16];
    o->revision = ++s->revision;
    snprintf(version, sizeof version, "%u", o->revision);
    yyjson_mut_val *metadata = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "metadata");
    assert_null(yyjson_mut_obj_get(metadata, "resourceVersion"));
    yyjson_mut_obj_add_strcpy(doc, metadata, "resourceVersion", version);
    free(o->json);
    o->json = yyjson_mut_write(doc, 0, NULL);
    assert_non_null(o->json);
}

/* ' → ", $UID, $RV */
static const char *fill_in(const struct stored *o, const char *text, char out[TEXT_MAX])
{
    size_t len = 0;
    yyjson_doc *doc = o->json == NULL ? NULL : yyjson_read(o->json, strlen(o->json), 0);
    yyjson_val *metadata = yyjson_obj_get(yyjson_doc_get_root(doc), "metadata");
    while (*text != '\0' && len < TEXT_MAX - 64) {
        bool uid = strncmp(text, "$UID", 4) == 0, version = strncmp(text, "$RV", 3) == 0;
        if (uid || version) {
            const char *value =
                yyjson_get_str(yyjson_obj_get(metadata, uid ? "uid" : "resourceVersion"));
            assert_non_null(value);
            len += (size_t)snprintf(out + len, TEXT_MAX - len, "%s", value != NULL ? value : "");
            text += uid ? 4 : 3;
        } else {
            out[len++] = *text == '\'' ? '"' : *text;
            text++;
        }
    }
    out[len] = '\0';
    yyjson_doc_free(doc);
    return out;
}

/* "/spec/replicas 3 | /status -" */
static void expect_values(const struct step *step, const char *json, const char *expected)
{
    char all[TEXT_MAX];
    struct stored none = {0};
    fill_in(&none, expected, all);
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    for (char *save, *part = strtok_r(all, "|", &save); part != NULL;
         part = strtok_r(NULL, "|", &save)) {
        char pointer[512], wanted[TEXT_MAX];
        assert_int_equal(sscanf(part, " %511s %8191[^|]", pointer, wanted), 2);
        for (size_t len = strlen(wanted); len > 0 && wanted[len - 1] == ' '; len--) {
            wanted[len - 1] = '\0';
        }
        yyjson_val *v = yyjson_doc_ptr_get(doc, pointer);
        yyjson_doc *want = yyjson_read(wanted, strlen(wanted), 0);
        if (strcmp(wanted, "-") == 0 ? v != NULL : !yyjson_equals(v, yyjson_doc_get_root(want))) {
            fail_msg("%s %s\n%s is not %s in\n%s", step->request, step->body, pointer, wanted,
                     json);
        }
        yyjson_doc_free(want);
    }
    yyjson_doc_free(doc);
}

static void expect_refusal(const struct step *step, const struct stored *o,
                           const struct api_refusal *refusal)
{
    char got[TEXT_MAX], wanted[TEXT_MAX];
    const char *reason =
        refusal->reason == NULL || refusal->reason[0] == '\0' ? "-" : refusal->reason;
    snprintf(got, sizeof got, "%d %s %s", refusal->code, reason, refusal->message);
    fill_in(o, step->expect, wanted);
    if (strchr(step->expect, '`') == NULL) { /* Go's quotes: such texts are compared as they are */
        for (char *c = got; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
    } else {
        snprintf(wanted, sizeof wanted, "%s", step->expect);
    }
    assert_string_equal(got, wanted);
    if (refusal->details[0] != '\0') {
        yyjson_doc *details = yyjson_read(refusal->details, strlen(refusal->details), 0);
        assert_true(yyjson_is_obj(yyjson_doc_get_root(details)));
        yyjson_doc_free(details);
    }
}

static enum api_verb verb_of(const char *text)
{
    static const char *const VERBS[] = {[API_CREATE] = "create",
                                        [API_UPDATE] = "update",
                                        [API_MERGE_PATCH] = "patch",
                                        [API_APPLY] = "apply",
                                        [API_JSON_PATCH] = "json"};
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        if (strncmp(text, VERBS[i], strlen(VERBS[i])) == 0) {
            return (enum api_verb)i;
        }
    }
    fail_msg("no verb %s", text);
    return API_CREATE;
}

static void take(struct store *s, const struct step *step)
{
    char body[TEXT_MAX], uid[32];
    struct parsed_request r;
    parse_request(step->request, &r);
    struct stored *o = find(s, r.plural, r.name);
    yyjson_doc *live = o->json == NULL ? NULL : yyjson_read(o->json, strlen(o->json), 0);
    fill_in(o, step->body, body);
    yyjson_doc *parsed = yyjson_read(body, strlen(body), 0);
    assert_non_null(parsed);
    snprintf(uid, sizeof uid, "uid-%u", s->revision + 1);
    const struct api_resource *resource = resource_of(r.plural);
    struct api_change_request request = {
        .resource = resource,
        .verb = verb_of(r.verb),
        .subresource = r.sub[0] != '\0' ? r.sub : NULL,
        .ns = resource->namespaced ? "default" : NULL,
        .name = strcmp(r.verb, "create") == 0 ? NULL : r.name,
        .manager = r.manager,
        .force = strcmp(r.verb, "apply!") == 0,
        .now_text =
            s->ticks && s->revision % 2 == 1 ? "2026-01-01T00:00:01Z" : "2026-01-01T00:00:00Z",
        .new_uid = uid,
        .suffix = "xyzzy",
        .body = yyjson_doc_get_root(parsed),
    };
    bool unchanged = false;
    struct api_refusal refusal = {0};
    yyjson_mut_doc *doc =
        api_object_change(&request, yyjson_doc_get_root(live), &unchanged, &refusal);
    if (doc == NULL) {
        expect_refusal(step, o, &refusal);
    } else if (strcmp(step->expect, "same") == 0) {
        assert_true(unchanged);
    } else {
        if (unchanged || step->expect[0] != '2') {
            fail_msg("%s %s: %s", step->request, step->body, unchanged ? "same" : "done");
        }
        put(s, o, doc);
        if (strlen(step->expect) > 3) {
            expect_values(step, o->json, step->expect + 4);
        }
    }
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(parsed);
    yyjson_doc_free(live);
}

void steps_run(const struct step *steps, size_t count, bool ticks)
{
    struct store s = {.revision = 100, .ticks = ticks};
    for (size_t i = 0; i < count; i++) {
        take(&s, &steps[i]);
    }
    for (size_t i = 0; i < s.count; i++) {
        free(s.objects[i].json);
    }
}
