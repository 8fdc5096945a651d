#include "server/store/store_priv.h"

/* Volumes whose figures are behind their inventory: written with what changed the inventory, taken
 * away with the figures. So figures are right again after a crash in between. n tells a newer piece
 * of news from the one that was looked at. */
const struct store_migration store_schema_news = {
    .number = 4,
    .name = "volumes with news",
    .sql = "CREATE TABLE volume_news("
           " volume_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, n INTEGER NOT NULL)"
           " STRICT, WITHOUT ROWID;",
};

/* Acts on files by when they were done: an act that a host reports twice is looked for from its
 * begin on. */
const struct store_migration store_schema_acts = {
    .number = 6,
    .name = "acts on files by time",
    .sql = "CREATE INDEX event_file_at ON event(subject_id, at_ns) WHERE subject_type='file';",
};

/* Of the last batch of a stream: the hash of its body. */
const struct store_migration store_schema_bodies = {
    .number = 7,
    .name = "hashes of batches",
    .sql = "ALTER TABLE intake ADD COLUMN body TEXT NOT NULL DEFAULT '';",
};

/* What a walk of markers came to; done_files are those that are as they should be. */
const struct store_migration store_schema_reconcile = {
    .number = 8,
    .name = "what reconcile jobs came to",
    .sql = "ALTER TABLE job ADD COLUMN adopted_files INTEGER NOT NULL DEFAULT 0;"
           "ALTER TABLE job ADD COLUMN dropped_files INTEGER NOT NULL DEFAULT 0;"
           "ALTER TABLE job ADD COLUMN finished_files INTEGER NOT NULL DEFAULT 0;",
};

/* Since when a share has been in trouble; 0 while it is well. */
const struct store_migration store_schema_trouble = {
    .number = 5,
    .name = "shares in trouble",
    .sql = "ALTER TABLE share ADD COLUMN trouble_ns INTEGER NOT NULL DEFAULT 0;",
};
