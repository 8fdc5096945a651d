/* event.h: what a line of a LucidLink audit log tells. Facts: LucidLink's "Audit Trail for
 * filespaces" (support article 31125255979533) and the reader that LucidLink publishes; no raw log of
 * a current client was seen, so everything but three members may be missing. */
#ifndef ALTO_AGENT_AUDITLOG_EVENT_H
#define ALTO_AGENT_AUDITLOG_EVENT_H

#include "base/bytes.h"

/* operation.action: the name, and what it is called here. Case counts. */
#define AUDITLOG_ACTIONS(X)                                                                        \
    X(AUDITLOG_READ, "FileRead")                                                                   \
    X(AUDITLOG_WRITE, "FileWritten")                                                               \
    X(AUDITLOG_CREATE, "FileCreate")                                                               \
    X(AUDITLOG_DELETE, "FileDelete")                                                               \
    X(AUDITLOG_MOVE, "Move")                                                                       \
    X(AUDITLOG_FOLDER_CREATE, "DirectoryCreate")                                                   \
    X(AUDITLOG_FOLDER_DELETE, "DirectoryDelete")                                                   \
    X(AUDITLOG_LINK_CREATE, "SymlinkCreate")                                                       \
    X(AUDITLOG_XATTR_SET, "ExtendedAttributeSet")                                                  \
    X(AUDITLOG_XATTR_DELETE, "ExtendedAttributeDelete")                                            \
    X(AUDITLOG_PIN, "Pin")                                                                         \
    X(AUDITLOG_UNPIN, "Unpin")                                                                     \
    X(AUDITLOG_PREHYDRATE, "PreHydrate")                                                           \
    X(AUDITLOG_OTHER, "") /* a name that is new to us: it counts as a use */

enum auditlog_action {
#define AUDITLOG_ENUM(action, name) action,
    AUDITLOG_ACTIONS(AUDITLOG_ENUM)
#undef AUDITLOG_ENUM
        AUDITLOG_ACTION_COUNT
};

struct auditlog_event {
    int64_t time_ns; /* since 1970, by the clock of the client that wrote it: may be wrong */
    enum auditlog_action action;
    struct al_span name;   /* of the action, as written */
    struct al_span path;   /* from the filespace's root: "/a/b"; bytes, no NUL, no "." or ".." */
    struct al_span target; /* of a move; .at NULL: none, or none that is a path */
    struct al_span user, host, node, file_id; /* .at NULL: not told. Texts, or numbers as written */
    struct al_span filespace, filespace_uuid;
    /* The client's folder right below .lucid_audit, of whose log it is a line: set by who follows logs. */
    struct al_span folder;
};

/* Why a line tells nothing. */
#define AUDITLOG_SKIPS(X)                                                                          \
    X(AUDITLOG_SKIP_JUNK, "no JSON object")                                                        \
    X(AUDITLOG_SKIP_TIME, "no timestamp, or one before 2000")                                      \
    X(AUDITLOG_SKIP_ACTION, "no operation.action")                                                 \
    X(AUDITLOG_SKIP_PATH, "no operation.entryPath that is a path")                                 \
    X(AUDITLOG_SKIP_LONG, "longer than 1 MiB")                                                     \
    X(AUDITLOG_SKIP_OWN, "about the audit logs themselves")

enum auditlog_skip {
#define AUDITLOG_ENUM(skip, text) skip,
    AUDITLOG_SKIPS(AUDITLOG_ENUM)
#undef AUDITLOG_ENUM
        AUDITLOG_SKIP_COUNT
};
const char *auditlog_skip_text(enum auditlog_skip why);
enum auditlog_action auditlog_action_of(struct al_span name);

#endif
