/* The instance, and volumes coming and going: one DuckDB file each, attached when first asked for.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define MEMORY_BYTES_DEFAULT (UINT64_C(1) << 30)
#define CACHE_BYTES_DEFAULT (UINT64_C(64) << 20)
#define BLOCK_BYTES_DEFAULT 4096u
#define FOLDER_MODE 0700u
#define FILE_NAME ".duckdb"
#define FILE_NAME_WAL ".duckdb.wal"
/* A file is made under this name and renamed when it is whole. */
#define FILE_NAME_NEW ".new"
#define FILE_NAME_NEW_WAL ".new.wal"

static const char *const schema[] = {
    "CREATE TABLE \"v_%s\".meta (format INTEGER, customer_id VARCHAR, volume_id VARCHAR, "
    "block_bytes UBIGINT, epoch UBIGINT, "
    "last_scan_id VARCHAR, last_scan_ns BIGINT, entries UBIGINT, folders UBIGINT, unreadable "
    "UBIGINT, added UBIGINT, changed UBIGINT, "
    "gone UBIGINT, kept UBIGINT, left_out UBIGINT)",
    "CREATE TABLE \"v_%s\".stream (id VARCHAR, seq UBIGINT)",
    "CREATE TABLE \"v_%s\".owner (uid UINTEGER, name BLOB)",
    "CREATE TABLE \"v_%s\".folder (id UINTEGER, parent UINTEGER, last UINTEGER, path BLOB, name "
    "BLOB, flags UINTEGER, files UBIGINT, bytes UBIGINT)",
    "CREATE TABLE \"v_%s\".entry (folder UINTEGER, name BLOB, ext BLOB, type UTINYINT, flags "
    "UTINYINT, attrs UINTEGER, mode UINTEGER, "
    "uid UINTEGER, gid UINTEGER, nlink UINTEGER, ino UBIGINT, size BIGINT, allocated BIGINT, "
    "mtime_ns BIGINT, ctime_ns BIGINT, "
    "btime_ns BIGINT, accessed_ns BIGINT, source UTINYINT, state UTINYINT, object_id VARCHAR, "
    "epoch UBIGINT, found UTINYINT)",
};

/* ---- the instance ---- */

static int set_config(duckdb_config config, const char *name, const char *format, ...)
    AL_PRINTF(3, 4);

static int
set_config(duckdb_config config, const char *name, const char *format, ...)
{
    char value[4096];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(value)) {
        return AL_ENAMETOOLONG;
    }
    return duckdb_set_config(config, name, value) == DuckDBSuccess ? AL_OK : AL_EINTERNAL;
}

static int
configure(const struct inventory_conf *conf, duckdb_config config)
{
    uint64_t memory = conf->memory_bytes > 0 ? conf->memory_bytes : MEMORY_BYTES_DEFAULT;
    int rc = set_config(config, "memory_limit", "%lluB", (unsigned long long)memory);

    if (rc == AL_OK && conf->threads > 0) {
        rc = set_config(config, "threads", "%u", conf->threads);
    }
    if (rc == AL_OK) {
        rc = set_config(config, "temp_directory", "%s/tmp", conf->dir);
    }
    /* Without it several threads may write one table; rows of a scan have no order. */
    if (rc == AL_OK) {
        rc = set_config(config, "preserve_insertion_order", "false");
    }
    /* Nothing is ever fetched from anywhere. */
    if (rc == AL_OK) {
        rc = set_config(config, "autoinstall_known_extensions", "false");
    }
    return rc == AL_OK ? set_config(config, "autoload_known_extensions", "false") : rc;
}

static int
open_database(struct inventory *inv, const struct inventory_conf *conf, struct al_fail *fail)
{
    duckdb_config config = NULL;
    char *text = NULL;
    int rc;

    if (duckdb_create_config(&config) != DuckDBSuccess) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = configure(conf, config);
    if (rc == AL_OK && duckdb_open_ext(NULL, &inv->db, config, &text) != DuckDBSuccess) {
        rc = al_fail_set(fail, AL_EIO, 0, "the inventory's database does not start: %s",
                         text != NULL ? text : "");
    }
    duckdb_free(text);
    duckdb_destroy_config(&config);
    return rc;
}

