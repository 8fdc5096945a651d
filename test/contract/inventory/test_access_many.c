/* Rows of audit logs all over a volume that is large enough to lie in several parts on disk, with many names in many folders:
 * each file has the time that was told of it, and no other file has any. */
#include "help.h"

#include "base/arena.h"
#include "server/inventory/access.h"

#define FOLDERS 600
#define FILES 500 /* of each */
#define LOGGED_NS (NOW_NS - 10 * DAY_NS)

static int64_t expected[FOLDERS][FILES]; /* 0: as the scan had it */
static uint64_t seed = 5, seq;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void
path_of(char *out, size_t folder, size_t file)
{
    snprintf(out, 64, "/d%zu/e%zu/f%zu", folder % 40, folder, file);
}

/* Each name is in each folder. */
static void
fill(struct help *h)
{
    struct inventory_coverage cover = {
        .audited = true, .live = true, .since_ns = LOGGED_NS - DAY_NS, .told_ns = NOW_NS};
    struct scan s;
    char name[32];

    scan_begin(&s, h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    for (size_t i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "d%zu", i);
        scan_folder(&s, 2 + i, 1, name, 0);
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        snprintf(name, sizeof(name), "e%zu", i);
        scan_folder(&s, 100 + i, 2 + i % 40, name, 0);
        for (size_t k = 0; k < FILES; k++) {
            snprintf(name, sizeof(name), "f%zu", k);
            scan_file(&s, 100 + i, name, 1000 + k, 300);
        }
    }
    (void)scan_end(&s);
    TAP_OK(inventory_coverage_set(h->inv, &own, VOLUME, &cover));
}

struct rows {
    struct inventory_access *all;
    char (*paths)[64];
    size_t count;
};

static void
tell(struct rows *r, const char *path, int64_t time_ns)
{
    snprintf(r->paths[r->count], 64, "%s", path);
    r->all[r->count] = (struct inventory_access){.kind = INVENTORY_ACCESS_USED,
                                                 .path = sp(r->paths[r->count]),
                                                 .time_ns = time_ns,
                                                 .reads = 1,
                                                 .user = sp("ann"),
                                                 .host = sp("h"),
                                                 .node = sp("1")};
    r->count++;
}

static struct inventory_access_result
apply(struct help *h, struct rows *r, uint64_t number)
{
    struct inventory_access_result got = {0};

    TAP_OK(inventory_access_apply(h->inv, &own, VOLUME, STREAM, number, r->all, r->count, NOW_NS,
                                  &got));
    return got;
}

static int
compare(void *ctx, const struct inventory_row *row)
{
    char path[64], want[64];
    size_t folder, file;

    snprintf(path, sizeof(path), "%.*s", (int)row->path.len, (const char *)row->path.at);
    if (sscanf(path, "/d%*u/e%zu/f%zu", &folder, &file) != 2) {
        return AL_OK;
    }
    path_of(want, folder, file);
    if (strcmp(want, path) != 0 || folder >= FOLDERS || file >= FILES) {
        tap_fail(__FILE__, __LINE__, "%s is invented", path);
    } else if (expected[folder][file] == 0 ? row->source == INVENTORY_BY_AUDIT
                                           : row->source != INVENTORY_BY_AUDIT ||
                                                 row->accessed_ns != expected[folder][file]) {
        tap_fail(__FILE__, __LINE__, "%s was used at %lld, not %lld", path,
                 (long long)row->accessed_ns, (long long)expected[folder][file]);
    } else {
        ++*(uint64_t *)ctx;
    }
    return AL_OK;
}

/* Every file there is. */
static void
check_all(struct help *h)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < FOLDERS; i++) {
        AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(1u << 20);
        struct inventory_page page = {0};
        struct inventory_list_query q = {.state = -1, .limit = INVENTORY_PAGE_MAX};
        char folder[64];

        snprintf(folder, sizeof(folder), "/d%zu/e%zu", i % 40, i);
        q.folder = sp(folder);
        TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, compare, &seen, arena, &page, NULL));
    }
    TAP_EQUAL_U64(seen, (uint64_t)FOLDERS * FILES);
}

/* count rows of which some are of one file, some of files that are not there. */
static void
one_batch(struct help *h, size_t count, size_t folders)
{
    AL_CLEANUP(al_freep) struct inventory_access *all = al_array(count, sizeof(*all));
    AL_CLEANUP(al_freep) char(*paths)[64] = al_array(count, sizeof(*paths));
    struct rows r = {all, paths, 0};
    size_t first = (size_t)draw(FOLDERS - folders + 1), strange = 0;
    struct inventory_access_result got;

    TAP_CHECK(all != NULL && paths != NULL);
    while (r.count < count) {
        size_t folder = first + (size_t)draw(folders), file = (size_t)draw(FILES);
        int64_t time_ns = LOGGED_NS + (int64_t)draw(9 * 86400) * SECOND_NS + (int64_t)seq;
        char path[64];

        path_of(path, folder, file);
        if (draw(20) == 0) { /* a name that others have, or a folder that is there */
            snprintf(path, sizeof(path), draw(2) == 0 ? "/d%zu/nowhere/f%zu" : "/d%zu/e0/none%zu",
                     draw(40), file);
            strange++;
        } else if (time_ns > expected[folder][file]) {
            expected[folder][file] = time_ns;
        }
        tell(&r, path, time_ns);
    }
    got = apply(h, &r, ++seq);
    TAP_EQUAL_U64(got.unplaced, strange);
    TAP_EQUAL_U64(got.placed, count - strange);
    /* Under its number it changes nothing, nor under another one. */
    got = apply(h, &r, seq);
    TAP_EQUAL_U64(got.placed, 0);
    (void)apply(h, &r, ++seq);
}

static void
each_file_has_what_was_told_of_it_and_no_other_has_any(void)
{
    struct help h;

    help_begin(&h);
    fill(&h);
    one_batch(&h, 40000, FOLDERS);
    check_all(&h);
    one_batch(&h, 3, 1);
    one_batch(&h, 500, 4);
    one_batch(&h, 6000, 30);
    one_batch(&h, 700, FOLDERS);
    check_all(&h);
    /* As it lies in the file. */
    h.inv = inventory_close(h.inv);
    help_open(&h);
    one_batch(&h, 20000, FOLDERS);
    check_all(&h);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(each_file_has_what_was_told_of_it_and_no_other_has_any);
    return tap_end();
}
