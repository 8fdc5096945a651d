/* common.c: what taking and filling share. */
#include "agent/stub/stub_priv.h"

#include <string.h>

#define SECOND_NS 1000000000
#define TICK_NS 10000000
/* bytes; no smaller than any page. What ends within a page is zeroed in place, which is seen by
 * whoever still has that page: in a pipe or a socket, from a file that is closed by now. */
#define PUNCH_ALIGN 65536u

const char *
stub_refusal_name(enum stub_refusal r)
{
    static const char *const names[] = {
#define STUB_R_TEXT(name, text) [name] = text,
        STUB_REFUSALS(STUB_R_TEXT)
#undef STUB_R_TEXT
    };

    return (size_t)r < AL_LEN(names) ? names[r] : "unknown";
}

static bool
is_far(int64_t ns)
{
    return ns == PORT_TIME_FAR || ns == -PORT_TIME_FAR;
}

enum stub_refusal
stub_refusal_by_stat(const struct port_stat *st, uint64_t dev, uint32_t but)
{
    static const struct {
        uint32_t attr;
        enum stub_refusal refusal;
    } by_attr[] = {
        {PORT_A_IMMUTABLE, STUB_R_IMMUTABLE},
        {PORT_A_APPEND, STUB_R_APPEND_ONLY},
        {PORT_A_VERITY, STUB_R_VERITY},
        {PORT_A_ENCRYPTED, STUB_R_ENCRYPTED},
        {PORT_A_DAX, STUB_R_DAX},
        {PORT_A_REPARSE, STUB_R_UNSUPPORTED},
    };

    if (st->type != PORT_T_FILE) {
        return STUB_R_NOT_FILE;
    }
    if (st->dev != dev) {
        return STUB_R_OTHER_FS;
    }
    for (size_t i = 0; i < AL_LEN(by_attr); i++) {
        if ((st->attrs & ~but & by_attr[i].attr) != 0) {
            return by_attr[i].refusal;
        }
    }
    if (st->nlink > 1) {
        return STUB_R_HARD_LINKED;
    }
    return is_far(st->atime_ns) || is_far(st->mtime_ns) ? STUB_R_TIME : STUB_R_NONE;
}

enum stub_refusal
stub_refusal_by_code(int rc)
{
    switch (rc) {
    case AL_ENOENT:
    case AL_ENOTDIR:
    case AL_ESTALE:
        return STUB_R_GONE;
    case AL_ELOOP:
    case AL_EISDIR:
        return STUB_R_NOT_FILE;
    case AL_EBUSY:
        return STUB_R_OPEN;
    case AL_EACCES:
    case AL_EPERM:
        return STUB_R_UNREADABLE;
    default:
        return STUB_R_NONE;
    }
}

int
stub_facts_read(struct stub_volume *v, struct port_file *f, struct stub_facts *ret,
                struct al_fail *fail)
{
    struct stub_facts facts = {0};
    int rc;

    rc = port_stat(v->port, f, &facts.st);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot stat the file");
    }
    rc = port_generation(v->port, f, &facts.generation);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot read the inode's generation");
    }
    rc = port_handle_get(v->port, f, &facts.handle);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot get a file handle");
    }
    *ret = facts;
    return AL_OK;
}

int
stub_keep_read(struct stub_volume *v, struct port_file *f, const struct port_stat *st,
               struct stub_keep *ret, struct al_fail *fail)
{
    struct stub_keep keep = {
        .mtime_ns = st->mtime_ns, .left_ns = st->mtime_ns, .atime_ns = st->atime_ns};
    int rc;

    rc = port_xattr_get(v->port, f, STUB_CAPABILITY_XATTR, keep.capability, sizeof(keep.capability),
                        &keep.capability_len);
    if (rc == AL_ENODATA || rc == AL_ENOTSUP) {
        keep.capability_len = 0;
    } else if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot read the file's capabilities");
    }
    *ret = keep;
    return AL_OK;
}

/* A change sets both times to the same. Where another attribute was changed since, the clock tells:
 * what filesystems stamp lags behind it by a tick, or by a second where they keep no parts. */
static bool
is_of_change(const struct port_stat *st, int64_t since_ns, int64_t until_ns)
{
    int64_t lag = st->mtime_ns % SECOND_NS == 0 ? SECOND_NS : TICK_NS;

    return st->mtime_ns == st->ctime_ns ||
           (st->mtime_ns >= since_ns - lag && st->mtime_ns <= until_ns);
}

