/* The end of a struct client_config; kubeconfig.c and shell/config.c make them. */
#include "base/mem.h"
#include "kube/kubeconfig.h"

#include <string.h>

static void wipe_text(char *text)
{
    if (text != NULL) {
        mem_wipe(text, strlen(text));
        mem_free(text);
    }
}

static void free_texts(char **texts)
{
    for (char **t = texts; t != NULL && *t != NULL; t++) {
        wipe_text(*t);
    }
    mem_free(texts);
}

static void free_pairs(struct exec_env *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(pairs[i].name);
        wipe_text(pairs[i].value);
    }
    mem_free(pairs);
}

/* Arguments and environment of a plugin often hold secrets, so they are wiped as well. */
static void exec_plugin_free(struct exec_plugin *exec)
{
    if (exec == NULL) {
        return;
    }
    mem_free(exec->api_version);
    mem_free(exec->command);
    free_texts(exec->args);
    free_pairs(exec->env, exec->env_count);
    mem_free(exec->install_hint);
    mem_free(exec);
}

void client_config_fini(struct client_config *c)
{
    if (c == NULL) {
        return;
    }
    mem_wipe(c->key_data, c->key_data_len);
    wipe_text(c->proxy_url); /* may hold a password */
    wipe_text(c->token);
    wipe_text(c->username);
    wipe_text(c->password);
    exec_plugin_free(c->exec);
    free_texts(c->as_groups);
    free_pairs(c->as_extra, c->as_extra_count);
    char *const texts[] = {
        c->server,       c->tls_server_name, c->ca_file,    c->ca_data, c->cert_file, c->cert_data,
        c->key_file,     c->key_data,        c->token_file, c->as,      c->as_uid,    c->ns,
        c->context_name, c->cluster_name,    c->user_name};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        mem_free(texts[i]);
    }
    *c = (struct client_config){0};
}
