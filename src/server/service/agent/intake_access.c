/* What audit logs told, as records: doc/format/protocol.md. A row needs its kind, its time and its
 * path; what else is wrong with it reads as not told, so that no access is lost for a detail. */
#include "base/jsonout.h"
#include "server/service/agent/intake_read.h"
#include "server/service/work/access.h"

#include <string.h>

#define COUNTS_MAX 4096u   /* bytes of the counts as JSON */
#define SAMPLES_MAX (2u * INTAKE_LINE_MAX) /* bytes of the samples as JSON */
#define SKIP_NAMES_MAX 32u /* kinds of lines that tell nothing */

/* 0 where it is not a number that may stand there. */
static int64_t
soft_number(const json_t *obj, const char *key, int64_t min, int64_t max)
{
    const json_t *v = json_object_get(obj, key);
    int64_t n = json_is_integer(v) ? json_integer_value(v) : 0;

    return n < min || n > max ? 0 : n;
}

static uint64_t
soft_count(const json_t *obj, const char *key)
{
    return (uint64_t)soft_number(obj, key, 0, INT64_MAX);
}

static void
read_stat(const json_t *stat, struct inventory_access *to)
{
    static const struct {
        const char *name;
        enum port_type type;
    } types[] = {
        {"file", PORT_T_FILE},
        {"folder", PORT_T_FOLDER},
        {"symlink", PORT_T_SYMLINK},
        {"other", PORT_T_UNKNOWN},
    };
    const char *type = json_string_value(json_object_get(stat, "type"));

    for (size_t i = 0; type != NULL && i < AL_LEN(types); i++) {
        if (strcmp(types[i].name, type) == 0) {
            to->has_stat = true;
            to->type = types[i].type;
        }
    }
    if (!to->has_stat) {
        return;
    }
    to->size = soft_count(stat, "size");
    to->allocated = soft_count(stat, "allocated");
    to->mtime_ns = soft_number(stat, "mtime_ns", INT64_MIN, INT64_MAX);
    to->ctime_ns = soft_number(stat, "ctime_ns", INT64_MIN, INT64_MAX);
    to->btime_ns = soft_number(stat, "btime_ns", INT64_MIN, INT64_MAX);
    to->mode = (uint32_t)soft_number(stat, "mode", 0, UINT32_MAX);
    to->uid = (uint32_t)soft_number(stat, "uid", 0, UINT32_MAX);
    to->gid = (uint32_t)soft_number(stat, "gid", 0, UINT32_MAX);
    to->nlink = (uint32_t)soft_number(stat, "nlink", 0, UINT32_MAX);
    to->nlink += to->nlink == 0;
}

/* The root itself neither goes nor comes: a log that says so would take the whole inventory along. */
static const char *
wrong_with(const struct inventory_access *a)
{
    bool whole = a->kind == INVENTORY_ACCESS_USED || a->kind == INVENTORY_ACCESS_PIN ||
                 a->kind == INVENTORY_ACCESS_UNPIN || a->came;

    if (a->path.len == 0 && !whole) {
        return "a row about the volume's root itself";
    }
    if (a->kind == INVENTORY_ACCESS_MOVE && a->target.len == 0) {
        return "a move without its target";
    }
    return a->time_ns <= 0 ? "a row without its time" : NULL;
}

/* NULL, or why the row tells nothing. */
static const char *
read_row(struct intake_reading *r, struct inventory_access *to)
{
    const char *kind = json_string_value(json_object_get(r->obj, "k"));
    size_t k = 0;

    while (kind != NULL && k < INVENTORY_ACCESS_KINDS &&
           strcmp(access_kind_name((enum inventory_access_kind)k), kind) != 0) {
        k++;
    }
    if (kind == NULL || k == INVENTORY_ACCESS_KINDS) {
        return "a row of no kind that is known";
    }
    to->kind = (enum inventory_access_kind)k;
    to->path = intake_get_path(r, "path");
    to->target = k == INVENTORY_ACCESS_MOVE ? intake_get_path(r, "target") : (struct al_span){0};
    to->time_ns = soft_number(r->obj, "time_ns", 0, INT64_MAX);
    to->modified_ns = soft_number(r->obj, "modified_ns", 0, INT64_MAX);
    to->came = k == INVENTORY_ACCESS_CREATE && json_is_true(json_object_get(r->obj, "came"));
    to->reads = soft_count(r->obj, "reads");
    to->writes = soft_count(r->obj, "writes");
    to->user = intake_get_bytes(r, "user", INTAKE_WHO_MAX);
    to->host = intake_get_bytes(r, "host", INTAKE_WHO_MAX);
    to->node = intake_get_bytes(r, "node", INTAKE_WHO_MAX);
    read_stat(json_object_get(r->obj, "stat"), to);
    return r->bad != NULL ? r->bad : wrong_with(to);
}

