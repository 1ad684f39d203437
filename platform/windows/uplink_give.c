/* SPDX-License-Identifier: Apache-2.0
 *
 * Giving an adapter what it lacks: addresses, routes, metrics and DNS servers by IP Helper.  What
 * IP Helper sets lives as long as the adapter does, so manual IPv4 addresses are noted in the
 * registry too, where the system looks when it starts, if it has none for this adapter. */
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/windows/uplink.h"

struct give {
    struct uplink_api api;
    NET_LUID luid;
    struct uplink_adapter have;
    const struct uplink_adapter *want;
    bool all;
    struct err *err;
};

static void give_sockaddr(const struct ip *ip, SOCKADDR_INET *out)
{
    memset(out, 0, sizeof *out);
    if (ip->family == 4) {
        out->Ipv4.sin_family = AF_INET;
        memcpy(&out->Ipv4.sin_addr, ip->b, 4);
    } else {
        out->Ipv6.sin6_family = AF_INET6;
        memcpy(&out->Ipv6.sin6_addr, ip->b, 16);
    }
}

static bool give_exists(DWORD code)
{
    return code == ERROR_OBJECT_ALREADY_EXISTS || code == ERROR_ALREADY_EXISTS;
}

static bool give_is_due(const struct give *g, enum uplink_origin origin)
{
    return origin == UPLINK_MANUAL || (origin == UPLINK_DHCP && g->all);
}

/* ---- addresses ---- */

static bool give_has_address(const struct give *g, const struct prefix *p)
{
    for (size_t i = 0; i < g->have.n_addresses; i++) {
        if (prefix_equal(&g->have.addresses[i].address, p)) {
            return true;
        }
    }
    return false;
}

static int give_address(struct give *g, const struct prefix *p)
{
    char text[PREFIX_TEXT_MAX];
    MIB_UNICASTIPADDRESS_ROW row;
    g->api.init_address(&row);
    give_sockaddr(&p->ip, &row.Address);
    row.InterfaceLuid = g->luid;
    row.OnLinkPrefixLength = p->len;
    row.DadState = IpDadStatePreferred; /* it was the node's a moment ago */
    DWORD code = (DWORD)g->api.create_address(&row);
    return code == NO_ERROR || give_exists(code)
               ? 0
               : os_err(g->err, code, "address %s", prefix_format(p, text));
}

static int give_addresses(struct give *g)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < g->want->n_addresses; i++) {
        const struct uplink_address *a = &g->want->addresses[i];
        if (give_is_due(g, a->origin) && !give_has_address(g, &a->address)) {
            rc = give_address(g, &a->address);
        }
    }
    return rc;
}

/* ---- routes ---- */

static bool give_has_route(const struct give *g, const struct uplink_route *r)
{
    for (size_t i = 0; i < g->have.n_routes; i++) {
        if (prefix_equal(&g->have.routes[i].destination, &r->destination) &&
            ip_equal(&g->have.routes[i].next_hop, &r->next_hop)) {
            return true;
        }
    }
    return false;
}

static int give_route(struct give *g, const struct uplink_route *r)
{
    char text[PREFIX_TEXT_MAX];
    MIB_IPFORWARD_ROW2 row;
    g->api.init_route(&row);
    give_sockaddr(&r->destination.ip, &row.DestinationPrefix.Prefix);
    row.DestinationPrefix.PrefixLength = r->destination.len;
    give_sockaddr(&r->next_hop, &row.NextHop);
    row.InterfaceLuid = g->luid;
    row.Metric = r->metric;
    row.Protocol = MIB_IPPROTO_NETMGMT;
    DWORD code = (DWORD)g->api.create_route(&row);
    return code == NO_ERROR || give_exists(code)
               ? 0
               : os_err(g->err, code, "route to %s", prefix_format(&r->destination, text));
}

static int give_routes(struct give *g)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < g->want->n_routes; i++) {
        const struct uplink_route *r = &g->want->routes[i];
        if (give_is_due(g, r->origin) && !give_has_route(g, r)) {
            rc = give_route(g, r);
        }
    }
    return rc;
}

/* ---- metrics and MTU ---- */

