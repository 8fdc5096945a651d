#include "harness.h"

#define V1 "/api/v1"

/* Two customers, each with an admin, an auditor, a host, a share, a volume and a rule; and the
 * operator. */
struct side {
    al_id customer, host, share, volume, rule, admin_id, auditor_id;
    struct caller admin, auditor;
};

struct world {
    struct harness h;
    struct caller op;
    struct side a, b;
};

static char path_text[256];

static const char *
path(const char *noun, const char *id, const char *more)
{
    snprintf(path_text, sizeof path_text, V1 "/%s/%s%s", noun, id, more);
    return path_text;
}

static void
must(struct world *w, const struct caller *who, const char *method, const char *where,
     const char *body)
{
    int rc = harness_call(&w->h, who, method, where, body);

    if (rc != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s %s: %s: %s", method, where, al_code_name(rc),
                 w->h.fail.text);
    }
}

static void
make_host(struct world *w, const char *customer_id, const char *name, al_id id)
{
    struct store_host host = {
        .name = name, .os = "linux", .agent_version = "1", .boot_id = "b", .enrolled_ns = 1};
    struct scope all = scope_system();

    TAP_OK(store_id_make(w->h.w->db, w->h.now_ns, host.id));
    memcpy(host.customer_id, customer_id, sizeof host.customer_id);
    TAP_OK(store_begin(w->h.w->db, NULL));
    TAP_OK(store_host_add(w->h.w->db, &all, &host, NULL));
    TAP_OK(store_commit(w->h.w->db, NULL));
    memcpy(id, host.id, sizeof host.id);
}

static void
make_side(struct world *w, struct side *s, const char *name)
{
    char body[512], user[64];

    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    must(w, &w->op, "POST", V1 "/customers", body);
    harness_id(&w->h, s->customer);
    snprintf(body, sizeof body,
             "{\"name\":\"%s-admin\",\"role\":\"admin\",\"customer_id\":\"%s\",\"password\":"
             "\"correct horse\"}",
             name, s->customer);
    must(w, &w->op, "POST", V1 "/users", body);
    harness_id(&w->h, s->admin_id);
    snprintf(user, sizeof user, "%s-admin", name);
    harness_login(&w->h, user, "correct horse", &s->admin);
    snprintf(body, sizeof body,
             "{\"name\":\"%s-auditor\",\"role\":\"auditor\",\"password\":\"correct horse\"}", name);
    must(w, &s->admin, "POST", V1 "/users", body); /* an admin's users are of the own customer */
    harness_id(&w->h, s->auditor_id);
    TAP_EQUAL_STR(harness_str(&w->h, "customer_id"), s->customer);
    snprintf(user, sizeof user, "%s-auditor", name);
    harness_login(&w->h, user, "correct horse", &s->auditor);
    make_host(w, s->customer, "fs1", s->host);
    must(w, &s->admin, "POST", V1 "/shares",
         "{\"name\":\"cold\",\"url\":\"smb://nas/cold\",\"user\":\"u\",\"password\":\"geheim-7\"}");
    harness_id(&w->h, s->share);
    snprintf(body, sizeof body,
             "{\"host_id\":\"%s\",\"share_id\":\"%s\",\"name\":\"data\",\"path\":\"/srv/data/\"}",
             s->host, s->share);
    must(w, &s->admin, "POST", V1 "/volumes", body);
    harness_id(&w->h, s->volume);
    snprintf(body, sizeof body,
             "{\"volume_id\":\"%s\",\"name\":\"old\",\"where\":\"size >= 10MB and accessed older "
             "than 90d\"}",
             s->volume);
    must(w, &s->admin, "POST", V1 "/rules", body);
    harness_id(&w->h, s->rule);
}

static void
world_open(struct world *w)
{
    *w = (struct world){0};
    harness_open(&w->h);
    TAP_CHECK(w->h.first_password != NULL);
    harness_login(&w->h, "admin", w->h.first_password, &w->op);
    make_side(w, &w->a, "acme");
    make_side(w, &w->b, "other");
}

