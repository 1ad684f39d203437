/* SPDX-License-Identifier: Apache-2.0
 *
 * What runs in the Pods of a lab, a static program of its own.
 *
 *   labpod                                 waits for its end (the sandbox's process; buries
 * orphans) labpod serve PROTO:PORT...             answers with the Pod's name (POD, else the
 * host's), then echoes labpod ask [MS] PROTO ADDRESS PORT...  all asked at once; a line each: the
 * name that answered, drop (nothing came within MS, 1500 unless said) or refused
 *
 * PROTO is tcp or udp. The servers do what lab/probe.py expects of one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SOCKETS = 1024, DEFAULT_MS = 1500, AGAIN_MS = 250 };

enum kind { LISTENER, ECHO, DATAGRAMS };

static struct pollfd sockets[MAX_SOCKETS];
static enum kind kinds[MAX_SOCKETS];
static nfds_t n_sockets;
static char name[300];

static void on_end(int signal)
{
    (void)signal;
    _exit(0);
}

static void on_child(int signal)
{
    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int fd, enum kind kind)
{
    if (n_sockets == MAX_SOCKETS) {
        close(fd);
        return;
    }
    sockets[n_sockets] = (struct pollfd){.fd = fd, .events = POLLIN};
    kinds[n_sockets++] = kind;
}

/* Forgets the socket at `i`; the last one takes its place. */
static void unwatch(nfds_t i)
{
    close(sockets[i].fd);
    sockets[i] = sockets[--n_sockets];
    kinds[i] = kinds[n_sockets];
}

/* Both families at once: `::` takes IPv4 too. A kernel without IPv6 gets an IPv4 socket. */
static int open_server(int type, unsigned port)
{
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool six = fd >= 0;
    if (!six) {
        fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (six && type == SOCK_DGRAM) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    }
    if (bind(fd, six ? (void *)&any6 : (void *)&any4, six ? sizeof any6 : sizeof any4) < 0) {
        die("bind");
    }
    if (type == SOCK_STREAM && listen(fd, 128) < 0) {
        die("listen");
    }
    return fd;
}

static void serve_stream(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    (void)!write(fd, name, strlen(name));
    watch(fd, ECHO);
}

/* Answers from the address that was asked: the control message goes back as it came. */
static void serve_datagram(int fd)
{
    char data[65536], control[256];
    size_t name_len = strlen(name);
    memcpy(data, name, name_len);
    struct sockaddr_storage peer;
    struct iovec part = {.iov_base = data + name_len, .iov_len = sizeof data - name_len};
    struct msghdr message = {.msg_name = &peer,
                             .msg_namelen = sizeof peer,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &message, 0);
    if (n < 0) {
        return;
    }
    part = (struct iovec){.iov_base = data, .iov_len = name_len + (size_t)n};
    (void)!sendmsg(fd, &message, 0);
}

