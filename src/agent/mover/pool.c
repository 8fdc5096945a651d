#include <stdio.h>
#include <string.h>

#include "agent/mover/mover_pool.h"
#include "agent/target/target_cache.h"
#include "base/list.h"
#include "base/mem.h"
#include "port/thread.h"

struct job { /* one accepted item */
    struct al_list node;
    struct mover_item item;
    void (*done)(void *ctx, const struct mover_item *item, const struct mover_result *r);
    void *ctx;
    bool cancelled;
    char strings[]; /* path, job id, rule id */
};

struct worker {
    struct mover_pool *pool;
    struct port_thread thread;
    bool started;
    port_mutex lock; /* over mover, so that the watcher never sees a freed one */
    struct mover *mover;
    struct job *job;
    uint64_t bytes; /* of the one under way; the worker writes, under lock */
};

struct mover_pool {
    struct mover_pool_conf conf;
    port_mutex lock;
    port_cond work, room, idle, watch;
    struct al_list queue;
    unsigned queued, running;
    bool closing;
    struct mover_pool_figures figures;
    struct port_names *names;
    struct port_thread watcher;
    bool watching;
    unsigned workers;
    struct worker worker[];
};

static void
count(struct mover_pool *p, const struct mover_result *r)
{
    if (r->tiered) {
        p->figures.tiered++;
        p->figures.bytes += r->size;
        p->figures.freed += r->freed;
    } else if (r->refusal != STUB_R_NONE) {
        p->figures.refused++;
        p->figures.refusals[r->refusal]++;
    } else {
        p->figures.failed++;
    }
}

/* An item that never became a mover: its share cannot be reached, it was cancelled, memory. */
static void
finish_unmoved(struct worker *w, const struct job *job, int code, const struct al_fail *fail)
{
    const struct mover_env *env = w->pool->conf.env;
    struct mover_result r = {.code = code};
    struct outcome o = {.act = mover_act_name(job->item.act), .code = code, .reason = ""};

    r.fail = *fail;
    o.text = r.fail.text;
    o.volume_id = job->item.volume->volume_id;
    o.share_id = job->item.volume->share_id;
    o.job_id = job->item.job_id;
    o.rule_id = job->item.rule_id;
    o.path = job->item.path;
    o.began_ns = o.ended_ns = port_now_ns(env->port);
    r.reported = env->sink->put(env->sink, &o) == AL_OK;
    port_mutex_lock(&w->pool->lock);
    count(w->pool, &r);
    port_mutex_unlock(&w->pool->lock);
    job->done(job->ctx, &job->item, &r);
}

/* The volume's recalls go first: an opener waits, a job does not mind. */
static void
let_recalls_first(struct mover_pool *p)
{
    struct port *port = p->conf.env->port;
    int64_t until = port_mono_ns(port) + MOVER_PRESSED_NS;

    while (p->conf.pressed != NULL && p->conf.pressed(p->conf.pressed_ctx) &&
           port_mono_ns(port) < until) {
        port_sleep_ns(port, MOVER_WATCH_NS);
    }
}

static void
drive(struct worker *w, struct mover *m)
{
    for (;;) {
        enum mover_event e = mover_step(m);
        bool cancelled;

        port_mutex_lock(&w->lock);
        w->bytes = mover_bytes(m);
        cancelled = w->job->cancelled;
        port_mutex_unlock(&w->lock);
        if (e == MOVER_ENDED) {
            return;
        }
        if (cancelled) {
            mover_cancel(m);
        }
    }
}

/* True: the item was not told of and shall be tried again. */
static bool
attempt(struct worker *w, struct target_cache *shares, struct job *job, bool first)
{
    const struct mover_volume *v = job->item.volume;
    struct al_fail fail = {0};
    struct target *target = NULL;
    struct mover *m = NULL;
    bool again;
    int rc = target_cache_get(shares, v->share_id, &v->target, &target, &fail);

    if (rc == AL_OK) {
        rc = mover_new(w->pool->conf.env, target, &job->item, &m);
    }
    if (rc != AL_OK) {
        finish_unmoved(w, job, rc, &fail);
        return false;
    }
    mover_use_names(m, w->pool->names);
    if (first) {
        mover_may_repeat(m);
    }
    port_mutex_lock(&w->lock);
    w->mover = m;
    w->bytes = 0;
    port_mutex_unlock(&w->lock);
    drive(w, m);
    port_mutex_lock(&w->lock);
    w->mover = NULL;
    w->bytes = 0;
    port_mutex_unlock(&w->lock);
    again = mover_result(m)->repeat;
    if (!again) {
        port_mutex_lock(&w->pool->lock);
        count(w->pool, mover_result(m));
        port_mutex_unlock(&w->pool->lock);
        job->done(job->ctx, &job->item, mover_result(m));
    }
    (void)mover_free(m);
    return again;
}

static void
move(struct worker *w, struct target_cache *shares, struct job *job)
{
    if (attempt(w, shares, job, true)) {
        (void)attempt(w, shares, job, false); /* a second one is never repeated */
    }
}

