/* Archived files: no walk sees them, and none makes them gone; their placeholders are no files of their own. */
#include "help.h"

#include "server/inventory/import.h"

static void
tell(struct help *h, const char *path, uint64_t seq, enum rule_state state, const char *object)
{
    struct inventory_outcome o = {.path = sp(path),
                                  .set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT | INVENTORY_SET_ALLOCATED | INVENTORY_SET_SIZE,
                                  .state = state,
                                  .object_id = object,
                                  .size = 50000,
                                  .mtime_ns = NOW_NS - 100 * DAY_NS};

    TAP_OK(inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, seq, &o, 1, NULL));
}

static void
scan(struct help *h, const char *id, const char *const *in_a, size_t count, bool folder_a, struct inventory_scan_result *ret)
{
    struct scan s;

    scan_begin(&s, h, id);
    scan_folder(&s, 1, 0, "", 0);
    if (folder_a) {
        scan_folder(&s, 2, 1, "a", 0);
        for (size_t i = 0; i < count; i++) {
            scan_file(&s, 2, in_a[i], strstr(in_a[i], ".alto") != NULL ? 1700 : 50000, 100);
        }
    }
    *ret = scan_end(&s);
}

static void
archived_files_stay_and_placeholders_are_not_counted(void)
{
    static const char *const before[] = {"f.mov", "g.mov"}, *const after[] = {"f.mov.alto", "g.mov", "other.alto"};
    struct help h;
    struct inventory_scan_result r;
    struct inventory_totals t;
    struct seen seen;

    help_begin(&h);
    scan(&h, SCAN(01), before, 2, true, &r);
    tell(&h, "/a/f.mov", 1, RULE_S_ARCHIVED, SCAN(99));
    scan(&h, SCAN(02), after, 3, true, &r);
    TAP_EQUAL_U64(r.gone, 0);
    TAP_EQUAL_U64(r.kept, 1);
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen));
    TAP_CHECK(seen.row.state == RULE_S_ARCHIVED && strcmp(seen.row.object_id, SCAN(99)) == 0);
    TAP_CHECK(seen.row.size == 50000 && seen.row.allocated == 0);
    TAP_CHECK(!stat_of(&h, "/a/f.mov.alto", &seen));
    TAP_CHECK(stat_of(&h, "/a/other.alto", &seen));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.files, 3);
    TAP_EQUAL_U64(t.stub_files, 1);
    TAP_EQUAL_U64(t.stub_bytes, 50000);
    /* Another scan, without any placeholder: somebody deleted it. */
    scan(&h, SCAN(03), after + 1, 1, true, &r);
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_ARCHIVED);
    /* And one after its folder went: it stays, alone. */
    scan(&h, SCAN(04), NULL, 0, false, &r);
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_ARCHIVED);
    TAP_CHECK(!stat_of(&h, "/a/g.mov", &seen));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.files, 1);
    help_end(&h);
}

static void
back_it_is_a_file_again(void)
{
    static const char *const names[] = {"f.mov"}, *const holder[] = {"f.mov.alto"};
    struct help h;
    struct inventory_scan_result r;
    struct seen seen;

    help_begin(&h);
    scan(&h, SCAN(01), names, 1, true, &r);
    tell(&h, "/a/f.mov", 1, RULE_S_ARCHIVED, SCAN(99));
    scan(&h, SCAN(02), holder, 1, true, &r);
    tell(&h, "/a/f.mov", 2, RULE_S_RESIDENT, NULL);
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_RESIDENT && seen.row.object_id[0] == '\0');
    scan(&h, SCAN(03), names, 1, true, &r);
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_RESIDENT);
    /* Archived again; and put there by hand, which a scan sees. */
    tell(&h, "/a/f.mov", 3, RULE_S_ARCHIVED, SCAN(98));
    scan(&h, SCAN(04), holder, 1, true, &r);
    scan(&h, SCAN(05), names, 1, true, &r);
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_RESIDENT);
    help_end(&h);
}

/* The scan listed the folder before, or while, the file was archived; it ends after it was told. */
static void
a_scan_that_crosses_an_archive_changes_nothing(void)
{
    static const char *const names[] = {"f.mov"};

    for (int seen_whole = 0; seen_whole < 2; seen_whole++) {
        struct help h;
        struct scan s;
        struct inventory_scan_result r;
        struct seen seen;

        help_begin(&h);
        scan(&h, SCAN(01), names, 1, true, &r);
        scan_begin(&s, &h, SCAN(02));
        scan_folder(&s, 1, 0, "", 0);
        scan_folder(&s, 2, 1, "a", 0);
        if (seen_whole) {
            scan_file(&s, 2, "f.mov", 50000, 100);
        }
        tell(&h, "/a/f.mov", 1, RULE_S_ARCHIVED, SCAN(99));
        r = scan_end(&s);
        TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_ARCHIVED && seen.row.allocated == 0);
        help_end(&h);
    }
}

