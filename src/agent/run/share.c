/* share.c: works about a share: check_share, test_share. */
#include "agent/run/agent.h"

#include <string.h>

#include "agent/target/trial.h"
#include "base/jsonout.h"
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

static int
print_trial(const char *work_id, const struct target_trial *r, struct al_buf *to)
{
    struct al_jsonout j;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "share_test");
    al_jo_str(&j, "work_id", work_id);
    al_jo_bool(&j, "ok", r->code == AL_OK);
    al_jo_u64(&j, "bytes_total", r->space.bytes_total);
    al_jo_u64(&j, "bytes_free", r->space.bytes_free);
    al_jo_bool(&j, "signing", r->signing);
    al_jo_bool(&j, "encryption", r->encryption);
    al_jo_array(&j, "steps");
    for (unsigned i = 0; i < TARGET_S_COUNT; i++) {
        const struct target_step_result *s = &r->steps[i];

        if (s->done) {
            al_jo_object(&j, NULL);
            al_jo_str(&j, "step", target_step_name((enum target_step)i));
            al_jo_str(&j, "code", al_code_name(s->code));
            al_jo_u64(&j, "us", s->us);
            al_jo_text(&j, "text", al_span_of(s->text));
            al_jo_text(&j, "next", al_span_of(s->next));
            al_jo_close(&j);
        }
    }
    al_jo_close(&j);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* Neither address nor password come into the log: nobody has decided to keep them. */
void
work_test_share(struct agent_work *aw)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = SPOOL_RECORD_MAX};
    struct agent *a = aw->agent;
    const struct work *w = aw->work;
    struct target_conf conf = {.url = w->url,
                               .user = w->user,
                               .password = w->password,
                               .customer_id = a->identity->customer_id};
    struct target_trial r;
    int rc;

    target_trial(a->port, &conf, &r);
    rc = print_trial(w->work_id, &r, &line);
    rc = rc != AL_OK ? rc : spool_put(a->spool, al_buf_span(&line), NULL);
    work_end(aw, rc, rc == AL_OK ? "" : "what the test found could not be spooled");
}
