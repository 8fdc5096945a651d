/* fill.c: recall's half: what a file is, filling it, and the decisions of the marker table that
 * change it. */
#include "agent/stub/stub_priv.h"

#include <string.h>

#include "base/mem.h"

#define EXAMINE_TRIES 8u /* of a file that others fill and tier meanwhile */

/* *ret_decoded false: no marker of ours, *ret as it was. */
static int
marker_read(struct stub_volume *v, struct port_file *f, struct marker *ret, bool *ret_decoded,
            bool *ret_authentic, bool *ret_empty, struct al_fail *fail)
{
    uint8_t bytes[MARKER_BYTES];
    size_t len;
    int rc;

    *ret_decoded = false;
    *ret_authentic = false;
    *ret_empty = false;
    rc = port_xattr_get(v->port, f, MARKER_XATTR, bytes, sizeof(bytes), &len);
    if (rc == AL_ENODATA) {
        return rc;
    }
    if (rc == AL_ELIMIT) {
        return AL_OK; /* longer than a marker: not decodable */
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot read the marker");
    }
    *ret_empty = len == 0;
    rc = marker_decode(bytes, len, &v->key, ret, ret_authentic);
    if (rc == AL_ECORRUPT) {
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "cannot check the marker");
    }
    *ret_decoded = true;
    return AL_OK;
}

static int
examine_once(struct stub_volume *v, struct port_file *f, struct marker *ret,
             enum marker_verdict *ret_verdict, struct stub_facts *ret_facts, struct al_fail *fail)
{
    struct marker_facts seen = {0};
    struct stub_facts facts;
    struct marker m = {0};
    bool decoded, authentic;
    uint64_t data = 0, hole = 0;
    int rc;

    rc = marker_read(v, f, &m, &decoded, &authentic, &seen.empty, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = stub_facts_read(v, f, &facts, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_next_data(v->port, f, 0, &data);
    if (rc != AL_OK && rc != AL_ENODATA) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot look for data in the file");
    }
    seen.has_data = rc == AL_OK && data < facts.st.size;
    seen.has_holes = facts.st.size > 0;
    if (seen.empty && seen.has_data && data == 0) {
        rc = port_next_hole(v->port, f, 0, &hole);
        if (rc != AL_OK && rc != AL_ENOTSUP) {
            return al_fail_set(fail, rc, port_os_error(v->port),
                               "cannot look for holes in the file");
        }
        seen.has_holes = rc != AL_OK || hole < facts.st.size;
    }
    seen.ino = facts.st.ino;
    seen.generation = facts.generation;
    seen.size = facts.st.size;
    seen.mtime_ns = facts.st.mtime_ns;
    *ret_verdict = marker_judge(&m, decoded, authentic, &seen);
    if (*ret_verdict == MARKER_V_CHANGED && seen.size == m.size && !seen.has_data &&
        v->gate != NULL && v->gate->ops->asks_truncates != NULL) {
        seen.no_truncate = v->gate->ops->asks_truncates(v->gate, v->root);
        *ret_verdict = marker_judge(&m, decoded, authentic, &seen);
    }
    if (*ret_verdict == MARKER_V_STUB) {
        m.mtime_ns = seen.mtime_ns; /* the one that was set counts */
    }
    *ret = m;
    if (ret_facts != NULL) {
        *ret_facts = facts;
    }
    return AL_OK;
}

static bool
same_marker(const struct marker *a, const struct marker *b)
{
    return a->state == b->state && a->size == b->size && a->ino == b->ino &&
           a->generation == b->generation && memcmp(a->object, b->object, sizeof(a->object)) == 0;
}

/* The marker is read before the file is looked at. A fill that ends in between lets somebody in, who
 * may write into the file or cut it: what speaks against a file counts only under the same marker. */
static int
examine_open(struct stub_volume *v, struct port_file *f, struct marker *ret,
             enum marker_verdict *ret_verdict, struct stub_facts *ret_facts, struct al_fail *fail)
{
    for (unsigned tries = 0;; tries++) {
        bool decoded = false, authentic = false, empty = false;
        struct marker now = {0};
        int rc = examine_once(v, f, ret, ret_verdict, ret_facts, fail);

        if (rc != AL_OK || tries == EXAMINE_TRIES ||
            (*ret_verdict != MARKER_V_DATA && *ret_verdict != MARKER_V_CHANGED &&
             *ret_verdict != MARKER_V_TRUNCATED)) {
            return rc;
        }
        rc = marker_read(v, f, &now, &decoded, &authentic, &empty, fail);
        if (rc != AL_OK || (decoded && authentic && same_marker(&now, ret))) {
            return rc;
        }
    }
}

static int
open_by_handle(struct stub_volume *v, const struct port_handle *h, uint32_t flags,
               struct port_file **ret, struct al_fail *fail)
{
    int rc;

