/* leftovers.c: objects that no stub of the volume stands for, each held against what is at its file's
 * path now. Whose an object is only its manifest line says; what another host or volume put there is
 * theirs to judge. */
#include <string.h>

#include "agent/reconcile/objects.h"
#include "agent/reconcile/reconcile_priv.h"
#include "base/mem.h"

#define LINE_ARENA_BYTES (4u << 20)

struct leftovers {
    const struct reconcile_env *env;
    const struct recall_volume *volume;
    const struct mover_volume *place;
    struct al_arena *arena; /* of a line */
    bool (*stop)(void *ctx);
    void *ctx;
};

enum at_path {
    AT_NOTHING,
    AT_OTHER,      /* a folder, a link ... */
    AT_FILE,       /* with bytes of its own, or empty */
    AT_FRAME,      /* of the file's length and time, without marker and without a byte */
    AT_STUB,       /* of this object, or its placeholder: it came since, and is no leftover */
    AT_FORGED,     /* a marker that is not of this volume */
    AT_OTHER_STUB, /* of another object, such as the file tiered again, or of another volume here */
    AT_UNKNOWN
};

static enum at_path
look_at_marker(const struct leftovers *l, const struct manifest_record *r)
{
    struct marker m;
    enum marker_verdict verdict;
    struct stub_facts facts;
    uint8_t object[16];
    int rc = stub_examine_path(l->volume->stub, r->path, &m, &verdict, &facts, NULL);

    if (rc == AL_ENODATA) {
        return AT_FILE;
    }
    if (rc != AL_OK || marker_object_from_id(r->object_id, object) != AL_OK) {
        return AT_UNKNOWN;
    }
    if (verdict == MARKER_V_FORGED) {
        return l->env->is_anothers != NULL &&
                       l->env->is_anothers(l->env->others_ctx, l->volume, &facts.handle)
                   ? AT_OTHER_STUB
                   : AT_FORGED;
    }
    return memcmp(m.object, object, sizeof(object)) == 0 ? AT_STUB : AT_OTHER_STUB;
}

static enum at_path
look_at_file(const struct leftovers *l, struct port_file *dir, const char *name,
             const struct port_stat *st, const struct manifest_record *r)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = l->env->port};
    enum at_path at = look_at_marker(l, r);
    bool has = true;
    int rc;

    if (at != AT_FILE || st->size != r->size || st->size == 0 || st->mtime_ns != r->mtime_ns) {
        return at;
    }
    rc = port_open(f.port, dir, name, PORT_READ | PORT_NOATIME | PORT_NONBLOCK, 0, &f.file);
    rc = rc != AL_OK ? rc : port_has_data(f.port, f.file, st->size, &has);
    return rc == AL_OK ? (has ? AT_FILE : AT_FRAME) : rc == AL_ENOENT ? AT_NOTHING : AT_UNKNOWN;
}

/* Nothing there: a placeholder may stand for it, on a volume that held those before. */
static enum at_path
look_at_holder(const struct leftovers *l, const struct manifest_record *r)
{
    struct place at;
    char holder[PLACE_NAME_MAX];
    bool ours = false, edited;
    int rc = place_open(&at, l->env->port, l->place->root, r->path, l->place->key, false, NULL);

    if (rc == AL_ENOENT || rc == AL_ENOTDIR || rc == AL_ELOOP) {
        return AT_NOTHING;
    }
    if (rc != AL_OK) {
        return AT_UNKNOWN;
    }
    rc = place_holder_name(at.name, holder);
    rc = rc == AL_OK ? place_holder_of(&at, holder, r->object_id, &ours, &edited) : AL_OK;
    place_end(&at);
    return rc != AL_OK ? AT_UNKNOWN : ours ? AT_STUB : AT_NOTHING;
}

