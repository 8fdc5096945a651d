/* A volume's file. What a scan or an import makes of a volume is not written beside what readers use, which would
 * leave half of the file empty, but into a file of its own, which takes its place:
 *
 *   <id>.next      written, and flushed; after a crash it is removed, nothing happened
 *   <id>.ready     its name from the moment on in which the change is made: a crash from here on is finished by who
 *                  opens the volume next
 *   <id>.duckdb    the log of the old file went before, since it would be taken for the new file's
 *
 * Others write nothing meanwhile (inv_volume.write). Who reads the old file reads on; the change of names waits for
 * a moment without readers (inv_hold). */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/access_priv.h"

#define BLOCK_BYTES_DEFAULT 4096u
#define FILE_NAME ".duckdb"
#define FILE_NAME_WAL ".duckdb.wal"
#define FILE_NAME_NEXT ".next"
#define FILE_NAME_NEXT_WAL ".next.wal"
#define FILE_NAME_READY ".ready"
#define FILE_NAME_STAGE ".stage"
#define FILE_NAME_STAGE_WAL ".stage.wal"

static const char *const schema[] = {
    "CREATE TABLE \"n_%s\".meta (format INTEGER, customer_id VARCHAR, volume_id VARCHAR, "
    "block_bytes UBIGINT, epoch UBIGINT, "
    "last_scan_id VARCHAR, last_scan_ns BIGINT, entries UBIGINT, folders UBIGINT, unreadable "
    "UBIGINT, added UBIGINT, changed UBIGINT, "
    "gone UBIGINT, kept UBIGINT, left_out UBIGINT)",
    "CREATE TABLE \"n_%s\".stream (id VARCHAR, seq UBIGINT)",
    "CREATE TABLE \"n_%s\".owner (uid UINTEGER, name BLOB)",
    "CREATE TABLE \"n_%s\".folder (id UINTEGER, parent UINTEGER, last UINTEGER, path BLOB, name "
    "BLOB, flags UINTEGER, files UBIGINT, bytes UBIGINT)",
    "CREATE TABLE \"n_%s\".entry (folder UINTEGER, name BLOB, ext BLOB, type UTINYINT, flags "
    "UTINYINT, attrs UINTEGER, mode UINTEGER, "
    "uid UINTEGER, gid UINTEGER, nlink UINTEGER, ino UBIGINT, size BIGINT, allocated BIGINT, "
    "mtime_ns BIGINT, ctime_ns BIGINT, "
    "btime_ns BIGINT, accessed_ns BIGINT, source UTINYINT, state UTINYINT, object_id VARCHAR, "
    "epoch UBIGINT, found UTINYINT, came_ns BIGINT)",
};

/* dir/<volume id><what> */
static char *
file_path(const struct inventory *inv, const char *volume_id, const char *what)
{
    size_t len = strlen(inv->dir) + 1 + AL_ID_LEN + strlen(what) + 1;
    char *path = al_alloc(len);

    if (path != NULL) {
        snprintf(path, len, "%s/%s%s", inv->dir, volume_id, what);
    }
    return path;
}

static int
attach(struct inventory *inv, struct inv_conn *c, const char *volume_id, char catalog,
       const char *what)
{
    AL_CLEANUP(al_freep) char *path = file_path(inv, volume_id, what);
    INV_SQL(sql);

    if (path == NULL) {
        return AL_ENOMEM;
    }
    inv_put(&sql, "ATTACH '");
    for (const char *p = path; *p != '\0'; p++) {
        inv_put(&sql, *p == '\'' ? "''" : "%c", *p);
    }
    inv_put(&sql, "' AS \"%c_%s\" (TYPE duckdb, STORAGE_VERSION 'v1.2.0')", catalog, volume_id);
    return sql.rc < 0 ? sql.rc : inv_run(inv, c, (char *)sql.text.at);
}

static int
detach(struct inventory *inv, struct inv_conn *c, const char *volume_id, char catalog)
{
    return inv_runf(inv, c, "DETACH DATABASE IF EXISTS \"%c_%s\"", catalog, volume_id);
}

int
inv_file_attach(struct inventory *inv, struct inv_conn *c, const char *volume_id)
{
    return attach(inv, c, volume_id, INV_NOW, FILE_NAME);
}

int
inv_file_detach(struct inventory *inv, struct inv_conn *c, const char *volume_id)
{
    return detach(inv, c, volume_id, INV_NOW);
}

static int
find(struct inventory *inv, const char *volume_id, const char *what)
{
    AL_CLEANUP(al_freep) char *path = file_path(inv, volume_id, what);
    struct port_stat st;

    return path == NULL ? AL_ENOMEM : port_stat_at(inv->port, NULL, path, &st);
}

int
inv_file_find(struct inventory *inv, const char *volume_id)
{
    return find(inv, volume_id, FILE_NAME);
}

static int
remove_if_there(struct inventory *inv, const char *volume_id, const char *what)
{
    AL_CLEANUP(al_freep) char *path = file_path(inv, volume_id, what);
    int rc = path != NULL ? port_unlink(inv->port, NULL, path) : AL_ENOMEM;

    return rc == AL_ENOENT ? AL_OK : rc;
}

