#include "shell/libraries.h"

#include "base/mem.h"

#include <assert.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdint.h>

static void *curl_zalloc(size_t count, size_t bytes)
{
    if (bytes > 0 && count > SIZE_MAX / bytes) {
        return NULL; /* nobody has as much */
    }
    return mem_zalloc(count * bytes);
}

static void *openssl_alloc(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return bytes > 0 ? mem_alloc(bytes) : NULL;
}

static void *openssl_realloc(void *old, size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    if (bytes == 0) {
        mem_free(old);
        return NULL;
    }
    return mem_realloc(old, bytes);
}

static void openssl_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    mem_free(memory);
}

void libraries_share_memory(void)
{
    int taken = CRYPTO_set_mem_functions(openssl_alloc, openssl_realloc, openssl_free);
    assert(taken == 1);
    CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc,
                                         mem_strdup, curl_zalloc);
    assert(code == CURLE_OK);
}
