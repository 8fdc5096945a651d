/* marks.c: which filesystems are marked, and which must never be: a gate that has to open a file of
 * a marked filesystem waits for itself, and everybody who opens anything there with it. */
#include "gate/gate.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "port/ask.h"

#define MARKS_FILE "gate.marks"
#define MARKS_FILE_MAX (1u << 20)
#define SWAPS_MAX (4u << 20)

static int
refuse(struct al_fail *fail, const char *why, const char *what)
{
    return al_fail_set(fail, AL_ECONFLICT, 0, "will not mark this filesystem: it holds %s%s", why,
                       what);
}

/* Whether the mark would cover path; a path that is not there is not covered. */
static bool
covers(int fd, const char *path)
{
    bool same = false;

    return port_fan_same_fs(fd, path, &same) == AL_OK && same;
}

static int
refuse_places(struct gate *g, int fd, struct al_fail *fail)
{
    static const char *const places[] = {"/", "/usr", "/etc", "/var/lib", "/run", "/bin", "/lib"};
    char exe[48], folder[4096];
    const char *slash = strrchr(g->conf.socket, '/');
    size_t i;

    for (i = 0; i < AL_LEN(places); i++) {
        if (covers(fd, places[i])) {
            return refuse(fail, "the system: ", places[i]);
        }
    }
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - g->conf.socket), g->conf.socket);
    if (covers(fd, "/proc/self/exe") || covers(fd, folder) ||
        (g->conf.conf != NULL && covers(fd, g->conf.conf))) {
        return refuse(fail, "alto-gate's own program, state or socket", "");
    }
    for (i = 0; i < GATE_CLIENTS_MAX; i++) {
        const struct client *c = &g->clients[i];

        if (c->fd < 0 || c->role == GATEMSG_CONTROL) {
            continue;
        }
        (void)snprintf(exe, sizeof(exe), "/proc/%u/exe", c->peer.pid);
        if (covers(fd, exe) || (c->state_folder != NULL && covers(fd, c->state_folder))) {
            return refuse(fail, "the program or state of alto-agent or alto-hold", "");
        }
    }
    return AL_OK;
}

static int
refuse_swap(struct gate *g, int fd, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    char *rest, *line;
    int rc;

    al_buf_init(&text, SWAPS_MAX);
    rc = port_read_file(g->port, NULL, "/proc/swaps", SWAPS_MAX, &text);
    if (rc != AL_OK || text.len == 0) {
        return rc == AL_ENOENT || rc == AL_OK ? AL_OK
                                              : al_fail_set(fail, rc, 0, "cannot read /proc/swaps");
    }
    rest = (char *)text.at;
    while ((line = strsep(&rest, "\n")) != NULL) {
        line[strcspn(line, " \t")] = '\0';
        if (line[0] == '/' && covers(fd, line)) {
            return refuse(fail, "the swap file ", line);
        }
    }
    return AL_OK;
}

/* One option list of an overlay mount: "rw,lowerdir=/a:/b,upperdir=/c". */
static bool
overlay_options_use(int fd, char *options)
{
    char *option, *layers, *layer;

    while ((option = strsep(&options, ",")) != NULL) {
        char *value = strchr(option, '=');

        if (value == NULL ||
            (strncmp(option, "lowerdir", 8) != 0 && strncmp(option, "upperdir", 8) != 0 &&
             strncmp(option, "datadir", 7) != 0)) {
            continue;
        }
        layers = value + 1;
        while ((layer = strsep(&layers, ":")) != NULL) {
            layer += *layer == '+' ? 1 : 0; /* "lowerdir+=" */
            if (layer[0] == '/' && covers(fd, layer)) {
                return true;
            }
        }
    }
    return false;
}

bool
gate_is_overlay_layer(int fd, const char *mountinfo)
{
    AL_CLEANUP(al_freep) char *text = al_strdup(mountinfo);
    char *rest = text, *line;

    if (text == NULL) {
        return true; /* unknown is not no */
    }
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *options = strstr(line, " - overlay ");

        options = options == NULL ? NULL : strrchr(options, ' ');
        if (options != NULL && overlay_options_use(fd, options + 1)) {
            return true;
        }
    }
    return false;
}

static int
refuse_overlay(int fd, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    if (port_kernel_at_least(6, 6)) {
        return AL_OK;
    }
    al_buf_init(&text, PORT_MOUNTS_MAX);
    rc = port_mounts(&text);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "cannot read /proc/self/mountinfo");
    }
    if (gate_is_overlay_layer(fd, (const char *)text.at)) {
        return refuse(fail, "a layer of an overlay, whose readers this kernel asks nobody about",
                      "");
    }
    return AL_OK;
}

