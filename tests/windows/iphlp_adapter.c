/* SPDX-License-Identifier: Apache-2.0
 *
 * Adapters: the two tables of them, and their four names (index, LUID, GUID, alias).  Columns of a
 * line: index, alias, description, MAC, MTU, type, up, compartment, GUID, metrics of IPv4 and IPv6,
 * DNS servers. */
#include "iphlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    A_INDEX,
    A_ALIAS,
    A_DESCRIPTION,
    A_MAC,
    A_MTU,
    A_TYPE,
    A_UP,
    A_COMPARTMENT,
    A_GUID,
    A_METRIC4,
    A_METRIC6,
    A_DNS
};

static unsigned parse_mac(const char *line, UCHAR *mac)
{
    char text[32];
    unsigned n = 0, byte;
    link_field(line, A_MAC, text, sizeof text);
    for (; n < 6 && sscanf(text + (size_t)2 * n, "%2x", &byte) == 1; n++)
        mac[n] = (UCHAR)byte;
    return n;
}

static void guid_field(const char *line, GUID *id)
{
    char text[40];
    link_guid_parse(link_field(line, A_GUID, text, sizeof text), id);
}

static void wide_field(const char *line, unsigned i, WCHAR *out, int size)
{
    char text[512];
    link_field(line, i, text, sizeof text);
    if (MultiByteToWideChar(CP_UTF8, 0, text, -1, out, size) == 0)
        out[0] = 0;
}

/* ---- GetAdaptersAddresses ---- */

/* Takes pieces of the caller's buffer. */
struct arena {
    char *at, *end;
};

static void *take(struct arena *a, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if ((size_t)(a->end - a->at) < n)
        return NULL;
    void *p = memset(a->at, 0, n);
    a->at += n;
    return p;
}

static bool take_sockaddr(struct arena *a, const SOCKADDR_INET *from, SOCKET_ADDRESS *out)
{
    size_t n = from->si_family == AF_INET6 ? sizeof from->Ipv6 : sizeof from->Ipv4;
    void *p = take(a, n);
    if (!p)
        return false;
    memcpy(p, from, n);
    out->lpSockaddr = p;
    out->iSockaddrLength = (int)n;
    return true;
}

static WCHAR *take_wide(struct arena *a, const char *line, unsigned i)
{
    WCHAR text[256];
    wide_field(line, i, text, 256);
    size_t n = (wcslen(text) + 1) * sizeof *text;
    WCHAR *out = take(a, n);
    return out ? memcpy(out, text, n) : NULL;
}

struct gathered {
    ULONG family, flags;
    struct link_reply adapters, addresses, routes;
};

static bool add_addresses(const struct gathered *g, struct arena *a, IP_ADAPTER_ADDRESSES *adapter)
{
    IP_ADAPTER_UNICAST_ADDRESS **next = &adapter->FirstUnicastAddress;
    IP_ADAPTER_PREFIX **next_prefix = &adapter->FirstPrefix;
    for (const char *l = iphlp_first(&g->addresses); l; l = link_next(&g->addresses, l)) {
        if (link_number(l, 0) != adapter->IfIndex ||
            !iphlp_family_wanted((ADDRESS_FAMILY)g->family, l, 1))
            continue;
        SOCKADDR_INET address;
        iphlp_address_field(l, 2, &address);
        if (!(g->flags & GAA_FLAG_SKIP_UNICAST)) {
            IP_ADAPTER_UNICAST_ADDRESS *u = take(a, sizeof *u);
            if (!u || !take_sockaddr(a, &address, &u->Address))
                return false;
            u->Length = sizeof *u;
            u->PrefixOrigin = IpPrefixOriginManual;
            u->SuffixOrigin = (IP_SUFFIX_ORIGIN)link_number(l, 5);
            u->DadState = (IP_DAD_STATE)link_number(l, 6);
            u->ValidLifetime = u->PreferredLifetime = u->LeaseLifetime = 0xffffffff;
            u->OnLinkPrefixLength = (UINT8)link_number(l, 3);
            *next = u;
            next = &u->Next;
        }
        if (g->flags & GAA_FLAG_INCLUDE_PREFIX) {
            IP_ADAPTER_PREFIX *p = take(a, sizeof *p);
            if (!p || !take_sockaddr(a, &address, &p->Address))
                return false;
            p->Length = sizeof *p;
            p->PrefixLength = link_number(l, 3);
            *next_prefix = p;
            next_prefix = &p->Next;
        }
    }
    return true;
}

