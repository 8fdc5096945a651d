/* kill -9 at any moment: a child scans and applies outcomes as fast as it can and tells through a
 * pipe what it has finished; it is killed after a random time, and the file is opened again. What
 * was told as done must be there, whole; what was not may be, whole, or not.
 *
 * Then a kill before and after each flush and change of a name that a merge makes.
 *
 * Every file of scan n has the size n; the outcomes of batch m set the access time of all of them
 * to m. So one look tells whether a change was applied in part. */
#include "help.h"

#include "server/inventory/figures.h"

#include <signal.h>
#include <sys/wait.h>

#define CRASH_FILES 3000u
#define CRASH_ROWS 500u

static void
id_of(char prefix, uint64_t n, al_id out)
{
    snprintf(out, sizeof(al_id), "01h%c%022llu", prefix, (unsigned long long)n);
}

static void
tell(int pipe_fd, char what, uint64_t n)
{
    struct {
        char what[8];
        uint64_t n;
    } message = {{what}, n};

    if (write(pipe_fd, &message, sizeof(message)) != (ssize_t)sizeof(message)) {
        _exit(3);
    }
}

static int
crash_batches(struct inventory *inv, uint64_t n)
{
    struct al_buf body, packed;
    char name[32];
    al_id id;
    int rc;

    id_of('s', n, id);
    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    al_buf_init(&packed, ENTRIES_PLAIN_MAX);
    rc = inventory_scan_begin(inv, &own, VOLUME, id);
    for (uint64_t seq = 1; rc == AL_OK && seq <= 3; seq++) {
        struct entry_record root = {.is_folder_record = true, .folder = 1};
        uint64_t count = 0;

        al_buf_clear(&body);
        al_buf_clear(&packed);
        if (seq == 1) {
            rc = entries_add(&body, &root);
            count++;
        }
        for (uint64_t i = 0; rc == AL_OK && i < CRASH_FILES / 3; i++) {
            struct entry_record e = {.folder = 1,
                                     .type = PORT_T_FILE,
                                     .nlink = 1,
                                     .size = n,
                                     .allocated = 4096,
                                     .atime_ns = 1};

            snprintf(name, sizeof(name), "%llu", (unsigned long long)(seq * CRASH_FILES + i));
            e.name = sp(name);
            e.ino = seq * CRASH_FILES + i;
            rc = entries_add(&body, &e);
            count++;
        }
        if (rc == AL_OK) {
            rc = entries_pack(&body, count, &packed);
        }
        if (rc == AL_OK) {
            rc = inventory_entries_apply(inv, &own, VOLUME, id, seq, al_buf_span(&packed), NULL);
        }
    }
    al_buf_free(&body);
    al_buf_free(&packed);
    return rc;
}

static int
crash_merge(struct inventory *inv, uint64_t n)
{
    al_id id;

    id_of('s', n, id);
    return inventory_scan_end(inv, &own, VOLUME, id, (int64_t)n, NULL);
}

static int
crash_scan(struct inventory *inv, uint64_t n)
{
    int rc = crash_batches(inv, n);

    return rc < 0 ? rc : crash_merge(inv, n);
}

static int
crash_outcomes(struct inventory *inv, uint64_t m)
{
    struct inventory_outcome rows[CRASH_ROWS];
    char names[CRASH_ROWS][32];
    uint64_t missing = 0;
    int rc;

    for (uint64_t i = 0; i < CRASH_ROWS; i++) {
        snprintf(names[i], sizeof(names[i]), "/%llu", (unsigned long long)(CRASH_FILES + i));
        rows[i] = (struct inventory_outcome){.path = sp(names[i]),
                                             .set = INVENTORY_SET_ACCESSED,
                                             .accessed_ns = (int64_t)m,
                                             .source = INVENTORY_BY_AUDIT};
    }
    rc = inventory_outcomes_apply(inv, &own, VOLUME, STREAM, m, rows, CRASH_ROWS, &missing);
    return rc == AL_OK && missing != 0 ? AL_EINTERNAL : rc;
}

