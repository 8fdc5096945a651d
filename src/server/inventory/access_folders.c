/* Folders that come, go and move between two scans. They are found by their paths; numbers (a folder's own is smaller
 * than all below it, which lie together) are given anew at the end of a batch, where some place was taken. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/access_priv.h"

#define SPARE_EACH                                                                                 \
    8u /* of so many folders that get a new number, one number stays free for one to come */

/* ---- one more ---- */

static int
want_above(struct inv_append *a, struct al_span path)
{
    int rc = AL_OK;

    for (size_t end = 0; rc == AL_OK && end <= path.len; end++) {
        if (end != path.len && path.at[end] != '/') {
            continue;
        }
        rc = inv_append_blob(a, (struct al_span){path.at, end});
        if (rc == AL_OK) {
            rc = inv_append_path(a, (struct al_span){path.at, end}, false);
        }
        if (rc == AL_OK) {
            rc = inv_append_row(a, DuckDBSuccess);
        }
    }
    return rc;
}

/* temp.want: what a query of paths names and is not there, and what is above. */
static int
find_wanted(struct inv_use *u, const char *paths, uint64_t *ret)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = false;
    int rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE want (path BLOB, in_path BLOB, name BLOB)");

    inv_put(&sql, "SELECT DISTINCT w.path FROM (");
    inv_put_text(&sql, paths);
    inv_put(&sql, ") w ANTI JOIN \"v_%s\".folder f ON f.path = w.path", u->volume->id);
    if (rc == AL_OK) {
        rc = inv_append_temp(u, "want", &a);
    }
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, &rows);
    }
    *ret = 0;
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = want_above(&a, inv_bytes(&rows, 0));
        (*ret)++;
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

static const char new_sql[] =
    "CREATE OR REPLACE TEMP TABLE new_folder AS SELECT (SELECT coalesce(max(id), 0) FROM "
    "\"v_%s\".folder) + row_number() OVER (ORDER BY octet_length(path), path) AS id, path, "
    "in_path, "
    "name FROM (SELECT DISTINCT w.* FROM temp.want w ANTI JOIN \"v_%s\".folder f ON f.path = "
    "w.path)";

static const char insert_sql[] =
    "INSERT INTO \"v_%s\".folder (id, parent, last, path, name, flags, files, bytes) SELECT n.id, "
    "CASE "
    "WHEN octet_length(n.path) = 0 THEN 0 ELSE p.id END, n.id, n.path, n.name, 0, 0, 0 FROM "
    "temp.new_folder n LEFT JOIN (SELECT id, path FROM \"v_%s\".folder UNION ALL SELECT id, path "
    "FROM "
    "temp.new_folder) p ON p.path = n.in_path AND octet_length(n.path) > 0";

/* A file of that name has made room. */
static const char room_sql[] =
    "CREATE OR REPLACE TEMP TABLE in_the_way AS SELECT e.rowid AS rid, e.folder, e.type FROM "
    "temp.new_folder n JOIN \"v_%s\".folder f ON f.path = n.path JOIN \"v_%s\".entry e ON e.folder "
    "= "
    "f.parent AND e.name = n.name WHERE octet_length(n.path) > 0";

static const char entries_sql[] =
    "INSERT INTO \"v_%s\".entry (folder, name, ext, type, flags, attrs, mode, uid, gid, nlink, "
    "ino, "
    "size, allocated, mtime_ns, ctime_ns, btime_ns, accessed_ns, source, state, object_id, epoch, "
    "found) SELECT f.parent, n.name, ''::BLOB, %d, 0, 0, 493, 0, 0, 1, 0, 0, 0, 0, 0, NULL, NULL, "
    "0, "
    "0, NULL, 0, 0 FROM temp.new_folder n JOIN \"v_%s\".folder f ON f.path = n.path WHERE "
    "octet_length(n.path) > 0";

int
inv_folders_ensure(struct inv_place *p, const char *paths)
{
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    uint64_t wanted = 0;
    int rc = find_wanted(u, paths, &wanted);

    if (rc < 0 || wanted == 0) {
        return rc;
    }
    rc = inv_runf(u->inv, u->conn, new_sql, id, id);
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, insert_sql, id, id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, room_sql, id, id);
    }
    if (rc == AL_OK) {
        rc =
            inv_run(u->inv, u->conn, "INSERT INTO temp.touched SELECT folder FROM temp.in_the_way");
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "DELETE FROM \"v_%s\".entry WHERE rowid IN (SELECT rid FROM temp.in_the_way)",
                      id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, entries_sql, id, PORT_T_FOLDER, id);
    }
    p->dirty = p->changed = true;
    return rc;
}

