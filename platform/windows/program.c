/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments come from the command line as the system keeps it, in UTF-16: the C runtime would give
 * them in the code page.  Variables too.  What cannot be UTF-8 (half a surrogate pair) becomes
 * U+FFFD.  A console shows what we write as UTF-8 while we run. */
#include "platform/program.h"

#include <fcntl.h>
#include <io.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <shellapi.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/windows/os.h"

static UINT program_code_page; /* of the console before us */

static void program_restore_console(void)
{
    SetConsoleOutputCP(program_code_page);
}

static void program_streams(void)
{
    DWORD mode;
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
    _setmode(_fileno(stderr), _O_BINARY);
    bool console = GetConsoleMode(GetStdHandle(STD_OUTPUT_HANDLE), &mode) ||
                   GetConsoleMode(GetStdHandle(STD_ERROR_HANDLE), &mode);
    program_code_page = GetConsoleOutputCP();
    if (console && program_code_page && program_code_page != CP_UTF8 &&
        SetConsoleOutputCP(CP_UTF8)) {
        atexit(program_restore_console);
    }
}

void program_start(int *argc, char ***argv)
{
    int n = 0;
    program_streams();
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &n);
    if (!wide) {
        return;
    }
    char **out = mem_calloc((size_t)n + 1, sizeof *out);
    for (int i = 0; i < n; i++) {
        out[i] = os_utf8(wide[i]);
    }
    LocalFree(wide);
    *argc = n;
    *argv = out;
}

/* Every value that was asked for, kept since it must live as long as the program. */
struct program_kept {
    struct program_kept *next;
    char *value;
};
static struct program_kept *program_variables;

static const char *program_keep(char *value)
{
    for (const struct program_kept *k = program_variables; k; k = k->next) {
        if (strcmp(k->value, value) == 0) {
            mem_free(value);
            return k->value;
        }
    }
    struct program_kept *k = mem_calloc(1, sizeof *k);
    *k = (struct program_kept){program_variables, value};
    program_variables = k;
    return value;
}

const char *program_variable(const char *name)
{
    wchar_t wide[256];
    if (!MultiByteToWideChar(CP_UTF8, 0, name, -1, wide, ARRAY_LEN(wide))) {
        return NULL;
    }
    SetLastError(ERROR_SUCCESS);
    DWORD n = GetEnvironmentVariableW(wide, NULL, 0);
    if (n == 0 && GetLastError() == ERROR_ENVVAR_NOT_FOUND) {
        return NULL;
    }
    auto_free wchar_t *value = mem_calloc(n + 1, sizeof *value);
    GetEnvironmentVariableW(wide, value, n + 1);
    return program_keep(os_utf8(value));
}

char *program_mounted(const char *path)
{
    const char *root = program_variable("CONTAINER_SANDBOX_MOUNT_POINT");
    size_t n = root ? strlen(root) : 0;
    auto_sbuf below = SBUF_INIT, usual = SBUF_INIT;
    while (n > 0 && (root[n - 1] == '\\' || root[n - 1] == '/')) {
        n--;
    }
    sbuf_printf(&usual, "C:%s", path);
    sbuf_printf(&below, "%.*s%s", (int)n, root ? root : "", path);
    auto_free wchar_t *wide = os_path(below.data);
    bool there = n > 0 && GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
    return sbuf_take(there ? &below : &usual);
}
