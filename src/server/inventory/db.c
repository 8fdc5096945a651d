#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define PATIENCE_NS 100000 /* between two questions for work, where other threads have all of it */

int
inv_error(struct inventory *inv, duckdb_error_type type, const char *text)
{
    const char *said = text != NULL ? text : "";

    al_log(inv->log, AL_LOG_DEBUG, "inventory: DuckDB: %s", said);
    switch (type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY:
        return AL_ENOMEM;
    case DUCKDB_ERROR_INTERRUPT:
        return AL_ECANCELED;
    case DUCKDB_ERROR_PERMISSION:
        return AL_EACCES;
    case DUCKDB_ERROR_SERIALIZATION:
        return AL_ECORRUPT;
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_FATAL:
        /* DuckDB has no number for a full disk. */
        return strstr(said, "No space left") != NULL ? AL_ENOSPC : AL_EIO;
    default:
        return strstr(said, "No space left") != NULL ? AL_ENOSPC : AL_EINTERNAL;
    }
}

int
inv_connect(struct inventory *inv, struct inv_conn **ret)
{
    struct inv_conn *c = NULL;

    port_mutex_lock(&inv->lock);
    if (!al_list_empty(&inv->idle)) {
        c = AL_LIST_ITEM(al_list_pop(&inv->idle), struct inv_conn, link);
        inv->idle_count--;
    }
    port_mutex_unlock(&inv->lock);
    if (c != NULL) {
        *ret = c;
        return AL_OK;
    }
    c = al_zalloc(sizeof(*c));
    if (c == NULL) {
        return AL_ENOMEM;
    }
    if (duckdb_connect(inv->db, &c->con) != DuckDBSuccess) {
        al_free(c);
        return AL_ENOMEM;
    }
    *ret = c;
    return AL_OK;
}

void
inv_disconnect(struct inv_conn_of *c)
{
    bool keep = false;

    if (c->conn == NULL) {
        return;
    }
    inv_limit_end(c->inv, c->conn);
    port_mutex_lock(&c->inv->lock);
    if (c->inv->idle_count < INV_CONNECTIONS_MAX) {
        al_list_push(&c->inv->idle, &c->conn->link);
        c->inv->idle_count++;
        keep = true;
    }
    port_mutex_unlock(&c->inv->lock);
    if (!keep) {
        duckdb_disconnect(&c->conn->con);
        al_free(c->conn);
    }
    c->conn = NULL;
}

static int
failed(struct inventory *inv, const struct inv_conn *c, duckdb_result *r)
{
    int rc = inv_error(inv, duckdb_result_error_type(r), duckdb_result_error(r));

    return inv_late(c) ? AL_ETIMEDOUT : rc;
}

int
inv_run(struct inventory *inv, struct inv_conn *c, const char *sql)
{
    duckdb_result result;
    int rc = AL_OK;

    if (inv_late(c)) {
        return AL_ETIMEDOUT;
    }
    if (duckdb_query(c->con, sql, &result) != DuckDBSuccess) {
        rc = failed(inv, c, &result);
    }
    duckdb_destroy_result(&result);
    return rc;
}

/* While another thread does the last of a statement's work, duckdb_query asks for more of it without a pause. */
static int
wait_patiently(struct inventory *inv, const struct inv_conn *c, duckdb_pending_result p)
{
    duckdb_pending_state state = DUCKDB_PENDING_RESULT_NOT_READY;
    duckdb_result result;
    int rc = AL_OK;

    while (!duckdb_pending_execution_is_finished(state)) {
        state = duckdb_pending_execute_task(p);
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            port_sleep_ns(inv->port, PATIENCE_NS);
        }
    }
    if (duckdb_execute_pending(p, &result) != DuckDBSuccess) {
        rc = failed(inv, c, &result);
    }
    duckdb_destroy_result(&result);
    return rc;
}

int
inv_run_long(struct inventory *inv, struct inv_conn *c, const char *sql)
{
    duckdb_prepared_statement st = NULL;
    duckdb_pending_result p = NULL;
    int rc;

    if (inv_late(c)) {
        return AL_ETIMEDOUT;
    }
    if (duckdb_prepare(c->con, sql, &st) != DuckDBSuccess) {
        rc = inv_error(inv, DUCKDB_ERROR_BINDER, duckdb_prepare_error(st));
    } else if (duckdb_pending_prepared(st, &p) != DuckDBSuccess) {
        rc = inv_error(inv, DUCKDB_ERROR_INVALID, duckdb_pending_error(p));
    } else {
        rc = wait_patiently(inv, c, p);
    }
    duckdb_destroy_pending(&p);
    duckdb_destroy_prepare(&st);
    return rc < 0 && inv_late(c) ? AL_ETIMEDOUT : rc;
}

