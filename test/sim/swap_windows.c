/* Exchanges on a disk that is like Windows's: what cannot be kept, and what people change. */
#include "swaps.h"

#include "agent/mover/place.h"
#include "like_windows.h"

static void
a_mapped_file_is_refused_or_put_back(void)
{
    struct world w;
    int rc;

    what = SWAP;
    now = (struct plan){.seed = 2};
    swaps_make_world(&w);
    like_windows_mapped(true);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_OPEN);
    swaps_check_end(&w);
    world_end(&w);
    now.seed = 3; /* read-only: nobody can ask, but it cannot be removed */
    swaps_make_world(&w);
    like_windows_mapped(true);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_OPEN);
    like_windows_mapped(false);
    w.mover_volume.views = PORT_VIEWS_HIDDEN; /* any file may be mapped */
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_OPEN);
    swaps_check_end(&w);
    world_end(&w);
}

static void
what_cannot_be_kept_is_refused(void)
{
    static uint8_t much[MOVER_XATTR_VALUE_MAX + 1];
    struct world w;
    int rc;

    what = SWAP;
    now = (struct plan){.seed = 2};
    swaps_make_world(&w);
    like_windows_fixed(true);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_RIGHTS);
    like_windows_fixed(false);
    swaps_check_end(&w);
    world_end(&w);
    swaps_make_world(&w);
    like_windows_dress(w.host, "/vol/" NAME, 0, "rights", "large", much, sizeof(much), 1);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_ATTRS_TOO_LARGE);
    HOLDS(world_reads(&w, NAME, want, SIZE));
    like_windows_dress(w.host, "/vol/" NAME, PORT_A_COMPRESSED, "rights", "large", much, 1, 1);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_COMPRESSED);
    like_windows_dress(w.host, "/vol/" NAME, PORT_A_ENCRYPTED, "rights", "large", much, 1, 1);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_ENCRYPTED);
    like_windows_dress(w.host, "/vol/" NAME, PORT_A_OFFLINE, "rights", "large", much, 1, 1);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_OFFLINE);
    like_windows_dress(w.host, "/vol/" NAME, PORT_A_REPARSE, "rights", "large", much, 1, 1);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_REPARSE);
    like_windows_dress(w.host, "/vol/" NAME, PORT_A_SPARSE, "rights", "large", much, 1, 1);
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_SPARSE);
    HOLDS(world_reads(&w, NAME, want, SIZE));
    world_end(&w);
}

static void
has_rights(struct world *w, const char *name, void *ctx)
{
    struct port_stat st = world_stat(w, name);
    char path[300];

    (void)snprintf(path, sizeof(path), "/vol/%s", name);
    if (strncmp(name, PLACE_BACK, sizeof(PLACE_BACK) - 1) == 0 && st.size > 0) {
        HOLDS(like_windows_rights(w->host, path, "rights of its own"));
        cases++;
    }
}

static void
look_at_rights(void *ctx, uint64_t call)
{
    swaps_each_name(ctx, has_rights, NULL);
}

static void
content_is_nobody_elses_while_it_is_fetched(void)
{
    struct world w;

    what = UNSWAP;
    now = (struct plan){.seed = 2};
    swaps_make_world(&w);
    sim_crash_at(w.host, 0, SIM_KILL, false);
    cases = 0;
    sim_hook(w.host, look_at_rights, &w);
    HOLDS(swaps_do_it(&w).tiered);
    sim_hook(w.host, NULL, NULL);
    HOLDS(cases > 0);
    cases = 0;
    world_end(&w);
}

static void
people_change_the_stub(void)
{
    struct world w;
    int rc;

    what = UNSWAP;
    now = (struct plan){.seed = 2};
    swaps_make_world(&w);
    like_windows_dress(w.host, "/vol/" NAME, PORT_A_SYSTEM | PORT_A_OFFLINE, "rights as changed", "Zone.Identifier", "other", 5,
                       1300000000000000000);
    HOLDS(world_back(&w, NAME, "", &rc).tiered && world_reads(&w, NAME, want, SIZE));
    HOLDS(like_windows_dressed(w.host, "/vol/" NAME, PORT_A_SYSTEM, "rights as changed", "Zone.Identifier", "other", 5,
                               1300000000000000000));
    world_end(&w);
}

const struct torture_test swaps_windows[] = {
    {"a_mapped_file_is_refused_or_put_back", a_mapped_file_is_refused_or_put_back},
    {"what_cannot_be_kept_is_refused", what_cannot_be_kept_is_refused},
    {"content_is_nobody_elses_while_it_is_fetched", content_is_nobody_elses_while_it_is_fetched},
    {"people_change_the_stub", people_change_the_stub},
    {NULL, NULL},
};
