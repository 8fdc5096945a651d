#include "server/store/store_priv.h"

/* rule           when it runs by itself (cron, zone), when its jobs may work (windows, JSON as
 *                asked), what ends a run, and what ended it for good until somebody looks (suspended)
 * rule_version   each version of each rule as it stood, with who and when; the last one of a deleted
 *                rule too
 * job            which version it is of; pause_reason: what paused it, or ended it early (stopping);
 *                look_ns: when its windows are to be looked at again; slice_ns: since when the works
 *                that were handed out are over
 * work           states besides: paused; pausing (leased, the agent is to give it back), leaving (it
 *                was told so); later (handed out when a slice before it was not enough) */
#define RULE_COPY                                                                                  \
    "rule_id TEXT NOT NULL, version INTEGER NOT NULL, customer_id TEXT NOT NULL,"                  \
    " volume_id TEXT NOT NULL, share_id TEXT, name TEXT NOT NULL, where_text TEXT NOT NULL,"       \
    " action TEXT NOT NULL, position INTEGER NOT NULL, enabled INTEGER NOT NULL,"                  \
    " limit_files INTEGER NOT NULL, limit_bytes INTEGER NOT NULL, limit_minutes INTEGER NOT NULL," \
    " limit_error_percent INTEGER NOT NULL, start_used_percent INTEGER NOT NULL,"                  \
    " stop_used_percent INTEGER NOT NULL, cron TEXT, zone TEXT, windows TEXT,"                     \
    " at_ns INTEGER NOT NULL, by_name TEXT NOT NULL, deleted INTEGER NOT NULL"

const struct store_migration store_schema_rules = {
    .number = 9,
    .name = "schedules, windows, limits, versions of rules",
    .sql =
        "ALTER TABLE rule ADD COLUMN limit_minutes INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE rule ADD COLUMN limit_error_percent INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE rule ADD COLUMN start_used_percent INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE rule ADD COLUMN stop_used_percent INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE rule ADD COLUMN cron TEXT;"
        "ALTER TABLE rule ADD COLUMN zone TEXT;"
        "ALTER TABLE rule ADD COLUMN windows TEXT;"
        "ALTER TABLE rule ADD COLUMN updated_by TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE rule ADD COLUMN suspended_ns INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE rule ADD COLUMN suspended_reason TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE rule ADD COLUMN suspended_text TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE rule ADD COLUMN next_run_ns INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE rule ADD COLUMN rest_until_ns INTEGER NOT NULL DEFAULT 0;"
        "UPDATE rule SET updated_by=created_by;"
        "CREATE INDEX rule_due ON rule(next_run_ns) WHERE next_run_ns>0;"
        "CREATE INDEX rule_marks ON rule(rest_until_ns) WHERE start_used_percent>0;"

        "CREATE TABLE rule_version(" RULE_COPY
        ", PRIMARY KEY(rule_id, version)) STRICT, WITHOUT ROWID;"
        "INSERT INTO rule_version SELECT id, version, customer_id, volume_id, share_id, name,"
        " where_text, action, position, enabled, limit_files, limit_bytes, 0, 0, 0, 0, NULL, NULL,"
        " NULL, updated_ns, created_by, 0 FROM rule;"

        "ALTER TABLE job ADD COLUMN rule_version INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE job ADD COLUMN pause_reason TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE job ADD COLUMN pause_text TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE job ADD COLUMN pause_until_ns INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE job ADD COLUMN paused_from_ns INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE job ADD COLUMN paused_ns INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE job ADD COLUMN stopping INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE job ADD COLUMN look_ns INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE job ADD COLUMN slice_ns INTEGER NOT NULL DEFAULT 0;"
        "DROP INDEX job_open;"
        "CREATE INDEX job_open ON job(state, id) WHERE state IN " STORE_JOB_OPEN ";"
        "CREATE INDEX job_rule ON job(rule_id, id) WHERE rule_id IS NOT NULL;"

        "ALTER TABLE work ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
        "DROP INDEX work_lease;"
        "CREATE INDEX work_lease ON work(lease_until_ns) WHERE state IN " STORE_WORK_LENT ";"
        "CREATE INDEX outcome_failed ON outcome(job_id) WHERE class=2;"

        "ALTER TABLE volume ADD COLUMN bytes_total INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE volume ADD COLUMN bytes_free INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE volume ADD COLUMN space_ns INTEGER NOT NULL DEFAULT 0;",
};
