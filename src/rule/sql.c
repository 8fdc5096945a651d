/* Rules as DuckDB SQL. NULL stands for unknown, and SQL's and, or, not are the evaluator's. `like`
 * is taken as true where that can only widen the whole, and as false below an odd number of nots.
 */
#include "rule/rule_priv.h"

static const char *const columns[F_COUNT] = {
    [F_NAME] = "name",
    [F_PATH] = "path",
    [F_EXT] = "ext",
    [F_SIZE] = "size",
    [F_ACCESSED] = "accessed_ns",
    [F_MODIFIED] = "mtime_ns",
    [F_CREATED] = "btime_ns",
    [F_OWNER] = "owner",
    [F_ATTRIBUTES] = "attrs",
    [F_STATE] = "state",
};
static const char *const op_sql[O_COUNT] = {
    [O_EQ] = "=",  [O_LT] = "<",    [O_LE] = "<=",  [O_GT] = ">",
    [O_GE] = ">=", [O_OLDER] = "<", [O_NEWER] = ">"};

struct writer {
    struct al_buf *out;
    int64_t now_ns;
    bool exact;
    int rc;
};

static void
put(struct writer *w, const char *text)
{
    if (w->rc == AL_OK) {
        w->rc = al_buf_adds(w->out, text);
    }
}

static void
put_u64(struct writer *w, uint64_t v)
{
    if (w->rc == AL_OK) {
        w->rc = al_buf_addf(w->out, "%llu", (unsigned long long)v);
    }
}

static void
put_time(struct writer *w, int64_t ns)
{
    /* As text, since the least number has no literal of its own. */
    if (w->rc == AL_OK) {
        w->rc = al_buf_addf(w->out, "'%lld'::BIGINT", (long long)ns);
    }
}

/* Every byte as \xNN: nothing of it is left for SQL to read. */
static void
put_blob(struct writer *w, struct al_span s)
{
    static const char digits[] = "0123456789ABCDEF";

    put(w, "'");
    for (size_t i = 0; i < s.len && w->rc == AL_OK; i++) {
        char text[4] = {'\\', 'x', digits[s.at[i] >> 4], digits[s.at[i] & 15]};

        w->rc = al_buf_add(w->out, text, sizeof(text));
    }
    put(w, "'::BLOB");
}

/* column in (those of the items that are texts with this fold); adds nothing when there are none.
 */
static void
put_texts(struct writer *w, const struct node *leaf, bool fold, bool *io_first)
{
    bool some = false;

    for (size_t i = 0; i < leaf->item_count; i++) {
        const struct value *v = &leaf->items[i];

        if (!v->is_text || v->fold != fold) {
            continue;
        }
        if (!some) {
            put(w, *io_first ? "" : " OR ");
            /* ext is stored in lower case. */
            put(w, fold && leaf->field != F_EXT ? "alto_fold(" : "");
            put(w, columns[leaf->field]);
            put(w, fold && leaf->field != F_EXT ? ") IN (" : " IN (");
        } else {
            put(w, ", ");
        }
        put_blob(w, v->text);
        some = true;
        *io_first = false;
    }
    put(w, some ? ")" : "");
}

static void
put_uids(struct writer *w, const struct node *leaf, bool *io_first)
{
    bool some = false;

    for (size_t i = 0; i < leaf->item_count; i++) {
        if (leaf->items[i].is_text) {
            continue;
        }
        put(w, some ? ", " : *io_first ? "uid IN (" : " OR uid IN (");
        put_u64(w, leaf->items[i].number);
        some = true;
        *io_first = false;
    }
    put(w, some ? ")" : "");
}

/* What comes first in byte order behind everything that begins with the prefix; false when there is
 * nothing. */
static bool
behind(uint8_t *prefix, size_t *io_len)
{
    size_t n = *io_len;

    while (n > 0 && prefix[n - 1] == 0xff) {
        n--;
    }
    if (n == 0) {
        return false;
    }
    prefix[n - 1]++;
    *io_len = n;
    return true;
}

