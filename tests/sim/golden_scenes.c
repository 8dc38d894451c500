/*
 * The scenes: one for each row of the tables of the README's and the design's behaviour, and for
 * what happens when the network, the server or the operator fails meanwhile.
 */
#include "sim/golden.h"

#include "base/mem.h"

#define NS "default"

/* creationTimestamps are seconds: who comes later is younger. */
enum { LATER_MS = 1000, HOUR_MS = 60 * 60 * 1000 };

static const struct target cache = {"memcacheds", NS, "cache"};
static const struct target operand = {"deployments", NS, "cache"};
static const struct target web = {"deployments", NS, "web"};

/* ---- What goes before, and is not told ---- */

static void given_memcached(struct stage *s)
{
    user_create_memcached(&s->steps, NS, "cache", 2);
    stage_play(s);
    stage_tell(s, false);
}

static void given_pair(struct stage *s, int replicas)
{
    user_create_memcached(&s->steps, NS, "cache", 1);
    user_create_source(&s->steps, NS, "web", "cache", replicas);
    stage_play(s);
    stage_tell(s, false);
}

static void given_nothing(struct stage *s)
{
    stage_play(s);
    stage_tell(s, false);
}

/* ---- Memcached → Deployment ---- */

static void create(struct stage *s)
{
    given_nothing(s);
    user_create_memcached(&s->steps, NS, "cache", 2);
    stage_play(s);
}

static void put_back(struct stage *s)
{
    given_memcached(s);
    user_scale(&s->steps, &operand, 5);
    user_patch(&s->steps, "kubectl", &operand,
               "{'spec':{'template':{'spec':{'containers':[{'name':'memcached','image':"
               "'memcached:1.5','command':['memcached','-m','1']}]}}}}");
    stage_play(s);
}

static void nothing_differs(struct stage *s)
{
    given_memcached(s);
    user_patch(&s->steps, "kubectl", &operand, "{'metadata':{'annotations':{'note':'mine'}}}");
    user_patch(&s->steps, "kubectl", &cache, "{'metadata':{'labels':{'team':'green'}}}");
    stage_play(s);
    stage_pass(s, HOUR_MS);
    user_scale(&s->steps, &cache, 3);
    stage_play(s);
}

static void contested(struct stage *s)
{
    given_memcached(s);
    for (int i = 0; i < 7; i++) {
        user_scale(&s->steps, &operand, 5);
        stage_play(s);
    }
    stage_pass(s, 10 * 60 * 1000);
}

static void name_taken(struct stage *s)
{
    given_nothing(s);
    user_create_stranger(&s->steps, NS, "cache", false);
    user_create_memcached(&s->steps, NS, "cache", 1);
    stage_play(s);
    stage_pass(s, 40 * 1000);
    user_delete(&s->steps, &operand, "Background");
    stage_play(s);
    stage_pass(s, 40 * 1000);
}

static void memcached_deleted(struct stage *s)
{
    given_memcached(s);
    user_delete(&s->steps, &cache, "Background");
    stage_play(s);
}

static void invalid_spec(struct stage *s)
{
    given_nothing(s);
    const char *name = "a-name-of-more-than-63-characters-is-one-that-no-label-can-have-x";
    user_create_memcached(&s->steps, NS, name, 1);
    stage_play(s);
    stage_pass(s, HOUR_MS);
    user_delete(&s->steps, &(struct target){"memcacheds", NS, name}, "Background");
    stage_play(s);
}

/* ---- Label → size ---- */

static void memcached_first(struct stage *s)
{
    given_nothing(s);
    user_create_memcached(&s->steps, NS, "cache", 1);
    user_create_source(&s->steps, NS, "web", "cache", 3);
    user_scale(&s->steps, &web, 2);
    stage_play(s);
}

static void source_first(struct stage *s)
{
    given_nothing(s);
    user_create_source(&s->steps, NS, "web", "cache", 3);
    user_create_memcached(&s->steps, NS, "cache", 1);
    stage_play(s);
}

static void changed_meanwhile(struct stage *s)
{
    given_pair(s, 1);
    stage_crash(s, 0);
    user_scale(&s->steps, &web, 3);
    stage_play(s);
    stage_start(s, 0);
}

static void nothing_to_sync(struct stage *s)
{
    given_nothing(s);
    user_create_memcached(&s->steps, NS, "cache", 1);
    user_create_source(&s->steps, NS, "equal", "cache", 1);
    user_create_source(&s->steps, NS, "unlabelled", NULL, 2);
    user_create_source(&s->steps, NS, "early", "later", 2);
    stage_play(s);
    user_create_memcached(&s->steps, NS, "later", 1);
    stage_play(s);
}

