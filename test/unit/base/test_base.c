#include "tap.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

static void
test_codes_have_names_both_ways(void)
{
    for (int code = AL_OK; code >= AL_EINTERNAL; code--) {
        TAP_CODE(al_code_from_name(al_code_name(code)), code);
    }
    TAP_EQUAL_STR(al_code_name(12345), "internal");
    TAP_CODE(al_code_from_name("no such name"), AL_EINTERNAL);
}

static void
test_first_failure_wins(void)
{
    struct al_fail fail = {0};

    TAP_CODE(al_fail_set(&fail, AL_EIO, 5, "first %d", 1), AL_EIO);
    TAP_CODE(al_fail_set(&fail, AL_ENOSPC, 28, "second"), AL_ENOSPC);
    TAP_CODE(fail.code, AL_EIO);
    TAP_EQUAL_STR(fail.text, "first 1");
    TAP_CODE(al_fail_set(NULL, AL_EIO, 0, "nobody listens"), AL_EIO);
}

static void
test_buffer_refuses_beyond_its_ceiling_and_stays_refusing(void)
{
    struct al_buf b;

    al_buf_init(&b, 10);
    TAP_OK(al_buf_adds(&b, "0123456789"));
    TAP_EQUAL_STR((char *)b.at, "0123456789");
    TAP_CODE(al_buf_adds(&b, "x"), AL_ELIMIT);
    TAP_CHECK(b.at == NULL && b.len == 0);
    TAP_CODE(al_buf_adds(&b, ""), AL_ELIMIT);
    al_buf_free(&b);
    TAP_OK(al_buf_addf(&b, "%s-%d", "ab", 7));
    TAP_EQUAL_STR((char *)b.at, "ab-7");
    al_buf_free(&b);
}

static void
test_varints_go_round_and_reject_what_is_cut(void)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    struct al_buf b;

    al_buf_init(&b, 64);
    for (size_t i = 0; i < AL_LEN(values); i++) {
        struct al_span s;
        uint64_t back;

        al_buf_clear(&b);
        TAP_OK(al_buf_add_varint(&b, values[i]));
        s = al_buf_span(&b);
        TAP_OK(al_span_varint(&s, &back));
        TAP_EQUAL_U64(back, values[i]);
        TAP_EQUAL_U64(s.len, 0);
        s = al_buf_span(&b);
        s.len--;
        TAP_CODE(al_span_varint(&s, &back), AL_ECORRUPT);
    }
    al_buf_clear(&b);
    TAP_OK(al_buf_add(&b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
    {
        struct al_span s = al_buf_span(&b);
        uint64_t back;

        TAP_CODE(al_span_varint(&s, &back), AL_ECORRUPT);
        TAP_EQUAL_U64(s.len, 10);
    }
    al_buf_free(&b);
}

static void
test_little_endian_numbers_go_round(void)
{
    uint8_t bytes[8];

    al_put_u64(bytes, 0x8877665544332211u);
    TAP_CHECK(bytes[0] == 0x11 && bytes[7] == 0x88);
    TAP_CHECK(al_get_u64(bytes) == 0x8877665544332211u);
    TAP_CHECK(al_get_u32(bytes) == 0x44332211u && al_get_u16(bytes) == 0x2211u);
}

static void
test_arena_zeroes_aligns_and_keeps_its_ceiling(void)
{
    struct al_arena *a = al_arena_new(65536);
    size_t given = 0;

    TAP_CHECK(a != NULL);
    for (;;) {
        uint8_t *at = al_arena_alloc(a, 100);

        if (at == NULL) {
            break;
        }
        TAP_CHECK((uintptr_t)at % 16 == 0);
        for (size_t i = 0; i < 100; i++) {
            TAP_CHECK(at[i] == 0);
            at[i] = 0xff;
        }
        given += 100;
    }
    TAP_CHECK(given > 50000 && given <= 65536);
    al_arena_reset(a);
    TAP_EQUAL_STR(al_arena_str(a, "again"), "again");
    TAP_CHECK(al_arena_alloc(a, SIZE_MAX) == NULL);
    TAP_CHECK(al_arena_free(a) == NULL);
}

static void
test_numbers_take_the_whole_text_only(void)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "18446744073709551616"};
    uint64_t u;
    int64_t i;

    TAP_OK(al_parse_u64("18446744073709551615", &u));
    TAP_CHECK(u == UINT64_MAX);
    for (size_t k = 0; k < AL_LEN(bad); k++) {
        TAP_CODE(al_parse_u64(bad[k], &u), AL_EINVAL);
    }
    TAP_OK(al_parse_i64("-9223372036854775808", &i));
    TAP_CHECK(i == INT64_MIN);
    TAP_CODE(al_parse_i64("-9223372036854775809", &i), AL_EINVAL);
    TAP_CODE(al_parse_i64("9223372036854775808", &i), AL_EINVAL);
}

