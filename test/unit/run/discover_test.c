/* What the agent finds of LucidLink filespaces, with a program that stands in for `lucid`: whatever it does, something comes of
 * it, and within the time limit. argv[1]: a folder to work in; argv[2]: the stand-in. */
#include "tap.h"

#include "../../lib/stand_in.h"
#include "agent/run/discover.h"
#include "base/mem.h"

static void
asked(struct discover_look *l, struct filespaces *f)
{
    *f = (struct filespaces){0};
    TAP_OK(discover_ask(l, f));
}

static void
the_program_is_asked_for_each_of_its_instances(void)
{
    struct discover_look l;
    struct filespaces f;

    says("list.txt", "INSTANCE ID  FILESPACE  PORT  MODE\n2001  shows.examplepost  8279  live\n501 old.example 7778 live\n7 gone.example 1 live\n");
    says("--instance_2001_status.txt", "Filespace: shows.examplepost\nMount point: /media/examplepost/shows\n");
    says("--instance_501_status.txt", "Mount point: /media/example/old\n");
    discover_look_begin(&l, port);
    asked(&l, &f);
    TAP_EQUAL_U64(f.count, 3);
    TAP_EQUAL_STR(f.at[0].path, "/media/examplepost/shows");
    TAP_EQUAL_STR(f.at[1].name, "old.example");
    TAP_EQUAL_STR(f.at[2].name, "gone.example");
    TAP_CHECK(f.at[2].path == NULL);
    TAP_EQUAL_STR(l.text, "status: ended with 3");
    filespaces_end(&f);
    discover_look_end(&l);
}

static void
one_that_hangs_floods_or_fails_is_told_of_and_costs_nothing_else(void)
{
    int64_t from = port_mono_ns(port);
    struct discover_look l;
    struct filespaces f;

    discover_look_begin(&l, port);
    says("--instance_2001_status.txt", "FLOOD\n");
    asked(&l, &f);
    TAP_EQUAL_U64(f.count, 3);
    TAP_EQUAL_STR(f.at[0].name, "shows.examplepost");
    TAP_CHECK(f.at[0].path == NULL && f.at[1].path == NULL); /* it is not asked again */
    TAP_EQUAL_STR(l.text, "status: limit");
    filespaces_end(&f);
    says("list.txt", "EXIT 1\n");
    asked(&l, &f);
    TAP_CHECK(f.count == 0);
    TAP_EQUAL_STR(l.text, "list: ended with 1");
    says("list.txt", "HANG\n");
    asked(&l, &f);
    TAP_CHECK(f.count == 0);
    TAP_EQUAL_STR(l.text, "list: timed_out");
    TAP_CHECK(port_mono_ns(port) - from < 3 * DISCOVER_CHILD_NS);
    discover_look_end(&l);
}

static void
without_the_program_that_is_said(void)
{
    static char nowhere[] = "PATH=/nowhere-at-all";
    struct discover_look l;
    struct filespaces f;

    putenv(nowhere);
    discover_look_begin(&l, port);
    asked(&l, &f);
    TAP_CHECK(f.count == 0 && l.program.len == 0);
    TAP_EQUAL_STR(l.text, "there is no program lucid in PATH");
    discover_look_end(&l);
}

static void
logs_are_seen_at_the_root_of_a_mount(void)
{
    char path[700];

    TAP_CHECK(discover_logs(port, base) == FILESPACE_LOGS_ABSENT);
    TAP_CHECK(discover_logs(port, "/not/there/at/all") == FILESPACE_LOGS_ABSENT);
    snprintf(path, sizeof(path), "%s/.lucid_audit", base);
    TAP_OK(port_mkdirs(port, path, 0700));
    TAP_CHECK(discover_logs(port, base) == FILESPACE_LOGS_PRESENT);
}

static void
the_host_s_own_mounts_can_be_read(void)
{
    struct filespaces f = {0};

    TAP_OK(discover_mounts(&f));
    for (size_t i = 0; i < f.count; i++) {
        printf("# %s: %s from %s\n", f.at[i].path, f.at[i].type, f.at[i].source != NULL ? f.at[i].source : "");
    }
    filespaces_end(&f);
}

int
main(int argc, char **argv)
{
    if (!stand_in_begin(argc, argv, "lucid", "")) {
        return 1;
    }
    TAP_RUN(the_program_is_asked_for_each_of_its_instances);
    TAP_RUN(one_that_hangs_floods_or_fails_is_told_of_and_costs_nothing_else);
    TAP_RUN(without_the_program_that_is_said);
    TAP_RUN(logs_are_seen_at_the_root_of_a_mount);
    TAP_RUN(the_host_s_own_mounts_can_be_read);
    return tap_end();
}
