/* Who used what, when: from a_touch; and the latest rows as they came. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/access_priv.h"

#define TOP_MAX 1000u

/* "hour BETWEEN ... AND used AND below the folder". */
static int
put_where(struct inv_sql *sql, struct al_span folder, int64_t from_ns, int64_t to_ns)
{
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    int64_t last = to_ns == INT64_MAX ? to_ns / INV_HOUR_NS : (to_ns - 1) / INV_HOUR_NS;
    int rc;

    al_buf_init(&clean, INVENTORY_PATH_MAX);
    rc = inv_path_clean(folder, &clean);
    if (rc < 0) {
        return rc;
    }
    inv_put(sql, " WHERE hour BETWEEN %lld AND %lld AND (reads > 0 OR writes > 0)",
            (long long)(from_ns / INV_HOUR_NS), (long long)last);
    if (clean.len > 0) {
        inv_put(sql, " AND path > ");
        inv_put_blob(sql, al_buf_span(&clean));
        inv_put(sql, " || '/'::BLOB AND path < ");
        inv_put_blob(sql, al_buf_span(&clean));
        inv_put(sql, " || '0'::BLOB"); /* '0' follows '/' */
    }
    return sql->rc;
}

/* What of a row its sum is of. A path's folder is what is left without its last part; the root is '/'. */
static const char *
what_sql(enum inventory_access_by by)
{
    switch (by) {
    case INVENTORY_BY_FOLDER:
        return "alto_folder_of(path)";
    case INVENTORY_BY_USER:
        return "\"user\"";
    case INVENTORY_BY_HOST:
        return "host";
    default:
        return "path";
    }
}

int
inventory_access_top(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, enum inventory_access_by by, struct al_span folder,
                     int64_t from_ns, int64_t to_ns, size_t max,
                     int (*fn)(void *ctx, const struct inventory_access_sum *s), void *ctx)
{
    INV_USE(u);
    INV_SQL(sql);
    INV_ROWS(rows);
    bool end = false;
    int rc;

    if (max == 0 || max > TOP_MAX || (unsigned)by > INVENTORY_BY_HOST || from_ns > to_ns) {
        return AL_EINVAL;
    }
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc < 0) {
        return rc;
    }
    inv_put(&sql,
            "SELECT %s AS what, " INV_SUM_SQL("reads") " AS r, " INV_SUM_SQL(
                "writes") " AS w, %s AS files, max(last_ns) FROM \"v_%s\".a_touch",
            what_sql(by), by == INVENTORY_BY_FILE ? "1::BIGINT" : "approx_count_distinct(path)",
            volume_id);
    rc = put_where(&sql, folder, from_ns, to_ns);
    inv_put(&sql, " GROUP BY what ORDER BY r::HUGEINT + w DESC, what LIMIT %zu", max);
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : inv_query(inv, u.conn, (char *)sql.text.at, false, &rows);
    }
    while (rc == AL_OK) {
        struct inventory_access_sum s;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        s = (struct inventory_access_sum){.what = inv_bytes(&rows, 0),
                                          .reads = (uint64_t)inv_num(&rows, 1),
                                          .writes = (uint64_t)inv_num(&rows, 2),
                                          .files = (uint64_t)inv_num(&rows, 3),
                                          .last_ns = inv_num(&rows, 4)};
        rc = fn(ctx, &s);
    }
    return rc;
}

int
inventory_access_hours(struct inventory *inv, const struct inventory_scope *scope,
                       const char *volume_id, struct al_span folder, int64_t from_ns, int64_t to_ns,
                       int (*fn)(void *ctx, int64_t hour_ns, uint64_t reads, uint64_t writes),
                       void *ctx)
{
    INV_USE(u);
    INV_SQL(sql);
    INV_ROWS(rows);
    bool end = false;
    int rc;

    if (from_ns > to_ns) {
        return AL_EINVAL;
    }
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc < 0) {
        return rc;
    }
    inv_put(&sql, "SELECT hour, " INV_SUM_SQL("reads") ", " INV_SUM_SQL(
                "writes") " FROM \"v_%s\".a_touch",
            volume_id);
    rc = put_where(&sql, folder, from_ns, to_ns);
    inv_put(&sql, " GROUP BY hour ORDER BY hour");
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : inv_query(inv, u.conn, (char *)sql.text.at, false, &rows);
    }
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = fn(ctx, inv_num(&rows, 0) * INV_HOUR_NS, (uint64_t)inv_num(&rows, 1),
                (uint64_t)inv_num(&rows, 2));
    }
    return rc;
}

