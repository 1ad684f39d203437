/* SPDX-License-Identifier: Apache-2.0 */
#include "iphlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static DWORD compartment_slot = TLS_OUT_OF_INDEXES;

DWORD iphlp_table(const char *name, struct link_reply *reply)
{
    if (!link_call((const char *const[]){"ip", name, NULL}, reply))
        return ERROR_NOT_SUPPORTED;
    DWORD code = (DWORD)strtoul(link_text(reply, 0), NULL, 10);
    if (code != NO_ERROR)
        link_reply_free(reply);
    return code;
}

const char *iphlp_first(const struct link_reply *reply)
{
    const char *status = link_next(reply, NULL);
    return status ? link_next(reply, status) : NULL;
}

unsigned iphlp_count(const struct link_reply *reply)
{
    unsigned n = 0;
    for (const char *line = iphlp_first(reply); line; line = link_next(reply, line))
        n++;
    return n;
}

DWORD iphlp_change(const char *const *args)
{
    struct link_reply reply;
    if (!link_call(args, &reply))
        return ERROR_NOT_SUPPORTED;
    DWORD code = (DWORD)strtoul(link_text(&reply, 0), NULL, 10);
    link_reply_free(&reply);
    return code;
}

void iphlp_format(const SOCKADDR_INET *address, char *text, size_t size)
{
    const void *raw = address->si_family == AF_INET6 ? (const void *)&address->Ipv6.sin6_addr
                                                     : (const void *)&address->Ipv4.sin_addr;
    if (address->si_family != AF_INET && address->si_family != AF_INET6)
        text[0] = 0;
    else if (!inet_ntop(address->si_family, raw, text, size))
        text[0] = 0;
}

void iphlp_parse(const char *text, SOCKADDR_INET *address)
{
    memset(address, 0, sizeof *address);
    if (strchr(text, ':')) {
        address->si_family = AF_INET6;
        inet_pton(AF_INET6, text, &address->Ipv6.sin6_addr);
    } else if (text[0]) {
        address->si_family = AF_INET;
        inet_pton(AF_INET, text, &address->Ipv4.sin_addr);
    }
}

void iphlp_address_field(const char *line, unsigned i, SOCKADDR_INET *address)
{
    char text[64];
    iphlp_parse(link_field(line, i, text, sizeof text), address);
}

struct iphlp_text iphlp_decimal(uint64_t n)
{
    struct iphlp_text t;
    snprintf(t.s, sizeof t.s, "%llu", (unsigned long long)n);
    return t;
}

bool iphlp_family_wanted(ADDRESS_FAMILY family, const char *line, unsigned i)
{
    return family == AF_UNSPEC || link_number(line, i) == (family == AF_INET6 ? 6u : 4u);
}

NET_LUID iphlp_luid(NET_IFINDEX index)
{
    NET_LUID luid;
    luid.Value = 0;
    luid.Info.NetLuidIndex = index & 0xffffff;
    luid.Info.IfType = index == 1 ? IF_TYPE_SOFTWARE_LOOPBACK : IF_TYPE_ETHERNET_CSMACD;
    return luid;
}

NET_IFINDEX iphlp_index(NET_LUID luid, NET_IFINDEX index)
{
    return luid.Value ? (NET_IFINDEX)luid.Info.NetLuidIndex : index;
}

void iphlp_compartment_init(void)
{
    compartment_slot = TlsAlloc();
}

NET_IF_COMPARTMENT_ID iphlp_compartment(void)
{
    uintptr_t id = (uintptr_t)TlsGetValue(compartment_slot);
    return id ? (NET_IF_COMPARTMENT_ID)id : 1;
}

NET_IF_COMPARTMENT_ID WINAPI GetCurrentThreadCompartmentId(void)
{
    return iphlp_compartment();
}

NETIO_STATUS WINAPI SetCurrentThreadCompartmentId(NET_IF_COMPARTMENT_ID id)
{
    return TlsSetValue(compartment_slot, (void *)(uintptr_t)id) ? NO_ERROR : ERROR_NOT_SUPPORTED;
}

void *iphlp_alloc_table(size_t header, size_t row, unsigned n)
{
    return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, header + row * (n ? n : 1));
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved);
BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) {
        DisableThreadLibraryCalls(module);
        iphlp_compartment_init();
        link_hide_exports(module, L"seine-double.absent");
    }
    return TRUE;
}
