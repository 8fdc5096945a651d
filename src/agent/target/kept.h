/* kept.h: what a manifest's line keeps of a file besides its bytes, given to a file that is made anew
 * of its object: owner, mode and extended attributes; of a file from Windows the security descriptor,
 * file attributes, named streams and time of creation; and the times. As far as the system here has
 * such things and lets us. What could not be given is told by part, and stays in the line.
 *
 *   made, empty ─▶ kept_rights ─▶ its bytes ─▶ kept_rest ─▶ sync
 *
 * Not kept by anybody: short names, object ids, the time of the last change of metadata. One thread
 * per call. */
#ifndef ALTO_AGENT_TARGET_KEPT_H
#define ALTO_AGENT_TARGET_KEPT_H

#include "agent/target/manifest.h"
#include "port/port.h"

/* Names of what Windows has in a line's xattrs (doc/format/share.md) */
#define KEPT_NTFS "ntfs."
#define KEPT_NTFS_SECURITY "ntfs.security"
#define KEPT_NTFS_ATTRIBUTES "ntfs.attributes"
#define KEPT_NTFS_STREAM "ntfs.stream." /* and the stream's name */
/* Attributes that a line has */
#define KEPT_ATTRS                                                                                 \
    (PORT_A_READONLY | PORT_A_HIDDEN | PORT_A_SYSTEM | PORT_A_ARCHIVE | PORT_A_NOT_INDEXED)

enum kept_part {
    KEPT_OWNER,
    KEPT_MODE,
    KEPT_XATTRS,
    KEPT_SECURITY,
    KEPT_ATTRIBUTES,
    KEPT_STREAMS,
    KEPT_BORN,
    KEPT_PARTS
};
struct kept_word {
    const char *name;  /* for programs: "security" */
    const char *where; /* its key in the line */
    const char *text;  /* for people */
};
extern const struct kept_word kept_words[KEPT_PARTS];

/* Why (some of) a part was not given; AL_OK: it was, or there is none. AL_ENOTSUP: not here. */
struct kept_missed {
    int code[KEPT_PARTS];
};
bool kept_all(const struct kept_missed *m);

/* Whether the line is of a Windows host. Its owner and mode are made up then, and the security
 * descriptor has them. */
bool kept_is_windows(const struct manifest_record *r);

/* The security descriptor, before anything that not everybody may read goes into the file. AL_ENOMEM
 * alone: what else fails is in *missed, which is cleared first. */
int kept_rights(struct port *p, struct port_file *to, const struct manifest_record *r,
                struct kept_missed *missed) AL_MUST_CHECK;
/* All the rest, times last. A file from Windows whose descriptor could not be given stays with the
 * mode it was made with: that of its line means nothing. setuid and setgid only where owner and
 * extended attributes were given. AL_ENOMEM, AL_ENOSPC with a stream, or the times cannot be set. */
int kept_rest(struct port *p, struct port_file *to, const struct manifest_record *r,
              struct kept_missed *missed) AL_MUST_CHECK;

/* "readonly,hidden" of enum port_attr, as far as KEPT_ATTRS goes, and back. False: a word that is
 * none. */
#define KEPT_ATTRS_TEXT_MAX 64u
void kept_attrs_text(uint32_t attrs, char to[KEPT_ATTRS_TEXT_MAX]);
bool kept_attrs_of(struct al_span text, uint32_t *ret);

#endif
