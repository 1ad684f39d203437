/* SPDX-License-Identifier: Apache-2.0
 *
 * Notifications of changes, which Wine accepts and never makes: each has a thread that waits on a
 * connection of its own.  Also the DNS settings of adapters. */
#include "iphlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct registration {
    const char *kind; /* route, interface, address */
    PIPFORWARD_CHANGE_CALLBACK route;
    PIPINTERFACE_CHANGE_CALLBACK interface_;
    PUNICAST_IPADDRESS_CHANGE_CALLBACK address;
    void *context;
    bool initial;
    SOCKET socket;
    HANDLE thread;
    DWORD thread_id;
};

static void call_back(const struct registration *r, MIB_NOTIFICATION_TYPE how, const char *line)
{
    MIB_IPFORWARD_ROW2 route;
    MIB_IPINTERFACE_ROW interface_;
    MIB_UNICASTIPADDRESS_ROW address;
    if (r->route) {
        iphlp_route_row(line ? line : "", &route);
        r->route(r->context, line ? &route : NULL, how);
    } else if (r->interface_) {
        iphlp_interface_row(line ? line : "", &interface_);
        r->interface_(r->context, line ? &interface_ : NULL, how);
    } else {
        iphlp_address_row(line ? line : "", &address);
        r->address(r->context, line ? &address : NULL, how);
    }
}

static DWORD WINAPI notify_thread(void *arg)
{
    const struct registration *r = arg;
    struct link_reply message;
    if (r->initial)
        call_back(r, MibInitialNotification, NULL);
    while (link_read(r->socket, &message)) {
        call_back(r, (MIB_NOTIFICATION_TYPE)strtoul(link_text(&message, 0), NULL, 10),
                  link_text(&message, 1));
        link_reply_free(&message);
    }
    return 0;
}

static NETIO_STATUS start(const struct registration *from, ADDRESS_FAMILY family, HANDLE *handle)
{
    struct registration *r = malloc(sizeof *r);
    if (!r)
        return ERROR_NOT_ENOUGH_MEMORY;
    *r = *from;
    const char *f = family == AF_INET6 ? "6" : family == AF_INET ? "4" : "0";
    r->socket = link_open((const char *const[]){"ip-subscribe", r->kind, f, NULL});
    struct link_reply hello = {NULL, 0};
    if (r->socket == INVALID_SOCKET || !link_read(r->socket, &hello)) {
        free(r);
        return ERROR_NOT_SUPPORTED;
    }
    link_reply_free(&hello);
    *handle = r;
    r->thread = CreateThread(NULL, 0, notify_thread, r, 0, &r->thread_id);
    return NO_ERROR;
}

NETIO_STATUS WINAPI NotifyRouteChange2(ADDRESS_FAMILY family, PIPFORWARD_CHANGE_CALLBACK callback,
                                       PVOID context, BOOLEAN initial, HANDLE *handle)
{
    return start(
        &(struct registration){
            .kind = "route", .route = callback, .context = context, .initial = initial != 0},
        family, handle);
}

NETIO_STATUS WINAPI NotifyIpInterfaceChange(ADDRESS_FAMILY family,
                                            PIPINTERFACE_CHANGE_CALLBACK callback, PVOID context,
                                            BOOLEAN initial, HANDLE *handle)
{
    return start(&(struct registration){.kind = "interface",
                                        .interface_ = callback,
                                        .context = context,
                                        .initial = initial != 0},
                 family, handle);
}

NETIO_STATUS WINAPI NotifyUnicastIpAddressChange(ADDRESS_FAMILY family,
                                                 PUNICAST_IPADDRESS_CHANGE_CALLBACK callback,
                                                 PVOID context, BOOLEAN initial, HANDLE *handle)
{
    return start(
        &(struct registration){
            .kind = "address", .address = callback, .context = context, .initial = initial != 0},
        family, handle);
}

NETIO_STATUS WINAPI CancelMibChangeNotify2(HANDLE handle)
{
    struct registration *r = handle;
    if (!r)
        return ERROR_INVALID_PARAMETER;
    shutdown(r->socket, SD_BOTH);
    closesocket(r->socket);
    bool own = GetCurrentThreadId() == r->thread_id;
    if (!own)
        WaitForSingleObject(r->thread, INFINITE);
    CloseHandle(r->thread);
    if (!own)
        free(r);
    return NO_ERROR;
}

