#include "agent/target/kept.h"

#include <string.h>

#include "base/mem.h"

const struct kept_word kept_words[KEPT_PARTS] = {
    [KEPT_OWNER] = {"owner", "uid, gid, owner, group", "owner and group"},
    [KEPT_MODE] = {"mode", "mode", "the mode"},
    [KEPT_XATTRS] = {"xattrs", "xattrs", "extended attributes"},
    [KEPT_SECURITY] = {"security", "xattrs: " KEPT_NTFS_SECURITY,
                       "the security descriptor (owner, rights)"},
    [KEPT_ATTRIBUTES] = {"attributes", "xattrs: " KEPT_NTFS_ATTRIBUTES,
                         "attributes such as read-only and hidden"},
    [KEPT_STREAMS] = {"streams", "xattrs: " KEPT_NTFS_STREAM "NAME", "named streams"},
    [KEPT_BORN] = {"born", "btime_ns", "the time of creation"},
};

static void
miss(struct kept_missed *m, enum kept_part part, int rc)
{
    m->code[part] = m->code[part] != AL_OK ? m->code[part] : rc;
}

bool
kept_all(const struct kept_missed *m)
{
    for (size_t i = 0; i < KEPT_PARTS; i++) {
        if (m->code[i] != AL_OK) {
            return false;
        }
    }
    return true;
}

static bool
begins(struct al_span name, const char *with)
{
    size_t len = strlen(with);

    return name.len >= len && memcmp(name.at, with, len) == 0;
}

bool
kept_is_windows(const struct manifest_record *r)
{
    for (size_t i = 0; i < r->xattr_count; i++) {
        if (begins(r->xattrs[i].name, KEPT_NTFS)) {
            return true;
        }
    }
    return false;
}

/* Marks of Alto's stubs mean nothing on a file that was made anew (agent/stub/marker.h). No line of
 * ours has one; a share is input from outside. */
static bool
is_mark(struct al_span name)
{
    return begins(name, "trusted.alto");
}

/* ---- attributes ---- */

static const struct {
    const char *word;
    uint32_t attr;
} words[] = {
    {"readonly", PORT_A_READONLY},       {"hidden", PORT_A_HIDDEN},   {"system", PORT_A_SYSTEM},
    {"not_indexed", PORT_A_NOT_INDEXED}, {"archive", PORT_A_ARCHIVE},
};

void
kept_attrs_text(uint32_t attrs, char to[KEPT_ATTRS_TEXT_MAX])
{
    size_t len = 0;

    to[0] = '\0';
    for (size_t i = 0; i < AL_LEN(words); i++) {
        size_t n = strlen(words[i].word);

        if ((attrs & words[i].attr) != 0) {
            if (len > 0) {
                to[len++] = ',';
            }
            memcpy(to + len, words[i].word, n + 1);
            len += n;
        }
    }
}

bool
kept_attrs_of(struct al_span text, uint32_t *ret)
{
    uint32_t attrs = 0;

    while (text.len > 0) {
        const uint8_t *comma = memchr(text.at, ',', text.len);
        size_t len = comma != NULL ? (size_t)(comma - text.at) : text.len, i = 0;

        while (i < AL_LEN(words) &&
               !al_span_equal((struct al_span){text.at, len}, al_span_of(words[i].word))) {
            i++;
        }
        if (i == AL_LEN(words)) {
            return false;
        }
        attrs |= words[i].attr;
        len += comma != NULL ? 1 : 0;
        text = (struct al_span){text.at + len, text.len - len};
    }
    *ret = attrs;
    return true;
}

/* A line without attributes is of a file that had none of them; one that is made anew has "archive". */
static void
set_attributes(struct port *p, struct port_file *to, const struct manifest_record *r,
               struct kept_missed *missed)
{
    struct al_span text = {0};
    uint32_t attrs = 0;
    bool has = false;
    int rc;

    for (size_t i = 0; i < r->xattr_count && !has; i++) {
        has = al_span_equal(r->xattrs[i].name, al_span_of(KEPT_NTFS_ATTRIBUTES));
        text = has ? r->xattrs[i].value : text;
    }
    rc = kept_attrs_of(text, &attrs) ? port_set_attrs(p, to, attrs, KEPT_ATTRS) : AL_EINVAL;
    miss(missed, KEPT_ATTRIBUTES, has || rc != AL_ENOTSUP ? rc : AL_OK);
}

