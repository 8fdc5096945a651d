/* Plans with their prices, exports, figures, and why a file is where it is. */
#include "world.h"

#include "server/service/figure/figure.h"
#include "server/service/figure/ops.h"
#include "server/service/file/file.h"
#include "server/service/file/ops.h"
#include "server/service/import/ops.h"
#include "server/service/plan/ask.h"
#include "server/service/plan/costs.h"
#include "server/service/plan/ops.h"

#define WAIT_S 60
#define DAY (INT64_C(86400) * SECOND)

#define ROW(path, size) path "," size ",2020-01-01T00:00:00Z\n"
static const char list_csv[] = "path,size,accessed\n" ROW("/a/one.mov", "12000000")
    ROW("/a/two.mov", "20000000") ROW("/b/three.txt", "11000000") ROW("/b/four.txt", "300");

/* A volume with something in it. */
static void
imported(struct world *w, const struct side *s, const char *text)
{
    char body[128];
    al_id id;

    snprintf(body, sizeof body, "{\"name\":\"l.csv\",\"size\":%zu}", strlen(text));
    must(w, &s->admin, "POST", path("volumes", s->volume, "/imports"), body);
    harness_id(&w->h, id);
    w->h.query = "offset=0";
    w->h.raw = al_span_of(text);
    must(w, &s->admin, "PUT", path("imports", id, "/content"), NULL);
    must(w, &s->admin, "POST", path("imports", id, "/run"), NULL);
    for (int i = 0; i < WAIT_S * 20; i++) {
        must(w, &s->admin, "GET", path("imports", id, ""), NULL);
        if (strcmp(harness_str(&w->h, "state"), "running") != 0) {
            break;
        }
        TAP_OK(service_tick(w->h.w, w->h.now_ns));
        usleep(20000);
    }
    TAP_EQUAL_STR(harness_str(&w->h, "state"), "done");
}

/* So that no rule comes before a text. */
static void
drop_rule(struct world *w, const struct side *s)
{
    w->h.if_match = "*";
    must(w, &w->op, "DELETE", path("rules", s->rule, ""), NULL);
}

static int
plan(struct world *w, const struct side *s, const struct side *whose, const char *more)
{
    char body[1024];

    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",%s}", whose->volume, more);
    return harness_call(&w->h, &s->admin, "POST", V1 "/plan", body);
}

static const json_t *
part(struct world *w, const char *a, const char *b)
{
    const json_t *j = json_object_get(w->h.json, a);

    return b == NULL ? j : json_object_get(j, b);
}

static uint64_t
number(const json_t *j, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(j, key));
}

static const char *
text(const json_t *j, const char *key)
{
    const char *t = json_string_value(json_object_get(j, key));

    return t != NULL ? t : "";
}

/* ---- money ---- */

static void
test_money_is_exact(void)
{
    static const struct {
        const char *in, *out;
        uint64_t value;
    } good[] = {
        {"0", "0.00", 0},
        {"12.34", "12.34", 123400},
        {"12.3", "12.30", 123000},
        {"0.0001", "0.0001", 1},
        {"0.005", "0.005", 50},
        {"7", "7.00", 70000},
        {"100.10", "100.10", 1001000},
        {"1000000", "1000000.00", MONEY_PRICE_MAX},
    };
    static const char *const bad[] = {"",     "-1",       "1.",    ".5",           "1,5",
                                      "1e3",  "12.34567", "1 EUR", "1000000.0001", "99999999999",
                                      "0x10", " 1",       "1.-5"};
    char out[MONEY_TEXT_MAX];
    uint64_t v;

    for (size_t i = 0; i < AL_LEN(good); i++) {
        TAP_OK(money_parse(good[i].in, &v));
        TAP_EQUAL_U64(v, good[i].value);
        money_text((int64_t)v, out);
        TAP_EQUAL_STR(out, good[i].out);
    }
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(money_parse(bad[i], &v), AL_EINVAL);
    }
    money_text(-123400, out);
    TAP_EQUAL_STR(out, "-12.34");
    /* 80.00 a TB and month. */
    TAP_EQUAL_U64((uint64_t)money_of(800000, TB_BYTES, TB_BYTES), 800000);
    TAP_EQUAL_U64((uint64_t)money_of(800000, TB_BYTES * 3 / 2, TB_BYTES), 1200000);
    TAP_EQUAL_U64((uint64_t)money_of(800000, 62500000, TB_BYTES), 100); /* half a cent: up */
    TAP_EQUAL_U64((uint64_t)money_of(800000, 62499999, TB_BYTES), 0);
    TAP_EQUAL_U64((uint64_t)money_of(0, UINT64_MAX, TB_BYTES), 0);
    TAP_CHECK(money_of(MONEY_PRICE_MAX, UINT64_MAX, 1) == INT64_MAX / 100 * 100); /* no overflow */
    TAP_CHECK(money_of(MONEY_PRICE_MAX, UINT64_MAX, TB_BYTES) > 0);
}