/* The MTU is a matter of speed: what the adapter does not take is left. */
static int give_interface(struct give *g, size_t i)
{
    MIB_IPINTERFACE_ROW row;
    uint32_t metric = g->want->metric[i];
    g->api.init_interface(&row);
    row.Family = i ? AF_INET6 : AF_INET;
    row.InterfaceLuid = g->luid;
    if (g->api.get_interface(&row) != NO_ERROR) {
        return 0; /* this family is not bound to the adapter */
    }
    row.SitePrefixLength = 0; /* must be so for IPv4, and is not given on for IPv6 */
    if (g->want->mtu && row.NlMtu != g->want->mtu) {
        MIB_IPINTERFACE_ROW with_mtu = row;
        with_mtu.NlMtu = g->want->mtu;
        g->api.set_interface(&with_mtu);
    }
    if (!metric || (!row.UseAutomaticMetric && row.Metric == metric)) {
        return 0;
    }
    row.UseAutomaticMetric = FALSE;
    row.Metric = metric;
    DWORD code = (DWORD)g->api.set_interface(&row);
    return code == NO_ERROR ? 0 : os_err(g->err, code, "interface metric");
}

/* ---- DNS ---- */

static void give_servers_text(const struct give *g, uint8_t family, struct sbuf *out)
{
    char text[IP_TEXT_MAX];
    for (size_t i = 0; i < g->want->n_servers; i++) {
        if (g->want->servers[i].family == family) {
            sbuf_printf(out, "%s%s", out->len ? "," : "", ip_format(&g->want->servers[i], text));
        }
    }
}

/* The DNS client looks into the registry again when it is told to. */
static void give_dns_changed(void)
{
    SERVICE_STATUS status;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE client = manager ? OpenServiceW(manager, L"Dnscache", SERVICE_PAUSE_CONTINUE) : NULL;
    if (client) {
        ControlService(client, SERVICE_CONTROL_PARAMCHANGE, &status);
        CloseServiceHandle(client);
    }
    if (manager) {
        CloseServiceHandle(manager);
    }
}

static DWORD give_registry_text(const wchar_t *key, const wchar_t *name, const wchar_t *text)
{
    return (DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, name, REG_SZ, text,
                                  (DWORD)((wcslen(text) + 1) * sizeof *text));
}

static int give_dns_registry(struct give *g, int family, const wchar_t *servers,
                             const wchar_t *suffix)
{
    wchar_t key[160];
    uplink_dns_key(&g->have.guid, family, key, ARRAY_LEN(key));
    DWORD code = give_registry_text(key, L"NameServer", servers);
    if (code == ERROR_SUCCESS && family == 4) {
        code = give_registry_text(key, L"Domain", suffix);
    }
    if (code != ERROR_SUCCESS) {
        return os_err(g->err, code, "DNS servers");
    }
    give_dns_changed();
    return 0;
}

static int give_dns_family(struct give *g, uint8_t family)
{
    auto_sbuf text = SBUF_INIT;
    give_servers_text(g, family, &text);
    auto_free wchar_t *servers = os_wide(sbuf_cstr(&text));
    auto_free wchar_t *suffix = os_wide(g->want->suffix);
    if (!g->api.set_dns) {
        return give_dns_registry(g, family, servers, suffix);
    }
    struct uplink_dns_settings settings = {.Version = 1,
                                           .Flags = UPLINK_DNS_SERVERS | UPLINK_DNS_OF(family),
                                           .NameServer = servers,
                                           .Domain = suffix};
    if (family == 4) {
        settings.Flags |= UPLINK_DNS_DOMAIN;
    }
    DWORD code = g->api.set_dns(uplink_guid_out(&g->have.guid), &settings);
    return code == NO_ERROR ? 0 : os_err(g->err, code, "DNS servers");
}

static bool give_has_servers(const struct give *g)
{
    bool same = g->have.n_servers == g->want->n_servers && g->have.dns == UPLINK_MANUAL &&
                strcmp(g->have.suffix, g->want->suffix) == 0;
    for (size_t i = 0; same && i < g->want->n_servers; i++) {
        same = ip_equal(&g->have.servers[i], &g->want->servers[i]);
    }
    return same;
}

/* Servers of a lease come with the lease. */
static int give_dns(struct give *g)
{
    bool manual = g->want->dns == UPLINK_MANUAL && (g->want->n_servers || *g->want->suffix);
    if (!manual || give_has_servers(g)) {
        return 0;
    }
    int rc = give_dns_family(g, 4);
    return rc < 0 ? rc : give_dns_family(g, 6);
}

/* ---- for the next start of the system ---- */

/* A list of texts with each its NUL, and one more. */
static void give_list_add(wchar_t *list, size_t size, size_t *at, const char *text)
{
    for (; *text && *at + 2 < size; text++) {
        list[(*at)++] = (wchar_t)*text;
    }
    list[(*at)++] = 0;
    list[*at] = 0;
}

