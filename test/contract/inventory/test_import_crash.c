/* kill -9 in the middle of imports, and a disk that becomes full. List n gives every file the size n, so one look tells whether an
 * import is in whole, or in part. */
#include "help.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "server/inventory/import.h"

#define FILES 60000u
#define ROUNDS 12u

static void
id_of(uint64_t n, al_id out)
{
    snprintf(out, sizeof(al_id), "01hm%022llu", (unsigned long long)n);
}

static bool
write_list(const char *path, uint64_t n)
{
    FILE *f = fopen(path, "w");

    if (f == NULL) {
        return false;
    }
    fprintf(f, "path,size,type\n");
    for (unsigned i = 0; i < FILES; i++) {
        fprintf(f, "/srv/d%u/a file of some length %u.txt,%llu,f\n", i / 50, i,
                (unsigned long long)n);
    }
    return fclose(f) == 0;
}

static int
import_as(struct inventory *inv, const char *dir, uint64_t n, uint64_t as, struct al_fail *fail)
{
    char list[128], refused[128];
    al_id id;

    id_of(as, id);
    snprintf(list, sizeof(list), "%s/list%llu", dir, (unsigned long long)n);
    snprintf(refused, sizeof(refused), "%s/refused", dir);
    return inventory_import_run(inv, &own, VOLUME, id, list,
                                &(struct import_options){.root = sp("/srv")}, refused, NOW_NS, NULL,
                                NULL, NULL, fail);
}

static int
import(struct inventory *inv, const char *dir, uint64_t n, struct al_fail *fail)
{
    return import_as(inv, dir, n, n, fail);
}

struct told {
    uint64_t began, done;
};

/* Never returns: it is killed. */
static int
child(const char *dir, int pipe_fd, uint64_t n)
{
    struct inventory_conf conf = {
        .port = port_native(), .dir = dir, .memory_bytes = 256u << 20, .threads = 2};
    struct inventory *inv = NULL;

    if (inventory_open(&conf, &inv, NULL) < 0 ||
        inventory_volume_make(inv, &own, VOLUME, 4096, NULL) < 0) {
        return 4;
    }
    for (;; n++) {
        char list[128];
        struct told t = {n, n - 1};

        snprintf(list, sizeof(list), "%s/list%llu", dir, (unsigned long long)n);
        if (!write_list(list, n) || write(pipe_fd, &t, sizeof(t)) != (ssize_t)sizeof(t) ||
            import(inv, dir, n, NULL) < 0) {
            return 5;
        }
        t.done = n;
        if (write(pipe_fd, &t, sizeof(t)) != (ssize_t)sizeof(t)) {
            return 6;
        }
    }
}

struct sizes {
    uint64_t least, most, files;
};

static int
add_size(void *ctx, const struct inventory_row *row)
{
    struct sizes *s = ctx;

    s->least = s->files == 0 || row->size < s->least ? row->size : s->least;
    s->most = row->size > s->most ? row->size : s->most;
    s->files++;
    return AL_OK;
}

/* With pages of another length each time, so that no page comes from the cache. */
static struct sizes
sizes_of(struct help *h)
{
    static size_t limit = INVENTORY_PAGE_MAX;
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_list_query q = {
        .recursive = true, .files_only = true, .state = -1, .limit = limit--};
    struct inventory_page page = {0};
    struct sizes s = {0};

    do {
        TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, add_size, &s, arena, &page, NULL));
        q.cursor = page.next_cursor;
    } while (page.next_cursor != NULL);
    al_arena_free(arena);
    return s;
}

