/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest HTTP/1.1 client that is right for one answer with a Content-Length (or one that
 * ends with the connection) from our own agent. */
#include "cni/client.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/ipc.h"

static void client_close(struct ipc **c)
{
    ipc_close(*c);
}

/* Case-insensitive: does the line begin with this header's name and colon?  Its value. */
static const char *client_header(const char *line, const char *name)
{
    for (; *name; line++, name++) {
        char c = *line >= 'A' && *line <= 'Z' ? (char)(*line + 32) : *line;
        if (c != *name) {
            return NULL;
        }
    }
    return *line == ':' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

struct client_answer {
    int status;
    size_t head_len;   /* up to the body; 0: not whole yet */
    uint64_t body_len; /* UINT64_MAX: until the connection ends */
};

static int client_parse_head(const struct sbuf *in, struct client_answer *a, struct err *err)
{
    const char *end = in->len ? strstr(in->data, "\r\n\r\n") : NULL;
    if (!end) {
        return 0;
    }
    if (strncmp(in->data, "HTTP/1.", 7) != 0 || in->len < 12) {
        return err_set(err, ERR_PROTOCOL, "not an HTTP answer");
    }
    a->status = (int)strtoull(in->data + 9, NULL, 10);
    a->body_len = UINT64_MAX;
    for (const char *line = strstr(in->data, "\r\n"); line < end; line = strstr(line + 2, "\r\n")) {
        const char *value = client_header(line + 2, "content-length");
        if (value) {
            a->body_len = strtoull(value, NULL, 10);
        }
        if (client_header(line + 2, "transfer-encoding")) {
            return err_set(err, ERR_PROTOCOL, "transfer encodings are not understood");
        }
    }
    a->head_len = (size_t)(end - in->data) + 4;
    return 0;
}

static bool client_is_whole(const struct sbuf *in, const struct client_answer *a, bool closed)
{
    if (!a->head_len) {
        return false;
    }
    return a->body_len == UINT64_MAX ? closed : in->len - a->head_len >= a->body_len;
}

static int client_receive(struct ipc *c, const struct client_request *request,
                          struct client_answer *a, struct sbuf *in, struct err *err)
{
    bool closed = false;
    while (!client_is_whole(in, a, closed)) {
        char part[8192];
        size_t n = 0;
        if (closed) {
            return err_set(err, ERR_CLOSED, "the agent went away before it answered");
        }
        int rc = ipc_read(c, part, sizeof part, request->answer_ms, &n, err);
        if (rc < 0) {
            return rc;
        }
        closed = n == 0;
        sbuf_put(in, part, n);
        if (in->len > (request->limit ? request->limit : CLIENT_ANSWER_LIMIT)) {
            return err_set(err, ERR_TOO_BIG, "the agent's answer is too long");
        }
        rc = a->head_len ? 0 : client_parse_head(in, a, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int client_call(const struct client_request *request, int *status_out, struct sbuf *body_out,
                struct err *err)
{
    PORT_CLEANUP(client_close) struct ipc *c = NULL;
    int rc = ipc_connect(request->socket, request->connect_ms, &c, err);
    if (rc < 0) {
        return rc;
    }
    auto_sbuf out = SBUF_INIT, in = SBUF_INIT;
    sbuf_printf(&out,
                "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                request->method ? request->method : "POST", request->path, strlen(request->body),
                request->body);
    rc = ipc_write(c, out.data, out.len, request->answer_ms, err);
    struct client_answer a = {0};
    if (rc == 0) {
        rc = client_receive(c, request, &a, &in, err);
    }
    if (rc < 0) {
        return rc;
    }
    size_t n = in.len - a.head_len;
    sbuf_put(body_out, in.data + a.head_len, a.body_len < n ? (size_t)a.body_len : n);
    *status_out = a.status;
    return 0;
}
