/* Tiering and bringing back by exchange, with the stand-in as the driver: what the simulated disk (test/sim/swaps.c) cannot
 * show of real files, handles and threads. Under Wine the Windows port does it. usage: ease_swap_test a DLL. SWAP_MIB in the
 * environment: a file of so many MiB besides. */
#include "swap_world.h"

#include "agent/ease/tell.h"
#include "agent/mover/dress.h"

#ifdef _WIN32
#define SMALLEST 8193u /* see stand.h */
#else
#define SMALLEST 4097u
#endif

static bool can; /* whether anything can be tiered here at all */

static void
a_file_goes_is_read_and_comes_back(void)
{
    struct mover_result r;
    struct port_stat before, after;

    swap_begin();
    swap_file("a.mov", 3u << 20, 7);
    TAP_OK(port_stat_at(w.port, s.root, "a.mov", &before));
    r = swap_move("a.mov", MOVER_TIER);
    if (r.refusal == STUB_R_OPEN && r.code == AL_OK) {
        swap_end();
        tap_skip("whether a file is mapped cannot be told here, so none is tiered");
    }
    TAP_CHECK(r.tiered && r.reported);
    printf("# the name was nobody's for %" PRId64 " us\n", r.gap_ns / 1000);
    TAP_CHECK(swap_is_stub("a.mov"));
    TAP_OK(port_stat_at(w.port, s.root, "a.mov", &after));
    TAP_CHECK(after.size == before.size && after.mtime_ns == before.mtime_ns && after.mode == before.mode);
    TAP_CHECK(after.ino != before.ino && after.allocated < before.allocated);
    TAP_CHECK(swap_reads("a.mov", 3u << 20, 7));
    TAP_CHECK(swap_move("a.mov", MOVER_TIER).refusal == STUB_R_ALREADY);
    TAP_CHECK(swap_did("a.mov", MOVER_BACK));
    TAP_CHECK(!swap_is_stub("a.mov") && swap_reads("a.mov", 3u << 20, 7));
    TAP_OK(port_stat_at(w.port, s.root, "a.mov", &after));
    TAP_CHECK(after.size == before.size && after.mtime_ns == before.mtime_ns && after.mode == before.mode);
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
    can = true;
}

static void
need(void)
{
    if (!can) {
        tap_skip("nothing can be tiered here");
    }
    swap_begin();
}

