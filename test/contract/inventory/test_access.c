/* What audit logs tell: where it lands, row by row. */
#include "access_help.h"

#include "server/inventory/figures.h"

static void
an_access_raises_the_last_one_only(void)
{
    struct help h;
    struct seen s;
    struct inventory_access write = row(INVENTORY_ACCESS_USED, "/a/one.mov", "", T(7));

    begin(&h);
    TAP_CHECK(last_of(&h, "/a/one.mov") == 1); /* what a walk says means nothing */
    TAP_EQUAL_U64(used(&h, "/a/one.mov", T(5)).placed, 1);
    TAP_CHECK(last_of(&h, "/a/one.mov") == T(5));
    (void)used(&h, "a/one.mov", T(3));
    TAP_CHECK(last_of(&h, "/a/one.mov") == T(5));
    (void)used(&h, "/a/one.mov", NOW_NS + DAY_NS); /* a wrong clock */
    TAP_CHECK(last_of(&h, "/a/one.mov") == NOW_NS);
    (void)used(&h, "/top.txt", NOW_NS + 10 * SECOND_NS);
    TAP_CHECK(last_of(&h, "/top.txt") == NOW_NS + 10 * SECOND_NS);
    write.modified_ns = T(6);
    (void)tell(&h, &write, 1);
    TAP_CHECK(stat_of(&h, "/a/one.mov", &s) && s.row.mtime_ns == T(6));
    TAP_CHECK(s.row.source == INVENTORY_BY_AUDIT);
    write = with_stat(write, PORT_T_FILE, 12345);
    (void)tell(&h, &write, 1);
    TAP_CHECK(stat_of(&h, "/a/one.mov", &s) && s.row.size == 12345 && s.row.mtime_ns == T(7));
    help_end(&h);
}

static void
a_batch_counts_once(void)
{
    struct help h;
    struct inventory_access a = row(INVENTORY_ACCESS_USED, "/top.txt", "", T(1));
    struct inventory_access_result r = {0};

    begin(&h);
    (void)tell(&h, &a, 1);
    a.time_ns = T(9);
    TAP_OK(inventory_access_apply(h.inv, &own, VOLUME, STREAM, seq, &a, 1, NOW_NS, &r));
    TAP_CHECK(last_of(&h, "/top.txt") == T(1) && r.placed == 0);
    TAP_CODE(inventory_access_apply(h.inv, &own, VOLUME, STREAM, 0, &a, 1, NOW_NS, &r), AL_EINVAL);
    TAP_CODE(inventory_access_apply(h.inv, &own, VOLUME, STREAM, 9, &a,
                                    INVENTORY_ACCESS_ROWS_MAX + 1, NOW_NS, &r),
             AL_ELIMIT);
    a.kind = INVENTORY_ACCESS_KINDS;
    TAP_CODE(inventory_access_apply(h.inv, &own, VOLUME, STREAM, 9, &a, 1, NOW_NS, &r), AL_EINVAL);
    help_end(&h);
}

static void
files_move_alone_in_chains_and_rings(void)
{
    struct help h;
    struct inventory_access chain[] = {row(INVENTORY_ACCESS_MOVE, "/a/one.mov", "/c/x", T(1)),
                                       row(INVENTORY_ACCESS_MOVE, "/c/x", "/c/y", T(2)),
                                       row(INVENTORY_ACCESS_MOVE, "/c/y", "/new/z", T(3))};
    struct inventory_access swap[] = {row(INVENTORY_ACCESS_MOVE, "/top.txt", "/t", T(10)),
                                      row(INVENTORY_ACCESS_MOVE, "/new/z", "/top.txt", T(11)),
                                      row(INVENTORY_ACCESS_MOVE, "/t", "/new/z", T(12))};
    struct seen s;

    begin(&h);
    TAP_EQUAL_U64(tell(&h, chain, 3).moved, 3);
    TAP_CHECK(stat_of(&h, "/new/z", &s) && s.row.size == 5000 && s.row.accessed_ns == T(3));
    TAP_CHECK(last_of(&h, "/a/one.mov") == 0 && last_of(&h, "/c/x") == 0);
    (void)tell(&h, swap, 3);
    TAP_CHECK(stat_of(&h, "/top.txt", &s) && s.row.size == 5000 && s.row.accessed_ns == T(11));
    TAP_CHECK(stat_of(&h, "/new/z", &s) && s.row.size == 100 && s.row.accessed_ns == T(12));
    /* Onto one that is there: one row, what came. */
    (void)used(&h, "/top.txt", T(30));
    (void)move(&h, "/new/z", "/top.txt", T(20));
    TAP_CHECK(stat_of(&h, "/top.txt", &s) && s.row.size == 100 && s.row.accessed_ns == T(30));
    TAP_CHECK(last_of(&h, "/new/z") == 0);
    help_end(&h);
}

