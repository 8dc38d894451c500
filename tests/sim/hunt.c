#include "sim/hunt.h"

#include "base/mem.h"
#include "base/random.h"

enum {
    CHOICES_MIN = 20,
    CHOICES_SPAN = 400,
    WEIGHT_MAX = 32,
};

/* Rarely much, often nothing. */
static unsigned budget(struct random *r)
{
    uint64_t draw = random_below(r, 10);
    return draw < 5 ? 0 : draw < 8 ? 1 : (unsigned)random_below(r, 6);
}

static void draw_faults(struct random *r, struct world_faults *f)
{
    *f = (struct world_faults){
        .crash = budget(r),
        .stop = budget(r) / 2,
        .pause = budget(r),
        .lose = budget(r) * 2,
        .refuse = budget(r) * 2,
        .watch = budget(r) * 2,
        .compact = budget(r),
        .freeze = budget(r),
        .clock = budget(r),
        .split = budget(r) > 0,
        .crd = random_below(r, 12) == 0,
        /* no restore: one that is overtaken by other writes before we are back cannot be told
         * (docs/reflector.md); class restore has the others */
    };
}

void hunt_options(enum hunt_kind kind, uint64_t seed, struct world_options *out)
{
    static const double rates[] = {1, 1, 1, 1.5, 1 / 1.5};
    struct random r;
    random_init(&r, seed);
    bool leases = kind == HUNT_LEASES || random_below(&r, 8) == 0;
    *out = (struct world_options){
        .seed = seed,
        .processes = leases ? 2 : 1,
        .leader_elect = leases,
        .watch_list = random_below(&r, 2) == 0,
        .workload = {.name = WORKLOAD_RANDOM, .steps = 4 + (unsigned)random_below(&r, 24)},
    };
    if (random_below(&r, 3) == 0) {
        out->workload.name = (enum workload_name)(
            WORKLOAD_CREATE + random_below(&r, WORKLOAD_COUNT - WORKLOAD_CREATE));
        out->workload.variant = (unsigned)random_below(&r, 16);
    }
    if (kind != HUNT_CALM) {
        draw_faults(&r, &out->faults);
        out->rate[0] = leases ? rates[random_below(&r, ARRAY_LEN(rates))] : 1;
    }
}

/* Each run has habits: kinds of things that it likes to do first, or puts off. */
struct habits {
    struct random random;
    unsigned weights[CHOICE_RESTORE + 1];
    unsigned pass_short; /* of 8 */
};

static void draw_habits(struct habits *h, uint64_t seed)
{
    random_init(&h->random, seed ^ 0x5ca1ab1e);
    for (size_t i = 0; i < ARRAY_LEN(h->weights); i++) {
        h->weights[i] = 1 + (unsigned)random_below(&h->random, WEIGHT_MAX);
        if (i > CHOICE_START) {
            h->weights[i] = 1 + h->weights[i] / 8; /* faults are many, and each is one too much */
        }
    }
    h->pass_short = (unsigned)random_below(&h->random, 9);
}

static struct choice pick(struct habits *h, const struct choice *choices, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += h->weights[choices[i].type];
    }
    uint64_t draw = random_below(&h->random, sum);
    size_t i = 0;
    while (draw >= h->weights[choices[i].type]) {
        draw -= h->weights[choices[i++].type];
    }
    struct choice c = choices[i];
    if (c.type == CHOICE_PASS && c.value > 1 && random_below(&h->random, 8) < h->pass_short) {
        uint64_t most = c.value < 60000 ? (uint64_t)c.value : 60000;
        c.value = 1 + (int64_t)random_below(&h->random, most);
    }
    return c;
}

static bool run(enum hunt_kind kind, uint64_t seed, struct script *script)
{
    struct world_options options;
    struct choice choices[WORLD_CHOICES_MAX];
    struct habits habits;
    hunt_options(kind, seed, &options);
    draw_habits(&habits, seed);
    struct world *w = world_new(&options);
    uint64_t count = CHOICES_MIN + random_below(&habits.random, CHOICES_SPAN);
    for (uint64_t i = 0; i < count && world_failure(w) == NULL; i++) {
        struct choice c = pick(&habits, choices, world_choices(w, choices));
        if (script != NULL) {
            script_take(script, w, &c);
        } else {
            world_take(w, &c);
        }
    }
    bool held = world_settle(w);
    world_free(w);
    return held;
}

bool hunt_run(enum hunt_kind kind, uint64_t seed, struct script *script)
{
    if (run(kind, seed, NULL)) {
        return true;
    }
    struct world_options options;
    hunt_options(kind, seed, &options);
    script_init(script, &options);
    run(kind, seed, script); /* once more, written down */
    return false;
}
