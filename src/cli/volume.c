#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* "a,b" as a list; "" is an empty one. */
static int
set_names(struct cli *c, json_t *audit, const char *key, const char *text)
{
    json_t *list = json_array();
    int rc = list == NULL ? AL_ENOMEM : AL_OK;

    while (rc == AL_OK && *text != '\0') {
        size_t len = strcspn(text, ",");

        if (len > 0 && json_array_append_new(list, json_stringn(text, len)) != 0) {
            rc = al_fail_set(&c->fail, AL_EINVAL, 0, "%.100s is no text in UTF-8", text);
        }
        text += len + (text[len] == ',');
    }
    if (rc != AL_OK) {
        al_json_freep(&list);
        return rc;
    }
    return al_json_set(audit, key, list);
}

/* The options about audit logs, where any is given. */
static int
set_audit(struct cli *c, json_t *body)
{
    static const struct {
        const char *option, *key;
    } lists[] = {{"drop-users", "drop_users"},
                 {"drop-hosts", "drop_hosts"},
                 {"drop-nodes", "drop_nodes"},
                 {"logs", "logs"}};
    const char *root = args_get(c, "audit-root"), *pre = args_get(c, "prehydrate");
    json_t *audit = json_object();
    uint64_t hours = 0;
    bool given;
    int rc = args_number(c, "silence-hours", &hours, &given);

    rc = rc != AL_OK || !given ? rc : al_json_set_u64(audit, "silence_hours", hours);
    rc = rc != AL_OK || root == NULL ? rc : al_json_set_str(audit, "root", root);
    if (rc == AL_OK && pre != NULL && strcmp(pre, "yes") != 0 && strcmp(pre, "no") != 0) {
        rc = al_fail_set(&c->fail, AL_EINVAL, 0, "--prehydrate is yes or no");
    }
    rc = rc != AL_OK || pre == NULL
             ? rc
             : al_json_set_bool(audit, "prehydrate", strcmp(pre, "yes") == 0);
    for (size_t i = 0; i < AL_LEN(lists) && rc == AL_OK; i++) {
        const char *text = args_get(c, lists[i].option);

        rc = text == NULL ? AL_OK : set_names(c, audit, lists[i].key, text);
    }
    if (rc != AL_OK || json_object_size(audit) == 0) {
        json_decref(audit);
        return rc;
    }
    return al_json_set(body, "audit", audit);
}

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
    rc = rc != AL_OK ? rc : set_audit(c, body);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/volumes", body, &answer);
    if (rc == AL_OK && args_get(c, "kind") != NULL &&
        strcmp(args_get(c, "kind"), "lucidlink") == 0) {
        rc = host_filespace_hint(c, host, args_get(c, "path"));
    }
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
    rc = rc != AL_OK ? rc : set_audit(c, body);
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
walk(struct cli *c, const char *verb, json_t *body)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    char path[80];
    al_id id;
    int rc = resolve_volume(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/volumes/%s/%s", id, verb);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", path, body, &job);
    return rc != AL_OK ? rc : job_out(c, job, args_flag(c, "wait"));
}

int
cmd_scan(struct cli *c)
{
    json_t *body = NULL;

    if (args_flag(c, "full")) {
        int rc;

        body = json_object();
        rc = al_json_set_bool(body, "full", true);
        if (rc != AL_OK) {
            json_decref(body);
            return rc;
        }
    }
    return walk(c, "scan", body);
}

int
cmd_volume_reconcile(struct cli *c)
{
    return walk(c, "reconcile", NULL);
}
