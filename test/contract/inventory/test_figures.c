/* Figures against the same worked out anew, file by file, from the list of all entries: after scans and
 * outcomes drawn at random, with hostile names, and for every folder. */
#include "help.h"

#include "server/inventory/figures.h"

/* What stubs and archived files have in common. */
#define ON_SHARE(r) ((r)->state == RULE_S_STUB || (r)->state == RULE_S_ARCHIVED)

#define FOLDERS 24u
#define FILES_MAX 1000u
#define ARENA_BYTES (64u << 20)

static uint64_t seed = 11;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

/* ---- what lies there, as the list tells it ---- */

struct file {
    uint8_t path[1024];
    size_t len;
    struct inventory_row row; /* spans not valid */
};
struct world {
    struct file files[FILES_MAX];
    size_t count;
};

static int
add_row(void *ctx, const struct inventory_row *row)
{
    struct world *w = ctx;
    struct file *f = &w->files[w->count++];

    TAP_CHECK(w->count < FILES_MAX && row->path.len <= sizeof(f->path));
    memcpy(f->path, row->path.at, row->path.len);
    f->len = row->path.len;
    f->row = *row;
    return AL_OK;
}

static void
world_read(struct help *h, struct world *w)
{
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = 500};
    struct inventory_page page = {0};

    w->count = 0;
    do {
        q.cursor = page.next_cursor;
        TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, add_row, w, arena, &page, NULL));
    } while (page.next_cursor != NULL);
    al_arena_free(arena);
}

static struct al_span
path_of(const struct file *f)
{
    return (struct al_span){f->path, f->len};
}

static bool
lies_below(const struct file *f, struct al_span folder)
{
    return folder.len == 0 || (f->len > folder.len && memcmp(f->path, folder.at, folder.len) == 0 &&
                               f->path[folder.len] == '/');
}

/* ---- what to draw from ---- */

static const char *const names[] = {"a.txt",
                                    "b.MOV",
                                    "c",
                                    ".hidden",
                                    "x.tar.gz",
                                    "two words.doc",
                                    "q\"u'o,te;.csv",
                                    "new\nline.txt",
                                    "\xff\xfe.bin",
                                    "\xc3\x28.mov",
                                    "=SUM(A1).xls",
                                    "tab\t.txt",
                                    "\xe2\x82\xac.txt",
                                    "ends.",
                                    "%s%n.c",
                                    "--",
                                    " lead.txt",
                                    "back\\slash.h"};
static const uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 1000000, 1u << 20, 5000000000u};

static struct entry_record
drawn(uint64_t folder, size_t name)
{
    struct entry_record e =
        a_file(folder, names[name], sizes[draw(AL_LEN(sizes))], (int)draw(3000));

    e.uid = 1000 + (uint32_t)draw(3);
    e.mtime_ns = NOW_NS - (int64_t)draw(3000) * DAY_NS + (int64_t)draw(1000);
    e.atime_ns = draw(9) == 0 ? RULE_TIME_UNKNOWN : e.atime_ns;
    if (draw(10) == 0) {
        e.atime_ns = NOW_NS + DAY_NS;
    }
    if (draw(4) == 0) {
        e.flags |= ENTRY_STUB;
        e.allocated = 0;
    }
    if (draw(20) == 0) {
        e.type = PORT_T_SYMLINK;
    }
    return e;
}

static void
random_scan(struct help *h, uint64_t n)
{
    struct entry_record owner = {.is_owner_record = true, .uid = 1001, .name = sp("ann\xff")};
    struct scan s;
    char id[AL_ID_LEN + 1], name[32];

    snprintf(id, sizeof(id), "01hs%022llu", (unsigned long long)n);
    scan_begin(&s, h, id);
    scan_folder(&s, 1, 0, "", 0);
    for (uint64_t f = 2; f <= FOLDERS; f++) {
        if (draw(12) == 0) {
            continue; /* it and what lies in it is gone, or never was */
        }
        snprintf(name, sizeof(name), f % 5 == 0 ? "d\xff%llu" : "dir %llu", (unsigned long long)f);
        scan_folder(&s, f, f / 2, name, draw(15) == 0 ? ENTRY_UNREADABLE : 0);
    }
    for (uint64_t f = 1; f <= FOLDERS; f++) {
        for (size_t i = 0; i < AL_LEN(names); i++) {
            if (draw(3) > 0) {
                struct entry_record e = drawn(f, i);

                scan_add(&s, &e);
            }
        }
    }
    scan_add(&s, &owner);
    (void)scan_end(&s);
}

