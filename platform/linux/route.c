/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes and neighbours to other nodes' Pods, by rtnetlink.  Ours carry ROUTE_PROTOCOL as their
 * protocol and (routes) as their metric, so that neither replacing nor removing one can meet a
 * route that somebody else made to the same place. */
#include "platform/route.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "platform/linux/link.h"
#include "platform/route_row.h"

static int route_set_route(struct nl *nl, const struct route_row *row, int index, bool there)
{
    struct link_route r = {.dst = row->prefix,
                           .gateway = row->via,
                           .index = index,
                           .metric = ROUTE_PROTOCOL,
                           .protocol = ROUTE_PROTOCOL,
                           .onlink = there};
    return there ? link_route_set(nl, &r) : link_route_del(nl, &r);
}

/* Somebody else's neighbour of that address is not removed. */
struct route_find {
    struct ip ip;
    bool ours;
};

static void route_find_see(const struct link_neighbour *n, void *aux)
{
    struct route_find *f = aux;
    f->ours = f->ours || (n->protocol == ROUTE_PROTOCOL && ip_equal(&n->ip, &f->ip));
}

static int route_set_neighbour(struct nl *nl, const struct route_row *row, int index, bool there)
{
    struct link_neighbour n = {
        .index = index, .ip = row->prefix.ip, .mac = row->mac, .protocol = ROUTE_PROTOCOL};
    if (there) {
        return link_neighbour_set(nl, &n);
    }
    struct route_find f = {.ip = row->prefix.ip};
    int os = link_neighbour_each(nl, index, route_find_see, &f);
    return os || !f.ours ? os : link_neighbour_del(nl, &n);
}

int route_set(const char *dev, struct bytes key, struct bytes value, struct err *err)
{
    struct route_row row;
    int rc = route_row_parse(key, value, &row, err);
    if (rc < 0) {
        return rc;
    }
    auto_nl nl;
    rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    bool there = value.n > 0;
    struct link_info link = {0};
    int os = link_get(&nl, there ? row.dev : dev, &link);
    if (!os) {
        os = row.neighbour ? route_set_neighbour(&nl, &row, link.index, there)
                           : route_set_route(&nl, &row, link.index, there);
    }
    bool absent = !there && (os == ESRCH || os == ENOENT || os == ENODEV);
    return os && !absent ? nl_err(&nl, os, err, "%.*s %.*s", (int)key.n, (const char *)key.p,
                                  (int)value.n, there ? (const char *)value.p : "")
                         : 0;
}

struct route_dump {
    int index;
    const char *dev;
    route_row_fn *row;
    void *aux;
};

static void route_dump_tell(const struct route_dump *d, struct route_row *row)
{
    (void)strncpy(row->dev, d->dev, sizeof row->dev - 1);
    route_row_tell(row, d->row, d->aux);
}

static void route_dump_route(const struct link_route *r, void *aux)
{
    const struct route_dump *d = aux;
    if (r->protocol == ROUTE_PROTOCOL && r->index == d->index) {
        route_dump_tell(d, &(struct route_row){.prefix = r->dst, .via = r->gateway});
    }
}

static void route_dump_neighbour(const struct link_neighbour *n, void *aux)
{
    if (n->protocol == ROUTE_PROTOCOL) {
        route_dump_tell(aux,
                        &(struct route_row){.neighbour = true, .prefix.ip = n->ip, .mac = n->mac});
    }
}

int route_dump(const char *dev, route_row_fn *row, void *aux, struct err *err)
{
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    struct link_info link;
    int os = link_get(&nl, dev, &link);
    if (os) {
        return nl_err(&nl, os, err, "interface %s", dev);
    }
    struct route_dump d = {.index = link.index, .dev = dev, .row = row, .aux = aux};
    os = link_route_each(&nl, route_dump_route, &d);
    os = os ? os : link_neighbour_each(&nl, link.index, route_dump_neighbour, &d);
    return os ? nl_err(&nl, os, err, "routes of %s", dev) : 0;
}
