/* stub.c: making, reading and ending stubs through the driver's DLL. */
#include <string.h>

#include "agent/ease/ease_priv.h"
#include "base/mem.h"

static int
name_of(struct ease *e, const char *path, uint16_t to[EASE_NAME_UNITS], struct al_fail *fail)
{
    size_t n;
    int rc = ease_name_units(path, to, EASE_NAME_UNITS, &n);

    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, 0, "the filter driver cannot be given this name");
}

static int
create_a(struct ease *e, const char *path, const uint16_t *name, const struct stub_tag *t,
         struct al_span tag, uint32_t attributes, struct al_fail *fail)
{
    void *handle = NULL;
    struct port_stat st;
    int rc = port_stat_at(e->conf.port, NULL, path, &st);

    if (rc == AL_OK && (st.type != PORT_T_FILE || st.size != 0)) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "a stub is made of an empty file, and this one is not");
    }
    if (rc != AL_OK && rc != AL_ENOENT) {
        return al_fail_set(fail, rc, port_os_error(e->conf.port), "cannot look at the file");
    }
    /* Times 0: as they are. */
    if (!e->api.fn.create_stub(name, (int64_t)t->size, attributes, (uint32_t)tag.len,
                               (uint8_t *)tag.at, 0, 0, 0, 1, &handle)) {
        return ease_failed(e, fail, AL_EIO, "the filter driver made no stub");
    }
    rc = port_foreign_close(handle);
    return rc == AL_OK ? AL_OK : ease_failed(e, fail, AL_EIO, "the new stub cannot be closed");
}

static int
create_b(struct ease *e, const char *path, const uint16_t *name, const struct stub_tag *t,
         struct al_span tag, struct al_fail *fail)
{
    struct port_stat st;
    int rc = port_stat_at(e->conf.port, NULL, path, &st);

    if (rc == AL_OK) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "this filter driver makes no stub of a file that is there");
    }
    if (rc != AL_ENOENT) {
        return al_fail_set(fail, rc, port_os_error(e->conf.port), "cannot look at the file");
    }
    return e->api.fn.create_virtual(name, (int64_t)t->size, (uint32_t)tag.len, (uint8_t *)tag.at)
               ? AL_OK
               : ease_failed(e, fail, AL_EIO, "the filter driver made no stub");
}

/* Whether the stub is what was asked for: its tag, and the file that the tag was made for. */
static int
stub_is_right(struct ease *e, const char *path, const struct stub_tag *t, struct al_span tag,
              struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf back = {0};
    struct port_stat st;
    int rc;

    al_buf_init(&back, EASE_DATA_BYTES);
    rc = ease_stub_tag(e, path, &back, fail);
    if (rc != AL_OK || !al_span_equal(al_buf_span(&back), tag)) {
        return ease_failed(e, fail, AL_EIO, "the new stub does not have the tag that it was given");
    }
    rc = port_stat_at(e->conf.port, NULL, path, &st);
    if (rc == AL_OK && t->file_id != 0 && st.ino != t->file_id) {
        return ease_failed(e, fail, AL_ESTALE,
                           "the new stub is another file than the one that was there");
    }
    return rc == AL_OK && (e->api.flavour == EASE_FRAMEWORK || st.size == t->size)
               ? AL_OK
               : ease_failed(e, fail, AL_EIO, "the new stub is not as long as the file was");
}

int
ease_stub_create(struct ease *e, const char *path, struct al_span tag, uint32_t attributes,
                 struct al_fail *fail)
{
    bool b = e->api.flavour == EASE_FRAMEWORK;
    size_t most = b ? EASE_TAG_BYTES_MAX_B : EASE_TAG_BYTES_MAX;
    uint16_t name[EASE_NAME_UNITS];
    struct stub_tag t;
    int rc = tag.len > most ? AL_EINVAL : ease_tag_decode(tag, &t);

    if (rc != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "no tag that this filter driver can keep");
    }
    rc = name_of(e, path, name, fail);
    if (rc == AL_OK) {
        rc = b ? create_b(e, path, name, &t, tag, fail)
               : create_a(e, path, name, &t, tag, attributes, fail);
    }
    return rc == AL_OK ? stub_is_right(e, path, &t, tag, fail) : rc;
}

/* Asks for the length first, as documented; a tag that grew in between is cut by nobody: false. */
static int
tag_of(struct ease *e, void *handle, const uint16_t *name, struct al_buf *to, struct al_fail *fail)
{
    bool b = e->api.flavour == EASE_FRAMEWORK;
    int64_t size;
    uint32_t len = 0, given;
    int rc;

    (void)(b ? e->api.fn.virtual_info(name, &size, &len, NULL)
             : e->api.fn.get_tag(handle, &len, NULL));
    if (len == 0 || len > EASE_DATA_BYTES) {
        return al_fail_set(fail, AL_ENODATA, 0, "the file is no stub of the filter driver");
    }
    rc = al_buf_reserve(to, len);
    if (rc != AL_OK) {
        return rc;
    }
    given = len;
    if (!(b ? e->api.fn.virtual_info(name, &size, &len, to->at + to->len)
            : e->api.fn.get_tag(handle, &len, to->at + to->len)) ||
        len > given) {
        return ease_failed(e, fail, AL_EIO, "the stub's tag cannot be read");
    }
    to->len += len;
    to->at[to->len] = '\0';
    return AL_OK;
}

int
ease_stub_tag(struct ease *e, const char *path, struct al_buf *to, struct al_fail *fail)
{
    uint16_t name[EASE_NAME_UNITS];
    void *handle = NULL;
    int rc = name_of(e, path, name, fail), closed;

    if (rc != AL_OK) {
        return rc;
    }
    if (e->api.flavour == EASE_FRAMEWORK) {
        return tag_of(e, NULL, name, to, fail);
    }
    if (!e->api.fn.open_stub(name, EASE_GENERIC_READ, EASE_SHARE_ALL, &handle)) {
        return ease_failed(e, fail, AL_ENODATA, "the file cannot be opened as a stub");
    }
    rc = tag_of(e, handle, name, to, fail);
    closed = port_foreign_close(handle);
    return rc != AL_OK ? rc : closed;
}

int
ease_stub_untag(struct ease *e, const char *path, struct al_fail *fail)
{
    uint16_t name[EASE_NAME_UNITS];
    void *handle = NULL;
    int rc = name_of(e, path, name, fail), closed;

    if (rc != AL_OK) {
        return rc;
    }
    if (e->api.flavour == EASE_FRAMEWORK) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "this filter driver's stubs have no tag to take off");
    }
    if (!e->api.fn.open_stub(name, EASE_GENERIC_READ | EASE_GENERIC_WRITE, 0, &handle)) {
        return ease_failed(e, fail, AL_ENODATA, "the file cannot be opened as a stub");
    }
    rc = e->api.fn.remove_tag(handle, 0)
             ? AL_OK
             : ease_failed(e, fail, AL_EIO, "the filter driver did not take the tag off");
    closed = port_foreign_close(handle);
    return rc != AL_OK ? rc : closed;
}
