/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/spawn.h"

#include <windows.h>

#include <stdlib.h>
#include <string.h>

enum { SPAWN_LINE_MAX = 8192, SPAWN_ENDED = 0x7e };

struct spawned {
    PROCESS_INFORMATION process;
    bool killed;
};

/* A line or block that grows up to its room. */
struct spawn_text {
    wchar_t v[SPAWN_LINE_MAX];
    size_t n;
};

static void spawn_put(struct spawn_text *t, const char *utf8)
{
    int room = (int)(SPAWN_LINE_MAX - t->n);
    int n = MultiByteToWideChar(CP_UTF8, 0, utf8, -1, t->v + t->n, room);
    if (n <= 0) {
        abort();
    }
    t->n += (size_t)n - 1;
}

/* One argument in quotes; tests need no quotes or final backslashes within. */
static void spawn_put_argument(struct spawn_text *t, const char *argument)
{
    if (strchr(argument, '"') || (*argument && argument[strlen(argument) - 1] == '\\')) {
        abort();
    }
    spawn_put(t, t->n ? " \"" : "\"");
    spawn_put(t, argument);
    spawn_put(t, "\"");
}

static void spawn_put_variable(struct spawn_text *t, const char *variable)
{
    spawn_put(t, variable);
    t->n++; /* with its NUL */
}

static void spawn_put_variables(struct spawn_text *t, const char *const *variables)
{
    char root[MAX_PATH + 32] = "SystemRoot="; /* without it nothing starts */
    GetWindowsDirectoryA(root + strlen(root), MAX_PATH);
    for (; *variables; variables++) {
        spawn_put_variable(t, *variables);
    }
    spawn_put_variable(t, root);
    t->v[t->n++] = 0;
}

static HANDLE spawn_open(const char *path, bool write)
{
    wchar_t wide[MAX_PATH];
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    MultiByteToWideChar(CP_UTF8, 0, path ? path : "NUL", -1, wide, MAX_PATH);
    return CreateFileW(wide, write ? FILE_APPEND_DATA : GENERIC_READ,
                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &inherited,
                       write ? OPEN_ALWAYS : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
}

struct spawned *spawn_start(const struct spawn *s)
{
    struct spawned *p = calloc(1, sizeof *p);
    struct spawn_text *line = calloc(1, sizeof *line), *block = calloc(1, sizeof *block);
    STARTUPINFOW start = {.cb = sizeof start,
                          .dwFlags = STARTF_USESTDHANDLES,
                          .hStdInput = spawn_open(s->in, false),
                          .hStdOutput = spawn_open(s->out, true),
                          .hStdError = spawn_open(s->err, true)};
    if (!p || !line || !block) {
        abort();
    }
    spawn_put_argument(line, s->program);
    for (const char *const *a = s->arguments; a && *a; a++) {
        spawn_put_argument(line, *a);
    }
    if (s->variables) {
        spawn_put_variables(block, s->variables);
    }
    bool started = CreateProcessW(NULL, line->v, NULL, NULL, TRUE,
                                  CREATE_UNICODE_ENVIRONMENT | CREATE_NEW_PROCESS_GROUP,
                                  s->variables ? block->v : NULL, NULL, &start, &p->process);
    CloseHandle(start.hStdInput);
    CloseHandle(start.hStdOutput);
    CloseHandle(start.hStdError);
    free(line);
    free(block);
    if (!started) {
        free(p);
        return NULL;
    }
    return p;
}

int spawn_id(const struct spawned *p)
{
    return (int)p->process.dwProcessId;
}

bool spawn_stop(struct spawned *p, enum spawn_stop how)
{
    if (how == SPAWN_KILL) {
        p->killed = true;
        return TerminateProcess(p->process.hProcess, SPAWN_ENDED);
    }
    return GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, p->process.dwProcessId);
}

int spawn_wait(struct spawned *p)
{
    DWORD code = 0;
    WaitForSingleObject(p->process.hProcess, INFINITE);
    GetExitCodeProcess(p->process.hProcess, &code);
    int result = p->killed ? -1 : (int)code;
    CloseHandle(p->process.hThread);
    CloseHandle(p->process.hProcess);
    free(p);
    return result;
}

int spawn_run(const struct spawn *s)
{
    struct spawned *p = spawn_start(s);
    return p ? spawn_wait(p) : -1;
}

struct spawn_thread {
    HANDLE handle;
    void (*fn)(void *aux);
    void *aux;
};

static DWORD WINAPI spawn_thread_main(void *aux)
{
    struct spawn_thread *t = aux;
    t->fn(t->aux);
    return 0;
}

struct spawn_thread *spawn_thread_start(void (*fn)(void *aux), void *aux)
{
    struct spawn_thread *t = calloc(1, sizeof *t);
    if (!t) {
        abort();
    }
    t->fn = fn;
    t->aux = aux;
    t->handle = CreateThread(NULL, 0, spawn_thread_main, t, 0, NULL);
    if (!t->handle) {
        abort();
    }
    return t;
}

void spawn_thread_join(struct spawn_thread *t)
{
    WaitForSingleObject(t->handle, INFINITE);
    CloseHandle(t->handle);
    free(t);
}
