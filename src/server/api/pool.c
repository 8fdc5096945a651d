#include "server/api/api_priv.h"

#include <string.h>

#include "base/mem.h"
#include "port/listen.h"

#define WORKER_STACK_BYTES                                                                         \
    ((size_t)1 << 20) /* the inventory's library is hungrier than our own code */

/* Whose turn a request takes: a customer's people, a customer's hosts, or an operator. Whoever is
 * not known yet is one of nobody's. */
struct party {
    bool host;
    al_id id;
};

struct pool_thread {
    struct pool *pool;
    struct port_thread thread;
    struct service_worker *worker;
    struct party at; /* under the pool's lock: whose request it has */
    bool busy;
    bool started;
};

struct pool {
    struct api *api;
    port_mutex lock;
    port_cond more, less;
    struct al_list queue;
    unsigned
        reserved; /* of queue_max: promised or waiting, not counting parked ones that came back */
    unsigned waiting, running, queue_max, workers;
    unsigned share_max; /* workers that one customer's people, or its hosts, may hold at a time */
    bool end;
    struct pool_thread *thread;
};

/* An operation that wants to wait leaves its worker; one that was woken meanwhile runs at once
 * again. */
static void
work(struct pool *p, struct request *r, struct service_worker *w)
{
    if (r->topic != NULL && port_socket_gone(http_socket(r->x))) {
        /* Work handed to a client that has gone would be lost until its lease runs out. */
        (void)request_fail(r, 0, AL_ECANCELED, "the client has gone");
        request_finish(r);
        return;
    }
    while (!request_run(r, w)) {
        enum park_result how = park_put(p->api->park, r);

        if (how == PARKED) {
            return;
        }
        if (how == PARK_FULL) {
            r->reply.retry_after_s = 5;
            (void)request_fail(r, 503, AL_ELIMIT, "too many are waiting; try again later");
            break;
        }
    }
    request_finish(r);
}

static struct party
party_of(const struct request *r)
{
    const struct caller *c = &r->caller;
    struct party p = {.host = c->role == ROLE_HOST};

    memcpy(p.id, c->customer_id[0] != '\0' ? c->customer_id : c->id, sizeof(p.id));
    return p;
}

static bool
same_party(const struct party *a, const struct party *b)
{
    return a->host == b->host && strcmp(a->id, b->id) == 0;
}

static bool
has_its_share(const struct pool *p, const struct party *of)
{
    unsigned held = 0;

    for (unsigned i = 0; i < p->workers; i++) {
        held += p->thread[i].busy && same_party(&p->thread[i].at, of);
    }
    return held >= p->share_max;
}

/* The longest waiting one of those whose party holds less than its share: slow questions of one
 * customer never hold up all the others. Those that are passed over run when one of their own is
 * done. At most two parties can hold half of the workers each. */
static struct request *
take(struct pool *p, struct party *ret_of)
{
    struct party full[2];
    size_t full_count = 0;

    for (struct al_list *n = p->queue.next; n != &p->queue; n = n->next) {
        struct request *r = AL_LIST_ITEM(n, struct request, node);
        struct party of = party_of(r);
        bool passed = false;

        for (size_t i = 0; i < full_count && !passed; i++) {
            passed = same_party(&full[i], &of);
        }
        if (!passed && full_count < AL_LEN(full) && has_its_share(p, &of)) {
            full[full_count++] = of;
            passed = true;
        }
        if (!passed) {
            al_list_drop(n);
            *ret_of = of;
            return r;
        }
    }
    return NULL;
}

