/* The lines of an agent's batch: what is read, what is refused, and that a bad line never stops the
 * ones around it. */
#include "server/service/agent/intake.h"

#include "base/mem.h"
#include "tap.h"

#define VOLUME "01j0000000000000000000000v"
#define JOB "01j0000000000000000000000j"

static struct al_arena *arena;

static struct intake_batch
parse(const char *text)
{
    struct intake_batch b = {0};

    al_arena_reset(arena);
    TAP_OK(intake_parse(al_span_of(text), arena, &b, NULL));
    return b;
}

static const char *
why(const char *line)
{
    struct intake_batch b = parse(line);

    TAP_EQUAL_U64(b.count, 1);
    TAP_CHECK(b.records[0].kind == INTAKE_REJECTED);
    return b.records[0].why;
}

static void
test_every_field_of_an_outcome_arrives(void)
{
    struct intake_batch b =
        parse("{\"t\":\"outcome\",\"act\":\"recall\",\"code\":\"ok\",\"reason\":\"r\",\"text\":"
              "\"t\",\"volume_id\":\"" VOLUME "\",\"share_id\":null,\"job_id\":\"" JOB
              "\",\"path\":\"/a/b\",\"ino\":7,\"object_id\":\"" JOB
              "\",\"size\":10,\"freed\":4096,\"began_ns\":1,\"ended_ns\":2,\"mtime_ns\":-3,\"pid\":"
              "4,\"uid\":5,"
              "\"process\":\"cat\"}\n");
    const struct intake_record *r = &b.records[0];

    TAP_EQUAL_U64(b.count, 1);
    TAP_CHECK(r->kind == INTAKE_OUTCOME && r->act == INTAKE_A_RECALL);
    TAP_EQUAL_U64((uint64_t)-r->code, 0);
    TAP_EQUAL_STR(r->volume_id, VOLUME);
    TAP_CHECK(r->share_id == NULL);
    TAP_EQUAL_STR(r->job_id, JOB);
    TAP_EQUAL_STR(r->object_id, JOB);
    TAP_CHECK(al_span_equal(r->path, al_span_of("a/b")));
    TAP_EQUAL_STR(r->process, "cat");
    TAP_CHECK(r->ino == 7 && r->size == 10 && r->freed == 4096 && r->pid == 4 && r->uid == 5);
    TAP_CHECK(r->began_ns == 1 && r->ended_ns == 2 && r->mtime_ns == -3);
}

static void
test_path_bytes_that_are_no_utf8_come_whole(void)
{
    struct intake_batch b =
        parse("{\"t\":\"outcome\",\"act\":\"refuse\",\"code\":\"ok\",\"volume_id\":\"" VOLUME
              "\",\"path\":\"a\\ufffd\",\"path_b64\":\"Yf8=\"}");

    TAP_CHECK(b.records[0].kind == INTAKE_OUTCOME);
    TAP_CHECK(b.records[0].path.len == 2 && b.records[0].path.at[1] == 0xff);
}

static void
test_a_bad_line_is_rejected_and_the_others_stay(void)
{
    struct intake_batch b = parse("{\"t\":\"work_end\",\"work_id\":\"" JOB "\",\"code\":\"ok\"}\n"
                                  "{\"t\":\"work_end\",\n"
                                  "\n"
                                  "{\"t\":\"progress\",\"work_id\":\"" JOB "\",\"files\":3}\n");

    TAP_EQUAL_U64(b.count, 3);
    TAP_CHECK(b.records[0].kind == INTAKE_WORK_END);
    TAP_CHECK(b.records[1].kind == INTAKE_REJECTED);
    TAP_CHECK(al_span_equal(b.records[1].line, al_span_of("{\"t\":\"work_end\",")));
    TAP_CHECK(b.records[2].kind == INTAKE_PROGRESS && b.records[2].files == 3);
}

