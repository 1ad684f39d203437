/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of core/io share about the loop, and nobody else sees: libuv's own loop, and the
 * one translation of libuv's errors. */
#ifndef SEINE_IO_LOOP_UV_H
#define SEINE_IO_LOOP_UV_H

#include <stddef.h>
#include <uv.h>

#include "core/io/loop.h"

struct loop_ending { /* something that ends by itself soon, but at once when the loop goes down */
    struct loop_ending *next, *prev;
    void (*abandon)(struct loop_ending *e); /* takes itself off the list */
};

struct loop {
    uv_loop_t uv;
    uv_idle_t idle;   /* active while something is deferred: the poll does not block */
    uv_check_t check; /* runs what is deferred, after the poll */
    uv_timer_t once;  /* bounds loop_run_once() */
    uv_signal_t pipe; /* writes to a closed socket fail with EPIPE, and no more */
    struct loop_deferred *deferred, **deferred_tail;
    struct loop_ending ending; /* list head */
    size_t n_work;
    uint64_t polls; /* so far */
    bool going_down;
};

uv_loop_t *loop_uv(struct loop *l);
void loop_ending_add(struct loop *l, struct loop_ending *e);
void loop_ending_remove(struct loop_ending *e);
/* Fills err from a libuv error: "what: no such file or directory". */
int loop_uv_error(struct err *err, int uv_code, const char *what);

#endif
