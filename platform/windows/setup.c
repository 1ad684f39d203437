/* SPDX-License-Identifier: Apache-2.0
 *
 * What an installer needs: see setup.h.  A running program's file cannot be replaced, but it can be
 * renamed: that is how a new one takes its name. */
#include "platform/setup.h"

#include <shlobj.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/windows/os.h"

enum { SETUP_ASK_MS = 10000, SETUP_WAIT_MS = 20 };

bool setup_is_administrator(void)
{
    SID_IDENTIFIER_AUTHORITY nt = SECURITY_NT_AUTHORITY;
    PSID group = NULL;
    BOOL is_member = FALSE;
    if (!AllocateAndInitializeSid(&nt, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0,
                                  0, 0, 0, 0, 0, &group)) {
        return false;
    }
    bool ok = CheckTokenMembership(NULL, group, &is_member) && is_member;
    FreeSid(group);
    return ok;
}

/* GetVersionEx() tells what the program's manifest says; this one tells the truth. */
int setup_system_version(struct setup_version *out, struct err *err)
{
    typedef LONG(WINAPI * version_fn)(OSVERSIONINFOW *);
    OSVERSIONINFOW v = {.dwOSVersionInfoSize = sizeof v};
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    version_fn get = NULL;
    FARPROC found = ntdll ? GetProcAddress(ntdll, "RtlGetVersion") : NULL;
    memcpy(&get, &found, sizeof get);
    if (!get || get(&v) != 0) {
        return err_set(err, ERR_UNSUPPORTED, "RtlGetVersion: absent");
    }
    *out = (struct setup_version){v.dwMajorVersion, v.dwMinorVersion, v.dwBuildNumber};
    return 0;
}

int setup_folder(enum setup_folder folder, char **out, struct err *err)
{
    static const GUID *const ids[] = {
        [SETUP_PROGRAMS] = &FOLDERID_ProgramFiles, [SETUP_DATA] = &FOLDERID_ProgramData};
    wchar_t *path = NULL;
    HRESULT hr = SHGetKnownFolderPath(ids[folder], KF_FLAG_DEFAULT, NULL, &path);
    if (SUCCEEDED(hr)) {
        *out = os_utf8(path);
    }
    CoTaskMemFree(path);
    return SUCCEEDED(hr) ? 0 : os_err_hr(err, hr, "known folder");
}

int setup_own_program(char **out, struct err *err)
{
    enum { LONGEST = 32768 };
    auto_free wchar_t *path = mem_calloc(LONGEST, sizeof *path);
    DWORD n = GetModuleFileNameW(NULL, path, LONGEST);
    if (n == 0 || n >= LONGEST) {
        return os_err(err, GetLastError(), "own program");
    }
    *out = os_utf8(path);
    return 0;
}

static bool setup_is_slash(char c)
{
    return c == '/' || c == '\\';
}

int setup_full_path(const char *path, char **out, struct err *err)
{
    bool of_drive = path[0] && path[1] == ':' && setup_is_slash(path[2]);
    if (of_drive || (setup_is_slash(path[0]) && setup_is_slash(path[1]))) {
        *out = mem_strdup(path);
        return 0;
    }
    auto_free wchar_t *wide = os_wide(path);
    DWORD size = GetFullPathNameW(wide, 0, NULL, NULL);
    auto_free wchar_t *full = mem_calloc((size_t)size + 1, sizeof *full);
    if (!size || GetFullPathNameW(wide, size, full, NULL) >= size) {
        return os_err(err, GetLastError(), "%s", path);
    }
    *out = os_utf8(full);
    return 0;
}

