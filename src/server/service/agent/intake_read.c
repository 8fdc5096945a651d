#include "server/service/agent/intake_read.h"

#include <string.h>

static const char *
keep(struct intake_reading *r, const char *text, size_t len)
{
    char *copy = al_arena_alloc(r->arena, len + 1);

    if (copy == NULL) {
        r->no_memory = true;
        return "";
    }
    memcpy(copy, text, len);
    return copy; /* the arena's memory is zero, so it ends */
}

const char *
intake_get_text(struct intake_reading *r, const char *key, size_t max)
{
    const json_t *v = json_object_get(r->obj, key);
    size_t len;
    const char *text;

    if (v == NULL || json_is_null(v)) {
        return "";
    }
    if (!json_is_string(v)) {
        r->bad = "a text field is not a string";
        return "";
    }
    text = json_string_value(v);
    len = json_string_length(v);
    if (len > max) {
        len = max;
        while (len > 0 && ((uint8_t)text[len] & 0xc0u) == 0x80u) {
            len--;
        }
    }
    return len == 0 ? "" : keep(r, text, len);
}

const char *
intake_get_id(struct intake_reading *r, const char *key)
{
    const json_t *v = json_object_get(r->obj, key);
    const char *text;

    if (v == NULL || json_is_null(v)) {
        return NULL;
    }
    text = json_string_value(v);
    if (text == NULL || (text[0] != '\0' && !al_id_valid(text))) {
        r->bad = "an identifier is malformed";
        return NULL;
    }
    return text[0] == '\0' ? NULL : keep(r, text, AL_ID_LEN);
}

int64_t
intake_get_number(struct intake_reading *r, const char *key, int64_t min, int64_t max)
{
    const json_t *v = json_object_get(r->obj, key);
    int64_t n;

    if (v == NULL || json_is_null(v)) {
        return 0;
    }
    if (!json_is_integer(v)) {
        r->bad = "a number is no integer";
        return 0;
    }
    n = json_integer_value(v);
    if (n < min || n > max) {
        r->bad = "a number is out of range";
        return 0;
    }
    return n;
}

uint64_t
intake_get_count(struct intake_reading *r, const char *key)
{
    return (uint64_t)intake_get_number(r, key, 0, INT64_MAX);
}

bool
intake_path_ok(struct al_span path)
{
    size_t start = 0;

    if (path.len > INTAKE_PATH_MAX || (path.len > 0 && memchr(path.at, '\0', path.len) != NULL)) {
        return false;
    }
    if (path.len == 0) {
        return true;
    }
    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.at[i] != '/') {
            continue;
        }
        size_t part = i - start;
        if (part == 0 || (part == 1 && path.at[start] == '.') ||
            (part == 2 && path.at[start] == '.' && path.at[start + 1] == '.')) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

struct al_span
intake_get_path(struct intake_reading *r, const char *key)
{
    struct al_span path = {0};
    struct al_buf AL_CLEANUP(al_buf_free) bytes = {0};
    int rc;

    al_buf_init(&bytes, (size_t)INTAKE_PATH_MAX + 1);
    rc = al_json_get_bytes(r->obj, key, &bytes, NULL);
    if (rc == AL_ENODATA) {
        return path;
    }
    if (rc < 0) {
        r->no_memory = rc == AL_ENOMEM;
        r->bad = "the path is malformed or too long";
        return path;
    }
    path = al_buf_span(&bytes);
    if (path.len > 0 && path.at[0] == '/') {
        path.at++;
        path.len--;
    }
    if (!intake_path_ok(path)) {
        r->bad = "the path leaves the volume or is malformed";
        return (struct al_span){0};
    }
    if (path.len > 0) {
        path = al_arena_span(r->arena, path);
        r->no_memory = r->no_memory || path.at == NULL;
    }
    return path;
}

struct al_span
intake_get_bytes(struct intake_reading *r, const char *key, size_t max)
{
    struct al_span got = {0};
    struct al_buf AL_CLEANUP(al_buf_free) bytes = {0};

    al_buf_init(&bytes, INTAKE_LINE_MAX);
    if (al_json_get_bytes(r->obj, key, &bytes, NULL) != AL_OK || bytes.len == 0) {
        return got; /* a want of memory shows with the next member */
    }
    got = al_buf_span(&bytes);
    got.len = got.len < max ? got.len : max;
    got = al_arena_span(r->arena, got);
    r->no_memory = r->no_memory || got.at == NULL;
    return got;
}
