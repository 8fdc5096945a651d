/* The pools of mover and recall on real files: many workers, one share folder, kernel leases. No
 * gate: nobody else reads here. Needs a filesystem with trusted attributes (root), leases and holes
 * in the working folder; skips where there is none. */
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/mover/mover_pool.h"
#include "agent/recall/recall_pool.h"
#include "base/mem.h"

#define CUSTOMER "01kaz0000000000000000000aa"
#define HOST "01kaz0000000000000000000hh"
#define VOLUME "01kaz0000000000000000000vv"
#define SHARE "01kaz0000000000000000000ss"

struct spool { /* remembers how many of each act there were */
    struct outcome_sink sink;
    port_mutex lock;
    unsigned tiered, refused, recalled, failed, other;
};

static int
spool_put(struct outcome_sink *s, const struct outcome *o)
{
    struct spool *k = (struct spool *)(void *)s;

    port_mutex_lock(&k->lock);
    if (strcmp(o->act, "tier") == 0) {
        k->tiered += o->code == AL_OK;
        k->failed += o->code != AL_OK;
    } else if (strcmp(o->act, "recall") == 0) {
        k->recalled += o->code == AL_OK;
        k->failed += o->code != AL_OK;
    } else if (strcmp(o->act, "refuse") == 0) {
        k->refused++;
    } else {
        k->other++;
    }
    port_mutex_unlock(&k->lock);
    return AL_OK;
}

static struct {
    char dir[200], volume[220], share_url[240];
    struct spool spool;
    struct port_file *state;
    struct journal *journal;
    struct stub_volume *stub;
    struct manifest_writer *manifests;
    struct target_conf conf;
    struct mover_volume mover_volume;
    struct recall_volume recall_volume;
    struct mover_env mover_env;
    struct recall_env recall_env;
} h;

static void
make_folder(const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", h.dir, name);
    TAP_OK(port_mkdirs(port_native(), path, 0700));
}

static void
start(void)
{
    struct stub_volume_conf conf = {.volume_id = VOLUME, .share_id = SHARE};
    struct target *t = NULL;
    const char *why = NULL;
    bool can = false;
    char path[300], cwd[150];

    memset(&h, 0, sizeof(h));
    TAP_CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
    snprintf(h.dir, sizeof(h.dir), "%s/pool-test-XXXXXX", cwd);
    TAP_CHECK(mkdtemp(h.dir) != NULL);
    make_folder("vol");
    make_folder("share");
    make_folder("state");
    snprintf(h.volume, sizeof(h.volume), "%s/vol", h.dir);
    snprintf(h.share_url, sizeof(h.share_url), "file://%s/share", h.dir);
    snprintf(path, sizeof(path), "%s/state", h.dir);
    TAP_OK(port_open(port_native(), NULL, path, PORT_READ | PORT_FOLDER, 0, &h.state));
    TAP_OK(journal_open(port_native(), h.state, &h.journal, NULL, NULL));
    conf.root = h.volume;
    memset(conf.marker_key, 9, sizeof(conf.marker_key));
    TAP_OK(stub_volume_open_linux(port_native(), &conf, NULL, &h.stub, NULL));
    TAP_OK(stub_volume_probe(h.stub, &can, &why));
    h.conf = (struct target_conf){.url = h.share_url, .customer_id = CUSTOMER};
    TAP_OK(target_open(port_native(), &h.conf, true, &t, NULL));
    t = target_close(t);
    TAP_OK(manifest_writer_open(port_native(), &h.conf, HOST, &h.manifests, NULL));
    port_mutex_init(&h.spool.lock);
    h.spool.sink.put = spool_put;
    h.mover_volume = (struct mover_volume){VOLUME, SHARE, h.stub, h.manifests, h.conf};
    h.mover_env = (struct mover_env){port_native(), h.journal, &h.spool.sink, HOST, 0};
    h.recall_volume = (struct recall_volume){VOLUME, SHARE, h.stub, h.conf};
    h.recall_env = (struct recall_env){port_native(), h.journal, &h.spool.sink, 0};
    if (!can) {
        tap_skip(why);
    }
}

