/* discover.c: the host's LucidLink filespaces, told to the server whenever they change, so that a volume can be added by
 * choosing one. A thread of its own, since a mount may hang: nobody waits for it for longer than DISCOVER_STOP_NS. */
#include "agent/run/discover.h"

#include <stdio.h>
#include <string.h>

#include "agent/run/agent.h"
#include "agent/run/audit.h"
#include "base/hash.h"
#include "base/mem.h"

#define HASH_SEED 17

struct discovery {
    _Atomic unsigned refs; /* the agent's and the thread's */
    _Atomic bool stop, over;
    struct port_thread thread;

    port_mutex lock; /* over what follows */
    port_cond changed;
    struct agent *agent; /* NULL: it is gone */

    /* The thread's own. */
    struct discover_look look;
    uint64_t asked_of,
        told; /* hashes: of the mounts when the program was asked; of the last record */
    int64_t asked_ns, told_ns;
    bool asked, any; /* asked at all; told at all */
};

static void
unref(struct discovery *d)
{
    if (d != NULL && atomic_fetch_sub(&d->refs, 1) == 1) {
        port_cond_end(&d->changed);
        port_mutex_end(&d->lock);
        al_free(d);
    }
}

/* ---- one look ---- */

void
discover_look_begin(struct discover_look *l, struct port *port)
{
    *l = (struct discover_look){.port = port};
    al_buf_init(&l->program, FILESPACE_PATH_MAX);
}

void
discover_look_end(struct discover_look *l)
{
    al_buf_free(&l->program);
}

int
discover_mounts(struct filespaces *f)
{
    AL_CLEANUP(al_buf_free) struct al_buf table = {0};
    int rc;

    al_buf_init(&table, PORT_MOUNTS_MAX);
    rc = port_mounts(&table);
    if (rc != AL_OK) {
        return rc == AL_ENOTSUP ? AL_OK : rc;
    }
    return filespaces_table(f, al_buf_span(&table));
}

/* "lucid" is what it is called now, "lucid3" and "lucid2" were names of it. */
static int
find_program(struct discover_look *l)
{
    static const char *const names[] = {"lucid", "lucid3", "lucid2"};
    int rc = AL_ENOENT;

    al_buf_clear(&l->program);
    for (size_t i = 0; i < AL_LEN(names) && rc == AL_ENOENT; i++) {
        rc = port_program_find(names[i], &l->program);
    }
    return rc;
}

static int
ask(struct discover_look *l, const char *const *args, size_t count, struct al_buf *said)
{
    struct port_child_conf conf = {.program = (const char *)l->program.at,
                                   .args = args,
                                   .arg_count = count,
                                   .timeout_ns = DISCOVER_CHILD_NS,
                                   .stop = l->stop,
                                   .ctx = l->ctx};
    int status = 0, rc = port_child_run(&l->child, &conf, said, &status);

    if (rc != AL_OK) {
        (void)snprintf(l->text, sizeof(l->text), "%s: %s", args[count - 1], al_code_name(rc));
    } else if (status != 0) {
        (void)snprintf(l->text, sizeof(l->text), "%s: ended with %d", args[count - 1], status);
        rc = AL_ENODATA;
    }
    return rc;
}

static int
ask_one(struct discover_look *l, struct filespaces *f, const struct filespace_instance *i,
        bool *io_on)
{
    AL_CLEANUP(al_buf_free) struct al_buf said = {0};
    const char *const args[] = {"--instance", i->number, "status"};
    int rc;

    al_buf_init(&said, FILESPACE_SAID_MAX);
    rc = *io_on ? ask(l, args, AL_LEN(args), &said) : AL_ECANCELED;
    *io_on = *io_on && (rc == AL_OK || rc == AL_ENODATA);
    if (rc == AL_ENOMEM) {
        return rc;
    }
    return filespaces_status(f, i, rc == AL_OK ? al_buf_span(&said) : (struct al_span){0});
}

int
discover_ask(struct discover_look *l, struct filespaces *f)
{
    AL_CLEANUP(al_buf_free) struct al_buf said = {0};
    AL_CLEANUP(al_freep)
    struct filespace_instance *list = al_array(FILESPACE_INSTANCES_MAX, sizeof(*list));
    const char *const args[] = {"list"};
    bool on = true;
    size_t count;
    int rc;

    l->text[0] = '\0';
    al_buf_init(&said, FILESPACE_SAID_MAX);
    rc = list == NULL ? AL_ENOMEM : find_program(l);
    if (rc == AL_ENOENT) {
        (void)snprintf(l->text, sizeof(l->text), "there is no program lucid in PATH");
    }
    rc = rc != AL_OK ? rc : ask(l, args, AL_LEN(args), &said);
    if (rc != AL_OK) {
        return rc == AL_ENOMEM ? rc : AL_OK;
    }
    count = filespaces_list(al_buf_span(&said), list, FILESPACE_INSTANCES_MAX, &f->odd);
    for (size_t i = 0; i < count && rc == AL_OK; i++) {
        rc = ask_one(l, f, &list[i], &on);
    }
    return rc;
}

enum filespace_logs
discover_logs(struct port *port, const char *path)
{
    struct port_stat st;
    int rc = audit_logs_stat(port, path, &st);

    return rc == AL_OK ? st.type == PORT_T_FOLDER ? FILESPACE_LOGS_PRESENT : FILESPACE_LOGS_ABSENT
           : rc == AL_ENOENT ? FILESPACE_LOGS_ABSENT
           : rc == AL_EACCES ? FILESPACE_LOGS_DENIED
                             : FILESPACE_LOGS_UNKNOWN;
}

/* ---- in the thread ---- */

static bool
on_stop(void *ctx)
{
    struct discovery *d = ctx;

    return atomic_load(&d->stop);
}

