/* What a move means for the tree as it is now: where its file was thought to be before the move was known, and where that
 * is, through all later moves. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "server/inventory/access_priv.h"

#define ROUNDS_MAX 16u /* of looking for what had moved on; each finds some more */

void
inv_routes_end(struct inv_routes *r)
{
    inv_moves_end(&r->moves);
    inv_times_end(&r->before);
    inv_times_end(&r->sources);
    al_free(r->relocations);
    al_free(r->roots);
}

static int
keep(struct inv_routes *r, const struct al_buf *path, struct al_span *ret)
{
    *ret = al_arena_span(r->arena, al_buf_span(path));
    return ret->at != NULL || path->len == 0 ? AL_OK : AL_ENOMEM;
}

int
inv_routes_root(struct inv_routes *r, struct al_span path)
{
    struct al_span *roots = al_grow(r->roots, r->root_count, &r->root_cap, sizeof(*roots));

    if (roots == NULL) {
        return AL_ENOMEM;
    }
    r->roots = roots;
    r->roots[r->root_count++] = path;
    return AL_OK;
}

static int
add_relocation(struct inv_routes *r, const struct inv_relocation *x)
{
    struct inv_relocation *list =
        al_grow(r->relocations, r->relocation_count, &r->relocation_cap, sizeof(*list));

    if (list == NULL) {
        return AL_ENOMEM;
    }
    r->relocations = list;
    r->relocations[r->relocation_count++] = *x;
    return AL_OK;
}

/* One move, while it is not active: from where to where it goes in the tree as it is. */
struct step {
    struct inv_move *move;
    struct inv_relocation ret;
    bool ret_late;  /* something was told of before that was later */
    bool ret_split; /* some of what lies below moved on by itself */
};

static int
plan_step(struct inv_routes *r, struct step *s, const struct inventory_access *row,
          struct al_buf *buf)
{
    const struct inv_move *m = s->move;
    struct al_span from = {r->moves.names + m->from_at, m->from_len};
    struct al_span to = {r->moves.names + m->to_at, m->to_len};
    struct inv_asked asked = {
        .time_ns = m->time_ns, .before = &r->before, .ret_late = &s->ret_late};
    bool gone;
    int rc = inv_moves_resolve(&r->moves, from, &asked, buf, &gone);

    s->ret = (struct inv_relocation){.time_ns = m->time_ns, .row = row};
    if (rc == AL_OK) {
        rc = keep(r, buf, &s->ret.from);
    }
    if (rc == AL_OK) {
        rc = inv_moves_trace(&r->moves, s->ret.from, m->time_ns, buf);
        s->ret.stranger = rc == AL_OK && !al_span_equal(al_buf_span(buf), from);
    }
    if (rc < 0 || m->cut) {
        return rc;
    }
    asked.sources = &r->sources;
    asked.ret_split = &s->ret_split;
    rc = inv_moves_resolve(&r->moves, to, &asked, buf, &gone);
    s->ret.straight = rc == AL_OK && al_span_equal(al_buf_span(buf), to);
    return rc < 0 ? rc : keep(r, buf, &s->ret.to);
}

/* ---- what had moved on from below a folder, before it was known that it is there ---- */

struct later { /* by time */
    struct step *steps;
    bool *moves_on; /* such a one; then it is not active */
    size_t count;
    struct al_span *below; /* where such content is, or was */
    size_t below_count;
};

static void
later_end(struct later *l)
{
    al_free(l->steps);
    al_free(l->moves_on);
    al_free(l->below);
}

static int
by_time(const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    return (x->move->time_ns > y->move->time_ns) - (x->move->time_ns < y->move->time_ns);
}

