/* follow.c: rounds, and what state the logs are in. */
#include "agent/auditlog/follow.h"

#include <stdio.h>
#include <string.h>

#include "agent/auditlog/follow_priv.h"
#include "base/hash.h"
#include "base/mem.h"

#define SECOND_NS INT64_C(1000000000)
#define FAILING_S 30u /* an error that lasts so long is a state; a shorter one is passed over */
#define BELIEVED_NS                                                                                \
    (INT64_C(86400) * SECOND_NS) /* a loss that is older was before our clock went wrong */
#define EARLY_S 10000000u        /* so that a time before the start is one, too */

int
follow_list_add(struct log_list *l, struct log_file *f)
{
    struct log_file **at = al_grow(l->at, l->count, &l->cap, sizeof(struct log_file *));

    if (at == NULL) {
        return AL_ENOMEM;
    }
    l->at = at;
    l->at[l->count++] = f;
    return AL_OK;
}

bool
follow_stops(const struct follow *f)
{
    return f->conf.stop != NULL && f->conf.stop(f->conf.ctx);
}

/* Our clock was set forward, and there had been lines of the future: it was behind, and what was told by it is too old. What
 * was lost meanwhile was lost up to now; and hours in which there seemed to be events may be those of a silence. */
static void
clock_was_behind(struct follow *f)
{
    if (f->coverage.floor_ns > f->floor_ns) {
        coverage_lost(&f->coverage, f->now_ns);
    }
    coverage_forget(&f->coverage);
}

/* Steps between two rounds alone: a drift is none. A sleep looks like one, but then no line was of the future. */
static void
set_now(struct follow *f, bool first)
{
    int64_t mono_ns = port_mono_ns(f->port), ahead_ns;

    f->now_ns = port_now_ns(f->port);
    f->now_s = (uint32_t)(mono_ns / SECOND_NS) + EARLY_S;
    ahead_ns = f->now_ns - mono_ns;
    if (first || ahead_ns - f->ahead_ns > DIGEST_FUTURE_NS) {
        if (f->late) {
            clock_was_behind(f);
        }
        f->floor_ns = f->coverage.floor_ns;
        f->late = false;
    }
    f->ahead_ns = ahead_ns;
}

void
follow_late(struct follow *f)
{
    coverage_late(&f->coverage, f->now_ns);
    /* The clock may have been wrong for a while before anything told of it. */
    if (!f->late && f->coverage.floor_ns < f->now_ns - BELIEVED_NS) {
        f->floor_ns = f->coverage.floor_ns;
    }
    f->late = true;
}

static int
begin(struct follow *f, bool *ret_lost, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf audit = {0};
    struct digest_conf conf = {.settings = f->conf.settings,
                               .prefix = f->conf.prefix,
                               .is_own = f->conf.is_own,
                               .ctx = f->conf.ctx};
    size_t len;
    int rc;

    al_buf_init(&audit, (size_t)64 << 10);
    rc = al_buf_addf(&audit, "%s%s" FOLLOW_FOLDER, f->conf.root,
                     strcmp(f->conf.root, "/") == 0 ? "" : "/");
    f->audit = rc == AL_OK ? (char *)al_buf_take(&audit, &len) : NULL;
    rc = rc != AL_OK ? rc : tree_begin(&f->tree);
    rc = rc != AL_OK ? rc : auditlog_parser_new(&f->parser);
    rc = rc != AL_OK ? rc : digest_new(&conf, &f->digest);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    rc =
        cursors_open(f->port, f->conf.state, &f->tree, &f->coverage, &f->fs, &f->cursors, ret_lost);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(f->port),
                           "how far audit logs were read cannot be found out");
    }
    auditlog_resume(f->parser, &f->fs.tally.lines);
    digest_resume(f->digest, &f->fs.tally.events);
    f->noted = auditlog_skipped(&f->fs.tally.lines);
    return AL_OK;
}

