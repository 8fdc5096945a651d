#include "server/service/work/work.h"

int
work_share_test_over(struct work_tx *t, const char *host_id, const char *id,
                     const struct store_share_result *r)
{
    bool ended = false;

    SV_TRY(store_share_test_end(t->db, &t->scope, host_id, id, r, t->now_ns, &ended, t->fail));
    return ended ? work_touch(t, WORK_T_SHARE_TEST, id, t->scope.customer_id) : AL_OK;
}

static int
given_up(void *ctx, const char *id, const char *customer_id)
{
    return work_touch(ctx, WORK_T_SHARE_TEST, id, customer_id);
}

int
work_share_tests_late(struct work_tx *t)
{
    return store_share_test_expire(t->db, &t->scope, t->now_ns, given_up, t, t->fail);
}
