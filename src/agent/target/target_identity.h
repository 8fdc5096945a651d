/* target_identity.h: the file at a share's root that says whose it is (doc/format/share.md). Inside
 * agent/target. */
#ifndef ALTO_AGENT_TARGET_TARGET_IDENTITY_H
#define ALTO_AGENT_TARGET_TARGET_IDENTITY_H

#include "agent/target/target_kind.h"

/* AL_OK when the file names the target's customer; AL_ENOENT when there is none, AL_EFOREIGN when
 * it names somebody else or cannot be read as ours, AL_ENOTSUP when a later version of the format
 * made it. */
int target_identity_check(struct target *t, struct al_fail *fail) AL_MUST_CHECK;
/* Writes it, into an empty root only: AL_ENOTEMPTY. */
int target_identity_make(struct target *t, struct al_fail *fail) AL_MUST_CHECK;
/* Whether it could be: the root is empty. AL_ENOTEMPTY. */
int target_identity_room(struct target *t, struct al_fail *fail) AL_MUST_CHECK;

#endif
