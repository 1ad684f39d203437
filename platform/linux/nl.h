/* SPDX-License-Identifier: Apache-2.0
 *
 * Netlink requests: one socket, one request at a time, the kernel's own words in the error.
 *
 *     struct nl nl;
 *     nl_open(&nl, NETLINK_ROUTE, -1, err);
 *     struct nlmsghdr *h = nl_begin(&nl, RTM_GETLINK, 0);
 *     ... mnl_nlmsg_put_extra_header(h, ...), mnl_attr_put(h, ...)
 *     int os = nl_talk(&nl, h, callback, aux);       0, or an errno value
 *     nl_close(&nl); */
#ifndef SEINE_PLATFORM_LINUX_NL_H
#define SEINE_PLATFORM_LINUX_NL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "core/base/err.h"

enum { NL_OUT_SIZE = 4096, NL_IN_SIZE = 32768, NL_EXT_MAX = 120 };
struct nl {
    struct mnl_socket *s;
    uint32_t seq;
    char ext[NL_EXT_MAX]; /* the kernel's text about the last error, or "" */
    union {
        struct nlmsghdr h;
        char bytes[NL_OUT_SIZE];
    } out;
};

/* Opens a socket of a netlink family in the network namespace 'ns_fd' (-1: the thread's own). */
int nl_open(struct nl *nl, int family, int ns_fd, struct err *err);
void nl_close(struct nl *nl);
#define auto_nl PORT_CLEANUP(nl_close) struct nl

/* Begins a request in the socket's buffer; REQUEST and ACK are added, or DUMP's answer awaited. */
struct nlmsghdr *nl_begin(struct nl *nl, uint16_t type, uint16_t flags);
/* Sends and reads until the answer is whole; 'cb' (may be NULL) gets each message that is neither
 * error nor end.  Returns 0 or an errno value, with nl->ext beside it. */
typedef void nl_message_fn(const struct nlmsghdr *h, void *aux);
int nl_talk(struct nl *nl, const struct nlmsghdr *h, nl_message_fn *cb, void *aux);
/* Sends n bytes of several messages; reads until 'acks' answers came.  The first error counts. */
int nl_talk_batch(struct nl *nl, const void *p, size_t n, unsigned acks);
/* Makes an error of what nl_talk() returned. */
int nl_err(const struct nl *nl, int os_errno, struct err *err, const char *fmt, ...)
    PORT_PRINTF(4, 5);

/* Payload of an attribute of one message, or NULL. */
const struct nlattr *nl_attr(const struct nlmsghdr *h, size_t header_len, uint16_t type);

#endif
