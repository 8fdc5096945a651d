/* A volume that is a part of a filespace: what comes into it from outside, or leaves it and comes back, was used under paths
 * that nobody told of. It never looks colder than it is. Seeds: ALTO_ACCESS_SEED first, ALTO_ACCESS_SEEDS many. */
#include "access_help.h"

#include "server/inventory/figures.h"

#define T0 (NOW_NS - 300 * DAY_NS) /* the record is complete since then; files were written before */

static int
count_row(void *ctx, const struct inventory_row *row)
{
    ++*(int *)ctx;
    return AL_OK;
}

/* Files that a rule of so many days would take. */
static int
cold(struct help *h, int days)
{
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    struct inventory_plan_query q = {.now_ns = NOW_NS, .archive = true};
    struct inventory_limits none = {0};
    char text[64];
    int n = 0;

    snprintf(text, sizeof(text), "accessed older than %dd", days);
    TAP_OK(rule_parse(sp(text), NULL, &rule, NULL));
    q.rule = rule;
    TAP_OK(inventory_candidates(h->inv, &own, VOLUME, &q, &none, count_row, &n));
    return n;
}

static void
covered(struct help *h)
{
    struct inventory_coverage c = {.audited = true, .live = true, .since_ns = T0, .told_ns = NOW_NS};

    seq = 0;
    help_begin(h);
    TAP_OK(inventory_coverage_set(h->inv, &own, VOLUME, &c));
}

/* Folders: "" the root, "/shot"; in it two files of 350 days. */
static void
scan_with(struct help *h, const char *id, const char *const *folders, size_t count)
{
    struct scan s;

    scan_begin(&s, h, id);
    scan_folder(&s, 1, 0, "", 0);
    for (size_t i = 0; i < count; i++) {
        struct entry_record a = a_file(2 + i, "one.mov", 50000, 0), b = a_file(2 + i, "two.mov", 60000, 0);

        scan_folder(&s, 2 + i, 1, folders[i], 0);
        a.btime_ns = b.btime_ns = 0;
        scan_add(&s, &a);
        scan_add(&s, &b);
    }
    (void)scan_end(&s);
}

static void
came(struct help *h, const char *path, int64_t time_ns, bool looked)
{
    struct inventory_access a = row(INVENTORY_ACCESS_CREATE, path, "", time_ns);

    a.came = true;
    a = looked ? with_stat(a, PORT_T_FOLDER, 0) : a;
    tell(h, &a, 1);
}

static void
left(struct help *h, const char *path, int64_t time_ns)
{
    struct inventory_access a = row(INVENTORY_ACCESS_FOLDER_DELETE, path, "", time_ns);

    tell(h, &a, 1);
}

static void
a_folder_from_outside_begins_when_it_came(void)
{
    static const char *const before[] = {"kept"}, *const after[] = {"kept", "shot"};
    struct help h;

    covered(&h);
    scan_with(&h, SCAN(01), before, 1);
    TAP_EQUAL_U64((unsigned)cold(&h, 90), 2);
    came(&h, "/shot", NOW_NS - 30 * DAY_NS, true);
    scan_with(&h, SCAN(02), after, 2);
    TAP_EQUAL_U64((unsigned)cold(&h, 90), 2); /* no file of it */
    help_end(&h);
}

/* The first scan comes after the logs were read: what they tell of before counts. */
static void
so_it_does_where_the_first_scan_comes_later(void)
{
    static const char *const all[] = {"kept", "shot", "other"};

    for (int way = 0; way < 4; way++) {
        struct help h;
        struct seen seen;

        covered(&h);
        if (way == 3) {
            scan_with(&h, SCAN(01), all, 3);
        }
        came(&h, way == 0 ? "/shot" : "/came", NOW_NS - 60 * DAY_NS, way != 1);
        if (way > 0) { /* it went on; or something of it did */
            struct inventory_access a = row(INVENTORY_ACCESS_MOVE, way == 1 ? "/came" : "/came/x", "/shot",
                                            NOW_NS - 59 * DAY_NS);

            tell(&h, &a, 1);
        }
        TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS, NULL));
        if (way < 3) {
            scan_with(&h, SCAN(01), all, 3);
        }
        TAP_EQUAL_U64((unsigned)cold(&h, 90), 4);
        TAP_EQUAL_U64((unsigned)cold(&h, 50), 6);
        TAP_CHECK(stat_of(&h, "/shot/one.mov", &seen) && seen.row.came_ns == NOW_NS - 60 * DAY_NS);
        TAP_CHECK(stat_of(&h, "/kept/one.mov", &seen) && seen.row.came_ns == 0);
        help_end(&h);
    }
}

/* What came is where it went, and nowhere on its way there. */
static void
a_place_that_was_left_is_one_no_more(void)
{
    static const char *const names[] = {"", "mid", "in", "shot", "in"};
    static const uint64_t above[] = {0, 1, 2, 1, 4};

    for (int way = 0; way < 2; way++) {
        struct help h;
        struct scan s;
        struct seen seen;

        covered(&h);
        came(&h, way == 0 ? "/came" : "/came/in", NOW_NS - 60 * DAY_NS, false);
        move(&h, "/came", "/mid", NOW_NS - 59 * DAY_NS);
        move(&h, "/mid", "/came", NOW_NS - 58 * DAY_NS);
        move(&h, "/came", "/mid", NOW_NS - 57 * DAY_NS);
        move(&h, "/mid", "/shot", NOW_NS - 56 * DAY_NS);
        TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS, NULL));
        scan_begin(&s, &h, SCAN(01));
        for (size_t i = 0; i < AL_LEN(names); i++) {
            struct entry_record file = a_file(1 + i, "one.mov", 50000, 0);

            scan_folder(&s, 1 + i, above[i], names[i], 0);
            file.btime_ns = 0;
            scan_add(&s, &file);
        }
        (void)scan_end(&s);
        TAP_CHECK(stat_of(&h, "/shot/in/one.mov", &seen) &&
                  seen.row.came_ns == NOW_NS - 60 * DAY_NS);
        TAP_CHECK(stat_of(&h, "/shot/one.mov", &seen) &&
                  seen.row.came_ns == (way == 0 ? NOW_NS - 60 * DAY_NS : 0));
        TAP_CHECK(stat_of(&h, "/mid/one.mov", &seen) && seen.row.came_ns == 0);
        TAP_CHECK(stat_of(&h, "/mid/in/one.mov", &seen) && seen.row.came_ns == 0);
        help_end(&h);
    }
}

