/* unc.c: shares on Windows: smb://HOST/SHARE[/DIR] and \\HOST\SHARE[\DIR] as folders of the system's own
 * client.
 *
 * The folder kind does the work, through a port of the target's own that stands before the system's:
 * around each single call it puts the share's user on the thread and takes it off again (port/logon.h), so
 * that nothing else on the thread is done as that user and several targets can be several users on one
 * server; and it sets the call's time limit (port/remote.h).
 *
 * What is proven of an object: FlushFileBuffers is SMB2 FLUSH, so the server says that it is on its disk;
 * it is read back through another handle without this machine's cache (PORT_DIRECT), so the bytes went over
 * the wire twice. Whether the server read its disk or its memory for it no client can tell. */
#include "agent/target/target_kind.h"

#include <string.h>

#include "base/mem.h"
#include "port/logon.h"
#include "port/remote.h"

#define SMB_PORT "445" /* the only one Windows' client knows */

struct unc {
    struct port port; /* first: what the folder kind calls */
    struct port *below;
    struct port_logon *logon; /* NULL: as this process */
    struct port_watch *watch;
    uint32_t limit_ms;
    uint32_t os; /* of the last call: taking the user off sets another */
};

static struct unc *
unc_of(struct port *p)
{
    return (struct unc *)p;
}

static int
enter(struct unc *u)
{
    port_watch_begin(u->watch, u->limit_ms);
    return u->logon != NULL ? port_logon_use(u->logon) : AL_OK;
}

/* NULL takes it off or ends the process. */
static int
leave(struct unc *u, int rc)
{
    bool late = port_watch_end(u->watch);

    u->os = port_os_error(u->below);
    if (u->logon != NULL) {
        int off = port_logon_use(NULL);

        rc = rc == AL_OK ? off : rc;
    }
    if (rc == AL_ECANCELED && late) {
        return AL_ETIMEDOUT;
    }
    /* Another program of this logon is connected as somebody else. */
    return rc == AL_ECONFLICT ? AL_EAUTH : rc;
}

/* One line for each call: as the user, within its time. */
#define THROUGH(u, call)                                                                           \
    do {                                                                                           \
        int rc_ = enter(u);                                                                        \
                                                                                                   \
        return leave(u, rc_ == AL_OK ? (call) : rc_);                                              \
    } while (0)

static int
unc_open_file(struct port *p, struct port_file *dir, const char *name, uint32_t flags,
              uint32_t mode, struct port_file **ret)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->open(u->below, dir, name, flags, mode, ret));
}

static int
unc_close(struct port *p, struct port_file *f)
{
    struct unc *u = unc_of(p);
    int rc = enter(u), closed = u->below->ops->close(u->below, f); /* in any case */

    return leave(u, rc == AL_OK ? closed : rc);
}

static int
unc_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
          size_t *ret_len)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->pread(u->below, f, to, len, offset, ret_len));
}

static int
unc_pwrite(struct port *p, struct port_file *f, const void *from, size_t len, uint64_t offset)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->pwrite(u->below, f, from, len, offset));
}

static int
unc_sync(struct port *p, struct port_file *f, bool data_only)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->sync(u->below, f, data_only));
}

static int
unc_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->stat(u->below, f, ret));
}

static int
unc_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->stat_at(u->below, dir, name, ret));
}

static int
unc_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
           const char *b, bool replace)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->rename(u->below, dir_a, a, dir_b, b, replace));
}

static int
unc_unlink(struct port *p, struct port_file *dir, const char *name)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->unlink(u->below, dir, name));
}

static int
unc_mkdir(struct port *p, struct port_file *dir, const char *name, uint32_t mode)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->mkdir(u->below, dir, name, mode));
}

static int
unc_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->dir_open(u->below, folder, ret));
}

static int
unc_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->dir_next(u->below, d, ret, ret_end));
}

