/* SPDX-License-Identifier: Apache-2.0
 *
 * The service from outside: the service control manager.  Handles close themselves; each function
 * opens the manager with no more rights than it needs, so that asking works without Administrator.
 */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/service.h"
#include "platform/windows/os.h"
#include "platform/windows/service_internal.h"

enum {
    SERVICE_POLL_MS = 50,
    SERVICE_REFORGET_S = 24 * 3600, /* so long without failure: as if there had been none */
    SERVICE_PRESHUTDOWN_MS = 10000,
    SERVICE_CONFIG_MAX = 8192 /* the system's own limit of both configurations */
};

static void service_close(SC_HANDLE *h)
{
    if (*h) {
        CloseServiceHandle(*h);
    }
}
#define auto_service PORT_CLEANUP(service_close) SC_HANDLE

/* An installed service.  NULL: err says why. */
static SC_HANDLE service_open(const char *name, DWORD rights, struct err *err)
{
    auto_service manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    auto_free wchar_t *wide = os_wide(name);
    SC_HANDLE s = manager ? OpenServiceW(manager, wide, rights) : NULL;
    if (!s) {
        os_err(err, GetLastError(), "service %s", name);
    }
    return s;
}

/* ---- the command line ---- */
/* One argument as CommandLineToArgvW() takes it apart again. */
static void service_quote(struct sbuf *out, const char *arg, bool always)
{
    size_t slashes = 0;
    if (!always && *arg && !strpbrk(arg, " \t\"")) {
        sbuf_puts(out, arg);
        return;
    }
    sbuf_putc(out, '"');
    for (const char *c = arg; *c; c++) {
        slashes = *c == '\\' ? slashes + 1 : 0;
        if (*c == '"') {
            sbuf_putc(out, '\\');
        }
        sbuf_putc(out, *c);
        /* Backslashes count double before a quote only. */
        for (size_t i = 0; slashes && (c[1] == '"' || !c[1]) && i < slashes; i++) {
            sbuf_putc(out, '\\');
        }
    }
    sbuf_putc(out, '"');
}

static void service_command(const struct service_spec *spec, struct sbuf *out)
{
    service_quote(out, spec->program, true);
    for (size_t i = 0; i < spec->n_args; i++) {
        sbuf_putc(out, ' ');
        service_quote(out, spec->args[i], false);
    }
}

