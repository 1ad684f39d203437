/* SPDX-License-Identifier: Apache-2.0
 *
 * The standard output of a program that prints something and ends. */
#ifndef SEINE_BASE_OUTPUT_H
#define SEINE_BASE_OUTPUT_H

#include <stddef.h>

/* Writes it all, and flushes.  0; or 1, an exit code, after one line on stderr that says why not:
 * "PROGRAM: standard output cannot be written: exhausted (28)". */
int output_put(const char *program, const char *text, size_t n);

#endif