static void
stop(void)
{
    char command[300];

    h.manifests = manifest_writer_close(h.manifests);
    h.stub = stub_volume_close(h.stub);
    h.journal = journal_close(h.journal);
    port_close_quiet(port_native(), &h.state);
    port_mutex_end(&h.spool.lock);
    snprintf(command, sizeof(command), "rm -rf '%s'", h.dir);
    TAP_CHECK(system(command) == 0);
}

static size_t
size_of(unsigned k)
{
    static const size_t sizes[] = {4096, 4097, 65536, 70001, 1 << 20, (1 << 20) + 1, 3500000, 8192};

    return sizes[k % AL_LEN(sizes)];
}

static void
name_of(unsigned k, char *name)
{
    snprintf(name, 40, "file %u.dat", k);
}

static void
fill(uint8_t *to, size_t len, unsigned k)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(((i * 31 + k * 7) ^ (i >> 9)) | 1);
    }
}

static void
write_file(unsigned k)
{
    char path[300], name[40];
    size_t len = size_of(k);
    uint8_t *bytes = al_alloc(len);
    int fd;

    name_of(k, name);
    snprintf(path, sizeof(path), "%s/%s", h.volume, name);
    fill(bytes, len, k);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    TAP_CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
    al_free(bytes);
}

static bool
reads(unsigned k)
{
    char path[300], name[40];
    size_t len = size_of(k);
    uint8_t *want = al_alloc(len), *have = al_alloc(len + 1);
    bool same;
    int fd;

    name_of(k, name);
    snprintf(path, sizeof(path), "%s/%s", h.volume, name);
    fill(want, len, k);
    fd = open(path, O_RDONLY);
    same = fd >= 0 && read(fd, have, len + 1) == (ssize_t)len && memcmp(want, have, len) == 0;
    (void)close(fd);
    al_free(want);
    al_free(have);
    return same;
}

static void
moved(void *ctx, const struct mover_item *item, const struct mover_result *r)
{
    if (!r->tiered) {
        printf("# %.*s: %s %s\n", (int)item->path.len, (const char *)item->path.at,
               stub_refusal_name(r->refusal), r->fail.text);
    }
    __atomic_add_fetch((unsigned *)ctx, r->tiered, __ATOMIC_RELAXED);
}

static void
counted(void *ctx, const struct mover_item *item, const struct mover_result *r)
{
    __atomic_add_fetch((unsigned *)ctx, r->tiered, __ATOMIC_RELAXED);
}

static void
recalled(void *ctx, const struct recall_result *r)
{
    if (r->code != AL_OK) {
        printf("# recall: %s\n", r->fail.text);
    }
    __atomic_add_fetch((unsigned *)ctx, r->code == AL_OK, __ATOMIC_RELAXED);
}

static unsigned
tier_all(unsigned count, unsigned workers)
{
    struct mover_pool_conf conf = {.env = &h.mover_env, .workers = workers, .queue_max = 16};
    struct mover_pool *pool = NULL;
    unsigned tiered = 0;

    TAP_OK(mover_pool_open(&conf, &pool, NULL));
    for (unsigned k = 0; k < count; k++) {
        struct mover_item item = {.volume = &h.mover_volume};
        char name[40];

        name_of(k, name);
        item.path = al_span_of(name);
        TAP_OK(mover_pool_submit(pool, &item, true, moved, &tiered));
    }
    mover_pool_wait(pool);
    pool = mover_pool_close(pool);
    return tiered;
}

