/* json.h: JSON with Alto's caps, and the one place that includes jansson.
 *
 * al_json_parse refuses what is deeper, larger or stranger than the caps allow. Byte strings
 * (paths, names) travel as a string where they are valid UTF-8 without NUL; otherwise KEY carries a
 * cleaned version for people and KEY_b64 the bytes. json_t objects are reference counted by
 * jansson, not thread-safe: one thread at a time. */
#ifndef ALTO_BASE_JSON_H
#define ALTO_BASE_JSON_H

#include <jansson.h>

#include "base/bytes.h"

#define AL_JSON_DEPTH_MAX 32
#define AL_JSON_BYTES_MAX (16u << 20)

/* AL_EINVAL with line and column in fail; AL_ELIMIT for depth or size. */
int al_json_parse(struct al_span text, json_t **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Compact, keys in insertion order, UTF-8. */
int al_json_print(const json_t *value, struct al_buf *out) AL_MUST_CHECK;
void al_json_freep(json_t **j); /* for AL_CLEANUP */

/* Typed getters. A missing key gives AL_ENODATA, a wrong type AL_EINVAL; both with the key's name
 * in fail. */
int al_json_str(const json_t *obj, const char *key, const char **ret,
                struct al_fail *fail) AL_MUST_CHECK;
int al_json_u64(const json_t *obj, const char *key, uint64_t *ret,
                struct al_fail *fail) AL_MUST_CHECK;
int al_json_i64(const json_t *obj, const char *key, int64_t *ret,
                struct al_fail *fail) AL_MUST_CHECK;
int al_json_bool(const json_t *obj, const char *key, bool *ret, struct al_fail *fail) AL_MUST_CHECK;

/* Byte strings, as told above. get appends to out; set needs obj to be an object. */
int al_json_get_bytes(const json_t *obj, const char *key, struct al_buf *out,
                      struct al_fail *fail) AL_MUST_CHECK;
int al_json_set_bytes(json_t *obj, const char *key, struct al_span bytes) AL_MUST_CHECK;

/* Setters that take the value whole; AL_ENOMEM. A NULL string sets JSON null. */
int al_json_set_str(json_t *obj, const char *key, const char *value) AL_MUST_CHECK;
/* AL_ELIMIT above INT64_MAX */
int al_json_set_u64(json_t *obj, const char *key, uint64_t value) AL_MUST_CHECK;
int al_json_set_i64(json_t *obj, const char *key, int64_t value) AL_MUST_CHECK;
int al_json_set_bool(json_t *obj, const char *key, bool value) AL_MUST_CHECK;
/* NULL value: AL_ENOMEM */
int al_json_set(json_t *obj, const char *key, json_t *value_taken) AL_MUST_CHECK;

#endif
