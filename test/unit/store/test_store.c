#include "fixture.h"

#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"

/* ---- opening and migrations ---- */

static void
test_an_empty_folder_becomes_a_store_and_reopening_changes_nothing(void)
{
    struct fixture f;
    al_id id;

    fixture_open(&f);
    make_customer(&f, "Acme", id);
    for (int i = 0; i < 3; i++) {
        struct store_customer c;

        fixture_close_store(&f);
        fixture_open_store(&f);
        TAP_OK(store_customer_get(f.s, &f.all, id, f.arena, &c, NULL));
        TAP_EQUAL_STR(c.name, "Acme");
    }
    fixture_close(&f);
}

static int
open_again(struct fixture *f, struct al_fail *fail)
{
    struct store_conf conf = {NULL, f->dir, port_native(), NULL};
    int rc;

    fixture_close_store(f);
    rc = store_db_open(&conf, &f->db, fail);
    return rc == AL_OK ? store_open(f->db, &f->s, fail) : rc;
}

static void
test_a_database_of_a_newer_or_another_program_is_refused(void)
{
    struct al_fail fail = {0};
    struct fixture f;

    fixture_open(&f);
    fixture_sql(&f, "INSERT INTO schema_migration VALUES(9000, 'later', x'00', 1)");
    TAP_CODE(open_again(&f, &fail), AL_ECORRUPT);
    TAP_CHECK(strstr(fail.text, "newer") != NULL);
    fixture_sql(&f, "DELETE FROM schema_migration WHERE number=9000;"
                    "UPDATE schema_migration SET sha256=x'00' WHERE number=1");
    fail = (struct al_fail){0};
    TAP_CODE(open_again(&f, &fail), AL_ECORRUPT);
    fixture_close(&f);
}

static void
test_a_file_that_is_no_database_is_refused(void)
{
    struct al_fail fail = {0};
    struct fixture f;
    char path[128];
    FILE *file;

    fixture_open(&f);
    fixture_close_store(&f);
    snprintf(path, sizeof path, "%s/alto.db", f.dir);
    file = fopen(path, "w");
    TAP_CHECK(file != NULL);
    for (int i = 0; i < 1000; i++) {
        fputs("this is not a database", file);
    }
    fclose(file);
    TAP_CODE(open_again(&f, &fail), AL_ECORRUPT);
    fixture_close(&f);
}

static void
test_urls_name_a_file_or_are_refused(void)
{
    static const char *const bad[] = {"postgres://x/y", "sqlite://", "sqlite:///", "sqlite:x",
                                      "/x"};
    struct fixture f;
    struct store_conf conf;
    struct store_db *db = NULL;
    char url[128], path[128];

    fixture_open(&f);
    conf = (struct store_conf){NULL, f.dir, port_native(), NULL};
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        conf.url = bad[i];
        TAP_CODE(store_db_open(&conf, &db, NULL), AL_ENOTSUP);
    }
    snprintf(url, sizeof url, "sqlite://%s/other.db", f.dir);
    conf.url = url;
    TAP_OK(store_db_open(&conf, &db, NULL));
    snprintf(path, sizeof path, "%s/other.db", f.dir);
    TAP_CHECK(access(path, R_OK) == 0);
    db = store_db_close(db);
    fixture_close(&f);
}

static void
test_the_database_is_readable_by_its_owner_alone(void)
{
    struct port_stat st;
    struct fixture f;
    char path[128];

    fixture_open(&f);
    snprintf(path, sizeof path, "%s/alto.db", f.dir);
    TAP_OK(port_stat_at(port_native(), NULL, path, &st));
    TAP_EQUAL_U64(st.mode & 077, 0);
    fixture_close(&f);
}

/* ---- transactions ---- */