static void
test_costs_belong_to_a_customer_and_have_versions(void)
{
    const char *all = "{\"currency\":\"EUR\",\"primary_tb_month\":\"80\",\"tier_tb_month\":\"9.5\","
                      "\"recall_gb\":\"0.02\"}";
    struct world w;

    world_open(&w);
    must(&w, &w.a.auditor, "GET", path("customers", w.a.customer, "/costs"), NULL);
    TAP_CHECK(json_is_null(part(&w, "currency", NULL)) && w.h.reply.etag == 1);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PUT", path("customers", w.a.customer, "/costs"), all),
             AL_ENODATA);
    w.h.if_match = "\"1\"";
    must(&w, &w.a.admin, "PUT", path("customers", w.a.customer, "/costs"), all);
    TAP_EQUAL_U64(w.h.reply.etag, 2);
    TAP_EQUAL_STR(harness_str(&w.h, "tier_tb_month"), "9.50");
    w.h.if_match = "\"1\"";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PUT", path("customers", w.a.customer, "/costs"), all),
             AL_ECHANGED);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PUT", path("customers", w.a.customer, "/costs"),
                          "{\"primary_tb_month\":\"80\"}"),
             AL_EINVAL); /* of what? */
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PUT", path("customers", w.a.customer, "/costs"),
                          "{\"currency\":\"EUR\",\"recall_gb\":0.5}"),
             AL_EINVAL); /* no fractions of JSON */
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PUT", path("customers", w.a.customer, "/costs"), "{}");
    TAP_CHECK(json_is_null(part(&w, "currency", NULL)));
    TAP_CODE(
        harness_call(&w.h, &w.a.auditor, "PUT", path("customers", w.a.customer, "/costs"), all),
        AL_EPERM);
    TAP_CODE(harness_call(&w.h, &w.b.admin, "GET", path("customers", w.a.customer, "/costs"), NULL),
             AL_ENOENT);
    world_close(&w);
}

/* ---- plans ---- */

static void
test_a_plan_says_what_would_be_moved_and_what_it_saves(void)
{
    const json_t *cost;
    struct world w;

    world_open(&w);
    drop_rule(&w, &w.a);
    TAP_OK(plan(&w, &w.a, &w.a, "\"where\":\"true\"")); /* nothing is known yet */
    TAP_EQUAL_U64(harness_u64(&w.h, "files"), 0);
    imported(&w, &w.a, list_csv);
    TAP_OK(plan(&w, &w.a, &w.a, "\"where\":\"ext = mov\""));
    TAP_EQUAL_U64(harness_u64(&w.h, "files"), 2);
    TAP_EQUAL_U64(harness_u64(&w.h, "bytes"), 32000000);
    TAP_CHECK(json_is_null(part(&w, "cost", NULL)) && json_is_null(part(&w, "compare", NULL)));
    TAP_EQUAL_U64(number(part(&w, "recalls", NULL), "days"), 90);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PUT", path("customers", w.a.customer, "/costs"),
         "{\"currency\":\"EUR\",\"primary_tb_month\":\"100000\",\"tier_tb_month\":\"1000\"}");
    TAP_OK(plan(&w, &w.a, &w.a, "\"where\":\"ext = mov\",\"history_days\":7"));
    cost = part(&w, "cost", NULL);
    TAP_EQUAL_U64(number(part(&w, "recalls", NULL), "days"), 7);
    TAP_EQUAL_STR(text(cost, "currency"), "EUR");
    TAP_EQUAL_STR(text(cost, "tier_month"), "0.03"); /* 32 MB at 1000 a TB */
    TAP_CHECK(json_is_null(json_object_get(cost, "recalls")));
    /* What comes free is rounded to blocks; the sums add up as they are shown. */
    TAP_CHECK(strncmp(text(cost, "primary_month"), "3.2", 3) == 0);
    TAP_CHECK(strncmp(text(cost, "saved_month"), "3.1", 3) == 0);
    world_close(&w);
}

