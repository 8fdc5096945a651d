/* keep.c: the thread that keeps things as they should be: looks at volumes, heals, sorts out opens
 * that came before their volume, joins ended works. */
#include "agent/run/agent.h"

#include <string.h>

#include "base/mem.h"

/* Of one request to a share while healing: works that change files wait for it, also those of other
 * shares. What cannot be healed in time is tried again. */
#define HEAL_DEADLINE_MS 5000u
#include "port/process.h"

void
keep_wake(struct agent *a)
{
    port_mutex_lock(&a->mutex);
    a->woken = true;
    port_cond_broadcast(&a->changed);
    port_mutex_unlock(&a->mutex);
}

/* ---- opens ---- */

struct answer {
    struct agent *agent;
    struct volume *volume; /* a reference */
    uint64_t number;
};

static void
on_recalled(void *ctx, const struct recall_result *r)
{
    struct answer *answer = ctx;
    struct agent *a = answer->agent;
    bool quiet;

    port_mutex_lock(&a->mutex);
    quiet = a->answers_stopped;
    port_mutex_unlock(&a->mutex);
    if (r->code != AL_OK && r->code != AL_ECANCELED) {
        al_log(a->log, AL_LOG_WARN, "volume %s: an opener of a stub (object %s) was denied: %s %s",
               answer->volume->path, r->object_id[0] != '\0' ? r->object_id : "unknown",
               al_code_name(r->code), r->fail.text);
    }
    if (!quiet) {
        agent_gate_answer(a->gate, answer->number, r->code);
    }
    volume_unref(answer->volume);
    al_free(answer);
}

/* Under which name the file lies now, for inventory and audit. Whoever opens it holds the name in
 * the kernel's cache, so it is known at once. */
static void
name_of(struct agent *a, const struct recall_volume *v, const struct port_handle *h,
        struct al_buf *to)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {a->port, NULL};
    struct port_file *root = stub_volume_root(v->stub);

    if (port_open_handle(a->port, root, h, PORT_PATH, &f.file) != AL_OK ||
        port_path_of(a->port, root, f.file, to) != AL_OK) {
        al_buf_clear(to); /* told without a name then */
    }
}

/* False: no open volume lies on that filesystem. */
static bool
dispatch(struct agent *a, const struct agent_open *o)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    struct volume *v = volume_of_event(a, o->dev, &o->handle);
    struct answer *answer;
    struct recall_request request;
    int rc;

    if (v == NULL) {
        return false;
    }
    answer = al_zalloc(sizeof(*answer));
    if (answer == NULL) {
        volume_unref(v);
        agent_gate_answer(a->gate, o->number, AL_ENOMEM);
        return true;
    }
    *answer = (struct answer){a, v, o->number};
    al_buf_init(&path, 64u << 10);
    name_of(a, volume_recall(v), &o->handle, &path);
    request = (struct recall_request){.volume = volume_recall(v),
                                      .handle = o->handle,
                                      .path = al_buf_span(&path),
                                      .pid = o->pid,
                                      .uid = o->uid,
                                      .process = o->process[0] != '\0' ? o->process : NULL};
    rc = recall_pool_submit(v->pools->recalls, &request, on_recalled, answer);
    if (rc != AL_OK) {
        volume_unref(v);
        al_free(answer);
        if (rc != AL_ECANCELED) { /* stopping: the next agent is asked again */
            agent_gate_answer(a->gate, o->number, rc);
        }
    }
    return true;
}

static void
keep_late(struct agent *a, const struct agent_open *o)
{
    bool kept;

    port_mutex_lock(&a->mutex);
    kept = a->late_count < AGENT_LATE_MAX;
    if (kept) {
        a->late[a->late_count++] = (struct late_open){*o, port_mono_ns(a->port)};
        a->woken = true;
        port_cond_broadcast(&a->changed);
    }
    port_mutex_unlock(&a->mutex);
    if (!kept) {
        agent_gate_answer(a->gate, o->number, AL_ENOENT);
    }
}

/* False: openers are left to the next agent, the pools may be gone. Else until dispatch_end
 * opens_stop waits. */