static int
collect(struct inv_routes *r, const struct step *above, struct later *l)
{
    l->steps = al_array((size_t)r->moves.count + 1, sizeof(*l->steps));
    l->moves_on = al_array((size_t)r->moves.count + 1, sizeof(*l->moves_on));
    l->below = al_array((size_t)r->moves.count + 2, sizeof(*l->below));
    if (l->steps == NULL || l->moves_on == NULL || l->below == NULL) {
        return AL_ENOMEM;
    }
    for (uint32_t i = 0; i < r->moves.count; i++) {
        struct inv_move *v = &r->moves.all[i];

        if (v->active && !v->cut && v->time_ns > above->move->time_ns) {
            l->steps[l->count++].move = v;
        }
    }
    qsort(l->steps, l->count, sizeof(*l->steps), by_time);
    l->below[l->below_count++] = above->ret.to;
    return AL_OK;
}

/* Strictly below the folder, or at or below a place to which something of it moved on. */
static bool
is_of_it(const struct later *l, struct al_span path)
{
    for (size_t i = 0; i < l->below_count; i++) {
        if (inv_path_below(path, l->below[i]) && (i > 0 || path.len > l->below[i].len)) {
            return true;
        }
    }
    return false;
}

/* Those that move something of the folder are set aside: what they do is done again. */
static int
set_aside(struct inv_routes *r, struct later *l, struct al_buf *buf)
{
    static const struct inventory_access nothing = {.kind = INVENTORY_ACCESS_MOVE};
    bool more = true;
    int rc = AL_OK;

    for (unsigned round = 0; rc == AL_OK && more && round < ROUNDS_MAX; round++) {
        more = false;
        for (size_t i = 0; rc == AL_OK && i < l->count; i++) {
            struct step *s = &l->steps[i];

            if (l->moves_on[i]) {
                continue;
            }
            s->move->active = false;
            rc = plan_step(r, s, &nothing, buf);
            l->moves_on[i] = rc == AL_OK && is_of_it(l, s->ret.from);
            s->move->active = !l->moves_on[i];
            if (l->moves_on[i]) {
                l->below[l->below_count++] = s->ret.to;
                more = true;
            }
        }
    }
    return rc;
}

static int
move_on(struct inv_routes *r, const struct step *above, struct al_buf *buf)
{
    static const struct inventory_access nothing = {.kind = INVENTORY_ACCESS_MOVE};
    AL_CLEANUP(later_end) struct later l = {0};
    int rc = collect(r, above, &l);

    if (rc == AL_OK) {
        rc = set_aside(r, &l, buf);
    }
    for (size_t i = 0; rc == AL_OK && i < l.count; i++) {
        struct step *s = &l.steps[i];

        if (!l.moves_on[i]) {
            continue;
        }
        rc = plan_step(r, s, &nothing, buf);
        if (rc == AL_OK) {
            rc = add_relocation(r, &s->ret);
        }
        if (rc == AL_OK) {
            rc = inv_routes_root(r, s->ret.from);
        }
        if (rc == AL_OK) {
            rc = inv_routes_root(r, s->ret.to);
        }
    }
    for (size_t i = 0; i < l.count; i++) {
        l.steps[i].move->active = true;
    }
    /* Where each thing is in the end, with all of them. */
    for (size_t i = 0; rc == AL_OK && i < l.count; i++) {
        if (l.moves_on[i]) {
            rc = plan_step(r, &l.steps[i], &nothing, buf);
            rc = rc < 0 ? rc : inv_routes_root(r, l.steps[i].ret.to);
        }
    }
    return rc < 0 ? rc : inv_routes_root(r, above->ret.to);
}

int
inv_routes_plan(struct inv_routes *r, uint32_t move, const struct inventory_access *row,
                struct al_buf *buf)
{
    struct step s = {.move = &r->moves.all[move]};
    int rc = plan_step(r, &s, row, buf);

    s.move->active = true;
    if (rc == AL_OK && s.ret_late) {
        rc = inv_routes_root(r, s.ret.from);
        if (rc == AL_OK && !s.move->cut) {
            rc = inv_routes_root(r, s.ret.to);
        }
    }
    if (rc == AL_OK && !s.move->cut) {
        rc = add_relocation(r, &s.ret);
    }
    return rc == AL_OK && s.ret_split ? move_on(r, &s, buf) : rc;
}
