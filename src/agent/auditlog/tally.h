/* tally.h: what became of lines since the volume is followed, and what the filespace is called: durable with the cursors,
 * in one frame with them, so that a line is counted once however often an agent dies or settings change. Pure. One
 * thread at a time. */
#ifndef ALTO_AGENT_AUDITLOG_TALLY_H
#define ALTO_AGENT_AUDITLOG_TALLY_H

#include "agent/auditlog/digest.h"
#include "agent/auditlog/parse.h"

#define TALLY_NAME_MAX 256u /* bytes, with the NUL: longer names of filespaces are not kept */
#define TALLY_PATH_MAX 512u /* bytes of a log's path from .lucid_audit; of a longer one its end */
#define TALLY_SAMPLES_MAX (AUDITLOG_SKIP_COUNT * AUDITLOG_SAMPLES)

struct tally_sample { /* a line that was passed over; number 0: none */
    uint64_t number;  /* as auditlog_sample has it */
    uint64_t offset;  /* of the line in its log, bytes */
    int64_t time_ns;  /* when it was passed over, wall clock */
    enum auditlog_skip why;
    uint16_t path_len, text_len;
    bool changed; /* since it was last printed */
    uint8_t path[TALLY_PATH_MAX];
    uint8_t text[AUDITLOG_SAMPLE_MAX];
};
struct tally { /* zeroed: nothing is known */
    struct auditlog_counts lines;
    struct digest_counts events;
    char filespace[TALLY_NAME_MAX], filespace_uuid[TALLY_NAME_MAX];     /* "" unknown */
    struct tally_sample samples[AUDITLOG_SKIP_COUNT][AUDITLOG_SAMPLES]; /* the latest of each */
    bool changed; /* all but the samples, since it was last printed */
};

void tally_count(struct tally *t, const struct auditlog_counts *lines,
                 const struct digest_counts *events);
/* Whether it is one that differs from what is known: neither is empty, and it is not too long. */
bool tally_differs(const char known[TALLY_NAME_MAX], struct al_span name);
/* A name that differs: a long or an empty one is passed over. */
void tally_name(struct tally *t, char to[TALLY_NAME_MAX], struct al_span name);
/* A sample of the parser's, of the log at that path. base: where its piece begins in the log. */
void tally_sample(struct tally *t, const struct auditlog_sample *s, struct al_span path,
                  uint64_t base, int64_t now_ns);
/* Those that there are, the latest first; *to has TALLY_SAMPLES_MAX places. Returns how many. */
size_t tally_latest(const struct tally *t, const struct tally_sample **to);

/* Entries for a file of cursors, each with its kind before it: what changed, or all. AL_ELIMIT and AL_ENOMEM of the buffer. */
int tally_print(struct tally *t, uint8_t kind, uint8_t sample_kind, bool all,
                struct al_buf *to) AL_MUST_CHECK;
/* What stands behind a kind. AL_ECORRUPT: nothing of it is taken. */
int tally_take(struct tally *t, struct al_span *io) AL_MUST_CHECK;
int tally_take_sample(struct tally *t, struct al_span *io) AL_MUST_CHECK;

#endif