static bool
dispatch_begin(struct agent *a)
{
    bool stopped;

    port_mutex_lock(&a->mutex);
    stopped = a->answers_stopped;
    a->dispatching += !stopped;
    port_mutex_unlock(&a->mutex);
    return !stopped;
}

static void
dispatch_end(struct agent *a)
{
    port_mutex_lock(&a->mutex);
    if (--a->dispatching == 0 && a->answers_stopped) {
        port_cond_broadcast(&a->changed);
    }
    port_mutex_unlock(&a->mutex);
}

void
agent_opened(struct agent *a, const struct agent_open *o)
{
    if (!dispatch_begin(a)) {
        return;
    }
    if (!dispatch(a, o)) {
        keep_late(a, o);
    }
    dispatch_end(a);
}

void
opens_stop(struct agent *a)
{
    port_mutex_lock(&a->mutex);
    a->answers_stopped = true;
    while (a->dispatching > 0) {
        port_cond_wait(&a->changed, &a->mutex);
    }
    port_mutex_unlock(&a->mutex);
}

/* Opens that came before their volume was open. Returns how many still wait. */
static size_t
late_opens(struct agent *a)
{
    struct late_open *list;
    size_t count, left;

    port_mutex_lock(&a->mutex);
    list = a->late_count > 0 ? al_array(AGENT_LATE_MAX, sizeof(*list)) : NULL;
    if (list != NULL) { /* else, with memory short, the next round tries again */
        struct late_open *full = a->late;

        count = a->late_count;
        a->late = list;
        a->late_count = 0;
        list = full;
    }
    left = a->late_count;
    port_mutex_unlock(&a->mutex);
    if (list == NULL) {
        return left;
    }
    for (size_t i = 0; i < count; i++) {
        bool taken;

        if (!dispatch_begin(a)) {
            break;
        }
        taken = dispatch(a, &list[i].open);
        dispatch_end(a);
        if (taken) {
            continue;
        }
        if (port_mono_ns(a->port) - list[i].since_ns > AGENT_LATE_NS) {
            al_log(a->log, AL_LOG_WARN,
                   "a stub was opened on a filesystem that holds no volume of this host: refused");
            agent_gate_answer(a->gate, list[i].open.number, AL_ENOENT);
            continue;
        }
        port_mutex_lock(&a->mutex);
        if (a->late_count < AGENT_LATE_MAX) {
            a->late[a->late_count++] = list[i];
        }
        port_mutex_unlock(&a->mutex);
    }
    al_free(list);
    port_mutex_lock(&a->mutex);
    left = a->late_count;
    port_mutex_unlock(&a->mutex);
    return left;
}

/* ---- healing ---- */

struct keeper {
    struct agent *agent;
    struct target *target; /* to the share asked for last */
    al_id share_id;
    al_id away; /* a share that did not answer this time; others do */
    int away_code;
    struct volume *lent[64];       /* references of volumes lent to reconcile, until it is done */
    struct volume_place place[64]; /* of those, where one was asked for */
    size_t lent_count;
    uint64_t later; /* intents that must wait */
    int64_t healed_ns, looked_ns;
    bool unwritten; /* the journal could not be written at the last look, and that was told */
    int64_t unwritten_ns;
    uint64_t batches_seen, batches_trimmed; /* of the link, at the last look and the last trim */
};

static int
connect(void *ctx, const struct recall_volume *v, struct target **ret, struct al_fail *fail)
{
    struct keeper *k = ctx;
    struct target_conf conf = v->target;
    int rc;

    if (k->away_code != AL_OK && strcmp(k->away, v->share_id) == 0) {
        return al_fail_set(fail, k->away_code, 0, "the share did not answer a moment ago");
    }
    if (k->target == NULL || strcmp(k->share_id, v->share_id) != 0) {
        conf.deadline_ms = HEAL_DEADLINE_MS;
        k->target = target_close(k->target);
        rc = target_open(k->agent->port, &conf, false, &k->target, fail);
        if (rc != AL_OK) {
            memcpy(k->away, v->share_id, sizeof(k->away));
            k->away_code = rc;
            return rc;
        }
        memcpy(k->share_id, v->share_id, sizeof(k->share_id));
    }
    *ret = k->target;
    return AL_OK;
}

