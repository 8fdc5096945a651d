#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* "2026-01-01" is its midnight in UTC. */
static int
set_moment(struct cli *c, json_t *body)
{
    const char *text = args_get(c, "as-of");
    char whole[64];
    int64_t ns;

    if (text == NULL) {
        return AL_OK;
    }
    (void)snprintf(whole, sizeof(whole), "%.40s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "");
    if (al_time_parse(whole, &ns) != AL_OK) {
        return al_fail_set(&c->fail, AL_EINVAL, 0,
                           "--as-of takes a time like 2026-01-01 or 2026-01-01T08:30:00Z");
    }
    return al_json_set_str(body, "now", whole);
}

static int
set_version(struct cli *c, json_t *body, const char *option)
{
    uint64_t version = 0;
    bool given = false;
    int rc = args_number(c, option, &version, &given);

    return rc == AL_OK && given ? al_json_set_u64(body, "version", version) : rc;
}

/* What is planned: a rule with its volume, or an expression on one. */
static int
set_rule(struct cli *c, json_t *body)
{
    AL_CLEANUP(al_json_freep) json_t *rule = NULL;
    const char *where = args_get(c, "where"), *volume = args_get(c, "volume");
    char path[64];
    al_id id;
    int rc;

    if ((c->word_count == 1) == (where != NULL) || (where != NULL) != (volume != NULL)) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "give either a rule, or --volume and --where");
    }
    if (where != NULL) {
        rc = check_where(c, where);
        rc = rc != AL_OK ? rc : resolve_volume(c, volume, id);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "volume_id", id);
        return rc != AL_OK ? rc : al_json_set_str(body, "where", where);
    }
    rc = resolve_rule(c, c->words[0], id);
    (void)snprintf(path, sizeof(path), "/rules/%s", id);
    rc = rc != AL_OK ? rc : call(c, "GET", path, NULL, &rule);
    rc = rc != AL_OK ? rc : al_json_set_str(body, "volume_id", get_text(rule, "volume_id"));
    rc = rc != AL_OK ? rc : al_json_set_str(body, "rule_id", id);
    return rc != AL_OK ? rc : set_version(c, body, "rule-version");
}

static int
set_compare(struct cli *c, json_t *body)
{
    const char *rule = args_get(c, "compare"), *where = args_get(c, "compare-where");
    json_t *other;
    al_id id;
    int rc = AL_OK;

    if (rule == NULL && args_get(c, "compare-version") != NULL && c->word_count == 1) {
        rule = c->words[0];
    }
    if (rule == NULL && where == NULL) {
        return AL_OK;
    }
    if (rule != NULL && where != NULL) {
        return al_fail_set(&c->fail, AL_EINVAL, 0,
                           "either --compare-where, or --compare and --compare-version");
    }
    rc = where != NULL ? check_where(c, where) : resolve_rule(c, rule, id);
    other = json_object();
    rc = rc != AL_OK     ? rc
         : where != NULL ? al_json_set_str(other, "where", where)
                         : al_json_set_str(other, "rule_id", id);
    rc = rc != AL_OK || where != NULL ? rc : set_version(c, other, "compare-version");
    if (rc != AL_OK) {
        json_decref(other);
        return rc;
    }
    return al_json_set(body, "compare", other);
}

/* ---- for people ---- */

static void
print_money(const json_t *plan)
{
    const json_t *cost = json_object_get(plan, "cost"), *recalls = json_object_get(plan, "recalls");
    const char *unit = get_text(cost, "currency");
    char bytes[32];

    out_size(get_count(recalls, "bytes"), bytes);
    (void)printf("of these, %llu files (%s) were read within %llu days before\n",
                 (unsigned long long)get_count(recalls, "files"), bytes,
                 (unsigned long long)get_count(recalls, "days"));
    if (json_is_object(cost)) {
        (void)printf("saves %s %s a month: %s on the file server, %s on the share\n",
                     get_text(cost, "saved_month"), unit, get_text(cost, "primary_month"),
                     get_text(cost, "tier_month"));
        if (get_text(cost, "recalls")[0] != '\0') {
            (void)printf("those recalls would have cost %s %s\n", get_text(cost, "recalls"), unit);
        }
    }
}

void
plan_held_out(const json_t *plan)
{
    const json_t *record = json_object_get(plan, "access_record"),
                 *held = json_object_get(plan, "held_for_access_record");
    char bytes[32];

    if (!json_is_object(record)) {
        return;
    }
    if (get_count(held, "files") > 0) {
        out_size(get_count(held, "bytes"), bytes);
        (void)printf("held back, since accesses are not known for so long: %llu files, %s\n",
                     (unsigned long long)get_count(held, "files"), bytes);
    }
    (void)printf("%s%s\n",
                 json_is_true(json_object_get(record, "complete")) ? "" : "warning: ",
                 get_text(record, "text"));
}

