/* fixture.h: a store in a folder of its own, and raw SQL beside it, for tests that play the vandal.
 */
#ifndef ALTO_TEST_STORE_FIXTURE_H
#define ALTO_TEST_STORE_FIXTURE_H

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/store/store.h"
#include "tap.h"

struct fixture {
    char dir[64];
    struct store_db *db;
    struct store *s;
    struct al_arena *arena;
    struct scope all;
};

static inline int
fixture_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void
fixture_open_store(struct fixture *f)
{
    struct store_conf conf = {NULL, f->dir, port_native(), NULL};
    struct al_fail fail = {0};

    if (store_db_open(&conf, &f->db, &fail) != AL_OK || store_open(f->db, &f->s, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "the store does not open: %s", fail.text);
    }
}

static inline void
fixture_open(struct fixture *f)
{
    *f = (struct fixture){.dir = "/tmp/alto-store-XXXXXX", .all = scope_system()};
    TAP_CHECK(mkdtemp(f->dir) != NULL);
    f->arena = al_arena_new(1 << 20);
    TAP_CHECK(f->arena != NULL);
    fixture_open_store(f);
}

static inline void
fixture_close_store(struct fixture *f)
{
    f->s = store_close(f->s);
    f->db = store_db_close(f->db);
}

static inline void
fixture_close(struct fixture *f)
{
    fixture_close_store(f);
    f->arena = al_arena_free(f->arena);
    nftw(f->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Raw SQL from outside; fails the test when SQLite does. */
static inline void
fixture_sql(struct fixture *f, const char *sql)
{
    char path[128], *message = NULL;
    sqlite3 *db;

    snprintf(path, sizeof path, "%s/alto.db", f->dir);
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        tap_fail(__FILE__, __LINE__, "%s: %s", sql, message != NULL ? message : "cannot open");
    }
    sqlite3_close(db);
}

/* ---- nouns, each made in its own transaction ---- */

static inline void
make_id(struct fixture *f, al_id id)
{
    TAP_OK(store_id_make(f->s, port_now_ns(port_native()), id));
}

static inline void
make_customer(struct fixture *f, const char *name, al_id id)
{
    struct store_customer c = {.name = name, .created_ns = 1};

    make_id(f, c.id);
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(store_customer_add(f->s, &f->all, &c, NULL));
    TAP_OK(store_commit(f->s, NULL));
    memcpy(id, c.id, sizeof c.id);
}

static inline void
make_host(struct fixture *f, const char *customer_id, const char *name, al_id id)
{
    struct store_host h = {
        .name = name, .os = "linux", .agent_version = "1", .boot_id = "b", .enrolled_ns = 1};

    make_id(f, h.id);
    memcpy(h.customer_id, customer_id, sizeof h.customer_id);
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(store_host_add(f->s, &f->all, &h, NULL));
    TAP_OK(store_commit(f->s, NULL));
    memcpy(id, h.id, sizeof h.id);
}

static inline void
make_share(struct fixture *f, const char *customer_id, const char *name, al_id id)
{
    struct store_share h = {.name = name, .url = "file:///cold", .created_ns = 1};

    make_id(f, h.id);
    memcpy(h.customer_id, customer_id, sizeof h.customer_id);
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(store_share_add(f->s, &f->all, &h, NULL));
    TAP_OK(store_commit(f->s, NULL));
    memcpy(id, h.id, sizeof h.id);
}

static inline void
make_volume(struct fixture *f, const char *customer_id, const char *host_id, const char *share_id,
            const char *name, al_id id)
{
    struct store_volume v = {.name = name, .path = name, .kind = "posix", .created_ns = 1};

    make_id(f, v.id);
    memcpy(v.customer_id, customer_id, sizeof v.customer_id);
    memcpy(v.host_id, host_id, sizeof v.host_id);
    if (share_id != NULL) {
        memcpy(v.share_id, share_id, sizeof v.share_id);
    }
    v.marker_key_sealed = al_span_of("sealed");
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(store_volume_add(f->s, &f->all, &v, NULL));
    TAP_OK(store_commit(f->s, NULL));
    memcpy(id, v.id, sizeof v.id);
}

static inline void
make_rule(struct fixture *f, const char *customer_id, const char *volume_id, const char *name,
          const char *action, uint64_t position, al_id id)
{
    struct store_rule r = {.name = name,
                           .where = "true",
                           .action = action,
                           .position = position,
                           .enabled = true,
                           .created_by = "admin",
                           .created_ns = 1};

    make_id(f, r.id);
    memcpy(r.customer_id, customer_id, sizeof r.customer_id);
    memcpy(r.volume_id, volume_id, sizeof r.volume_id);
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(store_rule_add(f->s, &f->all, &r, NULL));
    TAP_OK(store_commit(f->s, NULL));
    memcpy(id, r.id, sizeof r.id);
}

static inline void
make_user(struct fixture *f, const char *customer_id, const char *name, enum service_role role,
          al_id id)
{
    struct store_user u = {.name = name, .role = role, .password_hash = "x", .created_ns = 1};

    make_id(f, u.id);
    if (customer_id != NULL) {
        memcpy(u.customer_id, customer_id, sizeof u.customer_id);
    }
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(store_user_add(f->s, &f->all, &u, NULL));
    TAP_OK(store_commit(f->s, NULL));
    memcpy(id, u.id, sizeof u.id);
}

#endif
