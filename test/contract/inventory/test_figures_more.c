/* Plans as of a date, charts, counts, comparisons, growth, lists without an end, and files of an older format. Lists
 * are read back by a CSV reader of the test's own and by DuckDB. */
#include "help.h"
#include "help_sql.h"

#include "server/inventory/figures.h"

#define ARENA_BYTES (64u << 20)

static struct rule *
rule_of(const char *text)
{
    struct rule *r = NULL;
    struct rule_error e = {0};

    if (rule_parse(sp(text), NULL, &r, &e) < 0) {
        tap_fail(__FILE__, __LINE__, "%s: %s", text, e.message);
    }
    return r;
}

static const struct inventory_refusal *
refusal(const struct inventory_plan *p, const char *reason)
{
    static const struct inventory_refusal none = {0};

    for (size_t i = 0; i < p->refusal_count; i++) {
        if (strcmp(p->refusals[i].reason, reason) == 0) {
            return &p->refusals[i];
        }
    }
    return &none;
}

/* ---- as of a date ---- */

static void
a_plan_of_the_past_leaves_out_what_was_not_there(void)
{
    struct help h;
    struct scan s;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    AL_CLEANUP(rule_freep) struct rule *r = rule_of("size > 0");
    AL_CLEANUP(rule_freep) struct rule *cold = rule_of("accessed older than 30d");
    struct inventory_earlier earlier = {r, "excluded"};
    struct inventory_plan_query q = {.rule = r, .now_ns = NOW_NS - 50 * DAY_NS};
    struct inventory_plan p;
    struct entry_record e[4] = {a_file(1, "old", 10000, 100), a_file(1, "changed", 20000, 20),
                                a_file(1, "made", 30000, 10), a_file(1, "unborn", 40000, 90)};

    e[1].mtime_ns = NOW_NS - 20 * DAY_NS;
    e[2].mtime_ns = e[2].btime_ns = NOW_NS - 10 * DAY_NS;
    e[3].btime_ns = 0; /* not known when */
    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    for (size_t i = 0; i < AL_LEN(e); i++) {
        scan_add(&s, &e[i]);
    }
    (void)scan_end(&s);
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_EQUAL_U64(p.files, 2);
    TAP_EQUAL_U64(p.bytes, 50000);
    TAP_EQUAL_U64(refusal(&p, "newer_than_the_date")->files, 2);
    TAP_EQUAL_U64(refusal(&p, "newer_than_the_date")->bytes, 50000);
    TAP_CHECK(al_span_equal(refusal(&p, "newer_than_the_date")->sample, sp("/made")));
    /* It did not exist then: no earlier rule decided about it. */
    q.earlier = &earlier;
    q.earlier_count = 1;
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_EQUAL_U64(refusal(&p, "newer_than_the_date")->files, 2);
    TAP_EQUAL_U64(refusal(&p, "excluded")->files, 2);
    /* The rule's own ages count from that date: 90 and 100 days ago are 40 and 50 days before it. */
    q = (struct inventory_plan_query){.rule = cold, .now_ns = NOW_NS - 50 * DAY_NS};
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_EQUAL_U64(p.files, 2);
    /* From the last scan on there is nothing newer. */
    q.now_ns = NOW_NS;
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_EQUAL_U64(refusal(&p, "newer_than_the_date")->files, 0);
    al_arena_free(arena);
    help_end(&h);
}

/* ---- a volume of many kinds ---- */

static const char *const hostile[] = {"a.mov",
                                      "q\"uote.mov",
                                      "semi;comma,tab\t.mov",
                                      "new\nline\r\n.mov",
                                      "\xff\xfe\xc3.mov",
                                      "\xe2\x82\xac.mov",
                                      "=1+1.mov",
                                      " lead and trail .mov ",
                                      "NULL",
                                      "''",
                                      "back\\slash.mov",
                                      "\\xFF.mov",
                                      "\xed\xa0\x80.mov",
                                      "\x01\x7f.mov"};

