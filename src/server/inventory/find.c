/* A look for files by a part of their name or path. */
#include <string.h>

#include "server/inventory/inventory_priv.h"

struct finding {
    struct inv_use *use;
    struct al_span folder, name; /* folder .at NULL: the text has no '/' */
    size_t left;
    inventory_row_fn *fn;
    void *ctx;
};

static void
put_which(struct inv_sql *sql, const struct finding *f, bool exact)
{
    if (f->folder.at != NULL && f->folder.len > 0) {
        inv_put_glob(sql, "f.path", "**", f->folder, "");
        inv_put(sql, " AND ");
    }
    inv_put(sql, exact ? "e.name = " : "e.name <> ");
    inv_put_blob(sql, f->name);
    if (!exact && f->name.len > 0) {
        inv_put(sql, " AND ");
        inv_put_glob(sql, "e.name", f->folder.at != NULL ? "" : "*", f->name, "*");
    }
}

/* Rows as DuckDB meets them: with an order it would read all before the first. */
static int
look(struct finding *f, bool exact)
{
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    const char *id = f->use->volume->id;
    INV_ROWS(rows);
    INV_SQL(sql);
    struct inventory_row row;
    bool end = false;
    int rc;

    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    inv_put(&sql,
            "SELECT " INV_ROW_COLUMNS " FROM (SELECT e.*, f.path AS fpath FROM \"v_%s\".entry e "
            "JOIN \"v_%s\".folder f ON e.folder = f.id WHERE ",
            id, id);
    put_which(&sql, f, exact);
    inv_put(&sql, ") LIMIT %zu", f->left);
    rc = sql.rc < 0 ? sql.rc
                    : inv_query(f->use->inv, f->use->conn, (char *)sql.text.at, true, &rows);
    while (rc == AL_OK && f->left > 0) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_row(&rows, false, &scratch, &row);
        rc = rc == AL_OK ? f->fn(f->ctx, &row) : rc;
        f->left--;
    }
    return rc;
}

static void
split(struct al_span text, struct finding *f)
{
    f->name = text;
    for (size_t i = text.len; i > 0; i--) {
        if (text.at[i - 1] == '/') {
            f->folder = (struct al_span){text.at, i - 1};
            f->name = (struct al_span){text.at + i, text.len - i};
            return;
        }
    }
}

int
inventory_find(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               struct al_span text, size_t limit, inventory_row_fn *fn, void *ctx)
{
    INV_USE(u);
    struct finding f = {.use = &u, .left = limit, .fn = fn, .ctx = ctx};
    int rc;

    if (text.len == 0 || text.len > INVENTORY_FIND_BYTES_MAX || limit == 0 ||
        limit > INVENTORY_PAGE_MAX) {
        return AL_EINVAL;
    }
    split(text, &f);
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc == AL_OK) {
        rc = inv_begin(&u); /* both looks from one state: nothing is found twice */
    }
    if (rc == AL_OK) {
        rc = look(&f, true);
    }
    return rc == AL_OK && f.left > 0 ? look(&f, false) : rc;
}