static void
test_sizes_know_both_kinds_of_units(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"4096", 4096},
                {"10MB", 10000000},
                {"10 mb", 10000000},
                {"1KiB", 1024},
                {"1.5 TiB", 1649267441664},
                {"0.5kB", 500},
                {"3B", 3},
                {"2TB", 2000000000000}};
    static const char *const bad[] = {"",     "MB",     "1.",  "1.MB",       "-1",
                                      "1 XB", "1 Mb x", "1e3", "20000000TiB"};
    uint64_t v;

    for (size_t i = 0; i < AL_LEN(good); i++) {
        TAP_OK(al_parse_size(good[i].text, &v));
        TAP_EQUAL_U64(v, good[i].bytes);
    }
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(al_parse_size(bad[i], &v), AL_EINVAL);
    }
}

static void
test_base64_is_canonical_both_ways(void)
{
    static const char *const pairs[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
    static const char *const bad[] = {
        "Zg=", "Zg", "Zh==", "Zm9=", "Z===", "Zg==Zg==", "Zm9v\n", "*m9v"};
    struct al_buf b;

    al_buf_init(&b, 100);
    for (size_t i = 0; i < AL_LEN(pairs); i++) {
        char out[32];

        al_base64(pairs[i][0], strlen(pairs[i][0]), out);
        TAP_EQUAL_STR(out, pairs[i][1]);
        al_buf_clear(&b);
        TAP_OK(al_unbase64(out, strlen(out), &b));
        TAP_EQUAL_U64(b.len, strlen(pairs[i][0]));
        TAP_CHECK(memcmp(b.len == 0 ? "" : (char *)b.at, pairs[i][0], b.len) == 0);
    }
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(al_unbase64(bad[i], strlen(bad[i]), &b), AL_EINVAL);
    }
    al_buf_free(&b);
}

static void
test_utf8_is_strict_and_cleaning_replaces_each_bad_byte(void)
{
    static const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xe2\x82", "\x80",         "\xff"};
    struct al_buf b;

    TAP_CHECK(al_utf8_valid(al_span_of("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")));
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CHECK(!al_utf8_valid(al_span_of(bad[i])));
    }
    al_buf_init(&b, 100);
    TAP_OK(al_utf8_clean(al_span_of("a\xff"
                                    "b\xe2\x82"),
                         &b));
    TAP_EQUAL_STR((char *)b.at, "a\xef\xbf\xbd"
                                "b\xef\xbf\xbd\xef\xbf\xbd");
    al_buf_free(&b);
}

static void
test_times_go_round_to_the_nanosecond(void)
{
    static const struct {
        int64_t ns;
        const char *text;
    } pairs[] = {{0, "1970-01-01T00:00:00Z"},
                 {1, "1970-01-01T00:00:00.000000001Z"},
                 {-1, "1969-12-31T23:59:59.999999999Z"},
                 {951782400000000000, "2000-02-29T00:00:00Z"},
                 {1795422630500000000, "2026-11-23T08:30:30.5Z"}};
    static const char *const bad[] = {"2026-02-29T00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01",
                                      "2026-01-01T00:00:00.1234567890Z",
                                      "2026-01-01T00:00:00+24:00",
                                      "2026-01-01T00:00:00Zx",
                                      "2300-01-01T00:00:00Z"};
    int64_t ns;

    for (size_t i = 0; i < AL_LEN(pairs); i++) {
        char text[AL_TIME_TEXT_MAX];

        al_time_text(pairs[i].ns, text);
        TAP_EQUAL_STR(text, pairs[i].text);
        TAP_OK(al_time_parse(text, &ns));
        TAP_CHECK(ns == pairs[i].ns);
    }
    TAP_OK(al_time_parse("2026-11-23T10:30:30.5+02:00", &ns));
    TAP_CHECK(ns == 1795422630500000000);
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(al_time_parse(bad[i], &ns), AL_EINVAL);
    }
}

static void
test_ids_sort_by_time_and_are_checked(void)
{
    uint8_t random[10] = {0xff, 0xff, 0xff};
    al_id a, b;

    al_id_make(1000000, random, a);
    memset(random, 0, sizeof(random));
    al_id_make(2000000, random, b);
    TAP_CHECK(strcmp(a, b) < 0 && al_id_valid(a) && al_id_valid(b));
    TAP_CHECK(!al_id_valid("") && !al_id_valid("0123456789012345678901234") &&
              !al_id_valid("8zzzzzzzzzzzzzzzzzzzzzzzzz") &&
              !al_id_valid("0000000000000000000000000u"));
}

