/* Deletes that audit logs tell of: they wait, may be taken back, and are done with when something comes in their place. */
#include "access_help.h"

static void
a_delete_waits_and_may_be_taken_back(void)
{
    struct help h;
    uint64_t gone = 9;
    struct inventory_access rows[] = {row(INVENTORY_ACCESS_DELETE, "/top.txt", "", T(5)),
                                      row(INVENTORY_ACCESS_DELETE, "/a/one.mov", "", T(5)),
                                      row(INVENTORY_ACCESS_FOLDER_DELETE, "/a/b", "", T(5))};

    begin(&h);
    TAP_EQUAL_U64(tell(&h, rows, 3).deleted, 3);
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS, &gone));
    TAP_CHECK(gone == 0 && last_of(&h, "/top.txt") == 1);
    (void)used(&h, "/a/one.mov", T(6)); /* there again */
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + INVENTORY_DELETE_GRACE_NS, &gone));
    TAP_CHECK(last_of(&h, "/top.txt") == 0 && last_of(&h, "/a/b/two.MOV") == 0);
    TAP_CHECK(last_of(&h, "/a/one.mov") == T(6) && last_of(&h, "/a/b") == 0);
    TAP_EQUAL_U64(gone, 4); /* the folder is one */
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + INVENTORY_DELETE_GRACE_NS, &gone));
    TAP_EQUAL_U64(gone, 0);
    help_end(&h);
}

/* Nothing can be moved to the name of a folder that is not empty, or gone. */
static void
a_folder_that_comes_to_a_deleted_one_s_name_does_not_wait_for_it(void)
{
    struct help h;
    struct inventory_access gone = row(INVENTORY_ACCESS_FOLDER_DELETE, "/a/b", "", T(5)), both[2];

    begin(&h);
    (void)used(&h, "/c/old", T(1)); /* waits for it */
    both[0] = with_stat(row(INVENTORY_ACCESS_CREATE, "/c/new.mov", "", T(2)), PORT_T_FILE, 7);
    both[1] = with_stat(row(INVENTORY_ACCESS_CREATE, "/c/two.MOV", "", T(3)), PORT_T_FILE, 7);
    (void)tell(&h, both, 2);
    (void)used(&h, "/a/b/two.MOV", T(4));
    (void)tell(&h, &gone, 1);
    TAP_CHECK(last_of(&h, "/a/b/two.MOV") == T(4)); /* it may come back */
    (void)move(&h, "/c", "/a/b", T(6));
    TAP_CHECK(last_of(&h, "/a/b/new.mov") == T(2) && last_of(&h, "/c") == 0);
    TAP_CHECK(last_of(&h, "/a/b/two.MOV") == T(3)); /* the one that came */
    /* The delete is done with: what came later is not taken away by it. */
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, NULL));
    TAP_CHECK(last_of(&h, "/a/b/new.mov") == T(2) && last_of(&h, "/a/one.mov") == 1);
    /* Both in one batch, told the wrong way round. */
    both[0] = row(INVENTORY_ACCESS_MOVE, "/a", "/d", T(9));
    both[1] = row(INVENTORY_ACCESS_FOLDER_DELETE, "/d", "", T(8));
    (void)used(&h, "/d/x", T(7));
    gone = with_stat(row(INVENTORY_ACCESS_CREATE, "/d/x", "", T(7)), PORT_T_FILE, 7);
    (void)tell(&h, &gone, 1);
    (void)tell(&h, both, 2);
    TAP_CHECK(last_of(&h, "/d/x") == 0 && last_of(&h, "/d/one.mov") == 1);
    help_end(&h);
}

static void
what_was_used_after_its_folder_s_delete_stays_beside_what_came(void)
{
    struct help h;
    struct inventory_access gone = row(INVENTORY_ACCESS_FOLDER_DELETE, "/a/b", "", T(5)), made;

    begin(&h);
    made = with_stat(row(INVENTORY_ACCESS_CREATE, "/c/new.mov", "", T(2)), PORT_T_FILE, 7);
    (void)tell(&h, &made, 1);
    (void)tell(&h, &gone, 1);
    (void)used(&h, "/a/b/two.MOV", T(7)); /* a clock that is wrong, or a folder of the same name */
    (void)move(&h, "/c", "/a/b", T(6));
    TAP_CHECK(last_of(&h, "/a/b/new.mov") == T(2) && last_of(&h, "/a/b/two.MOV") == T(7));
    help_end(&h);
}

