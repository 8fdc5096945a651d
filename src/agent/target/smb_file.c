/* smb_file.c: small files, folders and space over SMB. */
#include "agent/target/smb_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define LIST_BYTES 65536u          /* of one answer with names */
#define LIST_KEPT_MAX (512u << 20) /* bytes of a whole listing: some four million names */
#define WINDOWS_TO_UNIX_100NS INT64_C(116444736000000000) /* 1601 to 1970 */

int
smb_space(struct target *t, struct target_space *ret, struct al_fail *fail)
{
    struct smb_link *l = t->impl;
    struct smb_open o = {
        .name = "",
        .access = SMB2_FILE_READ_ATTRIBUTES | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN,
        .options = SMB2_FILE_DIRECTORY_FILE,
    };
    struct smb_call create = {0}, query = {0}, close = {0}, *calls[3] = {&create, &query, &close};
    struct smb2_query_info_request req;
    struct smb2_pdu *pdus[3];
    size_t i;
    int r = smb_ready(l, fail);

    if (r != AL_OK) {
        return r;
    }
    memset(&req, 0, sizeof(req));
    req.info_type = SMB2_0_INFO_FILESYSTEM;
    req.file_info_class = SMB2_FILE_FS_FULL_SIZE_INFORMATION;
    req.output_buffer_length = 4096;
    memcpy(req.file_id, compound_file_id, SMB2_FD_SIZE);
    query.link = l;
    query.command = SMB2_QUERY_INFO;
    pdus[0] = smb_create(l, &o, &create);
    pdus[1] = smb2_cmd_query_info_async(l->smb2, &req, smb_answered, &query);
    pdus[2] = smb_close(l, compound_file_id, &close);
    r = smb_send(l, pdus, calls, 3);
    for (i = 0; r == AL_OK && i < 3; i++) {
        r = smb_wait(l, calls[i]);
    }
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "measure", "");
    }
    r = smb_finish(l, &create, fail, "open", "");
    if (r == AL_OK) {
        r = smb_finish(l, &query, fail, "measure", "");
    }
    if (r == AL_OK) {
        *ret = query.space;
    }
    return r;
}

/* ---- appending ---- */

static int
append_open(struct smb_link *l, const char *name, struct al_fail *fail)
{
    struct smb_open o = {
        .name = name,
        .access = SMB2_FILE_READ_DATA | SMB2_FILE_WRITE_DATA | SMB2_FILE_APPEND_DATA |
                  SMB2_FILE_READ_ATTRIBUTES | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN_IF,
        .options = SMB2_FILE_NON_DIRECTORY_FILE,
    };
    struct smb_call call = {0}, *calls[1] = {&call};
    struct smb2_pdu *pdu;
    bool retried = false;
    int r;

    smb_close_later(l, &l->append);
    for (;;) {
        pdu = smb_create(l, &o, &call);
        r = smb_send(l, &pdu, calls, 1);
        r = r == AL_OK ? smb_wait(l, &call) : r;
        if (r != AL_OK) {
            return smb_say(l, fail, r, 0, "open", name);
        }
        if (call.status != SMB2_STATUS_OBJECT_PATH_NOT_FOUND || retried) {
            break;
        }
        retried = true;
        r = smb_mkdirs(l, name, fail);
        if (r != AL_OK) {
            return r;
        }
    }
    if (call.status != SMB2_STATUS_SUCCESS) {
        r = smb_why_denied(l, smb_code(call.status));
        return smb_say(l, fail, r, call.status, "open", name);
    }
    memcpy(l->append.id, call.id, SMB2_FD_SIZE);
    l->append.epoch = l->epoch;
    l->append_size = call.size;
    (void)snprintf(l->append_name, sizeof(l->append_name), "%s", name);
    return AL_OK;
}

/* One WRITE of up to io_bytes; with the flush in the same message where the length can be padded.
 */
static int
append_piece(struct smb_link *l, uint64_t offset, const uint8_t *bytes, uint32_t len, bool *flushed,
             struct al_fail *fail)
{
    struct smb_call write = {0}, flush = {0}, *calls[2] = {&write, &flush};
    struct smb2_pdu *pdus[2];
    bool both = *flushed && len % 8 == 0;
    int r, r2 = AL_OK;