static void
a_folder_that_a_move_made_moves_on_in_the_same_batch(void)
{
    for (int with = 0; with < 2; with++) {
        struct help h;
        struct inventory_access rows[] = {
            row(INVENTORY_ACCESS_MOVE, "/top.txt", "/new/deep/f", T(5)),
            row(INVENTORY_ACCESS_MOVE, "/new", "/m", T(6)),
            row(INVENTORY_ACCESS_MOVE, "/m/deep", "/m/deeper", T(7)),
            row(INVENTORY_ACCESS_USED, "/m/deeper/f", "", T(8))};

        begin(&h);
        rows[1] = with == 1 ? with_stat(rows[1], PORT_T_FOLDER, 0) : rows[1];
        (void)tell(&h, rows, 4);
        TAP_CHECK(last_of(&h, "/m/deeper/f") == T(8));
        TAP_CHECK(last_of(&h, "/new/deep/f") == 0 && last_of(&h, "/m/deep/f") == 0);
        help_end(&h);
    }
}

static void
folders_move_with_all_below(void)
{
    struct help h;
    struct seen s;

    begin(&h);
    (void)used(&h, "/a/b/two.MOV", T(1));
    (void)move(&h, "/a", "/c/a2", T(2));
    TAP_CHECK(last_of(&h, "/c/a2/b/two.MOV") == T(1) && last_of(&h, "/c/a2/one.mov") == 1);
    TAP_CHECK(last_of(&h, "/a") == 0 && last_of(&h, "/a/b/two.MOV") == 0);
    TAP_CHECK(stat_of(&h, "/c/a2", &s) && s.row.type == PORT_T_FOLDER);
    /* An access to the old path before it moved; one of its name made after is another. */
    (void)used(&h, "/a/b/three", T(1));
    TAP_CHECK(last_of(&h, "/c/a2/b/three") == T(1));
    (void)move(&h, "/c", "/c/a2/c", T(3)); /* into itself, the root, nothing */
    (void)move(&h, "/", "/x", T(3));
    (void)move(&h, "/nowhere", "/never", T(3));
    TAP_CHECK(last_of(&h, "/c/a2/b/two.MOV") == T(1) && last_of(&h, "/never") == 0);
    (void)move(&h, "/c/a2/b", "/a/b", T(4)); /* the folder above is made */
    TAP_CHECK(last_of(&h, "/a/b/two.MOV") == T(1));
    (void)move(&h, "/c/a2", "/a", T(5)); /* onto one: both are one */
    TAP_CHECK(last_of(&h, "/a/one.mov") == 1 && last_of(&h, "/a/b/two.MOV") == T(1));
    TAP_CHECK(last_of(&h, "/c/a2") == 0);
    help_end(&h);
}

