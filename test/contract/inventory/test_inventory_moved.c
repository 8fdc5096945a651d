/* Files at another path than before keep what was known of them; files that only got an old inode's number do not. */
#include "help.h"

#include "server/inventory/figures.h"

struct moving { /* one file, at first at /a/old.mov */
    struct entry_record then, now;
};

static struct moving
renamed(void)
{
    struct moving m = {a_file(2, "old.mov", 5000, 100), a_file(3, "new.mov", 5000, 100)};

    m.now.ino = m.then.ino;
    m.now.ctime_ns = NOW_NS; /* a rename touches the inode */
    return m;
}

static void
scan_with(struct help *h, const char *id, const struct entry_record *files, size_t count,
          struct inventory_scan_result *ret)
{
    struct scan s;

    scan_begin(&s, h, id);
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    scan_folder(&s, 3, 1, "b", 0);
    for (size_t i = 0; i < count; i++) {
        scan_add(&s, &files[i]);
    }
    *ret = scan_end(&s);
}

/* What is known of the file before it moves: a stub with an object, read as the audit log says. */
static void
tell(struct help *h, const char *path, uint64_t seq)
{
    struct inventory_outcome o = {.path = sp(path),
                                  .set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT |
                                         INVENTORY_SET_ALLOCATED | INVENTORY_SET_ACCESSED,
                                  .state = RULE_S_STUB,
                                  .object_id = SCAN(99),
                                  .accessed_ns = NOW_NS - DAY_NS,
                                  .source = INVENTORY_BY_AUDIT};

    TAP_OK(inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, seq, &o, 1, NULL));
}

static bool
run(struct moving m, struct inventory_scan_result *ret, struct seen *seen)
{
    struct help h;
    struct inventory_scan_result r;
    bool kept;

    help_begin(&h);
    scan_with(&h, SCAN(01), &m.then, 1, &r);
    tell(&h, "/a/old.mov", 1);
    m.now.flags |= ENTRY_STUB;
    m.now.allocated = 0;
    scan_with(&h, SCAN(02), &m.now, 1, ret);
    TAP_CHECK(stat_of(&h, "/b/new.mov", seen));
    kept = strcmp(seen->row.object_id, SCAN(99)) == 0;
    TAP_CHECK(kept == (seen->row.source == INVENTORY_BY_AUDIT));
    TAP_CHECK(kept == (seen->row.accessed_ns == NOW_NS - DAY_NS));
    TAP_EQUAL_U64(ret->moved, kept);
    TAP_EQUAL_U64(ret->added, !kept);
    TAP_EQUAL_U64(ret->gone, !kept);
    TAP_EQUAL_U64(ret->entries, 3);
    /* The result is kept with the scan. */
    TAP_OK(inventory_scan_end(h.inv, &own, VOLUME, SCAN(02), NOW_NS, &r));
    TAP_EQUAL_U64(r.moved, ret->moved);
    help_end(&h);
    return kept;
}

static void
a_renamed_file_keeps_state_object_and_evidence(void)
{
    struct inventory_scan_result r;
    struct seen seen;

    TAP_CHECK(run(renamed(), &r, &seen));
    TAP_CHECK(seen.row.state == RULE_S_STUB);
}

static void
a_new_file_with_an_old_number_inherits_nothing(void)
{
    struct inventory_scan_result r;
    struct seen seen;
    struct moving m = renamed();

    m.now.size = 5001;
    TAP_CHECK(!run(m, &r, &seen));
    m = renamed();
    m.now.mtime_ns++;
    TAP_CHECK(!run(m, &r, &seen));
    /* Size and time of change are as they were, as rsync -t and cp -p leave them. */
    m = renamed();
    m.now.btime_ns++;
    TAP_CHECK(!run(m, &r, &seen));
    m = renamed();
    m.now.ctime_ns = m.then.ctime_ns - 1;
    TAP_CHECK(!run(m, &r, &seen));
    m = renamed();
    m.now.type = PORT_T_SYMLINK;
    TAP_CHECK(!run(m, &r, &seen));
    /* No births are known: only a file whose inode is as it was is the same. */
    m = renamed();
    m.then.btime_ns = m.now.btime_ns = 0;
    TAP_CHECK(!run(m, &r, &seen));
    m.now.ctime_ns = m.then.ctime_ns;
    TAP_CHECK(run(m, &r, &seen));
    m = renamed();
    m.then.ino = m.now.ino = 0; /* imported: no number */
    TAP_CHECK(!run(m, &r, &seen));
}

static void
a_renamed_folder_takes_its_files_along(void)
{
    struct help h;
    struct scan s;
    struct seen seen;
    struct inventory_scan_result r;
    char name[32];

    help_begin(&h);
    for (int round = 1; round <= 2; round++) {
        scan_begin(&s, &h, round == 1 ? SCAN(01) : SCAN(02));
        scan_folder(&s, 1, 0, "", 0);
        scan_folder(&s, 2, 1, round == 1 ? "before" : "after", 0);
        scan_folder(&s, 3, 2, "deep", 0);
        for (uint64_t i = 0; i < 500; i++) {
            snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
            scan_file(&s, 2 + i % 2, name, 100 + i, 50);
        }
        r = scan_end(&s);
        if (round == 1) {
            tell(&h, "/before/deep/f1", 1);
        }
    }
    TAP_EQUAL_U64(r.moved, 502); /* 500 files, two folders */
    TAP_EQUAL_U64(r.added, 0);
    TAP_EQUAL_U64(r.gone, 0);
    TAP_CHECK(stat_of(&h, "/after/deep/f1", &seen));
    TAP_CHECK(seen.row.source == INVENTORY_BY_AUDIT);
    TAP_CHECK(!stat_of(&h, "/before/deep/f1", &seen));
    help_end(&h);
}

