/* swap.h: how a file and its stub change places, and how a cut exchange is undone: what movers and
 * reconcile share. The stub is made beside, by a stub_maker, and never of a file that holds
 * anybody's data (doc/adr/0058-stubs-by-exchange.md).
 *
 *   tier    the original goes aside, the stub gets its name, the original is removed
 *   back    the stub goes aside, the file that was fetched gets its name, the stub is removed
 *   adopt   as tier; what goes aside is a stub that was made for another file
 *
 * Names of one act, all in the file's folder: .alto-aside-ID, .alto-new-ID (a stub being made),
 * .alto-back-ID (a file being fetched). ID: of a tier its object's, else one of the act's own.
 * One thread per struct place. */
#ifndef ALTO_AGENT_MOVER_SWAP_H
#define ALTO_AGENT_MOVER_SWAP_H

#include "agent/mover/mover.h"
#include "agent/mover/place.h"

#define SWAP_PATH_MAX 131072u /* bytes of an absolute path */
/* bytes: what is no larger is not tiered so, since a stub's tag may take a cluster */
#define SWAP_SIZE_MIN 4096u
/* How a file is opened that must not change meanwhile: nobody else has it, and its stub alone. */
#define SWAP_ALONE (PORT_READ | PORT_ALONE | PORT_DELETE | PORT_REPARSE | PORT_NONBLOCK)

/* Appends the absolute path of a name in the place's folder. AL_ENOMEM, AL_ELIMIT. */
int swap_path(const struct mover_volume *v, const struct place *at, const char *name,
              struct al_buf *to) AL_MUST_CHECK;
/* What a name of the folder is. AL_ENOENT: nothing is there; AL_EIO: cannot be seen now, as always
 * without a maker. */
int swap_look(const struct mover_volume *v, const struct place *at, const char *name,
              struct al_buf *bytes, struct stub_seen *ret, struct al_fail *fail) AL_MUST_CHECK;
/* Whether the name still leads to the open file. */
int swap_is_at(const struct place *at, struct port_file *f, const char *name,
               bool *ret) AL_MUST_CHECK;
/* The open file gets another name of its folder, never one that is taken: AL_EEXIST. */
int swap_rename(const struct place *at, struct port_file *f, const char *from,
                const char *to) AL_MUST_CHECK;
/* The open file, which nobody else has, goes for good when it is closed, which is done here. AL_OK:
 * the name is free. */
int swap_remove_open(const struct place *at, struct port_file **io_f,
                     const char *name) AL_MUST_CHECK;
/* Removes a file under a name of ours, whatever it is by now. AL_OK also when it is not there. */
int swap_drop(const struct place *at, const char *name) AL_MUST_CHECK;
/* Opens the stub that swap_look saw under the name, alone, and no other file: AL_ECHANGED. AL_EBUSY:
 * somebody has it. flags: besides SWAP_ALONE. */
int swap_open_seen(const struct place *at, const char *name, const struct stub_seen *seen,
                   uint32_t flags, struct port_file **ret) AL_MUST_CHECK;
/* The id in a name of one act. */
const char *swap_id_of(const char *name);

/* Puts what lies aside back to its name, or, where somebody took that, to another (place_undo). The
 * stub goes back to the name it was made under, and stays there until swap_undone, so that it is met
 * again after a crash. *ret_stub: it is there. Where it is not although it had been given its file's
 * name, somebody has moved or used it since, and its object must stay. Safe to repeat. AL_EIO: not to
 * be seen now. */
int swap_undo(const struct mover_volume *v, const struct place *at, const char *id,
              const char *object_id, char got[PLACE_NAME_MAX], bool *ret_stub,
              struct al_fail *fail) AL_MUST_CHECK;
/* After that was told: removes the stub. */
int swap_undone(const struct place *at, const char *id) AL_MUST_CHECK;

/* The same of a way back, whose file was fetched under the name temp. *ret_back: the file had got
 * its place, and is there; then its stub is removed. Else the stub is put back (got as above), and what
 * was fetched is removed. */
int unswap_undo(const struct place *at, const char *temp, char got[PLACE_NAME_MAX],
                bool *ret_back) AL_MUST_CHECK;

#endif
