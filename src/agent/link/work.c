#include "agent/link/work.h"

#include <string.h>

#include "base/mem.h"

static const char *const kinds[] = {"scan",    "tier",  "recall",     "check_share", "reconcile",
                                    "archive", "adopt", "test_share", "repair"};

const char *
work_kind_name(enum work_kind k)
{
    return (size_t)k < AL_LEN(kinds) ? kinds[k] : "unknown";
}

struct work *
work_free(struct work *w)
{
    if (w != NULL) {
        if (w->password != NULL) {
            al_wipe(w->password, strlen(w->password));
        }
        (void)al_arena_free(w->arena); /* returns NULL */
    }
    return NULL;
}

static int
get_id(const json_t *j, const char *key, al_id to, struct al_fail *fail)
{
    const char *text = json_string_value(json_object_get(j, key));

    to[0] = '\0';
    if (text == NULL || text[0] == '\0') {
        return AL_OK;
    }
    if (!al_id_valid(text)) {
        return al_fail_set(fail, AL_EINVAL, 0, "%s is no identifier", key);
    }
    memcpy(to, text, sizeof(al_id));
    return AL_OK;
}

static uint64_t
u64_or_0(const json_t *j, const char *key)
{
    uint64_t v = 0;

    return al_json_u64(j, key, &v, NULL) == AL_OK ? v : 0;
}

static int64_t
i64_or_0(const json_t *j, const char *key)
{
    int64_t v = 0;

    return al_json_i64(j, key, &v, NULL) == AL_OK ? v : 0;
}

static int
parse_item(struct work *w, const json_t *j, struct work_item *item, struct al_buf *path,
           struct al_fail *fail)
{
    struct al_span at;
    int rc;

    al_buf_clear(path);
    rc = al_json_get_bytes(j, "path", path, fail);
    if (rc != AL_OK) {
        return rc;
    }
    at = al_buf_span(path);
    while (at.len > 0 && at.at[0] == '/') {
        at.at++;
        at.len--;
    }
    if ((at.len == 0 && w->kind != WORK_ADOPT) ||
        (at.len > 0 && memchr(at.at, 0, at.len) != NULL)) {
        return al_fail_set(fail, AL_EINVAL, 0, "an item's path is empty or holds a NUL");
    }
    item->path = al_arena_span(w->arena, at);
    item->size = u64_or_0(j, "size");
    item->ino = u64_or_0(j, "ino");
    item->mtime_ns = i64_or_0(j, "mtime_ns");
    item->accessed_ns = i64_or_0(j, "accessed_ns");
    item->way = orphan_way_named(json_string_value(json_object_get(j, "way")));
    rc = get_id(j, "object_id", item->object_id, fail);
    if (rc != AL_OK) {
        return rc;
    }
    return item->path.at == NULL ? AL_ELIMIT : AL_OK;
}

static int
parse_items(struct work *w, const json_t *items, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    size_t count = json_array_size(items);

    al_buf_init(&path, 128u << 10);
    if (!json_is_array(items)) {
        return al_fail_set(fail, AL_EINVAL, 0, "items are missing");
    }
    if (count > WORK_ITEMS_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "more than %u items in one work", WORK_ITEMS_MAX);
    }
    w->items = al_arena_alloc(w->arena, (count + 1) * sizeof(*w->items));
    if (w->items == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        int rc = parse_item(w, json_array_get(items, i), &w->items[i], &path, fail);

        if (rc != AL_OK) {
            return rc;
        }
    }
    w->item_count = count;
    return AL_OK;
}

static int
parse_kind(struct work *w, const json_t *j, struct al_fail *fail)
{
    const char *kind = json_string_value(json_object_get(j, "kind"));

    for (size_t i = 0; kind != NULL && i < AL_LEN(kinds); i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            w->kind = (enum work_kind)i;
            return AL_OK;
        }
    }
    return al_fail_set(fail, AL_ENOTSUP, 0,
                       "this agent does not know work of kind %.40s; is it older than the server?",
                       kind != NULL ? kind : "(none)");
}

/* A share that is not in the configuration, since nobody has saved it yet. */
static int
parse_share(struct work *w, const json_t *j, struct al_fail *fail)
{
    const char *url = json_string_value(json_object_get(j, "url"));
    const char *user = json_string_value(json_object_get(j, "user"));
    const char *password = json_string_value(json_object_get(j, "password"));

    if (url == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "a share to try out without its address");
    }
    w->url = al_arena_str(w->arena, url);
    w->user = user != NULL ? al_arena_str(w->arena, user) : NULL;
    w->password = password != NULL ? al_arena_str(w->arena, password) : NULL;
    return w->url == NULL || (user != NULL && w->user == NULL) ||
                   (password != NULL && w->password == NULL)
               ? AL_ELIMIT
               : AL_OK;
}

static int
parse(struct work *w, const json_t *j, struct al_fail *fail)
{
    const char *where = json_string_value(json_object_get(j, "rule_where"));
    int rc = get_id(j, "work_id", w->work_id, fail);

    if (rc == AL_OK && w->work_id[0] == '\0') {
        rc = al_fail_set(fail, AL_EINVAL, 0, "a work without work_id");
    }
    rc = rc != AL_OK ? rc : parse_kind(w, j, fail);
    rc = rc != AL_OK ? rc : get_id(j, "job_id", w->job_id, fail);
    rc = rc != AL_OK ? rc : get_id(j, "volume_id", w->volume_id, fail);
    rc = rc != AL_OK ? rc : get_id(j, "scan_id", w->scan_id, fail);
    rc = rc != AL_OK ? rc : get_id(j, "share_id", w->share_id, fail);
    rc = rc != AL_OK ? rc : get_id(j, "rule_id", w->rule_id, fail);
    if (rc != AL_OK) {
        return rc;
    }
    w->now_ns = i64_or_0(j, "now_ns");
    if (where != NULL && where[0] != '\0') {
        w->rule_where = al_arena_str(w->arena, where);
        if (w->rule_where == NULL) {
            return AL_ELIMIT;
        }
    }
    if (w->kind == WORK_TEST_SHARE) {
        return parse_share(w, j, fail);
    }
    return w->kind == WORK_TIER || w->kind == WORK_RECALL || w->kind == WORK_ARCHIVE ||
                   w->kind == WORK_ADOPT || w->kind == WORK_REPAIR
               ? parse_items(w, json_object_get(j, "items"), fail)
               : AL_OK;
}

int
work_parse(const json_t *j, struct work **ret, al_id ret_id, struct al_fail *fail)
{
    struct al_arena *arena = al_arena_new(WORK_BYTES_MAX);
    struct work *w;
    int rc;

    ret_id[0] = '\0';
    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    w = al_arena_alloc(arena, sizeof(*w));
    if (w == NULL) {
        (void)al_arena_free(arena); /* returns NULL */
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    w->arena = arena;
    rc = parse(w, j, fail);
    memcpy(ret_id, w->work_id, sizeof(al_id));
    if (rc != AL_OK) {
        (void)work_free(w); /* returns NULL */
        return al_fail_set(fail, rc, 0, "a work of the server cannot be read");
    }
    *ret = w;
    return AL_OK;
}