/* A stub whose marker the renaming program dropped is found lost, at its new place. */
static void
a_moved_stub_without_its_marker_is_found_lost(void)
{
    struct moving m = renamed();
    struct help h;
    struct seen seen = {0};
    struct inventory_scan_result r;

    help_begin(&h);
    scan_with(&h, SCAN(01), &m.then, 1, &r);
    tell(&h, "/a/old.mov", 1);
    m.now.allocated = 0;
    scan_with(&h, SCAN(02), &m.now, 1, &r);
    TAP_OK(inventory_lost(h.inv, &own, VOLUME, 0, keep_row, &seen));
    TAP_EQUAL_STR(seen.path, "/b/new.mov");
    TAP_EQUAL_STR(seen.row.object_id, SCAN(99));
    TAP_CHECK(seen.row.state == RULE_S_STUB);
    help_end(&h);
}

/* Brought back in place while a scan runs, and renamed before the walk comes to it: with another inode than was told (a file
 * exchanged for it), it is new and was used; else it moved. */
static void
what_came_back_and_was_renamed_during_a_scan_was_used(void)
{
    for (int other = 0; other < 2; other++) {
        struct inventory_outcome o = {.path = sp("/a/old.mov"),
                                      .set = INVENTORY_SET_STATE | INVENTORY_SET_ALLOCATED |
                                             INVENTORY_SET_ACCESSED,
                                      .state = RULE_S_RESIDENT,
                                      .allocated = 8192,
                                      .accessed_ns = NOW_NS - DAY_NS,
                                      .source = INVENTORY_BY_RECALL};
        struct moving m = renamed();
        struct help h;
        struct scan s;
        struct seen seen;
        struct inventory_scan_result r;

        m.now.ino += (uint64_t)other;
        m.now.atime_ns = NOW_NS - 300 * DAY_NS;
        help_begin(&h);
        scan_with(&h, SCAN(01), &m.then, 1, &r);
        scan_begin(&s, &h, SCAN(02));
        scan_folder(&s, 1, 0, "", 0);
        scan_folder(&s, 2, 1, "a", 0);
        scan_folder(&s, 3, 1, "b", 0);
        scan_add(&s, &m.now);
        TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, &o, 1, NULL));
        r = scan_end(&s);
        TAP_CHECK(stat_of(&h, "/b/new.mov", &seen));
        TAP_CHECK(seen.row.source == INVENTORY_BY_RECALL);
        TAP_CHECK(seen.row.accessed_ns == NOW_NS - DAY_NS);
        TAP_EQUAL_U64(r.moved, !other);
        TAP_EQUAL_U64(r.gone, 0);
        TAP_CHECK(stat_of(&h, "/a/old.mov", &seen) == (other != 0));
        help_end(&h);
    }
}

static void
names_of_one_inode_come_and_go(void)
{
    struct entry_record then[2] = {a_file(2, "x", 700, 9), a_file(2, "y", 700, 9)},
                        now[3] = {a_file(2, "x", 700, 9), a_file(3, "y", 700, 9),
                                  a_file(3, "z", 700, 9)};
    struct help h;
    struct inventory_scan_result r;

    for (size_t i = 0; i < 3; i++) {
        now[i].ino = 77;
        now[i].nlink = 3;
    }
    then[0].ino = then[1].ino = 77;
    help_begin(&h);
    scan_with(&h, SCAN(01), then, 2, &r);
    /* One stays, one moves, one is new. */
    scan_with(&h, SCAN(02), now, 3, &r);
    TAP_EQUAL_U64(r.moved, 1);
    TAP_EQUAL_U64(r.added, 1);
    TAP_EQUAL_U64(r.gone, 0);
    /* One of them goes: nothing moved. */
    scan_with(&h, SCAN(03), now, 2, &r);
    TAP_EQUAL_U64(r.moved, 0);
    TAP_EQUAL_U64(r.added, 0);
    TAP_EQUAL_U64(r.gone, 1);
    help_end(&h);
}

/* b replaces a by rename. Its own evidence is lost too: at a path that was known, nothing is looked for. */
static void
a_file_renamed_over_another_inherits_nothing_from_it(void)
{
    struct entry_record then[2] = {a_file(2, "a", 700, 9), a_file(2, "b", 800, 9)}, now[1];
    struct help h;
    struct seen seen;
    struct inventory_scan_result r;

    now[0] = then[1];
    now[0].name = sp("a");
    help_begin(&h);
    scan_with(&h, SCAN(01), then, 2, &r);
    tell(&h, "/a/a", 1);
    scan_with(&h, SCAN(02), now, 1, &r);
    TAP_CHECK(stat_of(&h, "/a/a", &seen));
    TAP_EQUAL_U64(seen.row.size, 800);
    TAP_EQUAL_STR(seen.row.object_id, "");
    TAP_CHECK(seen.row.state == RULE_S_RESIDENT && seen.row.source == INVENTORY_BY_WALK);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(a_renamed_file_keeps_state_object_and_evidence);
    TAP_RUN(a_new_file_with_an_old_number_inherits_nothing);
    TAP_RUN(a_renamed_folder_takes_its_files_along);
    TAP_RUN(a_moved_stub_without_its_marker_is_found_lost);
    TAP_RUN(what_came_back_and_was_renamed_during_a_scan_was_used);
    TAP_RUN(names_of_one_inode_come_and_go);
    TAP_RUN(a_file_renamed_over_another_inherits_nothing_from_it);
    return tap_end();
}
