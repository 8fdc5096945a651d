#include "rule/rule_priv.h"

#define SET(op) (1u << (op))
#define TEXT_OPS (SET(O_EQ) | SET(O_IN) | SET(O_MATCHES) | SET(O_LIKE))
#define ORDER_OPS (SET(O_EQ) | SET(O_LT) | SET(O_LE) | SET(O_GT) | SET(O_GE))
#define TIME_OPS (ORDER_OPS | SET(O_OLDER) | SET(O_NEWER))

const struct field_info rule_fields[F_COUNT] = {
    [F_NAME] = {"name", K_TEXT, TEXT_OPS},
    [F_PATH] = {"path", K_TEXT, TEXT_OPS},
    [F_EXT] = {"ext", K_TEXT, TEXT_OPS},
    [F_SIZE] = {"size", K_SIZE, ORDER_OPS | SET(O_IN)},
    [F_ACCESSED] = {"accessed", K_TIME, TIME_OPS},
    [F_MODIFIED] = {"modified", K_TIME, TIME_OPS},
    [F_CREATED] = {"created", K_TIME, TIME_OPS},
    [F_OWNER] = {"owner", K_OWNER, TEXT_OPS},
    [F_ATTRIBUTES] = {"attributes", K_ATTRS, SET(O_EQ) | SET(O_IN)},
    [F_STATE] = {"state", K_STATE, SET(O_EQ) | SET(O_IN)},
};

#define HOUR_NS (INT64_C(3600) * 1000000000)
/* A month is 30 days and a year 365: an age is a length of time, the same on every day it is asked.
 */
const struct unit rule_units[UNIT_COUNT] = {
    {"h", HOUR_NS},
    {"d", 24 * HOUR_NS},
    {"w", 7 * 24 * HOUR_NS},
    {"mo", 30 * 24 * HOUR_NS},
    {"y", 365 * 24 * HOUR_NS},
};

const struct attr_info rule_attrs[ATTR_COUNT] = {
    {"immutable", RULE_A_IMMUTABLE, 0},
    {"append", RULE_A_APPEND, 0},
    {"verity", RULE_A_VERITY, 0},
    {"encrypted", RULE_A_ENCRYPTED, 0},
    {"dax", RULE_A_DAX, 0},
    {"compressed", RULE_A_COMPRESSED, 0},
    {"readonly", RULE_A_READONLY, 0},
    {"hidden", RULE_A_HIDDEN, 0},
    {"system", RULE_A_SYSTEM, 0},
    {"offline", RULE_A_OFFLINE, 0},
    {"reparse", RULE_A_REPARSE, 0},
    {"setuid", 0, 04000},
    {"setgid", 0, 02000},
    {"sticky", 0, 01000},
    {"executable", 0, 0111},
};

const char *
rule_state_name(enum rule_state s)
{
    static const char *const names[RULE_S_COUNT] = {"resident",  "stub",   "tiering",
                                                    "recalling", "pinned", "archived"};

    return s < RULE_S_COUNT ? names[s] : "resident";
}
