/* The one place that includes PCRE2. Text is UTF-8 where it is valid; a pattern never matches
 * across a byte that is not. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>

#include "base/mem.h"
#include "rule/rule_priv.h"

/* `.` takes a newline and `$` is the very end: names may hold newlines, and a rule must not stop at
 * one. */
#define OPTIONS                                                                                    \
    (PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |                   \
     PCRE2_NEVER_BACKSLASH_C)
#define NEST_MAX 100u

static void *
take(PCRE2_SIZE bytes, void *ctx)
{
    return al_alloc(bytes);
}

static void
give(void *mem, void *ctx)
{
    al_free(mem);
}

static void
free_general(pcre2_general_context **g)
{
    pcre2_general_context_free(*g);
}

static void
free_compile(pcre2_compile_context **c)
{
    pcre2_compile_context_free(*c);
}

static void
free_context(pcre2_match_context **c)
{
    pcre2_match_context_free(*c);
}

static void
free_data(pcre2_match_data **d)
{
    pcre2_match_data_free(*d);
}

int
rule_regex_compile(struct regex *r, char *ret_message, size_t message_size, size_t *ret_at)
{
    AL_CLEANUP(free_general)
    pcre2_general_context *g = pcre2_general_context_create(take, give, NULL);
    AL_CLEANUP(free_compile) pcre2_compile_context *c = NULL;
    PCRE2_UCHAR text[160];
    PCRE2_SIZE at = 0;
    int code = 0;

    if (g == NULL) {
        return AL_ENOMEM;
    }
    c = pcre2_compile_context_create(g);
    if (c == NULL) {
        return AL_ENOMEM;
    }
    pcre2_set_parens_nest_limit(c, NEST_MAX);
    pcre2_set_max_pattern_length(c, RULE_STRING_BYTES_MAX);
    r->code = pcre2_compile(r->text.at, r->text.len, OPTIONS | (r->fold ? PCRE2_CASELESS : 0),
                            &code, &at, c);
    if (r->code == NULL) {
        if (code == PCRE2_ERROR_HEAP_FAILED) {
            return AL_ENOMEM;
        }
        if (pcre2_get_error_message(code, text, sizeof(text)) < 0) {
            snprintf((char *)text, sizeof(text), "error %d", code);
        }
        snprintf(ret_message, message_size, "in the regular expression: %.120s", (char *)text);
        *ret_at = at;
        return AL_EINVAL;
    }
    /* Without JIT (not built in, or no memory that may be executed) matching is slower and the
     * same. */
    (void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
    return AL_OK;
}

void
rule_regex_free(struct regex *r)
{
    pcre2_code_free(r->code);
    r->code = NULL;
}

enum truth
rule_regex_match(const struct regex *r, struct al_span text)
{
    AL_CLEANUP(free_general)
    pcre2_general_context *g = pcre2_general_context_create(take, give, NULL);
    AL_CLEANUP(free_context) pcre2_match_context *c = NULL;
    AL_CLEANUP(free_data) pcre2_match_data *d = NULL;
    int rc;

    if (g == NULL) {
        return IS_UNKNOWN;
    }
    c = pcre2_match_context_create(g);
    d = pcre2_match_data_create(1, g);
    if (c == NULL || d == NULL) {
        return IS_UNKNOWN;
    }
    pcre2_set_match_limit(c, RULE_REGEX_MATCH_LIMIT);
    pcre2_set_depth_limit(c, RULE_REGEX_DEPTH_LIMIT);
    pcre2_set_heap_limit(c, RULE_REGEX_HEAP_KIB);
    rc = pcre2_match(r->code, text.len > 0 ? text.at : (const uint8_t *)"", text.len, 0, 0, d, c);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        /* The interpreter keeps its stack on the heap, within the limits above. */
        rc = pcre2_match(r->code, text.at, text.len, 0, PCRE2_NO_JIT, d, c);
    }
    if (rc >= 0) {
        return IS_TRUE;
    }
    return rc == PCRE2_ERROR_NOMATCH ? IS_FALSE : IS_UNKNOWN;
}