static bool add_gateways(const struct gathered *g, struct arena *a, IP_ADAPTER_ADDRESSES *adapter)
{
    IP_ADAPTER_GATEWAY_ADDRESS **next = &adapter->FirstGatewayAddress;
    if (!(g->flags & GAA_FLAG_INCLUDE_GATEWAYS))
        return true;
    for (const char *l = iphlp_first(&g->routes); l; l = link_next(&g->routes, l)) {
        char via[64];
        link_field(l, 4, via, sizeof via);
        if (link_number(l, 0) != adapter->IfIndex || link_number(l, 3) != 0 ||
            strcmp(via, "0.0.0.0") == 0 || strcmp(via, "::") == 0 ||
            !iphlp_family_wanted((ADDRESS_FAMILY)g->family, l, 1))
            continue;
        SOCKADDR_INET address;
        iphlp_parse(via, &address);
        IP_ADAPTER_GATEWAY_ADDRESS *gateway = take(a, sizeof *gateway);
        if (!gateway || !take_sockaddr(a, &address, &gateway->Address))
            return false;
        gateway->Length = sizeof *gateway;
        *next = gateway;
        next = &gateway->Next;
    }
    return true;
}

static bool add_dns(const struct gathered *g, struct arena *a, const char *line,
                    IP_ADAPTER_ADDRESSES *adapter)
{
    IP_ADAPTER_DNS_SERVER_ADDRESS **next = &adapter->FirstDnsServerAddress;
    char servers[256];
    link_field(line, A_DNS, servers, sizeof servers);
    if (g->flags & GAA_FLAG_SKIP_DNS_SERVER)
        return true;
    for (char *p = servers, *end; *p; p = end) {
        end = p + strcspn(p, ", ");
        if (*end)
            *end++ = 0;
        SOCKADDR_INET address;
        iphlp_parse(p, &address);
        if (!*p)
            continue;
        IP_ADAPTER_DNS_SERVER_ADDRESS *dns = take(a, sizeof *dns);
        if (!dns || !take_sockaddr(a, &address, &dns->Address))
            return false;
        dns->Length = sizeof *dns;
        *next = dns;
        next = &dns->Next;
    }
    return true;
}

static bool fill_adapter(const struct gathered *g, struct arena *a, const char *line,
                         IP_ADAPTER_ADDRESSES *out)
{
    char guid[40];
    out->Length = sizeof *out;
    out->IfIndex = out->Ipv6IfIndex = link_number(line, A_INDEX);
    out->PhysicalAddressLength = parse_mac(line, out->PhysicalAddress);
    out->Flags = IP_ADAPTER_IPV4_ENABLED | IP_ADAPTER_IPV6_ENABLED;
    out->Mtu = link_number(line, A_MTU);
    out->IfType = link_number(line, A_TYPE);
    out->OperStatus = link_number(line, A_UP) ? IfOperStatusUp : IfOperStatusDown;
    out->TransmitLinkSpeed = out->ReceiveLinkSpeed = 1000000000;
    out->Ipv4Metric = link_number(line, A_METRIC4);
    out->Ipv6Metric = link_number(line, A_METRIC6);
    out->Luid = iphlp_luid(out->IfIndex);
    out->CompartmentId = link_number(line, A_COMPARTMENT);
    guid_field(line, &out->NetworkGuid);
    out->ConnectionType = NET_IF_CONNECTION_DEDICATED;
    out->AdapterName = take(a, 48);
    out->FriendlyName = take_wide(a, line, A_ALIAS);
    out->Description = take_wide(a, line, A_DESCRIPTION);
    out->DnsSuffix = take(a, sizeof(WCHAR));
    if (!out->AdapterName || !out->FriendlyName || !out->Description || !out->DnsSuffix)
        return false;
    snprintf(out->AdapterName, 48, "{%s}", link_field(line, A_GUID, guid, sizeof guid));
    for (char *p = out->AdapterName; *p; p++)
        if (*p >= 'a' && *p <= 'f')
            *p = (char)(*p - 'a' + 'A');
    return add_addresses(g, a, out) && add_gateways(g, a, out) && add_dns(g, a, line, out);
}

