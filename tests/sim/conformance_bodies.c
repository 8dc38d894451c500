#include "sim/conformance_bodies.h"

#include "sim/conformance_specs.h"

const char *pick(struct random *r, const char *const *texts, size_t count)
{
    return texts[random_below(r, count)];
}

bool chance(struct random *r, unsigned percent)
{
    return random_below(r, 100) < percent;
}

/* ---- metadata ---- */

static const char *labels_of(struct random *r)
{
    return PICK(r, "'a':'1'", "'a':'2'", "'a':'1','b':'x'", "'b':'y'", "'example.com/c':'z'", "");
}

/* Members of metadata that are right, each seldom. */
static void append_good_metadata(struct random *r, struct buf *out)
{
    if (chance(r, 60)) {
        buf_printf(out, ",'labels':{%s}", labels_of(r));
    }
    if (chance(r, 20)) {
        buf_printf(out, ",'annotations':{'note':'%s'}", PICK(r, "1", "2", "ünï", ""));
    }
    if (chance(r, 15)) {
        buf_printf(out, ",'finalizers':[%s]",
                   PICK(r, "'example.com/f'", "'example.com/f','example.com/g'", ""));
    }
    if (chance(r, 15)) {
        const char *kind = PICK(r, "memcacheds", "deployments");
        buf_printf(out,
                   ",'ownerReferences':[{'apiVersion':'%s','kind':'%s','name':'a','uid':"
                   "'$uid(%s/a)'%s}]",
                   kind[0] == 'm' ? "cache.example.com/v1alpha1" : "apps/v1",
                   kind[0] == 'm' ? "Memcached" : "Deployment", kind,
                   PICK(r, "", ",'controller':true", ",'controller':true,'blockOwnerDeletion':true",
                        ",'controller':false"));
    }
}

/* Members that are refused, or that the server knows better. */
static void append_odd_metadata(struct random *r, struct buf *out)
{
    buf_append_text(out,
                    PICK(r, ",'namespace':'elsewhere'", ",'namespace':'$ns'", ",'labels':{'a':'-'}",
                         ",'labels':{'a b':'1'}", ",'labels':{'a':7}", ",'labels':'a'",
                         ",'annotations':{'a b':'1'}", ",'finalizers':['bad']",
                         ",'finalizers':['x y/z']", ",'creationTimestamp':'2001-01-01T00:00:00Z'",
                         ",'deletionTimestamp':'2001-01-01T00:00:00Z'", ",'generation':77",
                         ",'ownerReferences':[{'apiVersion':'v1','kind':'Pod','name':'a'}]",
                         ",'ownerReferences':[{'apiVersion':'v1','kind':'Pod','name':'a','uid':'u',"
                         "'controller':true},{'apiVersion':'v1','kind':'Pod','name':'b','uid':'v',"
                         "'controller':true}]",
                         ",'managedFields':[]", ",'clusterName':'here'", ",'unknown':'x'",
                         ",'selfLink':'/x'",
                         ",'labels':{'a':'1234567890123456789012345678901234567890"
                         "123456789012345678901234'}"));
}

static void append_metadata(struct random *r, enum resource resource, const char *name,
                            unsigned serial, bool update, struct buf *out)
{
    if (name != NULL) {
        buf_printf(out, "'metadata':{'name':'%s'", name);
    } else {
        buf_printf(out, "'metadata':{'generateName':'g%u-'", serial);
    }
    if (chance(r, 6)) {
        append_odd_metadata(r, out);
    } else {
        append_good_metadata(r, out);
    }
    if (update && name != NULL) {
        const char *plural = resource_texts[resource].plural;
        if (chance(r, 75)) {
            buf_printf(out, ",'resourceVersion':'$%s(%s/%s)'", chance(r, 80) ? "rv" : "old", plural,
                       name);
        }
        if (chance(r, 15)) {
            buf_printf(out, ",'uid':'$uid(%s/%s)'", plural, chance(r, 70) ? name : "c");
        }
    } else if (chance(r, 3)) {
        buf_append_text(out, PICK(r, ",'resourceVersion':'5'",
                                  ",'uid':'11111111-1111-1111-1111-111111111111'"));
    }
    buf_append_char(out, '}');
}

/* ---- bodies ---- */

