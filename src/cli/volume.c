#include "cli/cli.h"

#include <stdio.h>

int
cmd_volume_add(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    al_id host, share;
    int rc = resolve_host(c, args_get(c, "host"), host);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "host_id", host);
    rc = rc != AL_OK ? rc : al_json_set_str(body, "name", args_get(c, "name"));
    rc = rc != AL_OK ? rc : al_json_set_str(body, "path", args_get(c, "path"));
    if (rc == AL_OK && args_get(c, "share") != NULL) {
        rc = resolve_share(c, args_get(c, "share"), share);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "share_id", share);
    }
    if (rc == AL_OK && args_get(c, "kind") != NULL) {
        rc = al_json_set_str(body, "kind", args_get(c, "kind"));
    }
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/volumes", body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_volume_list(struct cli *c)
{
    static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                            {"NAME", "name", COL_TEXT},
                                            {"STATE", "state", COL_TEXT},
                                            {"PATH", "path", COL_TEXT},
                                            {"FILES", "files", COL_COUNT},
                                            {"SIZE", "bytes", COL_BYTES},
                                            {"STUBS", "stub_files", COL_COUNT},
                                            {"FREED", "freed_bytes", COL_BYTES},
                                            {"LAST SCAN", "last_scan_at", COL_TIME}};

    return list_nouns(c, "/volumes", columns, AL_LEN(columns));
}

static int
get_volume(struct cli *c, char path[80], json_t **ret)
{
    al_id id;
    int rc = resolve_volume(c, c->words[0], id);

    (void)snprintf(path, 80, "/volumes/%s", id);
    return rc != AL_OK ? rc : call(c, "GET", path, NULL, ret);
}

int
cmd_volume_show(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    char path[80];
    int rc = get_volume(c, path, &noun);

    return rc != AL_OK ? rc : out_object(c, noun);
}

int
cmd_volume_set(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    char path[80];
    al_id share;
    int rc = get_volume(c, path, &noun);

    if (rc == AL_OK && args_get(c, "name") != NULL) {
        rc = al_json_set_str(body, "name", args_get(c, "name"));
    }
    if (rc == AL_OK && args_get(c, "path") != NULL) {
        rc = al_json_set_str(body, "path", args_get(c, "path"));
    }
    if (rc == AL_OK && args_get(c, "share") != NULL) {
        rc = resolve_share(c, args_get(c, "share"), share);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "share_id", share);
    }
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call_if_match(c, "PATCH", path, get_count(noun, "version"), body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_volume_remove(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    char path[80];
    int rc = get_volume(c, path, &noun);

    return rc != AL_OK ? rc
                       : call_if_match(c, "DELETE", path, get_count(noun, "version"), NULL, NULL);
}

/* A job of the whole volume. */
static int
walk(struct cli *c, const char *verb)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    char path[80];
    al_id id;
    int rc = resolve_volume(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/volumes/%s/%s", id, verb);
    rc = rc != AL_OK ? rc : call(c, "POST", path, NULL, &job);
    return rc != AL_OK ? rc : job_out(c, job, args_flag(c, "wait"));
}

int
cmd_scan(struct cli *c)
{
    return walk(c, "scan");
}

int
cmd_volume_reconcile(struct cli *c)
{
    return walk(c, "reconcile");
}
