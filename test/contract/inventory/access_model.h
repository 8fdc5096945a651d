/* access_model.h: a filespace by itself, path by path, and what happened in it: what the inventory's picture of it is
 * held against. */
#ifndef ALTO_TEST_CONTRACT_INVENTORY_ACCESS_MODEL_H
#define ALTO_TEST_CONTRACT_INVENTORY_ACCESS_MODEL_H

#include "help.h"

#include "server/inventory/access.h"

#define MODEL_FILES_MAX 400
#define MODEL_ROWS_MAX 600
#define MODEL_PATH_MAX 128

struct model_file {
    char path[MODEL_PATH_MAX];
    bool folder;
    int64_t accessed_ns; /* 0: never */
    bool outside;        /* it was, at some time, where the volume is not */
};
struct model {
    struct model_file files[MODEL_FILES_MAX];
    int count;
    struct inventory_access rows[MODEL_ROWS_MAX];
    char text[MODEL_ROWS_MAX][2][MODEL_PATH_MAX];
    int row_count;
    uint64_t random;
    int64_t now_ns; /* each event is an hour and some behind the one before */
    int names;
    const char *part; /* the volume is what lies below this folder; NULL: all of it */
};

__attribute__((unused)) static uint32_t
model_random(struct model *m, uint32_t below)
{
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(m->random >> 33) % below;
}

static bool
model_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

__attribute__((unused)) static int
model_find(const struct model *m, const char *path)
{
    for (int i = 0; i < m->count; i++) {
        if (strcmp(m->files[i].path, path) == 0) {
            return i;
        }
    }
    return -1;
}

static void
model_drop(struct model *m, int i)
{
    m->files[i] = m->files[--m->count];
}

__attribute__((unused)) static struct inventory_access *
model_tell(struct model *m, enum inventory_access_kind kind, const char *path, const char *target)
{
    static const char *const nodes[] = {"n1", "n2", "n3"};
    struct inventory_access *a = &m->rows[m->row_count];
    uint32_t node = model_random(m, 3);

    m->now_ns += INT64_C(3700) * SECOND_NS + model_random(m, 1000000);
    snprintf(m->text[m->row_count][0], MODEL_PATH_MAX, "%s", path);
    snprintf(m->text[m->row_count][1], MODEL_PATH_MAX, "%s", target != NULL ? target : "");
    *a = (struct inventory_access){.kind = kind,
                                   .path = al_span_of(m->text[m->row_count][0]),
                                   .target = al_span_of(m->text[m->row_count][1]),
                                   .time_ns = m->now_ns,
                                   .reads = kind == INVENTORY_ACCESS_USED,
                                   .user = sp(node == 0 ? "ann" : "ben"),
                                   .host = sp("host"),
                                   .node = sp(nodes[node])};
    m->row_count++;
    return a;
}

__attribute__((unused)) static bool
model_outside(const struct model *m, const char *path)
{
    return m->part != NULL && !model_below(path, m->part);
}

/* What was at a path goes, with all below. */
static void
model_remove(struct model *m, const char *path)
{
    for (int i = m->count - 1; i >= 0; i--) {
        if (model_below(m->files[i].path, path)) {
            model_drop(m, i);
        }
    }
}

__attribute__((unused)) static void
model_move(struct model *m, int index, const char *to)
{
    char from[MODEL_PATH_MAX], rest[MODEL_PATH_MAX];
    bool folder = m->files[index].folder;

    snprintf(from, sizeof(from), "%s", m->files[index].path);
    (void)model_tell(m, INVENTORY_ACCESS_MOVE, from, to);
    model_remove(m, to); /* a file, or a folder with nothing in it */
    for (int i = 0; i < m->count; i++) {
        struct model_file *f = &m->files[i];

        if (model_below(f->path, from)) {
            snprintf(rest, sizeof(rest), "%s", f->path + strlen(from));
            snprintf(f->path, sizeof(f->path), "%.63s%.63s", to, rest);
            f->outside |= model_outside(m, f->path);
        }
    }
    if (!folder) {
        m->files[model_find(m, to)].accessed_ns = m->now_ns;
    }
}

__attribute__((unused)) static int
model_make(struct model *m, const char *path, bool folder)
{
    m->files[m->count] = (struct model_file){.folder = folder, .outside = model_outside(m, path)};
    snprintf(m->files[m->count].path, MODEL_PATH_MAX, "%s", path);
    return m->count++;
}

#endif
