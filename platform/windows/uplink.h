/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading an adapter (uplink.c), giving it things (uplink_give.c) and naming it
 * (uplink_rename.c) share. */
#ifndef SEINE_PLATFORM_WINDOWS_UPLINK_H
#define SEINE_PLATFORM_WINDOWS_UPLINK_H

/* Sockets come before windows.h. */
#include <winsock2.h>

#include <ws2ipdef.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include "platform/uplink.h"
#include "platform/windows/os.h"

/* DNS_INTERFACE_SETTINGS of netioapi.h, version 1, which mingw does not declare; Server 2022. */
struct uplink_dns_settings {
    ULONG Version;
    ULONG64 Flags;
    PWSTR Domain, NameServer, SearchList;
    ULONG RegistrationEnabled, RegisterAdapterName, EnableLLMNR, QueryAdapterName;
    PWSTR ProfileNameServer;
};
enum { UPLINK_DNS_IPV6 = 0x1, UPLINK_DNS_SERVERS = 0x2, UPLINK_DNS_DOMAIN = 0x20 };
#define UPLINK_DNS_OF(family) ((ULONG64)((family) == 6 ? UPLINK_DNS_IPV6 : 0))

/* Functions of iphlpapi.dll by name; NULL: this system has it not. */
struct uplink_api {
    NETIO_STATUS(WINAPI *get_routes)(ADDRESS_FAMILY, MIB_IPFORWARD_TABLE2 **);
    void(WINAPI *free_table)(void *);
    void(WINAPI *init_interface)(MIB_IPINTERFACE_ROW *);
    NETIO_STATUS(WINAPI *get_interface)(MIB_IPINTERFACE_ROW *);
    NETIO_STATUS(WINAPI *set_interface)(MIB_IPINTERFACE_ROW *);
    void(WINAPI *init_address)(MIB_UNICASTIPADDRESS_ROW *);
    NETIO_STATUS(WINAPI *create_address)(const MIB_UNICASTIPADDRESS_ROW *);
    void(WINAPI *init_route)(MIB_IPFORWARD_ROW2 *);
    NETIO_STATUS(WINAPI *create_route)(const MIB_IPFORWARD_ROW2 *);
    DWORD(WINAPI *get_dns)(GUID, struct uplink_dns_settings *);
    DWORD(WINAPI *set_dns)(GUID, const struct uplink_dns_settings *);
    void(WINAPI *free_dns)(struct uplink_dns_settings *);
};
struct uplink_api uplink_api(void);

/* The system's form of a GUID has its first fields in the machine's order. */
struct guid uplink_guid_in(const GUID *g);
GUID uplink_guid_out(const struct guid *g);

int uplink_find_guid(const struct guid *guid, struct uplink_adapter *out, NET_LUID *luid,
                     struct err *err);
/* The registry key of an adapter's IPv4 or IPv6 configuration. */
void uplink_dns_key(const struct guid *guid, int family, wchar_t *out, size_t n);

#endif
