/* manifest_find.c: manifests read from the share: all lines of a host, and one object's line, looked for
 * by its id: where a placeholder that had it is gone. */
#include <stdio.h>
#include <string.h>

#include "agent/target/manifest.h"
#include "base/mem.h"

#define FILES_MAX 4096u /* manifests of the days looked at */
#define DAY_NS (INT64_C(86400) * 1000000000)
#define DAYS_BEFORE 1 /* a clock that was set */
#define DAYS_AFTER 8  /* a copy that took as long */
#define NAME_ROOM 64u
#define READ_BYTES (256u << 10)
#define NAMES_BYTES_MAX (8u << 20) /* of all manifests of a host: some 150,000 of them */

struct finding {
    const char *object_id;
    char from[9], until[9]; /* yyyymmdd, both looked at */
    char (*names)[NAME_ROOM];
    size_t count;
    struct al_arena *arena;
    struct manifest_record *ret;
    bool found;
};

static int64_t
time_of(const char *id)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    int64_t ms = 0;

    for (unsigned k = 0; k < 10; k++) {
        const char *at = strchr(digits, id[k]);

        ms = ms * 32 + (at != NULL ? at - digits : 0);
    }
    return ms < INT64_MAX / 1000000 - 10 * DAY_NS / 1000000 ? ms * 1000000 : 0;
}

static void
day_of(int64_t ns, char to[9])
{
    char text[AL_TIME_TEXT_MAX];

    al_time_text(ns, text);
    (void)snprintf(to, 9, "%.4s%.2s%.2s", text, text + 5, text + 8);
}

static int
each_file(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    struct finding *f = ctx;

    (void)size;
    (void)mtime_ns;
    if (is_folder || strlen(name) < 9 || strlen(name) >= NAME_ROOM ||
        strncmp(name, f->from, 8) < 0 || strncmp(name, f->until, 8) > 0) {
        return AL_OK;
    }
    if (f->count == FILES_MAX) {
        return AL_ELIMIT;
    }
    memcpy(f->names[f->count++], name, strlen(name) + 1);
    return AL_OK;
}

/* A line that names the object: the last one counts. */
static int
take_line(struct finding *f, struct al_span line)
{
    struct manifest_record r;
    char wanted[AL_ID_LEN + 16];
    int n = snprintf(wanted, sizeof(wanted), "\"object\":\"%s\"", f->object_id);
    bool names = false;
    int rc;

    for (size_t k = 0; !names && k + (size_t)n <= line.len && k < 64; k++) {
        names = memcmp(line.at + k, wanted, (size_t)n) == 0;
    }
    if (!names) {
        return AL_OK;
    }
    rc = manifest_parse(line, f->arena, &r, NULL);
    if (rc == AL_OK && strcmp(r.object_id, f->object_id) == 0) {
        *f->ret = r;
        f->found = true;
    }
    return rc == AL_ECORRUPT ? AL_OK : rc; /* a line that was cut names nothing */
}

struct reading {
    int (*each)(void *ctx, struct al_span line);
    void *ctx;
};

/* The whole lines of what was read; what is left of the last one is moved to the front. */
static int
take_lines(const struct reading *r, struct al_buf *text)
{
    size_t at = 0;
    int rc = AL_OK;

    while (rc == AL_OK) {
        const uint8_t *end = text->len > at ? memchr(text->at + at, '\n', text->len - at) : NULL;

        if (end == NULL) {
            break;
        }
        rc = r->each(r->ctx, (struct al_span){text->at + at, (size_t)(end - text->at) - at});
        at = (size_t)(end - text->at) + 1;
    }
    memmove(text->at, text->at + at, text->len - at);
    text->len -= at;
    return rc;
}

static int
look_into(struct target *t, const char *name, const struct reading *r, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct target_get *g = NULL;
    uint64_t size;
    size_t got = 1;
    int rc = target_get_begin(t, name, &g, &size, fail);

    al_buf_init(&text, (size_t)2 * MANIFEST_LINE_MAX + READ_BYTES);
    while (rc == AL_OK && got > 0) {
        rc = al_buf_reserve(&text, READ_BYTES);
        rc = rc != AL_OK ? rc : target_get_read(g, text.at + text.len, READ_BYTES, &got, fail);
        if (rc == AL_OK && got > 0) {
            text.len += got;
            rc = take_lines(r, &text);
        }
    }
    (void)target_get_end(g); /* returns NULL */
    return rc;
}

static int
on_line(void *ctx, struct al_span line)
{
    return take_line(ctx, line);
}

/* Names of files, each with a NUL behind it. */
static int
add_name(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    (void)size;
    (void)mtime_ns;
    return is_folder || strlen(name) >= NAME_ROOM ? AL_OK : al_buf_add(ctx, name, strlen(name) + 1);
}

int
manifest_lines(struct target *t, const char *host_id, int (*each)(void *ctx, struct al_span line),
               void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf names = {0};
    const struct reading r = {.each = each, .ctx = ctx};
    char folder[64], name[TARGET_NAME_MAX];
    int rc;

    if (!al_id_valid(host_id)) {
        return al_fail_set(fail, AL_EINVAL, 0, "no identifier");
    }
    al_buf_init(&names, NAMES_BYTES_MAX);
    (void)snprintf(folder, sizeof(folder), "manifests/%s", host_id);
    rc = target_list(t, folder, add_name, &names, fail);
    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    for (size_t at = 0; rc == AL_OK && at < names.len; at += strlen((char *)names.at + at) + 1) {
        (void)snprintf(name, sizeof(name), "%s/%s", folder, (const char *)names.at + at);
        rc = look_into(t, name, &r, fail);
    }
    return rc;
}

bool
manifest_object_of(struct al_span line, char ret[AL_ID_LEN + 1])
{
    static const char key[] = "\"object\":\"";
    size_t n = sizeof(key) - 1;

    for (size_t k = 0; k < 64 && k + n + AL_ID_LEN <= line.len; k++) {
        if (memcmp(line.at + k, key, n) == 0) {
            memcpy(ret, line.at + k + n, AL_ID_LEN);
            ret[AL_ID_LEN] = '\0';
            return al_id_valid(ret);
        }
    }
    return false;
}

int
manifest_find(struct target *t, const char *host_id, const char *object_id, struct al_arena *arena,
              struct manifest_record *ret, struct al_fail *fail)
{
    struct finding f = {.object_id = object_id, .arena = arena, .ret = ret};
    const struct reading reading = {.each = on_line, .ctx = &f};
    char folder[64], name[TARGET_NAME_MAX];
    int rc;

    if (!al_id_valid(object_id) || !al_id_valid(host_id)) {
        return al_fail_set(fail, AL_EINVAL, 0, "no identifier");
    }
    f.names = al_array(FILES_MAX, NAME_ROOM);
    if (f.names == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    day_of(time_of(object_id) - DAYS_BEFORE * DAY_NS, f.from);
    day_of(time_of(object_id) + DAYS_AFTER * DAY_NS, f.until);
    (void)snprintf(folder, sizeof(folder), "manifests/%s", host_id);
    rc = target_list(t, folder, each_file, &f, fail);
    for (size_t i = 0; rc == AL_OK && i < f.count && !f.found; i++) {
        (void)snprintf(name, sizeof(name), "%s/%s", folder, f.names[i]);
        rc = look_into(t, name, &reading, fail);
    }
    al_free(f.names);
    if (rc == AL_OK && !f.found) {
        rc = al_fail_set(fail, AL_ENOENT, 0, "no manifest on the share names the object %s",
                         object_id);
    }
    return rc;
}
