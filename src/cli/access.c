/* access.c: what audit logs tell. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define SECOND_NS INT64_C(1000000000)
#define DAY_NS (INT64_C(86400) * SECOND_NS)
#define ROWS 50u
#define ROWS_AT_ONCE 1000u /* of one answer of the server */
#define FOLLOW_NS SECOND_NS
#define LISTEN_MS 60000u /* then it is begun anew: a line that is dead says nothing */
#define PATH_BYTES (64u << 10)
#define BAR 40u

/* "90m", "12h", "7d", "2w": how long ago. */
static int
ago(struct cli *c, const char *option, int64_t *ret_ns)
{
    static const struct {
        char unit;
        int64_t ns;
    } units[] = {{'m', 60 * SECOND_NS}, {'h', 3600 * SECOND_NS}, {'d', DAY_NS}, {'w', 7 * DAY_NS}};
    const char *text = args_get(c, option);
    size_t len = text == NULL ? 0 : strlen(text);
    char number[16];
    uint64_t n;

    for (size_t i = 0; i < AL_LEN(units) && len > 1 && len < sizeof(number); i++) {
        if (text[len - 1] == units[i].unit) {
            (void)snprintf(number, sizeof(number), "%.*s", (int)len - 1, text);
            if (al_parse_u64(number, &n) == AL_OK && n <= 36500) {
                *ret_ns = (int64_t)n * units[i].ns;
                return AL_OK;
            }
        }
    }
    return al_fail_set(&c->fail, AL_EINVAL, 0, "--%s: %.40s is no time; such as 90m, 12h, 7d or 2w",
                       option, text == NULL ? "" : text);
}

static int
add_from(struct cli *c, struct al_buf *path, int64_t back_ns)
{
    char text[AL_TIME_TEXT_MAX];

    al_time_text(port_now_ns(c->port) - back_ns, text);
    return add_query(path, "from", text);
}

int
cmd_access_list(struct cli *c)
{
    static const struct column columns[] = {{"VOLUME", "name", COL_TEXT},
                                            {"STATE", "state", COL_TEXT},
                                            {"COMPLETE SINCE", "covered_since_at", COL_TIME},
                                            {"LAST EVENT", "last_event_at", COL_TIME},
                                            {"NOT READ", "behind_bytes", COL_BYTES},
                                            {"NEXT STEP", "next_step", COL_TEXT}};

    return list_nouns(c, "/access", columns, AL_LEN(columns));
}

/* ---- status ---- */

static int
print_line(const char *title, const char *text)
{
    AL_CLEANUP(al_buf_free) struct al_buf safe = {.max = PATH_BYTES};
    int rc = out_safe(text, &safe);

    if (rc == AL_OK && text[0] != '\0') {
        (void)printf("%-14s %s\n", title, (const char *)safe.at);
    }
    return rc;
}

/* Lines that were passed over, the latest first. */
static int
print_skipped(struct cli *c, const json_t *samples)
{
    static const struct column columns[] = {{"PASSED OVER", "at", COL_TIME},
                                            {"WHY", "why", COL_TEXT},
                                            {"LOG", "log", COL_TEXT},
                                            {"AT BYTE", "offset", COL_COUNT},
                                            {"LINE", "line", COL_TEXT}};

    if (json_array_size(samples) == 0) {
        return AL_OK;
    }
    (void)printf("\n");
    return out_table(c, samples, columns, AL_LEN(columns));
}

static int
print_status(struct cli *c, const json_t *a)
{
    static const struct column columns[] = {
        {"LINES", "count", COL_COUNT}, {"", "kind", COL_TEXT}, {"", "text", COL_TEXT}};
    const json_t *nodes = json_object_get(a, "nodes");
    char text[256], behind[32];
    int rc = print_line("state", get_text(a, "state"));

    rc = rc != AL_OK ? rc : print_line("", get_text(a, "text"));
    rc = rc != AL_OK ? rc : print_line("next", get_text(a, "next_step"));
    rc = rc != AL_OK ? rc : print_line("filespace", get_text(a, "filespace"));
    rc = rc != AL_OK ? rc : print_line("root", get_text(a, "root"));
    rc = rc != AL_OK ? rc : print_line("complete since", get_text(a, "covered_since_at"));
    rc = rc != AL_OK ? rc : print_line("last event", get_text(a, "last_event_at"));
    rc = rc != AL_OK ? rc : print_line("last heard of", get_text(a, "told_at"));
    out_size(get_count(a, "behind_bytes"), behind);
    (void)snprintf(text, sizeof(text), "%llu, %llu of them open; %s not read yet",
                   (unsigned long long)get_count(a, "files"),
                   (unsigned long long)get_count(a, "active_files"), behind);
    rc = rc != AL_OK ? rc : print_line("logs", text);
    (void)snprintf(text, sizeof(text), "%llu, %llu of them active, %llu behind",
                   (unsigned long long)get_count(nodes, "total"),
                   (unsigned long long)get_count(nodes, "active"),
                   (unsigned long long)get_count(nodes, "behind"));
    rc = rc != AL_OK ? rc : print_line("nodes", text);
    if (rc == AL_OK) {
        (void)printf("\n");
        rc = out_table(c, json_object_get(a, "counts"), columns, AL_LEN(columns));
    }
    return rc != AL_OK ? rc : print_skipped(c, json_object_get(a, "samples"));
}

