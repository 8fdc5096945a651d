/* Entries come, go and change places as the moves of a batch have it. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/access_priv.h"

#define NO_ROW INT64_C(-1)
#define SOME_MIN 64u /* moves looked up at once */
#define SOME_MAX INVENTORY_ACCESS_ROWS_MAX

struct content {                        /* what is at a path */
    int64_t rid;                        /* the row that it was; NO_ROW: of metadata alone */
    const struct inventory_access *row; /* that */
    int64_t accessed_ns;
    uint8_t source;
    bool has_accessed;
    int64_t born_ns; /* 0: unknown */
};
struct spot { /* a path that moves speak of */
    struct al_span path;
    uint32_t next_same;
    int64_t rid; /* of the row that lies there, NO_ROW */
    bool there, folder, changed;
    struct content is;
};
struct spots {
    struct spot *all; /* 1 ... */
    uint32_t count, *table, mask;
    /* Where something was put since spots were looked up, and above: folders there are there, or will be, and no spot of
     * theirs says so. */
    struct inv_times put;
};

static void
spots_end(struct spots *s)
{
    al_free(s->all);
    al_free(s->table);
    inv_times_end(&s->put);
}

static int
read_known(struct inv_place *p)
{
    char sql[128];
    int64_t most = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0)::BIGINT FROM \"v_%s\".folder",
             p->u->volume->id);
    rc = inv_one(p->u->inv, p->u->conn, sql, &most);
    p->known_id = (uint32_t)most;
    return rc;
}

int
inv_place_begin(struct inv_place *p, struct inv_use *u)
{
    int rc = inv_run(u->inv, u->conn, "CREATE OR REPLACE TEMP TABLE touched (id UINTEGER)");

    p->u = u;
    al_buf_init(&p->moved, SIZE_MAX / 4);
    return rc < 0 ? rc : read_known(p);
}

void
inv_place_free(struct inv_place *p)
{
    al_buf_free(&p->moved);
}

static uint32_t
spot_of(struct spots *s, struct al_span path)
{
    uint32_t *head = &s->table[al_xxh64(path.at, path.len, 0) & s->mask], i = *head;

    while (i != 0 && !al_span_equal(s->all[i].path, path)) {
        i = s->all[i].next_same;
    }
    if (i == 0) {
        i = ++s->count;
        s->all[i] = (struct spot){.path = path, .rid = NO_ROW, .next_same = *head};
        *head = i;
    }
    return i;
}

/* Whether the path may be a folder that is there only through what was put into it. */
static bool
was_made(struct spots *s, struct al_span path)
{
    return inv_times_at(&s->put, path) != INT64_MIN && !s->all[spot_of(s, path)].there;
}

static int
make_spots(struct spots *s, const struct inv_relocation *all, size_t count)
{
    uint64_t size = 64;

    while (size < 4 * (uint64_t)count) {
        size *= 2;
    }
    s->mask = (uint32_t)(size - 1);
    s->table = al_array((size_t)size, sizeof(*s->table));
    s->all = al_array(2 * count + 2, sizeof(*s->all));
    if (s->table == NULL || s->all == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        (void)spot_of(s, all[i].from);
        (void)spot_of(s, all[i].to);
    }
    return AL_OK;
}

