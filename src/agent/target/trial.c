#include "agent/target/trial.h"

#include <stdio.h>
#include <string.h>

#include "agent/target/target_identity.h"
#include "base/mem.h"
#include "base/text.h"

#define NAME_UNKNOWN 0xC00000CCu /* the server has no such share */
#define NAME_UNKNOWN_WIN 67u     /* the same, as Windows says it */

static const char *const names[TARGET_S_COUNT] = {"reach", "log_in",  "open",  "owner",
                                                  "space", "write",   "flush", "read",
                                                  "list",  "latency", "remove"};

const char *
target_step_name(enum target_step s)
{
    return (size_t)s < TARGET_S_COUNT ? names[s] : "unknown";
}

struct trying {
    struct port *port;
    struct target *t;
    const char *customer_id;
    struct target_trial *to;
    struct target_put *put;
    uint8_t *bytes, *back;
    char name[TARGET_NAME_MAX];
    bool found;
    int64_t began_ns;
};

static void
trying_end(struct trying *y)
{
    (void)target_put_end(y->put); /* returns NULL */
    al_free(y->bytes);
    al_free(y->back);
    y->t = target_close(y->t);
}

/* ---- how a step went ---- */

static void
step(struct trying *y, enum target_step which, int code, const struct al_fail *fail,
     const char *text)
{
    struct target_step_result *s = &y->to->steps[which];
    const char *next = target_advice(code);
    int64_t now_ns = port_mono_ns(y->port);

    s->done = true;
    s->code = code;
    s->us = (uint64_t)(now_ns - y->began_ns) / 1000;
    y->began_ns = now_ns;
    (void)snprintf(s->text, sizeof(s->text), "%s",
                   code != AL_OK && fail != NULL && fail->text[0] != '\0' ? fail->text : text);
    next += next[0] == ';' ? 2 : 0;
    (void)snprintf(s->next, sizeof(s->next), "%s",
                   code == AL_OK ? ""
                   : next[0] != '\0'
                       ? next
                       : "try again; if it stays so, look into the file server's log");
    if (code != AL_OK && y->to->code == AL_OK) {
        y->to->code = code;
    }
}

static void
advise(struct trying *y, enum target_step which, const char *next)
{
    (void)snprintf(y->to->steps[which].next, sizeof(y->to->steps[which].next), "%s", next);
}

/* ---- connecting: one call, and what it says tells how far it came ---- */

static enum target_step
came_to(int code, const struct al_fail *fail)
{
    if (fail->os == NAME_UNKNOWN || fail->os == NAME_UNKNOWN_WIN) {
        return TARGET_S_OPEN;
    }
    if (code == AL_EUNREACH || code == AL_ETIMEDOUT || code == AL_EINVAL || code == AL_ENOMEM) {
        return TARGET_S_REACH;
    }
    return code == AL_EAUTH ? TARGET_S_LOG_IN : TARGET_S_OPEN;
}

static bool
is_server(const char *url)
{
    return strncmp(url, "smb://", 6) == 0 || strncmp(url, "\\\\", 2) == 0;
}

static void
connect_share(struct trying *y, const struct target_conf *conf)
{
    static const char *const texts[] = {"the server answers", "user and password are right",
                                        "share and folder are there"};
    struct target_conf whose = *conf;
    struct al_fail fail = {0};
    enum target_step last = TARGET_S_OPEN;
    int code;

    whose.customer_id = NULL; /* looked at by itself, and nothing is made */
    code = target_connect(y->port, &whose, true, &y->t, &fail);
    last = code == AL_OK ? last : came_to(code, &fail);
    /* A folder of this host has no server, and nobody to log in to. */
    for (unsigned i = is_server(conf->url) ? TARGET_S_REACH : last; i <= last; i++) {
        step(y, (enum target_step)i, i == last ? code : AL_OK, &fail, texts[i]);
    }
    if (last == TARGET_S_OPEN && code == AL_EUNREACH) {
        advise(y, last, "check the share's name: the server answers, but has none of this name");
    } else if (code == AL_EINVAL) {
        advise(y, last,
               "write smb://HOST[:PORT]/SHARE[/FOLDER] or file:///FOLDER, without user and "
               "password");
    } else if (last == TARGET_S_OPEN && code == AL_EACCES) {
        advise(y, last,
               "let the user read, write and delete on the share, or check the user's name");
    }
}

