/* Tiering one file on simulated disks: what is left behind, on both sides, and in the spool. */
#include "../../sim/world.h"
#include "tap.h"

#include <string.h>

#include "base/mem.h"

static struct mover_result
tier(struct world *w, const char *name)
{
    int rc;
    struct mover_result r = world_tier(w, name, &rc);

    TAP_OK(rc);
    return r;
}

static struct recall_result
recall(struct world *w, const char *name)
{
    int rc;
    struct recall_result r = world_recall(w, name, &rc);

    TAP_OK(rc);
    return r;
}

static bool
has_bytes(struct world *w, const char *path, size_t size, uint64_t seed)
{
    AL_CLEANUP(al_freep) uint8_t *want = al_alloc(size);
    size_t got;
    AL_CLEANUP(al_freep) uint8_t *have = world_read(w->host, path, &got);

    world_bytes(want, size, seed);
    return got == size && memcmp(want, have, size) == 0;
}

static void
a_tiered_file_becomes_a_stub_and_comes_back_as_it_was(void)
{
    struct world w;
    struct mover_result r;
    struct recall_result back;
    struct port_stat before, stub, after;

    world_make(&w, 1, SIM_ORDER_GLOBAL);
    world_file(&w, "old report.PDF", 20000, 42);
    before = world_stat(&w, "old report.PDF");
    TAP_OK(world_start(&w));
    r = tier(&w, "old report.PDF");
    TAP_EQUAL_STR(r.fail.text, "");
    TAP_OK(r.code);
    TAP_EQUAL_STR(stub_refusal_name(r.refusal), "none");
    TAP_CHECK(r.tiered && r.reported);
    TAP_EQUAL_U64(r.size, 20000);
    TAP_EQUAL_U64(r.freed, 5 * 4096);
    stub = world_stat(&w, "old report.PDF");
    TAP_EQUAL_U64(stub.allocated, 0);
    TAP_EQUAL_U64(stub.size, 20000);
    TAP_CHECK(stub.mtime_ns == before.mtime_ns && stub.atime_ns == before.atime_ns);
    TAP_CHECK(world_has_marker(&w, "old report.PDF"));
    TAP_EQUAL_U64(world_told(&w, "act=tier code=ok", r.object_id), 1);

    back = recall(&w, "old report.PDF");
    TAP_EQUAL_STR(back.fail.text, "");
    TAP_OK(back.code);
    TAP_CHECK(back.filled);
    after = world_stat(&w, "old report.PDF");
    TAP_CHECK(!world_has_marker(&w, "old report.PDF"));
    TAP_CHECK(has_bytes(&w, "/vol/old report.PDF", 20000, 42));
    TAP_CHECK(after.mtime_ns == before.mtime_ns && after.atime_ns == before.atime_ns);
    TAP_EQUAL_U64(world_told(&w, "act=recall code=ok", r.object_id), 1);
    world_stop(&w);
    TAP_EQUAL_U64(sim_open_files(w.host), 0);
    TAP_EQUAL_U64(sim_open_files(w.disk), 0);
    world_end(&w);
}

struct found {
    char id[32];
    unsigned count;
};

static void
find_object(struct world *w, const char *id, void *ctx)
{
    struct found *f = ctx;

    snprintf(f->id, sizeof(f->id), "%s", id);
    f->count++;
}

static unsigned
objects(struct world *w)
{
    struct found f = {0};

    world_objects(w, find_object, &f);
    return f.count;
}

static void
the_object_is_byte_identical_and_keeps_its_extension(void)
{
    struct world w;
    struct mover_result r;
    char path[200];
    uint8_t want[20000], *have;
    size_t got;

    world_make(&w, 2, SIM_ORDER_GLOBAL);
    world_file(&w, "clip.MoV", sizeof(want), 3);
    TAP_OK(world_start(&w));
    r = tier(&w, "clip.MoV");
    TAP_CHECK(r.tiered);
    snprintf(path, sizeof(path), "/share/objects/%c/%c/%s.mov", r.object_id[24], r.object_id[25],
             r.object_id);
    have = world_read(w.disk, path, &got);
    world_bytes(want, sizeof(want), 3);
    TAP_CHECK(got == sizeof(want) && memcmp(have, want, got) == 0);
    al_free(have);
    TAP_EQUAL_U64(world_leftovers(&w), 0);
    world_end(&w);
}