static int
write_spots(struct inv_use *u, const struct spots *s)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE spot (n UINTEGER, in_path BLOB, name BLOB)");

    if (rc == AL_OK) {
        rc = inv_append_temp(u, "spot", &a);
    }
    for (uint32_t i = 1; rc == AL_OK && i <= s->count; i++) {
        duckdb_state bad = duckdb_append_uint32(a.a, i);

        rc = inv_append_path(&a, s->all[i].path, false);
        if (rc == AL_OK) {
            rc = inv_append_row(&a, bad);
        }
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

static int
look_up(struct inv_use *u, struct spots *s)
{
    INV_ROWS(rows);
    const char *id = u->volume->id;
    char sql[512];
    bool end = false;
    int rc = write_spots(u, s);

    snprintf(
        sql, sizeof(sql),
        "SELECT t.n, e.rowid, e.type, e.accessed_ns, e.source, e.btime_ns FROM temp.spot t JOIN "
        "\"v_%s\".folder f ON f.path = t.in_path JOIN \"v_%s\".entry e ON e.folder = f.id AND "
        "e.name = t.name",
        id, id);
    if (rc == AL_OK) {
        rc = inv_query(u->inv, u->conn, sql, false, &rows);
    }
    while (rc == AL_OK) {
        struct spot *x;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        x = &s->all[inv_num(&rows, 0)];
        x->there = true;
        x->rid = x->is.rid = inv_num(&rows, 1);
        x->folder = inv_num(&rows, 2) == PORT_T_FOLDER;
        x->is.has_accessed = !inv_null(&rows, 3);
        x->is.accessed_ns = inv_num(&rows, 3);
        x->is.source = (uint8_t)inv_num(&rows, 4);
        x->is.born_ns = inv_num(&rows, 5);
    }
    return rc;
}

/* ---- one after the other ---- */

static void
take_later(struct content *to, const struct content *from)
{
    if (from->has_accessed && (!to->has_accessed || from->accessed_ns > to->accessed_ns)) {
        to->has_accessed = true;
        to->accessed_ns = from->accessed_ns;
        to->source = from->source;
    }
}

/* False: it is about a folder. */
static bool
relocate_file(struct spots *s, struct inv_relocation *r, struct inv_place *p)
{
    struct spot *from = &s->all[spot_of(s, r->from)], *to = &s->all[spot_of(s, r->to)];
    bool same = from == to;

    r->known = from->there && !r->stranger && from->is.born_ns <= r->time_ns;
    if (r->known && from->folder) {
        return false;
    }
    r->there = to->there;
    if (!r->known) {
        if (!r->row->has_stat || (to->there && !to->folder)) {
            return true; /* it is only remembered */
        }
        if (r->row->type == PORT_T_FOLDER || to->folder) {
            return to->there; /* one that is to be made */
        }
        to->is = (struct content){.rid = NO_ROW, .row = r->row, .born_ns = r->row->btime_ns};
        to->there = to->changed = true;
        p->added++;
        return true;
    }
    if (same) {
        return true;
    }
    from->there = false;
    from->changed = true;
    if (to->there && to->folder) {
        return true; /* the folder stays; the file is not where it was */
    }
    if (to->there) {
        take_later(&from->is, &to->is);
    }
    to->is = from->is;
    to->there = to->changed = true;
    p->relocated++;
    return true;
}

static int
append_put(struct inv_append *a, const struct spot *x)
{
    duckdb_state bad =
        x->is.rid != NO_ROW ? duckdb_append_int64(a->a, x->is.rid) : duckdb_append_null(a->a);

    bad |= x->is.has_accessed ? duckdb_append_int64(a->a, x->is.accessed_ns)
                              : duckdb_append_null(a->a);
    bad |= duckdb_append_uint8(a->a, x->is.source);
    if (bad != DuckDBSuccess) {
        return inv_append_row(a, bad);
    }
    if (inv_append_path(a, x->path, true) < 0) {
        return AL_EIO;
    }
    return inv_append_stat(a, x->is.row);
}

static int
write_changes(struct inv_use *u, const struct spots *s)
{
    AL_CLEANUP(inv_append_end) struct inv_append put = {0};
    AL_CLEANUP(inv_append_end) struct inv_append gone = {0};
    int rc =
        inv_run(u->inv, u->conn,
                "CREATE OR REPLACE TEMP TABLE put (rid BIGINT, accessed_ns BIGINT, source "
                "UTINYINT, in_path BLOB, name BLOB, ext BLOB, has_stat BOOLEAN, type UTINYINT, "
                "size BIGINT, allocated BIGINT, mtime_ns BIGINT, ctime_ns BIGINT, btime_ns "
                "BIGINT, mode UINTEGER, uid UINTEGER, gid UINTEGER, nlink UINTEGER)");

    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn, "CREATE OR REPLACE TEMP TABLE went (rid BIGINT)");
    }
    if (rc == AL_OK) {
        rc = inv_append_temp(u, "put", &put);
    }
    if (rc == AL_OK) {
        rc = inv_append_temp(u, "went", &gone);
    }
    for (uint32_t i = 1; rc == AL_OK && i <= s->count; i++) {
        const struct spot *x = &s->all[i];

        if (x->changed && x->rid != NO_ROW) {
            rc = inv_append_row(&gone, duckdb_append_int64(gone.a, x->rid));
        }
        if (rc == AL_OK && x->changed && x->there) {
            rc = append_put(&put, x);
        }
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&put);
    }
    return rc < 0 ? rc : inv_append_close(&gone);
}

#define COLUMNS                                                                                    \
    "folder, name, ext, type, flags, attrs, mode, uid, gid, nlink, ino, size, allocated, "         \
    "mtime_ns, "                                                                                   \
    "ctime_ns, btime_ns, accessed_ns, source, state, object_id, epoch, found, came_ns"
