/*
 * Golden traces: the scenes of docs and design, one for each row of its tables, told as stories
 * (story.h) and kept in tests/sim/golden. Whoever changes what the operator does sees it there, in
 * a review, as a log would show it.
 */
#pragma once
#include "sim/stage.h"

struct golden_scene {
    const char *name;  /* its file is NAME.trace */
    const char *about; /* the trace's first line */
    void (*play)(struct stage *s);
    bool pods;       /* tell how they come and go, too */
    bool watch_list; /* of the server */
    bool leaders;    /* two operators and a Lease */
};

/** Each ends with one without a name. */
extern const struct golden_scene golden_scenes[], golden_size_scenes[];

/** Play @scene and compare its story with its file, or with @update rewrite that. Prints what
 * differs. */
bool golden_check(const struct golden_scene *scene, bool update);
