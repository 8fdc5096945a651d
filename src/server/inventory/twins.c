/* Files of one name and one size. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define BITS_AN_ENTRY                                                                              \
    8u /* one row of eight that are alone is taken for one that is not, and found out by grouping */
#define MARKED_AT_ONCE 64u
#define BITS_LEAST 65536u
#define BITS_MOST (UINT64_C(1) << 32) /* 512 MiB a map; with more entries more rows are grouped */

void
inv_twins_end(struct inv_twins *t)
{
    al_free(t->once);
    al_free(t->again);
    t->once = t->again = NULL;
}

int
inv_twins_begin(struct inv_twins *t, uint64_t entries)
{
    uint64_t bits = BITS_LEAST;

    while (bits < BITS_MOST && bits / BITS_AN_ENTRY < entries) {
        bits *= 2;
    }
    t->mask = bits - 1;
    t->once = al_array((size_t)(bits / 64), sizeof(*t->once));
    t->again = al_array((size_t)(bits / 64), sizeof(*t->again));
    return t->once != NULL && t->again != NULL ? AL_OK : AL_ENOMEM;
}

struct alike {
    struct inv_twins *twins;
    duckdb_string_t *names;
    const int64_t *sizes;
    idx_t count;
};

static bool
alike_of(duckdb_function_info info, duckdb_data_chunk in, struct alike *ret)
{
    struct inventory *inv = duckdb_scalar_function_get_extra_info(info);
    const uint64_t *slots = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 0));

    ret->count = duckdb_data_chunk_get_size(in);
    if (ret->count == 0) {
        return false;
    }
    ret->twins = (struct inv_twins *)inv_lent(inv, slots[0]); /* lent to be changed */
    ret->names = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 1));
    ret->sizes = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 2));
    if (ret->twins == NULL) {
        duckdb_scalar_function_set_error(info, "no such slot");
        return false;
    }
    return true;
}

static uint64_t
bit_of(const struct inv_twins *t, const duckdb_string_t *name, int64_t size)
{
    duckdb_string_t *s = (duckdb_string_t *)name; /* only looked at */

    return al_xxh64(duckdb_string_t_data(s), duckdb_string_t_length(*s), (uint64_t)size) & t->mask;
}

/* The places in the map lie all over memory: asked for a few rows before they are needed. */
void
inv_twins_mark(struct inv_twins *t, const duckdb_string_t *names, const int64_t *sizes,
               const uint8_t *types, size_t count)
{
    uint64_t bits[MARKED_AT_ONCE];

    for (size_t i = 0; i < count;) {
        size_t n = 0;

        for (; i < count && n < MARKED_AT_ONCE; i++) {
            if (sizes[i] > 0 && (types == NULL || types[i] == PORT_T_FILE)) {
                bits[n] = bit_of(t, &names[i], sizes[i]);
                __builtin_prefetch(&t->once[bits[n++] / 64], 1);
            }
        }
        for (size_t k = 0; k < n; k++) {
            uint64_t one = UINT64_C(1) << (bits[k] & 63);
            uint64_t old = __atomic_fetch_or(&t->once[bits[k] / 64], one, __ATOMIC_RELAXED);

            if ((old & one) != 0) {
                __atomic_fetch_or(&t->again[bits[k] / 64], one, __ATOMIC_RELAXED);
            }
        }
    }
}

/* alto_once(slot, name, size): marks it; 1. */
static void
once_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    uint8_t *result = duckdb_vector_get_data(out);
    struct alike a;

    if (!alike_of(info, in, &a)) {
        return;
    }
    inv_twins_mark(a.twins, a.names, a.sizes, NULL, a.count);
    memset(result, 1, a.count);
}