/* What moved keeps what it is; what came has its metadata. */
static const char rows_sql[] =
    "CREATE OR REPLACE TEMP TABLE put_rows AS SELECT p.in_path, p.name, p.ext, e.type, e.flags, "
    "e.attrs, e.mode, e.uid, e.gid, e.nlink, e.ino, e.size, e.allocated, e.mtime_ns, e.ctime_ns, "
    "e.btime_ns, p.accessed_ns, p.source, e.state, e.object_id, e.epoch, 0::UTINYINT AS found, "
    "e.came_ns FROM "
    "temp.put p JOIN \"v_%s\".entry e ON e.rowid = p.rid UNION ALL SELECT p.in_path, p.name, "
    "p.ext, "
    "p.type, 0, 0, p.mode, p.uid, p.gid, p.nlink, 0, p.size, p.allocated, p.mtime_ns, p.ctime_ns, "
    "nullif(p.btime_ns, 0), p.accessed_ns, p.source, 0, NULL, m.epoch, 0, NULL FROM temp.put p "
    "CROSS "
    "JOIN "
    "\"v_%s\".meta m WHERE p.rid IS NULL";

static int
write_back(struct inv_place *p, const struct spots *s)
{
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int64_t changes = 0;
    int rc = write_changes(u, s);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn,
                     "SELECT (SELECT count(*) FROM temp.put) + (SELECT count(*) FROM temp.went)",
                     &changes);
    }
    if (rc < 0 || changes == 0) {
        return rc;
    }
    rc = inv_runf(u->inv, u->conn, rows_sql, id, id);
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "INSERT INTO temp.touched SELECT folder FROM \"v_%s\".entry WHERE rowid IN "
                      "(SELECT rid FROM temp.went)",
                      id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "DELETE FROM \"v_%s\".entry WHERE rowid IN (SELECT rid FROM temp.went)", id);
    }
    if (rc == AL_OK) {
        rc = inv_folders_ensure(p, "SELECT in_path AS path FROM temp.put");
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "INSERT INTO \"v_%s\".entry (" COLUMNS ") SELECT f.id, p.* EXCLUDE (in_path) "
                      "FROM temp.put_rows p JOIN \"v_%s\".folder f ON f.path = p.in_path",
                      id, id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "INSERT INTO temp.touched SELECT f.id FROM (SELECT DISTINCT in_path FROM "
                      "temp.put_rows) p JOIN \"v_%s\".folder f ON f.path = p.in_path",
                      id);
    }
    p->changed = true;
    return rc;
}

/* A folder: its move, or one that is to be made. */
static int
relocate_folder(struct inv_place *p, const struct inv_relocation *r)
{
    INV_SQL(sql);

    if (r->known) {
        int rc = r->straight ? inv_delete_now(p, r->to, r->time_ns) : AL_OK;

        p->relocated++;
        return rc < 0 ? rc : inv_folders_move(p, r->from, r->to);
    }
    p->added++;
    inv_put(&sql, "SELECT ");
    inv_put_blob(&sql, r->to);
    inv_put(&sql, " AS path");
    return sql.rc < 0 ? sql.rc : inv_folders_ensure(p, (char *)sql.text.at);
}

/* As many as there are before one of a folder, and that; or before one from a folder that is to be looked up once what
 * was put into it is there. *ret_done: how many, at least one. */
static int
relocate_some(struct inv_place *p, struct inv_relocation *all, size_t count, size_t *ret_done)
{
    AL_CLEANUP(spots_end) struct spots s = {0};
    bool folder = false;
    size_t i = 0;
    int rc = make_spots(&s, all, count);

    if (rc == AL_OK) {
        rc = look_up(p->u, &s);
    }
    if (rc < 0) {
        return rc;
    }
    while (rc == AL_OK && i < count) {
        if (i > 0 && was_made(&s, all[i].from)) {
            break;
        }
        folder = !relocate_file(&s, &all[i], p);
        if (folder) {
            break;
        }
        rc = inv_times_add(&s.put, all[i].to, 0);
        i++;
    }
    rc = rc < 0 ? rc : write_back(p, &s);
    if (rc == AL_OK && folder) {
        rc = relocate_folder(p, &all[i++]);
    }
    *ret_done = i;
    return rc;
}

int
inv_place_relocate(struct inv_place *p, struct inv_relocation *all, size_t count)
{
    int rc = AL_OK;

    size_t some = SOME_MAX;

    for (size_t at = 0; rc == AL_OK && at < count;) {
        size_t done = 0, asked = count - at < some ? count - at : some;

        rc = relocate_some(p, all + at, asked, &done);
        /* What is looked up is void behind a folder's move. */
        some = done < asked ? SOME_MIN : some < SOME_MAX / 2 ? 2 * some : SOME_MAX;
        at += done;
    }
    return rc;
}