static void
test_rules_before_it_decide_first_and_exclusions_before_all(void)
{
    char body[512], ask[256];
    struct world w;

    world_open(&w);
    imported(&w, &w.a, list_csv);
    snprintf(body, sizeof body,
             "{\"volume_id\":\"%s\",\"name\":\"not b\",\"where\":\"path matches \\\"/b/**\\\"\","
             "\"action\":\"exclude\"}",
             w.a.volume);
    must(&w, &w.a.admin, "POST", V1 "/rules", body);
    TAP_OK(plan(&w, &w.a, &w.a, "\"where\":\"size >= 10MB\"")); /* "old" and the exclusion first */
    TAP_EQUAL_U64(harness_u64(&w.h, "files"), 0);
    TAP_CHECK(json_array_size(part(&w, "refusals", NULL)) >= 1);
    snprintf(ask, sizeof ask, "\"rule_id\":\"%s\",\"where\":\"size >= 10MB\"", w.a.rule);
    TAP_OK(plan(&w, &w.a, &w.a, ask)); /* in its place only the exclusion is earlier */
    TAP_EQUAL_U64(harness_u64(&w.h, "files"), 2);
    /* A text that excludes is behind exclusions alone, and frees nothing. */
    TAP_OK(plan(&w, &w.a, &w.a, "\"where\":\"size >= 10MB\",\"action\":\"exclude\""));
    TAP_EQUAL_U64(harness_u64(&w.h, "files"), 2);
    TAP_EQUAL_U64(harness_u64(&w.h, "freed_bytes"), 0);
    TAP_CHECK(json_is_null(part(&w, "cost", NULL)));
    world_close(&w);
}

static void
test_what_cannot_be_planned_is_told(void)
{
    char ask[256];
    struct world w;

    world_open(&w);
    TAP_CODE(plan(&w, &w.a, &w.b, "\"where\":\"true\""), AL_ENOENT); /* another's volume */
    TAP_CODE(plan(&w, &w.a, &w.a, "\"now\":\"2026-01-01T00:00:00Z\""), AL_EINVAL); /* which rule? */
    TAP_CODE(plan(&w, &w.a, &w.a, "\"where\":\"size >=\""), AL_EINVAL);
    TAP_CODE(plan(&w, &w.a, &w.a, "\"where\":\"true\",\"version\":1"), AL_EINVAL);
    TAP_CODE(plan(&w, &w.a, &w.a, "\"where\":\"true\",\"now\":\"yesterday\""), AL_EINVAL);
    TAP_CODE(plan(&w, &w.a, &w.a, "\"where\":\"true\",\"history_days\":4000"), AL_EINVAL);
    TAP_CODE(plan(&w, &w.a, &w.a, "\"where\":\"true\",\"compare\":7"), AL_EINVAL);
    TAP_CODE(plan(&w, &w.a, &w.a, "\"where\":\"true\",\"compare\":{\"wher\":\"true\"}"), AL_EINVAL);
    snprintf(ask, sizeof ask, "\"rule_id\":\"%s\"", w.b.rule);
    TAP_CODE(plan(&w, &w.a, &w.a, ask), AL_ENOENT); /* another's rule */
    snprintf(ask, sizeof ask, "\"where\":\"true\",\"compare\":{\"rule_id\":\"%s\"}", w.b.rule);
    TAP_CODE(plan(&w, &w.a, &w.a, ask), AL_ENOENT);
    snprintf(ask, sizeof ask, "\"rule_id\":\"%s\",\"version\":1", w.a.rule);
    TAP_OK(plan(&w, &w.a, &w.a, ask)); /* as it is */
    world_close(&w);
}

