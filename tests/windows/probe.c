/* SPDX-License-Identifier: Apache-2.0
 *
 * doubles-probe.exe: a plain Windows program that calls what the doubles stand in for, as words on
 * its command line say, and prints what came back.  It knows nothing of doubles: computenetwork.dll
 * and vmcompute.dll by name from system32, iphlpapi.dll by its import table, WMI by COM, pipes by
 * name.
 *
 *   hcn exports                                 functions that are missing
 *   hcn enumerate KINDs [QUERY]                 KIND: Network, Endpoint, Namespace, LoadBalancer
 *   hcn create KIND GUID JSON [NETWORK]
 *   hcn query|delete KIND GUID
 *   hcn modify KIND GUID JSON
 *   hcn watch MS
 *   hns METHOD PATH
 *   ip adapters | routes | addresses | neighbours
 *   ip route add|del|set ALIAS PREFIX LEN NEXTHOP METRIC
 *   ip address add|del ALIAS ADDRESS LEN
 *   ip neighbour add|del ALIAS ADDRESS MAC
 *   ip interface ALIAS 4|6 [MTU FORWARDING METRIC]
 *   ip best DESTINATION
 *   ip dns ALIAS [SERVERS]
 *   ip watch route|interface|address MS
 *   net rename ALIAS NAME                       by the manager of network connections
 *   nat list | add NAME PREFIX | del NAME
 *   pipe NAME TEXT                              sends TEXT, prints what comes until a closing brace
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include <initguid.h>
#include <computenetwork.h>
#include <objbase.h>
#include <netcon.h>
#include <oleauto.h>
#undef GetObject
#include <wbemcli.h>

static WCHAR *wide(const char *text)
{
    int n = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    WCHAR *out = calloc((size_t)n + 1, sizeof *out);
    if (!out)
        exit(3);
    MultiByteToWideChar(CP_UTF8, 0, text, -1, out, n);
    return out;
}

static void print_wide(const char *before, const WCHAR *text)
{
    char out[16384] = "";
    if (text)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, out, sizeof out, NULL, NULL);
    printf("%s%s\n", before, out);
}

static int usage(void)
{
    fprintf(stderr, "doubles-probe: not understood\n");
    return 2;
}

/* ---- HCN ---- */

typedef void (*any_fn)(void);

static any_fn hcn(const char *name)
{
    static HMODULE module;
    if (!module)
        module = LoadLibraryExW(L"computenetwork.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (!module) {
        printf("absent computenetwork.dll %u\n", (unsigned)GetLastError());
        exit(4);
    }
    return (any_fn)GetProcAddress(module, name);
}

static any_fn hcn_of(const char *verb, const char *kind, const char *end)
{
    char name[64];
    snprintf(name, sizeof name, "Hcn%s%s%s", verb, kind, end);
    any_fn f = hcn(name);
    if (!f) {
        printf("absent %s\n", name);
        exit(4);
    }
    return f;
}

typedef HRESULT(WINAPI *enumerate_fn)(PCWSTR, PWSTR *, PWSTR *);
typedef HRESULT(WINAPI *create_fn)(REFGUID, PCWSTR, void **, PWSTR *);
typedef HRESULT(WINAPI *create_endpoint_fn)(void *, REFGUID, PCWSTR, void **, PWSTR *);
typedef HRESULT(WINAPI *open_fn)(REFGUID, void **, PWSTR *);
typedef HRESULT(WINAPI *modify_fn)(void *, PCWSTR, PWSTR *);
typedef HRESULT(WINAPI *query_fn)(void *, PCWSTR, PWSTR *, PWSTR *);
typedef HRESULT(WINAPI *delete_fn)(REFGUID, PWSTR *);
typedef HRESULT(WINAPI *close_fn)(void *);
typedef HRESULT(WINAPI *register_fn)(HCN_NOTIFICATION_CALLBACK, void *, HCN_CALLBACK *);
typedef HRESULT(WINAPI *hnscall_fn)(PCWSTR, PCWSTR, PCWSTR, PWSTR *);

/* Prints and frees what a call gave. */
static int told(HRESULT hr, PWSTR result, PWSTR error)
{
    printf("hr %08x\n", (unsigned)hr);
    if (result)
        print_wide("", result);
    if (error)
        print_wide("error ", error);
    CoTaskMemFree(result);
    CoTaskMemFree(error);
    return FAILED(hr) ? 1 : 0;
}