static void hand_scaled(struct stage *s)
{
    given_pair(s, 1);
    user_scale(&s->steps, &cache, 3);
    stage_play(s);
}

static void claimants(struct stage *s)
{
    given_pair(s, 2);
    stage_pass(s, LATER_MS);
    user_create_source(&s->steps, NS, "api", "cache", 1);
    stage_play(s);
    stage_pass(s, LATER_MS);
    user_create_source(&s->steps, NS, "batch", "cache", 3);
    stage_play(s);
    user_claim(&s->steps, NS, "web", NULL);
    stage_play(s);
    user_delete(&s->steps, &(struct target){"deployments", NS, "api"}, "Background");
    stage_play(s);
}

static void label_removed(struct stage *s)
{
    given_pair(s, 2);
    user_claim(&s->steps, NS, "web", NULL);
    user_scale(&s->steps, &web, 4);
    stage_play(s);
}

static void source_deleted(struct stage *s)
{
    given_pair(s, 2);
    user_delete(&s->steps, &web, "Background");
    stage_play(s);
}

static void to_zero(struct stage *s)
{
    given_pair(s, 1);
    user_scale(&s->steps, &web, 0);
    stage_play(s);
}

static void own_label(struct stage *s)
{
    given_nothing(s);
    user_create_memcached(&s->steps, NS, "cache", 1);
    user_claim(&s->steps, NS, "cache", "cache");
    user_scale(&s->steps, &operand, 3);
    stage_play(s);
}

static void no_name(struct stage *s)
{
    given_nothing(s);
    user_create_memcached(&s->steps, NS, "cache", 1);
    user_create_source(&s->steps, NS, "web", "No_Name", 3);
    stage_play(s);
}

/* ---- Faults ---- */

static void start(struct stage *s)
{
    stage_tell(s, true);
    user_create_memcached(&s->steps, NS, "cache", 1);
    user_create_source(&s->steps, NS, "web", "cache", 2);
    stage_play_at_once(s);
}

static void lost_creation(struct stage *s)
{
    given_nothing(s);
    s->lose = "/deployments";
    user_create_memcached(&s->steps, NS, "cache", 1);
    stage_play(s);
}

static void lost_creation_unseen(struct stage *s)
{
    given_nothing(s);
    s->lose = "/deployments";
    s->deaf = "managed-by";
    user_create_memcached(&s->steps, NS, "cache", 1);
    stage_play(s);
}

static void lost_size(struct stage *s)
{
    given_pair(s, 1);
    s->lose = "/memcacheds/cache?";
    user_scale(&s->steps, &web, 2);
    stage_play(s);
}

static void conflict(struct stage *s)
{
    given_pair(s, 1);
    s->meddle = "/memcacheds/cache?";
    user_scale(&s->steps, &web, 2);
    user_patch(&s->steps, "argo", &cache, "{'spec':{'size':3}}");
    stage_play(s);
}

static void conflict_told_late(struct stage *s)
{
    given_pair(s, 1);
    s->deaf = "/memcacheds?";
    s->meddle = "/memcacheds/cache?";
    user_scale(&s->steps, &web, 2);
    user_patch(&s->steps, "argo", &cache, "{'metadata':{'labels':{'team':'green'}}}");
    stage_play(s);
    s->deaf = NULL;
    story_tell(&s->story, "network", "is fast again");
    stage_pass(s, 0);
}

static void watches_break(struct stage *s)
{
    given_pair(s, 1);
    stage_tell(s, true);
    stage_break_watches(s);
    user_scale(&s->steps, &web, 2);
    stage_play_at_once(s);
    stage_pass(s, 10 * 1000);
}

static void history_forgotten(struct stage *s)
{
    given_pair(s, 1);
    stage_tell(s, true);
    stage_break_watches(s);
    user_scale(&s->steps, &web, 2);
    stage_play_at_once(s);
    stage_compact(s);
    stage_pass(s, 10 * 1000);
}

static void restored(struct stage *s)
{
    given_pair(s, 2);
    uint64_t revision = api_revision(world_api(s->world));
    user_scale(&s->steps, &web, 3);
    stage_play(s);
    stage_tell(s, true);
    stage_restore(s, revision);
    stage_pass(s, 1100);
    for (int i = 0; i < 4; i++) { /* so that not all versions lie in the future */
        user_scale(&s->steps, &web, 4 + i);
    }
    stage_play_at_once(s);
    stage_pass(s, 10 * 1000);
}

