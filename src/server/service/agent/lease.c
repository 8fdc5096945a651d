#include "server/service/agent/agent.h"
#include "server/service/agent/ops.h"

#include <string.h>

#define LEASE_RUNNING_MAX 1024u /* works one agent holds */
#define LEASE_WORKERS_MAX 256u
#define LEASE_URGENT 4u     /* checks and recalls above what the agent says it can hold */
#define LEASE_GIVEN_MAX 12u /* works of one answer: some 4 MiB of items */
#define LEASE_WAIT_S_MAX 60u
#define LEASE_SPACES_MAX 1024u /* volumes of a host whose space is told at once */
#define LEASE_WAIT_S 25u
#define LEASE_ARENA_MAX (64u << 20) /* items of all works of one answer */

struct leasing_space {
    const char *volume_id;
    uint64_t total, free;
};

struct leasing {
    const char **running; /* in the request's arena */
    enum store_held *held;
    size_t count;
    uint64_t workers, config_version, wait_s;
    size_t room, urgent;
    struct leasing_space *spaces; /* of volumes, told once a request; in its arena */
    size_t space_count;
    bool parked; /* the request has waited: what it says of works may be over */
    struct al_jsonout j;
    size_t leased;
    struct work_tx *t;
};

static int
read_running(struct service_req *req, struct leasing *l, struct al_fail *fail)
{
    const json_t *list = json_object_get(req->body, "running");
    size_t count = list == NULL ? 0 : json_array_size(list);

    if (list != NULL && !json_is_array(list)) {
        return al_fail_set(fail, AL_EINVAL, 0, "running: an array of ids");
    }
    if (count > LEASE_RUNNING_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "running: at most %u", LEASE_RUNNING_MAX);
    }
    l->running = al_arena_alloc(req->arena, (count + 1) * sizeof(*l->running));
    l->held = al_arena_alloc(req->arena, (count + 1) * sizeof(*l->held));
    if (l->running == NULL || l->held == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        l->running[i] = json_string_value(json_array_get(list, i));
        if (l->running[i] == NULL || !al_id_valid(l->running[i])) {
            return al_fail_set(fail, AL_EINVAL, 0, "running: an array of ids");
        }
    }
    l->count = count;
    return AL_OK;
}

static int
read_spaces(struct service_req *req, struct leasing *l, struct al_fail *fail)
{
    const json_t *list = json_object_get(req->body, "volumes");
    size_t count = list == NULL ? 0 : json_array_size(list);

    if ((list != NULL && !json_is_array(list)) || count > LEASE_SPACES_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "volumes: an array of at most %u", LEASE_SPACES_MAX);
    }
    l->spaces = al_arena_alloc(req->arena, (count + 1) * sizeof(*l->spaces));
    if (l->spaces == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_array_get(list, i);
        struct leasing_space *s = &l->spaces[i];

        s->volume_id = json_string_value(json_object_get(v, "volume_id"));
        if (s->volume_id == NULL || !al_id_valid(s->volume_id)) {
            return al_fail_set(fail, AL_EINVAL, 0, "volumes: each has a volume_id");
        }
        SV_TRY(al_json_u64(v, "bytes_total", &s->total, fail));
        SV_TRY(al_json_u64(v, "bytes_free", &s->free, fail));
    }
    l->space_count = count;
    return AL_OK;
}

/* What an agent that is at work on so many may be given. */
static void
make_room(struct leasing *l, size_t busy)
{
    l->room = l->workers > busy ? (size_t)(l->workers - busy) : 0;
    l->room = l->room < LEASE_GIVEN_MAX ? l->room : LEASE_GIVEN_MAX;
    /* An agent that takes nothing at all (workers 0: it is going, or its spool is full) still says
     * that it lives. */
    l->urgent = l->workers == 0                     ? 0
                : busy >= l->workers + LEASE_URGENT ? 0
                : busy <= l->workers                ? LEASE_URGENT
                                                    : (size_t)(l->workers + LEASE_URGENT - busy);
}

