/* A CSV file in pieces. Where a piece's first record begins is guessed (behind the first line end), and
 * held against where the piece before ends; a guess that was wrong, which takes a line end inside of quotes
 * at the border, ends the first pass, and it is made again, one piece after the other. */
#include <string.h>

#include "base/mem.h"
#include "server/inventory/import_priv.h"

#define BUFFER_BYTES (IMPORT_PIECE_BYTES + 2 * (size_t)IMPORT_RECORD_BYTES_MAX + 16)
#define HELD_BYTES_MAX ((size_t)64 << 20) /* refused lines of one piece; more are counted only */

int
import_pieces_make(struct import_job *j)
{
    uint64_t rest = j->file_bytes > j->plan.data_at ? j->file_bytes - j->plan.data_at : 0;

    j->piece_count = (rest + IMPORT_PIECE_BYTES - 1) / IMPORT_PIECE_BYTES;
    al_free(j->pieces);
    al_free(j->held);
    al_free(j->held_count);
    j->pieces = al_array((size_t)j->piece_count + 1, sizeof(*j->pieces));
    j->held = al_array((size_t)j->piece_count + 1, sizeof(*j->held));
    j->held_count = al_array((size_t)j->piece_count + 1, sizeof(*j->held_count));
    return j->pieces != NULL && j->held != NULL && j->held_count != NULL ? AL_OK : AL_ENOMEM;
}

int
import_reader_begin(struct import_reader *r)
{
    memset(r, 0, sizeof(*r));
    r->buffer = al_alloc(BUFFER_BYTES);
    r->scratch = al_alloc(IMPORT_ROW_SCRATCH);
    return r->buffer != NULL && r->scratch != NULL ? import_near_begin(&r->near) : AL_ENOMEM;
}

void
import_reader_end(struct import_reader *r)
{
    al_free(r->buffer);
    al_free(r->scratch);
    import_near_end(&r->near);
}

static int
load(struct import_job *j, struct import_reader *r, uint64_t from, uint64_t to)
{
    size_t len = 0, want = (size_t)(to - from);
    int rc = port_pread(j->inv->port, j->file, r->buffer, want < BUFFER_BYTES ? want : BUFFER_BYTES,
                        from, &len);

    if (rc < 0) {
        return import_job_fail(j, rc, "the file cannot be read");
    }
    if (len < want && want < BUFFER_BYTES) {
        return import_job_fail(j, AL_ECHANGED, "the file became shorter while it was read");
    }
    r->at = r->buffer;
    r->end = r->buffer + len;
    return AL_OK;
}

/* Where the piece begins, by guess, or for sure; its bytes in the buffer. False in *ret_found: the guess finds none. */
static int
place(struct import_job *j, struct import_reader *r, bool *ret_found)
{
    struct import_piece *p = &j->pieces[r->piece];
    uint64_t nominal = j->plan.data_at + r->piece * IMPORT_PIECE_BYTES,
             end = nominal + IMPORT_PIECE_BYTES;
    uint64_t to = end + IMPORT_RECORD_BYTES_MAX + 1;
    bool sure = r->piece == 0 || j->one_after_the_other;
    uint64_t from = !sure ? nominal - 1 : r->piece == 0 ? nominal : j->pieces[r->piece - 1].to;
    int rc;

    end = end < j->file_bytes ? end : j->file_bytes;
    to = to < j->file_bytes ? to : j->file_bytes;
    from = from < to ? from : to;
    rc = load(j, r, from, to);
    *ret_found = true;
    if (rc == AL_OK && !sure) {
        uint8_t *first = memchr(r->at, j->plan.dialect.terminator, (size_t)(r->end - r->at));

        *ret_found = first != NULL && from + (uint64_t)(first + 1 - r->buffer) <= end;
        r->at = first != NULL ? first + 1 : r->end;
    }
    p->from = from + (uint64_t)(r->at - r->buffer);
    r->stop = r->buffer + (end > from ? end - from : 0);
    r->last = to == j->file_bytes;
    return rc;
}

