/* Messages of both layouts, replies, names and tags: pure. */
#include <stdlib.h>

#include "agent/ease/answer.h"
#include "agent/ease/api.h"
#include "agent/ease/message.h"
#include "agent/ease/tag.h"
#include "base/mem.h"
#include "tap.h"

/* Memory of exactly the size, so that a sanitizer sees every byte too many. */
static uint8_t *
blank(size_t size, size_t verify)
{
    uint8_t *m = al_zalloc(size);

    al_put_u32(m + verify, EASE_VERIFY);
    return m;
}

static void
test_layout_a(void)
{
    uint8_t *m = blank(67984, 67980);
    struct ease_request r;

    al_put_u32(m + 0, 7);
    al_put_u32(m + 24, EASE_C_BLOCK);
    al_put_u32(m + 28, 99);
    al_put_u64(m + 40, 4096);
    al_put_u32(m + 48, 512);
    al_put_u64(m + 56, 10000);
    al_put_u32(m + 128, 4);
    m[132] = 'a';
    m[134] = 'b';
    al_put_u32(m + 2440, 3);
    memcpy(m + 2444, "tag", 3);
    TAP_OK(ease_request_decode(EASE_LAYOUT_A, m, 67984, &r));
    TAP_EQUAL_U64(r.message_id, 7);
    TAP_EQUAL_U64(r.command, EASE_C_BLOCK);
    TAP_EQUAL_U64(r.process_id, 99);
    TAP_EQUAL_U64(r.offset, 4096);
    TAP_EQUAL_U64(r.length, 512);
    TAP_EQUAL_U64(r.file_size, 10000);
    TAP_EQUAL_U64(r.name.len, 4);
    TAP_CHECK(r.tag.len == 3 && memcmp(r.tag.at, "tag", 3) == 0);
    TAP_CHECK(!r.has_file_id);
    TAP_CODE(ease_request_decode(EASE_LAYOUT_A, m, 67983, &r), AL_ECORRUPT);
    al_put_u32(m + 67980, 0xff000000u);
    TAP_CODE(ease_request_decode(EASE_LAYOUT_A, m, 67984, &r), AL_ECORRUPT);
    al_free(m);
}

static void
test_lengths_and_signs(void)
{
    static const struct {
        size_t at;
        uint32_t value;
    } wrong[] = {{128, 2049},        {128, 2050},       {128, 3},
                 {128, UINT32_MAX},  {2180, 257},       {2440, 65537},
                 {2440, UINT32_MAX}, {44, 0x80000000u}, {60, 0x80000000u}};
    static const struct {
        size_t at;
        uint32_t value;
    } right[] = {{128, 2048}, {128, 0}, {2180, 256}, {2440, 65536}};
    struct ease_request r;

    for (size_t i = 0; i < AL_LEN(wrong); i++) {
        uint8_t *m = blank(67984, 67980);

        al_put_u32(m + wrong[i].at, wrong[i].value);
        TAP_CODE(ease_request_decode(EASE_LAYOUT_A, m, 67984, &r), AL_ECORRUPT);
        al_free(m);
    }
    for (size_t i = 0; i < AL_LEN(right); i++) {
        uint8_t *m = blank(67984, 67980);

        al_put_u32(m + right[i].at, right[i].value);
        TAP_OK(ease_request_decode(EASE_LAYOUT_A, m, 67984, &r));
        al_free(m);
    }
}

