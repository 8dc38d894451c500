#include "lib/testing.h"

#include "base/mem.h"
#include "lib/net_pki.h"
#include "shell/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct poller *poller;
    char dir[32];
    struct net_cert ca, client, other;
    char log[8192]; /* one line per message */
};

static struct fixture f;

static int set_up_all(void **state)
{
    (void)state;
    f.ca = net_cert_new("ca", NULL, NULL);
    f.client = net_cert_new("client", NULL, &f.ca);
    f.other = net_cert_new("other", NULL, &f.ca);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    net_cert_fini(&f.ca);
    net_cert_fini(&f.client);
    net_cert_fini(&f.other);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    f.poller = poller_new(NULL);
    f.log[0] = '\0';
    strcpy(f.dir, "/tmp/test-credentials-XXXXXX");
    return mkdtemp(f.dir) != NULL && f.poller != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", f.dir);
    poller_free(f.poller);
    return system(command);
}

static char *path_of(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", f.dir, name);
    return mem_strdup(path);
}

static void write_bytes(const char *name, const char *bytes, size_t len)
{
    char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
    chmod(path, 0755);
    mem_free(path);
}

static void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static void remove_file(const char *name)
{
    char *path = path_of(name);
    assert_int_equal(unlink(path), 0);
    mem_free(path);
}

static void on_log(void *ctx, enum log_level level, const char *message, const char *detail)
{
    (void)ctx;
    (void)level;
    size_t len = strlen(f.log);
    snprintf(f.log + len, sizeof(f.log) - len, "%s: %s\n", message, detail);
}

static struct credentials *make(struct client_config config)
{
    struct error err = ERROR_INIT;
    config.server = mem_strdup("https://kube.test");
    struct credentials *c = credentials_new(&config, f.poller, on_log, NULL, &err);
    assert_string_equal(err.message, "");
    assert_non_null(c);
    assert_null(config.server); /* taken */
    return c;
}

static void make_fails(struct client_config config, const char *message)
{
    struct error err = ERROR_INIT;
    assert_null(credentials_new(&config, f.poller, on_log, NULL, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.message, message));
}

static void assert_authorization(struct credentials *c, const char *expected)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1 << 16);
    credentials_authorization(c, &out);
    assert_string_equal(buf_text(&out), expected);
}

static struct now later(uint64_t ms)
{
    struct now now = clock_now();
    now.mono_ms += ms;
    now.wall_us += (int64_t)ms * 1000;
    return now;
}

/* ---- what the configuration says ---- */

