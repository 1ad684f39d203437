/* SPDX-License-Identifier: Apache-2.0
 *
 * Interfaces, addresses, routes and neighbours by rtnetlink (rtnetlink(7), linux/if_link.h). */
#include "platform/linux/link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { LINK_ARP_IGNORE_ALL = 8 };

static uint8_t link_family(const struct ip *ip)
{
    return ip->family == 4 ? AF_INET : ip->family == 6 ? AF_INET6 : AF_UNSPEC;
}

struct ip link_ip(const void *p, size_t n)
{
    struct ip ip = {.family = n == 4 ? 4 : n == 16 ? 6 : 0};
    if (ip.family) {
        memcpy(ip.b, p, n);
    }
    return ip;
}

static void link_put_ip(struct nlmsghdr *h, uint16_t type, const struct ip *ip)
{
    mnl_attr_put(h, type, ip->family == 4 ? 4 : 16, ip->b);
}

static struct ip link_attr_ip(const struct nlattr *a)
{
    return a ? link_ip(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) : (struct ip){0};
}

/* ---- interfaces ---- */

static void link_copy_text(const struct nlattr *a, char *buf, size_t size)
{
    snprintf(buf, size, "%.*s", a ? (int)mnl_attr_get_payload_len(a) : 0,
             a ? (const char *)mnl_attr_get_payload(a) : "");
}

static void link_decode(const struct nlmsghdr *h, struct link_info *out)
{
    const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
    const struct nlattr *mtu = nl_attr(h, sizeof *i, IFLA_MTU);
    const struct nlattr *mac = nl_attr(h, sizeof *i, IFLA_ADDRESS);
    memset(out, 0, sizeof *out);
    out->index = i->ifi_index;
    out->up = i->ifi_flags & IFF_UP;
    out->mtu = mtu ? mnl_attr_get_u32(mtu) : 0;
    if (mac && mnl_attr_get_payload_len(mac) == sizeof out->mac.b) {
        memcpy(out->mac.b, mnl_attr_get_payload(mac), sizeof out->mac.b);
    }
    link_copy_text(nl_attr(h, sizeof *i, IFLA_IFNAME), out->name, sizeof out->name);
    link_copy_text(nl_attr(h, sizeof *i, IFLA_IFALIAS), out->alias, sizeof out->alias);
}

static void link_take(const struct nlmsghdr *h, void *aux)
{
    if (h->nlmsg_type == RTM_NEWLINK) {
        link_decode(h, aux);
    }
}

static struct nlmsghdr *link_begin(struct nl *nl, uint16_t type, uint16_t flags, int index)
{
    struct nlmsghdr *h = nl_begin(nl, type, flags);
    struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);
    i->ifi_family = AF_UNSPEC;
    i->ifi_index = index;
    return h;
}

int link_get(struct nl *nl, const char *name, struct link_info *out)
{
    struct nlmsghdr *h = link_begin(nl, RTM_GETLINK, 0, 0);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    return nl_talk(nl, h, link_take, out);
}

int link_get_index(struct nl *nl, int index, struct link_info *out)
{
    return nl_talk(nl, link_begin(nl, RTM_GETLINK, 0, index), link_take, out);
}

struct link_walk {
    link_fn *fn;
    void *aux;
};

static void link_walk_one(const struct nlmsghdr *h, void *aux)
{
    const struct link_walk *w = aux;
    struct link_info link;
    if (h->nlmsg_type == RTM_NEWLINK) {
        link_decode(h, &link);
        w->fn(&link, w->aux);
    }
}

int link_each(struct nl *nl, link_fn *fn, void *aux)
{
    struct link_walk w = {fn, aux};
    return nl_talk(nl, link_begin(nl, RTM_GETLINK, NLM_F_DUMP, 0), link_walk_one, &w);
}

int link_create_veth(struct nl *nl, const struct link_veth *veth)
{
    struct nlmsghdr *h = link_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
    mnl_attr_put_strz(h, IFLA_IFNAME, veth->host);
    mnl_attr_put_u32(h, IFLA_MTU, veth->mtu);
    struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(h, IFLA_IFNAME, veth->peer);
    mnl_attr_put_u32(h, IFLA_MTU, veth->mtu);
    mnl_attr_put(h, IFLA_ADDRESS, sizeof veth->peer_mac.b, veth->peer_mac.b);
    mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)veth->peer_ns_fd);
    mnl_attr_nest_end(h, peer);
    mnl_attr_nest_end(h, data);
    mnl_attr_nest_end(h, info);
    return nl_talk(nl, h, NULL, NULL);
}

int link_delete(struct nl *nl, const char *name)
{
    struct nlmsghdr *h = link_begin(nl, RTM_DELLINK, 0, 0);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    return nl_talk(nl, h, NULL, NULL);
}

