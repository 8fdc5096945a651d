#include "rule/rule_priv.h"

#include <string.h>

#include "base/mem.h"

/* A path up to this length gets its '/' in front without an allocation. */
#define PATH_ON_STACK 512u

struct asked {
    const struct rule_entry *e;
    struct al_span path; /* '/' first; .at NULL when memory failed */
    struct al_span name, ext;
    int64_t now_ns;
};

static enum truth
truth_of(bool b)
{
    return b ? IS_TRUE : IS_FALSE;
}

static enum truth
turned(enum truth t)
{
    return (enum truth)(IS_TRUE - t);
}

static bool
equal_folded(struct al_span s, struct al_span folded)
{
    if (s.len != folded.len) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i];

        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != folded.at[i]) {
            return false;
        }
    }
    return true;
}

/* memcmp order of s, folded when asked, against an item that is. */
static int
order(struct al_span s, const struct value *v)
{
    size_t i, n = s.len < v->text.len ? s.len : v->text.len;

    for (i = 0; i < n; i++) {
        uint8_t c = s.at[i];

        if (v->fold && c >= 'A' && c <= 'Z') {
            c = (uint8_t)(c + 32);
        }
        if (c != v->text.at[i]) {
            return c < v->text.at[i] ? -1 : 1;
        }
    }
    return s.len == v->text.len ? 0 : s.len < v->text.len ? -1 : 1;
}

static bool
text_in(const struct node *leaf, struct al_span s)
{
    size_t from = 0, to = leaf->item_count;

    if (leaf->sorted == NULL) {
        for (size_t i = 0; i < leaf->item_count; i++) {
            const struct value *v = &leaf->items[i];

            if (v->is_text && (v->fold ? equal_folded(s, v->text) : al_span_equal(s, v->text))) {
                return true;
            }
        }
        return false;
    }
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int o = order(s, leaf->sorted[mid]);

        if (o == 0) {
            return true;
        }
        if (o < 0) {
            to = mid;
        } else {
            from = mid + 1;
        }
    }
    return false;
}

static enum truth
text_leaf(const struct node *leaf, struct al_span s)
{
    if (s.at == NULL) {
        return IS_UNKNOWN;
    }
    if (leaf->op == O_MATCHES) {
        return truth_of(rule_glob(s, leaf->items->glob, leaf->items->fold));
    }
    if (leaf->op == O_LIKE) {
        return rule_regex_match(leaf->regex, s);
    }
    return truth_of(text_in(leaf, s));
}

static enum truth
owner_leaf(const struct node *leaf, const struct rule_entry *e)
{
    enum truth t = IS_FALSE;

    if (leaf->op == O_MATCHES || leaf->op == O_LIKE) {
        return text_leaf(leaf, e->owner);
    }
    for (size_t i = 0; i < leaf->item_count; i++) {
        const struct value *v = &leaf->items[i];

        if (!v->is_text && v->number == e->uid) {
            return IS_TRUE;
        }
        if (v->is_text && e->owner.at == NULL) {
            t = IS_UNKNOWN;
        }
    }
    return e->owner.at != NULL ? truth_of(text_in(leaf, e->owner)) : t;
}

static bool
ordered_u64(enum op op, uint64_t a, uint64_t b)
{
    switch (op) {
    case O_LT:
        return a < b;
    case O_LE:
        return a <= b;
    case O_GT:
        return a > b;
    case O_GE:
        return a >= b;
    default:
        return a == b;
    }
}

static bool
ordered_i64(enum op op, int64_t a, int64_t b)
{
    /* Shifted so that the order stays. */
    return ordered_u64(op, (uint64_t)a ^ (UINT64_C(1) << 63), (uint64_t)b ^ (UINT64_C(1) << 63));
}

