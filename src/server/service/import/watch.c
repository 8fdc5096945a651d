/* A folder into which others put inventories: DIR/VOLUME-ID/FILE or DIR/CUSTOMER/VOLUME/FILE. What
 * has come to rest is copied, imported by guess, and moved to done/ or refused/ beside it, with a
 * FILE.txt that says why.
 *
 * Whether a file was imported stands in the store (source_left), so that a crash at any place
 * neither loses a file nor imports it twice: a file that has an import is only moved. */
#include "server/service/import/import.h"

#include <stdio.h>
#include <string.h>

#define WATCH_FILES_MAX 1024u                     /* watched at the same time; the rest waits */
#define WATCH_STILL_NS (INT64_C(5) * 1000000000)  /* as it is for that long: at rest */
#define WATCH_AGAIN_NS (INT64_C(60) * 1000000000) /* after something failed */
#define WATCH_PATH_MAX 1024u                      /* bytes of VOLUME/FILE */
#define WATCH_COPY_BYTES ((size_t)1 << 20)
#define DONE "done"
#define REFUSED "refused"

struct seen {
    char *path; /* al_alloc'ed; below the folder */
    uint64_t size;
    int64_t mtime_ns;
    int64_t since_ns; /* monotonic: it has looked like that since */
    int64_t not_before_ns;
    unsigned looks; /* how often it looked like that */
    bool there;
};

struct watch {
    struct service *service;
    char *dir;
    struct seen files[WATCH_FILES_MAX];
    size_t count;
    bool begun; /* what a run before this one left is looked after */
    bool told;  /* that the folder cannot be read */
};

struct look { /* one look at the folder */
    struct watch *watch;
    struct service_worker *worker;
    struct background *background;
    struct al_arena *arena;
    struct port *port;
    struct port_file *folder; /* of the volume */
    al_id volume_id;
    char rel[WATCH_PATH_MAX]; /* the volume's folder below DIR */
};

