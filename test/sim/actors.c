/* Other people at every call of a tier and of a recall: who writes, truncates, renames, replaces the
 * file or sets its times has the last word. */
#include "torture.h"

#define VARIANTS 8u /* of the seed, for each call */

enum deed { WRITE, MAP, DAWDLE, TRUNCATE, CUT, RENAME, REPLACE, TIMES, TOUCH, DEEDS };
static const char *const deed_names[] = {"write",
                                         "write through a mapping",
                                         "pass the gate, be slow, write",
                                         "truncate to nothing",
                                         "truncate to a part",
                                         "rename",
                                         "replace",
                                         "set its times",
                                         "touch"};

/* Who wants the file waits for the agent's next look at its lease, not for the end of the copy: at
 * most the marking and its undoing. */
#define WAITED_MAX 12u

static bool running; /* the act is */

static struct other {
    struct world *w;
    enum deed deed;
    uint64_t at; /* the call before which they come */
    int phase;   /* 0 not come, 1 let pass by the gate, 2 has it open, 3 done */
    struct port_file *file;
    const char *name; /* where the file is now */
    uint8_t want[SIZE];
    size_t size;
    bool stubbed;              /* they met a stub and wait for its recall */
    unsigned waited;           /* calls of the agent while they waited for its lease */
    int64_t set_ns;            /* the time they gave it */
    unsigned losing[VARIANTS]; /* calls before which they came and their time was lost */
} other;

/* alto-gate's answer to an open: wait while held, recall when there is a marker, else pass (and
 * count). */
static bool
gate_lets_pass(void)
{
    struct world *w = other.w;
    struct port_stat st = world_stat(w, other.name);

    if (w->gate.guarded && w->gate.ino == st.ino) {
        if (w->gate.held) {
            return false;
        }
        w->gate.passed++;
        return true;
    }
    other.stubbed = world_has_marker(w, other.name);
    return !other.stubbed;
}

static void
other_opens(void)
{
    char path[300];

    /* An opener in front of the gate counts as an open for the kernel's leases, so one from before
     * the guard is no case here. */
    if (other.deed == DAWDLE && running && !other.w->gate.guarded) {
        return;
    }
    if (other.phase == 0 && gate_lets_pass()) {
        other.phase = 1;
    }
    if (other.phase == 1 && (other.deed != DAWDLE || !running)) {
        snprintf(path, sizeof(path), "/vol/%s", other.name);
        if (port_open(sim_other(other.w->host), NULL, path, PORT_READ | PORT_WRITE, 0,
                      &other.file) == AL_OK) {
            other.phase = 2;
        } else {
            other.waited++;
        }
    }
}

static void
other_acts_on_open_file(void)
{
    static const uint8_t fresh[3] = {0xee, 0xdd, 0xcc};
    struct port *p = sim_other(other.w->host);
    int rc;

    if (other.deed != MAP) {
        rc = port_pwrite(p, other.file, fresh, sizeof(fresh), 9000);
    } else {
        rc = sim_poke(other.w->host, other.file, 9000, fresh, sizeof(fresh));
    }
    HOLDS(rc == AL_OK);
    memcpy(other.want + 9000, fresh, sizeof(fresh));
    HOLDS(port_close(p, other.file) == AL_OK);
    other.file = NULL;
    other.phase = 3;
}

static void
other_replaces(void)
{
    world_file(other.w, "fresh", 100, 77);
    world_bytes(other.want, 100, 77);
    other.size = 100;
    HOLDS(port_rename(sim_other(other.w->host), NULL, "/vol/fresh", NULL, "/vol/" NAME, true) ==
          AL_OK);
    other.phase = 3;
}