static void
one_that_comes_late_goes_where_its_file_is(void)
{
    struct help h;
    struct inventory_access born =
        with_stat(row(INVENTORY_ACCESS_CREATE, "/top.txt", "", T(8)), PORT_T_FILE, 77);
    struct seen s;

    begin(&h);
    (void)move(&h, "/a/b", "/a/d", T(10));
    (void)used(&h, "/a/b/two.MOV", T(5));
    TAP_CHECK(last_of(&h, "/a/d/two.MOV") == T(5));
    /* A move told after a later one, of the folder it went into. */
    (void)move(&h, "/a/one.mov", "/a/b/one.mov", T(6));
    TAP_CHECK(last_of(&h, "/a/d/one.mov") == T(6) && last_of(&h, "/a/one.mov") == 0);
    /* What was made later at its place stays. */
    (void)tell(&h, &born, 1);
    (void)move(&h, "/top.txt", "/c/top.txt", T(7));
    TAP_CHECK(stat_of(&h, "/top.txt", &s) && s.row.size == 77 && s.row.accessed_ns == T(8));
    help_end(&h);
}

static void
evidence_follows_a_late_move_through_the_next_of_its_batch(void)
{
    struct help h;
    struct scan s;
    struct inventory_access rows[] = {row(INVENTORY_ACCESS_MOVE, "/n/m/b", "/z", T(9)),
                                      row(INVENTORY_ACCESS_MOVE, "/a", "/n/m", T(6))};

    begin(&h);
    (void)used(&h, "/a/b/two.MOV", T(5));
    scan_begin(&s, &h, SCAN(02)); /* which finds it where the late row will say that it went */
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "n", 0);
    scan_folder(&s, 3, 2, "m", 0);
    scan_folder(&s, 4, 3, "b", 0);
    scan_file(&s, 4, "two.MOV", 6000, 200);
    (void)scan_end(&s);
    (void)tell(&h, rows, 2);
    TAP_CHECK(last_of(&h, "/z/two.MOV") == T(5));
    TAP_CHECK(last_of(&h, "/n/m/b/two.MOV") == 0);
    help_end(&h);
}

static void
one_name_written_in_two_ways_is_one_file(void)
{
    struct help h;
    struct inventory_access a = with_stat(
        row(INVENTORY_ACCESS_CREATE, "/M\xc3\xbcller/\xc3\xa4\n.txt", "", T(1)), PORT_T_FILE, 9);
    struct inventory_access twice[] = {a, a};
    struct inventory_access_result r;

    begin(&h);
    (void)tell(&h, &a, 1);
    r = used(&h, "/Mu\xcc\x88ller/a\xcc\x88\n.txt", T(5));
    TAP_CHECK(r.placed == 1 && r.unplaced == 0);
    TAP_CHECK(last_of(&h, "/M\xc3\xbcller/\xc3\xa4\n.txt") == T(5));
    r = used(&h, "/M\xc3\xbcller/\xff\xfe", T(5)); /* no UTF-8 */
    TAP_EQUAL_U64(r.unplaced, 1);
    twice[0].path = sp("/M\xc3\xbcller/b\xc3\xb6");
    twice[1].path = sp("/M\xc3\xbcller/\xff\xfe");
    r = tell(&h, twice, 2);
    TAP_EQUAL_U64(r.added, 2);
    TAP_CHECK(last_of(&h, "/M\xc3\xbcller/\xff\xfe") == T(5));
    help_end(&h);
}

static void
what_nobody_knows_waits(void)
{
    struct help h;
    struct scan s;
    struct inventory_access made =
        with_stat(row(INVENTORY_ACCESS_CREATE, "/n/e/w", "", T(2)), PORT_T_FILE, 9);

    begin(&h);
    TAP_EQUAL_U64(used(&h, "/later", T(4)).unplaced, 1);
    (void)used(&h, "/n/e/w", T(5));
    (void)move(&h, "/later", "/c/later", T(6));
    (void)tell(&h, &made, 1);
    TAP_CHECK(last_of(&h, "/n/e/w") == T(5));
    scan_begin(&s, &h, SCAN(02));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "c", 0);
    scan_file(&s, 2, "later", 10, 1);
    (void)scan_end(&s);
    TAP_CHECK(last_of(&h, "/c/later") == T(6));
    TAP_CHECK(last_of(&h, "/n/e/w") == 0);
    help_end(&h);
}

