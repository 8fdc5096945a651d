/* A rule, the rules before it and what the inventory knows, as one query: each row that the rule
 * matches, with the reason why it is not for it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/access_priv.h"

#define REASON_LEN_MAX 31u
#define EARLIER_CODE 100 /* of the first earlier rule's reason */

/* Why the inventory already knows that a file will not be moved; names of STUB_REFUSALS
 * (agent/stub/stub.h) but for the first, in the order in which they are asked; the agent looks again.
 * archive: the same for what is archived with a placeholder; NULL: not asked. */
static const struct {
    const char *reason, *when, *archive;
} known[] = {
    {"newer_than_the_date", NULL, NULL},
    {"not_a_file", "type <> 1", "type <> 1"},
    {"already_stub", "state = 1", "state = 1"},
    {"already_archived", "state = 5", "state = 5"},
    {"pinned", "state = 4", "state = 4"},
    {"open_elsewhere", "state IN (2, 3)", "state IN (2, 3)"},
    {"hard_linked", "nlink > 1", "nlink > 1"},
    /* A placeholder has up to 4096 bytes. Blocks are not asked for: such volumes may tell of none. */
    {"saves_no_blocks", "size = 0 OR allocated = 0", "size <= 4096"},
    /* A compressed file uses less and has no holes. */
    {"sparse", "allocated < size AND (attrs & 32) = 0", NULL},
    {"immutable", "(attrs & 1) <> 0", "(attrs & 1) <> 0"},
    {"append_only", "(attrs & 2) <> 0", "(attrs & 2) <> 0"},
    {"fs_verity", "(attrs & 4) <> 0", "(attrs & 4) <> 0"},
    {"fscrypt", "(attrs & 8) <> 0", "(attrs & 8) <> 0"},
    {"dax", "(attrs & 16) <> 0", NULL},
    {"name_too_long", NULL, "octet_length(name) > 250"},
    {"is_placeholder", NULL, "name >= '.alto-'::BLOB AND name < '.alto.'::BLOB"},
    /* Asked of a volume with audit logs alone, the second of what the rule matches without coverage. */
    {"pinned_in_lucidlink", NULL, NULL},
    {"no_access_record", NULL, NULL},
};
#define CODE_PINNED_THERE (AL_LEN(known) - 1)
#define CODE_NO_RECORD AL_LEN(known)

void
inv_plan_end(struct inv_plan *p)
{
    inv_rule_sql_end(&p->rule);
    for (size_t i = 0; i < p->earlier_count; i++) {
        inv_rule_sql_end(&p->earlier[i]);
    }
    al_free(p->earlier);
}

/* The reason goes into SQL as it is. */
static bool
reason_is_sound(const char *reason)
{
    size_t len = strlen(reason);

    return len > 0 && len <= REASON_LEN_MAX && strspn(reason, "abcdefghijklmnopqrstuvwxyz_") == len;
}

static int
split_pins(struct inv_use *u)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    INV_ROWS(rows);
    bool end = false;
    int rc =
        inv_run(u->inv, u->conn, "CREATE OR REPLACE TEMP TABLE pin_path (in_path BLOB, name BLOB)");

    if (rc == AL_OK) {
        rc = inv_append_temp(u, "pin_path", &a);
    }
    if (rc == AL_OK) {
        rc = inv_query(u->inv, u->conn, "SELECT now_path FROM temp.pinned", false, &rows);
    }
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_append_path(&a, inv_bytes(&rows, 0), false);
        if (rc == AL_OK) {
            rc = inv_append_row(&a, DuckDBSuccess);
        }
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

/* temp.pin_folder and temp.pin_file: what lies at or below what some client pinned. */
static int
find_pins(struct inv_plan *p)
{
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int64_t pins = 0;
    int rc = inv_runf(
        u->inv, u->conn,
        "CREATE OR REPLACE TEMP TABLE pinned AS SELECT DISTINCT now_path FROM " INV_PINNED_SQL, id);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.pinned", &pins);
    }
    p->pins = rc == AL_OK && pins > 0;
    if (!p->pins) {
        return rc;
    }
    rc = split_pins(u);
    if (rc == AL_OK) {
        rc = inv_runf(
            u->inv, u->conn,
            "CREATE OR REPLACE TEMP TABLE pin_folder AS SELECT DISTINCT b.id FROM "
            "temp.pinned p JOIN \"v_%s\".folder f ON f.path = p.now_path JOIN \"v_%s\".folder b "
            "ON b.id BETWEEN f.id AND f.last",
            id, id);
    }
    return rc < 0
               ? rc
               : inv_runf(u->inv, u->conn,
                          "CREATE OR REPLACE TEMP TABLE pin_file AS SELECT f.id AS folder, p.name "
                          "FROM temp.pin_path p JOIN \"v_%s\".folder f ON f.path = p.in_path",
                          id);
}

