/* lease.c: the lease thread: says what runs, gets what is to be done. */
#include "agent/link/link_priv.h"

#include <stdio.h>
#include <string.h>

/* Works whose end the server has applied are running no more. */
static void
drop_ended(struct link *l)
{
    uint64_t applied = spool_applied_pos(l->conf.spool);

    for (size_t i = 0; i < l->running_count;) {
        if (l->running[i].ended && l->running[i].end_pos <= applied) {
            l->running[i] = l->running[--l->running_count];
        } else {
            i++;
        }
    }
}

static unsigned
workers(struct link *l)
{
    unsigned n = l->conf.workers != 0 ? l->conf.workers
                 : l->config != NULL  ? l->config->workers
                                      : 1;

    if (spool_full(l->conf.spool)) {
        return 0;
    }
    return n > LINK_WORKERS_MAX ? LINK_WORKERS_MAX : n == 0 ? 1 : n;
}

/* How full the volumes are: while works run, or just did, often enough for a run that shall free
 * no more than needed; else now and then. What could not be read is told next time. */
static int
add_spaces(struct link *l, json_t *body, bool busy)
{
    int64_t now = port_mono_ns(l->conf.port);
    json_t *list;
    int rc;

    if (l->conf.spaces == NULL ||
        (l->space_ns != 0 &&
         now - l->space_ns < (busy || l->was_busy ? LINK_SPACE_BUSY_NS : LINK_SPACE_NS))) {
        return AL_OK;
    }
    list = json_array();
    rc = list == NULL ? AL_ENOMEM : l->conf.spaces(l->conf.ctx, list);
    if (rc != AL_OK) {
        json_decref(list);
        return rc;
    }
    if (json_array_size(list) > 0) { /* volumes are still being opened: asked again at once */
        l->space_ns = now;
    }
    l->was_busy = busy;
    return al_json_set(body, "volumes", list);
}

static int
request_body(struct link *l, json_t *body, bool *ret_busy)
{
    json_t *running = json_array();
    int rc = AL_OK;

    port_mutex_lock(&l->mutex);
    drop_ended(l);
    for (size_t i = 0; i < l->running_count && rc == AL_OK; i++) {
        rc = json_array_append_new(running, json_string(l->running[i].id)) == 0 ? AL_OK : AL_ENOMEM;
    }
    *ret_busy = l->running_count > 0;
    port_mutex_unlock(&l->mutex);
    l->was_busy = l->was_busy || *ret_busy;
    rc = rc != AL_OK ? rc : add_spaces(l, body, *ret_busy);
    rc = rc != AL_OK ? rc : al_json_set_u64(body, "workers", workers(l));
    rc = rc != AL_OK
             ? rc
             : al_json_set_u64(body, "config_version", l->config != NULL ? l->config->version : 0);
    if (rc != AL_OK) {
        json_decref(running);
        return rc;
    }
    return al_json_set(body, "running", running);
}

/* ---- configuration ---- */

static int
fetch_config(struct link *l, struct al_fail *fail)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    struct agent_config *c = NULL;
    int rc =
        api_call(l->lease_http, &(struct api_call){.method = "GET", .path = "/api/v1/agent/config"},
                 &reply, fail);

    if (rc == AL_OK) {
        rc = agent_config_parse(reply.json, &c, fail);
    }
    if (rc == AL_OK && strcmp(c->host_id, l->conf.identity->host_id) != 0) {
        rc = al_fail_set(fail, AL_EFOREIGN, 0, "the server gave the configuration of another host");
    }
    if (rc == AL_OK) {
        rc = agent_config_save(l->conf.port, l->conf.state, reply.json);
        if (rc != AL_OK) {
            (void)al_fail_set(fail, rc, port_os_error(l->conf.port),
                              "the configuration cannot be kept in the state directory");
        }
    }
    if (rc != AL_OK) {
        (void)agent_config_unref(c); /* returns NULL */
        return rc;
    }
    port_mutex_lock(&l->mutex);
    (void)agent_config_unref(l->config); /* returns NULL */
    l->config = c;
    port_mutex_unlock(&l->mutex);
    al_log(l->conf.log, AL_LOG_INFO, "configuration %llu: %u volumes, %u shares",
           (unsigned long long)c->version, (unsigned)c->volume_count, (unsigned)c->share_count);
    l->conf.on_config(l->conf.ctx, c);
    return AL_OK;
}

/* ---- the answer ---- */

