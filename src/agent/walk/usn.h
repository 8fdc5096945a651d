/* usn.h: what changed on a volume since the last walk, from its USN journal: which folders are to be
 * listed anew.
 *
 *   usn_changes (NULL: place of now, kept) ── full walk ──▶ ... later: usn_changes(place) ──▶ folders, new place
 *                                                                                 └─▶ "walk it all": any doubt
 *
 * The journal tells names, sizes and times that changed, and never that a file was read: who wants access
 * times walks it all now and then. Of a file with several names the change stands in the folder of the one that
 * was used; a name given or taken changes the file under all others too. */
#ifndef ALTO_AGENT_WALK_USN_H
#define ALTO_AGENT_WALK_USN_H

#include "base/bytes.h"
#include "port/journal.h"

#define USN_FOLDERS_MAX 100000u /* that changed; with more a full walk is quicker anyway */
#define USN_READS_MAX 65536u    /* of PORT_JOURNAL_BYTES: 4 GiB of journal; then a full walk */
#define USN_PLACE_BYTES 24u

/* ---- records, a pure function ---- */
enum usn_reason { /* winioctl.h USN_REASON_; those that matter here */
                  USN_CREATED = 0x100,
                  USN_DELETED = 0x200,
                  USN_SECURITY_CHANGED = 0x800,
                  USN_RENAMED_FROM = 0x1000,
                  USN_RENAMED_TO = 0x2000,
                  USN_LINKS_CHANGED = 0x10000,
                  USN_REPARSE_CHANGED = 0x100000,
                  USN_CLOSED = 0x80000000
};

struct usn_record {
    uint8_t id[16], parent[16]; /* version 2: 8 bytes, zero-padded */
    int64_t usn, time_ns;
    uint32_t reasons;    /* all since the file was opened first, until USN_CLOSED */
    uint32_t attributes; /* Win32's */
    struct al_span name; /* UTF-16, little-endian; borrowed */
};

/* Takes apart what port_journal_read gave: *ret_next is the place to read on from. Stops with the first
 * result of `each` that is not AL_OK. AL_ECORRUPT: a record that does not lie within the bytes, or with a name
 * outside of it; AL_ENOTSUP: a version other than 2 and 3. Any thread. */
int usn_decode(struct al_span bytes, int64_t *ret_next,
               int (*each)(void *ctx, const struct usn_record *r), void *ctx) AL_MUST_CHECK;

/* ---- places ---- */
struct usn_place { /* up to where a walk knows a volume */
    uint64_t journal;
    int64_t next;
    uint32_t serial; /* of the volume */
};
void usn_place_encode(const struct usn_place *place, uint8_t to[USN_PLACE_BYTES]);
/* AL_ECORRUPT: none of ours. */
int usn_place_decode(struct al_span bytes, struct usn_place *ret) AL_MUST_CHECK;

/* ---- changes ---- */
struct usn_folder {
    uint8_t id[16];
    /* made, moved here, or its reparse point or rights changed: what is below may not be known by this path */
    bool whole;
    bool
        file; /* none, but a file that got or lost a name: the folder of one that is left is to be listed */
};

struct usn_changes {
    struct usn_folder *folders; /* by id, each once */
    size_t count;
    /* NULL, or why nothing is known and all is to be walked: a constant sentence for the log */
    const char *full;
    struct usn_place place; /* from here on the next time, once the walk is done */
};

/* How a journal is read; port_journal's calls, or a test's. */
struct usn_source {
    int (*state)(void *ctx, struct port_journal_state *ret);
    int (*read)(void *ctx, uint64_t id, int64_t from, void *to, size_t cap, size_t *ret_len);
    /* Appends where a folder or file lies now, from the volume's root, "" the root itself. AL_ENOENT: it is gone, or not
     * below the root; AL_EACCES: nobody lets us look. */
    int (*place)(void *ctx, const uint8_t id[16], struct al_buf *path);
    void *ctx;
};

/* What changed since `since` (NULL: nothing is known yet). Whatever is missing or odd, wrapped, made anew,
 * of another volume, damaged, too much, is `full`, with the place of now; so AL_OK unless memory is out.
 * source NULL: there is no journal; then place is all zero. *ret: usn_changes_free it. */
int usn_changes(const struct usn_source *source, uint32_t serial, const struct usn_place *since,
                struct usn_changes *ret) AL_MUST_CHECK;
void usn_changes_free(struct usn_changes *c);

/* A source of an open journal, of the volume that root lies on; lent. */
struct usn_volume {
    struct port *port;
    struct port_file *root;
    struct port_journal *journal;
};
struct usn_source usn_source_of(struct usn_volume *v);

#endif
