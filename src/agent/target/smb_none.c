/* smb_none.c: for systems on which shares are reached by the system itself (Windows: UNC paths). */
#include "agent/target/target_kind.h"

const struct target_kind *
target_smb_kind(void)
{
    return NULL;
}
