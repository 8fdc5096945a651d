#include "agent/auditlog/line.h"

#include <string.h>

#include "agent/auditlog/parse.h"
#include "agent/auditlog/when.h"
#include "agent/auditlog/where.h"

static const struct {
    const char *name;
    size_t len;
} action_names[] = {
#define NAME(action, name) [action] = {name, sizeof(name) - 1},
    AUDITLOG_ACTIONS(NAME)
#undef NAME
};

const char *
auditlog_skip_text(enum auditlog_skip why)
{
    static const char *const texts[] = {
#define TEXT(skip, text) [skip] = text,
        AUDITLOG_SKIPS(TEXT)
#undef TEXT
    };

    return (unsigned)why < AUDITLOG_SKIP_COUNT ? texts[why] : "";
}

enum auditlog_action
auditlog_action_of(struct al_span name)
{
    for (unsigned i = 0; i < AUDITLOG_OTHER; i++) {
        if (action_names[i].len == name.len &&
            memcmp(action_names[i].name, name.at, name.len) == 0) {
            return (enum auditlog_action)i;
        }
    }
    return AUDITLOG_OTHER;
}

void
line_reader_begin(struct line_reader *r)
{
    *r = (struct line_reader){.guess = true};
    al_buf_init(&r->scratch, SIZE_MAX / 4);
}

void
line_reader_end(struct line_reader *r)
{
    al_buf_free(&r->scratch);
}

void
line_reader_forget(struct line_reader *r)
{
    r->shape.known = r->shape.whole = false;
}

bool
line_reader_room(struct line_reader *r, struct al_span piece)
{
    al_buf_clear(&r->scratch);
    r->piece_len = piece.len;
    /* Escapes are rare: room is made when one was seen, for all that may follow in this piece. */
    return r->scratch.cap == 0 || al_buf_reserve(&r->scratch, piece.len) == AL_OK;
}

/* ---- what a line holds ---- */

/* What was known when the path was: the shape of the line up to there. */
struct reading {
    struct scan s;
    struct line_draft d, at_path;
    bool has_path; /* at_path is something */
};
typedef bool member_fn(struct reading *r, struct al_span key);

static bool
key_is(struct al_span key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.at, name, key.len) == 0;
}

/* A key behind '{' or ',', and its value. */
static bool
member(struct reading *r, member_fn *fn)
{
    struct scan_text key;
    uint8_t plain[128]; /* no key of ours is longer, however it is escaped */

    if (!scan_string(&r->s, &key) || !scan_byte(&r->s, ':')) {
        return false;
    }
    if (key.escaped) {
        if (key.raw.len > sizeof(plain)) {
            return scan_value(&r->s, AUDITLOG_DEPTH_MAX);
        }
        key.raw = (struct al_span){plain, scan_unescape(&key, plain)};
    }
    return fn(r, key.raw);
}

static bool
rest_of(struct reading *r, member_fn *fn)
{
    while (scan_byte(&r->s, ',')) {
        if (!member(r, fn)) {
            return false;
        }
    }
    return scan_byte(&r->s, '}');
}

/* An object, or any other value, which says nothing. */
static bool
object(struct reading *r, member_fn *fn)
{
    if (scan_peek(&r->s) != '{') {
        return scan_value(&r->s, AUDITLOG_DEPTH_MAX);
    }
    r->s.at++;
    if (scan_byte(&r->s, '}')) {
        return true;
    }
    return member(r, fn) && rest_of(r, fn);
}

/* number: one counts as its text. */
static bool
text(struct reading *r, enum line_text which, bool number)
{
    struct scan_text *t = &r->d.text[which];
    uint8_t first = scan_peek(&r->s);

    t->raw.at = NULL;
    t->escaped = false;
    if (first == '"') {
        return scan_string(&r->s, t);
    }
    if (number && (first == '-' || (first >= '0' && first <= '9'))) {
        return scan_number(&r->s, &t->raw);
    }
    return scan_value(&r->s, AUDITLOG_DEPTH_MAX);
}

