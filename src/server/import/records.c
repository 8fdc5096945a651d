#include "server/import/records.h"

#include <string.h>

static uint8_t *
find(uint8_t *at, uint8_t *end, uint8_t c)
{
    return at < end ? memchr(at, c, (size_t)(end - at)) : NULL;
}

/* The quote that closes the cell which begins at `at` (behind its quote); NULL: not before end. */
static uint8_t *
closing(uint8_t quote, uint8_t *at, uint8_t *end)
{
    for (;;) {
        at = find(at, end, quote);
        if (at == NULL || at + 1 == end || at[1] != quote) {
            return at;
        }
        at += 2;
    }
}

/* Files that were put together have a byte order mark where each began. */
static uint8_t *
behind_mark(uint8_t *at, uint8_t *end)
{
    return end - at >= 3 && at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf ? at + 3 : at;
}

/* A record that has quotes: cell by cell. */
static uint8_t *
quoted_end(const struct import_dialect *d, uint8_t *at, uint8_t *end, uint64_t *ret_lines)
{
    uint64_t lines = 1;

    while (at < end) {
        if (*at == d->quote) {
            uint8_t *close = closing(d->quote, at + 1, end);

            if (close == NULL || close + 1 == end) {
                /* A doubled quote may be cut at the end of what we have. */
                return NULL;
            }
            for (uint8_t *p = at; (p = find(p, close, d->terminator)) != NULL; p++) {
                lines++;
            }
            at = close + 1;
        }
        while (at < end && *at != d->delimiter && *at != d->terminator) {
            at++;
        }
        if (at == end) {
            return NULL;
        }
        if (*at == d->terminator) {
            *ret_lines = lines;
            return at + 1;
        }
        at++;
    }
    return NULL;
}

uint8_t *
import_record_end(const struct import_dialect *d, uint8_t *at, uint8_t *end, uint64_t *ret_lines)
{
    uint8_t *stop = find(at, end, d->terminator);

    if (d->quote != 0 && find(at, stop != NULL ? stop : end, d->quote) != NULL) {
        return quoted_end(d, behind_mark(at, end), end, ret_lines);
    }
    *ret_lines = 1;
    return stop != NULL ? stop + 1 : NULL;
}

/* Takes doubled quotes out, in place. */
static struct al_span
unquoted(uint8_t quote, uint8_t *from, uint8_t *to)
{
    uint8_t *twice = find(from, to, quote), *put;

    if (twice == NULL) {
        return (struct al_span){from, (size_t)(to - from)};
    }
    put = twice;
    for (uint8_t *p = twice; p < to; p++) {
        *put++ = *p;
        if (*p == quote && p + 1 < to && p[1] == quote) {
            p++;
        }
    }
    return (struct al_span){from, (size_t)(put - from)};
}

/* One cell from *io on, which then is at its delimiter or at the end. */
static struct al_span
take_cell(const struct import_dialect *d, uint8_t **io, uint8_t *to)
{
    uint8_t *at = *io, *close, *stop;

    if (d->quote != 0 && at < to && *at == d->quote) {
        close = closing(d->quote, at + 1, to);
        stop = close != NULL ? find(close + 1, to, d->delimiter) : NULL;
        *io = stop != NULL ? stop : to;
        if (close == NULL) {
            return (struct al_span){at, (size_t)(to - at)}; /* never closed: as it stands */
        }
        if (close + 1 == *io) {
            return unquoted(d->quote, at + 1, close);
        }
        return (struct al_span){at, (size_t)(*io - at)}; /* "a"b: as it stands */
    }
    stop = find(at, to, d->delimiter);
    *io = stop != NULL ? stop : to;
    return (struct al_span){at, (size_t)(*io - at)};
}

size_t
import_record_split(const struct import_dialect *d, uint8_t *from, uint8_t *to,
                    struct al_span cells[IMPORT_COLUMNS_MAX])
{
    size_t n = 0, last = d->rest_last ? d->columns : SIZE_MAX;

    if (to > from && to[-1] == d->terminator) {
        to--;
        if (d->terminator == '\n' && to > from && to[-1] == '\r') {
            to--;
        }
    }
    from = behind_mark(from, to);
    if (from == to) {
        return 0;
    }
    for (;;) {
        struct al_span cell;

        if (n + 1 == last && (d->quote == 0 || *from != d->quote)) {
            cell = (struct al_span){from, (size_t)(to - from)};
            from = to;
        } else {
            cell = take_cell(d, &from, to);
        }
        if (n < IMPORT_COLUMNS_MAX) {
            cells[n] = cell;
        }
        n++;
        if (from == to) {
            return n;
        }
        from++; /* the delimiter; behind it there is a cell, if only an empty one */
        if (from == to) {
            if (n < IMPORT_COLUMNS_MAX) {
                cells[n] = (struct al_span){to, 0};
            }
            return n + 1;
        }
    }
}
