/* smb_put.c: putting an object over SMB in as few round trips as the server allows.
 *
 * An object that fits into one buffer goes out whole: CREATE, WRITE, FLUSH and READ in one compound
 * message, then, when what came back is what went out, SET_INFO (rename) and a CLOSE nobody waits
 * for: two round trips. A larger one is written with SMB_DEPTH requests in flight, flushed as it
 * goes, and what is flushed is read back while more is written.
 *
 * Compound messages want every request padded to eight bytes, and libsmb2 does not pad behind the
 * data of a WRITE. So what is written in one is a multiple of eight bytes, and a second WRITE of
 * the last eight bytes overlaps it. */
#include "agent/target/smb_priv.h"

#include <string.h>

#include "base/mem.h"

/* Bytes between flushes while a large object is still being written, so that the server's disk
 * works meanwhile and the last flush finds little to do. */
#define FLUSH_EVERY (32u << 20)
#define BACK_DEPTH 2u /* READs in flight while there is more to write */

enum put_phase { PUT_WRITE, PUT_BACK, PUT_NAME, PUT_DEAD };

struct slot {
    uint8_t *buf;
    uint32_t len; /* bytes in it, or asked for */
    uint64_t end; /* where they end in the object */
    struct smb_call call;
};

struct smb_put {
    struct smb_handle file;
    enum put_phase phase;
    struct slot slot[SMB_DEPTH], back[SMB_DEPTH]; /* WRITEs, READs */
    unsigned fill;                                /* the slot that takes bytes */
    uint64_t sent;                                /* bytes for which a WRITE was sent */
    uint64_t taken;                               /* bytes for which it was answered */
    uint64_t flushed;      /* bytes taken before a FLUSH that was answered: may be read back */
    uint64_t asked;        /* bytes for which a READ was sent */
    unsigned oldest;       /* in back: the oldest READ not looked at */
    unsigned reading;      /* READs sent and not looked at */
    bool last_asked;       /* the READ that must meet the end was sent */
    struct smb_call early; /* a FLUSH in the middle */
    bool early_sent;       /* and not looked at */
    uint64_t early_at;     /* bytes sent before it */
    uint64_t early_taken;  /* and taken */
};

static struct smb_link *
link_of(struct target_put *p)
{
    return p->t->impl;
}

/* What everything of this put ends with: nothing more can be done but to end it. */
static int
dead(struct target_put *p, int code)
{
    ((struct smb_put *)p->impl)->phase = PUT_DEAD;
    return code;
}

static int
lost(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    int code = l->smb2 ? AL_EUNREACH : l->drop_code;

    return dead(p, smb_say(l, fail, code ? code : AL_EUNREACH, 0, "go on with", p->name));
}

int
smb_put_begin(struct target_put *p, uint64_t size_expected, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w;
    int r = smb_ready(l, fail);

    if (r != AL_OK) {
        return r;
    }
    w = al_zalloc(sizeof(*w));
    if (!w) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    p->impl = w;
    w->slot[0].buf = smb_buffer(l);
    return w->slot[0].buf ? AL_OK : al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
}

static struct smb_open
temp_open(const struct target_put *p, uint32_t disposition)
{
    struct smb_open o = {
        .name = p->temp,
        .access = SMB2_FILE_READ_DATA | SMB2_FILE_WRITE_DATA | SMB2_FILE_APPEND_DATA |
                  SMB2_FILE_READ_ATTRIBUTES | SMB2_DELETE | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ,
        .disposition = disposition,
        .options = SMB2_FILE_NON_DIRECTORY_FILE,
    };

    return o;
}

static void
opened(struct target_put *p, const struct smb_call *create)
{
    struct smb_put *w = p->impl;

    memcpy(w->file.id, create->id, SMB2_FD_SIZE);
    w->file.epoch = link_of(p)->epoch;
}

/* After a CREATE that failed: makes the folder and says AL_OK when it is worth another try. */
static int
create_failed(struct target_put *p, struct smb_call *create, bool *io_retried, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    uint32_t status = create->status;
    int r = smb_code(status);

    if (status == SMB2_STATUS_OBJECT_PATH_NOT_FOUND && !*io_retried) {
        *io_retried = true;
        return smb_mkdirs(l, p->temp, fail);
    }
    r = smb_why_denied(l, r);
    return smb_say(l, fail, r, status, "create", p->temp);
}