static void
many_workers_tier_and_recall_many_files_and_share_their_syncs(void)
{
    enum { COUNT = 160 };
    struct recall_pool_conf conf = {.env = &h.recall_env, .workers = 8};
    struct recall_pool *pool = NULL;
    struct journal_figures figures;
    unsigned back = 0;

    start();
    for (unsigned k = 0; k < COUNT; k++) {
        write_file(k);
    }
    TAP_EQUAL_U64(tier_all(COUNT, 12), COUNT);
    TAP_EQUAL_U64(h.spool.tiered, COUNT);
    journal_figures(h.journal, &figures);
    printf("# %u intents, %u syncs\n", (unsigned)figures.begun, (unsigned)figures.syncs);
    TAP_EQUAL_U64(figures.open, 0);
    TAP_CHECK(figures.syncs < figures.begun);
    TAP_OK(recall_pool_open(&conf, &pool, NULL));
    for (unsigned k = 0; k < COUNT; k++) {
        struct recall_request q = {.volume = &h.recall_volume};
        char name[40];

        name_of(k, name);
        q.path = al_span_of(name);
        TAP_OK(recall_pool_submit(pool, &q, recalled, &back));
    }
    recall_pool_wait(pool);
    pool = recall_pool_close(pool);
    TAP_EQUAL_U64(back, COUNT);
    TAP_EQUAL_U64(h.spool.recalled, COUNT);
    for (unsigned k = 0; k < COUNT; k++) {
        TAP_CHECK(reads(k));
    }
    stop();
}

static void
many_openers_of_one_stub_are_one_fill(void)
{
    enum { OPENERS = 2000 };
    struct recall_pool_conf conf = {.env = &h.recall_env, .workers = 4};
    struct recall_request q = {.volume = &h.recall_volume};
    struct recall_pool_figures figures;
    struct recall_pool *pool = NULL;
    struct stub_facts facts;
    enum marker_verdict verdict;
    struct marker m;
    unsigned back = 0;

    start();
    for (unsigned k = 0; k < 7; k++) {
        write_file(k);
    }
    TAP_EQUAL_U64(tier_all(7, 2), 7);
    TAP_OK(stub_examine_path(h.stub, al_span_of("file 6.dat"), &m, &verdict, &facts, NULL));
    TAP_EQUAL_STR(marker_verdict_name(verdict), "stub");
    q.handle = facts.handle;
    TAP_OK(recall_pool_open(&conf, &pool, NULL));
    for (unsigned k = 0; k < OPENERS; k++) {
        TAP_OK(recall_pool_submit(pool, &q, recalled, &back));
    }
    recall_pool_wait(pool);
    recall_pool_figures(pool, &figures);
    pool = recall_pool_close(pool);
    TAP_EQUAL_U64(back, OPENERS);
    TAP_EQUAL_U64(figures.filled, 1);
    TAP_EQUAL_U64(figures.waiting + figures.queued + figures.running, 0);
    TAP_EQUAL_U64(h.spool.recalled, 1);
    TAP_CHECK(reads(6));
    stop();
}

static void *
bring_back(void *arg)
{
    char share[300], away[300];

    port_sleep_ns(port_native(), 700000000);
    snprintf(share, sizeof(share), "%s/share", h.dir);
    snprintf(away, sizeof(away), "%s/away", h.dir);
    TAP_OK(port_rename(port_native(), NULL, away, NULL, share, false));
    return NULL;
}

static void
an_opener_waits_for_a_share_that_is_away_for_a_moment(void)
{
    struct recall_pool_conf conf = {.env = &h.recall_env, .workers = 2};
    struct recall_request q = {.volume = &h.recall_volume, .path = al_span_of("file 1.dat")};
    char share[300], away[300];
    struct recall_pool *pool = NULL;
    struct port_thread t;
    unsigned back = 0;

    start();
    write_file(1);
    TAP_EQUAL_U64(tier_all(2, 1), 1);
    snprintf(share, sizeof(share), "%s/share", h.dir);
    snprintf(away, sizeof(away), "%s/away", h.dir);
    TAP_OK(port_rename(port_native(), NULL, share, NULL, away, false));
    TAP_OK(recall_pool_open(&conf, &pool, NULL));
    TAP_OK(port_thread_start(&t, "back", 0, bring_back, NULL));
    TAP_OK(recall_pool_submit(pool, &q, recalled, &back));
    recall_pool_wait(pool);
    port_thread_join(&t);
    pool = recall_pool_close(pool);
    TAP_EQUAL_U64(back, 1);
    TAP_EQUAL_U64(h.spool.recalled, 1);
    TAP_EQUAL_U64(h.spool.failed, 0);
    TAP_CHECK(reads(1));
    stop();
}

