/* read.c: bytes of logs into events, the digest, and on. */
#include <string.h>

#include "agent/auditlog/follow_priv.h"
#include "base/hash.h"
#include "base/mem.h"

#define HEAD_MAX 256u /* bytes at a log's front that tell whether it is still the same */
#define BUFFER_MAX (AUDITLOG_LINE_MAX + FOLLOW_READ_BYTES)

/* ---- the digest goes on ---- */

int
read_flush(struct follow *f)
{
    struct port_stat *stats = NULL;
    size_t count;
    struct digest_row *rows = digest_rows(f->digest, &count);
    int rc = AL_OK;

    if (count == 0 && f->dirty.count == 0 && !f->coverage.changed &&
        f->fs.caught_ns - f->kept_ns < FOLLOW_KEPT_NS) {
        return AL_OK;
    }
    whose_is_it(f);
    if (count > 0) {
        rc = meta_look(f, rows, count, &stats);
        rc = rc != AL_OK ? rc : f->conf.put(f->conf.ctx, rows, count);
        al_free(stats);
        for (size_t i = 0; i < count; i++) {
            rows[i].stat = NULL;
        }
    }
    f->put_rc = rc;
    if (rc != AL_OK) {
        return rc;
    }
    f->figures.rows += count;
    f->figures.flushes++;
    digest_clear(f->digest);
    rc = cursors_save(f->cursors, &f->tree, f->dirty.at, f->dirty.count, &f->coverage, &f->fs);
    if (rc == AL_OK) {
        f->dirty.count = 0;
        f->kept_ns = f->fs.caught_ns;
    }
    return rc;
}

int
follow_dirty(struct follow *f, struct log_file *log)
{
    int rc;

    if ((log->flags & LOG_DIRTY) != 0) {
        return AL_OK;
    }
    rc = follow_list_add(&f->dirty, log);
    log->flags |= rc == AL_OK ? LOG_DIRTY : 0;
    return rc;
}

static void
keep_person(char **to, struct al_span name)
{
    char *copy;

    if (name.at == NULL || name.len > AUDIT_NAME_BYTES_MAX ||
        (*to != NULL && strlen(*to) == name.len && memcmp(*to, name.at, name.len) == 0)) {
        return;
    }
    copy = al_span_dup(name);
    if (copy != NULL) { /* it is for people to look at: without memory it stays as it was */
        al_free(*to);
        *to = copy;
    }
}

static void
note_seen(struct follow *f, const struct auditlog_event *e)
{
    struct al_span path;

    if (f->conf.seen == NULL) {
        return;
    }
    if ((e->action == AUDITLOG_READ || e->action == AUDITLOG_WRITE ||
         e->action == AUDITLOG_CREATE || e->action == AUDITLOG_MOVE ||
         e->action == AUDITLOG_OTHER ||
         (e->action == AUDITLOG_PREHYDRATE && f->conf.settings->prehydrate)) &&
        digest_below(f->conf.prefix,
                     e->action == AUDITLOG_MOVE && e->target.at != NULL ? e->target : e->path,
                     &path)) {
        f->conf.seen(f->conf.ctx, path, e->time_ns);
    }
}

/* Which client's log it is; a line that does not name its node is that one's. */
static void
take_client(const struct log_file *log, struct auditlog_event *e)
{
    const struct log_folder *in = log->in;

    while (in->depth > 1) {
        in = in->parent;
    }
    if (in->depth == 1) {
        e->folder = al_span_of(in->name);
        e->node = e->node.at == NULL ? e->folder : e->node;
    }
}

