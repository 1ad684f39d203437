/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses, routes, neighbours and IP interfaces: tables, single rows and changes. */
#include "iphlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 64 };

/* ---- rows from lines ---- */

void iphlp_address_row(const char *line, MIB_UNICASTIPADDRESS_ROW *row)
{
    memset(row, 0, sizeof *row);
    iphlp_address_field(line, 2, &row->Address);
    row->InterfaceIndex = link_number(line, 0);
    row->InterfaceLuid = iphlp_luid(row->InterfaceIndex);
    row->PrefixOrigin = (NL_PREFIX_ORIGIN)IpPrefixOriginManual;
    row->SuffixOrigin = (NL_SUFFIX_ORIGIN)link_number(line, 5);
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->OnLinkPrefixLength = (UINT8)link_number(line, 3);
    row->DadState = (NL_DAD_STATE)link_number(line, 6);
}

void iphlp_route_row(const char *line, MIB_IPFORWARD_ROW2 *row)
{
    char via[TEXT];
    memset(row, 0, sizeof *row);
    row->InterfaceIndex = link_number(line, 0);
    row->InterfaceLuid = iphlp_luid(row->InterfaceIndex);
    iphlp_address_field(line, 2, &row->DestinationPrefix.Prefix);
    row->DestinationPrefix.PrefixLength = (UINT8)link_number(line, 3);
    iphlp_parse(link_field(line, 4, via, sizeof via), &row->NextHop);
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->Metric = link_number(line, 5);
    row->Protocol = (NL_ROUTE_PROTOCOL)link_number(line, 6);
    row->Publish = FALSE;
    row->Immortal = TRUE;
    row->Origin = NlroManual;
}

static void neighbour_row(const char *line, MIB_IPNET_ROW2 *row)
{
    char mac[32];
    unsigned byte;
    memset(row, 0, sizeof *row);
    row->InterfaceIndex = link_number(line, 0);
    row->InterfaceLuid = iphlp_luid(row->InterfaceIndex);
    iphlp_address_field(line, 2, &row->Address);
    link_field(line, 3, mac, sizeof mac);
    for (unsigned i = 0; i < 6 && sscanf(mac + (size_t)2 * i, "%2x", &byte) == 1; i++) {
        row->PhysicalAddress[i] = (UCHAR)byte;
        row->PhysicalAddressLength = i + 1;
    }
    row->State = (NL_NEIGHBOR_STATE)link_number(line, 4);
}

void iphlp_interface_row(const char *line, MIB_IPINTERFACE_ROW *row)
{
    memset(row, 0, sizeof *row);
    row->InterfaceIndex = link_number(line, 0);
    row->InterfaceLuid = iphlp_luid(row->InterfaceIndex);
    row->Family = link_number(line, 1) == 6 ? AF_INET6 : AF_INET;
    row->Metric = link_number(line, 2);
    row->UseAutomaticMetric = (BOOLEAN)link_number(line, 3);
    row->NlMtu = link_number(line, 4);
    row->ForwardingEnabled = (BOOLEAN)link_number(line, 5);
    row->Connected = (BOOLEAN)link_number(line, 6);
    row->DisableDefaultRoutes = (BOOLEAN)link_number(line, 7);
    row->AdvertisingEnabled = (BOOLEAN)link_number(line, 8);
    row->WeakHostSend = (BOOLEAN)link_number(line, 9);
    row->WeakHostReceive = (BOOLEAN)link_number(line, 10);
    row->DadTransmits = link_number(line, 11);
    row->UseNeighborUnreachabilityDetection = TRUE;
    row->SupportsNeighborDiscovery = TRUE;
    row->SupportsRouterDiscovery = TRUE;
    row->SitePrefixLength = row->Family == AF_INET6 ? 64 : 0;
    row->BaseReachableTime = 30000;
    row->ReachableTime = 30000;
    row->RetransmitTime = 1000;
    row->PathMtuDiscoveryTimeout = 600000;
    row->RouterDiscoveryBehavior = RouterDiscoveryDhcp;
    row->LinkLocalAddressBehavior = LinkLocalDelayed;
}

/* ---- tables ---- */

static bool in_compartment(const char *line)
{
    return iphlp_compartment() != 1 || link_number(line, 0) < POD_INDEX;
}

