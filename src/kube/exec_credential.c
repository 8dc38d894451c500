#include "kube/exec_credential.h"

#include "base/base64.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "base/time_text.h"
#include "kube/json.h"

#include <string.h>

static void wipe_text(char *text)
{
    if (text != NULL) {
        mem_wipe(text, strlen(text));
        mem_free(text);
    }
}

void exec_credential_fini(struct exec_credential *c)
{
    wipe_text(c->token);
    wipe_text(c->cert);
    wipe_text(c->key);
    *c = (struct exec_credential){0};
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
    if (text != NULL) {
        json_member_string(w, key, text);
    }
}

static void write_cluster(struct json_writer *w, const struct client_config *config)
{
    CLEANUP(buf_fini) struct buf ca;
    buf_init(&ca, w->out->max);
    json_key(w, "cluster");
    json_object_begin(w);
    json_member_string(w, "server", config->server);
    write_text(w, "tls-server-name", config->tls_server_name);
    if (config->insecure) {
        json_member_bool(w, "insecure-skip-tls-verify", true);
    }
    if (config->ca_data != NULL) {
        w->out->truncated |= base64_encode(&ca, config->ca_data, config->ca_data_len) != 0;
        json_member_string(w, "certificate-authority-data", buf_text(&ca));
    }
    write_text(w, "proxy-url", config->proxy_url);
    json_object_end(w);
}

int exec_credential_info(const struct client_config *config, struct buf *out, struct error *err)
{
    struct json_writer w;
    json_writer_init(&w, out, false);
    json_object_begin(&w);
    json_member_string(&w, "kind", "ExecCredential");
    json_member_string(&w, "apiVersion", config->exec->api_version);
    json_key(&w, "spec");
    json_object_begin(&w);
    if (config->exec->provide_cluster_info) {
        write_cluster(&w, config);
    }
    json_member_bool(&w, "interactive", false);
    json_object_end(&w);
    json_object_end(&w);
    return out->truncated ? error_set(err, ERR_TOO_BIG, "larger than %zu bytes", out->max) : 0;
}

static bool is(yyjson_val *value, const char *text)
{
    return yyjson_is_str(value) && yyjson_equals_str(value, text);
}

/* The text of @value to *out; absent, null and "" leave it NULL. */
static int take_text(yyjson_val *status, const char *name, char **out, struct error *err)
{
    yyjson_val *value = json_at(status, name, NULL);
    if (value == NULL || yyjson_is_null(value)) {
        return 0;
    }
    const char *text = yyjson_get_str(value);
    if (text == NULL || strlen(text) != yyjson_get_len(value)) {
        return error_set(err, ERR_PARSE, "the plugin's status.%s: expected a string", name);
    }
    *out = *text != '\0' ? mem_strdup(text) : NULL;
    return 0;
}

/* It goes into a header. */
static int check_token(const char *token, struct error *err)
{
    for (; token != NULL && *token != '\0'; token++) {
        if (*token <= ' ' || *token > '~') {
            return error_set(err, ERR_INVALID,
                             "the plugin's status.token: expected printable ASCII without spaces");
        }
    }
    return 0;
}

static int take_expiry(yyjson_val *status, int64_t *out, struct error *err)
{
    yyjson_val *value = json_at(status, "expirationTimestamp", NULL);
    *out = INT64_MAX;
    if (value == NULL || yyjson_is_null(value)) {
        return 0;
    }
    if (!yyjson_is_str(value) ||
        time_parse(yyjson_get_str(value), yyjson_get_len(value), out) != 0) {
        return error_set(err, ERR_PARSE,
                         "the plugin's status.expirationTimestamp: expected a time as in "
                         "2026-11-22T11:13:05Z");
    }
    return 0;
}

static int take_status(yyjson_val *status, struct exec_credential *c, struct error *err)
{
    int failed = take_text(status, "token", &c->token, err);
    failed = failed != 0 ? failed : check_token(c->token, err);
    failed = failed != 0 ? failed : take_text(status, "clientCertificateData", &c->cert, err);
    failed = failed != 0 ? failed : take_text(status, "clientKeyData", &c->key, err);
    failed = failed != 0 ? failed : take_expiry(status, &c->expires_us, err);
    if (failed != 0) {
        return failed;
    }
    if ((c->cert == NULL) != (c->key == NULL)) {
        return error_set(err, ERR_INVALID,
                         "the plugin gave one of clientCertificateData and clientKeyData: "
                         "expected both or neither");
    }
    if (c->token == NULL && c->cert == NULL) {
        return error_set(err, ERR_INVALID,
                         "the plugin gave no credentials: expected status.token or "
                         "status.clientCertificateData");
    }
    return 0;
}

static int take_reply(yyjson_val *root, const char *api_version, struct exec_credential *c,
                      struct error *err)
{
    yyjson_val *status = json_at(root, "status", NULL);
    if (!is(json_at(root, "kind", NULL), "ExecCredential")) {
        return error_set(err, ERR_INVALID, "the plugin's answer: expected kind ExecCredential");
    }
    if (!is(json_at(root, "apiVersion", NULL), api_version)) {
        return error_set(err, ERR_INVALID, "the plugin's answer: expected apiVersion %s",
                         api_version);
    }
    if (!yyjson_is_obj(status)) {
        return error_set(err, ERR_INVALID, "the plugin's answer: expected a status");
    }
    return take_status(status, c, err);
}

int exec_credential_parse(const char *api_version, const char *bytes, size_t len,
                          struct exec_credential *out, struct error *err)
{
    CLEANUP(exec_credential_fini) struct exec_credential c = {0};
    if (len > EXEC_REPLY_BYTES_MAX) {
        return error_set(err, ERR_TOO_BIG, "the plugin's answer: larger than 1 MiB");
    }
    struct error bad = ERROR_INIT;
    yyjson_doc *doc = json_parse(bytes, len, &bad);
    if (doc == NULL) {
        return error_set(err, bad.code,
                         "the plugin's answer: expected an ExecCredential as JSON: %s",
                         bad.message);
    }
    int failed = take_reply(yyjson_doc_get_root(doc), api_version, &c, err);
    yyjson_doc_free(doc);
    if (failed == 0) {
        *out = c;
        c = (struct exec_credential){0};
    }
    return failed;
}
