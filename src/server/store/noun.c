#include "server/store/store_priv.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define FILTERS_MAX 16u
#define PAGE_BYTES ((size_t)24 << 10) /* what a page of the default length usually takes */
#define ARGS_MAX (FILTERS_MAX + 4u)

const char *
store_noun_filter(const struct store_noun *n, size_t i)
{
    return i < n->filter_count ? n->filters[i].name : NULL;
}

/* As store_col_span, of a column that is known not to be NULL. */
static struct al_span
bytes_of(struct store_stmt *q, int at)
{
    const void *bytes = sqlite3_column_blob(q->stmt, at);

    return (struct al_span){bytes != NULL ? bytes : (const uint8_t *)"",
                            (size_t)sqlite3_column_bytes(q->stmt, at)};
}

static void
field_json(struct store_stmt *q, int at, const struct store_field *f, struct al_jsonout *j)
{
    if (store_col_null(q, at)) {
        al_jo_null(j, f->key);
        return;
    }
    switch (f->kind) {
    case STORE_K_TEXT:
        al_jo_text(j, f->key, bytes_of(q, at));
        break;
    case STORE_K_BYTES:
        al_jo_bytes(j, f->key, bytes_of(q, at));
        break;
    case STORE_K_INT:
        al_jo_i64(j, f->key, store_col_i64(q, at));
        break;
    case STORE_K_BOOL:
        al_jo_bool(j, f->key, store_col_i64(q, at) != 0);
        break;
    case STORE_K_TIME:
        al_jo_time(j, f->key, store_col_i64(q, at));
        break;
    case STORE_K_JSON:
        al_jo_raw(j, f->key, bytes_of(q, at));
        break;
    case STORE_K_HEX:
        al_jo_hex(j, f->key, bytes_of(q, at));
        break;
    }
}

int
store_row_json(struct store_stmt *q, int first_column, const struct store_field *fields,
               size_t count, struct al_jsonout *j)
{
    al_jo_object(j, NULL);
    for (size_t i = 0; i < count; i++) {
        field_json(q, first_column + (int)i, &fields[i], j);
    }
    al_jo_close(j);
    return j->rc;
}

/* ---- cursors: base64 with '-' and '_', without '=', so that they need no escaping in a query ----
 */

static int
cursor_write(struct store_stmt *q, const struct store_noun *n, char *out, size_t cap)
{
    struct al_span key = store_col_span(q, 0); /* integers come as their decimal text */
    size_t len;

    if (key.len > STORE_CURSOR_BYTES_MAX || 4 * ((key.len + 2) / 3) + 1 > cap) {
        return AL_ELIMIT;
    }
    al_base64(key.at, key.len, out);
    for (len = 0; out[len] != '\0' && out[len] != '='; len++) {
        out[len] = out[len] == '+' ? '-' : out[len] == '/' ? '_' : out[len];
    }
    out[len] = '\0';
    return AL_OK;
}

static int
cursor_read(const char *cursor, struct al_buf *key)
{
    char text[4 * ((STORE_CURSOR_BYTES_MAX + 2) / 3) + 4];
    size_t len = strlen(cursor);

    if (len == 0 || len + 4 > sizeof text) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = cursor[i] == '-' ? '+' : cursor[i] == '_' ? '/' : cursor[i];
    }
    while (len % 4 != 0) {
        text[len++] = '=';
    }
    return al_unbase64(text, len, key);
}

/* ---- a list: its SQL is built from the noun's table; what comes from outside is bound ---- */

struct list {
    const struct store_noun *noun;
    struct al_buf sql;
    struct store_arg args[ARGS_MAX];
    size_t count;
    struct al_buf cursor;
};

static void
list_end(struct list *l)
{
    al_buf_free(&l->sql);
    al_buf_free(&l->cursor);
}

static int
filter_value(const struct store_filter_kind *k, const char *text, struct store_arg *ret,
             struct al_fail *fail)
{
    int64_t number = 0;
    int rc = AL_OK;

    switch (k->kind) {
    case STORE_K_INT:
        rc = al_parse_i64(text, &number);
        break;
    case STORE_K_TIME:
        rc = al_time_parse(text, &number);
        break;
    case STORE_K_BOOL:
        number = strcmp(text, "true") == 0;
        rc = number != 0 || strcmp(text, "false") == 0 ? AL_OK : AL_EINVAL;
        break;
    default:
        *ret = S_TEXT(text);
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "%s is not what \"%s\" takes", text, k->name);
    }
    *ret = S_I64(number);
    return AL_OK;
}

