/* Increments at random: a real tree on which things happen, a journal of them as NTFS would write it, the walker's own
 * increments, and a second inventory that is given walks of everything alone. Both must hold the same. */
#include "help.h"

#include <sys/stat.h>

#include "agent/walk/changes.h"
#include "agent/walk/walk.h"

#define OBJECT "01hb0000000000000000000000"

#define PEOPLE_FOLDERS 60u
#define RECORDS_MAX 4000u

static uint64_t seed = 1;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

struct happened {
    uint64_t id, parent;
    uint32_t reasons;
    bool folder;
};

static struct life {
    struct help inc, full;
    char root[80];
    struct happened journal[RECORDS_MAX];
    unsigned count, scans;
    char dirs[PEOPLE_FOLDERS][256]; /* below root, "" the root itself */
    unsigned dir_count;
    unsigned made; /* names */
    uint64_t increments, seq, link;
    al_id last;
} life;

#define PLACE 64 /* bytes that a record takes of the journal */

static int
life_state(void *ctx, struct port_journal_state *ret)
{
    *ret = (struct port_journal_state){.id = 5, .first = 0, .next = (int64_t)life.count * PLACE};
    return AL_OK;
}

static int
life_read(void *ctx, uint64_t id, int64_t from, void *to, size_t cap, size_t *ret_len)
{
    uint8_t *at = to;
    unsigned i = (unsigned)(from / PLACE), n;

    for (n = 0; i + n < life.count && n < 100; n++) {
        const struct happened *r = &life.journal[i + n];
        uint8_t *w = at + 8 + n * PLACE;

        memset(w, 0, PLACE);
        al_put_u32(w, PLACE);
        al_put_u16(w + 4, 2);
        al_put_u64(w + 8, r->id);
        al_put_u64(w + 16, r->parent);
        al_put_u64(w + 24, (uint64_t)from + n * PLACE);
        al_put_u32(w + 40, r->reasons);
        al_put_u32(w + 52, r->folder ? 0x10 : 0);
        al_put_u16(w + 58, 60);
    }
    al_put_u64(at, (uint64_t)(i + n) * PLACE);
    *ret_len = 8 + n * PLACE;
    return AL_OK;
}

static int
run(const char *format, const char *a, const char *b, char *out, size_t cap)
{
    char command[1200];
    FILE *p;
    size_t n;

    snprintf(command, sizeof(command), format, a, b);
    p = popen(command, "r");
    TAP_CHECK(p != NULL);
    n = fread(out, 1, cap - 1, p);
    out[n] = '\0';
    return pclose(p);
}

/* Linux has nobody to ask for a place by its number, but find. */
static int
life_place(void *ctx, const uint8_t id[16], struct al_buf *path)
{
    char number[32], out[600];

    snprintf(number, sizeof(number), "%llu", (unsigned long long)al_get_u64(id));
    TAP_CHECK(run("find '%s' -inum %s -print -quit", life.root, number, out, sizeof(out)) == 0);
    if (out[0] == '\0') {
        return AL_ENOENT;
    }
    out[strcspn(out, "\n")] = '\0';
    return al_buf_adds(path, strcmp(out, life.root) == 0 ? "" : out + strlen(life.root) + 1);
}

static const struct usn_source life_source = {.state = life_state, .read = life_read, .place = life_place};

static uint64_t
ino_of(const char *path)
{
    struct stat st;

    TAP_CHECK(lstat(path, &st) == 0);
    return st.st_ino;
}

static void
note(uint64_t id, const char *parent, uint32_t reasons, bool folder)
{
    TAP_CHECK(life.count < RECORDS_MAX);
    life.journal[life.count++] = (struct happened){id, ino_of(parent), reasons, folder};
}

static void
path_in(char to[600], const char *dir, const char *name)
{
    snprintf(to, 600, "%s%s%s%s%s", life.root, dir[0] != '\0' ? "/" : "", dir, name[0] != '\0' ? "/" : "", name);
}