static void
test_layout_b(void)
{
    uint8_t *m = blank(19960, 0);
    struct ease_request r;

    al_put_u32(m + 4, EASE_C_FILE_CACHE);
    al_put_u32(m + 8, 11);
    al_put_u64(m + 80, 0x1234567812345678ull); /* a class of I/O, not the request */
    al_put_u32(m + 2500, 2);
    memcpy(m + 2504, "xy", 2);
    TAP_OK(ease_request_decode(EASE_LAYOUT_B, m, 19960, &r));
    TAP_EQUAL_U64(r.message_id, 11);
    TAP_EQUAL_U64(r.command, EASE_C_FILE_CACHE);
    TAP_CHECK(memcmp(r.tag.at, "xy", 2) == 0);
    al_put_u32(m + 2504, EASE_TAIL_VERIFY);
    al_put_u64(m + 3552, 0x77);
    memcpy(m + 3576, "zz", 2);
    TAP_OK(ease_request_decode(EASE_LAYOUT_B, m, 19960, &r));
    TAP_CHECK(r.has_file_id && r.volume_serial == 0x77 && memcmp(r.tag.at, "zz", 2) == 0);
    al_put_u32(m + 2500, 16384);
    TAP_OK(ease_request_decode(EASE_LAYOUT_B, m, 19960, &r));
    TAP_CHECK(r.tag.at + r.tag.len == m + 19960);
    al_put_u32(m + 2500, 16385);
    TAP_CODE(ease_request_decode(EASE_LAYOUT_B, m, 19960, &r), AL_ECORRUPT);
    al_free(m);
    m = blank(18888, 0); /* 5.5.1.1 */
    al_put_u32(m + 2500, 16384);
    TAP_OK(ease_request_decode(EASE_LAYOUT_B, m, 18888, &r));
    /* as the callback has it: more may be looked at than is there, but is not */
    TAP_OK(ease_request_decode(EASE_LAYOUT_B, m, 19960, &r));
    TAP_EQUAL_U64(r.tag.len, 16384);
    TAP_CODE(ease_request_decode(EASE_LAYOUT_B, m, 18887, &r), AL_ECORRUPT);
    al_free(m);
}

static void
check_name(const char *text, const char *back)
{
    AL_CLEANUP(al_buf_free) struct al_buf out = {0};
    uint16_t units[EASE_NAME_UNITS];
    size_t n;

    al_buf_init(&out, 4096);
    TAP_OK(ease_name_units(text, units, AL_LEN(units), &n));
    TAP_OK(ease_name_text((struct al_span){(const uint8_t *)units, 2 * n}, &out));
    TAP_EQUAL_STR((const char *)out.at, back);
}

static void
test_names(void)
{
    uint16_t units[EASE_NAME_UNITS], nul[2] = {'a', 0};
    char longest[EASE_NAME_UNITS + 1];
    struct al_buf out = {0};
    size_t n;

    check_name("C:/a/b.mov", "C:/a/b.mov");
    check_name("\\??\\C:\\a\\b.mov", "C:/a/b.mov");
    check_name("\\\\?\\C:\\a", "C:/a");
    check_name("C:/\xed\xa0\x80\x2e/\xf0\x9f\x98\x80", "C:/\xed\xa0\x80\x2e/\xf0\x9f\x98\x80");
    check_name("C:/\xed\xb0\x80\xed\xa0\x80", "C:/\xed\xb0\x80\xed\xa0\x80");
    check_name("C:/a\nb", "C:/a\nb");
    TAP_CODE(ease_name_units("a\xff", units, AL_LEN(units), &n), AL_EINVAL);
    TAP_CODE(ease_name_units("a\xc0\x80", units, AL_LEN(units), &n), AL_EINVAL);
    TAP_CODE(ease_name_units("a\xe2\x82", units, AL_LEN(units), &n), AL_EINVAL);
    TAP_CODE(ease_name_units("", units, AL_LEN(units), &n), AL_EINVAL);
    memset(longest, 'x', sizeof(longest));
    longest[EASE_NAME_UNITS] = '\0';
    TAP_CODE(ease_name_units(longest, units, AL_LEN(units), &n), AL_ELIMIT);
    longest[EASE_NAME_UNITS - 2] = '\0';
    TAP_OK(ease_name_units(longest, units, AL_LEN(units), &n));
    TAP_EQUAL_U64(n, EASE_NAME_UNITS - 2);
    al_buf_init(&out, 100);
    TAP_CODE(ease_name_text((struct al_span){(const uint8_t *)nul, 4}, &out), AL_EINVAL);
    TAP_CODE(ease_name_text((struct al_span){(const uint8_t *)nul, 0}, &out), AL_EINVAL);
    al_buf_free(&out);
}

