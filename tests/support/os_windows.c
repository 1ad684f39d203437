/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/os.h"

#include <windows.h>

#include <aclapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OS_TRIES = 100 };

static wchar_t *os_wide(const char *text)
{
    wchar_t *wide = calloc(strlen(text) + 1, sizeof *wide);
    if (!wide) {
        abort();
    }
    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, (int)strlen(text) + 1);
    return wide;
}

void os_set_variable(const char *name, const char *value)
{
    wchar_t wide_name[256], wide[4096] = L"";
    MultiByteToWideChar(CP_UTF8, 0, name, -1, wide_name, 256);
    if (value) {
        MultiByteToWideChar(CP_UTF8, 0, value, -1, wide, 4096);
    }
    SetEnvironmentVariableW(wide_name, value ? wide : NULL);
}

int os_temp_dir(char *path_out, size_t size)
{
    static unsigned counter;
    wchar_t temp[MAX_PATH];
    char narrow[3 * MAX_PATH];
    if (!GetTempPathW(MAX_PATH, temp)) {
        return -1;
    }
    WideCharToMultiByte(CP_UTF8, 0, temp, -1, narrow, sizeof narrow, NULL, NULL);
    for (char *c = narrow; *c; c++) {
        *c = *c == '\\' ? '/' : *c;
    }
    int n = snprintf(path_out, size, "%sseine-test-%lx-%lx-%u", narrow, GetCurrentProcessId(),
                     GetTickCount(), ++counter);
    return n > 0 && (size_t)n < size && CreateDirectoryA(path_out, NULL) ? 0 : -1;
}

static void os_remove_below(const wchar_t *path)
{
    WIN32_FIND_DATAW found;
    wchar_t inner[2048];
    swprintf(inner, ARRAYSIZE(inner), L"%ls\\*", path);
    HANDLE h = FindFirstFileW(inner, &found);
    for (BOOL more = h != INVALID_HANDLE_VALUE; more; more = FindNextFileW(h, &found)) {
        if (wcscmp(found.cFileName, L".") == 0 || wcscmp(found.cFileName, L"..") == 0) {
            continue;
        }
        swprintf(inner, ARRAYSIZE(inner), L"%ls\\%ls", path, found.cFileName);
        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) {
            os_remove_below(inner);
        } else {
            SetFileAttributesW(inner, FILE_ATTRIBUTE_NORMAL);
            DeleteFileW(inner);
        }
    }
    if (h != INVALID_HANDLE_VALUE) {
        FindClose(h);
    }
    /* A file that somebody has open still goes when he closes it. */
    for (int i = 0;
         !RemoveDirectoryW(path) && GetLastError() == ERROR_DIR_NOT_EMPTY && i < OS_TRIES; i++) {
        Sleep(10);
    }
}

void os_remove_tree(const char *path)
{
    wchar_t *wide = os_wide(path), full[2048] = L"\\\\?\\";
    GetFullPathNameW(wide, ARRAYSIZE(full) - 4, full + 4, NULL);
    for (wchar_t *c = full; *c; c++) {
        *c = *c == L'/' ? L'\\' : *c;
    }
    os_remove_below(full);
    free(wide);
}

int os_process_id(void)
{
    return (int)GetCurrentProcessId();
}

bool os_is_privileged(void)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD n = sizeof sid;
    BOOL member = FALSE;
    return CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &n) &&
           CheckTokenMembership(NULL, sid, &member) && member;
}