static void
sizes_and_names(void)
{
    static const struct {
        const char *name;
        uint64_t size;
        bool goes;
    } files[] = {{"zero", 0, false},      {"one", 1, false},           {"4095", 4095, false},         {"4096", 4096, false},
                 {"4097", SMALLEST, true}, {"65537.mov", 65537, true},  {"1M1.bin", (1u << 20) + 1, true}, {"blank name", 70000, true},
                 {"\xc3\xa4\xe2\x82\xac", 9000, true}};
    char longest[251];

    need();
    for (size_t i = 0; i < AL_LEN(files); i++) {
        struct mover_result r;

        swap_file(files[i].name, files[i].size, i + 1);
        r = swap_move(files[i].name, MOVER_TIER);
        TAP_CHECK(r.tiered == files[i].goes && (files[i].goes || r.refusal == STUB_R_NO_GAIN));
        TAP_CHECK(swap_is_stub(files[i].name) == files[i].goes);
        TAP_CHECK(swap_reads(files[i].name, files[i].size, i + 1));
        TAP_CHECK(!files[i].goes || (swap_did(files[i].name, MOVER_BACK) && !swap_is_stub(files[i].name)));
        TAP_CHECK(swap_reads(files[i].name, files[i].size, i + 1));
    }
    memset(longest, 'n', 250);
    longest[250] = '\0';
    swap_file(longest, 9000, 3);
    TAP_CHECK(swap_did(longest, MOVER_TIER) && swap_did(longest, MOVER_BACK) && swap_reads(longest, 9000, 3));
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

static void
a_large_file(void)
{
    const char *mib = port_env("SWAP_MIB");
    uint64_t size = mib != NULL ? (strtoull(mib, NULL, 10) << 20) + 1 : 0;

    if (mib == NULL) {
        tap_skip("SWAP_MIB is not set");
    }
    need();
    swap_file("large.mov", size, 11);
    TAP_CHECK(swap_did("large.mov", MOVER_TIER) && swap_is_stub("large.mov"));
    TAP_CHECK(swap_did("large.mov", MOVER_BACK) && !swap_is_stub("large.mov"));
    TAP_CHECK(swap_reads("large.mov", size, 11));
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

static uint32_t
attrs_of(const char *name)
{
    struct port_stat st;

    TAP_OK(port_stat_at(w.port, s.root, name, &st));
    return st.attrs & (PORT_A_READONLY | PORT_A_HIDDEN | PORT_A_SYSTEM);
}

/* A stream where there are streams: *ret_have. */
static void
write_stream(struct port_file *f, bool *ret_have)
{
    struct port_file *t = NULL;

    *ret_have = port_stream_open(w.port, f, "note", PORT_READ | PORT_WRITE | PORT_CREATE, &t) == AL_OK;
    if (*ret_have) {
        TAP_OK(port_pwrite(w.port, t, "kept", 4, 0));
        TAP_OK(port_close(w.port, t));
    }
}

static void
check_kept(uint32_t attrs, bool streams, struct al_span rights)
{
    AL_CLEANUP(al_buf_free) struct al_buf now = {0};
    struct port_file *f = NULL, *t = NULL;
    uint8_t bytes[10];
    size_t got;

    al_buf_init(&now, PORT_SECURITY_MAX);
    TAP_EQUAL_U64(attrs_of("f"), attrs);
    TAP_OK(port_open(w.port, s.root, "f", PORT_READ | PORT_REPARSE, 0, &f));
    if (streams) {
        TAP_OK(port_stream_open(w.port, f, "note", PORT_READ, &t));
        TAP_OK(port_pread(w.port, t, bytes, sizeof(bytes), 0, &got));
        TAP_CHECK(got == 4 && memcmp(bytes, "kept", 4) == 0);
        TAP_OK(port_close(w.port, t));
    }
    if (rights.len > 0) {
        TAP_OK(port_security_get(w.port, f, &now));
        TAP_CHECK(dress_same_rights(al_buf_span(&now), rights));
    }
    TAP_OK(port_close(w.port, f));
}

/* As far as the system here has such things. */
static void
what_a_file_has_besides_is_kept(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf rights = {0};
    uint32_t want = PORT_A_HIDDEN | PORT_A_READONLY;
    struct port_file *f = NULL;
    bool streams = false;
    int have_attrs, have_rights;

    need();
    al_buf_init(&rights, PORT_SECURITY_MAX);
    swap_file("f", 70000, 9);
    TAP_OK(port_open(w.port, s.root, "f", PORT_READ | PORT_WRITE, 0, &f));
    write_stream(f, &streams);
    have_attrs = port_set_attrs(w.port, f, want, want);
    have_rights = port_security_get(w.port, f, &rights); /* Wine makes them of the mode, which is one of both */
    TAP_OK(port_close(w.port, f));
    want = have_attrs == AL_OK ? want : attrs_of("f");
    printf("# here: %s%s%s\n", have_attrs == AL_OK ? "attributes " : "", streams ? "streams " : "",
           have_rights == AL_OK ? "rights" : "");
    check_kept(want, streams, al_buf_span(&rights));
    TAP_CHECK(swap_did("f", MOVER_TIER) && swap_is_stub("f"));
    check_kept(want, streams, al_buf_span(&rights));
    TAP_CHECK(swap_reads("f", 70000, 9));
    TAP_CHECK(swap_did("f", MOVER_BACK) && !swap_is_stub("f"));
    check_kept(want, streams, al_buf_span(&rights));
    TAP_CHECK(swap_reads("f", 70000, 9));
    if (have_attrs == AL_OK) { /* so that it can be removed */
        TAP_OK(port_open(w.port, s.root, "f", PORT_READ | PORT_DELETE, 0, &f));
        TAP_OK(port_set_attrs(w.port, f, 0, PORT_A_READONLY));
        TAP_OK(port_close(w.port, f));
    }
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

static void
words_and_rights(void)
{
    char text[KEPT_ATTRS_TEXT_MAX];
    uint32_t attrs = 0;
    uint8_t a[60] = {1, 0, 0x04, 0x80}, b[64] = {1, 0, 0x04, 0x84};

    kept_attrs_text(PORT_A_READONLY | PORT_A_ARCHIVE | PORT_A_HIDDEN | PORT_A_SYSTEM | PORT_A_NOT_INDEXED | PORT_A_OFFLINE, text);
    TAP_EQUAL_STR(text, "readonly,hidden,system,not_indexed,archive");
    TAP_CHECK(kept_attrs_of(al_span_of("archive,readonly"), &attrs) && attrs == (PORT_A_ARCHIVE | PORT_A_READONLY));
    TAP_CHECK(kept_attrs_of(al_span_of(""), &attrs) && attrs == 0);
    TAP_CHECK(!kept_attrs_of(al_span_of("archive,,readonly"), &attrs) && !kept_attrs_of(al_span_of("x"), &attrs));
    /* An owner of one part and a list of one entry; in b elsewhere, and "inherited" said in another way. */
    a[4] = 20;
    a[16] = 32;
    memcpy(a + 20, "\1\1\0\0\0\0\0\5\22\0\0\0", 12);
    memcpy(a + 32, "\2\0\34\0\1\0\0\0\0\0\24\0\377\1\37\0\1\1\0\0\0\0\0\5\22\0\0\0", 28);
    b[4] = 48;
    b[16] = 20;
    memcpy(b + 20, a + 32, 28);
    memcpy(b + 48, a + 20, 12);
    TAP_CHECK(dress_same_rights((struct al_span){a, sizeof(a)}, (struct al_span){b, sizeof(b)}));
    b[56] ^= 1; /* another owner */
    TAP_CHECK(!dress_same_rights((struct al_span){a, sizeof(a)}, (struct al_span){b, sizeof(b)}));
    b[56] ^= 1;
    b[32] ^= 1; /* another right */
    TAP_CHECK(!dress_same_rights((struct al_span){a, sizeof(a)}, (struct al_span){b, sizeof(b)}));
    b[32] ^= 1;
    b[3] ^= 0x10; /* shut off from inheritance */
    TAP_CHECK(!dress_same_rights((struct al_span){a, sizeof(a)}, (struct al_span){b, sizeof(b)}));
    for (size_t len = 0; len < sizeof(a); len++) { /* cut: whatever comes of it, nothing outside is read */
        uint8_t *cut = al_alloc(len + 1);

        memcpy(cut, a, len);
        (void)dress_same_rights((struct al_span){cut, len}, (struct al_span){b, sizeof(b)});
        al_free(cut);
    }
}

static void
a_sparse_file_is_refused(void)
{
    struct port_file *f = NULL;

    need();
    TAP_OK(port_open(w.port, NULL, swap_join("sparse"), PORT_READ | PORT_WRITE | PORT_CREATE, 0640, &f));
    TAP_OK(port_truncate(w.port, f, UINT64_C(9) << 30));
    TAP_OK(port_pwrite(w.port, f, "x", 1, UINT64_C(5) << 30));
    TAP_OK(port_close(w.port, f));
    TAP_CHECK(swap_move("sparse", MOVER_TIER).refusal == STUB_R_SPARSE);
    swap_end();
}

/* Whoever has it open keeps it; who comes while it is held waits or is told so. */
static void
an_open_file_is_refused(void)
{
    struct port_file *f = NULL;
    struct mover_result r;

    need();
    swap_file("open", 70000, 5);
    TAP_OK(port_open(w.port, NULL, swap_join("open"), PORT_READ | PORT_WRITE, 0, &f));
    r = swap_move("open", MOVER_TIER);
    TAP_CHECK(r.refusal == STUB_R_OPEN);
    TAP_OK(port_close(w.port, f));
    TAP_CHECK(swap_did("open", MOVER_TIER));
    TAP_CHECK(swap_reads("open", 70000, 5));
    swap_end();
}

static void
settings(bool new_files, unsigned fail, bool after)
{
    w.stand->set(&(struct stand_settings){.driver_runs = true, .new_files = new_files, .fail_stub_call = fail, .fail_after = after});
}

static void
each_call_of_the_driver_may_fail(void)
{
    unsigned nth, failed = 0;

    need();
    for (int k = 0; k < 4; k++) {
        bool back = k >= 2, after = k % 2 == 1;

        for (nth = 1; nth < 20; nth++) {
            struct reconcile_env env = swap_reconcile_env();
            struct reconcile_counts counts = {0};
            struct mover_result r;

            swap_file("f.mov", 70000, 9);
            TAP_CHECK(!back || swap_did("f.mov", MOVER_TIER));
            settings(false, nth, after);
            r = swap_move("f.mov", back ? MOVER_BACK : MOVER_TIER);
            settings(false, 0, false);
            failed += !r.tiered;
            TAP_OK(reconcile_found(&env, &counts));
            TAP_EQUAL_U64(counts.later, 0);
            TAP_CHECK(swap_is_stub("f.mov") == (r.tiered != back));
            TAP_CHECK(swap_reads("f.mov", 70000, 9));
            TAP_EQUAL_U64(swap_left(), 0);
            TAP_CHECK(!swap_is_stub("f.mov") || swap_did("f.mov", MOVER_BACK));
        }
    }
    TAP_CHECK(failed > 4);
    printf("# %u times not done\n", failed);
    swap_end();
}

static void
a_driver_that_makes_new_files_is_refused(void)
{
    need();
    swap_file("f", 70000, 9);
    settings(true, 0, false);
    TAP_CHECK(swap_move("f", MOVER_TIER).refusal == STUB_R_UNSUPPORTED);
    settings(false, 0, false);
    TAP_CHECK(!swap_is_stub("f") && swap_reads("f", 70000, 9));
    TAP_EQUAL_U64(swap_left(), 0);
    TAP_CHECK(swap_did("f", MOVER_TIER));
    w.stand->drop(); /* nobody answers for stubs: none is made */
    swap_file("g", 70000, 9);
    TAP_CHECK(swap_move("g", MOVER_TIER).refusal == STUB_R_NO_GATE);
    swap_end();
}

/* The share's connection itself breaks in test/sim/swaps.c. */
static void
an_object_that_is_gone_changes_nothing(void)
{
    char objects[WORLD_PATH + 20], gone[WORLD_PATH + 20];

    need();
    world_join(objects, sizeof(objects), w.share, "objects");
    world_join(gone, sizeof(gone), w.share, "gone");
    swap_file("g", 70000, 10);
    TAP_CHECK(swap_did("g", MOVER_TIER));
    TAP_OK(port_rename(w.port, NULL, objects, NULL, gone, false));
    TAP_CHECK(!swap_move("g", MOVER_BACK).tiered && swap_is_stub("g"));
    TAP_EQUAL_U64(swap_left(), 0);
    TAP_OK(port_rename(w.port, NULL, gone, NULL, objects, false));
    TAP_CHECK(swap_did("g", MOVER_BACK) && swap_reads("g", 70000, 10));
    swap_end();
}

/* Another content of the same length is found out before anything of it gets the name. */
static void
a_damaged_object_changes_nothing(void)
{
    struct mover_result r;
    char path[WORLD_PATH + 100], name[TARGET_NAME_MAX];
    struct port_file *f = NULL;

    need();
    swap_file("g.mov", 70000, 10);
    r = swap_move("g.mov", MOVER_TIER);
    TAP_CHECK(r.tiered);
    TAP_OK(target_object_name(r.object_id, al_span_of("g.mov"), name));
    world_join(path, sizeof(path), w.share, name);
    TAP_OK(port_open(w.port, NULL, path, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_pwrite(w.port, f, "?", 1, 69999));
    TAP_OK(port_close(w.port, f));
    TAP_CHECK(swap_move("g.mov", MOVER_BACK).code == AL_ECORRUPT && swap_is_stub("g.mov"));
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

/* ---- several at once, with readers ---- */

#define FILES 8u
#define ROUNDS 6u

struct hand {
    struct port_thread thread;
    unsigned number;
    bool stop;
    unsigned done, refused, wrong, denied;
};

static port_mutex stop_lock;

static bool
stopped(struct hand *h)
{
    bool stop;

    port_mutex_lock(&stop_lock);
    stop = h->stop;
    port_mutex_unlock(&stop_lock);
    return stop;
}

static void *
moves(void *arg)
{
    struct hand *h = arg;
    struct target *t = NULL;
    char name[20];

    (void)snprintf(name, sizeof(name), "f%u.mov", h->number);
    if (target_open(w.port, &w.volumes[0].target, false, &t, NULL) != AL_OK) {
        return NULL;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct mover_result r = swap_move_with(t, name, i % 2 == 0 ? MOVER_TIER : MOVER_BACK);

        h->done += r.tiered;
        h->refused += !r.tiered;
        if (!r.tiered && i % 2 == 0) {
            i--;                                /* somebody read it; tried again, some times */
            if (h->refused > 200 * ROUNDS) {
                break;
            }
            port_sleep_ns(w.port, 1000000);
        }
    }
    (void)target_close(t);
    return NULL;
}

static void *
reads(void *arg)
{
    struct hand *h = arg;
    uint8_t *have = al_alloc(80001);

    while (!stopped(h)) {
        unsigned n = h->done++ % FILES;
        char path[WORLD_PATH + 64];
        size_t got = 0;
        int rc;

        (void)snprintf(path, sizeof(path), "%s/f%u.mov", w.volume, n);
        rc = w.stand->read(path, WORLD_READER, 0, have, 80001, &got);
        h->denied += rc != STAND_OK;
        /* The stand-in opens the name for each message, so that it may find nobody's in between: then it has less, as much as whole
         * messages bring. What it has must be right. */
        h->wrong += rc == STAND_OK && ((got != 0 && got != 65536 && got != 80000) || !world_same(n + 1, 0, have, got));
        port_sleep_ns(w.port, 300000);
    }
    al_free(have);
    return NULL;
}

static void
many_at_once_with_readers(void)
{
    struct hand movers[FILES] = {0}, readers[2] = {0};
    unsigned done = 0;

    need();
    port_mutex_init(&stop_lock);
    for (unsigned i = 0; i < FILES; i++) {
        char name[20];

        (void)snprintf(name, sizeof(name), "f%u.mov", i);
        swap_file(name, 80000, i + 1);
        movers[i].number = i;
    }
    for (unsigned i = 0; i < 2; i++) {
        TAP_OK(port_thread_start(&readers[i].thread, "reader", 0, reads, &readers[i]));
    }
    for (unsigned i = 0; i < FILES; i++) {
        TAP_OK(port_thread_start(&movers[i].thread, "mover", 1u << 20, moves, &movers[i]));
    }
    for (unsigned i = 0; i < FILES; i++) {
        port_thread_join(&movers[i].thread);
        done += movers[i].done;
    }
    port_mutex_lock(&stop_lock);
    readers[0].stop = readers[1].stop = true;
    port_mutex_unlock(&stop_lock);
    for (unsigned i = 0; i < 2; i++) {
        port_thread_join(&readers[i].thread);
        printf("# %u reads, %u denied, %u wrong\n", readers[i].done, readers[i].denied, readers[i].wrong);
        TAP_EQUAL_U64(readers[i].wrong, 0);
    }
    printf("# %u exchanges\n", done);
    TAP_CHECK(done > FILES);
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

/* In policy "fill" the driver itself brings it back at a read: what a mover meets then is a file. */
static void
what_the_driver_brought_back_is_a_file(void)
{
    if (!can) {
        tap_skip("nothing can be tiered here");
    }
    world_make_at(&w, dll, flavour_b, NULL);
    world_share_make(&w);
    w.conf.answer.policy = EASE_FILL_STUB;
    world_start(&w);
    swap_open();
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER) && swap_is_stub("f"));
    TAP_CHECK(swap_reads("f", 70000, 9) && !swap_is_stub("f"));
    TAP_CHECK(swap_did("f", MOVER_BACK));
    TAP_EQUAL_U64(swap_told("act=recall", "already_resident"), 1);
    TAP_CHECK(swap_did("f", MOVER_TIER) && swap_reads("f", 70000, 9));
    swap_end();
}

/* ---- readers wait until what a crash cut is healed ---- */

static void *
releases_later(void *arg)
{
    port_sleep_ns(w.port, 300000000);
    ease_release(w.ease);
    return NULL;
}

static void
readers_wait_for_the_healing(void)
{
    struct port_thread later;
    int64_t began;

    if (!can) {
        tap_skip("nothing can be tiered here");
    }
    world_make_at(&w, dll, flavour_b, NULL);
    world_share_make(&w);
    w.conf.answer.held = true;
    w.conf.timeout_s = 2;
    world_start(&w);
    swap_open();
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER)); /* movers and reconcile go on */
    began = port_mono_ns(w.port);
    TAP_CHECK(!swap_reads("f", 70000, 9)); /* denied in time, and no reply lost */
    TAP_CHECK(port_mono_ns(w.port) - began > 1000000000);
    TAP_OK(port_thread_start(&later, "later", 0, releases_later, NULL));
    TAP_CHECK(swap_reads("f", 70000, 9));
    port_thread_join(&later);
    swap_end();
}

/* ---- what is told of reads ---- */

static struct ease_tell *tell;

static void
tell_begin(enum ease_policy policy, unsigned queue_max)
{
    struct ease_tell_conf conf = {.port = w.port, .log = &w.log, .queue_max = queue_max};

    if (!can) {
        tap_skip("nothing can be tiered here");
    }
    world_make_at(&w, dll, flavour_b, NULL);
    world_share_make(&w);
    w.volumes[0].root = w.volume;
    TAP_OK(ease_fetch_open(&w.fetch_conf, &w.fetch, NULL));
    swap_open();
    conf.journal = s.journal;
    conf.sink = &s.sink.sink;
    TAP_OK(ease_tell_open(&conf, &tell, NULL));
    w.conf.answer.fetch = w.fetch;
    w.conf.answer.policy = policy;
    w.conf.answer.filling = ease_tell_filling;
    w.conf.answer.told = ease_tell;
    w.conf.answer.told_ctx = tell;
    TAP_OK(ease_start(&w.conf, &w.ease, NULL));
    s.volume.maker = ease_maker(w.ease);
    ease_tell_maker(tell, s.volume.maker);
}

static void
tell_end(void)
{
    ease_tell_maker(tell, NULL);
    w.ease = ease_stop(w.ease);
    tell = ease_tell_close(tell);
    swap_end();
}

static void
wait_told(uint64_t count)
{
    struct ease_tell_figures f;

    for (int i = 0; i < 2000; i++) {
        ease_tell_figures(tell, &f);
        if (f.told >= count && f.queued == 0) {
            return;
        }
        port_sleep_ns(w.port, 5000000);
    }
    tap_fail(__FILE__, __LINE__, "%u told, %u queued", (unsigned)f.told, f.queued);
}

static void
what_the_driver_fills_is_told_when_it_is_seen(void)
{
    struct ease_tell_figures f;
    struct journal_figures j;

    tell_begin(EASE_FILL_STUB, 0);
    swap_file("dir file", 70000, 9);
    TAP_CHECK(swap_did("dir file", MOVER_TIER));
    TAP_CHECK(swap_reads("dir file", 70000, 9) && !swap_is_stub("dir file"));
    wait_told(1);
    ease_tell_figures(tell, &f);
    TAP_CHECK(f.filled == 1 && f.left == 0 && f.lost == 0);
    TAP_EQUAL_U64(swap_told("act=recall code=ok", "path=dir file"), 1);
    journal_figures(s.journal, &j);
    TAP_EQUAL_U64(j.open, 0);
    tell_end();
}

/* Nothing is looked at: the intent is reconcile's, which sees that the file is there. */
static void
what_was_not_seen_is_left_to_reconcile(void)
{
    struct reconcile_env env;
    struct reconcile_counts counts = {0};

    tell_begin(EASE_FILL_STUB, 0);
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER));
    ease_tell_maker(tell, NULL);
    TAP_CHECK(swap_reads("f", 70000, 9));
    w.ease = ease_stop(w.ease);
    tell = ease_tell_close(tell);
    TAP_EQUAL_U64(swap_told("act=recall", NULL), 0);
    world_start(&w);
    s.volume.maker = ease_maker(w.ease);
    env = swap_reconcile_env();
    TAP_OK(reconcile_found(&env, &counts));
    TAP_CHECK(counts.reported == 1 && counts.later == 0);
    TAP_EQUAL_U64(swap_told("act=recall code=ok", "finished_by_reconcile"), 1);
    swap_end();
}

