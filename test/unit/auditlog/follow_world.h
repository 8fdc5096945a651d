/* follow_world.h: a filespace and an agent's state on one simulated disk, a follower on it, and what it told. Included once by a
 * test program, behind tap.h. */
#ifndef ALTO_TEST_FOLLOW_WORLD_H
#define ALTO_TEST_FOLLOW_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "agent/auditlog/follow.h"
#include "base/fault.h"
#include "port/sim/sim.h"

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define AUDIT "/fs/.lucid_audit"
#define ROWS 4096

struct told {
    enum digest_kind kind;
    char path[80], target[80], user[24];
    int64_t time_ns, modified_ns;
    uint64_t reads, writes;
    bool has_stat, noise, came;
    uint64_t size;
};
static struct world {
    struct sim *sim;
    struct port *agent, *other;
    struct port_ops ops; /* the agent's, with what a test makes of it */
    struct port_file *state;
    struct follow *follow;
    struct audit_settings settings;
    const char *root, *prefix;
    struct told rows[ROWS];
    size_t row_count, puts;
    int put_code, audit_code; /* of .lucid_audit; AL_OK: as it is */
    bool full, other_fs;
    int64_t behind_ns; /* by how much the agent's clock is wrong */
    const char *own, *denied; /* denied: a folder that may not be looked into */
    char client[80]; /* of the last event: its folder and its node */
} w;
static const struct port_ops *sim_ops;

static int
on_put(void *ctx, const struct digest_row *rows, size_t count)
{
    (void)ctx;
    if (w.put_code != AL_OK) {
        return w.put_code;
    }
    w.puts++;
    for (size_t i = 0; i < count && w.row_count < ROWS; i++) {
        struct told *t = &w.rows[w.row_count];

        if (rows[i].dropped) {
            continue;
        }
        *t = (struct told){.kind = rows[i].kind, .time_ns = rows[i].time_ns, .modified_ns = rows[i].modified_ns, .reads = rows[i].reads,
                           .writes = rows[i].writes, .has_stat = rows[i].stat != NULL, .noise = rows[i].noise, .came = rows[i].came, .size = rows[i].stat != NULL ? rows[i].stat->size : 0};
        snprintf(t->path, sizeof(t->path), "%.*s", (int)rows[i].path.len, (const char *)rows[i].path.at);
        snprintf(t->target, sizeof(t->target), "%.*s", (int)rows[i].target.len, (const char *)rows[i].target.at);
        snprintf(t->user, sizeof(t->user), "%.*s", (int)rows[i].user.len, (const char *)rows[i].user.at);
        w.row_count++;
    }
    return AL_OK;
}

static bool
on_full(void *ctx)
{
    (void)ctx;
    return w.full;
}

static bool
on_own(void *ctx, const struct auditlog_event *e, const struct al_span *from, const struct al_span *to)
{
    (void)ctx;
    snprintf(w.client, sizeof(w.client), "%.*s %.*s", (int)e->folder.len, (const char *)e->folder.at, (int)e->node.len, (const char *)e->node.at);
    return w.own != NULL && ((from != NULL && al_span_equal(*from, al_span_of(w.own))) || (to != NULL && al_span_equal(*to, al_span_of(w.own))));
}

static int
stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    char below[80];

    if (w.audit_code != AL_OK && strstr(name, ".lucid_audit") != NULL) {
        return w.audit_code;
    }
    snprintf(below, sizeof(below), "/%s/", w.denied != NULL ? w.denied : "");
    if (w.denied != NULL && strstr(name, below) != NULL) {
        return AL_EACCES;
    }
    return sim_ops->stat_at(p, dir, name, ret);
}

static int
open_at(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode, struct port_file **ret)
{
    if (w.denied != NULL && strcmp(name, w.denied) == 0) {
        return AL_EACCES;
    }
    return sim_ops->open(p, dir, name, flags, mode, ret);
}

