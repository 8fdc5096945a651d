/* Pages of a folder or of all below it, one file, totals. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

struct folder {
    uint32_t id, last;
};

/* Finds a folder by its clean path. AL_ENODATA: there is none. */
static int
find_folder(struct inv_use *u, struct al_span path, struct folder *ret)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = true;
    int rc;

    if (path.len == 0) {
        *ret = (struct folder){1, UINT32_MAX};
        return AL_OK;
    }
    inv_put(&sql, "SELECT id, last FROM \"v_%s\".folder WHERE path = ", u->volume->id);
    inv_put_blob(&sql, path);
    rc = sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ENODATA;
    }
    *ret = (struct folder){(uint32_t)inv_num(&rows, 0), (uint32_t)inv_num(&rows, 1)};
    return AL_OK;
}

/* One entry as rows of INV_ROW_COLUMNS and counts. */
static int
query_entry(struct inv_use *u, struct al_span path, struct inv_rows *ret)
{
    struct al_span name = rule_name_of(path);
    INV_SQL(sql);

    inv_put(&sql,
            "SELECT " INV_ROW_COLUMNS ", c_files, c_bytes FROM (SELECT e.*, f.path AS fpath, "
            "c.files AS c_files, c.bytes AS c_bytes "
            "FROM \"v_%s\".entry e JOIN \"v_%s\".folder f ON e.folder = f.id LEFT JOIN "
            "\"v_%s\".folder c ON c.parent = e.folder AND c.name = e.name "
            "WHERE f.path = ",
            u->volume->id, u->volume->id, u->volume->id);
    inv_put_blob(&sql, (struct al_span){path.at, path.len - name.len - 1});
    inv_put(&sql, " AND e.name = ");
    inv_put_blob(&sql, name);
    inv_put(&sql, ") LIMIT 1");
    return sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, ret);
}

/* The root has no entry of its own. */
static int
query_root(struct inv_use *u, struct inv_rows *ret)
{
    char sql[512];

    snprintf(sql, sizeof(sql),
             "SELECT path, name, %d, 0, flags, 0, 0, 0, 0, 0, 0, NULL::BIGINT, 0, 0, 0, 0, 1, 0, "
             "NULL::VARCHAR, files, bytes "
             "FROM \"v_%s\".folder WHERE parent = 0",
             PORT_T_FOLDER, u->volume->id);
    return inv_query(u->inv, u->conn, sql, false, ret);
}

int
inventory_stat(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               struct al_span path, inventory_row_fn *fn, void *ctx)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    INV_ROWS(rows);
    struct inventory_row row;
    bool end = true;
    int rc;

    al_buf_init(&clean, INVENTORY_PATH_MAX);
    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc < 0) {
        return rc;
    }
    rc = inv_path_clean(path, &clean);
    if (rc < 0) {
        return rc == AL_EINVAL ? AL_ENODATA : rc;
    }
    rc = clean.len == 0 ? query_root(&u, &rows) : query_entry(&u, al_buf_span(&clean), &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ENODATA;
    }
    rc = inv_row(&rows, true, &scratch, &row);
    if (rc == AL_OK && clean.len == 0) {
        row.path.len = 1;
    }
    return rc < 0 ? rc : fn(ctx, &row);
}

/* ---- pages ---- */

/* A cursor is base64 of: one byte sort and direction, 8 bytes key, 4 bytes length of the folder's
 * path, that path, the name. */
struct place {
    int64_t key;
    struct al_span fpath, name;
};
#define CURSOR_HEAD 13u

static uint8_t
cursor_kind(const struct inventory_list_query *q)
{
    return (uint8_t)((unsigned)q->sort << 2 | (unsigned)q->descending << 1 |
                     (unsigned)q->recursive);
}

static int
cursor_write(const struct inventory_list_query *q, const struct place *p, struct al_arena *arena,
             char **ret)
{
    size_t len = CURSOR_HEAD + p->fpath.len + p->name.len;
    uint8_t *raw = al_arena_alloc(arena, len);
    char *text = al_arena_alloc(arena, 4 * ((len + 2) / 3) + 1);

    if (raw == NULL || text == NULL) {
        return AL_ENOMEM;
    }
    raw[0] = cursor_kind(q);
    al_put_u64(raw + 1, (uint64_t)p->key);
    al_put_u32(raw + 9, (uint32_t)p->fpath.len);
    if (p->fpath.len > 0) {
        memcpy(raw + CURSOR_HEAD, p->fpath.at, p->fpath.len);
    }
    memcpy(raw + CURSOR_HEAD + p->fpath.len, p->name.at, p->name.len);
    al_base64(raw, len, text);
    /* Fit for a URL as it is. */
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '.' : *c;
    }
    *ret = text;
    return AL_OK;
}

