/*
 * Somebody else wants a field otherwise, for an hour: a writer that answers each of the operator's
 * writes, a webhook that changes them on their way, or a second operator with another image. The
 * operator may write once for each step of its backoff, people are told, others are served as
 * before; and when the rival is gone, all is right again.
 */
#include "sim/perturb.h"
#include "sim/rival.h"

#include "base/mem.h"
#include "kube/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    MINUTE_MS = 60 * 1000,
    BEFORE_MS = MINUTE_MS,
    RIVALRY_MS = 60 * MINUTE_MS,
    CHANGE_MS = 10 * MINUTE_MS,  /* of the rivalry: sources are scaled */
    SETTLED_MS = 30 * MINUTE_MS, /* of the rivalry: from here on it is slow */
    AFTER_MS = 45 * MINUTE_MS,   /* the longest step is 1000 s, and twice that is quiet */
    STEP_MS_MIN = 5,
    STEP_MS_MAX = 1000 * 1000,
    QUIET_MS = MINUTE_MS,
    ROUNDS_TOLD = 5,
    REQUESTS_MAX = 300, /* of half an hour: the watches alone make some 20, a roll-out of pods 60 */
};

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define MEMCACHEDS  "/apis/cache.example.com/v1alpha1/namespaces/default/memcacheds"

static const uint64_t lates_ms[] = {0, 15 * 1000, 7, 1000};

/* How one process writes the contested field. */
struct pace {
    uint64_t last_ms;
    unsigned rounds; /* corrections one after the other */
    bool written;
    uint64_t status; /* what it wished of it, as a number */
};

struct rivalry {
    struct rival rival;
    struct pace paces[WORLD_PROCESSES_MAX];
    uint64_t writes; /* of the contested field */
};

/* ---- The pace of writes ---- */

static uint64_t step_ms(unsigned rounds)
{
    uint64_t ms = rounds > 0 ? STEP_MS_MIN : 0;
    for (unsigned i = 1; i < rounds && ms < STEP_MS_MAX; i++) {
        ms *= 2;
    }
    return ms < STEP_MS_MAX ? ms : STEP_MS_MAX;
}

static void judge_pace(struct pace *p, struct world *w, const struct exchange *e)
{
    uint64_t now_ms = world_now_ms(w);
    uint64_t pause_ms = now_ms - p->last_ms;
    uint64_t due_ms = step_ms(p->rounds);
    uint64_t quiet_ms = 2 * due_ms > QUIET_MS ? 2 * due_ms : QUIET_MS;
    if (p->written && pause_ms < due_ms) {
        world_fail(w,
                   "rivals: %s %s by process %u after %" PRIu64
                   " ms, though %u corrections before it call for %" PRIu64,
                   http_method_name(e->method), e->path, e->process, pause_ms, p->rounds, due_ms);
    }
    bool again = p->written && pause_ms < quiet_ms;
    *p = (struct pace){.written = true,
                       .status = p->status,
                       .last_ms = now_ms,
                       .rounds = again ? p->rounds + 1 : 0};
}

/* A write of what the rival is about. */
static bool is_contested(const struct rival_field *f, const struct exchange *e)
{
    bool is_custom = strcmp(f->resource, "memcacheds") == 0;
    const char *base = is_custom ? MEMCACHEDS "/cache" : DEPLOYMENTS "/cache";
    bool is_of_status = strncmp(f->pointer, "/status/", strlen("/status/")) == 0;
    if (e->method == HTTP_POST && strncmp(e->path, DEPLOYMENTS, strlen(DEPLOYMENTS)) == 0) {
        return !is_custom && strstr(e->body, "\"memcached_cr\":\"cache\"") != NULL;
    }
    size_t len = strlen(base);
    return e->method == HTTP_PATCH && strncmp(e->path, base, len) == 0 &&
           (strncmp(e->path + len, "/status", strlen("/status")) == 0) == is_of_status;
}

