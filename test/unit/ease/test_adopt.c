/* Adopting stubs that were made for another file, with the stand-in as the driver. usage: ease_adopt_test a DLL. */
#include "swap_world.h"

/* Where whether a file is mapped cannot be told, nothing is tiered, so nothing can be copied. */
static void
need(void)
{
    struct mover_result r;

    swap_begin();
    swap_file("probe", 70000, 1);
    r = swap_move("probe", MOVER_TIER);
    if (r.refusal == STUB_R_OPEN && r.code == AL_OK) {
        swap_end();
        tap_skip("whether a file is mapped cannot be told here, so none is tiered");
    }
    TAP_OK(port_unlink(w.port, s.root, "probe"));
}

static void
a_copied_stub_is_denied_and_can_be_adopted(void)
{
    struct reconcile_env env;
    struct reconcile_made made;
    struct reconcile_counts counts = {0};
    uint8_t byte;
    size_t got;

    need();
    env = swap_reconcile_env();
    made = (struct reconcile_made){.env = &env, .mover_env = &s.env, .volume = &s.volume};
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER));
    swap_copy_stub("f", "copy");
    TAP_CHECK(swap_is_stub("copy"));
    TAP_EQUAL_U64(w.stand->read(swap_join("copy"), WORLD_READER, 0, &byte, 1, &got), STAND_DENIED);
    TAP_CHECK(swap_move("copy", MOVER_BACK).code == AL_ECONFLICT);
    TAP_OK(reconcile_walk_made(&made, NULL, NULL, &counts, NULL));
    TAP_CHECK(counts.markers == 2 && counts.alarms == 1 && counts.adopted == 0);
    made.adopt = true;
    reconcile_look_made(&made, al_span_of("copy"), &counts);
    TAP_EQUAL_U64(counts.adopted, 1);
    TAP_CHECK(swap_told("act=adopt code=ok", "path=copy") == 1);
    TAP_CHECK(swap_is_stub("copy") && swap_reads("copy", 70000, 9) && swap_reads("f", 70000, 9));
    TAP_CHECK(swap_did("copy", MOVER_BACK) && swap_reads("copy", 70000, 9));
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

static bool
at_once(void *ctx)
{
    (void)ctx;
    return true;
}

/* One that somebody named, and a folder with all below it; what lies elsewhere stays as it is. */
static void
copies_are_adopted_by_name_and_by_folder(void)
{
    struct reconcile_env env;
    struct reconcile_made made;
    struct reconcile_counts counts = {0};
    struct al_fail fail = {0};
    struct port_file *back = NULL, *deep = NULL;
    uint8_t byte;
    size_t got;

    need();
    env = swap_reconcile_env();
    made = (struct reconcile_made){.env = &env,
                                   .mover_env = &s.env,
                                   .volume = &s.volume,
                                   .adopt = true,
                                   .job_id = "of who asked"};
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER));
    swap_copy_stub("f", "one");
    swap_copy_stub("f", "other");
    swap_file("file", 5000, 3);
    TAP_OK(port_mkdir(w.port, s.root, "back", 0700));
    TAP_OK(port_open(w.port, s.root, "back", PORT_READ | PORT_FOLDER, 0, &back));
    swap_copy_stub_into("f", back, "a");
    TAP_OK(port_mkdir(w.port, back, "deep", 0700));
    TAP_OK(port_open(w.port, back, "deep", PORT_READ | PORT_FOLDER, 0, &deep));
    swap_copy_stub_into("f", deep, "b");
    TAP_OK(port_close(w.port, deep));
    TAP_OK(port_close(w.port, back));
    TAP_OK(reconcile_adopt(&made, al_span_of("one"), NULL, NULL, &counts, &fail));
    TAP_CHECK(counts.adopted == 1 && swap_reads("one", 70000, 9));
    TAP_EQUAL_U64(swap_told("act=adopt code=ok", "path=one job=of who asked"), 1);
    TAP_CODE(reconcile_adopt(&made, al_span_of("back"), at_once, NULL, &counts, &fail),
             AL_ECANCELED);
    TAP_EQUAL_U64(counts.adopted, 1);
    TAP_OK(reconcile_adopt(&made, al_span_of("back"), NULL, NULL, &counts, &fail));
    TAP_CHECK(counts.adopted == 3 && swap_reads("back/a", 70000, 9) &&
              swap_reads("back/deep/b", 70000, 9));
    TAP_EQUAL_U64(w.stand->read(swap_join("other"), WORLD_READER, 0, &byte, 1, &got), STAND_DENIED);
    /* Nothing to adopt, and nothing there: a person who names one is told. */
    TAP_OK(reconcile_adopt(&made, al_span_of("file"), NULL, NULL, &counts, &fail));
    TAP_CHECK(swap_reads("file", 5000, 3));
    TAP_EQUAL_U64(swap_told("act=adopt code=invalid", "path=file job=of who asked"), 1);
    TAP_OK(reconcile_adopt(&made, al_span_of("nowhere"), NULL, NULL, &counts, &fail));
    TAP_OK(reconcile_adopt(&made, al_span_of("nowhere/below"), NULL, NULL, &counts, &fail));
    TAP_EQUAL_U64(swap_told("act=adopt code=not_found", NULL), 2);
    TAP_OK(reconcile_adopt(&made, al_span_of("one"), NULL, NULL, &counts,
                           &fail)); /* it is one already */
    TAP_CHECK(counts.adopted == 3 && counts.later == 0 && counts.alarms == 0);
    TAP_OK(reconcile_adopt(&made, al_span_of(""), NULL, NULL, &counts, &fail));
    TAP_CHECK(counts.adopted == 4 && swap_reads("other", 70000, 9) && swap_reads("f", 70000, 9));
    TAP_EQUAL_U64(swap_told("act=adopt code=ok", NULL), 4);
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

/* What is not adopted is the job's to tell, once, and the copy stays what it was. */
static void
a_copy_that_somebody_holds_is_refused_and_told(void)
{
    struct reconcile_env env;
    struct reconcile_made made;
    struct reconcile_counts counts = {0};
    struct port_file *held = NULL;

    need();
    env = swap_reconcile_env();
    made = (struct reconcile_made){
        .env = &env, .mover_env = &s.env, .volume = &s.volume, .adopt = true, .job_id = "j"};
    swap_file("f", 70000, 9);
    TAP_CHECK(swap_did("f", MOVER_TIER));
    swap_copy_stub("f", "copy");
    TAP_OK(port_open(w.port, s.root, "copy", PORT_READ | PORT_WRITE | PORT_REPARSE, 0, &held));
    TAP_OK(reconcile_adopt(&made, al_span_of("copy"), NULL, NULL, &counts, NULL));
    TAP_OK(port_close(w.port, held));
    TAP_CHECK(counts.adopted == 0 && counts.later == 0);
    TAP_EQUAL_U64(swap_told("act=refuse", "path=copy job=j"), 1);
    TAP_OK(reconcile_adopt(&made, al_span_of("copy"), NULL, NULL, &counts, NULL));
    TAP_CHECK(counts.adopted == 1 && swap_reads("copy", 70000, 9));
    TAP_EQUAL_U64(swap_left(), 0);
    swap_end();
}

int
main(int argc, char **argv)
{
    if (!test_args(argc, argv)) {
        return 2;
    }
    TAP_RUN(a_copied_stub_is_denied_and_can_be_adopted);
    TAP_RUN(copies_are_adopted_by_name_and_by_folder);
    TAP_RUN(a_copy_that_somebody_holds_is_refused_and_told);
    return tap_end();
}