#define TABLE(FUNCTION, NAME, TABLE_TYPE, ROW, FILL)                                               \
    NETIO_STATUS WINAPI FUNCTION(ADDRESS_FAMILY family, TABLE_TYPE **out)                          \
    {                                                                                              \
        struct link_reply reply;                                                                   \
        DWORD code = iphlp_table(NAME, &reply);                                                    \
        if (code != NO_ERROR)                                                                      \
            return (NETIO_STATUS)code;                                                             \
        TABLE_TYPE *table =                                                                        \
            iphlp_alloc_table(offsetof(TABLE_TYPE, Table), sizeof(ROW), iphlp_count(&reply));      \
        for (const char *l = iphlp_first(&reply); table && l; l = link_next(&reply, l))            \
            if (iphlp_family_wanted(family, l, 1) && in_compartment(l))                            \
                FILL(l, &table->Table[table->NumEntries++]);                                       \
        link_reply_free(&reply);                                                                   \
        *out = table;                                                                              \
        return table ? NO_ERROR : ERROR_NOT_ENOUGH_MEMORY;                                         \
    }

TABLE(GetUnicastIpAddressTable, "Addresses", MIB_UNICASTIPADDRESS_TABLE, MIB_UNICASTIPADDRESS_ROW,
      iphlp_address_row)
TABLE(GetIpForwardTable2, "Routes", MIB_IPFORWARD_TABLE2, MIB_IPFORWARD_ROW2, iphlp_route_row)
TABLE(GetIpNetTable2, "Neighbours", MIB_IPNET_TABLE2, MIB_IPNET_ROW2, neighbour_row)
TABLE(GetIpInterfaceTable, "Interfaces", MIB_IPINTERFACE_TABLE, MIB_IPINTERFACE_ROW,
      iphlp_interface_row)

/* ---- comparing addresses ---- */

static bool same_address(const SOCKADDR_INET *a, const SOCKADDR_INET *b)
{
    if (a->si_family != b->si_family)
        return false;
    return a->si_family == AF_INET6
               ? memcmp(&a->Ipv6.sin6_addr, &b->Ipv6.sin6_addr, sizeof a->Ipv6.sin6_addr) == 0
               : a->Ipv4.sin_addr.s_addr == b->Ipv4.sin_addr.s_addr;
}

/* ---- addresses ---- */

VOID WINAPI InitializeUnicastIpAddressEntry(PMIB_UNICASTIPADDRESS_ROW row)
{
    memset(row, 0, sizeof *row);
    row->PrefixOrigin = (NL_PREFIX_ORIGIN)IpPrefixOriginUnchanged;
    row->SuffixOrigin = (NL_SUFFIX_ORIGIN)IpSuffixOriginUnchanged;
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->OnLinkPrefixLength = 255;
    row->DadState = (NL_DAD_STATE)IpDadStateInvalid;
}

static NETIO_STATUS change_address(const char *function, const MIB_UNICASTIPADDRESS_ROW *row)
{
    char address[TEXT];
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    iphlp_format(&row->Address, address, sizeof address);
    if (!address[0])
        return ERROR_INVALID_PARAMETER;
    unsigned most = row->Address.si_family == AF_INET6 ? 128 : 32;
    unsigned length = row->OnLinkPrefixLength > most ? most : row->OnLinkPrefixLength;
    bool deletes = strcmp(function, "DeleteUnicastIpAddressEntry") == 0;
    return (NETIO_STATUS)iphlp_change(
        (const char *const[]){"ip", function, iphlp_decimal(index).s, address,
                              deletes ? NULL : iphlp_decimal(length).s, NULL});
}

NETIO_STATUS WINAPI CreateUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    return change_address("CreateUnicastIpAddressEntry", row);
}

NETIO_STATUS WINAPI DeleteUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    return change_address("DeleteUnicastIpAddressEntry", row);
}

NETIO_STATUS WINAPI SetUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    return change_address("SetUnicastIpAddressEntry", row);
}

