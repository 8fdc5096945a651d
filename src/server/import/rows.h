/* rows.h: how the rows of one list are read (the plan), and one row.
 *
 * A value is either text, as it stands in a cell, or a number that already counts what it means (Parquet:
 * bytes, or ns for a time of a type that knows its unit). Pure. */
#ifndef ALTO_SERVER_IMPORT_ROWS_H
#define ALTO_SERVER_IMPORT_ROWS_H

#include "server/import/cells.h"
#include "server/import/paths.h"
#include "server/import/records.h"

enum import_maker {
    IMPORT_BY_UNKNOWN,
    IMPORT_BY_FIND,
    IMPORT_BY_POWERSHELL,
    IMPORT_BY_TREESIZE,
    IMPORT_BY_WINDIRSTAT,
    IMPORT_BY_ALTO
};

struct import_plan {
    struct import_dialect dialect; /* of CSV */
    uint64_t data_at;              /* where its first row begins, and on which line */
    uint64_t data_line;
    size_t columns;
    int column[IMPORT_FIELDS]; /* -1: none */
    enum import_epoch epoch[IMPORT_FIELDS];
    uint64_t unit[IMPORT_FIELDS]; /* of sizes: what the header says */
    int zone_minutes[IMPORT_FIELDS];
    enum import_dates dates;
    uint8_t decimal;
    struct import_root root;
    enum import_maker maker;
    bool item_bits;    /* WinDirStat: types are bits; other versions number them */
    bool type_lenient; /* words that name no type ("Text Document") say nothing */
};

struct import_values {
    struct al_span text[IMPORT_FIELDS]; /* .at NULL: no such value */
    int64_t number[IMPORT_FIELDS];
    uint32_t numbers; /* bit of a field: number counts, not text */
};

#define IMPORT_NO_ID                                                                               \
    UINT32_MAX /* of a user or group that the list does not tell: POSIX' "no such id" */

struct import_row {
    struct al_span path; /* ours; "" : the root */
    uint8_t type; /* enum port_type; unknown: a folder when other rows lie in it, else a file */
    bool has_size, has_allocated;
    uint64_t size, allocated;
    int64_t modified_ns, accessed_ns, created_ns, changed_ns; /* IMPORT_TIME_UNKNOWN */
    uint32_t mode, attrs, gid, nlink;
    uint64_t inode;
    struct al_span owner; /* a name; .at NULL: uid counts */
    uint32_t uid;
};

/* Bytes of room that import_row_read needs: twice what path, folder and name may have, and some. */
#define IMPORT_ROW_SCRATCH (3u * IMPORT_RECORD_BYTES_MAX)

struct import_refusal {
    const char *reason;      /* a sentence without its end */
    enum import_field field; /* whose value it was; IMPORT_FIELDS: the row's as a whole */
};

/* The cells of a record by field. False with *ret_refusal: it has not as many as the header. */
bool import_row_values(const struct import_plan *p, const struct al_span *cells, size_t count,
                       struct import_values *ret, struct import_refusal *ret_refusal);
/* False: the row is refused. The row's path lies in scratch. */
bool import_row_read(const struct import_plan *p, const struct import_values *v, uint8_t *scratch,
                     struct import_row *ret, struct import_refusal *ret_refusal);

#endif
