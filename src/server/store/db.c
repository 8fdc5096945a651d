#include "server/store/store_priv.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define URL_SQLITE "sqlite://"
#define EVENT_TEXT_MAX ((size_t)1 << 20) /* scratch: one event, one list query */

/* The database file's path by the URL; *ret is al_alloc'ed. */
static int
path_of(const struct store_conf *conf, char **ret, struct al_fail *fail)
{
    size_t len;

    if (conf->url == NULL) {
        len = strlen(conf->data_dir) + sizeof "/alto.db";
        *ret = al_alloc(len);
        if (*ret != NULL) {
            (void)snprintf(*ret, len, "%s/alto.db", conf->data_dir);
        }
        return *ret == NULL ? AL_ENOMEM : AL_OK;
    }
    if (strncmp(conf->url, URL_SQLITE "/", sizeof URL_SQLITE) != 0 ||
        conf->url[sizeof URL_SQLITE] == '\0') {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "the store is told as sqlite:///path, not as \"%.100s\"", conf->url);
    }
    *ret = al_strdup(conf->url + sizeof URL_SQLITE - 1);
    return *ret == NULL ? AL_ENOMEM : AL_OK;
}

/* Makes the file itself, so that nobody but us can read it whatever the umask and wherever it lies.
 */
static int
make_file(struct port *port, const char *path, struct al_fail *fail)
{
    struct port_file *f = NULL;
    int rc = port_open(port, NULL, path, PORT_READ | PORT_WRITE | PORT_CREATE, 0600, &f);

    if (rc == AL_OK) {
        rc = port_close(port, f);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "the database %.180s cannot be opened",
                           path);
    }
    return AL_OK;
}

static int
open_and_migrate(struct store_db *db, struct al_fail *fail)
{
    AL_CLEANUP(store_closep) struct store *s = NULL;
    const struct store_migration *const *list;
    size_t count;

    AL_TRY(make_file(db->port, db->path, fail));
    AL_TRY(store_open(db, &s, fail));
    list = store_migrations(&count);
    return store_migrate(s, list, count, fail);
}

