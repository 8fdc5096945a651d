/* Pages of a folder, or of all below it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define PAGES_AHEAD_ROWS                                                                           \
    500u /* read at once and kept, since who asks for a page mostly asks for the next */
#define SEARCH_BYTES_MAX 4096u
#define WINDOW_FOLDERS 16u /* folders in which the rows of a page are looked for at first */
#define WINDOW_TIMES 16u   /* so many times as many the next time */

struct pages {
    struct inv_cache *cache;
    struct inv_page *page[PAGES_AHEAD_ROWS + 1];
    size_t count;
};

static void
pages_end(struct pages *p)
{
    for (size_t i = 0; i < p->count; i++) {
        inv_page_done(p->cache, p->page[i]);
    }
}

/* What a query looks at: the folders with these numbers, of them those up to a path, in the order
 * of the list. */
struct range {
    struct inv_below ids;
    struct al_span until; /* .at NULL: all */
};

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
cursor_write(const struct inventory_list_query *q, const struct inventory_row *row,
             struct inv_page *page)
{
    size_t path_len = q->recursive ? row->path.len - row->name.len - 1 : 0;
    size_t len = CURSOR_HEAD + path_len + row->name.len;
    AL_CLEANUP(al_freep) uint8_t *raw = al_alloc(len);
    char *text = al_alloc(4 * ((len + 2) / 3) + 1);

    if (raw == NULL || text == NULL) {
        al_free(text);
        return AL_ENOMEM;
    }
    raw[0] = cursor_kind(q);
    al_put_u64(raw + 1, (uint64_t)key_of(q, row));
    al_put_u32(raw + 9, (uint32_t)path_len);
    memcpy(raw + CURSOR_HEAD, row->path.at, path_len);
    memcpy(raw + CURSOR_HEAD + path_len, row->name.at, row->name.len);
    al_base64(raw, len, text);
    /* Fit for a URL as it is. */
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '.' : *c;
    }
    page->next_cursor = text;
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
        return "coalesce(mtime_ns, 0)"; /* an import may not know it */
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

static void
put_search(struct inv_sql *sql, struct al_span search)
{
    inv_put(sql, " AND ");
    inv_put_glob(sql, "name", "*", search, "*");
}

/* Everything from FROM to the end of WHERE, but the cursor. */
static void
put_rows(struct inv_sql *sql, struct inv_use *u, const struct inventory_list_query *q,
         const struct range *range, const struct inv_rule_sql *rule)
{
    const struct inv_below *f = &range->ids;
    const char *id = u->volume->id;

    if (rule->text != NULL) {
        /* What the rule sees is not always what is shown. */
        inv_put(sql, " FROM (SELECT * REPLACE (shown_ns AS accessed_ns) FROM (SELECT ");
        inv_put_columns(sql, u, q->now_ns);
        inv_put(
            sql,
            ", e.accessed_ns AS shown_ns, f.path AS fpath, f.path || '/'::BLOB AS dir, f.path || "
            "'/'::BLOB || e.name AS path, w.name AS owner FROM \"v_%s\".entry e JOIN "
            "\"v_%s\".folder f ON e.folder = f.id LEFT JOIN \"v_%s\".owner w ON w.uid = e.uid",
            id, id, id);
    } else {
        inv_put(
            sql,
            " FROM (SELECT e.*, f.path AS fpath FROM \"v_%s\".entry e JOIN \"v_%s\".folder f ON "
            "e.folder = f.id",
            id, id);
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
    if (rule->text != NULL) {
        inv_put(sql, ") WHERE ");
        inv_put_text(sql, rule->text);
    }
    inv_put(sql, ") WHERE true");
    if (range->until.at != NULL) {
        inv_put(sql, " AND fpath %s ", q->descending ? ">=" : "<=");
        inv_put_blob(sql, range->until);
    }
    if (q->search.len > 0) {
        put_search(sql, q->search);
    }
}

static int
read_total(struct inv_use *u, const struct inventory_list_query *q, const struct range *range,
           const struct inv_rule_sql *rule, uint64_t *ret)
{
    INV_SQL(sql);
    int64_t n = 0;
    int rc;

    inv_put(&sql, "SELECT count(*)");
    put_rows(&sql, u, q, range, rule);
    rc = sql.rc < 0 ? sql.rc : inv_one(u->inv, u->conn, (char *)sql.text.at, &n);
    if (rc == AL_OK) {
        *ret = (uint64_t)n;
    }
    return rc;
}

static int
page_query(struct inv_use *u, const struct inventory_list_query *q, const struct range *range,
           const struct inv_rule_sql *rule, const struct place *from, size_t asked,
           struct inv_rows *ret)
{
    INV_SQL(sql);

    inv_put(&sql, "SELECT " INV_ROW_COLUMNS ", c_files, c_bytes FROM (SELECT p.*, c.files AS "
                  "c_files, c.bytes AS c_bytes FROM (SELECT *");
    put_rows(&sql, u, q, range, rule);
    if (from != NULL) {
        put_behind(&sql, q, from);
    }
    put_order(&sql, q);
    inv_put(&sql,
            " LIMIT %zu) p LEFT JOIN \"v_%s\".folder c ON c.parent = p.folder AND c.name = p.name)",
            asked, u->volume->id);
    put_order(&sql, q);
    return sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, ret);
}

