/* SPDX-License-Identifier: Apache-2.0
 *
 * The node's own devices: the gateway port made up with its addresses, the uplink's MTU, whether
 * something is there, and taking away what netif made besides Pods' pairs. */
#include "platform/netif.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "core/base/mem.h"
#include "platform/linux/link.h"
#include "platform/linux/nl.h"

bool netif_pod_nic_exists(const char *host_name)
{
    return netif_exists(host_name);
}

bool netif_exists(const char *host_name)
{
    auto_nl nl;
    struct link_info link;
    return nl_open(&nl, NETLINK_ROUTE, -1, NULL) == 0 && link_get(&nl, host_name, &link) == 0;
}

/* Addresses of a device against those it should have. */
struct netif_wanted {
    const struct netif_device *dev;
    int index;
    bool *present; /* by position in dev->addresses */
    struct prefix extra[32];
    size_t n_extra;
};

static void netif_wanted_see(const struct link_address *a, void *aux)
{
    struct netif_wanted *w = aux;
    if (a->index != w->index || a->link_local) {
        return;
    }
    for (size_t i = 0; i < w->dev->n_addresses; i++) {
        if (prefix_equal(&a->prefix, &w->dev->addresses[i])) {
            w->present[i] = true;
            return;
        }
    }
    if (w->n_extra < ARRAY_LEN(w->extra)) {
        w->extra[w->n_extra++] = a->prefix;
    }
}

static int netif_device_address_set(struct nl *nl, const struct netif_device *dev, int index,
                                    struct err *err)
{
    auto_free bool *present = mem_calloc(dev->n_addresses + 1, sizeof *present);
    struct netif_wanted w = {.dev = dev, .index = index, .present = present};
    int os = link_address_each(nl, netif_wanted_see, &w);
    for (size_t i = 0; !os && i < w.n_extra; i++) {
        os = link_address_del(nl, index, &w.extra[i]);
        os = os == EADDRNOTAVAIL ? 0 : os;
    }
    for (size_t i = 0; !os && i < dev->n_addresses; i++) {
        os = present[i] ? 0 : link_address_add(nl, index, &dev->addresses[i]);
    }
    return os ? nl_err(nl, os, err, "addresses of %s", dev->name) : 0;
}

int netif_device_set(const struct netif_device *dev, struct err *err)
{
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    struct link_info link;
    int os = link_get(&nl, dev->name, &link);
    if (os) {
        return nl_err(&nl, os, err, "interface %s", dev->name);
    }
    if (dev->userspace_datapath) {
        os = offload_tx_off(-1, dev->name);
        if (os && os != EOPNOTSUPP) {
            return nl_err(&nl, os, err, "checksum offload of %s", dev->name);
        }
    }
    static const struct mac none;
    bool set_mac = memcmp(&dev->mac, &none, sizeof none) != 0 &&
                   memcmp(&dev->mac, &link.mac, sizeof none) != 0;
    struct link_change change = {
        .mtu = dev->mtu != link.mtu ? dev->mtu : 0,
        .mac = set_mac ? &dev->mac : NULL,
        .up = !link.up,
    };
    os = change.mtu || change.mac || change.up ? link_change(&nl, link.index, &change) : 0;
    if (os) {
        return nl_err(&nl, os, err, "interface %s", dev->name);
    }
    return netif_device_address_set(&nl, dev, link.index, err);
}

/* Which interface holds an address, and which one leads to the world. */
struct netif_search {
    const struct ip *address;
    int holder, uplink;
    uint32_t metric;
};

static void netif_search_address(const struct link_address *a, void *aux)
{
    struct netif_search *s = aux;
    if (ip_equal(&a->prefix.ip, s->address)) {
        s->holder = a->index;
    }
}

static void netif_search_route(const struct link_route *r, void *aux)
{
    struct netif_search *s = aux;
    if (r->dst.len == 0 && r->index && (!s->uplink || r->metric < s->metric)) {
        s->uplink = r->index;
        s->metric = r->metric;
    }
}

int netif_mtu_of_address(const struct ip *address, uint32_t *mtu_out, struct err *err)
{
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    struct netif_search s = {.address = address};
    int os = address && address->family ? link_address_each(&nl, netif_search_address, &s) : 0;
    if (!os && !s.holder) {
        os = link_route_each(&nl, netif_search_route, &s);
    }
    int index = s.holder ? s.holder : s.uplink;
    if (!os && !index) {
        return err_set(err, ERR_NOT_FOUND, "no interface has the node's address or leads outside");
    }
    struct link_info link = {0};
    os = os ? os : link_get_index(&nl, index, &link);
    if (os) {
        return nl_err(&nl, os, err, "MTU of the uplink");
    }
    *mtu_out = link.mtu;
    return 0;
}

int netif_cleanup(struct err *err)
{
    return guard_remove_all(err);
}