static GUID guid_of(const char *text)
{
    GUID id;
    char braced[48];
    snprintf(braced, sizeof braced, "{%s}", text);
    WCHAR *w = wide(braced);
    if (CLSIDFromString(w, &id) != S_OK)
        exit(usage());
    free(w);
    return id;
}

static void *open_object(const char *kind, const GUID *id)
{
    void *handle = NULL;
    PWSTR error = NULL;
    HRESULT hr = ((open_fn)hcn_of("Open", kind, ""))(id, &handle, &error);
    if (FAILED(hr))
        exit(told(hr, NULL, error));
    return handle;
}

static int hcn_exports(void)
{
    static const char *const kinds[] = {"Network", "Endpoint", "Namespace", "LoadBalancer"};
    static const char *const verbs[][2] = {
        {"Enumerate", "s"},      {"Create", ""}, {"Open", ""}, {"Modify", ""},
        {"Query", "Properties"}, {"Delete", ""}, {"Close", ""}};
    char name[64];
    for (unsigned k = 0; k < 4; k++) {
        for (unsigned f = 0; f < 7; f++) {
            snprintf(name, sizeof name, "Hcn%s%s%s", verbs[f][0], kinds[k], verbs[f][1]);
            if (!hcn(name))
                printf("absent %s\n", name);
        }
    }
    if (!hcn("HcnRegisterServiceCallback") || !hcn("HcnUnregisterServiceCallback"))
        printf("absent callbacks\n");
    return 0;
}

static int hcn_create(int argc, char **argv)
{
    GUID id = guid_of(argv[1]);
    WCHAR *json = wide(argv[2]);
    PWSTR error = NULL;
    void *handle = NULL;
    HRESULT hr;
    if (argc > 3) {
        GUID network = guid_of(argv[3]);
        void *n = open_object("Network", &network);
        hr = ((create_endpoint_fn)hcn_of("Create", argv[0], ""))(n, &id, json, &handle, &error);
        ((close_fn)hcn_of("Close", "Network", ""))(n);
    } else {
        hr = ((create_fn)hcn_of("Create", argv[0], ""))(&id, json, &handle, &error);
    }
    if (handle)
        ((close_fn)hcn_of("Close", argv[0], ""))(handle);
    return told(hr, NULL, error);
}

static int hcn_on(const char *verb, char **argv)
{
    GUID id = guid_of(argv[1]);
    PWSTR result = NULL, error = NULL;
    if (strcmp(verb, "delete") == 0)
        return told(((delete_fn)hcn_of("Delete", argv[0], ""))(&id, &error), NULL, error);
    void *handle = open_object(argv[0], &id);
    HRESULT hr;
    if (strcmp(verb, "query") == 0)
        hr = ((query_fn)hcn_of("Query", argv[0], "Properties"))(handle, NULL, &result, &error);
    else
        hr = ((modify_fn)hcn_of("Modify", argv[0], ""))(handle, wide(argv[2]), &error);
    ((close_fn)hcn_of("Close", argv[0], ""))(handle);
    return told(hr, result, error);
}

static void CALLBACK on_hcn(DWORD type, void *context, HRESULT status, PCWSTR data)
{
    printf("notification %08x %s %08x ", (unsigned)type, (const char *)context, (unsigned)status);
    print_wide("", data);
    fflush(stdout);
}

static int hcn_watch(DWORD ms)
{
    static char context[] = "context";
    HCN_CALLBACK handle = NULL;
    HRESULT hr = ((register_fn)hcn_of("Register", "ServiceCallback", ""))(on_hcn, context, &handle);
    printf("hr %08x\n", (unsigned)hr);
    fflush(stdout);
    Sleep(ms);
    if (SUCCEEDED(hr))
        hr = ((close_fn)hcn_of("Unregister", "ServiceCallback", ""))(handle);
    return FAILED(hr) ? 1 : 0;
}

static int run_hcn(int argc, char **argv)
{
    if (argc >= 1 && strcmp(argv[0], "exports") == 0)
        return hcn_exports();
    if (argc >= 2 && strcmp(argv[0], "enumerate") == 0) {
        PWSTR list = NULL, error = NULL;
        HRESULT hr = ((enumerate_fn)hcn_of("Enumerate", argv[1], ""))(
            argc > 2 ? wide(argv[2]) : NULL, &list, &error);
        return told(hr, list, error);
    }
    if (argc >= 4 && strcmp(argv[0], "create") == 0)
        return hcn_create(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[0], "watch") == 0)
        return hcn_watch((DWORD)atoi(argv[1]));
    return argc >= 3 ? hcn_on(argv[0], argv + 1) : usage();
}

