/* SPDX-License-Identifier: Apache-2.0
 *
 * What a command of this process prints, on either system. */
#ifndef SEINE_TESTS_SUPPORT_CAPTURE_H
#define SEINE_TESTS_SUPPORT_CAPTURE_H

#include "core/base/sbuf.h"

/* Runs 'command' with argv of the words of 'line' (divided by single spaces); its stdout and stderr
 * go to the buffers, which are emptied first.  Returns what it returned. */
int capture(int (*command)(int argc, char **argv), const char *line, struct sbuf *out,
            struct sbuf *err);

#endif
