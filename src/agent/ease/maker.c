/* maker.c: the driver's stubs behind agent/stub/maker.h. */
#include <string.h>

#include "agent/ease/ease_priv.h"
#include "base/mem.h"

#define REPARSE_MICROSOFT 0x80000000u /* this bit of a reparse tag */

/* Win32's FILE_ATTRIBUTE_ numbers, which the DLL takes */
enum {
    WIN_READONLY = 0x1,
    WIN_HIDDEN = 0x2,
    WIN_SYSTEM = 0x4,
    WIN_ARCHIVE = 0x20,
    WIN_OFFLINE = 0x1000,
    WIN_NOT_INDEXED = 0x2000
};

static struct ease *
ease_of(struct stub_maker *m)
{
    return (struct ease *)(void *)m;
}

static uint32_t
win_attributes(uint32_t attrs)
{
    static const struct {
        uint32_t port, win;
    } pairs[] = {
        {PORT_A_READONLY, WIN_READONLY}, {PORT_A_HIDDEN, WIN_HIDDEN},
        {PORT_A_SYSTEM, WIN_SYSTEM},     {PORT_A_ARCHIVE, WIN_ARCHIVE},
        {PORT_A_OFFLINE, WIN_OFFLINE},   {PORT_A_NOT_INDEXED, WIN_NOT_INDEXED},
    };
    uint32_t win = 0;

    for (size_t i = 0; i < AL_LEN(pairs); i++) {
        win |= (attrs & pairs[i].port) != 0 ? pairs[i].win : 0;
    }
    return win;
}

static int
ready(struct stub_maker *m, struct al_fail *fail)
{
    struct ease *e = ease_of(m);

    return atomic_load(&e->stopping) || atomic_load(&e->gone) || !atomic_load(&e->serves)
               ? al_fail_set(fail, AL_EUNREACH, 0, "the filter driver is not connected")
               : AL_OK;
}

static unsigned
piece_shift(struct stub_maker *m, uint64_t size)
{
    return ease_piece_shift(size, EASE_TAG_BYTES_MAX);
}

/* A reparse point, as documented; or, should the attribute not be told, less on disk than its size
 * says, which a stub always is. */
static bool
may_be(struct stub_maker *m, const struct port_stat *st)
{
    return st->type == PORT_T_FILE &&
           ((st->attrs & (PORT_A_REPARSE | PORT_A_SPARSE)) != 0 || st->allocated < st->size);
}

static int
judge(struct al_span tag, const uint8_t key[MARKER_KEY_LEN], struct stub_seen *seen)
{
    bool authentic = false;
    struct marker m = {0};
    int rc = ease_tag_decode(tag, &seen->tag);

    if (rc == AL_OK) {
        rc = ease_tag_authentic(tag, key, &authentic);
    }
    if (rc == AL_ECORRUPT || (rc == AL_OK && !authentic)) {
        seen->is = STUB_IS_FOREIGN;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return rc;
    }
    memcpy(m.object, seen->tag.object, sizeof(m.object));
    marker_object_id(&m, seen->object_id);
    seen->is = seen->tag.file_id != seen->st.ino ? STUB_IS_COPY
               : seen->tag.size != seen->st.size ? STUB_IS_CHANGED
                                                 : STUB_IS_OURS;
    return AL_OK;
}

static int
look(struct stub_maker *m, const char *path, const uint8_t key[MARKER_KEY_LEN],
     struct al_buf *bytes, struct stub_seen *ret, struct al_fail *fail)
{
    struct ease *e = ease_of(m);
    struct stub_seen seen = {.is = STUB_IS_NONE};
    struct port_stat after;
    size_t begin = bytes->len;
    int rc = port_stat_at(e->conf.port, NULL, path, &seen.st);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(e->conf.port), "cannot look at the file");
    }
    if (!may_be(m, &seen.st)) {
        *ret = seen;
        return AL_OK;
    }
    port_mutex_lock(&e->calls);
    rc = ease_stub_tag(e, path, bytes, NULL);
    port_mutex_unlock(&e->calls);
    if (rc == AL_ENODATA && (seen.st.attrs & PORT_A_REPARSE) == 0) {
        *ret = seen;
        return AL_OK;
    }
    if (rc == AL_OK) {
        rc = port_stat_at(e->conf.port, NULL, path, &after);
    }
    if (rc == AL_OK && (after.ino != seen.st.ino || after.size != seen.st.size)) {
        rc = AL_EIO;
    }
    if (rc == AL_OK) {
        rc = judge((struct al_span){bytes->at + begin, bytes->len - begin}, key, &seen);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc == AL_ENOMEM ? rc : AL_EIO, 0,
                           "whether the file is a stub cannot be seen");
    }
    *ret = seen;
    return AL_OK;
}

static int
make_locked(struct ease *e, const char *path, const struct stub_tag *tag, struct al_span bytes,
            uint32_t attrs, struct al_fail *fail)
{
    struct port_stat st;
    int rc = port_stat_at(e->conf.port, NULL, path, &st);

    if (rc == AL_OK && st.ino != tag->file_id) {
        rc = al_fail_set(fail, AL_ESTALE, 0, "another file than the tag is for");
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(e->conf.port), "cannot look at the file");
    }
    return ease_stub_create(e, path, bytes, win_attributes(attrs), fail);
}

static int
make(struct stub_maker *m, const char *path, const struct stub_tag *tag,
     const uint8_t key[MARKER_KEY_LEN], uint32_t attrs, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct ease *e = ease_of(m);
    int rc = ready(m, fail);

    al_buf_init(&bytes, EASE_TAG_BYTES_MAX);
    if (rc == AL_OK) {
        rc = ease_tag_encode(tag, key, EASE_TAG_BYTES_MAX, &bytes);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the stub's tag cannot be made");
    }
    port_mutex_lock(&e->calls);
    rc = make_locked(e, path, tag, al_buf_span(&bytes), attrs, fail);
    port_mutex_unlock(&e->calls);
    return rc;
}

const struct stub_maker_ops ease_maker_ops = {
    .ready = ready, .piece_shift = piece_shift, .may_be = may_be, .look = look, .make = make};

struct stub_maker *
ease_maker(struct ease *e)
{
    return e->api.flavour == EASE_CLOUDTIER ? &e->maker : NULL;
}
