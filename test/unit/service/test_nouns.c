#include "world.h"

/* ---- scope ---- */

struct route_case {
    const char *method, *noun, *more, *body;
};

static void
test_another_customers_ids_are_404_through_every_route_that_takes_one(void)
{
    size_t count, tried = 0;
    const struct service_route *routes = service_routes(&count);
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < count; i++) {
        const struct service_route *r = &routes[i];
        const char *brace = strchr(r->path, '{'), *id, *body = NULL;
        const struct caller *who = (r->roles & ROLE_ADMIN) != 0 ? &w.a.admin : NULL;
        char where[256], text[512];
        int rc;

        if (brace == NULL || who == NULL) {
            continue;
        }
        id = strstr(r->path, "/customers/") != NULL ? w.b.customer
             : strstr(r->path, "/users/") != NULL   ? w.b.auditor_id
             : strstr(r->path, "/hosts/") != NULL   ? w.b.host
             : strstr(r->path, "/shares/") != NULL  ? w.b.share
             : strstr(r->path, "/volumes/") != NULL ? w.b.volume
             : strstr(r->path, "/rules/") != NULL
                 ? w.b.rule
                 : w.b.volume; /* jobs: an id that is there, but no job */
        snprintf(where, sizeof where, "%.*s%s%s", (int)(brace - r->path), r->path, id,
                 strchr(brace, '}') + 1);
        if (r->body_max > 0) {
            body = strstr(r->op, "password") != NULL      ? "{\"password\":\"another horse\"}"
                   : strstr(r->op, "file_tier") != NULL   ? "{\"paths\":[\"/x\"]}"
                   : strstr(r->op, "file_recall") != NULL ? "{\"paths\":[\"/x\"]}"
                   : strcmp(r->method, "PATCH") == 0      ? "{\"name\":\"mine\"}"
                                                          : "{}";
        }
        w.h.if_match = "*";
        w.h.query = "path=/";
        snprintf(text, sizeof text, "%s", body != NULL ? body : "");
        rc = harness_call(&w.h, who, r->method, where, body);
        if (rc != AL_ENOENT) {
            tap_fail(__FILE__, __LINE__, "%s %s gave %s: %s", r->method, where, al_code_name(rc),
                     w.h.fail.text);
        }
        tried++;
    }
    TAP_CHECK(tried >= 25);
    world_close(&w);
}

static void
test_bodies_cannot_name_another_customers_things(void)
{
    struct world w;
    char body[512];

    world_open(&w);
    snprintf(body, sizeof body, "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"file:///x\"}",
             w.b.customer);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/shares", body), AL_ENOENT);
    snprintf(body, sizeof body, "{\"host_id\":\"%s\",\"name\":\"x\",\"path\":\"/x\"}", w.b.host);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/volumes", body), AL_ENOENT);
    snprintf(body, sizeof body,
             "{\"host_id\":\"%s\",\"share_id\":\"%s\",\"name\":\"x\",\"path\":\"/x\"}", w.a.host,
             w.b.share);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/volumes", body), AL_ENOENT);
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/volumes", body),
             AL_ENOENT); /* nor may an operator mix them up */
    snprintf(body, sizeof body, "{\"volume_id\":\"%s\",\"name\":\"x\",\"where\":\"true\"}",
             w.b.volume);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/rules", body), AL_ENOENT);
    snprintf(body, sizeof body,
             "{\"volume_id\":\"%s\",\"share_id\":\"%s\",\"name\":\"x\",\"where\":\"true\"}",
             w.a.volume, w.b.share);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/rules", body), AL_ENOENT);
    snprintf(body, sizeof body, "{\"share_id\":\"%s\"}", w.b.share);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("volumes", w.a.volume, ""), body),
             AL_ENOENT);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.op, "PATCH", path("rules", w.a.rule, ""), body), AL_ENOENT);
    snprintf(body, sizeof body,
             "{\"name\":\"spy\",\"role\":\"admin\",\"customer_id\":\"%s\",\"password\":\"correct "
             "horse\"}",
             w.b.customer);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/users", body), AL_ENOENT);
    world_close(&w);
}

