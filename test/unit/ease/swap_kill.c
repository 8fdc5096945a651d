/* swap_kill.c: kill -9 in the middle of exchanges on real files. A child tiers, brings back and adopts the same few files again and
 * again; the parent kills it at any moment, starts anew, heals, and looks: every file is whole or a stub that reads right, nothing
 * of Alto's own is left, no intent is open. usage: ease_swap_kill a DLL [KILLS]; the child: a DLL child ROOT SEED */
#include "swap_world.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES 6u
#define SIZE 300000u /* two pieces and a part have their own test; here time counts */
#define LIFE_MS 60u  /* a child's, at most, once it works */

static const char *program;
static unsigned kills = 25;

static void
name_of(unsigned n, char to[20])
{
    (void)snprintf(to, 20, "f%u.mov", n);
}

/* Nothing is looked at here: who is killed tells nothing. */
static _Noreturn void
child(const char *root, uint64_t seed)
{
    uint64_t n = 0;

    world_make_at(&w, dll, flavour_b, root);
    world_start(&w);
    swap_open();
    printf("works\n");
    fflush(stdout);
    for (;;) {
        char name[20];
        uint64_t r = world_word(seed, n++);

        name_of((unsigned)(r % FILES), name);
        (void)swap_move(name, swap_is_stub(name) ? MOVER_BACK : MOVER_TIER);
    }
}

static void
kill_one(const char *root, uint64_t seed)
{
    char number[30], line[64];
    int fds[2];
    FILE *from;
    pid_t pid;

    (void)snprintf(number, sizeof(number), "%" PRIu64, seed);
    TAP_CHECK(pipe(fds) == 0);
    pid = fork();
    TAP_CHECK(pid >= 0);
    if (pid == 0) {
        (void)dup2(fds[1], 1);
        (void)close(fds[0]);
        (void)close(fds[1]);
        (void)execl(program, program, "a", dll, "child", root, number, (char *)NULL);
        _exit(127);
    }
    (void)close(fds[1]);
    from = fdopen(fds[0], "r");
    while (fgets(line, sizeof(line), from) != NULL && strcmp(line, "works\n") != 0) {
        printf("# child: %s", line);
    }
    (void)usleep((useconds_t)(world_word(seed, 99) % (1000u * LIFE_MS)));
    TAP_CHECK(kill(pid, SIGKILL) == 0);
    TAP_CHECK(waitpid(pid, NULL, 0) == pid);
    (void)fclose(from);
}

static unsigned healed, undone, finished;

static void
heal_and_look(const char *root)
{
    struct reconcile_env env;
    struct reconcile_counts counts = {0};
    struct port_stat st;

    world_make_at(&w, dll, flavour_b, root);
    world_start(&w);
    swap_open();
    env = swap_reconcile_env();
    TAP_OK(reconcile_found(&env, &counts));
    TAP_EQUAL_U64(counts.later, 0);
    healed += (unsigned)counts.intents;
    undone += (unsigned)counts.put_back_as_was;
    finished += (unsigned)(counts.stubs_finished + counts.reported);
    TAP_EQUAL_U64(swap_left(), 0);
    for (unsigned i = 0; i < FILES; i++) {
        char name[20];

        name_of(i, name);
        TAP_OK(port_stat_at(w.port, s.root, name, &st));
        TAP_EQUAL_U64(st.size, SIZE);
        TAP_CHECK(st.mtime_ns == 1500000000987654300);
        TAP_CHECK(swap_reads(name, SIZE, i + 1));
    }
    world_counts(&w);
    swap_close();
    world_stop(&w);
    (void)port_library_close(w.library);
    port_mutex_end(&w.log_lock);
}

static void
kills_leave_a_file_or_a_stub(void)
{
    char root[WORLD_PATH];

    world_make(&w, dll, flavour_b);
    (void)snprintf(root, sizeof(root), "%s", w.root);
    world_start(&w);
    swap_open();
    for (unsigned i = 0; i < FILES; i++) {
        char name[20];

        name_of(i, name);
        swap_file(name, SIZE, i + 1);
    }
    swap_close();
    world_stop(&w);
    (void)port_library_close(w.library);
    for (unsigned i = 0; i < kills; i++) {
        kill_one(root, i + 1);
        heal_and_look(root);
    }
    printf("# %u kills, %u intents healed: %u undone, %u finished or reported\n", kills, healed, undone, finished);
    world_make_at(&w, dll, flavour_b, root);
    world_end(&w);
}

int
main(int argc, char **argv)
{
    if (!test_args(argc, argv)) {
        return 2;
    }
    program = argv[0];
    if (argc > 5 && strcmp(argv[3], "child") == 0) {
        child(argv[4], strtoull(argv[5], NULL, 10));
    }
    kills = argc > 3 ? (unsigned)atoi(argv[3]) : kills;
    TAP_RUN(kills_leave_a_file_or_a_stub);
    return tap_end();
}