/* Its place in k->lent; the count where there is none. */
static size_t
lend_volume(struct keeper *k, const char *volume_id)
{
    struct volume *v;

    for (size_t i = 0; i < k->lent_count; i++) {
        if (strcmp(k->lent[i]->id, volume_id) == 0) {
            return i;
        }
    }
    v = k->lent_count < AL_LEN(k->lent) ? volume_find(k->agent, volume_id) : NULL;
    if (v == NULL) {
        return AL_LEN(k->lent); /* looked at again later */
    }
    k->place[k->lent_count] = (struct volume_place){0};
    k->lent[k->lent_count] = v;
    return k->lent_count++;
}

static const struct recall_volume *
lend(void *ctx, const char *volume_id)
{
    struct keeper *k = ctx;
    size_t i = lend_volume(k, volume_id);

    return i < AL_LEN(k->lent) ? volume_recall(k->lent[i]) : NULL;
}

static const struct mover_volume *
lend_place(void *ctx, const char *volume_id)
{
    struct keeper *k = ctx;
    size_t i = lend_volume(k, volume_id);

    if (i == AL_LEN(k->lent) ||
        (k->place[i].root == NULL && volume_place(k->lent[i], &k->place[i], NULL) != AL_OK)) {
        return NULL;
    }
    return &k->place[i].mover;
}

static bool
on_stop(void *ctx)
{
    struct agent *a = ctx;

    return atomic_load(&a->stopping);
}

/* A torn journal may have lost intents: then markers tell what the journal cannot. */
static void
heal_torn(struct keeper *k, const struct reconcile_env *env, struct reconcile_counts *counts)
{
    struct agent *a = k->agent;
    bool all = true;

    for (size_t i = 0;; i++) {
        struct volume *v = NULL;
        const struct recall_volume *rv;
        struct al_fail fail = {0};

        port_mutex_lock(&a->mutex);
        if (i < a->volume_count) {
            v = a->volumes[i];
            v->refs++;
        }
        port_mutex_unlock(&a->mutex);
        if (v == NULL) {
            break;
        }
        rv = volume_recall(v);
        if (!v->tracked_only &&
            (rv == NULL || reconcile_walk(env, rv, on_stop, a, counts, &fail) != AL_OK)) {
            all = false;
        }
        volume_unref(v);
    }
    a->journal_torn = !all;
}

static void
heal(struct keeper *k)
{
    struct agent *a = k->agent;
    struct reconcile_env env = {.port = a->port,
                                .journal = a->journal,
                                .sink = &a->sink.sink,
                                .volume = lend,
                                .volume_ctx = k,
                                .place = lend_place,
                                .connect = {.get = connect, .ctx = k},
                                .is_anothers = volume_is_anothers,
                                .others_ctx = a};
    struct reconcile_counts counts = {0};
    int rc;

    k->away_code = AL_OK;
    rc = reconcile_found(&env, &counts);

    if (rc == AL_OK && a->journal_torn) {
        heal_torn(k, &env, &counts);
    }
    k->target = target_close(k->target);
    while (k->lent_count > 0) {
        k->lent_count--;
        volume_place_end(&k->place[k->lent_count]);
        volume_unref(k->lent[k->lent_count]);
    }
    k->later = rc == AL_OK ? counts.later : 1;
    k->healed_ns = port_mono_ns(a->port);
    if (counts.intents > 0) {
        al_log(a->log, counts.later > 0 ? AL_LOG_WARN : AL_LOG_INFO,
               "healed what was left: %llu intents, %llu files as they were, %llu stubs finished, "
               "%llu must wait",
               (unsigned long long)counts.intents, (unsigned long long)counts.put_back_as_was,
               (unsigned long long)counts.stubs_finished, (unsigned long long)counts.later);
    }
    port_mutex_lock(&a->mutex);
    a->healed = true;
    port_cond_broadcast(&a->changed);
    port_mutex_unlock(&a->mutex);
}

