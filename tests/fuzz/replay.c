/*
 * Feeds a fuzz target with every file of a directory, without libFuzzer, so that what fuzzing has
 * found is tested by every compiler. Ends with "N passed, N failed", as hack/test wants it. A
 * target that fails ends the process: the file's name was written before.
 *
 * Usage: replay_NAME PATH...      (files and directories)
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static size_t passed;

static void fail(const char *path)
{
    perror(path);
    printf("%zu passed, 1 failed\n", passed);
    exit(1);
}

static void replay_file(const char *path)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &st) != 0) {
        fail(path);
    }
    size_t size = (size_t)st.st_size;
    uint8_t *bytes = mem_alloc(size); /* just these, so that whoever reads past them is caught */
    if (fread(bytes, 1, size, file) != size) {
        fail(path);
    }
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(bytes, size);
    mem_free(bytes);
    passed++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_directory(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0) {
        fail(path);
    }
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        replay_file(file);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0) {
            fail(argv[i]);
        }
        if (S_ISDIR(st.st_mode)) {
            replay_directory(argv[i]);
        } else {
            replay_file(argv[i]);
        }
    }
    LLVMFuzzerTestOneInput(NULL, 0); /* libFuzzer begins with it, too */
    printf("%zu passed, 0 failed\n", passed);
    return 0;
}
