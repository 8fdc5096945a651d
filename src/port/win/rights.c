/* What an account may do on this machine: LsaAddAccountRights. A service whose account lacks a privilege that
 * it was declared to need does not start (ERROR_PRIVILEGE_NOT_HELD), and a virtual account has none of
 * these by itself. */
#include "port/win/win_priv.h"

#include <ntsecapi.h>
#include <string.h>

#include "base/mem.h"

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
