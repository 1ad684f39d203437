/* SPDX-License-Identifier: Apache-2.0
 *
 * Adapters as uplinks, read: what GetAdaptersAddresses and the route table say of one, its metrics,
 * its DNS settings.  Giving is in uplink_give.c. */
#include "platform/windows/uplink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/base/mem.h"

enum { UPLINK_TRIES = 4, UPLINK_BUFFER = 64 << 10 };

/* How Windows describes the vNICs of its own virtual switches; the NIC of a virtual machine is
 * described otherwise ("Microsoft Hyper-V Network Adapter"). */
static const wchar_t uplink_vnic[] = L"Hyper-V Virtual Ethernet";

/* ---- functions of IP Helper, by name: not every system has all of them ---- */

static const struct {
    const char *name;
    size_t at;
} uplink_names[] = {
    {"GetIpForwardTable2", offsetof(struct uplink_api, get_routes)},
    {"FreeMibTable", offsetof(struct uplink_api, free_table)},
    {"InitializeIpInterfaceEntry", offsetof(struct uplink_api, init_interface)},
    {"GetIpInterfaceEntry", offsetof(struct uplink_api, get_interface)},
    {"SetIpInterfaceEntry", offsetof(struct uplink_api, set_interface)},
    {"InitializeUnicastIpAddressEntry", offsetof(struct uplink_api, init_address)},
    {"CreateUnicastIpAddressEntry", offsetof(struct uplink_api, create_address)},
    {"InitializeIpForwardEntry", offsetof(struct uplink_api, init_route)},
    {"CreateIpForwardEntry2", offsetof(struct uplink_api, create_route)},
    {"GetInterfaceDnsSettings", offsetof(struct uplink_api, get_dns)},
    {"SetInterfaceDnsSettings", offsetof(struct uplink_api, set_dns)},
    {"FreeInterfaceDnsSettings", offsetof(struct uplink_api, free_dns)},
};

struct uplink_api uplink_api(void)
{
    struct uplink_api api = {NULL};
    HMODULE dll = GetModuleHandleW(L"iphlpapi.dll"); /* this program imports it */
    for (size_t i = 0; dll && i < ARRAY_LEN(uplink_names); i++) {
        FARPROC found = GetProcAddress(dll, uplink_names[i].name);
        memcpy((char *)&api + uplink_names[i].at, &found, sizeof found);
    }
    return api;
}

/* ---- addresses ---- */