static void
world_close(struct world *w)
{
    harness_close(&w->h);
}

/* ---- first start ---- */

static void
test_the_first_start_makes_one_operator_and_tells_the_password_once(void)
{
    struct caller op = {0};
    struct al_fail fail = {0};
    struct harness h;
    char *password;

    harness_open(&h);
    TAP_EQUAL_U64(strlen(h.first_password), AUTH_FIRST_PASSWORD);
    harness_login(&h, "admin", h.first_password, &op);
    TAP_CHECK(op.role == ROLE_OPERATOR && op.customer_id[0] == '\0' && op.csrf[0] != '\0');
    password = al_strdup(h.first_password);
    harness_stop(&h);
    TAP_OK(harness_start(&h, &fail));
    TAP_CHECK(h.first_password == NULL);
    harness_login(&h, "admin", password, &op);
    al_free(password);
    harness_close(&h);
}

static void
test_a_lost_seal_key_is_noticed_at_the_start(void)
{
    struct al_fail fail = {0};
    struct harness h;
    char file[128];

    harness_open(&h);
    harness_stop(&h);
    snprintf(file, sizeof file, "%s/seal.key", h.dir);
    TAP_CHECK(unlink(file) == 0);
    TAP_CODE(harness_start(&h, &fail), AL_ECORRUPT);
    TAP_CHECK(strstr(fail.text, "seal.key") != NULL);
    harness_close(&h);
}

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
            strcmp(r->op, "rule_check") != 0 && strncmp(r->op, "rule_preview", 12) != 0) {
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

/* ---- repeating ---- */

static void
test_an_idempotency_key_repeats_the_answer_and_not_the_act(void)
{
    struct world w;
    al_id first;
    char again[AL_ID_LEN + 1];

    world_open(&w);
    w.h.key = "k1";
    must(&w, &w.op, "POST", V1 "/customers", "{\"name\":\"Once\"}");
    harness_id(&w.h, first);
    TAP_EQUAL_U64(w.h.reply.status, 201);
    w.h.key = "k1";
    must(&w, &w.op, "POST", V1 "/customers", "{\"name\":\"Once\"}");
    TAP_EQUAL_U64(w.h.reply.status, 201);
    TAP_EQUAL_U64(w.h.reply.etag, 1);
    TAP_CHECK(w.h.reply.location != NULL && strstr(w.h.reply.location, first) != NULL);
    snprintf(again, sizeof again, "%s", harness_str(&w.h, "id"));
    TAP_EQUAL_STR(again, first);
    w.h.key = "k1";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"Twice\"}"),
             AL_ECONFLICT);
    w.h.key = "k1"; /* another caller's keys are another world */
    must(&w, &w.a.admin, "POST", V1 "/shares", "{\"name\":\"s\",\"url\":\"file:///x\"}");
    w.h.now_ns += STORE_ANSWER_KEPT_NS + SECOND;
    w.h.key = "k1";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"Once\"}"),
             AL_ECONFLICT); /* the name is taken */
    TAP_CHECK(strstr(w.h.fail.text, "name") != NULL);
    world_close(&w);
}

static void
test_a_key_belongs_to_its_operation(void)
{
    struct world w;
    char where[256];

    world_open(&w);
    snprintf(where, sizeof where, "%s", path("customers", w.a.customer, "/enrol-tokens"));
    w.h.key = "same";
    must(&w, &w.op, "POST", where, "{\"name\":\"x\"}");
    w.h.key = "same";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"x\"}"), AL_ECONFLICT);
    w.h.key = "";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"x\"}"), AL_EINVAL);
    world_close(&w);
}

/* ---- secrets ---- */

