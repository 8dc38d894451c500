#include "base/base64.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct buf *out, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    char *to = buf_reserve(out, (len + 2) / 3 * 4);
    if (to == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[group & 63] : '=';
    }
    out->len += (len + 2) / 3 * 4;
    out->data[out->len] = '\0';
    return 0;
}

/* 0–63, or -1. No look-up table indexed by the byte: these are keys, and caches tell tales. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

char *base64_decode(const char *text, size_t len, size_t *out_len)
{
    char *out = mem_alloc(len / 4 * 3 + 4);
    size_t n = 0, digits = 0, padding = 0;
    uint32_t group = 0;
    bool good = true;
    for (size_t i = 0; i < len && good; i++) {
        int value = digit_value(text[i]);
        if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ') {
            continue;
        }
        padding += text[i] == '=';
        good = text[i] == '=' || (value >= 0 && padding == 0);
        group = group << 6 | (value >= 0 ? (uint32_t)value : 0);
        if (good && ++digits % 4 == 0) {
            out[n++] = (char)(group >> 16);
            out[n++] = (char)(group >> 8);
            out[n++] = (char)group;
            good = padding == 0 || (group & (padding == 1 ? 0xff : 0xffff)) == 0;
            n -= padding;
            group = 0;
        }
        good = good && (padding == 0 || digits % 4 == 0 || digits % 4 == 3);
    }
    if (!good || digits % 4 != 0) {
        mem_wipe(out, n);
        mem_free(out);
        return NULL;
    }
    out[n] = '\0';
    *out_len = n;
    return out;
}