/* Short: it is spooled, not synced. */
static void
tell(struct discovery *d, const struct filespaces *f)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    int64_t now = port_mono_ns(d->look.port);
    const char *program = d->look.program.len > 0 ? (const char *)d->look.program.at : NULL;
    uint64_t hash;
    int rc;

    al_buf_init(&line, RECORD_ACCESS_BUFFER);
    rc = record_filespaces(f, program, d->look.text, 0, &line);
    hash = rc == AL_OK ? al_xxh64(line.at, line.len, HASH_SEED) : 0;
    if (rc != AL_OK || !d->asked ||
        (d->any && hash == d->told && now - d->told_ns < DISCOVER_TELL_NS)) {
        return;
    }
    rc = record_filespaces(f, program, d->look.text, port_now_ns(d->look.port), &line);
    port_mutex_lock(&d->lock);
    if (rc == AL_OK && d->agent != NULL) {
        rc = spool_add(d->agent->spool, al_buf_span(&line));
        if (rc == AL_OK) {
            d->told = hash;
            d->told_ns = now;
            d->any = true;
        }
    }
    port_mutex_unlock(&d->lock);
}

static uint64_t
hash_of_mounts(const struct filespaces *f)
{
    uint64_t hash = f->count;

    for (size_t i = 0; i < f->count; i++) {
        hash = al_xxh64(f->at[i].path, strlen(f->at[i].path), hash);
    }
    return hash;
}

/* What was seen at the same path before, as long as nobody has looked again. */
static void
carry_logs(struct filespaces *to, const struct filespaces *from)
{
    for (size_t i = 0; i < to->count; i++) {
        for (size_t k = 0; k < from->count; k++) {
            if (to->at[i].path != NULL && from->at[k].path != NULL &&
                strcmp(to->at[i].path, from->at[k].path) == 0) {
                to->at[i].logs = from->at[k].logs;
            }
        }
    }
}

static bool
is_due(const struct discovery *d, uint64_t mounts, int64_t now)
{
    return !d->asked || mounts != d->asked_of || now - d->asked_ns >= DISCOVER_ASK_NS;
}

/* Told before the mounts are looked at, since one may hang, and after it. */
static int
look(struct discovery *d, struct filespaces *known)
{
    struct filespaces f = {0};
    int64_t now = port_mono_ns(d->look.port);
    int rc = discover_mounts(&f);
    uint64_t mounts = hash_of_mounts(&f);
    bool due = rc == AL_OK && is_due(d, mounts, now);

    rc = due ? discover_ask(&d->look, &f) : rc;
    if (rc != AL_OK || !due || atomic_load(&d->stop)) {
        filespaces_end(&f);
        tell(d, known);
        return rc;
    }
    carry_logs(&f, known);
    filespaces_end(known);
    *known = f;
    d->asked = true;
    d->asked_of = mounts;
    d->asked_ns = now;
    tell(d, known);
    for (size_t i = 0; i < known->count && !atomic_load(&d->stop); i++) {
        if (known->at[i].path != NULL) {
            known->at[i].logs = discover_logs(d->look.port, known->at[i].path);
        }
    }
    tell(d, known);
    return AL_OK;
}

static void *
discover_main(void *arg)
{
    AL_CLEANUP(al_freep) struct filespaces *known = al_zalloc(sizeof(*known));
    struct discovery *d = arg;

    while (known != NULL && !atomic_load(&d->stop)) {
        (void)look(d, known); /* what failed is tried again with the next look */
        port_mutex_lock(&d->lock);
        if (!atomic_load(&d->stop)) {
            (void)port_cond_wait_for(&d->changed, &d->lock, DISCOVER_NS); /* the loop looks */
        }
        port_mutex_unlock(&d->lock);
    }
    if (known != NULL) {
        filespaces_end(known);
    }
    discover_look_end(&d->look);
    port_mutex_lock(&d->lock);
    atomic_store(&d->over, true);
    port_cond_broadcast(&d->changed);
    port_mutex_unlock(&d->lock);
    unref(d);
    return NULL;
}

/* ---- for the agent ---- */

int
discovery_open(struct agent *a, struct discovery **ret)
{
    struct discovery *d = al_zalloc(sizeof(*d));
    int rc;

    if (d == NULL) {
        return AL_ENOMEM;
    }
    atomic_init(&d->refs, 2);
    atomic_init(&d->stop, false);
    atomic_init(&d->over, false);
    port_mutex_init(&d->lock);
    port_cond_init(&d->changed);
    d->agent = a;
    discover_look_begin(&d->look, a->port);
    d->look.stop = on_stop;
    d->look.ctx = d;
    rc = port_thread_start(&d->thread, "discover", 0, discover_main, d);
    if (rc != AL_OK) {
        unref(d);
        unref(d);
        return rc;
    }
    *ret = d;
    return AL_OK;
}

struct discovery *
discovery_close(struct discovery *d)
{
    int64_t until_ns, left;
    struct port *port;
    bool over;

    if (d == NULL) {
        return NULL;
    }
    port = port_native();
    until_ns = port_mono_ns(port) + DISCOVER_STOP_NS;
    port_mutex_lock(&d->lock);
    atomic_store(&d->stop, true);
    port_cond_broadcast(&d->changed);
    while (!atomic_load(&d->over) && (left = until_ns - port_mono_ns(port)) > 0) {
        (void)port_cond_wait_for(&d->changed, &d->lock, left); /* the loop looks */
    }
    d->agent = NULL;
    over = atomic_load(&d->over);
    port_mutex_unlock(&d->lock);
    if (over) {
        port_thread_join(&d->thread);
    } else {
        port_thread_leave(&d->thread);
    }
    unref(d);
    return NULL;
}
