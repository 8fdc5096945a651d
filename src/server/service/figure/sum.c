/* Figures of a customer: those of the volumes, added up; lists are merged and cut again. */
#include "server/service/figure/figure.h"

#include <string.h>

void
figure_sum_begin(struct figure_sum *s, struct al_arena *arena, size_t rows)
{
    *s = (struct figure_sum){.arena = arena, .rows = rows};
}

static void
add_totals(struct inventory_figures *all, const struct inventory_figures *f)
{
    struct inventory_totals *t = &all->totals;

    t->files += f->totals.files;
    t->folders += f->totals.folders;
    t->others += f->totals.others;
    t->bytes += f->totals.bytes;
    t->allocated += f->totals.allocated;
    t->stub_files += f->totals.stub_files;
    t->stub_bytes += f->totals.stub_bytes;
    t->freed_bytes += f->totals.freed_bytes;
    t->unreadable += f->totals.unreadable;
    if (f->totals.last_scan_ns > t->last_scan_ns) {
        t->last_scan_ns = f->totals.last_scan_ns;
    }
    all->unknown_access_files += f->unknown_access_files;
    all->unknown_access_bytes += f->unknown_access_bytes;
    all->imported_files += f->imported_files;
    for (unsigned i = 0; i < INVENTORY_SOURCES; i++) {
        all->evidence_files[i] += f->evidence_files[i];
    }
}

/* The list with room for some more, in the arena. */
static void *
grown(struct al_arena *a, const void *list, size_t count, size_t more, size_t bytes)
{
    void *to = al_arena_alloc(a, (count + more + 1) * bytes);

    if (to != NULL && count > 0) {
        memcpy(to, list, count * bytes);
    }
    return to;
}

static int
add_buckets(struct figure_sum *s, struct inventory_bucket **list, size_t *count,
            const struct inventory_bucket *more, size_t more_count)
{
    struct inventory_bucket *to = grown(s->arena, *list, *count, more_count, sizeof(*to));

    if (to == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < more_count; i++) {
        size_t at = 0;

        while (at < *count && (to[at].from != more[i].from || to[at].to != more[i].to)) {
            at++;
        }
        if (at == *count) {
            to[(*count)++] = more[i];
            continue;
        }
        to[at].files += more[i].files;
        to[at].bytes += more[i].bytes;
        to[at].stub_files += more[i].stub_files;
        to[at].stub_bytes += more[i].stub_bytes;
    }
    *list = to;
    return AL_OK;
}

static int
add_groups(struct figure_sum *s, struct inventory_group **list, size_t *count,
           const struct inventory_group *more, size_t more_count)
{
    struct inventory_group *to = grown(s->arena, *list, *count, more_count, sizeof(*to));

    if (to == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < more_count; i++) {
        size_t at = 0;

        while (at < *count && !al_span_equal(to[at].name, more[i].name)) {
            at++;
        }
        if (at == *count) {
            to[(*count)++] = more[i];
            continue;
        }
        to[at].files += more[i].files;
        to[at].bytes += more[i].bytes;
        to[at].allocated += more[i].allocated;
        to[at].stub_files += more[i].stub_files;
        to[at].stub_bytes += more[i].stub_bytes;
    }
    for (size_t i = 1; i < *count; i++) { /* most bytes first; nearly sorted already */
        struct inventory_group g = to[i];
        size_t k = i;

        for (; k > 0 && to[k - 1].bytes < g.bytes; k--) {
            to[k] = to[k - 1];
        }
        to[k] = g;
    }
    *list = to;
    return AL_OK;
}

/* ---- files, each with its volume ---- */

typedef bool before_fn(const struct inventory_row *a, const struct inventory_row *b);

static bool
hotter(const struct inventory_row *a, const struct inventory_row *b)
{
    return a->accessed_ns > b->accessed_ns;
}

/* What is unknown is not cold: it comes last. */
static bool
colder(const struct inventory_row *a, const struct inventory_row *b)
{
    bool known_a = a->accessed_ns != RULE_TIME_UNKNOWN,
         known_b = b->accessed_ns != RULE_TIME_UNKNOWN;

    return known_a != known_b ? known_a : a->accessed_ns < b->accessed_ns;
}

