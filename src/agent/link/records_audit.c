/* records_audit.c: what audit logs tell, as lines of a batch. */
#include "agent/link/records.h"

#include <string.h>

#include "base/jsonout.h"
#include "base/text.h"

#define TAIL_BYTES 24u                     /* what closes a record */
#define SAMPLES_BYTES ((size_t)24 << 10)   /* of an `audit` record, up to the end of the samples */
#define SAMPLE_BYTES_MAX ((size_t)5 << 10) /* one: path and front, each byte as an escape */

static const char *
kind_name(enum digest_kind k)
{
    static const char *const names[] = {"used", "create", "delete", "folder_delete",
                                        "move", "pin",    "unpin"};

    return names[k];
}

static const char *
type_name(enum port_type t)
{
    return t == PORT_T_FILE      ? "file"
           : t == PORT_T_FOLDER  ? "folder"
           : t == PORT_T_SYMLINK ? "symlink"
                                 : "other";
}

static void
count(struct al_jsonout *j, const char *key, uint64_t v)
{
    if (v != 0) {
        al_jo_u64(j, key, v > INT64_MAX ? INT64_MAX : v);
    }
}

static void
name(struct al_jsonout *j, const char *key, struct al_span v)
{
    if (v.len > 0) {
        al_jo_text(j, key, v);
    }
}

/* Of nobody's making: whatever bytes a log holds. */
static void
who(struct al_jsonout *j, const char *key, struct al_span v)
{
    if (v.len > 0) {
        al_jo_bytes(j, key, v);
    }
}

static void
print_stat(struct al_jsonout *j, const struct port_stat *st)
{
    al_jo_object(j, "stat");
    al_jo_str(j, "type", type_name(st->type));
    count(j, "size", st->size);
    count(j, "allocated", st->allocated);
    al_jo_i64(j, "mtime_ns", st->mtime_ns);
    al_jo_i64(j, "ctime_ns", st->ctime_ns);
    al_jo_i64(j, "btime_ns", st->btime_ns);
    count(j, "mode", st->mode);
    count(j, "uid", st->uid);
    count(j, "gid", st->gid);
    count(j, "nlink", st->nlink);
    al_jo_close(j);
}

static void
print_row(struct al_jsonout *j, const struct digest_row *r)
{
    al_jo_object(j, NULL);
    al_jo_str(j, "k", kind_name(r->kind));
    al_jo_bytes(j, "path", r->path);
    if (r->kind == DIGEST_MOVE) {
        al_jo_bytes(j, "target", r->target);
    }
    al_jo_i64(j, "time_ns", r->time_ns);
    if (r->modified_ns != 0) {
        al_jo_i64(j, "modified_ns", r->modified_ns);
    }
    if (r->came) {
        al_jo_bool(j, "came", true);
    }
    count(j, "reads", r->reads);
    count(j, "writes", r->writes);
    who(j, "user", r->user);
    who(j, "host", r->host);
    who(j, "node", r->node);
    if (r->stat != NULL) {
        print_stat(j, r->stat);
    }
    al_jo_close(j);
}

/* Who is named by the short rows of one record: they say a number. */
struct who {
    const struct digest_row *of[RECORD_ACCESS_WHO]; /* lent: a row of each */
    size_t count, bytes;                            /* bytes: what telling them takes at most */
};

/* More than a name takes as JSON, each byte escaped. */
static size_t
who_bytes(const struct digest_row *r)
{
    return 16 + 6 * (r->user.len + r->host.len + r->node.len);
}

/* Told as it is by a string of JSON. */
static bool
is_plain(struct al_span s)
{
    return s.len == 0 || (al_utf8_valid(s) && memchr(s.at, 0, s.len) == NULL);
}

/* The number of the row's user, host and node; false: it is not to be one of these. */
static bool
who_number(struct who *w, const struct digest_row *r, size_t *ret)
{
    for (size_t i = w->count; i-- > 0;) { /* rows of one log lie together */
        const struct digest_row *x = w->of[i];

        if (al_span_equal(x->user, r->user) && al_span_equal(x->host, r->host) &&
            al_span_equal(x->node, r->node)) {
            *ret = i;
            return true;
        }
    }
    if (w->count == RECORD_ACCESS_WHO || !is_plain(r->user) || !is_plain(r->host) ||
        !is_plain(r->node)) {
        return false;
    }
    w->of[w->count] = r;
    w->bytes += who_bytes(r);
    *ret = w->count++;
    return true;
}

static void
who_print(struct al_jsonout *j, const struct who *w)
{
    al_jo_array(j, "who");
    for (size_t i = 0; i < w->count; i++) {
        al_jo_array(j, NULL);
        al_jo_text(j, NULL, w->of[i]->user);
        al_jo_text(j, NULL, w->of[i]->host);
        al_jo_text(j, NULL, w->of[i]->node);
        al_jo_close(j);
    }
    al_jo_close(j);
}

