#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/walk/walk.h"
#include "base/fault.h"
#include "base/mem.h"
#include "port/port.h"
#include "tap.h"
#include "wire/entries.h"

#define FOUND_MAX 20000

static struct port *port;
static char base[512];

/* What came out of a walk, by path. */
struct found {
    char *path;
    struct entry_record r;
};
struct catch
{
    struct found *found;
    size_t count;
    char *folder_path[FOUND_MAX]; /* by id */
    uint32_t folder_flags[FOUND_MAX];
    _Atomic uint64_t last_seq; /* also read by on_stop, in the walkers */
    int order_errors;
    int fail_at, rc; /* send number fail_at returns rc */
};

static char *
join(const char *folder, struct al_span name)
{
    char *path = malloc(strlen(folder) + name.len + 2);

    sprintf(path, "%s%s%.*s", folder, *folder != '\0' ? "/" : "", (int)name.len,
            (const char *)name.at);
    return path;
}

static void
take(struct catch *c, const struct entry_record *r)
{
    if (r->folder == 0 || r->folder >= FOUND_MAX) {
        c->order_errors++;
        return;
    }
    if (r->is_folder_record) {
        c->folder_flags[r->folder] |= r->flags;
        if (c->folder_path[r->folder] != NULL) {
            return; /* the second record of a folder */
        }
        if (r->parent != 0 && c->folder_path[r->parent] == NULL) {
            c->order_errors++;
            return;
        }
        c->folder_path[r->folder] =
            r->parent == 0 ? strdup("") : join(c->folder_path[r->parent], r->name);
        return;
    }
    if (c->folder_path[r->folder] == NULL || c->count == FOUND_MAX) {
        c->order_errors++;
        return;
    }
    c->found[c->count++] = (struct found){join(c->folder_path[r->folder], r->name), *r};
}

static int
on_send(void *ctx, uint64_t seq, struct al_span packed)
{
    struct catch *c = ctx;
    AL_CLEANUP(al_buf_free) struct al_buf plain = {0};
    struct entries_reader reader;
    struct entry_record r;
    bool end = false;
    int rc;

    if (c->fail_at != 0 && seq == (uint64_t)c->fail_at) {
        return c->rc;
    }
    c->order_errors += seq != c->last_seq + 1;
    c->last_seq = seq;
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    rc = entries_unpack(packed, &plain, &reader);
    while (rc == AL_OK && !end) {
        rc = entries_next(&reader, &r, &end);
        if (rc == AL_OK && !end) {
            take(c, &r);
        }
    }
    c->order_errors += rc != AL_OK;
    return AL_OK;
}

static struct catch *
catch_new(void)
{
    struct catch *c = calloc(1, sizeof(*c));

    c->found = calloc(FOUND_MAX, sizeof(*c->found));
    return c;
}

static void
catch_free(struct catch *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->found[i].path);
    }
    for (size_t i = 0; i < FOUND_MAX; i++) {
        free(c->folder_path[i]);
    }
    free(c->found);
    free(c);
}

static const struct found *
get(const struct catch *c, const char *path)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->found[i].path, path) == 0) {
            return &c->found[i];
        }
    }
    tap_fail(__FILE__, __LINE__, "%s was not found", path);
}

static void
make_folder(const char *name)
{
    char path[8192];

    snprintf(path, sizeof(path), "%s/%s", base, name);
    TAP_OK(port_mkdirs(port, path, 0755));
}

static void
make_file(const char *name, size_t size)
{
    struct port_file *f = NULL;
    char path[8192];
    uint8_t *bytes = calloc(1, size + 1);

    memset(bytes, 'x', size);
    snprintf(path, sizeof(path), "%s/%s", base, name);
    TAP_OK(port_open(port, NULL, path, PORT_WRITE | PORT_CREATE, 0644, &f));
    TAP_OK(port_pwrite(port, f, bytes, size, 0));
    TAP_OK(port_close(port, f));
    free(bytes);
}