    pdus[0] = smb_write(l, l->append.id, offset, bytes, len, &write);
    if (both) {
        pdus[1] = smb_flush(l, compound_file_id, &flush);
    }
    *flushed = both;
    r = smb_send(l, pdus, calls, both ? 2 : 1);
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "write", l->append_name);
    }
    r = smb_finish(l, &write, fail, "write", l->append_name);
    if (r == AL_OK && write.count != len) {
        r = al_fail_set(fail, AL_EIO, 0, "share %.60s took %u of %u bytes of %.60s", l->t->url,
                        write.count, len, l->append_name);
    }
    if (both) {
        r2 = smb_finish(l, &flush, fail, "flush", l->append_name);
    }
    return r == AL_OK ? r2 : r;
}

static int
append_all(struct smb_link *l, uint64_t offset, const uint8_t *from, size_t len,
           struct al_fail *fail)
{
    struct smb_call flush = {0};
    bool flushed = false;
    int r = AL_OK;

    while (r == AL_OK && len > 0) {
        uint32_t n = len < l->io_bytes ? (uint32_t)len : l->io_bytes;

        flushed = n == len;
        r = append_piece(l, offset, from, n, &flushed, fail);
        offset += n;
        from += n;
        len -= n;
    }
    if (r == AL_OK && !flushed) {
        r = smb_do(l, smb_flush(l, l->append.id, &flush), &flush, fail, "flush", l->append_name);
    }
    return r;
}

/* Whether the file, that stayed open, still ends where the last line did: a READ that is on its way
 * before the WRITE, so that it costs a request and no round trip. A server may do the two at once,
 * or in the other order: where the file was cut before, the byte is missing or a zero. */
struct end_look {
    struct smb_call call;
    uint8_t seen[2];
    bool sent;
};

static int
end_ask(struct smb_link *l, uint64_t offset, struct end_look *e, struct al_fail *fail)
{
    struct smb_call *calls[1] = {&e->call};
    struct smb2_pdu *pdu;
    int r;

    if (offset == 0) {
        return AL_OK;
    }
    pdu = smb_read(l, l->append.id, offset - 1, e->seen, sizeof(e->seen), &e->call);
    r = smb_send(l, &pdu, calls, 1);
    e->sent = r == AL_OK;
    return r == AL_OK ? AL_OK : smb_say(l, fail, r, 0, "look at the end of", l->append_name);
}

static int
end_told(struct smb_link *l, struct end_look *e, struct al_fail *fail)
{
    int r;

    if (!e->sent) {
        return AL_OK;
    }
    r = smb_wait(l, &e->call);
    if (r == AL_OK && e->call.status == SMB2_STATUS_END_OF_FILE) {
        return AL_ECHANGED;
    }
    r = r == AL_OK ? smb_finish(l, &e->call, fail, "look at the end of", l->append_name)
                   : smb_say(l, fail, r, 0, "look at the end of", l->append_name);
    return r == AL_OK && (e->call.count == 0 || e->seen[0] != l->append_last) ? AL_ECHANGED : r;
}

int
smb_append(struct target *t, const char *name, uint64_t offset, const void *bytes, size_t len,
           struct al_fail *fail)
{
    struct smb_link *l = t->impl;
    struct end_look end = {.sent = false};
    int r = smb_ready(l, fail), told;

    if (r != AL_OK || len == 0) {
        return r;
    }
    if (!smb_alive(l, &l->append) || strcmp(l->append_name, name) != 0) {
        r = append_open(l, name, fail);
        if (r == AL_OK && l->append_size != offset) {
            r = al_fail_set(fail, AL_ECHANGED, 0, "%.60s on share %.60s does not end where it did",
                            name, t->url);
        }
    } else {
        r = end_ask(l, offset, &end, fail);
    }
    if (r == AL_OK) {
        r = append_all(l, offset, bytes, len, fail);
    }
    told = end_told(l, &end, fail); /* in any case: the answer goes into `end` */
    r = r == AL_OK ? told : r;
    l->append_last = ((const uint8_t *)bytes)[len - 1];
    if (r != AL_OK) {
        smb_close_later(l, &l->append);
    }
    return r;
}

