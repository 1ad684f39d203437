/* SPDX-License-Identifier: Apache-2.0
 *
 * WMI by COM, as far as reading, making and removing instances of one class needs it.  All on one
 * thread, between wmi_open() and wmi_close(). */
#ifndef SEINE_PLATFORM_WINDOWS_WMI_H
#define SEINE_PLATFORM_WINDOWS_WMI_H

#include "platform/windows/os.h"

struct IWbemServices;
struct wmi {
    struct IWbemServices *services;
    bool must_uninitialize;
};
/* Connects to a namespace of this machine: L"ROOT\\StandardCimv2".  ERR_UNSUPPORTED: there is no
 * WMI or no such namespace; ERR_AGAIN, ERR_PERMISSION. */
int wmi_open(struct wmi *w, const wchar_t *name_space, struct err *err);
void wmi_close(struct wmi *w);
#define auto_wmi PORT_CLEANUP(wmi_close) struct wmi

/* Tells each instance of a class: the values of the named properties as UTF-8 ("" where there is
 * none), borrowed, then its path.  Returns 0 or what fn returned, which ends it. */
enum { WMI_PROPERTIES_MAX = 4 };
typedef int wmi_instance_fn(void *aux, const char *const *values, const char *path);
int wmi_each(struct wmi *w, const wchar_t *class_name, const wchar_t *const *properties,
             wmi_instance_fn *fn, void *aux, struct err *err);
/* Makes an instance with these texts as properties.  ERR_EXISTS. */
struct wmi_value {
    const wchar_t *property;
    const char *text;
};
int wmi_create(struct wmi *w, const wchar_t *class_name, const struct wmi_value *values, size_t n,
               struct err *err);
/* Removes the instance of that path; the absent is success. */
int wmi_delete(struct wmi *w, const char *path, struct err *err);

#endif
