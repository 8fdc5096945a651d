/* Files of one name and one size. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define BITS_AN_ENTRY                                                                              \
    8u /* one row of eight that are alone is taken for one that is not, and found out by grouping */
#define BITS_LEAST 65536u
#define BITS_MOST (UINT64_C(1) << 32) /* 512 MiB a map; with more entries more rows are grouped */

static void
twins_end(struct inv_twins *t)
{
    al_free(t->once);
    al_free(t->again);
}

static int
twins_begin(struct inv_twins *t, uint64_t entries)
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
bit_of(const struct alike *a, idx_t i)
{
    return al_xxh64(duckdb_string_t_data(&a->names[i]), duckdb_string_t_length(a->names[i]),
                    (uint64_t)a->sizes[i]) &
           a->twins->mask;
}

/* alto_once(slot, name, size): marks it; how often it came before is counted up to one. */
static void
once_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    uint8_t *result = duckdb_vector_get_data(out);
    struct alike a;

    if (!alike_of(info, in, &a)) {
        return;
    }
    for (idx_t i = 0; i < a.count; i++) {
        uint64_t bit = bit_of(&a, i), one = UINT64_C(1) << (bit & 63);
        uint64_t old = __atomic_fetch_or(&a.twins->once[bit / 64], one, __ATOMIC_RELAXED);

        if ((old & one) != 0) {
            __atomic_fetch_or(&a.twins->again[bit / 64], one, __ATOMIC_RELAXED);
        }
        result[i] = (old & one) != 0;
    }
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
    for (idx_t i = 0; i < a.count; i++) {
        uint64_t bit = bit_of(&a, i);

        result[i] =
            (__atomic_load_n(&a.twins->again[bit / 64], __ATOMIC_RELAXED) >> (bit & 63) & 1) != 0;
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
two_passes(struct inv_use *u, char catalog, const char *into, unsigned slot, const char *where,
           size_t most, struct inv_rows *ret_rows)
{
    const char *id = u->volume->id;
    char sql[1024];
    int64_t came = 0;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT coalesce(sum(alto_once(%u::UBIGINT, name, size)), 0)::BIGINT FROM "
             "\"%c_%s\".entry WHERE %s",
             slot, catalog, id, where);
    rc = inv_one(u->inv, u->conn, sql, &came);
    if (rc < 0) {
        return rc;
    }
    snprintf(sql, sizeof(sql),
             "%sSELECT name, size, count(*)::BIGINT AS files, min(folder) AS folder FROM "
             "\"%c_%s\".entry WHERE %s AND alto_again(%u::UBIGINT, name, size) GROUP BY name, size "
             "HAVING count(*) > 1 ORDER BY (count(*) - 1)::HUGEINT * size DESC, name LIMIT %zu",
             into, catalog, id, where, slot, most);
    return inv_query(u->inv, u->conn, sql, false, ret_rows);
}

int
inv_twins_find(struct inv_use *u, char catalog, const char *into, uint32_t first, uint32_t last,
               uint64_t entries, size_t most, struct inv_rows *ret_rows)
{
    AL_CLEANUP(twins_end) struct inv_twins t = {0};
    char where[128];
    unsigned slot;
    int rc = twins_begin(&t, entries);

    if (rc == AL_OK) {
        rc = inv_lend(u->inv, &t, &slot);
    }
    if (rc < 0) {
        return rc;
    }
    snprintf(where, sizeof(where), "type = %d AND size > 0 AND folder BETWEEN %u AND %u",
             PORT_T_FILE, first, last);
    rc = two_passes(u, catalog, into, slot, where, most, ret_rows);
    inv_take_back(u->inv, slot);
    return rc;
}
