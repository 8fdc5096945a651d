#include "agent/auditlog/tally.h"

#include <string.h>

#define NUMBERS_MAX                                                                                \
    64u /* of an entry; those behind the ones that are known are of a later version */

void
tally_count(struct tally *t, const struct auditlog_counts *lines,
            const struct digest_counts *events)
{
    t->changed = t->changed || memcmp(&t->lines, lines, sizeof(*lines)) != 0 ||
                 memcmp(&t->events, events, sizeof(*events)) != 0;
    t->lines = *lines;
    t->events = *events;
}

bool
tally_differs(const char known[TALLY_NAME_MAX], struct al_span name)
{
    return known[0] != '\0' && name.at != NULL && name.len > 0 && name.len < TALLY_NAME_MAX &&
           !al_span_equal(al_span_of(known), name);
}

void
tally_name(struct tally *t, char to[TALLY_NAME_MAX], struct al_span name)
{
    if (name.at != NULL && name.len > 0 && name.len < TALLY_NAME_MAX &&
        memchr(name.at, 0, name.len) == NULL &&
        (memcmp(to, name.at, name.len) != 0 || to[name.len] != '\0')) {
        memcpy(to, name.at, name.len);
        to[name.len] = '\0';
        t->changed = true;
    }
}

void
tally_sample(struct tally *t, const struct auditlog_sample *s, struct al_span path, uint64_t base,
             int64_t now_ns)
{
    struct tally_sample *to = &t->samples[s->why][s->slot];
    size_t cut = path.len > TALLY_PATH_MAX ? path.len - TALLY_PATH_MAX : 0;

    *to = (struct tally_sample){.number = s->number,
                                .offset = base + s->at,
                                .time_ns = now_ns,
                                .why = s->why,
                                .path_len = (uint16_t)(path.len - cut),
                                .text_len = (uint16_t)s->len,
                                .changed = true};
    if (to->path_len > 0) {
        memcpy(to->path, path.at + cut, to->path_len);
    }
    memcpy(to->text, s->text, s->len);
}

size_t
tally_latest(const struct tally *t, const struct tally_sample **to)
{
    size_t count = 0;

    for (size_t i = 0; i < TALLY_SAMPLES_MAX; i++) {
        const struct tally_sample *s = &t->samples[i / AUDITLOG_SAMPLES][i % AUDITLOG_SAMPLES];
        size_t at = count;

        if (s->number == 0) {
            continue;
        }
        for (; at > 0 && to[at - 1]->number < s->number; at--) {
            to[at] = to[at - 1];
        }
        to[at] = s;
        count++;
    }
    return count;
}

/* ---- in the file of cursors ---- */

/* In an order that stays; what is new comes last. */
static size_t
numbers_of(struct tally *t, uint64_t **to)
{
    size_t n = 0;

    to[n++] = &t->lines.lines;
    to[n++] = &t->lines.events;
    to[n++] = &t->lines.other;
    to[n++] = &t->events.own;
    to[n++] = &t->events.named;
    to[n++] = &t->events.outside;
    to[n++] = &t->events.clamped;
    to[n++] = &t->events.unusable;
    for (size_t i = 0; i < AUDITLOG_SKIP_COUNT; i++) {
        to[n++] = &t->lines.skipped[i];
    }
    return n;
}

static int
put_text(struct al_buf *to, const void *at, size_t len)
{
    int rc = al_buf_add_varint(to, len);

    return rc != AL_OK || len == 0 ? rc : al_buf_add(to, at, len);
}

static int
take_text(struct al_span *io, size_t max, struct al_span *ret)
{
    uint64_t len;
    int rc = al_span_varint(io, &len);

    if (rc != AL_OK || len > max || len > io->len) {
        return AL_ECORRUPT;
    }
    return al_span_take(io, (size_t)len, ret);
}

