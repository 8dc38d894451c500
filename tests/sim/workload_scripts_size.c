/*
 * spec.sizeFrom, in scripts: who decides a size besides the label, and how.
 */
#include "sim/workload_scripts.h"

#define NS "default"

#define DEPLOYMENT(name) "{'kind':'Deployment','name':'" name "'}"
#define WEB              DEPLOYMENT("web")
#define DB               "{'kind':'StatefulSet','name':'db'}"
#define FROM_WEB         "{'sources':[" WEB "]}"
#define FROM_FLEET                                                                                 \
    "{'sources':[{'apiVersion':'stable.example.com/v1','kind':'Fleet','name':'web'}]}"
#define FROM_WEB_AND(...)  "{'sources':[" WEB "]," __VA_ARGS__ "}"
#define FROM_BOTH          "{'sources':[" WEB "," DB "]}"
#define FROM_BOTH_AND(...) "{'sources':[" WEB "," DB "]," __VA_ARGS__ "}"

static const struct target cache = {"memcacheds", NS, "cache"};
static const struct target operand = {"deployments", NS, "cache"};
static const struct target web = {"deployments", NS, "web"};
static const struct target api = {"deployments", NS, "api"};
static const struct target db = {"statefulsets", NS, "db"};
static const struct target set = {"replicasets", NS, "web"};
static const struct target fleet = {"fleets", NS, "web"};

/* web, without a label, decides how large cache is. */
static void make_pair(struct steps *s, int replicas, const char *size_from)
{
    user_create_source(s, NS, "web", NULL, replicas);
    user_create_sized(s, NS, "cache", 1, size_from);
}

/* web and db do. */
static void make_three(struct steps *s, int of_web, int of_db, const char *size_from)
{
    user_create_scalable(s, &db, of_db);
    make_pair(s, of_web, size_from);
}

/* Any kind: there before it is referred to, scaled, gone, back. */
static void follow(struct steps *s, const struct target *source, const char *size_from)
{
    user_create_scalable(s, source, 2);
    user_create_sized(s, NS, "cache", 1, size_from);
    user_scale(s, source, 4);
    user_scale(s, source, 3);
    user_delete(s, source, "Background");
    user_create_scalable(s, source, 1);
}

void workload_write_size_from(struct steps *s, unsigned variant)
{
    switch (variant) {
    case 0:
        make_pair(s, 3, FROM_WEB);
        user_scale(s, &web, 5);
        user_scale(s, &web, 0);
        user_scale(s, &web, 2);
        break;
    case 1: /* it comes late, and again */
        user_create_sized(s, NS, "cache", 2, FROM_WEB);
        user_create_source(s, NS, "web", NULL, 3);
        user_delete(s, &web, "Foreground");
        user_create_source(s, NS, "web", NULL, 1);
        break;
    case 2:
        follow(s, &db, "{'sources':[" DB "]}");
        break;
    case 3:
        follow(s, &set, "{'sources':[{'kind':'ReplicaSet','name':'web'}]}");
        break;
    case 4:
        follow(s, &fleet, FROM_FLEET);
        break;
    case 5: /* it takes over from a label, and gives back */
        user_create_memcached(s, NS, "cache", 1);
        user_create_source(s, NS, "api", "cache", 4);
        user_create_source(s, NS, "web", NULL, 2);
        user_size_from(s, NS, "cache", FROM_WEB);
        user_scale(s, &api, 3);
        user_size_from(s, NS, "cache", NULL);
        break;
    case 6: /* by hand */
        make_pair(s, 3, FROM_WEB);
        user_scale(s, &cache, 5);
        user_scale(s, &operand, 1);
        user_scale(s, &cache, 0);
        break;
    case 7: /* another source, a namesake that has none */
        make_pair(s, 3, FROM_WEB);
        user_create_source(s, NS, "api", NULL, 2);
        user_size_from(s, NS, "cache", "{'sources':[" DEPLOYMENT("api") "]}");
        user_scale(s, &web, 4);
        user_delete(s, &cache, "Background");
        user_create_memcached(s, NS, "cache", 5);
        user_scale(s, &api, 1);
        break;
    case 8: /* nothing of it changes but what is no replicas */
        follow(s, &fleet, FROM_FLEET);
        user_patch(s, "kubectl", &fleet, "{'spec':{'note':'x'}}");
        user_patch(s, "kubectl", &fleet, "{'metadata':{'labels':{'a':'b'}}}");
        user_wait(s, 5); /* until it is followed */
        user_scale(s, &fleet, 2);
        break;
    case 9: /* of the same names in another namespace */
        make_pair(s, 3, FROM_WEB);
        user_create_namespace(s, "other");
        user_create_source(s, "other", "web", NULL, 2);
        user_create_sized(s, "other", "cache", 1, FROM_WEB);
        user_scale(s, &web, 4);
        break;
    case 10: /* nobody asks for that kind any more, and then somebody does */
        user_create_scalable(s, &fleet, 2);
        user_create_sized(s, NS, "cache", 1, FROM_FLEET);
        user_wait(s, 1);
        user_delete(s, &cache, "Background");
        user_create_sized(s, NS, "cache", 3, FROM_FLEET);
        break;
    }
}

