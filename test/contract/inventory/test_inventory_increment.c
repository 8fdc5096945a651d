/* Increments: scans that list what changed since another one. */
#include "help.h"

#include "server/inventory/import.h"

#define ALONE (ENTRY_UNREADABLE | ENTRY_UNCHANGED)

/* small_scan with two owners, then the given increment's batch is to be sent. */
static void
known(struct help *h)
{
    struct entry_record owner = {.is_owner_record = true, .uid = 1000, .name = sp("anna")};
    struct scan s;

    help_begin(h);
    scan_begin(&s, h, SCAN(01));
    small_tree(&s);
    scan_add(&s, &owner);
    owner.uid = 1001;
    owner.name = sp("berta");
    scan_add(&s, &owner);
    (void)scan_end(&s);
}

static int
increment_end(struct scan *s, const char *follows, struct inventory_scan_result *ret)
{
    if (s->count > 0) {
        scan_send(s);
    }
    al_buf_free(&s->body);
    return inventory_increment_end(s->h->inv, &own, VOLUME, s->id, follows, NOW_NS, ret);
}

/* The root and a are left alone, b is listed. */
static void
begin_b(struct scan *s, struct help *h, const char *id)
{
    scan_begin(s, h, id);
    scan_folder(s, 1, 0, "", ALONE);
    scan_folder(s, 2, 1, "a", ALONE);
    scan_folder(s, 3, 2, "b", 0);
}

static void
told(struct help *h, const char *path, unsigned set, enum rule_state state, const char *object, int64_t accessed)
{
    static uint64_t seq;
    struct inventory_outcome o = {.path = sp(path), .set = set, .state = state, .object_id = object, .accessed_ns = accessed,
                                  .source = INVENTORY_BY_RECALL};

    TAP_OK(inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, ++seq, &o, 1, NULL));
}

#define OBJECT "01hb0000000000000000000000"

static void
what_an_increment_does_not_name_stays_as_it_is(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r, again;
    struct inventory_totals t;

    known(&h);
    told(&h, "/a/one.mov", INVENTORY_SET_STATE | INVENTORY_SET_OBJECT, RULE_S_STUB, OBJECT, 0);
    told(&h, "/top.txt", INVENTORY_SET_ACCESSED, 0, NULL, NOW_NS - DAY_NS);
    begin_b(&s, &h, SCAN(02));
    scan_file(&s, 3, "new", 3, 1);
    scan_file(&s, 3, "three", 0, 300);
    told(&h, "/c", INVENTORY_SET_ACCESSED, 0, NULL, NOW_NS); /* newer than the increment's beginning */
    told(&h, "/a/b/three", INVENTORY_SET_STATE, RULE_S_PINNED, NULL, 0);
    TAP_OK(increment_end(&s, SCAN(01), &r));
    TAP_CHECK(r.added == 1 && r.gone == 1 && r.kept == 3 && r.unreadable == 0 && r.folders == 4);
    TAP_EQUAL_U64(r.entries, 7); /* all there are: top.txt, a, one.mov, b, new, three, c */
    TAP_CHECK(stat_of(&h, "/a/b/new", &seen) && !stat_of(&h, "/a/b/two.MOV", &seen));
    TAP_CHECK(stat_of(&h, "/a/b/three", &seen) && seen.row.state == RULE_S_PINNED);
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_STUB && strcmp(seen.row.object_id, OBJECT) == 0);
    TAP_CHECK(stat_of(&h, "/top.txt", &seen) && seen.row.source == INVENTORY_BY_RECALL && seen.row.accessed_ns == NOW_NS - DAY_NS);
    TAP_CHECK(stat_of(&h, "/c", &seen) && seen.row.source == INVENTORY_BY_RECALL);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_CHECK(t.unreadable == 0 && t.files == 4 && strcmp(t.last_scan_id, SCAN(02)) == 0 && t.stub_files == 1);
    TAP_OK(inventory_increment_end(h.inv, &own, VOLUME, SCAN(02), SCAN(01), NOW_NS, &again));
    TAP_CHECK(memcmp(&r, &again, sizeof(r)) == 0);
    /* The whole process again, and what the file says. */
    h.inv = inventory_close(h.inv);
    help_open(&h);
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_STUB);
    help_end(&h);
}

