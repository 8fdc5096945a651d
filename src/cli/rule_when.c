/* rule_when.c: when a rule runs: schedule, windows, limits and marks from options, and what is told
 * of them. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_BYTES_MAX 1024u

static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                   "friday", "saturday", "sunday"};

/* 1 Monday to 7 Sunday by three letters or the whole name, any case; 0: none. */
static int
day_of(const char *text, size_t len)
{
    for (int i = 0; i < 7; i++) {
        bool same = len == 3 || len == strlen(days[i]);

        for (size_t n = 0; n < len && same; n++) {
            same = (text[n] | 32) == days[i][n];
        }
        if (same) {
            return i + 1;
        }
    }
    return 0;
}

/* "mon-fri", "sat,sun", "fri-mon" (over the week's end), "daily". */
static bool
read_days(const char *text, size_t len, bool on[8])
{
    if (len == 5 && strncmp(text, "daily", 5) == 0) {
        memset(on, 1, 8);
        return true;
    }
    while (len > 0) {
        const char *comma = memchr(text, ',', len);
        size_t part = comma == NULL ? len : (size_t)(comma - text);
        const char *dash = memchr(text, '-', part);
        size_t first = dash == NULL ? part : (size_t)(dash - text);
        int from = day_of(text, first),
            to = dash == NULL ? from : day_of(dash + 1, part - first - 1);

        if (from == 0 || to == 0) {
            return false;
        }
        for (int d = from;; d = d % 7 + 1) {
            on[d] = true;
            if (d == to) {
                break;
            }
        }
        if (comma == NULL) {
            return true;
        }
        text += part + 1;
        len -= part + 1;
    }
    return false;
}

/* "mon-fri 20:00-06:00" as a span; the server judges the times. */
static json_t *
span_of(const char *text, size_t len)
{
    char times[16] = "";
    bool on[8] = {false};
    size_t word;
    json_t *span, *list;

    while (len > 0 && *text == ' ') {
        text++;
        len--;
    }
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    word = len > 12 && text[len - 12] == ' ' ? len - 12 : 0;
    if (word == 0) {
        return NULL;
    }
    memcpy(times, text + len - 11, 11); /* HH:MM-HH:MM */
    while (word > 0 && text[word - 1] == ' ') {
        word--;
    }
    if (times[5] != '-' || !read_days(text, word, on)) {
        return NULL;
    }
    times[5] = '\0';
    span = json_object();
    list = json_array();
    for (int d = 1; d <= 7; d++) {
        if (on[d]) {
            (void)json_array_append_new(list, json_integer(d));
        }
    }
    if (span == NULL || al_json_set(span, "days", list) != AL_OK ||
        al_json_set_str(span, "from", times) != AL_OK ||
        al_json_set_str(span, "to", times + 6) != AL_OK) {
        json_decref(span);
        return NULL;
    }
    return span;
}

static int
add_windows(struct cli *c, json_t *body, const char *text, const char *zone)
{
    json_t *windows = json_object(), *spans = json_array();
    int rc = al_json_set_str(windows, "zone", zone);

    while (rc == AL_OK) {
        size_t len = strcspn(text, ";");
        json_t *span = len > WINDOW_BYTES_MAX ? NULL : span_of(text, len);

        if (span == NULL) {
            rc = al_fail_set(&c->fail, AL_EINVAL, 0,
                             "--window: %.60s is none; such as \"mon-fri 20:00-06:00; sat,sun "
                             "00:00-24:00\", or none",
                             text);
            break;
        }
        rc = json_array_append_new(spans, span) == 0 ? AL_OK : AL_ENOMEM;
        if (text[len] == '\0') {
            break;
        }
        text += len + 1;
    }
    if (rc != AL_OK) {
        json_decref(windows);
        json_decref(spans);
        return rc;
    }
    rc = al_json_set(windows, "spans", spans);
    if (rc != AL_OK) {
        json_decref(windows);
        return rc;
    }
    return al_json_set(body, "windows", windows);
}

static int
add_schedule(json_t *body, const char *cron, const char *zone)
{
    json_t *schedule = json_object();
    int rc = al_json_set_str(schedule, "cron", cron);

    rc = rc != AL_OK ? rc : al_json_set_str(schedule, "zone", zone);
    if (rc != AL_OK) {
        json_decref(schedule);
        return rc;
    }
    return al_json_set(body, "schedule", schedule);
}

/* --zone, or what the rule has so far. NULL: none. */
static const char *
zone_of(struct cli *c, const json_t *rule)
{
    const char *zone = args_get(c, "zone");

    if (zone == NULL) {
        zone = json_string_value(json_object_get(json_object_get(rule, "schedule"), "zone"));
    }
    if (zone == NULL) {
        zone = json_string_value(json_object_get(json_object_get(rule, "windows"), "zone"));
    }
    return zone;
}

static bool
is_none(const char *text)
{
    return text != NULL && strcmp(text, "none") == 0;
}

static int
add_times(struct cli *c, json_t *body, const json_t *rule)
{
    const char *cron = args_get(c, "schedule"), *window = args_get(c, "window");
    const char *zone = zone_of(c, rule);
    int rc = AL_OK;

    if (zone == NULL &&
        ((cron != NULL && !is_none(cron)) || (window != NULL && !is_none(window)))) {
        return al_fail_set(&c->fail, AL_EINVAL, 0,
                           "--zone is needed with --schedule and --window, such as Europe/Berlin");
    }
    if (cron != NULL) {
        rc = is_none(cron) ? al_json_set(body, "schedule", json_null())
                           : add_schedule(body, cron, zone);
    }
    if (rc == AL_OK && window != NULL) {
        rc = is_none(window) ? al_json_set(body, "windows", json_null())
                             : add_windows(c, body, window, zone);
    }
    return rc;
}

