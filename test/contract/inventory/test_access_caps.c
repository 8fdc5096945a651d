/* What is kept of audit logs is bounded. At each bound something is given up; no file looks colder for it than it is, and it is told. */
#include "access_help.h"
#include "help_sql.h"

static struct {
    char last[512];
} said;

static void
hear(void *ctx, enum al_log_level level, const char *text)
{
    (void)ctx;
    if (level == AL_LOG_WARN) {
        snprintf(said.last, sizeof(said.last), "%s", text);
    }
}
static struct al_log ears = {AL_LOG_DEBUG, hear, NULL};

/* 0: as it is. */
static void
open_small(struct help *h, uint32_t moves, uint32_t waits, uint32_t touches)
{
    struct inventory_conf conf = {.port = port_native(),
                                  .dir = h->dir,
                                  .memory_bytes = 512u << 20,
                                  .threads = 2,
                                  .log = &ears,
                                  .moves_max = moves,
                                  .unplaced_max = waits,
                                  .touches_max = touches};

    TAP_OK(inventory_open(&conf, &h->inv, NULL));
}

static void
begin_small(struct help *h, uint32_t moves, uint32_t waits, uint32_t touches)
{
    begin(h);
    said.last[0] = '\0';
    h->inv = inventory_close(h->inv);
    open_small(h, moves, waits, touches);
}

static int64_t
since(struct help *h)
{
    struct inventory_coverage c;

    TAP_OK(inventory_coverage(h->inv, &own, VOLUME, &c));
    return c.since_ns;
}

/* Files that the rule takes, and those for which accesses are not known for so long. */
static uint64_t
cold(struct help *h, const char *text, uint64_t *ret_no_record)
{
    struct inventory_plan_query q = {.now_ns = NOW_NS};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct rule *rule = NULL;
    struct inventory_plan p;
    uint64_t files;

    TAP_OK(rule_parse(sp(text), NULL, &rule, NULL));
    q.rule = rule;
    TAP_OK(inventory_plan(h->inv, &own, VOLUME, &q, arena, &p));
    *ret_no_record = 0;
    for (size_t i = 0; i < p.refusal_count; i++) {
        *ret_no_record += strcmp(p.refusals[i].reason, "no_access_record") == 0 ? p.refusals[i].files : 0;
    }
    files = p.files;
    (void)rule_free(rule);
    al_arena_free(arena);
    return files;
}

static void
settle(struct help *h)
{
    TAP_OK(inventory_access_settle(h->inv, &own, VOLUME, NOW_NS, NULL));
}

static void
paths_that_wait_beyond_the_bound_begin_the_record_anew(void)
{
    struct inventory_access rows[25], made;
    char paths[25][16];
    uint64_t no_record;
    struct help h;

    begin_small(&h, 0, 10, 0);
    TAP_CHECK(cold(&h, "accessed older than 20d", &no_record) > 0 && no_record == 0);
    for (int i = 0; i < 25; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/new/f%d", i);
        rows[i] = row(INVENTORY_ACCESS_USED, paths[i], "", T(1 + i));
    }
    TAP_CHECK(tell(&h, rows, 10).overflow == false && since(&h) == NOW_NS - 30 * DAY_NS);
    TAP_CHECK(tell(&h, rows + 10, 15).overflow);
    TAP_CHECK(since(&h) == NOW_NS);
    TAP_CHECK(cold(&h, "accessed older than 20d", &no_record) == 0 && no_record > 0);
    for (int i = 0; i < 25; i += 24) { /* the oldest is lost, the newest waits on */
        made = with_stat(row(INVENTORY_ACCESS_CREATE, paths[i], "", T(0)), PORT_T_FILE, 5);
        (void)tell(&h, &made, 1);
    }
    TAP_CHECK(last_of(&h, "/new/f24") == T(25) && last_of(&h, "/new/f0") == T(0));
    help_end(&h);
}

