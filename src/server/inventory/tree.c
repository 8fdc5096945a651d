/* The folders of a scan, in memory: who lies in whom, what the scan could not look into, numbers in
 * preorder so that "below" is a range. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

void
inv_tree_free(struct inv_tree *t)
{
    al_free(t->nodes);
    al_free(t->table);
    al_free(t->by_scan_id);
    al_free(t->by_id);
    al_free(t->names);
    al_free(t->owners);
    al_free(t->late);
    al_free(t->map);
    memset(t, 0, sizeof(*t));
}

/* Room for one more of `bytes` each; the new part is zero. */
static int
grow(void *io_array, uint64_t *io_cap, uint64_t need, size_t bytes, uint64_t most)
{
    uint64_t cap = *io_cap < 256 ? 256 : *io_cap;
    void *old, *grown;

    if (need <= *io_cap) {
        return AL_OK;
    }
    if (need > most) {
        return AL_ELIMIT;
    }
    while (cap < need) {
        cap *= 2;
    }
    memcpy(&old, io_array, sizeof(old));
    grown = al_realloc(old, (size_t)(cap * bytes));
    if (grown == NULL) {
        return AL_ENOMEM;
    }
    memset((char *)grown + *io_cap * bytes, 0, (size_t)((cap - *io_cap) * bytes));
    memcpy(io_array, &grown, sizeof(grown));
    *io_cap = cap;
    return AL_OK;
}

static int
grow32(void *io_array, uint32_t *io_cap, uint64_t need, size_t bytes, uint64_t most)
{
    uint64_t cap = *io_cap;
    int rc = grow(io_array, &cap, need, bytes, most);

    *io_cap = (uint32_t)cap;
    return rc;
}

static int
add_name(struct inv_tree *t, struct al_span name, uint64_t *ret_at)
{
    int rc = grow(&t->names, &t->names_cap, t->names_len + name.len, 1,
                  (uint64_t)INVENTORY_FOLDERS_MAX * 256);

    if (rc < 0) {
        return rc;
    }
    if (name.len > 0) {
        memcpy(t->names + t->names_len, name.at, name.len);
    }
    *ret_at = t->names_len;
    t->names_len += name.len;
    return AL_OK;
}

static int
add_node(struct inv_tree *t, uint32_t parent, struct al_span name, uint32_t *ret)
{
    struct inv_node *n;
    uint64_t at = 0;
    int rc;

    if (t->count == 0) {
        t->count = 1; /* index 0 stands for none */
    }
    rc = grow32(&t->nodes, &t->cap, (uint64_t)t->count + 1, sizeof(*t->nodes),
                (uint64_t)INVENTORY_FOLDERS_MAX + 2);
    if (rc == AL_OK) {
        rc = add_name(t, name, &at);
    }
    if (rc < 0) {
        return rc;
    }
    n = &t->nodes[t->count];
    memset(n, 0, sizeof(*n));
    n->parent = parent;
    n->name_at = at;
    n->name_len = (uint32_t)name.len;
    *ret = t->count++;
    return AL_OK;
}

static int
folder_record(struct inv_tree *t, const struct entry_record *r)
{
    uint32_t index;
    int rc;

    if (r->folder > INVENTORY_FOLDERS_MAX || r->parent > INVENTORY_FOLDERS_MAX) {
        return AL_ELIMIT;
    }
    rc = grow(&t->by_scan_id, &t->scan_id_cap, r->folder + 1, sizeof(*t->by_scan_id),
              (uint64_t)INVENTORY_FOLDERS_MAX + 1);
    if (rc < 0) {
        return rc;
    }
    index = t->by_scan_id[r->folder];
    if (index != 0) {
        t->nodes[index].flags |= r->flags & INV_WIRE_FLAGS;
        t->nodes[index].unchanged = false;
        return AL_OK;
    }
    rc = add_node(t, (uint32_t)r->parent, r->name, &index);
    if (rc < 0) {
        return rc;
    }
    t->nodes[index].flags = r->flags & INV_WIRE_FLAGS;
    t->nodes[index].listed = true;
    if ((r->flags & ENTRY_UNCHANGED) != 0) {
        t->nodes[index].unchanged = true;
        t->nodes[index].flags &= ~(uint32_t)(ENTRY_UNREADABLE | ENTRY_UNCHANGED);
    }
    t->by_scan_id[r->folder] = index;
    if (r->parent == 0 && t->root == 0) {
        t->root = index;
    }
    return AL_OK;
}

