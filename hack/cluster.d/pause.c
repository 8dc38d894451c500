/*
 * The first process of each pod's sandbox and of the node's pid namespace:
 * it holds the namespaces open and reaps the orphans that end up here.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_child(int sig)
{
    (void)sig;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static void on_stop(int sig)
{
    (void)sig;
    _exit(0);
}

int main(void)
{
    struct sigaction child = {.sa_handler = on_child};
    struct sigaction stop = {.sa_handler = on_stop};

    sigaction(SIGCHLD, &child, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    for (;;) {
        pause();
    }
}
