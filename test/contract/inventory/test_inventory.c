#include "help.h"

#include <sys/stat.h>

#include "base/fault.h"
#include "port/thread.h"

/* ---- scope ---- */

static void
a_volume_of_another_customer_is_not_there(void)
{
    static const struct inventory_scope other = {OTHER_CUSTOMER};
    struct inventory_outcome o = {.path = sp("/x"), .set = INVENTORY_SET_GONE};
    struct inventory_list_query q = {.state = -1, .limit = 10};
    struct inventory_plan_query pq = {.now_ns = NOW_NS};
    struct al_arena *arena = al_arena_new(1u << 20);
    AL_CLEANUP(rule_freep) struct rule *r = NULL;
    struct inventory_totals totals;
    struct inventory_page page;
    struct inventory_plan plan;
    struct scan s;
    struct help h;
    uint64_t n;

    TAP_OK(rule_parse(sp("true"), NULL, &r, NULL));
    pq.rule = r;
    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_file(&s, 1, "secret", 5000, 100);
    (void)scan_end(&s);
    for (int i = 0; i < 2; i++) {
        /* Another customer's, and one that was never made. */
        const struct inventory_scope *scope = i == 0 ? &other : &own;
        const char *volume = i == 0 ? VOLUME : "01hv0000000000000000000099";

        TAP_CODE(inventory_volume_version(h.inv, scope, volume, &n), AL_ENOENT);
        TAP_CODE(inventory_scan_begin(h.inv, scope, volume, SCAN(02)), AL_ENOENT);
        TAP_CODE(inventory_scan_end(h.inv, scope, volume, SCAN(01), NOW_NS, NULL), AL_ENOENT);
        TAP_CODE(inventory_scan_drop(h.inv, scope, volume, SCAN(01)), AL_ENOENT);
        TAP_CODE(inventory_outcomes_apply(h.inv, scope, volume, STREAM, 1, &o, 1, NULL), AL_ENOENT);
        TAP_CODE(inventory_list(h.inv, scope, volume, &q, no_row, NULL, arena, &page, NULL),
                 AL_ENOENT);
        TAP_CODE(inventory_stat(h.inv, scope, volume, sp("/secret"), no_row, NULL), AL_ENOENT);
        TAP_CODE(inventory_totals(h.inv, scope, volume, &totals), AL_ENOENT);
        TAP_CODE(inventory_plan(h.inv, scope, volume, &pq, arena, &plan), AL_ENOENT);
        TAP_CODE(inventory_candidates(h.inv, scope, volume, &pq, NULL, no_row, NULL), AL_ENOENT);
        TAP_CODE(inventory_volume_drop(h.inv, scope, volume), AL_ENOENT);
    }
    TAP_CODE(inventory_volume_make(h.inv, &other, VOLUME, 4096, NULL), AL_ENOENT);
    TAP_CODE(inventory_volume_make(h.inv, &own, "../../etc/passwd", 4096, NULL), AL_EINVAL);
    TAP_CODE(inventory_totals(h.inv, &own, "x' OR 1", &totals), AL_ENOENT);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &totals));
    TAP_EQUAL_U64(totals.files, 1);
    al_arena_free(arena);
    help_end(&h);
}

static void
a_file_put_into_the_place_of_another_volume_is_refused(void)
{
    struct help h;
    char command[300];
    struct inventory_totals totals;

    help_begin(&h);
    h.inv = inventory_close(h.inv);
    snprintf(command, sizeof(command),
             "cp %s/" VOLUME ".duckdb %s/01hv0000000000000000000099.duckdb", h.dir, h.dir);
    TAP_CHECK(system(command) == 0);
    help_open(&h);
    TAP_CODE(inventory_totals(h.inv, &own, "01hv0000000000000000000099", &totals), AL_ECORRUPT);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &totals));
    help_end(&h);
}