void workload_write_several(struct steps *s, unsigned variant)
{
    switch (variant) {
    case 0:
        make_three(s, 2, 1, FROM_BOTH_AND("'ratio':{'memcached':1,'per':2}"));
        user_scale(s, &web, 5);
        user_scale(s, &db, 4);
        user_scale(s, &web, 1);
        break;
    case 1:
        make_three(s, 2, 1, FROM_BOTH_AND("'aggregate':'Max'"));
        user_scale(s, &db, 4);
        user_scale(s, &web, 3);
        user_scale(s, &db, 0);
        break;
    case 2:
        make_three(s, 1, 1, FROM_BOTH_AND("'min':1,'max':4,'ratio':{'per':2,'rounding':'Down'}"));
        user_scale(s, &web, 20);
        user_scale(s, &db, 0);
        user_scale(s, &web, 1);
        break;
    case 3:
        make_pair(s, 1, FROM_WEB_AND("'ratio':{'memcached':3,'per':2,'rounding':'Nearest'}"));
        user_scale(s, &web, 3);
        user_size_from(s, NS, "cache", "{'ratio':{'rounding':'Down','per':4}}");
        user_scale(s, &web, 5);
        break;
    case 4: /* a label beside it, and one on the source itself */
        make_three(s, 2, 1, FROM_BOTH);
        user_create_source(s, NS, "api", "cache", 4);
        user_claim(s, NS, "web", "cache");
        user_scale(s, &api, 1);
        user_scale(s, &web, 3);
        user_claim(s, NS, "api", NULL);
        break;
    case 5: /* how labels count */
        user_create_sized(s, NS, "cache", 1, "{'claims':'Sum','max':6}");
        user_create_source(s, NS, "api", "cache", 4);
        user_create_source(s, NS, "web", "cache", 1);
        user_scale(s, &web, 3);
        user_size_from(s, NS, "cache", "{'claims':'Max'}");
        user_scale(s, &api, 2);
        user_delete(s, &web, "Background");
        break;
    case 6:
        user_create_source(s, NS, "web", "cache", 3);
        user_create_sized(s, NS, "cache", 1, "{'claims':'Ignore'}");
        user_scale(s, &cache, 2);
        user_size_from(s, NS, "cache", "{'claims':'Oldest','ratio':{'memcached':2}}");
        user_scale(s, &web, 2);
        break;
    case 7: /* half */
        make_pair(s, 2, FROM_WEB_AND("'ratio':{'per':2,'rounding':'Nearest'}"));
        user_scale(s, &web, 5);
        break;
    case 8: /* more than may be */
        make_pair(s, 1, FROM_WEB_AND("'min':1,'max':3"));
        user_scale(s, &web, 0);
        user_scale(s, &web, 9);
        break;
    case 9: /* one of those who bear the label is on its way out, to the end */
        user_create_sized(s, NS, "cache", 1, "{'claims':'Sum'}");
        user_create_source(s, NS, "web", "cache", 2);
        user_create_source(s, NS, "api", "cache", 3);
        user_delete_held(s, &api);
        break;
    }
}

