#include "server/store/store_priv.h"

/* host_driver   how it stands with the filter driver of a Windows host, as its agent told last. driver: a JSON
 *               object, as the service writes it */
const struct store_migration store_schema_driver = {
    .number = 15,
    .name = "filter drivers of hosts",
    .sql = "CREATE TABLE host_driver("
           " host_id TEXT PRIMARY KEY REFERENCES host(id) ON DELETE CASCADE,"
           " customer_id TEXT NOT NULL, told_ns INTEGER NOT NULL, driver TEXT NOT NULL)"
           " STRICT, WITHOUT ROWID;",
};