void
stub_keep_look(struct stub_volume *v, struct stub_keep *keep, const struct port_stat *now)
{
    if (now->mtime_ns != keep->left_ns) {
        bool ours = keep->since_ns != 0 && is_of_change(now, keep->since_ns, port_now_ns(v->port));

        keep->mtime_ns = ours ? keep->mtime_ns : now->mtime_ns;
        keep->left_ns = now->mtime_ns;
    }
    keep->atime_ns = now->atime_ns;
    keep->since_ns = 0;
}

void
stub_keep_begin(struct stub_volume *v, struct stub_keep *keep)
{
    keep->since_ns = port_now_ns(v->port);
}

int
stub_keep_changed(struct stub_volume *v, struct port_file *f, struct stub_keep *keep,
                  struct al_fail *fail)
{
    struct port_stat now;
    int rc;

    rc = port_stat(v->port, f, &now);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot stat the file");
    }
    stub_keep_look(v, keep, &now);
    return AL_OK;
}

int
stub_keep_restore(struct stub_volume *v, struct port_file *f, struct stub_keep *keep,
                  struct al_fail *fail)
{
    int rc;

    rc = stub_keep_changed(v, f, keep, fail);
    if (rc == AL_OK && keep->capability_len > 0) {
        rc = port_xattr_set(v->port, f, STUB_CAPABILITY_XATTR, keep->capability,
                            keep->capability_len);
        if (rc != AL_OK) {
            return al_fail_set(fail, rc, port_os_error(v->port),
                               "cannot restore the file's capabilities");
        }
        rc = stub_keep_changed(v, f, keep, fail);
    }
    if (rc != AL_OK || keep->mtime_ns == keep->left_ns) {
        return rc;
    }
    /* Both, though one has not changed: who watches a folder is told of a modification time that is
     * set alone as of a write, and an indexer would open the stub at once. */
    rc = port_set_times(v->port, f, is_far(keep->atime_ns) ? PORT_TIME_OMIT : keep->atime_ns,
                        keep->mtime_ns);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot restore the file's times");
    }
    keep->left_ns = keep->mtime_ns;
    return AL_OK;
}

int
stub_marker_write(struct stub_volume *v, struct port_file *f, const struct marker *m,
                  struct al_fail *fail)
{
    uint8_t bytes[MARKER_BYTES];
    int rc;

    rc = marker_encode(m, &v->key, bytes);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "cannot make the marker");
    }
    rc = port_xattr_set(v->port, f, MARKER_XATTR, bytes, sizeof(bytes));
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot write the marker");
    }
    return AL_OK;
}

int
stub_empty(struct stub_volume *v, struct port_file *f, const struct port_stat *st,
           struct stub_keep *io_keep, struct al_fail *fail)
{
    uint64_t len = (st->size + PUNCH_ALIGN - 1) / PUNCH_ALIGN * PUNCH_ALIGN;
    bool has = true;
    int rc;

    stub_keep_begin(v, io_keep);
    rc = port_punch(v->port, f, 0, len);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot free the file's blocks");
    }
    rc = stub_keep_restore(v, f, io_keep, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_has_data(v->port, f, st->size, &has);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot look for data in the file");
    }
    return has ? al_fail_set(fail, AL_EIO, 0, "the filesystem kept blocks that were to be freed")
               : AL_OK;
}

int
stub_fill_claim(struct stub_fill *f)
{
    struct stub_volume *v = f->v;
    struct al_list *at;
    int rc = AL_OK;

    f->claimed_ino = f->facts.st.ino;
    f->claimed_generation = f->facts.generation;
    port_mutex_lock(&v->fills_lock);
    for (at = v->fills.next; at != &v->fills; at = at->next) {
        const struct stub_fill *other = AL_LIST_ITEM(at, struct stub_fill, in_volume);

        if (other->claimed_ino == f->claimed_ino &&
            other->claimed_generation == f->claimed_generation) {
            rc = AL_EBUSY;
            break;
        }
    }
    if (rc == AL_OK) {
        al_list_push(&v->fills, &f->in_volume);
    }
    port_mutex_unlock(&v->fills_lock);
    return rc;
}

void
stub_fill_unclaim(struct stub_fill *f)
{
    port_mutex_lock(&f->v->fills_lock);
    if (f->in_volume.next != NULL) {
        al_list_drop(&f->in_volume);
    }
    port_mutex_unlock(&f->v->fills_lock);
}