static void
unc_dir_close(struct port *p, struct port_dir *d)
{
    struct unc *u = unc_of(p);
    int rc = enter(u);

    u->below->ops->dir_close(u->below, d);
    rc = leave(u, rc);
    (void)rc; /* a listing holds nothing that could be lost */
}

static int
unc_fs(struct port *p, struct port_file *f, struct port_fs *ret)
{
    struct unc *u = unc_of(p);

    THROUGH(u, u->below->ops->fs(u->below, f, ret));
}

static int64_t
unc_now_ns(struct port *p)
{
    return port_now_ns(unc_of(p)->below);
}

static int64_t
unc_mono_ns(struct port *p)
{
    return port_mono_ns(unc_of(p)->below);
}

static void
unc_sleep_ns(struct port *p, int64_t ns)
{
    port_sleep_ns(unc_of(p)->below, ns);
}

static int
unc_random(struct port *p, void *to, size_t len)
{
    return unc_of(p)->below->ops->random(unc_of(p)->below, to, len);
}

static uint32_t
unc_os_error(struct port *p)
{
    return unc_of(p)->os;
}

static const struct port_ops unc_ops = {
    /* what the folder kind and target.c call */
    .open = unc_open_file,      .close = unc_close,
    .pread = unc_pread,         .pwrite = unc_pwrite,
    .sync = unc_sync,           .stat = unc_stat,
    .stat_at = unc_stat_at,     .rename = unc_rename,
    .unlink = unc_unlink,       .mkdir = unc_mkdir,
    .dir_open = unc_dir_open,   .dir_next = unc_dir_next,
    .dir_close = unc_dir_close, .fs = unc_fs,
    .now_ns = unc_now_ns,       .mono_ns = unc_mono_ns,
    .sleep_ns = unc_sleep_ns,   .random = unc_random,
    .os_error = unc_os_error,
};

/* ---- the address ---- */

static int
host_add(struct al_buf *to, const char *host, size_t len)
{
    size_t from = to->len;
    int rc = al_buf_add(to, host, len);

    for (size_t i = from; rc == AL_OK && i < to->len; i++) {
        to->at[i] = to->at[i] == ':' ? '-' : to->at[i] == '%' ? 's' : to->at[i];
    }
    return rc;
}

/* "HOST", "HOST:445"; "[ADDRESS]" of version 6 as Windows has it in a path, "a--1.ipv6-literal.net". */
static int
add_host(struct al_buf *to, const char *server, size_t len, struct al_fail *fail)
{
    const char *colon = memchr(server, ':', len), *end;
    int rc;

    if (len > 0 && server[0] == '[') {
        end = memchr(server, ']', len);
        if (end == NULL) {
            return AL_EINVAL;
        }
        rc = host_add(to, server + 1, (size_t)(end - server - 1));
        rc = rc == AL_OK ? al_buf_adds(to, ".ipv6-literal.net") : rc;
        colon = end + 1 < server + len ? end + 1 : NULL;
    } else {
        rc = al_buf_add(to, server, colon != NULL ? (size_t)(colon - server) : len);
    }
    if (rc == AL_OK && colon != NULL &&
        ((size_t)(server + len - colon) != sizeof(SMB_PORT) ||
         memcmp(colon + 1, SMB_PORT, sizeof(SMB_PORT) - 1) != 0)) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "Windows reaches shares at port " SMB_PORT " alone: leave it out");
    }
    return rc;
}

/* t->root as "//HOST/SHARE[/DIR]". */
static int
address(struct target *t, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = TARGET_URL_MAX + 64};
    const char *at = t->root;
    size_t host;
    int rc;

    for (char *c = t->root; *c != '\0'; c++) {
        *c = *c == '\\' ? '/' : *c;
    }
    at += strspn(at, "/");
    host = strcspn(at, "/");
    if (host == 0 || memchr(at, '@', host) != NULL || at[host] == '\0' || at[host + 1] == '\0' ||
        at[host + 1] == '/' || strcmp(at, "?") == 0 || at[0] == '?' || at[0] == '.') {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"%.100s\" is no share: write smb://HOST/SHARE[/FOLDER], user and "
                           "password apart",
                           t->url);
    }
    rc = al_buf_adds(&path, "//");
    if (rc == AL_OK) {
        rc = add_host(&path, at, host, fail);
    }
    if (rc == AL_OK) {
        rc = al_buf_adds(&path, at + host);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "\"%.100s\" is no address of a share", t->url);
    }
    al_free(t->root);
    t->root = (char *)al_buf_take(&path, &host);
    return AL_OK;
}