static void
a_dropped_volume_leaves_no_file(void)
{
    struct help h;
    struct scan s;
    char command[200];

    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_send(&s);
    al_buf_free(&s.body);
    TAP_OK(inventory_volume_drop(h.inv, &own, VOLUME));
    TAP_CODE(inventory_volume_drop(h.inv, &own, VOLUME), AL_ENOENT);
    snprintf(command, sizeof(command), "test -z \"$(ls %s | grep -v '^tmp$')\"", h.dir);
    TAP_CHECK(system(command) == 0);
    TAP_OK(inventory_volume_make(h.inv, &own, VOLUME, 4096, NULL));
    TAP_CODE(inventory_scan_end(h.inv, &own, VOLUME, SCAN(01), NOW_NS, NULL), AL_ECHANGED);
    help_end(&h);
}

static void
more_volumes_than_may_be_open_take_turns(void)
{
    struct inventory_conf conf = {.port = port_native(), .threads = 1, .attached_max = 2};
    struct inventory_totals t;
    char id[AL_ID_LEN + 1];
    struct help h;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    h.inv = inventory_close(h.inv);
    conf.dir = h.dir;
    TAP_OK(inventory_open(&conf, &h.inv, NULL));
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++) {
            snprintf(id, sizeof(id), "01hv%022u", i);
            TAP_OK(inventory_volume_make(h.inv, &own, id, 4096, NULL));
            TAP_OK(inventory_totals(h.inv, &own, id, &t));
            TAP_EQUAL_U64(t.files, i == 0 ? 4 : 0);
        }
    }
    help_end(&h);
}

/* ---- scans ---- */

static void
a_scan_shows_what_it_saw(void)
{
    struct help h;
    struct inventory_totals t;
    struct seen seen;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.files, 4);
    TAP_EQUAL_U64(t.folders, 4);
    TAP_EQUAL_U64(t.bytes, 11100);
    TAP_EQUAL_U64(t.allocated, 4096 + 8192 + 8192);
    TAP_EQUAL_U64(t.last_scan_ns, NOW_NS);
    TAP_EQUAL_STR(t.last_scan_id, SCAN(01));
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen));
    TAP_EQUAL_STR(seen.path, "/a/b/two.MOV");
    TAP_EQUAL_U64(seen.row.size, 6000);
    TAP_EQUAL_U64(seen.row.accessed_ns, NOW_NS - 200 * DAY_NS);
    TAP_EQUAL_U64(seen.row.btime_ns, NOW_NS - 500 * DAY_NS);
    TAP_CHECK(seen.row.source == INVENTORY_BY_WALK && seen.row.state == RULE_S_RESIDENT &&
              seen.row.type == PORT_T_FILE && !seen.row.has_counts);
    TAP_CHECK(stat_of(&h, "a/b/", &seen));
    TAP_EQUAL_STR(seen.path, "/a/b");
    TAP_CHECK(seen.row.has_counts && seen.row.type == PORT_T_FOLDER);
    TAP_EQUAL_U64(seen.row.files, 2);
    TAP_EQUAL_U64(seen.row.bytes, 6000);
    TAP_CHECK(stat_of(&h, "/a", &seen));
    TAP_EQUAL_U64(seen.row.files, 3);
    TAP_EQUAL_U64(seen.row.bytes, 11000);
    TAP_CHECK(stat_of(&h, "/", &seen));
    TAP_EQUAL_STR(seen.path, "/");
    TAP_EQUAL_U64(seen.row.files, 4);
    TAP_CHECK(!stat_of(&h, "/nothing", &seen) && !stat_of(&h, "/a/../a", &seen) &&
              !stat_of(&h, "/a//b", &seen) && !stat_of(&h, "/top.txt/x", &seen));
    help_end(&h);
}

