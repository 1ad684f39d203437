/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's end of the agent's unix socket: blocking calls with a limit in time, made with a
 * non-blocking socket and poll(). */
#include "platform/ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "platform/linux/os.h"
#include "platform/pipe.h"

struct ipc {
    int fd;
};

static int64_t ipc_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for 'events' until 'deadline'. */
static int ipc_wait(int fd, short events, int64_t deadline, struct err *err)
{
    for (;;) {
        int64_t left = deadline - ipc_now();
        struct pollfd p = {.fd = fd, .events = events};
        int rc = poll(&p, 1, left > 0 ? (int)left : 0);
        if (rc > 0) {
            return 0;
        }
        if (rc == 0) {
            return err_set(err, ERR_TIMEOUT, "no answer in time");
        }
        if (errno != EINTR) {
            return os_err(err, errno, "poll");
        }
    }
}

/* A full queue of the listener shows as EAGAIN: unix sockets have no "in progress". */
static int ipc_connect_fd(int fd, const struct sockaddr_un *sa, unsigned timeout_ms,
                          struct err *err)
{
    int64_t deadline = ipc_now() + timeout_ms;
    for (;;) {
        bool last = ipc_now() >= deadline; /* it is tried once more when time is up */
        if (connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0) {
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return os_err(err, errno, "%s", sa->sun_path);
        }
        if (last) {
            return err_set(err, ERR_TIMEOUT, "%s: nobody accepts", sa->sun_path);
        }
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
}

int ipc_connect(const char *address, unsigned timeout_ms, struct ipc **out, struct err *err)
{
    char path[PIPE_PATH_MAX];
    int rc = pipe_path(address, path, err);
    if (rc < 0) {
        return rc;
    }
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path) {
        return err_set(err, ERR_INVALID, "%s: not a socket's path, or longer than %zu bytes", path,
                       sizeof sa.sun_path - 1);
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return os_err(err, errno, "socket");
    }
    rc = ipc_connect_fd(fd, &sa, timeout_ms, err);
    if (rc < 0) {
        return rc;
    }
    struct ipc *c = mem_calloc(1, sizeof *c);
    c->fd = os_steal(&fd);
    *out = c;
    return 0;
}

int ipc_write(struct ipc *c, const void *p, size_t n, unsigned timeout_ms, struct err *err)
{
    int64_t deadline = ipc_now() + timeout_ms;
    for (const char *at = p; n;) {
        ssize_t done = send(c->fd, at, n, MSG_NOSIGNAL);
        if (done >= 0) {
            at += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN) {
            int rc = ipc_wait(c->fd, POLLOUT, deadline, err);
            if (rc < 0) {
                return rc;
            }
        } else if (errno != EINTR) {
            return os_err(err, errno, "write");
        }
    }
    return 0;
}

int ipc_read(struct ipc *c, void *p, size_t n, unsigned timeout_ms, size_t *n_out, struct err *err)
{
    int64_t deadline = ipc_now() + timeout_ms;
    for (;;) {
        ssize_t done = recv(c->fd, p, n, 0);
        if (done >= 0) {
            *n_out = (size_t)done;
            return 0;
        }
        if (errno == EAGAIN) {
            int rc = ipc_wait(c->fd, POLLIN, deadline, err);
            if (rc < 0) {
                return rc;
            }
        } else if (errno != EINTR) {
            return os_err(err, errno, "read");
        }
    }
}

void ipc_close(struct ipc *c)
{
    if (c) {
        close(c->fd);
        mem_free(c);
    }
}
