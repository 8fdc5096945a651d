/* What an account may do on this machine: LsaAddAccountRights. A service whose account lacks a privilege that
 * it was declared to need does not start (ERROR_PRIVILEGE_NOT_HELD), and a virtual account has none of
 * these by itself. */
#include "port/win/win_priv.h"

#include <ntsecapi.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/service.h"

#define RIGHTS_MAX 32u

/* al_free it. AL_ENOENT: there is no such account, or this system does not know virtual ones. */
static int
sid_of(const wchar_t *account, PSID *ret)
{
    DWORD sid_len = 0, domain_len = 0;
    SID_NAME_USE use;
    AL_CLEANUP(al_freep) wchar_t *domain = NULL;
    PSID sid;

    (void)LookupAccountNameW(NULL, account, NULL, &sid_len, NULL, &domain_len, &use); /* how long */
    if (sid_len == 0) {
        return AL_ENOENT;
    }
    sid = al_zalloc(sid_len);
    domain = al_array((size_t)domain_len + 1, sizeof(*domain));
    if (sid == NULL || domain == NULL ||
        !LookupAccountNameW(NULL, account, sid, &sid_len, domain, &domain_len, &use)) {
        al_free(sid);
        return sid == NULL || domain == NULL ? AL_ENOMEM : AL_ENOENT;
    }
    *ret = sid;
    return AL_OK;
}

static int
policy_open(LSA_HANDLE *ret)
{
    LSA_OBJECT_ATTRIBUTES none = {.Length = sizeof(none)};
    NTSTATUS s = LsaOpenPolicy(NULL, &none, POLICY_CREATE_ACCOUNT | POLICY_LOOKUP_NAMES, ret);

    return s == 0 ? AL_OK : win_code(LsaNtStatusToWinError(s));
}

static ULONG
words(const wchar_t *list, LSA_UNICODE_STRING to[RIGHTS_MAX])
{
    ULONG count = 0;

    while (*list != L'\0' && count < RIGHTS_MAX) {
        size_t len = wcslen(list);

        to[count++] = (LSA_UNICODE_STRING){.Length = (USHORT)(len * sizeof(*list)),
                                           .MaximumLength = (USHORT)((len + 1) * sizeof(*list)),
                                           .Buffer = (wchar_t *)(uintptr_t)list};
        list += len + 1;
    }
    return count;
}

int
win_rights_grant(const wchar_t *account, const wchar_t *rights)
{
    LSA_UNICODE_STRING list[RIGHTS_MAX];
    LSA_HANDLE policy = NULL;
    PSID sid = NULL;
    int rc = sid_of(account, &sid);

    rc = rc != AL_OK ? rc : policy_open(&policy);
    if (rc == AL_OK) {
        NTSTATUS s = LsaAddAccountRights(policy, sid, list, words(rights, list));

        rc = s == 0 ? AL_OK : win_code(LsaNtStatusToWinError(s));
        (void)LsaClose(policy); /* fails only for what is no handle */
    }
    al_free(sid);
    return rc;
}

void
win_rights_revoke(const wchar_t *account)
{
    LSA_HANDLE policy = NULL;
    PSID sid = NULL;

    if (sid_of(account, &sid) == AL_OK && policy_open(&policy) == AL_OK) {
        (void)LsaRemoveAccountRights(policy, sid, TRUE, NULL, 0); /* none left is as good */
        (void)LsaClose(policy);
    }
    al_free(sid);
}

/* ---- what a process has of them ---- */

static int
token_of(DWORD pid, HANDLE *ret)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    DWORD code = STILL_ACTIVE;
    int rc = AL_OK;

    if (process == NULL) { /* that is what it says of a number that no process has */
        return GetLastError() == ERROR_INVALID_PARAMETER ? AL_ENOENT : win_code(GetLastError());
    }
    if (!GetExitCodeProcess(process, &code) || !OpenProcessToken(process, TOKEN_QUERY, ret)) {
        rc = win_code(GetLastError());
    } else if (code != STILL_ACTIVE) { /* it ended; somebody has a handle of it still */
        (void)CloseHandle(*ret);
        *ret = NULL;
        rc = AL_ENOENT;
    }
    (void)CloseHandle(process); /* ours */
    return rc;
}

/* A service's token may be closed to administrators, who hold the privilege to look at it all the same; it
 * is on for this thread and this call alone. */
