/* SPDX-License-Identifier: Apache-2.0
 *
 * Time for tests on a machine that stands still at times, as a busy one does. */
#ifndef SEINE_TESTS_SUPPORT_PACE_H
#define SEINE_TESTS_SUPPORT_PACE_H

#include <stdint.h>

#include "core/io/loop.h"

/* Runs the loop for so long, not counting time in which this program stood still: for what is not
 * to happen, or to be through, by then. */
void pace_run(struct loop *l, int ms);

/* For what is to happen within a time: how much of it the program stood still, as a thread sees it
 * that does nothing but look at the clock. */
struct pace_watch;
struct pace_watch *pace_watch_start(void);
/* Ends and frees it: milliseconds, stops of less than PACE_STOP_MS left out. */
int64_t pace_watch_end(struct pace_watch *w);
enum { PACE_STOP_MS = 40 };

#endif
