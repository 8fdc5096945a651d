#include "server/store/store_priv.h"

#include "port/digest.h"

#include <string.h>

/* In the order in which they are applied. Numbers are for ever. */
static const struct store_migration *const all[] = {
    &store_schema_core,    &store_schema_work,       &store_schema_series, &store_schema_news,
    &store_schema_trouble, &store_schema_acts,       &store_schema_bodies, &store_schema_reconcile,
    &store_schema_rules,   &store_schema_import,     &store_schema_access, &store_schema_archive,
    &store_schema_found,   &store_schema_skipped,    &store_schema_driver, &store_schema_wire,
    &store_schema_scan,    &store_schema_share_test, &store_schema_orphan,
};

const struct store_migration *const *
store_migrations(size_t *ret_count)
{
    *ret_count = AL_LEN(all);
    return all;
}

static const char record_table[] = "CREATE TABLE IF NOT EXISTS schema_migration("
                                   "number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                                   "sha256 BLOB NOT NULL, applied_ns INTEGER NOT NULL) STRICT";

/* Whether migration m was applied; AL_ECORRUPT when a different one was under its number. */
static int
applied(struct store *s, const struct store_migration *m, const uint8_t sha[PORT_SHA256_LEN],
        bool *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct al_span was;

    AL_TRY(store_query(s, fail, &q, "SELECT sha256 FROM schema_migration WHERE number=?1",
                       S_I64(m->number)));
    AL_TRY(store_step(q, ret, fail));
    if (!*ret) {
        return AL_OK;
    }
    was = store_col_span(q, 0);
    if (was.len != PORT_SHA256_LEN || memcmp(was.at, sha, PORT_SHA256_LEN) != 0) {
        return al_fail_set(
            fail, AL_ECORRUPT, 0,
            "the database was made by another build: its migration %u \"%s\" differs", m->number,
            m->name);
    }
    return AL_OK;
}

static int
apply(struct store *s, const struct store_migration *m, struct al_fail *fail)
{
    uint8_t sha[PORT_SHA256_LEN];
    bool done = false;
    int rc;

    rc = port_sha256_of(m->sql, strlen(m->sql), sha);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    AL_TRY(applied(s, m, sha, &done, fail));
    if (done) {
        return AL_OK;
    }
    rc = sqlite3_exec(s->sql, m->sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return store_failed(s, rc, fail);
    }
    return store_run(s, fail, "INSERT INTO schema_migration VALUES(?1, ?2, ?3, ?4)",
                     S_I64(m->number), S_TEXT(m->name), S_BLOB(sha, sizeof sha),
                     S_I64(port_now_ns(s->db->port)));
}

/* All in one transaction: a program either has its tables, or the database is as it was. */
static int
migrate_all(struct store *s, const struct store_migration *const *list, size_t count,
            struct al_fail *fail)
{
    uint64_t newest = 0, last = 0;

    AL_TRY(store_run_args(s, fail, record_table, NULL, 0));
    for (size_t i = 0; i < count; i++) {
        AL_TRY(apply(s, list[i], fail));
        last = list[i]->number > last ? list[i]->number : last;
    }
    AL_TRY(store_number_args(s, fail, &newest,
                             "SELECT coalesce(max(number), 0) FROM schema_migration", NULL, 0));
    if (newest > last) {
        return al_fail_set(
            fail, AL_ECORRUPT, 0,
            "the database was made by a newer altod (migration %u; this one knows %u)",
            (unsigned)newest, (unsigned)last);
    }
    return AL_OK;
}

int
store_migrate(struct store *s, const struct store_migration *const *list, size_t count,
              struct al_fail *fail)
{
    int rc;

    AL_TRY(store_begin(s, fail));
    rc = migrate_all(s, list, count, fail);
    if (rc != AL_OK) {
        store_rollback(s);
        return rc;
    }
    return store_commit(s, fail);
}