static void
many_kinds(struct help *h, const char *id)
{
    struct entry_record owner = {.is_owner_record = true, .uid = 1000, .name = sp("o\"wn,er")};
    struct entry_record bad = {.is_owner_record = true, .uid = 1001, .name = sp("\xff")};
    struct scan s;

    scan_begin(&s, h, id);
    scan_add(&s, &owner);
    scan_add(&s, &bad);
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "d\xff\n\"", 0);
    for (size_t i = 0; i < AL_LEN(hostile); i++) {
        for (uint64_t folder = 1; folder <= 2; folder++) {
            struct entry_record e = a_file(folder, hostile[i], 1000 + i, 10 + 10 * (int)i);

            e.uid = 1000 + (uint32_t)(i % 3);
            e.atime_ns = i == 3 ? RULE_TIME_UNKNOWN : e.atime_ns + 7;
            e.btime_ns = i == 4 ? 0 : e.btime_ns;
            e.flags = i % 4 == 2 ? ENTRY_STUB : 0;
            e.type = i == 9 ? PORT_T_SYMLINK : PORT_T_FILE;
            scan_add(&s, &e);
        }
    }
    (void)scan_end(&s);
}

static void
charts_and_counts_are_of_the_plan(void)
{
    struct help h;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    AL_CLEANUP(rule_freep) struct rule *r = rule_of("accessed older than 30d");
    AL_CLEANUP(rule_freep) struct rule *like = rule_of("name like /mov$/ and path like /a/");
    struct inventory_plan_query q = {.rule = r, .now_ns = NOW_NS};
    struct inventory_plan_charts c;
    struct inventory_plan p;
    struct inventory_count n;
    uint64_t files[4] = {0}, bytes[4] = {0}, all;

    help_begin(&h);
    many_kinds(&h, SCAN(01));
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_OK(inventory_plan_charts(h.inv, &own, VOLUME, &q, 90 * DAY_NS, arena, &c));
    for (size_t i = 0; i < c.age_count; i++) {
        files[0] += c.age[i].files;
        bytes[0] += c.age[i].bytes;
        TAP_CHECK(c.age[i].to > 30 * DAY_NS || c.age[i].files == 0);
    }
    for (size_t i = 0; i < c.size_count; i++) {
        files[1] += c.size[i].files;
        bytes[1] += c.size[i].bytes;
    }
    for (size_t i = 0; i < c.ext_count; i++) {
        files[2] += c.exts[i].files;
        bytes[2] += c.exts[i].bytes;
    }
    for (size_t i = 0; i < c.owner_count; i++) {
        files[3] += c.owners[i].files;
        bytes[3] += c.owners[i].bytes;
    }
    for (size_t i = 0; i < 4; i++) {
        TAP_EQUAL_U64(files[i], p.files);
        TAP_EQUAL_U64(bytes[i], p.bytes);
    }
    /* Read 40 to 90 days ago (7 ns later each): i of 3 to 8, of which 3 is unknown and 6 a stub. */
    TAP_EQUAL_U64(c.recall_files, 2 * 4);
    all = p.files;
    for (size_t i = 0; i < p.refusal_count; i++) {
        all += p.refusals[i].files;
    }
    TAP_OK(inventory_count(h.inv, &own, VOLUME, r, NOW_NS, &n));
    TAP_CHECK(n.exact);
    TAP_EQUAL_U64(n.files, all);
    q.rule = like;
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &q, arena, &p));
    TAP_OK(inventory_count(h.inv, &own, VOLUME, like, NOW_NS, &n));
    all = p.files;
    for (size_t i = 0; i < p.refusal_count; i++) {
        all += p.refusals[i].files;
    }
    TAP_CHECK(n.exact && n.files == all && n.files > 0);
    al_arena_free(arena);
    help_end(&h);
}