static void configured_secrets(void **state)
{
    (void)state;
    struct credentials *c = make((struct client_config){0});
    assert_authorization(c, "");
    assert_true(credentials_ready(c));
    assert_int_equal(credentials_error(c)->code, ERR_NONE);
    assert_true(credentials_deadline(c) == UINT64_MAX);
    assert_null(credentials_tls(c).ca);
    credentials_free(c);

    c = make((struct client_config){.token = mem_strdup("abc")});
    assert_authorization(c, "Bearer abc");
    credentials_free(c);

    c = make((struct client_config){.username = mem_strdup("Aladdin"),
                                    .password = mem_strdup("open sesame")});
    assert_authorization(c, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    credentials_free(c);
    credentials_free(NULL);
}

static void inline_certificates(void **state)
{
    (void)state;
    struct credentials *c = make((struct client_config){
        .ca_data = mem_strdup(f.ca.cert),
        .ca_data_len = strlen(f.ca.cert),
        .cert_data = mem_strdup(f.client.cert),
        .cert_data_len = strlen(f.client.cert),
        .key_data = mem_strdup(f.client.key),
        .key_data_len = strlen(f.client.key),
    });
    struct tls_material tls = credentials_tls(c);
    assert_string_equal(tls.ca, f.ca.cert);
    assert_int_equal(tls.ca_len, strlen(f.ca.cert));
    assert_string_equal(tls.cert, f.client.cert);
    assert_string_equal(tls.key, f.client.key);
    assert_true(credentials_deadline(c) == UINT64_MAX);
    credentials_free(c);
}

static void bad_files_at_start_are_errors(void **state)
{
    (void)state;
    write_file("empty", " \n");
    write_file("client.crt", f.client.cert);
    write_file("other.key", f.other.key);
    make_fails((struct client_config){.token_file = path_of("none")}, "No such file or directory");
    make_fails((struct client_config){.token_file = path_of("empty")}, "the token is empty");
    make_fails((struct client_config){.ca_file = path_of("none")}, "No such file or directory");
    make_fails((struct client_config){.ca_file = path_of("empty")}, "no PEM certificate");
    make_fails((struct client_config){.cert_file = path_of("client.crt"),
                                      .key_file = path_of("other.key")},
               "do not belong together");
    make_fails((struct client_config){.cert_file = path_of("client.crt")}, "needs a key");
}

/* ---- files that change ---- */

static void a_token_file_is_read_again_every_minute(void **state)
{
    (void)state;
    write_file("token", "\n one\t\r\n");
    struct credentials *c = make((struct client_config){.token_file = path_of("token")});
    assert_authorization(c, "Bearer one");
    uint64_t generation = credentials_generation(c);
    assert_true(credentials_deadline(c) <= later(CREDENTIALS_TOKEN_MS).mono_ms);

    write_file("token", "two");
    credentials_tick(c, later(CREDENTIALS_TOKEN_MS - 5000));
    assert_authorization(c, "Bearer one");
    credentials_tick(c, later(CREDENTIALS_TOKEN_MS));
    assert_authorization(c, "Bearer two");
    assert_true(credentials_generation(c) > generation);

    generation = credentials_generation(c);
    credentials_tick(c, later(2 * CREDENTIALS_TOKEN_MS));
    assert_true(credentials_generation(c) == generation); /* nothing changed */
    assert_string_equal(f.log, "");
    credentials_free(c);
}

static void a_bad_token_file_leaves_the_old_token(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " \n", "a b", "one\r\nX-Evil: yes", NULL};
    write_file("token", "one");
    struct credentials *c = make((struct client_config){.token_file = path_of("token")});
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        f.log[0] = '\0';
        if (bad[i] != NULL) {
            write_file("token", bad[i]);
        } else {
            remove_file("token");
        }
        credentials_tick(c, later((i + 1) * CREDENTIALS_TOKEN_MS));
        assert_authorization(c, "Bearer one");
        assert_non_null(strstr(f.log, "Keeping the old token"));
        assert_null(strstr(f.log, "Evil"));
    }
    write_bytes("token", "cut\0off", 7); /* as a crash of the machine leaves files */
    credentials_tick(c, later(9 * CREDENTIALS_TOKEN_MS));
    assert_authorization(c, "Bearer one");
    write_file("token", "two");
    credentials_tick(c, later(10 * CREDENTIALS_TOKEN_MS));
    assert_authorization(c, "Bearer two");
    credentials_free(c);
}

static void a_rejected_token_is_read_again_at_once_and_then_soon(void **state)
{
    (void)state;
    write_file("token", "one");
    struct credentials *c = make((struct client_config){.token_file = path_of("token")});
    write_file("token", "two");
    struct now rejected = later(0);
    credentials_reject(c, rejected);
    assert_true(credentials_deadline(c) <= rejected.mono_ms);
    credentials_tick(c, rejected);
    assert_authorization(c, "Bearer two");

    write_file("token", "three");
    credentials_reject(c, rejected);
    credentials_tick(c, rejected); /* it was read just now */
    assert_authorization(c, "Bearer two");
    assert_true(credentials_deadline(c) == rejected.mono_ms + CREDENTIALS_RETRY_MS);
    rejected.mono_ms += CREDENTIALS_RETRY_MS;
    credentials_tick(c, rejected);
    assert_authorization(c, "Bearer three");
    credentials_free(c);
}

/* As client-go has it: the file wins while it can be read. */
static void a_token_beside_a_token_file_is_the_fallback(void **state)
{
    (void)state;
    struct credentials *c =
        make((struct client_config){.token = mem_strdup("inline"), .token_file = path_of("token")});
    assert_authorization(c, "Bearer inline");
    write_file("token", "file");
    credentials_tick(c, later(CREDENTIALS_TOKEN_MS));
    assert_authorization(c, "Bearer file");
    credentials_free(c);
}

static void certificates_are_noticed_within_five_minutes(void **state)
{
    (void)state;
    write_file("ca", f.ca.cert);
    write_file("crt", f.client.cert);
    write_file("key", f.client.key);
    struct credentials *c = make((struct client_config){
        .ca_file = path_of("ca"), .cert_file = path_of("crt"), .key_file = path_of("key")});
    uint64_t generation = credentials_tls(c).generation;

    write_file("crt", f.other.cert); /* half of a new pair */
    credentials_tick(c, later(CREDENTIALS_CERT_MS));
    assert_string_equal(credentials_tls(c).cert, f.client.cert);
    assert_string_equal(credentials_tls(c).key, f.client.key);
    assert_true(credentials_tls(c).generation == generation);
    assert_non_null(strstr(f.log, "Keeping the old client certificate"));

    write_file("key", f.other.key);
    write_file("ca", ""); /* a bad authority does not hold up the pair */
    credentials_tick(c, later(2 * CREDENTIALS_CERT_MS));
    assert_string_equal(credentials_tls(c).cert, f.other.cert);
    assert_string_equal(credentials_tls(c).key, f.other.key);
    assert_string_equal(credentials_tls(c).ca, f.ca.cert);
    assert_true(credentials_tls(c).generation > generation);
    assert_non_null(strstr(f.log, "Keeping the old certificate authority"));
    assert_null(strstr(f.log, "PRIVATE"));
    credentials_free(c);
}

