#include "sim/story.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/facts.h"
#include "sim/world_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STORY_BYTES_MAX = 1 << 20, LINE_BYTES_MAX = 16 << 10 };

/* ---- Lines ---- */

static void tell_line(struct story *s, const char *who, const char *what)
{
    if (!s->silent) {
        buf_printf(&s->text, "[%6" PRIu64 "] %-11s%s\n", world_now_ms(s->world) - s->began_ms, who,
                   what);
    }
}

void story_tell(struct story *s, const char *who, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    tell_line(s, who, line);
}

static const char *process_name(const struct story *s, unsigned process)
{
    static const char *const names[WORLD_PROCESSES_MAX] = {"operator/0", "operator/1"};
    return s->world->options.processes > 1 ? names[process] : "operator";
}

/* ---- Changes ---- */

struct telling {
    struct story *story;
    const char *who;
    const char *verb;   /* NULL: what became of the object */
    const char *answer; /* " → 200" */
    unsigned told;
};

/* "memcached default/cache: size=2". False: nothing of it differs. */
static bool append_change(struct buf *line, const char *resource, const char *before,
                          const char *after)
{
    struct facts was, is;
    facts_read(&was, resource, before);
    facts_read(&is, resource, after);
    facts_append_name(line, resource, after != NULL ? after : before);
    size_t len = line->len;
    buf_append_char(line, ':');
    bool differ = facts_append_difference(line, &was, &is);
    if (!differ || after == NULL) {
        buf_cut(line, len);
    }
    facts_fini(&was);
    facts_fini(&is);
    return differ;
}

static const char *verb_of(const struct api_change *change)
{
    return change->before == NULL ? "creates" : change->after == NULL ? "removes" : "changes";
}

/* A Lease that is renewed is nobody's news. */
static void tell_change(void *ctx, const struct api_change *change)
{
    struct telling *t = ctx;
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    t->story->revision = change->revision;
    buf_printf(&line, "%s ", t->verb != NULL ? t->verb : verb_of(change));
    bool differ = append_change(&line, change->resource, change->before, change->after);
    if (differ || change->before == NULL || change->after == NULL) {
        buf_append_text(&line, t->answer);
        tell_line(t->story, t->who, buf_text(&line));
        t->told++;
    }
}

static unsigned tell_changes(struct story *s, const char *who, const char *verb, const char *answer)
{
    struct telling t = {.story = s, .who = who, .verb = verb, .answer = answer};
    api_each_change(s->world->api, s->revision, tell_change, &t);
    s->revision = api_revision(s->world->api);
    return t.told;
}

unsigned story_tell_changes(struct story *s, const char *who)
{
    return tell_changes(s, who, NULL, "");
}

/* ---- What a watch says ---- */

/* The watches have names of their own: some are of one kind. */
static const struct watch_words {
    const char *in_path, *name, *resource;
} watches[] = {{"/deployments?fieldSelector=", "named", "deployments"},
               {"/statefulsets?fieldSelector=", "named", "statefulsets"},
               {"/memcacheds", "memcacheds", "memcacheds"},
               {"associated-memcached", "sources", "deployments"},
               {"managed-by", "operands", "deployments"},
               {"/pods", "pods", "pods"}};

static struct watch_words words_of(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
        if (strstr(path, watches[i].in_path) != NULL) {
            return watches[i];
        }
    }
    return (struct watch_words){path, path, path};
}

static const char *watch_name(const char *path)
{
    return words_of(path).name;
}

/* What has been heard of an object by this watch, or is known from an answer to a write of one's
 * own; replaced by @after (NULL: it is gone). To be freed. */
static char *replace_heard(struct story *s, unsigned process, const char *watch,
                           yyjson_val *metadata, char *after)
{
    CLEANUP(buf_fini) struct buf key;
    buf_init(&key, LINE_BYTES_MAX);
    buf_printf(&key, "%u %s %s/%s", process, watch,
               yyjson_get_str(yyjson_obj_get(metadata, "namespace")),
               yyjson_get_str(yyjson_obj_get(metadata, "name")));
    return after == NULL ? map_remove(&s->heard, buf_text(&key))
                         : map_put(&s->heard, buf_text(&key), after);
}

