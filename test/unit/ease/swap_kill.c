/* swap_kill.c: kill -9 in the middle of exchanges on real files. A child tiers, brings back and adopts the same few files again and
 * again; the parent kills it at any moment, starts anew, heals, and looks: every file is whole or a stub that reads right, nothing
 * of Alto's own is left, no intent is open. usage: ease_swap_kill a DLL [KILLS]; the child: a DLL child ROOT SEED */
#include "swap_world.h"

#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

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

/* The child says that it works by making this file. */
static void
works(const char *root)
{
    struct port_file *f = NULL;
    char path[WORLD_PATH + 20];

    world_join(path, sizeof(path), root, "works");
    if (port_open(w.port, NULL, path, PORT_WRITE | PORT_CREATE, 0600, &f) == AL_OK) {
        port_close_quiet(w.port, &f);
    }
}

/* Nothing is looked at here: who is killed tells nothing. */
static _Noreturn void
child(const char *root, uint64_t seed)
{
    uint64_t n = 0;

    world_make_at(&w, dll, flavour_b, root);
    world_start(&w);
    swap_open();
    works(root);
    for (;;) {
        char name[20];
        uint64_t r = world_word(seed, n++);

        name_of((unsigned)(r % FILES), name);
        (void)swap_move(name, swap_is_stub(name) ? MOVER_BACK : MOVER_TIER);
    }
}

/* Until it works, and then for any part of its life. */
static void
let_live(const char *root, uint64_t seed)
{
    struct port *p = port_native();
    struct port_stat st;
    char path[WORLD_PATH + 20];

    world_join(path, sizeof(path), root, "works");
    for (int i = 0; i < 30000 && port_stat_at(p, NULL, path, &st) != AL_OK; i++) {
        port_sleep_ns(p, 1000000);
    }
    port_sleep_ns(p, (int64_t)(world_word(seed, 99) % (1000u * LIFE_MS)) * 1000);
    TAP_OK(port_unlink(p, NULL, path));
}

#ifdef _WIN32

static void
kill_one(const char *root, uint64_t seed)
{
    STARTUPINFOA start = {.cb = sizeof(start)};
    PROCESS_INFORMATION child_process;
    char line[4 * WORLD_PATH];

    (void)snprintf(line, sizeof(line), "\"%s\" a \"%s\" child \"%s\" %llu", program, dll, root, (unsigned long long)seed);
    TAP_CHECK(CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &child_process));
    let_live(root, seed);
    TAP_CHECK(TerminateProcess(child_process.hProcess, 9));
    TAP_CHECK(WaitForSingleObject(child_process.hProcess, 10000) == WAIT_OBJECT_0);
    (void)CloseHandle(child_process.hThread);
    (void)CloseHandle(child_process.hProcess);
}

#else

static void
kill_one(const char *root, uint64_t seed)
{
    char number[30];
    pid_t pid;

    (void)snprintf(number, sizeof(number), "%" PRIu64, seed);
    pid = fork();
    TAP_CHECK(pid >= 0);
    if (pid == 0) {
        (void)execl(program, program, "a", dll, "child", root, number, (char *)NULL);
        _exit(127);
    }
    let_live(root, seed);
    TAP_CHECK(kill(pid, SIGKILL) == 0);
    TAP_CHECK(waitpid(pid, NULL, 0) == pid);
}

#endif

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
