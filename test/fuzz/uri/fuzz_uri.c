/* A request target: whatever comes in, what is taken is plain. */
#include <stdlib.h>
#include <string.h>

#include "server/api/uri.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
    if (!holds) {
        abort();
    }
}

static void
must_be_plain_path(const char *path)
{
    must(path[0] == '/');
    for (const char *c = path; *c != '\0'; c++) {
        must((uint8_t)*c >= 0x20 && *c != 0x7f);
    }
    must(strstr(path, "//") == NULL && strstr(path, "/../") == NULL && strstr(path, "/./") == NULL);
    must(strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/..") != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct al_arena *arena = al_arena_new(1 << 22);
    char *raw = malloc(size + 1);
    struct al_fail fail = {0};
    struct uri u;
    int rc;

    memcpy(raw, data, size);
    raw[size] = '\0';
    rc = uri_parse(raw, arena, &u, &fail);
    must(rc == AL_OK || rc == AL_EINVAL || rc == AL_ELIMIT);
    must((rc == AL_OK) == (fail.code == 0));
    if (rc == AL_OK) {
        must_be_plain_path(u.path);
        must(al_utf8_valid(al_span_of(u.path)) && strlen(u.path) <= API_PATH_BYTES_MAX);
        must(u.params <= API_QUERY_PARAMS_MAX);
        for (size_t i = 0; i < u.params; i++) {
            must(al_utf8_valid(al_span_of(u.param[i].name)) &&
                 al_utf8_valid(al_span_of(u.param[i].value)));
            /* Nothing is there twice: the first found is this one. */
            must(uri_param(&u, u.param[i].name) == u.param[i].value);
        }
    }
    free(raw);
    al_arena_free(arena);
    return 0;
}
