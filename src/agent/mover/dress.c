#include "agent/mover/dress.h"

#include <string.h>

#include "agent/stub/marker.h"
#include "base/mem.h"

#define NAMES_MAX (1u << 20)

static int
failed(struct port *p, int rc, struct al_fail *fail, const char *what)
{
    return al_fail_set(fail, rc, port_os_error(p), "%s", what);
}

static int
have(int rc) /* what the system does not have does not count */
{
    return rc == AL_ENOTSUP ? AL_OK : rc;
}

/* ---- streams ---- */

static int
add_name(void *ctx, const char *name, uint64_t size)
{
    struct dress_names *n = ctx;

    if (++n->count > DRESS_STREAMS_MAX) {
        return AL_ELIMIT;
    }
    n->bytes += size;
    return al_buf_add(&n->names, name, strlen(name) + 1);
}

int
dress_streams(struct port *p, struct port_file *f, struct dress_names *ret)
{
    struct dress_names n = {0};
    int rc;

    al_buf_init(&n.names, DRESS_NAMES_MAX);
    rc = have(port_stream_list(p, f, add_name, &n));
    if (rc != AL_OK) {
        dress_names_free(&n);
        return rc;
    }
    *ret = n;
    return AL_OK;
}

void
dress_names_free(struct dress_names *n)
{
    al_buf_free(&n->names);
}

typedef int (*with_pair)(struct port *p, struct port_file *a, struct port_file *b, uint8_t *room);

static int
copy_bytes(struct port *p, struct port_file *a, struct port_file *b, uint8_t *room)
{
    size_t got = DRESS_STREAM_CHUNK;
    int rc = AL_OK;

    for (uint64_t at = 0; rc == AL_OK && got == DRESS_STREAM_CHUNK; at += got) {
        rc = port_pread(p, a, room, DRESS_STREAM_CHUNK, at, &got);
        rc = rc != AL_OK || got == 0 ? rc : port_pwrite(p, b, room, got, at);
    }
    return rc != AL_OK ? rc : port_sync(p, b); /* each stream by itself */
}

static int
same_bytes(struct port *p, struct port_file *a, struct port_file *b, uint8_t *room)
{
    size_t got = DRESS_STREAM_CHUNK, other;
    int rc = AL_OK;

    for (uint64_t at = 0; rc == AL_OK && got == DRESS_STREAM_CHUNK; at += got) {
        rc = port_pread(p, a, room, DRESS_STREAM_CHUNK, at, &got);
        rc = rc != AL_OK
                 ? rc
                 : port_pread(p, b, room + DRESS_STREAM_CHUNK, DRESS_STREAM_CHUNK, at, &other);
        if (rc == AL_OK && (other != got || memcmp(room, room + DRESS_STREAM_CHUNK, got) != 0)) {
            rc = AL_EPERM;
        }
    }
    return rc;
}

static int
each_stream(struct port *p, struct port_file *a, struct port_file *b, const struct dress_names *n,
            uint32_t flags_b, with_pair what)
{
    AL_CLEANUP(al_freep) uint8_t *room = n->count > 0 ? al_alloc(2 * DRESS_STREAM_CHUNK) : NULL;
    const char *name = (const char *)n->names.at;
    int rc = n->count > 0 && room == NULL ? AL_ENOMEM : AL_OK;

    for (unsigned i = 0; rc == AL_OK && i < n->count; i++, name += strlen(name) + 1) {
        struct port_file *from = NULL, *to = NULL;
        int closed;

        rc = port_stream_open(p, a, name, PORT_READ, &from);
        rc = rc != AL_OK ? rc : port_stream_open(p, b, name, flags_b, &to);
        rc = rc != AL_OK ? rc : what(p, from, to, room);
        if (from != NULL) {
            port_close_quiet(p, &from);
        }
        closed = to != NULL ? port_close(p, to) : AL_OK;
        rc = rc != AL_OK ? rc : closed;
    }
    return rc;
}

static int
copy_streams(struct port *p, struct port_file *from, struct port_file *to)
{
    struct dress_names n = {0};
    int rc = dress_streams(p, from, &n);

    if (rc == AL_OK) {
        rc = each_stream(p, from, to, &n, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC,
                         copy_bytes);
        dress_names_free(&n);
    }
    return rc;
}

/* In the order of the listing, whatever that is: names that are missing or too many are found by
 * their number. */