/* Per-family settings of an interface: no answers to ARP, no link-local IPv6 address. */
static void link_put_mute(struct nlmsghdr *h)
{
    struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
    struct nlattr *v4 = mnl_attr_nest_start(h, AF_INET);
    struct nlattr *conf = mnl_attr_nest_start(h, IFLA_INET_CONF);
    mnl_attr_put_u32(h, IPV4_DEVCONF_ARP_IGNORE, LINK_ARP_IGNORE_ALL);
    mnl_attr_nest_end(h, conf);
    mnl_attr_nest_end(h, v4);
    struct nlattr *v6 = mnl_attr_nest_start(h, AF_INET6);
    mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(h, v6);
    mnl_attr_nest_end(h, spec);
}

int link_change(struct nl *nl, int index, const struct link_change *c)
{
    struct nlmsghdr *h = link_begin(nl, RTM_NEWLINK, 0, index);
    if (c->up) {
        struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
        i->ifi_flags = i->ifi_change = IFF_UP;
    }
    if (c->mtu) {
        mnl_attr_put_u32(h, IFLA_MTU, c->mtu);
    }
    if (c->mac) {
        mnl_attr_put(h, IFLA_ADDRESS, sizeof c->mac->b, c->mac->b);
    }
    if (c->alias) {
        mnl_attr_put_str(h, IFLA_IFALIAS, c->alias);
    }
    if (c->mute) {
        link_put_mute(h);
    }
    return nl_talk(nl, h, NULL, NULL);
}

/* ---- addresses ---- */

struct link_address_walk {
    link_address_fn *fn;
    void *aux;
};

static void link_address_walk_one(const struct nlmsghdr *h, void *aux)
{
    const struct link_address_walk *w = aux;
    if (h->nlmsg_type != RTM_NEWADDR) {
        return;
    }
    const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
    const struct nlattr *local = nl_attr(h, sizeof *m, IFA_LOCAL);
    struct link_address a = {
        .index = (int)m->ifa_index,
        .prefix = {.ip = link_attr_ip(local ? local : nl_attr(h, sizeof *m, IFA_ADDRESS)),
                   .len = m->ifa_prefixlen},
        .link_local = m->ifa_scope == RT_SCOPE_LINK,
    };
    if (a.prefix.ip.family) {
        w->fn(&a, w->aux);
    }
}

int link_address_each(struct nl *nl, link_address_fn *fn, void *aux)
{
    struct link_address_walk w = {fn, aux};
    struct nlmsghdr *h = nl_begin(nl, RTM_GETADDR, NLM_F_DUMP);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg));
    return nl_talk(nl, h, link_address_walk_one, &w);
}

