/* What lies on a volume or below one of its folders, in figures. Histograms and totals come of one
 * pass, each list of another. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define ROWS_DEFAULT 20u

int
inv_below_find(struct inv_use *u, struct al_span path, struct inv_below *ret)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = true;
    int rc;

    if (path.len == 0) {
        *ret = (struct inv_below){1, UINT32_MAX};
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
    *ret = (struct inv_below){(uint32_t)inv_num(&rows, 0), (uint32_t)inv_num(&rows, 1)};
    return AL_OK;
}

int
inv_keep_rows(struct inv_use *u, const char *sql, size_t most, struct al_arena *arena,
              struct inventory_row **ret, size_t *ret_count)
{
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    INV_ROWS(rows);
    struct inventory_row *kept = al_arena_alloc(arena, (most + 1) * sizeof(*kept));
    size_t count = 0;
    bool end = false;
    int rc;

    if (kept == NULL) {
        return AL_ENOMEM;
    }
    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    while (rc == AL_OK && count < most) {
        struct inventory_row *row = &kept[count];

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_row(&rows, false, &scratch, row);
        if (rc < 0) {
            break;
        }
        row->path = al_arena_span(arena, row->path);
        if (row->path.at == NULL) {
            return AL_ENOMEM;
        }
        row->name = rule_name_of(row->path);
        count++;
    }
    if (rc == AL_OK) {
        *ret = kept;
        *ret_count = count;
    }
    return rc;
}

int
inv_groups(struct inv_use *u, const char *source, bool owners, size_t most, struct al_arena *arena,
           struct inventory_group **ret, size_t *ret_count)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    struct inventory_group *groups = al_arena_alloc(arena, (most + 1) * sizeof(*groups));
    const char *by = owners ? "uid" : "ext";
    size_t count = 0;
    bool end = false;
    int rc;

    /* Grouping by state too spares the filters of three sums. */
    inv_put(
        &sql,
        "SELECT %s, g.n, g.b, g.a, g.sn, g.sb FROM (SELECT %s, sum(n)::BIGINT AS n, " INV_SUM(
            "b") " AS b, " INV_SUM("a") " AS a, coalesce(sum(n) FILTER (state IN (1, 5)), "
                                        "0)::BIGINT AS sn, " INV_SUM_IF(
                                            "b",
                                            "state IN (1, 5)") " AS sb FROM (SELECT %s, state, "
                                                         "count(*) AS n, " INV_SUM(
                                                             "size") " AS b, " INV_SUM("a"
                                                                                       "l"
                                                                                       "l"
                                                                                       "o"
                                                                                       "c"
                                                                                       "a"
                                                                                       "t"
                                                                                       "e"
                                                                                       "d") " AS a "
                                                                                            "FROM ",
        owners ? "coalesce(w.name, nullif(g.uid, 4294967295)::VARCHAR::BLOB, ''::BLOB)" : "g.ext",
        by, by);
    inv_put_text(&sql, source);
    inv_put(&sql, " GROUP BY %s, state) GROUP BY %s ORDER BY b DESC, n DESC, %s LIMIT %zu) g", by,
            by, by, most);
    if (owners) {
        inv_put(&sql, " LEFT JOIN \"v_%s\".owner w ON w.uid = g.uid", u->volume->id);
    }
    inv_put(&sql, " ORDER BY g.b DESC, g.n DESC, g.%s", by);
    if (groups == NULL) {
        return AL_ENOMEM;
    }
    rc = sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, &rows);
    while (rc == AL_OK && count < most) {
        struct inventory_group *g = &groups[count];
        struct al_span name;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        name = inv_bytes(&rows, 0);
        g->name = name.len > 0 ? al_arena_span(arena, name) : al_span_of("");
        g->files = (uint64_t)inv_num(&rows, 1);
        g->bytes = (uint64_t)inv_num(&rows, 2);
        g->allocated = (uint64_t)inv_num(&rows, 3);
        g->stub_files = (uint64_t)inv_num(&rows, 4);
        g->stub_bytes = (uint64_t)inv_num(&rows, 5);
        if (g->name.at == NULL) {
            return AL_ENOMEM;
        }
        count++;
    }
    if (rc == AL_OK) {
        *ret = groups;
        *ret_count = count;
    }
    return rc;
}