static int
same_streams(struct port *p, struct port_file *a, struct port_file *b)
{
    struct dress_names n = {0}, m = {0};
    int rc = dress_streams(p, a, &n);

    if (rc != AL_OK) {
        return rc;
    }
    rc = dress_streams(p, b, &m);
    if (rc == AL_OK) {
        rc = n.count == m.count && n.bytes == m.bytes ? AL_OK : AL_EPERM;
        dress_names_free(&m);
    }
    rc = rc != AL_OK ? rc : each_stream(p, a, b, &n, PORT_READ, same_bytes);
    dress_names_free(&n);
    return rc == AL_ENOENT ? AL_EPERM : rc;
}

/* ---- owner, mode and extended attributes, as Linux has them ---- */

/* Marks of Alto's stubs mean nothing on another file. */
static bool
is_mark(const char *name)
{
    return strncmp(name, MARKER_XATTR, sizeof(MARKER_XATTR) - 1) == 0;
}

static int
get_xattr(struct port *p, struct port_file *f, const char *name, uint8_t *room, size_t *ret)
{
    *ret = 0;
    return port_xattr_get(p, f, name, room, DRESS_XATTR_VALUE_MAX, ret);
}

/* check: compare, else copy. */
static int
each_xattr(struct port *p, struct port_file *from, struct port_file *to, bool check)
{
    AL_CLEANUP(al_buf_free) struct al_buf names = {0};
    AL_CLEANUP(al_freep) uint8_t *room = NULL;
    size_t len, other;
    int rc;

    al_buf_init(&names, NAMES_MAX);
    rc = have(port_xattr_list(p, from, &names));
    if (rc != AL_OK || names.len == 0) {
        return rc;
    }
    room = al_alloc(2 * DRESS_XATTR_VALUE_MAX);
    rc = room == NULL ? AL_ENOMEM : AL_OK;
    for (size_t k = 0; rc == AL_OK && k < names.len; k += strlen((char *)names.at + k) + 1) {
        const char *name = (const char *)names.at + k;

        if (is_mark(name)) {
            continue;
        }
        rc = get_xattr(p, from, name, room, &len);
        if (rc == AL_OK && !check) {
            rc = port_xattr_set(p, to, name, room, len);
        } else if (rc == AL_OK) {
            rc = get_xattr(p, to, name, room + DRESS_XATTR_VALUE_MAX, &other);
            if (rc == AL_ENODATA ||
                (rc == AL_OK &&
                 (other != len || memcmp(room, room + DRESS_XATTR_VALUE_MAX, len) != 0))) {
                rc = AL_EPERM;
            }
        }
    }
    return rc;
}

/* ---- rights, as Windows has them ---- */

enum { SD_CONTROL = 2, SD_OWNER = 4, SD_GROUP = 8, SD_SACL = 12, SD_DACL = 16, SD_BYTES = 20 };
/* SE_DACL_PRESENT, SE_SACL_PRESENT, SE_DACL_PROTECTED, SE_SACL_PROTECTED */
#define SD_CONTROLS (0x0004u | 0x0010u | 0x1000u | 0x2000u)

/* A part of the descriptor; an empty one where it has none, or none that holds. */
static struct al_span
sd_part(struct al_span sd, size_t at, bool list)
{
    struct al_span part = {0};
    uint32_t offset = al_get_u32(sd.at + at);
    size_t len;

    if (offset == 0 || offset > sd.len || sd.len - offset < 8) {
        return part;
    }
    part.at = sd.at + offset;
    /* ACL: revision, zero, size (2), ...; SID: revision, count of 4 bytes each, authority (6) */
    len = list ? al_get_u16(part.at + 2) : 8u + 4u * part.at[1];
    part.len = len <= sd.len - offset ? len : 0;
    return part;
}

bool
dress_same_rights(struct al_span a, struct al_span b)
{
    static const size_t parts[] = {SD_OWNER, SD_GROUP, SD_SACL, SD_DACL};

    if (al_span_equal(a, b)) {
        return true;
    }
    if (a.len < SD_BYTES || b.len < SD_BYTES ||
        ((al_get_u16(a.at + SD_CONTROL) ^ al_get_u16(b.at + SD_CONTROL)) & SD_CONTROLS) != 0) {
        return false;
    }
    for (size_t i = 0; i < AL_LEN(parts); i++) {
        bool list = parts[i] >= SD_SACL;

        if (!al_span_equal(sd_part(a, parts[i], list), sd_part(b, parts[i], list))) {
            return false;
        }
    }
    return true;
}

static int
get_rights(struct port *p, struct port_file *f, struct al_buf *to)
{
    al_buf_init(to, PORT_SECURITY_MAX);
    return port_security_get(p, f, to);
}

