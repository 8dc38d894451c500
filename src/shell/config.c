#include "shell/config.h"

#include "base/mem.h"
#include "kube/name.h"
#include "kube/url.h"
#include "shell/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_BYTES_MAX = 4096,
    LOOKED_BYTES_MAX = 350, /* leaves room in an error for what is said around it */
    NAMESPACE_BYTES_MAX = 64,
};

/* One look for a configuration, and the story of it for the case that there is none. */
struct search {
    const struct config_places *places;
    struct kubeconfig *files;
    struct buf looked;
};

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

/* "DIR/NAME", owned by the caller. */
static char *path_join(const char *dir, const char *name)
{
    struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    buf_printf(&path, "%s/%s", dir, name);
    return buf_take(&path);
}

static void free_text(char **text)
{
    mem_free(*text);
}

/* Files that are there but cannot be opened are not missing: reading them will say why. */
static bool is_missing(const char *path)
{
    return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

static int add_file(struct kubeconfig *files, const char *path, struct error *err)
{
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&bytes, KUBECONFIG_BYTES_MAX);
    int failed = file_read(path, &bytes, err);
    if (failed == 0) {
        failed = kubeconfig_add(files, path, buf_text(&bytes), bytes.len, err);
    }
    mem_wipe(bytes.data, bytes.len);
    return failed;
}

static int add_file_if_there(struct search *s, const char *path, struct error *err)
{
    if (is_missing(path)) {
        buf_printf(&s->looked, "%s (does not exist), ", path);
        return 0;
    }
    buf_printf(&s->looked, "%s (is empty), ", path);
    return add_file(s->files, path, err);
}

/* $KUBECONFIG: paths with colons between. */
static int add_list(struct search *s, const char *list, struct error *err)
{
    int failed = 0;
    while (failed == 0 && *list != '\0') {
        size_t len = strcspn(list, ":");
        CLEANUP(free_text) char *path = mem_strndup(list, len);
        if (len > 0) {
            failed = add_file_if_there(s, path, err);
        }
        list += len;
        list += *list == ':';
    }
    return failed;
}

/* $KUBECONFIG, or else ~/.kube/config. */
static int add_usual_files(struct search *s, struct error *err)
{
    if (is_given(s->places->kubeconfig_env)) {
        buf_append_text(&s->looked, "$KUBECONFIG: ");
        return add_list(s, s->places->kubeconfig_env, err);
    }
    if (!is_given(s->places->home)) {
        buf_append_text(&s->looked, "$KUBECONFIG and $HOME (not set), ");
        return 0;
    }
    CLEANUP(free_text) char *path = path_join(s->places->home, ".kube/config");
    buf_append_text(&s->looked, "$KUBECONFIG (not set), ");
    return add_file_if_there(s, path, err);
}

/* The service account's namespace, or NULL. */
static char *service_account_namespace(const struct config_places *places)
{
    CLEANUP(buf_fini) struct buf text;
    CLEANUP(free_text) char *path = path_join(places->service_account_dir, "namespace");
    buf_init(&text, NAMESPACE_BYTES_MAX);
    if (file_read(path, &text, NULL) != 0) {
        return NULL;
    }
    char *ns = mem_strndup(buf_text(&text), strcspn(buf_text(&text), " \t\r\n"));
    if (!namespace_is_valid(ns)) {
        mem_free(ns);
        return NULL;
    }
    return ns;
}

/* A file of the service account: its path in *out. */
static int service_account_file(const struct config_places *places, const char *name, char **out,
                                struct error *err)
{
    *out = path_join(places->service_account_dir, name);
    if (access(*out, R_OK) != 0) {
        return error_set(err, ERR_INVALID,
                         "in-cluster: %s: %s; expected the pod to have a service account's token "
                         "mounted",
                         *out, strerror(errno));
    }
    return 0;
}