/* Whether the rule is to be asked twice, and what is pinned. */
static int
find_covers(struct inv_plan *p)
{
    bool audited;
    int64_t since;

    inv_coverage_since(p->u, p->q->now_ns, &audited, &since);
    p->covers = audited && inv_sql_asks(p->rule.text, "accessed_ns");
    return audited ? find_pins(p) : AL_OK;
}

int
inv_plan_begin(struct inv_use *u, const struct inventory_plan_query *q, struct inv_plan *p)
{
    char sql[256];
    int rc;

    p->u = u;
    p->q = q;
    if (q->earlier_count > INVENTORY_EARLIER_MAX) {
        return AL_ELIMIT;
    }
    p->earlier = al_array(q->earlier_count + 1, sizeof(*p->earlier));
    if (p->earlier == NULL) {
        return AL_ENOMEM;
    }
    p->earlier_count = q->earlier_count;
    rc = inv_rule_sql_make(u->inv, u->conn, q->rule, q->now_ns, &p->rule);
    p->costly = p->rule.is_lent;
    for (size_t i = 0; rc == AL_OK && i < q->earlier_count; i++) {
        rc = reason_is_sound(q->earlier[i].reason)
                 ? inv_rule_sql_make(u->inv, u->conn, q->earlier[i].rule, q->now_ns, &p->earlier[i])
                 : AL_EINVAL;
        p->costly |= p->earlier[i].is_lent;
    }
    if (rc == AL_OK) {
        snprintf(sql, sizeof(sql),
                 "SELECT greatest(last_scan_ns, (SELECT coalesce(max(at_ns), 0) FROM "
                 "\"v_%s\".import)) FROM \"v_%s\".meta",
                 u->volume->id, u->volume->id);
        rc = inv_one(u->inv, u->conn, sql, &p->known_ns);
    }
    return rc < 0 ? rc : find_covers(p);
}

bool
inv_sql_asks(const char *text, const char *column)
{
    return text != NULL && strstr(text, column) != NULL;
}

bool
inv_sql_asks_folders(const char *text)
{
    return inv_sql_asks(text, "path") || inv_sql_asks(text, "dir ");
}

static bool
plan_asks(const struct inv_plan *p, const char *column)
{
    bool asks = inv_sql_asks(p->rule.text, column);

    for (size_t i = 0; !asks && i < p->earlier_count; i++) {
        asks = inv_sql_asks(p->earlier[i].text, column);
    }
    return asks;
}

bool
inv_plan_has_paths(const struct inv_plan *p)
{
    return plan_asks(p, "path") || plan_asks(p, "dir ");
}

/* What is known of the last access where that is for audit logs to say: what a walk saw means nothing, and where
 * nothing is known, the file was not read last before it was written last. */
#define KNOWN_ACCESS                                                                               \
    "(CASE WHEN e.source = 0 THEN e.mtime_ns ELSE coalesce(e.accessed_ns, e.mtime_ns) END)"

void
inv_put_columns(struct inv_sql *sql, struct inv_use *u, int64_t now_ns)
{
    bool audited;
    int64_t since;

    inv_coverage_since(u, now_ns, &audited, &since);
    if (audited) {
        inv_put(sql,
                "e.* REPLACE (greatest(" KNOWN_ACCESS
                ", '%lld'::BIGINT, e.came_ns) AS accessed_ns), " KNOWN_ACCESS " AS known_ns",
                (long long)since);
    } else {
        inv_put(sql, "e.*");
    }
}

void
inv_put_source(struct inv_sql *sql, struct inv_use *u, int64_t now_ns, bool path, bool owner,
               double percent)
{
    const char *id = u->volume->id;

    inv_put(sql, "(SELECT ");
    inv_put_columns(sql, u, now_ns);
    inv_put(
        sql, ", e.rowid AS rid%s%s FROM \"v_%s\".entry e",
        path
            ? ", f.path AS fpath, f.path || '/'::BLOB AS dir, f.path || '/'::BLOB || e.name AS path"
            : "",
        owner ? ", w.name AS owner" : "", id);
    if (percent < 100) {
        inv_put(sql, " TABLESAMPLE SYSTEM (%.6f%%) REPEATABLE (1)", percent);
    }
    if (path) {
        inv_put(sql, " JOIN \"v_%s\".folder f ON e.folder = f.id", id);
    }
    if (owner) {
        inv_put(sql, " LEFT JOIN \"v_%s\".owner w ON w.uid = e.uid", id);
    }
    inv_put(sql, " WHERE e.type <> %d)", PORT_T_FOLDER);
}