static void
a_comparison_tells_what_enters_leaves_and_stays(void)
{
    struct help h;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    AL_CLEANUP(rule_freep) struct rule *small = rule_of("size <= 1006");
    AL_CLEANUP(rule_freep) struct rule *large = rule_of("size >= 1005 and name like /./");
    struct inventory_plan_query a = {.rule = small, .now_ns = NOW_NS},
                                b = {.rule = large, .now_ns = NOW_NS};
    struct inventory_difference d;
    struct inventory_plan pa, pb;

    help_begin(&h);
    many_kinds(&h, SCAN(01));
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &a, arena, &pa));
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &b, arena, &pb));
    TAP_OK(inventory_compare(h.inv, &own, VOLUME, &a, &b, arena, &d));
    TAP_EQUAL_U64(d.stay_files, 2); /* 1005 in both folders; 1006 is a stub */
    TAP_EQUAL_U64(d.stay_bytes, 2010);
    TAP_EQUAL_U64(d.enter_files + d.stay_files, pb.files);
    TAP_EQUAL_U64(d.enter_bytes + d.stay_bytes, pb.bytes);
    TAP_EQUAL_U64(d.leave_files + d.stay_files, pa.files);
    TAP_EQUAL_U64(d.leave_bytes + d.stay_bytes, pa.bytes);
    TAP_EQUAL_U64(d.enter_count, d.enter_files);
    TAP_EQUAL_U64(d.enter[0].size, 1013);
    TAP_EQUAL_U64(d.leave[0].size, 1004);
    TAP_OK(inventory_compare(h.inv, &own, VOLUME, &a, &a, arena, &d));
    TAP_CHECK(d.enter_files == 0 && d.leave_files == 0 && d.stay_files == pa.files);
    al_arena_free(arena);
    help_end(&h);
}

/* ---- growth ---- */

static void
days_are_kept_one_a_day(void)
{
    struct help h;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct inventory_day *days = NULL;
    struct inventory_totals t;
    uint64_t v0, v1;
    size_t n = 0;
    int64_t midnight = NOW_NS / DAY_NS * DAY_NS;

    help_begin(&h);
    TAP_OK(inventory_day_keep(h.inv, &own, VOLUME, midnight - 1));
    many_kinds(&h, SCAN(01));
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &v0));
    TAP_OK(inventory_day_keep(h.inv, &own, VOLUME, midnight));
    TAP_OK(inventory_day_keep(h.inv, &own, VOLUME, midnight + DAY_NS - 1));
    small_scan(&h, SCAN(02));
    TAP_OK(inventory_day_keep(h.inv, &own, VOLUME, midnight + 3 * DAY_NS));
    TAP_OK(inventory_day_keep(h.inv, &own, VOLUME, midnight + 5));
    h.inv = inventory_close(h.inv);
    help_open(&h);
    TAP_OK(inventory_volume_version(h.inv, &own, VOLUME, &v1));
    TAP_OK(inventory_totals(h.inv, &own, VOLUME, &t));
    TAP_OK(inventory_days(h.inv, &own, VOLUME, INT64_MIN + 1, arena, &days, &n));
    TAP_EQUAL_U64(n, 3);
    TAP_EQUAL_U64((uint64_t)days[0].day_ns, (uint64_t)(midnight - DAY_NS));
    TAP_EQUAL_U64(days[0].files, 0);
    TAP_EQUAL_U64((uint64_t)days[1].day_ns, (uint64_t)midnight);
    for (size_t i = 1; i < 3; i++) {
        TAP_EQUAL_U64(days[i].files, t.files);
        TAP_EQUAL_U64(days[i].folders, t.folders);
        TAP_EQUAL_U64(days[i].bytes, t.bytes);
        TAP_EQUAL_U64(days[i].allocated, t.allocated);
    }
    TAP_OK(inventory_days(h.inv, &own, VOLUME, midnight + 1, arena, &days, &n));
    TAP_EQUAL_U64(n, 1);
    al_arena_free(arena);
    help_end(&h);
}

/* ---- lists without an end ---- */

#define COLUMNS 17u
#define ROWS_MAX 64u

struct table {
    struct al_buf cells[ROWS_MAX][COLUMNS];
    size_t rows;
};

static void
table_free(struct table *t)
{
    for (size_t i = 0; i < ROWS_MAX; i++) {
        for (size_t k = 0; k < COLUMNS; k++) {
            al_buf_free(&t->cells[i][k]);
        }
    }
}

