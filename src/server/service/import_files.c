#include "server/service/import_priv.h"

#include <stdio.h>
#include <string.h>

#define IMPORTS "imports"
#define EXPORTS "exports"
#define PATH_BYTES_MAX 8192u

static char *
path_of(struct service *s, struct al_arena *a, const char *kind, const char *id, const char *name)
{
    size_t len =
        strlen(s->data_dir) + strlen(kind) + strlen(id) + (name == NULL ? 0 : strlen(name)) + 4;
    char *path = al_arena_alloc(a, len);

    if (path != NULL) {
        (void)snprintf(path, len, "%s/%s/%s%s%s", s->data_dir, kind, id, name == NULL ? "" : "/",
                       name == NULL ? "" : name);
    }
    return path;
}

char *
import_path(struct service *s, struct al_arena *a, const char *id, const char *name)
{
    return path_of(s, a, IMPORTS, id, name);
}

char *
export_path(struct service *s, struct al_arena *a, const char *id)
{
    return path_of(s, a, EXPORTS, id, NULL);
}

static int
open_folder(struct service *s, const char *kind, struct port_file **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = PATH_BYTES_MAX};

    SV_TRY(al_buf_addf(&path, "%s/%s", s->data_dir, kind));
    return port_open(s->port, NULL, (const char *)path.at, PORT_READ | PORT_FOLDER, 0, ret);
}

/* ---- going ---- */

static void
note_stays(struct service *s, const char *what, const char *id, int rc)
{
    if (rc != AL_OK && rc != AL_ENOENT) { /* nobody finds it any more; it only takes room */
        al_log(s->log, AL_LOG_WARN, "the file of %s %s stays: %s", what, id, al_code_name(rc));
    }
}

void
import_files_drop(struct service *s, const char *id)
{
    AL_CLEANUP(port_holder_end)
    struct port_holder imports = {.port = s->port},
                       one = {.port = s->port};
    int rc = open_folder(s, IMPORTS, &imports.file);

    if (rc == AL_OK) {
        rc = port_open(s->port, imports.file, id, PORT_READ | PORT_FOLDER, 0, &one.file);
    }
    if (rc == AL_OK) {
        note_stays(s, "import", id, port_unlink(s->port, one.file, IMPORT_CONTENT));
        note_stays(s, "import", id, port_unlink(s->port, one.file, IMPORT_REFUSED));
        port_close_quiet(s->port, &one.file);
        rc = port_rmdir(s->port, imports.file, id);
    }
    note_stays(s, "import", id, rc);
}

void
export_file_drop(struct service *s, const char *id)
{
    AL_CLEANUP(port_holder_end) struct port_holder exports = {.port = s->port};
    int rc = open_folder(s, EXPORTS, &exports.file);

    if (rc == AL_OK) {
        rc = port_unlink(s->port, exports.file, id);
    }
    note_stays(s, "export", id, rc);
}

/* ---- at the start ---- */

static bool
import_known(struct store *db, const char *id, struct al_arena *a)
{
    struct scope all = scope_system();
    struct store_import m = {.kept = true};
    struct al_fail quiet = {0};

    /* Only what is surely not wanted goes. */
    return store_import_get(db, &all, id, a, &m, &quiet) != AL_ENOENT && m.kept;
}

static bool
export_known(struct store *db, const char *id, struct al_arena *a)
{
    struct scope all = scope_system();
    struct store_export x;
    struct al_fail quiet = {0};

    return store_export_get(db, &all, id, a, &x, &quiet) != AL_ENOENT;
}

