#include "fake_maker.h"

#include <string.h>

#include "agent/ease/tag.h"
#include "base/mem.h"

static struct fake_maker *
fake_of(struct stub_maker *m)
{
    return (struct fake_maker *)(void *)m;
}

static int
ready(struct stub_maker *m, struct al_fail *fail)
{
    return fake_of(m)->away ? AL_EUNREACH : AL_OK;
}

static unsigned
piece_shift(struct stub_maker *m, uint64_t size)
{
    return ease_piece_shift(size, EASE_TAG_BYTES_MAX);
}

static bool
may_be(struct stub_maker *m, const struct port_stat *st)
{
    return st->type == PORT_T_FILE && st->allocated < st->size;
}

static int
look_at(struct port *p, const char *path, const uint8_t *key, struct al_buf *bytes, struct stub_seen *ret)
{
    struct stub_seen seen = {.is = STUB_IS_NONE};
    struct marker m = {0};
    bool authentic = false;
    size_t len = 0;
    int rc = port_stat_at(p, NULL, path, &seen.st);

    rc = rc != AL_OK ? rc : al_buf_reserve(bytes, EASE_TAG_BYTES_MAX);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_xattr_get_at(p, NULL, path, FAKE_TAG, bytes->at, EASE_TAG_BYTES_MAX, &len);
    if (rc == AL_ENODATA) {
        *ret = seen;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return AL_EIO;
    }
    bytes->len = len;
    rc = ease_tag_decode(al_buf_span(bytes), &seen.tag);
    rc = rc != AL_OK ? rc : ease_tag_authentic(al_buf_span(bytes), key, &authentic);
    seen.is = rc != AL_OK || !authentic              ? STUB_IS_FOREIGN
              : seen.tag.file_id != seen.st.ino     ? STUB_IS_COPY
              : seen.tag.size != seen.st.size ? STUB_IS_CHANGED
                                                     : STUB_IS_OURS;
    if (seen.is != STUB_IS_FOREIGN) {
        memcpy(m.object, seen.tag.object, sizeof(m.object));
        marker_object_id(&m, seen.object_id);
    }
    *ret = seen;
    return AL_OK;
}

int
fake_look(struct port *p, const char *path, const uint8_t *key, struct stub_seen *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};

    al_buf_init(&bytes, EASE_TAG_BYTES_MAX);
    return look_at(p, path, key, &bytes, ret);
}

static int
look(struct stub_maker *m, const char *path, const uint8_t *key, struct al_buf *bytes, struct stub_seen *ret,
     struct al_fail *fail)
{
    return look_at(fake_of(m)->port, path, key, bytes, ret);
}

static int
make_of(struct fake_maker *k, const char *path, const struct stub_tag *tag, struct al_span bytes)
{
    struct port *p = k->port;
    struct port_file *f = NULL;
    struct port_stat st;
    int rc = port_open(p, NULL, path, PORT_READ | PORT_WRITE, 0, &f), closed;

    rc = rc != AL_OK ? rc : port_stat(p, f, &st);
    rc = rc == AL_OK && st.ino != tag->file_id ? AL_ESTALE : rc;
    rc = rc == AL_OK && st.size != 0 ? AL_ECONFLICT : rc;
    rc = rc != AL_OK ? rc : port_truncate(p, f, tag->size);
    rc = rc != AL_OK ? rc : port_xattr_set(p, f, FAKE_TAG, bytes.at, bytes.len);
    rc = rc != AL_OK ? rc : port_sync(p, f);
    closed = f != NULL ? port_close(p, f) : AL_OK;
    return rc != AL_OK ? rc : closed;
}

static int
make(struct stub_maker *m, const char *path, const struct stub_tag *tag, const uint8_t *key, uint32_t attrs, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct fake_maker *k = fake_of(m);
    int rc;

    if (k->away) {
        return AL_EUNREACH;
    }
    al_buf_init(&bytes, EASE_TAG_BYTES_MAX);
    rc = ease_tag_encode(tag, key, EASE_TAG_BYTES_MAX, &bytes);
    rc = rc != AL_OK ? rc : make_of(k, path, tag, al_buf_span(&bytes));
    rc = rc == AL_OK && k->new_files ? AL_ESTALE : rc;
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, 0, "the fake made no stub");
}

const struct stub_maker_ops fake_maker_ops = {.ready = ready, .piece_shift = piece_shift, .may_be = may_be, .look = look, .make = make};
