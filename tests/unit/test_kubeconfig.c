#include "lib/testing.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/kubeconfig.h"
#include "kube/kubeconfig_check.h"

#include <stdio.h>
#include <string.h>

#define CONTEXT                                                                                    \
    "current-context: c\n"                                                                         \
    "contexts: [{name: c, context: {cluster: k, user: u, namespace: team-a}}]\n"
#define CLUSTER "clusters: [{name: k, cluster: {server: https://h:6443}}]\n"

static void add(struct kubeconfig *k, const char *path, const char *text)
{
    struct error err = ERROR_INIT;
    if (kubeconfig_add(k, path, text, strlen(text), &err) != 0) {
        fail_msg("%s", err.message);
    }
}

/* Resolve the one file @text, at /etc/kube/config. */
static int resolve(const char *text, struct client_config *out, struct error *err)
{
    struct kubeconfig *k = kubeconfig_new();
    int code = kubeconfig_add(k, "/etc/kube/config", text, strlen(text), err);
    if (code == 0) {
        code = kubeconfig_resolve(k, NULL, out, err);
    }
    kubeconfig_free(k);
    return code;
}

static struct client_config resolve_good(const char *text)
{
    struct client_config c = {0};
    struct error err = ERROR_INIT;
    if (resolve(text, &c, &err) != 0) {
        fail_msg("%s", err.message);
    }
    return c;
}

/* The one file with cluster fields and user fields, in YAML's flow style without braces. */
static const char *with(char *out, size_t size, const char *cluster, const char *user)
{
    snprintf(out, size,
             CONTEXT "clusters: [{name: k, cluster: {%s}}]\nusers: [{name: u, user: {%s}}]\n",
             cluster, user);
    return out;
}

static void test_a_file_as_kubeadm_writes_it(void **state)
{
    (void)state;
    static const char text[] = "apiVersion: v1\n"
                               "clusters:\n"
                               "- cluster:\n"
                               "    certificate-authority-data: UEVNIENB\n"
                               "    server: https://10.0.0.1:6443/\n"
                               "  name: kubernetes\n"
                               "contexts:\n"
                               "- context:\n"
                               "    cluster: kubernetes\n"
                               "    user: kubernetes-admin\n"
                               "  name: kubernetes-admin@kubernetes\n"
                               "current-context: kubernetes-admin@kubernetes\n"
                               "kind: Config\n"
                               "preferences: {}\n"
                               "users:\n"
                               "- name: kubernetes-admin\n"
                               "  user:\n"
                               "    client-certificate-data: Q0VSVA==\n"
                               "    client-key-data: S0VZ\n";
    struct client_config c = resolve_good(text);
    assert_string_equal(c.server, "https://10.0.0.1:6443");
    assert_string_equal(c.ca_data, "PEM CA");
    assert_int_equal(c.ca_data_len, 6);
    assert_string_equal(c.cert_data, "CERT");
    assert_string_equal(c.key_data, "KEY");
    assert_string_equal(c.context_name, "kubernetes-admin@kubernetes");
    assert_string_equal(c.cluster_name, "kubernetes");
    assert_string_equal(c.user_name, "kubernetes-admin");
    assert_null(c.ns);
    assert_null(c.ca_file);
    assert_null(c.token);
    assert_null(c.exec);
    client_config_fini(&c);
    client_config_fini(&c); /* a zeroed one is fine */
}

static void test_every_cluster_field(void **state)
{
    (void)state;
    char text[1024];
    struct client_config c = resolve_good(
        with(text, sizeof(text),
             "server: 'https://h/prefix/', tls-server-name: other, proxy-url: 'socks5://u:p@x:1', "
             "insecure-skip-tls-verify: true, disable-compression: true, extensions: [{name: x}]",
             ""));
    assert_string_equal(c.server, "https://h/prefix");
    assert_string_equal(c.tls_server_name, "other");
    assert_string_equal(c.proxy_url, "socks5://u:p@x:1");
    assert_true(c.insecure);
    assert_string_equal(c.ns, "team-a");
    client_config_fini(&c);
}