static int
take_event(struct follow *f, struct log_file *log, struct auditlog_event *e)
{
    const struct digest_counts *counts = digest_counts(f->digest);
    uint64_t noise = counts->own + counts->named;
    int64_t time_ns = 0;
    int rc;

    take_client(log, e);
    rc = digest_add(f->digest, e, f->now_ns, &time_ns);
    if (rc == AL_ELIMIT) {
        rc = read_flush(f);
        rc = rc != AL_OK ? rc : digest_add(f->digest, e, f->now_ns, &time_ns);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (time_ns != e->time_ns) {
        follow_late(f);
    } else {
        coverage_event(&f->coverage, time_ns);
    }
    whose_event(f, log, e, time_ns);
    if (log->in->node != NULL && time_ns >= log->in->node->last_event_ns) {
        log->in->node->last_event_ns = time_ns;
        log->in->node->changed = true;
    }
    if (counts->own + counts->named == noise) {
        note_seen(f, e);
    }
    return AL_OK;
}

/* Of the last event of a piece: who it was is for people to look at. */
static void
take_names(struct log_file *log, const struct auditlog_event *e)
{
    if (log->in->node != NULL) {
        keep_person(&log->in->node->host, e->host);
        keep_person(&log->in->node->user, e->user);
    }
}

/* ---- one log ---- */

/* Logs of one folder mostly come together: it stays open for the next one, within a round. */
static int
open_folder(struct follow *f, const struct log_folder *folder)
{
    int rc = AL_OK;

    if (f->open_of != folder) {
        port_close_quiet(f->port, &f->open);
        f->open_of = NULL;
        rc = look_open(f, folder, &f->open);
        f->open_of = rc == AL_OK ? folder : NULL;
    }
    return rc;
}

static int
open_log(struct follow *f, const struct log_file *log, struct port_file **ret)
{
    bool use_active = (log->flags & LOG_USE_ACTIVE) != 0;
    char name[TREE_NAME_MAX + 16];
    int rc = open_folder(f, log->in);

    for (unsigned i = 0; i < 2 && (i == 0 || rc == AL_ENOENT) && f->open != NULL; i++) {
        size_t len = strlen(log->name);

        memcpy(name, log->name, len + 1);
        if (use_active != (i == 1)) { /* the other name second: it is being rotated */
            memcpy(name + len, ".active", sizeof(".active"));
        }
        rc = port_open(f->port, f->open, name, PORT_READ | PORT_NOATIME | PORT_NONBLOCK, 0, ret);
    }
    return rc;
}

int
read_check_head(struct follow *f, const struct log_file *log, struct port_file *file)
{
    uint8_t head[HEAD_MAX];
    size_t len;
    int rc;

    if (log->head_len == 0 || log->offset == 0) {
        return log->offset == 0 ? AL_OK : AL_ECHANGED;
    }
    if (log->head_len > HEAD_MAX) {
        return AL_ECHANGED; /* by another version of this program */
    }
    rc = port_pread(f->port, file, head, log->head_len, 0, &len);
    if (rc == AL_OK && (len != log->head_len || al_xxh64(head, len, 0) != log->head_hash)) {
        return AL_ECHANGED;
    }
    return rc;
}

/* With the first bytes that are done with, which begin the buffer: a cursor without them is none, and all is read again. */
static void
keep_front(struct follow *f, struct log_file *log)
{
    if (log->head_len == 0 && log->offset > 0) {
        log->head_len = (uint16_t)(log->offset < HEAD_MAX ? log->offset : HEAD_MAX);
        log->head_hash = al_xxh64(f->buffer, log->head_len, 0);
    }
}

static int
keep_head(struct follow *f, struct log_file *log, struct port_file *file)
{
    size_t want = log->offset < HEAD_MAX ? (size_t)log->offset : HEAD_MAX, len;
    uint8_t head[HEAD_MAX];
    int rc;

    if (log->head_len >= want) {
        return AL_OK;
    }
    rc = port_pread(f->port, file, head, want, 0, &len);
    if (rc == AL_OK && len == want) {
        log->head_len = (uint16_t)len;
        log->head_hash = al_xxh64(head, len, 0);
    }
    return rc;
}

static int
room(struct follow *f, size_t bytes)
{
    uint8_t *more;

    if (f->buffer_cap >= bytes) {
        return AL_OK;
    }
    more = al_realloc(f->buffer, bytes);
    if (more == NULL) {
        return AL_ENOMEM;
    }
    f->buffer = more;
    f->buffer_cap = bytes;
    return AL_OK;
}

/* The samples that the parser took of the piece that begins at `base`. */
static int
note_samples(struct follow *f, const struct log_file *log, uint64_t base)
{
    uint64_t all = auditlog_skipped(auditlog_counts(f->parser));
    int rc = AL_OK;

    if (all <= f->noted) {
        return AL_OK;
    }
    al_buf_clear(&f->path);
    rc = tree_path(log->in, &f->path);
    rc = rc != AL_OK ? rc : al_buf_addf(&f->path, f->path.len > 0 ? "/%s" : "%s", log->name);
    for (unsigned i = 0; i < TALLY_SAMPLES_MAX && rc == AL_OK; i++) {
        const struct auditlog_sample *s =
            &auditlog_samples(f->parser, i / AUDITLOG_SAMPLES)[i % AUDITLOG_SAMPLES];

        if (s->number > f->noted) {
            tally_sample(&f->fs.tally, s, al_buf_span(&f->path), base, f->now_ns);
        }
    }
    f->noted = rc == AL_OK ? all : f->noted;
    return rc;
}

/* The cursor, and what is counted up to it, are written together. */
static void
count(struct follow *f)
{
    tally_count(&f->fs.tally, auditlog_counts(f->parser), digest_counts(f->digest));
}

/* What came after the cursor comes again. */
static void
count_back(struct follow *f)
{
    auditlog_resume(f->parser, &f->fs.tally.lines);
    digest_resume(f->digest, &f->fs.tally.events);
    f->noted = auditlog_skipped(&f->fs.tally.lines);
}

/* Events of a piece. *ret_used as auditlog_parse has it; the log's offset follows each whole part. */
static int
take_piece(struct follow *f, struct log_file *log, struct al_span piece, unsigned what,
           size_t *ret_used, size_t *ret_events)
{
    bool settled = (what & AUDITLOG_SETTLED) != 0,
         again = settled && (log->flags & LOG_COUNTED) != 0;
    size_t got = FOLLOW_EVENTS, used;

    *ret_used = *ret_events = 0;
    while (got == FOLLOW_EVENTS && piece.len > 0) {
        int rc = auditlog_parse(f->parser, piece, what, f->events, FOLLOW_EVENTS, &got, &used);

        for (size_t i = 0; i < got && rc == AL_OK; i++) {
            rc = take_event(f, log, &f->events[i]);
        }
        if (rc == AL_OK && !again) {
            rc = note_samples(f, log, log->offset + (settled ? *ret_used : 0));
        }
        if (rc != AL_OK) {
            f->reading = NULL; /* what the parser holds is not what the cursor says */
            count_back(f);
            return rc;
        }
        if (got > 0) {
            take_names(log, &f->events[got - 1]);
        }
        if (!settled && used > 0) { /* both at once: the cursor may be written any time */
            log->offset += used;
            log->flags = (uint16_t)((log->flags & ~(unsigned)(LOG_LONG | LOG_COUNTED)) |
                                    (auditlog_in_long_line(f->parser) ? LOG_LONG : 0u));
            keep_front(f, log);
            count(f);
        }
        what &= ~AUDITLOG_BEGIN;
        piece.at += used;
        piece.len -= used;
        *ret_used += used;
        *ret_events += got;
    }
    return AL_OK;
}

/* How long what is left must not have changed, so that it is all there will be. */
static uint32_t
settles_after(const struct log_file *log, struct al_span rest)
{
    bool holes = memchr(rest.at, 0, rest.len) != NULL;

    if ((log->flags & LOG_ACTIVE) == 0) {
        return holes ? FOLLOW_SETTLE_HOLES_S : FOLLOW_SETTLE_S;
    }
    return !holes && look_has_later(log) ? FOLLOW_TORN_S : FOLLOW_TORN_ALONE_S;
}

/* What is left of a log that did not change for a while is all there will be: a line without its end counts where it
 * tells something. Where it does not, the cursor stays before it, in case it was only late. */
static int
settle(struct follow *f, struct log_file *log, struct al_span rest)
{
    bool long_line = auditlog_in_long_line(f->parser), again = (log->flags & LOG_COUNTED) != 0,
         none;
    uint64_t before = auditlog_skipped(auditlog_counts(f->parser));
    size_t used, events;
    int rc;

    if (f->now_s - log->changed_s < settles_after(log, rest)) {
        return AL_OK;
    }
    rc = take_piece(f, log, rest, AUDITLOG_SETTLED | (log->offset == 0 ? AUDITLOG_BEGIN : 0u),
                    &used, &events);
    none = rc == AL_OK && events == 0;
    if (rc == AL_OK && events > 0) {
        log->offset += used;
        log->flags &= (uint16_t) ~(LOG_LONG | LOG_COUNTED);
        keep_front(f, log);
    } else {
        auditlog_parser_begin(f->parser, long_line);
    }
    if (none && again) {
        count_back(f);
    } else if (none && auditlog_skipped(auditlog_counts(f->parser)) > before) {
        log->flags |= LOG_COUNTED;
        rc = follow_dirty(f, log);
    }
    if (none && log->hole != NULL) { /* it may have been more than one line */
        coverage_lost(&f->coverage, look_torn_until(f, log));
    }
    count(f);
    log->flags |= rc == AL_OK ? LOG_DONE : 0;
    read_hole_end(f, log);
    return rc;
}

/* ---- bytes that are not there yet ---- */

enum hole { HOLE_NONE, HOLE_WAITS, HOLE_LAST, HOLE_PASSED }; /* LAST: nothing is behind it */

void
read_hole_end(struct follow *f, struct log_file *log)
{
    f->holed -= log->hole != NULL;
    al_free(log->hole);
    log->hole = NULL;
}

static int
hole_begin(struct follow *f, struct log_file *log, size_t rest)
{
    uint64_t end = log->offset + rest;

    if (log->hole == NULL) {
        log->hole = al_zalloc(sizeof(*log->hole));
        if (log->hole == NULL) {
            return AL_ENOMEM;
        }
        f->holed++;
    }
    log->hole->size = log->size > end ? log->size : end;
    log->hole->since_s = f->now_s;
    return AL_OK;
}

/* Where the first byte is that is there, if a line ends behind it. UINT64_MAX: nowhere, as far as could be seen in that time;
 * *ret_end: to the end. */
static int
find_data(struct follow *f, struct port_file *file, uint64_t from, int64_t until_ns,
          uint64_t *ret_at, bool *ret_end)
{
    uint8_t bytes[16384];
    uint64_t at = UINT64_MAX;
    size_t len, i = 0;
    int rc = AL_OK;

    *ret_at = UINT64_MAX;
    *ret_end = false;
    while (rc == AL_OK && !*ret_end && port_mono_ns(f->port) < until_ns && !follow_stops(f)) {
        rc = port_pread(f->port, file, bytes, sizeof(bytes), from, &len);
        for (i = 0; rc == AL_OK && i < len; i++) {
            at = at == UINT64_MAX && bytes[i] != 0 ? from + i : at;
            if (bytes[i] == '\n') {
                *ret_at = at;
                return AL_OK;
            }
        }
        *ret_end = rc == AL_OK && len < sizeof(bytes);
        from += rc == AL_OK ? len : 0;
    }
    return rc;
}

/* They were nothing for so long that they will not become data: a line of junk, and who knows what it was. */
static int
pass_hole(struct follow *f, struct log_file *log, struct al_span rest, uint64_t data)
{
    size_t used, events;
    int rc = AL_OK;

    if ((log->flags & LOG_COUNTED) == 0) {
        rest.len = rest.len < data - log->offset ? rest.len : (size_t)(data - log->offset);
        rest.len = rest.len < AUDITLOG_LINE_MAX ? rest.len : AUDITLOG_LINE_MAX;
        rc = take_piece(f, log, rest, AUDITLOG_SETTLED, &used, &events);
    }
    if (rc != AL_OK) {
        return rc;
    }
    auditlog_parser_begin(f->parser, false);
    log->offset = data;
    log->flags &= (uint16_t) ~(LOG_LONG | LOG_COUNTED);
    log->was_whole = false;
    keep_front(f, log);
    count(f);
    coverage_lost(&f->coverage, f->now_ns);
    return follow_dirty(f, log);
}

/* What is left begins with a line that has holes. anew: something before it has become data since the last look. */
static int
look_at_hole(struct follow *f, struct log_file *log, struct port_file *file, struct al_span rest,
             bool anew, int64_t until_ns, enum hole *ret)
{
    const uint8_t *line_end = memchr(rest.at, '\n', rest.len), *hole;
    size_t line = line_end != NULL ? (size_t)(line_end - rest.at) : rest.len;
    uint64_t data;
    bool end;
    int rc;

    hole = line > 0 ? memchr(rest.at, 0, line) : NULL;
    *ret = hole == NULL ? HOLE_NONE : HOLE_WAITS;
    if (hole == NULL) {
        return AL_OK;
    }
    if (log->hole == NULL || anew || log->offset >= log->hole->size) {
        return hole_begin(f, log, rest.len);
    }
    if (f->now_s - log->hole->since_s < FOLLOW_SETTLE_HOLES_S) {
        return AL_OK;
    }
    rc = find_data(f, file, log->offset + (size_t)(hole - rest.at), until_ns, &data, &end);
    if (rc != AL_OK || data == UINT64_MAX) {
        *ret = end ? HOLE_LAST : HOLE_WAITS;
        return rc;
    }
    if (data > log->hole->size) { /* some of it is younger */
        return hole_begin(f, log, rest.len);
    }
    *ret = HOLE_PASSED;
    return pass_hole(f, log, rest, data);
}

static bool
is_zipped(const uint8_t *at, size_t len)
{
    return len >= 2 && at[0] == 0x1f && at[1] == 0x8b;
}

/* It begins as another log does. One that was read may be compressed in its place; else nobody knows what came to it. */
static int
is_another(struct follow *f, const struct log_file *log, struct port_file *file)
{
    bool was = log->was_whole || (log->flags & LOG_WHOLE) != 0;
    uint8_t head[2];
    size_t len;
    int rc = port_pread(f->port, file, head, sizeof(head), 0, &len);

    if (rc == AL_OK && !(was && is_zipped(head, len))) {
        coverage_lost(&f->coverage, f->now_ns);
    }
    return rc;
}

static int
begin_log(struct follow *f, struct log_file *log, struct port_file *file)
{
    int rc = read_check_head(f, log, file);

    f->continued = rc == AL_OK && log->offset > 0;
    if (rc == AL_ECHANGED) {
        rc = is_another(f, log, file);
        if (rc != AL_OK) {
            return rc;
        }
        log->offset = 0;
        log->head_len = 0;
        log->flags &= (uint16_t) ~(LOG_LONG | LOG_COUNTED);
        f->reading = NULL;
        read_hole_end(f, log);
        rc = follow_dirty(f, log);
    }
    if (f->reading != log) {
        auditlog_parser_begin(f->parser, (log->flags & LOG_LONG) != 0);
        f->reading = log;
    }
    return rc;
}

/* Nothing of it is read: unless it was before it was compressed, something is missing. */
static int
zipped(struct follow *f, struct log_file *log)
{
    if (!log->was_whole && (log->flags & LOG_WHOLE) == 0) {
        coverage_lost(&f->coverage, look_torn_until(f, log));
    }
    log->flags |= LOG_ZIPPED | LOG_DONE | LOG_WHOLE;
    return follow_dirty(f, log);
}

/* Pieces until the end, or the round's time is over. *ret_more: there is more. */
static int
read_open(struct follow *f, struct log_file *log, struct port_file *file, int64_t until_ns,
          bool *ret_more)
{
    size_t want = FOLLOW_READ_BYTES;
    enum hole hole = HOLE_NONE;
    bool passed = false;
    int rc = begin_log(f, log, file);

    *ret_more = false;
    while (rc == AL_OK) {
        size_t len = 0, used = 0, events;
        struct al_span piece;

        rc = room(f, want);
        rc = rc != AL_OK ? rc : port_pread(f->port, file, f->buffer, want, log->offset, &len);
        if (rc == AL_OK && len == 0) {
            read_hole_end(f, log);
        }
        if (rc != AL_OK || len == 0) {
            break;
        }
        f->now_ns = port_now_ns(f->port); /* no line in it was written later than that */
        f->figures.reads++;
        f->figures.bytes += len;
        piece = (struct al_span){f->buffer, len};
        if (log->offset == 0 && is_zipped(piece.at, len)) {
            return zipped(f, log);
        }
        rc = take_piece(f, log, piece, log->offset == 0 ? AUDITLOG_BEGIN : 0, &used, &events);
        if (rc == AL_OK && used > 0) {
            log->was_whole = false;
            rc = follow_dirty(f, log);
        }
        piece = (struct al_span){f->buffer + used, len - used};
        if (rc == AL_OK) {
            rc = look_at_hole(f, log, file, piece, used > 0 && !passed, until_ns, &hole);
            passed = passed || hole == HOLE_PASSED;
        }
        if (rc != AL_OK || hole == HOLE_WAITS) {
            break;
        }
        if (hole == HOLE_LAST || (len < want && hole != HOLE_PASSED)) { /* the end */
            rc = piece.len > 0 ? settle(f, log, piece) : AL_OK;
            if (hole == HOLE_NONE) {
                read_hole_end(f, log);
            }
            break;
        }
        want = used > 0 || hole == HOLE_PASSED ? FOLLOW_READ_BYTES : BUFFER_MAX;
        if (port_mono_ns(f->port) >= until_ns || follow_stops(f)) {
            *ret_more = true;
            break;
        }
    }
    return rc == AL_OK ? keep_head(f, log, file) : rc;
}

/* Read to its end. A closed one that had not changed for a while is whole, however long its folder's turn takes. */
static int
at_end(struct follow *f, struct log_file *log)
{
    bool closed = (log->flags & (LOG_ACTIVE | LOG_PLAIN)) == LOG_PLAIN;

    log->end_s = f->now_s;
    if ((log->flags & LOG_WHOLE) != 0 || !closed || log->offset < log->size ||
        f->now_ns - log->mtime_ns < (int64_t)FOLLOW_SETTLE_S * 1000000000) {
        return AL_OK;
    }
    log->flags |= LOG_WHOLE;
    return follow_dirty(f, log);
}

static int
read_log(struct follow *f, struct log_file *log, int64_t until_ns, bool *ret_more)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {f->port, NULL};
    uint64_t before = log->offset;
    int rc = open_log(f, log, &file.file);

    *ret_more = false;
    if (rc == AL_OK) {
        rc = read_open(f, log, file.file, until_ns, ret_more);
    }
    if (rc == AL_ENOMEM || rc == AL_ECRASH || f->put_rc != AL_OK) {
        return rc; /* ours: the log stays in the queue */
    }
    if (rc == AL_OK && log->offset != before) {
        rc = follow_dirty(f, log);
    }
    if (rc == AL_OK && !*ret_more && look_unread(log)) {
        rc = look_heat(f, log); /* for what is left: the rest of a line */
    } else if (rc == AL_OK && !*ret_more) {
        rc = at_end(f, log);
    }
    if (rc == AL_ENOMEM) {
        return rc;
    }
    /* Gone since: its folder's listing tells. Else it is tried again when its turn comes. */
    look_bad(f, log, rc == AL_ENOENT ? AL_OK : rc);
    return AL_OK;
}