NETIO_STATUS WINAPI GetUnicastIpAddressEntry(PMIB_UNICASTIPADDRESS_ROW row)
{
    struct link_reply reply;
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    NETIO_STATUS code = (NETIO_STATUS)iphlp_table("Addresses", &reply);
    if (code != NO_ERROR)
        return code;
    code = ERROR_NOT_FOUND;
    for (const char *l = iphlp_first(&reply); l && code != NO_ERROR; l = link_next(&reply, l)) {
        MIB_UNICASTIPADDRESS_ROW found;
        iphlp_address_row(l, &found);
        if (found.InterfaceIndex == index && same_address(&found.Address, &row->Address)) {
            *row = found;
            code = NO_ERROR;
        }
    }
    link_reply_free(&reply);
    return code;
}

/* ---- routes ---- */

VOID WINAPI InitializeIpForwardEntry(PMIB_IPFORWARD_ROW2 row)
{
    memset(row, 0, sizeof *row);
    row->SitePrefixLength = 255;
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->Metric = 0xffffffff;
    row->Protocol = (NL_ROUTE_PROTOCOL)MIB_IPPROTO_NETMGMT;
    row->Loopback = row->AutoconfigureAddress = row->Publish = row->Immortal = TRUE;
    row->Age = 0xffffffff;
}

static NETIO_STATUS change_route(const char *function, const MIB_IPFORWARD_ROW2 *row)
{
    char prefix[TEXT], via[TEXT];
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    bool v6 = row->DestinationPrefix.Prefix.si_family == AF_INET6;
    iphlp_format(&row->DestinationPrefix.Prefix, prefix, sizeof prefix);
    iphlp_format(&row->NextHop, via, sizeof via);
    if (!prefix[0] || row->DestinationPrefix.PrefixLength > (v6 ? 128 : 32))
        return ERROR_INVALID_PARAMETER;
    bool deletes = strcmp(function, "DeleteIpForwardEntry2") == 0;
    if (!deletes && row->Metric == 0xffffffff)
        return ERROR_INVALID_PARAMETER;
    return (NETIO_STATUS)iphlp_change((const char *const[]){
        "ip", function, iphlp_decimal(index).s, prefix,
        iphlp_decimal(row->DestinationPrefix.PrefixLength).s,
        via[0] ? via : (v6 ? "::" : "0.0.0.0"), deletes ? NULL : iphlp_decimal(row->Metric).s,
        iphlp_decimal((uint64_t)row->Protocol).s, NULL});
}

NETIO_STATUS WINAPI CreateIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    return change_route("CreateIpForwardEntry2", row);
}

NETIO_STATUS WINAPI DeleteIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    return change_route("DeleteIpForwardEntry2", row);
}

NETIO_STATUS WINAPI SetIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    return change_route("SetIpForwardEntry2", row);
}

NETIO_STATUS WINAPI GetIpForwardEntry2(PMIB_IPFORWARD_ROW2 row)
{
    struct link_reply reply;
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    NETIO_STATUS code = (NETIO_STATUS)iphlp_table("Routes", &reply);
    if (code != NO_ERROR)
        return code;
    code = ERROR_NOT_FOUND;
    for (const char *l = iphlp_first(&reply); l && code != NO_ERROR; l = link_next(&reply, l)) {
        MIB_IPFORWARD_ROW2 found;
        iphlp_route_row(l, &found);
        if (found.InterfaceIndex == index && same_address(&found.NextHop, &row->NextHop) &&
            found.DestinationPrefix.PrefixLength == row->DestinationPrefix.PrefixLength &&
            same_address(&found.DestinationPrefix.Prefix, &row->DestinationPrefix.Prefix)) {
            *row = found;
            code = NO_ERROR;
        }
    }
    link_reply_free(&reply);
    return code;
}

NETIO_STATUS WINAPI GetBestRoute2(NET_LUID *luid, NET_IFINDEX index, const SOCKADDR_INET *source,
                                  const SOCKADDR_INET *destination, ULONG options,
                                  PMIB_IPFORWARD_ROW2 best, SOCKADDR_INET *best_source)
{
    char from[TEXT] = "", to[TEXT];
    struct link_reply reply;
    (void)options;
    iphlp_format(destination, to, sizeof to);
    if (source)
        iphlp_format(source, from, sizeof from);
    if (strcmp(from, "0.0.0.0") == 0 || strcmp(from, "::") == 0)
        from[0] = 0;
    NET_IFINDEX at = luid ? iphlp_index(*luid, index) : index;
    if (!link_call(
            (const char *const[]){"ip", "GetBestRoute2", iphlp_decimal(at).s, from, to, NULL},
            &reply))
        return ERROR_NOT_SUPPORTED;
    NETIO_STATUS code = (NETIO_STATUS)strtoul(link_text(&reply, 0), NULL, 10);
    if (code == NO_ERROR) {
        iphlp_route_row(link_text(&reply, 1), best);
        if (best_source)
            iphlp_parse(link_text(&reply, 2), best_source);
    }
    link_reply_free(&reply);
    return code;
}