void workload_write_missing(struct steps *s, unsigned variant)
{
    static const char *const rules[] = {FROM_BOTH, FROM_BOTH_AND("'ifMissing':'Min','min':2"),
                                        FROM_BOTH_AND("'ifMissing':'Fallback','fallback':3")};
    switch (variant) {
    case 0:
    case 1:
    case 2:
        make_three(s, 4, 1, rules[variant]);
        user_delete(s, &web, "Background");
        user_scale(s, &db, 2);
        user_scale(s, &db, 6);
        user_scale(s, &db, 0);
        user_create_source(s, NS, "web", NULL, 1);
        break;
    case 3: /* nobody knows that kind */
        user_create_source(s, NS, "web", NULL, 2);
        user_create_sized(s, NS, "cache", 1,
                          "{'sources':[" WEB
                          ",{'apiVersion':'stable.example.com/v1','kind':'Float','name':'web'}]}");
        user_scale(s, &web, 3);
        user_scale(s, &web, 1);
        break;
    case 4: /* it cannot be scaled */
        user_create_sized(s, NS, "cache", 1,
                          "{'sources':[{'apiVersion':'v1','kind':'Pod','name':'web'}]}");
        user_create_source(s, NS, "web", NULL, 2);
        user_size_from(s, NS, "cache", FROM_WEB);
        break;
    case 5: /* itself */
        user_create_sized(s, NS, "cache", 2, "{'sources':[" DEPLOYMENT("cache") "]}");
        user_scale(s, &operand, 4);
        user_create_source(s, NS, "web", NULL, 3);
        user_size_from(s, NS, "cache", FROM_WEB);
        break;
    case 6: /* each other */
        user_create_sized(s, NS, "cache", 2, "{'sources':[" DEPLOYMENT("queue") "]}");
        user_create_sized(s, NS, "queue", 1,
                          "{'sources':[" DEPLOYMENT("cache") "],'ratio':{'memcached':2}}");
        user_scale(s, &cache, 3);
        user_size_from(s, NS, "cache", NULL);
        user_scale(s, &cache, 2);
        break;
    case 7: /* one after the other: what follows an operand */
        make_pair(s, 2, FROM_WEB);
        user_create_sized(s, NS, "queue", 1, "{'sources':[" DEPLOYMENT("cache") "]}");
        user_scale(s, &web, 3);
        user_delete(s, &cache, "Background");
        break;
    case 8: /* it never comes, and then nobody asks for it any more */
        user_create_sized(s, NS, "cache", 2, FROM_WEB);
        user_scale(s, &cache, 3);
        user_size_from(s, NS, "cache", NULL);
        break;
    case 9: /* in a ring, to the end */
        user_create_sized(s, NS, "cache", 2, "{'sources':[" DEPLOYMENT("queue") "]}");
        user_create_sized(s, NS, "queue", 1, "{'sources':[" DEPLOYMENT("third") "]}");
        user_create_sized(s, NS, "third", 3, "{'sources':[" DEPLOYMENT("cache") "]}");
        user_scale(s, &cache, 4);
        break;
    case 10: /* on its way out, to the end */
        make_pair(s, 4, FROM_WEB_AND("'ifMissing':'Min','min':1"));
        user_delete_held(s, &web);
        user_scale(s, &web, 5);
        break;
    case 11: /* it is gone for good */
        make_three(s, 2, 1, rules[2]);
        user_scale(s, &db, 6);
        user_delete(s, &web, "Background");
        break;
    }
}