struct asked {
    struct inv_use *u;
    const struct inventory_figures_query *q;
    struct inv_below below;
    uint64_t version; /* before anything was read */
    size_t rows;
    struct al_arena *arena;
    struct inventory_figures *to;
};

static int
tally(struct asked *a, struct inv_tallied *ret)
{
    struct inv_use *u = a->u;
    struct inv_tally t;
    char sql[512];
    unsigned slot = 0;
    int64_t rows;
    int rc;

    inv_tally_begin(&t, a->q->now_ns, u->volume->block_bytes);
    rc = inv_lend(u->inv, &t, &slot);
    if (rc == AL_OK) {
        snprintf(sql, sizeof(sql),
                 "SELECT coalesce(" INV_TALLY_SQL
                 ", 0)::BIGINT FROM \"v_%s\".entry WHERE folder BETWEEN %u AND %u",
                 slot, u->volume->id, a->below.id, a->below.last);
        rc = inv_one(u->inv, u->conn, sql, &rows);
        inv_take_back(u->inv, slot);
    }
    *ret = t.got;
    inv_tally_end(&t);
    return rc;
}

/* What does not depend on the time of asking is kept for the whole volume until it changes. */
static int
find_tally(struct asked *a, struct inv_tallied *ret)
{
    struct inv_volume *v = a->u->volume;
    bool whole = a->below.last == UINT32_MAX, kept = false;
    int rc;

    if (whole && (a->q->want & (INVENTORY_FIG_AGE | INVENTORY_FIG_MODIFIED)) == 0) {
        port_mutex_lock(&v->lock);
        kept = v->tallied_version == a->version;
        *ret = v->tallied;
        port_mutex_unlock(&v->lock);
    }
    rc = kept ? AL_OK : tally(a, ret);
    if (rc == AL_OK && whole && !kept) {
        port_mutex_lock(&v->lock);
        if (v->version == a->version) { /* nothing was committed while we read */
            v->tallied = *ret;
            v->tallied_version = a->version;
        }
        port_mutex_unlock(&v->lock);
    }
    return rc;
}

/* Totals and histograms. */
static int
read_tally(struct asked *a)
{
    struct inventory_figures *to = a->to;
    struct inv_tallied got;
    int rc = find_tally(a, &got);

    if (rc < 0) {
        return rc;
    }
    to->totals = got.totals;
    to->unknown_access_files = got.unknown_files;
    to->unknown_access_bytes = got.unknown_bytes;
    to->imported_files = got.imported;
    memcpy(to->evidence_files, got.evidence, sizeof(got.evidence));
    if ((a->q->want & INVENTORY_FIG_AGE) != 0) {
        rc = inv_tally_ages(got.age, a->arena, &to->age, &to->age_count);
    }
    if (rc == AL_OK && (a->q->want & INVENTORY_FIG_MODIFIED) != 0) {
        rc = inv_tally_ages(got.modified, a->arena, &to->modified, &to->modified_count);
    }
    if (rc == AL_OK && (a->q->want & INVENTORY_FIG_SIZE) != 0) {
        rc = inv_tally_sizes(got.size, a->arena, &to->size, &to->size_count);
    }
    return rc;
}

/* What the entries do not say: the folder itself, which is none of its own entries; unreadable
 * folders; the last scan. */
