#include "agent/reconcile/repair.h"

#include <stdio.h>
#include <string.h>

#include "agent/reconcile/reconcile_priv.h"
#include "base/mem.h"

#define LINE_ARENA_BYTES (4u << 20)

struct repairing {
    const struct reconcile_env *env;
    const struct mover_env *mover_env;
    const struct recall_volume *volume;
    const struct mover_volume *place;
    const struct repair_item *item;
    struct al_fail *fail;
    struct told told;
    bool aside; /* what is there may give way */
};

static bool
is_share_code(int code)
{
    return code == AL_EUNREACH || code == AL_ETIMEDOUT || code == AL_EAUTH || code == AL_EFOREIGN;
}

static int
refuse(struct repairing *r, const char *text)
{
    return reconcile_tell(r->env, &r->told, "refuse", AL_OK, stub_refusal_name(STUB_R_CHANGED),
                          text);
}

/* What the share's trouble is comes again; the file's own is told. */
static int
failed(struct repairing *r, int rc)
{
    if (is_share_code(rc) || rc == AL_ENOMEM) {
        return rc;
    }
    return reconcile_tell(r->env, &r->told, "repair", rc, "", r->fail->text);
}

/* ---- restub ---- */

static int
restub(struct repairing *r)
{
    uint8_t object[16];
    struct marker m;
    enum marker_verdict verdict;
    struct stub_facts facts;
    int rc = stub_examine_path(r->volume->stub, r->item->path, &m, &verdict, &facts, r->fail);

    if (rc == AL_ENOENT || rc == AL_ENODATA) {
        return refuse(r, "there is no such stub any more");
    }
    if (rc != AL_OK) {
        return failed(r, rc);
    }
    r->told.ino = facts.st.ino;
    if (marker_object_from_id(r->item->object_id, object) != AL_OK ||
        memcmp(m.object, object, sizeof(object)) != 0 ||
        (verdict != MARKER_V_CHANGED && verdict != MARKER_V_STUB)) {
        return refuse(r, "the file is not what was found there");
    }
    rc = reconcile_object_there(r->env, r->volume, &m, r->fail);
    rc =
        rc != AL_OK ? rc : stub_restub(r->volume->stub, &facts.handle, r->item->object_id, r->fail);
    if (rc == AL_ECONFLICT) {
        return refuse(r, r->fail->text);
    }
    if (rc != AL_OK) {
        return failed(r, rc);
    }
    r->told.size = m.size;
    r->told.mtime_ns = m.mtime_ns;
    return reconcile_tell(r->env, &r->told, "repair", AL_OK, "restubbed",
                          "the frame has its length and time back, and is a stub again");
}

/* ---- restore ---- */

static bool
is_frame(const struct repairing *r, struct port_file *dir, const char *name,
         const struct port_stat *st)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = r->env->port};
    bool has = true;
    int rc = port_open(f.port, dir, name, PORT_READ | PORT_NOATIME | PORT_NONBLOCK, 0, &f.file);

    rc = rc != AL_OK ? rc : port_has_data(f.port, f.file, st->size, &has);
    return rc == AL_OK && !has;
}

/* A file without a marker: only a frame that holds nothing may give way, and only the one of this object.
 * One that looks like the file itself stays where it is: it may be back already. */
static int
may_give_way(struct repairing *r, struct port_file *dir, const char *name,
             const struct port_stat *st, bool *ret)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(LINE_ARENA_BYTES);
    struct manifest_record line;
    struct target *target = NULL;
    int rc = arena == NULL ? AL_ENOMEM
                           : r->env->connect.get(r->env->connect.ctx, r->volume, &target, r->fail);

    rc = rc != AL_OK ? rc
                     : manifest_find(target, r->mover_env->host_id, r->item->object_id, arena,
                                     &line, r->fail);
    *ret = rc == AL_OK && st->size == line.size && st->mtime_ns == line.mtime_ns;
    r->aside = *ret && is_frame(r, dir, name, st);
    return rc;
}

