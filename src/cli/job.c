#include "cli/cli.h"

#include <stdio.h>

int
cmd_job_list(struct cli *c)
{
    static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                            {"KIND", "kind", COL_TEXT},
                                            {"STATE", "state", COL_TEXT},
                                            {"FILES", "total_files", COL_COUNT},
                                            {"DONE", "done_files", COL_COUNT},
                                            {"SIZE", "done_bytes", COL_BYTES},
                                            {"REFUSED", "refused_files", COL_COUNT},
                                            {"FAILED", "failed_files", COL_COUNT},
                                            {"CREATED", "created_at", COL_TIME}};

    return list_nouns(c, "/jobs", columns, AL_LEN(columns));
}

/* "/jobs/ID" + tail. Jobs have no names. */
static int
job_path(struct cli *c, const char *tail, char path[80])
{
    if (!al_id_valid(c->words[0])) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "%.60s is no job's id: see alto job list",
                           c->words[0]);
    }
    (void)snprintf(path, 80, "/jobs/%s%s", c->words[0], tail);
    return AL_OK;
}

int
cmd_job_show(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    char path[80];
    int rc = job_path(c, "", path);

    rc = rc != AL_OK ? rc : call(c, "GET", path, NULL, &job);
    return rc != AL_OK ? rc : out_object(c, job);
}

int
cmd_job_wait(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    char path[80];
    int rc = job_path(c, "", path);

    rc = rc != AL_OK ? rc : call(c, "GET", path, NULL, &job);
    return rc != AL_OK ? rc : job_out(c, job, true);
}

static int
post(struct cli *c, const char *tail)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    char path[80];
    int rc = job_path(c, tail, path);

    rc = rc != AL_OK ? rc : call(c, "POST", path, NULL, &job);
    return rc != AL_OK || job == NULL ? rc : out_object(c, job);
}

int
cmd_job_cancel(struct cli *c)
{
    return post(c, "/cancel");
}

int
cmd_job_pause(struct cli *c)
{
    return post(c, "/pause");
}

int
cmd_job_resume(struct cli *c)
{
    return post(c, "/resume");
}

int
cmd_job_outcomes(struct cli *c)
{
    static const struct column columns[] = {
        {"ACT", "act", COL_TEXT},    {"CODE", "code", COL_TEXT},    {"REASON", "reason", COL_TEXT},
        {"SIZE", "size", COL_BYTES}, {"FREED", "freed", COL_BYTES}, {"PATH", "path", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint64_t limit = 1000;
    char base[80];
    bool given;
    int rc = job_path(c, "/outcomes", base);

    al_buf_init(&path, 4096);
    rc = rc != AL_OK ? rc : al_buf_adds(&path, base);
    rc = rc != AL_OK ? rc : add_query(&path, "code", args_get(c, "code"));
    rc = rc != AL_OK ? rc : add_query(&path, "reason", args_get(c, "reason"));
    rc = rc != AL_OK ? rc : args_number(c, "limit", &limit, &given);
    rc = rc != AL_OK ? rc : call_list(c, (const char *)path.at, limit, &items);
    return rc != AL_OK ? rc : out_table(c, items, columns, AL_LEN(columns));
}