/* The least size at which each adapter surely fits. */
static ULONG size_needed(const struct gathered *g)
{
    size_t adapters = iphlp_count(&g->adapters), addresses = iphlp_count(&g->addresses);
    size_t routes = iphlp_count(&g->routes);
    return (ULONG)(adapters * (sizeof(IP_ADAPTER_ADDRESSES) + 3072) +
                   addresses *
                       (sizeof(IP_ADAPTER_UNICAST_ADDRESS) + sizeof(IP_ADAPTER_PREFIX) + 96) +
                   routes * (sizeof(IP_ADAPTER_GATEWAY_ADDRESS) + 48));
}

static DWORD fill_adapters(const struct gathered *g, IP_ADAPTER_ADDRESSES *buffer, ULONG size)
{
    struct arena a = {(char *)buffer, (char *)buffer + size};
    IP_ADAPTER_ADDRESSES *last = NULL;
    for (const char *l = iphlp_first(&g->adapters); l; l = link_next(&g->adapters, l)) {
        if (!(g->flags & GAA_FLAG_INCLUDE_ALL_COMPARTMENTS) &&
            link_number(l, A_COMPARTMENT) != iphlp_compartment())
            continue;
        IP_ADAPTER_ADDRESSES *adapter = take(&a, sizeof *adapter);
        if (!adapter || !fill_adapter(g, &a, l, adapter))
            return ERROR_BUFFER_OVERFLOW;
        if (last)
            last->Next = adapter;
        last = adapter;
    }
    return last ? NO_ERROR : ERROR_NO_DATA;
}

ULONG WINAPI GetAdaptersAddresses(ULONG family, ULONG flags, PVOID reserved,
                                  IP_ADAPTER_ADDRESSES *buffer, PULONG size)
{
    (void)reserved;
    if (!size)
        return ERROR_INVALID_PARAMETER;
    struct gathered g = {.family = family, .flags = flags};
    DWORD code = iphlp_table("Adapters", &g.adapters);
    if (code == NO_ERROR && (!(flags & GAA_FLAG_SKIP_UNICAST) || flags & GAA_FLAG_INCLUDE_PREFIX))
        code = iphlp_table("Addresses", &g.addresses);
    if (code == NO_ERROR && flags & GAA_FLAG_INCLUDE_GATEWAYS)
        code = iphlp_table("Routes", &g.routes);
    if (code == NO_ERROR) {
        ULONG needed = size_needed(&g);
        code = !buffer || *size < needed ? ERROR_BUFFER_OVERFLOW : fill_adapters(&g, buffer, *size);
        if (code == ERROR_BUFFER_OVERFLOW)
            *size = needed;
    }
    link_reply_free(&g.adapters);
    link_reply_free(&g.addresses);
    link_reply_free(&g.routes);
    return code;
}

/* ---- GetIfTable2 ---- */

static void fill_if(const char *line, MIB_IF_ROW2 *row)
{
    bool up = link_number(line, A_UP) != 0;
    row->InterfaceIndex = link_number(line, A_INDEX);
    row->InterfaceLuid = iphlp_luid(row->InterfaceIndex);
    guid_field(line, &row->InterfaceGuid);
    wide_field(line, A_ALIAS, row->Alias, IF_MAX_STRING_SIZE + 1);
    wide_field(line, A_DESCRIPTION, row->Description, IF_MAX_STRING_SIZE + 1);
    row->PhysicalAddressLength = parse_mac(line, row->PhysicalAddress);
    memcpy(row->PermanentPhysicalAddress, row->PhysicalAddress, sizeof row->PhysicalAddress);
    row->Mtu = link_number(line, A_MTU);
    row->Type = link_number(line, A_TYPE);
    row->MediaType = row->Type == IF_TYPE_SOFTWARE_LOOPBACK ? NdisMediumLoopback : NdisMedium802_3;
    row->AccessType = NET_IF_ACCESS_BROADCAST;
    row->DirectionType = NET_IF_DIRECTION_SENDRECEIVE;
    row->InterfaceAndOperStatusFlags.ConnectorPresent = row->Type == IF_TYPE_ETHERNET_CSMACD;
    row->OperStatus = up ? IfOperStatusUp : IfOperStatusDown;
    row->AdminStatus = up ? NET_IF_ADMIN_STATUS_UP : NET_IF_ADMIN_STATUS_DOWN;
    row->MediaConnectState = up ? MediaConnectStateConnected : MediaConnectStateDisconnected;
    row->ConnectionType = NET_IF_CONNECTION_DEDICATED;
    row->TransmitLinkSpeed = row->ReceiveLinkSpeed = 1000000000;
}

