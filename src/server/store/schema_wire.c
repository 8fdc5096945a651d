#include "server/store/store_priv.h"

/* What a share's connections must be: "signed", or "encrypted", which is signed too. */
const struct store_migration store_schema_wire = {
    .number = 16,
    .name = "what is demanded of a share's connections",
    .sql = "ALTER TABLE share ADD COLUMN wire TEXT NOT NULL DEFAULT 'any'"
           " CHECK(wire IN ('any','signed','encrypted'));",
};
