/* Names of owners → numbers: those that the volume knows keep theirs, others get one that no host has. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/import_priv.h"

static uint32_t
find(const struct import_owners *o, struct al_span name)
{
    uint32_t i = o->table[al_xxh64(name.at, name.len, 0) & o->table_mask];

    while (i != 0 && (o->all[i].name_len != name.len ||
                      memcmp(o->names + o->all[i].name_at, name.at, name.len) != 0)) {
        i = o->all[i].next_same;
    }
    return i;
}

static void
insert(struct import_owners *o, uint32_t i)
{
    uint32_t *bucket =
        &o->table[al_xxh64(o->names + o->all[i].name_at, o->all[i].name_len, 0) & o->table_mask];

    o->all[i].next_same = *bucket;
    *bucket = i;
}

static int
rehash(struct import_owners *o)
{
    uint32_t size = o->table == NULL ? 1024 : (o->table_mask + 1) * 2,
             *table = al_array(size, sizeof(*table));

    if (table == NULL) {
        return AL_ENOMEM;
    }
    al_free(o->table);
    o->table = table;
    o->table_mask = size - 1;
    for (uint32_t i = 1; i < o->count; i++) {
        insert(o, i);
    }
    return AL_OK;
}

static int
room(struct import_owners *o, size_t bytes)
{
    if (o->count + 1 > o->cap) {
        uint32_t cap = o->cap < 256 ? 256 : o->cap * 2;
        struct import_owner *all = al_realloc(o->all, cap * sizeof(*all));

        if (all == NULL) {
            return AL_ENOMEM;
        }
        o->all = all;
        o->cap = cap;
    }
    if (o->names_len + bytes > o->names_cap) {
        uint64_t cap = 2 * (o->names_len + bytes) + 4096;
        uint8_t *names = al_realloc(o->names, (size_t)cap);

        if (names == NULL) {
            return AL_ENOMEM;
        }
        o->names = names;
        o->names_cap = cap;
    }
    return o->count > o->table_mask ? rehash(o) : AL_OK;
}

static int
add(struct import_owners *o, struct al_span name)
{
    int rc = o->count > IMPORT_OWNERS_MAX ? AL_ELIMIT : room(o, name.len);

    if (rc < 0) {
        return rc;
    }
    o->all[o->count] = (struct import_owner){
        .name_at = o->names_len, .name_len = (uint32_t)name.len, .is_new = true};
    if (name.len > 0) {
        memcpy(o->names + o->names_len, name.at, name.len);
    }
    o->names_len += name.len;
    insert(o, o->count++);
    return AL_OK;
}

int
import_owners_begin(struct import_owners *o)
{
    memset(o, 0, sizeof(*o));
    port_mutex_init(&o->lock);
    o->count = 1;
    o->next_uid = IMPORT_OWNER_FIRST;
    return rehash(o);
}

void
import_owners_end(struct import_owners *o)
{
    al_free(o->all);
    al_free(o->table);
    al_free(o->names);
    port_mutex_end(&o->lock);
    memset(o, 0, sizeof(*o));
}

int
import_owner_make(struct import_owners *o, struct al_span name)
{
    int rc = AL_OK;

    port_mutex_lock(&o->lock);
    if (find(o, name) == 0) {
        rc = add(o, name);
    }
    port_mutex_unlock(&o->lock);
    return rc;
}

void
import_owner_known(struct import_owners *o, struct al_span name, uint32_t uid)
{
    uint32_t i = find(o, name);

    if (uid >= o->next_uid && uid != UINT32_MAX) {
        o->next_uid = uid + 1;
    }
    if (i != 0) {
        o->all[i].uid = uid;
        o->all[i].is_new = false;
    }
}

void
import_owners_number(struct import_owners *o)
{
    for (uint32_t i = 1; i < o->count; i++) {
        if (o->all[i].is_new) {
            o->all[i].uid = o->next_uid++;
        }
    }
}

uint32_t
import_owner_find(const struct import_owners *o, struct al_span name)
{
    uint32_t i = find(o, name);

    return i != 0 ? o->all[i].uid : 0;
}