/* What a write of the status wishes, whatever the time. */
static uint64_t read_wish(const char *body)
{
    static const char key[] = "\"lastTransitionTime\":\"";
    uint64_t hash = 0xcbf29ce484222325U;
    for (const char *c = body; *c != '\0'; c++) {
        if (strncmp(c, key, sizeof key - 1) == 0) {
            c = strchr(c + sizeof key - 1, '"');
        }
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3U;
    }
    return hash;
}

static void observe(void *ctx, struct world *w, const struct exchange *e,
                    const struct api_answer *answer)
{
    struct rivalry *r = ctx;
    if (answer->http_status < 300 && is_contested(r->rival.field, e)) {
        struct pace *p = &r->paces[e->process];
        uint64_t wish = r->rival.field->outcome == RIVAL_STATUS ? read_wish(e->body) : p->status;
        if (wish != p->status) { /* pods came or went */
            *p = (struct pace){.status = wish};
        }
        r->writes++;
        judge_pace(p, w, e);
    }
}

/* Something else is wanted now, or another object is there: no correction. */
static void begin_anew(struct rivalry *r)
{
    memset(r->paces, 0, sizeof r->paces);
}

/* ---- What the server has ---- */

struct told {
    char reconciled[64], size_synced[64]; /* reasons; "" */
    int64_t size;
};

static void read_told(struct world *w, const char *name, struct told *out)
{
    const char *json = api_get(world_api(w), "memcacheds", "default", name);
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    size_t index, max;
    yyjson_val *c;
    *out = (struct told){
        .size = json_get_int(json_at(yyjson_doc_get_root(doc), "spec", "size", NULL), -1)};
    yyjson_arr_foreach(json_at(yyjson_doc_get_root(doc), "status", "conditions", NULL), index, max,
                       c)
    {
        const char *type = yyjson_get_str(yyjson_obj_get(c, "type"));
        const char *reason = yyjson_get_str(yyjson_obj_get(c, "reason"));
        if (strcmp(type, "Reconciled") == 0) {
            snprintf(out->reconciled, sizeof out->reconciled, "%s", reason);
        } else if (strcmp(type, "SizeSynced") == 0) {
            snprintf(out->size_synced, sizeof out->size_synced, "%s", reason);
        }
    }
    yyjson_doc_free(doc);
}

static void expect_reason(struct world *w, const char *type, const char *is, const char *expected)
{
    if (strcmp(is, expected) != 0) {
        world_fail(w, "rivals: condition %s is %s, not %s", type, is, expected);
    }
}

static bool is_about_size(const struct rival_field *f)
{
    return strcmp(f->pointer, "/spec/size") == 0;
}

/* People are told once it has gone on for some rounds; a webhook is known by its first answer. */
static void check_told(const struct rivalry *r, struct world *w)
{
    struct told told;
    const struct rival *rival = &r->rival;
    unsigned rounds = rival->means == RIVAL_WEBHOOK ? 0 : ROUNDS_TOLD;
    read_told(w, "cache", &told);
    if (rival->field->outcome == RIVAL_HARMLESS) {
        expect_reason(w, "Reconciled", told.reconciled, "AsDesired");
        expect_reason(w, "SizeSynced", told.size_synced, "InSync");
    } else if (rival->field->outcome == RIVAL_TAKEN && rival_is_content(rival, w)) {
        expect_reason(w, "Reconciled", told.reconciled, "NameTaken");
    } else if (rival->field->outcome == RIVAL_CONFLICT && r->paces[0].written &&
               r->paces[0].rounds >= rounds) {
        bool size = is_about_size(rival->field);
        expect_reason(w, size ? "SizeSynced" : "Reconciled",
                      size ? told.size_synced : told.reconciled, "WriteConflict");
    }
}

/* ---- The course of it ---- */

static void write_user(struct world *w, enum http_method method, const char *path, const char *body,
                       int expect)
{
    char text[512];
    snprintf(text, sizeof text, "%s", body);
    for (char *c = text; (c = strchr(c, '\'')) != NULL;) {
        *c = '"';
    }
    world_write(w, "kubectl", method, path, method == HTTP_POST ? MEDIA_JSON : MEDIA_MERGE_PATCH,
                text, expect);
}

