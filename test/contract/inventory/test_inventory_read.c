#include "help.h"

/* ---- pages ---- */

struct page_ctx {
    char *paths[600];
    size_t count;
};

static int
take_path(void *ctx, const struct inventory_row *row)
{
    struct page_ctx *p = ctx;

    if (p->count == AL_LEN(p->paths)) {
        return AL_ELIMIT;
    }
    p->paths[p->count++] = al_span_dup(row->path);
    return AL_OK;
}

static void
page_free(struct page_ctx *p)
{
    for (size_t i = 0; i < p->count; i++) {
        al_free(p->paths[i]);
    }
    p->count = 0;
}

/* Reads a list through pages; the number of pages. */
static size_t
read_pages(struct help *h, struct inventory_list_query q, struct page_ctx *out)
{
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_page page = {0};
    size_t pages = 0;
    struct al_fail fail = {0};

    do {
        q.cursor = page.next_cursor;
        int rc = inventory_list(h->inv, &own, VOLUME, &q, take_path, out, arena, &page, &fail);

        if (rc < 0) {
            tap_fail(__FILE__, __LINE__, "inventory_list gave %d: %s", rc, fail.text);
        }
        pages++;
    } while (page.next_cursor != NULL && pages < 1000);
    al_arena_free(arena);
    return pages;
}