/* ---- plans ---- */

struct planned {
    uint64_t files, no_record, pinned;
    char sample[64];
};

static struct planned
plan(struct help *h, const char *text, int64_t now_ns)
{
    struct rule *rule = NULL;
    struct inventory_plan_query q = {.now_ns = now_ns};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_plan p;
    struct planned r = {0};

    TAP_OK(rule_parse(sp(text), NULL, &rule, NULL));
    q.rule = rule;
    TAP_OK(inventory_plan(h->inv, &own, VOLUME, &q, arena, &p));
    r.files = p.files;
    for (size_t i = 0; i < p.refusal_count; i++) {
        if (strcmp(p.refusals[i].reason, "no_access_record") == 0) {
            r.no_record = p.refusals[i].files;
            snprintf(r.sample, sizeof(r.sample), "%.*s", (int)p.refusals[i].sample.len,
                     (const char *)p.refusals[i].sample.at);
        }
        if (strcmp(p.refusals[i].reason, "pinned_in_lucidlink") == 0) {
            r.pinned = p.refusals[i].files;
        }
    }
    al_arena_free(arena);
    rule_free(rule);
    return r;
}

static void
cover(struct help *h, bool live, int64_t since_ns, int64_t told_ns)
{
    struct inventory_coverage c = {
        .audited = true, .live = live, .since_ns = since_ns, .told_ns = told_ns};

    TAP_OK(inventory_coverage_set(h->inv, &own, VOLUME, &c));
}

static void
nothing_is_cold_for_want_of_logs(void)
{
    struct help h;
    struct planned p;

    begin(&h);
    /* Three files with bytes, last written 400 days ago; logs of 30 days. */
    p = plan(&h, "accessed older than 90d", NOW_NS);
    TAP_CHECK(p.files == 0 && p.no_record == 3);
    TAP_EQUAL_STR(p.sample, "/a/b/two.MOV");
    p = plan(&h, "accessed older than 20d", NOW_NS);
    TAP_CHECK(p.files == 3 && p.no_record == 0);
    (void)used(&h, "/top.txt", NOW_NS - 2 * DAY_NS);
    p = plan(&h, "accessed older than 20d", NOW_NS);
    TAP_CHECK(p.files == 2 && p.no_record == 0);
    cover(&h, false, NOW_NS - 30 * DAY_NS, NOW_NS);
    p = plan(&h, "accessed older than 20d", NOW_NS);
    TAP_CHECK(p.files == 0 && p.no_record == 2);
    cover(&h, true, NOW_NS - 30 * DAY_NS, NOW_NS);
    TAP_CHECK(plan(&h, "accessed older than 20d", NOW_NS).files == 2);
    p = plan(&h, "accessed older than 20d", NOW_NS + INVENTORY_COVERAGE_LAG_NS + SECOND_NS);
    TAP_CHECK(p.files == 0 && p.no_record == 2);
    cover(&h, true, 0, NOW_NS);
    TAP_CHECK(plan(&h, "accessed older than 20d", NOW_NS).files == 0);
    /* What does not ask about accesses is as ever. */
    p = plan(&h, "modified older than 90d", NOW_NS);
    TAP_CHECK(p.files == 3 && p.no_record == 0);
    help_end(&h);
}

static void
coverage_outlives_a_restart(void)
{
    struct help h;
    struct inventory_coverage c;

    begin(&h);
    (void)used(&h, "/top.txt", T(5));
    small_scan(&h, SCAN(02));
    h.inv = inventory_close(h.inv);
    help_open(&h);
    TAP_OK(inventory_coverage(h.inv, &own, VOLUME, &c));
    TAP_CHECK(c.audited && c.live && c.since_ns == NOW_NS - 30 * DAY_NS && c.told_ns == NOW_NS);
    TAP_CHECK(last_of(&h, "/top.txt") == T(5));
    help_end(&h);
}

