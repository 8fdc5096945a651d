/* marker_test.c: the marker's bytes, and the table of what a marker means, every row of it. */
#include <stdlib.h>

#include "agent/stub/marker.h"
#include "agent/stub/stub.h"
#include "tap.h"

static const struct marker_key key = {.key = {1, 2, 3}, .fs_id = {9, 8, 7}};

static struct marker
sample(void)
{
    struct marker m = {.state = MARKER_STUB,
                       .ext = "mov",
                       .content = 0xdeadbeef,
                       .share_tag = 0x01020304,
                       .ino = 0x1122334455667788,
                       .generation = 0x99aabbcc,
                       .size = 0x0000f23456789abc,
                       .mtime_ns = -1234567890123456789};

    memset(m.object, 0x5a, sizeof(m.object));
    return m;
}

static void
what_is_encoded_is_decoded(void)
{
    struct marker m = sample(), back;
    uint8_t bytes[MARKER_BYTES];
    bool authentic = false;

    TAP_OK(marker_encode(&m, &key, bytes));
    TAP_OK(marker_decode(bytes, sizeof(bytes), &key, &back, &authentic));
    TAP_CHECK(authentic);
    TAP_CHECK(back.state == m.state && strcmp(back.ext, m.ext) == 0 && back.content == m.content);
    TAP_CHECK(back.share_tag == m.share_tag && back.ino == m.ino);
    TAP_CHECK(back.generation == m.generation && back.size == m.size &&
              back.mtime_ns == m.mtime_ns);
    TAP_CHECK(memcmp(back.object, m.object, sizeof(m.object)) == 0);
}

static void
the_layout_on_disk_does_not_change(void)
{
    struct marker m = sample();
    uint8_t bytes[MARKER_BYTES];

    TAP_OK(marker_encode(&m, &key, bytes));
    TAP_CHECK(bytes[0] == 1 && bytes[1] == MARKER_STUB);
    TAP_EQUAL_U64(al_get_u32(bytes + 6), 0xdeadbeef);
    TAP_CHECK(bytes[10] == 0x5a && bytes[25] == 0x5a);
    TAP_EQUAL_U64(al_get_u32(bytes + 26), 0x01020304);
    TAP_EQUAL_U64(al_get_u64(bytes + 30), 0x1122334455667788);
    TAP_EQUAL_U64(al_get_u32(bytes + 38), 0x99aabbcc);
    TAP_CHECK(bytes[42] == 0xbc && bytes[47] == 0xf2);
    TAP_EQUAL_U64(al_get_u64(bytes + 48), (uint64_t)INT64_C(-1234567890123456789));
    TAP_CHECK(strlen(MARKER_XATTR) <= strlen("trusted.") + 8); /* what fits into ext4's inode */
}

static void
every_changed_bit_is_noticed(void)
{
    struct marker m = sample(), back;
    uint8_t bytes[MARKER_BYTES];

    TAP_OK(marker_encode(&m, &key, bytes));
    for (unsigned bit = 0; bit < MARKER_BYTES * 8; bit++) {
        bool authentic = false;
        int rc;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        rc = marker_decode(bytes, sizeof(bytes), &key, &back, &authentic);
        TAP_CHECK(rc == AL_ECORRUPT || (rc == AL_OK && !authentic));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void
another_key_or_filesystem_is_not_authentic(void)
{
    struct marker m = sample(), back;
    struct marker_key other = key;
    uint8_t bytes[MARKER_BYTES];
    bool authentic = true;

    TAP_OK(marker_encode(&m, &key, bytes));
    other.key[31] ^= 1;
    TAP_OK(marker_decode(bytes, sizeof(bytes), &other, &back, &authentic));
    TAP_CHECK(!authentic);
    other = key;
    other.fs_id[15] ^= 1;
    authentic = true;
    TAP_OK(marker_decode(bytes, sizeof(bytes), &other, &back, &authentic));
    TAP_CHECK(!authentic);
}

static void
what_is_no_marker_is_refused(void)
{
    struct marker m = sample(), back = sample();
    uint8_t bytes[MARKER_BYTES + 1] = {0};
    bool authentic;

    TAP_OK(marker_encode(&m, &key, bytes));
    for (size_t len = 0; len <= MARKER_BYTES + 1; len++) {
        if (len != MARKER_BYTES) {
            TAP_CODE(marker_decode(bytes, len, &key, &back, &authentic), AL_ECORRUPT);
        }
    }
    m.state = (enum marker_state)5;
    TAP_CODE(marker_encode(&m, &key, bytes), AL_EINVAL);
    m = sample();
    m.size = MARKER_SIZE_MAX + 1;
    TAP_CODE(marker_encode(&m, &key, bytes), AL_EINVAL);
}

/* The whole table: every combination of what can be seen, with the row that must hold. */
static enum marker_verdict
expected(bool known, bool own, bool filling, bool data, int size, bool time)
{
    if (!known) {
        return MARKER_V_FORGED;
    }
    if (!own) {
        return data || size == 0 ? MARKER_V_COPIED : size == 1 ? MARKER_V_ADOPT : MARKER_V_CHANGED;
    }
    if (size == 0) {
        return MARKER_V_TRUNCATED;
    }
    if (size == 2) {
        return data && !filling ? MARKER_V_DATA : MARKER_V_CHANGED;
    }
    if (filling) {
        return MARKER_V_FILLING;
    }
    return data ? MARKER_V_DATA : time ? MARKER_V_STUB : MARKER_V_CHANGED;
}

static void
every_row_of_the_table_holds(void)
{
    unsigned rows = 0;

    for (unsigned i = 0; i < 3 * 3 * 2 * 2 * 3 * 2; i++) {
        unsigned x = i;
        unsigned known = x % 3, own = (x /= 3) % 3, filling = (x /= 3) % 2, data = (x /= 2) % 2;
        unsigned size = (x /= 2) % 3, time = (x /= 3) % 2;
        struct marker m = sample();
        struct marker_facts f = {.ino = m.ino + (own == 1),
                                 .generation = m.generation + (own == 2),
                                 .size = size == 0 ? 0 : m.size + (size == 2),
                                 .mtime_ns = m.mtime_ns + (time ? 0 : 1),
                                 .has_data = data && size != 0};
        enum marker_verdict v;

        m.state = filling ? MARKER_FILLING : MARKER_STUB;
        v = marker_judge(&m, known != 1, known == 0, &f);
        TAP_EQUAL_STR(marker_verdict_name(v),
                      marker_verdict_name(
                          expected(known == 0, own == 0, filling, f.has_data, (int)size, time)));
        rows++;
    }
    TAP_EQUAL_U64(rows, 216);
}

static void
another_time_alone_is_no_change_where_truncates_are_asked_about(void)
{
    struct marker m = sample();
    struct marker_facts f = {.ino = m.ino,
                             .generation = m.generation,
                             .size = m.size,
                             .mtime_ns = m.mtime_ns + 1,
                             .no_truncate = true};

    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, true, true, &f)), "stub");
    f.no_truncate = false;
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, true, true, &f)), "changed");
    f.no_truncate = true;
    f.size++;
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, true, true, &f)), "changed");
    f.size--;
    f.has_data = true;
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, true, true, &f)), "data");
    f.has_data = false;
    f.ino++;
    f.size = 3;
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, true, true, &f)), "changed");
}

