/* look.c: what is there: listings, sizes, times; and what of it is due. */
#include <string.h>

#include "agent/auditlog/follow_priv.h"
#include "base/mem.h"

#define SECOND_NS INT64_C(1000000000)
#define TORN_EACH_S 600u /* between reads of what is left of such a log */
#define GRAIN_NS                                                                                   \
    (2 * SECOND_NS) /* a folder's time that is younger does not tell of what comes next */
#define LISTED_AGAIN_S 10u
#define LIST_NS (INT64_C(300) * 1000000) /* of first listings in one round */
#define RECENT_EACH 4096u /* with more folders, which are recent is found once a round */

bool
look_unread(const struct log_file *f)
{
    return f->size > f->offset && (f->flags & (LOG_DONE | LOG_ZIPPED)) == 0;
}

bool
look_torn(const struct log_file *f)
{
    return f->size > f->offset && (f->flags & LOG_DONE) != 0 && (f->flags & LOG_ZIPPED) == 0;
}

int
look_open(struct follow *f, const struct log_folder *folder, struct port_file **ret)
{
    const struct log_folder *way[TREE_DEPTH_MAX + 1];
    struct port_file *at = NULL;
    unsigned steps = 0;
    int rc = port_open(f->port, NULL, f->audit, PORT_READ | PORT_FOLDER | PORT_NOATIME, 0, &at);

    for (; folder->parent != NULL; folder = folder->parent) {
        way[steps++] = folder;
    }
    while (rc == AL_OK && steps > 0) {
        struct port_file *next = NULL;

        rc = port_open(f->port, at, way[--steps]->name, PORT_READ | PORT_FOLDER | PORT_NOATIME, 0,
                       &next);
        port_close_quiet(f->port, &at);
        at = next;
    }
    if (rc == AL_OK) {
        *ret = at;
    }
    return rc;
}

int
look_heat(struct follow *f, struct log_file *log)
{
    int rc;

    if ((log->flags & LOG_HOT) != 0 || f->hot.count >= FOLLOW_HOT_MAX) {
        return AL_OK;
    }
    rc = follow_list_add(&f->hot, log);
    log->flags |= rc == AL_OK ? LOG_HOT : 0;
    return rc;
}

static void
list_drop(struct log_list *l, const struct log_file *log)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->at[i] == log) {
            l->count--;
            memmove(&l->at[i], &l->at[i + 1], (l->count - i) * sizeof(log));
            return;
        }
    }
}

static void
forget(struct follow *f, struct log_file *log)
{
    list_drop(&f->hot, log);
    list_drop(&f->fresh, log);
    list_drop(&f->queue, log);
    list_drop(&f->dirty, log);
    quick_forget(f, log);
    f->bad_files -= (log->flags & LOG_BAD) != 0;
    read_hole_end(f, log);
    if (f->reading == log) {
        f->reading = NULL;
    }
    cursors_gone(f->cursors, log);
    tree_forget_file(&f->tree, log);
}

static bool
means_gone(int rc)
{
    return rc == AL_ENOENT || rc == AL_ENOTDIR || rc == AL_ELOOP;
}

static bool
means_denied(int rc)
{
    return rc == AL_EACCES || rc == AL_EPERM;
}

void
look_bad(struct follow *f, struct log_file *log, int rc)
{
    bool is = rc != AL_OK;

    if (is != ((log->flags & LOG_BAD) != 0)) {
        log->flags ^= LOG_BAD;
        f->bad_files += is ? 1 : -1u;
    }
    f->file_denied = f->bad_files > 0 && (f->file_denied || means_denied(rc));
}

bool
look_has_later(const struct log_file *log)
{
    const struct log_folder *at = log->in, *next;
    int64_t begin_ns = tree_begin_of(log->name);

    while (at->depth > 1) {
        at = at->parent;
    }
    while (at->depth > 0 && (next = tree_last_folder(at)) != NULL) {
        at = next;
    }
    at = at->file_count > 0 ? at : log->in; /* one that is only made has none yet */
    return begin_ns != 0 && tree_begin_of(at->files[at->file_count - 1]->name) > begin_ns;
}

