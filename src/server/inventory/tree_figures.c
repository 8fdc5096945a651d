/* A page of a folder's folders, each with what lies below it, from the sums that are kept. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define FOLDER_COLUMNS                                                                             \
    "f.path, f.name, f.id, %s, f.flags, b.files, b.bytes, b.allocated, b.stub_files, "             \
    "b.stub_bytes, b.accessed, b.modified"

/* How many folders lie below f. Between two scans some numbers are nobody's. */
static int
put_below(struct inv_use *u, char *out, size_t cap)
{
    const char *id = u->volume->id;
    char sql[128];
    int64_t spare = 0;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT (coalesce(max(id), 0) - count(*))::BIGINT FROM \"v_%s\".folder", id);
    rc = inv_one(u->inv, u->conn, sql, &spare);
    if (spare == 0) {
        snprintf(out, cap, "f.last - f.id");
    } else {
        snprintf(out, cap,
                 "(SELECT count(*) FROM \"v_%s\".folder c WHERE c.id > f.id AND c.id <= f.last)",
                 id);
    }
    return rc;
}

static void
folder_of(const struct inv_rows *r, struct inventory_folder *ret)
{
    uint64_t below = (uint64_t)inv_num(r, 3);

    *ret = (struct inventory_folder){
        .path = inv_bytes(r, 0),
        .name = inv_bytes(r, 1),
        .files = (uint64_t)inv_num(r, 5),
        .bytes = (uint64_t)inv_num(r, 6),
        .allocated = (uint64_t)inv_num(r, 7),
        .stub_files = (uint64_t)inv_num(r, 8),
        .stub_bytes = (uint64_t)inv_num(r, 9),
        .folders = below,
        .accessed_ns = inv_null(r, 10) ? RULE_TIME_UNKNOWN : inv_num(r, 10),
        .modified_ns = inv_null(r, 11) ? RULE_TIME_UNKNOWN : inv_num(r, 11),
        .unreadable = (inv_num(r, 4) & ENTRY_UNREADABLE) != 0,
        .has_children = below > 0,
    };
    if (ret->path.len == 0) {
        ret->path = al_span_of("/");
        ret->name = al_span_of("");
    }
}

/* *ret_id 0: a volume that nothing is known of, not even its root. */
static int
read_self(struct inv_use *u, struct al_span path, struct al_arena *arena, uint32_t *ret_id,
          struct inventory_folder *ret)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    char below[192];
    bool end = true;
    int rc = put_below(u, below, sizeof(below));

    if (rc < 0) {
        return rc;
    }
    inv_put(&sql,
            "SELECT " FOLDER_COLUMNS " FROM \"v_%s\".folder f JOIN \"v_%s\".below b ON b.id = f.id "
            "WHERE f.path = ",
            below, u->volume->id, u->volume->id);
    inv_put_blob(&sql, path);
    rc = sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || (end && path.len > 0)) {
        return rc < 0 ? rc : AL_ENODATA;
    }
    if (end) {
        *ret_id = 0;
        *ret = (struct inventory_folder){.path = al_span_of("/"),
                                         .name = al_span_of(""),
                                         .accessed_ns = RULE_TIME_UNKNOWN,
                                         .modified_ns = RULE_TIME_UNKNOWN};
        return AL_OK;
    }
    folder_of(&rows, ret);
    *ret_id = (uint32_t)inv_num(&rows, 2);
    ret->path = al_arena_span(arena, ret->path);
    if (ret->path.at == NULL) {
        return AL_ENOMEM;
    }
    ret->name = rule_name_of(ret->path);
    return AL_OK;
}

static const char *
order_of(enum inventory_tree_sort sort)
{
    switch (sort) {
    case INVENTORY_TREE_FILES:
        return "b.files DESC, ";
    case INVENTORY_TREE_ACCESSED:
        return "b.accessed DESC NULLS LAST, ";
    case INVENTORY_TREE_NAME:
        return "";
    default:
        return "b.bytes DESC, ";
    }
}

static int
hand_children(struct inv_use *u, uint32_t id, const struct inventory_tree_query *q,
              inventory_folder_fn *fn, void *ctx)
{
    INV_ROWS(rows);
    char sql[1024], below[192];
    bool end = false;
    int rc = put_below(u, below, sizeof(below));

    if (rc < 0) {
        return rc;
    }
    snprintf(sql, sizeof(sql),
             "SELECT " FOLDER_COLUMNS
             " FROM \"v_%s\".folder f JOIN \"v_%s\".below b ON b.id = f.id "
             "WHERE f.parent = %u ORDER BY %sf.name LIMIT %zu OFFSET %zu",
             below, u->volume->id, u->volume->id, id, order_of(q->sort), q->limit, q->offset);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    while (rc == AL_OK) {
        struct inventory_folder f;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        folder_of(&rows, &f);
        rc = fn(ctx, &f);
    }
    return rc;
}

int
inventory_tree(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               const struct inventory_tree_query *q, struct al_arena *arena,
               struct inventory_folder *ret_self, uint64_t *ret_total, inventory_folder_fn *fn,
               void *ctx)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    struct inventory_folder self;
    char sql[128];
    uint32_t id = 0;
    int64_t total = 0;
    int rc;

    if (q->limit == 0 || q->limit > INVENTORY_PAGE_MAX) {
        return AL_EINVAL;
    }
    al_buf_init(&clean, INVENTORY_PATH_MAX);
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc == AL_OK) {
        rc = inv_path_clean(q->folder, &clean);
        rc = rc == AL_EINVAL ? AL_ENODATA : rc;
    }
    if (rc == AL_OK) {
        rc = inv_begin(&u); /* the folder and its children of one state */
    }
    if (rc == AL_OK) {
        rc = read_self(&u, al_buf_span(&clean), arena, &id, &self);
    }
    if (rc == AL_OK && id != 0) {
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".folder WHERE parent = %u",
                 u.volume->id, id);
        rc = inv_one(inv, u.conn, sql, &total);
    }
    if (rc < 0) {
        return rc;
    }
    *ret_self = self;
    *ret_total = (uint64_t)total;
    return id != 0 ? hand_children(&u, id, q, fn, ctx) : AL_OK;
}