int
rule_when_body(struct cli *c, json_t *body, const json_t *rule)
{
    static const struct {
        const char *option, *key;
        bool size;
    } numbers[] = {
        {"limit-files", "limit_files", false},       {"limit-bytes", "limit_bytes", true},
        {"limit-minutes", "limit_minutes", false},   {"limit-errors", "limit_error_percent", false},
        {"start-used", "start_used_percent", false}, {"stop-used", "stop_used_percent", false},
    };
    int rc = AL_OK;

    for (size_t i = 0; i < AL_LEN(numbers) && rc == AL_OK; i++) {
        uint64_t v = 0;
        bool given = false;

        rc = numbers[i].size ? args_size(c, numbers[i].option, &v, &given)
                             : args_number(c, numbers[i].option, &v, &given);
        if (rc == AL_OK && given) { /* 0 takes it away */
            rc = v == 0 ? al_json_set(body, numbers[i].key, json_null())
                        : al_json_set_u64(body, numbers[i].key, v);
        }
    }
    return rc != AL_OK ? rc : add_times(c, body, rule);
}

/* ---- commands ---- */

int
cmd_rule_versions(struct cli *c)
{
    static const struct column columns[] = {{"VERSION", "version", COL_COUNT},
                                            {"AT", "at", COL_TIME},
                                            {"BY", "by", COL_TEXT},
                                            {"NAME", "name", COL_TEXT},
                                            {"ACTION", "action", COL_TEXT},
                                            {"ENABLED", "enabled", COL_TEXT},
                                            {"DELETED", "deleted", COL_TEXT},
                                            {"WHERE", "where", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    char path[80];
    al_id id;
    /* An id is taken as it is: a rule that is deleted has versions too. */
    int rc = resolve_rule(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/rules/%s/versions", id);
    rc = rc != AL_OK ? rc : call_list(c, path, 0, &items);
    return rc != AL_OK ? rc : out_table(c, items, columns, AL_LEN(columns));
}

int
cmd_rule_clone(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    char path[80];
    al_id id, volume;
    int rc = resolve_rule(c, c->words[0], id);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "name", args_get(c, "name"));
    if (rc == AL_OK && args_get(c, "volume") != NULL) {
        rc = resolve_volume(c, args_get(c, "volume"), volume);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "volume_id", volume);
    }
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    (void)snprintf(path, sizeof(path), "/rules/%s/clone", id);
    rc = call(c, "POST", path, body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_rule_resume(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    char path[80];
    al_id id;
    int rc = resolve_rule(c, c->words[0], id);

    (void)snprintf(path, sizeof(path), "/rules/%s/resume", id);
    rc = rc != AL_OK ? rc : call(c, "POST", path, NULL, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

static int
order_body(struct cli *c, json_t *body)
{
    json_t *ids = json_array();
    al_id id;
    int rc = resolve_volume(c, c->words[0], id);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "volume_id", id);
    for (size_t i = 1; i < c->word_count && rc == AL_OK; i++) {
        rc = resolve_rule(c, c->words[i], id);
        if (rc == AL_OK && json_array_append_new(ids, json_string(id)) != 0) {
            rc = AL_ENOMEM;
        }
    }
    if (rc != AL_OK) {
        json_decref(ids);
        return rc;
    }
    return al_json_set(body, "ids", ids);
}

int
cmd_rule_order(struct cli *c)
{
    static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                            {"POS", "position", COL_COUNT},
                                            {"NAME", "name", COL_TEXT},
                                            {"ACTION", "action", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    int rc = order_body(c, body);

    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/rules/order", body, &answer);
    return rc != AL_OK ? rc
                       : out_table(c, json_object_get(answer, "items"), columns, AL_LEN(columns));
}

int
cmd_rule_templates(struct cli *c)
{
    static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                            {"NAME", "name", COL_TEXT},
                                            {"ACTION", "action", COL_TEXT},
                                            {"WHERE", "where", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    int rc = call(c, "GET", "/rules/templates", NULL, &answer);

    return rc != AL_OK ? rc
                       : out_table(c, json_object_get(answer, "items"), columns, AL_LEN(columns));
}

int
cmd_rule_schedule(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    const json_t *next;
    int rc = al_json_set_str(body, "cron", c->words[0]);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "zone", args_get(c, "zone"));
    if (rc == AL_OK && args_get(c, "window") != NULL) {
        rc = add_windows(c, body, args_get(c, "window"), args_get(c, "zone"));
    }
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/rules/schedule", body, &answer);
    if (rc == AL_OK && !json_is_true(json_object_get(answer, "ok"))) {
        rc = c->json ? out_json(answer) : AL_OK;
        return rc != AL_OK
                   ? rc
                   : al_fail_set(&c->fail, AL_EINVAL, 0, "%s", get_text(answer, "error"));
    }
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(answer);
    }
    next = json_object_get(answer, "next");
    (void)printf("%s%s%s\n", get_text(answer, "text"),
                 get_text(answer, "windows_text")[0] != '\0' ? ", within " : "",
                 get_text(answer, "windows_text"));
    for (size_t i = 0; i < json_array_size(next); i++) {
        (void)printf("  %s\n", json_string_value(json_array_get(next, i)));
    }
    return AL_OK;
}
