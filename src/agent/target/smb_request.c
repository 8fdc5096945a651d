/* smb_request.c: the requests of which everything is made. */
#include "agent/target/smb_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define SMB_PATH_MAX (TARGET_URL_MAX + TARGET_NAME_MAX)

static void
begin(struct smb_link *l, struct smb_call *call, enum smb2_command command)
{
    bool orphan = call->orphan;
    struct al_buf *out = call->out;

    memset(call, 0, sizeof(*call));
    call->link = l;
    call->command = command;
    call->orphan = orphan;
    call->out = out;
}

/* The name with the share's own folder in front, in the server's way of writing. */
static void
full_name(const struct smb_link *l, const char *name, char path[SMB_PATH_MAX])
{
    char *c;

    (void)snprintf(path, SMB_PATH_MAX, "%s%s%s", l->dir, l->dir[0] && name[0] ? "\\" : "", name);
    for (c = path; *c; c++) {
        *c = *c == '/' ? '\\' : *c;
    }
}

struct smb2_pdu *
smb_create(struct smb_link *l, const struct smb_open *o, struct smb_call *call)
{
    struct smb2_create_request req;
    char path[SMB_PATH_MAX];

    begin(l, call, SMB2_CREATE);
    full_name(l, o->name, path);
    memset(&req, 0, sizeof(req));
    req.requested_oplock_level = SMB2_OPLOCK_LEVEL_NONE;
    req.impersonation_level = SMB2_IMPERSONATION_IMPERSONATION;
    req.desired_access = o->access;
    req.share_access = o->share;
    req.create_disposition = o->disposition;
    req.create_options = o->options;
    req.name = path;
    return smb2_cmd_create_async(l->smb2, &req, smb_answered, call);
}

struct smb2_pdu *
smb_read(struct smb_link *l, const smb2_file_id id, uint64_t offset, void *to, uint32_t len,
         struct smb_call *call)
{
    struct smb2_read_request req;

    begin(l, call, SMB2_READ);
    memset(&req, 0, sizeof(req));
    req.length = len;
    req.offset = offset;
    req.buf = to;
    memcpy(req.file_id, id, SMB2_FD_SIZE);
    return smb2_cmd_read_async(l->smb2, &req, smb_answered, call);
}

struct smb2_pdu *
smb_write(struct smb_link *l, const smb2_file_id id, uint64_t offset, const void *from,
          uint32_t len, struct smb_call *call)
{
    struct smb2_write_request req;

    begin(l, call, SMB2_WRITE);
    memset(&req, 0, sizeof(req));
    req.length = len;
    req.offset = offset;
    req.buf = from;
    memcpy(req.file_id, id, SMB2_FD_SIZE);
    return smb2_cmd_write_async(l->smb2, &req, 0, smb_answered, call);
}

struct smb2_pdu *
smb_flush(struct smb_link *l, const smb2_file_id id, struct smb_call *call)
{
    struct smb2_flush_request req;

    begin(l, call, SMB2_FLUSH);
    memset(&req, 0, sizeof(req));
    memcpy(req.file_id, id, SMB2_FD_SIZE);
    return smb2_cmd_flush_async(l->smb2, &req, smb_answered, call);
}

struct smb2_pdu *
smb_close(struct smb_link *l, const smb2_file_id id, struct smb_call *call)
{
    struct smb2_close_request req;

    begin(l, call, SMB2_CLOSE);
    memset(&req, 0, sizeof(req));
    memcpy(req.file_id, id, SMB2_FD_SIZE);
    return smb2_cmd_close_async(l->smb2, &req, smb_answered, call);
}

struct smb2_pdu *
smb_rename(struct smb_link *l, const smb2_file_id id, const char *to, struct smb_call *call)
{
    struct smb2_set_info_request req;
    struct smb2_file_rename_info info;
    char path[SMB_PATH_MAX];

    begin(l, call, SMB2_SET_INFO);
    full_name(l, to, path);
    memset(&info, 0, sizeof(info));
    info.replace_if_exist = 0;
    info.file_name = (const uint8_t *)path;
    memset(&req, 0, sizeof(req));
    req.info_type = SMB2_0_INFO_FILE;
    req.file_info_class = SMB2_FILE_RENAME_INFORMATION;
    req.input_data = &info;
    memcpy(req.file_id, id, SMB2_FD_SIZE);
    return smb2_cmd_set_info_async(l->smb2, &req, smb_answered, call);
}

struct smb2_pdu *
smb_delete(struct smb_link *l, const smb2_file_id id, struct smb_call *call)
{
    struct smb2_set_info_request req;
    struct smb2_file_disposition_info info;

    begin(l, call, SMB2_SET_INFO);
    memset(&info, 0, sizeof(info));
    info.delete_pending = 1;
    memset(&req, 0, sizeof(req));
    req.info_type = SMB2_0_INFO_FILE;
    req.file_info_class = SMB2_FILE_DISPOSITION_INFORMATION;
    req.input_data = &info;
    memcpy(req.file_id, id, SMB2_FD_SIZE);
    return smb2_cmd_set_info_async(l->smb2, &req, smb_answered, call);
}