/* ---- exec plugins ---- */

static struct client_config with_plugin(const char *script)
{
    write_file("plugin", script);
    struct exec_plugin *exec = mem_zalloc(sizeof(*exec));
    *exec = (struct exec_plugin){
        .api_version = mem_strdup("client.authentication.k8s.io/v1"),
        .command = path_of("plugin"),
        .args = mem_zalloc(2 * sizeof(char *)),
        .env = mem_zalloc(sizeof(struct exec_env)),
        .env_count = 1,
        .install_hint = mem_strdup("install it"),
    };
    exec->args[0] = mem_strdup(f.dir);
    exec->env[0] = (struct exec_env){mem_strdup("FROM_CONFIG"), mem_strdup("yes")};
    return (struct client_config){.exec = exec};
}

#define ANSWER(status)                                                                             \
    "#!/bin/sh\n"                                                                                  \
    "echo run >>$1/runs\n"                                                                         \
    "cat <<EOF\n"                                                                                  \
    "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","             \
    "\"status\":{" status "}}\n"                                                                   \
    "EOF\n"

static unsigned runs(void)
{
    char *path = path_of("runs");
    FILE *file = fopen(path, "r");
    unsigned lines = 0;
    for (int c; file != NULL && (c = getc(file)) != EOF;) {
        lines += c == '\n';
    }
    if (file != NULL) {
        fclose(file);
    }
    mem_free(path);
    return lines;
}

/* Until a run has ended: it is ready, or failed. */
static void await_plugin(const struct credentials *c)
{
    uint64_t until_ms = clock_now().mono_ms + 10000;
    while (!credentials_ready(c) && credentials_error(c)->code == ERR_NONE &&
           clock_now().mono_ms < until_ms) {
        poller_wait(f.poller, until_ms);
    }
}

/* Until it has run @count times and been waited for. */
static void await_runs(struct credentials *c, unsigned count, struct now now)
{
    uint64_t generation = credentials_generation(c);
    uint64_t until_ms = clock_now().mono_ms + 10000;
    credentials_tick(c, now);
    while ((runs() < count || credentials_generation(c) == generation) &&
           clock_now().mono_ms < until_ms) {
        poller_wait(f.poller, clock_now().mono_ms + 100);
    }
    assert_int_equal(runs(), count);
}

static void a_plugin_gives_a_token(void **state)
{
    (void)state;
    struct credentials *c = make(with_plugin(
        ANSWER("\"token\":\"$FROM_CONFIG-$(echo $KUBERNETES_EXEC_INFO | grep -c v1)\"")));
    assert_false(credentials_ready(c)); /* it runs beside us */
    assert_int_equal(credentials_error(c)->code, ERR_NONE);
    assert_authorization(c, "");
    await_plugin(c);
    assert_true(credentials_ready(c));
    assert_authorization(c, "Bearer yes-1");
    assert_true(credentials_deadline(c) == UINT64_MAX); /* it never expires */
    credentials_free(c);
}

/* provideClusterInfo: the CA too, which is only a file here. */
static void a_plugin_is_told_of_the_cluster(void **state)
{
    (void)state;
    struct client_config config = with_plugin(
        ANSWER("\"token\":\"$(echo $KUBERNETES_EXEC_INFO | grep -c certificate-authority-data)\""));
    config.exec->provide_cluster_info = true;
    write_file("ca", f.ca.cert);
    config.ca_file = path_of("ca");
    struct credentials *c = make(config);
    await_plugin(c);
    assert_authorization(c, "Bearer 1");
    credentials_free(c);
}

static void a_plugin_gives_a_certificate(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf script;
    buf_init(&script, 1 << 16);
    buf_append_text(&script, ANSWER("$(cat $1/status)"));
    write_file("crt", f.client.cert);
    write_file("key", f.client.key);
    char command[256];
    snprintf(command, sizeof(command),
             "cd %s; printf '\"clientCertificateData\":\"%%s\",\"clientKeyData\":\"%%s\"' "
             "\"$(sed 's/$/\\\\n/' crt | tr -d '\\n')\" \"$(sed 's/$/\\\\n/' key | tr -d '\\n')\" "
             ">status",
             f.dir);
    assert_int_equal(system(command), 0);
    struct credentials *c = make(with_plugin(script.data));
    uint64_t generation = credentials_tls(c).generation;
    await_plugin(c);
    assert_string_equal(credentials_error(c)->message, "");
    assert_string_equal(credentials_tls(c).cert, f.client.cert);
    assert_string_equal(credentials_tls(c).key, f.client.key);
    assert_true(credentials_tls(c).generation > generation);
    assert_authorization(c, "");
    credentials_free(c);
}