static void
random_outcomes(struct help *h, const struct world *w, uint64_t seq)
{
    struct inventory_outcome rows[40];
    size_t count = 1 + draw(AL_LEN(rows));

    for (size_t i = 0; i < count; i++) {
        const struct file *f = &w->files[draw(w->count)];

        rows[i] = (struct inventory_outcome){.path = path_of(f),
                                             .set = (unsigned)(1 + draw(31)),
                                             .state = (enum rule_state)draw(RULE_S_COUNT),
                                             .object_id = SCAN(99),
                                             .allocated = draw(100000),
                                             .size = sizes[draw(AL_LEN(sizes))],
                                             .mtime_ns = NOW_NS - (int64_t)draw(4000) * DAY_NS,
                                             .accessed_ns = NOW_NS - (int64_t)draw(4000) * DAY_NS,
                                             .source = (enum inventory_source)draw(4)};
        if (f->row.type == PORT_T_FILE && draw(6) == 0) {
            rows[i].set = INVENTORY_SET_GONE;
        }
    }
    TAP_OK(inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, seq, rows, count, NULL));
}

/* ---- the tree ---- */

struct sums {
    uint64_t files, bytes, allocated, stub_files, stub_bytes, folders, others;
    int64_t accessed, modified;
};

static struct sums
sums_below(const struct world *w, struct al_span folder)
{
    struct sums s = {.accessed = RULE_TIME_UNKNOWN, .modified = RULE_TIME_UNKNOWN};

    for (size_t i = 0; i < w->count; i++) {
        const struct inventory_row *r = &w->files[i].row;

        if (!lies_below(&w->files[i], folder)) {
            continue;
        }
        if (r->type != PORT_T_FILE) {
            s.folders += r->type == PORT_T_FOLDER;
            s.others += r->type != PORT_T_FOLDER;
            continue;
        }
        s.files++;
        s.bytes += r->size;
        s.allocated += r->allocated;
        s.stub_files += ON_SHARE(r);
        s.stub_bytes += ON_SHARE(r) ? r->size : 0;
        s.accessed = r->accessed_ns > s.accessed ? r->accessed_ns : s.accessed;
        s.modified = r->mtime_ns > s.modified ? r->mtime_ns : s.modified;
    }
    return s;
}

static void
check_folder(const struct world *w, const struct inventory_folder *f)
{
    struct sums s = sums_below(w, f->path.len == 1 ? (struct al_span){f->path.at, 0} : f->path);

    TAP_EQUAL_U64(f->files, s.files);
    TAP_EQUAL_U64(f->bytes, s.bytes);
    TAP_EQUAL_U64(f->allocated, s.allocated);
    TAP_EQUAL_U64(f->stub_files, s.stub_files);
    TAP_EQUAL_U64(f->stub_bytes, s.stub_bytes);
    TAP_EQUAL_U64(f->folders, s.folders);
    TAP_CHECK(f->has_children == (s.folders > 0));
    TAP_EQUAL_U64((uint64_t)f->accessed_ns, (uint64_t)s.accessed);
    TAP_EQUAL_U64((uint64_t)f->modified_ns, (uint64_t)s.modified);
}

struct walk {
    struct help *h;
    const struct world *w;
    enum inventory_tree_sort sort;
    uint64_t seen, last;
    bool first;
};

static void check_tree(struct help *h, const struct world *w, struct al_span folder,
                       uint64_t *io_folders);

static int
one_child(void *ctx, const struct inventory_folder *f)
{
    struct walk *walk = ctx;
    uint64_t key = walk->sort == INVENTORY_TREE_FILES ? f->files : f->bytes;

    check_folder(walk->w, f);
    if (walk->sort == INVENTORY_TREE_BYTES || walk->sort == INVENTORY_TREE_FILES) {
        TAP_CHECK(walk->first || key <= walk->last);
    }
    walk->first = false;
    walk->last = key;
    walk->seen++;
    return AL_OK;
}

struct children {
    uint8_t paths[FOLDERS][256];
    size_t len[FOLDERS], count;
};

static int
keep_child(void *ctx, const struct inventory_folder *f)
{
    struct children *c = ctx;

    memcpy(c->paths[c->count], f->path.at, f->path.len);
    c->len[c->count++] = f->path.len;
    return AL_OK;
}