static int
filter_add(struct list *l, const struct store_filter *f, struct al_fail *fail)
{
    static const struct {
        const char *before, *between, *after;
    } forms[] = {
        [STORE_T_EQ] = {"", "=", ""},
        [STORE_T_EQ_NOCASE] = {"", "=", " COLLATE NOCASE"},
        [STORE_T_CONTAINS] = {"instr(lower(CAST(", " AS TEXT)), lower(", "))>0"},
        [STORE_T_FROM] = {"", ">=", ""},
        [STORE_T_TO] = {"", "<", ""},
    };

    for (size_t i = 0; i < l->noun->filter_count; i++) {
        const struct store_filter_kind *k = &l->noun->filters[i];

        if (strcmp(k->name, f->name) != 0) {
            continue;
        }
        if (l->count == ARGS_MAX - 3) {
            return al_fail_set(fail, AL_EINVAL, 0, "too many filters");
        }
        AL_TRY(filter_value(k, f->text, &l->args[l->count++], fail));
        return al_buf_addf(&l->sql, " AND %s%s%s?%zu%s", forms[k->test].before, k->sql,
                           forms[k->test].between, l->count, forms[k->test].after);
    }
    return al_fail_set(fail, AL_EINVAL, 0, "%s cannot be filtered by \"%.60s\"", l->noun->what,
                       f->name);
}

static int
scope_add(struct list *l, const struct scope *scope)
{
    if (scope->all) {
        return AL_OK;
    }
    l->args[l->count++] = S_ID(scope->customer_id);
    return al_buf_addf(&l->sql, " AND %s=?%zu", l->noun->customer, l->count);
}

static int
cursor_add(struct list *l, const struct store_page *page, bool down, struct al_fail *fail)
{
    int64_t number;
    int rc;

    if (page->cursor == NULL) {
        return AL_OK;
    }
    rc = cursor_read(page->cursor, &l->cursor);
    if (rc == AL_OK && l->noun->order_kind == STORE_K_INT) {
        rc = l->cursor.at == NULL ? AL_EINVAL : al_parse_i64((const char *)l->cursor.at, &number);
    }
    if (rc == AL_ENOMEM) {
        return rc;
    }
    if (rc != AL_OK || l->cursor.at == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "this cursor is none of this list");
    }
    l->args[l->count++] =
        l->noun->order_kind == STORE_K_INT ? S_I64(number) : S_TEXT((const char *)l->cursor.at);
    return al_buf_addf(&l->sql, " AND %s%s?%zu", l->noun->order, down ? "<" : ">", l->count);
}

static int
select_add(struct list *l)
{
    const struct store_noun *n = l->noun;

    AL_TRY(al_buf_addf(&l->sql, "SELECT %s", n->order));
    for (size_t i = 0; i < n->field_count; i++) {
        AL_TRY(al_buf_addf(&l->sql, ",%s", n->fields[i].sql));
    }
    return al_buf_addf(&l->sql, " FROM %s WHERE 1", n->from);
}

/* Adds the rows of the page; *ret_cursor is the next page's, "" when this was the last. */
static int
rows(struct store *s, struct list *l, uint32_t limit, struct al_jsonout *j, char *ret_cursor,
     size_t cap, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    uint32_t n = 0;
    bool row = false;

    ret_cursor[0] = '\0';
    AL_TRY(store_query_args(s, fail, &q, (const char *)l->sql.at, l->args, l->count));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            ret_cursor[0] = '\0';
            return AL_OK;
        }
        if (n == limit) {
            return AL_OK; /* there is more: the cursor of the row before stays */
        }
        AL_TRY(store_row_json(q, 1, l->noun->fields, l->noun->field_count, j));
        if (++n == limit) {
            AL_TRY(cursor_write(q, l->noun, ret_cursor, cap));
        }
    }
}