static void
an_unfinished_scan_changes_nothing(void)
{
    struct help h;
    struct scan s, t;
    struct seen seen;
    uint64_t v0, v1;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &v0));
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", 0);
    scan_file(&s, 1, "new", 5, 1);
    scan_send(&s);
    TAP_CHECK(stat_of(&h, "/top.txt", &seen) && !stat_of(&h, "/new", &seen));
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &v1));
    TAP_EQUAL_U64(v0, v1);
    /* The next one makes it forgotten. */
    scan_begin(&t, &h, SCAN(03));
    scan_file(&s, 1, "newer", 5, 1);
    {
        struct al_buf packed;

        al_buf_init(&packed, 1u << 20);
        TAP_OK(entries_pack(&s.body, 1, &packed));
        TAP_CODE(
            inventory_entries_apply(h.inv, &own, VOLUME, SCAN(02), 2, al_buf_span(&packed), NULL),
            AL_ECHANGED);
        al_buf_free(&packed);
    }
    TAP_CODE(inventory_scan_end(h.inv, &own, VOLUME, SCAN(02), NOW_NS, NULL), AL_ECHANGED);
    /* A scan without a batch, or without a root, proves nothing about what is there. */
    TAP_CODE(inventory_scan_end(h.inv, &own, VOLUME, SCAN(03), NOW_NS, NULL), AL_ENODATA);
    scan_file(&t, 1, "loose", 5, 1);
    scan_send(&t);
    TAP_CODE(inventory_scan_end(h.inv, &own, VOLUME, SCAN(03), NOW_NS, NULL), AL_ENODATA);
    TAP_CHECK(stat_of(&h, "/top.txt", &seen));
    TAP_OK(inventory_scan_drop(h.inv, &own, VOLUME, SCAN(03)));
    TAP_CODE(inventory_scan_drop(h.inv, &own, VOLUME, SCAN(03)), AL_ECHANGED);
    al_buf_free(&s.body);
    al_buf_free(&t.body);
    help_end(&h);
}

static void
batches_are_taken_once_and_in_order(void)
{
    struct help h;
    struct scan s;
    struct al_buf packed;
    struct inventory_scan_result r;
    struct entry_record e;
    uint64_t applied = 99;

    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    e = a_file(1, "x", 10, 1);
    scan_add(&s, &e);
    al_buf_init(&packed, 1u << 20);
    TAP_OK(entries_pack(&s.body, s.count, &packed));
    TAP_CODE(
        inventory_entries_apply(h.inv, &own, VOLUME, SCAN(01), 2, al_buf_span(&packed), &applied),
        AL_ECONFLICT);
    TAP_EQUAL_U64(applied, 0);
    TAP_OK(
        inventory_entries_apply(h.inv, &own, VOLUME, SCAN(01), 1, al_buf_span(&packed), &applied));
    TAP_EQUAL_U64(applied, 1);
    TAP_OK(
        inventory_entries_apply(h.inv, &own, VOLUME, SCAN(01), 1, al_buf_span(&packed), &applied));
    TAP_EQUAL_U64(applied, 1);
    packed.at[packed.len / 2] ^= 0x55;
    TAP_CODE(
        inventory_entries_apply(h.inv, &own, VOLUME, SCAN(01), 2, al_buf_span(&packed), &applied),
        AL_ECORRUPT);
    TAP_OK(inventory_scan_begin(h.inv, &own, VOLUME, SCAN(01)));
    TAP_OK(inventory_scan_end(h.inv, &own, VOLUME, SCAN(01), NOW_NS, &r));
    TAP_EQUAL_U64(r.entries, 1);
    TAP_EQUAL_U64(r.added, 1);
    r.entries = 77;
    TAP_OK(inventory_scan_end(h.inv, &own, VOLUME, SCAN(01), NOW_NS, &r));
    TAP_EQUAL_U64(r.entries, 1);
    TAP_CODE(inventory_scan_begin(h.inv, &own, VOLUME, SCAN(01)), AL_ECONFLICT);
    al_buf_free(&packed);
    al_buf_free(&s.body);
    help_end(&h);
}

