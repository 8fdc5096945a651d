/* call.c: calls of the server, lists over all their pages, names instead of ids. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define BASE "/api/v1"
#define PATH_MAX_BYTES (128u << 10)
#define PAGE 200u
#define CALL_MS 120000u /* a preview over a large volume takes its time */

static int
make_key(struct cli *c, al_id key)
{
    uint8_t random[10];
    int rc = port_random(c->port, random, sizeof(random));

    if (rc == AL_OK) {
        al_id_make(port_now_ns(c->port), random, key);
    }
    return rc;
}

static int
perform(struct cli *c, struct api_call *how, const char *path, json_t *body, json_t **ret)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    AL_CLEANUP(al_buf_free) struct al_buf full = {0};
    struct http *h = NULL;
    al_id key;
    int rc = session_http(c, &h);

    al_buf_init(&full, PATH_MAX_BYTES);
    rc = rc != AL_OK ? rc : al_buf_addf(&full, BASE "%s", path);
    /* With a key the same POST sent twice is carried out once; the connection may break in between.
     */
    if (rc == AL_OK && strcmp(how->method, "POST") == 0 && strcmp(path, "/session") != 0) {
        rc = make_key(c, key);
        how->idempotency_key = key;
    }
    if (rc != AL_OK) {
        return rc;
    }
    how->path = (const char *)full.at;
    how->body = body;
    how->timeout_ms = CALL_MS;
    rc = api_call(h, how, &reply, &c->fail);
    if (rc == AL_EUNREACH && how->idempotency_key != NULL) {
        c->fail = (struct al_fail){0};
        rc = api_call(h, how, &reply, &c->fail);
    }
    if (rc == AL_OK && ret != NULL) {
        *ret = reply.json;
        reply.json = NULL;
    }
    return rc;
}

int
call(struct cli *c, const char *method, const char *path, json_t *body_taken, json_t **ret)
{
    struct api_call how = {.method = method};
    json_t *body = body_taken;
    int rc;

    if (body == NULL && strcmp(method, "POST") == 0) {
        body = json_object();
    }
    rc = perform(c, &how, path, body, ret);
    al_json_freep(&body);
    return rc;
}

int
call_if_match(struct cli *c, const char *method, const char *path, uint64_t version,
              json_t *body_taken, json_t **ret)
{
    char etag[32];
    struct api_call how = {.method = method, .if_match = etag};
    json_t *body = body_taken;
    int rc;

    (void)snprintf(etag, sizeof(etag), "\"%llu\"", (unsigned long long)version);
    rc = perform(c, &how, path, body, ret);
    al_json_freep(&body);
    return rc;
}

int
add_query(struct al_buf *path, const char *name, const char *value)
{
    int rc;

    if (value == NULL) {
        return AL_OK;
    }
    rc = al_buf_addf(path, "%s%s=", memchr(path->at, '?', path->len) != NULL ? "&" : "?", name);
    return rc != AL_OK ? rc : http_escape(path, al_span_of(value));
}

/* One page; *cursor is replaced, NULL behind the last. */
static int
page(struct cli *c, const char *path, uint64_t want, char **cursor, json_t **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf full = {0};
    char limit[24];
    const char *next;
    int rc;

    al_buf_init(&full, PATH_MAX_BYTES);
    (void)snprintf(limit, sizeof(limit), "%llu", (unsigned long long)want);
    rc = al_buf_adds(&full, path);
    rc = rc != AL_OK ? rc : add_query(&full, "limit", limit);
    rc = rc != AL_OK ? rc : add_query(&full, "cursor", *cursor);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)full.at, NULL, ret);
    if (rc != AL_OK) {
        return rc;
    }
    al_free(*cursor);
    *cursor = NULL;
    next = json_string_value(json_object_get(*ret, "next_cursor"));
    if (next != NULL) {
        *cursor = al_strdup(next);
        if (*cursor == NULL) {
            return AL_ENOMEM;
        }
    }
    return AL_OK;
}