static bool uplink_ip_of(const SOCKADDR *from, struct ip *out)
{
    *out = (struct ip){.family = 0};
    if (from->sa_family == AF_INET) {
        SOCKADDR_IN in;
        memcpy(&in, from, sizeof in);
        out->family = 4;
        memcpy(out->b, &in.sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        SOCKADDR_IN6 in;
        memcpy(&in, from, sizeof in);
        out->family = 6;
        memcpy(out->b, &in.sin6_addr, 16);
    }
    return out->family != 0;
}

static bool uplink_ip_of_inet(const SOCKADDR_INET *from, struct ip *out)
{
    SOCKADDR_STORAGE any = {0};
    memcpy(&any, from, sizeof *from);
    return uplink_ip_of((const SOCKADDR *)(const void *)&any, out);
}

static bool uplink_is_link_local(const struct ip *ip)
{
    return ip->family == 6 ? ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80
                           : ip->b[0] == 169 && ip->b[1] == 254;
}

static enum uplink_origin uplink_origin_of(IP_PREFIX_ORIGIN origin)
{
    return origin == IpPrefixOriginDhcp                  ? UPLINK_DHCP
           : origin == IpPrefixOriginRouterAdvertisement ? UPLINK_AUTO
                                                         : UPLINK_MANUAL;
}

static int uplink_too_many(const char *what, struct err *err)
{
    return err_set(err, ERR_TOO_BIG, "the adapter has too many %s", what);
}

static int uplink_read_addresses(const IP_ADAPTER_ADDRESSES *from, struct uplink_adapter *out,
                                 struct err *err)
{
    for (const IP_ADAPTER_UNICAST_ADDRESS *u = from->FirstUnicastAddress; u; u = u->Next) {
        struct ip ip;
        if (!uplink_ip_of(u->Address.lpSockaddr, &ip) || uplink_is_link_local(&ip)) {
            continue;
        }
        if (out->n_addresses == UPLINK_ADDRESSES_MAX) {
            return uplink_too_many("addresses", err);
        }
        out->addresses[out->n_addresses++] = (struct uplink_address){
            .address = {ip, u->OnLinkPrefixLength}, .origin = uplink_origin_of(u->PrefixOrigin)};
    }
    return 0;
}

/* ---- routes and metrics ---- */

static bool uplink_is_zero(const struct ip *ip)
{
    static const uint8_t zero[sizeof ip->b];
    return memcmp(ip->b, zero, sizeof zero) == 0;
}

static int uplink_read_route(const MIB_IPFORWARD_ROW2 *row, struct uplink_adapter *out,
                             struct err *err)
{
    struct uplink_route r = {.metric = row->Metric};
    if (!uplink_ip_of_inet(&row->DestinationPrefix.Prefix, &r.destination.ip) ||
        !uplink_ip_of_inet(&row->NextHop, &r.next_hop) || uplink_is_zero(&r.next_hop) ||
        row->Loopback) {
        return 0;
    }
    if (out->n_routes == UPLINK_ROUTES_MAX) {
        return uplink_too_many("routes", err);
    }
    r.destination.len = row->DestinationPrefix.PrefixLength;
    r.origin = row->Origin == NlroDHCP                  ? UPLINK_DHCP
               : row->Origin == NlroRouterAdvertisement ? UPLINK_AUTO
                                                        : UPLINK_MANUAL;
    out->routes[out->n_routes++] = r;
    return 0;
}

static int uplink_read_routes(const struct uplink_api *api, NET_LUID luid,
                              struct uplink_adapter *out, struct err *err)
{
    MIB_IPFORWARD_TABLE2 *table = NULL;
    DWORD code = (DWORD)api->get_routes(AF_UNSPEC, &table);
    int rc = 0;
    if (code != NO_ERROR) {
        return os_err(err, code, "routes");
    }
    for (ULONG i = 0; rc == 0 && i < table->NumEntries; i++) {
        if (table->Table[i].InterfaceLuid.Value == luid.Value) {
            rc = uplink_read_route(&table->Table[i], out, err);
        }
    }
    api->free_table(table);
    return rc;
}

static void uplink_read_metrics(const struct uplink_api *api, NET_LUID luid,
                                struct uplink_adapter *out)
{
    static const ADDRESS_FAMILY families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        MIB_IPINTERFACE_ROW row;
        api->init_interface(&row);
        row.Family = families[i];
        row.InterfaceLuid = luid;
        if (api->get_interface(&row) == NO_ERROR && !row.UseAutomaticMetric) {
            out->metric[i] = row.Metric;
        }
    }
}

/* ---- DNS ---- */

/* Servers in text, separated by commas or spaces. */
static int uplink_add_servers(const wchar_t *text, struct uplink_adapter *out, struct err *err)
{
    auto_free char *all = os_utf8(text ? text : L"");
    for (char *at = all; *at;) {
        size_t n = strcspn(at, ", ;");
        bool last = at[n] == 0;
        at[n] = 0;
        struct ip ip;
        if (ip_parse(at, &ip)) {
            if (out->n_servers == UPLINK_SERVERS_MAX) {
                return uplink_too_many("DNS servers", err);
            }
            out->servers[out->n_servers++] = ip;
        }
        at += n + !last;
    }
    return 0;
}

static void uplink_set_suffix(const wchar_t *text, struct uplink_adapter *out)
{
    auto_free char *suffix = os_utf8(text ? text : L"");
    if (*suffix && strlen(suffix) < sizeof out->suffix) {
        snprintf(out->suffix, sizeof out->suffix, "%s", suffix);
    }
}

void uplink_dns_key(const struct guid *guid, int family, wchar_t *out, size_t n)
{
    char text[GUID_TEXT_MAX];
    guid_format(guid, text);
    swprintf(out, n, L"SYSTEM\\CurrentControlSet\\Services\\%ls\\Parameters\\Interfaces\\{%hs}",
             family == 6 ? L"Tcpip6" : L"Tcpip", text);
}