static void
test_changes_need_a_transaction_and_a_rollback_leaves_nothing(void)
{
    struct store_customer c = {.name = "Acme", .created_ns = 1}, got;
    struct fixture f;

    fixture_open(&f);
    make_id(&f, c.id);
    TAP_CODE(store_customer_add(f.s, &f.all, &c, NULL), AL_EINTERNAL);
    TAP_CODE(store_commit(f.s, NULL), AL_EINTERNAL);
    TAP_OK(store_begin(f.s, NULL));
    TAP_CODE(store_begin(f.s, NULL), AL_EINTERNAL);
    TAP_OK(store_customer_add(f.s, &f.all, &c, NULL));
    store_rollback(f.s);
    TAP_CODE(store_customer_get(f.s, &f.all, c.id, f.arena, &got, NULL), AL_ENOENT);
    fixture_close(&f);
}

/* ---- names, dependants ---- */

static void
test_a_taken_name_is_a_conflict_that_says_so(void)
{
    struct store_customer c = {.name = "ACME", .created_ns = 1};
    struct al_fail fail = {0};
    struct fixture f;
    al_id id;

    fixture_open(&f);
    make_customer(&f, "Acme", id);
    make_id(&f, c.id);
    TAP_OK(store_begin(f.s, NULL));
    TAP_CODE(store_customer_add(f.s, &f.all, &c, &fail), AL_ECONFLICT);
    TAP_EQUAL_STR(fail.text, "another customer has the same name");
    store_rollback(f.s);
    fixture_close(&f);
}

static void
test_what_others_need_is_not_deleted(void)
{
    al_id customer, host, share, volume, rule, user;
    struct al_fail fail = {0};
    struct fixture f;

    fixture_open(&f);
    make_customer(&f, "Acme", customer);
    make_host(&f, customer, "fs1", host);
    make_share(&f, customer, "cold", share);
    make_volume(&f, customer, host, share, "/data", volume);
    make_rule(&f, customer, volume, "old", "tier", 0, rule);
    make_user(&f, customer, "anna", ROLE_ADMIN, user);
    TAP_OK(store_begin(f.s, NULL));
    TAP_CODE(store_customer_del(f.s, &f.all, customer, &fail), AL_ECONFLICT);
    TAP_EQUAL_STR(fail.text, "this customer still has 1 host, 1 volume, 1 share, 1 user");
    TAP_CODE(store_host_del(f.s, &f.all, host, NULL), AL_ECONFLICT);
    TAP_CODE(store_share_del(f.s, &f.all, share, NULL), AL_ECONFLICT);
    TAP_CODE(store_volume_del(f.s, &f.all, volume, NULL), AL_ECONFLICT);
    TAP_OK(store_rule_del(f.s, &f.all, rule, "anna", 7, NULL));
    TAP_OK(store_volume_figures(f.s, &f.all, &(struct store_volume){.id = "", .stub_files = 1},
                                NULL) == AL_ENOENT
               ? AL_OK
               : AL_EINTERNAL);
    {
        struct store_volume v;

        TAP_OK(store_volume_get(f.s, &f.all, volume, f.arena, &v, NULL));
        v.stub_files = 3;
        TAP_OK(store_volume_figures(f.s, &f.all, &v, NULL));
        fail = (struct al_fail){0};
        TAP_CODE(store_volume_del(f.s, &f.all, volume, &fail), AL_ECONFLICT);
        TAP_EQUAL_STR(fail.text,
                      "this volume still has 3 stubs, which nothing could recall any more");
        v.stub_files = 0;
        TAP_OK(store_volume_figures(f.s, &f.all, &v, NULL));
    }
    TAP_OK(store_volume_del(f.s, &f.all, volume, NULL));
    TAP_OK(store_share_del(f.s, &f.all, share, NULL));
    TAP_OK(store_host_del(f.s, &f.all, host, NULL));
    TAP_OK(store_user_del(f.s, &f.all, user, NULL));
    TAP_OK(store_customer_del(f.s, &f.all, customer, NULL));
    TAP_OK(store_commit(f.s, NULL));
    fixture_close(&f);
}