static void
test_two_texts_are_compared(void)
{
    struct world w;

    world_open(&w);
    drop_rule(&w, &w.a);
    imported(&w, &w.a, list_csv);
    TAP_OK(plan(&w, &w.a, &w.a,
                "\"where\":\"size >= 10MB\",\"compare\":{\"where\":\"size >= 15MB\"}"));
    TAP_EQUAL_U64(number(part(&w, "compare", "enter"), "files"), 2);
    TAP_EQUAL_U64(number(part(&w, "compare", "leave"), "files"), 0);
    TAP_OK(plan(&w, &w.a, &w.a,
                "\"where\":\"size >= 15MB\",\"compare\":{\"where\":\"size >= 10MB\"}"));
    TAP_EQUAL_U64(number(part(&w, "compare", "enter"), "files"), 0);
    TAP_EQUAL_U64(number(part(&w, "compare", "leave"), "files"), 2);
    world_close(&w);
}

static void
test_a_count_looks_at_the_text_alone(void)
{
    char body[256];
    struct world w;

    world_open(&w);
    imported(&w, &w.a, list_csv);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"where\":\"size >= 10MB\"}", w.a.volume);
    must(&w, &w.a.auditor, "POST", V1 "/plan/count", body);
    TAP_EQUAL_U64(harness_u64(&w.h, "files"), 3);
    TAP_CODE(harness_call(&w.h, &w.b.admin, "POST", V1 "/plan/count", body), AL_ENOENT);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"where\":\"size >=\"}", w.a.volume);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/plan/count", body), AL_EINVAL);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"where\":\"true\"}", w.b.volume);
    must(&w, &w.b.admin, "POST", V1 "/plan/count", body); /* nothing is known */
    TAP_EQUAL_U64(harness_u64(&w.h, "files"), 0);
    world_close(&w);
}

/* ---- exports ---- */

/* Whoever asks with a pattern that takes milliseconds a file is told, and is not waited for. */
static void
test_a_question_that_takes_too_long_is_given_up(void)
{
    static const char slow[] = "\"where\":\"name like /^(a+)+$/\"";
    struct world w;
    struct al_buf AL_CLEANUP(al_buf_free) list = {0};
    char body[256];

    world_open(&w);
    drop_rule(&w, &w.a);
    al_buf_init(&list, 4u << 20);
    TAP_OK(al_buf_adds(&list, "path,size\n"));
    for (int i = 0; i < 20000; i++) {
        TAP_OK(al_buf_addf(&list, "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%d,7\n", i));
    }
    imported(&w, &w.a, (const char *)list.at);
    w.h.s->work->ask_ns = SECOND / 5;
    TAP_CODE(plan(&w, &w.a, &w.a, slow), AL_ETIMEDOUT);
    TAP_CHECK(strstr(w.h.fail.text, "took too long") != NULL);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",%s}", w.a.volume, slow);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/plan/count", body), AL_ETIMEDOUT);
    TAP_OK(plan(&w, &w.a, &w.a, "\"where\":\"size > 3\""));
    TAP_EQUAL_U64(number(w.h.json, "files"), 20000);
    world_close(&w);
}

static void
test_a_list_is_for_whoever_made_it_and_for_an_hour(void)
{
    char body[512], where[128];
    struct al_fail fail = {0};
    struct world w;
    al_id id;

    world_open(&w);
    drop_rule(&w, &w.a);
    imported(&w, &w.a, list_csv);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"where\":\"ext = mov\"}", w.a.volume);
    TAP_CODE(harness_call(&w.h, &w.b.admin, "POST", V1 "/plan/exports", body), AL_ENOENT);
    must(&w, &w.a.auditor, "POST", V1 "/plan/exports", body);
    TAP_EQUAL_U64(w.h.reply.status, 201);
    TAP_EQUAL_U64(harness_u64(&w.h, "rows"), 2);
    harness_id(&w.h, id);
    snprintf(where, sizeof where, V1 "/exports/%s/content", id);
    must(&w, &w.a.auditor, "GET", where, NULL);
    TAP_CHECK(w.h.reply.file != NULL && w.h.reply.file_bytes > 0);
    TAP_EQUAL_STR(w.h.reply.content_type, "text/csv");
    TAP_CODE(harness_call(&w.h, &w.a.admin, "GET", where, NULL), AL_ENOENT);
    TAP_CODE(harness_call(&w.h, &w.b.admin, "GET", where, NULL), AL_ENOENT);
    TAP_CODE(harness_call(&w.h, &w.op, "GET", where, NULL), AL_ENOENT);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"where\":\"true\",\"folder\":\"/a\"}",
             w.a.volume);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/plan/exports", body), AL_EINVAL);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"format\":\"xlsx\"}", w.a.volume);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/plan/exports", body), AL_EINVAL);
    w.h.now_ns += 2 * 3600 * SECOND;
    TAP_CODE(harness_call(&w.h, &w.a.auditor, "GET", where, NULL), AL_ENOENT);
    harness_stop(&w.h); /* the row is there: the file stays until the keeper takes both */
    TAP_OK(harness_start(&w.h, &fail));
    world_close(&w);
}

