/* SPDX-License-Identifier: Apache-2.0
 *
 * Small file acts of platform/ipc.h, on Win32 files.  Everything is opened so that others may read,
 * write, rename and remove it meanwhile, as on Linux; what is written by temporary name is flushed
 * before the rename, and the rename is written through. */
#include "platform/ipc.h"

#include "platform/windows/os.h"

#include <aclapi.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "platform/file_shared.h"

enum {
    FILE_SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
    FILE_PART = 1 << 16,
    /* Somebody (a virus scanner, a reader) may hold the old file for a moment. */
    FILE_REPLACE_TRIES = 50,
    FILE_REPLACE_PAUSE_MS = 10,
};

static int file_err(struct err *err, const wchar_t *wide, const char *path, DWORD code)
{
    return os_err(err, os_file_error(wide, code), "%s", path);
}

static DWORD file_write_all(HANDLE h, const void *p, size_t n)
{
    for (const char *at = p; n;) {
        DWORD done = 0, part = n < (1u << 30) ? (DWORD)n : 1u << 30;
        if (!WriteFile(h, at, part, &done, NULL)) {
            return GetLastError();
        }
        at += done;
        n -= done;
    }
    return ERROR_SUCCESS;
}

/* Length of the folder part of a path; 0 if it has none. */
static size_t file_folder_len(const char *path)
{
    size_t n = strlen(path);
    while (n && path[n - 1] != '/' && path[n - 1] != '\\') {
        n--;
    }
    return n;
}

