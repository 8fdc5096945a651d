/* What a host says of its mounts, and another program of its own: any bytes. First byte: which of the texts. */
#include <string.h>

#include "agent/auditlog/filespace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct filespaces *f)
{
    if (f->count > FILESPACE_MOUNTS_MAX) {
        __builtin_trap();
    }
    for (size_t i = 0; i < f->count; i++) {
        const struct filespace *s = &f->at[i];

        if ((s->path != NULL && (s->path[0] == '\0' || strlen(s->path) > FILESPACE_PATH_MAX)) ||
            (s->name != NULL && strlen(s->name) > FILESPACE_WORD_MAX) || (s->id != NULL && strlen(s->id) != 36)) {
            __builtin_trap();
        }
        for (size_t k = 0; k < i && s->path != NULL; k++) {
            if (f->at[k].path != NULL && strcmp(s->path, f->at[k].path) == 0) {
                __builtin_trap();
            }
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct filespace_instance of = {.number = "1", .name = "a.b"};
    struct filespace_instance list[4];
    struct filespaces f = {0};
    struct al_span rest;
    uint64_t odd = 0;

    if (size == 0) {
        return 0;
    }
    rest = (struct al_span){data + 1, size - 1};
    if (data[0] % 3 == 0) {
        if (filespaces_table(&f, rest) == 0 && filespaces_status(&f, &of, rest) != 0) {
            __builtin_trap();
        }
    } else if (data[0] % 3 == 1) {
        size_t count = filespaces_list(rest, list, 4, &odd);

        for (size_t i = 0; i < count; i++) {
            if (list[i].number[0] == '\0' || strlen(list[i].number) > FILESPACE_NUMBER_MAX || filespaces_status(&f, &list[i], rest) != 0) {
                __builtin_trap();
            }
        }
    } else if (filespaces_status(&f, &of, rest) != 0) {
        __builtin_trap();
    }
    check(&f);
    filespaces_end(&f);
    return 0;
}
