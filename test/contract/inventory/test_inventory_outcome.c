#include "help.h"

/* ---- outcomes ---- */

static void
outcomes_are_applied_once_and_in_order(void)
{
    struct help h;
    struct seen seen;
    struct inventory_totals t;
    struct inventory_outcome rows[] = {
        {.path = sp("a/one.mov"),
         .set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT | INVENTORY_SET_ALLOCATED,
         .state = RULE_S_STUB,
         .object_id = SCAN(99)},
        {.path = sp("/a/b/two.MOV"), .set = INVENTORY_SET_STATE, .state = RULE_S_TIERING},
        {.path = sp("/a/b/two.MOV"), .set = INVENTORY_SET_STATE, .state = RULE_S_PINNED},
        {.path = sp("/top.txt"),
         .ino = 1,
         .set = INVENTORY_SET_STATE,
         .state = RULE_S_STUB}, /* another file by now */
        {.path = sp("/nowhere"), .set = INVENTORY_SET_STATE, .state = RULE_S_STUB},
        {.path = sp("/a/../b"), .set = INVENTORY_SET_STATE, .state = RULE_S_STUB},
        {.path = sp("/a/b/three"), .set = INVENTORY_SET_GONE},
        {.path = sp("/a/b/three"), .set = INVENTORY_SET_STATE, .state = RULE_S_STUB},
    };
    uint64_t missing = 0;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 7, rows, AL_LEN(rows), &missing));
    TAP_EQUAL_U64(missing, 3);
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_STUB);
    TAP_EQUAL_STR(seen.row.object_id, SCAN(99));
    TAP_EQUAL_U64(seen.row.allocated, 0);
    TAP_CHECK(stat_of(&h, "/a/b/two.MOV", &seen) && seen.row.state == RULE_S_PINNED);
    TAP_CHECK(stat_of(&h, "/top.txt", &seen) && seen.row.state == RULE_S_RESIDENT);
    TAP_CHECK(!stat_of(&h, "/a/b/three", &seen));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.stub_files, 1);
    TAP_EQUAL_U64(t.stub_bytes, 5000);
    TAP_EQUAL_U64(t.freed_bytes, 8192);
    /* Again, and an older one: nothing changes. */
    rows[0].state = RULE_S_RESIDENT;
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 7, rows, 1, NULL));
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 3, rows, 1, NULL));
    h.inv = inventory_close(h.inv);
    help_open(&h);
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 7, rows, 1, NULL));
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_STUB);
    /* A gap is fine, and so is another stream. */
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 10, rows, 1, NULL));
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_RESIDENT);
    rows[0].state = RULE_S_STUB;
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, SCAN(55), 1, rows, 1, NULL));
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_STUB);
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.stub_files, 1);
    help_end(&h);
}

static int
count_row(void *ctx, const struct inventory_row *row)
{
    struct seen *s = ctx;
    uint64_t n = s->row.nlink; /* of no use here otherwise */

    (void)keep_row(ctx, row);
    s->row.nlink = (uint32_t)n + 1;
    return AL_OK;
}

/* What a scan sees of one.mov, which an outcome made a stub. */
static struct inventory_scan_result
scan_of_one(struct help *h, const char *id, uint64_t size, uint64_t allocated, uint32_t flags)
{
    struct scan s;
    struct entry_record e = a_file(2, "one.mov", size, 100);

    e.allocated = allocated;
    e.flags = flags;
    scan_begin(&s, h, id);
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    scan_add(&s, &e);
    return scan_end(&s);
}

static void
a_stub_that_lost_its_marker_is_found_and_keeps_its_object(void)
{
    struct inventory_outcome stub = {.path = sp("a/one.mov"),
                                     .set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT |
                                            INVENTORY_SET_ALLOCATED,
                                     .state = RULE_S_STUB,
                                     .object_id = SCAN(99)};
    struct help h;
    struct seen seen = {0};

    help_begin(&h);
    (void)scan_of_one(&h, SCAN(01), 5000, 8192, 0);
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, &stub, 1, NULL));
    (void)scan_of_one(&h, SCAN(02), 5000, 0, ENTRY_STUB);
    TAP_OK(inventory_lost(h.inv, &own, VOLUME, 0, no_row, NULL));
    /* Holes without a marker: lost, in this scan and the next. */
    for (int i = 0; i < 2; i++) {
        (void)scan_of_one(&h, i == 0 ? SCAN(03) : SCAN(04), 5000, 0, 0);
        seen = (struct seen){0};
        TAP_OK(inventory_lost(h.inv, &own, VOLUME, 0, count_row, &seen));
        TAP_EQUAL_U64(seen.row.nlink, 1);
        TAP_EQUAL_STR(seen.path, "/a/one.mov");
        TAP_EQUAL_STR(seen.row.object_id, SCAN(99));
        TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_STUB);
        TAP_EQUAL_STR(seen.row.object_id, SCAN(99));
    }
    TAP_CODE(
        inventory_lost(h.inv, &(struct inventory_scope){OTHER_CUSTOMER}, VOLUME, 0, no_row, NULL),
        AL_ENOENT);
    /* Its bytes are back, or others are there: no stub, and nothing lost. */
    (void)scan_of_one(&h, SCAN(05), 5000, 8192, 0);
    TAP_OK(inventory_lost(h.inv, &own, VOLUME, 0, no_row, NULL));
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_RESIDENT);
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 2, &stub, 1, NULL));
    (void)scan_of_one(&h, SCAN(06), 5000, 0, ENTRY_STUB);
    (void)scan_of_one(&h, SCAN(07), 4000, 0, 0);
    TAP_OK(inventory_lost(h.inv, &own, VOLUME, 0, no_row, NULL));
    TAP_CHECK(stat_of(&h, "/a/one.mov", &seen) && seen.row.state == RULE_S_RESIDENT);
    help_end(&h);
}