NETIO_STATUS WINAPI GetIfTable2(PMIB_IF_TABLE2 *out)
{
    return GetIfTable2Ex(MibIfTableNormal, out);
}

NETIO_STATUS WINAPI GetIfTable2Ex(MIB_IF_TABLE_LEVEL level, PMIB_IF_TABLE2 *out)
{
    struct link_reply reply;
    DWORD code = iphlp_table("Adapters", &reply);
    (void)level;
    if (code != NO_ERROR)
        return (NETIO_STATUS)code;
    MIB_IF_TABLE2 *table = iphlp_alloc_table(offsetof(MIB_IF_TABLE2, Table), sizeof table->Table[0],
                                             iphlp_count(&reply));
    for (const char *l = iphlp_first(&reply); table && l; l = link_next(&reply, l))
        if (link_number(l, A_COMPARTMENT) == iphlp_compartment())
            fill_if(l, &table->Table[table->NumEntries++]);
    link_reply_free(&reply);
    *out = table;
    return table ? NO_ERROR : ERROR_NOT_ENOUGH_MEMORY;
}

/* ---- names ---- */

typedef bool match_fn(const char *line, const void *what);

/* The line of the adapter that 'match' accepts, in 'line' of 1024 bytes. */
static bool find(match_fn *match, const void *what, char *line)
{
    struct link_reply reply;
    bool found = false;
    if (iphlp_table("Adapters", &reply) != NO_ERROR)
        return false;
    for (const char *l = iphlp_first(&reply); l && !found; l = link_next(&reply, l)) {
        found = match(l, what);
        if (found)
            snprintf(line, 1024, "%s", l);
    }
    link_reply_free(&reply);
    return found;
}

static bool is_index(const char *line, const void *what)
{
    const NET_IFINDEX *index = what;
    return link_number(line, A_INDEX) == *index;
}

static bool is_alias(const char *line, const void *what)
{
    WCHAR text[256];
    wide_field(line, A_ALIAS, text, 256);
    return _wcsicmp(text, what) == 0;
}

static bool is_guid(const char *line, const void *what)
{
    GUID id = {0};
    guid_field(line, &id);
    return memcmp(&id, what, sizeof id) == 0;
}

static bool find_luid(const NET_LUID *luid, char *line)
{
    NET_IFINDEX index = luid ? iphlp_index(*luid, 0) : 0;
    return luid && find(is_index, &index, line);
}

NETIO_STATUS WINAPI GetIfEntry2(PMIB_IF_ROW2 row)
{
    char line[1024];
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    if (!find(is_index, &index, line))
        return ERROR_FILE_NOT_FOUND;
    memset(row, 0, sizeof *row);
    fill_if(line, row);
    return NO_ERROR;
}

NETIO_STATUS WINAPI ConvertInterfaceIndexToLuid(NET_IFINDEX index, PNET_LUID luid)
{
    char line[1024];
    if (!luid)
        return ERROR_INVALID_PARAMETER;
    luid->Value = 0;
    if (!find(is_index, &index, line))
        return ERROR_FILE_NOT_FOUND;
    *luid = iphlp_luid(index);
    return NO_ERROR;
}

NETIO_STATUS WINAPI ConvertInterfaceLuidToIndex(const NET_LUID *luid, PNET_IFINDEX index)
{
    char line[1024];
    if (!index || !luid)
        return ERROR_INVALID_PARAMETER;
    *index = 0;
    if (!find_luid(luid, line))
        return ERROR_FILE_NOT_FOUND;
    *index = link_number(line, A_INDEX);
    return NO_ERROR;
}