int
smb_do(struct smb_link *l, struct smb2_pdu *pdu, struct smb_call *call, struct al_fail *fail,
       const char *what, const char *name)
{
    int r = smb_send(l, &pdu, &call, 1);

    return r == AL_OK ? smb_finish(l, call, fail, what, name) : smb_say(l, fail, r, 0, what, name);
}

void
smb_close_later(struct smb_link *l, struct smb_handle *h)
{
    struct smb_call *call;
    struct smb2_pdu *pdu;
    bool alive = smb_alive(l, h);

    h->epoch = 0;
    if (!alive) {
        return;
    }
    call = al_zalloc(sizeof(*call));
    if (!call) {
        smb_drop(l,
                 AL_ENOMEM); /* a handle that stays open for ever is worse than a new connection */
        return;
    }
    call->orphan = true;
    pdu = smb_close(l, h->id, call);
    if (!pdu) {
        al_free(call);
        smb_drop(l, AL_ENOMEM);
        return;
    }
    /* Nobody waits, nobody needs to know: a connection that fails now says so to the next request.
     */
    int ignored = smb_send(l, &pdu, &call, 1);
    (void)ignored;
}

/* One folder, made if it lacks, and closed again. */
static int
mkdir_send(struct smb_link *l, const char *name, struct smb_call *create, struct smb_call *close)
{
    struct smb_open o = {
        .name = name,
        .access = SMB2_FILE_READ_ATTRIBUTES | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN_IF,
        .options = SMB2_FILE_DIRECTORY_FILE,
    };
    struct smb_call *calls[2] = {create, close};
    struct smb2_pdu *pdus[2];

    pdus[0] = smb_create(l, &o, create);
    pdus[1] = smb_close(l, compound_file_id, close);
    return smb_send(l, pdus, calls, 2);
}

int
smb_mkdirs(struct smb_link *l, const char *name, struct al_fail *fail)
{
    struct smb_call calls[SMB_CHAIN_MAX][2];
    char part[TARGET_NAME_MAX];
    const char *slash = name;
    size_t count = 0, i;
    int r = AL_OK, each;

    memset(calls, 0, sizeof(calls));
    /* All are under way before the first answer: the server takes them in order. */
    while (r == AL_OK && count < SMB_CHAIN_MAX && (slash = strchr(slash, '/')) != NULL) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
        r = mkdir_send(l, part, &calls[count][0], &calls[count][1]);
        count++;
        slash++;
    }
    if (r != AL_OK) {
        smb_drop(l, r); /* the calls of before must not outlive this function */
        return smb_say(l, fail, r, 0, "make folders for", name);
    }
    for (i = 0; i < count; i++) {
        each = smb_wait(l, &calls[i][0]);
        r = r == AL_OK ? each : r;
        each = smb_wait(l, &calls[i][1]);
        r = r == AL_OK ? each : r;
    }
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "make folders for", name);
    }
    for (i = 0; i < count; i++) {
        uint32_t status = calls[i][0].status;

        if (status != SMB2_STATUS_SUCCESS) {
            r = smb_why_denied(l, smb_code(status));
            return smb_say(l, fail, r, status, "make folders for", name);
        }
    }
    return r;
}

/* Asks for the share once more, because the answer tells what this user may do there. libsmb2 then
 * takes the new tree for the current one, so the connection is given up. */
int
smb_why_denied(struct smb_link *l, int code)
{
    const uint32_t write = SMB2_FILE_WRITE_DATA | SMB2_FILE_APPEND_DATA;
    struct smb2_tree_connect_request req;
    struct smb2_pdu *pdu;
    struct smb_call call = {.link = l, .command = SMB2_TREE_CONNECT}, *calls[1] = {&call};
    uint16_t path[TARGET_URL_MAX + 8];
    char unc[TARGET_URL_MAX + 8];
    size_t units = 0;

    if (code != AL_EACCES || !l->smb2) {
        return code;
    }
    (void)snprintf(unc, sizeof(unc), "\\\\%s\\%s", l->server, l->share);
    if (smb_to_utf16(al_span_of(unc), path, AL_LEN(path), &units) != AL_OK) {
        return code;
    }
    memset(&req, 0, sizeof(req));
    req.path_length = (uint16_t)(2 * units);
    req.path = path;
    pdu = smb2_cmd_tree_connect_async(l->smb2, &req, smb_answered, &call);
    if (smb_send(l, &pdu, calls, 1) == AL_OK && smb_wait(l, &call) == AL_OK &&
        call.status == SMB2_STATUS_SUCCESS && (call.access & write) == 0) {
        code = AL_EROFS;
    }
    smb_drop(l, AL_EUNREACH);
    return code;
}
