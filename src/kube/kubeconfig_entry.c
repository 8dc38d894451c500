/*
 * Every value that is there is of the right kind: kubeconfig_check() saw to that. What is left to
 * check here is what it says.
 */
#include "kube/kubeconfig_entry.h"

#include "base/base64.h"
#include "base/mem.h"
#include "kube/url.h"

#include <stdio.h>
#include <string.h>

int entry_fail(const struct kubeconfig_entry *e, const char *field, struct error *err,
               const char *reason)
{
    const struct yaml_node *value = field != NULL ? yaml_get(e->fields, field) : NULL;
    const struct yaml_node *at = value != NULL ? value : e->named;
    return error_set(err, ERR_INVALID, "%s:%u:%u: %s \"%s\": %s%s%s", e->path, at->line, at->column,
                     e->kind, e->name, field != NULL ? field : "", field != NULL ? ": " : "",
                     reason);
}

const char *entry_get(const struct kubeconfig_entry *e, const char *field)
{
    return yaml_get_text(e->fields, field);
}

static char *dup_or_null(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

/* @path as it is when absolute, else under the directory of the file that names it. */
static char *resolve_path(const struct kubeconfig_entry *e, const char *path)
{
    const char *slash = strrchr(e->path, '/');
    if (path == NULL || *path == '/' || slash == NULL) {
        return dup_or_null(path);
    }
    size_t dir = (size_t)(slash + 1 - e->path);
    char *out = mem_alloc(dir + strlen(path) + 1);
    memcpy(out, e->path, dir);
    memcpy(out + dir, path, strlen(path) + 1);
    return out;
}

/* FIELD-data, decoded, beats FIELD, a path. */
static int take_file_or_data(const struct kubeconfig_entry *e, const char *field, char **file,
                             char **data, size_t *data_len, struct error *err)
{
    char data_field[40];
    snprintf(data_field, sizeof(data_field), "%s-data", field);
    const char *text = entry_get(e, data_field);
    if (text == NULL) {
        *file = resolve_path(e, entry_get(e, field));
        return 0;
    }
    *data = base64_decode(text, strlen(text), data_len);
    return *data != NULL ? 0 : entry_fail(e, data_field, err, "expected base64");
}

int entry_take_cluster(const struct kubeconfig_entry *e, struct client_config *c, struct error *err)
{
    const char *server = entry_get(e, "server");
    const char *proxy = entry_get(e, "proxy-url");
    if (server == NULL) {
        return entry_fail(e, NULL, err, "no server; expected " URL_SERVER_EXPECTED);
    }
    if (!url_is_server(server)) {
        return entry_fail(e, "server", err, "expected " URL_SERVER_EXPECTED);
    }
    if (proxy != NULL && !url_is_proxy(proxy)) {
        return entry_fail(e, "proxy-url", err, "expected " URL_PROXY_EXPECTED);
    }
    c->server = url_dup_without_slash(server);
    c->proxy_url = dup_or_null(proxy);
    c->tls_server_name = dup_or_null(entry_get(e, "tls-server-name"));
    c->insecure = yaml_get_bool(e->fields, "insecure-skip-tls-verify");
    int failed = take_file_or_data(e, "certificate-authority", &c->ca_file, &c->ca_data,
                                   &c->ca_data_len, err);
    if (failed == 0 && c->insecure && (c->ca_file != NULL || c->ca_data != NULL)) {
        failed = entry_fail(e, "insecure-skip-tls-verify", err,
                            "not together with a certificate authority: drop one of them");
    }
    return failed;
}

static size_t count_items(const struct yaml_node *list)
{
    size_t count = 0;
    for (const struct yaml_item *i = list != NULL ? list->items : NULL; i != NULL; i = i->next) {
        count++;
    }
    return count;
}

/* NULL-terminated copy of a list of texts; a null among them is an empty text. */
static char **dup_texts(const struct yaml_node *list)
{
    char **out = mem_zalloc((count_items(list) + 1) * sizeof(*out));
    char **next = out;
    for (const struct yaml_item *i = list != NULL ? list->items : NULL; i != NULL; i = i->next) {
        *next++ = mem_strdup(yaml_is_null(i->value) ? "" : i->value->text);
    }
    return out;
}

static void take_exec_env(const struct yaml_node *list, struct exec_plugin *exec)
{
    exec->env = mem_zalloc(count_items(list) * sizeof(*exec->env));
    for (const struct yaml_item *i = list != NULL ? list->items : NULL; i != NULL; i = i->next) {
        const char *name = yaml_get_text(i->value, "name");
        const char *value = yaml_get_text(i->value, "value");
        if (name != NULL) {
            exec->env[exec->env_count++] = (struct exec_env){
                .name = mem_strdup(name), .value = mem_strdup(value != NULL ? value : "")};
        }
    }
}

static bool is_exec_version(const char *v)
{
    return v != NULL && (strcmp(v, "client.authentication.k8s.io/v1") == 0 ||
                         strcmp(v, "client.authentication.k8s.io/v1beta1") == 0);
}

static int take_exec(const struct kubeconfig_entry *e, struct client_config *c, struct error *err)
{
    const struct yaml_node *from = yaml_get(e->fields, "exec");
    const char *command = yaml_get_text(from, "command");
    const char *mode = yaml_get_text(from, "interactiveMode");
    if (command == NULL) {
        return entry_fail(e, "exec", err, "no command; expected the plugin's program");
    }
    if (!is_exec_version(yaml_get_text(from, "apiVersion"))) {
        return entry_fail(e, "exec", err,
                          "expected apiVersion client.authentication.k8s.io/v1 or "
                          "client.authentication.k8s.io/v1beta1");
    }
    if (mode != NULL && strcmp(mode, "Always") == 0) {
        return entry_fail(e, "exec", err, "interactiveMode Always: an operator has nobody to ask");
    }
    c->exec = mem_zalloc(sizeof(*c->exec));
    c->exec->api_version = mem_strdup(yaml_get_text(from, "apiVersion"));
    c->exec->command =
        strchr(command, '/') != NULL ? resolve_path(e, command) : mem_strdup(command);
    c->exec->args = dup_texts(yaml_get(from, "args"));
    c->exec->install_hint = dup_or_null(yaml_get_text(from, "installHint"));
    c->exec->provide_cluster_info = yaml_get_bool(from, "provideClusterInfo");
    take_exec_env(yaml_get(from, "env"), c->exec);
    return 0;
}

/* as-user-extra: key → list of values, here one pair for each value. */
static void take_extra(const struct yaml_node *table, struct client_config *c)
{
    size_t total = 0;
    for (const struct yaml_item *i = table != NULL ? table->items : NULL; i != NULL; i = i->next) {
        total += count_items(i->value);
    }
    c->as_extra = mem_zalloc(total * sizeof(*c->as_extra));
    for (const struct yaml_item *i = table != NULL ? table->items : NULL; i != NULL; i = i->next) {
        for (const struct yaml_item *v = i->value->items; v != NULL; v = v->next) {
            c->as_extra[c->as_extra_count++] = (struct exec_env){
                .name = mem_strdup(i->key->text),
                .value = mem_strdup(yaml_is_null(v->value) ? "" : v->value->text)};
        }
    }
}

static int take_impersonation(const struct kubeconfig_entry *e, struct client_config *c,
                              struct error *err)
{
    const struct yaml_node *groups = yaml_get(e->fields, "as-groups");
    c->as = dup_or_null(entry_get(e, "as"));
    c->as_uid = dup_or_null(entry_get(e, "as-uid"));
    c->as_groups = groups != NULL ? dup_texts(groups) : NULL;
    take_extra(yaml_get(e->fields, "as-user-extra"), c);
    if (c->as == NULL && (c->as_uid != NULL || c->as_groups != NULL || c->as_extra_count > 0)) {
        return entry_fail(e, NULL, err, "as-uid, as-groups and as-user-extra need \"as\" as well");
    }
    return 0;
}

/* Tokens and passwords. A token or a password given beats a plugin (client-go runs none then). */
static int take_secrets(const struct kubeconfig_entry *e, struct client_config *c,
                        struct error *err)
{
    bool token = entry_get(e, "token") != NULL || entry_get(e, "tokenFile") != NULL;
    bool basic = entry_get(e, "username") != NULL || entry_get(e, "password") != NULL;
    if (token && basic) {
        return entry_fail(e, NULL, err,
                          "a token and username/password are both given: drop one of them");
    }
    if (basic &&
        (entry_get(e, "username") == NULL || strchr(entry_get(e, "username"), ':') != NULL)) {
        return entry_fail(e, "username", err, "expected a name without a colon (RFC 7617)");
    }
    if (yaml_get(e->fields, "auth-provider") != NULL) {
        return entry_fail(e, "auth-provider", err,
                          "removed in Kubernetes 1.26: expected exec, a credential plugin");
    }
    c->token = dup_or_null(entry_get(e, "token"));
    c->token_file = resolve_path(e, entry_get(e, "tokenFile"));
    c->username = dup_or_null(entry_get(e, "username"));
    c->password = dup_or_null(entry_get(e, "password"));
    return !token && !basic && yaml_get(e->fields, "exec") != NULL ? take_exec(e, c, err) : 0;
}

int entry_take_user(const struct kubeconfig_entry *e, struct client_config *c, struct error *err)
{
    int failed = take_impersonation(e, c, err);
    /* Like client-go: nothing secret goes over a line that anybody can read. */
    if (failed != 0 || !url_is_secure(c->server)) {
        return failed;
    }
    failed = take_secrets(e, c, err);
    if (failed != 0 || (entry_get(e, "client-certificate") == NULL &&
                        entry_get(e, "client-certificate-data") == NULL)) {
        return failed;
    }
    if (entry_get(e, "client-key") == NULL && entry_get(e, "client-key-data") == NULL) {
        return entry_fail(e, NULL, err,
                          "a client certificate without client-key or client-key-data");
    }
    failed = take_file_or_data(e, "client-certificate", &c->cert_file, &c->cert_data,
                               &c->cert_data_len, err);
    return failed != 0 ? failed
                       : take_file_or_data(e, "client-key", &c->key_file, &c->key_data,
                                           &c->key_data_len, err);
}
