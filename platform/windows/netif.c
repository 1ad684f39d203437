/* SPDX-License-Identifier: Apache-2.0
 *
 * The node's own devices by IP Helper: the gateway port with its addresses and MTU, the uplink's
 * MTU, and forwarding between the two.  What is set here lives as long as the device: the agent
 * sets it again each time it starts. */
#include "platform/netif.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/vec.h"
#include "platform/windows/iphelper.h"
#include "platform/windows/netif_mac.h"

static const unsigned netif_families[] = {4, 6};

bool netif_exists(const char *host_name)
{
    const struct iphelper *ip = NULL;
    NET_LUID luid;
    return iphelper_get(&ip, NULL) == 0 && iphelper_device(ip, host_name, &luid, NULL) == 0;
}

/* ---- addresses ---- */

static struct prefix netif_prefix_of(const MIB_UNICASTIPADDRESS_ROW *row)
{
    struct prefix p = {iphelper_ip(&row->Address), row->OnLinkPrefixLength};
    return p;
}

static size_t netif_find(const struct netif_device *dev, const struct prefix *p)
{
    size_t i = 0;
    while (i < dev->n_addresses && !prefix_equal(&dev->addresses[i], p)) {
        i++;
    }
    return i;
}

static DWORD netif_address_add(const struct iphelper *ip, NET_LUID luid, const struct prefix *p)
{
    MIB_UNICASTIPADDRESS_ROW row;
    ip->address_init(&row);
    row.InterfaceLuid = luid;
    row.Address = iphelper_sockaddr(&p->ip);
    row.OnLinkPrefixLength = p->len;
    row.DadState = IpDadStatePreferred;
    DWORD code = ip->address_create(&row);
    return code == ERROR_OBJECT_ALREADY_EXISTS ? ERROR_ALREADY_EXISTS : code;
}

/* Removes what should not be there, and notes what is. */
static DWORD netif_address_sweep(const struct iphelper *ip, NET_LUID luid,
                                 const struct netif_device *dev, bool *present)
{
    auto_table MIB_UNICASTIPADDRESS_TABLE *table = NULL;
    DWORD code = ip->address_table(AF_UNSPEC, &table);
    for (ULONG i = 0; code == NO_ERROR && i < table->NumEntries; i++) {
        const MIB_UNICASTIPADDRESS_ROW *row = &table->Table[i];
        struct prefix p = netif_prefix_of(row);
        size_t at = netif_find(dev, &p);
        if (row->InterfaceLuid.Value != luid.Value) {
            continue;
        }
        if (at < dev->n_addresses) {
            present[at] = true;
        } else if (!iphelper_is_link_local(&p.ip)) {
            code = ip->address_delete(row);
            code = code == ERROR_NOT_FOUND ? NO_ERROR : code;
        }
    }
    return code;
}

static int netif_address_set(const struct iphelper *ip, NET_LUID luid,
                             const struct netif_device *dev, struct err *err)
{
    auto_free bool *present = mem_calloc(dev->n_addresses + 1, sizeof *present);
    DWORD code = netif_address_sweep(ip, luid, dev, present);
    for (size_t i = 0; code == NO_ERROR && i < dev->n_addresses; i++) {
        code = present[i] ? NO_ERROR : netif_address_add(ip, luid, &dev->addresses[i]);
    }
    return code == NO_ERROR ? 0 : os_err(err, code, "addresses of %s", dev->name);
}

/* ---- the device ---- */

static bool netif_has_family(const struct netif_device *dev, unsigned family)
{
    for (size_t i = 0; i < dev->n_addresses; i++) {
        if (dev->addresses[i].ip.family == family) {
            return true;
        }
    }
    return false;
}

/* MTU, and no duplicate address detection: an address is usable at once. */
static DWORD netif_set_interface(const struct iphelper *ip, const NET_LUID *luid,
                                 const struct netif_device *dev, unsigned family)
{
    MIB_IPINTERFACE_ROW row;
    DWORD code = iphelper_interface(ip, luid, family, &row);
    if (code == ERROR_NOT_FOUND && !netif_has_family(dev, family)) {
        return NO_ERROR; /* a family that is bound to nothing, and needed by nobody */
    }
    if (code != NO_ERROR || (row.NlMtu == dev->mtu && row.DadTransmits == 0)) {
        return code;
    }
    row.NlMtu = dev->mtu ? dev->mtu : row.NlMtu;
    row.DadTransmits = 0;
    return iphelper_interface_set(ip, &row);
}

static DWORD netif_set_up(const struct iphelper *ip, const MIB_IF_ROW2 *link)
{
    if (link->AdminStatus == NET_IF_ADMIN_STATUS_UP) {
        return NO_ERROR;
    }
    MIB_IFROW row;
    memset(&row, 0, sizeof row);
    row.dwIndex = link->InterfaceIndex;
    row.dwAdminStatus = MIB_IF_ADMIN_STATUS_UP;
    return ip->set_link(&row);
}

/* The switch sends to the gateway by its MAC, and on this system does not give it to the adapter
 * itself. */
static int netif_set_mac(const struct iphelper *ip, MIB_IF_ROW2 *link,
                         const struct netif_device *dev, struct err *err)
{
    static const struct mac none;
    bool is_wanted = memcmp(&dev->mac, &none, sizeof none) != 0;
    bool has = link->PhysicalAddressLength == sizeof dev->mac.b &&
               memcmp(link->PhysicalAddress, dev->mac.b, sizeof dev->mac.b) == 0;
    if (!is_wanted || has) {
        return 0;
    }
    int rc = netif_mac_set(&link->InterfaceGuid, &dev->mac, err);
    return rc < 0 ? err_wrap(err, "MAC of %s", dev->name)
                  : netif_mac_wait(ip, link, &dev->mac, err);
}

