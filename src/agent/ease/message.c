#include "agent/ease/message.h"

#include <string.h>

size_t
ease_message_bytes(enum ease_layout layout)
{
    return layout == EASE_LAYOUT_A ? sizeof(struct ease_msg_a) : sizeof(struct ease_msg_b);
}

static uint32_t
u32(const uint8_t *m, size_t at)
{
    return al_get_u32(m + at);
}

static uint64_t
u64(const uint8_t *m, size_t at)
{
    return al_get_u64(m + at);
}

#define A(field) offsetof(struct ease_msg_a, field)
#define B(field) offsetof(struct ease_msg_b, field)

static struct ease_request
fixed_a(const uint8_t *m)
{
    return (struct ease_request){
        .message_id = u32(m, A(message_id)),
        .command = u32(m, A(message_type)),
        .file_object = u64(m, A(file_object)),
        .fs_context = u64(m, A(fs_context)),
        .process_id = u32(m, A(process_id)),
        .thread_id = u32(m, A(thread_id)),
        .offset = (int64_t)u64(m, A(offset)),
        .length = u32(m, A(length)),
        .file_size = (int64_t)u64(m, A(file_size)),
        .transaction_time = (int64_t)u64(m, A(transaction_time)),
        .file_attributes = u32(m, A(file_attributes)),
        .desired_access = u32(m, A(desired_access)),
        .create_options = u32(m, A(create_options)),
        .info_class = u32(m, A(info_class)),
        .name = {m + A(name), u32(m, A(name_bytes))},
        .sid = {m + A(sid), u32(m, A(sid_bytes))},
        .tag = {m + A(data), u32(m, A(data_bytes))},
    };
}

static struct ease_request
fixed_b(const uint8_t *m)
{
    return (struct ease_request){
        .message_id = u32(m, B(message_id)),
        .command = u32(m, B(filter_command)),
        .file_object = u64(m, B(file_object)),
        .fs_context = u64(m, B(fs_context)),
        .process_id = u32(m, B(process_id)),
        .thread_id = u32(m, B(thread_id)),
        .offset = (int64_t)u64(m, B(offset)),
        .length = u32(m, B(length)),
        .file_size = (int64_t)u64(m, B(file_size)),
        .transaction_time = (int64_t)u64(m, B(transaction_time)),
        .file_attributes = u32(m, B(file_attributes)),
        .desired_access = u32(m, B(desired_access)),
        .create_options = u32(m, B(create_options)),
        .info_class = u32(m, B(info_class)),
        .name = {m + B(name), u32(m, B(name_bytes))},
        .sid = {m + B(sid), u32(m, B(sid_bytes))},
        .tag = {m + B(tail.plain), u32(m, B(data_bytes))},
    };
}

/* The extended tail is longer than the message of 5.5.1.1 by what stands before its data. It is
 * looked at only where its number stands, and the data's length keeps it inside what may be read. */
static void
tail_b(const uint8_t *m, size_t size, struct ease_request *r)
{
    if (u32(m, B(tail.extended.verify)) != EASE_TAIL_VERIFY || size < B(tail.extended.data)) {
        return;
    }
    r->has_file_id = true;
    r->volume_serial = u64(m, B(tail.extended.volume_serial));
    memcpy(r->file_id, m + B(tail.extended.file_id), sizeof(r->file_id));
    r->tag.at = m + B(tail.extended.data);
}

int
ease_request_decode(enum ease_layout layout, const void *message, size_t size,
                    struct ease_request *ret)
{
    const uint8_t *m = message;
    struct ease_request r;
    size_t tag_max = layout == EASE_LAYOUT_A ? EASE_DATA_BYTES : EASE_TAIL_BYTES;

    if (layout == EASE_LAYOUT_A) {
        if (size < sizeof(struct ease_msg_a) || u32(m, A(verify)) != EASE_VERIFY) {
            return AL_ECORRUPT;
        }
        r = fixed_a(m);
    } else {
        if (size < EASE_MSG_B_SHORT_BYTES || u32(m, B(verify)) != EASE_VERIFY) {
            return AL_ECORRUPT;
        }
        r = fixed_b(m);
        tail_b(m, size, &r);
    }
    if (r.name.len > EASE_NAME_UNITS * 2 || r.name.len % 2 != 0 || r.sid.len > EASE_SID_BYTES ||
        r.tag.len > tag_max || r.tag.at + r.tag.len > m + size || r.offset < 0 || r.file_size < 0) {
        return AL_ECORRUPT;
    }
    *ret = r;
    return AL_OK;
}

bool
ease_request_is_notice(const struct ease_request *r)
{
    return r->command == EASE_C_NOTIFY || r->command == EASE_C_NOTIFY_B ||
           r->command == EASE_C_NAME;
}