static struct catch *
walk(const char *below, unsigned threads, uint32_t batch, struct walk_result *ret)
{
    char root[1024];
    struct catch *c = catch_new();
    struct al_fail fail = {0};
    struct walk_conf conf = {.port = port,
                             .root = root,
                             .threads = threads,
                             .batch_records = batch,
                             .send = on_send,
                             .ctx = c};

    snprintf(root, sizeof(root), "%s/%s", base, below);
    if (walk_run(&conf, ret, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s (%d)", fail.text, fail.code);
    }
    return c;
}

static void
every_entry_comes_once_with_what_stat_says(void)
{
    struct walk_result res;
    struct catch *c;
    const struct found *f;
    struct port_stat st;
    char path[1024];

    make_folder("a/one/two");
    make_folder("a/empty");
    make_file("a/f", 5000);
    make_file("a/one/g", 0);
    make_file("a/one/two/h", 1);
    c = walk("a", 2, 0, &res);
    TAP_EQUAL_U64(c->count, 6);
    TAP_EQUAL_U64(res.entries, 6);
    TAP_EQUAL_U64(res.folders, 4);
    TAP_EQUAL_U64(res.unreadable, 0);
    TAP_EQUAL_U64(c->order_errors, 0);
    f = get(c, "f");
    snprintf(path, sizeof(path), "%s/a/f", base);
    TAP_OK(port_stat_at(port, NULL, path, &st));
    TAP_EQUAL_U64(f->r.type, PORT_T_FILE);
    TAP_EQUAL_U64(f->r.size, 5000);
    TAP_EQUAL_U64(f->r.allocated, st.allocated);
    TAP_EQUAL_U64(f->r.ino, st.ino);
    TAP_EQUAL_U64(f->r.mtime_ns, st.mtime_ns);
    TAP_EQUAL_U64(f->r.mode, st.mode);
    TAP_EQUAL_U64(get(c, "one/two")->r.type, PORT_T_FOLDER);
    TAP_EQUAL_U64(get(c, "one/two/h")->r.size, 1);
    (void)get(c, "empty");
    (void)get(c, "one/g");
    catch_free(c);
}

static void
small_batches_keep_folders_before_what_is_in_them_with_many_threads(void)
{
    struct walk_result res;

    for (unsigned i = 0; i < 30; i++) {
        char name[64];

        snprintf(name, sizeof(name), "w/%u/%u/%u", i % 3, i % 7, i);
        make_folder(name);
        for (unsigned k = 0; k < 20; k++) {
            char file[96];

            snprintf(file, sizeof(file), "%s/%u.dat", name, k);
            make_file(file, k);
        }
    }
    for (unsigned round = 0; round < 20; round++) {
        struct catch *c = walk("w", 1 + round % 8, 1 + round % 11, &res);

        TAP_EQUAL_U64(c->order_errors, 0);
        TAP_EQUAL_U64(c->count, res.entries);
        TAP_EQUAL_U64(c->count, 3 + 21 + 30 + 30 * 20);
        TAP_EQUAL_U64(res.batches, c->last_seq);
        TAP_CHECK(res.batches > 50 || round % 11 > 5);
        catch_free(c);
    }
}

static void
a_root_that_is_not_there_sends_nothing_and_is_an_error(void)
{
    struct catch *c = catch_new();
    struct walk_result res;
    struct al_fail fail = {0};
    char root[1024];
    struct walk_conf conf = {.port = port, .root = root, .send = on_send, .ctx = c};

    snprintf(root, sizeof(root), "%s/none", base);
    TAP_CODE(walk_run(&conf, &res, &fail), AL_ENOENT);
    TAP_CHECK(strstr(fail.text, root) != NULL);
    TAP_EQUAL_U64(c->last_seq, 0);
    catch_free(c);
}

static void
what_send_answers_ends_the_walk(void)
{
    struct catch *c = catch_new();
    struct walk_result res;
    char root[1024];
    struct walk_conf conf = {
        .port = port, .root = root, .threads = 4, .batch_records = 4, .send = on_send, .ctx = c};

    c->fail_at = 3;
    c->rc = AL_EUNREACH;
    snprintf(root, sizeof(root), "%s/w", base);
    TAP_CODE(walk_run(&conf, &res, NULL), AL_EUNREACH);
    TAP_EQUAL_U64(c->last_seq, 2);
    catch_free(c);
}

static bool
on_stop(void *ctx)
{
    struct catch *c = ctx;

    return c->last_seq >= 1;
}

static void
a_wish_to_stop_ends_the_walk_soon(void)
{
    struct catch *c = catch_new();
    struct walk_result res;
    char root[1024];
    struct walk_conf conf = {.port = port,
                             .root = root,
                             .threads = 1,
                             .batch_records = 8,
                             .send = on_send,
                             .stop = on_stop,
                             .ctx = c};

    snprintf(root, sizeof(root), "%s/w", base);
    TAP_CODE(walk_run(&conf, &res, NULL), AL_ECANCELED);
    TAP_CHECK(res.entries < 600);
    catch_free(c);
}

/* Whatever single call fails in one of the walkers: the walk ends with an error, or everything it
 * did not see lies below a folder that it calls unreadable, or was counted as gone. */
struct shaky {
    struct port port; /* first */
    const struct port_ops *inner;
    struct port_ops ops;
    _Atomic uint64_t calls;
    uint64_t fail_at;
    int rc;
};
static struct shaky shaky;

static bool
shake(void)
{
    return atomic_fetch_add(&shaky.calls, 1) + 1 == shaky.fail_at;
}

static int
shaky_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
           struct port_file **ret)
{
    (void)p;
    return shake() ? shaky.rc : shaky.inner->open(port, dir, name, flags, mode, ret);
}

