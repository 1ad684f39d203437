/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-relay.exe PIPE tcp:IP:PORT [PIPE tcp:IP:PORT]...
 *
 * Stands where Open vSwitch listens on Windows: named pipes of message type that are read as bytes.
 * Each client of \\.\pipe\PIPE gets a TCP connection of its own to the daemon behind it.  A daemon
 * that cannot be reached shows as a pipe that closes.  Prints "ready" when all pipes exist. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { CHUNK = 64 << 10 };

struct target {
    WCHAR pipe[256];
    struct sockaddr_storage to;
    int to_len;
};
struct relay {
    HANDLE pipe;
    SOCKET socket;
};

static bool parse_target(const char *text, struct target *t)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    if (strncmp(text, "tcp:", 4) != 0 || !colon || colon <= text + 4)
        return false;
    const char *start = text + 4;
    size_t n = (size_t)(colon - start);
    if (start[0] == '[' && n > 2) {
        start++;
        n -= 2;
    }
    if (n >= sizeof host)
        return false;
    memcpy(host, start, n);
    host[n] = 0;
    uint16_t port = htons((uint16_t)atoi(colon + 1));
    struct sockaddr_in *v4 = (void *)&t->to;
    struct sockaddr_in6 *v6 = (void *)&t->to;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        t->to_len = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    t->to_len = sizeof *v6;
    return true;
}

/* Waits for an overlapped operation that 'started' says has begun. */
static bool finish(HANDLE pipe, BOOL started, OVERLAPPED *o, DWORD *n)
{
    if (!started && GetLastError() != ERROR_IO_PENDING && GetLastError() != ERROR_MORE_DATA)
        return false;
    return GetOverlappedResult(pipe, o, n, TRUE) || GetLastError() == ERROR_MORE_DATA;
}

static void pipe_to_socket(const struct relay *r, char *data)
{
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    DWORD n;
    while (finish(r->pipe, ReadFile(r->pipe, data, CHUNK, NULL, &o), &o, &n)) {
        for (DWORD at = 0; at < n;) {
            int sent = send(r->socket, data + at, (int)(n - at), 0);
            if (sent <= 0) {
                CloseHandle(o.hEvent);
                return;
            }
            at += (DWORD)sent;
        }
    }
    CloseHandle(o.hEvent);
}

static DWORD WINAPI socket_to_pipe(void *arg)
{
    const struct relay *r = arg;
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    char *data = malloc(CHUNK);
    for (int n; data && (n = recv(r->socket, data, CHUNK, 0)) > 0;) {
        DWORD written;
        if (!finish(r->pipe, WriteFile(r->pipe, data, (DWORD)n, NULL, &o), &o, &written))
            break;
    }
    free(data);
    CloseHandle(o.hEvent);
    /* The client sees the end; the reading half wakes by it. */
    DisconnectNamedPipe(r->pipe);
    return 0;
}

static DWORD WINAPI relay_thread(void *arg)
{
    struct relay *r = arg;
    char *data = malloc(CHUNK);
    HANDLE other = CreateThread(NULL, 0, socket_to_pipe, r, 0, NULL);
    if (data && other)
        pipe_to_socket(r, data);
    shutdown(r->socket, SD_BOTH);
    if (other) {
        WaitForSingleObject(other, INFINITE);
        CloseHandle(other);
    }
    closesocket(r->socket);
    CloseHandle(r->pipe);
    free(data);
    free(r);
    return 0;
}

static HANDLE make_pipe(const struct target *t)
{
    return CreateNamedPipeW(t->pipe, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                            PIPE_TYPE_MESSAGE | PIPE_READMODE_BYTE | PIPE_WAIT,
                            PIPE_UNLIMITED_INSTANCES, CHUNK, CHUNK, 0, NULL);
}

static void serve(const struct target *t, HANDLE pipe)
{
    SOCKET s = socket(t->to.ss_family, SOCK_STREAM, IPPROTO_TCP);
    const BOOL yes = TRUE;
    struct relay *r = malloc(sizeof *r);
    if (!r || s == INVALID_SOCKET || connect(s, (const struct sockaddr *)&t->to, t->to_len) != 0) {
        closesocket(s);
        DisconnectNamedPipe(pipe);
        CloseHandle(pipe);
        free(r);
        return;
    }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&yes, sizeof yes);
    *r = (struct relay){pipe, s};
    HANDLE thread = CreateThread(NULL, 0, relay_thread, r, 0, NULL);
    if (thread)
        CloseHandle(thread);
}

/* 'pipe' is the first instance; another one is made before a client is served, so that the name
 * never vanishes. */
struct listener {
    struct target target;
    HANDLE pipe;
};

static DWORD WINAPI listen_thread(void *arg)
{
    struct listener *l = arg;
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    while (l->pipe != INVALID_HANDLE_VALUE) {
        DWORD n;
        bool connected = ConnectNamedPipe(l->pipe, &o) || GetLastError() == ERROR_PIPE_CONNECTED;
        if (!connected && GetLastError() == ERROR_IO_PENDING)
            connected = GetOverlappedResult(l->pipe, &o, &n, TRUE);
        HANDLE client = l->pipe;
        l->pipe = make_pipe(&l->target);
        if (connected)
            serve(&l->target, client);
        else
            CloseHandle(client);
    }
    fprintf(stderr, "ovs-relay: a pipe cannot be made: %u\n", (unsigned)GetLastError());
    exit(1);
}

int main(int argc, char **argv)
{
    WSADATA data;
    HANDLE last = NULL;
    if (argc < 3 || argc % 2 == 0 || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        fprintf(stderr, "usage: ovs-relay PIPE tcp:IP:PORT [PIPE tcp:IP:PORT]...\n");
        return 2;
    }
    for (int i = 1; i < argc; i += 2) {
        struct listener *l = calloc(1, sizeof *l);
        if (!l || !parse_target(argv[i + 1], &l->target)) {
            fprintf(stderr, "ovs-relay: not tcp:IP:PORT: %s\n", argv[i + 1]);
            return 2;
        }
        wcscpy(l->target.pipe, L"\\\\.\\pipe\\");
        MultiByteToWideChar(CP_UTF8, 0, argv[i], -1, l->target.pipe + 9, 240);
        l->pipe = make_pipe(&l->target);
        if (l->pipe == INVALID_HANDLE_VALUE) {
            fprintf(stderr, "ovs-relay: %s: %u\n", argv[i], (unsigned)GetLastError());
            return 1;
        }
        last = CreateThread(NULL, 0, listen_thread, l, 0, NULL);
    }
    printf("ready\n");
    fflush(stdout);
    WaitForSingleObject(last, INFINITE);
    return 1;
}