/* No intent can be written: the stub stays, the reader has the bytes all the same. */
static int
cannot_write(void *ctx, const struct ease_told *told, void **ret_intent)
{
    return AL_ENOSPC;
}

static void
what_cannot_be_written_down_is_not_filled(void)
{
    uint8_t byte[10];
    size_t got;

    if (!can) {
        tap_skip("nothing can be tiered here");
    }
    world_make_at(&w, dll, flavour_b, NULL);
    world_share_make(&w);
    w.conf.answer.policy = EASE_FILL_STUB;
    w.conf.answer.filling = cannot_write;
    world_start(&w);
    swap_open();
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER));
    TAP_CHECK(swap_reads("f", 70000, 9) && swap_is_stub("f"));
    TAP_EQUAL_U64(w.stand->map(swap_join("f"), WORLD_READER, byte, sizeof(byte), &got), STAND_OK);
    TAP_CHECK(got == 10 && world_same(9, 0, byte, 10) && swap_is_stub("f"));
    swap_end();
}

static void
reads_through_a_stub_are_told(void)
{
    uint8_t byte;
    size_t got;

    tell_begin(EASE_KEEP_STUB, 0);
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER));
    TAP_CHECK(swap_reads("f", 70000, 9) && swap_is_stub("f"));
    wait_told(1);
    TAP_CHECK(swap_told("act=read code=ok", "path=f") >= 1);
    swap_copy_stub("f", "copy");
    for (int i = 0; i < 5; i++) {
        TAP_EQUAL_U64(w.stand->read(swap_join("copy"), WORLD_READER, 0, &byte, 1, &got), STAND_DENIED);
    }
    wait_told(2);
    TAP_EQUAL_U64(swap_told("act=recall code=foreign", "path=copy"), 1); /* five denials, once */
    tell_end();
}