    rc = port_open_handle(v->port, stub_volume_inside(v), h, flags | PORT_NOATIME, ret);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot open the file by its handle");
    }
    return AL_OK;
}

int
stub_examine(struct stub_volume *v, struct port_file *f, struct marker *ret,
             enum marker_verdict *ret_verdict, struct stub_facts *ret_facts, struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder real = {v->port, NULL};
    struct port_handle handle;
    uint64_t data;
    int rc;

    /* A PORT_PATH descriptor can neither be asked for holes nor for attributes; the file behind it
     * can. */
    rc = port_next_data(v->port, f, 0, &data);
    if (rc == AL_OK || rc == AL_ENODATA) {
        return examine_open(v, f, ret, ret_verdict, ret_facts, fail);
    }
    rc = port_handle_get(v->port, f, &handle);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot get a file handle");
    }
    rc = open_by_handle(v, &handle, PORT_READ, &real.file, fail);
    if (rc != AL_OK) {
        return rc;
    }
    return examine_open(v, real.file, ret, ret_verdict, ret_facts, fail);
}

int
stub_examine_path(struct stub_volume *v, struct al_span path, struct marker *ret,
                  enum marker_verdict *ret_verdict, struct stub_facts *ret_facts,
                  struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *text = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder dir = {v->port, NULL};
    AL_CLEANUP(port_holder_end) struct port_holder file = {v->port, NULL};
    struct port_stat st;
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
    if (rc == AL_OK) {
        rc = port_stat_at(v->port, dir.file, name, &st);
    }
    if (rc == AL_OK && st.type != PORT_T_FILE) {
        return AL_ENODATA; /* only files carry markers; a FIFO must not even be opened */
    }
    if (rc == AL_OK) {
        rc = port_open(v->port, dir.file, name, PORT_READ | PORT_NOATIME, 0, &file.file);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot open the file");
    }
    return examine_open(v, file.file, ret, ret_verdict, ret_facts, fail);
}

/* ---- filling ---- */

static struct stub_fill *
fill_free(struct stub_fill *f)
{
    stub_fill_unclaim(f);
    port_close_quiet(f->v->port, &f->file);
    al_free(f);
    return NULL;
}

static int
fill_prepare(struct stub_fill *f, struct al_fail *fail)
{
    struct stub_volume *v = f->v;
    enum marker_verdict verdict;
    int rc;

    rc = stub_facts_read(v, f->file, &f->facts, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = stub_fill_claim(f);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "this file is being filled already");
    }
    /* Only now that nobody else fills: what was seen before may have changed. */
    rc = examine_open(v, f->file, &f->marker, &verdict, &f->facts, fail);
    if (rc != AL_OK) {
        return rc;
    }
    if (verdict != MARKER_V_STUB && verdict != MARKER_V_FILLING) {
        return al_fail_set(fail, AL_ECHANGED, 0, "the file is no stub to fill: %s",
                           marker_verdict_name(verdict));
    }
    rc = stub_keep_read(v, f->file, &f->facts.st, &f->keep, fail);
    if (rc != AL_OK) {
        return rc;
    }
    /* A fill that was cut left the time of its last write; the marker knows the file's own. */
    f->keep.mtime_ns = f->marker.mtime_ns;
    f->keep.left_ns = f->facts.st.mtime_ns;
    if (f->marker.state != MARKER_FILLING) {
        f->marker.state = MARKER_FILLING;
        rc = stub_marker_write(v, f->file, &f->marker, fail);
    }
    if (rc != AL_OK || f->noted) {
        return rc;
    }
    /* One found "filling" may be so in memory alone, since a noted fill that failed. */
    rc = port_sync(v->port, f->file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the marker durable");
    }
    return AL_OK;
}

