/* What every maker of stubs (agent/stub/maker.h) does, whoever it is: the fake one on a simulated disk, and the filter driver's binding
 * with the stand-in, on Linux and under Wine. usage: maker_test fake | ease DLL */
#include "../../unit/ease/ease_test.h"

#include "../../sim/fake_maker.h"
#include "port/sim/sim.h"

static const uint8_t key[MARKER_KEY_LEN] = {1, 2, 3};
static const uint8_t other_key[MARKER_KEY_LEN] = {4};

static bool by_fake;
static struct sim *disk;
static struct fake_maker fake;

static struct {
    struct port *port;
    struct stub_maker *maker;
    char folder[WORLD_PATH + 20];
} subject;

static void
open_subject(void)
{
    if (by_fake) {
        TAP_OK(sim_new(1, SIM_ORDER_GLOBAL, &disk));
        subject.port = sim_port(disk);
        TAP_OK(port_mkdir(subject.port, NULL, "/vol", 0755));
        (void)snprintf(subject.folder, sizeof(subject.folder), "/vol");
        fake = (struct fake_maker){.maker = {.ops = &fake_maker_ops}, .port = subject.port};
        subject.maker = &fake.maker;
        return;
    }
    world_make(&w, dll, false);
    world_start(&w);
    subject.port = w.port;
    subject.maker = ease_maker(w.ease);
    TAP_CHECK(subject.maker != NULL);
    (void)snprintf(subject.folder, sizeof(subject.folder), "%s", w.volume);
}

static void
close_subject(void)
{
    if (by_fake) {
        TAP_EQUAL_U64(sim_open_files(disk), 0);
        disk = sim_free(disk);
    } else {
        world_end(&w);
    }
}

static const char *
in(const char *name)
{
    static char path[2][WORLD_PATH + 300];
    static unsigned turn;
    char *to = path[turn++ % 2];

    world_join(to, sizeof(path[0]), subject.folder, name);
    return to;
}

/* An empty file; its id. */
static uint64_t
empty(const char *name)
{
    struct port_file *f = NULL;
    struct port_stat st;

    TAP_OK(port_open(subject.port, NULL, in(name), PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0600, &f));
    TAP_OK(port_stat(subject.port, f, &st));
    TAP_OK(port_close(subject.port, f));
    return st.ino;
}

static void
content(const char *name, const char *bytes)
{
    struct port_file *f = NULL;

    TAP_OK(port_open(subject.port, NULL, in(name), PORT_READ | PORT_WRITE | PORT_CREATE, 0600, &f));
    TAP_OK(port_pwrite(subject.port, f, bytes, strlen(bytes), 0));
    TAP_OK(port_close(subject.port, f));
}

static struct stub_tag
tag_for(uint64_t file_id, uint64_t size)
{
    struct stub_tag t = {.size = size, .mtime_ns = 5, .ext = "mov", .share_tag = 7, .file_id = file_id};

    t.content = (struct al_xxh128){.lo = 1, .hi = 2};
    memset(t.object, 0x11, sizeof(t.object));
    return t;
}

static int
make(const char *name, const struct stub_tag *t)
{
    return subject.maker->ops->make(subject.maker, in(name), t, key, 0, NULL);
}

static struct stub_seen
look_with(const char *name, const uint8_t *with, struct al_buf *bytes)
{
    struct stub_seen seen;
    struct al_fail fail = {0};

    al_buf_init(bytes, 65536);
    if (subject.maker->ops->look(subject.maker, in(name), with, bytes, &seen, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "look: %s", fail.text);
    }
    return seen;
}

static enum stub_is
is(const char *name)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};

    return look_with(name, key, &bytes).is;
}

static void
an_empty_file_becomes_a_stub(void)
{
    static const uint64_t sizes[] = {9000, 70000, (UINT64_C(20) << 20) + 1};

    open_subject();
    for (size_t i = 0; i < AL_LEN(sizes); i++) {
        AL_CLEANUP(al_buf_free) struct al_buf bytes = {0}, sums = {0};
        struct stub_tag t = tag_for(empty("f"), sizes[i]);
        struct stub_seen seen;

        al_buf_init(&sums, 65536);
        t.piece_shift = subject.maker->ops->piece_shift(subject.maker, t.size);
        for (uint32_t k = 0; k < stub_piece_count(t.size, t.piece_shift); k++) {
            TAP_OK(al_buf_add(&sums, &(uint64_t){k}, 8));
        }
        t.pieces = al_buf_span(&sums);
        TAP_OK(make("f", &t));
        seen = look_with("f", key, &bytes);
        TAP_CHECK(seen.is == STUB_IS_OURS && seen.st.size == t.size && seen.tag.size == t.size && seen.tag.file_id == t.file_id);
        TAP_CHECK(memcmp(seen.tag.object, t.object, 16) == 0 && strcmp(seen.tag.ext, "mov") == 0 && seen.tag.share_tag == 7);
        TAP_CHECK(al_xxh_equal(seen.tag.content, t.content) && seen.tag.mtime_ns == 5 && al_span_equal(seen.tag.pieces, t.pieces));
        TAP_CHECK(subject.maker->ops->may_be(subject.maker, &seen.st));
        TAP_OK(port_unlink(subject.port, NULL, in("f")));
    }
    TAP_CHECK(subject.maker->ops->piece_shift(subject.maker, (UINT64_C(20) << 20) + 1) > 0);
    close_subject();
}