/* What rsync -X leaves of a stub's marker, since the marker is gone when it comes to read it. */
static void
an_empty_marker_is_a_copied_one_where_no_byte_is_missing(void)
{
    struct marker m = {0};
    struct marker_facts f = {.ino = 7, .size = 5000, .has_data = true, .empty = true};

    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, false, false, &f)), "copied");
    f.has_holes = true;
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, false, false, &f)), "forged");
    f.has_data = false;
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, false, false, &f)), "forged");
    f = (struct marker_facts){.ino = 7, .empty = true};
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, false, false, &f)), "copied");
    f = (struct marker_facts){.ino = 7, .size = 5000, .has_data = true};
    TAP_EQUAL_STR(marker_verdict_name(marker_judge(&m, false, false, &f)), "forged");
}

/* The two things that must never come out, said apart from the table. */
static void
data_of_ones_own_is_never_filled_and_holes_never_let_through(void)
{
    for (unsigned i = 0; i < 1u << 7; i++) {
        struct marker m = sample();
        bool own = i & 1, filling = i & 2, data = i & 4, known = i & 8, fits = i & 16,
             time = i & 32;
        struct marker_facts f = {.ino = m.ino + !own,
                                 .generation = m.generation,
                                 .size = fits ? m.size : 77,
                                 .mtime_ns = m.mtime_ns + !time,
                                 .has_data = data};
        enum marker_verdict v;

        m.state = filling ? MARKER_FILLING : MARKER_STUB;
        v = marker_judge(&m, true, known, &f);
        if (v == MARKER_V_STUB || v == MARKER_V_FILLING || v == MARKER_V_ADOPT) {
            TAP_CHECK(known && fits && (!data || (own && filling)));
        }
        if (v == MARKER_V_COPIED || v == MARKER_V_TRUNCATED) {
            TAP_CHECK(known && (data || f.size == 0));
        }
    }
}

/* "whole" on the file it was made for: its bytes stay, whatever has become of length and time. */
static void
a_whole_files_bytes_are_never_replaced(void)
{
    for (unsigned i = 0; i < 64; i++) {
        struct marker m = sample();
        bool own = i & 1, data = i & 2, known = i & 4, fits = i & 8, time = i & 16, told = i & 32;
        enum marker_verdict mine = told ? MARKER_V_WHOLE : MARKER_V_UNTOLD;
        struct marker_facts f = {.ino = m.ino + !own,
                                 .generation = m.generation,
                                 .size = fits ? m.size : 77,
                                 .mtime_ns = m.mtime_ns + !time,
                                 .has_data = data};
        enum marker_verdict v;

        m.state = told ? MARKER_WHOLE : MARKER_UNTOLD;
        v = marker_judge(&m, true, known, &f);
        TAP_EQUAL_STR(marker_verdict_name(v), marker_verdict_name(!known ? MARKER_V_FORGED
                                                                  : own  ? mine
                                                                  : data ? MARKER_V_COPIED
                                                                         : MARKER_V_CHANGED));
        f.size = 0;
        f.has_data = false;
        v = marker_judge(&m, true, known, &f);
        TAP_CHECK(v == (!known ? MARKER_V_FORGED : own ? mine : MARKER_V_COPIED));
    }
}

