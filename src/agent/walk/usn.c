#include "agent/walk/usn.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ATTRIBUTE_DIRECTORY 0x10u /* Win32 FILE_ATTRIBUTE_DIRECTORY */
#define NTFS_1970 116444736000000000LL

/* ---- records ---- */

/* USN_RECORD_V2 and _V3 of winioctl.h: both begin with length, major and minor version; V3 has ids of 16
 * bytes for 8. */
static int
decode_one(const uint8_t *at, uint32_t len, struct usn_record *ret)
{
    uint16_t major = al_get_u16(at + 4);
    size_t id = major == 2 ? 8 : 16, rest = 8 + 2 * id, head = rest + 36;
    struct usn_record r = {0};
    uint16_t name_len, name_at;
    int64_t time;

    if (major != 2 && major != 3) {
        return AL_ENOTSUP;
    }
    if (len < head) {
        return AL_ECORRUPT;
    }
    memcpy(r.id, at + 8, id);
    memcpy(r.parent, at + 8 + id, id);
    r.usn = (int64_t)al_get_u64(at + rest);
    time = (int64_t)al_get_u64(at + rest + 8);
    r.time_ns =
        time < NTFS_1970 || time - NTFS_1970 > INT64_MAX / 100 ? 0 : (time - NTFS_1970) * 100;
    r.reasons = al_get_u32(at + rest + 16);
    r.attributes = al_get_u32(at + rest + 28);
    name_len = al_get_u16(at + rest + 32);
    name_at = al_get_u16(at + rest + 34);
    if (name_len % 2 != 0 || name_at < head || name_at > len || name_len > len - name_at) {
        return AL_ECORRUPT;
    }
    r.name = (struct al_span){.at = at + name_at, .len = name_len};
    *ret = r;
    return AL_OK;
}

int
usn_decode(struct al_span bytes, int64_t *ret_next,
           int (*each)(void *ctx, const struct usn_record *r), void *ctx)
{
    struct usn_record r;
    int64_t next;

    if (bytes.len < 8) {
        return AL_ECORRUPT;
    }
    next = (int64_t)al_get_u64(bytes.at);
    for (size_t at = 8; at < bytes.len;) {
        uint32_t len;
        int rc;

        if (bytes.len - at < 8) {
            return AL_ECORRUPT;
        }
        len = al_get_u32(bytes.at + at);
        if (len < 8 || len > bytes.len - at || len % 8 != 0) {
            return AL_ECORRUPT;
        }
        rc = decode_one(bytes.at + at, len, &r);
        if (rc == AL_OK) {
            rc = each(ctx, &r);
        }
        if (rc != AL_OK) {
            return rc;
        }
        at += len;
    }
    *ret_next = next;
    return AL_OK;
}

/* ---- places ---- */

static const uint8_t place_magic[4] = {'U', 'S', 'N', '1'};

void
usn_place_encode(const struct usn_place *place, uint8_t to[USN_PLACE_BYTES])
{
    memcpy(to, place_magic, sizeof(place_magic));
    al_put_u32(to + 4, place->serial);
    al_put_u64(to + 8, place->journal);
    al_put_u64(to + 16, (uint64_t)place->next);
}

int
usn_place_decode(struct al_span bytes, struct usn_place *ret)
{
    if (bytes.len != USN_PLACE_BYTES || memcmp(bytes.at, place_magic, sizeof(place_magic)) != 0 ||
        (int64_t)al_get_u64(bytes.at + 16) < 0) {
        return AL_ECORRUPT;
    }
    *ret = (struct usn_place){.serial = al_get_u32(bytes.at + 4),
                              .journal = al_get_u64(bytes.at + 8),
                              .next = (int64_t)al_get_u64(bytes.at + 16)};
    return AL_OK;
}

/* ---- changes ---- */

struct collect {
    struct usn_folder *folders;
    size_t count, cap;
};

static int
by_id(const void *a, const void *b)
{
    const struct usn_folder *x = a, *y = b;

    return memcmp(x->id, y->id, sizeof(x->id));
}

/* Sorted, and each once: what is whole in one of them is whole. */
static void
settle(struct collect *c)
{
    size_t kept = 0;

    if (c->count > 1) {
        qsort(c->folders, c->count, sizeof(*c->folders), by_id);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (kept > 0 && by_id(&c->folders[kept - 1], &c->folders[i]) == 0) {
            c->folders[kept - 1].whole |= c->folders[i].whole;
            c->folders[kept - 1].file &= c->folders[i].file;
        } else {
            c->folders[kept++] = c->folders[i];
        }
    }
    c->count = kept;
}

static int
collect_add(struct collect *c, const uint8_t id[16], bool whole, bool file)
{
    struct usn_folder *grown;

    /* A burst of changes in few folders is one folder each. */
    if (c->count == 2u * USN_FOLDERS_MAX) {
        settle(c);
        if (c->count > USN_FOLDERS_MAX) {
            return AL_ELIMIT;
        }
    }
    grown = al_grow(c->folders, c->count, &c->cap, sizeof(*c->folders));
    if (grown == NULL) {
        return AL_ENOMEM;
    }
    c->folders = grown;
    c->folders[c->count] = (struct usn_folder){.whole = whole, .file = file};
    memcpy(c->folders[c->count++].id, id, 16);
    return AL_OK;
}

#define WHOLE (USN_CREATED | USN_RENAMED_TO | USN_REPARSE_CHANGED | USN_SECURITY_CHANGED)

