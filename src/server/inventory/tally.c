/* Histograms and totals in one pass over any rows: DuckDB's threads hand over their rows, and each
 * chunk is added to the whole under a lock. */
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"
#include "wire/entries.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

/* Bucket i reaches from border i - 1 (0 for the first) to border i; the last has no end. */
static const int64_t age_borders[] = {1 * DAY_NS,   7 * DAY_NS,    30 * DAY_NS,
                                      90 * DAY_NS,  180 * DAY_NS,  365 * DAY_NS,
                                      730 * DAY_NS, 1095 * DAY_NS, 1825 * DAY_NS};
static const int64_t size_borders[] = {1,
                                       INT64_C(4) << 10,
                                       INT64_C(64) << 10,
                                       INT64_C(1) << 20,
                                       INT64_C(16) << 20,
                                       INT64_C(128) << 20,
                                       INT64_C(1) << 30,
                                       INT64_C(16) << 30,
                                       INT64_C(128) << 30};

void
inv_tally_begin(struct inv_tally *t, int64_t now_ns, uint64_t block_bytes)
{
    memset(t, 0, sizeof(*t));
    port_mutex_init(&t->lock);
    t->now_ns = now_ns;
    t->block_bytes = block_bytes;
}

void
inv_tally_end(struct inv_tally *t)
{
    port_mutex_end(&t->lock);
}

static void
count(struct inv_counts *c, uint64_t size, bool stub)
{
    c->files++;
    c->bytes = inv_plus(c->bytes, size);
    if (stub) {
        c->stub_files++;
        c->stub_bytes = inv_plus(c->stub_bytes, size);
    }
}

/* Borders ascend: how many of them are passed. Without a branch, since ages and sizes are as good as random. */
static size_t
bucket_of(const int64_t *borders, size_t borders_count, int64_t x)
{
    size_t passed = 0;

    for (size_t i = 0; i < borders_count; i++) {
        passed += x >= borders[i];
    }
    return passed;
}

/* What lies in the future is as young as can be. */
static int64_t
age_of(int64_t now_ns, int64_t at_ns)
{
    int64_t age;

    if (at_ns >= now_ns) {
        return 0;
    }
    return __builtin_sub_overflow(now_ns, at_ns, &age) ? INT64_MAX : age;
}

struct tally_row {
    uint8_t state, flags, source;
    int64_t size, allocated, accessed_ns, mtime_ns;
};

static void
tally_file(struct inv_tally *t, const struct tally_row *r)
{
    uint64_t size = (uint64_t)r->size, allocated = (uint64_t)r->allocated, rounded;
    bool stub = r->state == RULE_S_STUB || r->state == RULE_S_ARCHIVED;
    struct inventory_totals *all = &t->got.totals;

    all->files++;
    all->bytes = inv_plus(all->bytes, size);
    all->allocated = inv_plus(all->allocated, allocated);
    if (stub) {
        rounded = ((size < (UINT64_C(1) << 62) ? size : UINT64_C(1) << 62) + t->block_bytes - 1) /
                  t->block_bytes * t->block_bytes;
        all->stub_files++;
        all->stub_bytes = inv_plus(all->stub_bytes, size);
        all->freed_bytes =
            inv_plus(all->freed_bytes, rounded > allocated ? rounded - allocated : 0);
    }
    if (r->accessed_ns == RULE_TIME_UNKNOWN) {
        t->got.unknown_files++;
        t->got.unknown_bytes = inv_plus(t->got.unknown_bytes, size);
    } else {
        count(&t->got.age[bucket_of(age_borders, AL_LEN(age_borders),
                                    age_of(t->now_ns, r->accessed_ns))],
              size, stub);
        t->got.evidence[r->source < INVENTORY_SOURCES ? r->source : 0]++;
    }
    count(&t->got.modified[bucket_of(age_borders, AL_LEN(age_borders),
                                     age_of(t->now_ns, r->mtime_ns))],
          size, stub);
    count(&t->got.size[bucket_of(size_borders, AL_LEN(size_borders), r->size)], size, stub);
    t->got.imported += (r->flags & INVENTORY_IMPORTED) != 0;
}

static void
add_counts(struct inv_counts *to, const struct inv_counts *from)
{
    for (size_t i = 0; i < INV_BUCKETS_MAX; i++) {
        to[i].files += from[i].files;
        to[i].bytes = inv_plus(to[i].bytes, from[i].bytes);
        to[i].stub_files += from[i].stub_files;
        to[i].stub_bytes = inv_plus(to[i].stub_bytes, from[i].stub_bytes);
    }
}

static void
add_tally(struct inv_tally *whole, const struct inv_tallied *from)
{
    struct inv_tallied *to = &whole->got;
    struct inventory_totals *a = &to->totals;
    const struct inventory_totals *b = &from->totals;

    port_mutex_lock(&whole->lock);
    add_counts(to->age, from->age);
    add_counts(to->modified, from->modified);
    add_counts(to->size, from->size);
    a->files += b->files;
    a->folders += b->folders;
    a->others += b->others;
    a->bytes = inv_plus(a->bytes, b->bytes);
    a->allocated = inv_plus(a->allocated, b->allocated);
    a->stub_files += b->stub_files;
    a->stub_bytes = inv_plus(a->stub_bytes, b->stub_bytes);
    a->freed_bytes = inv_plus(a->freed_bytes, b->freed_bytes);
    to->unknown_files += from->unknown_files;
    to->unknown_bytes = inv_plus(to->unknown_bytes, from->unknown_bytes);
    to->imported += from->imported;
    for (size_t i = 0; i < INVENTORY_SOURCES; i++) {
        to->evidence[i] += from->evidence[i];
    }
    port_mutex_unlock(&whole->lock);
}

