/*
 * Own writes are seen late: after any single write (or after each) the watches bring nothing for a
 * while, all of them or one; or the watches are fast and the write's answer is late. What was
 * written must not be written again, nor taken back.
 */
#include "sim/perturb.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "kube/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STILL_MS = 150 * 1000, /* longer than anything is late */
    WRITE_BYTES_MAX = 64 << 10,
    PATH_BYTES = 512,
};

static const uint64_t delays_ms[] = {5, 1000, 15 * 1000, 60 * 1000};

/* What is late: watches whose path has this text, or the answer. */
static const struct {
    const char *text, *path;
} lates[] = {
    {"all watches", ""},
    {"the watch of Memcacheds", "/memcacheds?"},
    {"the watch of sources", "labelSelector=memcached-operator"},
    {"the watch of operands", "labelSelector=app.kubernetes.io"},
    {"the watch of pods", "/pods?"},
    {"the answer", NULL},
};

/* What an operator wrote to one object. */
struct past {
    char rv[24];     /* after its last write */
    unsigned others; /* how often it then was another one: somebody else's writes */
    struct {
        char *what;      /* method, path, and body without resourceVersion */
        unsigned others; /* as it was then */
    } last[2];           /* write of the object, and of its status */
};

struct lateness {
    uint64_t write; /* after the so-manieth; 0: after each */
    unsigned late;
    uint64_t delay_ms;
    uint64_t seen;
    uint64_t until_ms;
    uint64_t answer; /* id of the request whose answer is late; 0: none */
    bool begun;
    struct map pasts; /* path of the object → struct past */
};

/* ---- No write is repeated ---- */

static const char *text(yyjson_val *value)
{
    return yyjson_is_str(value) ? yyjson_get_str(value) : "";
}

/* The write in words, but for the version that it was decided on. */
static char *describe_write(const struct exchange *e)
{
    yyjson_doc *doc = yyjson_read(e->body, strlen(e->body), 0);
    yyjson_mut_doc *copy = yyjson_doc_mut_copy(doc, NULL);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(copy);
    yyjson_mut_obj_remove_key(yyjson_mut_obj_get(root, "metadata"), "resourceVersion");
    char *body = yyjson_mut_write(copy, 0, NULL);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, WRITE_BYTES_MAX);
    buf_printf(&out, "%s %s %s", http_method_name(e->method), e->path, body);
    free(body);
    yyjson_mut_doc_free(copy);
    yyjson_doc_free(doc);
    return mem_strdup(buf_text(&out));
}

static void copy_version(yyjson_val *object, char out[24])
{
    snprintf(out, 24, "%s", text(json_at(object, "metadata", "resourceVersion", NULL)));
}

/* Versions of the object before and after the write: the same if it changed nothing, "" if there
 * was none. */
static void read_versions(const struct api_answer *answer, char before[24], char after[24])
{
    yyjson_doc *now = yyjson_read(answer->body.data, answer->body.len, 0);
    copy_version(yyjson_doc_get_root(now), after);
    snprintf(before, 24, "%s", answer->after != NULL ? "" : after);
    if (answer->before != NULL) {
        yyjson_doc *was = yyjson_read(answer->before, strlen(answer->before), 0);
        copy_version(yyjson_doc_get_root(was), before);
        yyjson_doc_free(was);
    }
    yyjson_doc_free(now);
}

static void judge_write(struct lateness *l, struct world *w, const struct exchange *e,
                        const struct api_answer *answer)
{
    char before[24];
    char after[24];
    char path[PATH_BYTES];
    read_versions(answer, before, after);
    unsigned kind = perturb_written(e, path, sizeof path) ? 1 : 0;
    struct past *past = map_get(&l->pasts, path);
    if (past == NULL) {
        past = mem_zalloc(sizeof *past);
        map_put(&l->pasts, path, past);
    }
    past->others += strcmp(past->rv, before) != 0 ? 1 : 0;
    char *what = describe_write(e);
    if (past->last[kind].what != NULL && past->last[kind].others == past->others &&
        strcmp(past->last[kind].what, what) == 0) {
        world_fail(w, "late: written again, though nobody else changed it in between: %s", what);
    }
    mem_free(past->last[kind].what);
    past->last[kind].what = what;
    past->last[kind].others = past->others;
    memcpy(past->rv, after, sizeof past->rv);
}

