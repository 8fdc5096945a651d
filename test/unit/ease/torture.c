/* torture.c: many readers of stubs at once, while messages come out of order and twice, readers go
 * away, the share vanishes, and this program is killed and started again.
 *
 *   ease_torture FLAVOUR DLL ROOT make FILES             a volume of stubs, and their objects
 *   ease_torture FLAVOUR DLL ROOT run RECALLS THREADS SEED [away|may]
 *       away: takes the share away now and then; may: somebody else does, so that reads may be denied
 *   ease_torture FLAVOUR DLL - quick                     both, for a few seconds, in a folder of its own
 *
 * URL, USER and PASSWORD in the environment: that share instead of a folder. Prints TAP; between,
 * "# progress N". A wrong byte, a lost reply, a reply that breaks the contract, a denial while the
 * share was there, or growing handles or memory fail it. */
#include "ease_world.h"

#ifdef _WIN32
#include <windows.h>
#define QUICK_PART 6 /* Wine takes that much longer */
#else
#include <dirent.h>
#define QUICK_PART 1
#endif

#define SMALL_MAX 70000u
#define FILES_MAX 4096u
#define READERS_MAX 64u
/* a share that came back can be denied still by a fetch that began before, and its second try */
#define AFTER_NS (EASE_FETCH_AGAIN_NS + 1000000000)
#define MEMORY_MAX (16u << 20) /* bytes more at the end than after a fifth, where that is after */
#define MEMORY_RECALLS 50000u  /* enough to have filled every thread's heap */

static struct ease_world w;
static struct world_stub *files;
static unsigned file_count;

static struct {
    port_mutex lock;
    uint64_t want, done, denied, left, seed;
    bool stop, away, may; /* may: denials are nothing to wonder at */
    int64_t back_ns;      /* when the share was back */
    uint64_t wrong, lost, broken, unexpected;
    char first[300];
    uint64_t handles, memory; /* after a fifth */
} t;

/* ---- handles and memory ---- */