static void *
run(void *arg)
{
    struct pool_thread *t = arg;
    struct pool *p = t->pool;

    port_mutex_lock(&p->lock);
    for (;;) {
        struct party of;
        struct request *r = take(p, &of);

        if (r == NULL) {
            if (p->end) {
                break;
            }
            port_cond_wait(&p->more, &p->lock);
            continue;
        }
        t->at = of;
        t->busy = true;
        p->waiting--;
        p->running++;
        if (r->topic == NULL) {
            p->reserved--;
        }
        port_mutex_unlock(&p->lock);
        work(p, r, t->worker);
        port_mutex_lock(&p->lock);
        t->busy = false;
        p->running--;
        if (p->running == 0 && p->waiting == 0) {
            port_cond_broadcast(&p->less);
        }
    }
    port_mutex_unlock(&p->lock);
    return NULL;
}

int
pool_open(struct api *a, unsigned workers, unsigned queue_max, struct pool **ret,
          struct al_fail *fail)
{
    struct pool *p = al_zalloc(sizeof(*p));
    int rc = AL_OK;

    if (p == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the workers");
    }
    p->api = a;
    p->queue_max = queue_max;
    p->share_max = (workers + 1) / 2;
    port_mutex_init(&p->lock);
    port_cond_init(&p->more);
    port_cond_init(&p->less);
    al_list_init(&p->queue);
    p->thread = al_array(workers, sizeof(*p->thread));
    if (p->thread == NULL) {
        pool_close(p);
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the workers");
    }
    for (; rc == AL_OK && p->workers < workers; p->workers++) {
        struct pool_thread *t = &p->thread[p->workers];

        t->pool = p;
        rc = service_worker_open(a->service, &t->worker, fail);
        if (rc == AL_OK) {
            rc = port_thread_start(&t->thread, "worker", WORKER_STACK_BYTES, run, t);
            t->started = rc == AL_OK;
        }
    }
    if (rc != AL_OK) {
        pool_close(p);
        return al_fail_set(fail, rc, 0, "a worker does not start");
    }
    *ret = p;
    return AL_OK;
}

bool
pool_reserve(struct pool *p)
{
    bool ok;

    port_mutex_lock(&p->lock);
    ok = !p->end && p->reserved < p->queue_max;
    p->reserved += ok;
    port_mutex_unlock(&p->lock);
    return ok;
}

void
pool_put(struct pool *p, struct request *r)
{
    port_mutex_lock(&p->lock);
    al_list_push(&p->queue, &r->node);
    p->waiting++;
    port_cond_signal(&p->more);
    port_mutex_unlock(&p->lock);
}

void
pool_put_parked(struct pool *p, struct request *r)
{
    pool_put(p, r); /* r->topic tells run() that no place was reserved */
}

bool
pool_drain(struct pool *p, int64_t wait_ns)
{
    int64_t end_ns = port_mono_ns(p->api->port) + wait_ns;
    bool idle;

    port_mutex_lock(&p->lock);
    for (;;) {
        int64_t left_ns = end_ns - port_mono_ns(p->api->port);

        idle = p->running == 0 && p->waiting == 0;
        if (idle || left_ns <= 0) {
            break;
        }
        (void)port_cond_wait_for(&p->less, &p->lock, left_ns);
    }
    port_mutex_unlock(&p->lock);
    return idle;
}

struct pool *
pool_close(struct pool *p)
{
    if (p == NULL) {
        return NULL;
    }
    port_mutex_lock(&p->lock);
    p->end = true;
    port_cond_broadcast(&p->more);
    port_mutex_unlock(&p->lock);
    for (unsigned i = 0; p->thread != NULL && i < p->workers; i++) {
        if (p->thread[i].started) {
            port_thread_join(&p->thread[i].thread);
        }
        service_worker_close(p->thread[i].worker);
    }
    al_free(p->thread);
    port_cond_end(&p->less);
    port_cond_end(&p->more);
    port_mutex_end(&p->lock);
    al_free(p);
    return NULL;
}

void
pool_count(struct pool *p, unsigned *ret_waiting, unsigned *ret_running, unsigned *ret_workers)
{
    port_mutex_lock(&p->lock);
    *ret_waiting = p->waiting;
    *ret_running = p->running;
    *ret_workers = p->workers;
    port_mutex_unlock(&p->lock);
}