void workload_write_hold(struct steps *s, unsigned variant)
{
    make_pair(s, 2, FROM_WEB_AND("'scaleDownAfterSeconds':120"));
    switch (variant) {
    case 0:
        user_scale(s, &web, 5);
        user_wait(s, 30);
        user_scale(s, &web, 2);
        user_wait(s, 60);
        user_scale(s, &web, 3);
        user_wait(s, 30);
        user_scale(s, &web, 1);
        user_wait(s, 45);
        user_scale(s, &web, 0);
        break;
    case 1: /* a staircase, and up again before its end */
        user_scale(s, &web, 6);
        user_wait(s, 20);
        user_scale(s, &web, 4);
        user_wait(s, 20);
        user_scale(s, &web, 1);
        user_wait(s, 70);
        user_scale(s, &web, 5);
        user_wait(s, 20);
        user_scale(s, &web, 2);
        break;
    case 2: /* the rule changes meanwhile */
        user_scale(s, &web, 5);
        user_wait(s, 20);
        user_scale(s, &web, 2);
        user_wait(s, 20);
        user_size_from(s, NS, "cache", "{'scaleDownAfterSeconds':30}");
        user_wait(s, 20);
        user_scale(s, &web, 4);
        user_wait(s, 20);
        user_scale(s, &web, 1);
        user_size_from(s, NS, "cache", "{'scaleDownAfterSeconds':null}");
        break;
    case 3: /* the operator is started anew meanwhile */
        user_scale(s, &web, 5);
        user_wait(s, 30);
        user_scale(s, &web, 2);
        user_wait(s, 30);
        user_upgrade(s, "memcached:1.6.31");
        user_wait(s, 30);
        user_scale(s, &web, 3);
        break;
    case 4: /* by hand, and a source that goes */
        user_scale(s, &web, 5);
        user_wait(s, 30);
        user_scale(s, &web, 2);
        user_scale(s, &cache, 1);
        user_wait(s, 30);
        user_delete(s, &web, "Background");
        user_scale(s, &cache, 4);
        user_wait(s, 30);
        user_create_source(s, NS, "web", NULL, 3);
        break;
    case 5: /* labels are held, too */
        user_size_from(s, NS, "cache", "{'sources':null}");
        user_claim(s, NS, "web", "cache");
        user_scale(s, &web, 4);
        user_wait(s, 30);
        user_scale(s, &web, 1);
        break;
    case 6: /* less is allowed than what is held */
        user_scale(s, &web, 5);
        user_wait(s, 20);
        user_scale(s, &web, 2);
        user_wait(s, 20);
        user_size_from(s, NS, "cache", "{'max':3}");
        user_wait(s, 20);
        break;
    }
}

void workload_write_step(struct steps *s, unsigned variant)
{
    switch (variant) {
    case 0:
        make_pair(s, 1, FROM_WEB_AND("'step':{'up':1,'down':1}"));
        user_scale(s, &web, 4);
        user_wait(s, 30);
        user_scale(s, &web, 0);
        user_wait(s, 30);
        break;
    case 1: /* the way changes on the way */
        make_pair(s, 6, FROM_WEB_AND("'step':{'up':2}"));
        user_scale(s, &web, 1);
        user_scale(s, &web, 5);
        user_size_from(s, NS, "cache", "{'step':null}");
        break;
    case 2: /* by hand */
        make_pair(s, 5, FROM_WEB_AND("'step':{'up':1,'down':2}"));
        user_scale(s, &cache, 6);
        user_scale(s, &operand, 2);
        user_scale(s, &cache, 0);
        break;
    case 3:
        make_pair(s, 6, FROM_WEB_AND("'step':{'down':1},'scaleDownAfterSeconds':60"));
        user_wait(s, 30);
        user_scale(s, &web, 2);
        user_wait(s, 90);
        user_scale(s, &web, 1);
        break;
    case 4: /* no Deployment that could carry out a step */
        user_create_stranger(s, NS, "cache", false);
        make_pair(s, 4, FROM_WEB_AND("'step':{'up':1}"));
        user_wait(s, 30);
        user_delete(s, &operand, "Background");
        break;
    case 5: /* a namesake, while the Deployment of the first one is still there */
        make_pair(s, 2, FROM_WEB);
        user_scale(s, &web, 6);
        user_wait(s, 5);
        user_delete(s, &cache, "Background");
        user_create_sized(s, NS, "cache", 1, FROM_WEB_AND("'step':{'up':2}"));
        break;
    }
}