static void create_pair(struct world *w, const char *memcached, const char *source)
{
    char body[512];
    snprintf(body, sizeof body,
             "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
             "'metadata':{'name':'%s'},'spec':{'size':2}}",
             memcached);
    write_user(w, HTTP_POST, MEMCACHEDS, body, 201);
    snprintf(body, sizeof body,
             "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'%s','labels':{"
             "'memcached-operator/associated-memcached-deployment-name':'%s'}},'spec':{'replicas':"
             "2,'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},"
             "'spec':{'containers':[{'name':'c','image':'i'}]}}}}",
             source, memcached);
    write_user(w, HTTP_POST, DEPLOYMENTS, body, 201);
}

static void run_for(struct rivalry *r, struct world *w, uint64_t ms)
{
    struct choice choices[WORLD_CHOICES_MAX];
    uint64_t until_ms = world_now_ms(w) + ms;
    while (world_failure(w) == NULL && world_now_ms(w) < until_ms) {
        world_drain(w);
        if (rival_act(&r->rival, w)) {
            continue;
        }
        if (!r->rival.stopped) {
            check_told(r, w);
        }
        struct choice pass = choices[world_choices(w, choices) - 1];
        uint64_t due_ms = r->rival.due_ms < until_ms ? r->rival.due_ms : until_ms;
        uint64_t limit_ms = due_ms - world_now_ms(w);
        pass.value = pass.value < (int64_t)limit_ms ? pass.value : (int64_t)limit_ms;
        world_take(w, &pass);
    }
}

/* Others are served as if nothing were. */
static void scale_sources(struct rivalry *r, struct world *w)
{
    struct told told;
    write_user(w, HTTP_PATCH, DEPLOYMENTS "/web", "{'spec':{'replicas':3}}", 200);
    write_user(w, HTTP_PATCH, DEPLOYMENTS "/api", "{'spec':{'replicas':4}}", 200);
    begin_anew(r);
    world_drain(w);
    read_told(w, "queue", &told);
    const char *operand = api_get(world_api(w), "deployments", "default", "queue");
    if (told.size != 4 || strstr(operand, "\"replicas\":4") == NULL) {
        world_fail(w, "rivals: another Memcached is not served at once");
    }
}

static void contest(struct rivalry *r, struct world *w)
{
    run_for(r, w, CHANGE_MS);
    scale_sources(r, w);
    run_for(r, w, SETTLED_MS - CHANGE_MS);
    uint64_t requests = world_requests(w);
    run_for(r, w, RIVALRY_MS - SETTLED_MS);
    requests = world_requests(w) - requests;
    if (requests > REQUESTS_MAX) {
        world_fail(w, "rivals: %" PRIu64 " requests in half an hour", requests);
    }
}

static void expect_contested(const struct rivalry *r, struct world *w)
{
    unsigned least = r->rival.means == RIVAL_WEBHOOK ? 1 : 2;
    if (r->rival.field->outcome == RIVAL_CONFLICT && r->writes < least) {
        world_fail(w, "rivals: the field was never contested");
    }
}

static struct world *make(const struct perturb_case *c, bool watch_list, unsigned processes)
{
    struct world_options options = {.seed = 7,
                                    .processes = processes,
                                    .watch_list = watch_list,
                                    .trace = c->trace,
                                    .logs = c->logs,
                                    .images = {"memcached:1.6", "memcached:1.6.31"}};
    return world_new(&options);
}

/* ---- A writer or a webhook ---- */