/* Waits for work. Who waited for a while lets go of what it keeps for the next file, once. With the
 * lock held. */
static void
wait_work(struct mover_pool *p, struct target_cache *shares, bool *io_resting)
{
    if (*io_resting) {
        port_cond_wait(&p->work, &p->lock);
    } else if (!port_cond_wait_for(&p->work, &p->lock, TARGET_CACHE_REST_NS)) {
        *io_resting = true;
        port_mutex_unlock(&p->lock);
        target_cache_rest(shares);
        port_mutex_lock(&p->lock);
    }
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct mover_pool *p = w->pool;
    struct target_cache shares = {.port = p->conf.env->port};
    bool resting = true;
    const struct al_fail cancelled = {.code = AL_ECANCELED, .text = "cancelled"};

    port_mutex_lock(&p->lock);
    for (;;) {
        struct al_list *l = al_list_pop(&p->queue);
        struct job *job;

        if (l == NULL) {
            if (p->closing) {
                break;
            }
            wait_work(p, &shares, &resting);
            continue;
        }
        resting = false;
        job = AL_LIST_ITEM(l, struct job, node);
        p->queued--;
        p->running++;
        w->job = job;
        port_cond_signal(&p->room);
        port_cond_signal(&p->watch);
        if (job->cancelled || p->closing) {
            port_mutex_unlock(&p->lock);
            finish_unmoved(w, job, AL_ECANCELED, &cancelled);
        } else {
            port_mutex_unlock(&p->lock);
            let_recalls_first(p);
            if (p->conf.begins != NULL) {
                p->conf.begins(job->ctx);
            }
            move(w, &shares, job);
        }
        port_mutex_lock(&p->lock);
        w->job = NULL;
        p->running--;
        if (p->running == 0 && p->queued == 0) {
            port_cond_broadcast(&p->idle);
        }
        al_free(job);
    }
    port_mutex_unlock(&p->lock);
    target_cache_end(&shares);
    return NULL;
}

/* At rest it sleeps on the condition: no work, no wake-ups. */
static void *
watch(void *arg)
{
    struct mover_pool *p = arg;

    port_mutex_lock(&p->lock);
    while (!p->closing || p->running > 0) {
        if (p->running == 0) {
            port_cond_wait(&p->watch, &p->lock);
            continue;
        }
        port_mutex_unlock(&p->lock);
        for (unsigned k = 0; k < p->workers; k++) {
            struct worker *w = &p->worker[k];

            port_mutex_lock(&w->lock);
            if (w->mover != NULL) {
                mover_watch(w->mover);
            }
            port_mutex_unlock(&w->lock);
        }
        port_sleep_ns(p->conf.env->port, MOVER_WATCH_NS);
        port_mutex_lock(&p->lock);
    }
    port_mutex_unlock(&p->lock);
    return NULL;
}

static int
start(struct mover_pool *p)
{
    int rc = port_thread_start(&p->watcher, "mover-watch", 0, watch, p);

    p->watching = rc == AL_OK;
    for (unsigned k = 0; rc == AL_OK && k < p->workers; k++) {
        char name[24];

        (void)snprintf(name, sizeof(name), "mover-%u", k);
        rc = port_thread_start(&p->worker[k].thread, name, 0, work, &p->worker[k]);
        p->worker[k].started = rc == AL_OK;
    }
    return rc;
}

