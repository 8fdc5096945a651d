/* Volumes coming and going: one DuckDB file each (file.c), attached when first asked for. What takes time
 * (opening, closing, making a file) is done without inventory.lock by the one thread that marked
 * the volume busy; others who want it wait. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/access_priv.h"

static int
read_meta(struct inventory *inv, struct inv_conn *c, struct inv_volume *v, al_id ret_last_scan_id,
          int64_t *ret_format)
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
    *ret_format = inv_num(&rows, 0);
    if (*ret_format < 1 || *ret_format > INV_FORMAT || strcmp(id, v->id) != 0) {
        return AL_ECORRUPT;
    }
    inv_id(&rows, 1, v->customer_id);
    v->block_bytes = (uint64_t)inv_num(&rows, 3);
    inv_id(&rows, 4, ret_last_scan_id);
    return AL_OK;
}

static void
roll_back(struct inventory *inv, struct inv_conn *c)
{
    if (inv_run(inv, c, "ROLLBACK") < 0) {
        al_log(inv->log, AL_LOG_DEBUG, "inventory: nothing to roll back");
    }
}

/* A file of format 1 has no summaries, one of format 2 nothing of audit logs, one of format 3 not how many of them were
 * forgotten, one of format 4 not what came from outside: made, all or nothing. */
