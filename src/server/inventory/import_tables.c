/* What lies beside the entries: folders with their sums, owners, the import's own result; and the change of
 * places. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/import_priv.h"

static int
add_owners(struct import_build *b)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    const struct import_owners *o = &b->job->owners;
    int rc = inv_append_begin(b->u, "owner", &a);

    for (uint32_t i = 1; rc == AL_OK && i < o->count; i++) {
        duckdb_state bad = DuckDBSuccess;

        if (!o->all[i].is_new) {
            continue;
        }
        bad |= duckdb_append_uint32(a.a, o->all[i].uid);
        bad |= duckdb_append_blob(a.a, o->names + o->all[i].name_at, o->all[i].name_len);
        rc = inv_append_row(&a, bad);
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

/* ---- imports that are in ---- */

int
import_known_result(struct inv_use *u, const char *import_id, bool *ret_is,
                    struct import_result *ret)
{
    INV_ROWS(rows);
    char sql[512];
    bool end = true;
    uint64_t *to[] = {&ret->rows,     &ret->refused, &ret->files,       &ret->folders,
                      &ret->others,   &ret->bytes,   &ret->added,       &ret->replaced,
                      &ret->evidence, &ret->removed, &ret->folders_made};
    int rc;

    *ret_is = false;
    snprintf(sql, sizeof(sql),
             "SELECT n_rows, refused, files, folders, others, bytes, added, replaced, evidence, "
             "removed, folders_made FROM "
             "\"v_%s\".import WHERE id = '%s'",
             u->volume->id, import_id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    for (unsigned i = 0; rc == AL_OK && !end && i < AL_LEN(to); i++) {
        *to[i] = (uint64_t)inv_num(&rows, i);
    }
    *ret_is = rc == AL_OK && !end;
    return rc;
}

static int
keep_result(struct import_build *b, const char *import_id, int64_t now_ns)
{
    const char *id = b->u->volume->id;
    const struct import_result *r = b->result;
    const uint64_t numbers[] = {r->rows,     r->refused, r->files,       r->folders,
                                r->others,   r->bytes,   r->added,       r->replaced,
                                r->evidence, r->removed, r->folders_made};
    INV_SQL(sql);

    /* It began at now_ns; a scan that ended since is older than what it brings. */
    inv_put(&sql,
            "INSERT INTO \"n_%s\".import VALUES ('%s', greatest(%lld, (SELECT last_scan_ns FROM "
            "\"n_%s\".meta))",
            id, import_id, (long long)now_ns, id);
    for (size_t i = 0; i < AL_LEN(numbers); i++) {
        inv_put(&sql, ", %llu", (unsigned long long)numbers[i]);
    }
    inv_put(&sql, ")");
    return sql.rc < 0 ? sql.rc : inv_run(b->u->inv, b->u->conn, (char *)sql.text.at);
}

int
import_build_tables(struct import_build *b, const char *import_id, int64_t now_ns)
{
    struct inv_gather *g = &b->job->gather;
    int rc = inv_next_sum(b->u, b->job->source.tree, g);

    if (rc == AL_OK) {
        rc = inv_next_folders(b->u, b->job->source.tree);
    }
    if (rc == AL_OK) {
        rc = add_owners(b);
    }
    if (rc == AL_OK) {
        rc = inv_next_entries(b->u);
    }
    if (rc == AL_OK) {
        rc = inv_summaries_write(b->u, INV_NEXT, g);
    }
    return rc < 0 ? rc : keep_result(b, import_id, now_ns);
}
