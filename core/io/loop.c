/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop on libuv: see loop.h.  Each handle struct embeds its uv handle; freeing closes the
 * handle, and libuv's close callback, one turn later, frees the memory.  Deferred callbacks are a
 * list of our own, run after the poll of the turn. */
#include "core/io/loop.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <uv.h>

#include "core/base/mem.h"
#include "core/io/loop_uv.h"
#include "platform/ipc.h"
#include "platform/process.h"

/* SIGPIPE has no name where the system has no such signal; a watcher of that number then merely
 * never fires. */
enum { LOOP_SIGPIPE = 13, LOOP_NS_PER_MS = 1000000 };
/* A timer that is later than this was held up. */
enum { LOOP_PUNCTUAL_MS = 2 };
enum { LOOP_WAIT_TURN_MS = 50 }; /* what is waited for may come by itself */

struct loop_timer {
    uv_timer_t uv;
    struct loop *loop;
    loop_fn *fn;
    void *aux;
    int64_t when, due; /* asked for; set, which is not in the past */
    /* of a limit */
    bool limit, up;       /* its time is up */
    int64_t more;         /* what may still be given */
    uint64_t up_at_polls; /* the loop's when it was up */
};
struct loop_deferred {
    struct loop *loop;
    struct loop_deferred *next, **prev; /* prev == NULL: not scheduled */
    loop_fn *fn;
    void *aux;
};
struct loop_wakeup {
    uv_async_t uv;
    loop_fn *fn;
    void *aux;
};
struct loop_signal {
    uv_signal_t uv[PROCESS_END_SIGNALS];
    size_t n;      /* of them that are in use */
    size_t n_open; /* of them that libuv still has */
    loop_fn *fn;
    void *aux;
};
struct loop_watch {
    uv_fs_event_t uv;
    loop_fn *fn;
    loop_name_fn *named; /* in place of fn, NULL: none */
    bool ended;          /* by an error */
    char *self;          /* the folder's own name, which libuv gives for the folder itself */
    void *aux;
};

static void loop_idle_cb__(uv_idle_t *idle)
{
    (void)idle;
}

static void loop_once_cb__(uv_timer_t *timer)
{
    (void)timer;
}

static void loop_pipe_cb__(uv_signal_t *handle, int number)
{
    (void)handle;
    (void)number;
}

static void loop_check_cb__(uv_check_t *check);

struct loop *loop_new(void)
{
    struct loop *l = mem_calloc(1, sizeof *l);
    int rc = uv_loop_init(&l->uv);
    assert(rc == 0);
    (void)rc;
    l->deferred_tail = &l->deferred;
    l->ending.next = l->ending.prev = &l->ending;

    uv_idle_init(&l->uv, &l->idle);
    uv_check_init(&l->uv, &l->check);
    uv_check_start(&l->check, loop_check_cb__);
    uv_unref((uv_handle_t *)&l->check);
    uv_timer_init(&l->uv, &l->once);
    uv_signal_init(&l->uv, &l->pipe);
    uv_signal_start(&l->pipe, loop_pipe_cb__, LOOP_SIGPIPE);
    uv_unref((uv_handle_t *)&l->pipe);
    return l;
}

void loop_free(struct loop *l)
{
    if (!l) {
        return;
    }
    l->going_down = true;
    while (l->ending.next != &l->ending) {
        l->ending.next->abandon(l->ending.next);
    }
    uv_run(&l->uv, UV_RUN_DEFAULT); /* work and closing handles come to their end */
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->once, NULL);
    uv_close((uv_handle_t *)&l->pipe, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&l->uv);
    assert(rc == 0 && "a handle was not freed before the loop");
    (void)rc;
    mem_free(l);
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_run_once(struct loop *l, unsigned max_ms)
{
    uv_update_time(&l->uv);
    uv_timer_start(&l->once, loop_once_cb__, max_ms, 0);
    uv_run(&l->uv, UV_RUN_ONCE);
    uv_timer_stop(&l->once);
}

int64_t loop_now(struct loop *l)
{
    (void)l;
    return (int64_t)(uv_hrtime() / LOOP_NS_PER_MS);
}