static int
read_request(struct service_req *req, struct leasing *l, struct al_fail *fail)
{
    static const char *const keys[] = {"workers", "running", "config_version", "volumes", NULL};

    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_u64(req, "workers", LEASE_WORKERS_MAX, &l->workers, fail));
    SV_TRY(service_body_u64(req, "config_version", UINT64_MAX >> 1, &l->config_version, fail));
    SV_TRY(service_query_u64(req, "wait_s", LEASE_WAIT_S, LEASE_WAIT_S_MAX, &l->wait_s, fail));
    SV_TRY(read_running(req, l, fail));
    SV_TRY(read_spaces(req, l, fail));
    make_room(l, l->count);
    return AL_OK;
}

static int
one_work(void *ctx, const struct store_work *w)
{
    struct leasing *l = ctx;
    struct al_jsonout *j = &l->j;

    l->leased++;
    al_jo_object(j, NULL);
    al_jo_str(j, "work_id", w->id);
    al_jo_str(j, "job_id", w->job_id);
    al_jo_str(j, "kind", store_job_kind_name(w->kind));
    al_jo_str(j, "volume_id", w->volume_id[0] == '\0' ? NULL : w->volume_id);
    al_jo_u64(j, "lease_s", WORK_LEASE_S);
    if (w->kind == STORE_J_SCAN) {
        al_jo_str(j, "scan_id", w->scan_id);
    }
    if (w->kind == STORE_J_CHECK_SHARE) {
        al_jo_str(j, "share_id", w->share_id);
    }
    if (w->kind == STORE_J_TEST_SHARE) {
        SV_TRY(agent_share_test_lend(l->t, w->id, j));
    }
    if (store_job_kind_writes(w->kind)) {
        al_jo_str(j, "rule_id", w->rule_id[0] == '\0' ? NULL : w->rule_id);
        al_jo_str(j, "rule_where", w->rule_where == NULL ? "" : w->rule_where);
        al_jo_i64(j, "now_ns", w->plan_ns);
    }
    if (store_job_kind_moves(w->kind) || w->kind == STORE_J_ADOPT) {
        al_jo_raw(j, "items", w->json.len > 0 ? w->json : al_span_of("[]"));
    }
    al_jo_close(j);
    if (w->job_id[0] != '\0') {
        SV_TRY(work_touch(l->t, WORK_T_JOB, w->job_id, w->customer_id));
    }
    return j->rc;
}

static int
host_here(struct work_tx *t)
{
    bool was_online;

    SV_TRY(store_host_seen(t->db, &t->scope, t->actor_id, t->now_ns, &was_online, t->fail));
    if (was_online) {
        return AL_OK;
    }
    SV_TRY(work_touch(t, WORK_T_HOST, t->actor_id, t->scope.customer_id));
    SV_TRY(work_touch(t, WORK_T_FIGURES, t->scope.customer_id, t->scope.customer_id));
    return work_event(t, &(struct work_event){
                             .customer_id = t->scope.customer_id,
                             .act = "host.online",
                             .subject_type = "host",
                             .subject_id = t->actor_id,
                         });
}

/* What was true when the request came: a parked one that is woken tells nothing new. */
static int
take_spaces(struct work_tx *t, struct leasing *l)
{
    for (size_t i = 0; i < l->space_count; i++) {
        const struct leasing_space *s = &l->spaces[i];

        SV_TRY(store_volume_space(t->db, &t->scope, t->actor_id, s->volume_id, s->total, s->free,
                                  t->now_ns, t->fail));
        SV_TRY(work_touch(t, WORK_T_VOLUME_STATE, s->volume_id, t->scope.customer_id));
    }
    l->space_count = 0;
    return AL_OK;
}

static int
tell_pausing(struct work_tx *t, const struct leasing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->held[i] == STORE_HELD_PAUSING) {
            return store_work_told(t->db, &t->scope, t->actor_id, t->fail);
        }
    }
    return AL_OK;
}

