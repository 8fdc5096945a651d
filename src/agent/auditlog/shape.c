#include "agent/auditlog/shape.h"

#include <stddef.h>
#include <string.h>

#include "agent/auditlog/parse.h"
#include "agent/auditlog/when.h"
#include "agent/auditlog/where.h"

#define TIME_DIGITS 16u /* of microseconds, from 2001 to 2286 */

/* Where in an event each text goes. */
static const size_t places[LINE_TEXTS] = {
    [LINE_USER] = offsetof(struct auditlog_event, user),
    [LINE_HOST] = offsetof(struct auditlog_event, host),
    [LINE_NODE] = offsetof(struct auditlog_event, node),
    [LINE_FILESPACE] = offsetof(struct auditlog_event, filespace),
    [LINE_FILESPACE_UUID] = offsetof(struct auditlog_event, filespace_uuid),
    [LINE_TARGET] = offsetof(struct auditlog_event, target),
    [LINE_FILE_ID] = offsetof(struct auditlog_event, file_id),
    [LINE_ACTION] = offsetof(struct auditlog_event, name),
    [LINE_PATH] = offsetof(struct auditlog_event, path),
};

/* ---- learning ---- */

static bool
keep(struct shape_part *to, const uint8_t *from, const uint8_t *end)
{
    size_t len = (size_t)(end - from);

    if (len > sizeof(to->at)) {
        return false;
    }
    memcpy(to->at, from, len);
    to->len = (uint16_t)len;
    return true;
}

static bool
all_digits(struct al_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

/* Texts between time and action: in the middle, so the same in the next line. */
static bool
learn_texts(struct line_shape *to, const struct line_draft *d, const uint8_t *middle,
            const uint8_t *middle_end)
{
    for (unsigned i = 0; i < LINE_ACTION; i++) {
        const struct scan_text *t = &d->text[i];

        to->text[i].set = t->raw.at != NULL;
        if (!to->text[i].set) {
            continue;
        }
        if (t->escaped || t->raw.at < middle || t->raw.at + t->raw.len > middle_end) {
            return false;
        }
        to->text[i].at = (uint16_t)(t->raw.at - middle);
        to->text[i].len = (uint16_t)t->raw.len;
    }
    return true;
}

/* How the line went on behind its path: with the file's id as a text, or with nothing that counts. */
static bool
learn_end(struct line_shape *to, const struct line_draft *was, const struct line_draft *all,
          const uint8_t *line_end)
{
    const struct scan_text *path = &was->text[LINE_PATH], *id = &all->text[LINE_FILE_ID];
    const uint8_t *at = path->raw.at + path->raw.len;

    to->last = LINE_TEXTS;
    if (all->time.at != was->time.at || all->time_is_number != was->time_is_number) {
        return false;
    }
    for (unsigned i = 0; i < LINE_TEXTS; i++) {
        if (i != LINE_FILE_ID && all->text[i].raw.at != was->text[i].raw.at) {
            return false;
        }
    }
    if (id->raw.at != was->text[LINE_FILE_ID].raw.at) {
        if (id->raw.at == NULL || id->raw.at < at || id->raw.at[-1] != '"' || id->escaped) {
            return false;
        }
        to->last = LINE_FILE_ID;
        if (!keep(&to->after, at, id->raw.at)) {
            return false;
        }
        at = id->raw.at + id->raw.len;
    }
    return keep(&to->end, at, line_end);
}

void
shape_learn(struct line_shape *to, const struct line_draft *at_path, const struct line_draft *all,
            const uint8_t *end)
{
    const struct line_draft *d = at_path;
    const struct scan_text *action = &d->text[LINE_ACTION], *path = &d->text[LINE_PATH];
    const uint8_t *middle = d->time.at != NULL ? d->time.at + d->time.len : NULL;

    to->known = to->whole = false;
    to->missed = 0;
    if (path->raw.at == NULL || middle == NULL || !d->time_is_number || action->raw.at == NULL ||
        path->escaped || action->escaped || action->raw.at < middle ||
        path->raw.at < action->raw.at || !all_digits(d->time)) {
        return;
    }
    size_t middle_len = (size_t)(action->raw.at - middle);
    if (middle_len > SHAPE_MIDDLE_MAX || !keep(&to->head, d->line, d->time.at) ||
        !keep(&to->tail, action->raw.at + action->raw.len, path->raw.at) ||
        !learn_texts(to, d, middle, action->raw.at)) {
        return;
    }
    memcpy(to->middle, middle, middle_len);
    to->middle_len = (uint16_t)middle_len;
    to->known = true;
    to->whole = learn_end(to, d, all, end);
}

/* ---- looking ---- */

static bool
take(struct scan *s, const uint8_t *bytes, size_t len)
{
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, bytes, len) != 0) {
        return false;
    }
    s->at += len;
    return true;
}