/* Returns whether the connection goes on. */
static bool serve_echo(int fd)
{
    char data[65536];
    ssize_t n = read(fd, data, sizeof data);
    if (n > 0) {
        (void)!write(fd, data, (size_t)n);
    }
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static int serve(char **ports)
{
    const char *pod = getenv("POD");
    if (pod) {
        snprintf(name, sizeof name - 1, "%s", pod);
    } else if (gethostname(name, sizeof name - 2) < 0) {
        die("gethostname");
    }
    strcat(name, "\n");
    for (; *ports; ports++) {
        bool tcp = strncmp(*ports, "tcp:", 4) == 0;
        watch(open_server(tcp ? SOCK_STREAM : SOCK_DGRAM, (unsigned)atoi(*ports + 4)),
              tcp ? LISTENER : DATAGRAMS);
    }
    while (poll(sockets, n_sockets, -1) >= 0 || errno == EINTR) {
        for (nfds_t i = n_sockets; i-- > 0;) {
            if (!sockets[i].revents) {
                continue;
            }
            if (kinds[i] == LISTENER) {
                serve_stream(sockets[i].fd);
            } else if (kinds[i] == DATAGRAMS) {
                serve_datagram(sockets[i].fd);
            } else if (!serve_echo(sockets[i].fd)) {
                unwatch(i);
            }
        }
    }
    return 1;
}

/* Length of the name at `at` in the query, up to and with its last zero; its text, with dots, goes
 * to `text_out`. 0 if it is cut off or compressed, which no query's is. */
static size_t read_name(const uint8_t *query, size_t len, size_t at, char text_out[256])
{
    size_t used = 0, start = at;
    while (at < len && query[at] != 0) {
        size_t label = query[at++];
        if (label > 63 || at + label >= len || used + label + 1 >= 256) {
            return 0;
        }
        memcpy(text_out + used, query + at, label);
        used += label;
        text_out[used++] = '.';
        at += label;
    }
    text_out[used ? used - 1 : 0] = '\0';
    return at < len ? at + 1 - start : 0;
}

/* Appends the addresses that the table has for the name; returns whether it knows the name at all.
 */
static bool append_addresses(char **table, const char *asked, bool six, uint8_t *reply, size_t *len)
{
    bool known = false;
    for (; *table; table++) {
        const char *address = strchr(*table, '=');
        size_t name_len = address ? (size_t)(address - *table) : 0;
        if (name_len != strlen(asked) || strncasecmp(*table, asked, name_len) != 0) {
            continue;
        }
        known = true;
        uint8_t found[16], size = six ? 16 : 4;
        if (inet_pton(six ? AF_INET6 : AF_INET, address + 1, found) == 1) {
            const uint8_t head[] = {0xc0, 12, 0, six ? 28 : 1, 0, 1, 0, 0, 0, 5, 0, size};
            memcpy(reply + *len, head, sizeof head);
            memcpy(reply + *len + sizeof head, found, size);
            *len += sizeof head + size;
            reply[7]++;
        }
    }
    return known;
}

static int serve_names(char **table)
{
    int fd = open_server(SOCK_DGRAM, 53);
    struct pollfd one = {.fd = fd, .events = POLLIN};
    uint8_t data[2048];
    char asked[256];
    while (poll(&one, 1, -1) >= 0 || errno == EINTR) {
        struct sockaddr_storage peer;
        socklen_t peer_len = sizeof peer;
        ssize_t n = recvfrom(fd, data, 512, 0, (void *)&peer, &peer_len);
        size_t name_len = n > 12 ? read_name(data, (size_t)n, 12, asked) : 0;
        size_t len = 12 + name_len + 4;
        if (!name_len || len > (size_t)n) {
            continue;
        }
        bool six = data[12 + name_len + 1] == 28;
        memcpy(data + 2, (uint8_t[]){0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, 10);
        if (!append_addresses(table, asked, six, data, &len)) {
            data[3] |= 3; /* NXDOMAIN */
        }
        (void)!sendto(fd, data, len, 0, (void *)&peer, peer_len);
    }
    return 1;
}

struct question {
    char **words;
    const char *answer;
    char text[300];
    bool udp;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void ask_one(struct question *q)
{
    bool six = strchr(q->words[1], ':') != NULL;
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)atoi(q->words[2]))};
    struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = to6.sin6_port};
    q->udp = strcmp(q->words[0], "udp") == 0;
    if (inet_pton(six ? AF_INET6 : AF_INET, q->words[1],
                  six ? (void *)&to6.sin6_addr : (void *)&to4.sin_addr) != 1) {
        fprintf(stderr, "labpod: not an address: %s\n", q->words[1]);
        exit(2);
    }
    int fd =
        socket(six ? AF_INET6 : AF_INET, (q->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    if (connect(fd, six ? (void *)&to6 : (void *)&to4, six ? sizeof to6 : sizeof to4) < 0 &&
        errno != EINPROGRESS) {
        q->answer = "refused";
    }
    watch(fd, q->udp ? DATAGRAMS : ECHO);
}

static void hear(struct question *q, int fd)
{
    ssize_t n = read(fd, q->text, sizeof q->text - 1);
    if (n <= 0) {
        q->answer = n < 0 && errno == EAGAIN ? NULL : "refused";
        return;
    }
    q->text[strcspn(q->text, "\n")] = '\0';
    q->answer = q->text;
}

static int ask(char **words)
{
    static struct question questions[MAX_SOCKETS];
    int n = 0, open = 0;
    int64_t wait = DEFAULT_MS;
    if (words[0] && words[0][strspn(words[0], "0123456789")] == '\0') {
        wait = atoi(*words++);
    }
    for (; words[0] && words[1] && words[2] && n < MAX_SOCKETS; words += 3) {
        questions[n].words = words;
        ask_one(&questions[n++]);
    }
    int64_t end = now_ms() + wait, again = 0;
    do {
        open = 0;
        bool send_now = now_ms() >= again;
        again = send_now ? now_ms() + AGAIN_MS : again;
        for (int i = 0; i < n; i++) {
            struct question *q = &questions[i];
            if (q->answer) {
                sockets[i].fd = -1;
                continue;
            }
            open++;
            if (q->udp && send_now && write(sockets[i].fd, "hello", 5) < 0 && errno != EAGAIN) {
                q->answer = "refused";
            }
        }
        if (poll(sockets, n_sockets, 20) > 0) {
            for (int i = 0; i < n; i++) {
                if (!questions[i].answer && sockets[i].revents) {
                    hear(&questions[i], sockets[i].fd);
                }
            }
        }
    } while (open && now_ms() < end);
    for (int i = 0; i < n; i++) {
        printf("%s\n", questions[i].answer ? questions[i].answer : "drop");
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction end = {.sa_handler = on_end},
                     child = {.sa_handler = on_child, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGCHLD, &child, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "serve") == 0) {
        return serve(argv + 2);
    }
    if (argc > 1 && strcmp(argv[1], "dns") == 0) {
        return serve_names(argv + 2);
    }
    if (argc > 1 && strcmp(argv[1], "ask") == 0) {
        return ask(argv + 2);
    }
    for (;;) {
        pause();
    }
}