static bool
is_pinned(struct help *h, const char *path)
{
    bool is = false;

    TAP_OK(inventory_pinned(h->inv, &own, VOLUME, sp(path), &is));
    return is;
}

static void
pins_hold_what_lies_below(void)
{
    struct help h;
    struct inventory_access pin = row(INVENTORY_ACCESS_PIN, "/a", "", T(1));
    struct inventory_access file = row(INVENTORY_ACCESS_PIN, "/top.txt", "", T(2));
    struct inventory_access un = row(INVENTORY_ACCESS_UNPIN, "/c/a", "", T(9));
    struct planned p;

    begin(&h);
    (void)tell(&h, &pin, 1);
    (void)tell(&h, &pin, 1); /* told twice is one */
    p = plan(&h, "accessed older than 20d", NOW_NS);
    TAP_CHECK(p.files == 1 && p.pinned == 2);
    TAP_CHECK(is_pinned(&h, "/a") && is_pinned(&h, "/a/b/two.MOV") && !is_pinned(&h, "/ab"));
    TAP_CHECK(!is_pinned(&h, "/top.txt") && !is_pinned(&h, "/"));
    (void)tell(&h, &file, 1);
    TAP_CHECK(is_pinned(&h, "/top.txt") && !is_pinned(&h, "/top.txt2"));
    TAP_CHECK(plan(&h, "accessed older than 20d", NOW_NS).pinned == 3);
    (void)move(&h, "/a", "/c/a", T(3));
    TAP_CHECK(is_pinned(&h, "/c/a/one.mov") && !is_pinned(&h, "/a/one.mov"));
    TAP_CHECK(plan(&h, "accessed older than 20d", NOW_NS).pinned == 3);
    un.node = sp("n2");
    (void)tell(&h, &un, 1); /* another client's */
    TAP_CHECK(plan(&h, "accessed older than 20d", NOW_NS).pinned == 3);
    un.node = sp("n1");
    un.time_ns = T(10);
    (void)tell(&h, &un, 1);
    p = plan(&h, "accessed older than 20d", NOW_NS);
    TAP_CHECK(p.files == 2 && p.pinned == 1 && !is_pinned(&h, "/c/a/one.mov"));
    pin = row(INVENTORY_ACCESS_PIN, "/", "", T(11));
    (void)tell(&h, &pin, 1);
    TAP_CHECK(is_pinned(&h, "/c/a/one.mov") && is_pinned(&h, "/anything"));
    help_end(&h);
}