/* Never returns: it is killed. */
static int
child(const char *dir, int pipe_fd, uint64_t scan, uint64_t batch)
{
    struct inventory_conf conf = {
        .port = port_native(), .dir = dir, .memory_bytes = 256u << 20, .threads = 2};
    struct inventory *inv = NULL;

    if (inventory_open(&conf, &inv, NULL) < 0 ||
        inventory_volume_make(inv, &own, VOLUME, 4096, NULL) < 0) {
        return 4;
    }
    for (;;) {
        tell(pipe_fd, 's', ++scan);
        if (crash_scan(inv, scan) < 0) {
            return 5;
        }
        tell(pipe_fd, 'S', scan);
        for (int i = 0; i < 3; i++) {
            tell(pipe_fd, 'b', ++batch);
            if (crash_outcomes(inv, batch) < 0) {
                return 6;
            }
            tell(pipe_fd, 'B', batch);
        }
    }
}

struct told {
    uint64_t scan_began, scan_done, batch_began, batch_done;
};

static void
read_told(int fd, struct told *t)
{
    struct {
        char what[8];
        uint64_t n;
    } m;

    while (read(fd, &m, sizeof(m)) == (ssize_t)sizeof(m)) {
        *(m.what[0] == 's'   ? &t->scan_began
          : m.what[0] == 'S' ? &t->scan_done
          : m.what[0] == 'b' ? &t->batch_began
                             : &t->batch_done) = m.n;
    }
}

struct looked {
    uint64_t files, size_min, size_max, told_files, access_min, access_max;
};

static int
look(void *ctx, const struct inventory_row *row)
{
    struct looked *l = ctx;

    l->files++;
    l->size_min = row->size < l->size_min ? row->size : l->size_min;
    l->size_max = row->size > l->size_max ? row->size : l->size_max;
    if (row->source == INVENTORY_BY_AUDIT) {
        l->told_files++;
        l->access_min =
            (uint64_t)row->accessed_ns < l->access_min ? (uint64_t)row->accessed_ns : l->access_min;
        l->access_max =
            (uint64_t)row->accessed_ns > l->access_max ? (uint64_t)row->accessed_ns : l->access_max;
    }
    return AL_OK;
}

static int
no_child(void *ctx, const struct inventory_folder *f)
{
    return AL_EINTERNAL;
}

/* The sums that are kept beside the entries are of the same moment. */
static void
check_sums(struct help *h, const struct looked *l, struct al_arena *arena)
{
    struct inventory_tree_query q = {.limit = 10};
    struct inventory_figures_query twins = {.want = INVENTORY_FIG_DUPLICATES, .now_ns = NOW_NS};
    struct inventory_figures f = {0};
    struct inventory_folder self;
    uint64_t total;

    TAP_OK(inventory_tree(h->inv, &own, VOLUME, &q, arena, &self, &total, no_child, NULL));
    TAP_EQUAL_U64(self.files, l->files);
    TAP_EQUAL_U64(self.bytes, l->files * l->size_min);
    TAP_EQUAL_U64(self.accessed_ns, l->told_files > 0 ? l->access_max : 1);
    TAP_OK(inventory_figures(h->inv, &own, VOLUME, &twins, arena, &f));
    TAP_EQUAL_U64(f.duplicate_count, 0);
    TAP_EQUAL_U64(f.totals.bytes, self.bytes);
}