static void
read_event(const struct inv_rows *r, struct inventory_access_event *e)
{
    *e = (struct inventory_access_event){.number = (uint64_t)inv_num(r, 0),
                                         .arrived_ns = inv_num(r, 1),
                                         .row = {.kind = (enum inventory_access_kind)inv_num(r, 2),
                                                 .path = inv_bytes(r, 3),
                                                 .target = inv_bytes(r, 4),
                                                 .time_ns = inv_num(r, 5),
                                                 .modified_ns = inv_num(r, 6),
                                                 .reads = (uint64_t)inv_num(r, 7),
                                                 .writes = (uint64_t)inv_num(r, 8),
                                                 .user = inv_bytes(r, 9),
                                                 .host = inv_bytes(r, 10),
                                                 .node = inv_bytes(r, 11),
                                                 .has_stat = inv_num(r, 12) != 0,
                                                 .type = (enum port_type)inv_num(r, 13),
                                                 .size = (uint64_t)inv_num(r, 14),
                                                 .allocated = (uint64_t)inv_num(r, 15),
                                                 .mtime_ns = inv_num(r, 16),
                                                 .ctime_ns = inv_num(r, 17),
                                                 .btime_ns = inv_num(r, 18),
                                                 .mode = (uint32_t)inv_num(r, 19),
                                                 .uid = (uint32_t)inv_num(r, 20),
                                                 .gid = (uint32_t)inv_num(r, 21),
                                                 .nlink = (uint32_t)inv_num(r, 22)}};
}

/* The path of either end is at or below it. */
static int
put_below(struct inv_sql *sql, struct al_span path)
{
    static const char *const columns[] = {"path", "target"};
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    int rc;

    al_buf_init(&clean, INVENTORY_PATH_MAX);
    rc = inv_path_clean(path, &clean);
    if (rc < 0 || clean.len == 0) {
        return rc;
    }
    for (size_t i = 0; i < AL_LEN(columns); i++) {
        inv_put(sql, "%s%s = ", i == 0 ? " AND (" : " OR ", columns[i]);
        inv_put_blob(sql, al_buf_span(&clean));
        inv_put(sql, " OR (%s > ", columns[i]);
        inv_put_blob(sql, al_buf_span(&clean));
        inv_put(sql, " || '/'::BLOB AND %s < ", columns[i]);
        inv_put_blob(sql, al_buf_span(&clean));
        inv_put(sql, " || '0'::BLOB)");
    }
    inv_put(sql, ")");
    return sql->rc;
}

int
inventory_access_recent(struct inventory *inv, const struct inventory_scope *scope,
                        const char *volume_id, struct al_span path, uint64_t after, uint64_t before,
                        size_t max, int (*fn)(void *ctx, const struct inventory_access_event *e),
                        void *ctx)
{
    INV_USE(u);
    INV_SQL(sql);
    INV_ROWS(rows);
    bool end = false;
    int rc;

    if (max == 0 || max > TOP_MAX || after > INT64_MAX || before > INT64_MAX) {
        return AL_EINVAL;
    }
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc < 0) {
        return rc;
    }
    inv_put(&sql, "SELECT * FROM \"v_%s\".a_recent WHERE number > %llu", volume_id,
            (unsigned long long)after);
    if (before > 0) {
        inv_put(&sql, " AND number < %llu", (unsigned long long)before);
    }
    rc = put_below(&sql, path);
    inv_put(&sql, " ORDER BY number DESC LIMIT %zu", max);
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : inv_query(inv, u.conn, (char *)sql.text.at, false, &rows);
    }
    while (rc == AL_OK) {
        struct inventory_access_event e;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        read_event(&rows, &e);
        rc = fn(ctx, &e);
    }
    return rc;
}

/* ---- pins ---- */

int
inventory_pinned(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                 struct al_span path, bool *ret)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    INV_SQL(sql);
    int64_t pins = 0;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc < 0) {
        return rc;
    }
    al_buf_init(&clean, INVENTORY_PATH_MAX);
    rc = inv_path_clean(path, &clean);
    if (rc < 0) {
        return rc;
    }
    inv_put(&sql, "SELECT count(*) FROM " INV_PINNED_SQL " WHERE now_path = ", u.volume->id);
    inv_put_blob(&sql, al_buf_span(&clean));
    inv_put(&sql, " OR (now_path || '/'::BLOB <= ");
    inv_put_blob(&sql, al_buf_span(&clean));
    inv_put(&sql, " AND now_path || '0'::BLOB > "); /* '0' follows '/' */
    inv_put_blob(&sql, al_buf_span(&clean));
    inv_put(&sql, ")");
    rc = sql.rc < 0 ? sql.rc : inv_one(inv, u.conn, (char *)sql.text.at, &pins);
    if (rc == AL_OK) {
        *ret = pins > 0;
    }
    return rc;
}
