/* What the language says of each text of corpus.json, which the console's own parser (console/src/lib/rulelang.ts) is held to too:
 * its canonical form, or place and words of the error. */
#include "tap.h"

#include "base/json.h"
#include "rule/rule.h"

#define CORPUS_BYTES_MAX (1u << 20)

static const char *corpus_path;
static json_t *corpus; /* an array; owned */

static void
read_corpus(struct al_buf *to)
{
    uint8_t piece[4096];
    size_t got;
    FILE *f = fopen(corpus_path, "rb");

    if (f == NULL) {
        tap_fail(__FILE__, __LINE__, "%s cannot be opened", corpus_path);
    }
    while ((got = fread(piece, 1, sizeof(piece), f)) > 0) {
        if (al_buf_add(to, piece, got) < 0) {
            break;
        }
    }
    (void)fclose(f);
}

static void
the_corpus_has_texts_of_both_kinds(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text;
    struct al_fail fail = {0};
    size_t right = 0, i;
    json_t *row;

    al_buf_init(&text, CORPUS_BYTES_MAX);
    read_corpus(&text);
    TAP_CHECK(al_json_parse(al_buf_span(&text), &corpus, &fail) == AL_OK);
    TAP_CHECK(json_is_array(corpus));
    json_array_foreach(corpus, i, row)
    {
        right += json_object_get(row, "canonical") != NULL;
    }
    TAP_CHECK(right > 80);
    TAP_CHECK(json_array_size(corpus) - right > 80);
}

static struct al_span
text_of(const json_t *row, const char *key)
{
    const json_t *v = json_object_get(row, key);

    if (!json_is_string(v)) {
        tap_fail(__FILE__, __LINE__, "a text has no \"%s\"", key);
    }
    return (struct al_span){.at = (const uint8_t *)json_string_value(v),
                            .len = json_string_length(v)};
}

static size_t
number_of(const json_t *row, const char *key)
{
    struct al_fail fail = {0};
    uint64_t n = 0;

    if (al_json_u64(row, key, &n, &fail) < 0) {
        tap_fail(__FILE__, __LINE__, "%s", fail.text);
    }
    return (size_t)n;
}

/* Printed as it should be, and what was printed is the same rule. */
static void
check_understood(struct al_span text, struct al_span canonical)
{
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    AL_CLEANUP(rule_freep) struct rule *again = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf printed;
    struct rule_error e = {0};

    al_buf_init(&printed, RULE_TEXT_BYTES_MAX);
    if (rule_parse(text, NULL, &rule, &e) < 0) {
        tap_fail(__FILE__, __LINE__, "\"%.*s\": %s (at %zu)", (int)text.len, (const char *)text.at,
                 e.message, e.at);
    }
    TAP_CHECK(rule_print(rule, &printed) == AL_OK);
    if (!al_span_equal(al_buf_span(&printed), canonical)) {
        tap_fail(__FILE__, __LINE__, "\"%.*s\" is printed as \"%s\"", (int)text.len,
                 (const char *)text.at, (const char *)printed.at);
    }
    TAP_CHECK(rule_parse(canonical, NULL, &again, &e) == AL_OK);
    TAP_CHECK(rule_equal(rule, again));
}

static void
each_right_text_has_its_canonical_form(void)
{
    size_t i;
    json_t *row;

    TAP_CHECK(corpus != NULL);
    json_array_foreach(corpus, i, row)
    {
        if (json_object_get(row, "canonical") != NULL) {
            check_understood(text_of(row, "text"), text_of(row, "canonical"));
        }
    }
}

static void
check_refused(const json_t *row)
{
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    struct al_span text = text_of(row, "text");
    struct rule_error e = {0};
    int rc = rule_parse(text, NULL, &rule, &e);

    if (rc >= 0) {
        tap_fail(__FILE__, __LINE__, "\"%.*s\" is understood", (int)text.len,
                 (const char *)text.at);
    }
    if (e.at != number_of(row, "at") || e.length != number_of(row, "length") ||
        !al_span_equal(al_span_of(e.message), text_of(row, "message")) ||
        !al_span_equal(al_span_of(e.expected), text_of(row, "expected"))) {
        tap_fail(__FILE__, __LINE__, "\"%.*s\": at %zu, %zu long: %s; expected %s", (int)text.len,
                 (const char *)text.at, e.at, e.length, e.message, e.expected);
    }
}

static void
each_wrong_text_has_its_place_and_words(void)
{
    size_t i;
    json_t *row;

    TAP_CHECK(corpus != NULL);
    json_array_foreach(corpus, i, row)
    {
        if (json_object_get(row, "canonical") == NULL) {
            check_refused(row);
        }
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_rule_corpus corpus.json\n");
        return 2;
    }
    corpus_path = argv[1];
    TAP_RUN(the_corpus_has_texts_of_both_kinds);
    TAP_RUN(each_right_text_has_its_canonical_form);
    TAP_RUN(each_wrong_text_has_its_place_and_words);
    json_decref(corpus);
    return tap_end();
}
