#include "sim/conformance_bodies.h"

#include "base/mem.h"

#include <string.h>

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

/* ---- specs ---- */

static void append_replicas(struct random *r, struct buf *out)
{
    if (chance(r, 80)) {
        buf_printf(out, "'replicas':%s,",
                   chance(r, 92)
                       ? PICK(r, "0", "1", "2", "3")
                       : PICK(r, "-1", "'2'", "1.5", "null", "2147483648", "true", "1e1"));
    }
}

static void append_container(struct random *r, struct buf *out)
{
    buf_printf(out, "{'name':'%s','image':'%s'%s%s%s}", PICK(r, "c", "c", "c", "d"),
               PICK(r, "memcached:1.6", "memcached:1.6", "memcached:latest", "memcached",
                    "localhost:5000/x@sha256:00"),
               PICK(r, "", "", ",'imagePullPolicy':'IfNotPresent'", ",'imagePullPolicy':'Always'"),
               PICK(r, "", ",'ports':[{'containerPort':11211,'name':'memcached'}]",
                    ",'ports':[{'containerPort':11211},{'containerPort':80,'protocol':'UDP'}]",
                    ",'command':['memcached','-m','64']", ",'args':[]"),
               PICK(r, "", "", ",'env':[{'name':'A','value':'1'}]",
                    ",'env':[{'name':'A','value':'2'},{'name':'B'}]",
                    ",'resources':{'limits':{'memory':'64Mi'}}",
                    ",'securityContext':{'runAsNonRoot':true}", ",'terminationMessagePath':'/x'"));
}

static void append_pod_spec(struct random *r, struct buf *out)
{
    buf_append_text(out, "{'containers':[");
    append_container(r, out);
    buf_printf(out, "]%s}",
               PICK(r, "", "", "", "", "", ",'terminationGracePeriodSeconds':5",
                    ",'securityContext':{'runAsUser':11211}", ",'dnsPolicy':'Default'",
                    ",'nodeSelector':{'x':'y'}",
                    ",'tolerations':[{'key':'k','operator':'Exists'}]"));
}

static void append_deployment_spec(struct random *r, struct buf *out)
{
    buf_append_char(out, '{');
    append_replicas(r, out);
    if (chance(r, 97)) {
        buf_printf(out, "'selector':{'matchLabels':{'app':'%s'}},",
                   PICK(r, "x", "x", "x", "x", "y"));
    }
    buf_printf(out, "'template':{'metadata':{'labels':{'app':'%s'%s}},'spec':",
               PICK(r, "x", "x", "x", "x", "x", "y"), PICK(r, "", "", ",'t':'1'"));
    append_pod_spec(r, out);
    buf_printf(out, "}%s}",
               PICK(r, "", "", "", "", "", ",'strategy':{'type':'Recreate'}", ",'paused':true",
                    ",'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':1}}",
                    ",'minReadySeconds':3", ",'revisionHistoryLimit':0", ",'unknown':1",
                    ",'progressDeadlineSeconds':60", ",'strategy':{'type':'Other'}"));
}

static void append_memcached_spec(struct random *r, struct buf *out)
{
    buf_append_text(out, chance(r, 90) ? PICK(r, "{'size':1}", "{'size':2}", "{'size':3}",
                                              "{'size':0}", "{'size':4,'extra':{'x':1}}")
                                       : PICK(r, "{}", "{'size':-1}", "{'size':'3'}",
                                              "{'size':1.5}", "null", "{'size':null}", "7",
                                              "{'size':2147483648}", "[]", "{'size':3.0}"));
}

static void append_lease_spec(struct random *r, struct buf *out)
{
    buf_printf(
        out, "{'holderIdentity':'%s'%s%s%s}", PICK(r, "me", "you", ""),
        PICK(r, ",'leaseDurationSeconds':15", ",'leaseDurationSeconds':15", "",
             ",'leaseDurationSeconds':0", ",'leaseDurationSeconds':-1",
             ",'leaseDurationSeconds':1.5"),
        PICK(r, ",'renewTime':'2026-11-22T11:13:05.123456Z'",
             ",'renewTime':'2026-11-22T11:13:06.000000Z'",
             ",'acquireTime':'2026-11-22T11:13:05.5Z'", ",'renewTime':'yesterday'",
             ",'renewTime':'2026-11-22T11:13:05Z'", ""),
        PICK(r, ",'leaseTransitions':1", ",'leaseTransitions':2", "", ",'leaseTransitions':-1"));
}

