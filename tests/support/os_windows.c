/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/os.h"

#include <stdbool.h>
#include <stdio.h>
#include <windows.h>

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

void os_remove_tree(const char *path)
{
    char pattern[4 * MAX_PATH], name[4 * MAX_PATH];
    WIN32_FIND_DATAA found;
    snprintf(pattern, sizeof pattern, "%s/*", path);
    HANDLE find = FindFirstFileA(pattern, &found);
    for (BOOL more = find != INVALID_HANDLE_VALUE; more; more = FindNextFileA(find, &found)) {
        bool dots = found.cFileName[0] == '.' &&
                    (!found.cFileName[1] || (found.cFileName[1] == '.' && !found.cFileName[2]));
        if (dots) {
            continue;
        }
        snprintf(name, sizeof name, "%s/%s", path, found.cFileName);
        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) {
            os_remove_tree(name);
        } else {
            DeleteFileA(name);
        }
    }
    FindClose(find);
    RemoveDirectoryA(path);
}
