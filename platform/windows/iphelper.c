/* SPDX-License-Identifier: Apache-2.0
 *
 * IP Helper by name, and its forms of addresses: see iphelper.h. */
#include "platform/windows/iphelper.h"

#include <assert.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"

static const struct {
    const char *name;
    size_t offset;
} iphelper_names[] = {
    {"ConvertInterfaceAliasToLuid", offsetof(struct iphelper, alias_to_luid)},
    {"ConvertInterfaceLuidToIndex", offsetof(struct iphelper, luid_to_index)},
    {"GetIfEntry2", offsetof(struct iphelper, get_link)},
    {"SetIfEntry", offsetof(struct iphelper, set_link)},
    {"InitializeIpInterfaceEntry", offsetof(struct iphelper, interface_init)},
    {"GetIpInterfaceEntry", offsetof(struct iphelper, interface_get)},
    {"SetIpInterfaceEntry", offsetof(struct iphelper, interface_set)},
    {"GetUnicastIpAddressTable", offsetof(struct iphelper, address_table)},
    {"InitializeUnicastIpAddressEntry", offsetof(struct iphelper, address_init)},
    {"CreateUnicastIpAddressEntry", offsetof(struct iphelper, address_create)},
    {"DeleteUnicastIpAddressEntry", offsetof(struct iphelper, address_delete)},
    {"GetIpForwardTable2", offsetof(struct iphelper, route_table)},
    {"InitializeIpForwardEntry", offsetof(struct iphelper, route_init)},
    {"CreateIpForwardEntry2", offsetof(struct iphelper, route_create)},
    {"DeleteIpForwardEntry2", offsetof(struct iphelper, route_delete)},
    {"GetIpNetTable2", offsetof(struct iphelper, neighbour_table)},
    {"CreateIpNetEntry2", offsetof(struct iphelper, neighbour_create)},
    {"SetIpNetEntry2", offsetof(struct iphelper, neighbour_set)},
    {"DeleteIpNetEntry2", offsetof(struct iphelper, neighbour_delete)},
    {"FreeMibTable", offsetof(struct iphelper, table_free)},
};
static_assert(ARRAY_LEN(iphelper_names) * sizeof(void *) == sizeof(struct iphelper),
              "each function has its name");

static struct iphelper iphelper_functions;
static const char *iphelper_absent; /* the first that is not there */
static INIT_ONCE iphelper_once = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK iphelper_load(PINIT_ONCE once, void *parameter, void **context)
{
    (void)once;
    (void)parameter;
    (void)context;
    HMODULE library = LoadLibraryW(L"iphlpapi.dll"); /* the program is linked with it already */
    for (size_t i = 0; i < ARRAY_LEN(iphelper_names); i++) {
        FARPROC f = library ? GetProcAddress(library, iphelper_names[i].name) : NULL;
        if (!f && !iphelper_absent) {
            iphelper_absent = iphelper_names[i].name;
        }
        memcpy((char *)&iphelper_functions + iphelper_names[i].offset, &f, sizeof f);
    }
    return TRUE;
}

int iphelper_get(const struct iphelper **out, struct err *err)
{
    InitOnceExecuteOnce(&iphelper_once, iphelper_load, NULL, NULL);
    if (iphelper_absent) {
        return err_set(err, ERR_UNSUPPORTED, "IP Helper: %s is not on this system",
                       iphelper_absent);
    }
    *out = &iphelper_functions;
    return 0;
}

void iphelper_free(void *table_pointer)
{
    void *table = *(void **)table_pointer;
    if (table && iphelper_functions.table_free) {
        iphelper_functions.table_free(table);
    }
}

int iphelper_device(const struct iphelper *ip, const char *name, NET_LUID *out, struct err *err)
{
    auto_sbuf full = SBUF_INIT;
    sbuf_printf(&full, "vEthernet (%s)", name);
    auto_free wchar_t *alias = os_wide(name), *virtual = os_wide(full.data);
    DWORD code = ip->alias_to_luid(alias, out);
    if (code != NO_ERROR) {
        code = ip->alias_to_luid(virtual, out);
    }
    bool absent =
        code == ERROR_INVALID_PARAMETER || code == ERROR_NOT_FOUND || code == ERROR_FILE_NOT_FOUND;
    if (absent) {
        return err_set_os(err, ERR_NOT_FOUND, code, "interface %s: No such device", name);
    }
    return code == NO_ERROR ? 0 : os_err(err, code, "interface %s", name);
}

struct ip iphelper_ip(const SOCKADDR_INET *a)
{
    struct ip ip = {0};
    if (a->si_family == AF_INET) {
        ip.family = 4;
        memcpy(ip.b, &a->Ipv4.sin_addr, 4);
    } else if (a->si_family == AF_INET6) {
        ip.family = 6;
        memcpy(ip.b, &a->Ipv6.sin6_addr, 16);
    }
    return ip;
}

SOCKADDR_INET iphelper_sockaddr(const struct ip *ip)
{
    SOCKADDR_INET a;
    memset(&a, 0, sizeof a);
    if (ip->family == 4) {
        a.Ipv4.sin_family = AF_INET;
        memcpy(&a.Ipv4.sin_addr, ip->b, 4);
    } else {
        a.Ipv6.sin6_family = AF_INET6;
        memcpy(&a.Ipv6.sin6_addr, ip->b, 16);
    }
    return a;
}

bool iphelper_is_link_local(const struct ip *ip)
{
    return ip->family == 4 ? ip->b[0] == 169 && ip->b[1] == 254
                           : ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

DWORD iphelper_interface(const struct iphelper *ip, const NET_LUID *luid, unsigned family,
                         MIB_IPINTERFACE_ROW *out)
{
    ip->interface_init(out);
    out->Family = family == 4 ? AF_INET : AF_INET6;
    out->InterfaceLuid = *luid;
    return ip->interface_get(out);
}

DWORD iphelper_interface_set(const struct iphelper *ip, MIB_IPINTERFACE_ROW *row)
{
    row->SitePrefixLength = 0; /* for IPv4 the system refuses what it has itself given */
    return ip->interface_set(row);
}
