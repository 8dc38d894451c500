/*
 * The oracle of spec.sizeFrom must be able to fail, too: what sources call for, what an operator
 * may write, and what must be so in the end. Nobody but the test acts: the process that is there is
 * never heard.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/invariant_sizing.h"
#include "sim/trial.h"
#include "sim/world_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS         "/namespaces/default"
#define MEMCACHED  "/apis/cache.example.com/v1alpha1" NS "/memcacheds"
#define DEPLOYMENT "/apis/apps/v1" NS "/deployments"
#define SET        "/apis/apps/v1" NS "/statefulsets"

enum { STEPS_MAX = 12 };

/* ' stands for ". */
static char *quoted(const char *text)
{
    char *copy = mem_strdup(text);
    for (char *c = copy; (c = strchr(c, '\'')) != NULL;) {
        *c = '"';
    }
    return copy;
}

/* ---- The reference ---- */

#define WEB   "{'kind':'Deployment','name':'web'}"
#define DB    "{'kind':'StatefulSet','name':'db'}"
#define ONE   "'sources':[" WEB "]"
#define TWO   "'sources':[" WEB "," DB "]"
#define FLOAT "{'apiVersion':'x/v1','kind':'Float','name':'a'}"

/* Of what is read in @sources, -1 is missing; the list ends with -2. */
static const struct {
    const char *size_from;
    int64_t sources[3];
    int64_t size, wish;
} wishes[] = {
    {ONE, {3, -2}, 1, 3},
    {ONE, {0, -2}, 1, 0},
    {TWO, {3, 2, -2}, 1, 5},
    {TWO ",'aggregate':'Max'", {3, 2, -2}, 1, 3},
    {ONE ",'ratio':{'per':2}", {5, -2}, 1, 3},
    {ONE ",'ratio':{'per':2,'rounding':'Down'}", {5, -2}, 1, 2},
    {ONE ",'ratio':{'memcached':3,'per':2,'rounding':'Nearest'}", {1, -2}, 1, 2},
    {ONE ",'ratio':{'memcached':1,'per':3,'rounding':'Nearest'}", {4, -2}, 1, 1},
    {ONE ",'ratio':{'memcached':1,'per':3,'rounding':'Nearest'}", {5, -2}, 1, 2},
    {ONE ",'ratio':{'memcached':2147483647}", {INT32_MAX, -2}, 1, INT32_MAX},
    {TWO ",'ratio':{'memcached':2147483647,'per':2147483647}",
     {INT32_MAX, INT32_MAX, -2},
     1,
     INT32_MAX},
    {ONE ",'min':2,'max':4", {0, -2}, 1, 2},
    {ONE ",'min':2,'max':4", {9, -2}, 1, 4},
    {ONE, {-1, -2}, 3, -1},
    {TWO, {-1, 4, -2}, 3, 4},
    {TWO, {-1, 3, -2}, 3, 3},
    {TWO, {-1, 2, -2}, 3, -1},
    {TWO ",'ifMissing':'Min','min':1", {-1, 2, -2}, 3, 2},
    {TWO ",'ifMissing':'Min','min':1", {-1, -1, -2}, 3, 1},
    {TWO ",'ifMissing':'Fallback','fallback':3", {-1, 2, -2}, 9, 3},
    {TWO ",'ifMissing':'Fallback','fallback':3", {-1, 5, -2}, 1, 5},
    {TWO ",'ifMissing':'Fallback','fallback':3", {1, 1, -2}, 1, 2},
    {"'claims':'Max'", {-2}, 1, -1},
    {"'claims':'Max'", {1, 3, -2}, 1, 3},
    {"'claims':'Sum'", {1, 3, -2}, 1, 4},
};

static yyjson_doc *memcached_with(const char *size_from)
{
    struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text, "{'metadata':{'name':'cache'},'spec':{'size':1,'sizeFrom':{%s}}}", size_from);
    char *json = quoted(buf_text(&text));
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    assert_non_null(doc);
    mem_free(json);
    buf_fini(&text);
    return doc;
}

