/* SPDX-License-Identifier: Apache-2.0
 *
 * The node agent: wires sources, engine, switch, host, CNI and the local API to one loop. */
#ifndef SEINE_AGENT_AGENT_H
#define SEINE_AGENT_AGENT_H

#include "core/agent/options.h"

/* The file of --cache-dir. */
#define AGENT_CACHE_NAME "api-server.cache"

/* Serves the node until SIGTERM, SIGINT or the service manager's stop.  Returns the program's exit
 * code: 0; 1 (another agent holds the run directory, or something cannot be opened: told on
 * stderr); 2 (an option that only the system can tell to be wrong). */
int agent_run(const struct options *o);

/* Takes away what Seine made on the node.  0; 1 while an agent runs or if something stays. */
int cleanup_run(const struct options *o);

/* Nothing, until SIGTERM or SIGINT: what is left of a Pod whose work is done.  Returns 0. */
int agent_pause(void);

/* Takes the run directory for this process.  ERR_EXISTS names the pid of the agent that has it. */
struct process_lock;
int agent_lock(const struct options *o, struct process_lock **out, struct err *err);

#endif
