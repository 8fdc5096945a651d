/* placeholder.h: the text that stands in the place of an archived file: for people, with one line
 * from which the file comes back. Format: doc/format/placeholder.md. Pure: no system calls. Any
 * thread. */
#ifndef ALTO_AGENT_MOVER_PLACEHOLDER_H
#define ALTO_AGENT_MOVER_PLACEHOLDER_H

#include "agent/target/manifest.h"

#define PLACEHOLDER_SUFFIX ".alto"
#define PLACEHOLDER_SUFFIX_LEN 5u
#define PLACEHOLDER_BYTES_MAX 4096u /* of one that is written */
#define PLACEHOLDER_READ_MAX 65536u /* of one that is read: a person may have added to it */
#define PLACEHOLDER_PATH_SHOWN 192u /* bytes of a name or path that people see */
#define PLACEHOLDER_KEY_LEN 32u     /* the volume's key for markers */

/* Strings and spans are lent. */
struct placeholder {
    const char *share_id;
    struct manifest_record file; /* its path is the name alone */
    bool attrs_elsewhere; /* the manifest has extended attributes that did not fit: file has none */
    bool edited;          /* parse alone */
};

struct placeholder_more { /* what people are told besides; NULL where unknown */
    struct al_span path;  /* below the volume's root */
    const char *share_name, *volume_name, *rule_id;
};

/* Appends the text. p->attrs_elsewhere and p->edited are not looked at. AL_ENOMEM, AL_ELIMIT. */
int placeholder_print(const struct placeholder *p, const struct placeholder_more *more,
                      const uint8_t key[PLACEHOLDER_KEY_LEN], struct al_buf *to) AL_MUST_CHECK;
/* Everything in *ret lives in the arena. AL_ENODATA: no placeholder, or none made with this key;
 * AL_ENOMEM, AL_ELIMIT. */
int placeholder_parse(struct al_span text, const uint8_t key[PLACEHOLDER_KEY_LEN],
                      struct al_arena *arena, struct placeholder *ret) AL_MUST_CHECK;
/* Whether a name ends as placeholders' names do, and has something before. */
bool placeholder_named(struct al_span name);

#endif