static int
sweep(struct service *s, struct store *db, const char *kind,
      bool (*known)(struct store *db, const char *id, struct al_arena *a),
      void (*drop)(struct service *s, const char *id))
{
    AL_CLEANUP(al_arena_freep) struct al_arena *a = al_arena_new(IMPORT_ARENA_MAX);
    AL_CLEANUP(port_holder_end) struct port_holder folder = {.port = s->port};
    struct port_dir *list = NULL;
    struct port_dirent entry;
    bool end = false;
    int rc = a == NULL ? AL_ENOMEM : open_folder(s, kind, &folder.file);

    if (rc == AL_OK) {
        rc = port_dir_open(s->port, folder.file, &list);
    }
    while (rc == AL_OK) {
        al_id id = "";

        rc = port_dir_next(s->port, list, &entry, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (entry.name_len != AL_ID_LEN || !al_id_valid(entry.name)) {
            continue; /* not ours */
        }
        memcpy(id, entry.name, AL_ID_LEN);
        al_arena_reset(a);
        if (!known(db, id, a)) {
            drop(s, id);
        }
    }
    port_dir_close(s->port, &list);
    return rc;
}

int
import_files_open(struct service *s, struct al_fail *fail)
{
    static const char *const kinds[] = {IMPORTS, EXPORTS};
    AL_CLEANUP(store_closep) struct store *db = NULL;

    for (size_t i = 0; i < AL_LEN(kinds); i++) {
        AL_CLEANUP(al_buf_free) struct al_buf path = {.max = PATH_BYTES_MAX};
        int rc = al_buf_addf(&path, "%s/%s", s->data_dir, kinds[i]);

        rc = rc == AL_OK ? port_mkdirs(s->port, (const char *)path.at, 0700) : rc;
        if (rc != AL_OK) {
            return al_fail_set(fail, rc, port_os_error(s->port), "cannot make the folder %s: %s",
                               kinds[i], al_code_name(rc));
        }
    }
    SV_TRY(store_open(s->db, &db, fail));
    SV_TRY(sweep(s, db, IMPORTS, import_known, import_files_drop));
    return sweep(s, db, EXPORTS, export_known, export_file_drop);
}

/* ---- writing ---- */

int
import_disk_room(struct service *s, uint64_t promised, uint64_t more, struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder folder = {.port = s->port};
    struct port_fs fs;
    int rc = open_folder(s, IMPORTS, &folder.file);

    if (rc == AL_OK) {
        rc = port_fs(s->port, folder.file, &fs);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(s->port), "the disk cannot be looked at: %s",
                           al_code_name(rc));
    }
    if (fs.bytes_free < IMPORT_DISK_FREE_MIN || fs.bytes_free - IMPORT_DISK_FREE_MIN < promised ||
        fs.bytes_free - IMPORT_DISK_FREE_MIN - promised < more) {
        return al_fail_set(fail, AL_ENOSPC, 0,
                           "altod's disk has no room for another %llu bytes: delete imports that "
                           "are not needed any more, or make room on the disk",
                           (unsigned long long)more);
    }
    return AL_OK;
}

/* The file with its names flushed the first time, so that what is told as received is there. */
static int
open_content(struct service *s, struct al_arena *a, const char *id, bool first,
             struct port_file **ret)
{
    AL_CLEANUP(port_holder_end)
    struct port_holder imports = {.port = s->port},
                       one = {.port = s->port};
    const char *path = import_path(s, a, id, NULL);

    if (path == NULL) {
        return AL_ENOMEM;
    }
    if (first) {
        SV_TRY(port_mkdirs(s->port, path, 0700));
    }
    SV_TRY(port_open(s->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &one.file));
    SV_TRY(port_open(s->port, one.file, IMPORT_CONTENT,
                     PORT_READ | PORT_WRITE | (first ? PORT_CREATE : 0), 0600, ret));
    if (!first) {
        return AL_OK;
    }
    SV_TRY(open_folder(s, IMPORTS, &imports.file));
    SV_TRY(port_sync(s->port, one.file));
    return port_sync(s->port, imports.file);
}

int
import_piece_write(struct service *s, struct al_arena *a, const char *id, struct al_span piece,
                   uint64_t offset, bool whole, struct al_fail *fail)
{
    struct port_file *f = NULL;
    int rc = open_content(s, a, id, offset == 0, &f), closed;

    if (rc == AL_OK) {
        rc = port_pwrite(s->port, f, piece.at, piece.len, offset);
    }
    if (rc == AL_OK && whole) { /* of a piece that a crash cut off, more may be there */
        rc = port_truncate(s->port, f, offset + piece.len);
    }
    if (rc == AL_OK) {
        rc = port_datasync(s->port, f);
    }
    closed = port_close(s->port, f);
    rc = rc == AL_OK ? closed : rc;
    if (rc == AL_ENOSPC) {
        return al_fail_set(fail, rc, 0,
                           "altod's disk is full: what was received stays, go on "
                           "when there is room again");
    }
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(s->port),
                                     "the bytes cannot be kept: %s", al_code_name(rc));
}

/* ---- reading ---- */

int
import_reply_file(struct service_req *req, struct service_reply *reply, const char *path,
                  const char *type, const char *name)
{
    struct port *port = req->service->port;
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = port};
    struct port_stat st;

    if (path == NULL || name == NULL) {
        return AL_ENOMEM;
    }
    SV_TRY(port_open(port, NULL, path, PORT_READ, 0, &f.file));
    SV_TRY(port_stat(port, f.file, &st));
    if (st.type != PORT_T_FILE) {
        return AL_ENOENT;
    }
    reply->file = f.file;
    f.file = NULL;
    reply->file_bytes = st.size;
    reply->file_name = name;
    reply->content_type = type;
    return AL_OK;
}
