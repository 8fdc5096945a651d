/* Lists without an end: DuckDB writes them, row after row, into a file beside the one asked for, which then
 * takes its place. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define PART ".part"

/* ---- functions: bytes and times as text ---- */

static struct al_span
blob_at(duckdb_data_chunk in, idx_t i)
{
    duckdb_string_t *s = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 0));

    return (struct al_span){(const uint8_t *)duckdb_string_t_data(&s[i]),
                            duckdb_string_t_length(s[i])};
}

/* alto_text(BLOB): as VARCHAR where it is UTF-8, else NULL; DuckDB's own way fails the whole query. */
static void
text_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    uint64_t *valid = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(in, 0));
    idx_t n = duckdb_data_chunk_get_size(in);

    duckdb_vector_ensure_validity_writable(out);
    for (idx_t i = 0; i < n; i++) {
        bool null = valid != NULL && !duckdb_validity_row_is_valid(valid, i);
        struct al_span s = null ? (struct al_span){NULL, 0} : blob_at(in, i);

        if (null || !al_utf8_valid(s)) {
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(out), i);
        } else {
            duckdb_vector_assign_string_element_len(out, i, (const char *)s.at, s.len);
        }
    }
}

/* alto_time(BIGINT): ns since 1970 as RFC 3339. */
static void
time_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    const int64_t *times = duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, 0));
    uint64_t *valid = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(in, 0));
    idx_t n = duckdb_data_chunk_get_size(in);
    char text[AL_TIME_TEXT_MAX];

    duckdb_vector_ensure_validity_writable(out);
    for (idx_t i = 0; i < n; i++) {
        if (valid != NULL && !duckdb_validity_row_is_valid(valid, i)) {
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(out), i);
        } else {
            al_time_text(times[i], text);
            duckdb_vector_assign_string_element(out, i, text);
        }
    }
}

int
inv_export_register(struct inventory *inv, struct inv_conn *c)
{
    static const duckdb_type blob[] = {DUCKDB_TYPE_BLOB}, number[] = {DUCKDB_TYPE_BIGINT};
    int rc = inv_register_scalar(inv, c, "alto_text", blob, 1, DUCKDB_TYPE_VARCHAR, INV_SEES_NULLS,
                                 text_function);

    return rc < 0 ? rc
                  : inv_register_scalar(inv, c, "alto_time", number, 1, DUCKDB_TYPE_VARCHAR,
                                        INV_SEES_NULLS, time_function);
}

/* ---- the query ---- */

static void
put_names(struct inv_sql *sql, const char *column, const char *(*name)(unsigned i), unsigned count,
          const char *as)
{
    inv_put(sql, "CASE %s", column);
    for (unsigned i = 0; i < count; i++) {
        inv_put(sql, " WHEN %u THEN '%s'", i, name(i));
    }
    inv_put(sql, " END AS %s, ", as);
}

static const char *
type_name(unsigned i)
{
    return i == PORT_T_FILE      ? "file"
           : i == PORT_T_FOLDER  ? "folder"
           : i == PORT_T_SYMLINK ? "link"
                                 : "other";
}

static const char *
source_name(unsigned i)
{
    return inventory_source_name((enum inventory_source)i);
}

static const char *
state_name(unsigned i)
{
    return rule_state_name((enum rule_state)i);
}

/* Parquet has times of its own; in CSV they are the API's. */
static void
put_time(struct inv_sql *sql, const struct inventory_export_query *q, const char *column,
         const char *as)
{
    inv_put(sql, "%s(%s) AS %s, ",
            q->format == INVENTORY_EXPORT_PARQUET ? "make_timestamp_ns" : "alto_time", column, as);
}

/* A name that a spreadsheet would take for a formula has an apostrophe before it, which an import
 * takes off again. No other column can begin like one: a path begins with a slash. */
static void
put_owner(struct inv_sql *sql, const struct inventory_export_query *q)
{
    static const char name[] = "coalesce(alto_text(owner_name), nullif(uid, 4294967295)::VARCHAR)";

    if (q->format == INVENTORY_EXPORT_PARQUET) {
        inv_put(sql, "%s AS owner, ", name);
    } else {
        inv_put(sql,
                "CASE WHEN substr(%s, 1, 1) IN ('=', '+', '-', '@', chr(9), chr(13)) THEN '''' "
                "ELSE '' END || %s AS owner, ",
                name, name);
    }
}

