/* help_sql.h: what lies in a DuckDB file, asked behind the inventory's back. Include after tap.h, once. */
#ifndef ALTO_TEST_HELP_SQL_H
#define ALTO_TEST_HELP_SQL_H

#include <duckdb.h>

/* A statement in a DuckDB of the test's own; the number it gives. */
static int64_t
help_sql(const char *file, const char *sql)
{
    duckdb_database db;
    duckdb_connection con;
    duckdb_result r;
    int64_t n;

    TAP_CHECK(duckdb_open(file, &db) == DuckDBSuccess && duckdb_connect(db, &con) == DuckDBSuccess);
    if (duckdb_query(con, sql, &r) != DuckDBSuccess) {
        tap_fail(__FILE__, __LINE__, "%s: %s", sql, duckdb_result_error(&r));
    }
    n = duckdb_value_int64(&r, 0, 0);
    duckdb_destroy_result(&r);
    duckdb_disconnect(&con);
    duckdb_close(&db);
    return n;
}

#endif