static void test_json(void **state)
{
    (void)state;
    struct client_config c = resolve_good(
        "{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"current-context\":\"c\",\"contexts\":["
        "{\"name\":\"c\",\"context\":{\"cluster\":\"k\",\"user\":\"u\"}}],\"clusters\":[{\"name\":"
        "\"k\",\"cluster\":{\"server\":\"https://h\",\"insecure-skip-tls-verify\":true}}],"
        "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\",\"tokenFile\":null}}]}");
    assert_true(c.insecure);
    assert_string_equal(c.token, "t");
    client_config_fini(&c);
}

static void test_impersonation(void **state)
{
    (void)state;
    char text[1024];
    struct client_config c = resolve_good(
        with(text, sizeof(text), "server: https://h",
             "as: jane, as-uid: '7', as-groups: [a, b], as-user-extra: {s: [x, y], t: [z]}"));
    assert_string_equal(c.as, "jane");
    assert_string_equal(c.as_uid, "7");
    assert_string_equal(c.as_groups[1], "b");
    assert_null(c.as_groups[2]);
    assert_int_equal(c.as_extra_count, 3);
    assert_string_equal(c.as_extra[1].name, "s");
    assert_string_equal(c.as_extra[1].value, "y");
    assert_string_equal(c.as_extra[2].name, "t");
    client_config_fini(&c);
}

static void test_exec_plugin(void **state)
{
    (void)state;
    char text[1024];
    struct client_config c = resolve_good(
        with(text, sizeof(text), "server: https://h",
             "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/get, args: [a, "
             "'', ~, \"x\\ny\"], env: [{name: N, value: V}, {name: E}], installHint: \"get\\nit\", "
             "provideClusterInfo: true, interactiveMode: Never}"));
    assert_string_equal(c.exec->api_version, "client.authentication.k8s.io/v1");
    assert_string_equal(c.exec->command, "/etc/kube/bin/get");
    assert_string_equal(c.exec->args[0], "a");
    assert_string_equal(c.exec->args[1], "");
    assert_string_equal(c.exec->args[2], "");
    assert_string_equal(c.exec->args[3], "x\ny");
    assert_null(c.exec->args[4]);
    assert_int_equal(c.exec->env_count, 2);
    assert_string_equal(c.exec->env[0].value, "V");
    assert_string_equal(c.exec->env[1].value, "");
    assert_string_equal(c.exec->install_hint, "get\nit");
    assert_true(c.exec->provide_cluster_info);
    client_config_fini(&c);

    c = resolve_good(
        with(text, sizeof(text), "server: https://h",
             "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws}"));
    assert_string_equal(c.exec->command, "aws"); /* to be found in PATH */
    assert_non_null(c.exec->args);
    assert_null(c.exec->args[0]);
    client_config_fini(&c);

    c = resolve_good(with(text, sizeof(text), "server: https://h",
                          "token: t, exec: {apiVersion: client.authentication.k8s.io/v1, "
                          "command: aws}"));
    assert_string_equal(c.token, "t"); /* beats the plugin */
    assert_null(c.exec);
    client_config_fini(&c);
}

static void test_paths_are_relative_to_their_file(void **state)
{
    (void)state;
    static const char *const files[][3] = {
        /* kubeconfig, path inside, result */
        {"/etc/kube/config", "ca.crt", "/etc/kube/ca.crt"},
        {"/etc/kube/config", "pki/ca.crt", "/etc/kube/pki/ca.crt"},
        {"/etc/kube/config", "../ca.crt", "/etc/kube/../ca.crt"},
        {"/etc/kube/config", "/abs/ca.crt", "/abs/ca.crt"},
        {"/config", "ca.crt", "/ca.crt"},
        {"config", "ca.crt", "ca.crt"},
        {"./config", "ca.crt", "./ca.crt"},
        {"a/config", "ca.crt", "a/ca.crt"},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct client_config c = {0};
        char cluster[256], user[256], text[1024];
        snprintf(cluster, sizeof(cluster), "server: https://h, certificate-authority: %s",
                 files[i][1]);
        snprintf(user, sizeof(user), "client-certificate: %s, client-key: %s, tokenFile: %s",
                 files[i][1], files[i][1], files[i][1]);
        struct kubeconfig *k = kubeconfig_new();
        add(k, files[i][0], with(text, sizeof(text), cluster, user));
        assert_int_equal(kubeconfig_resolve(k, NULL, &c, NULL), 0);
        assert_string_equal(c.ca_file, files[i][2]);
        assert_string_equal(c.cert_file, files[i][2]);
        assert_string_equal(c.key_file, files[i][2]);
        assert_string_equal(c.token_file, files[i][2]);
        client_config_fini(&c);
        kubeconfig_free(k);
    }
}

