/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: what an installer needs to know of the machine, and how it places program
 * files: those may be running, and others than their owner must be able to run them. */
#ifndef SEINE_PLATFORM_SETUP_H
#define SEINE_PLATFORM_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* Whether this process has the rights of an administrator (Windows: elevated; Linux: root). */
bool setup_is_administrator(void);
struct setup_version {
    uint32_t major, minor, build;
};
/* Of the system itself, whatever the program was built for.  ERR_UNSUPPORTED on Linux. */
int setup_system_version(struct setup_version *out, struct err *err);
enum setup_folder {
    SETUP_PROGRAMS, /* Windows: Program Files */
    SETUP_DATA,     /* Windows: ProgramData */
    SETUP_N_FOLDERS
};
/* The caller frees.  ERR_UNSUPPORTED on Linux. */
int setup_folder(enum setup_folder folder, char **out, struct err *err);
/* Full path of the running program; the caller frees. */
int setup_own_program(char **out, struct err *err);
/* The path from the root, of something that need not be there, as it is if it begins there; the
 * caller frees. */
int setup_full_path(const char *path, char **out, struct err *err);
/* Two paths, one file?  False where one of them is not there. */
bool setup_is_same_file(const char *a, const char *b);
bool setup_is_folder(const char *path);

/* The first line (without its end) that "PROGRAM ARG" prints on stdout, at most size - 1 bytes.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_TIMEOUT (it is ended), ERR_PROTOCOL (it printed nothing). */
int setup_ask_program(const char *program, const char *arg, char *out, size_t size,
                      struct err *err);

/* Copies the file's bytes to a name beside 'to', synced, and renames that to 'to': whoever opens
 * 'to' finds the old file or the new one, whole.  Rights are those that the folder gives (Linux:
 * 0755).  A program that runs from 'to' is moved aside to "to.old" first.  ERR_NOT_FOUND (the file
 * or the folder), ERR_PERMISSION, ERR_CONFLICT (in use), ERR_IO. */
int setup_copy_file(const char *from, const char *to, struct err *err);
/* Renames within one folder; replaces, and moves aside, as setup_copy_file() does. */
int setup_move_file(const char *from, const char *to, struct err *err);
/* Removes a file; absent is success, and so is one that runs: it goes when the machine starts
 * again. */
int setup_remove_file(const char *path, struct err *err);
/* Makes a folder with its parents, with the rights that the outermost existing one gives (Linux:
 * 0755).  Existing is success. */
int setup_make_folder(const char *path, struct err *err);
/* Removes an empty folder; absent or not empty is success. */
int setup_remove_folder(const char *path, struct err *err);

#endif
