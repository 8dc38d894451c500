#include "sim/conformance_mask.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { UUID_BYTES = 36, SUFFIX_BYTES = 5 };

/* Messages that are compared only in part, because the rest is about the server's inside: those
 * that have @what are compared up to the end of @until, or if that is not in them, of @what. */
static const struct {
    const char *what, *until;
} loose_messages[] = {
    /* two revisions, the second one of the whole cluster */
    {"too old resource version: ", NULL},
    {"Too large resource version: ", NULL},
    /* Go's decoders: byte offsets and surroundings of what they choked on, Go's type names */
    {"the object provided is unrecognized (must be of type ", NULL},
    {"couldn't get version/kind; json parse error", NULL},
    {"error decoding patch: ", NULL},
    {"error converting YAML to JSON", NULL},
    {"json: cannot unmarshal ", NULL},
    {" cannot be handled as a ", NULL},
    {"unable to parse requirement: ", NULL},
    /* several, in the random order of Go's maps */
    {"failed to create typed patch object: errors:", NULL},
    /* the difference of two pods, by a library made for tests */
    {"pod updates may not change fields other than ", NULL},
    /* Go's way to print a struct; with pointers, so that it is hard to say which are the same */
    {"Invalid value: []v1.", " is invalid: "},
    {"Unsupported value: apps.", NULL},
    /* a whole object, with all that is masked elsewhere, in the order of Go's structs */
    {"Invalid value: \"{", NULL},
};

/* ---- texts ---- */

/* Among the resourceVersions of its resource. */
static size_t rank(const struct side *side, enum resource resource, const char *version)
{
    uint64_t number = strtoull(version, NULL, 10);
    size_t count = 0;
    while (count < side->revision_count[resource] && side->revisions[resource][count] <= number) {
        count++;
    }
    return count;
}

static bool is_uuid(const char *text, size_t len)
{
    if (len < UUID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < UUID_BYTES; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return true;
}

/* Named by the operation that made it; one that no server made is what the sequence says. */
static const char *name_of_uid(const struct side *side, const char *text, char copy[UUID_BYTES + 1])
{
    memcpy(copy, text, UUID_BYTES);
    copy[UUID_BYTES] = '\0';
    const char *name = map_get(&side->uids, copy);
    return name != NULL ? name : copy;
}

static bool starts(const char *text, size_t len, const char *with)
{
    size_t n = strlen(with);
    return n > 0 && n <= len && memcmp(text, with, n) == 0;
}

/* "g7-x2bcd": what was made of the generateName "g7-", also where it was then refused. Returns the
 * length of what is to be kept, 0: it is no such name. */
static size_t generated_prefix(const char *text, size_t len)
{
    size_t at = 1;
    while (at < len && isdigit((unsigned char)text[at])) {
        at++;
    }
    if (text[0] != 'g' || at == 1 || len < at + 1 + SUFFIX_BYTES || text[at] != '-') {
        return 0;
    }
    at++;
    for (size_t i = at; i < at + SUFFIX_BYTES; i++) {
        if (strchr("bcdfghjklmnpqrstvwxz2456789", text[i]) == NULL) {
            return 0;
        }
    }
    return at;
}

/* "(*bool)(0xc002fee284)" */
static size_t pointer_length(const char *text, size_t len)
{
    size_t at = 2;
    while (at < len && isxdigit((unsigned char)text[at])) {
        at++;
    }
    return starts(text, len, "0xc0") ? at : 0;
}

/* "… the ResourceVersion in record (4711)": how long the number at the end is; 0: it is none. */
static size_t version_length(const char *text, const char *at)
{
    static const char *const before[] = {"ResourceVersion in the precondition (",
                                         "ResourceVersion in record ("};
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        size_t len = strlen(before[i]);
        if ((size_t)(at - text) >= len && memcmp(at - len, before[i], len) == 0) {
            return strspn(at, "0123456789");
        }
    }
    return 0;
}

void mask_text(const struct side *side, enum resource resource, const char *text, size_t len,
               struct buf *out)
{
    char uid[UUID_BYTES + 1];
    size_t done = 0;
    while (done < len) {
        const char *at = text + done;
        size_t left = len - done, part;
        if (is_uuid(at, left)) {
            buf_append_text(out, name_of_uid(side, at, uid));
            done += UUID_BYTES;
        } else if (starts(at, left, side->ns)) {
            buf_append_text(out, "<ns>");
            done += strlen(side->ns);
        } else if ((part = generated_prefix(at, left)) > 0) {
            buf_append(out, at, part);
            buf_append_text(out, "<suffix>");
            done += part + SUFFIX_BYTES;
        } else if ((part = pointer_length(at, left)) > 0) {
            buf_append_text(out, "<pointer>");
            done += part;
        } else if ((part = version_length(text, at)) > 0) {
            buf_printf(out, "<rv %zu>", rank(side, resource, at));
            done += part;
        } else {
            buf_append_char(out, *at);
            done++;
        }
    }
}

size_t mask_message_length(const char *message, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(loose_messages); i++) {
        const char *end = loose_messages[i].what;
        const char *at = strstr(message, end);
        if (at != NULL && loose_messages[i].until != NULL) {
            const char *until = strstr(message, loose_messages[i].until);
            at = until != NULL ? until : at;
            end = until != NULL ? loose_messages[i].until : end;
        }
        size_t compared = at != NULL ? (size_t)(at - message) + strlen(end) : len;
        len = compared < len ? compared : len;
    }
    return len;
}

void mask_version(const struct side *side, enum resource resource, const char *version,
                  struct buf *out)
{
    if (version[0] == '\0' || strcmp(version, "0") == 0) {
        buf_printf(out, "\"%s\"", version);
    } else {
        buf_printf(out, "<rv %zu>", rank(side, resource, version));
    }
}