static int
open_temp(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_open o = temp_open(p, SMB2_FILE_CREATE);
    struct smb_call call = {0}, *calls[1] = {&call};
    struct smb2_pdu *pdu;
    bool retried = false;
    int r;

    do {
        pdu = smb_create(l, &o, &call);
        r = smb_send(l, &pdu, calls, 1);
        if (r == AL_OK) {
            r = smb_wait(l, &call);
        }
        if (r != AL_OK) {
            return smb_say(l, fail, r, 0, "create", p->temp);
        }
        if (call.status == SMB2_STATUS_SUCCESS) {
            opened(p, &call);
            return AL_OK;
        }
        r = create_failed(p, &call, &retried, fail);
    } while (r == AL_OK);
    return r;
}

/* ---- writing ---- */

/* Waits for the WRITE of a slot, if one is under way, and looks at its answer. */
static int
settle(struct target_put *p, struct slot *s, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    int r;

    if (s->len == 0) {
        return AL_OK;
    }
    r = smb_finish(l, &s->call, fail, "write", p->temp);
    if (r == AL_OK && s->call.count != s->len) {
        r = al_fail_set(fail, AL_EIO, 0, "share %.60s took %u of %u bytes of %.60s", p->t->url,
                        s->call.count, s->len, p->temp);
    }
    if (r == AL_OK) {
        ((struct smb_put *)p->impl)->taken = s->end; /* settled in their order */
    }
    s->len = 0;
    return r;
}

/* A server tells of bytes that its disk did not take to the first who flushes after that, and to
 * nobody else: what an early flush is answered counts as much as the last one's. */
static int
early_settle(struct target_put *p, struct al_fail *fail)
{
    struct smb_put *w = p->impl;
    int r;

    if (!w->early_sent) {
        return AL_OK;
    }
    w->early_sent = false;
    r = smb_finish(link_of(p), &w->early, fail, "flush", p->temp);
    w->flushed = r == AL_OK ? w->early_taken : w->flushed;
    return r;
}

static int
early_flush(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct smb_call *calls[1] = {&w->early};
    struct smb2_pdu *pdu;
    int r;

    if (w->sent - w->early_at < FLUSH_EVERY || (w->early_sent && w->early.busy)) {
        return AL_OK;
    }
    r = early_settle(p, fail);
    if (r != AL_OK) {
        return r;
    }
    w->early_at = w->sent;
    w->early_taken = w->taken;
    pdu = smb_flush(l, w->file.id, &w->early);
    r = smb_send(l, &pdu, calls, 1);
    w->early_sent = r == AL_OK;
    return r == AL_OK ? AL_OK : smb_say(l, fail, r, 0, "flush", p->temp);
}

static int
send_slot(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct slot *s = &w->slot[w->fill];
    struct smb_call *calls[1] = {&s->call};
    struct smb2_pdu *pdu = smb_write(l, w->file.id, w->sent, s->buf, s->len, &s->call);
    int r = smb_send(l, &pdu, calls, 1);

    if (r != AL_OK) {
        s->len = 0;
        return smb_say(l, fail, r, 0, "write", p->temp);
    }
    w->sent += s->len;
    s->end = w->sent;
    w->fill = (w->fill + 1) % SMB_DEPTH;
    s = &w->slot[w->fill];
    if (!s->buf) {
        s->buf = smb_buffer(l);
        if (!s->buf) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
    }
    return settle(p, s, fail);
}

/* ---- reading back ---- */

/* Up to `end`, of which `last` says that it is the object's own. */
static int
ask_back(struct target_put *p, uint64_t end, bool last, unsigned depth, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;

    while (!w->last_asked && w->reading < depth && (last || end - w->asked >= l->io_bytes)) {
        struct slot *s = &w->back[(w->oldest + w->reading) % SMB_DEPTH];
        struct smb_call *calls[1] = {&s->call};
        struct smb2_pdu *pdu;
        uint64_t left = end - w->asked;
        int r;

        if (!s->buf) {
            s->buf = smb_buffer(l);
        }
        if (!s->buf) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
        /* The last one asks for a byte more than was written, and must not get it. */
        w->last_asked = left < l->io_bytes;
        s->len = w->last_asked ? (uint32_t)left + 1 : l->io_bytes;
        pdu = smb_read(l, w->file.id, w->asked, s->buf, s->len, &s->call);
        r = smb_send(l, &pdu, calls, 1);
        if (r != AL_OK) {
            return smb_say(l, fail, r, 0, "read back", p->temp);
        }
        w->asked += w->last_asked ? left : s->len;
        w->reading++;
    }
    return AL_OK;
}