/* *ret: nothing is there, or only what is found fault with. Else it is as somebody wants it. */
static int
look(struct repairing *r, bool *ret)
{
    AL_CLEANUP(port_holder_end) struct port_holder dir = {.port = r->env->port};
    AL_CLEANUP(al_freep) char *path = al_span_dup(r->item->path);
    struct marker m;
    enum marker_verdict verdict;
    struct port_stat st;
    const char *name;
    int rc =
        path == NULL ? AL_ENOMEM : port_walk_to(dir.port, r->place->root, path, &dir.file, &name);

    *ret = r->aside = true;
    rc = rc != AL_OK ? rc : port_stat_at(dir.port, dir.file, name, &st);
    if (rc == AL_ENOENT || rc == AL_ENOTDIR) {
        return AL_OK;
    }
    if (rc != AL_OK || st.type != PORT_T_FILE) {
        *ret = rc == AL_OK; /* beside it, then */
        return rc;
    }
    r->aside = r->place->maker == NULL;
    rc = stub_examine_path(r->volume->stub, r->item->path, &m, &verdict, NULL, r->fail);
    if (rc == AL_ENODATA) {
        return may_give_way(r, dir.file, name, &st, ret);
    }
    *ret = rc == AL_OK &&
           (verdict == MARKER_V_DATA || verdict == MARKER_V_FORGED || verdict == MARKER_V_CHANGED);
    return rc;
}

/* What gave way may be a file like any other where all of it is there. That is told on its own: the job
 * counts one outcome of each path, and this is another's. */
static void
let_kept_go(struct repairing *r, const char *kept)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    struct told t = {.volume_id = r->told.volume_id, .share_id = r->told.share_id};
    size_t folder = r->item->path.len;
    struct stub_facts facts;
    enum marker_verdict verdict;
    struct marker m;

    while (folder > 0 && r->item->path.at[folder - 1] != '/') {
        folder--;
    }
    al_buf_init(&path, folder + strlen(kept) + 1);
    if (al_buf_add(&path, r->item->path.at, folder) != AL_OK || al_buf_adds(&path, kept) != AL_OK) {
        return; /* it stays as it is, which the next walk tells */
    }
    t.path = al_buf_span(&path);
    if (stub_examine_path(r->volume->stub, t.path, &m, &verdict, &facts, NULL) != AL_OK ||
        (verdict != MARKER_V_DATA && verdict != MARKER_V_FORGED) ||
        stub_keep_data(r->volume->stub, &facts.handle, NULL) != AL_OK) {
        return;
    }
    t.ino = facts.st.ino;
    if (reconcile_tell(r->env, &t, "drop_marker", AL_OK, marker_verdict_name(verdict),
                       "kept beside the file that was brought back; all its bytes are its own") !=
        AL_OK) {
        return; /* a scan finds it as it is */
    }
}

static int
restore(struct repairing *r)
{
    struct mover_item item = {
        .volume = r->place, .path = r->item->path, .job_id = r->item->job_id, .act = MOVER_BACK};
    struct target *target = NULL;
    struct mover *m = NULL;
    const struct mover_result *result;
    bool may = false;
    int rc = look(r, &may);

    if (rc == AL_OK && !may) {
        return refuse(r, "there is a file now that is not what was found there");
    }
    rc = rc != AL_OK ? rc : r->env->connect.get(r->env->connect.ctx, r->volume, &target, r->fail);
    if (rc != AL_OK) {
        return failed(r, rc);
    }
    item.aside = r->aside;
    memcpy(item.object_id, r->item->object_id, sizeof(item.object_id));
    rc = mover_new(r->mover_env, target, &item, &m);
    if (rc != AL_OK) {
        return rc;
    }
    while (mover_step(m) == MOVER_MORE) {
    }
    result = mover_result(m);
    if (result->kept[0] != '\0') {
        let_kept_go(r, result->kept);
    }
    rc = is_share_code(result->code) ? result->code : result->reported ? AL_OK : AL_EIO;
    if (rc != AL_OK) {
        *r->fail = result->fail;
    }
    (void)mover_free(m); /* returns NULL */
    return rc;
}

int
repair_one(const struct reconcile_env *env, const struct mover_env *mover_env,
           const struct recall_volume *volume, const struct mover_volume *place,
           const struct repair_item *item, struct al_fail *fail)
{
    struct repairing r = {.env = env,
                          .mover_env = mover_env,
                          .volume = volume,
                          .place = place,
                          .item = item,
                          .fail = fail};

    r.told = (struct told){.volume_id = volume->volume_id,
                           .share_id = volume->share_id,
                           .object_id = item->object_id,
                           .path = item->path,
                           .job_id = item->job_id};
    *fail = (struct al_fail){0};
    if (!al_id_valid(item->object_id)) {
        return refuse(&r, "nobody knows which object it is of");
    }
    return item->way == ORPHAN_W_RESTUB    ? restub(&r)
           : item->way == ORPHAN_W_RESTORE ? restore(&r)
                                           : reconcile_tell(env, &r.told, "repair", AL_ENOTSUP, "",
                                                            "this agent knows no such way");
}