static void
look_for_dirs(void)
{
    static char out[PEOPLE_FOLDERS * 256];

    life.dir_count = 0;
    TAP_CHECK(run("cd '%s' && find . -type d %s", life.root, "-printf '%P\\n' | sort | head -59", out, sizeof(out)) == 0);
    for (char *line = out; *line != '\0' && life.dir_count < PEOPLE_FOLDERS;) {
        size_t len = strcspn(line, "\n");

        snprintf(life.dirs[life.dir_count++], 256, "%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

/* A file or folder of a folder, "" where there is none. */
static void
somebody(const char *dir, const char *type, char to[256])
{
    static char out[65536];
    char path[600];
    unsigned lines = 0, n;
    char *line = out;

    path_in(path, dir, "");
    TAP_CHECK(run("find '%s' -mindepth 1 -maxdepth 1 -type %s -printf '%%f\\n' | sort", path, type, out, sizeof(out)) == 0);
    for (const char *c = out; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    to[0] = '\0';
    if (lines > 0) {
        for (n = (unsigned)draw(lines); n > 0; n--) {
            line = strchr(line, '\n') + 1;
        }
        snprintf(to, 256, "%.*s", (int)strcspn(line, "\n"), line);
    }
}

static void
write_file(const char *path)
{
    FILE *f = fopen(path, "a");

    TAP_CHECK(f != NULL && fprintf(f, "%u", life.made) > 0 && fclose(f) == 0);
}

static void
file_happens(const char *dir, const char *in, const char *other)
{
    char name[256], fresh[16], old[600], path[600], there[600];
    uint64_t ino;

    somebody(dir, "f", name);
    path_in(old, dir, name);
    snprintf(fresh, sizeof(fresh), "n%u", ++life.made);
    path_in(path, dir, fresh);
    path_in(there, other, fresh);
    if (name[0] == '\0' || draw(3) == 0) {
        write_file(path);
        note(ino_of(path), in, USN_CREATED | USN_CLOSED, false);
        return;
    }
    ino = ino_of(old);
    switch (draw(5)) {
    case 0:
        TAP_CHECK(unlink(old) == 0);
        note(ino, in, USN_DELETED | USN_LINKS_CHANGED | USN_CLOSED, false);
        return;
    case 1:
        TAP_CHECK(rename(old, there) == 0);
        note(ino, in, USN_RENAMED_FROM, false);
        path_in(path, other, "");
        note(ino, path, USN_RENAMED_TO, false);
        return;
    case 2:
        TAP_CHECK(link(old, there) == 0);
        path_in(path, other, "");
        note(ino, path, USN_LINKS_CHANGED, false);
        return;
    default:
        write_file(old);
        note(ino, in, 2 /* data extended */, false);
    }
}

static bool
lies_in(const char *dir, const char *other) /* or is it */
{
    size_t len = strlen(other);

    return len == 0 || (strncmp(dir, other, len) == 0 && (dir[len] == '/' || dir[len] == '\0'));
}

/* All below, each with a record of its own. */
static void
remove_all(const char *old)
{
    static char out[65536];
    char path[600];

    TAP_CHECK(run("find '%s' -type f -printf '%%i\n'%s", old, "", out, sizeof(out)) == 0);
    snprintf(path, sizeof(path), "%s", old);
    for (char *line = out; *line != '\0'; line = strchr(line, '\n') + 1) {
        note(strtoull(line, NULL, 10), path, USN_DELETED | USN_LINKS_CHANGED, false);
    }
    TAP_CHECK(run("rm -rf '%s'%s", old, "", out, sizeof(out)) == 0);
}

static void
folder_happens(const char *dir, const char *in, const char *other)
{
    char name[256], fresh[16], old[600], path[600], rel[600];
    uint64_t ino;

    snprintf(fresh, sizeof(fresh), "d%u", ++life.made);
    somebody(dir, "d", name);
    if (name[0] == '\0' || draw(3) == 0) {
        path_in(path, dir, fresh);
        TAP_CHECK(mkdir(path, 0755) == 0);
        note(ino_of(path), in, USN_CREATED, true);
        return;
    }
    path_in(old, dir, name);
    ino = ino_of(old);
    snprintf(rel, sizeof(rel), "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
    if (draw(3) == 0) {
        remove_all(old);
        note(ino, in, USN_DELETED, true);
    } else if (!lies_in(other, rel)) {
        path_in(path, other, fresh);
        TAP_CHECK(rename(old, path) == 0);
        note(ino, in, USN_RENAMED_FROM, true);
        path_in(path, other, "");
        note(ino, path, USN_RENAMED_TO, true);
    }
}

static void
something_happens(void)
{
    char in[600];
    const char *dir, *other;

    look_for_dirs();
    dir = life.dirs[draw(life.dir_count)];
    other = life.dirs[draw(life.dir_count)];
    path_in(in, dir, "");
    if (draw(3) == 0 && life.dir_count < PEOPLE_FOLDERS - 2) {
        folder_happens(dir, in, other);
    } else {
        file_happens(dir, in, other);
    }
}

struct sending {
    struct help *h;
    const char *id;
};

static int
on_send(void *ctx, uint64_t seq, struct al_span packed)
{
    struct sending *s = ctx;

    return inventory_entries_apply(s->h->inv, &own, VOLUME, s->id, seq, packed, NULL);
}

static void
walk_into(struct help *h, const char *id, const struct walk_plan *plan, const char *follows)
{
    struct sending s = {h, id};
    struct walk_result res = {0};
    struct walk_conf conf = {.port = port_native(), .root = life.root, .threads = 2, .only = plan, .send = on_send, .ctx = &s};

    TAP_OK(inventory_scan_begin(h->inv, &own, VOLUME, id));
    TAP_OK(walk_run(&conf, &res, NULL));
    TAP_OK(follows != NULL ? inventory_increment_end(h->inv, &own, VOLUME, id, follows, NOW_NS, NULL)
                           : inventory_scan_end(h->inv, &own, VOLUME, id, NOW_NS, NULL));
}

static int
print_row(void *ctx, const struct inventory_row *r)
{
    struct al_buf *to = ctx;

    return al_buf_addf(to, "%.*s t%d s%d f%x a%x %llu %llu %lld %lld %lld %lld e%d %o %u %u n%u i%llu %s %d %llu %llu\n", (int)r->path.len,
                       (const char *)r->path.at, (int)r->type, (int)r->state, r->flags, r->attrs, (unsigned long long)r->size,
                       (unsigned long long)r->allocated, (long long)r->mtime_ns, (long long)r->ctime_ns, (long long)r->btime_ns,
                       r->type == PORT_T_FOLDER ? 0 : (long long)r->accessed_ns, (int)r->source, r->mode, r->uid, r->gid, r->nlink,
                       (unsigned long long)r->ino, r->object_id, r->has_counts, (unsigned long long)r->files, (unsigned long long)r->bytes);
}

static void
print_all(struct help *h, struct al_buf *to)
{
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = INVENTORY_PAGE_MAX};
    struct al_arena *arena = al_arena_new(8u << 20);
    struct inventory_page page = {0};
    struct inventory_totals t;

    al_buf_clear(to);
    do {
        q.cursor = page.next_cursor;
        TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, print_row, to, arena, &page, NULL));
    } while (page.next_cursor != NULL);
    TAP_OK(inventory_totals(h->inv, &own, VOLUME, &t));
    TAP_OK(al_buf_addf(to, "%llu %llu %llu %llu %llu %llu %llu\n", (unsigned long long)t.files, (unsigned long long)t.folders,
                       (unsigned long long)t.bytes, (unsigned long long)t.allocated, (unsigned long long)t.stub_files,
                       (unsigned long long)t.freed_bytes, (unsigned long long)t.unreadable));
    al_arena_free(arena);
}

static void
must_be_equal(unsigned round)
{
    struct al_buf a = {.max = 8u << 20}, b = {.max = 8u << 20};
    size_t at = 0, line = 0;

    print_all(&life.inc, &a);
    print_all(&life.full, &b);
    while (at < a.len && at < b.len && a.at[at] == b.at[at]) {
        line = a.at[at] == '\n' ? at + 1 : line;
        at++;
    }
    if (a.len != b.len || at != a.len) {
        tap_fail(__FILE__, __LINE__, "round %u of seed: increments say\n# %.200s\n# and full walks\n# %.200s", round,
                 (char *)a.at + line, (char *)b.at + line);
    }
    al_buf_free(&a);
    al_buf_free(&b);
}

/* An outcome of both. */
static void
somebody_is_told_of(void)
{
    char name[256], path[600];
    const char *dir;
    struct inventory_outcome o = {.source = INVENTORY_BY_RECALL};
    uint64_t what = draw(3);

    look_for_dirs();
    dir = life.dirs[draw(life.dir_count)];
    somebody(dir, "f", name);
    if (name[0] == '\0') {
        return;
    }
    snprintf(path, sizeof(path), "/%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
    o.path = sp(path);
    o.set = what == 0 ? INVENTORY_SET_ACCESSED : INVENTORY_SET_STATE | INVENTORY_SET_OBJECT;
    o.state = RULE_S_PINNED; /* a stub without a marker on the disk would be none for a full walk */
    o.object_id = what == 1 ? NULL : OBJECT;
    o.accessed_ns = NOW_NS - (int64_t)draw(1000) * SECOND_NS;
    life.seq++;
    TAP_OK(inventory_outcomes_apply(life.inc.inv, &own, VOLUME, STREAM, life.seq, &o, 1, NULL));
    TAP_OK(inventory_outcomes_apply(life.full.inv, &own, VOLUME, STREAM, life.seq, &o, 1, NULL));
}

static void
scan_both(struct walk_since *place)
{
    struct walk_since now = {0};
    al_id id;

    snprintf(id, sizeof(id), "01hs%022u", ++life.scans);
    TAP_OK(walk_since_usn(&life_source, 1, (struct al_span){place->place, place->place_len}, &now));
    TAP_CHECK((now.plan != NULL) == (place->place_len > 0));
    walk_into(&life.inc, id, now.plan, now.plan != NULL ? life.last : NULL);
    life.increments += now.plan != NULL;
    walk_into(&life.full, id, NULL, NULL);
    memcpy(life.last, id, sizeof(al_id));
    now.plan = walk_plan_free(now.plan);
    *place = now;
}

static unsigned lives = 2, rounds = 8;

static void
increments_and_full_walks_come_to_the_same(void)
{
    for (unsigned l = 0; l < lives; l++) {
        struct walk_since place = {0};
        char out[8];

        memset(&life, 0, sizeof(life));
        seed = seed * 31 + l;
        help_begin(&life.inc);
        help_begin(&life.full);
        snprintf(life.root, sizeof(life.root), "/tmp/alto-life-XXXXXX");
        TAP_CHECK(mkdtemp(life.root) != NULL);
        for (unsigned i = 0; i < 60; i++) {
            something_happens();
        }
        for (unsigned round = 0; round < rounds; round++) {
            scan_both(&place);
            must_be_equal(round);
            for (uint64_t n = draw(6); n > 0; n--) {
                somebody_is_told_of();
            }
            for (uint64_t n = draw(25); n > 0; n--) {
                something_happens();
            }
        }
        TAP_EQUAL_U64(life.increments, rounds - 1);
        TAP_CHECK(run("rm -rf '%s'%s", life.root, "", out, sizeof(out)) == 0);
        help_end(&life.inc);
        help_end(&life.full);
    }
}

int
main(int argc, char **argv)
{
    lives = argc > 1 ? (unsigned)atoi(argv[1]) : lives;
    rounds = argc > 2 ? (unsigned)atoi(argv[2]) : rounds;
    seed = argc > 3 ? strtoull(argv[3], NULL, 10) : seed;
    TAP_RUN(increments_and_full_walks_come_to_the_same);
    return tap_end();
}
