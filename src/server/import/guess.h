/* guess.h: what the files of the look share. */
#ifndef ALTO_SERVER_IMPORT_GUESS_H
#define ALTO_SERVER_IMPORT_GUESS_H

#include "server/import/look.h"

#define IMPORT_NAME_PLAIN_MAX 64u

struct al_span import_name_plain(struct al_span name, uint8_t out[IMPORT_NAME_PLAIN_MAX],
                                 uint64_t *ret_unit);
bool import_name_known(struct al_span name);
/* Which column each field is, by its name; untouched where there is none. */
void import_names_match(const struct al_span *names, size_t count, int column[IMPORT_FIELDS],
                        uint64_t unit[IMPORT_FIELDS], bool is_utc[IMPORT_FIELDS]);
/* Whether a cell looks like a path. */
bool import_looks_path(struct al_span cell);
/* Columns by what stands in them. */
void import_contents_match(const struct import_table *t, int column[IMPORT_FIELDS]);

#endif
