/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: the running process. */
#ifndef SEINE_PLATFORM_PROCESS_H
#define SEINE_PLATFORM_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* Default paths, constant strings. */
const char *process_default_run_dir(void);
const char *process_default_cache_dir(void); /* kept over a boot of the machine */
const char *process_default_ovsdb(void);
/* The agent's local socket (see platform/pipe.h for names): Linux: RUN_DIR/agent.sock; Windows: one
 * pipe's name, whatever the run directory.  The caller frees. */
char *process_default_socket(const char *run_dir);
const char *process_platform(void); /* "linux" or "windows" */
/* One agent a run directory: takes 'path' as lock until the process ends.  ERR_EXISTS with the
 * holder's pid in *pid_out. */
struct process_lock;
int process_lock(const char *path, struct process_lock **out, int *pid_out, struct err *err);
void process_unlock(struct process_lock *l);
/* Numbers (of signal.h) of the signals by which the system asks a program to end: SIGTERM; on
 * Windows also those that the C library and libuv make of Ctrl-Break and of a console that is
 * closed.  At most PROCESS_END_SIGNALS; returns how many. */
enum { PROCESS_END_SIGNALS = 3 };
size_t process_end_signals(int out[PROCESS_END_SIGNALS]);
uint64_t process_rss_kb(void);      /* resident set now */
uint64_t process_peak_rss_kb(void); /* highest so far */
void process_trim_memory(void);     /* gives free heap pages back to the system */
uint64_t process_now_ns(void);      /* monotonic */
uint64_t process_wall_ms(void);     /* since 1970, UTC */
void process_sleep_ms(unsigned ms); /* for programs without a loop */
/* UTF-8, in small letters: as the kubelet makes the name of its Node from it. */
int process_hostname(char *buf, size_t n);

#endif
