/*
 * GET /apis/GROUP/VERSION: which resources there are, as an APIResourceList.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#api-discovery
 */
#include "sim/api_call.h"

#include <string.h>

static const char VERBS[] =
    "[\"create\",\"delete\",\"deletecollection\",\"get\",\"list\",\"patch\",\"update\",\"watch\"]";
static const char SCALE_VERBS[] = "[\"get\",\"patch\",\"update\"]";

static void append_resource(struct buf *out, const struct api_resource *r)
{
    const char *scoped = r->namespaced ? "true" : "false";
    buf_printf(out,
               "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\","
               "\"verbs\":%s}",
               r->plural, r->is_custom ? r->singular : "", scoped, r->kind, VERBS);
    if (r->has_scale) {
        buf_printf(out,
                   ",{\"name\":\"%s/scale\",\"singularName\":\"\",\"namespaced\":%s,\"group\":"
                   "\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":%s}",
                   r->plural, scoped, SCALE_VERBS);
    }
    if (r->has_status) {
        buf_printf(out,
                   ",{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,\"kind\":"
                   "\"%s\",\"verbs\":%s}",
                   r->plural, scoped, r->kind, SCALE_VERBS);
    }
}

void api_discover(struct api_call *c)
{
    struct buf *body = &c->answer->body;
    const char *group = c->path.group, *version = c->path.version;
    bool any = false;
    buf_printf(body,
               "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%s\","
               "\"resources\":[",
               group, group[0] != '\0' ? "/" : "", version);
    for (unsigned i = 0; i < api_resource_count; i++) {
        const struct api_resource *r = &api_resources[i];
        if (strcmp(r->group, group) == 0 && strcmp(r->version, version) == 0 &&
            (!r->is_memcached || c->api->crd_served)) {
            buf_append_text(body, any ? "," : "");
            append_resource(body, r);
            any = true;
        }
    }
    buf_append_text(body, "]}\n");
    if (!any) {
        buf_reset(body, body->cap);
        api_answer_page_not_found(c->answer);
    } else if (c->request->method != HTTP_GET) {
        buf_reset(body, body->cap);
        api_answer_no_method(c->answer);
    } else {
        c->answer->http_status = 200;
    }
}
