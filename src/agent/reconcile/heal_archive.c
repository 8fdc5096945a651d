/* heal_archive.c: intents of archives and ways back: three questions about one folder and the
 * journal's state decide (doc/adr/0056-archive-with-a-placeholder.md). */
#include <stdio.h>
#include <string.h>

#include "agent/reconcile/reconcile_priv.h"
#include "base/mem.h"

#define WEEK_NS (INT64_C(7) * 86400 * 1000000000)

static int
tell(struct archive_case *c, const char *act, int code, const char *reason, const char *text)
{
    return reconcile_tell(c->env, &c->told, act, code, reason, text);
}

static enum healed
told_or_later(int rc, enum healed healed)
{
    return rc == AL_OK ? healed : HEALED_LATER;
}

/* The folder, on the filesystem of the intent. AL_EBUSY: not to be judged now. */
static int
open_place(struct archive_case *c, const struct mover_volume *v)
{
    struct port_handle now;
    int rc = place_fs_tag(c->env->port, v->root, &now);

    if (rc == AL_OK && (now.type != c->in->handle.type || now.len != c->in->handle.len ||
                        memcmp(now.bytes, c->in->handle.bytes, now.len) != 0)) {
        return AL_EBUSY;
    }
    return rc != AL_OK
               ? rc
               : place_open(&c->at, c->env->port, v->root, c->in->path, v->key, false, NULL);
}

/* A folder that somebody moved or removed meanwhile, with what lies aside in it. */
static enum healed
folder_is_gone(struct archive_case *c)
{
    char text[256];

    if (port_now_ns(c->env->port) - c->in->began_ns < WEEK_NS) {
        return HEALED_LATER;
    }
    (void)snprintf(text, sizeof(text),
                   "the folder is gone since an act on this file was cut; should there be a file "
                   "%s%s, it is the original",
                   PLACE_ASIDE, c->in->object_id);
    return told_or_later(tell(c, "alarm", AL_ENOENT, "folder_gone", text), HEALED_REPORTED);
}

/* ---- archive ---- */

int
reconcile_tell_other_name(struct archive_case *c, const char *got)
{
    char text[PLACE_NAME_MAX + 96];

    (void)snprintf(text, sizeof(text),
                   "a file of its name was made while it was being moved; it is \"%s\" now", got);
    return tell(c, "alarm", AL_EEXIST, "name_taken", text);
}

int
reconcile_tell_unreferenced(struct archive_case *c)
{
    return tell(c, "reconcile", AL_OK, "unreferenced_object",
                "an act that was cut left this object; the file is as it was");
}

static enum healed
undo(struct archive_case *c, bool aside)
{
    char got[PLACE_NAME_MAX] = "";
    int rc = AL_OK;

    if (aside && c->in->state >= JOURNAL_MARKED && c->in->state != JOURNAL_FILLED) {
        rc = journal_say(c->env->journal, c->item, JOURNAL_FILLED);
    }
    rc = rc != AL_OK ? rc : place_undo(&c->at, c->in->object_id, got, NULL);
    if (rc == AL_OK && got[0] != '\0') {
        rc = reconcile_tell_other_name(c, got);
    }
    rc = rc != AL_OK ? rc : reconcile_tell_unreferenced(c);
    return told_or_later(rc, HEALED_AS_WAS);
}

static enum healed
heal_archive(struct archive_case *c)
{
    char aside[PLACE_NAME_MAX], holder[PLACE_NAME_MAX], fresh[PLACE_NAME_MAX];
    bool there = false, ours = false, edited = false;
    int rc;

    place_own_name(PLACE_ASIDE, c->in->object_id, aside);
    place_own_name(PLACE_NEW, c->in->object_id, fresh);
    rc = place_is_there(&c->at, aside, &there);
    if (rc == AL_OK && !there && place_holder_name(c->at.name, holder) == AL_OK) {
        rc = place_holder_of(&c->at, holder, c->in->object_id, &ours, &edited);
    }
    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    if (there || c->in->state == JOURNAL_FILLED || (!ours && c->in->state < JOURNAL_MARKED)) {
        return undo(c, there);
    }
    rc = place_remove(&c->at, fresh);
    /* The unlink may have been done and not be durable yet. */
    rc = rc != AL_OK ? rc : place_sync(&c->at);
    c->told.freed = c->in->size;
    rc = rc != AL_OK ? rc
                     : tell(c, "archive", AL_OK, "finished_by_reconcile",
                            ours ? "" : "the placeholder was removed meanwhile");
    return told_or_later(rc, HEALED_STUB);
}

/* ---- back ---- */