static void
test_lists_and_filters_show_the_own_customer_alone(void)
{
    static const char *const nouns[] = {"customers", "users", "hosts", "shares",
                                        "volumes",   "rules", "audit"};
    struct world w;
    char query[128];

    world_open(&w);
    for (size_t i = 0; i < AL_LEN(nouns); i++) {
        char where[64];
        size_t all, own;

        snprintf(where, sizeof where, V1 "/%s", nouns[i]);
        w.h.query = "count=true&limit=500";
        must(&w, &w.op, "GET", where, NULL);
        all = harness_items(&w.h);
        TAP_EQUAL_U64(harness_u64(&w.h, "total"), all);
        w.h.query = "count=true&limit=500";
        must(&w, &w.a.auditor, "GET", where, NULL);
        own = harness_items(&w.h);
        TAP_EQUAL_U64(harness_u64(&w.h, "total"), own);
        TAP_CHECK(own > 0 && own < all);
        TAP_CHECK(strstr((char *)w.h.reply.body.at, w.b.customer) == NULL);
        if (i > 0) { /* customers have no customer_id to filter by */
            snprintf(query, sizeof query, "customer_id=%s", w.b.customer);
            w.h.query = query;
            must(&w, &w.a.admin, "GET", where, NULL);
            TAP_EQUAL_U64(harness_items(&w.h), 0);
        }
    }
    snprintf(query, sizeof query, "customer_id=%s", w.b.customer);
    w.h.query = query;
    TAP_CODE(harness_call(&w.h, &w.a.admin, "GET", V1 "/audit/verify", NULL), AL_ENOENT);
    world_close(&w);
}

/* ---- roles ---- */

static void
test_an_auditor_changes_nothing_and_an_admin_makes_no_operator(void)
{
    size_t count;
    const struct service_route *routes = service_routes(&count);
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < count;
         i++) { /* what an auditor may call besides GET looks, or is about the own session */
        const struct service_route *r = &routes[i];

        if (strcmp(r->method, "GET") != 0 && (r->roles & ROLE_AUDITOR) != 0 &&
            strcmp(r->op, "session_delete") != 0 && strcmp(r->op, "user_password") != 0 &&
            strcmp(r->op, "rule_check") != 0 && strcmp(r->op, "rule_schedule") != 0 &&
            strcmp(r->op, "orphan_plan") != 0 && strncmp(r->op, "rule_preview", 12) != 0 &&
            strncmp(r->op, "plan_", 5) != 0) {
            tap_fail(__FILE__, __LINE__, "an auditor may call %s", r->op);
        }
    }
    TAP_CODE(harness_call(&w.h, &w.a.auditor, "POST", path("users", w.a.admin_id, "/password"),
                          "{\"password\":\"another horse\"}"),
             AL_EPERM);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/users",
                          "{\"name\":\"x\",\"role\":\"operator\",\"password\":\"correct horse\"}"),
             AL_EPERM);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("users", w.a.auditor_id, ""),
                          "{\"role\":\"operator\"}"),
             AL_EPERM);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/customers", "{\"name\":\"x\"}"), AL_EPERM);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.op, "PATCH", path("users", w.a.auditor_id, ""),
                          "{\"role\":\"operator\"}"),
             AL_EINVAL);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("users", w.a.auditor_id, ""), "{\"role\":\"admin\"}");
    TAP_EQUAL_STR(harness_str(&w.h, "role"), "admin");
    world_close(&w);
}

/* ---- versions ---- */

static void
test_changes_need_the_version_they_mean(void)
{
    static const char *const nouns[] = {"customers", "users",   "hosts",
                                        "shares",    "volumes", "rules"};
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < AL_LEN(nouns); i++) {
        const char *ids[] = {w.a.customer, w.a.auditor_id, w.a.host,
                             w.a.share,    w.a.volume,     w.a.rule};
        char where[256];

        snprintf(where, sizeof where, "%s", path(nouns[i], ids[i], ""));
        must(&w, &w.op, "GET", where, NULL);
        TAP_EQUAL_U64(w.h.reply.etag, 1);
        TAP_EQUAL_U64(harness_u64(&w.h, "version"), 1);
        TAP_CODE(harness_call(&w.h, &w.op, "PATCH", where, "{\"name\":\"new name\"}"), AL_ENODATA);
        TAP_CODE(harness_call(&w.h, &w.op, "DELETE", where, NULL), AL_ENODATA);
        w.h.if_match = "\"2\"";
        TAP_CODE(harness_call(&w.h, &w.op, "PATCH", where, "{\"name\":\"new name\"}"), AL_ECHANGED);
        w.h.if_match = "W/\"1\"";
        TAP_CODE(harness_call(&w.h, &w.op, "PATCH", where, "{\"name\":\"new name\"}"), AL_ECHANGED);
        w.h.if_match = "\"1\"";
        must(&w, &w.op, "PATCH", where, "{\"name\":\"new name\"}");
        TAP_EQUAL_U64(w.h.reply.etag, 2);
        TAP_EQUAL_STR(harness_str(&w.h, "name"), "new name");
        w.h.if_match = "\"1\"";
        TAP_CODE(harness_call(&w.h, &w.op, "PATCH", where, "{\"name\":\"newer name\"}"),
                 AL_ECHANGED);
        w.h.if_match = "\"1\"";
        TAP_CODE(harness_call(&w.h, &w.op, "DELETE", where, NULL), AL_ECHANGED);
    }
    world_close(&w);
}

