/* SPDX-License-Identifier: Apache-2.0
 *
 * Deletions that nobody could serve: one file a container and interface in a folder that belongs to
 * the agent's socket, synced before the runtime is told that the DEL succeeded.  A file is the
 * request as it would have been sent; the agent does these first when it starts. */
#ifndef SEINE_CNI_JOURNAL_H
#define SEINE_CNI_JOURNAL_H

#include "cni/env.h"

/* The folder of the agent that listens at 'socket' (--socket): deletions/ beside the socket.  Where
 * sockets are named pipes: deletions/ in the default run directory, for another pipe X than the
 * default one deletions/X/ there. */
void journal_folder(const char *socket, struct sbuf *out);
/* Writes the request of 'env' into that folder; the file's path goes to 'path_out'.  The same
 * container, interface and folder again replace it. */
int journal_write(const char *folder, const struct cni_env *env, const char *config,
                  struct sbuf *path_out, struct err *err);
/* The same with the request's bytes as they came. */
int journal_write_body(const char *folder, const struct cni_env *env, const void *body, size_t n,
                       struct sbuf *path_out, struct err *err);

#endif
