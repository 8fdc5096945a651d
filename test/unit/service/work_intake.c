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

/* A file that came back under another name lies in the same folder. */
static void
test_the_name_that_a_file_has_now_is_beside_its_path(void)
{
    static const struct {
        const char *path, *name, *want; /* want NULL: the record is rejected; "": the name counts not */
    } cases[] = {
        {"a/b/c.mov.alto", "\"c.mov\"", "a/b/c.mov"},
        {"c", "\"c (recalled)\"", "c (recalled)"},
        {"a/c", "\"\"", ""},
        {"a/c", "null", ""},
        {"a/c", "\"b/d\"", ""},
        {"a/c", "\"..\"", NULL},
        {"a/c", "7", NULL},
    };
    char line[512];

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        (void)snprintf(line, sizeof(line),
                       "{\"t\":\"outcome\",\"act\":\"recall\",\"code\":\"ok\",\"volume_id\":\"" VOLUME
                       "\",\"path\":\"%s\",\"now_name\":%s}",
                       cases[i].path, cases[i].name);
        struct intake_batch b = parse(line);

        TAP_CHECK((b.records[0].kind == INTAKE_REJECTED) == (cases[i].want == NULL));
        TAP_CHECK(cases[i].want == NULL ||
                  al_span_equal(b.records[0].now_path, al_span_of(cases[i].want)));
    }
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
test_rows_of_audit_logs_arrive_with_all_they_tell(void)
{
    struct intake_batch b =
        parse("{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":["
              "{\"k\":\"used\",\"path\":\"/a/"
              "b\",\"time_ns\":7,\"modified_ns\":6,\"reads\":3,\"writes\":1,"
              "\"user\":\"anna\",\"host\":\"mac\",\"node_b64\":\"/"
              "w==\",\"stat\":{\"type\":\"file\",\"size\":9,"
              "\"allocated\":4096,\"mtime_ns\":-5,\"mode\":420,\"uid\":1,\"gid\":2}},"
              "{\"k\":\"move\",\"path\":\"a\",\"target_b64\":\"Yf8=\",\"time_ns\":8}]}\n");
    const struct intake_access *a = b.records[0].access;

    TAP_CHECK(b.records[0].kind == INTAKE_ACCESS && a->count == 2 && a->rejected == 0);
    TAP_CHECK(a->rows[0].kind == INVENTORY_ACCESS_USED && a->rows[0].time_ns == 7);
    TAP_CHECK(a->rows[0].modified_ns == 6 && a->rows[0].reads == 3 && a->rows[0].writes == 1);
    TAP_CHECK(al_span_equal(a->rows[0].path, al_span_of("a/b")));
    TAP_CHECK(al_span_equal(a->rows[0].user, al_span_of("anna")));
    TAP_CHECK(a->rows[0].node.len == 1 && a->rows[0].node.at[0] == 0xff);
    TAP_CHECK(a->rows[0].has_stat && a->rows[0].type == PORT_T_FILE && a->rows[0].size == 9);
    TAP_CHECK(a->rows[0].mtime_ns == -5 && a->rows[0].mode == 420 && a->rows[0].nlink == 1);
    TAP_CHECK(a->rows[1].kind == INVENTORY_ACCESS_MOVE && a->rows[1].target.len == 2);
    TAP_CHECK(!a->rows[1].has_stat);
}

static void
test_rows_of_noise_arrive_as_such(void)
{
    struct intake_batch b =
        parse("{\"t\":\"access\",\"volume_id\":\"" VOLUME
              "\",\"rows\":[[\"a\",7,0,1,0,0]],\"noise\":["
              "[\"b\",8,8,0,1,0],{\"k\":\"create\",\"path\":\"c\",\"time_ns\":9},"
              "{\"k\":\"delete\",\"path\":\"d\",\"time_ns\":9}],"
              "\"who\":[[\"backup\",\"\",\"n1\"]]}\n");
    const struct intake_access *a = b.records[0].access;

    TAP_CHECK(b.records[0].kind == INTAKE_ACCESS && a->count == 3 && a->rejected == 1);
    TAP_CHECK(!a->rows[0].noise && a->rows[1].noise && a->rows[2].noise);
    TAP_CHECK(al_span_equal(a->rows[1].user, al_span_of("backup")) && a->rows[1].writes == 1);
    TAP_CHECK(a->rows[2].kind == INVENTORY_ACCESS_CREATE);
}

static void
test_short_rows_of_audit_logs_arrive_with_whom_they_name(void)
{
    struct intake_batch b =
        parse("{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":["
              "[\"/a/b\",7,6,3,1,1],[\"\",8,0,1,0,0],{\"k\":\"pin\",\"path\":\"c\",\"time_ns\":9},"
              "[\"d\",10,0,1,0,2],[\"e\",11,-1,-2,\"x\",null],[\"f\",12]],"
              "\"who\":[[\"anna\",\"mac\",\"n1\"],[\"\",\"pc\",3]]}\n");
    const struct intake_access *a = b.records[0].access;

    TAP_CHECK(b.records[0].kind == INTAKE_ACCESS && a->count == 6 && a->rejected == 0);
    TAP_CHECK(a->rows[0].kind == INVENTORY_ACCESS_USED && a->rows[0].time_ns == 7);
    TAP_CHECK(a->rows[0].modified_ns == 6 && a->rows[0].reads == 3 && a->rows[0].writes == 1);
    TAP_CHECK(al_span_equal(a->rows[0].path, al_span_of("a/b")) && !a->rows[0].has_stat);
    TAP_CHECK(a->rows[0].user.len == 0 && al_span_equal(a->rows[0].host, al_span_of("pc")));
    TAP_CHECK(a->rows[0].node.len == 0);
    TAP_CHECK(a->rows[1].path.len == 0 && al_span_equal(a->rows[1].user, al_span_of("anna")));
    TAP_CHECK(al_span_equal(a->rows[1].node, al_span_of("n1")));
    TAP_CHECK(a->rows[2].kind == INVENTORY_ACCESS_PIN);
    TAP_CHECK(a->rows[3].user.len == 0 && a->rows[3].host.len == 0); /* nobody of that number */
    TAP_CHECK(a->rows[4].modified_ns == 0 && a->rows[4].reads == 0 && a->rows[4].writes == 0);
    TAP_CHECK(a->rows[4].user.len == 0 && a->rows[5].time_ns == 12);
}

static void
test_what_came_from_outside_is_told_so(void)
{
    struct intake_batch b =
        parse("{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":["
              "{\"k\":\"create\",\"path\":\"a\",\"time_ns\":7,\"came\":true},"
              "{\"k\":\"create\",\"path\":\"\",\"time_ns\":8,\"came\":true},"
              "{\"k\":\"create\",\"path\":\"b\",\"time_ns\":9,\"came\":1},"
              "{\"k\":\"delete\",\"path\":\"c\",\"time_ns\":9,\"came\":true},"
              "{\"k\":\"create\",\"path\":\"\",\"time_ns\":8}]}\n");
    const struct intake_access *a = b.records[0].access;

    TAP_CHECK(b.records[0].kind == INTAKE_ACCESS && a->count == 4 && a->rejected == 1);
    TAP_CHECK(a->rows[0].came && a->rows[1].came && a->rows[1].path.len == 0);
    TAP_CHECK(!a->rows[2].came && !a->rows[3].came);
}

static void
test_a_row_that_tells_nothing_is_left_out_alone(void)
{
    static const struct {
        const char *row, *why;
    } bad[] = {
        {"{\"k\":\"used\",\"path\":\"a\"}", "a row without its time"},
        {"{\"k\":\"used\",\"path\":\"a\",\"time_ns\":\"7\"}", "a row without its time"},
        {"{\"k\":\"used\",\"path\":\"a/../b\",\"time_ns\":7}",
         "the path leaves the volume or is malformed"},
        {"{\"k\":\"used\",\"path_b64\":\"!\",\"time_ns\":7}", "the path is malformed or too long"},
        {"{\"k\":\"use\",\"path\":\"a\",\"time_ns\":7}", "a row of no kind that is known"},
        {"{\"k\":\"delete\",\"path\":\"/\",\"time_ns\":7}", "a row about the volume's root itself"},
        {"{\"k\":\"folder_delete\",\"time_ns\":7}", "a row about the volume's root itself"},
        {"{\"k\":\"move\",\"path\":\"a\",\"target\":\"\",\"time_ns\":7}",
         "a move without its target"},
        {"[]", "a short row without its path"},
        {"[7,7,0,1,0,0]", "a short row without its path"},
        {"[\"a\"]", "a row without its time"},
        {"[\"a\",\"7\",0,1,0,0]", "a row without its time"},
        {"[\"a/../b\",7,0,1,0,0]", "the path leaves the volume or is malformed"},
        {"[\"//\",7,0,1,0,0]", "the path leaves the volume or is malformed"},
        {"7", "a row of no kind that is known"},
    };
    char line[512];

    for (size_t i = 0; i < AL_LEN(bad); i++) {
        struct intake_batch b;

        (void)snprintf(line, sizeof(line),
                       "{\"t\":\"access\",\"volume_id\":\"" VOLUME
                       "\",\"rows\":[%s,{\"k\":\"pin\",\"path\":\"\",\"time_ns\":1}]}",
                       bad[i].row);
        b = parse(line);
        TAP_CHECK(b.records[0].kind == INTAKE_ACCESS);
        TAP_EQUAL_U64(b.records[0].access->rejected, 1);
        TAP_EQUAL_STR(b.records[0].access->why, bad[i].why);
        TAP_EQUAL_U64(b.records[0].access->count, 1);
    }
    TAP_EQUAL_STR(why("{\"t\":\"access\",\"rows\":[]}"),
                  "a record of accesses without volume or rows");
    TAP_EQUAL_STR(why("{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":{}}"),
                  "a record of accesses without volume or rows");
}

static void
test_more_rows_than_a_record_holds_do_not_take_the_memory(void)
{
    struct al_buf AL_CLEANUP(al_buf_free) text;
    const struct intake_access *a;

    al_buf_init(&text, INTAKE_LINE_MAX);
    TAP_OK(al_buf_adds(&text, "{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":[7"));
    for (int i = 0; i < 20000; i++) {
        TAP_OK(al_buf_adds(&text, ",7"));
    }
    TAP_OK(al_buf_adds(&text, "]}"));
    a = parse((const char *)text.at).records[0].access;
    TAP_EQUAL_U64(a->rejected, 20001);
    TAP_EQUAL_U64(a->count, 0);
    TAP_EQUAL_STR(a->why, "more rows than a record holds");
}

static void
test_how_audit_logs_stand_arrives_and_strange_parts_of_it_do_not(void)
{
    struct intake_batch b = parse(
        "{\"t\":\"audit\",\"volume_id\":\"" VOLUME "\",\"state\":\"silent\",\"since_ns\":5,"
        "\"covered_since_ns\":4,\"lines\":7,\"events\":-1,\"own\":\"x\",\"skipped\":{\"junk\":3,"
        "\"x\\\"y\":9},\"nodes\":[{\"node\":\"1\",\"active\":true},3,{}],\"sample\":[1],\"samples\":[7,{},"
        "{\"why\":\"junk\",\"log\":\"1/a\\n.log\",\"offset\":9,\"time_ns\":8,\"text\":\"?\","
        "\"text_b64\":\"/w==\"},{\"why\":\"<b>\"},{\"why\":\"time\",\"offset\":-4}]}\n"
        "{\"t\":\"audit\",\"volume_id\":\"" VOLUME "\",\"state\":\"sleepy\"}\n");
    const struct intake_audit *a = b.records[0].audit;

    TAP_CHECK(b.records[0].kind == INTAKE_AUDIT);
    TAP_EQUAL_STR(a->x.state, "silent");
    TAP_CHECK(a->x.since_ns == 5 && a->x.covered_ns == 4);
    TAP_EQUAL_STR(a->x.counts,
                  "{\"lines\":7,\"events\":0,\"other\":0,\"outside\":0,\"own\":0,\"named\":0,"
                  "\"clamped\":0,\"ignored_files\":0,\"skipped\":{\"junk\":3}}");
    TAP_EQUAL_U64(a->node_count, 1);
    TAP_EQUAL_STR(a->x.sample_why, "");
    TAP_EQUAL_STR(a->x.samples,
                  "[{\"why\":\"junk\",\"log\":\"1/a\\n.log\",\"offset\":9,\"time_ns\":8,"
                  "\"line\":\"\xef\xbf\xbd\",\"line_b64\":\"/w==\"},"
                  "{\"why\":\"time\",\"log\":\"\",\"offset\":0,\"time_ns\":0,\"line\":\"\"}]");
    TAP_CHECK(b.records[1].kind == INTAKE_REJECTED);
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
    TAP_RUN(test_the_name_that_a_file_has_now_is_beside_its_path);
    TAP_RUN(test_a_bad_line_is_rejected_and_the_others_stay);
    TAP_RUN(test_each_kind_of_bad_record_is_named);
    TAP_RUN(test_paths_that_leave_the_volume_are_no_paths);
    TAP_RUN(test_long_sentences_are_cut_at_a_character);
    TAP_RUN(test_rows_of_audit_logs_arrive_with_all_they_tell);
    TAP_RUN(test_rows_of_noise_arrive_as_such);
    TAP_RUN(test_short_rows_of_audit_logs_arrive_with_whom_they_name);
    TAP_RUN(test_what_came_from_outside_is_told_so);
    TAP_RUN(test_a_row_that_tells_nothing_is_left_out_alone);
    TAP_RUN(test_more_rows_than_a_record_holds_do_not_take_the_memory);
    TAP_RUN(test_how_audit_logs_stand_arrives_and_strange_parts_of_it_do_not);
    TAP_RUN(test_a_batch_above_the_limit_is_refused_whole);
    arena = al_arena_free(arena);
    return tap_end();
}