static void
test_deleting_goes_from_the_leaves_and_says_what_is_in_the_way(void)
{
    struct world w;

    world_open(&w);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.op, "DELETE", path("customers", w.a.customer, ""), NULL),
             AL_ECONFLICT);
    TAP_EQUAL_STR(w.h.fail.text, "this customer still has 1 host, 1 volume, 1 share, 2 users");
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "DELETE", path("hosts", w.a.host, ""), NULL),
             AL_ECONFLICT);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "DELETE", path("shares", w.a.share, ""), NULL),
             AL_ECONFLICT);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "DELETE", path("volumes", w.a.volume, ""), NULL),
             AL_ECONFLICT);
    {
        const char *nouns[] = {"rules", "volumes", "shares",   "hosts",
                               "users", "users",   "customers"};
        const char *ids[] = {w.a.rule,       w.a.volume,   w.a.share,   w.a.host,
                             w.a.auditor_id, w.a.admin_id, w.a.customer};

        for (size_t i = 0; i < AL_LEN(nouns); i++) {
            w.h.if_match = "*";
            must(&w, &w.op, "DELETE", path(nouns[i], ids[i], ""), NULL);
            TAP_EQUAL_U64(w.h.reply.status, 204);
            TAP_CODE(harness_call(&w.h, &w.op, "GET", path(nouns[i], ids[i], ""), NULL), AL_ENOENT);
        }
    }
    {
        struct store_verify v; /* the record outlives the customer */
        struct scope all = scope_system();

        TAP_OK(store_event_verify(w.h.w->db, &all, w.a.customer, &v, NULL));
        TAP_CHECK(v.ok && v.events > 12);
    }
    world_close(&w);
}

static void
test_a_volume_with_stubs_keeps_its_share_and_cannot_be_deleted(void)
{
    struct scope all = scope_system();
    struct store_volume v;
    struct world w;
    char body[128];
    al_id second;

    world_open(&w);
    must(&w, &w.a.admin, "POST", V1 "/shares", "{\"name\":\"second\",\"url\":\"file:///x\"}");
    harness_id(&w.h, second);
    snprintf(body, sizeof body, "{\"share_id\":\"%s\"}", second);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("volumes", w.a.volume, ""), body);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "DELETE", path("rules", w.a.rule, ""), NULL);
    TAP_OK(store_volume_get(w.h.w->db, &all, w.a.volume, w.h.arena, &v, NULL));
    v.stub_files = 1;
    TAP_OK(store_begin(w.h.w->db, NULL));
    TAP_OK(store_volume_figures(w.h.w->db, &all, &v, NULL));
    TAP_OK(store_commit(w.h.w->db, NULL));
    snprintf(body, sizeof body, "{\"share_id\":\"%s\"}", w.a.share);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("volumes", w.a.volume, ""), body),
             AL_ECONFLICT);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("volumes", w.a.volume, ""),
                          "{\"share_id\":null}"),
             AL_ECONFLICT);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.op, "DELETE", path("volumes", w.a.volume, ""), NULL),
             AL_ECONFLICT);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("volumes", w.a.volume, ""), "{\"name\":\"renamed\"}");
    world_close(&w);
}

static void
test_a_folder_is_one_volume_however_it_is_spelled(void)
{
    static const struct {
        const char *given, *kept; /* given as JSON says it */
    } first[] = {
        {"/srv//a/./b/", "/srv/a/b"},       {"/srv/..a/.b", "/srv/..a/.b"},        {"/./", "/"},
        {"/srv/a\\\\b\\\\", "/srv/a\\b\\"}, {"D:\\\\x\\\\.\\\\y\\\\", "D:\\x\\y"}, {"D:/", "D:/"}};
    static const char *const again[] = {"/srv/a/b", "/srv/a/b//", "/srv/./a/b/.", "//"};
    struct world w;
    char body[256];

    world_open(&w);
    for (size_t i = 0; i < AL_LEN(first); i++) {
        snprintf(body, sizeof body, "{\"host_id\":\"%s\",\"name\":\"v%zu\",\"path\":\"%s\"}",
                 w.a.host, i, first[i].given);
        must(&w, &w.a.admin, "POST", V1 "/volumes", body);
        TAP_EQUAL_STR(harness_str(&w.h, "path"), first[i].kept);
    }
    for (size_t i = 0; i < AL_LEN(again); i++) {
        snprintf(body, sizeof body, "{\"host_id\":\"%s\",\"name\":\"w%zu\",\"path\":\"%s\"}",
                 w.a.host, i, again[i]);
        TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/volumes", body), AL_ECONFLICT);
    }
    world_close(&w);
}