/* Systems without the functions keep what an operator set in the registry. */
static int uplink_read_dns_registry(const struct guid *guid, int family, struct uplink_adapter *out,
                                    struct err *err)
{
    wchar_t key[160], text[1024];
    DWORD size = sizeof text;
    uplink_dns_key(guid, family, key, ARRAY_LEN(key));
    if (RegGetValueW(HKEY_LOCAL_MACHINE, key, L"Domain", RRF_RT_REG_SZ, NULL, text, &size) ==
            ERROR_SUCCESS &&
        family == 4) {
        uplink_set_suffix(text, out);
    }
    size = sizeof text;
    if (RegGetValueW(HKEY_LOCAL_MACHINE, key, L"NameServer", RRF_RT_REG_SZ, NULL, text, &size) !=
        ERROR_SUCCESS) {
        return 0;
    }
    return uplink_add_servers(text, out, err);
}

static int uplink_read_dns_family(const struct uplink_api *api, const struct guid *guid, int family,
                                  struct uplink_adapter *out, struct err *err)
{
    struct uplink_dns_settings settings = {
        .Version = 1, .Flags = UPLINK_DNS_SERVERS | UPLINK_DNS_DOMAIN | UPLINK_DNS_OF(family)};
    if (!api->get_dns || !api->free_dns ||
        api->get_dns(uplink_guid_out(guid), &settings) != NO_ERROR) {
        return uplink_read_dns_registry(guid, family, out, err);
    }
    int rc = uplink_add_servers(settings.NameServer, out, err);
    if (family == 4) {
        uplink_set_suffix(settings.Domain, out);
    }
    api->free_dns(&settings);
    return rc;
}

/* What an operator set, else what DHCP gave: all that the adapter uses. */
static int uplink_read_dns(const struct uplink_api *api, const IP_ADAPTER_ADDRESSES *from,
                           struct uplink_adapter *out, struct err *err)
{
    int rc = uplink_read_dns_family(api, &out->guid, 4, out, err);
    rc = rc < 0 ? rc : uplink_read_dns_family(api, &out->guid, 6, out, err);
    if (rc < 0 || out->n_servers) {
        return rc;
    }
    for (const IP_ADAPTER_DNS_SERVER_ADDRESS *d = from->FirstDnsServerAddress; d; d = d->Next) {
        struct ip ip;
        if (!uplink_ip_of(d->Address.lpSockaddr, &ip) || out->n_servers == UPLINK_SERVERS_MAX) {
            continue;
        }
        out->servers[out->n_servers++] = ip;
        out->dns = UPLINK_DHCP;
    }
    return 0;
}

/* ---- adapters ---- */

struct guid uplink_guid_in(const GUID *g)
{
    struct guid out;
    uint32_t first = g->Data1;
    for (int i = 0; i < 4; i++) {
        out.b[i] = (uint8_t)(first >> (24 - 8 * i));
    }
    out.b[4] = (uint8_t)(g->Data2 >> 8);
    out.b[5] = (uint8_t)g->Data2;
    out.b[6] = (uint8_t)(g->Data3 >> 8);
    out.b[7] = (uint8_t)g->Data3;
    memcpy(out.b + 8, g->Data4, 8);
    return out;
}

GUID uplink_guid_out(const struct guid *g)
{
    GUID out;
    out.Data1 = (unsigned)(uint32_t)((uint32_t)g->b[0] << 24 | (uint32_t)g->b[1] << 16 |
                                     (uint32_t)g->b[2] << 8 | g->b[3]);
    out.Data2 = (unsigned short)((unsigned)g->b[4] << 8 | g->b[5]);
    out.Data3 = (unsigned short)((unsigned)g->b[6] << 8 | g->b[7]);
    memcpy(out.Data4, g->b + 8, 8);
    return out;
}

/* All adapters of the node's own compartment; the list may grow between two calls. */
static IP_ADAPTER_ADDRESSES *uplink_list(struct err *err)
{
    const ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST;
    ULONG size = UPLINK_BUFFER, code = ERROR_BUFFER_OVERFLOW;
    for (int i = 0; i < UPLINK_TRIES && code == ERROR_BUFFER_OVERFLOW; i++) {
        IP_ADAPTER_ADDRESSES *list = mem_alloc(size);
        code = GetAdaptersAddresses(AF_UNSPEC, flags, NULL, list, &size);
        if (code == NO_ERROR) {
            return list;
        }
        mem_free(list);
    }
    os_err(err, code, "adapters");
    return NULL;
}