int
store_db_open(const struct store_conf *conf, struct store_db **ret, struct al_fail *fail)
{
    AL_CLEANUP(store_db_closep) struct store_db *db = al_zalloc(sizeof *db);
    int rc;

    if (db == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    /* SQLite's memory statistics cost every allocation of every thread one and the same lock, and
     * nobody reads them. Too late (SQLITE_MISUSE) when a store is open already: then it was said
     * before. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    port_mutex_init(&db->write_lock);
    db->port = conf->port;
    db->log = conf->log;
    rc = path_of(conf, &db->path, fail);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    rc = port_mkdirs(conf->port, conf->data_dir, 0700);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(conf->port), "the folder %.180s cannot be made",
                           conf->data_dir);
    }
    AL_TRY(open_and_migrate(db, fail));
    *ret = db;
    db = NULL;
    return AL_OK;
}

struct store_db *
store_db_close(struct store_db *db)
{
    if (db != NULL) {
        port_mutex_end(&db->write_lock);
        al_free(db->path);
        al_free(db);
    }
    return NULL;
}

void
store_db_closep(struct store_db **db)
{
    *db = store_db_close(*db);
}

/* WAL: readers never wait for the writer. FULL: what was told to be done is on the disk. */
static const char connection_set_up[] = "PRAGMA journal_mode=WAL;"
                                        "PRAGMA synchronous=FULL;"
                                        "PRAGMA foreign_keys=ON;"
                                        "PRAGMA trusted_schema=OFF;"
                                        "PRAGMA temp_store=MEMORY;"
                                        "PRAGMA cache_size=-16384;"
                                        "PRAGMA mmap_size=268435456;"
                                        "PRAGMA journal_size_limit=67108864;";

int
store_open(struct store_db *db, struct store **ret, struct al_fail *fail)
{
    AL_CLEANUP(store_closep) struct store *s = al_zalloc(sizeof *s);
    int rc;

    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    s->db = db;
    al_buf_init(&s->text, EVENT_TEXT_MAX);
    s->stmts = al_array((size_t)STORE_STMTS_MAX * 2, sizeof(struct store_stmt *));
    if (s->stmts == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = sqlite3_open_v2(db->path, &s->sql,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                             SQLITE_OPEN_EXRESCODE,
                         NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_busy_timeout(s->sql, STORE_BUSY_MS_MAX);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(s->sql, connection_set_up, NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_prepare_v3(s->sql, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &s->rollback,
                                NULL);
    }
    if (rc != SQLITE_OK) {
        return store_failed(s, rc, fail);
    }
    *ret = s;
    s = NULL;
    return AL_OK;
}

struct store *
store_close(struct store *s)
{
    if (s == NULL) {
        return NULL;
    }
    store_rollback(s);
    for (size_t i = 0; s->stmts != NULL && i < (size_t)STORE_STMTS_MAX * 2; i++) {
        if (s->stmts[i] != NULL) {
            (void)sqlite3_finalize(
                s->stmts[i]->stmt); /* repeats the last step's failure, which was told */
            al_free(s->stmts[i]);
        }
    }
    al_free(s->stmts);
    (void)sqlite3_finalize(s->rollback); /* as above */
    al_buf_free(&s->text);
    /* Fails only while statements are open, and then leaves a connection that goes with its last
     * one. */
    (void)sqlite3_close_v2(s->sql);
    al_free(s);
    return NULL;
}

void
store_closep(struct store **s)
{
    *s = store_close(*s);
}

struct port *
store_port(struct store *s)
{
    return s->db->port;
}

bool
store_writing(const struct store *s)
{
    return atomic_load(&s->db->writers) > 0;
}

bool
store_in_tx(const struct store *s)
{
    return s->in_tx;
}

int
store_id_make(struct store *s, int64_t now_ns, al_id ret)
{
    uint8_t random[10];

    AL_TRY(port_random(s->db->port, random, sizeof random));
    al_id_make(now_ns, random, ret);
    return AL_OK;
}

/* ---- transactions ---- */

static void
tx_over(struct store *s)
{
    s->in_tx = false;
    s->events = 0;
    s->chain = (struct store_chain){0};
    port_mutex_unlock(&s->db->write_lock);
    (void)atomic_fetch_sub(&s->db->writers, 1u);
}

/* SQLite has rolled back by itself after some failures; then there is nothing left to do. */
static void
undo(struct store *s)
{
    if (sqlite3_get_autocommit(s->sql) == 0) {
        (void)sqlite3_step(
            s->rollback); /* what it could not do, the next store_begin tries again */
        (void)sqlite3_reset(s->rollback);
    }
}

void
store_rollback(struct store *s)
{
    if (s->in_tx) {
        undo(s);
        tx_over(s);
    }
}

int
store_begin(struct store *s, struct al_fail *fail)
{
    int rc;

    if (s->in_tx) {
        return al_fail_set(fail, AL_EINTERNAL, 0, "a transaction is open already");
    }
    (void)atomic_fetch_add(&s->db->writers, 1u);
    port_mutex_lock(&s->db->write_lock);
    s->in_tx = true;
    undo(s);
    rc = store_run_args(s, fail, "BEGIN IMMEDIATE", NULL, 0);
    if (rc != AL_OK) {
        tx_over(s);
    }
    return rc;
}

int
store_commit(struct store *s, struct al_fail *fail)
{
    int rc = store_need_tx(s, fail);

    if (rc == AL_OK) {
        rc = store_chain_flush(s, fail);
    }
    if (rc == AL_OK) {
        rc = store_run_args(s, fail, "COMMIT", NULL, 0);
    }
    if (rc != AL_OK) {
        store_rollback(s);
        return rc;
    }
    tx_over(s);
    return AL_OK;
}

int
store_need_tx(const struct store *s, struct al_fail *fail)
{
    if (!s->in_tx) {
        return al_fail_set(fail, AL_EINTERNAL, 0, "no transaction is open");
    }
    return AL_OK;
}