/* Opens what the child left, checks it, and takes over where it stands. */
static void
check_left(struct help *h, struct told *t)
{
    struct looked l = {.size_min = UINT64_MAX, .access_min = UINT64_MAX};
    struct inventory_totals totals;
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = INVENTORY_PAGE_MAX};
    struct inventory_page page = {0};
    int rc;

    help_open(h);
    TAP_OK(inventory_volume_make(h->inv, &own, VOLUME, 4096,
                                 NULL)); /* the first child may have died before */
    TAP_OK(inventory_totals(h->inv, &own, VOLUME, &totals));
    if (totals.last_scan_ns == 0) {
        TAP_EQUAL_U64(t->scan_done, 0);
        TAP_EQUAL_U64(totals.files, 0);
        h->inv = inventory_close(h->inv);
        al_arena_free(arena);
        return;
    }
    do {
        q.cursor = page.next_cursor;
        rc = inventory_list(h->inv, &own, VOLUME, &q, look, &l, arena, &page, NULL);
        TAP_OK(rc);
    } while (page.next_cursor != NULL);
    check_sums(h, &l, arena);
    TAP_EQUAL_U64(l.files, CRASH_FILES);
    TAP_EQUAL_U64(totals.files, CRASH_FILES);
    TAP_EQUAL_U64(l.size_min, l.size_max);
    TAP_EQUAL_U64(l.size_min, (uint64_t)totals.last_scan_ns);
    TAP_CHECK(l.size_min >= t->scan_done && l.size_min <= t->scan_began);
    if (l.told_files > 0 || t->batch_done > 0) {
        TAP_EQUAL_U64(l.told_files, CRASH_ROWS);
        TAP_EQUAL_U64(l.access_min, l.access_max);
        TAP_CHECK(l.access_min >= t->batch_done && l.access_min <= t->batch_began);
        t->batch_done = l.access_min;
    }
    t->scan_done = l.size_min;
    h->inv = inventory_close(h->inv);
    al_arena_free(arena);
}

static uint64_t rounds = 15, seed = 7;
static char self[4096];

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void
run_and_kill(struct help *h, struct told *t, uint64_t after_us)
{
    char fd_text[16], scan_text[32], batch_text[32];
    int fds[2], status = 0;
    pid_t pid;

    TAP_CHECK(pipe(fds) == 0);
    snprintf(fd_text, sizeof(fd_text), "%d", fds[1]);
    /* A scan that was begun has a number that is used up. */
    snprintf(scan_text, sizeof(scan_text), "%llu", (unsigned long long)t->scan_began);
    snprintf(batch_text, sizeof(batch_text), "%llu", (unsigned long long)t->batch_done);
    pid = fork();
    TAP_CHECK(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        execl(self, self, "child", h->dir, fd_text, scan_text, batch_text, (char *)NULL);
        _exit(9);
    }
    close(fds[1]);
    usleep((useconds_t)after_us);
    kill(pid, SIGKILL);
    TAP_CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFSIGNALED(status)) {
        tap_fail(__FILE__, __LINE__, "the child ended by itself with %d", WEXITSTATUS(status));
    }
    read_told(fds[0], t);
    close(fds[0]);
}

static void
a_kill_at_any_moment_leaves_whole_changes(void)
{
    struct told t = {0};
    struct help h;

    snprintf(h.dir, sizeof(h.dir), "/tmp/alto-inventory-XXXXXX");
    TAP_CHECK(mkdtemp(h.dir) != NULL);
    /* A slow machine gets more rounds, and longer ones, until something was done before a kill. */
    for (uint64_t i = 0;
         i < rounds || (i < 10 * rounds && (t.scan_done == 0 || t.batch_done == 0)); i++) {
        run_and_kill(&h, &t, 1000 + draw((i % 3 == 0 ? 150000 : 700000) * (1 + i / rounds)));
        check_left(&h, &t);
    }
    printf("# at least %llu rounds: %llu scans and %llu batches done\n", (unsigned long long)rounds,
           (unsigned long long)t.scan_done, (unsigned long long)t.batch_done);
    TAP_CHECK(t.scan_done > 0 && t.batch_done > 0);
    help_open(&h);
    help_end(&h);
}

/* ---- at each step of changing files ---- */

/* A port that kills the process before or after its n-th change of a name or flush, from when it is armed. */
static int steps_left;

static void
step(void)
{
    if (steps_left > 0 && --steps_left == 0) {
        kill(getpid(), SIGKILL);
    }
}

static int
step_rename(struct port *p, struct port_file *a_in, const char *a, struct port_file *b_in,
            const char *b, bool replace)
{
    int rc;

    step();
    rc = port_native()->ops->rename(p, a_in, a, b_in, b, replace);
    step();
    return rc;
}