static void
test_each_kind_of_bad_record_is_named(void)
{
    TAP_EQUAL_STR(why("{}"), "\"t\" is missing");
    TAP_EQUAL_STR(why("{\"t\":\"x\"}"), "a record of an unknown kind");
    TAP_EQUAL_STR(why("{\"t\":\"work_end\",\"code\":\"ok\"}"), "a work's record without the work");
    TAP_EQUAL_STR(why("{\"t\":\"progress\",\"work_id\":\"zz\"}"), "an identifier is malformed");
    TAP_EQUAL_STR(why("{\"t\":\"progress\",\"work_id\":\"" JOB "\",\"files\":-1}"),
                  "a number is out of range");
    TAP_EQUAL_STR(why("{\"t\":\"progress\",\"work_id\":\"" JOB "\",\"files\":1.5}"),
                  "a number is no integer");
    TAP_EQUAL_STR(why("{\"t\":\"outcome\",\"act\":\"tier\",\"code\":\"ok\",\"volume_id\":\"" VOLUME
                      "\",\"path\":\"a/../b\"}"),
                  "the path leaves the volume or is malformed");
    TAP_EQUAL_STR(why("{\"t\":\"outcome\",\"act\":\"tier\",\"code\":\"ok\",\"path\":\"a\"}"),
                  "a file's outcome without volume or path");
    TAP_EQUAL_STR(
        why("{\"t\":\"outcome\",\"act\":\"tier\",\"volume_id\":\"" VOLUME "\",\"path\":\"a\"}"),
        "\"code\" is missing");
    TAP_EQUAL_STR(why("[1]"), "the line is no JSON object, or too long or too deep");
}

static void
test_paths_that_leave_the_volume_are_no_paths(void)
{
    TAP_CHECK(intake_path_ok(al_span_of("")));
    TAP_CHECK(intake_path_ok(al_span_of("a/...b/..c")));
    TAP_CHECK(!intake_path_ok(al_span_of("..")));
    TAP_CHECK(!intake_path_ok(al_span_of("a/..")));
    TAP_CHECK(!intake_path_ok(al_span_of("a//b")));
    TAP_CHECK(!intake_path_ok(al_span_of("a/")));
    TAP_CHECK(!intake_path_ok(al_span_of("/a")));
    TAP_CHECK(!intake_path_ok(al_span_of("./a")));
    TAP_CHECK(!intake_path_ok((struct al_span){.at = (const uint8_t *)"a\0b", .len = 3}));
}

static void
test_long_sentences_are_cut_at_a_character(void)
{
    struct al_buf AL_CLEANUP(al_buf_free) text;
    struct intake_batch b;
    size_t len;

    al_buf_init(&text, 1 << 16);
    TAP_OK(al_buf_adds(&text, "{\"t\":\"work_end\",\"work_id\":\"" JOB
                              "\",\"code\":\"full\",\"text\":\"x"));
    for (int i = 0; i < 400; i++) {
        TAP_OK(al_buf_adds(&text, "\xc3\xa4"));
    }
    TAP_OK(al_buf_adds(&text, "\"}"));
    b = parse((const char *)text.at);
    TAP_CHECK(b.records[0].kind == INTAKE_WORK_END);
    len = strlen(b.records[0].text);
    TAP_EQUAL_U64(len, INTAKE_TEXT_MAX - 1);
    TAP_CHECK(al_utf8_valid(al_span_of(b.records[0].text)));
    TAP_CHECK(b.records[0].code == AL_ENOSPC);
}

static void
test_a_batch_above_the_limit_is_refused_whole(void)
{
    struct intake_batch b;
    struct al_fail fail = {0};
    size_t len = (size_t)INTAKE_RECORDS_MAX + 1;
    uint8_t *lines = al_alloc(len);

    TAP_CHECK(lines != NULL);
    memset(lines, '\n', len);
    TAP_CODE(intake_parse((struct al_span){lines, len}, arena, &b, &fail), AL_ELIMIT);
    TAP_CHECK(fail.text[0] != '\0');
    al_free(lines);
}

int
main(void)
{
    arena = al_arena_new(INTAKE_ARENA_MAX);
    TAP_RUN(test_every_field_of_an_outcome_arrives);
    TAP_RUN(test_path_bytes_that_are_no_utf8_come_whole);
    TAP_RUN(test_a_bad_line_is_rejected_and_the_others_stay);
    TAP_RUN(test_each_kind_of_bad_record_is_named);
    TAP_RUN(test_paths_that_leave_the_volume_are_no_paths);
    TAP_RUN(test_long_sentences_are_cut_at_a_character);
    TAP_RUN(test_a_batch_above_the_limit_is_refused_whole);
    arena = al_arena_free(arena);
    return tap_end();
}