static int
shaky_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    (void)p;
    return shake() ? shaky.rc : shaky.inner->dir_open(port, folder, ret);
}

static int
shaky_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end)
{
    (void)p;
    return shake() ? shaky.rc : shaky.inner->dir_next(port, d, ret, ret_end);
}

static int
shaky_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    (void)p;
    return shake() ? shaky.rc : shaky.inner->stat_at(port, dir, name, ret);
}

static int
shaky_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    (void)p;
    return shake() ? shaky.rc : shaky.inner->stat(port, f, ret);
}

static bool
accounted(const struct catch *c, const char *path)
{
    char folder[1024];
    char *slash;

    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->found[i].path, path) == 0) {
            return true;
        }
    }
    snprintf(folder, sizeof(folder), "%s", path);
    do { /* some ancestor was unreadable */
        slash = strrchr(folder, '/');
        *(slash != NULL ? slash : folder) = '\0';
        for (size_t id = 1; id < FOUND_MAX; id++) {
            if (c->folder_path[id] != NULL && strcmp(c->folder_path[id], folder) == 0 &&
                (c->folder_flags[id] & ENTRY_UNREADABLE)) {
                return true;
            }
        }
    } while (folder[0] != '\0');
    return false;
}

static void
each_failing_call_leaves_nothing_silently_out(void)
{
    static const int codes[] = {AL_EIO, AL_EACCES};
    struct walk_result res;
    struct catch *all = walk("a", 1, 0, &res);
    char root[1024];
    uint64_t total = 0;

    snprintf(root, sizeof(root), "%s/a", base);
    shaky.inner = port->ops;
    shaky.ops = *port->ops;
    shaky.ops.open = shaky_open;
    shaky.ops.dir_open = shaky_dir_open;
    shaky.ops.dir_next = shaky_dir_next;
    shaky.ops.stat_at = shaky_stat_at;
    shaky.ops.stat = shaky_stat;
    shaky.port.ops = &shaky.ops;
    for (uint64_t nth = 0; nth <= total; nth++) { /* 0 fails none and counts */
        struct catch *c = catch_new();
        struct walk_conf conf = {.port = &shaky.port,
                                 .root = root,
                                 .threads = 1,
                                 .batch_records = 4,
                                 .send = on_send,
                                 .ctx = c};
        int rc;

        atomic_store(&shaky.calls, 0);
        shaky.fail_at = nth;
        shaky.rc = codes[nth % 2];
        rc = walk_run(&conf, &res, NULL);
        total = nth == 0 ? atomic_load(&shaky.calls) : total;
        TAP_EQUAL_U64(c->order_errors, 0);
        for (size_t i = 0; rc == AL_OK && i < all->count; i++) {
            if (!accounted(c, all->found[i].path)) {
                tap_fail(__FILE__, __LINE__, "%s is missing without a word when call %u failed",
                         all->found[i].path, (unsigned)nth);
            }
        }
        TAP_CHECK(nth == 0 || rc != AL_OK || res.unreadable > 0);
        catch_free(c);
    }
    TAP_CHECK(total > 20);
    catch_free(all);
}