/* Whether the bytes stand anywhere in the data folder's files. */
static bool
stands_on_disk(struct harness *h, const char *secret)
{
    static const char *const names[] = {"alto.db", "alto.db-wal"};
    bool found = false;

    for (size_t i = 0; i < AL_LEN(names); i++) {
        struct al_buf bytes = {.max = 64 << 20};
        char file[128];

        snprintf(file, sizeof file, "%s/%s", h->dir, names[i]);
        if (port_read_file(port_native(), NULL, file, bytes.max, &bytes) == AL_OK) {
            found = found || memmem(bytes.at, bytes.len, secret, strlen(secret)) != NULL;
        }
        al_buf_free(&bytes);
    }
    return found;
}

static void
test_secrets_are_neither_shown_nor_stored_in_the_clear(void)
{
    char token[64] = "", body[256];
    struct world w;

    world_open(&w);
    TAP_CHECK(stands_on_disk(&w.h, "smb://nas/cold")); /* the search finds what is there */
    TAP_CHECK(!stands_on_disk(&w.h, "geheim-7"));
    TAP_CHECK(!stands_on_disk(&w.h, "correct horse"));
    TAP_CHECK(!stands_on_disk(&w.h, w.h.first_password));
    must(&w, &w.a.admin, "GET", path("shares", w.a.share, ""), NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "geheim") == NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "has_password")));
    w.h.key = "k"; /* the kept answer has the token in it */
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), "{\"hours\":1}");
    snprintf(token, sizeof token, "%s", harness_str(&w.h, "token"));
    TAP_EQUAL_U64(strlen(token), 43);
    TAP_CHECK(!stands_on_disk(&w.h, token));
    w.h.key = "k";
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), "{\"hours\":1}");
    TAP_EQUAL_STR(harness_str(&w.h, "token"), token);
    w.h.query = "limit=500";
    must(&w, &w.op, "GET", V1 "/audit", NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "geheim") == NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "correct horse") == NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "argon2") == NULL);
    must(&w, &w.op, "GET", V1 "/users", NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "argon2") == NULL);
    w.h.if_match = "*";
    snprintf(body, sizeof body, "{\"password\":null}");
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""), body);
    TAP_CHECK(json_is_false(json_object_get(w.h.json, "has_password")));
    world_close(&w);
}

/* ---- sessions ---- */

static void
test_wrong_passwords_are_in_the_record_and_close_the_door(void)
{
    struct world w;
    size_t events;

    world_open(&w);
    for (unsigned i = 0; i < AUTH_FAILURES_MAX; i++) {
        w.h.peer = "10.1.1.1:7";
        TAP_CODE(harness_call(&w.h, NULL, "POST", V1 "/session",
                              "{\"name\":\"ACME-admin\",\"password\":\"wrong horse\"}"),
                 AL_EAUTH);
    }
    w.h.peer = "10.1.1.1:8";
    TAP_CODE(harness_call(&w.h, NULL, "POST", V1 "/session",
                          "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}"),
             AL_ELIMIT);
    TAP_CHECK(w.h.reply.retry_after_s > 0);
    w.h.query = "act=session.create&code=wrong_password";
    must(&w, &w.a.auditor, "GET", V1 "/audit", NULL);
    events = harness_items(&w.h);
    TAP_EQUAL_U64(events, AUTH_FAILURES_MAX);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "10.1.1.1") != NULL);
    w.h.query = "act=session.create&code=wrong_password";
    must(&w, &w.b.auditor, "GET", V1 "/audit", NULL);
    TAP_EQUAL_U64(harness_items(&w.h), 0);
    w.h.now_ns += AUTH_WINDOW_NS + SECOND;
    w.h.peer = "10.1.1.1:8";
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    world_close(&w);
}

