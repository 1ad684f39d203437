/* SPDX-License-Identifier: Apache-2.0
 *
 * Network namespaces of Linux: opening one by its path, and doing one thing inside. */
#ifndef SEINE_PLATFORM_LINUX_NETNS_H
#define SEINE_PLATFORM_LINUX_NETNS_H

#include "core/base/err.h"

/* Descriptor of the namespace at 'path', which must not be the thread's own.  ERR_NOT_FOUND,
 * ERR_INVALID (not a network namespace, or the node's own), ERR_PERMISSION. */
int netns_open(const char *path, int *fd_out, struct err *err);
/* Calls fn(aux) with the calling thread in namespace 'ns_fd' (-1: where it is) and brings it back;
 * returns what fn returned, or an errno value.  A thread that cannot be brought back ends the
 * process: it would act on a Pod's network as if it were the node's. */
int netns_run(int ns_fd, int (*fn)(void *aux), void *aux);

#endif
