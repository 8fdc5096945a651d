/* rule.h: the language that says which files a rule means: parse, print, match one entry, compile
 * to SQL. The language itself is told to users in doc/format/rule.md.
 *
 *   text ─▶ rule_parse ─▶ struct rule ─┬▶ rule_match   one entry, exact; decides (agent and server)
 *                                      ├▶ rule_sql     a WHERE for the inventory; narrows
 *                                      └▶ rule_print   canonical text; parsing it gives the same
 * rule
 *
 * Logic has three values, as in SQL: a comparison with something unknown (no creation time, no
 * owner name, a regular expression that hit its limit) is unknown; `not` of it too; only "true"
 * matches. So what is not known makes no file look cold.
 *
 * No clock here: now_ns is given. A parsed rule never changes and may be used by any number of
 * threads at once. Only src/rule includes pcre2.h. */
#ifndef ALTO_RULE_RULE_H
#define ALTO_RULE_RULE_H

#include "base/bytes.h"

/* Named caps. Each is a tested result: AL_ELIMIT with the place in struct rule_error. */
#define RULE_TEXT_BYTES_MAX 65536u /* a rule's text; room for an `in` list of a thousand names */
#define RULE_DEPTH_MAX                                                                             \
    64u /* parentheses and `not` within each other; bounds the stack of parser and evaluator */
#define RULE_NODES_MAX 4096u        /* comparisons, and, or, not */
#define RULE_LIST_MAX 4096u         /* items of one `in (..)` */
#define RULE_STRING_BYTES_MAX 4096u /* one string, glob or regex after its escapes */
#define RULE_REGEX_MAX 32u          /* `like` comparisons of one rule: each costs compiled code */
#define RULE_REGEX_MATCH_LIMIT                                                                     \
    200000u /* PCRE2 match limit (steps): some milliseconds; beyond: unknown */
#define RULE_REGEX_DEPTH_LIMIT 1000u
#define RULE_REGEX_HEAP_KIB 1024u

struct rule_limits { /* 0 in a field: the cap above; larger than the cap: the cap */
    size_t text_bytes, depth, nodes, list;
};

struct rule_error {
    size_t at; /* byte offset into the text where the trouble begins; text length when it ended too
                  early */
    size_t length;      /* bytes that are in trouble; 0 at the end of the text */
    char message[160];  /* a sentence without full stop: "unknown field \"sise\"" */
    char expected[256]; /* what could stand there: "a field: name, path, ..."; "" where that says
                           nothing more */
};

enum rule_state {
    RULE_S_RESIDENT,
    RULE_S_STUB,
    RULE_S_TIERING,
    RULE_S_RECALLING,
    RULE_S_PINNED,
    RULE_S_ARCHIVED, /* a placeholder stands in its place */
    RULE_S_COUNT
};
const char *rule_state_name(enum rule_state s); /* "resident", ...; never NULL */

/* Bits of rule_entry.attrs: the numbers of enum port_attr (port/port.h; a test holds them equal).
 */
enum rule_attr {
    RULE_A_IMMUTABLE = 1,
    RULE_A_APPEND = 2,
    RULE_A_VERITY = 4,
    RULE_A_ENCRYPTED = 8,
    RULE_A_DAX = 16,
    RULE_A_COMPRESSED = 32,
    RULE_A_READONLY = 64,
    RULE_A_HIDDEN = 128,
    RULE_A_SYSTEM = 256,
    RULE_A_OFFLINE = 512,
    RULE_A_REPARSE = 1024
};

#define RULE_TIME_UNKNOWN INT64_MIN

/* What a rule can ask about one file. Spans are borrowed for the call. */
struct rule_entry {
    struct al_span path; /* from the volume's root, parts separated by '/'; a leading '/' makes no
                            difference */
    uint64_t size;       /* bytes */
    int64_t accessed_ns; /* RULE_TIME_UNKNOWN: unknown */
    int64_t modified_ns;
    int64_t created_ns; /* 0 or RULE_TIME_UNKNOWN: unknown */
    uint32_t uid;
    struct al_span
        owner;      /* name of uid; .at NULL: unknown (then comparisons by name are unknown) */
    uint32_t attrs; /* enum rule_attr */
    uint32_t mode;  /* permission bits, for attributes setuid, setgid, sticky, executable */
    enum rule_state state;
};

struct rule;

/* limits NULL: the caps. On failure AL_EINVAL (wrong text), AL_ELIMIT (a cap) or AL_ENOMEM, with
 * *error (may be NULL) filled. text need not be UTF-8 nor NUL-terminated. The empty text is an
 * error: a rule that means every file says `true`. */
int rule_parse(struct al_span text, const struct rule_limits *limits, struct rule **ret,
               struct rule_error *error) AL_MUST_CHECK;
struct rule *rule_free(struct rule *r); /* NULL is fine; returns NULL */
void rule_freep(struct rule **r);       /* for AL_CLEANUP */

/* Appends the canonical text (valid UTF-8): parse(print(x)) equals x. AL_ENOMEM, AL_ELIMIT of out.
 */
int rule_print(const struct rule *r, struct al_buf *out) AL_MUST_CHECK;
bool rule_equal(const struct rule *a, const struct rule *b);

/* True when the rule holds for the entry at the time now_ns. Never fails: what cannot be decided
 * does not match. */
bool rule_match(const struct rule *r, const struct rule_entry *e, int64_t now_ns);

/* ---- SQL ----
 *
 * Appends a DuckDB expression in parentheses over these columns, which the query must offer
 * unqualified: path BLOB ('/' first), name BLOB, ext BLOB (ASCII lower case), size UBIGINT or
 * BIGINT, accessed_ns, mtime_ns, btime_ns BIGINT (NULL unknown), uid, owner BLOB (NULL unknown),
 * attrs, mode, state (number of enum rule_state) and these functions, which the inventory registers
 * as calls of the functions below: alto_glob(BLOB text, BLOB pattern, UTINYINT fold) → rule_glob;
 * alto_fold(BLOB) → rule_fold The expression is true exactly where rule_match is, but for `like`,
 * where it is wider (it takes `like` as it suits the whole), unless *ret_exact says that there was
 * none. Values are written as literals; nothing of the text reaches SQL unescaped. AL_ENOMEM,
 * AL_ELIMIT of out. */
int rule_sql(const struct rule *r, int64_t now_ns, struct al_buf *out,
             bool *ret_exact) AL_MUST_CHECK;

/* Whether text matches a glob as doc/format/rule.md tells it: '*' and '?' do not cross '/', '**'
 * does, "/" "**" "/" is any number of whole parts or none, [a-z], [!a-z], '\' takes the next
 * character as it is. fold: ASCII letters match in either case. Time at most text × pattern. A
 * malformed pattern (rule_parse lets none through) matches nothing. */
bool rule_glob(struct al_span text, struct al_span pattern, bool fold);
/* Lower-cases ASCII letters; out holds s.len bytes and may be s.at. */
void rule_fold(struct al_span s, uint8_t *out);
/* Name (last part) of a path, and extension of a name: behind the last '.', none if that is the
 * first or last byte. Parts of s. */
struct al_span rule_name_of(struct al_span path);
struct al_span rule_ext_of(struct al_span name);

#endif