static void
print_compare(const json_t *plan)
{
    static const char *const keys[] = {"enter", "leave", "stay"};
    const json_t *compare = json_object_get(plan, "compare");

    for (size_t i = 0; i < AL_LEN(keys) && json_is_object(compare); i++) {
        const json_t *part = json_object_get(compare, keys[i]);
        char bytes[32];

        out_size(get_count(part, "bytes"), bytes);
        (void)printf("%s: %llu files, %s\n", keys[i], (unsigned long long)get_count(part, "files"),
                     bytes);
    }
}

static int
print_lists(struct cli *c, const json_t *plan)
{
    static const struct column refusals[] = {{"REFUSED", "reason", COL_TEXT},
                                             {"FILES", "files", COL_COUNT},
                                             {"SIZE", "bytes", COL_BYTES},
                                             {"SUCH AS", "sample", COL_TEXT}};
    static const struct column folders[] = {
        {"FOLDER", "path", COL_TEXT}, {"FILES", "files", COL_COUNT}, {"SIZE", "bytes", COL_BYTES}};
    static const struct column groups[] = {{"EXTENSION", "name", COL_TEXT},
                                           {"FILES", "files", COL_COUNT},
                                           {"SIZE", "bytes", COL_BYTES}};
    const struct {
        const json_t *rows;
        const struct column *columns;
        size_t count;
    } tables[] = {
        {json_object_get(plan, "refusals"), refusals, AL_LEN(refusals)},
        {json_object_get(plan, "folders"), folders, AL_LEN(folders)},
        {json_object_get(json_object_get(plan, "charts"), "exts"), groups, AL_LEN(groups)}};
    int rc = AL_OK;

    for (size_t i = 0; i < AL_LEN(tables) && rc == AL_OK; i++) {
        if (json_array_size(tables[i].rows) > 0) {
            (void)printf("\n");
            rc = out_table(c, tables[i].rows, tables[i].columns, tables[i].count);
        }
    }
    return rc;
}

static int
print_plan(struct cli *c, const json_t *plan)
{
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
    print_money(plan);
    print_compare(plan);
    plan_held_out(plan);
    return print_lists(c, plan);
}

/* ---- a list of any length ---- */

static int export(struct cli *c, json_t *body, const char *file)
{
    AL_CLEANUP(al_json_freep) json_t *made = NULL;
    size_t len = strlen(file);
    bool parquet = len > 8 && strcmp(file + len - 8, ".parquet") == 0,
         csv = len > 4 && strcmp(file + len - 4, ".csv") == 0;
    const char *base = "/api/v1", *url;
    uint64_t bytes = 0;
    int rc;

    if (!parquet && !csv) {
        json_decref(body);
        return al_fail_set(&c->fail, AL_EINVAL, 0, "--export takes FILE.csv or FILE.parquet");
    }
    rc = al_json_set_str(body, "format", parquet ? "parquet" : "csv");
    rc = rc != AL_OK ? rc : al_json_set_bool(body, "refused", args_flag(c, "refused"));
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/plan/exports", body, &made);
    url = get_text(made, "content_url");
    if (rc == AL_OK && strncmp(url, base, strlen(base)) != 0) {
        return al_fail_set(&c->fail, AL_ECORRUPT, 0, "the server's answer names no list");
    }
    rc = rc != AL_OK ? rc : download(c, url + strlen(base), file, &bytes);
    if (rc == AL_OK && bytes != get_count(made, "bytes")) {
        return al_fail_set(&c->fail, AL_ECORRUPT, 0, "the list did not come whole");
    }
    if (rc == AL_OK && c->json) {
        return out_json(made);
    }
    if (rc == AL_OK) {
        (void)printf("%llu rows in %s\n", (unsigned long long)get_count(made, "rows"), file);
    }
    return rc;
}

int
cmd_plan(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *plan = NULL;
    json_t *body = json_object();
    uint64_t days = 0;
    bool given = false;
    int rc = set_rule(c, body);

    rc = rc != AL_OK ? rc : set_moment(c, body);
    if (rc == AL_OK && args_get(c, "export") != NULL) {
        return export(c, body, args_get(c, "export"));
    }
    rc = rc != AL_OK ? rc : set_compare(c, body);
    rc = rc != AL_OK ? rc : args_number(c, "history", &days, &given);
    if (rc == AL_OK && given) {
        rc = al_json_set_u64(body, "history_days", days);
    }
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/plan", body, &plan);
    return rc != AL_OK ? rc : print_plan(c, plan);
}