static void leader_killed(struct stage *s)
{
    given_pair(s, 1);
    stage_crash(s, 0);
    user_scale(&s->steps, &web, 2);
    stage_play(s);
    stage_pass(s, 30 * 1000);
}

static void leader_stopped(struct stage *s)
{
    given_pair(s, 1);
    stage_stop(s, 0);
    user_scale(&s->steps, &web, 2);
    stage_play(s);
    stage_pass(s, 10 * 1000);
}

const struct golden_scene golden_scenes[] = {
    {.name = "create",
     .about = "A Memcached becomes a Deployment, and its status says what runs.",
     .play = create,
     .pods = true},
    {.name = "put-back",
     .about = "What others change in our Deployment is put back, by one write each.",
     .play = put_back},
    {.name = "nothing-differs",
     .about = "When nothing differs, nothing is written, for as long as one looks.",
     .play = nothing_differs},
    {.name = "contested",
     .about = "Who keeps changing what is ours is answered ever more slowly, and named.",
     .play = contested},
    {.name = "name-taken",
     .about = "A Deployment of that name that is not ours is left alone, until it is gone.",
     .play = name_taken},
    {.name = "memcached-deleted",
     .about = "Garbage collection removes the Deployment; the operator deletes nothing.",
     .play = memcached_deleted},
    {.name = "invalid-spec",
     .about = "What can become no Deployment is said once, and not tried again and again.",
     .play = invalid_spec},
    {.name = "memcached-first",
     .about = "The size follows the labelled Deployment.",
     .play = memcached_first},
    {.name = "source-first",
     .about = "It does so, too, when the Memcached comes later.",
     .play = source_first},
    {.name = "changed-meanwhile",
     .about = "What changed while the operator was down is found at its start.",
     .play = changed_meanwhile},
    {.name = "nothing-to-sync",
     .about = "Equal sizes, no label, no such Memcached: no write. When it appears, it is synced.",
     .play = nothing_to_sync},
    {.name = "hand-scaled",
     .about = "A size set by hand is put back at once, with an event.",
     .play = hand_scaled},
    {.name = "claimants",
     .about = "The oldest claimant decides; the next takes over when it goes.",
     .play = claimants},
    {.name = "label-removed",
     .about = "Without its label a Deployment decides nothing; the size stays.",
     .play = label_removed},
    {.name = "source-deleted",
     .about = "When the Deployment is deleted, the size stays.",
     .play = source_deleted},
    {.name = "to-zero", .about = "Replicas 0 is size 0.", .play = to_zero},
    {.name = "own-label",
     .about = "The label on a Deployment of the operator's own would feed itself: ignored.",
     .play = own_label},
    {.name = "no-name",
     .about = "A label that is no name is ignored, with a Warning.",
     .play = no_name},
    {.name = "start-list",
     .about = "Start on Kubernetes 1.20: WatchList is refused, so lists and then watches.",
     .play = start},
    {.name = "start-watch-list",
     .about = "Start on Kubernetes 1.32 and later: watches that begin with all there is.",
     .play = start,
     .watch_list = true},
    {.name = "lost-creation",
     .about = "A creation's answer is lost. The watch tells that it was done.",
     .play = lost_creation},
    {.name = "lost-creation-unseen",
     .about = "The same, and the watch is late: what is in the way turns out to be ours.",
     .play = lost_creation_unseen},
    {.name = "lost-size",
     .about = "The answer to a size is lost: the write had been done, and is not repeated.",
     .play = lost_size},
    {.name = "conflict",
     .about = "Somebody was faster: 409, the newest state is awaited and judged anew.",
     .play = conflict},
    {.name = "conflict-told-late",
     .about =
         "Likewise when the news come late: what they say matters not, only that they are there.",
     .play = conflict_told_late},
    {.name = "watches-break",
     .about = "Watches break: they go on where they were, and nothing is missed.",
     .play = watches_break},
    {.name = "history-forgotten",
     .about = "Watches break, and history is gone: 410, what it was about is listed anew.",
     .play = history_forgotten},
    {.name = "restored",
     .about = "etcd goes back: whoever notices tells the other watches to believe older versions.",
     .play = restored},
    {.name = "leader-killed",
     .about = "The leader is killed: the standby takes over when the Lease has run out.",
     .play = leader_killed,
     .leaders = true},
    {.name = "leader-stopped",
     .about = "The leader gets SIGTERM: it hands the Lease over at once.",
     .play = leader_stopped,
     .leaders = true},
    {.name = NULL},
};
