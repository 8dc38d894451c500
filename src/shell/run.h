/*
 * The operator as a running process: reads events, steps the manager, performs its actions.
 */
#pragma once
#include "shell/flags.h"

/** Run until a signal or the manager's exit. Returns the exit code: 0 after a clean stop, 1 after
 * an error (said on stderr in one line). */
int run(const struct flags *flags);
