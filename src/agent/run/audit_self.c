/* audit_self.c: who our own mount is in the logs, kept in a file beside the cursors. */
#include "agent/run/audit.h"

#include <stdio.h>
#include <string.h>

#include "agent/stub/stub.h"
#include "base/hash.h"
#include "base/mem.h"

#define SELF_FILE "self"
#define SELF_MAGIC "ALTOSLF1"
#define PROBE_DIGITS 16u
#define SELF_MAX ((size_t)8 << 10) /* bytes: magic, selves, XXH64 of all before it */

/* ---- what a line tells of who wrote it ---- */

/* False: no client is told, or a name is too long to be kept. */
static bool
self_of(const struct auditlog_event *e, struct audit_self *ret)
{
    const struct al_span parts[AUDIT_SELF_PARTS] = {e->folder, e->node, e->user, e->host};

    *ret = (struct audit_self){0};
    for (size_t i = 0; i < AUDIT_SELF_PARTS; i++) {
        if (parts[i].len > AUDIT_NAME_BYTES_MAX) {
            return false;
        }
        if (parts[i].at != NULL && parts[i].len > 0) {
            memcpy(ret->text[i], parts[i].at, parts[i].len);
            ret->len[i] = (uint16_t)parts[i].len;
        }
    }
    return ret->len[0] > 0 || ret->len[1] > 0;
}

static bool
is_same(const struct audit_self *a, const struct audit_self *b)
{
    return memcmp(a->len, b->len, sizeof(a->len)) == 0 &&
           memcmp(a->text, b->text, sizeof(a->text)) == 0;
}

bool
audit_self_is(const struct audit_seen *s, const struct auditlog_event *e)
{
    struct audit_self x;

    if (s->self_count == 0 || !self_of(e, &x)) {
        return false;
    }
    for (unsigned i = 0; i < s->self_count; i++) {
        if (is_same(&s->selves[i], &x)) {
            return true;
        }
    }
    return false;
}

void
audit_self_prove(struct audit_seen *s, const struct auditlog_event *e, int64_t now_ns)
{
    struct audit_self x;
    unsigned at = 0;

    if (!self_of(e, &x)) {
        return;
    }
    while (at < s->self_count && !is_same(&s->selves[at], &x)) {
        at++;
    }
    if (at == s->self_count) {
        s->selves_new = true;
        if (s->self_count < AUDIT_SELVES_MAX) {
            s->self_count++;
        } else {
            at = 0;
            for (unsigned i = 1; i < s->self_count; i++) {
                at = s->selves[i].proved_ns < s->selves[at].proved_ns ? i : at;
            }
        }
    }
    x.proved_ns = now_ns;
    s->selves[at] = x;
}

/* ---- in a file ---- */

static int
take(struct al_span bytes, struct audit_seen *s)
{
    struct al_span part, rest = bytes;

    if (bytes.len < 16 || memcmp(bytes.at, SELF_MAGIC, 8) != 0 ||
        al_get_u64(bytes.at + bytes.len - 8) != al_xxh64(bytes.at, bytes.len - 8, 0)) {
        return AL_ECORRUPT;
    }
    rest = (struct al_span){bytes.at + 8, bytes.len - 16};
    while (rest.len > 0 && s->self_count < AUDIT_SELVES_MAX) {
        struct audit_self x = {0};
        int rc = al_span_take(&rest, 8, &part);

        x.proved_ns = rc == AL_OK ? (int64_t)al_get_u64(part.at) : 0;
        for (size_t i = 0; i < AUDIT_SELF_PARTS && rc == AL_OK; i++) {
            uint64_t len;

            rc = al_span_varint(&rest, &len);
            rc = rc == AL_OK && len > AUDIT_NAME_BYTES_MAX ? AL_ECORRUPT : rc;
            rc = rc != AL_OK ? rc : al_span_take(&rest, (size_t)len, &part);
            if (rc == AL_OK && part.len > 0) {
                memcpy(x.text[i], part.at, part.len);
                x.len[i] = (uint16_t)part.len;
            }
        }
        if (rc != AL_OK) {
            return AL_ECORRUPT;
        }
        s->selves[s->self_count++] = x;
    }
    return AL_OK;
}

