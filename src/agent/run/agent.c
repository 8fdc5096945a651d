#include "agent/run/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/link/secret.h"
#include "base/mem.h"

#define GATE_WAIT_MS 3000 /* at the start, so that volumes are found marked at the first look */

/* ---- callbacks of the link ---- */

static int
take_config(struct agent *a, struct agent_config *c)
{
    struct agent_config *old;
    int rc = volumes_apply(a, c), audit_rc = audits_apply(a, c);
    int gate_rc = agent_gate_apply(a->gate, c);

    port_mutex_lock(&a->mutex);
    old = a->config;
    a->config = agent_config_ref(c);
    a->volumes_new = true;
    a->woken = true;
    port_cond_broadcast(&a->changed);
    port_mutex_unlock(&a->mutex);
    (void)agent_config_unref(old); /* returns NULL */
    return rc != AL_OK ? rc : audit_rc != AL_OK ? audit_rc : gate_rc;
}

static void
on_config(void *ctx, struct agent_config *c)
{
    struct agent *a = ctx;

    if (take_config(a, c) != AL_OK) {
        al_log(a->log, AL_LOG_ERROR,
               "out of memory: the configuration's volumes were not taken over");
    }
}

static void
on_work(void *ctx, struct work *w)
{
    work_start(ctx, w);
}

static void
on_cancel(void *ctx, const char *work_id)
{
    work_cancel(ctx, work_id);
}

static void
on_pause(void *ctx, const char *work_id)
{
    work_pause(ctx, work_id);
}

static int
spaces(void *ctx, json_t *list)
{
    return volumes_space(ctx, list);
}

/* ---- start ---- */

/* What an older version wrote there as it is, or somebody copied from a backup of such. */
static int
seal_state(struct agent *a, struct al_fail *fail)
{
    int rc = secret_seal(a->port, a->state, IDENTITY_FILE, IDENTITY_FILE_MAX);

    rc = rc != AL_OK ? rc : secret_seal(a->port, a->state, CONFIG_FILE, CONFIG_BYTES_MAX);
    if (rc != AL_OK) {
        al_log(a->log, AL_LOG_WARN, "the state folder's secrets could not be sealed (%s)",
               al_code_name(rc));
    }
    return identity_load(a->port, a->state, &a->identity, fail);
}

static int
open_state(struct agent *a, struct al_fail *fail)
{
    int rc = port_open(a->port, NULL, a->options.state, PORT_READ | PORT_FOLDER, 0, &a->state);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(a->port),
                           "the state directory %s cannot be opened: run alto-agent enrol first",
                           a->options.state);
    }
    rc = port_open(a->port, a->state, "lock", PORT_READ | PORT_WRITE | PORT_CREATE, 0600, &a->lock);
    if (rc == AL_OK) {
        rc = port_lock(a->port, a->lock);
    }
    if (rc == AL_EBUSY) {
        return al_fail_set(fail, rc, 0, "another alto-agent runs with %s", a->options.state);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(a->port), "%s cannot be locked",
                           a->options.state);
    }
    return seal_state(a, fail);
}

static int
open_records(struct agent *a, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint64_t torn = 0;
    int rc;

    al_buf_init(&path, 64u << 10);
    rc = al_buf_addf(&path, "%s/spool", a->options.state);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    rc = spool_open(&(struct spool_conf){.port = a->port,
                                         .path = (const char *)path.at,
                                         .limit_bytes = a->options.spool_bytes,
                                         .log = a->log},
                    &a->spool, fail);
    if (rc != AL_OK) {
        return rc;
    }
    spool_sink_init(&a->sink, a->spool);
    rc = journal_open(a->port, a->state, &a->journal, &torn, fail);
    if (rc == AL_OK && torn > 0) {
        al_log(a->log, AL_LOG_WARN,
               "the journal's last %llu bytes were torn: the volumes will be looked through for "
               "markers",
               (unsigned long long)torn);
        a->journal_torn = true;
    }
    rc = rc != AL_OK ? rc : stamps_open(a->port, a->state, &a->stamps, fail);
    rc = rc != AL_OK ? rc : claims_new(&a->claims);
    rc = rc != AL_OK ? rc : audits_open(&a->audits);
    if (rc != AL_OK) {
        return rc;
    }
    a->recall_env =
        (struct recall_env){.port = a->port, .journal = a->journal, .sink = &a->sink.sink};
    a->mover_env = (struct mover_env){.port = a->port,
                                      .journal = a->journal,
                                      .sink = &a->sink.sink,
                                      .host_id = a->identity->host_id,
                                      .stamps = a->stamps,
                                      .claims = a->claims};
    return fs_memory_open(a->port, a->state, &a->filesystems, fail);
}