struct pass { /* the first one, over one piece */
    struct import_job *j;
    struct import_reader *r;
    struct import_counts counts;
    struct al_buf held;
    uint64_t held_count, lines;
    bool misfit;
};

static int
hold(struct pass *p, const struct import_values *v, const struct import_refusal *why)
{
    struct import_refused_line l = {.line = p->lines, .reason = why->reason};

    p->counts.refused++;
    p->held_count++;
    if (why->field < IMPORT_FIELDS) {
        l.column = import_field_name(why->field);
        l.text = v->text[why->field];
    }
    return p->held.len < HELD_BYTES_MAX ? import_refused_hold(&p->held, &l) : AL_OK;
}

static int
judge(struct pass *p, uint8_t *at, uint8_t *next)
{
    struct al_span cells[IMPORT_COLUMNS_MAX];
    struct import_values values;
    struct import_row row;
    struct import_refusal why;
    size_t n = import_record_split(&p->j->plan.dialect, at, next, cells);

    if (n == 0) {
        return AL_OK;
    }
    p->counts.rows++;
    if (!import_row_values(&p->j->plan, cells, n, &values, &why)) {
        values.text[0] = cells[0];
        for (int f = 0; f < IMPORT_FIELDS; f++) {
            values.text[f] = cells[0];
        }
        return hold(p, &values, &why);
    }
    if (!import_row_read(&p->j->plan, &values, p->r->scratch, &row, &why)) {
        return hold(p, &values, &why);
    }
    return import_first_pass_row(p->j, &p->r->near, &row);
}

/* The end of the record at r->at. Sets misfit where it is too long: whether that is so is for the pass that
 * is sure of where records begin to say. */
static uint8_t *
record_end(struct pass *p, uint64_t *ret_lines)
{
    struct import_reader *r = p->r;
    uint8_t *next = import_record_end(&p->j->plan.dialect, r->at, r->end, ret_lines);

    if (next == NULL && r->last) {
        next = r->end;
        *ret_lines = 1;
    }
    if (next == NULL || (size_t)(next - r->at) > IMPORT_RECORD_BYTES_MAX) {
        p->misfit = true;
        return NULL;
    }
    return next;
}

static int
pass_piece(struct pass *p)
{
    struct import_reader *r = p->r;
    struct import_piece *piece = &p->j->pieces[r->piece];
    bool found = true;
    int rc = place(p->j, r, &found);
    uint64_t base = piece->from - (uint64_t)(r->at - r->buffer);

    p->misfit = !found;
    while (rc == AL_OK && !p->misfit && r->at < r->stop && !import_job_stops(p->j)) {
        uint64_t lines;
        uint8_t *next = record_end(p, &lines);

        if (next != NULL) {
            rc = judge(p, r->at, next);
            p->lines += lines;
            r->at = next;
        }
    }
    piece->to = base + (uint64_t)(r->at - r->buffer);
    piece->lines = p->lines;
    return rc;
}

/* Under the job's lock: pieces whose place is sure give up their refused lines. */
static int
flush_held(struct import_job *j)
{
    int rc = AL_OK;

    while (rc == AL_OK && !j->misfit && j->flushed < j->piece_count && j->pieces[j->flushed].done) {
        struct import_piece *p = &j->pieces[j->flushed];
        const struct import_piece *before = j->flushed > 0 ? p - 1 : NULL;

        if (before != NULL && before->to != p->from) {
            j->misfit = true;
            break;
        }
        p->first_line = before != NULL ? before->first_line + before->lines : j->plan.data_line;
        rc = import_refused_add(&j->refused, p->first_line, al_buf_span(&j->held[j->flushed]),
                                j->held_count[j->flushed]);
        al_buf_free(&j->held[j->flushed]);
        j->flushed++;
    }
    return rc;
}