static void
test_a_session_says_who_and_ends_when_told(void)
{
    char token[64];
    struct caller c, again;
    struct world w;

    world_open(&w);
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    snprintf(token, sizeof token, "%s", harness_str(&w.h, "token"));
    TAP_CHECK(w.h.reply.cookie != NULL && strstr(w.h.reply.cookie, token) != NULL);
    TAP_CHECK(strstr(w.h.reply.cookie, "HttpOnly") != NULL &&
              strstr(w.h.reply.cookie, "SameSite=Strict") != NULL);
    TAP_OK(service_authenticate(w.h.w, NULL, token, w.h.now_ns, &c));
    TAP_CHECK(c.by_cookie && c.role == ROLE_ADMIN);
    TAP_EQUAL_STR(c.customer_id, w.a.customer);
    must(&w, &c, "GET", V1 "/session", NULL);
    TAP_EQUAL_STR(harness_str(&w.h, "csrf"), c.csrf);
    TAP_CHECK(json_object_get(w.h.json, "token") == NULL);
    must(&w, &c, "DELETE", V1 "/session", NULL);
    TAP_CHECK(w.h.reply.cookie != NULL && strstr(w.h.reply.cookie, "Max-Age=0") != NULL);
    TAP_CODE(service_authenticate(w.h.w, token, NULL, w.h.now_ns, &again), AL_EAUTH);
    TAP_CODE(service_authenticate(w.h.w, NULL, NULL, w.h.now_ns, &again), AL_EAUTH);
    world_close(&w);
}

static void
test_a_new_password_ends_all_other_sessions(void)
{
    struct caller one, two, got;
    char first[64], second[64];
    struct world w;

    world_open(&w);
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    snprintf(first, sizeof first, "%s", harness_str(&w.h, "token"));
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    snprintf(second, sizeof second, "%s", harness_str(&w.h, "token"));
    TAP_OK(service_authenticate(w.h.w, first, NULL, w.h.now_ns, &one));
    TAP_OK(service_authenticate(w.h.w, second, NULL, w.h.now_ns, &two));
    TAP_CODE(harness_call(&w.h, &one, "POST", path("users", w.a.admin_id, "/password"),
                          "{\"password\":\"battery staple\"}"),
             AL_EINVAL);
    TAP_CODE(harness_call(&w.h, &one, "POST", path("users", w.a.admin_id, "/password"),
                          "{\"password\":\"battery staple\",\"old_password\":\"wrong\"}"),
             AL_EINVAL);
    TAP_CODE(harness_call(&w.h, &one, "POST", path("users", w.a.admin_id, "/password"),
                          "{\"password\":\"short\",\"old_password\":\"correct horse\"}"),
             AL_EINVAL);
    must(&w, &one, "POST", path("users", w.a.admin_id, "/password"),
         "{\"password\":\"battery staple\",\"old_password\":\"correct horse\"}");
    TAP_OK(service_authenticate(w.h.w, first, NULL, w.h.now_ns, &got));
    TAP_CODE(service_authenticate(w.h.w, second, NULL, w.h.now_ns, &got), AL_EAUTH);
    TAP_CODE(harness_call(&w.h, NULL, "POST", V1 "/session",
                          "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}"),
             AL_EAUTH);
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"battery staple\"}");
    must(&w, &w.op, "POST", path("users", w.a.admin_id, "/password"),
         "{\"password\":\"operator chose\"}"); /* no old one needed */
    TAP_CODE(service_authenticate(w.h.w, first, NULL, w.h.now_ns, &got), AL_EAUTH);
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

/* ---- the record ---- */

