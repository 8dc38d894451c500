/*
 * The libraries that secrets and requests pass through, OpenSSL and libcurl, take their memory from
 * base/mem.h: running out of it ends the process in that one place for them, too. They go on
 * otherwise, and not always well: an option of a handle keeps its old value, an algorithm whose
 * loading failed is missing for ever.
 */
#pragma once

/** First of all, before either of them has allocated anything. */
void libraries_share_memory(void);