static bool
larger(const struct inventory_row *a, const struct inventory_row *b)
{
    return a->size > b->size;
}

/* Two lists in order become one. */
static int
add_rows(struct figure_sum *s, struct inventory_row **list, al_id **of, size_t *count,
         const struct inventory_row *more, size_t more_count, const char *volume_id,
         before_fn *before)
{
    struct inventory_row *to = al_arena_alloc(s->arena, (*count + more_count + 1) * sizeof(*to));
    al_id *ids = al_arena_alloc(s->arena, (*count + more_count + 1) * sizeof(*ids));
    size_t a = 0, b = 0, n = 0;

    if (to == NULL || ids == NULL) {
        return AL_ENOMEM;
    }
    while (n < s->rows && (a < *count || b < more_count)) {
        bool second = a == *count || (b < more_count && before(&more[b], &(*list)[a]));

        to[n] = second ? more[b] : (*list)[a];
        memcpy(ids[n], second ? volume_id : (*of)[a], sizeof(al_id));
        n++;
        a += !second;
        b += second;
    }
    *list = to;
    *of = ids;
    *count = n;
    return AL_OK;
}

static int
add_duplicates(struct figure_sum *s, const char *volume_id, const struct inventory_figures *f)
{
    struct inventory_figures *all = &s->all;
    size_t most = all->duplicate_count + f->duplicate_count + 1, a = 0, b = 0, n = 0;
    struct inventory_duplicate *to = al_arena_alloc(s->arena, most * sizeof(*to));
    al_id *ids = al_arena_alloc(s->arena, most * sizeof(*ids));

    if (to == NULL || ids == NULL) {
        return AL_ENOMEM;
    }
    while (n < s->rows && (a < all->duplicate_count || b < f->duplicate_count)) {
        bool second = a == all->duplicate_count ||
                      (b < f->duplicate_count &&
                       f->duplicates[b].wasted_bytes > all->duplicates[a].wasted_bytes);

        to[n] = second ? f->duplicates[b] : all->duplicates[a];
        memcpy(ids[n], second ? volume_id : s->duplicates_of[a], sizeof(al_id));
        n++;
        a += !second;
        b += second;
    }
    all->duplicates = to;
    all->duplicate_count = n;
    s->duplicates_of = ids;
    return AL_OK;
}

int
figure_sum_add(struct figure_sum *s, const char *volume_id, const struct inventory_figures *f)
{
    struct inventory_figures *all = &s->all;

    add_totals(all, f);
    SV_TRY(add_buckets(s, &all->age, &all->age_count, f->age, f->age_count));
    SV_TRY(add_buckets(s, &all->modified, &all->modified_count, f->modified, f->modified_count));
    SV_TRY(add_buckets(s, &all->size, &all->size_count, f->size, f->size_count));
    SV_TRY(add_groups(s, &all->exts, &all->ext_count, f->exts, f->ext_count));
    SV_TRY(add_groups(s, &all->owners, &all->owner_count, f->owners, f->owner_count));
    SV_TRY(add_rows(s, &all->hottest, &s->hottest_of, &all->hottest_count, f->hottest,
                    f->hottest_count, volume_id, hotter));
    SV_TRY(add_rows(s, &all->coldest, &s->coldest_of, &all->coldest_count, f->coldest,
                    f->coldest_count, volume_id, colder));
    SV_TRY(add_rows(s, &all->largest, &s->largest_of, &all->largest_count, f->largest,
                    f->largest_count, volume_id, larger));
    return add_duplicates(s, volume_id, f);
}

void
figure_sum_end(struct figure_sum *s)
{
    struct inventory_figures *all = &s->all;

    all->ext_count = all->ext_count > s->rows ? s->rows : all->ext_count;
    all->owner_count = all->owner_count > s->rows ? s->rows : all->owner_count;
    /* Not NULL, also of no volume: these lists tell which volume each row is of. */
    s->from = (struct figure_from){s->hottest_of, s->coldest_of, s->largest_of, s->duplicates_of};
}
