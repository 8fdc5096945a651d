/* audit.c: audit logs of volumes of kind "lucidlink": a thread for each follows them, whatever else the volume can do.
 *
 * Only that thread touches the mount, which may hang: nobody waits for it for longer than AUDIT_STOP_NS. What it uses of the
 * agent it enters and leaves; one that is left behind finds the agent gone when it comes back, and ends. */
#include "agent/run/agent.h"

#include <string.h>

#include "agent/run/audit.h"
#include "base/mem.h"
#include "port/process.h"

#define TRIM_BYTES                                                                                 \
    ((uint64_t)64                                                                                  \
     << 20) /* of logs read: then memory goes back to the system, once they are at their end */

struct audit_run {
    struct al_list node;   /* in audits.runs or audits.ending */
    _Atomic unsigned refs; /* the list's, the thread's, its successor's */
    _Atomic bool stop, over;
    struct port *port;
    al_id volume_id;
    char *path, *state_path;
    struct audit_settings settings;
    struct audit_run
        *before; /* of the same volume, to be waited for; kept, so that the whole row is known */
    struct port_thread thread;

    port_mutex lock; /* over what follows */
    port_cond changed;
    struct agent *agent; /* NULL: it is gone */
    unsigned inside;     /* uses of the agent under way */
    struct audit_seen seen;

    /* The thread's own. */
    struct port_file *state;
    struct audit_own own;
    struct follow *follow;
    char *root, *prefix;
    int64_t rooted_ns, told_ns;
    int64_t began_ns;  /* wall clock */
    int64_t probed_ns; /* monotonic; 0: not yet */
    enum audit_state told_state;
    int64_t told_covered_ns;
    int told_rc, own_rc;
    bool told, told_old; /* told_old: as of some time ago */
    uint64_t trimmed;    /* bytes read at the last trim */
    struct follow_status status;
};

struct audits {
    port_mutex mutex;
    struct al_list runs, ending;
};

static void
run_unref(struct audit_run *r)
{
    if (r == NULL || atomic_fetch_sub(&r->refs, 1) != 1) {
        return;
    }
    run_unref(r->before);
    audit_seen_end(&r->seen);
    audit_settings_free(&r->settings);
    al_free(r->path);
    al_free(r->state_path);
    port_cond_end(&r->changed);
    port_mutex_end(&r->lock);
    al_free(r);
}

/* ---- in the thread ---- */

static struct agent *
enter(struct audit_run *r)
{
    struct agent *a;

    port_mutex_lock(&r->lock);
    a = r->agent;
    r->inside += a != NULL;
    port_mutex_unlock(&r->lock);
    return a;
}

static void
leave(struct audit_run *r)
{
    port_mutex_lock(&r->lock);
    r->inside--;
    port_cond_broadcast(&r->changed);
    port_mutex_unlock(&r->lock);
}

static void
pause_for(struct audit_run *r, int64_t ns)
{
    port_mutex_lock(&r->lock);
    if (!atomic_load(&r->stop) && ns > 0) {
        (void)port_cond_wait_for(&r->changed, &r->lock, ns); /* the loop looks at everything */
    }
    port_mutex_unlock(&r->lock);
}

static void
say(struct audit_run *r, enum al_log_level level, const char *what, int rc)
{
    struct agent *a = enter(r);

    if (a != NULL) {
        al_log(a->log, level, "audit logs of %s: %s (%s)", r->path, what, al_code_name(rc));
        leave(r);
    }
}

/* Records on their way into the spool, that share its syncs. */
struct putting {
    port_mutex lock;
    port_cond changed;
    unsigned open;
    int rc;
};

static void
on_put(void *ctx, int code)
{
    struct putting *p = ctx;

    port_mutex_lock(&p->lock);
    p->open--;
    p->rc = p->rc != AL_OK ? p->rc : code;
    port_cond_broadcast(&p->changed);
    port_mutex_unlock(&p->lock);
}

static int
put_one(struct putting *p, struct spool *spool, struct al_span line)
{
    int rc;

    port_mutex_lock(&p->lock);
    p->open++;
    port_mutex_unlock(&p->lock);
    rc = spool_put_later(spool, line, on_put, p);
    if (rc != AL_OK) { /* then on_put is not called */
        on_put(p, rc);
    }
    return rc;
}

