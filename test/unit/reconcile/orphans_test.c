/* What a reconcile finds between a volume and its share, and how it is mended, on simulated disks. First
 * that no way of it can lose or fake a byte. */
#include "../../sim/world.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

#include "agent/reconcile/objects.h"
#include "agent/reconcile/repair.h"
#include "base/mem.h"

#define SIZE 30000u
#define FOUND_MAX 64u

static struct world w;

struct found {
    enum orphan_kind kind;
    char path[128];
    al_id object_id;
};
static struct {
    struct found of[FOUND_MAX];
    size_t count;
    bool unknown, listed;
} seen;

static void
begin(uint64_t seed)
{
    world_make(&w, seed, SIM_ORDER_GLOBAL);
    TAP_OK(world_start(&w));
}

static void
end(void)
{
    world_stop(&w);
    TAP_EQUAL_U64(sim_open_files(w.host), 0);
    TAP_EQUAL_U64(sim_open_files(w.disk), 0);
    world_end(&w);
}

static void
tier(const char *name, uint64_t seed, al_id ret_object)
{
    struct mover_result r;
    int rc;

    world_file(&w, name, SIZE, seed);
    r = world_tier(&w, name, &rc);
    TAP_OK(rc);
    TAP_CHECK(r.tiered);
    memcpy(ret_object, r.object_id, sizeof(al_id));
}

static void
object_path(const char *id, char path[256])
{
    char name[TARGET_NAME_MAX];

    TAP_OK(target_object_name(id, al_span_of("x.dat"), name));
    (void)snprintf(path, 256, "/share/%.200s", name);
}

static int
put(void *ctx, const struct reconcile_finding *f)
{
    struct found *to = &seen.of[seen.count];

    (void)ctx;
    TAP_CHECK(seen.count < FOUND_MAX);
    *to = (struct found){.kind = f->kind};
    (void)snprintf(to->path, sizeof(to->path), "%.*s", (int)f->path.len, (const char *)f->path.at);
    if (f->object_id != NULL) {
        memcpy(to->object_id, f->object_id, sizeof(al_id));
    }
    seen.count++;
    return AL_OK;
}

/* A whole reconcile, as the agent's work does it. */
static struct reconcile_counts
walk(void)
{
    struct reconcile_counts counts = {0};
    struct reconcile_finds finds = {.put = put};
    struct reconcile_env env = world_reconcile_env(&w);
    struct target *t = NULL;
    struct al_fail fail = {0};

    memset(&seen, 0, sizeof(seen));
    env.finds = &finds;
    seen.listed = env.connect.get(env.connect.ctx, &w.recall_volume, &t, &fail) == AL_OK &&
                  objects_list(t, 0, NULL, NULL, &finds.objects, &fail) == AL_OK;
    TAP_OK(reconcile_walk(&env, &w.recall_volume, NULL, NULL, &counts, NULL));
    if (seen.listed && counts.unreadable == 0 && counts.later == 0 &&
        reconcile_leftovers(&env, &w.recall_volume, &w.mover_volume, WORLD_HOST, NULL, NULL,
                            &fail) != AL_OK) {
        finds.unknown = true;
    }
    finds.objects = objects_free(finds.objects);
    seen.unknown = finds.unknown;
    return counts;
}

static const struct found *
found(enum orphan_kind kind, const char *path)
{
    for (size_t i = 0; i < seen.count; i++) {
        if (seen.of[i].kind == kind && strcmp(seen.of[i].path, path) == 0) {
            return &seen.of[i];
        }
    }
    return NULL;
}

static int
repair(const char *path, const char *object_id, enum orphan_way way)
{
    struct reconcile_env env = world_reconcile_env(&w);
    struct repair_item item = {.path = al_span_of(path),
                               .object_id = object_id,
                               .way = way,
                               .job_id = "01kaz0000000000000000000jj"};
    struct al_fail fail = {0};

    return repair_one(&env, &w.mover_env, &w.recall_volume, &w.mover_volume, &item, &fail);
}

static bool
is_original(const char *name, uint64_t seed)
{
    static uint8_t bytes[SIZE];

    world_bytes(bytes, SIZE, seed);
    return world_exists(&w, name) && world_reads(&w, name, bytes, SIZE);
}