/* Nor does one that ended before, having met the file while it lay aside. */
static void
what_is_told_of_an_unknown_file_is_known_then(void)
{
    static const char *const names[] = {"g.mov"};
    struct help h;
    struct inventory_scan_result r;
    struct seen seen;

    help_begin(&h);
    scan(&h, SCAN(01), names, 1, true, &r);
    tell(&h, "/a/F.MOV", 1, RULE_S_ARCHIVED, SCAN(99));
    TAP_CHECK(stat_of(&h, "/a/F.MOV", &seen) && seen.row.state == RULE_S_ARCHIVED && seen.row.size == 50000);
    tell(&h, "/a/x.mov", 2, RULE_S_STUB, SCAN(98)); /* which a scan will see */
    TAP_CHECK(!stat_of(&h, "/a/x.mov", &seen));
    scan(&h, SCAN(02), names, 1, true, &r);
    TAP_CHECK(stat_of(&h, "/a/F.MOV", &seen) && seen.row.state == RULE_S_ARCHIVED);
    help_end(&h);
}

static void
a_plan_of_an_archive_refuses_otherwise(void)
{
    struct help h;
    struct scan s;
    struct inventory_plan p = {0};
    struct al_arena *arena = al_arena_new(1u << 20);
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    struct inventory_plan_query q = {.now_ns = NOW_NS, .archive = true};
    struct entry_record sparse, small, old;

    help_begin(&h);
    TAP_OK(rule_parse(sp("true"), NULL, &rule, NULL));
    q.rule = rule;
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    sparse = a_file(1, "sparse", 1u << 30, 100);
    sparse.allocated = 0;
    small = a_file(1, "small", 4096, 100);
    old = a_file(1, "old", 50000, 100);
    scan_add(&s, &sparse);
    scan_add(&s, &small);
    scan_add(&s, &old);
    (void)scan_end(&s);
    tell(&h, "/old", 1, RULE_S_ARCHIVED, SCAN(99));
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_EQUAL_U64(p.files, 1); /* the sparse one */
    TAP_EQUAL_U64(p.refusal_count, 2);
    for (size_t i = 0; i < p.refusal_count; i++) {
        TAP_CHECK(strcmp(p.refusals[i].reason, "already_archived") == 0 || strcmp(p.refusals[i].reason, "saves_no_blocks") == 0);
    }
    arena = al_arena_free(arena);
    help_end(&h);
}

static void
import(struct help *h, const char *id, const char *text)
{
    struct import_options o = {.mode = IMPORT_REPLACE};
    struct import_result r;
    struct al_fail fail = {0};
    char list[160], refused[160];
    FILE *f;

    (void)snprintf(list, sizeof(list), "%s/list", h->dir);
    (void)snprintf(refused, sizeof(refused), "%s/refused", h->dir);
    f = fopen(list, "wb");
    TAP_CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
    TAP_OK(inventory_import_run(h->inv, &own, VOLUME, id, list, &o, refused, NOW_NS, NULL, NULL, &r, &fail));
}

/* A list of what is there now does not name what was archived since. */
static void
a_list_that_replaces_keeps_what_is_archived(void)
{
    struct help h;
    struct seen seen;

    help_begin(&h);
    import(&h, SCAN(01), "path,size,modified\n/a/f.mov,50000,2020-01-01\n/a/g.mov,50000,2020-01-01\n/b/x.mov,50000,2020-01-01\n");
    tell(&h, "/a/f.mov", 1, RULE_S_ARCHIVED, SCAN(99));
    import(&h, SCAN(02), "path,size,modified\n/a/h.mov,50000,2020-01-01\n/b/i.mov,50000,2020-01-01\n");
    TAP_CHECK(!stat_of(&h, "/a/g.mov", &seen));
    TAP_CHECK(stat_of(&h, "/a/h.mov", &seen));
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_ARCHIVED);
    TAP_EQUAL_STR(seen.row.object_id, SCAN(99));
    help_end(&h);
}

/* As a way back is told: of the path that the file has, and of which object it is. */
static struct inventory_outcome
came_back(const char *path, const char *object)
{
    return (struct inventory_outcome){.path = sp(path),
                                      .set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT | INVENTORY_SET_ALLOCATED |
                                             INVENTORY_SET_SIZE | INVENTORY_SET_ACCESSED | INVENTORY_SET_MAKE,
                                      .state = RULE_S_RESIDENT,
                                      .allocated = 53248,
                                      .size = 50000,
                                      .mtime_ns = NOW_NS - 100 * DAY_NS,
                                      .accessed_ns = NOW_NS,
                                      .source = INVENTORY_BY_RECALL,
                                      .came_back = object};
}

