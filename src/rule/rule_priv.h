/* rule_priv.h: the tree of a parsed rule, shared by parser, printer, evaluator and SQL writer. */
#ifndef ALTO_RULE_RULE_PRIV_H
#define ALTO_RULE_RULE_PRIV_H

#include "base/arena.h"
#include "rule/rule.h"

/* Everything of a rule lies in one arena. A node takes some 100 bytes, a list item 48 and its text;
 * this is more than what the caps add up to. */
#define RULE_ARENA_BYTES_MAX (16u << 20)

enum field {
    F_NAME,
    F_PATH,
    F_EXT,
    F_SIZE,
    F_ACCESSED,
    F_MODIFIED,
    F_CREATED,
    F_OWNER,
    F_ATTRIBUTES,
    F_STATE,
    F_COUNT
};

enum op { O_EQ, O_LT, O_LE, O_GT, O_GE, O_IN, O_MATCHES, O_LIKE, O_OLDER, O_NEWER, O_COUNT };

enum field_kind { K_TEXT, K_SIZE, K_TIME, K_OWNER, K_ATTRS, K_STATE };

struct field_info {
    const char *name;
    enum field_kind kind;
    unsigned ops; /* set of 1 << enum op */
};
extern const struct field_info rule_fields[F_COUNT];

struct unit { /* of ages */
    const char *name;
    int64_t ns;
};
#define UNIT_COUNT 5
extern const struct unit rule_units[UNIT_COUNT];

#define ATTR_COUNT 15
struct attr_info {
    const char *name;
    uint32_t attrs; /* bits of rule_entry.attrs, or */
    uint32_t mode;  /* bits of rule_entry.mode */
};
extern const struct attr_info rule_attrs[ATTR_COUNT];

struct value {
    bool is_text;        /* text, else number */
    bool fold;           /* "..."i : ASCII letters match in either case */
    struct al_span text; /* as compared: with fold or for ext in lower case */
    struct al_span glob; /* matches: what rule_glob gets; for paths with the part in front that the
                            text leaves out */
    uint64_t number;     /* size; uid; index of attribute or state; count of an age */
    unsigned unit;       /* age: index into rule_units */
    int64_t time_ns;
};

struct regex; /* a compiled `like` */

enum node_kind { N_CONST, N_AND, N_OR, N_NOT, N_LEAF };

struct node {
    enum node_kind kind;
    bool truth;       /* N_CONST */
    bool negated;     /* N_LEAF: !=, not in, not matches, not like */
    enum field field; /* N_LEAF */
    enum op op;
    struct value *items; /* one, or those of a list */
    size_t item_count;
    struct value *
        *sorted; /* by text, of long lists whose items are all texts of one fold; else NULL */
    struct regex *regex;
    struct node *first, *last; /* children of and, or, not */
    struct node *next;
};

struct rule {
    struct al_arena *arena;
    struct node *root;
    struct regex *regexes; /* all, to free them */
    bool uses_path;
};

/* ---- regex.c ---- */
struct regex {
    struct regex *next;
    void *code;          /* pcre2_code; NULL when compilation failed */
    struct al_span text; /* as written, "\/" already "/" */
    bool fold;
};
/* AL_EINVAL with a message and the offset into the text; AL_ENOMEM. r->text and r->fold are set. */
int rule_regex_compile(struct regex *r, char *ret_message, size_t message_size,
                       size_t *ret_at) AL_MUST_CHECK;
void rule_regex_free(struct regex *r);
enum truth { IS_FALSE, IS_UNKNOWN, IS_TRUE };
enum truth rule_regex_match(const struct regex *r, struct al_span text);

/* ---- glob.c ---- */
/* NULL when the pattern is well formed, else what is wrong with it. */
const char *rule_glob_check(struct al_span pattern);
/* When the pattern is plain bytes and then "**": these bytes (into out, which holds pattern.len),
 * true. */
bool rule_glob_prefix(struct al_span pattern, uint8_t *out, size_t *ret_len);

/* now less an age, held at the ends of the range. */
int64_t rule_border(const struct value *age, int64_t now_ns);

#endif
