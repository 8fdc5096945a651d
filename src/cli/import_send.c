#include "cli/import.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/process.h"

#define PIECE_BYTES ((size_t)8 << 20) /* as much as altod takes at once */
#define PIECE_MS 300000u
#define TRIES_MAX 8u
#define TRY_PAUSE_NS INT64_C(500000000)

struct sending {
    struct cli *c;
    struct port_file *file;
    uint8_t *piece;
    uint64_t size, received;
    al_id id;
};

void
import_line_end(void)
{
    unsigned columns;

    if (port_is_tty(2, &columns)) {
        (void)fprintf(stderr, "\r\033[K");
    }
}

static void
progress(const struct sending *s)
{
    char have[32], all[32];
    unsigned columns;

    if (port_is_tty(2, &columns)) {
        out_size(s->received, have);
        out_size(s->size, all);
        (void)fprintf(stderr, "\r\033[Ksending %u %%, %s of %s",
                      (unsigned)(s->size == 0 ? 100 : s->received * 100.0 / (double)s->size), have,
                      all);
        (void)fflush(stderr);
    }
}

/* One piece. *ret_told: the server said where it stands, in received. */
static int
put(struct sending *s, size_t len, bool *ret_told)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    char path[128];
    struct api_call how = {.method = "PUT",
                           .path = path,
                           .raw = {s->piece, len},
                           .raw_type = "application/octet-stream",
                           .timeout_ms = PIECE_MS};
    struct http *h = NULL;
    int rc = session_http(s->c, &h);

    if (rc != AL_OK) {
        return rc;
    }
    (void)snprintf(path, sizeof(path), "/api/v1/imports/%s/content?offset=%llu", s->id,
                   (unsigned long long)s->received);
    rc = api_call(h, &how, &reply, &s->c->fail);
    *ret_told = json_is_integer(json_object_get(reply.json, "received")) &&
                (rc == AL_OK || rc == AL_ECONFLICT);
    if (*ret_told) {
        s->received = get_count(reply.json, "received");
    }
    return rc;
}

static bool
worth_another_try(int rc)
{
    return rc == AL_EUNREACH || rc == AL_ETIMEDOUT || rc == AL_EBUSY;
}

/* Where it stands is asked for again after an answer that got lost: the piece may be there. */
static int
where(struct sending *s)
{
    AL_CLEANUP(al_json_freep) json_t *now = NULL;
    char path[64];
    int rc;

    (void)snprintf(path, sizeof(path), "/imports/%s", s->id);
    rc = call(s->c, "GET", path, NULL, &now);
    if (rc == AL_OK) {
        s->received = get_count(now, "received");
    }
    return rc;
}

static int
send_piece(struct sending *s)
{
    int rc = AL_OK;

    for (unsigned i = 0; i < TRIES_MAX; i++) {
        uint64_t before = s->received;
        size_t want = s->size - before < PIECE_BYTES ? (size_t)(s->size - before) : PIECE_BYTES,
               len = 0;
        bool told = false;

        rc = port_pread(s->c->port, s->file, s->piece, want, before, &len);
        if (rc != AL_OK || len < want) {
            return al_fail_set(&s->c->fail, rc != AL_OK ? rc : AL_ECHANGED, 0,
                               "the file cannot be read to its end");
        }
        s->c->fail = (struct al_fail){0};
        rc = put(s, len, &told);
        if (rc == AL_OK || (rc == AL_ECONFLICT && told && s->received > before)) {
            return AL_OK; /* the answer to an earlier try got lost, but its bytes did not */
        }
        if (!worth_another_try(rc) && rc != AL_ECONFLICT) {
            return rc;
        }
        port_sleep_ns(s->c->port, TRY_PAUSE_NS * (i + 1));
        if (rc != AL_ECONFLICT && where(s) == AL_OK && s->received > before) {
            s->c->fail = (struct al_fail){0};
            return AL_OK;
        }
    }
    return rc;
}

static int
send_all(struct sending *s)
{
    int rc = AL_OK;

    s->piece = al_alloc(PIECE_BYTES);
    if (s->piece == NULL) {
        return AL_ENOMEM;
    }
    while (rc == AL_OK && s->received < s->size) {
        progress(s);
        rc = send_piece(s);
    }
    import_line_end();
    al_free(s->piece);
    s->piece = NULL;
    if (rc != AL_OK) {
        (void)fprintf(stderr, "what came is kept: go on with --resume %s\n", s->id);
    }
    return rc;
}

static int
announce(struct sending *s, const char *volume_id, const char *file, json_t *options)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    const char *name = strrchr(file, '/');
    json_t *body = json_object();
    char path[64];
    int rc = al_json_set_str(body, "name", name == NULL ? file : name + 1);

    rc = rc != AL_OK ? rc : al_json_set_u64(body, "size", s->size);
    rc = rc != AL_OK ? rc : al_json_set(body, "options", options);
    if (rc != AL_OK) {
        json_decref(body);
        return al_fail_set(&s->c->fail, rc, 0, "the file's name cannot be told");
    }
    (void)snprintf(path, sizeof(path), "/volumes/%s/imports", volume_id);
    rc = call(s->c, "POST", path, body, &answer);
    if (rc == AL_OK) {
        memcpy(s->id, get_text(answer, "id"), sizeof(al_id));
    }
    return rc;
}

static int
go_on(struct sending *s, const char *id)
{
    AL_CLEANUP(al_json_freep) json_t *now = NULL;
    char path[64];
    int rc;

    if (!al_id_valid(id)) {
        return al_fail_set(&s->c->fail, AL_EINVAL, 0, "--resume takes the id of an import");
    }
    memcpy(s->id, id, sizeof(al_id));
    (void)snprintf(path, sizeof(path), "/imports/%s", s->id);
    rc = call(s->c, "GET", path, NULL, &now);
    if (rc == AL_OK && get_count(now, "size") != s->size) {
        return al_fail_set(&s->c->fail, AL_ECHANGED, 0,
                           "this is another file: the import was announced with %llu bytes",
                           (unsigned long long)get_count(now, "size"));
    }
    s->received = rc == AL_OK ? get_count(now, "received") : 0;
    return rc;
}

int
import_send(struct cli *c, const char *volume_id, const char *file, json_t *options_taken,
            json_t **ret)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = c->port};
    AL_CLEANUP(al_freep) char *whole = NULL;
    AL_CLEANUP(al_json_freep) json_t *options = options_taken;
    struct sending s = {.c = c};
    struct port_stat st;
    char path[64];
    int rc = absolute_path(c, file, &whole);

    rc = rc != AL_OK ? rc : port_open(c->port, NULL, whole, PORT_READ, 0, &f.file);
    rc = rc != AL_OK ? rc : port_stat(c->port, f.file, &st);
    if (rc != AL_OK || st.type != PORT_T_FILE) {
        return al_fail_set(&c->fail, rc != AL_OK ? rc : AL_EINVAL, 0, "%.200s cannot be read: %s",
                           file, rc != AL_OK ? al_code_name(rc) : "it is no plain file");
    }
    s.file = f.file;
    s.size = st.size;
    if (args_get(c, "resume") != NULL) {
        rc = go_on(&s, args_get(c, "resume"));
    } else {
        rc = announce(&s, volume_id, file, json_incref(options));
    }
    rc = rc != AL_OK ? rc : send_all(&s);
    (void)snprintf(path, sizeof(path), "/imports/%s", s.id);
    return rc != AL_OK ? rc : call(c, "GET", path, NULL, ret);
}
