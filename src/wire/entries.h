/* entries.h: what a walk found, packed for the way to the server. Written by agent/walk, read by
 * server/inventory.
 *
 * A batch: "ALE1", varint count of records, then records; the whole zstd-compressed on the wire
 * (entries_pack / entries_unpack).
 *   folder  0x01, varint id (from 1, per scan), varint parent id (0 for the root), varint flags
 *           (ENTRY_UNREADABLE), name
 *   entry   0x02, varint folder id, byte type (enum port_type), varint flags, name, varints: mode,
 *           uid, gid, nlink (0: unknown), ino, size, allocated, zig-zag varints: mtime, ctime, atime, btime (ns;
 *           btime 0: unknown)
 *   owner   0x03, varint uid, name: how the host calls this user; optional, once per uid and scan,
 *           anywhere in it
 *   name    varint length, bytes
 * A folder record comes before any entry that names its id, in the same batch or an earlier one; a
 * second record of the same folder adds its flags (for a listing that failed half-way). A folder
 * has an entry record in its parent too; one that never gets a folder record counts as not listed,
 * as if ENTRY_UNREADABLE. The root's folder record has parent 0 and an empty name; every other name
 * has 1 to ENTRIES_NAME_MAX bytes, no NUL, no '/', and is neither "." nor "..". Sizes are bytes,
 * times ns since 1970 UTC. The reader trusts nothing: every length and id is checked. One thread at
 * a time. */
#ifndef ALTO_WIRE_ENTRIES_H
#define ALTO_WIRE_ENTRIES_H

#include "base/bytes.h"

#define ENTRIES_PLAIN_MAX (16u << 20) /* bytes of a batch before compression */
#define ENTRIES_BATCH_RECORDS 65536u  /* what a writer puts into one batch at most */
#define ENTRIES_NAME_MAX 4096u

enum entry_flag {
    ENTRY_UNREADABLE = 1, /* a folder that could not be listed: what was known below it stays */
    ENTRY_STUB = 2,       /* carries the marker's attribute, whatever is in it */
    ENTRY_MOUNT = 4,      /* another filesystem is mounted here; not descended */
    /* with ENTRY_UNREADABLE, for who does not know it: a folder that was left alone, since nothing changed in
     * it. What was known there and below stays, and nothing of it counts as unreadable */
    ENTRY_UNCHANGED = 8
};
/* Above the flags lie the attributes of the file: flags = enum entry_flag | enum port_attr <<
 * ENTRY_ATTRS_SHIFT. */
#define ENTRY_ATTRS_SHIFT 8
#define ENTRY_FLAGS_MASK 0xffu

struct entry_record {
    bool is_folder_record; /* folder: id, parent, flags, name; else all but parent */
    bool is_owner_record;  /* only uid and name */
    uint64_t folder;       /* folder record: its own id; entry: the folder it lies in */
    uint64_t parent;
    uint8_t type;
    uint32_t flags;
    struct al_span name; /* borrowed from the batch when read */
    uint32_t mode, uid, gid, nlink;
    uint64_t ino, size, allocated;
    int64_t mtime_ns, ctime_ns, atime_ns, btime_ns;
};

/* Appends one record to a batch body under way (without magic and count). AL_ELIMIT when it would
 * pass ENTRIES_PLAIN_MAX: send first. */
int entries_add(struct al_buf *body, const struct entry_record *r) AL_MUST_CHECK;
/* Magic, count, body, compressed. */
int entries_pack(const struct al_buf *body, uint64_t count, struct al_buf *out) AL_MUST_CHECK;

struct entries_reader {
    struct al_span left;
    uint64_t count;
};
/* Uncompresses into plain and starts the reader over it. AL_ECORRUPT, AL_ELIMIT. */
int entries_unpack(struct al_span packed, struct al_buf *plain,
                   struct entries_reader *ret) AL_MUST_CHECK;
/* *ret_end true when all were read; AL_ECORRUPT for a bad record or bytes left over. */
int entries_next(struct entries_reader *r, struct entry_record *ret, bool *ret_end) AL_MUST_CHECK;

#endif
