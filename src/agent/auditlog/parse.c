#include "agent/auditlog/parse.h"

#include <string.h>

#include "agent/auditlog/line.h"
#include "base/mem.h"

static const uint8_t mark[] = {0xef, 0xbb, 0xbf};

struct auditlog_parser {
    struct line_reader lines;
    struct auditlog_counts counts;
    const uint8_t *piece; /* the one that is being parsed */
    struct auditlog_sample samples[AUDITLOG_SKIP_COUNT][AUDITLOG_SAMPLES], none;
    const struct auditlog_sample *last;
    bool long_line; /* what comes is of a line that was too long */
};

int
auditlog_parser_new(struct auditlog_parser **ret)
{
    struct auditlog_parser *p = al_zalloc(sizeof(*p));

    if (p == NULL) {
        return AL_ENOMEM;
    }
    line_reader_begin(&p->lines);
    p->last = &p->none;
    *ret = p;
    return AL_OK;
}

struct auditlog_parser *
auditlog_parser_free(struct auditlog_parser *p)
{
    if (p != NULL) {
        line_reader_end(&p->lines);
        al_free(p);
    }
    return NULL;
}

void
auditlog_parser_freep(struct auditlog_parser **p)
{
    *p = auditlog_parser_free(*p);
}

void
auditlog_parser_begin(struct auditlog_parser *p, bool long_line)
{
    line_reader_forget(&p->lines);
    p->long_line = long_line;
}

bool
auditlog_in_long_line(const struct auditlog_parser *p)
{
    return p->long_line;
}

const struct auditlog_counts *
auditlog_counts(const struct auditlog_parser *p)
{
    return &p->counts;
}

const struct auditlog_sample *
auditlog_sample(const struct auditlog_parser *p)
{
    return p->last;
}

const struct auditlog_sample *
auditlog_samples(const struct auditlog_parser *p, enum auditlog_skip why)
{
    return p->samples[why];
}

uint64_t
auditlog_skipped(const struct auditlog_counts *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < AUDITLOG_SKIP_COUNT; i++) {
        sum += c->skipped[i];
    }
    return sum;
}

void
auditlog_resume(struct auditlog_parser *p, const struct auditlog_counts *counts)
{
    uint64_t all = auditlog_skipped(counts);

    p->counts = *counts;
    for (size_t i = 0; i < AUDITLOG_SKIP_COUNT; i++) {
        for (size_t k = 0; k < AUDITLOG_SAMPLES; k++) {
            if (p->samples[i][k].number > all) { /* its number will be another's */
                p->samples[i][k].number = 0;
            }
        }
    }
}

static void
skip(struct auditlog_parser *p, enum auditlog_skip why, struct al_span line)
{
    uint8_t slot = (uint8_t)(p->counts.skipped[why] % AUDITLOG_SAMPLES);
    struct auditlog_sample *s = &p->samples[why][slot];

    p->counts.lines++;
    p->counts.skipped[why]++;
    if (why != AUDITLOG_SKIP_OWN) {
        s->number = auditlog_skipped(&p->counts);
        s->at = (size_t)(line.at - p->piece);
        s->why = why;
        s->slot = slot;
        s->len = line.len < AUDITLOG_SAMPLE_MAX ? line.len : AUDITLOG_SAMPLE_MAX;
        memcpy(s->text, line.at, s->len);
        p->last = s;
    }
}

static bool
is_blank(struct al_span line)
{
    struct scan s = {line.at, line.at + line.len};

    return (line.len == 0 || line.at[0] <= ' ') && (scan_blank(&s), s.at == s.end);
}

/* The next line, and how many bytes it takes. False: there is none yet. */
static bool
next_line(struct auditlog_parser *p, struct al_span piece, unsigned what, struct al_span *ret_line,
          size_t *ret_len)
{
    const uint8_t *end = memchr(piece.at, '\n', piece.len);
    size_t len = end != NULL ? (size_t)(end - piece.at) : piece.len;

    *ret_line = (struct al_span){piece.at, len};
    *ret_len = len + (end != NULL);
    if (end != NULL) {
        return piece.at[0] != 0 || (what & AUDITLOG_SETTLED) != 0;
    }
    if ((what & AUDITLOG_SETTLED) != 0) {
        return true;
    }
    /* Without an end: too long, or not all there yet. */
    if ((len <= AUDITLOG_LINE_MAX && !p->long_line) || memchr(piece.at, 0, len) != NULL) {
        return false;
    }
    if (!p->long_line) {
        skip(p, AUDITLOG_SKIP_LONG, *ret_line);
        p->long_line = true;
    }
    ret_line->len = 0; /* all of it is done with, and tells nothing */
    return true;
}

static void
took(struct auditlog_parser *p, const struct auditlog_event *e)
{
    p->counts.lines++;
    p->counts.events++;
    p->counts.other += e->action == AUDITLOG_OTHER;
}

/* One line. False: it has holes that may be filled yet. */
static bool
take_line(struct auditlog_parser *p, struct al_span line, unsigned what, struct auditlog_event *e,
          size_t *io_count)
{
    enum auditlog_skip why = AUDITLOG_SKIP_LONG;

    if (is_blank(line)) {
        return true;
    }
    if (line.len <= AUDITLOG_LINE_MAX && line_read(&p->lines, line, e, &why)) {
        took(p, e);
        ++*io_count;
        return true;
    }
    if (why == AUDITLOG_SKIP_JUNK && (what & AUDITLOG_SETTLED) == 0 &&
        memchr(line.at, 0, line.len) != NULL) {
        return false;
    }
    skip(p, why, line);
    return true;
}

int
auditlog_parse(struct auditlog_parser *p, struct al_span piece, unsigned what,
               struct auditlog_event *events, size_t max, size_t *ret_count, size_t *ret_used)
{
    struct al_span left = piece, line;
    size_t count = 0, len;

    if (!line_reader_room(&p->lines, piece)) {
        return AL_ENOMEM;
    }
    p->piece = piece.at;
    if ((what & AUDITLOG_BEGIN) != 0 && left.len >= sizeof(mark) &&
        memcmp(left.at, mark, sizeof(mark)) == 0) {
        left.at += sizeof(mark);
        left.len -= sizeof(mark);
    }
    while (left.len > 0 && count < max) {
        if (!p->long_line && line_ahead(&p->lines, left, &events[count], &len)) {
            took(p, &events[count++]);
        } else if (!next_line(p, left, what, &line, &len)) {
            break;
        } else if (p->long_line) {
            /* Its rest; whether it ends here, the last byte says. */
            p->long_line = left.at[len - 1] != '\n' && (what & AUDITLOG_SETTLED) == 0;
        } else if (!take_line(p, line, what, &events[count], &count)) {
            break;
        }
        left.at += len;
        left.len -= len;
    }
    *ret_count = count;
    *ret_used = piece.len - left.len;
    return AL_OK;
}
