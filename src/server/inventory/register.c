/* How a function of ours becomes one of DuckDB's. */
#include "server/inventory/inventory_priv.h"

void *
inv_bind_lent(duckdb_bind_info info)
{
    duckdb_value v = duckdb_bind_get_parameter(info, 0);
    /* Whoever lent it may change it. */
    void *thing = (void *)inv_lent(duckdb_bind_get_extra_info(info), duckdb_get_uint64(v));

    duckdb_destroy_value(&v);
    if (thing == NULL) {
        duckdb_bind_set_error(info, "no such slot");
        return NULL;
    }
    duckdb_bind_set_bind_data(info, thing, NULL);
    return thing;
}

void
inv_add_column(duckdb_bind_info info, const char *name, duckdb_type type)
{
    duckdb_logical_type t = duckdb_create_logical_type(type);

    duckdb_bind_add_result_column(info, name, t);
    duckdb_destroy_logical_type(&t);
}

int
inv_register_table(struct inventory *inv, struct inv_conn *c, const char *name,
                   duckdb_table_function_bind_t bind, duckdb_table_function_init_t init,
                   duckdb_table_function_init_t local_init, duckdb_table_function_t function)
{
    duckdb_table_function f = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    int rc;

    duckdb_table_function_set_name(f, name);
    duckdb_table_function_add_parameter(f, number);
    duckdb_table_function_set_extra_info(f, inv, NULL);
    duckdb_table_function_set_bind(f, bind);
    duckdb_table_function_set_init(f, init);
    if (local_init != NULL) {
        duckdb_table_function_set_local_init(f, local_init);
    }
    duckdb_table_function_set_function(f, function);
    rc = duckdb_register_table_function(c->con, f) == DuckDBSuccess ? AL_OK : AL_EINTERNAL;
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&f);
    return rc;
}

int
inv_register_scalar_to(struct inventory *inv, struct inv_conn *c, const char *name,
                       const duckdb_type *types, size_t count, duckdb_logical_type back,
                       unsigned how, duckdb_scalar_function_t function)
{
    duckdb_scalar_function f = duckdb_create_scalar_function();
    duckdb_logical_type t;
    int rc;

    duckdb_scalar_function_set_name(f, name);
    for (size_t i = 0; i < count; i++) {
        t = duckdb_create_logical_type(types[i]);
        duckdb_scalar_function_add_parameter(f, t);
        duckdb_destroy_logical_type(&t);
    }
    if ((how & INV_ANY_MORE) != 0) {
        t = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
        duckdb_scalar_function_set_varargs(f, t);
        duckdb_destroy_logical_type(&t);
    }
    duckdb_scalar_function_set_return_type(f, back);
    duckdb_destroy_logical_type(&back);
    if ((how & INV_SEES_NULLS) != 0) {
        duckdb_scalar_function_set_special_handling(f);
    }
    if ((how & INV_COUNTS_CALLS) != 0) {
        duckdb_scalar_function_set_volatile(f);
    }
    duckdb_scalar_function_set_extra_info(f, inv, NULL);
    duckdb_scalar_function_set_function(f, function);
    rc = duckdb_register_scalar_function(c->con, f) == DuckDBSuccess ? AL_OK : AL_EINTERNAL;
    duckdb_destroy_scalar_function(&f);
    return rc;
}

int
inv_register_scalar(struct inventory *inv, struct inv_conn *c, const char *name,
                    const duckdb_type *types, size_t count, duckdb_type back, unsigned how,
                    duckdb_scalar_function_t function)
{
    return inv_register_scalar_to(inv, c, name, types, count, duckdb_create_logical_type(back), how,
                                  function);
}
