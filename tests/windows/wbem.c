/* SPDX-License-Identifier: Apache-2.0
 *
 * A WMI of one class.  Registered as the server of WbemLocator in the node's
 * prefix, it knows the namespace ROOT\StandardCimv2 and the class MSFT_NetNat in it: query,
 * enumerate, get, spawn, put and delete instances, in this process.  The instances are the node's
 * host's (host/nat.py), which makes each of them a masquerade rule.  Asynchronous calls, methods
 * and other classes are not there. */
#include "com.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef GetObject
#include <wbemcli.h>

#define CLASS L"MSFT_NetNat"

/* The class: name, type, whether of CIM type string, boolean or a number. */
static const struct property {
    const WCHAR *name;
    CIMTYPE type;
} properties[] = {
    {L"Active", CIM_BOOLEAN},
    {L"Caption", CIM_STRING},
    {L"Description", CIM_STRING},
    {L"ElementName", CIM_STRING},
    {L"ExternalIPInterfaceAddressPrefix", CIM_STRING},
    {L"IcmpQueryTimeout", CIM_UINT32},
    {L"InstanceID", CIM_STRING},
    {L"InternalIPInterfaceAddressPrefix", CIM_STRING},
    {L"InternalRoutingDomainId", CIM_STRING},
    {L"Name", CIM_STRING},
    {L"Store", CIM_UINT8},
    {L"TcpEstablishedConnectionTimeout", CIM_UINT32},
    {L"TcpFilteringBehavior", CIM_UINT8},
    {L"TcpTransientConnectionTimeout", CIM_UINT32},
    {L"UdpFilteringBehavior", CIM_UINT8},
    {L"UdpIdleSessionTimeout", CIM_UINT32},
    {L"UdpInboundRefresh", CIM_BOOLEAN},
};
enum { N_PROPERTIES = sizeof properties / sizeof properties[0], P_INSTANCE_ID = 6, P_NAME = 9 };

/* ---- objects: the class itself, or an instance ---- */

struct object {
    struct com_object base;
    bool is_class;
    unsigned at;                 /* of BeginEnumeration() */
    WCHAR *values[N_PROPERTIES]; /* as text; NULL: not set */
};

static void object_destroy(void *self)
{
    struct object *o = self;
    for (unsigned i = 0; i < N_PROPERTIES; i++)
        free(o->values[i]);
}

static const IWbemClassObjectVtbl object_vtbl;

static struct object *object_new(bool is_class)
{
    struct object *o = calloc(1, sizeof *o);
    if (o) {
        o->base = (struct com_object){&object_vtbl, 1, &IID_IWbemClassObject, object_destroy};
        o->is_class = is_class;
    }
    return o;
}

static int property_index(const WCHAR *name)
{
    for (int i = 0; i < N_PROPERTIES; i++)
        if (_wcsicmp(properties[i].name, name) == 0)
            return i;
    return -1;
}

/* An instance from the host's text: a line a property, name and value parted by a tab. */
static struct object *object_parse(const char *text)
{
    struct object *o = object_new(false);
    WCHAR *wide = link_utf16(text), *rest = wide;
    while (o && rest && *rest) {
        WCHAR *line = rest;
        rest += wcscspn(rest, L"\n");
        if (*rest)
            *rest++ = 0;
        WCHAR *tab = wcschr(line, L'\t');
        if (!tab)
            continue;
        *tab = 0;
        int i = property_index(line);
        if (i >= 0) {
            free(o->values[i]);
            o->values[i] = _wcsdup(tab + 1);
        }
    }
    free(wide);
    return o;
}

static void get_string(VARIANT *out, const WCHAR *text)
{
    V_VT(out) = VT_BSTR;
    V_BSTR(out) = SysAllocString(text);
}

static void get_value(const struct object *o, unsigned i, VARIANT *out)
{
    const WCHAR *value = o->values[i];
    VariantInit(out);
    if (!value) {
        V_VT(out) = VT_NULL;
    } else if (properties[i].type == CIM_STRING) {
        get_string(out, value);
    } else if (properties[i].type == CIM_BOOLEAN) {
        V_VT(out) = VT_BOOL;
        V_BOOL(out) = _wcsicmp(value, L"TRUE") == 0 ? VARIANT_TRUE : VARIANT_FALSE;
    } else if (properties[i].type == CIM_UINT8) {
        V_VT(out) = VT_UI1;
        V_UI1(out) = (BYTE)_wtoi(value);
    } else {
        V_VT(out) = VT_I4;
        V_I4(out) = (LONG)wcstoul(value, NULL, 10);
    }
}