static bool
user_member(struct reading *r, struct al_span key)
{
    return key_is(key, "name") ? text(r, LINE_USER, false) : scan_value(&r->s, AUDITLOG_DEPTH_MAX);
}

static bool
device_member(struct reading *r, struct al_span key)
{
    return key_is(key, "hostName") ? text(r, LINE_HOST, false)
                                   : scan_value(&r->s, AUDITLOG_DEPTH_MAX);
}

static bool
event_member(struct reading *r, struct al_span key)
{
    if (key_is(key, "nodeId")) {
        return text(r, LINE_NODE, true);
    }
    if (key_is(key, "filespace")) {
        return text(r, LINE_FILESPACE, false);
    }
    return key_is(key, "filespaceUuid") ? text(r, LINE_FILESPACE_UUID, false)
                                        : scan_value(&r->s, AUDITLOG_DEPTH_MAX);
}

static bool
operation_member(struct reading *r, struct al_span key)
{
    if (key_is(key, "entryPath")) {
        if (!text(r, LINE_PATH, false)) {
            return false;
        }
        r->at_path = r->d;
        r->has_path = true;
        return true;
    }
    if (key_is(key, "action")) {
        return text(r, LINE_ACTION, false);
    }
    if (key_is(key, "targetPath")) {
        return text(r, LINE_TARGET, false);
    }
    return key_is(key, "fileId") ? text(r, LINE_FILE_ID, true)
                                 : scan_value(&r->s, AUDITLOG_DEPTH_MAX);
}

static bool
timestamp(struct reading *r)
{
    uint8_t first = scan_peek(&r->s);
    struct scan_text t;

    r->d.time.at = NULL;
    r->d.time_is_number = first != '"';
    if (first == '"') {
        /* With escapes it is no time that anybody writes. */
        if (!scan_string(&r->s, &t)) {
            return false;
        }
        r->d.time = t.escaped ? (struct al_span){NULL, 0} : t.raw;
        return true;
    }
    if (first == '-' || (first >= '0' && first <= '9')) {
        return scan_number(&r->s, &r->d.time);
    }
    return scan_value(&r->s, AUDITLOG_DEPTH_MAX);
}

static void
forget(struct reading *r, enum line_text from, enum line_text to)
{
    for (enum line_text i = from; i <= to; i++) {
        r->d.text[i].raw.at = NULL;
    }
}

static bool
top_member(struct reading *r, struct al_span key)
{
    if (key_is(key, "timestamp")) {
        return timestamp(r);
    }
    if (key_is(key, "user")) {
        forget(r, LINE_USER, LINE_USER);
        return object(r, user_member);
    }
    if (key_is(key, "device")) {
        forget(r, LINE_HOST, LINE_HOST);
        return object(r, device_member);
    }
    if (key_is(key, "event")) {
        forget(r, LINE_NODE, LINE_FILESPACE_UUID);
        return object(r, event_member);
    }
    if (key_is(key, "operation")) {
        forget(r, LINE_TARGET, LINE_PATH);
        return object(r, operation_member);
    }
    return scan_value(&r->s, AUDITLOG_DEPTH_MAX);
}

static bool
at_end(struct reading *r)
{
    scan_blank(&r->s);
    return r->s.at == r->s.end;
}

/* ---- the event ---- */

static struct al_span
plain_text(struct line_reader *r, const struct scan_text *t, bool *io_ok)
{
    struct al_span s = t->raw;

    if (s.at == NULL || !t->escaped) {
        return s;
    }
    if (r->scratch.cap == 0 && al_buf_reserve(&r->scratch, r->piece_len) != AL_OK) {
        *io_ok = false;
        return (struct al_span){NULL, 0};
    }
    s.at = r->scratch.at + r->scratch.len;
    s.len = scan_unescape(t, r->scratch.at + r->scratch.len);
    r->scratch.len += s.len;
    return s;
}

static bool
take_path(struct al_span *io)
{
    if (io->at == NULL) {
        return false;
    }
    if (io->len > 1 && io->at[io->len - 1] == '/') {
        io->len--;
    }
    return where_is_sound(*io) && memchr(io->at, 0, io->len) == NULL;
}