/* Of one kind: noise, or not. */
static int
put_some(struct audit_run *r, struct spool *spool, const struct digest_row *rows, size_t count,
         bool noise, struct putting *p)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    uint64_t lost = 0;
    size_t done = 0;
    int rc = AL_OK;

    al_buf_init(&line, RECORD_ACCESS_BUFFER);
    while (done < count && rc == AL_OK) {
        size_t taken = 0;

        rc = record_access(r->volume_id, rows + done, count - done, noise, &line, &taken, &lost);
        if (rc == AL_OK && line.len > 0) {
            rc = put_one(p, spool, al_buf_span(&line));
        }
        done += taken;
    }
    return rc;
}

static int
put_all(struct audit_run *r, struct spool *spool, const struct digest_row *rows, size_t count)
{
    struct putting p = {.rc = AL_OK};
    int rc;

    port_mutex_init(&p.lock);
    port_cond_init(&p.changed);
    rc = put_some(r, spool, rows, count, false, &p);
    rc = rc != AL_OK ? rc : put_some(r, spool, rows, count, true, &p);
    port_mutex_lock(&p.lock);
    while (p.open > 0) {
        port_cond_wait(&p.changed, &p.lock);
    }
    rc = rc != AL_OK ? rc : p.rc;
    port_mutex_unlock(&p.lock);
    port_cond_end(&p.changed);
    port_mutex_end(&p.lock);
    return rc;
}

static int
on_rows(void *ctx, const struct digest_row *rows, size_t count)
{
    struct audit_run *r = ctx;
    struct agent *a = enter(r);
    int rc;

    if (a == NULL) {
        return AL_ECANCELED;
    }
    rc = put_all(r, a->spool, rows, count);
    leave(r);
    return rc;
}

static bool
on_full(void *ctx)
{
    struct audit_run *r = ctx;
    struct agent *a = enter(r);
    bool full = true;

    if (a != NULL) {
        full = spool_full(a->spool);
        leave(r);
    }
    return full;
}

static bool
on_stop(void *ctx)
{
    struct audit_run *r = ctx;

    return atomic_load(&r->stop);
}

static bool
on_own(void *ctx, const struct auditlog_event *e, const struct al_span *from,
       const struct al_span *to)
{
    struct audit_run *r = ctx;
    bool own;

    port_mutex_lock(&r->lock);
    own = audit_seen_own(&r->seen, e, from, to, port_now_ns(r->port));
    port_mutex_unlock(&r->lock);
    return own;
}

static void
on_seen(void *ctx, struct al_span path, int64_t time_ns)
{
    struct audit_run *r = ctx;

    int64_t now_ns = port_now_ns(r->port);

    if (now_ns - time_ns < AUDIT_RECENT_NS) {
        port_mutex_lock(&r->lock);
        audit_seen_used(&r->seen, path, time_ns, now_ns);
        port_mutex_unlock(&r->lock);
    }
}

static int
follow_begin(struct audit_run *r)
{
    struct follow_conf conf = {.port = r->port,
                               .settings = &r->settings,
                               .put = on_rows,
                               .full = on_full,
                               .stop = on_stop,
                               .is_own = on_own,
                               .seen = on_seen,
                               .ctx = r};
    struct al_fail fail = {0};
    char *root = NULL, *prefix = NULL;
    int rc = AL_OK;

    if (r->state == NULL) {
        rc = port_mkdirs(r->port, r->state_path, 0700);
        rc = rc != AL_OK
                 ? rc
                 : port_open(r->port, NULL, r->state_path, PORT_READ | PORT_FOLDER, 0, &r->state);
    }
    rc = rc != AL_OK ? rc : audit_root_find(r->port, r->path, r->settings.root, &root, &prefix);
    if (rc != AL_OK) {
        return rc;
    }
    r->rooted_ns = port_mono_ns(r->port);
    if (r->follow != NULL && strcmp(root, r->root) == 0) {
        al_free(root);
        al_free(prefix);
        return AL_OK;
    }
    r->follow = follow_close(r->follow);
    al_free(r->root);
    al_free(r->prefix);
    r->root = root;
    r->prefix = prefix;
    conf.state = r->state;
    conf.root = root;
    conf.prefix = prefix;
    return follow_open(&conf, &r->follow, &fail);
}

