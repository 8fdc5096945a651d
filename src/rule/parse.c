#include "rule/parse_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIELDS_EXPECTED                                                                            \
    "a field (name, path, ext, size, accessed, modified, created, owner, attributes, state), "     \
    "not, true, false, or ("

static struct node *parse_or(struct parser *p);

static struct node *
new_node(struct parser *p, enum node_kind kind)
{
    struct node *n;

    if (p->rc < 0) {
        return NULL;
    }
    if (++p->nodes > p->limits.nodes) {
        (void)rule_fail(p, AL_ELIMIT, p->now.at, p->now.len, "", "the rule has more than %u parts",
                        (unsigned)p->limits.nodes);
        return NULL;
    }
    n = al_arena_alloc(p->rule->arena, sizeof(*n));
    if (n == NULL) {
        (void)rule_fail(p, AL_ENOMEM, p->now.at, 0, "", "out of memory");
        return NULL;
    }
    n->kind = kind;
    return n;
}

static void
add_child(struct node *parent, struct node *child)
{
    if (child->kind == parent->kind && parent->kind != N_NOT) {
        /* (a and b) and c is a and b and c. */
        if (parent->last != NULL) {
            parent->last->next = child->first;
        } else {
            parent->first = child->first;
        }
        parent->last = child->last;
        return;
    }
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
}

static bool
deeper(struct parser *p)
{
    if (++p->depth > p->limits.depth) {
        (void)rule_fail(p, AL_ELIMIT, p->now.at, p->now.len, "",
                        "parentheses and not lie more than %u deep", (unsigned)p->limits.depth);
        return false;
    }
    return true;
}

static void
take_regex(struct parser *p, struct node *leaf)
{
    struct regex *r;
    char message[160];
    struct token t = p->now;
    size_t at = 0;
    int rc;

    if (t.kind != T_REGEX) {
        (void)rule_fail(p, AL_EINVAL, t.at, t.len,
                        "a regular expression between slashes, as in /^img_\\d+/i",
                        "a regular expression is missing");
        return;
    }
    if (++p->regexes > RULE_REGEX_MAX) {
        (void)rule_fail(p, AL_ELIMIT, t.at, t.len, "", "more than %u regular expressions",
                        RULE_REGEX_MAX);
        return;
    }
    r = al_arena_alloc(p->rule->arena, sizeof(*r));
    if (r == NULL) {
        (void)rule_fail(p, AL_ENOMEM, t.at, 0, "", "out of memory");
        return;
    }
    r->text = t.text;
    r->fold = t.fold;
    r->next = p->rule->regexes;
    p->rule->regexes = r;
    leaf->regex = r;
    rc = rule_regex_compile(r, message, sizeof(message), &at);
    if (rc < 0) {
        (void)rule_fail(p, rc, t.at + 1 + at, 1, "", "%s",
                        rc == AL_EINVAL ? message : "out of memory");
        return;
    }
    rule_lex(p, false);
}

static int
by_text(const void *a, const void *b)
{
    return al_span_order((*(struct value *const *)a)->text, (*(struct value *const *)b)->text);
}

/* A list of many texts is searched by halves. */
static void
sort_items(struct parser *p, struct node *leaf)
{
    size_t i;

    if (p->rc < 0 || leaf->item_count < 8) {
        return;
    }
    for (i = 0; i < leaf->item_count; i++) {
        if (!leaf->items[i].is_text || leaf->items[i].fold != leaf->items[0].fold) {
            return;
        }
    }
    leaf->sorted = al_arena_alloc(p->rule->arena, leaf->item_count * sizeof(struct value *));
    if (leaf->sorted == NULL) {
        (void)rule_fail(p, AL_ENOMEM, p->now.at, 0, "", "out of memory");
        return;
    }
    for (i = 0; i < leaf->item_count; i++) {
        leaf->sorted[i] = &leaf->items[i];
    }
    qsort(leaf->sorted, leaf->item_count, sizeof(struct value *), by_text);
}

/* The items between parentheses; p->now is what follows `in`. */
static void
take_list(struct parser *p, struct node *leaf)
{
    struct value *items = NULL;
    size_t cap = 0, count = 0;

    if (p->now.kind != T_OPEN) {
        (void)rule_fail(p, AL_EINVAL, p->now.at, p->now.len, "(",
                        "a list in parentheses is missing");
        return;
    }
    do {
        if (count == p->limits.list) {
            (void)rule_fail(p, AL_ELIMIT, p->now.at, p->now.len, "",
                            "a list has more than %u items", (unsigned)p->limits.list);
            return;
        }
        if (count == cap) {
            /* The arena keeps the smaller copies: at most as much again. */
            struct value *more =
                al_arena_alloc(p->rule->arena, (cap == 0 ? 4 : 2 * cap) * sizeof(*more));

            if (more == NULL) {
                (void)rule_fail(p, AL_ENOMEM, p->now.at, 0, "", "out of memory");
                return;
            }
            if (count > 0) {
                memcpy(more, items, count * sizeof(*items));
            }
            items = more;
            cap = cap == 0 ? 4 : 2 * cap;
        }
        rule_lex(p, false);
        if (p->rc < 0 || rule_take_item(p, leaf, &items[count]) < 0) {
            return;
        }
        count++;
    } while (p->now.kind == T_COMMA);
    if (p->now.kind != T_CLOSE) {
        (void)rule_fail(p, AL_EINVAL, p->now.at, p->now.len, ", or )", "the list is not closed");
        return;
    }
    leaf->items = items;
    leaf->item_count = count;
    sort_items(p, leaf);
    rule_lex(p, false);
}

