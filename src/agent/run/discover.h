/* discover.h: one look for LucidLink filespaces, for discover.c and its test. */
#ifndef ALTO_AGENT_RUN_DISCOVER_H
#define ALTO_AGENT_RUN_DISCOVER_H

#include "agent/auditlog/filespace.h"
#include "port/ask.h"

#define DISCOVER_NS (INT64_C(30) * 1000000000) /* between two looks at the table of mounts */
#define DISCOVER_ASK_NS                                                                            \
    (INT64_C(600) *                                                                                \
     1000000000) /* and two questions to the program, where the table did not change */
#define DISCOVER_TELL_NS (INT64_C(3600) * 1000000000) /* between two records that say the same */
#define DISCOVER_CHILD_NS (INT64_C(10) * 1000000000)  /* what the program may take to answer */
#define DISCOVER_STOP_NS                                                                           \
    (INT64_C(1000) * 1000000) /* then a thread that hangs on a mount is left alone */
#define DISCOVER_TEXT_MAX 200u

struct discover_look { /* zeroed at first; lives from look to look */
    struct port *port;
    struct port_child child;
    bool (*stop)(void *ctx); /* may be NULL */
    void *ctx;
    struct al_buf program; /* where it is; empty: nowhere */
    char text[DISCOVER_TEXT_MAX];
};
void discover_look_begin(struct discover_look *l, struct port *port);
void discover_look_end(struct discover_look *l);
/* The table of mounts into f. AL_OK also where the system has none. */
int discover_mounts(struct filespaces *f) AL_MUST_CHECK;
/* What the program says, where there is one, into f. Whatever it does, text tells of it, and AL_OK is what comes; but
 * AL_ENOMEM. After one question that was not answered in time it is not asked another. */
int discover_ask(struct discover_look *l, struct filespaces *f) AL_MUST_CHECK;
/* Whether there are audit logs, at one mount. May hang with it. */
enum filespace_logs discover_logs(struct port *port, const char *path);

#endif
