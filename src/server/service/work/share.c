#include "server/service/work/work.h"

#include <stdio.h>
#include <string.h>

bool
work_share_trouble(enum store_job_kind kind, int code)
{
    switch (code) {
    case AL_EUNREACH:
    case AL_ETIMEDOUT:
    case AL_EAUTH:
    case AL_EFOREIGN:
        return store_job_kind_moves(kind);
    case AL_ENOSPC:
    case AL_EROFS:
        return store_job_kind_writes(kind); /* a recall writes to the host alone */
    default:
        return false;
    }
}

const char *
work_share_state_of(int code)
{
    switch (code) {
    case AL_OK:
        return "ok";
    case AL_EUNREACH:
    case AL_ETIMEDOUT:
        return "unreachable";
    case AL_ENOSPC:
        return "full";
    case AL_EROFS:
        return "read_only";
    case AL_EAUTH:
        return "wrong_password";
    case AL_EFOREIGN:
        return "foreign";
    default:
        return "error";
    }
}

struct suspending {
    struct work_tx *t;
    const char *customer_id, *text;
    al_id jobs[256];
    size_t count;
};

static int
collect_job(void *ctx, const char *job_id)
{
    struct suspending *s = ctx;

    if (s->count < AL_LEN(s->jobs)) {
        memcpy(s->jobs[s->count++], job_id, sizeof(al_id));
    }
    return AL_OK;
}

/* What waited and need not any more. */
static int
resume(struct work_tx *t, const struct store_share *share)
{
    struct store_work_ref *refs;
    size_t count;

    SV_TRY(store_work_release(t->db, &t->scope, share->id, t->now_ns, t->arena, &refs, &count,
                              t->fail));
    for (size_t i = 0; i < count; i++) {
        SV_TRY(work_touch(t, WORK_T_WAKE, refs[i].host_id, share->customer_id));
    }
    /* A job settles once, not once a piece. */
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t k = i; k > 0 && !seen; k--) {
            seen = strcmp(refs[k - 1].job_id, refs[i].job_id) == 0;
        }
        if (!seen && refs[i].job_id[0] != '\0') {
            SV_TRY(work_settle(t, refs[i].job_id, share->customer_id));
        }
    }
    return AL_OK;
}

/* Nothing that needs the share is handed out any more: each piece would only run into the same
 * wall. Another trouble than before is told to those too that wait already. */
static int
suspend(struct work_tx *t, const struct store_share *share, int code, const char *text, bool other)
{
    struct suspending s = {.t = t, .customer_id = share->customer_id};
    bool reads_too = code != AL_ENOSPC && code != AL_EROFS;
    char note[WORK_TEXT_MAX];

    SV_TRY(store_work_hold_share(t->db, &t->scope, share->id, reads_too, other, t->now_ns,
                                 collect_job, &s, t->fail));
    (void)snprintf(note, sizeof(note), "Share %s: %s%s%s", share->name, work_share_state_of(code),
                   text[0] == '\0' ? "" : ": ", text);
    for (size_t i = 0; i < s.count; i++) {
        SV_TRY(store_job_note(t->db, &t->scope, s.jobs[i], AL_OK, note, t->fail));
        SV_TRY(work_settle(t, s.jobs[i], share->customer_id));
    }
    return reads_too ? AL_OK : resume(t, share); /* recalls that waited for another trouble */
}

static int
share_event(struct work_tx *t, const struct store_share *share, const char *was, int code)
{
    struct al_buf AL_CLEANUP(al_buf_free) detail = {0};
    struct al_jsonout j;

    al_buf_init(&detail, 8192);
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "was", was);
    al_jo_str(&j, "state", share->state);
    al_jo_str(&j, "text", share->state_text);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    SV_TRY(work_touch(t, WORK_T_SHARE, share->id, share->customer_id));
    return work_event(t, &(struct work_event){
                             .customer_id = share->customer_id,
                             .act = "share.state",
                             .subject_type = "share",
                             .subject_id = share->id,
                             .subject = al_span_of(share->name),
                             .code = al_code_name(code),
                             .detail = &detail,
                         });
}

int
work_share_told(struct work_tx *t, const struct work_share_news *n)
{
    struct store_share share;
    const char *was;

    SV_TRY(store_share_get(t->db, &t->scope, n->share_id, t->arena, &share, t->fail));
    was = share.state;
    share.state = work_share_state_of(n->code);
    share.state_text = n->code == AL_OK ? "" : n->text;
    share.checked_ns = t->now_ns;
    if (n->bytes_total != 0 || n->bytes_free != 0) {
        share.bytes_total = n->bytes_total;
        share.bytes_free = n->bytes_free;
    }
    SV_TRY(store_share_state(t->db, &t->scope, &share, t->fail));
    if (strcmp(was, share.state) != 0) {
        SV_TRY(share_event(t, &share, was, n->code));
    }
    if (n->job_id != NULL && n->code != AL_OK) {
        char note[WORK_TEXT_MAX];

        (void)snprintf(note, sizeof(note), "%s%s%s", share.state, n->text[0] == '\0' ? "" : ": ",
                       n->text);
        SV_TRY(store_job_note(t->db, &t->scope, n->job_id, n->code, note, t->fail));
    }
    return n->code == AL_OK ? resume(t, &share)
                            : suspend(t, &share, n->code, n->text, strcmp(was, share.state) != 0);
}

int
work_share_watch(struct work_tx *t)
{
    struct store_watch *list;
    size_t count;

    SV_TRY(store_share_watch(t->db, &t->scope, t->now_ns, t->arena, &list, &count, t->fail));
    for (size_t i = 0; i < count; i++) {
        struct store_work w = {.kind = STORE_J_CHECK_SHARE, .created_ns = t->now_ns};

        SV_TRY(store_id_make(t->db, t->now_ns, w.id));
        memcpy(w.customer_id, list[i].customer_id, sizeof(al_id));
        memcpy(w.host_id, list[i].host_id, sizeof(al_id));
        memcpy(w.share_id, list[i].share_id, sizeof(al_id));
        SV_TRY(store_work_add(t->db, &t->scope, &w, t->fail));
        SV_TRY(work_touch(t, WORK_T_WAKE, w.host_id, w.customer_id));
    }
    return AL_OK;
}
