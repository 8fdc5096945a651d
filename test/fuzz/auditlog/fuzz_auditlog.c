/* Pieces of audit logs: in one go and in two the events are the same, each line tells what a general JSON library says, and what is told
 * of a line in one look, by those before it, is what reading it member by member tells. */
#include <stdlib.h>

#include "agent/auditlog/parse.h"
#include "lib/auditlog_reference.h"

#define EVENTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint64_t events, hash;
    size_t used;
};

static void
mix(struct told *t, struct al_span s)
{
    for (size_t i = 0; s.at != NULL && i < s.len; i++) {
        t->hash = (t->hash ^ s.at[i]) * 1099511628211u;
    }
    t->hash = (t->hash ^ 256) * 1099511628211u;
}

static void
give(struct auditlog_parser *p, struct al_span piece, unsigned what, struct told *t)
{
    struct auditlog_event e[EVENTS];
    size_t count = EVENTS, used;

    while (count == EVENTS) {
        if (auditlog_parse(p, piece, what, e, EVENTS, &count, &used) != AL_OK || used > piece.len) {
            abort();
        }
        for (size_t i = 0; i < count; i++) {
            t->events++;
            mix(t, e[i].path);
            mix(t, e[i].target);
            mix(t, e[i].user);
            mix(t, (struct al_span){(const uint8_t *)&e[i].time_ns, sizeof(e[i].time_ns)});
        }
        t->used += used;
        piece.at += used;
        piece.len -= used;
        what &= ~AUDITLOG_BEGIN;
    }
}

static void
in_pieces(struct al_span all, size_t cut, unsigned last, struct told *t)
{
    AL_CLEANUP(auditlog_parser_freep) struct auditlog_parser *p = NULL;

    *t = (struct told){.hash = 14695981039346656037u};
    if (auditlog_parser_new(&p) != AL_OK) {
        abort();
    }
    give(p, (struct al_span){all.at, cut}, 0, t);
    give(p, (struct al_span){all.at + t->used, all.len - t->used}, last, t);
}

static bool
ahead_differs(struct line_reader *r, struct line_reader *plain, struct al_span left, size_t len)
{
    struct auditlog_event x = {0}, y = {0};
    enum auditlog_skip why;
    size_t told;

    if (!line_ahead(r, left, &x, &told)) {
        return false;
    }
    return told != len + 1 || !line_reader_room(plain, (struct al_span){left.at, len}) ||
           !line_read(plain, (struct al_span){left.at, len}, &y, &why) || !reference_same_event(&x, &y);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line_reader r, plain;
    struct told whole, cut;
    const uint8_t *at = data, *end = data + size;

    if (size == 0) {
        return 0;
    }
    in_pieces((struct al_span){data, size}, 0, AUDITLOG_SETTLED, &whole);
    in_pieces((struct al_span){data, size}, data[0] * size / 256, AUDITLOG_SETTLED, &cut);
    if (whole.events != cut.events || whole.hash != cut.hash || whole.used != size || cut.used != size) {
        abort();
    }
    line_reader_begin(&r);
    line_reader_begin(&plain);
    plain.guess = false;
    while (at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop != NULL ? stop : end) - at);

        if (ahead_differs(&r, &plain, (struct al_span){at, (size_t)(end - at)}, len) || !line_reader_room(&r, (struct al_span){at, len}) || reference_differs(&r, at, len) != NULL) {
            abort();
        }
        at += len + (stop != NULL);
    }
    line_reader_end(&r);
    line_reader_end(&plain);
    return 0;
}