/* al_alloc'ed; NULL on memory. */
static char *
format_sql(const char *format, va_list args)
{
    va_list again;
    char *sql;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    sql = len >= 0 ? al_alloc((size_t)len + 1) : NULL;
    if (sql != NULL) {
        vsnprintf(sql, (size_t)len + 1, format, args);
    }
    return sql;
}

int
inv_runf(struct inventory *inv, struct inv_conn *c, const char *format, ...)
{
    AL_CLEANUP(al_freep) char *sql = NULL;
    va_list args;

    va_start(args, format);
    sql = format_sql(format, args);
    va_end(args);
    return sql != NULL ? inv_run(inv, c, sql) : AL_ENOMEM;
}

int
inv_runf_long(struct inventory *inv, struct inv_conn *c, const char *format, ...)
{
    AL_CLEANUP(al_freep) char *sql = NULL;
    va_list args;

    va_start(args, format);
    sql = format_sql(format, args);
    va_end(args);
    return sql != NULL ? inv_run_long(inv, c, sql) : AL_ENOMEM;
}

int
inv_query(struct inventory *inv, struct inv_conn *c, const char *sql, bool big,
          struct inv_rows *ret)
{
    duckdb_prepared_statement st = NULL;
    struct inv_rows rows = {.inv = inv, .conn = c};
    int rc = AL_OK;

    if (inv_late(c)) {
        return AL_ETIMEDOUT;
    }
    if (!big) {
        if (duckdb_query(c->con, sql, &rows.result) != DuckDBSuccess) {
            rc = failed(inv, c, &rows.result);
            duckdb_destroy_result(&rows.result);
            return rc;
        }
    } else {
        if (duckdb_prepare(c->con, sql, &st) != DuckDBSuccess) {
            rc = inv_error(inv, DUCKDB_ERROR_BINDER, duckdb_prepare_error(st));
            rc = inv_late(c) ? AL_ETIMEDOUT : rc;
        } else if (duckdb_execute_prepared_streaming(st, &rows.result) != DuckDBSuccess) {
            rc = failed(inv, c, &rows.result);
            duckdb_destroy_result(&rows.result);
        }
        duckdb_destroy_prepare(&st);
        if (rc < 0) {
            return rc;
        }
    }
    rows.open = true;
    *ret = rows;
    return AL_OK;
}

int
inv_next(struct inv_rows *r, bool *ret_end)
{
    r->at++;
    while (!r->started || r->at >= r->count) {
        const char *text;

        r->started = true;
        if (r->chunk != NULL) {
            duckdb_destroy_data_chunk(&r->chunk);
        }
        r->chunk = duckdb_fetch_chunk(r->result);
        r->at = 0;
        r->count = r->chunk != NULL ? duckdb_data_chunk_get_size(r->chunk) : 0;
        if (r->chunk == NULL || r->count == 0) {
            text = duckdb_result_error(&r->result);
            if (text != NULL && text[0] != '\0') {
                return failed(r->inv, r->conn, &r->result);
            }
            *ret_end = true;
            return AL_OK;
        }
    }
    *ret_end = false;
    return AL_OK;
}

void
inv_rows_end(struct inv_rows *r)
{
    if (r->chunk != NULL) {
        duckdb_destroy_data_chunk(&r->chunk);
    }
    if (r->open) {
        duckdb_destroy_result(&r->result);
        r->open = false;
    }
}

bool
inv_null(const struct inv_rows *r, unsigned column)
{
    uint64_t *valid = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(r->chunk, column));

    return valid != NULL && !duckdb_validity_row_is_valid(valid, r->at);
}

int64_t
inv_num(const struct inv_rows *r, unsigned column)
{
    const void *data = duckdb_vector_get_data(duckdb_data_chunk_get_vector(r->chunk, column));
    duckdb_result *result = (duckdb_result *)&r->result; /* only asked for a type */

    if (inv_null(r, column)) {
        return 0;
    }
    switch (duckdb_column_type(result, column)) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_UTINYINT:
        return ((const uint8_t *)data)[r->at];
    case DUCKDB_TYPE_TINYINT:
        return ((const int8_t *)data)[r->at];
    case DUCKDB_TYPE_USMALLINT:
        return ((const uint16_t *)data)[r->at];
    case DUCKDB_TYPE_INTEGER:
        return ((const int32_t *)data)[r->at];
    case DUCKDB_TYPE_UINTEGER:
        return ((const uint32_t *)data)[r->at];
    default:
        return ((const int64_t *)data)[r->at];
    }
}

