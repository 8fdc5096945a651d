/* Placeholders as text, and archiving and bringing back without crashes: refusals by name, names, what people do to
 * placeholders. Crashes are in test/sim/archives.c. */
#include "tap.h"
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#include "agent/mover/place.h"
#include "base/mem.h"

static const uint8_t key[PLACEHOLDER_KEY_LEN] = {1, 2, 3};
static const uint8_t other_key[PLACEHOLDER_KEY_LEN] = {1, 2, 4};

static struct placeholder
sample(const char *name)
{
    struct placeholder p = {.share_id = WORLD_SHARE};

    p.file.object_id = "01kaz0000000000000000000qq";
    p.file.object_name = "objects/q/q/01kaz0000000000000000000qq.mov";
    p.file.host_id = WORLD_HOST;
    p.file.volume_id = WORLD_VOLUME;
    p.file.path = al_span_of(name);
    p.file.size = 123456789;
    p.file.mtime_ns = 1500000000987654321;
    p.file.mode = 0640;
    p.file.tiered_ns = 1600000000000000000;
    return p;
}

static void
print(const struct placeholder *p, struct al_span path, struct al_buf *to)
{
    struct placeholder_more more = {.path = path, .share_name = "cold", .volume_name = "films"};

    al_buf_init(to, 1u << 20);
    TAP_CHECK(placeholder_print(p, &more, key, to) == AL_OK);
}

static struct al_arena *last; /* of what was parsed last */

static int
parse(struct al_span text, const uint8_t *with, struct placeholder *ret)
{
    last = al_arena_free(last);
    last = al_arena_new(1u << 20);
    return placeholder_parse(text, with, last, ret);
}

static void
a_placeholder_is_read_back(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct placeholder p = sample("a film.mov"), got = {0};
    struct manifest_xattr x = {al_span_of("user.note"), al_span_of("kept")};

    p.file.xattrs = &x;
    p.file.xattr_count = 1;
    print(&p, al_span_of("films/a film.mov"), &text);
    TAP_CHECK(text.len <= PLACEHOLDER_BYTES_MAX);
    TAP_CHECK(strncmp((char *)text.at, "Alto placeholder 1\n", 19) == 0);
    TAP_CHECK(strstr((char *)text.at, "alto file recall films \"/films/a film.mov\"") != NULL);
    TAP_CHECK(parse(al_buf_span(&text), key, &got) == AL_OK);
    TAP_CHECK(!got.edited && !got.attrs_elsewhere && strcmp(got.share_id, WORLD_SHARE) == 0);
    TAP_CHECK(al_span_equal(got.file.path, p.file.path) && got.file.size == p.file.size);
    TAP_CHECK(got.file.xattr_count == 1 && al_span_equal(got.file.xattrs[0].value, x.value));
    TAP_CHECK(parse(al_buf_span(&text), other_key, &got) == AL_ENODATA);
}

static void
any_name_fits(void)
{
    static const uint8_t bytes[] = {'\n', 0xff, 0x01, '"', 'x'};

    for (size_t k = 0; k < sizeof(bytes); k++) {
        AL_CLEANUP(al_buf_free) struct al_buf text = {0};
        char name[251], path[4000];
        struct placeholder p, got = {0};

        memset(name, bytes[k], 250);
        name[250] = '\0';
        memset(path, bytes[k], sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        p = sample(name);
        p.file.size = p.file.mode = 0;
        print(&p, al_span_of(path), &text);
        TAP_CHECK(text.len <= PLACEHOLDER_BYTES_MAX);
        TAP_CHECK(al_utf8_valid(al_buf_span(&text)));
        TAP_CHECK(parse(al_buf_span(&text), key, &got) == AL_OK);
        TAP_CHECK(!got.edited && al_span_equal(got.file.path, al_span_of(name)));
    }
}

static void
large_attributes_stay_in_the_manifest(void)
{
    static char value[60000];
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct manifest_xattr x = {al_span_of("user.big"), {(const uint8_t *)value, sizeof(value)}};
    struct placeholder p = sample("big"), got = {0};

    p.file.xattrs = &x;
    p.file.xattr_count = 1;
    print(&p, al_span_of("big"), &text);
    TAP_CHECK(text.len <= PLACEHOLDER_BYTES_MAX);
    TAP_CHECK(parse(al_buf_span(&text), key, &got) == AL_OK && got.attrs_elsewhere && got.file.xattr_count == 0);
}

static void
what_people_change_is_seen(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0}, more = {0};
    struct placeholder p = sample("a"), got = {0};
    char *line;

    print(&p, al_span_of("a"), &text);
    al_buf_init(&more, 1u << 20);
    TAP_CHECK(al_buf_adds(&more, "My own words.\n") == AL_OK && al_buf_add(&more, text.at, text.len) == AL_OK);
    TAP_CHECK(parse(al_buf_span(&more), key, &got) == AL_OK && got.edited);
    al_buf_clear(&more);
    TAP_CHECK(al_buf_add(&more, text.at, text.len) == AL_OK && al_buf_adds(&more, " \r\n\n") == AL_OK);
    TAP_CHECK(parse(al_buf_span(&more), key, &got) == AL_OK && !got.edited);
    TAP_CHECK(al_buf_adds(&more, "bye") == AL_OK);
    TAP_CHECK(parse(al_buf_span(&more), key, &got) == AL_OK && got.edited);
    TAP_CHECK(al_buf_add(&more, text.at, text.len) == AL_OK);
    TAP_CHECK(parse(al_buf_span(&more), key, &got) == AL_ENODATA); /* two of them: which? */
    line = strstr((char *)text.at, "alto-object: ");
    for (char *at = line; *at != '\0' && *at != '\n'; at++) { /* each byte counts */
        char was = *at;

        *at = was == 'x' ? 'y' : 'x';
        TAP_CHECK(parse(al_buf_span(&text), key, &got) == AL_ENODATA);
        *at = was;
    }
    for (size_t len = 0; len + 2 < text.len; len += 7) {
        TAP_CHECK(parse((struct al_span){text.at, len}, key, &got) == AL_ENODATA);
    }
}

