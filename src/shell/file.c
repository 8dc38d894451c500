#include "shell/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 4096 };

static void close_fd(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* Room for the whole file at once: growing would leave copies of a secret behind. */
static size_t expected_bytes(int fd)
{
    struct stat st;
    bool known = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    return known ? (size_t)st.st_size + 1 : CHUNK_BYTES;
}

/** Read up to the end of the file; 0 or ERR_TOO_BIG or ERR_INVALID with errno set. */
static int read_all(int fd, struct buf *out)
{
    size_t want = expected_bytes(fd);
    for (;;) {
        size_t room = out->max - out->len;
        size_t size = want < room ? want : room;
        char beyond; /* read into when the limit is reached: is there more? */
        ssize_t got = read(fd, size > 0 ? buf_reserve(out, size) : &beyond, size > 0 ? size : 1);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno != EINTR) {
            return ERR_INVALID;
        }
        if (got > 0 && size == 0) {
            return ERR_TOO_BIG;
        }
        if (got > 0) {
            out->len += (size_t)got;
            out->data[out->len] = '\0';
            want = CHUNK_BYTES;
        }
    }
}

static int read_opened(const char *path, int fd, struct buf *out, struct error *err)
{
    size_t before = out->len;
    int code = fd < 0 ? ERR_INVALID : read_all(fd, out);
    if (code == 0) {
        return 0;
    }
    int reason = errno;
    if (out->data != NULL) {
        mem_wipe(out->data + before, out->len - before);
        buf_cut(out, before);
    }
    if (code == ERR_TOO_BIG) {
        return error_set(err, code, "read %s: more than %zu bytes", path, out->max - before);
    }
    return error_set(err, code, "read %s: %s", path, strerror(reason));
}

int file_read(const char *path, struct buf *out, struct error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return read_opened(path, fd, out, err);
}

int file_read_regular(const char *path, struct buf *out, struct error *err)
{
    /* the opening of a FIFO would wait for a writer */
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        return error_set(err, ERR_INVALID, "read %s: it is not a regular file", path);
    }
    return read_opened(path, fd, out, err);
}