static HANDLE setup_open(const char *path)
{
    auto_free wchar_t *wide = os_path(path);
    return CreateFileW(wide, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

bool setup_is_same_file(const char *a, const char *b)
{
    BY_HANDLE_FILE_INFORMATION x, y;
    auto_handle HANDLE f = setup_open(a);
    auto_handle HANDLE g = setup_open(b);
    return f != INVALID_HANDLE_VALUE && g != INVALID_HANDLE_VALUE &&
           GetFileInformationByHandle(f, &x) && GetFileInformationByHandle(g, &y) &&
           x.dwVolumeSerialNumber == y.dwVolumeSerialNumber &&
           x.nFileIndexHigh == y.nFileIndexHigh && x.nFileIndexLow == y.nFileIndexLow;
}

bool setup_is_folder(const char *path)
{
    auto_free wchar_t *wide = os_path(path);
    DWORD a = GetFileAttributesW(wide);
    return a != INVALID_FILE_ATTRIBUTES && (a & FILE_ATTRIBUTE_DIRECTORY);
}

/* ---- asking a program ---- */
/* Reads until the line is whole, the pipe ends or the time is over; how many bytes. */
static size_t setup_read_line(HANDLE pipe, char *out, size_t size)
{
    uint64_t end = GetTickCount64() + SETUP_ASK_MS;
    size_t n = 0;
    while (n + 1 < size && GetTickCount64() < end && !memchr(out, '\n', n)) {
        DWORD there = 0, got = 0;
        if (!PeekNamedPipe(pipe, NULL, 0, NULL, &there, NULL)) {
            break; /* it has ended, and everything was read */
        }
        if (!there) {
            Sleep(SETUP_WAIT_MS);
            continue;
        }
        if (!ReadFile(pipe, out + n, (DWORD)(size - 1 - n), &got, NULL)) {
            break;
        }
        n += got;
    }
    return n;
}

static int setup_start(const char *program, const char *arg, HANDLE out, PROCESS_INFORMATION *p,
                       struct err *err)
{
    auto_sbuf line = SBUF_INIT;
    sbuf_printf(&line, "\"%s\" %s", program, arg);
    auto_free wchar_t *wide = os_wide(program);
    auto_free wchar_t *command = os_wide(line.data);
    STARTUPINFOW start = {.cb = sizeof start,
                          .dwFlags = STARTF_USESTDHANDLES,
                          .hStdOutput = out,
                          .hStdError = INVALID_HANDLE_VALUE,
                          .hStdInput = INVALID_HANDLE_VALUE};
    return CreateProcessW(wide, command, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &start, p)
               ? 0
               : os_err(err, GetLastError(), "%s", program);
}

int setup_ask_program(const char *program, const char *arg, char *out, size_t size, struct err *err)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    auto_handle HANDLE reading = NULL;
    HANDLE writing = NULL;
    PROCESS_INFORMATION p = {0};
    if (!CreatePipe(&reading, &writing, &inherit, 0)) {
        return os_err(err, GetLastError(), "%s", program);
    }
    SetHandleInformation(reading, HANDLE_FLAG_INHERIT, 0);
    int rc = setup_start(program, arg, writing, &p, err);
    CloseHandle(writing);
    if (rc < 0) {
        return rc;
    }
    memset(out, 0, size);
    size_t n = setup_read_line(reading, out, size);
    TerminateProcess(p.hProcess, 1); /* nothing if it has ended */
    CloseHandle(p.hThread);
    CloseHandle(p.hProcess);
    out[strcspn(out, "\r\n")] = '\0';
    return n ? 0 : err_set(err, ERR_PROTOCOL, "%s %s printed nothing", program, arg);
}

/* ---- program files ---- */
/* The name takes the new file; a program that runs there keeps its bytes under another one. */
static DWORD setup_rename(const wchar_t *from, const wchar_t *to)
{
    if (MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return ERROR_SUCCESS;
    }
    DWORD code = GetLastError();
    DWORD attributes = GetFileAttributesW(to);
    if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_DIRECTORY)) {
        return code;
    }
    size_t n = wcslen(to);
    auto_free wchar_t *aside = mem_calloc(n + 5, sizeof *aside);
    memcpy(aside, to, n * sizeof *aside);
    memcpy(aside + n, L".old", 4 * sizeof *aside);
    if (!MoveFileExW(to, aside, MOVEFILE_REPLACE_EXISTING)) {
        return code;
    }
    if (MoveFileExW(from, to, MOVEFILE_WRITE_THROUGH)) {
        return ERROR_SUCCESS;
    }
    code = GetLastError();
    MoveFileExW(aside, to, 0);
    return code;
}

int setup_move_file(const char *from, const char *to, struct err *err)
{
    auto_free wchar_t *a = os_path(from);
    auto_free wchar_t *b = os_path(to);
    DWORD code = setup_rename(a, b);
    return code == ERROR_SUCCESS ? 0 : os_err(err, os_file_error(b, code), "%s", to);
}

static DWORD setup_sync(const wchar_t *path)
{
    auto_handle HANDLE f = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE,
                                       NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    return f != INVALID_HANDLE_VALUE && FlushFileBuffers(f) ? ERROR_SUCCESS : GetLastError();
}

int setup_copy_file(const char *from, const char *to, struct err *err)
{
    auto_sbuf name = SBUF_INIT;
    sbuf_printf(&name, "%s.new", to);
    auto_free wchar_t *source = os_path(from);
    auto_free wchar_t *fresh = os_path(name.data);
    auto_free wchar_t *target = os_path(to);
    if (GetFileAttributesW(source) == INVALID_FILE_ATTRIBUTES) {
        return os_err(err, os_file_error(source, GetLastError()), "%s", from);
    }
    if (!CopyFileW(source, fresh, FALSE)) {
        return os_err(err, os_file_error(fresh, GetLastError()), "%s", to);
    }
    SetFileAttributesW(fresh, FILE_ATTRIBUTE_NORMAL);
    DWORD code = setup_sync(fresh);
    code = code == ERROR_SUCCESS ? setup_rename(fresh, target) : code;
    if (code != ERROR_SUCCESS) {
        DeleteFileW(fresh);
        return os_err(err, os_file_error(target, code), "%s", to);
    }
    return 0;
}

int setup_remove_file(const char *path, struct err *err)
{
    auto_free wchar_t *wide = os_path(path);
    if (DeleteFileW(wide)) {
        return 0;
    }
    DWORD code = GetLastError();
    if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND) {
        return 0;
    }
    bool is_file = !setup_is_folder(path);
    return is_file && MoveFileExW(wide, NULL, MOVEFILE_DELAY_UNTIL_REBOOT)
               ? 0
               : os_err(err, os_file_error(wide, code), "%s", path);
}

int setup_make_folder(const char *path, struct err *err)
{
    auto_free wchar_t *wide = os_path(path);
    for (wchar_t *p = wide + 1; *p; p++) {
        wchar_t was = *p;
        if (was == L'/' || was == L'\\') {
            *p = L'\0';
            CreateDirectoryW(wide, NULL); /* a drive or a share says no: the last one decides */
            *p = was;
        }
    }
    if (CreateDirectoryW(wide, NULL) || setup_is_folder(path)) {
        return 0;
    }
    DWORD code = GetLastError();
    return os_err(err, os_file_error(wide, code == ERROR_ALREADY_EXISTS ? ERROR_DIRECTORY : code),
                  "%s", path);
}

int setup_remove_folder(const char *path, struct err *err)
{
    auto_free wchar_t *wide = os_path(path);
    if (RemoveDirectoryW(wide)) {
        return 0;
    }
    DWORD code = GetLastError();
    return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND ||
                   code == ERROR_DIR_NOT_EMPTY
               ? 0
               : os_err(err, code, "%s", path);
}
