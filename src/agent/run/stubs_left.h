/* stubs_left.h: before the agent goes for good: how many stubs would be left that nobody can read any
 * more, as the server knows them, and their recall. Nothing is deleted by it. One thread. */
#ifndef ALTO_AGENT_RUN_STUBS_LEFT_H
#define ALTO_AGENT_RUN_STUBS_LEFT_H

#include "agent/link/identity.h"

#define STUBS_LEFT_LOOK_NS 5000000000 /* between two questions while files come back */
/* without one file coming back for so long it ends and says how many are left */
#define STUBS_LEFT_PATIENCE_NS 1800000000000

struct stubs_left {
    bool known; /* false: the server was not reached, or this host is not enrolled */
    uint64_t files, bytes;
    char text[256]; /* why it is not known */
};
/* Asks the server, within seconds. */
void stubs_left_ask(const char *state_path, struct stubs_left *ret);
/* Tells on standard output how many are left. AL_OK: none, or leave, or all came back (recall_first).
 * AL_ECONFLICT: some are, or nobody knows, and neither was said; fail tells what to say. AL_ETIMEDOUT:
 * they do not come back. */
int stubs_left_settle(const char *state_path, bool recall_first, bool leave,
                      struct al_fail *fail) AL_MUST_CHECK;

#endif
