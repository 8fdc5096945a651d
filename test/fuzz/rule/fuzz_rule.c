/* Any bytes as a rule: errors lie inside the text, are UTF-8; what parses prints, and comes back equal; matching and SQL writing end. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rule/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_error(const struct rule_error *e, size_t size)
{
    must(e->at <= size && e->length <= size - e->at);
    must(e->message[0] != '\0' && al_utf8_valid(al_span_of(e->message)) && al_utf8_valid(al_span_of(e->expected)));
}

static void
check_print(const struct rule *r)
{
    struct al_buf text;
    struct rule *again = NULL;

    al_buf_init(&text, 1u << 20);
    must(rule_print(r, &text) == AL_OK);
    must(al_utf8_valid(al_buf_span(&text)));
    /* The canonical text may be longer than what was written ("\xff" for a byte), and pass the cap. */
    if (text.len <= RULE_TEXT_BYTES_MAX) {
        must(rule_parse(al_buf_span(&text), NULL, &again, NULL) == AL_OK);
        must(rule_equal(r, again));
    }
    rule_free(again);
    al_buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rule_limits limits = {.nodes = 300};
    struct rule_entry e = {.path = {data, size < 64 ? size : 64}, .size = size, .accessed_ns = 1, .modified_ns = RULE_TIME_UNKNOWN};
    struct rule_error error = {0};
    struct rule *r = NULL;
    struct al_buf sql;
    bool exact;

    if (rule_parse((struct al_span){data, size}, &limits, &r, &error) < 0) {
        must(r == NULL);
        check_error(&error, size);
        return 0;
    }
    check_print(r);
    (void)rule_match(r, &e, INT64_C(1800000000000000000));
    al_buf_init(&sql, 4u << 20);
    must(rule_sql(r, INT64_MIN, &sql, &exact) == AL_OK);
    al_buf_free(&sql);
    rule_free(r);
    return 0;
}