static int
remove_all(struct inventory *inv, const char *volume_id, const char *const *names, size_t count)
{
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < count; i++) {
        rc = remove_if_there(inv, volume_id, names[i]);
    }
    return rc;
}

/* What is nobody's when no writer is at work. */
static const char *const scratch[] = {FILE_NAME_NEXT_WAL, FILE_NAME_NEXT, FILE_NAME_STAGE_WAL,
                                      FILE_NAME_STAGE};

static int
rename_file(struct inventory *inv, const char *volume_id, const char *a, const char *b)
{
    AL_CLEANUP(al_freep) char *from = file_path(inv, volume_id, a);
    AL_CLEANUP(al_freep) char *to = file_path(inv, volume_id, b);

    return from != NULL && to != NULL ? port_rename(inv->port, NULL, from, NULL, to, true)
                                      : AL_ENOMEM;
}

static int
sync_folder(struct inventory *inv)
{
    AL_CLEANUP(port_holder_end) struct port_holder folder = {inv->port, NULL};
    int rc = port_open(inv->port, NULL, inv->dir, PORT_READ | PORT_FOLDER, 0, &folder.file);

    return rc == AL_OK ? port_sync(inv->port, folder.file) : rc;
}

/* The next file, whole and closed, is what the volume is from here on. */
static int
make_ready(struct inventory *inv, const char *volume_id)
{
    AL_CLEANUP(al_freep) char *path = file_path(inv, volume_id, FILE_NAME_NEXT);
    AL_CLEANUP(port_holder_end) struct port_holder file = {inv->port, NULL};
    int rc = path != NULL ? port_open(inv->port, NULL, path, PORT_READ, 0, &file.file) : AL_ENOMEM;

    if (rc == AL_OK) {
        rc = port_sync(inv->port, file.file);
    }
    return rc == AL_OK ? rename_file(inv, volume_id, FILE_NAME_NEXT, FILE_NAME_READY) : rc;
}

/* Its name is on the disk before the old file's log goes. */
static int
take_ready(struct inventory *inv, const char *volume_id)
{
    int rc = sync_folder(inv);

    if (rc == AL_OK) {
        rc = remove_if_there(inv, volume_id, FILE_NAME_WAL);
    }
    if (rc == AL_OK) {
        rc = rename_file(inv, volume_id, FILE_NAME_READY, FILE_NAME);
    }
    return rc == AL_OK ? sync_folder(inv) : rc;
}

int
inv_file_settle(struct inventory *inv, const char *volume_id)
{
    int rc = find(inv, volume_id, FILE_NAME_READY);

    if (rc == AL_OK) {
        rc = take_ready(inv, volume_id);
    }
    if (rc < 0 && rc != AL_ENOENT) {
        return rc;
    }
    return remove_all(inv, volume_id, scratch, AL_LEN(scratch));
}

/* ---- a next file ---- */

static int
create_tables(struct inv_use *u)
{
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < AL_LEN(schema); i++) {
        /* Each is a literal of this file with one %s. */
        const char *at = strstr(schema[i], "%s");

        rc = inv_runf(u->inv, u->conn, "%.*s%s%s", (int)(at - schema[i]), schema[i], u->volume->id,
                      at + 2);
    }
    rc = rc == AL_OK ? inv_summaries_make(u, INV_NEXT) : rc;
    return rc == AL_OK ? inv_access_make(u, INV_NEXT) : rc;
}

/* Attached, with a transaction begun and tables without rows. */
static int
begin_next(struct inv_use *u)
{
    static const char *const names[] = {FILE_NAME_NEXT_WAL, FILE_NAME_NEXT};
    int rc = remove_all(u->inv, u->volume->id, names, AL_LEN(names));

    if (rc == AL_OK) {
        rc = attach(u->inv, u->conn, u->volume->id, INV_NEXT, FILE_NAME_NEXT);
        u->next = rc == AL_OK;
    }
    if (rc == AL_OK) {
        rc = inv_begin(u);
    }
    return rc == AL_OK ? create_tables(u) : rc;
}

/* Committed, closed, which works the log into the file, and ready. DuckDB gives up all volumes when a checkpoint
 * fails, as it does on a full disk, but not when closing does: then the log stays. */
static int
end_next(struct inv_use *u)
{
    const char *id = u->volume->id;
    int rc = inv_run(u->inv, u->conn, "SET GLOBAL checkpoint_threshold = '" INV_LOG_ALL "'"), undo;

    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn, "COMMIT");
        u->open = false;
    }
    undo = inv_run(u->inv, u->conn, "SET GLOBAL checkpoint_threshold = '" INV_LOG_BYTES_MAX "'");
    rc = rc < 0 ? rc : undo;
    if (rc == AL_OK) {
        rc = detach(u->inv, u->conn, id, INV_NEXT);
    }
    if (rc == AL_OK) {
        rc = find(u->inv, id, FILE_NAME_NEXT_WAL);
        rc = rc == AL_ENOENT ? AL_OK : rc == AL_OK ? AL_EIO : rc;
    }
    if (rc == AL_OK) {
        rc = make_ready(u->inv, id);
    }
    u->next = rc < 0;
    return rc;
}