/* Durable whenever something changed that plans look at, and now and then in any case. */
static void
tell(struct audit_run *r)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    int64_t now = port_mono_ns(r->port), wall = port_now_ns(r->port), covered, as_of;
    enum audit_state state;
    struct agent *a;
    bool news, old;
    int rc;

    follow_coverage(r->follow, &state, &covered, &as_of);
    old = wall - as_of > AUDIT_OLD_NS;
    news = !r->told || state != r->told_state || covered != r->told_covered_ns ||
           (r->told_old && !old);
    if (!news && now - r->told_ns < AUDIT_TELL_NS) {
        return;
    }
    a = enter(r);
    if (a == NULL) {
        return;
    }
    follow_status(r->follow, &r->status);
    al_buf_init(&line, RECORD_ACCESS_BUFFER);
    rc = record_audit(r->volume_id, r->root, old ? as_of : wall, &r->status, &line);
    if (rc == AL_OK) {
        rc = news ? spool_put(a->spool, al_buf_span(&line), NULL)
                  : spool_add(a->spool, al_buf_span(&line));
    }
    if (rc == AL_OK) {
        if (!r->told || state != r->told_state) {
            al_log(a->log, AL_LOG_INFO, "audit logs of %s (below %s): %s%s%s", r->path, r->root,
                   audit_state_name(state), r->status.text[0] != '\0' ? ": " : "", r->status.text);
        }
        r->told = true;
        r->told_state = r->status.state;
        r->told_covered_ns = r->status.covered_since_ns;
        r->told_old = old;
        r->told_ns = now;
    }
    leave(r);
}

static void
trim(struct audit_run *r)
{
    struct follow_figures f;

    follow_figures(r->follow, &f);
    if (f.bytes - r->trimmed >= TRIM_BYTES) {
        r->trimmed = f.bytes;
        port_memory_trim();
    }
}

/* Nothing waits for it, and nothing is lost but what would be held back longer than it must. */
static void
keep_own(struct audit_run *r)
{
    bool first = !r->own.loaded;
    int rc =
        r->state != NULL ? audit_own_keep(&r->own, r->port, r->state, &r->seen, &r->lock) : AL_OK;

    if (rc == AL_OK && r->state != NULL) {
        rc = first ? audit_self_load(r->port, r->state, &r->seen, &r->lock)
                   : audit_self_keep(r->port, r->state, &r->seen, &r->lock);
    }
    if (rc != r->own_rc && rc != AL_OK) {
        say(r, AL_LOG_WARN, "what Alto itself did cannot be kept", rc);
    }
    r->own_rc = rc;
}

/* Alto changes files here, and has not seen yet since it began who it is in the logs: it may be another client than
 * before. What cannot be found out is taken for people's, which holds files back for longer than it must. */
static void
probe(struct audit_run *r)
{
    int64_t now = port_mono_ns(r->port);
    bool wanted;

    port_mutex_lock(&r->lock);
    wanted = r->seen.acts;
    r->seen.acts = false;
    for (unsigned i = 0; i < r->seen.self_count && wanted; i++) {
        wanted = r->seen.selves[i].proved_ns < r->began_ns;
    }
    port_mutex_unlock(&r->lock);
    if (!wanted || (r->probed_ns != 0 && now - r->probed_ns < AUDIT_PROBE_NS)) {
        return;
    }
    r->probed_ns = now;
    if (audit_self_probe(r->port, r->path, &r->seen, &r->lock) != AL_OK) {
        say(r, AL_LOG_DEBUG, "what Alto does here may look like uses at first", AL_EACCES);
    }
}

static void
round_of(struct audit_run *r)
{
    int64_t wait_ns = AUDIT_RETRY_NS;
    bool seek = r->follow == NULL ||
                (r->settings.root == NULL && r->told && r->told_state == AUDIT_ABSENT &&
                 port_mono_ns(r->port) - r->rooted_ns >= AUDIT_ROOT_NS);
    int rc = seek ? follow_begin(r) : AL_OK;

    keep_own(r);
    probe(r);
    if (rc == AL_OK) {
        rc = follow_poll(r->follow, &wait_ns);
    }
    if (rc != r->told_rc && rc != AL_ECANCELED) {
        say(r, rc == AL_OK ? AL_LOG_INFO : AL_LOG_WARN,
            rc == AL_OK ? "followed again" : "cannot be followed now, tried again", rc);
        r->told_rc = rc;
    }
    if (r->follow != NULL && !atomic_load(&r->stop)) {
        tell(r);
        if (rc == AL_OK && wait_ns > 0) {
            trim(r);
        }
    }
    pause_for(r, rc == AL_OK ? wait_ns : AUDIT_RETRY_NS);
}