int
watch_open(struct service *s, const char *dir, struct watch **ret, struct al_fail *fail)
{
    struct watch *x = al_zalloc(sizeof(*x));
    struct port_stat st;
    int rc;

    if (x == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    x->service = s;
    x->dir = al_strdup(dir);
    rc = x->dir == NULL ? AL_ENOMEM : port_stat_at(s->port, NULL, dir, &st);
    if (rc == AL_OK && st.type != PORT_T_FOLDER) {
        rc = AL_ENOTDIR;
    }
    if (rc != AL_OK) {
        (void)watch_close(x); /* always NULL */
        return al_fail_set(fail, rc, port_os_error(s->port),
                           "the folder for imports, %.150s, cannot be used: %s", dir,
                           al_code_name(rc));
    }
    *ret = x;
    return AL_OK;
}

struct watch *
watch_close(struct watch *x)
{
    if (x != NULL) {
        for (size_t i = 0; i < x->count; i++) {
            al_free(x->files[i].path);
        }
        al_free(x->dir);
        al_free(x);
    }
    return NULL;
}

/* ---- what was seen ---- */

static struct seen *
seen_of(struct watch *x, const char *path)
{
    struct seen *s;

    for (size_t i = 0; i < x->count; i++) {
        if (strcmp(x->files[i].path, path) == 0) {
            return &x->files[i];
        }
    }
    if (x->count == WATCH_FILES_MAX) {
        return NULL;
    }
    s = &x->files[x->count];
    *s = (struct seen){.path = al_strdup(path)};
    if (s->path == NULL) {
        return NULL;
    }
    x->count++;
    return s;
}

/* Whether the file has come to rest: the same for WATCH_STILL_NS, or, when it was moved here whole,
 * old already and the same at two looks. */
static bool
at_rest(struct seen *s, const struct port_stat *st, int64_t mono_ns, int64_t now_ns)
{
    bool same = s->looks > 0 && s->size == st->size && s->mtime_ns == st->mtime_ns;

    s->there = true;
    if (!same) {
        s->size = st->size;
        s->mtime_ns = st->mtime_ns;
        s->since_ns = mono_ns;
        s->looks = 1;
        return false;
    }
    s->looks++;
    return mono_ns >= s->not_before_ns &&
           (mono_ns - s->since_ns >= WATCH_STILL_NS || now_ns - st->mtime_ns >= WATCH_STILL_NS);
}

static void
forget_gone(struct watch *x)
{
    for (size_t i = 0; i < x->count;) {
        if (x->files[i].there) {
            x->files[i].there = false;
            i++;
        } else {
            al_free(x->files[i].path);
            x->files[i] = x->files[--x->count];
        }
    }
}

/* ---- moving what is over ---- */

static int
why_text(const struct store_import *m, const char *text, struct al_buf *out)
{
    if (m != NULL && m->state == STORE_IM_DONE) {
        return al_buf_addf(out,
                           "This list was imported.\nWhat became of it, and of rows that were "
                           "refused: alto import show %s, alto import refused %s\n",
                           m->id, m->id);
    }
    if (m != NULL && m->state == STORE_IM_CANCELLED) {
        return al_buf_addf(out, "The import %s of this list was cancelled. Nothing was changed.\n",
                           m->id);
    }
    return al_buf_addf(out, "This list was not imported. Nothing was changed.\n%s\n%s%s%s",
                       text != NULL && text[0] != '\0' ? text : "The reason is not known.",
                       m != NULL ? "To tell what its columns mean: alto import VOLUME FILE --map "
                                   "..., or look at import "
                                 : "",
                       m != NULL ? m->id : "", m != NULL ? " in the console.\n" : "");
}

/* FILE goes to done/ or refused/, and FILE.txt beside it; when the name is taken there, FILE.ID. */
static int
put_away(struct look *l, const char *name, const char *id, bool done, struct al_span why)
{
    AL_CLEANUP(port_holder_end) struct port_holder to = {.port = l->port};
    AL_CLEANUP(al_buf_free)
    struct al_buf other = {.max = WATCH_PATH_MAX},
                  text = {.max = WATCH_PATH_MAX};
    const char *folder = done ? DONE : REFUSED, *as = name;
    int rc = port_mkdir(l->port, l->folder, folder, 0700);

    if (rc != AL_OK && rc != AL_EEXIST) {
        return rc;
    }
    SV_TRY(port_open(l->port, l->folder, folder, PORT_READ | PORT_FOLDER, 0, &to.file));
    rc = port_rename(l->port, l->folder, name, to.file, name, false);
    if (rc == AL_EEXIST) {
        SV_TRY(al_buf_addf(&other, "%s.%s", name, id));
        as = (const char *)other.at;
        rc = port_rename(l->port, l->folder, name, to.file, as, true);
    }
    SV_TRY(rc);
    SV_TRY(al_buf_addf(&text, "%s.txt", as));
    SV_TRY(port_sync(l->port, l->folder));
    return port_write_file(l->port, to.file, (const char *)text.at, why.at, why.len, 0600);
}

static int
source_moved(struct look *l, const char *id)
{
    struct scope all = scope_system();
    struct al_fail fail = {0};
    int rc = store_begin(l->worker->db, &fail);

    SV_TRY(rc);
    rc = store_import_source_moved(l->worker->db, &all, id, &fail);
    if (rc != AL_OK) {
        store_rollback(l->worker->db);
        return rc;
    }
    return store_commit(l->worker->db, &fail);
}

static int
move_ended(struct look *l, const char *name, const struct store_import *m)
{
    AL_CLEANUP(al_buf_free) struct al_buf why = {.max = 16u << 10};

    SV_TRY(why_text(m, m->text, &why));
    SV_TRY(put_away(l, name, m->id, m->state == STORE_IM_DONE, al_buf_span(&why)));
    return source_moved(l, m->id);
}

/* ---- taking ---- */

static int
copy(struct look *l, struct port_file *from, const struct store_import *m, struct al_fail *fail)
{
    uint8_t *piece = al_alloc(WATCH_COPY_BYTES);
    uint64_t at = 0;
    int rc = piece == NULL ? AL_ENOMEM : AL_OK;

    while (rc == AL_OK && at < m->size) {
        size_t len = 0;

        rc = background_stopping(l->background)
                 ? AL_ECANCELED
                 : port_pread(l->port, from, piece, WATCH_COPY_BYTES, at, &len);
        if (rc == AL_OK && len == 0) {
            rc = al_fail_set(fail, AL_ECHANGED, 0, "the file became shorter while it was read");
        }
        if (rc == AL_OK) {
            len = len > m->size - at ? (size_t)(m->size - at) : len;
            rc = import_piece_write(l->worker->service, l->arena, m->id,
                                    (struct al_span){piece, len}, at, at + len == m->size, fail);
            at += len;
        }
    }
    al_free(piece);
    return rc;
}

/* Ready and running in one transaction, or failed when its look has a problem. */
static int
copied(struct look *l, const struct store_import *m, struct work_tx *t)
{
    AL_CLEANUP(al_buf_free) struct al_buf look = {.max = 4 * IMPORT_LOOK_BYTES_MAX + (1u << 20)};
    AL_CLEANUP(al_json_freep) json_t *tree = NULL;
    struct store_import_piece p = {.received = m->size};
    struct import_options o = {0};
    const char *path = import_path(l->worker->service, l->arena, m->id, IMPORT_CONTENT);

    SV_TRY(path == NULL ? AL_ENOMEM : AL_OK);
    SV_TRY(import_look_text(l->worker->service, path, &o, l->arena, &look, &p.problem, t->fail));
    p.look = (const char *)look.at;
    SV_TRY(store_begin(t->db, t->fail));
    SV_TRY(store_import_received(t->db, &t->scope, m->id, &p, t->now_ns, t->fail));
    if (!p.problem) {
        SV_TRY(store_import_run(t->db, &t->scope, m->id, t->now_ns, t->fail));
        SV_TRY(import_event(t, m, "import.run", NULL, NULL, NULL));
    } else {
        struct store_import_end e = {.state = STORE_IM_FAILED, .code = al_code_name(AL_EINVAL)};

        SV_TRY(al_json_parse(al_buf_span(&look), &tree, t->fail));
        e.text = json_string_value(json_object_get(tree, "problem"));
        e.text = e.text == NULL ? "" : e.text;
        SV_TRY(store_import_end(t->db, &t->scope, m->id, &e, t->now_ns, t->fail));
        SV_TRY(import_event(t, m, "import.failed", e.code, e.text, NULL));
    }
    return store_commit(t->db, t->fail);
}

/* A copy that did not come whole is as if it had never been begun. */
static void
undo(struct look *l, const struct store_import *m)
{
    struct scope all = scope_system();
    struct al_fail fail = {0};
    struct work_tx t;
    int rc = store_begin(l->worker->db, &fail);

    work_tx_system(&t, l->worker, port_now_ns(l->port), l->arena, &fail);
    if (rc == AL_OK) {
        rc = import_event(&t, m, "import.delete", NULL, "the copy did not come whole", NULL);
        rc = rc == AL_OK ? store_import_del(l->worker->db, &all, m->id, &fail) : rc;
        if (rc != AL_OK) {
            store_rollback(l->worker->db);
        } else {
            rc = store_commit(l->worker->db, &fail);
        }
    }
    if (rc == AL_OK) {
        import_files_drop(l->worker->service, m->id);
    }
}

static int
begin_import(struct look *l, struct work_tx *t, const char *path, const struct port_stat *st,
             struct store_import *m)
{
    AL_CLEANUP(al_buf_free) struct al_buf options = {.max = IMPORT_OPTIONS_BYTES_MAX};
    const struct import_options guess = {0};
    const char *name = strrchr(path, '/');
    struct import_new n = {
        .volume_id = l->volume_id,
        .name = name == NULL ? path : name + 1,
        .size = st->size,
        .source = path,
        .source_ns = st->mtime_ns,
        .created_by = "altod",
    };
    struct store_volume v;
    int rc;

    SV_TRY(store_volume_get(t->db, &t->scope, l->volume_id, t->arena, &v, t->fail));
    SV_TRY(import_options_text(&guess, &options));
    n.options = (const char *)options.at;
    n.customer_id = v.customer_id;
    SV_TRY(store_begin(t->db, t->fail));
    rc = import_make(t, &n, m->id);
    if (rc != AL_OK) {
        store_rollback(t->db);
        return rc;
    }
    SV_TRY(store_commit(t->db, t->fail));
    *m = (struct store_import){.name = n.name, .size = n.size, .source = path};
    return AL_OK;
}

static int
take(struct look *l, const char *name, const char *path, const struct port_stat *st,
     struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = l->port};
    struct store_import m = {0}, begun = {0};
    struct port_stat now;
    struct work_tx t;
    int rc;

    SV_TRY(port_open(l->port, l->folder, name, PORT_READ | PORT_NONBLOCK, 0, &f.file));
    SV_TRY(port_stat(l->port, f.file, &now));
    if (now.type != PORT_T_FILE || now.size != st->size || now.mtime_ns != st->mtime_ns) {
        return AL_ECHANGED;
    }
    work_tx_system(&t, l->worker, port_now_ns(l->port), l->arena, fail);
    SV_TRY(begin_import(l, &t, path, st, &begun));
    SV_TRY(store_import_of_source(t.db, &t.scope, l->volume_id, path, st->mtime_ns, st->size,
                                  l->arena, &m, fail));
    rc = copy(l, f.file, &m, fail);
    rc = rc == AL_OK ? port_stat(l->port, f.file, &now) : rc;
    if (rc == AL_OK && (now.size != st->size || now.mtime_ns != st->mtime_ns)) {
        rc = al_fail_set(fail, AL_ECHANGED, 0, "the file changed while it was read");
    }
    if (rc == AL_OK) {
        rc = copied(l, &m, &t);
        if (rc != AL_OK) {
            store_rollback(t.db); /* fine without a transaction */
        }
    }
    if (rc != AL_OK) {
        undo(l, &m);
        return rc;
    }
    import_publish(l->worker, m.customer_id, m.id);
    background_wake(l->background);
    return AL_OK;
}