static void
take_value(struct parser *p, struct node *leaf)
{
    leaf->items = al_arena_alloc(p->rule->arena, sizeof(*leaf->items));
    leaf->item_count = 1;
    if (leaf->items == NULL) {
        (void)rule_fail(p, AL_ENOMEM, p->now.at, 0, "", "out of memory");
        return;
    }
    rule_lex(p, false);
    if (p->rc < 0) {
        return;
    }
    /* Each fails by p->rc, which the callers look at. */
    if (leaf->op == O_MATCHES) {
        (void)rule_take_glob(p, leaf, leaf->items);
    } else if (leaf->op == O_OLDER || leaf->op == O_NEWER) {
        (void)rule_take_age(p, leaf->items);
    } else {
        (void)rule_take_item(p, leaf, leaf->items);
    }
}

static void
no_op(struct parser *p, const struct node *leaf)
{
    static const char *const expected[] = {
        [K_TEXT] = "=, !=, in, not in, matches or like",
        [K_SIZE] = "=, !=, <, <=, >, >=, in or not in",
        [K_TIME] = "older than, newer than, =, !=, <, <=, > or >=",
        [K_OWNER] = "=, !=, in, not in, matches or like",
        [K_ATTRS] = "=, !=, in or not in",
        [K_STATE] = "=, !=, in or not in",
    };

    (void)rule_fail(p, AL_EINVAL, p->now.at, p->now.len, expected[rule_fields[leaf->field].kind],
                    p->now.kind == T_END ? "the rule ends after %s" : "this cannot be asked of %s",
                    rule_fields[leaf->field].name);
}

/* Reads the operator into leaf; p->now is left on its last word. */
static bool
take_op(struct parser *p, struct node *leaf)
{
    struct token first = p->now;

    if (first.kind == T_OP) {
        leaf->op = first.op;
        leaf->negated = first.negated;
    } else if (rule_word_is(&first, "older") || rule_word_is(&first, "newer")) {
        leaf->op = rule_word_is(&first, "older") ? O_OLDER : O_NEWER;
        if ((rule_fields[leaf->field].ops & (1u << leaf->op)) != 0) {
            rule_lex(p, false);
            if (!rule_word_is(&p->now, "than")) {
                (void)rule_fail(p, AL_EINVAL, p->now.at, p->now.len, "than", "than is missing");
                return false;
            }
        }
    } else {
        if (rule_word_is(&first, "not")) {
            leaf->negated = true;
            rule_lex(p, false);
        }
        if (rule_word_is(&p->now, "in")) {
            leaf->op = O_IN;
        } else if (rule_word_is(&p->now, "matches")) {
            leaf->op = O_MATCHES;
        } else if (rule_word_is(&p->now, "like")) {
            leaf->op = O_LIKE;
        } else {
            no_op(p, leaf);
            return false;
        }
    }
    if ((rule_fields[leaf->field].ops & (1u << leaf->op)) == 0) {
        no_op(p, leaf);
        return false;
    }
    return p->rc >= 0;
}

static struct node *
parse_leaf(struct parser *p, enum field field)
{
    struct node *leaf = new_node(p, N_LEAF);

    if (leaf == NULL) {
        return NULL;
    }
    leaf->field = field;
    p->rule->uses_path = p->rule->uses_path || field == F_PATH;
    rule_lex(p, false);
    if (p->rc < 0 || !take_op(p, leaf)) {
        return NULL;
    }
    if (leaf->op == O_LIKE) {
        rule_lex(p, true);
        if (p->rc >= 0) {
            take_regex(p, leaf);
        }
    } else if (leaf->op == O_IN) {
        rule_lex(p, false);
        if (p->rc >= 0) {
            take_list(p, leaf);
        }
    } else {
        take_value(p, leaf);
    }
    return leaf;
}

static struct node *
parse_parentheses(struct parser *p)
{
    struct node *n;

    if (!deeper(p)) {
        return NULL;
    }
    rule_lex(p, false);
    n = parse_or(p);
    if (p->rc >= 0 && p->now.kind != T_CLOSE) {
        (void)rule_fail(p, AL_EINVAL, p->now.at, p->now.len, "), and, or or",
                        "a parenthesis is not closed");
    }
    rule_lex(p, false);
    p->depth--;
    return n;
}