static void
test_a_password_does_not_go_to_another_server(void)
{
    struct world w;
    al_id id;

    world_open(&w);
    must(&w, &w.a.admin, "POST", V1 "/shares",
         "{\"name\":\"third\",\"url\":\"smb://nas/cold\",\"user\":\"u\",\"password\":\"p\"}");
    harness_id(&w.h, id);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("shares", id, ""),
                          "{\"url\":\"smb://elsewhere/cold\"}"),
             AL_EINVAL);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", id, ""),
         "{\"url\":\"smb://elsewhere/cold\",\"password\":\"q\"}");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", id, ""),
         "{\"url\":\"smb://nas/cold\",\"password\":null}");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", id, ""), "{\"url\":\"smb://nas/warm\"}");
    world_close(&w);
}

/* ---- input ---- */

static void
test_bodies_that_make_no_sense_are_refused_with_a_sentence(void)
{
    static const struct {
        const char *path, *body;
    } cases[] = {
        {"/customers", "{}"},
        {"/customers", "[]"},
        {"/customers", "{\"name\":\"\"}"},
        {"/customers", "{\"name\":null}"},
        {"/customers", "{\"name\":7}"},
        {"/customers", "{\"name\":\" x\"}"},
        {"/customers", "{\"name\":\"x\\ny\"}"},
        {"/customers", "{\"name\":\"x\",\"colour\":\"red\"}"},
        {"/users", "{\"name\":\"x\",\"role\":\"king\",\"password\":\"correct horse\"}"},
        {"/users", "{\"name\":\"x\",\"role\":\"host\",\"password\":\"correct horse\"}"},
        {"/users", "{\"name\":\"x\",\"role\":\"operator\",\"password\":\"short\"}"},
        {"/users",
         "{\"name\":\"x\",\"role\":\"admin\",\"password\":\"correct horse\"}"}, /* whose? */
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"http://x/y\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"smb://u:p@nas/cold\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"smb://nas\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"smb://nas/\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"smb:///cold\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"smb://nas/cold/../hot\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"file://etc\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"file:///\"}"},
        {"/shares", "{\"customer_id\":\"%s\",\"name\":\"x\",\"url\":\"file:///a/../b\"}"},
        {"/shares", "{\"customer_id\":\"nobody\",\"name\":\"x\",\"url\":\"file:///x\"}"},
        {"/volumes", "{\"host_id\":\"%h\",\"name\":\"x\",\"path\":\"relative\"}"},
        {"/volumes", "{\"host_id\":\"%h\",\"name\":\"x\",\"path\":\"/a/../b\"}"},
        {"/volumes", "{\"host_id\":\"%h\",\"name\":\"x\",\"path\":\"/x\",\"kind\":\"fat\"}"},
        {"/volumes", "{\"name\":\"x\",\"path\":\"/x\"}"},
        {"/rules", "{\"volume_id\":\"%v\",\"name\":\"x\",\"where\":\"sise > 1\"}"},
        {"/rules", "{\"volume_id\":\"%v\",\"name\":\"x\"}"},
        {"/rules", "{\"volume_id\":\"%v\",\"name\":\"x\",\"where\":\"true\",\"action\":\"burn\"}"},
        {"/rules", "{\"volume_id\":\"%v\",\"name\":\"x\",\"where\":\"true\",\"limit_files\":-1}"},
        {"/rules", "{\"volume_id\":\"%v\",\"name\":\"x\",\"where\":\"true\",\"enabled\":\"yes\"}"},
        {"/rules/check", "{\"where\":1}"},
    };
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < AL_LEN(cases); i++) {
        const char *percent = strchr(cases[i].body, '%');
        char body[512], where[64];
        int rc;

        snprintf(where, sizeof where, V1 "%s", cases[i].path);
        if (percent != NULL) {
            snprintf(body, sizeof body, "%.*s%s%s", (int)(percent - cases[i].body), cases[i].body,
                     percent[1] == 's'   ? w.a.customer
                     : percent[1] == 'h' ? w.a.host
                                         : w.a.volume,
                     percent + 2);
        } else {
            snprintf(body, sizeof body, "%s", cases[i].body);
        }
        rc = harness_call(&w.h, &w.op, "POST", where, body);
        if (rc != AL_EINVAL || w.h.fail.text[0] == '\0') {
            tap_fail(__FILE__, __LINE__, "%s %s gave %s \"%s\"", where, body, al_code_name(rc),
                     w.h.fail.text);
        }
    }
    world_close(&w);
}