static void
test_the_last_operator_stays(void)
{
    struct store_user u;
    struct fixture f;
    al_id one, two;

    fixture_open(&f);
    make_user(&f, NULL, "one", ROLE_OPERATOR, one);
    TAP_OK(store_begin(f.s, NULL));
    TAP_CODE(store_user_del(f.s, &f.all, one, NULL), AL_ECONFLICT);
    TAP_OK(store_user_get(f.s, &f.all, one, f.arena, &u, NULL));
    u.disabled = true;
    TAP_CODE(store_user_set(f.s, &f.all, &u, NULL), AL_ECONFLICT);
    store_rollback(f.s);
    make_user(&f, NULL, "two", ROLE_OPERATOR, two);
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_user_set(f.s, &f.all, &u, NULL));
    TAP_CODE(store_user_del(f.s, &f.all, two, NULL),
             AL_ECONFLICT); /* the other one cannot log in */
    TAP_OK(store_commit(f.s, NULL));
    fixture_close(&f);
}

/* ---- scope ---- */

static void
test_every_noun_is_invisible_from_another_customer_and_from_an_empty_scope(void)
{
    al_id acme, other, host, share, volume, rule, user;
    struct fixture f;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_customer(&f, "Other", other);
    make_host(&f, acme, "fs1", host);
    make_share(&f, acme, "cold", share);
    make_volume(&f, acme, host, share, "/data", volume);
    make_rule(&f, acme, volume, "old", "tier", 0, rule);
    make_user(&f, acme, "anna", ROLE_ADMIN, user);
    for (int i = 0; i < 3; i++) {
        struct scope scope = i == 0   ? scope_customer(acme)
                             : i == 1 ? scope_customer(other)
                                      : scope_customer("");
        int want = i == 0 ? AL_OK : AL_ENOENT;
        struct store_customer c;
        struct store_host h;
        struct store_share sh;
        struct store_volume v;
        struct store_rule r;
        struct store_user u;

        TAP_CODE(store_customer_get(f.s, &scope, acme, f.arena, &c, NULL), want);
        TAP_CODE(store_host_get(f.s, &scope, host, f.arena, &h, NULL), want);
        TAP_CODE(store_share_get(f.s, &scope, share, f.arena, &sh, NULL), want);
        TAP_CODE(store_volume_get(f.s, &scope, volume, f.arena, &v, NULL), want);
        TAP_CODE(store_rule_get(f.s, &scope, rule, f.arena, &r, NULL), want);
        TAP_CODE(store_user_get(f.s, &scope, user, f.arena, &u, NULL), want);
        if (i == 0) {
            continue;
        }
        /* the structs are those of the first round */
        TAP_OK(store_customer_get(f.s, &f.all, acme, f.arena, &c, NULL));
        TAP_OK(store_host_get(f.s, &f.all, host, f.arena, &h, NULL));
        TAP_OK(store_share_get(f.s, &f.all, share, f.arena, &sh, NULL));
        TAP_OK(store_volume_get(f.s, &f.all, volume, f.arena, &v, NULL));
        TAP_OK(store_rule_get(f.s, &f.all, rule, f.arena, &r, NULL));
        TAP_OK(store_user_get(f.s, &f.all, user, f.arena, &u, NULL));
        TAP_OK(store_begin(f.s, NULL));
        TAP_CODE(store_customer_set(f.s, &scope, &c, NULL), AL_ENOENT);
        TAP_CODE(store_host_set(f.s, &scope, &h, NULL), AL_ENOENT);
        TAP_CODE(store_share_set(f.s, &scope, &sh, NULL), AL_ENOENT);
        TAP_CODE(store_share_state(f.s, &scope, &sh, NULL), AL_ENOENT);
        TAP_CODE(store_volume_set(f.s, &scope, &v, NULL), AL_ENOENT);
        TAP_CODE(store_volume_state(f.s, &scope, volume, "ok", "", NULL), AL_ENOENT);
        TAP_CODE(store_volume_figures(f.s, &scope, &v, NULL), AL_ENOENT);
        TAP_CODE(store_rule_set(f.s, &scope, &r, NULL), AL_ENOENT);
        TAP_CODE(store_user_set(f.s, &scope, &u, NULL), AL_ENOENT);
        TAP_CODE(store_customer_del(f.s, &scope, acme, NULL), AL_ENOENT);
        TAP_CODE(store_rule_del(f.s, &scope, rule, "anna", 7, NULL), AL_ENOENT);
        TAP_CODE(store_volume_del(f.s, &scope, volume, NULL), AL_ENOENT);
        TAP_CODE(store_share_del(f.s, &scope, share, NULL), AL_ENOENT);
        TAP_CODE(store_host_del(f.s, &scope, host, NULL), AL_ENOENT);
        TAP_CODE(store_user_del(f.s, &scope, user, NULL), AL_ENOENT);
        h.id[0] = sh.id[0] = v.id[0] = r.id[0] = u.id[0] = 'x';
        TAP_CODE(store_host_add(f.s, &scope, &h, NULL), AL_ENOENT);
        TAP_CODE(store_share_add(f.s, &scope, &sh, NULL), AL_ENOENT);
        TAP_CODE(store_volume_add(f.s, &scope, &v, NULL), AL_ENOENT);
        TAP_CODE(store_rule_add(f.s, &scope, &r, NULL), AL_ENOENT);
        TAP_CODE(store_user_add(f.s, &scope, &u, NULL), AL_ENOENT);
        TAP_CODE(store_customer_add(f.s, &scope, &c, NULL), AL_EPERM);
        store_rollback(f.s);
    }
    fixture_close(&f);
}

