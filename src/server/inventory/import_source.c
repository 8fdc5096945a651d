/* What DuckDB calls for an import: two tables of a CSV file, a function of a Parquet file's rows, the folders
 * that no row speaks of, and a count of what a statement did. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/import_priv.h"

#define SEEN_ROWS 2048u

static struct import_job *
job_at(struct inventory *inv, uint64_t slot)
{
    return (struct import_job *)inv_lent(inv, slot); /* lent by the import, which may change it */
}

static void
reader_free(void *mem)
{
    import_reader_end(mem);
    al_free(mem);
}

static void
local_init(duckdb_init_info info)
{
    struct import_reader *r = al_zalloc(sizeof(*r));

    if (r == NULL || import_reader_begin(r) < 0) {
        if (r != NULL) {
            reader_free(r);
        }
        duckdb_init_set_error(info, "out of memory");
        return;
    }
    duckdb_init_set_init_data(info, r, reader_free);
}

static void
pieces_init(duckdb_init_info info)
{
    const struct import_job *j = duckdb_init_get_bind_data(info);

    duckdb_init_set_max_threads(info,
                                j->one_after_the_other && !j->second ? 1 : j->piece_count + 1);
}

/* ---- alto_import_check: the first pass; a row a piece ---- */

static void
check_bind(duckdb_bind_info info)
{
    if (inv_bind_lent(info) != NULL) {
        inv_add_column(info, "piece", DUCKDB_TYPE_UBIGINT);
    }
}

static void
check_function(duckdb_function_info info, duckdb_data_chunk out)
{
    struct import_job *j = duckdb_function_get_bind_data(info);
    struct import_reader *r = duckdb_function_get_local_init_data(info);
    uint64_t *piece = duckdb_vector_get_data(duckdb_data_chunk_get_vector(out, 0));
    bool end = true;

    if (import_first_pass(j, r, &end) < 0) {
        duckdb_function_set_error(info, "the list cannot be read");
        return;
    }
    if (!end) {
        piece[0] = r->piece;
    }
    duckdb_data_chunk_set_size(out, end ? 0 : 1);
}

/* ---- alto_import: the second pass ---- */

static void
rows_bind(duckdb_bind_info info)
{
    const struct import_job *j = inv_bind_lent(info);

    for (int i = 0; j != NULL && i < IMPORT_COLUMNS_OUT; i++) {
        inv_add_column(info, import_out_columns[i].name, import_out_columns[i].type);
    }
    if (j != NULL) {
        duckdb_bind_set_cardinality(info, j->counts.rows, false);
    }
}

static duckdb_vector
chunk_vector(void *ctx, uint64_t i)
{
    return duckdb_data_chunk_get_vector(ctx, i);
}

static void
count_row(struct import_counts *c, const struct import_entry *e)
{
    if (e->type == PORT_T_FOLDER) {
        c->folders++;
    } else if (e->type == PORT_T_FILE) {
        c->files++;
        c->bytes = e->row->size > INT64_MAX - c->bytes ? INT64_MAX : c->bytes + e->row->size;
    } else {
        c->others++;
    }
}

static void
add_counts(struct import_job *j, const struct import_counts *c)
{
    port_mutex_lock(&j->lock);
    j->counts.files += c->files;
    j->counts.folders += c->folders;
    j->counts.others += c->others;
    j->counts.bytes =
        c->bytes > INT64_MAX - j->counts.bytes ? INT64_MAX : j->counts.bytes + c->bytes;
    port_mutex_unlock(&j->lock);
}