/* [user, host, node] of short rows. */
struct who {
    struct al_span user, host, node;
};

static struct al_span
short_text(struct intake_reading *r, const json_t *v, size_t max)
{
    struct al_span got = {(const uint8_t *)json_string_value(v), json_string_length(v)};

    if (got.at == NULL || got.len == 0) {
        return (struct al_span){0};
    }
    got.len = got.len < max ? got.len : max;
    got = al_arena_span(r->arena, got);
    r->no_memory = r->no_memory || got.at == NULL;
    return got;
}

static size_t
read_who(struct intake_reading *r, struct who to[INTAKE_WHO_ROWS])
{
    const json_t *who = json_object_get(r->obj, "who");
    size_t count = json_array_size(who);

    count = count < INTAKE_WHO_ROWS ? count : INTAKE_WHO_ROWS;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(who, i);

        to[i] = (struct who){short_text(r, json_array_get(one, 0), INTAKE_WHO_MAX),
                             short_text(r, json_array_get(one, 1), INTAKE_WHO_MAX),
                             short_text(r, json_array_get(one, 2), INTAKE_WHO_MAX)};
    }
    return count;
}

static int64_t
short_number(const json_t *row, size_t at)
{
    const json_t *v = json_array_get(row, at);
    int64_t n = json_is_integer(v) ? json_integer_value(v) : 0;

    return n < 0 ? 0 : n;
}

/* [path, time_ns, modified_ns, reads, writes, number in who]: a use without metadata. */
static const char *
read_short(struct intake_reading *r, const struct who *who, size_t who_count,
           struct inventory_access *to)
{
    const json_t *path = json_array_get(r->obj, 0), *number = json_array_get(r->obj, 5);
    int64_t n = json_is_integer(number) ? json_integer_value(number) : -1;
    struct al_span bytes = {(const uint8_t *)json_string_value(path), json_string_length(path)};

    if (bytes.at == NULL) {
        return "a short row without its path";
    }
    if (bytes.len > 0 && bytes.at[0] == '/') {
        bytes.at++;
        bytes.len--;
    }
    if (!intake_path_ok(bytes)) {
        return "the path leaves the volume or is malformed";
    }
    to->kind = INVENTORY_ACCESS_USED;
    to->path = bytes.len > 0 ? al_arena_span(r->arena, bytes) : (struct al_span){0};
    r->no_memory = r->no_memory || (bytes.len > 0 && to->path.at == NULL);
    to->time_ns = short_number(r->obj, 1);
    to->modified_ns = short_number(r->obj, 2);
    to->reads = (uint64_t)short_number(r->obj, 3);
    to->writes = (uint64_t)short_number(r->obj, 4);
    if (n >= 0 && (uint64_t)n < who_count) {
        to->user = who[n].user;
        to->host = who[n].host;
        to->node = who[n].node;
    }
    return wrong_with(to);
}

/* Rows of one array, as many as a record may have yet. */
static void
read_rows(struct intake_reading *r, const json_t *rows, bool noise, const struct who *who,
          size_t who_count, struct intake_access *a)
{
    size_t count = json_array_size(rows), room = INTAKE_ROWS_MAX - a->count;
    size_t most = count < room ? count : room;

    if (count > most && a->rejected == 0) {
        a->why = "more rows than a record holds";
    }
    a->rejected += count - most;
    for (size_t i = 0; i < most && !r->no_memory; i++) {
        struct intake_reading row = {.arena = r->arena, .obj = json_array_get(rows, i)};
        struct inventory_access got = {0};
        const char *wrong =
            json_is_array(row.obj) ? read_short(&row, who, who_count, &got) : read_row(&row, &got);

        got.noise = noise;
        if (wrong == NULL && noise && got.kind != INVENTORY_ACCESS_USED &&
            got.kind != INVENTORY_ACCESS_CREATE) {
            wrong = "noise of a kind that is not known";
        }
        r->no_memory = row.no_memory;
        if (wrong == NULL) {
            a->rows[a->count++] = got;
        } else if (a->rejected++ == 0) {
            a->why = wrong;
        }
    }
}

