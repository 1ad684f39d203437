/* SPDX-License-Identifier: Apache-2.0
 *
 * The two files by which a container runtime finds Seine: the CNI program in the folder of
 * --cni-bin-dir, placed by `seine-agent install-cni` before the agent starts, and the network
 * configuration --cni-config, which the agent writes when it is ready for the first time (a runtime
 * that finds it calls the plugin at once) and looks after from then on (agent_files.c).  Both are
 * placed whole (temporary name, sync, rename), both are taken away last, by `seine-agent cleanup`,
 * which no agent outlives.  An option that is not set means that Seine does not see to that
 * file. */
#ifndef SEINE_AGENT_CNI_FILES_H
#define SEINE_AGENT_CNI_FILES_H

#include "core/agent/options.h"

/* The text of the network configuration. */
void cni_files_config(const struct options *o, struct sbuf *out);

/* The verb install-cni; returns the exit code. */
int cni_files_install(const struct options *o);
/* Writes the network configuration unless it is there already as it should be; 'found_out' is what
 * was there in its place. */
enum cni_files_found { CNI_FILES_RIGHT, CNI_FILES_ABSENT, CNI_FILES_OTHER };
int cni_files_write_config(const struct options *o, enum cni_files_found *found_out,
                           struct err *err);
/* The folder that the network configuration lies in; the caller frees. */
char *cni_files_config_folder(const struct options *o);
/* A configuration of somebody else's in the same folder that the runtime takes in place of Seine's,
 * since it is the first in byte order: its name, which the caller frees; NULL: none. */
char *cni_files_preferred(const struct options *o);
/* The program's path, which the caller frees, if it is known to be gone; NULL: it is there, or its
 * folder cannot be seen from here (a container without that mount), or is not Seine's to see to. */
char *cni_files_lost_program(const struct options *o);
/* The configuration first, so that no runtime calls a program that is gone. */
int cni_files_remove(const struct options *o, struct err *err);

#endif
