/* search.c: one text, looked for everywhere. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static int
row_of(const json_t *hit, json_t *rows)
{
    const json_t *file = json_object_get(hit, "file");
    const char *where = file != NULL ? get_text(file, "path") : get_text(hit, "detail");
    json_t *row = json_object();
    int rc = row == NULL || json_array_append_new(rows, row) != 0 ? AL_ENOMEM : AL_OK;

    rc = rc != AL_OK ? rc : al_json_set_str(row, "kind", get_text(hit, "kind"));
    rc = rc != AL_OK ? rc : al_json_set_str(row, "name", get_text(hit, "name"));
    rc = rc != AL_OK ? rc : al_json_set_str(row, "customer", get_text(hit, "customer"));
    rc = rc != AL_OK ? rc : al_json_set_str(row, "volume", get_text(hit, "volume"));
    return rc != AL_OK ? rc : al_json_set_str(row, "where", where);
}

/* What is not in the table, each with what to do about it. */
static void
say_what_is_left(const json_t *groups)
{
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *g = json_array_get(groups, i);
        const char *kind = get_text(g, "kind");

        if (json_is_true(json_object_get(g, "partial"))) {
            (void)fprintf(stderr, "alto: not all volumes were looked through for files: --customer "
                                  "makes it shorter\n");
        }
        if (json_is_true(json_object_get(g, "more"))) {
            (void)fprintf(
                stderr, "alto: there may be more of kind %s: a longer text, --limit%s\n", kind,
                strcmp(kind, "file") == 0 ? ", or alto file list --recursive --name" : "");
        }
    }
}

int
cmd_search(struct cli *c)
{
    static const struct column columns[] = {{"KIND", "kind", COL_TEXT},
                                            {"NAME", "name", COL_TEXT},
                                            {"CUSTOMER", "customer", COL_TEXT},
                                            {"VOLUME", "volume", COL_TEXT},
                                            {"WHERE", "where", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_json_freep) json_t *rows = json_array();
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = 16384};
    const json_t *groups;
    al_id id;
    int rc = rows == NULL ? AL_ENOMEM : al_buf_adds(&path, "/search");

    rc = rc != AL_OK ? rc : add_query(&path, "q", c->words[0]);
    if (rc == AL_OK && args_get(c, "customer") != NULL) {
        rc = resolve_customer(c, args_get(c, "customer"), id);
        rc = rc != AL_OK ? rc : add_query(&path, "customer_id", id);
    }
    rc = rc != AL_OK ? rc : add_query(&path, "kinds", args_get(c, "kinds"));
    rc = rc != AL_OK ? rc : add_query(&path, "limit", args_get(c, "limit"));
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &answer);
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(answer);
    }
    groups = json_object_get(answer, "groups");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *items = json_object_get(json_array_get(groups, i), "items");

        for (size_t k = 0; k < json_array_size(items) && rc == AL_OK; k++) {
            rc = row_of(json_array_get(items, k), rows);
        }
    }
    rc = rc != AL_OK ? rc : out_table(c, rows, columns, AL_LEN(columns));
    say_what_is_left(groups);
    return rc;
}
