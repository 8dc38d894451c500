#include "shell/credentials.h"

#include "base/base64.h"
#include "base/mem.h"
#include "shell/file.h"
#include "shell/plugin.h"
#include "shell/vet.h"

#include <ctype.h>
#include <string.h>

enum {
    TOKEN_BYTES_MAX = 64 << 10,
    PEM_BYTES_MAX = 1 << 20,
    BASIC_BYTES_MAX = 16 << 10, /* user name and password */
};

/* Owned bytes that are wiped before they are freed; NULL: none. */
struct secret {
    char *bytes;
    size_t len;
};

struct credentials {
    struct client_config config;
    struct poller *poller;
    credentials_log_fn *log;
    void *log_ctx;
    struct plugin *plugin; /* NULL: none configured */
    struct secret token;   /* of the token file */
    struct secret ca, cert, key;
    uint64_t generation;     /* of anything here */
    uint64_t tls_generation; /* of the certificates and keys */
    uint64_t token_due_ms, certs_due_ms;
    bool rejected;      /* and not read again since */
    uint64_t reread_ms; /* when they were last read again for that */
};

static void secret_fini(struct secret *s)
{
    mem_wipe(s->bytes, s->len);
    mem_free(s->bytes);
    *s = (struct secret){0};
}

static bool secret_equal(const struct secret *a, const struct secret *b)
{
    return (a->bytes == NULL) == (b->bytes == NULL) && a->len == b->len &&
           (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

/* Move @from to @to unless they are equal; true when it changed. */
static bool secret_replace(struct secret *to, struct secret *from)
{
    if (secret_equal(to, from)) {
        return false;
    }
    secret_fini(to);
    *to = *from;
    *from = (struct secret){0};
    return true;
}

static int secret_read(const char *path, size_t bytes_max, struct secret *out, struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, bytes_max);
    int code = file_read_regular(path, &bytes, err);
    if (code == 0) {
        out->len = bytes.len;
        out->bytes = buf_take(&bytes);
    }
    buf_fini(&bytes);
    return code;
}

/* PEM from the configuration itself or from the file that it names; none: stays NULL. */
static int read_pem(const char *data, size_t data_len, const char *file, struct secret *out,
                    struct error *err)
{
    if (data != NULL) {
        *out = (struct secret){mem_strndup(data, data_len), data_len};
        return 0;
    }
    return file != NULL ? secret_read(file, PEM_BYTES_MAX, out, err) : 0;
}

static int load_ca(struct credentials *c, struct error *err)
{
    const struct client_config *config = &c->config;
    CLEANUP(secret_fini) struct secret ca = {0};
    int code = read_pem(config->ca_data, config->ca_data_len, config->ca_file, &ca, err);
    if (code == 0 && secret_equal(&ca, &c->ca)) {
        return 0; /* a bundle of hundreds takes longer to parse than the loop should stand still */
    }
    if (code == 0 && ca.bytes != NULL) {
        code = vet_ca(ca.bytes, ca.len, err);
    }
    if (code != 0) {
        return error_wrap(err, "certificate authority %s",
                          config->ca_file != NULL ? config->ca_file : "(inline)");
    }
    c->tls_generation += secret_replace(&c->ca, &ca);
    return 0;
}

static int load_pair(struct credentials *c, struct error *err)
{
    const struct client_config *config = &c->config;
    CLEANUP(secret_fini) struct secret cert = {0};
    CLEANUP(secret_fini) struct secret key = {0};
    int code = read_pem(config->cert_data, config->cert_data_len, config->cert_file, &cert, err);
    if (code == 0) {
        code = read_pem(config->key_data, config->key_data_len, config->key_file, &key, err);
    }
    if (code == 0 && (cert.bytes == NULL) != (key.bytes == NULL)) {
        code = error_set(err, ERR_INVALID, "a certificate needs a key, and a key a certificate");
    }
    if (code == 0 && cert.bytes != NULL) {
        code = vet_pair(cert.bytes, cert.len, key.bytes, key.len, err);
    }
    if (code != 0) {
        return error_wrap(err, "client certificate %s",
                          config->cert_file != NULL ? config->cert_file : "(inline)");
    }
    c->tls_generation += secret_replace(&c->cert, &cert);
    c->tls_generation += secret_replace(&c->key, &key);
    return 0;
}

static void trim(struct secret *s)
{
    size_t start = 0;
    while (s->len > 0 && isspace((unsigned char)s->bytes[s->len - 1])) {
        s->bytes[--s->len] = '\0';
    }
    while (start < s->len && isspace((unsigned char)s->bytes[start])) {
        start++;
    }
    s->len -= start;
    memmove(s->bytes, s->bytes + start, s->len + 1);
}

static int load_token(struct credentials *c, struct error *err)
{
    CLEANUP(secret_fini) struct secret token = {0};
    int code = secret_read(c->config.token_file, TOKEN_BYTES_MAX, &token, err);
    if (code == 0) {
        trim(&token);
        code = strlen(token.bytes) == token.len
                   ? vet_token(token.bytes, err)
                   : error_set(err, ERR_INVALID, "the token has a NUL byte in it");
    }
    if (code != 0) {
        return error_wrap(err, "token file %s", c->config.token_file);
    }
    c->generation += secret_replace(&c->token, &token);
    return 0;
}

static bool certs_in_files(const struct client_config *config)
{
    return config->ca_file != NULL || config->cert_file != NULL || config->key_file != NULL;
}

/* A token beside the file is what client-go falls back on. */
static int load_first_token(struct credentials *c, struct error *err)
{
    struct error reason = ERROR_INIT;
    int code = load_token(c, &reason);
    if (code == 0) {
        return 0;
    }
    if (c->config.token == NULL) {
        *err = reason;
        return code;
    }
    c->log(c->log_ctx, LOG_WARN, "Using the token of the configuration", reason.message);
    return 0;
}

static int load_first(struct credentials *c, struct error *err)
{
    int code = load_ca(c, err);
    if (code == 0) {
        code = load_pair(c, err);
    }
    if (code == 0 && c->config.token_file != NULL) {
        code = load_first_token(c, err);
    }
    return code;
}

static void on_plugin_ran(void *ctx, const struct error *err)
{
    struct credentials *c = ctx;
    if (err != NULL) {
        c->log(c->log_ctx, LOG_ERROR, "Credential plugin failed", err->message);
        return;
    }
    c->generation++;
    c->tls_generation++;
}

struct credentials *credentials_new(struct client_config *config, struct poller *poller,
                                    credentials_log_fn *log, void *log_ctx, struct error *err)
{
    struct credentials *c = mem_zalloc(sizeof(*c));
    *c = (struct credentials){
        .config = *config,
        .poller = poller,
        .log = log,
        .log_ctx = log_ctx,
        .token_due_ms = UINT64_MAX,
        .certs_due_ms = UINT64_MAX,
    };
    *config = (struct client_config){0};
    int code = load_first(c, err);
    if (code == 0 && c->config.exec != NULL) {
        c->plugin = plugin_new(&c->config, poller, on_plugin_ran, c, err);
        code = c->plugin != NULL ? 0 : err->code;
    }
    if (code != 0) {
        credentials_free(c);
        return NULL;
    }
    uint64_t now_ms = clock_now().mono_ms;
    c->token_due_ms = c->config.token_file != NULL ? now_ms + CREDENTIALS_TOKEN_MS : UINT64_MAX;
    c->certs_due_ms = certs_in_files(&c->config) ? now_ms + CREDENTIALS_CERT_MS : UINT64_MAX;
    return c;
}

void credentials_free(struct credentials *c)
{
    if (c == NULL) {
        return;
    }
    plugin_free(c->plugin);
    secret_fini(&c->token);
    secret_fini(&c->ca);
    secret_fini(&c->cert);
    secret_fini(&c->key);
    client_config_fini(&c->config);
    mem_free(c);
}

const struct client_config *credentials_config(const struct credentials *c)
{
    return &c->config;
}

uint64_t credentials_generation(const struct credentials *c)
{
    return c->generation + c->tls_generation;
}

bool credentials_ready(const struct credentials *c)
{
    return c->plugin == NULL || plugin_credential(c->plugin, clock_now()) != NULL;
}

const struct error *credentials_error(const struct credentials *c)
{
    static const struct error none = {.retry_after_ms = -1};
    return c->plugin != NULL ? plugin_error(c->plugin) : &none;
}

/* https://www.rfc-editor.org/rfc/rfc7617#section-2 */
static void append_basic(const struct client_config *config, struct buf *out)
{
    struct buf pair;
    buf_init(&pair, BASIC_BYTES_MAX);
    buf_printf(&pair, "%s:%s", config->username, config->password != NULL ? config->password : "");
    buf_append_text(out, "Basic ");
    base64_encode(out, buf_text(&pair), pair.len);
    mem_wipe(pair.data, pair.len);
    buf_fini(&pair);
}

void credentials_authorization(struct credentials *c, struct buf *out)
{
    const struct exec_credential *answer =
        c->plugin != NULL ? plugin_credential(c->plugin, clock_now()) : NULL;
    const char *token = answer != NULL && answer->token != NULL ? answer->token
                        : c->token.bytes != NULL                ? c->token.bytes
                                                                : c->config.token;
    if (token != NULL) {
        buf_printf(out, "Bearer %s", token);
    } else if (c->config.username != NULL) {
        append_basic(&c->config, out);
    }
}

struct tls_material credentials_tls(struct credentials *c)
{
    struct tls_material tls = {
        .ca = c->ca.bytes,
        .ca_len = c->ca.len,
        .cert = c->cert.bytes,
        .cert_len = c->cert.len,
        .key = c->key.bytes,
        .key_len = c->key.len,
        .generation = c->tls_generation,
    };
    const struct exec_credential *answer =
        c->plugin != NULL ? plugin_credential(c->plugin, clock_now()) : NULL;
    if (answer != NULL && answer->cert != NULL) {
        tls.cert = answer->cert;
        tls.cert_len = strlen(answer->cert);
        tls.key = answer->key;
        tls.key_len = strlen(answer->key);
    }
    return tls;
}

/* Who reads a file while it is written gets half of it, is rejected, and shall not wait then: only
 * from the second time on. */
void credentials_distrust(struct credentials *c, struct now now)
{
    uint64_t soonest_ms = c->reread_ms + CREDENTIALS_RETRY_MS;
    uint64_t at_ms = now.mono_ms > soonest_ms ? now.mono_ms : soonest_ms;
    if (c->config.token_file != NULL && at_ms < c->token_due_ms) {
        c->token_due_ms = at_ms;
    }
    if (certs_in_files(&c->config) && at_ms < c->certs_due_ms) {
        c->certs_due_ms = at_ms;
    }
    c->rejected = true;
}

void credentials_reject(struct credentials *c, struct now now)
{
    if (c->plugin != NULL) {
        plugin_reject(c->plugin, now);
    }
    credentials_distrust(c, now); /* an expired certificate is answered 401, too */
}

static void reload_certs(struct credentials *c, struct now now)
{
    struct error err = ERROR_INIT;
    uint64_t generation = c->tls_generation;
    int code = load_ca(c, &err);
    if (code != 0) {
        c->log(c->log_ctx, LOG_WARN, "Keeping the old certificate authority", err.message);
    }
    int pair_code = load_pair(c, &err);
    if (pair_code != 0) {
        c->log(c->log_ctx, LOG_WARN, "Keeping the old client certificate", err.message);
    }
    if (c->tls_generation != generation) {
        c->log(c->log_ctx, LOG_INFO, "Certificates have changed", "");
    }
    /* files that are being replaced are looked at again soon */
    uint64_t again_ms = code != 0 || pair_code != 0 ? CREDENTIALS_TOKEN_MS : CREDENTIALS_CERT_MS;
    c->certs_due_ms = now.mono_ms + again_ms;
}

static void reload_token(struct credentials *c, struct now now)
{
    struct error err = ERROR_INIT;
    if (load_token(c, &err) != 0) {
        c->log(c->log_ctx, LOG_WARN, "Keeping the old token", err.message);
    }
    c->token_due_ms = now.mono_ms + CREDENTIALS_TOKEN_MS;
}

void credentials_tick(struct credentials *c, struct now now)
{
    if (c->plugin != NULL) {
        plugin_tick(c->plugin, now);
    }
    bool token = now.mono_ms >= c->token_due_ms, certs = now.mono_ms >= c->certs_due_ms;
    if (token) {
        reload_token(c, now);
    }
    if (certs) {
        reload_certs(c, now);
    }
    if (c->rejected && (token || certs)) {
        c->rejected = false;
        c->reread_ms = now.mono_ms;
    }
}

uint64_t credentials_deadline(const struct credentials *c)
{
    uint64_t at_ms = c->token_due_ms < c->certs_due_ms ? c->token_due_ms : c->certs_due_ms;
    uint64_t plugin_ms = c->plugin != NULL ? plugin_deadline(c->plugin) : UINT64_MAX;
    return plugin_ms < at_ms ? plugin_ms : at_ms;
}