static void
what_came_back_under_another_name_is_there_and_nowhere_else(void)
{
    static const char *const before[] = {"f.mov", "g.mov"}, *const holder[] = {"f.mov.alto", "g.mov.alto"},
                             *const moved[] = {"g.mov.alto"};
    static const char *const names[] = {"/a/h.mov", "/a/f (recalled).mov", "/new/deep/f.mov", "/f.mov"};

    for (size_t i = 0; i < AL_LEN(names); i++) {
        struct inventory_outcome o = came_back(names[i], SCAN(99));
        struct inventory_totals t;
        struct inventory_scan_result r;
        struct help h;
        struct seen seen;

        help_begin(&h);
        scan(&h, SCAN(01), before, 2, true, &r);
        tell(&h, "/a/f.mov", 1, RULE_S_ARCHIVED, SCAN(99));
        tell(&h, "/a/g.mov", 2, RULE_S_ARCHIVED, SCAN(98));
        scan(&h, SCAN(02), i % 2 ? holder : moved, i % 2 ? 2 : 1, true, &r);
        TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 3, &o, 1, NULL));
        TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 3, &o, 1, NULL)); /* again */
        TAP_CHECK(stat_of(&h, names[i], &seen) && seen.row.state == RULE_S_RESIDENT);
        TAP_CHECK(seen.row.accessed_ns == NOW_NS && seen.row.source == INVENTORY_BY_RECALL);
        TAP_CHECK(seen.row.size == 50000 && seen.row.allocated == 53248 && seen.row.object_id[0] == '\0');
        TAP_CHECK(!stat_of(&h, "/a/f.mov", &seen));
        TAP_CHECK(stat_of(&h, "/a/g.mov", &seen) && seen.row.state == RULE_S_ARCHIVED);
        TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
        TAP_EQUAL_U64(t.files, 2);
        TAP_EQUAL_U64(t.bytes, 100000);
        TAP_EQUAL_U64(t.stub_files, 1);
        TAP_EQUAL_U64(t.folders, i == 2 ? 4 : 2);
        help_end(&h);
    }
}

/* A way back in the same batch as its archive, and one under the own name: nothing else is touched. */
static void
what_came_back_to_its_place_is_one_file(void)
{
    static const char *const before[] = {"f.mov", "g.mov"};
    struct inventory_outcome rows[2] = {came_back("/a/f.mov", SCAN(99)), came_back("/a/h.mov", SCAN(98))};
    struct inventory_totals t;
    struct inventory_scan_result r;
    struct help h;
    struct seen seen;

    help_begin(&h);
    scan(&h, SCAN(01), before, 2, true, &r);
    tell(&h, "/a/f.mov", 1, RULE_S_ARCHIVED, SCAN(99));
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 2, rows, 1, NULL));
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.state == RULE_S_RESIDENT && seen.row.accessed_ns == NOW_NS);
    rows[0] = (struct inventory_outcome){.path = sp("/a/g.mov"),
                                         .set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT | INVENTORY_SET_SIZE,
                                         .state = RULE_S_ARCHIVED,
                                         .object_id = SCAN(98),
                                         .size = 50000};
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 3, rows, 2, NULL));
    TAP_CHECK(!stat_of(&h, "/a/g.mov", &seen));
    TAP_CHECK(stat_of(&h, "/a/h.mov", &seen) && seen.row.state == RULE_S_RESIDENT);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.files, 2);
    TAP_EQUAL_U64(t.stub_files, 0);
    help_end(&h);
}

#define BACK_NS (NOW_NS - 5 * DAY_NS)

/* As it was told, and as a walk sees it then: a new file, with the old one's times. */
static void
back(struct help *h, const char *path, uint64_t seq)
{
    struct inventory_outcome o = came_back(path, SCAN(99));

    o.mtime_ns = NOW_NS - 400 * DAY_NS;
    o.accessed_ns = BACK_NS;
    TAP_OK(inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, seq, &o, 1, NULL));
}

static void
scan_back(struct help *h, const char *id, const char *name, uint64_t ino, int days)
{
    struct entry_record e = a_file(2, name, 50000, days);
    struct scan s;

    e.ino += ino;
    scan_begin(&s, h, id);
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    scan_add(&s, &e);
    (void)scan_end(&s);
}

