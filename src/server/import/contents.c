/* What columns without names mean, by what stands in them. */
#include <string.h>

#include "server/import/guess.h"

enum { /* share of rows, in percent, that must be like it */
       MOST = 90
};

struct column_facts {
    size_t filled, paths, types, modes, octal, numbers, fractions, times, words, dates;
    uint64_t max;
};

bool
import_looks_path(struct al_span cell)
{
    if (import_path_is_windows(cell)) {
        return true;
    }
    return cell.len > 0 &&
           (cell.at[0] == '/' || (cell.len == 1 && cell.at[0] == '.') ||
            (cell.len > 1 && cell.at[0] == '.' && (cell.at[1] == '/' || cell.at[1] == '\\')));
}

/* "644", "0755", "40755": who owns it can read it. */
static bool
is_octal(struct al_span c)
{
    if (c.len < 3 || c.len > 5 || c.at[c.len - 3] < '4') {
        return false;
    }
    for (size_t i = 0; i < c.len; i++) {
        if (c.at[i] < '0' || c.at[i] > '7') {
            return false;
        }
    }
    return true;
}

static void
look_at(struct al_span cell, struct column_facts *f)
{
    struct al_span c = import_trim(cell);
    struct import_time_looks time;
    uint32_t mode, attrs = 0;
    uint8_t type = 0;

    if (c.len == 0) {
        return;
    }
    f->filled++;
    f->paths += import_looks_path(c);
    f->types += c.len == 1 && import_cell_type(c, &type) == AL_OK && type != 0 &&
                !(c.at[0] >= '0' && c.at[0] <= '9');
    f->modes += c.len >= 10 && c.len <= 11 && import_cell_mode(c, &mode, &type, &attrs) == AL_OK;
    f->octal += is_octal(c);
    import_time_look(c, &time);
    f->dates += time.is_date;
    f->fractions += time.is_number && time.has_fraction;
    if (time.is_number && time.number >= 0) {
        uint64_t n = (uint64_t)time.number;

        f->numbers += !time.has_fraction;
        /* Seconds since 1970 of 1986 to 2038, and so on: a size is not always one. */
        f->times +=
            n >= UINT64_C(500000000) && (n < UINT64_C(4200000000) || n >= UINT64_C(500000000000));
        f->max = n > f->max ? n : f->max;
    } else if (!time.is_date && memchr(c.at, '/', c.len) == NULL &&
               memchr(c.at, '\\', c.len) == NULL) {
        f->words++;
    }
}

static void
facts_of(const struct import_table *t, size_t column, struct column_facts *f)
{
    memset(f, 0, sizeof(*f));
    for (size_t r = 0; r < t->row_count; r++) {
        look_at(t->rows[r][column], f);
    }
}

static bool
most(size_t n, const struct column_facts *f)
{
    return f->filled > 0 && n * 100 >= f->filled * MOST;
}

/* "a/b" as `find -printf %P` gives it; a list of one column is one of paths. */
static int
relative_paths(const struct import_table *t)
{
    size_t best = 0;
    int column = t->columns == 1 ? 0 : -1;

    for (size_t c = 0; c < t->columns; c++) {
        size_t n = 0;

        for (size_t r = 0; r < t->row_count; r++) {
            struct al_span cell = t->rows[r][c];
            struct import_time_looks time;

            if (cell.len > 0 && (memchr(cell.at, '/', cell.len) != NULL ||
                                 memchr(cell.at, '\\', cell.len) != NULL)) {
                import_time_look(cell, &time);
                n += !time.is_date;
            }
        }
        if (n > best) {
            best = n;
            column = (int)c;
        }
    }
    return column;
}

void
import_contents_match(const struct import_table *t, int column[IMPORT_FIELDS])
{
    static const enum import_field times[] = {IMPORT_F_MODIFIED, IMPORT_F_ACCESSED,
                                              IMPORT_F_CHANGED, IMPORT_F_CREATED};
    static const enum import_field words[] = {IMPORT_F_OWNER, IMPORT_F_GROUP};
    size_t time = 0, word = 0, best_paths = 0;
    uint64_t best_size = 0;
    int octal = -1;

    for (size_t c = 0; c < t->columns; c++) {
        struct column_facts f;

        facts_of(t, c, &f);
        if (f.filled == 0) {
            continue;
        }
        if (most(f.paths, &f) && f.paths > best_paths) {
            best_paths = f.paths;
            column[IMPORT_F_PATH] = (int)c;
        } else if (most(f.types, &f) && column[IMPORT_F_TYPE] < 0) {
            column[IMPORT_F_TYPE] = (int)c;
        } else if (most(f.modes, &f) && column[IMPORT_F_MODE] < 0) {
            column[IMPORT_F_MODE] = (int)c;
        } else if (most(f.dates, &f) || most(f.fractions, &f) ||
                   (most(f.times, &f) && f.filled > 1)) {
            if (time < AL_LEN(times)) {
                column[times[time++]] = (int)c;
            }
        } else if (most(f.octal, &f) && column[IMPORT_F_MODE] < 0) {
            column[IMPORT_F_MODE] = octal = (int)c;
        } else if (most(f.numbers, &f)) {
            if (column[IMPORT_F_SIZE] < 0 || f.max > best_size) {
                best_size = f.max;
                column[IMPORT_F_SIZE] = (int)c;
            }
        } else if (most(f.words, &f) && word < AL_LEN(words)) {
            column[words[word++]] = (int)c;
        }
    }
    if (column[IMPORT_F_PATH] < 0) {
        column[IMPORT_F_PATH] = relative_paths(t);
        for (int f = 0; f < IMPORT_FIELDS; f++) {
            if (f != IMPORT_F_PATH && column[f] >= 0 && column[f] == column[IMPORT_F_PATH]) {
                column[f] = -1;
            }
        }
    }
    if (column[IMPORT_F_SIZE] < 0 && octal >= 0) {
        column[IMPORT_F_SIZE] = octal;
        column[IMPORT_F_MODE] = -1;
    }
}