/* The columns over c.*, g (its folder), w (its owner). */
static void
put_columns(struct inv_sql *sql, const struct inventory_export_query *q, const struct inv_plan *p)
{
    inv_put(sql, "SELECT alto_text(bytes) AS path, CASE WHEN alto_text(bytes) IS NULL THEN "
                 "to_base64(bytes) END AS path_b64, ");
    put_names(sql, "type", type_name, PORT_T_BLOCK + 1, "type");
    inv_put(sql, "size, allocated, ");
    put_time(sql, q, "mtime_ns", "modified");
    put_time(sql, q, "accessed_ns", "accessed");
    put_names(sql, "source", source_name, INVENTORY_SOURCES, "accessed_source");
    put_time(sql, q, "btime_ns", "created");
    put_owner(sql, q);
    inv_put(sql, "to_base(mode & 4095, 8, 4) AS mode, attrs AS attributes, ino AS inode, nlink AS "
                 "links, ");
    put_names(sql, "state", state_name, RULE_S_COUNT, "state");
    inv_put(sql, "object_id, ");
    if (p != NULL) {
        inv_plan_put_reason(sql, p);
    } else {
        inv_put(sql, "NULL::VARCHAR");
    }
    inv_put(sql, " AS reason FROM (SELECT c.*, g.path || '/'::BLOB || c.name AS bytes, w.name AS "
                 "owner_name FROM ");
}

static void
put_copy(struct inv_sql *sql, struct inv_use *u, const struct inventory_export_query *q,
         const struct inv_plan *p, const struct inv_below *below, const char *path)
{
    const char *id = u->volume->id;

    inv_put(sql, "COPY (");
    put_columns(sql, q, p);
    if (p != NULL) {
        inv_plan_put(sql, p);
        inv_put(sql, " c");
    } else {
        inv_put(sql, "\"v_%s\".entry c", id);
    }
    inv_put(sql,
            " JOIN \"v_%s\".folder g ON g.id = c.folder LEFT JOIN \"v_%s\".owner w ON w.uid = "
            "c.uid WHERE ",
            id, id);
    if (p != NULL) {
        inv_put(sql, "%s)) TO '", q->refused ? "true" : "c.refusal IS NULL");
    } else {
        inv_put(sql, "c.folder BETWEEN %u AND %u)) TO '", below->id, below->last);
    }
    for (const char *at = path; *at != '\0'; at++) {
        inv_put(sql, *at == '\'' ? "''" : "%c", *at);
    }
    inv_put(sql, q->format == INVENTORY_EXPORT_PARQUET
                     ? "' (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
                     : "' (FORMAT csv, HEADER, FORCE_QUOTE (path, owner), USE_TMP_FILE false)");
}

/* Takes the place of what was there, for good. */
static int
put_in_place(struct inventory *inv, const char *part, const char *path)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {inv->port, NULL};
    int rc = port_open(inv->port, NULL, part, PORT_READ, 0, &file.file);

    if (rc == AL_OK) {
        rc = port_sync(inv->port, file.file);
    }
    return rc == AL_OK ? port_rename(inv->port, NULL, part, NULL, path, true) : rc;
}

static int
export_rows(struct inv_use *u, const struct inventory_export_query *q, const struct inv_plan *p,
            const struct inv_below *below, const char *path, int64_t *ret_rows)
{
    AL_CLEANUP(al_freep) char *part = al_alloc(strlen(path) + sizeof(PART));
    INV_SQL(sql);
    int rc;

    if (part == NULL) {
        return AL_ENOMEM;
    }
    snprintf(part, strlen(path) + sizeof(PART), "%s" PART, path);
    put_copy(&sql, u, q, p, below, part);
    rc = sql.rc < 0 ? sql.rc : inv_one(u->inv, u->conn, (char *)sql.text.at, ret_rows);
    if (rc == AL_OK) {
        rc = put_in_place(u->inv, part, path);
    }
    if (rc < 0 && port_unlink(u->inv->port, NULL, part) < 0) {
        al_log(u->inv->log, AL_LOG_DEBUG, "inventory: no part of an export to remove");
    }
    return rc;
}

int
inventory_export(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                 const struct inventory_export_query *q, const char *path, uint64_t *ret_rows)
{
    INV_USE(u);
    INV_PLAN(p);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    struct inv_below below = {1, UINT32_MAX};
    int64_t rows = 0;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    al_buf_init(&clean, INVENTORY_PATH_MAX);
    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK && q->plan != NULL) {
        rc = inv_plan_begin(&u, q->plan, &p);
    } else if (rc == AL_OK) {
        rc = inv_path_clean(q->folder, &clean);
        rc = rc == AL_EINVAL ? AL_ENODATA : rc;
        if (rc == AL_OK) {
            rc = inv_below_find(&u, al_buf_span(&clean), &below);
        }
    }
    if (rc == AL_OK) {
        rc = export_rows(&u, q, q->plan != NULL ? &p : NULL, &below, path, &rows);
    }
    if (rc == AL_OK && ret_rows != NULL) {
        *ret_rows = (uint64_t)rows;
    }
    return rc;
}