static int
refuse_kind(int fd, struct al_fail *fail)
{
    struct port_fs fs;
    int rc;

    rc = port_fd_fs(fd, &fs);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "cannot ask which filesystem this is");
    }
    if (fs.kind == PORT_FS_EXT4 || fs.kind == PORT_FS_XFS || fs.kind == PORT_FS_BTRFS) {
        return AL_OK;
    }
    return al_fail_set(fail, AL_ENOTSUP, 0,
                       "will not mark %s: stubs are safe on ext4, XFS and btrfs alone", fs.name);
}

/* ---- the list of paths, for people and for the next gate ---- */

static void
marks_save(struct gate *g)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *list = json_array();
    size_t i;
    int rc = list == NULL ? AL_ENOMEM : AL_OK;

    al_buf_init(&text, MARKS_FILE_MAX);
    for (i = 0; rc == AL_OK && i < GATE_MARKS_MAX; i++) {
        json_t *item = g->marks[i] == NULL ? NULL : json_object();

        if (item == NULL) {
            continue;
        }
        rc = al_json_set_bytes(item, "path", al_span_of(g->marks[i]));
        if (json_array_append_new(list, item) != 0) {
            rc = AL_ENOMEM;
        }
    }
    if (rc == AL_OK) {
        rc = al_json_print(list, &text);
    }
    if (rc == AL_OK) {
        rc = port_write_file(g->port, g->folder, MARKS_FILE, text.at, text.len, 0600);
    }
    if (rc != AL_OK) {
        al_log(g->conf.log, AL_LOG_WARN, "cannot write " MARKS_FILE ": %s", al_code_name(rc));
    }
}

/* Whether it was on the list. */
static bool
marks_note(struct gate *g, const char *path, bool there)
{
    size_t i, slot = GATE_MARKS_MAX;
    bool was = false;

    for (i = 0; i < GATE_MARKS_MAX; i++) {
        if (g->marks[i] == NULL) {
            slot = slot == GATE_MARKS_MAX ? i : slot;
        } else if (strcmp(g->marks[i], path) == 0) {
            if (there) {
                return true;
            }
            al_free(g->marks[i]);
            g->marks[i] = NULL;
            was = true;
        }
    }
    if (there && slot < GATE_MARKS_MAX) {
        g->marks[slot] = al_strdup(path);
    }
    marks_save(g);
    return was;
}

/* Kernels tell of accesses on some filesystems only, so what was marked before counts too. */
static void
note_access(struct gate *g, bool access)
{
    bool first = true;

    for (size_t i = 0; i < GATE_MARKS_MAX; i++) {
        first = first && g->marks[i] == NULL;
    }
    if (first) {
        g->table->access = access ? TABLE_ACCESSES : TABLE_OPENS;
    } else if ((g->table->access == TABLE_ACCESSES) != access) {
        g->table->access = TABLE_MIXED;
    }
    atomic_store(&g->access, g->table->access != TABLE_OPENS);
}

int
gate_mark(struct gate *g, int fd, const char *path, struct al_fail *fail)
{
    bool access = false;
    int rc;

    if (g->holders == 0 && !g->conf.alone) {
        return al_fail_set(fail, AL_EUNREACH, 0,
                           "nobody but alto-gate holds the event group: start alto-hold first");
    }
    rc = refuse_kind(fd, fail);
    if (rc == AL_OK) {
        rc = refuse_places(g, fd, fail);
    }
    if (rc == AL_OK) {
        rc = refuse_swap(g, fd, fail);
    }
    if (rc == AL_OK) {
        rc = refuse_overlay(fd, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_fan_mark(g->group, fd, &access);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(g->port), "the kernel does not mark it");
    }
    note_access(g, access);
    (void)marks_note(g, path, true);
    al_log(g->conf.log, AL_LOG_INFO, "marked %s (opens%s)", path, access ? " and accesses" : "");
    return AL_OK;
}

int
gate_unmark(struct gate *g, int fd, const char *path, struct al_fail *fail)
{
    bool listed;
    int rc;

    rc = port_fan_unmark(g->group, fd);
    listed = marks_note(g, path, false);
    if (rc == AL_ENOENT && listed) {
        /* the mark went with the filesystem */
        al_log(g->conf.log, AL_LOG_INFO, "%s is not on the list of marks any more", path);
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(g->port), "there was no mark");
    }
    al_log(g->conf.log, AL_LOG_WARN, "unmarked %s: its stubs read as zeros", path);
    return AL_OK;
}

