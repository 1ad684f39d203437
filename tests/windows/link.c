/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to the node's host.  Idle connections are kept and used again; a thread that asks while
 * another one waits opens its own. */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <objbase.h>

enum { N_IDLE = 8, MESSAGE_MAX = 64 << 20 };

static SRWLOCK lock = SRWLOCK_INIT;
static SOCKET idle[N_IDLE];
static unsigned n_idle;
static bool started;

static bool system_file(const WCHAR *name, WCHAR *path, unsigned size)
{
    UINT n = GetSystemDirectoryW(path, size);
    if (n == 0 || n + wcslen(name) + 2 > size)
        return false;
    path[n] = L'\\';
    memcpy(path + n + 1, name, (wcslen(name) + 1) * sizeof *name);
    return true;
}

static unsigned read_system_file(const WCHAR *name, char *text, DWORD size)
{
    WCHAR path[MAX_PATH];
    if (!system_file(name, path, MAX_PATH))
        return 0;
    HANDLE h =
        CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING, 0, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return 0;
    DWORD n = 0;
    if (!ReadFile(h, text, size - 1, &n, NULL))
        n = 0;
    text[n] = 0;
    CloseHandle(h);
    return n;
}

static SOCKET host_connect(void)
{
    char text[16];
    if (!read_system_file(L"seine-double.port", text, sizeof text))
        return INVALID_SOCKET;
    if (!started) {
        WSADATA data;
        if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
            return INVALID_SOCKET;
        started = true;
    }
    SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(text))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const BOOL yes = TRUE;
    if (s == INVALID_SOCKET)
        return s;
    if (connect(s, (const struct sockaddr *)&to, sizeof to) != 0) {
        closesocket(s);
        return INVALID_SOCKET;
    }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&yes, sizeof yes);
    return s;
}

static SOCKET take(void)
{
    AcquireSRWLockExclusive(&lock);
    SOCKET s = n_idle > 0 ? idle[--n_idle] : INVALID_SOCKET;
    ReleaseSRWLockExclusive(&lock);
    return s != INVALID_SOCKET ? s : host_connect();
}

static void give(SOCKET s)
{
    AcquireSRWLockExclusive(&lock);
    bool kept = n_idle < N_IDLE;
    if (kept)
        idle[n_idle++] = s;
    ReleaseSRWLockExclusive(&lock);
    if (!kept)
        closesocket(s);
}