/* One that was stopped while it waited says nothing of those before it. */
static bool
are_over(const struct audit_run *r)
{
    for (; r != NULL; r = r->before) {
        if (!atomic_load(&r->over)) {
            return false;
        }
    }
    return true;
}

static void *
run_main(void *arg)
{
    struct audit_run *r = arg;

    r->began_ns = port_now_ns(r->port);
    while (!are_over(r->before) && !atomic_load(&r->stop)) {
        pause_for(r, 50000000); /* both would write the same cursors */
    }
    while (!atomic_load(&r->stop)) {
        round_of(r);
    }
    r->follow = follow_close(r->follow);
    keep_own(r);
    audit_own_end(&r->own, r->port);
    port_close_quiet(r->port, &r->state);
    al_free(r->root);
    al_free(r->prefix);
    port_mutex_lock(&r->lock);
    audit_seen_end(&r->seen);
    atomic_store(&r->over, true);
    port_cond_broadcast(&r->changed);
    port_mutex_unlock(&r->lock);
    run_unref(r);
    return NULL;
}

/* ---- for the agent ---- */

static struct audit_run *
run_new(struct agent *a, const struct config_volume *c, struct audit_run *before)
{
    AL_CLEANUP(al_buf_free) struct al_buf state = {0};
    struct audit_run *r = al_zalloc(sizeof(*r));
    size_t len;

    if (r == NULL) {
        return NULL;
    }
    atomic_init(&r->refs, 1);
    atomic_init(&r->stop, false);
    atomic_init(&r->over, false);
    port_mutex_init(&r->lock);
    port_cond_init(&r->changed);
    al_list_init(&r->node);
    r->port = a->port;
    r->agent = a;
    memcpy(r->volume_id, c->id, sizeof(r->volume_id));
    audit_seen_begin(&r->seen);
    al_buf_init(&state, (size_t)64 << 10);
    r->path = al_strdup(c->path);
    if (al_buf_addf(&state, "%s/audit/%s", a->options.state, c->id) == AL_OK) {
        r->state_path = (char *)al_buf_take(&state, &len);
    }
    if (r->path == NULL || r->state_path == NULL ||
        audit_settings_copy(&c->audit, &r->settings) != AL_OK) {
        run_unref(r);
        return NULL;
    }
    if (before != NULL) {
        (void)atomic_fetch_add(&before->refs, 1); /* the old count is nobody's concern */
        r->before = before;
    }
    (void)atomic_fetch_add(&r->refs, 1); /* the thread's */
    if (port_thread_start(&r->thread, "audit", 0, run_main, r) != AL_OK) {
        run_unref(r);
        run_unref(r);
        return NULL;
    }
    return r;
}

static void
run_stop(struct audit_run *r)
{
    port_mutex_lock(&r->lock);
    atomic_store(&r->stop, true);
    port_cond_broadcast(&r->changed);
    port_mutex_unlock(&r->lock);
}

/* Joined, or left behind where it hangs. The list's reference goes. */
static void
run_end(struct audit_run *r, int64_t until_ns)
{
    bool over;

    port_mutex_lock(&r->lock);
    while (!atomic_load(&r->over) && port_mono_ns(r->port) < until_ns) {
        (void)port_cond_wait_for(&r->changed, &r->lock,
                                 until_ns - port_mono_ns(r->port)); /* the loop looks */
    }
    r->agent = NULL;
    while (r->inside > 0) {
        port_cond_wait(&r->changed, &r->lock);
    }
    over = atomic_load(&r->over);
    port_mutex_unlock(&r->lock);
    if (over) {
        port_thread_join(&r->thread);
    } else {
        port_thread_leave(&r->thread);
    }
    run_unref(r);
}

/* With the mutex. */
static struct audit_run *
run_of(struct audits *s, const char *volume_id)
{
    for (struct al_list *n = s->runs.next; n != &s->runs; n = n->next) {
        struct audit_run *r = AL_LIST_ITEM(n, struct audit_run, node);

        if (strcmp(r->volume_id, volume_id) == 0) {
            return r;
        }
    }
    return NULL;
}

static bool
is_followed(const struct config_volume *v)
{
    return strcmp(v->kind, "lucidlink") == 0;
}

/* With the mutex: those that end now, and those that ended. */
static void
reap(struct audits *s)
{
    struct al_list *n, *next;

    for (n = s->ending.next; n != &s->ending; n = next) {
        struct audit_run *r = AL_LIST_ITEM(n, struct audit_run, node);

        next = n->next;
        if (atomic_load(&r->over)) {
            al_list_drop(&r->node);
            run_end(r, 0);
        }
    }
}

