/* jsonout.h: writes JSON text straight into a buffer: no tree, no allocation per value. For answers
 * of many rows.
 *
 *   struct al_jsonout j;
 *   al_jo_begin(&j, &buf);
 *   al_jo_object(&j, NULL);  al_jo_str(&j, "name", name);  al_jo_u64(&j, "size", n);
 *                            al_jo_close(&j);
 *   rc = al_jo_end(&j);
 *
 * The first failure (memory, or the buffer's max) is kept and comes out of al_jo_end; later calls
 * then do nothing. `key` is a literal of letters, digits and '_', written as it is; NULL inside an
 * array and at the top. Keys are not checked for doubles. One thread at a time. */
#ifndef ALTO_BASE_JSONOUT_H
#define ALTO_BASE_JSONOUT_H

#include "base/bytes.h"

#define AL_JO_DEPTH_MAX 32u

struct al_jsonout {
    struct al_buf *out;
    int rc;
    unsigned depth;
    uint32_t arrays; /* bit d: level d is an array */
    bool comma;      /* the next value needs one before it */
};

void al_jo_begin(struct al_jsonout *j, struct al_buf *out);
int al_jo_end(struct al_jsonout *j) AL_MUST_CHECK; /* AL_EINTERNAL when something was left open */

void al_jo_object(struct al_jsonout *j, const char *key);
void al_jo_array(struct al_jsonout *j, const char *key);
void al_jo_close(struct al_jsonout *j);

void al_jo_str(struct al_jsonout *j, const char *key, const char *text); /* NULL: null */
/* .at NULL: null; invalid UTF-8 and NUL become U+FFFD */
void al_jo_text(struct al_jsonout *j, const char *key, struct al_span text);
void al_jo_u64(struct al_jsonout *j, const char *key, uint64_t v);
void al_jo_i64(struct al_jsonout *j, const char *key, int64_t v);
void al_jo_bool(struct al_jsonout *j, const char *key, bool v);
void al_jo_null(struct al_jsonout *j, const char *key);
void al_jo_time(struct al_jsonout *j, const char *key, int64_t ns); /* RFC 3339; 0: null */
void al_jo_hex(struct al_jsonout *j, const char *key, struct al_span bytes);
/* A byte string as told in json.h: KEY, and KEY_b64 where the bytes are not valid UTF-8 without
 * NUL. */
void al_jo_bytes(struct al_jsonout *j, const char *key, struct al_span bytes);
/* JSON text, trusted. */
void al_jo_raw(struct al_jsonout *j, const char *key, struct al_span json);

#endif