static void
rows_function(duckdb_function_info info, duckdb_data_chunk out)
{
    struct import_job *j = duckdb_function_get_bind_data(info);
    struct import_reader *r = duckdb_function_get_local_init_data(info);
    struct import_counts counts = {0};
    struct import_out o;
    uint64_t hashes[SEEN_ROWS];
    idx_t n = 0, most = duckdb_vector_size() < SEEN_ROWS ? duckdb_vector_size() : SEEN_ROWS;
    int rc = AL_OK;

    import_out_begin(&o, chunk_vector, out);
    while (rc == AL_OK && n < most) {
        struct import_row row;
        struct import_entry e;
        uint64_t line;
        bool end = false;

        rc = import_next_row(j, r, &row, &line, &end);
        if (rc < 0 || end) {
            break;
        }
        if (import_second_pass_row(j, &r->near, &row, line, &e)) {
            hashes[n] = import_seen_hash(&e);
            import_put(j, &o, n++, &e);
        }
        count_row(&counts, &e);
    }
    if (j->seen.slots != NULL) {
        import_seen_add(&j->seen, hashes, n);
    }
    import_out_gather(j, &o, n);
    if (rc < 0 || import_job_stops(j)) {
        duckdb_function_set_error(info, "the list cannot be read");
        return;
    }
    add_counts(j, &counts);
    duckdb_data_chunk_set_size(out, n);
}

/* ---- alto_import_made: folders in the way of rows that have no row of their own ---- */

static void
made_init(duckdb_init_info info)
{
    struct import_job *j = duckdb_init_get_bind_data(info);

    j->made = 2; /* behind the root */
    duckdb_init_set_max_threads(info, 1);
}

static void
made_function(duckdb_function_info info, duckdb_data_chunk out)
{
    static const struct import_row nothing = {.uid = IMPORT_NO_ID,
                                              .gid = IMPORT_NO_ID,
                                              .modified_ns = IMPORT_TIME_UNKNOWN,
                                              .accessed_ns = IMPORT_TIME_UNKNOWN,
                                              .created_ns = IMPORT_TIME_UNKNOWN,
                                              .changed_ns = IMPORT_TIME_UNKNOWN,
                                              .nlink = 1};
    struct import_job *j = duckdb_function_get_bind_data(info);
    const struct import_folders *f = &j->folders;
    const struct inv_tree *t = j->source.tree;
    struct import_out o;
    idx_t n = 0, most = duckdb_vector_size();

    import_out_begin(&o, chunk_vector, out);
    for (; n < most && j->made < f->count; j->made++) {
        const struct import_folder *at = &f->all[j->made];
        struct import_entry e = {.type = PORT_T_FOLDER, .row = &nothing};

        if (at->has_row) {
            continue;
        }
        e.folder = t->nodes[t->by_scan_id[at->parent]].id;
        e.name = (struct al_span){f->names + at->name_at, at->name_len};
        if (e.folder != 0) {
            import_put(j, &o, n++, &e);
        }
    }
    duckdb_data_chunk_set_size(out, n);
}

/* ---- alto_import_row: Parquet ---- */

struct near { /* one chunk's place; DuckDB gives scalar functions none of their own */
    struct import_folder_near near;
    uint8_t *scratch;
};

static void
near_end(struct near *n)
{
    import_near_end(&n->near);
    al_free(n->scratch);
}

static bool
is_valid(duckdb_vector v, idx_t i)
{
    uint64_t *valid = duckdb_vector_get_validity(v);

    return valid == NULL || duckdb_validity_row_is_valid(valid, i);
}

struct argument {
    duckdb_vector vector;
    void *data;
    bool number;
};

static void
values_at(const struct import_job *j, const struct argument *args, idx_t i, struct import_values *v)
{
    memset(v, 0, sizeof(*v));
    for (size_t a = 0; a < j->arg_count; a++) {
        enum import_field f = j->args[a];

        if (!is_valid(args[a].vector, i)) {
            continue;
        }
        if (args[a].number) {
            v->number[f] = ((int64_t *)args[a].data)[i];
            v->numbers |= 1u << f;
        } else {
            duckdb_string_t *s = &((duckdb_string_t *)args[a].data)[i];

            v->text[f] = (struct al_span){(const uint8_t *)duckdb_string_t_data(s),
                                          duckdb_string_t_length(*s)};
        }
    }
}