/* ---- a folder moves ---- */

struct found {
    bool there;
    uint32_t id, parent;
};

static int
find_folder(struct inv_use *u, struct al_span path, struct found *ret)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = true;
    int rc;

    inv_put(&sql, "SELECT id, parent FROM \"v_%s\".folder WHERE path = ", u->volume->id);
    inv_put_blob(&sql, path);
    rc = sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0) {
        return rc;
    }
    *ret = (struct found){.there = !end};
    if (!end) {
        ret->id = (uint32_t)inv_num(&rows, 0);
        ret->parent = (uint32_t)inv_num(&rows, 1);
    }
    return AL_OK;
}

static struct al_span
parent_of(struct al_span path)
{
    struct al_span name = rule_name_of(path);

    return (struct al_span){path.at, path.len > name.len ? path.len - name.len - 1 : 0};
}

static int
ensure_one(struct inv_place *p, struct al_span path)
{
    INV_SQL(sql);

    inv_put(&sql, "SELECT ");
    inv_put_blob(&sql, path);
    inv_put(&sql, " AS path");
    return sql.rc < 0 ? sql.rc : inv_folders_ensure(p, (char *)sql.text.at);
}

/* Statements of the entry that a folder has in its parent. */
static int
move_entry(struct inv_place *p, const struct found *f, struct al_span old_name, uint32_t parent,
           struct al_span name, bool gone)
{
    INV_SQL(sql);

    if (gone) {
        inv_put(&sql, "DELETE FROM \"v_%s\".entry", p->u->volume->id);
    } else {
        inv_put(&sql, "UPDATE \"v_%s\".entry SET folder = %u, name = ", p->u->volume->id, parent);
        inv_put_blob(&sql, name);
    }
    inv_put(&sql, " WHERE folder = %u AND type = %d AND name = ", f->parent, PORT_T_FOLDER);
    inv_put_blob(&sql, old_name);
    return sql.rc < 0 ? sql.rc : inv_run(p->u->inv, p->u->conn, (char *)sql.text.at);
}

/* What is no folder and lies where a folder is to be. */
static int
clear_place(struct inv_place *p, uint32_t parent, struct al_span name)
{
    struct inv_use *u = p->u;
    INV_SQL(sql);

    inv_put(&sql, "DELETE FROM \"v_%s\".entry WHERE folder = %u AND type <> %d AND name = ",
            u->volume->id, parent, PORT_T_FOLDER);
    inv_put_blob(&sql, name);
    if (sql.rc < 0) {
        return sql.rc;
    }
    return inv_run(u->inv, u->conn, (char *)sql.text.at);
}

/* The paths of it and of all below. */
static int
change_paths(struct inv_place *p, struct al_span from, struct al_span to)
{
    INV_SQL(sql);

    inv_put(&sql, "UPDATE \"v_%s\".folder SET path = ", p->u->volume->id);
    inv_put_blob(&sql, to);
    inv_put(&sql, " || coalesce(path[%zu:], ''::BLOB) WHERE path = ", from.len + 1);
    inv_put_blob(&sql, from);
    inv_put(&sql, " OR (path >= ");
    inv_put_blob(&sql, from);
    inv_put(&sql, " || '/'::BLOB AND path < ");
    inv_put_blob(&sql, from);
    inv_put(&sql, " || '0'::BLOB)"); /* '0' follows '/' */
    return sql.rc < 0 ? sql.rc : inv_run(p->u->inv, p->u->conn, (char *)sql.text.at);
}

static int
move_plain(struct inv_place *p, const struct found *f, struct al_span from, struct al_span to)
{
    struct al_span name = rule_name_of(to);
    struct found parent = {0};
    INV_SQL(sql);
    int rc = find_folder(p->u, parent_of(to), &parent);

    if (rc < 0 || !parent.there) {
        return rc < 0 ? rc : AL_ECORRUPT; /* made by the caller */
    }
    rc = clear_place(p, parent.id, name);
    if (rc == AL_OK) {
        rc = move_entry(p, f, rule_name_of(from), parent.id, name, false);
    }
    if (rc == AL_OK) {
        rc = change_paths(p, from, to);
    }
    inv_put(&sql, "UPDATE \"v_%s\".folder SET parent = %u, name = ", p->u->volume->id, parent.id);
    inv_put_blob(&sql, name);
    inv_put(&sql, " WHERE id = %u", f->id);
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : inv_run(p->u->inv, p->u->conn, (char *)sql.text.at);
    }
    if (rc == AL_OK) {
        rc = inv_runf(p->u->inv, p->u->conn, "INSERT INTO temp.touched VALUES (%u)", parent.id);
    }
    if (rc == AL_OK && f->parent != parent.id) {
        rc = al_buf_add(&p->moved, &f->id, sizeof(f->id));
        p->dirty = true;
    }
    p->changed = true;
    return rc;
}

