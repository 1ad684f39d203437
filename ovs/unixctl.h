/* SPDX-License-Identifier: Apache-2.0
 *
 * unixctl: calls to the control socket of an Open vSwitch daemon, what ovs-appctl does: JSON-RPC
 * with a method, text arguments, and a text or an error as reply (e.g. ofproto/trace). */
#ifndef SEINE_OVS_UNIXCTL_H
#define SEINE_OVS_UNIXCTL_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/io/loop.h"

struct unixctl; /* one call under way */

/* err->code 0: 'text' is the reply.  ERR_REFUSED: the daemon said no, err->text is what it said
 * (cut), 'text' the whole.  Else the connection's error, 'text' is NULL. */
typedef void unixctl_done_fn(void *aux, const char *text, const struct err *err);

/* The stream address of a daemon's control socket: "unix:<rundir>/<daemon>.<pid>.ctl", the pid
 * from its pid file there.  ERR_NOT_FOUND. */
int unixctl_address(const char *rundir, const char *daemon, char *out, size_t size,
                    struct err *err);
/* The same where sockets are named pipes, whose names are paths without their slashes: from the
 * name of the database's ("...db.sock"), "pipe:...<daemon>.ctl".  ERR_UNSUPPORTED: it has another
 * name.
 */
int unixctl_pipe_address(const char *db, const char *daemon, char *out, size_t size,
                         struct err *err);
struct unixctl_request {
    const char *address, *method;
    const char *const *args;
    size_t n_args;
    unsigned timeout_ms; /* 0: 5000 */
};
/* Calls; 'done' follows exactly once, from the loop, after which the call is gone.  NULL (and err)
 * on a bad address. */
struct unixctl *unixctl_call(struct loop *l, const struct unixctl_request *request,
                             unixctl_done_fn *done, void *aux, struct err *err);
/* 'done' does not follow.  Not after it did. */
void unixctl_cancel(struct unixctl *c);

#endif
