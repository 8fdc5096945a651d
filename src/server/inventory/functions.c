/* The functions that rule_sql's text calls, so that SQL and rule_match cannot differ on them. */
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

static struct al_span
blob_at(const duckdb_string_t *data, idx_t i)
{
    duckdb_string_t *s = (duckdb_string_t *)&data[i]; /* only read */

    return (struct al_span){(const uint8_t *)duckdb_string_t_data(s), duckdb_string_t_length(*s)};
}

static void *
input(duckdb_data_chunk in, unsigned column)
{
    return duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, column));
}

static bool
is_null(duckdb_data_chunk in, unsigned column, idx_t i)
{
    uint64_t *valid = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(in, column));

    return valid != NULL && !duckdb_validity_row_is_valid(valid, i);
}

static void
set_null(duckdb_vector v, idx_t i)
{
    duckdb_vector_ensure_validity_writable(v);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(v), i);
}

static void
glob_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    const duckdb_string_t *texts = input(in, 0), *patterns = input(in, 1);
    const uint8_t *folds = input(in, 2);
    bool *result = duckdb_vector_get_data(out);
    idx_t n = duckdb_data_chunk_get_size(in);

    for (idx_t i = 0; i < n; i++) {
        if (is_null(in, 0, i) || is_null(in, 1, i)) {
            set_null(out, i);
        } else {
            result[i] = rule_glob(blob_at(texts, i), blob_at(patterns, i), folds[i] != 0);
        }
    }
}

static void
fold_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    const duckdb_string_t *texts = input(in, 0);
    idx_t n = duckdb_data_chunk_get_size(in);
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};

    al_buf_init(&scratch, SIZE_MAX / 4);
    for (idx_t i = 0; i < n; i++) {
        struct al_span s;

        if (is_null(in, 0, i)) {
            set_null(out, i);
            continue;
        }
        s = blob_at(texts, i);
        al_buf_clear(&scratch);
        if (al_buf_reserve(&scratch, s.len + 1) < 0) {
            duckdb_scalar_function_set_error(info, "out of memory");
            return;
        }
        rule_fold(s, scratch.at);
        duckdb_vector_assign_string_element_len(out, i, (const char *)scratch.at, s.len);
    }
}

/* alto_folder_of(path): without its last part; what lies in the root lies in "/". */
static void
folder_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    const duckdb_string_t *texts = input(in, 0);
    idx_t n = duckdb_data_chunk_get_size(in);

    for (idx_t i = 0; i < n; i++) {
        struct al_span path, name;

        if (is_null(in, 0, i)) {
            set_null(out, i);
            continue;
        }
        path = blob_at(texts, i);
        name = rule_name_of(path);
        path.len = path.len > name.len + 1 ? path.len - name.len - 1 : 0;
        path = path.len > 0 ? path : al_span_of("/");
        duckdb_vector_assign_string_element_len(out, i, (const char *)path.at, path.len);
    }
}

enum {
    A_SLOT,
    A_PATH,
    A_SIZE,
    A_ACCESSED,
    A_MTIME,
    A_BTIME,
    A_UID,
    A_OWNER,
    A_ATTRS,
    A_MODE,
    A_STATE,
    A_COUNT
};

static int64_t
time_at(duckdb_data_chunk in, unsigned column, idx_t i)
{
    return is_null(in, column, i) ? RULE_TIME_UNKNOWN : ((const int64_t *)input(in, column))[i];
}

/* alto_rule(slot, path, ...): rule_match of the rule lent under slot. */
static void
rule_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    struct inventory *inv = duckdb_scalar_function_get_extra_info(info);
    bool *result = duckdb_vector_get_data(out);
    idx_t n = duckdb_data_chunk_get_size(in);
    const struct inv_lent_rule *lent = NULL;

    if (n > 0) {
        lent = inv_lent(inv, ((const uint64_t *)input(in, A_SLOT))[0]);
    }
    if (n > 0 && lent == NULL) {
        duckdb_scalar_function_set_error(info, "no such rule");
        return;
    }
    for (idx_t i = 0; i < n; i++) {
        struct rule_entry e = {
            .path = blob_at(input(in, A_PATH), i),
            .size = (uint64_t)((const int64_t *)input(in, A_SIZE))[i],
            .accessed_ns = time_at(in, A_ACCESSED, i),
            .modified_ns = time_at(in, A_MTIME, i),
            .created_ns = time_at(in, A_BTIME, i),
            .uid = ((const uint32_t *)input(in, A_UID))[i],
            .attrs = ((const uint32_t *)input(in, A_ATTRS))[i],
            .mode = ((const uint32_t *)input(in, A_MODE))[i],
            .state = (enum rule_state)((const uint8_t *)input(in, A_STATE))[i],
        };

        if (!is_null(in, A_OWNER, i)) {
            e.owner = blob_at(input(in, A_OWNER), i);
        }
        /* Between two rows, since one with a costly pattern takes milliseconds. */
        if (inv_late(lent->conn)) {
            duckdb_scalar_function_set_error(info, "out of time");
            return;
        }
        result[i] = rule_match(lent->rule, &e, lent->now_ns);
    }
}