/* ---- DNS settings: version 1 of the structure, which mingw does not declare ---- */

struct dns_settings {
    ULONG Version;
    ULONG64 Flags;
    PWSTR Domain;
    PWSTR NameServer;
    PWSTR SearchList;
    ULONG RegistrationEnabled;
    ULONG RegisterAdapterName;
    ULONG EnableLLMNR;
    ULONG QueryAdapterName;
    PWSTR ProfileNameServer;
};
enum { DNS_IPV6 = 0x1, DNS_NAMESERVER = 0x2, DNS_SEARCHLIST = 0x4, DNS_DOMAIN = 0x20 };

DWORD WINAPI SetInterfaceDnsSettings(GUID id, const struct dns_settings *settings);
DWORD WINAPI GetInterfaceDnsSettings(GUID id, struct dns_settings *settings);
VOID WINAPI FreeInterfaceDnsSettings(struct dns_settings *settings);

static void dns_key(const GUID *id, ULONG64 flags, char *key, size_t size)
{
    char text[37];
    link_guid_format(id, text);
    snprintf(key, size, "%s/%s", text, flags & DNS_IPV6 ? "6" : "4");
}

static bool dns_read(const char *key, struct link_reply *reply)
{
    return link_call((const char *const[]){"ip", "GetInterfaceDnsSettings", key, NULL}, reply) &&
           strcmp(link_text(reply, 0), "0") == 0;
}

/* One of the three texts: as given, or as it is. */
static void dns_text(char *out, size_t size, bool set, const WCHAR *value, const char *old)
{
    char *text = set ? link_utf8(value) : NULL;
    snprintf(out, size, "%s", set ? (text ? text : "") : old);
    free(text);
}

DWORD WINAPI SetInterfaceDnsSettings(GUID id, const struct dns_settings *settings)
{
    char key[48], domain[256], servers[512], search[512], line[1400], old[512];
    struct link_reply reply = {NULL, 0};
    dns_key(&id, settings->Flags, key, sizeof key);
    const char *now = dns_read(key, &reply) ? link_text(&reply, 1) : "";
    dns_text(domain, sizeof domain, settings->Flags & DNS_DOMAIN, settings->Domain,
             link_field(now, 0, old, sizeof old));
    dns_text(servers, sizeof servers, settings->Flags & DNS_NAMESERVER, settings->NameServer,
             link_field(now, 1, old, sizeof old));
    dns_text(search, sizeof search, settings->Flags & DNS_SEARCHLIST, settings->SearchList,
             link_field(now, 2, old, sizeof old));
    link_reply_free(&reply);
    snprintf(line, sizeof line, "%s\t%s\t%s", domain, servers, search);
    return iphlp_change((const char *const[]){"ip", "SetInterfaceDnsSettings", key, line, NULL});
}

DWORD WINAPI GetInterfaceDnsSettings(GUID id, struct dns_settings *settings)
{
    char key[48], text[512];
    struct link_reply reply = {NULL, 0};
    dns_key(&id, settings->Flags, key, sizeof key);
    if (!dns_read(key, &reply)) {
        link_reply_free(&reply);
        return ERROR_NOT_SUPPORTED;
    }
    settings->Flags = (settings->Flags & DNS_IPV6) | DNS_NAMESERVER | DNS_SEARCHLIST | DNS_DOMAIN;
    settings->Domain = link_utf16(link_field(link_text(&reply, 1), 0, text, sizeof text));
    settings->NameServer = link_utf16(link_field(link_text(&reply, 1), 1, text, sizeof text));
    settings->SearchList = link_utf16(link_field(link_text(&reply, 1), 2, text, sizeof text));
    settings->ProfileNameServer = NULL;
    link_reply_free(&reply);
    return NO_ERROR;
}

VOID WINAPI FreeInterfaceDnsSettings(struct dns_settings *settings)
{
    free(settings->Domain);
    free(settings->NameServer);
    free(settings->SearchList);
    settings->Domain = settings->NameServer = settings->SearchList = NULL;
}