/* ---- files that are told of with metadata ---- */

static const char add_sql[] =
    "INSERT INTO \"v_%s\".entry (" COLUMNS
    ") SELECT f.id, r.name, r.ext, r.st.type, 0, 0, r.st.mode, "
    "r.st.uid, r.st.gid, r.st.nlink, 0, r.st.size, r.st.allocated, r.st.mtime_ns, r.st.ctime_ns, "
    "coalesce(nullif(r.st.btime_ns, 0), r.created_ns), r.time_ns, CASE WHEN r.time_ns IS "
    "NULL THEN 0 ELSE 2 END, 0, NULL, m.epoch, 0, NULL FROM "
    "temp.rest r JOIN \"v_%s\".folder f ON f.path = r.in_path CROSS JOIN \"v_%s\".meta m WHERE "
    "r.st IS "
    "NOT NULL AND r.st.type <> %d";

int
inv_place_add(struct inv_place *p)
{
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int64_t files = 0;
    int rc =
        inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.rest WHERE st IS NOT NULL", &files);

    if (rc < 0 || files == 0) {
        return rc;
    }
    rc =
        inv_folders_ensure(p, "SELECT CASE WHEN st.type = 2 THEN in_path || '/'::BLOB || name ELSE "
                              "in_path END AS path FROM temp.rest WHERE st IS NOT NULL");
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, add_sql, id, id, id, PORT_T_FOLDER);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "INSERT INTO temp.touched SELECT f.id FROM (SELECT DISTINCT in_path FROM "
                      "temp.rest WHERE st IS NOT NULL) r JOIN \"v_%s\".folder f ON f.path = "
                      "r.in_path",
                      id);
    }
    p->changed = true;
    p->added += (uint64_t)files;
    return rc;
}

/* ---- what is gone ---- */

static const char away_sql[] =
    "CREATE OR REPLACE TEMP TABLE away_folder AS SELECT DISTINCT b.id FROM temp.away a JOIN "
    "\"v_%s\".folder f ON f.path = a.path JOIN \"v_%s\".folder b ON b.id BETWEEN f.id AND f.last "
    "WHERE octet_length(a.path) > 0";

static const char away_rows_sql[] =
    "CREATE OR REPLACE TEMP TABLE went AS SELECT e.rowid AS rid, e.folder FROM temp.away a JOIN "
    "\"v_%s\".folder f ON f.path = a.in_path JOIN \"v_%s\".entry e ON e.folder = f.id AND e.name = "
    "a.name UNION SELECT e.rowid, e.folder FROM \"v_%s\".entry e WHERE e.folder IN (SELECT id FROM "
    "temp.away_folder)";

int
inv_place_remove(struct inv_place *p, uint64_t *ret_gone)
{
    static const char *const own[] = {"folder", "own", "below"};
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int64_t gone = 0;
    int rc = inv_runf(u->inv, u->conn, away_sql, id, id);

    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, away_rows_sql, id, id, id);
    }
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.went", &gone);
    }
    *ret_gone = (uint64_t)gone;
    if (rc < 0 || gone == 0) {
        return rc;
    }
    rc = inv_runf(u->inv, u->conn,
                  "DELETE FROM \"v_%s\".entry WHERE rowid IN (SELECT rid FROM temp.went)", id);
    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn,
                     "INSERT INTO temp.touched SELECT DISTINCT folder FROM temp.went WHERE folder "
                     "NOT IN (SELECT id FROM temp.away_folder)");
    }
    for (size_t i = 0; rc == AL_OK && i < AL_LEN(own); i++) {
        rc = inv_runf(u->inv, u->conn,
                      "DELETE FROM \"v_%s\".%s WHERE id IN (SELECT id FROM temp.away_folder)", id,
                      own[i]);
    }
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.away_folder", &gone);
    }
    p->dirty |= gone > 0; /* sums above are made anew; most keep their numbers */
    p->changed = true;
    return rc;
}

int
inv_place_end(struct inv_place *p)
{
    struct inv_use *u = p->u;
    bool renumbered = p->dirty;
    int rc = AL_OK;

    if (!p->changed) {
        return AL_OK;
    }
    if (p->dirty) {
        rc = inv_folders_number(p);
    }
    if (rc == AL_OK) {
        rc = inv_summaries_touched(u, renumbered);
    }
    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn, "DELETE FROM temp.touched");
    }
    p->changed = false;
    al_buf_clear(&p->moved);
    return rc < 0 || !renumbered ? rc : read_known(p);
}