/* ---- onto one that is there ---- */

/* Of two files of one name the one that came stays, with the later access. */
static int
merge_files(struct inv_place *p, uint32_t from, uint32_t to)
{
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int rc = inv_runf(
        u->inv, u->conn,
        "CREATE OR REPLACE TEMP TABLE both_files AS SELECT a.rowid AS rid, b.rowid AS other, "
        "greatest(a.accessed_ns, b.accessed_ns) AS accessed_ns, (CASE WHEN a.accessed_ns IS NULL "
        "OR "
        "b.accessed_ns > a.accessed_ns THEN b.source ELSE a.source END)::UTINYINT AS source, "
        "greatest(a.came_ns, b.came_ns) AS came_ns FROM "
        "\"v_%s\".entry a JOIN \"v_%s\".entry b ON b.name = a.name WHERE a.folder = %u AND "
        "b.folder "
        "= %u AND a.type <> %d AND b.type <> %d",
        id, id, from, to, PORT_T_FOLDER, PORT_T_FOLDER);

    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "UPDATE \"v_%s\".entry AS e SET accessed_ns = b.accessed_ns, source = "
                      "b.source, came_ns = b.came_ns FROM temp.both_files b WHERE e.rowid = b.rid",
                      id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(
            u->inv, u->conn,
            "DELETE FROM \"v_%s\".entry WHERE rowid IN (SELECT other FROM temp.both_files)", id);
    }
    /* A folder of the name of a file stays. */
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "DELETE FROM \"v_%s\".entry WHERE folder = %u AND type <> %d AND name IN "
                      "(SELECT name FROM \"v_%s\".entry WHERE folder = %u)",
                      id, from, PORT_T_FOLDER, id, to);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn,
                      "UPDATE \"v_%s\".entry SET folder = %u WHERE folder = %u AND type <> %d", id,
                      to, from, PORT_T_FOLDER);
    }
    return rc < 0
               ? rc
               : inv_runf(u->inv, u->conn, "INSERT INTO temp.touched VALUES (%u), (%u)", from, to);
}

/* The names of the folders in one, each behind its length. */
static int
child_names(struct inv_use *u, uint32_t folder, struct al_buf *names)
{
    INV_ROWS(rows);
    char sql[128];
    bool end = false;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT name FROM \"v_%s\".folder WHERE parent = %u", u->volume->id,
             folder);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    while (rc == AL_OK) {
        struct al_span name;
        uint32_t len;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        name = inv_bytes(&rows, 0);
        len = (uint32_t)name.len;
        rc = al_buf_add(names, &len, sizeof(len));
        if (rc == AL_OK) {
            rc = al_buf_add(names, name.at, name.len);
        }
    }
    return rc;
}

static int move_folder(struct inv_place *p, struct al_span from, struct al_span to,
                       unsigned depth) AL_MUST_CHECK;

static int
join_name(struct al_buf *out, struct al_span folder, struct al_span name)
{
    int rc;

    al_buf_clear(out);
    rc = al_buf_reserve(out, folder.len + 1 + name.len);
    if (rc == AL_OK && folder.len > 0) {
        rc = al_buf_add(out, folder.at, folder.len);
    }
    if (rc == AL_OK) {
        rc = al_buf_add(out, "/", 1);
    }
    return rc < 0 ? rc : al_buf_add(out, name.at, name.len);
}

static int
merge_folders(struct inv_place *p, const struct found *f, const struct found *other,
              struct al_span from, struct al_span to, unsigned depth)
{
    AL_CLEANUP(al_buf_free) struct al_buf names = {0};
    AL_CLEANUP(al_buf_free) struct al_buf a = {0};
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    int rc = merge_files(p, f->id, other->id);