static size_t
list_count(struct fixture *f, const struct scope *scope, const struct store_noun *n)
{
    struct al_buf out = {.max = 1 << 20};
    struct store_page page = {.count = true};
    uint64_t total;
    json_t *j = NULL;
    size_t count;

    TAP_OK(store_list(f->s, scope, n, NULL, 0, &page, &out, NULL));
    TAP_OK(al_json_parse(al_buf_span(&out), &j, NULL));
    count = json_array_size(json_object_get(j, "items"));
    TAP_OK(al_json_u64(j, "total", &total, NULL));
    TAP_EQUAL_U64(total, count);
    al_json_freep(&j);
    al_buf_free(&out);
    return count;
}

static void
test_lists_show_the_scope_alone(void)
{
    al_id acme, other, host, share, volume, id;
    struct scope own, foreign, empty = scope_customer("");
    struct fixture f;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_customer(&f, "Other", other);
    make_host(&f, acme, "fs1", host);
    make_share(&f, acme, "cold", share);
    make_volume(&f, acme, host, share, "/data", volume);
    make_rule(&f, acme, volume, "old", "tier", 0, id);
    make_user(&f, acme, "anna", ROLE_ADMIN, id);
    make_user(&f, NULL, "op", ROLE_OPERATOR, id);
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_event_add(f.s, &(struct store_event){.customer_id = acme, .at_ns = 1, .act = "x"},
                           NULL));
    TAP_OK(store_event_add(f.s, &(struct store_event){.at_ns = 1, .act = "x"}, NULL));
    TAP_OK(store_commit(f.s, NULL));
    own = scope_customer(acme);
    foreign = scope_customer(other);
    TAP_EQUAL_U64(list_count(&f, &f.all, &store_customers), 2);
    TAP_EQUAL_U64(list_count(&f, &own, &store_customers), 1);
    TAP_EQUAL_U64(list_count(&f, &foreign, &store_customers), 1);
    TAP_EQUAL_U64(list_count(&f, &f.all, &store_users), 2);
    TAP_EQUAL_U64(list_count(&f, &f.all, &store_events), 2);
    {
        const struct store_noun *const nouns[] = {&store_users,   &store_hosts, &store_shares,
                                                  &store_volumes, &store_rules, &store_events};

        for (size_t i = 0; i < AL_LEN(nouns); i++) {
            TAP_EQUAL_U64(list_count(&f, &own, nouns[i]), 1);
            TAP_EQUAL_U64(list_count(&f, &foreign, nouns[i]), 0);
            TAP_EQUAL_U64(list_count(&f, &empty, nouns[i]), 0);
        }
    }
    fixture_close(&f);
}