uint64_t loop_now_ns(void)
{
    return uv_hrtime();
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

/* ---- timers ---- */

static void loop_timer_cb__(uv_timer_t *uv);

static void loop_timer_set__(struct loop_timer *t, int64_t delay_ms)
{
    t->due = loop_now(t->loop) + delay_ms;
    uv_update_time(&t->loop->uv);
    uv_timer_start(&t->uv, loop_timer_cb__, (uint64_t)delay_ms, 0);
}

/* A limit's time is up.  Whether it waits on, for what came meanwhile or because it was held up. */
static bool loop_limit_waits__(struct loop_timer *t)
{
    int64_t held = loop_now(t->loop) - t->due;
    int64_t more = held <= LOOP_PUNCTUAL_MS ? 0 : held < t->more ? held : t->more;
    if (!t->up) {
        t->up = true;
        t->up_at_polls = t->loop->polls;
    } else if (more == 0 && t->up_at_polls != t->loop->polls) {
        t->up = false;
        return false;
    }
    t->more -= more;
    loop_timer_set__(t, more > 0 ? more : 1);
    return true;
}

static void loop_timer_cb__(uv_timer_t *uv)
{
    struct loop_timer *t = CONTAINER_OF(uv, struct loop_timer, uv);
    if (!t->limit || !loop_limit_waits__(t)) {
        t->fn(t->aux);
    }
}

static void loop_timer_closed__(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF(handle, struct loop_timer, uv));
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *aux)
{
    struct loop_timer *t = mem_calloc(1, sizeof *t);
    uv_timer_init(&l->uv, &t->uv);
    t->loop = l;
    t->fn = fn;
    t->aux = aux;
    return t;
}

struct loop_timer *loop_limit_new(struct loop *l, loop_fn *fn, void *aux)
{
    struct loop_timer *t = loop_timer_new(l, fn, aux);
    t->limit = true;
    return t;
}

static void loop_wait_over__(void *aux)
{
    *(bool *)aux = true;
}

bool loop_wait(struct loop *l, bool (*come)(const void *aux), const void *aux, int64_t limit_ms)
{
    bool over = false;
    struct loop_timer *limit = loop_limit_new(l, loop_wait_over__, &over);
    loop_timer_after(limit, limit_ms);
    while (!come(aux) && !over) {
        loop_run_once(l, LOOP_WAIT_TURN_MS);
    }
    loop_timer_free(limit);
    return come(aux);
}

void loop_timer_free(struct loop_timer *t)
{
    if (t) {
        uv_close((uv_handle_t *)&t->uv, loop_timer_closed__);
    }
}

void loop_timer_after(struct loop_timer *t, int64_t delay_ms)
{
    delay_ms = delay_ms > 0 ? delay_ms : 0;
    t->when = loop_now(t->loop) + delay_ms;
    t->up = false;
    t->more = LOOP_LIMIT_MORE_MS;
    loop_timer_set__(t, delay_ms);
}

void loop_timer_at(struct loop_timer *t, int64_t when)
{
    if (when == INT64_MAX) {
        loop_timer_cancel(t);
        return;
    }
    if (t->up && t->when == when) {
        return; /* nothing new: what it was given stands */
    }
    loop_timer_after(t, when - loop_now(t->loop));
    t->when = when;
}

uint32_t loop_timer_late(const struct loop_timer *t)
{
    int64_t late = loop_now(t->loop) - t->due;
    return late <= 0 ? 0 : late < UINT32_MAX ? (uint32_t)late : UINT32_MAX;
}

void loop_timer_cancel(struct loop_timer *t)
{
    t->up = false;
    uv_timer_stop(&t->uv);
}

/* ---- deferred ---- */

struct loop_deferred *loop_deferred_new(struct loop *l, loop_fn *fn, void *aux)
{
    struct loop_deferred *d = mem_calloc(1, sizeof *d);
    d->loop = l;
    d->fn = fn;
    d->aux = aux;
    return d;
}