static void
a_full_queue_is_counted_and_told(void)
{
    struct ease_told told = {0};
    struct ease_request r = {0};
    struct ease_tell_figures f = {0};

    tell_begin(EASE_KEEP_STUB, 2);
    told.volume = &w.volumes[0];
    told.request = &r;
    told.object_id = "01kaz0000000000000000000qq";
    told.how = EASE_F_BLOCK;
    port_mutex_lock(&s.sink.lock); /* the sink does not get on */
    for (r.file_object = 1; r.file_object <= 40; r.file_object++) {
        ease_tell(tell, &told);
    }
    ease_tell_figures(tell, &f);
    port_mutex_unlock(&s.sink.lock);
    TAP_CHECK(f.lost >= 30 && f.queued <= 2);
    wait_told(1);
    ease_tell_maker(tell, NULL);
    w.ease = ease_stop(w.ease);
    tell = ease_tell_close(tell);
    TAP_EQUAL_U64(swap_told("act=alarm", "reason=reads_untold"), 1);
    swap_end();
}

int
main(int argc, char **argv)
{
    if (!test_args(argc, argv)) {
        return 2;
    }
    TAP_RUN(a_file_goes_is_read_and_comes_back);
    TAP_RUN(sizes_and_names);
    TAP_RUN(a_large_file);
    TAP_RUN(what_a_file_has_besides_is_kept);
    TAP_RUN(words_and_rights);
    TAP_RUN(a_sparse_file_is_refused);
    TAP_RUN(an_open_file_is_refused);
    TAP_RUN(each_call_of_the_driver_may_fail);
    TAP_RUN(a_driver_that_makes_new_files_is_refused);
    TAP_RUN(an_object_that_is_gone_changes_nothing);
    TAP_RUN(a_damaged_object_changes_nothing);
    TAP_RUN(what_the_driver_brought_back_is_a_file);
    TAP_RUN(many_at_once_with_readers);
    TAP_RUN(readers_wait_for_the_healing);
    TAP_RUN(what_the_driver_fills_is_told_when_it_is_seen);
    TAP_RUN(what_was_not_seen_is_left_to_reconcile);
    TAP_RUN(what_cannot_be_written_down_is_not_filled);
    TAP_RUN(reads_through_a_stub_are_told);
    TAP_RUN(a_full_queue_is_counted_and_told);
    return tap_end();
}