static void
test_replies(void)
{
    struct ease_request r = {.message_id = 5, .command = EASE_C_BLOCK};
    uint8_t *reply = al_alloc(sizeof(struct ease_reply));
    char far[3000];

    memset(reply, 0xa5, sizeof(struct ease_reply));
    ease_reply_fail(reply, &r, (uint32_t)EASE_S_FAILED);
    TAP_EQUAL_U64(al_get_u32(reply), 5);
    TAP_EQUAL_U64(al_get_u32(reply + 4), EASE_C_BLOCK);
    TAP_EQUAL_U64(al_get_u32(reply + 8), 0xc0000001u);
    TAP_EQUAL_U64(al_get_u32(reply + 12), 0);
    TAP_EQUAL_U64(al_get_u32(reply + 16), 0);
    TAP_OK(ease_reply_path(reply, &r, EASE_F_CACHE, "C:/x/y"));
    TAP_EQUAL_U64(al_get_u32(reply + 8), 0);
    TAP_EQUAL_U64(al_get_u32(reply + 12), 0x10);
    TAP_EQUAL_U64(al_get_u32(reply + 16), 12);
    TAP_CHECK(memcmp(reply + 20, "C\0:\0\\\0x\0\\\0y\0\0\0", 14) == 0);
    ease_reply_block(reply, &r, 65536);
    TAP_EQUAL_U64(al_get_u32(reply + 16), 65536);
    TAP_CHECK(ease_reply_room(reply) == reply + 20);
    memset(far, 'x', sizeof(far));
    far[sizeof(far) - 1] = '\0';
    TAP_CODE(ease_reply_path(reply, &r, EASE_F_CACHE, far), AL_ELIMIT);
    TAP_EQUAL_U64(al_get_u32(reply + 8), 0xc0000001u);
    TAP_EQUAL_U64(al_get_u32(reply + 16), 0);
    al_free(reply);
}

static void
test_tag(void)
{
    static const uint8_t key[MARKER_KEY_LEN] = {9}, other[MARKER_KEY_LEN] = {8};
    uint8_t pieces[8 * 5] = {1, 2, 3};
    struct stub_tag t = {.object = {1, 2},
                         .share_tag = 3,
                         .ext = "mov",
                         .mtime_ns = -7,
                         .content = {4, 5},
                         .file_id = 6,
                         .volume_serial = 7},
                    back;
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    bool authentic = false;

    al_buf_init(&bytes, 65536);
    t.size = (4u << 20) + 1;
    t.piece_shift = 20;
    t.pieces = (struct al_span){pieces, sizeof(pieces)};
    TAP_OK(ease_tag_encode(&t, key, EASE_TAG_BYTES_MAX, &bytes));
    TAP_EQUAL_U64(bytes.len, EASE_TAG_FIXED + 40);
    TAP_CHECK(al_get_u32(bytes.at) != EASE_REDIRECT_KEY);
    TAP_OK(ease_tag_decode(al_buf_span(&bytes), &back));
    TAP_EQUAL_U64(back.size, t.size);
    TAP_CHECK(back.mtime_ns == -7 && al_xxh_equal(back.content, t.content));
    TAP_CHECK(al_span_equal(back.pieces, t.pieces));
    TAP_OK(ease_tag_authentic(al_buf_span(&bytes), key, &authentic));
    TAP_CHECK(authentic);
    TAP_OK(ease_tag_authentic(al_buf_span(&bytes), other, &authentic));
    TAP_CHECK(!authentic);
    for (size_t i = 0; i < bytes.len; i++) { /* no byte of it can be changed */
        bytes.at[i] ^= 1;
        if (ease_tag_decode(al_buf_span(&bytes), &back) == AL_OK) {
            TAP_OK(ease_tag_authentic(al_buf_span(&bytes), key, &authentic));
            TAP_CHECK(!authentic);
        }
        bytes.at[i] ^= 1;
    }
    for (size_t len = 0; len < bytes.len; len++) {
        TAP_CODE(ease_tag_decode((struct al_span){bytes.at, len}, &back), AL_ECORRUPT);
    }
    t.size = 4u << 20; /* four pieces, not five */
    TAP_CODE(ease_tag_encode(&t, key, EASE_TAG_BYTES_MAX, &bytes), AL_EINVAL);
    t.size = (4u << 20) + 1;
    TAP_CODE(ease_tag_encode(&t, key, EASE_TAG_FIXED + 39, &bytes), AL_ELIMIT);
}