/* It was to come under the name asked for, or under that of its placeholder. */
static int
clear_names(struct archive_case *c)
{
    char name[PLACE_NAME_MAX];
    size_t len = strlen(c->at.name);
    int rc = place_clear(&c->at, c->in->object_name, c->at.name, PLACE_RECALLED);

    if (rc == AL_OK && placeholder_named(al_span_of(c->at.name))) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)(len - PLACEHOLDER_SUFFIX_LEN), c->at.name);
        rc = place_clear(&c->at, c->in->object_name, name, PLACE_RECALLED);
    }
    return rc;
}

/* One of the names that a way back gives, from this one on. */
static bool
is_named(const struct archive_case *c, const char *base, char name[PLACE_NAME_MAX])
{
    for (unsigned n = 0; n <= PLACE_OTHERS_MAX; n++) {
        struct port_stat st;
        int rc;

        (void)snprintf(name, PLACE_NAME_MAX, "%s", base);
        if (n > 0) {
            place_other_name(base, PLACE_RECALLED, n, name);
        }
        rc = port_stat_at(c->env->port, c->at.dir, name, &st);
        if (rc == AL_ENOENT) {
            break;
        }
        if (rc == AL_OK && st.type == PORT_T_FILE && st.size == c->in->size &&
            st.mtime_ns == c->in->mtime_ns) {
            return true;
        }
    }
    return false;
}

/* Somebody wanted it, so that what it is called now counts. False: it is not seen. */
static bool
find_name(struct archive_case *c, char name[PLACE_NAME_MAX])
{
    char base[PLACE_NAME_MAX];
    bool holder = placeholder_named(al_span_of(c->at.name)), found;

    (void)snprintf(base, sizeof(base), "%s", c->at.name);
    if (holder) {
        base[strlen(base) - PLACEHOLDER_SUFFIX_LEN] = '\0';
    }
    found = is_named(c, base, name) || (holder && is_named(c, c->at.name, name));
    c->told.now_name = found && strcmp(name, c->at.name) != 0 ? name : NULL;
    return found;
}

/* The placeholder that was asked for, or that stood for what was. */
static int
remove_holders(struct archive_case *c)
{
    char holder[PLACE_NAME_MAX];
    int rc = placeholder_named(al_span_of(c->at.name))
                 ? place_remove_holder(&c->at, c->at.name, c->in->object_id, NULL)
                 : AL_OK;

    if (rc == AL_OK && place_holder_name(c->at.name, holder) == AL_OK) {
        rc = place_remove_holder(&c->at, holder, c->in->object_id, NULL);
    }
    return rc != AL_OK ? rc : place_sync(&c->at);
}

static enum healed
heal_back(struct archive_case *c)
{
    char name[PLACE_NAME_MAX];
    bool there = false;
    int rc = place_is_there(&c->at, c->in->object_name, &there);

    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    if (there || c->in->state < JOURNAL_FILLED) {
        rc = clear_names(c);
        rc = rc != AL_OK ? rc : place_remove(&c->at, c->in->object_name);
        rc = rc != AL_OK ? rc : place_sync(&c->at);
        c->told.size = 0;
        rc = rc != AL_OK ? rc
                         : tell(c, "recall", AL_ECANCELED, "interrupted",
                                "the way back was cut; the file is archived as before");
        return told_or_later(rc, HEALED_REPORTED);
    }
    /* Renamed. Its placeholder goes where the file surely is; another is removed by who likes. */
    rc = place_sync(&c->at);
    if (find_name(c, name) && rc == AL_OK) {
        rc = remove_holders(c);
    }
    c->told.freed = c->in->size;
    rc = rc != AL_OK ? rc : tell(c, "recall", AL_OK, "finished_by_reconcile", "");
    c->told.now_name = NULL;
    return told_or_later(rc, HEALED_REPORTED);
}

enum healed
reconcile_archive(const struct reconcile_env *env, struct journal_item *item,
                  const struct told *told)
{
    struct archive_case c = {
        .env = env, .item = item, .in = journal_intent_of(item), .told = *told};
    const struct mover_volume *v =
        env->place != NULL ? env->place(env->volume_ctx, c.in->volume_id) : NULL;
    enum healed healed;
    int rc;

    if (v == NULL || strcmp(v->share_id, c.in->share_id) != 0) {
        return HEALED_LATER;
    }
    c.volume = v;
    c.told.ino = 0; /* means nothing on such volumes, or is another's by now */
    if (c.in->kind == JOURNAL_FILL) {
        return reconcile_fill(&c);
    }
    rc = open_place(&c, v);
    if (rc == AL_ENOENT || rc == AL_ENOTDIR || rc == AL_ELOOP) {
        return folder_is_gone(&c);
    }
    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    c.at.healing = true;
    healed = c.in->kind == JOURNAL_ARCHIVE  ? heal_archive(&c)
             : c.in->kind == JOURNAL_BACK   ? heal_back(&c)
             : c.in->kind == JOURNAL_UNSWAP ? reconcile_unswap(&c)
                                            : reconcile_swap(&c);
    place_end(&c.at);
    return healed;
}