/* Which of the files came, and which were there before, nobody knows any more (adr 0055): nothing is taken away for it, and a
 * scan says. */
static void
a_delete_told_after_what_came_in_its_place_takes_none_of_it_away(void)
{
    struct help h;
    struct inventory_access late = row(INVENTORY_ACCESS_FOLDER_DELETE, "/a/b", "", T(5)), made;
    struct entry_record e;
    struct scan s;

    begin(&h);
    made = with_stat(row(INVENTORY_ACCESS_CREATE, "/c/new.mov", "", T(2)), PORT_T_FILE, 7);
    (void)tell(&h, &made, 1);
    (void)move(&h, "/c", "/a/b", T(6));
    (void)tell(&h, &late, 1);
    (void)used(&h, "/a/b/new.mov", T(7));
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, NULL));
    TAP_CHECK(last_of(&h, "/a/b/new.mov") == T(7) && last_of(&h, "/a/b/two.MOV") == 1);
    scan_begin(&s, &h, SCAN(03));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    scan_folder(&s, 3, 2, "b", 0);
    e = a_file(3, "new.mov", 7, 0);
    scan_add(&s, &e);
    (void)scan_end(&s);
    TAP_CHECK(last_of(&h, "/a/b/new.mov") == T(7) && last_of(&h, "/a/b/two.MOV") == 0);
    help_end(&h);
}

static void
a_folder_that_was_made_anew_is_there_and_empty(void)
{
    struct help h;
    struct inventory_access gone = row(INVENTORY_ACCESS_FOLDER_DELETE, "/a/b", "", T(5)), made;

    begin(&h);
    (void)tell(&h, &gone, 1);
    made = with_stat(row(INVENTORY_ACCESS_CREATE, "/a/b", "", T(6)), PORT_T_FOLDER, 0);
    (void)tell(&h, &made, 1);
    gone = row(INVENTORY_ACCESS_DELETE, "/c/x", "", T(5)); /* of a file that nobody knows, made without a word about it */
    (void)tell(&h, &gone, 1);
    (void)used(&h, "/c/x", T(6));
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + INVENTORY_DELETE_GRACE_NS, NULL));
    TAP_CHECK(last_of(&h, "/a/b") != 0 && last_of(&h, "/a/b/two.MOV") == 0 && last_of(&h, "/c/x") == 0);
    TAP_CHECK(last_of(&h, "/a/one.mov") == 1 && last_of(&h, "/c") != 0);
    help_end(&h);
}

static void
a_scan_that_sees_it_takes_a_delete_back(void)
{
    struct help h;
    uint64_t gone = 9;
    struct inventory_access a = row(INVENTORY_ACCESS_DELETE, "/top.txt", "", T(5));

    begin(&h);
    (void)tell(&h, &a, 1);
    small_scan(&h, SCAN(02));
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, &gone));
    TAP_CHECK(gone == 0 && last_of(&h, "/top.txt") == 1);
    help_end(&h);
}

static void
a_delete_of_what_is_archived_is_ours(void)
{
    struct help h;
    uint64_t gone = 9;
    struct inventory_access rows[] = {row(INVENTORY_ACCESS_DELETE, "/a/one.mov", "", T(5)),
                                      row(INVENTORY_ACCESS_FOLDER_DELETE, "/a", "", T(6))};
    struct inventory_outcome o = {.path = sp("/a/one.mov"),
                                  .set = INVENTORY_SET_STATE,
                                  .state = RULE_S_ARCHIVED};

    begin(&h);
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, SCAN(0a), 1, &o, 1, NULL));
    (void)tell(&h, rows, 2);
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, &gone));
    TAP_EQUAL_U64(gone, 0);
    TAP_CHECK(last_of(&h, "/a/one.mov") == 1);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(a_delete_waits_and_may_be_taken_back);
    TAP_RUN(a_folder_that_comes_to_a_deleted_one_s_name_does_not_wait_for_it);
    TAP_RUN(what_was_used_after_its_folder_s_delete_stays_beside_what_came);
    TAP_RUN(a_delete_told_after_what_came_in_its_place_takes_none_of_it_away);
    TAP_RUN(a_folder_that_was_made_anew_is_there_and_empty);
    TAP_RUN(a_scan_that_sees_it_takes_a_delete_back);
    TAP_RUN(a_delete_of_what_is_archived_is_ours);
    return tap_end();
}
