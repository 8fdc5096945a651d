#include "server/store/store_priv.h"

/* No foreign keys: what was done stays told when the volume or customer is gone. The slots are
 * clustered by step and series, so that a question reads one run of pages for each series. */
const struct store_migration store_schema_series = {
    .number = 3,
    .name = "series",
    .sql = "CREATE TABLE series("
           " id INTEGER PRIMARY KEY, metric TEXT NOT NULL, customer_id TEXT NOT NULL,"
           " volume_id TEXT NOT NULL, gauge INTEGER NOT NULL,"
           " UNIQUE(metric, customer_id, volume_id)) STRICT;"
           "CREATE TABLE series_slot("
           " step_s INTEGER NOT NULL, series_id INTEGER NOT NULL, slot_s INTEGER NOT NULL,"
           " value INTEGER NOT NULL, at_ns INTEGER NOT NULL,"
           " PRIMARY KEY(step_s, series_id, slot_s)) STRICT, WITHOUT ROWID;"
           "CREATE INDEX series_slot_age ON series_slot(step_s, slot_s);",
};
