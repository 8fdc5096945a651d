/* Lists of nouns, narrowed by those of their options that the command has. */
#include "cli/cli.h"

#include "base/mem.h"

#define LIST_DEFAULT 1000u

static int
narrow(struct cli *c, struct al_buf *path, const char *option, const char *key,
       int (*find)(struct cli *c, const char *text, al_id ret))
{
    al_id id;
    int rc;

    if (args_get(c, option) == NULL) {
        return AL_OK;
    }
    rc = find(c, args_get(c, option), id);
    return rc != AL_OK ? rc : add_query(path, key, id);
}

int
list_nouns(struct cli *c, const char *path, const struct column *columns, size_t count)
{
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf all = {0};
    uint64_t limit = LIST_DEFAULT;
    bool given;
    int rc;

    al_buf_init(&all, 4096);
    rc = al_buf_adds(&all, path);
    rc = rc != AL_OK ? rc : narrow(c, &all, "customer", "customer_id", resolve_customer);
    rc = rc != AL_OK ? rc : narrow(c, &all, "host", "host_id", resolve_host);
    rc = rc != AL_OK ? rc : narrow(c, &all, "volume", "volume_id", resolve_volume);
    rc = rc != AL_OK ? rc : add_query(&all, "state", args_get(c, "state"));
    rc = rc != AL_OK ? rc : args_number(c, "limit", &limit, &given);
    rc = rc != AL_OK ? rc : call_list(c, (const char *)all.at, limit, &items);
    return rc != AL_OK ? rc : out_table(c, items, columns, count);
}
