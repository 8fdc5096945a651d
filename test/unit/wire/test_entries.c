#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/entries.h"

static struct al_span
sp(const char *t)
{
    return al_span_of(t);
}

static bool
same(const struct entry_record *a, const struct entry_record *b)
{
    return a->is_folder_record == b->is_folder_record && a->is_owner_record == b->is_owner_record &&
           a->folder == b->folder && a->parent == b->parent && a->type == b->type &&
           a->flags == b->flags && al_span_equal(a->name, b->name) && a->mode == b->mode &&
           a->uid == b->uid && a->gid == b->gid && a->nlink == b->nlink && a->ino == b->ino &&
           a->size == b->size && a->allocated == b->allocated && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns && a->atime_ns == b->atime_ns && a->btime_ns == b->btime_ns;
}

static const struct entry_record samples[] = {
    {.is_folder_record = true, .folder = 1},
    {.is_folder_record = true,
     .folder = 2,
     .parent = 1,
     .flags = ENTRY_UNREADABLE,
     .name = {(const uint8_t *)"a b\n", 4}},
    {.is_owner_record = true, .uid = 1000, .name = {(const uint8_t *)"alice", 5}},
    {.folder = 2,
     .type = 1,
     .flags = ENTRY_STUB | 32u << ENTRY_ATTRS_SHIFT,
     .name = {(const uint8_t *)"\xff\xfe", 2},
     .mode = 0100644,
     .uid = UINT32_MAX,
     .gid = 7,
     .nlink = 1,
     .ino = UINT64_MAX,
     .size = INT64_MAX,
     .allocated = 4096,
     .mtime_ns = INT64_MIN,
     .ctime_ns = INT64_MAX,
     .atime_ns = -1,
     .btime_ns = 0},
};

static void
pack(const struct entry_record *records, size_t count, struct al_buf *out)
{
    struct al_buf body;

    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    for (size_t i = 0; i < count; i++) {
        TAP_OK(entries_add(&body, &records[i]));
    }
    TAP_OK(entries_pack(&body, count, out));
    al_buf_free(&body);
}

static void
what_is_packed_is_read_back_to_the_last_bit(void)
{
    struct al_buf packed, plain;
    struct entries_reader reader;
    struct entry_record r;
    bool end = false;

    al_buf_init(&packed, ENTRIES_PLAIN_MAX);
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    pack(samples, AL_LEN(samples), &packed);
    TAP_OK(entries_unpack(al_buf_span(&packed), &plain, &reader));
    TAP_EQUAL_U64(reader.count, AL_LEN(samples));
    for (size_t i = 0; i < AL_LEN(samples); i++) {
        TAP_OK(entries_next(&reader, &r, &end));
        TAP_CHECK(!end && same(&r, &samples[i]));
    }
    TAP_OK(entries_next(&reader, &r, &end));
    TAP_CHECK(end);
    al_buf_free(&packed);
    al_buf_free(&plain);
}

/* Reads a plain body of one record; the code that comes. */
static int
read_one(const struct entry_record *r, size_t cut)
{
    struct al_buf body;
    struct entries_reader reader = {.count = 1};
    struct entry_record got;
    bool end;
    int rc;

    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    TAP_OK(entries_add(&body, r));
    reader.left = al_buf_span(&body);
    reader.left.len -= cut < reader.left.len ? cut : reader.left.len;
    rc = entries_next(&reader, &got, &end);
    al_buf_free(&body);
    return rc;
}

static void
names_that_could_leave_their_folder_are_refused(void)
{
    static const struct {
        const char *at;
        size_t len;
        int rc;
    } names[] = {{"", 0, AL_ECORRUPT},    {".", 1, AL_ECORRUPT}, {"..", 2, AL_ECORRUPT},
                 {"a/b", 3, AL_ECORRUPT}, {"/", 1, AL_ECORRUPT}, {"a\0b", 3, AL_ECORRUPT},
                 {"...", 3, AL_OK},       {".x", 2, AL_OK},      {"..x", 3, AL_OK},
                 {"\n", 1, AL_OK},        {" ", 1, AL_OK}};

    for (size_t i = 0; i < AL_LEN(names); i++) {
        struct entry_record e = {.folder = 1, .name = {(const uint8_t *)names[i].at, names[i].len}};
        struct entry_record f = {
            .is_folder_record = true, .folder = 2, .parent = 1, .name = e.name};

        TAP_CODE(read_one(&e, 0), names[i].rc);
        TAP_CODE(read_one(&f, 0), names[i].rc);
    }
}

static void
a_record_cut_anywhere_is_corrupt(void)
{
    for (size_t i = 0; i < AL_LEN(samples); i++) {
        TAP_CODE(read_one(&samples[i], 0), AL_OK);
        for (size_t cut = 1; cut < 20; cut++) {
            int rc = read_one(&samples[i], cut);

            TAP_CODE(rc, AL_ECORRUPT);
        }
    }
}

static void
impossible_numbers_are_corrupt(void)
{
    struct entry_record e = samples[3];

    e.size = (uint64_t)INT64_MAX + 1;
    TAP_CODE(read_one(&e, 0), AL_ECORRUPT);
    e = samples[3];
    e.allocated = UINT64_MAX;
    TAP_CODE(read_one(&e, 0), AL_ECORRUPT);
    e = samples[3];
    e.folder = 0;
    TAP_CODE(read_one(&e, 0), AL_ECORRUPT);
    e = (struct entry_record){.is_folder_record = true, .folder = 3, .parent = 3, .name = sp("x")};
    TAP_CODE(read_one(&e, 0), AL_ECORRUPT);
    e = (struct entry_record){.is_folder_record = true, .folder = 3, .parent = 0, .name = sp("x")};
    TAP_CODE(read_one(&e, 0), AL_ECORRUPT);
}

