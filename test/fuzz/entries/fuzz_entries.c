/* Any bytes as a batch: packed (as from the wire), and as the plain text inside, which a mutator
 * reaches more easily. What the reader accepts must come out of writer and reader again unchanged.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
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

static uint64_t
read_all(struct entries_reader reader, struct al_buf *body)
{
    struct entry_record r;
    uint64_t count = 0;
    bool end = false;

    while (entries_next(&reader, &r, &end) == AL_OK && !end) {
        must(entries_add(body, &r) == AL_OK);
        count++;
    }
    return count;
}

static void
check(struct entries_reader reader)
{
    AL_CLEANUP(al_buf_free) struct al_buf body, packed, plain;
    struct entries_reader again;
    struct entry_record a, b;
    bool end_a = false, end_b = false;
    uint64_t count, i;

    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    al_buf_init(&packed, 2 * ENTRIES_PLAIN_MAX);
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    count = read_all(reader, &body);
    must(entries_pack(&body, count, &packed) == AL_OK);
    must(entries_unpack(al_buf_span(&packed), &plain, &again) == AL_OK);
    for (i = 0; i < count; i++) {
        must(entries_next(&reader, &a, &end_a) == AL_OK &&
             entries_next(&again, &b, &end_b) == AL_OK);
        must(!end_a && !end_b && same(&a, &b));
    }
    must(entries_next(&again, &b, &end_b) == AL_OK && end_b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct al_buf plain;
    struct entries_reader reader;
    struct al_span packed = {data, size};

    if (size > (1u << 16)) {
        return 0;
    }
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    if (entries_unpack(packed, &plain, &reader) == AL_OK) {
        check(reader);
    }
    al_buf_free(&plain);
    reader.left = packed;
    reader.count = size > 0 ? data[0] : 0;
    check(reader);
    return 0;
}