static int
fs_of(struct port *p, struct port_file *f, struct port_fs *ret)
{
    int rc = sim_ops->fs(p, f, ret);

    if (rc == AL_OK && w.other_fs) {
        ret->kind = PORT_FS_XFS;
        snprintf(ret->name, sizeof(ret->name), "xfs");
    }
    return rc;
}

static int64_t
agent_now(struct port *p)
{
    return sim_ops->now_ns(p) - w.behind_ns;
}

static int
world_open(void)
{
    struct follow_conf conf = {.port = w.agent, .root = w.root, .prefix = w.prefix, .settings = &w.settings, .put = on_put, .full = on_full, .is_own = on_own};
    int rc = port_mkdirs(w.agent, "/state", 0700);

    rc = rc != AL_OK ? rc : port_open(w.agent, NULL, "/state", PORT_READ | PORT_FOLDER, 0, &w.state);
    conf.state = w.state;
    return rc != AL_OK ? rc : follow_open(&conf, &w.follow, NULL);
}

static void
world_close(void)
{
    w.follow = follow_close(w.follow);
    port_close_quiet(w.agent, &w.state);
}

static void
world_end(void)
{
    if (w.sim != NULL) {
        world_close();
        audit_settings_free(&w.settings);
        (void)sim_free(w.sim);
    }
    memset(&w, 0, sizeof(w));
}

static void
world_begin(uint64_t seed)
{
    world_end();
    TAP_OK(sim_new(seed, SIM_ORDER_GLOBAL, &w.sim));
    w.agent = sim_port(w.sim);
    w.other = sim_other(w.sim);
    sim_ops = w.agent->ops;
    w.ops = *sim_ops;
    w.ops.stat_at = stat_at;
    w.ops.open = open_at;
    w.ops.fs = fs_of;
    w.ops.now_ns = agent_now;
    w.agent->ops = &w.ops;
    w.root = "/fs";
    w.prefix = "";
    w.settings.silence_hours = AUDIT_SILENCE_HOURS;
    TAP_OK(port_mkdirs(w.other, "/fs", 0755));
}

static int64_t
now(void)
{
    return port_now_ns(w.other);
}

/* Adds bytes to a file below /fs, durable; its folders are made. */
static void
add_bytes(const char *path, const void *bytes, size_t len)
{
    struct port_file *f = NULL;
    struct port_stat st;
    char folder[200];

    snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = '\0';
    TAP_OK(port_mkdirs(w.other, folder, 0755));
    TAP_OK(port_open(w.other, NULL, path, PORT_READ | PORT_WRITE | PORT_CREATE, 0644, &f));
    TAP_OK(port_stat(w.other, f, &st));
    if (len > 0) {
        TAP_OK(port_pwrite(w.other, f, bytes, len, st.size));
    }
    TAP_OK(port_sync(w.other, f));
    port_close_quiet(w.other, &f);
}

static void
add(const char *log, const char *text)
{
    char path[200];

    snprintf(path, sizeof(path), AUDIT "/%s", log);
    add_bytes(path, text, strlen(text));
}

/* A line; the text is overwritten by the next call but three. */
static const char *
line(const char *action, const char *path, const char *target, int64_t time_ns)
{
    static char text[4][600];
    static unsigned turn;
    char *at = text[turn++ % 4], more[200] = "";

    if (target != NULL) {
        snprintf(more, sizeof(more), ",\"targetPath\":\"%s\"", target);
    }
    snprintf(at, sizeof(text[0]),
             "{\"timestamp\":%lld,\"user\":{\"name\":\"mara\"},\"device\":{\"hostName\":\"bay-07\"},\"event\":{\"filespace\":\"shows\",\"nodeId\":\"42\","
             "\"filespaceUuid\":\"5f\"},\"operation\":{\"action\":\"%s\",\"entryPath\":\"%s\"%s}}\n",
             (long long)(time_ns / 1000), action, path, more);
    return at;
}

