/* dress.h: what a file has besides its bytes (owner, rights, named streams, extended attributes, file
 * attributes, times), given from one open file to another, and compared. So a stub is like the file it
 * stands for, and a file that comes back is like its stub is by then, with whatever people changed of
 * it meanwhile.
 *
 * What the system does not have (port.h: AL_ENOTSUP) does not count. Not kept by anybody here: short
 * names, object ids, NTFS's own extended attributes, its compression. One thread per call. */
#ifndef ALTO_AGENT_MOVER_DRESS_H
#define ALTO_AGENT_MOVER_DRESS_H

#include "agent/target/kept.h"
#include "port/port.h"

#define DRESS_STREAMS_MAX 1024u           /* named streams of one file */
#define DRESS_NAMES_MAX (256u << 10)      /* bytes of all their names */
#define DRESS_STREAM_CHUNK (64u << 10)    /* bytes copied at a time */
#define DRESS_XATTR_VALUE_MAX (64u << 10) /* bytes of one extended attribute; Linux has no more */

/* Of the attributes, those that can be set and mean something to people. */
#define DRESS_ATTRS (KEPT_ATTRS | PORT_A_OFFLINE)

struct dress_names {     /* of a file's streams */
    struct al_buf names; /* NUL-terminated, one after the other */
    uint64_t bytes;      /* of all streams together */
    unsigned count;
};

/* AL_ELIMIT: more than the limits above. None where the system has no such thing. */
int dress_streams(struct port *p, struct port_file *f, struct dress_names *ret) AL_MUST_CHECK;
void dress_names_free(struct dress_names *n);

/* Owner and rights alone, as Windows has them: before anything that not everybody may read goes into
 * the file. */
int dress_rights(struct port *p, struct port_file *from, struct port_file *to,
                 struct al_fail *fail) AL_MUST_CHECK;
/* Everything but attributes and times. A code with a sentence: something of it cannot be given. */
int dress_like(struct port *p, struct port_file *from, struct port_file *to,
               struct al_fail *fail) AL_MUST_CHECK;
/* Attributes and times, which come last. like: whose; attrs: those to have, of DRESS_ATTRS. */
int dress_last(struct port *p, struct port_file *to, const struct port_stat *like, uint32_t attrs,
               struct al_fail *fail) AL_MUST_CHECK;
/* AL_OK: b is dressed as dress_like and dress_last leave it. AL_EPERM with a sentence: something is
 * another; other codes: it cannot be seen. */
int dress_check(struct port *p, struct port_file *a, struct port_file *b,
                const struct port_stat *like, uint32_t attrs, struct al_fail *fail) AL_MUST_CHECK;
/* Whether two self-relative security descriptors say the same: owner, group, and both lists with
 * whether they are shut off from inheritance. How they came to be said does not count. */
bool dress_same_rights(struct al_span a, struct al_span b);

#endif
