/*
 * The scenes of spec.sizeFrom: who decides a size besides the label, and how.
 */
#include "sim/golden.h"

#define NS  "default"
#define WEB "{'kind':'Deployment','name':'web'}"
#define DB  "{'kind':'StatefulSet','name':'db'}"

static const struct target cache = {"memcacheds", NS, "cache"};
static const struct target web = {"deployments", NS, "web"};
static const struct target db = {"statefulsets", NS, "db"};

static void begin(struct stage *s)
{
    stage_play(s);
    stage_tell(s, false);
}

/* A Memcached that follows web, which bears no label. */
static void given_sized(struct stage *s, int replicas, const char *size_from)
{
    user_create_source(&s->steps, NS, "web", NULL, replicas);
    user_create_sized(&s->steps, NS, "cache", 1, size_from);
    begin(s);
}

static void sum_of_sources(struct stage *s)
{
    begin(s);
    user_create_source(&s->steps, NS, "web", NULL, 5);
    user_create_scalable(&s->steps, &db, 2);
    user_create_sized(&s->steps, NS, "cache", 1,
                      "{'sources':[" WEB "," DB "],'ratio':{'memcached':1,'per':2},'max':6}");
    user_scale(&s->steps, &db, 3);
    user_scale(&s->steps, &web, 20);
    stage_play(s);
}

static void sum_of_labels(struct stage *s)
{
    user_create_source(&s->steps, NS, "web", "cache", 1);
    user_create_source(&s->steps, NS, "api", "cache", 2);
    user_create_sized(&s->steps, NS, "cache", 1, "{'claims':'Sum'}");
    begin(s);
    uint64_t revision = api_revision(world_api(s->world));
    user_scale(&s->steps, &web, 4);
    stage_play(s);
    stage_crash(s, 0);
    stage_lag(s, revision);
    stage_start(s, 0);
    stage_pass(s, 2 * 1000);
    stage_catch_up(s);
    stage_pass(s, 2 * 1000);
}

static void held(struct stage *s)
{
    given_sized(s, 5, "{'sources':[" WEB "],'scaleDownAfterSeconds':60}");
    user_scale(&s->steps, &web, 2);
    stage_play(s);
    stage_pass(s, 20 * 1000);
    user_scale(&s->steps, &web, 3);
    user_size_from(&s->steps, NS, "cache", "{'max':4}");
    stage_play(s);
    stage_pass(s, 60 * 1000);
    user_scale(&s->steps, &web, 4);
    stage_play(s);
}

static void held_over_restart(struct stage *s)
{
    given_sized(s, 5, "{'sources':[" WEB "],'scaleDownAfterSeconds':60}");
    user_scale(&s->steps, &web, 2);
    stage_play(s);
    stage_pass(s, 20 * 1000);
    stage_crash(s, 0);
    stage_start(s, 0);
    stage_pass(s, 60 * 1000);
}

static void held_no_more(struct stage *s)
{
    static const char rules[] = "{'sources':[" WEB "],'scaleDownAfterSeconds':60}";
    given_sized(s, 5, rules);
    user_scale(&s->steps, &web, 2);
    stage_play(s);
    s->deaf = "watch=1";
    user_delete(&s->steps, &cache, "Background");
    user_create_sized(&s->steps, NS, "cache", 1, rules);
    stage_play_at_once(s);
    s->deaf = NULL;
    stage_break_watches(s);
    stage_compact(s);
    stage_pass(s, 10 * 1000);
}

static void in_steps(struct stage *s)
{
    given_sized(s, 1, "{'sources':[" WEB "],'step':{'up':1}}");
    user_scale(&s->steps, &web, 3);
    stage_play(s);
    stage_pass(s, 10 * 1000);
    user_scale(&s->steps, &cache, 1);
    stage_play(s);
}

static void source_missing(struct stage *s)
{
    user_create_scalable(&s->steps, &db, 2);
    given_sized(s, 3, "{'sources':[" WEB "," DB "]}");
    user_delete(&s->steps, &db, "Background");
    user_scale(&s->steps, &web, 1);
    user_scale(&s->steps, &web, 6);
    user_create_scalable(&s->steps, &db, 1);
    user_scale(&s->steps, &web, 2);
    stage_play(s);
}

static void paused(struct stage *s)
{
    given_sized(s, 2, "{'sources':[" WEB "]}");
    user_size_from(&s->steps, NS, "cache", "{'paused':true}");
    user_scale(&s->steps, &web, 4);
    user_scale(&s->steps, &cache, 3);
    user_size_from(&s->steps, NS, "cache", "{'paused':null}");
    user_pause(&s->steps, NS, "cache", "true");
    user_scale(&s->steps, &web, 1);
    user_pause(&s->steps, NS, "cache", NULL);
    stage_play(s);
}

static void loop(struct stage *s)
{
    begin(s);
    user_create_sized(&s->steps, NS, "cache", 1,
                      "{'sources':[{'kind':'Deployment','name':'queue'}]}");
    user_create_sized(&s->steps, NS, "queue", 3,
                      "{'sources':[{'kind':'Deployment','name':'cache'}]}");
    stage_play(s);
    user_size_from(&s->steps, NS, "queue", NULL);
    stage_play(s);
}

static void label_beside(struct stage *s)
{
    given_sized(s, 2, "{'sources':[" WEB "]}");
    user_create_source(&s->steps, NS, "api", "cache", 5);
    user_claim(&s->steps, NS, "web", "cache");
    stage_play(s);
}

static void rival(struct stage *s)
{
    given_sized(s, 2, "{'sources':[" WEB "]}");
    for (int i = 0; i < 6; i++) {
        user_patch(&s->steps, "keda", &cache, "{'spec':{'size':5}}");
    }
    stage_play(s);
    stage_pass(s, 10 * 60 * 1000);
}

const struct golden_scene golden_size_scenes[] = {
    {.name = "sum-of-sources",
     .about = "sizeFrom: the sum of two sources, one memcached for two replicas, at most 6.",
     .play = sum_of_sources},
    {.name = "sum-of-labels",
     .about = "claims: Sum. After a start, what a lagging cache shows is not decided on.",
     .play = sum_of_labels},
    {.name = "held",
     .about =
         "scaleDownAfterSeconds: down to the highest wish of the last minute, but never above max.",
     .play = held},
    {.name = "held-over-restart",
     .about = "A restart does not forget a hold, and does not make it longer.",
     .play = held_over_restart},
    {.name = "held-no-more",
     .about = "A namesake inherits no hold, even if nobody sees that the first one went.",
     .play = held_no_more},
    {.name = "in-steps",
     .about = "step: each waits for the last; what was changed by hand is put back in one.",
     .play = in_steps,
     .pods = true},
    {.name = "source-missing",
     .about = "While a source is missing the size only goes up: ifMissing is Keep.",
     .play = source_missing},
    {.name = "paused",
     .about = "paused, or annotated so: no wish is followed, and a size set by hand stays.",
     .play = paused},
    {.name = "loop",
     .about = "Who follows each other is refused: neither size is touched.",
     .play = loop},
    {.name = "label-beside",
     .about = "Beside sources a label is ignored and named, except on a source itself.",
     .play = label_beside},
    {.name = "rival",
     .about = "Who keeps writing spec.size beside us is named, and not fought for ever.",
     .play = rival},
    {.name = NULL},
};
