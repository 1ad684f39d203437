/* SPDX-License-Identifier: Apache-2.0
 *
 * A Pod's interface: a veth pair whose peer is born in the Pod's network namespace with its name,
 * MAC and MTU.  The host side is made mute before it is up (no ARP answers, no IPv6 address of its
 * own), on the userspace datapath it also gets the ingress guard, so that no frame of the Pod ever
 * meets the node's own stack.  Its alias "seine OWNER" tells later whose it is. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "platform/linux/link.h"
#include "platform/linux/netns.h"
#include "platform/linux/nl.h"
#include "platform/linux/os.h"
#include "platform/linux/reap.h"
#include "platform/netif.h"

#define NETIF_ALIAS "seine "

/* Both sides, while one is made, checked or removed. */
struct netif_pair {
    const struct netif_pod *pod;
    int ns_fd;
    struct nl host, inside;
    struct link_info host_link, pod_link;
};

static void netif_pair_close(struct netif_pair *p)
{
    nl_close(&p->host);
    nl_close(&p->inside);
    os_close_cleanup(&p->ns_fd);
}
#define auto_pair PORT_CLEANUP(netif_pair_close) struct netif_pair

static int netif_pair_open(struct netif_pair *p, const struct netif_pod *pod, struct err *err)
{
    memset(p, 0, sizeof *p);
    p->pod = pod;
    p->ns_fd = -1;
    int rc = netns_open(pod->netns, &p->ns_fd, err);
    if (rc == 0) {
        rc = nl_open(&p->host, NETLINK_ROUTE, -1, err);
    }
    if (rc == 0) {
        rc = nl_open(&p->inside, NETLINK_ROUTE, p->ns_fd, err);
    }
    return rc;
}

/* ---- making ---- */

static int netif_make_pair(struct netif_pair *p, struct err *err)
{
    const struct netif_pod *pod = p->pod;
    struct link_veth veth = {.host = pod->host_name,
                             .peer = pod->pod_name,
                             .peer_ns_fd = p->ns_fd,
                             .mtu = pod->mtu,
                             .peer_mac = pod->mac};
    struct link_info taken;
    if (link_get(&p->inside, pod->pod_name, &taken) == 0) {
        return err_set(err, ERR_EXISTS, "interface %s is there already in %s", pod->pod_name,
                       pod->netns);
    }
    int os = link_create_veth(&p->host, &veth);
    return os ? nl_err(&p->host, os, err, "veth pair %s, %s in %s", pod->host_name, pod->pod_name,
                       pod->netns)
              : 0;
}

static int netif_make_host(struct netif_pair *p, struct err *err)
{
    const struct netif_pod *pod = p->pod;
    int os = link_get(&p->host, pod->host_name, &p->host_link);
    if (os == 0) {
        char alias[LINK_ALIAS_SIZE];
        snprintf(alias, sizeof alias, NETIF_ALIAS "%s", pod->owner ? pod->owner : "");
        struct link_change mute = {.alias = alias, .mute = true};
        os = link_change(&p->host, p->host_link.index, &mute);
    }
    if (os) {
        return nl_err(&p->host, os, err, "interface %s", pod->host_name);
    }
    int rc = pod->userspace_datapath ? guard_add(pod->host_name, err) : 0;
    if (rc < 0) {
        return rc;
    }
    os = link_change(&p->host, p->host_link.index, &(struct link_change){.up = true});
    return os ? nl_err(&p->host, os, err, "interface %s", pod->host_name) : 0;
}

static int netif_allow_ipv6(void *aux)
{
    const struct netif_pod *pod = aux;
    auto_sbuf name = SBUF_INIT;
    sbuf_printf(&name, "net/ipv6/conf/%s/disable_ipv6", pod->pod_name);
    struct err err = {0};
    return sysctl_set(pod->proc_sys ? pod->proc_sys : "/proc/sys", name.data, "0", &err) < 0
               ? (int)err.os_code
               : 0;
}