static void
a_kill_leaves_the_volume_as_before_or_after(void)
{
    struct help h;
    struct told last = {0};
    unsigned seed = (unsigned)time(NULL), undone = 0;

    help_begin(&h);
    printf("# seed %u\n", seed);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct told t;
        struct sizes s;
        int fds[2], status = 0;
        pid_t pid;

        h.inv = inventory_close(h.inv);
        TAP_CHECK(pipe(fds) == 0);
        pid = fork();
        TAP_CHECK(pid >= 0);
        if (pid == 0) {
            _exit(child(h.dir, fds[1], last.done + 1));
        }
        close(fds[1]);
        usleep(300000 + (useconds_t)(rand_r(&seed) % 2500000));
        kill(pid, SIGKILL);
        TAP_CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        while (read(fds[0], &t, sizeof(t)) == (ssize_t)sizeof(t)) {
            last = t;
        }
        close(fds[0]);
        help_open(&h);
        s = sizes_of(&h);
        TAP_CHECK(s.files == (s.most == 0 ? 0 : FILES) && s.least == s.most);
        TAP_CHECK(s.most == last.done || s.most == last.began);
        undone += s.most != last.began;
        /* What was told as begun can be run again, and is in once. */
        if (s.most != last.began && last.began > 0) {
            struct al_fail fail = {0};
            int rc = import(h.inv, h.dir, last.began, &fail);

            if (rc != AL_OK) {
                tap_fail(__FILE__, __LINE__, "after the kill: %d: %s", rc, fail.text);
            }
            s = sizes_of(&h);
        }
        TAP_CHECK(s.least == last.began && s.most == last.began &&
                  (last.began == 0 || s.files == FILES));
        last.done = last.began;
    }
    printf("# %llu imports, %u were cut and undone\n", (unsigned long long)last.done, undone);
    help_end(&h);
}

/* With ever more room, until an import goes through: whatever it was that had no room, the same process goes on. */
static void
fill_up(struct help *h, unsigned tries)
{
    char filler[128];
    struct al_fail fail;
    struct sizes s;
    int rc = AL_EIO;

    snprintf(filler, sizeof(filler), "%s/filler", h->dir);
    for (unsigned i = 1; i <= tries && rc < 0; i++) {
        struct stat st;

        TAP_CHECK(stat(filler, &st) == 0);
        TAP_CHECK(truncate(filler, st.st_size > (1 << 21) ? st.st_size - (1 << 21) : 0) == 0);
        rc = import_as(h->inv, h->dir, 1, 1000 + i, &fail);
        TAP_CHECK(rc == AL_OK || rc == AL_ENOSPC || rc == AL_EIO);
        s = sizes_of(h);
        TAP_CHECK(s.files == FILES && s.least == 1 && s.most == 1);
    }
    TAP_OK(rc);
}

static void
a_full_disk_changes_nothing(void)
{
    struct help h = {0};
    struct inventory *before;
    struct al_fail fail = {0};
    struct sizes s;
    char list[128];
    int rc;

    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        tap_skip("needs root");
    }
    snprintf(h.dir, sizeof(h.dir), "/tmp/alto-inventory-XXXXXX");
    TAP_CHECK(mkdtemp(h.dir) != NULL && mount("full", h.dir, "tmpfs", 0, "size=40m") == 0);
    help_open(&h);
    TAP_OK(inventory_volume_make(h.inv, &own, VOLUME, 4096, NULL));
    snprintf(list, sizeof(list), "%s/list1", h.dir);
    TAP_CHECK(write_list(list, 1));
    TAP_OK(import(h.inv, h.dir, 1, &fail));
    s = sizes_of(&h);
    TAP_CHECK(s.files == FILES && s.least == 1 && s.most == 1);
    snprintf(list, sizeof(list), "%s/filler", h.dir);
    {
        FILE *f = fopen(list, "w");
        static char block[4096] = {1};

        while (fwrite(block, sizeof(block), 1, f) == 1 && fflush(f) == 0) {
        }
        (void)fclose(f); /* the disk is full: that was the point */
    }
    snprintf(list, sizeof(list), "%s/list1", h.dir);
    before = h.inv;
    {
        /* The same list under another identifier, on a full disk. */
        char refused[128];

        snprintf(refused, sizeof(refused), "%s/refused", h.dir);
        rc = inventory_import_run(before, &own, VOLUME, "01hm0000000000000000009999", list, NULL,
                                  refused, NOW_NS, NULL, NULL, NULL, &fail);
    }
    TAP_CHECK(rc == AL_ENOSPC || rc == AL_EIO);
    s = sizes_of(&h);
    TAP_CHECK(s.files == FILES && s.least == 1 && s.most == 1);
    fill_up(&h, 64);
    h.inv = inventory_close(h.inv);
    snprintf(list, sizeof(list), "%s/filler", h.dir);
    TAP_CHECK(unlink(list) == 0);
    help_open(&h);
    s = sizes_of(&h);
    TAP_CHECK(s.files == FILES && s.least == 1 && s.most == 1);
    h.inv = inventory_close(h.inv);
    TAP_CHECK(umount(h.dir) == 0 && rmdir(h.dir) == 0);
}

int
main(void)
{
    TAP_RUN(a_kill_leaves_the_volume_as_before_or_after);
    TAP_RUN(a_full_disk_changes_nothing);
    return tap_end();
}