static void
a_scan_goes_on_after_a_restart(void)
{
    struct help h;
    struct scan s;
    struct seen seen;

    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_file(&s, 1, "before", 1, 1);
    scan_send(&s);
    h.inv = inventory_close(h.inv);
    help_open(&h);
    scan_file(&s, 1, "after", 1, 1);
    scan_send(&s);
    TAP_EQUAL_U64(scan_end(&s).entries, 2);
    h.inv = inventory_close(h.inv);
    help_open(&h);
    TAP_CHECK(stat_of(&h, "/before", &seen) && stat_of(&h, "/after", &seen));
    help_end(&h);
}

static void
a_second_scan_tells_new_changed_and_gone(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    scan_begin(&s, &h, SCAN(02));
    /* Other numbers for the same folders; c is gone. */
    scan_folder(&s, 10, 0, "", 0);
    scan_folder(&s, 7, 9, "b", 0);
    scan_folder(&s, 9, 10, "a", 0);
    {
        struct entry_record same = a_file(1, "top.txt", 100, 10),
                            grown = a_file(2, "one.mov", 5001, 100),
                            moved = a_file(3, "two.MOV", 6000, 200);

        same.folder = 10;
        grown.folder = 9;
        moved.folder = 10;
        scan_add(&s, &same);
        scan_add(&s, &grown);
        scan_add(&s, &moved);
    }
    r = scan_end(&s);
    TAP_EQUAL_U64(r.entries, 5);
    TAP_EQUAL_U64(r.added, 0);
    TAP_EQUAL_U64(r.moved, 1);   /* /a/b/two.MOV, now /two.MOV */
    TAP_EQUAL_U64(r.changed, 3); /* one.mov; the folders have another inode here */
    TAP_EQUAL_U64(r.gone, 2);    /* /c, /a/b/three */
    TAP_CHECK(!stat_of(&h, "/c", &seen) && !stat_of(&h, "/a/b/two.MOV", &seen) &&
              stat_of(&h, "/a/b", &seen));
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen));
    TAP_EQUAL_U64(seen.row.size, 5001);
    help_end(&h);
}

/* A scan of what changed: b was listed, the folders on the way to it and c were not. */
static void
folders_left_alone_stay_as_they_were(void)
{
    const uint32_t alone = ENTRY_UNREADABLE | ENTRY_UNCHANGED;
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;
    struct inventory_totals t;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    for (unsigned round = 2; round < 4; round++) {
        scan_begin(&s, &h, round == 2 ? SCAN(02) : SCAN(03));
        scan_folder(&s, 1, 0, "", alone);
        scan_folder(&s, 2, 1, "a", alone);
        scan_folder(&s, 3, 2, "b", 0);
        scan_file(&s, 3, "new", 3, 1);
        r = scan_end(&s);
        TAP_EQUAL_U64(r.unreadable, 0);
        TAP_EQUAL_U64(r.gone, round == 2 ? 2 : 0); /* what was in b */
        TAP_EQUAL_U64(r.added, round == 2 ? 1 : 0);
        TAP_CHECK(stat_of(&h, "/a/b/new", &seen) && !stat_of(&h, "/a/b/two.MOV", &seen));
        TAP_CHECK(stat_of(&h, "/top.txt", &seen) && stat_of(&h, "/a/one.mov", &seen) && stat_of(&h, "/c", &seen));
        TAP_CHECK(stat_of(&h, "/a/b", &seen) && seen.row.files == 1);
        TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
        TAP_EQUAL_U64(t.unreadable, 0);
    }
    /* Listed, with a folder below left alone: b stays with what is in it. */
    scan_begin(&s, &h, SCAN(04));
    scan_folder(&s, 1, 0, "", alone);
    scan_folder(&s, 2, 1, "a", 0);
    scan_folder(&s, 3, 2, "b", alone);
    r = scan_end(&s);
    TAP_EQUAL_U64(r.unreadable, 0);
    TAP_CHECK(stat_of(&h, "/a/b/new", &seen) && !stat_of(&h, "/a/one.mov", &seen) && stat_of(&h, "/top.txt", &seen));
    help_end(&h);
}

