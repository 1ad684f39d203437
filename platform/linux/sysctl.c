/* SPDX-License-Identifier: Apache-2.0
 *
 * The sysctls that Seine sets: forwarding of both families in its own network namespace.  A value
 * that is right already is not written, so a read-only /proc/sys that was prepared is enough. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/sbuf.h"
#include "platform/linux/link.h"
#include "platform/linux/os.h"
#include "platform/netif.h"

int sysctl_set(const char *proc_sys, const char *name, const char *value, struct err *err)
{
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/%s", proc_sys, name);
    auto_close int fd = open(path.data, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return os_err(err, errno, "%s", path.data);
    }
    char now[32] = "";
    ssize_t n = read(fd, now, sizeof now - 1);
    now[n > 0 ? strcspn(now, "\n") : 0] = 0;
    if (strcmp(now, value) == 0) {
        return 0;
    }
    auto_close int out = open(path.data, O_WRONLY | O_CLOEXEC);
    if (out < 0 || write(out, value, strlen(value)) < 0) {
        return os_err(err, errno, "%s", path.data);
    }
    return 0;
}

int netif_enable_forwarding(const struct netif_forwarding *f, struct err *err)
{
    int rc = sysctl_set(f->proc_sys, "net/ipv4/ip_forward", "1", err);
    if (rc < 0) {
        return rc;
    }
    /* A kernel without IPv6 has nothing to forward. */
    rc = sysctl_set(f->proc_sys, "net/ipv6/conf/all/forwarding", "1", err);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}
