/* SPDX-License-Identifier: Apache-2.0
 *
 * Deletions that nobody could serve: one file a container and interface in the folder deletions/
 * beside the agent's socket, synced before the runtime is told that the DEL succeeded.  A file is
 * the request as it would have been sent; the agent does these first when it starts. */
#ifndef SEINE_CNI_JOURNAL_H
#define SEINE_CNI_JOURNAL_H

#include "cni/env.h"

/* "DIR/deletions" into 'out'. */
void journal_folder(const char *dir, struct sbuf *out);
/* The folder that holds the file of that path: where the socket is. */
void journal_dir_of(const char *socket, struct sbuf *out);
/* Writes the request of 'env'; the file's path goes to 'path_out'.  The same container, interface
 * and folder again replace it. */
int journal_write(const char *dir, const struct cni_env *env, const char *config,
                  struct sbuf *path_out, struct err *err);
/* The same with the request's bytes as they came. */
int journal_write_body(const char *dir, const struct cni_env *env, const void *body, size_t n,
                       struct sbuf *path_out, struct err *err);

#endif