DWORD WINAPI GetBestInterfaceEx(struct sockaddr *destination, PDWORD index)
{
    SOCKADDR_INET to, source;
    MIB_IPFORWARD_ROW2 best;
    memset(&to, 0, sizeof to);
    memcpy(&to, destination, destination->sa_family == AF_INET6 ? sizeof to.Ipv6 : sizeof to.Ipv4);
    NETIO_STATUS code = GetBestRoute2(NULL, 0, NULL, &to, 0, &best, &source);
    if (code == NO_ERROR)
        *index = best.InterfaceIndex;
    return (DWORD)code;
}

DWORD WINAPI GetBestInterface(IPAddr destination, PDWORD index)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_addr.s_addr = destination;
    return GetBestInterfaceEx((struct sockaddr *)&to, index);
}

/* ---- neighbours ---- */

static NETIO_STATUS change_neighbour(const char *function, const MIB_IPNET_ROW2 *row)
{
    char address[TEXT], mac[2 * IF_MAX_PHYS_ADDRESS_LENGTH + 1] = "";
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    iphlp_format(&row->Address, address, sizeof address);
    for (unsigned i = 0; i < row->PhysicalAddressLength && i < 6; i++)
        snprintf(mac + (size_t)2 * i, 3, "%02x", row->PhysicalAddress[i]);
    bool deletes = strcmp(function, "DeleteIpNetEntry2") == 0;
    if (!address[0] || (!deletes && row->PhysicalAddressLength != 6))
        return ERROR_INVALID_PARAMETER;
    return (NETIO_STATUS)iphlp_change((const char *const[]){"ip", function, iphlp_decimal(index).s,
                                                            address, deletes ? NULL : mac, NULL});
}

NETIO_STATUS WINAPI CreateIpNetEntry2(const MIB_IPNET_ROW2 *row)
{
    return change_neighbour("CreateIpNetEntry2", row);
}

NETIO_STATUS WINAPI SetIpNetEntry2(PMIB_IPNET_ROW2 row)
{
    return change_neighbour("SetIpNetEntry2", row);
}

NETIO_STATUS WINAPI DeleteIpNetEntry2(const MIB_IPNET_ROW2 *row)
{
    return change_neighbour("DeleteIpNetEntry2", row);
}

NETIO_STATUS WINAPI GetIpNetEntry2(PMIB_IPNET_ROW2 row)
{
    struct link_reply reply;
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    NETIO_STATUS code = (NETIO_STATUS)iphlp_table("Neighbours", &reply);
    if (code != NO_ERROR)
        return code;
    code = ERROR_NOT_FOUND;
    for (const char *l = iphlp_first(&reply); l && code != NO_ERROR; l = link_next(&reply, l)) {
        MIB_IPNET_ROW2 found;
        neighbour_row(l, &found);
        if (found.InterfaceIndex == index && same_address(&found.Address, &row->Address)) {
            *row = found;
            code = NO_ERROR;
        }
    }
    link_reply_free(&reply);
    return code;
}

/* A packet to the neighbour makes the kernel ask for it. */
NETIO_STATUS WINAPI ResolveIpNetEntry2(PMIB_IPNET_ROW2 row, const SOCKADDR_INET *source)
{
    (void)source;
    SOCKET s = socket(row->Address.si_family, SOCK_DGRAM, IPPROTO_UDP);
    SOCKADDR_INET to = row->Address;
    to.Ipv4.sin_port = htons(9);
    NETIO_STATUS code = ERROR_BAD_NET_NAME;
    sendto(s, "", 0, 0, (const struct sockaddr *)&to,
           row->Address.si_family == AF_INET6 ? sizeof to.Ipv6 : sizeof to.Ipv4);
    closesocket(s);
    for (unsigned i = 0; i < 30 && code != NO_ERROR; i++) {
        MIB_IPNET_ROW2 found = *row;
        if (GetIpNetEntry2(&found) == NO_ERROR && found.PhysicalAddressLength == 6) {
            *row = found;
            code = NO_ERROR;
        } else {
            Sleep(100);
        }
    }
    return code;
}

