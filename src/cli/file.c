#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int
add_path(struct al_buf *to, const char *name, const char *path)
{
    struct al_span bytes = al_span_of(path);
    char name_b64[32], *text;
    int rc;

    if (al_utf8_valid(bytes)) {
        return add_query(to, name, path);
    }
    text = al_alloc(4 * ((bytes.len + 2) / 3) + 1);
    if (text == NULL) {
        return AL_ENOMEM;
    }
    al_base64(bytes.at, bytes.len, text);
    (void)snprintf(name_b64, sizeof(name_b64), "%s_b64", name);
    rc = add_query(to, name_b64, text);
    al_free(text);
    return rc;
}

int
cmd_file_list(struct cli *c)
{
    static const struct column columns[] = {
        {"STATE", "state", COL_TEXT},       {"TYPE", "type", COL_TEXT},
        {"SIZE", "size", COL_BYTES},        {"ON DISK", "allocated", COL_BYTES},
        {"MODIFIED", "mtime_at", COL_TIME}, {"ACCESSED", "accessed_at", COL_TIME},
        {"PATH", "path", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint64_t limit = 1000;
    bool given;
    int rc;

    rc = volume_path(c, "/files", &path);
    rc = rc != AL_OK ? rc : add_path(&path, "path", c->word_count > 1 ? c->words[1] : "/");
    rc =
        rc != AL_OK ? rc : add_query(&path, "recursive", args_flag(c, "recursive") ? "true" : NULL);
    rc = rc != AL_OK ? rc : add_query(&path, "state", args_get(c, "state"));
    rc = rc != AL_OK ? rc : add_query(&path, "q", args_get(c, "name"));
    rc = rc != AL_OK ? rc : add_query(&path, "sort", args_get(c, "sort"));
    rc = rc != AL_OK ? rc : add_query(&path, "order", args_flag(c, "reverse") ? "desc" : NULL);
    rc = rc != AL_OK ? rc : args_number(c, "limit", &limit, &given);
    rc = rc != AL_OK ? rc : call_list(c, (const char *)path.at, limit, &items);
    return rc != AL_OK ? rc : out_table(c, items, columns, AL_LEN(columns));
}

int
cmd_file_stat(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *file = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc;

    rc = volume_path(c, "/file", &path);
    rc = rc != AL_OK ? rc : add_path(&path, "path", c->words[1]);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &file);
    return rc != AL_OK ? rc : out_object(c, file);
}

/* {"paths":[…]}, or {"paths_b64":[…]} as soon as one is no UTF-8. */
static int
paths_body(struct cli *c, json_t *body)
{
    json_t *list = json_array();
    bool plain = true;
    int rc = list != NULL ? AL_OK : AL_ENOMEM;

    for (size_t i = 1; i < c->word_count; i++) {
        plain = plain && al_utf8_valid(al_span_of(c->words[i]));
    }
    for (size_t i = 1; i < c->word_count && rc == AL_OK; i++) {
        size_t len = strlen(c->words[i]);
        char *text = plain ? al_strdup(c->words[i]) : al_alloc(4 * ((len + 2) / 3) + 1);

        if (text == NULL) {
            rc = AL_ENOMEM;
            break;
        }
        if (!plain) {
            al_base64(c->words[i], len, text);
        }
        rc = json_array_append_new(list, json_string(text)) == 0 ? AL_OK : AL_ENOMEM;
        al_free(text);
    }
    if (rc != AL_OK) {
        al_json_freep(&list);
        return rc;
    }
    return al_json_set(body, plain ? "paths" : "paths_b64", list);
}

static int
move(struct cli *c, const char *verb)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    json_t *body = json_object();
    int rc;

    rc = volume_path(c, verb, &path);
    rc = rc != AL_OK ? rc : paths_body(c, body);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", (const char *)path.at, body, &job);
    return rc != AL_OK ? rc : job_out(c, job, args_flag(c, "wait"));
}

int
cmd_file_tier(struct cli *c)
{
    return move(c, "/tier");
}

int
cmd_file_recall(struct cli *c)
{
    return move(c, "/recall");
}

int
cmd_file_adopt(struct cli *c)
{
    return move(c, "/adopt");
}