/* ---- one log ---- */

static int
enqueue(struct follow *f, struct log_file *log, bool fresh)
{
    int rc;

    if ((log->flags & LOG_QUEUED) != 0) {
        return AL_OK;
    }
    rc = follow_list_add(fresh ? &f->fresh : &f->queue, log);
    log->flags |= rc == AL_OK ? LOG_QUEUED : 0;
    return rc;
}

/* Looked at for the first time since the start: how long ago it changed is known by its time alone. */
static int
first_look(struct follow *f, struct log_file *log)
{
    int64_t age_ns = f->now_ns - log->mtime_ns, begin_ns = tree_begin_of(log->name);
    uint32_t age_s = age_ns <= 0                                  ? 0
                     : age_ns > (int64_t)FOLLOW_HOT_S * SECOND_NS ? FOLLOW_HOT_S
                                                                  : (uint32_t)(age_ns / SECOND_NS);

    log->flags &= (uint16_t)~LOG_NEW;
    log->changed_s = f->now_s - (look_unread(log) ? 0 : age_s);
    begin_ns = begin_ns != 0 ? begin_ns : log->mtime_ns;
    coverage_log(&f->coverage,
                 begin_ns); /* also a later one than now: it may be our clock that is wrong */
    if (log->in->node != NULL && log->mtime_ns > log->in->node->last_grown_ns) {
        log->in->node->last_grown_ns = log->mtime_ns < f->now_ns ? log->mtime_ns : f->now_ns;
        log->in->node->changed = true;
    }
    return age_s < FOLLOW_HOT_S || (log->flags & LOG_ACTIVE) != 0 ? look_heat(f, log) : AL_OK;
}

/* Whether a look at what is unread may tell more than the last one. */
static bool
worth(const struct follow *f, const struct log_file *log)
{
    uint32_t quiet_s = f->now_s - log->changed_s;

    if (!look_unread(log) || (log->flags & LOG_HOT) == 0) {
        return look_unread(log); /* its turn comes seldom enough */
    }
    if (log->hole != NULL && f->now_s - log->hole->since_s >= FOLLOW_SETTLE_HOLES_S &&
        (f->now_s - log->hole->since_s) % FOLLOW_SETTLE_HOLES_S < FOLLOW_OLD_S) {
        return true;
    }
    if ((log->flags & LOG_ACTIVE) != 0) { /* holes are filled without a word */
        return quiet_s < FOLLOW_HOT_S
                   ? quiet_s % FOLLOW_SETTLE_S == 0
                   : quiet_s >= FOLLOW_TORN_ALONE_S && quiet_s % TORN_EACH_S < FOLLOW_OLD_S;
    }
    return quiet_s >= FOLLOW_SETTLE_S && quiet_s % FOLLOW_SETTLE_S == 0;
}

/* Nothing comes to it any more, as far as one can know. */
static bool
is_over(const struct follow *f, const struct log_file *log)
{
    uint32_t quiet_s = f->now_s - log->changed_s;

    if ((log->flags & (LOG_ACTIVE | LOG_PLAIN)) == LOG_PLAIN) {
        return quiet_s >= FOLLOW_SETTLE_S;
    }
    return quiet_s >= FOLLOW_TORN_S && look_has_later(log);
}

static int
whole(struct follow *f, struct log_file *log)
{
    bool was = (log->flags & LOG_WHOLE) != 0,
         is = (log->flags & LOG_ZIPPED) != 0 ||
              (log->size <= log->offset && (was || is_over(f, log)));

    if (!look_unread(log)) {
        log->end_s = f->now_s;
    }
    if (is == was) {
        return AL_OK;
    }
    log->was_whole = was;
    log->flags ^= LOG_WHOLE;
    return follow_dirty(f, log);
}