static void run_rival(const struct rival *rival, bool from_start, struct perturb_case *c)
{
    struct rivalry r = {.rival = *rival};
    struct world *w = make(c, from_start, 1);
    bool is_webhook = rival->means == RIVAL_WEBHOOK;
    world_observe(w, observe, &r);
    if (is_webhook && from_start) {
        rival_admit(&r.rival, w);
    }
    create_pair(w, "cache", "web");
    create_pair(w, "queue", "api");
    if (!from_start) {
        r.rival.stopped = true;
        run_for(&r, w, BEFORE_MS);
        r.rival.stopped = false;
        begin_anew(&r);
        if (is_webhook) {
            rival_admit(&r.rival, w);
        }
    }
    contest(&r, w);
    expect_contested(&r, w);
    rival_stop(&r.rival, w);
    if (is_webhook) { /* until something changes, its old answer holds */
        world_take(w, &(struct choice){.type = CHOICE_CRASH});
        begin_anew(&r);
    }
    world_play(w, AFTER_MS, NULL, NULL);
    world_settle(w);
    perturb_finish(w, c);
}

/* ---- Two operators ---- */

static void run_operators(bool from_start, struct perturb_case *c)
{
    static const struct rival_field image = {.resource = "deployments",
                                             .pointer = "/spec/template/spec/containers/0/image",
                                             .outcome = RIVAL_CONFLICT};
    struct rivalry r = {
        .rival = {.field = &image, .means = RIVAL_WEBHOOK, .due_ms = UINT64_MAX, .stopped = true}};
    struct world *w = make(c, from_start, 2);
    struct told told;
    world_observe(w, observe, &r);
    create_pair(w, "cache", "web");
    create_pair(w, "queue", "api");
    run_for(&r, w, CHANGE_MS);
    read_told(w, "cache", &told);
    expect_reason(w, "Reconciled", told.reconciled, "WriteConflict");
    contest(&r, w);
    expect_contested(&r, w);
    world_retire(w);
    world_play(w, AFTER_MS, NULL, NULL);
    world_settle(w);
    perturb_finish(w, c);
}

/* ---- Cases ---- */

/* Every field, by all means, in one of the variants or, if @many, in all: how late, and since when.
 * Returns how many cases there are. */
static uint64_t find(uint64_t i, bool many, struct rival *rival, bool *from_start)
{
    uint64_t seen = 0;
    for (unsigned f = 0; f < rival_field_count; f++) {
        for (enum rival_means means = 0; means < RIVAL_MEANS; means++) {
            unsigned variants = means == RIVAL_WEBHOOK ? 2 : 2 * ARRAY_LEN(lates_ms);
            uint64_t cases = !rival_can(&rival_fields[f], means) ? 0 : many ? variants : 1;
            if (i >= seen && i < seen + cases) {
                uint64_t variant = many ? i - seen : (f + means) % variants;
                *from_start = variant % 2 == 0;
                *rival = (struct rival){.field = &rival_fields[f],
                                        .means = means,
                                        .late_ms = lates_ms[variant / 2],
                                        .due_ms = UINT64_MAX};
            }
            seen += cases;
        }
    }
    return seen;
}

static uint64_t count(bool many)
{
    struct rival rival;
    bool from_start;
    return 2 + find(UINT64_MAX, many, &rival, &from_start);
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    struct rival rival = {0};
    bool from_start = i % 2 == 0;
    if (i < 2) {
        snprintf(c->what, sizeof c->what, "a second operator with another image, %s lists",
                 from_start ? "streamed" : "paged");
        run_operators(from_start, c);
        return;
    }
    find(i - 2, many, &rival, &from_start);
    snprintf(c->what, sizeof c->what, "%s of %s %s to %s, after %" PRIu64 " ms, %s",
             rival_means_text(rival.means), rival.field->resource, rival.field->pointer,
             rival.field->value != NULL ? rival.field->value : "nothing", rival.late_ms,
             from_start ? "from the start" : "later");
    run_rival(&rival, from_start, c);
}

const struct perturb_class perturb_rivals = {
    .name = "rivals",
    .about = "a writer or a webhook against each field, or a second operator: one write for each "
             "step of the backoff, and people are told",
    .count = count,
    .run = run,
};
