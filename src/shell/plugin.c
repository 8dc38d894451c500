#include "shell/plugin.h"

#include "base/arena.h"
#include "base/mem.h"
#include "shell/child.h"
#include "shell/file.h"
#include "shell/vet.h"

#include <string.h>
#include <unistd.h>

enum { INFO_BYTES_MAX = 2 * KUBECONFIG_BYTES_MAX, CA_BYTES_MAX = KUBECONFIG_BYTES_MAX };

struct plugin {
    const struct client_config *config;
    struct poller *poller;
    plugin_ran_fn *ran;
    void *ctx;
    struct child *child; /* NULL: not running */
    uint64_t began_ms;   /* the last run */
    uint64_t next_ms;    /* the next one; UINT64_MAX: not before a rejection */
    bool answered;       /* credential holds one */
    struct exec_credential credential;
    struct error error;
};

/* Put "NAME=value" into a NULL-terminated list that has room, in place of what NAME was. */
static void set_variable(char **list, char *entry)
{
    size_t name_len = strcspn(entry, "=") + 1;
    while (*list != NULL && strncmp(*list, entry, name_len) != 0) {
        list++;
    }
    *list = entry;
}

static char **environment_for(const struct client_config *config, const char *info,
                              struct arena *arena)
{
    const struct exec_plugin *exec = config->exec;
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char **list = arena_alloc(arena, (count + exec->env_count + 2) * sizeof(*list));
    memcpy(list, environ, count * sizeof(*list));
    for (size_t i = 0; i < exec->env_count; i++) {
        set_variable(list, arena_printf(arena, "%s=%s", exec->env[i].name, exec->env[i].value));
    }
    set_variable(list, arena_printf(arena, "KUBERNETES_EXEC_INFO=%s", info));
    return list;
}

static char **arguments_for(const struct exec_plugin *exec, struct arena *arena)
{
    size_t count = 0;
    while (exec->args[count] != NULL) {
        count++;
    }
    char **list = arena_alloc(arena, (count + 2) * sizeof(*list));
    list[0] = exec->command;
    memcpy(list + 1, exec->args, count * sizeof(*list));
    return list;
}

