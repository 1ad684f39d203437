/* SPDX-License-Identifier: Apache-2.0
 *
 * Local endpoints are unix sockets here; there are no named pipes. */
#include "platform/pipe.h"

#include <stdio.h>
#include <string.h>

int pipe_path(const char *address, char *out, struct err *err)
{
    const char *path = strncmp(address, "unix:", 5) == 0 ? address + 5 : address;
    if (strncmp(path, "pipe:", 5) == 0 || strncmp(path, "\\\\.\\pipe\\", 9) == 0) {
        return err_set(err, ERR_INVALID, "%s: named pipes are on Windows alone", path);
    }
    if (!*path || strlen(path) >= PIPE_PATH_MAX) {
        return err_set(err, ERR_INVALID, "%s: not a socket's path", path);
    }
    snprintf(out, PIPE_PATH_MAX, "%s", path);
    return 0;
}

bool pipe_is_native(void)
{
    return false;
}

int pipe_connect(const char *path, int *fd_out, struct err *err)
{
    (void)fd_out;
    return err_set(err, ERR_UNSUPPORTED, "%s: named pipes are on Windows alone", path);
}

int pipe_listen(const char *path, pipe_wake_fn *wake, void *aux, struct pipe_listener **out,
                struct err *err)
{
    (void)wake;
    (void)aux;
    (void)out;
    return err_set(err, ERR_UNSUPPORTED, "%s: named pipes are on Windows alone", path);
}

int pipe_accept(struct pipe_listener *l, int *fd_out, struct err *err)
{
    (void)l;
    (void)fd_out;
    return err_set(err, ERR_UNSUPPORTED, "named pipes are on Windows alone");
}

void pipe_listener_free(struct pipe_listener *l)
{
    (void)l;
}
