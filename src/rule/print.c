#include "rule/rule_priv.h"

#include <string.h>

#include "base/text.h"

static const char *const op_texts[O_COUNT] = {
    [O_EQ] = "=",
    [O_LT] = "<",
    [O_LE] = "<=",
    [O_GT] = ">",
    [O_GE] = ">=",
    [O_IN] = "in",
    [O_MATCHES] = "matches",
    [O_LIKE] = "like",
    [O_OLDER] = "older than",
    [O_NEWER] = "newer than",
};

static int print_node(const struct node *n, struct al_buf *out);

/* Length of the valid UTF-8 character at the front, 0 for none. */
static size_t
utf8_len(struct al_span s)
{
    for (size_t n = 1; n <= 4 && n <= s.len; n++) {
        if (al_utf8_valid((struct al_span){s.at, n})) {
            return n;
        }
    }
    return 0;
}

static int
print_string(struct al_span s, struct al_buf *out)
{
    int rc = al_buf_adds(out, "\"");

    while (rc == AL_OK && s.len > 0) {
        uint8_t c = s.at[0];
        size_t n = 1;

        if (c == '"' || c == '\\') {
            rc = al_buf_addf(out, "\\%c", c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            rc = al_buf_adds(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else {
            n = c < 0x20 || c == 0x7f ? 0 : utf8_len(s);
            rc = n > 0 ? al_buf_add(out, s.at, n) : al_buf_addf(out, "\\x%02x", c);
            n = n > 0 ? n : 1;
        }
        s.at += n;
        s.len -= n;
    }
    return rc < 0 ? rc : al_buf_adds(out, "\"");
}

/* Whether text can stand without quotes. For owners digits in front mean a number. */
static bool
is_bare(enum field f, const struct value *v)
{
    size_t i;

    if ((f != F_EXT && (f != F_OWNER || v->fold)) || v->text.len == 0) {
        return false;
    }
    if (f == F_OWNER && v->text.at[0] >= '0' && v->text.at[0] <= '9') {
        return false;
    }
    for (i = 0; i < v->text.len; i++) {
        uint8_t c = v->text.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_')) {
            return false;
        }
    }
    return true;
}

static int
print_text(enum field f, const struct value *v, struct al_buf *out)
{
    int rc;

    if (is_bare(f, v)) {
        return al_buf_add(out, v->text.at, v->text.len);
    }
    rc = print_string(v->text, out);
    return rc == AL_OK && v->fold && f != F_EXT ? al_buf_adds(out, "i") : rc;
}

static int
print_size(uint64_t bytes, struct al_buf *out)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        {"TiB", UINT64_C(1) << 40}, {"TB", UINT64_C(1000000000000)},
        {"GiB", UINT64_C(1) << 30}, {"GB", 1000000000},
        {"MiB", UINT64_C(1) << 20}, {"MB", 1000000},
        {"KiB", 1 << 10},           {"KB", 1000},
    };

    for (size_t i = 0; bytes > 0 && i < AL_LEN(units); i++) {
        if (bytes % units[i].bytes == 0) {
            return al_buf_addf(out, "%llu%s", (unsigned long long)(bytes / units[i].bytes),
                               units[i].name);
        }
    }
    return al_buf_addf(out, "%lluB", (unsigned long long)bytes);
}

static int
print_date(int64_t ns, struct al_buf *out)
{
    static const char midnight[] = "T00:00:00Z";
    char text[AL_TIME_TEXT_MAX];
    size_t len;

    al_time_text(ns, text);
    len = strlen(text);
    if (len > sizeof(midnight) - 1 && strcmp(text + len - (sizeof(midnight) - 1), midnight) == 0) {
        text[len - (sizeof(midnight) - 1)] = '\0';
    }
    return al_buf_addf(out, "\"%s\"", text);
}

static int
print_value(const struct node *leaf, const struct value *v, struct al_buf *out)
{
    if (leaf->op == O_OLDER || leaf->op == O_NEWER) {
        return al_buf_addf(out, "%llu%s", (unsigned long long)v->number, rule_units[v->unit].name);
    }
    if (leaf->op == O_MATCHES) {
        int rc = print_string(v->text, out);

        return rc == AL_OK && v->fold && leaf->field != F_EXT ? al_buf_adds(out, "i") : rc;
    }
    switch (rule_fields[leaf->field].kind) {
    case K_SIZE:
        return print_size(v->number, out);
    case K_TIME:
        return print_date(v->time_ns, out);
    case K_ATTRS:
        return al_buf_adds(out, rule_attrs[v->number].name);
    case K_STATE:
        return al_buf_adds(out, rule_state_name((enum rule_state)v->number));
    default:
        return v->is_text ? print_text(leaf->field, v, out)
                          : al_buf_addf(out, "%llu", (unsigned long long)v->number);
    }
}