static void
wait(struct agent *a, int64_t ns)
{
    port_mutex_lock(&a->mutex);
    if (!a->woken && !atomic_load(&a->stopping)) {
        (void)port_cond_wait_for(&a->changed, &a->mutex,
                                 ns); /* whatever woke us, the round looks at everything */
    }
    a->woken = false;
    port_mutex_unlock(&a->mutex);
}

/* After some work and then two looks without any, memory goes back to the system, once. Whatever
 * was done has been told to the server in a batch. */
static void
trim(struct keeper *k)
{
    struct agent *a = k->agent;
    struct link_figures f;
    struct link *l;

    port_mutex_lock(&a->mutex);
    l = a->link;
    port_mutex_unlock(&a->mutex);
    if (l == NULL) {
        return; /* still starting */
    }
    link_figures(l, &f);
    if (f.running == 0 && f.batches == k->batches_seen && f.batches != k->batches_trimmed) {
        k->batches_trimmed = f.batches;
        port_memory_trim();
    }
    k->batches_seen = f.batches;
}

/* Also what was put back since the start: an outcome that the spool did not take. */
static bool
something_left(struct agent *a)
{
    struct journal_figures f;

    journal_figures(a->journal, &f);
    return f.found > 0;
}

/* Whether the journal can be written. While it cannot, on a full disk say, recalls go on and what
 * they came to waits in memory and in their markers (doc/adr/0032). */
static bool
state_is_written(struct keeper *k)
{
    struct agent *a = k->agent;
    struct outcome alarm = {.act = "alarm", .reason = "state_unwritten"};
    struct journal_figures f;
    int rc = AL_OK;

    journal_figures(a->journal, &f);
    if (f.unwritten) {
        rc = journal_sync(a->journal);
    }
    if (rc != AL_OK && !k->unwritten) {
        k->unwritten = true;
        k->unwritten_ns = port_now_ns(a->port);
        al_log(a->log, AL_LOG_ERROR,
               "nothing can be written into %s (%s): stubs are still recalled; nothing is tiered, "
               "and nothing reaches the server, until there is room",
               a->options.state, al_code_name(rc));
    } else if (rc == AL_OK && k->unwritten) {
        alarm.code = AL_ENOSPC;
        alarm.text = "the agent's state folder could not be written; what was recalled meanwhile "
                     "is told now";
        alarm.began_ns = k->unwritten_ns;
        alarm.ended_ns = port_now_ns(a->port);
        k->unwritten = a->sink.sink.put(&a->sink.sink, &alarm) != AL_OK;
        k->healed_ns = port_mono_ns(a->port) - RECONCILE_AGAIN_NS; /* at once */
        al_log(a->log, AL_LOG_INFO, "%s can be written again", a->options.state);
    }
    return rc == AL_OK && !k->unwritten;
}

void *
keep_main(void *agent)
{
    struct agent *a = agent;
    struct keeper k = {.agent = a};
    size_t late = 0;

    volumes_look(a, true);
    k.looked_ns = port_mono_ns(a->port);
    heal(&k);
    agent_gate_release(a->gate);
    while (!atomic_load(&a->stopping)) {
        int64_t now;
        bool anew, written;

        wait(a, late > 0 ? 200000000 : AGENT_KEEP_NS);
        works_reap(a, false);
        now = port_mono_ns(a->port);
        port_mutex_lock(&a->mutex);
        anew = a->late_count > 0 || a->volumes_new;
        a->volumes_new = false;
        port_mutex_unlock(&a->mutex);
        anew = agent_gate_tend(a->gate) || anew;
        if (anew || now - k.looked_ns >= AGENT_KEEP_NS) {
            volumes_look(a, anew);
            k.looked_ns = now;
            trim(&k);
        }
        late = late_opens(a);
        written = state_is_written(&k);
        if (written && (something_left(a) || k.later > 0 || a->journal_torn) &&
            (anew || now - k.healed_ns >= RECONCILE_AGAIN_NS)) {
            heal(&k);
        }
        agent_gate_release(a->gate);
    }
    return NULL;
}