static void
mark_path(struct gate *g, const char *path)
{
    struct al_fail fail = {0};
    bool marked = false;
    int fd, rc;

    rc = port_fd_open_folder(path, &fd);
    if (rc != AL_OK) {
        (void)al_fail_set(&fail, rc, port_os_error(g->port), "cannot open it");
    } else {
        if (port_fan_marked(g->group, fd, &marked) == AL_OK && marked) {
            (void)marks_note(g, path, true);
        } else {
            rc = gate_mark(g, fd, path, &fail);
        }
        port_fd_close(&fd);
    }
    if (rc != AL_OK) {
        al_log(g->conf.log, AL_LOG_ERROR, "%s is not marked: %s", path, fail.text);
    }
}

static void
marks_again(struct gate *g)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *list = NULL;
    size_t i;

    al_buf_init(&text, MARKS_FILE_MAX);
    if (port_read_file(g->port, g->folder, MARKS_FILE, MARKS_FILE_MAX, &text) != AL_OK ||
        al_json_parse(al_buf_span(&text), &list, NULL) != AL_OK) {
        return;
    }
    for (i = 0; i < json_array_size(list); i++) {
        AL_CLEANUP(al_buf_free) struct al_buf path = {0};

        al_buf_init(&path, 4096);
        if (al_json_get_bytes(json_array_get(list, i), "path", &path, NULL) == AL_OK &&
            path.len > 0) {
            mark_path(g, (const char *)path.at);
        }
    }
}

void
gate_marks_begin(struct gate *g)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    char *rest, *line;
    int rc = AL_ENOENT;

    marks_again(g);
    al_buf_init(&text, MARKS_FILE_MAX);
    if (g->conf.conf != NULL) {
        rc = port_read_file(g->port, NULL, g->conf.conf, MARKS_FILE_MAX, &text);
    }
    if (rc != AL_OK || text.len == 0) {
        if (rc != AL_ENOENT && rc != AL_OK) {
            al_log(g->conf.log, AL_LOG_ERROR, "cannot read %s: %s", g->conf.conf, al_code_name(rc));
        }
        return;
    }
    rest = (char *)text.at;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (strncmp(line, "mark ", 5) == 0) {
            mark_path(g, line + 5);
        } else if (line[0] != '\0' && line[0] != '#') {
            al_log(g->conf.log, AL_LOG_ERROR, "%s: not understood: %s", g->conf.conf, line);
        }
    }
}

static int
status_marks(struct gate *g, json_t *to)
{
    size_t i;
    int rc = AL_OK;

    for (i = 0; rc == AL_OK && i < GATE_MARKS_MAX; i++) {
        json_t *item;
        bool marked = false;
        int fd;

        if (g->marks[i] == NULL) {
            continue;
        }
        if (port_fd_open_folder(g->marks[i], &fd) == AL_OK) {
            marked = port_fan_marked(g->group, fd, &marked) == AL_OK && marked;
            port_fd_close(&fd);
        }
        item = json_object();
        if (item == NULL || json_array_append_new(to, item) != 0) {
            return AL_ENOMEM;
        }
        rc = al_json_set_bytes(item, "path", al_span_of(g->marks[i]));
        if (rc == AL_OK) {
            rc = al_json_set_bool(item, "marked", marked);
        }
    }
    return rc;
}

int
gate_status(struct gate *g, struct al_buf *out)
{
    AL_CLEANUP(al_json_freep) json_t *all = json_object();
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"pid", g->self_pid},
        {"wait_ms", g->conf.wait_ms},
        {"agent_pid", atomic_load(&g->agent_pid)},
        {"holders", g->holders},
        {"readers", atomic_load(&g->readers)},
        {"limit", g->pending_max},
        {"waiting", atomic_load(&g->pending_count)},
        {"guarded", atomic_load(&g->guard_count)},
        {"events", atomic_load(&g->n_opens)},
        {"stubs", atomic_load(&g->n_stubs)},
        {"allowed", atomic_load(&g->n_allowed)},
        {"denied", atomic_load(&g->n_denied)},
    };
    json_t *marks = json_array();
    size_t i;
    int rc = AL_OK;

    if (all == NULL || marks == NULL) {
        json_decref(marks);
        return AL_ENOMEM;
    }
    for (i = 0; rc == AL_OK && i < AL_LEN(numbers); i++) {
        rc = al_json_set_u64(all, numbers[i].key, numbers[i].value);
    }
    if (rc == AL_OK) {
        rc = al_json_set_bool(all, "accesses", atomic_load(&g->access));
    }
    rc = rc == AL_OK ? status_marks(g, marks) : rc;
    if (rc != AL_OK) {
        json_decref(marks);
        return rc;
    }
    rc = al_json_set(all, "marks", marks);
    return rc == AL_OK ? al_json_print(all, out) : rc;
}
