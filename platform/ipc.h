/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: the client's end of the agent's local socket (Linux: unix socket; Windows:
 * named pipe), blocking, for the short-lived programs seine-cni and seinectl; and small file acts.
 */
#ifndef SEINE_PLATFORM_IPC_H
#define SEINE_PLATFORM_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct ipc; /* a connection */
/* 'address' is any name that platform/pipe.h knows.  ERR_INVALID (no name), ERR_NOT_FOUND (no such
 * socket), ERR_REFUSED (nobody listens; Linux), ERR_PERMISSION (also: Windows, the pipe is not one
 * of an administrator), ERR_TIMEOUT. */
int ipc_connect(const char *address, unsigned timeout_ms, struct ipc **out, struct err *err);
/* Sends all / reads up to n (0: the peer closed).  Both within timeout_ms. ERR_TIMEOUT, ERR_CLOSED.
 */
int ipc_write(struct ipc *c, const void *p, size_t n, unsigned timeout_ms, struct err *err);
int ipc_read(struct ipc *c, void *p, size_t n, unsigned timeout_ms, size_t *n_out, struct err *err);
void ipc_close(struct ipc *c);

/* Paths are UTF-8, and on Windows of any length; both separators serve there.  What is made is
 * private: modes 0600 and 0700; Windows: SYSTEM and Administrators alone.
 *
 * Writes a whole file by temporary name, sync and rename.  Makes missing folders. */
int file_write_atomic(const char *path, const void *p, size_t n, struct err *err);
/* The same of a text that comes in pieces: 'next' gives one after the other, valid until it is
 * called again, and 0 bytes at the end. */
typedef size_t file_piece_fn(void *aux, const void **p_out);
int file_write_pieces(const char *path, file_piece_fn *next, void *aux, struct err *err);
/* Appends to a file (made if absent), without syncing: for hints that may be lost
 * with the machine, but not with the process. */
int file_append(const char *path, const void *p, size_t n, struct err *err);
/* Whole file, at most 'limit' bytes (ERR_TOO_BIG); NUL-terminated; the caller frees. */
int file_read(const char *path, size_t limit, char **out, size_t *n_out, struct err *err);
int file_remove(const char *path, struct err *err); /* absent is success */
/* Names in a folder, sorted in byte order, without "." and ".."; the caller frees each and the
 * array.  ERR_NOT_FOUND. */
int file_list(const char *dir, char ***names_out, size_t *n_out, struct err *err);
/* Is the last part of 'path' spelled as the folder has it?  Where case does not count (Windows) a
 * file answers to other spellings too.  On Linux always true. */
bool file_is_spelled(const char *path);
/* The path as other libraries must give it to the system, which cuts long ones on Windows; the
 * caller frees. */
char *file_system_path(const char *path);
int dir_make(const char *path, struct err *err); /* with parents; existing is success */
/* The same, and the folder must not belong to a stranger who made it first: ERR_PERMISSION. (Linux:
 * somebody else than root or this user; Windows: than SYSTEM, Administrators or this user, and the
 * rights of a folder that was there are set, as all below "ProgramData" let everybody in.) */
int dir_make_private(const char *path, struct err *err);

#endif
