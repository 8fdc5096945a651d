/* Listing a folder: many entries a call, each with what stat would tell. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

#define LISTING_BYTES 65536u /* redirectors split what is larger */

struct port_dir {
    HANDLE handle; /* its own: a listing stands somewhere, a handle knows one place */
    uint32_t serial;
    bool wide; /* FileIdExtdDirectoryInfo with ids of 128 bits, else FileIdBothDirectoryInfo */
    bool begun, whole;
    size_t at; /* of the next entry in bytes; LISTING_BYTES: none left */
    struct al_buf name;
    uint8_t *bytes;
};

/* What both forms have. */
struct entry {
    const FILE_ID_BOTH_DIR_INFO *both; /* the first fields are those of the other form too */
    const wchar_t *name;
    size_t units;
    uint64_t ino;
    DWORD tag;
};

_Static_assert(offsetof(FILE_ID_BOTH_DIR_INFO, EaSize) == offsetof(FILE_ID_EXTD_DIR_INFO, EaSize),
               "the two forms differ before their end");

int
win_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    struct port_dir *d = al_zalloc(sizeof(*d));
    int rc;

    if (d == NULL) {
        return AL_ENOMEM;
    }
    al_buf_init(&d->name, 4096);
    d->serial = folder->serial;
    d->wide = true;
    d->at = LISTING_BYTES;
    d->bytes = al_alloc(LISTING_BYTES);
    rc = d->bytes == NULL ? AL_ENOMEM : win_open_again(folder, FILE_LIST_DIRECTORY, &d->handle);
    if (rc != AL_OK) {
        win_dir_close(p, d);
        return rc;
    }
    *ret = d;
    return AL_OK;
}

void
win_dir_close(struct port *p, struct port_dir *d)
{
    if (d->handle != NULL) {
        (void)CloseHandle(d->handle); /* a listing holds nothing that could be lost */
    }
    al_buf_free(&d->name);
    al_free(d->bytes);
    al_free(d);
}

static bool
ask(struct port_dir *d)
{
    FILE_INFO_BY_HANDLE_CLASS what =
        d->wide ? (d->begun ? FileIdExtdDirectoryInfo : FileIdExtdDirectoryRestartInfo)
                : (d->begun ? FileIdBothDirectoryInfo : FileIdBothDirectoryRestartInfo);

    return GetFileInformationByHandleEx(d->handle, what, d->bytes, LISTING_BYTES);
}

/* The next piece of the listing. What does not know the wide form says so at once, in one of several
 * ways: then it goes on with the other. */
static int
fill(struct port_dir *d)
{
    bool got = ask(d);

    if (!got && d->wide && !d->begun && GetLastError() != ERROR_NO_MORE_FILES &&
        GetLastError() != ERROR_FILE_NOT_FOUND) {
        d->wide = false;
        got = ask(d);
    }
    if (!got) {
        d->whole = GetLastError() == ERROR_NO_MORE_FILES || GetLastError() == ERROR_FILE_NOT_FOUND;
        return d->whole ? AL_OK : win_code(GetLastError());
    }
    d->begun = true;
    d->at = 0;
    return AL_OK;
}

/* AL_ECORRUPT: an entry that does not lie within what came. */
static int
take(struct port_dir *d, struct entry *ret)
{
    const uint8_t *at = d->bytes + d->at;
    size_t head = d->wide ? offsetof(FILE_ID_EXTD_DIR_INFO, FileName)
                          : offsetof(FILE_ID_BOTH_DIR_INFO, FileName);
    struct entry e = {.both = (const FILE_ID_BOTH_DIR_INFO *)(const void *)at};

    if (d->at > LISTING_BYTES - head || e.both->FileNameLength > LISTING_BYTES - head - d->at) {
        return AL_ECORRUPT;
    }
    e.name = (const wchar_t *)(const void *)(at + head);
    e.units = e.both->FileNameLength / sizeof(wchar_t);
    if (d->wide) {
        const FILE_ID_EXTD_DIR_INFO *x = (const FILE_ID_EXTD_DIR_INFO *)(const void *)at;

        e.ino = win_ino(x->FileId.Identifier);
        e.tag = x->ReparsePointTag;
    } else {
        /* -1: an id of ReFS that does not fit. The tag stands where other files have EaSize. */
        e.ino = e.both->FileId.QuadPart == -1 ? 0 : (uint64_t)e.both->FileId.QuadPart;
        e.tag = e.both->EaSize;
    }
    if ((e.both->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) {
        e.tag = 0;
    }
    d->at = e.both->NextEntryOffset == 0 ? LISTING_BYTES : d->at + e.both->NextEntryOffset;
    *ret = e;
    return AL_OK;
}

static int
tell(struct port_dir *d, const struct entry *e, struct port_dirent *ret)
{
    const FILE_ID_BOTH_DIR_INFO *i = e->both;
    enum port_type type = win_type(i->FileAttributes, e->tag);
    int rc;

    al_buf_clear(&d->name);
    rc = win_utf8(e->name, e->units, &d->name);
    if (rc != AL_OK) {
        return rc;
    }
    *ret = (struct port_dirent){
        .name = (const char *)d->name.at,
        .name_len = d->name.len,
        .ino = e->ino,
        .type = type,
        /* Without an id it is asked for by name. */
        .stat_known = e->ino != 0,
        .stat = {.type = type,
                 .mode = (i->FileAttributes & FILE_ATTRIBUTE_READONLY) != 0 ? 0444 : 0644,
                 .attrs = win_attrs(i->FileAttributes),
                 .size = type == PORT_T_FILE ? (uint64_t)i->EndOfFile.QuadPart : 0,
                 .allocated = type == PORT_T_FILE ? (uint64_t)i->AllocationSize.QuadPart : 0,
                 .dev = d->serial,
                 .ino = e->ino,
                 .reparse_tag = e->tag,
                 .atime_ns = win_ns(i->LastAccessTime),
                 .mtime_ns = win_ns(i->LastWriteTime),
                 .ctime_ns = win_ns(i->ChangeTime),
                 .btime_ns = win_ns(i->CreationTime)},
    };
    return AL_OK;
}

static bool
is_dots(const struct entry *e)
{
    return (e->units == 1 || e->units == 2) && e->name[0] == L'.' &&
           (e->units == 1 || e->name[1] == L'.');
}

int
win_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end)
{
    struct entry e;
    int rc = AL_OK;

    do {
        if (d->at == LISTING_BYTES && !d->whole) {
            rc = fill(d);
        }
        if (rc != AL_OK) {
            return rc;
        }
        if (d->whole) {
            *ret_end = true;
            return AL_OK;
        }
        rc = take(d, &e);
        if (rc != AL_OK) {
            return rc;
        }
    } while (is_dots(&e));
    *ret_end = false;
    return tell(d, &e, ret);
}