static void the_reference_reckons(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        yyjson_doc *doc = memcached_with(wishes[i].size_from);
        struct size_rules rules;
        struct size_tally tally = {0};
        size_rules_read(&rules, yyjson_doc_get_root(doc));
        assert_null(rules.fault);
        for (size_t n = 0; wishes[i].sources[n] != -2; n++) {
            int64_t replicas = wishes[i].sources[n];
            size_tally_add(&tally, (struct size_reading){
                                       replicas >= 0 ? READING_FOUND : READING_MISSING, replicas});
        }
        int64_t wish = size_wished(&rules, &tally, wishes[i].size);
        if (wish != wishes[i].wish) {
            fail_msg("%s: %" PRId64, wishes[i].size_from, wish);
        }
        yyjson_doc_free(doc);
    }
}

static void contradictions_are_faults(void **state)
{
    (void)state;
    static const struct {
        const char *size_from;
        bool is_bad;
    } cases[] = {
        {"", false},
        {ONE ",'min':2,'max':2", false},
        {ONE ",'min':3,'max':2", true},
        {ONE ",'fallback':3", true},
        {ONE ",'ifMissing':'Fallback'", true},
        {ONE ",'ifMissing':'Fallback','fallback':1,'min':2", true},
        {ONE ",'ifMissing':'Fallback','fallback':3,'max':2", true},
        {ONE ",'ifMissing':'Min'", true},
        {"'ifMissing':'Min','min':1", true},
        {"'ifMissing':'Keep'", false},
        {"'aggregate':'Sum'", true},
        {ONE ",'claims':'Max'", true},
        {ONE ",'claims':'Ignore'", false},
        {ONE ",'mode':'ScaleUpOnly','step':{'down':1}", true},
        {ONE ",'mode':'ScaleUpOnly','step':{'up':1,'down':0}", false},
        {ONE ",'mode':'ScaleUpOnly','scaleDownAfterSeconds':1", true},
        {"'sources':[" WEB "," WEB "]", true},
        {"'sources':[" WEB ",{'apiVersion':'apps/v1beta1','kind':'Deployment','name':'web'}]",
         true},
        {"'sources':[" WEB ",{'kind':'StatefulSet','name':'web'}]", false},
        {"'sources':[{'kind':'Float','name':'web'}]", true},
        {"'sources':[" FLOAT "]", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        yyjson_doc *doc = memcached_with(cases[i].size_from);
        struct size_rules rules;
        size_rules_read(&rules, yyjson_doc_get_root(doc));
        if ((rules.fault != NULL) != cases[i].is_bad) {
            fail_msg("%s: %s", cases[i].size_from, rules.fault != NULL ? rules.fault : "good");
        }
        yyjson_doc_free(doc);
    }
}

/* ---- Deeds ---- */

struct deed_row {
    const char *about, *size_from;
    const char *expected; /* of the last step; NULL: all is well */
    const char *steps[STEPS_MAX];
};

/* "web 3": a user scales it; "web -": deletes it; "db 3"; "cache 3": a user sets the size;
 * "from {…}": sets sizeFrom; "op 3": the operator sets the size; "wait 5": seconds pass. */
static const struct deed_row deeds[] = {
    {"what it has", ONE, NULL, {"op 2"}},
    {"what it had", ONE, NULL, {"web 4", "op 2"}},
    {"what it never had", ONE, "3: which nobody who decides had", {"op 3"}},
    {"back to what it had", ONE, "2: which nobody", {"web 4", "op 4", "op 2"}},
    {"what it had again", ONE, NULL, {"web 4", "op 4", "web 2", "op 2"}},
    {"of two, each late by itself", TWO, NULL, {"web 4", "db 3", "op 5"}},
    {"of two, both", TWO, NULL, {"web 4", "db 3", "op 7"}},
    {"of two, but backwards", TWO, "5: which nobody", {"web 4", "db 3", "op 7", "op 5"}},
    {"of two, what they never made", TWO, "6: which nobody", {"web 4", "op 6"}},
    {"nothing, since it is gone", ONE, NULL, {"web -", "op 2"}}, /* it had 2 */
    {"nothing, since it never was", "'sources':[" FLOAT "]", "3: which nobody", {"op 3"}},
    {"what ifMissing says", ONE ",'ifMissing':'Fallback','fallback':5", NULL, {"web -", "op 5"}},
    {"what ifMissing says, too early",
     ONE ",'ifMissing':'Fallback','fallback':5",
     "5: which nobody",
     {"op 2", "op 5"}},
    {"paused", ONE ",'paused':true", "it is paused", {"op 2"}},
    {"observed", ONE ",'mode':'Observe'", "it is only observed", {"op 2"}},
    {"invalid", ONE ",'min':3,'max':2", "what decides it is invalid", {"op 3"}},
    {"up only", ONE ",'mode':'ScaleUpOnly'", NULL, {"op 2"}},
    {"up only, down",
     ONE ",'mode':'ScaleUpOnly'",
     "it never goes down",
     {"op 2", "cache 5", "op 2"}},
    {"no scale",
     "'sources':[{'apiVersion':'v1','kind':'Pod','name':'web'}]",
     "cannot be scaled",
     {"op 2"}},
    {"by other rules, from the beginning",
     ONE,
     NULL,
     {"web 4", "op 4", "from {'ratio':{'memcached':2}}", "op 8"}},
    {"by rules that are no more",
     ONE,
     "4: which nobody",
     {"from {'ratio':{'memcached':3}}", "web 4", "op 4"}},
    {"held",
     ONE ",'scaleDownAfterSeconds':60",
     NULL,
     {"web 4", "op 4", "wait 30", "web 2", "wait 60", "op 2"}},
    {"not held",
     ONE ",'scaleDownAfterSeconds':60",
     "goes down 59000 ms after the wish did",
     {"web 4", "op 4", "wait 30", "web 2", "wait 59", "op 2"}},
    {"held, but a user sets it",
     ONE ",'scaleDownAfterSeconds':60",
     NULL,
     {"web 4", "op 4", "wait 30", "web 2", "cache 5", "op 2"}},
    {"held, but the rule is new",
     ONE,
     NULL,
     {"web 4", "op 4", "web 2", "from {'scaleDownAfterSeconds':60}", "op 2"}},
    {"held, and what nobody wished",
     ONE ",'scaleDownAfterSeconds':60",
     "3: which nobody",
     {"web 4", "op 3"}},
    {"a step", ONE ",'step':{'up':2}", NULL, {"web 6", "op 3"}},
    {"a step before the last one is done",
     ONE ",'step':{'up':2}",
     "not carried out yet",
     {"web 6", "op 3", "op 5"}},
    {"a step back", ONE ",'step':{'up':2}", NULL, {"web 6", "op 3", "web 1", "op 1"}},
    {"too large a step", ONE ",'step':{'up':2}", "4: which nobody", {"web 6", "op 4"}},
    {"a step the wrong way", ONE ",'step':{'up':2,'down':1}", "0: which nobody", {"web 6", "op 0"}},
    {"over all steps", ONE ",'step':{'up':2}", "6: which nobody", {"web 6", "op 6"}},
    {"the last step is shorter", ONE ",'step':{'up':2}", NULL, {"op 2"}},
    {"a step beyond", ONE ",'step':{'up':2}", "3: which nobody", {"web 0", "op 3"}},
    {"no step down is asked for", ONE ",'step':{'up':1}", NULL, {"op 2", "web 0", "op 0"}},
    {"the status tells of a hold",
     ONE ",'scaleDownAfterSeconds':60",
     "before the hold ends",
     {"web 4", "op 4", "web 2", "hold 4 2026-01-01T00:01:00Z", "wait 50", "restart", "op 2"}},
    {"the status told of a hold",
     ONE ",'scaleDownAfterSeconds':60",
     NULL,
     {"web 4", "op 4", "web 2", "hold 4 2026-01-01T00:01:00Z", "wait 60", "restart", "op 2"}},
    {"it becomes longer",
     ONE ",'scaleDownAfterSeconds':60",
     "ends 20000 ms later than was told",
     {"web 4", "op 4", "web 2", "hold 4 2026-01-01T00:01:00Z", "hold 4 2026-01-01T00:01:20Z"}},
    {"it becomes longer, as it was wished again",
     ONE ",'scaleDownAfterSeconds':60",
     NULL,
     {"web 4", "op 4", "web 2", "hold 4 2026-01-01T00:01:00Z", "web 5", "web 1",
      "hold 4 2026-01-01T00:01:20Z"}},
    {"it becomes longer, as the rule is new",
     ONE ",'scaleDownAfterSeconds':60",
     NULL,
     {"web 4", "op 4", "web 2", "hold 4 2026-01-01T00:01:00Z", "from {'scaleDownAfterSeconds':90}",
      "hold 4 2026-01-01T00:01:30Z"}},
};

static void ask(struct trial *t, bool by_operator, enum http_method method, const char *path,
                const char *body)
{
    char *text = quoted(body != NULL ? body : "");
    char *where = mem_strdup(path);
    struct exchange e = {.method = method, .path = where, .body = text, .executed = true};
    trial_write(t, by_operator ? &e : NULL, method, path, body != NULL ? text : NULL);
    mem_free(where);
    mem_free(text);
}

static void begin(struct trial *t, const char *size_from)
{
    static const char template[] =
        "'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},'spec':{"
        "'containers':[{'name':'c','image':'i'}]}}";
    char body[1024];
    trial_begin(t, &(struct world_options){.seed = 1, .processes = 1});
    snprintf(body, sizeof body,
             "{'kind':'Deployment','apiVersion':'apps/v1','metadata':{'name':'web'},'spec':{"
             "'replicas':2,%s}}",
             template);
    ask(t, false, HTTP_POST, DEPLOYMENT, body);
    snprintf(body, sizeof body,
             "{'kind':'StatefulSet','apiVersion':'apps/v1','metadata':{'name':'db'},'spec':{"
             "'replicas':1,%s}}",
             template);
    ask(t, false, HTTP_POST, SET, body);
    snprintf(body, sizeof body,
             "{'kind':'Memcached','apiVersion':'cache.example.com/v1alpha1','metadata':{'name':"
             "'cache'},'spec':{'size':1,'sizeFrom':{%s}}}",
             size_from);
    ask(t, false, HTTP_POST, MEMCACHED, body);
}

static void take(struct trial *t, const char *step)
{
    char body[512], size[16] = "", until[32] = "";
    const char *value = step + strcspn(step, " ");
    value += *value == ' ';
    if (strncmp(step, "wait", 4) == 0) {
        world_set_now(t->world, world_now_ms(t->world) + (uint64_t)atoi(value) * 1000);
    } else if (strcmp(step, "restart") == 0) {
        t->world->network.processes[0].starts++;
    } else if (sscanf(step, "hold %15s %31s", size, until) == 2) {
        snprintf(body, sizeof body, "{'status':{'sizing':{'holds':[{'size':%s,'until':'%s'}]}}}",
                 size, until);
        ask(t, true, HTTP_PATCH, MEMCACHED "/cache/status", body);
    } else if (strcmp(step, "web -") == 0) {
        ask(t, false, HTTP_DELETE, DEPLOYMENT "/web", NULL);
    } else if (strncmp(step, "from", 4) == 0) {
        snprintf(body, sizeof body, "{'spec':{'sizeFrom':%s}}", value);
        ask(t, false, HTTP_PATCH, MEMCACHED "/cache", body);
    } else if (strncmp(step, "web", 3) == 0 || strncmp(step, "db", 2) == 0) {
        snprintf(body, sizeof body, "{'spec':{'replicas':%s}}", value);
        ask(t, false, HTTP_PATCH, step[0] == 'w' ? DEPLOYMENT "/web" : SET "/db", body);
    } else {
        snprintf(body, sizeof body, "{'spec':{'size':%s}}", value);
        ask(t, step[0] == 'o', HTTP_PATCH, MEMCACHED "/cache", body);
    }
}

static void deeds_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(deeds); i++) {
        struct trial t;
        begin(&t, deeds[i].size_from);
        for (size_t n = 0; n < STEPS_MAX && deeds[i].steps[n] != NULL; n++) {
            bool is_last = n + 1 == STEPS_MAX || deeds[i].steps[n + 1] == NULL;
            take(&t, deeds[i].steps[n]);
            const char *failure = world_failure(t.world);
            const char *expected = is_last ? deeds[i].expected : NULL;
            bool good = expected == NULL ? failure == NULL
                                         : failure != NULL && strstr(failure, expected) != NULL;
            if (!good) {
                fail_msg("%s, after \"%s\": expected %s, got %s", deeds[i].about, deeds[i].steps[n],
                         expected != NULL ? expected : "nothing",
                         failure != NULL ? failure : "nothing");
            }
        }
        trial_end(&t);
    }
}