static int
copy_rights(struct port *p, struct port_file *from, struct port_file *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf rights = {0};
    int rc = get_rights(p, from, &rights);

    return rc == AL_OK ? port_security_set(p, to, al_buf_span(&rights)) : have(rc);
}

static int
same_rights(struct port *p, struct port_file *a, struct port_file *b)
{
    AL_CLEANUP(al_buf_free) struct al_buf of_a = {0}, of_b = {0};
    int rc = get_rights(p, a, &of_a);

    if (rc != AL_OK) {
        return have(rc);
    }
    rc = get_rights(p, b, &of_b);
    return rc != AL_OK                                                 ? rc
           : dress_same_rights(al_buf_span(&of_a), al_buf_span(&of_b)) ? AL_OK
                                                                       : AL_EPERM;
}

/* ---- all of it ---- */

int
dress_rights(struct port *p, struct port_file *from, struct port_file *to, struct al_fail *fail)
{
    int rc = copy_rights(p, from, to);

    return rc == AL_OK ? AL_OK : failed(p, rc, fail, "owner and rights cannot be set");
}

int
dress_like(struct port *p, struct port_file *from, struct port_file *to, struct al_fail *fail)
{
    struct port_stat st;
    int rc = port_stat(p, from, &st);

    if (rc != AL_OK) {
        return failed(p, rc, fail, "cannot stat the file");
    }
    rc = have(port_set_owner(p, to, st.uid, st.gid));
    if (rc != AL_OK) {
        return failed(p, rc, fail, "the owner cannot be set");
    }
    /* Behind the owner, whose change takes setuid and capabilities away. */
    rc = each_xattr(p, from, to, false);
    rc = rc != AL_OK ? rc : have(port_set_mode(p, to, st.mode));
    if (rc != AL_OK) {
        return failed(p, rc, fail, "mode or extended attributes cannot be set");
    }
    rc = dress_rights(p, from, to, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = copy_streams(p, from, to);
    return rc == AL_OK ? AL_OK : failed(p, rc, fail, "the named streams cannot be copied");
}

int
dress_last(struct port *p, struct port_file *to, const struct port_stat *like, uint32_t attrs,
           struct al_fail *fail)
{
    int rc = have(port_set_attrs(p, to, attrs & DRESS_ATTRS, DRESS_ATTRS));

    if (rc != AL_OK) {
        return failed(p, rc, fail, "the attributes cannot be set");
    }
    rc = like->btime_ns != 0 ? have(port_set_born(p, to, like->btime_ns)) : AL_OK;
    rc = rc != AL_OK ? rc : port_set_times(p, to, like->atime_ns, like->mtime_ns);
    return rc == AL_OK ? AL_OK : failed(p, rc, fail, "the times cannot be set");
}

/* Access times may have moved since by whoever looks at the folder. */
static int
check_stat(struct port *p, struct port_file *b, const struct port_stat *like, uint32_t attrs,
           struct al_fail *fail)
{
    struct port_stat st;
    int rc = port_stat(p, b, &st);

    if (rc != AL_OK) {
        return failed(p, rc, fail, "cannot stat the file that was made");
    }
    if (st.mtime_ns != like->mtime_ns || st.uid != like->uid || st.gid != like->gid ||
        st.mode != like->mode) {
        return failed(p, AL_EPERM, fail, "time, owner or mode could not be kept");
    }
    /* "Offline" only tells others that reading takes long; not every filesystem keeps it. */
    if (((st.attrs ^ attrs) & DRESS_ATTRS & ~PORT_A_OFFLINE) != 0) {
        return failed(p, AL_EPERM, fail, "the attributes could not be kept");
    }
    if (like->btime_ns != 0 && st.btime_ns != like->btime_ns &&
        port_set_born(p, b, like->btime_ns) != AL_ENOTSUP) {
        return failed(p, AL_EPERM, fail, "the time of creation could not be kept");
    }
    return AL_OK;
}

int
dress_check(struct port *p, struct port_file *a, struct port_file *b, const struct port_stat *like,
            uint32_t attrs, struct al_fail *fail)
{
    int rc = check_stat(p, b, like, attrs, fail);

    if (rc != AL_OK) {
        return rc;
    }
    rc = each_xattr(p, a, b, true);
    if (rc != AL_OK) {
        return failed(p, rc, fail, "the extended attributes could not be kept");
    }
    rc = same_rights(p, a, b);
    if (rc != AL_OK) {
        return failed(p, rc, fail, "owner and rights could not be kept as they are");
    }
    rc = same_streams(p, a, b);
    return rc == AL_OK ? AL_OK : failed(p, rc, fail, "the named streams could not be kept");
}
