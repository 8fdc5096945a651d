/* A rule, the rules before it and what the inventory knows, as one query: each row that the rule
 * matches, with the reason why it is not for it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

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
};

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
    return rc;
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

void
inv_put_source(struct inv_sql *sql, struct inv_use *u, bool path, bool owner, double percent)
{
    const char *id = u->volume->id;

    inv_put(
        sql, "(SELECT e.*, e.rowid AS rid%s%s FROM \"v_%s\".entry e",
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
    inv_put(sql, " END)::USMALLINT");
}

void
inv_plan_put(struct inv_sql *sql, const struct inv_plan *p)
{
    unsigned long long block = p->u->volume->block_bytes;

    inv_put(sql, "(SELECT *, ");
    put_refusal(sql, p);
    inv_put(sql, " AS refusal, least(allocated, " INV_ROUNDED ") AS freed FROM ", block - 1, block,
            block);
    inv_put_source(sql, p->u, inv_plan_has_paths(p), plan_asks(p, "owner"), 100);
    inv_put(sql, " WHERE ");
    inv_put_text(sql, p->rule.text);
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