static int load_in_cluster(const struct config_places *places, struct client_config *out,
                           struct error *err)
{
    CLEANUP(client_config_fini) struct client_config c = {0};
    struct buf server;
    bool v6 = strchr(places->service_host, ':') != NULL;
    buf_init(&server, PATH_BYTES_MAX);
    buf_printf(&server, "https://%s%s%s:%s", v6 ? "[" : "", places->service_host, v6 ? "]" : "",
               places->service_port);
    c.server = buf_take(&server);
    if (!url_is_server(c.server)) {
        return error_set(err, ERR_INVALID,
                         "in-cluster: $KUBERNETES_SERVICE_HOST \"%.64s\" and "
                         "$KUBERNETES_SERVICE_PORT \"%.16s\": expected an address and a port",
                         places->service_host, places->service_port);
    }
    int failed = service_account_file(places, "token", &c.token_file, err);
    if (failed == 0) {
        failed = service_account_file(places, "ca.crt", &c.ca_file, err);
    }
    if (failed != 0) {
        return failed;
    }
    c.ns = service_account_namespace(places);
    c.context_name = mem_strdup("in-cluster");
    c.user_name = mem_strdup("service account");
    *out = c;
    c = (struct client_config){0};
    return 0;
}

/* What is left when no file says anything. */
static int load_without_files(const struct search *s, const char *context,
                              struct client_config *out, struct error *err)
{
    const struct config_places *places = s->places;
    bool in_cluster = is_given(places->service_host) && is_given(places->service_port);
    if (context != NULL) {
        return error_set(err, ERR_INVALID, "--context %.64s: no kubeconfig to find it in: %.*s",
                         context, (int)(s->looked.len - 2), buf_text(&s->looked));
    }
    if (in_cluster) {
        return load_in_cluster(places, out, err);
    }
    return error_set(err, ERR_INVALID,
                     "no configuration; looked for --kubeconfig (not given), %s%sin-cluster "
                     "($KUBERNETES_SERVICE_HOST is not set)",
                     buf_text(&s->looked), s->looked.truncated ? "…, " : "");
}

static int search(struct search *s, const char *flag, const char *context,
                  struct client_config *out, struct error *err)
{
    int failed = flag != NULL ? add_file(s->files, flag, err) : add_usual_files(s, err);
    if (failed != 0) {
        return failed;
    }
    if (flag == NULL && kubeconfig_is_empty(s->files)) {
        return load_without_files(s, context, out, err);
    }
    return kubeconfig_resolve(s->files, context, out, err);
}

int config_load_from(const struct config_places *places, const char *kubeconfig_flag,
                     const char *context_flag, struct client_config *out, struct error *err)
{
    struct search s = {.places = places, .files = kubeconfig_new()};
    buf_init(&s.looked, LOOKED_BYTES_MAX);
    int failed = search(&s, is_given(kubeconfig_flag) ? kubeconfig_flag : NULL,
                        is_given(context_flag) ? context_flag : NULL, out, err);
    kubeconfig_free(s.files);
    buf_fini(&s.looked);
    return failed;
}

char *config_own_namespace_from(const struct config_places *places,
                                const struct client_config *config)
{
    char *ns = service_account_namespace(places);
    if (ns != NULL) {
        return ns;
    }
    return mem_strdup(config->ns != NULL ? config->ns : "default");
}

static struct config_places places_of_process(void)
{
    return (struct config_places){
        .kubeconfig_env = getenv("KUBECONFIG"),
        .home = getenv("HOME"),
        .service_host = getenv("KUBERNETES_SERVICE_HOST"),
        .service_port = getenv("KUBERNETES_SERVICE_PORT"),
        .service_account_dir = CONFIG_SERVICE_ACCOUNT_DIR,
    };
}

int config_load(const char *kubeconfig_flag, const char *context_flag, struct client_config *out,
                struct error *err)
{
    const struct config_places places = places_of_process();
    return config_load_from(&places, kubeconfig_flag, context_flag, out, err);
}

char *config_own_namespace(const struct client_config *config)
{
    const struct config_places places = places_of_process();
    return config_own_namespace_from(&places, config);
}