static void
hostile_scan(struct help *h)
{
    static const char *const names[] = {
        "a",    "A",   "\xff\xfe",          "new\nline", "quote'\"", "per%cent_", "back\\slash",
        "st*r", "[x]", "\xc3\xa9t\xc3\xa9", " ",         "~",        "-rf",       "$(x)"};
    struct scan s;

    scan_begin(&s, h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    for (uint64_t f = 0; f < AL_LEN(names); f++) {
        scan_folder(&s, f + 2, f % 3 == 0 ? 1 : f + 1, names[f], 0);
        for (uint64_t i = 0; i < AL_LEN(names); i++) {
            char name[64];
            struct entry_record e;

            snprintf(name, sizeof(name), "%s.%u", names[i], (unsigned)(i % 4));
            e = a_file(f + 2, name, i % 5 * 1000, (int)(f % 4));
            e.atime_ns = i % 7 == 0 ? RULE_TIME_UNKNOWN : e.atime_ns;
            scan_add(&s, &e);
        }
    }
    (void)scan_end(&s);
}

static void
pages_give_each_row_once_in_every_order(void)
{
    struct help h;
    struct page_ctx whole = {0}, paged = {0};

    help_begin(&h);
    hostile_scan(&h);
    for (int sort = 0; sort < 4; sort++) {
        for (int way = 0; way < 4; way++) {
            struct inventory_list_query q = {.recursive = (way & 1) != 0,
                                             .descending = (way & 2) != 0,
                                             .state = -1,
                                             .sort = (enum inventory_sort)sort,
                                             .folder = sp((way & 1) != 0 ? "" : "/\xff\xfe"),
                                             .limit = INVENTORY_PAGE_MAX};

            q.folder = sp((way & 1) != 0 ? "" : "/a");
            TAP_EQUAL_U64(read_pages(&h, q, &whole), 1);
            TAP_EQUAL_U64(whole.count, (way & 1) != 0 ? 14 * 15 : 15);
            q.limit = (way & 1) != 0 ? 13 : 4;
            (void)read_pages(&h, q, &paged);
            TAP_EQUAL_U64(paged.count, whole.count);
            for (size_t i = 0; i < whole.count; i++) {
                TAP_EQUAL_STR(paged.paths[i], whole.paths[i]);
            }
            page_free(&whole);
            page_free(&paged);
        }
    }
    help_end(&h);
}

/* Whether rows come in the order of folder's path and name, each once. */
struct order_ctx {
    struct al_buf last;
    size_t last_name; /* length of the name in it */
    bool descending, broken;
    size_t count;
};

static int
take_order(void *ctx, const struct inventory_row *row)
{
    struct order_ctx *o = ctx;
    struct al_span before = al_buf_span(&o->last), old_name, old_folder;
    struct al_span folder = {row->path.at, row->path.len - row->name.len - 1};
    int order;

    if (o->count > 0) {
        old_folder = (struct al_span){before.at, before.len - o->last_name - 1};
        old_name = (struct al_span){before.at + old_folder.len + 1, o->last_name};
    } else {
        old_folder = old_name = (struct al_span){0};
    }
    order = al_span_order(old_folder, folder);
    order = order != 0 ? order : al_span_order(old_name, row->name);
    o->broken = o->broken || (o->count > 0 && (o->descending ? order <= 0 : order >= 0));
    o->count++;
    o->last_name = row->name.len;
    al_buf_clear(&o->last);
    return al_buf_add(&o->last, row->path.at, row->path.len);
}

/* 90 folders of so many files, numbered as no order of names would, some inside others. */
static void
wide_scan(struct help *h, unsigned files)
{
    struct scan s;
    char name[64];

    scan_begin(&s, h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    for (uint64_t f = 0; f < 90; f++) {
        snprintf(name, sizeof(name), "%c%02u", f % 2 == 0 ? 'd' : '-', (unsigned)(f * 37 % 90));
        scan_folder(&s, f + 2, f % 5 == 4 ? f + 1 : 1, name, 0);
        for (unsigned i = 0; i < files; i++) {
            struct entry_record e;

            snprintf(name, sizeof(name), "file %u", i * 11 % files);
            e = a_file(f + 2, name, i, 1);
            scan_add(&s, &e);
        }
    }
    (void)scan_end(&s);
}

/* With few files to a folder the rows of a page lie in many folders, with many in few. */
static void
lists_of_all_below_a_folder_go_through_many_folders_in_order(void)
{
    static const unsigned files[] = {1, 7, 45};

    for (size_t k = 0; k < AL_LEN(files); k++) {
        struct help h;

        help_begin(&h);
        wide_scan(&h, files[k]);
        for (int way = 0; way < 2; way++) {
            struct order_ctx o = {.last = {.max = 1u << 16}, .descending = way == 1};
            struct inventory_list_query q = {
                .recursive = true, .state = -1, .limit = 31, .descending = way == 1};
            struct al_arena *arena = al_arena_new(8u << 20);
            struct inventory_page page = {0};
            struct al_fail fail = {0};

            do {
                q.cursor = page.next_cursor;
                TAP_OK(
                    inventory_list(h.inv, &own, VOLUME, &q, take_order, &o, arena, &page, &fail));
            } while (page.next_cursor != NULL && o.count < 10000);
            TAP_EQUAL_U64(o.count, 90 * (files[k] + 1));
            TAP_CHECK(!o.broken);
            al_buf_free(&o.last);
            al_arena_free(arena);
        }
        help_end(&h);
    }
}

static void
lists_can_be_searched_and_narrowed(void)
{
    struct help h;
    struct page_ctx p = {0};
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = 100};
    struct inventory_outcome o = {
        .path = sp("/a/A.1"), .set = INVENTORY_SET_STATE, .state = RULE_S_STUB};
    struct al_arena *arena = al_arena_new(1u << 20);
    AL_CLEANUP(rule_freep) struct rule *r = NULL;
    struct inventory_page page;

    help_begin(&h);
    hostile_scan(&h);
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, &o, 1, NULL));
    q.search = sp("T*R");
    (void)read_pages(&h, q, &p);
    TAP_EQUAL_U64(p.count, 15); /* st*r.3 in 14 folders, and the folder */
    page_free(&p);
    q.files_only = true;
    (void)read_pages(&h, q, &p);
    TAP_EQUAL_U64(p.count, 14);
    page_free(&p);
    q.search = sp("\xff");
    (void)read_pages(&h, q, &p);
    TAP_EQUAL_U64(p.count, 14);
    page_free(&p);
    q.search = (struct al_span){NULL, 0};
    q.state = RULE_S_STUB;
    (void)read_pages(&h, q, &p);
    TAP_EQUAL_U64(p.count, 1);
    TAP_EQUAL_STR(p.paths[0], "/a/A.1");
    page_free(&p);
    q.state = -1;
    TAP_OK(rule_parse(sp("name like /^-rf/ and size > 1000"), NULL, &r, NULL));
    q.rule = r;
    q.want_total = true;
    q.limit = 5;
    TAP_OK(inventory_list(h.inv, &own, VOLUME, &q, take_path, &p, arena, &page, NULL));
    TAP_EQUAL_U64(p.count, 5);
    TAP_EQUAL_U64(page.total, 14);
    TAP_CHECK(page.next_cursor != NULL);
    page_free(&p);
    al_arena_free(arena);
    help_end(&h);
}

