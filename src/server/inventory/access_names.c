/* One name, written in two ways: a letter and its accent may be one character or two. What no path has byte by byte is
 * looked for once more by the composed form (NFC) of both, and taken where there is one such file alone. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/access_priv.h"

/* NULL where it is no UTF-8, or has nothing that could be composed. */
#define COMPOSED(x)                                                                                \
    "CASE WHEN octet_length(" x ") <> length(TRY(decode(" x "))) THEN nfc_normalize(TRY(decode(" x \
    "))) END"

static const char odd_sql[] = "CREATE OR REPLACE TEMP TABLE odd AS SELECT un, in_path, name, "
                              "coalesce(" COMPOSED("in_path") ", TRY(decode(in_path))) AS "
                                                              "composed_path, coalesce(" COMPOSED(
                                                                  "name") ", TRY(decode(name))) AS "
                                                                          "composed_name FROM "
                                                                          "temp.rest "
                                                                          "WHERE " COMPOSED("name") " IS NOT NULL OR " COMPOSED("in_path") " IS NOT NULL";

static const char folder_sql[] =
    "CREATE OR REPLACE TEMP TABLE odd_folder AS SELECT o.un, f.id FROM temp.odd o JOIN "
    "\"v_%s\".folder f ON f.path = o.in_path UNION SELECT o.un, f.id FROM temp.odd o JOIN (SELECT "
    "id, " COMPOSED("path") " AS composed FROM \"v_%s\".folder) f ON f.composed = o.composed_path";

static const char match_sql[] =
    "CREATE OR REPLACE TEMP TABLE odd_match AS SELECT o.un, any_value(f.path) AS in_path, "
    "any_value(e.name) AS name FROM temp.odd_folder x JOIN temp.odd o ON o.un = x.un JOIN "
    "\"v_%s\".entry e ON e.folder = x.id JOIN \"v_%s\".folder f ON f.id = x.id WHERE "
    "coalesce(" COMPOSED(
        "e.name") ", TRY(decode(e.name))) = o.composed_name GROUP BY o.un HAVING count(*) = 1";

static const char next_sql[] =
    "CREATE OR REPLACE TEMP TABLE used_next AS SELECT u.* REPLACE (m.in_path AS in_path, m.name AS "
    "name) FROM temp.used u JOIN temp.rest r ON r.in_path = u.in_path AND r.name = u.name JOIN "
    "temp.odd_match m ON m.un = r.un";

int
inv_names_match(struct inv_use *u, uint64_t *ret)
{
    const char *id = u->volume->id;
    int64_t count = 0;
    int rc = inv_run(u->inv, u->conn, odd_sql);

    *ret = 0;
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.odd", &count);
    }
    if (rc < 0 || count == 0) {
        return rc;
    }
    rc = inv_runf(u->inv, u->conn, folder_sql, id, id);
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, match_sql, id, id);
    }
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.odd_match", &count);
    }
    if (rc < 0 || count == 0) {
        return rc;
    }
    rc = inv_run(u->inv, u->conn, next_sql);
    *ret = (uint64_t)count;
    return rc < 0 ? rc
                  : inv_run(u->inv, u->conn,
                            "DELETE FROM temp.rest WHERE un IN (SELECT un FROM temp.odd_match)");
}
