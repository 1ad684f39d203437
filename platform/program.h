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
/* Where this process finds what its Pod has mounted at 'path' ("/var/run/..."): a copy.  Linux:
 * there. Windows: below CONTAINER_SANDBOX_MOUNT_POINT, where a HostProcess container has its mounts
 * with every containerd; if nothing is there, on drive C, where containerd 1.7 and later show them
 * too. */
char *program_mounted(const char *path);

#endif
