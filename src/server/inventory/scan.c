/* Scans come in as batches, each kept as a file of its own (written whole, flushed, renamed): a
 * batch that is there was taken, one that is not was not, and DuckDB sees nothing until scan_end
 * merges all of them in one transaction. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define MODE_FOLDER 0700u
#define MODE_FILE 0600u

/* Removes one scan's folder with its batches. */
static int
remove_scan(struct inventory *inv, struct port_file *parent, const char *scan_id)
{
    AL_CLEANUP(port_holder_end) struct port_holder folder = {inv->port, NULL};
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    int rc = port_open(inv->port, parent, scan_id, PORT_READ | PORT_FOLDER, 0, &folder.file);

    if (rc < 0) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    rc = port_dir_open(inv->port, folder.file, &d);
    while (rc == AL_OK) {
        rc = port_dir_next(inv->port, d, &e, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = port_unlink(inv->port, folder.file, e.name);
        rc = rc == AL_ENOENT ? AL_OK : rc;
    }
    port_dir_close(inv->port, &d);
    if (rc == AL_OK) {
        rc = port_rmdir(inv->port, parent, scan_id);
    }
    return rc == AL_ENOENT ? AL_OK : rc;
}

/* The names of the scans of a volume, but one, are copied first: a listing does not like what it
 * lists to go. */
static int
other_scans(struct inventory *inv, struct port_file *parent, const char *except,
            struct al_buf *names)
{
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    int rc = port_dir_open(inv->port, parent, &d);

    while (rc == AL_OK) {
        rc = port_dir_next(inv->port, d, &e, &end);
        if (rc < 0 || end) {
            break;
        }
        if (al_id_valid(e.name) && (except == NULL || strcmp(e.name, except) != 0)) {
            rc = al_buf_add(names, e.name, AL_ID_LEN + 1);
        }
    }
    port_dir_close(inv->port, &d);
    return rc;
}

int
inv_remove_scans(struct inventory *inv, const char *volume_id, const char *except_scan_id)
{
    AL_CLEANUP(al_freep) char *path = inv_scan_path(inv, volume_id, NULL);
    AL_CLEANUP(port_holder_end) struct port_holder folder = {inv->port, NULL};
    AL_CLEANUP(al_buf_free) struct al_buf names = {0};
    int rc;

    al_buf_init(&names, 1u << 20);
    if (path == NULL) {
        return AL_ENOMEM;
    }
    rc = port_open(inv->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &folder.file);
    if (rc < 0) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    rc = other_scans(inv, folder.file, except_scan_id, &names);
    for (size_t i = 0; rc == AL_OK && i < names.len; i += AL_ID_LEN + 1) {
        rc = remove_scan(inv, folder.file, (const char *)names.at + i);
    }
    if (rc == AL_OK && except_scan_id == NULL) {
        port_close_quiet(inv->port, &folder.file);
        rc = port_rmdir(inv->port, NULL, path);
        rc = rc == AL_ENOTEMPTY || rc == AL_ENOENT ? AL_OK : rc;
    }
    return rc;
}

static int
last_scan_is(struct inv_use *u, const char *scan_id, bool *ret)
{
    char sql[256];
    int64_t n = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".meta WHERE last_scan_id = '%s'",
             u->volume->id, scan_id);
    rc = inv_one(u->inv, u->conn, sql, &n);
    if (rc == AL_OK) {
        *ret = n > 0;
    }
    return rc;
}