/* Rules before it, a rule that only the native evaluator decides, candidates and what a change of a rule moves. */
static void
all_that_asks_of_accesses_is_covered(void)
{
    static const char *const texts[] = {"accessed older than 90d", "accessed older than 20d",
                                        "accessed newer than 60d",
                                        "accessed older than 90d and name matches \"*.mov\""};
    struct rule *r[4] = {NULL};
    struct inventory_earlier earlier = {NULL, "excluded"};
    struct inventory_plan_query a = {.now_ns = NOW_NS}, b = {.now_ns = NOW_NS};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_difference d;
    struct inventory_count n;
    struct inventory_plan p;
    struct inventory_page page;
    struct inventory_list_query q = {
        .recursive = true, .state = -1, .limit = 10, .files_only = true, .now_ns = NOW_NS};
    struct inventory_coverage c;
    struct seen s;
    struct help h;
    int64_t known;

    begin(&h);
    for (size_t i = 0; i < AL_LEN(texts); i++) {
        TAP_OK(rule_parse(sp(texts[i]), NULL, &r[i], NULL));
    }
    a.rule = r[0];
    b.rule = r[1];
    TAP_OK(inventory_compare(h.inv, &own, VOLUME, &a, &b, arena, &d));
    TAP_CHECK(d.enter_files == 3 && d.leave_files == 0);
    TAP_OK(inventory_count(h.inv, &own, VOLUME, r[0], NOW_NS, &n));
    TAP_EQUAL_U64(n.files, 0);
    TAP_OK(inventory_candidates(h.inv, &own, VOLUME, &a, NULL, no_row, NULL));
    /* All were used as late as logs begin, for an earlier rule too. */
    earlier.rule = r[2];
    b.earlier = &earlier;
    b.earlier_count = 1;
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &b, arena, &p));
    TAP_CHECK(p.files == 0 && p.refusal_count > 0);
    TAP_EQUAL_STR(p.refusals[0].reason, "excluded");
    a.rule = r[3];
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &a, arena, &p));
    TAP_CHECK(p.files == 0 && p.refusal_count == 1 && p.refusals[0].files == 1);
    /* A list shows what is known, of what the rule matches. */
    q.rule = r[1];
    TAP_OK(inventory_list(h.inv, &own, VOLUME, &q, keep_row, &s, arena, &page, NULL));
    TAP_CHECK(s.row.accessed_ns == RULE_TIME_UNKNOWN);
    q.rule = r[0];
    TAP_OK(inventory_list(h.inv, &own, VOLUME, &q, no_row, NULL, arena, &page, NULL));
    TAP_OK(inventory_coverage(h.inv, &own, VOLUME, &c));
    TAP_CHECK(inventory_covered_access(&c, &s.row, NOW_NS, &known) == NOW_NS - 30 * DAY_NS);
    TAP_CHECK(known == NOW_NS - 400 * DAY_NS);
    al_arena_free(arena);
    for (size_t i = 0; i < AL_LEN(texts); i++) {
        rule_free(r[i]);
    }
    help_end(&h);
}

static void
hostile_rows_change_nothing(void)
{
    struct help h;
    static char longest[70000];
    struct inventory_access rows[] = {row(INVENTORY_ACCESS_MOVE, "/a/../c", "/x", T(1)),
                                      row(INVENTORY_ACCESS_MOVE, "/top.txt", "//", T(1)),
                                      row(INVENTORY_ACCESS_MOVE, "", "/x", T(1)),
                                      row(INVENTORY_ACCESS_USED, "/", "", T(1)),
                                      row(INVENTORY_ACCESS_USED, "/top.txt", "", -5),
                                      row(INVENTORY_ACCESS_FOLDER_DELETE, "/", "", T(1)),
                                      row(INVENTORY_ACCESS_CREATE, longest, "", T(1)),
                                      row(INVENTORY_ACCESS_MOVE, "/top.txt", longest, T(1))};
    uint64_t gone;

    memset(longest, 'x', sizeof(longest) - 1);
    rows[6] = with_stat(rows[6], PORT_T_FILE, 1);
    rows[6].path = rows[7].target = sp(longest);
    begin(&h);
    (void)tell(&h, rows, AL_LEN(rows));
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, &gone));
    TAP_CHECK(gone == 0 && last_of(&h, "/top.txt") == 1 && last_of(&h, "/x") == 0);
    /* A file and a folder of one name change places. */
    (void)move(&h, "/a", "/top.txt", T(5));
    TAP_CHECK(last_of(&h, "/top.txt/one.mov") == 1);
    (void)move(&h, "/top.txt/one.mov", "/top.txt/b", T(6)); /* a folder stays */
    TAP_CHECK(last_of(&h, "/top.txt/b/two.MOV") == 1);
    help_end(&h);
}

static void
a_volume_that_was_never_scanned_takes_rows(void)
{
    struct help h;
    struct inventory_access a =
        with_stat(row(INVENTORY_ACCESS_CREATE, "/a/x", "", T(1)), PORT_T_FILE, 5);
    struct inventory_coverage c = {.audited = true};

    seq = 0;
    help_begin(&h);
    TAP_OK(inventory_coverage_set(h.inv, &own, VOLUME, &c));
    (void)used(&h, "/a/one.mov", T(3));
    (void)move(&h, "/a", "/b", T(4));
    TAP_EQUAL_U64(tell(&h, &a, 1).added, 1);
    TAP_CHECK(last_of(&h, "/b/x") == T(1));
    small_scan(&h, SCAN(01));
    TAP_CHECK(last_of(&h, "/a/one.mov") == 1); /* it was moved: this is another */
    help_end(&h);
}