static int
owner_is(void *ctx, const struct inventory_row *row)
{
    return al_span_equal(row->owner, sp(ctx)) ? AL_OK : AL_EINTERNAL;
}

static void
owners_that_it_does_not_meet_keep_their_names(void)
{
    char anna[] = "anna", berta[] = "berta the second";
    struct entry_record owner = {.is_owner_record = true, .uid = 1001, .name = sp(berta)};
    struct entry_record hers;
    struct help h;
    struct scan s;

    known(&h);
    begin_b(&s, &h, SCAN(02));
    scan_add(&s, &owner);
    hers = a_file(3, "hers", 1, 1);
    hers.uid = 1001;
    scan_add(&s, &hers);
    TAP_OK(increment_end(&s, SCAN(01), NULL));
    TAP_OK(inventory_stat(h.inv, &own, VOLUME, sp("/top.txt"), owner_is, anna));
    TAP_OK(inventory_stat(h.inv, &own, VOLUME, sp("/a/b/hers"), owner_is, berta));
    help_end(&h);
}

static void
an_increment_onto_another_scan_changes_nothing(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    bool import = true;
    al_id last;

    known(&h);
    for (unsigned i = 0; i < 2; i++) {
        begin_b(&s, &h, i == 0 ? SCAN(03) : SCAN(04));
        TAP_CODE(increment_end(&s, i == 0 ? SCAN(09) : SCAN(04), NULL), AL_ECONFLICT);
        TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen) && stat_of(&h, "/a/b/three", &seen));
        TAP_CODE(inventory_scan_end(h.inv, &own, VOLUME, i == 0 ? SCAN(03) : SCAN(04), NOW_NS, NULL), AL_ECHANGED);
    }
    TAP_OK(inventory_scan_last(h.inv, &own, VOLUME, last, &import));
    TAP_CHECK(strcmp(last, SCAN(01)) == 0 && !import);
    TAP_CODE(inventory_scan_last(h.inv, &(struct inventory_scope){OTHER_CUSTOMER}, VOLUME, last, &import), AL_ENOENT);
    TAP_CODE(inventory_increment_end(h.inv, &own, VOLUME, SCAN(05), SCAN(01), NOW_NS, NULL), AL_ECHANGED);
    TAP_CODE(inventory_increment_end(h.inv, &own, VOLUME, SCAN(05), "x", NOW_NS, NULL), AL_EINVAL);
    TAP_CODE(inventory_increment_end(h.inv, &own, VOLUME, SCAN(05), NULL, NOW_NS, NULL), AL_EINVAL);
    scan_begin(&s, &h, SCAN(05)); /* without a batch it says nothing */
    TAP_CODE(increment_end(&s, SCAN(01), NULL), AL_ENODATA);
    help_end(&h);
    help_begin(&h); /* nothing is known yet */
    TAP_OK(inventory_scan_last(h.inv, &own, VOLUME, last, &import));
    TAP_CHECK(last[0] == '\0' && !import);
    begin_b(&s, &h, SCAN(02));
    TAP_CODE(increment_end(&s, SCAN(01), NULL), AL_ECONFLICT);
    TAP_CHECK(!stat_of(&h, "/a", &seen));
    help_end(&h);
}

static void
nothing_follows_on_a_list_that_was_imported(void)
{
    struct help h;
    struct scan s;
    struct import_result report = {0};
    char path[128], refused[128];
    bool import = false;
    FILE *f;
    al_id last;

    known(&h);
    snprintf(path, sizeof(path), "%s/list.csv", h.dir);
    f = fopen(path, "w");
    TAP_CHECK(f != NULL && fputs("path,size,type\n/a/ghost,1,f\n", f) > 0 && fclose(f) == 0);
    snprintf(refused, sizeof(refused), "%s/refused.csv", h.dir);
    TAP_OK(inventory_import_run(h.inv, &own, VOLUME, "01hp0000000000000000000001", path, &(struct import_options){.root = sp("/")},
                                refused, NOW_NS - DAY_NS /* the scan ended after it began */, NULL, NULL, &report, NULL));
    TAP_OK(inventory_scan_last(h.inv, &own, VOLUME, last, &import));
    TAP_CHECK(strcmp(last, SCAN(01)) == 0 && import);
    begin_b(&s, &h, SCAN(02));
    TAP_CODE(increment_end(&s, SCAN(01), NULL), AL_ECONFLICT);
    help_end(&h);
}

