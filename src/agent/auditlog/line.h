/* line.h: one line of an audit log into an event. parse.c knows where lines begin and end; shape.h, how
 * the lines before looked. */
#ifndef ALTO_AGENT_AUDITLOG_LINE_H
#define ALTO_AGENT_AUDITLOG_LINE_H

#include "agent/auditlog/event.h"
#include "agent/auditlog/shape.h"

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
/* The line that `piece` begins with, if it looks as those before did and tells an event; see
 * shape_event. */
bool line_ahead(struct line_reader *r, struct al_span piece, struct auditlog_event *ret,
                size_t *ret_len);
/* False: it tells nothing, and why. Spans are lent from the line and the reader. The line lies in the
 * piece of line_reader_room, each once. */
bool line_read(struct line_reader *r, struct al_span line, struct auditlog_event *ret,
               enum auditlog_skip *ret_why);

#endif