int
stub_fill_begin_open(struct stub_volume *v, struct port_file **io_file, bool noted,
                     struct stub_fill **ret, struct marker *ret_marker, struct al_fail *fail)
{
    struct stub_fill *f = al_zalloc(sizeof(*f));
    int rc;

    if (f == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    f->v = v;
    f->file = *io_file;
    f->noted = noted;
    rc = fill_prepare(f, fail);
    if (rc != AL_OK) {
        f->file = NULL; /* stays the caller's */
        f = fill_free(f);
        return rc;
    }
    *io_file = NULL;
    *ret_marker = f->marker;
    *ret = f;
    return AL_OK;
}

int
stub_fill_begin(struct stub_volume *v, const struct port_handle *h, bool noted,
                struct stub_fill **ret, struct marker *ret_marker, struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {v->port, NULL};
    int rc = open_by_handle(v, h, PORT_READ | PORT_WRITE, &file.file, fail);

    return rc != AL_OK ? rc : stub_fill_begin_open(v, &file.file, noted, ret, ret_marker, fail);
}

/* truncate(2) by path opens nothing, so on kernels without pre-content events nobody keeps it from
 * a file that is being filled. */
static int
still_its_length(struct stub_fill *f, struct al_fail *fail)
{
    struct port_stat now;
    int rc;

    rc = port_stat(f->v->port, f->file, &now);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(f->v->port), "cannot stat the file");
    }
    if (now.size != f->marker.size) {
        return al_fail_set(fail, AL_ECHANGED, 0, "the file was cut while it was being filled");
    }
    stub_keep_look(f->v, &f->keep, &now);
    return AL_OK;
}

/* A truncate between that look and a write would leave a hole before what was written, and the
 * length right again. */
static int
filled_everywhere(struct stub_fill *f, struct al_fail *fail)
{
    uint64_t hole;
    int rc;

    if (f->marker.size == 0) {
        return AL_OK;
    }
    rc = port_next_hole(f->v->port, f->file, 0, &hole);
    if (rc == AL_ENOTSUP) {
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(f->v->port),
                           "cannot look for holes in the file");
    }
    if (hole < f->marker.size) {
        return al_fail_set(fail, AL_ECHANGED, 0, "the file was cut while it was being filled");
    }
    return AL_OK;
}

int
stub_fill_write(struct stub_fill *f, const void *bytes, size_t len, uint64_t offset,
                struct al_fail *fail)
{
    int rc;

    if (f->done || offset > f->marker.size || len > f->marker.size - offset) {
        return al_fail_set(fail, AL_EINVAL, 0, "the object is longer than the file was");
    }
    rc = still_its_length(f, fail);
    if (rc != AL_OK) {
        return rc;
    }
    stub_keep_begin(f->v, &f->keep);
    rc = port_pwrite(f->v->port, f->file, bytes, len, offset);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(f->v->port), "cannot write into the file");
    }
    return stub_keep_changed(f->v, f->file, &f->keep, fail);
}