static void
test_nobody_keeps_more_lists_than_some(void)
{
    char body[256];
    struct world w;

    world_open(&w);
    imported(&w, &w.a, list_csv);
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"where\":\"true\"}", w.a.volume);
    for (unsigned i = 0; i < 16; i++) {
        must(&w, &w.a.admin, "POST", V1 "/plan/exports", body);
    }
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/plan/exports", body), AL_ELIMIT);
    TAP_CHECK(w.h.reply.retry_after_s > 0);
    must(&w, &w.op, "POST", V1 "/plan/exports", body); /* somebody else may */
    world_close(&w);
}

/* ---- figures ---- */

static void
test_figures_of_several_volumes_become_one(void)
{
    struct inventory_bucket ages[2][2] = {{{0, 10, 1, 100, 0, 0}, {10, 20, 2, 200, 1, 50}},
                                          {{10, 20, 5, 500, 0, 0}, {20, INT64_MAX, 7, 700, 0, 0}}};
    struct inventory_group exts[2][2] = {{{.name = al_span_of("mov"), .files = 1, .bytes = 10},
                                          {.name = al_span_of(""), .files = 9, .bytes = 5}},
                                         {{.name = al_span_of("txt"), .files = 3, .bytes = 12},
                                          {.name = al_span_of("mov"), .files = 4, .bytes = 7}}};
    struct inventory_row hot[2][2] = {{{.name = al_span_of("a"), .accessed_ns = 30},
                                       {.name = al_span_of("b"), .accessed_ns = 10}},
                                      {{.name = al_span_of("c"), .accessed_ns = 20},
                                       {.name = al_span_of("d"), .accessed_ns = 5}}};
    struct inventory_row cold[2][2] = {
        {{.name = al_span_of("e"), .accessed_ns = 7},
         {.name = al_span_of("f"), .accessed_ns = RULE_TIME_UNKNOWN}},
        {{.name = al_span_of("g"), .accessed_ns = 6}, {.name = al_span_of("h"), .accessed_ns = 8}}};
    const char *ids[] = {"01jd8m3v5x9qk2w7r4t6y8b0ca", "01jd8m3v5x9qk2w7r4t6y8b0cb"};
    struct al_arena *arena = al_arena_new(1 << 20);
    struct figure_sum s;

    TAP_CHECK(arena != NULL);
    figure_sum_begin(&s, arena, 3);
    for (size_t i = 0; i < 2; i++) {
        struct inventory_figures f = {.totals = {.files = 10 + i, .bytes = 100},
                                      .age = ages[i],
                                      .age_count = 2,
                                      .exts = exts[i],
                                      .ext_count = 2,
                                      .hottest = hot[i],
                                      .hottest_count = 2,
                                      .coldest = cold[i],
                                      .coldest_count = 2};

        TAP_OK(figure_sum_add(&s, ids[i], &f));
    }
    figure_sum_end(&s);
    TAP_EQUAL_U64(s.all.totals.files, 21);
    TAP_EQUAL_U64(s.all.age_count, 3);
    TAP_EQUAL_U64(s.all.age[1].files, 7);
    TAP_EQUAL_U64(s.all.age[1].stub_files, 1);
    TAP_EQUAL_U64(s.all.ext_count, 3);
    TAP_EQUAL_U64(s.all.exts[0].bytes, 17); /* mov of both */
    TAP_EQUAL_U64(s.all.exts[0].files, 5);
    TAP_EQUAL_U64(s.all.hottest_count, 3);
    TAP_EQUAL_U64((uint64_t)s.all.hottest[1].accessed_ns, 20);
    TAP_EQUAL_STR(s.from.hottest[1], ids[1]);
    TAP_EQUAL_STR(s.from.hottest[2], ids[0]);
    TAP_EQUAL_U64((uint64_t)s.all.coldest[0].accessed_ns, 6);
    TAP_EQUAL_U64((uint64_t)s.all.coldest[2].accessed_ns, 8); /* before what is unknown */
    al_arena_free(arena);
}

