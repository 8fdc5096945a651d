#include "agent/walk/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct walk_plan *
walk_plan_new(void)
{
    return al_zalloc(sizeof(struct walk_plan));
}

struct walk_plan *
walk_plan_free(struct walk_plan *p)
{
    if (p != NULL) {
        for (size_t i = 0; i < p->count; i++) {
            al_free(p->nodes[i].path);
        }
        al_free(p->nodes);
        al_free(p);
    }
    return NULL;
}

int
walk_plan_add(struct walk_plan *p, struct al_span path, enum walk_plan_how how)
{
    struct walk_plan_node *grown;
    char *copy;

    if (p->count >= WALK_PLAN_MAX || path.len > WALK_PATH_MAX) {
        return AL_ELIMIT;
    }
    grown = al_grow(p->nodes, p->count, &p->cap, sizeof(*p->nodes));
    if (grown == NULL) {
        return AL_ENOMEM;
    }
    p->nodes = grown;
    copy = al_span_dup(path);
    if (copy == NULL) {
        return AL_ENOMEM;
    }
    p->nodes[p->count++] = (struct walk_plan_node){.path = copy, .how = how};
    return AL_OK;
}

/* '/' before every other byte, so that what is below a folder stands right behind it. */
static int
order(struct al_span a, struct al_span b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        if (a.at[i] != b.at[i]) {
            return a.at[i] == '/' ? -1 : b.at[i] == '/' ? 1 : (int)a.at[i] - (int)b.at[i];
        }
    }
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static int
by_path(const void *a, const void *b)
{
    const struct walk_plan_node *x = a, *y = b;
    int o = order(al_span_of(x->path), al_span_of(y->path));

    return o != 0 ? o : (int)y->how - (int)x->how; /* what is told most of it comes first */
}

static void
sort_once(struct walk_plan *p)
{
    size_t kept = 0;

    if (p->count > 1) {
        qsort(p->nodes, p->count, sizeof(*p->nodes), by_path);
    }
    for (size_t i = 0; i < p->count; i++) {
        if (kept > 0 && strcmp(p->nodes[kept - 1].path, p->nodes[i].path) == 0) {
            al_free(p->nodes[i].path);
        } else {
            p->nodes[kept++] = p->nodes[i];
        }
    }
    p->count = kept;
}

/* Of the first len bytes. */
static size_t
parent_len(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    return len > 0 ? len - 1 : 0;
}

/* Whether `len` bytes of `path` are a folder on the way to `other`, or other itself. */
static bool
is_way_of(const char *path, size_t len, const char *other)
{
    return strncmp(path, other, len) == 0 && (other[len] == '/' || other[len] == '\0');
}

/* Those that the one before it in order has too are there already. */
static int
add_ways(struct walk_plan *p)
{
    size_t given = p->count;
    int rc = walk_plan_add(p, al_span_of(""), WALK_ON_THE_WAY);

    for (size_t i = 0; rc == AL_OK && i < given; i++) {
        const char *path = p->nodes[i].path; /* adding moves the nodes, and not the paths */
        size_t len = parent_len(path, strlen(path));

        while (rc == AL_OK && len > 0 && !(i > 0 && is_way_of(path, len, p->nodes[i - 1].path))) {
            rc = walk_plan_add(p, (struct al_span){(const uint8_t *)path, len}, WALK_ON_THE_WAY);
            len = parent_len(path, len);
        }
    }
    return rc;
}

static void
link_up(struct walk_plan *p)
{
    for (size_t i = 1; i < p->count; i++) {
        size_t len = parent_len(p->nodes[i].path, strlen(p->nodes[i].path));
        uint32_t above = (uint32_t)i - 1;

        /* The nearest before it that is its parent: the last one's own line of parents has it. */
        while (!(strlen(p->nodes[above].path) == len &&
                 memcmp(p->nodes[above].path, p->nodes[i].path, len) == 0)) {
            above = p->nodes[above].parent;
        }
        p->nodes[i].parent = above;
        p->nodes[i].next = p->nodes[above].first;
        p->nodes[above].first = (uint32_t)i;
    }
}

int
walk_plan_ready(struct walk_plan *p)
{
    int rc;

    for (size_t i = 0; i < p->count; i++) {
        p->nodes[i].parent = p->nodes[i].first = p->nodes[i].next = 0;
    }
    sort_once(p);
    rc = add_ways(p);
    if (rc == AL_OK) {
        sort_once(p);
        link_up(p);
    }
    return rc;
}

const struct walk_plan_node *
walk_plan_find(const struct walk_plan *p, struct al_span path)
{
    size_t low = 0, high = p->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int o = order(path, al_span_of(p->nodes[middle].path));

        if (o == 0) {
            return &p->nodes[middle];
        }
        if (o < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* ---- of a journal ---- */

static int
add_change(struct walk_plan *p, const struct usn_source *source, const struct usn_folder *f,
           struct al_buf *path)
{
    struct al_span at;
    int rc;

    al_buf_clear(path);
    rc = source->place(source->ctx, f->id, path);
    if (rc == AL_ENOENT || rc == AL_EACCES) {
        return AL_OK;
    }
    at = al_buf_span(path);
    if (f->file && rc == AL_OK) {
        at.len = at.len > 0 ? parent_len((const char *)at.at, at.len) : 0;
    }
    return rc != AL_OK ? rc : walk_plan_add(p, at, f->whole ? WALK_WHOLE : WALK_LIST);
}

int
walk_plan_of(const struct usn_source *source, const struct usn_changes *changes,
             struct walk_plan **ret, const char **ret_full)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = WALK_PATH_MAX};
    struct walk_plan *p = walk_plan_new();
    int rc = p != NULL ? AL_OK : AL_ENOMEM;

    for (size_t i = 0; rc == AL_OK && i < changes->count; i++) {
        rc = add_change(p, source, &changes->folders[i], &path);
    }
    if (rc == AL_OK) {
        rc = walk_plan_ready(p);
    }
    if (rc == AL_OK) {
        *ret = p;
        *ret_full = NULL;
        return AL_OK;
    }
    p = walk_plan_free(p);
    if (rc == AL_ENOMEM) {
        return rc;
    }
    *ret_full = rc == AL_ELIMIT ? "more folders changed than are worth listing one by one"
                                : "where a changed folder is could not be told";
    return AL_OK;
}