static int
find_manifest(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    (void)snprintf(ctx, 100, "%s", name);
    return AL_OK;
}

static void
the_manifest_line_holds_what_the_stub_cannot_be_trusted_to_keep(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct al_arena *arena = al_arena_new(1 << 20);
    struct manifest_record rec;
    struct mover_result r;
    struct port_stat st;
    struct world w;
    char name[100], path[300];
    bool note = false, capability = false;

    world_make(&w, 3, SIM_ORDER_GLOBAL);
    world_file(&w, "clip.mov", 5000, 3);
    st = world_stat(&w, "clip.mov");
    TAP_OK(world_start(&w));
    r = tier(&w, "clip.mov");
    TAP_CHECK(r.tiered);
    TAP_OK(target_list(w.target, "manifests/" WORLD_HOST, find_manifest, name, NULL));
    snprintf(path, sizeof(path), "manifests/" WORLD_HOST "/%s", name);
    al_buf_init(&text, 1 << 20);
    TAP_OK(target_read_file(w.target, path, 1 << 20, &text, NULL));
    TAP_OK(manifest_parse(al_buf_span(&text), arena, &rec, NULL));
    TAP_EQUAL_STR(rec.object_id, r.object_id);
    TAP_EQUAL_STR(rec.volume_id, WORLD_VOLUME);
    TAP_CHECK(al_span_equal(rec.path, al_span_of("clip.mov")));
    TAP_CHECK(rec.size == 5000 && rec.mode == 0640 && rec.uid == 1000 && rec.gid == 100);
    TAP_CHECK(rec.mtime_ns == st.mtime_ns && rec.atime_ns == st.atime_ns);
    TAP_EQUAL_U64(rec.xattr_count, 2);
    for (size_t k = 0; k < rec.xattr_count; k++) {
        note |= al_span_equal(rec.xattrs[k].name, al_span_of("user.note")) &&
                al_span_equal(rec.xattrs[k].value, al_span_of("kept"));
        capability |= al_span_equal(rec.xattrs[k].name, al_span_of("security.capability")) &&
                      rec.xattrs[k].value.len == 8;
    }
    TAP_CHECK(note && capability);
    (void)al_arena_free(arena);
    world_end(&w);
}

