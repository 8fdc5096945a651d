/* intake_again.c: reports that an agent gives a second time. After a crash between an outcome's
 * record and the end of its intent the agent's next start reports the act once more
 * (doc/format/journal.md). Those reports, and no others, name their reason; what is recorded first
 * stays. */
#include "server/service/agent/intake_apply.h"

#include <string.h>

static bool
is_report(const struct intake_record *r)
{
    return r->kind == INTAKE_OUTCOME && r->code == AL_OK && r->object_id != NULL &&
           r->volume_id != NULL && r->path.len > 0 &&
           (strcmp(r->reason, "finished_by_reconcile") == 0 ||
            strcmp(r->reason, "unreferenced_object") == 0);
}

static bool
same_object(const struct intake_record *a, const struct intake_record *b, enum intake_act act)
{
    return b->kind == INTAKE_OUTCOME && b->act == act && b->code == AL_OK && b->object_id != NULL &&
           b->volume_id != NULL && strcmp(a->object_id, b->object_id) == 0 &&
           strcmp(a->volume_id, b->volume_id) == 0 && al_span_equal(a->path, b->path);
}

static int
was_told(struct intake *in, size_t at, enum intake_act act, const char *event_act, bool *ret)
{
    const struct intake_record *r = &in->batch.records[at];
    /* An event is dated at the end of its act, or when it came where the host's clock was ahead. */
    int64_t ahead = r->ended_ns > in->t.now_ns ? r->ended_ns - in->t.now_ns : 0;
    struct store_event_key key = {
        .customer_id = in->t.scope.customer_id,
        .act = event_act,
        .subject_id = r->volume_id,
        .object_id = r->object_id,
        .from_ns =
            r->began_ns > ahead + INTAKE_CLOCK_NS ? r->began_ns - ahead - INTAKE_CLOCK_NS : 0,
    };

    for (size_t i = 0; i < at; i++) {
        if (same_object(r, &in->batch.records[i], act)) {
            *ret = true;
            return AL_OK;
        }
    }
    al_buf_clear(&in->path);
    SV_TRY(al_buf_adds(&in->path, "/"));
    SV_TRY(al_buf_add(&in->path, r->path.at, r->path.len));
    key.subject = al_buf_span(&in->path);
    return store_event_told(in->t.db, &key, ret, in->t.fail);
}

int
intake_again(struct intake *in)
{
    for (size_t i = 0; i < in->batch.count; i++) {
        const struct intake_record *r = &in->batch.records[i];
        bool told = false;

        if (!is_report(r)) {
            continue;
        }
        SV_TRY(was_told(in, i, r->act, intake_act_of(r), &told));
        in->of[i].again = told;
        if (!told && (r->act == INTAKE_A_TIER || r->act == INTAKE_A_ARCHIVE)) {
            /* Its reader was quicker than the report: the file is no stub any more. */
            SV_TRY(was_told(in, i, INTAKE_A_RECALL, "file.recall", &told));
            in->of[i].late = told;
        }
    }
    return AL_OK;
}
