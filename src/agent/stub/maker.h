/* maker.h: the seam to who makes stubs beside the files they stand for: a filter driver's stub is
 * made by name, of an empty file of our own, and then takes a file's place (agent/mover/swap.h).
 * What a driver does to a file that holds somebody's data is not known, so it is never given one.
 *
 * A stub carries tag data: all that a recall needs to find the object and to know every byte of it
 * again. In what form is the maker's; what it says is struct stub_tag.
 *
 * Threads: every function from any thread, several at once. Paths are absolute, with '/' between
 * parts; only files are named that lie in a folder that was opened (port_walk_to), and what a path
 * led to is held against the file there by its id. */
#ifndef ALTO_AGENT_STUB_MAKER_H
#define ALTO_AGENT_STUB_MAKER_H

#include "agent/stub/marker.h"
#include "base/hash.h"

struct stub_tag {
    uint8_t object[16];
    uint32_t share_tag; /* marker_share_tag */
    char ext[MARKER_EXT_LEN + 1];
    uint64_t size; /* at most MARKER_SIZE_MAX */
    int64_t mtime_ns;
    struct al_xxh128 content;
    uint64_t file_id; /* of the stub itself; 0: good for any, which none that others see may be */
    uint64_t volume_serial; /* 0: not known */
    unsigned piece_shift;   /* 0: no pieces */
    struct al_span pieces;  /* STUB_PIECE_BYTES each; of one that was read: borrowed */
};

enum stub_is {
    STUB_IS_NONE,    /* no stub of this driver's, whatever else it is */
    STUB_IS_OURS,    /* tag data of this volume's key, made for this very file */
    STUB_IS_COPY,    /* the same, made for another file: a restore or a copy brought it */
    STUB_IS_CHANGED, /* ours, and its file has another size than was tiered */
    STUB_IS_FOREIGN  /* the driver's, with tag data that is not of this volume's key */
};

struct stub_seen {
    enum stub_is is;
    struct stub_tag tag; /* but for NONE and FOREIGN */
    al_id object_id;     /* likewise; else "" */
    struct port_stat st; /* of the file at the path, as it was when its tag was read */
};

struct stub_maker;
struct stub_maker_ops {
    /* AL_OK: readers of stubs are answered. AL_EUNREACH: not now, so none may be made. */
    int (*ready)(struct stub_maker *m, struct al_fail *fail);
    /* How pieces of a file of this size are cut so that its tag fits: binary logarithm of their
     * bytes; 0: without. */
    unsigned (*piece_shift)(struct stub_maker *m, uint64_t size);
    /* Whether a file with this stat can be a stub at all, so that not each is opened to ask. */
    bool (*may_be)(struct stub_maker *m, const struct port_stat *st);
    /* What the file at the path is. The tag's pieces lie in bytes, which is appended to. AL_ENOENT,
     * AL_ENOMEM; AL_EIO: the driver does not say, or another was there before and after. */
    int (*look)(struct stub_maker *m, const char *path, const uint8_t key[MARKER_KEY_LEN],
                struct al_buf *bytes, struct stub_seen *ret, struct al_fail *fail);
    /* Makes a stub of the empty file at the path, which is ours and which nobody has open. attrs:
     * enum port_attr that it has afterwards besides the stub's own; times may be any then. The tag
     * is read back. AL_ECONFLICT: the file is not empty, so that nothing was done; AL_ESTALE: the
     * path leads to another file than the tag is for, before or after (then a driver that makes new
     * files has made one); AL_EUNREACH: not ready; AL_EIO, with its words: it is not known
     * what the file is now. */
    int (*make)(struct stub_maker *m, const char *path, const struct stub_tag *tag,
                const uint8_t key[MARKER_KEY_LEN], uint32_t attrs, struct al_fail *fail);
};
struct stub_maker {
    const struct stub_maker_ops *ops;
};

static inline const char *
stub_is_name(enum stub_is is) /* for people and audit */
{
    static const char *const names[] = {"no_stub", "stub", "copied_stub", "changed", "foreign"};

    return (size_t)is < AL_LEN(names) ? names[is] : "unknown";
}

#endif
