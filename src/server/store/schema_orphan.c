#include "server/store/store_priv.h"

/* orphan        what a reconcile found; of: the object's id where a finding is known by it, else ''.
 *               mark: that of the volume's walk when it was seen last
 * orphan_walk   of each volume the walk that began last; mark rises with each
 * orphan_sum    how many and how much of each kind and state, kept by triggers, so that sums over
 *               millions of findings cost as little as over none */
const struct store_migration store_schema_orphan = {
    .number = 19,
    .name = "what reconciles found",
    .sql = "CREATE TABLE orphan("
           " id TEXT PRIMARY KEY, customer_id TEXT NOT NULL,"
           " volume_id TEXT NOT NULL REFERENCES volume(id) ON DELETE CASCADE,"
           " kind TEXT NOT NULL, level TEXT NOT NULL, path BLOB NOT NULL, of TEXT NOT NULL,"
           " object_id TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
           " text TEXT NOT NULL, state TEXT NOT NULL"
           " CHECK(state IN ('open','ignored','mended')),"
           " first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
           " ended_ns INTEGER NOT NULL DEFAULT 0, walks INTEGER NOT NULL DEFAULT 1,"
           " mark INTEGER NOT NULL, ignored_by TEXT, ignored_reason TEXT,"
           " ignored_ns INTEGER NOT NULL DEFAULT 0, job_id TEXT) STRICT, WITHOUT ROWID;"
           "CREATE UNIQUE INDEX orphan_what ON orphan(volume_id, path, kind, of);"
           "CREATE INDEX orphan_list ON orphan(volume_id, state, kind, id);"
           "CREATE INDEX orphan_volume ON orphan(volume_id, id);"
           "CREATE INDEX orphan_state ON orphan(volume_id, state, id);"
           "CREATE INDEX orphan_level ON orphan(volume_id, level, state, id);"
           "CREATE INDEX orphan_over ON orphan(ended_ns) WHERE state='mended';"
           "CREATE TABLE orphan_walk("
           " volume_id TEXT PRIMARY KEY REFERENCES volume(id) ON DELETE CASCADE,"
           " customer_id TEXT NOT NULL, mark INTEGER NOT NULL, work_id TEXT NOT NULL,"
           " began_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL DEFAULT 0,"
           " stubs INTEGER NOT NULL DEFAULT 0, objects INTEGER NOT NULL DEFAULT 0,"
           " objects_seen INTEGER NOT NULL DEFAULT 0, left_out INTEGER NOT NULL DEFAULT 0,"
           " text TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;"
           "CREATE TABLE orphan_sum("
           " volume_id TEXT NOT NULL REFERENCES volume(id) ON DELETE CASCADE,"
           " kind TEXT NOT NULL, state TEXT NOT NULL, level TEXT NOT NULL,"
           " customer_id TEXT NOT NULL, findings INTEGER NOT NULL, bytes INTEGER NOT NULL,"
           " PRIMARY KEY(volume_id, kind, state)) STRICT, WITHOUT ROWID;"
           "CREATE INDEX orphan_sum_customer ON orphan_sum(customer_id);"
           "CREATE TRIGGER orphan_came AFTER INSERT ON orphan BEGIN"
           " INSERT INTO orphan_sum VALUES(new.volume_id, new.kind, new.state, new.level,"
           "  new.customer_id, 1, new.size) ON CONFLICT(volume_id, kind, state) DO UPDATE SET"
           "  findings=findings+1, bytes=bytes+excluded.bytes; END;"
           "CREATE TRIGGER orphan_went AFTER DELETE ON orphan BEGIN"
           " UPDATE orphan_sum SET findings=findings-1, bytes=bytes-old.size"
           "  WHERE volume_id=old.volume_id AND kind=old.kind AND state=old.state; END;"
           "CREATE TRIGGER orphan_turned AFTER UPDATE OF state, size ON orphan"
           " WHEN old.state<>new.state OR old.size<>new.size BEGIN"
           " UPDATE orphan_sum SET findings=findings-1, bytes=bytes-old.size"
           "  WHERE volume_id=old.volume_id AND kind=old.kind AND state=old.state;"
           " INSERT INTO orphan_sum VALUES(new.volume_id, new.kind, new.state, new.level,"
           "  new.customer_id, 1, new.size) ON CONFLICT(volume_id, kind, state) DO UPDATE SET"
           "  findings=findings+1, bytes=bytes+excluded.bytes; END;",
};