static void
what_lay_below_an_unreadable_folder_stays(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;
    struct inventory_totals t;
    struct inventory_outcome o = {
        .path = sp("/a/b/two.MOV"), .set = INVENTORY_SET_STATE, .state = RULE_S_STUB};

    help_begin(&h);
    small_scan(&h, SCAN(01));
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, &o, 1, NULL));
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", ENTRY_UNREADABLE);
    scan_file(&s, 2, "seen", 3, 1); /* the listing broke off behind it */
    r = scan_end(&s);
    TAP_EQUAL_U64(r.unreadable, 2); /* a, and b which is known from before */
    TAP_EQUAL_U64(r.kept, 4);       /* one.mov, b, two.MOV, three */
    TAP_EQUAL_U64(r.gone, 2);       /* top.txt and c: their folder was read */
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen) && seen.row.state == RULE_S_STUB);
    TAP_CHECK(stat_of(&h, "/a/seen", &seen) && !stat_of(&h, "/top.txt", &seen));
    TAP_CHECK(stat_of(&h, "/a", &seen));
    TAP_EQUAL_U64(seen.row.files, 4);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.unreadable, 2);
    /* Still unreadable: still there. Readable again and empty: gone. */
    scan_begin(&s, &h, SCAN(03));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    {
        /* b as an entry without a folder record: it was not listed. */
        struct entry_record b = {
            .folder = 2, .type = PORT_T_FOLDER, .name = sp("b"), .ino = 100003};

        scan_add(&s, &b);
    }
    r = scan_end(&s);
    TAP_EQUAL_U64(r.kept, 2);
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen) && !stat_of(&h, "/a/one.mov", &seen));
    scan_begin(&s, &h, SCAN(04));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    scan_folder(&s, 3, 2, "b", 0);
    r = scan_end(&s);
    TAP_EQUAL_U64(r.gone, 2);
    TAP_CHECK(!stat_of(&h, "/a/b/two.MOV", &seen));
    help_end(&h);
}

static void
what_lay_below_a_mount_point_stays(void)
{
    struct help h;
    struct scan s;
    struct seen seen;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", 0);
    {
        struct entry_record a = {
            .folder = 1, .type = PORT_T_FOLDER, .name = sp("a"), .flags = ENTRY_MOUNT, .ino = 2};

        scan_add(&s, &a);
    }
    (void)scan_end(&s);
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen));
    help_end(&h);
}

static void
a_name_given_twice_is_there_once(void)
{
    struct help h;
    struct scan s;
    struct inventory_totals t;

    help_begin(&h);
    for (int i = 0; i < 3; i++) {
        scan_begin(&s, &h, i == 0 ? SCAN(01) : i == 1 ? SCAN(02) : SCAN(03));
        scan_folder(&s, 1, 0, "", 0);
        scan_file(&s, 1, "twice", 3, 1);
        scan_file(&s, 1, "once", 3, 1);
        scan_send(&s);
        scan_file(&s, 1, "twice", 3, 1);
        TAP_EQUAL_U64(scan_end(&s).entries, 2);
    }
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.files, 2);
    help_end(&h);
}