/* Of a hundred rows more than ninety are uses without metadata. Told without names of members they take half the
 * bytes, and a quarter of the time it takes to read them. */
static void
print_short(struct al_jsonout *j, const struct digest_row *r, size_t who)
{
    al_jo_array(j, NULL);
    al_jo_text(j, NULL, r->path);
    al_jo_i64(j, NULL, r->time_ns);
    al_jo_i64(j, NULL, r->modified_ns);
    al_jo_u64(j, NULL, r->reads > INT64_MAX ? INT64_MAX : r->reads);
    al_jo_u64(j, NULL, r->writes > INT64_MAX ? INT64_MAX : r->writes);
    al_jo_u64(j, NULL, who);
    al_jo_close(j);
}

static void
print_some(struct al_jsonout *j, struct who *w, const struct digest_row *r)
{
    size_t who = 0;

    if (r->kind == DIGEST_USED && r->stat == NULL && is_plain(r->path) && who_number(w, r, &who)) {
        print_short(j, r, who);
    } else {
        print_row(j, r);
    }
}

int
record_access(const char *volume_id, const struct digest_row *rows, size_t rows_count, bool noise,
              struct al_buf *to, size_t *ret_taken, uint64_t *io_lost)
{
    struct who w = {0};
    struct al_jsonout j;
    size_t i, told = 0;
    int rc;

    al_buf_clear(to);
    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "access");
    al_jo_str(&j, "volume_id", volume_id);
    al_jo_array(&j, "rows");
    if (noise) {
        al_jo_close(&j);
        al_jo_array(&j, "noise");
    }
    for (i = 0; i < rows_count && told < RECORD_ACCESS_ROWS && j.rc == AL_OK; i++) {
        size_t before = to->len, who_before = w.count, bytes_before = w.bytes;
        bool comma = j.comma;

        if (rows[i].dropped || rows[i].noise != noise) {
            continue;
        }
        print_some(&j, &w, &rows[i]);
        if (j.rc == AL_OK &&
            to->len + w.bytes > RECORD_ACCESS_BYTES - TAIL_BYTES) { /* not this one */
            to->len = before;
            to->at[before] = '\0';
            j.comma = comma;
            w.count = who_before;
            w.bytes = bytes_before;
            if (told > 0) {
                break;
            }
            ++*io_lost;
            continue;
        }
        told++;
    }
    al_jo_close(&j);
    who_print(&j, &w);
    al_jo_close(&j);
    rc = al_jo_end(&j);
    if (rc == AL_OK) {
        *ret_taken = i;
        if (told == 0) {
            al_buf_clear(to);
        }
    }
    return rc;
}

static const char *
skip_name(enum auditlog_skip why)
{
    static const char *const names[] = {"junk", "time", "action", "path", "long", "own"};

    _Static_assert(AL_LEN(names) == AUDITLOG_SKIP_COUNT, "a name for each");
    return names[why];
}

static void
print_sample(struct al_jsonout *j, const struct tally_sample *s)
{
    al_jo_object(j, NULL);
    al_jo_str(j, "why", skip_name(s->why));
    al_jo_bytes(j, "log", (struct al_span){s->path, s->path_len});
    al_jo_u64(j, "offset", s->offset);
    al_jo_i64(j, "time_ns", s->time_ns);
    al_jo_bytes(j, "text", (struct al_span){s->text, s->text_len});
    al_jo_close(j);
}

/* "sample" is for servers that know of no more. */
static void
print_skipped(struct al_jsonout *j, const struct follow_status *s)
{
    al_jo_object(j, "skipped");
    for (size_t i = 0; i < AUDITLOG_SKIP_COUNT; i++) {
        al_jo_u64(j, skip_name((enum auditlog_skip)i),
                  s->lines.skipped[i] + (i == AUDITLOG_SKIP_PATH ? s->events.unusable : 0));
    }
    al_jo_close(j);
    if (s->sample_count > 0) {
        const struct tally_sample *last = s->samples[0];

        al_jo_object(j, "sample");
        al_jo_str(j, "why", auditlog_skip_text(last->why));
        al_jo_text(j, "text", (struct al_span){last->text, last->text_len});
        al_jo_close(j);
    }
    al_jo_array(j, "samples");
    for (size_t i = 0; i < s->sample_count && j->out->len < SAMPLES_BYTES - SAMPLE_BYTES_MAX; i++) {
        print_sample(j, s->samples[i]);
    }
    al_jo_close(j);
}

