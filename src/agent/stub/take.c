/* take.c: taking a file before its first byte is read, refusing what must not be tiered, each with
 * its own name.
 *
 * The order closes the races of doc/adr/0002-guard-hold-release.md: first the gate's guard, then
 * the lease, then the facts. */
#include "agent/stub/stub_priv.h"

#include <string.h>

#include "base/mem.h"


static enum stub_refusal
refuse_by_stat(const struct stub_volume *v, const struct port_stat *st)
{
    enum stub_refusal common = stub_refusal_by_stat(st, v->root_st.dev, 0);

    if (common != STUB_R_NONE) {
        return common;
    }
    if (st->size == 0 || st->size > MARKER_SIZE_MAX) {
        return st->size == 0 ? STUB_R_NO_GAIN : STUB_R_UNSUPPORTED;
    }
    return STUB_R_NONE;
}

static bool
has_marker(struct stub_volume *v, struct port_file *dir, const char *name)
{
    uint8_t bytes[MARKER_BYTES];
    size_t len;
    int rc;

    rc = port_xattr_get_at(v->port, dir, name, MARKER_XATTR, bytes, sizeof(bytes), &len);
    return rc == AL_OK || rc == AL_ELIMIT;
}

/* What the system says when it does not let us at a file, as a refusal; STUB_R_NONE for what is a
 * failure of ours. */
static enum stub_refusal
refuse_by_code(int rc)
{
    switch (rc) {
    case AL_ENOTSUP:
    case AL_EROFS:
        return STUB_R_UNSUPPORTED;
    case AL_EIO:
        return STUB_R_UNREADABLE;
    default:
        return stub_refusal_by_code(rc);
    }
}

static int
refused(enum stub_refusal why, enum stub_refusal *ret, int rc, struct stub_volume *v,
        struct al_fail *fail, const char *what)
{
    if (why == STUB_R_NONE) {
        return al_fail_set(fail, rc, port_os_error(v->port), "%s", what);
    }
    if (why == STUB_R_UNREADABLE) {
        (void)al_fail_set(fail, rc, port_os_error(v->port), "%s", what);
    }
    *ret = why;
    return AL_OK;
}

/* A swap file is always open, so its lease is always refused; only then is it worth asking for the
 * better reason. The paths in /proc/swaps have blanks as \040, which no administrator uses; such a
 * file is then called open, which is as true. */
static bool
is_swap(struct stub_volume *v, const struct port_stat *st)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    char *line, *end;

    al_buf_init(&text, 1u << 20);
    if (port_read_file(v->port, NULL, "/proc/swaps", 1u << 20, &text) != AL_OK || text.len == 0) {
        return false;
    }
    for (line = (char *)text.at; line != NULL && *line != '\0'; line = end) {
        char *blank;
        struct port_stat swap;

        end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        blank = strpbrk(line, " \t");
        if (line[0] != '/' || blank == NULL) {
            continue;
        }
        *blank = '\0';
        if (port_stat_at(v->port, NULL, line, &swap) == AL_OK && swap.dev == st->dev &&
            swap.ino == st->ino) {
            return true;
        }
    }
    return false;
}

/* With guard and lease held: the facts, and everything that could have changed since the first
 * look. */
static int
take_look_again(struct stub_take *t, const struct port_stat *first, enum stub_refusal *ret_refusal,
                struct al_fail *fail)
{
    struct stub_volume *v = t->v;
    const struct port_stat *st = &t->facts.st;
    uint8_t bytes[MARKER_BYTES];
    uint64_t data;
    size_t len;
    int rc;

    rc = stub_facts_read(v, t->file, &t->facts, fail);
    if (rc != AL_OK) {
        return refused(refuse_by_code(rc), ret_refusal, rc, v, fail, "cannot look at the file");
    }
    *ret_refusal =
        st->ino != first->ino || st->dev != first->dev ? STUB_R_CHANGED : refuse_by_stat(v, st);
    if (*ret_refusal != STUB_R_NONE) {
        return AL_OK;
    }
    rc = port_xattr_get(v->port, t->file, MARKER_XATTR, bytes, sizeof(bytes), &len);
    if (rc == AL_OK || rc == AL_ELIMIT) {
        *ret_refusal = STUB_R_ALREADY;
        return AL_OK;
    }
    if (rc != AL_ENODATA) {
        return refused(refuse_by_code(rc), ret_refusal, rc, v, fail, "cannot ask for a marker");
    }
    if (st->allocated < v->fs.block_bytes) {
        *ret_refusal = STUB_R_NO_GAIN; /* data inline in the inode */
        return AL_OK;
    }
    rc = port_next_data(v->port, t->file, 0, &data);
    if (rc != AL_OK && rc != AL_ENODATA) {
        return refused(refuse_by_code(rc), ret_refusal, rc, v, fail, "cannot look for holes");
    }
    if (rc == AL_ENODATA || data != 0 || st->allocated < st->size - st->size % v->fs.block_bytes) {
        *ret_refusal = STUB_R_SPARSE;
        return AL_OK;
    }
    return stub_keep_read(v, t->file, st, &t->keep, fail);
}