static void
recalled_is_original(const char *name, uint64_t seed)
{
    int rc;

    TAP_OK(world_recall(&w, name, &rc).code);
    TAP_CHECK(is_original(name, seed));
}

/* Somebody past the gate. */
static void
write_into(const char *path, const uint8_t *bytes, size_t size, uint64_t at)
{
    struct port *p = sim_other(w.host);
    struct port_file *f = NULL;

    TAP_OK(port_open(p, NULL, path, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_pwrite(p, f, bytes, size, at));
    TAP_OK(port_sync(p, f));
    TAP_OK(port_close(p, f));
}

static void
drop_marker(const char *path)
{
    struct port *p = sim_other(w.host);
    struct port_file *f = NULL;

    TAP_OK(port_open(p, NULL, path, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_xattr_del(p, f, MARKER_XATTR));
    TAP_OK(port_close(p, f));
}

static void
set_marker(const char *path, const uint8_t bytes[MARKER_BYTES])
{
    struct port *p = sim_other(w.host);
    struct port_file *f = NULL;

    TAP_OK(port_open(p, NULL, path, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_xattr_set(p, f, MARKER_XATTR, bytes, MARKER_BYTES));
    TAP_OK(port_close(p, f));
}

/* ---- what must never happen ---- */

static void
a_frame_with_one_byte_in_it_is_not_made_a_stub_again(void)
{
    al_id object;
    uint8_t *bytes;
    size_t size;

    begin(1);
    tier("a.dat", 1, object);
    write_into("/vol/a.dat", (const uint8_t *)"new", 3,
               40000); /* longer now, and one place written */
    TAP_OK(repair("a.dat", object, ORPHAN_W_RESTUB));
    TAP_EQUAL_U64(world_told(&w, "act=repair code=ok", "a.dat"), 0);
    TAP_EQUAL_U64(world_told(&w, "act=refuse", "reason=changed"), 1);
    bytes = world_read(w.host, "/vol/a.dat", &size);
    TAP_EQUAL_U64(size, 40003);
    TAP_CHECK(memcmp(bytes + 40000, "new", 3) == 0);
    al_free(bytes);
    end();
}

static void
without_its_object_nothing_is_made_a_stub_again(void)
{
    char path[256];
    al_id object;

    begin(2);
    tier("a.dat", 2, object);
    TAP_OK(sim_truncate_path(w.host, "/vol/a.dat", 100));
    object_path(object, path);
    TAP_OK(port_unlink(sim_other(w.disk), NULL, path));
    TAP_OK(repair("a.dat", object, ORPHAN_W_RESTUB));
    TAP_EQUAL_U64(world_told(&w, "act=repair code=not_found", object), 1);
    TAP_EQUAL_U64(world_stat(&w, "a.dat").size, 100);
    end();
}

static void
another_object_than_was_found_changes_nothing(void)
{
    al_id a, b;

    begin(3);
    tier("a.dat", 3, a);
    tier("b.dat", 4, b);
    TAP_OK(sim_truncate_path(w.host, "/vol/a.dat", 100));
    TAP_OK(repair("a.dat", b, ORPHAN_W_RESTUB));
    TAP_EQUAL_U64(world_stat(&w, "a.dat").size, 100);
    TAP_OK(repair("b.dat", a, ORPHAN_W_RESTORE)); /* a good stub does not give way */
    TAP_CHECK(world_has_marker(&w, "b.dat"));
    TAP_EQUAL_U64(world_told(&w, "act=refuse", "reason=changed"), 2);
    recalled_is_original("b.dat", 4);
    end();
}

static void
a_file_that_somebody_made_meanwhile_does_not_give_way(void)
{
    al_id object;
    uint8_t *bytes;
    size_t size;

    begin(4);
    tier("a.dat", 5, object);
    TAP_OK(port_unlink(sim_other(w.host), NULL, "/vol/a.dat"));
    world_file(&w, "a.dat", 5000, 77);
    TAP_OK(repair("a.dat", object, ORPHAN_W_RESTORE));
    TAP_EQUAL_U64(world_told(&w, "act=refuse", "reason=changed"), 1);
    bytes = world_read(w.host, "/vol/a.dat", &size);
    TAP_EQUAL_U64(size, 5000);
    al_free(bytes);
    TAP_CHECK(!world_exists(&w, "a (kept).dat") && !world_exists(&w, "a (recalled).dat"));
    end();
}

static void
a_damaged_object_takes_nobodys_place(void)
{
    static const uint8_t other[SIZE] = {9};
    char path[256];
    al_id object;
    uint8_t *bytes;
    size_t size;

    begin(5);
    tier("a.dat", 6, object);
    write_into("/vol/a.dat", other, SIZE, 0);
    object_path(object, path);
    {
        struct port *p = sim_other(w.disk);
        struct port_file *f = NULL;

        TAP_OK(port_open(p, NULL, path, PORT_READ | PORT_WRITE, 0, &f));
        TAP_OK(port_pwrite(p, f, "x", 1, 100));
        TAP_OK(port_close(p, f));
    }
    TAP_OK(repair("a.dat", object, ORPHAN_W_RESTORE));
    TAP_EQUAL_U64(world_told(&w, "act=recall code=corrupt", "a.dat"), 1);
    bytes = world_read(w.host, "/vol/a.dat", &size);
    TAP_CHECK(size == SIZE && bytes[0] == 9 && world_has_marker(&w, "a.dat"));
    al_free(bytes);
    TAP_CHECK(!world_exists(&w, "a (kept).dat"));
    end();
}

/* Half a file without its marker would read as zeros where nobody wrote. */
static void
a_kept_file_with_holes_keeps_its_marker(void)
{
    al_id object;

    begin(6);
    tier("a.dat", 7, object);
    write_into("/vol/a.dat", (const uint8_t *)"new", 3, 0);
    TAP_OK(repair("a.dat", object, ORPHAN_W_RESTORE));
    TAP_CHECK(is_original("a.dat", 7) && !world_has_marker(&w, "a.dat"));
    TAP_CHECK(world_has_marker(&w, "a (kept).dat"));
    TAP_EQUAL_U64(world_told(&w, "act=drop_marker", ""), 0);
    end();
}

/* At whatever call the power goes or the agent is killed while it brings a file back: what was written into
 * the stub is somewhere, the object is where it was, and asking again brings the file to its path. */
static void
a_cut_repair_loses_nothing(void)
{
    static uint8_t other[SIZE];
    static const enum sim_crash how[] = {SIM_KILL, SIM_POWER};
    unsigned cuts = 0;

    memset(other, 9, sizeof(other));
    for (unsigned k = 0; k < AL_LEN(how); k++) {
        bool over = false;

        for (uint64_t nth = 1; !over && nth < 400; nth++) {
            struct reconcile_counts counts = {0};
            struct reconcile_env env;
            al_id object;
            char path[256];
            size_t size;
            uint8_t *bytes;

            begin(nth);
            tier("a.dat", 8, object);
            write_into("/vol/a.dat", other, SIZE, 0);
            sim_crash_at(w.host, nth, how[k], false);
            (void)repair("a.dat", object, ORPHAN_W_RESTORE);
            over = !sim_is_down(w.host);
            cuts += !over;
            world_stop(&w);
            TAP_OK(sim_restart(w.host, how[k]));
            TAP_OK(world_start(&w));
            env = world_reconcile_env(&w);
            TAP_OK(reconcile_found(&env, &counts));
            TAP_EQUAL_U64(counts.later, 0);
            object_path(object, path);
            bytes = world_read(w.disk, path, &size);
            TAP_EQUAL_U64(size, SIZE);
            al_free(bytes);
            TAP_CHECK((world_exists(&w, "a (kept).dat") &&
                       world_reads(&w, "a (kept).dat", other, SIZE)) ||
                      (world_exists(&w, "a.dat") && world_reads(&w, "a.dat", other, SIZE)));
            TAP_OK(repair("a.dat", object, ORPHAN_W_RESTORE));
            TAP_CHECK(is_original("a.dat", 8) && !world_has_marker(&w, "a.dat"));
            TAP_CHECK(world_reads(&w, "a (kept).dat", other, SIZE));
            end();
        }
        TAP_CHECK(over);
    }
    TAP_CHECK(cuts > 20);
}

/* The same of the frame that gets its length back. */
static void
a_cut_restub_is_a_frame_or_a_stub(void)
{
    bool over = false;

    for (uint64_t nth = 1; !over && nth < 200; nth++) {
        al_id object;

        begin(nth);
        tier("a.dat", 8, object);
        TAP_OK(sim_truncate_path(w.host, "/vol/a.dat", 100));
        sim_crash_at(w.host, nth, SIM_POWER, false);
        (void)repair("a.dat", object, ORPHAN_W_RESTUB);
        over = !sim_is_down(w.host);
        world_stop(&w);
        TAP_OK(sim_restart(w.host, SIM_POWER));
        TAP_OK(world_start(&w));
        TAP_CHECK(world_has_marker(&w, "a.dat"));
        TAP_OK(repair("a.dat", object, ORPHAN_W_RESTUB));
        recalled_is_original("a.dat", 8);
        end();
    }
    TAP_CHECK(over);
}

static struct writer {
    uint64_t at_call, calls;
    bool wrote;
} writer;

/* Somebody past the gate, who is turned away where the file is ours alone. */
static void
write_at(void *ctx, uint64_t call)
{
    struct port *p = sim_other(w.host);
    struct port_file *f = NULL;

    (void)ctx;
    (void)call;
    if (++writer.calls != writer.at_call ||
        port_open(p, NULL, "/vol/a.dat", PORT_READ | PORT_WRITE, 0, &f) != AL_OK) {
        return;
    }
    TAP_OK(port_pwrite(p, f, "new", 3, 40000));
    TAP_OK(port_close(p, f));
    writer.wrote = true;
}

/* A frame that somebody made longer, and writes into behind the file's length while it is cut back. */
static void
what_is_written_while_a_frame_is_mended_is_not_cut_off(void)
{
    unsigned kept = 0, away = 0;
    bool over = false;

    for (uint64_t nth = 1; !over && nth < 200; nth++) {
        uint8_t *bytes;
        al_id object;
        size_t size;

        begin(nth);
        tier("a.dat", 9, object);
        TAP_OK(sim_truncate_path(w.host, "/vol/a.dat", 0x20000));
        writer = (struct writer){.at_call = nth};
        sim_hook(w.host, write_at, NULL);
        TAP_OK(repair("a.dat", object, ORPHAN_W_RESTUB));
        sim_hook(w.host, NULL, NULL);
        over = writer.calls < nth;
        bytes = world_read(w.host, "/vol/a.dat", &size);
        TAP_CHECK(!writer.wrote || (size > 40002 && memcmp(bytes + 40000, "new", 3) == 0));
        kept += writer.wrote;
        away += !writer.wrote && !over;
        al_free(bytes);
        end();
    }
    TAP_CHECK(over && kept > 0 && away > 0);
}

/* Unknown is not absent. */
static void
while_the_share_is_away_nothing_is_missing(void)
{
    al_id object;

    begin(7);
    tier("a.dat", 9, object);
    sim_down_code(w.disk, AL_EUNREACH);
    sim_crash_at(w.disk, 1, SIM_POWER, false);
    (void)walk();
    TAP_EQUAL_U64(seen.count, 0);
    TAP_CHECK(!seen.listed);
    TAP_CODE(repair("a.dat", object, ORPHAN_W_RESTORE), AL_OK); /* refused: it is a good stub */
    TAP_EQUAL_U64(world_told(&w, "act=refuse", "reason=changed"), 1);
    TAP_OK(sim_truncate_path(w.host, "/vol/a.dat", 100));
    TAP_CODE(repair("a.dat", object, ORPHAN_W_RESTUB), AL_EUNREACH); /* comes again */
    TAP_EQUAL_U64(world_stat(&w, "a.dat").size, 100);
    TAP_OK(sim_restart(w.disk, SIM_KILL));
    w.target = target_close(w.target);
    w.manifests = manifest_writer_close(w.manifests);
    end();
}

/* ---- what is found ---- */

static void
what_is_right_is_not_found(void)
{
    al_id a, b;

    begin(10);
    tier("a.dat", 1, a);
    tier("b.dat", 2, b);
    TAP_OK(port_mkdir(sim_other(w.host), NULL, "/vol/deep", 0755));
    TAP_OK(port_rename(sim_other(w.host), NULL, "/vol/b.dat", NULL, "/vol/deep/c.dat", true));
    (void)walk(); /* a stub that was moved is found where it is */
    TAP_EQUAL_U64(seen.count, 0);
    TAP_CHECK(seen.listed && !seen.unknown);
    end();
}

static void
each_kind_is_found(void)
{
    al_id missing, damaged, twin, gone, back, lost, forged;
    char path[256];
    uint8_t m[MARKER_BYTES];
    size_t len;
    int rc;

    begin(11);
    tier("missing.dat", 1, missing);
    tier("damaged.dat", 2, damaged);
    tier("twin.dat", 3, twin);
    tier("gone.dat", 4, gone);
    tier("back.dat", 5, back);
    tier("lost.dat", 6, lost);
    tier("forged.dat", 7, forged);
    object_path(missing, path);
    TAP_OK(port_unlink(sim_other(w.disk), NULL, path));
    object_path(damaged, path);
    TAP_OK(sim_truncate_path(w.disk, path, 10));
    {
        struct port *p = sim_other(w.host);
        struct port_file *f = NULL;

        TAP_OK(port_xattr_get_at(p, NULL, "/vol/twin.dat", MARKER_XATTR, m, sizeof(m), &len));
        TAP_OK(
            port_open(p, NULL, "/vol/twin2.dat", PORT_READ | PORT_WRITE | PORT_CREATE, 0644, &f));
        TAP_OK(port_truncate(p, f, SIZE));
        TAP_OK(port_xattr_set(p, f, MARKER_XATTR, m, len));
        TAP_OK(port_close(p, f));
    }
    TAP_OK(port_unlink(sim_other(w.host), NULL, "/vol/gone.dat"));
    TAP_OK(world_recall(&w, "back.dat", &rc).code);
    drop_marker("/vol/lost.dat");
    m[20] ^= 1;
    set_marker("/vol/forged.dat", m);
    (void)walk();
    TAP_CHECK(seen.listed && !seen.unknown);
    TAP_CHECK(found(ORPHAN_OBJECT_MISSING, "missing.dat") != NULL);
    TAP_EQUAL_STR(found(ORPHAN_OBJECT_MISSING, "missing.dat")->object_id, missing);
    TAP_CHECK(found(ORPHAN_OBJECT_DAMAGED, "damaged.dat") != NULL);
    TAP_CHECK(found(ORPHAN_DOUBLY_KNOWN, "twin.dat") != NULL ||
              found(ORPHAN_DOUBLY_KNOWN, "twin2.dat") != NULL);
    TAP_CHECK(found(ORPHAN_NO_STUB, "gone.dat") != NULL);
    TAP_EQUAL_STR(found(ORPHAN_NO_STUB, "gone.dat")->object_id, gone);
    TAP_CHECK(found(ORPHAN_SPARE, "back.dat") != NULL);
    TAP_CHECK(found(ORPHAN_MARKER_LOST, "lost.dat") != NULL);
    TAP_CHECK(found(ORPHAN_FORGED, "forged.dat") != NULL);
    TAP_EQUAL_STR(found(ORPHAN_FORGED, "forged.dat")->object_id, forged);
    TAP_EQUAL_U64(seen.count, 7);
    TAP_EQUAL_U64(world_told(&w, "act=alarm", "path=forged.dat"), 1);
    end();
}

/* The same file, tiered twice: the first object is an earlier copy of it, and its stub lacks nothing. */
static void
an_earlier_object_of_a_good_stub_is_spare(void)
{
    struct mover_result r;
    al_id first;
    int rc;

    begin(13);
    tier("a.dat", 1, first);
    TAP_OK(world_recall(&w, "a.dat", &rc).code);
    r = world_tier(&w, "a.dat", &rc);
    TAP_CHECK(rc == AL_OK && r.tiered);
    (void)walk();
    TAP_EQUAL_U64(seen.count, 1);
    TAP_CHECK(found(ORPHAN_SPARE, "a.dat") != NULL);
    TAP_EQUAL_STR(found(ORPHAN_SPARE, "a.dat")->object_id, first);
    end();
}

/* Half tiered, and the share away: found, and no longer when it was healed. */
static void
an_act_that_was_cut_is_found_until_it_is_healed(void)
{
    bool met = false;

    for (uint64_t nth = 20; nth < 60 && !met; nth++) {
        struct reconcile_finds finds = {.put = put};
        struct reconcile_counts counts = {0};
        struct reconcile_env env;
        int rc;

        begin(nth);
        memset(&seen, 0, sizeof(seen));
        world_file(&w, "a.dat", SIZE, 8);
        sim_crash_at(w.host, nth, SIM_KILL, false);
        sim_follow(w.disk, w.host);
        (void)world_tier(&w, "a.dat", &rc);
        world_stop(&w);
        sim_follow(w.disk, NULL);
        TAP_OK(sim_restart(w.host, SIM_KILL));
        TAP_OK(sim_restart(w.disk, SIM_KILL));
        TAP_OK(world_start(&w));
        sim_down_code(w.disk, AL_EUNREACH);
        sim_crash_at(w.disk, 1, SIM_POWER, false);
        env = world_reconcile_env(&w);
        env.finds = &finds;
        TAP_OK(reconcile_found(&env, &counts));
        reconcile_waiting(&env, WORLD_VOLUME);
        TAP_EQUAL_U64(seen.count, counts.later);
        met = counts.later > 0;
        TAP_CHECK(!met || found(ORPHAN_HALF_DONE, "a.dat") != NULL);
        TAP_OK(sim_restart(w.disk, SIM_KILL));
        w.target = target_close(w.target);
        w.manifests = manifest_writer_close(w.manifests);
        seen.count = 0;
        TAP_OK(reconcile_found(&env, &counts));
        reconcile_waiting(&env, WORLD_VOLUME);
        TAP_EQUAL_U64(seen.count, 0);
        TAP_CHECK(!finds.unknown);
        end();
    }
    TAP_CHECK(met);
}

static void
a_list_that_is_too_long_is_refused(void)
{
    struct objects *o = NULL;
    al_id a;

    begin(12);
    tier("a.dat", 1, a);
    tier("b.dat", 2, a);
    TAP_CODE(objects_list(w.target, 1, NULL, NULL, &o, NULL), AL_ELIMIT);
    TAP_OK(objects_list(w.target, 2, NULL, NULL, &o, NULL));
    TAP_EQUAL_U64(objects_count(o), 2);
    TAP_EQUAL_U64(objects_unmarked(o), 2);
    o = objects_free(o);
    end();
}

/* ---- how it is mended ---- */

static void
a_frame_that_was_cut_is_a_stub_again(void)
{
    static const uint64_t lengths[] = {100, 0x20000};

    for (size_t i = 0; i < AL_LEN(lengths); i++) {
        al_id object;

        begin(20);
        tier("a.dat", 5, object);
        TAP_OK(sim_truncate_path(w.host, "/vol/a.dat", lengths[i]));
        TAP_OK(repair("a.dat", object, ORPHAN_W_RESTUB));
        TAP_EQUAL_U64(world_told(&w, "act=repair code=ok reason=restubbed", object), 1);
        TAP_EQUAL_U64(world_stat(&w, "a.dat").size, SIZE);
        TAP_EQUAL_U64(world_stat(&w, "a.dat").allocated, 0);
        TAP_OK(repair("a.dat", object, ORPHAN_W_RESTUB)); /* the work came again */
        TAP_EQUAL_U64(world_told(&w, "act=repair code=ok reason=restubbed", object), 2);
        recalled_is_original("a.dat", 5);
        TAP_EQUAL_U64((uint64_t)world_stat(&w, "a.dat").mtime_ns, 1500000000987654321);
        end();
    }
}

static void
what_was_written_past_the_gate_stays_beside_the_original(void)
{
    static uint8_t other[SIZE];
    al_id object;

    begin(21);
    memset(other, 9, sizeof(other));
    tier("a.dat", 6, object);
    write_into("/vol/a.dat", other, SIZE, 0);
    TAP_EQUAL_U64(walk().alarms, 1);
    TAP_OK(repair("a.dat", object, ORPHAN_W_RESTORE));
    TAP_CHECK(is_original("a.dat", 6) && !world_has_marker(&w, "a.dat"));
    TAP_CHECK(world_reads(&w, "a (kept).dat", other, SIZE));
    TAP_CHECK(!world_has_marker(&w, "a (kept).dat")); /* all of it is there */
    TAP_EQUAL_U64(world_told(&w, "act=recall code=ok", object), 1);
    TAP_EQUAL_U64(world_told(&w, "act=drop_marker code=ok", "a (kept).dat"), 1);
    TAP_EQUAL_U64(walk().alarms, 0);
    TAP_CHECK(seen.count == 1 && found(ORPHAN_SPARE, "a.dat") != NULL);
    end();
}

static void
a_lost_marker_a_file_that_is_gone_and_a_forged_one_come_back(void)
{
    uint8_t m[MARKER_BYTES];
    al_id lost, gone, forged;
    size_t len;

    begin(22);
    tier("lost.dat", 6, lost);
    tier("gone.dat", 7, gone);
    tier("forged.dat", 8, forged);
    TAP_OK(port_xattr_get_at(sim_other(w.host), NULL, "/vol/forged.dat", MARKER_XATTR, m, sizeof(m),
                             &len));
    m[20] ^= 1;
    set_marker("/vol/forged.dat", m);
    drop_marker("/vol/lost.dat");
    TAP_OK(port_unlink(sim_other(w.host), NULL, "/vol/gone.dat"));
    TAP_OK(repair("lost.dat", lost, ORPHAN_W_RESTORE));
    TAP_OK(repair("gone.dat", gone, ORPHAN_W_RESTORE));
    TAP_OK(repair("forged.dat", forged, ORPHAN_W_RESTORE));
    TAP_CHECK(is_original("lost.dat", 6));
    TAP_CHECK(world_exists(&w, "lost (kept).dat") && !world_has_marker(&w, "lost (kept).dat"));
    TAP_CHECK(is_original("gone.dat", 7) && !world_exists(&w, "gone (kept).dat"));
    TAP_CHECK(is_original("forged.dat", 8) && world_has_marker(&w, "forged (kept).dat"));
    TAP_EQUAL_U64(world_told(&w, "act=recall code=ok", NULL), 3);
    TAP_OK(repair("gone.dat", gone, ORPHAN_W_RESTORE)); /* the work came again */
    TAP_EQUAL_U64(world_told(&w, "act=recall code=ok reason=already_resident", "gone.dat"), 1);
    TAP_CHECK(!world_exists(&w, "gone (kept).dat") && !world_exists(&w, "gone (recalled).dat"));
    end();
}

static void
what_is_of_no_known_object_or_way_is_refused(void)
{
    al_id object;

    begin(23);
    tier("a.dat", 6, object);
    TAP_OK(repair("a.dat", "", ORPHAN_W_RESTORE));
    TAP_EQUAL_U64(world_told(&w, "act=refuse", "reason=changed"), 1);
    TAP_OK(repair("a.dat", object, ORPHAN_W_NONE));
    TAP_EQUAL_U64(world_told(&w, "act=repair code=not_supported", "a.dat"), 1);
    end();
}

int
main(void)
{
    TAP_RUN(a_frame_with_one_byte_in_it_is_not_made_a_stub_again);
    TAP_RUN(without_its_object_nothing_is_made_a_stub_again);
    TAP_RUN(another_object_than_was_found_changes_nothing);
    TAP_RUN(a_file_that_somebody_made_meanwhile_does_not_give_way);
    TAP_RUN(a_damaged_object_takes_nobodys_place);
    TAP_RUN(a_kept_file_with_holes_keeps_its_marker);
    TAP_RUN(a_cut_repair_loses_nothing);
    TAP_RUN(a_cut_restub_is_a_frame_or_a_stub);
    TAP_RUN(what_is_written_while_a_frame_is_mended_is_not_cut_off);
    TAP_RUN(while_the_share_is_away_nothing_is_missing);
    TAP_RUN(what_is_right_is_not_found);
    TAP_RUN(each_kind_is_found);
    TAP_RUN(an_earlier_object_of_a_good_stub_is_spare);
    TAP_RUN(an_act_that_was_cut_is_found_until_it_is_healed);
    TAP_RUN(a_list_that_is_too_long_is_refused);
    TAP_RUN(a_frame_that_was_cut_is_a_stub_again);
    TAP_RUN(what_was_written_past_the_gate_stays_beside_the_original);
    TAP_RUN(a_lost_marker_a_file_that_is_gone_and_a_forged_one_come_back);
    TAP_RUN(what_is_of_no_known_object_or_way_is_refused);
    return tap_end();
}
