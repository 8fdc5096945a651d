/* place.h: what archiving and bringing back do to the names of one folder, and how a cut archive is
 * undone (doc/adr/0056-archive-with-a-placeholder.md). One thread per struct. */
#ifndef ALTO_AGENT_MOVER_PLACE_H
#define ALTO_AGENT_MOVER_PLACE_H

#include "agent/mover/placeholder.h"
#include "agent/stub/stub.h"
#include "port/port.h"

#define PLACE_PREFIX ".alto-" /* of every name here; such files are never archived */
#define PLACE_ASIDE ".alto-aside-"
#define PLACE_NEW STUB_NEW_PREFIX
#define PLACE_BACK STUB_BACK_PREFIX
#define PLACE_RECALLED "recalled" /* words for other names */
#define PLACE_KEPT "kept"
#define PLACE_NAME_MAX                                                                             \
    256u /* bytes of a name with its NUL, on Linux and in NTFS's own count less */
#define PLACE_OTHERS_MAX 99u /* names tried where one is taken */

struct place {
    struct port *port;     /* lent, as key */
    const uint8_t *key;    /* PLACEHOLDER_KEY_LEN bytes */
    struct port_file *dir; /* place_end closes it */
    char *path;            /* NUL-terminated; name points into it */
    char name[PLACE_NAME_MAX];
    /* After a crash: a power cut may have kept a name that place_rename made and not what it holds,
     * so that an empty file counts as made by it. */
    bool healing;
};

/* Opens the folder of path, relative to root. AL_ENOENT: it is not there; AL_ENAMETOOLONG. make: it
 * is made then. */
int place_open(struct place *p, struct port *port, struct port_file *root, struct al_span path,
               const uint8_t *key, bool make, struct al_fail *fail) AL_MUST_CHECK;
void place_end(struct place *p);

/* What tells the volume's filesystem from another that may be mounted there. */
int place_fs_tag(struct port *port, struct port_file *root, struct port_handle *ret) AL_MUST_CHECK;

/* name + ".alto"; AL_ENAMETOOLONG. */
int place_holder_name(const char *name, char to[PLACE_NAME_MAX]) AL_MUST_CHECK;
/* prefix + an id of 26 letters. */
void place_own_name(const char *prefix, const char *id, char to[PLACE_NAME_MAX]);
/* "name.ext" becomes "name (word).ext", with n > 1 "name (word n).ext", cut to fit. */
void place_other_name(const char *name, const char *word, unsigned n, char to[PLACE_NAME_MAX]);

/* Renames without replacing anything: AL_EEXIST. Where the filesystem has no such rename the name
 * is made first and renamed over; a crash in between leaves a file that holds the other name, which
 * is replaced when the same is tried again. */
int place_rename(const struct place *p, const char *from, const char *to) AL_MUST_CHECK;
/* The same, to the next free of to, "to (word)", "to (word 2)" ...; got is what it became. */
int place_rename_free(const struct place *p, const char *from, const char *to, const char *word,
                      char got[PLACE_NAME_MAX]) AL_MUST_CHECK;
/* Removes what a crash in the middle of place_rename_free left. */
int place_clear(const struct place *p, const char *from, const char *to,
                const char *word) AL_MUST_CHECK;
/* Removes a name; AL_OK also when it is not there. */
int place_remove(const struct place *p, const char *name) AL_MUST_CHECK;
/* Makes the folder's names durable, where the filesystem has such a thing. */
int place_sync(const struct place *p) AL_MUST_CHECK;
/* AL_OK with *ret false: surely not there. */
int place_is_there(const struct place *p, const char *name, bool *ret) AL_MUST_CHECK;

/* AL_ENODATA: not there, or no placeholder of this volume's key. *ret lives in the arena. */
int place_read_holder(const struct place *p, const char *name, struct al_arena *arena,
                      struct placeholder *ret) AL_MUST_CHECK;
/* The same, asking alone whether it is one of this object; not there: *ret_ours false. */
int place_holder_of(const struct place *p, const char *name, const char *object_id, bool *ret_ours,
                    bool *ret_edited) AL_MUST_CHECK;
/* Removes a placeholder of this object unless it was edited; *ret_kept (may be NULL): it was, and
 * stays. Not there, or another: AL_OK. */
int place_remove_holder(const struct place *p, const char *name, const char *object_id,
                        bool *ret_kept) AL_MUST_CHECK;

/* Puts a file back that was taken aside for the object, and removes what was made for it. AL_OK:
 * nothing of ours is left in the folder; got is "" where the file has its name or was never taken
 * aside, else the other name it had to be given. AL_ENOENT: the aside should be there, and is not.
 * Safe to repeat. */
int place_undo(const struct place *p, const char *object_id, char got[PLACE_NAME_MAX],
               struct al_fail *fail) AL_MUST_CHECK;

#endif