static void
test_pieces(void)
{
    TAP_EQUAL_U64(ease_piece_shift(0, EASE_TAG_BYTES_MAX), 0);
    TAP_EQUAL_U64(ease_piece_shift(1u << 20, EASE_TAG_BYTES_MAX), 0);
    TAP_EQUAL_U64(ease_piece_shift((1u << 20) + 1, EASE_TAG_BYTES_MAX), 20);
    TAP_EQUAL_U64(ease_piece_shift(2032ull << 20, EASE_TAG_BYTES_MAX), 20);
    TAP_EQUAL_U64(ease_piece_shift((2032ull << 20) + 1, EASE_TAG_BYTES_MAX), 21);
    TAP_EQUAL_U64(ease_piece_shift(51ull << 20, EASE_TAG_BYTES_MAX_B), 20);
    TAP_EQUAL_U64(ease_piece_shift(52ull << 20, EASE_TAG_BYTES_MAX_B), 21);
    TAP_EQUAL_U64(ease_piece_shift(MARKER_SIZE_MAX, EASE_TAG_BYTES_MAX), 0);
    TAP_EQUAL_U64(ease_piece_shift(UINT64_MAX, EASE_TAG_BYTES_MAX), 0);
    TAP_EQUAL_U64(ease_piece_shift(100u << 20, 10), 0);
}

static void
test_version(void)
{
    static const char text[] = "xx"
                               "P\0r\0o\0d\0u\0c\0t\0N\0a\0m\0e\0\0\0\0\0C\0l\0o\0u\0d\0\0\0";
    char out[EASE_PRODUCT_MAX];

    TAP_CHECK(ease_version_text((struct al_span){(const uint8_t *)text, sizeof(text) - 1},
                                "ProductName", out));
    TAP_EQUAL_STR(out, "Cloud");
    TAP_CHECK(!ease_version_text((struct al_span){(const uint8_t *)text, 20}, "ProductName", out));
    /* cut inside its value, and right behind the key */
    TAP_CHECK(ease_version_text((struct al_span){(const uint8_t *)text, 33}, "ProductName", out));
    TAP_CHECK(ease_version_text((struct al_span){(const uint8_t *)text, 26}, "ProductName", out));
    TAP_EQUAL_STR(out, "");
    TAP_CHECK(!ease_version_text((struct al_span){NULL, 0}, "ProductName", out));
}

static void
test_which_lists_of_programs_are_taken(void)
{
    static char many[EASE_NO_RECALL_BYTES_MAX + 10];

    TAP_CHECK(ease_no_recall_good("a") && ease_no_recall_good("backup.exe,Ms Scan.exe"));
    TAP_CHECK(!ease_no_recall_good("") && !ease_no_recall_good(",") && !ease_no_recall_good("a,") &&
              !ease_no_recall_good(",a"));
    TAP_CHECK(!ease_no_recall_good("a, b") && !ease_no_recall_good("c:\\a.exe") &&
              !ease_no_recall_good("dir/a") && !ease_no_recall_good("*"));
    memset(many, 'x', 128);
    TAP_CHECK(!ease_no_recall_good(many));
    many[127] = '\0';
    TAP_CHECK(ease_no_recall_good(many));
    for (size_t i = 0; i <= EASE_NO_RECALL_MAX; i++) {
        memcpy(many + 2 * i, "x,", 2);
    }
    many[2 * EASE_NO_RECALL_MAX - 1] = '\0';
    TAP_CHECK(ease_no_recall_good(many));
    many[2 * EASE_NO_RECALL_MAX - 1] = ',';
    many[2 * EASE_NO_RECALL_MAX + 1] = '\0';
    TAP_CHECK(!ease_no_recall_good(many));
    memset(many, 'x', sizeof(many) - 1);
    for (size_t i = 100; i < sizeof(many) - 1; i += 100) {
        many[i] = ',';
    }
    TAP_CHECK(!ease_no_recall_good(many));
}

int
main(void)
{
    TAP_RUN(test_layout_a);
    TAP_RUN(test_lengths_and_signs);
    TAP_RUN(test_layout_b);
    TAP_RUN(test_names);
    TAP_RUN(test_replies);
    TAP_RUN(test_tag);
    TAP_RUN(test_pieces);
    TAP_RUN(test_version);
    TAP_RUN(test_which_lists_of_programs_are_taken);
    return tap_end();
}
