/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends of a named pipe for libuv: see platform/pipe.h.
 *
 * Some instances always wait for a client each, so that clients that come together find room.  Of
 * each one the system's wait thread watches the event of its overlapped connect, and wakes whoever
 * calls pipe_accept() on his own thread; that takes the connected handle out and puts a fresh
 * instance in its place.  No other state is shared between the two. */
#include "platform/pipe.h"

#include <fcntl.h>
#include <io.h>
#include <string.h>

#include "core/base/mem.h"
#include "platform/windows/os.h"

enum {
    PIPE_WAITING = 4,       /* instances that wait */
    PIPE_BUFFER = 64 << 10, /* each way */
};

struct pipe_instance {
    struct pipe_listener *listener;
    HANDLE pipe;  /* NULL: could not be made, tried again by the next accept */
    HANDLE event; /* of 'connect' */
    HANDLE wait;  /* its registration */
    OVERLAPPED connect;
};
struct pipe_listener {
    wchar_t *path;
    char *text;
    pipe_wake_fn *wake;
    void *aux;
    struct pipe_instance instances[PIPE_WAITING];
};

static void CALLBACK pipe_woken(void *aux, BOOLEAN timed_out)
{
    struct pipe_instance *i = aux;
    (void)timed_out;
    i->listener->wake(i->listener->aux);
}