int
mover_pool_open(const struct mover_pool_conf *conf, struct mover_pool **ret, struct al_fail *fail)
{
    struct mover_pool *p;
    int rc;

    if (conf->workers == 0 || conf->workers > MOVER_WORKERS_MAX || conf->queue_max == 0) {
        return al_fail_set(fail, AL_EINVAL, 0, "a mover pool has 1 to %u workers and a queue",
                           MOVER_WORKERS_MAX);
    }
    p = al_zalloc(sizeof(*p) + conf->workers * sizeof(p->worker[0]));
    if (p == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    p->conf = *conf;
    p->workers = conf->workers;
    port_mutex_init(&p->lock);
    port_cond_init(&p->work);
    port_cond_init(&p->room);
    port_cond_init(&p->idle);
    port_cond_init(&p->watch);
    al_list_init(&p->queue);
    for (unsigned k = 0; k < p->workers; k++) {
        p->worker[k].pool = p;
        port_mutex_init(&p->worker[k].lock);
    }
    rc = port_names_new(&p->names);
    if (rc == AL_OK) {
        rc = start(p);
    }
    if (rc != AL_OK) {
        (void)mover_pool_close(p);
        return al_fail_set(fail, rc, 0, "cannot start the movers' threads");
    }
    *ret = p;
    return AL_OK;
}

struct mover_pool *
mover_pool_close(struct mover_pool *p)
{
    if (p == NULL) {
        return NULL;
    }
    mover_pool_cancel(p, NULL);
    port_mutex_lock(&p->lock);
    p->closing = true;
    port_cond_broadcast(&p->work);
    port_cond_broadcast(&p->room);
    port_mutex_unlock(&p->lock);
    for (unsigned k = 0; k < p->workers; k++) {
        if (p->worker[k].started) {
            port_thread_join(&p->worker[k].thread);
        }
    }
    port_mutex_lock(&p->lock);
    port_cond_broadcast(&p->watch);
    port_mutex_unlock(&p->lock);
    if (p->watching) {
        port_thread_join(&p->watcher);
    }
    for (unsigned k = 0; k < p->workers; k++) {
        port_mutex_end(&p->worker[k].lock);
    }
    port_cond_end(&p->work);
    port_cond_end(&p->room);
    port_cond_end(&p->idle);
    port_cond_end(&p->watch);
    port_mutex_end(&p->lock);
    p->names = port_names_free(p->names);
    al_free(p);
    return NULL;
}

static const char *
copy_text(char **io_to, const char *s)
{
    char *at = *io_to;
    size_t len;

    if (s == NULL) {
        return NULL;
    }
    len = strlen(s) + 1;
    memcpy(at, s, len);
    *io_to += len;
    return at;
}

static struct job *
job_new(const struct mover_item *item)
{
    size_t job_len = item->job_id != NULL ? strlen(item->job_id) + 1 : 0;
    size_t rule_len = item->rule_id != NULL ? strlen(item->rule_id) + 1 : 0;
    struct job *job = al_zalloc(sizeof(*job) + item->path.len + job_len + rule_len + 1);
    char *to;

    if (job == NULL) {
        return NULL;
    }
    job->item = *item;
    to = job->strings;
    job->item.job_id = copy_text(&to, item->job_id);
    job->item.rule_id = copy_text(&to, item->rule_id);
    memcpy(to, item->path.at, item->path.len);
    job->item.path.at = (const uint8_t *)to;
    return job;
}

int
mover_pool_submit(struct mover_pool *p, const struct mover_item *item, bool wait,
                  void (*done)(void *ctx, const struct mover_item *item,
                               const struct mover_result *r),
                  void *ctx)
{
    struct job *job;

    if (item->path.len == 0 || item->path.len > MOVER_PATH_MAX) {
        return AL_EINVAL;
    }
    job = job_new(item);
    if (job == NULL) {
        return AL_ENOMEM;
    }
    job->done = done;
    job->ctx = ctx;
    port_mutex_lock(&p->lock);
    while (!p->closing && wait && p->queued >= p->conf.queue_max) {
        port_cond_wait(&p->room, &p->lock);
    }
    if (p->closing || p->queued >= p->conf.queue_max) {
        int rc = p->closing ? AL_ECANCELED : AL_ELIMIT;

        port_mutex_unlock(&p->lock);
        al_free(job);
        return rc;
    }
    al_list_push(&p->queue, &job->node);
    p->queued++;
    port_cond_signal(&p->work);
    port_mutex_unlock(&p->lock);
    return AL_OK;
}

static bool
is_of(const struct job *job, const char *job_id)
{
    return job_id == NULL || (job->item.job_id != NULL && strcmp(job->item.job_id, job_id) == 0);
}

/* With the lock held. */
static void
cancel_queued(struct mover_pool *p, const char *job_id)
{
    for (struct al_list *l = p->queue.next; l != &p->queue; l = l->next) {
        struct job *job = AL_LIST_ITEM(l, struct job, node);

        job->cancelled = job->cancelled || is_of(job, job_id);
    }
}

void
mover_pool_release(struct mover_pool *p, const char *job_id)
{
    port_mutex_lock(&p->lock);
    cancel_queued(p, job_id);
    port_mutex_unlock(&p->lock);
}

void
mover_pool_cancel(struct mover_pool *p, const char *job_id)
{
    port_mutex_lock(&p->lock);
    cancel_queued(p, job_id);
    for (unsigned k = 0; k < p->workers; k++) {
        struct worker *w = &p->worker[k];

        port_mutex_lock(&w->lock);
        if (w->job != NULL && is_of(w->job, job_id)) {
            w->job->cancelled = true;
        }
        port_mutex_unlock(&w->lock);
    }
    port_mutex_unlock(&p->lock);
}

void
mover_pool_wait(struct mover_pool *p)
{
    port_mutex_lock(&p->lock);
    while (p->queued > 0 || p->running > 0) {
        port_cond_wait(&p->idle, &p->lock);
    }
    port_mutex_unlock(&p->lock);
}

void
mover_pool_figures(struct mover_pool *p, struct mover_pool_figures *ret)
{
    port_mutex_lock(&p->lock);
    *ret = p->figures;
    ret->queued = p->queued;
    ret->running = p->running;
    for (unsigned k = 0; k < p->workers; k++) {
        port_mutex_lock(&p->worker[k].lock);
        ret->bytes_running += p->worker[k].bytes;
        port_mutex_unlock(&p->worker[k].lock);
    }
    port_mutex_unlock(&p->lock);
}