/* A minute before it expires, or after three quarters of a short life. */
static uint64_t renewal_ms(struct now now, int64_t expires_us)
{
    if (expires_us == INT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t left_ms = (uint64_t)(expires_us - now.wall_us) / 1000;
    uint64_t early_ms = left_ms / 4 < PLUGIN_RENEW_MS ? left_ms / 4 : PLUGIN_RENEW_MS;
    return now.mono_ms + left_ms - early_ms;
}

static int accept_answer(struct plugin *p, struct now now, const struct buf *output,
                         struct error *err)
{
    CLEANUP(exec_credential_fini) struct exec_credential got = {0};
    int code = exec_credential_parse(p->config->exec->api_version, buf_text(output), output->len,
                                     &got, err);
    if (code == 0 && got.cert != NULL) {
        code = vet_pair(got.cert, strlen(got.cert), got.key, strlen(got.key), err);
    }
    if (code == 0 && got.expires_us <= now.wall_us) {
        code = error_set(err, ERR_INVALID, "its answer has expired already");
    }
    if (code != 0) {
        return code;
    }
    exec_credential_fini(&p->credential);
    p->credential = got;
    p->answered = true;
    got = (struct exec_credential){0};
    return 0;
}

static void finish_run(struct plugin *p, const struct error *failure)
{
    const struct exec_plugin *exec = p->config->exec;
    struct now now = clock_now();
    if (failure == NULL) {
        p->error = ERROR_INIT;
        uint64_t renew_ms = renewal_ms(now, p->credential.expires_us);
        uint64_t soonest_ms = p->began_ms + PLUGIN_RETRY_MS;
        p->next_ms = renew_ms > soonest_ms ? renew_ms : soonest_ms;
        p->ran(p->ctx, NULL);
        return;
    }
    p->error = *failure;
    error_wrap(&p->error, "credential plugin \"%s\"", exec->command);
    p->next_ms = now.mono_ms + PLUGIN_RETRY_MS;
    p->ran(p->ctx, &p->error);
}

static void on_done(void *ctx, const struct buf *output, const struct error *failure)
{
    struct plugin *p = ctx;
    struct error err = ERROR_INIT;
    if (failure == NULL && accept_answer(p, clock_now(), output, &err) != 0) {
        failure = &err;
    }
    struct error reason = failure != NULL ? *failure : ERROR_INIT;
    child_free(p->child);
    p->child = NULL;
    finish_run(p, failure != NULL ? &reason : NULL);
}

static int begin_run(struct plugin *p, struct now now, struct error *err)
{
    const struct exec_plugin *exec = p->config->exec;
    p->began_ms = now.mono_ms;
    p->error = ERROR_INIT;
    CLEANUP(arena_fini) struct arena arena = {0};
    CLEANUP(buf_fini) struct buf info;
    buf_init(&info, INFO_BYTES_MAX);
    CLEANUP(buf_fini) struct buf ca;
    buf_init(&ca, CA_BYTES_MAX);
    struct client_config told = *p->config; /* borrows all its texts */
    if (exec->provide_cluster_info && told.ca_file != NULL) {
        if (file_read_regular(told.ca_file, &ca, err) != 0) {
            return err->code;
        }
        told.ca_data = ca.data;
        told.ca_data_len = ca.len;
    }
    if (exec_credential_info(&told, &info, err) != 0) {
        return error_wrap(err, "KUBERNETES_EXEC_INFO");
    }
    const struct child_spec spec = {
        .file = exec->command,
        .argv = arguments_for(exec, &arena),
        .envp = environment_for(p->config, buf_text(&info), &arena),
        .output_bytes_max = EXEC_REPLY_BYTES_MAX,
        .deadline_ms = now.mono_ms + PLUGIN_TIMEOUT_MS,
    };
    p->child = child_start(p->poller, &spec, on_done, p, err);
    if (p->child == NULL && exec->install_hint != NULL) {
        error_set(err, ERR_INVALID, "%s; %s", err->message, exec->install_hint);
    }
    return p->child != NULL ? 0 : err->code;
}

struct plugin *plugin_new(const struct client_config *config, struct poller *poller,
                          plugin_ran_fn *ran, void *ctx, struct error *err)
{
    struct plugin *p = mem_zalloc(sizeof(*p));
    *p = (struct plugin){
        .config = config,
        .poller = poller,
        .ran = ran,
        .ctx = ctx,
        .next_ms = UINT64_MAX,
        .error = ERROR_INIT,
    };
    if (begin_run(p, clock_now(), err) != 0) {
        error_wrap(err, "credential plugin \"%s\"", config->exec->command);
        plugin_free(p);
        return NULL;
    }
    return p;
}

void plugin_free(struct plugin *p)
{
    if (p == NULL) {
        return;
    }
    child_free(p->child);
    exec_credential_fini(&p->credential);
    mem_free(p);
}

const struct exec_credential *plugin_credential(const struct plugin *p, struct now now)
{
    return p->answered && now.wall_us < p->credential.expires_us ? &p->credential : NULL;
}

const struct error *plugin_error(const struct plugin *p)
{
    return &p->error;
}

void plugin_reject(struct plugin *p, struct now now)
{
    if (p->child == NULL) {
        uint64_t soonest_ms = p->began_ms + PLUGIN_RETRY_MS;
        uint64_t again_ms = now.mono_ms > soonest_ms ? now.mono_ms : soonest_ms;
        p->next_ms = again_ms < p->next_ms ? again_ms : p->next_ms;
    }
}

void plugin_tick(struct plugin *p, struct now now)
{
    if (p->child != NULL) {
        child_tick(p->child, now);
    } else if (now.mono_ms >= p->next_ms) {
        struct error err = ERROR_INIT;
        if (begin_run(p, now, &err) != 0) {
            finish_run(p, &err);
        }
    }
}

uint64_t plugin_deadline(const struct plugin *p)
{
    return p->child != NULL ? child_deadline(p->child) : p->next_ms;
}