NETIO_STATUS WINAPI FlushIpNetTable2(ADDRESS_FAMILY family, NET_IFINDEX index)
{
    const char *f = family == AF_INET6 ? "6" : family == AF_INET ? "4" : "0";
    return (NETIO_STATUS)iphlp_change(
        (const char *const[]){"ip", "FlushIpNetTable2", f, iphlp_decimal(index).s, NULL});
}

/* ---- IP interfaces ---- */

VOID WINAPI InitializeIpInterfaceEntry(PMIB_IPINTERFACE_ROW row)
{
    memset(row, 0xff, sizeof *row);
    row->Family = AF_UNSPEC;
    row->InterfaceLuid.Value = 0;
    row->InterfaceIndex = 0;
}

NETIO_STATUS WINAPI GetIpInterfaceEntry(PMIB_IPINTERFACE_ROW row)
{
    struct link_reply reply;
    NET_IFINDEX index = iphlp_index(row->InterfaceLuid, row->InterfaceIndex);
    if (row->Family != AF_INET && row->Family != AF_INET6)
        return ERROR_INVALID_PARAMETER;
    if (!link_call((const char *const[]){"ip", "GetIpInterfaceEntry", iphlp_decimal(index).s,
                                         row->Family == AF_INET6 ? "6" : "4", NULL},
                   &reply))
        return ERROR_NOT_SUPPORTED;
    NETIO_STATUS code = (NETIO_STATUS)strtoul(link_text(&reply, 0), NULL, 10);
    if (code == NO_ERROR)
        iphlp_interface_row(link_text(&reply, 1), row);
    link_reply_free(&reply);
    return code;
}

/* As on Windows: what was initialised but not set (all ones) stays as it is. */
static uint64_t given(uint64_t value, uint64_t unset, uint64_t now)
{
    return value == unset ? now : value;
}

static uint64_t given_flag(BOOLEAN value, BOOLEAN now)
{
    return given(value, 0xff, now) ? 1 : 0;
}

NETIO_STATUS WINAPI SetIpInterfaceEntry(PMIB_IPINTERFACE_ROW row)
{
    MIB_IPINTERFACE_ROW now = *row;
    NETIO_STATUS code = GetIpInterfaceEntry(&now);
    if (code != NO_ERROR)
        return code;
    /* Of IPv4 Windows takes a site prefix length of 0 alone, and refuses what a read gave. */
    if (row->Family == AF_INET && row->SitePrefixLength != 0 && row->SitePrefixLength != 0xffffffff)
        return ERROR_INVALID_PARAMETER;
    return (NETIO_STATUS)iphlp_change((const char *const[]){
        "ip", "SetIpInterfaceEntry", iphlp_decimal(now.InterfaceIndex).s,
        now.Family == AF_INET6 ? "6" : "4",
        iphlp_decimal(given(row->Metric, 0xffffffff, now.Metric)).s,
        iphlp_decimal(given_flag(row->UseAutomaticMetric, now.UseAutomaticMetric)).s,
        iphlp_decimal(given(row->NlMtu, 0xffffffff, now.NlMtu)).s,
        iphlp_decimal(given_flag(row->ForwardingEnabled, now.ForwardingEnabled)).s,
        iphlp_decimal(given_flag(row->DisableDefaultRoutes, now.DisableDefaultRoutes)).s,
        iphlp_decimal(given_flag(row->AdvertisingEnabled, now.AdvertisingEnabled)).s,
        iphlp_decimal(given_flag(row->WeakHostSend, now.WeakHostSend)).s,
        iphlp_decimal(given_flag(row->WeakHostReceive, now.WeakHostReceive)).s,
        iphlp_decimal(given(row->DadTransmits, 0xffffffff, now.DadTransmits)).s, NULL});
}
