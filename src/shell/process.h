/*
 * The process as such: hardening at start, and the process_* metrics.
 */
#pragma once
#include "kube/metrics.h"
#include "shell/poller.h"

/* LeakSanitizer looks at its own process as a debugger would, so that such builds are not hardened
 * against debuggers. */
#if defined(__SANITIZE_ADDRESS__)
#define PROCESS_CHECKS_LEAKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PROCESS_CHECKS_LEAKS 1
#endif
#endif
#ifndef PROCESS_CHECKS_LEAKS
#define PROCESS_CHECKS_LEAKS 0
#endif

/** Before anything else: no core dumps, not dumpable, descriptors that were inherited end at an
 * exec, umask 077, SIGPIPE ignored, malloc tuned for a small steady footprint. */
void process_harden(void);

/** No descriptor but the standard ones outlives an exec: for those that others opened, who may have
 * forgotten to say so. Before Linux 5.11 it does nothing; child_start() does not rely on it. */
void process_close_on_exec(void);

/** process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
 * process_open_fds, process_max_fds, process_start_time_seconds. */
struct process_metrics;
struct process_metrics *process_metrics_new(struct metrics *metrics);
void process_metrics_update(struct process_metrics *p);
void process_metrics_free(struct process_metrics *p);

/** 64 bits from the kernel's random source; for seeds and identities. */
uint64_t process_random(void);

/** Host name, else "unknown"; owned by the caller. */
char *process_hostname(void);

/** Descriptor readable on SIGTERM and SIGINT (signalfd; both are blocked in the process), or -1
 * with *err. */
int process_signal_fd(struct error *err);
