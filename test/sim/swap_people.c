/* Other people, at every call of an exchange. */
#include "swaps.h"

#include "base/mem.h"

static const char newer[] = "written by somebody else meanwhile";

struct person {
    struct world *w;
    uint64_t at;
    void (*act)(struct world *w);
    bool done;
};

static bool wrote;

static void
on_call(void *ctx, uint64_t call)
{
    struct person *p = ctx;

    if (call == p->at && !p->done) {
        p->done = true;
        p->act(p->w);
    }
}

static struct port_file *
open_other(struct world *w, const char *name, uint32_t flags)
{
    struct port_file *dir = NULL, *f = NULL;

    HOLDS(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    if (port_open(sim_other(w->host), dir, name, flags, 0644, &f) != AL_OK) {
        f = NULL;
    }
    HOLDS(port_close(sim_other(w->host), dir) == AL_OK);
    return f;
}

/* As a program would: a stub is no file to write into, its driver brings it back first. */
static void
write_there(struct world *w, uint32_t flags)
{
    struct port_file *f;

    if (world_exists(w, NAME) && swaps_seen_at(w, NAME).is != STUB_IS_NONE) {
        return;
    }
    f = open_other(w, NAME, PORT_READ | PORT_WRITE | flags);
    if (f != NULL) {
        HOLDS(port_pwrite(sim_other(w->host), f, newer, sizeof(newer), 0) == AL_OK);
        HOLDS(port_close(sim_other(w->host), f) == AL_OK);
        wrote = true;
    }
}

static void
edits_in_place(struct world *w)
{
    write_there(w, 0);
}

static void
makes_anew(struct world *w)
{
    write_there(w, PORT_CREATE | PORT_EXCL);
}

static void
renames_it(struct world *w)
{
    struct port_file *dir = NULL;

    HOLDS(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    (void)!port_rename(sim_other(w->host), dir, NAME, dir, "mine now", false);
    HOLDS(port_close(sim_other(w->host), dir) == AL_OK);
}

static void
saves_over_it(struct world *w)
{
    struct port_file *dir = NULL, *f = open_other(w, "saving", PORT_READ | PORT_WRITE | PORT_CREATE);

    HOLDS(f != NULL && port_pwrite(sim_other(w->host), f, newer, sizeof(newer), 0) == AL_OK);
    HOLDS(port_close(sim_other(w->host), f) == AL_OK);
    HOLDS(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    HOLDS(port_rename(sim_other(w->host), dir, "saving", dir, NAME, true) == AL_OK);
    HOLDS(port_close(sim_other(w->host), dir) == AL_OK);
    wrote = true;
}

/* The driver brings a stub back at somebody's first write, who then writes. */
static void
uses_the_stub(struct world *w)
{
    struct port *p = sim_other(w->host);
    struct port_file *f;

    if (!world_exists(w, NAME) || swaps_seen_at(w, NAME).is != STUB_IS_OURS) {
        return;
    }
    f = open_other(w, NAME, PORT_READ | PORT_WRITE);
    if (f == NULL) {
        return; /* held alone just now */
    }
    HOLDS(port_xattr_del(p, f, FAKE_TAG) == AL_OK && port_pwrite(p, f, want, SIZE, 0) == AL_OK);
    HOLDS(port_pwrite(p, f, newer, sizeof(newer), 0) == AL_OK && port_close(p, f) == AL_OK);
    wrote = true;
}

/* What reads see, at each call: never a part, never zeros that are no stub's. */
static void
reads_at_each_call(void *ctx, uint64_t call)
{
    struct world *w = ctx;
    struct port_file *f;

    if (!world_exists(w, NAME)) {
        cases++; /* the gap: an error */
        return;
    }
    if (swaps_seen_at(w, NAME).is == STUB_IS_NONE) {
        f = open_other(w, NAME, PORT_READ);
        if (f != NULL) { /* else a lease, which is a moment's wait */
            HOLDS(port_close(sim_other(w->host), f) == AL_OK);
            HOLDS(world_reads(w, NAME, want, SIZE));
        }
    }
}

static void
readers_get_the_bytes_or_a_stub_or_an_error(void)
{
    for (int k = SWAP; k <= ADOPT; k++) {
        struct world w;

        what = (enum what)k;
        now = (struct plan){.seed = 60};
        swaps_make_world(&w);
        sim_crash_at(w.host, 0, SIM_KILL, false);
        sim_hook(w.host, reads_at_each_call, &w);
        (void)swaps_do_it(&w); /* who reads the original while it is tiered has it */
        sim_hook(w.host, NULL, NULL);
        swaps_check_end(&w);
        world_end(&w);
        printf("# %" PRIu64 " calls while the name was nobody's\n", cases);
        cases = 0;
    }
}

static bool
begins_with_newer(struct world *w, const char *name)
{
    char path[300];
    size_t got;
    uint8_t *have;
    bool is;

    (void)snprintf(path, sizeof(path), "/vol/%s", name);
    have = world_read(w->host, path, &got);
    is = got >= sizeof(newer) && memcmp(have, newer, sizeof(newer)) == 0;
    al_free(have);
    return is;
}

static void
find_newer(struct world *w, const char *name, void *ctx)
{
    *(unsigned *)ctx += begins_with_newer(w, name);
}

static void
bring_back(struct world *w, const char *name, void *ctx)
{
    struct stub_seen seen = swaps_seen_at(w, name);
    int rc;

    if (seen.is == STUB_IS_COPY) {
        HOLDS(world_adopt(w, name, &rc).tiered);
    }
    HOLDS(seen.is == STUB_IS_NONE || world_back(w, name, "", &rc).tiered);
}

/* original: its bytes, or a stub of it that can be brought back, must be somewhere; where the person replaced it alone it is the
 * person's own doing. */
static void
with_person(enum what which, void (*act)(struct world *w), bool original)
{
    what = which;
    for (uint64_t nth = 1;; nth++) {
        struct world w;
        struct person p = {.w = &w, .at = nth, .act = act};
        unsigned found = 0;

        now = (struct plan){.nth = nth, .seed = 40 + 2 * nth};
        wrote = false;
        swaps_make_world(&w);
        sim_crash_at(w.host, 0, SIM_KILL, false);
        sim_hook(w.host, on_call, &p);
        (void)swaps_do_it(&w);
        sim_hook(w.host, NULL, NULL);
        plan_heal(&w);
        swaps_nothing_of_ours_left(&w);
        world_objects(&w, swaps_known, NULL);
        swaps_each_name(&w, bring_back, NULL);
        swaps_each_name(&w, find_newer, &found);
        HOLDS(!wrote || found > 0);
        HOLDS(!(original || !wrote) || swaps_whole_files(&w, want, SIZE) > 0);
        world_end(&w);
        if (!p.done) {
            break;
        }
        cases++;
    }
    printf("# %" PRIu64 " moments\n", cases);
    cases = 0;
}

static void
somebody_edits_the_file(void)
{
    with_person(SWAP, edits_in_place, false);
    with_person(UNSWAP, edits_in_place, false);
}

static void
somebody_makes_a_file_of_its_name(void)
{
    with_person(SWAP, makes_anew, true);
    with_person(UNSWAP, makes_anew, true);
    with_person(ADOPT, makes_anew, true);
}

static void
somebody_renames_it(void)
{
    with_person(SWAP, renames_it, true);
    with_person(UNSWAP, renames_it, true);
    with_person(ADOPT, renames_it, true);
}

static void
somebody_saves_over_it(void)
{
    with_person(SWAP, saves_over_it, false);
    with_person(UNSWAP, saves_over_it, false);
    with_person(ADOPT, saves_over_it, false);
}

static void
somebody_uses_the_stub(void)
{
    with_person(SWAP, uses_the_stub, false);
    with_person(UNSWAP, uses_the_stub, false);
}

const struct torture_test swaps_people[] = {
    {"readers_get_the_bytes_or_a_stub_or_an_error", readers_get_the_bytes_or_a_stub_or_an_error},
    {"somebody_edits_the_file", somebody_edits_the_file},
    {"somebody_makes_a_file_of_its_name", somebody_makes_a_file_of_its_name},
    {"somebody_renames_it", somebody_renames_it},
    {"somebody_saves_over_it", somebody_saves_over_it},
    {"somebody_uses_the_stub", somebody_uses_the_stub},
    {NULL, NULL},
};