static int
cursor_read(const struct inventory_list_query *q, struct al_buf *raw, struct place *ret)
{
    char text[INVENTORY_CURSOR_MAX + 1];
    size_t len = strlen(q->cursor), path_len;

    if (len > INVENTORY_CURSOR_MAX) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i <= len; i++) {
        char c = q->cursor[i];

        text[i] = c == '-' ? '+' : c == '_' ? '/' : c == '.' ? '=' : c;
    }
    if (al_unbase64(text, len, raw) < 0 || raw->len < CURSOR_HEAD || raw->at[0] != cursor_kind(q)) {
        return AL_EINVAL;
    }
    path_len = al_get_u32(raw->at + 9);
    if (path_len > raw->len - CURSOR_HEAD) {
        return AL_EINVAL;
    }
    ret->key = (int64_t)al_get_u64(raw->at + 1);
    ret->fpath = (struct al_span){raw->at + CURSOR_HEAD, path_len};
    ret->name =
        (struct al_span){raw->at + CURSOR_HEAD + path_len, raw->len - CURSOR_HEAD - path_len};
    return AL_OK;
}

static const char *
sort_key(const struct inventory_list_query *q)
{
    switch (q->sort) {
    case INVENTORY_SORT_SIZE:
        return "size";
    case INVENTORY_SORT_MTIME:
        return "mtime_ns";
    case INVENTORY_SORT_ACCESSED:
        return "coalesce(accessed_ns, -9223372036854775807)";
    default:
        return NULL;
    }
}

/* Rows behind the cursor: (key, folder's path, name), each only where it is part of the order. */
static void
put_behind(struct inv_sql *sql, const struct inventory_list_query *q, const struct place *p)
{
    const char *key = sort_key(q), *cmp = q->descending ? "<" : ">";

    inv_put(sql, " AND (");
    if (key != NULL) {
        inv_put(sql, "%s %s '%lld'::BIGINT OR (%s = '%lld'::BIGINT AND (", key, cmp,
                (long long)p->key, key, (long long)p->key);
    }
    if (q->recursive) {
        inv_put(sql, "fpath %s ", cmp);
        inv_put_blob(sql, p->fpath);
        inv_put(sql, " OR (fpath = ");
        inv_put_blob(sql, p->fpath);
        inv_put(sql, " AND ");
    }
    inv_put(sql, "name %s ", cmp);
    inv_put_blob(sql, p->name);
    inv_put(sql, "%s%s)", q->recursive ? ")" : "", key != NULL ? "))" : "");
}

static void
put_order(struct inv_sql *sql, const struct inventory_list_query *q)
{
    const char *key = sort_key(q), *way = q->descending ? " DESC" : "";

    inv_put(sql, " ORDER BY ");
    if (key != NULL) {
        inv_put(sql, "%s%s, ", key, way);
    }
    if (q->recursive) {
        inv_put(sql, "fpath%s, ", way);
    }
    inv_put(sql, "name%s", way);
}

/* name contains: as a glob, each byte that means something there escaped. */
static void
put_search(struct inv_sql *sql, struct al_span search)
{
    AL_CLEANUP(al_buf_free) struct al_buf glob = {0};
    int rc;

    al_buf_init(&glob, 1u << 20);
    rc = al_buf_adds(&glob, "*");
    for (size_t i = 0; rc == AL_OK && i < search.len; i++) {
        if (strchr("*?[\\", search.at[i]) != NULL && search.at[i] != 0) {
            rc = al_buf_adds(&glob, "\\");
        }
        if (rc == AL_OK) {
            rc = al_buf_add(&glob, &search.at[i], 1);
        }
    }
    if (rc == AL_OK) {
        rc = al_buf_adds(&glob, "*");
    }
    if (rc < 0) {
        sql->rc = sql->rc < 0 ? sql->rc : rc;
        return;
    }
    inv_put(sql, " AND alto_glob(name, ");
    inv_put_blob(sql, al_buf_span(&glob));
    inv_put(sql, ", 1::UTINYINT)");
}

