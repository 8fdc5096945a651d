/* Secrets on disk through DPAPI, and folders that are nobody else's. */
#include "port/seal.h"

#include <string.h>

#include "port/win/win_priv.h"

#include <dpapi.h>
#include <sddl.h>

#include "base/mem.h"

bool
port_seals(void)
{
    return true;
}

static int
failed(int code, uint32_t *ret_os)
{
    if (ret_os != NULL) {
        *ret_os = GetLastError();
    }
    return code;
}

static DATA_BLOB
blob_of(const void *at, size_t len)
{
    return (DATA_BLOB){.cbData = (DWORD)len, .pbData = (BYTE *)(uintptr_t)at};
}

static void
blob_free(DATA_BLOB *b)
{
    if (b->pbData != NULL) {
        al_wipe(b->pbData, b->cbData);
        (void)LocalFree(b->pbData); /* the system's allocation; fails only for what is none */
        b->pbData = NULL;
    }
}

int
port_seal(const char *purpose, struct al_span secret, struct al_buf *to, uint32_t *ret_os)
{
    AL_CLEANUP(blob_free) DATA_BLOB out = {0};
    DATA_BLOB in = blob_of(secret.at, secret.len), with = blob_of(purpose, strlen(purpose));

    if (secret.len > PORT_SEAL_BYTES_MAX) {
        return AL_ELIMIT;
    }
    if (!CryptProtectData(&in, NULL, &with, NULL, NULL,
                          CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &out)) {
        return failed(AL_EIO, ret_os);
    }
    return al_buf_add(to, out.pbData, out.cbData);
}

int
port_unseal(const char *purpose, struct al_span sealed, struct al_buf *to, uint32_t *ret_os)
{
    AL_CLEANUP(blob_free) DATA_BLOB out = {0};
    DATA_BLOB in = blob_of(sealed.at, sealed.len), with = blob_of(purpose, strlen(purpose));

    if (sealed.len > 2 * (size_t)PORT_SEAL_BYTES_MAX) {
        return AL_ELIMIT;
    }
    if (sealed.len == 0) {
        return AL_ECORRUPT;
    }
    if (!CryptUnprotectData(&in, NULL, &with, NULL, NULL,
                            CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &out)) {
        return failed(GetLastError() == ERROR_NOT_ENOUGH_MEMORY ? AL_ENOMEM : AL_ECORRUPT, ret_os);
    }
    return out.cbData == 0 ? AL_OK : al_buf_add(to, out.pbData, out.cbData);
}

/* ---- a folder of our own ---- */

static int
entry_add(struct al_buf *to, PSID sid)
{
    LPSTR text = NULL;
    int rc;

    if (!ConvertSidToStringSidA(sid, &text)) {
        return win_code(GetLastError());
    }
    rc = al_buf_addf(to, "(A;OICI;FA;;;%s)", text);
    (void)LocalFree(text);
    return rc;
}

/* Who this process is; a service's own account among them. */
static int
entry_of_us(struct al_buf *to)
{
    union {
        TOKEN_USER user;
        uint8_t room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } u;
    HANDLE token = NULL;
    DWORD len = 0;
    int rc;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
        return win_code(GetLastError());
    }
    rc = GetTokenInformation(token, TokenUser, &u, sizeof(u), &len) ? entry_add(to, u.user.User.Sid)
                                                                    : win_code(GetLastError());
    (void)CloseHandle(token);
    return rc;
}

static int
entry_of(struct al_buf *to, const char *account)
{
    uint8_t sid[SECURITY_MAX_SID_SIZE];
    wchar_t name[256], domain[256];
    DWORD sid_len = sizeof(sid), domain_len = AL_LEN(domain);
    SID_NAME_USE use;

    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, account, -1, name, AL_LEN(name)) == 0) {
        return AL_EINVAL;
    }
    if (!LookupAccountNameW(NULL, name, sid, &sid_len, domain, &domain_len, &use)) {
        return GetLastError() == ERROR_NONE_MAPPED ? AL_ENOENT : win_code(GetLastError());
    }
    return entry_add(to, sid);
}

int
port_private(struct port *p, struct port_file *folder, const char *extra)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 2048};
    PSECURITY_DESCRIPTOR d = NULL;
    HANDLE h = NULL;
    int rc = al_buf_adds(&text, "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)");

    if (rc == AL_OK) {
        rc = entry_of_us(&text);
    }
    if (rc == AL_OK && extra != NULL) {
        rc = entry_of(&text, extra);
    }
    if (rc == AL_OK) {
        rc = win_open_again(folder, READ_CONTROL | WRITE_DAC, &h);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA((const char *)text.at,
                                                              SDDL_REVISION_1, &d, NULL) ||
        !SetKernelObjectSecurity(h, DACL_SECURITY_INFORMATION, d)) {
        rc = win_code(GetLastError());
    }
    if (d != NULL) {
        (void)LocalFree(d);
    }
    (void)CloseHandle(h); /* what was set is set */
    return rc;
}
