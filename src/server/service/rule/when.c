#include "server/service/rule/when.h"

#include <string.h>

/* ---- from a body ---- */

static int
only_keys(const json_t *v, const char *what, const char *const *known, struct al_fail *fail)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)v, key, value)
    {
        bool found = false;

        for (size_t i = 0; known[i] != NULL && !found; i++) {
            found = strcmp(known[i], key) == 0;
        }
        if (!found) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" has no member \"%.60s\"", what, key);
        }
    }
    return AL_OK;
}

int
rule_schedule_read(const json_t *v, const char **ret_cron, const char **ret_zone,
                   struct al_fail *fail)
{
    static const char *const known[] = {"cron", "zone", NULL};
    const char *cron = json_string_value(json_object_get(v, "cron"));
    const char *zone = json_string_value(json_object_get(v, "zone"));

    if (json_is_null(v)) {
        *ret_cron = *ret_zone = NULL;
        return AL_OK;
    }
    if (!json_is_object(v) || cron == NULL || zone == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"schedule\" is null, or {\"cron\": \"0 20 * * 1-5\", \"zone\": "
                           "\"Europe/Berlin\"}");
    }
    SV_TRY(only_keys(v, "schedule", known, fail));
    *ret_cron = cron;
    *ret_zone = zone;
    return AL_OK;
}

static int
read_days(const json_t *v, uint8_t *ret, struct al_fail *fail)
{
    uint8_t bits = 0;

    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *day = json_array_get(v, i);

        if (!json_is_integer(day) || json_integer_value(day) < 1 || json_integer_value(day) > 7) {
            bits = 0;
            break;
        }
        bits |= (uint8_t)(1u << (json_integer_value(day) - 1));
    }
    if (bits == 0) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"windows\": \"days\" is a list of 1 (Monday) to 7 (Sunday)");
    }
    *ret = bits;
    return AL_OK;
}

static int
read_span(const json_t *v, struct schedule_span *ret, struct al_fail *fail)
{
    static const char *const known[] = {"days", "from", "to", NULL};
    const char *from = json_string_value(json_object_get(v, "from"));
    const char *to = json_string_value(json_object_get(v, "to"));

    SV_TRY(only_keys(v, "windows", known, fail));
    SV_TRY(read_days(json_object_get(v, "days"), &ret->days, fail));
    if (from == NULL || schedule_minute(from, &ret->from) != AL_OK ||
        ret->from == SCHEDULE_DAY_MINUTES) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"windows\": \"from\" is a time of day, \"00:00\" to \"23:59\"");
    }
    if (to == NULL || schedule_minute(to, &ret->to) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"windows\": \"to\" is a time of day, \"00:00\" to \"24:00\"");
    }
    return AL_OK;
}

static int
read_spans(const json_t *list, struct schedule_span *spans, size_t *ret_count, struct al_fail *fail)
{
    size_t count = json_array_size(list);

    if (count == 0 || count > SCHEDULE_SPANS_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"windows\": \"spans\" is a list of 1 to %u",
                           SCHEDULE_SPANS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        SV_TRY(read_span(json_array_get(list, i), &spans[i], fail));
    }
    *ret_count = count;
    return AL_OK;
}

static void
print_spans(struct al_jsonout *j, const struct schedule_span *spans, size_t count)
{
    char text[16];

    al_jo_array(j, "spans");
    for (size_t i = 0; i < count; i++) {
        const struct schedule_span *p = &spans[i];

        al_jo_object(j, NULL);
        al_jo_array(j, "days");
        for (unsigned d = 0; d < 7; d++) {
            if ((p->days >> d & 1) != 0) {
                al_jo_u64(j, NULL, d + 1);
            }
        }
        al_jo_close(j);
        (void)snprintf(text, sizeof(text), "%02u:%02u", p->from / 60u, p->from % 60u);
        al_jo_str(j, "from", text);
        (void)snprintf(text, sizeof(text), "%02u:%02u", p->to / 60u, p->to % 60u);
        al_jo_str(j, "to", text);
        al_jo_close(j);
    }
    al_jo_close(j);
}

int
rule_windows_read(const json_t *v, const char *zone, struct al_buf *out, struct al_fail *fail)
{
    static const char *const known[] = {"zone", "spans", NULL};
    struct windows AL_CLEANUP(windows_closep) *w = NULL;
    struct schedule_span spans[SCHEDULE_SPANS_MAX];
    struct al_jsonout j;
    size_t count = 0;

    if (!json_is_object(v)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"windows\" is null, or {\"zone\": \"Europe/Berlin\", \"spans\": "
                           "[{\"days\": [1, 2], \"from\": \"20:00\", \"to\": \"06:00\"}]}");
    }
    SV_TRY(only_keys(v, "windows", known, fail));
    if (json_object_get(v, "zone") != NULL) {
        zone = json_string_value(json_object_get(v, "zone"));
    }
    if (zone == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"windows\": \"zone\" is missing");
    }
    SV_TRY(read_spans(json_object_get(v, "spans"), spans, &count, fail));
    SV_TRY(windows_open(zone, spans, count, &w, fail));
    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "zone", zone);
    print_spans(&j, spans, count);
    al_jo_close(&j);
    return al_jo_end(&j);
}