static bool get_system(const struct object *o, const WCHAR *name, VARIANT *out)
{
    WCHAR path[512] = L"";
    const WCHAR *id = o->values[P_INSTANCE_ID] ? o->values[P_INSTANCE_ID] : L"";
    bool full = _wcsicmp(name, L"__PATH") == 0;
    VariantInit(out);
    if (_wcsicmp(name, L"__CLASS") == 0)
        get_string(out, CLASS);
    else if (_wcsicmp(name, L"__NAMESPACE") == 0)
        get_string(out, L"ROOT\\StandardCimv2");
    else if (_wcsicmp(name, L"__SERVER") == 0)
        get_string(out, L"NODE");
    else if (full || _wcsicmp(name, L"__RELPATH") == 0) {
        _snwprintf(path, 511, o->is_class ? L"%ls%ls" : L"%ls%ls.InstanceID=\"%ls\"",
                   full ? L"\\\\NODE\\ROOT\\StandardCimv2:" : L"", CLASS, id);
        get_string(out, path);
    } else
        return false;
    return true;
}

static HRESULT WINAPI object_get(IWbemClassObject *self, LPCWSTR name, LONG flags, VARIANT *out,
                                 CIMTYPE *type, LONG *flavor)
{
    const struct object *o = (const void *)self;
    VARIANT value;
    int i = property_index(name);
    (void)flags;
    if (i < 0 && !get_system(o, name, &value))
        return (HRESULT)WBEM_E_NOT_FOUND;
    if (i >= 0)
        get_value(o, (unsigned)i, &value);
    if (type)
        *type = i >= 0 ? properties[i].type : CIM_STRING;
    if (flavor)
        *flavor = i >= 0 ? WBEM_FLAVOR_ORIGIN_LOCAL : WBEM_FLAVOR_ORIGIN_SYSTEM;
    if (out)
        *out = value;
    else
        VariantClear(&value);
    return S_OK;
}

static HRESULT WINAPI object_put(IWbemClassObject *self, LPCWSTR name, LONG flags, VARIANT *value,
                                 CIMTYPE type)
{
    struct object *o = (void *)self;
    int i = property_index(name);
    VARIANT text;
    (void)flags, (void)type;
    if (i < 0)
        return (HRESULT)WBEM_E_NOT_FOUND;
    VariantInit(&text);
    WCHAR *new_value = NULL;
    if (value && V_VT(value) != VT_NULL && V_VT(value) != VT_EMPTY) {
        bool is_text = V_VT(value) == VT_BSTR;
        if ((properties[i].type == CIM_STRING) != is_text &&
            !(is_text && properties[i].type == CIM_UINT32))
            return (HRESULT)WBEM_E_TYPE_MISMATCH;
        if (V_VT(value) == VT_BOOL)
            new_value = _wcsdup(V_BOOL(value) ? L"TRUE" : L"FALSE");
        else if (VariantChangeType(&text, value, 0, VT_BSTR) == S_OK)
            new_value = _wcsdup(V_BSTR(&text));
        VariantClear(&text);
        if (!new_value)
            return (HRESULT)WBEM_E_TYPE_MISMATCH;
    }
    free(o->values[i]);
    o->values[i] = new_value;
    return S_OK;
}

static HRESULT WINAPI object_delete(IWbemClassObject *self, LPCWSTR name)
{
    return object_put(self, name, 0, NULL, 0);
}

static HRESULT WINAPI object_spawn(IWbemClassObject *self, LONG flags, IWbemClassObject **out)
{
    const struct object *o = (const void *)self;
    (void)flags;
    if (!o->is_class)
        return (HRESULT)WBEM_E_INVALID_OPERATION;
    *out = (void *)object_new(false);
    return *out ? S_OK : (HRESULT)WBEM_E_OUT_OF_MEMORY;
}