/* RFC 4180: quotes are doubled inside of quotes. */
static void
read_csv(const char *path, struct table *t)
{
    FILE *f = fopen(path, "rb");
    bool quoted = false;
    size_t column = 0;
    int c;

    TAP_CHECK(f != NULL);
    for (size_t i = 0; i < ROWS_MAX; i++) {
        for (size_t k = 0; k < COLUMNS; k++) {
            al_buf_init(&t->cells[i][k], 1u << 20);
        }
    }
    t->rows = 0;
    while ((c = fgetc(f)) != EOF) {
        uint8_t byte = (uint8_t)c;

        if (c == '"' && quoted) {
            int next = fgetc(f);

            if (next == '"') {
                TAP_OK(al_buf_add(&t->cells[t->rows][column], "\"", 1));
                continue;
            }
            quoted = false;
            ungetc(next, f);
        } else if (c == '"') {
            quoted = true;
        } else if (!quoted && c == ',') {
            column++;
            TAP_CHECK(column < COLUMNS);
        } else if (!quoted && c == '\n') {
            TAP_EQUAL_U64(column, COLUMNS - 1);
            column = 0;
            t->rows++;
            TAP_CHECK(t->rows < ROWS_MAX);
        } else {
            TAP_OK(al_buf_add(&t->cells[t->rows][column], &byte, 1));
        }
    }
    fclose(f);
}

struct expected {
    const struct table *t;
    uint64_t found, rows;
    bool plan;
};

static bool
cell_is(const struct table *t, size_t row, size_t column, const char *text)
{
    return al_span_equal(al_buf_span(&t->cells[row][column]), sp(text));
}

static bool
is_number(const struct table *t, size_t row, size_t column, uint64_t n)
{
    char text[32];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    return cell_is(t, row, column, text);
}

static bool
is_time(const struct table *t, size_t row, size_t column, int64_t ns)
{
    char text[AL_TIME_TEXT_MAX] = "";

    if (ns != RULE_TIME_UNKNOWN) {
        al_time_text(ns, text);
    }
    return cell_is(t, row, column, text);
}

/* The row of the list must be in the table exactly once. */
static int
find_row(void *ctx, const struct inventory_row *row)
{
    struct expected *x = ctx;
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    uint64_t here = 0;

    al_buf_init(&bytes, 1u << 16);
    for (size_t i = 1; i < x->t->rows; i++) {
        const struct al_buf *text = &x->t->cells[i][0], *b64 = &x->t->cells[i][1];

        al_buf_clear(&bytes);
        TAP_CHECK((text->len == 0) != (b64->len == 0));
        TAP_OK(text->len > 0 ? al_buf_add(&bytes, text->at, text->len)
                             : al_unbase64((char *)b64->at, b64->len, &bytes));
        if (!al_span_equal(al_buf_span(&bytes), row->path)) {
            continue;
        }
        here++;
        TAP_CHECK((text->len > 0) == al_utf8_valid(row->path));
        TAP_CHECK(cell_is(x->t, i, 2,
                          row->type == PORT_T_FILE     ? "file"
                          : row->type == PORT_T_FOLDER ? "folder"
                                                       : "link"));
        TAP_CHECK(is_number(x->t, i, 3, row->size) && is_number(x->t, i, 4, row->allocated));
        TAP_CHECK(is_time(x->t, i, 5, row->mtime_ns) && is_time(x->t, i, 6, row->accessed_ns));
        TAP_CHECK(cell_is(x->t, i, 7, inventory_source_name(row->source)));
        TAP_CHECK(is_time(x->t, i, 8, row->btime_ns == 0 ? RULE_TIME_UNKNOWN : row->btime_ns));
        TAP_CHECK(cell_is(x->t, i, 9,
                          row->uid == 1000   ? "o\"wn,er"
                          : row->uid == 1001 ? "1001"
                          : row->uid == 1002 ? "1002"
                                             : "0"));
        TAP_CHECK(cell_is(x->t, i, 10, row->type == PORT_T_FOLDER ? "0755" : "0644"));
        TAP_CHECK(is_number(x->t, i, 12, row->ino) && is_number(x->t, i, 13, row->nlink));
        TAP_CHECK(cell_is(x->t, i, 14, rule_state_name(row->state)));
        TAP_CHECK(cell_is(x->t, i, 15, row->object_id));
    }
    TAP_CHECK(here == 1 || (x->plan && here == 0));
    x->found += here;
    x->rows++;
    return AL_OK;
}

