#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "rule/rule.h"

/* The text, and under it where the trouble is. A long text is shown from near the trouble on. */
static void
point_at(const char *text, size_t at, size_t length, const char *message, const char *expected)
{
    size_t from = at > 60 ? at - 60 : 0, n = strlen(text + from) > 100 ? 100 : strlen(text + from);

    (void)fprintf(stderr, "%.*s\n%*s", (int)n, text + from, (int)(at - from), "");
    for (size_t i = 0; i < (length == 0 ? 1 : length) && i < 40; i++) {
        (void)fprintf(stderr, "^");
    }
    (void)fprintf(stderr, "\n%s%s%s\n", message, expected[0] != '\0' ? "; expected " : "",
                  expected);
}

/* Looked at here first: the answer points at the place without a round trip, and control characters
 * stay out of the terminal. */
int
check_where(struct cli *c, const char *where)
{
    AL_CLEANUP(rule_freep) struct rule *r = NULL;
    struct rule_error e = {0};
    int rc = rule_parse(al_span_of(where), NULL, &r, &e);

    if (rc == AL_EINVAL || rc == AL_ELIMIT) {
        AL_CLEANUP(al_buf_free) struct al_buf safe = {0};

        al_buf_init(&safe, 1u << 20);
        if (out_safe(where, &safe) == AL_OK && safe.len == strlen(where)) {
            point_at(where, e.at, e.length, e.message, e.expected);
        }
        return al_fail_set(&c->fail, rc, 0, "the expression is wrong at byte %u: %s",
                           (unsigned)e.at, e.message);
    }
    return rc;
}

int
cmd_rule_check(struct cli *c)
{
    AL_CLEANUP(rule_freep) struct rule *r = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body;
    int rc;

    al_buf_init(&text, 1u << 20);
    if (c->json) { /* the server's judgement, as a program wants it */
        body = json_object();
        rc = al_json_set_str(body, "where", c->words[0]);
        if (rc != AL_OK) {
            json_decref(body);
            return rc;
        }
        rc = call(c, "POST", "/rules/check", body, &answer);
        rc = rc != AL_OK ? rc : out_json(answer);
        return rc == AL_OK && !json_is_true(json_object_get(answer, "ok"))
                   ? al_fail_set(&c->fail, AL_EINVAL, 0, "the expression is wrong")
                   : rc;
    }
    rc = check_where(c, c->words[0]);
    rc = rc != AL_OK ? rc : rule_parse(al_span_of(c->words[0]), NULL, &r, NULL);
    rc = rc != AL_OK ? rc : rule_print(r, &text);
    if (rc == AL_OK) {
        (void)printf("%s\n", (const char *)text.at);
    }
    return rc;
}

static int
add_position(struct cli *c, json_t *body)
{
    uint64_t v = 0;
    bool given = false;
    int rc = args_number(c, "position", &v, &given);

    return rc == AL_OK && given ? al_json_set_u64(body, "position", v) : rc;
}

/* Which way files of the volume go, before anything is saved, where there is something to say. */
static int
tell_way(struct cli *c, const char *volume)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    char path[64];
    const json_t *way;
    const char *kind, *reason;
    int rc;

    (void)snprintf(path, sizeof(path), "/volumes/%s", volume);
    rc = call(c, "GET", path, NULL, &answer);
    if (rc != AL_OK || c->json) {
        return rc;
    }
    way = json_object_get(answer, "way");
    kind = json_string_value(json_object_get(way, "kind"));
    reason = json_string_value(json_array_get(json_object_get(way, "reasons"), 0));
    if (kind != NULL && reason != NULL && reason[0] != '\0') {
        (void)fprintf(stderr, "note: %s: %s\n",
                      strcmp(kind, "archive") == 0
                          ? "files of this volume are archived, with placeholders in their places"
                      : strcmp(kind, "report") == 0 ? "files of this volume are reported, not moved"
                                                    : "files of this volume become stubs",
                      reason);
    }
    return AL_OK;
}

int
cmd_rule_add(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    al_id volume, share;
    int rc = check_where(c, args_get(c, "where"));

    rc = rc != AL_OK ? rc : resolve_volume(c, args_get(c, "volume"), volume);
    rc = rc != AL_OK ? rc : tell_way(c, volume);
    rc = rc != AL_OK ? rc : al_json_set_str(body, "volume_id", volume);
    rc = rc != AL_OK ? rc : al_json_set_str(body, "name", args_get(c, "name"));
    rc = rc != AL_OK ? rc : al_json_set_str(body, "where", args_get(c, "where"));
    rc = rc != AL_OK
             ? rc
             : al_json_set_str(body, "action",
                               args_get(c, "action") != NULL ? args_get(c, "action") : "tier");
    if (rc == AL_OK && args_get(c, "share") != NULL) {
        rc = resolve_share(c, args_get(c, "share"), share);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "share_id", share);
    }
    rc = rc != AL_OK ? rc : add_position(c, body);
    rc = rc != AL_OK ? rc : rule_when_body(c, body, NULL);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/rules", body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_rule_list(struct cli *c)
{
    static const struct column columns[] = {
        {"ID", "id", COL_TEXT},           {"POS", "position", COL_COUNT},
        {"NAME", "name", COL_TEXT},       {"ACTION", "action", COL_TEXT},
        {"ENABLED", "enabled", COL_TEXT}, {"NEXT RUN", "next_run_at", COL_TIME},
        {"WHERE", "where", COL_TEXT}};

    return list_nouns(c, "/rules", columns, AL_LEN(columns));
}