static int
lease_in_tx(struct work_tx *t, struct service_req *req, struct leasing *l, uint64_t *io_version)
{
    int64_t until_ns = t->now_ns + WORK_LEASE_NS;
    int64_t taken_ns = t->now_ns + (int64_t)WORK_TAKEN_S * 1000000000;
    size_t busy = 0;

    SV_TRY(host_here(t));
    SV_TRY(store_work_prolong(t->db, &t->scope, t->actor_id, l->running, l->count, !l->parked,
                              until_ns, l->held, t->fail));
    SV_TRY(tell_pausing(t, l));
    SV_TRY(take_spaces(t, l));
    /* What ended since the agent asked leaves a place. */
    for (size_t i = 0; i < l->count; i++) {
        busy += l->held[i] != STORE_HELD_NOT;
    }
    make_room(l, busy);
    al_jo_array(&l->j, "work");
    SV_TRY(store_work_lease(t->db, &t->scope, t->actor_id, l->room, l->urgent, t->now_ns, taken_ns,
                            t->arena, one_work, l, t->fail));
    al_jo_close(&l->j);
    if (l->leased > 0) { /* a work may need what came into the configuration together with it */
        SV_TRY(agent_config_version(req, io_version, t->fail));
    }
    return store_commit(t->db, t->fail);
}

static void
list_running(struct leasing *l, const char *key, enum store_held from, enum store_held to)
{
    al_jo_array(&l->j, key);
    for (size_t i = 0; i < l->count; i++) {
        if (l->held[i] >= from && l->held[i] <= to) {
            al_jo_str(&l->j, NULL, l->running[i]);
        }
    }
    al_jo_close(&l->j);
}

static int
lease_now(struct service_req *req, struct service_reply *reply, struct leasing *l,
          uint64_t *io_version, struct al_fail *fail)
{
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(LEASE_ARENA_MAX);
    struct work_tx t;
    int rc;

    if (arena == NULL) {
        return AL_ENOMEM;
    }
    work_tx_of(&t, req, fail);
    t.arena = arena;
    l->t = &t;
    al_buf_clear(&reply->body);
    al_jo_begin(&l->j, &reply->body);
    al_jo_object(&l->j, NULL);
    SV_TRY(store_begin(t.db, fail));
    rc = lease_in_tx(&t, req, l, io_version);
    if (rc != AL_OK) {
        store_rollback(t.db);
        al_buf_clear(&reply->body);
        return rc;
    }
    list_running(l, "cancel", STORE_HELD_NOT, STORE_HELD_NOT);
    list_running(l, "pause", STORE_HELD_PAUSING, STORE_HELD_LEAVING);
    al_jo_u64(&l->j, "config_version", *io_version);
    al_jo_close(&l->j);
    work_tell(&t);
    return al_jo_end(&l->j);
}

static bool
says_nothing(const struct leasing *l, uint64_t version)
{
    bool drops = false;

    for (size_t i = 0; i < l->count; i++) {
        drops = drops || l->held[i] == STORE_HELD_NOT || l->held[i] == STORE_HELD_PAUSING;
    }
    return l->leased == 0 && !drops && version == l->config_version;
}

/* A heartbeat is written when the request comes; while it is parked only reads look for news, so
 * that waking a thousand parked agents costs no thousand transactions. */
int
agent_lease(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct leasing l = {0};
    uint64_t version;
    bool parked = reply->park_until_ns != 0, waiting = true;

    SV_TRY(read_request(req, &l, fail));
    l.space_count = parked ? 0 : l.space_count;
    l.parked = parked;
    SV_TRY(agent_config_version(req, &version, fail));
    if (parked && req->now_ns < reply->park_until_ns && version == l.config_version) {
        SV_TRY(store_work_waiting(req->worker->db, &scope, req->caller->id, l.running, l.count,
                                  l.room, l.urgent, &waiting, fail));
    }
    if (waiting) {
        SV_TRY(lease_now(req, reply, &l, &version, fail));
        if (!says_nothing(&l, version) || l.wait_s == 0 ||
            (parked && req->now_ns >= reply->park_until_ns)) {
            return AL_OK;
        }
        al_buf_clear(&reply->body);
    }
    if (!parked) {
        reply->park_until_ns = req->now_ns + (int64_t)l.wait_s * 1000000000;
    }
    reply->park_topic = service_printf(req, "host:%s", req->caller->id);
    return reply->park_topic == NULL ? AL_ENOMEM : AL_OK;
}