static struct nlmsghdr *link_address_begin(struct nl *nl, bool add, int index,
                                           const struct prefix *address)
{
    struct nlmsghdr *h =
        nl_begin(nl, add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
    struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
    m->ifa_family = link_family(&address->ip);
    m->ifa_prefixlen = address->len;
    m->ifa_index = (uint32_t)index;
    if (add && address->ip.family == 6) {
        m->ifa_flags = IFA_F_NODAD;
    }
    link_put_ip(h, IFA_LOCAL, &address->ip);
    link_put_ip(h, IFA_ADDRESS, &address->ip);
    return h;
}

int link_address_add(struct nl *nl, int index, const struct prefix *address)
{
    struct nlmsghdr *h = link_address_begin(nl, true, index, address);
    if (address->ip.family == 4 && address->len < 31) {
        struct ip mask = ip_mask(4, address->len);
        struct ip broadcast = ip_v4(ip_to_v4(&address->ip) | ~ip_to_v4(&mask));
        link_put_ip(h, IFA_BROADCAST, &broadcast);
    }
    return nl_talk(nl, h, NULL, NULL);
}

int link_address_del(struct nl *nl, int index, const struct prefix *address)
{
    return nl_talk(nl, link_address_begin(nl, false, index, address), NULL, NULL);
}

/* ---- routes ---- */

static struct nlmsghdr *link_route_begin(struct nl *nl, bool add, const struct link_route *r)
{
    struct nlmsghdr *h =
        nl_begin(nl, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
    m->rtm_family = link_family(&r->dst.ip);
    m->rtm_dst_len = r->dst.len;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = r->protocol;
    m->rtm_type = RTN_UNICAST;
    m->rtm_scope = add ? (r->gateway.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK) : RT_SCOPE_NOWHERE;
    m->rtm_flags = r->onlink ? RTNH_F_ONLINK : 0;
    if (r->dst.len) {
        struct prefix masked = prefix_masked(&r->dst);
        link_put_ip(h, RTA_DST, &masked.ip);
    }
    if (r->gateway.family) {
        link_put_ip(h, RTA_GATEWAY, &r->gateway);
    }
    if (r->index) {
        mnl_attr_put_u32(h, RTA_OIF, (uint32_t)r->index);
    }
    if (r->metric) {
        mnl_attr_put_u32(h, RTA_PRIORITY, r->metric);
    }
    return h;
}

int link_route_set(struct nl *nl, const struct link_route *r)
{
    return nl_talk(nl, link_route_begin(nl, true, r), NULL, NULL);
}

int link_route_del(struct nl *nl, const struct link_route *r)
{
    return nl_talk(nl, link_route_begin(nl, false, r), NULL, NULL);
}

struct link_route_walk {
    link_route_fn *fn;
    void *aux;
};

static void link_route_walk_one(const struct nlmsghdr *h, void *aux)
{
    const struct link_route_walk *w = aux;
    if (h->nlmsg_type != RTM_NEWROUTE) {
        return;
    }
    const struct rtmsg *m = mnl_nlmsg_get_payload(h);
    bool inet = m->rtm_family == AF_INET || m->rtm_family == AF_INET6;
    if (!inet || m->rtm_table != RT_TABLE_MAIN || m->rtm_type != RTN_UNICAST ||
        (m->rtm_flags & RTM_F_CLONED)) {
        return;
    }
    const struct nlattr *dst = nl_attr(h, sizeof *m, RTA_DST);
    const struct nlattr *oif = nl_attr(h, sizeof *m, RTA_OIF);
    const struct nlattr *metric = nl_attr(h, sizeof *m, RTA_PRIORITY);
    struct link_route r = {
        .dst = {.ip = link_attr_ip(dst), .len = m->rtm_dst_len},
        .gateway = link_attr_ip(nl_attr(h, sizeof *m, RTA_GATEWAY)),
        .index = oif ? (int)mnl_attr_get_u32(oif) : 0,
        .metric = metric ? mnl_attr_get_u32(metric) : 0,
        .protocol = m->rtm_protocol,
    };
    r.dst.ip.family = m->rtm_family == AF_INET ? 4 : 6;
    w->fn(&r, w->aux);
}

int link_route_each(struct nl *nl, link_route_fn *fn, void *aux)
{
    struct link_route_walk w = {fn, aux};
    struct nlmsghdr *h = nl_begin(nl, RTM_GETROUTE, NLM_F_DUMP);
    mnl_nlmsg_put_extra_header(h, sizeof(struct rtmsg));
    return nl_talk(nl, h, link_route_walk_one, &w);
}

/* ---- neighbours ---- */

static struct nlmsghdr *link_neighbour_begin(struct nl *nl, bool add,
                                             const struct link_neighbour *n)
{
    struct nlmsghdr *h =
        nl_begin(nl, add ? RTM_NEWNEIGH : RTM_DELNEIGH, add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    struct ndmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
    m->ndm_family = link_family(&n->ip);
    m->ndm_ifindex = n->index;
    m->ndm_state = NUD_PERMANENT;
    link_put_ip(h, NDA_DST, &n->ip);
    return h;
}

int link_neighbour_set(struct nl *nl, const struct link_neighbour *n)
{
    struct nlmsghdr *h = link_neighbour_begin(nl, true, n);
    mnl_attr_put(h, NDA_LLADDR, sizeof n->mac.b, n->mac.b);
    mnl_attr_put_u8(h, NDA_PROTOCOL, n->protocol);
    return nl_talk(nl, h, NULL, NULL);
}

int link_neighbour_del(struct nl *nl, const struct link_neighbour *n)
{
    return nl_talk(nl, link_neighbour_begin(nl, false, n), NULL, NULL);
}

struct link_neighbour_walk {
    int index;
    link_neighbour_fn *fn;
    void *aux;
};

static void link_neighbour_walk_one(const struct nlmsghdr *h, void *aux)
{
    const struct link_neighbour_walk *w = aux;
    if (h->nlmsg_type != RTM_NEWNEIGH) {
        return;
    }
    const struct ndmsg *m = mnl_nlmsg_get_payload(h);
    const struct nlattr *mac = nl_attr(h, sizeof *m, NDA_LLADDR);
    const struct nlattr *protocol = nl_attr(h, sizeof *m, NDA_PROTOCOL);
    struct link_neighbour n = {
        .index = m->ndm_ifindex,
        .ip = link_attr_ip(nl_attr(h, sizeof *m, NDA_DST)),
        .protocol = protocol ? mnl_attr_get_u8(protocol) : 0,
    };
    if ((w->index && n.index != w->index) || !n.ip.family || !mac ||
        mnl_attr_get_payload_len(mac) != sizeof n.mac.b) {
        return;
    }
    memcpy(n.mac.b, mnl_attr_get_payload(mac), sizeof n.mac.b);
    w->fn(&n, w->aux);
}

int link_neighbour_each(struct nl *nl, int index, link_neighbour_fn *fn, void *aux)
{
    struct link_neighbour_walk w = {index, fn, aux};
    struct nlmsghdr *h = nl_begin(nl, RTM_GETNEIGH, NLM_F_DUMP);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ndmsg));
    return nl_talk(nl, h, link_neighbour_walk_one, &w);
}