static int
refuse(struct import_job *j, const struct import_values *v, const struct import_refusal *why,
       uint64_t line)
{
    AL_CLEANUP(al_buf_free) struct al_buf held = {0};
    struct import_refused_line l = {.line = line, .reason = why->reason};
    char number[24];
    int rc;

    al_buf_init(&held, 65536);
    if (why->field < IMPORT_FIELDS) {
        l.column = import_field_name(why->field);
        l.text = v->text[why->field];
        if ((v->numbers & 1u << why->field) != 0) {
            (void)snprintf(number, sizeof(number), "%lld",
                           (long long)v->number[why->field]); /* fits */
            l.text = al_span_of(number);
        }
    }
    rc = import_refused_hold(&held, &l);
    if (rc == AL_OK) {
        rc = import_refused_add(&j->refused, 0, al_buf_span(&held), 1);
    }
    return rc < 0 ? import_job_fail(j, rc, "the list of refused rows cannot be written") : AL_OK;
}

static duckdb_vector
struct_vector(void *ctx, uint64_t i)
{
    return duckdb_struct_vector_get_child(ctx, i);
}

/* One chunk. First pass: whether a row is good; second: its entry, folder 0 where it has none. */
static int
chunk_rows(struct import_job *j, duckdb_data_chunk in, const struct argument *args,
           duckdb_vector out)
{
    AL_CLEANUP(near_end) struct near near = {0};
    const int64_t *number = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 1));
    idx_t n = duckdb_data_chunk_get_size(in);
    struct import_counts counts = {0};
    struct import_out o;
    uint64_t hashes[SEEN_ROWS];
    size_t seen = 0;
    bool *good;
    int rc = import_near_begin(&near.near);

    near.scratch = al_alloc(IMPORT_ROW_SCRATCH);
    if (rc < 0 || near.scratch == NULL) {
        return import_job_fail(j, AL_ENOMEM, "out of memory");
    }
    good = duckdb_vector_get_data(out);
    if (j->second) {
        import_out_begin(&o, struct_vector, out);
    }
    for (idx_t i = 0; rc == AL_OK && i < n; i++) {
        struct import_values values;
        struct import_row row = {0};
        struct import_refusal why;
        struct import_entry e = {.row = &row};
        bool taken;

        values_at(j, args, i, &values);
        taken = import_row_read(&j->judged, &values, near.scratch, &row, &why);
        if (!taken) {
            counts.refused++;
            rc = j->second ? AL_OK : refuse(j, &values, &why, (uint64_t)number[i] + 1);
            row = (struct import_row){0};
        } else if (!j->second) {
            rc = import_first_pass_row(j, &near.near, &row);
        } else {
            if (!import_second_pass_row(j, &near.near, &row, (uint64_t)number[i] + 1, &e)) {
                e.folder = 0;
            } else if (seen < SEEN_ROWS) {
                hashes[seen++] = import_seen_hash(&e);
            }
            count_row(&counts, &e);
        }
        if (j->second) {
            import_put(j, &o, i, &e);
        } else {
            good[i] = taken;
        }
    }
    if (j->second) {
        if (j->seen.slots != NULL) {
            import_seen_add(&j->seen, hashes, seen);
        }
        import_out_gather(j, &o, n);
        add_counts(j, &counts);
    } else {
        port_mutex_lock(&j->lock);
        j->counts.rows += n;
        j->counts.refused += counts.refused;
        port_mutex_unlock(&j->lock);
        __atomic_add_fetch(&j->rows_seen, n, __ATOMIC_RELAXED);
        __atomic_add_fetch(&j->refused_seen, counts.refused, __ATOMIC_RELAXED);
    }
    __atomic_add_fetch(&j->bytes_seen, n, __ATOMIC_RELAXED);
    return rc;
}

