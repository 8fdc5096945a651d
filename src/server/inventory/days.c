/* One row a day of what a volume holds, for curves of growth. */
#include <stdio.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define DAY_NS (INT64_C(86400) * 1000000000)
#define DAYS_MAX 4000u /* of one answer */

/* Midnight before, also before 1970. */
static int64_t
midnight(int64_t ns)
{
    int64_t past = ns % DAY_NS;

    return ns - (past < 0 ? past + DAY_NS : past);
}

/* Whether the day's row is as t says. */
static int
is_kept(struct inv_use *u, int64_t day_ns, const struct inventory_totals *t, bool *ret)
{
    char sql[512];
    int64_t n = 0;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM \"v_%s\".day WHERE day_ns = '%lld'::BIGINT AND files = %llu AND "
             "folders = %llu AND bytes = %llu AND allocated = %llu AND stub_files = %llu AND "
             "stub_bytes = %llu AND freed_bytes = %llu",
             u->volume->id, (long long)day_ns, (unsigned long long)t->files,
             (unsigned long long)t->folders, (unsigned long long)t->bytes,
             (unsigned long long)t->allocated, (unsigned long long)t->stub_files,
             (unsigned long long)t->stub_bytes, (unsigned long long)t->freed_bytes);
    rc = inv_one(u->inv, u->conn, sql, &n);
    if (rc == AL_OK) {
        *ret = n > 0;
    }
    return rc;
}

static int
put_day(struct inv_use *u, int64_t day_ns, const struct inventory_totals *t)
{
    const char *id = u->volume->id;
    int rc = inv_begin(u);

    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, "DELETE FROM \"v_%s\".day WHERE day_ns = '%lld'::BIGINT", id,
                      (long long)day_ns);
    }
    if (rc == AL_OK) {
        rc = inv_runf(
            u->inv, u->conn,
            "INSERT INTO \"v_%s\".day VALUES ('%lld'::BIGINT, %llu, %llu, %llu, %llu, %llu, "
            "%llu, %llu)",
            id, (long long)day_ns, (unsigned long long)t->files, (unsigned long long)t->folders,
            (unsigned long long)t->bytes, (unsigned long long)t->allocated,
            (unsigned long long)t->stub_files, (unsigned long long)t->stub_bytes,
            (unsigned long long)t->freed_bytes);
    }
    /* The entries are as they were: pages and totals that are kept stay good. */
    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn, "COMMIT");
        u->open = rc < 0;
    }
    return rc;
}

int
inventory_day_keep(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, int64_t now_ns)
{
    INV_USE(u);
    struct inventory_totals t = {0};
    int64_t day_ns = midnight(now_ns);
    bool kept = false;
    int rc = inventory_totals(inv, scope, volume_id, &t);

    if (rc == AL_OK) {
        rc = inv_use_begin(inv, scope, volume_id, true, &u);
    }
    if (rc == AL_OK) {
        rc = is_kept(&u, day_ns, &t, &kept);
    }
    return rc == AL_OK && !kept ? put_day(&u, day_ns, &t) : rc;
}

int
inventory_days(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               int64_t from_ns, struct al_arena *arena, struct inventory_day **ret,
               size_t *ret_count)
{
    INV_USE(u);
    INV_ROWS(rows);
    struct inventory_day *days = al_arena_alloc(arena, DAYS_MAX * sizeof(*days));
    size_t count = 0;
    char sql[512];
    bool end = false;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc < 0 || days == NULL) {
        return rc < 0 ? rc : AL_ENOMEM;
    }
    snprintf(sql, sizeof(sql),
             "SELECT day_ns, files, folders, bytes, allocated, stub_files, stub_bytes, freed_bytes "
             "FROM \"v_%s\".day WHERE day_ns >= '%lld'::BIGINT ORDER BY day_ns LIMIT %u",
             volume_id, (long long)from_ns, DAYS_MAX);
    rc = inv_query(inv, u.conn, sql, false, &rows);
    while (rc == AL_OK && count < DAYS_MAX) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        days[count++] = (struct inventory_day){.day_ns = inv_num(&rows, 0),
                                               .files = (uint64_t)inv_num(&rows, 1),
                                               .folders = (uint64_t)inv_num(&rows, 2),
                                               .bytes = (uint64_t)inv_num(&rows, 3),
                                               .allocated = (uint64_t)inv_num(&rows, 4),
                                               .stub_files = (uint64_t)inv_num(&rows, 5),
                                               .stub_bytes = (uint64_t)inv_num(&rows, 6),
                                               .freed_bytes = (uint64_t)inv_num(&rows, 7)};
    }
    if (rc == AL_OK) {
        *ret = days;
        *ret_count = count;
    }
    return rc;
}
