#include "server/store/store_priv.h"

/* volume.audit   how a volume's audit logs are read: a JSON object; NULL: of a kind without
 * volume_access   what its host told of them last. counts: a JSON object, as the service writes it;
 *                 floor_ns: the record is not trusted from before, whatever the host says
 * volume_access_node   one client that writes them
 * volume_access.samples   lines that were passed over: a JSON array, as the service writes it */
const struct store_migration store_schema_access = {
    .number = 11,
    .name = "what audit logs tell",
    .sql = "ALTER TABLE volume ADD COLUMN audit TEXT;"
           "UPDATE volume SET audit='{\"root\":\"\",\"prehydrate\":false,\"silence_hours\":168,"
           "\"drop_users\":[],\"drop_hosts\":[],\"drop_nodes\":[],\"logs\":[]}'"
           " WHERE kind='lucidlink';"
           "CREATE INDEX volume_audited ON volume(id) WHERE kind='lucidlink';"

           "CREATE TABLE volume_access("
           " volume_id TEXT PRIMARY KEY REFERENCES volume(id) ON DELETE CASCADE,"
           " customer_id TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'untold' CHECK(state IN"
           "  ('untold','absent','denied','silent','live')),"
           " text TEXT NOT NULL DEFAULT '', since_ns INTEGER NOT NULL DEFAULT 0,"
           " covered_ns INTEGER NOT NULL DEFAULT 0, floor_ns INTEGER NOT NULL DEFAULT 0,"
           " last_event_ns INTEGER NOT NULL DEFAULT 0, told_ns INTEGER NOT NULL DEFAULT 0,"
           " root BLOB NOT NULL DEFAULT x'', filespace BLOB NOT NULL DEFAULT x'',"
           " filespace_uuid BLOB NOT NULL DEFAULT x'', files INTEGER NOT NULL DEFAULT 0,"
           " active_files INTEGER NOT NULL DEFAULT 0, behind_bytes INTEGER NOT NULL DEFAULT 0,"
           " counts TEXT NOT NULL DEFAULT '{}', sample_why TEXT NOT NULL DEFAULT '',"
           " sample BLOB NOT NULL DEFAULT x'', rejected INTEGER NOT NULL DEFAULT 0)"
           " STRICT, WITHOUT ROWID;"

           "CREATE TABLE volume_access_node("
           " volume_id TEXT NOT NULL REFERENCES volume(id) ON DELETE CASCADE, node BLOB NOT NULL,"
           " customer_id TEXT NOT NULL, host BLOB NOT NULL, user BLOB NOT NULL,"
           " active INTEGER NOT NULL, files INTEGER NOT NULL, behind_bytes INTEGER NOT NULL,"
           " last_event_ns INTEGER NOT NULL, last_grown_ns INTEGER NOT NULL,"
           " told_ns INTEGER NOT NULL, PRIMARY KEY(volume_id, node)) STRICT, WITHOUT ROWID;",
};
const struct store_migration store_schema_skipped = {
    .number = 14,
    .name = "lines of audit logs that were passed over",
    .sql = "ALTER TABLE volume_access ADD COLUMN samples TEXT NOT NULL DEFAULT '[]';",
};
