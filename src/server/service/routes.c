#include "server/service/access/ops.h"
#include "server/service/agent/ops.h"
#include "server/service/figure/ops.h"
#include "server/service/file/ops.h"
#include "server/service/import/ops.h"
#include "server/service/job/ops.h"
#include "server/service/noun/ops.h"
#include "server/service/orphan/ops.h"
#include "server/service/plan/ops.h"
#include "server/service/rule/ops.h"
#include "server/service/search/ops.h"

#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define ROUTE_PARTS_MAX 12u /* parts of a path */
#define ROUTE_PART_BYTES_MAX 128u

/* Body caps: a noun is small; a rule's text may be 64 KiB; lists of paths and an agent's batches
 * are bounded by their own formats. */
#define NOUN_BODY (16 * KIB)
#define RULE_BODY (512 * KIB)
#define PATHS_BODY (4 * MIB)
#define BATCH_BODY (16 * MIB)
#define ORPHANS_BODY (64 * KIB) /* a thousand ids */
#define OPTIONS_BODY (64 * KIB) /* how an import reads its columns */
#define CHUNK_BODY (8 * MIB)    /* a piece of an import's file */
#define A "/api/v1"

/* The one route table. Order does not matter but for reading; a literal part wins over a {…} part.
 */
static const struct service_route routes[] = {
    {"GET", A "/health", 0, health, "health", 0, true},

    {"POST", A "/session", 0, session_create, "session_create", NOUN_BODY},
    {"GET", A "/session", ROLES_READ, session_get, "session_get", 0, true},
    {"DELETE", A "/session", ROLES_READ, session_delete, "session_delete", 0},

    {"GET", A "/customers", ROLES_READ, customer_list, "customer_list", 0, true},
    {"POST", A "/customers", ROLE_OPERATOR, customer_create, "customer_create", NOUN_BODY},
    {"GET", A "/customers/{id}", ROLES_READ, customer_get, "customer_get", 0, true},
    {"PATCH", A "/customers/{id}", ROLE_OPERATOR, customer_update, "customer_update", NOUN_BODY},
    {"DELETE", A "/customers/{id}", ROLE_OPERATOR, customer_delete, "customer_delete", 0},
    {"POST", A "/customers/{id}/enrol-tokens", ROLES_WRITE, enrol_token_create,
     "enrol_token_create", NOUN_BODY},

    {"GET", A "/users", ROLES_READ, user_list, "user_list", 0, true},
    {"POST", A "/users", ROLES_WRITE, user_create, "user_create", NOUN_BODY},
    {"GET", A "/users/{id}", ROLES_READ, user_get, "user_get", 0, true},
    {"PATCH", A "/users/{id}", ROLES_WRITE, user_update, "user_update", NOUN_BODY},
    {"DELETE", A "/users/{id}", ROLES_WRITE, user_delete, "user_delete", 0},
    {"POST", A "/users/{id}/password", ROLES_READ, user_password, "user_password", NOUN_BODY},

    {"GET", A "/hosts", ROLES_READ, host_list, "host_list", 0, true},
    {"GET", A "/hosts/{id}", ROLES_READ, host_get, "host_get", 0, true},
    {"GET", A "/hosts/{id}/filespaces", ROLES_READ, host_filespaces, "host_filespaces", 0},
    {"PATCH", A "/hosts/{id}", ROLES_WRITE, host_update, "host_update", NOUN_BODY},
    {"DELETE", A "/hosts/{id}", ROLES_WRITE, host_delete, "host_delete", 0},

    {"GET", A "/shares", ROLES_READ, share_list, "share_list", 0, true},
    {"POST", A "/shares", ROLES_WRITE, share_create, "share_create", NOUN_BODY},
    {"GET", A "/shares/{id}", ROLES_READ, share_get, "share_get", 0, true},
    {"PATCH", A "/shares/{id}", ROLES_WRITE, share_update, "share_update", NOUN_BODY},
    {"DELETE", A "/shares/{id}", ROLES_WRITE, share_delete, "share_delete", 0},
    {"POST", A "/shares/{id}/check", ROLES_WRITE, share_check, "share_check", NOUN_BODY},

    {"POST", A "/share-tests", ROLES_WRITE, share_test_create, "share_test_create", NOUN_BODY},
    {"GET", A "/share-tests/{id}", ROLES_WRITE, share_test_get, "share_test_get", 0},

    {"GET", A "/volumes", ROLES_READ, volume_list, "volume_list", 0, true},
    {"POST", A "/volumes", ROLES_WRITE, volume_create, "volume_create", NOUN_BODY},
    {"GET", A "/volumes/{id}", ROLES_READ, volume_get, "volume_get", 0, true},
    {"PATCH", A "/volumes/{id}", ROLES_WRITE, volume_update, "volume_update", NOUN_BODY},
    {"DELETE", A "/volumes/{id}", ROLES_WRITE, volume_delete, "volume_delete", 0},
    {"POST", A "/volumes/{id}/scan", ROLES_WRITE, volume_scan, "volume_scan", NOUN_BODY},
    {"POST", A "/volumes/{id}/reconcile", ROLES_WRITE, volume_reconcile, "volume_reconcile",
     NOUN_BODY},
    {"GET", A "/volumes/{id}/files", ROLES_READ, file_list, "file_list", 0},
    {"GET", A "/volumes/{id}/file", ROLES_READ, file_stat, "file_stat", 0},
    {"POST", A "/volumes/{id}/tier", ROLES_WRITE, file_tier, "file_tier", PATHS_BODY},
    {"POST", A "/volumes/{id}/recall", ROLES_WRITE, file_recall, "file_recall", PATHS_BODY},
    {"POST", A "/volumes/{id}/adopt", ROLES_WRITE, file_adopt, "file_adopt", PATHS_BODY},

    {"GET", A "/rules", ROLES_READ, rule_list, "rule_list", 0, true},
    {"POST", A "/rules", ROLES_WRITE, rule_create, "rule_create", RULE_BODY},
    {"POST", A "/rules/check", ROLES_READ, rule_check, "rule_check", RULE_BODY},
    {"POST", A "/rules/preview", ROLES_READ, rule_preview_text, "rule_preview_text", RULE_BODY},
    {"GET", A "/rules/{id}", ROLES_READ, rule_get, "rule_get", 0, true},
    {"PATCH", A "/rules/{id}", ROLES_WRITE, rule_update, "rule_update", RULE_BODY},
    {"DELETE", A "/rules/{id}", ROLES_WRITE, rule_delete, "rule_delete", 0},
    {"POST", A "/rules/{id}/preview", ROLES_READ, rule_preview, "rule_preview", NOUN_BODY},
    {"POST", A "/rules/{id}/run", ROLES_WRITE, rule_run, "rule_run", NOUN_BODY},
    {"GET", A "/rules/{id}/versions", ROLES_READ, rule_versions, "rule_versions", 0, true},
    {"POST", A "/rules/{id}/clone", ROLES_WRITE, rule_clone, "rule_clone", NOUN_BODY},
    {"POST", A "/rules/{id}/resume", ROLES_WRITE, rule_resume, "rule_resume", NOUN_BODY},
    {"POST", A "/rules/order", ROLES_WRITE, rule_order, "rule_order", 64 * KIB},
    {"GET", A "/rules/templates", ROLES_READ, rule_templates, "rule_templates", 0, true},
    {"POST", A "/rules/schedule", ROLES_READ, rule_schedule, "rule_schedule", NOUN_BODY},

    {"GET", A "/jobs", ROLES_READ, job_list, "job_list", 0, true},
    {"GET", A "/jobs/{id}", ROLES_READ, job_get, "job_get", 0, true},
    {"POST", A "/jobs/{id}/cancel", ROLES_WRITE, job_cancel, "job_cancel", NOUN_BODY},
    {"POST", A "/jobs/{id}/pause", ROLES_WRITE, job_pause, "job_pause", NOUN_BODY},
    {"POST", A "/jobs/{id}/resume", ROLES_WRITE, job_resume, "job_resume", NOUN_BODY},
    {"GET", A "/jobs/{id}/outcomes", ROLES_READ, job_outcomes, "job_outcomes", 0, true},

    {"GET", A "/audit", ROLES_READ, audit_list, "audit_list", 0, true},
    {"GET", A "/audit/verify", ROLES_READ, audit_verify, "audit_verify", 0},
    {"GET", A "/figures", ROLES_READ, figures_get, "figures_get", 0, true},
    {"GET", A "/series", ROLES_READ, series_get, "series_get", 0},

    {"GET", A "/search", ROLES_READ, search_get, "search_get", 0},

    {"POST", A "/hosts", ROLES_WRITE, host_create, "host_create", NOUN_BODY},
    {"GET", A "/customers/{id}/costs", ROLES_READ, costs_get, "costs_get", 0, true},
    {"PUT", A "/customers/{id}/costs", ROLES_WRITE, costs_set, "costs_set", NOUN_BODY},
    {"POST", A "/volumes/{id}/imports", ROLES_WRITE, import_create, "import_create", OPTIONS_BODY},
    {"GET", A "/imports", ROLES_READ, import_list, "import_list", 0, true},
    {"GET", A "/imports/{id}", ROLES_READ, import_get, "import_get", 0, true},
    {"DELETE", A "/imports/{id}", ROLES_WRITE, import_delete, "import_delete", 0},
    {"PUT", A "/imports/{id}/content", ROLES_WRITE, import_content, "import_content", CHUNK_BODY,
     false, true},
    {"POST", A "/imports/{id}/look", ROLES_WRITE, import_look, "import_look", OPTIONS_BODY},
    {"POST", A "/imports/{id}/run", ROLES_WRITE, import_run, "import_run", OPTIONS_BODY},
    {"POST", A "/imports/{id}/cancel", ROLES_WRITE, import_cancel, "import_cancel", NOUN_BODY},
    {"GET", A "/imports/{id}/refused", ROLES_READ, import_refused, "import_refused", 0},
    {"POST", A "/plan", ROLES_READ, plan_make, "plan_make", RULE_BODY},
    {"POST", A "/plan/count", ROLES_READ, plan_count, "plan_count", RULE_BODY},
    {"POST", A "/plan/exports", ROLES_READ, plan_export, "plan_export", RULE_BODY},
    {"GET", A "/exports/{id}/content", ROLES_READ, export_content, "export_content", 0},
    {"GET", A "/volumes/{id}/figures", ROLES_READ, volume_figures, "volume_figures", 0},
    {"GET", A "/figures/inventory", ROLES_READ, inventory_figures_get, "inventory_figures_get", 0},
    {"GET", A "/volumes/{id}/tree", ROLES_READ, volume_tree, "volume_tree", 0},
    {"GET", A "/volumes/{id}/growth", ROLES_READ, volume_growth, "volume_growth", 0},
    {"GET", A "/volumes/{id}/why", ROLES_READ, volume_why, "volume_why", 0},

    {"GET", A "/orphans", ROLES_READ, orphan_sums, "orphan_sums", 0},
    {"GET", A "/volumes/{id}/orphans", ROLES_READ, orphan_list, "orphan_list", 0},
    {"GET", A "/volumes/{id}/orphans/{orphan_id}", ROLES_READ, orphan_get, "orphan_get", 0},
    {"POST", A "/volumes/{id}/orphans/plan", ROLES_READ, orphan_plan, "orphan_plan", ORPHANS_BODY},
    {"POST", A "/volumes/{id}/orphans/repair", ROLES_WRITE, orphan_repair, "orphan_repair",
     ORPHANS_BODY},
    {"POST", A "/volumes/{id}/orphans/ignore", ROLES_WRITE, orphan_ignore, "orphan_ignore",
     ORPHANS_BODY},
    {"POST", A "/volumes/{id}/orphans/unignore", ROLES_WRITE, orphan_unignore, "orphan_unignore",
     ORPHANS_BODY},

    {"GET", A "/access", ROLES_READ, access_list, "access_list", 0},
    {"GET", A "/volumes/{id}/access", ROLES_READ, access_get, "access_get", 0},
    {"GET", A "/volumes/{id}/access/nodes", ROLES_READ, access_nodes, "access_nodes", 0},
    {"GET", A "/volumes/{id}/access/top", ROLES_READ, access_top, "access_top", 0},
    {"GET", A "/volumes/{id}/access/hours", ROLES_READ, access_hours, "access_hours", 0},
    {"GET", A "/volumes/{id}/access/recent", ROLES_READ, access_recent, "access_recent", 0},

    {"POST", A "/agent/enrol", 0, agent_enrol, "agent_enrol", NOUN_BODY},
    {"GET", A "/agent/config", ROLE_HOST, agent_config, "agent_config", 0},
    {"GET", A "/agent/stubs", ROLE_HOST, agent_stubs, "agent_stubs", 0},
    {"GET", A "/agent/scans/{id}", ROLE_HOST, agent_scan, "agent_scan", 0},
    {"POST", A "/agent/volumes/{id}/recall", ROLE_HOST, file_recall_own, "agent_recall", 256 * KIB},
    {"POST", A "/agent/lease", ROLE_HOST, agent_lease, "agent_lease", 256 * KIB},
    {"POST", A "/agent/batch", ROLE_HOST, agent_batch, "agent_batch", BATCH_BODY},
    {"POST", A "/agent/entries", ROLE_HOST, agent_entries, "agent_entries", BATCH_BODY},
};

