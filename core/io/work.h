/* SPDX-License-Identifier: Apache-2.0
 *
 * Work: calls that may block, run on a thread of libuv's pool.
 *
 *     work_submit(loop, run, done, aux)
 *
 * 'run' is called on a pool thread and may touch 'aux' alone (plain copies, no shared state, no
 * logging of the loop's); then 'done' is called on the loop thread.  Both are called exactly once,
 * in that order, also while the loop is going down: 'done' frees aux.  Calls run side by side: who
 * needs an order submits the next one from 'done'. */
#ifndef SEINE_IO_WORK_H
#define SEINE_IO_WORK_H

#include <stddef.h>

#include "core/io/loop.h"

typedef void work_fn(void *aux);
void work_submit(struct loop *l, work_fn *run, work_fn *done, void *aux);
/* Calls whose 'done' has not been called yet. */
size_t work_pending(const struct loop *l);

#endif