static void
a_varint_of_more_than_64_bits_is_corrupt(void)
{
    static const uint8_t bytes[] = {1,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0x02, 0,    0,    0};
    struct entries_reader reader = {.left = {bytes, sizeof(bytes)}, .count = 1};
    struct entry_record r;
    bool end;

    TAP_CODE(entries_next(&reader, &r, &end), AL_ECORRUPT);
}

static void
bytes_behind_the_last_record_are_corrupt(void)
{
    struct al_buf packed, plain;
    struct entries_reader reader;
    struct entry_record r;
    bool end = false;

    al_buf_init(&packed, ENTRIES_PLAIN_MAX);
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    pack(samples, AL_LEN(samples), &packed);
    TAP_OK(entries_unpack(al_buf_span(&packed), &plain, &reader));
    reader.count = 1;
    TAP_OK(entries_next(&reader, &r, &end));
    TAP_CODE(entries_next(&reader, &r, &end), AL_ECORRUPT);
    /* And bytes behind the compressed frame. */
    TAP_OK(al_buf_add(&packed, "x", 1));
    TAP_CODE(entries_unpack(al_buf_span(&packed), &plain, &reader), AL_ECORRUPT);
    al_buf_free(&packed);
    al_buf_free(&plain);
}

static void
a_flipped_bit_of_a_packed_batch_is_noticed_or_means_nothing(void)
{
    struct al_buf packed, plain, other;
    struct entries_reader reader;
    unsigned unnoticed = 0;

    al_buf_init(&packed, ENTRIES_PLAIN_MAX);
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    al_buf_init(&other, ENTRIES_PLAIN_MAX);
    pack(samples, AL_LEN(samples), &packed);
    TAP_OK(entries_unpack(al_buf_span(&packed), &plain, &reader));
    for (size_t i = 0; i < packed.len * 8; i++) {
        packed.at[i / 8] ^= (uint8_t)(1u << i % 8);
        if (entries_unpack(al_buf_span(&packed), &other, &reader) == AL_OK) {
            unnoticed++;
            TAP_CHECK(al_span_equal(al_buf_span(&plain), al_buf_span(&other)));
        }
        packed.at[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    TAP_CHECK(unnoticed < packed.len * 8 / 10);
    al_buf_free(&packed);
    al_buf_free(&plain);
    al_buf_free(&other);
}

static void
a_full_batch_asks_to_be_sent(void)
{
    struct al_buf body;
    struct entry_record r = samples[3];
    char name[ENTRIES_NAME_MAX + 1];
    int rc = AL_OK;

    memset(name, 'n', sizeof(name));
    r.name = (struct al_span){(const uint8_t *)name, sizeof(name)};
    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    TAP_CODE(entries_add(&body, &r), AL_EINVAL);
    r.name.len = ENTRIES_NAME_MAX;
    while (rc == AL_OK) {
        rc = entries_add(&body, &r);
    }
    TAP_CODE(rc, AL_ELIMIT);
    TAP_CHECK(body.len > ENTRIES_PLAIN_MAX - 2 * ENTRIES_NAME_MAX && body.len <= ENTRIES_PLAIN_MAX);
    al_buf_free(&body);
}

static void
too_many_records_are_refused_on_both_sides(void)
{
    struct al_buf body, packed;

    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    al_buf_init(&packed, ENTRIES_PLAIN_MAX);
    TAP_CODE(entries_pack(&body, ENTRIES_BATCH_RECORDS + 1, &packed), AL_ELIMIT);
    al_buf_free(&body);
    al_buf_free(&packed);
}

static void
a_frame_that_claims_too_much_is_refused_before_memory_is_taken(void)
{
    /* A zstd frame header: single segment, content size of eight bytes, 2^40. */
    static const uint8_t bomb[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0};
    struct al_span packed = {bomb, sizeof(bomb)};
    struct al_buf plain;
    struct entries_reader reader;

    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    TAP_CODE(entries_unpack(packed, &plain, &reader), AL_ELIMIT);
    TAP_CHECK(plain.cap == 0);
    TAP_CODE(entries_unpack(sp("hello, this is no frame"), &plain, &reader), AL_ECORRUPT);
    TAP_CODE(entries_unpack(sp(""), &plain, &reader), AL_ECORRUPT);
    al_buf_free(&plain);
}

int
main(void)
{
    TAP_RUN(what_is_packed_is_read_back_to_the_last_bit);
    TAP_RUN(names_that_could_leave_their_folder_are_refused);
    TAP_RUN(a_record_cut_anywhere_is_corrupt);
    TAP_RUN(impossible_numbers_are_corrupt);
    TAP_RUN(a_varint_of_more_than_64_bits_is_corrupt);
    TAP_RUN(bytes_behind_the_last_record_are_corrupt);
    TAP_RUN(a_flipped_bit_of_a_packed_batch_is_noticed_or_means_nothing);
    TAP_RUN(a_full_batch_asks_to_be_sent);
    TAP_RUN(too_many_records_are_refused_on_both_sides);
    TAP_RUN(a_frame_that_claims_too_much_is_refused_before_memory_is_taken);
    return tap_end();
}
