/* SPDX-License-Identifier: Apache-2.0
 *
 * What unit tests need of the system they run on. */
#ifndef SEINE_TESTS_SUPPORT_OS_H
#define SEINE_TESTS_SUPPORT_OS_H

#include <stddef.h>

/* Sets a variable of this process; NULL removes it. */
void os_set_variable(const char *name, const char *value);
/* Makes a new empty folder among the system's temporary files; its path, with "/" between names. */
int os_temp_dir(char *path_out, size_t size);
/* Removes a folder with all that is in it. */
void os_remove_tree(const char *path);

#endif