const struct service_route *
service_routes(size_t *ret_count)
{
    *ret_count = AL_LEN(routes);
    return routes;
}

struct parts {
    struct al_span part[ROUTE_PARTS_MAX];
    size_t count;
};

/* Splits a path behind its first '/'. False when it is no path any route could have: empty parts,
 * too many, too long. */
static bool
split(const char *path, struct parts *ret)
{
    ret->count = 0;
    if (path[0] != '/') {
        return false;
    }
    while (*path == '/') {
        size_t len = strcspn(path + 1, "/");

        if (len == 0 || len > ROUTE_PART_BYTES_MAX || ret->count == ROUTE_PARTS_MAX) {
            return false;
        }
        ret->part[ret->count++] = (struct al_span){(const uint8_t *)path + 1, len};
        path += 1 + len;
    }
    return true;
}

/* Compares pattern and path part by part without copying: 0 no match, else 1 + the number of
 * literal parts, so that more literal wins. */
static unsigned
match(const char *pattern, const struct parts *p, struct al_span ids[4], size_t *ret_ids)
{
    unsigned literal = 1;
    size_t n = 0;

    *ret_ids = 0;
    while (*pattern == '/') {
        size_t len = strcspn(pattern + 1, "/");

        if (n == p->count) {
            return 0;
        }
        if (pattern[1] == '{') {
            if (*ret_ids < 4) {
                ids[(*ret_ids)++] = p->part[n];
            }
        } else if (len == p->part[n].len && memcmp(pattern + 1, p->part[n].at, len) == 0) {
            literal++;
        } else {
            return 0;
        }
        n++;
        pattern += 1 + len;
    }
    return n == p->count ? literal : 0;
}

