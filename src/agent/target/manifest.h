/* manifest.h: one line of JSON per object, append-only, on the share itself: with manifests and
 * objects alone `alto rescue` rebuilds a tree. Format: doc/format/share.md.
 *
 * Files: "manifests/<host id>/<yyyymmdd>-<start id>.jsonl"; one agent run writes one file at a
 * time, from several workers through one manifest writer, whose commit is a group commit: many
 * lines, one flush. */
#ifndef ALTO_AGENT_TARGET_MANIFEST_H
#define ALTO_AGENT_TARGET_MANIFEST_H

#include "agent/target/target.h"
#include "base/arena.h"
#include "base/text.h"
#include "port/thread.h"

struct manifest_xattr {
    struct al_span name, value;
};

/* Everything about a file that its stub cannot be trusted to keep. Spans are borrowed. */
struct manifest_record {
    const char *object_id;   /* al_id */
    const char *object_name; /* on the share */
    const char *host_id, *volume_id;
    struct al_span path; /* relative to the volume's root */
    uint64_t size;
    int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
    uint32_t mode, uid, gid;
    const char *owner, *group; /* names, NULL where unknown */
    struct al_xxh128 xxh;
    uint8_t sha256[32];
    const struct manifest_xattr *xattrs; /* all but the marker; ACLs among them */
    size_t xattr_count;
    int64_t tiered_ns;
};

/* bytes; a file with more attributes than fit is refused (AL_ELIMIT) */
#define MANIFEST_LINE_MAX (256u << 10)

/* Appends the line with its '\n'. */
int manifest_print(const struct manifest_record *r, struct al_buf *to) AL_MUST_CHECK;
/* Parses one line; everything in *ret lives in the arena. AL_ECORRUPT, AL_ELIMIT. A cut last line
 * is AL_ECORRUPT. */
int manifest_parse(struct al_span line, struct al_arena *arena, struct manifest_record *ret,
                   struct al_fail *fail) AL_MUST_CHECK;

/* The line of an object that this host put there, of the newest where there are several. Reads the
 * manifests of the days around the one in the object's id. AL_ENOENT: there is none; the share's
 * codes. Everything in *ret lives in the arena. */
int manifest_find(struct target *t, const char *host_id, const char *object_id,
                  struct al_arena *arena, struct manifest_record *ret,
                  struct al_fail *fail) AL_MUST_CHECK;

/* Every whole line that this host put there, as it is, in no order but that of each file; ends with
 * the first result of each that is not AL_OK. No manifests: AL_OK. The share's codes. */
int manifest_lines(struct target *t, const char *host_id,
                   int (*each)(void *ctx, struct al_span line), void *ctx,
                   struct al_fail *fail) AL_MUST_CHECK;
/* The object that a line names, without parsing all of it. False: none that can be seen. */
bool manifest_object_of(struct al_span line, char ret[AL_ID_LEN + 1]);

struct manifest_writer;
/* Owns its own target (a connection of its own) but starts no thread: whoever comes first writes
 * for all who wait. Any thread may commit. */
int manifest_writer_open(struct port *port, const struct target_conf *conf, const char *host_id,
                         struct manifest_writer **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Returns when the line is durable on the share, or with the error that says it is not known to
 * be. */
int manifest_commit(struct manifest_writer *w, const struct manifest_record *r,
                    struct al_fail *fail) AL_MUST_CHECK;
struct manifest_writer *manifest_writer_close(struct manifest_writer *w);

#endif
