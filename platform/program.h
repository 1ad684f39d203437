/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: what a program has around it.  Text is UTF-8 with LF on every system. */
#ifndef SEINE_PLATFORM_PROGRAM_H
#define SEINE_PLATFORM_PROGRAM_H

/* The first call of main(): replaces the arguments by UTF-8 (Windows; they live as long as the
 * program) and makes the standard streams carry bytes as they are. */
void program_start(int *argc, char ***argv);
/* An environment variable in UTF-8, NULL if it is not set.  Lives as long as the program. */
const char *program_variable(const char *name);

#endif