struct al_span
inv_bytes(const struct inv_rows *r, unsigned column)
{
    duckdb_string_t *s = duckdb_vector_get_data(duckdb_data_chunk_get_vector(r->chunk, column));

    if (inv_null(r, column)) {
        return (struct al_span){NULL, 0};
    }
    return (struct al_span){(const uint8_t *)duckdb_string_t_data(&s[r->at]),
                            duckdb_string_t_length(s[r->at])};
}

void
inv_id(const struct inv_rows *r, unsigned column, al_id out)
{
    struct al_span s = inv_bytes(r, column);

    memset(out, 0, sizeof(al_id));
    if (s.len == AL_ID_LEN) {
        memcpy(out, s.at, s.len);
    }
}

int
inv_one(struct inventory *inv, struct inv_conn *c, const char *sql, int64_t *ret)
{
    INV_ROWS(rows);
    bool end = true;
    int rc = inv_query(inv, c, sql, false, &rows);

    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    *ret = inv_num(&rows, 0);
    return AL_OK;
}

int
inv_count(struct inv_use *u, const char *table, int64_t *ret)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".%s", u->volume->id, table);
    return inv_one(u->inv, u->conn, sql, ret);
}

void
inv_sql_free(struct inv_sql *s)
{
    al_buf_free(&s->text);
}

void
inv_put(struct inv_sql *s, const char *format, ...)
{
    char text[4096];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (s->rc == AL_OK) {
        s->rc = len >= 0 && (size_t)len < sizeof(text) ? al_buf_add(&s->text, text, (size_t)len)
                                                       : AL_ELIMIT;
    }
}

void
inv_put_text(struct inv_sql *s, const char *text)
{
    if (s->rc == AL_OK) {
        s->rc = al_buf_adds(&s->text, text);
    }
}

void
inv_put_blob(struct inv_sql *s, struct al_span bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t *to;

    inv_put(s, "'");
    if (s->rc == AL_OK) {
        s->rc = al_buf_reserve(&s->text, 4 * bytes.len);
    }
    if (s->rc < 0) {
        return;
    }
    to = s->text.at + s->text.len;
    for (size_t i = 0; i < bytes.len; i++) {
        *to++ = '\\';
        *to++ = 'x';
        *to++ = (uint8_t)digits[bytes.at[i] >> 4];
        *to++ = (uint8_t)digits[bytes.at[i] & 15];
    }
    s->text.len += 4 * bytes.len;
    inv_put(s, "'::BLOB");
}

void
inv_put_glob(struct inv_sql *sql, const char *column, const char *before, struct al_span text,
             const char *after)
{
    AL_CLEANUP(al_buf_free) struct al_buf glob = {0};
    int rc;

    al_buf_init(&glob, 1u << 20);
    rc = al_buf_adds(&glob, before);
    for (size_t i = 0; rc == AL_OK && i < text.len; i++) {
        if (strchr("*?[\\", text.at[i]) != NULL && text.at[i] != 0) {
            rc = al_buf_adds(&glob, "\\");
        }
        if (rc == AL_OK) {
            rc = al_buf_add(&glob, &text.at[i], 1);
        }
    }
    if (rc == AL_OK) {
        rc = al_buf_adds(&glob, after);
    }
    if (rc < 0) {
        sql->rc = sql->rc < 0 ? sql->rc : rc;
        return;
    }
    inv_put(sql, "alto_glob(%s, ", column);
    inv_put_blob(sql, al_buf_span(&glob));
    inv_put(sql, ", 1::UTINYINT)");
}

int
inv_lend(struct inventory *inv, const void *thing, unsigned *ret_slot)
{
    int rc = AL_ELIMIT;

    port_mutex_lock(&inv->slot_lock);
    for (unsigned i = 0; i < INV_SLOTS_MAX; i++) {
        if (inv->slots[i] == NULL) {
            inv->slots[i] = thing;
            *ret_slot = i;
            rc = AL_OK;
            break;
        }
    }
    port_mutex_unlock(&inv->slot_lock);
    return rc;
}

void
inv_take_back(struct inventory *inv, unsigned slot)
{
    port_mutex_lock(&inv->slot_lock);
    inv->slots[slot] = NULL;
    port_mutex_unlock(&inv->slot_lock);
}

const void *
inv_lent(struct inventory *inv, uint64_t slot)
{
    const void *thing = NULL;

    port_mutex_lock(&inv->slot_lock);
    if (slot < INV_SLOTS_MAX) {
        thing = inv->slots[slot];
    }
    port_mutex_unlock(&inv->slot_lock);
    return thing;
}
