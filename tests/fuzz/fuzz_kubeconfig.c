/*
 * kubeconfig files, one a part, merged one after the other. A file that is refused changes nothing;
 * what an earlier file said is not overruled by a later one; what comes out of it all is consistent
 * and fit for a transport.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/exec_credential.h"
#include "kube/kubeconfig.h"
#include "kube/url.h"

#include <string.h>

static const char *const paths[] = {"/etc/a/config", "b/config", "config", "./config"};

static void put(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "%s=%s\n", name, text != NULL ? text : "-");
}

static void put_pairs(struct buf *out, const struct exec_env *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(out, pairs[i].name, pairs[i].value);
    }
}

/* All of @c as text (mem_free). */
static char *describe(const struct client_config *c)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    const char *const texts[] = {
        c->server,    c->tls_server_name, c->proxy_url,  c->ca_file,      c->cert_file,
        c->key_file,  c->token,           c->token_file, c->username,     c->password,
        c->as,        c->as_uid,          c->ns,         c->context_name, c->cluster_name,
        c->user_name, c->ca_data,         c->cert_data,  c->key_data,
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        put(&out, "", texts[i]);
    }
    buf_printf(&out, "%d %zu %zu %zu\n", c->insecure, c->ca_data_len, c->cert_data_len,
               c->key_data_len);
    for (char **g = c->as_groups; g != NULL && *g != NULL; g++) {
        put(&out, "group", *g);
    }
    put_pairs(&out, c->as_extra, c->as_extra_count);
    if (c->exec != NULL) {
        put(&out, c->exec->api_version, c->exec->command);
        put(&out, "hint", c->exec->install_hint);
        put_pairs(&out, c->exec->env, c->exec->env_count);
        for (char **a = c->exec->args; *a != NULL; a++) {
            put(&out, "arg", *a);
        }
    }
    return buf_take(&out);
}

static void check_exec(const struct client_config *c)
{
    CLEANUP(buf_fini) struct buf info;
    buf_init(&info, 64 << 20);
    assert(c->exec->command[0] != '\0' && c->exec->args != NULL);
    assert(exec_credential_info(c, &info, NULL) == 0);
    yyjson_doc *doc = parse((struct part){info.data, info.len});
    assert(doc != NULL);
    yyjson_doc_free(doc);
}

static void check_config(const struct client_config *c)
{
    bool secret = c->token != NULL || c->token_file != NULL || c->username != NULL ||
                  c->password != NULL || c->exec != NULL || c->cert_file != NULL ||
                  c->cert_data != NULL;
    assert(url_is_server(c->server) && (c->proxy_url == NULL || url_is_proxy(c->proxy_url)));
    assert(!secret || url_is_secure(c->server));
    assert(c->ca_file == NULL || c->ca_data == NULL);
    assert(c->cert_file == NULL || c->cert_data == NULL);
    assert(c->key_file == NULL || c->key_data == NULL);
    assert((c->cert_file != NULL || c->cert_data != NULL) ==
           (c->key_file != NULL || c->key_data != NULL));
    assert(!c->insecure || (c->ca_file == NULL && c->ca_data == NULL));
    assert((c->token == NULL && c->token_file == NULL) || c->username == NULL);
    assert(c->as != NULL || (c->as_groups == NULL && c->as_uid == NULL && c->as_extra_count == 0));
    assert(c->context_name != NULL && c->cluster_name != NULL);
    if (c->exec != NULL) {
        check_exec(c);
    }
}

/* What resolving @context gives, as text (mem_free): a configuration, or "!" and an error. */
static char *resolve(const struct kubeconfig *k, const char *context)
{
    struct client_config c = {0};
    struct error err = ERROR_INIT;
    int rc = kubeconfig_resolve(k, context, &c, &err);
    assert(rc == err.code);
    if (rc != 0) {
        struct buf out;
        buf_init(&out, 4096);
        assert(rc == ERR_INVALID && is_printable(err.message) && c.server == NULL);
        buf_printf(&out, "!%s", err.message);
        return buf_take(&out);
    }
    check_config(&c);
    char *text = describe(&c);
    client_config_fini(&c);
    return text;
}

/* The name of the context that resolves by itself, or NULL (mem_free). */
static char *context_of(const struct kubeconfig *k)
{
    struct client_config c = {0};
    bool good = kubeconfig_resolve(k, NULL, &c, NULL) == 0;
    char *name = good ? mem_strdup(c.context_name) : NULL;
    client_config_fini(&c);
    return name;
}

/* False: refused, and nothing has changed. */
static bool add(struct kubeconfig *k, const char *path, struct part file)
{
    struct error err = ERROR_INIT;
    char *before = resolve(k, NULL);
    bool was_empty = kubeconfig_is_empty(k);
    char *copy = part_copy(file);
    int rc = kubeconfig_add(k, path, copy, file.len, &err);
    mem_free(copy); /* nothing of it is borrowed */
    assert(rc == err.code && (rc == 0 || rc == ERR_PARSE || rc == ERR_TOO_BIG));
    if (rc != 0) {
        char *after = resolve(k, NULL);
        assert(is_printable(err.message) && strncmp(err.message, path, strlen(path)) == 0);
        assert(strcmp(before, after) == 0 && kubeconfig_is_empty(k) == was_empty);
        mem_free(after);
    }
    mem_free(before);
    return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig *k = kubeconfig_new();
    struct input in = input_of(data, size);
    struct part file;
    char *context = NULL; /* resolved; must stay what it is */
    char *meaning = NULL;
    for (size_t i = 0; i < ARRAY_LEN(paths) && input_next(&in, &file); i++) {
        add(k, paths[i], file);
        if (context == NULL) {
            context = context_of(k);
            meaning = context != NULL ? resolve(k, context) : NULL;
        }
        char *now = context != NULL ? resolve(k, context) : NULL;
        assert(now == NULL || strcmp(now, meaning) == 0);
        mem_free(now);
    }
    mem_free(context);
    mem_free(meaning);
    kubeconfig_free(k);
    return 0;
}
