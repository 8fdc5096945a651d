#include "server/store/store_priv.h"

/* job.scan_whole  a scan that somebody wants of everything, whatever the host knows
 * job.scan        what a scan was and came to, a JSON object as the service writes it; '' as long as it has not ended */
const struct store_migration store_schema_scan = {
    .number = 17,
    .name = "increments of scans",
    .sql = "ALTER TABLE job ADD COLUMN scan_whole INTEGER NOT NULL DEFAULT 0;"
           "ALTER TABLE job ADD COLUMN scan TEXT NOT NULL DEFAULT '';",
};
