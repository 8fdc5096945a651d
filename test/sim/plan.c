/* plan.c: what torture.c, archives.c and swaps.c do alike with the plan that is told: crash there, come back, heal. */
#include "torture.h"

void
plan_arm(struct world *w)
{
    sim_crash_at(now.side == HOST ? w->host : w->disk, now.nth, now.how, now.after);
    if (now.side == HOST) {
        sim_follow(w->disk, w->host);
    } else if (now.how == SIM_KILL) {
        sim_follow(w->host, w->disk); /* the agent dies in a call to the share */
    } else {
        sim_down_code(w->disk, AL_EUNREACH); /* the share's computer stops; the agent lives */
    }
}

void
plan_disks_again(struct world *w)
{
    bool agent_died = now.side == HOST || now.how == SIM_KILL;

    world_stop(w);
    sim_follow(w->disk, NULL);
    sim_follow(w->host, NULL);
    sim_down_code(w->disk, AL_ECRASH);
    if (agent_died) {
        HOLDS(sim_restart(w->host, now.how) == AL_OK);
        HOLDS(sim_restart(w->disk, SIM_KILL) == AL_OK); /* the server closes what a lost client had open */
    } else {
        HOLDS(sim_restart(w->disk, SIM_POWER) == AL_OK);
    }
    sim_crash_at(w->host, 0, SIM_KILL, false);
    sim_crash_at(w->disk, 0, SIM_KILL, false);
}

void
plan_heal(struct world *w)
{
    struct reconcile_env env = world_reconcile_env(w);
    struct reconcile_counts counts = {0};
    struct journal_figures figures;

    HOLDS(reconcile_found(&env, &counts) == AL_OK);
    journal_figures(w->journal, &figures);
    HOLDS(figures.open == 0);
    HOLDS(counts.later == 0);
}
