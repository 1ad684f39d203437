/* SPDX-License-Identifier: Apache-2.0
 *
 * Network namespaces of a test's own: the process itself moves into a fresh one, the node's; a
 * Pod's belongs to a child that sleeps until it is ended. */
#ifndef SEINE_TESTS_PLATFORM_SANDBOX_H
#define SEINE_TESTS_PLATFORM_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

/* Moves into a new network namespace; false where that is not allowed (then: exit 77). */
bool sandbox_enter(void);

struct sandbox_pod {
    pid_t pid;
    char path[64]; /* of its network namespace */
};
void sandbox_pod_start(struct sandbox_pod *pod);
void sandbox_pod_end(struct sandbox_pod *pod);

/* Output of a shell command run in the node's (pid 0) or a Pod's namespace, in a static buffer. */
const char *sandbox_shell(const struct sandbox_pod *pod, const char *command);

#endif
