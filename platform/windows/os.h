/* SPDX-License-Identifier: Apache-2.0
 *
 * What all of platform/windows shares: handles that close themselves, UTF-8 to UTF-16 and back, and
 * the system's error codes translated.  UTF-16 does not leave this folder. */
#ifndef SEINE_PLATFORM_WINDOWS_OS_H
#define SEINE_PLATFORM_WINDOWS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

#include "core/base/err.h"

/* Codes that mingw's winerror.h lacks. */
enum { OS_ERROR_IS_FOLDER = 336 /* DIRECTORY_NOT_SUPPORTED */, OS_ERROR_ELEVATION_REQUIRED = 740 };

static inline void os_close_cleanup(HANDLE *h)
{
    if (*h && *h != INVALID_HANDLE_VALUE) {
        CloseHandle(*h);
    }
}
/* auto_handle HANDLE h = CreateFileW(...); NULL and INVALID_HANDLE_VALUE are fine. */
#define auto_handle PORT_CLEANUP(os_close_cleanup)

/* Takes the handle out of an auto_handle variable. */
static inline HANDLE os_steal(HANDLE *h)
{
    HANDLE taken = *h;
    *h = NULL;
    return taken;
}

static inline void os_local_cleanup(void *pp)
{
    LocalFree(*(void **)pp);
}
/* For what the system allocated with LocalAlloc. */
#define auto_local PORT_CLEANUP(os_local_cleanup)

/* Copies that the caller frees (mem_free); what is not UTF-8 or UTF-16 becomes U+FFFD. */
wchar_t *os_wide(const char *utf8);
char *os_utf8(const wchar_t *wide);
/* The path as the system takes it: absolute, and in its long form where the short one would be cut.
 * Both separators serve. */
wchar_t *os_path(const char *utf8);

/* Fills '*err' from a code of GetLastError(): "CONTEXT: No such file or directory".  The texts are
 * those of Linux where the same thing is said. */
int os_err(struct err *err, DWORD code, const char *fmt, ...) PORT_PRINTF(3, 4);
/* The same from a HRESULT, WMI's own included. */
int os_err_hr(struct err *err, HRESULT hr, const char *fmt, ...) PORT_PRINTF(3, 4);
/* The last error of an act on a file, made as exact as Linux has it: that a part of the path is no
 * folder, or that the path is one. */
DWORD os_file_error(const wchar_t *path, DWORD code);

/* Rights of SYSTEM and Administrators, for what is made here; the folders' form is inherited. */
#define OS_PRIVATE_FILE "D:P(A;;FA;;;SY)(A;;FA;;;BA)"
#define OS_PRIVATE_FOLDER "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
#define OS_PRIVATE_PIPE "D:P(A;;GA;;;SY)(A;;GA;;;BA)"
/* Security attributes of one of these; 'descriptor' is freed by LocalFree (auto_local).  False with
 * the last error set. */
bool os_security(const char *sddl, SECURITY_ATTRIBUTES *out, void **descriptor);
/* Does this object (a folder's, file's or pipe's handle, opened with READ_CONTROL) belong to
 * SYSTEM, Administrators or the user of this process?  An error of the system is its code. */
DWORD os_is_owner_trusted(HANDLE h, bool is_file, bool *trusted);
/* Opens a pipe as its client, without waiting; it must belong to somebody trusted.
 * ERROR_PIPE_BUSY; ERROR_INVALID_OWNER: it belongs to a stranger. */
DWORD os_open_pipe(const wchar_t *path, HANDLE *out);

#endif