static void
print_nodes(struct al_jsonout *j, const struct follow_status *s)
{
    al_jo_array(j, "nodes");
    for (size_t i = 0; i < s->node_count && j->rc == AL_OK; i++) {
        const struct follow_node *n = &s->nodes[i];

        if (j->out->len > RECORD_ACCESS_BYTES - (size_t)6 * 1024) {
            break; /* names of nobody's making: told when they change again */
        }
        al_jo_object(j, NULL);
        al_jo_bytes(j, "node", al_span_of(n->node));
        al_jo_bytes(j, "host", al_span_of(n->host));
        al_jo_bytes(j, "user", al_span_of(n->user));
        al_jo_i64(j, "last_event_ns", n->last_event_ns);
        al_jo_i64(j, "last_grown_ns", n->last_grown_ns);
        al_jo_u64(j, "behind_bytes", n->behind_bytes);
        al_jo_bool(j, "active", n->active);
        al_jo_u64(j, "files", n->files);
        al_jo_close(j);
    }
    al_jo_close(j);
}

int
record_audit(const char *volume_id, const char *root, int64_t told_ns,
             const struct follow_status *s, struct al_buf *to)
{
    struct al_jsonout j;

    al_buf_clear(to);
    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "audit");
    al_jo_str(&j, "volume_id", volume_id);
    al_jo_str(&j, "state", audit_state_name(s->state));
    al_jo_i64(&j, "since_ns", s->since_ns);
    al_jo_i64(&j, "covered_since_ns", s->covered_since_ns);
    al_jo_i64(&j, "last_event_ns", s->last_event_ns);
    al_jo_i64(&j, "told_ns", told_ns);
    al_jo_text(&j, "text", al_span_of(s->text));
    al_jo_bytes(&j, "root", al_span_of(root));
    al_jo_bytes(&j, "filespace", al_span_of(s->filespace));
    al_jo_bytes(&j, "filespace_uuid", al_span_of(s->filespace_uuid));
    al_jo_u64(&j, "files", s->files);
    al_jo_u64(&j, "active", s->active);
    al_jo_u64(&j, "behind_bytes", s->behind_bytes);
    al_jo_u64(&j, "lines", s->lines.lines);
    al_jo_u64(&j, "events", s->lines.events);
    al_jo_u64(&j, "other", s->lines.other);
    al_jo_u64(&j, "outside", s->events.outside);
    al_jo_u64(&j, "own", s->events.own);
    al_jo_u64(&j, "named", s->events.named);
    al_jo_u64(&j, "clamped", s->events.clamped);
    al_jo_u64(&j, "ignored_files", s->ignored_files);
    print_skipped(&j, s);
    print_nodes(&j, s);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* ---- filespaces of the host ---- */

static bool
is_lucidlink(const struct filespace *s)
{
    return s->by_program || s->by_type || s->logs == FILESPACE_LOGS_PRESENT;
}

static void
print_filespace(struct al_jsonout *j, const struct filespace *s)
{
    al_jo_object(j, NULL);
    if (s->path != NULL) {
        al_jo_bytes(j, "path", al_span_of(s->path));
    }
    name(j, "type", al_span_of(s->type));
    name(j, "source", al_span_of(s->source));
    name(j, "filespace", al_span_of(s->name));
    name(j, "filespace_uuid", al_span_of(s->id));
    name(j, "instance", al_span_of(s->instance));
    name(j, "mode", al_span_of(s->mode));
    al_jo_bool(j, "lucidlink", is_lucidlink(s));
    al_jo_bool(j, "mounted", s->in_table);
    al_jo_bool(j, "named", s->by_program);
    al_jo_str(j, "logs", filespace_logs_name(s->logs));
    al_jo_close(j);
}

int
record_filespaces(const struct filespaces *f, const char *program, const char *text,
                  int64_t told_ns, struct al_buf *to)
{
    uint64_t more = f->more;
    struct al_jsonout j;

    al_buf_clear(to);
    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "filespaces");
    al_jo_i64(&j, "told_ns", told_ns);
    al_jo_text(&j, "program", al_span_of(program));
    al_jo_text(&j, "text", al_span_of(text));
    al_jo_u64(&j, "odd", f->odd);
    al_jo_array(&j, "items");
    for (size_t i = 0; i < 2 * f->count && j.rc == AL_OK; i++) {
        const struct filespace *s = &f->at[i % f->count];
        size_t before = to->len;
        bool comma = j.comma;

        if (is_lucidlink(s) != (i < f->count)) {
            continue;
        }
        print_filespace(&j, s);
        if (j.rc == AL_OK && to->len > RECORD_ACCESS_BYTES - 64) { /* "more" and what closes it */
            to->len = before;
            to->at[before] = '\0';
            j.comma = comma;
            more++;
        }
    }
    al_jo_close(&j);
    al_jo_u64(&j, "more", more);
    al_jo_close(&j);
    return al_jo_end(&j);
}