static void test_data_beats_file(void **state)
{
    (void)state;
    char text[1024];
    struct client_config c = resolve_good(with(
        text, sizeof(text),
        "server: https://h, certificate-authority: ca, certificate-authority-data: \"Y\\nWI=\"",
        "client-certificate: c, client-certificate-data: YQ==, client-key: k, "
        "client-key-data: ''"));
    assert_string_equal(c.ca_data, "ab"); /* wrapped base64 */
    assert_null(c.ca_file);
    assert_string_equal(c.cert_data, "a");
    assert_null(c.cert_file);
    assert_null(c.key_data); /* empty: as if not there */
    assert_string_equal(c.key_file, "/etc/kube/k");
    client_config_fini(&c);
}

static void test_merge_first_file_wins(void **state)
{
    (void)state;
    struct client_config c = {0};
    struct kubeconfig *k = kubeconfig_new();
    assert_true(kubeconfig_is_empty(k));
    add(k, "/1/c", "");
    add(k, "/1/d", "apiVersion: v1\nkind: Config\nclusters: ~\nusers: [{name: zzz}]\n");
    assert_true(kubeconfig_is_empty(k));
    add(k, "/2/c",
        "current-context: one\n"
        "users: [{name: u, user: {tokenFile: t}}, {name: u, user: {token: second}}]\n");
    assert_false(kubeconfig_is_empty(k));
    add(k, "/3/c",
        "current-context: two\n"
        "contexts: [{name: one, context: {cluster: k, user: u}}, {name: two, context: {cluster: "
        "other, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: https://three, certificate-authority: ca}}]\n"
        "users: [{name: u, user: {username: never, password: mixed-in}}]\n");
    add(k, "/4/c",
        "clusters: [{name: k, cluster: {server: https://four, tls-server-name: never}}, {name: "
        "other, cluster: {server: https://other}}]\n");
    assert_int_equal(kubeconfig_resolve(k, NULL, &c, NULL), 0);
    assert_string_equal(c.context_name, "one");
    assert_string_equal(c.server, "https://three");
    assert_null(c.tls_server_name); /* entries are taken whole */
    assert_string_equal(c.ca_file, "/3/ca");
    assert_string_equal(c.token_file, "/2/t");
    assert_null(c.username);
    client_config_fini(&c);
    assert_int_equal(kubeconfig_resolve(k, "two", &c, NULL), 0);
    assert_string_equal(c.server, "https://other");
    client_config_fini(&c);
    kubeconfig_free(k);
}

static void test_a_bad_file_leaves_the_merge_as_it_was(void **state)
{
    (void)state;
    struct client_config c = {0};
    struct kubeconfig *k = kubeconfig_new();
    add(k, "/1", CONTEXT CLUSTER);
    assert_int_equal(kubeconfig_add(k, "/2", "users: 1", 8, NULL), ERR_PARSE);
    assert_int_equal(kubeconfig_add(k, "/3", "users: [", 8, NULL), ERR_PARSE);
    add(k, "/4", "users: [{name: u, user: {token: t}}]");
    assert_int_equal(kubeconfig_resolve(k, NULL, &c, NULL), 0);
    assert_string_equal(c.token, "t");
    client_config_fini(&c);
    kubeconfig_free(k);
}