static void append_type(struct random *r, enum resource resource, struct buf *out)
{
    const struct resource_text *t = &resource_texts[resource];
    if (chance(r, 97)) {
        buf_printf(out, "{'apiVersion':'%s','kind':'%s',", t->api_version, t->kind);
    } else {
        buf_append_text(out, PICK(r, "{'kind':'Deployment',", "{'apiVersion':'apps/v1',", "{",
                                  "{'apiVersion':'apps/v1beta9','kind':'Deployment',",
                                  "{'apiVersion':'v1','kind':'ConfigMap',"));
    }
}

static void append_junk(struct random *r, struct buf *out)
{
    buf_append_text(out, PICK(r, "", "{", "[]", "null", "7", "'text'", "{'a':}", "{}"));
}

void body_object(struct random *r, enum resource resource, const char *name, unsigned serial,
                 bool update, struct buf *out)
{
    if (chance(r, 2)) {
        append_junk(r, out);
        return;
    }
    append_type(r, resource, out);
    append_metadata(r, resource, name, serial, update, out);
    if (chance(r, 98)) {
        buf_append_char(out, ',');
        spec_append_members(r, resource, out);
    }
    if (resource != RESOURCE_LEASES && resource != RESOURCE_EVENTS && chance(r, 10)) {
        buf_append_text(out, ",'status':");
        spec_append_status(r, resource, out);
    }
    buf_append_char(out, '}');
}

void body_minimal(enum resource resource, const char *name, const char *labels, struct buf *out)
{
    static const char *const members[RESOURCE_COUNT] = {
        [RESOURCE_DEPLOYMENTS] = "'spec':{'selector':{'matchLabels':{'app':'x'}},'template':{"
                                 "'metadata':{'labels':{'app':'x'}},'spec':{'containers':["
                                 "{'name':'c','image':'i'}]}}}",
        [RESOURCE_REPLICASETS] = "'spec':{'selector':{'matchLabels':{'app':'x'}},'template':{"
                                 "'metadata':{'labels':{'app':'x'}},'spec':{'containers':["
                                 "{'name':'c','image':'i'}]}}}",
        [RESOURCE_MEMCACHEDS] = "'spec':{'size':1}",
        [RESOURCE_PODS] = "'spec':{'containers':[{'name':'c','image':'i'}]}",
        [RESOURCE_LEASES] = "'spec':{}",
        [RESOURCE_EVENTS] =
            "'eventTime':'2026-11-22T11:13:05.123456Z','reportingController':'example.com/me',"
            "'reportingInstance':'me','action':'A','reason':'R','type':'Normal','regarding':{"
            "'namespace':'$ns'}",
    };
    const struct resource_text *t = &resource_texts[resource];
    buf_printf(out, "{'apiVersion':'%s','kind':'%s','metadata':{'name':'%s','labels':{%s}},%s}",
               t->api_version, t->kind, name, labels, members[resource]);
}

