/* kill -9 while rows of audit logs come: batch m moves the folder "/d<m-1>" with its files to "/d<m>", says that each of them
 * was used then, and makes "/new<m>". Whatever moment: what is there is whole, and of a batch that was told as
 * done or of the one after it. */
#include "help.h"

#include "server/inventory/access.h"
#include "server/inventory/figures.h"

#include <signal.h>
#include <sys/wait.h>

#define FILES 200
#define T(m) (NOW_NS - 30 * DAY_NS + (int64_t)(m)*10 * SECOND_NS)

static char self[4096];
static uint64_t seed = 11;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static int
batch(struct inventory *inv, uint64_t m)
{
    struct inventory_access rows[FILES + 2];
    char names[FILES + 4][64];

    snprintf(names[FILES], 64, "/d%llu", (unsigned long long)(m - 1));
    snprintf(names[FILES + 1], 64, "/d%llu", (unsigned long long)m);
    snprintf(names[FILES + 2], 64, "/sub/new%llu", (unsigned long long)m);
    rows[0] = (struct inventory_access){.kind = INVENTORY_ACCESS_MOVE,
                                        .path = sp(names[FILES]),
                                        .target = sp(names[FILES + 1]),
                                        .time_ns = T(m)};
    rows[1] = (struct inventory_access){.kind = INVENTORY_ACCESS_CREATE,
                                        .path = sp(names[FILES + 2]),
                                        .time_ns = T(m) + 1,
                                        .has_stat = true,
                                        .type = PORT_T_FILE,
                                        .size = 10};
    for (int i = 0; i < FILES; i++) {
        snprintf(names[i], 64, "/d%llu/f%d", (unsigned long long)m, i);
        rows[2 + i] = (struct inventory_access){
            .kind = INVENTORY_ACCESS_USED, .path = sp(names[i]), .time_ns = T(m) + 2, .reads = 1};
    }
    return inventory_access_apply(inv, &own, VOLUME, STREAM, m, rows, FILES + 2, NOW_NS, NULL);
}

/* Never returns: it is killed. */
static int
child(const char *dir, int fd, uint64_t m)
{
    struct inventory_conf conf = {
        .port = port_native(), .dir = dir, .memory_bytes = 256u << 20, .threads = 2};
    struct inventory *inv = NULL;

    if (inventory_open(&conf, &inv, NULL) < 0) {
        return 4;
    }
    for (;;) {
        m++;
        if (batch(inv, m) < 0) {
            return 5;
        }
        if (write(fd, &m, sizeof(m)) != (ssize_t)sizeof(m)) {
            return 3;
        }
    }
}

static void
first_scan(struct help *h)
{
    struct scan s;

    scan_begin(&s, h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    scan_folder(&s, 2, 1, "d0", 0);
    for (int i = 0; i < FILES; i++) {
        char name[32];

        snprintf(name, sizeof(name), "f%d", i);
        scan_file(&s, 2, name, 100, 1);
    }
    (void)scan_end(&s);
}

struct looked {
    uint64_t files, news, at;
    bool wrong;
};

static int
look(void *ctx, const struct inventory_row *row)
{
    struct looked *l = ctx;
    unsigned long long m = 0;
    int file = -1;
    char path[64];

    snprintf(path, sizeof(path), "%.*s", (int)row->path.len, (const char *)row->path.at);
    if (row->type == PORT_T_FOLDER) {
        return AL_OK;
    }
    if (sscanf(path, "/d%llu/f%d", &m, &file) == 2) {
        l->wrong |= l->files > 0 && l->at != m;
        l->wrong |= m > 0 && row->accessed_ns != T(m) + 2;
        l->at = m;
        l->files++;
    } else {
        l->news++;
    }
    return AL_OK;
}

static int
no_child(void *ctx, const struct inventory_folder *f)
{
    return AL_OK;
}

static void
check_left(struct help *h, uint64_t done, uint64_t *ret_at)
{
    struct looked l = {0};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = INVENTORY_PAGE_MAX};
    struct inventory_tree_query tree = {.limit = 10};
    struct inventory_folder all;
    struct inventory_page page = {0};
    uint64_t total;

    help_open(h);
    do {
        q.cursor = page.next_cursor;
        TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, look, &l, arena, &page, NULL));
    } while (page.next_cursor != NULL);
    TAP_CHECK(!l.wrong);
    TAP_EQUAL_U64(l.files, FILES);
    TAP_EQUAL_U64(l.news, l.at);
    TAP_CHECK(l.at == done || l.at == done + 1);
    TAP_OK(inventory_tree(h->inv, &own, VOLUME, &tree, arena, &all, &total, no_child, NULL));
    TAP_EQUAL_U64(all.files, FILES + l.at);
    TAP_EQUAL_U64(all.bytes, FILES * 100 + l.at * 10);
    h->inv = inventory_close(h->inv);
    al_arena_free(arena);
    *ret_at = l.at;
}

static uint64_t
run_and_kill(struct help *h, uint64_t at, uint64_t after_us)
{
    char fd_text[16], at_text[32];
    uint64_t done = at, m;
    int fds[2], status = 0;
    pid_t pid;

    TAP_CHECK(pipe(fds) == 0);
    snprintf(fd_text, sizeof(fd_text), "%d", fds[1]);
    snprintf(at_text, sizeof(at_text), "%llu", (unsigned long long)at);
    pid = fork();
    TAP_CHECK(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        execl(self, self, "child", h->dir, fd_text, at_text, (char *)NULL);
        _exit(9);
    }
    close(fds[1]);
    usleep((useconds_t)after_us);
    kill(pid, SIGKILL);
    TAP_CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFSIGNALED(status)) {
        tap_fail(__FILE__, __LINE__, "the child ended by itself with %d", WEXITSTATUS(status));
    }
    while (read(fds[0], &m, sizeof(m)) == (ssize_t)sizeof(m)) {
        done = m;
    }
    close(fds[0]);
    return done;
}

static void
a_kill_leaves_whole_batches(void)
{
    struct inventory_coverage c = {.audited = true, .live = true, .since_ns = 1, .told_ns = NOW_NS};
    struct help h;
    uint64_t at = 0, rounds = 12;

    help_begin(&h);
    TAP_OK(inventory_coverage_set(h.inv, &own, VOLUME, &c));
    first_scan(&h);
    h.inv = inventory_close(h.inv);
    for (uint64_t i = 0; i < rounds || (i < 10 * rounds && at == 0); i++) {
        uint64_t done = run_and_kill(&h, at, 20000 + draw(500000 * (1 + i / rounds)));

        check_left(&h, done, &at);
    }
    printf("# %llu batches\n", (unsigned long long)at);
    TAP_CHECK(at > 0);
    help_open(&h);
    help_end(&h);
}

int
main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "child") == 0) {
        return child(argv[2], atoi(argv[3]), strtoull(argv[4], NULL, 10));
    }
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0) {
        return 1;
    }
    TAP_RUN(a_kill_leaves_whole_batches);
    return tap_end();
}