static void test_secrets_stay_off_an_open_line(void **state)
{
    (void)state;
    char text[1024];
    struct client_config c = resolve_good(with(text, sizeof(text), "server: http://127.0.0.1:8001",
                                               "token: t, as: jane, client-certificate: c"));
    assert_null(c.token);
    assert_null(c.cert_file);
    assert_string_equal(c.as, "jane");
    client_config_fini(&c);
}

static void test_token_and_token_file_may_come_together(void **state)
{
    (void)state;
    char text[1024];
    struct client_config c =
        resolve_good(with(text, sizeof(text), "server: https://h", "token: t, tokenFile: f"));
    assert_string_equal(c.token, "t");
    assert_string_equal(c.token_file, "/etc/kube/f");
    client_config_fini(&c);
}

static void test_anonymous(void **state)
{
    (void)state;
    struct client_config c =
        resolve_good("current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n" CLUSTER);
    assert_null(c.user_name);
    client_config_fini(&c);
    c = resolve_good(CONTEXT CLUSTER "users: [{name: u}]");
    assert_string_equal(c.user_name, "u");
    client_config_fini(&c);
}

static void test_wrong_kinds_say_where_and_what(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"- a", "/etc/kube/config:1:1: expected a kubeconfig: a mapping with clusters"},
        {"just a text", "/etc/kube/config:1:1: expected a kubeconfig"},
        {"kind: Deployment\n", "/etc/kube/config:1:7: kind: expected Config"},
        {"apiVersion: apps/v1\n", "/etc/kube/config:1:13: apiVersion: expected v1"},
        {"clusters: {}\n", ":1:11: clusters: expected a list"},
        {"clusters:\n- x\n", ":2:3: clusters[0]: expected a mapping"},
        {"clusters:\n- cluster: {}\n", ":2:3: clusters[0]: expected it to have a name"},
        {"clusters:\n- name: ''\n", ":2:3: clusters[0]: expected it to have a name"},
        {"clusters:\n- name: [a]\n", ":2:9: clusters[0].name: expected a string"},
        {"clusters:\n- name: a\n- name: b\n  cluster:\n    server: [x]\n",
         ":5:13: clusters[1].cluster.server: expected a string"},
        {"clusters:\n- name: a\n  cluster: {server: \"a\\nb\"}\n",
         ":3:21: clusters[0].cluster.server: expected a string without control characters"},
        {"clusters:\n- name: a\n  cluster: {insecure-skip-tls-verify: 'true'}\n",
         ":3:39: clusters[0].cluster.insecure-skip-tls-verify: expected true or false"},
        {"clusters:\n- name: a\n  cluster: {server: a, server: b}\n",
         ":3:24: clusters[0].cluster.server: expected only once"},
        {"clusters:\n- name: a\n  cluster: {<<: {server: b}}\n",
         "clusters[0].cluster: expected the fields themselves, not a merge key <<"},
        {"users:\n- name: a\n  user: {exec: {env: [{value: x}]}}\n",
         "users[0].user.exec.env[0]: expected it to have a name"},
        {"users:\n- name: a\n  user: {exec: {args: [[x]]}}\n",
         "users[0].user.exec.args[0]: expected a string"},
        {"users:\n- name: a\n  user: {as-user-extra: {k: v}}\n",
         "users[0].user.as-user-extra.k: expected a list of strings"},
        {"users:\n- name: a\n  user: {as-user-extra: {\"a\\r\\nb\": [v]}}\n",
         "expected a string without control characters"},
        {"users:\n- name: a\n  user: {as-groups: [\"a\\r\\nX: y\"]}\n",
         "users[0].user.as-groups[0]: expected a string without control characters"},
        {"users:\n- name: a\n  user: {token: \"S3CRET\\nb\"}\n",
         "users[0].user.token: expected a string without control characters"},
        {"contexts: [{name: a, context: [S3CRET]}]\n", "contexts[0].context: expected a mapping"},
        {"current-context: {a: b}\n", "current-context: expected a string"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client_config c = {0};
        struct error err = ERROR_INIT;
        assert_int_equal(resolve(cases[i].text, &c, &err), ERR_PARSE);
        if (strstr(err.message, cases[i].message) == NULL || strstr(err.message, "S3CRET") ||
            strncmp(err.message, "/etc/kube/config:", 17) != 0) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
}

