/* fuzz_ease.c: any bytes as a message of either layout, as a name, as tag data and as a version
 * resource. Whatever is taken lies inside the message; what decodes goes back to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "agent/ease/api.h"
#include "agent/ease/message.h"
#include "agent/ease/tag.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
inside(const uint8_t *m, size_t size, struct al_span s)
{
    must(s.len <= size && s.at >= m && s.at + s.len <= m + size);
}

static size_t
units_of(struct al_span name, uint16_t to[EASE_NAME_UNITS])
{
    size_t n = 0;

    for (size_t i = 0; i + 1 < name.len; i += 2) {
        to[n++] = al_get_u16(name.at + i) == '/' ? '\\' : al_get_u16(name.at + i);
    }
    return n;
}

/* There and back: the same units but for a prefix and which way slashes lean. */
static void
check_name(struct al_span name)
{
    uint16_t before[EASE_NAME_UNITS], after[EASE_NAME_UNITS];
    struct al_buf text = {0};
    size_t n = units_of(name, before), m, skip;

    al_buf_init(&text, 4 * EASE_NAME_UNITS);
    if (ease_name_text(name, &text) == AL_OK &&
        ease_name_units((const char *)text.at, after, EASE_NAME_UNITS, &m) == AL_OK) {
        skip = n - m;
        must(skip == 0 || skip == 4);
        must(memcmp(before + skip, after, 2 * m) == 0 && after[m] == 0);
    }
    al_buf_free(&text);
}

static void
check_tag(struct al_span bytes)
{
    static const uint8_t key[MARKER_KEY_LEN] = {1};
    struct al_buf again = {0};
    struct stub_tag t;

    if (ease_tag_decode(bytes, &t) != AL_OK) {
        return;
    }
    inside(bytes.at, bytes.len, t.pieces);
    al_buf_init(&again, EASE_TAG_BYTES_MAX);
    must(ease_tag_encode(&t, key, EASE_TAG_BYTES_MAX, &again) == AL_OK);
    must(again.len == bytes.len && memcmp(again.at, bytes.at, bytes.len - 16) == 0);
    al_buf_free(&again);
}

static void
check_message(enum ease_layout layout, const uint8_t *data, size_t size, size_t real)
{
    uint8_t *m = al_zalloc(real), reply[sizeof(struct ease_reply)];
    size_t fixed = size < 2504 ? size : 2504, verify = layout == EASE_LAYOUT_A ? 67980 : 0;
    struct ease_request r;

    memcpy(m, data, fixed);
    if (size > fixed) { /* what is behind goes to where tag data are */
        size_t rest = size - fixed, at = layout == EASE_LAYOUT_A ? 2444 : 2504;

        memcpy(m + at, data + fixed, rest < real - at ? rest : real - at);
    }
    al_put_u32(m + verify, EASE_VERIFY);
    if (ease_request_decode(layout, m, real, &r) == AL_OK) {
        inside(m, real, r.name);
        inside(m, real, r.sid);
        inside(m, real, r.tag);
        must(r.offset >= 0 && r.file_size >= 0);
        check_name(r.name);
        check_tag(r.tag);
        ease_reply_fail(reply, &r, 1);
        must(al_get_u32(reply) == r.message_id && al_get_u32(reply + 16) == 0);
    }
    al_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[EASE_PRODUCT_MAX];

    if (size == 0) {
        return 0;
    }
    switch (data[0] % 5) {
    case 0:
        check_message(EASE_LAYOUT_A, data + 1, size - 1, sizeof(struct ease_msg_a));
        break;
    case 1:
        check_message(EASE_LAYOUT_B, data + 1, size - 1, sizeof(struct ease_msg_b));
        break;
    case 2:
        check_message(EASE_LAYOUT_B, data + 1, size - 1, EASE_MSG_B_SHORT_BYTES);
        break;
    case 3:
        check_tag((struct al_span){data + 1, size - 1});
        break;
    default:
        if (ease_version_text((struct al_span){data + 1, size - 1}, "ProductName", text)) {
            must(strlen(text) < EASE_PRODUCT_MAX);
        }
        check_name(
            (struct al_span){data + 1, (size - 1) / 2 * 2 < 2048 ? (size - 1) / 2 * 2 : 2048});
    }
    return 0;
}
