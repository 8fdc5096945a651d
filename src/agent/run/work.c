/* work.c: each leased work has a thread, so that a work may simply wait for its items. The server
 * gives only so many at once. */
#include "agent/run/agent.h"

#include <string.h>

#include "base/mem.h"

bool
work_stops(void *agent_work)
{
    struct agent_work *aw = agent_work;

    return atomic_load(&aw->cancelled) || atomic_load(&aw->paused) ||
           atomic_load(&aw->agent->stopping);
}

void
work_end(struct agent_work *aw, int code, const char *text)
{
    struct agent *a = aw->agent;
    const struct work *w = aw->work;

    al_log(a->log, code == AL_OK ? AL_LOG_DEBUG : AL_LOG_WARN, "work %s (%s) ended: %s %s",
           w->work_id, work_kind_name(w->kind), al_code_name(code), text);
    if (link_work_end(a->link, w->work_id, code, text) != AL_OK) {
        al_log(a->log, AL_LOG_ERROR,
               "the end of work %s could not be spooled; it will be done again", w->work_id);
    }
}

bool
work_is_share_code(int code)
{
    return code == AL_EUNREACH || code == AL_ETIMEDOUT || code == AL_EAUTH || code == AL_ENOSPC ||
           code == AL_EROFS || code == AL_EFOREIGN;
}

/* The share is in trouble: what waits for it would run into the same wall, one file after the
 * other, each as long as the share's deadline. So the job's other works here end like this one. */
static void
give_back(struct agent_work *aw, int code, const struct al_fail *fail)
{
    struct agent *a = aw->agent;
    const struct work *w = aw->work;

    port_mutex_lock(&a->mutex);
    for (struct al_list *n = a->works.next; n != &a->works; n = n->next) {
        struct agent_work *other = AL_LIST_ITEM(n, struct agent_work, node);

        if (w->job_id[0] != '\0' && strcmp(other->work->job_id, w->job_id) == 0) {
            port_mutex_lock(&other->lock);
            if (other->share_code == AL_OK) {
                other->share_code = code;
                other->share_fail = *fail;
            }
            port_mutex_unlock(&other->lock);
        }
    }
    port_mutex_unlock(&a->mutex);
    pools_cancel(a, w->job_id[0] != '\0' ? w->job_id : w->work_id, true);
}

/* Counting the item is the last that is done with aw: the work may be over and gone right after. */
void
work_item_done(struct agent_work *aw, int code, uint64_t bytes, const struct al_fail *fail)
{
    struct agent *a = aw->agent;
    int64_t now = port_mono_ns(a->port);
    uint64_t total;
    unsigned done;
    bool tell, trouble;

    port_mutex_lock(&aw->lock);
    done = aw->done + 1;
    aw->fine += code == AL_OK;
    aw->bytes += bytes;
    total = aw->bytes;
    trouble = work_is_share_code(code) && aw->share_code == AL_OK;
    if (trouble) {
        aw->share_code = code;
        aw->share_fail = *fail;
    }
    tell = now - aw->told_ns >= AGENT_PROGRESS_NS;
    if (tell) {
        aw->told_ns = now;
    }
    port_mutex_unlock(&aw->lock);
    if (trouble) {
        give_back(aw, code, fail);
    }
    if (tell) {
        link_progress(a->link, aw->work->work_id, done, total);
    }
    port_mutex_lock(&aw->lock);
    aw->done++;
    port_cond_broadcast(&aw->changed);
    port_mutex_unlock(&aw->lock);
}

static void
run(struct agent_work *aw)
{
    switch (aw->work->kind) {
    case WORK_SCAN:
        work_scan(aw);
        return;
    case WORK_TIER:
    case WORK_ARCHIVE:
        work_tier(aw);
        return;
    case WORK_RECALL:
        work_recall(aw);
        return;
    case WORK_CHECK_SHARE:
        work_check_share(aw);
        return;
    case WORK_TEST_SHARE:
        work_test_share(aw);
        return;
    case WORK_RECONCILE:
        work_reconcile(aw);
        return;
    case WORK_ADOPT:
        work_adopt(aw);
        return;
    case WORK_REPAIR:
        work_repair(aw);
        return;
    }
    work_end(aw, AL_ENOTSUP, "a kind of work that is not known here");
}

/* Works that change files wait until what a crash left was looked through once. */
static bool
wait_healed(struct agent_work *aw)
{
    struct agent *a = aw->agent;

    port_mutex_lock(&a->mutex);
    while (!a->healed && !work_stops(aw)) {
        (void)port_cond_wait_for(&a->changed, &a->mutex,
                                 1000000000); /* a cancelled work is noticed within a second */
    }
    port_mutex_unlock(&a->mutex);
    return !work_stops(aw);
}

static void *
work_main(void *arg)
{
    struct agent_work *aw = arg;
    enum work_kind kind = aw->work->kind;

    audit_work(aw->agent, aw->work, false);
    if (kind == WORK_SCAN || kind == WORK_CHECK_SHARE || kind == WORK_TEST_SHARE ||
        wait_healed(aw)) {
        run(aw);
    } else {
        work_end(aw, AL_ECANCELED, "the agent stopped or the work was taken back");
    }
    audit_work(aw->agent, aw->work, true);
    atomic_store(&aw->over, true);
    keep_wake(aw->agent); /* who joins */
    return NULL;
}