static void a_plugin_that_fails_is_said_and_tried_again(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        const char *reason;
    } rows[] = {
        {"#!/bin/sh\nexit 7\n", "exited with code 7"},
        {"#!/bin/sh\necho secret garbage\n", ""},
        {ANSWER("\"token\":\"a b\""), "status.token"},
        {ANSWER("\"token\":\"a\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\""), "expired"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f.log[0] = '\0';
        struct credentials *c = make(with_plugin(rows[i].script));
        await_plugin(c);
        assert_false(credentials_ready(c));
        assert_non_null(strstr(credentials_error(c)->message, "credential plugin"));
        assert_non_null(strstr(credentials_error(c)->message, rows[i].reason));
        assert_null(strstr(credentials_error(c)->message, "secret"));
        assert_non_null(strstr(f.log, credentials_error(c)->message));

        assert_true(credentials_deadline(c) <= later(CREDENTIALS_RETRY_MS).mono_ms);
        write_file("plugin", ANSWER("\"token\":\"good\""));
        credentials_tick(c, later(CREDENTIALS_RETRY_MS + 1));
        assert_int_equal(credentials_error(c)->code, ERR_NONE); /* it runs */
        await_plugin(c);
        assert_authorization(c, "Bearer good");
        credentials_free(c);
    }
}

static void a_plugin_that_is_not_there_is_an_error_at_start(void **state)
{
    (void)state;
    struct client_config config = with_plugin("");
    remove_file("plugin");
    make_fails(config, "No such file or directory; install it");
}

static void a_plugin_runs_again_after_a_rejection(void **state)
{
    (void)state;
    struct credentials *c = make(with_plugin(ANSWER("\"token\":\"run-$(grep -c . $1/runs)\"")));
    await_plugin(c);
    assert_authorization(c, "Bearer run-1");
    credentials_reject(c, later(0));
    credentials_tick(c, later(0)); /* not at once: it has just run */
    assert_int_equal(runs(), 1);
    await_runs(c, 2, later(CREDENTIALS_RETRY_MS));
    assert_authorization(c, "Bearer run-2");
    credentials_free(c);
}

static void a_plugin_runs_again_before_its_answer_expires(void **state)
{
    (void)state;
    struct credentials *c = make(with_plugin(
        ANSWER("\"token\":\"run-$(grep -c . $1/runs)\",\"expirationTimestamp\":\"$(date -u "
               "-d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)\"")));
    await_plugin(c);
    assert_authorization(c, "Bearer run-1");
    uint64_t due_ms = credentials_deadline(c);
    assert_true(due_ms > later(58 * 60 * 1000).mono_ms && due_ms < later(3600 * 1000).mono_ms);
    await_runs(c, 2, later(59 * 60 * 1000 + 2000));
    assert_authorization(c, "Bearer run-2");
    credentials_free(c);
}

static void a_plugin_that_runs_too_long_is_killed(void **state)
{
    (void)state;
    struct credentials *c = make(with_plugin("#!/bin/sh\nexec sleep 1000\n"));
    assert_true(credentials_deadline(c) <= later(60 * 1000).mono_ms);
    credentials_tick(c, later(61 * 1000));
    await_plugin(c);
    assert_non_null(strstr(credentials_error(c)->message, "did not end in time"));
    credentials_free(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(configured_secrets),
        TEST(inline_certificates),
        TEST(bad_files_at_start_are_errors),
        TEST(a_token_file_is_read_again_every_minute),
        TEST(a_bad_token_file_leaves_the_old_token),
        TEST(a_rejected_token_is_read_again_at_once_and_then_soon),
        TEST(a_token_beside_a_token_file_is_the_fallback),
        TEST(certificates_are_noticed_within_five_minutes),
        TEST(a_plugin_gives_a_token),
        TEST(a_plugin_is_told_of_the_cluster),
        TEST(a_plugin_gives_a_certificate),
        TEST(a_plugin_that_fails_is_said_and_tried_again),
        TEST(a_plugin_that_is_not_there_is_an_error_at_start),
        TEST(a_plugin_runs_again_after_a_rejection),
        TEST(a_plugin_runs_again_before_its_answer_expires),
        TEST(a_plugin_that_runs_too_long_is_killed),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
