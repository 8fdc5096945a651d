#include "server/service/import/import.h"

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
    struct port_holder imports = {.port = s->port}, one = {.port = s->port};
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

/* ---- what nothing refers to ---- */

struct sweeping {
    struct service *s;
    struct store *db;
    struct port_file *folder;
    struct al_arena *arena;
    int64_t now_ns; /* 0: at the start, when nobody writes */
};

/* A row comes before its folder, so that an unknown folder is nobody's. Only what is surely not
 * wanted goes. */
static void
sweep_import(struct sweeping *w, const char *id)
{
    struct scope all = scope_system();
    struct store_import m = {.kept = true};
    struct al_fail quiet = {0};
    int rc = store_import_get(w->db, &all, id, w->arena, &m, &quiet);

    if (rc == AL_ENOENT || (rc == AL_OK && !m.kept)) {
        import_files_drop(w->s, id);
    }
}

/* An export's file comes before its row: one that is young may still be written. */
static void
sweep_export(struct sweeping *w, const char *id)
{
    struct scope all = scope_system();
    struct store_export x;
    struct al_fail quiet = {0};
    struct port_stat st;

    if (store_export_get(w->db, &all, id, w->arena, &x, &quiet) != AL_ENOENT ||
        port_stat_at(w->s->port, w->folder, id, &st) != AL_OK) {
        return;
    }
    if (w->now_ns == 0 || w->now_ns - st.mtime_ns > EXPORT_KEPT_NS) {
        export_file_drop(w->s, id);
    }
}

static int
sweep(struct sweeping *w, const char *kind, void (*one)(struct sweeping *w, const char *id))
{
    AL_CLEANUP(port_holder_end) struct port_holder folder = {.port = w->s->port};
    struct port_dir *list = NULL;
    struct port_dirent entry;
    bool end = false;
    int rc = open_folder(w->s, kind, &folder.file);

    w->folder = folder.file;
    if (rc == AL_OK) {
        rc = port_dir_open(w->s->port, folder.file, &list);
    }
    while (rc == AL_OK) {
        al_id id = "";

        rc = port_dir_next(w->s->port, list, &entry, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (entry.name_len != AL_ID_LEN || !al_id_valid(entry.name)) {
            continue; /* not ours */
        }
        memcpy(id, entry.name, AL_ID_LEN);
        al_arena_reset(w->arena);
        one(w, id);
    }
    port_dir_close(w->s->port, &list);
    return rc;
}

int
import_files_sweep(struct service *s, struct store *db, int64_t now_ns)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(IMPORT_ARENA_MAX);
    struct sweeping w = {.s = s, .db = db, .arena = arena, .now_ns = now_ns};

    SV_TRY(arena == NULL ? AL_ENOMEM : AL_OK);
    SV_TRY(sweep(&w, IMPORTS, sweep_import));
    return sweep(&w, EXPORTS, sweep_export);
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
    return import_files_sweep(s, db, 0);
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
    struct port_holder imports = {.port = s->port}, one = {.port = s->port};
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
