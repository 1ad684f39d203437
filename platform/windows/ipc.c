/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's end of the agent's named pipe: overlapped calls, each waited for with a limit in
 * time.  The server learns who we are, but cannot act as us; and a pipe that a stranger made under
 * the agent's name while it was away is not spoken to. */
#include "platform/ipc.h"

#include <string.h>

#include "core/base/mem.h"
#include "platform/pipe.h"
#include "platform/windows/os.h"

struct ipc {
    HANDLE pipe;
    HANDLE event;
};

static DWORD ipc_left(uint64_t deadline)
{
    uint64_t now = GetTickCount64();
    return now < deadline ? (DWORD)(deadline - now) : 0;
}

/* Opens the pipe, waiting while all its instances are taken; errors name it as it was given. */
static int ipc_open(const char *path, const char *given, unsigned timeout_ms, HANDLE *out,
                    struct err *err)
{
    auto_free wchar_t *wide = os_wide(path);
    uint64_t deadline = GetTickCount64() + timeout_ms;
    for (;;) {
        DWORD left = ipc_left(deadline); /* it is tried once more when time is up */
        HANDLE h = CreateFileW(
            wide, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        if (h != INVALID_HANDLE_VALUE) {
            *out = h;
            return 0;
        }
        DWORD code = GetLastError();
        if (code != ERROR_PIPE_BUSY) {
            return os_err(err, code, "%s", given);
        }
        /* Zero would mean the server's own limit. */
        if (!left) {
            return err_set(err, ERR_TIMEOUT, "%s: nobody accepts", given);
        }
        (void)WaitNamedPipeW(wide, left);
    }
}

int ipc_connect(const char *address, unsigned timeout_ms, struct ipc **out, struct err *err)
{
    char path[PIPE_PATH_MAX];
    int rc = pipe_path(address, path, err);
    auto_handle HANDLE pipe = NULL, event = NULL;
    rc = rc < 0 ? rc : ipc_open(path, address, timeout_ms, &pipe, err);
    if (rc < 0) {
        return rc;
    }
    event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!event) {
        return os_err(err, GetLastError(), "%s", address);
    }
    struct ipc *c = mem_calloc(1, sizeof *c);
    c->pipe = os_steal(&pipe);
    c->event = os_steal(&event);
    *out = c;
    return 0;
}

/* Ends a call that was begun: its outcome, or ERR_TIMEOUT after taking it back. */
static int ipc_finish(struct ipc *c, OVERLAPPED *o, uint64_t deadline, DWORD *n, DWORD *code)
{
    DWORD waited = WaitForSingleObject(c->event, ipc_left(deadline));
    if (waited != WAIT_OBJECT_0) {
        CancelIoEx(c->pipe, o);
    }
    if (GetOverlappedResult(c->pipe, o, n, TRUE)) {
        *code = ERROR_SUCCESS;
        return 0;
    }
    *code = GetLastError();
    return waited != WAIT_OBJECT_0 && *code == ERROR_OPERATION_ABORTED ? ERR_TIMEOUT : 0;
}

int ipc_write(struct ipc *c, const void *p, size_t n, unsigned timeout_ms, struct err *err)
{
    uint64_t deadline = GetTickCount64() + timeout_ms;
    for (const char *at = p; n;) {
        OVERLAPPED o = {.hEvent = c->event};
        DWORD done = 0, code = ERROR_SUCCESS, part = n < (1u << 20) ? (DWORD)n : 1u << 20;
        if (!WriteFile(c->pipe, at, part, NULL, &o) && GetLastError() != ERROR_IO_PENDING) {
            return os_err(err, GetLastError(), "write");
        }
        if (ipc_finish(c, &o, deadline, &done, &code) < 0) {
            return err_set(err, ERR_TIMEOUT, "no answer in time");
        }
        if (code != ERROR_SUCCESS) {
            return os_err(err, code, "write");
        }
        at += done;
        n -= done;
    }
    return 0;
}

/* The pipe's other end is closed, and all it sent is read. */
static bool ipc_is_end(DWORD code)
{
    return code == ERROR_BROKEN_PIPE || code == ERROR_PIPE_NOT_CONNECTED ||
           code == ERROR_HANDLE_EOF || code == ERROR_NO_DATA;
}

int ipc_read(struct ipc *c, void *p, size_t n, unsigned timeout_ms, size_t *n_out, struct err *err)
{
    OVERLAPPED o = {.hEvent = c->event};
    DWORD done = 0, code = ERROR_SUCCESS, part = n < (1u << 20) ? (DWORD)n : 1u << 20;
    if (!ReadFile(c->pipe, p, part, NULL, &o) && GetLastError() != ERROR_IO_PENDING) {
        code = GetLastError();
    } else if (ipc_finish(c, &o, GetTickCount64() + timeout_ms, &done, &code) < 0) {
        return err_set(err, ERR_TIMEOUT, "no answer in time");
    }
    if (code != ERROR_SUCCESS && !ipc_is_end(code)) {
        return os_err(err, code, "read");
    }
    *n_out = code == ERROR_SUCCESS ? done : 0;
    return 0;
}

void ipc_close(struct ipc *c)
{
    if (c) {
        CloseHandle(c->pipe);
        CloseHandle(c->event);
        mem_free(c);
    }
}