/* ---- pages ---- */

static void
test_pages_bring_every_row_once_also_while_rows_come(void)
{
    struct store_filter filter = {"q", "cUST"};
    char cursor[1024] = "";
    struct fixture f;
    al_id id;
    size_t seen = 0;
    unsigned pages = 0;

    fixture_open(&f);
    for (int i = 0; i < 25; i++) {
        char name[32];

        snprintf(name, sizeof name, "customer %02d", i);
        make_customer(&f, name, id);
    }
    make_customer(&f, "someone", id);
    do {
        struct store_page page = {.limit = 10, .cursor = cursor[0] != '\0' ? cursor : NULL};
        struct al_buf out = {.max = 1 << 20};
        const char *next = NULL;
        json_t *j = NULL;

        TAP_OK(store_list(f.s, &f.all, &store_customers, &filter, 1, &page, &out, NULL));
        TAP_OK(al_json_parse(al_buf_span(&out), &j, NULL));
        seen += json_array_size(json_object_get(j, "items"));
        pages++;
        TAP_CHECK(json_object_get(j, "total") == NULL);
        next = json_string_value(json_object_get(j, "next_cursor"));
        snprintf(cursor, sizeof cursor, "%s", next != NULL ? next : "");
        al_json_freep(&j);
        al_buf_free(&out);
        if (pages == 1) {
            make_customer(&f, "cust: the newest sorts last", id);
        }
    } while (cursor[0] != '\0');
    TAP_EQUAL_U64(seen, 26);
    TAP_EQUAL_U64(pages, 3);
    fixture_close(&f);
}

static void
test_a_page_that_is_exactly_full_says_whether_more_follows(void)
{
    struct al_buf out = {.max = 1 << 20};
    struct fixture f;
    al_id id;

    fixture_open(&f);
    make_customer(&f, "a", id);
    make_customer(&f, "b", id);
    TAP_OK(store_list(f.s, &f.all, &store_customers, NULL, 0, &(struct store_page){.limit = 2},
                      &out, NULL));
    TAP_CHECK(strstr((char *)out.at, "\"next_cursor\":null") != NULL);
    al_buf_clear(&out);
    TAP_OK(store_list(f.s, &f.all, &store_customers, NULL, 0, &(struct store_page){.limit = 1},
                      &out, NULL));
    TAP_CHECK(strstr((char *)out.at, "\"next_cursor\":\"") != NULL);
    al_buf_free(&out);
    fixture_close(&f);
}

