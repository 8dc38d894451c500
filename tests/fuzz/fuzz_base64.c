/*
 * Base64: bytes survive; a text is either refused or is, but for blanks, the one text of its bytes.
 */
#include "base/base64.h"
#include "base/mem.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void check_bytes(const char *bytes, size_t len)
{
    CLEANUP(buf_fini) struct buf text;
    size_t decoded_len = 0;
    buf_init(&text, 64 << 20);
    assert(base64_encode(&text, bytes, len) == 0 && text.len == (len + 2) / 3 * 4);
    char *decoded = base64_decode(buf_text(&text), text.len, &decoded_len);
    assert(decoded != NULL && decoded_len == len && memcmp(decoded, bytes, len) == 0);
    mem_free(decoded);
}

static void check_text(const char *text, size_t len)
{
    CLEANUP(buf_fini) struct buf again;
    size_t decoded_len = 0, at = 0;
    buf_init(&again, 64 << 20);
    char *decoded = base64_decode(text, len, &decoded_len);
    if (decoded == NULL) {
        return;
    }
    assert(base64_encode(&again, decoded, decoded_len) == 0);
    for (size_t i = 0; i < len; i++) {
        if (memchr(" \r\n", text[i], 3) == NULL) {
            assert(at < again.len && again.data[at++] == text[i]);
        }
    }
    assert(at == again.len);
    mem_free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = part_copy((struct part){(const char *)data, size});
    check_bytes(copy, size);
    check_text(copy, size);
    mem_free(copy);
    return 0;
}
