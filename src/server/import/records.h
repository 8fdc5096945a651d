/* records.h: bytes → records → cells. A record ends with '\n' (and what '\r' stands before it), or with
 * NUL in lists made with `find -print0` and the like. A cell that begins with the quote goes to the quote
 * that closes it: delimiters and line ends belong to it, a doubled quote is one; a quote elsewhere is a
 * byte like any other. Lists of `find` know no quotes at all.
 *
 * Pure, no allocation. Cells borrow the record's bytes; doubled quotes are taken out in place, so a record
 * is split once. */
#ifndef ALTO_SERVER_IMPORT_RECORDS_H
#define ALTO_SERVER_IMPORT_RECORDS_H

#include "server/import/kinds.h"

struct import_dialect {
    uint8_t delimiter;
    uint8_t quote;      /* 0: none */
    uint8_t terminator; /* '\n', '\r' or 0 */
    bool rest_last;     /* the last column takes what is left, delimiters and all */
    size_t columns;     /* of rest_last; 1 to IMPORT_COLUMNS_MAX */
};

/* Where the record at `at` ends: behind its terminator. NULL: not before `end`. *ret_lines: how many
 * lines it takes up, 1 at least. */
uint8_t *import_record_end(const struct import_dialect *d, uint8_t *at, uint8_t *end,
                           uint64_t *ret_lines);

/* Cells of the record from..to (with or without its terminator), the first IMPORT_COLUMNS_MAX of them; how many
 * there are. 0: an empty line. */
size_t import_record_split(const struct import_dialect *d, uint8_t *from, uint8_t *to,
                           struct al_span cells[IMPORT_COLUMNS_MAX]);

#endif