static HRESULT WINAPI object_clone(IWbemClassObject *self, IWbemClassObject **out)
{
    const struct object *o = (const void *)self;
    struct object *copy = object_new(o->is_class);
    for (unsigned i = 0; copy && i < N_PROPERTIES; i++)
        copy->values[i] = o->values[i] ? _wcsdup(o->values[i]) : NULL;
    *out = (void *)copy;
    return copy ? S_OK : (HRESULT)WBEM_E_OUT_OF_MEMORY;
}

static HRESULT WINAPI object_names(IWbemClassObject *self, LPCWSTR qualifier, LONG flags,
                                   VARIANT *value, SAFEARRAY **out)
{
    (void)self, (void)qualifier, (void)flags, (void)value;
    *out = SafeArrayCreateVector(VT_BSTR, 0, N_PROPERTIES);
    for (LONG i = 0; *out && i < N_PROPERTIES; i++) {
        BSTR name = SysAllocString(properties[i].name);
        SafeArrayPutElement(*out, &i, name);
        SysFreeString(name);
    }
    return *out ? S_OK : (HRESULT)WBEM_E_OUT_OF_MEMORY;
}

static HRESULT WINAPI object_begin(IWbemClassObject *self, LONG flags)
{
    struct object *o = (void *)self;
    (void)flags;
    o->at = 0;
    return S_OK;
}

static HRESULT WINAPI object_next(IWbemClassObject *self, LONG flags, BSTR *name, VARIANT *value,
                                  CIMTYPE *type, LONG *flavor)
{
    struct object *o = (void *)self;
    if (o->at >= N_PROPERTIES)
        return WBEM_S_NO_MORE_DATA;
    const WCHAR *p = properties[o->at++].name;
    if (name)
        *name = SysAllocString(p);
    return object_get(self, p, flags, value, type, flavor);
}

static HRESULT WINAPI object_end(IWbemClassObject *self)
{
    (void)self;
    return S_OK;
}

static const IWbemClassObjectVtbl object_vtbl = {
    COM_METHODS(IWbemClassObjectVtbl),
    COM_NOT(IWbemClassObjectVtbl, GetQualifierSet),
    .Get = object_get,
    .Put = object_put,
    .Delete = object_delete,
    .GetNames = object_names,
    .BeginEnumeration = object_begin,
    .Next = object_next,
    .EndEnumeration = object_end,
    COM_NOT(IWbemClassObjectVtbl, GetPropertyQualifierSet),
    .Clone = object_clone,
    COM_NOT(IWbemClassObjectVtbl, GetObjectText),
    COM_NOT(IWbemClassObjectVtbl, SpawnDerivedClass),
    .SpawnInstance = object_spawn,
    COM_NOT(IWbemClassObjectVtbl, CompareTo),
    COM_NOT(IWbemClassObjectVtbl, GetPropertyOrigin),
    COM_NOT(IWbemClassObjectVtbl, InheritsFrom),
    COM_NOT(IWbemClassObjectVtbl, GetMethod),
    COM_NOT(IWbemClassObjectVtbl, PutMethod),
    COM_NOT(IWbemClassObjectVtbl, DeleteMethod),
    COM_NOT(IWbemClassObjectVtbl, BeginMethodEnumeration),
    COM_NOT(IWbemClassObjectVtbl, NextMethod),
    COM_NOT(IWbemClassObjectVtbl, EndMethodEnumeration),
    COM_NOT(IWbemClassObjectVtbl, GetMethodQualifierSet),
    COM_NOT(IWbemClassObjectVtbl, GetMethodOrigin),
};

/* ---- enumerators ---- */

struct enumerator {
    struct com_object base;
    struct object **objects;
    ULONG n, at;
};

static void enumerator_destroy(void *self)
{
    struct enumerator *e = self;
    for (ULONG i = 0; i < e->n; i++)
        com_release(e->objects[i]);
    free(e->objects);
}

static HRESULT WINAPI enumerator_reset(IEnumWbemClassObject *self)
{
    struct enumerator *e = (void *)self;
    e->at = 0;
    return S_OK;
}