/* Of events.k8s.io: its members are not in a spec. */
static void append_event_members(struct random *r, struct buf *out)
{
    buf_printf(
        out,
        "'eventTime':%s,'reportingController':'%s','reportingInstance':'me-1','action':'%s',"
        "'reason':'%s','type':'%s','regarding':{'apiVersion':'apps/v1','kind':'Deployment','name':"
        "'a','namespace':'%s','uid':'$uid(deployments/a)'},'note':'%s'",
        PICK(r, "'2026-11-22T11:13:05.123456Z'", "'2026-11-22T11:13:05.123456Z'",
             "'2026-11-22T11:13:05.123456Z'", "'2026-11-22T11:13:05Z'", "null"),
        PICK(r, "example.com/me", "example.com/me", "example.com/me", "", "a b"),
        PICK(r, "Sync", "Sync", "Sync", ""), PICK(r, "Synced", "Synced", "Synced", ""),
        PICK(r, "Normal", "Warning", "Normal", "Odd"), PICK(r, "$ns", "$ns", "$ns", "default"),
        PICK(r, "words", "other words", ""));
    buf_append_text(out,
                    PICK(r, "", "", "",
                         ",'series':{'count':2,'lastObservedTime':'2026-11-22T11:13:09.000001Z'}",
                         ",'series':{'count':1,'lastObservedTime':'2026-11-22T11:13:09.000001Z'}"));
}

static void append_spec(struct random *r, enum resource resource, struct buf *out)
{
    switch (resource) {
    case RESOURCE_DEPLOYMENTS:
    case RESOURCE_REPLICASETS:
        append_deployment_spec(r, out);
        return;
    case RESOURCE_MEMCACHEDS:
        append_memcached_spec(r, out);
        return;
    case RESOURCE_PODS:
        append_pod_spec(r, out);
        return;
    default:
        append_lease_spec(r, out);
        return;
    }
}

static void append_members(struct random *r, enum resource resource, struct buf *out)
{
    if (resource == RESOURCE_EVENTS) {
        append_event_members(r, out);
        return;
    }
    buf_append_text(out, "'spec':");
    append_spec(r, resource, out);
}

/* ---- status ---- */

