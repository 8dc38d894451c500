#include "lib/testing.h"

#include "base/mem.h"
#include "kube/exec_credential.h"
#include "kube/json.h"

#include <stdio.h>
#include <string.h>

#define V1   "client.authentication.k8s.io/v1"
#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\","

static void assert_info(const struct client_config *config, const char *expected)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(exec_credential_info(config, &out, NULL), 0);
    assert_string_equal(buf_text(&out), expected);
}

static void test_info(void **state)
{
    (void)state;
    char version[] = V1, server[] = "https://h:6443", name[] = "o\"ther", proxy[] = "http://p";
    char ca[] = "PEM";
    struct exec_plugin exec = {.api_version = version};
    struct client_config c = {.server = server,
                              .tls_server_name = name,
                              .proxy_url = proxy,
                              .ca_data = ca,
                              .ca_data_len = 3,
                              .exec = &exec};
    assert_info(&c, HEAD "\"spec\":{\"interactive\":false}}");
    exec.provide_cluster_info = true;
    assert_info(&c, HEAD "\"spec\":{\"cluster\":{\"server\":\"https://h:6443\","
                         "\"tls-server-name\":\"o\\\"ther\",\"certificate-authority-data\":"
                         "\"UEVN\",\"proxy-url\":\"http://p\"},\"interactive\":false}}");
    c = (struct client_config){.server = server, .insecure = true, .exec = &exec};
    assert_info(&c, HEAD "\"spec\":{\"cluster\":{\"server\":\"https://h:6443\","
                         "\"insecure-skip-tls-verify\":true},\"interactive\":false}}");
}

static void test_info_that_does_not_fit(void **state)
{
    (void)state;
    char version[] = V1, server[] = "https://h:6443", ca[300] = "";
    struct exec_plugin exec = {.api_version = version, .provide_cluster_info = true};
    struct client_config c = {.server = server, .ca_data = ca, .exec = &exec};
    for (size_t len = 1; len < sizeof(ca); len++) {
        CLEANUP(buf_fini) struct buf out;
        struct error err = ERROR_INIT;
        buf_init(&out, 300);
        c.ca_data_len = len;
        int code = exec_credential_info(&c, &out, &err);
        if (code != 0) {
            assert_int_equal(code, ERR_TOO_BIG);
            assert_string_equal(err.message, "larger than 300 bytes");
            assert_true(len > 50);
        } else {
            yyjson_doc *doc = json_parse(buf_text(&out), out.len, NULL);
            yyjson_val *text = json_at(yyjson_doc_get_root(doc), "spec", "cluster",
                                       "certificate-authority-data", NULL);
            assert_int_equal(yyjson_get_len(text), (len + 2) / 3 * 4);
            assert_true(len < 250);
            yyjson_doc_free(doc);
        }
    }
}

static struct exec_credential parse_good(const char *text)
{
    struct exec_credential c = {0};
    struct error err = ERROR_INIT;
    if (exec_credential_parse(V1, text, strlen(text), &c, &err) != 0) {
        fail_msg("%s: %s", text, err.message);
    }
    return c;
}

static void test_good_replies(void **state)
{
    (void)state;
    struct exec_credential c = parse_good(HEAD "\"status\":{\"token\":\"abc.~/+=\"}}");
    assert_string_equal(c.token, "abc.~/+=");
    assert_null(c.cert);
    assert_true(c.expires_us == INT64_MAX);
    exec_credential_fini(&c);

    c = parse_good("\n" HEAD "\"spec\":{},\"status\":{\"clientCertificateData\":\"C\\n\","
                   "\"clientKeyData\":\"K\\n\",\"token\":null,"
                   "\"expirationTimestamp\":\"2026-11-22T12:13:05+01:00\",\"more\":1}}\n");
    assert_string_equal(c.cert, "C\n");
    assert_string_equal(c.key, "K\n");
    assert_null(c.token);
    assert_true(c.expires_us == INT64_C(1795345985000000));
    exec_credential_fini(&c);

    c = parse_good(HEAD "\"status\":{\"token\":\"t\",\"clientCertificateData\":\"C\","
                        "\"clientKeyData\":\"K\",\"expirationTimestamp\":null}}");
    assert_string_equal(c.token, "t");
    assert_string_equal(c.key, "K");
    exec_credential_fini(&c);
    assert_null(c.token);
    exec_credential_fini(&c);
}