static void
check_tree(struct help *h, const struct world *w, struct al_span folder, uint64_t *io_folders)
{
    struct al_arena *arena = al_arena_new(1u << 20);
    struct children children = {.count = 0};
    struct inventory_folder self;
    uint64_t total = 0;

    for (int sort = 0; sort <= INVENTORY_TREE_ACCESSED; sort++) {
        struct walk walk = {.h = h, .w = w, .sort = (enum inventory_tree_sort)sort, .first = true};
        struct inventory_tree_query q = {.folder = folder, .sort = walk.sort, .limit = 7};

        do {
            TAP_OK(
                inventory_tree(h->inv, &own, VOLUME, &q, arena, &self, &total, one_child, &walk));
            q.offset += q.limit;
        } while (q.offset < total);
        TAP_EQUAL_U64(walk.seen, total);
        check_folder(w, &self);
    }
    {
        struct inventory_tree_query q = {
            .folder = folder, .sort = INVENTORY_TREE_NAME, .limit = INVENTORY_PAGE_MAX};

        TAP_OK(
            inventory_tree(h->inv, &own, VOLUME, &q, arena, &self, &total, keep_child, &children));
    }
    *io_folders += children.count;
    for (size_t i = 0; i < children.count; i++) {
        check_tree(h, w, (struct al_span){children.paths[i], children.len[i]}, io_folders);
    }
    al_arena_free(arena);
}

/* ---- figures ---- */

static void
check_buckets(const struct world *w, struct al_span folder, const struct inventory_bucket *b,
              size_t count, int what)
{
    TAP_CHECK(count > 3 && b[0].from == 0 && b[count - 1].to == INT64_MAX);
    for (size_t i = 0; i < count; i++) {
        uint64_t files = 0, bytes = 0, stub_files = 0, stub_bytes = 0;

        TAP_CHECK(i == 0 || b[i].from == b[i - 1].to);
        for (size_t k = 0; k < w->count; k++) {
            const struct inventory_row *r = &w->files[k].row;
            int64_t x;

            if (r->type != PORT_T_FILE || !lies_below(&w->files[k], folder) ||
                (what == 0 && r->accessed_ns == RULE_TIME_UNKNOWN)) {
                continue;
            }
            x = what == 0   ? NOW_NS - r->accessed_ns
                : what == 1 ? NOW_NS - r->mtime_ns
                            : (int64_t)r->size;
            x = x < 0 ? 0 : x;
            if (x >= b[i].from && x < b[i].to) {
                files++;
                bytes += r->size;
                stub_files += ON_SHARE(r);
                stub_bytes += ON_SHARE(r) ? r->size : 0;
            }
        }
        TAP_EQUAL_U64(b[i].files, files);
        TAP_EQUAL_U64(b[i].bytes, bytes);
        TAP_EQUAL_U64(b[i].stub_files, stub_files);
        TAP_EQUAL_U64(b[i].stub_bytes, stub_bytes);
    }
}

static bool
in_group(const struct file *f, struct al_span group, bool owners)
{
    uint8_t lower[256];
    char uid[32];
    struct al_span name = rule_name_of(path_of(f)), ext = rule_ext_of(name);

    if (owners) {
        snprintf(uid, sizeof(uid), "%u", f->row.uid);
        return al_span_equal(group, f->row.uid == 1001 ? sp("ann\xff") : sp(uid));
    }
    rule_fold(ext, lower);
    return al_span_equal(group, (struct al_span){lower, ext.len});
}

static void
check_groups(const struct world *w, struct al_span folder, const struct inventory_group *g,
             size_t count, bool owners)
{
    uint64_t all = 0;

    for (size_t i = 0; i < count; i++) {
        struct sums s = {0};

        TAP_CHECK(i == 0 || g[i].bytes <= g[i - 1].bytes);
        for (size_t k = 0; k < w->count; k++) {
            const struct inventory_row *r = &w->files[k].row;

            if (r->type == PORT_T_FILE && lies_below(&w->files[k], folder) &&
                in_group(&w->files[k], g[i].name, owners)) {
                s.files++;
                s.bytes += r->size;
                s.allocated += r->allocated;
                s.stub_files += ON_SHARE(r);
                s.stub_bytes += ON_SHARE(r) ? r->size : 0;
            }
        }
        TAP_EQUAL_U64(g[i].files, s.files);
        TAP_EQUAL_U64(g[i].bytes, s.bytes);
        TAP_EQUAL_U64(g[i].allocated, s.allocated);
        TAP_EQUAL_U64(g[i].stub_files, s.stub_files);
        TAP_EQUAL_U64(g[i].stub_bytes, s.stub_bytes);
        all += s.files;
    }
    TAP_EQUAL_U64(all, sums_below(w, folder).files);
}

