#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX (64u << 10)

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

/* ---- filespaces ---- */

static int
filespaces(struct cli *c, const char *host_id, json_t **ret)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/hosts/%s/filespaces", host_id);
    return call(c, "GET", path, NULL, ret);
}

/* The LucidLink ones (is), or the other FUSE mounts. */
static json_t *
those(const json_t *answer, bool is)
{
    const json_t *items = json_object_get(json_object_get(answer, "found"), "items");
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < json_array_size(items); i++) {
        json_t *one = json_array_get(items, i);

        if (json_is_true(json_object_get(one, "lucidlink")) == is &&
            json_array_append(list, one) != 0) {
            al_json_freep(&list);
        }
    }
    return list;
}

static int
print_filespaces(struct cli *c, const json_t *answer)
{
    static const struct column columns[] = {
        {"MOUNTED AT", "path", COL_TEXT},   {"FILESPACE", "filespace", COL_TEXT},
        {"ID", "filespace_uuid", COL_TEXT}, {"AUDIT LOGS", "logs", COL_TEXT},
        {"TYPE", "type", COL_TEXT},         {"INSTANCE", "instance", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *ours = those(answer, true);
    AL_CLEANUP(al_json_freep) json_t *others = those(answer, false);
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = TEXT_MAX};
    const json_t *found = json_object_get(answer, "found");
    int rc = AL_OK;

    if (ours == NULL || others == NULL) {
        return AL_ENOMEM;
    }
    (void)printf("\n");
    if (json_is_null(found)) {
        (void)printf("Its agent has told nothing of LucidLink filespaces so far\n");
        return AL_OK;
    }
    if (json_array_size(ours) == 0) {
        (void)printf("No LucidLink filespace was found on it");
        rc = out_safe(get_text(found, "text"), &text);
        if (rc == AL_OK && text.len > 0) {
            (void)printf(" (%s)", (const char *)text.at);
        }
        (void)printf("\n");
    } else {
        rc = out_table(c, ours, columns, AL_LEN(columns));
    }
    if (rc == AL_OK && json_array_size(others) > 0) {
        (void)printf("\nOther FUSE mounts:\n");
        rc = out_table(c, others, columns, AL_LEN(columns));
    }
    return rc;
}

int
cmd_host_show(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *host = NULL;
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    char path[64];
    al_id id;
    int rc = resolve_host(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/hosts/%s", id);
    rc = rc != AL_OK ? rc : call(c, "GET", path, NULL, &host);
    rc = rc != AL_OK ? rc : filespaces(c, id, &answer);
    if (rc == AL_OK && c->json) {
        rc = json_object_set(host, "filespaces", answer) == 0 ? AL_OK : AL_ENOMEM;
        return rc != AL_OK ? rc : out_json(host);
    }
    rc = rc != AL_OK ? rc : out_object(c, host);
    return rc != AL_OK ? rc : print_filespaces(c, answer);
}

/* Whether `path` is `root` or lies below it; on Windows '\\' and '/' are the same. */
static bool
is_at_or_below(const char *path, const char *root)
{
    size_t i = 0;

    while (root[i] != '\0' && (path[i] == root[i] || (path[i] == '\\' && root[i] == '/'))) {
        i++;
    }
    return i > 0 && root[i] == '\0' &&
           (path[i] == '\0' || path[i] == '/' || path[i] == '\\' || root[i - 1] == '/');
}

/* The one the path is in, the deepest; NULL: none. */
static const json_t *
mount_of(const json_t *list, const char *path)
{
    const json_t *best = NULL;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *root = get_text(one, "path");

        if (is_at_or_below(path, root) &&
            (best == NULL || strlen(root) > strlen(get_text(best, "path")))) {
            best = one;
        }
    }
    return best;
}

static int
add_names(const json_t *list, struct al_buf *to)
{
    int rc = AL_OK;

    for (size_t i = 0; i < json_array_size(list) && rc == AL_OK; i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = get_text(one, "filespace");

        rc = al_buf_adds(to, i > 0 ? ", " : "");
        rc = rc != AL_OK ? rc : out_safe(get_text(one, "path"), to);
        if (rc == AL_OK && name[0] != '\0') {
            rc = al_buf_adds(to, " (");
            rc = rc != AL_OK ? rc : out_safe(name, to);
            rc = rc != AL_OK ? rc : al_buf_adds(to, ")");
        }
    }
    return rc;
}

/* Only words: what was found may not be all there is. */
int
host_filespace_hint(struct cli *c, const char *host_id, const char *path)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_json_freep) json_t *ours = NULL;
    AL_CLEANUP(al_json_freep) json_t *others = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = TEXT_MAX};
    const json_t *other;
    int rc = filespaces(c, host_id, &answer);

    if (rc != AL_OK) { /* the volume is there all the same */
        c->fail = (struct al_fail){0};
        return AL_OK;
    }
    ours = those(answer, true);
    others = those(answer, false);
    if (ours == NULL || others == NULL) {
        return AL_ENOMEM;
    }
    if (json_is_null(json_object_get(answer, "found")) || mount_of(ours, path) != NULL) {
        return AL_OK;
    }
    other = mount_of(others, path);
    rc = out_safe(path, &text);
    if (rc == AL_OK && other != NULL) {
        rc = al_buf_adds(&text, " lies on a mount of type ");
        rc = rc != AL_OK ? rc : out_safe(get_text(other, "type"), &text);
        rc =
            rc != AL_OK ? rc : al_buf_adds(&text, ", of which nobody knows that it is LucidLink's");
    } else if (rc == AL_OK) {
        rc = al_buf_adds(&text, " lies on none of the LucidLink mounts of that host");
    }
    rc = rc != AL_OK ? rc : al_buf_adds(&text, "; found: ");
    rc = rc != AL_OK                 ? rc
         : json_array_size(ours) > 0 ? add_names(ours, &text)
                                     : al_buf_adds(&text, "none");
    if (rc == AL_OK) {
        (void)fprintf(stderr, "alto: %s\n", (const char *)text.at);
    }
    return rc;
}