static void
senseless_outcomes_are_refused_whole(void)
{
    struct help h;
    struct inventory_outcome good = {
        .path = sp("/top.txt"), .set = INVENTORY_SET_STATE, .state = RULE_S_STUB};
    struct inventory_outcome rows[2] = {good, good};
    struct seen seen;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    rows[1].object_id = "'; DROP TABLE entry; --";
    TAP_CODE(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, rows, 2, NULL), AL_EINVAL);
    rows[1] = good;
    rows[1].size = UINT64_MAX;
    TAP_CODE(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, rows, 2, NULL), AL_EINVAL);
    TAP_CODE(inventory_outcomes_apply(h.inv, &own, VOLUME, "x", 1, rows, 1, NULL), AL_EINVAL);
    TAP_CODE(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, rows,
                                      INVENTORY_OUTCOMES_MAX + 1, NULL),
             AL_ELIMIT);
    TAP_CHECK(stat_of(&h, "/top.txt", &seen) && seen.row.state == RULE_S_RESIDENT);
    help_end(&h);
}

static void
tell_access(struct help *h, uint64_t seq, enum inventory_source source, int64_t at_ns)
{
    struct inventory_outcome o = {.path = sp("/a/one.mov"),
                                  .set = INVENTORY_SET_ACCESSED,
                                  .accessed_ns = at_ns,
                                  .source = source};

    TAP_OK(inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, seq, &o, 1, NULL));
}

static void
expect_access(struct help *h, enum inventory_source source, int64_t at_ns)
{
    struct seen seen;

    TAP_CHECK(stat_of(h, "/a/one.mov", &seen));
    TAP_EQUAL_STR(inventory_source_name(seen.row.source), inventory_source_name(source));
    TAP_EQUAL_U64(seen.row.accessed_ns, at_ns);
}

static void
weaker_evidence_never_replaces_stronger(void)
{
    struct help h;
    struct scan s;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    expect_access(&h, INVENTORY_BY_WALK, NOW_NS - 100 * DAY_NS);
    tell_access(&h, 1, INVENTORY_BY_WALK, NOW_NS - 99 * DAY_NS);
    expect_access(&h, INVENTORY_BY_WALK, NOW_NS - 99 * DAY_NS);
    tell_access(&h, 2, INVENTORY_BY_IMPORT, NOW_NS - 300 * DAY_NS);
    expect_access(&h, INVENTORY_BY_IMPORT, NOW_NS - 300 * DAY_NS);
    tell_access(&h, 3, INVENTORY_BY_WALK, NOW_NS);
    expect_access(&h, INVENTORY_BY_IMPORT, NOW_NS - 300 * DAY_NS);
    tell_access(&h, 4, INVENTORY_BY_IMPORT, NOW_NS - 400 * DAY_NS); /* a corrected import */
    expect_access(&h, INVENTORY_BY_IMPORT, NOW_NS - 400 * DAY_NS);
    small_scan(&h, SCAN(02));
    expect_access(&h, INVENTORY_BY_IMPORT, NOW_NS - 400 * DAY_NS);
    tell_access(&h, 5, INVENTORY_BY_AUDIT, NOW_NS - 50 * DAY_NS);
    tell_access(&h, 6, INVENTORY_BY_IMPORT, NOW_NS);
    expect_access(&h, INVENTORY_BY_AUDIT, NOW_NS - 50 * DAY_NS);
    tell_access(&h, 7, INVENTORY_BY_RECALL, NOW_NS - 60 * DAY_NS);
    expect_access(&h, INVENTORY_BY_AUDIT, NOW_NS - 50 * DAY_NS);
    tell_access(&h, 8, INVENTORY_BY_RECALL, NOW_NS - 40 * DAY_NS);
    expect_access(&h, INVENTORY_BY_RECALL, NOW_NS - 40 * DAY_NS);
    small_scan(&h, SCAN(03));
    expect_access(&h, INVENTORY_BY_RECALL, NOW_NS - 40 * DAY_NS);
    /* Another file of that name starts anew. */
    scan_begin(&s, &h, SCAN(04));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "a", 0);
    {
        struct entry_record e = a_file(2, "one.mov", 5000, 3);

        e.ino++;
        scan_add(&s, &e);
    }
    (void)scan_end(&s);
    expect_access(&h, INVENTORY_BY_WALK, NOW_NS - 3 * DAY_NS);
    help_end(&h);
}