__attribute__((unused)) static const char *
read_of(const char *path)
{
    return line("FileRead", path, NULL, now());
}

__attribute__((unused)) static void
rename_log(const char *folder, const char *from, const char *to)
{
    struct port_file *dir = NULL;
    char path[200];

    snprintf(path, sizeof(path), AUDIT "/%s", folder);
    TAP_OK(port_open(w.other, NULL, path, PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_rename(w.other, dir, from, dir, to, false));
    TAP_OK(port_sync(w.other, dir));
    port_close_quiet(w.other, &dir);
}

__attribute__((unused)) static void
remove_log(const char *log)
{
    char path[200];

    snprintf(path, sizeof(path), AUDIT "/%s", log);
    TAP_OK(port_unlink(w.other, NULL, path));
}

/* Rounds over some seconds. The first failure. */
static int
polls(unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        int64_t wait_ns = 0;

        sim_clock_add(w.sim, SECOND);
        for (unsigned k = 0; k < 1000 && wait_ns == 0; k++) {
            int rc = follow_poll(w.follow, &wait_ns);

            if (rc != AL_OK) {
                return rc;
            }
        }
    }
    return AL_OK;
}

/* What was told of a path: of that kind, how often, and when last. */
__attribute__((unused)) static uint64_t
told(enum digest_kind kind, const char *path)
{
    uint64_t n = 0;

    for (size_t i = 0; i < w.row_count; i++) {
        if (w.rows[i].kind == kind && strcmp(w.rows[i].path, path) == 0) {
            n += kind == DIGEST_USED ? w.rows[i].reads + w.rows[i].writes : 1;
        }
    }
    return n;
}

__attribute__((unused)) static const struct told *
last(enum digest_kind kind, const char *path)
{
    const struct told *t = NULL;

    for (size_t i = 0; i < w.row_count; i++) {
        if (w.rows[i].kind == kind && strcmp(w.rows[i].path, path) == 0 && (t == NULL || w.rows[i].time_ns >= t->time_ns)) {
            t = &w.rows[i];
        }
    }
    return t;
}

/* ---- one node's folder and log ---- */

#define LOG "42/2026/09/2026-09-21T13.15.00Z.log"
#define FOLDER "42/2026/09"

__attribute__((unused)) static void
start(void)
{
    world_begin(1);
}

__attribute__((unused)) static void
go(void)
{
    TAP_OK(world_open());
    TAP_OK(polls(1));
}

__attribute__((unused)) static struct follow_status status;

__attribute__((unused)) static void
look(void)
{
    follow_status(w.follow, &status);
}

/* ---- since when the record is complete ---- */

__attribute__((unused)) static int64_t before_ns;

__attribute__((unused)) static int64_t
covered(void)
{
    enum audit_state state;
    int64_t since;

    follow_coverage(w.follow, &state, &since, NULL);
    return since;
}

__attribute__((unused)) static int64_t
as_of(void)
{
    enum audit_state state;
    int64_t since, at;

    follow_coverage(w.follow, &state, &since, &at);
    return at;
}

/* The record is complete, and since when is kept in mind. */
__attribute__((unused)) static void
known(void)
{
    before_ns = covered();
    TAP_CHECK(before_ns > 0 && before_ns < now() - 60 * SECOND && as_of() >= now() - 2 * SECOND);
}

/* So it still is. */
__attribute__((unused)) static void
nothing_is_lost(void)
{
    TAP_CHECK(covered() == before_ns && as_of() >= now() - 2 * SECOND);
}

__attribute__((unused)) static void
begins_anew(int64_t from_ns)
{
    TAP_CHECK(covered() >= from_ns && covered() > before_ns && covered() <= now());
}

/* One client's open log, that was read. */
__attribute__((unused)) static void
one_log(void)
{
    start();
    add(LOG ".active", read_of("/a"));
    go();
    TAP_OK(polls(120));
    known();
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 1);
}

#endif
