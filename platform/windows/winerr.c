/* SPDX-License-Identifier: Apache-2.0
 *
 * The one translation of the system's error codes.  The texts are our own: a program must say the
 * same on both systems and in every language of the system. */
#include "platform/windows/os.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/port.h"

struct winerr {
    uint32_t code;
    int err;
    const char *text;
};

static const struct winerr winerr_codes[] = {
    {ERROR_INVALID_FUNCTION, ERR_UNSUPPORTED, "Operation not supported"},
    {ERROR_FILE_NOT_FOUND, ERR_NOT_FOUND, "No such file or directory"},
    {ERROR_PATH_NOT_FOUND, ERR_NOT_FOUND, "No such file or directory"},
    {ERROR_TOO_MANY_OPEN_FILES, ERR_EXHAUSTED, "Too many open files"},
    {ERROR_ACCESS_DENIED, ERR_PERMISSION, "Permission denied"},
    {ERROR_INVALID_HANDLE, ERR_IO, "Bad file descriptor"},
    {ERROR_NOT_ENOUGH_MEMORY, ERR_EXHAUSTED, "Cannot allocate memory"},
    {ERROR_OUTOFMEMORY, ERR_EXHAUSTED, "Cannot allocate memory"},
    {ERROR_INVALID_DRIVE, ERR_NOT_FOUND, "No such file or directory"},
    {ERROR_WRITE_PROTECT, ERR_PERMISSION, "Read-only file system"},
    {ERROR_NOT_READY, ERR_NOT_FOUND, "No such device"},
    {ERROR_SHARING_VIOLATION, ERR_CONFLICT, "Device or resource busy"},
    {ERROR_LOCK_VIOLATION, ERR_CONFLICT, "Device or resource busy"},
    {ERROR_HANDLE_DISK_FULL, ERR_EXHAUSTED, "No space left on device"},
    {ERROR_NOT_SUPPORTED, ERR_UNSUPPORTED, "Operation not supported"},
    {ERROR_BAD_NETPATH, ERR_NOT_FOUND, "No such file or directory"},
    {ERROR_DEV_NOT_EXIST, ERR_NOT_FOUND, "No such device"},
    {ERROR_BAD_NET_NAME, ERR_NOT_FOUND, "No such file or directory"},
    {ERROR_FILE_EXISTS, ERR_EXISTS, "File exists"},
    {ERROR_CANNOT_MAKE, ERR_PERMISSION, "Permission denied"},
    {ERROR_INVALID_PARAMETER, ERR_INVALID, "Invalid argument"},
    {ERROR_BROKEN_PIPE, ERR_CLOSED, "Broken pipe"},
    {ERROR_DISK_FULL, ERR_EXHAUSTED, "No space left on device"},
    {ERROR_CALL_NOT_IMPLEMENTED, ERR_UNSUPPORTED, "Function not implemented"},
    {ERROR_SEM_TIMEOUT, ERR_TIMEOUT, "Connection timed out"},
    /* A name with characters that no file here can have: there is none. */
    {ERROR_INVALID_NAME, ERR_NOT_FOUND, "No such file or directory"},
    {ERROR_MOD_NOT_FOUND, ERR_UNSUPPORTED, "library not found"},
    {ERROR_PROC_NOT_FOUND, ERR_UNSUPPORTED, "Function not implemented"},
    {ERROR_DIR_NOT_EMPTY, ERR_IO, "Directory not empty"},
    {ERROR_BAD_PATHNAME, ERR_NOT_FOUND, "No such file or directory"},
    {ERROR_BUSY, ERR_CONFLICT, "Device or resource busy"},
    {ERROR_ALREADY_EXISTS, ERR_EXISTS, "File exists"},
    {ERROR_FILENAME_EXCED_RANGE, ERR_INVALID, "File name too long"},
    {ERROR_BAD_PIPE, ERR_CLOSED, "Broken pipe"},
    {ERROR_PIPE_BUSY, ERR_TIMEOUT, "Connection timed out"},
    {ERROR_NO_DATA, ERR_CLOSED, "Broken pipe"},
    {ERROR_PIPE_NOT_CONNECTED, ERR_CLOSED, "Broken pipe"},
    {WAIT_TIMEOUT, ERR_TIMEOUT, "Connection timed out"},
    {ERROR_DIRECTORY, ERR_IO, "Not a directory"},
    {OS_ERROR_IS_FOLDER, ERR_IO, "Is a directory"},
    {ERROR_DELETE_PENDING, ERR_CONFLICT, "Device or resource busy"},
    {OS_ERROR_ELEVATION_REQUIRED, ERR_PERMISSION, "Operation not permitted"},
    {ERROR_OPERATION_ABORTED, ERR_CLOSED, "Operation canceled"},
    {ERROR_SERVICE_DOES_NOT_EXIST, ERR_NOT_FOUND, "No such service"},
    {ERROR_SERVICE_EXISTS, ERR_EXISTS, "Service exists"},
    {ERROR_SERVICE_ALREADY_RUNNING, ERR_EXISTS, "Service runs already"},
    {ERROR_SERVICE_NOT_ACTIVE, ERR_NOT_FOUND, "Service does not run"},
    {ERROR_SERVICE_MARKED_FOR_DELETE, ERR_CONFLICT, "Service is being removed"},
    {ERROR_NOT_FOUND, ERR_NOT_FOUND, "No such device or entry"},
    {ERROR_NO_MATCH, ERR_NOT_FOUND, "No such device or entry"},
    {ERROR_CONNECTION_REFUSED, ERR_REFUSED, "Connection refused"},
    {ERROR_NETWORK_UNREACHABLE, ERR_IO, "Network is unreachable"},
    {ERROR_HOST_UNREACHABLE, ERR_IO, "No route to host"},
    {ERROR_INVALID_OWNER, ERR_PERMISSION, "belongs to another user"},
    {ERROR_PRIVILEGE_NOT_HELD, ERR_PERMISSION, "Operation not permitted"},
    {ERROR_TIMEOUT, ERR_TIMEOUT, "Connection timed out"},
    {ERROR_NO_SYSTEM_RESOURCES, ERR_EXHAUSTED, "No buffer space available"},
    {RPC_S_SERVER_UNAVAILABLE, ERR_AGAIN, "Service unavailable"},
    {RPC_S_SERVER_TOO_BUSY, ERR_AGAIN, "Service unavailable"},
    {ERROR_OBJECT_ALREADY_EXISTS, ERR_EXISTS, "File exists"},
};

