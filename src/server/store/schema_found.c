#include "server/store/store_priv.h"

/* host_filespaces   what a host's agent last told of LucidLink filespaces that are mounted there. found: a JSON
 *                   object, as the service writes it */
const struct store_migration store_schema_found = {
    .number = 13,
    .name = "filespaces of hosts",
    .sql = "CREATE TABLE host_filespaces("
           " host_id TEXT PRIMARY KEY REFERENCES host(id) ON DELETE CASCADE,"
           " customer_id TEXT NOT NULL, told_ns INTEGER NOT NULL, found TEXT NOT NULL)"
           " STRICT, WITHOUT ROWID;",
};
