/*
 * Tokens, certificates, keys and credential plugins go bad in every way, beneath requests to a
 * server that checks them (tests/lib/net_server): what worked goes on working, a change costs one
 * failed request at most, and the loop does not stand still meanwhile. The credentials' clock is
 * the test's; nothing waits for minutes to pass.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/net_server.h"
#include "shell/credentials.h"
#include "shell/transport.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS_MAX = 20 * 1000,
    LOG_BYTES_MAX = 1 << 20,
    STILL_US_MAX = 10 * 1000, /* so long the loop may be busy with one thing */
#ifdef __SANITIZE_ADDRESS__
    SANITIZERS_SLOWDOWN = 5,
#else
    SANITIZERS_SLOWDOWN = 1,
#endif
};

struct fixture {
    char dir[32];
    struct net_cert ca, other_ca, server_cert, client, next_client;
    struct net_server *server;
    struct poller *poller;
    struct credentials *credentials;
    struct transport *transport;
    struct buf log;
    uint64_t skew_ms; /* how far the credentials' clock is ahead */
    uint64_t next_id;
    /* of the exchange in flight */
    int http_status; /* 0: none */
    bool ended;
    /* what the server wants; read by its threads while no request is in flight */
    const char *token;       /* NULL: none */
    const char *client_name; /* NULL: none */
    /* the longest that the loop was busy, in microseconds of CPU */
    int64_t busiest_us;
};

static struct fixture f;

/* ---- files ---- */

static const char *path_of(const char *name)
{
    static char path[64];
    snprintf(path, sizeof(path), "%s/%s", f.dir, name);
    return path;
}

static void remove_file(const char *name)
{
    if (rmdir(path_of(name)) != 0) {
        unlink(path_of(name));
    }
}

