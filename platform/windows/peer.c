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

/* The client's token, good for asking about membership. */
static DWORD peer_process_token(DWORD pid, HANDLE *out)
{
    auto_handle HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    auto_handle HANDLE token = NULL;
    bool ok =
        process && OpenProcessToken(process, TOKEN_QUERY | TOKEN_DUPLICATE, &token) &&
        DuplicateTokenEx(token, TOKEN_QUERY, NULL, SecurityIdentification, TokenImpersonation, out);
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

static bool peer_is_member(HANDLE token, WELL_KNOWN_SID_TYPE type)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD n = sizeof sid;
    BOOL member = FALSE;
    return CreateWellKnownSid(type, NULL, sid, &n) && CheckTokenMembership(token, sid, &member) &&
           member;
}

static char *peer_user(HANDLE token)
{
    BYTE buf[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    wchar_t name[256], domain[256];
    DWORD n = 0, n_name = ARRAY_LEN(name), n_domain = ARRAY_LEN(domain);
    SID_NAME_USE use;
    bool ok = GetTokenInformation(token, TokenUser, buf, sizeof buf, &n) &&
              LookupAccountSidW(NULL, ((const TOKEN_USER *)(const void *)buf)->User.Sid, name,
                                &n_name, domain, &n_domain, &use);
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
    if (peer_is_member(token, WinBuiltinAdministratorsSid) ||
        peer_is_member(token, WinLocalSystemSid)) {
        return 0;
    }
    auto_free char *user = peer_user(token);
    return err_set(err, ERR_PERMISSION, "user %s (process %u) is no administrator", user,
                   (unsigned)pid);
}