/* "Everything below /a/b" is a range of paths whose border ends in a slash. Whether a file is in it, its folder's path says,
 * and DuckDB then asks folders, not files, and reads no names: both ends of such a range are asked of `dir`. */
static void
ask_folders(char *text)
{
    static const char from[] = "path >= '", slash[] = "\\x2F", to[] = "'::BLOB AND path < '";
    char *at = text;

    while ((at = strstr(at, from)) != NULL) {
        char *end = strchr(at + sizeof(from) - 1, '\'');

        if (end == NULL) {
            return;
        }
        if (strncmp(end, to, sizeof(to) - 1) == 0 && end - at >= (ptrdiff_t)(sizeof(from) + 3) &&
            memcmp(end - 4, slash, 4) == 0) {
            memcpy(at, "dir ", 4);
            memcpy(strstr(end, "path"), "dir ", 4);
        }
        at = end;
    }
}

int
inv_rule_sql_make(struct inventory *inv, const struct inv_conn *conn, const struct rule *rule,
                  int64_t now_ns, struct inv_rule_sql *r)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    bool exact = false;
    size_t len;
    int rc;

    al_buf_init(&text, INV_SQL_MAX);
    r->inv = inv;
    r->lent = (struct inv_lent_rule){rule, now_ns, conn};
    rc = rule_sql(rule, now_ns, &text, &exact);
    if (rc == AL_OK && !exact) {
        rc = inv_lend(inv, &r->lent, &r->slot);
        r->is_lent = rc == AL_OK;
        if (rc == AL_OK) {
            rc = al_buf_addf(&text,
                             " AND alto_rule(%u::UBIGINT, path, size, accessed_ns, mtime_ns, "
                             "btime_ns, uid, owner, attrs, mode, state)",
                             r->slot);
        }
    }
    if (rc == AL_OK) {
        r->text = (char *)al_buf_take(&text, &len);
        ask_folders(r->text);
    }
    return rc;
}

void
inv_rule_sql_end(struct inv_rule_sql *r)
{
    if (r->is_lent) {
        inv_take_back(r->inv, r->slot);
        r->is_lent = false;
    }
    al_free(r->text);
    r->text = NULL;
}

int
inv_functions_register(struct inventory *inv, struct inv_conn *c)
{
    static const duckdb_type glob[] = {DUCKDB_TYPE_BLOB, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_UTINYINT};
    static const duckdb_type fold[] = {DUCKDB_TYPE_BLOB};
    static const duckdb_type rule[A_COUNT] = {
        [A_SLOT] = DUCKDB_TYPE_UBIGINT,   [A_PATH] = DUCKDB_TYPE_BLOB,
        [A_SIZE] = DUCKDB_TYPE_BIGINT,    [A_ACCESSED] = DUCKDB_TYPE_BIGINT,
        [A_MTIME] = DUCKDB_TYPE_BIGINT,   [A_BTIME] = DUCKDB_TYPE_BIGINT,
        [A_UID] = DUCKDB_TYPE_UINTEGER,   [A_OWNER] = DUCKDB_TYPE_BLOB,
        [A_ATTRS] = DUCKDB_TYPE_UINTEGER, [A_MODE] = DUCKDB_TYPE_UINTEGER,
        [A_STATE] = DUCKDB_TYPE_UTINYINT};
    int rc = inv_register_scalar(inv, c, "alto_glob", glob, AL_LEN(glob), DUCKDB_TYPE_BOOLEAN, 0,
                                 glob_function);

    if (rc == AL_OK) {
        rc = inv_register_scalar(inv, c, "alto_fold", fold, AL_LEN(fold), DUCKDB_TYPE_BLOB, 0,
                                 fold_function);
    }
    if (rc == AL_OK) {
        rc = inv_register_scalar(inv, c, "alto_folder_of", fold, AL_LEN(fold), DUCKDB_TYPE_BLOB, 0,
                                 folder_function);
    }
    if (rc == AL_OK) {
        rc = inv_register_scalar(inv, c, "alto_rule", rule, AL_LEN(rule), DUCKDB_TYPE_BOOLEAN,
                                 INV_SEES_NULLS, rule_function);
    }
    return rc;
}
