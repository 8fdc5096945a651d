#include <stdio.h>
#include <string.h>

#include "agent/recall/recall_pool.h"
#include "agent/target/target_cache.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "port/thread.h"

struct waiter {
    struct al_list node;
    void (*done)(void *ctx, const struct recall_result *result);
    void *ctx;
};

struct fill {             /* one file, asked for by one or many */
    struct al_list node;  /* in a queue; alone when under way */
    struct al_list chain; /* in the table, by key */
    struct al_list waiters;
    unsigned count;
    uint64_t key;
    int64_t asked_ns;
    bool opener; /* at least one opener waits: not a job alone */
    bool cancelled;
    struct recall_request request;
    char strings[]; /* path, process, job id */
};

#define TABLE_SLOTS 4096u

struct worker {
    struct recall_pool *pool;
    struct port_thread thread;
    bool started;
    struct target_cache shares;
};

struct recall_pool {
    struct recall_pool_conf conf;
    port_mutex lock;
    port_cond work, idle;
    struct al_list openers, jobs;
    struct al_list table[TABLE_SLOTS];
    bool closing;
    int64_t away_ns; /* since when the share cannot be reached; 0: it can, or nobody tried */
    struct recall_pool_figures figures;
    struct {
        uint64_t key;
        int64_t told_ns;
    } alarms[RECALL_ALARMS];
    unsigned workers;
    struct worker worker[];
};

static uint64_t
key_of(const struct recall_request *q)
{
    uint64_t seed = (uint64_t)(uintptr_t)q->volume;

    return q->handle.len > 0 ? al_xxh64(q->handle.bytes, q->handle.len, seed)
                             : al_xxh64(q->path.at, q->path.len, ~seed);
}

static bool
same_file(const struct recall_request *a, const struct recall_request *b)
{
    if (a->volume != b->volume || a->handle.len != b->handle.len) {
        return false;
    }
    if (a->handle.len > 0) {
        return a->handle.type == b->handle.type &&
               memcmp(a->handle.bytes, b->handle.bytes, a->handle.len) == 0;
    }
    return al_span_equal(a->path, b->path);
}

