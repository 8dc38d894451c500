/*
 * The metrics and probe server on loopback: whatever a client sends before it hangs up, the server
 * says HTTP or nothing, and serves the next client. The first part is sent; the second is an
 * address to listen on, which is only looked at.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "shell/probe_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWER_BYTES_MAX = 64 << 10,
    IDLE_TURNS = 4,
    PATIENCE_MS = 5000, /* only a failing test waits that long */
};

static struct poller *poller;
static struct probe_server *server;

static void render(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_append_text(out, "metric 1\n");
}

static bool is_ready(void *ctx, const char **why)
{
    (void)ctx;
    *why = "not yet";
    return false;
}

static void start(void)
{
    static const struct probe_handlers handlers = {.metrics = render, .ready = is_ready};
    struct error err = ERROR_INIT;
    poller = poller_new(&err);
    server = probe_server_new(poller, "127.0.0.1:0", true, true, &handlers, &err);
    assert(server != NULL);
}

/* Closing resets: no port is left in TIME_WAIT. */
static int connect_to_server(void)
{
    static const struct linger reset = {.l_onoff = 1};
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)probe_server_port(server)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    assert(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static void on_client(void *ctx, int fd, uint32_t events)
{
    (void)ctx;
    (void)fd;
    (void)events; /* wakes poller_wait() */
}

/* What the server says goes to @out. Returns what recv() said last: 0 when it has hung up. */
static ssize_t receive(int fd, struct buf *out)
{
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    while (got > 0) {
        buf_append(out, bytes, (size_t)got);
        got = recv(fd, bytes, sizeof bytes, 0);
    }
    return got == 0 || errno != EAGAIN ? 0 : -1;
}

/* Send @request, as far as the server takes it, and hang up after some turns of the loop in which
 * nothing more came; or, @to_the_end, when the server has done so. */
static void talk(struct part request, bool to_the_end, struct buf *out)
{
    int fd = connect_to_server();
    uint64_t until_ms = clock_now().mono_ms + PATIENCE_MS;
    size_t sent = 0;
    int idle = 0;
    poller_set(poller, fd, EPOLLIN, on_client, NULL);
    while (idle < IDLE_TURNS) {
        ssize_t n = send(fd, request.bytes + sent, request.len - sent, MSG_NOSIGNAL);
        size_t before = out->len + sent;
        sent += n > 0 ? (size_t)n : 0;
        if (receive(fd, out) == 0) {
            break;
        }
        idle = to_the_end || out->len + sent > before ? 0 : idle + 1;
        assert(clock_now().mono_ms < until_ms);
        poller_wait(poller, to_the_end ? until_ms : clock_now().mono_ms);
        probe_server_tick(server);
    }
    poller_remove(poller, fd);
    close(fd);
}

static void check_alive(void)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, ANSWER_BYTES_MAX);
    talk((struct part){request, sizeof request - 1}, true, &out);
    assert(strncmp(buf_text(&out), "HTTP/1.1 200 ", 13) == 0);
    assert(strcmp(out.data + out.len - 2, "ok") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_fini) struct buf out;
    struct input in = input_of(data, size);
    struct part request, address;
    if (server == NULL) {
        start();
    }
    buf_init(&out, ANSWER_BYTES_MAX);
    input_next(&in, &request);
    talk(request, false, &out);
    assert(out.len == 0 || strncmp(out.data, "HTTP/1.", 7) == 0);
    check_alive();
    if (input_next(&in, &address)) {
        char *text = part_text(address);
        assert(!probe_address_is_valid(text) || text[0] == '\0' || strcmp(text, "0") == 0 ||
               strchr(text, ':') != NULL);
        mem_free(text);
    }
    return 0;
}