static void
archived(struct help *h)
{
    static const char *const names[] = {"f.mov"}, *const holder[] = {"f.mov.alto"};
    struct inventory_scan_result r;

    help_begin(h);
    scan(h, SCAN(01), names, 1, true, &r);
    tell(h, "/a/f.mov", 1, RULE_S_ARCHIVED, SCAN(99));
    scan(h, SCAN(02), holder, 1, true, &r);
}

static bool
is_recalled(struct help *h, const char *path)
{
    struct seen seen;

    return stat_of(h, path, &seen) && seen.row.state == RULE_S_RESIDENT &&
           seen.row.source == INVENTORY_BY_RECALL && seen.row.accessed_ns == BACK_NS;
}

static void
a_way_back_outlives_scans(void)
{
    static const char *const paths[] = {"/a/f.mov", "/a/h.mov"};
    struct help h;
    struct seen seen;

    for (int i = 0; i < 2; i++) {
        archived(&h);
        back(&h, paths[i], 2);
        scan_back(&h, SCAN(03), paths[i] + 3, 1, 100);
        TAP_CHECK(is_recalled(&h, paths[i]));
        scan_back(&h, SCAN(04), paths[i] + 3, 1, 100);
        scan_back(&h, SCAN(05), paths[i] + 3, 2, 100); /* its number changes */
        TAP_CHECK(is_recalled(&h, paths[i]));
        scan_back(&h, SCAN(06), paths[i] + 3, 2, 3); /* used since: the later counts */
        TAP_CHECK(stat_of(&h, paths[i], &seen) && seen.row.accessed_ns == NOW_NS - 3 * DAY_NS);
        help_end(&h);
    }
}

static void
so_it_does_where_the_file_was_renamed_since(void)
{
    struct help h;
    struct seen seen;

    archived(&h);
    back(&h, "/a/f.mov", 2);
    scan_back(&h, SCAN(03), "other.mov", 1, 100);
    TAP_CHECK(is_recalled(&h, "/a/other.mov"));
    TAP_CHECK(!stat_of(&h, "/a/f.mov", &seen));
    help_end(&h);
}

/* The scan met the placeholder, and ends after the file came back. */
static void
a_way_back_during_a_scan_is_not_lost(void)
{
    static const char *const paths[] = {"/a/f.mov", "/new/deep/f.mov"};

    for (int i = 0; i < 2; i++) {
        struct inventory_totals t;
        struct help h;
        struct scan s;
        struct seen seen;

        archived(&h);
        scan_begin(&s, &h, SCAN(03));
        scan_folder(&s, 1, 0, "", 0);
        scan_folder(&s, 2, 1, "a", 0);
        if (i == 0) {
            scan_file(&s, 2, "f.mov.alto", 1700, 100);
        }
        back(&h, paths[i], 2);
        (void)scan_end(&s);
        TAP_CHECK(is_recalled(&h, paths[i]));
        TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
        TAP_EQUAL_U64(t.files, 1);
        scan_back(&h, SCAN(04), "x.mov", 1, 100); /* the next one knows that it is gone */
        TAP_CHECK(!stat_of(&h, paths[i], &seen));
        help_end(&h);
    }
}

/* Whatever told it. */
static void
evidence_outlives_a_number_that_changes(void)
{
    struct inventory_outcome o = {.path = sp("/a/f.mov"),
                                  .set = INVENTORY_SET_ACCESSED,
                                  .accessed_ns = BACK_NS,
                                  .source = INVENTORY_BY_AUDIT};
    struct help h;
    struct seen seen;

    help_begin(&h);
    scan_back(&h, SCAN(01), "f.mov", 1, 100);
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, &o, 1, NULL));
    scan_back(&h, SCAN(02), "f.mov", 2, 100);
    TAP_CHECK(stat_of(&h, "/a/f.mov", &seen) && seen.row.accessed_ns == BACK_NS);
    TAP_CHECK(seen.row.source == INVENTORY_BY_AUDIT);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(archived_files_stay_and_placeholders_are_not_counted);
    TAP_RUN(back_it_is_a_file_again);
    TAP_RUN(a_scan_that_crosses_an_archive_changes_nothing);
    TAP_RUN(what_is_told_of_an_unknown_file_is_known_then);
    TAP_RUN(a_plan_of_an_archive_refuses_otherwise);
    TAP_RUN(a_list_that_replaces_keeps_what_is_archived);
    TAP_RUN(what_came_back_under_another_name_is_there_and_nowhere_else);
    TAP_RUN(what_came_back_to_its_place_is_one_file);
    TAP_RUN(a_way_back_outlives_scans);
    TAP_RUN(so_it_does_where_the_file_was_renamed_since);
    TAP_RUN(a_way_back_during_a_scan_is_not_lost);
    TAP_RUN(evidence_outlives_a_number_that_changes);
    return tap_end();
}
