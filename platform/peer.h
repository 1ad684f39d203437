/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: who is at the other end of the local socket (Linux: a unix socket's peer
 * credentials; Windows: the pipe client's token). */
#ifndef SEINE_PLATFORM_PEER_H
#define SEINE_PLATFORM_PEER_H

#include <stdint.h>

#include "core/base/err.h"

/* Whether the peer may use the agent's socket: root here (Windows: Administrators, SYSTEM).  0, or
 * ERR_PERMISSION naming the user.  'os_handle' is the connection's descriptor or handle. */
int peer_check_root(uint64_t os_handle, struct err *err);

#endif