static void watches_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is_wanted;
    } watches[] = {
        {DEPLOYMENT "?fieldSelector=metadata.name%3Dweb&watch=1", true},
        {DEPLOYMENT "?fieldSelector=metadata.name%3Dapi&watch=1", false},
        {SET "?fieldSelector=metadata.name%3Dweb&watch=1", false},
        {"/apis/apps/v1/namespaces/other/deployments?fieldSelector=metadata.name%3Dweb", false},
        {"/apis/apps/v1/deployments?labelSelector=a&watch=1", true},
        {DEPLOYMENT "?labelSelector=a&watch=1", true},
    };
    struct trial t;
    begin(&t, TWO);
    for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
        if (invariants_wants_watch(t.invariants, watches[i].path) != watches[i].is_wanted) {
            fail_msg("%s", watches[i].path);
        }
    }
    trial_end(&t);
}

/* ---- The end ---- */

static const struct {
    const char *about, *size_from, *steps[STEPS_MAX];
    const char *reason, *source;
    bool is_synced, has_target, is_right;
    int64_t wish, size;
} ends[] = {
    {"right", ONE, {"cache 2"}, "InSync", "Deployment/web", true, true, true, 2, 2},
    {"wrong", ONE, {"cache 3"}, "Holding", "Deployment/web", true, true, false, 2, 2},
    {"several", TWO, {"cache 3"}, "InSync", "Sum of 2 sources", true, true, true, 3, 3},
    {"largest",
     TWO ",'aggregate':'Max'",
     {"cache 2"},
     "InSync",
     "Max of 2 sources",
     true,
     true,
     true,
     2,
     2},
    {"missing", ONE, {"web -"}, "SourceMissing", "Deployment/web", false, false, false, -1, 1},
    {"one missing, too few others",
     TWO,
     {"web -", "cache 3"},
     "SourceMissing",
     "Sum of 2 sources",
     false,
     false,
     false,
     -1,
     3},
    {"one missing, more others",
     TWO,
     {"web -", "cache 0"},
     "SourceMissing",
     "Sum of 2 sources",
     false,
     true,
     false,
     1,
     1},
    {"paused",
     ONE ",'paused':true",
     {"cache 5"},
     "Paused",
     "Deployment/web",
     true,
     false,
     false,
     2,
     2},
    {"observed",
     ONE ",'mode':'Observe'",
     {"cache 5"},
     "Observing",
     "Deployment/web",
     true,
     false,
     false,
     2,
     2},
    {"up only",
     ONE ",'mode':'ScaleUpOnly'",
     {"cache 5"},
     "Holding",
     "Deployment/web",
     true,
     true,
     true,
     2,
     5},
    {"up only, too small",
     ONE ",'mode':'ScaleUpOnly'",
     {"cache 0"},
     "Holding",
     "Deployment/web",
     true,
     true,
     false,
     2,
     2},
    {"invalid",
     ONE ",'ifMissing':'Min'",
     {"cache 5"},
     "InvalidSpec",
     "",
     false,
     false,
     false,
     -1,
     5},
    {"no kind",
     "'sources':[" FLOAT "]",
     {"cache 5"},
     "SourceMissing",
     "Float/a",
     false,
     false,
     false,
     -1,
     5},
    {"no scale",
     "'sources':[{'apiVersion':'v1','kind':'Pod','name':'a'}]",
     {"cache 5"},
     "InvalidSpec",
     "Pod/a",
     false,
     false,
     false,
     -1,
     5},
    {"itself",
     "'sources':[{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','name':'cache'}]",
     {"cache 5"},
     "Loop",
     "Memcached/cache",
     false,
     false,
     false,
     -1,
     5},
    {"nobody", "'claims':'Sum'", {"cache 5"}, NULL, "", false, false, false, -1, 5},
    {"a step that cannot be taken",
     ONE ",'step':{'up':1}",
     {"cache 0"},
     "Holding",
     "Deployment/web",
     true,
     true,
     true,
     2,
     -1},
};