/* Row i of a list has the i-th greatest key of all files, and is one of them. */
static int64_t
key_of(const struct inventory_row *r, int list)
{
    return list == 2                             ? (int64_t)r->size
           : list == 0                           ? r->accessed_ns
           : r->accessed_ns == RULE_TIME_UNKNOWN ? INT64_MIN
                                                 : -r->accessed_ns;
}

static void
check_list(const struct world *w, struct al_span folder, const struct inventory_row *rows,
           size_t count, size_t asked, int list)
{
    uint64_t counted = 0;

    for (size_t i = 0; i < w->count; i++) {
        const struct inventory_row *r = &w->files[i].row;

        counted += r->type == PORT_T_FILE && lies_below(&w->files[i], folder) &&
                   (list != 0 || r->accessed_ns != RULE_TIME_UNKNOWN);
    }
    TAP_EQUAL_U64(count, counted < asked ? counted : asked);
    for (size_t i = 0; i < count; i++) {
        size_t above = 0, is = 0, level = 0;

        for (size_t k = 0; k < w->count; k++) {
            const struct inventory_row *r = &w->files[k].row;

            if (r->type != PORT_T_FILE || !lies_below(&w->files[k], folder)) {
                continue;
            }
            above += key_of(r, list) > key_of(&rows[i], list);
            level += key_of(r, list) == key_of(&rows[i], list);
            is += al_span_equal(path_of(&w->files[k]), rows[i].path) && r->size == rows[i].size &&
                  r->ino == rows[i].ino;
        }
        TAP_EQUAL_U64(is, 1);
        TAP_CHECK(above <= i && i < above + level);
    }
}

static void
check_duplicates(const struct world *w, struct al_span folder, const struct inventory_duplicate *d,
                 size_t count, size_t asked)
{
    uint64_t groups = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t files = 0, samples = 0;

        TAP_CHECK(i == 0 || d[i].wasted_bytes <= d[i - 1].wasted_bytes);
        TAP_EQUAL_U64(d[i].wasted_bytes, (d[i].files - 1) * d[i].size);
        for (size_t k = 0; k < w->count; k++) {
            const struct file *f = &w->files[k];

            if (f->row.type == PORT_T_FILE && lies_below(f, folder) && f->row.size == d[i].size &&
                al_span_equal(rule_name_of(path_of(f)), d[i].name)) {
                files++;
                samples += al_span_equal(path_of(f), d[i].sample_path);
            }
        }
        TAP_EQUAL_U64(d[i].files, files);
        TAP_EQUAL_U64(samples, 1);
    }
    /* Of each name and size one file is the first; those with another are a group. */
    for (size_t k = 0; k < w->count; k++) {
        bool first = true, more = false;

        for (size_t m = 0; m < w->count; m++) {
            bool same = w->files[m].row.type == PORT_T_FILE && lies_below(&w->files[m], folder) &&
                        w->files[m].row.size == w->files[k].row.size &&
                        al_span_equal(rule_name_of(path_of(&w->files[m])),
                                      rule_name_of(path_of(&w->files[k])));

            first = first && !(same && m < k);
            more = more || (same && m > k);
        }
        groups += w->files[k].row.type == PORT_T_FILE && lies_below(&w->files[k], folder) &&
                  w->files[k].row.size > 0 && first && more;
    }
    TAP_EQUAL_U64(count, groups < asked ? groups : asked);
}