/* Rows in order into pages of q->limit, and whether all that were asked for came; a page has a
 * cursor when a row follows it. The last row asked for only tells that: what it would begin is
 * thrown away. */
static int
make_pages(struct inv_rows *rows, const struct inventory_list_query *q, size_t asked,
           struct pages *out, bool *ret_all)
{
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    struct inventory_row row;
    struct inv_page *page = NULL;
    bool end = false;
    int rc = AL_OK;

    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    *ret_all = false;
    for (size_t n = 0; rc == AL_OK; n++) {
        rc = inv_next(rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_row(rows, true, &scratch, &row);
        if (rc == AL_OK && page != NULL && page->count == q->limit) {
            inv_page_end(page); /* the cursor is written from it */
            rc = cursor_write(q, &page->rows[q->limit - 1], page);
            page = NULL;
        }
        *ret_all = rc == AL_OK && n + 1 == asked;
        if (rc < 0 || *ret_all) {
            break;
        }
        if (page == NULL) {
            page = inv_page_new(q->limit);
            if (page == NULL) {
                return AL_ENOMEM;
            }
            out->page[out->count++] = page;
        }
        rc = inv_page_add(page, &row);
    }
    for (size_t i = 0; i < out->count; i++) {
        inv_page_end(out->page[i]);
    }
    if (rc == AL_OK && out->count == 0) {
        out->page[0] = inv_page_new(1);
        out->count = out->page[0] != NULL;
        rc = out->page[0] != NULL ? AL_OK : AL_ENOMEM;
    }
    return rc;
}

/* Why a path is no folder: a file, or nothing at all. */
static int
no_folder(struct inv_use *u, struct al_span path, struct al_fail *fail)
{
    INV_ROWS(rows);
    bool end = true;
    int rc = inv_query_entry(u, path, &rows);

    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0) {
        return rc;
    }
    return end ? al_fail_set(fail, AL_ENOENT, 0, "there is no such folder")
               : al_fail_set(fail, AL_ENOTDIR, 0, "this is a file, not a folder");
}

/* What a page is known by. */
static int
page_key(struct inv_use *u, const struct inventory_list_query *q, uint64_t version,
         struct al_span folder, const char *cursor, struct al_buf *key)
{
    uint8_t head[32] = {0};
    int rc;

    al_put_u64(head, version); /* no two volumes share one */
    al_put_u32(head + 8, (uint32_t)q->limit);
    al_put_u32(head + 12, (uint32_t)q->state);
    head[16] = cursor_kind(q);
    head[17] = q->files_only;
    head[18] = q->want_total;
    al_put_u32(head + 20, (uint32_t)folder.len);
    al_put_u32(head + 24, (uint32_t)q->search.len);
    al_buf_clear(key);
    rc = al_buf_add(key, head, sizeof(head));
    if (rc == AL_OK) {
        rc = al_buf_add(key, u->volume->id, AL_ID_LEN);
    }
    if (rc == AL_OK) {
        rc = al_buf_add(key, folder.at, folder.len);
    }
    if (rc == AL_OK) {
        rc = al_buf_add(key, q->search.at, q->search.len);
    }
    return rc == AL_OK && cursor != NULL ? al_buf_adds(key, cursor) : rc;
}