/* A runtime may have turned IPv6 off in the namespace: this interface is to have it. */
static int netif_add_address(struct netif_pair *p, const struct prefix *address)
{
    int index = p->pod_link.index;
    int os = link_address_add(&p->inside, index, address);
    if (address->ip.family == 6 && (os == EACCES || os == EPERM)) {
        struct netif_pod pod = *p->pod;
        os = netns_run(p->ns_fd, netif_allow_ipv6, &pod);
        os = os ? os : link_address_add(&p->inside, index, address);
    }
    return os;
}

static int netif_make_address(struct netif_pair *p, const struct netif_address *a, struct err *err)
{
    char text[PREFIX_TEXT_MAX];
    int os = netif_add_address(p, &a->address);
    if (os) {
        return nl_err(&p->inside, os, err, "address %s of %s", prefix_format(&a->address, text),
                      p->pod->pod_name);
    }
    struct link_route route = {.dst = {.ip = {.family = a->gateway.family}},
                               .gateway = a->gateway,
                               .index = p->pod_link.index,
                               .protocol = 4 /* RTPROT_STATIC */};
    os = link_route_set(&p->inside, &route);
    return os ? nl_err(&p->inside, os, err, "default route by %s", ip_format(&a->gateway, text))
              : 0;
}

/* A Pod always reaches itself: by the loopback, which a fresh namespace has down. */
static int netif_make_loopback(struct netif_pair *p)
{
    struct link_info lo;
    int os = link_get(&p->inside, "lo", &lo);
    return os || lo.up ? 0 : link_change(&p->inside, lo.index, &(struct link_change){.up = true});
}