static void
test_every_write_leaves_exactly_one_event_and_the_chains_hold(void)
{
    struct world w;
    uint64_t before;
    char query[64];

    world_open(&w);
    w.h.query = "count=true";
    must(&w, &w.op, "GET", V1 "/audit", NULL);
    before = harness_u64(&w.h, "total");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""),
         "{\"url\":\"smb://nas2/cold\",\"password\":\"neu-geheim\"}");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("hosts", w.a.host, ""), "{\"name\":\"fs2\"}");
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), NULL);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/shares",
                          "{\"name\":\"cold\",\"url\":\"file:///x\"}"),
             AL_ECONFLICT);
    w.h.query = "count=true&limit=3";
    must(&w, &w.op, "GET", V1 "/audit", NULL);
    TAP_EQUAL_U64(harness_u64(&w.h, "total"), before + 3);
    {
        const json_t *e = json_array_get(json_object_get(w.h.json, "items"), 2);
        const json_t *detail = json_object_get(e, "detail");

        TAP_EQUAL_STR(json_string_value(json_object_get(e, "act")), "share.update");
        TAP_EQUAL_STR(json_string_value(json_object_get(e, "actor_name")), "acme-admin");
        TAP_EQUAL_STR(json_string_value(json_object_get(e, "customer_id")), w.a.customer);
        TAP_EQUAL_STR(json_string_value(json_object_get(json_object_get(detail, "url"), "from")),
                      "smb://nas/cold");
        TAP_EQUAL_STR(json_string_value(json_object_get(detail, "password")), "set");
    }
    must(&w, &w.a.auditor, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    TAP_CHECK(harness_u64(&w.h, "events") > 5);
    must(&w, &w.op, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    snprintf(query, sizeof query, "customer_id=%s", w.b.customer);
    w.h.query = query;
    must(&w, &w.op, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    world_close(&w);
}

static unsigned events_seen, wakes_seen;
static char last_event[32], last_topic[64];

static void
on_event(void *ctx, const struct service_event *e)
{
    (void)ctx;
    if (strcmp(e->event, "audit") != 0) {
        events_seen++;
        snprintf(last_event, sizeof last_event, "%s", e->event);
    }
}

static void
on_wake(void *ctx, const char *topic)
{
    (void)ctx;
    wakes_seen++;
    snprintf(last_topic, sizeof last_topic, "%s", topic);
}

static void
test_changes_are_told_live_and_wake_the_hosts_they_concern(void)
{
    struct world w;
    char topic[64];

    world_open(&w);
    TAP_OK(service_subscribe(w.h.s, on_event, NULL));
    TAP_OK(service_on_wake(w.h.s, on_wake, NULL));
    events_seen = wakes_seen = 0;
    snprintf(topic, sizeof topic, "host:%s", w.a.host);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""), "{\"url\":\"smb://nas2/cold\"}");
    TAP_EQUAL_U64(events_seen, 1);
    TAP_EQUAL_STR(last_event, "share");
    TAP_EQUAL_U64(wakes_seen, 1);
    TAP_EQUAL_STR(last_topic, topic);
    w.h.if_match = "\"9\"";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("shares", w.a.share, ""),
                          "{\"url\":\"smb://nas3/cold\"}"),
             AL_ECHANGED);
    TAP_EQUAL_U64(events_seen, 1); /* nothing happened, nothing is told */
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

/* ---- many at once ---- */

struct writer {
    struct harness *h;
    const struct caller *who;
    unsigned number;
    int rc;
};

static void *
write_shares(void *arg)
{
    struct writer *t = arg;
    struct harness own = {.s = t->h->s, .now_ns = t->h->now_ns};

    own.arena = al_arena_new(1 << 20);
    t->rc = own.arena == NULL ? AL_ENOMEM : service_worker_open(own.s, &own.w, NULL);
    for (int i = 0; i < 25 && t->rc == AL_OK; i++) {
        char body[128];

        snprintf(body, sizeof body, "{\"name\":\"s %u %d\",\"url\":\"file:///x\"}", t->number, i);
        t->rc = harness_call(&own, t->who, "POST", V1 "/shares", body);
        if (t->rc == AL_OK) {
            t->rc = harness_call(&own, t->who, "GET", V1 "/shares", NULL);
        }
        if (t->rc == AL_OK && i % 5 == 0) {
            t->rc = service_tick(own.w, own.now_ns);
        }
    }
    al_json_freep(&own.json);
    al_buf_free(&own.reply.body);
    own.w = service_worker_close(own.w);
    own.arena = al_arena_free(own.arena);
    return NULL;
}

