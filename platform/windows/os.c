/* SPDX-License-Identifier: Apache-2.0
 *
 * Text and paths for the system, and who owns what: see os.h. */
#include "platform/windows/os.h"

#include <aclapi.h>
#include <sddl.h>
#include <string.h>

#include "core/base/mem.h"

/* A folder's name must leave room for a file of 8.3 form below MAX_PATH. */
enum { OS_SHORT_PATH = MAX_PATH - 12 };

wchar_t *os_wide(const char *utf8)
{
    int n = MultiByteToWideChar(CP_UTF8, 0, utf8, -1, NULL, 0);
    wchar_t *out = mem_calloc((size_t)n + 1, sizeof *out);
    MultiByteToWideChar(CP_UTF8, 0, utf8, -1, out, n);
    return out;
}

char *os_utf8(const wchar_t *wide)
{
    int n = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *out = mem_calloc((size_t)n + 1, 1);
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, out, n, NULL, NULL);
    return out;
}

static wchar_t *os_full_path(const wchar_t *path)
{
    DWORD size = GetFullPathNameW(path, 0, NULL, NULL);
    wchar_t *full = mem_calloc((size_t)size + 1, sizeof *full);
    if (!size || GetFullPathNameW(path, size, full, NULL) >= size) {
        mem_free(full);
        return NULL;
    }
    return full;
}

wchar_t *os_path(const char *utf8)
{
    wchar_t *path = os_wide(utf8);
    if (wcsncmp(path, L"\\\\?\\", 4) == 0 || wcsncmp(path, L"\\\\.\\", 4) == 0) {
        return path;
    }
    auto_free wchar_t *full = os_full_path(path);
    if (!full || wcslen(full) < OS_SHORT_PATH) {
        return path;
    }
    bool is_share = full[0] == L'\\' && full[1] == L'\\';
    const wchar_t *prefix = is_share ? L"\\\\?\\UNC" : L"\\\\?\\";
    const wchar_t *rest = is_share ? full + 1 : full;
    size_t n = wcslen(prefix), m = wcslen(rest);
    wchar_t *out = mem_calloc(n + m + 1, sizeof *out);
    memcpy(out, prefix, n * sizeof *out);
    memcpy(out + n, rest, m * sizeof *out);
    mem_free(path);
    return out;
}

/* Is a part of the path before its last one there, and no folder? */
static bool os_is_below_file(const wchar_t *path)
{
    auto_free wchar_t *part = mem_dup(path, (wcslen(path) + 1) * sizeof *path);
    for (size_t i = wcslen(part); i-- > 1;) {
        if (part[i] != L'/' && part[i] != L'\\') {
            continue;
        }
        part[i] = 0;
        DWORD a = GetFileAttributesW(part);
        if (a != INVALID_FILE_ATTRIBUTES) {
            return !(a & FILE_ATTRIBUTE_DIRECTORY);
        }
    }
    return false;
}

DWORD os_file_error(const wchar_t *path, DWORD code)
{
    DWORD a = GetFileAttributesW(path);
    if (code == ERROR_ACCESS_DENIED && a != INVALID_FILE_ATTRIBUTES &&
        (a & FILE_ATTRIBUTE_DIRECTORY)) {
        return OS_ERROR_IS_FOLDER;
    }
    bool absent = code == ERROR_PATH_NOT_FOUND || code == ERROR_FILE_NOT_FOUND;
    return absent && os_is_below_file(path) ? ERROR_DIRECTORY : code;
}

bool os_security(const char *sddl, SECURITY_ATTRIBUTES *out, void **descriptor)
{
    auto_free wchar_t *wide = os_wide(sddl);
    PSECURITY_DESCRIPTOR d = NULL;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, SDDL_REVISION_1, &d, NULL)) {
        return false;
    }
    *descriptor = d;
    *out = (SECURITY_ATTRIBUTES){.nLength = sizeof *out, .lpSecurityDescriptor = d};
    return true;
}

/* Could this process have made it?  Its user, or the group that owns what it makes. */
static bool os_is_own(PSID owner)
{
    auto_handle HANDLE token = NULL;
    union {
        TOKEN_USER user;
        TOKEN_OWNER owner;
        BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } u;
    DWORD n = 0;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
        return false;
    }
    return (GetTokenInformation(token, TokenUser, &u, sizeof u, &n) &&
            EqualSid(owner, u.user.User.Sid)) ||
           (GetTokenInformation(token, TokenOwner, &u, sizeof u, &n) &&
            EqualSid(owner, u.owner.Owner));
}

DWORD os_is_owner_trusted(HANDLE h, bool is_file, bool *trusted)
{
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    DWORD rc = GetSecurityInfo(h, is_file ? SE_FILE_OBJECT : SE_KERNEL_OBJECT,
                               OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &descriptor);
    auto_local void *held = descriptor;
    if (rc == ERROR_SUCCESS) {
        /* Nobody owns it: only Wine has that, for what was made without a descriptor. */
        *trusted = !owner || IsWellKnownSid(owner, WinLocalSystemSid) ||
                   IsWellKnownSid(owner, WinBuiltinAdministratorsSid) || os_is_own(owner);
    }
    return rc;
}

DWORD os_open_pipe(const wchar_t *path, HANDLE *out)
{
    auto_handle HANDLE h =
        CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                    FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    if (h == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    bool trusted = false;
    DWORD code = os_is_owner_trusted(h, false, &trusted);
    if (code == ERROR_SUCCESS && trusted) {
        *out = os_steal(&h);
    }
    return code == ERROR_SUCCESS && !trusted ? ERROR_INVALID_OWNER : code;
}