void loop_deferred_free(struct loop_deferred *d)
{
    if (d) {
        loop_deferred_cancel(d);
        mem_free(d);
    }
}

void loop_deferred_schedule(struct loop_deferred *d)
{
    struct loop *l = d->loop;
    if (d->prev) {
        return;
    }
    d->next = NULL;
    d->prev = l->deferred_tail;
    *l->deferred_tail = d;
    l->deferred_tail = &d->next;
    uv_idle_start(&l->idle, loop_idle_cb__);
}

void loop_deferred_cancel(struct loop_deferred *d)
{
    struct loop *l = d->loop;
    if (!d->prev) {
        return;
    }
    *d->prev = d->next;
    if (d->next) {
        d->next->prev = d->prev;
    } else {
        l->deferred_tail = d->prev;
    }
    d->prev = NULL;
    if (!l->deferred) {
        uv_idle_stop(&l->idle);
    }
}

/* Puts a marker at the end, so that callbacks scheduled meanwhile wait for the next turn. */
static void loop_check_cb__(uv_check_t *check)
{
    struct loop *l = CONTAINER_OF(check, struct loop, check);
    l->polls++;
    if (!l->deferred) {
        return;
    }
    struct loop_deferred marker = {.loop = l};
    loop_deferred_schedule(&marker);
    while (l->deferred != &marker) {
        struct loop_deferred *d = l->deferred;
        loop_deferred_cancel(d);
        d->fn(d->aux);
    }
    loop_deferred_cancel(&marker);
}

/* ---- what ends when the loop does ---- */

void loop_ending_add(struct loop *l, struct loop_ending *e)
{
    e->prev = l->ending.prev;
    e->next = &l->ending;
    e->prev->next = e;
    l->ending.prev = e;
}

void loop_ending_remove(struct loop_ending *e)
{
    if (e->next) {
        e->next->prev = e->prev;
        e->prev->next = e->next;
        e->next = e->prev = NULL;
    }
}

/* ---- wakeups ---- */

static void loop_wakeup_cb__(uv_async_t *uv)
{
    struct loop_wakeup *w = CONTAINER_OF(uv, struct loop_wakeup, uv);
    w->fn(w->aux);
}

static void loop_wakeup_closed__(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF(handle, struct loop_wakeup, uv));
}

struct loop_wakeup *loop_wakeup_new(struct loop *l, loop_fn *fn, void *aux)
{
    struct loop_wakeup *w = mem_calloc(1, sizeof *w);
    int rc = uv_async_init(&l->uv, &w->uv, loop_wakeup_cb__);
    assert(rc == 0);
    (void)rc;
    w->fn = fn;
    w->aux = aux;
    uv_unref((uv_handle_t *)&w->uv);
    return w;
}

void loop_wakeup_free(struct loop_wakeup *w)
{
    if (w) {
        uv_close((uv_handle_t *)&w->uv, loop_wakeup_closed__);
    }
}

void loop_wakeup_send(struct loop_wakeup *w)
{
    uv_async_send(&w->uv);
}

/* ---- signals ---- */

static void loop_signal_cb__(uv_signal_t *uv, int number)
{
    struct loop_signal *s = uv->data;
    (void)number;
    s->fn(s->aux);
}

static void loop_signal_closed__(uv_handle_t *handle)
{
    struct loop_signal *s = handle->data;
    if (--s->n_open == 0) {
        mem_free(s);
    }
}

struct loop_signal *loop_signal_new(struct loop *l, enum loop_signal_kind kind, loop_fn *fn,
                                    void *aux)
{
    struct loop_signal *s = mem_calloc(1, sizeof *s);
    int numbers[PROCESS_END_SIGNALS] = {SIGINT};
    s->n = kind == LOOP_SIGNAL_INT ? 1 : process_end_signals(numbers);
    s->n_open = s->n;
    s->fn = fn;
    s->aux = aux;
    for (size_t i = 0; i < s->n; i++) {
        uv_signal_init(&l->uv, &s->uv[i]);
        s->uv[i].data = s;
        int rc = uv_signal_start(&s->uv[i], loop_signal_cb__, numbers[i]);
        assert(rc == 0);
        (void)rc;
        uv_unref((uv_handle_t *)&s->uv[i]);
    }
    return s;
}