static int
token_of_service(DWORD pid, HANDLE *ret)
{
    HANDLE own = NULL, copy = NULL;
    int rc = token_of(pid, ret);

    if (rc != AL_EACCES ||
        !OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &own)) {
        return rc;
    }
    if (DuplicateTokenEx(own, TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY | TOKEN_IMPERSONATE, NULL,
                         SecurityImpersonation, TokenImpersonation, &copy)) {
        if (win_privilege_on(copy, L"SeDebugPrivilege") && SetThreadToken(NULL, copy)) {
            rc = token_of(pid, ret);
            if (!RevertToSelf()) { /* never go on with more rights than before */
                TerminateProcess(GetCurrentProcess(), 3);
            }
        }
        (void)CloseHandle(copy);
    }
    (void)CloseHandle(own);
    return rc;
}

/* al_free it. */
static int
token_info(HANDLE token, TOKEN_INFORMATION_CLASS what, void **ret)
{
    DWORD need = 0;
    void *info;

    (void)GetTokenInformation(token, what, NULL, 0, &need); /* how long */
    if (need == 0) {
        return win_code(GetLastError());
    }
    info = al_zalloc(need);
    if (info == NULL) {
        return AL_ENOMEM;
    }
    if (!GetTokenInformation(token, what, info, need, &need)) {
        al_free(info);
        return win_code(GetLastError());
    }
    *ret = info;
    return AL_OK;
}

static int
name_of(PSID sid, char to[PORT_ACCOUNT_MAX])
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 8 * PORT_ACCOUNT_MAX};
    wchar_t name[256], domain[256], *as_text = NULL;
    DWORD name_len = AL_LEN(name), domain_len = AL_LEN(domain);
    SID_NAME_USE use;
    int rc;

    if (LookupAccountSidW(NULL, sid, name, &name_len, domain, &domain_len, &use)) {
        rc = win_utf8(domain, wcslen(domain), &text);
        rc = rc == AL_OK && text.len > 0 ? al_buf_adds(&text, "\\") : rc;
        rc = rc == AL_OK ? win_utf8(name, wcslen(name), &text) : rc;
    } else if (ConvertSidToStringSidW(sid, &as_text)) {
        rc = win_utf8(as_text, wcslen(as_text), &text);
        (void)LocalFree(as_text);
    } else {
        rc = win_code(GetLastError());
    }
    if (rc == AL_OK) {
        (void)snprintf(to, PORT_ACCOUNT_MAX, "%s", text.len > 0 ? (const char *)text.at : "");
    }
    return rc;
}

static enum port_right
right_of(const TOKEN_PRIVILEGES *held, const char *name)
{
    wchar_t wide[64];
    LUID id;

    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, wide, AL_LEN(wide)) <= 0 ||
        !LookupPrivilegeValueW(NULL, wide, &id)) {
        return PORT_RIGHT_LACKS;
    }
    for (DWORD i = 0; i < held->PrivilegeCount; i++) {
        LUID_AND_ATTRIBUTES one = held->Privileges[i];

        if (one.Luid.LowPart == id.LowPart && one.Luid.HighPart == id.HighPart) {
            return (one.Attributes & SE_PRIVILEGE_ENABLED) != 0 ? PORT_RIGHT_ON : PORT_RIGHT_OFF;
        }
    }
    return PORT_RIGHT_LACKS;
}

int
port_rights_of(uint32_t pid, const char *const *names, size_t count, enum port_right *ret,
               char account[PORT_ACCOUNT_MAX])
{
    void *user = NULL, *held = NULL;
    char name[PORT_ACCOUNT_MAX];
    HANDLE token = NULL;
    int rc = token_of_service(pid != 0 ? pid : GetCurrentProcessId(), &token);

    if (rc != AL_OK) {
        return rc;
    }
    rc = token_info(token, TokenUser, &user);
    rc = rc != AL_OK ? rc : token_info(token, TokenPrivileges, &held);
    rc = rc != AL_OK ? rc : name_of(((TOKEN_USER *)user)->User.Sid, name);
    if (rc == AL_OK) {
        for (size_t i = 0; i < count; i++) {
            ret[i] = right_of(held, names[i]);
        }
        (void)snprintf(account, PORT_ACCOUNT_MAX, "%s", name);
    }
    al_free(user);
    al_free(held);
    (void)CloseHandle(token); /* ours */
    return rc;
}
