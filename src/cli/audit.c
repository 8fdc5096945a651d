#include "cli/cli.h"

#include <stdio.h>

static int
add_customer(struct cli *c, struct al_buf *path)
{
    al_id id;
    int rc;

    if (args_get(c, "customer") == NULL) {
        return AL_OK;
    }
    rc = resolve_customer(c, args_get(c, "customer"), id);
    return rc != AL_OK ? rc : add_query(path, "customer_id", id);
}

int
cmd_audit_list(struct cli *c)
{
    static const struct column columns[] = {
        {"SEQ", "seq", COL_COUNT}, {"TIME", "at", COL_TIME},   {"ACTOR", "actor_name", COL_TEXT},
        {"ACT", "act", COL_TEXT},  {"CODE", "code", COL_TEXT}, {"SUBJECT", "subject", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint64_t limit = 1000;
    bool given;
    int rc;

    al_buf_init(&path, 16384);
    rc = al_buf_adds(&path, "/audit");
    rc = rc != AL_OK ? rc : add_customer(c, &path);
    rc = rc != AL_OK ? rc : add_query(&path, "act", args_get(c, "act"));
    rc = rc != AL_OK ? rc : add_query(&path, "from", args_get(c, "from"));
    rc = rc != AL_OK ? rc : add_query(&path, "to", args_get(c, "to"));
    rc = rc != AL_OK ? rc : add_query(&path, "q", args_get(c, "search"));
    rc = rc != AL_OK ? rc : args_number(c, "limit", &limit, &given);
    rc = rc != AL_OK ? rc : call_list(c, (const char *)path.at, limit, &items);
    return rc != AL_OK ? rc : out_table(c, items, columns, AL_LEN(columns));
}

int
cmd_audit_verify(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc;

    al_buf_init(&path, 4096);
    rc = al_buf_adds(&path, "/audit/verify");
    rc = rc != AL_OK ? rc : add_customer(c, &path);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &answer);
    if (rc != AL_OK) {
        return rc;
    }
    if (c->json) {
        rc = out_json(answer);
    } else if (json_is_true(json_object_get(answer, "ok"))) {
        (void)printf("the record is whole: %llu events\n",
                     (unsigned long long)get_count(answer, "events"));
    }
    if (rc == AL_OK && !json_is_true(json_object_get(answer, "ok"))) {
        return al_fail_set(&c->fail, AL_ECORRUPT, 0,
                           "the record was altered: event %llu does not fit the chain",
                           (unsigned long long)get_count(answer, "first_bad_seq"));
    }
    return rc;
}