static int run_hns(char **argv)
{
    PWSTR response = NULL;
    HMODULE module = LoadLibraryExW(L"vmcompute.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    any_fn f = module ? (any_fn)GetProcAddress(module, "HNSCall") : NULL;
    if (!f) {
        printf("absent HNSCall\n");
        return 4;
    }
    HRESULT hr = ((hnscall_fn)f)(wide(argv[0]), wide(argv[1]), L"", &response);
    return told(hr, response, NULL);
}

/* ---- IP Helper ---- */

static SOCKADDR_INET parse_ip(const char *text)
{
    SOCKADDR_INET a;
    memset(&a, 0, sizeof a);
    a.si_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    inet_pton(a.si_family, text,
              a.si_family == AF_INET6 ? (void *)&a.Ipv6.sin6_addr : (void *)&a.Ipv4.sin_addr);
    return a;
}

static const char *format_ip(const SOCKADDR_INET *a)
{
    static char text[4][64];
    static unsigned at;
    char *out = text[at++ % 4];
    const void *raw = a->si_family == AF_INET6 ? (const void *)&a->Ipv6.sin6_addr
                                               : (const void *)&a->Ipv4.sin_addr;
    return inet_ntop(a->si_family, raw, out, 64) ? out : "-";
}

static NET_LUID luid_of(const char *alias)
{
    NET_LUID luid;
    WCHAR *w = wide(alias);
    if (ConvertInterfaceAliasToLuid(w, &luid) != NO_ERROR) {
        printf("no adapter %s\n", alias);
        exit(5);
    }
    free(w);
    return luid;
}

static int code(NETIO_STATUS status)
{
    printf("code %d\n", (int)status);
    return status == NO_ERROR ? 0 : 1;
}

static int ip_adapters(void)
{
    ULONG size = 0, flags = GAA_FLAG_INCLUDE_ALL_COMPARTMENTS | GAA_FLAG_INCLUDE_GATEWAYS |
                            GAA_FLAG_INCLUDE_PREFIX;
    IP_ADAPTER_ADDRESSES *list = NULL;
    ULONG rc = GetAdaptersAddresses(AF_UNSPEC, flags, NULL, NULL, &size);
    while (rc == ERROR_BUFFER_OVERFLOW) { /* more of them may come between two calls */
        free(list);
        list = malloc(size);
        rc = GetAdaptersAddresses(AF_UNSPEC, flags, NULL, list, &size);
    }
    for (IP_ADAPTER_ADDRESSES *a = rc == NO_ERROR ? list : NULL; a; a = a->Next) {
        char name[256] = "";
        WideCharToMultiByte(CP_UTF8, 0, a->FriendlyName, -1, name, sizeof name, NULL, NULL);
        printf("adapter %s|%u|%s|%u|", name, a->CompartmentId,
               a->OperStatus == IfOperStatusUp ? "up" : "down", (unsigned)a->Mtu);
        for (IP_ADAPTER_UNICAST_ADDRESS *u = a->FirstUnicastAddress; u; u = u->Next)
            printf("%s/%u ", format_ip((SOCKADDR_INET *)u->Address.lpSockaddr),
                   u->OnLinkPrefixLength);
        for (IP_ADAPTER_GATEWAY_ADDRESS *g = a->FirstGatewayAddress; g; g = g->Next)
            printf("gateway %s ", format_ip((SOCKADDR_INET *)g->Address.lpSockaddr));
        for (IP_ADAPTER_DNS_SERVER_ADDRESS *d = a->FirstDnsServerAddress; d; d = d->Next)
            printf("dns %s ", format_ip((SOCKADDR_INET *)d->Address.lpSockaddr));
        printf("\n");
    }
    free(list);
    return code((NETIO_STATUS)rc);
}

static int ip_routes(void)
{
    MIB_IPFORWARD_TABLE2 *t;
    NETIO_STATUS rc = GetIpForwardTable2(AF_UNSPEC, &t);
    for (ULONG i = 0; rc == NO_ERROR && i < t->NumEntries; i++) {
        WCHAR alias[256];
        MIB_IPFORWARD_ROW2 *r = &t->Table[i];
        ConvertInterfaceLuidToAlias(&r->InterfaceLuid, alias, 256);
        printf("route %s/%u via %s metric %u ", format_ip(&r->DestinationPrefix.Prefix),
               r->DestinationPrefix.PrefixLength, format_ip(&r->NextHop), (unsigned)r->Metric);
        print_wide("dev ", alias);
    }
    if (rc == NO_ERROR)
        FreeMibTable(t);
    return code(rc);
}

static int ip_addresses(void)
{
    MIB_UNICASTIPADDRESS_TABLE *t;
    NETIO_STATUS rc = GetUnicastIpAddressTable(AF_UNSPEC, &t);
    for (ULONG i = 0; rc == NO_ERROR && i < t->NumEntries; i++)
        printf("address %s/%u index %u\n", format_ip(&t->Table[i].Address),
               t->Table[i].OnLinkPrefixLength, (unsigned)t->Table[i].InterfaceIndex);
    if (rc == NO_ERROR)
        FreeMibTable(t);
    return code(rc);
}

static int ip_neighbours(void)
{
    MIB_IPNET_TABLE2 *t;
    NETIO_STATUS rc = GetIpNetTable2(AF_UNSPEC, &t);
    for (ULONG i = 0; rc == NO_ERROR && i < t->NumEntries; i++) {
        const UCHAR *m = t->Table[i].PhysicalAddress;
        printf("neighbour %s %02x:%02x:%02x:%02x:%02x:%02x state %d\n",
               format_ip(&t->Table[i].Address), m[0], m[1], m[2], m[3], m[4], m[5],
               (int)t->Table[i].State);
    }
    if (rc == NO_ERROR)
        FreeMibTable(t);
    return code(rc);
}

static int ip_route(const char *verb, char **argv)
{
    MIB_IPFORWARD_ROW2 row;
    InitializeIpForwardEntry(&row);
    row.InterfaceLuid = luid_of(argv[0]);
    row.DestinationPrefix.Prefix = parse_ip(argv[1]);
    row.DestinationPrefix.PrefixLength = (UINT8)atoi(argv[2]);
    row.NextHop = parse_ip(argv[3]);
    row.Metric = (ULONG)atoi(argv[4]);
    if (strcmp(verb, "add") == 0)
        return code(CreateIpForwardEntry2(&row));
    return code(strcmp(verb, "set") == 0 ? SetIpForwardEntry2(&row) : DeleteIpForwardEntry2(&row));
}

static int ip_address(const char *verb, char **argv)
{
    MIB_UNICASTIPADDRESS_ROW row;
    InitializeUnicastIpAddressEntry(&row);
    row.InterfaceLuid = luid_of(argv[0]);
    row.Address = parse_ip(argv[1]);
    row.OnLinkPrefixLength = (UINT8)atoi(argv[2]);
    return code(strcmp(verb, "add") == 0 ? CreateUnicastIpAddressEntry(&row)
                                         : DeleteUnicastIpAddressEntry(&row));
}

static int ip_neighbour(const char *verb, char **argv)
{
    MIB_IPNET_ROW2 row;
    unsigned m[6];
    memset(&row, 0, sizeof row);
    row.InterfaceLuid = luid_of(argv[0]);
    row.Address = parse_ip(argv[1]);
    if (sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
        return usage();
    for (unsigned i = 0; i < 6; i++)
        row.PhysicalAddress[i] = (UCHAR)m[i];
    row.PhysicalAddressLength = 6;
    return code(strcmp(verb, "add") == 0 ? CreateIpNetEntry2(&row) : DeleteIpNetEntry2(&row));
}

static int ip_interface(int argc, char **argv)
{
    MIB_IPINTERFACE_ROW row;
    InitializeIpInterfaceEntry(&row);
    row.InterfaceLuid = luid_of(argv[0]);
    row.Family = atoi(argv[1]) == 6 ? AF_INET6 : AF_INET;
    NETIO_STATUS rc = GetIpInterfaceEntry(&row);
    if (rc == NO_ERROR && argc > 4) {
        row.SitePrefixLength = 0;
        row.NlMtu = (ULONG)atoi(argv[2]);
        row.ForwardingEnabled = (BOOLEAN)atoi(argv[3]);
        row.UseAutomaticMetric = FALSE;
        row.Metric = (ULONG)atoi(argv[4]);
        rc = SetIpInterfaceEntry(&row);
        if (rc == NO_ERROR)
            rc = GetIpInterfaceEntry(&row);
    }
    if (rc == NO_ERROR)
        printf("interface mtu %u forwarding %u metric %u connected %u\n", (unsigned)row.NlMtu,
               row.ForwardingEnabled, (unsigned)row.Metric, row.Connected);
    return code(rc);
}

static int ip_best(const char *to)
{
    SOCKADDR_INET destination = parse_ip(to), source;
    MIB_IPFORWARD_ROW2 best;
    WCHAR alias[256] = L"";
    NETIO_STATUS rc = GetBestRoute2(NULL, 0, NULL, &destination, 0, &best, &source);
    if (rc == NO_ERROR) {
        ConvertInterfaceLuidToAlias(&best.InterfaceLuid, alias, 256);
        printf("best %s/%u via %s from %s ", format_ip(&best.DestinationPrefix.Prefix),
               best.DestinationPrefix.PrefixLength, format_ip(&best.NextHop), format_ip(&source));
        print_wide("dev ", alias);
    }
    return code(rc);
}

struct dns_settings {
    ULONG Version;
    ULONG64 Flags;
    PWSTR Domain, NameServer, SearchList;
    ULONG RegistrationEnabled, RegisterAdapterName, EnableLLMNR, QueryAdapterName;
    PWSTR ProfileNameServer;
};
typedef DWORD(WINAPI *dns_fn)(GUID, struct dns_settings *);

static int ip_dns(int argc, char **argv)
{
    struct dns_settings settings = {.Version = 1, .Flags = 2};
    HMODULE module = GetModuleHandleW(L"iphlpapi.dll");
    any_fn set = (any_fn)GetProcAddress(module, "SetInterfaceDnsSettings");
    any_fn get = (any_fn)GetProcAddress(module, "GetInterfaceDnsSettings");
    NET_LUID luid = luid_of(argv[0]);
    GUID id;
    if (!set || !get || ConvertInterfaceLuidToGuid(&luid, &id) != NO_ERROR)
        return usage();
    if (argc > 1) {
        settings.NameServer = wide(argv[1]);
        DWORD rc = ((dns_fn)set)(id, &settings);
        if (rc != NO_ERROR)
            return code((NETIO_STATUS)rc);
    }
    settings = (struct dns_settings){.Version = 1};
    DWORD rc = ((dns_fn)get)(id, &settings);
    if (rc == NO_ERROR)
        print_wide("dns ", settings.NameServer);
    return code((NETIO_STATUS)rc);
}

static void WINAPI on_route(PVOID context, MIB_IPFORWARD_ROW2 *row, MIB_NOTIFICATION_TYPE type)
{
    (void)context;
    printf("event route %d %s/%u\n", (int)type,
           row ? format_ip(&row->DestinationPrefix.Prefix) : "-",
           row ? row->DestinationPrefix.PrefixLength : 0);
    fflush(stdout);
}

static void WINAPI on_interface(PVOID context, MIB_IPINTERFACE_ROW *row, MIB_NOTIFICATION_TYPE type)
{
    (void)context;
    printf("event interface %d %u\n", (int)type, row ? (unsigned)row->InterfaceIndex : 0);
    fflush(stdout);
}

static void WINAPI on_address(PVOID context, MIB_UNICASTIPADDRESS_ROW *row,
                              MIB_NOTIFICATION_TYPE type)
{
    (void)context;
    printf("event address %d %s\n", (int)type, row ? format_ip(&row->Address) : "-");
    fflush(stdout);
}

static int ip_watch(const char *kind, DWORD ms)
{
    HANDLE handle = NULL;
    NETIO_STATUS rc;
    if (strcmp(kind, "route") == 0)
        rc = NotifyRouteChange2(AF_UNSPEC, on_route, NULL, TRUE, &handle);
    else if (strcmp(kind, "interface") == 0)
        rc = NotifyIpInterfaceChange(AF_UNSPEC, on_interface, NULL, TRUE, &handle);
    else
        rc = NotifyUnicastIpAddressChange(AF_UNSPEC, on_address, NULL, TRUE, &handle);
    Sleep(ms);
    if (rc == NO_ERROR)
        CancelMibChangeNotify2(handle);
    return code(rc);
}

static int run_ip(int argc, char **argv)
{
    const char *verb = argc > 0 ? argv[0] : "";
    if (strcmp(verb, "adapters") == 0)
        return ip_adapters();
    if (strcmp(verb, "routes") == 0)
        return ip_routes();
    if (strcmp(verb, "addresses") == 0)
        return ip_addresses();
    if (strcmp(verb, "neighbours") == 0)
        return ip_neighbours();
    if (strcmp(verb, "best") == 0 && argc > 1)
        return ip_best(argv[1]);
    if (strcmp(verb, "dns") == 0 && argc > 1)
        return ip_dns(argc - 1, argv + 1);
    if (strcmp(verb, "watch") == 0 && argc > 2)
        return ip_watch(argv[1], (DWORD)atoi(argv[2]));
    if (strcmp(verb, "interface") == 0 && argc > 2)
        return ip_interface(argc - 1, argv + 1);
    if (strcmp(verb, "address") == 0 && argc > 4)
        return ip_address(argv[1], argv + 2);
    if (strcmp(verb, "neighbour") == 0 && argc > 4)
        return ip_neighbour(argv[1], argv + 2);
    return strcmp(verb, "route") == 0 && argc > 6 ? ip_route(argv[1], argv + 2) : usage();
}

/* ---- network connections ---- */

static const CLSID connection_manager = {
    0xba126ad1, 0x2166, 0x11d1, {0xb1, 0xd0, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};
static const IID connection_manager_iid = {
    0xc08956a2, 0x1cd3, 0x11d1, {0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};

static int net_rename(const WCHAR *alias, const WCHAR *name)
{
    INetConnectionManager *manager = NULL;
    IEnumNetConnection *all = NULL;
    INetConnection *one = NULL;
    ULONG n;
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    HRESULT hr =
        CoCreateInstance(&connection_manager, NULL, CLSCTX_LOCAL_SERVER | CLSCTX_INPROC_SERVER,
                         &connection_manager_iid, (void **)&manager);
    if (SUCCEEDED(hr))
        hr = manager->lpVtbl->EnumConnections(manager, NCME_DEFAULT, &all);
    bool found = false;
    while (SUCCEEDED(hr) && !found && all->lpVtbl->Next(all, 1, &one, &n) == S_OK && n == 1) {
        NETCON_PROPERTIES *p = NULL;
        found = one->lpVtbl->GetProperties(one, &p) == S_OK && _wcsicmp(p->pszwName, alias) == 0;
        if (found)
            hr = one->lpVtbl->Rename(one, name);
        one->lpVtbl->Release(one);
    }
    printf("hr %08x\n", found || FAILED(hr) ? (unsigned)hr : 0x80070490);
    return found && SUCCEEDED(hr) ? 0 : 1;
}

/* ---- NetNat ---- */

static int nat_list(IWbemServices *services)
{
    IEnumWbemClassObject *list = NULL;
    BSTR language = SysAllocString(L"WQL"), query = SysAllocString(L"SELECT * FROM MSFT_NetNat");
    HRESULT hr =
        services->lpVtbl->ExecQuery(services, language, query, WBEM_FLAG_FORWARD_ONLY, NULL, &list);
    IWbemClassObject *o;
    ULONG n;
    while (SUCCEEDED(hr) && list->lpVtbl->Next(list, -1, 1, &o, &n) == S_OK && n == 1) {
        VARIANT name, prefix, active;
        o->lpVtbl->Get(o, L"Name", 0, &name, NULL, NULL);
        o->lpVtbl->Get(o, L"InternalIPInterfaceAddressPrefix", 0, &prefix, NULL, NULL);
        o->lpVtbl->Get(o, L"Active", 0, &active, NULL, NULL);
        printf("nat active %d ", V_BOOL(&active) == VARIANT_TRUE);
        print_wide("name ", V_BSTR(&name));
        print_wide("prefix ", V_BSTR(&prefix));
        o->lpVtbl->Release(o);
    }
    if (list)
        list->lpVtbl->Release(list);
    printf("hr %08x\n", (unsigned)hr);
    return FAILED(hr) ? 1 : 0;
}

static int nat_add(IWbemServices *services, const char *name, const char *prefix)
{
    IWbemClassObject *class = NULL, *o = NULL;
    BSTR path = SysAllocString(L"MSFT_NetNat");
    HRESULT hr = services->lpVtbl->GetObject(services, path, 0, NULL, &class, NULL);
    if (SUCCEEDED(hr))
        hr = class->lpVtbl->SpawnInstance(class, 0, &o);
    VARIANT v;
    V_VT(&v) = VT_BSTR;
    V_BSTR(&v) = SysAllocString(wide(name));
    if (SUCCEEDED(hr))
        hr = o->lpVtbl->Put(o, L"Name", 0, &v, 0);
    V_BSTR(&v) = SysAllocString(wide(prefix));
    if (SUCCEEDED(hr))
        hr = o->lpVtbl->Put(o, L"InternalIPInterfaceAddressPrefix", 0, &v, 0);
    if (SUCCEEDED(hr))
        hr = services->lpVtbl->PutInstance(services, o, WBEM_FLAG_CREATE_ONLY, NULL, NULL);
    printf("hr %08x\n", (unsigned)hr);
    return FAILED(hr) ? 1 : 0;
}

static int nat_del(IWbemServices *services, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "MSFT_NetNat.Name=\"%s\"", name);
    IWbemClassObject *o = NULL;
    VARIANT v;
    HRESULT hr =
        services->lpVtbl->GetObject(services, SysAllocString(wide(path)), 0, NULL, &o, NULL);
    if (SUCCEEDED(hr))
        hr = o->lpVtbl->Get(o, L"__PATH", 0, &v, NULL, NULL);
    if (SUCCEEDED(hr))
        hr = services->lpVtbl->DeleteInstance(services, V_BSTR(&v), 0, NULL, NULL);
    printf("hr %08x\n", (unsigned)hr);
    return FAILED(hr) ? 1 : 0;
}

static int run_nat(int argc, char **argv)
{
    IWbemLocator *locator = NULL;
    IWbemServices *services = NULL;
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    HRESULT hr = CoCreateInstance(&CLSID_WbemLocator, NULL, CLSCTX_INPROC_SERVER, &IID_IWbemLocator,
                                  (void **)&locator);
    if (SUCCEEDED(hr))
        hr = locator->lpVtbl->ConnectServer(locator, SysAllocString(L"ROOT\\StandardCimv2"), NULL,
                                            NULL, NULL, 0, NULL, NULL, &services);
    if (SUCCEEDED(hr))
        hr =
            CoSetProxyBlanket((IUnknown *)services, RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE, NULL,
                              RPC_C_AUTHN_LEVEL_CALL, RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE);
    if (FAILED(hr)) {
        printf("hr %08x\n", (unsigned)hr);
        return 1;
    }
    if (argc > 2 && strcmp(argv[0], "add") == 0)
        return nat_add(services, argv[1], argv[2]);
    if (argc > 1 && strcmp(argv[0], "del") == 0)
        return nat_del(services, argv[1]);
    return nat_list(services);
}

static int run_pipe(const char *name, const char *text)
{
    char path[256], data[4096];
    snprintf(path, sizeof path, "\\\\.\\pipe\\%s", name);
    HANDLE h = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (h == INVALID_HANDLE_VALUE) {
        printf("error %u\n", (unsigned)GetLastError());
        return 1;
    }
    DWORD n, total = 0;
    if (text[0])
        WriteFile(h, text, (DWORD)strlen(text), &n, NULL);
    while (ReadFile(h, data + total, sizeof data - 1 - total, &n, NULL) && n > 0) {
        total += n;
        data[total] = 0;
        if (!text[0] || data[total - 1] == '}')
            break;
    }
    for (DWORD i = 0; i < total && !text[0]; i++)
        printf("%02x", (unsigned char)data[i]);
    printf("%.*s\n", text[0] ? (int)total : 0, data);
    CloseHandle(h);
    return 0;
}

int main(int argc, char **argv)
{
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
    if (argc > 2 && strcmp(argv[1], "hcn") == 0)
        return run_hcn(argc - 2, argv + 2);
    if (argc > 3 && strcmp(argv[1], "hns") == 0)
        return run_hns(argv + 2);
    if (argc > 2 && strcmp(argv[1], "ip") == 0)
        return run_ip(argc - 2, argv + 2);
    if (argc > 4 && strcmp(argv[1], "net") == 0)
        return net_rename(wide(argv[3]), wide(argv[4]));
    if (argc > 2 && strcmp(argv[1], "nat") == 0)
        return run_nat(argc - 2, argv + 2);
    if (argc > 3 && strcmp(argv[1], "pipe") == 0)
        return run_pipe(argv[2], argv[3]);
    return usage();
}