void loop_signal_free(struct loop_signal *s)
{
    for (size_t i = 0; s && i < s->n; i++) {
        uv_close((uv_handle_t *)&s->uv[i], loop_signal_closed__);
    }
}

/* ---- folder watch ---- */

static void loop_watch_cb__(uv_fs_event_t *uv, const char *name, int events, int status)
{
    struct loop_watch *w = CONTAINER_OF(uv, struct loop_watch, uv);
    bool known = !status && name && *name && strcmp(name, w->self);
    (void)events;
    if (status) {
        uv_fs_event_stop(uv); /* it would fail again at once, for ever */
        w->ended = true;
    }
    if (w->named)
        w->named(w->aux, known ? name : NULL);
    else
        w->fn(w->aux);
}

static void loop_watch_closed__(uv_handle_t *handle)
{
    struct loop_watch *w = CONTAINER_OF(handle, struct loop_watch, uv);
    mem_free(w->self);
    mem_free(w);
}

int loop_watch_new(struct loop *l, const char *dir, loop_fn *fn, void *aux, struct loop_watch **out,
                   struct err *err)
{
    struct loop_watch *w = mem_calloc(1, sizeof *w);
    const char *slash = strrchr(dir, '/');
    uv_fs_event_init(&l->uv, &w->uv);
    w->fn = fn;
    w->aux = aux;
    w->self = mem_strdup(slash ? slash + 1 : dir);
    auto_free char *named = file_system_path(dir);
    int rc = uv_fs_event_start(&w->uv, loop_watch_cb__, named, 0);
    if (rc != 0) {
        loop_watch_free(w);
        return loop_uv_error(err, rc, dir);
    }
    *out = w;
    return 0;
}

void loop_watch_name(struct loop_watch *w, loop_name_fn *named)
{
    w->named = named;
}

bool loop_watch_has_ended(const struct loop_watch *w)
{
    return w->ended;
}

void loop_watch_free(struct loop_watch *w)
{
    if (w) {
        uv_close((uv_handle_t *)&w->uv, loop_watch_closed__);
    }
}

/* ---- errors ---- */

static const struct {
    int uv, code;
} loop_uv_codes[] = {
    {UV_ENOENT, ERR_NOT_FOUND},  {UV_ENOTDIR, ERR_NOT_FOUND},    {UV_ECONNREFUSED, ERR_REFUSED},
    {UV_EACCES, ERR_PERMISSION}, {UV_EPERM, ERR_PERMISSION},     {UV_EADDRINUSE, ERR_EXISTS},
    {UV_EEXIST, ERR_EXISTS},     {UV_ETIMEDOUT, ERR_TIMEOUT},    {UV_ECONNRESET, ERR_CLOSED},
    {UV_EPIPE, ERR_CLOSED},      {UV_EOF, ERR_CLOSED},           {UV_ECANCELED, ERR_CLOSED},
    {UV_EINVAL, ERR_INVALID},    {UV_ENAMETOOLONG, ERR_TOO_BIG}, {UV_EMFILE, ERR_EXHAUSTED},
    {UV_ENFILE, ERR_EXHAUSTED},  {UV_ENOMEM, ERR_EXHAUSTED},     {UV_ENOSPC, ERR_EXHAUSTED},
    {UV_EAGAIN, ERR_AGAIN},      {UV_ENOSYS, ERR_UNSUPPORTED},   {UV_ENOTSUP, ERR_UNSUPPORTED},
};

int loop_uv_error(struct err *err, int uv_code, const char *what)
{
    int code = ERR_IO;
    for (size_t i = 0; i < ARRAY_LEN(loop_uv_codes); i++) {
        if (loop_uv_codes[i].uv == uv_code) {
            code = loop_uv_codes[i].code;
        }
    }
    char text[128];
    uv_strerror_r(uv_code, text, sizeof text);
    err_set_os(err, code, -(long long)uv_code, "%s: %s", what, text);
    return code;
}
