/* SPDX-License-Identifier: Apache-2.0
 *
 * Netlink requests over libmnl.  Answers are matched by sequence number; an error's extended text
 * is kept, since "Invalid argument" alone helps nobody. */
#include "platform/linux/nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "platform/linux/netns.h"
#include "platform/linux/os.h"

struct nl_socket_request {
    int family;
    struct mnl_socket *s;
};

static int nl_socket_open(void *aux)
{
    struct nl_socket_request *r = aux;
    r->s = mnl_socket_open2(r->family, SOCK_CLOEXEC);
    return r->s ? 0 : errno;
}

int nl_open(struct nl *nl, int family, int ns_fd, struct err *err)
{
    nl->s = NULL;
    nl->seq = 0;
    nl->ext[0] = 0;
    struct nl_socket_request r = {.family = family};
    int os = netns_run(ns_fd, nl_socket_open, &r);
    if (os) {
        return os_err(err, os, "netlink socket");
    }
    nl->s = r.s;
    if (mnl_socket_bind(nl->s, 0, MNL_SOCKET_AUTOPID) < 0) {
        int rc = os_err(err, errno, "netlink bind");
        nl_close(nl);
        return rc;
    }
    int on = 1; /* both are comforts: without them an error has less text */
    mnl_socket_setsockopt(nl->s, NETLINK_EXT_ACK, &on, sizeof on);
    mnl_socket_setsockopt(nl->s, NETLINK_CAP_ACK, &on, sizeof on);
    return 0;
}

void nl_close(struct nl *nl)
{
    if (nl->s) {
        mnl_socket_close(nl->s);
        nl->s = NULL;
    }
}

struct nlmsghdr *nl_begin(struct nl *nl, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(nl->out.bytes);
    h->nlmsg_type = type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    if ((flags & NLM_F_DUMP) != NLM_F_DUMP) { /* one bit of it means other things elsewhere */
        h->nlmsg_flags = (uint16_t)(h->nlmsg_flags | NLM_F_ACK);
    }
    h->nlmsg_seq = ++nl->seq;
    return h;
}

/* The kernel's text in an error message: behind the (capped) request that it answers. */
static void nl_keep_text(struct nl *nl, const struct nlmsghdr *h)
{
    if (!(h->nlmsg_flags & NLM_F_ACK_TLVS)) {
        return;
    }
    const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
    size_t skip = sizeof *e;
    if (!(h->nlmsg_flags & NLM_F_CAPPED)) {
        skip += e->msg.nlmsg_len - sizeof e->msg;
    }
    const struct nlattr *text = nl_attr(h, skip, NLMSGERR_ATTR_MSG);
    if (text) {
        snprintf(nl->ext, sizeof nl->ext, "%.*s", (int)mnl_attr_get_payload_len(text),
                 (const char *)mnl_attr_get_payload(text));
    }
}

enum nl_step { NL_MORE, NL_END };

static enum nl_step nl_take(struct nl *nl, const struct nlmsghdr *h, int *os)
{
    if (h->nlmsg_type == NLMSG_DONE) {
        return NL_END;
    }
    if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof(struct nlmsgerr)) {
        return NL_MORE;
    }
    const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
    if (e->error && !*os) {
        *os = -e->error;
        nl_keep_text(nl, h);
    }
    return NL_END;
}

/* Reads datagrams until 'ends' answers ended. */
static int nl_receive(struct nl *nl, unsigned ends, nl_message_fn *cb, void *aux)
{
    union {
        struct nlmsghdr h;
        char bytes[NL_IN_SIZE];
    } in;
    int os = 0;
    while (ends) {
        ssize_t got = mnl_socket_recvfrom(nl->s, in.bytes, sizeof in.bytes);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        int left = (int)got;
        for (const struct nlmsghdr *h = &in.h; mnl_nlmsg_ok(h, left) && ends;
             h = mnl_nlmsg_next(h, &left)) {
            bool control = h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
            if (control) {
                ends -= nl_take(nl, h, &os) == NL_END;
            } else if (cb && h->nlmsg_seq == nl->seq) {
                cb(h, aux);
            }
        }
        if (os) {
            return os; /* a batch that failed answers no more than its errors */
        }
    }
    return os;
}

int nl_talk(struct nl *nl, const struct nlmsghdr *h, nl_message_fn *cb, void *aux)
{
    nl->ext[0] = 0;
    if (mnl_socket_sendto(nl->s, h, h->nlmsg_len) < 0) {
        return errno;
    }
    return nl_receive(nl, 1, cb, aux);
}

int nl_talk_batch(struct nl *nl, const void *p, size_t n, unsigned acks)
{
    nl->ext[0] = 0;
    if (mnl_socket_sendto(nl->s, p, n) < 0) {
        return errno;
    }
    return nl_receive(nl, acks, NULL, NULL);
}

int nl_err(const struct nl *nl, int os_errno, struct err *err, const char *fmt, ...)
{
    char context[ERR_TEXT_MAX / 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    return nl->ext[0] ? os_err(err, os_errno, "%s: %s", context, nl->ext)
                      : os_err(err, os_errno, "%s", context);
}

const struct nlattr *nl_attr(const struct nlmsghdr *h, size_t header_len, uint16_t type)
{
    const char *end = mnl_nlmsg_get_payload_tail(h);
    const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, header_len);
    while (mnl_attr_ok(a, (int)(end - (const char *)a))) {
        if (mnl_attr_get_type(a) == type) {
            return a;
        }
        a = mnl_attr_next(a);
    }
    return NULL;
}