/* ---- installing ---- */
/* Ending with an error is a failure too, not only crashing. */
static bool service_set_restarts(SC_HANDLE s)
{
    SC_ACTION actions[] = {{.Type = SC_ACTION_RESTART, .Delay = 5000},
                           {.Type = SC_ACTION_RESTART, .Delay = 10000},
                           {.Type = SC_ACTION_RESTART, .Delay = 30000}};
    SERVICE_FAILURE_ACTIONSW failure = {.dwResetPeriod = SERVICE_REFORGET_S,
                                        .cActions = ARRAY_LEN(actions),
                                        .lpsaActions = actions};
    SERVICE_FAILURE_ACTIONS_FLAG flag = {.fFailureActionsOnNonCrashFailures = TRUE};
    bool done = ChangeServiceConfig2W(s, SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
    ChangeServiceConfig2W(s, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &flag);
    return done;
}

/* Without the latter ones it is a service too. */
static int service_describe(SC_HANDLE s, const struct service_spec *spec, struct err *err)
{
    auto_free wchar_t *text = os_wide(spec->description);
    SERVICE_DESCRIPTIONW description = {.lpDescription = text};
    SERVICE_DELAYED_AUTO_START_INFO delayed = {.fDelayedAutostart = FALSE};
    SERVICE_PRESHUTDOWN_INFO preshutdown = {.dwPreshutdownTimeout = SERVICE_PRESHUTDOWN_MS};
    if (!service_set_restarts(s)) {
        return os_err(err, GetLastError(), "restart on failure");
    }
    ChangeServiceConfig2W(s, SERVICE_CONFIG_DESCRIPTION, &description);
    ChangeServiceConfig2W(s, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown);
    ChangeServiceConfig2W(s, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed);
    return 0;
}

/* Makes it, or changes the one that is there.  NULL: err says why. */
static SC_HANDLE service_make(SC_HANDLE manager, const struct service_spec *spec,
                              const wchar_t *command, struct err *err)
{
    auto_free wchar_t *name = os_wide(spec->name);
    auto_free wchar_t *display = os_wide(spec->display);
    /* Starting it again after a failure needs SERVICE_START. */
    DWORD rights = SERVICE_CHANGE_CONFIG | SERVICE_QUERY_STATUS | SERVICE_START;
    SC_HANDLE s = CreateServiceW(manager, name, display, rights, SERVICE_WIN32_OWN_PROCESS,
                                 SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, command, NULL, NULL,
                                 NULL, NULL, NULL);
    if (!s && GetLastError() == ERROR_SERVICE_EXISTS) {
        s = OpenServiceW(manager, name, rights);
        if (s && !ChangeServiceConfigW(s, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                       SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL, NULL, NULL,
                                       display)) {
            os_err(err, GetLastError(), "service %s", spec->name);
            service_close(&s);
            return NULL;
        }
    }
    if (!s) {
        os_err(err, GetLastError(), "service %s", spec->name);
    }
    return s;
}

int service_install(const struct service_spec *spec, struct err *err)
{
    auto_service manager =
        OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (!manager) {
        return os_err(err, GetLastError(), "service manager");
    }
    auto_sbuf command = SBUF_INIT;
    service_command(spec, &command);
    auto_free wchar_t *wide = os_wide(command.data);
    auto_free wchar_t *name = os_wide(spec->name);
    struct err why = {0};
    auto_service s = service_make(manager, spec, wide, &why);
    int rc = s ? service_describe(s, spec, &why) : why.code;
    rc = rc < 0 ? rc : service_log_register(name, &why);
    if (rc < 0) {
        return err_set_os(err, rc, why.os_code, "%s", why.text);
    }
    return 0;
}

int service_set_command(const char *name, const char *command, struct err *err)
{
    auto_service s = service_open(name, SERVICE_CHANGE_CONFIG, err);
    if (!s) {
        return err ? err->code : ERR_IO;
    }
    auto_free wchar_t *wide = os_wide(command);
    return ChangeServiceConfigW(s, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, wide,
                                NULL, NULL, NULL, NULL, NULL, NULL)
               ? 0
               : os_err(err, GetLastError(), "service %s", name);
}

int service_remove(const char *name, struct err *err)
{
    struct err why = {0};
    auto_free wchar_t *wide = os_wide(name);
    auto_service s = service_open(name, DELETE, &why);
    if (!s && why.code == ERR_NOT_FOUND) {
        service_log_unregister(wide);
        return 0;
    }
    if (s && !DeleteService(s)) {
        os_err(&why, GetLastError(), "service %s", name);
    }
    if (why.code) {
        return err_set_os(err, why.code, why.os_code, "%s", why.text);
    }
    service_log_unregister(wide);
    return 0;
}

/* ---- asking ---- */
static enum service_state service_state_of(DWORD state)
{
    switch (state) {
    case SERVICE_STOPPED:
        return SERVICE_IS_STOPPED;
    case SERVICE_START_PENDING:
        return SERVICE_IS_STARTING;
    case SERVICE_STOP_PENDING:
        return SERVICE_IS_STOPPING;
    case SERVICE_RUNNING:
        return SERVICE_IS_RUNNING;
    default:
        return SERVICE_IS_OTHER;
    }
}

static int service_ask_state(SC_HANDLE s, struct service_status *out, struct err *err)
{
    SERVICE_STATUS_PROCESS p;
    DWORD n = 0;
    if (!QueryServiceStatusEx(s, SC_STATUS_PROCESS_INFO, (BYTE *)&p, sizeof p, &n)) {
        return os_err(err, GetLastError(), "service");
    }
    out->state = service_state_of(p.dwCurrentState);
    out->pid = p.dwProcessId;
    out->exit_code = p.dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR ? p.dwServiceSpecificExitCode
                                                                       : p.dwWin32ExitCode;
    return 0;
}

static void service_ask_config(SC_HANDLE s, struct service_status *out)
{
    auto_free QUERY_SERVICE_CONFIGW *config = mem_alloc(SERVICE_CONFIG_MAX);
    auto_free SERVICE_FAILURE_ACTIONSW *failure = mem_alloc(SERVICE_CONFIG_MAX);
    DWORD n = 0;
    if (QueryServiceConfigW(s, config, SERVICE_CONFIG_MAX, &n)) {
        auto_free char *command = os_utf8(config->lpBinaryPathName);
        out->automatic = config->dwStartType == SERVICE_AUTO_START;
        snprintf(out->command, sizeof out->command, "%s", command);
    }
    out->restarts_known = QueryServiceConfig2W(s, SERVICE_CONFIG_FAILURE_ACTIONS, (BYTE *)failure,
                                               SERVICE_CONFIG_MAX, &n);
    out->restarts = out->restarts_known && failure->cActions &&
                    failure->lpsaActions[0].Type == SC_ACTION_RESTART;
}

int service_query(const char *name, struct service_status *out, struct err *err)
{
    struct service_status status = {.state = SERVICE_IS_ABSENT};
    struct err why = {0};
    auto_service s = service_open(name, SERVICE_QUERY_STATUS, &why);
    auto_service config = s ? service_open(name, SERVICE_QUERY_CONFIG, NULL) : NULL;
    int rc = s ? service_ask_state(s, &status, &why) : why.code;
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        return err_set_os(err, rc, why.os_code, "%s", why.text);
    }
    if (config) {
        service_ask_config(config, &status);
    }
    *out = status;
    return 0;
}