/* A text that begins here and has no escapes; its quote is not taken. */
static bool
take_text(struct scan *s, struct al_span *ret)
{
    const uint8_t *end = scan_plain(s->at, s->end);

    if (end == s->end || *end != '"') {
        return false;
    }
    *ret = (struct al_span){s->at, (size_t)(end - s->at)};
    s->at = end;
    return true;
}

bool
shape_match(const struct line_shape *shape, struct scan *s, struct line_draft *ret)
{
    const uint8_t *middle;

    if (!take(s, shape->head.at, shape->head.len)) {
        return false;
    }
    ret->time.at = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        s->at++;
    }
    ret->time.len = (size_t)(s->at - ret->time.at);
    ret->time_is_number = true;
    if (ret->time.len == 0 || ret->time.at[0] == '0') {
        return false;
    }
    middle = s->at;
    if (!take(s, shape->middle, shape->middle_len) || !take_text(s, &ret->text[LINE_ACTION].raw) ||
        !take(s, shape->tail.at, shape->tail.len) || !take_text(s, &ret->text[LINE_PATH].raw)) {
        return false;
    }
    s->at++; /* the quote */
    ret->text[LINE_ACTION].escaped = ret->text[LINE_PATH].escaped = false;
    for (unsigned i = 0; i < LINE_ACTION; i++) {
        ret->text[i].escaped = false;
        ret->text[i].raw.at = shape->text[i].set ? middle + shape->text[i].at : NULL;
        ret->text[i].raw.len = shape->text[i].len;
    }
    return true;
}

/* Sixteen digits, the first no zero: as scan_number has it. */
static bool
take_time(struct scan *s, int64_t *ret_ns)
{
    uint64_t number = 0;

    if ((size_t)(s->end - s->at) <= TIME_DIGITS || s->at[0] == '0' ||
        !scan_digits8(s->at, &number) || !scan_digits8(s->at + 8, &number)) {
        return false;
    }
    s->at += TIME_DIGITS;
    *ret_ns = auditlog_time_of(number);
    return *ret_ns >= AUDITLOG_TIME_MIN_NS;
}

/* One without escapes, which has no NUL either. */
static bool
take_path(struct scan *s, struct al_span *ret)
{
    bool odd;
    const uint8_t *end = scan_plain_path(s->at, s->end, &odd);

    if (end == s->end || *end != '"' || end == s->at || s->at[0] != '/') {
        return false;
    }
    *ret = (struct al_span){s->at, (size_t)(end - s->at)};
    s->at = end;
    return !odd || (where_is_sound(*ret) && !where_is_own(*ret));
}

bool
shape_event(struct line_shape *shape, struct al_span piece, struct auditlog_event *ret,
            size_t *ret_len)
{
    struct scan s = {piece.at, piece.at + piece.len};
    struct al_span id = {NULL, 0};
    const uint8_t *middle;

    if (!shape->whole || !take(&s, shape->head.at, shape->head.len) ||
        !take_time(&s, &ret->time_ns)) {
        return false;
    }
    middle = s.at;
    if (!take(&s, shape->middle, shape->middle_len) || !take_text(&s, &ret->name) ||
        !take(&s, shape->tail.at, shape->tail.len) || !take_path(&s, &ret->path)) {
        return false;
    }
    if (shape->last != LINE_TEXTS &&
        (!take(&s, shape->after.at, shape->after.len) || !take_text(&s, &id))) {
        return false;
    }
    if (!take(&s, shape->end.at, shape->end.len) || s.at == s.end || *s.at != '\n' ||
        (size_t)(s.at - piece.at) > AUDITLOG_LINE_MAX) {
        return false;
    }
    ret->action = auditlog_action_of(ret->name);
    if (ret->action == AUDITLOG_MOVE) {
        return false; /* its target may be in the middle */
    }
    for (unsigned i = 0; i < LINE_ACTION; i++) {
        struct al_span *to = (struct al_span *)(void *)((uint8_t *)ret + places[i]);

        to->at = shape->text[i].set ? middle + shape->text[i].at : NULL;
        to->len = shape->text[i].len;
    }
    if (shape->last != LINE_TEXTS) {
        ret->file_id = id;
    }
    ret->target = ret->folder = (struct al_span){NULL, 0};
    shape->missed = 0;
    *ret_len = (size_t)(s.at + 1 - piece.at);
    return true;
}
