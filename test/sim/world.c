#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MUST(call)                                                                                 \
    do {                                                                                           \
        int must_rc_ = (call);                                                                     \
        if (must_rc_ != AL_OK) {                                                                   \
            fprintf(stderr, "%s:%d: %s gave %d\n", __FILE__, __LINE__, #call, must_rc_);           \
            assert(must_rc_ == AL_OK);                                                             \
        }                                                                                          \
    } while (0)

/* ---- the gate ---- */

static struct world_gate *
gate_of(struct stub_gate *g)
{
    return (struct world_gate *)(void *)g;
}

static int
gate_guard(struct stub_gate *g, uint64_t dev, uint64_t ino, struct port_file *f)
{
    struct world_gate *w = gate_of(g);

    if (w->guarded) {
        return AL_EBUSY;
    }
    w->guarded = true;
    w->held = false;
    w->ino = ino;
    w->passed = 0;
    return AL_OK;
}

static int
gate_hold(struct stub_gate *g, uint64_t dev, uint64_t ino, uint32_t *ret_passed)
{
    struct world_gate *w = gate_of(g);

    if (!w->guarded || w->ino != ino) {
        return AL_ENOENT;
    }
    w->held = true;
    *ret_passed = w->passed;
    return AL_OK;
}

static int
gate_release(struct stub_gate *g, uint64_t dev, uint64_t ino)
{
    gate_of(g)->guarded = gate_of(g)->held = false;
    return AL_OK;
}

static bool
gate_asks_truncates(struct stub_gate *g, struct port_file *root)
{
    return gate_of(g)->asks_truncates;
}

static const struct stub_gate_ops gate_ops = {gate_guard, gate_hold, gate_release,
                                              gate_asks_truncates};

/* ---- the spool: a line per outcome, durable when put returns ---- */

static int
sink_put(struct outcome_sink *s, const struct outcome *o)
{
    struct world_sink *k = (struct world_sink *)(void *)s;
    struct port *p = sim_port(k->world->host);
    char line[1024];
    int n = snprintf(line, sizeof(line),
                     "act=%s code=%s reason=%s object=%s ino=%llu size=%llu now=%s path=%.*s\n", o->act,
                     al_code_name(o->code), o->reason, o->object_id != NULL ? o->object_id : "-",
                     (unsigned long long)o->ino, (unsigned long long)o->size,
                     o->now_name != NULL ? o->now_name : "", (int)o->path.len,
                     o->path.at != NULL ? (const char *)o->path.at : "");
    int rc = port_pwrite(p, k->file, line, (size_t)n, k->size);

    if (rc == AL_OK) {
        rc = port_sync(p, k->file);
    }
    if (rc == AL_OK) {
        k->size += (uint64_t)n;
    }
    return rc;
}

/* ---- life ---- */

static void
make_folder(struct sim *s, const char *path)
{
    struct port_file *f = NULL, *root = NULL;

    MUST(port_mkdir(sim_other(s), NULL, path, 0755));
    MUST(port_open(sim_other(s), NULL, path, PORT_READ | PORT_FOLDER, 0, &f));
    MUST(port_sync(sim_other(s), f));
    MUST(port_close(sim_other(s), f));
    MUST(port_open(sim_other(s), NULL, "/", PORT_READ | PORT_FOLDER, 0, &root));
    MUST(port_sync(sim_other(s), root));
    MUST(port_close(sim_other(s), root));
}

static const struct target_conf share_conf = {.url = "file:///share",
                                              .customer_id = WORLD_CUSTOMER};

void
world_make(struct world *w, uint64_t seed, enum sim_order order)
{
    struct target *t = NULL;

    memset(w, 0, sizeof(*w));
    MUST(sim_new(seed, order, &w->host));
    MUST(sim_new(seed ^ 0x5eed, order, &w->disk));
    make_folder(w->host, "/vol");
    make_folder(w->host, "/state");
    make_folder(w->disk, "/share");
    MUST(target_open(sim_port(w->disk), &share_conf, true, &t, NULL));
    t = target_close(t);
    w->gate.gate.ops = &gate_ops;
}

void
world_end(struct world *w)
{
    world_stop(w);
    w->host = sim_free(w->host);
    w->disk = sim_free(w->disk);
}

static int
open_sink(struct world *w)
{
    struct port_stat st;
    int rc = port_open(sim_port(w->host), w->state, "spool", PORT_READ | PORT_WRITE | PORT_CREATE,
                       0600, &w->sink.file);

    if (rc == AL_OK) {
        rc = port_stat(sim_port(w->host), w->sink.file, &st);
    }
    if (rc == AL_OK) { /* its name must outlive a power cut, like the spool's segments do */
        rc = port_sync(sim_port(w->host), w->state);
    }
    if (rc == AL_OK) {
        w->sink.size = st.size;
        w->sink.world = w;
        w->sink.sink.put = sink_put;
    }
    return rc;
}

static const uint8_t marker_key[MARKER_KEY_LEN] = {7, 7, 7};

static int
open_volume(struct world *w)
{
    struct stub_volume_conf conf = {
        .volume_id = WORLD_VOLUME, .root = "/vol", .share_id = WORLD_SHARE};

    memset(conf.marker_key, 7, sizeof(conf.marker_key));
    return stub_volume_open_linux(sim_port(w->host), &conf, &w->gate.gate, &w->stub, NULL);
}

int
world_start(struct world *w)
{
    int rc = port_open(sim_port(w->host), NULL, "/state", PORT_READ | PORT_FOLDER, 0, &w->state);

    w->gate.guarded = w->gate.held = false; /* a dead agent's guards are released */
    if (rc == AL_OK) {
        rc = open_sink(w);
    }
    if (rc == AL_OK) {
        rc = journal_open(sim_port(w->host), w->state, &w->journal, &w->torn, NULL);
    }
    if (rc == AL_OK) {
        rc = open_volume(w);
    }
    if (rc == AL_OK) {
        rc = target_open(sim_port(w->disk), &share_conf, false, &w->target, NULL);
    }
    if (rc == AL_OK) {
        rc = manifest_writer_open(sim_port(w->disk), &share_conf, WORLD_HOST, &w->manifests, NULL);
    }
    if (rc == AL_OK) {
        rc = port_open(sim_port(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &w->root);
    }
    if (rc == AL_OK) {
        rc = claims_new(&w->claims);
    }
    w->mover_volume = (struct mover_volume){.volume_id = WORLD_VOLUME, .share_id = WORLD_SHARE};
    w->mover_volume.stub = w->stub;
    w->mover_volume.manifests = w->manifests;
    w->mover_volume.target = share_conf;
    w->mover_volume.root = w->root;
    w->mover_volume.key = marker_key;
    w->mover_volume.maker = w->maker;
    w->mover_volume.root_path = "/vol";
    w->mover_volume.views = w->views;
    w->mover_volume.name = "sim";
    w->mover_volume.share_name = "cold";
    w->mover_env = (struct mover_env){.port = sim_port(w->host), .journal = w->journal};
    w->mover_env.sink = &w->sink.sink;
    w->mover_env.host_id = WORLD_HOST;
    w->mover_env.chunk_bytes = WORLD_CHUNK;
    w->mover_env.claims = w->claims;
    w->recall_volume = (struct recall_volume){.volume_id = WORLD_VOLUME, .share_id = WORLD_SHARE};
    w->recall_volume.stub = w->stub;
    w->recall_volume.target = share_conf;
    w->recall_env = (struct recall_env){.port = sim_port(w->host), .journal = w->journal};
    w->recall_env.sink = &w->sink.sink;
    w->recall_env.chunk_bytes = WORLD_CHUNK;
    w->recall_env.small_bytes = w->chunked ? 1 : 0;
    return rc;
}

void
world_stop(struct world *w)
{
    w->manifests = manifest_writer_close(w->manifests);
    w->target = target_close(w->target);
    w->stub = stub_volume_close(w->stub);
    w->claims = claims_free(w->claims);
    if (w->root != NULL) {
        port_close_quiet(sim_port(w->host), &w->root);
    }
    w->journal = journal_close(w->journal);
    if (w->sink.file != NULL) {
        port_close_quiet(sim_port(w->host), &w->sink.file);
    }
    if (w->state != NULL) {
        port_close_quiet(sim_port(w->host), &w->state);
    }
}

/* ---- files ---- */

void
world_bytes(uint8_t *to, size_t size, uint64_t seed)
{
    for (size_t k = 0; k < size; k++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        to[k] = (uint8_t)((seed >> 33) | 1u); /* never zero, so that a hole shows */
    }
}

void
world_file(struct world *w, const char *name, size_t size, uint64_t seed)
{
    struct port *p = sim_other(w->host);
    struct port_file *dir = NULL, *f = NULL;
    uint8_t *bytes = al_alloc(size);

    assert(bytes != NULL);
    world_bytes(bytes, size, seed);
    MUST(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir));
    MUST(port_open(p, dir, name, PORT_READ | PORT_WRITE | PORT_CREATE, 0640, &f));
    MUST(port_pwrite(p, f, bytes, size, 0));
    MUST(port_xattr_set(p, f, "user.note", "kept", 4));
    if (seed % 2 == 1) { /* files with capabilities take other ways */
        MUST(port_xattr_set(p, f, "security.capability", "\1\0\0\2\0\0\0\0", 8));
    }
    MUST(port_set_owner(p, f, 1000, 100));
    MUST(port_set_times(p, f, 1600000000123456789, 1500000000987654321));
    MUST(port_sync(p, f));
    MUST(port_close(p, f));
    MUST(port_sync(p, dir));
    MUST(port_close(p, dir));
    sim_clock_add(w->host, 3600000000000);
    al_free(bytes);
}

static struct mover_result
move(struct world *w, const struct mover_item *item, int *ret_rc)
{
    struct mover_result result = {0};
    struct mover *m = NULL;

    *ret_rc = mover_new(&w->mover_env, w->target, item, &m);
    if (*ret_rc == AL_OK) {
        while (mover_step(m) == MOVER_MORE) {
        }
        result = *mover_result(m);
        m = mover_free(m);
    }
    return result;
}

struct mover_result
world_tier(struct world *w, const char *name, int *ret_rc)
{
    struct mover_item item = {.volume = &w->mover_volume, .path = al_span_of(name)};

    return move(w, &item, ret_rc);
}

struct mover_result
world_archive(struct world *w, const char *name, int *ret_rc)
{
    struct mover_item item = {
        .volume = &w->mover_volume, .path = al_span_of(name), .act = MOVER_ARCHIVE};

    return move(w, &item, ret_rc);
}

struct mover_result
world_adopt(struct world *w, const char *name, int *ret_rc)
{
    struct mover_item item = {
        .volume = &w->mover_volume, .path = al_span_of(name), .act = MOVER_ADOPT};

    return move(w, &item, ret_rc);
}

struct mover_result
world_back(struct world *w, const char *name, const char *object_id, int *ret_rc)
{
    struct mover_item item = {
        .volume = &w->mover_volume, .path = al_span_of(name), .act = MOVER_BACK};

    memcpy(item.object_id, object_id, strlen(object_id));
    return move(w, &item, ret_rc);
}

static int
connect_world(void *ctx, const struct recall_volume *v, struct target **ret, struct al_fail *fail)
{
    struct world *w = ctx;

    if (w->target == NULL) {
        int rc = target_open(sim_port(w->disk), &share_conf, false, &w->target, fail);

        if (rc != AL_OK) {
            return rc;
        }
    }
    *ret = w->target;
    return AL_OK;
}

struct recall_result
world_recall_for(struct world *w, const char *name, const char *job_id, int *ret_rc)
{
    struct recall_request q = {.volume = &w->recall_volume, .path = al_span_of(name), .job_id = job_id};
    const struct recall_connect connect = {connect_world, w};
    struct recall_result result = {0};
    struct recall *r = NULL;

    *ret_rc = recall_new(&w->recall_env, &connect, &q, &r);
    if (*ret_rc == AL_OK) {
        while (recall_step(r) == RECALL_MORE) {
        }
        result = *recall_result(r);
        r = recall_free(r);
    }
    return result;
}

struct recall_result
world_recall(struct world *w, const char *name, int *ret_rc)
{
    return world_recall_for(w, name, NULL, ret_rc);
}

static const struct recall_volume *
find_volume(void *ctx, const char *volume_id)
{
    struct world *w = ctx;

    return strcmp(volume_id, WORLD_VOLUME) == 0 ? &w->recall_volume : NULL;
}

static const struct mover_volume *
find_place(void *ctx, const char *volume_id)
{
    struct world *w = ctx;

    return strcmp(volume_id, WORLD_VOLUME) == 0 ? &w->mover_volume : NULL;
}

struct reconcile_env
world_reconcile_env(struct world *w)
{
    struct reconcile_env env = {.port = sim_port(w->host), .journal = w->journal};

    env.sink = &w->sink.sink;
    env.volume = find_volume;
    env.volume_ctx = w;
    env.place = find_place;
    env.connect = (struct recall_connect){connect_world, w};
    return env;
}

/* ---- facts ---- */

static void
path_of(char *path, size_t cap, const char *name)
{
    (void)snprintf(path, cap, "/vol/%s", name);
}

bool
world_exists(struct world *w, const char *name)
{
    struct port_stat st;
    char path[300];

    path_of(path, sizeof(path), name);
    return port_stat_at(sim_other(w->host), NULL, path, &st) == AL_OK;
}

bool
world_has_marker(struct world *w, const char *name)
{
    uint8_t m[MARKER_BYTES];
    size_t len;
    char path[300];

    path_of(path, sizeof(path), name);
    return port_xattr_get_at(sim_other(w->host), NULL, path, MARKER_XATTR, m, sizeof(m), &len) ==
           AL_OK;
}

struct port_stat
world_stat(struct world *w, const char *name)
{
    struct port_stat st = {0};
    char path[300];

    path_of(path, sizeof(path), name);
    MUST(port_stat_at(sim_other(w->host), NULL, path, &st));
    return st;
}

uint8_t *
world_read(struct sim *on, const char *path, size_t *ret_size)
{
    struct port_file *f = NULL;
    struct port_stat st;
    uint8_t *bytes;

    MUST(port_open(sim_other(on), NULL, path, PORT_READ, 0, &f));
    MUST(port_stat(sim_other(on), f, &st));
    bytes = al_alloc((size_t)st.size + 1);
    assert(bytes != NULL);
    MUST(port_pread(sim_other(on), f, bytes, (size_t)st.size, 0, ret_size));
    bytes[*ret_size] = '\0';
    MUST(port_close(sim_other(on), f));
    return bytes;
}

bool
world_reads(struct world *w, const char *name, const uint8_t *bytes, size_t size)
{
    char path[300];
    size_t got;
    uint8_t *have;
    bool same;

    snprintf(path, sizeof(path), "/vol/%s", name);
    have = world_read(w->host, path, &got);
    same = got == size && memcmp(have, bytes, size) == 0;
    al_free(have);
    return same;
}

unsigned
world_told(struct world *w, const char *a, const char *b)
{
    size_t size;
    char *all = (char *)world_read(w->host, "/state/spool", &size), *line = all, *end;
    unsigned n = 0;

    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        n += strstr(line, a) != NULL && (b == NULL || strstr(line, b) != NULL);
    }
    al_free(all);
    return n;
}