static void
folders_that_lead_nowhere_are_left_out(void)
{
    struct help h;
    struct scan s;
    struct inventory_scan_result r;

    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_file(&s, 1, "good", 3, 1);
    scan_file(&s, 77, "no folder", 3, 1);
    {
        struct entry_record x = {
            .is_folder_record = true, .folder = 5, .parent = 6, .name = sp("x")};
        struct entry_record y = {
            .is_folder_record = true, .folder = 6, .parent = 5, .name = sp("y")};
        struct entry_record far = {
            .is_folder_record = true, .folder = UINT64_MAX, .parent = 1, .name = sp("far")};

        scan_add(&s, &x);
        scan_add(&s, &y);
        scan_file(&s, 5, "in a circle", 3, 1);
        r = scan_end(&s);
        TAP_EQUAL_U64(r.entries, 1);
        TAP_EQUAL_U64(r.left_out, 2);
        scan_begin(&s, &h, SCAN(02));
        scan_folder(&s, 1, 0, "", 0);
        scan_add(&s, &far);
        scan_send(&s);
        al_buf_free(&s.body);
        TAP_CODE(inventory_scan_end(h.inv, &own, VOLUME, SCAN(02), NOW_NS, NULL), AL_ELIMIT);
    }
    help_end(&h);
}

static void
a_path_that_is_too_long_is_left_out_with_all_below(void)
{
    struct help h;
    struct scan s;
    struct inventory_scan_result r;
    char name[251];

    memset(name, 'n', 250);
    name[250] = '\0';
    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    for (uint64_t id = 2; id < 300; id++) {
        scan_folder(&s, id, id - 1, name, 0);
        scan_file(&s, id, "f", 1, 1);
    }
    r = scan_end(&s);
    TAP_CHECK(r.left_out > 0 && r.entries + r.left_out == 2 * 298);
    TAP_EQUAL_U64(r.folders, 1 + INVENTORY_PATH_MAX / 251);
    help_end(&h);
}

/* ---- failing calls ---- */

/* Begin, batch, end of a scan and one outcome; the first code that is not AL_OK. */
static int
whole_scan(struct help *h, const char *id, struct al_span packed, uint64_t seq)
{
    struct inventory_outcome o = {
        .path = sp("/x"), .set = INVENTORY_SET_STATE, .state = RULE_S_STUB};
    int rc = inventory_scan_begin(h->inv, &own, VOLUME, id);

    if (rc == AL_OK) {
        rc = inventory_entries_apply(h->inv, &own, VOLUME, id, 1, packed, NULL);
    }
    if (rc == AL_OK) {
        rc = inventory_scan_end(h->inv, &own, VOLUME, id, NOW_NS, NULL);
    }
    return rc < 0 ? rc : inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, seq, &o, 1, NULL);
}

static void
every_call_may_fail_once_and_the_next_try_succeeds(void)
{
    struct inventory_totals t;
    struct entry_record root = {.is_folder_record = true, .folder = 1}, x = a_file(1, "x", 5000, 1);
    struct al_buf body, packed;
    struct help h;
    uint64_t n = 0, failed = 0;
    int rc = AL_ENOMEM;

    help_begin(&h);
    al_buf_init(&body, 1u << 20);
    al_buf_init(&packed, 1u << 20);
    TAP_OK(entries_add(&body, &root));
    TAP_OK(entries_add(&body, &x));
    TAP_OK(entries_pack(&body, 2, &packed));
    do {
        char id[AL_ID_LEN + 1];

        n++;
        snprintf(id, sizeof(id), "01hs%022llu", (unsigned long long)n);
        al_fault_arm(AL_FAULT_MEM | AL_FAULT_PORT, n, false);
        rc = whole_scan(&h, id, al_buf_span(&packed), n);
        (void)al_fault_disarm();
        failed += rc < 0;
        if (rc < 0) {
            int again = whole_scan(&h, id, al_buf_span(&packed), n);

            /* A scan that was merged before something behind it failed cannot begin again. */
            if (again != AL_OK &&
                !(again == AL_ECONFLICT &&
                  inventory_scan_end(h.inv, &own, VOLUME, id, NOW_NS, NULL) == AL_OK)) {
                tap_fail(__FILE__, __LINE__, "call %llu failed with %d; the next try with %d",
                         (unsigned long long)n, rc, again);
            }
        }
        TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
        TAP_EQUAL_U64(t.files, 1);
    } while (n < 40 || rc < 0);
    printf("# %llu calls failed once\n", (unsigned long long)failed);
    TAP_CHECK(failed > 20);
    al_buf_free(&body);
    al_buf_free(&packed);
    help_end(&h);
}