/* ---- opening ---- */

static void
unc_end(struct target *t)
{
    struct unc *u = unc_of(t->port);

    t->port = u->below;
    u->logon = port_logon_free(u->logon);
    u->watch = port_watch_free(u->watch);
    al_free(u);
}

/* "//HOST/SHARE" of the root. */
static size_t
share_len(const char *root)
{
    size_t host = 2 + strcspn(root + 2, "/");

    return root[host] == '\0' ? host : host + 1 + strcspn(root + host + 1, "/");
}

static int
wire_of(struct target *t, uint32_t *ret)
{
    struct port_file *root = NULL;
    int rc = port_open(t->port, NULL, t->root, PORT_READ | PORT_FOLDER, 0, &root);

    if (rc == AL_OK) {
        rc = port_wire_of(root, ret);
    }
    port_close_quiet(t->port, &root);
    return rc;
}

static int
demand(struct target *t)
{
    AL_CLEANUP(al_freep)
    char *share = al_span_dup((struct al_span){(const uint8_t *)t->root, share_len(t->root)});
    struct unc *u = unc_of(t->port);

    if (share == NULL) {
        return AL_ENOMEM;
    }
    THROUGH(u, port_wire_demand(share, t->wire));
}

/* What was demanded and is not shown is not there. */
static int
secure(struct target *t, struct al_fail *fail)
{
    uint32_t wire = 0;
    int rc;

    if (t->wire == 0) {
        return AL_OK;
    }
    rc = demand(t);
    if (rc == AL_OK) {
        rc = wire_of(t, &wire);
    }
    if (rc == AL_OK && (wire & t->wire) == t->wire) {
        return AL_OK;
    }
    if (rc != AL_OK && rc != AL_ENOTSUP && rc != AL_EINVAL) {
        return target_say(t, fail, rc, port_os_error(t->port), "connect safely to", "");
    }
    return al_fail_set(
        fail, AL_EACCES, port_os_error(t->port),
        "share %.80s is to be used %s alone, and Windows does not show that it is: it "
        "is not used",
        t->url, (t->wire & PORT_WIRE_ENCRYPTED) != 0 ? "encrypted" : "signed");
}

static int
unc_open(struct target *t, bool make_root, struct al_fail *fail)
{
    struct unc *u;
    int rc = address(t, fail);

    if (rc != AL_OK) {
        return rc;
    }
    u = al_zalloc(sizeof(*u));
    if (u == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    u->port.ops = &unc_ops;
    u->below = t->port;
    u->limit_ms = t->deadline_ms;
    t->port = &u->port;
    t->port_end = unc_end;
    t->remote = true;
    t->kind = &target_folder_kind;
    rc = port_watch_new(&u->watch);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "no thread to watch over share %.80s", t->url);
    }
    if (t->user != NULL) {
        rc = port_logon_new(t->user, t->password != NULL ? t->password : "", &u->logon, fail);
    }
    if (rc == AL_OK) {
        rc = secure(t, fail);
    }
    /* A share itself is made by whoever looks after the server. */
    make_root = make_root && t->root[share_len(t->root)] != '\0';
    return rc == AL_OK ? t->kind->open(t, make_root, fail) : rc;
}

static const struct target_kind unc_kind = {.open = unc_open};

const struct target_kind *
target_smb_kind(void)
{
    return &unc_kind;
}

const struct target_kind *
target_unc_kind(void)
{
    return &unc_kind;
}