static void
test_json_refuses_depth_duplicates_and_nul(void)
{
    char deep[200];
    json_t *j = NULL;
    struct al_fail fail = {0};
    const char *text;

    memset(deep, '[', sizeof(deep));
    TAP_CODE(al_json_parse((struct al_span){(uint8_t *)deep, sizeof(deep)}, &j, NULL), AL_ELIMIT);
    TAP_CODE(al_json_parse(al_span_of("{\"a\":1,\"a\":2}"), &j, NULL), AL_EINVAL);
    TAP_CODE(al_json_parse(al_span_of("{\"a\":"), &j, &fail), AL_EINVAL);
    TAP_CHECK(strstr(fail.text, "line 1") != NULL);
    TAP_CODE(al_json_parse(al_span_of("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\""), &j, NULL),
             AL_OK);
    al_json_freep(&j);
    TAP_OK(al_json_parse(al_span_of("{\"n\":5,\"s\":\"x\"}"), &j, NULL));
    TAP_CODE(al_json_str(j, "n", &text, NULL), AL_EINVAL);
    TAP_CODE(al_json_str(j, "zz", &text, NULL), AL_ENODATA);
    TAP_OK(al_json_str(j, "s", &text, NULL));
    TAP_EQUAL_STR(text, "x");
    al_json_freep(&j);
}

static void
test_json_carries_any_bytes(void)
{
    static const char *const names[] = {"plain", "gr\xc3\xbc\xc3\x9f", "new\nline", "bad\xff\xfe",
                                        ""};

    for (size_t i = 0; i < AL_LEN(names); i++) {
        json_t *j = json_object(), *again = NULL;
        struct al_buf text, back;

        al_buf_init(&text, 1000);
        al_buf_init(&back, 1000);
        TAP_OK(al_json_set_bytes(j, "path", al_span_of(names[i])));
        TAP_OK(al_json_print(j, &text));
        TAP_OK(al_json_parse(al_buf_span(&text), &again, NULL));
        TAP_OK(al_json_get_bytes(again, "path", &back, NULL));
        TAP_CHECK(al_span_equal(al_buf_span(&back), al_span_of(names[i])));
        al_json_freep(&j);
        al_json_freep(&again);
        al_buf_free(&text);
        al_buf_free(&back);
    }
}

static void
test_hash_in_pieces_equals_hash_at_once(void)
{
    uint8_t bytes[1000];
    struct al_xxh_state *s = al_xxh_new();

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    TAP_CHECK(s != NULL);
    for (size_t i = 0; i < sizeof(bytes); i += 100) {
        al_xxh_add(s, bytes + i, 100);
    }
    TAP_CHECK(al_xxh_equal(al_xxh_result(s), al_xxh128(bytes, sizeof(bytes))));
    bytes[999] ^= 1;
    TAP_CHECK(!al_xxh_equal(al_xxh_result(s), al_xxh128(bytes, sizeof(bytes))));
    al_xxh_freep(&s);
}

static void
test_armed_fault_fails_the_nth_allocation_of_this_thread(void)
{
    void *a, *b, *c;

    al_fault_arm(AL_FAULT_MEM, 2, false);
    a = al_alloc(1);
    b = al_alloc(1);
    c = al_alloc(1);
    TAP_EQUAL_U64(al_fault_disarm(), 3);
    TAP_CHECK(a != NULL && b == NULL && c != NULL);
    al_free(a);
    al_free(c);
}

int
main(void)
{
    TAP_RUN(test_codes_have_names_both_ways);
    TAP_RUN(test_first_failure_wins);
    TAP_RUN(test_buffer_refuses_beyond_its_ceiling_and_stays_refusing);
    TAP_RUN(test_varints_go_round_and_reject_what_is_cut);
    TAP_RUN(test_little_endian_numbers_go_round);
    TAP_RUN(test_arena_zeroes_aligns_and_keeps_its_ceiling);
    TAP_RUN(test_numbers_take_the_whole_text_only);
    TAP_RUN(test_sizes_know_both_kinds_of_units);
    TAP_RUN(test_base64_is_canonical_both_ways);
    TAP_RUN(test_utf8_is_strict_and_cleaning_replaces_each_bad_byte);
    TAP_RUN(test_times_go_round_to_the_nanosecond);
    TAP_RUN(test_ids_sort_by_time_and_are_checked);
    TAP_RUN(test_json_refuses_depth_duplicates_and_nul);
    TAP_RUN(test_json_carries_any_bytes);
    TAP_RUN(test_hash_in_pieces_equals_hash_at_once);
    TAP_RUN(test_armed_fault_fails_the_nth_allocation_of_this_thread);
    return tap_end();
}