int
follow_open(const struct follow_conf *conf, struct follow **ret, struct al_fail *fail)
{
    struct follow *f = al_zalloc(sizeof(*f));
    bool lost = false;
    int rc;

    if (f == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    f->conf = *conf;
    f->port = conf->port;
    al_buf_init(&f->path, (size_t)128 << 10);
    rc = begin(f, &lost, fail);
    if (rc != AL_OK) {
        (void)follow_close(f); /* returns NULL */
        return rc;
    }
    set_now(f, true);
    f->started_s = f->now_s;
    f->unmounted = f->coverage.state == AUDIT_ABSENT;
    if (lost) { /* what was lost before, nobody knows, nor what was never seen */
        f->fs.caught_ns = 0;
        coverage_lost(&f->coverage, f->now_ns);
    }
    look_anew(f);
    *ret = f;
    return AL_OK;
}

struct follow *
follow_close(struct follow *f)
{
    if (f != NULL) {
        f->cursors = cursors_close(f->cursors);
        f->digest = digest_free(f->digest);
        f->parser = auditlog_parser_free(f->parser);
        tree_end(&f->tree);
        al_free(f->hot.at);
        al_free(f->fresh.at);
        al_free(f->queue.at);
        al_free(f->dirty.at);
        al_free(f->buffer);
        al_buf_free(&f->path);
        al_free(f->audit);
        al_free(f);
    }
    return NULL;
}

/* ---- is it there? ---- */

/* Which filesystem is at the root. Of FUSE the kind alone: its number is another one after each mount. 0: nobody knows. */
static uint64_t
filesystem(struct follow *f)
{
    AL_CLEANUP(port_holder_end) struct port_holder root = {f->port, NULL};
    struct port_fs fs;
    uint64_t h;

    if (port_open(f->port, NULL, f->conf.root, PORT_READ | PORT_FOLDER | PORT_NOATIME, 0,
                  &root.file) != AL_OK ||
        port_fs(f->port, root.file, &fs) != AL_OK) {
        return 0;
    }
    h = al_xxh64(fs.name, strnlen(fs.name, sizeof(fs.name)), 3);
    h = fs.kind == PORT_FS_FUSE ? h : al_xxh64(fs.id, sizeof(fs.id), h);
    return h == 0 ? 1 : h;
}

static void
is_absent(struct follow *f)
{
    bool was = f->unmounted, known = f->coverage.begin_ns != 0;
    struct port_stat st;

    /* The folder it is mounted on stays behind, or goes with it. */
    f->unmounted = port_stat_at(f->port, NULL, f->conf.root, &st) != AL_OK ||
                   (f->fs.fs != 0 && filesystem(f) != f->fs.fs);
    f->bare_s = f->unmounted ? 0 : was ? f->now_s : f->bare_s;
    if (!f->unmounted && f->coverage.state != AUDIT_ABSENT && known) {
        coverage_lost(&f->coverage, f->now_ns);
    } else if (f->bare_s != 0 && f->now_s - f->bare_s >= FOLLOW_GONE_S) {
        f->bare_s = 0; /* mounted again, and it is not there */
        if (known) {
            coverage_lost(&f->coverage, f->now_ns);
        }
    }
    coverage_state(&f->coverage, AUDIT_ABSENT, f->now_ns);
}

static void
is_back(struct follow *f)
{
    uint64_t fs = filesystem(f);

    if (f->coverage.state == AUDIT_ABSENT && f->coverage.since_ns != 0 &&
        f->coverage.floor_ns >= f->coverage.since_ns) {
        coverage_lost(&f->coverage, f->now_ns); /* it was taken away, and who wrote meanwhile? */
    }
    if (fs != 0 && fs != f->fs.fs) {
        f->fs.fs = fs;
        f->coverage.changed = true;
    }
    if (!f->present) {
        look_anew(f);
    }
    f->present = true;
    f->unmounted = false;
    f->bare_s = 0;
}

/* Errors that pass are passed over; what lasts is told as denied: clients go on writing. */
static void
is_failing(struct follow *f, int rc)
{
    if (f->failing_s == 0) {
        f->failing_s = f->now_s;
    }
    f->failing = rc;
    if (rc == AL_EACCES || rc == AL_EPERM || f->now_s - f->failing_s >= FAILING_S) {
        coverage_state(&f->coverage, AUDIT_DENIED, f->now_ns);
        f->present = false;
    }
}

/* False: it is not there, or cannot be looked at now. */
static bool
look_at_root(struct follow *f)
{
    struct port_stat st;
    int rc = port_stat_at(f->port, NULL, f->audit, &st);

    f->figures.stats++;
    if (rc == AL_OK && st.type == PORT_T_FOLDER) {
        if (!f->present) {
            f->failing = AL_OK;
            is_back(f);
        }
        return true;
    }
    if (rc == AL_OK || rc == AL_ENOENT || rc == AL_ENOTDIR || rc == AL_ELOOP) {
        f->present = false;
        f->failing_s = 0;
        is_absent(f);
        return false;
    }
    is_failing(f, rc);
    return false;
}

/* After a round: what the logs are like now. */
static void
judge(struct follow *f)
{
    int64_t silence_ns = (int64_t)f->conf.settings->silence_hours * 3600 * SECOND_NS;
    bool silent = f->now_ns - f->coverage.last_event_ns > silence_ns,
         bad = f->bad_files > 0 || f->overflow;

    if (f->failing != AL_OK) {
        is_failing(f, f->failing);
        return;
    }
    f->failing_s = 0;
    f->denied = f->file_denied;
    for (uint32_t i = 0; i < f->tree.folder_count; i++) {
        bad = bad || f->tree.all[i]->bad;
        f->denied = f->denied || f->tree.all[i]->denied;
    }
    if (!bad && f->holed == 0 && f->new_folders == 0 && f->queue.count == 0 &&
        f->fresh.count == 0 && f->put_rc == AL_OK) {
        f->caught_s = f->now_s;
        f->fs.caught_ns = f->now_ns;
    }
    /* What was written last may not have been read yet. */
    if (silent && f->caught_s == 0) {
        silent = f->coverage.state == AUDIT_SILENT;
    }
    coverage_state(&f->coverage, silent ? AUDIT_SILENT : AUDIT_LIVE, f->now_ns);
}

int
follow_poll(struct follow *f, int64_t *ret_wait_ns)
{
    bool full = f->conf.full != NULL && f->conf.full(f->conf.ctx), here = f->present, more;
    int64_t left;
    int rc = AL_OK;

    f->figures.polls++;
    *ret_wait_ns = SECOND_NS;
    set_now(f, false);
    if (port_mono_ns(f->port) >= f->next_s_ns || !f->present || quick_due(f)) {
        here = look_at_root(f);
    }
    if (here) {
        rc = look_due(f);
        rc = rc != AL_OK || full ? rc : read_queue(f);
    }
    if (!full && (rc == AL_OK || rc == AL_ENOMEM)) {
        int flushed = read_flush(f);

        rc = rc != AL_OK ? rc : flushed;
    }
    if (here && rc == AL_OK) {
        judge(f);
    }
    if (rc != AL_OK) {
        return rc;
    }
    more = here && ((f->queue.count + f->fresh.count > 0 && !full) || look_has_new(f));
    left = f->next_s_ns - port_mono_ns(f->port);
    left = quick_wait_ns(f, left > 0 ? left : 0);
    *ret_wait_ns = !here ? SECOND_NS : more && f->failing == AL_OK ? 0 : left;
    return AL_OK;
}

/* ---- for others to know ---- */

static bool
caught_up(const struct follow *f)
{
    return f->caught_s != 0 && f->now_s - f->caught_s < FOLLOW_CATCH_UP_S;
}

/* What the follower before us knew counts as of then, until all was looked at once. By a clock that was set back since, it is
 * not known when that was. */
static bool
is_of_before(const struct follow *f)
{
    return f->caught_s == 0 && f->fs.caught_ns != 0 && f->fs.caught_ns <= f->now_ns;
}

void
follow_coverage(struct follow *f, enum audit_state *ret_state, int64_t *ret_covered_ns,
                int64_t *ret_as_of_ns)
{
    bool here = f->coverage.state == AUDIT_LIVE || f->coverage.state == AUDIT_SILENT,
         before = here && is_of_before(f), known = !here || before || (caught_up(f) && !f->denied);
    int64_t ago_ns = here && known && !before ? (int64_t)(f->now_s - f->caught_s) * SECOND_NS : 0;

    *ret_state = f->coverage.state;
    *ret_covered_ns = known ? coverage_since(&f->coverage, f->conf.settings->silence_hours) : 0;
    if (ret_as_of_ns != NULL) {
        *ret_as_of_ns = before ? f->fs.caught_ns : f->now_ns - ago_ns;
    }
}

static void
say(struct follow *f, struct follow_status *s)
{
    if (s->state == AUDIT_ABSENT) {
        (void)snprintf(s->text, sizeof(s->text),
                       f->unmounted
                           ? "the filespace is not mounted"
                           : "there is no " FOLLOW_FOLDER
                             ": is the audit trail switched on, and may this login see it?");
    } else if (s->state == AUDIT_DENIED) {
        (void)snprintf(s->text, sizeof(s->text), FOLLOW_FOLDER " cannot be read (%s)%s",
                       al_code_name(f->failing),
                       f->failing == AL_EACCES
                           ? ": the login that mounts the filespace is no administrator"
                           : "");
    } else if (s->unreadable > 0) {
        (void)snprintf(s->text, sizeof(s->text), "%llu logs or folders of logs cannot be read",
                       (unsigned long long)s->unreadable);
    } else if (f->overflow) {
        (void)snprintf(s->text, sizeof(s->text), "there are more logs than can be followed (%u)",
                       TREE_FILES_MAX);
    } else if (f->holed > 0) {
        (void)snprintf(s->text, sizeof(s->text),
                       "in %u logs bytes are not there yet; what is behind them is not read",
                       f->holed);
    } else if (!s->caught_up) {
        (void)snprintf(s->text, sizeof(s->text), "what was written before is being read");
    } else if (s->torn > 0 && s->state == AUDIT_LIVE) {
        (void)snprintf(s->text, sizeof(s->text),
                       "%llu logs end within a line, whose clients died or are away",
                       (unsigned long long)s->torn);
    } else if (s->state == AUDIT_SILENT) {
        (void)snprintf(s->text, sizeof(s->text),
                       "logs are there, and nothing was written for %u hours",
                       f->conf.settings->silence_hours);
    }
}

static void
count_file(const struct log_file *log, struct follow_status *s, struct follow_node *n)
{
    uint64_t behind = look_unread(log) ? log->size - log->offset : 0;

    if (log->missing_s != 0) {
        return;
    }
    s->files++;
    s->active += (log->flags & LOG_ACTIVE) != 0;
    s->ignored_files += (log->flags & LOG_ZIPPED) != 0;
    s->behind_bytes += behind;
    s->torn += look_torn(log);
    n->files++;
    n->behind_bytes += behind;
    n->active = n->active || (log->flags & LOG_ACTIVE) != 0;
}

/* All below a folder; they are at most TREE_DEPTH_MAX deep. */
static void
count_folder(const struct log_folder *in, struct follow_status *s, struct follow_node *n)
{
    s->unreadable += in->bad;
    for (uint32_t i = 0; i < in->file_count; i++) {
        count_file(in->files[i], s, n);
    }
    for (uint32_t i = 0; i < in->folder_count && in->depth > 0; i++) {
        count_folder(in->folders[i], s, n);
    }
}

void
follow_status(struct follow *f, struct follow_status *ret)
{
    struct follow_status *s = ret;
    struct follow_node none = {0};

    memset(s, 0, sizeof(*s));
    follow_coverage(f, &s->state, &s->covered_since_ns, &s->as_of_ns);
    s->since_ns = f->coverage.since_ns;
    s->last_event_ns = f->coverage.last_event_ns;
    s->caught_up = caught_up(f);
    s->filespace = f->fs.tally.filespace;
    s->filespace_uuid = f->fs.tally.filespace_uuid;
    s->ignored_files = f->ignored;
    s->lines = *auditlog_counts(f->parser);
    s->events = *digest_counts(f->digest);
    s->sample_count = tally_latest(&f->fs.tally, s->samples);
    s->unreadable = f->bad_files;
    count_folder(f->tree.root, s, &none);
    for (uint32_t i = 0; i < f->tree.root->folder_count; i++) {
        const struct log_folder *in = f->tree.root->folders[i];
        struct follow_node n = {.node = in->name,
                                .host = in->node->host != NULL ? in->node->host : "",
                                .user = in->node->user != NULL ? in->node->user : "",
                                .last_event_ns = in->node->last_event_ns,
                                .last_grown_ns = in->node->last_grown_ns};

        count_folder(in, s, &n);
        if (in->node->changed && s->node_count < FOLLOW_NODES_TOLD) {
            s->nodes[s->node_count++] = n;
            in->node->changed = false;
        }
    }
    say(f, s);
}

void
follow_figures(const struct follow *f, struct follow_figures *ret)
{
    *ret = f->figures;
}
