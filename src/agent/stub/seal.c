/* seal.c: step 4 of tiering: nobody in between, marker, blocks freed.
 *
 * The marker is written in state "filling" first: from then on it says that the truth is on the
 * share and that the blocks here may be whole, partly gone or gone. So a crash at any instruction
 * in between leaves a file that a recall fills again. It becomes "stub" in the same sync as the
 * freeing of the blocks, behind it in the filesystem's journal. */
#include "agent/stub/stub_priv.h"

#include <string.h>

static bool
same_file(const struct port_stat *a, const struct port_stat *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ino == b->ino &&
           a->dev == b->dev && a->nlink == b->nlink;
}

int
stub_seal_hold(struct stub_take *t, enum stub_refusal *ret_refusal, struct al_fail *fail)
{
    struct stub_volume *v = t->v;
    uint32_t passed = 0;
    int rc;

    *ret_refusal = STUB_R_NONE;
    if (v->gate != NULL) {
        rc = v->gate->ops->hold(v->gate, t->dev, t->ino, &passed);
        if (rc == AL_EUNREACH || rc == AL_ETIMEDOUT || rc == AL_ENOENT) {
            *ret_refusal = STUB_R_NO_GATE;
            return AL_OK;
        }
        if (rc != AL_OK) {
            return al_fail_set(fail, rc, 0, "alto-gate does not hold this file");
        }
    }
    if (passed > 0 || stub_take_wanted(t)) {
        *ret_refusal = STUB_R_OPEN;
    }
    return AL_OK;
}

int
stub_seal_mark(struct stub_take *t, const char *object_id, const char *ext, uint32_t content,
               enum stub_refusal *ret_refusal, struct al_fail *fail)
{
    struct stub_volume *v = t->v;
    struct marker m = {.state = MARKER_FILLING, .content = content, .share_tag = v->share_tag};
    struct port_stat now;
    size_t ext_len = strnlen(ext, sizeof(m.ext));
    int rc;

    if (ext_len >= sizeof(m.ext) || marker_object_from_id(object_id, m.object) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "not an object id or extension");
    }
    memcpy(m.ext, ext, ext_len);
    rc = port_stat(v->port, t->file, &now);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot stat the file");
    }
    *ret_refusal = STUB_R_NONE;
    if (!same_file(&now, &t->facts.st) || now.ctime_ns != t->facts.st.ctime_ns) {
        *ret_refusal = STUB_R_CHANGED;
        return AL_OK;
    }
    if (stub_take_wanted(t)) {
        *ret_refusal = STUB_R_OPEN;
        return AL_OK;
    }
    m.ino = now.ino;
    m.generation = t->facts.generation;
    m.size = now.size;
    m.mtime_ns = now.mtime_ns;
    rc = stub_marker_write(v, t->file, &m, fail);
    if (rc == AL_ENOSPC || rc == AL_ELIMIT) {
        /* The attributes of one file have less room than a filesystem. */
        *ret_refusal = STUB_R_ATTRS_TOO_LARGE;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return rc;
    }
    t->marked = true;
    t->marker = m;
    rc = port_sync(v->port, t->file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the marker durable");
    }
    return AL_OK;
}

/* Everything that could forbid freeing the blocks, asked at the last moment: somebody who got at
 * the file after the first lease makes the second one fail (measured: EAGAIN), and whoever comes
 * later finds the marker. */
static int
seal_last_look(struct stub_take *t, enum stub_refusal *ret_refusal, struct al_fail *fail)
{
    struct stub_volume *v = t->v;
    struct port_stat now;
    int rc;

    rc = port_lease_take(v->port, t->file);
    if (rc == AL_EBUSY) {
        *ret_refusal = STUB_R_OPEN;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot take the lease again");
    }
    /* Were the gate gone and back since the first hold, somebody could have passed uncounted, and
     * left an ignore mark: the guard must still be there. From the marker on nobody passes. */
    rc = stub_seal_hold(t, ret_refusal, fail);
    if (rc != AL_OK || *ret_refusal != STUB_R_NONE) {
        return rc;
    }
    rc = port_stat(v->port, t->file, &now);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot stat the file");
    }
    if (!same_file(&now, &t->facts.st)) {
        *ret_refusal = STUB_R_CHANGED;
    }
    return AL_OK;
}

int
stub_seal_punch(struct stub_take *t, enum stub_refusal *ret_refusal, uint64_t *ret_freed,
                struct al_fail *fail)
{
    struct stub_volume *v = t->v;
    struct port_stat after;
    enum stub_refusal refusal = STUB_R_NONE;
    int rc;

    if (!t->marked || t->done) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the file was not marked");
    }
    rc = seal_last_look(t, &refusal, fail);
    if (rc != AL_OK || refusal != STUB_R_NONE) {
        if (rc == AL_OK) {
            *ret_refusal = refusal;
        }
        return rc;
    }
    t->punching = true;
    rc = stub_empty(v, t->file, &t->facts.st, &t->keep, fail);
    if (rc == AL_OK) {
        t->marker.state = MARKER_STUB;
        t->marker.mtime_ns = t->keep.mtime_ns;
        rc = stub_marker_write(v, t->file, &t->marker, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_sync(v->port, t->file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the stub durable");
    }
    t->done = true;
    rc = port_stat(v->port, t->file, &after);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot stat the stub");
    }
    *ret_refusal = STUB_R_NONE;
    *ret_freed =
        t->facts.st.allocated > after.allocated ? t->facts.st.allocated - after.allocated : 0;
    return AL_OK;
}

int
stub_unmark(struct stub_take *t, struct al_fail *fail)
{
    struct stub_volume *v = t->v;
    int rc;

    if (t->punching) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "blocks were freed already: finish the stub");
    }
    if (!t->marked) {
        return AL_OK;
    }
    rc = port_xattr_del(v->port, t->file, MARKER_XATTR);
    if (rc != AL_OK && rc != AL_ENODATA) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot remove the marker");
    }
    t->marked = false;
    rc = port_sync(v->port, t->file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the removal durable");
    }
    return AL_OK;
}
