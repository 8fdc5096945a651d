/* cursors.h: how far each log was read, durable. One file, appended to: frames of entries, each frame with its length and a
 * checksum that includes its place and a number of the file's own, so that neither a torn tail nor a block of an older
 * file passes for one. What is read ends before the first frame that does not hold; what it said is lost, and
 * those logs are read again, which is harmless. When most of the file is out of date it is written anew beside
 * the old one and takes its name.
 *
 *   head     "ALTOCUR1", u64 number
 *   frame    u32 length of the entries, u64 XXH3-64 of them seeded with (number + place in the file), entries
 *   entry    0x01 log    varint id, path of its folder, name, then as 0x02 from the offset on
 *            0x02 at     varint id, varint offset, byte flags, varint head_len, u64 head_hash
 *            0x03 gone   varint id
 *            0x04 coverage  COVERAGE_BYTES
 *            0x05 root   bytes: which filesystem the logs were on
 *            0x06 caught u64: when all that was there had been read to its end and told, last
 *            0x07 tally  varint how many numbers, varints: lines, events, other; own, named, outside, clamped, unusable;
 *                        passed over, by reason; bytes: the filespace's name, its UUID
 *            0x08 sample bytes: reason, place; varint number, varint offset, u64 time, bytes: path, the line's front
 *   path, name, bytes   varint length, bytes
 *
 * A frame is appended when what it says is durable in the spool, and synced at most every CURSORS_SYNC_NS: what a
 * power cut takes is read again. One thread. */
#ifndef ALTO_AGENT_AUDITLOG_CURSORS_H
#define ALTO_AGENT_AUDITLOG_CURSORS_H

#include "agent/auditlog/coverage.h"
#include "agent/auditlog/tally.h"
#include "agent/auditlog/tree.h"
#include "port/port.h"

#define CURSORS_FILE "cursors"
#define CURSORS_BYTES_MAX ((size_t)512 << 20)
#define CURSORS_FRAME_MAX ((size_t)1 << 20)       /* bytes of entries */
#define CURSORS_COMPACT_BYTES ((size_t)256 << 10) /* smaller ones are left alone */
#define CURSORS_SYNC_NS (INT64_C(5) * 1000000000)
#define CURSORS_MARK_NS                                                                            \
    (INT64_C(60) * 1000000000) /* between two marks of how much there is (mark.h) */

struct cursors_root {
    uint64_t fs;       /* which filesystem the logs were on; 0: none yet */
    int64_t caught_ns; /* when all was read to its end and put, last; 0: never, or not known */
    struct tally tally;
};
struct cursors;

/* Entries of one frame into the tree, the coverage and the root. files: by id, grown as needed. AL_ECORRUPT: what came before in it
 * is applied. For the loader and its fuzzer. */
struct cursors_ids {
    struct log_file **at;
    size_t count;
};
int cursors_entries(struct al_span entries, struct tree *t, struct cursors_ids *ids,
                    struct coverage *c, struct cursors_root *root) AL_MUST_CHECK;
/* A whole file's bytes; *ret_good how many hold. AL_ENOMEM. */
int cursors_parse(struct al_span bytes, struct tree *t, struct coverage *c,
                  struct cursors_root *root, size_t *ret_good) AL_MUST_CHECK;

/* Loads into an empty tree. *ret_lost: more was known than there is now; a tail of some seconds does not count. AL_EIO and other
 * file codes; AL_ENOMEM. */
int cursors_open(struct port *p, struct port_file *dir, struct tree *t, struct coverage *c,
                 struct cursors_root *root, struct cursors **ret, bool *ret_lost) AL_MUST_CHECK;
struct cursors *cursors_close(struct cursors *k); /* NULL is fine; returns NULL */
/* The cursors of these logs, and of coverage and tally what changed. On failure nothing is known to be written: all is written
 * anew with the next call. Files get LOG_WRITTEN and lose LOG_DIRTY. */
int cursors_save(struct cursors *k, struct tree *t, struct log_file **dirty, size_t count,
                 struct coverage *c, struct cursors_root *root) AL_MUST_CHECK;
/* A log is forgotten: with the next save. */
void cursors_gone(struct cursors *k, const struct log_file *f);

#endif