static void
test_cursors_and_filters_that_are_none_are_refused(void)
{
    static const char *const cursors[] = {"!", "a", "====", "\"; DROP TABLE event; --"};
    struct al_buf out = {.max = 1 << 20};
    char longer[2048];
    struct fixture f;

    fixture_open(&f);
    memset(longer, 'A', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (size_t i = 0; i < AL_LEN(cursors); i++) {
        struct store_page page = {.cursor = cursors[i]};

        TAP_CODE(store_list(f.s, &f.all, &store_events, NULL, 0, &page, &out, NULL), AL_EINVAL);
    }
    TAP_CODE(store_list(f.s, &f.all, &store_events, NULL, 0, &(struct store_page){.cursor = longer},
                        &out, NULL),
             AL_EINVAL);
    TAP_CODE(store_list(f.s, &f.all, &store_events, &(struct store_filter){"password", "x"}, 1,
                        &(struct store_page){.limit = 1}, &out, NULL),
             AL_EINVAL);
    TAP_CODE(store_list(f.s, &f.all, &store_events, &(struct store_filter){"from", "yesterday"}, 1,
                        &(struct store_page){.limit = 1}, &out, NULL),
             AL_EINVAL);
    al_buf_free(&out);
    fixture_close(&f);
}

struct order {
    char names[64];
};

static int
add_name(void *ctx, const struct store_rule *r)
{
    struct order *o = ctx;

    strcat(o->names, r->name);
    return AL_OK;
}

static void
test_rules_come_in_the_order_in_which_they_decide(void)
{
    al_id customer, host, volume, id;
    struct order o = {""};
    struct fixture f;

    fixture_open(&f);
    make_customer(&f, "Acme", customer);
    make_host(&f, customer, "fs1", host);
    make_volume(&f, customer, host, NULL, "/data", volume);
    make_rule(&f, customer, volume, "c", "tier", 20, id);
    make_rule(&f, customer, volume, "b", "pin", 3, id);
    make_rule(&f, customer, volume, "a", "exclude", 100, id);
    make_rule(&f, customer, volume, "d", "tier", 0, id); /* behind the last: 101 */
    TAP_OK(store_rule_each(f.s, &f.all, volume, f.arena, add_name, &o, NULL));
    TAP_EQUAL_STR(o.names, "abcd");
    fixture_close(&f);
}

/* ---- secrets, tokens, states ---- */

static void
test_an_enrolment_token_works_once_and_only_in_its_time(void)
{
    struct store_token t = {.name = "fs9", .created_by = "x", .created_ns = 10, .expires_ns = 20},
                       got;
    struct fixture f;
    al_id customer;

    fixture_open(&f);
    make_customer(&f, "Acme", customer);
    make_id(&f, t.id);
    memcpy(t.customer_id, customer, sizeof t.customer_id);
    memset(t.hash, 7, sizeof t.hash);
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_token_add(f.s, &f.all, &t, NULL));
    TAP_CODE(store_token_take(f.s, t.hash, 20, f.arena, &got, NULL), AL_EAUTH);
    TAP_OK(store_token_take(f.s, t.hash, 19, f.arena, &got, NULL));
    TAP_EQUAL_STR(got.customer_id, customer);
    TAP_EQUAL_STR(got.name, "fs9");
    TAP_CODE(store_token_take(f.s, t.hash, 19, f.arena, &got, NULL), AL_EAUTH);
    TAP_OK(store_commit(f.s, NULL));
    fixture_close(&f);
}

static void
test_states_and_kinds_that_are_none_are_refused(void)
{
    struct store_share h = {.name = "cold", .url = "file:///x"};
    al_id customer, host, share, volume;
    struct fixture f;

    fixture_open(&f);
    make_customer(&f, "Acme", customer);
    make_host(&f, customer, "fs1", host);
    make_share(&f, customer, "cold", share);
    make_volume(&f, customer, host, share, "/data", volume);
    memcpy(h.id, share, sizeof h.id);
    TAP_OK(store_begin(f.s, NULL));
    h.state = "splendid";
    TAP_CODE(store_share_state(f.s, &f.all, &h, NULL), AL_EINVAL);
    h.state = "full";
    TAP_OK(store_share_state(f.s, &f.all, &h, NULL));
    TAP_CODE(store_volume_state(f.s, &f.all, volume, "splendid", "", NULL), AL_EINVAL);
    TAP_OK(store_volume_state(f.s, &f.all, volume, "unmarked", "mounted without a mark", NULL));
    TAP_OK(store_commit(f.s, NULL));
    fixture_close(&f);
}

