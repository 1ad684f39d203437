/* SPDX-License-Identifier: Apache-2.0
 *
 * The running process: lock, memory, clock, name.  The lock is a range far beyond the file's text,
 * so that whoever fails to get it can still read the holder's pid; the system ends it with its
 * holder. */
#include "platform/process.h"

#include "platform/windows/os.h"

#include <inttypes.h>
#include <malloc.h>
#include <psapi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { PROCESS_LOCK_OFFSET = 1 << 30, PROCESS_SECOND_NS = 1000000000 };
#define PROCESS_1970_MS UINT64_C(11644473600000) /* since 1601 */

struct process_lock {
    HANDLE file;
};

static int process_read_pid(HANDLE file)
{
    char text[24] = "";
    DWORD n = 0;
    return ReadFile(file, text, sizeof text - 1, &n, NULL) ? (int)strtoimax(text, NULL, 10) : 0;
}

static DWORD process_write_pid(HANDLE file)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%u\n", (unsigned)GetCurrentProcessId());
    DWORD done = 0;
    bool ok = WriteFile(file, text, (DWORD)n, &done, NULL) && SetEndOfFile(file);
    return ok ? ERROR_SUCCESS : GetLastError();
}

int process_lock(const char *path, struct process_lock **out, int *pid_out, struct err *err)
{
    auto_free wchar_t *wide = os_path(path);
    SECURITY_ATTRIBUTES sa;
    auto_local void *descriptor = NULL;
    if (!os_security(OS_PRIVATE_FILE, &sa, &descriptor)) {
        return os_err(err, GetLastError(), "%s", path);
    }
    auto_handle HANDLE file =
        CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &sa,
                    OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return os_err(err, os_file_error(wide, GetLastError()), "%s", path);
    }
    OVERLAPPED range = {.Offset = PROCESS_LOCK_OFFSET};
    if (!LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &range)) {
        DWORD code = GetLastError();
        if (code != ERROR_LOCK_VIOLATION && code != ERROR_IO_PENDING) {
            return os_err(err, code, "%s", path);
        }
        int pid = process_read_pid(file);
        if (pid_out) {
            *pid_out = pid;
        }
        return err_set(err, ERR_EXISTS, "%s: held by process %d", path, pid);
    }
    DWORD code = process_write_pid(file);
    if (code != ERROR_SUCCESS) {
        return os_err(err, code, "%s", path);
    }
    struct process_lock *l = mem_calloc(1, sizeof *l);
    l->file = os_steal(&file);
    *out = l;
    return 0;
}

void process_unlock(struct process_lock *l)
{
    if (l) {
        CloseHandle(l->file);
        mem_free(l);
    }
}

/* libuv's name for a console that is closed. */
enum { PROCESS_SIGHUP = 1 };

size_t process_end_signals(int out[PROCESS_END_SIGNALS])
{
    out[0] = SIGTERM;
    out[1] = SIGBREAK;
    out[2] = PROCESS_SIGHUP;
    return 3;
}

static PROCESS_MEMORY_COUNTERS process_memory(void)
{
    PROCESS_MEMORY_COUNTERS m = {.cb = sizeof m};
    K32GetProcessMemoryInfo(GetCurrentProcess(), &m, sizeof m);
    return m;
}

uint64_t process_rss_kb(void)
{
    return process_memory().WorkingSetSize / 1024;
}

uint64_t process_peak_rss_kb(void)
{
    return process_memory().PeakWorkingSetSize / 1024;
}

void process_trim_memory(void)
{
    _heapmin();
}

void process_sleep_ms(unsigned ms)
{
    Sleep(ms);
}

uint64_t process_now_ns(void)
{
    LARGE_INTEGER frequency, now;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    uint64_t f = (uint64_t)frequency.QuadPart, t = (uint64_t)now.QuadPart;
    return t / f * PROCESS_SECOND_NS + t % f * PROCESS_SECOND_NS / f;
}

/* File times count tenths of a microsecond since 1601. */
uint64_t process_wall_ms(void)
{
    FILETIME t;
    GetSystemTimePreciseAsFileTime(&t);
    uint64_t ticks = (uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
    return ticks / 10000 - PROCESS_1970_MS;
}

/* Names of machines carry no case here, those of Nodes are in small letters. */
int process_hostname(char *buf, size_t n)
{
    wchar_t wide[256];
    DWORD size = ARRAY_LEN(wide);
    if (!GetComputerNameExW(ComputerNameDnsHostname, wide, &size)) {
        return os_err(NULL, GetLastError(), "host name");
    }
    auto_free char *name = os_utf8(wide);
    for (char *c = name; *c; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
    }
    snprintf(buf, n, "%s", name);
    return 0;
}