static void
other_names_fit(void)
{
    char to[PLACE_NAME_MAX], name[PLACE_NAME_MAX];

    place_other_name("a.mov", "recalled", 1, to);
    TAP_CHECK(strcmp(to, "a (recalled).mov") == 0);
    place_other_name("a", "kept", 3, to);
    TAP_CHECK(strcmp(to, "a (kept 3)") == 0);
    place_other_name(".profile", "kept", 1, to);
    TAP_CHECK(strcmp(to, ".profile (kept)") == 0);
    memset(name, 'n', 255);
    memcpy(name + 251, ".mov", 5);
    place_other_name(name, "recalled", 99, to);
    TAP_CHECK(strlen(to) == 255 && strcmp(to + 251, ".mov") == 0);
    for (size_t k = 0; k < 254; k += 2) {
        memcpy(name + k, "\xc3\xa4", 2);
    }
    name[254] = '\0';
    place_other_name(name, "recalled", 1, to);
    TAP_CHECK(strlen(to) <= 255 && al_utf8_valid(al_span_of(to)));
}

/* ---- with a host and a share ---- */

#define SIZE 20000u
static uint8_t want[SIZE];

static void
begin(struct world *w, const char *name)
{
    world_make(w, 2, SIM_ORDER_GLOBAL);
    world_bytes(want, SIZE, 2);
    world_file(w, name, SIZE, 2);
    TAP_CHECK(world_start(w) == AL_OK);
}

static bool
reads(struct world *w, const char *name)
{
    return world_reads(w, name, want, SIZE);
}