static int
print_regex(const struct regex *r, struct al_buf *out)
{
    int rc = al_buf_adds(out, "/");

    for (size_t i = 0; rc == AL_OK && i < r->text.len; i++) {
        uint8_t c = r->text.at[i];

        if (c == '\\' && i + 1 < r->text.len) {
            rc = al_buf_add(out, r->text.at + i++, 2);
        } else {
            rc = c == '/' ? al_buf_adds(out, "\\/") : al_buf_add(out, &r->text.at[i], 1);
        }
    }
    return rc < 0 ? rc : al_buf_adds(out, r->fold ? "/i" : "/");
}

static int
print_leaf(const struct node *leaf, struct al_buf *out)
{
    const char *op = op_texts[leaf->op];
    int rc = al_buf_addf(out, "%s %s ", rule_fields[leaf->field].name,
                         leaf->negated && leaf->op == O_EQ ? "!="
                         : leaf->negated                   ? "not"
                                                           : op);

    if (rc == AL_OK && leaf->negated && leaf->op != O_EQ) {
        rc = al_buf_addf(out, "%s ", op);
    }
    if (rc < 0 || leaf->op == O_LIKE) {
        return rc < 0 ? rc : print_regex(leaf->regex, out);
    }
    if (leaf->op != O_IN) {
        return print_value(leaf, leaf->items, out);
    }
    for (size_t i = 0; rc == AL_OK && i < leaf->item_count; i++) {
        rc = al_buf_adds(out, i == 0 ? "(" : ", ");
        if (rc == AL_OK) {
            rc = print_value(leaf, &leaf->items[i], out);
        }
    }
    return rc < 0 ? rc : al_buf_adds(out, ")");
}

static int
print_inside(const struct node *n, bool parentheses, struct al_buf *out)
{
    int rc = parentheses ? al_buf_adds(out, "(") : AL_OK;

    if (rc == AL_OK) {
        rc = print_node(n, out);
    }
    return rc == AL_OK && parentheses ? al_buf_adds(out, ")") : rc;
}

static int
print_node(const struct node *n, struct al_buf *out)
{
    const struct node *child;
    int rc = AL_OK;

    switch (n->kind) {
    case N_CONST:
        return al_buf_adds(out, n->truth ? "true" : "false");
    case N_LEAF:
        return print_leaf(n, out);
    case N_NOT:
        rc = al_buf_adds(out, "not ");
        return rc < 0
                   ? rc
                   : print_inside(n->first, n->first->kind == N_AND || n->first->kind == N_OR, out);
    default:
        for (child = n->first; rc == AL_OK && child != NULL; child = child->next) {
            rc = child != n->first ? al_buf_adds(out, n->kind == N_AND ? " and " : " or ") : AL_OK;
            if (rc == AL_OK) {
                rc = print_inside(child, n->kind == N_AND && child->kind == N_OR, out);
            }
        }
        return rc;
    }
}

int
rule_print(const struct rule *r, struct al_buf *out)
{
    return print_node(r->root, out);
}

static bool
same_value(const struct value *a, const struct value *b)
{
    return a->is_text == b->is_text && a->fold == b->fold && a->number == b->number &&
           a->unit == b->unit && a->time_ns == b->time_ns && al_span_equal(a->text, b->text) &&
           al_span_equal(a->glob, b->glob);
}

static bool
same_leaf(const struct node *a, const struct node *b)
{
    if (a->negated != b->negated || a->field != b->field || a->op != b->op ||
        a->item_count != b->item_count) {
        return false;
    }
    if (a->op == O_LIKE) {
        return a->regex->fold == b->regex->fold && al_span_equal(a->regex->text, b->regex->text);
    }
    for (size_t i = 0; i < a->item_count; i++) {
        if (!same_value(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

static bool
same_node(const struct node *a, const struct node *b)
{
    if (a->kind != b->kind || a->truth != b->truth) {
        return false;
    }
    if (a->kind == N_LEAF) {
        return same_leaf(a, b);
    }
    for (a = a->first, b = b->first; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (!same_node(a, b)) {
            return false;
        }
    }
    return a == NULL && b == NULL;
}

bool
rule_equal(const struct rule *a, const struct rule *b)
{
    return same_node(a->root, b->root);
}