    al_buf_init(&names, SIZE_MAX / 4);
    al_buf_init(&a, 2 * INVENTORY_PATH_MAX);
    al_buf_init(&b, 2 * INVENTORY_PATH_MAX);
    if (rc == AL_OK) {
        rc = child_names(p->u, f->id, &names);
    }
    for (size_t at = 0; rc == AL_OK && at < names.len;) {
        struct al_span name;
        uint32_t len;

        memcpy(&len, names.at + at, sizeof(len));
        name = (struct al_span){names.at + at + sizeof(len), len};
        at += sizeof(len) + len;
        rc = join_name(&a, from, name);
        if (rc == AL_OK) {
            rc = join_name(&b, to, name);
        }
        if (rc == AL_OK) {
            rc = move_folder(p, al_buf_span(&a), al_buf_span(&b), depth + 1);
        }
    }
    if (rc == AL_OK) {
        rc = move_entry(p, f, rule_name_of(from), 0, from, true);
    }
    p->dirty = p->changed = true;
    return rc < 0 ? rc
                  : inv_runf(p->u->inv, p->u->conn, "DELETE FROM \"v_%s\".folder WHERE id = %u",
                             p->u->volume->id, f->id);
}

#define MERGED_DEPTH_MAX                                                                           \
    64u /* folders of the same names in each other; what is deeper waits for a scan */

static int
move_folder(struct inv_place *p, struct al_span from, struct al_span to, unsigned depth)
{
    struct found f, other;
    int rc = find_folder(p->u, from, &f);

    if (rc < 0 || !f.there || depth > MERGED_DEPTH_MAX) {
        return rc;
    }
    rc = find_folder(p->u, to, &other);
    if (rc == AL_OK && !other.there) {
        rc = ensure_one(p, parent_of(to));
    }
    if (rc < 0) {
        return rc;
    }
    return other.there ? merge_folders(p, &f, &other, from, to, depth)
                       : move_plain(p, &f, from, to);
}

int
inv_folders_move(struct inv_place *p, struct al_span from, struct al_span to)
{
    if (from.len == 0 || to.len == 0 || inv_path_below(to, from)) {
        return AL_OK; /* the root stays, and nothing goes into itself: a scan will tell */
    }
    if (inv_path_below(from, to)) {
        /* Onto a folder above it: what is there cannot be what was there when it moved. */
        return AL_OK;
    }
    return move_folder(p, from, to, 0);
}

/* ---- numbers ---- */

struct numbered {
    uint32_t id, parent;                /* as they were */
    uint32_t first, next, new_id, last; /* indices, but new_id and last */
    bool fresh;                         /* it came, or moved, or lies in one that did */
};
struct numbering {
    struct numbered *at; /* 1 ... */
    uint32_t *by_id;
    uint32_t count, max_id, root;
    uint32_t known; /* greatest number before the batch */
};

static void
numbering_end(struct numbering *n)
{
    al_free(n->at);
    al_free(n->by_id);
}

static int
read_numbers(struct inv_use *u, struct numbering *n)
{
    INV_ROWS(rows);
    char sql[128];
    int64_t count = 0, most = 0;
    bool end = false;
    int rc;

    rc = inv_count(u, "folder", &count);
    snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0)::BIGINT FROM \"v_%s\".folder",
             u->volume->id);
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, sql, &most);
    }
    if (rc < 0 || most > INVENTORY_FOLDERS_MAX * INT64_C(2)) {
        return rc < 0 ? rc : AL_ELIMIT;
    }
    n->at = al_array((size_t)count + 1, sizeof(*n->at));
    n->by_id = al_array((size_t)most + 1, sizeof(*n->by_id));
    if (n->at == NULL || n->by_id == NULL) {
        return AL_ENOMEM;
    }
    n->max_id = (uint32_t)most;
    snprintf(sql, sizeof(sql), "SELECT id, parent FROM \"v_%s\".folder ORDER BY id", u->volume->id);
    rc = inv_query(u->inv, u->conn, sql, true, &rows);
    while (rc == AL_OK) {
        struct numbered *x;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        if (n->count == count) {
            return AL_ECORRUPT;
        }
        x = &n->at[++n->count];
        x->id = (uint32_t)inv_num(&rows, 0);
        x->parent = (uint32_t)inv_num(&rows, 1);
        n->by_id[x->id] = n->count;
    }
    return rc;
}

static int
connect(struct numbering *n)
{
    for (uint32_t i = n->count; i > 0; i--) {
        struct numbered *x = &n->at[i];
        uint32_t parent = x->parent != 0 && x->parent <= n->max_id ? n->by_id[x->parent] : 0;

        if (x->parent == 0) {
            n->root = i;
            continue;
        }
        if (parent == 0) {
            return AL_ECORRUPT;
        }
        x->next = n->at[parent].first;
        n->at[parent].first = i;
    }
    return n->root != 0 || n->count == 0 ? AL_OK : AL_ECORRUPT;
}