void
intake_read_access(struct intake_reading *r, struct intake_record *to)
{
    struct who who[INTAKE_WHO_ROWS];
    size_t who_count;

    const json_t *rows = json_object_get(r->obj, "rows"), *noise = json_object_get(r->obj, "noise");
    struct intake_access *a;
    size_t count = json_array_size(rows) + json_array_size(noise);

    to->kind = INTAKE_ACCESS;
    to->volume_id = intake_get_id(r, "volume_id");
    if (to->volume_id == NULL || !json_is_array(rows)) {
        r->bad = r->bad != NULL ? r->bad : "a record of accesses without volume or rows";
        return;
    }
    count = count < INTAKE_ROWS_MAX ? count : INTAKE_ROWS_MAX;
    a = al_arena_alloc(r->arena, sizeof(*a));
    if (a != NULL) {
        a->rows = al_arena_alloc(r->arena, (count + 1) * sizeof(*a->rows));
    }
    if (a == NULL || a->rows == NULL) {
        r->no_memory = true;
        return;
    }
    who_count = read_who(r, who);
    read_rows(r, rows, false, who, who_count, a);
    read_rows(r, noise, true, who, who_count, a);
    to->access = a;
}

/* ---- how it stands ---- */

static bool
is_word(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= INTAKE_NAME_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == len;
}

/* The counts alone, in an order of their own. */
static const char *
counts_of(struct intake_reading *r)
{
    static const char *const names[] = {"lines", "events", "other",   "outside",
                                        "own",   "named",  "clamped", "ignored_files"};
    const json_t *skipped = json_object_get(r->obj, "skipped");
    struct al_buf AL_CLEANUP(al_buf_free) text = {.max = COUNTS_MAX};
    struct al_jsonout j;
    const char *key, *copy;
    size_t told = 0;
    json_t *value;

    al_jo_begin(&j, &text);
    al_jo_object(&j, NULL);
    for (size_t i = 0; i < AL_LEN(names); i++) {
        al_jo_u64(&j, names[i], soft_count(r->obj, names[i]));
    }
    al_jo_object(&j, "skipped");
    json_object_foreach((json_t *)(uintptr_t)skipped, key, value)
    {
        if (is_word(key) && told++ < SKIP_NAMES_MAX) {
            al_jo_u64(&j, key, soft_count(skipped, key));
        }
    }
    al_jo_close(&j);
    al_jo_close(&j);
    copy = al_jo_end(&j) == AL_OK ? al_arena_str(r->arena, (const char *)text.at) : NULL;
    r->no_memory = r->no_memory || copy == NULL;
    return copy == NULL ? "{}" : copy;
}

/* Why, where and when lines were passed over, in words of our own; what is wrong with one leaves it out. */
static const char *
samples_of(struct intake_reading *r)
{
    const json_t *samples = json_object_get(r->obj, "samples");
    struct al_buf AL_CLEANUP(al_buf_free) text = {.max = SAMPLES_MAX};
    size_t count = json_array_size(samples);
    struct al_jsonout j;
    const char *copy;

    al_jo_begin(&j, &text);
    al_jo_array(&j, NULL);
    for (size_t i = 0; i < count && i < INTAKE_SAMPLES_MAX && !r->no_memory; i++) {
        struct intake_reading one = {.arena = r->arena, .obj = json_array_get(samples, i)};
        const char *why = intake_get_text(&one, "why", INTAKE_NAME_MAX);
        struct al_span log = intake_get_bytes(&one, "log", INTAKE_TEXT_MAX);
        struct al_span line = intake_get_bytes(&one, "text", INTAKE_TEXT_MAX);

        r->no_memory = one.no_memory;
        if (why == NULL || !is_word(why)) {
            continue;
        }
        al_jo_object(&j, NULL);
        al_jo_str(&j, "why", why);
        al_jo_bytes(&j, "log", log.at == NULL ? al_span_of("") : log);
        al_jo_u64(&j, "offset", soft_count(one.obj, "offset"));
        al_jo_i64(&j, "time_ns", (int64_t)soft_count(one.obj, "time_ns"));
        al_jo_bytes(&j, "line", line.at == NULL ? al_span_of("") : line);
        al_jo_close(&j);
    }
    al_jo_close(&j);
    copy = al_jo_end(&j) == AL_OK ? al_arena_str(r->arena, (const char *)text.at) : NULL;
    r->no_memory = r->no_memory || (copy == NULL && j.rc != AL_ELIMIT);
    return copy == NULL ? "[]" : copy;
}

