/* SPDX-License-Identifier: Apache-2.0
 *
 * Other programs and threads, for tests that play a container runtime or an agent. */
#ifndef SEINE_TESTS_SUPPORT_SPAWN_H
#define SEINE_TESTS_SUPPORT_SPAWN_H

#include <stdbool.h>

struct spawn {
    const char *program;
    const char *const *arguments; /* those after its name, then NULL; NULL: none */
    const char *const *variables; /* "NAME=value", then NULL: its whole environment; NULL: ours */
    const char *in, *out, *err;   /* files, the last two appended to; NULL: the null device */
};
enum spawn_stop { SPAWN_TERMINATE, SPAWN_INTERRUPT, SPAWN_KILL };

/* NULL if it cannot be run. */
struct spawned *spawn_start(const struct spawn *s);
int spawn_id(const struct spawned *p);
/* SIGTERM, SIGINT and SIGKILL; on Windows Ctrl-Break (for both) and TerminateProcess.  False where
 * the system has no way to say it. */
bool spawn_stop(struct spawned *p, enum spawn_stop how);
/* Waits for its end, and frees: its exit code, -1 if it was ended. */
int spawn_wait(struct spawned *p);
int spawn_run(const struct spawn *s);

struct spawn_thread;
struct spawn_thread *spawn_thread_start(void (*fn)(void *aux), void *aux);
void spawn_thread_join(struct spawn_thread *t);

#endif