static void
mark_fresh(struct numbering *n, const struct inv_place *p)
{
    const uint8_t *moved = p->moved.at;

    n->known = p->known_id;
    for (size_t i = 0; i < p->moved.len / sizeof(uint32_t); i++) {
        uint32_t id;

        memcpy(&id, moved + i * sizeof(id), sizeof(id));
        if (id <= n->max_id) {
            n->at[n->by_id[id]].fresh = true;
        }
    }
}

/* The number behind `given` for the next in the order of the tree. Who was there and can keep its number keeps it;
 * where many get new ones, some are left free, so that the next folder to come moves few. */
static uint32_t
number_of(struct numbering *n, struct numbered *x, uint32_t given, bool spare, uint32_t *io_run)
{
    x->fresh |= x->id > n->known || (x->parent != 0 && n->at[n->by_id[x->parent]].fresh);
    if (!x->fresh && x->id > given) {
        return x->id;
    }
    return given + 1 + (spare && ++*io_run % SPARE_EACH == 0 ? 1 : 0);
}

static int
give_numbers(struct numbering *n)
{
    uint32_t at = n->root, given = 0, seen = 0, run = 0;
    bool spare = n->known < n->count + n->count / (2 * SPARE_EACH);

    while (at != 0) {
        struct numbered *x = &n->at[at];
        uint32_t next = x->first;

        if (++seen > n->count) {
            return AL_ECORRUPT; /* a ring */
        }
        given = number_of(n, x, given, spare, &run);
        x->new_id = x->last = given;
        while (next == 0 && at != 0) {
            n->at[at].last = given;
            next = at == n->root ? 0 : n->at[at].next;
            at = at == n->root ? 0 : n->by_id[n->at[at].parent];
        }
        at = next;
    }
    return seen == n->count ? AL_OK : AL_ECORRUPT;
}

static int
write_numbers(struct inv_use *u, const struct numbering *n)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE numbers (old UINTEGER, new UINTEGER, parent "
                     "UINTEGER, last UINTEGER)");

    if (rc == AL_OK) {
        rc = inv_append_temp(u, "numbers", &a);
    }
    for (uint32_t i = 1; rc == AL_OK && i <= n->count; i++) {
        const struct numbered *x = &n->at[i];
        duckdb_state bad = duckdb_append_uint32(a.a, x->id);

        bad |= duckdb_append_uint32(a.a, x->new_id);
        bad |= duckdb_append_uint32(a.a, x->parent != 0 ? n->at[n->by_id[x->parent]].new_id : 0);
        bad |= duckdb_append_uint32(a.a, x->last);
        rc = inv_append_row(&a, bad);
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

int
inv_folders_number(struct inv_place *p)
{
    AL_CLEANUP(numbering_end) struct numbering n = {0};
    static const char *const statements[] = {
        "CREATE OR REPLACE TEMP TABLE renumbered AS SELECT old, new FROM temp.numbers WHERE old <> "
        "new",
        "UPDATE temp.touched AS t SET id = n.new FROM temp.renumbered n WHERE t.id = n.old"};
    static const char *const tables[][2] = {{"entry", "folder"}, {"own", "id"}, {"twin", "folder"}};
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int rc = read_numbers(u, &n);

    if (rc == AL_OK) {
        rc = connect(&n);
    }
    if (rc == AL_OK) {
        mark_fresh(&n, p);
        rc = give_numbers(&n);
    }
    if (rc == AL_OK) {
        rc = write_numbers(u, &n);
    }
    for (size_t i = 0; rc == AL_OK && i < AL_LEN(statements); i++) {
        rc = inv_run(u->inv, u->conn, statements[i]);
    }
    for (size_t i = 0; rc == AL_OK && i < AL_LEN(tables); i++) {
        rc = inv_runf(u->inv, u->conn,
                      "UPDATE \"v_%s\".%s AS t SET %s = n.new FROM temp.renumbered n WHERE t.%s = "
                      "n.old",
                      id, tables[i][0], tables[i][1], tables[i][1]);
    }
    if (rc == AL_OK) {
        rc =
            inv_runf(u->inv, u->conn,
                     "UPDATE \"v_%s\".folder AS f SET id = n.new, parent = n.parent, last = n.last "
                     "FROM temp.numbers n WHERE f.id = n.old AND (f.id <> n.new OR f.parent <> "
                     "n.parent OR f.last <> n.last)",
                     id);
    }
    p->dirty = rc < 0;
    return rc;
}