/* Looks at the oldest READ. */
static int
look_back(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct slot *s = &w->back[w->oldest];
    int r = smb_wait(l, &s->call);

    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "read back", p->temp);
    }
    w->oldest = (w->oldest + 1) % SMB_DEPTH;
    w->reading--;
    if (s->call.status == SMB2_STATUS_END_OF_FILE) {
        s->len = 0;
        return AL_OK;
    }
    r = smb_finish(l, &s->call, fail, "read back", p->temp);
    if (r == AL_OK) {
        target_put_back(p, s->buf, s->call.count);
    }
    s->len = 0;
    return r;
}

/* While there is more to write: looks at what has come, waits for nothing. */
static int
back_meanwhile(struct target_put *p, struct al_fail *fail)
{
    struct smb_put *w = p->impl;
    int r = AL_OK;

    if (w->early_sent && !w->early.busy) {
        r = early_settle(p, fail);
    }
    while (r == AL_OK && w->reading > 0 && !w->back[w->oldest].call.busy) {
        r = look_back(p, fail);
    }
    return r == AL_OK ? ask_back(p, w->flushed, false, BACK_DEPTH, fail) : r;
}

int
smb_put_write(struct target_put *p, const void *bytes, size_t len, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    const uint8_t *from = bytes;
    int r;

    if (w->phase != PUT_WRITE) {
        return al_fail_set(fail, AL_EINVAL, 0, "an object that is being finished takes no bytes");
    }
    while (len > 0) {
        struct slot *s = &w->slot[w->fill];
        size_t n = l->io_bytes - s->len;

        if (n == 0) {
            r = AL_OK;
            if (w->sent == 0) {
                r = l->connected ? open_temp(p, fail) : lost(p, fail);
            } else if (!smb_alive(l, &w->file)) {
                r = lost(p, fail);
            }
            r = r == AL_OK ? send_slot(p, fail) : r;
            r = r == AL_OK ? early_flush(p, fail) : r;
            r = r == AL_OK ? back_meanwhile(p, fail) : r;
            if (r != AL_OK) {
                return dead(p, r);
            }
            continue;
        }
        n = n < len ? n : len;
        memcpy(s->buf + s->len, from, n);
        s->len += (uint32_t)n;
        from += n;
        len -= n;
    }
    return AL_OK;
}

/* The rest of a large object: its last WRITE, all answers, then the flush. */
static int
write_rest(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct smb_call flush = {0};
    unsigned i;
    int r = AL_OK;

    if (!smb_alive(l, &w->file)) {
        return lost(p, fail);
    }
    if (w->slot[w->fill].len > 0) {
        r = send_slot(p, fail);
    }
    for (i = 0; r == AL_OK && i < SMB_DEPTH; i++) {
        r = settle(p, &w->slot[i], fail);
    }
    r = r == AL_OK ? early_settle(p, fail) : r;
    if (r == AL_OK) {
        r = smb_do(l, smb_flush(l, w->file.id, &flush), &flush, fail, "flush", p->temp);
    }
    return r;
}

static int
step_back(struct target_put *p, struct al_fail *fail)
{
    struct smb_put *w = p->impl;
    int r;

    if (!smb_alive(link_of(p), &w->file)) {
        return lost(p, fail);
    }
    r = ask_back(p, p->size, true, SMB_DEPTH, fail);
    if (r == AL_OK && w->reading > 0) {
        r = look_back(p, fail);
    }
    if (r == AL_OK && w->last_asked && w->reading == 0) {
        r = target_put_compare(p, fail);
        w->phase = PUT_NAME;
    }
    return r;
}

/* ---- a small object, whole ---- */

struct small {
    struct smb_call create, write, tail, flush, read;
    struct smb_call *calls[SMB_CHAIN_MAX];
    struct smb2_pdu *pdus[SMB_CHAIN_MAX];
    size_t count;
    bool flushed, read_back; /* part of the message */
};

static void
small_add(struct small *m, struct smb2_pdu *pdu, struct smb_call *call)
{
    m->pdus[m->count] = pdu;
    m->calls[m->count++] = call;
}