/* *ret_over: no time is left for others. */
static int
read_list(struct follow *f, struct log_list *list, int64_t until_ns, bool *ret_over)
{
    size_t done = 0;
    int rc = AL_OK;

    *ret_over = false;
    while (done < list->count && rc == AL_OK && !*ret_over && !follow_stops(f)) {
        struct log_file *log = list->at[done];
        bool more = false;

        rc = read_log(f, log, until_ns, &more);
        if (rc == AL_OK && more) { /* behind the others */
            rc = follow_list_add(&f->queue, log);
        }
        if (rc != AL_OK) {
            break;
        }
        done++;
        log->flags &= (uint16_t) ~(more ? 0u : (unsigned)LOG_QUEUED);
        *ret_over = port_mono_ns(f->port) >= until_ns;
    }
    list->count -= done;
    if (done > 0) {
        memmove(list->at, list->at + done, list->count * sizeof(struct log_file *));
    }
    return rc;
}

int
read_queue(struct follow *f)
{
    int64_t until_ns = port_mono_ns(f->port) + FOLLOW_ROUND_NS;
    bool over;
    int rc = f->put_rc != AL_OK ? read_flush(f) : AL_OK; /* first what could not be put before */

    if (rc != AL_OK) {
        return rc;
    }
    rc = read_list(f, &f->fresh, until_ns, &over);
    rc = rc != AL_OK || over ? rc : read_list(f, &f->queue, until_ns, &over);
    port_close_quiet(f->port, &f->open);
    f->open_of = NULL;
    return rc;
}