static HRESULT WINAPI enumerator_next(IEnumWbemClassObject *self, LONG timeout, ULONG n,
                                      IWbemClassObject **out, ULONG *n_out)
{
    struct enumerator *e = (void *)self;
    ULONG given = 0;
    (void)timeout;
    for (; given < n && e->at < e->n; e->at++) {
        com_ref(e->objects[e->at]);
        out[given++] = (void *)e->objects[e->at];
    }
    if (n_out)
        *n_out = given;
    return given == n ? S_OK : S_FALSE;
}

static HRESULT WINAPI enumerator_skip(IEnumWbemClassObject *self, LONG timeout, ULONG n)
{
    struct enumerator *e = (void *)self;
    (void)timeout;
    bool all = n <= e->n - e->at;
    e->at = all ? e->at + n : e->n;
    return all ? S_OK : S_FALSE;
}

static const IEnumWbemClassObjectVtbl enumerator_vtbl = {
    COM_METHODS(IEnumWbemClassObjectVtbl),
    .Reset = enumerator_reset,
    .Next = enumerator_next,
    COM_NOT(IEnumWbemClassObjectVtbl, NextAsync),
    COM_NOT(IEnumWbemClassObjectVtbl, Clone),
    .Skip = enumerator_skip,
};

/* All instances whose property 'where' is 'value' (-1: all). */
static HRESULT enumerate(int where, const WCHAR *value, struct enumerator **out)
{
    struct link_reply reply;
    if (!link_call((const char *const[]){"nat", "List", NULL}, &reply))
        return (HRESULT)WBEM_E_TRANSPORT_FAILURE;
    HRESULT hr = (HRESULT)strtoul(link_text(&reply, 0), NULL, 10);
    struct enumerator *e = calloc(1, sizeof *e);
    if (FAILED(hr) || !e) {
        link_reply_free(&reply);
        free(e);
        return FAILED(hr) ? hr : (HRESULT)WBEM_E_OUT_OF_MEMORY;
    }
    e->base =
        (struct com_object){&enumerator_vtbl, 1, &IID_IEnumWbemClassObject, enumerator_destroy};
    const char *text = link_next(&reply, NULL);
    while (text && (text = link_next(&reply, text)) != NULL) {
        struct object *o = object_parse(text);
        struct object **more = realloc(e->objects, (e->n + 1) * sizeof(struct object *));
        if (more)
            e->objects = more;
        if (o && more &&
            (where < 0 || (o->values[where] && _wcsicmp(o->values[where], value) == 0)))
            e->objects[e->n++] = o;
        else if (o)
            com_release(o);
    }
    link_reply_free(&reply);
    *out = e;
    return S_OK;
}

/* Whether the order "fail" or "delay" was given for a function that the host does not see
 * otherwise. */
static HRESULT obey(const char *function)
{
    struct link_reply reply;
    if (!link_call((const char *const[]){"nat", "Obey", function, NULL}, &reply))
        return (HRESULT)WBEM_E_TRANSPORT_FAILURE;
    HRESULT hr = (HRESULT)strtoul(link_text(&reply, 0), NULL, 10);
    link_reply_free(&reply);
    return hr;
}

/* ---- services ---- */

/* KEY="VALUE" (or 'VALUE') at 'text': the property and the value, unescaped. */
static int parse_equality(const WCHAR *text, WCHAR *value, size_t size)
{
    WCHAR name[64];
    size_t n = 0, v = 0;
    while (*text == L' ')
        text++;
    while (text[n] && text[n] != L'=' && text[n] != L' ' && n < 63) {
        name[n] = text[n];
        n++;
    }
    name[n] = 0;
    text += n;
    while (*text == L' ' || *text == L'=')
        text++;
    WCHAR quote = *text++;
    if (quote != L'"' && quote != L'\'')
        return -1;
    for (; *text && *text != quote && v + 1 < size; text++) {
        if (*text == L'\\' && text[1])
            text++;
        value[v++] = *text;
    }
    value[v] = 0;
    return *text == quote ? property_index(name) : -1;
}

/* After the server and namespace of a path. */
static const WCHAR *relative(const WCHAR *path)
{
    const WCHAR *colon = wcschr(path, L':'), *quote = wcspbrk(path, L"\"'");
    return colon && (!quote || colon < quote) ? colon + 1 : path;
}