static int
register_all(struct inventory *inv)
{
    AL_CLEANUP(inv_disconnect) struct inv_conn_of of = {inv, NULL};
    int rc = inv_connect(inv, &of.conn);

    if (rc == AL_OK) {
        rc = inv_functions_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_sources_register(inv, of.conn);
    }
    return rc;
}

int
inventory_open(const struct inventory_conf *conf, struct inventory **ret, struct al_fail *fail)
{
    struct inventory *inv = al_zalloc(sizeof(*inv));
    int rc, cached;

    if (inv == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    inv->port = conf->port;
    inv->log = conf->log;
    inv->attached_max = conf->attached_max > 0 ? conf->attached_max : INVENTORY_ATTACHED_MAX;
    port_mutex_init(&inv->lock);
    al_list_init(&inv->idle);
    al_list_init(&inv->volumes);
    cached = inv_cache_begin(&inv->cache,
                             conf->cache_bytes > 0 ? conf->cache_bytes : CACHE_BYTES_DEFAULT);
    inv->dir = al_strdup(conf->dir);
    if (inv->dir == NULL) {
        rc = al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    } else {
        rc = port_mkdirs(inv->port, inv->dir, FOLDER_MODE);
        if (rc < 0) {
            (void)al_fail_set(fail, rc, port_os_error(inv->port),
                              "the inventory's folder %s cannot be made", inv->dir);
        }
    }
    if (rc == AL_OK) {
        rc = open_database(inv, conf, fail);
    }
    if (rc == AL_OK) {
        rc = register_all(inv);
    }
    if (rc == AL_OK) {
        rc = cached;
    }
    if (rc < 0) {
        inventory_close(inv);
        return al_fail_set(fail, rc, 0, "the inventory does not open");
    }
    *ret = inv;
    return AL_OK;
}

static void
free_volume(struct inventory *inv, struct inv_volume *v)
{
    al_list_drop(&v->link);
    inv->volume_count--;
    port_mutex_end(&v->lock);
    port_mutex_end(&v->write);
    al_free(v);
}

struct inventory *
inventory_close(struct inventory *inv)
{
    if (inv == NULL) {
        return NULL;
    }
    while (!al_list_empty(&inv->idle)) {
        struct inv_conn *c = AL_LIST_ITEM(al_list_pop(&inv->idle), struct inv_conn, link);

        duckdb_disconnect(&c->con);
        al_free(c);
    }
    while (!al_list_empty(&inv->volumes)) {
        free_volume(inv, AL_LIST_ITEM(inv->volumes.next, struct inv_volume, link));
    }
    if (inv->db != NULL) {
        duckdb_close(&inv->db);
    }
    inv_cache_end(&inv->cache);
    port_mutex_end(&inv->lock);
    al_free(inv->dir);
    al_free(inv);
    return NULL;
}

/* ---- one volume's file ---- */

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
attach(struct inventory *inv, struct inv_conn *c, const char *volume_id, const char *what)
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
    inv_put(&sql, "' AS \"v_%s\" (TYPE duckdb, STORAGE_VERSION 'v1.2.0')", volume_id);
    return sql.rc < 0 ? sql.rc : inv_run(inv, c, (char *)sql.text.at);
}