static void
a_stub_that_lost_its_marker_stays_lost_where_no_increment_goes(void)
{
    struct help h;
    struct scan s;
    struct seen seen = {0};
    struct entry_record lost = a_file(2, "one.mov", 5000, 100);
    struct inventory_scan_result r;

    known(&h);
    told(&h, "/a/one.mov", INVENTORY_SET_STATE | INVENTORY_SET_OBJECT | INVENTORY_SET_ALLOCATED, RULE_S_STUB, OBJECT, 0);
    lost.allocated = 0;
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    scan_add(&s, &lost);
    (void)scan_end(&s);
    TAP_OK(inventory_lost(h.inv, &own, VOLUME, 0, keep_row, &seen));
    TAP_EQUAL_STR(seen.path, "/a/one.mov");
    scan_begin(&s, &h, SCAN(03));
    scan_folder(&s, 1, 0, "", ALONE);
    TAP_OK(increment_end(&s, SCAN(02), &r));
    TAP_CHECK(r.entries == 2 && r.gone == 0 && r.added == 0);
    memset(&seen, 0, sizeof(seen));
    TAP_OK(inventory_lost(h.inv, &own, VOLUME, 0, keep_row, &seen));
    TAP_EQUAL_STR(seen.path, "/a/one.mov");
    help_end(&h);
}

static void
an_empty_increment_changes_nothing_but_the_scan(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;
    struct inventory_totals t;

    known(&h);
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", ALONE);
    TAP_OK(increment_end(&s, SCAN(01), &r));
    TAP_CHECK(r.added == 0 && r.changed == 0 && r.gone == 0 && r.moved == 0 && r.kept == 7 && r.entries == 7);
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen) && seen.row.size == 6000);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_CHECK(t.files == 4 && t.bytes == 11100 && strcmp(t.last_scan_id, SCAN(02)) == 0);
    help_end(&h);
}

/* a is listed: b is not there any more. With `to` c is listed too, and has it. */
static void
b_goes(bool to)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;
    struct entry_record e;

    known(&h);
    told(&h, "/a/b/two.MOV", INVENTORY_SET_STATE | INVENTORY_SET_OBJECT | INVENTORY_SET_ACCESSED, RULE_S_STUB, OBJECT, NOW_NS - DAY_NS);
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", ALONE);
    scan_folder(&s, 2, 1, "a", 0);
    e = a_file(2, "one.mov", 5000, 100);
    scan_add(&s, &e);
    if (to) {
        scan_folder(&s, 4, 1, "c", 0);
        scan_folder(&s, 5, 4, "b", 0);
        e = a_file(3, "two.MOV", 6000, 200);
        e.folder = 5;
        e.flags = ENTRY_STUB;
        scan_add(&s, &e);
        e = a_file(3, "three", 0, 300);
        e.folder = 5;
        scan_add(&s, &e);
    }
    TAP_OK(increment_end(&s, SCAN(01), &r));
    TAP_CHECK(!stat_of(&h, "/a/b", &seen) && !stat_of(&h, "/a/b/two.MOV", &seen));
    TAP_CHECK(stat_of(&h, "/top.txt", &seen) && stat_of(&h, "/a/one.mov", &seen) && stat_of(&h, "/c", &seen));
    TAP_EQUAL_U64(r.gone, to ? 1 : 3); /* the folder has another inode here */
    TAP_EQUAL_U64(r.moved, to ? 2 : 0);
    if (to) {
        TAP_CHECK(stat_of(&h, "/c/b/two.MOV", &seen) && seen.row.state == RULE_S_STUB);
        TAP_CHECK(strcmp(seen.row.object_id, OBJECT) == 0 && seen.row.source == INVENTORY_BY_RECALL);
    }
    help_end(&h);
}

static void
a_folder_that_vanished_goes_with_all_below(void)
{
    b_goes(false);
}

static void
a_folder_that_was_moved_keeps_what_is_known_of_its_files(void)
{
    b_goes(true);
}