static HRESULT WINAPI services_get(IWbemServices *self, const BSTR path, LONG flags,
                                   IWbemContext *context, IWbemClassObject **out,
                                   IWbemCallResult **result)
{
    size_t n = wcslen(CLASS);
    const WCHAR *p = relative(path);
    WCHAR value[256];
    struct enumerator *e;
    (void)self, (void)flags, (void)context, (void)result;
    *out = NULL;
    HRESULT hr = obey("GetObject");
    if (FAILED(hr))
        return hr;
    if (_wcsnicmp(p, CLASS, n) != 0 || (p[n] && p[n] != L'.'))
        return (HRESULT)WBEM_E_INVALID_CLASS;
    if (!p[n]) {
        *out = (void *)object_new(true);
        return *out ? S_OK : (HRESULT)WBEM_E_OUT_OF_MEMORY;
    }
    int where = parse_equality(p + n + 1, value, 256);
    if (where < 0)
        return (HRESULT)WBEM_E_INVALID_OBJECT_PATH;
    hr = enumerate(where, value, &e);
    if (FAILED(hr))
        return hr;
    if (e->n > 0) {
        com_ref(e->objects[0]);
        *out = (void *)e->objects[0];
    }
    com_release(e);
    return *out ? S_OK : (HRESULT)WBEM_E_NOT_FOUND;
}

static HRESULT change(const char *function, const WCHAR *text, LONG flags)
{
    char *utf8 = link_utf8(text);
    struct link_reply reply;
    bool ok = link_call(
        (const char *const[]){"nat", function, utf8 ? utf8 : "",
                              flags < 0 ? NULL : (flags & WBEM_FLAG_CREATE_ONLY ? "1" : "0"),
                              flags & WBEM_FLAG_UPDATE_ONLY ? "1" : "0", NULL},
        &reply);
    free(utf8);
    if (!ok)
        return (HRESULT)WBEM_E_TRANSPORT_FAILURE;
    HRESULT hr = (HRESULT)strtoul(link_text(&reply, 0), NULL, 10);
    link_reply_free(&reply);
    return hr;
}

static HRESULT WINAPI services_put(IWbemServices *self, IWbemClassObject *instance, LONG flags,
                                   IWbemContext *context, IWbemCallResult **result)
{
    const struct object *o = (const void *)instance;
    WCHAR text[4096];
    size_t n = 0;
    (void)self, (void)context, (void)result;
    if (!instance || o->is_class)
        return (HRESULT)WBEM_E_INVALID_PARAMETER;
    text[0] = 0;
    for (unsigned i = 0; i < N_PROPERTIES; i++) {
        if (!o->values[i])
            continue;
        int more = _snwprintf(text + n, 4095 - n, L"%ls\t%ls\n", properties[i].name, o->values[i]);
        if (more < 0)
            return (HRESULT)WBEM_E_INVALID_PARAMETER;
        n += (size_t)more;
        text[n] = 0;
    }
    return change("PutInstance", text, flags & 3);
}

static HRESULT WINAPI services_delete(IWbemServices *self, const BSTR path, LONG flags,
                                      IWbemContext *context, IWbemCallResult **result)
{
    (void)self, (void)flags, (void)context, (void)result;
    return change("DeleteInstance", relative(path), -1);
}

static HRESULT WINAPI services_enumerate(IWbemServices *self, const BSTR class, LONG flags,
                                         IWbemContext *context, IEnumWbemClassObject **out)
{
    struct enumerator *e = NULL;
    (void)self, (void)flags, (void)context;
    *out = NULL;
    if (_wcsicmp(class, CLASS) != 0)
        return (HRESULT)WBEM_E_INVALID_CLASS;
    HRESULT hr = obey("CreateInstanceEnum");
    if (SUCCEEDED(hr))
        hr = enumerate(-1, NULL, &e);
    *out = (void *)e;
    return hr;
}