static void test_hostile_replies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *message;
    } cases[] = {
        {"", ERR_PARSE, "expected an ExecCredential as JSON: "},
        {"S3CRET", ERR_PARSE, "expected an ExecCredential as JSON: "},
        {"{\"S3CRET\":", ERR_PARSE, "expected an ExecCredential as JSON: "},
        {HEAD "\"status\":{\"token\":\"S3CRET\"}} S3CRET", ERR_PARSE, "expected an ExecCredential"},
        {"null", ERR_INVALID, "expected kind ExecCredential"},
        {"[]", ERR_INVALID, "expected kind ExecCredential"},
        {"{}", ERR_INVALID, "expected kind ExecCredential"},
        {"{\"kind\":\"S3CRET\"}", ERR_INVALID, "expected kind ExecCredential"},
        {"{\"kind\":[\"ExecCredential\"]}", ERR_INVALID, "expected kind ExecCredential"},
        {"{\"kind\":\"ExecCredential\"}", ERR_INVALID, "expected apiVersion " V1},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "beta1\"}", ERR_INVALID,
         "expected apiVersion " V1},
        {HEAD "\"spec\":{}}", ERR_INVALID, "expected a status"},
        {HEAD "\"status\":\"S3CRET\"}", ERR_INVALID, "expected a status"},
        {HEAD "\"status\":{}}", ERR_INVALID, "the plugin gave no credentials"},
        {HEAD "\"status\":{\"token\":\"\"}}", ERR_INVALID, "the plugin gave no credentials"},
        {HEAD "\"status\":{\"token\":12}}", ERR_PARSE, "status.token: expected a string"},
        {HEAD "\"status\":{\"token\":{\"S3CRET\":1}}}", ERR_PARSE, "status.token: expected"},
        {HEAD "\"status\":{\"token\":\"S3CRET\\u0000x\"}}", ERR_PARSE, "status.token: expected"},
        {HEAD "\"status\":{\"token\":\"S3CRET\\r\\nX: y\"}}", ERR_INVALID, "printable ASCII"},
        {HEAD "\"status\":{\"token\":\"S3CRET \"}}", ERR_INVALID, "printable ASCII"},
        {HEAD "\"status\":{\"token\":\"S3CRET\xc3\xa4\"}}", ERR_INVALID, "printable ASCII"},
        {HEAD "\"status\":{\"clientCertificateData\":\"S3CRET\"}}", ERR_INVALID,
         "expected both or neither"},
        {HEAD "\"status\":{\"token\":\"t\",\"clientKeyData\":\"S3CRET\"}}", ERR_INVALID,
         "expected both or neither"},
        {HEAD "\"status\":{\"clientCertificateData\":\"S3CRET\",\"clientKeyData\":[]}}", ERR_PARSE,
         "status.clientKeyData: expected a string"},
        {HEAD "\"status\":{\"token\":\"S3CRET\",\"expirationTimestamp\":\"tomorrow\"}}", ERR_PARSE,
         "status.expirationTimestamp: expected a time"},
        {HEAD "\"status\":{\"token\":\"S3CRET\",\"expirationTimestamp\":1795345985}}", ERR_PARSE,
         "status.expirationTimestamp: expected a time"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct exec_credential c = {0};
        struct error err = ERROR_INIT;
        int code = exec_credential_parse(V1, cases[i].text, strlen(cases[i].text), &c, &err);
        if (code != cases[i].code || strstr(err.message, cases[i].message) == NULL ||
            strstr(err.message, "S3CRET") != NULL) {
            fail_msg("%s: %d %s", cases[i].text, code, err.message);
        }
        assert_null(c.token);
        assert_null(c.cert);
    }
}

static void test_limits_and_cuts(void **state)
{
    (void)state;
    static const char text[] = HEAD "\"status\":{\"token\":\"t\"}}";
    struct exec_credential c = {0};
    struct error err = ERROR_INIT;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *cut = mem_alloc(len);
        memcpy(cut, text, len);
        assert_int_equal(exec_credential_parse(V1, cut, len, &c, &err), ERR_PARSE);
        mem_free(cut);
    }
    char *big = mem_alloc(EXEC_REPLY_BYTES_MAX + 1);
    memset(big, ' ', EXEC_REPLY_BYTES_MAX + 1);
    memcpy(big, text, sizeof(text) - 1);
    assert_int_equal(exec_credential_parse(V1, big, EXEC_REPLY_BYTES_MAX, &c, NULL), 0);
    exec_credential_fini(&c);
    assert_int_equal(exec_credential_parse(V1, big, EXEC_REPLY_BYTES_MAX + 1, &c, NULL),
                     ERR_TOO_BIG);
    memset(big, '[', 1000);
    memset(big + 1000, ']', 1000);
    assert_int_equal(exec_credential_parse(V1, big, 2000, &c, &err), ERR_TOO_BIG);
    mem_free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_info_that_does_not_fit),
        cmocka_unit_test(test_good_replies),
        cmocka_unit_test(test_hostile_replies),
        cmocka_unit_test(test_limits_and_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