int
cmd_access_status(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc = volume_path(c, "/access", &path);

    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &answer);
    return rc != AL_OK ? rc : c->json ? out_json(answer) : print_status(c, answer);
}

/* ---- show ---- */

/* By its bytes, as a path is. */
static int
add_who(struct cli *c, struct al_buf *path, const char *option)
{
    const char *name = args_get(c, option);

    return name == NULL ? AL_OK : add_path(path, option, name);
}

/* Which rows: path, people and time. */
static int
recent_path(struct cli *c, struct al_buf *path)
{
    int64_t back = 0;
    int rc = volume_path(c, "/access/recent", path);

    if (rc == AL_OK && c->word_count > 1) {
        rc = add_path(path, "path", c->words[1]);
    }
    rc = rc != AL_OK ? rc : add_who(c, path, "user");
    rc = rc != AL_OK ? rc : add_who(c, path, "host");
    if (rc == AL_OK && args_get(c, "since") != NULL) {
        rc = ago(c, "since", &back);
        rc = rc != AL_OK ? rc : add_from(c, path, back);
    }
    return rc;
}

/* One answer; after, before 0: any. */
static int
recent(struct cli *c, const struct al_buf *base, uint64_t after, uint64_t before, uint64_t limit,
       json_t **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = PATH_BYTES};
    char number[24];
    int rc = al_buf_add(&path, base->at, base->len);

    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)limit);
    rc = rc != AL_OK ? rc : add_query(&path, "limit", number);
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)after);
    rc = rc != AL_OK || after == 0 ? rc : add_query(&path, "after", number);
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)before);
    rc = rc != AL_OK || before == 0 ? rc : add_query(&path, "before", number);
    return rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, ret);
}

int
cmd_access_show(struct cli *c)
{
    static const struct column columns[] = {
        {"TIME", "at", COL_TIME},        {"WHAT", "kind", COL_TEXT}, {"READS", "reads", COL_COUNT},
        {"WRITES", "writes", COL_COUNT}, {"USER", "user", COL_TEXT}, {"HOST", "host", COL_TEXT},
        {"PATH", "path", COL_TEXT},      {"TO", "target", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *all = json_array();
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint64_t limit = ROWS, before = 0, got;
    bool given;
    int rc = all == NULL ? AL_ENOMEM : args_number(c, "limit", &limit, &given);

    rc = rc != AL_OK ? rc : recent_path(c, &path);
    do {
        AL_CLEANUP(al_json_freep) json_t *answer = NULL;
        uint64_t left = limit == 0 ? ROWS_AT_ONCE : limit - json_array_size(all);
        const json_t *items;

        left = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        rc = rc != AL_OK ? rc : recent(c, &path, 0, before, left, &answer);
        items = json_object_get(answer, "items");
        got = json_array_size(items);
        before = get_count(json_array_get(items, got > 0 ? got - 1 : 0), "number");
        if (rc == AL_OK && json_array_extend(all, (json_t *)items) != 0) {
            rc = AL_ENOMEM;
        }
        got = got == left && (limit == 0 || json_array_size(all) < limit) ? got : 0;
    } while (rc == AL_OK && got > 0);
    return rc != AL_OK ? rc : out_table(c, all, columns, AL_LEN(columns));
}

/* ---- follow ---- */

static int
print_row(struct cli *c, const json_t *row)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = 1u << 20};
    AL_CLEANUP(al_buf_free) struct al_buf who = {.max = 1u << 20};
    const char *target = get_text(row, "target");
    int rc;

    if (c->json) {
        return out_json(row);
    }
    rc = out_safe(get_text(row, "path"), &path);
    if (rc == AL_OK && target[0] != '\0') {
        rc = al_buf_adds(&path, " -> ");
        rc = rc != AL_OK ? rc : out_safe(target, &path);
    }
    rc = rc != AL_OK ? rc : out_safe(get_text(row, "user"), &who);
    rc = rc != AL_OK ? rc : al_buf_adds(&who, "@");
    rc = rc != AL_OK ? rc : out_safe(get_text(row, "host"), &who);
    if (rc == AL_OK) {
        (void)printf("%s  %-13s  %4llu r %4llu w  %-20s  %s\n", get_text(row, "at"),
                     get_text(row, "kind"), (unsigned long long)get_count(row, "reads"),
                     (unsigned long long)get_count(row, "writes"), (const char *)who.at,
                     (const char *)path.at);
    }
    return rc;
}

