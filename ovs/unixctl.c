/* SPDX-License-Identifier: Apache-2.0
 *
 * unixctl: see unixctl.h.  One connection a call. */
#include "ovs/unixctl.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/io/stream.h"
#include "ovs/ovsdb_json.h"
#include "platform/ipc.h"

enum { UNIXCTL_TIMEOUT_MS = 5000, UNIXCTL_REPLY_MAX = 16 << 20, UNIXCTL_PID_MAX = 32 };

struct unixctl {
    struct loop *loop;
    struct stream *stream;
    struct loop_timer *timer;
    struct ovsdb_json json;
    char *request;
    unixctl_done_fn *done;
    void *aux;
    cJSON *reply;
};

int unixctl_address(const char *rundir, const char *daemon, char *out, size_t size, struct err *err)
{
    char path[STREAM_ADDRESS_MAX];
    auto_free char *text = NULL;
    size_t n;
    int len = snprintf(path, sizeof path, "%s/%s.pid", rundir, daemon);
    if (len < 0 || (size_t)len >= sizeof path) {
        return err_set(err, ERR_TOO_BIG, "%s: path too long", rundir);
    }
    int rc = file_read(path, UNIXCTL_PID_MAX, &text, &n, err);
    if (rc != 0) {
        return rc;
    }
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || (text[digits] != '\0' && text[digits] != '\n')) {
        return err_set(err, ERR_INVALID, "%s: not a process id", path);
    }
    text[digits] = '\0';
    len = snprintf(out, size, "unix:%s/%s.%s.ctl", rundir, daemon, text);
    return len < 0 || (size_t)len >= size ? err_set(err, ERR_TOO_BIG, "%s: path too long", rundir)
                                          : 0;
}

int unixctl_pipe_address(const char *db, const char *daemon, char *out, size_t size,
                         struct err *err)
{
    static const char own[] = "db.sock";
    size_t n = strlen(db), own_len = sizeof own - 1;
    if (n < own_len || strcmp(db + n - own_len, own) != 0) {
        return err_set(err, ERR_UNSUPPORTED, "the control pipe of %s cannot be told from %s",
                       daemon, db);
    }
    int len = snprintf(out, size, "pipe:%.*s%s.ctl", (int)(n - own_len), db, daemon);
    return len < 0 || (size_t)len >= size ? err_set(err, ERR_TOO_BIG, "%s: name too long", db) : 0;
}

static void unixctl_free__(struct unixctl *c)
{
    stream_close(c->stream);
    loop_timer_free(c->timer);
    ovsdb_json_done(&c->json);
    cJSON_Delete(c->reply);
    mem_free(c->request);
    mem_free(c);
}

void unixctl_cancel(struct unixctl *c)
{
    unixctl_free__(c);
}

static void unixctl_end__(struct unixctl *c, const char *text, const struct err *err)
{
    c->done(c->aux, text, err);
    unixctl_free__(c);
}

static void unixctl_opened__(void *aux)
{
    struct unixctl *c = aux;
    (void)stream_write(c->stream, c->request, strlen(c->request)); /* it fits: nothing waits */
}

static int unixctl_message__(void *aux, cJSON *message, struct err *err)
{
    struct unixctl *c = aux;
    (void)err;
    cJSON_Delete(c->reply);
    c->reply = message;
    return 0;
}

static void unixctl_answer__(struct unixctl *c)
{
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(c->reply, "result");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(c->reply, "error");
    struct err err = {0};
    if (cJSON_IsString(error)) {
        err_set(&err, ERR_REFUSED, "%s", error->valuestring);
        unixctl_end__(c, error->valuestring, &err);
    } else if (cJSON_IsString(result)) {
        unixctl_end__(c, result->valuestring, &err);
    } else {
        err_set(&err, ERR_PROTOCOL, "control socket: reply of no known form");
        unixctl_end__(c, NULL, &err);
    }
}

static void unixctl_input__(void *aux, const void *p, size_t n)
{
    struct unixctl *c = aux;
    struct err err;
    if (ovsdb_json_input(&c->json, p, n, unixctl_message__, c, &err) != 0) {
        unixctl_end__(c, NULL, &err);
    } else if (c->reply) {
        unixctl_answer__(c);
    }
}

static void unixctl_closed__(void *aux, const struct err *why)
{
    unixctl_end__(aux, NULL, why);
}

static void unixctl_timer__(void *aux)
{
    struct err err;
    err_set(&err, ERR_TIMEOUT, "control socket: no reply");
    unixctl_end__(aux, NULL, &err);
}

static const struct stream_events unixctl_stream_events = {
    .opened = unixctl_opened__, .input = unixctl_input__, .closed = unixctl_closed__};

static char *unixctl_encode__(const struct unixctl_request *request)
{
    cJSON *m = cJSON_CreateObject();
    cJSON_AddNumberToObject(m, "id", 0);
    cJSON_AddStringToObject(m, "method", request->method);
    cJSON *params = cJSON_AddArrayToObject(m, "params");
    for (size_t i = 0; i < request->n_args; i++) {
        cJSON_AddItemToArray(params, cJSON_CreateString(request->args[i]));
    }
    char *text = cJSON_PrintUnformatted(m);
    char *copy = mem_strdup(text);
    cJSON_free(text);
    cJSON_Delete(m);
    return copy;
}

struct unixctl *unixctl_call(struct loop *l, const struct unixctl_request *request,
                             unixctl_done_fn *done, void *aux, struct err *err)
{
    struct unixctl *c = mem_calloc(1, sizeof *c);
    struct stream_config config = {.address = request->address};
    c->loop = l;
    c->done = done;
    c->aux = aux;
    c->request = unixctl_encode__(request);
    c->timer = loop_limit_new(l, unixctl_timer__, c);
    ovsdb_json_init(&c->json, UNIXCTL_REPLY_MAX);
    if (stream_connect(l, &config, &unixctl_stream_events, c, &c->stream, err) != 0) {
        unixctl_free__(c);
        return NULL;
    }
    loop_timer_after(c->timer, request->timeout_ms ? request->timeout_ms : UNIXCTL_TIMEOUT_MS);
    return c;
}
