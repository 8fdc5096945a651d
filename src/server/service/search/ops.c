#include "server/service/search/ops.h"

#include <string.h>

#include "server/service/search/search.h"

#define KIND_FILE STORE_F_COUNT
#define KINDS (STORE_F_COUNT + 1)

static const char *const kinds[KINDS] = {
    [STORE_F_CUSTOMER] = "customer", [STORE_F_HOST] = "host", [STORE_F_SHARE] = "share",
    [STORE_F_VOLUME] = "volume",     [STORE_F_RULE] = "rule", [STORE_F_JOB] = "job",
    [STORE_F_USER] = "user",         [KIND_FILE] = "file",
};

static const char *
or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

void
search_hit(struct al_jsonout *j, const char *kind, const struct store_hit *hit)
{
    al_jo_str(j, "kind", kind);
    al_jo_str(j, "id", hit->id);
    al_jo_str(j, "name", hit->name);
    al_jo_str(j, "customer_id", or_null(hit->customer_id));
    al_jo_str(j, "customer", or_null(hit->customer));
    al_jo_str(j, "volume_id", or_null(hit->volume_id));
    al_jo_str(j, "volume", or_null(hit->volume));
    al_jo_str(j, "detail", hit->detail);
}

/* ---- what is asked ---- */

static int
asked_text(struct service_req *req, const char **ret, struct al_fail *fail)
{
    const char *text = service_query(req, "q");
    size_t len;
    char *kept;

    text = text != NULL ? text + strspn(text, " ") : "";
    len = strlen(text);
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    if (len == 0 || len > SEARCH_TEXT_MAX) {
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "\"q\" is what to look for, 1 to %u bytes: a part of a name or of a path",
            SEARCH_TEXT_MAX);
    }
    kept = al_arena_alloc(req->arena, len + 1);
    if (kept == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    memcpy(kept, text, len);
    kept[len] = '\0';
    *ret = kept;
    return AL_OK;
}

/* "host,file"; absent: all. */
static int
asked_kinds(struct service_req *req, bool want[KINDS], struct al_fail *fail)
{
    const char *text = service_query(req, "kinds");

    for (size_t i = 0; i < KINDS; i++) {
        want[i] = text == NULL;
    }
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ","), i = 0;

        while (i < KINDS && (strlen(kinds[i]) != len || memcmp(kinds[i], text, len) != 0)) {
            i++;
        }
        if (i == KINDS) {
            return al_fail_set(
                fail, AL_EINVAL, 0,
                "\"kinds\" are some of customer, host, share, volume, rule, job, user "
                "and file, with commas between");
        }
        want[i] = true;
        text += len;
        text += *text == ',';
    }
    return AL_OK;
}

/* ---- the answer ---- */

struct writing {
    struct al_jsonout *j;
    const char *kind;
};

static int
on_hit(void *ctx, const struct store_hit *hit)
{
    struct writing *w = ctx;

    al_jo_object(w->j, NULL);
    search_hit(w->j, w->kind, hit);
    al_jo_close(w->j);
    return w->j->rc;
}

static int
group(struct search *s, size_t kind)
{
    struct writing w = {s->j, kinds[kind]};
    bool more = false, partial = false;

    al_jo_object(s->j, NULL);
    al_jo_str(s->j, "kind", kinds[kind]);
    al_jo_array(s->j, "items");
    if (kind == KIND_FILE) {
        SV_TRY(search_files(s, &more, &partial));
    } else {
        SV_TRY(store_search(s->req->worker->db, &s->scope, (enum store_found)kind, s->text,
                            s->limit, on_hit, &w, &more, s->fail));
    }
    al_jo_close(s->j);
    al_jo_bool(s->j, "more", more);
    al_jo_bool(s->j, "partial", partial);
    al_jo_close(s->j);
    return s->j->rc;
}

int
search_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct al_jsonout j;
    struct search s = {.req = req, .j = &j, .fail = fail};
    bool want[KINDS];
    uint64_t limit;
    int rc = AL_OK;

    SV_TRY(asked_text(req, &s.text, fail));
    SV_TRY(asked_kinds(req, want, fail));
    SV_TRY(service_query_u64(req, "limit", SEARCH_HITS_DEFAULT, SEARCH_HITS_MAX, &limit, fail));
    SV_TRY(service_asked_scope(req, &s.scope, fail));
    s.limit = limit == 0 ? SEARCH_HITS_DEFAULT : (uint32_t)limit;
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "groups");
    for (size_t i = 0; i < KINDS && rc == AL_OK; i++) {
        rc = want[i] ? group(&s, i) : AL_OK;
    }
    if (rc != AL_OK) {
        al_buf_clear(&reply->body);
        return rc;
    }
    al_jo_close(&j);
    al_jo_close(&j);
    return al_jo_end(&j);
}
