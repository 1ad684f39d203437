/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes and neighbours to other nodes' Pods, by IP Helper.  Nothing can be marked as ours here, so
 * ours are the routes of our own device whose metric is ROUTE_PROTOCOL, and the permanent
 * neighbours which are their next hops.  A route is known to the system by destination, next hop
 * and device: a changed next hop is a second route, made before the first one goes. */
#include "platform/route.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "platform/route_row.h"
#include "platform/windows/iphelper.h"

struct route_work {
    const struct iphelper *ip;
    NET_LUID luid;
    const char *dev;
};

static bool route_is_ours(const struct route_work *w, const MIB_IPFORWARD_ROW2 *r)
{
    return r->InterfaceLuid.Value == w->luid.Value && r->Metric == ROUTE_PROTOCOL &&
           r->Protocol == (NL_ROUTE_PROTOCOL)MIB_IPPROTO_NETMGMT;
}

static struct prefix route_destination(const MIB_IPFORWARD_ROW2 *r)
{
    struct prefix p = {iphelper_ip(&r->DestinationPrefix.Prefix),
                       r->DestinationPrefix.PrefixLength};
    return p;
}

static bool route_is_next_hop(const struct route_work *w, const MIB_IPFORWARD_TABLE2 *routes,
                              const struct ip *ip)
{
    for (ULONG i = 0; i < routes->NumEntries; i++) {
        struct ip hop = iphelper_ip(&routes->Table[i].NextHop);
        if (route_is_ours(w, &routes->Table[i]) && ip_equal(&hop, ip)) {
            return true;
        }
    }
    return false;
}

/* ---- setting ---- */

/* Removes our routes to the place, but the one by 'keep' (family 0: all of them). */
static DWORD route_remove(const struct route_work *w, const struct prefix *to,
                          const struct ip *keep)
{
    auto_table MIB_IPFORWARD_TABLE2 *routes = NULL;
    DWORD code = w->ip->route_table(to->ip.family == 4 ? AF_INET : AF_INET6, &routes);
    for (ULONG i = 0; code == NO_ERROR && i < routes->NumEntries; i++) {
        const MIB_IPFORWARD_ROW2 *r = &routes->Table[i];
        struct prefix destination = route_destination(r);
        struct ip hop = iphelper_ip(&r->NextHop);
        if (!route_is_ours(w, r) || !prefix_equal(&destination, to) || ip_equal(&hop, keep)) {
            continue;
        }
        code = w->ip->route_delete(r);
        code = code == ERROR_NOT_FOUND ? NO_ERROR : code;
    }
    return code;
}

/* Is the route that exists already ours? */
static bool route_exists(const struct route_work *w, const struct route_row *row)
{
    auto_table MIB_IPFORWARD_TABLE2 *routes = NULL;
    if (w->ip->route_table(row->via.family == 4 ? AF_INET : AF_INET6, &routes) != NO_ERROR) {
        return false;
    }
    for (ULONG i = 0; i < routes->NumEntries; i++) {
        struct prefix to = route_destination(&routes->Table[i]);
        struct ip hop = iphelper_ip(&routes->Table[i].NextHop);
        if (route_is_ours(w, &routes->Table[i]) && prefix_equal(&to, &row->prefix) &&
            ip_equal(&hop, &row->via)) {
            return true;
        }
    }
    return false;
}

static DWORD route_add(const struct route_work *w, const struct route_row *row)
{
    MIB_IPFORWARD_ROW2 r;
    w->ip->route_init(&r);
    r.InterfaceLuid = w->luid;
    r.DestinationPrefix.Prefix = iphelper_sockaddr(&row->prefix.ip);
    r.DestinationPrefix.PrefixLength = row->prefix.len;
    r.NextHop = iphelper_sockaddr(&row->via);
    r.Metric = ROUTE_PROTOCOL;
    r.Protocol = (NL_ROUTE_PROTOCOL)MIB_IPPROTO_NETMGMT;
    DWORD code = w->ip->route_create(&r);
    if (code == ERROR_OBJECT_ALREADY_EXISTS && !route_exists(w, row)) {
        /* It may be a former next hop of ours that stands in the way; or it is somebody else's. */
        code = route_remove(w, &row->prefix, &row->via);
        code = code == NO_ERROR ? w->ip->route_create(&r) : code;
    } else if (code == ERROR_OBJECT_ALREADY_EXISTS) {
        code = NO_ERROR;
    }
    return code == NO_ERROR ? route_remove(w, &row->prefix, &row->via) : code;
}

