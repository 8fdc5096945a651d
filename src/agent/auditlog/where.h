/* where.h: paths as logs tell them, from the filespace's root. Any thread. */
#ifndef ALTO_AGENT_AUDITLOG_WHERE_H
#define ALTO_AGENT_AUDITLOG_WHERE_H

#include "base/bytes.h"

/* Begins with a slash; no empty parts, "." or "..". A slash at its end is an empty part. */
bool where_is_sound(struct al_span path);
/* One of the logs themselves; of a sound path. */
bool where_is_own(struct al_span path);

#endif
