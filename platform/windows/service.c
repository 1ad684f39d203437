/* SPDX-License-Identifier: Apache-2.0
 *
 * The service from inside: the dispatcher's thread is the process's first one, the agent runs on
 * the thread that the dispatcher makes for it, control requests come on the dispatcher's.
 *
 * States: starting (until service_tell_running), running, stopping (once asked to), stopped.  Stop,
 * shutdown and preshutdown are one and the same request; pause and all others are refused. */
#include "platform/service.h"

#include <windows.h>

#include <tlhelp32.h>

#include "core/base/mem.h"
#include "platform/windows/os.h"
#include "platform/windows/service_internal.h"

enum { SERVICE_START_HINT_MS = 30000, SERVICE_STOP_HINT_MS = 5000 };

static struct {
    SRWLOCK lock;
    SERVICE_STATUS_HANDLE handle;
    SERVICE_STATUS status;
    bool managed, stop_asked;
    service_stop_fn *stop;
    void *stop_aux;
    wchar_t *name;
    service_main_fn *main;
    int argc;
    char **argv;
    int exit_code;
} service = {.lock = SRWLOCK_INIT};

/* Under the lock. */
static void service_tell(DWORD state, DWORD hint_ms)
{
    bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
    SERVICE_STATUS *s = &service.status;
    s->dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    s->dwCurrentState = state;
    s->dwControlsAccepted =
        state == SERVICE_RUNNING
            ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PRESHUTDOWN
            : 0;
    s->dwCheckPoint = pending ? s->dwCheckPoint + 1 : 0;
    s->dwWaitHint = hint_ms;
    SetServiceStatus(service.handle, s);
}

static void service_stop_asked(void)
{
    AcquireSRWLockExclusive(&service.lock);
    if (!service.stop_asked) {
        service.stop_asked = true;
        service_tell(SERVICE_STOP_PENDING, SERVICE_STOP_HINT_MS);
        if (service.stop) {
            service.stop(service.stop_aux);
        }
    }
    ReleaseSRWLockExclusive(&service.lock);
}

static DWORD WINAPI service_control(DWORD control, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
    case SERVICE_CONTROL_PRESHUTDOWN:
        service_stop_asked();
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

/* The service's own arguments are its name and what its starter gave; what it runs with are those
 * of the process, which the manager's command line has. */
static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    (void)argc;
    (void)argv;
    service.handle = RegisterServiceCtrlHandlerExW(service.name, service_control, NULL);
    if (!service.handle) {
        service.exit_code = 1;
        return;
    }
    AcquireSRWLockExclusive(&service.lock);
    service.managed = true;
    service_tell(SERVICE_START_PENDING, SERVICE_START_HINT_MS);
    ReleaseSRWLockExclusive(&service.lock);
    service_log_source(service.name);
    service_mend(service.name);

    service.exit_code = service.main(service.argc, service.argv);

    service_tell_stopped(service.exit_code);
}

/* The process that started this one is the service manager.  Asking the dispatcher instead may wait
 * for ever where the manager is still busy with another service. */
static bool service_is_started_by_manager(void)
{
    DWORD own = GetCurrentProcessId(), parent = 0;
    PROCESSENTRY32W entry = {.dwSize = sizeof entry};
    bool found = false;
    auto_handle HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    for (BOOL more = Process32FirstW(list, &entry); more; more = Process32NextW(list, &entry)) {
        parent = entry.th32ProcessID == own ? entry.th32ParentProcessID : parent;
    }
    for (BOOL more = Process32FirstW(list, &entry); more; more = Process32NextW(list, &entry)) {
        found = found ||
                (entry.th32ProcessID == parent && _wcsicmp(entry.szExeFile, L"services.exe") == 0);
    }
    return found;
}

int service_main_run(const char *name, int argc, char **argv, service_main_fn *fn)
{
    if (!service_is_started_by_manager()) {
        return fn(argc, argv);
    }
    service.name = os_wide(name);
    service.main = fn;
    service.argc = argc;
    service.argv = argv;
    SERVICE_TABLE_ENTRYW table[] = {{service.name, service_main}, {NULL, NULL}};
    /* Who was not started by the manager is told ERROR_FAILED_SERVICE_CONTROLLER_CONNECT. */
    int code = StartServiceCtrlDispatcherW(table) ? service.exit_code : fn(argc, argv);
    mem_free(service.name);
    service.name = NULL;
    return code;
}

bool service_is_managed(void)
{
    return service.managed;
}

void service_tell_running(void)
{
    AcquireSRWLockExclusive(&service.lock);
    if (service.managed && !service.stop_asked) {
        service_tell(SERVICE_RUNNING, 0);
    }
    ReleaseSRWLockExclusive(&service.lock);
}

void service_tell_stopped(int exit_code)
{
    AcquireSRWLockExclusive(&service.lock);
    if (service.managed) {
        service.managed = false;
        service.status.dwWin32ExitCode = exit_code ? ERROR_SERVICE_SPECIFIC_ERROR : (DWORD)NO_ERROR;
        service.status.dwServiceSpecificExitCode = (DWORD)exit_code;
        service_tell(SERVICE_STOPPED, 0);
    }
    ReleaseSRWLockExclusive(&service.lock);
}

void service_on_stop(service_stop_fn *fn, void *aux)
{
    AcquireSRWLockExclusive(&service.lock);
    service.stop = fn;
    service.stop_aux = aux;
    if (fn && service.stop_asked) {
        fn(aux);
    }
    ReleaseSRWLockExclusive(&service.lock);
}
