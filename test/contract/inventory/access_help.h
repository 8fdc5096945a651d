/* access_help.h: rows of audit logs, one by one, for tests of where they land. */
#ifndef ALTO_TEST_ACCESS_HELP_H
#define ALTO_TEST_ACCESS_HELP_H

#include "access_model.h"

#define HOUR_NS (3600 * SECOND_NS)
#define T(hours) (NOW_NS - 400 * HOUR_NS + (hours)*HOUR_NS)

static uint64_t seq;

static inline void
begin(struct help *h)
{
    struct inventory_coverage c = {
        .audited = true, .live = true, .since_ns = NOW_NS - 30 * DAY_NS, .told_ns = NOW_NS};

    seq = 0;
    help_begin(h);
    TAP_OK(inventory_coverage_set(h->inv, &own, VOLUME, &c));
    small_scan(h, SCAN(01));
}

static inline struct inventory_access_result
tell(struct help *h, const struct inventory_access *rows, size_t count)
{
    struct inventory_access_result r = {0};

    TAP_OK(inventory_access_apply(h->inv, &own, VOLUME, STREAM, ++seq, rows, count, NOW_NS, &r));
    return r;
}

static inline struct inventory_access
row(enum inventory_access_kind kind, const char *path, const char *target, int64_t time_ns)
{
    return (struct inventory_access){.kind = kind,
                                     .path = sp(path),
                                     .target = sp(target),
                                     .time_ns = time_ns,
                                     .reads = 1,
                                     .user = sp("ann"),
                                     .host = sp("pc"),
                                     .node = sp("n1")};
}

static inline struct inventory_access
with_stat(struct inventory_access a, enum port_type type, uint64_t size)
{
    a.has_stat = true;
    a.type = type;
    a.size = size;
    a.allocated = (size + 4095) / 4096 * 4096;
    a.mtime_ns = a.ctime_ns = a.time_ns;
    a.nlink = 1;
    return a;
}

static inline struct inventory_access_result
move(struct help *h, const char *from, const char *to, int64_t time_ns)
{
    struct inventory_access a = row(INVENTORY_ACCESS_MOVE, from, to, time_ns);

    return tell(h, &a, 1);
}

static inline struct inventory_access_result
used(struct help *h, const char *path, int64_t time_ns)
{
    struct inventory_access a = row(INVENTORY_ACCESS_USED, path, "", time_ns);

    return tell(h, &a, 1);
}

/* 0: not there; 1: there, nothing known. */
static inline int64_t
last_of(struct help *h, const char *path)
{
    struct seen s;

    if (!stat_of(h, path, &s)) {
        return 0;
    }
    return s.row.accessed_ns == RULE_TIME_UNKNOWN ? 1 : s.row.accessed_ns;
}

#endif
