/* SPDX-License-Identifier: Apache-2.0
 *
 * What the file acts of ipc.h need alike on every system. */
#ifndef SEINE_PLATFORM_FILE_SHARED_H
#define SEINE_PLATFORM_FILE_SHARED_H

#include <stddef.h>

/* Sorts names in byte order, as file_list() gives them. */
void file_names_sort(char **names, size_t n);

#endif
