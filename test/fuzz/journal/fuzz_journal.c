/* The journal's records: any bytes give AL_ECORRUPT or a record that prints and parses to itself.
 * The checksum would keep a fuzzer out, so the input is also framed as a body with a right one. */
#include <stdint.h>
#include <string.h>

#include "agent/journal/journal.h"
#include "base/hash.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static void
round_trip(const struct journal_record *r, char *strings)
{
    AL_CLEANUP(al_buf_free) struct al_buf a = {0}, b = {0};
    struct journal_record again;
    struct al_span left;

    al_buf_init(&a, 1u << 20);
    al_buf_init(&b, 1u << 20);
    expect(journal_record_print(r, 7, &a) == AL_OK);
    left = al_buf_span(&a);
    expect(journal_record_parse(&left, 7, strings, &again) == AL_OK);
    expect(left.len == 0 && again.seq == r->seq && again.state == r->state);
    expect(journal_record_print(&again, 7, &b) == AL_OK);
    expect(a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
}

static void
parse_all(struct al_span left, uint64_t seed)
{
    AL_CLEANUP(al_freep) char *strings = al_alloc(JOURNAL_STRINGS_MAX);
    AL_CLEANUP(al_freep) char *other = al_alloc(JOURNAL_STRINGS_MAX);
    struct journal_record r;

    while (journal_record_parse(&left, seed, strings, &r) == AL_OK) {
        round_trip(&r, other);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AL_CLEANUP(al_buf_free) struct al_buf framed = {0};
    uint8_t frame[12];

    parse_all((struct al_span){data, size}, 7);
    al_buf_init(&framed, 1u << 20);
    al_put_u32(frame, (uint32_t)size);
    al_put_u64(frame + 4, al_xxh64(data, size, 7));
    if (al_buf_add(&framed, frame, sizeof(frame)) == AL_OK &&
        al_buf_add(&framed, data, size) == AL_OK) {
        parse_all(al_buf_span(&framed), 7);
    }
    return 0;
}