int netif_device_set(const struct netif_device *dev, struct err *err)
{
    const struct iphelper *ip = NULL;
    MIB_IF_ROW2 link;
    memset(&link, 0, sizeof link);
    int rc = iphelper_get(&ip, err);
    rc = rc < 0 ? rc : iphelper_device(ip, dev->name, &link.InterfaceLuid, err);
    if (rc < 0) {
        return rc;
    }
    DWORD code = ip->get_link(&link);
    rc = code == NO_ERROR ? netif_set_mac(ip, &link, dev, err) : 0;
    code = code == NO_ERROR && rc == 0 ? netif_set_up(ip, &link) : code;
    for (size_t i = 0; rc == 0 && code == NO_ERROR && i < ARRAY_LEN(netif_families); i++) {
        code = netif_set_interface(ip, &link.InterfaceLuid, dev, netif_families[i]);
    }
    if (rc < 0 || code != NO_ERROR) {
        return rc < 0 ? rc : os_err(err, code, "interface %s", dev->name);
    }
    return netif_address_set(ip, link.InterfaceLuid, dev, err);
}

/* ---- the uplink ---- */

/* The device that holds the address.  0 or ERR_NOT_FOUND. */
static int netif_holder(const struct iphelper *ip, const struct ip *address, NET_LUID *out)
{
    auto_table MIB_UNICASTIPADDRESS_TABLE *table = NULL;
    if (!address || !address->family || ip->address_table(AF_UNSPEC, &table) != NO_ERROR) {
        return ERR_NOT_FOUND;
    }
    for (ULONG i = 0; i < table->NumEntries; i++) {
        struct ip here = iphelper_ip(&table->Table[i].Address);
        if (ip_equal(&here, address)) {
            *out = table->Table[i].InterfaceLuid;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

/* The device of the default route that the system prefers: metrics of route and device add up. */
static int netif_default(const struct iphelper *ip, unsigned *family, NET_LUID *out)
{
    auto_table MIB_IPFORWARD_TABLE2 *routes = NULL;
    uint64_t best = UINT64_MAX;
    if (ip->route_table(AF_UNSPEC, &routes) != NO_ERROR) {
        return ERR_NOT_FOUND;
    }
    for (ULONG i = 0; i < routes->NumEntries; i++) {
        const MIB_IPFORWARD_ROW2 *r = &routes->Table[i];
        unsigned of = r->DestinationPrefix.Prefix.si_family == AF_INET ? 4 : 6;
        MIB_IPINTERFACE_ROW row;
        if (r->DestinationPrefix.PrefixLength != 0 || r->Loopback ||
            iphelper_interface(ip, &r->InterfaceLuid, of, &row) != NO_ERROR) {
            continue;
        }
        uint64_t metric = (uint64_t)r->Metric + row.Metric;
        if (metric < best) {
            best = metric;
            *family = of;
            *out = r->InterfaceLuid;
        }
    }
    return best == UINT64_MAX ? ERR_NOT_FOUND : 0;
}

int netif_mtu_of_address(const struct ip *address, uint32_t *mtu_out, struct err *err)
{
    const struct iphelper *ip = NULL;
    NET_LUID luid;
    unsigned family = address ? address->family : 0;
    int rc = iphelper_get(&ip, err);
    if (rc < 0) {
        return rc;
    }
    if (netif_holder(ip, address, &luid) < 0 && netif_default(ip, &family, &luid) < 0) {
        return err_set(err, ERR_NOT_FOUND, "no interface has the node's address or leads outside");
    }
    MIB_IPINTERFACE_ROW row;
    DWORD code = iphelper_interface(ip, &luid, family, &row);
    if (code != NO_ERROR) {
        return os_err(err, code, "MTU of the uplink");
    }
    *mtu_out = row.NlMtu;
    return 0;
}

/* ---- forwarding ---- */

static DWORD netif_forward(const struct iphelper *ip, const NET_LUID *luid, unsigned family)
{
    MIB_IPINTERFACE_ROW row;
    DWORD code = iphelper_interface(ip, luid, family, &row);
    if (code == ERROR_NOT_FOUND || (code == NO_ERROR && row.ForwardingEnabled)) {
        return NO_ERROR;
    }
    row.ForwardingEnabled = TRUE;
    return code == NO_ERROR ? iphelper_interface_set(ip, &row) : code;
}

int netif_enable_forwarding(const struct netif_forwarding *f, struct err *err)
{
    const struct iphelper *ip = NULL;
    NET_LUID devices[2];
    size_t n = 1;
    int rc = iphelper_get(&ip, err);
    rc = rc < 0 ? rc : iphelper_device(ip, f->gateway, &devices[0], err);
    if (rc < 0) {
        return rc;
    }
    n += netif_holder(ip, &f->uplink, &devices[1]) == 0;
    for (size_t i = 0; i < n * ARRAY_LEN(netif_families); i++) {
        const NET_LUID *luid = &devices[i / ARRAY_LEN(netif_families)];
        unsigned family = netif_families[i % ARRAY_LEN(netif_families)];
        DWORD code = netif_forward(ip, luid, family);
        if (code != NO_ERROR) {
            return os_err(err, code, "forwarding of IPv%u", family);
        }
    }
    return 0;
}

int netif_cleanup(struct err *err)
{
    (void)err; /* nothing is made besides endpoints and the gateway */
    return 0;
}