static int
late_entry(struct inv_tree *t, const struct entry_record *r)
{
    struct inv_late *l;
    uint64_t at = 0;
    int rc = grow(&t->late, &t->late_cap, t->late_count + 1, sizeof(*t->late),
                  (uint64_t)INVENTORY_FOLDERS_MAX + 1);

    if (rc == AL_OK) {
        rc = add_name(t, r->name, &at);
    }
    if (rc < 0) {
        return rc;
    }
    l = &t->late[t->late_count++];
    l->scan_id = r->folder;
    l->name_at = at;
    l->name_len = (uint32_t)r->name.len;
    l->flags = r->flags & INV_WIRE_FLAGS;
    return AL_OK;
}

static int
owner_record(struct inv_tree *t, const struct entry_record *r)
{
    uint64_t at = 0;
    int rc = grow32(&t->owners, &t->owner_cap, (uint64_t)t->owner_count + 1, sizeof(*t->owners),
                    INVENTORY_FOLDERS_MAX);

    if (rc == AL_OK) {
        rc = add_name(t, r->name, &at);
    }
    if (rc < 0) {
        return rc;
    }
    t->owners[t->owner_count++] =
        (struct inv_owner){.uid = r->uid, .name_len = (uint32_t)r->name.len, .name_at = at};
    return AL_OK;
}

int
inv_tree_record(struct inv_tree *t, const struct entry_record *r)
{
    if (r->is_folder_record) {
        return folder_record(t, r);
    }
    if (r->is_owner_record) {
        return owner_record(t, r);
    }
    return r->type == PORT_T_FOLDER ? late_entry(t, r) : AL_OK;
}

static struct al_span
name_of(const struct inv_tree *t, uint32_t index)
{
    return (struct al_span){t->names + t->nodes[index].name_at, t->nodes[index].name_len};
}

static uint32_t *
bucket(const struct inv_tree *t, uint32_t parent, struct al_span name)
{
    return &t->table[al_xxh64(name.at, name.len, parent) & t->table_mask];
}

static uint32_t
find(const struct inv_tree *t, uint32_t parent, struct al_span name)
{
    uint32_t i = *bucket(t, parent, name);

    while (i != 0 && (t->nodes[i].parent != parent || !al_span_equal(name_of(t, i), name))) {
        i = t->nodes[i].next_same;
    }
    return i;
}

static void
insert(struct inv_tree *t, uint32_t index)
{
    uint32_t *b = bucket(t, t->nodes[index].parent, name_of(t, index));

    t->nodes[index].next_same = *b;
    *b = index;
}

static int
make_table(struct inv_tree *t)
{
    uint64_t size = 1024;

    while (size < (uint64_t)t->count + t->late_count) {
        size *= 2;
    }
    t->table = al_array((size_t)size, sizeof(*t->table));
    t->table_mask = (uint32_t)(size - 1);
    return t->table != NULL ? AL_OK : AL_ENOMEM;
}

static uint32_t
index_of(const struct inv_tree *t, uint64_t scan_id)
{
    return scan_id < t->scan_id_cap ? t->by_scan_id[scan_id] : 0;
}

/* What the scan could not look into, or left alone: what was known below it stays. */
static bool
is_kept(const struct inv_node *n)
{
    return !n->listed || n->unchanged || (n->flags & (ENTRY_UNREADABLE | ENTRY_MOUNT)) != 0;
}

int
inv_tree_connect(struct inv_tree *t)
{
    uint32_t i;
    uint64_t k;
    int rc;

    if (t->root == 0) {
        return AL_ENODATA;
    }
    rc = make_table(t);
    for (i = 1; rc == AL_OK && i < t->count; i++) {
        struct inv_node *n = &t->nodes[i];

        n->parent = i == t->root ? 0 : index_of(t, n->parent);
        if (n->parent != 0 && find(t, n->parent, name_of(t, i)) != 0) {
            n->parent = 0; /* the same folder under two ids: the first counts */
        }
        if (n->parent != 0) {
            insert(t, i);
        }
    }
    for (k = 0; rc == AL_OK && k < t->late_count; k++) {
        const struct inv_late *l = &t->late[k];
        uint32_t parent = index_of(t, l->scan_id);
        struct al_span name;

        if (parent == 0) {
            continue;
        }
        /* add_node may move the names; a copy of the span would dangle. */
        rc = grow(&t->names, &t->names_cap, t->names_len + l->name_len, 1,
                  (uint64_t)INVENTORY_FOLDERS_MAX * 256);
        name = (struct al_span){t->names + l->name_at, l->name_len};
        if (rc == AL_OK && find(t, parent, name) == 0) {
            rc = add_node(t, parent, name, &i);
            if (rc == AL_OK) {
                t->nodes[i].flags =
                    l->flags | ((l->flags & ENTRY_MOUNT) != 0 ? 0 : ENTRY_UNREADABLE);
                insert(t, i);
            }
        }
    }
    for (i = 1; i < t->count; i++) {
        t->nodes[i].keep = is_kept(&t->nodes[i]);
    }
    return rc;
}