static int64_t
ms_now(void)
{
    return port_mono_ns(port_native()) / 1000000;
}

/* A chunk of 96 MiB keeps the mover inside one call for long; whoever opens the file meanwhile gets
 * it at once. */
static void
who_opens_a_file_under_way_gets_it_within_moments(void)
{
    enum { MIB = 96 };
    struct mover_pool_conf conf = {.env = &h.mover_env, .workers = 1, .queue_max = 4};
    struct mover_item item = {.volume = &h.mover_volume, .path = al_span_of("big")};
    struct mover_pool *pool = NULL;
    struct mover_pool_figures figures;
    char path[300];
    unsigned tiered = 0;
    uint8_t *chunk;
    int64_t began, took = 0;
    int fd;

    start();
    h.mover_env.chunk_bytes = (size_t)MIB << 20;
    chunk = al_alloc(1 << 20);
    memset(chunk, 7, 1 << 20);
    snprintf(path, sizeof(path), "%s/big", h.volume);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    for (int k = 0; k < MIB; k++) {
        TAP_CHECK(write(fd, chunk, 1 << 20) == 1 << 20);
    }
    TAP_CHECK(close(fd) == 0);
    al_free(chunk);
    TAP_OK(mover_pool_open(&conf, &pool, NULL));
    TAP_OK(mover_pool_submit(pool, &item, true, moved, &tiered));
    for (;;) { /* until the lease stands: a non-blocking open is refused then */
        fd = open(path, O_RDONLY | O_NONBLOCK);
        if (fd < 0) {
            break;
        }
        (void)close(fd);
        mover_pool_figures(pool, &figures);
        if (figures.running + figures.queued == 0) {
            TAP_OK(mover_pool_submit(pool, &item, true, moved,
                                     &tiered)); /* our own opens came in its way */
        }
        port_sleep_ns(port_native(), 300000);
    }
    began = ms_now();
    fd = open(path, O_RDONLY);
    took = ms_now() - began;
    TAP_CHECK(fd >= 0);
    (void)close(fd);
    mover_pool_wait(pool);
    mover_pool_figures(pool, &figures);
    pool = mover_pool_close(pool);
    printf("# waited %d ms\n", (int)took);
    TAP_CHECK(took < 100); /* 10 ms by design; a busy machine is late by itself */
    TAP_EQUAL_U64(figures.tiered, 0);
    TAP_CHECK(figures.refusals[STUB_R_OPEN] >= 1);
    stop();
}

static void
count_done(void *ctx, const struct mover_item *item, const struct mover_result *r)
{
    __atomic_add_fetch((unsigned *)ctx, 1, __ATOMIC_RELAXED);
}

static void
cancel_and_close_end_everything_that_was_accepted(void)
{
    enum { COUNT = 64 };
    struct mover_pool_conf conf = {.env = &h.mover_env, .workers = 3, .queue_max = COUNT};
    struct mover_pool *pool = NULL;
    unsigned done = 0, accepted = 0;

    start();
    for (unsigned k = 0; k < COUNT; k++) {
        write_file(k);
    }
    TAP_OK(mover_pool_open(&conf, &pool, NULL));
    for (unsigned k = 0; k < COUNT; k++) {
        struct mover_item item = {.volume = &h.mover_volume, .job_id = k % 2 ? "odd" : "even"};
        char name[40];

        name_of(k, name);
        item.path = al_span_of(name);
        accepted += mover_pool_submit(pool, &item, false, count_done, &done) == AL_OK;
    }
    mover_pool_cancel(pool, "odd");
    port_sleep_ns(port_native(), 20000000);
    pool = mover_pool_close(pool);
    TAP_EQUAL_U64(done, accepted);
    TAP_EQUAL_U64(h.spool.tiered + h.spool.failed + h.spool.refused, accepted);
    TAP_CHECK(h.spool.failed >= COUNT / 4);
    stop();
}