enum {
    A_SLOT,
    A_TYPE,
    A_STATE,
    A_FLAGS,
    A_SOURCE,
    A_SIZE,
    A_ALLOCATED,
    A_ACCESSED,
    A_MTIME,
    A_COUNT
};

#define ARGUMENT(type, column)                                                                     \
    ((const type *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, column)))

/* alto_tally(slot, type, ...): 1 for each row. */
static void
tally_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    struct inventory *inv = duckdb_scalar_function_get_extra_info(info);
    int64_t *result = duckdb_vector_get_data(out);
    idx_t n = duckdb_data_chunk_get_size(in);
    const uint8_t *types = ARGUMENT(uint8_t, A_TYPE), *states = ARGUMENT(uint8_t, A_STATE),
                  *flags = ARGUMENT(uint8_t, A_FLAGS), *sources = ARGUMENT(uint8_t, A_SOURCE);
    const int64_t *sizes = ARGUMENT(int64_t, A_SIZE), *allocated = ARGUMENT(int64_t, A_ALLOCATED),
                  *accessed = ARGUMENT(int64_t, A_ACCESSED), *modified = ARGUMENT(int64_t, A_MTIME);
    uint64_t *known = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(in, A_ACCESSED));
    struct inv_tally *whole, part;

    if (n == 0) {
        return;
    }
    whole =
        (struct inv_tally *)inv_lent(inv, ARGUMENT(uint64_t, A_SLOT)[0]); /* lent to be changed */
    if (whole == NULL) {
        duckdb_scalar_function_set_error(info, "no such slot");
        return;
    }
    memset(&part, 0, sizeof(part));
    part.now_ns = whole->now_ns;
    part.block_bytes = whole->block_bytes;
    for (idx_t i = 0; i < n; i++) {
        struct tally_row r = {states[i],    flags[i],    sources[i], sizes[i],
                              allocated[i], accessed[i], modified[i]};

        result[i] = 1;
        if (known != NULL && !duckdb_validity_row_is_valid(known, i)) {
            r.accessed_ns = RULE_TIME_UNKNOWN;
        }
        if (types[i] == PORT_T_FILE) {
            tally_file(&part, &r);
        } else if (types[i] == PORT_T_FOLDER) {
            part.got.totals.folders++;
        } else {
            part.got.totals.others++;
        }
    }
    add_tally(whole, &part.got);
}

int
inv_tally_register(struct inventory *inv, struct inv_conn *c)
{
    static const duckdb_type types[A_COUNT] = {
        [A_SLOT] = DUCKDB_TYPE_UBIGINT,     [A_TYPE] = DUCKDB_TYPE_UTINYINT,
        [A_STATE] = DUCKDB_TYPE_UTINYINT,   [A_FLAGS] = DUCKDB_TYPE_UTINYINT,
        [A_SOURCE] = DUCKDB_TYPE_UTINYINT,  [A_SIZE] = DUCKDB_TYPE_BIGINT,
        [A_ALLOCATED] = DUCKDB_TYPE_BIGINT, [A_ACCESSED] = DUCKDB_TYPE_BIGINT,
        [A_MTIME] = DUCKDB_TYPE_BIGINT};

    return inv_register_scalar(inv, c, "alto_tally", types, AL_LEN(types), DUCKDB_TYPE_BIGINT,
                               INV_SEES_NULLS | INV_COUNTS_CALLS, tally_function);
}

static int
buckets(const struct inv_counts *c, const int64_t *borders, size_t borders_count,
        struct al_arena *arena, struct inventory_bucket **ret, size_t *ret_count)
{
    struct inventory_bucket *b = al_arena_alloc(arena, (borders_count + 1) * sizeof(*b));

    if (b == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i <= borders_count; i++) {
        b[i] = (struct inventory_bucket){.from = i > 0 ? borders[i - 1] : 0,
                                         .to = i < borders_count ? borders[i] : INT64_MAX,
                                         .files = c[i].files,
                                         .bytes = c[i].bytes,
                                         .stub_files = c[i].stub_files,
                                         .stub_bytes = c[i].stub_bytes};
    }
    *ret = b;
    *ret_count = borders_count + 1;
    return AL_OK;
}

int
inv_tally_ages(const struct inv_counts *c, struct al_arena *arena, struct inventory_bucket **ret,
               size_t *ret_count)
{
    return buckets(c, age_borders, AL_LEN(age_borders), arena, ret, ret_count);
}

int
inv_tally_sizes(const struct inv_counts *c, struct al_arena *arena, struct inventory_bucket **ret,
                size_t *ret_count)
{
    return buckets(c, size_borders, AL_LEN(size_borders), arena, ret, ret_count);
}