static int
read_percent(struct service_req *req, const char *key, uint64_t max, uint64_t *io,
             struct al_fail *fail)
{
    SV_TRY(service_body_u64(req, key, max, io, fail));
    if (*io == 0 && service_body_has(req, key) && !json_is_null(json_object_get(req->body, key))) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is null, or a whole number from 1 to %u",
                           key, (unsigned)max);
    }
    return AL_OK;
}

int
rule_when_read(struct service_req *req, struct store_rule *r, struct al_fail *fail)
{
    struct al_buf AL_CLEANUP(al_buf_free) text = {.max = RULE_WINDOWS_BYTES_MAX};

    SV_TRY(read_percent(req, "limit_minutes", RULE_MINUTES_MAX, &r->limit_minutes, fail));
    SV_TRY(read_percent(req, "limit_error_percent", 100, &r->limit_error_percent, fail));
    SV_TRY(read_percent(req, "start_used_percent", 99, &r->start_used_percent, fail));
    SV_TRY(read_percent(req, "stop_used_percent", 99, &r->stop_used_percent, fail));
    if (service_body_has(req, "schedule")) {
        SV_TRY(
            rule_schedule_read(json_object_get(req->body, "schedule"), &r->cron, &r->zone, fail));
    }
    if (!service_body_has(req, "windows")) {
        return AL_OK;
    }
    r->windows = NULL;
    if (json_is_null(json_object_get(req->body, "windows"))) {
        return AL_OK;
    }
    SV_TRY(rule_windows_read(json_object_get(req->body, "windows"), NULL, &text, fail));
    r->windows = al_arena_str(req->arena, (const char *)text.at);
    return r->windows == NULL ? AL_ENOMEM : AL_OK;
}

int
rule_when_good(struct store_rule *r, int64_t now_ns, struct al_fail *fail)
{
    bool frees = strcmp(r->action, "tier") == 0 || strcmp(r->action, "archive") == 0;
    bool runs = frees || strcmp(r->action, "recall") == 0;
    bool marks = r->start_used_percent > 0 || r->stop_used_percent > 0;

    if (!runs && (r->cron != NULL || r->windows != NULL || marks || r->limit_minutes > 0 ||
                  r->limit_error_percent > 0)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "a rule that says %s is not run: it has no schedule, windows, limits or "
                           "marks",
                           r->action);
    }
    if (marks && !frees) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "marks of free space are for rules that tier or archive");
    }
    if (marks && (r->start_used_percent == 0 || r->stop_used_percent == 0 ||
                  r->stop_used_percent >= r->start_used_percent)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"stop_used_percent\" must be below \"start_used_percent\", and both "
                           "are given or none");
    }
    SV_TRY(rule_next_run(r, now_ns, &r->next_run_ns, fail));
    if (r->cron != NULL && r->next_run_ns == 0) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"schedule\": %.100s is never (or its windows never open): choose "
                           "another day",
                           r->cron);
    }
    return AL_OK;
}

/* ---- what it means ---- */

int
rule_windows_of(const char *json, struct windows **ret, struct al_fail *fail)
{
    json_t AL_CLEANUP(al_json_freep) *v = NULL;
    struct schedule_span spans[SCHEDULE_SPANS_MAX];
    const char *zone;
    size_t count = 0;

    SV_TRY(al_json_parse(al_span_of(json), &v, fail));
    zone = json_string_value(json_object_get(v, "zone"));
    if (zone == NULL) {
        return al_fail_set(fail, AL_ECORRUPT, 0, "a rule's windows cannot be read");
    }
    SV_TRY(read_spans(json_object_get(v, "spans"), spans, &count, fail));
    return windows_open(zone, spans, count, ret, fail);
}

int
rule_window_at(const char *windows, int64_t now_ns, bool *ret_open, int64_t *ret_until_ns,
               struct al_fail *fail)
{
    struct windows AL_CLEANUP(windows_closep) *w = NULL;

    if (windows == NULL) {
        *ret_open = true;
        *ret_until_ns = INT64_MAX;
        return AL_OK;
    }
    SV_TRY(rule_windows_of(windows, &w, fail));
    return windows_at(w, now_ns, ret_open, ret_until_ns);
}

int
rule_next_run(const struct store_rule *r, int64_t after_ns, int64_t *ret_ns, struct al_fail *fail)
{
    struct schedule AL_CLEANUP(schedule_closep) *s = NULL;
    int64_t next = 0, until;
    bool open;
    int rc;

    *ret_ns = 0;
    if (r->cron == NULL) {
        return AL_OK;
    }
    SV_TRY(schedule_open(r->cron, r->zone, &s, fail));
    rc = schedule_next(s, after_ns, &next);
    if (rc != AL_OK) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    SV_TRY(rule_window_at(r->windows, next, &open, &until, fail));
    *ret_ns = open ? next : until == INT64_MAX ? 0 : until;
    return AL_OK;
}

unsigned
rule_used_percent(const struct store_volume *v)
{
    uint64_t used = v->bytes_free < v->bytes_total ? v->bytes_total - v->bytes_free : 0;

    return v->bytes_total == 0 ? 0 : (unsigned)((double)used * 100.0 / (double)v->bytes_total);
}

uint64_t
rule_missing(const struct store_rule *r, const struct store_volume *v)
{
    uint64_t used = v->bytes_free < v->bytes_total ? v->bytes_total - v->bytes_free : 0;
    uint64_t may = (uint64_t)((double)v->bytes_total / 100.0 * (double)r->stop_used_percent);

    return used > may ? used - may : 0;
}