static bool
was_unseen(const struct follow *f, const struct log_file *log)
{
    uint32_t until_s = log->missing_s != 0 ? log->missing_s : f->now_s;

    return until_s > log->end_s && until_s - log->end_s > FOLLOW_UNSEEN_S;
}

/* It is not there any more, or not as it was. What came to it since it was last seen to be read to its end, nobody knows. */
static bool
may_have_grown(const struct follow *f, const struct log_file *log)
{
    return (log->flags & LOG_WHOLE) == 0 &&
           ((log->flags & LOG_NEW) != 0 || look_unread(log) || was_unseen(f, log));
}

static int
absorb(struct follow *f, struct log_file *log, const struct port_stat *st)
{
    bool first = (log->flags & LOG_NEW) != 0;
    bool changed = st->size != log->size || st->mtime_ns != log->mtime_ns, due;
    int rc = AL_OK;

    if (st->size < (first || log->hole != NULL ? log->offset : log->size) &&
        may_have_grown(f, log)) {
        coverage_lost(&f->coverage, f->now_ns);
    }
    log->size = st->size;
    log->mtime_ns = st->mtime_ns;
    if (log->size < log->offset) { /* shorter than what was read: another one */
        log->offset = 0;
        log->head_len = 0;
        log->flags &= (uint16_t) ~(LOG_LONG | LOG_ZIPPED);
        f->reading = f->reading == log ? NULL : f->reading;
        rc = follow_dirty(f, log);
    }
    if (first && rc == AL_OK) {
        rc = first_look(f, log);
    } else if (changed && rc == AL_OK) {
        log->changed_s = f->now_s;
        log->flags &= (uint16_t) ~(LOG_DONE | LOG_ZIPPED);
        if (log->in->node != NULL) {
            log->in->node->last_grown_ns = f->now_ns;
            log->in->node->changed = true;
        }
        rc = look_heat(f, log);
    }
    rc = rc != AL_OK ? rc : whole(f, log);
    if (first) { /* of an open one the front is looked at, too */
        due = look_unread(log) || (log->offset > 0 && (log->flags & LOG_WHOLE) == 0);
    } else {
        due = changed || worth(f, log) || (log->flags & LOG_BAD) != 0;
    }
    if (rc == AL_OK && due) {
        rc = enqueue(f, log, !first && (log->flags & LOG_HOT) != 0);
    }
    if (rc != AL_OK) { /* the next look is the first one again */
        log->flags |= LOG_NEW;
        log->mtime_ns = 0;
    }
    return rc;
}

int
look_log(struct follow *f, struct log_file *log, struct port_file *dir)
{
    struct port_stat st, best = {0};
    bool found = false;
    size_t len;
    int rc;

    al_buf_clear(&f->path);
    rc = dir != NULL ? AL_OK : al_buf_addf(&f->path, "%s/", f->audit);
    if (rc == AL_OK && dir == NULL && log->in->parent != NULL) {
        rc = tree_path(log->in, &f->path);
        rc = rc != AL_OK ? rc : al_buf_adds(&f->path, "/");
    }
    rc = rc != AL_OK ? rc : al_buf_adds(&f->path, log->name);
    len = f->path.len;
    rc = rc != AL_OK ? rc : al_buf_adds(&f->path, ".active");
    if (rc != AL_OK) {
        return rc;
    }
    for (unsigned i = 0; i < 2; i++) {
        bool active = i == 0;

        if ((log->flags & (active ? LOG_ACTIVE : LOG_PLAIN)) == 0) {
            continue;
        }
        if (!active) {
            f->path.at[len] = '\0';
        }
        f->figures.stats++;
        /* Those that are closed hardly grow; after a listing what the kernel knows is new. */
        rc = active && dir == NULL
                 ? port_stat_fresh_at(f->port, NULL, (const char *)f->path.at, &st)
                 : port_stat_at(f->port, dir, (const char *)f->path.at, &st);
        if (rc == AL_OK && st.type == PORT_T_FILE && (!found || st.size >= best.size)) {
            best = st;
            found = true;
            log->flags = (uint16_t)((log->flags & ~(unsigned)LOG_USE_ACTIVE) |
                                    (active ? LOG_USE_ACTIVE : 0u));
        }
    }
    return found ? absorb(f, log, &best) : rc == AL_OK ? AL_ENOENT : rc;
}