static void
test_what_is_over_is_pruned_and_nothing_else(void)
{
    const int64_t day = INT64_C(86400) * 1000000000, now = 1000 * day;
    struct store_answer n = {.caller_id = "c",
                             .key = "k",
                             .body_sealed = al_span_of("b"),
                             .at_ns = now - day / 2},
                        got;
    struct store_session t = {.created_ns = 1, .expires_ns = now - 1}, found;
    struct store_user u;
    char name[STORE_NAME_BYTES_MAX + 1];
    uint32_t count;
    struct fixture f;
    al_id user;

    fixture_open(&f);
    make_user(&f, NULL, "op", ROLE_OPERATOR, user);
    make_id(&f, t.id);
    memcpy(t.user_id, user, sizeof t.user_id);
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_session_add(f.s, &f.all, &t, NULL));
    TAP_OK(store_answer_add(f.s, &n, NULL));
    TAP_OK(store_login_failed(f.s, "key", now - 2 * day, 0, &count, NULL));
    TAP_OK(store_login_failed(f.s, "key", now, 0, &count, NULL));
    TAP_EQUAL_U64(count, 2);
    TAP_OK(store_prune(f.s, now, NULL));
    TAP_OK(store_commit(f.s, NULL));
    TAP_CODE(store_session_find(f.s, t.token_hash, &found, &u, name, NULL), AL_ENOENT);
    TAP_OK(store_answer_find(f.s, "c", "k", f.arena, &got, NULL));
    {
        int64_t last;

        TAP_OK(store_login_failures(f.s, "key", 0, &count, &last, NULL));
        TAP_EQUAL_U64(count, 1);
    }
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_prune(f.s, now + day, NULL));
    TAP_OK(store_commit(f.s, NULL));
    TAP_CODE(store_answer_find(f.s, "c", "k", f.arena, &got, NULL), AL_ENOENT);
    fixture_close(&f);
}

/* ---- every allocation fails once: ours and SQLite's ---- */

static void *
sq_malloc(int n)
{
    return al_fault_hit(AL_FAULT_MEM) ? NULL : malloc((size_t)n + 8);
}

static void
sq_free(void *p)
{
    free(p);
}

#include <malloc.h>

static int
sq_size(void *p)
{
    return p == NULL ? 0 : (int)malloc_usable_size(p);
}

static void *
sq_realloc(void *p, int n)
{
    return al_fault_hit(AL_FAULT_MEM) ? NULL : realloc(p, (size_t)n + 8);
}

static int
sq_roundup(int n)
{
    return (n + 7) & ~7;
}

