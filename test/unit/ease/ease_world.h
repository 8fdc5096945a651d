/* ease_world.h: a volume with stubs of the stand-in's form, a share that is a folder, a folder for
 * recalls, and the binding between them. Included once by each test of the binding. */
#ifndef ALTO_TEST_UNIT_EASE_EASE_WORLD_H
#define ALTO_TEST_UNIT_EASE_EASE_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "../../lib/ease/stand.h"
#include "agent/ease/ease.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/process.h"
#include "port/thread.h"
#include "tap.h"

#ifndef WORLD_SHARE
#define WORLD_CUSTOMER "customer-1"
#define WORLD_SHARE "share-1"
#endif
#define WORLD_READER 4242u /* process id of whoever reads */
#define WORLD_PATH 600

struct ease_world {
    struct port *port;
    char root[WORLD_PATH], volume[WORLD_PATH + 10], share[WORLD_PATH + 10], cache[WORLD_PATH + 10],
        url[WORLD_PATH + 20], away[WORLD_PATH + 10];
    char dll[WORLD_PATH];
    bool is_b;
    struct port_library *library;
    const struct stand_control *stand;
    struct ease_volume volumes[1];
    const char *folders[1];
    struct ease_fetch *fetch;
    struct ease *ease;
    struct ease_conf conf;
    struct ease_fetch_conf fetch_conf;
    struct al_log log;
    port_mutex log_lock;
    char said[8192]; /* what was logged, the first of it */
};

static inline void
world_log(void *ctx, enum al_log_level level, const char *text)
{
    struct ease_world *w = ctx;
    size_t len;

    port_mutex_lock(&w->log_lock);
    len = strlen(w->said);
    (void)snprintf(w->said + len, sizeof(w->said) - len, "%s\n", text);
    port_mutex_unlock(&w->log_lock);
}

/* Any byte of any file, so that each read can be held against it. */
static inline uint64_t
world_word(uint64_t seed, uint64_t at)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15ull + at * 0xbf58476d1ce4e5b9ull + 1;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static inline void
world_bytes(uint64_t seed, uint64_t offset, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(world_word(seed, (offset + i) / 8) >> (8 * ((offset + i) % 8)));
    }
}

static inline bool
world_same(uint64_t seed, uint64_t offset, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != (uint8_t)(world_word(seed, (offset + i) / 8) >> (8 * ((offset + i) % 8)))) {
            return false;
        }
    }
    return true;
}

static inline int
world_key(void *ctx, struct al_buf *to, struct al_fail *fail)
{
    return al_buf_adds(to, ctx);
}

/* "C:\x" as "C:/x"; a path of the build, which is a Linux one, on the drive where Wine has it. */
static inline void
world_path(const char *from, char *to, size_t cap)
{
#ifdef _WIN32
    (void)snprintf(to, cap, "%s%s", from[0] == '/' ? "Z:" : "", from);
    for (char *c = to; *c != '\0'; c++) {
        *c = *c == '\\' ? '/' : *c;
    }
#else
    (void)snprintf(to, cap, "%s", from);
#endif
}

static inline void
world_join(char *to, size_t cap, const char *folder, const char *name)
{
    int len = snprintf(to, cap, "%s/%s", folder, name);

    if (len < 0 || (size_t)len >= cap) {
        abort();
    }
}

static inline void
world_share_make(struct ease_world *w)
{
    struct target *t = NULL;

    TAP_OK(port_mkdir(w->port, NULL, w->share, 0700));
    TAP_OK(target_open(w->port, &w->volumes[0].target, true, &t, NULL));
    (void)target_close(t);
}

