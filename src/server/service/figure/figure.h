/* figure.h: figures of a volume, or of several as one, as JSON. */
#ifndef ALTO_SERVER_SERVICE_FIGURE_FIGURE_H
#define ALTO_SERVER_SERVICE_FIGURE_FIGURE_H

#include "server/inventory/figures.h"
#include "server/service/work/work.h"

/* ---- json.c ---- */
void figure_totals_json(struct al_jsonout *j, const struct inventory_figures *f);
struct figure_from { /* which volumes rows are of; NULL: of one, and not told */
    const al_id *hottest, *coldest, *largest, *duplicates;
};
int figure_json(struct al_buf *out, const struct inventory_figures *f, unsigned want,
                const struct figure_from *from, size_t volumes, int64_t took_ns) AL_MUST_CHECK;
/* "age,size,ext"; absent: all. */
int figure_want(struct service_req *req, unsigned *ret, struct al_fail *fail) AL_MUST_CHECK;

/* ---- sum.c: figures of several volumes as one ---- */
struct figure_sum { /* all in the arena */
    struct al_arena *arena;
    struct inventory_figures all;
    struct figure_from from;
    al_id *hottest_of, *coldest_of, *largest_of, *duplicates_of;
    size_t rows; /* of each list */
};
void figure_sum_begin(struct figure_sum *s, struct al_arena *arena, size_t rows);
/* f lies in the arena too. AL_ENOMEM. */
int figure_sum_add(struct figure_sum *s, const char *volume_id,
                   const struct inventory_figures *f) AL_MUST_CHECK;
/* Cuts the lists to what was asked for. */
void figure_sum_end(struct figure_sum *s);

#endif