static int
sq_init(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void
sq_shutdown(void *ctx)
{
    (void)ctx;
}

/* One customer and its event, or nothing. */
static int
write_one(struct store *s, const struct scope *scope, const char *name, struct al_fail *fail)
{
    struct store_customer c = {.name = name, .created_ns = 1};
    struct store_event e = {
        .customer_id = c.id, .at_ns = 1, .act = "customer.create", .subject = al_span_of(name)};
    int rc = store_id_make(s, 1, c.id);

    if (rc == AL_OK) {
        rc = store_begin(s, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    rc = store_customer_add(s, scope, &c, fail);
    if (rc == AL_OK) {
        rc = store_event_add(s, &e, fail);
    }
    if (rc != AL_OK) {
        store_rollback(s);
        return rc;
    }
    return store_commit(s, fail);
}

static void
test_no_memory_while_opening_is_told_and_leaves_a_store_that_opens(void)
{
    struct fixture f;
    struct store_conf conf;
    unsigned refused = 0;

    fixture_open(&f);
    fixture_close_store(&f);
    conf = (struct store_conf){NULL, f.dir, port_native(), NULL};
    for (uint64_t nth = 1; nth < 100000; nth += 1 + nth / 40) {
        struct store_db *db = NULL;
        struct store *s = NULL;
        int rc;

        al_fault_arm(AL_FAULT_MEM, nth, false);
        rc = store_db_open(&conf, &db, NULL);
        if (rc == AL_OK) {
            rc = store_open(db, &s, NULL);
        }
        if (al_fault_disarm() < nth) {
            TAP_OK(rc);
            s = store_close(s);
            db = store_db_close(db);
            break;
        }
        TAP_CHECK(rc == AL_OK || rc == AL_ENOMEM); /* SQLite lives without some of its caches */
        refused += rc == AL_ENOMEM;
        s = store_close(s);
        db = store_db_close(db);
    }
    TAP_CHECK(refused > 20);
    fixture_open_store(&f);
    fixture_close(&f);
}

static void
test_no_memory_in_a_write_leaves_all_of_it_or_nothing(void)
{
    struct store_verify v;
    struct fixture f;
    unsigned refused = 0, done = 0;
    char name[32];

    fixture_open(&f);
    for (uint64_t nth = 1; nth < 100000; nth++) {
        uint64_t calls, customers, events;
        struct al_fail fail = {0};
        int rc;

        snprintf(name, sizeof name, "customer %u", (unsigned)nth);
        al_fault_arm(AL_FAULT_MEM, nth, (nth & 1) != 0);
        rc = write_one(f.s, &f.all, name, &fail);
        calls = al_fault_disarm();
        TAP_CHECK(!store_in_tx(f.s));
        if (rc != AL_OK && rc != AL_ENOMEM) {
            tap_fail(__FILE__, __LINE__, "allocation %u: %s: %s", (unsigned)nth, al_code_name(rc),
                     fail.text);
        }
        done += rc == AL_OK;
        refused += rc == AL_ENOMEM;
        customers = list_count(&f, &f.all, &store_customers);
        events = list_count(&f, &f.all, &store_events);
        TAP_EQUAL_U64(customers, done);
        TAP_EQUAL_U64(events, done);
        if (calls < nth) {
            break;
        }
        if (done >= 40) {
            break; /* SQLite finds what it needs in its caches */
        }
        /* A connection that has everything cached allocates little: start afresh now and then. */
        if (rc == AL_OK) {
            f.s = store_close(f.s);
            TAP_OK(store_open(f.db, &f.s, NULL));
        }
    }
    TAP_CHECK(refused > 20);
    TAP_OK(store_event_verify(f.s, &f.all, "", &v, NULL));
    TAP_CHECK(v.ok);
    fixture_close(&f);
}

int
main(void)
{
    static const sqlite3_mem_methods memory = {sq_malloc,  sq_free, sq_realloc,  sq_size,
                                               sq_roundup, sq_init, sq_shutdown, NULL};

    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK) {
        return 1;
    }
    TAP_RUN(test_an_empty_folder_becomes_a_store_and_reopening_changes_nothing);
    TAP_RUN(test_a_database_of_a_newer_or_another_program_is_refused);
    TAP_RUN(test_a_file_that_is_no_database_is_refused);
    TAP_RUN(test_urls_name_a_file_or_are_refused);
    TAP_RUN(test_the_database_is_readable_by_its_owner_alone);
    TAP_RUN(test_changes_need_a_transaction_and_a_rollback_leaves_nothing);
    TAP_RUN(test_a_taken_name_is_a_conflict_that_says_so);
    TAP_RUN(test_what_others_need_is_not_deleted);
    TAP_RUN(test_the_last_operator_stays);
    TAP_RUN(test_every_noun_is_invisible_from_another_customer_and_from_an_empty_scope);
    TAP_RUN(test_lists_show_the_scope_alone);
    TAP_RUN(test_pages_bring_every_row_once_also_while_rows_come);
    TAP_RUN(test_a_page_that_is_exactly_full_says_whether_more_follows);
    TAP_RUN(test_cursors_and_filters_that_are_none_are_refused);
    TAP_RUN(test_rules_come_in_the_order_in_which_they_decide);
    TAP_RUN(test_an_enrolment_token_works_once_and_only_in_its_time);
    TAP_RUN(test_states_and_kinds_that_are_none_are_refused);
    TAP_RUN(test_what_is_over_is_pruned_and_nothing_else);
    TAP_RUN(test_no_memory_while_opening_is_told_and_leaves_a_store_that_opens);
    TAP_RUN(test_no_memory_in_a_write_leaves_all_of_it_or_nothing);
    return tap_end();
}