static uint64_t
handles_now(void)
{
#ifdef _WIN32
    DWORD count = 0;

    (void)GetProcessHandleCount(GetCurrentProcess(), &count); /* Wine 8 says 0 */
    return count;
#else
    DIR *d = opendir("/proc/self/fd");
    uint64_t count = 0;

    while (d != NULL && readdir(d) != NULL) {
        count++;
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return count;
#endif
}

static uint64_t
memory_now(void)
{
#ifdef _WIN32
    return 0; /* Wine's own figures of it are no measure */
#else
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long long pages = 0;

    if (f != NULL) {
        if (fscanf(f, "%*s %llu", &pages) != 1) {
            pages = 0;
        }
        (void)fclose(f);
    }
    return pages * 4096;
#endif
}

/* ---- the files ---- */

static void
name_of(unsigned i, char *to, size_t cap, const char *folder, const char *tail)
{
    char name[40];

    (void)snprintf(name, sizeof(name), "f%04u%s", i, tail);
    world_join(to, cap, folder, name);
}

static void
make(unsigned count)
{
    struct world_stub s;
    struct port_file *root = NULL;
    char tags[WORLD_PATH + 40], name[40];

    (void)snprintf(tags, sizeof(tags), "%s/tags", w.root);
    TAP_OK(port_mkdirs(w.port, tags, 0700));
    TAP_OK(port_open(w.port, NULL, tags, PORT_READ | PORT_FOLDER, 0, &root));
    for (unsigned i = 0; i < count; i++) {
        uint64_t size = i % 50 == 49 ? (2u << 20) + i : world_word(3, i) % SMALL_MAX;

        (void)snprintf(name, sizeof(name), "f%04u.mov", i);
        world_stub(&w, &s, name, size, i + 1, true);
        TAP_OK(port_write_file(w.port, root, name, s.tag, s.tag_len, 0600));
        world_stub_end(&s);
    }
    port_close_quiet(w.port, &root);
}

static void
load(void)
{
    char tags[WORLD_PATH + 40], path[WORLD_PATH + 80];

    (void)snprintf(tags, sizeof(tags), "%s/tags", w.root);
    files = al_array(FILES_MAX, sizeof(*files));
    for (file_count = 0; file_count < FILES_MAX; file_count++) {
        struct world_stub *s = &files[file_count];
        struct al_buf bytes = {0};
        struct stub_tag tag;

        al_buf_init(&bytes, EASE_TAG_BYTES_MAX);
        name_of(file_count, path, sizeof(path), tags, ".mov");
        if (port_read_file(w.port, NULL, path, EASE_TAG_BYTES_MAX, &bytes) != AL_OK) {
            break;
        }
        TAP_OK(ease_tag_decode(al_buf_span(&bytes), &tag));
        name_of(file_count, s->path, sizeof(s->path), w.volume, ".mov");
        s->seed = file_count + 1;
        s->size = tag.size;
        s->tag = al_buf_take(&bytes, &s->tag_len);
    }
    TAP_CHECK(file_count > 0);
}

static void
unload(void)
{
    for (unsigned i = 0; i < file_count; i++) {
        world_stub_end(&files[i]);
    }
    al_free(files);
}

/* ---- readers ---- */

/* What came of one recall. */
static void
note(int rc, bool right, bool may_be_denied, const struct world_stub *s, const char *what)
{
    uint64_t *count = NULL;

    port_mutex_lock(&t.lock);
    if (rc == STAND_OK) {
        t.done++;
        count = right ? NULL : &t.wrong;
    } else if (rc == STAND_LEFT) {
        t.left++;
    } else if (rc == STAND_TIMEOUT) {
        count = &t.lost;
    } else if (rc == STAND_DENIED && may_be_denied) {
        t.denied++;
    } else {
        count = rc == STAND_BROKEN ? &t.broken : &t.unexpected;
    }
    if (count != NULL && (*count)++ == 0) {
        (void)snprintf(t.first, sizeof(t.first), "%.20s of %.120s: %d", what, s->path, rc);
        t.stop = true;
    }
    port_mutex_unlock(&t.lock);
}

static void
one(uint64_t random, uint8_t *room)
{
    struct world_stub *s = &files[random % file_count];
    unsigned how = (unsigned)(random >> 32) % 16;
    uint64_t at = 0, len = s->size;
    size_t got = 0;
    bool before, after;
    int rc;

    if ((random >> 40) % 4 == 0) { /* tiered anew, or a stub still */
        (void)w.stand->make(s->path, (int64_t)s->size, s->tag, (uint32_t)s->tag_len);
    }
    port_mutex_lock(&t.lock);
    before = t.away || port_mono_ns(w.port) - t.back_ns < AFTER_NS;
    port_mutex_unlock(&t.lock);
    if (how < 8) {
        rc = w.stand->read(s->path, WORLD_READER, 0, room, (size_t)s->size + 1, &got);
    } else if (how < 14) {
        at = s->size == 0 ? 0 : (random >> 8) % s->size;
        len = s->size - at < 65536 ? s->size - at : 65536;
        rc = w.stand->read_once(s->path, WORLD_READER, at, 65536, room, &got);
    } else {
        rc = w.stand->map(s->path, WORLD_READER, room, (size_t)s->size, &got);
    }
    port_mutex_lock(&t.lock);
    after = t.away || port_mono_ns(w.port) - t.back_ns < AFTER_NS;
    port_mutex_unlock(&t.lock);
    note(rc, got == len && world_same(s->seed, at, room, got), before || after || t.may, s,
         how < 8    ? "read"
         : how < 14 ? "block"
                    : "map");
}

static void *
reader(void *arg)
{
    uint64_t random = t.seed * 1000 + (uint64_t)(uintptr_t)arg, step = 0;
    uint8_t *room = al_alloc((4u << 20) + 1);
    bool stop = false;

    while (!stop) {
        one(world_word(random, step++), room);
        port_mutex_lock(&t.lock);
        stop = t.stop;
        port_mutex_unlock(&t.lock);
    }
    al_free(room);
    return NULL;
}

/* Identity and objects gone at once: an empty folder where the share was, as after a mount that was
 * taken away. The folder itself would not do: whoever has it open goes on seeing all of it. */
static void
take_away(bool away)
{
    static const char *const names[] = {TARGET_IDENTITY, "objects"};
    char here[WORLD_PATH + 60], there[WORLD_PATH + 70];

    for (size_t i = 0; i < AL_LEN(names); i++) {
        int rc = AL_EBUSY;

        world_join(here, sizeof(here), w.share, names[i]);
        (void)snprintf(there, sizeof(there), "%.640s.away", here);
        /* On Windows not while somebody is in there; not there: a kill came in between. */
        while (rc != AL_OK && rc != AL_ENOENT) {
            rc = port_rename(w.port, NULL, away ? here : there, NULL, away ? there : here, false);
            port_sleep_ns(w.port, rc == AL_OK ? 0 : 10000000);
        }
    }
}

static void *
thief(void *arg)
{
    bool stop = false;
    unsigned turn = 0;

    while (!stop) {
        port_sleep_ns(w.port, t.want > 50000 ? 5000000000 : 200000000);
        port_mutex_lock(&t.lock);
        t.away = true;
        port_mutex_unlock(&t.lock);
        take_away(true);
        /* a moment, that nobody needs to notice, and longer than a fetch is tried for */
        port_sleep_ns(w.port, turn++ % 2 == 0 ? 200000000 : EASE_FETCH_AGAIN_NS + 400000000);
        take_away(false);
        port_mutex_lock(&t.lock);
        t.away = false;
        t.back_ns = port_mono_ns(w.port);
        stop = t.stop;
        port_mutex_unlock(&t.lock);
    }
    return arg;
}

/* ---- a run ---- */

/* Until so many replies were good. */
static void
watch(void)
{
    bool stop = false, measured = false;
    uint64_t told = 0;

    while (!stop) {
        struct stand_counts c;
        uint64_t good;

        port_sleep_ns(w.port, 20000000);
        ease_fetch_sweep(w.fetch, port_now_ns(w.port)); /* so that little is found there */
        w.stand->counts(&c);
        good = c.blocks + c.caches + c.fills;
        port_mutex_lock(&t.lock);
        if (!measured && good >= t.want / 5) {
            measured = true;
            t.handles = handles_now();
            t.memory = memory_now();
        }
        t.stop = t.stop || good >= t.want;
        stop = t.stop;
        port_mutex_unlock(&t.lock);
        if (good - told >= 1000) {
            told = good;
            printf("# progress %llu\n", (unsigned long long)good);
            fflush(stdout);
        }
    }
}

static void
verdict(const struct stand_counts *c, uint64_t handles, uint64_t memory, int64_t ns)
{
    printf("# %llu reads: %llu blocks, %llu files, %llu filled; %llu denied while the share was "
           "away, %llu left by their readers, %llu sent twice, %llu late, %u at once; handles %llu "
           "to %llu, memory %llu to %llu KiB; %.1f s\n",
           (unsigned long long)t.done, (unsigned long long)c->blocks, (unsigned long long)c->caches,
           (unsigned long long)c->fills, (unsigned long long)t.denied, (unsigned long long)t.left,
           (unsigned long long)c->repeats, (unsigned long long)c->late, c->threads_most,
           (unsigned long long)t.handles, (unsigned long long)handles,
           (unsigned long long)(t.memory >> 10), (unsigned long long)(memory >> 10),
           (double)ns / 1e9);
    if (c->violations != 0) {
        tap_fail(__FILE__, __LINE__, "contract: %s", c->first_violation);
    }
    if (t.wrong + t.lost + t.broken + t.unexpected != 0) {
        tap_fail(__FILE__, __LINE__, "%llu wrong, %llu lost, %llu broken, %llu unexpected: %s",
                 (unsigned long long)t.wrong, (unsigned long long)t.lost,
                 (unsigned long long)t.broken, (unsigned long long)t.unexpected, t.first);
    }
    TAP_EQUAL_U64(c->lost, 0);
    /* each thread may have a file or two open when it is counted */
    TAP_CHECK(handles <= t.handles + 2 * READERS_MAX);
    TAP_CHECK(t.want < MEMORY_RECALLS || memory <= t.memory + MEMORY_MAX);
}

static void
run(uint64_t want, unsigned readers, uint64_t seed, bool away)
{
    struct port_thread threads[READERS_MAX], taker;
    struct stand_settings s = {.seed = seed,
                               .shuffle_percent = 50,
                               .repeat_percent = 5,
                               .abandon_percent = 3,
                               .abandon_ms = 3,
                               .notice_percent = 5,
                               .short_tail = seed % 3 == 0,
                               .driver_runs = true};
    int64_t began = port_mono_ns(w.port);
    struct stand_counts c;
    uint64_t handles, memory;

    t.want = want;
    t.seed = seed;
    t.back_ns = INT64_MIN / 2;
    w.stand->set(&s);
    w.conf.threads = 32;
    w.conf.timeout_s = 20;
    w.conf.answer.policy = seed % 2 == 0 ? EASE_KEEP_STUB : EASE_FILL_STUB;
    w.fetch_conf.workers = 8;
    w.fetch_conf.keep_ns = 15000000000; /* a reader on a busy machine may need seconds to copy it */
    w.fetch_conf.idle_ns = 50000000;
    w.fetch_conf.bytes_max = 4ull << 30;
    world_start(&w);
    for (unsigned i = 0; i < readers; i++) {
        TAP_OK(port_thread_start(&threads[i], "reader", 0, reader, (void *)(uintptr_t)(i + 1)));
    }
    if (away) {
        TAP_OK(port_thread_start(&taker, "thief", 0, thief, NULL));
    }
    watch();
    handles = handles_now();
    memory = memory_now();
    for (unsigned i = 0; i < readers; i++) {
        port_thread_join(&threads[i]);
    }
    if (away) {
        port_thread_join(&taker);
    }
    world_stop(&w);
    w.stand->counts(&c);
    verdict(&c, handles, memory, port_mono_ns(w.port) - began);
}

/* ---- main ---- */

static struct {
    const char *flavour, *dll, *root, *verb;
    uint64_t number, readers, seed;
    bool away, may;
} args;

static void
begin(void)
{
    const char *url = port_env("URL");

    memset(&t, 0, sizeof(t));
    port_mutex_init(&t.lock);
    world_make_at(&w, args.dll, args.flavour[0] == 'b', args.root);
    if (url != NULL) {
        w.volumes[0].target.url = url;
        w.volumes[0].target.user = port_env("USER");
        w.volumes[0].target.password = port_env("PASSWORD");
        w.volumes[0].target.deadline_ms = 3000;
    }
}

static void
make_stubs(void)
{
    struct target *target = NULL;

    begin();
    if (port_env("URL") != NULL) {
        TAP_OK(target_open(w.port, &w.volumes[0].target, true, &target, NULL));
        (void)target_close(target);
    } else {
        world_share_make(&w);
    }
    make((unsigned)args.number);
}

static void
readers_of_stubs(void)
{
    begin();
    t.may = args.may;
    if (args.away) {
        take_away(false); /* a kill may have come while it was away */
    }
    load();
    run(args.number, (unsigned)args.readers, args.seed, args.away);
    unload();
}

static void
quick(bool fill, bool away)
{
    args.root = NULL;
    begin();
    world_share_make(&w);
    make(60);
    load();
    run((away ? 1500 : fill ? 800 : 3000) / QUICK_PART, 32, fill ? 7 : 8, away);
    unload();
    world_end(&w);
}

static void
stubs_that_stay(void)
{
    quick(false, false);
}

static void
stubs_that_are_filled(void)
{
    quick(true, false);
}

static void
a_share_that_vanishes(void)
{
    quick(false, true);
}

int
main(int argc, char **argv)
{
    port_memory_lean(); /* as the agent does */
    port_stop_catch();  /* a share that goes away must not end us */
    if (argc < 5) {
        return 2;
    }
    args.flavour = argv[1];
    args.dll = argv[2];
    args.root = argv[3];
    args.verb = argv[4];
    if (strcmp(args.verb, "quick") == 0) {
        TAP_RUN(stubs_that_stay);
        TAP_RUN(stubs_that_are_filled);
        TAP_RUN(a_share_that_vanishes);
        return tap_end();
    }
    if (argc < 6 || al_parse_u64(argv[5], &args.number) != AL_OK || args.number > 1u << 30) {
        return 2;
    }
    if (strcmp(args.verb, "make") == 0 && args.number <= FILES_MAX) {
        TAP_RUN(make_stubs);
        return tap_end();
    }
    if (argc < 8 || al_parse_u64(argv[6], &args.readers) != AL_OK || args.readers > READERS_MAX ||
        al_parse_u64(argv[7], &args.seed) != AL_OK) {
        return 2;
    }
    args.away = argc > 8 && strcmp(argv[8], "away") == 0;
    args.may = argc > 8 && strcmp(argv[8], "may") == 0;
    TAP_RUN(readers_of_stubs);
    return tap_end();
}