static void
file_at(struct world *w, const char *folder, const char *name, size_t size, uint64_t seed)
{
    struct port *p = sim_other(w->host);
    AL_CLEANUP(al_freep) uint8_t *bytes = al_alloc(size);
    struct port_file *dir = NULL, *f = NULL;

    world_bytes(bytes, size, seed);
    TAP_OK(port_mkdirs(p, folder, 0755));
    TAP_OK(port_open(p, NULL, folder, PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_open(p, dir, name, PORT_READ | PORT_WRITE | PORT_CREATE, 0640, &f));
    TAP_OK(port_pwrite(p, f, bytes, size, 0));
    TAP_OK(port_close(p, f));
    TAP_OK(port_close(p, dir));
}

static void
what_lies_on_a_share_inside_the_volume_is_left_alone(void)
{
    struct world w;
    struct mover_result r;

    world_make(&w, 31, SIM_ORDER_GLOBAL);
    file_at(&w, "/vol/archive", "alto-share.json", 95, 1);
    file_at(&w, "/vol/archive/objects/a", "object.mov", 20000, 2);
    file_at(&w, "/vol/archives", "a.mov", 20000, 3);
    TAP_OK(world_start(&w));
    r = tier(&w, "archive/alto-share.json");
    TAP_EQUAL_STR(stub_refusal_name(r.refusal), "part_of_a_share");
    r = tier(&w, "archive/objects/a/object.mov");
    TAP_EQUAL_STR(stub_refusal_name(r.refusal), "part_of_a_share");
    TAP_EQUAL_U64(objects(&w), 0);
    TAP_CHECK(has_bytes(&w, "/vol/archive/objects/a/object.mov", 20000, 2));
    r = tier(&w, "archives/a.mov");
    TAP_CHECK(r.tiered);
    TAP_EQUAL_U64(world_told(&w, "act=refuse", "part_of_a_share"), 2);
    file_at(&w, "/vol", "alto-share.json", 95, 4);
    file_at(&w, "/vol", "last", 20000, 5);
    r = tier(&w, "last");
    TAP_EQUAL_STR(stub_refusal_name(r.refusal), "part_of_a_share");
    world_stop(&w);
    TAP_EQUAL_U64(sim_open_files(w.host), 0);
    world_end(&w);
}

static int64_t
stamp_of_next(struct stamps *s)
{
    int64_t at = 0;

    TAP_OK(stamps_next(s, &at, NULL));
    return at;
}

/* Across restarts and power cuts, on a clock that goes back by a day. */
static void
stamps_never_go_back(void)
{
    const int64_t day = 86400 * 1000000000ll;
    struct stamps *s = NULL;
    struct world w;
    int64_t last = 0, at;

    world_make(&w, 3, SIM_ORDER_GLOBAL);
    TAP_OK(world_start(&w));
    for (unsigned k = 0; k < 4; k++) {
        TAP_OK(stamps_open(sim_port(w.host), w.state, &s, NULL));
        for (unsigned n = 0; n < 3; n++) {
            at = stamp_of_next(s);
            TAP_CHECK(at > last);
            TAP_CHECK(at - port_now_ns(sim_port(w.host)) <= 2 * day + (k + 1) * STAMPS_AHEAD_NS);
            last = at;
        }
        s = stamps_close(s);
        world_stop(&w);
        TAP_OK(sim_restart(w.host, k % 2 == 0 ? SIM_POWER : SIM_KILL));
        sim_clock_add(w.host, k == 2 ? 5 * day : -day);
        TAP_OK(world_start(&w));
    }
    TAP_OK(stamps_open(sim_port(w.host), w.state, &s, NULL));
    sim_space(w.host, 0);
    sim_clock_add(w.host, 20 * day);
    TAP_CODE(stamps_next(s, &at, NULL), AL_ENOSPC);
    sim_space(w.host, UINT64_MAX);
    TAP_CHECK(stamp_of_next(s) > last);
    (void)stamps_close(s); /* returns NULL */
    world_stop(&w);
    world_end(&w);
}

/* What was tiered later is newer to alto rescue, whatever the clock was. */
static void
a_later_manifest_line_has_a_later_time(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct al_arena *arena = al_arena_new(1 << 20);
    struct manifest_record first, second;
    struct stamps *s = NULL;
    struct world w;
    char name[100], path[300];
    const uint8_t *end;

    world_make(&w, 3, SIM_ORDER_GLOBAL);
    world_file(&w, "a.mov", 5000, 4);
    world_file(&w, "b.mov", 5000, 6);
    TAP_OK(world_start(&w));
    TAP_OK(stamps_open(sim_port(w.host), w.state, &s, NULL));
    w.mover_env.stamps = s;
    TAP_CHECK(tier(&w, "a.mov").tiered);
    sim_clock_add(w.host, -3600 * 1000000000ll);
    TAP_CHECK(tier(&w, "b.mov").tiered);
    TAP_OK(target_list(w.target, "manifests/" WORLD_HOST, find_manifest, name, NULL));
    snprintf(path, sizeof(path), "manifests/" WORLD_HOST "/%s", name);
    al_buf_init(&text, 1 << 20);
    TAP_OK(target_read_file(w.target, path, 1 << 20, &text, NULL));
    end = memchr(text.at, '\n', text.len);
    TAP_OK(manifest_parse((struct al_span){text.at, (size_t)(end + 1 - text.at)}, arena, &first,
                          NULL));
    TAP_OK(manifest_parse((struct al_span){end + 1, (size_t)(text.at + text.len - end - 1)}, arena,
                          &second, NULL));
    TAP_CHECK(second.tiered_ns > first.tiered_ns);
    (void)al_arena_free(arena);
    (void)stamps_close(s); /* returns NULL */
    world_stop(&w);
    world_end(&w);
}

static void
a_file_the_rule_no_longer_means_is_refused_and_nothing_is_made(void)
{
    struct rule *rule = NULL;
    struct mover_item item;
    struct mover *m = NULL;
    struct world w;

    world_make(&w, 4, SIM_ORDER_GLOBAL);
    world_file(&w, "a.dat", 20000, 3);
    TAP_OK(world_start(&w));
    TAP_OK(rule_parse(al_span_of("size >= 20001"), NULL, &rule, NULL));
    item =
        (struct mover_item){.volume = &w.mover_volume, .path = al_span_of("a.dat"), .rule = rule};
    TAP_OK(mover_new(&w.mover_env, w.target, &item, &m));
    while (mover_step(m) == MOVER_MORE) {
    }
    TAP_EQUAL_STR(stub_refusal_name(mover_result(m)->refusal), "rule_no_longer_matches");
    TAP_OK(mover_result(m)->code);
    m = mover_free(m);
    rule = rule_free(rule);
    TAP_EQUAL_U64(objects(&w), 0);
    TAP_EQUAL_U64(world_told(&w, "act=refuse", "rule_no_longer_matches"), 1);
    world_end(&w);
}

static void
a_file_named_by_a_rule_that_means_it_is_tiered(void)
{
    struct rule *rule = NULL;
    struct mover_item item;
    struct mover *m = NULL;
    struct world w;

    world_make(&w, 5, SIM_ORDER_GLOBAL);
    world_file(&w, "a.dat", 20000, 3);
    TAP_OK(world_start(&w));
    TAP_OK(rule_parse(al_span_of("size >= 20000 and modified older than 30d and ext = \"dat\""),
                      NULL, &rule, NULL));
    item =
        (struct mover_item){.volume = &w.mover_volume, .path = al_span_of("a.dat"), .rule = rule};
    item.now_ns = port_now_ns(sim_port(w.host));
    TAP_OK(mover_new(&w.mover_env, w.target, &item, &m));
    while (mover_step(m) == MOVER_MORE) {
    }
    TAP_CHECK(mover_result(m)->tiered);
    m = mover_free(m);
    rule = rule_free(rule);
    world_end(&w);
}

static void
every_refusal_has_its_name_and_leaves_the_file_alone(void)
{
    struct world w;
    struct port *p;

    world_make(&w, 6, SIM_ORDER_GLOBAL);
    p = sim_other(w.host);
    world_file(&w, "open", 20000, 3);
    world_file(&w, "stub", 20000, 3);
    TAP_OK(port_mkdir(p, NULL, "/vol/folder", 0755));
    TAP_OK(port_symlink(p, NULL, "/vol/link", "open"));
    TAP_OK(world_start(&w));
    TAP_CHECK(tier(&w, "stub").tiered);
    {
        struct port_file *f = NULL;

        TAP_OK(port_open(p, NULL, "/vol/open", PORT_READ, 0, &f));
        TAP_EQUAL_STR(stub_refusal_name(tier(&w, "open").refusal), "open_elsewhere");
        TAP_OK(port_close(p, f));
    }
    TAP_EQUAL_STR(stub_refusal_name(tier(&w, "stub").refusal), "already_stub");
    TAP_EQUAL_STR(stub_refusal_name(tier(&w, "folder").refusal), "not_a_file");
    TAP_EQUAL_STR(stub_refusal_name(tier(&w, "link").refusal), "not_a_file");
    TAP_EQUAL_STR(stub_refusal_name(tier(&w, "nothing").refusal), "gone");
    TAP_EQUAL_U64(world_told(&w, "act=refuse", NULL), 5);
    TAP_EQUAL_U64(objects(&w), 1);
    TAP_CHECK(has_bytes(&w, "/vol/open", 20000, 3));
    world_end(&w);
}

static void
a_copy_that_came_with_its_stubs_marker_is_tiered_all_the_same(void)
{
    struct world w;
    struct port *p;
    uint8_t marker[MARKER_BYTES];
    size_t len;

    world_make(&w, 6, SIM_ORDER_GLOBAL);
    p = sim_other(w.host);
    world_file(&w, "stub", 20000, 4);
    world_file(&w, "copy", 20000, 4);
    world_file(&w, "empty marker", 20000, 8);
    world_file(&w, "forged", 20000, 8);
    TAP_OK(world_start(&w));
    TAP_CHECK(tier(&w, "stub").tiered);
    TAP_OK(port_xattr_get_at(p, NULL, "/vol/stub", MARKER_XATTR, marker, sizeof(marker), &len));
    for (int i = 0; i < 3; i++) {
        static const char *const paths[] = {"/vol/copy", "/vol/empty marker", "/vol/forged"};
        struct port_file *f = NULL;

        marker[40] ^= i == 2;
        TAP_OK(port_open(p, NULL, paths[i], PORT_READ, 0, &f));
        TAP_OK(port_xattr_set(p, f, MARKER_XATTR, marker, i == 1 ? 0 : len));
        TAP_OK(port_close(p, f));
    }
    TAP_CHECK(tier(&w, "copy").tiered);
    TAP_CHECK(tier(&w, "empty marker").tiered);
    TAP_EQUAL_STR(stub_refusal_name(tier(&w, "forged").refusal), "already_stub");
    TAP_EQUAL_U64(world_told(&w, "act=drop_marker", "reason=copied"), 2);
    TAP_OK(recall(&w, "copy").code);
    TAP_OK(recall(&w, "empty marker").code);
    TAP_CHECK(has_bytes(&w, "/vol/copy", 20000, 4));
    TAP_CHECK(has_bytes(&w, "/vol/empty marker", 20000, 8));
    world_end(&w);
}

static int
put_nowhere(struct outcome_sink *s, const struct outcome *o)
{
    return AL_ENOSPC;
}

/* Of a recall that only the file's marker tells of, since nothing else could be written then. */
static void
a_recall_that_was_not_told_is_told_before_the_file_is_tiered_anew(void)
{
    struct outcome_sink full = {.put = put_nowhere};
    struct port_file *state = NULL;
    struct sim *disk = NULL; /* of the agent's state, full */
    struct journal *j = NULL;
    struct world w;
    struct mover_result r;
    int rc;

    TAP_OK(sim_new(5, SIM_ORDER_GLOBAL, &disk));
    TAP_OK(port_open(sim_port(disk), NULL, "/", PORT_READ | PORT_FOLDER, 0, &state));
    sim_space(disk, 0);
    TAP_OK(journal_open(sim_port(disk), state, &j, NULL, NULL));
    world_make(&w, 5, SIM_ORDER_GLOBAL);
    world_file(&w, "a.mov", 9000, 4);
    TAP_OK(world_start(&w));
    TAP_CHECK(tier(&w, "a.mov").tiered);
    w.recall_env.sink = &full;
    w.recall_env.journal = j;
    (void)world_recall(&w, "a.mov", &rc);
    TAP_OK(rc);
    TAP_CHECK(world_has_marker(&w, "a.mov"));
    TAP_EQUAL_U64(world_told(&w, "act=recall", NULL), 0);
    r = tier(&w, "a.mov");
    TAP_EQUAL_STR(stub_refusal_name(r.refusal), "none");
    TAP_CHECK(r.tiered);
    TAP_EQUAL_U64(world_told(&w, "act=recall code=ok", NULL), 1);
    TAP_EQUAL_U64(world_told(&w, "act=tier code=ok", NULL), 2);
    (void)journal_close(j); /* returns NULL */
    TAP_OK(port_close(sim_port(disk), state));
    (void)sim_free(disk); /* returns NULL */
    world_stop(&w);
    world_end(&w);
}

static void
a_full_read_only_or_absent_share_is_named_and_changes_nothing(void)
{
    struct world w;
    struct mover_result r;

    world_make(&w, 7, SIM_ORDER_GLOBAL);
    world_file(&w, "a.dat", 20000, 3);
    TAP_OK(world_start(&w));
    sim_space(w.disk, 2);
    TAP_CODE(tier(&w, "a.dat").code, AL_ENOSPC);
    sim_space(w.disk, UINT64_MAX);
    sim_read_only(w.disk, true);
    TAP_CODE(tier(&w, "a.dat").code, AL_EROFS);
    sim_read_only(w.disk, false);
    sim_down_code(w.disk, AL_EUNREACH);
    sim_crash_at(w.disk, 1, SIM_POWER, false);
    TAP_CODE(tier(&w, "a.dat").code, AL_EUNREACH);
    TAP_CHECK(has_bytes(&w, "/vol/a.dat", 20000, 3) && !world_has_marker(&w, "a.dat"));
    TAP_EQUAL_U64(world_told(&w, "act=tier", "code=ok"), 0);
    TAP_EQUAL_U64(world_told(&w, "act=tier", NULL), 3);
    TAP_OK(sim_restart(w.disk, SIM_KILL));
    world_stop(&w);
    TAP_OK(world_start(&w));
    r = tier(&w, "a.dat"); /* goes on by itself when mended */
    TAP_CHECK(r.tiered);
    world_end(&w);
}

static void
a_first_attempt_whose_connection_breaks_is_told_by_the_second_alone(void)
{
    struct mover_item item = {.path = al_span_of("a.dat")};
    struct mover_result r;
    struct mover *m = NULL;
    struct world w;

    world_make(&w, 12, SIM_ORDER_GLOBAL);
    world_file(&w, "a.dat", 20000, 3);
    TAP_OK(world_start(&w));
    item.volume = &w.mover_volume;
    sim_down_code(w.disk, AL_EUNREACH);
    TAP_OK(mover_new(&w.mover_env, w.target, &item, &m));
    mover_may_repeat(m);
    while (mover_state(m) < JOURNAL_COPIED) { /* breaks where the manifest is written */
        TAP_CHECK(mover_step(m) == MOVER_MORE);
    }
    sim_crash_at(w.disk, 1, SIM_POWER, false);
    while (mover_step(m) == MOVER_MORE) {
    }
    r = *mover_result(m);
    (void)mover_free(m);
    TAP_CHECK(r.code == AL_EUNREACH && r.repeat && !r.reported && !r.tiered);
    TAP_CHECK(has_bytes(&w, "/vol/a.dat", 20000, 3) && !world_has_marker(&w, "a.dat"));
    TAP_EQUAL_U64(world_told(&w, "act=tier", NULL), 0);
    TAP_EQUAL_U64(world_told(&w, "unreferenced_object", NULL), 1);
    TAP_OK(sim_restart(w.disk, SIM_KILL));
    world_stop(&w);
    TAP_OK(world_start(&w));
    TAP_CHECK(tier(&w, "a.dat").tiered);
    TAP_EQUAL_U64(world_told(&w, "act=tier", "code=ok"), 1);
    TAP_EQUAL_U64(world_told(&w, "act=tier", NULL), 1);
    world_end(&w);
}

static void
a_file_with_more_attributes_than_a_manifest_line_holds_is_refused(void)
{
    static uint8_t big[60000];
    struct port_file *f = NULL;
    struct world w;
    struct port *p;

    memset(big, 'x', sizeof(big));
    world_make(&w, 8, SIM_ORDER_GLOBAL);
    world_file(&w, "a.dat", 20000, 3);
    p = sim_other(w.host);
    TAP_OK(port_open(p, NULL, "/vol/a.dat", PORT_READ | PORT_WRITE, 0, &f));
    for (char k = 'a'; k < 'e'; k++) {
        char name[] = {'u', 's', 'e', 'r', '.', k, 0};

        TAP_OK(port_xattr_set(p, f, name, big, sizeof(big)));
    }
    TAP_OK(port_close(p, f));
    TAP_OK(world_start(&w));
    TAP_EQUAL_STR(stub_refusal_name(tier(&w, "a.dat").refusal), "attributes_too_large");
    TAP_EQUAL_U64(world_told(&w, "unreferenced_object", NULL), objects(&w));
    world_end(&w);
}

static void
a_cancelled_mover_leaves_the_file_as_it_was_at_every_step(void)
{
    for (unsigned steps = 0; steps < 20; steps++) {
        struct mover_item item;
        struct mover *m = NULL;
        struct world w;

        world_make(&w, 100 + steps, SIM_ORDER_GLOBAL);
        world_file(&w, "a.dat", 20000, 3);
        TAP_OK(world_start(&w));
        item = (struct mover_item){.volume = &w.mover_volume, .path = al_span_of("a.dat")};
        TAP_OK(mover_new(&w.mover_env, w.target, &item, &m));
        for (unsigned k = 0; k < steps; k++) {
            (void)mover_step(m);
        }
        m = mover_free(m);                   /* cancels */
        if (world_has_marker(&w, "a.dat")) { /* was being sealed: then it is finished */
            TAP_EQUAL_U64(world_told(&w, "act=tier code=ok", NULL), 1);
            TAP_EQUAL_U64(world_stat(&w, "a.dat").allocated, 0);
        } else {
            TAP_CHECK(has_bytes(&w, "/vol/a.dat", 20000, 3));
            /* The ledger may hear of an object that never came to be, never the other way round. */
            TAP_CHECK(world_told(&w, "unreferenced_object", NULL) >= objects(&w));
            TAP_EQUAL_U64(world_leftovers(&w), 0);
        }
        TAP_CHECK(!w.gate.guarded);
        world_end(&w);
    }
}

static void
a_rule_about_the_owner_knows_the_name(void)
{
    struct port_names *names = NULL;
    struct rule *rule = NULL;
    struct mover_item item;
    struct world w;
    char root[PORT_NAME_MAX];

    TAP_OK(port_names_new(&names));
    if (!port_names_user(names, 0, root)) {
        names = port_names_free(names);
        tap_skip("owners have no names here");
    }
    TAP_CHECK(port_names_user(names, 0, root) && strcmp(root, "root") == 0); /* remembered */
    TAP_CHECK(!port_names_user(names, 4000000011u, root) && root[0] == '\0');
    world_make(&w, 12, SIM_ORDER_GLOBAL);
    world_file(&w, "a.dat", 20000, 3);
    {
        struct port_file *f = NULL;

        TAP_OK(port_open(sim_other(w.host), NULL, "/vol/a.dat", PORT_READ | PORT_WRITE, 0, &f));
        TAP_OK(port_set_owner(sim_other(w.host), f, 0, 0));
        TAP_OK(port_close(sim_other(w.host), f));
    }
    TAP_OK(world_start(&w));
    TAP_OK(rule_parse(al_span_of("owner = \"root\""), NULL, &rule, NULL));
    item =
        (struct mover_item){.volume = &w.mover_volume, .path = al_span_of("a.dat"), .rule = rule};
    for (int with = 0; with < 2; with++) {
        struct mover *m = NULL;

        TAP_OK(mover_new(&w.mover_env, w.target, &item, &m));
        mover_use_names(m, with ? names : NULL);
        while (mover_step(m) == MOVER_MORE) {
        }
        TAP_CHECK(mover_result(m)->tiered == (with == 1)); /* unknown makes no file match */
        m = mover_free(m);
    }
    rule = rule_free(rule);
    names = port_names_free(names);
    world_end(&w);
}

int
main(void)
{
    TAP_RUN(a_rule_about_the_owner_knows_the_name);
    TAP_RUN(the_object_is_byte_identical_and_keeps_its_extension);
    TAP_RUN(the_manifest_line_holds_what_the_stub_cannot_be_trusted_to_keep);
    TAP_RUN(stamps_never_go_back);
    TAP_RUN(a_later_manifest_line_has_a_later_time);
    TAP_RUN(a_file_the_rule_no_longer_means_is_refused_and_nothing_is_made);
    TAP_RUN(what_lies_on_a_share_inside_the_volume_is_left_alone);
    TAP_RUN(a_file_named_by_a_rule_that_means_it_is_tiered);
    TAP_RUN(every_refusal_has_its_name_and_leaves_the_file_alone);
    TAP_RUN(a_copy_that_came_with_its_stubs_marker_is_tiered_all_the_same);
    TAP_RUN(a_recall_that_was_not_told_is_told_before_the_file_is_tiered_anew);
    TAP_RUN(a_full_read_only_or_absent_share_is_named_and_changes_nothing);
    TAP_RUN(a_first_attempt_whose_connection_breaks_is_told_by_the_second_alone);
    TAP_RUN(a_file_with_more_attributes_than_a_manifest_line_holds_is_refused);
    TAP_RUN(a_cancelled_mover_leaves_the_file_as_it_was_at_every_step);
    TAP_RUN(a_tiered_file_becomes_a_stub_and_comes_back_as_it_was);
    return tap_end();
}