/* ---- listings ---- */

static void
list_begin(struct log_folder *folder)
{
    for (uint32_t i = 0; i < folder->file_count; i++) {
        folder->files[i]->flags &= (uint16_t)~LOG_SEEN;
    }
    for (uint32_t i = 0; i < folder->folder_count; i++) {
        folder->folders[i]->seen = false;
    }
}

static int
found_log(struct follow *f, struct log_folder *in, struct al_span key, bool active)
{
    struct log_file *log;
    bool fresh;
    int rc = tree_file(&f->tree, in, key, &log, &fresh);

    if (rc == AL_ELIMIT) {
        f->overflow = true;
        return AL_OK;
    }
    if (rc == AL_OK) {
        log->known_s = fresh ? f->now_s : log->known_s;
        if ((log->flags & LOG_SEEN) == 0) {
            log->flags &= (uint16_t) ~(LOG_ACTIVE | LOG_PLAIN | LOG_GONE);
        }
        log->flags |= (uint16_t)(LOG_SEEN | (active ? LOG_ACTIVE : LOG_PLAIN));
        log->missing_s = 0;
    }
    return rc;
}

static int
found_folder(struct follow *f, struct log_folder *in, struct al_span name)
{
    struct log_folder *folder;
    bool fresh;
    int rc = tree_folder(&f->tree, in, name, &folder, &fresh);

    if (rc == AL_ELIMIT) {
        f->overflow = true;
        return AL_OK;
    }
    if (rc == AL_OK) {
        f->new_folders += fresh;
        folder->known_s = fresh ? f->now_s : folder->known_s;
        folder->seen = true;
        folder->gone = false;
        folder->missing_s = 0;
    }
    return rc;
}

static int
found(struct follow *f, struct log_folder *in, struct port_file *dir, const struct port_dirent *e)
{
    struct al_span name = {(const uint8_t *)e->name, e->name_len}, key;
    enum port_type type = e->type;
    struct port_stat st;
    bool active;
    int rc;

    f->figures.listed++;
    if (type == PORT_T_UNKNOWN) {
        f->figures.stats++;
        rc = port_stat_at(f->port, dir, e->name, &st);
        if (rc != AL_OK) { /* gone already, or as good as not listed */
            return means_gone(rc) ? AL_OK : rc;
        }
        type = st.type;
    }
    if (type == PORT_T_FOLDER) {
        return found_folder(f, in, name);
    }
    if (type != PORT_T_FILE || !tree_is_log(name, &f->conf.settings->logs, &key, &active)) {
        in->ignored++;
        f->ignored++;
        return AL_OK;
    }
    return found_log(f, in, key, active);
}

static int
list_open(struct follow *f, struct log_folder *folder, struct port_file *dir)
{
    struct port_dir *list = NULL;
    struct port_dirent e;
    bool end = false;
    int rc = port_dir_open(f->port, dir, &list);

    while (rc == AL_OK && !end) {
        rc = port_dir_next(f->port, list, &e, &end);
        if (rc == AL_OK && !end) {
            rc = found(f, folder, dir, &e);
        }
    }
    port_dir_close(f->port, &list);
    return rc;
}

int64_t
look_torn_until(const struct follow *f, const struct log_file *log)
{
    return log->mtime_ns < f->now_ns - DIGEST_FUTURE_NS ? log->mtime_ns + DIGEST_FUTURE_NS
                                                        : f->now_ns;
}