static void
check_export(struct help *h, const struct table *t, struct al_span folder, bool plan)
{
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct inventory_list_query q = {
        .folder = folder, .recursive = true, .state = -1, .limit = INVENTORY_PAGE_MAX};
    struct inventory_page page;
    struct expected x = {.t = t, .plan = plan};

    TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, find_row, &x, arena, &page, NULL));
    TAP_EQUAL_U64(x.found, t->rows - 1);
    TAP_CHECK(x.rows > 3);
    al_arena_free(arena);
}

static const char *const columns[COLUMNS] = {
    "path",     "path_b64",        "type",    "size",      "allocated", "modified",
    "accessed", "accessed_source", "created", "owner",     "mode",      "attributes",
    "inode",    "links",           "state",   "object_id", "reason"};

static void
an_export_holds_every_name_exactly(void)
{
    struct help h;
    struct table *t = al_zalloc(sizeof(*t));
    struct inventory_outcome stub = {
        .path = sp("/semi;comma,tab\t.mov"), .set = INVENTORY_SET_OBJECT, .object_id = SCAN(77)};
    struct inventory_export_query q = {.format = INVENTORY_EXPORT_CSV};
    char path[128];
    uint64_t rows = 0;

    TAP_CHECK(t != NULL);
    help_begin(&h);
    many_kinds(&h, SCAN(01));
    TAP_OK(inventory_outcomes_apply(h.inv, &own, VOLUME, STREAM, 1, &stub, 1, NULL));
    snprintf(path, sizeof(path), "%s/it's.csv", h.dir);
    for (int i = 0; i < 2; i++) { /* the second replaces the first */
        q.folder = i == 0 ? sp("") : sp("/d\xff\n\"");
        TAP_OK(inventory_export(h.inv, &own, VOLUME, &q, path, &rows));
        read_csv(path, t);
        TAP_EQUAL_U64(t->rows, rows + 1);
        TAP_EQUAL_U64(rows, i == 0 ? 2 * AL_LEN(hostile) + 1 : AL_LEN(hostile));
        for (size_t k = 0; k < COLUMNS; k++) {
            TAP_CHECK(cell_is(t, 0, k, columns[k]));
        }
        check_export(&h, t, q.folder, false);
        table_free(t);
    }
    /* What cannot be written leaves what was there. */
    q.folder = sp("/nowhere");
    TAP_CODE(inventory_export(h.inv, &own, VOLUME, &q, path, &rows), AL_ENODATA);
    read_csv(path, t);
    TAP_EQUAL_U64(t->rows, AL_LEN(hostile) + 1);
    table_free(t);
    q.folder = sp("");
    TAP_CHECK(inventory_export(h.inv, &own, VOLUME, &q, "/nowhere/at/all.csv", &rows) < 0);
    TAP_CODE(
        inventory_export(h.inv, &(struct inventory_scope){OTHER_CUSTOMER}, VOLUME, &q, path, &rows),
        AL_ENOENT);
    help_end(&h);
    al_free(t);
}

