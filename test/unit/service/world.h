/* world.h: two customers with everything they can have, an operator, and short ways to ask. Include
 * it once. */
#ifndef ALTO_TEST_SERVICE_WORLD_H
#define ALTO_TEST_SERVICE_WORLD_H

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

__attribute__((unused)) static const char *
path(const char *noun, const char *id, const char *more)
{
    snprintf(path_text, sizeof path_text, V1 "/%s/%s%s", noun, id, more);
    return path_text;
}

__attribute__((unused)) static void
must(struct world *w, const struct caller *who, const char *method, const char *where,
     const char *body)
{
    int rc = harness_call(&w->h, who, method, where, body);

    if (rc != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s %s: %s: %s", method, where, al_code_name(rc),
                 w->h.fail.text);
    }
}

__attribute__((unused)) static void
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

__attribute__((unused)) static void
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

__attribute__((unused)) static void
world_open(struct world *w)
{
    *w = (struct world){0};
    harness_open(&w->h);
    TAP_CHECK(w->h.first_password != NULL);
    harness_login(&w->h, "admin", w->h.first_password, &w->op);
    make_side(w, &w->a, "acme");
    make_side(w, &w->b, "other");
}

__attribute__((unused)) static void
world_close(struct world *w)
{
    harness_close(&w->h);
}

#endif
