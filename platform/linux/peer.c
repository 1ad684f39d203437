/* SPDX-License-Identifier: Apache-2.0
 *
 * The credentials of a unix socket's peer, as the kernel kept them when it connected. */
#include "platform/peer.h"

#include <errno.h>
#include <sys/socket.h>

#include "platform/linux/os.h"

int peer_check_root(uint64_t os_handle, struct err *err)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt((int)os_handle, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0) {
        return os_err(err, errno, "peer credentials");
    }
    if (peer.uid != 0) {
        return err_set(err, ERR_PERMISSION, "user %ld (process %ld) is not root", (long)peer.uid,
                       (long)peer.pid);
    }
    return 0;
}