/* ---- looking ---- */

static bool
is_unfinished_name(const char *name)
{
    static const char *const ends[] = {".part", ".tmp", ".filepart", ".crdownload", ".swp"};
    size_t len = strlen(name);

    for (size_t i = 0; i < AL_LEN(ends); i++) {
        size_t n = strlen(ends[i]);

        if (len > n && strcmp(name + len - n, ends[i]) == 0) {
            return true;
        }
    }
    return name[0] == '.';
}

/* A file that no import can be made of. */
static int
refuse_file(struct look *l, const char *name, const char *text)
{
    AL_CLEANUP(al_buf_free) struct al_buf why = {.max = 4096};
    al_id id;

    SV_TRY(store_id_make(l->worker->db, port_now_ns(l->port), id));
    SV_TRY(why_text(NULL, text, &why));
    return put_away(l, name, id, false, al_buf_span(&why));
}

static int
one_file(struct look *l, const char *name, const char *path, const struct port_stat *st,
         struct al_fail *fail)
{
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    struct store_import m;
    int rc = store_import_of_source(l->worker->db, &all, l->volume_id, path, st->mtime_ns, st->size,
                                    l->arena, &m, &quiet);

    if (rc == AL_ENOENT) {
        return st->size == 0 ? refuse_file(l, name, "The file is empty.")
                             : take(l, name, path, st, fail);
    }
    SV_TRY(rc);
    switch (m.state) {
    case STORE_IM_DONE:
    case STORE_IM_FAILED:
    case STORE_IM_CANCELLED:
        return move_ended(l, name, &m);
    default:
        return AL_OK; /* at work */
    }
}

