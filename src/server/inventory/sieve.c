/* A sieve for entries: bits of the folders and of the names that a batch tells of. DuckDB asks it for one column after the
 * other while it reads a table, and of blocks in which nothing passes it unpacks nothing more. What passes need not be
 * told of; what is told of passes. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define BITS_A_NAME 32u /* one row of thirty that are not told of passes by its name */
#define BITS_LEAST 4096u
#define ASKED_AT_ONCE 64u

void
inv_sieve_end(struct inv_sieve *s)
{
    al_free(s->folders);
    al_free(s->names);
    s->folders = s->names = NULL;
}

int
inv_sieve_begin(struct inv_sieve *s, uint64_t folders, uint64_t rows)
{
    uint64_t bits = BITS_LEAST;

    while (bits / BITS_A_NAME < rows) {
        bits *= 2;
    }
    s->count = folders;
    s->mask = bits - 1;
    s->folders = al_array((size_t)(folders / 64 + 1), sizeof(*s->folders));
    s->names = al_array((size_t)(bits / 64), sizeof(*s->names));
    return s->folders != NULL && s->names != NULL ? AL_OK : AL_ENOMEM;
}

static void
set(uint64_t *map, uint64_t bit)
{
    map[bit / 64] |= UINT64_C(1) << (bit & 63);
}

static bool
is_set(const uint64_t *map, uint64_t bit)
{
    return (map[bit / 64] >> (bit & 63) & 1) != 0;
}

void
inv_sieve_add(struct inv_sieve *s, uint64_t folder, struct al_span name)
{
    if (folder <= s->count) {
        set(s->folders, folder);
    }
    set(s->names, al_xxh64(name.at, name.len, 0) & s->mask);
}

struct asked {
    const struct inv_sieve *sieve;
    void *column;
    const uint64_t *valid; /* NULL: all are */
    idx_t count;           /* 0: nothing is asked */
};

/* Of a column that lies on disk as a dictionary DuckDB may ask for the dictionary in place of the rows. That has an entry
 * for NULL, which is no string, also where no row is NULL. */
static bool
is_value(const struct asked *a, idx_t i)
{
    return a->valid == NULL || (a->valid[i / 64] >> (i % 64) & 1) != 0;
}

static struct asked
asked_of(duckdb_function_info info, duckdb_data_chunk in)
{
    struct inventory *inv = duckdb_scalar_function_get_extra_info(info);
    const uint64_t *slots = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 0));
    duckdb_vector column = duckdb_data_chunk_get_vector(in, 1);
    struct asked a = {.count = duckdb_data_chunk_get_size(in)};

    if (a.count > 0) {
        a.sieve = inv_lent(inv, slots[0]);
        a.column = duckdb_vector_get_data(column);
        a.valid = duckdb_vector_get_validity(column);
    }
    if (a.count > 0 && a.sieve == NULL) {
        duckdb_scalar_function_set_error(info, "no such slot");
        a.count = 0;
    }
    return a;
}

/* alto_told_folder(slot, folder): whether some row told of is in it. */
static void
folder_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    bool *result = duckdb_vector_get_data(out);
    struct asked a = asked_of(info, in);
    const uint32_t *folders = a.column;

    for (idx_t i = 0; i < a.count; i++) {
        result[i] =
            is_value(&a, i) && folders[i] <= a.sieve->count && is_set(a.sieve->folders, folders[i]);
    }
}

/* alto_told_name(slot, name): whether some row told of may have it. */
static void
name_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    bool *result = duckdb_vector_get_data(out);
    struct asked a = asked_of(info, in);
    duckdb_string_t *names = a.column;

    for (idx_t i = 0; i < a.count;) {
        uint64_t bits[ASKED_AT_ONCE];
        idx_t n = a.count - i < ASKED_AT_ONCE ? a.count - i : ASKED_AT_ONCE;

        for (idx_t k = 0; k < n; k++) {
            bits[k] = is_value(&a, i + k) ? al_xxh64(duckdb_string_t_data(&names[i + k]),
                                                     duckdb_string_t_length(names[i + k]), 0) &
                                                a.sieve->mask
                                          : 0;
            __builtin_prefetch(&a.sieve->names[bits[k] / 64]);
        }
        for (idx_t k = 0; k < n; k++, i++) {
            result[i] = is_set(a.sieve->names, bits[k]);
        }
    }
}

int
inv_sieve_register(struct inventory *inv, struct inv_conn *c)
{
    static const duckdb_type folder[] = {DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UINTEGER};
    static const duckdb_type name[] = {DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_BLOB};
    int rc = inv_register_scalar(inv, c, "alto_told_folder", folder, AL_LEN(folder),
                                 DUCKDB_TYPE_BOOLEAN, 0, folder_function);

    return rc < 0 ? rc
                  : inv_register_scalar(inv, c, "alto_told_name", name, AL_LEN(name),
                                        DUCKDB_TYPE_BOOLEAN, 0, name_function);
}