static void
moves_beyond_the_bound_begin_the_record_at_the_oldest_that_is_kept(void)
{
    char from[16], to[16], text[64];
    uint64_t no_record;
    struct help h;

    begin_small(&h, 4, 0, 0);
    for (int i = 0; i < 6; i++) { /* one file goes on and on */
        snprintf(from, sizeof(from), i == 0 ? "/top.txt" : "/t%d", i);
        snprintf(to, sizeof(to), "/t%d", i + 1);
        (void)move(&h, from, to, T(10 * (i + 1)));
    }
    settle(&h);
    TAP_CHECK(since(&h) == T(30));
    TAP_CHECK(strstr(said.last, "moves") != NULL);
    /* Between the third and the fourth: that way is known. */
    (void)used(&h, "/t3", T(35));
    TAP_CHECK(last_of(&h, "/t6") == T(60));
    /* Before the first: it finds nothing any more. Nothing is called cold by what is not known of that time. */
    (void)used(&h, "/top.txt", T(5));
    TAP_CHECK(last_of(&h, "/top.txt") == 0);
    snprintf(text, sizeof(text), "accessed older than %dh and name matches \"one.mov\"", 400 - 20);
    TAP_CHECK(cold(&h, text, &no_record) == 0 && no_record == 1);
    snprintf(text, sizeof(text), "accessed older than %dh and name matches \"one.mov\"", 400 - 40);
    TAP_CHECK(cold(&h, text, &no_record) == 1 && no_record == 0);
    help_end(&h);
}

/* Twenty-odd people read a file, each in an hour of their own. */
static void
many_read(struct help *h, const char *path, int64_t first_ns, int count)
{
    char names[64][8];
    struct inventory_access rows[64];

    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "p%d", i);
        rows[i] = row(INVENTORY_ACCESS_USED, path, "", first_ns + i * HOUR_NS);
        rows[i].user = sp(names[i]);
    }
    (void)tell(h, rows, (size_t)count);
}

/* Sums that are forgotten are no reason to take evidence away when some of it is worked out anew. */
static void
outlives(bool of_before)
{
    char file[128];
    struct help h;

    begin_small(&h, 0, 0, 20);
    if (of_before) { /* a file that was made when nobody wrote down what was forgotten */
        h.inv = inventory_close(h.inv);
        snprintf(file, sizeof(file), "%s/" VOLUME ".duckdb", h.dir);
        (void)help_sql(file, "DROP TABLE a_folded");
        (void)help_sql(file, "DROP TABLE a_came");
        (void)help_sql(file, "ALTER TABLE entry DROP COLUMN came_ns");
        (void)help_sql(file, "UPDATE meta SET format = 3");
        open_small(&h, 0, 0, 20);
    }
    (void)used(&h, "/a/one.mov", T(5));
    many_read(&h, "/top.txt", T(60), 50);
    (void)used(&h, "/a/later", T(130));
    settle(&h);
    TAP_CHECK(strstr(said.last, "forgotten") != NULL);
    TAP_CHECK(last_of(&h, "/a/one.mov") == T(5));
    (void)move(&h, "/a", "/n", T(6)); /* late: something was told of /a since */
    TAP_CHECK(last_of(&h, "/n/one.mov") == T(5) && last_of(&h, "/a/one.mov") == 0);
    TAP_CHECK(last_of(&h, "/top.txt") == T(109));
    small_scan(&h, SCAN(02)); /* it is known in the next file, too */
    (void)used(&h, "/c/later", T(140));
    (void)used(&h, "/a/one.mov", T(7));
    (void)move(&h, "/a", "/c/a", T(8));
    TAP_CHECK(last_of(&h, "/c/a/one.mov") == T(7) && last_of(&h, "/top.txt") == T(109));
    help_end(&h);
}

static void
evidence_outlives_the_sums_it_came_from(void)
{
    outlives(false);
}

static void
likewise_in_a_file_of_before(void)
{
    outlives(true);
}