static enum truth
time_leaf(const struct node *leaf, const struct asked *a)
{
    int64_t t = leaf->field == F_ACCESSED   ? a->e->accessed_ns
                : leaf->field == F_MODIFIED ? a->e->modified_ns
                                            : a->e->created_ns;

    if (t == RULE_TIME_UNKNOWN || (leaf->field == F_CREATED && t == 0)) {
        return IS_UNKNOWN;
    }
    if (leaf->op == O_OLDER) {
        return truth_of(t < rule_border(leaf->items, a->now_ns));
    }
    if (leaf->op == O_NEWER) {
        return truth_of(t > rule_border(leaf->items, a->now_ns));
    }
    return truth_of(ordered_i64(leaf->op, t, leaf->items->time_ns));
}

static enum truth
number_leaf(const struct node *leaf, const struct rule_entry *e)
{
    for (size_t i = 0; i < leaf->item_count; i++) {
        uint64_t v = leaf->items[i].number;
        bool yes;

        if (leaf->field == F_SIZE) {
            yes = ordered_u64(leaf->op, e->size, v);
        } else if (leaf->field == F_STATE) {
            yes = v == (uint64_t)e->state;
        } else {
            yes = (e->attrs & rule_attrs[v].attrs) != 0 || (e->mode & rule_attrs[v].mode) != 0;
        }
        if (yes) {
            return IS_TRUE;
        }
    }
    return IS_FALSE;
}

static enum truth
leaf_holds(const struct node *leaf, const struct asked *a)
{
    switch (leaf->field) {
    case F_NAME:
        return text_leaf(leaf, a->name);
    case F_PATH:
        return text_leaf(leaf, a->path);
    case F_EXT:
        return text_leaf(leaf, a->ext);
    case F_OWNER:
        return owner_leaf(leaf, a->e);
    case F_ACCESSED:
    case F_MODIFIED:
    case F_CREATED:
        return time_leaf(leaf, a);
    default:
        return number_leaf(leaf, a->e);
    }
}

/* and: the least of its parts; or: the greatest. Depth is bounded by RULE_DEPTH_MAX. */
static enum truth
node_holds(const struct node *n, const struct asked *a)
{
    const struct node *child;
    enum truth all, t;

    switch (n->kind) {
    case N_CONST:
        return truth_of(n->truth);
    case N_LEAF:
        t = leaf_holds(n, a);
        return n->negated ? turned(t) : t;
    case N_NOT:
        return turned(node_holds(n->first, a));
    default:
        all = n->kind == N_AND ? IS_TRUE : IS_FALSE;
        for (child = n->first; child != NULL; child = child->next) {
            t = node_holds(child, a);
            all = n->kind == N_AND ? (t < all ? t : all) : (t > all ? t : all);
            if (all == (n->kind == N_AND ? IS_FALSE : IS_TRUE)) {
                break;
            }
        }
        return all;
    }
}

bool
rule_match(const struct rule *r, const struct rule_entry *e, int64_t now_ns)
{
    AL_CLEANUP(al_freep) uint8_t *copy = NULL;
    static const uint8_t nothing[1] = {0};
    uint8_t on_stack[PATH_ON_STACK];
    struct asked a = {.e = e, .path = e->path, .now_ns = now_ns};
    uint8_t *to = on_stack;

    while (a.path.len > 1 && a.path.at[0] == '/' && a.path.at[1] == '/') {
        a.path.at++;
        a.path.len--;
    }
    if (a.path.at == NULL) {
        a.path.at = nothing;
    }
    a.name = rule_name_of(a.path);
    a.ext = rule_ext_of(a.name);
    if (r->uses_path && (a.path.len == 0 || a.path.at[0] != '/')) {
        if (a.path.len + 1 > sizeof(on_stack)) {
            copy = al_alloc(a.path.len + 1);
            to = copy;
        }
        if (to != NULL) {
            to[0] = '/';
            memcpy(to + 1, a.path.at, a.path.len);
            a.path.len++;
        }
        a.path.at = to; /* NULL: unknown */
    }
    return node_holds(r->root, &a) == IS_TRUE;
}
