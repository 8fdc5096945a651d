#include "server/api/uri.h"

#include <string.h>

#include "base/text.h"

/* Decodes len bytes of `from` into the arena. */
static int
decode(const char *from, size_t len, bool query, struct al_arena *arena, char **ret,
       struct al_fail *fail)
{
    char *out = al_arena_alloc(arena, len + 1);
    size_t n = 0;

    if (out == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the request");
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)from[i];

        if (c <= 0x20 || c >= 0x7f) {
            return al_fail_set(fail, AL_EINVAL, 0, "the address has a byte that must be encoded");
        }
        if (c == '%') {
            if (i + 2 >= len || al_unhex(from + i + 1, 2, &c) != AL_OK) {
                return al_fail_set(fail, AL_EINVAL, 0,
                                   "a %% in the address is not followed by two hexadecimal digits");
            }
            i += 2;
            if (c == 0 || (!query && (c < 0x20 || c == 0x7f || c == '/'))) {
                return al_fail_set(fail, AL_EINVAL, 0,
                                   "the address has an encoded byte that is not allowed there");
            }
        } else if (c == '+' && query) {
            c = ' ';
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    if (!al_utf8_valid((struct al_span){(const uint8_t *)out, n})) {
        return al_fail_set(fail, AL_EINVAL, 0, "the address is not valid UTF-8");
    }
    *ret = out;
    return AL_OK;
}

static int
check_parts(const char *path, struct al_fail *fail)
{
    while (*path == '/') {
        size_t len = strcspn(path + 1, "/");
        const char *part = path + 1;

        if ((len == 0 && part[0] == '/') || (len == 1 && part[0] == '.') ||
            (len == 2 && part[0] == '.' && part[1] == '.')) {
            return al_fail_set(fail, AL_EINVAL, 0, "the path has an empty, \".\" or \"..\" part");
        }
        path = part + len;
    }
    return AL_OK;
}

static int
parse_query(const char *q, struct al_arena *arena, struct uri *u, struct al_fail *fail)
{
    while (*q != '\0') {
        size_t len = strcspn(q, "&"), name_len = 0;
        char *name, *value;
        int rc;

        while (name_len < len && q[name_len] != '=') {
            name_len++;
        }
        if (len > 0) {
            if (u->params == API_QUERY_PARAMS_MAX) {
                return al_fail_set(fail, AL_ELIMIT, 0, "more than %u parameters",
                                   API_QUERY_PARAMS_MAX);
            }
            rc = decode(q, name_len, true, arena, &name, fail);
            if (rc == AL_OK) {
                size_t skip = name_len < len ? name_len + 1 : len;

                rc = decode(q + skip, len - skip, true, arena, &value, fail);
            }
            if (rc != AL_OK) {
                return rc;
            }
            if (uri_param(u, name) != NULL) {
                return al_fail_set(fail, AL_EINVAL, 0, "the parameter %.60s is there twice", name);
            }
            u->param[u->params].name = name;
            u->param[u->params++].value = value;
        }
        q += len;
        q += *q == '&';
    }
    return AL_OK;
}

int
uri_parse(const char *raw, struct al_arena *arena, struct uri *ret, struct al_fail *fail)
{
    size_t path_len = strcspn(raw, "?");
    char *path;
    int rc;

    ret->params = 0;
    ret->path = "/";
    if (raw[0] != '/') {
        return al_fail_set(fail, AL_EINVAL, 0, "the address must begin with /");
    }
    if (path_len > API_PATH_BYTES_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "the path is longer than %zu bytes",
                           API_PATH_BYTES_MAX);
    }
    rc = decode(raw, path_len, false, arena, &path, fail);
    if (rc == AL_OK) {
        rc = check_parts(path, fail);
    }
    if (rc == AL_OK && raw[path_len] == '?') {
        rc = parse_query(raw + path_len + 1, arena, ret, fail);
    }
    if (rc == AL_OK) {
        ret->path = path;
    }
    return rc;
}

const char *
uri_param(const struct uri *u, const char *name)
{
    for (size_t i = 0; i < u->params; i++) {
        if (strcmp(u->param[i].name, name) == 0) {
            return u->param[i].value;
        }
    }
    return NULL;
}