/* root NULL: a new one; else a folder that is there, made by this before if it holds a volume. */
static inline void
world_make_at(struct ease_world *w, const char *dll, bool is_b, const char *root)
{
    const char *temp = port_env("TEMP") != NULL ? port_env("TEMP") : "/tmp";
    char base[WORLD_PATH - 100];
    uint8_t random[8];
    char hex[17] = "";

    memset(w, 0, sizeof(*w));
    w->port = port_native();
    w->is_b = is_b;
    world_path(dll, w->dll, sizeof(w->dll));
    world_path(temp, base, sizeof(base));
    TAP_OK(port_random(w->port, random, sizeof(random)));
    al_hex(random, sizeof(random), hex);
    if (root != NULL) {
        world_path(root, w->root, WORLD_PATH - 100);
    } else {
        (void)snprintf(w->root, sizeof(w->root), "%s/alto-ease-%.16s", base, hex);
    }
    (void)snprintf(w->volume, sizeof(w->volume), "%s/vol", w->root);
    (void)snprintf(w->share, sizeof(w->share), "%s/share", w->root);
    (void)snprintf(w->away, sizeof(w->away), "%s/away", w->root);
    (void)snprintf(w->cache, sizeof(w->cache), "%s/recall", w->root);
    (void)snprintf(w->url, sizeof(w->url), "file://%s%s", w->share[0] == '/' ? "" : "/", w->share);
    TAP_OK(port_mkdirs(w->port, w->volume, 0700));
    TAP_OK(port_mkdirs(w->port, w->cache, 0700));
    w->volumes[0] = (struct ease_volume){
        .volume_id = "volume-1",
        .share_id = WORLD_SHARE,
        .marker_key = {1, 2, 3},
        .target = {.url = w->url, .customer_id = WORLD_CUSTOMER},
    };
    port_mutex_init(&w->log_lock);
    w->log = (struct al_log){.level = AL_LOG_DEBUG, .write = world_log, .ctx = w};
    w->folders[0] = w->volume;
    w->fetch_conf = (struct ease_fetch_conf){
        .port = w->port, .log = &w->log, .folder = w->cache, .workers = 4, .bytes_max = 256u << 20};
    w->conf = (struct ease_conf){.port = w->port,
                                 .log = &w->log,
                                 .dll = w->dll,
                                 .key = world_key,
                                 .key_ctx = (void *)(uintptr_t) "STAND-IN-KEY",
                                 .threads = 8,
                                 .timeout_s = 8,
                                 .folders = w->folders,
                                 .folder_count = 1};
    w->conf.answer.volumes = w->volumes;
    w->conf.answer.volume_count = 1;
    TAP_OK(port_library_open(w->dll, &w->library, NULL));
    w->stand = ((stand_control_fn)port_library_symbol(w->library, "StandControl"))();
    w->stand->set(&(struct stand_settings){.driver_runs = true});
}

static inline void
world_make(struct ease_world *w, const char *dll, bool is_b)
{
    world_make_at(w, dll, is_b, NULL);
    world_share_make(w);
}

static inline void
world_start(struct ease_world *w)
{
    struct al_fail fail = {0};

    TAP_OK(ease_fetch_open(&w->fetch_conf, &w->fetch, &fail));
    w->conf.answer.fetch = w->fetch;
    if (ease_start(&w->conf, &w->ease, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "ease_start: %s", fail.text);
    }
}

static inline void
world_stop(struct ease_world *w)
{
    w->ease = ease_stop(w->ease);
    w->fetch = ease_fetch_close(w->fetch);
}

static inline void
world_clear(struct ease_world *w, const char *path)
{
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    char child[WORLD_PATH + 400];

    if (port_open(w->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &f) != AL_OK) {
        return;
    }
    if (port_dir_open(w->port, f, &d) == AL_OK) {
        while (port_dir_next(w->port, d, &e, &end) == AL_OK && !end) {
            world_join(child, sizeof(child), path, e.name);
            if (e.type == PORT_T_FOLDER) {
                world_clear(w, child);
            } else {
                (void)!port_unlink(w->port, NULL, child);
            }
        }
        port_dir_close(w->port, &d);
    }
    port_close_quiet(w->port, &f);
    (void)!port_rmdir(w->port, NULL, path);
}

static inline void
world_end(struct ease_world *w)
{
    world_stop(w);
    world_clear(w, w->root);
    (void)port_library_close(w->library);
    port_mutex_end(&w->log_lock);
}