static void
is_gone(struct follow *f, struct log_file *log)
{
    log->flags |= LOG_GONE;
    look_bad(f, log, AL_OK);
    if ((log->flags & LOG_NEW) == 0 && look_torn(log) &&
        (look_has_later(log) || !was_unseen(f, log))) { /* nothing came behind its last line */
        coverage_lost(&f->coverage, look_torn_until(f, log));
    } else if (may_have_grown(f, log)) {
        coverage_lost(&f->coverage, f->now_ns);
    }
    read_hole_end(f, log);
}

/* Logs that the listing did not have. One that is gone for good before it was read to its end took something with it. */
static int
sweep(struct follow *f, struct log_folder *folder)
{
    folder->check_s = 0;
    for (uint32_t i = folder->file_count; i > 0; i--) {
        struct log_file *log = folder->files[i - 1];
        uint32_t gone_s;

        if ((log->flags & LOG_SEEN) != 0) {
            continue;
        }
        log->missing_s = log->missing_s != 0 ? log->missing_s : f->now_s;
        gone_s = f->now_s - log->missing_s;
        if ((log->flags & LOG_GONE) == 0 && gone_s < FOLLOW_GONE_S) {
            folder->check_s = f->now_s + FOLLOW_GONE_S;
        } else if ((log->flags & LOG_GONE) == 0) {
            is_gone(f, log);
        } else if (gone_s > FOLLOW_FORGET_S) {
            forget(f, log);
        } else {
            look_bad(f, log, AL_OK); /* it may have been read since */
        }
    }
    for (uint32_t i = folder->folder_count; i > 0; i--) {
        struct log_folder *in = folder->folders[i - 1];

        if (in->seen) {
            continue;
        }
        in->missing_s = in->missing_s != 0 ? in->missing_s : f->now_s;
        if (!in->gone && f->now_s - in->missing_s >= FOLLOW_GONE_S) {
            in->gone = true;
            if (folder->parent == NULL && whose_none_is_left(f, in->missing_s)) {
                coverage_lost(&f->coverage,
                              f->now_ns); /* so is what was known: this is another one */
            }
        }
        if (in->file_count == 0 && in->folder_count == 0 &&
            f->now_s - in->missing_s > FOLLOW_GONE_S) {
            f->new_folders -= in->new;
            f->ignored -= in->ignored;
            tree_forget_folder(&f->tree, in);
        } else if (in->check_s == 0) {
            in->check_s = f->now_s + FOLLOW_GONE_S;
        }
    }
    return AL_OK;
}

/* all: each log is looked at, else those that were not yet. */
static int
stat_logs(struct follow *f, struct log_folder *folder, struct port_file *dir, bool all)
{
    for (uint32_t i = 0; i < folder->file_count; i++) {
        struct log_file *log = folder->files[i];
        int rc = AL_OK;

        if ((log->flags & LOG_SEEN) != 0 && (all || (log->flags & (LOG_NEW | LOG_BAD)) != 0 ||
                                             (log->flags & (LOG_HOT | LOG_QUEUED)) == LOG_HOT)) {
            rc = look_log(f, log, dir);
        }
        if (rc == AL_ENOMEM) {
            return rc;
        }
        if (rc != AL_OK && !means_gone(rc)) { /* it is there, and nobody knows how large it is */
            look_bad(f, log, rc);
        }
    }
    return AL_OK;
}