static void ends_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct trial t;
        begin(&t, ends[i].size_from);
        for (size_t n = 0; n < STEPS_MAX && ends[i].steps[n] != NULL; n++) {
            take(&t, ends[i].steps[n]);
        }
        const char *json = api_get(world_api(t.world), "memcacheds", "default", "cache");
        yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
        struct sizing_truth truth;
        sizing_expect(&truth, t.invariants, yyjson_doc_get_root(doc), NULL, NULL, 0);
        const char *reason = truth.reason != NULL ? truth.reason : "nobody";
        const char *expected = ends[i].reason != NULL ? ends[i].reason : "nobody";
        if (strcmp(reason, expected) != 0 || strcmp(truth.source, ends[i].source) != 0 ||
            truth.is_synced != ends[i].is_synced || truth.has_target != ends[i].has_target ||
            truth.is_right != ends[i].is_right || truth.wish != ends[i].wish ||
            truth.size != ends[i].size) {
            fail_msg("%s: %s, \"%s\", synced %d, target %d, right %d, wish %" PRId64
                     ", size %" PRId64,
                     ends[i].about, reason, truth.source, truth.is_synced, truth.has_target,
                     truth.is_right, truth.wish, truth.size);
        }
        yyjson_doc_free(doc);
        trial_end(&t);
    }
}