int
call_each(struct cli *c, const char *path, uint64_t max, int (*each)(void *ctx, const json_t *item),
          void *ctx)
{
    AL_CLEANUP(al_freep) char *cursor = NULL;
    uint64_t seen = 0;
    int rc = AL_OK;

    do {
        AL_CLEANUP(al_json_freep) json_t *answer = NULL;
        const json_t *items;
        uint64_t want = max != 0 && max - seen < PAGE ? max - seen : PAGE;

        rc = page(c, path, want, &cursor, &answer);
        items = json_object_get(answer, "items");
        for (size_t i = 0; i < json_array_size(items) && rc == AL_OK; i++) {
            rc = each(ctx, json_array_get(items, i));
            seen++;
        }
    } while (rc == AL_OK && cursor != NULL && (max == 0 || seen < max));
    return rc;
}

static int
collect(void *ctx, const json_t *item)
{
    return json_array_append(ctx, (json_t *)item) == 0 ? AL_OK : AL_ENOMEM;
}

int
call_list(struct cli *c, const char *path, uint64_t max, json_t **ret)
{
    json_t *list = json_array();
    int rc = list == NULL ? AL_ENOMEM : call_each(c, path, max, collect, list);

    if (rc != AL_OK) {
        al_json_freep(&list);
        return rc;
    }
    *ret = list;
    return AL_OK;
}

/* ---- names ---- */

struct search {
    const char *name;
    unsigned found;
    char *id;
};

static int
look(void *ctx, const json_t *item)
{
    struct search *s = ctx;
    const char *name = json_string_value(json_object_get(item, "name")),
               *id = json_string_value(json_object_get(item, "id"));

    if (name != NULL && id != NULL && strcmp(name, s->name) == 0 && strlen(id) == AL_ID_LEN) {
        s->found++;
        memcpy(s->id, id, AL_ID_LEN + 1);
    }
    return AL_OK;
}

int
resolve(struct cli *c, const char *what, const char *list_path, const char *name_or_id, al_id ret)
{
    al_id found = "";
    struct search s = {.name = name_or_id, .id = found};
    int rc;

    if (al_id_valid(name_or_id)) {
        memcpy(ret, name_or_id, sizeof(al_id));
        return AL_OK;
    }
    rc = call_each(c, list_path, 0, look, &s);
    if (rc != AL_OK) {
        return rc;
    }
    if (s.found == 0) {
        return al_fail_set(&c->fail, AL_ENOENT, 0, "there is no %s called %.100s", what,
                           name_or_id);
    }
    if (s.found > 1) {
        return al_fail_set(&c->fail, AL_ECONFLICT, 0,
                           "%u %ss are called %.100s: give the id (alto %s list --json)", s.found,
                           what, name_or_id, what);
    }
    memcpy(ret, found, sizeof(al_id));
    return AL_OK;
}

int
resolve_customer(struct cli *c, const char *text, al_id ret)
{
    return resolve(c, "customer", "/customers", text, ret);
}

int
resolve_host(struct cli *c, const char *text, al_id ret)
{
    return resolve(c, "host", "/hosts", text, ret);
}

int
resolve_share(struct cli *c, const char *text, al_id ret)
{
    return resolve(c, "share", "/shares", text, ret);
}

int
resolve_volume(struct cli *c, const char *text, al_id ret)
{
    return resolve(c, "volume", "/volumes", text, ret);
}

int
volume_path(struct cli *c, const char *tail, struct al_buf *to)
{
    al_id id;
    int rc = resolve_volume(c, c->words[0], id);

    al_buf_init(to, (64u << 10));
    return rc != AL_OK ? rc : al_buf_addf(to, "/volumes/%s%s", id, tail);
}

int
resolve_rule(struct cli *c, const char *text, al_id ret)
{
    return resolve(c, "rule", "/rules", text, ret);
}