/* What one wrote oneself is no news. */
static void remember_own(struct story *s, const struct exchange *e, const struct api_answer *answer)
{
    bool ours = strstr(e->path, "/memcacheds") != NULL || strstr(e->path, "/deployments") != NULL;
    yyjson_doc *doc = yyjson_read(buf_text(&answer->body), answer->body.len, 0);
    if (ours && answer->http_status < 300) {
        const char *watch = strstr(e->path, "/memcacheds") != NULL ? "memcacheds" : "operands";
        yyjson_val *object = yyjson_doc_get_root(doc);
        mem_free(replace_heard(s, e->process, watch, yyjson_obj_get(object, "metadata"),
                               json_text(object)));
    }
    yyjson_doc_free(doc);
}

/* What has changed was told by whoever has changed it. */
static void tell_event(struct story *s, const struct flight *f, yyjson_val *event)
{
    const char *watch = watch_name(f->exchange.path);
    const char *resource = words_of(f->exchange.path).resource;
    const char *type = yyjson_get_str(yyjson_obj_get(event, "type"));
    yyjson_val *object = yyjson_obj_get(event, "object");
    bool gone = strcmp(type, "DELETED") == 0;
    char *after = json_text(object);
    char *before = replace_heard(s, f->exchange.process, watch, yyjson_obj_get(object, "metadata"),
                                 gone ? NULL : mem_strdup(after));
    CLEANUP(buf_fini) struct buf facts, name;
    buf_init(&facts, LINE_BYTES_MAX);
    buf_init(&name, LINE_BYTES_MAX);
    if (gone || append_change(&facts, resource, before, after)) {
        facts_append_name(&name, resource, after);
        story_tell(s, process_name(s, f->exchange.process), "hears %s %s (%s)", type,
                   buf_text(&name), watch);
    }
    mem_free(before);
    mem_free(after);
}

static void hear(void *ctx, const struct flight *f, const struct buf *bytes)
{
    struct story *s = ctx;
    yyjson_doc *doc = yyjson_read(bytes->data, bytes->len, 0);
    yyjson_val *event = yyjson_doc_get_root(doc);
    yyjson_val *type = yyjson_obj_get(event, "type");
    if (yyjson_equals_str(type, "ERROR")) {
        story_tell(s, process_name(s, f->exchange.process), "hears ERROR %s (%s)",
                   yyjson_get_str(json_at(event, "object", "message", NULL)),
                   watch_name(f->exchange.path));
    } else if (!yyjson_equals_str(type, "BOOKMARK")) {
        tell_event(s, f, event);
    } else if (s->reads && json_at(event, "object", "metadata", "annotations", NULL) != NULL) {
        story_tell(s, process_name(s, f->exchange.process), "hears that this was all (%s)",
                   watch_name(f->exchange.path));
    }
    yyjson_doc_free(doc);
}

/* ---- What a process sends ---- */

static void append_reason(struct buf *out, const struct api_answer *answer)
{
    yyjson_doc *doc = yyjson_read(buf_text(&answer->body), answer->body.len, 0);
    const char *reason = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "reason"));
    bool refused = answer->http_status >= 300 && reason != NULL;
    buf_printf(out, " → %d%s%s", answer->http_status, refused ? " " : "", refused ? reason : "");
    yyjson_doc_free(doc);
}

/* "deployments/cache" of "/apis/apps/v1/namespaces/default/deployments/cache?force=true" */
static const char *tail_of(const char *path)
{
    const char *ns = strstr(path, "/namespaces/");
    const char *tail = ns != NULL ? strchr(ns + strlen("/namespaces/"), '/') : NULL;
    return tail != NULL ? tail + 1 : path;
}

/* "memcached default/cache", "scale of fleet default/web"; a path that names no object as it is. */
static void append_target(struct buf *out, const char *path)
{
    char ns[64], plural[64], name[256], part[32];
    const char *at = strstr(path, "/namespaces/");
    int read = at != NULL ? sscanf(at, "/namespaces/%63[^/]/%63[^/?]/%255[^/?]/%31[^?]", ns, plural,
                                   name, part)
                          : 0;
    if (read < 3) {
        const char *tail = tail_of(path);
        buf_printf(out, "%.*s", (int)strcspn(tail, "?"), tail);
        return;
    }
    bool is_scale = read == 4 && strcmp(part, "scale") == 0; /* of a status the verb tells */
    buf_printf(out, "%s%s %s/%s", is_scale ? "scale of " : "", facts_word(plural), ns, name);
}

static const char *write_verb(const struct flight *f)
{
    const char *path = f->exchange.path;
    size_t len = strcspn(path, "?");
    if (f->exchange.method == HTTP_PATCH && strcmp(f->content_type, MEDIA_APPLY_PATCH) == 0) {
        return "applies";
    }
    if (f->exchange.method == HTTP_PATCH) {
        bool status = len > 7 && strncmp(path + len - 7, "/status", 7) == 0;
        return status ? "patches status of" : "patches";
    }
    return f->exchange.method == HTTP_POST ? "creates" : "updates";
}