static int
read_folder_totals(struct asked *a)
{
    INV_ROWS(rows);
    const char *id = a->u->volume->id;
    struct inventory_totals *t = &a->to->totals;
    char sql[512];
    bool end = true;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT (SELECT count(*) FROM \"v_%s\".folder WHERE id = %u), (SELECT count(*) FROM "
             "\"v_%s\".folder WHERE flags & 1 <> 0 AND id BETWEEN %u AND %u), last_scan_ns, "
             "last_scan_id FROM \"v_%s\".meta",
             id, a->below.id, id, a->below.id, a->below.last, id);
    rc = inv_query(a->u->inv, a->u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    t->folders += (uint64_t)inv_num(&rows, 0);
    t->unreadable = (uint64_t)inv_num(&rows, 1);
    t->last_scan_ns = inv_num(&rows, 2);
    inv_id(&rows, 3, t->last_scan_id);
    return AL_OK;
}

static int
read_groups(struct asked *a, bool owners)
{
    char source[128];

    snprintf(source, sizeof(source), "\"v_%s\".entry WHERE type = %d AND folder BETWEEN %u AND %u",
             a->u->volume->id, PORT_T_FILE, a->below.id, a->below.last);
    return owners ? inv_groups(a->u, source, true, a->rows, a->arena, &a->to->owners,
                               &a->to->owner_count)
                  : inv_groups(a->u, source, false, a->rows, a->arena, &a->to->exts,
                               &a->to->ext_count);
}

/* The first rows of an order: found by the key alone, then read. */
static int
read_first(struct asked *a, const char *where, const char *order, struct inventory_row **ret,
           size_t *ret_count)
{
    const char *id = a->u->volume->id;
    char sql[2048];

    snprintf(
        sql, sizeof(sql),
        "SELECT " INV_ROW_COLUMNS " FROM (SELECT e.*, e.rowid AS rid, f.path AS fpath FROM "
        "\"v_%s\".entry e SEMI JOIN (SELECT rowid AS r FROM \"v_%s\".entry WHERE type = %d AND "
        "folder BETWEEN %u AND %u%s ORDER BY %s, rowid LIMIT %zu) w ON e.rowid = w.r JOIN "
        "\"v_%s\".folder f ON f.id = e.folder) ORDER BY %s, fpath, name",
        id, id, PORT_T_FILE, a->below.id, a->below.last, where, order, a->rows, id, order);
    return inv_keep_rows(a->u, sql, a->rows, a->arena, ret, ret_count);
}

/* Groups of all below a folder are looked for, those of a volume were found with the last change. */
static int
query_twins(struct asked *a, struct inv_rows *ret)
{
    const char *id = a->u->volume->id;
    char sql[512];
    int64_t files = 0;
    int rc;

    if (a->below.last == UINT32_MAX) {
        snprintf(sql, sizeof(sql),
                 "SELECT name, size, files, folder FROM \"v_%s\".twin ORDER BY (files - "
                 "1)::HUGEINT * size DESC, name LIMIT %zu",
                 id, a->rows);
        return inv_query(a->u->inv, a->u->conn, sql, false, ret);
    }
    snprintf(sql, sizeof(sql), "SELECT files FROM \"v_%s\".below WHERE id = %u", id, a->below.id);
    rc = inv_one(a->u->inv, a->u->conn, sql, &files);
    return rc < 0 ? rc
                  : inv_twins_find(a->u, a->below.id, a->below.last, (uint64_t)files, a->rows, ret);
}

static int
path_of(struct inv_use *u, uint32_t folder, struct al_span name, struct al_arena *arena,
        struct al_span *ret)
{
    INV_ROWS(rows);
    char sql[128];
    struct al_span parent;
    uint8_t *path;
    bool end = true;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT path FROM \"v_%s\".folder WHERE id = %u", u->volume->id,
             folder);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    parent = inv_bytes(&rows, 0);
    path = al_arena_alloc(arena, parent.len + 1 + name.len);
    if (path == NULL) {
        return AL_ENOMEM;
    }
    if (parent.len > 0) {
        memcpy(path, parent.at, parent.len);
    }
    path[parent.len] = '/';
    memcpy(path + parent.len + 1, name.at, name.len);
    *ret = (struct al_span){path, parent.len + 1 + name.len};
    return AL_OK;
}

