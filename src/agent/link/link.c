#include "agent/link/link_priv.h"

#include <string.h>

#include "base/mem.h"

int
link_http(struct link *l, struct http **ret, struct al_fail *fail)
{
    const struct identity *id = l->conf.identity;

    return http_open(&(struct http_conf){.url = id->server,
                                         .ca_file = id->ca_file,
                                         .bearer = id->bearer,
                                         .program = l->conf.program},
                     ret, fail);
}

void
link_pause(struct link *l, struct pause *p, uint32_t retry_after_s)
{
    int64_t ns, until;
    uint16_t random = 0;

    p->ms = p->ms == 0                      ? LINK_PAUSE_MS_MIN
            : p->ms * 2 > LINK_PAUSE_MS_MAX ? LINK_PAUSE_MS_MAX
                                            : p->ms * 2;
    if (port_random(l->conf.port, &random, sizeof(random)) != AL_OK) {
        random = 0; /* without jitter then */
    }
    ns = (int64_t)p->ms * 1000000;
    if (retry_after_s > 0 && (int64_t)retry_after_s * 1000000000 > ns) {
        ns = (int64_t)retry_after_s * 1000000000;
    }
    ns = ns / 2 + ns / 2 * random / UINT16_MAX; /* between half and whole */
    until = port_mono_ns(l->conf.port) + ns;
    port_mutex_lock(&l->mutex);
    while (!atomic_load(&l->stopping) && port_mono_ns(l->conf.port) < until) {
        (void)port_cond_wait_for(&l->wake, &l->mutex,
                                 until -
                                     port_mono_ns(l->conf.port)); /* the loop looks why it ended */
    }
    port_mutex_unlock(&l->mutex);
}

void
link_told(struct link *l, enum link_part part, int code, const struct al_fail *fail)
{
    bool same;

    if (code == AL_ECANCELED) {
        return;
    }
    port_mutex_lock(&l->mutex);
    same = l->code[part] == code;
    l->code[part] = code;
    if (part == LINK_LEASE) {
        same = same && l->polls > 0;
        l->online = code == AL_OK;
        l->polls += code == AL_OK;
    }
    port_mutex_unlock(&l->mutex);
    if (same) {
        return;
    }
    if (code != AL_OK) {
        al_log(l->conf.log, AL_LOG_WARN, "%s (%s): %s",
               part == LINK_LEASE ? "the server cannot be used" : "the server takes nothing",
               al_code_name(code), fail->text);
    } else if (part == LINK_LEASE) {
        al_log(l->conf.log, AL_LOG_INFO, "the server %s answers", l->conf.identity->server);
    }
}

static bool
flushed(struct link *l)
{
    return spool_waiting(l->conf.spool) == 0;
}

static void *
late_main(void *link)
{
    struct link *l = link;

    spool_late_run(l->conf.spool);
    return NULL;
}

static void
late_stop(struct link *l)
{
    spool_late_end(l->conf.spool);
    port_thread_join(&l->late_thread);
}

static void
batch_stop(struct link *l)
{
    atomic_store(&l->stopping, true);
    http_cancel(l->batch_http);
    spool_wake(l->conf.spool);
    port_thread_join(&l->batch_thread);
}

struct link *
link_stop(struct link *l)
{
    int64_t until;

    if (l == NULL) {
        return NULL;
    }
    until = port_mono_ns(l->conf.port) + (int64_t)LINK_FLUSH_MS * 1000000;
    http_cancel(l->lease_http); /* no new work */
    late_stop(l);
    port_mutex_lock(&l->mutex);
    l->flushing = true;
    port_cond_broadcast(&l->wake); /* the batch thread need not gather any more */
    while (l->online && !flushed(l) && port_mono_ns(l->conf.port) < until) {
        (void)port_cond_wait_for(&l->flushed, &l->mutex,
                                 until -
                                     port_mono_ns(l->conf.port)); /* the loop looks why it ended */
    }
    atomic_store(&l->stopping, true);
    port_cond_broadcast(&l->wake);
    port_mutex_unlock(&l->mutex);
    batch_stop(l);
    port_thread_join(&l->lease_thread);
    if (link_works_save(l) != AL_OK) { /* what ended is not given back once more */
        al_log(l->conf.log, AL_LOG_DEBUG, "the list of running works could not be kept");
    }
    (void)agent_config_unref(l->config); /* returns NULL, as the next do */
    (void)http_close(l->lease_http);
    (void)http_close(l->batch_http);
    port_cond_end(&l->flushed);
    port_cond_end(&l->wake);
    port_mutex_end(&l->mutex);
    al_free(l);
    return NULL;
}