static int
print_plan(struct cli *c, const json_t *plan)
{
    static const struct column refusals[] = {{"REFUSED", "reason", COL_TEXT},
                                             {"FILES", "files", COL_COUNT},
                                             {"SIZE", "bytes", COL_BYTES}};
    static const struct column folders[] = {
        {"FOLDER", "path", COL_TEXT}, {"FILES", "files", COL_COUNT}, {"SIZE", "bytes", COL_BYTES}};
    static const struct column sample[] = {{"SAMPLE", "path", COL_TEXT},
                                           {"SIZE", "size", COL_BYTES},
                                           {"MODIFIED", "mtime_at", COL_TIME}};
    const struct {
        const char *key;
        const struct column *columns;
    } tables[] = {{"refusals", refusals}, {"folders", folders}, {"sample", sample}};
    char bytes[32], freed[32];

    if (c->json) {
        return out_json(plan);
    }
    out_size(get_count(plan, "bytes"), bytes);
    out_size(get_count(plan, "freed_bytes"), freed);
    (void)printf("%llu files, %s, frees %s (inventory of %s)\n",
                 (unsigned long long)get_count(plan, "files"), bytes, freed,
                 get_text(plan, "as_of_at")[0] != '\0' ? get_text(plan, "as_of_at")
                                                       : "no scan or import yet");
    plan_held_out(plan);
    for (size_t i = 0; i < AL_LEN(tables); i++) {
        const json_t *rows = json_object_get(plan, tables[i].key);
        int rc = AL_OK;

        if (json_array_size(rows) > 0) {
            (void)printf("\n");
            rc = out_table(c, rows, tables[i].columns, 3);
        }
        if (rc != AL_OK) {
            return rc;
        }
    }
    return AL_OK;
}

int
cmd_rule_preview(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *plan = NULL;
    const char *where = args_get(c, "where"), *volume = args_get(c, "volume");
    json_t *body = NULL;
    char path[80] = "/rules/preview";
    al_id id;
    int rc;

    if ((c->word_count == 1) == (where != NULL) || (where != NULL) != (volume != NULL)) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "give either a rule, or --volume and --where");
    }
    if (where != NULL) {
        body = json_object();
        rc = check_where(c, where);
        rc = rc != AL_OK ? rc : resolve_volume(c, volume, id);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "volume_id", id);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "where", where);
    } else {
        rc = resolve_rule(c, c->words[0], id);
        (void)snprintf(path, sizeof(path), "/rules/%s/preview", id);
    }
    if (rc != AL_OK) {
        al_json_freep(&body);
        return rc;
    }
    rc = call(c, "POST", path, body, &plan);
    return rc != AL_OK ? rc : print_plan(c, plan);
}

int
cmd_rule_run(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    char path[80];
    al_id id;
    int rc = resolve_rule(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/rules/%s/run", id);
    rc = rc != AL_OK ? rc : call(c, "POST", path, NULL, &job);
    return rc != AL_OK ? rc : job_out(c, job, args_flag(c, "wait"));
}

static int
get_rule(struct cli *c, char path[80], json_t **ret)
{
    al_id id;
    int rc = resolve_rule(c, c->words[0], id);

    (void)snprintf(path, 80, "/rules/%s", id);
    return rc != AL_OK ? rc : call(c, "GET", path, NULL, ret);
}

int
cmd_rule_set(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    const char *where = args_get(c, "where");
    json_t *body = json_object();
    char path[80];
    int rc = where != NULL ? check_where(c, where) : AL_OK;

    rc = rc != AL_OK ? rc : get_rule(c, path, &noun);
    if (rc == AL_OK && where != NULL) {
        rc = al_json_set_str(body, "where", where);
    }
    if (rc == AL_OK && args_get(c, "name") != NULL) {
        rc = al_json_set_str(body, "name", args_get(c, "name"));
    }
    if (rc == AL_OK && (args_flag(c, "enable") || args_flag(c, "disable"))) {
        rc = al_json_set_bool(body, "enabled", args_flag(c, "enable"));
    }
    rc = rc != AL_OK ? rc : add_position(c, body);
    rc = rc != AL_OK ? rc : rule_when_body(c, body, noun);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call_if_match(c, "PATCH", path, get_count(noun, "version"), body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_rule_remove(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    char path[80];
    int rc = get_rule(c, path, &noun);

    return rc != AL_OK ? rc
                       : call_if_match(c, "DELETE", path, get_count(noun, "version"), NULL, NULL);
}
