#include "server/store/store_priv.h"

/* import   an inventory made elsewhere: its file lies in DATA/imports/ID while it is kept; `source`
 *          is the file's place in the watched folder, '' for an upload
 * export   a list somebody asked for; its file lies in DATA/exports/ID until expires_ns
 * customer_cost   what storage costs a customer, in hundredths of a cent; NULL: not told
 * event_file_path   the story of one file */
const struct store_migration store_schema_import = {
    .number = 10,
    .name = "imports, exports, costs",
    .sql =
        "CREATE TABLE import("
        " id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customer(id),"
        " volume_id TEXT NOT NULL REFERENCES volume(id) ON DELETE CASCADE,"
        " name TEXT NOT NULL, state TEXT NOT NULL CHECK(state IN"
        "  ('uploading','ready','running','done','failed','cancelled')),"
        " size INTEGER NOT NULL, received INTEGER NOT NULL DEFAULT 0,"
        " options TEXT NOT NULL, look TEXT, problem INTEGER NOT NULL DEFAULT 0,"
        " cancel INTEGER NOT NULL DEFAULT 0, phase TEXT NOT NULL DEFAULT '',"
        " bytes_done INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0,"
        " refused INTEGER NOT NULL DEFAULT 0, rows_per_s INTEGER NOT NULL DEFAULT 0,"
        " result TEXT, code TEXT, text TEXT NOT NULL DEFAULT '',"
        " source TEXT NOT NULL DEFAULT '', source_ns INTEGER NOT NULL DEFAULT 0,"
        " source_left INTEGER NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 1,"
        " created_by TEXT NOT NULL, created_ns INTEGER NOT NULL, touched_ns INTEGER NOT NULL,"
        " started_ns INTEGER NOT NULL DEFAULT 0, ended_ns INTEGER NOT NULL DEFAULT 0,"
        " version INTEGER NOT NULL DEFAULT 1) STRICT, WITHOUT ROWID;"
        "CREATE INDEX import_customer ON import(customer_id, id);"
        "CREATE INDEX import_volume ON import(volume_id, id);"
        "CREATE INDEX import_running ON import(id) WHERE state='running';"
        "CREATE INDEX import_kept ON import(touched_ns) WHERE kept=1;"
        "CREATE INDEX import_source ON import(volume_id, source) WHERE source_left=1;"

        "CREATE TABLE export("
        " id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customer(id),"
        " volume_id TEXT NOT NULL REFERENCES volume(id) ON DELETE CASCADE,"
        " user_id TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL, rows INTEGER NOT NULL,"
        " bytes INTEGER NOT NULL, created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID;"
        "CREATE INDEX export_expires ON export(expires_ns);"

        "CREATE TABLE customer_cost("
        " customer_id TEXT PRIMARY KEY REFERENCES customer(id) ON DELETE CASCADE,"
        " currency TEXT NOT NULL, primary_tb_month INTEGER, tier_tb_month INTEGER,"
        " recall_gb INTEGER, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

        "CREATE INDEX event_file_path ON event(subject_id, subject, at_ns)"
        " WHERE subject_type='file';",
};