/* A new file of our own, written and flushed; 'private' at once, before anything is in it. */
static DWORD file_write_temporary(const wchar_t *temporary, file_piece_fn *next, void *aux)
{
    SECURITY_ATTRIBUTES sa;
    auto_local void *descriptor = NULL;
    if (!os_security(OS_PRIVATE_FILE, &sa, &descriptor)) {
        return GetLastError();
    }
    DeleteFileW(temporary); /* of a process that was killed: its rights may be others */
    auto_handle HANDLE h = CreateFileW(temporary, GENERIC_WRITE, FILE_SHARE_ALL, &sa, CREATE_NEW,
                                       FILE_ATTRIBUTE_NORMAL, NULL);
    if (h == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    const void *p = NULL;
    DWORD rc = ERROR_SUCCESS;
    for (size_t n = next(aux, &p); n && rc == ERROR_SUCCESS;
         n = rc == ERROR_SUCCESS ? next(aux, &p) : 0) {
        rc = file_write_all(h, p, n);
    }
    return rc == ERROR_SUCCESS && !FlushFileBuffers(h) ? GetLastError() : rc;
}

static DWORD file_replace(const wchar_t *from, const wchar_t *to)
{
    for (unsigned i = 0;; i++) {
        if (MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
            return ERROR_SUCCESS;
        }
        DWORD code = os_file_error(to, GetLastError());
        bool held = code == ERROR_ACCESS_DENIED || code == ERROR_SHARING_VIOLATION ||
                    code == ERROR_DELETE_PENDING;
        if (!held || i >= FILE_REPLACE_TRIES) {
            return code;
        }
        Sleep(FILE_REPLACE_PAUSE_MS);
    }
}

int file_write_pieces(const char *path, file_piece_fn *next, void *aux, struct err *err)
{
    size_t dir_len = file_folder_len(path);
    auto_free char *dir = dir_len ? mem_strndup(path, dir_len) : mem_strdup(".");
    int rc = dir_make(dir, err);
    if (rc < 0) {
        return rc;
    }
    /* A dot-name, so that who lists the folder does not take it for a whole file. */
    auto_sbuf name = SBUF_INIT;
    sbuf_printf(&name, "%.*s.%s.%u", (int)dir_len, path, path + dir_len,
                (unsigned)GetCurrentProcessId());
    auto_free wchar_t *temporary = os_path(name.data), *target = os_path(path);
    DWORD code = file_write_temporary(temporary, next, aux);
    if (code != ERROR_SUCCESS) {
        rc = file_err(err, temporary, name.data, code);
    } else {
        code = file_replace(temporary, target);
        rc = code == ERROR_SUCCESS ? 0 : os_err(err, code, "%s", path);
    }
    if (rc < 0) {
        DeleteFileW(temporary);
    }
    return rc;
}

int file_append(const char *path, const void *p, size_t n, struct err *err)
{
    auto_free wchar_t *wide = os_path(path);
    SECURITY_ATTRIBUTES sa;
    auto_local void *descriptor = NULL;
    if (!os_security(OS_PRIVATE_FILE, &sa, &descriptor)) {
        return os_err(err, GetLastError(), "%s", path);
    }
    auto_handle HANDLE h = CreateFileW(wide, FILE_APPEND_DATA, FILE_SHARE_ALL, &sa, OPEN_ALWAYS,
                                       FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD code = h == INVALID_HANDLE_VALUE ? GetLastError() : file_write_all(h, p, n);
    return code == ERROR_SUCCESS ? 0 : file_err(err, wide, path, code);
}

static DWORD file_read_all(HANDLE h, size_t limit, struct sbuf *text)
{
    LARGE_INTEGER size = {0};
    if (GetFileSizeEx(h, &size) && (uint64_t)size.QuadPart <= limit) {
        sbuf_reserve(text, (size_t)size.QuadPart + FILE_PART);
    }
    auto_free char *part = mem_alloc(FILE_PART);
    for (DWORD n = 1; n && text->len <= limit;) {
        if (!ReadFile(h, part, FILE_PART, &n, NULL)) {
            DWORD code = GetLastError();
            return code == ERROR_HANDLE_EOF || code == ERROR_BROKEN_PIPE ? ERROR_SUCCESS : code;
        }
        sbuf_put(text, part, n);
    }
    return ERROR_SUCCESS;
}

int file_read(const char *path, size_t limit, char **out, size_t *n_out, struct err *err)
{
    auto_free wchar_t *wide = os_path(path);
    auto_handle HANDLE h = CreateFileW(wide, GENERIC_READ, FILE_SHARE_ALL, NULL, OPEN_EXISTING,
                                       FILE_FLAG_SEQUENTIAL_SCAN, NULL);
    auto_sbuf text = SBUF_INIT;
    DWORD code = h == INVALID_HANDLE_VALUE ? GetLastError() : file_read_all(h, limit, &text);
    if (code != ERROR_SUCCESS) {
        return file_err(err, wide, path, code);
    }
    if (text.len > limit) {
        return err_set(err, ERR_TOO_BIG, "%s: more than %zu bytes", path, limit);
    }
    *n_out = text.len;
    *out = sbuf_take(&text);
    return 0;
}

int file_remove(const char *path, struct err *err)
{
    auto_free wchar_t *wide = os_path(path);
    if (DeleteFileW(wide)) {
        return 0;
    }
    DWORD code = os_file_error(wide, GetLastError());
    DWORD a = GetFileAttributesW(wide);
    if (code == ERROR_ACCESS_DENIED && a != INVALID_FILE_ATTRIBUTES &&
        (a & FILE_ATTRIBUTE_READONLY)) {
        SetFileAttributesW(wide, a & ~(DWORD)FILE_ATTRIBUTE_READONLY);
        code = DeleteFileW(wide) ? ERROR_SUCCESS : GetLastError();
    }
    bool done = code == ERROR_SUCCESS || code == ERROR_FILE_NOT_FOUND ||
                code == ERROR_PATH_NOT_FOUND || code == ERROR_INVALID_NAME;
    return done ? 0 : os_err(err, code, "%s", path);
}

static bool file_is_dots(const wchar_t *name)
{
    return wcscmp(name, L".") == 0 || wcscmp(name, L"..") == 0;
}

int file_list(const char *dir, char ***names_out, size_t *n_out, struct err *err)
{
    auto_sbuf pattern = SBUF_INIT;
    if (!*dir) { /* not the root of the drive */
        return os_err(err, ERROR_PATH_NOT_FOUND, "%s", dir);
    }
    sbuf_printf(&pattern, "%s/*", dir);
    auto_free wchar_t *wide = os_path(pattern.data);
    WIN32_FIND_DATAW found;
    HANDLE h = FindFirstFileExW(wide, FindExInfoBasic, &found, FindExSearchNameMatch, NULL,
                                FIND_FIRST_EX_LARGE_FETCH);
    if (h == INVALID_HANDLE_VALUE) {
        DWORD code = GetLastError();
        auto_free wchar_t *folder = os_path(dir);
        DWORD a = GetFileAttributesW(folder);
        bool is_file = a != INVALID_FILE_ATTRIBUTES && !(a & FILE_ATTRIBUTE_DIRECTORY);
        return is_file ? os_err(err, ERROR_DIRECTORY, "%s", dir) : file_err(err, wide, dir, code);
    }
    VEC(char *) names = VEC_INIT;
    do {
        if (!file_is_dots(found.cFileName)) {
            VEC_PUSH(&names, os_utf8(found.cFileName));
        }
    } while (FindNextFileW(h, &found));
    FindClose(h);
    file_names_sort(names.v, names.n);
    *names_out = names.v;
    *n_out = names.n;
    return 0;
}

bool file_is_spelled(const char *path)
{
    auto_free wchar_t *wide = os_path(path), *name = os_wide(path + file_folder_len(path));
    WIN32_FIND_DATAW found;
    HANDLE h = FindFirstFileExW(wide, FindExInfoBasic, &found, FindExSearchNameMatch, NULL, 0);
    if (h == INVALID_HANDLE_VALUE) {
        return true; /* nothing that could be spelled otherwise */
    }
    FindClose(h);
    return wcscmp(found.cFileName, name) == 0;
}

char *file_system_path(const char *path)
{
    auto_free wchar_t *wide = os_path(path);
    return os_utf8(wide);
}

/* ---- folders ---- */

static DWORD dir_make_one(const wchar_t *wide)
{
    SECURITY_ATTRIBUTES sa;
    auto_local void *descriptor = NULL;
    if (!os_security(OS_PRIVATE_FOLDER, &sa, &descriptor)) {
        return GetLastError();
    }
    if (CreateDirectoryW(wide, &sa)) {
        return ERROR_SUCCESS;
    }
    DWORD code = GetLastError(), a = GetFileAttributesW(wide);
    if (a == INVALID_FILE_ATTRIBUTES) {
        return os_file_error(wide, code);
    }
    return a & FILE_ATTRIBUTE_DIRECTORY ? ERROR_SUCCESS : ERROR_DIRECTORY;
}

/* Makes the folder, and those above it from the lowest that is there. */
static DWORD dir_make_parents(const char *path)
{
    auto_free wchar_t *wide = os_path(path);
    DWORD code = dir_make_one(wide);
    size_t n = file_folder_len(path);
    while (n && (path[n - 1] == '/' || path[n - 1] == '\\')) {
        n--;
    }
    if (code != ERROR_PATH_NOT_FOUND || !n) {
        return code;
    }
    auto_free char *parent = mem_strndup(path, n);
    code = dir_make_parents(parent);
    return code == ERROR_SUCCESS ? dir_make_one(wide) : code;
}

int dir_make(const char *path, struct err *err)
{
    auto_free char *clean = mem_strdup(path);
    size_t n = strlen(clean);
    while (n > 1 && (clean[n - 1] == '/' || clean[n - 1] == '\\') && clean[n - 2] != ':') {
        clean[--n] = 0;
    }
    DWORD code = dir_make_parents(clean);
    return code == ERROR_SUCCESS ? 0 : os_err(err, code, "%s", path);
}

/* The rights of a new folder, for what is in it too. */
static DWORD dir_set_rights(HANDLE h)
{
    SECURITY_ATTRIBUTES sa;
    auto_local void *descriptor = NULL;
    BOOL present = FALSE, is_default = FALSE;
    PACL list = NULL;
    if (!os_security(OS_PRIVATE_FOLDER, &sa, &descriptor) ||
        !GetSecurityDescriptorDacl(descriptor, &present, &list, &is_default)) {
        return GetLastError();
    }
    return SetSecurityInfo(h, SE_FILE_OBJECT,
                           DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, NULL,
                           NULL, list, NULL);
}

int dir_make_private(const char *path, struct err *err)
{
    int rc = dir_make(path, err);
    if (rc < 0) {
        return rc;
    }
    auto_free wchar_t *wide = os_path(path);
    auto_handle HANDLE h = CreateFileW(wide, READ_CONTROL | WRITE_DAC, FILE_SHARE_ALL, NULL,
                                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    bool trusted = false;
    DWORD code =
        h == INVALID_HANDLE_VALUE ? GetLastError() : os_is_owner_trusted(h, true, &trusted);
    code = code == ERROR_SUCCESS && !trusted ? ERROR_INVALID_OWNER : code;
    code = code == ERROR_SUCCESS ? dir_set_rights(h) : code;
    return code == ERROR_SUCCESS ? 0 : os_err(err, code, "%s", path);
}