/* Brought back, and read every day since: it must not look as cold as on the day of the recall. */
static void
what_is_read_after_its_recall_stays_warm(void)
{
    struct help h;

    help_begin(&h);
    small_scan(&h, SCAN(01));
    tell_access(&h, 1, INVENTORY_BY_RECALL, NOW_NS - 150 * DAY_NS);
    expect_access(&h, INVENTORY_BY_RECALL, NOW_NS - 150 * DAY_NS);
    small_scan(&h, SCAN(02)); /* sees an access 100 days ago */
    expect_access(&h, INVENTORY_BY_WALK, NOW_NS - 100 * DAY_NS);
    /* An access log knows all there was: what a backup read does not count. */
    tell_access(&h, 2, INVENTORY_BY_AUDIT, NOW_NS - 150 * DAY_NS);
    small_scan(&h, SCAN(03));
    expect_access(&h, INVENTORY_BY_AUDIT, NOW_NS - 150 * DAY_NS);
    help_end(&h);
}

static void
scan_one(struct help *h, const char *id, uint32_t flags, uint64_t allocated, bool outcome_meanwhile,
         enum rule_state state)
{
    struct inventory_outcome o = {.path = sp("/f"),
                                  .set = INVENTORY_SET_STATE | INVENTORY_SET_ALLOCATED |
                                         INVENTORY_SET_OBJECT,
                                  .state = state,
                                  .allocated = state == RULE_S_STUB ? 0 : 8192,
                                  .object_id = state == RULE_S_STUB ? SCAN(98) : NULL};
    struct entry_record e = a_file(1, "f", 5000, 3);
    static uint64_t seq;
    struct scan s;

    e.flags = flags;
    e.allocated = allocated;
    scan_begin(&s, h, id);
    scan_folder(&s, 1, 0, "", 0);
    scan_add(&s, &e);
    if (outcome_meanwhile) {
        TAP_OK(inventory_outcomes_apply(h->inv, &own, VOLUME, STREAM, ++seq, &o, 1, NULL));
    }
    (void)scan_end(&s);
}

static void
a_scan_tells_stubs_unless_an_outcome_is_newer(void)
{
    struct help h;
    struct seen seen;

    help_begin(&h);
    scan_one(&h, SCAN(01), 0, 8192, false, 0);
    TAP_CHECK(stat_of(&h, "/f", &seen) && seen.row.state == RULE_S_RESIDENT);
    /* Tiered while the scan was under way, which had seen it before. */
    scan_one(&h, SCAN(02), 0, 8192, true, RULE_S_STUB);
    TAP_CHECK(stat_of(&h, "/f", &seen) && seen.row.state == RULE_S_STUB && seen.row.allocated == 0);
    TAP_EQUAL_STR(seen.row.object_id, SCAN(98));
    /* The next scan sees the marker: still the same object. */
    scan_one(&h, SCAN(03), ENTRY_STUB, 0, false, 0);
    TAP_CHECK(stat_of(&h, "/f", &seen) && seen.row.state == RULE_S_STUB);
    TAP_EQUAL_STR(seen.row.object_id, SCAN(98));
    /* Recalled while the scan was under way. */
    scan_one(&h, SCAN(04), ENTRY_STUB, 0, true, RULE_S_RESIDENT);
    TAP_CHECK(stat_of(&h, "/f", &seen) && seen.row.state == RULE_S_RESIDENT &&
              seen.row.allocated == 8192);
    scan_one(&h, SCAN(05), ENTRY_STUB, 0, false, 0);
    TAP_CHECK(stat_of(&h, "/f", &seen) && seen.row.state == RULE_S_STUB);
    /* Without a marker it is no stub, whatever was believed. */
    scan_one(&h, SCAN(06), 0, 8192, false, 0);
    TAP_CHECK(stat_of(&h, "/f", &seen) && seen.row.state == RULE_S_RESIDENT &&
              seen.row.object_id[0] == '\0');
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(a_stub_that_lost_its_marker_is_found_and_keeps_its_object);
    TAP_RUN(outcomes_are_applied_once_and_in_order);
    TAP_RUN(senseless_outcomes_are_refused_whole);
    TAP_RUN(weaker_evidence_never_replaces_stronger);
    TAP_RUN(what_is_read_after_its_recall_stays_warm);
    TAP_RUN(a_scan_tells_stubs_unless_an_outcome_is_newer);
    return tap_end();
}