/* Of metadata: what enters and leaves filtered watches, and what else may change. */
static void append_metadata_patch(struct random *r, enum resource resource, const char *name,
                                  struct buf *out)
{
    const char *plural = resource_texts[resource].plural;
    switch (random_below(r, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        buf_printf(out, "'metadata':{'labels':%s}",
                   PICK(r, "{'a':'1'}", "{'a':'2'}", "{'a':null}", "{'b':'x'}", "null",
                        "{'a':'1','b':null}", "{}"));
        return;
    case 4:
        buf_printf(out, "'metadata':{'finalizers':%s}",
                   PICK(r, "null", "[]", "['example.com/f']", "['example.com/g']", "null"));
        return;
    case 5:
        buf_printf(out, "'metadata':{'annotations':%s}",
                   PICK(r, "{'note':'3'}", "{'note':null}", "null", "{'note':{}}"));
        return;
    case 6:
    case 7:
        buf_printf(out, "'metadata':{'resourceVersion':'$%s(%s/%s)','annotations':{'p':'%s'}}",
                   PICK(r, "rv", "rv", "old"), plural, name, PICK(r, "1", "2"));
        return;
    case 8:
        buf_printf(out, "'metadata':{'uid':'$uid(%s/%s)','annotations':{'p':'%s'}}", plural,
                   PICK(r, name, name, "c"), PICK(r, "1", "2"));
        return;
    case 9:
        buf_printf(out, "'metadata':{'ownerReferences':%s}",
                   PICK(r, "null", "[]",
                        "[{'apiVersion':'apps/v1','kind':'Deployment','name':'b','uid':"
                        "'$uid(deployments/b)'}]"));
        return;
    case 10:
        buf_printf(out, "'metadata':{'managedFields':%s}", PICK(r, "null", "[]", "[{}]"));
        return;
    default:
        buf_append_text(out, "'metadata':{'x':1");
        append_odd_metadata(r, out);
        buf_append_char(out, '}');
        return;
    }
}

void body_merge_patch(struct random *r, enum resource resource, const char *name, struct buf *out)
{
    if (chance(r, 3)) {
        append_junk(r, out);
        return;
    }
    bool metadata = chance(r, 50), other = !metadata || chance(r, 30);
    buf_append_char(out, '{');
    if (metadata) {
        append_metadata_patch(r, resource, name, out);
    }
    if (metadata && other) {
        buf_append_char(out, ',');
    }
    if (other) {
        spec_append_patch(r, resource, out);
    }
    buf_append_char(out, '}');
}

void body_apply(struct random *r, enum resource resource, const char *name, struct buf *out)
{
    if (chance(r, 2)) {
        append_junk(r, out);
        return;
    }
    const char *plural = resource_texts[resource].plural;
    append_type(r, resource, out);
    buf_printf(out, "'metadata':{'name':'%s'", chance(r, 97) ? name : "another");
    if (chance(r, 4)) {
        append_odd_metadata(r, out);
    } else {
        append_good_metadata(r, out);
    }
    if (chance(r, 15)) {
        buf_printf(out, ",'uid':'$uid(%s/%s)'", plural, chance(r, 70) ? name : "c");
    }
    if (chance(r, 15)) {
        buf_printf(out, ",'resourceVersion':'$%s(%s/%s)'", chance(r, 70) ? "rv" : "old", plural,
                   name);
    }
    buf_printf(out, "}%s}", spec_applied_part(r, resource));
}

void body_status(struct random *r, enum resource resource, const char *name, bool whole,
                 struct buf *out)
{
    if (whole) {
        append_type(r, resource, out);
        append_metadata(r, resource, name, 0, true, out);
        buf_append_text(out, ",'spec':");
        spec_append(r, resource, out);
        buf_append_char(out, ',');
    } else {
        buf_append_char(out, '{');
        if (chance(r, 20)) {
            append_metadata_patch(r, resource, name, out);
            buf_append_char(out, ',');
        }
        if (chance(r, 10)) {
            buf_append_text(out, "'spec':{'replicas':7,'size':7},");
        }
    }
    buf_append_text(out, "'status':");
    spec_append_status(r, resource, out);
    buf_append_char(out, '}');
}

void body_scale(struct random *r, enum resource resource, const char *name, bool whole,
                struct buf *out)
{
    const char *spec = PICK(r, "{'replicas':1}", "{'replicas':3}", "{'replicas':4}", "{}",
                            "{'replicas':-1}", "{'replicas':'x'}");
    if (!whole) {
        buf_printf(out, "{'spec':%s}", spec);
        return;
    }
    buf_printf(out, "{'apiVersion':'%s','kind':'Scale','metadata':{'name':'%s','namespace':'$ns'",
               chance(r, 95) ? "autoscaling/v1" : "apps/v1", chance(r, 97) ? name : "another");
    if (chance(r, 50)) {
        buf_printf(out, ",'resourceVersion':'$%s(%s/%s)'", chance(r, 80) ? "rv" : "old",
                   resource_texts[resource].plural, name);
    }
    buf_printf(out, "},'spec':%s}", spec);
}

void body_delete(struct random *r, enum resource resource, const char *name, struct buf *out)
{
    const char *plural = resource_texts[resource].plural;
    buf_append_text(out, "{'kind':'DeleteOptions','apiVersion':'v1'");
    if (chance(r, 40)) {
        buf_printf(out, ",'preconditions':{'uid':'$uid(%s/%s)'}", plural,
                   chance(r, 70) ? name : "c");
    } else if (chance(r, 40)) {
        buf_printf(out, ",'preconditions':{'resourceVersion':'$%s(%s/%s)'}",
                   chance(r, 70) ? "rv" : "old", plural, name);
    }
    if (chance(r, 40)) {
        buf_printf(out, ",'propagationPolicy':'%s'",
                   PICK(r, "Background", "Foreground", "Foreground", "Orphan", "Other"));
    }
    if (chance(r, 20)) {
        buf_printf(out, ",'gracePeriodSeconds':%s", PICK(r, "0", "5", "-1"));
    }
    buf_append_char(out, '}');
}
