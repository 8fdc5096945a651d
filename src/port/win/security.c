/* Security descriptors: owner, group, DACL and, where it may be seen, the SACL. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

/* What is in the SACL besides auditing: the integrity label, claims, central policies. */
#define IN_SACL                                                                                    \
    (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION | ATTRIBUTE_SECURITY_INFORMATION |     \
     SCOPE_SECURITY_INFORMATION)
#define IN_ALL (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION)

/* ---- privileges, for this thread alone ---- */

struct rights {
    HANDLE before; /* who the thread was; NULL: the process */
    bool changed;
    bool security; /* SeSecurityPrivilege is on */
};

bool
win_privilege_on(HANDLE token, const wchar_t *privilege)
{
    TOKEN_PRIVILEGES one = {.PrivilegeCount = 1, .Privileges[0].Attributes = SE_PRIVILEGE_ENABLED};

    return LookupPrivilegeValueW(NULL, privilege, &one.Privileges[0].Luid) &&
           AdjustTokenPrivileges(token, FALSE, &one, 0, NULL, NULL) &&
           GetLastError() == ERROR_SUCCESS; /* or ERROR_NOT_ALL_ASSIGNED */
}

/* A copy of the process's own token, so that no other thread gets what is switched on. Without it
 * things go on with what the thread may do already. */
static void
rights_begin(struct rights *r)
{
    HANDLE token = NULL, copy = NULL;

    *r = (struct rights){0};
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY | TOKEN_IMPERSONATE, TRUE, &r->before)) {
        r->before = NULL;
    }
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &token)) {
        return;
    }
    if (DuplicateTokenEx(token, TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY | TOKEN_IMPERSONATE, NULL,
                         SecurityImpersonation, TokenImpersonation, &copy)) {
        (void)win_privilege_on(copy,
                               L"SeBackupPrivilege"); /* whichever of them we hold: what lacks */
        (void)win_privilege_on(copy, L"SeRestorePrivilege"); /* is told by the call that needs it */
        r->security = win_privilege_on(copy, L"SeSecurityPrivilege");
        r->changed = SetThreadToken(NULL, copy);
        r->security = r->security && r->changed;
        (void)CloseHandle(copy);
    }
    (void)CloseHandle(token);
}

/* Going back must not fail: a thread that goes on with more rights than it had would be worse than a
 * program that ends. */
static void
rights_end(struct rights *r)
{
    if (r->changed && !SetThreadToken(NULL, r->before)) {
        TerminateProcess(GetCurrentProcess(), 3);
    }
    if (r->before != NULL) {
        (void)CloseHandle(r->before);
    }
}

/* ---- descriptors ---- */

static int
query(HANDLE h, SECURITY_INFORMATION what, struct al_buf *to)
{
    DWORD need = 0;
    int rc;

    if (GetKernelObjectSecurity(h, what, NULL, 0, &need) ||
        GetLastError() != ERROR_INSUFFICIENT_BUFFER) {
        return need == 0 ? win_code(GetLastError()) : AL_EIO;
    }
    if (need > PORT_SECURITY_MAX) {
        return AL_ELIMIT;
    }
    rc = al_buf_reserve(to, need);
    if (rc != AL_OK) {
        return rc;
    }
    if (!GetKernelObjectSecurity(h, what, to->at + to->len, need, &need)) {
        return win_code(GetLastError());
    }
    to->len += GetSecurityDescriptorLength(to->at + to->len);
    to->at[to->len] = '\0';
    return AL_OK;
}

int
win_security_get(struct port *p, struct port_file *f, struct al_buf *to)
{
    struct rights r;
    HANDLE h = NULL;
    SECURITY_INFORMATION what = IN_ALL;
    int rc = AL_EACCES;

    rights_begin(&r);
    if (r.security) {
        rc = win_open_again(f, READ_CONTROL | ACCESS_SYSTEM_SECURITY, &h);
        what |= rc == AL_OK ? IN_SACL : 0u;
    }
    if (rc != AL_OK) {
        rc = win_open_again(f, READ_CONTROL, &h);
    }
    rights_end(&r);
    if (rc == AL_OK) {
        rc = query(h, what, to);
        (void)CloseHandle(h); /* nothing was written through it */
    }
    return rc;
}

/* Which parts a self-relative descriptor has. AL_EINVAL: it is none. */
static int
parts_of(struct al_span d, SECURITY_INFORMATION *ret)
{
    SECURITY_DESCRIPTOR_RELATIVE head;

    if (d.len < sizeof(head) || d.len > PORT_SECURITY_MAX) {
        return AL_EINVAL;
    }
    memcpy(&head, d.at, sizeof(head));
    if (head.Revision != SECURITY_DESCRIPTOR_REVISION || (head.Control & SE_SELF_RELATIVE) == 0 ||
        head.Owner > d.len || head.Group > d.len || head.Sacl > d.len || head.Dacl > d.len) {
        return AL_EINVAL;
    }
    *ret = (head.Owner != 0 ? OWNER_SECURITY_INFORMATION : 0u) |
           (head.Group != 0 ? GROUP_SECURITY_INFORMATION : 0u) |
           ((head.Control & SE_DACL_PRESENT) != 0 ? DACL_SECURITY_INFORMATION : 0u) |
           ((head.Control & SE_SACL_PRESENT) != 0 ? IN_SACL : 0u);
    return *ret != 0 ? AL_OK : AL_EINVAL;
}

/* Without these two the system takes "inherited" off again (SetSecurityInfo sets them likewise). */
static void
keep_inherited(uint8_t *d)
{
    uint16_t control = al_get_u16(d + 2);

    control |= (control & SE_DACL_AUTO_INHERITED) != 0 ? SE_DACL_AUTO_INHERIT_REQ : 0;
    control |= (control & SE_SACL_AUTO_INHERITED) != 0 ? SE_SACL_AUTO_INHERIT_REQ : 0;
    al_put_u16(d + 2, control);
}

static int
set_parts(struct port_file *f, SECURITY_INFORMATION what, uint8_t *copy)
{
    ACCESS_MASK access =
        ((what & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION)) != 0 ? WRITE_OWNER
                                                                                 : 0u) |
        ((what & DACL_SECURITY_INFORMATION) != 0 ? WRITE_DAC : 0u) |
        ((what & IN_SACL) != 0 ? ACCESS_SYSTEM_SECURITY | WRITE_OWNER : 0u);
    struct rights r;
    HANDLE h = NULL;
    int rc;

    rights_begin(&r);
    rc = win_open_again(f, access, &h);
    if (rc == AL_OK && !SetKernelObjectSecurity(h, what, copy)) {
        rc = win_code(GetLastError());
    }
    if (h != NULL) {
        (void)CloseHandle(h); /* what was set is set */
    }
    rights_end(&r);
    return rc == AL_EACCES ? AL_EPERM : rc;
}

int
win_security_set(struct port *p, struct port_file *f, struct al_span descriptor)
{
    AL_CLEANUP(al_freep) uint8_t *copy = NULL;
    SECURITY_INFORMATION what = 0;
    int rc = parts_of(descriptor, &what);

    if (rc != AL_OK) {
        return rc;
    }
    copy = al_memdup(descriptor.at, descriptor.len);
    if (copy == NULL) {
        return AL_ENOMEM;
    }
    if (!IsValidSecurityDescriptor(copy) || GetSecurityDescriptorLength(copy) > descriptor.len) {
        return AL_EINVAL;
    }
    keep_inherited(copy);
    return set_parts(f, what, copy);
}
