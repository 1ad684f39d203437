/* SPDX-License-Identifier: Apache-2.0
 *
 * `seine-agent render`: the whole derivation without a switch.  Reads a folder of manifests and, if
 * given, a list of attachments, derives, and prints what the node would hold.  Opens no socket,
 * needs no rights, and prints the same bytes on every system. */
#ifndef SEINE_AGENT_RENDER_H
#define SEINE_AGENT_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/engine/engine.h"

/* The subcommand: argv[0] is "render".  Options --objects DIR, --node-name N, --attachments FILE,
 * --platform linux|windows, --repeat N, --help.  Returns the program's exit code: 0, 1 (bad
 * document or file, told on stderr with its place; nothing on stdout), 2 (usage). */
int render_main(int argc, char **argv);

/* The text of the desired flows, groups and meters, each sorted, under "# flows", "# groups",
 * "# meters". */
int render_print(const struct engine *e, struct sbuf *out, struct err *err);
/* One space: a line an entry, sorted; 'installed' chooses the switch's side. */
int render_space(const struct engine *e, int space, bool installed, struct sbuf *out,
                 struct err *err);

/* Puts what a JSON list of {namespace, name, uid, containerID, interface, ofPort, mac,
 * addresses[]} says into TABLE_ATTACHMENT, the first one being the oldest.  ERR_INVALID names the
 * item and the key. */
int render_attachments(const char *json, size_t len, struct store *store, struct err *err);

#endif
