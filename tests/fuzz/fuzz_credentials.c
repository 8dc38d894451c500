/*
 * Token, CA, client certificate and key in files, then what they are replaced by. Parts: token, CA,
 * certificate, key, and as many again. What works is never replaced by what does not, and all that
 * is said of us fits into headers.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "shell/credentials.h"
#include "shell/identity.h"
#include "shell/vet.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILES = 4 };

enum { TOKEN, CA, CERT, KEY };

/* Files in memory, kept for the process's life. */
static int file_of(size_t i)
{
    static int files[FILES];
    if (files[i] == 0) {
        files[i] = memfd_create("credential", MFD_CLOEXEC);
        assert(files[i] > 0);
    }
    return files[i];
}

static void write_file(size_t i, struct part p)
{
    int fd = file_of(i);
    assert(ftruncate(fd, 0) == 0);
    assert(pwrite(fd, p.bytes, p.len, 0) == (ssize_t)p.len);
}

static char *path_of(size_t i)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file_of(i));
    return mem_strdup(path);
}

static void say(void *ctx, enum log_level level, const char *message, const char *detail)
{
    (void)ctx;
    assert(level >= LOG_INFO && message[0] != '\0');
    assert(detail[0] == '\0' || is_printable(detail));
}

/* Nothing of it could end a header and begin another. */
static void check_identity(struct credentials *c)
{
    struct error err = ERROR_INIT;
    struct identity *i = identity_new(c, "host", &err);
    assert(i != NULL);
    for (struct curl_slist *l = identity_headers(i, NULL, MEDIA_JSON); l != NULL; l = l->next) {
        assert(is_printable(l->data));
    }
    identity_drop(i);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct part trim(struct part p)
{
    while (p.len > 0 && is_space(p.bytes[p.len - 1])) {
        p.len--;
    }
    while (p.len > 0 && is_space(p.bytes[0])) {
        p.bytes++;
        p.len--;
    }
    return p;
}

static bool fits_header(struct part token)
{
    bool fits = token.len > 0;
    for (size_t i = 0; i < token.len; i++) {
        fits = fits && token.bytes[i] > ' ' && token.bytes[i] <= '~';
    }
    return fits;
}

/* What the file holds is said as a whole, or, if it cannot be, what was said before. */
static void check_token(struct credentials *c, struct part file, struct buf *before)
{
    static const size_t scheme = sizeof "Bearer " - 1;
    CLEANUP(buf_fini) struct buf said;
    struct part token = trim(file);
    buf_init(&said, 128 << 10);
    credentials_authorization(c, &said);
    assert(said.len > scheme && is_printable(said.data));
    assert(vet_token(said.data + scheme, NULL) == 0);
    if (fits_header(token)) {
        assert(said.len == scheme + token.len);
        assert(memcmp(said.data + scheme, token.bytes, token.len) == 0);
    } else {
        assert(strcmp(said.data, before->data) == 0);
    }
    buf_reset(before, 0);
    buf_append_text(before, said.data);
}

static void check_tls(struct credentials *c)
{
    struct tls_material tls = credentials_tls(c);
    assert(tls.ca == NULL || vet_ca(tls.ca, tls.ca_len, NULL) == 0);
    assert((tls.cert == NULL) == (tls.key == NULL));
    assert(tls.cert == NULL || vet_pair(tls.cert, tls.cert_len, tls.key, tls.key_len, NULL) == 0);
    assert(ERR_peek_error() == 0); /* libcurl would take it for its own */
}

static void check_all(struct credentials *c, const struct part parts[FILES], struct buf *said)
{
    check_identity(c);
    check_token(c, parts[TOKEN], said);
    check_tls(c);
}

static bool read_parts(struct input *in, struct part parts[FILES])
{
    bool any = false;
    for (size_t i = 0; i < FILES; i++) {
        any = input_next(in, &parts[i]) || any;
        write_file(i, parts[i]);
    }
    return any;
}

/* What a file of @parts has that is not empty is configured. */
static struct credentials *start(const struct part parts[FILES])
{
    static struct poller *poller;
    poller = poller != NULL ? poller : poller_new(NULL);
    struct error err = ERROR_INIT;
    struct client_config config = {
        .server = mem_strdup("https://host"),
        .token_file = path_of(TOKEN),
        .token = mem_strdup("fallback"),
        .ca_file = parts[CA].len > 0 ? path_of(CA) : NULL,
        .cert_file = parts[CERT].len > 0 ? path_of(CERT) : NULL,
        .key_file = parts[CERT].len > 0 ? path_of(KEY) : NULL,
    };
    struct credentials *c = credentials_new(&config, poller, say, NULL, &err);
    assert(c != NULL || (err.code == ERR_INVALID && is_printable(err.message)));
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct part parts[FILES];
    struct now now = clock_now();
    struct buf said;
    read_parts(&in, parts);
    struct credentials *c = start(parts);
    if (c == NULL) {
        return 0;
    }
    buf_init(&said, 128 << 10);
    buf_append_text(&said, "Bearer fallback");
    check_all(c, parts, &said);
    while (read_parts(&in, parts)) {
        uint64_t generation = credentials_generation(c);
        credentials_reject(c, now);
        now.mono_ms += CREDENTIALS_CERT_MS + CREDENTIALS_TOKEN_MS;
        credentials_tick(c, now);
        assert(credentials_generation(c) >= generation);
        assert(credentials_deadline(c) > now.mono_ms);
        check_all(c, parts, &said);
    }
    buf_fini(&said);
    credentials_free(c);
    return 0;
}
