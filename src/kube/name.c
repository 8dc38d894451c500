#include "kube/name.h"
#include "base/error.h"

#include <stdint.h>
#include <string.h>

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_unreserved(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

bool name_is_valid(const char *name)
{
    size_t len = strnlen(name, NAME_BYTES_MAX + 1);
    if (len == 0 || len > NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (is_lower_alnum(name[i])) {
            continue;
        }
        /* '-' may stand beside '-', '.' only between alphanumerics; neither at an end. */
        bool begins_label = i == 0 || name[i - 1] == '.';
        bool ends_label = i + 1 == len || name[i + 1] == '.';
        bool is_dash = name[i] == '-';
        bool is_dot = name[i] == '.' && i > 0 && i + 1 < len && is_lower_alnum(name[i + 1]);
        if (!(is_dash && !begins_label && !ends_label) && !is_dot) {
            return false;
        }
    }
    return true;
}

bool namespace_is_valid(const char *name)
{
    return name_is_valid(name) && strlen(name) <= LABEL_BYTES_MAX && strchr(name, '.') == NULL;
}

int path_append_escaped(struct buf *out, const char *text)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t start = out->len;
    while (*text != '\0') {
        size_t plain = 0;
        while (is_unreserved(text[plain])) {
            plain++;
        }
        unsigned char c = (unsigned char)text[plain];
        const char escape[] = {'%', HEX[c >> 4], HEX[c & 15]};
        int rc = buf_append(out, text, plain);
        if (rc == 0 && c != '\0') {
            rc = buf_append(out, escape, sizeof escape);
        }
        if (rc != 0) {
            buf_cut(out, start);
            return rc;
        }
        text += plain + (c != '\0' ? 1 : 0);
    }
    return 0;
}

/* An empty name would address the collection, "." and ".." something else altogether, once a
 * client or proxy has resolved them (RFC 3986 §5.2.4). */
static bool changes_path(const char *segment)
{
    return segment[0] == '\0' || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
}

static int append_segment(struct buf *out, const char *segment)
{
    if (segment == NULL) {
        return 0;
    }
    if (changes_path(segment)) {
        return ERR_INVALID;
    }
    int rc = buf_append_char(out, '/');
    return rc != 0 ? rc : path_append_escaped(out, segment);
}

int path_append_resource(struct buf *out, const struct kind *kind, const char *ns, const char *name,
                         const char *subresource)
{
    bool core = kind->group[0] == '\0';
    bool all_namespaces = ns == NULL || ns[0] == '\0';
    const char *const segments[] = {
        core ? "api" : "apis",
        core ? NULL : kind->group,
        kind->version,
        all_namespaces ? NULL : "namespaces",
        all_namespaces ? NULL : ns,
        kind->plural,
        name,
        subresource,
    };
    size_t start = out->len;
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        int rc = append_segment(out, segments[i]);
        if (rc != 0) {
            buf_cut(out, start);
            return rc;
        }
    }
    return 0;
}

int path_append_query(struct buf *out, const char *key, const char *value)
{
    size_t start = out->len;
    bool first = strchr(buf_text(out), '?') == NULL;
    int rc = buf_append_char(out, first ? '?' : '&');
    if (rc == 0) {
        rc = path_append_escaped(out, key);
    }
    if (rc == 0) {
        rc = buf_append_char(out, '=');
    }
    if (rc == 0) {
        rc = path_append_escaped(out, value);
    }
    if (rc != 0) {
        buf_cut(out, start);
    }
    return rc;
}