/* Every change is one of the folder it lies in: that is listed anew. A folder that came by this name, or that may let
 * us in now, is walked down. */
static int
on_record(void *ctx, const struct usn_record *r)
{
    struct collect *c = ctx;
    bool folder = (r->attributes & ATTRIBUTE_DIRECTORY) != 0;
    int rc = collect_add(c, r->parent, false, false);

    if (rc == AL_OK && folder && (r->reasons & WHOLE) != 0) {
        rc = collect_add(c, r->id, true, false);
    } else if (rc == AL_OK && !folder && (r->reasons & USN_LINKS_CHANGED) != 0) {
        rc = collect_add(c, r->id, false, true);
    }
    return rc;
}

/* Reads from `from` up to what was there at the beginning. *ret_full: why not. */
static int
gather(const struct usn_source *s, const struct port_journal_state *now, int64_t from,
       struct collect *c, int64_t *ret_next, const char **ret_full)
{
    AL_CLEANUP(al_freep) uint8_t *bytes = al_alloc(PORT_JOURNAL_BYTES);
    int rc = bytes != NULL ? AL_OK : AL_ENOMEM;

    for (unsigned reads = 0; rc == AL_OK && from < now->next; reads++) {
        int64_t next = from;
        size_t len = 0;

        if (reads == USN_READS_MAX) {
            *ret_full = "the journal holds more changes than are worth reading";
            return AL_OK;
        }
        rc = s->read(s->ctx, now->id, from, bytes, PORT_JOURNAL_BYTES, &len);
        if (rc == AL_OK && len > PORT_JOURNAL_BYTES) {
            rc = AL_ECORRUPT;
        }
        if (rc == AL_OK) {
            rc = usn_decode((struct al_span){bytes, len}, &next, on_record, c);
        }
        if (rc == AL_OK && next <= from) {
            rc = AL_ECORRUPT; /* it would be read for ever */
        }
        from = rc == AL_OK ? next : from;
    }
    *ret_next = from;
    if (rc != AL_OK && rc != AL_ENOMEM) {
        *ret_full = rc == AL_ECHANGED ? "the journal was made anew, or forgot what was asked for"
                    : rc == AL_ELIMIT ? "more folders changed than are worth listing one by one"
                                      : "the journal could not be read";
        rc = AL_OK;
    }
    return rc;
}

/* NULL: the journal reaches from `since` to now. */
static const char *
gap(const struct port_journal_state *now, uint32_t serial, const struct usn_place *since)
{
    return since == NULL               ? "it was never walked with this journal"
           : since->serial != serial   ? "it is another volume than before"
           : since->journal != now->id ? "the journal was made anew"
           : since->next < now->first  ? "the journal forgot a part since the last walk"
           : since->next > now->next   ? "the journal ends before the last walk"
                                       : NULL;
}

int
usn_changes(const struct usn_source *source, uint32_t serial, const struct usn_place *since,
            struct usn_changes *ret)
{
    struct port_journal_state now = {0};
    struct collect c = {0};
    int64_t next = 0;
    int rc;

    *ret = (struct usn_changes){.full = "the volume has no journal"};
    if (source == NULL || source->state(source->ctx, &now) != AL_OK || now.next < 0 ||
        now.first > now.next) {
        return AL_OK;
    }
    /* Taken before anything is walked: what happens meanwhile comes again the next time. */
    ret->place = (struct usn_place){.journal = now.id, .next = now.next, .serial = serial};
    ret->full = gap(&now, serial, since);
    if (ret->full != NULL) {
        return AL_OK;
    }
    rc = gather(source, &now, since->next, &c, &next, &ret->full);
    if (rc == AL_OK && ret->full == NULL) {
        settle(&c);
        if (c.count > USN_FOLDERS_MAX) {
            ret->full = "more folders changed than are worth listing one by one";
        }
    }
    if (rc != AL_OK || ret->full != NULL) {
        al_free(c.folders);
        return rc;
    }
    ret->place.next = next;
    ret->folders = c.folders;
    ret->count = c.count;
    return AL_OK;
}

void
usn_changes_free(struct usn_changes *c)
{
    al_free(c->folders);
    *c = (struct usn_changes){0};
}

static int
source_state(void *ctx, struct port_journal_state *ret)
{
    const struct usn_volume *v = ctx;

    return port_journal_state(v->journal, ret);
}

static int
source_read(void *ctx, uint64_t id, int64_t from, void *to, size_t cap, size_t *ret_len)
{
    const struct usn_volume *v = ctx;

    return port_journal_read(v->journal, id, from, to, cap, ret_len);
}

static int
source_place(void *ctx, const uint8_t id[16], struct al_buf *path)
{
    const struct usn_volume *v = ctx;
    struct port_file *f = NULL;
    struct port_handle h;
    int rc = port_journal_handle(v->root, id, &h);

    if (rc == AL_OK) {
        rc = port_open_handle(v->port, v->root, &h, PORT_PATH, &f);
    }
    if (rc == AL_OK) {
        rc = port_path_of(v->port, v->root, f, path);
    }
    port_close_quiet(v->port, &f);
    return rc == AL_ESTALE || rc == AL_ENOTDIR || rc == AL_ELOOP ? AL_ENOENT : rc;
}

struct usn_source
usn_source_of(struct usn_volume *v)
{
    return (struct usn_source){
        .state = source_state, .read = source_read, .place = source_place, .ctx = v};
}