/* The where part alone, counted: what rows() pages through. */
static int
total(struct store *s, const struct scope *scope, const struct store_noun *n,
      const struct store_filter *filters, size_t count, uint64_t *ret, struct al_fail *fail)
{
    AL_CLEANUP(list_end) struct list l = {.noun = n};

    al_buf_init(&l.sql, 16384);
    al_buf_init(&l.cursor, STORE_CURSOR_BYTES_MAX);
    AL_TRY(al_buf_addf(&l.sql, "SELECT count(*) FROM %s WHERE 1", n->from));
    AL_TRY(scope_add(&l, scope));
    for (size_t i = 0; i < count; i++) {
        AL_TRY(filter_add(&l, &filters[i], fail));
    }
    return store_number_args(s, fail, ret, (const char *)l.sql.at, l.args, l.count);
}

static int
list_rows(struct store *s, struct list *l, const struct scope *scope,
          const struct store_filter *filters, size_t count, const struct store_page *page,
          struct al_jsonout *j, struct al_fail *fail)
{
    uint32_t limit = page->limit == 0               ? STORE_PAGE_DEFAULT
                     : page->limit > STORE_PAGE_MAX ? STORE_PAGE_MAX
                                                    : page->limit;
    bool down = l->noun->newest_first != page->turned;
    char next[4 * ((STORE_CURSOR_BYTES_MAX + 2) / 3) + 1];

    AL_TRY(select_add(l));
    AL_TRY(scope_add(l, scope));
    for (size_t i = 0; i < count; i++) {
        AL_TRY(filter_add(l, &filters[i], fail));
    }
    AL_TRY(cursor_add(l, page, down, fail));
    l->args[l->count++] = S_I64((int64_t)limit + 1);
    AL_TRY(al_buf_addf(&l->sql, " ORDER BY %s%s LIMIT ?%zu", l->noun->order, down ? " DESC" : "",
                       l->count));
    AL_TRY(rows(s, l, limit, j, next, sizeof next, fail));
    al_jo_close(j);
    al_jo_str(j, "next_cursor", next[0] == '\0' ? NULL : next);
    return j->rc;
}

int
store_list(struct store *s, const struct scope *scope, const struct store_noun *n,
           const struct store_filter *filters, size_t count, const struct store_page *page,
           struct al_buf *out, struct al_fail *fail)
{
    AL_CLEANUP(list_end) struct list l = {.noun = n};
    struct al_jsonout j;
    uint64_t sum;

    if (count > FILTERS_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "too many filters");
    }
    al_buf_init(&l.sql, 16384);
    al_buf_init(&l.cursor, STORE_CURSOR_BYTES_MAX);
    AL_TRY(
        al_buf_reserve(out, out->max < PAGE_BYTES ? 0 : PAGE_BYTES)); /* spares growing in steps */
    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "items");
    AL_TRY(list_rows(s, &l, scope, filters, count, page, &j, fail));
    if (page->count) {
        AL_TRY(total(s, scope, n, filters, count, &sum, fail));
        al_jo_u64(&j, "total", sum);
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
store_one(struct store *s, const struct scope *scope, const struct store_noun *n, const char *id,
          struct al_buf *out, uint64_t *ret_version, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    AL_CLEANUP(list_end) struct list l = {.noun = n};
    struct al_jsonout j;
    uint64_t version;

    al_buf_init(&l.sql, 16384);
    al_buf_init(&l.cursor, STORE_CURSOR_BYTES_MAX);
    AL_TRY(al_buf_addf(&l.sql, "SELECT %s", n->version != NULL ? n->version : "0"));
    for (size_t i = 0; i < n->field_count; i++) {
        AL_TRY(al_buf_addf(&l.sql, ",%s", n->fields[i].sql));
    }
    l.args[l.count++] = S_TEXT(id);
    AL_TRY(al_buf_addf(&l.sql, " FROM %s WHERE %s=?1", n->from, n->id));
    AL_TRY(scope_add(&l, scope));
    AL_TRY(store_query_args(s, fail, &q, (const char *)l.sql.at, l.args, l.count));
    AL_TRY(store_step_one(q, n->what, fail));
    version = store_col_u64(q, 0);
    al_jo_begin(&j, out);
    AL_TRY(store_row_json(q, 1, n->fields, n->field_count, &j));
    AL_TRY(al_jo_end(&j));
    if (ret_version != NULL) {
        *ret_version = version;
    }
    return AL_OK;
}