/* What came since, oldest first. More than one answer holds: the newest of it. */
static int
follow_once(struct cli *c, const struct al_buf *path, uint64_t *io_after)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    int rc = recent(c, path, *io_after, 0, ROWS_AT_ONCE, &answer);
    const json_t *items = json_object_get(answer, "items");

    if (json_array_size(items) == ROWS_AT_ONCE) {
        (void)fprintf(stderr, "more rows came than are shown\n");
    }
    for (size_t i = json_array_size(items); i > 0 && rc == AL_OK; i--) {
        const json_t *row = json_array_get(items, i - 1);

        rc = print_row(c, row);
        *io_after = get_count(row, "number") > *io_after ? get_count(row, "number") : *io_after;
    }
    return rc == AL_OK && fflush(stdout) != 0 ? AL_EIO : rc;
}

struct following {
    struct cli *c;
    struct al_buf path;
    uint64_t after;
    al_id volume;
    int64_t until_mono_ns; /* INT64_MAX: for ever */
    bool away;             /* it was said that the server does not answer */
};

static int64_t
left_ns(const struct following *f)
{
    return f->until_mono_ns == INT64_MAX ? INT64_MAX : f->until_mono_ns - port_mono_ns(f->c->port);
}

static int
on_news(void *ctx)
{
    struct following *f = ctx;
    int rc = follow_once(f->c, &f->path, &f->after);

    f->away = f->away && rc != AL_OK;
    return rc;
}

/* The server tells when there is something; where it does not, it is asked once a second. What was missed meanwhile comes first. */
static int
follow(struct following *f)
{
    int64_t left;
    int rc = AL_OK;

    while (rc == AL_OK && (left = left_ns(f)) > 0) {
        int64_t began = port_mono_ns(f->c->port);
        uint32_t ms =
            left < (int64_t)LISTEN_MS * 1000000 ? (uint32_t)(left / 1000000) + 1 : LISTEN_MS;

        rc = events_wait(f->c, "access", f->volume, ms, on_news, f);
        if (rc == AL_ENOTSUP) {
            rc = on_news(f);
        }
        if ((rc == AL_EUNREACH || rc == AL_ETIMEDOUT) && left_ns(f) > 0) {
            /* it comes back, and nothing is missed */
            (void)fprintf(stderr, "%s", f->away ? "" : "altod does not answer\n");
            f->away = true;
        }
        if (rc == AL_EUNREACH || rc == AL_ETIMEDOUT) {
            f->c->fail = (struct al_fail){0};
            rc = AL_OK;
        }
        left = left_ns(f);
        if (rc == AL_OK && left > 0 && port_mono_ns(f->c->port) - began < FOLLOW_NS) {
            port_sleep_ns(f->c->port, left < FOLLOW_NS ? left : FOLLOW_NS);
        }
    }
    return rc;
}

int
cmd_access_follow(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *now = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf status = {0};
    struct following f = {.c = c, .until_mono_ns = INT64_MAX};
    uint64_t seconds = 0;
    bool ends;
    int rc = args_number(c, "seconds", &seconds, &ends);

    if (rc == AL_OK && ends && seconds < INT32_MAX) {
        f.until_mono_ns = port_mono_ns(c->port) + (int64_t)seconds * SECOND_NS;
    }
    rc = rc != AL_OK ? rc : resolve_volume(c, c->words[0], f.volume);
    rc = rc != AL_OK ? rc : volume_path(c, "/access", &status);
    rc = rc != AL_OK ? rc : recent_path(c, &f.path);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)status.at, NULL, &now);
    f.after = get_count(now, "last_number");
    if (rc == AL_OK && !json_is_true(json_object_get(now, "complete"))) {
        out_shown(stderr, get_text(now, "text"));
        (void)fprintf(stderr, "\n");
    }
    rc = rc != AL_OK ? rc : follow(&f);
    al_buf_free(&f.path);
    return rc;
}