static void
object_ids_keep_all_their_bits(void)
{
    static const char *const ids[] = {"00000000000000000000000000", "7zzzzzzzzzzzzzzzzzzzzzzzzz",
                                      "01arz3ndektsv4rrffq69g5fav"};

    for (size_t i = 0; i < AL_LEN(ids); i++) {
        struct marker m = {0};
        al_id back;

        TAP_OK(marker_object_from_id(ids[i], m.object));
        marker_object_id(&m, back);
        TAP_EQUAL_STR(back, ids[i]);
    }
    TAP_CODE(marker_object_from_id("8zzzzzzzzzzzzzzzzzzzzzzzzz", (uint8_t[16]){0}), AL_EINVAL);
    TAP_CODE(marker_object_from_id("01arz3ndektsv4rrffq69g5fa", (uint8_t[16]){0}), AL_EINVAL);
    TAP_CODE(marker_object_from_id("01arz3ndektsv4rrffq69g5fau", (uint8_t[16]){0}),
             AL_EINVAL); /* no u */
}

static void
extensions_are_kept_or_dropped_whole(void)
{
    static const struct {
        const char *path, *ext;
    } cases[] = {
        {"a.mov", "mov"},
        {"x/y.TAR", "tar"},
        {"a.b.c7", "c7"},
        {"noext", ""},
        {".hidden", ""},
        {"d/.hidden", ""},
        {"a.", ""},
        {"a.toolong", ""},
        {"a.abcdef", "abcdef"},
        {"a.m\xc3\xbc", ""},
        {"d.dir/file", ""},
        {"a.b c", ""},
        {"", ""},
        {".", ""},
        {"a.j-p", ""},
        {"a.000000", "000000"},
    };

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        char ext[MARKER_EXT_LEN + 1], back[MARKER_EXT_LEN + 1];
        uint32_t packed;

        marker_ext_of(al_span_of(cases[i].path), ext);
        TAP_EQUAL_STR(ext, cases[i].ext);
        TAP_OK(marker_ext_pack(ext, &packed));
        TAP_OK(marker_ext_unpack(packed, back));
        TAP_EQUAL_STR(back, ext);
    }
}

static void
numbers_that_pack_never_gives_are_refused(void)
{
    char ext[MARKER_EXT_LEN + 1];
    uint32_t packed;

    TAP_CODE(marker_ext_pack("UP", &packed), AL_EINVAL);
    TAP_CODE(marker_ext_pack("sevenxx", &packed), AL_EINVAL);
    TAP_CODE(marker_ext_unpack(37, ext), AL_EINVAL); /* a nothing before an a */
    TAP_CODE(marker_ext_unpack(UINT32_MAX, ext), AL_EINVAL);
    srand(1);
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t n = (uint32_t)rand() * 2654435761u;

        if (marker_ext_unpack(n, ext) == AL_OK) {
            TAP_OK(marker_ext_pack(ext, &packed));
            TAP_EQUAL_U64(packed, n);
        }
    }
}

static void
names_people_see_are_all_there(void)
{
    for (int r = 0; r < STUB_R_COUNT; r++) {
        TAP_CHECK(strcmp(stub_refusal_name((enum stub_refusal)r), "unknown") != 0);
    }
    TAP_EQUAL_STR(stub_refusal_name((enum stub_refusal)STUB_R_COUNT), "unknown");
    for (int v = MARKER_V_STUB; v <= MARKER_V_FORGED; v++) {
        TAP_CHECK(strcmp(marker_verdict_name((enum marker_verdict)v), "unknown") != 0);
    }
}

int
main(void)
{
    TAP_RUN(what_is_encoded_is_decoded);
    TAP_RUN(the_layout_on_disk_does_not_change);
    TAP_RUN(every_changed_bit_is_noticed);
    TAP_RUN(another_key_or_filesystem_is_not_authentic);
    TAP_RUN(what_is_no_marker_is_refused);
    TAP_RUN(every_row_of_the_table_holds);
    TAP_RUN(another_time_alone_is_no_change_where_truncates_are_asked_about);
    TAP_RUN(an_empty_marker_is_a_copied_one_where_no_byte_is_missing);
    TAP_RUN(data_of_ones_own_is_never_filled_and_holes_never_let_through);
    TAP_RUN(a_whole_files_bytes_are_never_replaced);
    TAP_RUN(object_ids_keep_all_their_bits);
    TAP_RUN(extensions_are_kept_or_dropped_whole);
    TAP_RUN(numbers_that_pack_never_gives_are_refused);
    TAP_RUN(names_people_see_are_all_there);
    return tap_end();
}