struct world_stub {
    char path[WORLD_PATH + 64];
    uint64_t seed, size;
    al_id object;
    char object_path[WORLD_PATH + 100];
    uint8_t *tag;
    size_t tag_len;
};

/* Puts the object on the share as a mover would, and works out its tag. */
static inline void
world_object(struct ease_world *w, struct world_stub *s, bool pieces)
{
    size_t tag_max = w->is_b ? EASE_TAG_BYTES_MAX_B : EASE_TAG_BYTES_MAX;
    struct stub_tag tag = {.size = s->size, .mtime_ns = 5, .ext = "mov"};
    AL_CLEANUP(al_buf_free) struct al_buf sums = {0};
    struct al_buf bytes = {0};
    struct stub_pieces *p = NULL;
    struct target *t = NULL;
    struct target_put *put = NULL;
    uint8_t random[10], *chunk = al_alloc(TARGET_CHUNK_BYTES);
    char name[TARGET_NAME_MAX];
    bool done = false;
    uint64_t size;

    al_buf_init(&sums, EASE_TAG_BYTES_MAX);
    al_buf_init(&bytes, EASE_TAG_BYTES_MAX);
    TAP_OK(port_random(w->port, random, sizeof(random)));
    al_id_make(port_now_ns(w->port), random, s->object);
    TAP_OK(marker_object_from_id(s->object, tag.object));
    tag.share_tag = marker_share_tag(WORLD_SHARE);
    TAP_OK(target_object_name(s->object, al_span_of("x.mov"), name));
    TAP_OK(target_open(w->port, &w->volumes[0].target, false, &t, NULL));
    TAP_OK(target_put_begin(t, name, s->size, &put, NULL));
    tag.piece_shift = pieces ? ease_piece_shift(s->size, tag_max) : 0;
    TAP_OK(stub_pieces_new(tag.piece_shift, &p));
    for (uint64_t at = 0; at < s->size;) {
        uint64_t left = s->size - at;
        size_t n = left < TARGET_CHUNK_BYTES ? (size_t)left : TARGET_CHUNK_BYTES;

        world_bytes(s->seed, at, chunk, n);
        TAP_OK(target_put_write(put, chunk, n, NULL));
        if (tag.piece_shift > 0) {
            TAP_OK(stub_pieces_add(p, chunk, n, &sums));
        }
        at += n;
    }
    TAP_OK(stub_pieces_end(p, &sums));
    while (!done) {
        TAP_OK(target_put_step(put, &done, NULL));
    }
    target_put_result(put, &size, &tag.content);
    (void)target_put_end(put);
    (void)target_close(t);
    (void)stub_pieces_free(p);
    al_free(chunk);
    tag.pieces = al_buf_span(&sums);
    TAP_OK(ease_tag_encode(&tag, w->volumes[0].marker_key, tag_max, &bytes));
    world_join(s->object_path, sizeof(s->object_path), w->share, name);
    s->tag = al_buf_take(&bytes, &s->tag_len);
}

static inline void
world_stub_again(struct ease_world *w, const struct world_stub *s)
{
    TAP_EQUAL_U64(w->stand->make(s->path, (int64_t)s->size, s->tag, (uint32_t)s->tag_len), 0);
}

static inline void
world_stub(struct ease_world *w, struct world_stub *s, const char *name, uint64_t size,
           uint64_t seed, bool pieces)
{
    memset(s, 0, sizeof(*s));
    s->seed = seed;
    s->size = size;
    world_join(s->path, sizeof(s->path), w->volume, name);
    world_object(w, s, pieces);
    world_stub_again(w, s);
}

static inline void
world_stub_end(struct world_stub *s)
{
    al_free(s->tag);
}

static inline struct stand_counts
world_counts(struct ease_world *w)
{
    struct stand_counts c;

    w->stand->counts(&c);
    if (c.violations != 0) {
        tap_fail(__FILE__, __LINE__, "contract: %s", c.first_violation);
    }
    return c;
}

#endif
