/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop: one libuv loop, whose thread owns all state.  Timers, deferred callbacks, signals and
 * folder watches with plain callbacks; libuv itself stays inside core/io.
 *
 * Everything here is called on the loop's thread, but for loop_wakeup_send().  A handle (timer,
 * deferred, wakeup, signal, watch) may be freed at any time, also from its own callback; no
 * callback comes after that.  All handles must be freed before loop_free(). */
#ifndef SEINE_IO_LOOP_H
#define SEINE_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct loop;
typedef void loop_fn(void *aux);

struct loop *loop_new(void);
/* Lets handles that are closing and work under way end (it may block for that), then frees. */
void loop_free(struct loop *l);
/* Runs until loop_stop() or until nothing is left that could call back. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Waits at most max_ms for something to happen, handles it and returns.  For tests and for short
 * programs that wait for a condition; not from within a callback. */
void loop_run_once(struct loop *l, unsigned max_ms);
/* Monotonic milliseconds, as of this moment (not of the turn's start), and nanoseconds. */
int64_t loop_now(struct loop *l);
uint64_t loop_now_ns(void);

/* ---- timers: one shot, set again as often as wanted ---- */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *aux);
void loop_timer_free(struct loop_timer *t); /* NULL is fine */
/* Calls fn at 'when' (loop_now() time; the past: in the next turn).  Replaces an earlier setting.
 * INT64_MAX: never, same as cancel. */
void loop_timer_at(struct loop_timer *t, int64_t when);
void loop_timer_after(struct loop_timer *t, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *t);
/* In its fn: milliseconds by which it was called later than asked for. */
uint32_t loop_timer_late(const struct loop_timer *t);
/* A timer for what another one is to do in time, a peer that should answer: when it calls fn, the
 * loop has looked, after the time was up, for what had come until then.  Where the loop was held up
 * itself, the other one, who may stand on the same machine, has as much time more, at most
 * LOOP_LIMIT_MORE_MS in all. */
struct loop_timer *loop_limit_new(struct loop *l, loop_fn *fn, void *aux);
/* Runs turns until 'come' says true, for what another one is to do within 'limit_ms': a limit as
 * above.  Whether it came.  For short programs; not from within a callback. */
bool loop_wait(struct loop *l, bool (*come)(const void *aux), const void *aux, int64_t limit_ms);
enum { LOOP_LIMIT_MORE_MS = 5000 };

/* ---- deferred: once, in this or the next turn, after the events at hand ---- */
struct loop_deferred;
struct loop_deferred *loop_deferred_new(struct loop *l, loop_fn *fn, void *aux);
void loop_deferred_free(struct loop_deferred *d); /* NULL is fine */
/* Calls fn once soon; asking again before that is the same as once.  A callback that schedules
 * itself runs again in the next turn, after other events had theirs. */
void loop_deferred_schedule(struct loop_deferred *d);
void loop_deferred_cancel(struct loop_deferred *d);

/* ---- wakeups: the one door for other threads ---- */
struct loop_wakeup;
/* Does not keep loop_run() running by itself. */
struct loop_wakeup *loop_wakeup_new(struct loop *l, loop_fn *fn, void *aux);
/* Not while another thread may still send.  NULL is fine. */
void loop_wakeup_free(struct loop_wakeup *w);
/* From any thread: fn is called soon on the loop's thread, once for all sends until then. */
void loop_wakeup_send(struct loop_wakeup *w);

/* ---- signals ---- */
/* TERM is whatever the system asks a program to end by: on Windows Ctrl-Break, and a console that
 * is closed, after which a few seconds are left.  INT is Ctrl-C. */
enum loop_signal_kind { LOOP_SIGNAL_TERM, LOOP_SIGNAL_INT };
struct loop_signal;
/* Does not keep loop_run() running by itself. */
struct loop_signal *loop_signal_new(struct loop *l, enum loop_signal_kind kind, loop_fn *fn,
                                    void *aux);
void loop_signal_free(struct loop_signal *s); /* NULL is fine */

/* ---- folder watch ---- */
struct loop_watch;
/* Calls fn soon after anything in folder 'dir' may have changed (several changes may be one call,
 * a call may be for nothing).  ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO. */
int loop_watch_new(struct loop *l, const char *dir, loop_fn *fn, void *aux, struct loop_watch **out,
                   struct err *err);
/* From now on calls 'named' instead, with the name of what may have changed: an entry of the
 * folder, or NULL (the folder itself, something unknown, or everything).  Names may be missed when
 * very much happens at once: look at the whole folder some time after. */
typedef void loop_name_fn(void *aux, const char *name);
void loop_watch_name(struct loop_watch *w, loop_name_fn *named);
/* Whether the watch came to its end by itself, which is called as a change too (Windows: the folder
 * was removed): it tells no more. */
bool loop_watch_has_ended(const struct loop_watch *w);
void loop_watch_free(struct loop_watch *w); /* NULL is fine */

#endif