static MIB_IPNET_ROW2 route_neighbour_row(const struct route_work *w, const struct route_row *row)
{
    MIB_IPNET_ROW2 n;
    memset(&n, 0, sizeof n);
    n.InterfaceLuid = w->luid;
    w->ip->luid_to_index(&w->luid, &n.InterfaceIndex);
    n.Address = iphelper_sockaddr(&row->prefix.ip);
    n.PhysicalAddressLength = sizeof row->mac.b;
    memcpy(n.PhysicalAddress, row->mac.b, sizeof row->mac.b);
    n.State = NlnsPermanent;
    return n;
}

static DWORD route_set_neighbour(const struct route_work *w, const struct route_row *row,
                                 bool there)
{
    MIB_IPNET_ROW2 n = route_neighbour_row(w, row);
    if (!there) {
        return w->ip->neighbour_delete(&n);
    }
    DWORD code = w->ip->neighbour_create(&n);
    return code == ERROR_OBJECT_ALREADY_EXISTS ? w->ip->neighbour_set(&n) : code;
}

static DWORD route_apply(const struct route_work *w, const struct route_row *row, bool there)
{
    static const struct ip none;
    if (row->neighbour) {
        return route_set_neighbour(w, row, there);
    }
    return there ? route_add(w, row) : route_remove(w, &row->prefix, &none);
}

int route_set(const char *dev, struct bytes key, struct bytes value, struct err *err)
{
    struct route_row row;
    struct route_work w = {.dev = dev};
    bool there = value.n > 0;
    int rc = route_row_parse(key, value, &row, err);
    rc = rc < 0 ? rc : iphelper_get(&w.ip, err);
    rc = rc < 0 ? rc : iphelper_device(w.ip, there ? row.dev : dev, &w.luid, err);
    if (rc < 0) {
        return rc == ERR_NOT_FOUND && !there ? 0 : rc;
    }
    DWORD code = route_apply(&w, &row, there);
    bool absent = !there && (code == ERROR_NOT_FOUND || code == ERROR_FILE_NOT_FOUND);
    return code == NO_ERROR || absent
               ? 0
               : os_err(err, code, "%.*s %.*s", (int)key.n, (const char *)key.p, (int)value.n,
                        there ? (const char *)value.p : "");
}

/* ---- dumping ---- */

static void route_tell(const struct route_work *w, struct route_row *row, route_row_fn *fn,
                       void *aux)
{
    snprintf(row->dev, sizeof row->dev, "%s", w->dev);
    route_row_tell(row, fn, aux);
}

static void route_tell_neighbours(const struct route_work *w, const MIB_IPFORWARD_TABLE2 *routes,
                                  const MIB_IPNET_TABLE2 *neighbours, route_row_fn *fn, void *aux)
{
    for (ULONG i = 0; i < neighbours->NumEntries; i++) {
        const MIB_IPNET_ROW2 *n = &neighbours->Table[i];
        struct route_row row = {.neighbour = true, .prefix.ip = iphelper_ip(&n->Address)};
        if (n->InterfaceLuid.Value != w->luid.Value || n->State != NlnsPermanent ||
            n->PhysicalAddressLength != sizeof row.mac.b ||
            !route_is_next_hop(w, routes, &row.prefix.ip)) {
            continue;
        }
        memcpy(row.mac.b, n->PhysicalAddress, sizeof row.mac.b);
        route_tell(w, &row, fn, aux);
    }
}

int route_dump(const char *dev, route_row_fn *fn, void *aux, struct err *err)
{
    struct route_work w = {.dev = dev};
    int rc = iphelper_get(&w.ip, err);
    rc = rc < 0 ? rc : iphelper_device(w.ip, dev, &w.luid, err);
    if (rc < 0) {
        return rc;
    }
    auto_table MIB_IPFORWARD_TABLE2 *routes = NULL;
    auto_table MIB_IPNET_TABLE2 *neighbours = NULL;
    DWORD code = w.ip->route_table(AF_UNSPEC, &routes);
    code = code == NO_ERROR ? w.ip->neighbour_table(AF_UNSPEC, &neighbours) : code;
    if (code != NO_ERROR) {
        return os_err(err, code, "routes of %s", dev);
    }
    for (ULONG i = 0; i < routes->NumEntries; i++) {
        const MIB_IPFORWARD_ROW2 *r = &routes->Table[i];
        struct route_row row = {.prefix = route_destination(r), .via = iphelper_ip(&r->NextHop)};
        if (route_is_ours(&w, r)) {
            route_tell(&w, &row, fn, aux);
        }
    }
    route_tell_neighbours(&w, routes, neighbours, fn, aux);
    return 0;
}
