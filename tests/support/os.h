/* SPDX-License-Identifier: Apache-2.0
 *
 * What unit tests need of the system they run on. */
#ifndef SEINE_TESTS_SUPPORT_OS_H
#define SEINE_TESTS_SUPPORT_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets a variable of this process; NULL removes it. */
void os_set_variable(const char *name, const char *value);
/* Makes a new empty folder among the system's temporary files; its path, with "/" between names. */
int os_temp_dir(char *path_out, size_t size);
/* Removes a folder with all that is in it. */
void os_remove_tree(const char *path);

int os_process_id(void);
bool os_is_privileged(void); /* root; an administrator in force */
/* Is this Wine?  It claims to do some things that it does not. */
bool os_is_emulated(void);
bool os_exists(const char *path);
/* Single acts on files; 0, or -1 where that is not possible. */
int os_make_dir(const char *path);
int os_remove_dir(const char *path);
int os_remove_file(const char *path);
int os_rename(const char *from, const char *to); /* replaces */
int os_set_size(const char *path, uint64_t size);
int os_make_link(const char *target, const char *path);
int os_make_fifo(const char *path);
int os_give_away(const char *path); /* to another user */
/* May nobody but its owner (Windows: SYSTEM and Administrators) read or write it? */
bool os_is_private(const char *path);

/* Asks this process to end as the system does it: SIGTERM, Ctrl-Break.  False: that is not possible
 * here (no console). */
bool os_ask_to_end(void);

/* Runs this very program again with one argument, and ends it by force. */
struct os_child;
struct os_child *os_child_start(const char *argument);
int os_child_id(const struct os_child *c);
void os_child_kill(struct os_child *c); /* waits for its end, and frees */

#endif