static void
look_at_owner(struct trying *y)
{
    struct al_fail fail = {0};
    const char *text = "the share is this customer's already";
    int code;

    /* With a customer in it the target would want the identity in its place before each write. */
    y->t->customer_id = al_strdup(y->customer_id);
    code = y->t->customer_id == NULL ? AL_ENOMEM : target_identity_check(y->t, &fail);
    al_free(y->t->customer_id);
    y->t->customer_id = NULL;
    if (code == AL_ENOENT) {
        fail = (struct al_fail){0};
        code = target_identity_room(y->t, &fail);
        text = "the share is empty; its first use makes it this customer's";
    }
    step(y, TARGET_S_OWNER, code, &fail, text);
    if (code == AL_ENOTEMPTY) {
        advise(y, TARGET_S_OWNER, "give an empty folder of the share: smb://HOST/SHARE/FOLDER");
    } else if (code == AL_EFOREIGN) {
        advise(y, TARGET_S_OWNER, "take another share or folder: nothing was changed on this one");
    }
}

static void
look_at_space(struct trying *y)
{
    struct al_fail fail = {0};
    char text[96];
    int code = y->t->kind->space(y->t, &y->to->space, &fail);

    (void)snprintf(text, sizeof(text), "%llu of %llu bytes are free",
                   (unsigned long long)y->to->space.bytes_free,
                   (unsigned long long)y->to->space.bytes_total);
    step(y, TARGET_S_SPACE, code, &fail, text);
}

/* ---- a file ---- */

static int
make_bytes(struct trying *y)
{
    uint8_t chance[10];
    al_id id;
    int rc = port_random(y->port, chance, sizeof(chance));

    y->bytes = al_alloc(TARGET_TRIAL_BYTES);
    y->back = al_alloc(TARGET_TRIAL_BYTES);
    if (rc != AL_OK || y->bytes == NULL || y->back == NULL) {
        return rc != AL_OK ? rc : AL_ENOMEM;
    }
    /* No two blocks alike: a server that packs or shares blocks gains nothing. */
    for (size_t i = 0; i < TARGET_TRIAL_BYTES; i++) {
        y->bytes[i] = (uint8_t)((i * UINT64_C(0x9E3779B97F4A7C15) >> 32) + chance[i % 10]);
    }
    al_id_make(port_now_ns(y->port), chance, id);
    (void)snprintf(y->name, sizeof(y->name), TARGET_INCOMING "/test-%s", id);
    return AL_OK;
}

static void
advise_full(struct trying *y, int code)
{
    if (code == AL_ENOSPC) {
        advise(y, TARGET_S_WRITE, "free space there, or choose another share");
    }
}

static void
write_file(struct trying *y)
{
    struct al_fail fail = {0};
    int code = make_bytes(y);

    y->began_ns = port_mono_ns(y->port);
    code =
        code != AL_OK ? code : target_put_begin(y->t, y->name, TARGET_TRIAL_BYTES, &y->put, &fail);
    code = code != AL_OK ? code : target_put_write(y->put, y->bytes, TARGET_TRIAL_BYTES, &fail);
    step(y, TARGET_S_WRITE, code, &fail, "1 MiB was written");
    advise_full(y, code);
}

static void
flush_file(struct trying *y)
{
    struct al_fail fail = {0};
    bool done = false;
    int code = AL_OK;

    while (code == AL_OK && !done) {
        code = target_put_step(y->put, &done, &fail);
    }
    y->put = target_put_end(y->put); /* not done: removes what is there */
    /* Writes are under way together: what the server said to one of them comes only now. */
    if (code == AL_ENOSPC || code == AL_EROFS || code == AL_EACCES) {
        step(y, TARGET_S_WRITE, code, &fail, "");
        advise_full(y, code);
        return;
    }
    step(y, TARGET_S_FLUSH, code, &fail, "flushed on the server, read back, equal, and named");
}

static void
read_file(struct trying *y)
{
    struct al_fail fail = {0};
    struct target_get *get = NULL;
    size_t len = 0, got = 1;
    uint64_t size = 0;
    int code = target_get_begin(y->t, y->name, &get, &size, &fail);

    while (code == AL_OK && got > 0 && len < TARGET_TRIAL_BYTES) {
        code = target_get_read(get, y->back + len, TARGET_TRIAL_BYTES - len, &got, &fail);
        len += code == AL_OK ? got : 0;
    }
    (void)target_get_end(get); /* returns NULL */
    if (code == AL_OK && (size != TARGET_TRIAL_BYTES || len != size ||
                          memcmp(y->bytes, y->back, TARGET_TRIAL_BYTES) != 0)) {
        code = al_fail_set(&fail, AL_ECORRUPT, 0,
                           "what the share gave back is not what was written: the file server's "
                           "disk, memory or network is not to be trusted");
    }
    step(y, TARGET_S_READ, code, &fail, "read again from its begin, and equal");
}