/* COM and WMI; what is not here and carries a Win32 code is looked up above. */
static const struct winerr winerr_hresults[] = {
    {0x80040154 /* REGDB_E_CLASSNOTREG */, ERR_UNSUPPORTED, "is not on this system"},
    {0x80041001 /* WBEM_E_FAILED */, ERR_IO, "call failed"},
    {0x80041002 /* WBEM_E_NOT_FOUND */, ERR_NOT_FOUND, "no such object"},
    {0x80041003 /* WBEM_E_ACCESS_DENIED */, ERR_PERMISSION, "Permission denied"},
    {0x80041006 /* WBEM_E_OUT_OF_MEMORY */, ERR_EXHAUSTED, "Cannot allocate memory"},
    {0x80041008 /* WBEM_E_INVALID_PARAMETER */, ERR_INVALID, "Invalid argument"},
    {0x8004100C /* WBEM_E_NOT_SUPPORTED */, ERR_UNSUPPORTED, "Operation not supported"},
    {0x8004100E /* WBEM_E_INVALID_NAMESPACE */, ERR_UNSUPPORTED, "no such namespace"},
    {0x80041010 /* WBEM_E_INVALID_CLASS */, ERR_UNSUPPORTED, "no such class"},
    {0x80041013 /* WBEM_E_PROVIDER_LOAD_FAILURE */, ERR_AGAIN, "provider does not load"},
    {0x80041015 /* WBEM_E_TRANSPORT_FAILURE */, ERR_AGAIN, "Service unavailable"},
    {0x80041019 /* WBEM_E_ALREADY_EXISTS */, ERR_EXISTS, "object exists"},
    {0x80041033 /* WBEM_E_SHUTTING_DOWN */, ERR_AGAIN, "Service unavailable"},
};

static const struct winerr *winerr_find(const struct winerr *t, size_t n, uint32_t code)
{
    for (size_t i = 0; i < n; i++) {
        if (t[i].code == code) {
            return &t[i];
        }
    }
    return NULL;
}

static int winerr_fill(struct err *err, const struct winerr *w, uint32_t code, const char *context)
{
    return w ? err_set_os(err, w->err, code, "%s: %s", context, w->text)
             : err_set_os(err, ERR_IO, code,
                          code >> 31 ? "%s: system error 0x%x" : "%s: system error %u", context,
                          (unsigned)code);
}

int os_err(struct err *err, DWORD code, const char *fmt, ...)
{
    char context[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    return winerr_fill(err, winerr_find(winerr_codes, ARRAY_LEN(winerr_codes), code), code,
                       context);
}

int os_err_hr(struct err *err, HRESULT hr, const char *fmt, ...)
{
    char context[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    uint32_t code = (uint32_t)hr;
    const struct winerr *w = winerr_find(winerr_hresults, ARRAY_LEN(winerr_hresults), code);
    if (!w && HRESULT_FACILITY(hr) == FACILITY_WIN32) {
        w = winerr_find(winerr_codes, ARRAY_LEN(winerr_codes), (uint32_t)HRESULT_CODE(hr));
    }
    return winerr_fill(err, w, code, context);
}
