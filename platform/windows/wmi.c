/* SPDX-License-Identifier: Apache-2.0
 *
 * WMI by COM: see wmi.h.  A call to the service may hang as long as the service does: on the work
 * queue only. */
#define COBJMACROS
#include "platform/windows/wmi.h"

#include <initguid.h>
#include <ole2.h>
#include <oleauto.h>
#include <string.h>

/* It declares a function of that name, which winuser.h or wingdi.h has made a macro. */
#undef GetObject
#include <wbemcli.h>

#include "core/base/mem.h"
#include "core/base/vec.h"

static void wmi_text_cleanup(BSTR *s)
{
    SysFreeString(*s);
}
#define auto_bstr PORT_CLEANUP(wmi_text_cleanup) BSTR

static void wmi_object_cleanup(IWbemClassObject **o)
{
    if (*o) {
        IWbemClassObject_Release(*o);
    }
}
#define auto_object PORT_CLEANUP(wmi_object_cleanup) IWbemClassObject

static BSTR wmi_text(const char *utf8)
{
    auto_free wchar_t *wide = os_wide(utf8);
    return SysAllocString(wide);
}

/* ---- connecting ---- */

/* The service acts for us with our own rights, and over an encrypted channel. */
static HRESULT wmi_secure(IWbemServices *services)
{
    return CoSetProxyBlanket((IUnknown *)services, RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE, NULL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IMPERSONATE, NULL,
                             EOAC_NONE);
}

static HRESULT wmi_connect(const wchar_t *name_space, IWbemServices **out)
{
    IWbemLocator *locator = NULL;
    auto_bstr place = SysAllocString(name_space);
    HRESULT hr = CoCreateInstance(&CLSID_WbemLocator, NULL, CLSCTX_INPROC_SERVER, &IID_IWbemLocator,
                                  (void **)&locator);
    if (FAILED(hr)) {
        return hr;
    }
    hr = IWbemLocator_ConnectServer(locator, place, NULL, NULL, NULL, 0, NULL, NULL, out);
    IWbemLocator_Release(locator);
    return hr;
}

int wmi_open(struct wmi *w, const wchar_t *name_space, struct err *err)
{
    memset(w, 0, sizeof *w);
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    w->must_uninitialize = SUCCEEDED(hr);
    /* Another kind of apartment on this thread serves as well. */
    hr = SUCCEEDED(hr) || hr == RPC_E_CHANGED_MODE ? wmi_connect(name_space, &w->services) : hr;
    if (SUCCEEDED(hr)) {
        hr = wmi_secure(w->services);
        hr = hr == E_NOINTERFACE ? S_OK : hr; /* served in this process: there is no channel */
    }
    if (FAILED(hr)) {
        wmi_close(w);
        return os_err_hr(err, hr, "WMI");
    }
    return 0;
}

void wmi_close(struct wmi *w)
{
    if (w->services) {
        IWbemServices_Release(w->services);
    }
    if (w->must_uninitialize) {
        CoUninitialize();
    }
    memset(w, 0, sizeof *w);
}

/* ---- reading ---- */

static char *wmi_get(IWbemClassObject *o, const wchar_t *property)
{
    VARIANT v;
    VariantInit(&v);
    char *text = NULL;
    if (SUCCEEDED(IWbemClassObject_Get(o, property, 0, &v, NULL, NULL)) && V_VT(&v) == VT_BSTR) {
        text = os_utf8(V_BSTR(&v));
    }
    VariantClear(&v);
    return text ? text : mem_strdup("");
}

static int wmi_tell(IWbemClassObject *o, const wchar_t *const *properties, wmi_instance_fn *fn,
                    void *aux)
{
    char *values[WMI_PROPERTIES_MAX] = {NULL};
    auto_free char *path = wmi_get(o, L"__RELPATH");
    size_t n = 0;
    while (n < WMI_PROPERTIES_MAX && properties[n]) {
        values[n] = wmi_get(o, properties[n]);
        n++;
    }
    int rc = fn(aux, (const char *const *)values, path);
    for (size_t i = 0; i < n; i++) {
        mem_free(values[i]);
    }
    return rc;
}

static HRESULT wmi_enumerate(struct wmi *w, const wchar_t *class_name, IEnumWbemClassObject **out)
{
    auto_bstr name = SysAllocString(class_name);
    return IWbemServices_CreateInstanceEnum(
        w->services, name, WBEM_FLAG_FORWARD_ONLY | WBEM_FLAG_RETURN_IMMEDIATELY, NULL, out);
}

int wmi_each(struct wmi *w, const wchar_t *class_name, const wchar_t *const *properties,
             wmi_instance_fn *fn, void *aux, struct err *err)
{
    IEnumWbemClassObject *all = NULL;
    HRESULT hr = wmi_enumerate(w, class_name, &all);
    int rc = 0;
    while (SUCCEEDED(hr) && rc == 0) {
        auto_object *o = NULL;
        ULONG n = 0;
        hr = IEnumWbemClassObject_Next(all, (LONG)WBEM_INFINITE, 1, &o, &n);
        if (hr != WBEM_S_NO_ERROR || n != 1) {
            break;
        }
        rc = wmi_tell(o, properties, fn, aux);
    }
    if (all) {
        IEnumWbemClassObject_Release(all);
    }
    return FAILED(hr) ? os_err_hr(err, hr, "reading instances") : rc;
}

/* ---- writing ---- */

static HRESULT wmi_put_text(IWbemClassObject *o, const struct wmi_value *value)
{
    VARIANT v;
    VariantInit(&v);
    V_VT(&v) = VT_BSTR;
    V_BSTR(&v) = wmi_text(value->text);
    HRESULT hr = IWbemClassObject_Put(o, value->property, 0, &v, 0);
    VariantClear(&v);
    return hr;
}

int wmi_create(struct wmi *w, const wchar_t *class_name, const struct wmi_value *values, size_t n,
               struct err *err)
{
    auto_bstr name = SysAllocString(class_name);
    auto_object *class = NULL, *o = NULL;
    HRESULT hr = IWbemServices_GetObject(w->services, name, 0, NULL, &class, NULL);
    hr = SUCCEEDED(hr) ? IWbemClassObject_SpawnInstance(class, 0, &o) : hr;
    for (size_t i = 0; i < n && SUCCEEDED(hr); i++) {
        hr = wmi_put_text(o, &values[i]);
    }
    hr = SUCCEEDED(hr)
             ? IWbemServices_PutInstance(w->services, o, WBEM_FLAG_CREATE_ONLY, NULL, NULL)
             : hr;
    return FAILED(hr) ? os_err_hr(err, hr, "making an instance") : 0;
}

int wmi_delete(struct wmi *w, const char *path, struct err *err)
{
    auto_bstr text = wmi_text(path);
    HRESULT hr = IWbemServices_DeleteInstance(w->services, text, 0, NULL, NULL);
    return FAILED(hr) && hr != (HRESULT)WBEM_E_NOT_FOUND ? os_err_hr(err, hr, "removing %s", path)
                                                         : 0;
}