/* ---- what a walk costs, and stubs that somebody else knows ---- */

static struct {
    struct port port;
    struct port_ops ops;
    _Atomic uint64_t opens, stats, nexts, listings;
} counting;

static int
count_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode, struct port_file **ret)
{
    counting.opens++;
    return port->ops->open(port, dir, name, flags, mode, ret);
}

static int
count_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    counting.stats++;
    return port->ops->stat_at(port, dir, name, ret);
}

static int
count_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    counting.listings++;
    return port->ops->dir_open(port, folder, ret);
}

static int
count_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end)
{
    counting.nexts++;
    return port->ops->dir_next(port, d, ret, ret_end);
}

#define COUNTED 3000u

static bool
knows_stubs(void *ctx, struct port_file *folder, const char *name, const struct port_stat *st, bool *ret_odd)
{
    *ret_odd = strcmp(name, "odd stub") == 0;
    return st->type == PORT_T_FILE && strstr(name, "stub") != NULL;
}

static _Atomic unsigned odd_told;

static void
on_odd(void *ctx, struct al_span path)
{
    odd_told += path.len == 8 && memcmp(path.at, "odd stub", 8) == 0 ? 1 : 100;
}

static void
files_are_not_opened_and_looked_at_once_at_most(void)
{
    struct walk_result res = {0};
    struct catch *c = catch_new();
    char name[64], root[1024];
    struct walk_conf conf = {.port = &counting.port, .root = root, .threads = 2, .send = on_send, .ctx = c};

    counting.port.ops = &counting.ops;
    counting.ops = *port->ops;
    counting.ops.open = count_open;
    counting.ops.stat_at = count_stat_at;
    counting.ops.dir_open = count_dir_open;
    counting.ops.dir_next = count_dir_next;
    make_folder("cost/in");
    for (unsigned i = 0; i < COUNTED; i++) {
        snprintf(name, sizeof(name), "cost/%sa file of the usual length %u.doc", i % 2 ? "in/" : "", i);
        make_file(name, 0);
    }
    snprintf(root, sizeof(root), "%s/cost", base);
    TAP_OK(walk_run(&conf, &res, NULL));
    TAP_EQUAL_U64(res.entries, COUNTED + 1);
    printf("# %u files, 2 folders: %u opened, %u looked at by name, %u listings of %u steps\n", COUNTED, (unsigned)counting.opens,
           (unsigned)counting.stats, (unsigned)counting.listings, (unsigned)counting.nexts);
    TAP_EQUAL_U64(counting.opens, 2);
    TAP_CHECK(counting.stats <= COUNTED + 1);
    if (port->ops->rename_open != NULL) { /* Windows */
        TAP_EQUAL_U64(counting.stats, 0);
    }
    catch_free(c);
}

static void
stubs_that_somebody_else_knows_come_out_as_stubs(void)
{
    struct walk_result res = {0};
    struct catch *c = catch_new();
    char root[1024];
    struct walk_conf conf = {
        .port = port, .root = root, .send = on_send, .stub_of = knows_stubs, .odd = on_odd, .ctx = c};

    make_folder("known/a stub of a folder");
    make_file("known/a stub", 10);
    make_file("known/odd stub", 10);
    make_file("known/plain", 10);
    snprintf(root, sizeof(root), "%s/known", base);
    odd_told = 0;
    TAP_OK(walk_run(&conf, &res, NULL));
    TAP_EQUAL_U64(res.stubs, 2);
    TAP_EQUAL_U64(odd_told, 1);
    TAP_CHECK((get(c, "a stub")->r.flags & ENTRY_STUB) != 0 && (get(c, "odd stub")->r.flags & ENTRY_STUB) != 0);
    TAP_CHECK((get(c, "plain")->r.flags & ENTRY_STUB) == 0 && (get(c, "a stub of a folder")->r.flags & ENTRY_STUB) == 0);
    catch_free(c);
}

/* ---- only what is planned ---- */