static void
an_export_of_a_plan_tells_the_reasons(void)
{
    struct help h;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct table *t = al_zalloc(sizeof(*t));
    AL_CLEANUP(rule_freep) struct rule *r = rule_of("accessed older than 30d");
    AL_CLEANUP(rule_freep) struct rule *not_it = rule_of("name = \"a.mov\" or size = 1005");
    struct inventory_earlier earlier[] = {{not_it, "excluded"}, {not_it, "excluded"}};
    struct inventory_plan_query plan = {
        .rule = r, .now_ns = NOW_NS, .earlier = earlier, .earlier_count = 2};
    struct inventory_export_query q = {.plan = &plan, .format = INVENTORY_EXPORT_CSV};
    struct inventory_plan p;
    char path[128];
    uint64_t rows = 0, all;

    TAP_CHECK(t != NULL);
    help_begin(&h);
    many_kinds(&h, SCAN(01));
    TAP_OK(inventory_plan(h.inv, &own, VOLUME, &plan, arena, &p));
    snprintf(path, sizeof(path), "%s/plan.csv", h.dir);
    TAP_OK(inventory_export(h.inv, &own, VOLUME, &q, path, &rows));
    TAP_EQUAL_U64(rows, p.files);
    read_csv(path, t);
    check_export(&h, t, sp(""), true);
    table_free(t);
    q.refused = true;
    TAP_OK(inventory_export(h.inv, &own, VOLUME, &q, path, &rows));
    read_csv(path, t);
    check_export(&h, t, sp(""), true);
    all = p.files;
    for (size_t i = 0; i < p.refusal_count; i++) {
        uint64_t n = 0;

        for (size_t k = 1; k < t->rows; k++) {
            n += cell_is(t, k, 16, p.refusals[i].reason);
        }
        TAP_EQUAL_U64(n, p.refusals[i].files);
        all += n;
    }
    TAP_EQUAL_U64(rows, all);
    TAP_CHECK(refusal(&p, "excluded")->files == 2 && refusal(&p, "already_stub")->files > 0);
    table_free(t);
    al_arena_free(arena);
    help_end(&h);
    al_free(t);
}

static void
an_export_to_parquet_holds_the_same(void)
{
    struct help h;
    struct inventory_export_query q = {.format = INVENTORY_EXPORT_CSV};
    char csv[128], parquet[128], sql[2048];
    uint64_t rows = 0;

    help_begin(&h);
    many_kinds(&h, SCAN(01));
    snprintf(csv, sizeof(csv), "%s/all.csv", h.dir);
    snprintf(parquet, sizeof(parquet), "%s/all.parquet", h.dir);
    TAP_OK(inventory_export(h.inv, &own, VOLUME, &q, csv, &rows));
    q.format = INVENTORY_EXPORT_PARQUET;
    TAP_OK(inventory_export(h.inv, &own, VOLUME, &q, parquet, &rows));
    TAP_EQUAL_U64(rows, 2 * AL_LEN(hostile) + 1);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM read_csv('%s', all_varchar = true, header = true, quote = '\"', "
             "escape = '\"', delim = ',', new_line = '\\n') c JOIN read_parquet('%s') p ON (c.path "
             "= p.path OR c.path_b64 = p.path_b64) AND c.size = p.size::VARCHAR AND c.inode = "
             "p.inode::VARCHAR AND c.type = p.type AND c.state = p.state AND c.owner = p.owner AND "
             "epoch_ns(p.modified) = %lld AND (p.accessed IS NULL) = (c.accessed IS NULL)",
             csv, parquet, (long long)(NOW_NS - 400 * DAY_NS));
    TAP_EQUAL_U64((uint64_t)help_sql(NULL, sql), 2 * AL_LEN(hostile));
    help_end(&h);
}

/* ---- time limits ---- */

static int
any_row(void *ctx, const struct inventory_row *row)
{
    return AL_OK;
}

/* A pattern that takes milliseconds a file: whoever asks for it waits no longer than was said, and
 * nobody else is the worse for it. */
