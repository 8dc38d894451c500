/*
 * The program: flags in, exit code out.
 */
#include "base/mem.h"
#include "shell/explain_command.h"
#include "shell/flags.h"
#include "shell/libraries.h"
#include "shell/process.h"
#include "shell/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

void mem_out_of_memory(size_t bytes)
{
    dprintf(STDERR_FILENO, "memcached-operator: out of memory (%zu bytes more)\n", bytes);
    _exit(EXIT_FAILED);
}

/* What is done in place of being an operator, by its first argument. */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit code */
} commands[] = {
    {"explain", explain_command},
};

static const struct command *find_command(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int start(int argc, char **argv, struct flags *flags)
{
    struct error err = ERROR_INIT;
    if (flags_parse(flags, argc, argv, &err) != 0) {
        fprintf(stderr,
                "memcached-operator: %s\n"
                "usage: memcached-operator [flags]; --help lists them\n",
                err.message);
        return EXIT_USAGE;
    }
    if (flags->help) {
        flags_usage(stdout);
        return EXIT_OK;
    }
    if (flags->version) {
        puts("memcached-operator " OPERATOR_VERSION);
        return EXIT_OK;
    }
    return run(flags);
}

int main(int argc, char **argv)
{
    process_harden();
    libraries_share_memory();
    const struct command *command = find_command(argc, argv);
    if (command != NULL) {
        return command->run(argc - 1, argv + 1);
    }
    CLEANUP(flags_fini) struct flags flags = {0};
    return start(argc, argv, &flags);
}