int
audits_apply(struct agent *a, const struct agent_config *c)
{
    struct audits *s = a->audits;
    struct al_list *n, *next;
    int rc = AL_OK;

    port_mutex_lock(&s->mutex);
    for (n = s->runs.next; n != &s->runs; n = next) {
        struct audit_run *r = AL_LIST_ITEM(n, struct audit_run, node);
        const struct config_volume *v = agent_config_volume(c, r->volume_id);

        next = n->next;
        if (v == NULL || !is_followed(v) || strcmp(v->path, r->path) != 0 ||
            !audit_settings_same(&v->audit, &r->settings)) {
            run_stop(r);
            al_list_drop(&r->node);
            al_list_push(&s->ending, &r->node);
        }
    }
    for (size_t i = 0; i < c->volume_count; i++) {
        const struct config_volume *v = &c->volumes[i];
        struct audit_run *before = NULL, *r;

        if (!is_followed(v) || run_of(s, v->id) != NULL) {
            continue;
        }
        for (n = s->ending.next; n != &s->ending; n = n->next) {
            struct audit_run *old = AL_LIST_ITEM(n, struct audit_run, node);

            before = strcmp(old->volume_id, v->id) == 0 ? old : before; /* the last one */
        }
        r = run_new(a, v, before);
        if (r == NULL) {
            rc = AL_ENOMEM;
            continue;
        }
        al_list_push(&s->runs, &r->node);
    }
    reap(s);
    port_mutex_unlock(&s->mutex);
    return rc;
}

int
audits_open(struct audits **ret)
{
    struct audits *s = al_zalloc(sizeof(*s));

    if (s == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&s->mutex);
    al_list_init(&s->runs);
    al_list_init(&s->ending);
    *ret = s;
    return AL_OK;
}

struct audits *
audits_close(struct audits *s, struct port *p)
{
    struct al_list *n;
    int64_t until_ns;

    if (s == NULL) {
        return NULL;
    }
    until_ns = port_mono_ns(p) + AUDIT_STOP_NS;
    port_mutex_lock(&s->mutex);
    while ((n = al_list_pop(&s->runs)) != NULL) {
        run_stop(AL_LIST_ITEM(n, struct audit_run, node));
        al_list_push(&s->ending, n);
    }
    while ((n = al_list_pop(&s->ending)) != NULL) {
        run_end(AL_LIST_ITEM(n, struct audit_run, node), until_ns);
    }
    port_mutex_unlock(&s->mutex);
    port_mutex_end(&s->mutex);
    al_free(s);
    return NULL;
}

int64_t
audit_recent(struct agent *a, const char *volume_id, struct al_span path)
{
    struct audit_run *r;
    int64_t ns = 0;

    port_mutex_lock(&a->audits->mutex);
    r = run_of(a->audits, volume_id);
    if (r != NULL) {
        port_mutex_lock(&r->lock);
        ns = audit_seen_recent(&r->seen, path);
        port_mutex_unlock(&r->lock);
    }
    port_mutex_unlock(&a->audits->mutex);
    return ns;
}

void
audit_work(struct agent *a, const struct work *w, bool ends)
{
    struct audit_run *r;

    port_mutex_lock(&a->audits->mutex);
    r = w->item_count > 0 ? run_of(a->audits, w->volume_id) : NULL;
    if (r != NULL) {
        port_mutex_lock(&r->lock);
        r->seen.under_way += ends ? -(uint64_t)(r->seen.under_way > 0) : 1;
        port_mutex_unlock(&r->lock);
    }
    port_mutex_unlock(&a->audits->mutex);
}

void
audit_act(struct agent *a, const char *volume_id, struct al_span path, int64_t began_ns, bool ends)
{
    struct audit_run *r;

    port_mutex_lock(&a->audits->mutex);
    r = run_of(a->audits, volume_id);
    if (r != NULL) {
        port_mutex_lock(&r->lock);
        audit_seen_work(&r->seen, path, began_ns, ends ? port_now_ns(a->port) : INT64_MAX);
        r->seen.acts = r->seen.acts || !ends;
        if (!ends && r->seen.self_count == 0) { /* who we are is found out before much is read */
            port_cond_broadcast(&r->changed);
        }
        port_mutex_unlock(&r->lock);
    }
    port_mutex_unlock(&a->audits->mutex);
}
