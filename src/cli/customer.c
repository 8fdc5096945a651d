#include "cli/cli.h"

#include <stdio.h>

static int
show(struct cli *c, const char *id, json_t **ret)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/customers/%s", id);
    return call(c, "GET", path, NULL, ret);
}

int
cmd_customer_add(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    int rc = al_json_set_str(body, "name", c->words[0]);

    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/customers", body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_customer_list(struct cli *c)
{
    static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                            {"NAME", "name", COL_TEXT},
                                            {"HOSTS", "hosts", COL_COUNT},
                                            {"VOLUMES", "volumes", COL_COUNT},
                                            {"FILES", "files", COL_COUNT},
                                            {"SIZE", "bytes", COL_BYTES},
                                            {"STUBS", "stub_files", COL_COUNT},
                                            {"FREED", "freed_bytes", COL_BYTES}};
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    int rc = call_list(c, "/customers", 0, &items);

    return rc != AL_OK ? rc : out_table(c, items, columns, AL_LEN(columns));
}

int
cmd_customer_show(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    al_id id;
    int rc = resolve_customer(c, c->words[0], id);

    rc = rc != AL_OK ? rc : show(c, id, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_customer_remove(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    char path[64];
    al_id id;
    int rc = resolve_customer(c, c->words[0], id);

    rc = rc != AL_OK ? rc : show(c, id, &noun);
    (void)snprintf(path, sizeof(path), "/customers/%s", id);
    return rc != AL_OK ? rc
                       : call_if_match(c, "DELETE", path, get_count(noun, "version"), NULL, NULL);
}