static int
step_unlink(struct port *p, struct port_file *in, const char *name)
{
    int rc;

    step();
    rc = port_native()->ops->unlink(p, in, name);
    step();
    return rc;
}

static int
step_sync(struct port *p, struct port_file *f, bool data_only)
{
    int rc;

    step();
    rc = port_native()->ops->sync(p, f, data_only);
    step();
    return rc;
}

/* A scan, outcomes that lie in the log, and a second scan, killed at the n-th step of its merge; 0 when there are
 * fewer. */
static int
merging_child(const char *dir, uint64_t scan, uint64_t batch, int n, bool increment)
{
    al_id id, first;
    struct port_ops ops = *port_native()->ops;
    struct port port = {&ops};
    struct inventory_conf conf = {
        .port = &port, .dir = dir, .memory_bytes = 256u << 20, .threads = 2};
    struct inventory *inv = NULL;

    ops.rename = step_rename;
    ops.unlink = step_unlink;
    ops.sync = step_sync;
    if (inventory_open(&conf, &inv, NULL) < 0 ||
        inventory_volume_make(inv, &own, VOLUME, 4096, NULL) < 0 || crash_scan(inv, scan) < 0 ||
        crash_outcomes(inv, batch) < 0 || crash_batches(inv, scan + 1) < 0) {
        return 4;
    }
    steps_left = n;
    id_of('s', scan, first);
    id_of('s', scan + 1, id);
    return (increment ? inventory_increment_end(inv, &own, VOLUME, id, first, (int64_t)scan + 1, NULL)
                      : crash_merge(inv, scan + 1)) < 0
               ? 5
               : 0;
}

static void
nothing_is_left_beside(struct help *h)
{
    static const char *const names[] = {".next", ".next.wal", ".ready", ".stage", ".stage.wal"};
    char path[256];

    for (size_t i = 0; i < AL_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/" VOLUME "%s", h->dir, names[i]);
        TAP_CHECK(access(path, F_OK) != 0);
    }
}

static void
kill_at_each_step(bool increment)
{
    struct told t = {0};
    struct help h;
    unsigned before = 0, after = 0;
    int status = -1;

    snprintf(h.dir, sizeof(h.dir), "/tmp/alto-inventory-XXXXXX");
    TAP_CHECK(mkdtemp(h.dir) != NULL);
    for (int n = 1; status != 0; n++) {
        pid_t pid;

        TAP_CHECK(n < 200);
        t.scan_began += 2;
        t.batch_began = t.batch_done + 1;
        t.batch_done = t.batch_began;
        pid = fork();
        TAP_CHECK(pid >= 0);
        if (pid == 0) {
            _exit(merging_child(h.dir, t.scan_began - 1, t.batch_began, n, increment));
        }
        TAP_CHECK(waitpid(pid, &status, 0) == pid);
        TAP_CHECK(status == 0 || WIFSIGNALED(status));
        t.scan_done = t.scan_began - 1;
        check_left(&h, &t);
        after += t.scan_done == t.scan_began;
        before += t.scan_done != t.scan_began;
        nothing_is_left_beside(&h);
    }
    printf("# %u kills before the change was made, %u behind it\n", before, after - 1);
    TAP_CHECK(before > 4 && after > 4);
    help_open(&h);
    help_end(&h);
}

static void
a_kill_at_each_step_of_a_merge_leaves_whole_changes(void)
{
    kill_at_each_step(false);
}

static void
a_kill_at_each_step_of_an_increments_merge_does_too(void)
{
    kill_at_each_step(true);
}

int
main(int argc, char **argv)
{
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (argc == 6 && strcmp(argv[1], "child") == 0) {
        return child(argv[2], atoi(argv[3]), strtoull(argv[4], NULL, 10),
                     strtoull(argv[5], NULL, 10));
    }
    if (len <= 0) {
        return 2;
    }
    rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : rounds;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : seed;
    TAP_RUN(a_kill_at_any_moment_leaves_whole_changes);
    TAP_RUN(a_kill_at_each_step_of_a_merge_leaves_whole_changes);
    TAP_RUN(a_kill_at_each_step_of_an_increments_merge_does_too);
    return tap_end();
}
