#include "kube/http.h"
#include "base/mem.h"

const char *http_method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "GET";
    case HTTP_POST:
        return "POST";
    case HTTP_PUT:
        return "PUT";
    case HTTP_PATCH:
        return "PATCH";
    case HTTP_DELETE:
        return "DELETE";
    }
    return "?";
}

void request_fini(struct request *r)
{
    if (r == NULL) {
        return;
    }
    mem_free(r->path);
    mem_free(r->body);
    *r = (struct request){0};
}

void actions_push(struct actions *a, struct action action)
{
    if (a->count == a->cap) {
        a->cap = a->cap == 0 ? 16 : a->cap * 2;
        a->items = mem_realloc(a->items, a->cap * sizeof *a->items);
    }
    a->items[a->count] = action;
    a->count++;
}

bool actions_is_cancelled(const struct actions *a, size_t i)
{
    for (size_t later = i + 1; later < a->count; later++) {
        if (a->items[later].type == ACTION_CANCEL && a->items[later].id == a->items[i].id) {
            return true;
        }
    }
    return false;
}

void actions_clear(struct actions *a)
{
    for (size_t i = 0; i < a->count; i++) {
        mem_free(a->items[i].text);
    }
    a->count = 0;
}

void actions_fini(struct actions *a)
{
    if (a == NULL) {
        return;
    }
    actions_clear(a);
    mem_free(a->items);
    *a = (struct actions){0};
}