static struct node *
parse_unary(struct parser *p)
{
    struct node *n, *child;
    int f;

    if (p->now.kind == T_OPEN) {
        return parse_parentheses(p);
    }
    if (rule_word_is(&p->now, "not")) {
        n = new_node(p, N_NOT);
        if (n == NULL || !deeper(p)) {
            return NULL;
        }
        rule_lex(p, false);
        child = parse_unary(p);
        if (child == NULL) {
            return NULL;
        }
        add_child(n, child);
        p->depth--;
        return n;
    }
    if (rule_word_is(&p->now, "true") || rule_word_is(&p->now, "false")) {
        n = new_node(p, N_CONST);
        if (n != NULL) {
            n->truth = rule_word_is(&p->now, "true");
            rule_lex(p, false);
        }
        return n;
    }
    for (f = 0; f < F_COUNT; f++) {
        if (rule_word_is(&p->now, rule_fields[f].name)) {
            return parse_leaf(p, (enum field)f);
        }
    }
    if (p->now.kind == T_END) {
        (void)rule_fail(p, AL_EINVAL, p->now.at, 0, FIELDS_EXPECTED,
                        p->len == 0 ? "the rule is empty" : "the rule ends too early");
    } else {
        (void)rule_fail(p, AL_EINVAL, p->now.at, p->now.len, FIELDS_EXPECTED,
                        p->now.kind == T_WORD ? "unknown field \"%.*s\"" : "unexpected %.*s",
                        (int)(p->now.len < 60 ? p->now.len : 60),
                        (const char *)p->text + p->now.at);
    }
    return NULL;
}

/* a and b and ...; with `or` false. The same for or, of which `and` binds tighter. */
static struct node *
parse_chain(struct parser *p, enum node_kind kind, const char *word,
            struct node *(*part)(struct parser *))
{
    struct node *first = part(p), *chain = NULL;

    while (p->rc >= 0 && rule_word_is(&p->now, word)) {
        struct node *next;

        if (chain == NULL) {
            chain = new_node(p, kind);
            if (chain == NULL) {
                return NULL;
            }
            add_child(chain, first);
        }
        rule_lex(p, false);
        next = part(p);
        if (p->rc < 0) {
            return NULL;
        }
        add_child(chain, next);
    }
    return chain != NULL ? chain : first;
}

static struct node *
parse_and(struct parser *p)
{
    return parse_chain(p, N_AND, "and", parse_unary);
}

static struct node *
parse_or(struct parser *p)
{
    return parse_chain(p, N_OR, "or", parse_and);
}

static size_t
cap(size_t wanted, size_t most)
{
    return wanted > 0 && wanted < most ? wanted : most;
}

static void
parse_all(struct parser *p)
{
    if (p->len > p->limits.text_bytes) {
        (void)rule_fail(p, AL_ELIMIT, p->limits.text_bytes, p->len, "",
                        "the rule is longer than %u bytes", (unsigned)p->limits.text_bytes);
        return;
    }
    rule_lex(p, false);
    p->rule->root = parse_or(p);
    if (p->rc >= 0 && p->now.kind != T_END) {
        (void)rule_fail(p, AL_EINVAL, p->now.at, p->now.len, "and, or, or the end of the rule",
                        "something follows that does not belong");
    }
}

int
rule_parse(struct al_span text, const struct rule_limits *limits, struct rule **ret,
           struct rule_error *error)
{
    AL_CLEANUP(rule_freep) struct rule *r = al_zalloc(sizeof(*r));
    struct rule_limits l = limits != NULL ? *limits : (struct rule_limits){0};
    struct parser p = {.text = text.len > 0 ? text.at : (const uint8_t *)"", .len = text.len};

    p.limits.text_bytes = cap(l.text_bytes, RULE_TEXT_BYTES_MAX);
    p.limits.depth = cap(l.depth, RULE_DEPTH_MAX);
    p.limits.nodes = cap(l.nodes, RULE_NODES_MAX);
    p.limits.list = cap(l.list, RULE_LIST_MAX);
    p.rule = r;
    if (r != NULL) {
        r->arena = al_arena_new(RULE_ARENA_BYTES_MAX);
    }
    if (r == NULL || r->arena == NULL) {
        (void)rule_fail(&p, AL_ENOMEM, 0, 0, "", "out of memory");
    } else {
        parse_all(&p);
    }
    if (p.rc < 0) {
        if (error != NULL) {
            *error = p.error;
        }
        return p.rc;
    }
    *ret = r;
    r = NULL;
    return AL_OK;
}

struct rule *
rule_free(struct rule *r)
{
    struct regex *x;

    if (r == NULL) {
        return NULL;
    }
    for (x = r->regexes; x != NULL; x = x->next) {
        rule_regex_free(x);
    }
    al_arena_free(r->arena);
    al_free(r);
    return NULL;
}

void
rule_freep(struct rule **r)
{
    *r = rule_free(*r);
}
