/* share.c: works about a share: check_share. */
#include "agent/run/agent.h"

#include <string.h>

#include "base/mem.h"

static int
check(struct agent *a, const struct config_share *s, struct target_space *ret, struct al_fail *fail)
{
    struct target_conf conf = {.url = s->url,
                               .user = s->user,
                               .password = s->password,
                               .customer_id = a->identity->customer_id,
                               .wire = s->wire};
    AL_CLEANUP(target_closep) struct target *t = NULL;
    int rc = target_open(a->port, &conf, true, &t, fail);

    rc = rc != AL_OK ? rc : target_check(t, ret, fail);
    /* A full or read-only share answers every question well. */
    return rc != AL_OK ? rc : target_try_write(t, fail);
}

void
work_check_share(struct agent_work *aw)
{
    struct agent *a = aw->agent;
    const struct work *w = aw->work;
    struct agent_config *c;
    const struct config_share *share;
    struct target_space space = {0};
    struct al_fail fail = {0};
    struct outcome o = {.act = "share_state",
                        .share_id = w->share_id,
                        .job_id = w->job_id[0] != '\0' ? w->job_id : NULL};
    int rc;

    o.began_ns = port_now_ns(a->port);
    port_mutex_lock(&a->mutex);
    c = a->config != NULL ? agent_config_ref(a->config) : NULL;
    port_mutex_unlock(&a->mutex);
    share = c != NULL ? agent_config_share(c, w->share_id) : NULL;
    if (share == NULL) {
        work_end(aw, AL_ENOENT, "this host does not know the share");
    } else {
        o.code = check(a, share, &space, &fail);
        o.text = fail.text;
        o.size = space.bytes_total;
        o.freed = space.bytes_free;
        o.ended_ns = port_now_ns(a->port);
        al_log(a->log, o.code == AL_OK ? AL_LOG_INFO : AL_LOG_WARN, "share %s: %s %s", share->name,
               al_code_name(o.code), fail.text);
        rc = a->sink.sink.put(&a->sink.sink, &o);
        work_end(aw, rc, rc == AL_OK ? "" : "the outcome could not be spooled");
    }
    (void)agent_config_unref(c); /* returns NULL */
}