static int
list_folder(struct follow *f, struct log_folder *folder, bool all)
{
    AL_CLEANUP(port_holder_end) struct port_holder dir = {f->port, NULL};
    struct port_stat st = {0};
    int rc = look_open(f, folder, &dir.file);

    f->figures.listings++;
    f->ignored -= folder->ignored;
    folder->ignored = 0;
    folder->listed_s = f->now_s;
    folder->mtime_ns = 0;
    list_begin(folder);
    if (rc == AL_OK) {
        rc = port_stat(f->port, dir.file,
                       &st); /* before: what comes while it is listed changes it */
        rc = rc != AL_OK ? rc : list_open(f, folder, dir.file);
    }
    if (rc == AL_ENOMEM) {
        return rc;
    }
    if (folder->parent == NULL) {
        f->failing = rc;
    }
    folder->bad = rc != AL_OK && !(folder->parent != NULL && means_gone(rc));
    folder->denied = folder->bad && means_denied(rc) && !folder->new;
    f->new_folders -= folder->new && !folder->bad;
    folder->new = folder->new && folder->bad;
    if (folder->bad) {
        folder->check_s = f->now_s + LISTED_AGAIN_S;
        return AL_OK;
    }
    if (rc == AL_OK && f->now_ns - st.mtime_ns > GRAIN_NS) {
        folder->mtime_ns = st.mtime_ns;
    }
    rc = sweep(f, folder);
    return rc != AL_OK || dir.file == NULL ? rc : stat_logs(f, folder, dir.file, all);
}

/* Where lines come: one that was away for a moment, or its folder, is hot again. */
static int
heat_last(struct follow *f, const struct log_folder *at)
{
    struct log_file *log = at->file_count > 0 ? at->files[at->file_count - 1] : NULL;

    return log != NULL && log->missing_s == 0 &&
                   (log->flags & (LOG_ACTIVE | LOG_HOT | LOG_NEW)) == LOG_ACTIVE
               ? look_heat(f, log)
               : AL_OK;
}

/* ---- what is due ---- */

static int
find_recent(struct follow *f)
{
    const struct tree *t = &f->tree;
    int rc = AL_OK;

    for (uint32_t i = 0; i < t->folder_count; i++) {
        t->all[i]->recent = false;
    }
    t->root->recent = true;
    for (uint32_t i = 0; i < t->root->folder_count; i++) {
        struct log_folder *at = t->root->folders[i];

        while (at != NULL && at->missing_s == 0) {
            at->recent = true;
            rc = rc != AL_OK ? rc : heat_last(f, at);
            at = (struct log_folder *)(uintptr_t)tree_last_folder(at);
        }
    }
    return rc;
}

/* Those not listed since the start: where new logs come first. */
static int
list_new(struct follow *f)
{
    int64_t until_ns = port_mono_ns(f->port) + LIST_NS;
    int rc = AL_OK;

    for (unsigned pass = 0; pass < 2 && f->new_folders > 0; pass++) {
        for (uint32_t i = 0; i < f->tree.folder_count && rc == AL_OK; i++) {
            struct log_folder *folder = f->tree.all[i];
            uint32_t count = f->tree.folder_count;

            if (!folder->new || folder->bad || (pass == 0 && !folder->recent)) {
                continue;
            }
            if (port_mono_ns(f->port) >= until_ns || follow_stops(f)) {
                return AL_OK;
            }
            rc = list_folder(f, folder, true);
            if (rc == AL_OK && f->tree.folder_count != count &&
                f->tree.folder_count < RECENT_EACH) {
                rc = find_recent(f);
            }
        }
        if (rc != AL_OK) {
            break;
        }
    }
    return rc;
}

bool
look_has_new(const struct follow *f)
{
    for (uint32_t i = 0; i < f->tree.folder_count && f->new_folders > 0; i++) {
        if (f->tree.all[i]->new && !f->tree.all[i]->bad) {
            return true;
        }
    }
    return false;
}

bool
look_idle(const struct follow *f, int64_t mtime_ns)
{
    return mtime_ns != 0 && f->now_ns - mtime_ns > (int64_t)FOLLOW_HOT_S * SECOND_NS;
}

