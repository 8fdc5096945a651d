/* gatemsg.c: see gatemsg.h for the form. */
#include "wire/gatemsg.h"

#include <string.h>

enum tag {
    TAG_NUMBER = 1,
    TAG_GROUP,
    TAG_DEV,
    TAG_INO,
    TAG_COUNT,
    TAG_WAIT_MS,
    TAG_PID,
    TAG_UID,
    TAG_ROLE,
    TAG_CODE,
    TAG_HANDLE_TYPE,
    TAG_HANDLE,
    TAG_TEXT
};

static const uint8_t magic[3] = {'A', 'G', '1'};

static int
put_bytes(struct al_buf *out, enum tag tag, const void *bytes, size_t len)
{
    uint8_t t = (uint8_t)tag;
    int rc;

    rc = al_buf_add(out, &t, 1);
    if (rc == AL_OK) {
        rc = al_buf_add_varint(out, len);
    }
    return rc == AL_OK ? al_buf_add(out, bytes, len) : rc;
}

/* Numbers that are 0 are left out: that is what a reader starts with. */
static int
put_u64(struct al_buf *out, enum tag tag, uint64_t value)
{
    uint8_t bytes[8];

    if (value == 0) {
        return AL_OK;
    }
    al_put_u64(bytes, value);
    return put_bytes(out, tag, bytes, sizeof(bytes));
}

int
gatemsg_encode(const struct gatemsg *m, struct al_buf *out)
{
    const struct {
        enum tag tag;
        uint64_t value;
    } numbers[] = {
        {TAG_NUMBER, m->number},
        {TAG_GROUP, m->group},
        {TAG_DEV, m->dev},
        {TAG_INO, m->ino},
        {TAG_COUNT, m->count},
        {TAG_WAIT_MS, m->wait_ms},
        {TAG_PID, m->pid},
        {TAG_UID, m->uid},
        {TAG_ROLE, m->role},
        {TAG_CODE, (uint64_t)(int64_t)m->code},
        {TAG_HANDLE_TYPE, (uint64_t)(int64_t)m->handle_type},
    };
    uint8_t type = (uint8_t)m->type;
    size_t i;
    int rc;

    if (m->handle.len > GATEMSG_HANDLE_MAX || m->text.len > GATEMSG_TEXT_MAX) {
        return AL_ELIMIT;
    }
    rc = al_buf_add(out, magic, sizeof(magic));
    if (rc == AL_OK) {
        rc = al_buf_add(out, &type, 1);
    }
    for (i = 0; rc == AL_OK && i < AL_LEN(numbers); i++) {
        rc = put_u64(out, numbers[i].tag, numbers[i].value);
    }
    if (rc == AL_OK && m->handle.len > 0) {
        rc = put_bytes(out, TAG_HANDLE, m->handle.at, m->handle.len);
    }
    if (rc == AL_OK && m->text.len > 0) {
        rc = put_bytes(out, TAG_TEXT, m->text.at, m->text.len);
    }
    return rc;
}

static int
take_number(struct gatemsg *m, unsigned tag, uint64_t v)
{
    switch (tag) {
    case TAG_NUMBER:
        m->number = v;
        return AL_OK;
    case TAG_GROUP:
        m->group = v;
        return AL_OK;
    case TAG_DEV:
        m->dev = v;
        return AL_OK;
    case TAG_INO:
        m->ino = v;
        return AL_OK;
    case TAG_COUNT:
        m->count = v;
        return AL_OK;
    case TAG_WAIT_MS:
        m->wait_ms = v;
        return AL_OK;
    default:
        break;
    }
    if (tag == TAG_CODE || tag == TAG_HANDLE_TYPE) {
        int64_t s = (int64_t)v;

        if (s < INT32_MIN || s > INT32_MAX) {
            return AL_ECORRUPT;
        }
        *(tag == TAG_CODE ? &m->code : &m->handle_type) = (int32_t)s;
        return AL_OK;
    }
    if (v > UINT32_MAX) {
        return AL_ECORRUPT;
    }
    *(tag == TAG_PID ? &m->pid : tag == TAG_UID ? &m->uid : &m->role) = (uint32_t)v;
    return AL_OK;
}

static int
take_field(struct gatemsg *m, unsigned tag, struct al_span value)
{
    if (tag >= TAG_NUMBER && tag <= TAG_HANDLE_TYPE) {
        return value.len == 8 ? take_number(m, tag, al_get_u64(value.at)) : AL_ECORRUPT;
    }
    if (tag == TAG_HANDLE) {
        m->handle = value;
        return value.len <= GATEMSG_HANDLE_MAX ? AL_OK : AL_ECORRUPT;
    }
    if (tag == TAG_TEXT) {
        m->text = value;
        return value.len <= GATEMSG_TEXT_MAX ? AL_OK : AL_ECORRUPT;
    }
    return AL_OK;
}

int
gatemsg_decode(struct al_span bytes, struct gatemsg *ret)
{
    struct gatemsg m = {0};
    struct al_span left = bytes;

    if (left.len < 4 || memcmp(left.at, magic, sizeof(magic)) != 0 || left.at[3] == 0 ||
        left.at[3] >= GATEMSG_TYPE_END) {
        return AL_ECORRUPT;
    }
    m.type = (enum gatemsg_type)left.at[3];
    left.at += 4;
    left.len -= 4;
    while (left.len > 0) {
        struct al_span value;
        uint64_t len;
        unsigned tag = left.at[0];
        int rc;

        left.at++;
        left.len--;
        rc = al_span_varint(&left, &len);
        if (rc == AL_OK) {
            rc = len <= left.len ? al_span_take(&left, (size_t)len, &value) : AL_ECORRUPT;
        }
        if (rc == AL_OK) {
            rc = take_field(&m, tag, value);
        }
        if (rc != AL_OK) {
            return AL_ECORRUPT;
        }
    }
    *ret = m;
    return AL_OK;
}
