#include "server/service/call/call.h"
#include "server/service/tick.h"

#include <stdio.h>
#include <string.h>

#define SEAL_CHECK "seal_check" /* a setting: a known text, sealed */
#define SEAL_TEXT "alto"
#define FIRST_PASSWORD "first_password" /* a setting */
#define UNTOLD "untold"

/* ---- opening ---- */

/* Whether DATA/seal.key is the one this database was sealed with: a lost key must be noticed at the
 * start, not at the first share. */
static int
check_seal(struct service *s, struct store *db, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf sealed = {.max = 4096};
    AL_CLEANUP(al_buf_free) struct al_buf plain = {.max = 4096};
    struct al_fail quiet = {0};
    int rc = store_setting_get(db, SEAL_CHECK, &sealed, &quiet);

    if (rc == AL_ENOENT) {
        SV_TRY(auth_seal(s->auth, SEAL_CHECK, al_span_of(SEAL_TEXT), &sealed));
        return store_setting_set(db, SEAL_CHECK, al_buf_span(&sealed), fail);
    }
    if (rc != AL_OK) {
        return al_fail_pass(fail, rc, &quiet);
    }
    rc = auth_unseal(s->auth, SEAL_CHECK, al_buf_span(&sealed), &plain);
    if (rc == AL_ECORRUPT) {
        return al_fail_set(
            fail, rc, 0,
            "seal.key is not the key of this database; put the right one back from the backup");
    }
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, 0, "out of memory");
}

/* ---- the first user ----
 *
 * Made in one transaction with the setting FIRST_PASSWORD = "untold". The password is handed out by
 * service_open and counts as told when the first worker opens. A crash in between would lock
 * everybody out; so as long as it is untold, every start hands out a new one. */

static int
untold(struct store *db, bool *ret, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf value = {.max = 64};
    struct al_fail quiet = {0};
    int rc = store_setting_get(db, FIRST_PASSWORD, &value, &quiet);

    if (rc != AL_OK && rc != AL_ENOENT) {
        return al_fail_pass(fail, rc, &quiet);
    }
    *ret = rc == AL_OK && al_span_equal(al_buf_span(&value), al_span_of(UNTOLD));
    return AL_OK;
}

static int
first_user_make(struct store *db, const char *hash, int64_t now_ns, struct store_user *u,
                struct al_fail *fail)
{
    struct scope all = scope_system();

    *u = (struct store_user){
        .name = "admin", .role = ROLE_OPERATOR, .password_hash = hash, .created_ns = now_ns};
    SV_TRY(store_id_make(db, now_ns, u->id));
    SV_TRY(store_user_add(db, &all, u, fail));
    return store_setting_set(db, FIRST_PASSWORD, al_span_of(UNTOLD), fail);
}

static int
first_user_again(struct store *db, const char *hash, struct al_arena *arena, struct store_user *u,
                 struct al_fail *fail)
{
    struct scope all = scope_system();

    SV_TRY(store_user_by_name(db, &all, "admin", arena, u, fail));
    u->password_hash = hash;
    return store_user_set(db, &all, u, fail);
}

static int
first_user(struct service *s, struct store *db, int64_t now_ns, char **ret_password,
           struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *password = NULL;
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(65536);
    struct scope all = scope_system();
    struct store_event e = {.at_ns = now_ns,
                            .actor_type = "system",
                            .actor_name = "altod",
                            .subject_type = "user",
                            .subject = al_span_of("admin")};
    char hash[AUTH_HASH_TEXT];
    struct store_user u;
    uint64_t users;
    bool again = false;

    SV_TRY(store_user_count(db, &all, &users, fail));
    SV_TRY(untold(db, &again, fail));
    if (users > 0 && !again) {
        return AL_OK;
    }
    if (arena == NULL) {
        return AL_ENOMEM;
    }
    SV_TRY(auth_password_make(s->auth, &password));
    SV_TRY(auth_password_hash(s->auth, password, hash));
    if (users > 0) {
        SV_TRY(first_user_again(db, hash, arena, &u, fail));
    } else {
        SV_TRY(first_user_make(db, hash, now_ns, &u, fail));
    }
    e.act = users > 0 ? "user.password" : "user.create";
    e.subject_id = u.id;
    SV_TRY(store_event_add(db, &e, fail));
    *ret_password = password;
    password = NULL;
    return AL_OK;
}