/* A list in the order of paths goes through folder after folder, so that the next rows lie in few
 * of them: naming those spares DuckDB nearly all rows. *io_until keeps the path. *ret_rest: there
 * is nothing behind them. */
static int
find_window(struct inv_use *u, const struct inventory_list_query *q, const struct inv_below *below,
            const struct place *from, size_t folders, struct al_buf *io_until, struct range *ret,
            bool *ret_rest)
{
    const char *way = q->descending ? " DESC" : "", *edge = q->descending ? "min" : "max";
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = true;
    int rc;

    inv_put(&sql,
            "SELECT count(*), min(id), max(id), %s(path) FROM (SELECT id, path FROM "
            "\"v_%s\".folder WHERE id BETWEEN %u AND %u",
            edge, u->volume->id, below->id, below->last);
    if (from != NULL) {
        inv_put(&sql, " AND path %s ", q->descending ? "<=" : ">=");
        inv_put_blob(&sql, from->fpath);
    }
    inv_put(&sql, " ORDER BY path%s LIMIT %zu)", way, folders);
    rc = sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    *ret_rest = (size_t)inv_num(&rows, 0) < folders;
    *ret = (struct range){.ids = *below};
    if (inv_num(&rows, 0) > 0) {
        ret->ids = (struct inv_below){(uint32_t)inv_num(&rows, 1), (uint32_t)inv_num(&rows, 2)};
    }
    if (!*ret_rest) {
        al_buf_clear(io_until);
        rc = al_buf_add(io_until, inv_bytes(&rows, 3).at, inv_bytes(&rows, 3).len);
        /* The root's path is empty, and as such no "all". */
        ret->until =
            (struct al_span){io_until->len > 0 ? io_until->at : (const uint8_t *)"", io_until->len};
    }
    return rc;
}

static int
read_rows(struct inv_use *u, const struct inventory_list_query *q, const struct range *range,
          const struct inv_rule_sql *rule, const struct place *from, size_t asked,
          struct pages *out, bool *ret_all)
{
    INV_ROWS(rows);
    int rc = page_query(u, q, range, rule, from, asked, &rows);

    return rc == AL_OK ? make_pages(&rows, q, asked, out, ret_all) : rc;
}

static int
read_window(struct inv_use *u, const struct inventory_list_query *q, const struct inv_below *below,
            const struct inv_rule_sql *rule, const struct place *from, size_t asked,
            struct pages *out)
{
    AL_CLEANUP(al_buf_free) struct al_buf until = {0};
    bool rest = false, all = false;
    int rc = AL_OK;

    al_buf_init(&until, INVENTORY_PATH_MAX);
    for (size_t folders = WINDOW_FOLDERS; rc == AL_OK && !rest && !all; folders *= WINDOW_TIMES) {
        struct range range = {0};

        pages_end(out);
        out->count = 0;
        rc = find_window(u, q, below, from, folders, &until, &range, &rest);
        if (rc == AL_OK) {
            rc = read_rows(u, q, &range, rule, from, asked, out, &all);
        }
    }
    return rc;
}

