/* SPDX-License-Identifier: Apache-2.0
 *
 * HCN by computenetwork.dll, which is loaded from the system's folder when the first call comes,
 * and its functions by name.  An object is opened, used and closed within one call.  Strings of the
 * service are wide and freed by CoTaskMemFree; they are UTF-8 as soon as they are ours. */
#include "platform/hcn.h"

#include <string.h>
#include <windows.h>

#include <objbase.h>

#include "core/base/mem.h"
#include "core/base/port.h"

/* The functions of one kind of object. */
enum hcn_function {
    HCN_F_ENUMERATE,
    HCN_F_CREATE,
    HCN_F_OPEN,
    HCN_F_QUERY,
    HCN_F_MODIFY,
    HCN_F_DELETE,
    HCN_F_CLOSE,
    HCN_N_FUNCTIONS
};
enum hcn_service_function { HCN_F_REGISTER, HCN_F_UNREGISTER, HCN_N_SERVICE_FUNCTIONS };

#define HCN_NAMES__(kind)                                                                          \
    {                                                                                              \
        [HCN_F_ENUMERATE] = "HcnEnumerate" kind "s", [HCN_F_CREATE] = "HcnCreate" kind,            \
        [HCN_F_OPEN] = "HcnOpen" kind, [HCN_F_QUERY] = "HcnQuery" kind "Properties",               \
        [HCN_F_MODIFY] = "HcnModify" kind, [HCN_F_DELETE] = "HcnDelete" kind,                      \
        [HCN_F_CLOSE] = "HcnClose" kind                                                            \
    }
static const char *const hcn_names[HCN_N_KINDS][HCN_N_FUNCTIONS] = {
    [HCN_NETWORK] = HCN_NAMES__("Network"),
    [HCN_ENDPOINT] = HCN_NAMES__("Endpoint"),
    [HCN_NAMESPACE] = HCN_NAMES__("Namespace"),
    [HCN_LOADBALANCER] = HCN_NAMES__("LoadBalancer"),
};
static const char *const hcn_service_names[HCN_N_SERVICE_FUNCTIONS] = {
    [HCN_F_REGISTER] = "HcnRegisterServiceCallback",
    [HCN_F_UNREGISTER] = "HcnUnregisterServiceCallback",
};

typedef void hcn_any_fn(void);
typedef HRESULT WINAPI hcn_enumerate_fn(PCWSTR query, PWSTR *out, PWSTR *record);
typedef HRESULT WINAPI hcn_create_fn(REFGUID id, PCWSTR settings, void **out, PWSTR *record);
typedef HRESULT WINAPI hcn_create_in_fn(void *network, REFGUID id, PCWSTR settings, void **out,
                                        PWSTR *record);
typedef HRESULT WINAPI hcn_open_fn(REFGUID id, void **out, PWSTR *record);
typedef HRESULT WINAPI hcn_query_fn(void *object, PCWSTR query, PWSTR *out, PWSTR *record);
typedef HRESULT WINAPI hcn_modify_fn(void *object, PCWSTR settings, PWSTR *record);
typedef HRESULT WINAPI hcn_delete_fn(REFGUID id, PWSTR *record);
typedef HRESULT WINAPI hcn_close_fn(void *object);
typedef void CALLBACK hcn_notify_fn(DWORD type, void *context, HRESULT status, PCWSTR data);
typedef HRESULT WINAPI hcn_register_fn(hcn_notify_fn *fn, void *context, void **out);
typedef HRESULT WINAPI hcn_unregister_fn(void *callback);
typedef HRESULT WINAPI hcn_hnscall_fn(PCWSTR method, PCWSTR path, PCWSTR object, PWSTR *out);

/* What was found, once. */
struct hcn_library {
    SRWLOCK lock;
    HMODULE module; /* never freed: its threads may be in it */
    hcn_any_fn *functions[HCN_N_KINDS][HCN_N_FUNCTIONS];
    hcn_any_fn *service[HCN_N_SERVICE_FUNCTIONS];
};
static struct hcn_library hcn_library = {.lock = SRWLOCK_INIT};

/* ---- text ---- */

/* NULL if it is not UTF-8. */
static wchar_t *hcn_widen(const char *s)
{
    size_t len = strlen(s);
    if (len >= HCN_REPLY_MAX) {
        return NULL;
    }
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, (int)len + 1, NULL, 0);
    wchar_t *wide = n > 0 ? mem_calloc((size_t)n, sizeof *wide) : NULL;
    if (wide) {
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, (int)len + 1, wide, n);
    }
    return wide;
}

