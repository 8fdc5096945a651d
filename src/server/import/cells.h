/* cells.h: what stands in one cell. doc/format/import.md tells users what is read as what; no locale of
 * the machine plays a part. Pure; blanks around a value do not matter.
 *
 * AL_EINVAL: the cell has something that is no such value. An empty cell, "-", "n/a", "null" is no failure
 * where a reader says so. */
#ifndef ALTO_SERVER_IMPORT_CELLS_H
#define ALTO_SERVER_IMPORT_CELLS_H

#include "server/import/kinds.h"

#define IMPORT_TIME_UNKNOWN INT64_MIN

enum import_epoch {                     /* what a time that is a number counts */
                    IMPORT_EPOCH_GUESS, /* by magnitude: see import_epoch_of */
                    IMPORT_EPOCH_S,
                    IMPORT_EPOCH_MS,
                    IMPORT_EPOCH_US,
                    IMPORT_EPOCH_NS,
                    IMPORT_EPOCH_FILETIME /* 100 ns since 1601 */
};

/* "", "-", "n/a", "null", "none", "\N", upper or lower case. */
bool import_cell_empty(struct al_span cell);
struct al_span import_trim(struct al_span cell);
/* Whether a spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection). */
bool import_is_formula(uint8_t first);
/* Whether a is b, ASCII case ignored. */
bool import_is(struct al_span a, const char *b);

/* A whole number without sign, decimal or 0x. */
int import_cell_u64(struct al_span cell, uint64_t *ret) AL_MUST_CHECK;
/* "4096", "1,234,567", "1.234.567", "1 234 567", "1,5 GB", "1.5 GiB", "12 KB". KB, MB ... are 1024 each, as Windows'
 * programs count, kB alone 1000. decimal: ',' or '.', what stands before a fraction where one of them
 * stands alone; 0: '.' . unit: bytes that the column's header says a number is (1 else). At most INT64_MAX. */
int import_cell_size(struct al_span cell, uint8_t decimal, uint64_t unit,
                     uint64_t *ret) AL_MUST_CHECK;

/* below 10^11: s, below 10^14: ms, below 10^17: us, below 2 * 10^17: FILETIME, else ns */
enum import_epoch import_epoch_of(int64_t n);
/* n counted like that. AL_EINVAL outside of the years 1678 to 2261; a FILETIME of 0 is unknown. */
int import_epoch_ns(int64_t n, enum import_epoch epoch, int64_t *ret_ns) AL_MUST_CHECK;
/* Numbers by `epoch`, dates as dates says where their order is open. Empty cells, the year 1 (.NET), 1601
 * (Windows): IMPORT_TIME_UNKNOWN. zone_minutes: east of UTC, where the cell names none. */
int import_cell_time(struct al_span cell, enum import_dates dates, enum import_epoch epoch,
                     int zone_minutes, int64_t *ret_ns) AL_MUST_CHECK;
/* How a cell that is a time could be read, for the guess. */
struct import_time_looks {
    bool is_number, has_fraction, is_date;
    bool us_only, european_only; /* the other order gives no date */
    bool dotted;                 /* 31.12.2024 */
    bool am_pm;
    int64_t number;
};
void import_time_look(struct al_span cell, struct import_time_looks *ret);

/* enum port_type as a number; 0: the cell does not say ("", "-"). "f", "d", "l", "File", "Directory", "True" (a
 * folder), "False" ... */
int import_cell_type(struct al_span cell, uint8_t *ret) AL_MUST_CHECK;
/* "RHSA", "Archive, ReadOnly", "readonly hidden", 33 or 0x21 (Windows' bits; `ours`: enum port_attr's).
 * *io_type becomes a folder where the attributes say so. Letters that are unknown say nothing. */
int import_cell_attrs(struct al_span cell, bool ours, uint32_t *ret,
                      uint8_t *io_type) AL_MUST_CHECK;
/* "0644", "100644", "-rw-r--r--", PowerShell's "d-r---": bits, and type and attributes where it tells them. */
int import_cell_mode(struct al_span cell, uint32_t *ret, uint8_t *io_type,
                     uint32_t *io_attrs) AL_MUST_CHECK;

#endif
