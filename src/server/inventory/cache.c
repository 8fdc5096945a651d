/* Pages that were read lately, so that who scrolls, and many who look at the same folder, do not
 * ask DuckDB each time. A page's key holds the volume's version: what was changed is never found
 * again and ages out. Pages are counted and never change once made. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define TABLE_SIZE                                                                                 \
    16384u /* a power of two; a page of 50 rows takes some 10 KiB, 64 MiB of them some 6,500 */

int
inv_cache_begin(struct inv_cache *c, uint64_t bytes_max)
{
    port_mutex_init(&c->lock);
    al_list_init(&c->pages);
    c->bytes_max = bytes_max;
    c->table = al_array(TABLE_SIZE, sizeof(*c->table));
    return c->table != NULL ? AL_OK : AL_ENOMEM;
}

static void
free_page(struct inv_page *p)
{
    al_free(p->key);
    al_free(p->rows);
    al_buf_free(&p->text);
    al_free(p->next_cursor);
    al_free(p);
}

/* Under the lock. */
static void
forget(struct inv_cache *c, struct inv_page *p)
{
    struct inv_page **at = &c->table[p->hash & (TABLE_SIZE - 1)];

    while (*at != p) {
        at = &(*at)->next_same;
    }
    *at = p->next_same;
    al_list_drop(&p->link);
    c->bytes -= p->bytes;
    if (--p->refs == 0) {
        free_page(p);
    }
}

void
inv_cache_end(struct inv_cache *c)
{
    while (c->table != NULL && !al_list_empty(&c->pages)) {
        forget(c, AL_LIST_ITEM(c->pages.next, struct inv_page, link));
    }
    al_free(c->table);
    c->table = NULL;
    port_mutex_end(&c->lock);
}

/* Under the lock. */
static struct inv_page *
find(struct inv_cache *c, struct al_span key, uint64_t hash)
{
    struct inv_page *p = c->table[hash & (TABLE_SIZE - 1)];

    while (p != NULL &&
           (p->hash != hash || p->key_len != key.len || memcmp(p->key, key.at, key.len) != 0)) {
        p = p->next_same;
    }
    return p;
}

struct inv_page *
inv_cache_get(struct inv_cache *c, struct al_span key)
{
    uint64_t hash = al_xxh64(key.at, key.len, 0);
    struct inv_page *p;

    port_mutex_lock(&c->lock);
    p = find(c, key, hash);
    if (p != NULL) {
        p->refs++;
        al_list_drop(&p->link);
        al_list_push(&c->pages, &p->link);
    }
    port_mutex_unlock(&c->lock);
    return p;
}

void
inv_cache_put(struct inv_cache *c, struct al_span key, struct inv_page *p)
{
    uint64_t hash = al_xxh64(key.at, key.len, 0);

    p->key = al_memdup(key.at, key.len);
    if (p->key == NULL) {
        return; /* a page that is not kept is read again */
    }
    p->key_len = key.len;
    p->hash = hash;
    p->bytes = sizeof(*p) + key.len + p->row_cap * sizeof(*p->rows) + p->text.cap +
               INVENTORY_CURSOR_MAX / 16;
    port_mutex_lock(&c->lock);
    if (find(c, key, hash) == NULL && p->bytes <= c->bytes_max) {
        p->refs++;
        p->next_same = c->table[hash & (TABLE_SIZE - 1)];
        c->table[hash & (TABLE_SIZE - 1)] = p;
        al_list_push(&c->pages, &p->link);
        c->bytes += p->bytes;
        while (c->bytes > c->bytes_max) {
            forget(c, AL_LIST_ITEM(c->pages.next, struct inv_page, link));
        }
    }
    port_mutex_unlock(&c->lock);
}

struct inv_page *
inv_page_new(size_t rows)
{
    struct inv_page *p = al_zalloc(sizeof(*p));

    if (p == NULL) {
        return NULL;
    }
    p->refs = 1;
    p->row_cap = rows;
    al_buf_init(&p->text, (size_t)INVENTORY_PAGE_MAX * 2 * INVENTORY_PATH_MAX);
    p->rows = al_array(rows, sizeof(*p->rows));
    if (p->rows == NULL) {
        free_page(p);
        return NULL;
    }
    return p;
}

void
inv_page_done(struct inv_cache *c, struct inv_page *p)
{
    bool last;

    if (p == NULL) {
        return;
    }
    port_mutex_lock(&c->lock);
    last = --p->refs == 0;
    port_mutex_unlock(&c->lock);
    if (last) {
        free_page(p);
    }
}

int
inv_page_add(struct inv_page *p, const struct inventory_row *row)
{
    struct inventory_row *to = &p->rows[p->count];
    int rc = al_buf_add(&p->text, row->path.at, row->path.len);

    if (rc < 0) {
        return rc;
    }
    *to = *row;
    p->count++;
    return AL_OK;
}

void
inv_page_end(struct inv_page *p)
{
    size_t at = 0;

    /* Only now does the text stay where it is. */
    for (size_t i = 0; i < p->count; i++) {
        struct inventory_row *row = &p->rows[i];

        row->path.at = p->text.at + at;
        row->name.at = row->path.at + row->path.len - row->name.len;
        at += row->path.len;
    }
}
