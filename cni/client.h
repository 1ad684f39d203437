/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to the agent's local socket: HTTP/1.1, one answer, closed.  For seine-cni (POST with
 * a JSON body) and seinectl. */
#ifndef SEINE_CNI_CLIENT_H
#define SEINE_CNI_CLIENT_H

#include "core/base/err.h"
#include "core/base/sbuf.h"

enum { CLIENT_ANSWER_LIMIT = 4 << 20 };
struct client_request {
    const char *socket; /* path */
    const char *method; /* NULL: POST */
    const char *path;   /* "/v1/cni" */
    const char *body;
    size_t limit; /* bytes of the answer; 0: CLIENT_ANSWER_LIMIT */
    unsigned connect_ms, answer_ms;
};
/* Sends and waits; the answer's body goes to 'body_out', its status to '*status_out'.  Errors of
 * ipc_connect(); ERR_TIMEOUT, ERR_CLOSED (the agent went away in the middle), ERR_PROTOCOL. */
int client_call(const struct client_request *request, int *status_out, struct sbuf *body_out,
                struct err *err);

#endif