static int
small_build(struct target_put *p, struct small *m, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct slot *s = &w->slot[0], *back = &w->slot[1];
    struct smb_open o = temp_open(p, SMB2_FILE_CREATE);
    uint32_t even = s->len & ~7u;

    memset(m, 0, sizeof(*m));
    if (!back->buf) {
        back->buf = smb_buffer(l);
    }
    if (!back->buf) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    small_add(m, smb_create(l, &o, &m->create), &m->create);
    if (even > 0) {
        small_add(m, smb_write(l, compound_file_id, 0, s->buf, even, &m->write), &m->write);
    }
    if (even < s->len) {
        /* Less than eight bytes cannot be padded: such a WRITE is the last of its message. */
        uint32_t len = even > 0 ? 8 : s->len;

        small_add(
            m, smb_write(l, compound_file_id, s->len - len, s->buf + s->len - len, len, &m->tail),
            &m->tail);
        if (even == 0) {
            return AL_OK;
        }
    }
    m->flushed = true;
    small_add(m, smb_flush(l, compound_file_id, &m->flush), &m->flush);
    if (l->deep && s->len < l->io_bytes) {
        m->read_back = true;
        small_add(m, smb_read(l, compound_file_id, 0, back->buf, s->len + 1, &m->read), &m->read);
    }
    return AL_OK;
}

/* The connection stood: whether each of the writes did what it should. */
static int
small_check(struct target_put *p, struct small *m, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    uint32_t len = w->slot[0].len, even = len & ~7u;
    int r = AL_OK;

    if (even > 0) {
        r = smb_finish(l, &m->write, fail, "write", p->temp);
        if (r == AL_OK && m->write.count != even) {
            r = al_fail_set(fail, AL_EIO, 0, "share %.60s took a part of %.60s", p->t->url,
                            p->temp);
        }
    }
    if (r == AL_OK && even < len) {
        r = smb_finish(l, &m->tail, fail, "write", p->temp);
        if (r == AL_OK && m->tail.count != (even > 0 ? 8 : len)) {
            r = al_fail_set(fail, AL_EIO, 0, "share %.60s took a part of %.60s", p->t->url,
                            p->temp);
        }
    }
    return r;
}

/* A server may refuse to flush in the middle of a message ([MS-SMB2] lets it, 3.3.5.2.7.2 note):
 * then it is done once more, alone. */
static int
small_flush(struct target_put *p, struct small *m, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct slot *back = &w->slot[1];
    int r;

    if (!m->flushed || (m->read_back && m->flush.status != SMB2_STATUS_SUCCESS)) {
        l->deep = l->deep && !m->flushed;
        m->read_back = false;
        r = smb_do(l, smb_flush(l, w->file.id, &m->flush), &m->flush, fail, "flush", p->temp);
    } else {
        r = smb_finish(l, &m->flush, fail, "flush", p->temp);
    }
    if (r == AL_OK && m->read_back && m->read.status == SMB2_STATUS_SUCCESS) {
        target_put_back(p, back->buf, m->read.count);
        w->last_asked = true;
    } else if (r == AL_OK && m->read_back && m->read.status == SMB2_STATUS_END_OF_FILE) {
        w->last_asked = true;
    }
    return r;
}

static int
put_small(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct small m;
    bool retried = false;
    size_t i;
    int r;

    do {
        if (!l->connected) {
            return lost(p, fail);
        }
        r = small_build(p, &m, fail);
        r = r == AL_OK ? smb_send(l, m.pdus, m.calls, m.count) : r;
        for (i = 0; r == AL_OK && i < m.count; i++) {
            r = smb_wait(l, m.calls[i]);
        }
        if (r != AL_OK) {
            return smb_say(l, fail, r, 0, "write", p->temp);
        }
        if (m.create.status != SMB2_STATUS_SUCCESS) {
            r = create_failed(p, &m.create, &retried, fail);
        }
    } while (r == AL_OK && m.create.status != SMB2_STATUS_SUCCESS);
    if (r != AL_OK) {
        return r;
    }
    opened(p, &m.create);
    r = small_check(p, &m, fail);
    if (r == AL_OK) {
        r = small_flush(p, &m, fail);
    }
    if (r == AL_OK && w->last_asked) {
        r = target_put_compare(p, fail);
        w->phase = PUT_NAME;
    } else {
        w->phase = PUT_BACK;
    }
    w->slot[0].len = 0;
    return r;
}

/* ---- the name ---- */

/* libsmb2 6.2 turns '/' into '\' while it makes a rename request, but in the wrong buffer: a handle
 * with the sixteen bits 0x002f in it would be changed. */
