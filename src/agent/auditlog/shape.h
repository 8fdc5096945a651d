/* shape.h: lines of one client look alike. How a line looked that was read member by member, and
 * another one that is the same but for time, action, path and one text behind it: of such a line
 * only these are looked at, the rest is compared. Where bytes outside of strings are equal, the JSON
 * is, so what a line tells is the same as if it were read member by member (test_equal.c, fuzz_auditlog). */
#ifndef ALTO_AGENT_AUDITLOG_SHAPE_H
#define ALTO_AGENT_AUDITLOG_SHAPE_H

#include "agent/auditlog/event.h"
#include "agent/auditlog/scan.h"

#define SHAPE_HEAD_MAX 64u /* bytes of a shape's parts; longer ones are not expected again */
#define SHAPE_MIDDLE_MAX 1024u
#define SHAPE_TAIL_MAX 64u
#define SHAPE_MISSED_MAX 4u /* lines that end otherwise, before the end is learned anew */

/* Texts of a line, as they lie there. */
enum line_text {
    LINE_USER,
    LINE_HOST,
    LINE_NODE,
    LINE_FILESPACE,
    LINE_FILESPACE_UUID,
    LINE_TARGET,
    LINE_FILE_ID,
    LINE_ACTION,
    LINE_PATH,
    LINE_TEXTS
};

/* What a line holds, or the line up to a place in it. */
struct line_draft {
    const uint8_t *line;
    struct al_span time; /* .at NULL: none */
    bool time_is_number;
    struct scan_text text[LINE_TEXTS]; /* .raw.at NULL: none */
};

struct shape_part {
    uint16_t len;
    uint8_t at[SHAPE_TAIL_MAX];
};
/*  HEAD digits MIDDLE action TAIL path                    known
 *                                     AFTER text END \n   whole
 *                                     END \n              whole, last is LINE_TEXTS
 * Texts before the action lie at the same places in MIDDLE. Zeroed: nothing is known. */
struct line_shape {
    bool known, whole;
    uint8_t missed; /* lines since one was as expected to its end */
    enum line_text last;
    uint16_t middle_len;
    uint8_t middle[SHAPE_MIDDLE_MAX];
    struct shape_part head, tail, after, end;
    struct {
        uint16_t at, len; /* in middle */
        bool set;
    } text[LINE_TEXTS];
};

/* Keeps how a line looked, if that can be told from another line in one look. at_path: what was known
 * of it behind its path; all: of the whole line, up to `end`. */
void shape_learn(struct line_shape *to, const struct line_draft *at_path,
                 const struct line_draft *all, const uint8_t *end);
/* The line up to behind its path. False: it is another one, and nothing is known of it. */
bool shape_match(const struct line_shape *shape, struct scan *s, struct line_draft *ret);
/* The line that `piece` begins with, to its end: it tells an event, whose spans are lent from there.
 * False: it may be any other line, and *ret is anything. *ret_len: with its newline. Of one with a newline
 * alone, at most AUDITLOG_LINE_MAX long. */
bool shape_event(struct line_shape *shape, struct al_span piece, struct auditlog_event *ret,
                 size_t *ret_len);

#endif