const struct service_route *
service_route_find(const char *method, const char *path, struct al_arena *arena, const char *ids[4],
                   bool *ret_method_wrong)
{
    const struct service_route *found = NULL;
    struct al_span best_ids[4], now_ids[4];
    size_t best_count = 0, now_count = 0;
    unsigned best = 0, now;
    bool other = false;
    struct parts p;

    *ret_method_wrong = false;
    if (!split(path, &p)) {
        return NULL;
    }
    for (size_t i = 0; i < AL_LEN(routes); i++) {
        now = match(routes[i].path, &p, now_ids, &now_count);
        if (now == 0) {
            continue;
        }
        if (strcmp(routes[i].method, method) != 0) {
            other = true;
        } else if (now > best) {
            best = now;
            found = &routes[i];
            best_count = now_count;
            memcpy(best_ids, now_ids, sizeof best_ids);
        }
    }
    if (found == NULL) {
        *ret_method_wrong = other;
        return NULL;
    }
    for (size_t i = 0; i < 4; i++) {
        ids[i] = NULL;
        if (i < best_count) {
            char *text = al_arena_alloc(arena, best_ids[i].len + 1);

            /* Without memory the operation sees an empty id, which nothing has. */
            if (text != NULL) {
                memcpy(text, best_ids[i].at, best_ids[i].len);
            }
            ids[i] = text != NULL ? text : "";
        }
    }
    return found;
}