static void
other_comes(void *ctx, uint64_t call)
{
    uint64_t half = SIZE / 2;
    int rc;

    if (call < other.at || other.phase == 3) {
        return;
    }
    switch (other.deed) {
    case WRITE:
    case MAP:
    case DAWDLE:
        if (other.phase == 2) {
            other_acts_on_open_file();
        } else {
            other_opens();
        }
        break;
    case TRUNCATE:
    case CUT: /* opens nothing, so no gate is asked; waits for a lease like everybody */
        rc = sim_truncate_path(other.w->host, "/vol/" NAME, other.deed == CUT ? half : 0);
        if (rc == AL_OK) {
            other.size = other.deed == CUT ? half : 0;
            other.stubbed = world_has_marker(other.w, NAME);
            other.phase = 3;
        }
        break;
    case RENAME:
        HOLDS(port_rename(sim_other(other.w->host), NULL, "/vol/" NAME, NULL, "/vol/renamed.txt",
                          false) == AL_OK);
        other.name = "renamed.txt";
        other.phase = 3;
        break;
    case REPLACE:
        other_replaces();
        break;
    case TIMES: /* to a time of their own, or to now */
    case TOUCH:
        other.set_ns =
            other.deed == TIMES ? 1555555555555555555 : port_now_ns(sim_other(other.w->host));
        HOLDS(sim_times_path(other.w->host, "/vol/" NAME, other.set_ns, other.set_ns) == AL_OK);
        other.phase = 3;
        break;
    case DEEDS:
        break;
    }
}

/* The act is over; who still waits gets in now, after a recall if it is a stub. */
static void
let_other_finish(struct world *w)
{
    for (int k = 0; k < 4 && other.phase != 3; k++) {
        if (other.deed <= DAWDLE && other.phase < 2 && world_has_marker(w, other.name)) {
            int rc;

            HOLDS(other.phase == 0); /* whom the gate let pass must not meet a stub */
            HOLDS(world_recall(w, other.name, &rc).code == AL_OK);
        }
        other_comes(NULL, UINT64_MAX);
    }
    HOLDS(other.phase == 3);
    HOLDS(other.waited <= WAITED_MAX);
}

static void
accounted(struct world *w, const char *id, void *ctx)
{
    HOLDS(world_told(w, "reason=unreferenced_object", id) > 0 ||
          world_told(w, "act=recall code=ok", id) > 0 || world_told(w, "act=tier code=ok", id) > 0);
}

static void
check_other(struct world *w)
{
    char path[300];

    snprintf(path, sizeof(path), "/vol/%s", other.name);
    if (other.deed == CUT && other.stubbed) {
        int rc; /* a stub cut to a part is nobody's content: refused, and never read as zeros */

        HOLDS(world_recall(w, other.name, &rc).code == AL_EIO);
        HOLDS(world_told(w, "act=alarm", NULL) > 0);
        return;
    }
    if (world_has_marker(w, other.name)) {
        int rc, code = world_recall(w, other.name, &rc).code;

        if (other.deed == TRUNCATE && now.act == RECALL && code == AL_EIO) {
            HOLDS(world_told(w, "act=alarm", NULL) >
                  0); /* it came between two chunks: an operator decides */
            return;
        }
        HOLDS(code == AL_OK);
    }
    if (other.deed == TRUNCATE && now.act == RECALL && world_stat(w, other.name).size == SIZE) {
        other.size = SIZE; /* it came between the recall's last look and its only write: whole,
                              never a part */
    }
    HOLDS(reads_as(w, path, other.want, other.size));
    world_objects(w, accounted, NULL);
}

/* Between our look at the time and the change that replaces it nobody can see theirs: right before
 * the punch, or each of three writes, and before the restoring. A touch, which is like our own
 * change, also right after. No call besides these. */
static unsigned
losing_max(enum act act, enum deed deed)
{
    unsigned changes = act == TIER ? 1 : 3;

    return deed == TIMES ? changes + 1 : 2 * changes + 1;
}

static void
check_times(struct world *w, unsigned *losing)
{
    struct port_stat st = world_stat(w, NAME);

    /* the restoring sets both, and may take the two of them, never the one */
    HOLDS(st.atime_ns == other.set_ns || st.mtime_ns != other.set_ns);
    *losing += st.mtime_ns != other.set_ns;
}