static void
test_rule_text_is_kept_canonical_and_errors_point_at_the_place(void)
{
    const json_t *error;
    struct world w;

    world_open(&w);
    must(&w, &w.a.auditor, "POST", V1 "/rules/check",
         "{\"where\":\"SIZE>=10MB AND ext IN (MOV)\"}");
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    TAP_CHECK(json_is_null(json_object_get(w.h.json, "error")));
    TAP_CHECK(strlen(harness_str(&w.h, "canonical")) > 10);
    must(&w, &w.a.auditor, "POST", V1 "/rules/check", "{\"where\":\"size >= 10MB and bogus = 1\"}");
    TAP_CHECK(json_is_false(json_object_get(w.h.json, "ok")));
    error = json_object_get(w.h.json, "error");
    TAP_EQUAL_U64(json_integer_value(json_object_get(error, "at")), 17);
    TAP_EQUAL_U64(json_integer_value(json_object_get(error, "length")), 5);
    must(&w, &w.a.auditor, "POST", V1 "/rules/check", "{\"where\":\"\"}");
    TAP_CHECK(json_is_false(json_object_get(w.h.json, "ok")));
    must(&w, &w.a.auditor, "GET", path("rules", w.a.rule, ""), NULL);
    TAP_EQUAL_STR(harness_str(&w.h, "created_by"), "acme-admin");
    TAP_CHECK(json_is_null(json_object_get(w.h.json, "limit_files")));
    TAP_EQUAL_U64(harness_u64(&w.h, "position"), 1);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("rules", w.a.rule, ""),
         "{\"limit_files\":7,\"enabled\":false}");
    TAP_EQUAL_U64(harness_u64(&w.h, "limit_files"), 7);
    TAP_CHECK(json_is_false(json_object_get(w.h.json, "enabled")));
    world_close(&w);
}

/* ---- routes ---- */

static void
test_paths_are_found_whole_or_not_at_all(void)
{
    static const char *const none[] = {"",
                                       "/",
                                       "/api/v1",
                                       "/api/v1/",
                                       "/api/v1//customers",
                                       "/api/v1/customers/",
                                       "/api/v1/customers/x/y",
                                       "/api/v2/customers",
                                       "api/v1/customers",
                                       "/api/v1/customersx",
                                       "/api/v1/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o"};
    struct al_arena *arena = al_arena_new(4096);
    const struct service_route *r;
    const char *ids[4];
    bool wrong;

    for (size_t i = 0; i < AL_LEN(none); i++) {
        TAP_CHECK(service_route_find("GET", none[i], arena, ids, &wrong) == NULL);
        TAP_CHECK(!wrong);
    }
    TAP_CHECK(service_route_find("PUT", "/api/v1/customers", arena, ids, &wrong) == NULL);
    TAP_CHECK(wrong);
    r = service_route_find("POST", "/api/v1/rules/check", arena, ids, &wrong);
    TAP_CHECK(r != NULL && strcmp(r->op, "rule_check") == 0 && ids[0] == NULL);
    r = service_route_find("POST", "/api/v1/rules/abc/run", arena, ids, &wrong);
    TAP_CHECK(r != NULL && strcmp(r->op, "rule_run") == 0);
    TAP_EQUAL_STR(ids[0], "abc");
    TAP_CHECK(ids[1] == NULL);
    arena = al_arena_free(arena);
}

int
main(void)
{
    TAP_RUN(test_another_customers_ids_are_404_through_every_route_that_takes_one);
    TAP_RUN(test_bodies_cannot_name_another_customers_things);
    TAP_RUN(test_lists_and_filters_show_the_own_customer_alone);
    TAP_RUN(test_an_auditor_changes_nothing_and_an_admin_makes_no_operator);
    TAP_RUN(test_changes_need_the_version_they_mean);
    TAP_RUN(test_deleting_goes_from_the_leaves_and_says_what_is_in_the_way);
    TAP_RUN(test_a_volume_with_stubs_keeps_its_share_and_cannot_be_deleted);
    TAP_RUN(test_a_folder_is_one_volume_however_it_is_spelled);
    TAP_RUN(test_a_password_does_not_go_to_another_server);
    TAP_RUN(test_bodies_that_make_no_sense_are_refused_with_a_sentence);
    TAP_RUN(test_rule_text_is_kept_canonical_and_errors_point_at_the_place);
    TAP_RUN(test_paths_are_found_whole_or_not_at_all);
    return tap_end();
}