/* ---- The status ---- */

#define RIGHT                                                                                      \
    "'source':'Deployment/web','wish':2,'size':2,'reason':'InSync','since':'2026-01-01T00:00:00Z'"
#define CLAIMANT(replicas) "[{'name':'Deployment/web','replicas':" #replicas ",'deciding':true}]"

static void statuses_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *sizing, *expected;
    } cases[] = {
        /* of twins, the first one is seen */
        {"{" RIGHT ",'claimants':" CLAIMANT(2) "}", NULL},
        {"null", "status.sizing.reason is \"\""},
        {"{" RIGHT ",'claimants':" CLAIMANT(3) "}", "claimants[0] is Deployment/web with 3"},
        {"{" RIGHT ",'claimants':[]}", "claimants are 0, not 1"},
        {"{'wish':3," RIGHT "}", "wish is 3, not 2"},
        {"{'size':3," RIGHT "}", "size is 3, not 2"},
        {"{'source':'Deployment/api'," RIGHT "}", "source is \"Deployment/api\""},
        {"{'reason':'Holding'," RIGHT "}", "reason is \"Holding\""},
        {"{'since':''," RIGHT "}", "since is no time"},
        {"{" RIGHT ",'holdUntil':'2026-01-01T00:00:00Z'}", "still tells of a hold"},
        {"{" RIGHT ",'holds':[{}]}", "still tells of a hold"},
    };
    struct sizing_truth truth = {.reason = "InSync", .wish = 2, .size = 2, .claim_count = 1};
    snprintf(truth.source, sizeof truth.source, "Deployment/web");
    snprintf(truth.claims[0].name, sizeof truth.claims[0].name, "Deployment/web");
    truth.claims[0].replicas = 2;
    truth.claims[0].is_deciding = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf why;
        char text[512];
        buf_init(&why, 4096);
        snprintf(text, sizeof text, "{'sizing':%s}", cases[i].sizing);
        char *json = quoted(text);
        yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
        const char *is = sizing_status_difference(&truth, yyjson_doc_get_root(doc), &why);
        bool good = cases[i].expected == NULL ? is == NULL
                                              : is != NULL && strstr(is, cases[i].expected) != NULL;
        if (!good) {
            fail_msg("%s: %s", cases[i].sizing, is != NULL ? is : "nothing");
        }
        yyjson_doc_free(doc);
        mem_free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_reckons), cmocka_unit_test(contradictions_are_faults),
        cmocka_unit_test(deeds_are_judged),      cmocka_unit_test(watches_are_judged),
        cmocka_unit_test(ends_are_judged),       cmocka_unit_test(statuses_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