static int
read_meta(struct inventory *inv, struct inv_conn *c, struct inv_volume *v, al_id ret_last_scan_id)
{
    INV_ROWS(rows);
    char sql[256];
    bool end = true;
    al_id id;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT format, customer_id, volume_id, block_bytes, last_scan_id FROM \"v_%s\".meta",
             v->id);
    rc = inv_query(inv, c, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 && rc != AL_EINTERNAL ? rc : AL_ECORRUPT;
    }
    inv_id(&rows, 2, id);
    if (inv_num(&rows, 0) != INV_FORMAT || strcmp(id, v->id) != 0) {
        return AL_ECORRUPT;
    }
    inv_id(&rows, 1, v->customer_id);
    v->block_bytes = (uint64_t)inv_num(&rows, 3);
    inv_id(&rows, 4, ret_last_scan_id);
    return AL_OK;
}

char *
inv_scan_path(const struct inventory *inv, const char *volume_id, const char *scan_id)
{
    size_t len = strlen(inv->dir) + 2 * (AL_ID_LEN + 1) + sizeof("/.scan/");
    char *path = al_alloc(len);

    if (path != NULL) {
        snprintf(path, len, "%s/%s.scan%s%s", inv->dir, volume_id, scan_id != NULL ? "/" : "",
                 scan_id != NULL ? scan_id : "");
    }
    return path;
}

/* Which scan was under way, and how many batches of it are there without a gap. */
static int
read_scan(struct inventory *inv, struct inv_volume *v)
{
    AL_CLEANUP(al_freep) char *path = inv_scan_path(inv, v->id, NULL);
    AL_CLEANUP(al_freep) char *below = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder folder = {inv->port, NULL};
    struct port_dir *d = NULL;
    struct port_dirent e;
    struct port_stat st;
    bool end = false;
    int rc;

    if (path == NULL) {
        return AL_ENOMEM;
    }
    rc = port_open(inv->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &folder.file);
    if (rc < 0) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    rc = port_dir_open(inv->port, folder.file, &d);
    while (rc == AL_OK) {
        rc = port_dir_next(inv->port, d, &e, &end);
        if (rc < 0 || end) {
            break;
        }
        if (al_id_valid(e.name)) {
            snprintf(v->scan_id, sizeof(v->scan_id), "%s", e.name);
        }
    }
    port_dir_close(inv->port, &d);
    below = rc == AL_OK && v->scan_id[0] != '\0' ? inv_scan_path(inv, v->id, v->scan_id) : NULL;
    while (below != NULL) {
        char name[AL_ID_LEN + 4096];

        snprintf(name, sizeof(name), "%s/%010llu", below,
                 (unsigned long long)(v->scan_applied + 1));
        if (port_stat_at(inv->port, NULL, name, &st) < 0) {
            break;
        }
        v->scan_applied++;
    }
    return rc;
}

static int
detach(struct inventory *inv, struct inv_conn *c, const char *volume_id)
{
    return inv_runf(inv, c, "DETACH \"v_%s\"", volume_id);
}

/* Under inv->lock: makes room by closing the idle volume that was used longest ago. */
static void
make_room(struct inventory *inv, struct inv_conn *c)
{
    struct al_list *l = inv->volumes.next;

    while (inv->volume_count >= inv->attached_max && l != &inv->volumes) {
        struct inv_volume *v = AL_LIST_ITEM(l, struct inv_volume, link);

        l = l->next;
        /* A detach that fails leaves it attached: then it stays in the list. */
        if (v->uses == 0 && detach(inv, c, v->id) == AL_OK) {
            free_volume(inv, v);
        }
    }
}

static struct inv_volume *
find_volume(struct inventory *inv, const char *volume_id)
{
    /* From the end: what was used last is likely to be used again. */
    for (struct al_list *l = inv->volumes.prev; l != &inv->volumes; l = l->prev) {
        struct inv_volume *v = AL_LIST_ITEM(l, struct inv_volume, link);

        if (strcmp(v->id, volume_id) == 0) {
            return v;
        }
    }
    return NULL;
}

/* Under inv->lock. The file must be there. */
static int
open_volume(struct inventory *inv, struct inv_conn *c, const char *volume_id,
            struct inv_volume **ret)
{
    struct inv_volume *v;
    al_id last;
    int rc;