static void write_bytes(const char *name, const char *bytes, size_t len)
{
    remove_file(name);
    FILE *file = fopen(path_of(name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    chmod(path_of(name), 0700);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* ---- what can happen to a file ---- */

static void make_empty(const char *name)
{
    write_text(name, "");
}

static void make_blank(const char *name)
{
    write_text(name, " \n\n");
}

static void make_junk(const char *name)
{
    static const char junk[] = "\x7f"
                               "ELF\0\xff\xfe -----BEGIN CERTIFICATE-----\nAAAA\n";
    write_bytes(name, junk, sizeof(junk));
}

static void make_huge(const char *name)
{
    char *bytes = mem_alloc(2 << 20);
    memset(bytes, 'x', 2 << 20);
    write_bytes(name, bytes, 2 << 20);
    mem_free(bytes);
}

static void make_directory(const char *name)
{
    remove_file(name);
    assert_int_equal(mkdir(path_of(name), 0700), 0);
}

static void make_fifo(const char *name)
{
    remove_file(name);
    assert_int_equal(mkfifo(path_of(name), 0600), 0);
}

static void make_loop(const char *name)
{
    remove_file(name);
    assert_int_equal(symlink(path_of(name), path_of(name)), 0);
}

static void make_device(const char *name)
{
    remove_file(name);
    assert_int_equal(symlink("/dev/zero", path_of(name)), 0);
}

typedef void spoil_fn(const char *name);

static spoil_fn *const spoils[] = {make_empty, make_blank, make_junk,   make_huge,  make_directory,
                                   make_fifo,  make_loop,  remove_file, make_device};

/* ---- set-up ---- */

static struct net_reply answer(void *ctx, const char *request)
{
    (void)ctx;
    char line[128];
    snprintf(line, sizeof(line), "\r\nAuthorization: Bearer %s\r\n", f.token);
    bool known = (f.token == NULL || strstr(request, line) != NULL) &&
                 (f.client_name == NULL || strcmp(net_server_client(f.server), f.client_name) == 0);
    return (struct net_reply){.status = known ? 200 : 401};
}

static void on_event(void *ctx, const struct event *event)
{
    (void)ctx;
    assert_int_equal(event->id, f.next_id);
    assert_false(f.ended);
    if (event->type == EVENT_HEAD) {
        f.http_status = event->http_status;
    } else if (event->type == EVENT_END) {
        f.ended = true;
        f.http_status = event->failure != NULL ? 0 : f.http_status;
    }
}

static void on_log(void *ctx, enum log_level level, const char *message, const char *detail)
{
    (void)ctx;
    (void)level;
    buf_printf(&f.log, "%s: %s\n", message, detail);
}

static int set_up_all(void **state)
{
    (void)state;
    f.ca = net_cert_new("ca", NULL, NULL);
    f.other_ca = net_cert_new("other ca", NULL, NULL);
    f.server_cert = net_cert_new("server", "IP:127.0.0.1", &f.ca);
    f.client = net_cert_new("client", NULL, &f.ca);
    f.next_client = net_cert_new("next client", NULL, &f.ca);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    net_cert_fini(&f.ca);
    net_cert_fini(&f.other_ca);
    net_cert_fini(&f.server_cert);
    net_cert_fini(&f.client);
    net_cert_fini(&f.next_client);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(f.dir, "/tmp/faults-credentials-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    f.poller = poller_new(NULL);
    f.skew_ms = f.next_id = 0;
    f.busiest_us = 0;
    f.token = f.client_name = NULL;
    buf_init(&f.log, LOG_BYTES_MAX);
    f.server = net_server_new(
        &(struct net_server_options){.cert = &f.server_cert, .client_ca = &f.ca, .answer = answer});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    transport_free(f.transport);
    f.transport = NULL;
    credentials_free(f.credentials);
    f.credentials = NULL;
    net_server_free(f.server);
    poller_free(f.poller);
    buf_fini(&f.log);
    snprintf(command, sizeof(command), "rm -r %s", f.dir);
    return system(command);
}

/* Takes @config. */
static void start(struct client_config config)
{
    char url[64];
    struct error err = ERROR_INIT;
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", net_server_port(f.server));
    config.server = mem_strdup(url);
    if (config.ca_file == NULL) {
        config.ca_data = mem_strdup(f.ca.cert);
        config.ca_data_len = strlen(f.ca.cert);
    }
    f.credentials = credentials_new(&config, f.poller, on_log, NULL, &err);
    assert_string_equal(err.message, "");
    f.transport = transport_new(f.poller, f.credentials, "tester/1", on_event, NULL, &err);
    assert_string_equal(err.message, "");
}

/* ---- the loop ---- */

static struct now skewed_now(void)
{
    struct now now = clock_now();
    now.mono_ms += f.skew_ms;
    now.wall_us += (int64_t)f.skew_ms * 1000;
    return now;
}

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* One turn as in run.c. CPU time leaves the wait in epoll out, and what other processes take. */
static void turn(void)
{
    int64_t before_us = cpu_us();
    uint64_t soon_ms = clock_now().mono_ms + 5, due_ms = transport_deadline(f.transport);
    poller_wait(f.poller, due_ms < soon_ms ? due_ms : soon_ms);
    credentials_tick(f.credentials, skewed_now());
    transport_tick(f.transport, clock_now());
    int64_t took_us = cpu_us() - before_us;
    f.busiest_us = took_us > f.busiest_us ? took_us : f.busiest_us;
}

/* A tick after @ms more. It waits for nobody: the thread does not go to sleep in it. */
static void pass(uint64_t ms)
{
    struct rusage before, after;
    f.skew_ms += ms;
    getrusage(RUSAGE_THREAD, &before);
    credentials_tick(f.credentials, skewed_now());
    getrusage(RUSAGE_THREAD, &after);
    assert_in_range(after.ru_nvcsw - before.ru_nvcsw, 0, 4); /* a disk's, a lock's, by bad luck */
}

static const struct request get = {
    .method = HTTP_GET, .path = (char[]){"/version"}, .timeout_ms = 60000};

static bool request(void)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    f.next_id++;
    f.http_status = 0;
    f.ended = false;
    transport_start(f.transport, f.next_id, &get);
    while (!f.ended && clock_now().mono_ms < until_ms) {
        turn();
    }
    assert_true(f.ended);
    return f.http_status == 200;
}

/* How many requests fail until one succeeds. */
static unsigned failures(void)
{
    unsigned count = 0;
    while (!request()) {
        assert_in_range(++count, 1, 3);
        turn();
    }
    return count;
}

static void assert_lively(void)
{
    assert_in_range(f.busiest_us, 0, STILL_US_MAX * SANITIZERS_SLOWDOWN);
}

/* ---- files that go bad ---- */

static void a_token_file_goes_bad_and_good_again(void **state)
{
    (void)state;
    write_text("token", "one");
    f.token = "one";
    start((struct client_config){.token_file = mem_strdup(path_of("token"))});
    assert_true(request());
    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        spoils[i]("token");
        buf_reset(&f.log, 0);
        pass(CREDENTIALS_TOKEN_MS);
        assert_non_null(strstr(buf_text(&f.log), "Keeping the old token"));
        bool irregular =
            spoils[i] == make_directory || spoils[i] == make_fifo || spoils[i] == make_device;
        assert_int_equal(irregular, strstr(buf_text(&f.log), "not a regular file") != NULL);
        assert_int_equal(failures(), 0);

        f.token = i % 2 == 0 ? "two" : "one"; /* rotated, and the old one revoked at once */
        write_text("token", f.token);
        assert_in_range(failures(), 0, 1);
        pass(CREDENTIALS_RETRY_MS);
    }
    assert_lively();
}

/* Half a token looks like a whole one. */
static void a_token_is_read_while_it_is_written(void **state)
{
    (void)state;
    static const char token[] = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl";
    write_text("token", token);
    f.token = token;
    start((struct client_config){.token_file = mem_strdup(path_of("token"))});
    for (size_t len = 0; len < sizeof(token); len++) {
        write_bytes("token", token, len);
        pass(CREDENTIALS_TOKEN_MS);
        write_text("token", token);
        assert_in_range(failures(), 0, 1);
    }
    assert_null(strstr(buf_text(&f.log), "eyJ"));
    assert_lively();
}

static void an_authority_goes_bad_and_good_again(void **state)
{
    (void)state;
    write_text("ca", f.ca.cert);
    start((struct client_config){.ca_file = mem_strdup(path_of("ca"))});
    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        spoils[i]("ca");
        buf_reset(&f.log, 0);
        pass(CREDENTIALS_CERT_MS);
        assert_non_null(strstr(buf_text(&f.log), "Keeping the old certificate authority"));
        assert_int_equal(failures(), 0);
    }
    size_t len = strlen(f.ca.cert);
    for (size_t cut = 0; cut <= len; cut++) {
        write_bytes("ca", f.ca.cert, cut);
        pass(CREDENTIALS_CERT_MS);
        assert_memory_equal(credentials_tls(f.credentials).ca, f.ca.cert, len - 1);
    }
    assert_int_equal(failures(), 0);
    assert_lively();
}

/* The server has another certificate than before, and so has the file, which is read every five
 * minutes: it is not waited for that. */
static void an_authority_is_rotated(void **state)
{
    (void)state;
    write_text("ca", f.other_ca.cert);
    start((struct client_config){.ca_file = mem_strdup(path_of("ca"))});
    write_text("ca", f.ca.cert);
    assert_int_equal(failures(), 1);
    assert_lively();
}

static int64_t cost_of_reading_us(void)
{
    int64_t before_us = cpu_us();
    pass(CREDENTIALS_CERT_MS);
    return cpu_us() - before_us;
}

/* Parsing hundreds of authorities takes longer than the loop should stand still for, every five
 * minutes. */
static void a_long_bundle_is_parsed_only_when_it_has_changed(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf bundle;
    buf_init(&bundle, 1 << 20);
    for (int i = 0; i < 400; i++) {
        buf_append_text(&bundle, f.ca.cert);
    }
    write_text("ca", f.ca.cert);
    start((struct client_config){.ca_file = mem_strdup(path_of("ca"))});
    write_text("ca", bundle.data);
    int64_t changed_us = cost_of_reading_us();
    assert_int_equal(credentials_tls(f.credentials).ca_len, bundle.len);
    assert_in_range(cost_of_reading_us(), 0, changed_us / 4);
}

static void start_with_pair(void)
{
    write_text("crt", f.client.cert);
    write_text("key", f.client.key);
    f.client_name = "client";
    start((struct client_config){.cert_file = mem_strdup(path_of("crt")),
                                 .key_file = mem_strdup(path_of("key"))});
    assert_true(request());
}

static void a_client_certificate_goes_bad_and_good_again(void **state)
{
    (void)state;
    static const char *const names[] = {"crt", "key"};
    start_with_pair();
    for (size_t i = 0; i < 2 * ARRAY_LEN(spoils); i++) {
        const char *name = names[i % 2];
        spoils[i / 2](name);
        buf_reset(&f.log, 0);
        pass(CREDENTIALS_CERT_MS);
        assert_non_null(strstr(buf_text(&f.log), "Keeping the old client certificate"));
        assert_int_equal(failures(), 0);
        write_text(name, i % 2 == 0 ? f.client.cert : f.client.key);
    }
    assert_null(strstr(buf_text(&f.log), "PRIVATE"));
    assert_lively();
}

static void a_client_certificate_is_cut_anywhere(void **state)
{
    (void)state;
    start_with_pair();
    for (size_t cut = 0; cut <= strlen(f.client.cert); cut++) {
        write_bytes("crt", f.client.cert, cut);
        pass(CREDENTIALS_CERT_MS);
        assert_memory_equal(credentials_tls(f.credentials).cert, f.client.cert,
                            strlen(f.client.cert) - 1);
    }
    for (size_t cut = 0; cut <= strlen(f.client.key); cut++) {
        write_bytes("key", f.client.key, cut);
        pass(CREDENTIALS_CERT_MS);
        assert_memory_equal(credentials_tls(f.credentials).key, f.client.key,
                            strlen(f.client.key) - 1);
    }
    assert_int_equal(failures(), 0);
    assert_lively();
}

static void a_client_certificate_is_rotated(void **state)
{
    (void)state;
    start_with_pair();
    write_text("crt", f.next_client.cert); /* one file after the other */
    pass(CREDENTIALS_CERT_MS);
    assert_int_equal(failures(), 0);
    write_text("key", f.next_client.key);
    f.client_name = "next client"; /* and the old one is revoked */
    assert_in_range(failures(), 0, 1);
    assert_lively();
}

/* ---- plugins ---- */

#define SECRET "a-token-that-nobody-may-see"
#define CREDENTIAL(status)                                                                         \
    "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","             \
    "\"status\":{" status "}}"
#define GOOD_PLUGIN "#!/bin/sh\necho '" CREDENTIAL("\"token\":\"" SECRET "\"") "'\n"

/* Ways of a plugin to fail, and what the log says of it. */
static const struct {
    const char *script, *reason;
} bad_plugins[] = {
    {"#!/bin/sh\necho " SECRET "\nexec sleep 1000\n", "did not end in time"},
    {"#!/bin/sh\necho " SECRET "\n", "JSON"},
    {"#!/bin/sh\nexit 3\n", "exited with code 3"},
    {"#!/bin/sh\nkill -SEGV $$\n", "ended by signal 11"},
    {"#!/bin/sh\n", ""},
    {"#!/bin/sh\nexec head -c 100000000 /dev/zero\n", "its output is too long"},
    {"#!/bin/sh\nyes " SECRET "\n", "its output is too long"},
    {"#!/bin/sh\necho '" CREDENTIAL("\"token\":\"" SECRET
                                    "\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\"") "'\n",
     "expired"},
    {"#!/bin/sh\necho '" CREDENTIAL("\"token\":\"" SECRET " " SECRET "\"") "'\n", "token"},
    {"#!/bin/sh\necho '" CREDENTIAL("\"clientCertificateData\":\"" SECRET
                                    "\",\"clientKeyData\":\"" SECRET "\"") "'\n",
     "certificate"},
    {"#!/bin/sh\nsleep 5 2>/dev/null &\necho " SECRET "\nexit 9\n", "exited with code 9"},
};

static void start_with_plugin(const char *script)
{
    write_text("plugin", script);
    struct exec_plugin *exec = mem_zalloc(sizeof(*exec));
    *exec = (struct exec_plugin){
        .api_version = mem_strdup("client.authentication.k8s.io/v1"),
        .command = mem_strdup(path_of("plugin")),
        .args = mem_zalloc(sizeof(char *)),
    };
    f.token = SECRET;
    start((struct client_config){.exec = exec});
}

/* One tick as if that much later: a plugin's own clock goes on from when it really ended. */
static void tick_later(uint64_t ms)
{
    struct now now = clock_now();
    now.mono_ms += ms;
    credentials_tick(f.credentials, now);
}

/* Until the plugin has run. */
static void await_plugin(void)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (!credentials_ready(f.credentials) &&
           credentials_error(f.credentials)->code == ERR_NONE && clock_now().mono_ms < until_ms) {
        turn();
    }
}