static int
print_sample(struct tally_sample *s, size_t slot, uint8_t kind, struct al_buf *to)
{
    uint8_t head[] = {kind, (uint8_t)s->why, (uint8_t)slot}, time[8];
    int rc = al_buf_add(to, head, sizeof(head));

    al_put_u64(time, (uint64_t)s->time_ns);
    rc = rc != AL_OK ? rc : al_buf_add_varint(to, s->number);
    rc = rc != AL_OK ? rc : al_buf_add_varint(to, s->offset);
    rc = rc != AL_OK ? rc : al_buf_add(to, time, sizeof(time));
    rc = rc != AL_OK ? rc : put_text(to, s->path, s->path_len);
    rc = rc != AL_OK ? rc : put_text(to, s->text, s->text_len);
    s->changed = false;
    return rc;
}

int
tally_print(struct tally *t, uint8_t kind, uint8_t sample_kind, bool all, struct al_buf *to)
{
    uint64_t *numbers[NUMBERS_MAX];
    size_t count = numbers_of(t, numbers);
    int rc = AL_OK;

    if (all || t->changed) {
        rc = al_buf_add(to, &kind, 1);
        rc = rc != AL_OK ? rc : al_buf_add_varint(to, count);
        for (size_t i = 0; i < count && rc == AL_OK; i++) {
            rc = al_buf_add_varint(to, *numbers[i]);
        }
        rc = rc != AL_OK ? rc : put_text(to, t->filespace, strlen(t->filespace));
        rc = rc != AL_OK ? rc : put_text(to, t->filespace_uuid, strlen(t->filespace_uuid));
        t->changed = false;
    }
    for (size_t i = 0; i < TALLY_SAMPLES_MAX && rc == AL_OK; i++) {
        struct tally_sample *s = &t->samples[i / AUDITLOG_SAMPLES][i % AUDITLOG_SAMPLES];

        if (s->number != 0 && (all || s->changed)) {
            rc = print_sample(s, i % AUDITLOG_SAMPLES, sample_kind, to);
        }
    }
    return rc;
}

int
tally_take(struct tally *t, struct al_span *io)
{
    uint64_t *numbers[NUMBERS_MAX], values[NUMBERS_MAX] = {0}, count;
    size_t known = numbers_of(t, numbers);
    struct al_span name, uuid;
    int rc = al_span_varint(io, &count);

    if (rc != AL_OK || count > NUMBERS_MAX) {
        return AL_ECORRUPT;
    }
    for (size_t i = 0; i < count && rc == AL_OK; i++) {
        rc = al_span_varint(io, &values[i]);
    }
    rc = rc != AL_OK ? rc : take_text(io, TALLY_NAME_MAX - 1, &name);
    rc = rc != AL_OK ? rc : take_text(io, TALLY_NAME_MAX - 1, &uuid);
    if (rc != AL_OK) {
        return AL_ECORRUPT;
    }
    for (size_t i = 0; i < known; i++) {
        *numbers[i] = values[i] <= INT64_MAX ? values[i] : 0;
    }
    tally_name(t, t->filespace, name);
    tally_name(t, t->filespace_uuid, uuid);
    return AL_OK;
}

int
tally_take_sample(struct tally *t, struct al_span *io)
{
    struct al_span head, time, path, text;
    struct tally_sample s = {0};
    int rc = al_span_take(io, 2, &head);

    rc = rc != AL_OK ? rc : al_span_varint(io, &s.number);
    rc = rc != AL_OK ? rc : al_span_varint(io, &s.offset);
    rc = rc != AL_OK ? rc : al_span_take(io, 8, &time);
    rc = rc != AL_OK ? rc : take_text(io, TALLY_PATH_MAX, &path);
    rc = rc != AL_OK ? rc : take_text(io, AUDITLOG_SAMPLE_MAX, &text);
    if (rc != AL_OK || head.at[0] >= AUDITLOG_SKIP_COUNT || head.at[1] >= AUDITLOG_SAMPLES) {
        return AL_ECORRUPT;
    }
    s.why = (enum auditlog_skip)head.at[0];
    s.time_ns = al_get_u64(time.at) <= INT64_MAX ? (int64_t)al_get_u64(time.at) : 0;
    s.path_len = (uint16_t)path.len;
    s.text_len = (uint16_t)text.len;
    if (path.len > 0) {
        memcpy(s.path, path.at, path.len);
    }
    if (text.len > 0) {
        memcpy(s.text, text.at, text.len);
    }
    t->samples[s.why][head.at[1]] = s;
    return AL_OK;
}
