/* swap_world.h: an agent's movers and reconcile on a real folder, with stubs of the stand-in's, beside what ease_world.h has. */
#ifndef ALTO_TEST_UNIT_EASE_SWAP_WORLD_H
#define ALTO_TEST_UNIT_EASE_SWAP_WORLD_H

#include "ease_test.h"

#include "agent/mover/mover.h"
#include "agent/mover/place.h"
#include "agent/reconcile/reconcile.h"

#define SWAP_VOLUME "01kaz0000000000000000000vv"
#define SWAP_SHARE "01kaz0000000000000000000ss"
#define SWAP_HOST "01kaz0000000000000000000hh"

struct swap_sink { /* a line per outcome; appended, so that a kill leaves what was told */
    struct outcome_sink sink; /* first */
    FILE *file;
    port_mutex lock;
};

struct swap_world {
    struct port_file *state, *root;
    struct journal *journal;
    struct claims *claims;
    struct manifest_writer *manifests;
    struct target *target;
    struct swap_sink sink;
    struct mover_env env;
    struct mover_volume volume;
    char told[WORLD_PATH + 20];
};

static struct swap_world s;

static inline int
swap_put(struct outcome_sink *k, const struct outcome *o)
{
    struct swap_sink *to = (struct swap_sink *)(void *)k;

    port_mutex_lock(&to->lock);
    fprintf(to->file, "act=%s code=%s reason=%s object=%s path=%.*s job=%s text=%s\n", o->act, al_code_name(o->code), o->reason,
            o->object_id != NULL ? o->object_id : "-", (int)o->path.len, o->path.at != NULL ? (const char *)o->path.at : "",
            o->job_id != NULL ? o->job_id : "", o->text != NULL ? o->text : "");
    fflush(to->file);
    port_mutex_unlock(&to->lock);
    return AL_OK;
}

/* The movers' part, on top of world_make_at. */
static inline void
swap_open(void)
{
    char state[WORLD_PATH + 20];
    struct al_fail fail = {0};

    memset(&s, 0, sizeof(s));
    world_join(state, sizeof(state), w.root, "state");
    world_join(s.told, sizeof(s.told), w.root, "told");
    TAP_OK(port_mkdirs(w.port, state, 0700));
    TAP_OK(port_open(w.port, NULL, state, PORT_READ | PORT_FOLDER, 0, &s.state));
    TAP_OK(port_open(w.port, NULL, w.volume, PORT_READ | PORT_FOLDER, 0, &s.root));
    TAP_OK(journal_open(w.port, s.state, &s.journal, NULL, &fail));
    TAP_OK(claims_new(&s.claims));
    TAP_OK(manifest_writer_open(w.port, &w.volumes[0].target, SWAP_HOST, &s.manifests, &fail));
    TAP_OK(target_open(w.port, &w.volumes[0].target, false, &s.target, &fail));
    s.sink.sink.put = swap_put;
    s.sink.file = fopen(s.told, "a+b");
    TAP_CHECK(s.sink.file != NULL);
    port_mutex_init(&s.sink.lock);
    s.env = (struct mover_env){.port = w.port, .journal = s.journal, .sink = &s.sink.sink, .host_id = SWAP_HOST, .claims = s.claims};
    s.volume = (struct mover_volume){.volume_id = SWAP_VOLUME,
                                     .share_id = WORLD_SHARE,
                                     .manifests = s.manifests,
                                     .target = w.volumes[0].target,
                                     .root = s.root,
                                     .key = w.volumes[0].marker_key,
                                     .maker = w.ease != NULL ? ease_maker(w.ease) : NULL,
                                     .root_path = w.volume};
    if (port_map_probe(w.port, s.root, STUB_PROBE_PREFIX "views", &s.volume.views) != AL_OK) {
        s.volume.views = PORT_VIEWS_HIDDEN; /* Linux, where leases tell */
    }
}

static inline void
swap_close(void)
{
    s.manifests = manifest_writer_close(s.manifests);
    s.target = target_close(s.target);
    s.journal = journal_close(s.journal);
    s.claims = claims_free(s.claims);
    port_close_quiet(w.port, &s.root);
    port_close_quiet(w.port, &s.state);
    (void)fclose(s.sink.file);
    port_mutex_end(&s.sink.lock);
}

static inline void
swap_begin(void)
{
    world_make_at(&w, dll, flavour_b, NULL);
    world_share_make(&w);
    world_start(&w);
    swap_open();
}

static inline void
swap_end(void)
{
    struct journal_figures figures;

    journal_figures(s.journal, &figures);
    TAP_EQUAL_U64(figures.open, 0);
    swap_close();
    world_counts(&w);
    world_end(&w);
}