static void
look_at_file(struct look *l, const char *name)
{
    char path[WATCH_PATH_MAX];
    struct al_fail fail = {0};
    struct port_stat st;
    struct seen *s;
    int64_t mono_ns = port_mono_ns(l->port);
    int rc, len = snprintf(path, sizeof path, "%s/%s", l->rel, name);

    if (len < 0 || (size_t)len >= sizeof path || is_unfinished_name(name) ||
        !al_utf8_valid(al_span_of(name)) || port_stat_at(l->port, l->folder, name, &st) != AL_OK ||
        st.type != PORT_T_FILE) {
        return;
    }
    s = seen_of(l->watch, path);
    if (s == NULL || !at_rest(s, &st, mono_ns, port_now_ns(l->port))) {
        return;
    }
    rc = one_file(l, name, path, &st, &fail);
    if (rc != AL_OK && rc != AL_ECANCELED) {
        s->not_before_ns = mono_ns + WATCH_AGAIN_NS;
        al_log(l->worker->service->log, AL_LOG_WARN,
               "%s in the folder for imports is tried again in a minute: %s", path,
               fail.text[0] != '\0' ? fail.text : al_code_name(rc));
    }
}

/* Names are gathered first: files are moved while one looks. */
static int
each_name(struct look *l, struct port_file *folder, void (*fn)(struct look *l, const char *name))
{
    AL_CLEANUP(al_buf_free) struct al_buf names = {.max = 1u << 20};
    struct port_dir *list = NULL;
    struct port_dirent entry;
    bool end = false;
    int rc = port_dir_open(l->port, folder, &list);

    while (rc == AL_OK) {
        rc = port_dir_next(l->port, list, &entry, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (al_buf_add(&names, entry.name, entry.name_len + 1) != AL_OK) {
            break; /* the rest at the next look */
        }
    }
    port_dir_close(l->port, &list);
    for (size_t at = 0; at < names.len && !background_stopping(l->background);
         at += strlen((const char *)names.at + at) + 1) {
        fn(l, (const char *)names.at + at);
    }
    return rc;
}

static void
look_at_volume(struct look *l, struct port_file *folder)
{
    l->folder = folder;
    (void)each_name(l, folder, look_at_file); /* what cannot be read is looked at again */
    l->folder = NULL;
    al_arena_reset(l->arena);
}

/* DIR/CUSTOMER/VOLUME; l->rel is the customer. */
static void
look_at_second(struct look *l, const char *name)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = l->port};
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    char customer[WATCH_PATH_MAX];
    int len;

    memcpy(customer, l->rel, sizeof customer);
    len = snprintf(l->rel, sizeof l->rel, "%s/%s", customer, name);
    if (name[0] != '.' && len > 0 && (size_t)len < sizeof l->rel &&
        store_volume_by_names(l->worker->db, &all, customer, name, l->volume_id, &quiet) == AL_OK &&
        port_open(l->port, l->folder, name, PORT_READ | PORT_FOLDER, 0, &f.file) == AL_OK) {
        struct port_file *up = l->folder;

        look_at_volume(l, f.file);
        l->folder = up;
    }
    memcpy(l->rel, customer, sizeof customer);
}