static void
a_question_ends_when_its_time_is_over(void)
{
    enum { FILES = 40000 };
    struct help h;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    AL_CLEANUP(rule_freep) struct rule *slow = rule_of("name like /^(a+)+$/");
    AL_CLEANUP(rule_freep) struct rule *quick = rule_of("size > 0");
    struct inventory_scope limited = {CUSTOMER, INT64_C(300) * 1000000};
    struct inventory_plan_query q = {.rule = slow, .now_ns = NOW_NS};
    struct inventory_list_query list = {.limit = 100, .rule = slow, .now_ns = NOW_NS, .want_total = true, .recursive = true};
    struct inventory_export_query x = {.plan = &q, .format = INVENTORY_EXPORT_CSV};
    struct inventory_figures_query fq = {.want = 511, .now_ns = NOW_NS};
    struct inventory_figures f;
    struct inventory_plan p;
    struct inventory_count c;
    struct scan s;
    struct inventory_page page;
    char name[64], path[128];
    uint64_t rows = 0;
    int64_t began_ns;

    help_begin(&h);
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof(name), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%d.mov", i);
        scan_file(&s, 1, name, 1000, 100);
    }
    (void)scan_end(&s);
    (void)snprintf(path, sizeof(path), "%s/x.csv", h.dir);
    for (int round = 0; round < 2; round++) {
        began_ns = port_mono_ns(port_native());
        TAP_CODE(inventory_count(h.inv, &limited, VOLUME, slow, NOW_NS, &c), AL_ETIMEDOUT);
        TAP_CODE(inventory_plan(h.inv, &limited, VOLUME, &q, arena, &p), AL_ETIMEDOUT);
        TAP_CODE(inventory_list(h.inv, &limited, VOLUME, &list, any_row, NULL, arena, &page, NULL),
                 AL_ETIMEDOUT);
        TAP_CODE(inventory_export(h.inv, &limited, VOLUME, &x, path, &rows), AL_ETIMEDOUT);
        TAP_CHECK(port_mono_ns(port_native()) - began_ns < INT64_C(20) * 1000000000);
        TAP_CHECK(access(path, F_OK) != 0);
        /* The connections that were stopped are used again. */
        TAP_OK(inventory_count(h.inv, &limited, VOLUME, quick, NOW_NS, &c));
        TAP_EQUAL_U64(c.files, FILES);
        TAP_OK(inventory_figures(h.inv, &limited, VOLUME, &fq, arena, &f));
        TAP_EQUAL_U64(f.totals.files, FILES);
    }
    al_arena_free(arena);
    help_end(&h);
}

/* ---- nothing there; older files ---- */

static int
no_child(void *ctx, const struct inventory_folder *f)
{
    return AL_EINTERNAL;
}

static int
keep_nothing(void *ctx, const struct inventory_folder *f)
{
    return AL_OK;
}

static void
nothing_is_told_of_what_is_not_there(void)
{
    struct help h;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct inventory_figures_query q = {.want = 511, .now_ns = NOW_NS};
    struct inventory_tree_query tree = {.limit = 10};
    struct inventory_scope other = {OTHER_CUSTOMER};
    struct inventory_figures f = {0};
    struct inventory_folder self;
    uint64_t total = 7;

    help_begin(&h);
    TAP_OK(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f));
    TAP_CHECK(f.totals.files == 0 && f.totals.folders == 0 && f.ext_count == 0 &&
              f.duplicate_count == 0 && f.largest_count == 0);
    TAP_OK(inventory_tree(h.inv, &own, VOLUME, &tree, arena, &self, &total, no_child, NULL));
    TAP_CHECK(total == 0 && self.files == 0 && !self.has_children && self.path.len == 1);
    q.folder = tree.folder = sp("/a");
    TAP_CODE(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f), AL_ENODATA);
    TAP_CODE(inventory_tree(h.inv, &own, VOLUME, &tree, arena, &self, &total, no_child, NULL),
             AL_ENODATA);
    small_scan(&h, SCAN(01));
    TAP_OK(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f));
    q.folder = tree.folder = sp("/a/../c");
    TAP_CODE(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f), AL_ENODATA);
    q.folder = tree.folder = sp("/a/one.mov"); /* a file */
    TAP_CODE(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f), AL_ENODATA);
    TAP_CODE(inventory_tree(h.inv, &own, VOLUME, &tree, arena, &self, &total, no_child, NULL),
             AL_ENODATA);
    q.folder = tree.folder = sp("");
    TAP_CODE(inventory_figures(h.inv, &other, VOLUME, &q, arena, &f), AL_ENOENT);
    TAP_CODE(inventory_tree(h.inv, &other, VOLUME, &tree, arena, &self, &total, no_child, NULL),
             AL_ENOENT);
    q.rows = INVENTORY_FIGURE_ROWS_MAX + 1;
    TAP_CODE(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f), AL_ELIMIT);
    tree.limit = 0;
    TAP_CODE(inventory_tree(h.inv, &own, VOLUME, &tree, arena, &self, &total, no_child, NULL),
             AL_EINVAL);
    al_arena_free(arena);
    help_end(&h);
}