/* ---- streams and extended attributes ---- */

static int
set_stream(struct port *p, struct port_file *to, const char *name, struct al_span value)
{
    struct port_file *f = NULL;
    int rc = port_stream_open(p, to, name, PORT_WRITE | PORT_CREATE | PORT_TRUNC, &f), closed;

    if (rc != AL_OK) {
        return rc;
    }
    rc = value.len > 0 ? port_pwrite(p, f, value.at, value.len, 0) : AL_OK;
    rc = rc != AL_OK ? rc : port_sync(p, f); /* each stream by itself */
    closed = port_close(p, f);
    return rc != AL_OK ? rc : closed;
}

static int
set_named(struct port *p, struct port_file *to, const struct manifest_xattr *x,
          struct kept_missed *missed)
{
    AL_CLEANUP(al_freep) char *name = NULL;
    bool stream = begins(x->name, KEPT_NTFS_STREAM);
    int rc;

    if (is_mark(x->name) || al_span_equal(x->name, al_span_of(KEPT_NTFS_SECURITY)) ||
        al_span_equal(x->name, al_span_of(KEPT_NTFS_ATTRIBUTES))) {
        return AL_OK;
    }
    name = al_span_dup(x->name);
    if (name == NULL) {
        return AL_ENOMEM;
    }
    rc = stream ? set_stream(p, to, name + sizeof(KEPT_NTFS_STREAM) - 1, x->value)
                : port_xattr_set(p, to, name, x->value.at, x->value.len);
    miss(missed, stream ? KEPT_STREAMS : KEPT_XATTRS, rc);
    /* A disk that is full: whoever comes again finds no half file. ext4 says so of attributes that it has
     * no place for, however much is free. */
    return rc == AL_ENOMEM || (stream && rc == AL_ENOSPC) ? rc : AL_OK;
}

/* ---- all of it ---- */

int
kept_rights(struct port *p, struct port_file *to, const struct manifest_record *r,
            struct kept_missed *missed)
{
    *missed = (struct kept_missed){{0}};
    for (size_t i = 0; i < r->xattr_count; i++) {
        if (al_span_equal(r->xattrs[i].name, al_span_of(KEPT_NTFS_SECURITY))) {
            int rc = port_security_set(p, to, r->xattrs[i].value);

            miss(missed, KEPT_SECURITY, rc);
            return rc == AL_ENOMEM ? rc : AL_OK;
        }
    }
    return AL_OK;
}

static void
set_mode(struct port *p, struct port_file *to, const struct manifest_record *r,
         struct kept_missed *missed)
{
    bool own = missed->code[KEPT_OWNER] == AL_OK && missed->code[KEPT_XATTRS] == AL_OK;
    uint32_t mode = own ? r->mode : r->mode & 0777u;

    miss(missed, KEPT_MODE, port_set_mode(p, to, mode));
    miss(missed, KEPT_MODE, mode != r->mode ? AL_EPERM : AL_OK);
}

int
kept_rest(struct port *p, struct port_file *to, const struct manifest_record *r,
          struct kept_missed *missed)
{
    bool windows = kept_is_windows(r);
    int rc = AL_OK;

    if (!windows) {
        miss(missed, KEPT_OWNER, port_set_owner(p, to, r->uid, r->gid));
    }
    for (size_t i = 0; rc == AL_OK && i < r->xattr_count; i++) {
        rc = set_named(p, to, &r->xattrs[i], missed);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (!windows) {
        set_mode(p, to, r, missed);
    } else {
        set_attributes(p, to, r, missed);
    }
    if (r->btime_ns != 0) {
        int born = port_set_born(p, to, r->btime_ns);

        /* On Linux no file gets another time of creation, and none of its own people miss it. */
        miss(missed, KEPT_BORN, windows || born != AL_ENOTSUP ? born : AL_OK);
    }
    return port_set_times(p, to, r->atime_ns, r->mtime_ns);
}
