#include "server/service/work/work.h"

#include <stdio.h>
#include <string.h>

/* What is left of a work's items once those with a final outcome are taken away. */
struct rest {
    struct al_buf json;
    uint32_t count;        /* not final */
    uint32_t silent;       /* of them: without any outcome */
    struct al_span sample; /* the first silent one; in the arena */
};

static void
rest_free(struct rest *r)
{
    al_buf_free(&r->json);
}

static int
rest_item(struct work_tx *t, const struct store_work *w, const json_t *item, struct rest *r)
{
    struct al_buf AL_CLEANUP(al_buf_free) path = {0};
    enum store_outcome_seen seen;

    al_buf_init(&path, INVENTORY_PATH_MAX);
    SV_TRY(al_json_get_bytes(item, "path", &path, t->fail));
    SV_TRY(store_outcome_seen(t->db, &t->scope, w->job_id, al_buf_span(&path), &seen, t->fail));
    if (seen == STORE_SEEN_FINAL) {
        return AL_OK;
    }
    if (seen == STORE_SEEN_NOT) {
        if (r->silent == 0) {
            r->sample = al_arena_span(t->arena, al_buf_span(&path));
        }
        r->silent++;
    }
    SV_TRY(al_buf_adds(&r->json, r->count == 0 ? "[" : ","));
    r->count++;
    return al_json_print(item, &r->json);
}

static int
rest_of(struct work_tx *t, const struct store_work *w, struct rest *r)
{
    json_t AL_CLEANUP(al_json_freep) *items = NULL;

    if (w->items == 0 || w->json.len == 0 || w->job_id[0] == '\0') {
        return AL_OK;
    }
    SV_TRY(al_json_parse(w->json, &items, t->fail));
    for (size_t i = 0; i < json_array_size(items); i++) {
        SV_TRY(rest_item(t, w, json_array_get(items, i), r));
    }
    return r->count > 0 ? al_buf_adds(&r->json, "]") : AL_OK;
}

static int
wait_for_share(struct work_tx *t, const struct store_work *w, const struct rest *r, int code,
               const char *text)
{
    struct work_share_news n = {.share_id = w->share_id, .code = code, .text = text};
    struct store_share share;
    char note[WORK_TEXT_MAX];

    SV_TRY(store_work_items(t->db, &t->scope, w->id, r->count, al_buf_span(&r->json), t->fail));
    SV_TRY(store_work_hold(t->db, &t->scope, w->id, t->now_ns, t->fail));
    SV_TRY(store_share_get(t->db, &t->scope, w->share_id, t->arena, &share, t->fail));
    if (code ==
        AL_OK) { /* the items said it, each for itself, and so did the share when they came */
        (void)snprintf(note, sizeof(note), "Share %s: %s%s%s", share.name, share.state,
                       share.state_text[0] == '\0' ? "" : ": ", share.state_text);
        return store_job_note(t->db, &t->scope, w->job_id, AL_OK, note, t->fail);
    }
    (void)snprintf(note, sizeof(note), "Share %s: %s%s%s", share.name, work_share_state_of(code),
                   text[0] == '\0' ? "" : ": ", text);
    SV_TRY(store_job_note(t->db, &t->scope, w->job_id, AL_OK, note, t->fail));
    return work_share_told(t, &n);
}

static int
count_silent(struct work_tx *t, const struct store_work *w, const struct rest *r, int code)
{
    struct store_job_delta d = {.failed_files = r->silent};

    if (r->silent == 0) {
        return AL_OK;
    }
    SV_TRY(store_job_count(t->db, &t->scope, w->job_id, &d, t->fail));
    return store_job_reason(
        t->db, &t->scope, w->job_id, code == AL_OK ? "no_outcome" : al_code_name(code),
        al_code_name(code == AL_OK ? AL_EINTERNAL : code), r->silent, r->sample, t->fail);
}

/* The work is not over: waits for its share, or goes back to the queue. */
static int
goes_on(struct work_tx *t, const struct store_work *w, const struct rest *r, int code,
        const char *text, bool *ret)
{
    bool later = r->count > r->silent;
    bool trouble = work_share_trouble(w->kind, code) || (code == AL_OK && later);

    *ret = true;
    if (r->count > 0 && trouble && w->share_id[0] != '\0') {
        return wait_for_share(t, w, r, code, text);
    }
    if (code == AL_ECANCELED && w->lost < WORK_LOST_MAX) {
        if (r->count > 0) {
            SV_TRY(store_work_items(t->db, &t->scope, w->id, r->count, al_buf_span(&r->json),
                                    t->fail));
        }
        SV_TRY(work_touch(t, WORK_T_WAKE, w->host_id, w->customer_id));
        *ret = w->items == 0 || r->count > 0;
        return *ret ? store_work_back(t->db, &t->scope, w->id, t->fail) : AL_OK;
    }
    *ret = false;
    return AL_OK;
}

/* Its job was paused or stopped: what is not done waits with the job, or goes with it. A work that
 * came to its own end, well or not, has nothing to wait for. */
static int
given_back(struct work_tx *t, const struct store_work *w, const struct rest *r, int code, bool *ret)
{
    *ret = w->pausing && !w->stopping && (r->count > 0 || w->items == 0) &&
           (code == AL_ECANCELED || work_share_trouble(w->kind, code) ||
            (code == AL_OK && r->count > r->silent));
    return *ret
               ? store_work_pause(t->db, &t->scope, w->id, r->count, al_buf_span(&r->json), t->fail)
               : AL_OK;
}

int
work_ended(struct work_tx *t, const struct store_work *w, int code, const char *text)
{
    struct rest AL_CLEANUP(rest_free) r = {0};
    bool on = false;

    al_buf_init(&r.json, (size_t)WORK_ITEMS_BYTES_MAX * 2);
    SV_TRY(rest_of(t, w, &r));
    if (w->pausing) {
        SV_TRY(given_back(t, w, &r, code, &on));
    } else if (!w->dropped) {
        SV_TRY(goes_on(t, w, &r, code, text, &on));
    }
    if (!on) {
        SV_TRY(store_work_del(t->db, &t->scope, w->id, t->fail));
    }
    if (!on) { /* its place is free; a share that was checked may be lent no more */
        SV_TRY(work_touch(t, WORK_T_WAKE, w->host_id, w->customer_id));
    }
    if (w->kind == STORE_J_TEST_SHARE && !on) { /* a result was there before */
        const struct store_share_result none = {
            .steps = "[]", .text = text[0] != '\0' ? text : al_code_name(code)};

        SV_TRY(work_share_test_over(t, w->host_id, w->id, &none));
    }
    if (w->job_id[0] == '\0') {
        return AL_OK;
    }
    SV_TRY(store_job_slice_over(t->db, &t->scope, w->job_id, t->now_ns, t->fail));
    if (!on && !w->dropped && !(w->pausing && w->stopping && code == AL_ECANCELED)) {
        SV_TRY(count_silent(t, w, &r, code));
        if ((w->kind == STORE_J_RECONCILE || w->kind == STORE_J_ADOPT) && code == AL_OK) {
            SV_TRY(store_job_walk_over(t->db, &t->scope, w->job_id, t->fail));
        }
        if (code != AL_OK && code != AL_ECANCELED &&
            (r.silent > 0 || w->items == 0 || w->json.len == 0)) {
            SV_TRY(store_job_note(t->db, &t->scope, w->job_id, code,
                                  text[0] == '\0' ? al_code_name(code) : text, t->fail));
        }
    }
    return work_settle(t, w->job_id, w->customer_id);
}
