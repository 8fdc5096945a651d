/* line.h: one line of an audit log into an event. parse.c knows where lines begin and end. */
#ifndef ALTO_AGENT_AUDITLOG_LINE_H
#define ALTO_AGENT_AUDITLOG_LINE_H

#include "agent/auditlog/event.h"
#include "agent/auditlog/scan.h"

#define LINE_HEAD_MAX 64u /* bytes of a shape's parts; longer ones are not expected again */
#define LINE_MIDDLE_MAX 1024u
#define LINE_TAIL_MAX 64u

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

/* How the line before looked:  HEAD digits MIDDLE action TAIL path ... Where the next one is the same
 * but for what stands between, its texts lie at the same places in MIDDLE. */
struct line_shape {
    bool known;
    uint16_t head_len, middle_len, tail_len;
    uint8_t head[LINE_HEAD_MAX], middle[LINE_MIDDLE_MAX], tail[LINE_TAIL_MAX];
    struct {
        uint16_t at, len; /* in middle */
        bool set;
    } text[LINE_TEXTS];
};

struct line_reader { /* zeroed by line_reader_begin */
    struct line_shape shape;
    bool guess;            /* shapes are looked for: always, but in a test that compares */
    struct al_buf scratch; /* texts without their escapes */
    size_t piece_len;
};

void line_reader_begin(struct line_reader *r);
void line_reader_end(struct line_reader *r);
void line_reader_forget(struct line_reader *r); /* the shape */
/* A piece begins: what earlier events lent from here is over. False: no memory. */
bool line_reader_room(struct line_reader *r, struct al_span piece);
/* False: it tells nothing, and why. Spans are lent from the line and the reader. The line lies in the
 * piece of line_reader_room, each once. */
bool line_read(struct line_reader *r, struct al_span line, struct auditlog_event *ret,
               enum auditlog_skip *ret_why);

#endif
