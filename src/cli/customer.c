#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

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

/* An amount of money, or null for "-". */
static int
set_price(struct cli *c, json_t *body, const char *option, const char *key)
{
    const char *text = args_get(c, option);

    if (text == NULL) {
        return AL_OK;
    }
    return al_json_set_str(body, key, strcmp(text, "-") == 0 ? NULL : text);
}

static int
change_costs(struct cli *c, const char *path, const json_t *was, json_t **ret)
{
    static const char *const keys[] = {"currency", "primary_tb_month", "tier_tb_month",
                                       "recall_gb"};
    json_t *body = json_object();
    int rc = AL_OK;

    for (size_t i = 0; i < AL_LEN(keys) && rc == AL_OK; i++) { /* what is not told stays */
        rc = al_json_set_str(body, keys[i], json_string_value(json_object_get(was, keys[i])));
    }
    rc = rc != AL_OK ? rc : set_price(c, body, "currency", "currency");
    rc = rc != AL_OK ? rc : set_price(c, body, "primary", "primary_tb_month");
    rc = rc != AL_OK ? rc : set_price(c, body, "tier", "tier_tb_month");
    rc = rc != AL_OK ? rc : set_price(c, body, "recall", "recall_gb");
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    return call_if_match(c, "PUT", path, get_count(was, "version"), body, ret);
}

int
cmd_customer_costs(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *costs = NULL;
    AL_CLEANUP(al_json_freep) json_t *now = NULL;
    bool change = args_get(c, "currency") != NULL || args_get(c, "primary") != NULL ||
                  args_get(c, "tier") != NULL || args_get(c, "recall") != NULL;
    char path[80];
    al_id id;
    int rc = resolve_customer(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/customers/%s/costs", id);
    rc = rc != AL_OK ? rc : call(c, "GET", path, NULL, &costs);
    if (rc == AL_OK && change) {
        rc = change_costs(c, path, costs, &now);
    }
    return rc != AL_OK ? rc : out_object(c, change ? now : costs);
}
