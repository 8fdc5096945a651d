#include "server/store/store_priv.h"

#include "port/digest.h"

#include <string.h>

/* In the order in which they are applied. Numbers are for ever. */
static const struct store_migration *const all[] = {
    &store_schema_core,
};

const struct store_migration *const *
store_migrations(size_t *ret_count)
{
    *ret_count = AL_LEN(all);
    return all;
}