static int
read_pages(struct inv_use *u, const struct inventory_list_query *q, struct al_span clean,
           const struct place *from, struct pages *out, struct al_fail *fail)
{
    AL_CLEANUP(inv_rule_sql_end) struct inv_rule_sql rule = {0};
    struct range whole = {0};
    bool all, windows = q->recursive && sort_key(q) == NULL && q->rule == NULL &&
                        q->search.len == 0 && q->state < 0;
    uint64_t total = 0;
    size_t asked =
        1 + (q->limit < PAGES_AHEAD_ROWS ? PAGES_AHEAD_ROWS / q->limit * q->limit : q->limit);
    int rc = inv_begin(u); /* folder and page from one state */

    if (rc == AL_OK) {
        rc = inv_below_find(u, clean, &whole.ids);
        rc = rc == AL_ENODATA ? no_folder(u, clean, fail) : rc;
    }
    if (rc == AL_OK && q->rule != NULL) {
        asked = q->limit + 1; /* not kept: a rule has no key */
        rc = inv_rule_sql_make(u->inv, u->conn, q->rule, q->now_ns, &rule);
    }
    if (rc == AL_OK && q->want_total) {
        rc = read_total(u, q, &whole, &rule, &total);
    }
    if (rc == AL_OK) {
        rc = windows ? read_window(u, q, &whole.ids, &rule, from, asked, out)
                     : read_rows(u, q, &whole, &rule, from, asked, out, &all);
    }
    for (size_t i = 0; i < out->count; i++) {
        out->page[i]->total = total;
    }
    return rc;
}

static int
hand_page(const struct inv_page *p, inventory_row_fn *fn, void *ctx, struct al_arena *arena,
          struct inventory_page *ret)
{
    struct inventory_page page = {.total = p->total};
    int rc = AL_OK;

    if (p->next_cursor != NULL) {
        page.next_cursor = al_arena_str(arena, p->next_cursor);
        if (page.next_cursor == NULL) {
            return AL_ENOMEM;
        }
    }
    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        rc = fn(ctx, &p->rows[i]);
    }
    if (rc == AL_OK) {
        *ret = page;
    }
    return rc;
}

/* The page asked for, from the cache or from DuckDB, which then gives the pages behind it too. */
static int
get_page(struct inv_use *u, const struct inventory_list_query *q, struct al_span clean,
         const struct place *from, struct pages *out, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf key = {0};
    struct inv_cache *cache = &u->inv->cache;
    uint64_t version =
        inv_version(u); /* before anything is read: a page may only be newer than its key says */
    int rc;

    al_buf_init(&key, 2 * INVENTORY_PATH_MAX + INVENTORY_CURSOR_MAX + SEARCH_BYTES_MAX + 64);
    if (q->rule != NULL) {
        return read_pages(u, q, clean, from, out, fail);
    }
    rc = page_key(u, q, version, clean, q->cursor, &key);
    if (rc < 0) {
        return rc;
    }
    out->page[0] = inv_cache_get(cache, al_buf_span(&key));
    if (out->page[0] != NULL) {
        out->count = 1;
        return AL_OK;
    }
    rc = read_pages(u, q, clean, from, out, fail);
    for (size_t i = 0; rc == AL_OK && i < out->count; i++) {
        rc = page_key(u, q, version, clean, i == 0 ? q->cursor : out->page[i - 1]->next_cursor,
                      &key);
        if (rc == AL_OK) {
            inv_cache_put(cache, al_buf_span(&key), out->page[i]);
        }
    }
    return rc;
}

int
inventory_list(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               const struct inventory_list_query *q, inventory_row_fn *fn, void *ctx,
               struct al_arena *arena, struct inventory_page *ret, struct al_fail *fail)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    AL_CLEANUP(al_buf_free) struct al_buf raw = {0};
    AL_CLEANUP(pages_end) struct pages pages = {.cache = &inv->cache};
    struct place from;
    int rc;

    al_buf_init(&clean, INVENTORY_PATH_MAX);
    al_buf_init(&raw, INVENTORY_CURSOR_MAX);
    if (q->limit == 0 || q->limit > INVENTORY_PAGE_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "limit is 1 to %u", INVENTORY_PAGE_MAX);
    }
    if (q->search.len > SEARCH_BYTES_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a search is at most %u bytes", SEARCH_BYTES_MAX);
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
    rc = get_page(&u, q, al_buf_span(&clean), q->cursor != NULL ? &from : NULL, &pages, fail);
    return rc < 0 ? rc : hand_page(pages.page[0], fn, ctx, arena, ret);
}
