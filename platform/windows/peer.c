/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the client of a pipe is, by the token of its process.  The pipe's own rights keep strangers
 * out before this is asked; here a member of Administrators that was not elevated is told apart by
 * name, and a pipe that was made with other rights would still not be served.
 *
 * The token of the pipe itself would be more exact (a process may act for another), but the system
 * lends it only after the first byte was read, and the question comes before that.  It is the way
 * out where the system does not know the client's process. */
#include "platform/peer.h"

#include "core/base/mem.h"
#include "platform/windows/os.h"

/* Asked for no more than reading it: an agent that an administrator started may not copy a token of
 * SYSTEM's. */
static DWORD peer_process_token(DWORD pid, HANDLE *out)
{
    auto_handle HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    bool ok = process && OpenProcessToken(process, TOKEN_QUERY, out);
    return ok ? ERROR_SUCCESS : GetLastError();
}

static DWORD peer_pipe_token(HANDLE pipe, HANDLE *out)
{
    if (!ImpersonateNamedPipeClient(pipe)) {
        return GetLastError();
    }
    bool ok = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, out);
    DWORD code = ok ? ERROR_SUCCESS : GetLastError();
    RevertToSelf();
    return code;
}

/* What the system tells of a token; NULL if it does not.  The caller frees. */
static void *peer_token_get(HANDLE token, TOKEN_INFORMATION_CLASS what)
{
    DWORD n = 0;
    GetTokenInformation(token, what, NULL, 0, &n);
    void *buf = mem_calloc(1, (size_t)n + sizeof(TOKEN_USER) + sizeof(TOKEN_GROUPS));
    if (!GetTokenInformation(token, what, buf, n, &n)) {
        mem_free(buf);
        return NULL;
    }
    return buf;
}

/* SYSTEM, or an administrator in force: where one is not elevated, the group is there to deny. */
static bool peer_is_trusted(HANDLE token)
{
    auto_free TOKEN_USER *user = peer_token_get(token, TokenUser);
    auto_free TOKEN_GROUPS *groups = peer_token_get(token, TokenGroups);
    if (user && IsWellKnownSid(user->User.Sid, WinLocalSystemSid)) {
        return true;
    }
    for (DWORD i = 0; groups && i < groups->GroupCount; i++) {
        const SID_AND_ATTRIBUTES *g = &groups->Groups[i];
        if (IsWellKnownSid(g->Sid, WinBuiltinAdministratorsSid)) {
            return (g->Attributes & SE_GROUP_ENABLED) &&
                   !(g->Attributes & SE_GROUP_USE_FOR_DENY_ONLY);
        }
    }
    return false;
}

static char *peer_user(HANDLE token)
{
    auto_free TOKEN_USER *user = peer_token_get(token, TokenUser);
    wchar_t name[256], domain[256];
    DWORD n_name = ARRAY_LEN(name), n_domain = ARRAY_LEN(domain);
    SID_NAME_USE use;
    bool ok =
        user && LookupAccountSidW(NULL, user->User.Sid, name, &n_name, domain, &n_domain, &use);
    return ok ? os_utf8(name) : mem_strdup("unknown");
}

int peer_check_root(uint64_t os_handle, struct err *err)
{
    HANDLE pipe = (HANDLE)(uintptr_t)os_handle;
    ULONG pid = 0;
    if (!GetNamedPipeClientProcessId(pipe, &pid)) {
        return os_err(err, GetLastError(), "peer credentials");
    }
    auto_handle HANDLE token = NULL;
    DWORD code = pid ? peer_process_token(pid, &token) : peer_pipe_token(pipe, &token);
    if (code != ERROR_SUCCESS) {
        return os_err(err, code, "peer credentials of process %u", (unsigned)pid);
    }
    if (peer_is_trusted(token)) {
        return 0;
    }
    auto_free char *user = peer_user(token);
    return err_set(err, ERR_PERMISSION, "user %s (process %u) is no administrator", user,
                   (unsigned)pid);
}