    make_room(inv, c);
    v = al_zalloc(sizeof(*v));
    if (v == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&v->write);
    port_mutex_init(&v->lock);
    snprintf(v->id, sizeof(v->id), "%s", volume_id);
    v->version = ++inv->versions;
    al_list_push(&inv->volumes, &v->link);
    inv->volume_count++;
    rc = attach(inv, c, volume_id, FILE_NAME);
    if (rc == AL_OK) {
        rc = read_meta(inv, c, v, last);
        if (rc == AL_OK) {
            rc = read_scan(inv, v);
        }
        if (rc == AL_OK && v->scan_id[0] != '\0' && strcmp(v->scan_id, last) == 0) {
            /* Merged, and cut before its batches were removed. */
            v->scan_id[0] = '\0';
            v->scan_applied = 0;
            rc = inv_remove_scans(inv, volume_id, NULL);
        }
        if (rc < 0 && detach(inv, c, volume_id) < 0) {
            al_log(inv->log, AL_LOG_DEBUG, "inventory: %s stays attached", volume_id);
        }
    }
    if (rc < 0) {
        free_volume(inv, v);
        return rc;
    }
    *ret = v;
    return AL_OK;
}

static int
file_is_there(struct inventory *inv, const char *volume_id)
{
    AL_CLEANUP(al_freep) char *path = file_path(inv, volume_id, FILE_NAME);
    struct port_stat st;

    return path == NULL ? AL_ENOMEM : port_stat_at(inv->port, NULL, path, &st);
}

int
inv_use_begin(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
              bool writing, struct inv_use *ret)
{
    struct inv_use u = {.inv = inv, .writing = writing};
    int rc;

    if (volume_id == NULL || !al_id_valid(volume_id) || scope->customer_id == NULL) {
        return AL_ENOENT;
    }
    rc = inv_connect(inv, &u.conn);
    if (rc < 0) {
        return rc;
    }
    port_mutex_lock(&inv->lock);
    u.volume = find_volume(inv, volume_id);
    if (u.volume == NULL) {
        /* Attaching creates what is not there, which reading must not. */
        rc = file_is_there(inv, volume_id);
        if (rc == AL_OK) {
            rc = open_volume(inv, u.conn, volume_id, &u.volume);
        }
    }
    if (rc == AL_OK && strcmp(u.volume->customer_id, scope->customer_id) != 0) {
        rc = AL_ENOENT;
        u.volume = NULL;
    }
    if (rc == AL_OK) {
        u.volume->uses++;
        al_list_drop(&u.volume->link);
        al_list_push(&inv->volumes, &u.volume->link);
    }
    port_mutex_unlock(&inv->lock);
    if (rc < 0) {
        struct inv_conn_of of = {inv, u.conn};

        inv_disconnect(&of);
        return rc;
    }
    if (writing) {
        port_mutex_lock(&u.volume->write);
    }
    *ret = u;
    return AL_OK;
}

void
inv_use_end(struct inv_use *u)
{
    struct inv_conn_of of = {u->inv, u->conn};

    if (u->volume == NULL) {
        return;
    }
    if (u->open && inv_run(u->inv, u->conn, "ROLLBACK") < 0) {
        al_log(u->inv->log, AL_LOG_DEBUG, "inventory: nothing to roll back");
    }
    if (u->writing) {
        port_mutex_unlock(&u->volume->write);
    }
    port_mutex_lock(&u->inv->lock);
    u->volume->uses--;
    port_mutex_unlock(&u->inv->lock);
    inv_disconnect(&of);
    u->volume = NULL;
}

int
inv_begin(struct inv_use *u)
{
    int rc = inv_run(u->inv, u->conn, "BEGIN TRANSACTION");

    u->open = rc == AL_OK;
    return rc;
}