/* Of a day of which one sum is left nobody knows which of two files of one name was meant when. */
static void
sums_by_day_take_nothing_away(void)
{
    struct inventory_access made;
    int64_t day = T(0) / DAY_NS * DAY_NS + DAY_NS;
    struct help h;

    begin_small(&h, 0, 0, 40);
    (void)used(&h, "/a/one.mov", day + HOUR_NS);
    (void)move(&h, "/a", "/n", day + 10 * HOUR_NS);
    made = with_stat(row(INVENTORY_ACCESS_CREATE, "/a/one.mov", "", day + 15 * HOUR_NS), PORT_T_FILE, 5);
    (void)tell(&h, &made, 1);
    (void)used(&h, "/a/one.mov", day + 20 * HOUR_NS);
    for (int i = 1; i < 3; i++) { /* of one person, so that they can be put together */
        for (int k = 0; k < 12; k++) {
            (void)used(&h, "/top.txt", day + i * DAY_NS + k * HOUR_NS);
        }
    }
    many_read(&h, "/top.txt", day + 5 * DAY_NS + HOUR_NS, 30);
    settle(&h);
    TAP_CHECK(strstr(said.last, "by day") != NULL);
    (void)used(&h, "/n/later", day + 9 * DAY_NS);
    (void)move(&h, "/n", "/m", day + 8 * DAY_NS); /* late: evidence below /n is worked out anew */
    TAP_CHECK(last_of(&h, "/m/one.mov") == day + HOUR_NS);
    TAP_CHECK(last_of(&h, "/a/one.mov") == day + 20 * HOUR_NS);
    help_end(&h);
}

struct largest {
    uint64_t reads, writes;
    int count;
    char what[64];
};

static int
first_sum(void *ctx, const struct inventory_access_sum *s)
{
    struct largest *l = ctx;

    if (l->count++ == 0) {
        l->reads = s->reads;
        l->writes = s->writes;
        snprintf(l->what, sizeof(l->what), "%.*s", (int)s->what.len, (const char *)s->what.at);
    }
    return AL_OK;
}

static int
any_hour(void *ctx, int64_t hour_ns, uint64_t reads, uint64_t writes)
{
    struct largest *l = ctx;

    (void)hour_ns;
    l->reads = reads > l->reads ? reads : l->reads;
    l->count++;
    return AL_OK;
}

/* A host may tell any number: it stays one that can be shown, and neither an answer nor the housekeeping fails. */
static void
sums_that_are_too_large_stay_the_largest(void)
{
    struct help h;
    struct inventory_access rows[8];

    begin_small(&h, 0, 0, 4);
    for (int i = 0; i < 8; i++) {
        rows[i] = row(INVENTORY_ACCESS_USED, i < 6 ? "/a/one.mov" : "/top.txt", "", T(i < 4 ? 1 : 2) + i);
        rows[i].reads = i < 3 ? INT64_MAX : i == 3 ? UINT64_MAX : 1;
        rows[i].writes = i < 2 ? INT64_MAX : 0;
    }
    for (int i = 0; i < 2; i++) {
        struct largest l = {0};

        if (i == 0) {
            (void)tell(&h, rows, 8);
        } else {
            settle(&h); /* sums by day */
        }
        TAP_OK(inventory_access_top(h.inv, &own, VOLUME, INVENTORY_BY_FILE, sp(""), 0, T(100), 8, first_sum, &l));
        TAP_CHECK(l.count == 2 && l.reads == INT64_MAX && l.writes == INT64_MAX);
        TAP_EQUAL_STR(l.what, "/a/one.mov");
        l = (struct largest){0};
        TAP_OK(inventory_access_hours(h.inv, &own, VOLUME, sp(""), 0, T(100), any_hour, &l));
        TAP_CHECK(l.count > 0 && l.reads == INT64_MAX);
    }
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(paths_that_wait_beyond_the_bound_begin_the_record_anew);
    TAP_RUN(moves_beyond_the_bound_begin_the_record_at_the_oldest_that_is_kept);
    TAP_RUN(evidence_outlives_the_sums_it_came_from);
    TAP_RUN(likewise_in_a_file_of_before);
    TAP_RUN(sums_by_day_take_nothing_away);
    TAP_RUN(sums_that_are_too_large_stay_the_largest);
    return tap_end();
}
