/* smb_get.c: getting an object over SMB: CREATE and the first READ in one message, then SMB_DEPTH
 * READs ahead of the reader. */
#include "agent/target/smb_priv.h"

#include <string.h>

#include "base/mem.h"

struct slot {
    uint8_t *buf;
    uint32_t len; /* bytes asked for */
    struct smb_call call;
};

struct smb_get {
    struct smb_handle file;
    struct slot slot[SMB_DEPTH];
    uint64_t asked;   /* bytes for which a READ was sent */
    unsigned oldest;  /* slot the reader is at */
    unsigned reading; /* slots that are asked for or hold bytes */
    uint32_t used;    /* bytes of the oldest slot that the reader has */
    char name[TARGET_NAME_MAX];
};

static struct smb_link *
link_of(struct target_get *g)
{
    return g->t->impl;
}

static struct smb_open
read_open(const char *name)
{
    struct smb_open o = {
        .name = name,
        .access = SMB2_FILE_READ_DATA | SMB2_FILE_READ_ATTRIBUTES | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN,
        .options = SMB2_FILE_NON_DIRECTORY_FILE,
    };

    return o;
}

/* Keeps SMB_DEPTH READs under way until all is asked for. */
static int
ask_ahead(struct target_get *g, uint64_t size, struct al_fail *fail)
{
    struct smb_link *l = link_of(g);
    struct smb_get *w = g->impl;

    while (w->asked < size && w->reading < SMB_DEPTH) {
        struct slot *s = &w->slot[(w->oldest + w->reading) % SMB_DEPTH];
        struct smb_call *calls[1] = {&s->call};
        struct smb2_pdu *pdu;
        uint64_t left = size - w->asked;
        int r;

        if (!s->buf) {
            s->buf = smb_buffer(l);
        }
        if (!s->buf) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
        s->len = left < l->io_bytes ? (uint32_t)left : l->io_bytes;
        pdu = smb_read(l, w->file.id, w->asked, s->buf, s->len, &s->call);
        r = smb_send(l, &pdu, calls, 1);
        if (r != AL_OK) {
            return smb_say(l, fail, r, 0, "read", w->name);
        }
        w->asked += s->len;
        w->reading++;
    }
    return AL_OK;
}

/* CREATE and READ of the first buffer, one message. */
static int
open_and_read(struct target_get *g, uint64_t *ret_size, struct al_fail *fail)
{
    struct smb_link *l = link_of(g);
    struct smb_get *w = g->impl;
    struct slot *s = &w->slot[0];
    struct smb_open o = read_open(w->name);
    struct smb_call create = {0}, *calls[2] = {&create, &s->call};
    struct smb2_pdu *pdus[2];
    int r;

    pdus[0] = smb_create(l, &o, &create);
    pdus[1] = smb_read(l, compound_file_id, 0, s->buf, l->io_bytes, &s->call);
    r = smb_send(l, pdus, calls, 2);
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "open", w->name);
    }
    r = smb_finish(l, &create, fail, "open", w->name);
    if (r != AL_OK) {
        return r;
    }
    memcpy(w->file.id, create.id, SMB2_FD_SIZE);
    w->file.epoch = l->epoch;
    s->len = create.size < l->io_bytes ? (uint32_t)create.size : l->io_bytes;
    w->asked = s->len;
    w->reading = s->len > 0 ? 1 : 0;
    *ret_size = create.size;
    return AL_OK;
}

int
smb_get_begin(struct target_get *g, const char *name, uint64_t *ret_size, struct al_fail *fail)
{
    struct smb_link *l = link_of(g);
    struct smb_get *w;
    int r = smb_ready(l, fail);

    if (r != AL_OK) {
        return r;
    }
    w = al_zalloc(sizeof(*w));
    if (!w) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    g->impl = w;
    memcpy(w->name, name, strlen(name) + 1);
    w->slot[0].buf = smb_buffer(l);
    if (!w->slot[0].buf) {
        r = al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    } else {
        r = open_and_read(g, ret_size, fail);
    }
    if (r == AL_OK) {
        r = ask_ahead(g, *ret_size, fail);
    }
    if (r != AL_OK) {
        smb_get_end(g);
    }
    return r;
}

/* The oldest slot's answer is there, and right. */
static int
arrive(struct target_get *g, struct al_fail *fail)
{
    struct smb_link *l = link_of(g);
    struct smb_get *w = g->impl;
    struct slot *s = &w->slot[w->oldest];
    int r;

    if (!s->call.busy && s->call.status == SMB2_STATUS_END_OF_FILE) {
        s->call.count = 0;
        return AL_OK; /* shorter than it said: target.c tells */
    }
    r = smb_wait(l, &s->call);
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "read", w->name);
    }
    if (s->call.status == SMB2_STATUS_END_OF_FILE) {
        s->call.count = 0;
        return AL_OK;
    }
    r = smb_finish(l, &s->call, fail, "read", w->name);
    if (r == AL_OK && s->call.count < s->len) {
        r = al_fail_set(fail, AL_EIO, 0, "share %.60s gave %u of %u bytes of %.60s", g->t->url,
                        s->call.count, s->len, w->name);
    }
    return r;
}

