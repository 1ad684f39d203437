/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/ovsdb_driver.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_synced(void *aux)
{
    ((struct ovsdb_driver *)aux)->n_synced++;
}

static void on_updated(void *aux)
{
    ((struct ovsdb_driver *)aux)->n_updated++;
}

static const struct ovsdb_session_events events = {on_synced, on_updated};

/* One turn: sends what there is, waits a little, takes what came. */
static int turn(struct ovsdb_driver *d, struct err *err)
{
    auto_sbuf out = SBUF_INIT;
    char in[4096];
    ovsdb_session_output(d->session, &out);
    if (out.len && send(d->fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
        return err_set(err, ERR_CLOSED, "send: %s", strerror(errno));
    struct pollfd p = {d->fd, POLLIN, 0};
    if (poll(&p, 1, 20) > 0) {
        ssize_t n = recv(d->fd, in, sizeof in, 0);
        if (n <= 0)
            return err_set(err, ERR_CLOSED, "the server went away");
        sbuf_put(&d->seen, in, (size_t)n);
        int rc = ovsdb_session_input(d->session, in, (size_t)n, now_ms(), err);
        if (rc)
            return rc;
    }
    return ovsdb_session_run(d->session, now_ms(), err);
}

int ovsdb_driver_until(struct ovsdb_driver *d, const int *n, int least, struct err *err)
{
    for (int64_t end = now_ms() + PATIENCE_MS; *n < least;) {
        int rc = turn(d, err);
        if (rc)
            return rc;
        if (now_ms() > end)
            return err_set(err, ERR_TIMEOUT, "waited long enough");
    }
    return 0;
}

int ovsdb_driver_open(struct ovsdb_driver *d, const char *path, struct ovsdb_replica *replica,
                      struct err *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memset(d, 0, sizeof *d);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    d->session = ovsdb_session_new(replica, &events, d, now_ms());
    if (connect(d->fd, (struct sockaddr *)&to, sizeof to))
        return err_set(err, ERR_CLOSED, "%s: %s", path, strerror(errno));
    return ovsdb_driver_until(d, &d->n_synced, 1, err);
}

void ovsdb_driver_close(struct ovsdb_driver *d)
{
    ovsdb_session_free(d->session);
    close(d->fd);
    sbuf_done(&d->seen);
}

static void on_reply(void *aux, const cJSON *result, const struct err *err)
{
    struct ovsdb_driver *d = aux;
    (void)result;
    d->replied = true;
    d->reply_code = err->code;
    snprintf(d->reply_text, sizeof d->reply_text, "%s", err->text);
}

int ovsdb_driver_transact(struct ovsdb_driver *d, cJSON *ops)
{
    struct err err;
    d->replied = false;
    ovsdb_session_transact(d->session, ops, on_reply, d);
    for (int64_t end = now_ms() + PATIENCE_MS; !d->replied && now_ms() < end;)
        if (turn(d, &err))
            return err.code;
    return d->replied ? d->reply_code : ERR_TIMEOUT;
}
