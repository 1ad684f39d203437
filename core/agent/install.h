/* SPDX-License-Identifier: Apache-2.0
 *
 * `seine-agent install|uninstall|upgrade|status|check`: puts Seine on a Windows node and takes it
 * away again.  One line a requirement or step on stdout, "ok|fail|skip|would NAME: DETAIL", or the
 * same as one JSON list of kind StepList.
 *
 *   ok     it is so, or was done         fail   it is not so, or could not be done
 *   skip   nothing was to be done, or it could not be seen
 *   would  --dry-run: would be done
 *
 * Exit codes: 0 all done, 1 something failed (what had been done was put back, and the last line
 * says so), 2 wrong usage. */
#ifndef SEINE_AGENT_INSTALL_H
#define SEINE_AGENT_INSTALL_H

#include <stdbool.h>

#include "core/base/sbuf.h"

bool install_is_verb(const char *word);
/* argv[0] is the verb. */
int install_main(int argc, char **argv);
/* The text of --help. */
void install_help(struct sbuf *out);

#endif