void workload_write_pause(struct steps *s, unsigned variant)
{
    switch (variant) {
    case 0:
        make_pair(s, 2, FROM_WEB_AND("'paused':true"));
        user_scale(s, &web, 4);
        user_size_from(s, NS, "cache", "{'paused':false}");
        user_scale(s, &web, 3);
        user_size_from(s, NS, "cache", "{'paused':true}");
        user_scale(s, &cache, 1);
        break;
    case 1: /* by annotation, of one with a label */
        user_create_memcached(s, NS, "cache", 1);
        user_pause(s, NS, "cache", "true");
        user_create_source(s, NS, "web", "cache", 3);
        user_scale(s, &cache, 2);
        user_pause(s, NS, "cache", NULL);
        user_scale(s, &web, 4);
        user_pause(s, NS, "cache", "true");
        user_scale(s, &web, 1);
        break;
    case 2:
        make_pair(s, 3, FROM_WEB_AND("'mode':'Observe'"));
        user_scale(s, &web, 4);
        user_size_from(s, NS, "cache", "{'mode':'Enforce'}");
        user_scale(s, &web, 2);
        user_size_from(s, NS, "cache", "{'mode':'Observe'}");
        user_scale(s, &web, 1);
        break;
    case 3:
        make_pair(s, 2, FROM_WEB_AND("'mode':'ScaleUpOnly'"));
        user_scale(s, &web, 5);
        user_scale(s, &web, 1);
        user_scale(s, &cache, 3);
        user_scale(s, &web, 4);
        user_scale(s, &web, 0);
        break;
    case 4: /* neither true nor false */
        make_pair(s, 2, FROM_WEB);
        user_pause(s, NS, "cache", "yes");
        user_scale(s, &web, 4);
        user_pause(s, NS, "cache", "false");
        user_scale(s, &web, 3);
        user_pause(s, NS, "cache", "");
        user_scale(s, &web, 1);
        break;
    case 5: /* what no server before 1.25 refuses */
        make_pair(s, 2, FROM_WEB);
        user_size_from(s, NS, "cache", "{'min':5,'max':3}");
        user_scale(s, &web, 4);
        user_size_from(s, NS, "cache", "{'min':1}");
        user_size_from(s, NS, "cache", "{'aggregate':'Max','sources':[]}");
        user_scale(s, &web, 1);
        break;
    case 6: /* within a hold */
        make_pair(s, 4, FROM_WEB_AND("'scaleDownAfterSeconds':60"));
        user_wait(s, 20);
        user_scale(s, &web, 2);
        user_size_from(s, NS, "cache", "{'paused':true}");
        user_wait(s, 90);
        user_scale(s, &web, 3);
        user_size_from(s, NS, "cache", "{'paused':false}");
        break;
    case 7: /* invalid from the beginning, beside a label */
        user_create_source(s, NS, "web", "cache", 3);
        user_create_sized(s, NS, "cache", 1, FROM_WEB_AND("'ifMissing':'Min'"));
        user_scale(s, &web, 2);
        break;
    case 8: /* nothing but the end of the pause brings the size */
        make_pair(s, 2, FROM_WEB);
        user_pause(s, NS, "cache", "true");
        user_scale(s, &web, 4);
        user_wait(s, 5);
        user_pause(s, NS, "cache", NULL);
        break;
    }
}
