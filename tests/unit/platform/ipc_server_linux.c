/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/platform/ipc_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ipc_server {
    int fd;
    struct sockaddr_un sa;
};

struct ipc_server *ipc_server_new(const char *address)
{
    struct ipc_server *s = calloc(1, sizeof *s);
    s->sa.sun_family = AF_UNIX;
    snprintf(s->sa.sun_path, sizeof s->sa.sun_path, "%s", address);
    unlink(address);
    s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(s->fd, (struct sockaddr *)&s->sa, sizeof s->sa) < 0 || listen(s->fd, 1) < 0) {
        ipc_server_free(s);
        return NULL;
    }
    return s;
}

void ipc_server_free(struct ipc_server *s)
{
    if (s) {
        close(s->fd);
        unlink(s->sa.sun_path);
        free(s);
    }
}

/* A path is taken over: who may is settled by the agent's lock. */
bool ipc_server_is_exclusive(void)
{
    return false;
}

bool ipc_server_rights(const char *path, char *out, size_t size)
{
    (void)path;
    (void)out;
    (void)size;
    return false;
}

uint64_t ipc_server_accept(struct ipc_server *s)
{
    return (uint64_t)accept(s->fd, NULL, NULL);
}

bool ipc_server_write(uint64_t client, const void *p, size_t n)
{
    return write((int)client, p, n) == (ssize_t)n;
}

size_t ipc_server_read(uint64_t client, void *p, size_t n)
{
    ssize_t done = read((int)client, p, n);
    return done > 0 ? (size_t)done : 0;
}

void ipc_server_drop(uint64_t client)
{
    close((int)client);
}