static struct walk_plan *
plan_of(const char *const *list, const char *const *whole)
{
    struct walk_plan *p = walk_plan_new();

    for (; *list != NULL; list++) {
        TAP_OK(walk_plan_add(p, al_span_of(*list), WALK_LIST));
    }
    for (; *whole != NULL; whole++) {
        TAP_OK(walk_plan_add(p, al_span_of(*whole), WALK_WHOLE));
    }
    TAP_OK(walk_plan_ready(p));
    return p;
}

static struct catch *
walk_only(const char *below, const struct walk_plan *p, struct walk_result *ret)
{
    struct catch *c = catch_new();
    char root[1024];
    struct walk_conf conf = {.port = port, .root = root, .threads = 3, .batch_records = 7, .send = on_send, .only = p, .ctx = c};

    snprintf(root, sizeof(root), "%s/%s", base, below);
    TAP_OK(walk_run(&conf, ret, NULL));
    TAP_EQUAL_U64(c->order_errors, 0);
    return c;
}

static uint32_t
flags_of(const struct catch *c, const char *path)
{
    for (size_t i = 1; i < FOUND_MAX; i++) {
        if (c->folder_path[i] != NULL && strcmp(c->folder_path[i], path) == 0) {
            return c->folder_flags[i];
        }
    }
    return UINT32_MAX;
}

static void
a_plan_knows_the_ways_to_what_it_lists(void)
{
    static const char *const list[] = {"a/b/c", "a/b", "a-b/x", "a/b/c/d", "z", NULL};
    static const char *const whole[] = {"a/b/c", "m/n/o/p", NULL};
    static const char *const ways[] = {"", "a", "a-b", "m", "m/n", "m/n/o"};
    struct walk_plan *p = plan_of(list, whole);
    unsigned reached = 0;

    TAP_EQUAL_U64(p->count, 6 + 6);
    for (size_t i = 0; i < AL_LEN(ways); i++) {
        TAP_CHECK(walk_plan_find(p, al_span_of(ways[i]))->how == WALK_ON_THE_WAY);
    }
    TAP_CHECK(walk_plan_find(p, al_span_of("a/b/c"))->how == WALK_WHOLE && walk_plan_find(p, al_span_of("a/b"))->how == WALK_LIST);
    TAP_CHECK(walk_plan_find(p, al_span_of("a/b/")) == NULL && walk_plan_find(p, al_span_of("b")) == NULL);
    for (size_t i = 1; i < p->count; i++) { /* each is a child of its parent, once */
        const char *path = p->nodes[i].path, *above = p->nodes[p->nodes[i].parent].path;

        TAP_CHECK(strncmp(path, above, strlen(above)) == 0 && strrchr(path, '/') <= path + strlen(above));
        for (uint32_t k = p->nodes[p->nodes[i].parent].first; k != 0; k = p->nodes[k].next) {
            reached += k == i;
        }
    }
    TAP_EQUAL_U64(reached, p->count - 1);
    TAP_CHECK(walk_plan_free(p) == NULL);
}

static void
a_planned_walk_lists_what_is_planned_and_leaves_the_rest_alone(void)
{
    static const char *const list[] = {"way/listed", "gone", NULL}, *const whole[] = {"new", NULL}, *const none[] = {NULL};
    const uint32_t alone = ENTRY_UNREADABLE | ENTRY_UNCHANGED;
    struct walk_result res = {0};
    struct walk_plan *p;
    struct catch *c;

    make_folder("part/way/listed/below/deep");
    make_folder("part/way/other");
    make_folder("part/new/inner");
    make_folder("part/old");
    make_file("part/top", 1);
    make_file("part/way/listed/file", 2);
    make_file("part/way/listed/below/hidden", 3);
    make_file("part/new/inner/seen", 4);
    p = plan_of(list, whole);
    c = walk_only("part", p, &res);
    /* file, below; inner, seen; and the two of the plan, which lie where nothing is listed */
    TAP_EQUAL_U64(c->count, 6);
    TAP_CHECK(get(c, "way/listed")->r.type == PORT_T_FOLDER && get(c, "new")->r.ino != 0);
    (void)get(c, "way/listed/file");
    (void)get(c, "way/listed/below");
    (void)get(c, "new/inner/seen");
    TAP_CHECK(flags_of(c, "") == alone && flags_of(c, "way") == alone && flags_of(c, "way/listed/below") == alone);
    TAP_CHECK(flags_of(c, "way/listed") == 0 && flags_of(c, "new") == 0 && flags_of(c, "new/inner") == 0);
    TAP_CHECK(flags_of(c, "old") == UINT32_MAX && flags_of(c, "way/other") == UINT32_MAX);
    TAP_CHECK(res.unreadable == 0 && res.unchanged == 3 && res.gone == 1 && res.folders == 3);
    catch_free(c);
    p = walk_plan_free(p);
    p = plan_of(none, none); /* nothing changed: the root alone, left alone */
    memset(&res, 0, sizeof(res));
    c = walk_only("part", p, &res);
    TAP_CHECK(c->count == 0 && flags_of(c, "") == alone && res.unchanged == 1 && res.folders == 0);
    catch_free(c);
    p = walk_plan_free(p);
}