static void test_clusters_that_do_not_work(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const char *message;
    } cases[] = {
        {"", "/etc/kube/config:3:12: cluster \"k\": no server; expected https://host:port"},
        {"server: ''", "cluster \"k\": no server"},
        {"server: h:6443", ":3:40: cluster \"k\": server: expected https://host:port"},
        {"server: 'https://h?x=1'", "cluster \"k\": server: expected https://host:port"},
        {"server: 'https://u:S3CRET@h'", "cluster \"k\": server: expected https://host:port"},
        {"server: https://h, proxy-url: 'ftp://u:S3CRET@h'",
         "cluster \"k\": proxy-url: expected http://, https:// or socks5://"},
        {"server: https://h, insecure-skip-tls-verify: true, certificate-authority: ca",
         "insecure-skip-tls-verify: not together with a certificate authority"},
        {"server: https://h, insecure-skip-tls-verify: true, certificate-authority-data: YQ==",
         "insecure-skip-tls-verify: not together with a certificate authority"},
        {"server: https://h, certificate-authority-data: '!!'",
         "cluster \"k\": certificate-authority-data: expected base64"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1024];
        struct client_config c = {0};
        struct error err = ERROR_INIT;
        assert_int_equal(resolve(with(text, sizeof(text), cases[i].fields, ""), &c, &err),
                         ERR_INVALID);
        if (strstr(err.message, cases[i].message) == NULL || strstr(err.message, "S3CRET")) {
            fail_msg("%s: %s", cases[i].fields, err.message);
        }
        assert_null(c.server);
    }
}

static void test_users_that_do_not_work(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const char *message;
    } cases[] = {
        {"token: S3CRET, username: u, password: S3CRET",
         "/etc/kube/config:4:9: user \"u\": a token and username/password are both given"},
        {"tokenFile: f, password: S3CRET", "a token and username/password are both given"},
        {"password: S3CRET", "username: expected a name"},
        {"username: 'S3CRET:x', password: p", "username: expected a name without a colon"},
        {"client-certificate: c", "a client certificate without client-key"},
        {"client-certificate-data: YQ==", "a client certificate without client-key"},
        {"client-certificate: c, client-key-data: S3CRET", "client-key-data: expected base64"},
        {"auth-provider: {name: gcp}", "auth-provider: removed in Kubernetes 1.26: expected exec"},
        {"as-groups: [a]", "as-uid, as-groups and as-user-extra need \"as\" as well"},
        {"as-uid: a", "as-uid, as-groups and as-user-extra need \"as\" as well"},
        {"as-user-extra: {a: [b]}", "as-uid, as-groups and as-user-extra need \"as\" as well"},
        {"exec: {apiVersion: client.authentication.k8s.io/v1}", "exec: no command"},
        {"exec: {command: x}", "exec: expected apiVersion client.authentication.k8s.io/v1 or"},
        {"exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}",
         "exec: expected apiVersion client.authentication.k8s.io/v1 or"},
        {"exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
         "interactiveMode Always: an operator has nobody to ask"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1024];
        struct client_config c = {0};
        struct error err = ERROR_INIT;
        with(text, sizeof(text), "server: https://h", cases[i].fields);
        assert_int_equal(resolve(text, &c, &err), ERR_INVALID);
        if (strstr(err.message, cases[i].message) == NULL || strstr(err.message, "S3CRET")) {
            fail_msg("%s: %s", cases[i].fields, err.message);
        }
        assert_null(c.server);
    }
}