/* ---- names ---- */

static uint32_t
unit_at(struct al_span utf16, size_t i)
{
    return al_get_u16(utf16.at + 2 * i);
}

static size_t
wtf8_put(uint32_t c, uint8_t to[4])
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t first[5] = {0, 0, 0xc0, 0xe0, 0xf0};

    to[0] = (uint8_t)(first[len] | c >> (6 * (len - 1)));
    for (size_t i = 1; i < len; i++) {
        to[i] = (uint8_t)(0x80 | (c >> (6 * (len - 1 - i)) & 0x3f));
    }
    return len;
}

static size_t
prefix_units(struct al_span utf16)
{
    size_t units = utf16.len / 2;

    if (units >= 4 && unit_at(utf16, 0) == '\\' && unit_at(utf16, 2) == '?' &&
        unit_at(utf16, 3) == '\\' && (unit_at(utf16, 1) == '?' || unit_at(utf16, 1) == '\\')) {
        return 4;
    }
    return 0;
}

int
ease_name_text(struct al_span utf16, struct al_buf *to)
{
    size_t units = utf16.len / 2, i = prefix_units(utf16);

    if (i == units) {
        return AL_EINVAL;
    }
    for (; i < units; i++) {
        uint32_t c = unit_at(utf16, i);
        uint8_t bytes[4];
        int rc;

        if (c == 0) {
            return AL_EINVAL;
        }
        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units && unit_at(utf16, i + 1) >= 0xdc00 &&
            unit_at(utf16, i + 1) < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (unit_at(utf16, ++i) - 0xdc00);
        }
        rc = al_buf_add(to, bytes, wtf8_put(c == '\\' ? '/' : c, bytes));
        if (rc != AL_OK) {
            return rc;
        }
    }
    return AL_OK;
}

/* One WTF-8 sequence; the number of bytes, 0 when it is none. */
static size_t
wtf8_get(const uint8_t *at, size_t left, uint32_t *ret)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = at[0];
    size_t len = c < 0x80 ? 1 : c >= 0xf8 ? 0 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;

    if (len == 0 || len > left) {
        return 0;
    }
    c &= len == 1 ? 0x7f : 0x7fu >> len;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (at[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff) {
        return 0;
    }
    *ret = c;
    return len;
}

int
ease_name_units(const char *path, uint16_t *to, size_t cap, size_t *ret_units)
{
    const uint8_t *at = (const uint8_t *)path;
    size_t left = strlen(path), n = 0;

    while (left > 0) {
        uint32_t c;
        size_t len = wtf8_get(at, left, &c);

        if (len == 0) {
            return AL_EINVAL;
        }
        if (n + 3 > cap) {
            return AL_ELIMIT;
        }
        if (c >= 0x10000) {
            to[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            to[n++] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            to[n++] = c == '/' ? '\\' : (uint16_t)c;
        }
        at += len;
        left -= len;
    }
    if (n == 0) {
        return AL_EINVAL;
    }
    to[n] = 0;
    *ret_units = n;
    return AL_OK;
}

/* ---- replies ---- */

#define R(field) offsetof(struct ease_reply, field)

static void
head(uint8_t *to, const struct ease_request *r, uint32_t status, uint32_t how, uint32_t len)
{
    al_put_u32(to + R(message_id), r->message_id);
    al_put_u32(to + R(message_type), r->command);
    al_put_u32(to + R(return_status), status);
    al_put_u32(to + R(filter_status), how);
    al_put_u32(to + R(data_bytes), len);
}

void
ease_reply_fail(void *reply, const struct ease_request *r, uint32_t status)
{
    head(reply, r, status, EASE_F_NONE, 0);
}

uint8_t *
ease_reply_room(void *reply)
{
    return (uint8_t *)reply + R(data);
}

void
ease_reply_block(void *reply, const struct ease_request *r, uint32_t len)
{
    head(reply, r, EASE_S_OK, EASE_F_BLOCK, len);
}

int
ease_reply_path(void *reply, const struct ease_request *r, uint32_t how, const char *path)
{
    uint16_t units[EASE_NAME_UNITS];
    uint8_t *data = ease_reply_room(reply);
    size_t n;
    int rc = ease_name_units(path, units, AL_LEN(units), &n);

    if (rc != AL_OK) {
        ease_reply_fail(reply, r, (uint32_t)EASE_S_FAILED);
        return rc;
    }
    for (size_t i = 0; i <= n; i++) { /* a NUL behind, that is not counted, for who forgets that */
        al_put_u16(data + 2 * i, units[i]);
    }
    head(reply, r, EASE_S_OK, how, (uint32_t)(2 * n));
    return AL_OK;
}