/* Nearly all are sixteen digits. */
static bool
take_time(const struct line_draft *d, int64_t *ret_ns)
{
    uint64_t number = 0;
    size_t i = 0;

    for (; d->time_is_number && i < d->time.len && i < 19; i++) {
        uint8_t digit = (uint8_t)(d->time.at[i] - '0');

        if (digit > 9) {
            break;
        }
        number = number * 10 + digit;
    }
    if (i == 0 || i < d->time.len) {
        return auditlog_time_text(d->time, ret_ns);
    }
    *ret_ns = auditlog_time_of(number);
    return *ret_ns >= AUDITLOG_TIME_MIN_NS;
}

static bool
finish(struct line_reader *r, const struct line_draft *d, struct auditlog_event *e,
       enum auditlog_skip *ret_why)
{
    bool ok = true;
    struct al_span *const to[LINE_TEXTS] = {
        [LINE_USER] = &e->user,       [LINE_HOST] = &e->host,
        [LINE_NODE] = &e->node,       [LINE_FILESPACE] = &e->filespace,
        [LINE_TARGET] = &e->target,   [LINE_FILESPACE_UUID] = &e->filespace_uuid,
        [LINE_FILE_ID] = &e->file_id, [LINE_ACTION] = &e->name,
        [LINE_PATH] = &e->path,
    };

    e->folder = (struct al_span){NULL, 0};
    if (d->time.at == NULL || !take_time(d, &e->time_ns)) {
        *ret_why = AUDITLOG_SKIP_TIME;
        return false;
    }
    for (unsigned i = 0; i < LINE_TEXTS; i++) {
        *to[i] = plain_text(r, &d->text[i], &ok);
    }
    if (e->name.at == NULL) {
        *ret_why = AUDITLOG_SKIP_ACTION;
        return false;
    }
    if (!ok || !take_path(&e->path)) {
        *ret_why = AUDITLOG_SKIP_PATH;
        return false;
    }
    if (where_is_own(e->path)) {
        *ret_why = AUDITLOG_SKIP_OWN;
        return false;
    }
    e->action = auditlog_action_of(e->name);
    /* Other actions were seen with a target that means nothing. */
    if (e->action != AUDITLOG_MOVE || !take_path(&e->target)) {
        e->target = (struct al_span){NULL, 0};
    }
    return true;
}

bool
line_ahead(struct line_reader *r, struct al_span piece, struct auditlog_event *ret, size_t *ret_len)
{
    return r->guess && shape_event(&r->shape, piece, ret, ret_len);
}

/* By what the lines before looked like, up to the path. */
static bool
by_shape(struct line_reader *r, struct reading *io, const uint8_t *end)
{
    if (!r->guess || !r->shape.known || !shape_match(&r->shape, &io->s, &io->d)) {
        return false;
    }
    io->at_path = io->d;
    io->has_path = true;
    if (!rest_of(io, operation_member) || !rest_of(io, top_member) || !at_end(io)) {
        return false;
    }
    if (++r->shape.missed > SHAPE_MISSED_MAX) {
        shape_learn(&r->shape, &io->at_path, &io->d, end);
    }
    return true;
}

bool
line_read(struct line_reader *r, struct al_span line, struct auditlog_event *ret,
          enum auditlog_skip *ret_why)
{
    const uint8_t *end = line.at + line.len;
    struct reading reading = {.s = {line.at, end}, .d.line = line.at};

    if (!by_shape(r, &reading, end)) {
        reading = (struct reading){.s = {line.at, end}, .d.line = line.at};
        *ret_why = AUDITLOG_SKIP_JUNK;
        if (scan_peek(&reading.s) != '{' || !object(&reading, top_member) || !at_end(&reading)) {
            return false;
        }
        if (reading.has_path) {
            shape_learn(&r->shape, &reading.at_path, &reading.d, end);
        }
    }
    return finish(r, &reading.d, ret, ret_why);
}