int
smb_get_read(struct target_get *g, void *to, size_t cap, size_t *ret_len, struct al_fail *fail)
{
    struct smb_link *l = link_of(g);
    struct smb_get *w = g->impl;
    struct slot *s = &w->slot[w->oldest];
    size_t n;
    int r;

    /* What arrived before the connection broke is still good; more can only be asked for on the
     * same one. */
    if (w->reading == 0) {
        return smb_say(l, fail, l->drop_code ? l->drop_code : AL_EUNREACH, 0, "read", w->name);
    }
    r = arrive(g, fail);
    if (r != AL_OK) {
        return r;
    }
    n = s->call.count < s->len ? s->call.count : s->len;
    n = n - w->used < cap ? n - w->used : cap;
    memcpy(to, s->buf + w->used, n);
    w->used += (uint32_t)n;
    if (w->used == s->len) {
        w->used = 0;
        w->oldest = (w->oldest + 1) % SMB_DEPTH;
        w->reading--;
        if (w->asked < g->size && smb_alive(l, &w->file)) {
            r = ask_ahead(g, g->size, fail);
        }
    }
    if (r == AL_OK) {
        *ret_len = n;
    }
    return r;
}

/* What is under way must arrive before its buffers are asked for again. */
int
smb_get_seek(struct target_get *g, uint64_t offset, struct al_fail *fail)
{
    struct smb_link *l = link_of(g);
    struct smb_get *w = g->impl;
    int r = AL_OK;

    while (w->reading > 0) {
        r = arrive(g, fail);
        if (r != AL_OK) {
            return r;
        }
        w->oldest = (w->oldest + 1) % SMB_DEPTH;
        w->reading--;
    }
    if (!smb_alive(l, &w->file)) {
        return smb_say(l, fail, l->drop_code ? l->drop_code : AL_EUNREACH, 0, "read", w->name);
    }
    w->used = 0;
    w->asked = offset;
    return ask_ahead(g, g->size, fail);
}

void
smb_get_end(struct target_get *g)
{
    struct smb_link *l = link_of(g);
    struct smb_get *w = g->impl;
    unsigned i;

    /* The server may still be sending into our buffers. */
    for (i = 0; i < SMB_DEPTH; i++) {
        int ignored = w->slot[i].call.busy ? smb_wait(l, &w->slot[i].call) : AL_OK;
        (void)ignored;
    }
    smb_close_later(l, &w->file);
    for (i = 0; i < SMB_DEPTH; i++) {
        smb_buffer_back(l, w->slot[i].buf);
    }
    al_free(w);
    g->impl = NULL;
}

/* CREATE, READ and CLOSE in one message. */
int
smb_get_small(struct target *t, const char *name, void *to, size_t cap, size_t *ret_len,
              struct al_fail *fail)
{
    struct smb_link *l = t->impl;
    struct smb_open o = read_open(name);
    struct smb_call create = {0}, read = {0}, close = {0}, *calls[3] = {&create, &read, &close};
    struct smb2_pdu *pdus[3];
    struct smb_handle left;
    size_t i;
    int r = smb_ready(l, fail);

    if (r != AL_OK) {
        return r;
    }
    if (cap == 0 || cap > l->io_bytes) {
        cap = l->io_bytes < cap ? l->io_bytes : cap;
    }
    pdus[0] = smb_create(l, &o, &create);
    pdus[1] = smb_read(l, compound_file_id, 0, to, (uint32_t)cap, &read);
    pdus[2] = smb_close(l, compound_file_id, &close);
    r = smb_send(l, pdus, calls, 3);
    for (i = 0; r == AL_OK && i < 3; i++) {
        r = smb_wait(l, calls[i]);
    }
    if (r != AL_OK) {
        return smb_say(l, fail, r, 0, "read", name);
    }
    r = smb_finish(l, &create, fail, "open", name);
    if (r != AL_OK) {
        return r;
    }
    if (close.status != SMB2_STATUS_SUCCESS) {
        memcpy(left.id, create.id, SMB2_FD_SIZE);
        left.epoch = l->epoch;
        smb_close_later(l, &left);
    }
    if (create.size > cap) {
        return al_fail_set(fail, AL_ELIMIT, 0,
                           "%.80s on share %.60s has %llu bytes, there is room "
                           "for %zu",
                           name, t->url, (unsigned long long)create.size, cap);
    }
    if (create.size > 0) {
        r = smb_finish(l, &read, fail, "read", name);
        if (r == AL_OK && read.count != create.size) {
            r = al_fail_set(fail, AL_EIO, 0, "share %.60s gave %u of %llu bytes of %.60s", t->url,
                            read.count, (unsigned long long)create.size, name);
        }
    }
    if (r == AL_OK) {
        *ret_len = (size_t)create.size;
    }
    return r;
}