/* The first of several earlier rules with one reason gives it its code. */
static size_t
earlier_code(const struct inv_plan *p, size_t i)
{
    size_t first = 0;

    while (strcmp(p->q->earlier[first].reason, p->q->earlier[i].reason) != 0) {
        first++;
    }
    return EARLIER_CODE + first;
}

static void
put_refusal(struct inv_sql *sql, const struct inv_plan *p)
{
    inv_put(sql, "(CASE");
    /* What was made or changed after the moment asked about was not there then, or was another
     * file. Beyond the last scan there is no such thing but a clock that is wrong. */
    if (p->q->now_ns < p->known_ns) {
        inv_put(sql, " WHEN mtime_ns > '%lld'::BIGINT OR btime_ns > '%lld'::BIGINT THEN 1",
                (long long)p->q->now_ns, (long long)p->q->now_ns);
    }
    for (size_t i = 0; i < p->earlier_count; i++) {
        inv_put(sql, " WHEN ");
        inv_put_text(sql, p->earlier[i].text);
        inv_put(sql, " THEN %zu", earlier_code(p, i));
    }
    for (size_t i = 1; i < AL_LEN(known); i++) {
        const char *when = p->q->archive ? known[i].archive : known[i].when;

        if (when != NULL) {
            inv_put(sql, " WHEN %s THEN %zu", when, i + 1);
        }
    }
    if (p->pins) {
        inv_put(
            sql,
            " WHEN folder IN (SELECT id FROM temp.pin_folder) OR (folder, name) IN (SELECT folder, "
            "name FROM temp.pin_file) THEN %zu",
            CODE_PINNED_THERE);
    }
    if (p->covers) {
        inv_put(sql, " WHEN NOT covered THEN %zu", CODE_NO_RECORD);
    }
    inv_put(sql, " END)::USMALLINT");
}

/* On a volume with audit logs, the rows that the rule matches by what is known alone too, and `covered`: whether it
 * does with the time since which logs are complete. */
static void
put_matched(struct inv_sql *sql, const struct inv_plan *p)
{
    bool path = inv_plan_has_paths(p), owner = plan_asks(p, "owner");

    if (!p->covers) {
        inv_put_source(sql, p->u, p->q->now_ns, path, owner, 100);
        inv_put(sql, " WHERE ");
        inv_put_text(sql, p->rule.text);
        return;
    }
    inv_put(sql, "(SELECT *, coalesce(");
    inv_put_text(sql, p->rule.text);
    inv_put(
        sql,
        ", false) AS covered FROM (SELECT * EXCLUDE (since_ns) REPLACE (since_ns AS accessed_ns) "
        "FROM (SELECT *, coalesce(");
    inv_put_text(sql, p->rule.text);
    inv_put(
        sql,
        ", false) AS known FROM (SELECT * EXCLUDE (known_ns) REPLACE (known_ns AS accessed_ns), "
        "accessed_ns AS since_ns FROM ");
    inv_put_source(sql, p->u, p->q->now_ns, path, owner, 100);
    inv_put(sql, ")))) WHERE covered OR known");
}

void
inv_plan_put(struct inv_sql *sql, const struct inv_plan *p)
{
    unsigned long long block = p->u->volume->block_bytes;

    inv_put(sql, "(SELECT *, ");
    put_refusal(sql, p);
    inv_put(sql, " AS refusal, least(allocated, " INV_ROUNDED ") AS freed FROM ", block - 1, block,
            block);
    put_matched(sql, p);
    inv_put(sql, ")");
}

const char *
inv_plan_reason(const struct inv_plan *p, int64_t code)
{
    if (code >= EARLIER_CODE && code < EARLIER_CODE + (int64_t)p->earlier_count) {
        return p->q->earlier[code - EARLIER_CODE].reason;
    }
    return code >= 1 && code <= (int64_t)AL_LEN(known) ? known[code - 1].reason : NULL;
}

void
inv_plan_put_reason(struct inv_sql *sql, const struct inv_plan *p)
{
    inv_put(sql, "CASE refusal");
    for (size_t i = 0; i < AL_LEN(known); i++) {
        inv_put(sql, " WHEN %zu THEN '%s'", i + 1, known[i].reason);
    }
    for (size_t i = 0; i < p->earlier_count; i++) {
        if (earlier_code(p, i) == EARLIER_CODE + i) {
            inv_put(sql, " WHEN %zu THEN '%s'", EARLIER_CODE + i, p->q->earlier[i].reason);
        }
    }
    inv_put(sql, " END");
}