/* ---- many at once ---- */

static void *
read_for_a_while(void *arg)
{
    struct help *h = arg;
    struct inventory_totals t;
    uintptr_t bad = 0;

    for (int i = 0; i < 200; i++) {
        struct seen seen;

        /* A scan changes the number of files from 3 to 4 and back: nothing else may ever be seen.
         */
        if (inventory_totals(h->inv, &own, VOLUME, &t) != AL_OK || t.files < 3 || t.files > 4 ||
            !stat_of(h, "/stays", &seen)) {
            bad++;
        }
    }
    return (void *)bad;
}

static void
readers_never_see_half_a_merge(void)
{
    struct port_thread threads[3];
    struct help h;
    struct scan s;

    help_begin(&h);
    for (unsigned i = 0; i < 12; i++) {
        char id[AL_ID_LEN + 1];

        snprintf(id, sizeof(id), "01hs00000000000000000000%02u", i);
        scan_begin(&s, &h, id);
        scan_folder(&s, 1, 0, "", 0);
        scan_file(&s, 1, "stays", 1, 1);
        scan_file(&s, 1, "stays too", 1, 1);
        scan_file(&s, 1, i % 2 == 0 ? "even" : "odd", 1, 1);
        if (i % 2 == 0) {
            scan_file(&s, 1, "fourth", 1, 1);
        }
        (void)scan_end(&s);
        for (unsigned t = 0; i == 0 && t < AL_LEN(threads); t++) {
            TAP_OK(port_thread_start(&threads[t], "reader", 1u << 20, read_for_a_while, &h));
        }
    }
    for (unsigned t = 0; t < AL_LEN(threads); t++) {
        void *bad;

        TAP_CHECK(pthread_join(threads[t].id, &bad) == 0);
        TAP_CHECK(bad == NULL);
    }
    help_end(&h);
}

static int64_t
file_bytes(struct help *h)
{
    char path[256];
    struct stat st = {0};

    snprintf(path, sizeof(path), "%s/" VOLUME ".duckdb", h->dir);
    TAP_CHECK(stat(path, &st) == 0);
    return st.st_size;
}

static void
a_file_does_not_grow_with_each_scan(void)
{
    struct help h;
    struct scan s;
    int64_t first = 0;

    help_begin(&h);
    for (unsigned i = 1; i <= 4; i++) {
        char id[AL_ID_LEN + 1], name[32];

        snprintf(id, sizeof(id), "01hs00000000000000000000%02u", i);
        scan_begin(&s, &h, id);
        scan_folder(&s, 1, 0, "", 0);
        for (unsigned k = 0; k < 130000; k++) {
            snprintf(name, sizeof(name), "a file %u", k * 2654435761u);
            scan_file(&s, 1, name, k * 7919u % 1000003u, (int)(k % 1000));
        }
        (void)scan_end(&s);
        first = i == 1 ? file_bytes(&h) : first;
        TAP_CHECK(file_bytes(&h) <= first + (1 << 20));
    }
    help_end(&h);
}

/* ---- a call that makes another, while a merge waits for it ---- */

struct nested {
    struct help *h;
    struct port_thread merger;
    struct scan scan;
    uint64_t rows, found;
};

static void *
merge_now(void *arg)
{
    struct nested *n = arg;

    return inventory_scan_end(n->h->inv, &own, VOLUME, n->scan.id, NOW_NS, NULL) == AL_OK ? NULL
                                                                                          : n;
}

static int
look_while_merging(void *ctx, const struct inventory_row *row)
{
    struct nested *n = ctx;
    struct seen seen;

    if (n->rows++ == 0) {
        TAP_OK(port_thread_start(&n->merger, "merger", 8u << 20, merge_now, n));
    }
    usleep(150000);
    n->found += stat_of(n->h, "/old", &seen);
    return AL_OK;
}