int
inv_tree_known(struct inv_tree *t, uint32_t old_id, uint32_t old_parent, struct al_span name)
{
    return inv_tree_stays(t, old_id, old_parent, name, false);
}

int
inv_tree_stays(struct inv_tree *t, uint32_t old_id, uint32_t old_parent, struct al_span name,
               bool stays)
{
    uint32_t parent, index;
    int rc = grow32(&t->map, &t->map_cap, (uint64_t)old_id + 1, sizeof(*t->map),
                    (uint64_t)INVENTORY_FOLDERS_MAX + 1);

    if (rc < 0) {
        return rc;
    }
    if (old_parent == 0) {
        t->map[old_id] = t->root;
        t->nodes[t->root].known = true;
        return AL_OK;
    }
    parent = old_parent < t->map_cap ? t->map[old_parent] : 0;
    if (parent == 0) {
        return AL_OK;
    }
    index = find(t, parent, name);
    if (index == 0 && (stays || t->nodes[parent].keep)) {
        bool keep = t->nodes[parent].keep;

        rc = add_node(t, parent, name, &index);
        if (rc < 0) {
            return rc;
        }
        t->nodes[index].keep = keep;
        t->nodes[index].unchanged = t->nodes[parent].unchanged;
        t->nodes[index].flags = keep && !t->nodes[index].unchanged ? ENTRY_UNREADABLE : 0;
        insert(t, index);
    }
    t->map[old_id] = index;
    t->nodes[index].known = true; /* 0 is nobody's */
    return AL_OK;
}

void
inv_tree_unread(struct inv_tree *t, uint32_t old_id)
{
    uint32_t index = old_id < t->map_cap ? t->map[old_id] : 0;

    if (index != 0 && t->nodes[index].unchanged) {
        t->nodes[index].flags |= ENTRY_UNREADABLE;
    }
}

static void
link_children(struct inv_tree *t)
{
    for (uint32_t i = t->count - 1; i > 0; i--) {
        struct inv_node *n = &t->nodes[i];

        if (n->parent != 0) {
            n->next_child = t->nodes[n->parent].first_child;
            t->nodes[n->parent].first_child = i;
        }
    }
}

/* The next node in preorder whose path is short enough; the ranges of what is left behind are
 * closed. */
static uint32_t
advance(struct inv_tree *t, uint32_t at, bool down)
{
    uint32_t next = down ? t->nodes[at].first_child : 0;

    while (next == 0) {
        t->nodes[at].last = t->id_count;
        if (at == t->root) {
            return 0;
        }
        next = t->nodes[at].next_child;
        at = t->nodes[at].parent;
    }
    return next;
}

int
inv_tree_number(struct inv_tree *t)
{
    uint32_t at = t->root;

    t->by_id = al_array((size_t)t->count + 1, sizeof(*t->by_id));
    if (t->by_id == NULL) {
        return AL_ENOMEM;
    }
    link_children(t);
    while (at != 0) {
        struct inv_node *n = &t->nodes[at];
        bool fits;

        n->path_len = at == t->root ? 0 : t->nodes[n->parent].path_len + 1 + n->name_len;
        fits = n->path_len <= INVENTORY_PATH_MAX;
        if (fits) {
            n->id = ++t->id_count;
            t->by_id[n->id] = at;
            /* Left alone, and nothing is known of it: made since, so that nobody looked into it. */
            n->flags |= n->unchanged && !n->known ? ENTRY_UNREADABLE : 0;
            t->unreadable += (n->flags & ENTRY_UNREADABLE) != 0;
            t->unchanged += n->unchanged;
        }
        at = advance(t, at, fits);
    }
    return AL_OK;
}

void
inv_tree_sum(struct inv_tree *t)
{
    /* A parent has the smaller id. */
    for (uint32_t id = t->id_count; id > 1; id--) {
        const struct inv_node *n = &t->nodes[t->by_id[id]];
        struct inv_node *parent = &t->nodes[n->parent];

        parent->files += n->files;
        parent->bytes = n->bytes > INT64_MAX - parent->bytes ? INT64_MAX : parent->bytes + n->bytes;
    }
}

int
inv_tree_path(const struct inv_tree *t, uint32_t index, struct al_buf *out)
{
    size_t len = (size_t)t->nodes[index].path_len;
    uint8_t *end;
    int rc;

    if (len == 0) {
        return AL_OK;
    }
    rc = al_buf_reserve(out, len);
    if (rc < 0) {
        return rc;
    }
    end = out->at + out->len + len;
    while (index != t->root) {
        struct al_span name = name_of(t, index);

        end -= name.len;
        memcpy(end, name.at, name.len);
        *--end = '/';
        index = t->nodes[index].parent;
    }
    out->len += len;
    return AL_OK;
}