int
inv_next_begin(struct inv_use *u)
{
    static const char *const copied[] = {"meta", "stream", "owner", "day", "import"};
    const char *id = u->volume->id;
    int rc = u->open ? inv_run(u->inv, u->conn, "COMMIT") : AL_OK; /* of reading, or of the stage */

    u->open = u->open && rc < 0;
    if (rc == AL_OK) {
        rc = begin_next(u);
    }
    for (size_t i = 0; rc == AL_OK && i < AL_LEN(copied); i++) {
        rc = inv_runf(u->inv, u->conn, "INSERT INTO \"n_%s\".%s BY NAME SELECT * FROM \"v_%s\".%s",
                      id, copied[i], id, copied[i]);
    }
    return rc == AL_OK ? inv_access_carry(u) : rc;
}

int
inv_next_commit(struct inv_use *u)
{
    const char *id = u->volume->id;
    int rc = end_next(u);

    if (rc < 0) {
        return rc;
    }
    /* No way back: what fails from here on is tried again by who opens the volume next. */
    inv_hold(u);
    rc = inv_file_detach(u->inv, u->conn, id);
    if (rc == AL_OK) {
        rc = take_ready(u->inv, id);
    }
    if (rc == AL_OK) {
        rc = inv_file_attach(u->inv, u->conn, id);
    }
    inv_let_go(u, rc < 0);
    if (rc == AL_OK) {
        inv_changed(u);
    }
    return rc;
}

int
inv_stage_begin(struct inv_use *u)
{
    static const char *const names[] = {FILE_NAME_STAGE_WAL, FILE_NAME_STAGE};
    int rc = u->open ? inv_run(u->inv, u->conn, "COMMIT") : AL_OK;

    u->open = u->open && rc < 0;
    if (rc == AL_OK) {
        rc = remove_all(u->inv, u->volume->id, names, AL_LEN(names));
    }
    if (rc == AL_OK) {
        rc = attach(u->inv, u->conn, u->volume->id, INV_STAGE, FILE_NAME_STAGE);
        u->stage = rc == AL_OK;
    }
    return rc == AL_OK ? inv_begin(u) : rc;
}

/* What stays is removed when the volume is opened, or by the next writer. */
static void
drop(struct inv_use *u, char catalog, const char *const *names, size_t count)
{
    const char *id = u->volume->id;

    if (detach(u->inv, u->conn, id, catalog) < 0 || remove_all(u->inv, id, names, count) < 0) {
        al_log(u->inv->log, AL_LOG_DEBUG, "inventory: a scratch file of %s stays", id);
    }
}

void
inv_next_drop(struct inv_use *u)
{
    if (u->next) {
        drop(u, INV_NEXT, scratch, 2);
        u->next = false;
    }
    if (u->stage) {
        drop(u, INV_STAGE, scratch + 2, 2);
        u->stage = false;
    }
}

int
inv_file_make(struct inventory *inv, struct inv_conn *c, const struct inventory_scope *scope,
              const char *volume_id, uint64_t block_bytes)
{
    struct inv_volume v = {0};
    struct inv_use u = {.inv = inv, .volume = &v, .conn = c};
    int rc;

    snprintf(v.id, sizeof(v.id), "%s", volume_id);
    rc = begin_next(&u);
    if (rc == AL_OK) {
        rc = inv_runf(inv, c,
                      "INSERT INTO \"n_%s\".meta VALUES (%d, '%s', '%s', %llu, 0, NULL, 0, 0, 0, "
                      "0, 0, 0, 0, 0, 0, 0, false, false, 0, 0, 0, 0, false)",
                      volume_id, INV_FORMAT, scope->customer_id, volume_id,
                      (unsigned long long)(block_bytes > 0 ? block_bytes : BLOCK_BYTES_DEFAULT));
    }
    if (rc == AL_OK) {
        rc = end_next(&u);
    }
    if (u.open && inv_run(inv, c, "ROLLBACK") < 0) {
        al_log(inv->log, AL_LOG_DEBUG, "inventory: nothing to roll back");
    }
    inv_next_drop(&u);
    return rc < 0 ? rc : take_ready(inv, volume_id);
}

/* The log before its file: a file without its log is whole, a log without its file would meet the next file of that
 * name. */
int
inv_file_remove(struct inventory *inv, struct inv_conn *c, const char *volume_id)
{
    static const char *const names[] = {FILE_NAME_READY, FILE_NAME_WAL, FILE_NAME};
    int rc = inv_file_detach(inv, c, volume_id);

    if (rc == AL_OK) {
        rc = remove_all(inv, volume_id, scratch, AL_LEN(scratch));
    }
    if (rc == AL_OK) {
        rc = remove_all(inv, volume_id, names, AL_LEN(names));
    }
    return rc < 0 ? rc : inv_remove_scans(inv, volume_id, NULL);
}
