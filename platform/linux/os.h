/* SPDX-License-Identifier: Apache-2.0
 *
 * What all of platform/linux shares: descriptors that close themselves, errno to errors. */
#ifndef SEINE_PLATFORM_LINUX_OS_H
#define SEINE_PLATFORM_LINUX_OS_H

#include <errno.h>
#include <unistd.h>

#include "core/base/err.h"

static inline void os_close_cleanup(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}
/* auto_close int fd = open(...); */
#define auto_close PORT_CLEANUP(os_close_cleanup)

/* Takes the descriptor out of an auto_close variable. */
static inline int os_steal(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Makes what happened to the names in the folder of 'path' last. */
int os_sync_folder_of(const char *path, struct err *err);

/* Fills '*err' from an errno value: "CONTEXT: No such file or directory". */
int os_err(struct err *err, int os_errno, const char *fmt, ...) PORT_PRINTF(3, 4);

#endif
