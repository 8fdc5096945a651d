/* What noise (backups, antivirus, as the customer names them) does: the tree changes by it, and nobody used a file. */
#include "access_help.h"

static struct inventory_access
noise(struct inventory_access a)
{
    a.noise = true;
    a.reads = 0;
    a.writes = 1;
    a.user = sp("backup");
    return a;
}

static void
what_noise_makes_is_there_and_was_not_used(void)
{
    struct inventory_access make = noise(
        with_stat(row(INVENTORY_ACCESS_CREATE, "/a/new.bin", "", T(5)), PORT_T_FILE, 777));
    struct help h;
    struct seen s;

    begin(&h);
    make.mtime_ns = T(-500); /* it keeps times */
    TAP_EQUAL_U64(tell(&h, &make, 1).added, 1);
    TAP_CHECK(stat_of(&h, "/a/new.bin", &s) && s.row.size == 777 && s.row.mtime_ns == T(-500));
    TAP_CHECK(last_of(&h, "/a/new.bin") == 1 && s.row.source != INVENTORY_BY_AUDIT);
    (void)used(&h, "/a/new.bin", T(3)); /* late, and the first use that is known */
    TAP_CHECK(last_of(&h, "/a/new.bin") == T(3));
    help_end(&h);
}

static void
what_noise_writes_is_another_size_and_no_access(void)
{
    struct inventory_access write =
        noise(with_stat(row(INVENTORY_ACCESS_USED, "/a/one.mov", "", T(9)), PORT_T_FILE, 4321));
    struct inventory_access both[2];
    struct help h;
    struct seen s;

    begin(&h);
    write.modified_ns = T(9);
    (void)tell(&h, &write, 1);
    TAP_CHECK(stat_of(&h, "/a/one.mov", &s) && s.row.size == 4321 && s.row.mtime_ns == T(9));
    TAP_CHECK(last_of(&h, "/a/one.mov") == 1);
    (void)used(&h, "/a/one.mov", T(4));
    (void)tell(&h, &write, 1);
    TAP_CHECK(last_of(&h, "/a/one.mov") == T(4));
    write.time_ns = write.ctime_ns = T(20);
    write.size = 99;
    both[0] = write;
    both[1] = row(INVENTORY_ACCESS_USED, "/a/one.mov", "", T(12)); /* one batch: the person's time counts */
    (void)tell(&h, both, 2);
    TAP_CHECK(last_of(&h, "/a/one.mov") == T(12));
    TAP_CHECK(stat_of(&h, "/a/one.mov", &s) && s.row.size == 99);
    TAP_CHECK(s.row.source == INVENTORY_BY_AUDIT);
    help_end(&h);
}

static void
what_noise_did_to_what_nobody_knows_does_not_wait(void)
{
    struct inventory_access write = noise(row(INVENTORY_ACCESS_USED, "/nowhere", "", T(9)));
    struct inventory_access later =
        with_stat(row(INVENTORY_ACCESS_CREATE, "/nowhere", "", T(1)), PORT_T_FILE, 5);
    struct help h;

    begin(&h);
    TAP_EQUAL_U64(tell(&h, &write, 1).unplaced, 0);
    (void)tell(&h, &later, 1);
    TAP_CHECK(last_of(&h, "/nowhere") == T(1));
    help_end(&h);
}

static int
count_event(void *ctx, const struct inventory_access_event *e)
{
    unsigned *count = ctx;

    TAP_CHECK(e->row.time_ns <= NOW_NS + INVENTORY_FUTURE_NS);
    ++*count;
    return AL_OK;
}

static void
noise_is_in_no_figure_and_brings_back_what_was_deleted(void)
{
    struct inventory_access make = noise(
        with_stat(row(INVENTORY_ACCESS_CREATE, "/top.txt", "", T(6)), PORT_T_FILE, 12));
    struct inventory_access gone = row(INVENTORY_ACCESS_DELETE, "/top.txt", "", T(5));
    struct inventory_access ahead = row(INVENTORY_ACCESS_USED, "/a/one.mov", "", INT64_MAX);
    struct help h;
    struct seen s;
    unsigned count = 0;

    begin(&h);
    (void)tell(&h, &gone, 1);
    (void)tell(&h, &make, 1);
    (void)tell(&h, &ahead, 1);
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, NULL));
    TAP_CHECK(stat_of(&h, "/top.txt", &s) && s.row.size == 12);
    TAP_OK(inventory_access_recent(h.inv, &own, VOLUME, sp(""), 0, 0, 10, count_event, &count));
    TAP_EQUAL_U64(count, 2);
    TAP_CHECK(last_of(&h, "/a/one.mov") == NOW_NS);
    help_end(&h);
}

/* It has the size and the time that it had: restored by a backup. */
static void
what_noise_made_again_as_it_was_is_not_taken_away_by_the_delete(void)
{
    struct inventory_access make = noise(row(INVENTORY_ACCESS_CREATE, "/top.txt", "", T(6)));
    struct inventory_access gone = row(INVENTORY_ACCESS_DELETE, "/top.txt", "", T(5));
    struct help h;
    struct seen s;

    begin(&h);
    (void)tell(&h, &gone, 1);
    (void)tell(&h, &make, 1);
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, NULL));
    TAP_CHECK(stat_of(&h, "/top.txt", &s));
    help_end(&h);
}

/* The row of a move comes after that of a file which noise made in its place. */
static void
a_late_move_leaves_what_noise_made_where_it_is(void)
{
    struct inventory_access make = noise(
        with_stat(row(INVENTORY_ACCESS_CREATE, "/a/one.mov", "", T(30)), PORT_T_FILE, 31));
    struct help h;
    struct seen s;

    begin(&h);
    (void)used(&h, "/a/one.mov", T(10));
    make.btime_ns = T(30);
    (void)tell(&h, &make, 1);
    (void)move(&h, "/a/one.mov", "/a/two.mov", T(20));
    TAP_CHECK(last_of(&h, "/a/two.mov") <= T(20)); /* the next scan brings it, and what waits for it */
    TAP_CHECK(stat_of(&h, "/a/one.mov", &s) && s.row.size == 31);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(what_noise_makes_is_there_and_was_not_used);
    TAP_RUN(what_noise_writes_is_another_size_and_no_access);
    TAP_RUN(what_noise_did_to_what_nobody_knows_does_not_wait);
    TAP_RUN(noise_is_in_no_figure_and_brings_back_what_was_deleted);
    TAP_RUN(what_noise_made_again_as_it_was_is_not_taken_away_by_the_delete);
    TAP_RUN(a_late_move_leaves_what_noise_made_where_it_is);
    return tap_end();
}