static void
wrong_questions_are_refused_by_name(void)
{
    static const char *const cursors[] = {
        "", "x", "AAAA", "!!!!", "AAAAAAAAAAAAAAAAAA..", "/////////////////////////w.."};
    struct help h;
    struct inventory_list_query q = {.state = -1, .limit = 3};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct page_ctx p = {0};
    struct inventory_page page = {0};
    char *cursor;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    q.folder = sp("/nowhere");
    TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL), AL_ENOENT);
    q.folder = sp("/top.txt");
    TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL), AL_ENOTDIR);
    q.folder = sp("/a/../a");
    TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL), AL_ENOENT);
    q.folder = sp("/");
    q.limit = 0;
    TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL), AL_EINVAL);
    q.limit = INVENTORY_PAGE_MAX + 1;
    TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL), AL_EINVAL);
    q.limit = 2;
    for (size_t i = 0; i < AL_LEN(cursors); i++) {
        q.cursor = cursors[i];
        q.sort = INVENTORY_SORT_MTIME;
        TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL),
                 AL_EINVAL);
    }
    q.cursor = NULL;
    TAP_OK(inventory_list(h.inv, &own, VOLUME, &q, take_path, &p, arena, &page, NULL));
    TAP_EQUAL_U64(p.count, 2);
    cursor = page.next_cursor;
    TAP_CHECK(cursor != NULL);
    q.cursor = cursor;
    q.sort = INVENTORY_SORT_SIZE;
    TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL), AL_EINVAL);
    q.cursor = NULL;
    TAP_CODE(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL),
             AL_EINTERNAL); /* the callback's own */
    page_free(&p);
    al_arena_free(arena);
    help_end(&h);
}

static int
count_stubs(void *ctx, const struct inventory_row *row)
{
    *(uint64_t *)ctx += row->state == RULE_S_STUB;
    return AL_OK;
}

static uint64_t
stubs_listed(struct help *h)
{
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = 7};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_page page = {0};
    uint64_t stubs = 0;

    do {
        q.cursor = page.next_cursor;
        TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, count_stubs, &stubs, arena, &page, NULL));
    } while (page.next_cursor != NULL);
    al_arena_free(arena);
    return stubs;
}

static void
kept_pages_never_outlive_a_change(void)
{
    struct inventory_outcome o = {.set = INVENTORY_SET_STATE, .state = RULE_S_STUB};
    struct help h;

    help_begin(&h);
    hostile_scan(&h);
    for (uint64_t i = 0; i < 10; i++) {
        char path[16];

        TAP_EQUAL_U64(stubs_listed(&h), i);
        TAP_EQUAL_U64(stubs_listed(&h), i);
        snprintf(path, sizeof(path), "/a/%s",
                 i == 0   ? "a.0"
                 : i == 1 ? "A.1"
                 : i == 2 ? "new\nline.3"
                 : i == 3 ? "st*r.3"
                 : i == 4 ? "[x].0"
                 : i == 5 ? " .2"
                 : i == 6 ? "~.3"
                 : i == 7 ? "-rf.0"
                 : i == 8 ? "$(x).1"
                          : "\xff\xfe.2");
        o.path = sp(path);
        TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, i + 1, &o, 1, NULL));
    }
    TAP_EQUAL_U64(stubs_listed(&h), 10);
    help_end(&h);
}

