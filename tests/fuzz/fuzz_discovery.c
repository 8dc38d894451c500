/*
 * An APIResourceList, an apiVersion and a kind that somebody wrote down: what is found can be
 * addressed and is the kind that was asked for; what is not is told in words fit for a log.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/discovery.h"
#include "kube/name.h"

#include <string.h>

static void check_found(const struct kind *k, const char *api_version, const char *kind)
{
    CLEANUP(buf_fini) struct buf path;
    char text[API_VERSION_BYTES];
    buf_init(&path, 4096);
    assert(strcmp(kind_api_version(k, text), api_version) == 0);
    assert(strcmp(k->kind, kind) == 0 && k->decode == NULL);
    assert(namespace_is_valid(k->plural));
    assert(path_append_resource(&path, k, "ns", "name", "scale") == 0);
}

/* @body is not read beyond its end. */
static void judge(const char *api_version, const char *kind, struct part body)
{
    struct kind *found = NULL;
    struct error err = ERROR_INIT;
    char *copy = part_copy(body);
    struct answer answer = {
        .http_status = 200, .body = copy, .body_len = body.len, .error = ERROR_INIT};
    int rc = discovery_judge(api_version, kind, &answer, &found, &err);
    mem_free(copy);
    assert(rc == err.code && (rc == 0) == (found != NULL));
    if (found != NULL) {
        check_found(found, api_version, kind);
    } else {
        assert(rc == ERR_NOT_FOUND || rc == ERR_INVALID || rc == ERR_PARSE || rc == ERR_TOO_BIG);
        assert(is_printable(err.message) && strstr(err.message, api_version) != NULL);
    }
    mem_free(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct part body, version_part, kind_part;
    struct error err = ERROR_INIT;
    if (!input_next(&in, &body) || !input_next(&in, &version_part) ||
        !input_next(&in, &kind_part)) {
        return 0;
    }
    char *api_version = part_text(version_part);
    char *kind = part_text(kind_part);
    if (discovery_check(api_version, kind, &err) == 0) {
        CLEANUP(buf_fini) struct buf path;
        buf_init(&path, 512);
        discovery_append_path(&path, api_version);
        assert(!path.truncated && strpbrk(buf_text(&path), "?#% \n") == NULL);
        assert(strstr(buf_text(&path), "..") == NULL);
        judge(api_version, kind, body);
    } else {
        assert(err.code == ERR_INVALID && is_printable(err.message));
    }
    mem_free(api_version);
    mem_free(kind);
    return 0;
}
