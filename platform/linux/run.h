/* SPDX-License-Identifier: Apache-2.0
 *
 * Running another program to its end. */
#ifndef SEINE_PLATFORM_LINUX_RUN_H
#define SEINE_PLATFORM_LINUX_RUN_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"

enum { RUN_OUTPUT_LIMIT = 16 << 20, RUN_TIMEOUT_MS = 20000 };
/* Runs argv[0] (found by PATH) with 'input' on its stdin; what it writes goes to 'out'.  0 if it
 * ended with status 0; else ERR_REFUSED with the first line it wrote to stderr, ERR_NOT_FOUND (no
 * such program), ERR_TIMEOUT (killed), ERR_TOO_BIG. */
int run_program(const char *const *argv, const char *input, size_t n, struct sbuf *out,
                struct err *err);

#endif