static void a_plugin_fails_and_is_mended(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_plugins); i++) {
        start_with_plugin(bad_plugins[i].script);
        if (i == 0) {
            tick_later(61 * 1000); /* it hangs */
        }
        await_plugin();
        assert_false(request()); /* at once, and says why */
        assert_non_null(strstr(buf_text(&f.log), "Credential plugin failed"));
        assert_non_null(strstr(buf_text(&f.log), bad_plugins[i].reason));
        assert_null(strstr(buf_text(&f.log), SECRET));
        assert_null(strstr(credentials_error(f.credentials)->message, SECRET));

        write_text("plugin", GOOD_PLUGIN);
        tick_later(CREDENTIALS_RETRY_MS + 1000);
        assert_int_equal(failures(), 0); /* it waits for the plugin */
        tear_down(NULL);
        set_up(NULL);
    }
}

/* Its credential is good and then is not: run again, one request lost. */
static void a_plugins_credential_is_revoked(void **state)
{
    (void)state;
    start_with_plugin("#!/bin/sh\necho '" CREDENTIAL("\"token\":\"revoked\"") "'\n");
    await_plugin();
    write_text("plugin", GOOD_PLUGIN);
    assert_false(request());
    uint64_t generation = credentials_generation(f.credentials);
    tick_later(CREDENTIALS_RETRY_MS + 1000);
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (credentials_generation(f.credentials) == generation && clock_now().mono_ms < until_ms) {
        turn();
    }
    assert_int_equal(failures(), 0);
    assert_lively();
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static void nothing_is_left_of_plugins_that_failed(void **state)
{
    (void)state;
    unsigned before = 0;
    start_with_plugin("#!/bin/sh\nsleep 1 2>/dev/null &\nexit 9\n"); /* a child keeps the pipe */
    for (unsigned run = 0; run < 20; run++) {
        await_plugin();
        assert_false(credentials_ready(f.credentials));
        before = run == 0 ? open_descriptors() : before;
        tick_later(CREDENTIALS_RETRY_MS + 1000); /* the next run */
    }
    await_plugin();
    assert_int_equal(open_descriptors(), before);
    assert_lively();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_token_file_goes_bad_and_good_again),
        TEST(a_token_is_read_while_it_is_written),
        TEST(an_authority_goes_bad_and_good_again),
        TEST(an_authority_is_rotated),
        TEST(a_long_bundle_is_parsed_only_when_it_has_changed),
        TEST(a_client_certificate_goes_bad_and_good_again),
        TEST(a_client_certificate_is_cut_anywhere),
        TEST(a_client_certificate_is_rotated),
        TEST(a_plugin_fails_and_is_mended),
        TEST(a_plugins_credential_is_revoked),
        TEST(nothing_is_left_of_plugins_that_failed),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
