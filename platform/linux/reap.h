/* SPDX-License-Identifier: Apache-2.0
 *
 * Removing an interface without waiting for the kernel's last grace period.  RTM_DELLINK takes the
 * interface out of its namespace within two milliseconds, but its sender then waits some twenty
 * more for the memory behind it to be unused.  Nobody who asks for a removal cares for that. */
#ifndef SEINE_PLATFORM_LINUX_REAP_H
#define SEINE_PLATFORM_LINUX_REAP_H

#include "core/base/err.h"

/* At most so many removals wait for the kernel in threads of their own; further ones wait here. */
enum { REAP_MAX = 32 };

/* Removes an interface of the thread's network namespace; returns when no interface has the name.
 * Absent is success.  Else the kernel's error. */
int reap_link(const char *name, struct err *err);

#endif