/* From ids, where the system opens by id; else that says so, and everything is walked. */
static void
a_plan_is_made_of_ids_where_they_lead_to_folders(void)
{
    struct usn_folder folders[3] = {{{0}, false}, {{0}, true}, {{0}, false}};
    struct usn_changes changes = {.folders = folders, .count = 3};
    struct walk_plan *p = NULL;
    const char *full = NULL;
    struct port_file *root = NULL;
    struct usn_volume v = {.port = port};
    struct usn_source source;
    struct port_stat st;
    char path[1024];

    make_folder("ids/a/b");
    make_folder("ids/new");
    snprintf(path, sizeof(path), "%s/ids", base);
    TAP_OK(port_open(port, NULL, path, PORT_READ | PORT_FOLDER, 0, &root));
    snprintf(path, sizeof(path), "%s/ids/a/b", base);
    TAP_OK(port_stat_at(port, NULL, path, &st));
    al_put_u64(folders[0].id, st.ino);
    TAP_OK(port_stat_at(port, root, "new", &st));
    al_put_u64(folders[1].id, st.ino);
    TAP_OK(port_stat(port, root, &st));
    al_put_u64(folders[2].id, st.ino);
    v.root = root;
    source = usn_source_of(&v);
    TAP_OK(walk_plan_of(&source, &changes, &p, &full));
    TAP_OK(port_close(port, root));
    if (full != NULL) {
        TAP_CHECK(p == NULL);
        tap_skip("no files by id: everything is walked");
    }
    TAP_CHECK(walk_plan_find(p, al_span_of("a/b"))->how == WALK_LIST && walk_plan_find(p, al_span_of("new"))->how == WALK_WHOLE);
    TAP_CHECK(walk_plan_find(p, al_span_of(""))->how == WALK_LIST && walk_plan_find(p, al_span_of("a"))->how == WALK_ON_THE_WAY);
    TAP_EQUAL_U64(p->count, 4);
    p = walk_plan_free(p);
}

int
main(int argc, char **argv)
{
    port = port_native();
    if (argc < 2) {
        printf("1..0 # SKIP give a folder to work in\n");
        return 0;
    }
    snprintf(base, sizeof(base), "%s/walk-test-%lld", argv[1], (long long)port_now_ns(port));
    TAP_RUN(every_entry_comes_once_with_what_stat_says);
    TAP_RUN(small_batches_keep_folders_before_what_is_in_them_with_many_threads);
    TAP_RUN(a_root_that_is_not_there_sends_nothing_and_is_an_error);
    TAP_RUN(what_send_answers_ends_the_walk);
    TAP_RUN(a_wish_to_stop_ends_the_walk_soon);
    TAP_RUN(each_failing_call_leaves_nothing_silently_out);
    TAP_RUN(files_are_not_opened_and_looked_at_once_at_most);
    TAP_RUN(stubs_that_somebody_else_knows_come_out_as_stubs);
    TAP_RUN(a_plan_knows_the_ways_to_what_it_lists);
    TAP_RUN(a_planned_walk_lists_what_is_planned_and_leaves_the_rest_alone);
    TAP_RUN(a_plan_is_made_of_ids_where_they_lead_to_folders);
    return tap_end();
}