static void
test_many_workers_write_and_read_at_once(void)
{
    struct writer t[4];
    pthread_t id[4];
    struct world w;

    world_open(&w);
    for (unsigned i = 0; i < 4; i++) {
        t[i] = (struct writer){&w.h, i % 2 ? &w.a.admin : &w.b.admin, i, AL_EINTERNAL};
        TAP_CHECK(pthread_create(&id[i], NULL, write_shares, &t[i]) == 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(id[i], NULL);
        TAP_OK(t[i].rc);
    }
    w.h.query = "limit=500";
    must(&w, &w.a.admin, "GET", V1 "/shares", NULL);
    TAP_EQUAL_U64(harness_items(&w.h), 51);
    must(&w, &w.a.auditor, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    world_close(&w);
}

/* ---- want of memory ---- */

static void
test_no_memory_in_a_request_leaves_all_of_it_or_nothing(void)
{
    unsigned refused = 0, made = 0;
    struct world w;

    world_open(&w);
    for (uint64_t nth = 1; nth < 1000; nth++) {
        char body[128];
        size_t shares;
        uint64_t calls;
        int rc;

        snprintf(body, sizeof body,
                 "{\"name\":\"s%u\",\"url\":\"file:///x\",\"password\":\"geheim\"}", (unsigned)nth);
        w.h.key = body;
        w.h.fault = nth;
        rc = harness_call(&w.h, &w.a.admin, "POST", V1 "/shares", body);
        calls = w.h.fault_calls;
        TAP_CHECK(rc == AL_OK || rc == AL_ENOMEM);
        refused += rc == AL_ENOMEM;
        made += rc == AL_OK;
        w.h.query = "limit=500";
        must(&w, &w.a.admin, "GET", V1 "/shares", NULL);
        shares = harness_items(&w.h);
        TAP_EQUAL_U64(shares, 1 + made);
        if (calls < nth) {
            break;
        }
    }
    TAP_CHECK(refused > 5);
    must(&w, &w.a.auditor, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    world_close(&w);
}

int
main(void)
{
    TAP_RUN(test_the_first_start_makes_one_operator_and_tells_the_password_once);
    TAP_RUN(test_a_lost_seal_key_is_noticed_at_the_start);
    TAP_RUN(test_another_customers_ids_are_404_through_every_route_that_takes_one);
    TAP_RUN(test_bodies_cannot_name_another_customers_things);
    TAP_RUN(test_lists_and_filters_show_the_own_customer_alone);
    TAP_RUN(test_an_auditor_changes_nothing_and_an_admin_makes_no_operator);
    TAP_RUN(test_changes_need_the_version_they_mean);
    TAP_RUN(test_deleting_goes_from_the_leaves_and_says_what_is_in_the_way);
    TAP_RUN(test_a_volume_with_stubs_keeps_its_share_and_cannot_be_deleted);
    TAP_RUN(test_an_idempotency_key_repeats_the_answer_and_not_the_act);
    TAP_RUN(test_a_key_belongs_to_its_operation);
    TAP_RUN(test_secrets_are_neither_shown_nor_stored_in_the_clear);
    TAP_RUN(test_wrong_passwords_are_in_the_record_and_close_the_door);
    TAP_RUN(test_a_session_says_who_and_ends_when_told);
    TAP_RUN(test_a_new_password_ends_all_other_sessions);
    TAP_RUN(test_bodies_that_make_no_sense_are_refused_with_a_sentence);
    TAP_RUN(test_rule_text_is_kept_canonical_and_errors_point_at_the_place);
    TAP_RUN(test_every_write_leaves_exactly_one_event_and_the_chains_hold);
    TAP_RUN(test_changes_are_told_live_and_wake_the_hosts_they_concern);
    TAP_RUN(test_paths_are_found_whole_or_not_at_all);
    TAP_RUN(test_many_workers_write_and_read_at_once);
    TAP_RUN(test_no_memory_in_a_request_leaves_all_of_it_or_nothing);
    return tap_end();
}