static void
release_finishes_what_is_in_hand_and_gives_the_rest_back(void)
{
    enum { COUNT = 64 };
    struct mover_pool_conf conf = {.env = &h.mover_env, .workers = 2, .queue_max = COUNT};
    struct mover_pool_figures figures = {0};
    struct mover_pool *pool = NULL;
    unsigned done = 0, others = 0;

    start();
    for (unsigned k = 0; k < COUNT; k++) {
        write_file(k);
    }
    TAP_OK(mover_pool_open(&conf, &pool, NULL));
    for (unsigned k = 0; k < COUNT; k++) {
        struct mover_item item = {.volume = &h.mover_volume, .job_id = k < COUNT - 4 ? "one" : "other"};
        char name[40];

        name_of(k, name);
        item.path = al_span_of(name);
        TAP_OK(mover_pool_submit(pool, &item, true, count_done, k < COUNT - 4 ? &done : &others));
    }
    do {
        mover_pool_figures(pool, &figures);
    } while (figures.running == 0 && figures.tiered == 0);
    mover_pool_release(pool, "one");
    mover_pool_wait(pool);
    mover_pool_figures(pool, &figures);
    TAP_EQUAL_U64(done, COUNT - 4);
    TAP_EQUAL_U64(others, 4);
    /* what was in hand and the other job are done, and something was given back */
    TAP_CHECK(figures.tiered >= 5 && figures.failed >= 1);
    TAP_EQUAL_U64(figures.tiered + figures.refused + figures.failed, COUNT);
    pool = mover_pool_close(pool);
    stop();
}

/* Each file is given twice, so that two workers meet at it; then all come back the same way. */
static void
archives_go_and_come_back_in_several_threads(void)
{
    struct mover_pool_conf conf = {.env = &h.mover_env, .workers = 6, .queue_max = 16};
    struct mover_pool *pool = NULL;
    struct port_file *root = NULL;
    struct claims *claims = NULL;
    enum { COUNT = 48 };
    static const uint8_t key[32] = {5};

    start();
    TAP_OK(port_open(port_native(), NULL, h.volume, PORT_READ | PORT_FOLDER, 0, &root));
    TAP_OK(claims_new(&claims));
    h.mover_env.claims = claims;
    h.mover_volume.root = root;
    h.mover_volume.key = key;
    for (unsigned k = 0; k < COUNT; k++) {
        write_file(k);
    }
    for (int act = MOVER_ARCHIVE; act <= MOVER_BACK; act++) {
        unsigned done = 0;

        TAP_OK(mover_pool_open(&conf, &pool, NULL));
        for (unsigned k = 0; k < 2 * COUNT; k++) {
            struct mover_item item = {.volume = &h.mover_volume, .act = (enum mover_act)act};
            char name[40];

            name_of(k / 2, name);
            item.path = al_span_of(name);
            TAP_OK(mover_pool_submit(pool, &item, true, counted, &done));
        }
        mover_pool_wait(pool);
        pool = mover_pool_close(pool);
        for (unsigned k = 0; k < COUNT; k++) {
            char path[340], name[40];
            bool whole = act == MOVER_BACK || size_of(k) <= 4096;

            name_of(k, name);
            snprintf(path, sizeof(path), "%s/%s.alto", h.volume, name);
            TAP_CHECK((access(path, F_OK) == 0) == !whole);
            TAP_CHECK(whole ? reads(k) : !reads(k));
        }
        TAP_CHECK(done >= COUNT / 8 * 7); /* of the back, who comes second may find it there */
    }
    port_close_quiet(port_native(), &root);
    claims = claims_free(claims);
    stop();
}

int
main(void)
{
    TAP_RUN(many_workers_tier_and_recall_many_files_and_share_their_syncs);
    TAP_RUN(many_openers_of_one_stub_are_one_fill);
    TAP_RUN(an_opener_waits_for_a_share_that_is_away_for_a_moment);
    TAP_RUN(who_opens_a_file_under_way_gets_it_within_moments);
    TAP_RUN(release_finishes_what_is_in_hand_and_gives_the_rest_back);
    TAP_RUN(cancel_and_close_end_everything_that_was_accepted);
    TAP_RUN(archives_go_and_come_back_in_several_threads);
    return tap_end();
}
