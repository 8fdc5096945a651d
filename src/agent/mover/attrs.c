/* attrs.c: everything about a file that its stub cannot be trusted to keep, gathered under the
 * lease, so that it is of one moment. */
#include <string.h>

#include "agent/mover/dress.h"
#include "agent/mover/mover_priv.h"
#include "agent/stub/marker.h"
#include "base/mem.h"

struct attrs {
    struct al_buf names;  /* NUL-terminated, one after the other */
    struct al_buf made;   /* likewise, of names that are made here */
    struct al_buf values; /* one after the other; spans are made when it grows no more */
    struct manifest_xattr *at;
    size_t *lens;
    size_t count;
    char owner[PORT_NAME_MAX], group[PORT_NAME_MAX];
    struct manifest_record record; /* of all the above */
};

struct attrs *
mover_attrs_free(struct attrs *a)
{
    if (a != NULL) {
        al_buf_free(&a->names);
        al_buf_free(&a->made);
        al_buf_free(&a->values);
        al_free(a->at);
        al_free(a->lens);
        al_free(a);
    }
    return NULL;
}

const struct manifest_record *
mover_record(const struct mover *m)
{
    return &m->attrs->record;
}

/* One attribute; gone since it was listed is no error. AL_ELIMIT when it does not fit. */
static int
read_one(struct mover *m, struct attrs *a, const char *name)
{
    struct port *port = m->env->port;
    static const size_t rooms[] = {256, 4096, MOVER_XATTR_VALUE_MAX}; /* most values are short */
    size_t len = 0;
    int rc = AL_ELIMIT;

    if (a->count == MOVER_XATTRS_MAX) {
        return AL_ELIMIT;
    }
    for (size_t k = 0; rc == AL_ELIMIT && k < AL_LEN(rooms); k++) {
        rc = al_buf_reserve(&a->values, rooms[k]);
        if (rc != AL_OK) {
            return rc;
        }
        rc = port_xattr_get(port, m->source, name, a->values.at + a->values.len, rooms[k], &len);
    }
    if (rc == AL_ENODATA) {
        return AL_OK;
    }
    if (rc != AL_OK) {
        return rc;
    }
    a->values.len += len;
    a->at[a->count].name = al_span_of(name);
    a->lens[a->count++] = len;
    return AL_OK;
}

static int
read_xattrs(struct mover *m, struct attrs *a)
{
    const char *name;
    int rc = port_xattr_list(m->env->port, m->source, &a->names);

    if (rc == AL_ENOTSUP) {
        return AL_OK;
    }
    for (size_t k = 0; rc == AL_OK && k < a->names.len; k += strlen(name) + 1) {
        name = (const char *)a->names.at + k;
        if (strncmp(name, MARKER_XATTR, sizeof(MARKER_XATTR) - 1) != 0) {
            rc = read_one(m, a, name);
        }
    }
    return rc;
}

/* What was appended to the values since `before`, under this name. */
static int
keep_value(struct attrs *a, const char *name, size_t before)
{
    if (a->count == MOVER_XATTRS_MAX) {
        return AL_ELIMIT;
    }
    a->at[a->count].name = al_span_of(name);
    a->lens[a->count++] = a->values.len - before;
    return AL_OK;
}

static int
read_rights(struct mover *m, struct attrs *a)
{
    char words[KEPT_ATTRS_TEXT_MAX];
    size_t before = a->values.len;
    int rc = port_security_get(m->env->port, m->source, &a->values);

    if (rc == AL_ENOTSUP) {
        return AL_OK;
    }
    rc = rc == AL_OK ? keep_value(a, KEPT_NTFS_SECURITY, before) : rc;
    kept_attrs_text(m->facts.st.attrs, words);
    if (rc == AL_OK && words[0] != '\0') {
        before = a->values.len;
        rc = al_buf_adds(&a->values, words);
        rc = rc == AL_OK ? keep_value(a, KEPT_NTFS_ATTRIBUTES, before) : rc;
    }
    return rc;
}

static int
read_stream(struct mover *m, struct attrs *a, const char *name)
{
    struct port *p = m->env->port;
    struct port_file *f = NULL;
    size_t got = 0, before = a->values.len;
    int rc = al_buf_reserve(&a->values, MOVER_XATTR_VALUE_MAX + 1);

    rc = rc != AL_OK
             ? rc
             : port_stream_open(p, m->source, name + sizeof(KEPT_NTFS_STREAM) - 1, PORT_READ, &f);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_pread(p, f, a->values.at + before, MOVER_XATTR_VALUE_MAX + 1, 0, &got);
    port_close_quiet(p, &f);
    if (rc == AL_OK && got > MOVER_XATTR_VALUE_MAX) {
        rc = AL_ELIMIT;
    }
    a->values.len += rc == AL_OK ? got : 0;
    return rc == AL_OK ? keep_value(a, name, before) : rc;
}

