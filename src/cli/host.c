#include "cli/cli.h"

#include <stdio.h>

int
cmd_host_token(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    uint64_t hours = 0;
    bool given = false;
    char path[80];
    al_id id;
    int rc = resolve_customer(c, args_get(c, "customer"), id);

    rc = rc != AL_OK ? rc : args_number(c, "hours", &hours, &given);
    if (rc == AL_OK && given) {
        rc = al_json_set_u64(body, "hours", hours);
    }
    if (rc == AL_OK && args_get(c, "name") != NULL) {
        rc = al_json_set_str(body, "name", args_get(c, "name"));
    }
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    (void)snprintf(path, sizeof(path), "/customers/%s/enrol-tokens", id);
    rc = call(c, "POST", path, body, &answer);
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(answer);
    }
    (void)printf("%s\n", get_text(answer, "token"));
    (void)fprintf(stderr,
                  "good until %s, for one host; it is shown only now. On the host:\n  alto-agent "
                  "enrol --server URL --state DIR\n",
                  get_text(answer, "expires_at"));
    return AL_OK;
}

int
cmd_host_add(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    al_id id;
    int rc = resolve_customer(c, args_get(c, "customer"), id);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "customer_id", id);
    rc = rc != AL_OK ? rc : al_json_set_str(body, "name", args_get(c, "name"));
    rc = rc != AL_OK
             ? rc
             : al_json_set_str(body, "os", args_get(c, "os") != NULL ? args_get(c, "os") : "linux");
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/hosts", body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_host_list(struct cli *c)
{
    static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                            {"NAME", "name", COL_TEXT},
                                            {"STATE", "state", COL_TEXT},
                                            {"OS", "os", COL_TEXT},
                                            {"AGENT", "agent_version", COL_TEXT},
                                            {"LAST SEEN", "last_seen_at", COL_TIME}};

    return list_nouns(c, "/hosts", columns, AL_LEN(columns));
}

int
cmd_host_remove(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    char path[64];
    al_id id;
    int rc = resolve_host(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/hosts/%s", id);
    rc = rc != AL_OK ? rc : call(c, "GET", path, NULL, &noun);
    return rc != AL_OK ? rc
                       : call_if_match(c, "DELETE", path, get_count(noun, "version"), NULL, NULL);
}