static void
test_figures_tree_and_growth_are_the_own_customers(void)
{
    static const char *const tails[] = {"/figures", "/tree", "/growth", "/why"};
    char query[64];
    struct world w;

    world_open(&w);
    imported(&w, &w.a, list_csv);
    must(&w, &w.a.auditor, "GET", path("volumes", w.a.volume, "/figures"), NULL);
    TAP_EQUAL_U64(number(part(&w, "totals", NULL), "files"), 4);
    must(&w, &w.b.admin, "GET", path("volumes", w.b.volume, "/figures"), NULL); /* nothing yet */
    TAP_EQUAL_U64(number(part(&w, "totals", NULL), "files"), 0);
    must(&w, &w.b.admin, "GET", path("volumes", w.b.volume, "/tree"), NULL);
    must(&w, &w.b.admin, "GET", path("volumes", w.b.volume, "/growth"), NULL);
    TAP_EQUAL_U64(harness_items(&w.h), 0);
    must(&w, &w.a.admin, "GET", V1 "/figures/inventory", NULL); /* the own one */
    TAP_EQUAL_U64(number(part(&w, "totals", NULL), "files"), 4);
    must(&w, &w.b.admin, "GET", V1 "/figures/inventory", NULL);
    TAP_EQUAL_U64(harness_u64(&w.h, "volumes"), 0);
    snprintf(query, sizeof query, "customer_id=%s", w.a.customer);
    w.h.query = query;
    TAP_CODE(harness_call(&w.h, &w.b.admin, "GET", V1 "/figures/inventory", NULL), AL_ENOENT);
    TAP_CODE(harness_call(&w.h, &w.op, "GET", V1 "/figures/inventory", NULL), AL_EINVAL);
    for (size_t i = 0; i < AL_LEN(tails); i++) {
        TAP_CODE(harness_call(&w.h, &w.b.admin, "GET", path("volumes", w.a.volume, tails[i]), NULL),
                 AL_ENOENT);
    }
    world_close(&w);
}

/* ---- why ---- */

/* The words of why are those of plans: each kind of row is refused alike by both. */
static void
test_refusals_are_those_of_plans(void)
{
    struct inventory_row row = {
        .type = PORT_T_FILE, .state = RULE_S_RESIDENT, .nlink = 1, .size = 10, .allocated = 10};
    static const struct {
        enum port_type type;
        enum rule_state state;
        uint32_t nlink, attrs;
        uint64_t size, allocated;
        const char *reason;
    } cases[] = {
        {PORT_T_FILE, RULE_S_RESIDENT, 1, 0, 10, 4096, NULL},
        {PORT_T_SYMLINK, RULE_S_RESIDENT, 1, 0, 10, 4096, "not_a_file"},
        {PORT_T_FILE, RULE_S_STUB, 1, 0, 10, 0, "already_stub"},
        {PORT_T_FILE, RULE_S_PINNED, 1, 0, 10, 4096, "pinned"},
        {PORT_T_FILE, RULE_S_TIERING, 1, 0, 10, 4096, "open_elsewhere"},
        {PORT_T_FILE, RULE_S_RESIDENT, 2, 0, 10, 4096, "hard_linked"},
        {PORT_T_FILE, RULE_S_RESIDENT, 1, 0, 0, 0, "saves_no_blocks"},
        {PORT_T_FILE, RULE_S_RESIDENT, 1, 0, 8192, 4096, "sparse"},
        {PORT_T_FILE, RULE_S_RESIDENT, 1, RULE_A_COMPRESSED, 8192, 4096, NULL},
        {PORT_T_FILE, RULE_S_RESIDENT, 1, RULE_A_IMMUTABLE | RULE_A_APPEND, 10, 4096, "immutable"},
        {PORT_T_FILE, RULE_S_RESIDENT, 1, RULE_A_DAX, 10, 4096, "dax"},
    };

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        const char *reason;

        row.type = cases[i].type;
        row.state = cases[i].state;
        row.nlink = cases[i].nlink;
        row.attrs = cases[i].attrs;
        row.size = cases[i].size;
        row.allocated = cases[i].allocated;
        reason = why_refusal_of(&row, false);
        TAP_CHECK((reason == NULL) == (cases[i].reason == NULL));
        if (reason != NULL && cases[i].reason != NULL) {
            TAP_EQUAL_STR(reason, cases[i].reason);
            TAP_CHECK(strcmp(why_refusal_text(reason), reason) != 0); /* it has a sentence */
        }
    }
}

