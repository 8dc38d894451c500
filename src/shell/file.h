/*
 * Whole small files, read with a limit. Every descriptor is O_CLOEXEC.
 */
#pragma once
#include "base/buf.h"
#include "base/error.h"

/** Append the file's bytes to @out (whose max is the limit). Returns 0, ERR_INVALID (cannot be
 * read: path and reason), ERR_TOO_BIG; on errors @out is as it was. */
int file_read(const char *path, struct buf *out, struct error *err);

/** The same, never waiting for anybody: what is no regular file (a FIFO, a device, a directory) is
 * ERR_INVALID. For files that are read while the loop runs. */
int file_read_regular(const char *path, struct buf *out, struct error *err);