static int
take_opened(struct stub_take *t, const struct port_stat *first, enum stub_refusal *ret_refusal,
            struct al_fail *fail)
{
    struct stub_volume *v = t->v;
    int rc;

    if (v->gate != NULL) {
        rc = v->gate->ops->guard(v->gate, first->dev, first->ino, t->file);
        if (rc == AL_EBUSY) {
            *ret_refusal = STUB_R_OPEN;
            return AL_OK;
        }
        if (rc != AL_OK) {
            (void)al_fail_set(fail, rc, 0, "alto-gate does not guard this file");
            *ret_refusal = STUB_R_NO_GATE;
            return AL_OK;
        }
        t->guarded = true;
        t->dev = first->dev;
        t->ino = first->ino;
    }
    rc = port_lease_take(v->port, t->file);
    if (rc == AL_EBUSY) {
        /* Whoever looks the name up right now, for a stat, counts as a user for a moment. */
        port_sleep_ns(v->port, LOOKUP_NS);
        rc = port_lease_take(v->port, t->file);
    }
    if (rc == AL_EBUSY) {
        *ret_refusal = is_swap(v, first) ? STUB_R_SWAP : STUB_R_OPEN;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return refused(refuse_by_code(rc), ret_refusal, rc, v, fail, "cannot take a lease");
    }
    t->leased = true;
    return take_look_again(t, first, ret_refusal, fail);
}

static int
take_by_name(struct stub_volume *v, struct port_file *dir, const char *name, struct stub_take **ret,
             enum stub_refusal *ret_refusal, struct al_fail *fail)
{
    struct stub_take *t;
    struct port_stat st;
    int rc;

    rc = port_stat_at(v->port, dir, name, &st);
    if (rc != AL_OK) {
        return refused(refuse_by_code(rc), ret_refusal, rc, v, fail, "cannot stat the file");
    }
    *ret_refusal = refuse_by_stat(v, &st);
    if (*ret_refusal == STUB_R_NONE && has_marker(v, dir, name)) {
        *ret_refusal = STUB_R_ALREADY;
    }
    if (*ret_refusal != STUB_R_NONE) {
        return AL_OK;
    }
    t = al_zalloc(sizeof(*t));
    if (t == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    t->v = v;
    rc = v->gate == NULL
             ? port_open(v->port, dir, name, PORT_READ | PORT_WRITE | PORT_NOATIME | PORT_NONBLOCK,
                         0, &t->file)
             : port_open_unseen(v->port, dir, name, &t->file);
    if (rc != AL_OK) {
        t->file = NULL;
        rc = refused(rc == AL_EBUSY && is_swap(v, &st) ? STUB_R_SWAP : refuse_by_code(rc),
                     ret_refusal, rc, v, fail, "cannot open the file");
    } else {
        rc = take_opened(t, &st, ret_refusal, fail);
    }
    if (rc != AL_OK || *ret_refusal != STUB_R_NONE) {
        t = stub_let_go(t);
        return rc;
    }
    *ret = t;
    return AL_OK;
}

int
stub_take(struct stub_volume *v, struct al_span path, struct stub_take **ret,
          enum stub_refusal *ret_refusal, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *text = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder dir = {v->port, NULL};
    enum stub_refusal refusal = STUB_R_NONE;
    struct stub_take *t = NULL;
    const char *name;
    int rc;

    if (path.len == 0 || path.len > STUB_PATH_MAX || memchr(path.at, 0, path.len) != NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "not a path below a volume's root");
    }
    text = al_span_dup(path);
    if (text == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = port_walk_to(v->port, v->root, text, &dir.file, &name);
    if (rc != AL_OK) {
        rc = refused(refuse_by_code(rc), &refusal, rc, v, fail, "cannot reach the file's folder");
    } else {
        rc = take_by_name(v, dir.file, name, &t, &refusal, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    *ret = t;
    *ret_refusal = refusal;
    return AL_OK;
}

const struct stub_facts *
stub_take_facts(const struct stub_take *t)
{
    return &t->facts;
}

struct port_file *
stub_take_file(const struct stub_take *t)
{
    return t->file;
}

bool
stub_take_wanted(struct stub_take *t)
{
    enum port_lease lease;

    /* A lease that cannot be asked for is as good as lost. */
    return port_lease_state(t->v->port, t->file, &lease) != AL_OK || lease != PORT_LEASE_HELD;
}

int
stub_take_read(struct stub_take *t, void *to, size_t len, uint64_t offset, size_t *ret_len,
               struct al_fail *fail)
{
    int rc;

    rc = port_pread(t->v->port, t->file, to, len, offset, ret_len);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(t->v->port), "cannot read the file");
    }
    return AL_OK;
}

struct stub_take *
stub_let_go(struct stub_take *t)
{
    struct stub_volume *v;
    int ignored;

    if (t == NULL) {
        return NULL;
    }
    v = t->v;
    /* Nothing below can undo what was decided; an opener that waits is let on by the release. A
     * gate that went away has released by itself. */
    if (t->leased) {
        ignored = port_lease_drop(v->port, t->file);
    }
    if (t->guarded) {
        ignored = v->gate->ops->release(v->gate, t->dev, t->ino);
    }
    (void)ignored;
    port_close_quiet(v->port, &t->file);
    al_free(t);
    return NULL;
}