static int netif_make_inside(struct netif_pair *p, struct err *err)
{
    const struct netif_pod *pod = p->pod;
    int os = link_get(&p->inside, pod->pod_name, &p->pod_link);
    if (os == 0 && pod->userspace_datapath) {
        os = offload_tx_off(p->ns_fd, pod->pod_name);
    }
    if (os == 0) {
        os = link_change(&p->inside, p->pod_link.index, &(struct link_change){.up = true});
    }
    os = os ? os : netif_make_loopback(p);
    if (os) {
        return nl_err(&p->inside, os, err, "interface %s in %s", pod->pod_name, pod->netns);
    }
    for (size_t i = 0; i < pod->n_addresses; i++) {
        int rc = netif_make_address(p, &pod->addresses[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int netif_pod_create(const struct netif_pod *pod, struct err *err)
{
    auto_pair p;
    int rc = netif_pair_open(&p, pod, err);
    if (rc < 0) {
        return rc;
    }
    rc = netif_make_pair(&p, err);
    if (rc < 0) {
        return rc;
    }
    rc = netif_make_host(&p, err);
    if (rc == 0) {
        rc = netif_make_inside(&p, err);
    }
    if (rc < 0) {
        netif_pod_delete(pod->host_name, NULL);
    }
    return rc;
}

int netif_pod_set_mtu(const char *host_name, uint32_t mtu, struct err *err)
{
    (void)mtu;
    return err_set(err, ERR_UNSUPPORTED, "interface %s was made with its MTU", host_name);
}

/* ---- removing ---- */

int netif_pod_delete(const char *host_name, struct err *err)
{
    int rc = reap_link(host_name, err);
    return rc < 0 ? rc : guard_remove(host_name, err);
}

/* ---- looking ---- */

struct netif_list {
    char alias[LINK_ALIAS_SIZE];
    VEC(char *) names;
};

static void netif_list_see(const struct link_info *link, void *aux)
{
    struct netif_list *l = aux;
    if (strcmp(link->alias, l->alias) == 0) {
        VEC_PUSH(&l->names, mem_strdup(link->name));
    }
}

static int netif_list_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int netif_pod_list(const char *owner, char ***names_out, size_t *n_out, struct err *err)
{
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    struct netif_list l = {.names = VEC_INIT};
    snprintf(l.alias, sizeof l.alias, NETIF_ALIAS "%s", owner ? owner : "");
    int os = link_each(&nl, netif_list_see, &l);
    if (os) {
        for (size_t i = 0; i < l.names.n; i++) {
            mem_free(l.names.v[i]);
        }
        VEC_DONE(&l.names);
        return nl_err(&nl, os, err, "interfaces");
    }
    if (l.names.n) {
        qsort(l.names.v, l.names.n, sizeof *l.names.v, netif_list_order);
    }
    guard_tidy(NULL);
    *names_out = l.names.v;
    *n_out = l.names.n;
    return 0;
}

struct netif_check {
    const struct netif_pod *pod;
    int index;
    unsigned addresses, routes; /* bit i: pod->addresses[i] seen, its default route seen */
};

static void netif_check_address(const struct link_address *a, void *aux)
{
    struct netif_check *c = aux;
    for (size_t i = 0; i < c->pod->n_addresses && i < 32; i++) {
        if (a->index == c->index && prefix_equal(&a->prefix, &c->pod->addresses[i].address)) {
            c->addresses |= 1u << i;
        }
    }
}

static void netif_check_route(const struct link_route *r, void *aux)
{
    struct netif_check *c = aux;
    for (size_t i = 0; i < c->pod->n_addresses && i < 32; i++) {
        if (r->index == c->index && r->dst.len == 0 &&
            ip_equal(&r->gateway, &c->pod->addresses[i].gateway)) {
            c->routes |= 1u << i;
        }
    }
}

static int netif_check_link(const struct link_info *link, const char *where, uint32_t mtu,
                            struct err *err)
{
    if (!link->up) {
        return err_set(err, ERR_CONFLICT, "interface %s %s is down", link->name, where);
    }
    if (link->mtu != mtu) {
        return err_set(err, ERR_CONFLICT, "interface %s %s: MTU is %u, not %u", link->name, where,
                       (unsigned)link->mtu, (unsigned)mtu);
    }
    return 0;
}

/* The first address or route that is missing. */
static int netif_check_missing(const struct netif_check *c, struct err *err)
{
    for (size_t i = 0; i < c->pod->n_addresses && i < 32; i++) {
        const struct netif_address *a = &c->pod->addresses[i];
        char text[PREFIX_TEXT_MAX];
        if (!(c->addresses & 1u << i)) {
            return err_set(err, ERR_CONFLICT, "%s has not address %s", c->pod->pod_name,
                           prefix_format(&a->address, text));
        }
        if (!(c->routes & 1u << i)) {
            return err_set(err, ERR_CONFLICT, "%s has no default route by %s", c->pod->pod_name,
                           ip_format(&a->gateway, text));
        }
    }
    return 0;
}

static int netif_check_ips(struct netif_pair *p, struct err *err)
{
    struct netif_check c = {.pod = p->pod, .index = p->pod_link.index};
    int os = link_address_each(&p->inside, netif_check_address, &c);
    os = os ? os : link_route_each(&p->inside, netif_check_route, &c);
    return os ? nl_err(&p->inside, os, err, "addresses in %s", p->pod->netns)
              : netif_check_missing(&c, err);
}

int netif_pod_check(const struct netif_pod *pod, struct err *err)
{
    auto_pair p;
    int rc = netif_pair_open(&p, pod, err);
    if (rc < 0) {
        return rc;
    }
    if (link_get(&p.host, pod->host_name, &p.host_link)) {
        return err_set(err, ERR_CONFLICT, "interface %s is gone from the node", pod->host_name);
    }
    if (link_get(&p.inside, pod->pod_name, &p.pod_link)) {
        return err_set(err, ERR_CONFLICT, "interface %s is gone from %s", pod->pod_name,
                       pod->netns);
    }
    rc = netif_check_link(&p.host_link, "of the node", pod->mtu, err);
    if (rc == 0) {
        rc = netif_check_link(&p.pod_link, "of the Pod", pod->mtu, err);
    }
    if (rc == 0 && memcmp(&p.pod_link.mac, &pod->mac, sizeof pod->mac) != 0) {
        char has[MAC_TEXT_MAX], wants[MAC_TEXT_MAX];
        return err_set(err, ERR_CONFLICT, "%s: MAC is %s, not %s", pod->pod_name,
                       mac_format(&p.pod_link.mac, has), mac_format(&pod->mac, wants));
    }
    return rc < 0 ? rc : netif_check_ips(&p, err);
}
