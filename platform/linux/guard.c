/* SPDX-License-Identifier: Apache-2.0
 *
 * The ingress guard.  On the userspace datapath Open vSwitch gets a copy of each frame by a packet
 * socket, and the node's own stack sees the frame too: it would answer the Pod's ARP and forward
 * what it sends, past the switch.  So a netdev table of ours drops, for each Pod's host side,
 * everything at the ingress hook, which comes after packet sockets.
 *
 * One table "seine-guard", one chain an interface, written by nfnetlink in one batch each: a
 * program for that would cost more than the rest of an ADD. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/port.h"
#include "core/base/vec.h"
#include "platform/linux/link.h"

#define GUARD_TABLE "seine-guard"
enum { GUARD_FAMILY = 5 /* NFPROTO_NETDEV */, GUARD_BATCH_SIZE = 2048 };

/* Messages between one begin and one end mark. */
struct guard_batch {
    struct nl *nl;
    char bytes[GUARD_BATCH_SIZE];
    size_t n;
    unsigned acks;
};

static struct nlmsghdr *guard_message(struct guard_batch *b, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(b->bytes + b->n);
    h->nlmsg_type = type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    h->nlmsg_seq = ++b->nl->seq;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
    g->version = NFNETLINK_V0;
    b->acks += flags & NLM_F_ACK ? 1 : 0;
    return h;
}

static void guard_message_done(struct guard_batch *b, const struct nlmsghdr *h)
{
    b->n += (h->nlmsg_len + 3u) & ~3u; /* netlink messages begin at multiples of four */
}

static void guard_mark(struct guard_batch *b, uint16_t type)
{
    struct nlmsghdr *h = guard_message(b, type, 0);
    struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
    g->res_id = htons(NFNL_SUBSYS_NFTABLES);
    guard_message_done(b, h);
}

static struct nlmsghdr *guard_begin(struct guard_batch *b, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *h = guard_message(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
                                       (uint16_t)(flags | NLM_F_ACK));
    struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
    g->nfgen_family = GUARD_FAMILY;
    return h;
}

static void guard_put_table(struct guard_batch *b)
{
    struct nlmsghdr *h = guard_begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    mnl_attr_put_strz(h, NFTA_TABLE_NAME, GUARD_TABLE);
    mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, 0);
    guard_message_done(b, h);
}

static void guard_put_chain(struct guard_batch *b, const char *name)
{
    struct nlmsghdr *h = guard_begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, GUARD_TABLE);
    mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
    struct nlattr *hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
    mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(NF_NETDEV_INGRESS));
    mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl(0));
    mnl_attr_put_strz(h, NFTA_HOOK_DEV, name);
    mnl_attr_nest_end(h, hook);
    mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_DROP));
    mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
    guard_message_done(b, h);
}

/* Closing a socket of nf_tables waits until what was removed last is unused, some ten milliseconds;
 * so each thread keeps its own, of the namespace it was opened in. */
static _Thread_local struct guard_socket {
    struct nl nl;
    bool is_open;
    dev_t dev;
    ino_t ino;
} guard_socket;

static void guard_drop(struct guard_socket *s)
{
    if (s->is_open) {
        nl_close(&s->nl);
    }
    s->is_open = false;
}

static int guard_open(struct guard_batch *b, struct err *err)
{
    struct guard_socket *s = &guard_socket;
    struct stat ns = {0};
    (void)stat("/proc/thread-self/ns/net", &ns);
    memset(b, 0, sizeof *b);
    if (s->is_open && (s->dev != ns.st_dev || s->ino != ns.st_ino)) {
        guard_drop(s);
    }
    if (!s->is_open) {
        int rc = nl_open(&s->nl, NETLINK_NETFILTER, -1, err);
        if (rc < 0) {
            return rc;
        }
        *s =
            (struct guard_socket){.nl = s->nl, .is_open = true, .dev = ns.st_dev, .ino = ns.st_ino};
    }
    b->nl = &s->nl;
    guard_mark(b, NFNL_MSG_BATCH_BEGIN);
    return 0;
}

/* Ends and sends the batch: 0 or an errno value. */
static int guard_commit(struct guard_batch *b)
{
    guard_mark(b, NFNL_MSG_BATCH_END);
    int os = nl_talk_batch(b->nl, b->bytes, b->n, b->acks);
    if (os) {
        guard_drop(&guard_socket); /* answers may be left in it */
    }
    return os;
}

int guard_add(const char *name, struct err *err)
{
    struct guard_batch b;
    int rc = guard_open(&b, err);
    if (rc < 0) {
        return rc;
    }
    guard_put_table(&b);
    guard_put_chain(&b, name);
    int os = guard_commit(&b);
    return os ? nl_err(b.nl, os, err, "ingress guard of %s", name) : 0;
}

/* Absent is success: ENOENT. */
static int guard_delete(uint16_t type, const char *name, struct err *err)
{
    struct guard_batch b;
    int rc = guard_open(&b, err);
    if (rc < 0) {
        return rc;
    }
    struct nlmsghdr *h = guard_begin(&b, type, 0);
    if (name) {
        mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, GUARD_TABLE);
        mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
    } else {
        mnl_attr_put_strz(h, NFTA_TABLE_NAME, GUARD_TABLE);
    }
    guard_message_done(&b, h);
    int os = guard_commit(&b);
    bool absent = os == ENOENT || os == EAFNOSUPPORT || os == EOPNOTSUPP || os == EPROTONOSUPPORT;
    return os && !absent ? nl_err(b.nl, os, err, "ingress guard") : 0;
}

int guard_remove(const char *name, struct err *err)
{
    return guard_delete(NFT_MSG_DELCHAIN, name, err);
}

int guard_remove_all(struct err *err)
{
    return guard_delete(NFT_MSG_DELTABLE, NULL, err);
}

/* ---- guards without an interface ---- */

struct guard_names {
    VEC(char *) names;
};

static void guard_see(const struct nlmsghdr *h, void *aux)
{
    struct guard_names *g = aux;
    const struct nlattr *table = nl_attr(h, sizeof(struct nfgenmsg), NFTA_CHAIN_TABLE);
    const struct nlattr *name = nl_attr(h, sizeof(struct nfgenmsg), NFTA_CHAIN_NAME);
    if (table && name && strcmp(mnl_attr_get_str(table), GUARD_TABLE) == 0) {
        VEC_PUSH(&g->names, mem_strdup(mnl_attr_get_str(name)));
    }
}

int guard_tidy(struct err *err)
{
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_NETFILTER, -1, err);
    if (rc < 0) {
        return rc;
    }
    struct guard_names g = {VEC_INIT};
    struct nlmsghdr *h = nl_begin(&nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP);
    struct nfgenmsg *head = mnl_nlmsg_put_extra_header(h, sizeof *head);
    *head = (struct nfgenmsg){.nfgen_family = GUARD_FAMILY, .version = NFNETLINK_V0};
    (void)nl_talk(&nl, h, guard_see, &g); /* without nf_tables there are none */
    for (size_t i = 0; i < g.names.n; i++) {
        if (rc == 0 && if_nametoindex(g.names.v[i]) == 0) {
            rc = guard_remove(g.names.v[i], err);
        }
        mem_free(g.names.v[i]);
    }
    VEC_DONE(&g.names);
    return rc;
}
