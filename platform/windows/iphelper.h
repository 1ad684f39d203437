/* SPDX-License-Identifier: Apache-2.0
 *
 * IP Helper (iphlpapi.dll), each function by its name, so that a system which lacks one still
 * starts the programs: what needs it then fails with one clear error. */
#ifndef SEINE_PLATFORM_WINDOWS_IPHELPER_H
#define SEINE_PLATFORM_WINDOWS_IPHELPER_H

/* Sockets come before windows.h. */
#include <winsock2.h>

#include <ws2ipdef.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include "core/base/addr.h"
#include "platform/windows/os.h"

/* The functions; each gives a code of winerror.h. */
struct iphelper {
    DWORD(WINAPI *alias_to_luid)(const WCHAR *, NET_LUID *);
    DWORD(WINAPI *luid_to_index)(const NET_LUID *, NET_IFINDEX *);
    DWORD(WINAPI *get_link)(MIB_IF_ROW2 *);
    DWORD(WINAPI *set_link)(MIB_IFROW *);
    void(WINAPI *interface_init)(MIB_IPINTERFACE_ROW *);
    DWORD(WINAPI *interface_get)(MIB_IPINTERFACE_ROW *);
    DWORD(WINAPI *interface_set)(MIB_IPINTERFACE_ROW *);
    DWORD(WINAPI *address_table)(ADDRESS_FAMILY, MIB_UNICASTIPADDRESS_TABLE **);
    void(WINAPI *address_init)(MIB_UNICASTIPADDRESS_ROW *);
    DWORD(WINAPI *address_create)(const MIB_UNICASTIPADDRESS_ROW *);
    DWORD(WINAPI *address_delete)(const MIB_UNICASTIPADDRESS_ROW *);
    DWORD(WINAPI *route_table)(ADDRESS_FAMILY, MIB_IPFORWARD_TABLE2 **);
    void(WINAPI *route_init)(MIB_IPFORWARD_ROW2 *);
    DWORD(WINAPI *route_create)(const MIB_IPFORWARD_ROW2 *);
    DWORD(WINAPI *route_delete)(const MIB_IPFORWARD_ROW2 *);
    DWORD(WINAPI *neighbour_table)(ADDRESS_FAMILY, MIB_IPNET_TABLE2 **);
    DWORD(WINAPI *neighbour_create)(const MIB_IPNET_ROW2 *);
    DWORD(WINAPI *neighbour_set)(MIB_IPNET_ROW2 *);
    DWORD(WINAPI *neighbour_delete)(const MIB_IPNET_ROW2 *);
    void(WINAPI *table_free)(void *);
};
/* All of them, or ERR_UNSUPPORTED naming the first that is absent. */
int iphelper_get(const struct iphelper **out, struct err *err);
/* Frees a table of any kind: PORT_CLEANUP(iphelper_free) MIB_..._TABLE *t = NULL; */
void iphelper_free(void *table_pointer);
#define auto_table PORT_CLEANUP(iphelper_free)

/* The device of that alias, else of "vEthernet (NAME)".  ERR_NOT_FOUND. */
int iphelper_device(const struct iphelper *ip, const char *name, NET_LUID *out, struct err *err);

struct ip iphelper_ip(const SOCKADDR_INET *a); /* family 0: neither IPv4 nor IPv6 */
SOCKADDR_INET iphelper_sockaddr(const struct ip *ip);
/* A link-local address of either family. */
bool iphelper_is_link_local(const struct ip *ip);
/* The IP interface of a device for a family; ERROR_NOT_FOUND: it does not speak that. */
DWORD iphelper_interface(const struct iphelper *ip, const NET_LUID *luid, unsigned family,
                         MIB_IPINTERFACE_ROW *out);
/* Sets what was changed in a row that iphelper_interface() gave. */
DWORD iphelper_interface_set(const struct iphelper *ip, MIB_IPINTERFACE_ROW *row);

#endif