/* Everything from FROM to the end of WHERE, but the cursor. */
static void
put_rows(struct inv_sql *sql, struct inv_use *u, const struct inventory_list_query *q,
         const struct folder *f, const struct inv_rule_sql *rule)
{
    const char *id = u->volume->id;

    inv_put(sql,
            " FROM (SELECT e.*, f.path AS fpath%s FROM \"v_%s\".entry e JOIN \"v_%s\".folder f ON "
            "e.folder = f.id%s",
            rule->text != NULL ? ", f.path || '/'::BLOB || e.name AS path, w.name AS owner" : "",
            id, id, rule->text != NULL ? " LEFT JOIN " : "");
    if (rule->text != NULL) {
        inv_put(sql, "\"v_%s\".owner w ON w.uid = e.uid", id);
    }
    if (q->recursive) {
        inv_put(sql, " WHERE e.folder BETWEEN %u AND %u", f->id, f->last);
    } else {
        inv_put(sql, " WHERE e.folder = %u AND f.id = %u", f->id, f->id);
    }
    if (q->files_only) {
        inv_put(sql, " AND e.type <> %d", PORT_T_FOLDER);
    }
    if (q->state >= 0) {
        inv_put(sql, " AND e.state = %d", q->state);
    }
    inv_put(sql, ") WHERE true");
    if (q->search.len > 0) {
        put_search(sql, q->search);
    }
    if (rule->text != NULL) {
        inv_put(sql, " AND ");
        inv_put_text(sql, rule->text);
    }
}

static int
read_total(struct inv_use *u, const struct inventory_list_query *q, const struct folder *f,
           const struct inv_rule_sql *rule, uint64_t *ret)
{
    INV_SQL(sql);
    int64_t n = 0;
    int rc;

    inv_put(&sql, "SELECT count(*)");
    put_rows(&sql, u, q, f, rule);
    rc = sql.rc < 0 ? sql.rc : inv_one(u->inv, u->conn, (char *)sql.text.at, &n);
    if (rc == AL_OK) {
        *ret = (uint64_t)n;
    }
    return rc;
}

static int
page_query(struct inv_use *u, const struct inventory_list_query *q, const struct folder *f,
           const struct inv_rule_sql *rule, const struct place *from, struct inv_rows *ret)
{
    INV_SQL(sql);

    inv_put(&sql, "SELECT " INV_ROW_COLUMNS ", c_files, c_bytes FROM (SELECT p.*, c.files AS "
                  "c_files, c.bytes AS c_bytes FROM (SELECT *");
    put_rows(&sql, u, q, f, rule);
    if (from != NULL) {
        put_behind(&sql, q, from);
    }
    put_order(&sql, q);
    /* One more than asked tells whether there is a next page. */
    inv_put(&sql,
            " LIMIT %zu) p LEFT JOIN \"v_%s\".folder c ON c.parent = p.folder AND c.name = p.name)",
            q->limit + 1, u->volume->id);
    put_order(&sql, q);
    return sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, ret);
}

static int64_t
key_of(const struct inventory_list_query *q, const struct inventory_row *row)
{
    switch (q->sort) {
    case INVENTORY_SORT_SIZE:
        return (int64_t)row->size;
    case INVENTORY_SORT_MTIME:
        return row->mtime_ns;
    case INVENTORY_SORT_ACCESSED:
        return row->accessed_ns == RULE_TIME_UNKNOWN ? INT64_MIN + 1 : row->accessed_ns;
    default:
        return 0;
    }
}

static int
hand_page(struct inv_rows *rows, const struct inventory_list_query *q, inventory_row_fn *fn,
          void *ctx, struct al_arena *arena, char **ret_cursor)
{
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    struct inventory_row row;
    char *cursor = NULL;
    bool end = false;
    int rc = AL_OK;

    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    for (size_t n = 0; rc == AL_OK; n++) {
        rc = inv_next(rows, &end);
        if (rc < 0 || end || n == q->limit) {
            break;
        }
        rc = inv_row(rows, true, &scratch, &row);
        if (rc == AL_OK && n + 1 == q->limit) {
            struct place p = {key_of(q, &row),
                              {row.path.at, q->recursive ? row.path.len - row.name.len - 1 : 0},
                              row.name};

            rc = cursor_write(q, &p, arena, &cursor);
        }
        if (rc == AL_OK) {
            rc = fn(ctx, &row);
        }
    }
    if (rc == AL_OK) {
        *ret_cursor = end ? NULL : cursor;
    }
    return rc;
}

/* Why a path is no folder: a file, or nothing at all. */
static int
no_folder(struct inv_use *u, struct al_span path, struct al_fail *fail)
{
    INV_ROWS(rows);
    bool end = true;
    int rc = query_entry(u, path, &rows);

    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0) {
        return rc;
    }
    return end ? al_fail_set(fail, AL_ENOENT, 0, "there is no such folder")
               : al_fail_set(fail, AL_ENOTDIR, 0, "this is a file, not a folder");
}