/* ret_id: of the scan that ended last; "" there is none. */
static int
last_scan(struct inv_use *u, al_id ret_id, bool *ret_import)
{
    const char *id = u->volume->id;
    INV_ROWS(rows);
    char sql[384];
    bool end = true;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT last_scan_id, coalesce((SELECT max(at_ns) FROM \"v_%s\".import), 0) >= "
             "last_scan_ns FROM \"v_%s\".meta",
             id, id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    inv_id(&rows, 0, ret_id);
    *ret_import = inv_num(&rows, 1) != 0;
    return AL_OK;
}

int
inv_scan_followed(struct inv_use *u, const char *scan_id, bool *ret)
{
    bool import;
    al_id last;
    int rc = last_scan(u, last, &import);

    if (rc == AL_OK) {
        *ret = strcmp(last, scan_id) == 0 && !import;
    }
    return rc;
}

int
inventory_scan_last(struct inventory *inv, const struct inventory_scope *scope,
                    const char *volume_id, al_id ret, bool *ret_import)
{
    INV_USE(u);
    bool import;
    al_id last;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    rc = rc < 0 ? rc : last_scan(&u, last, &import);
    if (rc == AL_OK) {
        *ret_import = last[0] != '\0' && import;
        memcpy(ret, last, sizeof(al_id));
    }
    return rc;
}

void
inv_set_scan(struct inv_use *u, const char *scan_id, uint64_t applied)
{
    port_mutex_lock(&u->volume->lock);
    snprintf(u->volume->scan_id, sizeof(u->volume->scan_id), "%s", scan_id);
    u->volume->scan_applied = applied;
    port_mutex_unlock(&u->volume->lock);
}

/* Only called by writers: nobody else changes it meanwhile. */
bool
inv_scan_is(struct inv_use *u, const char *scan_id, uint64_t *ret_applied)
{
    bool same;

    port_mutex_lock(&u->volume->lock);
    same = strcmp(u->volume->scan_id, scan_id) == 0;
    *ret_applied = u->volume->scan_applied;
    port_mutex_unlock(&u->volume->lock);
    return same;
}

static int
make_scan_folder(struct inv_use *u, const char *scan_id)
{
    AL_CLEANUP(al_freep) char *path = inv_scan_path(u->inv, u->volume->id, NULL);
    AL_CLEANUP(port_holder_end) struct port_holder folder = {u->inv->port, NULL};
    int rc;

    if (path == NULL) {
        return AL_ENOMEM;
    }
    rc = port_mkdirs(u->inv->port, path, MODE_FOLDER);
    if (rc == AL_OK) {
        rc = port_open(u->inv->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &folder.file);
    }
    if (rc == AL_OK) {
        rc = port_mkdir(u->inv->port, folder.file, scan_id, MODE_FOLDER);
        rc = rc == AL_EEXIST ? AL_OK : rc;
    }
    return rc < 0 ? rc : port_sync(u->inv->port, folder.file);
}

int
inventory_scan_begin(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, const char *scan_id)
{
    INV_USE(u);
    uint64_t applied;
    bool ended = false;
    int rc;

    if (!al_id_valid(scan_id)) {
        return AL_EINVAL;
    }
    rc = inv_use_begin(inv, scope, volume_id, true, &u);
    if (rc < 0) {
        return rc;
    }
    if (inv_scan_is(&u, scan_id, &applied)) {
        return AL_OK;
    }
    rc = last_scan_is(&u, scan_id, &ended);
    if (rc < 0 || ended) {
        return rc < 0 ? rc : AL_ECONFLICT;
    }
    /* Forgotten before its folder goes, so that no batch of it is taken in between. */
    inv_set_scan(&u, "", 0);
    rc = inv_remove_scans(inv, volume_id, "");
    if (rc == AL_OK) {
        rc = make_scan_folder(&u, scan_id);
    }
    /* What outcomes change from now on is newer than what this scan will say. */
    if (rc == AL_OK) {
        rc = inv_runf(inv, u.conn, "UPDATE \"v_%s\".meta SET epoch = epoch + 1", volume_id);
    }
    if (rc == AL_OK) {
        inv_set_scan(&u, scan_id, 0);
    }
    return rc;
}

/* Reads it once from end to end, so that nothing wrong is kept. */
static int
check_batch(struct al_span packed)
{
    AL_CLEANUP(al_buf_free) struct al_buf plain = {0};
    struct entries_reader reader;
    struct entry_record r;
    bool end = false;
    int rc;

    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    rc = entries_unpack(packed, &plain, &reader);
    while (rc == AL_OK && !end) {
        rc = entries_next(&reader, &r, &end);
    }
    return rc;
}

static int
keep_batch(struct inv_use *u, const char *scan_id, uint64_t seq, struct al_span packed)
{
    AL_CLEANUP(al_freep) char *path = inv_scan_path(u->inv, u->volume->id, scan_id);
    AL_CLEANUP(port_holder_end) struct port_holder folder = {u->inv->port, NULL};
    char name[32];
    int rc;

    if (path == NULL) {
        return AL_ENOMEM;
    }
    rc = port_open(u->inv->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &folder.file);
    if (rc < 0) {
        return rc;
    }
    snprintf(name, sizeof(name), "%010llu", (unsigned long long)seq);
    return port_write_file(u->inv->port, folder.file, name, packed.at, packed.len, MODE_FILE);
}

int
inventory_entries_apply(struct inventory *inv, const struct inventory_scope *scope,
                        const char *volume_id, const char *scan_id, uint64_t seq,
                        struct al_span packed, uint64_t *ret_applied)
{
    INV_USE(u);
    uint64_t applied = 0;
    int rc;

    if (!al_id_valid(scan_id) || seq == 0 || seq > UINT32_MAX) {
        return AL_EINVAL;
    }
    rc = check_batch(packed);
    if (rc < 0) {
        return rc;
    }
    rc = inv_use_begin(inv, scope, volume_id, true, &u);
    if (rc < 0) {
        return rc;
    }
    if (!inv_scan_is(&u, scan_id, &applied)) {
        return AL_ECHANGED;
    }
    if (seq == applied + 1) {
        rc = keep_batch(&u, scan_id, seq, packed);
        if (rc == AL_OK) {
            applied = seq;
            inv_set_scan(&u, scan_id, applied);
        }
    } else if (seq > applied) {
        rc = AL_ECONFLICT;
    }
    if (ret_applied != NULL && (rc == AL_OK || rc == AL_ECONFLICT)) {
        *ret_applied = applied;
    }
    return rc;
}

int
inventory_scan_drop(struct inventory *inv, const struct inventory_scope *scope,
                    const char *volume_id, const char *scan_id)
{
    INV_USE(u);
    uint64_t applied;
    int rc = inv_use_begin(inv, scope, volume_id, true, &u);

    if (rc < 0) {
        return rc;
    }
    if (!inv_scan_is(&u, scan_id, &applied)) {
        return AL_ECHANGED;
    }
    inv_set_scan(&u, "", 0);
    return inv_remove_scans(inv, volume_id, "");
}