/* NULL if it is not UTF-16, or over the limit. */
static char *hcn_narrow(const wchar_t *s)
{
    size_t len = wcslen(s);
    if (len >= HCN_REPLY_MAX) {
        return NULL;
    }
    int n =
        WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, s, (int)len + 1, NULL, 0, NULL, NULL);
    char *narrow = n > 0 ? mem_alloc((size_t)n) : NULL;
    if (narrow) {
        WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, s, (int)len + 1, narrow, n, NULL, NULL);
    }
    return narrow;
}

static void hcn_co_free(wchar_t **p)
{
    CoTaskMemFree(*p);
}
#define auto_co PORT_CLEANUP(hcn_co_free) wchar_t

static GUID hcn_guid(const struct guid *g)
{
    const uint8_t *b = g->b;
    GUID out = {.Data1 = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3],
                .Data2 = (uint16_t)(b[4] << 8 | b[5]),
                .Data3 = (uint16_t)(b[6] << 8 | b[7])};
    memcpy(out.Data4, b + 8, sizeof out.Data4);
    return out;
}

void hcn_reply_done(struct hcn_reply *r)
{
    mem_free(r->json);
    mem_free(r->record);
    memset(r, 0, sizeof *r);
}

/* ---- the library ---- */

static hcn_any_fn *hcn_find(HMODULE module, const char *name)
{
    return (hcn_any_fn *)GetProcAddress(module, name);
}

static void hcn_fill(struct hcn_library *l)
{
    for (int kind = 0; kind < HCN_N_KINDS; kind++) {
        for (int f = 0; f < HCN_N_FUNCTIONS; f++) {
            l->functions[kind][f] = hcn_find(l->module, hcn_names[kind][f]);
        }
    }
    for (int f = 0; f < HCN_N_SERVICE_FUNCTIONS; f++) {
        l->service[f] = hcn_find(l->module, hcn_service_names[f]);
    }
}