static void
a_merge_waits_for_readers_and_lets_them_call_again(void)
{
    struct help h;
    struct nested n = {.h = &h};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct rule_error error = {0};
    struct inventory_plan_query q = {.now_ns = NOW_NS};
    struct rule *rule = NULL;
    struct seen seen;
    void *bad = &n;

    help_begin(&h);
    scan_begin(&n.scan, &h, SCAN(01));
    scan_folder(&n.scan, 1, 0, "", 0);
    scan_file(&n.scan, 1, "old", 1, 1);
    scan_file(&n.scan, 1, "other", 1, 1);
    scan_file(&n.scan, 1, "third", 1, 1);
    (void)scan_end(&n.scan);
    scan_begin(&n.scan, &h, SCAN(02));
    scan_folder(&n.scan, 1, 0, "", 0);
    scan_file(&n.scan, 1, "new", 1, 1);
    scan_send(&n.scan);
    TAP_OK(rule_parse(sp("true"), NULL, &rule, &error));
    q.rule = rule;
    TAP_OK(inventory_candidates(h.inv, &own, VOLUME, &q, NULL, look_while_merging, &n));
    TAP_EQUAL_U64(n.rows, 3);
    TAP_EQUAL_U64(n.found, 3);
    TAP_CHECK(pthread_join(n.merger.id, &bad) == 0 && bad == NULL);
    TAP_CHECK(!stat_of(&h, "/old", &seen) && stat_of(&h, "/new", &seen));
    al_buf_free(&n.scan.body);
    rule_free(rule);
    al_arena_free(arena);
    help_end(&h);
}

/* The flag makes an entry one that any inode replaces: only an import may set it. */
static void
a_host_cannot_say_that_an_entry_was_imported(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct entry_record e = {.folder = 1,
                             .type = PORT_T_FILE,
                             .flags = 128 | ENTRY_STUB,
                             .name = sp("f"),
                             .nlink = 1,
                             .ino = 7,
                             .size = 1};

    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 128);
    scan_add(&s, &e);
    (void)scan_end(&s);
    TAP_CHECK(stat_of(&h, "/f", &seen));
    TAP_EQUAL_U64(seen.row.flags, ENTRY_STUB);
    TAP_CHECK(stat_of(&h, "/a", &seen));
    TAP_EQUAL_U64(seen.row.flags, 0);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(a_volume_of_another_customer_is_not_there);
    TAP_RUN(a_file_put_into_the_place_of_another_volume_is_refused);
    TAP_RUN(a_dropped_volume_leaves_no_file);
    TAP_RUN(more_volumes_than_may_be_open_take_turns);
    TAP_RUN(a_scan_shows_what_it_saw);
    TAP_RUN(an_unfinished_scan_changes_nothing);
    TAP_RUN(batches_are_taken_once_and_in_order);
    TAP_RUN(a_scan_goes_on_after_a_restart);
    TAP_RUN(a_second_scan_tells_new_changed_and_gone);
    TAP_RUN(folders_left_alone_stay_as_they_were);
    TAP_RUN(what_lay_below_an_unreadable_folder_stays);
    TAP_RUN(what_lay_below_a_mount_point_stays);
    TAP_RUN(a_name_given_twice_is_there_once);
    TAP_RUN(a_host_cannot_say_that_an_entry_was_imported);
    TAP_RUN(folders_that_lead_nowhere_are_left_out);
    TAP_RUN(a_path_that_is_too_long_is_left_out_with_all_below);
    TAP_RUN(every_call_may_fail_once_and_the_next_try_succeeds);
    TAP_RUN(readers_never_see_half_a_merge);
    TAP_RUN(a_file_does_not_grow_with_each_scan);
    TAP_RUN(a_merge_waits_for_readers_and_lets_them_call_again);
    return tap_end();
}