/* ---- figures ---- */

struct sums {
    char what[8][64];
    uint64_t reads[8], files[8];
    int count;
};

static int
keep_sum(void *ctx, const struct inventory_access_sum *s)
{
    struct sums *k = ctx;

    snprintf(k->what[k->count], 64, "%.*s", (int)s->what.len, (const char *)s->what.at);
    k->reads[k->count] = s->reads;
    k->files[k->count++] = s->files;
    return AL_OK;
}

static int
keep_hour(void *ctx, int64_t hour_ns, uint64_t reads, uint64_t writes)
{
    struct sums *k = ctx;

    TAP_CHECK(hour_ns % HOUR_NS == 0);
    k->reads[k->count++] = reads;
    return AL_OK;
}

static int
keep_event(void *ctx, const struct inventory_access_event *e)
{
    struct sums *k = ctx;

    snprintf(k->what[k->count], 64, "%.*s", (int)e->row.path.len, (const char *)e->row.path.at);
    k->reads[k->count++] = e->number;
    return AL_OK;
}

static void
figures_say_who_used_what(void)
{
    struct help h;
    struct sums k = {0};
    struct inventory_access rows[] = {row(INVENTORY_ACCESS_USED, "/a/one.mov", "", T(1)),
                                      row(INVENTORY_ACCESS_USED, "a/one.mov", "", T(2)),
                                      row(INVENTORY_ACCESS_USED, "/top.txt", "", T(2)),
                                      row(INVENTORY_ACCESS_USED, "/a/b/two.MOV", "", T(5))};

    begin(&h);
    rows[0].reads = 10;
    rows[2].user = sp("ben");
    (void)tell(&h, rows, 4);
    TAP_OK(inventory_access_top(h.inv, &own, VOLUME, INVENTORY_BY_FILE, sp(""), T(0), T(100), 8,
                                keep_sum, &k));
    TAP_CHECK(k.count == 3 && k.reads[0] == 11);
    TAP_EQUAL_STR(k.what[0], "/a/one.mov");
    k.count = 0;
    TAP_OK(inventory_access_top(h.inv, &own, VOLUME, INVENTORY_BY_USER, sp("/"), T(0), T(100), 8,
                                keep_sum, &k));
    TAP_CHECK(k.count == 2 && k.reads[0] == 12 && k.files[0] == 2);
    k.count = 0;
    TAP_OK(inventory_access_top(h.inv, &own, VOLUME, INVENTORY_BY_FOLDER, sp("/a"), T(0), T(3), 8,
                                keep_sum, &k));
    TAP_CHECK(k.count == 1 && k.reads[0] == 11);
    TAP_EQUAL_STR(k.what[0], "/a");
    k.count = 0;
    TAP_OK(inventory_access_hours(h.inv, &own, VOLUME, sp(""), T(0), T(100), keep_hour, &k));
    TAP_CHECK(k.count == 3 && k.reads[0] == 10 && k.reads[1] == 2 && k.reads[2] == 1);
    k.count = 0;
    TAP_OK(inventory_access_recent(h.inv, &own, VOLUME, sp(""), 0, 0, 3, keep_event, &k));
    TAP_CHECK(k.count == 3 && k.reads[0] == 4 && k.reads[2] == 2);
    TAP_EQUAL_STR(k.what[0], "/a/b/two.MOV");
    k.count = 0;
    TAP_OK(inventory_access_recent(h.inv, &own, VOLUME, sp("/a"), 0, 4, 8, keep_event, &k));
    TAP_CHECK(k.count == 2 && k.reads[0] == 2 && k.reads[1] == 1);
    TAP_CODE(
        inventory_access_top(h.inv, &own, VOLUME, INVENTORY_BY_FILE, sp(""), 0, 1, 0, keep_sum, &k),
        AL_EINVAL);
    help_end(&h);
}