/* SELECT ... FROM MSFT_NetNat [WHERE property = 'value'] */
static HRESULT WINAPI services_query(IWbemServices *self, const BSTR language, const BSTR query,
                                     LONG flags, IWbemContext *context, IEnumWbemClassObject **out)
{
    WCHAR from[32], value[256] = L"";
    int at = 0, where = -1;
    struct enumerator *e = NULL;
    (void)self, (void)flags, (void)context;
    *out = NULL;
    if (_wcsicmp(language, L"WQL") != 0)
        return (HRESULT)WBEM_E_INVALID_QUERY_TYPE;
    WCHAR *lower = _wcslwr(_wcsdup(query));
    const WCHAR *p = lower ? wcsstr(lower, L" from ") : NULL;
    bool ok =
        p && wcsncmp(lower, L"select ", 7) == 0 && swscanf(p, L" from %31ls%n", from, &at) == 1;
    p = ok ? query + (p - lower) + at : NULL;
    while (ok && *p == L' ')
        p++;
    if (ok && *p) {
        ok = _wcsnicmp(p, L"where ", 6) == 0;
        where = ok ? parse_equality(p + 6, value, 256) : -1;
        ok = where >= 0;
    }
    free(lower);
    if (!ok)
        return (HRESULT)WBEM_E_INVALID_QUERY;
    if (_wcsicmp(from, CLASS) != 0)
        return (HRESULT)WBEM_E_INVALID_CLASS;
    HRESULT hr = obey("ExecQuery");
    if (SUCCEEDED(hr))
        hr = enumerate(where, value, &e);
    *out = (void *)e;
    return hr;
}

static const IWbemServicesVtbl services_vtbl = {
    COM_METHODS(IWbemServicesVtbl),
    COM_NOT(IWbemServicesVtbl, OpenNamespace),
    COM_NOT(IWbemServicesVtbl, CancelAsyncCall),
    COM_NOT(IWbemServicesVtbl, QueryObjectSink),
    .GetObject = services_get,
    COM_NOT(IWbemServicesVtbl, GetObjectAsync),
    COM_NOT(IWbemServicesVtbl, PutClass),
    COM_NOT(IWbemServicesVtbl, PutClassAsync),
    COM_NOT(IWbemServicesVtbl, DeleteClass),
    COM_NOT(IWbemServicesVtbl, DeleteClassAsync),
    COM_NOT(IWbemServicesVtbl, CreateClassEnum),
    COM_NOT(IWbemServicesVtbl, CreateClassEnumAsync),
    .PutInstance = services_put,
    COM_NOT(IWbemServicesVtbl, PutInstanceAsync),
    .DeleteInstance = services_delete,
    COM_NOT(IWbemServicesVtbl, DeleteInstanceAsync),
    .CreateInstanceEnum = services_enumerate,
    COM_NOT(IWbemServicesVtbl, CreateInstanceEnumAsync),
    .ExecQuery = services_query,
    COM_NOT(IWbemServicesVtbl, ExecQueryAsync),
    COM_NOT(IWbemServicesVtbl, ExecNotificationQuery),
    COM_NOT(IWbemServicesVtbl, ExecNotificationQueryAsync),
    COM_NOT(IWbemServicesVtbl, ExecMethod),
    COM_NOT(IWbemServicesVtbl, ExecMethodAsync),
};

/* ---- locator ---- */

static HRESULT WINAPI locator_connect(IWbemLocator *self, const BSTR resource, const BSTR user,
                                      const BSTR password, const BSTR locale, LONG flags,
                                      const BSTR authority, IWbemContext *context,
                                      IWbemServices **out)
{
    const WCHAR *name = resource;
    (void)self, (void)user, (void)password, (void)locale, (void)flags, (void)authority,
        (void)context;
    *out = NULL;
    if (wcsncmp(name, L"\\\\.\\", 4) == 0)
        name += 4;
    if (_wcsicmp(name, L"ROOT\\StandardCimv2") != 0 && _wcsicmp(name, L"ROOT/StandardCimv2") != 0)
        return (HRESULT)WBEM_E_INVALID_NAMESPACE;
    HRESULT hr = obey("ConnectServer");
    if (FAILED(hr))
        return hr;
    *out = com_new(&services_vtbl, &IID_IWbemServices);
    return *out ? S_OK : (HRESULT)WBEM_E_OUT_OF_MEMORY;
}

static const IWbemLocatorVtbl locator_vtbl = {
    COM_METHODS(IWbemLocatorVtbl),
    .ConnectServer = locator_connect,
};

void *wbem_locator_new(void)
{
    return com_new(&locator_vtbl, &IID_IWbemLocator);
}