static int
upgrade(struct inventory *inv, struct inv_conn *c, struct inv_volume *v, int64_t format)
{
    struct inv_use u = {.inv = inv, .volume = v, .conn = c};
    int rc = inv_run(inv, c, "BEGIN TRANSACTION");

    if (rc == AL_OK && format < 2) {
        rc = inv_summaries_make(&u, INV_NOW);
        if (rc == AL_OK) {
            rc = inv_summaries_build(&u);
        }
    }
    if (rc == AL_OK && format < 4) {
        rc = format < 3 ? inv_access_make(&u, INV_NOW) : inv_folded_make(&u, INV_NOW);
    }
    if (rc == AL_OK && format >= 3) {
        rc = inv_came_make(&u, INV_NOW);
    }
    if (rc == AL_OK) {
        rc = inv_runf(inv, c, "ALTER TABLE \"v_%s\".entry ADD COLUMN came_ns BIGINT", v->id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(inv, c, "UPDATE \"v_%s\".meta SET format = %d", v->id, INV_FORMAT);
    }
    if (rc == AL_OK) {
        rc = inv_run(inv, c, "COMMIT");
    }
    if (rc < 0) {
        roll_back(inv, c);
    }
    return rc;
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

/* How a volume is made that is not there. */
struct made {
    const struct inventory_scope *scope;
    uint64_t block_bytes;
};

/* Attaching creates what is not there, which reading must not. */
static int
attach_volume(struct inventory *inv, struct inv_conn *c, const struct made *made,
              struct inv_volume *v)
{
    int rc = inv_file_settle(inv, v->id);
    int64_t format = 0;
    al_id last;

    if (rc == AL_OK) {
        rc = inv_file_find(inv, v->id);
    }
    if (rc == AL_ENOENT && made != NULL) {
        rc = inv_file_make(inv, c, made->scope, v->id, made->block_bytes);
    }
    if (rc == AL_OK) {
        rc = inv_file_attach(inv, c, v->id);
    }
    if (rc < 0) {
        return rc;
    }
    rc = read_meta(inv, c, v, last, &format);
    if (rc == AL_OK && format < INV_FORMAT) {
        rc = upgrade(inv, c, v, format);
    }
    if (rc == AL_OK) {
        rc = inv_coverage_read(inv, c, v);
    }
    if (rc == AL_OK) {
        rc = read_scan(inv, v);
    }
    if (rc == AL_OK && v->scan_id[0] != '\0' && strcmp(v->scan_id, last) == 0) {
        /* Merged, and cut before its batches were removed. */
        v->scan_id[0] = '\0';
        v->scan_applied = 0;
        rc = inv_remove_scans(inv, v->id, NULL);
    }
    if (rc < 0 && inv_file_detach(inv, c, v->id) < 0) {
        al_log(inv->log, AL_LOG_DEBUG, "inventory: %s stays attached", v->id);
    }
    return rc;
}

/* Under inv->lock: the volume that was used longest ago and can be closed, when there are too many.
 */
static struct inv_volume *
too_many(struct inventory *inv)
{
    if (inv->volume_count < inv->attached_max) {
        return NULL;
    }
    for (struct al_list *l = inv->volumes.next; l != &inv->volumes; l = l->next) {
        struct inv_volume *v = AL_LIST_ITEM(l, struct inv_volume, link);

        if (v->uses == 0 && !v->busy) {
            return v;
        }
    }
    return NULL;
}

/* Under inv->lock. */
static void
settle(struct inventory *inv, struct inv_volume *v, bool stays)
{
    v->busy = false;
    if (!stays) {
        inv_volume_free(inv, v);
    }
    port_cond_broadcast(&inv->settled);
}

static struct inv_volume *
new_volume(struct inventory *inv, const char *volume_id)
{
    struct inv_volume *v = al_zalloc(sizeof(*v));

    if (v == NULL) {
        return NULL;
    }
    port_mutex_init(&v->write);
    port_mutex_init(&v->lock);
    snprintf(v->id, sizeof(v->id), "%s", volume_id);
    v->version = ++inv->versions;
    v->busy = true;
    al_list_push(&inv->volumes, &v->link);
    inv->volume_count++;
    return v;
}

/* Under inv->lock, which is let go while DuckDB works. */
static int
open_volume(struct inventory *inv, struct inv_conn *c, const char *volume_id,
            const struct made *made, struct inv_volume **ret)
{
    struct inv_volume *old = too_many(inv), *v = new_volume(inv, volume_id);
    int rc, closed = AL_OK;

    if (v == NULL) {
        return AL_ENOMEM;
    }
    if (old != NULL) {
        old->busy = true;
    }
    port_mutex_unlock(&inv->lock);
    if (old != NULL) {
        closed = inv_file_detach(inv, c, old->id);
    }
    rc = attach_volume(inv, c, made, v);
    port_mutex_lock(&inv->lock);
    if (old != NULL) {
        settle(inv, old, closed < 0); /* one that cannot be closed stays */
    }
    settle(inv, v, rc == AL_OK);
    if (rc == AL_OK) {
        *ret = v;
    }
    return rc;
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

/* Under inv->lock. */
static int
get_volume(struct inventory *inv, struct inv_conn *c, const char *volume_id,
           const struct made *made, struct inv_volume **ret)
{
    struct inv_volume *v = find_volume(inv, volume_id);

    while (v != NULL && (v->busy || v->spoiled)) {
        port_cond_wait(&inv->settled, &inv->lock);
        v = find_volume(inv, volume_id);
    }
    if (v == NULL) {
        return open_volume(inv, c, volume_id, made, ret);
    }
    *ret = v;
    return AL_OK;
}

static int
wait_to_write(struct inv_use *u)
{
    bool spoiled;

    port_mutex_lock(&u->volume->write);
    port_mutex_lock(&u->inv->lock);
    u->volume->waiting--;
    spoiled = u->volume->spoiled;
    port_mutex_unlock(&u->inv->lock);
    return spoiled ? AL_EIO : AL_OK; /* the writer before failed; the volume is opened anew */
}

static int
use_begin(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
          bool writing, const struct made *made, struct inv_use *ret)
{
    AL_CLEANUP(inv_disconnect) struct inv_conn_of of = {inv, NULL};
    struct inv_use u = {.inv = inv, .writing = writing};
    int rc;

    if (volume_id == NULL || !al_id_valid(volume_id) || scope->customer_id == NULL) {
        return AL_ENOENT;
    }
    rc = inv_connect(inv, &of.conn);
    if (rc < 0) {
        return rc;
    }
    port_mutex_lock(&inv->lock);
    rc = get_volume(inv, of.conn, volume_id, made, &u.volume);
    if (rc == AL_OK && strcmp(u.volume->customer_id, scope->customer_id) != 0) {
        rc = AL_ENOENT;
    }
    if (rc == AL_OK) {
        u.volume->uses++;
        u.round = u.volume->round;
        u.volume->waiting += writing ? 1 : 0;
        al_list_drop(&u.volume->link);
        al_list_push(&inv->volumes, &u.volume->link);
    }
    port_mutex_unlock(&inv->lock);
    if (rc < 0) {
        return rc;
    }
    u.conn = of.conn;
    of.conn = NULL;
    if (scope->limit_ns > 0) {
        inv_limit_begin(inv, u.conn, scope->limit_ns);
    }
    if (writing) {
        rc = wait_to_write(&u);
    }
    if (rc < 0) {
        inv_use_end(&u);
        return rc;
    }
    *ret = u;
    return AL_OK;
}

int
inv_use_begin(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
              bool writing, struct inv_use *ret)
{
    return use_begin(inv, scope, volume_id, writing, NULL, ret);
}

/* Under inv->lock, which is let go while DuckDB works. Who waits for the volume opens it again. */
static void
close_spoiled(struct inventory *inv, struct inv_conn *c, struct inv_volume *v)
{
    int rc;

    v->busy = true;
    port_mutex_unlock(&inv->lock);
    rc = inv_file_detach(inv, c, v->id);
    port_mutex_lock(&inv->lock);
    v->spoiled = false; /* one that cannot be closed stays as it is */
    settle(inv, v, rc < 0);
}

void
inv_use_end(struct inv_use *u)
{
    struct inv_conn_of of = {u->inv, u->conn};

    if (u->volume == NULL) {
        return;
    }
    inv_limit_end(u->inv, u->conn);
    if (u->open && inv_run(u->inv, u->conn, "ROLLBACK") < 0) {
        al_log(u->inv->log, AL_LOG_DEBUG, "inventory: nothing to roll back");
    }
    inv_next_drop(u);
    if (u->writing) {
        port_mutex_unlock(&u->volume->write);
    }
    port_mutex_lock(&u->inv->lock);
    u->volume->uses--;
    if (u->round != u->volume->round && u->volume->before > 0) {
        u->volume->before--;
    }
    if (u->volume->busy || u->volume->holds) {
        port_cond_broadcast(&u->inv->settled); /* who waits for it to be still */
    }
    if (u->volume->spoiled && u->volume->uses == 0 && !u->volume->busy) {
        close_spoiled(u->inv, of.conn, u->volume);
    }
    port_mutex_unlock(&u->inv->lock);
    inv_disconnect(&of);
    u->volume = NULL;
}

/* A moment in which nobody else uses the volume. Who comes is held up, so that those who are there get
 * done: hardly noticed where their calls are short. Where they are not, whoever was there ends in peace,
 * with all others let through meanwhile (a list that is written takes minutes, and a call that makes
 * another from its own callback would be a knot), and then it is tried again, for longer. */
#define HOLD_NS_FIRST INT64_C(50000000)
#define HOLD_NS_MAX INT64_C(10000000000)

static bool
is_still(const struct inv_volume *v)
{
    return v->uses - v->waiting == 1;
}

/* Under inv->lock, for so long at most. */
static bool
becomes_still(struct inv_use *u, int64_t ns)
{
    struct port *port = u->inv->port;
    int64_t end = port_mono_ns(port) + ns, now = end - ns;

    while (now < end && !is_still(u->volume)) {
        (void)port_cond_wait_for(&u->inv->settled, &u->inv->lock, end - now);
        now = port_mono_ns(port);
    }
    return is_still(u->volume);
}

/* Under inv->lock: until those that are there now are done, but for us and writers behind us. */
static void
let_end(struct inv_use *u)
{
    struct inv_volume *v = u->volume;

    v->round++;
    u->round = v->round;
    v->before = v->uses - v->waiting - 1;
    while (v->before > 0) {
        port_cond_wait(&u->inv->settled, &u->inv->lock);
    }
}

void
inv_hold(struct inv_use *u)
{
    struct inv_volume *v = u->volume;
    int64_t hold = HOLD_NS_FIRST;

    port_mutex_lock(&u->inv->lock);
    v->busy = v->holds = true;
    while (!becomes_still(u, hold)) {
        v->busy = false;
        port_cond_broadcast(&u->inv->settled);
        let_end(u);
        hold = hold < HOLD_NS_MAX / 2 ? 2 * hold : HOLD_NS_MAX;
        v->busy = true;
    }
    v->holds = false;
    port_mutex_unlock(&u->inv->lock);
}

void
inv_let_go(struct inv_use *u, bool spoiled)
{
    port_mutex_lock(&u->inv->lock);
    u->volume->busy = false;
    u->volume->spoiled |= spoiled;
    port_cond_broadcast(&u->inv->settled);
    port_mutex_unlock(&u->inv->lock);
}

int
inv_begin(struct inv_use *u)
{
    u->open = true; /* one that is interrupted may have begun: it too is rolled back */
    return inv_run(u->inv, u->conn, "BEGIN TRANSACTION");
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

    u->open = false;
    if (rc == AL_OK) {
        inv_changed(u);
        return AL_OK;
    }
    /* A commit that fails while it writes (a full disk) leaves the file as it was, but DuckDB's tables in memory
     * empty: tried with 1.4.4. */
    port_mutex_lock(&u->inv->lock);
    u->volume->spoiled = true;
    port_mutex_unlock(&u->inv->lock);
    return rc;
}

int
inventory_volume_make(struct inventory *inv, const struct inventory_scope *scope,
                      const char *volume_id, uint64_t block_bytes, struct al_fail *fail)
{
    INV_USE(u);
    struct made made = {scope, block_bytes};
    int rc;

    if (!al_id_valid(volume_id) || scope->customer_id == NULL || !al_id_valid(scope->customer_id)) {
        return al_fail_set(fail, AL_EINVAL, 0, "volume and customer need an identifier");
    }
    if (block_bytes > INV_BLOCK_BYTES_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a block is at most %u bytes", INV_BLOCK_BYTES_MAX);
    }
    rc = use_begin(inv, scope, volume_id, false, &made, &u);
    if (rc == AL_ENOENT) {
        return al_fail_set(fail, AL_ENOENT, 0, "the volume's inventory belongs to somebody else");
    }
    return rc < 0 ? al_fail_set(fail, rc, 0, "the volume's inventory cannot be made") : AL_OK;
}

int
inventory_volume_drop(struct inventory *inv, const struct inventory_scope *scope,
                      const char *volume_id)
{
    INV_USE(u);
    struct inv_volume *v;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc < 0) {
        return rc;
    }
    v = u.volume;
    port_mutex_lock(&inv->lock);
    rc = v->uses > 1 ? AL_EBUSY : AL_OK;
    v->busy = rc == AL_OK;
    port_mutex_unlock(&inv->lock);
    if (rc < 0) {
        return rc;
    }
    rc = inv_file_remove(inv, u.conn, volume_id);
    inv_use_end(&u);
    port_mutex_lock(&inv->lock);
    /* What failed is in the list no more, so that the next call looks at the file again. */
    settle(inv, v, false);
    port_mutex_unlock(&inv->lock);
    return rc;
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