static void
put_glob(struct writer *w, const struct node *leaf)
{
    const struct value *v = leaf->items;
    uint8_t prefix[RULE_STRING_BYTES_MAX + 8];
    size_t len = 0;

    if (!v->fold && v->glob.len <= sizeof(prefix) && rule_glob_prefix(v->glob, prefix, &len)) {
        put(w, columns[leaf->field]);
        put(w, " >= ");
        put_blob(w, (struct al_span){prefix, len});
        if (behind(prefix, &len)) {
            put(w, " AND ");
            put(w, columns[leaf->field]);
            put(w, " < ");
            put_blob(w, (struct al_span){prefix, len});
        }
        return;
    }
    put(w, "alto_glob(");
    put(w, columns[leaf->field]);
    put(w, ", ");
    put_blob(w, v->glob);
    put(w, v->fold ? ", 1::UTINYINT)" : ", 0::UTINYINT)");
}

static void
put_mask(struct writer *w, const char *column, uint32_t mask, bool *io_first)
{
    if (mask == 0) {
        return;
    }
    put(w, *io_first ? "(" : " OR (");
    put(w, column);
    put(w, " & ");
    put_u64(w, mask);
    put(w, ") <> 0");
    *io_first = false;
}

static void
put_number(struct writer *w, const struct node *leaf)
{
    if (leaf->op != O_IN && leaf->op != O_EQ) {
        put(w, columns[leaf->field]);
        put(w, op_sql[leaf->op]);
        put_u64(w, leaf->items->number);
        return;
    }
    put(w, columns[leaf->field]);
    for (size_t i = 0; i < leaf->item_count; i++) {
        put(w, i == 0 ? " IN (" : ", ");
        put_u64(w, leaf->items[i].number);
    }
    put(w, ")");
}

static void
put_time_leaf(struct writer *w, const struct node *leaf)
{
    put(w, columns[leaf->field]);
    put(w, op_sql[leaf->op]);
    put_time(w, leaf->op == O_OLDER || leaf->op == O_NEWER ? rule_border(leaf->items, w->now_ns)
                                                           : leaf->items->time_ns);
}

static void
put_attributes(struct writer *w, const struct node *leaf)
{
    uint32_t attrs = 0, mode = 0;
    bool first = true;

    for (size_t i = 0; i < leaf->item_count; i++) {
        attrs |= rule_attrs[leaf->items[i].number].attrs;
        mode |= rule_attrs[leaf->items[i].number].mode;
    }
    put_mask(w, "attrs", attrs, &first);
    put_mask(w, "mode", mode, &first);
}

static void
put_leaf(struct writer *w, const struct node *leaf, bool widen)
{
    bool first = true;

    if (leaf->op == O_LIKE) {
        w->exact = false;
        put(w, widen != leaf->negated ? "TRUE" : "FALSE");
        return;
    }
    if (leaf->op == O_MATCHES) {
        put_glob(w, leaf);
        return;
    }
    switch (rule_fields[leaf->field].kind) {
    case K_TIME:
        put_time_leaf(w, leaf);
        break;
    case K_ATTRS:
        put_attributes(w, leaf);
        break;
    case K_SIZE:
    case K_STATE:
        put_number(w, leaf);
        break;
    default:
        put_uids(w, leaf, &first);
        put_texts(w, leaf, false, &first);
        put_texts(w, leaf, true, &first);
    }
}

/* widen: a `like` in here may only be taken for more than it is; false below a not. */
static void
put_node(struct writer *w, const struct node *n, bool widen)
{
    const struct node *child;

    switch (n->kind) {
    case N_CONST:
        put(w, n->truth ? "TRUE" : "FALSE");
        break;
    case N_LEAF:
        put(w, n->negated ? "(NOT (" : "(");
        put_leaf(w, n, widen);
        put(w, n->negated ? "))" : ")");
        break;
    case N_NOT:
        put(w, "(NOT ");
        put_node(w, n->first, !widen);
        put(w, ")");
        break;
    default:
        put(w, "(");
        for (child = n->first; child != NULL; child = child->next) {
            put(w, child == n->first ? "" : n->kind == N_AND ? " AND " : " OR ");
            put_node(w, child, widen);
        }
        put(w, ")");
    }
}

int
rule_sql(const struct rule *r, int64_t now_ns, struct al_buf *out, bool *ret_exact)
{
    struct writer w = {.out = out, .now_ns = now_ns, .exact = true, .rc = AL_OK};

    put_node(&w, r->root, true);
    if (w.rc < 0) {
        return w.rc;
    }
    *ret_exact = w.exact;
    return AL_OK;
}