static void observe(void *ctx, struct world *w, const struct exchange *e,
                    const struct api_answer *answer)
{
    struct lateness *l = ctx;
    if (!perturb_is_write(e)) {
        return;
    }
    l->seen++;
    if (answer->http_status < 300 && e->body != NULL) {
        judge_write(l, w, e, answer);
    }
    if (l->write == 0 || l->seen == l->write) {
        l->begun = true;
        l->until_ms = world_now_ms(w) + l->delay_ms;
        l->answer = e->id;
    }
}

/* ---- Holding back ---- */

static bool is_held(const struct lateness *l, const struct exchange *e, enum choice_type type)
{
    const char *path = lates[l->late].path;
    if (path == NULL) {
        return type == CHOICE_ANSWER && e->id == l->answer;
    }
    return type == CHOICE_DELIVER && strstr(e->path, path) != NULL;
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct lateness *l = ctx;
    if (world_now_ms(w) >= l->until_ms) {
        return SAY_TAKE;
    }
    if (next->type == CHOICE_PASS) {
        return perturb_pass_until(w, next, l->until_ms);
    }
    bool may_be_held = next->type == CHOICE_ANSWER || next->type == CHOICE_DELIVER;
    return may_be_held && is_held(l, world_exchange(w, next->exchange), next->type) ? SAY_NOT_NOW
                                                                                    : SAY_TAKE;
}

/* ---- Cases ---- */

static void lateness_fini(struct lateness *l)
{
    map_for_each (&l->pasts, e) {
        struct past *past = e->value;
        mem_free(past->last[0].what);
        mem_free(past->last[1].what);
        mem_free(past);
    }
    map_fini(&l->pasts);
}

/* Returns how many writes there were. */
static uint64_t play(unsigned workload, struct lateness *l, struct perturb_case *c)
{
    struct world *w = perturb_world(workload, workload % 2 == 0, c);
    map_init(&l->pasts, 7);
    world_observe(w, observe, l);
    world_play(w, STILL_MS, say, l);
    uint64_t seen = l->seen;
    if (c != NULL) {
        perturb_judge(w, c, l->begun);
    } else {
        world_free(w);
    }
    lateness_fini(l);
    return seen;
}

/* Every write of a run in which nothing is late; and all of them. */
static uint64_t cases_of(unsigned workload)
{
    static struct perturb_memo memo;
    if (!perturb_known(&memo, workload)) {
        struct lateness l = {.write = UINT64_MAX};
        uint64_t writes = play(workload, &l, NULL);
        perturb_remember(&memo, workload, (writes + 1) * ARRAY_LEN(lates) * ARRAY_LEN(delays_ms));
    }
    return memo.points[workload];
}

static uint64_t count(bool many)
{
    (void)many;
    return perturb_count(cases_of);
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    (void)many;
    unsigned workload = perturb_locate(cases_of, &i);
    struct lateness l = {.delay_ms = delays_ms[i % ARRAY_LEN(delays_ms)]};
    struct workload_spec spec;
    perturb_workload(workload, &spec);
    i /= ARRAY_LEN(delays_ms);
    l.late = (unsigned)(i % ARRAY_LEN(lates));
    l.write = i / ARRAY_LEN(lates);
    char which[32] = "each write";
    if (l.write > 0) {
        snprintf(which, sizeof which, "write %" PRIu64, l.write);
    }
    snprintf(c->what, sizeof c->what, "%s %" PRIu64 " ms late after %s of %s/%u",
             lates[l.late].text, l.delay_ms, which, workload_text(spec.name), spec.variant);
    play(workload, &l, c);
}

const struct perturb_class perturb_late = {
    .name = "late",
    .about = "after every write the watches, or its answer, are late by 5 ms to 60 s: nothing is "
             "written twice",
    .count = count,
    .run = run,
};
