/* table.h: which numbers of event descriptors are in flight, in memory that outlives the gate
 * (memfd; agent and alto-hold keep it).
 *
 * A new gate reads here what the dead one had read but not answered. A slot's index is the number.
 * The writer is the one gate that has the reader's right; state is written last and cleared after
 * the answer. */
#ifndef ALTO_GATE_TABLE_H
#define ALTO_GATE_TABLE_H

#include <stdatomic.h>

#include "port/fan.h"

#define TABLE_MAGIC 0x31656c6261544741ull /* "AGTable1" */
/* bytes; ext4 8, XFS 12 to 24, btrfs 20 to 40. Longer ones are denied at take-over */
#define TABLE_HANDLE_MAX 40u

enum table_state {
    TABLE_FREE = 0,
    TABLE_READ = 1 /* nothing known but the number */,
    TABLE_KNOWN = 2
};

struct table_slot {
    _Atomic uint32_t state;
    int32_t mount;
    int32_t handle_type;
    uint32_t handle_len;
    uint32_t pid;
    uint32_t unused;
    uint8_t handle[TABLE_HANDLE_MAX];
};
_Static_assert(sizeof(struct table_slot) == 64, "a slot is a cache line");

/* Whether accesses are asked about too, and not opens alone. */
enum table_access {
    TABLE_OPENS = 0,
    TABLE_ACCESSES = 1 /* on all marked filesystems */,
    TABLE_MIXED = 2
};

struct table {
    uint64_t magic;
    uint64_t group;
    uint64_t access;       /* enum table_access */
    _Atomic uint64_t beat; /* the gate counts here at least once a second while it serves */
    uint64_t unused[4];
    struct table_slot slots[PORT_FAN_NUMBERS_MAX];
};

#endif