/* The data durable, times and capabilities as found, and a durable marker that says so. */
static int
fill_whole(struct stub_fill *f, enum marker_state state, struct al_fail *fail)
{
    struct stub_volume *v = f->v;
    int rc;

    rc = port_datasync(v->port, f->file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the data durable");
    }
    rc = still_its_length(f, fail);
    if (rc == AL_OK) {
        rc = filled_everywhere(f, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    rc = stub_keep_restore(v, f->file, &f->keep, fail);
    if (rc != AL_OK) {
        return rc;
    }
    f->marker.state = state;
    f->marker.mtime_ns = f->keep.mtime_ns;
    rc = stub_marker_write(v, f->file, &f->marker, fail);
    if (rc != AL_OK) {
        return rc;
    }
    f->whole = true;
    rc = port_sync(v->port, f->file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the marker durable");
    }
    return AL_OK;
}

int
stub_fill_end_untold(struct stub_fill *f, struct al_fail *fail)
{
    int rc = fill_whole(f, MARKER_UNTOLD, fail);

    f->done = rc == AL_OK;
    return rc;
}

int
stub_fill_end(struct stub_fill *f, struct al_fail *fail)
{
    struct stub_volume *v = f->v;
    int rc = fill_whole(f, MARKER_WHOLE, fail);

    if (rc != AL_OK) {
        return rc;
    }
    rc = port_xattr_del(v->port, f->file, MARKER_XATTR);
    if (rc != AL_OK && rc != AL_ENODATA) { /* a mover may have dropped it, durably */
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot remove the marker");
    }
    f->done = true;
    return AL_OK;
}

/* Blocks freed, times put back, marker "stub": for a file whose marker says that the truth is on
 * the share. */
static int
back_to_stub(struct stub_volume *v, struct port_file *file, const struct port_stat *st,
             struct stub_keep *keep, struct marker *m, struct al_fail *fail)
{
    int rc;

    stub_keep_look(v, keep, st);
    rc = stub_empty(v, file, st, keep, fail);
    if (rc == AL_OK) {
        m->state = MARKER_STUB;
        m->mtime_ns = keep->mtime_ns;
        rc = stub_marker_write(v, file, m, fail);
    }
    return rc;
}

static int
still_filling(struct stub_fill *f, bool *ret)
{
    struct marker m = {0};
    bool decoded, authentic, empty;
    int rc = marker_read(f->v, f->file, &m, &decoded, &authentic, &empty, NULL);

    if (rc != AL_OK && rc != AL_ENODATA) {
        return rc;
    }
    *ret = rc == AL_OK && decoded && authentic && m.state == MARKER_FILLING &&
           m.ino == f->marker.ino && m.generation == f->marker.generation &&
           memcmp(m.object, f->marker.object, sizeof(m.object)) == 0;
    return AL_OK;
}

int
stub_fill_undo(struct stub_fill *f)
{
    struct port_stat now;
    bool ours = false;
    int rc;

    if (f == NULL || f->done) {
        return AL_OK;
    }
    f->done = true;
    if (f->whole) {
        return AL_EIO; /* the bytes are there; what the disk says of its marker nobody knows */
    }
    /* Blocks go only while the file still says that they are not its own. */
    rc = still_filling(f, &ours);
    if (rc != AL_OK || !ours) {
        return rc;
    }
    rc = port_stat(f->v->port, f->file, &now);
    if (rc != AL_OK || now.size != f->marker.size) {
        return rc;
    }
    rc = back_to_stub(f->v, f->file, &now, &f->keep, &f->marker, NULL);
    return rc == AL_OK && f->noted ? port_sync(f->v->port, f->file) : rc;
}

struct stub_fill *
stub_fill_abort(struct stub_fill *f)
{
    int rc;

    if (f == NULL) {
        return NULL;
    }
    rc = stub_fill_undo(f);
    (void)rc; /* "filling" is as safe */
    return fill_free(f);
}

/* ---- decisions ---- */

static int
marker_put(struct stub_volume *v, struct port_file *f, const struct marker *m, struct al_fail *fail)
{
    int rc = stub_marker_write(v, f, m, fail);

    if (rc != AL_OK) {
        return rc;
    }
    rc = port_sync(v->port, f);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the marker durable");
    }
    return AL_OK;
}

static void
claim_end(struct stub_fill *claim)
{
    stub_fill_unclaim(claim);
}

int
stub_fill_was_cut(struct stub_volume *v, const struct port_handle *h, const char *object_id,
                  int64_t mtime_ns, struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {v->port, NULL};
    AL_CLEANUP(claim_end) struct stub_fill claim = {.v = v};
    struct marker m;
    enum marker_verdict verdict;
    uint8_t object[16];
    int rc;

    al_list_init(&claim.in_volume);
    if (marker_object_from_id(object_id, object) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "not an object id");
    }
    rc = open_by_handle(v, h, PORT_READ | PORT_WRITE, &file.file, fail);
    if (rc == AL_OK) {
        rc = stub_facts_read(v, file.file, &claim.facts, fail);
    }
    if (rc == AL_OK) {
        rc = stub_fill_claim(&claim); /* looked at below while nobody fills it */
    }
    if (rc == AL_OK) {
        rc = examine_open(v, file.file, &m, &verdict, &claim.facts, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (verdict != MARKER_V_DATA || claim.facts.st.size != m.size ||
        memcmp(m.object, object, sizeof(object)) != 0) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the file's marker is %s, not of a fill",
                           marker_verdict_name(verdict));
    }
    m.state = MARKER_FILLING;
    m.mtime_ns = mtime_ns;
    return marker_put(v, file.file, &m, fail);
}