/* ---- what a service of another's making lacks ---- */
/* The command line with this program's path in quotes; NULL: it has them, or runs another one. */
static wchar_t *service_quoted(const wchar_t *command)
{
    enum { LONGEST = 32768 };
    auto_free wchar_t *path = mem_calloc(LONGEST, sizeof *path);
    DWORD n = GetModuleFileNameW(NULL, path, LONGEST);
    if (n == 0 || n >= LONGEST || _wcsnicmp(command, path, n) != 0) {
        return NULL;
    }
    size_t rest = wcslen(command + n) + 1;
    wchar_t *out = mem_calloc(n + rest + 2, sizeof *out);
    out[0] = out[n + 1] = L'"';
    memcpy(out + 1, command, n * sizeof *out);
    memcpy(out + n + 2, command + n, rest * sizeof *out);
    return out;
}

void service_mend(const wchar_t *name)
{
    struct service_status status = {.restarts = false};
    auto_service manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    DWORD rights = SERVICE_QUERY_CONFIG | SERVICE_CHANGE_CONFIG | SERVICE_START;
    auto_service s = manager ? OpenServiceW(manager, name, rights) : NULL;
    auto_free QUERY_SERVICE_CONFIGW *config = mem_alloc(SERVICE_CONFIG_MAX);
    DWORD n = 0;
    if (!s) {
        return;
    }
    service_ask_config(s, &status);
    if (!status.restarts) {
        service_set_restarts(s);
    }
    if (QueryServiceConfigW(s, config, SERVICE_CONFIG_MAX, &n)) {
        auto_free wchar_t *quoted = service_quoted(config->lpBinaryPathName);
        if (quoted) {
            ChangeServiceConfigW(s, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, quoted,
                                 NULL, NULL, NULL, NULL, NULL, NULL);
        }
    }
}

/* ---- starting and stopping ---- */
/* Waits until it is in none of the two states; *out is what it is then. */
static int service_wait(SC_HANDLE s, enum service_state while_, unsigned timeout_ms,
                        struct service_status *out, struct err *err)
{
    uint64_t end = GetTickCount64() + timeout_ms;
    for (;;) {
        int rc = service_ask_state(s, out, err);
        if (rc < 0 || out->state != while_) {
            return rc;
        }
        if (GetTickCount64() >= end) {
            return err_set(err, ERR_TIMEOUT, "not done after %u s", timeout_ms / 1000);
        }
        Sleep(SERVICE_POLL_MS);
    }
}

static int service_start__(SC_HANDLE s, unsigned timeout_ms, struct err *err)
{
    struct service_status status;
    if (!StartServiceW(s, 0, NULL) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING) {
        return os_err(err, GetLastError(), "start");
    }
    int rc = service_wait(s, SERVICE_IS_STARTING, timeout_ms, &status, err);
    if (rc < 0 || status.state == SERVICE_IS_RUNNING) {
        return rc;
    }
    return err_set(err, ERR_CLOSED, "it ended with code %u", (unsigned)status.exit_code);
}

int service_start(const char *name, unsigned timeout_ms, struct err *err)
{
    struct err why = {0};
    auto_service s = service_open(name, SERVICE_START | SERVICE_QUERY_STATUS, &why);
    int rc = s ? service_start__(s, timeout_ms, &why) : why.code;
    return rc < 0 ? err_set_os(err, rc, why.os_code, "%s", why.text) : 0;
}

static int service_stop__(SC_HANDLE s, unsigned timeout_ms, struct err *err)
{
    struct service_status status;
    SERVICE_STATUS ignored;
    /* A service that is starting takes no request yet. */
    int rc = service_wait(s, SERVICE_IS_STARTING, timeout_ms, &status, err);
    if (rc < 0 || status.state == SERVICE_IS_STOPPED) {
        return rc;
    }
    if (!ControlService(s, SERVICE_CONTROL_STOP, &ignored)) {
        DWORD code = GetLastError();
        if (code != ERROR_SERVICE_NOT_ACTIVE && code != ERROR_SERVICE_CANNOT_ACCEPT_CTRL) {
            return os_err(err, code, "stop");
        }
    }
    rc = service_wait(s, SERVICE_IS_RUNNING, timeout_ms, &status, err);
    return rc < 0 ? rc : service_wait(s, SERVICE_IS_STOPPING, timeout_ms, &status, err);
}

int service_stop(const char *name, unsigned timeout_ms, struct err *err)
{
    struct err why = {0};
    auto_service s = service_open(name, SERVICE_STOP | SERVICE_QUERY_STATUS, &why);
    if (!s && why.code == ERR_NOT_FOUND) {
        return 0;
    }
    int rc = s ? service_stop__(s, timeout_ms, &why) : why.code;
    return rc < 0 ? err_set_os(err, rc, why.os_code, "%s", why.text) : 0;
}