/* By the first worker that opens: whoever opened the service has had the password in hand. */
static int
first_password_told(struct service_worker *w, struct al_fail *fail)
{
    bool mine;
    int rc;

    port_mutex_lock(&w->service->lock);
    mine = w->service->first_untold;
    w->service->first_untold = false;
    port_mutex_unlock(&w->service->lock);
    if (!mine) {
        return AL_OK;
    }
    SV_TRY(store_begin(w->db, fail));
    rc = store_setting_set(w->db, FIRST_PASSWORD, al_span_of("told"), fail);
    if (rc != AL_OK) {
        store_rollback(w->db);
        return rc;
    }
    return store_commit(w->db, fail);
}

static int
first_start(struct service *s, char **ret_password, struct al_fail *fail)
{
    AL_CLEANUP(store_closep) struct store *db = NULL;
    AL_CLEANUP(al_freep) char *password = NULL;

    SV_TRY(store_open(s->db, &db, fail));
    SV_TRY(store_begin(db, fail));
    SV_TRY(check_seal(s, db, fail)); /* closing db rolls back */
    SV_TRY(first_user(s, db, port_now_ns(s->port), &password, fail));
    SV_TRY(store_commit(db, fail));
    s->first_untold = password != NULL;
    *ret_password = password;
    password = NULL;
    return AL_OK;
}

static int
open_parts(struct service *s, const struct service_conf *conf, char **ret_password,
           struct al_fail *fail)
{
    struct store_conf store = {conf->store_url, conf->data_dir, conf->port, conf->log};

    s->data_dir = al_strdup(conf->data_dir);
    s->version = al_strdup(conf->version != NULL ? conf->version : "");
    s->inventory_url = conf->inventory_url != NULL ? al_strdup(conf->inventory_url) : NULL;
    s->import_dir = conf->import_dir != NULL ? al_strdup(conf->import_dir) : NULL;
    if (s->data_dir == NULL || s->version == NULL ||
        (conf->import_dir != NULL && s->import_dir == NULL) ||
        (conf->inventory_url != NULL && s->inventory_url == NULL)) {
        return AL_ENOMEM;
    }
    SV_TRY(store_db_open(&store, &s->db, fail));
    SV_TRY(auth_open(conf->port, conf->data_dir, &s->auth, fail));
    SV_TRY(bus_open(conf->bus_url, &s->bus, fail));
    SV_TRY(series_open(conf->series_url, &s->series, fail));
    SV_TRY(work_open(s, fail));
    s->work_is_open = true;
    return first_start(s, ret_password, fail);
}

int
service_open(const struct service_conf *conf, struct service **ret, char **ret_first_password,
             struct al_fail *fail)
{
    struct service *s = al_zalloc(sizeof *s);
    char *password = NULL;
    int rc;

    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    s->port = conf->port;
    s->log = conf->log;
    s->opened_ns = port_now_ns(s->port);
    port_mutex_init(&s->lock);
    rc = open_parts(s, conf, &password, fail);
    if (rc != AL_OK) {
        (void)service_close(s); /* always NULL */
        return al_fail_set(fail, rc, 0, "altod's data cannot be opened: %s", al_code_name(rc));
    }
    *ret = s;
    *ret_first_password = password;
    return AL_OK;
}

struct service *
service_close(struct service *s)
{
    if (s == NULL) {
        return NULL;
    }
    if (s->work_is_open) {
        work_close(s);
    }
    s->series = series_close(s->series);
    s->bus = bus_close(s->bus);
    s->auth = auth_close(s->auth);
    s->db = store_db_close(s->db);
    port_mutex_end(&s->lock);
    al_free(s->import_dir);
    al_free(s->inventory_url);
    al_free(s->version);
    al_free(s->data_dir);
    al_free(s);
    return NULL;
}

