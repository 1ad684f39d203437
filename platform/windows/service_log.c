/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of a service: a file of bounded size, and the Application log of the system.
 *
 * The texts of the Application log come from EventCreate.exe, which every Windows has: its events 1
 * to 1000 are nothing but the text that was reported. */
#include <stdio.h>
#include <windows.h>

#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/service.h"
#include "platform/windows/os.h"
#include "platform/windows/service_internal.h"

static struct {
    SRWLOCK lock;
    HANDLE file; /* NULL: none is open */
    wchar_t *path, *old;
    uint64_t size, limit;
    HANDLE source;
} service_log = {.lock = SRWLOCK_INIT};

/* ---- the file ---- */
static int service_log_begin(struct err *err)
{
    LARGE_INTEGER size = {.QuadPart = 0};
    HANDLE file = CreateFileW(service_log.path, FILE_APPEND_DATA,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return os_err(err, GetLastError(), "log");
    }
    GetFileSizeEx(file, &size);
    service_log.file = file;
    service_log.size = (uint64_t)size.QuadPart;
    return 0;
}

/* Everything up to the last separator. */
static int service_log_folder(const char *path, struct err *err)
{
    size_t n = strlen(path);
    while (n && path[n - 1] != '/' && path[n - 1] != '\\') {
        n--;
    }
    auto_free char *dir = mem_strndup(path, n ? n - 1 : 0);
    return n > 1 ? dir_make(dir, err) : 0;
}

/* What is printed to stderr, a failed assertion say, goes to "PATH.stderr" from now on.  It begins
 * anew if it is as large as the log may be. */
static void service_log_stderr(const wchar_t *path, uint64_t limit)
{
    static const wchar_t end[] = L".stderr";
    WIN32_FILE_ATTRIBUTE_DATA data = {0};
    size_t n = wcslen(path);
    auto_free wchar_t *name = mem_calloc(n + sizeof end / sizeof *end, sizeof *name);
    memcpy(name, path, n * sizeof *name);
    memcpy(name + n, end, sizeof end);
    bool is_large = GetFileAttributesExW(name, GetFileExInfoStandard, &data) &&
                    ((uint64_t)data.nFileSizeHigh << 32 | data.nFileSizeLow) > limit;
    FILE *f = _wfreopen(name, is_large ? L"wb" : L"ab", stderr);
    if (f) {
        setvbuf(f, NULL, _IONBF, 0);
    }
}

int service_log_open(const char *path, uint64_t limit, struct err *err)
{
    service_log_close();
    auto_free wchar_t *wide = os_wide(path);
    size_t n = wcslen(wide);
    service_log.limit = limit;
    service_log.path = mem_dup(wide, (n + 1) * sizeof *wide);
    service_log.old = mem_calloc(n + 3, sizeof *wide);
    memcpy(service_log.old, wide, n * sizeof *wide);
    memcpy(service_log.old + n, L".1", 2 * sizeof *wide);
    int rc = service_log_folder(path, err);
    rc = rc < 0 ? rc : service_log_begin(err);
    if (rc < 0) {
        service_log_close();
    }
    if (rc == 0 && service_is_managed()) {
        service_log_stderr(wide, limit);
    }
    return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

void service_log_close(void)
{
    AcquireSRWLockExclusive(&service_log.lock);
    if (service_log.file) {
        CloseHandle(service_log.file);
    }
    service_log.file = NULL;
    mem_free(service_log.path);
    mem_free(service_log.old);
    service_log.path = service_log.old = NULL;
    ReleaseSRWLockExclusive(&service_log.lock);
}

static void service_log_turn(void)
{
    CloseHandle(service_log.file);
    service_log.file = NULL;
    if (!MoveFileExW(service_log.path, service_log.old, MOVEFILE_REPLACE_EXISTING)) {
        DeleteFileW(service_log.path); /* bounded comes before kept */
    }
    service_log_begin(NULL);
}

void service_log_write(const void *p, size_t n)
{
    DWORD written = 0;
    AcquireSRWLockExclusive(&service_log.lock);
    if (service_log.file && service_log.size && service_log.size + n > service_log.limit) {
        service_log_turn();
    }
    if (service_log.file && WriteFile(service_log.file, p, (DWORD)n, &written, NULL)) {
        service_log.size += written;
    }
    ReleaseSRWLockExclusive(&service_log.lock);
}

/* ---- the Application log ---- */
void service_log_source(const wchar_t *name)
{
    service_log.source = RegisterEventSourceW(NULL, name);
}

void service_log_event(enum service_event kind, const char *text)
{
    static const struct {
        WORD type;
        DWORD id;
    } kinds[] = {[SERVICE_EVENT_ERROR] = {EVENTLOG_ERROR_TYPE, 1},
                 [SERVICE_EVENT_WARNING] = {EVENTLOG_WARNING_TYPE, 2},
                 [SERVICE_EVENT_INFO] = {EVENTLOG_INFORMATION_TYPE, 3}};
    if (service_log.source) {
        auto_free wchar_t *wide = os_wide(text);
        const wchar_t *strings[] = {wide};
        ReportEventW(service_log.source, kinds[kind].type, 0, kinds[kind].id, NULL, 1, 0, strings,
                     NULL);
    }
}

static wchar_t *service_log_key(const wchar_t *name)
{
    size_t head = wcslen(SERVICE_LOG_KEY), n = wcslen(name);
    wchar_t *key = mem_calloc(head + n + 1, sizeof *key);
    memcpy(key, SERVICE_LOG_KEY, head * sizeof *key);
    memcpy(key + head, name, n * sizeof *key);
    return key;
}

int service_log_register(const wchar_t *name, struct err *err)
{
    static const wchar_t file[] = L"%SystemRoot%\\System32\\EventCreate.exe";
    DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    auto_free wchar_t *path = service_log_key(name);
    HKEY key;
    LSTATUS rc =
        RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL);
    if (rc != ERROR_SUCCESS) {
        return os_err(err, (DWORD)rc, "source of the Application log");
    }
    rc =
        RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ, (const BYTE *)file, sizeof file);
    if (rc == ERROR_SUCCESS) {
        rc = RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types,
                            sizeof types);
    }
    RegCloseKey(key);
    return rc == ERROR_SUCCESS ? 0 : os_err(err, (DWORD)rc, "source of the Application log");
}

void service_log_unregister(const wchar_t *name)
{
    auto_free wchar_t *path = service_log_key(name);
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, path);
}
