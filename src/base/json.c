#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* jansson's own recursion limit is a compile-time constant far above ours, and large: count
 * brackets before it recurses. */
static int
depth_check(struct al_span text, struct al_fail *fail)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > AL_JSON_DEPTH_MAX) {
                return al_fail_set(fail, AL_ELIMIT, 0, "JSON is nested deeper than %d",
                                   AL_JSON_DEPTH_MAX);
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return AL_OK;
}

int
al_json_parse(struct al_span text, json_t **ret, struct al_fail *fail)
{
    json_error_t error;
    json_t *value;
    int rc;

    if (text.len > AL_JSON_BYTES_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "JSON is longer than %u bytes", AL_JSON_BYTES_MAX);
    }
    rc = depth_check(text, fail);
    if (rc != AL_OK) {
        return rc;
    }
    value = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                       &error);
    if (value == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "not valid JSON at line %d, column %d: %.150s",
                           error.line, error.column, error.text);
    }
    *ret = value;
    return AL_OK;
}

static int
print_part(const char *bytes, size_t len, void *ctx)
{
    return al_buf_add(ctx, bytes, len) == AL_OK ? 0 : -1;
}

int
al_json_print(const json_t *value, struct al_buf *out)
{
    if (json_dump_callback(value, print_part, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0) {
        return AL_OK;
    }
    return out->over ? AL_ELIMIT : AL_ENOMEM;
}

void
al_json_freep(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}

/* The member, or NULL with the code in *rc. */
static const json_t *
member(const json_t *obj, const char *key, int *rc, struct al_fail *fail)
{
    const json_t *value = json_object_get(obj, key);

    *rc = AL_OK;
    if (value == NULL || json_is_null(value)) {
        *rc = al_fail_set(fail, AL_ENODATA, 0, "\"%.60s\" is missing", key);
        return NULL;
    }
    return value;
}

static int
wrong_type(const char *key, const char *wanted, struct al_fail *fail)
{
    return al_fail_set(fail, AL_EINVAL, 0, "\"%.60s\" must be %s", key, wanted);
}

int
al_json_str(const json_t *obj, const char *key, const char **ret, struct al_fail *fail)
{
    int rc;
    const json_t *value = member(obj, key, &rc, fail);

    if (value == NULL) {
        return rc;
    }
    if (!json_is_string(value)) {
        return wrong_type(key, "a string", fail);
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%.60s\" holds a NUL character", key);
    }
    *ret = json_string_value(value);
    return AL_OK;
}

int
al_json_i64(const json_t *obj, const char *key, int64_t *ret, struct al_fail *fail)
{
    int rc;
    const json_t *value = member(obj, key, &rc, fail);

    if (value == NULL) {
        return rc;
    }
    if (!json_is_integer(value)) {
        return wrong_type(key, "a whole number", fail);
    }
    *ret = json_integer_value(value);
    return AL_OK;
}

int
al_json_u64(const json_t *obj, const char *key, uint64_t *ret, struct al_fail *fail)
{
    int64_t v;
    int rc = al_json_i64(obj, key, &v, fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (v < 0) {
        return wrong_type(key, "zero or more", fail);
    }
    *ret = (uint64_t)v;
    return AL_OK;
}

int
al_json_bool(const json_t *obj, const char *key, bool *ret, struct al_fail *fail)
{
    int rc;
    const json_t *value = member(obj, key, &rc, fail);

    if (value == NULL) {
        return rc;
    }
    if (!json_is_boolean(value)) {
        return wrong_type(key, "true or false", fail);
    }
    *ret = json_is_true(value);
    return AL_OK;
}

#define KEY_MAX 64

static int
key_b64(const char *key, char out[KEY_MAX])
{
    return snprintf(out, KEY_MAX, "%s_b64", key) < KEY_MAX ? AL_OK : AL_EINVAL;
}

int
al_json_get_bytes(const json_t *obj, const char *key, struct al_buf *out, struct al_fail *fail)
{
    char other[KEY_MAX];
    const char *text;
    int rc = key_b64(key, other);

    if (rc != AL_OK) {
        return rc;
    }
    if (json_object_get(obj, other) != NULL) {
        rc = al_json_str(obj, other, &text, fail);
        if (rc == AL_OK && al_unbase64(text, strlen(text), out) != AL_OK) {
            rc = wrong_type(other, "base64", fail);
        }
        return rc;
    }
    rc = al_json_str(obj, key, &text, fail);
    return rc == AL_OK ? al_buf_adds(out, text) : rc;
}

int
al_json_set_bytes(json_t *obj, const char *key, struct al_span bytes)
{
    char other[KEY_MAX];
    AL_CLEANUP(al_buf_free) struct al_buf clean = {.max = bytes.len * 3};
    AL_CLEANUP(al_freep) char *encoded = NULL;
    int rc;

    if (al_utf8_valid(bytes) && (bytes.len == 0 || memchr(bytes.at, 0, bytes.len) == NULL)) {
        return al_json_set(obj, key, json_stringn((const char *)bytes.at, bytes.len));
    }
    rc = key_b64(key, other);
    if (rc != AL_OK) {
        return rc;
    }
    rc = al_utf8_clean(bytes, &clean);
    if (rc != AL_OK) {
        return rc;
    }
    encoded = al_alloc(4 * ((bytes.len + 2) / 3) + 1);
    if (encoded == NULL) {
        return AL_ENOMEM;
    }
    al_base64(bytes.at, bytes.len, encoded);
    rc = al_json_set(obj, key, json_stringn((const char *)clean.at, clean.len));
    return rc == AL_OK ? al_json_set_str(obj, other, encoded) : rc;
}

int
al_json_set(json_t *obj, const char *key, json_t *value_taken)
{
    return value_taken != NULL && json_object_set_new(obj, key, value_taken) == 0 ? AL_OK
                                                                                  : AL_ENOMEM;
}

int
al_json_set_str(json_t *obj, const char *key, const char *value)
{
    return al_json_set(obj, key, value == NULL ? json_null() : json_string(value));
}

int
al_json_set_u64(json_t *obj, const char *key, uint64_t value)
{
    return value > INT64_MAX ? AL_ELIMIT : al_json_set(obj, key, json_integer((json_int_t)value));
}

int
al_json_set_i64(json_t *obj, const char *key, int64_t value)
{
    return al_json_set(obj, key, json_integer(value));
}

int
al_json_set_bool(json_t *obj, const char *key, bool value)
{
    return al_json_set(obj, key, json_boolean(value));
}