/* ---- sums of folders follow ---- */

static int
no_child(void *ctx, const struct inventory_folder *f)
{
    return AL_OK;
}

static void
check_folder(struct help *h, const char *path, uint64_t files, uint64_t bytes)
{
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_tree_query q = {.folder = sp(path), .limit = 100};
    struct inventory_folder self;
    uint64_t total;

    TAP_OK(inventory_tree(h->inv, &own, VOLUME, &q, arena, &self, &total, no_child, NULL));
    if (self.files != files || self.bytes != bytes) {
        tap_fail(__FILE__, __LINE__, "%s has %" PRIu64 " files, %" PRIu64 " bytes", path,
                 self.files, self.bytes);
    }
    al_arena_free(arena);
}

static void
sums_of_folders_follow(void)
{
    struct help h;
    struct inventory_access made =
        with_stat(row(INVENTORY_ACCESS_CREATE, "/c/d/e/new", "", T(2)), PORT_T_FILE, 50);
    struct inventory_access gone = row(INVENTORY_ACCESS_FOLDER_DELETE, "/a/b", "", T(20));
    struct inventory_totals totals;
    uint64_t version, later, n;

    begin(&h);
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &version));
    check_folder(&h, "/", 4, 11100);
    (void)tell(&h, &made, 1);
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &later));
    TAP_CHECK(later > version);
    check_folder(&h, "/", 5, 11150);
    check_folder(&h, "/c/d", 1, 50);
    (void)move(&h, "/a/one.mov", "/c/d/one", T(3));
    check_folder(&h, "/c", 2, 5050);
    check_folder(&h, "/a", 2, 6000);
    (void)move(&h, "/a", "/c/d/e/a", T(4));
    check_folder(&h, "/c", 4, 11050);
    check_folder(&h, "/c/d/e/a/b", 2, 6000);
    check_folder(&h, "/c/d/e", 3, 6050);
    (void)move(&h, "/c/d/e/a", "/a", T(5));
    check_folder(&h, "/c", 2, 5050);
    check_folder(&h, "/a", 2, 6000);
    check_folder(&h, "/", 5, 11150);
    (void)tell(&h, &gone, 1);
    TAP_OK(inventory_access_settle(h.inv, &own, VOLUME, NOW_NS + DAY_NS, &n));
    check_folder(&h, "/a", 0, 0);
    check_folder(&h, "/", 3, 5150);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &totals));
    TAP_CHECK(totals.files == 3 && totals.bytes == 5150 && totals.folders == 5);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(an_access_raises_the_last_one_only);
    TAP_RUN(a_batch_counts_once);
    TAP_RUN(files_move_alone_in_chains_and_rings);
    TAP_RUN(a_folder_that_a_move_made_moves_on_in_the_same_batch);
    TAP_RUN(folders_move_with_all_below);
    TAP_RUN(one_that_comes_late_goes_where_its_file_is);
    TAP_RUN(evidence_follows_a_late_move_through_the_next_of_its_batch);
    TAP_RUN(one_name_written_in_two_ways_is_one_file);
    TAP_RUN(what_nobody_knows_waits);
    TAP_RUN(nothing_is_cold_for_want_of_logs);
    TAP_RUN(coverage_outlives_a_restart);
    TAP_RUN(pins_hold_what_lies_below);
    TAP_RUN(all_that_asks_of_accesses_is_covered);
    TAP_RUN(hostile_rows_change_nothing);
    TAP_RUN(a_volume_that_was_never_scanned_takes_rows);
    TAP_RUN(figures_say_who_used_what);
    TAP_RUN(sums_of_folders_follow);
    return tap_end();
}
