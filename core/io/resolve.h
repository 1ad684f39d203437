/* SPDX-License-Identifier: Apache-2.0
 *
 * The addresses of a host's name, asked of the system on libuv's thread pool. */
#ifndef SEINE_IO_RESOLVE_H
#define SEINE_IO_RESOLVE_H

#include <stddef.h>

#include "core/base/addr.h"
#include "core/base/err.h"
#include "core/io/loop.h"

struct resolve; /* a question that was not answered yet */

enum { RESOLVE_MAX = 16 };
/* The answer, in the system's order of preference, n > 0 and at most RESOLVE_MAX; or why there is
 * none: ERR_NOT_FOUND (no such name), ERR_AGAIN, ERR_IO.  The question is gone. */
typedef void resolve_fn(void *aux, const struct ip *ips, size_t n, const struct err *why);

/* Asks; the answer comes from the loop, also where the name is an address already. */
struct resolve *resolve_start(struct loop *l, const char *name, resolve_fn *answered, void *aux);
/* No answer comes any more.  NULL is fine. */
void resolve_cancel(struct resolve *r);

#endif