int
service_worker_open(struct service *s, struct service_worker **ret, struct al_fail *fail)
{
    struct service_worker *w = al_zalloc(sizeof *w);
    int rc;

    if (w == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    w->service = s;
    rc = store_open(s->db, &w->db, fail);
    if (rc == AL_OK) {
        rc = first_password_told(w, fail);
    }
    if (rc != AL_OK) {
        (void)service_worker_close(w); /* always NULL */
        return rc;
    }
    *ret = w;
    return AL_OK;
}

struct service_worker *
service_worker_close(struct service_worker *w)
{
    if (w != NULL) {
        w->db = store_close(w->db);
        al_free(w);
    }
    return NULL;
}

/* ---- who ---- */

static void
caller_of_user(const struct store_user *u, const struct store_session *t, struct caller *c)
{
    c->role = u->role;
    memcpy(c->id, u->id, sizeof c->id);
    (void)snprintf(c->name, sizeof c->name, "%s", u->name);
    memcpy(c->customer_id, u->customer_id, sizeof c->customer_id);
    memcpy(c->session_id, t->id, sizeof c->session_id);
    memcpy(c->csrf, t->csrf, sizeof c->csrf);
}

int
service_authenticate(struct service_worker *w, const char *bearer, const char *cookie_token,
                     int64_t now_ns, struct caller *ret)
{
    char name[STORE_NAME_BYTES_MAX + 1];
    const char *token = bearer != NULL ? bearer : cookie_token;
    struct caller c = {.by_cookie = bearer == NULL};
    struct store_session session;
    struct al_fail quiet = {0};
    struct store_user user;
    struct store_host host;

    if (token == NULL) {
        return AL_EAUTH;
    }
    if (bearer != NULL && strchr(bearer, '.') != NULL) {
        SV_TRY(auth_host(w->db, bearer, &host, name, &quiet));
        c.role = ROLE_HOST;
        memcpy(c.id, host.id, sizeof c.id);
        memcpy(c.customer_id, host.customer_id, sizeof c.customer_id);
        (void)snprintf(c.name, sizeof c.name, "%s", host.name);
    } else {
        SV_TRY(auth_session(w->db, token, now_ns, &session, &user, name, &quiet));
        caller_of_user(&user, &session, &c);
    }
    *ret = c;
    return AL_OK;
}

/* ---- housekeeping ---- */

/* True about once a minute, for one of the callers. */
static bool
prune_is_due(struct service *s, int64_t now_ns)
{
    bool due;

    port_mutex_lock(&s->lock);
    due = now_ns - s->pruned_ns >= SERVICE_PRUNE_EVERY_NS || now_ns < s->pruned_ns;
    if (due) {
        s->pruned_ns = now_ns;
    }
    port_mutex_unlock(&s->lock);
    return due;
}

static int
prune(struct service_worker *w, int64_t now_ns)
{
    struct al_fail fail = {0};
    int rc;

    SV_TRY(store_begin(w->db, &fail));
    rc = store_prune(w->db, now_ns, &fail);
    if (rc == AL_OK) {
        rc = store_commit(w->db, &fail);
    } else {
        store_rollback(w->db);
    }
    return rc == AL_OK ? series_prune(w->service->series, w->db, now_ns) : rc;
}

int
service_tick(struct service_worker *w, int64_t now_ns)
{
    int rc = AL_OK, work;

    if (prune_is_due(w->service, now_ns)) {
        rc = prune(w, now_ns);
    }
    work = work_tick(w, now_ns); /* leases go on whatever became of the pruning */
    return rc != AL_OK ? rc : work;
}

/* ---- live events ---- */

static void
pass_on_event(void *ctx, const struct bus_message *m)
{
    struct service *s = ctx;
    struct service_event e = {m->seq, m->event, m->customer_id, m->data};

    s->on_event(s->on_event_ctx, &e);
}

int
service_subscribe(struct service *s, void (*on_event)(void *ctx, const struct service_event *e),
                  void *ctx)
{
    if (s->on_event != NULL) {
        return AL_EEXIST;
    }
    s->on_event = on_event;
    s->on_event_ctx = ctx;
    return bus_subscribe(s->bus, pass_on_event, s);
}

int
service_on_wake(struct service *s, void (*on_wake)(void *ctx, const char *topic), void *ctx)
{
    return bus_on_wake(s->bus, on_wake, ctx);
}