static void
work_drop(struct agent_work *aw)
{
    (void)work_free(aw->work); /* returns NULL */
    port_cond_end(&aw->changed);
    port_mutex_end(&aw->lock);
    al_free(aw);
}

void
work_start(struct agent *a, struct work *w_taken)
{
    struct agent_work *aw = al_zalloc(sizeof(*aw));
    int rc;

    port_mutex_lock(&a->mutex); /* held while the link is being started: behind it a->link is set */
    port_mutex_unlock(&a->mutex);
    if (aw == NULL) {
        if (link_work_end(a->link, w_taken->work_id, AL_ENOMEM, "out of memory") != AL_OK) {
            al_log(a->log, AL_LOG_ERROR, "the end of a work could not be spooled");
        }
        (void)work_free(w_taken); /* returns NULL */
        return;
    }
    aw->agent = a;
    aw->work = w_taken;
    atomic_init(&aw->cancelled, false);
    atomic_init(&aw->paused, false);
    atomic_init(&aw->over, false);
    port_mutex_init(&aw->lock);
    port_cond_init(&aw->changed);
    port_mutex_lock(&a->mutex);
    if (atomic_load(&a->stopping)) {
        rc = AL_ECANCELED;
    } else {
        rc = port_thread_start(&aw->thread, "work", 0, work_main, aw);
    }
    if (rc == AL_OK) {
        al_list_push(&a->works, &aw->node);
    }
    port_mutex_unlock(&a->mutex);
    if (rc != AL_OK) {
        work_end(aw, rc, "the agent cannot start this work now");
        work_drop(aw);
    }
}

void
work_cancel(struct agent *a, const char *work_id)
{
    const char *job = NULL;
    bool others = false;
    al_id job_id = "";

    port_mutex_lock(&a->mutex);
    for (struct al_list *n = a->works.next; n != &a->works; n = n->next) {
        struct agent_work *aw = AL_LIST_ITEM(n, struct agent_work, node);

        if (strcmp(aw->work->work_id, work_id) == 0) {
            atomic_store(&aw->cancelled, true);
            memcpy(job_id, aw->work->job_id, sizeof(job_id));
            job = job_id;
        }
    }
    for (struct al_list *n = a->works.next; n != &a->works && job != NULL; n = n->next) {
        struct agent_work *aw = AL_LIST_ITEM(n, struct agent_work, node);

        others = others || (!atomic_load(&aw->cancelled) && strcmp(aw->work->job_id, job_id) == 0);
    }
    port_cond_broadcast(&a->changed);
    port_mutex_unlock(&a->mutex);
    /* Pools know jobs, not works: with another work of the job still ours, what was submitted is
     * finished, which is safe. */
    if (job != NULL && job_id[0] != '\0' && !others) {
        pools_cancel(a, job_id, true);
    }
}

void
work_pause(struct agent *a, const char *work_id)
{
    bool others = false;
    al_id job_id = "";

    port_mutex_lock(&a->mutex);
    for (struct al_list *n = a->works.next; n != &a->works; n = n->next) {
        struct agent_work *aw = AL_LIST_ITEM(n, struct agent_work, node);

        if (strcmp(aw->work->work_id, work_id) == 0) {
            atomic_store(&aw->paused, true);
            memcpy(job_id, aw->work->job_id, sizeof(job_id));
        }
    }
    for (struct al_list *n = a->works.next; n != &a->works; n = n->next) {
        struct agent_work *aw = AL_LIST_ITEM(n, struct agent_work, node);

        others = others || (!atomic_load(&aw->paused) && !atomic_load(&aw->over) &&
                            strcmp(aw->work->job_id, job_id) == 0);
    }
    port_cond_broadcast(&a->changed);
    port_mutex_unlock(&a->mutex);
    /* As in work_cancel: pools know jobs. */
    if (job_id[0] != '\0' && !others) {
        pools_release(a, job_id);
    }
}

void
works_reap(struct agent *a, bool all)
{
    for (;;) {
        struct agent_work *found = NULL;

        port_mutex_lock(&a->mutex);
        for (struct al_list *n = a->works.next; n != &a->works; n = n->next) {
            struct agent_work *aw = AL_LIST_ITEM(n, struct agent_work, node);

            if (all || atomic_load(&aw->over)) {
                found = aw;
                al_list_drop(n);
                break;
            }
        }
        port_mutex_unlock(&a->mutex);
        if (found == NULL) {
            return;
        }
        port_thread_join(&found->thread);
        work_drop(found);
    }
}

void
works_cancel(struct agent *a)
{
    for (;;) {
        al_id job_id = "";
        bool found = false;

        port_mutex_lock(&a->mutex);
        for (struct al_list *n = a->works.next; n != &a->works && !found; n = n->next) {
            struct agent_work *aw = AL_LIST_ITEM(n, struct agent_work, node);

            found = !atomic_load(&aw->cancelled);
            atomic_store(&aw->cancelled, true);
            memcpy(job_id, aw->work->job_id[0] != '\0' ? aw->work->job_id : aw->work->work_id,
                   sizeof(job_id));
        }
        port_mutex_unlock(&a->mutex);
        if (!found) {
            return;
        }
        pools_cancel(a, job_id, false);
    }
}