static int uplink_read(const IP_ADAPTER_ADDRESSES *from, struct uplink_adapter *out,
                       struct err *err)
{
    struct uplink_api api = uplink_api();
    auto_free char *name = os_utf8(from->FriendlyName ? from->FriendlyName : L"");
    bool ethernet = from->IfType == IF_TYPE_ETHERNET_CSMACD || from->IfType == IF_TYPE_IEEE80211;
    if (!api.get_routes || !api.free_table || !api.init_interface || !api.get_interface) {
        return err_set(err, ERR_UNSUPPORTED, "iphlpapi.dll lacks functions");
    }
    *out = (struct uplink_adapter){
        .mtu = (uint32_t)from->Mtu,
        .up = from->OperStatus == IfOperStatusUp,
        .dhcp = (from->Flags & IP_ADAPTER_DHCP_ENABLED) != 0,
        .physical = ethernet && (!from->Description ||
                                 wcsncmp(from->Description, uplink_vnic, wcslen(uplink_vnic)) != 0),
    };
    if (strlen(name) >= sizeof out->name || !guid_parse(from->AdapterName, &out->guid)) {
        return err_set(err, ERR_UNSUPPORTED, "adapter '%.100s': its name or GUID is none", name);
    }
    snprintf(out->name, sizeof out->name, "%s", name);
    if (from->PhysicalAddressLength == sizeof out->mac.b) {
        memcpy(out->mac.b, from->PhysicalAddress, sizeof out->mac.b);
    }
    uplink_read_metrics(&api, from->Luid, out);
    int rc = uplink_read_addresses(from, out, err);
    rc = rc < 0 ? rc : uplink_read_routes(&api, from->Luid, out, err);
    return rc < 0 ? rc : uplink_read_dns(&api, from, out, err);
}

/* One of three: what is looked for. */
struct uplink_what {
    const wchar_t *name;
    const struct guid *guid;
    const struct ip *ip;
};

static bool uplink_matches(const IP_ADAPTER_ADDRESSES *a, const struct uplink_what *what)
{
    struct guid guid;
    if (what->name) {
        return a->FriendlyName && _wcsicmp(a->FriendlyName, what->name) == 0;
    }
    if (what->guid) {
        return guid_parse(a->AdapterName, &guid) && guid_equal(&guid, what->guid);
    }
    for (const IP_ADAPTER_UNICAST_ADDRESS *u = a->FirstUnicastAddress; u; u = u->Next) {
        struct ip ip;
        if (uplink_ip_of(u->Address.lpSockaddr, &ip) && ip_equal(&ip, what->ip)) {
            return true;
        }
    }
    return false;
}

static int uplink_find(const struct uplink_what *what, struct uplink_adapter *out, NET_LUID *luid,
                       struct err *err)
{
    auto_free IP_ADAPTER_ADDRESSES *list = uplink_list(err);
    if (!list) {
        return ERR_IO;
    }
    for (const IP_ADAPTER_ADDRESSES *a = list; a; a = a->Next) {
        if (uplink_matches(a, what)) {
            *luid = a->Luid;
            return uplink_read(a, out, err);
        }
    }
    return err_set(err, ERR_NOT_FOUND, "no such adapter");
}

int uplink_find_guid(const struct guid *guid, struct uplink_adapter *out, NET_LUID *luid,
                     struct err *err)
{
    struct uplink_what what = {.guid = guid};
    return uplink_find(&what, out, luid, err);
}

int uplink_adapter_by_name(const char *name, struct uplink_adapter *out, struct err *err)
{
    auto_free wchar_t *wide = os_wide(name);
    struct uplink_what what = {.name = wide};
    NET_LUID luid;
    return uplink_find(&what, out, &luid, err);
}

int uplink_adapter_by_guid(const struct guid *guid, struct uplink_adapter *out, struct err *err)
{
    NET_LUID luid;
    return uplink_find_guid(guid, out, &luid, err);
}

int uplink_adapter_by_address(const struct ip *ip, struct uplink_adapter *out, struct err *err)
{
    struct uplink_what what = {.ip = ip};
    NET_LUID luid;
    return uplink_find(&what, out, &luid, err);
}
