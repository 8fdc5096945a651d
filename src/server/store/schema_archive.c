#include "server/store/store_priv.h"

/* Rules may say "archive". What a column may hold cannot be changed in place: the table is made
 * anew; nothing refers to it. */
#define RULE_KEPT                                                                                  \
    "id, customer_id, volume_id, share_id, name, where_text, action, position, enabled,"           \
    " limit_files, limit_bytes, created_by, created_ns, updated_ns, version, limit_minutes,"       \
    " limit_error_percent, start_used_percent, stop_used_percent, cron, zone, windows,"            \
    " updated_by, suspended_ns, suspended_reason, suspended_text, next_run_ns, rest_until_ns"

const struct store_migration store_schema_archive = {
    .number = 12,
    .name = "rules that archive",
    .sql = "CREATE TABLE rule_anew("
           "  id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customer(id),"
           "  volume_id TEXT NOT NULL REFERENCES volume(id), share_id TEXT REFERENCES share(id),"
           "  name TEXT NOT NULL COLLATE NOCASE, where_text TEXT NOT NULL,"
           "  action TEXT NOT NULL CHECK(action IN ('tier','archive','recall','pin','exclude')),"
           "  position INTEGER NOT NULL, enabled INTEGER NOT NULL, limit_files INTEGER NOT NULL,"
           "  limit_bytes INTEGER NOT NULL, created_by TEXT NOT NULL, created_ns INTEGER NOT NULL,"
           "  updated_ns INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,"
           "  limit_minutes INTEGER NOT NULL DEFAULT 0,"
           "  limit_error_percent INTEGER NOT NULL DEFAULT 0,"
           "  start_used_percent INTEGER NOT NULL DEFAULT 0,"
           "  stop_used_percent INTEGER NOT NULL DEFAULT 0, cron TEXT, zone TEXT, windows TEXT,"
           "  updated_by TEXT NOT NULL DEFAULT '', suspended_ns INTEGER NOT NULL DEFAULT 0,"
           "  suspended_reason TEXT NOT NULL DEFAULT '', suspended_text TEXT NOT NULL DEFAULT '',"
           "  next_run_ns INTEGER NOT NULL DEFAULT 0, rest_until_ns INTEGER NOT NULL DEFAULT 0,"
           "  UNIQUE(volume_id, name)) STRICT, WITHOUT ROWID;"
           "INSERT INTO rule_anew(" RULE_KEPT ") SELECT " RULE_KEPT " FROM rule;"
           "DROP TABLE rule;"
           "ALTER TABLE rule_anew RENAME TO rule;"
           "CREATE INDEX rule_customer ON rule(customer_id, id);"
           "CREATE INDEX rule_volume ON rule(volume_id, position, id);"
           "CREATE INDEX rule_share ON rule(share_id);"
           "CREATE INDEX rule_due ON rule(next_run_ns) WHERE next_run_ns>0;"
           "CREATE INDEX rule_marks ON rule(rest_until_ns) WHERE start_used_percent>0;",
};