/* Whether a folder in which new logs come has changed, as far as its time tells. */
static bool
has_changed(struct follow *f, const struct log_folder *folder)
{
    struct port_stat st;

    al_buf_clear(&f->path);
    if (al_buf_addf(&f->path, "%s/", f->audit) != AL_OK || tree_path(folder, &f->path) != AL_OK) {
        return false; /* its turn comes */
    }
    f->figures.stats++;
    return port_stat_at(f->port, NULL, (const char *)f->path.at, &st) != AL_OK ||
           st.mtime_ns != folder->mtime_ns;
}

static bool
list_is_due(struct follow *f, const struct log_folder *folder, uint32_t index)
{
    uint32_t since_s = f->now_s - folder->listed_s;
    uint32_t each_s = (folder->folder_count > 0 ? 4 : 2) * (look_idle(f, folder->mtime_ns) ? 2 : 1);

    if (folder->check_s != 0 && f->now_s >= folder->check_s) {
        return true;
    }
    if (folder->new || !folder->recent || (f->now_s + index) % each_s != 0) {
        return folder->parent == NULL && since_s >= 2;
    }
    if (folder->parent == NULL) {
        return since_s >= 2;
    }
    return (f->listed_tokens > 0 && since_s >= LISTED_AGAIN_S) || has_changed(f, folder);
}

static int
look_folders(struct follow *f)
{
    int rc = AL_OK;

    for (uint32_t i = 0; i < f->tree.folder_count && rc == AL_OK && !follow_stops(f); i++) {
        struct log_folder *folder = f->tree.all[i];

        if (list_is_due(f, folder, i)) {
            folder->check_s = 0;
            f->listed_tokens -= 1 + (int64_t)folder->file_count + (int64_t)folder->folder_count;
            rc = list_folder(f, folder, false);
        }
    }
    return rc;
}

static int
look_in_turn(struct follow *f)
{
    int rc = AL_OK;

    while (f->tokens > 0 && rc == AL_OK && !follow_stops(f)) {
        struct log_folder *folder;

        if (f->turn >= f->tree.folder_count) {
            f->turn = 0;
        }
        folder = f->tree.all[f->turn++];
        f->tokens -= 1 + (int64_t)folder->file_count;
        if (!folder->new) {
            rc = list_folder(f, folder, true);
        }
    }
    return rc;
}

int
look_due(struct follow *f)
{
    int64_t count = (int64_t)f->tree.file_count + f->tree.folder_count;
    int64_t rate = 1 + count / (FOLLOW_ROUND_S * 4 / 5), soon = 1 + count / FOLLOW_SOON_S;
    bool second = port_mono_ns(f->port) >= f->next_s_ns;
    int rc = AL_OK;

    if (f->new_folders > 0) {
        rc = find_recent(f);
        rc = rc != AL_OK ? rc : list_new(f);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (!second) {
        return quick_due(f) ? quick_look(f) : AL_OK;
    }
    f->next_s_ns = port_mono_ns(f->port) + SECOND_NS;
    f->next_quick_ns = port_mono_ns(f->port) + FOLLOW_QUICK_NS;
    rc = find_recent(f);
    f->listed_tokens += FOLLOW_LISTED;
    f->listed_tokens = f->listed_tokens > (int64_t)FOLLOW_LISTED * 4 ? (int64_t)FOLLOW_LISTED * 4
                                                                     : f->listed_tokens;
    soon = soon < FOLLOW_SOON ? soon
                              : FOLLOW_SOON; /* few are looked at more often, as it costs little */
    f->tokens += rate > soon ? rate : soon;
    rc = rc != AL_OK ? rc : hot_look(f);
    rc = rc != AL_OK ? rc : look_folders(f);
    return rc != AL_OK ? rc : look_in_turn(f);
}

void
look_anew(struct follow *f)
{
    f->new_folders = 0;
    for (uint32_t i = 0; i < f->tree.folder_count; i++) {
        f->tree.all[i]->new = true;
        f->tree.all[i]->bad = f->tree.all[i]->denied = false;
        f->new_folders++;
    }
    f->caught_s = 0;
}