static void
file_event(struct world *w, const char *act, const char *path_of, const char *code,
           const char *detail, int64_t at_ns)
{
    struct store_event e = {
        .customer_id = w->a.customer,
        .at_ns = at_ns,
        .actor_type = "host",
        .actor_id = w->a.host,
        .actor_name = "fs1",
        .act = act,
        .subject_type = "file",
        .subject_id = w->a.volume,
        .subject = al_span_of(path_of),
        .code = code,
        .detail = al_span_of(detail),
    };

    TAP_OK(store_begin(w->h.w->db, NULL));
    TAP_OK(store_event_add(w->h.w->db, &e, NULL));
    TAP_OK(store_commit(w->h.w->db, NULL));
}

static void
test_why_tells_rules_in_order_and_the_story(void)
{
    const json_t *timeline, *rules;
    char body[512];
    struct world w;

    world_open(&w);
    imported(&w, &w.a, list_csv);
    snprintf(body, sizeof body,
             "{\"volume_id\":\"%s\",\"name\":\"second\",\"where\":\"size >= 10MB\"}", w.a.volume);
    must(&w, &w.a.admin, "POST", V1 "/rules", body);
    snprintf(body, sizeof body,
             "{\"volume_id\":\"%s\",\"name\":\"keep b\",\"where\":\"path matches \\\"/b/**\\\"\","
             "\"action\":\"exclude\"}",
             w.a.volume);
    must(&w, &w.a.admin, "POST", V1 "/rules", body);
    file_event(&w, "file.tier", "/a/one.mov", "ok",
               "{\"size\":12000000,\"freed\":12001280,\"rule_id\":\"r\",\"rule_version\":3}", 1000);
    file_event(&w, "file.recall", "/a/one.mov", "ok",
               "{\"pid\":12,\"uid\":1000,\"process\":\"vlc\",\"took_ns\":1500000000}", 2000);
    file_event(&w, "file.refuse", "/a/one.mov", "ok", "{\"reason\":\"hard_linked\"}", 3000);
    file_event(&w, "file.tier", "/a/two.mov", "ok", "{}", 1500); /* another file */
    w.h.query = "path=/a/one.mov";
    must(&w, &w.a.auditor, "GET", path("volumes", w.a.volume, "/why"), NULL);
    TAP_EQUAL_STR(text(part(&w, "decision", NULL), "action"), "tier");
    TAP_CHECK(strstr(text(part(&w, "decision", NULL), "text"), "\"") != NULL);
    rules = part(&w, "rules", NULL);
    TAP_EQUAL_U64(json_array_size(rules), 3);
    TAP_EQUAL_STR(text(json_array_get(rules, 0), "name"), "keep b"); /* exclusions first */
    TAP_CHECK(json_is_false(json_object_get(json_array_get(rules, 0), "matches")));
    timeline = part(&w, "timeline", NULL);
    TAP_CHECK(json_array_size(timeline) >= 4);
    TAP_EQUAL_STR(text(json_array_get(timeline, 0), "what"), "tier"); /* oldest first */
    TAP_EQUAL_STR(text(json_array_get(timeline, 0), "text"),
                  "Tiered: 12.0 MB went to the share, 12.0 MB became free on the host");
    TAP_EQUAL_U64(number(json_array_get(timeline, 0), "rule_version"), 3);
    TAP_EQUAL_STR(
        text(json_array_get(timeline, 1), "text"),
        "Opened by vlc (process 12, user 1000) and brought back from the share in 1.500 s");
    TAP_CHECK(strncmp(text(json_array_get(timeline, 2), "text"), "Not moved: it has several names",
                      31) == 0);
    w.h.query = "path=/b/three.txt";
    must(&w, &w.a.auditor, "GET", path("volumes", w.a.volume, "/why"), NULL);
    TAP_EQUAL_STR(text(part(&w, "decision", NULL), "action"), "exclude");
    TAP_CHECK(json_is_true(json_object_get(json_array_get(part(&w, "rules", NULL), 0), "decides")));
    TAP_CHECK(json_is_true(json_object_get(json_array_get(part(&w, "rules", NULL), 2), "matches")));
    w.h.query = "path=/b/four.txt";
    must(&w, &w.a.auditor, "GET", path("volumes", w.a.volume, "/why"), NULL);
    w.h.query = "path=/nothing";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "GET", path("volumes", w.a.volume, "/why"), NULL),
             AL_ENOENT);
    world_close(&w);
}