void
inv_changed(struct inv_use *u)
{
    uint64_t version;

    port_mutex_lock(&u->inv->lock);
    version = ++u->inv->versions;
    port_mutex_unlock(&u->inv->lock);
    port_mutex_lock(&u->volume->lock);
    u->volume->version = version;
    u->volume->totals_known = false;
    port_mutex_unlock(&u->volume->lock);
}

uint64_t
inv_version(struct inv_use *u)
{
    uint64_t version;

    port_mutex_lock(&u->volume->lock);
    version = u->volume->version;
    port_mutex_unlock(&u->volume->lock);
    return version;
}

int
inv_commit(struct inv_use *u)
{
    int rc = inv_run(u->inv, u->conn, "COMMIT");

    if (rc == AL_OK) {
        u->open = false;
        inv_changed(u);
    }
    return rc;
}

static int
create_tables(struct inventory *inv, struct inv_conn *c, const struct inventory_scope *scope,
              const char *volume_id, uint64_t block_bytes)
{
    char sql[1024];
    int rc = inv_run(inv, c, "BEGIN TRANSACTION");

    for (size_t i = 0; rc == AL_OK && i < AL_LEN(schema); i++) {
        /* Each is a literal of this file with one %s. */
        const char *at = strstr(schema[i], "%s");

        snprintf(sql, sizeof(sql), "%.*s%s%s", (int)(at - schema[i]), schema[i], volume_id, at + 2);
        rc = inv_run(inv, c, sql);
    }
    if (rc == AL_OK) {
        rc = inv_runf(inv, c,
                      "INSERT INTO \"v_%s\".meta VALUES (%d, '%s', '%s', %llu, 0, NULL, 0, 0, 0, "
                      "0, 0, 0, 0, 0, 0)",
                      volume_id, INV_FORMAT, scope->customer_id, volume_id,
                      (unsigned long long)(block_bytes > 0 ? block_bytes : BLOCK_BYTES_DEFAULT));
    }
    if (rc == AL_OK) {
        rc = inv_run(inv, c, "COMMIT");
    }
    if (rc < 0 && inv_run(inv, c, "ROLLBACK") < 0) {
        al_log(inv->log, AL_LOG_DEBUG, "inventory: nothing to roll back");
    }
    return rc;
}

static int
remove_if_there(struct inventory *inv, const char *volume_id, const char *what)
{
    AL_CLEANUP(al_freep) char *path = file_path(inv, volume_id, what);
    int rc = path != NULL ? port_unlink(inv->port, NULL, path) : AL_ENOMEM;

    return rc == AL_ENOENT ? AL_OK : rc;
}

/* Gives the new file its name, for good. */
static int
name_file(struct inventory *inv, const char *volume_id)
{
    AL_CLEANUP(al_freep) char *from = file_path(inv, volume_id, FILE_NAME_NEW);
    AL_CLEANUP(al_freep) char *to = file_path(inv, volume_id, FILE_NAME);
    AL_CLEANUP(port_holder_end) struct port_holder file = {inv->port, NULL};
    AL_CLEANUP(port_holder_end) struct port_holder folder = {inv->port, NULL};
    int rc = from != NULL && to != NULL ? AL_OK : AL_ENOMEM;

    if (rc == AL_OK) {
        rc = port_open(inv->port, NULL, from, PORT_READ, 0, &file.file);
    }
    if (rc == AL_OK) {
        rc = port_sync(inv->port, file.file);
    }
    if (rc == AL_OK) {
        rc = port_rename(inv->port, NULL, from, NULL, to, false);
    }
    if (rc == AL_OK) {
        rc = port_open(inv->port, NULL, inv->dir, PORT_READ | PORT_FOLDER, 0, &folder.file);
    }
    return rc == AL_OK ? port_sync(inv->port, folder.file) : rc;
}

