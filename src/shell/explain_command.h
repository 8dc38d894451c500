/*
 * `memcached-operator explain`: reads the cluster once and says who decides the size of each
 * Memcached, why, and what would be written.
 */
#pragma once

/** @argv[0] is the command's name. Returns the exit code: 0 all was said, 1 an error (said on
 * stderr), 2 bad arguments. */
int explain_command(int argc, char **argv);