NETIO_STATUS WINAPI ConvertInterfaceAliasToLuid(const WCHAR *alias, PNET_LUID luid)
{
    char line[1024];
    if (!alias || !luid)
        return ERROR_INVALID_PARAMETER;
    luid->Value = 0;
    if (!find(is_alias, alias, line))
        return ERROR_INVALID_PARAMETER;
    *luid = iphlp_luid(link_number(line, A_INDEX));
    return NO_ERROR;
}

NETIO_STATUS WINAPI ConvertInterfaceGuidToLuid(const GUID *id, PNET_LUID luid)
{
    char line[1024];
    if (!id || !luid)
        return ERROR_INVALID_PARAMETER;
    luid->Value = 0;
    if (!find(is_guid, id, line))
        return ERROR_INVALID_PARAMETER;
    *luid = iphlp_luid(link_number(line, A_INDEX));
    return NO_ERROR;
}

NETIO_STATUS WINAPI ConvertInterfaceLuidToGuid(const NET_LUID *luid, GUID *id)
{
    char line[1024];
    if (!luid || !id)
        return ERROR_INVALID_PARAMETER;
    memset(id, 0, sizeof *id);
    if (!find_luid(luid, line))
        return ERROR_INVALID_PARAMETER;
    guid_field(line, id);
    return NO_ERROR;
}

NETIO_STATUS WINAPI ConvertInterfaceLuidToAlias(const NET_LUID *luid, PWSTR alias, SIZE_T n)
{
    char line[1024];
    if (!luid || !alias || n == 0)
        return ERROR_INVALID_PARAMETER;
    if (!find_luid(luid, line))
        return ERROR_INVALID_PARAMETER;
    WCHAR text[256];
    wide_field(line, A_ALIAS, text, 256);
    if (wcslen(text) >= n)
        return ERROR_NOT_ENOUGH_MEMORY;
    memcpy(alias, text, (wcslen(text) + 1) * sizeof *text);
    return NO_ERROR;
}

/* What Windows calls the name of an interface is its type and number. */
NETIO_STATUS WINAPI ConvertInterfaceLuidToNameW(const NET_LUID *luid, PWSTR name, SIZE_T n)
{
    return ConvertInterfaceLuidToAlias(luid, name, n);
}

NETIO_STATUS WINAPI ConvertInterfaceLuidToNameA(const NET_LUID *luid, PSTR name, SIZE_T n)
{
    WCHAR text[256];
    NETIO_STATUS code = ConvertInterfaceLuidToAlias(luid, text, 256);
    if (code == NO_ERROR &&
        WideCharToMultiByte(CP_UTF8, 0, text, -1, name, (int)n, NULL, NULL) == 0)
        return ERROR_NOT_ENOUGH_MEMORY;
    return code;
}

NETIO_STATUS WINAPI ConvertInterfaceNameToLuidW(const WCHAR *name, NET_LUID *luid)
{
    return ConvertInterfaceAliasToLuid(name, luid);
}

NETIO_STATUS WINAPI ConvertInterfaceNameToLuidA(const CHAR *name, NET_LUID *luid)
{
    WCHAR text[256];
    if (!name || MultiByteToWideChar(CP_UTF8, 0, name, -1, text, 256) == 0)
        return ERROR_INVALID_NAME;
    return ConvertInterfaceAliasToLuid(text, luid);
}

NET_IFINDEX WINAPI if_nametoindex(PCSTR name)
{
    NET_LUID luid;
    return ConvertInterfaceNameToLuidA(name, &luid) == NO_ERROR ? iphlp_index(luid, 0) : 0;
}

PCHAR WINAPI if_indextoname(NET_IFINDEX index, PCHAR name)
{
    NET_LUID luid = iphlp_luid(index);
    return ConvertInterfaceLuidToNameA(&luid, name, IF_MAX_STRING_SIZE) == NO_ERROR ? name : NULL;
}

DWORD WINAPI SetIfEntry(PMIB_IFROW row)
{
    bool up = row->dwAdminStatus == MIB_IF_ADMIN_STATUS_UP;
    return iphlp_change((const char *const[]){"ip", "SetIfEntry", iphlp_decimal(row->dwIndex).s,
                                              up ? "1" : "0", NULL});
}