static struct fill *
find(struct recall_pool *p, uint64_t key, const struct recall_request *q)
{
    struct al_list *head = &p->table[key % TABLE_SLOTS];

    for (struct al_list *l = head->next; l != head; l = l->next) {
        struct fill *f = AL_LIST_ITEM(l, struct fill, chain);

        if (f->key == key && !f->cancelled && same_file(&f->request, q)) {
            return f;
        }
    }
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

static struct fill *
fill_new(const struct recall_request *q, uint64_t key, int64_t now_ns)
{
    size_t bytes = (q->process != NULL ? strlen(q->process) + 1 : 0) +
                   (q->job_id != NULL ? strlen(q->job_id) + 1 : 0) + q->path.len + 1;
    struct fill *f = al_zalloc(sizeof(*f) + bytes);
    char *to;

    if (f == NULL) {
        return NULL;
    }
    to = f->strings;
    f->request = *q;
    f->request.process = copy_text(&to, q->process);
    f->request.job_id = copy_text(&to, q->job_id);
    if (q->path.len > 0) {
        memcpy(to, q->path.at, q->path.len);
    }
    f->request.path.at = (const uint8_t *)to;
    f->key = key;
    f->asked_ns = now_ns;
    al_list_init(&f->waiters);
    return f;
}

int
recall_pool_submit(struct recall_pool *p, const struct recall_request *q,
                   void (*done)(void *ctx, const struct recall_result *result), void *ctx)
{
    uint64_t key = key_of(q);
    struct waiter *w = al_zalloc(sizeof(*w));
    struct fill *f, *fresh = fill_new(q, key, port_mono_ns(p->conf.env->port));
    int rc = w == NULL || fresh == NULL ? AL_ENOMEM : AL_OK;

    port_mutex_lock(&p->lock);
    if (rc == AL_OK && p->closing) {
        rc = AL_ECANCELED;
    }
    if (rc == AL_OK && p->figures.waiting >= RECALL_WAITERS_MAX) {
        rc = AL_ELIMIT;
    }
    if (rc != AL_OK) {
        port_mutex_unlock(&p->lock);
        al_free(fresh);
        al_free(w);
        return rc;
    }
    w->done = done;
    w->ctx = ctx;
    f = find(p, key, q);
    if (f != NULL) {
        p->figures.joined++;
        if (q->job_id == NULL && !f->opener) {
            f->opener = true;
            if (!al_list_empty(&f->node)) { /* waits among the jobs: an opener does not */
                al_list_drop(&f->node);
                al_list_push(&p->openers, &f->node);
            }
        }
        al_free(fresh);
    } else {
        f = fresh;
        f->opener = q->job_id == NULL;
        al_list_push(f->opener ? &p->openers : &p->jobs, &f->node);
        al_list_push(&p->table[key % TABLE_SLOTS], &f->chain);
        p->figures.queued++;
        port_cond_signal(&p->work);
    }
    al_list_push(&f->waiters, &w->node);
    f->count++;
    p->figures.waiting++;
    port_mutex_unlock(&p->lock);
    return AL_OK;
}

/* Answers all who wait for it; whoever asks from now on asks anew. */
static void
answer(struct recall_pool *p, struct fill *f, const struct recall_result *r)
{
    port_mutex_lock(&p->lock);
    al_list_drop(&f->chain);
    p->figures.waiting -= f->count;
    p->figures.filled += r->filled;
    p->figures.bytes += r->filled ? r->size : 0;
    if (r->code == AL_OK) {
        p->figures.allowed += f->count;
    } else {
        p->figures.denied += f->count;
    }
    port_mutex_unlock(&p->lock);
    for (struct al_list *l; (l = al_list_pop(&f->waiters)) != NULL;) {
        struct waiter *w = AL_LIST_ITEM(l, struct waiter, node);

        w->done(w->ctx, r);
        al_free(w);
    }
}

static int
connect_share(void *ctx, const struct recall_volume *v, struct target **ret, struct al_fail *fail)
{
    struct worker *w = ctx;

    return target_cache_get(&w->shares, v->share_id, &v->target, ret, fail);
}

/* Whether this file's alarm was told a moment ago; remembers it either way. Programs retry denied
 * opens, people need one alarm. */
static bool
alarm_was_told(struct recall_pool *p, uint64_t key)
{
    int64_t now = port_mono_ns(p->conf.env->port);
    size_t k = key % RECALL_ALARMS;
    bool told;

    port_mutex_lock(&p->lock);
    told = p->alarms[k].key == key && p->alarms[k].told_ns != 0 &&
           now - p->alarms[k].told_ns < RECALL_ALARM_AGAIN_NS;
    port_mutex_unlock(&p->lock);
    return told;
}

static void
remember_alarm(struct recall_pool *p, uint64_t key)
{
    size_t k = key % RECALL_ALARMS;

    port_mutex_lock(&p->lock);
    p->alarms[k].key = key;
    p->alarms[k].told_ns = port_mono_ns(p->conf.env->port);
    port_mutex_unlock(&p->lock);
}

static bool
is_closing(struct recall_pool *p)
{
    bool closing;

    port_mutex_lock(&p->lock);
    closing = p->closing;
    port_mutex_unlock(&p->lock);
    return closing;
}

/* A server that is being restarted, or a network that blinked, is worth a wait to somebody who
 * opens a file. A share that has been away for longer fails at once: programs that wait for each of
 * many files hang whole desktops. */
static bool
share_may_return(struct recall_pool *p, const struct fill *f, unsigned attempts)
{
    int64_t now = port_mono_ns(p->conf.env->port);
    int64_t until = f->asked_ns + (int64_t)p->conf.deadline_ms * 1000000;
    bool yes;

    port_mutex_lock(&p->lock);
    yes = attempts == 0 || (f->opener && !p->closing && now < until && p->away_ns != 0 &&
                            now - p->away_ns < RECALL_GRACE_NS);
    port_mutex_unlock(&p->lock);
    return yes;
}

static void
note_share(struct recall_pool *p, const struct recall_result *r)
{
    port_mutex_lock(&p->lock);
    if (r->filled) {
        p->away_ns = 0;
    } else if (r->code == AL_EUNREACH && p->away_ns == 0) {
        p->away_ns = port_mono_ns(p->conf.env->port);
    }
    port_mutex_unlock(&p->lock);
}

/* Whether its opener still waits. */
static bool
in_time(struct recall_pool *p, const struct fill *f)
{
    return !is_closing(p) &&
           port_mono_ns(p->conf.env->port) < f->asked_ns + (int64_t)p->conf.deadline_ms * 1000000;
}

static void
attempt(struct worker *w, struct fill *f, unsigned attempts, struct recall_result *ret)
{
    struct recall_pool *p = w->pool;
    const struct recall_connect connect = {connect_share, w};
    struct recall *r = NULL;
    bool quiet = alarm_was_told(p, f->key);
    int rc = recall_new(p->conf.env, &connect, &f->request, &r);

    if (rc != AL_OK) {
        ret->code = rc;
        return;
    }
    if (quiet) {
        recall_quiet(r);
    }
    if (share_may_return(p, f, attempts)) {
        recall_may_repeat(r);
    }
    if (in_time(p, f)) {
        recall_may_wait(r);
    }
    while (recall_step(r) == RECALL_MORE) {
        if (is_closing(p)) {
            recall_cancel(r);
        }
    }
    *ret = *recall_result(r);
    (void)recall_free(r);
    if (ret->code == AL_EIO && ret->verdict >= MARKER_V_CHANGED && !quiet) {
        remember_alarm(p, f->key);
    }
    note_share(p, ret);
}

static void
run(struct worker *w, struct fill *f, struct recall_result *ret)
{
    struct port *port = w->pool->conf.env->port;

    for (unsigned attempts = 0;; attempts++) {
        *ret = (struct recall_result){0};
        attempt(w, f, attempts, ret);
        if (!ret->repeat) {
            return;
        }
        if (ret->code == AL_EBUSY) {
            port_sleep_ns(port, RECALL_BUSY_RETRY_NS);
        } else if (ret->code == AL_EUNREACH && attempts > 0) {
            port_sleep_ns(port, RECALL_AWAY_RETRY_NS);
        }
        /* On a new connection; the last attempt tells how it ends. */
    }
}

static struct fill *
next_fill(struct recall_pool *p)
{
    struct al_list *l = al_list_pop(&p->openers);

    if (l == NULL) {
        l = al_list_pop(&p->jobs);
    }
    if (l == NULL) {
        return NULL;
    }
    al_list_init(l); /* under way: al_list_empty(&f->node) tells that it waits in no queue */
    return AL_LIST_ITEM(l, struct fill, node);
}

/* Waits for work. Who waited for a while lets go of what it keeps for the next file, once. With the
 * lock held. */
static void
wait_work(struct worker *w, bool *io_resting)
{
    struct recall_pool *p = w->pool;

    if (*io_resting) {
        port_cond_wait(&p->work, &p->lock);
    } else if (!port_cond_wait_for(&p->work, &p->lock, TARGET_CACHE_REST_NS)) {
        *io_resting = true;
        port_mutex_unlock(&p->lock);
        target_cache_rest(&w->shares);
        port_mutex_lock(&p->lock);
    }
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct recall_pool *p = w->pool;
    bool resting = true;

    port_mutex_lock(&p->lock);
    for (;;) {
        struct fill *f = next_fill(p);
        struct recall_result result = {0};
        bool stop;

        if (f == NULL) {
            if (p->closing) {
                break;
            }
            wait_work(w, &resting);
            continue;
        }
        resting = false;
        p->figures.queued--;
        p->figures.running++;
        stop = p->closing || f->cancelled;
        port_mutex_unlock(&p->lock);
        if (stop) {
            result.code = AL_ECANCELED;
        } else if (port_mono_ns(p->conf.env->port) >
                   f->asked_ns + (int64_t)p->conf.deadline_ms * 1000000) {
            result.code =
                al_fail_set(&result.fail, AL_ETIMEDOUT, 0,
                            "no recall worker became free within %u ms", p->conf.deadline_ms);
        } else {
            run(w, f, &result);
        }
        answer(p, f, &result);
        al_free(f);
        port_mutex_lock(&p->lock);
        p->figures.running--;
        if (p->figures.running == 0 && p->figures.queued == 0) {
            port_cond_broadcast(&p->idle);
        }
    }
    port_mutex_unlock(&p->lock);
    target_cache_end(&w->shares);
    return NULL;
}

int
recall_pool_open(const struct recall_pool_conf *conf, struct recall_pool **ret,
                 struct al_fail *fail)
{
    struct recall_pool *p;
    int rc = AL_OK;

    if (conf->workers == 0 || conf->workers > RECALL_WORKERS_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a recall pool has 1 to %u workers",
                           RECALL_WORKERS_MAX);
    }
    p = al_zalloc(sizeof(*p) + conf->workers * sizeof(p->worker[0]));
    if (p == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    p->conf = *conf;
    p->conf.deadline_ms = conf->deadline_ms != 0 ? conf->deadline_ms : RECALL_DEADLINE_MS;
    p->workers = conf->workers;
    port_mutex_init(&p->lock);
    port_cond_init(&p->work);
    port_cond_init(&p->idle);
    al_list_init(&p->openers);
    al_list_init(&p->jobs);
    for (size_t k = 0; k < TABLE_SLOTS; k++) {
        al_list_init(&p->table[k]);
    }
    for (unsigned k = 0; rc == AL_OK && k < p->workers; k++) {
        char name[24];

        (void)snprintf(name, sizeof(name), "recall-%u", k);
        p->worker[k].pool = p;
        p->worker[k].shares.port = conf->env->port;
        rc = port_thread_start(&p->worker[k].thread, name, 0, work, &p->worker[k]);
        p->worker[k].started = rc == AL_OK;
    }
    if (rc != AL_OK) {
        (void)recall_pool_close(p);
        return al_fail_set(fail, rc, 0, "cannot start the recall threads");
    }
    *ret = p;
    return AL_OK;
}

struct recall_pool *
recall_pool_close(struct recall_pool *p)
{
    if (p == NULL) {
        return NULL;
    }
    port_mutex_lock(&p->lock);
    p->closing = true;
    port_cond_broadcast(&p->work);
    port_mutex_unlock(&p->lock);
    for (unsigned k = 0; k < p->workers; k++) {
        if (p->worker[k].started) {
            port_thread_join(&p->worker[k].thread);
        }
    }
    port_cond_end(&p->work);
    port_cond_end(&p->idle);
    port_mutex_end(&p->lock);
    al_free(p);
    return NULL;
}

void
recall_pool_cancel(struct recall_pool *p, const char *job_id)
{
    port_mutex_lock(&p->lock);
    for (struct al_list *l = p->jobs.next; l != &p->jobs; l = l->next) {
        struct fill *f = AL_LIST_ITEM(l, struct fill, node);

        if (f->request.job_id != NULL && strcmp(f->request.job_id, job_id) == 0) {
            f->cancelled = true; /* nobody joins it any more; a worker answers */
        }
    }
    port_mutex_unlock(&p->lock);
}

bool
recall_pool_pressed(void *pool)
{
    struct recall_pool *p = pool;
    bool pressed;

    port_mutex_lock(&p->lock);
    pressed = !al_list_empty(&p->openers);
    port_mutex_unlock(&p->lock);
    return pressed;
}

void
recall_pool_wait(struct recall_pool *p)
{
    port_mutex_lock(&p->lock);
    while (p->figures.queued > 0 || p->figures.running > 0) {
        port_cond_wait(&p->idle, &p->lock);
    }
    port_mutex_unlock(&p->lock);
}

void
recall_pool_figures(struct recall_pool *p, struct recall_pool_figures *ret)
{
    port_mutex_lock(&p->lock);
    *ret = p->figures;
    port_mutex_unlock(&p->lock);
}
