/* SPDX-License-Identifier: Apache-2.0
 *
 * Checksum offload by the ethtool ioctl.  Open vSwitch's userspace datapath reads raw frames, so a
 * checksum that the stack left to the device would arrive unfinished at the other side. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "platform/linux/link.h"
#include "platform/linux/netns.h"
#include "platform/linux/os.h"

/* Both act in the thread's namespace at the time of the call. */
static int offload_apply(void *aux)
{
    auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
    struct ifreq request;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, aux, strnlen(aux, IFNAMSIZ - 1));
    request.ifr_data = (void *)&off;
    return ioctl(fd, SIOCETHTOOL, &request) < 0 ? errno : 0;
}

int offload_tx_off(int ns_fd, const char *name)
{
    char copy[IFNAMSIZ] = "";
    memcpy(copy, name, strnlen(name, sizeof copy - 1));
    return netns_run(ns_fd, offload_apply, copy);
}