static bool
start_running(struct link *l, const char *work_id)
{
    bool ok;

    port_mutex_lock(&l->mutex);
    for (size_t i = 0; i < l->running_count; i++) {
        /* Given again after it was given back: it begins anew, whether its end is known to have
         * arrived or not. */
        if (l->running[i].ended && strcmp(l->running[i].id, work_id) == 0) {
            l->running[i] = l->running[--l->running_count];
            break;
        }
    }
    ok = l->running_count < LINK_RUNNING_MAX;
    for (size_t i = 0; i < l->running_count && ok; i++) {
        ok = strcmp(l->running[i].id, work_id) != 0; /* given twice: it runs already */
    }
    if (ok) {
        struct link_running *r = &l->running[l->running_count++];

        *r = (struct link_running){0};
        memcpy(r->id, work_id, sizeof(r->id));
    }
    port_mutex_unlock(&l->mutex);
    return ok;
}

static void
take_work(struct link *l, const json_t *j)
{
    struct al_fail fail = {0};
    struct work *w = NULL;
    al_id id;
    int rc = work_parse(j, &w, id, &fail);

    if (id[0] == '\0' || !start_running(l, id)) {
        (void)work_free(w); /* returns NULL */
        return;
    }
    if (rc == AL_OK) {
        al_log(l->conf.log, AL_LOG_DEBUG, "work %s: %s, %u items", id, work_kind_name(w->kind),
               (unsigned)w->item_count);
        if (link_works_save(l) != AL_OK) {
            al_log(l->conf.log, AL_LOG_WARN, "the list of running works could not be kept");
        }
        l->conf.on_work(l->conf.ctx, w);
        return;
    }
    al_log(l->conf.log, AL_LOG_WARN, "work %s is refused (%s): %s", id, al_code_name(rc),
           fail.text);
    if (link_work_end(l, id, rc, fail.text) != AL_OK) {
        al_log(l->conf.log, AL_LOG_ERROR, "the end of work %s could not be spooled", id);
    }
}

static void
take_cancel(struct link *l, const char *work_id)
{
    bool was = false;

    port_mutex_lock(&l->mutex);
    for (size_t i = 0; i < l->running_count; i++) {
        if (strcmp(l->running[i].id, work_id) == 0) {
            was = !l->running[i].ended;
            l->running[i] = l->running[--l->running_count];
            break;
        }
    }
    port_mutex_unlock(&l->mutex);
    if (was) {
        l->conf.on_cancel(l->conf.ctx, work_id);
    }
}

static int
take_answer(struct link *l, const json_t *answer, struct al_fail *fail)
{
    const json_t *work = json_object_get(answer, "work"),
                 *cancel = json_object_get(answer, "cancel"),
                 *pause = json_object_get(answer, "pause");
    uint64_t version = 0;
    int rc = al_json_u64(answer, "config_version", &version, fail);

    if (rc != AL_OK) {
        return rc;
    }
    for (size_t i = 0; i < json_array_size(cancel); i++) {
        const char *id = json_string_value(json_array_get(cancel, i));

        if (id != NULL) {
            take_cancel(l, id);
        }
    }
    for (size_t i = 0; i < json_array_size(pause); i++) {
        const char *id = json_string_value(json_array_get(pause, i));

        if (id != NULL) {
            l->conf.on_pause(l->conf.ctx, id);
        }
    }
    /* First the configuration: the work may be about a volume that is new in it. */
    if (l->config == NULL || version != l->config->version) {
        rc = fetch_config(l, fail);
    }
    for (size_t i = 0; i < json_array_size(work); i++) {
        take_work(l, json_array_get(work, i));
    }
    return rc;
}

static int
poll(struct link *l, uint32_t *ret_retry_s, struct al_fail *fail)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    AL_CLEANUP(al_json_freep) json_t *body = json_object();
    bool busy = false, paused = workers(l) == 0;
    unsigned wait_s;
    char path[64];
    int rc = request_body(l, body, &busy);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    wait_s = busy || paused || l->was_busy ? LINK_BUSY_WAIT_S : LINK_WAIT_S;
    (void)snprintf(path, sizeof(path), "/api/v1/agent/lease?wait_s=%u", wait_s);
    rc = api_call(
        l->lease_http,
        &(struct api_call){
            .method = "POST", .path = path, .body = body, .timeout_ms = (wait_s + 30) * 1000},
        &reply, fail);
    *ret_retry_s = reply.retry_after_s;
    if (rc == AL_OK) {
        rc = take_answer(l, reply.json, fail);
    }
    return rc;
}

void *
lease_main(void *link)
{
    struct link *l = link;
    struct pause pause = {0};

    while (!atomic_load(&l->stopping)) {
        struct al_fail fail = {0};
        uint32_t retry_s = 0;
        int rc = poll(l, &retry_s, &fail);

        if (rc == AL_ECANCELED) {
            break; /* link_stop; nothing else cancels */
        }
        link_told(l, LINK_LEASE, rc, &fail);
        if (rc == AL_OK) {
            pause.ms = 0;
        } else {
            link_pause(l, &pause, retry_s);
        }
    }
    return NULL;
}
