#include "lib/testing.h"

#include "sim/api_driver.h"

#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 2048 };

void api_driver_init(struct api_driver *d, bool watch_list)
{
    *d = (struct api_driver){.api = api_new(&(struct api_options){
                                 .seed = 1, .first_revision = 100, .watch_list = watch_list})};
    api_answer_init(&d->answer);
    api_set_time(d->api, INT64_C(1767225600000000));
}

void api_driver_fini(struct api_driver *d)
{
    api_answer_fini(&d->answer);
    api_free(d->api);
}

/* With double quotes for single ones; mem_free. */
static char *quoted(const char *text)
{
    char *copy = mem_strdup(text);
    for (char *c = copy; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    return copy;
}

static struct api_request request_of(const struct api_driver *d, const char *line)
{
    static const char *const NAMES[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct api_request r = {.accept = d->accept, .agent = "tester/v1 (linux)"};
    size_t len = strcspn(line, " ");
    while (strncmp(NAMES[r.method], line, len) != 0) {
        r.method++;
        assert_true((size_t)r.method < ARRAY_LEN(NAMES));
    }
    r.path = line + len + 1;
    return r;
}

int api_driver_ask_as(struct api_driver *d, const char *line, const char *type, const char *body)
{
    struct api_request r = request_of(d, line);
    char *text = body != NULL ? quoted(body) : NULL;
    r.body = text;
    r.body_len = text != NULL ? strlen(text) : 0;
    r.content_type = type;
    api_handle(d->api, d->server, &r, &d->answer);
    mem_free(text);
    return d->answer.http_status;
}

int api_driver_ask(struct api_driver *d, const char *line, const char *body)
{
    const char *type = strncmp(line, "PATCH", 5) == 0 ? MEDIA_MERGE_PATCH : MEDIA_JSON;
    return api_driver_ask_as(d, line, body != NULL ? type : NULL, body);
}

bool api_driver_has(const struct api_driver *d, const char *part)
{
    char *text = quoted(part);
    bool has = strstr(buf_text(&d->answer.body), text) != NULL;
    mem_free(text);
    return has;
}

void api_driver_expect(struct api_driver *d, const char *line, const char *body, int http_status,
                       const char *part)
{
    int answered = api_driver_ask(d, line, body);
    if (answered != http_status || !api_driver_has(d, part)) {
        fail_msg("%s\n  answered %d, not %d, or lacks %s:\n  %s", line, answered, http_status, part,
                 buf_text(&d->answer.body));
    }
}

static const char *text_at(struct api_driver *d, yyjson_val *root, const char *pointer)
{
    yyjson_val *value = yyjson_ptr_get(root, pointer);
    char *json = value == NULL ? NULL : yyjson_val_write(value, 0, NULL);
    snprintf(d->text, sizeof d->text, "%s",
             json == NULL           ? ""
             : yyjson_is_str(value) ? yyjson_get_str(value)
                                    : json);
    free(json);
    return d->text;
}

const char *api_driver_at(struct api_driver *d, const char *pointer)
{
    yyjson_doc *doc = json_parse(d->answer.body.data, d->answer.body.len, NULL);
    text_at(d, yyjson_doc_get_root(doc), pointer);
    yyjson_doc_free(doc);
    return d->text;
}

/* ---- objects --------------------------------------------------------------------------------- */

static void make(struct api_driver *d, const char *line, const char *body)
{
    api_driver_expect(d, line, body, 201, "");
}

static const char *labels(char out[64], const char *label)
{
    out[0] = '\0';
    if (label != NULL) {
        snprintf(out, 64, ",'labels':{'x':'%s'}", label);
    }
    return out;
}

void api_driver_memcached(struct api_driver *d, const char *ns, const char *name, const char *label)
{
    char line[TEXT_BYTES];
    char body[TEXT_BYTES];
    char x[64];
    snprintf(line, sizeof line, "POST " CACHE "/namespaces/%s/memcacheds", ns);
    snprintf(body, sizeof body,
             "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{'name':"
             "'%s'%s},'spec':{'size':1}}",
             name, labels(x, label));
    make(d, line, body);
}

void api_driver_deployment(struct api_driver *d, const char *name, const char *label)
{
    char body[TEXT_BYTES];
    char x[64];
    snprintf(body, sizeof body,
             "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'%s'%s},'spec':{"
             "'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},"
             "'spec':{'containers':[{'name':'c','image':'i'}]}}}}",
             name, labels(x, label));
    make(d, "POST " DEPLOYMENTS, body);
}

void api_driver_pod(struct api_driver *d, const char *name, const char *node)
{
    char body[TEXT_BYTES];
    char where[64] = "";
    if (node != NULL) {
        snprintf(where, sizeof where, "'nodeName':'%s',", node);
    }
    snprintf(body, sizeof body,
             "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'%s'},'spec':{%s'containers':[{"
             "'name':'c','image':'i'}]}}",
             name, where);
    make(d, "POST " PODS, body);
}

void api_driver_namespace(struct api_driver *d, const char *name)
{
    char body[TEXT_BYTES];
    snprintf(body, sizeof body, "{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'%s'}}",
             name);
    make(d, "POST " NAMESPACES, body);
}

void api_driver_label(struct api_driver *d, const char *name, const char *label)
{
    char line[TEXT_BYTES];
    char body[TEXT_BYTES];
    snprintf(line, sizeof line, "PATCH " MEMCACHEDS "/%s", name);
    snprintf(body, sizeof body, "{'metadata':{'labels':{'x':'%s'}}}", label);
    api_driver_expect(d, line, body, 200, "");
}

/* ---- in short -------------------------------------------------------------------------------- */

static void add_object(struct buf *out, yyjson_val *object)
{
    const char *name = yyjson_get_str(json_at(object, "metadata", "name", NULL));
    buf_printf(out, "%s@%s", name != NULL ? name : "",
               yyjson_get_str(json_at(object, "metadata", "resourceVersion", NULL)));
}

static const char *keep(struct api_driver *d, struct buf *text)
{
    snprintf(d->text, sizeof d->text, "%s", buf_text(text));
    buf_fini(text);
    return d->text;
}

const char *api_driver_items(struct api_driver *d)
{
    struct buf out;
    buf_init(&out, sizeof d->text);
    yyjson_doc *doc = json_parse(d->answer.body.data, d->answer.body.len, NULL);
    size_t i;
    size_t count;
    yyjson_val *item;
    yyjson_arr_foreach(json_at(yyjson_doc_get_root(doc), "items", NULL), i, count, item)
    {
        buf_append_text(&out, i > 0 ? " " : "");
        add_object(&out, item);
    }
    yyjson_doc_free(doc);
    return keep(d, &out);
}

struct api_watch *api_driver_watch(struct api_driver *d, const char *path)
{
    struct api_request r = {.path = path, .accept = d->accept};
    assert_true(api_is_watch(&r));
    struct api_watch *w = api_watch_open(d->api, d->server, &r, &d->answer);
    if (w == NULL) {
        fail_msg("%s\n  answered %d: %s", path, d->answer.http_status, buf_text(&d->answer.body));
    }
    assert_int_equal(d->answer.http_status, 200);
    return w;
}

static void add_event(struct buf *out, yyjson_val *event)
{
    const char *type = yyjson_get_str(json_at(event, "type", NULL));
    yyjson_val *object = json_at(event, "object", NULL);
    buf_printf(out, "%s%s ", out->len > 0 ? " " : "", type);
    if (strcmp(type, "ERROR") == 0) {
        buf_printf(out, "%d %s", (int)json_get_int(json_at(object, "code", NULL), 0),
                   yyjson_get_str(json_at(object, "reason", NULL)));
    } else {
        add_object(out, object);
    }
}

const char *api_driver_events(struct api_driver *d, struct api_watch *w)
{
    CLEANUP(buf_fini) struct buf line;
    struct buf out;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    buf_init(&out, sizeof d->text);
    while (api_watch_has_event(w)) {
        buf_reset(&line, line.cap);
        assert_true(api_watch_next(w, &line));
        assert_int_equal(line.data[line.len - 1], '\n');
        yyjson_doc *doc = json_parse(line.data, line.len, NULL);
        assert_non_null(doc);
        add_event(&out, yyjson_doc_get_root(doc));
        yyjson_doc_free(doc);
    }
    assert_false(api_watch_next(w, &line));
    return keep(d, &out);
}

const char *api_driver_bookmark(struct api_driver *d, struct api_watch *w)
{
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    d->text[0] = '\0';
    if (api_watch_bookmark(w, &line)) {
        yyjson_doc *doc = json_parse(line.data, line.len, NULL);
        text_at(d, yyjson_doc_get_root(doc), "/object/metadata/resourceVersion");
        yyjson_doc_free(doc);
    }
    return d->text;
}

void api_driver_expect_items(struct api_driver *d, const char *line, const char *items,
                             const char *revision)
{
    api_driver_expect(d, line, NULL, 200, "");
    assert_string_equal(api_driver_items(d), items);
    assert_string_equal(api_driver_at(d, "/metadata/resourceVersion"), revision);
}

/* ---- fixtures -------------------------------------------------------------------------------- */

static int setup(void **state, bool watch_list)
{
    struct api_driver *d = mem_zalloc(sizeof *d);
    api_driver_init(d, watch_list);
    *state = d;
    return 0;
}

int api_driver_setup(void **state)
{
    return setup(state, false);
}

int api_driver_setup_watch_list(void **state)
{
    return setup(state, true);
}

int api_driver_teardown(void **state)
{
    api_driver_fini(*state);
    mem_free(*state);
    return 0;
}