static void
look_at_first(struct look *l, const char *name)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = l->port};
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    struct store_volume v;
    struct port_file *up = l->folder;

    if (name[0] == '.' || strlen(name) >= sizeof l->rel ||
        port_open(l->port, up, name, PORT_READ | PORT_FOLDER, 0, &f.file) != AL_OK) {
        return;
    }
    (void)snprintf(l->rel, sizeof l->rel, "%s", name);
    if (al_id_valid(name) &&
        store_volume_get(l->worker->db, &all, name, l->arena, &v, &quiet) == AL_OK) {
        memcpy(l->volume_id, name, sizeof(al_id));
        look_at_volume(l, f.file);
    } else {
        l->folder = f.file;
        (void)each_name(l, f.file, look_at_second); /* looked at again */
    }
    l->folder = up;
}

/* ---- after a crash ---- */

#define LEFT_MAX 1024u
struct left {
    struct look *look;
    al_id ids[LEFT_MAX];
    size_t count;
};

static int
one_cut(void *ctx, const char *id)
{
    struct left *x = ctx;

    if (x->count < LEFT_MAX) {
        memcpy(x->ids[x->count++], id, sizeof(al_id));
    }
    return AL_OK;
}

/* Its file is not there any more: it was moved just before the end. */
static int
one_left(void *ctx, const char *id, const char *source)
{
    struct left *x = ctx;
    AL_CLEANUP(port_holder_end) struct port_holder dir = {.port = x->look->port};
    struct port_stat st;
    const char *name;
    int rc = port_walk_to(x->look->port, x->look->folder, source, &dir.file, &name);

    if (rc == AL_OK) {
        rc = port_stat_at(x->look->port, dir.file, name, &st);
    }
    return rc == AL_ENOENT ? one_cut(ctx, id) : AL_OK;
}

static void
begin(struct look *l)
{
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    struct left cut = {.look = l}, left = {.look = l};

    if (store_import_each_cut(l->worker->db, &all, one_cut, &cut, &quiet) != AL_OK ||
        store_import_each_left(l->worker->db, &all, one_left, &left, &quiet) != AL_OK) {
        return; /* at the next look */
    }
    for (size_t i = 0; i < cut.count; i++) {
        struct store_import m;

        if (store_import_get(l->worker->db, &all, cut.ids[i], l->arena, &m, &quiet) == AL_OK) {
            undo(l, &m);
        }
    }
    for (size_t i = 0; i < left.count; i++) {
        if (source_moved(l, left.ids[i]) != AL_OK) {
            return;
        }
    }
    l->watch->begun = true;
}

void
watch_look(struct watch *x, struct service_worker *w, struct background *b)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(IMPORT_ARENA_MAX);
    AL_CLEANUP(port_holder_end) struct port_holder dir = {.port = x->service->port};
    struct look l = {
        .watch = x, .worker = w, .background = b, .arena = arena, .port = x->service->port};
    int rc = arena == NULL ? AL_ENOMEM
                           : port_open(l.port, NULL, x->dir, PORT_READ | PORT_FOLDER, 0, &dir.file);

    if (rc == AL_OK) {
        l.folder = dir.file;
        if (!x->begun) {
            begin(&l);
        }
        rc = x->begun ? each_name(&l, dir.file, look_at_first) : AL_OK;
    }
    if (rc != AL_OK && !x->told) {
        al_log(x->service->log, AL_LOG_WARN, "the folder for imports cannot be read: %s",
               al_code_name(rc));
    }
    x->told = rc != AL_OK;
    if (rc == AL_OK) {
        forget_gone(x);
    }
}
