/* parse_priv.h: between lexer and parser. */
#ifndef ALTO_RULE_PARSE_PRIV_H
#define ALTO_RULE_PARSE_PRIV_H

#include "rule/rule_priv.h"

enum token_kind { T_END, T_WORD, T_STRING, T_OP, T_OPEN, T_CLOSE, T_COMMA, T_REGEX, T_BAD };

struct token {
    enum token_kind kind;
    size_t at, len;      /* in the text */
    struct al_span text; /* word: as written; string, regex: decoded, of the arena */
    enum op op;          /* T_OP */
    bool negated;        /* T_OP: != */
    bool fold;           /* string, regex: flag i */
};

struct parser {
    const uint8_t *text;
    size_t len, pos;
    struct token now;
    struct rule *rule;
    struct rule_limits limits;
    size_t nodes, regexes, depth;
    struct rule_error error;
    int rc; /* AL_OK until something failed; then nothing changes it */
};

/* Fails at a place; the first failure stays. Returns the code. */
int rule_fail(struct parser *p, int rc, size_t at, size_t len, const char *expected,
              const char *format, ...) AL_PRINTF(6, 7);
/* Reads the next token into p->now; T_BAD after a failure. regex_next: a '/' here begins a regular
 * expression. */
void rule_lex(struct parser *p, bool regex_next);
bool rule_word_is(const struct token *t, const char *word); /* ASCII case ignored */

/* values.c: turn the token at hand into a value and read the token after it. AL_OK or p->rc, which
 * stays, so a caller may look there. */
int rule_take_size(struct parser *p, struct value *v);
int rule_take_age(struct parser *p, struct value *v);
int rule_take_date(struct parser *p, struct value *v);
int rule_take_item(struct parser *p, const struct node *leaf, struct value *v);
int rule_take_glob(struct parser *p, const struct node *leaf, struct value *v);

#endif