static int
is_it(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    struct trying *y = ctx;

    (void)mtime_ns;
    y->found = y->found || (!is_folder && size == TARGET_TRIAL_BYTES &&
                            strcmp(name, y->name + sizeof(TARGET_INCOMING)) == 0);
    return AL_OK;
}

static void
list_file(struct trying *y)
{
    struct al_fail fail = {0};
    int code = target_list(y->t, TARGET_INCOMING, is_it, y, &fail);

    if (code == AL_OK && !y->found) {
        code = al_fail_set(&fail, AL_EIO, 0,
                           "the share does not list the file that was just written to it");
    }
    step(y, TARGET_S_LIST, code, &fail, "the file is listed with its size");
}

static void
ask_often(struct trying *y)
{
    struct target_step_result *s = &y->to->steps[TARGET_S_LATENCY];
    struct al_fail fail = {0};
    uint64_t size;
    int code = AL_OK;

    for (unsigned i = 0; i < TARGET_TRIAL_ASKS && code == AL_OK; i++) {
        code = target_size(y->t, y->name, &size, &fail);
    }
    step(y, TARGET_S_LATENCY, code, &fail, "");
    s->us /= TARGET_TRIAL_ASKS;
    if (code == AL_OK) {
        (void)snprintf(s->text, sizeof(s->text), "a question takes %llu.%llu ms",
                       (unsigned long long)(s->us / 1000),
                       (unsigned long long)(s->us % 1000 / 100));
    }
}

static void
remove_file(struct trying *y)
{
    struct al_fail fail = {0};
    int code = target_remove(y->t, y->name, &fail);

    step(y, TARGET_S_REMOVE, code, &fail, "removed");
    if (code != AL_OK) {
        advise(y, TARGET_S_REMOVE,
               code == AL_EACCES || code == AL_EROFS
                   ? "let the user delete on the share, and remove what this test left below "
                     "\"incoming\""
                   : "remove what this test left below \"incoming\" (test-…), then test again");
    }
}

/* ---- the whole ---- */

/* Another connection each, which comes about only as it is demanded. */
static void
try_wire(struct trying *y, const struct target_conf *conf)
{
    static const uint32_t wires[] = {PORT_WIRE_SIGNED, PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED};
    bool *const to[] = {&y->to->signing, &y->to->encryption};

    for (size_t i = 0; i < AL_LEN(wires) && is_server(conf->url); i++) {
        AL_CLEANUP(target_closep) struct target *t = NULL;
        struct target_conf c = *conf;

        c.customer_id = NULL;
        c.wire = wires[i];
        *to[i] = target_connect(y->port, &c, false, &t, NULL) == AL_OK;
    }
}

void
target_trial(struct port *port, const struct target_conf *conf, struct target_trial *ret)
{
    static void (*const before[])(struct trying *) = {look_at_owner, look_at_space, write_file,
                                                      flush_file};
    static void (*const behind[])(struct trying *) = {read_file, list_file, ask_often};
    AL_CLEANUP(trying_end)
    struct trying y = {.port = port, .to = ret, .customer_id = conf->customer_id};
    struct target_conf c = *conf;

    memset(ret, 0, sizeof(*ret));
    c.deadline_ms = c.deadline_ms != 0 ? c.deadline_ms : TARGET_TRIAL_DEADLINE_MS;
    y.began_ns = port_mono_ns(port);
    connect_share(&y, &c);
    for (size_t i = 0; i < AL_LEN(before) && ret->code == AL_OK; i++) {
        before[i](&y);
    }
    if (!ret->steps[TARGET_S_FLUSH].done || ret->steps[TARGET_S_FLUSH].code != AL_OK) {
        return;
    }
    for (size_t i = 0; i < AL_LEN(behind) && ret->code == AL_OK; i++) {
        behind[i](&y);
    }
    remove_file(&y);
    if (ret->code == AL_OK) {
        try_wire(&y, &c);
    }
}