static bool send_all(SOCKET s, const char *data, size_t n)
{
    while (n > 0) {
        int sent = send(s, data, n > 1 << 20 ? 1 << 20 : (int)n, 0);
        if (sent <= 0)
            return false;
        data += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool receive_all(SOCKET s, char *data, size_t n)
{
    while (n > 0) {
        int got = recv(s, data, n > 1 << 20 ? 1 << 20 : (int)n, 0);
        if (got <= 0)
            return false;
        data += got;
        n -= (size_t)got;
    }
    return true;
}

static bool send_texts(SOCKET s, const char *const *args)
{
    uint32_t n = 0;
    for (unsigned i = 0; args[i]; i++)
        n += (uint32_t)strlen(args[i]) + 1;
    char *message = malloc(n + sizeof n);
    if (!message)
        return false;
    memcpy(message, &n, sizeof n);
    char *p = message + sizeof n;
    for (unsigned i = 0; args[i]; i++) {
        size_t len = strlen(args[i]) + 1;
        memcpy(p, args[i], len);
        p += len;
    }
    bool ok = send_all(s, message, n + sizeof n);
    free(message);
    return ok;
}

bool link_read(SOCKET s, struct link_reply *reply)
{
    uint32_t n;
    if (!receive_all(s, (char *)&n, sizeof n) || n > MESSAGE_MAX)
        return false;
    char *data = malloc((size_t)n + 1);
    if (!data || !receive_all(s, data, n)) {
        free(data);
        return false;
    }
    data[n] = 0;
    *reply = (struct link_reply){data, n};
    return true;
}

bool link_call(const char *const *args, struct link_reply *reply)
{
    DWORD error = GetLastError();
    *reply = (struct link_reply){NULL, 0};
    SOCKET s = take();
    bool ok = s != INVALID_SOCKET && send_texts(s, args) && link_read(s, reply);
    if (ok)
        give(s);
    else if (s != INVALID_SOCKET)
        closesocket(s);
    SetLastError(error);
    return ok;
}

SOCKET link_open(const char *const *args)
{
    SOCKET s = host_connect();
    if (s != INVALID_SOCKET && !send_texts(s, args)) {
        closesocket(s);
        return INVALID_SOCKET;
    }
    return s;
}

void link_reply_free(struct link_reply *reply)
{
    free(reply->data);
    *reply = (struct link_reply){NULL, 0};
}

const char *link_next(const struct link_reply *reply, const char *at)
{
    if (!reply->data || reply->n == 0)
        return NULL;
    const char *next = at ? at + strlen(at) + 1 : reply->data;
    return next < reply->data + reply->n ? next : NULL;
}

const char *link_text(const struct link_reply *reply, unsigned i)
{
    const char *text = NULL;
    do {
        text = link_next(reply, text);
    } while (text && i-- > 0);
    return text ? text : "";
}

char *link_utf8(const WCHAR *text)
{
    if (!text)
        return NULL;
    int n = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *out = malloc((size_t)n + 1);
    if (out && WideCharToMultiByte(CP_UTF8, 0, text, -1, out, n, NULL, NULL) == 0)
        out[0] = 0;
    return out;
}

WCHAR *link_utf16(const char *text)
{
    if (!text)
        return NULL;
    int n = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    WCHAR *out = calloc((size_t)n + 1, sizeof *out);
    if (out)
        MultiByteToWideChar(CP_UTF8, 0, text, -1, out, n);
    return out;
}

WCHAR *link_cotask(const char *text)
{
    int n = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    WCHAR *out = CoTaskMemAlloc(((size_t)n + 1) * sizeof *out);
    if (out && MultiByteToWideChar(CP_UTF8, 0, text, -1, out, n) == 0)
        out[0] = 0;
    return out;
}

void link_guid_format(const GUID *id, char *text)
{
    snprintf(text, 37, "%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", id->Data1, id->Data2,
             id->Data3, id->Data4[0], id->Data4[1], id->Data4[2], id->Data4[3], id->Data4[4],
             id->Data4[5], id->Data4[6], id->Data4[7]);
}

bool link_guid_parse(const char *text, GUID *id)
{
    unsigned d1, d2, d3, b[8];
    int n = 0;
    if (sscanf(text, "%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x%n", &d1, &d2, &d3, &b[0], &b[1], &b[2],
               &b[3], &b[4], &b[5], &b[6], &b[7], &n) != 11 ||
        n != 36)
        return false;
    id->Data1 = d1;
    id->Data2 = (unsigned short)d2;
    id->Data3 = (unsigned short)d3;
    for (unsigned i = 0; i < 8; i++)
        id->Data4[i] = (unsigned char)b[i];
    return true;
}

const char *link_field(const char *line, unsigned i, char *out, size_t size)
{
    while (i-- > 0) {
        const char *tab = strchr(line, '\t');
        if (!tab) {
            line = "";
            break;
        }
        line = tab + 1;
    }
    size_t n = strcspn(line, "\t");
    if (n >= size)
        n = size - 1;
    memcpy(out, line, n);
    out[n] = 0;
    return out;
}

uint32_t link_number(const char *line, unsigned i)
{
    char text[24];
    return (uint32_t)strtoul(link_field(line, i, text, sizeof text), NULL, 10);
}

/* Whether 'name' is a line of 'list'. */
static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; *p; p += strcspn(p, "\n"), p += *p == '\n')
        if (strncmp(p, name, n) == 0 && (p[n] == '\n' || p[n] == '\r' || p[n] == 0))
            return true;
    return false;
}

void link_hide_exports(HMODULE module, const WCHAR *name)
{
    static char list[4096];
    if (read_system_file(name, list, sizeof list) == 0)
        return;
    char *base = (char *)(void *)module;
    const IMAGE_DOS_HEADER *dos = (const void *)base;
    const IMAGE_NT_HEADERS *nt = (const void *)(base + dos->e_lfanew);
    const IMAGE_DATA_DIRECTORY *d = &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
    IMAGE_EXPORT_DIRECTORY *exports = (void *)(base + d->VirtualAddress);
    DWORD old;
    if (!VirtualProtect(exports, d->Size, PAGE_READWRITE, &old))
        return;
    DWORD *names = (void *)(base + exports->AddressOfNames);
    WORD *ordinals = (void *)(base + exports->AddressOfNameOrdinals);
    DWORD kept = 0;
    for (DWORD i = 0; i < exports->NumberOfNames; i++) {
        if (listed(list, base + names[i]))
            continue;
        names[kept] = names[i];
        ordinals[kept++] = ordinals[i];
    }
    exports->NumberOfNames = kept;
    VirtualProtect(exports, d->Size, old, &old);
}