static bool
handle_is_safe(const struct smb_handle *h)
{
    size_t i;

    for (i = 0; i < SMB2_FD_SIZE; i += 2) {
        if (al_get_u16(h->id + i) == 0x2f) {
            return false;
        }
    }
    return true;
}

/* Another handle of the same file. The one before was flushed and read back; nobody else may write
 * while either is open. */
static int
other_handle(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct smb_open o = temp_open(p, SMB2_FILE_OPEN);
    struct smb_call close = {0}, create = {0};
    int r = smb_do(l, smb_close(l, w->file.id, &close), &close, fail, "close", p->temp);

    w->file.epoch = 0;
    if (r == AL_OK) {
        r = smb_do(l, smb_create(l, &o, &create), &create, fail, "open", p->temp);
    }
    if (r == AL_OK) {
        opened(p, &create);
    }
    return r;
}

static int
give_name(struct target_put *p, struct al_fail *fail)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct smb_call call = {0}, *calls[1] = {&call};
    struct smb2_pdu *pdu;
    bool retried = false;
    int r;

    if (!smb_alive(l, &w->file)) {
        return lost(p, fail);
    }
    while (!handle_is_safe(&w->file)) {
        r = other_handle(p, fail);
        if (r != AL_OK) {
            return r;
        }
    }
    for (;;) {
        pdu = smb_rename(l, w->file.id, p->name, &call);
        r = smb_send(l, &pdu, calls, 1);
        if (r == AL_OK) {
            r = smb_wait(l, &call);
        }
        if (r != AL_OK) {
            return smb_say(l, fail, r, 0, "rename", p->name);
        }
        /* The folders are made when their first object comes: asking for them each time would cost
         * a round trip. */
        if (call.status != SMB2_STATUS_OBJECT_PATH_NOT_FOUND || retried) {
            break;
        }
        retried = true;
        r = smb_mkdirs(l, p->name, fail);
        if (r != AL_OK) {
            return r;
        }
    }
    r = smb_finish(l, &call, fail, "rename", p->name);
    if (r == AL_OK) {
        smb_close_later(l, &w->file);
    }
    return r;
}

int
smb_put_step(struct target_put *p, bool *ret_done, struct al_fail *fail)
{
    struct smb_put *w = p->impl;
    int r;

    *ret_done = false;
    switch (w->phase) {
    case PUT_WRITE:
        if (w->sent == 0) {
            r = put_small(p, fail);
        } else {
            r = write_rest(p, fail);
            w->phase = PUT_BACK;
        }
        break;
    case PUT_BACK:
        r = step_back(p, fail);
        break;
    case PUT_NAME:
        r = give_name(p, fail);
        *ret_done = r == AL_OK;
        break;
    default:
        r = al_fail_set(fail, AL_EIO, 0, "an object that failed cannot be finished");
        break;
    }
    return r == AL_OK ? r : dead(p, r);
}

/* Best effort: what stays behind lies under "incoming/" and is found there. */
static void
discard(struct target_put *p)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    struct smb_call drop = {0}, close = {0}, *calls[2] = {&drop, &close};
    struct smb2_pdu *pdus[2];

    pdus[0] = smb_delete(l, w->file.id, &drop);
    pdus[1] = smb_close(l, compound_file_id, &close);
    w->file.epoch = 0;
    if (smb_send(l, pdus, calls, 2) == AL_OK) {
        int ignored = smb_wait(l, &drop);
        ignored = smb_wait(l, &close);
        (void)ignored;
    }
}

void
smb_put_end(struct target_put *p)
{
    struct smb_link *l = link_of(p);
    struct smb_put *w = p->impl;
    unsigned i;

    /* The server may still be sending into our buffers. */
    for (i = 0; i < SMB_DEPTH; i++) {
        int ignored = w->slot[i].call.busy ? smb_wait(l, &w->slot[i].call) : AL_OK;
        ignored = w->back[i].call.busy ? smb_wait(l, &w->back[i].call) : AL_OK;
        (void)ignored;
    }
    if (w->early.busy) {
        int ignored = smb_wait(l, &w->early);
        (void)ignored;
    }
    if (smb_alive(l, &w->file)) {
        discard(p);
    }
    for (i = 0; i < SMB_DEPTH; i++) {
        smb_buffer_back(l, w->slot[i].buf);
        smb_buffer_back(l, w->back[i].buf);
    }
    al_free(w);
    p->impl = NULL;
}
