/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: local endpoints by name, and named pipes as the server opens them.  On Linux a
 * local endpoint is a unix socket, which libuv serves whole; on Windows it is a named pipe, whose
 * rights libuv cannot set, so the listener is made here and its clients are handed over.
 *
 * Names of local endpoints, in options, configuration files and stream addresses:
 *   unix:PATH          Linux: that path.  Windows: the pipe that Open vSwitch makes for PATH: the
 *                      path without its slashes ("unix:C:/a/db.sock" is \\.\pipe\C:adb.sock); a
 * path without a drive is taken in Open vSwitch's run directory, as it does. pipe:NAME,
 * \\.\pipe\NAME    Windows only; slashes within NAME are left out likewise. NAME, PATH Linux: a
 * path.  Windows: a pipe's name. */
#ifndef SEINE_PLATFORM_PIPE_H
#define SEINE_PLATFORM_PIPE_H

#include <stdbool.h>

#include "core/base/err.h"

enum { PIPE_PATH_MAX = 512 };
/* The name by which the system opens 'address'; 'out' has PIPE_PATH_MAX bytes.  ERR_INVALID: no
 * name, too long, or a named pipe where there are none. */
int pipe_path(const char *address, char *out, struct err *err);
/* Whether local endpoints are named pipes here. */
bool pipe_is_native(void);

/* ---- the client's end (Windows; elsewhere ERR_UNSUPPORTED).  libuv's own would wait for a busy
 * pipe on a thread that cannot be stopped, and lets the server act in our name ---- */
/* Opens the pipe at 'path' (a result of pipe_path), without waiting: a descriptor of the C library
 * that the caller owns, for overlapped use.  The server learns who we are, but cannot act as us.
 * ERR_AGAIN: all its instances are taken, try again soon; ERR_NOT_FOUND; ERR_PERMISSION (also: it
 * belongs neither to an administrator nor to this user). */
int pipe_connect(const char *path, int *fd_out, struct err *err);

/* ---- the server's end (Windows; elsewhere pipe_listen() is ERR_UNSUPPORTED) ---- */
struct pipe_listener;
/* Called on any thread: somebody connected, perhaps several; pipe_accept() tells.  It may not call
 * anything here: it wakes the loop and returns. */
typedef void pipe_wake_fn(void *aux);
/* Makes the pipe at 'path' (a result of pipe_path) and waits for clients.  SYSTEM and
 * Administrators alone may open it, from this machine alone; a pipe of that name that is there
 * already, whoever made it, is ERR_EXISTS. */
int pipe_listen(const char *path, pipe_wake_fn *wake, void *aux, struct pipe_listener **out,
                struct err *err);
/* The next client that has connected, as a descriptor of the C library that the caller owns.
 * ERR_AGAIN: none now.  Other errors: somebody could not be taken, or there is no room for the next
 * one; call again some time later, as no 'wake' may come. */
int pipe_accept(struct pipe_listener *l, int *fd_out, struct err *err);
/* Stops; no 'wake' comes afterwards.  Clients that were accepted stay.  NULL is fine. */
void pipe_listener_free(struct pipe_listener *l);

#endif