static int
read_streams(struct mover *m, struct attrs *a)
{
    struct dress_names n = {0};
    const char *name;
    int rc = dress_streams(m->env->port, m->source, &n);

    if (rc != AL_OK) {
        return rc;
    }
    name = (const char *)n.names.at;
    for (unsigned i = 0; rc == AL_OK && i < n.count; i++, name += strlen(name) + 1) {
        rc = al_buf_adds(&a->made, KEPT_NTFS_STREAM);
        rc = rc == AL_OK ? al_buf_add(&a->made, name, strlen(name) + 1) : rc;
    }
    dress_names_free(&n);
    for (size_t k = 0; rc == AL_OK && k < a->made.len; k += strlen(name) + 1) {
        name = (const char *)a->made.at + k;
        rc = read_stream(m, a, name);
    }
    return rc;
}

static int
read_all(struct mover *m, struct attrs *a)
{
    int rc;

    al_buf_init(&a->names, 1u << 20);
    al_buf_init(&a->made, 1u << 20);
    al_buf_init(&a->values, MOVER_XATTR_BYTES_MAX + MOVER_XATTR_VALUE_MAX + 1);
    a->at = al_array(MOVER_XATTRS_MAX, sizeof(*a->at));
    a->lens = al_array(MOVER_XATTRS_MAX, sizeof(*a->lens));
    rc = a->at != NULL && a->lens != NULL ? read_xattrs(m, a) : AL_ENOMEM;
    rc = rc != AL_OK ? rc : read_rights(m, a);
    rc = rc != AL_OK ? rc : read_streams(m, a);
    if (rc == AL_OK && a->values.len > MOVER_XATTR_BYTES_MAX) {
        rc = AL_ELIMIT;
    }
    for (size_t k = 0, at = 0; rc == AL_OK && k < a->count; at += a->lens[k++]) {
        a->at[k].value = (struct al_span){a->values.at + at, a->lens[k]};
    }
    return rc;
}

static void
fill_record(const struct mover *m, struct attrs *a)
{
    const struct port_stat *st = &m->facts.st;
    struct manifest_record *r = &a->record;

    r->object_id = m->result.object_id;
    r->object_name = m->object_name;
    r->host_id = m->env->host_id;
    r->volume_id = m->item.volume->volume_id;
    r->path = m->item.path;
    r->size = st->size;
    r->atime_ns = st->atime_ns;
    r->mtime_ns = st->mtime_ns;
    r->ctime_ns = st->ctime_ns;
    r->btime_ns = st->btime_ns;
    r->mode = st->mode;
    r->uid = st->uid;
    r->gid = st->gid;
    if (m->names != NULL) {
        r->owner = port_names_user(m->names, st->uid, a->owner) ? a->owner : NULL;
        r->group = port_names_group(m->names, st->gid, a->group) ? a->group : NULL;
    }
    r->xxh = m->hash;
    memcpy(r->sha256, m->sha256, sizeof(r->sha256));
    r->xattrs = a->at;
    r->xattr_count = a->count;
    r->tiered_ns = port_now_ns(m->env->port);
}

int
mover_write_manifest(struct mover *m, enum stub_refusal *refusal)
{
    struct attrs *a;
    int rc;

    m->attrs = mover_attrs_free(m->attrs);
    m->attrs = a = al_zalloc(sizeof(*a));
    rc = a != NULL ? read_all(m, a) : AL_ENOMEM;
    if (rc == AL_ELIMIT) {
        *refusal = STUB_R_ATTRS_TOO_LARGE;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "the file's extended attributes cannot be read");
    }
    fill_record(m, a);
    if (m->env->stamps != NULL) {
        rc = stamps_next(m->env->stamps, &a->record.tiered_ns, &m->result.fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    rc = manifest_commit(m->item.volume->manifests, &a->record, &m->result.fail);
    if (rc == AL_ELIMIT) {
        *refusal = STUB_R_ATTRS_TOO_LARGE;
        return AL_OK;
    }
    return rc;
}