static void
a_file_with_content_is_never_touched(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf have = {0};
    struct port_stat st;
    struct stub_tag t;

    open_subject();
    content("f", "somebody's only copy");
    TAP_OK(port_stat_at(subject.port, NULL, in("f"), &st));
    t = tag_for(st.ino, 70000);
    TAP_CODE(make("f", &t), AL_ECONFLICT);
    t = tag_for(st.ino, st.size);
    TAP_CODE(make("f", &t), AL_ECONFLICT);
    al_buf_init(&have, 100);
    TAP_OK(port_read_file(subject.port, NULL, in("f"), 99, &have));
    TAP_CHECK(al_span_equal(al_buf_span(&have), al_span_of("somebody's only copy")));
    TAP_CHECK(is("f") == STUB_IS_NONE);
    close_subject();
}

static void
another_file_than_the_tag_is_for_is_refused(void)
{
    struct stub_tag t;

    open_subject();
    t = tag_for(empty("f") + 1, 70000);
    TAP_CODE(make("f", &t), AL_ESTALE);
    TAP_CHECK(is("f") == STUB_IS_NONE);
    TAP_CODE(make("not there", &t), AL_ENOENT);
    close_subject();
}

static void
whose_it_is_is_told(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0}, none = {0};
    struct port_file *f = NULL;
    struct stub_seen seen;
    struct stub_tag t;

    open_subject();
    t = tag_for(empty("f"), 70000);
    TAP_OK(make("f", &t));
    seen = look_with("f", other_key, &bytes);
    TAP_CHECK(seen.is == STUB_IS_FOREIGN && seen.object_id[0] == '\0');
    al_buf_init(&none, 65536);
    TAP_CODE(subject.maker->ops->look(subject.maker, in("nothing"), key, &none, &seen, NULL), AL_ENOENT);
    TAP_OK(port_open(subject.port, NULL, in("f"), PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_truncate(subject.port, f, 80000)); /* longer than it was */
    TAP_OK(port_close(subject.port, f));
    TAP_CHECK(is("f") == STUB_IS_CHANGED);
    content("plain", "x");
    TAP_CHECK(is("plain") == STUB_IS_NONE);
    close_subject();
}

static void
a_stub_keeps_what_it_is_under_another_name(void)
{
    struct stub_tag t;

    open_subject();
    t = tag_for(empty("f"), 70000);
    TAP_OK(make("f", &t));
    TAP_OK(port_rename(subject.port, NULL, in("f"), NULL, in("g"), false));
    TAP_CHECK(is("g") == STUB_IS_OURS);
    close_subject();
}

static void
while_nobody_answers_none_is_made(void)
{
    struct stub_tag t;

    open_subject();
    t = tag_for(empty("f"), 70000);
    TAP_OK(subject.maker->ops->ready(subject.maker, NULL));
    fake.away = true;
    if (!by_fake) {
        w.stand->drop();
    }
    TAP_CODE(subject.maker->ops->ready(subject.maker, NULL), AL_EUNREACH);
    TAP_CODE(make("f", &t), AL_EUNREACH);
    TAP_CHECK(is("f") == STUB_IS_NONE);
    close_subject();
}

int
main(int argc, char **argv)
{
    by_fake = argc > 1 && strcmp(argv[1], "fake") == 0;
    if (!by_fake && argc < 3) {
        return 2;
    }
    dll = argc > 2 ? argv[2] : NULL;
    TAP_RUN(an_empty_file_becomes_a_stub);
    TAP_RUN(a_file_with_content_is_never_touched);
    TAP_RUN(another_file_than_the_tag_is_for_is_refused);
    TAP_RUN(whose_it_is_is_told);
    TAP_RUN(a_stub_keeps_what_it_is_under_another_name);
    TAP_RUN(while_nobody_answers_none_is_made);
    return tap_end();
}
