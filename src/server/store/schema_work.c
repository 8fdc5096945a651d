#include "server/store/store_priv.h"

/* job      what somebody asked for, with its counters as they stand
 * work     the pieces of it that are not done: queued, leased to an agent, held until a share is
 * well, dropped (to be told to the agent); gone when done, so the table stays small work_items
 * apart, since a lease that is prolonged would otherwise write them again outcome  the last word on
 * each file of a job: one row a path, so that work done twice counts once intake   how far each
 * stream of each host is applied: what makes batches count once ledger   objects on shares that
 * nothing refers to: the only door to their deletion */
const struct store_migration store_schema_work = {
    .number = 2,
    .name = "jobs, work, outcomes, intake",
    .sql =
        "CREATE TABLE job("
        " id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, host_id TEXT NOT NULL, volume_id TEXT,"
        " rule_id TEXT, share_id TEXT, kind TEXT NOT NULL, state TEXT NOT NULL,"
        " total_files INTEGER NOT NULL DEFAULT 0, total_bytes INTEGER NOT NULL DEFAULT 0,"
        " done_files INTEGER NOT NULL DEFAULT 0, done_bytes INTEGER NOT NULL DEFAULT 0,"
        " freed_bytes INTEGER NOT NULL DEFAULT 0, refused_files INTEGER NOT NULL DEFAULT 0,"
        " failed_files INTEGER NOT NULL DEFAULT 0,"
        " end_code INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL DEFAULT '',"
        " rule_where TEXT, plan_ns INTEGER NOT NULL DEFAULT 0,"
        " created_by TEXT NOT NULL, created_ns INTEGER NOT NULL, started_ns INTEGER NOT NULL "
        "DEFAULT 0,"
        " ended_ns INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1) STRICT;"
        "CREATE INDEX job_customer ON job(customer_id, id);"
        "CREATE INDEX job_volume ON job(volume_id, id);"
        "CREATE INDEX job_open ON job(state, id) WHERE state IN ('queued','running','suspended');"

        "CREATE TABLE work("
        " id TEXT PRIMARY KEY, job_id TEXT REFERENCES job(id) ON DELETE CASCADE,"
        " customer_id TEXT NOT NULL, host_id TEXT NOT NULL, volume_id TEXT, share_id TEXT,"
        " scan_id TEXT, kind TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL,"
        " lease_until_ns INTEGER NOT NULL DEFAULT 0, hold_until_ns INTEGER NOT NULL DEFAULT 0,"
        " lost INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,"
        " items INTEGER NOT NULL DEFAULT 0, created_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE INDEX work_queue ON work(host_id, state, priority, id);"
        "CREATE INDEX work_lease ON work(lease_until_ns) WHERE state IN ('leased','dropped');"
        "CREATE INDEX work_job ON work(job_id, state);"
        "CREATE INDEX work_share ON work(share_id, state);"
        "CREATE INDEX work_scan ON work(scan_id) WHERE scan_id IS NOT NULL;"
        "CREATE TABLE work_items("
        " work_id TEXT PRIMARY KEY REFERENCES work(id) ON DELETE CASCADE, json TEXT NOT NULL) "
        "STRICT;"

        "CREATE TABLE outcome("
        " id INTEGER PRIMARY KEY, job_id TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,"
        " customer_id TEXT NOT NULL, path BLOB NOT NULL, act TEXT NOT NULL, class INTEGER NOT NULL,"
        " code TEXT NOT NULL, reason TEXT NOT NULL, text TEXT NOT NULL, object_id TEXT,"
        " size INTEGER NOT NULL, freed INTEGER NOT NULL, at_ns INTEGER NOT NULL) STRICT;"
        "CREATE UNIQUE INDEX outcome_path ON outcome(job_id, path);"
        "CREATE INDEX outcome_job ON outcome(job_id, id);"
        "CREATE TABLE job_reason("
        " job_id TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE, reason TEXT NOT NULL,"
        " code TEXT NOT NULL, files INTEGER NOT NULL, sample TEXT NOT NULL, sample_b64 TEXT,"
        " PRIMARY KEY(job_id, reason, code)) STRICT, WITHOUT ROWID;"

        "CREATE TABLE intake("
        " host_id TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL, at_ns INTEGER NOT "
        "NULL,"
        " PRIMARY KEY(host_id, stream)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE ledger("
        " share_id TEXT NOT NULL, object_id TEXT NOT NULL, customer_id TEXT NOT NULL,"
        " host_id TEXT NOT NULL, volume_id TEXT, path BLOB, reason TEXT NOT NULL,"
        " since_ns INTEGER NOT NULL, PRIMARY KEY(share_id, object_id)) STRICT, WITHOUT ROWID;",
};