static int
too_long(struct import_job *j, const struct pass *p)
{
    uint64_t line =
        (p->r->piece > 0 ? j->pieces[p->r->piece - 1].first_line + j->pieces[p->r->piece - 1].lines
                         : j->plan.data_line) +
        p->lines;

    return import_job_fail(j, AL_ELIMIT,
                           "line %llu: the record is longer than %u bytes: is a quote never "
                           "closed, or is this no CSV?",
                           (unsigned long long)line, IMPORT_RECORD_BYTES_MAX);
}

static int
settle(struct pass *p)
{
    struct import_job *j = p->j;
    struct import_counts *c = &j->counts;
    int rc = AL_OK;

    port_mutex_lock(&j->lock);
    j->pieces[p->r->piece].done = !p->misfit;
    j->misfit = j->misfit || p->misfit;
    c->rows += p->counts.rows;
    c->refused += p->counts.refused;
    j->held[p->r->piece] = p->held;
    j->held_count[p->r->piece] = p->held_count;
    p->held = (struct al_buf){0};
    rc = flush_held(j);
    port_mutex_unlock(&j->lock);
    __atomic_add_fetch(&j->rows_seen, p->counts.rows, __ATOMIC_RELAXED);
    __atomic_add_fetch(&j->refused_seen, p->counts.refused, __ATOMIC_RELAXED);
    __atomic_add_fetch(&j->bytes_seen, IMPORT_PIECE_BYTES, __ATOMIC_RELAXED);
    return rc < 0 ? import_job_fail(j, rc, "the list of refused rows cannot be written") : AL_OK;
}

int
import_first_pass(struct import_job *j, struct import_reader *r, bool *ret_end)
{
    struct pass p = {.j = j, .r = r};
    int rc;

    r->piece = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED);
    *ret_end = r->piece >= j->piece_count || import_job_stops(j);
    if (*ret_end) {
        return AL_OK;
    }
    al_buf_init(&p.held, 2 * HELD_BYTES_MAX);
    rc = pass_piece(&p);
    if (rc == AL_OK && p.misfit && j->one_after_the_other) {
        rc = too_long(j, &p);
    }
    if (rc == AL_OK) {
        rc = settle(&p);
    }
    al_buf_free(&p.held);
    return rc;
}

/* ---- the second pass ---- */

static int
next_piece(struct import_job *j, struct import_reader *r, bool *ret_end)
{
    const struct import_piece *p;
    int rc;

    r->piece = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED);
    *ret_end = r->piece >= j->piece_count || import_job_stops(j);
    if (*ret_end) {
        return AL_OK;
    }
    p = &j->pieces[r->piece];
    rc = load(j, r, p->from, p->to);
    r->line = p->first_line;
    r->reading = rc == AL_OK;
    return rc;
}

int
import_next_row(struct import_job *j, struct import_reader *r, struct import_row *ret,
                uint64_t *ret_line, bool *ret_end)
{
    struct al_span cells[IMPORT_COLUMNS_MAX];
    struct import_values values;
    struct import_refusal why;

    for (;;) {
        uint64_t lines = 1, line;
        uint8_t *at, *next;
        size_t n;

        if (!r->reading) {
            int rc = next_piece(j, r, ret_end);

            if (rc < 0 || *ret_end) {
                return rc;
            }
        }
        if (r->at == r->end) {
            r->reading = false;
            __atomic_add_fetch(&j->bytes_seen, IMPORT_PIECE_BYTES, __ATOMIC_RELAXED);
            continue;
        }
        at = r->at;
        next = import_record_end(&j->plan.dialect, at, r->end, &lines);
        r->at = next != NULL ? next : r->end;
        line = r->line;
        r->line += lines;
        n = import_record_split(&j->plan.dialect, at, r->at, cells);
        if (n > 0 && import_row_values(&j->plan, cells, n, &values, &why) &&
            import_row_read(&j->plan, &values, r->scratch, ret, &why)) {
            *ret_line = line;
            *ret_end = false;
            return AL_OK;
        }
    }
}