/* ---- sums ---- */

/* --days and --folder. */
static int
add_window(struct cli *c, struct al_buf *path)
{
    uint64_t days = 0;
    bool given;
    int rc = args_number(c, "days", &days, &given);

    if (rc == AL_OK && given && (days == 0 || days > 90)) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "--days is a number from 1 to 90");
    }
    rc = rc != AL_OK || !given ? rc : add_from(c, path, (int64_t)days * DAY_NS);
    return rc != AL_OK || args_get(c, "folder") == NULL
               ? rc
               : add_path(path, "folder", args_get(c, "folder"));
}

int
cmd_access_top(struct cli *c)
{
    static const struct column columns[] = {{"READS", "reads", COL_COUNT},
                                            {"WRITES", "writes", COL_COUNT},
                                            {"FILES", "files", COL_COUNT},
                                            {"LAST", "last_at", COL_TIME},
                                            {"WHAT", "what", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc = volume_path(c, "/access/top", &path);

    rc = rc != AL_OK ? rc : add_query(&path, "by", args_get(c, "by"));
    rc = rc != AL_OK ? rc : add_query(&path, "limit", args_get(c, "limit"));
    rc = rc != AL_OK ? rc : add_window(c, &path);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &answer);
    return rc != AL_OK ? rc
           : c->json   ? out_json(answer)
                       : out_table(c, json_object_get(answer, "items"), columns, AL_LEN(columns));
}

static int
print_hours(const json_t *items)
{
    uint64_t most = 1;

    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *h = json_array_get(items, i);
        uint64_t all = get_count(h, "reads") + get_count(h, "writes");

        most = all > most ? all : most;
    }
    (void)printf("%-20s  %10s  %10s\n", "HOUR", "READS", "WRITES");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *h = json_array_get(items, i);
        uint64_t all = get_count(h, "reads") + get_count(h, "writes");
        char bar[BAR + 1] = "";

        memset(bar, '#', (size_t)((double)all / (double)most * BAR));
        (void)printf("%-20s  %10llu  %10llu  %s\n", get_text(h, "at"),
                     (unsigned long long)get_count(h, "reads"),
                     (unsigned long long)get_count(h, "writes"), bar);
    }
    return AL_OK;
}

int
cmd_access_hours(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc = volume_path(c, "/access/hours", &path);

    rc = rc != AL_OK ? rc : add_window(c, &path);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &answer);
    return rc != AL_OK ? rc
           : c->json   ? out_json(answer)
                       : print_hours(json_object_get(answer, "items"));
}

/* ---- nodes ---- */

int
cmd_access_nodes(struct cli *c)
{
    static const struct column columns[] = {{"NODE", "node", COL_TEXT},
                                            {"HOST", "host", COL_TEXT},
                                            {"USER", "user", COL_TEXT},
                                            {"ACTIVE", "active", COL_TEXT},
                                            {"LOGS", "files", COL_COUNT},
                                            {"BEHIND", "behind_bytes", COL_BYTES},
                                            {"LAST EVENT", "last_event_at", COL_TIME},
                                            {"LAST GROWN", "last_grown_at", COL_TIME}};
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint64_t limit = 1000;
    bool given;
    int rc = volume_path(c, "/access/nodes", &path);

    rc = rc != AL_OK ? rc : add_query(&path, "active", args_flag(c, "active") ? "true" : NULL);
    rc = rc != AL_OK ? rc : add_query(&path, "behind", args_flag(c, "behind") ? "true" : NULL);
    rc = rc != AL_OK ? rc : add_query(&path, "q", args_get(c, "search"));
    rc = rc != AL_OK ? rc : add_query(&path, "sort", args_get(c, "sort"));
    rc = rc != AL_OK ? rc : add_query(&path, "order", args_flag(c, "reverse") ? "desc" : NULL);
    rc = rc != AL_OK ? rc : args_number(c, "limit", &limit, &given);
    rc = rc != AL_OK ? rc : call_list(c, (const char *)path.at, limit, &items);
    return rc != AL_OK ? rc : out_table(c, items, columns, AL_LEN(columns));
}