static inline const char *
swap_join(const char *name)
{
    static char path[WORLD_PATH + 300];

    world_join(path, sizeof(path), w.volume, name);
    return path;
}

static inline void
swap_file(const char *name, uint64_t size, uint64_t seed)
{
    uint8_t *chunk = al_alloc(1u << 20);
    struct port_file *f = NULL;

    TAP_OK(port_open(w.port, NULL, swap_join(name), PORT_READ | PORT_WRITE | PORT_CREATE, 0640, &f));
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < 1u << 20 ? (size_t)(size - at) : 1u << 20;

        world_bytes(seed, at, chunk, n);
        TAP_OK(port_pwrite(w.port, f, chunk, n, at));
        at += n;
    }
    TAP_OK(port_set_times(w.port, f, 1600000000123456700, 1500000000987654300));
    TAP_OK(port_close(w.port, f));
    al_free(chunk);
}

static inline bool
swap_reads(const char *name, uint64_t size, uint64_t seed)
{
    struct world_stub what = {.size = size, .seed = seed};

    world_join(what.path, sizeof(what.path), w.volume, name);
    return reads_right(&what);
}

static inline bool
swap_is_stub(const char *name)
{
    return w.stand->is_stub(swap_join(name));
}

/* With a target of its own where several threads do. */
static inline struct mover_result
swap_move_with(struct target *target, const char *name, enum mover_act act)
{
    struct mover_item item = {.volume = &s.volume, .path = al_span_of(name), .act = act};
    struct mover_result r = {0};
    struct mover *m = NULL;

    if (w.ease == NULL) {
        return r;
    }
    if (mover_new(&s.env, target, &item, &m) == AL_OK) {
        while (mover_step(m) == MOVER_MORE) {
        }
        r = *mover_result(m);
        (void)mover_free(m);
    }
    return r;
}

static inline struct mover_result
swap_move(const char *name, enum mover_act act)
{
    return swap_move_with(s.target, name, act);
}

static inline bool
swap_did(const char *name, enum mover_act act)
{
    struct mover_result r = swap_move(name, act);

    if (!r.tiered) {
        printf("# %s: %s, %s: %s\n", name, al_code_name(r.code), stub_refusal_name(r.refusal), r.fail.text);
    }
    return r.tiered && r.reported;
}

/* Names in the volume that are Alto's own. */
static inline unsigned
swap_left(void)
{
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    unsigned n = 0;

    TAP_OK(port_dir_open(w.port, s.root, &d));
    while (port_dir_next(w.port, d, &e, &end) == AL_OK && !end) {
        if (strncmp(e.name, PLACE_PREFIX, sizeof(PLACE_PREFIX) - 1) == 0) {
            printf("# left: %s\n", e.name);
            n++;
        }
    }
    port_dir_close(w.port, &d);
    return n;
}

static inline const struct mover_volume *
swap_place(void *ctx, const char *volume_id)
{
    return &s.volume;
}

static inline const struct recall_volume *
swap_no_volume(void *ctx, const char *volume_id)
{
    return NULL;
}

static inline struct reconcile_env
swap_reconcile_env(void)
{
    return (struct reconcile_env){
        .port = w.port, .journal = s.journal, .sink = &s.sink.sink, .volume = swap_no_volume, .place = swap_place};
}

/* How many outcomes have both texts; b may be NULL. */
static inline unsigned
swap_told(const char *a, const char *b)
{
    char line[4096];
    FILE *f = fopen(s.told, "rb");
    unsigned n = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        n += strstr(line, a) != NULL && (b == NULL || strstr(line, b) != NULL);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return n;
}

/* Byte by byte, as a backup and restore of the stub would. */
static inline void
swap_copy_stub_into(const char *from, struct port_file *dir, const char *to)
{
    struct port_file *a = NULL, *b = NULL;
    struct port_stat st;
    uint8_t bytes[300];
    size_t got;

    TAP_OK(port_open(w.port, s.root, from, PORT_READ, 0, &a));
    TAP_OK(port_open(w.port, dir, to, PORT_READ | PORT_WRITE | PORT_CREATE, 0640, &b));
    TAP_OK(port_stat(w.port, a, &st));
    TAP_OK(port_pread(w.port, a, bytes, sizeof(bytes), 0, &got));
    TAP_OK(port_truncate(w.port, b, st.size));
    TAP_OK(port_pwrite(w.port, b, bytes, got, 0));
    TAP_OK(port_set_times(w.port, b, st.atime_ns, st.mtime_ns));
    TAP_OK(port_close(w.port, a));
    TAP_OK(port_close(w.port, b));
}

static inline void
swap_copy_stub(const char *from, const char *to)
{
    swap_copy_stub_into(from, s.root, to);
}

#endif
