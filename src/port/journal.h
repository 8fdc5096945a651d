/* journal.h: a filesystem's own record of what changed on it: the USN journal of NTFS and ReFS. AL_ENOTSUP
 * on Linux, under Wine, and where a volume has none.
 *
 * Places in it (USNs) only grow. It holds the last so many bytes: what is older than `first` is gone, and a
 * journal that was deleted and made anew has another id. Reading needs a handle of the volume, so an
 * administrator or SeManageVolumePrivilege (to be confirmed on a real host). One thread at a time. */
#ifndef ALTO_PORT_JOURNAL_H
#define ALTO_PORT_JOURNAL_H

#include "port/port.h"

struct port_journal;

struct port_journal_state {
    uint64_t id;
    int64_t first, next; /* the oldest place there is, and the one after the newest */
};

/* Of the volume that `on_fs` lies on. AL_EACCES; AL_ENOTSUP. */
int port_journal_open(struct port *p, struct port_file *on_fs,
                      struct port_journal **ret) AL_MUST_CHECK;
struct port_journal *port_journal_close(struct port_journal *j); /* NULL is fine; returns NULL */
/* AL_ENOTSUP: it is not switched on, or is being deleted. */
int port_journal_state(struct port_journal *j, struct port_journal_state *ret) AL_MUST_CHECK;

/* The handle of the file with this id (version 2 of a record: 8 bytes, zero-padded) on on_fs's volume. */
int port_journal_handle(struct port_file *on_fs, const uint8_t id[16],
                        struct port_handle *ret) AL_MUST_CHECK;

#define PORT_JOURNAL_BYTES 65536u /* for a read */
/* What was written from place `from` on, as READ_USN_JOURNAL gives it: 8 bytes that are the next place,
 * then whole records (agent/walk/usn.h takes them apart). *ret_len 8: nothing more yet. AL_ECHANGED: it is not
 * the journal `id`, or `from` is gone. */
int port_journal_read(struct port_journal *j, uint64_t id, int64_t from, void *to, size_t cap,
                      size_t *ret_len) AL_MUST_CHECK;

#endif