static void test_references_that_lead_nowhere(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "/etc/kube/config: no current-context; name one with --context; known contexts: none"},
        {"contexts: [{name: a}, {name: b}]",
         "/etc/kube/config: no current-context; name one with --context; known contexts: a, b"},
        {"current-context: x\ncontexts: [{name: a}, {name: b}]",
         "/etc/kube/config: no context \"x\"; known contexts: a, b"},
        {"current-context: a\ncontexts: [{name: a}]",
         "/etc/kube/config:2:12: context \"a\": no cluster; expected a cluster's name"},
        {CONTEXT, "/etc/kube/config: context \"c\" names the cluster \"k\", which is not there; "
                  "known clusters: none"},
        {CONTEXT CLUSTER "users: [{name: v}, {name: w}]",
         "context \"c\" names the user \"u\", which is not there; known users: v, w"},
        {"current-context: a\ncontexts: [{name: a, context: {cluster: k, namespace: "
         "A.B}}]\n" CLUSTER,
         "context \"a\": namespace: expected a namespace's name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client_config c = {0};
        struct error err = ERROR_INIT;
        assert_int_equal(resolve(cases[i].text, &c, &err), ERR_INVALID);
        if (strstr(err.message, cases[i].message) == NULL) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
}

static void test_many_names_are_cut(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf text;
    struct client_config c = {0};
    struct error err = ERROR_INIT;
    buf_init(&text, 100000);
    buf_append_text(&text, "current-context: missing\ncontexts:\n");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&text, "- name: context-%d\n", i);
    }
    assert_int_equal(resolve(buf_text(&text), &c, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "no context \"missing\"; known contexts: context-0, "));
    assert_non_null(strstr(err.message, ", …"));
}

static void test_size_limit(void **state)
{
    (void)state;
    struct kubeconfig *k = kubeconfig_new();
    struct error err = ERROR_INIT;
    char *text = mem_alloc(KUBECONFIG_BYTES_MAX + 1);
    memset(text, '#', KUBECONFIG_BYTES_MAX + 1);
    assert_int_equal(kubeconfig_add(k, "/x", text, KUBECONFIG_BYTES_MAX, &err), 0);
    assert_int_equal(kubeconfig_add(k, "/x", text, KUBECONFIG_BYTES_MAX + 1, &err), ERR_TOO_BIG);
    assert_string_equal(err.message, "/x: expected a kubeconfig of 1 MiB at most");
    mem_free(text);
    kubeconfig_free(k);
}

/* 40 000 arguments shared by 40 000 users would be a walk of 1.6 thousand million. */
static void test_aliases_beyond_reason(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf text;
    struct client_config c = {0};
    struct error err = ERROR_INIT;
    buf_init(&text, KUBECONFIG_BYTES_MAX);
    buf_append_text(&text, "anything: &e {args: [");
    for (int i = 0; i < 40000; i++) {
        buf_append_text(&text, "x,");
    }
    buf_append_text(&text, "]}\nusers:\n");
    for (int i = 0; i < 9000; i++) {
        buf_printf(&text, "- {name: u%d, user: {exec: *e}}\n", i);
    }
    assert_int_equal(resolve(buf_text(&text), &c, &err), ERR_PARSE);
    assert_non_null(strstr(err.message, "aliases nested beyond reason"));
}

static void test_an_alias_serves(void **state)
{
    (void)state;
    struct client_config c =
        resolve_good(CONTEXT CLUSTER "x: &u {token: t}\nusers: [{name: u, user: *u}]\n");
    assert_string_equal(c.token, "t");
    client_config_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_as_kubeadm_writes_it),
        cmocka_unit_test(test_every_cluster_field),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_impersonation),
        cmocka_unit_test(test_exec_plugin),
        cmocka_unit_test(test_paths_are_relative_to_their_file),
        cmocka_unit_test(test_data_beats_file),
        cmocka_unit_test(test_merge_first_file_wins),
        cmocka_unit_test(test_a_bad_file_leaves_the_merge_as_it_was),
        cmocka_unit_test(test_secrets_stay_off_an_open_line),
        cmocka_unit_test(test_token_and_token_file_may_come_together),
        cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_wrong_kinds_say_where_and_what),
        cmocka_unit_test(test_clusters_that_do_not_work),
        cmocka_unit_test(test_users_that_do_not_work),
        cmocka_unit_test(test_references_that_lead_nowhere),
        cmocka_unit_test(test_many_names_are_cut),
        cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_aliases_beyond_reason),
        cmocka_unit_test(test_an_alias_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
