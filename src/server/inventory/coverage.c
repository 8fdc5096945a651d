/* Since when a volume's audit logs are known to be complete, and what a plan makes of it. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/access_priv.h"

#define TOLD_KEPT_NS (INT64_C(60) * 1000000000) /* told_ns alone is in memory only for so long */

int
inv_coverage_read(struct inventory *inv, struct inv_conn *c, struct inv_volume *v)
{
    INV_ROWS(rows);
    struct inventory_coverage got = {0};
    char sql[128];
    bool end = true, due;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT audited::INTEGER, live::INTEGER, since_ns, told_ns, due::INTEGER FROM "
             "\"v_%s\".meta",
             v->id);
    rc = inv_query(inv, c, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    got.audited = inv_num(&rows, 0) != 0;
    got.live = inv_num(&rows, 1) != 0;
    got.since_ns = inv_num(&rows, 2);
    got.told_ns = inv_num(&rows, 3);
    due = inv_num(&rows, 4) != 0;
    port_mutex_lock(&v->lock);
    if (v->coverage.told_ns > got.told_ns && v->coverage.live == got.live) {
        got.told_ns = v->coverage.told_ns; /* newer than what is in the file */
    } else {
        v->told_kept_ns = got.told_ns;
    }
    v->coverage = got;
    v->due = due;
    port_mutex_unlock(&v->lock);
    return AL_OK;
}

bool
inv_coverage_due(struct inv_use *u)
{
    bool due;

    port_mutex_lock(&u->volume->lock);
    due = u->volume->due;
    port_mutex_unlock(&u->volume->lock);
    return due;
}

int
inv_coverage_anew(struct inv_use *u, int64_t now_ns)
{
    port_mutex_lock(&u->volume->lock);
    if (u->volume->coverage.audited) {
        u->volume->coverage.since_ns = now_ns;
    }
    port_mutex_unlock(&u->volume->lock);
    return AL_OK;
}

static int64_t
complete_since(const struct inventory_coverage *c, int64_t now_ns)
{
    bool complete = c->live && c->since_ns > 0 && c->told_ns >= now_ns - INVENTORY_COVERAGE_LAG_NS;

    return complete ? c->since_ns : now_ns;
}

void
inv_coverage_since(struct inv_use *u, int64_t now_ns, bool *ret_audited, int64_t *ret_since_ns)
{
    struct inventory_coverage c;
    bool due;

    port_mutex_lock(&u->volume->lock);
    c = u->volume->coverage;
    due = u->volume->due;
    port_mutex_unlock(&u->volume->lock);
    *ret_audited = c.audited;
    /* What was read in a log and waits for a path that a scan has brought is not in its place yet. */
    *ret_since_ns = due ? now_ns : complete_since(&c, now_ns);
}

bool
inv_coverage_complete(struct inv_use *u, int64_t now_ns)
{
    bool complete;

    port_mutex_lock(&u->volume->lock);
    complete = complete_since(&u->volume->coverage, now_ns) < now_ns;
    port_mutex_unlock(&u->volume->lock);
    return complete;
}

int64_t
inventory_covered_access(const struct inventory_coverage *c, const struct inventory_row *row,
                         int64_t now_ns, int64_t *ret_known_ns)
{
    int64_t known = row->accessed_ns, since;

    if (c->audited && (row->source == INVENTORY_BY_WALK || known == RULE_TIME_UNKNOWN)) {
        known = row->mtime_ns;
    }
    if (ret_known_ns != NULL) {
        *ret_known_ns = known;
    }
    since = c->audited ? complete_since(c, now_ns) : known;
    since = c->audited && row->came_ns > since ? row->came_ns : since;
    return since > known ? since : known;
}

static bool
is_new(struct inv_use *u, const struct inventory_coverage *c)
{
    const struct inv_volume *v = u->volume;
    bool new;

    port_mutex_lock(&u->volume->lock);
    new = c->audited != v->coverage.audited || c->live != v->coverage.live ||
          c->since_ns != v->coverage.since_ns || c->told_ns < v->told_kept_ns ||
          c->told_ns > v->told_kept_ns + TOLD_KEPT_NS;
    if (!new) {
        u->volume->coverage.told_ns = c->told_ns;
    }
    port_mutex_unlock(&u->volume->lock);
    return new;
}

int
inventory_coverage_set(struct inventory *inv, const struct inventory_scope *scope,
                       const char *volume_id, const struct inventory_coverage *c)
{
    INV_USE(u);
    struct al_fail fail = {0};
    int rc = inventory_volume_make(inv, scope, volume_id, 0, &fail);

    if (rc == AL_OK) {
        rc = inv_use_begin(inv, scope, volume_id, true, &u);
    }
    if (rc < 0 || !is_new(&u, c)) {
        return rc;
    }
    rc = inv_begin(&u);
    if (rc == AL_OK) {
        rc = inv_runf(
            inv, u.conn,
            "UPDATE \"v_%s\".meta SET audited = %s, live = %s, since_ns = %lld, told_ns = %lld",
            volume_id, c->audited ? "true" : "false", c->live ? "true" : "false",
            (long long)c->since_ns, (long long)c->told_ns);
    }
    if (rc == AL_OK) {
        rc = inv_commit(&u);
    }
    if (rc == AL_OK) {
        port_mutex_lock(&u.volume->lock);
        u.volume->coverage = *c;
        u.volume->told_kept_ns = c->told_ns;
        port_mutex_unlock(&u.volume->lock);
    }
    return rc;
}

int
inventory_coverage(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, struct inventory_coverage *ret)
{
    INV_USE(u);
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc < 0) {
        return rc;
    }
    port_mutex_lock(&u.volume->lock);
    *ret = u.volume->coverage;
    port_mutex_unlock(&u.volume->lock);
    return AL_OK;
}