static void tell_write(struct story *s, const struct flight *f)
{
    CLEANUP(buf_fini) struct buf code;
    buf_init(&code, LINE_BYTES_MAX);
    append_reason(&code, &f->answer);
    const struct exchange *e = &f->exchange;
    const char *who = process_name(s, e->process);
    unsigned told = tell_changes(s, who, write_verb(f), buf_text(&code));
    bool renewal = strstr(e->path, "/leases") != NULL && f->answer.http_status == 200;
    if (told == 0 && !renewal) {
        CLEANUP(buf_fini) struct buf target;
        buf_init(&target, LINE_BYTES_MAX);
        append_target(&target, e->path);
        story_tell(s, who, "%s %s%s", write_verb(f), buf_text(&target), buf_text(&code));
    }
    remember_own(s, e, &f->answer);
}

static void tell_read(struct story *s, const struct exchange *e, bool opened,
                      const struct api_answer *answer)
{
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    bool is_one = strstr(e->path, "/namespaces/") != NULL;
    bool is_named = is_one && strstr(e->path, "?fieldSelector=") != NULL;
    bool is_look = is_one && !is_named && !e->is_watch;
    bool all = strstr(e->path, "sendInitialEvents=true") != NULL;
    bool check = !is_named && strstr(e->path, "fieldSelector=") != NULL;
    if (strstr(e->path, "/leases") != NULL || (!is_look && !s->reads)) {
        return;
    }
    if (is_look) {
        buf_append_text(&line, "looks at ");
        append_target(&line, e->path);
    } else {
        buf_printf(&line, "%s %s%s",
                   e->is_watch ? "watches"
                   : check     ? "checks"
                               : "lists",
                   watch_name(e->path), all ? ", all there is first" : "");
    }
    if (opened) {
        buf_append_text(&line, " → 200");
    } else {
        append_reason(&line, answer);
    }
    tell_line(s, process_name(s, e->process), buf_text(&line));
}

/* ---- Choices ---- */

static void take_execute(struct story *s, const struct choice *c)
{
    const struct flight *f = s->world->network.flights[c->exchange];
    world_take(s->world, c);
    if (f->exchange.method == HTTP_GET) {
        tell_read(s, &f->exchange, f->watch != NULL, &f->answer);
    } else {
        tell_write(s, f);
    }
}

static void tell_fault(struct story *s, const struct choice *c)
{
    char text[WORLD_CHOICE_BYTES];
    const char *who = process_name(s, c->process);
    if (c->type == CHOICE_LOSE) {
        const struct exchange *e = world_exchange(s->world, c->exchange);
        const char *tail = tail_of(e->path);
        story_tell(s, "network", "breaks: no answer to %s %.*s", http_method_name(e->method),
                   (int)strcspn(tail, "?"), tail);
    } else if (c->type == CHOICE_CRASH) {
        story_tell(s, who, "is killed");
    } else if (c->type == CHOICE_STOP) {
        story_tell(s, who, "gets SIGTERM");
    } else if (c->type == CHOICE_START) {
        story_tell(s, who, "starts");
    } else if (c->type > CHOICE_PASS) {
        story_tell(s, "fault", "%s", world_choice_text(s->world, c, text));
    }
}

void story_take(struct story *s, const struct choice *c)
{
    tell_fault(s, c);
    if (c->type == CHOICE_EXECUTE) {
        take_execute(s, c);
    } else {
        world_take(s->world, c);
        story_tell_changes(s, c->type == CHOICE_CLUSTER ? "cluster" : "somebody");
    }
}

/* ---- Listening ---- */

void story_begin(struct story *s, struct world *w)
{
    *s = (struct story){.world = w, .silent = true};
    map_init(&s->heard, 1);
    buf_init(&s->text, STORY_BYTES_MAX);
    w->network.hear = hear;
    w->network.hear_ctx = s;
    s->revision = api_revision(w->api);
}

void story_start(struct story *s)
{
    s->silent = false;
    s->began_ms = world_now_ms(s->world);
}

void story_fini(struct story *s)
{
    s->world->network.hear = NULL;
    map_for_each (&s->heard, e) {
        mem_free(e->value);
    }
    map_fini(&s->heard);
    buf_fini(&s->text);
}
