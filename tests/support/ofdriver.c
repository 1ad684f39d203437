/* SPDX-License-Identifier: Apache-2.0
 *
 * See ofdriver.h. */
#include "tests/support/ofdriver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_ready(void *aux, const struct ofmsg_features *features)
{
    struct ofdriver *d = aux;
    (void)features;
    d->ready = true;
}

static void on_dump_row(void *aux, enum ofsession_space space, struct bytes key, struct bytes value)
{
    struct ofdriver *d = aux;
    if (d->on_row) {
        d->on_row(d->on_row_aux, space, key, value);
        return;
    }
    uint8_t *p = mem_alloc(key.n + value.n);
    memcpy(p, key.p, key.n);
    memcpy(p + key.n, value.p, value.n);
    struct ofdriver_row row = {space, {p, key.n}, {p + key.n, value.n}};
    VEC_PUSH(&d->rows, row);
}

static void on_dump_end(void *aux)
{
    ((struct ofdriver *)aux)->dumped = true;
}

static void on_applied(void *aux, const struct ofsession_outcome *outcome)
{
    struct ofdriver *d = aux;
    d->applied = true;
    d->outcome = *outcome;
    snprintf(d->reason, sizeof d->reason, "%s", outcome->reason);
    d->outcome.reason = d->reason;
}

static void on_port_status(void *aux, enum ofmsg_port_reason reason, const struct ofmsg_port *port)
{
    (void)reason;
    (void)port;
    ((struct ofdriver *)aux)->n_port_status++;
}

static void on_packet_in(void *aux, const struct ofmsg_packet_in *pin)
{
    struct ofdriver *d = aux;
    d->n_packet_in++;
    sbuf_clear(&d->packet_in);
    sbuf_put(&d->packet_in, pin->packet.p, pin->packet.n);
    sbuf_put(&d->packet_in, pin->userdata.p, pin->userdata.n);
    if (d->on_packet_in)
        d->on_packet_in(d, pin);
}

static void on_stray(void *aux, const struct ofmsg_error *error)
{
    struct ofdriver *d = aux;
    d->n_stray++;
    d->stray = *error;
}

static const struct ofsession_events events = {
    .ready = on_ready,
    .dump_row = on_dump_row,
    .dump_end = on_dump_end,
    .applied = on_applied,
    .port_status = on_port_status,
    .packet_in = on_packet_in,
    .stray_error = on_stray,
};

static int step(struct ofdriver *d, int wait_ms, struct err *err)
{
    static uint8_t in[1 << 18];
    if (!d->buf.len)
        ofsession_output(d->session, &d->buf, 1 << 17);
    struct pollfd p = {.fd = d->fd, .events = (short)(POLLIN | (d->buf.len ? POLLOUT : 0))};
    if (poll(&p, 1, wait_ms) < 0 && errno != EINTR)
        return err_set(err, ERR_IO, "poll");
    if (p.revents & POLLOUT) {
        ssize_t n = send(d->fd, d->buf.data, d->buf.len, MSG_NOSIGNAL);
        if (n > 0 && (size_t)n == d->buf.len)
            sbuf_clear(&d->buf);
        else if (n > 0)
            sbuf_pull(&d->buf, (size_t)n);
    }
    if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t n = recv(d->fd, in, sizeof in, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            ofsession_lost(d->session);
            return err_set(err, ERR_CLOSED, "closed");
        }
        int r = n > 0 ? ofsession_input(d->session, in, (size_t)n, now_ms(), err) : 0;
        if (r)
            return r;
    }
    return ofsession_run(d->session, now_ms(), err);
}

static int run_until(struct ofdriver *d, const bool *flag, struct err *err)
{
    int r = 0;
    while (!r && !*flag)
        r = step(d, ofsession_deadline(d->session) <= now_ms() ? 0 : 100, err);
    return r;
}

int ofdriver_run(struct ofdriver *d, int ms, const size_t *flag, struct err *err)
{
    int64_t end = now_ms() + ms;
    int r = 0;
    while (!r && now_ms() < end && !(flag && *flag))
        r = step(d, 10, err);
    return r;
}

int ofdriver_open(struct ofdriver *d, const char *path, const struct ofsession_config *config,
                  struct err *err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    memset(d, 0, sizeof *d);
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
    d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&sa, sizeof sa)) {
        if (d->fd >= 0)
            close(d->fd);
        d->fd = -1;
        return err_set(err, ERR_IO, "connect to %s: %s", path, strerror(errno));
    }
    fcntl(d->fd, F_SETFL, O_NONBLOCK);
    d->session = ofsession_new(config, &events, d, now_ms());
    return run_until(d, &d->ready, err);
}

static void drop_rows(struct ofdriver *d)
{
    for (size_t i = 0; i < d->rows.n; i++)
        mem_free((void *)(uintptr_t)d->rows.v[i].key.p);
    VEC_DONE(&d->rows);
}

void ofdriver_close(struct ofdriver *d)
{
    if (d->fd >= 0)
        close(d->fd);
    ofsession_free(d->session);
    sbuf_done(&d->buf);
    sbuf_done(&d->packet_in);
    drop_rows(d);
    d->session = NULL;
    d->fd = -1;
}

int ofdriver_dump(struct ofdriver *d, struct err *err)
{
    drop_rows(d);
    d->dumped = false;
    int r = ofsession_dump(d->session, now_ms());
    return r ? r : run_until(d, &d->dumped, err);
}

int ofdriver_apply(struct ofdriver *d, const struct plan *flow, const struct plan *group,
                   const struct plan *meter, struct err *err)
{
    const struct plan *plans[OFSESSION_N_SPACES] = {flow, group, meter};
    d->applied = false;
    int r = ofsession_apply(d->session, plans, now_ms());
    return r ? r : run_until(d, &d->applied, err);
}

int ofdriver_row_cmp(const void *pa, const void *pb)
{
    const struct ofdriver_row *a = pa, *b = pb;
    if (a->space != b->space)
        return a->space < b->space ? -1 : 1;
    size_t na = a->key.n + a->value.n, nb = b->key.n + b->value.n;
    int r = memcmp(a->key.p, b->key.p, na < nb ? na : nb);
    return r ? r : na < nb ? -1 : na > nb;
}