static void
a_small_cache_forgets_and_answers_the_same(void)
{
    struct inventory_conf conf = {
        .port = port_native(), .memory_bytes = 256u << 20, .threads = 1, .cache_bytes = 20000};
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = 10};
    struct page_ctx big = {0}, small = {0};
    struct help h;

    help_begin(&h);
    hostile_scan(&h);
    (void)read_pages(&h, q, &big);
    h.inv = inventory_close(h.inv);
    conf.dir = h.dir;
    TAP_OK(inventory_open(&conf, &h.inv, NULL));
    for (int i = 0; i < 3; i++) {
        (void)read_pages(&h, q, &small);
        TAP_EQUAL_U64(small.count, big.count);
        for (size_t k = 0; k < big.count; k++) {
            TAP_EQUAL_STR(small.paths[k], big.paths[k]);
        }
        page_free(&small);
    }
    page_free(&big);
    help_end(&h);
}

/* ---- plans ---- */

static struct rule *
rule_of(const char *text)
{
    struct rule *r = NULL;
    struct rule_error e;

    if (rule_parse(sp(text), NULL, &r, &e) < 0) {
        tap_fail(__FILE__, __LINE__, "%s: %s", text, e.message);
    }
    return r;
}

static const struct inventory_refusal *
refusal(const struct inventory_plan *p, const char *reason)
{
    for (size_t i = 0; i < p->refusal_count; i++) {
        if (strcmp(p->refusals[i].reason, reason) == 0) {
            return &p->refusals[i];
        }
    }
    tap_fail(__FILE__, __LINE__, "no refusal %s among %zu", reason, p->refusal_count);
}

static void
plan_scan(struct help *h)
{
    struct scan s;
    struct entry_record e;

    scan_begin(&s, h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "big", 0);
    scan_folder(&s, 3, 1, "small", 0);
    scan_file(&s, 2, "x.mov", 1000000, 100);
    scan_file(&s, 2, "y.mov", 2000001, 200);
    scan_file(&s, 3, "z.mov", 10, 300);
    scan_file(&s, 3, "new.mov", 10, 1);
    scan_file(&s, 1, "empty.mov", 0, 400);
#define ODD(name, change)                                                                          \
    e = a_file(1, name, 5000, 400);                                                                \
    e.change;                                                                                      \
    scan_add(&s, &e)
    ODD("link.mov", nlink = 2);
    ODD("sparse.mov", allocated = 4096);
    ODD("sparse too.mov", allocated = 512);
    ODD("stub.mov", flags = ENTRY_STUB);
    ODD("symlink.mov", type = PORT_T_SYMLINK);
    ODD("immutable.mov", flags = PORT_A_IMMUTABLE << ENTRY_ATTRS_SHIFT);
    ODD("verity.mov", flags = PORT_A_VERITY << ENTRY_ATTRS_SHIFT);
    ODD("prealloc.mov", allocated = 1 << 20);
    (void)scan_end(&s);
}