static bool
other_case(enum act act, enum deed deed, uint64_t at, unsigned variant)
{
    uint64_t seed = VARIANTS * at + variant;
    unsigned losing[VARIANTS];
    struct world w;
    uint64_t calls;

    now =
        (struct plan){.act = act, .nth = at, .seed = seed, .order = (enum sim_order)(seed / 2 % 2)};
    memcpy(losing, other.losing, sizeof(losing));
    memset(&other, 0, sizeof(other));
    make(&w, other.want, act);
    other.w = &w;
    w.gate.asks_truncates = deed == TIMES || deed == TOUCH;
    other.deed = deed;
    other.at = at;
    other.name = NAME;
    other.size = SIZE;
    sim_crash_at(w.host, 0, SIM_KILL, false); /* counts from here */
    sim_hook(w.host, other_comes, NULL);
    running = true;
    run(&w, act);
    running = false;
    sim_hook(w.host, NULL, NULL);
    calls = sim_calls(w.host);
    let_other_finish(&w);
    reconcile_all(&w);
    check_other(&w);
    if (deed == TIMES || deed == TOUCH) {
        check_times(&w, &losing[variant]);
    }
    memcpy(other.losing, losing, sizeof(losing));
    world_end(&w);
    cases++;
    return at <= calls;
}

static void
others_everywhere(enum act act, enum deed deed)
{
    unsigned most = 0;

    memset(&other, 0, sizeof(other));
    for (uint64_t at = 1;; at++) {
        bool more = true;

        for (unsigned k = 0; k < VARIANTS; k++) {
            more = other_case(act, deed, at, k) && more;
        }
        if (!more) {
            break;
        }
    }
    for (unsigned k = 0; k < VARIANTS; k++) {
        most = other.losing[k] > most ? other.losing[k] : most;
    }
    printf("# %s: %" PRIu64 " cases", deed_names[deed], cases);
    if (deed == TIMES || deed == TOUCH) {
        printf(", lost before %u calls", most);
    }
    printf("\n");
    HOLDS(most <= losing_max(act, deed));
    cases = 0;
}

static void
a_file_written_during_a_tier_keeps_what_was_written(void)
{
    others_everywhere(TIER, WRITE);
}

static void
a_file_mapped_and_written_during_a_tier_keeps_what_was_written(void)
{
    others_everywhere(TIER, MAP);
}

static void
a_file_whose_opener_was_let_pass_but_is_slow_is_not_tiered_under_it(void)
{
    others_everywhere(TIER, DAWDLE);
}

static void
a_file_truncated_during_a_tier_is_what_truncate_left(void)
{
    others_everywhere(TIER, TRUNCATE);
}

static void
a_file_cut_during_a_tier_is_its_part_or_refused(void)
{
    others_everywhere(TIER, CUT);
}

static void
a_file_renamed_during_a_tier_keeps_its_content(void)
{
    others_everywhere(TIER, RENAME);
}

static void
a_file_replaced_during_a_tier_is_the_new_one(void)
{
    others_everywhere(TIER, REPLACE);
}

static void
a_time_set_during_a_tier_stays(void)
{
    others_everywhere(TIER, TIMES);
    others_everywhere(TIER, TOUCH);
}

static void
a_time_set_during_a_recall_stays(void)
{
    others_everywhere(RECALL, TIMES);
    others_everywhere(RECALL, TOUCH);
}

static void
a_stub_written_during_its_recall_keeps_what_was_written(void)
{
    others_everywhere(RECALL, WRITE);
}

static void
a_stub_renamed_during_its_recall_keeps_its_content(void)
{
    others_everywhere(RECALL, RENAME);
}

static void
a_stub_replaced_during_its_recall_is_the_new_file(void)
{
    others_everywhere(RECALL, REPLACE);
}

static void
a_stub_truncated_during_its_recall_is_empty(void)
{
    others_everywhere(RECALL, TRUNCATE);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }

const struct torture_test actors[] = {
    TEST(a_file_written_during_a_tier_keeps_what_was_written),
    TEST(a_file_mapped_and_written_during_a_tier_keeps_what_was_written),
    TEST(a_file_whose_opener_was_let_pass_but_is_slow_is_not_tiered_under_it),
    TEST(a_file_truncated_during_a_tier_is_what_truncate_left),
    TEST(a_file_cut_during_a_tier_is_its_part_or_refused),
    TEST(a_file_renamed_during_a_tier_keeps_its_content),
    TEST(a_file_replaced_during_a_tier_is_the_new_one),
    TEST(a_time_set_during_a_tier_stays),
    TEST(a_time_set_during_a_recall_stays),
    TEST(a_stub_written_during_its_recall_keeps_what_was_written),
    TEST(a_stub_renamed_during_its_recall_keeps_its_content),
    TEST(a_stub_replaced_during_its_recall_is_the_new_file),
    TEST(a_stub_truncated_during_its_recall_is_empty),
    {NULL, NULL},
};