int
inventory_list(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               const struct inventory_list_query *q, inventory_row_fn *fn, void *ctx,
               struct al_arena *arena, struct inventory_page *ret, struct al_fail *fail)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    AL_CLEANUP(al_buf_free) struct al_buf raw = {0};
    AL_CLEANUP(inv_rule_sql_end) struct inv_rule_sql rule = {0};
    INV_ROWS(rows);
    struct inventory_page page = {0};
    struct folder folder = {0};
    struct place from;
    int rc;

    al_buf_init(&clean, INVENTORY_PATH_MAX);
    al_buf_init(&raw, INVENTORY_CURSOR_MAX);
    if (q->limit == 0 || q->limit > INVENTORY_PAGE_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "limit is 1 to %u", INVENTORY_PAGE_MAX);
    }
    if (q->cursor != NULL && cursor_read(q, &raw, &from) < 0) {
        return al_fail_set(fail, AL_EINVAL, 0, "the cursor does not belong to this list");
    }
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc < 0) {
        return rc;
    }
    rc = inv_path_clean(q->folder, &clean);
    if (rc < 0) {
        return rc == AL_EINVAL ? al_fail_set(fail, AL_ENOENT, 0, "there is no such folder") : rc;
    }
    rc = inv_begin(&u); /* folder and page from one state */
    if (rc == AL_OK) {
        rc = find_folder(&u, al_buf_span(&clean), &folder);
        rc = rc == AL_ENODATA ? no_folder(&u, al_buf_span(&clean), fail) : rc;
    }
    if (rc == AL_OK && q->rule != NULL) {
        rc = inv_rule_sql_make(inv, q->rule, q->now_ns, &rule);
    }
    if (rc == AL_OK && q->want_total) {
        rc = read_total(&u, q, &folder, &rule, &page.total);
    }
    if (rc == AL_OK) {
        rc = page_query(&u, q, &folder, &rule, q->cursor != NULL ? &from : NULL, &rows);
    }
    if (rc == AL_OK) {
        rc = hand_page(&rows, q, fn, ctx, arena, &page.next_cursor);
    }
    if (rc == AL_OK) {
        *ret = page;
    }
    return rc;
}

/* ---- totals ---- */

#define IS_STUB "type = 1 AND state = 1"

static int
read_totals(struct inv_use *u, struct inventory_totals *ret)
{
    INV_ROWS(rows);
    const char *id = u->volume->id;
    unsigned long long block = u->volume->block_bytes;
    struct inventory_totals t = {0};
    char sql[1536];
    bool end = true;
    int rc;

    snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FILTER (type = 1), count(*) FILTER (type = 2), "
        "count(*) FILTER (type NOT IN (1, 2)), " INV_SUM_IF("size", "type = 1") ", " INV_SUM_IF(
            "allocated", "type = 1") ", count(*) FILTER (" IS_STUB
                                     "), " INV_SUM_IF("size", IS_STUB) ", " INV_SUM_IF(
                                         "greatest(" INV_ROUNDED " - allocated, 0)",
                                         IS_STUB) ", "
                                                  "(SELECT count(*) FROM \"v_%s\".folder WHERE "
                                                  "flags & 1 <> 0), (SELECT last_scan_ns "
                                                  "FROM \"v_%s\".meta), "
                                                  "(SELECT last_scan_id FROM \"v_%s\".meta), "
                                                  "(SELECT count(*) FROM \"v_%s\".folder "
                                                  "WHERE parent = 0) FROM \"v_%s\".entry",
        block - 1, block, block, id, id, id, id, id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    t.files = (uint64_t)inv_num(&rows, 0);
    t.folders = (uint64_t)(inv_num(&rows, 1) + inv_num(&rows, 11)); /* the root has no entry */
    t.others = (uint64_t)inv_num(&rows, 2);
    t.bytes = (uint64_t)inv_num(&rows, 3);
    t.allocated = (uint64_t)inv_num(&rows, 4);
    t.stub_files = (uint64_t)inv_num(&rows, 5);
    t.stub_bytes = (uint64_t)inv_num(&rows, 6);
    t.freed_bytes = (uint64_t)inv_num(&rows, 7);
    t.unreadable = (uint64_t)inv_num(&rows, 8);
    t.last_scan_ns = inv_num(&rows, 9);
    inv_id(&rows, 10, t.last_scan_id);
    *ret = t;
    return AL_OK;
}

int
inventory_totals(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                 struct inventory_totals *ret)
{
    INV_USE(u);
    struct inventory_totals t = {0};
    uint64_t version;
    bool known;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc < 0) {
        return rc;
    }
    port_mutex_lock(&u.volume->lock);
    known = u.volume->totals_known;
    version = u.volume->version;
    t = u.volume->totals;
    port_mutex_unlock(&u.volume->lock);
    if (!known) {
        rc = read_totals(&u, &t);
        if (rc < 0) {
            return rc;
        }
        port_mutex_lock(&u.volume->lock);
        if (u.volume->version == version) { /* nothing was committed while we read */
            u.volume->totals = t;
            u.volume->totals_known = true;
        }
        port_mutex_unlock(&u.volume->lock);
    }
    *ret = t;
    return AL_OK;
}
