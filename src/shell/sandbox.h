/*
 * What the process may still ask of the kernel once it is set up: a seccomp allow-list. Whoever
 * takes over the process through a bug in what reads the network can start no program, write no
 * file, make no memory executable, and listen nowhere.
 */
#pragma once
#include "base/error.h"

enum sandbox_mode {
    SANDBOX_OFF, /* no filter; the process still gains no privileges */
    SANDBOX_LOG, /* a system call that is not on the list is done, and the kernel logs it */
    SANDBOX_ON,  /* it ends the process with SIGSYS */
};

/** "off", "log", "on" */
extern const char *const sandbox_mode_names[SANDBOX_ON + 1];

/**
 * Enter it, for good, with all threads. Not for a process that runs credential plugins: they would
 * inherit it. Everything that only set-up needs must be done: sockets that listen, the program's
 * own limits.
 *
 * Builds with AddressSanitizer have no filter, as LeakSanitizer looks at its process as a debugger
 * would.
 *
 * Returns 0, or ERR_INVALID: the kernel refuses it. The process may then still have no_new_privs.
 */
int sandbox_enter(enum sandbox_mode mode, struct error *err);
