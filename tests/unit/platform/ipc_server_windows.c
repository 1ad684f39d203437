/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/platform/ipc_server.h"

#include <windows.h>

#include <aclapi.h>
#include <io.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/pipe.h"

enum { IPC_SERVER_WAIT_MS = 60000, IPC_SERVER_CLIENTS = 64 };

struct ipc_server {
    HANDLE woken;
    struct pipe_listener *listener;
};

/* Descriptors that the handles belong to. */
static struct {
    uint64_t client;
    int fd;
} ipc_server_clients[IPC_SERVER_CLIENTS];

static void ipc_server_wake(void *aux)
{
    SetEvent(aux);
}

struct ipc_server *ipc_server_new(const char *address)
{
    struct ipc_server *s = calloc(1, sizeof *s);
    char path[PIPE_PATH_MAX];
    s->woken = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (pipe_path(address, path, NULL) < 0 ||
        pipe_listen(path, ipc_server_wake, s->woken, &s->listener, NULL) < 0) {
        ipc_server_free(s);
        return NULL;
    }
    return s;
}

void ipc_server_free(struct ipc_server *s)
{
    if (s) {
        pipe_listener_free(s->listener);
        CloseHandle(s->woken);
        free(s);
    }
}

bool ipc_server_is_exclusive(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") == NULL;
}

bool ipc_server_rights(const char *path, char *out, size_t size)
{
    HANDLE h = CreateFileA(path, READ_CONTROL, 0, NULL, OPEN_EXISTING, 0, NULL);
    PSECURITY_DESCRIPTOR d = NULL;
    char *text = NULL;
    bool ok = h != INVALID_HANDLE_VALUE &&
              GetSecurityInfo(h, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL,
                              NULL, &d) == ERROR_SUCCESS &&
              ConvertSecurityDescriptorToStringSecurityDescriptorA(
                  d, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL);
    if (ok) {
        snprintf(out, size, "%s", text);
    }
    LocalFree(text);
    LocalFree(d);
    CloseHandle(h);
    return ok;
}

static uint64_t ipc_server_keep(int fd)
{
    uint64_t client = (uint64_t)_get_osfhandle(fd);
    for (size_t i = 0; i < IPC_SERVER_CLIENTS; i++) {
        if (!ipc_server_clients[i].client) {
            ipc_server_clients[i].client = client;
            ipc_server_clients[i].fd = fd;
            return client;
        }
    }
    abort();
}

uint64_t ipc_server_accept(struct ipc_server *s)
{
    for (;;) {
        int fd;
        if (pipe_accept(s->listener, &fd, NULL) == 0) {
            return ipc_server_keep(fd);
        }
        if (WaitForSingleObject(s->woken, IPC_SERVER_WAIT_MS) != WAIT_OBJECT_0) {
            return 0;
        }
    }
}

static DWORD ipc_server_finish(uint64_t client, OVERLAPPED *o, BOOL begun)
{
    DWORD done = 0;
    if (!begun && GetLastError() != ERROR_IO_PENDING) {
        return 0;
    }
    return GetOverlappedResult((HANDLE)(uintptr_t)client, o, &done, TRUE) ? done : 0;
}

bool ipc_server_write(uint64_t client, const void *p, size_t n)
{
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    BOOL begun = WriteFile((HANDLE)(uintptr_t)client, p, (DWORD)n, NULL, &o);
    bool all = ipc_server_finish(client, &o, begun) == n;
    CloseHandle(o.hEvent);
    return all;
}

size_t ipc_server_read(uint64_t client, void *p, size_t n)
{
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    BOOL begun = ReadFile((HANDLE)(uintptr_t)client, p, (DWORD)n, NULL, &o);
    size_t done = ipc_server_finish(client, &o, begun);
    CloseHandle(o.hEvent);
    return done;
}

void ipc_server_drop(uint64_t client)
{
    for (size_t i = 0; i < IPC_SERVER_CLIENTS; i++) {
        if (ipc_server_clients[i].client == client) {
            _close(ipc_server_clients[i].fd);
            ipc_server_clients[i].client = 0;
        }
    }
}
