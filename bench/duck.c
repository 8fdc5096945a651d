/* duck FILE SQL ...: DuckDB itself, as a peer and to make Parquet files. FILE "" is a database in memory. Threads and memory as the
 * inventory has them by default. Prints the seconds it took from
 * opening to closing; with DUCK_SHOW set the rows of each statement before. */
#include <stdio.h>
#include <string.h>

#include <duckdb.h>

#include "files.h"

int
main(int argc, char **argv)
{
    duckdb_database db;
    duckdb_connection con;
    duckdb_config config;
    char *text = NULL;
    double began, took;

    if (argc < 3) {
        fprintf(stderr, "usage: duck FILE SQL ...\n");
        return 2;
    }
    if (duckdb_create_config(&config) != DuckDBSuccess ||
        duckdb_set_config(config, "memory_limit", "1GiB") != DuckDBSuccess ||
        duckdb_set_config(config, "preserve_insertion_order", "false") != DuckDBSuccess) {
        return 1;
    }
    began = now();
    if (duckdb_open_ext(argv[1][0] != '\0' ? argv[1] : NULL, &db, config, &text) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess) {
        fprintf(stderr, "duck: %s\n", text != NULL ? text : "cannot connect");
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        duckdb_result result;

        if (duckdb_query(con, argv[i], &result) != DuckDBSuccess) {
            fprintf(stderr, "duck: %s\n", duckdb_result_error(&result));
            return 1;
        }
        if (getenv("DUCK_SHOW") != NULL) {
            for (idx_t r = 0; r < duckdb_row_count(&result); r++) {
                for (idx_t c = 0; c < duckdb_column_count(&result); c++) {
                    char *v = duckdb_value_varchar(&result, c, r);

                    printf("%s%s", c > 0 ? "|" : "", v != NULL ? v : "NULL");
                    duckdb_free(v);
                }
                printf("\n");
            }
        }
        duckdb_destroy_result(&result);
    }
    duckdb_disconnect(&con);
    duckdb_close(&db);
    duckdb_destroy_config(&config);
    took = now() - began;
    printf("%.3f\n", took);
    return 0;
}
