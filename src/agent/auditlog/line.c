#include "agent/auditlog/line.h"

#include <string.h>

#include "agent/auditlog/parse.h"
#include "agent/auditlog/when.h"

static const char own_folder[] = "/.lucid_audit";
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
    r->shape.known = false;
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

struct draft {
    const uint8_t *line;
    struct al_span time; /* .at NULL: none */
    bool time_is_number;
    struct scan_text text[LINE_TEXTS]; /* .raw.at NULL: none */
};
/* What was known when the path was: the shape of the line up to there. */
struct reading {
    struct scan s;
    struct draft d, at_path;
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
    return key_is(key, "name") ? text(r, LINE_USER, false)
                               : scan_value(&r->s, AUDITLOG_DEPTH_MAX);
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

/* ---- shapes ---- */

/* Keeps how the line looked up to its path, if that can be told from another line in one look. */
static void
learn(struct line_shape *to, const struct reading *r)
{
    const struct draft *d = &r->at_path;
    const struct scan_text *action = &d->text[LINE_ACTION], *path = &d->text[LINE_PATH];
    const uint8_t *digits_end = d->time.at != NULL ? d->time.at + d->time.len : NULL;

    to->known = false;
    if (!r->has_path || d->time.at == NULL || !d->time_is_number || action->raw.at == NULL ||
        path->raw.at == NULL || action->escaped || path->escaped || action->raw.at < digits_end ||
        path->raw.at < action->raw.at) {
        return;
    }
    for (size_t i = 0; i < d->time.len; i++) {
        if (d->time.at[i] < '0' || d->time.at[i] > '9') {
            return;
        }
    }
    size_t head = (size_t)(d->time.at - d->line), middle = (size_t)(action->raw.at - digits_end),
           tail = (size_t)(path->raw.at - (action->raw.at + action->raw.len));
    if (head > LINE_HEAD_MAX || middle > LINE_MIDDLE_MAX || tail > LINE_TAIL_MAX) {
        return;
    }
    for (unsigned i = 0; i < LINE_ACTION; i++) {
        const struct scan_text *t = &d->text[i];

        to->text[i].set = t->raw.at != NULL;
        if (!to->text[i].set) {
            continue;
        }
        if (t->escaped || t->raw.at < digits_end || t->raw.at + t->raw.len > action->raw.at) {
            return;
        }
        to->text[i].at = (uint16_t)(t->raw.at - digits_end);
        to->text[i].len = (uint16_t)t->raw.len;
    }
    memcpy(to->head, d->line, head);
    memcpy(to->middle, digits_end, middle);
    memcpy(to->tail, action->raw.at + action->raw.len, tail);
    to->head_len = (uint16_t)head;
    to->middle_len = (uint16_t)middle;
    to->tail_len = (uint16_t)tail;
    to->known = true;
}

static bool
take(struct scan *s, const uint8_t *bytes, size_t len)
{
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, bytes, len) != 0) {
        return false;
    }
    s->at += len;
    return true;
}

/* A text that begins here and has no escapes. */
static bool
take_text(struct scan *s, struct scan_text *ret)
{
    const uint8_t *end = scan_plain(s->at, s->end);

    if (end == s->end || *end != '"') {
        return false;
    }
    *ret = (struct scan_text){{s->at, (size_t)(end - s->at)}, false};
    s->at = end;
    return true;
}

/* The line up to its path, by the shape. False: it is another one, and nothing is known of it. */
static bool
match(const struct line_shape *shape, struct reading *r)
{
    struct scan *s = &r->s;
    const uint8_t *middle;

    if (!take(s, shape->head, shape->head_len)) {
        return false;
    }
    r->d.time.at = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        s->at++;
    }
    r->d.time.len = (size_t)(s->at - r->d.time.at);
    r->d.time_is_number = true;
    if (r->d.time.len == 0 || r->d.time.at[0] == '0') {
        return false;
    }
    middle = s->at;
    if (!take(s, shape->middle, shape->middle_len) || !take_text(s, &r->d.text[LINE_ACTION]) ||
        !take(s, shape->tail, shape->tail_len) || !take_text(s, &r->d.text[LINE_PATH])) {
        return false;
    }
    s->at++; /* the quote */
    for (unsigned i = 0; i < LINE_ACTION; i++) {
        r->d.text[i].escaped = false;
        r->d.text[i].raw.at = shape->text[i].set ? middle + shape->text[i].at : NULL;
        r->d.text[i].raw.len = shape->text[i].len;
    }
    return true;
}

/* ---- the event ---- */

/* A path without empty parts, "." and "..": nearly all have no part that begins with a dot. */
static bool
path_is_sound(struct al_span p)
{
    const uint8_t *at = p.at, *end = p.at + p.len;

    if (p.len == 0 || p.at[0] != '/') {
        return false;
    }
    if (p.len == 1) {
        return true;
    }
    while (at < end) {
        size_t left = (size_t)(end - at);
        const uint8_t *next = memchr(at + 1, '/', left - 1);
        size_t part = (size_t)((next != NULL ? next : end) - at - 1);

        if (part == 0 || (at[1] == '.' && (part == 1 || (part == 2 && at[2] == '.')))) {
            return false;
        }
        at += part + 1;
    }
    return true;
}

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
    return path_is_sound(*io) && memchr(io->at, 0, io->len) == NULL;
}

/* Nearly all are sixteen digits. */
static bool
take_time(const struct draft *d, int64_t *ret_ns)
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
is_own(struct al_span path)
{
    const size_t len = sizeof(own_folder) - 1;

    return path.len >= len && path.at[1] == '.' && memcmp(path.at, own_folder, len) == 0 &&
           (path.len == len || path.at[len] == '/');
}

static bool
finish(struct line_reader *r, const struct draft *d, struct auditlog_event *e,
       enum auditlog_skip *ret_why)
{
    bool ok = true;
    struct al_span *const to[LINE_TEXTS] = {
        [LINE_USER] = &e->user,           [LINE_HOST] = &e->host,
        [LINE_NODE] = &e->node,           [LINE_FILESPACE] = &e->filespace,
        [LINE_TARGET] = &e->target,       [LINE_FILESPACE_UUID] = &e->filespace_uuid,
        [LINE_FILE_ID] = &e->file_id,     [LINE_ACTION] = &e->name,
        [LINE_PATH] = &e->path,
    };

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
    if (is_own(e->path)) {
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
line_read(struct line_reader *r, struct al_span line, struct auditlog_event *ret,
          enum auditlog_skip *ret_why)
{
    struct reading reading = {.s = {line.at, line.at + line.len}, .d.line = line.at};

    if (r->guess && r->shape.known && match(&r->shape, &reading) &&
        rest_of(&reading, operation_member) && rest_of(&reading, top_member) && at_end(&reading)) {
        return finish(r, &reading.d, ret, ret_why);
    }
    reading = (struct reading){.s = {line.at, line.at + line.len}, .d.line = line.at};
    *ret_why = AUDITLOG_SKIP_JUNK;
    if (scan_peek(&reading.s) != '{' || !object(&reading, top_member) || !at_end(&reading)) {
        return false;
    }
    learn(&r->shape, &reading);
    return finish(r, &reading.d, ret, ret_why);
}
