/* smb_status.c: what the NT statuses of a file server mean to Alto. Numbers: [MS-ERREF] 2.3.1, by
 * libsmb2's names. */
#include "agent/target/smb_priv.h"

#include "base/mem.h"

static const struct {
    uint32_t status;
    int code;
} codes[] = {
    {SMB2_STATUS_DISK_FULL, AL_ENOSPC},
    {SMB2_STATUS_QUOTA_EXCEEDED, AL_ENOSPC},
    {0xC0000802, AL_ENOSPC}, /* DISK_QUOTA_EXCEEDED */
    {SMB2_STATUS_ACCESS_DENIED, AL_EACCES},
    {SMB2_STATUS_CANNOT_DELETE, AL_EACCES},
    {SMB2_STATUS_NETWORK_ACCESS_DENIED, AL_EACCES},
    {0xC0000061, AL_EACCES}, /* PRIVILEGE_NOT_HELD */
    {SMB2_STATUS_MEDIA_WRITE_PROTECTED, AL_EROFS},
    {SMB2_STATUS_LOGON_FAILURE, AL_EAUTH},
    {0xC0000064, AL_EAUTH}, /* NO_SUCH_USER */
    {0xC000006A, AL_EAUTH}, /* WRONG_PASSWORD */
    {0xC000006E, AL_EAUTH}, /* ACCOUNT_RESTRICTION */
    {0xC000006F, AL_EAUTH}, /* INVALID_LOGON_HOURS */
    {0xC0000070, AL_EAUTH}, /* INVALID_WORKSTATION */
    {0xC0000071, AL_EAUTH}, /* PASSWORD_EXPIRED */
    {0xC0000072, AL_EAUTH}, /* ACCOUNT_DISABLED */
    {0xC000015B, AL_EAUTH}, /* LOGON_TYPE_NOT_GRANTED */
    {0xC0000193, AL_EAUTH}, /* ACCOUNT_EXPIRED */
    {0xC0000224, AL_EAUTH}, /* PASSWORD_MUST_CHANGE */
    {0xC0000234, AL_EAUTH}, /* ACCOUNT_LOCKED_OUT */
    /* No share of that name, or it went away: the network's fault, never "no such object". */
    {0xC00000CC, AL_EUNREACH}, /* BAD_NETWORK_NAME */
    {0xC00000BE, AL_EUNREACH}, /* BAD_NETWORK_PATH */
    {0xC00000C9, AL_EUNREACH}, /* NETWORK_NAME_DELETED */
    {0xC00000D0, AL_EUNREACH}, /* REQUEST_NOT_ACCEPTED: too many sessions */
    {0xC0000203, AL_EUNREACH}, /* USER_SESSION_DELETED */
    {0xC000020C, AL_EUNREACH}, /* CONNECTION_DISCONNECTED */
    {0xC000020D, AL_EUNREACH}, /* CONNECTION_RESET */
    {0xC000035C, AL_EUNREACH}, /* NETWORK_SESSION_EXPIRED */
    {0xC00000B0, AL_EUNREACH}, /* PIPE_DISCONNECTED */
    {SMB2_STATUS_SHUTDOWN, AL_EUNREACH},
    {SMB2_STATUS_IO_TIMEOUT, AL_ETIMEDOUT},
    {SMB2_STATUS_OBJECT_NAME_NOT_FOUND, AL_ENOENT},
    {SMB2_STATUS_OBJECT_PATH_NOT_FOUND, AL_ENOENT},
    {SMB2_STATUS_NO_SUCH_FILE, AL_ENOENT},
    {SMB2_STATUS_OBJECT_NAME_COLLISION, AL_EEXIST},
    {SMB2_STATUS_NOT_A_DIRECTORY, AL_ENOTDIR},
    {SMB2_STATUS_FILE_IS_A_DIRECTORY, AL_EISDIR},
    {0xC0000101, AL_ENOTEMPTY}, /* DIRECTORY_NOT_EMPTY */
    {SMB2_STATUS_SHARING_VIOLATION, AL_EBUSY},
    {SMB2_STATUS_FILE_LOCK_CONFLICT, AL_EBUSY},
    {SMB2_STATUS_DELETE_PENDING, AL_EBUSY},
    {0xC0000033, AL_EINVAL}, /* OBJECT_NAME_INVALID */
    {0xC0000039, AL_EINVAL}, /* OBJECT_PATH_INVALID */
    {0xC0000106, AL_ENAMETOOLONG},
    {SMB2_STATUS_TOO_MANY_OPENED_FILES, AL_EMFILE},
    {SMB2_STATUS_NOT_SUPPORTED, AL_ENOTSUP},
    {SMB2_STATUS_STOPPED_ON_SYMLINK, AL_ELOOP},
};

int
smb_code(uint32_t status)
{
    size_t i;

    if (status == SMB2_STATUS_SUCCESS) {
        return AL_OK;
    }
    for (i = 0; i < AL_LEN(codes); i++) {
        if (codes[i].status == status) {
            return codes[i].code;
        }
    }
    return AL_EIO;
}

int
smb_say(struct smb_link *l, struct al_fail *fail, int code, uint32_t status, const char *what,
        const char *name)
{
    if (status == 0 || status == SMB2_STATUS_SHUTDOWN) {
        return target_say(l->t, fail, code, 0, what, name);
    }
    return al_fail_set(fail, code, status, "cannot %s %.80s on share %.60s: %s (%s)%s", what,
                       name[0] ? name : "the root", l->t->url, al_code_name(code),
                       nterror_to_str(status), target_advice(code));
}

int
smb_finish(struct smb_link *l, struct smb_call *call, struct al_fail *fail, const char *what,
           const char *name)
{
    int r = smb_wait(l, call);

    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, what, name);
    }
    r = smb_code(call->status);
    if (r == AL_OK) {
        return r;
    }
    smb_say(l, fail, r, call->status, what, name);
    if (r == AL_EUNREACH) {
        smb_drop(l, r); /* the session is over, though the connection may stand */
    }
    return r;
}
