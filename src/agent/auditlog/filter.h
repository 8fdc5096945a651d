/* filter.h: whose events are noise: names with '*' (any bytes) and '?' (one byte), as in a shell; ASCII case is
 * ignored. A filter is read-only once it is filled: any thread. */
#ifndef ALTO_AGENT_AUDITLOG_FILTER_H
#define ALTO_AGENT_AUDITLOG_FILTER_H

#include "base/bytes.h"

#define AUDIT_NAMES_MAX 256u      /* of one list */
#define AUDIT_NAME_BYTES_MAX 256u /* of one pattern, and of a user, host or node as it is told on */

struct audit_names { /* zeroed is empty */
    char **at;
    size_t count;
};

/* AL_ELIMIT above the limits; AL_ENOMEM. */
int audit_names_add(struct audit_names *n, const char *pattern) AL_MUST_CHECK;
void audit_names_free(struct audit_names *n);
bool audit_names_same(const struct audit_names *a, const struct audit_names *b);
bool audit_names_match(const struct audit_names *n, struct al_span name);
bool audit_name_matches(const char *pattern, struct al_span name);

/* What a volume's `audit` settings say (doc/format/protocol.md). */
#define AUDIT_SILENCE_HOURS 168u
#define AUDIT_SILENCE_HOURS_MAX 8784u /* a year */
struct audit_settings {
    char *root; /* absolute; NULL: looked for above the volume */
    bool prehydrate;
    uint32_t silence_hours;
    struct audit_names drop_users, drop_hosts, drop_nodes;
    struct audit_names logs; /* further endings of names that are logs: as they are, no patterns */
};
void audit_settings_free(struct audit_settings *s);
bool audit_settings_same(const struct audit_settings *a, const struct audit_settings *b);
/* AL_ENOMEM; *ret is empty then. */
int audit_settings_copy(const struct audit_settings *from,
                        struct audit_settings *ret) AL_MUST_CHECK;

#endif