static int
read_twins(struct asked *a)
{
    INV_ROWS(rows);
    struct inventory_duplicate *twins = al_arena_alloc(a->arena, (a->rows + 1) * sizeof(*twins));
    size_t count = 0;
    bool end = false;
    int rc = query_twins(a, &rows);

    if (twins == NULL) {
        return AL_ENOMEM;
    }
    while (rc == AL_OK && count < a->rows) {
        struct inventory_duplicate *d = &twins[count];

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        d->size = (uint64_t)inv_num(&rows, 1);
        d->files = (uint64_t)inv_num(&rows, 2);
        d->wasted_bytes = d->files - 1 > INT64_MAX / d->size ? INT64_MAX : (d->files - 1) * d->size;
        rc = path_of(a->u, (uint32_t)inv_num(&rows, 3), inv_bytes(&rows, 0), a->arena,
                     &d->sample_path);
        if (rc == AL_OK) {
            d->name = rule_name_of(d->sample_path);
            count++;
        }
    }
    a->to->duplicates = twins;
    a->to->duplicate_count = count;
    return rc;
}

static int
read_lists(struct asked *a)
{
    struct inventory_figures *to = a->to;
    unsigned want = a->q->want;
    int rc = AL_OK;

    if ((want & INVENTORY_FIG_EXT) != 0) {
        rc = read_groups(a, false);
    }
    if (rc == AL_OK && (want & INVENTORY_FIG_OWNER) != 0) {
        rc = read_groups(a, true);
    }
    if (rc == AL_OK && (want & INVENTORY_FIG_HOTTEST) != 0) {
        rc = read_first(a, " AND accessed_ns IS NOT NULL", "accessed_ns DESC", &to->hottest,
                        &to->hottest_count);
    }
    if (rc == AL_OK && (want & INVENTORY_FIG_COLDEST) != 0) {
        rc = read_first(a, "", "accessed_ns NULLS LAST", &to->coldest, &to->coldest_count);
    }
    if (rc == AL_OK && (want & INVENTORY_FIG_LARGEST) != 0) {
        rc = read_first(a, "", "size DESC", &to->largest, &to->largest_count);
    }
    if (rc == AL_OK && (want & INVENTORY_FIG_DUPLICATES) != 0) {
        rc = read_twins(a);
    }
    return rc;
}

int
inventory_figures(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                  const struct inventory_figures_query *q, struct al_arena *arena,
                  struct inventory_figures *ret)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    struct inventory_figures figures = {0};
    struct asked a = {.u = &u,
                      .q = q,
                      .rows = q->rows > 0 ? q->rows : ROWS_DEFAULT,
                      .arena = arena,
                      .to = &figures};
    int rc;

    if (a.rows > INVENTORY_FIGURE_ROWS_MAX) {
        return AL_ELIMIT;
    }
    al_buf_init(&clean, INVENTORY_PATH_MAX);
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc == AL_OK) {
        rc = inv_path_clean(q->folder, &clean);
        rc = rc == AL_EINVAL ? AL_ENODATA : rc;
    }
    if (rc == AL_OK) {
        a.version = inv_version(&u);
        rc = inv_begin(&u); /* all figures of one state */
    }
    if (rc == AL_OK) {
        rc = inv_below_find(&u, al_buf_span(&clean), &a.below);
    }
    if (rc == AL_OK) {
        rc = read_tally(&a);
    }
    if (rc == AL_OK) {
        rc = read_folder_totals(&a);
    }
    if (rc == AL_OK) {
        rc = read_lists(&a);
    }
    if (rc == AL_OK) {
        *ret = figures;
    }
    return rc;
}
