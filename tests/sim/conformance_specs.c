#include "sim/conformance_specs.h"

#include "sim/conformance_bodies.h"

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

void spec_append(struct random *r, enum resource resource, struct buf *out)
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

void spec_append_members(struct random *r, enum resource resource, struct buf *out)
{
    if (resource == RESOURCE_EVENTS) {
        append_event_members(r, out);
        return;
    }
    buf_append_text(out, "'spec':");
    spec_append(r, resource, out);
}

/* ---- status ---- */

void spec_append_status(struct random *r, enum resource resource, struct buf *out)
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

void spec_append_patch(struct random *r, enum resource resource, struct buf *out)
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

/* Parts that several managers come to own together, take from each other, and give up. */
const char *spec_applied_part(struct random *r, enum resource resource)
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