static DWORD pipe_create(struct pipe_listener *l, bool first, HANDLE *out)
{
    SECURITY_ATTRIBUTES sa;
    auto_local void *descriptor = NULL;
    if (!os_security(OS_PRIVATE_PIPE, &sa, &descriptor)) {
        return GetLastError();
    }
    DWORD open = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED;
    HANDLE h = CreateNamedPipeW(l->path, first ? open | FILE_FLAG_FIRST_PIPE_INSTANCE : open,
                                PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT |
                                    PIPE_REJECT_REMOTE_CLIENTS,
                                PIPE_UNLIMITED_INSTANCES, PIPE_BUFFER, PIPE_BUFFER, 0, &sa);
    if (h == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    *out = h;
    return ERROR_SUCCESS;
}

/* Begins to wait for a client of this instance. */
static DWORD pipe_arm(struct pipe_instance *i)
{
    ResetEvent(i->event);
    i->connect = (OVERLAPPED){.hEvent = i->event};
    if (!ConnectNamedPipe(i->pipe, &i->connect)) {
        DWORD code = GetLastError();
        if (code == ERROR_PIPE_CONNECTED || code == ERROR_NO_DATA) {
            SetEvent(i->event); /* came between creation and this call: the wait tells it too */
        } else if (code != ERROR_IO_PENDING) {
            return code;
        }
    }
    bool ok = RegisterWaitForSingleObject(&i->wait, i->event, pipe_woken, i, INFINITE,
                                          WT_EXECUTEINWAITTHREAD | WT_EXECUTEONLYONCE);
    return ok ? ERROR_SUCCESS : GetLastError();
}

static void pipe_disarm(struct pipe_instance *i)
{
    if (i->wait) {
        UnregisterWaitEx(i->wait, INVALID_HANDLE_VALUE); /* and waits for a callback under way */
        i->wait = NULL;
    }
}

static DWORD pipe_instance_begin(struct pipe_instance *i, bool first)
{
    DWORD code = pipe_create(i->listener, first, &i->pipe);
    code = code == ERROR_SUCCESS ? pipe_arm(i) : code;
    if (code != ERROR_SUCCESS) {
        os_close_cleanup(&i->pipe);
        i->pipe = NULL;
    }
    return code;
}

static void pipe_instance_end(struct pipe_instance *i)
{
    pipe_disarm(i);
    if (i->pipe) {
        DWORD n = 0;
        if (CancelIoEx(i->pipe, &i->connect)) {
            GetOverlappedResult(i->pipe, &i->connect, &n, TRUE);
        }
        CloseHandle(i->pipe);
    }
    os_close_cleanup(&i->event);
}

int pipe_listen(const char *path, pipe_wake_fn *wake, void *aux, struct pipe_listener **out,
                struct err *err)
{
    struct pipe_listener *l = mem_calloc(1, sizeof *l);
    l->path = os_wide(path);
    l->text = mem_strdup(path);
    l->wake = wake;
    l->aux = aux;
    DWORD code = ERROR_SUCCESS;
    for (size_t i = 0; i < ARRAY_LEN(l->instances) && code == ERROR_SUCCESS; i++) {
        struct pipe_instance *at = &l->instances[i];
        at->listener = l;
        at->event = CreateEventW(NULL, TRUE, FALSE, NULL);
        code = at->event ? pipe_instance_begin(at, i == 0) : GetLastError();
    }
    if (code != ERROR_SUCCESS) {
        pipe_listener_free(l);
        /* With the flag for the first instance, a pipe of that name is refused like this. */
        return code == ERROR_ACCESS_DENIED
                   ? err_set_os(err, ERR_EXISTS, code, "%s: address already in use", path)
                   : os_err(err, code, "%s", path);
    }
    *out = l;
    return 0;
}

/* Makes a descriptor of the handle, which is the descriptor's then. */
static int pipe_give(HANDLE *pipe, const char *text, int *fd_out, struct err *err)
{
    int fd = _open_osfhandle((intptr_t)*pipe, _O_RDWR | _O_BINARY);
    if (fd < 0) {
        return err_set(err, ERR_EXHAUSTED, "%s: Too many open files", text);
    }
    os_steal(pipe);
    *fd_out = fd;
    return 0;
}

int pipe_connect(const char *path, int *fd_out, struct err *err)
{
    auto_free wchar_t *wide = os_wide(path);
    auto_handle HANDLE pipe = NULL;
    DWORD code = os_open_pipe(wide, &pipe);
    if (code == ERROR_PIPE_BUSY) {
        return err_set(err, ERR_AGAIN, "%s: busy", path);
    }
    return code == ERROR_SUCCESS ? pipe_give(&pipe, path, fd_out, err)
                                 : os_err(err, code, "%s", path);
}

/* Takes the connected handle of an instance, or closes it; then begins anew. */
static int pipe_take(struct pipe_instance *i, int *fd_out, struct err *err)
{
    DWORD n = 0, code = ERROR_SUCCESS;
    /* The event may be a moment ahead of the outcome. */
    if (!GetOverlappedResult(i->pipe, &i->connect, &n, TRUE)) {
        code = GetLastError();
    }
    auto_handle HANDLE pipe = os_steal(&i->pipe);
    pipe_disarm(i);
    pipe_instance_begin(i, false); /* if it fails, the next accept tries again */
    if (code != ERROR_SUCCESS) {
        return os_err(err, code, "%s", i->listener->text);
    }
    return pipe_give(&pipe, i->listener->text, fd_out, err);
}

int pipe_accept(struct pipe_listener *l, int *fd_out, struct err *err)
{
    DWORD code = ERROR_SUCCESS;
    for (size_t i = 0; i < ARRAY_LEN(l->instances); i++) {
        struct pipe_instance *at = &l->instances[i];
        if (!at->pipe) {
            DWORD again = pipe_instance_begin(at, false);
            code = again == ERROR_SUCCESS ? code : again;
        } else if (WaitForSingleObject(at->event, 0) == WAIT_OBJECT_0) {
            return pipe_take(at, fd_out, err);
        }
    }
    return code == ERROR_SUCCESS ? err_set(err, ERR_AGAIN, "%s: nobody waits", l->text)
                                 : os_err(err, code, "%s", l->text);
}

void pipe_listener_free(struct pipe_listener *l)
{
    if (!l) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(l->instances); i++) {
        pipe_instance_end(&l->instances[i]);
    }
    mem_free(l->path);
    mem_free(l->text);
    mem_free(l);
}