bool os_is_emulated(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

bool os_exists(const char *path)
{
    wchar_t *wide = os_wide(path);
    DWORD a = GetFileAttributesW(wide);
    free(wide);
    return a != INVALID_FILE_ATTRIBUTES;
}

/* What a virus scanner, or the program under test, holds for a moment is tried again. */
static int os_try(BOOL (*act)(const wchar_t *a, const wchar_t *b), const char *a, const char *b)
{
    wchar_t *wide_a = os_wide(a), *wide_b = os_wide(b);
    BOOL done = act(wide_a, wide_b);
    for (int i = 0; !done && i < OS_TRIES; i++) {
        Sleep(10);
        done = act(wide_a, wide_b);
    }
    free(wide_a);
    free(wide_b);
    return done ? 0 : -1;
}

static BOOL os_act_make_dir(const wchar_t *a, const wchar_t *b)
{
    (void)b;
    return CreateDirectoryW(a, NULL);
}

static BOOL os_act_remove_dir(const wchar_t *a, const wchar_t *b)
{
    (void)b;
    return RemoveDirectoryW(a);
}

static BOOL os_act_remove_file(const wchar_t *a, const wchar_t *b)
{
    (void)b;
    return DeleteFileW(a);
}

static BOOL os_act_rename(const wchar_t *a, const wchar_t *b)
{
    return MoveFileExW(a, b, MOVEFILE_REPLACE_EXISTING);
}

int os_make_dir(const char *path)
{
    return os_try(os_act_make_dir, path, "");
}

int os_remove_dir(const char *path)
{
    return os_try(os_act_remove_dir, path, "");
}

int os_remove_file(const char *path)
{
    return os_try(os_act_remove_file, path, "");
}

int os_rename(const char *from, const char *to)
{
    return os_try(os_act_rename, from, to);
}

int os_set_size(const char *path, uint64_t size)
{
    wchar_t *wide = os_wide(path);
    LARGE_INTEGER at;
    at.QuadPart = (LONGLONG)size;
    HANDLE h = CreateFileW(wide, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                           OPEN_EXISTING, 0, NULL);
    BOOL done = SetFilePointerEx(h, at, NULL, FILE_BEGIN) && SetEndOfFile(h);
    CloseHandle(h);
    free(wide);
    return done ? 0 : -1;
}

/* It needs a privilege that few have, and Wine does not know it. */
int os_make_link(const char *target, const char *path)
{
    wchar_t *to = os_wide(target), *at = os_wide(path);
    CreateSymbolicLinkW(at, to, 0);
    DWORD a = GetFileAttributesW(at); /* Wine claims to have made it */
    bool done = a != INVALID_FILE_ATTRIBUTES && (a & FILE_ATTRIBUTE_REPARSE_POINT);
    free(to);
    free(at);
    return done ? 0 : -1;
}

int os_make_fifo(const char *path)
{
    (void)path;
    return -1;
}

/* To "Everyone": only who may restore files can, and Wine has no owners but its user. */
int os_give_away(const char *path)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD n = sizeof sid;
    wchar_t *wide = os_wide(path);
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR d = NULL;
    CreateWellKnownSid(WinWorldSid, NULL, sid, &n);
    SetNamedSecurityInfoW(wide, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, sid, NULL, NULL, NULL);
    GetNamedSecurityInfoW(wide, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL,
                          NULL, &d);
    bool given = owner && EqualSid(owner, sid);
    LocalFree(d);
    free(wide);
    return given ? 0 : -1;
}

static bool os_is_own_user(PSID sid)
{
    union {
        TOKEN_USER user;
        BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } u;
    HANDLE token = NULL;
    DWORD n = 0;
    bool own = OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token) &&
               GetTokenInformation(token, TokenUser, &u, sizeof u, &n) &&
               EqualSid(sid, u.user.User.Sid);
    CloseHandle(token);
    return own;
}

/* Each entry of its list allows SYSTEM, Administrators or this user (in whose name Wine keeps what
 * Administrators own). */
bool os_is_private(const char *path)
{
    wchar_t *wide = os_wide(path);
    PACL list = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    DWORD rc = GetNamedSecurityInfoW(wide, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL,
                                     &list, NULL, &descriptor);
    bool is_private = rc == ERROR_SUCCESS && list && list->AceCount > 0;
    for (DWORD i = 0; is_private && i < list->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace = NULL;
        is_private = GetAce(list, i, (void **)&ace) &&
                     ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE &&
                     (IsWellKnownSid(&ace->SidStart, WinLocalSystemSid) ||
                      IsWellKnownSid(&ace->SidStart, WinBuiltinAdministratorsSid) ||
                      os_is_own_user(&ace->SidStart));
    }
    LocalFree(descriptor);
    free(wide);
    return is_private;
}

bool os_ask_to_end(void)
{
    /* Wine passes it to nobody, and its console would hold our output open after us. */
    if (GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version")) {
        return false;
    }
    /* To all that share the console: one of our own. */
    FreeConsole();
    return AllocConsole() && GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, 0);
}

struct os_child {
    PROCESS_INFORMATION process;
};

struct os_child *os_child_start(const char *argument)
{
    struct os_child *c = calloc(1, sizeof *c);
    wchar_t program[MAX_PATH], line[2 * MAX_PATH], *wide = os_wide(argument);
    STARTUPINFOW start = {.cb = sizeof start};
    GetModuleFileNameW(NULL, program, MAX_PATH);
    swprintf(line, ARRAYSIZE(line), L"test \"%ls\"", wide);
    if (!c ||
        !CreateProcessW(program, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &c->process)) {
        abort();
    }
    free(wide);
    return c;
}

int os_child_id(const struct os_child *c)
{
    return (int)c->process.dwProcessId;
}

void os_child_kill(struct os_child *c)
{
    TerminateProcess(c->process.hProcess, 9);
    WaitForSingleObject(c->process.hProcess, INFINITE);
    CloseHandle(c->process.hThread);
    CloseHandle(c->process.hProcess);
    free(c);
}