static enum at_path
look(const struct leftovers *l, const struct manifest_record *r)
{
    AL_CLEANUP(port_holder_end) struct port_holder dir = {.port = l->env->port};
    AL_CLEANUP(al_freep) char *path = al_span_dup(r->path);
    struct port_stat st;
    const char *name;
    int rc = path == NULL ? AL_ENOMEM
                          : port_walk_to(dir.port, stub_volume_root(l->volume->stub), path,
                                         &dir.file, &name);

    rc = rc != AL_OK ? rc : port_stat_at(dir.port, dir.file, name, &st);
    if (rc == AL_ENOENT || rc == AL_ENOTDIR || rc == AL_ELOOP) {
        return look_at_holder(l, r);
    }
    if (rc != AL_OK) {
        return AT_UNKNOWN;
    }
    return st.type == PORT_T_FILE ? look_at_file(l, dir.file, name, &st, r) : AT_OTHER;
}

static void
judge(const struct leftovers *l, const struct manifest_record *r)
{
    struct reconcile_finding f = {.kind = ORPHAN_NO_STUB,
                                  .path = r->path,
                                  .object_id = r->object_id,
                                  .size = r->size,
                                  .mtime_ns = r->mtime_ns};

    switch (look(l, r)) {
    case AT_NOTHING:
    case AT_OTHER:
        break;
    case AT_FILE:
    case AT_OTHER_STUB:
        f.kind = ORPHAN_SPARE;
        break;
    case AT_FRAME:
        f.kind = ORPHAN_MARKER_LOST;
        break;
    case AT_FORGED:
        f.kind = ORPHAN_FORGED;
        break;
    case AT_STUB:
        return;
    case AT_UNKNOWN:
        l->env->finds->unknown = true;
        return;
    }
    reconcile_find(l->env, &f);
}

static int
on_line(void *ctx, struct al_span line)
{
    struct leftovers *l = ctx;
    struct manifest_record r;
    char id[AL_ID_LEN + 1];
    uint8_t object[16];
    uint64_t size;
    int rc;

    if (l->stop != NULL && l->stop(l->ctx)) {
        return AL_ECANCELED;
    }
    if (!manifest_object_of(line, id) || marker_object_from_id(id, object) != AL_OK ||
        !objects_is_left(l->env->finds->objects, object, &size)) {
        return AL_OK;
    }
    al_arena_reset(l->arena);
    rc = manifest_parse(line, l->arena, &r, NULL);
    if (rc == AL_OK && strcmp(r.volume_id, l->volume->volume_id) == 0 && r.path.len > 0) {
        judge(l, &r);
    }
    return rc == AL_ECORRUPT || rc == AL_ELIMIT ? AL_OK
                                                : rc; /* a line that was cut names nothing */
}

int
reconcile_leftovers(const struct reconcile_env *env, const struct recall_volume *volume,
                    const struct mover_volume *place, const char *host_id, bool (*stop)(void *ctx),
                    void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(LINE_ARENA_BYTES);
    struct leftovers l = {
        .env = env, .volume = volume, .place = place, .arena = arena, .stop = stop, .ctx = ctx};
    struct target *target = NULL;
    int rc;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (objects_unmarked(env->finds->objects) == 0) {
        return AL_OK;
    }
    rc = env->connect.get(env->connect.ctx, volume, &target, fail);
    return rc != AL_OK ? rc : manifest_lines(target, host_id, on_line, &l, fail);
}

void
reconcile_waiting(const struct reconcile_env *env, const char *volume_id)
{
    struct journal_figures figures;

    journal_figures(env->journal, &figures);
    for (uint32_t left = figures.found; left > 0; left--) {
        struct journal_item *item = journal_take_found(env->journal);
        const struct journal_intent *in = item != NULL ? journal_intent_of(item) : NULL;

        if (in == NULL) {
            return; /* somebody heals them just now */
        }
        if (strcmp(in->volume_id, volume_id) == 0) {
            reconcile_find(env, &(struct reconcile_finding){.kind = ORPHAN_HALF_DONE,
                                                            .path = in->path,
                                                            .object_id = in->object_id,
                                                            .size = in->size,
                                                            .mtime_ns = in->mtime_ns});
        }
        journal_put_back(env->journal, item);
    }
}
