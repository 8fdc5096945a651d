#include "server/service/rule/ranked.h"

#include <string.h>

void
ranked_end(struct ranked *r)
{
    for (size_t i = 0; i < r->earlier_count; i++) {
        r->parsed[i] = rule_free(r->parsed[i]);
    }
    r->earlier_count = 0;
    r->rule = rule_free(r->rule);
}

static int
parse(const char *where, struct rule **ret, struct al_fail *fail)
{
    struct rule_error error;
    int rc = rule_parse(al_span_of(where), NULL, ret, &error);

    if (rc == AL_EINVAL || rc == AL_ELIMIT) {
        return al_fail_set(fail, AL_EINVAL, 0, "at byte %zu: %s%s%s", error.at, error.message,
                           error.expected[0] == '\0' ? "" : "; expected ", error.expected);
    }
    return rc;
}

struct making {
    struct ranked *r;
    const struct ranked_of *of;
    bool past; /* its own place was met: what follows comes later */
    struct al_fail *fail;
};

static int
one_earlier(void *ctx, const struct store_rule *rule)
{
    struct making *m = ctx;
    struct ranked *r = m->r;
    bool exclude = strcmp(rule->action, "exclude") == 0;
    const char *reason = exclude                            ? "excluded"
                         : strcmp(rule->action, "pin") == 0 ? "pinned"
                                                            : "earlier_rule";

    m->past = m->past || strcmp(rule->id, m->of->rule_id) == 0 ||
              (m->of->rule_id[0] == '\0' && m->of->excludes && !exclude);
    if (m->past) {
        return AL_OK;
    }
    /* A rule that would tier the file anyway decides it too; one that recalls says that it shall
     * not be tiered. */
    if (r->earlier_count == INVENTORY_EARLIER_MAX) {
        return al_fail_set(m->fail, AL_ELIMIT, 0, "more than %u rules come before this one",
                           INVENTORY_EARLIER_MAX);
    }
    SV_TRY(parse(rule->where, &r->parsed[r->earlier_count], m->fail));
    r->earlier[r->earlier_count] = (struct inventory_earlier){r->parsed[r->earlier_count], reason};
    r->earlier_count++;
    return AL_OK;
}

int
ranked_make(struct ranked *r, const struct ranked_of *of, struct al_fail *fail)
{
    struct making m = {r, of, false, fail};

    SV_TRY(parse(of->where, &r->rule, fail));
    return store_rule_each(of->db, of->scope, of->volume_id, of->arena, one_earlier, &m, fail);
}

struct inventory_plan_query
ranked_query(const struct ranked *r, int64_t now_ns)
{
    return (struct inventory_plan_query){
        .rule = r->rule,
        .now_ns = now_ns,
        .earlier = r->earlier,
        .earlier_count = r->earlier_count,
    };
}