static void
check_figures(struct help *h, const struct world *w, struct al_span folder, size_t rows)
{
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct inventory_figures f = {0};
    struct inventory_figures_query q = {
        .folder = folder, .want = 511, .rows = rows, .now_ns = NOW_NS};
    struct sums s = sums_below(w, folder);
    uint64_t by_source[INVENTORY_SOURCES] = {0}, unknown = 0, known = 0;

    TAP_OK(inventory_figures(h->inv, &own, VOLUME, &q, arena, &f));
    for (size_t i = 0; i < w->count; i++) {
        const struct inventory_row *r = &w->files[i].row;

        if (r->type == PORT_T_FILE && lies_below(&w->files[i], folder)) {
            unknown += r->accessed_ns == RULE_TIME_UNKNOWN;
            by_source[r->source] += r->accessed_ns != RULE_TIME_UNKNOWN;
        }
    }
    TAP_EQUAL_U64(f.totals.files, s.files);
    TAP_EQUAL_U64(f.totals.folders, s.folders + 1);
    TAP_EQUAL_U64(f.totals.others, s.others);
    TAP_EQUAL_U64(f.totals.bytes, s.bytes);
    TAP_EQUAL_U64(f.totals.allocated, s.allocated);
    TAP_EQUAL_U64(f.totals.stub_files, s.stub_files);
    TAP_EQUAL_U64(f.totals.stub_bytes, s.stub_bytes);
    TAP_EQUAL_U64(f.unknown_access_files, unknown);
    for (int i = 0; i < INVENTORY_SOURCES; i++) {
        TAP_EQUAL_U64(f.evidence_files[i], by_source[i]);
        known += by_source[i];
    }
    TAP_EQUAL_U64(known + unknown, s.files);
    check_buckets(w, folder, f.age, f.age_count, 0);
    check_buckets(w, folder, f.modified, f.modified_count, 1);
    check_buckets(w, folder, f.size, f.size_count, 2);
    if (rows > AL_LEN(names)) {
        check_groups(w, folder, f.exts, f.ext_count, false);
        check_groups(w, folder, f.owners, f.owner_count, true);
    }
    check_list(w, folder, f.hottest, f.hottest_count, rows, 0);
    check_list(w, folder, f.coldest, f.coldest_count, rows, 1);
    check_list(w, folder, f.largest, f.largest_count, rows, 2);
    check_duplicates(w, folder, f.duplicates, f.duplicate_count, rows);
    al_arena_free(arena);
}

static void
check_totals(struct help *h)
{
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct inventory_totals t;
    struct inventory_figures f = {0};
    struct inventory_figures_query q = {.folder = sp("/"), .now_ns = NOW_NS};

    TAP_OK(inventory_totals(h->inv, &own, VOLUME, &t));
    TAP_OK(inventory_figures(h->inv, &own, VOLUME, &q, arena, &f));
    TAP_EQUAL_U64(t.files, f.totals.files);
    TAP_EQUAL_U64(t.folders, f.totals.folders);
    TAP_EQUAL_U64(t.others, f.totals.others);
    TAP_EQUAL_U64(t.bytes, f.totals.bytes);
    TAP_EQUAL_U64(t.allocated, f.totals.allocated);
    TAP_EQUAL_U64(t.stub_files, f.totals.stub_files);
    TAP_EQUAL_U64(t.stub_bytes, f.totals.stub_bytes);
    TAP_EQUAL_U64(t.freed_bytes, f.totals.freed_bytes);
    TAP_EQUAL_U64(t.unreadable, f.totals.unreadable);
    TAP_EQUAL_U64((uint64_t)t.last_scan_ns, (uint64_t)f.totals.last_scan_ns);
    TAP_EQUAL_STR(t.last_scan_id, f.totals.last_scan_id);
    al_arena_free(arena);
}

static uint64_t rounds = 12;

static void
figures_equal_those_worked_out_from_all_rows(void)
{
    struct world *w = al_zalloc(sizeof(*w));
    struct help h;

    TAP_CHECK(w != NULL);
    help_begin(&h);
    for (uint64_t n = 1; n <= rounds; n++) {
        uint64_t folders = 0;
        size_t one;

        if (n == 1 || draw(4) == 0) {
            random_scan(&h, n);
        } else {
            random_outcomes(&h, w, n);
        }
        if (draw(8) == 0) {
            h.inv = inventory_close(h.inv);
            help_open(&h);
        }
        world_read(&h, w);
        check_tree(&h, w, sp(""), &folders);
        TAP_EQUAL_U64(folders, sums_below(w, sp("")).folders);
        check_totals(&h);
        check_figures(&h, w, sp(""), 1000);
        check_figures(&h, w, sp(""), 5);
        one = draw(w->count);
        if (w->files[one].row.type == PORT_T_FOLDER) {
            check_figures(&h, w, path_of(&w->files[one]), 1000);
        }
    }
    help_end(&h);
    al_free(w);
}

int
main(int argc, char **argv)
{
    rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : rounds;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : seed;
    TAP_RUN(figures_equal_those_worked_out_from_all_rows);
    return tap_end();
}