static void
a_folder_that_left_and_came_back_begins_anew(void)
{
    static const char *const names[] = {"shot", "kept"}, *const renamed[] = {"back", "kept"};

    for (int way = 0; way < 8; way++) {
        const char *now = way & 1 ? "/back" : "/shot";
        struct help h;

        covered(&h);
        scan_with(&h, SCAN(01), names, 2);
        TAP_EQUAL_U64((unsigned)cold(&h, 90), 4);
        if (way & 2) { /* rows of the two in the other order */
            came(&h, now, NOW_NS - 10 * DAY_NS, true);
        }
        left(&h, "/shot", NOW_NS - 40 * DAY_NS);
        if (!(way & 2)) {
            came(&h, now, NOW_NS - 10 * DAY_NS, true);
        }
        used(&h, "/shot/one.mov", NOW_NS - 41 * DAY_NS); /* told late, of before it left */
        if (way & 4) {
            TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + INVENTORY_DELETE_GRACE_NS, NULL));
        }
        scan_with(&h, SCAN(02), way & 1 ? renamed : names, 2);
        TAP_EQUAL_U64((unsigned)cold(&h, 90), 2); /* what was kept */
        help_end(&h);
    }
}

static void
what_a_scan_finds_and_nobody_told_of_begins_with_it(void)
{
    static const char *const names[] = {"kept"}, *const more[] = {"kept", "shot"};
    struct help h;
    struct seen seen;

    covered(&h);
    used(&h, "/late.mov", NOW_NS - 300 * DAY_NS);
    scan_with(&h, SCAN(01), names, 1); /* nothing was known before: the record is what it is */
    TAP_CHECK(stat_of(&h, "/kept/one.mov", &seen) && seen.row.came_ns == 0);
    scan_with(&h, SCAN(02), more, 2);
    TAP_EQUAL_U64((unsigned)cold(&h, 90), 2);
    TAP_CHECK(stat_of(&h, "/shot/one.mov", &seen) && seen.row.came_ns == NOW_NS);
    scan_with(&h, SCAN(03), more, 2);
    TAP_EQUAL_U64((unsigned)cold(&h, 90), 2);
    h.inv = inventory_close(h.inv);
    help_open(&h);
    TAP_EQUAL_U64((unsigned)cold(&h, 90), 2);
    /* It goes with its file, and with its folder. */
    move(&h, "/shot/one.mov", "/kept/three.mov", NOW_NS - 200 * DAY_NS);
    move(&h, "/shot", "/went", NOW_NS - 199 * DAY_NS);
    TAP_CHECK(stat_of(&h, "/kept/three.mov", &seen) && seen.row.came_ns == NOW_NS);
    TAP_CHECK(stat_of(&h, "/went/two.mov", &seen) && seen.row.came_ns == NOW_NS);
    used(&h, "/went/two.mov", NOW_NS - 198 * DAY_NS);
    TAP_CHECK(stat_of(&h, "/went/two.mov", &seen) && seen.row.came_ns == NOW_NS);
    help_end(&h);
}

static void
the_whole_volume_may_come(void)
{
    static const char *const names[] = {"shot", "kept"};
    struct help h;

    covered(&h);
    scan_with(&h, SCAN(01), names, 2);
    came(&h, "", NOW_NS - 20 * DAY_NS, false);
    TAP_EQUAL_U64((unsigned)cold(&h, 90), 0);
    TAP_EQUAL_U64((unsigned)cold(&h, 10), 4);
    help_end(&h);
}

/* Logs are read one client after the other: what one tells of moves counts for what another tells later of before, however
 * long ago that was, until all were read. */
static void
old_moves_count_until_all_logs_were_read(void)
{
    static const char *const names[] = {"now"};
    struct inventory_coverage c = {.audited = true, .live = true, .since_ns = 0, .told_ns = NOW_NS};
    struct help h;

    covered(&h);
    TAP_OK(inventory_coverage_set(h.inv, &own, VOLUME, &c));
    scan_with(&h, SCAN(01), names, 1);
    move(&h, "/was", "/now", NOW_NS - 60 * DAY_NS);
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS, NULL));
    used(&h, "/was/one.mov", NOW_NS - 61 * DAY_NS);
    TAP_EQUAL_U64((uint64_t)last_of(&h, "/now/one.mov"), (uint64_t)(NOW_NS - 61 * DAY_NS));
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(a_folder_from_outside_begins_when_it_came);
    TAP_RUN(so_it_does_where_the_first_scan_comes_later);
    TAP_RUN(a_place_that_was_left_is_one_no_more);
    TAP_RUN(a_folder_that_left_and_came_back_begins_anew);
    TAP_RUN(what_a_scan_finds_and_nobody_told_of_begins_with_it);
    TAP_RUN(the_whole_volume_may_come);
    TAP_RUN(old_moves_count_until_all_logs_were_read);
    return tap_end();
}
