/* Another program is asked: what it says comes whole or not at all, and nobody waits for one that hangs. argv[1]: a folder to
 * work in; argv[2]: the stand-in (test/lib/stand_in.c). */
#include "tap.h"

#include "../../lib/stand_in.h"
#include "base/mem.h"
#include "port/ask.h"

#define SECOND INT64_C(1000000000)

static char program[700];

static int
ask(struct port_child *c, int64_t timeout_ns, const char *arg, struct al_buf *to, int *ret_status)
{
    const char *args[] = {arg};

    return port_child_run(c, &(struct port_child_conf){.program = program, .args = args, .arg_count = 1, .timeout_ns = timeout_ns}, to,
                          ret_status);
}

static void
a_program_of_the_path_is_found_and_its_words_come_whole(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf at = {.max = 4096};
    AL_CLEANUP(al_buf_free) struct al_buf said = {.max = 1u << 20};
    AL_CLEANUP(al_freep) char *long_text = al_zalloc(300001);
    struct port_child c = {0};
    int status = -1;

    TAP_OK(port_program_find("lucid-of-a-test", &at));
    TAP_EQUAL_STR((const char *)at.at, program);
    al_buf_clear(&at);
    TAP_CODE(port_program_find("no-such-program-anywhere", &at), AL_ENOENT);
    says("short.txt", "INSTANCE ID\n");
    TAP_OK(ask(&c, 20 * SECOND, "short", &said, &status));
    TAP_CHECK(status == 0 && said.len >= 12 && memcmp(said.at, "INSTANCE ID", 11) == 0);
    memset(long_text, 'x', 300000);
    put("long.txt", long_text, 300000, 0644);
    al_buf_clear(&said);
    TAP_OK(ask(&c, 20 * SECOND, "long", &said, &status));
    TAP_EQUAL_U64(said.len, 300000);
    al_buf_clear(&said);
    TAP_OK(ask(&c, 20 * SECOND, "nothing", &said, &status));
    TAP_CHECK(status == 3 && said.len == 0);
    says("seven.txt", "EXIT 7\n");
    TAP_OK(ask(&c, 20 * SECOND, "seven", &said, &status));
    TAP_CHECK(status == 7 && c.left == 0);
}

static void
one_that_hangs_or_never_stops_talking_costs_the_time_limit_alone(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf said = {.max = 100000};
    int64_t from = port_mono_ns(port), took;
    struct port_child c = {0};
    int status = -1;

    says("hang.txt", "HANG\n");
    TAP_CODE(ask(&c, SECOND, "hang", &said, &status), AL_ETIMEDOUT);
    took = port_mono_ns(port) - from;
    TAP_CHECK(took >= SECOND * 9 / 10 && took < 20 * SECOND);
    TAP_EQUAL_U64((uint64_t)c.left, 0);
    says("flood.txt", "FLOOD\n");
    TAP_CODE(ask(&c, 60 * SECOND, "flood", &said, &status), AL_ELIMIT);
    TAP_EQUAL_U64(said.len, 0);
    TAP_CHECK(port_mono_ns(port) - from < 60 * SECOND);
    says("after.txt", "fine\n");
    said = (struct al_buf){.max = 100};
    TAP_OK(ask(&c, 20 * SECOND, "after", &said, &status));
    TAP_CHECK(status == 0 && said.len >= 5);
}

static void
what_is_no_plain_argument_or_no_program_is_refused(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf said = {.max = 100};
    struct port_child c = {0};
    int status = 0;

    TAP_CODE(ask(&c, SECOND, "a b", &said, &status), AL_EINVAL);
    TAP_CODE(ask(&c, SECOND, "", &said, &status), AL_EINVAL);
    TAP_CODE(ask(&c, SECOND, "\"", &said, &status), AL_EINVAL);
    snprintf(program, sizeof(program), "%s/short.txt", base);
    TAP_CHECK(ask(&c, SECOND, "a", &said, &status) != AL_OK);
}

static void
the_table_of_mounts_is_there_where_the_system_has_one(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf table = {.max = PORT_MOUNTS_MAX};
    int rc = port_mounts(&table);

#if defined(_WIN32)
    TAP_CODE(rc, AL_ENOTSUP);
#else
    TAP_OK(rc);
    TAP_CHECK(table.len > 0 && strstr((const char *)table.at, " / / ") != NULL);
#endif
}

int
main(int argc, char **argv)
{
    if (!stand_in_begin(argc, argv, "lucid-of-a-test", "relative" SEPARATOR SEPARATOR)) {
        return 1;
    }
    snprintf(program, sizeof(program), "%s/lucid-of-a-test" SUFFIX, base);
    TAP_RUN(a_program_of_the_path_is_found_and_its_words_come_whole);
    TAP_RUN(one_that_hangs_or_never_stops_talking_costs_the_time_limit_alone);
    TAP_RUN(what_is_no_plain_argument_or_no_program_is_refused);
    TAP_RUN(the_table_of_mounts_is_there_where_the_system_has_one);
    return tap_end();
}