static void append_status(struct random *r, enum resource resource, struct buf *out)
{
    switch (resource) {
    case RESOURCE_MEMCACHEDS:
        buf_append_text(
            out, PICK(r, "{'replicas':2,'readyReplicas':1}", "{'nodes':['a','b']}", "{'source':''}",
                      "{'source':null}", "{'selector':'a=b','replicas':3}",
                      "{'conditions':[{'type':'Available','status':'True','reason':'Because',"
                      "'message':'','lastTransitionTime':'2026-11-22T11:13:05Z'}]}",
                      "{'conditions':[{'type':'Available'}]}", "{'replicas':'x'}", "null",
                      "{'observedGeneration':1}", "{'unknown':1}", "{'nodes':null}"));
        return;
    case RESOURCE_PODS:
        buf_append_text(out, PICK(r, "{'phase':'Running'}", "{'phase':'Failed'}",
                                  "{'conditions':[{'type':'Ready','status':'True'}]}",
                                  "{'podIP':'10.0.0.1'}"));
        return;
    default:
        buf_append_text(out,
                        PICK(r, "{'replicas':2,'readyReplicas':1}", "{'replicas':-1}",
                             "{'observedGeneration':1,'replicas':3,'updatedReplicas':3}",
                             "{'conditions':[{'type':'Available','status':'True','reason':'R'}]}",
                             "{}", "{'observedGeneration':1,'replicas':1,'readyReplicas':2}",
                             "null", "{'observedGeneration':0}", "{'replicas':'x'}"));
        return;
    }
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
        append_members(r, resource, out);
    }
    if (resource != RESOURCE_LEASES && resource != RESOURCE_EVENTS && chance(r, 10)) {
        buf_append_text(out, ",'status':");
        append_status(r, resource, out);
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

static void append_deployment_patch(struct random *r, struct buf *out)
{
    buf_append_text(
        out,
        PICK(r, "'spec':{'replicas':1}", "'spec':{'replicas':2}", "'spec':{'replicas':5}",
             "'spec':{'replicas':null}", "'spec':{'replicas':-1}", "'spec':{'replicas':'2'}",
             "'spec':{'template':{'spec':{'containers':[{'name':'c','image':'memcached:2'}]}}}",
             "'spec':{'template':{'spec':{'containers':null}}}",
             "'spec':{'template':{'metadata':{'labels':{'t':'2'}}}}",
             "'spec':{'selector':{'matchLabels':{'app':'z'}}}", "'spec':{'paused':true}",
             "'spec':{'paused':null}", "'spec':{'strategy':{'type':'Recreate'}}",
             "'spec':{'strategy':{'type':'Recreate','rollingUpdate':null}}",
             "'status':{'replicas':9}", "'spec':null", "'spec':{'unknown':1}", "'unknown':1"));
}

static void append_patch(struct random *r, enum resource resource, struct buf *out)
{
    switch (resource) {
    case RESOURCE_DEPLOYMENTS:
    case RESOURCE_REPLICASETS:
        append_deployment_patch(r, out);
        return;
    case RESOURCE_MEMCACHEDS:
        buf_append_text(out, PICK(r, "'spec':{'size':1}", "'spec':{'size':2}", "'spec':{'size':5}",
                                  "'spec':{'size':null}", "'spec':{'size':-1}",
                                  "'spec':{'size':'2'}", "'spec':null", "'status':{'replicas':9}",
                                  "'spec':{'extra':1}", "'extra':1", "'spec':{'size':1e0}"));
        return;
    case RESOURCE_PODS:
        buf_append_text(out, PICK(r, "'spec':{'terminationGracePeriodSeconds':7}",
                                  "'status':{'phase':'Running'}",
                                  "'spec':{'containers':[{'name':'c','image':'memcached:2'}]}",
                                  "'spec':{'nodeName':'n'}", "'spec':{'activeDeadlineSeconds':9}"));
        return;
    case RESOURCE_LEASES:
        buf_append_text(out, PICK(r, "'spec':{'holderIdentity':'you'}",
                                  "'spec':{'renewTime':'2026-11-22T11:13:07.000000Z'}",
                                  "'spec':{'leaseDurationSeconds':0}",
                                  "'spec':{'holderIdentity':null}"));
        return;
    default:
        buf_append_text(
            out,
            PICK(r, "'series':{'count':3,'lastObservedTime':'2026-11-22T11:13:10.000001Z'}",
                 "'series':{'count':4,'lastObservedTime':'2026-11-22T11:13:11.000001Z'}",
                 "'note':'changed'", "'reason':'Changed'", "'type':'Warning'", "'series':null"));
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
        append_patch(r, resource, out);
    }
    buf_append_char(out, '}');
}

/* Parts that several managers come to own together, take from each other, and give up. */
static const char *applied_part(struct random *r, enum resource resource)
{
    switch (resource) {
    case RESOURCE_MEMCACHEDS:
        return PICK(r, ",'spec':{'size':1}", ",'spec':{'size':2}", ",'spec':{'size':3}", "",
                    ",'spec':{'size':2},'status':{'replicas':1}", ",'spec':{'size':'x'}",
                    ",'spec':{'size':1,'extra':1}", ",'spec':{}", ",'spec':{'size':null}");
    case RESOURCE_LEASES:
        return PICK(r, ",'spec':{'holderIdentity':'me'}", ",'spec':{'holderIdentity':'you'}", "");
    case RESOURCE_EVENTS:
        return PICK(r, ",'note':'applied'", "");
    case RESOURCE_PODS:
        return PICK(r, ",'spec':{'containers':[{'name':'c','image':'memcached:1.6'}]}", "");
    default:
        return PICK(r, ",'spec':{'replicas':1}", ",'spec':{'replicas':2}", "",
                    ",'spec':{'template':{'spec':{'containers':[{'name':'c','image':'memcached:2'}]"
                    "}}}",
                    ",'spec':{'template':{'spec':{'containers':[{'name':'c','env':[{'name':'A',"
                    "'value':'3'}]}]}}}",
                    ",'spec':{'template':{'spec':{'containers':[{'name':'side','image':'s'}]}}}",
                    ",'spec':{'template':{'metadata':{'labels':{'t':'3'}}}}",
                    ",'spec':{'selector':{'matchLabels':{'app':'x'}},'template':{'metadata':{"
                    "'labels':{'app':'x'}},'spec':{'containers':[{'name':'c','image':"
                    "'memcached:1.6','ports':[{'containerPort':11211,'name':'memcached'}]}]}}}",
                    ",'spec':{'replicas':2,'selector':{'matchLabels':{'app':'x'}},'template':{"
                    "'metadata':{'labels':{'app':'x'}},'spec':{'containers':[{'name':'c','image':"
                    "'memcached:1.6'}]}}}",
                    ",'spec':{'replicas':'x'}", ",'unknown':1", ",'spec':{'unknown':1}");
    }
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
    buf_printf(out, "}%s}", applied_part(r, resource));
}

void body_status(struct random *r, enum resource resource, const char *name, bool whole,
                 struct buf *out)
{
    if (whole) {
        append_type(r, resource, out);
        append_metadata(r, resource, name, 0, true, out);
        buf_append_text(out, ",'spec':");
        append_spec(r, resource, out);
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
    append_status(r, resource, out);
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