static void
row_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    const uint64_t *slot = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 0));
    struct import_job *j = NULL;
    struct argument args[IMPORT_FIELDS];

    if (duckdb_data_chunk_get_size(in) == 0) {
        return;
    }
    j = job_at(duckdb_scalar_function_get_extra_info(info), slot[0]);
    if (j == NULL || duckdb_data_chunk_get_column_count(in) != j->arg_count + 2) {
        duckdb_scalar_function_set_error(info, "no such slot");
        return;
    }
    for (size_t a = 0; a < j->arg_count; a++) {
        duckdb_logical_type type;

        args[a].vector = duckdb_data_chunk_get_vector(in, a + 2);
        args[a].data = duckdb_vector_get_data(args[a].vector);
        type = duckdb_vector_get_column_type(args[a].vector);
        args[a].number = duckdb_get_type_id(type) == DUCKDB_TYPE_BIGINT;
        duckdb_destroy_logical_type(&type);
    }
    if (import_job_stops(j) || chunk_rows(j, in, args, out) < 0) {
        duckdb_scalar_function_set_error(info, "the list cannot be read");
    }
}

/* ---- alto_import_note: counts, and hands on its last argument ---- */

static void
note_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    const uint64_t *slot = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 0));
    const uint8_t *code = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 1));
    const uint8_t *value = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 2));
    uint8_t *to = duckdb_vector_get_data(out);
    idx_t n = duckdb_data_chunk_get_size(in);
    uint64_t counts[8] = {0};
    struct import_job *j =
        n > 0 ? job_at(duckdb_scalar_function_get_extra_info(info), slot[0]) : NULL;

    for (idx_t i = 0; i < n; i++) {
        counts[code[i] & 7]++;
        to[i] = value[i];
    }
    for (size_t k = 0; j != NULL && k < AL_LEN(counts); k++) {
        __atomic_add_fetch(&j->noted[k], counts[k], __ATOMIC_RELAXED);
    }
}

/* ---- registering ---- */

static duckdb_logical_type
row_type(void)
{
    duckdb_logical_type types[IMPORT_COLUMNS_OUT], all;
    const char *names[IMPORT_COLUMNS_OUT];

    for (size_t i = 0; i < IMPORT_COLUMNS_OUT; i++) {
        types[i] = duckdb_create_logical_type(import_out_columns[i].type);
        names[i] = import_out_columns[i].name;
    }
    all = duckdb_create_struct_type(types, names, IMPORT_COLUMNS_OUT);
    for (size_t i = 0; i < IMPORT_COLUMNS_OUT; i++) {
        duckdb_destroy_logical_type(&types[i]);
    }
    return all;
}

int
inv_imports_register(struct inventory *inv, struct inv_conn *c)
{
    static const duckdb_type row[] = {DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_BIGINT};
    static const duckdb_type note[] = {DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UTINYINT,
                                       DUCKDB_TYPE_UTINYINT};
    const unsigned how = INV_SEES_NULLS | INV_COUNTS_CALLS;
    int rc = inv_register_table(inv, c, "alto_import_check", check_bind, pieces_init, local_init, check_function);

    if (rc == AL_OK) {
        rc = inv_register_table(inv, c, "alto_import", rows_bind, pieces_init, local_init, rows_function);
    }
    if (rc == AL_OK) {
        rc = inv_register_table(inv, c, "alto_import_made", rows_bind, made_init, local_init, made_function);
    }
    if (rc == AL_OK) {
        rc = inv_register_scalar(inv, c, "alto_import_good", row, AL_LEN(row), DUCKDB_TYPE_BOOLEAN,
                                 how | INV_ANY_MORE, row_function);
    }
    if (rc == AL_OK) {
        rc = inv_register_scalar_to(inv, c, "alto_import_row", row, AL_LEN(row), row_type(),
                                    how | INV_ANY_MORE, row_function);
    }
    return rc < 0
               ? rc
               : inv_register_scalar(inv, c, "alto_import_note", note, AL_LEN(note),
                                     DUCKDB_TYPE_UTINYINT, how, note_function);
}