/* Under inv->lock. */
static int
make_file(struct inventory *inv, struct inv_conn *c, const struct inventory_scope *scope,
          const char *volume_id, uint64_t block_bytes)
{
    int rc = remove_if_there(inv, volume_id, FILE_NAME_NEW_WAL), undo;

    if (rc == AL_OK) {
        rc = remove_if_there(inv, volume_id, FILE_NAME_NEW);
    }
    if (rc == AL_OK) {
        rc = attach(inv, c, volume_id, FILE_NAME_NEW);
    }
    if (rc < 0) {
        return rc;
    }
    rc = create_tables(inv, c, scope, volume_id, block_bytes);
    if (rc == AL_OK) {
        rc = inv_runf(inv, c, "CHECKPOINT \"v_%s\"", volume_id);
    }
    undo = detach(inv, c, volume_id);
    rc = rc < 0 ? rc : undo;
    return rc < 0 ? rc : name_file(inv, volume_id);
}

int
inventory_volume_make(struct inventory *inv, const struct inventory_scope *scope,
                      const char *volume_id, uint64_t block_bytes, struct al_fail *fail)
{
    AL_CLEANUP(inv_disconnect) struct inv_conn_of of = {inv, NULL};
    INV_USE(u);
    int rc;

    if (!al_id_valid(volume_id) || scope->customer_id == NULL || !al_id_valid(scope->customer_id)) {
        return al_fail_set(fail, AL_EINVAL, 0, "volume and customer need an identifier");
    }
    if (block_bytes > INV_BLOCK_BYTES_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a block is at most %u bytes", INV_BLOCK_BYTES_MAX);
    }
    rc = inv_connect(inv, &of.conn);
    if (rc == AL_OK) {
        port_mutex_lock(&inv->lock);
        rc = find_volume(inv, volume_id) != NULL ? AL_OK : file_is_there(inv, volume_id);
        if (rc == AL_ENOENT) {
            rc = make_file(inv, of.conn, scope, volume_id, block_bytes);
        }
        port_mutex_unlock(&inv->lock);
    }
    if (rc == AL_OK) {
        rc = inv_use_begin(inv, scope, volume_id, false, &u);
        if (rc == AL_ENOENT) {
            return al_fail_set(fail, AL_ENOENT, 0,
                               "the volume's inventory belongs to somebody else");
        }
    }
    return rc < 0 ? al_fail_set(fail, rc, 0, "the volume's inventory cannot be made") : AL_OK;
}

/* Only that the volume is there and the caller's. */
static int
check_scope(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id)
{
    INV_USE(u);

    return inv_use_begin(inv, scope, volume_id, false, &u);
}

int
inventory_volume_drop(struct inventory *inv, const struct inventory_scope *scope,
                      const char *volume_id)
{
    AL_CLEANUP(inv_disconnect) struct inv_conn_of of = {inv, NULL};
    struct inv_volume *v;
    int rc = check_scope(inv, scope, volume_id);

    if (rc == AL_OK) {
        rc = inv_connect(inv, &of.conn);
    }
    if (rc < 0) {
        return rc;
    }
    port_mutex_lock(&inv->lock);
    v = find_volume(inv, volume_id);
    rc = v == NULL ? AL_OK : v->uses > 0 ? AL_EBUSY : detach(inv, of.conn, volume_id);
    if (rc == AL_OK && v != NULL) {
        free_volume(inv, v);
    }
    /* The log first: a file without its log is whole, a log without its file would meet the next
     * file of that name. */
    if (rc == AL_OK) {
        rc = remove_if_there(inv, volume_id, FILE_NAME_WAL);
    }
    if (rc == AL_OK) {
        rc = remove_if_there(inv, volume_id, FILE_NAME);
    }
    port_mutex_unlock(&inv->lock);
    return rc < 0 ? rc : inv_remove_scans(inv, volume_id, NULL);
}

int
inventory_volume_version(struct inventory *inv, const struct inventory_scope *scope,
                         const char *volume_id, uint64_t *ret)
{
    INV_USE(u);
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc < 0) {
        return rc;
    }
    *ret = inv_version(&u);
    return AL_OK;
}