static void
read_nodes(struct intake_reading *r, struct intake_audit *to)
{
    const json_t *nodes = json_object_get(r->obj, "nodes");
    size_t count = json_array_size(nodes);

    count = count < INTAKE_NODES_MAX ? count : INTAKE_NODES_MAX;
    to->nodes = al_arena_alloc(r->arena, (count + 1) * sizeof(*to->nodes));
    r->no_memory = r->no_memory || to->nodes == NULL;
    for (size_t i = 0; i < count && !r->no_memory; i++) {
        struct intake_reading one = {.arena = r->arena, .obj = json_array_get(nodes, i)};
        struct store_access_node n = {
            .node = intake_get_bytes(&one, "node", INTAKE_WHO_MAX),
            .host = intake_get_bytes(&one, "host", INTAKE_WHO_MAX),
            .user = intake_get_bytes(&one, "user", INTAKE_WHO_MAX),
            .active = json_is_true(json_object_get(one.obj, "active")),
            .files = soft_count(one.obj, "files"),
            .behind_bytes = soft_count(one.obj, "behind_bytes"),
            .last_event_ns = (int64_t)soft_count(one.obj, "last_event_ns"),
            .last_grown_ns = (int64_t)soft_count(one.obj, "last_grown_ns"),
        };

        r->no_memory = one.no_memory;
        if (n.node.len > 0) {
            to->nodes[to->node_count++] = n;
        }
    }
}

static const char *
state_of(const json_t *obj)
{
    static const char *const states[] = {"absent", "denied", "silent", "live"};
    const char *text = json_string_value(json_object_get(obj, "state"));

    for (size_t i = 0; text != NULL && i < AL_LEN(states); i++) {
        if (strcmp(states[i], text) == 0) {
            return states[i];
        }
    }
    return NULL;
}

void
intake_read_audit(struct intake_reading *r, struct intake_record *to)
{
    const json_t *sample = json_object_get(r->obj, "sample");
    struct intake_audit *a = al_arena_alloc(r->arena, sizeof(*a));

    to->kind = INTAKE_AUDIT;
    to->volume_id = intake_get_id(r, "volume_id");
    if (a == NULL) {
        r->no_memory = true;
        return;
    }
    a->x.state = state_of(r->obj);
    if (to->volume_id == NULL || a->x.state == NULL) {
        r->bad = r->bad != NULL ? r->bad : "how audit logs stand, without volume or state";
        return;
    }
    memcpy(a->x.volume_id, to->volume_id, sizeof(al_id));
    a->x.text = intake_get_text(r, "text", INTAKE_TEXT_MAX);
    a->x.since_ns = (int64_t)soft_count(r->obj, "since_ns");
    a->x.covered_ns = (int64_t)soft_count(r->obj, "covered_since_ns");
    a->x.last_event_ns = (int64_t)soft_count(r->obj, "last_event_ns");
    a->x.told_ns = (int64_t)soft_count(r->obj, "told_ns");
    a->x.root = intake_get_bytes(r, "root", INTAKE_PATH_MAX);
    a->x.filespace = intake_get_bytes(r, "filespace", INTAKE_WHO_MAX);
    a->x.filespace_uuid = intake_get_bytes(r, "filespace_uuid", INTAKE_WHO_MAX);
    a->x.files = soft_count(r->obj, "files");
    a->x.active_files = soft_count(r->obj, "active");
    a->x.behind_bytes = soft_count(r->obj, "behind_bytes");
    a->x.counts = counts_of(r);
    a->x.samples = samples_of(r);
    a->x.sample_why = "";
    if (json_is_object(sample)) {
        struct intake_reading in = {.arena = r->arena, .obj = sample};

        a->x.sample_why = intake_get_text(&in, "why", INTAKE_NAME_MAX);
        a->x.sample = intake_get_bytes(&in, "text", INTAKE_TEXT_MAX);
        r->no_memory = r->no_memory || in.no_memory;
    }
    read_nodes(r, a);
    to->audit = a;
}
