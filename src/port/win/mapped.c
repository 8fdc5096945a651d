/* Whether somebody holds a view that a file can be changed through.
 *
 * FSCTL_REQUEST_OPLOCK, documentation of the driver kit: a read oplock is granted only to a handle for
 * asynchronous use, without byte-range locks, and without a writable user-mapped section; else
 * STATUS_CANNOT_GRANT_REQUESTED_OPLOCK, and REQUEST_OPLOCK_OUTPUT_FLAG_WRITABLE_SECTION_PRESENT is set.
 * Which versions look at sections is not written there, hence the probe. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

#define WRITABLE_SECTION_PRESENT 4u /* REQUEST_OPLOCK_OUTPUT_FLAG_; mingw's winioctl.h lacks it */
#define PROBE_BYTES 4096u

/* The oplock is given back by ending the request. */
static void
give_back(struct port_file *f, IO_STATUS_BLOCK *io, HANDLE event)
{
    (void)CancelIoEx(f->handle, (OVERLAPPED *)io); /* or it was broken already: it ends as well */
    (void)WaitForSingleObject(event, INFINITE);    /* io lies on our stack */
}

int
win_is_mapped(struct port *p, struct port_file *f, bool *ret)
{
    REQUEST_OPLOCK_INPUT_BUFFER in = {.StructureVersion = 1,
                                      .StructureLength = sizeof(in),
                                      .RequestedOplockLevel = OPLOCK_LEVEL_CACHE_READ,
                                      .Flags = REQUEST_OPLOCK_INPUT_FLAG_REQUEST};
    REQUEST_OPLOCK_OUTPUT_BUFFER out = {.StructureVersion = 1, .StructureLength = sizeof(out)};
    IO_STATUS_BLOCK io = {0};
    HANDLE event;
    NTSTATUS s;

    if (!f->async) {
        return AL_EINVAL;
    }
    event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (event == NULL) {
        return win_code(GetLastError());
    }
    s = NtFsControlFile(f->handle, event, NULL, NULL, &io, FSCTL_REQUEST_OPLOCK, &in, sizeof(in),
                        &out, sizeof(out));
    if (s == WIN_PENDING) {
        give_back(f, &io, event);
    }
    (void)CloseHandle(event); /* nothing is under way any more */
    if (s == WIN_PENDING) {
        *ret = false;
        return AL_OK;
    }
    if (s == WIN_CANNOT_GRANT_OPLOCK && (out.Flags & WRITABLE_SECTION_PRESENT) != 0) {
        *ret = true;
        return AL_OK;
    }
    SetLastError(RtlNtStatusToDosError(s));
    return AL_ENOTSUP;
}

/* A view of the new file whose handles are closed again. */
static int
view_alone(struct port *p, struct port_file *folder, const char *name, void **ret)
{
    struct port_file *f = NULL;
    uint8_t bytes[PROBE_BYTES] = {0};
    HANDLE section = NULL;
    void *view = NULL;
    int rc = win_open(p, folder, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL, 0600, &f);

    if (rc == AL_OK) {
        rc = p->ops->pwrite(p, f, bytes, sizeof(bytes), 0);
    }
    if (rc == AL_OK) {
        section = CreateFileMappingW(f->handle, NULL, PAGE_READWRITE, 0, 0, NULL);
        view = section != NULL ? MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0) : NULL;
        rc = view != NULL ? AL_OK : win_code(GetLastError());
    }
    if (section != NULL) {
        (void)CloseHandle(section); /* the view stays */
    }
    port_close_quiet(p, &f);
    *ret = view;
    return rc;
}

/* What is seen of the file now: as if there were a view (`with`), or as if there were none. */
static int
look(struct port *p, struct port_file *folder, const char *name, bool *ret_alone, bool *ret_mapped)
{
    struct port_file *f = NULL;
    int rc = win_open(p, folder, name, PORT_READ | PORT_WRITE | PORT_ALONE, 0, &f);

    *ret_alone = rc == AL_OK;
    if (rc == AL_EBUSY) {
        return AL_OK;
    }
    if (rc == AL_OK) {
        rc = win_is_mapped(p, f, ret_mapped);
    }
    port_close_quiet(p, &f);
    return rc;
}

static int
compare(struct port *p, struct port_file *folder, const char *name, void *view,
        enum port_views *ret)
{
    bool alone = false, mapped = false, alone_after = false, mapped_after = true;
    int rc = look(p, folder, name, &alone, &mapped), after;

    (void)UnmapViewOfFile(view); /* ours */
    after = look(p, folder, name, &alone_after, &mapped_after);
    if (rc != AL_OK && rc != AL_ENOTSUP) {
        return rc;
    }
    if (after != AL_OK && after != AL_ENOTSUP) {
        return after;
    }
    *ret = rc == AL_OK && !alone && alone_after ? PORT_VIEWS_BY_SHARING
           : rc == AL_OK && alone && mapped && after == AL_OK && alone_after && !mapped_after
               ? PORT_VIEWS_BY_ASKING
               : PORT_VIEWS_HIDDEN;
    return AL_OK;
}

int
win_map_probe(struct port *p, struct port_file *folder, const char *name, enum port_views *ret)
{
    void *view = NULL;
    enum port_views views = PORT_VIEWS_HIDDEN;
    int rc = view_alone(p, folder, name, &view), gone;

    if (view != NULL) {
        rc = compare(p, folder, name, view, &views);
    }
    if (rc == AL_EEXIST) {
        return rc;
    }
    gone = win_unlink(p, folder, name);
    rc = rc == AL_OK ? gone : rc;
    if (rc == AL_OK) {
        *ret = views;
    }
    return rc;
}