int
stub_finish(struct stub_volume *v, const struct port_handle *h, const char *object_id,
            struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {v->port, NULL};
    struct stub_facts facts;
    struct stub_keep keep;
    struct marker m;
    enum marker_verdict verdict;
    uint8_t object[16];
    int rc;

    if (marker_object_from_id(object_id, object) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "not an object id");
    }
    rc = open_by_handle(v, h, PORT_READ | PORT_WRITE, &file.file, fail);
    if (rc == AL_OK) {
        rc = examine_open(v, file.file, &m, &verdict, &facts, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (verdict == MARKER_V_STUB && memcmp(m.object, object, sizeof(object)) == 0) {
        return AL_OK;
    }
    if (verdict != MARKER_V_FILLING || memcmp(m.object, object, sizeof(object)) != 0) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the file's marker is %s, not the one to finish",
                           marker_verdict_name(verdict));
    }
    rc = stub_keep_read(v, file.file, &facts.st, &keep, fail);
    if (rc != AL_OK) {
        return rc;
    }
    keep.mtime_ns = m.mtime_ns;
    rc = back_to_stub(v, file.file, &facts.st, &keep, &m, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_sync(v->port, file.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot make the stub durable");
    }
    return AL_OK;
}

int
stub_adopt(struct stub_volume *v, const struct port_handle *h, struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {v->port, NULL};
    struct stub_facts facts;
    struct marker m;
    enum marker_verdict verdict;
    int rc;

    rc = open_by_handle(v, h, PORT_READ | PORT_WRITE, &file.file, fail);
    if (rc == AL_OK) {
        rc = examine_open(v, file.file, &m, &verdict, &facts, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (verdict != MARKER_V_ADOPT) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the file cannot be adopted: its marker is %s",
                           marker_verdict_name(verdict));
    }
    m.ino = facts.st.ino;
    m.generation = facts.generation;
    m.mtime_ns = facts.st.mtime_ns;
    m.state = MARKER_STUB;
    return marker_put(v, file.file, &m, fail);
}

int
stub_drop_marker(struct stub_volume *v, const struct port_handle *h, enum marker_verdict expected,
                 struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {v->port, NULL};
    struct stub_facts facts;
    struct marker m;
    enum marker_verdict verdict;
    int rc;

    /* Only where the file's own bytes are the truth. Anything else would show holes as zeros. */
    if (expected != MARKER_V_COPIED && expected != MARKER_V_TRUNCATED &&
        expected != MARKER_V_WHOLE && expected != MARKER_V_UNTOLD) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "a marker that is %s is never dropped",
                           marker_verdict_name(expected));
    }
    rc = open_by_handle(v, h, PORT_READ, &file.file, fail);
    if (rc == AL_OK) {
        rc = examine_open(v, file.file, &m, &verdict, &facts, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (verdict != expected) {
        return al_fail_set(fail, AL_ECHANGED, 0, "the marker is %s now",
                           marker_verdict_name(verdict));
    }
    rc = port_xattr_del(v->port, file.file, MARKER_XATTR);
    if (rc == AL_OK || rc == AL_ENODATA) {
        rc = port_sync(v->port, file.file);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(v->port), "cannot remove the marker");
    }
    return AL_OK;
}