/* ---- looking and removing ---- */

int
smb_size(struct target *t, const char *name, uint64_t *ret, struct al_fail *fail)
{
    struct smb_link *l = t->impl;
    struct smb_open o = {
        .name = name,
        .access = SMB2_FILE_READ_ATTRIBUTES | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN,
        .options = SMB2_FILE_NON_DIRECTORY_FILE,
    };
    struct smb_call create = {0}, close = {0}, *calls[2] = {&create, &close};
    struct smb2_pdu *pdus[2];
    int r = smb_ready(l, fail), r2;

    if (r != AL_OK) {
        return r;
    }
    pdus[0] = smb_create(l, &o, &create);
    pdus[1] = smb_close(l, compound_file_id, &close);
    r = smb_send(l, pdus, calls, 2);
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "look at", name);
    }
    r = smb_finish(l, &create, fail, "look at", name);
    r2 = smb_wait(l, &close);
    if (r == AL_OK && r2 == AL_OK) {
        *ret = create.size;
    }
    return r == AL_OK && r2 != AL_OK ? smb_say(l, fail, r2, 0, "look at", name) : r;
}

int
smb_remove(struct target *t, const char *name, struct al_fail *fail)
{
    struct smb_link *l = t->impl;
    struct smb_open o = {
        .name = name,
        .access = SMB2_DELETE | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN,
        .options = SMB2_FILE_NON_DIRECTORY_FILE | SMB2_FILE_DELETE_ON_CLOSE,
    };
    struct smb_call create = {0}, close = {0}, *calls[2] = {&create, &close};
    struct smb2_pdu *pdus[2];
    int r = smb_ready(l, fail), r2;

    if (r != AL_OK) {
        return r;
    }
    if (strcmp(l->append_name, name) == 0) {
        smb_close_later(l, &l->append);
    }
    pdus[0] = smb_create(l, &o, &create);
    pdus[1] = smb_close(l, compound_file_id, &close);
    r = smb_send(l, pdus, calls, 2);
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "remove", name);
    }
    r = smb_wait(l, &create);
    r2 = smb_wait(l, &close);
    if (r != AL_OK || r2 != AL_OK) {
        return smb_say(l, fail, r != AL_OK ? r : r2, 0, "remove", name);
    }
    if (create.status != SMB2_STATUS_SUCCESS) {
        r = smb_why_denied(l, smb_code(create.status));
        return smb_say(l, fail, r, create.status, "remove", name);
    }
    /* The file goes when its last handle is closed, and then the answer tells. */
    return smb_finish(l, &close, fail, "remove", name);
}

/* ---- listing ---- */

/* FileIdFullDirectoryInformation, [MS-FSCC] 2.4.20: next 0, last write 24, length 40, attributes
 * 56, bytes of the name 60, name 80. */
static int
hand_over(struct al_span *io, target_each_fn each, void *ctx, int *ret_of_each)
{
    AL_CLEANUP(al_buf_free) struct al_buf name = {.max = 4096};
    uint32_t next, name_len, attributes;
    int r;

    if (io->len < 80) {
        return AL_EIO;
    }
    next = al_get_u32(io->at);
    name_len = al_get_u32(io->at + 60);
    attributes = al_get_u32(io->at + 56);
    if (name_len > io->len - 80 || next > io->len || (next > 0 && next < 80)) {
        return AL_EIO;
    }
    r = smb_from_utf16(io->at + 80, name_len, &name);
    if (r == AL_OK && name.len > 0 && strcmp((char *)name.at, ".") != 0 &&
        strcmp((char *)name.at, "..") != 0) {
        *ret_of_each =
            each(ctx, (const char *)name.at, (attributes & SMB2_FILE_ATTRIBUTE_DIRECTORY) != 0,
                 al_get_u64(io->at + 40),
                 ((int64_t)al_get_u64(io->at + 24) - WINDOWS_TO_UNIX_100NS) * 100);
    }
    next = next ? next : (uint32_t)io->len;
    io->at += next;
    io->len -= next;
    return r;
}