static unsigned
list(struct world *w, const char *path, bool deep,
     void (*each)(struct world *w, const char *id, void *ctx), void *ctx)
{
    struct port *p = sim_other(w->disk);
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    unsigned n = 0;

    if (port_open(p, NULL, path, PORT_READ | PORT_FOLDER, 0, &f) != AL_OK) {
        return 0;
    }
    MUST(port_dir_open(p, f, &d));
    for (;;) {
        char below[600];

        MUST(port_dir_next(p, d, &e, &end));
        if (end) {
            break;
        }
        (void)snprintf(below, sizeof(below), "%s/%s", path, e.name);
        if (e.type == PORT_T_FOLDER && deep) {
            n += list(w, below, true, each, ctx);
        } else if (e.type == PORT_T_FILE) {
            n++;
            if (each != NULL) {
                char id[64];

                (void)snprintf(id, sizeof(id), "%.26s", e.name);
                each(w, id, ctx);
            }
        }
    }
    port_dir_close(p, &d);
    MUST(port_close(p, f));
    return n;
}

void
world_objects(struct world *w, void (*each)(struct world *w, const char *id, void *ctx), void *ctx)
{
    (void)list(w, "/share/objects", true, each, ctx);
}

unsigned
world_leftovers(struct world *w)
{
    return list(w, "/share/incoming", false, NULL, NULL);
}
