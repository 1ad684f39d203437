/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration file that an agent starts with where nobody wrote one: desired state is the
 * folder "objects" beside it. */
#ifndef SEINE_AGENT_CONFIG_FILE_H
#define SEINE_AGENT_CONFIG_FILE_H

#include "core/base/err.h"
#include "core/base/sbuf.h"

/* What such a file at 'path' says, and which folder it names. */
void config_file_default(const char *path, struct sbuf *text_out, struct sbuf *objects_out);
/* Writes it and makes the folder, if there is no file at 'path'.  Errors of file_write_atomic(). */
int config_file_ensure(const char *path, struct err *err);

#endif
