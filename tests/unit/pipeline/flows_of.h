/* SPDX-License-Identifier: Apache-2.0
 *
 * What an engine wants in the switch, as text without cookies. */
#ifndef SEINE_TESTS_UNIT_PIPELINE_FLOWS_OF_H
#define SEINE_TESTS_UNIT_PIPELINE_FLOWS_OF_H

#include <stdbool.h>

#include "core/engine/engine.h"

/* All flows, a line each, in 'out'. */
void flows_of(struct engine *e, struct sbuf *out);
/* Fails the test if there is no line that begins so (want true), or if there is one (false). */
void expect_flow(struct engine *e, const char *begin, bool want);
/* Lines that contain the text. */
size_t count_flows(struct engine *e, const char *text);

#endif
