#include "shell/identity.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER_BYTES_MAX = 128 << 10,
    HEADER_SETS_MAX = 16, /* combinations of media types that occur */
};

struct header_set {
    const char *accept, *content_type;
    struct curl_slist *list;
};

struct identity {
    unsigned references;
    uint64_t generation;
    struct curl_slist *common; /* headers of every request; secret */
    char *ca, *cert, *key;     /* owned copies; NULL: none; key is secret */
    size_t ca_len, cert_len, key_len;
    struct header_set sets[HEADER_SETS_MAX];
    size_t set_count;
};

static struct curl_slist *list_append(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);
    if (longer == NULL) {
        mem_out_of_memory(strlen(line));
    }
    return longer;
}

static void list_wipe(struct curl_slist *list)
{
    for (const struct curl_slist *l = list; l != NULL; l = l->next) {
        mem_wipe(l->data, strlen(l->data));
    }
    curl_slist_free_all(list);
}

static int add_header(struct identity *i, const char *name, const char *value, struct error *err)
{
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            return error_set(err, ERR_INVALID, "header %s: a control character in its value", name);
        }
    }
    struct buf line;
    buf_init(&line, HEADER_BYTES_MAX);
    /* libcurl's way to send a header without a value is a semicolon */
    int code = buf_printf(&line, *value != '\0' ? "%s: %s" : "%s;", name, value);
    if (code == 0) {
        i->common = list_append(i->common, line.data);
    } else {
        error_set(err, code, "header %s: longer than %d bytes", name, HEADER_BYTES_MAX);
    }
    mem_wipe(line.data, line.len);
    buf_fini(&line);
    return code;
}

/* token of https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 but for '%', which we escape with
 */
static bool is_plain_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$&'*+-.^_`|~", c) != NULL);
}

/* https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
static int add_extra(struct identity *i, const struct exec_env *extra, struct error *err)
{
    CLEANUP(buf_fini) struct buf name;
    buf_init(&name, HEADER_BYTES_MAX);
    buf_append_text(&name, "Impersonate-Extra-");
    for (const char *c = extra->name; *c != '\0'; c++) {
        if (is_plain_key_char(*c)) {
            buf_append_char(&name, *c);
        } else {
            buf_printf(&name, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    if (name.truncated) {
        return error_set(err, ERR_TOO_BIG, "a key of as-user-extra is too long");
    }
    return add_header(i, name.data, extra->value, err);
}

static int add_impersonation(struct identity *i, const struct client_config *config,
                             struct error *err)
{
    int code = 0;
    if (config->as != NULL) {
        code = add_header(i, "Impersonate-User", config->as, err);
    }
    if (code == 0 && config->as_uid != NULL) {
        code = add_header(i, "Impersonate-Uid", config->as_uid, err);
    }
    for (char **group = config->as_groups; code == 0 && group != NULL && *group != NULL; group++) {
        code = add_header(i, "Impersonate-Group", *group, err);
    }
    for (size_t n = 0; code == 0 && n < config->as_extra_count; n++) {
        code = add_extra(i, &config->as_extra[n], err);
    }
    return code;
}

static int add_authorization(struct identity *i, struct credentials *credentials, struct error *err)
{
    struct buf value;
    buf_init(&value, HEADER_BYTES_MAX);
    credentials_authorization(credentials, &value);
    int code = value.len > 0 ? add_header(i, "Authorization", value.data, err) : 0;
    mem_wipe(value.data, value.len);
    buf_fini(&value);
    return code;
}

static char *copy(const char *bytes, size_t len)
{
    return bytes != NULL ? mem_strndup(bytes, len) : NULL;
}

struct identity *identity_new(struct credentials *credentials, const char *host, struct error *err)
{
    struct identity *i = mem_zalloc(sizeof(*i));
    struct tls_material tls = credentials_tls(credentials);
    *i = (struct identity){
        .references = 1,
        .generation = credentials_generation(credentials),
        .ca = copy(tls.ca, tls.ca_len),
        .ca_len = tls.ca_len,
        .cert = copy(tls.cert, tls.cert_len),
        .cert_len = tls.cert_len,
        .key = copy(tls.key, tls.key_len),
        .key_len = tls.key_len,
    };
    int code = host != NULL ? add_header(i, "Host", host, err) : 0;
    if (code == 0) {
        code = add_authorization(i, credentials, err);
    }
    if (code == 0) {
        code = add_impersonation(i, credentials_config(credentials), err);
    }
    if (code != 0) {
        identity_drop(i);
        return NULL;
    }
    return i;
}

struct identity *identity_take(struct identity *i)
{
    i->references++;
    return i;
}

void identity_drop(struct identity *i)
{
    if (i == NULL || --i->references > 0) {
        return;
    }
    for (size_t n = 0; n < i->set_count; n++) {
        list_wipe(i->sets[n].list);
    }
    list_wipe(i->common);
    mem_wipe(i->key, i->key_len);
    mem_free(i->key);
    mem_free(i->cert);
    mem_free(i->ca);
    mem_free(i);
}

uint64_t identity_generation(const struct identity *i)
{
    return i->generation;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct curl_slist *list_append_media(struct curl_slist *list, const char *name,
                                            const char *media)
{
    char line[256];
    snprintf(line, sizeof(line), "%s: %s", name, media);
    return list_append(list, line);
}

struct curl_slist *identity_headers(struct identity *i, const char *accept,
                                    const char *content_type)
{
    for (size_t n = 0; n < i->set_count; n++) {
        if (same_text(i->sets[n].accept, accept) &&
            same_text(i->sets[n].content_type, content_type)) {
            return i->sets[n].list;
        }
    }
    assert(i->set_count < HEADER_SETS_MAX);
    struct curl_slist *list =
        list_append_media(NULL, "Accept", accept != NULL ? accept : MEDIA_JSON);
    if (content_type != NULL) {
        list = list_append_media(list, "Content-Type", content_type);
        list = list_append(list, "Expect:"); /* no waiting for 100 Continue */
    }
    for (const struct curl_slist *l = i->common; l != NULL; l = l->next) {
        list = list_append(list, l->data);
    }
    i->sets[i->set_count++] = (struct header_set){accept, content_type, list};
    return list;
}

static void set_blob(CURL *easy, CURLoption option, const char *bytes, size_t len)
{
    struct curl_blob blob = {
        .data = (void *)(uintptr_t)bytes, /* only read; the interface has no const */
        .len = len,
        .flags = CURL_BLOB_NOCOPY,
    };
    curl_easy_setopt(easy, option, bytes != NULL ? &blob : NULL);
}

void identity_set_tls(const struct identity *i, CURL *easy)
{
    set_blob(easy, CURLOPT_SSLCERT_BLOB, i->cert, i->cert_len);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, i->key, i->key_len);
    set_blob(easy, CURLOPT_CAINFO_BLOB, i->ca, i->ca_len);
    if (i->ca != NULL) { /* nobody else's authorities count then */
        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
}