/* Everything is fetched before the first name is handed over, so that `each` may use the target.
 * Answers end with a length of their own, kept in front of each. */
static int
fetch(struct smb_link *l, struct smb_handle *dir, struct al_buf *all, struct al_buf *ends,
      struct al_fail *fail, const char *folder)
{
    struct smb2_query_directory_request req;
    struct smb_call call = {0}, *calls[1] = {&call};
    struct smb2_pdu *pdu;
    uint8_t end[8];
    int r;

    do {
        memset(&req, 0, sizeof(req));
        req.file_information_class = SMB2_FILE_ID_FULL_DIRECTORY_INFORMATION;
        req.output_buffer_length = LIST_BYTES;
        req.name = "*";
        memcpy(req.file_id, dir->id, SMB2_FD_SIZE);
        memset(&call, 0, sizeof(call));
        call.link = l;
        call.command = SMB2_QUERY_DIRECTORY;
        call.out = all;
        pdu = smb2_cmd_query_directory_async(l->smb2, &req, smb_answered, &call);
        r = smb_send(l, &pdu, calls, 1);
        r = r == AL_OK ? smb_wait(l, &call) : r;
        if (r != AL_OK) {
            return smb_say(l, fail, r, 0, "list", folder);
        }
        if (call.status == SMB2_STATUS_NO_MORE_FILES || call.status == SMB2_STATUS_NO_SUCH_FILE) {
            return AL_OK;
        }
        r = smb_finish(l, &call, fail, "list", folder);
        r = r == AL_OK ? call.out_code : r;
        al_put_u64(end, all->len);
        r = r == AL_OK ? al_buf_add(ends, end, sizeof(end)) : r;
    } while (r == AL_OK);
    return al_fail_set(fail, r, 0, "cannot list a folder: %s", al_code_name(r));
}

static int
deliver(const struct al_buf *all, const struct al_buf *ends, target_each_fn each, void *ctx,
        int *ret_of_each)
{
    size_t at = 0, i, end;
    int r = AL_OK;

    for (i = 0; r == AL_OK && *ret_of_each == AL_OK && i < ends->len; i += 8) {
        struct al_span answer;

        end = (size_t)al_get_u64(ends->at + i);
        answer.at = all->at + at;
        answer.len = end - at;
        while (r == AL_OK && *ret_of_each == AL_OK && answer.len > 0) {
            r = hand_over(&answer, each, ctx, ret_of_each);
        }
        at = end;
    }
    return r;
}

int
smb_list(struct target *t, const char *folder, target_each_fn each, void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf all = {.max = LIST_KEPT_MAX};
    AL_CLEANUP(al_buf_free) struct al_buf ends = {.max = LIST_KEPT_MAX / 1024};
    struct smb_link *l = t->impl;
    struct smb_open o = {
        .name = folder,
        .access = SMB2_FILE_LIST_DIRECTORY | SMB2_FILE_READ_ATTRIBUTES | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN,
        .options = SMB2_FILE_DIRECTORY_FILE,
    };
    struct smb_call create = {0};
    struct smb_handle dir;
    int r, of_each = AL_OK;

    r = smb_ready(l, fail);
    if (r == AL_OK) {
        r = smb_do(l, smb_create(l, &o, &create), &create, fail, "list", folder);
    }
    if (r != AL_OK) {
        return r;
    }
    memcpy(dir.id, create.id, SMB2_FD_SIZE);
    dir.epoch = l->epoch;
    r = fetch(l, &dir, &all, &ends, fail, folder);
    smb_close_later(l, &dir);
    if (r == AL_OK) {
        r = deliver(&all, &ends, each, ctx, &of_each);
        if (r != AL_OK) {
            return al_fail_set(fail, r, 0, "share %.60s lists %.60s in a way that makes no sense",
                               t->url, folder);
        }
        r = of_each;
    }
    return r;
}