static void give_registry_list(const wchar_t *key, const wchar_t *name, const wchar_t *list,
                               size_t n)
{
    RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, name, REG_MULTI_SZ, list,
                    (DWORD)((n + 1) * sizeof *list));
}

/* Manual IPv4 addresses, their masks, and the default gateway. */
static void give_registry_lists(struct give *g, const wchar_t *key)
{
    enum { LIST = UPLINK_ADDRESSES_MAX * IP_TEXT_MAX };
    auto_free wchar_t *ips = mem_calloc(LIST, sizeof *ips);
    auto_free wchar_t *masks = mem_calloc(LIST, sizeof *masks);
    size_t n_ips = 0, n_masks = 0;
    char text[IP_TEXT_MAX];
    for (size_t i = 0; i < g->want->n_addresses; i++) {
        const struct uplink_address *a = &g->want->addresses[i];
        if (a->origin == UPLINK_MANUAL && a->address.ip.family == 4) {
            struct ip mask = ip_mask(4, a->address.len);
            give_list_add(ips, LIST, &n_ips, ip_format(&a->address.ip, text));
            give_list_add(masks, LIST, &n_masks, ip_format(&mask, text));
        }
    }
    give_registry_list(key, L"IPAddress", ips, n_ips);
    give_registry_list(key, L"SubnetMask", masks, n_masks);
    for (size_t i = 0; i < g->want->n_routes; i++) {
        const struct uplink_route *r = &g->want->routes[i];
        wchar_t gateway[IP_TEXT_MAX + 2];
        size_t n = 0;
        if (r->origin == UPLINK_MANUAL && r->destination.ip.family == 4 && !r->destination.len) {
            give_list_add(gateway, ARRAY_LEN(gateway), &n, ip_format(&r->next_hop, text));
            give_registry_list(key, L"DefaultGateway", gateway, n);
            return;
        }
    }
}

/* Does the registry name an address already?  An operator's word stays. */
static bool give_is_noted(const wchar_t *key)
{
    wchar_t list[64] = {0};
    DWORD size = sizeof list - 2 * sizeof *list, dhcp = 1, dhcp_size = sizeof dhcp;
    LSTATUS code =
        RegGetValueW(HKEY_LOCAL_MACHINE, key, L"IPAddress", RRF_RT_REG_MULTI_SZ, NULL, list, &size);
    RegGetValueW(HKEY_LOCAL_MACHINE, key, L"EnableDHCP", RRF_RT_REG_DWORD, NULL, &dhcp, &dhcp_size);
    bool named = code == ERROR_MORE_DATA ||
                 (code == ERROR_SUCCESS && list[0] && wcscmp(list, L"0.0.0.0") != 0);
    return named && !dhcp;
}

static void give_note(struct give *g)
{
    wchar_t key[160];
    bool manual = false;
    DWORD off = 0;
    for (size_t i = 0; i < g->want->n_addresses; i++) {
        const struct uplink_address *a = &g->want->addresses[i];
        manual = manual || (a->origin == UPLINK_MANUAL && a->address.ip.family == 4);
    }
    uplink_dns_key(&g->have.guid, 4, key, ARRAY_LEN(key));
    if (!manual || g->want->dhcp || give_is_noted(key)) {
        return;
    }
    give_registry_lists(g, key);
    RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, L"EnableDHCP", REG_DWORD, &off, sizeof off);
}

int uplink_adapter_restore(const struct guid *guid, const struct uplink_adapter *want, bool all,
                           struct err *err)
{
    struct give g = {.api = uplink_api(), .want = want, .all = all, .err = err};
    if (!g.api.init_address || !g.api.create_address || !g.api.init_route || !g.api.create_route ||
        !g.api.init_interface || !g.api.get_interface || !g.api.set_interface) {
        return err_set(err, ERR_UNSUPPORTED, "iphlpapi.dll lacks functions");
    }
    int rc = uplink_find_guid(guid, &g.have, &g.luid, err);
    rc = rc < 0 ? rc : give_addresses(&g);
    rc = rc < 0 ? rc : give_routes(&g);
    rc = rc < 0 ? rc : give_interface(&g, 0);
    rc = rc < 0 ? rc : give_interface(&g, 1);
    rc = rc < 0 ? rc : give_dns(&g);
    if (rc == 0) {
        give_note(&g);
    }
    return rc;
}