static void
a_plan_tells_what_a_rule_would_do_and_what_not(void)
{
    struct help h;
    struct al_arena *arena = al_arena_new(16u << 20);
    AL_CLEANUP(rule_freep) struct rule *r = rule_of("ext = mov and accessed older than 30d");
    AL_CLEANUP(rule_freep) struct rule *no_z = rule_of("name = \"z.mov\"");
    AL_CLEANUP(rule_freep) struct rule *no_y = rule_of("name like /^[yz]/");
    struct inventory_earlier earlier[] = {{no_z, "excluded"}, {no_y, "earlier_rule"}};
    struct inventory_plan_query q = {.rule = r, .now_ns = NOW_NS};
    struct inventory_plan p;
    uint64_t v0, v1;

    help_begin(&h);
    plan_scan(&h);
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &v0));
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_EQUAL_U64(p.files, 4); /* x, y, z, prealloc */
    TAP_EQUAL_U64(p.bytes, 1000000 + 2000001 + 10 + 5000);
    TAP_EQUAL_U64(p.freed_bytes, 1003520 + 2002944 + 4096 + 8192);
    TAP_EQUAL_U64(refusal(&p, "saves_no_blocks")->files, 1);
    TAP_EQUAL_U64(refusal(&p, "hard_linked")->bytes, 5000);
    TAP_EQUAL_U64(refusal(&p, "sparse")->files, 2);
    TAP_CHECK(al_span_equal(refusal(&p, "saves_no_blocks")->sample, sp("/empty.mov")));
    TAP_CHECK(al_span_equal(refusal(&p, "hard_linked")->sample, sp("/link.mov")));
    TAP_EQUAL_U64(refusal(&p, "already_stub")->files, 1);
    TAP_EQUAL_U64(refusal(&p, "not_a_file")->files, 1);
    TAP_EQUAL_U64(refusal(&p, "immutable")->files, 1);
    TAP_EQUAL_U64(refusal(&p, "fs_verity")->files, 1);
    TAP_EQUAL_U64(p.folder_count, 3);
    TAP_CHECK(al_span_equal(p.folders[0].path, sp("/big")) && p.folders[0].files == 2 &&
              p.folders[0].bytes == 3000001);
    TAP_CHECK(al_span_equal(p.folders[1].path, sp("/")));
    TAP_EQUAL_U64(p.sample_count, 4);
    TAP_CHECK(al_span_equal(p.sample[0].path, sp("/big/y.mov")) &&
              al_span_equal(p.sample[0].name, sp("y.mov")));
    q.earlier = earlier;
    q.earlier_count = 2;
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_EQUAL_U64(p.files, 2);
    TAP_EQUAL_U64(refusal(&p, "excluded")->files, 1);
    TAP_CHECK(al_span_equal(refusal(&p, "excluded")->sample, sp("/small/z.mov")));
    TAP_EQUAL_U64(refusal(&p, "earlier_rule")->files, 1);
    earlier[0].reason = "x'; DROP TABLE entry; --";
    TAP_CODE(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p), AL_EINVAL);
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &v1));
    TAP_EQUAL_U64(v0, v1);
    al_arena_free(arena);
    help_end(&h);
}

static void
candidates_come_oldest_first_up_to_the_limits(void)
{
    struct help h;
    AL_CLEANUP(rule_freep)
    struct rule *r = rule_of("ext = mov and accessed older than 30d and not name like /^prealloc/");
    struct inventory_plan_query q = {.rule = r, .now_ns = NOW_NS};
    struct inventory_limits none = {0, 0}, two = {.files = 2}, bytes = {.bytes = 2000012};
    struct page_ctx p = {0};

    help_begin(&h);
    plan_scan(&h);
    TAP_OK(inventory_candidates(h.inv, &own, VOLUME, &q, &none, take_path, &p));
    TAP_EQUAL_U64(p.count, 3);
    TAP_EQUAL_STR(p.paths[0], "/small/z.mov");
    TAP_EQUAL_STR(p.paths[1], "/big/y.mov");
    TAP_EQUAL_STR(p.paths[2], "/big/x.mov");
    page_free(&p);
    TAP_OK(inventory_candidates(h.inv, &own, VOLUME, &q, &two, take_path, &p));
    TAP_EQUAL_U64(p.count, 2);
    page_free(&p);
    TAP_OK(inventory_candidates(h.inv, &own, VOLUME, &q, &bytes, take_path, &p));
    TAP_EQUAL_U64(p.count, 2);
    page_free(&p);
    TAP_CODE(inventory_candidates(h.inv, &own, VOLUME, &q, NULL, no_row, NULL), AL_EINTERNAL);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(pages_give_each_row_once_in_every_order);
    TAP_RUN(lists_of_all_below_a_folder_go_through_many_folders_in_order);
    TAP_RUN(lists_can_be_searched_and_narrowed);
    TAP_RUN(kept_pages_never_outlive_a_change);
    TAP_RUN(a_small_cache_forgets_and_answers_the_same);
    TAP_RUN(wrong_questions_are_refused_by_name);
    TAP_RUN(a_plan_tells_what_a_rule_would_do_and_what_not);
    TAP_RUN(candidates_come_oldest_first_up_to_the_limits);
    return tap_end();
}
