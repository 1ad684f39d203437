/* SPDX-License-Identifier: Apache-2.0
 *
 * Network namespaces: a thread enters one only to open a socket or write a sysctl there; a socket
 * stays in the namespace it was made in, so everything else is done from outside. */
#include "platform/linux/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/linux/os.h"
#include "platform/netif.h"

#define NETNS_OWN "/proc/thread-self/ns/net"

int netns_open(const char *path, int *fd_out, struct err *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return os_err(err, errno, "network namespace %s", path);
    }
    struct stat there, here;
    int kind = ioctl(fd, NS_GET_NSTYPE);
    if (kind != CLONE_NEWNET || fstat(fd, &there) < 0) {
        return err_set(err, ERR_INVALID, "%s is not a network namespace", path);
    }
    if (stat(NETNS_OWN, &here) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev) {
        return err_set(err, ERR_INVALID, "%s is the node's own network namespace", path);
    }
    *fd_out = os_steal(&fd);
    return 0;
}

int netif_netns_check(const char *netns, struct err *err)
{
    auto_close int fd = -1;
    return netns_open(netns, &fd, err);
}

int netns_run(int ns_fd, int (*fn)(void *aux), void *aux)
{
    if (ns_fd < 0) {
        return fn(aux);
    }
    auto_close int own = open(NETNS_OWN, O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(ns_fd, CLONE_NEWNET) < 0) {
        return errno;
    }
    int os = fn(aux);
    if (setns(own, CLONE_NEWNET) < 0) {
        abort();
    }
    return os;
}
