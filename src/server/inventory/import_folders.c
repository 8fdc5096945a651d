/* Paths of folders → numbers, from all threads at once: each looks at its last folder first, and takes the lock
 * only for another one. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/import_priv.h"

#define NAMES_MAX ((uint64_t)INVENTORY_FOLDERS_MAX * 256)

static int
grow_all(struct import_folders *f)
{
    uint32_t cap = f->cap < 1024 ? 1024 : f->cap * 2;
    struct import_folder *all = al_realloc(f->all, (size_t)cap * sizeof(*all));

    if (all == NULL) {
        return AL_ENOMEM;
    }
    f->all = all;
    f->cap = cap;
    return AL_OK;
}

static void
insert(struct import_folders *f, uint32_t index)
{
    uint32_t *bucket = &f->table[f->all[index].hash & f->table_mask];

    f->all[index].next_same = *bucket;
    *bucket = index;
}

static int
grow_table(struct import_folders *f)
{
    uint32_t size = f->table == NULL ? 4096 : (f->table_mask + 1) * 2;
    uint32_t *table = al_array(size, sizeof(*table));

    if (table == NULL) {
        return AL_ENOMEM;
    }
    al_free(f->table);
    f->table = table;
    f->table_mask = size - 1;
    for (uint32_t i = 1; i < f->count; i++) {
        insert(f, i);
    }
    return AL_OK;
}

static int
add(struct import_folders *f, uint32_t parent, struct al_span path, size_t name_len, uint64_t hash,
    uint32_t *ret)
{
    struct import_folder *n;
    int rc = AL_OK;

    if (f->count > INVENTORY_FOLDERS_MAX) {
        return AL_ELIMIT;
    }
    if (f->count + 1 > f->cap) {
        rc = grow_all(f);
    }
    if (rc == AL_OK && (f->table == NULL || f->count > f->table_mask)) {
        rc = grow_table(f);
    }
    if (rc == AL_OK && f->names_len + name_len > f->names_cap) {
        uint64_t cap = f->names_cap < 65536 ? 65536 : f->names_cap * 2;
        uint8_t *names;

        cap = cap < f->names_len + name_len ? f->names_len + name_len : cap;
        names = cap <= NAMES_MAX ? al_realloc(f->names, (size_t)cap) : NULL;
        if (names == NULL) {
            return cap <= NAMES_MAX ? AL_ENOMEM : AL_ELIMIT;
        }
        f->names = names;
        f->names_cap = cap;
    }
    if (rc < 0) {
        return rc;
    }
    n = &f->all[f->count];
    *n = (struct import_folder){.hash = hash,
                                .name_at = f->names_len,
                                .name_len = (uint32_t)name_len,
                                .path_len = (uint32_t)path.len,
                                .parent = parent};
    if (name_len > 0) {
        memcpy(f->names + f->names_len, path.at + path.len - name_len, name_len);
    }
    f->names_len += name_len;
    insert(f, f->count);
    *ret = f->count++;
    return AL_OK;
}

int
import_folders_begin(struct import_folders *f)
{
    struct al_span root = {(const uint8_t *)"", 0};
    uint32_t index;

    memset(f, 0, sizeof(*f));
    port_mutex_init(&f->lock);
    f->count = 1;
    return add(f, 0, root, 0, al_xxh64("", 0, 0), &index);
}

void
import_folders_end(struct import_folders *f)
{
    al_free(f->all);
    al_free(f->table);
    al_free(f->names);
    port_mutex_end(&f->lock);
    memset(f, 0, sizeof(*f));
}

int
import_near_begin(struct import_folder_near *n)
{
    n->path = al_alloc(IMPORT_PATH_BYTES_MAX);
    n->index = 0;
    memset(n->owners, 0, sizeof(n->owners));
    return n->path != NULL ? AL_OK : AL_ENOMEM;
}

void
import_near_end(struct import_folder_near *n)
{
    al_free(n->path);
    n->path = NULL;
}

/* Whether the folder's path is this one: names from the end on. */
static bool
is_path(const struct import_folders *f, uint32_t index, struct al_span path)
{
    while (index != 1) {
        const struct import_folder *n = &f->all[index];

        if (path.len < (size_t)n->name_len + 1 || path.at[path.len - n->name_len - 1] != '/' ||
            memcmp(path.at + path.len - n->name_len, f->names + n->name_at, n->name_len) != 0) {
            return false;
        }
        path.len -= (size_t)n->name_len + 1;
        index = n->parent;
    }
    return path.len == 0;
}

static uint32_t
find(const struct import_folders *f, struct al_span path, uint64_t hash)
{
    uint32_t i = f->table[hash & f->table_mask];

    while (i != 0 &&
           (f->all[i].hash != hash || f->all[i].path_len != path.len || !is_path(f, i, path))) {
        i = f->all[i].next_same;
    }
    return i;
}

static size_t
last_slash(struct al_span path)
{
    size_t at = path.len;

    while (at > 0 && path.at[at - 1] != '/') {
        at--;
    }
    return at > 0 ? at - 1 : 0;
}

/* From the deepest folder that is there down to this one. */
static int
make(struct import_folders *f, struct al_span path, uint32_t *ret)
{
    struct al_span there = path;
    uint64_t hash = al_xxh64(path.at, path.len, 0);
    uint32_t index = find(f, path, hash);
    int rc = AL_OK;

    while (index == 0) {
        there.len = last_slash(there);
        index = find(f, there, al_xxh64(there.at, there.len, 0));
    }
    while (rc == AL_OK && there.len < path.len) {
        size_t end = there.len + 1, from = end;

        while (end < path.len && path.at[end] != '/') {
            end++;
        }
        there.len = end;
        rc = add(f, index, there, end - from, al_xxh64(there.at, there.len, 0), &index);
    }
    if (rc == AL_OK) {
        *ret = index;
    }
    return rc;
}

static bool
is_near(const struct import_folder_near *n, struct al_span path)
{
    return n->index != 0 && n->len == path.len && memcmp(n->path, path.at, path.len) == 0;
}

static void
set_near(struct import_folder_near *n, struct al_span path, uint32_t index)
{
    n->index = index;
    n->len = path.len;
    if (path.len > 0) {
        memcpy(n->path, path.at, path.len);
    }
}

int
import_folder_make(struct import_folders *f, struct import_folder_near *near, struct al_span path,
                   bool has_row)
{
    uint32_t index = 0;
    int rc;

    if (!has_row && is_near(near, path)) {
        return AL_OK;
    }
    port_mutex_lock(&f->lock);
    rc = make(f, path, &index);
    if (rc == AL_OK && has_row) {
        f->all[index].has_row = true;
    }
    port_mutex_unlock(&f->lock);
    if (rc == AL_OK) {
        set_near(near, path, index);
    }
    return rc;
}

uint32_t
import_folder_find(const struct import_folders *f, struct import_folder_near *near,
                   struct al_span path)
{
    uint32_t index;

    if (is_near(near, path)) {
        return near->index;
    }
    index = find(f, path, al_xxh64(path.at, path.len, 0));
    if (index != 0) {
        set_near(near, path, index);
    }
    return index;
}