static void
rename_it(struct world *w, const char *from, const char *to)
{
    struct port_file *dir = NULL;

    TAP_CHECK(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    TAP_CHECK(port_rename(sim_other(w->host), dir, from, dir, to, true) == AL_OK);
    TAP_CHECK(port_close(sim_other(w->host), dir) == AL_OK);
}

static void
remove_it(struct world *w, const char *name)
{
    struct port_file *dir = NULL;

    TAP_CHECK(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    TAP_CHECK(port_unlink(sim_other(w->host), dir, name) == AL_OK);
    TAP_CHECK(port_close(sim_other(w->host), dir) == AL_OK);
}

static struct mover_result
archive(struct world *w, const char *name)
{
    int rc;
    struct mover_result r = world_archive(w, name, &rc);

    TAP_CHECK(rc == AL_OK);
    return r;
}

static struct mover_result
back(struct world *w, const char *name, const char *object)
{
    int rc;
    struct mover_result r = world_back(w, name, object, &rc);

    TAP_CHECK(rc == AL_OK);
    return r;
}

static void
a_file_goes_and_comes_back(void)
{
    static const char *const names[] = {"plain.mov", "new\nline", "\xff\xfe", "ends.alto", "-rf", " "};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct world w;
        struct mover_result r;
        struct port_stat st;
        char holder[PLACE_NAME_MAX];

        begin(&w, names[i]);
        TAP_CHECK(place_holder_name(names[i], holder) == AL_OK);
        r = archive(&w, names[i]);
        TAP_CHECK(r.tiered && r.reported && r.freed > 0);
        TAP_CHECK(!world_exists(&w, names[i]) && world_exists(&w, holder));
        TAP_CHECK(archive(&w, names[i]).refusal == STUB_R_ARCHIVED);
        TAP_CHECK(archive(&w, holder).refusal == STUB_R_HOLDER);
        TAP_CHECK(back(&w, names[i], "").tiered);
        TAP_CHECK(reads(&w, names[i]) && !world_exists(&w, holder));
        st = world_stat(&w, names[i]);
        TAP_CHECK(st.mtime_ns == 1500000000987654321 && st.mode == 0640);
        TAP_CHECK(back(&w, names[i], "").tiered); /* is there already */
        TAP_CHECK(world_told(&w, "act=recall", "already_resident") == 1);
        TAP_CHECK(sim_open_files(w.host) > 0); /* the world's own */
        world_stop(&w);
        TAP_CHECK(sim_open_files(w.host) == 0 && sim_open_files(w.disk) == 0);
        world_end(&w);
    }
}

static void
refusals_have_names(void)
{
    struct world w;
    char name[256];

    begin(&w, "f");
    TAP_CHECK(archive(&w, "none").refusal == STUB_R_GONE);
    world_file(&w, "f.alto", 10, 2);
    TAP_CHECK(archive(&w, "f").refusal == STUB_R_HOLDER_THERE);
    world_file(&w, "small", 4096, 2);
    TAP_CHECK(archive(&w, "small").refusal == STUB_R_NO_GAIN);
    world_file(&w, "large", 4097, 2);
    TAP_CHECK(archive(&w, "large").tiered);
    memset(name, 'n', 251);
    name[251] = '\0';
    world_file(&w, name, 5000, 2);
    TAP_CHECK(archive(&w, name).refusal == STUB_R_NAME_TOO_LONG);
    name[250] = '\0';
    world_file(&w, name, 5000, 2);
    TAP_CHECK(archive(&w, name).tiered);
    world_file(&w, ".alto-aside-01kaz0000000000000000000qq", 5000, 2);
    TAP_CHECK(archive(&w, ".alto-aside-01kaz0000000000000000000qq").refusal == STUB_R_HOLDER);
    TAP_CHECK(archive(&w, ".lucid_audit/7/2026/09/2026-09-10T19.15.00Z.log").refusal == STUB_R_EXCLUDED);
    TAP_CHECK(archive(&w, "a/.lucid_audit/x").refusal == STUB_R_EXCLUDED);
    TAP_CHECK(archive(&w, "a.lucid_audit/x").refusal == STUB_R_GONE);
    sim_read_only(w.host, true);
    TAP_CHECK(!archive(&w, "f").tiered);
    sim_read_only(w.host, false);
    TAP_CHECK(reads(&w, "f"));
    world_end(&w);
}

static void
a_full_disk_puts_it_back(void)
{
    for (uint64_t room = 0; room < 6; room++) {
        struct world w;
        struct mover_result r;

        begin(&w, "f");
        sim_space(w.host, room);
        r = archive(&w, "f");
        sim_space(w.host, UINT64_MAX);
        if (!r.tiered) {
            struct reconcile_env env;
            struct reconcile_counts counts = {0};

            TAP_CHECK(r.code != AL_ENOSPC); /* which would be the share's */
            env = world_reconcile_env(&w);
            TAP_CHECK(reconcile_found(&env, &counts) == AL_OK && counts.later == 0);
            TAP_CHECK(reads(&w, "f") && !world_exists(&w, "f.alto"));
        }
        world_end(&w);
    }
}

static void
placeholders_are_renamed_edited_removed_and_copied(void)
{
    struct world w;
    struct mover_result r;

    begin(&w, "f.mov");
    TAP_CHECK(archive(&w, "f.mov").tiered);
    rename_it(&w, "f.mov.alto", "g.mov.alto");
    TAP_CHECK(back(&w, "f.mov", "").code == AL_ENOENT);
    TAP_CHECK(back(&w, "g.mov.alto", "").tiered && reads(&w, "g.mov") && !world_exists(&w, "g.mov.alto"));
    TAP_CHECK(world_told(&w, "act=recall code=ok", "now=g.mov path=g.mov.alto") == 1);

    TAP_CHECK(archive(&w, "g.mov").tiered);
    rename_it(&w, "g.mov.alto", "readme");
    TAP_CHECK(back(&w, "readme", "").tiered && reads(&w, "g.mov") && !world_exists(&w, "readme"));
    TAP_CHECK(world_told(&w, "act=recall code=ok", "now=g.mov path=readme") == 1);

    TAP_CHECK(archive(&w, "g.mov").tiered);
    rename_it(&w, "g.mov.alto", "g.mov"); /* the very name it has to come back under */
    TAP_CHECK(back(&w, "g.mov", "").tiered && reads(&w, "g.mov") && !world_exists(&w, "g (recalled).mov"));
    TAP_CHECK(world_told(&w, "act=recall code=ok", "now= path=g.mov") == 1);

    r = archive(&w, "g.mov");
    remove_it(&w, "g.mov.alto");
    TAP_CHECK(back(&w, "g.mov", "").code == AL_ENOENT);
    TAP_CHECK(back(&w, "g.mov", r.object_id).tiered && reads(&w, "g.mov"));

    TAP_CHECK(archive(&w, "g.mov").tiered);
    world_file(&w, "g.mov", 77, 4);
    TAP_CHECK(back(&w, "g.mov.alto", "").tiered && reads(&w, "g (recalled).mov") && !world_exists(&w, "g.mov.alto"));
    TAP_CHECK(world_stat(&w, "g.mov").size == 77);
    TAP_CHECK(world_told(&w, "act=recall code=ok", "now=g (recalled).mov path=g.mov.alto") == 1);
    world_end(&w);
}

/* What the inventory last heard of a path is not what stands there now: folders change places, and placeholders are renamed
 * over others. */
static void
the_placeholder_that_stands_there_names_the_object(void)
{
    static uint8_t other[SIZE + 1];
    const uint8_t *mine;
    struct mover_result r, o;
    struct world w;

    begin(&w, "f.mov");
    world_bytes(other, sizeof(other), 9);
    world_file(&w, "g.mov", sizeof(other), 9);
    r = archive(&w, "f.mov");
    o = archive(&w, "g.mov");
    TAP_CHECK(r.tiered && o.tiered);
    rename_it(&w, "g.mov.alto", "f.mov.alto"); /* the younger over the older */
    TAP_CHECK(back(&w, "f.mov", r.object_id).tiered && world_reads(&w, "f.mov", other, sizeof(other)));
    TAP_CHECK(!world_exists(&w, "f.mov.alto") && !world_exists(&w, "f (recalled).mov"));
    TAP_CHECK(world_told(&w, "act=recall code=ok", o.object_id) == 1 && world_told(&w, "act=recall", r.object_id) == 0);

    /* Nothing stands there: what the inventory knows counts. */
    TAP_CHECK(back(&w, "h.mov", r.object_id).tiered && reads(&w, "h.mov"));

    /* What is made with another key is nothing of this volume's. */
    mine = w.mover_volume.key;
    w.mover_volume.key = other_key;
    world_file(&w, "x.mov", sizeof(other), 9);
    TAP_CHECK(archive(&w, "x.mov").tiered);
    w.mover_volume.key = mine;
    TAP_CHECK(back(&w, "x.mov", r.object_id).tiered && reads(&w, "x.mov") && world_exists(&w, "x.mov.alto"));
    world_end(&w);
}

/* It is no file, and no scan has seen that files below it were archived. */
static void
a_folder_has_nothing_to_bring_back(void)
{
    struct port_file *dir = NULL;
    struct mover_result r;
    struct world w;

    begin(&w, "f.mov");
    TAP_CHECK(port_open(sim_other(w.host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    TAP_CHECK(port_mkdir(sim_other(w.host), dir, "moved", 0755) == AL_OK);
    TAP_CHECK(port_close(sim_other(w.host), dir) == AL_OK);
    r = back(&w, "moved", "");
    TAP_CHECK(!r.tiered && r.code == AL_EISDIR);
    TAP_CHECK(world_told(&w, "act=recall", "already_resident") == 0);
    TAP_CHECK(world_told(&w, "act=recall code=is_a_folder", "reason=nothing_to_bring_back") == 1);
    TAP_CHECK(back(&w, "none", "").code == AL_ENOENT);
    TAP_CHECK(world_told(&w, "act=recall code=not_found", "reason=nothing_to_bring_back") == 1);
    world_end(&w);
}

static void
an_edited_placeholder_stays(void)
{
    struct world w;
    struct port_file *f = NULL, *dir = NULL;
    struct port *p;

    begin(&w, "f");
    TAP_CHECK(archive(&w, "f").tiered);
    p = sim_other(w.host);
    TAP_CHECK(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    TAP_CHECK(port_open(p, dir, "f.alto", PORT_READ | PORT_WRITE, 0, &f) == AL_OK);
    TAP_CHECK(port_pwrite(p, f, "note", 4, 0) == AL_OK);
    TAP_CHECK(port_close(p, f) == AL_OK && port_close(p, dir) == AL_OK);
    TAP_CHECK(back(&w, "f", "").tiered && reads(&w, "f") && world_exists(&w, "f.alto"));
    world_end(&w);
}

static void
spoil(struct world *w, const char *id, void *ctx)
{
    char path[200];
    struct port_file *f = NULL;

    snprintf(path, sizeof(path), "/share/objects/%c/%c/%s", id[24], id[25], id);
    TAP_CHECK(port_open(sim_other(w->disk), NULL, path, PORT_READ | PORT_WRITE, 0, &f) == AL_OK);
    TAP_CHECK(port_pwrite(sim_other(w->disk), f, "!", 1, 12345) == AL_OK);
    TAP_CHECK(port_close(sim_other(w->disk), f) == AL_OK);
}

static void
a_damaged_object_brings_nothing_back(void)
{
    struct world w;

    begin(&w, "f");
    TAP_CHECK(archive(&w, "f").tiered);
    world_objects(&w, spoil, NULL);
    TAP_CHECK(back(&w, "f", "").code == AL_ECORRUPT);
    TAP_CHECK(!world_exists(&w, "f") && world_exists(&w, "f.alto"));
    world_end(&w);
}

/* More attributes than a placeholder has room for come from the manifest. */
static void
large_attributes_come_back_too(void)
{
    static char value[9000];
    struct world w;
    struct port_file *dir = NULL, *f = NULL;
    uint8_t got[sizeof(value)];
    size_t len = 0;
    struct port *p;

    begin(&w, "f");
    memset(value, 'v', sizeof(value));
    p = sim_other(w.host);
    TAP_CHECK(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    TAP_CHECK(port_open(p, dir, "f", PORT_READ | PORT_WRITE, 0, &f) == AL_OK);
    TAP_CHECK(port_xattr_set(p, f, "user.large", value, sizeof(value)) == AL_OK);
    TAP_CHECK(port_close(p, f) == AL_OK);
    TAP_CHECK(archive(&w, "f").tiered);
    TAP_CHECK(back(&w, "f", "").tiered && reads(&w, "f"));
    TAP_CHECK(port_xattr_get_at(p, dir, "f", "user.large", got, sizeof(got), &len) == AL_OK);
    TAP_CHECK(len == sizeof(value) && memcmp(got, value, len) == 0);
    TAP_CHECK(port_close(p, dir) == AL_OK);
    world_end(&w);
}

/* Where the mount's own access time means nothing, the one that was told decides. */
static void
the_access_that_was_told_counts(void)
{
    struct rule *rule = NULL;
    struct mover_item item = {.path = al_span_of("f"), .act = MOVER_ARCHIVE};
    const int64_t day = INT64_C(86400) * 1000000000;

    TAP_CHECK(rule_parse(al_span_of("accessed older than 90d"), NULL, &rule, NULL) == AL_OK);
    for (int told = 0; told < 2; told++) {
        struct mover *m = NULL;
        struct world w;

        begin(&w, "f");
        item.volume = &w.mover_volume;
        item.rule = rule;
        item.now_ns = 1600000000123456789 + 91 * day; /* by the file's own time it is old */
        item.accessed_ns = told ? item.now_ns - 5 * day : 0;
        TAP_CHECK(mover_new(&w.mover_env, w.target, &item, &m) == AL_OK);
        while (mover_step(m) == MOVER_MORE) {
        }
        TAP_CHECK(mover_result(m)->tiered == !told);
        TAP_CHECK(mover_result(m)->refusal == (told ? STUB_R_NO_MATCH : STUB_R_NONE));
        m = mover_free(m);
        world_end(&w);
    }
    rule = rule_free(rule);
}

int
main(void)
{
    TAP_RUN(a_placeholder_is_read_back);
    TAP_RUN(any_name_fits);
    TAP_RUN(large_attributes_stay_in_the_manifest);
    TAP_RUN(what_people_change_is_seen);
    TAP_RUN(other_names_fit);
    last = al_arena_free(last);
    TAP_RUN(a_file_goes_and_comes_back);
    TAP_RUN(refusals_have_names);
    TAP_RUN(a_full_disk_puts_it_back);
    TAP_RUN(placeholders_are_renamed_edited_removed_and_copied);
    TAP_RUN(the_placeholder_that_stands_there_names_the_object);
    TAP_RUN(a_folder_has_nothing_to_bring_back);
    TAP_RUN(an_edited_placeholder_stays);
    TAP_RUN(large_attributes_come_back_too);
    TAP_RUN(the_access_that_was_told_counts);
    TAP_RUN(a_damaged_object_brings_nothing_back);
    return tap_end();
}