static int
threads_start(struct link *l, struct al_fail *fail)
{
    int rc = link_http(l, &l->lease_http, fail);

    if (rc == AL_OK) {
        rc = link_http(l, &l->batch_http, fail);
    }
    if (rc == AL_OK) {
        spool_late_begin(l->conf.spool);
        rc = port_thread_start(&l->late_thread, "spool", 0, late_main, l);
    }
    if (rc != AL_OK) {
        spool_late_end(l->conf.spool);
        return rc;
    }
    rc = port_thread_start(&l->batch_thread, "batch", 0, batch_main, l);
    if (rc == AL_OK) {
        rc = port_thread_start(&l->lease_thread, "lease", 0, lease_main, l);
        if (rc != AL_OK) {
            batch_stop(l);
        }
    }
    if (rc != AL_OK) {
        late_stop(l);
    }
    return rc;
}

int
link_start(const struct link_conf *conf, struct link **ret, struct al_fail *fail)
{
    struct link *l = al_zalloc(sizeof(*l));
    int rc;

    if (l == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    l->conf = *conf;
    l->config = conf->config != NULL ? agent_config_ref(conf->config) : NULL;
    atomic_init(&l->stopping, false);
    port_mutex_init(&l->mutex);
    port_cond_init(&l->wake);
    port_cond_init(&l->flushed);
    link_works_give_back(l);
    rc = threads_start(l, fail);
    if (rc != AL_OK) {
        (void)agent_config_unref(l->config); /* returns NULL, as the next do */
        (void)http_close(l->lease_http);
        (void)http_close(l->batch_http);
        port_cond_end(&l->flushed);
        port_cond_end(&l->wake);
        port_mutex_end(&l->mutex);
        al_free(l);
        return al_fail_set(fail, rc, 0, "the link to the server cannot be started");
    }
    *ret = l;
    return AL_OK;
}

/* ---- works ---- */

static struct link_running *
find(struct link *l, const char *work_id)
{
    for (size_t i = 0; i < l->running_count; i++) {
        if (strcmp(l->running[i].id, work_id) == 0) {
            return &l->running[i];
        }
    }
    return NULL;
}

/* Spools the line that ends a work. The work counts as running until the server has it. */
static int
end_with(struct link *l, const char *work_id, const struct al_buf *line)
{
    struct link_running *r;
    uint64_t pos = 0;
    int rc = spool_put(l->conf.spool, al_buf_span(line), &pos);

    port_mutex_lock(&l->mutex);
    r = find(l, work_id);
    if (r != NULL && rc == AL_OK) {
        r->ended = true;
        r->end_pos = pos;
    } else if (r != NULL) {
        *r = l->running[--l->running_count]; /* its lease runs out, and it is done again */
    }
    port_cond_broadcast(&l->wake);
    port_mutex_unlock(&l->mutex);
    return rc;
}

static bool
is_ours(struct link *l, const char *work_id)
{
    bool known;

    port_mutex_lock(&l->mutex);
    known = find(l, work_id) != NULL;
    port_mutex_unlock(&l->mutex);
    return known;
}

int
link_work_end(struct link *l, const char *work_id, int code, const char *text)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    int rc;

    al_buf_init(&line, SPOOL_RECORD_MAX);
    if (!is_ours(l, work_id)) {
        return AL_OK; /* the server took it back */
    }
    rc = record_work_end(work_id, code, text, &line);
    return rc != AL_OK ? rc : end_with(l, work_id, &line);
}

int
link_scan_end(struct link *l, const char *work_id, const struct record_scan *r)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    int rc;

    al_buf_init(&line, SPOOL_RECORD_MAX);
    if (!is_ours(l, work_id)) {
        return AL_OK;
    }
    rc = record_scan_end(r, &line);
    return rc != AL_OK ? rc : end_with(l, work_id, &line);
}

void
link_progress(struct link *l, const char *work_id, uint64_t files, uint64_t bytes)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};

    al_buf_init(&line, 4096);
    if (record_progress(work_id, files, bytes, &line) != AL_OK ||
        spool_add(l->conf.spool, al_buf_span(&line)) != AL_OK) {
        al_log(l->conf.log, AL_LOG_DEBUG, "progress of work %s was not spooled",
               work_id); /* nice to know, no more */
    }
}

void
link_figures(struct link *l, struct link_figures *ret)
{
    port_mutex_lock(&l->mutex);
    *ret = (struct link_figures){.online = l->online,
                                 .running = (unsigned)l->running_count,
                                 .batches = l->batches,
                                 .polls = l->polls,
                                 .code = l->code[LINK_LEASE] != AL_OK ? l->code[LINK_LEASE]
                                                                      : l->code[LINK_SEND]};
    port_mutex_unlock(&l->mutex);
    ret->spooled = spool_waiting(l->conf.spool);
}