/* ---- without memory ---- */

/* One operation, with each of its allocations failing once: it says so, leaves nothing open
 * (harness_call looks), and works right after. */
static void
starve(struct world *w, const char *method, const char *where, const char *body, const char *query)
{
    char kept[256];
    unsigned tries = 0;

    snprintf(kept, sizeof kept, "%s", where);
    for (uint64_t n = 1;; n++) {
        int rc;

        w->h.fault = n;
        w->h.query = query;
        w->h.if_match = "*";
        rc = harness_call(&w->h, &w->a.admin, method, kept, body);
        if (w->h.fault_calls < n) { /* it has no n-th */
            TAP_OK(rc);
            break;
        }
        tries++;
    }
    TAP_CHECK(tries > 3);
}

static void
test_nothing_breaks_without_memory(void)
{
    char body[256];
    struct world w;

    world_open(&w);
    imported(&w, &w.a, list_csv);
    starve(&w, "POST", path("volumes", w.a.volume, "/imports"), "{\"name\":\"x\",\"size\":9}",
           NULL);
    starve(&w, "PUT", path("customers", w.a.customer, "/costs"),
           "{\"currency\":\"EUR\",\"recall_gb\":\"0.02\"}", NULL);
    snprintf(body, sizeof body,
             "{\"volume_id\":\"%s\",\"where\":\"size >= 1MB\",\"compare\":{\"where\":\"true\"}}",
             w.a.volume);
    starve(&w, "POST", V1 "/plan", body, NULL);
    starve(&w, "GET", path("volumes", w.a.volume, "/why"), NULL, "path=/a/one.mov");
    starve(&w, "GET", path("volumes", w.a.volume, "/figures"), NULL, NULL);
    starve(&w, "GET", V1 "/figures/inventory", NULL, NULL);
    starve(&w, "GET", path("volumes", w.a.volume, "/tree"), NULL, NULL);
    starve(&w, "GET", V1 "/imports", NULL, NULL);
    world_close(&w);
}

int
main(void)
{
    TAP_RUN(test_money_is_exact);
    TAP_RUN(test_costs_belong_to_a_customer_and_have_versions);
    TAP_RUN(test_a_plan_says_what_would_be_moved_and_what_it_saves);
    TAP_RUN(test_rules_before_it_decide_first_and_exclusions_before_all);
    TAP_RUN(test_what_cannot_be_planned_is_told);
    TAP_RUN(test_two_texts_are_compared);
    TAP_RUN(test_a_count_looks_at_the_text_alone);
    TAP_RUN(test_a_question_that_takes_too_long_is_given_up);
    TAP_RUN(test_a_list_is_for_whoever_made_it_and_for_an_hour);
    TAP_RUN(test_nobody_keeps_more_lists_than_some);
    TAP_RUN(test_figures_of_several_volumes_become_one);
    TAP_RUN(test_figures_tree_and_growth_are_the_own_customers);
    TAP_RUN(test_refusals_are_those_of_plans);
    TAP_RUN(test_why_tells_rules_in_order_and_the_story);
    TAP_RUN(test_nothing_breaks_without_memory);
    return tap_end();
}
