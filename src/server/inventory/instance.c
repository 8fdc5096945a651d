/* The instance: DuckDB set up once for all volumes, and taken down. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define MEMORY_BYTES_DEFAULT (UINT64_C(1) << 30)
#define CACHE_BYTES_DEFAULT (UINT64_C(128) << 20)
#define FOLDER_MODE 0700u
static int set_config(duckdb_config config, const char *name, const char *format, ...)
    AL_PRINTF(3, 4);

static int
set_config(duckdb_config config, const char *name, const char *format, ...)
{
    char value[4096];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(value)) {
        return AL_ENAMETOOLONG;
    }
    return duckdb_set_config(config, name, value) == DuckDBSuccess ? AL_OK : AL_EINTERNAL;
}

static int
configure(const struct inventory_conf *conf, duckdb_config config)
{
    uint64_t memory = conf->memory_bytes > 0 ? conf->memory_bytes : MEMORY_BYTES_DEFAULT;
    int rc = set_config(config, "memory_limit", "%lluB", (unsigned long long)memory);

    if (rc == AL_OK && conf->threads > 0) {
        rc = set_config(config, "threads", "%u", conf->threads);
    }
    if (rc == AL_OK) {
        rc = set_config(config, "temp_directory", "%s/tmp", conf->dir);
    }
    /* Without it several threads may write one table; rows of a scan have no order. */
    if (rc == AL_OK) {
        rc = set_config(config, "preserve_insertion_order", "false");
    }
    /* Nothing is ever fetched from anywhere. */
    if (rc == AL_OK) {
        rc = set_config(config, "autoinstall_known_extensions", "false");
    }
    if (rc == AL_OK) {
        rc = set_config(config, "autoload_known_extensions", "false");
    }
    if (rc == AL_OK) {
        rc = set_config(config, "checkpoint_threshold", INV_LOG_BYTES_MAX);
    }
    /* The first rows of an order are found by their keys alone, and only they are read whole. */
    if (rc == AL_OK) {
        rc = set_config(config, "late_materialization_max_rows", "%u", INVENTORY_FIGURE_ROWS_MAX);
    }
    return rc == AL_OK
               ? set_config(config, "dynamic_or_filter_threshold", "%u", INVENTORY_FIGURE_ROWS_MAX)
               : rc;
}

static int
open_database(struct inventory *inv, const struct inventory_conf *conf, struct al_fail *fail)
{
    duckdb_config config = NULL;
    char *text = NULL;
    int rc;

    if (duckdb_create_config(&config) != DuckDBSuccess) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = configure(conf, config);
    if (rc == AL_OK && duckdb_open_ext(NULL, &inv->db, config, &text) != DuckDBSuccess) {
        rc = al_fail_set(fail, AL_EIO, 0, "the inventory's database does not start: %s",
                         text != NULL ? text : "");
    }
    duckdb_free(text);
    duckdb_destroy_config(&config);
    return rc;
}

static int
register_all(struct inventory *inv)
{
    AL_CLEANUP(inv_disconnect) struct inv_conn_of of = {inv, NULL};
    int rc = inv_connect(inv, &of.conn);

    if (rc == AL_OK) {
        rc = inv_functions_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_sources_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_imports_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_tally_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_twins_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_sieve_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_gather_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_numbered_register(inv, of.conn);
    }
    if (rc == AL_OK) {
        rc = inv_export_register(inv, of.conn);
    }
    return rc;
}

int
inventory_open(const struct inventory_conf *conf, struct inventory **ret, struct al_fail *fail)
{
    struct inventory *inv = al_zalloc(sizeof(*inv));
    int rc, cached;

    if (inv == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    inv->port = conf->port;
    inv->log = conf->log;
    inv->moves_max = conf->moves_max > 0 ? conf->moves_max : INVENTORY_MOVES_MAX;
    inv->unplaced_max = conf->unplaced_max > 0 ? conf->unplaced_max : INVENTORY_UNPLACED_MAX;
    inv->touches_max = conf->touches_max > 0 ? conf->touches_max : INVENTORY_TOUCHES_MAX;
    inv->attached_max = conf->attached_max > 0 ? conf->attached_max : INVENTORY_ATTACHED_MAX;
    port_mutex_init(&inv->lock);
    port_mutex_init(&inv->slot_lock);
    port_cond_init(&inv->settled);
    port_cond_init(&inv->clock_wake);
    al_list_init(&inv->timed);
    al_list_init(&inv->idle);
    al_list_init(&inv->volumes);
    cached = inv_cache_begin(&inv->cache,
                             conf->cache_bytes > 0 ? conf->cache_bytes : CACHE_BYTES_DEFAULT);
    inv->dir = al_strdup(conf->dir);
    if (inv->dir == NULL) {
        rc = al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    } else {
        rc = port_mkdirs(inv->port, inv->dir, FOLDER_MODE);
        if (rc < 0) {
            (void)al_fail_set(fail, rc, port_os_error(inv->port),
                              "the inventory's folder %s cannot be made", inv->dir);
        }
    }
    if (rc == AL_OK) {
        rc = open_database(inv, conf, fail);
    }
    if (rc == AL_OK) {
        rc = register_all(inv);
    }
    if (rc == AL_OK) {
        rc = cached;
    }
    if (rc == AL_OK) {
        rc = inv_clock_start(inv);
    }
    if (rc < 0) {
        inventory_close(inv);
        return al_fail_set(fail, rc, 0, "the inventory does not open");
    }
    *ret = inv;
    return AL_OK;
}

void
inv_volume_free(struct inventory *inv, struct inv_volume *v)
{
    al_list_drop(&v->link);
    inv->volume_count--;
    port_mutex_end(&v->lock);
    port_mutex_end(&v->write);
    al_free(v);
}

struct inventory *
inventory_close(struct inventory *inv)
{
    if (inv == NULL) {
        return NULL;
    }
    inv_clock_end(inv);
    while (!al_list_empty(&inv->idle)) {
        struct inv_conn *c = AL_LIST_ITEM(al_list_pop(&inv->idle), struct inv_conn, link);

        duckdb_disconnect(&c->con);
        al_free(c);
    }
    while (!al_list_empty(&inv->volumes)) {
        inv_volume_free(inv, AL_LIST_ITEM(inv->volumes.next, struct inv_volume, link));
    }
    if (inv->db != NULL) {
        duckdb_close(&inv->db);
    }
    inv_cache_end(&inv->cache);
    port_cond_end(&inv->clock_wake);
    port_cond_end(&inv->settled);
    port_mutex_end(&inv->slot_lock);
    port_mutex_end(&inv->lock);
    al_free(inv->dir);
    al_free(inv);
    return NULL;
}