static void
a_folder_that_could_not_be_read_stays_unread_while_it_is_left_alone(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_totals t;

    known(&h);
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", ALONE);
    scan_folder(&s, 2, 1, "a", ALONE);
    scan_folder(&s, 3, 2, "b", ENTRY_UNREADABLE); /* denied by now */
    TAP_OK(increment_end(&s, SCAN(01), NULL));
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen) && stat_of(&h, "/a/b/three", &seen));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.unreadable, 1);
    scan_begin(&s, &h, SCAN(03));
    scan_folder(&s, 1, 0, "", ALONE);
    TAP_OK(increment_end(&s, SCAN(02), NULL));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.unreadable, 1);
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen));
    begin_b(&s, &h, SCAN(04)); /* readable, and empty */
    TAP_OK(increment_end(&s, SCAN(03), NULL));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.unreadable, 0);
    TAP_CHECK(!stat_of(&h, "/a/b/two.MOV", &seen) && stat_of(&h, "/a/b", &seen));
    help_end(&h);
}

/* Made after the journal was read: met, left alone, and nobody knows what is in it. */
static void
a_folder_of_which_nothing_is_known_counts_as_unread(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;

    known(&h);
    begin_b(&s, &h, SCAN(02));
    scan_folder(&s, 4, 3, "fresh", ALONE);
    TAP_OK(increment_end(&s, SCAN(01), &r));
    TAP_EQUAL_U64(r.unreadable, 1);
    begin_b(&s, &h, SCAN(03));
    scan_folder(&s, 4, 3, "fresh", 0);
    scan_file(&s, 4, "in it", 1, 1);
    TAP_OK(increment_end(&s, SCAN(02), &r));
    TAP_EQUAL_U64(r.unreadable, 0);
    TAP_CHECK(stat_of(&h, "/a/b/fresh/in it", &seen));
    help_end(&h);
}

static void
a_file_seen_under_one_of_its_names_changed_under_all(void)
{
    struct entry_record e;
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;

    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    scan_folder(&s, 3, 1, "c", 0);
    for (uint64_t i = 1; i <= 3; i++) {
        e = a_file(i, "name", 10, 100);
        e.ino = 77;
        e.nlink = 3;
        scan_add(&s, &e);
    }
    scan_file(&s, 3, "other", 10, 100);
    (void)scan_end(&s);
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", ALONE);
    scan_folder(&s, 2, 1, "a", 0);
    e = a_file(2, "name", 11, 1);
    e.ino = 77;
    e.mtime_ns = NOW_NS - DAY_NS;
    e.ctime_ns = NOW_NS - DAY_NS;
    scan_add(&s, &e);
    TAP_OK(increment_end(&s, SCAN(01), &r));
    TAP_EQUAL_U64(r.changed, 3);
    for (unsigned i = 0; i < 3; i++) {
        TAP_CHECK(stat_of(&h, i == 0 ? "/name" : i == 1 ? "/a/name" : "/c/name", &seen));
        TAP_CHECK(seen.row.size == 11 && seen.row.mtime_ns == NOW_NS - DAY_NS && seen.row.accessed_ns == NOW_NS - DAY_NS);
    }
    TAP_CHECK(stat_of(&h, "/c/other", &seen) && seen.row.size == 10);
    /* What a listing tells late makes nothing colder. */
    scan_begin(&s, &h, SCAN(03));
    scan_folder(&s, 1, 0, "", ALONE);
    scan_folder(&s, 2, 1, "a", 0);
    e = a_file(2, "name", 10, 100);
    e.ino = 77;
    scan_add(&s, &e);
    TAP_OK(increment_end(&s, SCAN(02), &r));
    TAP_CHECK(stat_of(&h, "/c/name", &seen) && seen.row.size == 11);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(what_an_increment_does_not_name_stays_as_it_is);
    TAP_RUN(owners_that_it_does_not_meet_keep_their_names);
    TAP_RUN(an_increment_onto_another_scan_changes_nothing);
    TAP_RUN(nothing_follows_on_a_list_that_was_imported);
    TAP_RUN(a_stub_that_lost_its_marker_stays_lost_where_no_increment_goes);
    TAP_RUN(an_empty_increment_changes_nothing_but_the_scan);
    TAP_RUN(a_folder_that_vanished_goes_with_all_below);
    TAP_RUN(a_folder_that_was_moved_keeps_what_is_known_of_its_files);
    TAP_RUN(a_folder_that_could_not_be_read_stays_unread_while_it_is_left_alone);
    TAP_RUN(a_folder_of_which_nothing_is_known_counts_as_unread);
    TAP_RUN(a_file_seen_under_one_of_its_names_changed_under_all);
    return tap_end();
}