static void
a_file_of_format_1_gets_its_summaries(void)
{
    static const char *const back[] = {"DROP TABLE own",
                                       "DROP TABLE below",
                                       "DROP TABLE twin",
                                       "DROP TABLE day",
                                       "DROP TABLE import",
                                       "ALTER TABLE meta DROP COLUMN moved",
                                       "DROP TABLE a_move",
                                       "DROP TABLE a_touch",
                                       "DROP TABLE a_folded",
                                       "DROP TABLE a_came",
                                       "ALTER TABLE entry DROP COLUMN came_ns",
                                       "DROP TABLE a_base",
                                       "DROP TABLE a_wait",
                                       "DROP TABLE a_deleting",
                                       "DROP TABLE a_pin",
                                       "DROP TABLE a_recent",
                                       "ALTER TABLE meta DROP COLUMN audited",
                                       "ALTER TABLE meta DROP COLUMN live",
                                       "ALTER TABLE meta DROP COLUMN since_ns",
                                       "ALTER TABLE meta DROP COLUMN told_ns",
                                       "ALTER TABLE meta DROP COLUMN access_n",
                                       "ALTER TABLE meta DROP COLUMN newest_ns",
                                       "ALTER TABLE meta DROP COLUMN due",
                                       "UPDATE meta SET format = 1"};
    struct help h;
    struct al_arena *arena = al_arena_new(ARENA_BYTES);
    struct inventory_tree_query tree = {.folder = sp("/a"), .limit = 10};
    struct inventory_figures_query q = {.want = INVENTORY_FIG_DUPLICATES, .now_ns = NOW_NS};
    struct inventory_scan_result r = {0};
    struct inventory_figures f = {0};
    struct inventory_folder self;
    uint64_t total;
    char file[128];

    help_begin(&h);
    small_scan(&h, SCAN(01));
    h.inv = inventory_close(h.inv);
    snprintf(file, sizeof(file), "%s/" VOLUME ".duckdb", h.dir);
    for (size_t i = 0; i < AL_LEN(back); i++) {
        (void)help_sql(file, back[i]);
    }
    for (int i = 0; i < 2; i++) { /* again: it is of the new format now */
        help_open(&h);
        TAP_OK(
            inventory_tree(h.inv, &own, VOLUME, &tree, arena, &self, &total, keep_nothing, NULL));
        TAP_EQUAL_U64(self.files, 3);
        TAP_EQUAL_U64(self.bytes, 11000);
        TAP_EQUAL_U64(total, 1);
        TAP_OK(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f));
        TAP_OK(inventory_scan_end(h.inv, &own, VOLUME, SCAN(01), NOW_NS, &r));
        TAP_EQUAL_U64(r.moved, 0);
        TAP_EQUAL_U64(r.entries, 7);
        TAP_OK(inventory_day_keep(h.inv, &own, VOLUME, NOW_NS));
        h.inv = inventory_close(h.inv);
        TAP_EQUAL_U64((uint64_t)help_sql(file, "SELECT format FROM meta"), 5);
    }
    (void)help_sql(file, "UPDATE meta SET format = 6");
    help_open(&h);
    TAP_CODE(inventory_figures(h.inv, &own, VOLUME, &q, arena, &f), AL_ECORRUPT);
    al_arena_free(arena);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(a_plan_of_the_past_leaves_out_what_was_not_there);
    TAP_RUN(charts_and_counts_are_of_the_plan);
    TAP_RUN(a_comparison_tells_what_enters_leaves_and_stays);
    TAP_RUN(days_are_kept_one_a_day);
    TAP_RUN(an_export_holds_every_name_exactly);
    TAP_RUN(an_export_of_a_plan_tells_the_reasons);
    TAP_RUN(an_export_to_parquet_holds_the_same);
    TAP_RUN(a_question_ends_when_its_time_is_over);
    TAP_RUN(nothing_is_told_of_what_is_not_there);
    TAP_RUN(a_file_of_format_1_gets_its_summaries);
    return tap_end();
}