int hcn_load(struct err *err)
{
    struct hcn_library *l = &hcn_library;
    AcquireSRWLockExclusive(&l->lock);
    if (!l->module) {
        l->module = LoadLibraryExW(L"computenetwork.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
        if (l->module) {
            hcn_fill(l);
        }
    }
    DWORD os = l->module ? 0 : GetLastError();
    ReleaseSRWLockExclusive(&l->lock);
    return l->module ? 0 : err_set_os(err, ERR_UNSUPPORTED, (int64_t)os, "hns: absent");
}

size_t hcn_missing(const char **names_out, size_t max)
{
    const struct hcn_library *l = &hcn_library;
    size_t n = 0;
    if (hcn_load(NULL) < 0) {
        return 0;
    }
    for (int kind = 0; kind < HCN_N_KINDS; kind++) {
        for (int f = 0; f < HCN_N_FUNCTIONS; f++) {
            if (!l->functions[kind][f] && n++ < max) {
                names_out[n - 1] = hcn_names[kind][f];
            }
        }
    }
    for (int f = 0; f < HCN_N_SERVICE_FUNCTIONS; f++) {
        if (!l->service[f] && n++ < max) {
            names_out[n - 1] = hcn_service_names[f];
        }
    }
    return n;
}

/* ---- one call ---- */

/* A call under way: its JSON widened, what the service gave, where text goes. */
struct hcn_run {
    const struct hcn_call *call;
    struct hcn_reply *reply;
    struct err *err;
    wchar_t *json;
    GUID id, network;
};

/* The function, which is then the one spoken of in errors; NULL after an error. */
static hcn_any_fn *hcn_function(struct hcn_run *r, enum hcn_kind kind, enum hcn_function f)
{
    hcn_any_fn *fn = hcn_library.functions[kind][f];
    r->reply->function = hcn_names[kind][f];
    if (!fn) {
        err_set(r->err, ERR_UNSUPPORTED, "hns: this system has no %s", hcn_names[kind][f]);
    }
    return fn;
}

/* Takes in what a function said: its HRESULT, and the record and result, which it frees. */
static int hcn_take(struct hcn_run *r, HRESULT hr, wchar_t *record_, wchar_t *result_)
{
    auto_co *record = record_, *result = result_;
    struct hcn_reply *reply = r->reply;
    reply->hr = (uint32_t)hr;
    if (record && *record) {
        reply->record = hcn_narrow(record);
    }
    if (FAILED(hr) || (record && *record)) {
        return err_set_os(r->err, ERR_REFUSED, (uint32_t)hr, "%s: 0x%08x", reply->function,
                          (unsigned)hr);
    }
    if (result) {
        reply->json = hcn_narrow(result);
        return reply->json
                   ? 0
                   : err_set(r->err, ERR_PROTOCOL, "%s: the result is no text", reply->function);
    }
    return 0;
}

/* Operations that have a result always give one. */
static int hcn_need_result(struct hcn_run *r, int rc)
{
    if (rc == 0 && !r->reply->json) {
        r->reply->json = mem_strdup("");
    }
    return rc;
}

static int hcn_open(struct hcn_run *r, enum hcn_kind kind, const GUID *id, void **out)
{
    hcn_open_fn *open = (hcn_open_fn *)hcn_function(r, kind, HCN_F_OPEN);
    if (!open) {
        return ERR_UNSUPPORTED;
    }
    wchar_t *record = NULL;
    HRESULT hr = open(id, out, &record);
    return hcn_take(r, hr, record, NULL);
}

/* What a call did stays done, whatever closing says; it is not told. */
static void hcn_close(enum hcn_kind kind, void *object)
{
    hcn_close_fn *close = (hcn_close_fn *)hcn_library.functions[kind][HCN_F_CLOSE];
    if (close && object) {
        close(object);
    }
}

static int hcn_enumerate(struct hcn_run *r)
{
    hcn_enumerate_fn *fn = (hcn_enumerate_fn *)hcn_function(r, r->call->kind, HCN_F_ENUMERATE);
    if (!fn) {
        return ERR_UNSUPPORTED;
    }
    wchar_t *result = NULL, *record = NULL;
    HRESULT hr = fn(r->json, &result, &record);
    return hcn_need_result(r, hcn_take(r, hr, record, result));
}

static int hcn_create_endpoint(struct hcn_run *r)
{
    void *network = NULL, *endpoint = NULL;
    int rc = hcn_open(r, HCN_NETWORK, &r->network, &network);
    if (rc < 0) {
        return rc;
    }
    hcn_create_in_fn *fn = (hcn_create_in_fn *)hcn_function(r, HCN_ENDPOINT, HCN_F_CREATE);
    rc = ERR_UNSUPPORTED;
    if (fn) {
        wchar_t *record = NULL;
        HRESULT hr = fn(network, &r->id, r->json, &endpoint, &record);
        rc = hcn_take(r, hr, record, NULL);
    }
    hcn_close(HCN_ENDPOINT, endpoint);
    hcn_close(HCN_NETWORK, network);
    return rc;
}

static int hcn_create(struct hcn_run *r)
{
    enum hcn_kind kind = r->call->kind;
    if (kind == HCN_ENDPOINT) {
        return hcn_create_endpoint(r);
    }
    hcn_create_fn *fn = (hcn_create_fn *)hcn_function(r, kind, HCN_F_CREATE);
    if (!fn) {
        return ERR_UNSUPPORTED;
    }
    void *object = NULL;
    wchar_t *record = NULL;
    HRESULT hr = fn(&r->id, r->json, &object, &record);
    int rc = hcn_take(r, hr, record, NULL);
    hcn_close(kind, object);
    return rc;
}

static int hcn_query_open(struct hcn_run *r, void *object)
{
    hcn_query_fn *fn = (hcn_query_fn *)hcn_function(r, r->call->kind, HCN_F_QUERY);
    if (!fn) {
        return ERR_UNSUPPORTED;
    }
    wchar_t *result = NULL, *record = NULL;
    HRESULT hr = fn(object, r->json, &result, &record);
    return hcn_need_result(r, hcn_take(r, hr, record, result));
}

static int hcn_modify_open(struct hcn_run *r, void *object)
{
    hcn_modify_fn *fn = (hcn_modify_fn *)hcn_function(r, r->call->kind, HCN_F_MODIFY);
    if (!fn) {
        return ERR_UNSUPPORTED;
    }
    wchar_t *record = NULL;
    HRESULT hr = fn(object, r->json, &record);
    return hcn_take(r, hr, record, NULL);
}

static int hcn_with_object(struct hcn_run *r, int (*use)(struct hcn_run *r, void *object))
{
    void *object = NULL;
    int rc = hcn_open(r, r->call->kind, &r->id, &object);
    if (rc == 0) {
        rc = use(r, object);
        hcn_close(r->call->kind, object);
    }
    return rc;
}

static int hcn_query(struct hcn_run *r)
{
    return hcn_with_object(r, hcn_query_open);
}

static int hcn_modify(struct hcn_run *r)
{
    return hcn_with_object(r, hcn_modify_open);
}

static int hcn_delete(struct hcn_run *r)
{
    hcn_delete_fn *fn = (hcn_delete_fn *)hcn_function(r, r->call->kind, HCN_F_DELETE);
    if (!fn) {
        return ERR_UNSUPPORTED;
    }
    wchar_t *record = NULL;
    HRESULT hr = fn(&r->id, &record);
    return hcn_take(r, hr, record, NULL);
}

int hcn_call(const struct hcn_call *call, struct hcn_reply *reply, struct err *err)
{
    static int (*const ops[HCN_N_OPS])(struct hcn_run * r) = {
        [HCN_ENUMERATE] = hcn_enumerate, [HCN_CREATE] = hcn_create, [HCN_QUERY] = hcn_query,
        [HCN_MODIFY] = hcn_modify,       [HCN_DELETE] = hcn_delete,
    };
    reply->function = "";
    int rc = hcn_load(err);
    if (rc < 0) {
        return rc;
    }
    auto_free wchar_t *json = hcn_widen(call->json ? call->json : "");
    if (!json) {
        return err_set(err, ERR_INVALID, "hns: a document is not UTF-8");
    }
    struct hcn_run r = {.call = call,
                        .reply = reply,
                        .err = err,
                        .json = json,
                        .id = hcn_guid(&call->id),
                        .network = hcn_guid(&call->network)};
    return ops[call->op](&r);
}

int hcn_globals_version(struct hcn_reply *reply, struct err *err)
{
    reply->function = "";
    int rc = hcn_load(err);
    if (rc < 0) {
        return rc;
    }
    reply->function = "HNSCall";
    HMODULE module = LoadLibraryExW(L"vmcompute.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    hcn_hnscall_fn *fn = module ? (hcn_hnscall_fn *)hcn_find(module, "HNSCall") : NULL;
    if (!fn) {
        return err_set(err, ERR_UNSUPPORTED, "hns: this system has no HNSCall");
    }
    struct hcn_run r = {.reply = reply, .err = err};
    wchar_t *result = NULL;
    HRESULT hr = fn(L"GET", L"/globals/version", L"", &result);
    return hcn_need_result(&r, hcn_take(&r, hr, NULL, result));
}

/* ---- events ---- */

/* Whether the service waits in unregistering for calls under way is not told, so a context is never
 * freed: the next registration takes it.  A late event of the old one is then a hint too many. */
struct hcn_watch {
    SRWLOCK lock; /* shared: a callback is under way */
    struct hcn_watch *next_idle;
    hcn_event_fn *fn; /* NULL: idle */
    void *aux;
    void *handle;
};
static SRWLOCK hcn_idle_lock = SRWLOCK_INIT;
static struct hcn_watch *hcn_idle;

static void CALLBACK hcn_notified(DWORD type, void *context, HRESULT status, PCWSTR data)
{
    struct hcn_watch *w = context;
    AcquireSRWLockShared(&w->lock);
    if (w->fn) {
        auto_free char *text = data ? hcn_narrow(data) : NULL;
        w->fn(w->aux, (uint32_t)type, (uint32_t)status, text ? text : "");
    }
    ReleaseSRWLockShared(&w->lock);
}

static struct hcn_watch *hcn_watch_get(void)
{
    AcquireSRWLockExclusive(&hcn_idle_lock);
    struct hcn_watch *w = hcn_idle;
    hcn_idle = w ? w->next_idle : NULL;
    ReleaseSRWLockExclusive(&hcn_idle_lock);
    if (!w) {
        w = mem_calloc(1, sizeof *w);
        InitializeSRWLock(&w->lock);
    }
    return w;
}

static void hcn_watch_retire(struct hcn_watch *w)
{
    AcquireSRWLockExclusive(&w->lock);
    w->fn = NULL;
    ReleaseSRWLockExclusive(&w->lock);
    AcquireSRWLockExclusive(&hcn_idle_lock);
    w->next_idle = hcn_idle;
    hcn_idle = w;
    ReleaseSRWLockExclusive(&hcn_idle_lock);
}

int hcn_watch(hcn_event_fn *fn, void *aux, struct hcn_watch **out, struct err *err)
{
    int rc = hcn_load(err);
    if (rc < 0) {
        return rc;
    }
    hcn_register_fn *reg = (hcn_register_fn *)hcn_library.service[HCN_F_REGISTER];
    if (!reg || !hcn_library.service[HCN_F_UNREGISTER]) {
        return err_set(err, ERR_UNSUPPORTED, "hns: this system has no %s",
                       hcn_service_names[reg ? HCN_F_UNREGISTER : HCN_F_REGISTER]);
    }
    struct hcn_watch *w = hcn_watch_get();
    AcquireSRWLockExclusive(&w->lock);
    w->fn = fn;
    w->aux = aux;
    ReleaseSRWLockExclusive(&w->lock);
    HRESULT hr = reg(hcn_notified, w, &w->handle);
    if (FAILED(hr)) {
        hcn_watch_retire(w);
        return err_set_os(err, ERR_REFUSED, (uint32_t)hr, "%s: 0x%08x",
                          hcn_service_names[HCN_F_REGISTER], (unsigned)hr);
    }
    *out = w;
    return 0;
}

void hcn_unwatch(struct hcn_watch *w)
{
    if (w) {
        hcn_unregister_fn *unregister = (hcn_unregister_fn *)hcn_library.service[HCN_F_UNREGISTER];
        unregister(w->handle);
        hcn_watch_retire(w);
    }
}