int
audit_self_load(struct port *p, struct port_file *state, struct audit_seen *s, port_mutex *lock)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    int rc;

    al_buf_init(&bytes, SELF_MAX);
    rc = port_read_file(p, state, SELF_FILE, SELF_MAX, &bytes);
    if (rc != AL_OK) {
        return rc == AL_ENOENT || rc == AL_ELIMIT ? AL_OK : rc; /* nothing of ours */
    }
    port_mutex_lock(lock);
    if (s->self_count == 0 && take(al_buf_span(&bytes), s) != AL_OK) {
        s->self_count = 0; /* it is learned again */
    }
    port_mutex_unlock(lock);
    return AL_OK;
}

static int
print(const struct audit_self *x, struct al_buf *to)
{
    uint8_t time[8];
    int rc;

    al_put_u64(time, (uint64_t)x->proved_ns);
    rc = al_buf_add(to, time, sizeof(time));
    for (size_t i = 0; i < AUDIT_SELF_PARTS && rc == AL_OK; i++) {
        rc = al_buf_add_varint(to, x->len[i]);
        rc = rc != AL_OK || x->len[i] == 0 ? rc : al_buf_add(to, x->text[i], x->len[i]);
    }
    return rc;
}

int
audit_self_keep(struct port *p, struct port_file *state, struct audit_seen *s, port_mutex *lock)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    uint8_t sum[8];
    int rc = AL_OK;
    bool is_new;

    al_buf_init(&text, SELF_MAX);
    port_mutex_lock(lock);
    is_new = s->selves_new;
    if (is_new) {
        rc = al_buf_adds(&text, SELF_MAGIC);
    }
    for (unsigned i = 0; is_new && i < s->self_count && rc == AL_OK; i++) {
        rc = print(&s->selves[i], &text);
    }
    s->selves_new = is_new && rc != AL_OK;
    port_mutex_unlock(lock);
    if (!is_new || rc != AL_OK) {
        return rc;
    }
    al_put_u64(sum, al_xxh64(text.at, text.len, 0));
    rc = al_buf_add(&text, sum, sizeof(sum));
    rc = rc != AL_OK ? rc : port_write_file(p, state, SELF_FILE, text.at, text.len, 0600);
    if (rc != AL_OK) {
        port_mutex_lock(lock);
        s->selves_new = true;
        port_mutex_unlock(lock);
    }
    return rc;
}

/* ---- the probe ---- */

static bool
is_probe(const char *name)
{
    const size_t prefix = sizeof(STUB_PROBE_PREFIX) - 1;

    return strncmp(name, STUB_PROBE_PREFIX, prefix) == 0 && strlen(name + prefix) == PROBE_DIGITS &&
           strspn(name + prefix, "0123456789abcdef") == PROBE_DIGITS;
}

/* What an agent left that died between making one and taking it away: empty files of that whole name. One that cannot be
 * seen or removed now is tried again by the next agent. */
static void
clear_left(struct port *p, struct port_file *root)
{
    struct port_dir *list = NULL;
    struct port_dirent e;
    struct port_stat st;
    bool end = false;
    int rc = port_dir_open(p, root, &list);

    while (rc == AL_OK) {
        rc = port_dir_next(p, list, &e, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (is_probe(e.name) && port_stat_at(p, root, e.name, &st) == AL_OK &&
            st.type == PORT_T_FILE && st.size == 0) {
            (void)!port_unlink(p, root, e.name);
        }
    }
    port_dir_close(p, &list);
}

int
audit_self_probe(struct port *p, const char *volume_path, struct audit_seen *s, port_mutex *lock)
{
    AL_CLEANUP(port_holder_end) struct port_holder root = {p, NULL};
    struct port_file *file = NULL;
    char name[sizeof(s->probe)];
    uint64_t tag;
    int rc = port_random(p, &tag, sizeof(tag));

    rc = rc != AL_OK ? rc : port_open(p, NULL, volume_path, PORT_READ | PORT_FOLDER, 0, &root.file);
    if (rc != AL_OK) {
        return rc;
    }
    clear_left(p, root.file);
    (void)snprintf(name, sizeof(name), STUB_PROBE_PREFIX "%016llx", (unsigned long long)tag);
    port_mutex_lock(lock); /* before it is there: its line may be read at once */
    memcpy(s->probe, name, sizeof(name));
    port_mutex_unlock(lock);
    rc = port_open(p, root.file, name, PORT_WRITE | PORT_CREATE | PORT_EXCL, 0600, &file);
    if (rc == AL_OK) {
        port_close_quiet(p, &file);
        rc = port_unlink(p, root.file, name);
    }
    return rc;
}