static int
start_link(struct agent *a, struct al_fail *fail)
{
    struct link_conf conf = {.port = a->port,
                             .state = a->state,
                             .identity = a->identity,
                             .spool = a->spool,
                             .config = a->config,
                             .program = a->options.program,
                             .log = a->log,
                             .on_config = on_config,
                             .on_work = on_work,
                             .on_cancel = on_cancel,
                             .on_pause = on_pause,
                             .spaces = spaces,
                             .ctx = a};
    int rc;

    port_mutex_lock(&a->mutex); /* callbacks wait until a->link is set */
    rc = link_start(&conf, &a->link, fail);
    port_mutex_unlock(&a->mutex);
    return rc;
}

static int
start(struct agent *a, struct al_fail *fail)
{
    struct agent_config *kept = NULL;
    struct al_fail none = {0};
    int rc = open_state(a, fail);

    rc = rc != AL_OK ? rc : open_records(a, fail);
    rc = rc != AL_OK ? rc : agent_gate_start(a, &a->gate, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = agent_config_load(a->port, a->state, &kept, &none);
    if (rc == AL_OK) {
        rc = take_config(a, kept);
        if (!agent_gate_wait(a->gate, GATE_WAIT_MS)) {
            al_log(a->log, AL_LOG_WARN, "who answers recalls is not there yet");
        }
    } else if (rc != AL_ENOENT) {
        al_log(a->log, AL_LOG_WARN, "the kept configuration cannot be used (%s): %s",
               al_code_name(rc), none.text);
        rc = AL_OK; /* the server has another */
    } else {
        rc = AL_OK;
    }
    (void)agent_config_unref(kept); /* returns NULL */
    if (rc == AL_OK) {
        rc = port_thread_start(&a->keeper, "keeper", 0, keep_main, a);
        a->keeper_runs = rc == AL_OK;
    }
    rc = rc != AL_OK ? rc : discovery_open(a, &a->discovery);
    return rc != AL_OK ? rc : start_link(a, fail);
}

int
agent_start(const struct agent_options *o, struct al_log *log, struct agent **ret,
            struct al_fail *fail)
{
    struct agent *a = al_zalloc(sizeof(*a));
    int rc;

    if (a == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    a->port = port_native();
    a->log = log;
    a->options = *o;
    atomic_init(&a->stopping, false);
    atomic_init(&a->pool_count, 0);
    port_mutex_init(&a->mutex);
    port_cond_init(&a->changed);
    al_list_init(&a->roots);
    al_list_init(&a->works);
    a->late = al_array(AGENT_LATE_MAX, sizeof(*a->late));
    rc = a->late != NULL ? start(a, fail) : AL_ENOMEM;
    if (rc != AL_OK) {
        (void)agent_stop(a); /* returns NULL */
        return al_fail_set(fail, rc, 0, "alto-agent cannot start");
    }
    *ret = a;
    return AL_OK;
}

struct agent *
agent_stop(struct agent *a)
{
    if (a == NULL) {
        return NULL;
    }
    port_mutex_lock(&a->mutex);
    atomic_store(&a->stopping, true);
    port_cond_broadcast(&a->changed);
    port_mutex_unlock(&a->mutex);
    works_cancel(a);
    pools_cancel_moves(a);
    works_reap(a, true); /* openers are still served */
    pools_close_movers(a);
    if (a->gate != NULL) {
        opens_stop(a); /* who waits now is left to the next agent */
    }
    pools_close_recalls(a); /* while the gate knows us: its last opens must pass */
    if (a->keeper_runs) {
        port_thread_join(&a->keeper);
    }
    a->link = link_stop(a->link);
    a->discovery = discovery_close(a->discovery);
    a->audits = audits_close(a->audits, a->port); /* no configuration comes any more */
    pools_close_movers(a);                        /* of shares that came meanwhile */
    pools_close_recalls(a);
    volumes_end(a);
    a->gate = agent_gate_stop(a->gate);
    a->filesystems = fs_memory_close(a->filesystems);
    a->stamps = stamps_close(a->stamps);
    a->claims = claims_free(a->claims);
    a->journal = journal_close(a->journal);
    a->spool = spool_close(a->spool);
    (void)agent_config_unref(a->config); /* returns NULL */
    a->identity = identity_free(a->identity);
    port_close_quiet(a->port, &a->lock);
    port_close_quiet(a->port, &a->state);
    al_free(a->late);
    port_cond_end(&a->changed);
    port_mutex_end(&a->mutex);
    al_free(a);
    return NULL;
}

bool
agent_idle(struct agent *a)
{
    struct link_figures f;
    bool healed;

    link_figures(a->link, &f);
    port_mutex_lock(&a->mutex);
    healed = a->healed;
    port_mutex_unlock(&a->mutex);
    return healed && f.polls >= 2 && f.running == 0 && f.spooled == 0;
}
