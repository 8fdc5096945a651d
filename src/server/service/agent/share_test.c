/* A share that is tried out before it is saved: to the host, and what it found. */
#include "server/service/agent/agent.h"
#include "server/service/agent/intake_apply.h"
#include "server/service/agent/intake_read.h"

#include <stdio.h>

#define STEPS_MAX 32u
#define STEPS_BYTES_MAX (64u << 10)
#define PLAIN_MAX 8192u

/* A test that cannot be handed over must not keep the host from its other works: without an address
 * the agent ends it. */
static int
nothing_to_lend(struct work_tx *t, const char *why, struct al_jsonout *j)
{
    al_log(t->worker->service->log, AL_LOG_WARN, "a test of a share cannot be handed over: %s",
           why);
    if (t->fail != NULL) {
        *t->fail = (struct al_fail){0};
    }
    al_jo_null(j, "url");
    return j->rc;
}

int
agent_share_test_lend(struct work_tx *t, const char *work_id, struct al_jsonout *j)
{
    AL_CLEANUP(al_buf_free) struct al_buf plain = {.max = PLAIN_MAX};
    struct store_share_test test;
    char bound[16 + sizeof(al_id)];
    int rc = store_share_test_get(t->db, &t->scope, work_id, t->arena, &test, t->fail);

    if (rc == AL_ENOENT) {
        return nothing_to_lend(t, "it is gone", j);
    }
    SV_TRY(rc);
    (void)snprintf(bound, sizeof(bound), "share_test:%s", test.id);
    if (test.password_sealed.at != NULL &&
        auth_unseal(t->worker->service->auth, bound, test.password_sealed, &plain) != AL_OK) {
        return nothing_to_lend(t, "its password does not open; wrong seal.key?", j);
    }
    SV_TRY(store_share_test_taken(t->db, &t->scope, work_id, t->fail));
    al_jo_str(j, "url", test.url);
    al_jo_str(j, "user", test.user);
    al_jo_text(j, "password", plain.at != NULL ? al_buf_span(&plain) : (struct al_span){NULL, 0});
    if (plain.at != NULL) {
        al_wipe(plain.at, plain.len);
    }
    return j->rc;
}

/* ---- what it found: written anew, nothing is handed on as it came ---- */

static void
step_out(struct intake_reading *r, struct al_jsonout *j)
{
    const char *code = intake_get_text(r, "code", INTAKE_NAME_MAX);

    al_jo_object(j, NULL);
    al_jo_str(j, "step", intake_get_text(r, "step", INTAKE_NAME_MAX));
    al_jo_bool(j, "ok", al_code_from_name(code) == AL_OK);
    al_jo_str(j, "code", al_code_name(al_code_from_name(code)));
    al_jo_u64(j, "us", intake_get_count(r, "us"));
    al_jo_str(j, "text", intake_get_text(r, "text", INTAKE_TEXT_MAX));
    al_jo_str(j, "next", intake_get_text(r, "next", INTAKE_TEXT_MAX));
    al_jo_close(j);
}

void
intake_read_share_test(struct intake_reading *r, struct intake_record *to)
{
    const json_t *steps = json_object_get(r->obj, "steps");
    struct al_buf AL_CLEANUP(al_buf_free) text = {.max = STEPS_BYTES_MAX};
    struct al_jsonout j;
    int rc;

    to->kind = INTAKE_SHARE_TEST;
    to->work_id = intake_get_id(r, "work_id");
    to->size = intake_get_count(r, "bytes_total");
    to->freed = intake_get_count(r, "bytes_free");
    to->signing = json_is_true(json_object_get(r->obj, "signing"));
    to->encryption = json_is_true(json_object_get(r->obj, "encryption"));
    to->code = json_is_true(json_object_get(r->obj, "ok")) ? AL_OK : AL_EIO;
    if (to->work_id == NULL || !json_is_array(steps) || json_array_size(steps) > STEPS_MAX) {
        r->bad = r->bad != NULL ? r->bad : "a share's test without its work or steps";
        return;
    }
    al_jo_begin(&j, &text);
    al_jo_array(&j, NULL);
    for (size_t i = 0; i < json_array_size(steps) && !r->no_memory; i++) {
        struct intake_reading one = {.arena = r->arena, .obj = json_array_get(steps, i)};

        step_out(&one, &j); /* what is wrong with a member reads as not told */
        r->no_memory = one.no_memory;
    }
    al_jo_close(&j);
    rc = al_jo_end(&j);
    if (rc == AL_ELIMIT) {
        r->bad = "a share's test that is too long";
        return;
    }
    to->found = rc == AL_OK ? al_arena_str(r->arena, (const char *)text.at) : NULL;
    r->no_memory = r->no_memory || to->found == NULL;
}

int
intake_store_share_test(struct intake *in, const struct intake_record *r)
{
    const struct store_share_result result = {.ok = r->code == AL_OK,
                                              .steps = r->found,
                                              .text = "",
                                              .bytes_total = r->size,
                                              .bytes_free = r->freed,
                                              .signing = r->signing,
                                              .encryption = r->encryption};

    return work_share_test_over(&in->t, in->t.actor_id, r->work_id, &result);
}
