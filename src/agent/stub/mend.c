/* mend.c: what a person may ask for about a stub that does not fit its file. Nothing here overwrites or
 * frees a byte: a frame is touched only while it holds none, and a marker goes only where no hole would
 * read as zeros. */
#include "agent/stub/stub_priv.h"

#include <string.h>

struct mending {
    struct stub_volume *v;
    struct port_holder file;
    struct stub_fill claim;
    struct marker m;
    enum marker_verdict verdict;
    bool leased;
};

static void
mending_end(struct mending *d)
{
    int rc = d->leased ? port_lease_drop(d->v->port, d->file.file) : AL_OK;

    (void)rc; /* it ends with the file, too */
    stub_fill_unclaim(&d->claim);
    port_holder_end(&d->file);
}

/* The file, open, with nobody filling it, and what it is then. */
static int
mending_begin(struct mending *d, struct stub_volume *v, const struct port_handle *h,
              struct al_fail *fail)
{
    int rc;

    d->v = v;
    d->file.port = v->port;
    d->claim.v = v;
    al_list_init(&d->claim.in_volume);
    rc = port_open_handle(v->port, stub_volume_inside(v), h, PORT_READ | PORT_WRITE | PORT_NOATIME,
                          &d->file.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot open the file by its handle");
    }
    rc = stub_facts_read(v, d->file.file, &d->claim.facts, fail);
    if (rc == AL_OK) {
        rc = stub_fill_claim(&d->claim);
    }
    return rc != AL_OK ? rc
                       : stub_examine(v, d->file.file, &d->m, &d->verdict, &d->claim.facts, fail);
}

static int
is_empty(const struct mending *d, uint64_t size, struct al_fail *fail)
{
    bool has = false;
    int rc = port_has_data(d->v->port, d->file.file, size, &has);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(d->v->port), "cannot look for data in the file");
    }
    return has ? al_fail_set(fail, AL_ECONFLICT, 0, "the file holds bytes of its own") : AL_OK;
}

/* From now on nobody has the file open but us, and who wants to waits: what was looked at stays so. */
static int
be_alone(struct mending *d, struct al_fail *fail)
{
    int rc = port_lease_take(d->v->port, d->file.file);

    if (rc == AL_EBUSY) { /* whoever looks the name up right now counts for a moment */
        port_sleep_ns(d->v->port, LOOKUP_NS);
        rc = port_lease_take(d->v->port, d->file.file);
    }
    d->leased = rc == AL_OK;
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(d->v->port), "%s",
                                     rc == AL_EBUSY ? "somebody has the file open"
                                                    : "cannot take a lease on the file");
}

static int
is_frame_of(const struct mending *d, const uint8_t object[16], struct al_fail *fail)
{
    const struct stub_facts *f = &d->claim.facts;

    if (d->verdict != MARKER_V_CHANGED || memcmp(d->m.object, object, 16) != 0 ||
        (d->m.state != MARKER_STUB && d->m.state != MARKER_FILLING)) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the file's marker is %s, not one to mend",
                           marker_verdict_name(d->verdict));
    }
    if (d->m.ino != f->st.ino || d->m.generation != f->generation) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the marker was made for another file");
    }
    return is_empty(d, f->st.size > d->m.size ? f->st.size : d->m.size, fail);
}

int
stub_restub(struct stub_volume *v, const struct port_handle *h, const char *object_id,
            struct al_fail *fail)
{
    AL_CLEANUP(mending_end) struct mending d = {0};
    struct stub_keep keep;
    uint8_t object[16];
    int rc = mending_begin(&d, v, h, fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (marker_object_from_id(object_id, object) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "not an object id");
    }
    if (d.verdict == MARKER_V_STUB && memcmp(d.m.object, object, sizeof(object)) == 0) {
        return AL_OK;
    }
    rc = be_alone(&d, fail);
    rc = rc != AL_OK ? rc : stub_facts_read(v, d.file.file, &d.claim.facts, fail);
    rc = rc != AL_OK ? rc : stub_examine(v, d.file.file, &d.m, &d.verdict, &d.claim.facts, fail);
    rc = rc != AL_OK ? rc : is_frame_of(&d, object, fail);
    rc = rc != AL_OK ? rc : stub_keep_read(v, d.file.file, &d.claim.facts.st, &keep, fail);
    if (rc != AL_OK) {
        return rc;
    }
    keep.mtime_ns = d.m.mtime_ns;
    keep.left_ns = d.claim.facts.st.mtime_ns;
    stub_keep_begin(v, &keep);
    /* The marker stays as it is: whatever ends this, it fits the file or it does not. */
    if (d.claim.facts.st.size != d.m.size) {
        rc = port_truncate(v->port, d.file.file, d.m.size);
        if (rc != AL_OK) {
            return al_fail_set(fail, rc, port_os_error(v->port), "cannot give the file its length");
        }
    }
    rc = stub_keep_restore(v, d.file.file, &keep, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_sync(v->port, d.file.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the stub durable");
    }
    rc = stub_examine(v, d.file.file, &d.m, &d.verdict, NULL, fail);
    if (rc == AL_OK && d.verdict != MARKER_V_STUB && d.verdict != MARKER_V_FILLING) {
        rc = al_fail_set(fail, AL_ECHANGED, 0, "the file was changed meanwhile: its marker is %s",
                         marker_verdict_name(d.verdict));
    }
    return rc;
}

int
stub_keep_data(struct stub_volume *v, const struct port_handle *h, struct al_fail *fail)
{
    AL_CLEANUP(mending_end) struct mending d = {0};
    uint64_t hole = 0;
    int rc = mending_begin(&d, v, h, fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (d.verdict != MARKER_V_DATA && d.verdict != MARKER_V_FORGED) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the file's marker is %s, so it stays",
                           marker_verdict_name(d.verdict));
    }
    rc = d.claim.facts.st.size > 0 ? port_next_hole(v->port, d.file.file, 0, &hole) : AL_ENODATA;
    if (rc != AL_OK) {
        return al_fail_set(fail, rc == AL_ENODATA ? AL_ECONFLICT : rc, port_os_error(v->port),
                           "cannot look for holes in the file");
    }
    if (hole < d.claim.facts.st.size) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "the file has holes, which would read as zeros: its marker stays");
    }
    rc = port_xattr_del(v->port, d.file.file, MARKER_XATTR);
    rc = rc == AL_ENODATA ? AL_OK : rc;
    rc = rc != AL_OK ? rc : port_sync(v->port, d.file.file);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(v->port), "cannot remove the marker");
}