/* alto_again(slot, name, size): whether it may have come twice. */
static void
again_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    bool *result = duckdb_vector_get_data(out);
    struct alike a;

    if (!alike_of(info, in, &a)) {
        return;
    }
    for (idx_t i = 0; i < a.count;) {
        uint64_t bits[MARKED_AT_ONCE];
        idx_t n = a.count - i < MARKED_AT_ONCE ? a.count - i : MARKED_AT_ONCE;

        for (idx_t k = 0; k < n; k++) {
            bits[k] = bit_of(a.twins, &a.names[i + k], a.sizes[i + k]);
            __builtin_prefetch(&a.twins->again[bits[k] / 64]);
        }
        for (idx_t k = 0; k < n; k++, i++) {
            uint64_t there = __atomic_load_n(&a.twins->again[bits[k] / 64], __ATOMIC_RELAXED);

            result[i] = (there >> (bits[k] & 63) & 1) != 0;
        }
    }
}

int
inv_twins_register(struct inventory *inv, struct inv_conn *c)
{
    static const duckdb_type types[] = {DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_BIGINT};
    int rc = inv_register_scalar(inv, c, "alto_once", types, AL_LEN(types), DUCKDB_TYPE_UTINYINT,
                                 INV_COUNTS_CALLS, once_function);

    return rc < 0 ? rc
                  : inv_register_scalar(inv, c, "alto_again", types, AL_LEN(types),
                                        DUCKDB_TYPE_BOOLEAN, INV_COUNTS_CALLS, again_function);
}

static int
mark_all(struct inv_use *u, unsigned slot, const char *where)
{
    char sql[512];
    int64_t rows = 0;

    snprintf(sql, sizeof(sql),
             "SELECT coalesce(sum(alto_once(%u::UBIGINT, name, size)), 0)::BIGINT FROM "
             "\"v_%s\".entry WHERE %s",
             slot, u->volume->id, where);
    return inv_one(u->inv, u->conn, sql, &rows);
}

static int
group(struct inv_use *u, char catalog, const char *into, unsigned slot, const char *where,
      size_t most, struct inv_rows *ret_rows)
{
    char sql[1024];

    snprintf(sql, sizeof(sql),
             "%sSELECT name, size, count(*)::BIGINT AS files, min(folder) AS folder FROM "
             "\"%c_%s\".entry WHERE %s AND alto_again(%u::UBIGINT, name, size) GROUP BY name, size "
             "HAVING count(*) > 1 ORDER BY (count(*) - 1)::HUGEINT * size DESC, name LIMIT %zu",
             into, catalog, u->volume->id, where, slot, most);
    return inv_query(u->inv, u->conn, sql, false, ret_rows);
}

#define IS_ONE "type = 1 AND size > 0"

int
inv_twins_find(struct inv_use *u, uint32_t first, uint32_t last, uint64_t entries, size_t most,
               struct inv_rows *ret_rows)
{
    AL_CLEANUP(inv_twins_end) struct inv_twins t = {0};
    char where[128];
    unsigned slot;
    int rc = inv_twins_begin(&t, entries);

    if (rc == AL_OK) {
        rc = inv_lend(u->inv, &t, &slot);
    }
    if (rc < 0) {
        return rc;
    }
    snprintf(where, sizeof(where), IS_ONE " AND folder BETWEEN %u AND %u", first, last);
    rc = mark_all(u, slot, where);
    if (rc == AL_OK) {
        rc = group(u, INV_NOW, "", slot, where, most, ret_rows);
    }
    inv_take_back(u->inv, slot);
    return rc;
}

int
inv_twins_keep(struct inv_use *u, char catalog, const struct inv_twins *t)
{
    INV_ROWS(none);
    char into[128];
    unsigned slot;
    int rc = inv_lend(u->inv, t, &slot);

    if (rc < 0) {
        return rc;
    }
    snprintf(into, sizeof(into), "CREATE OR REPLACE TABLE \"%c_%s\".twin AS ", catalog,
             u->volume->id);
    rc = group(u, catalog, into, slot, IS_ONE, INV_TWINS_KEPT, &none);
    inv_take_back(u->inv, slot);
    return rc;
}
