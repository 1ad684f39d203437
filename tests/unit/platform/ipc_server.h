/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's end of a local endpoint for tests of the client's: a unix socket, or the named pipe
 * of platform/pipe.h. */
#ifndef SEINE_TESTS_PLATFORM_IPC_SERVER_H
#define SEINE_TESTS_PLATFORM_IPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipc_server;
/* Listens at 'address' (a path, or a pipe's name); NULL if that is not possible. */
struct ipc_server *ipc_server_new(const char *address);
void ipc_server_free(struct ipc_server *s); /* and its path; NULL is fine */
/* Does the system refuse a second listener of the same name?  (Wine takes the flag for that, and
 * does nothing.) */
bool ipc_server_is_exclusive(void);
/* Who may do what with the endpoint at this path, as the system writes it; false: not known here.
 */
bool ipc_server_rights(const char *path, char *out, size_t size);
/* The next client's handle. */
uint64_t ipc_server_accept(struct ipc_server *s);
bool ipc_server_write(uint64_t client, const void *p, size_t n);
size_t ipc_server_read(uint64_t client, void *p, size_t n);
void ipc_server_drop(uint64_t client);

#endif
