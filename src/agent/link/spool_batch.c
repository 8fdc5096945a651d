/* spool_batch.c: what lies in the segments, read back: at start to find the end, later to form
 * batches. Damage (a bad sector, a meddling hand) costs the records it covers and no others: behind
 * it the next record whose checksum holds for its own position is looked for. */
#include "agent/link/spool_priv.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#define CHUNK_BYTES (SPOOL_BATCH_BYTES + SPOOL_RECORD_MAX + SPOOL_HEADER)
#define SEGMENT_READ_MAX                                                                           \
    (SPOOL_PENDING_MAX * 2 + (64u << 20)) /* a segment is at most its limit and one group more */
#define HEAD_MAX 4096u

bool
spool_record_ok(const uint8_t *at, size_t left, uint64_t pos, uint32_t *ret_len)
{
    uint32_t len;

    if (left < SPOOL_HEADER || al_get_u32(at) != SPOOL_MAGIC) {
        return false;
    }
    len = al_get_u32(at + 4);
    if (len == 0 || len > SPOOL_RECORD_MAX || len > left - SPOOL_HEADER) {
        return false;
    }
    if (al_get_u64(at + 8) != al_xxh64(at + SPOOL_HEADER, len, pos)) {
        return false;
    }
    *ret_len = len;
    return true;
}

/* The offset of the first whole record at or behind `at`, or len. */
static size_t
next_record(const uint8_t *bytes, size_t len, size_t at, uint64_t pos_of_0)
{
    for (; at + SPOOL_HEADER < len; at++) {
        uint32_t unused;

        if (bytes[at] == (SPOOL_MAGIC & 0xff) &&
            spool_record_ok(bytes + at, len - at, pos_of_0 + at, &unused)) {
            return at;
        }
    }
    return len;
}

/* Reads [pos, pos + want) of the segment at base; fewer bytes at the file's end. A segment that is
 * gone reads as empty. */
static int
segment_read(struct spool *s, uint64_t base, uint64_t pos, size_t want, struct al_buf *to)
{
    struct port_file *f = NULL;
    struct port_stat st = {0};
    char name[24];
    size_t got = 0;
    int rc;

    al_buf_clear(to);
    spool_segment_name(base, name);
    rc = port_open(s->port, s->dir, name, PORT_READ, 0, &f);
    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    if (rc == AL_OK) {
        rc = port_stat(s->port, f, &st);
    }
    if (rc == AL_OK) {
        uint64_t behind = st.size > pos - base ? st.size - (pos - base) : 0;

        want = behind < want ? (size_t)behind : want;
        rc = al_buf_reserve(to, want);
    }
    if (rc == AL_OK && want > 0) {
        rc = port_pread(s->port, f, to->at, want, pos - base, &got);
    }
    port_close_quiet(s->port, &f);
    if (rc == AL_OK) {
        to->len = got;
    }
    return rc;
}

int
spool_scan_tail(struct spool *s, bool *ret_cut)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    size_t at = 0, end = 0;
    uint64_t base;
    int rc;

    *ret_cut = false;
    if (s->segment_count == 0) {
        return AL_OK;
    }
    base = s->segments[s->segment_count - 1];
    al_buf_init(&bytes, SEGMENT_READ_MAX);
    rc = segment_read(s, base, base, SEGMENT_READ_MAX, &bytes);
    if (rc != AL_OK) {
        return rc;
    }
    while (at < bytes.len) {
        uint32_t len = 0;

        at = next_record(bytes.at, bytes.len, at, base);
        if (at < bytes.len && spool_record_ok(bytes.at + at, bytes.len - at, base + at, &len)) {
            at += SPOOL_HEADER + len;
            end = at;
        }
    }
    s->durable = s->end = base + end;
    *ret_cut = end < bytes.len;
    return AL_OK;
}

/* The segment that holds pos, and where it ends. */
static uint64_t
segment_of(struct spool *s, uint64_t pos, uint64_t *ret_end)
{
    uint64_t base = pos, end;
    size_t i;

    port_mutex_lock(&s->mutex);
    end = s->durable;
    for (i = s->segment_count; i > 0; i--) {
        if (s->segments[i - 1] <= pos) {
            base = s->segments[i - 1];
            break;
        }
        end = s->segments[i - 1];
    }
    port_mutex_unlock(&s->mutex);
    *ret_end = end;
    return base;
}

struct collect {
    uint64_t pos, stop; /* records beginning in [pos, stop) */
    uint32_t records, records_max;
    size_t bytes_max;
    struct al_buf *body;
    struct al_log *log;
};

/* Takes records out of one piece of a segment. *ret_used: bytes gone through. */
static int
collect_piece(struct collect *c, const struct al_buf *piece, bool whole, size_t *ret_used)
{
    size_t at = 0;

    while (at < piece->len && c->records < c->records_max && c->body->len < c->bytes_max) {
        uint32_t len = 0;
        int rc;

        if (!spool_record_ok(piece->at + at, piece->len - at, c->pos + at, &len)) {
            if (!whole) {
                break; /* cut by the piece's end, or damaged: the caller looks at the rest of the
                          segment */
            }
            al_log(c->log, AL_LOG_ERROR,
                   "spool: a record at position %llu is damaged and was left out",
                   (unsigned long long)(c->pos + at));
            at = next_record(piece->at, piece->len, at, c->pos);
            continue;
        }
        rc = al_buf_add(c->body, piece->at + at + SPOOL_HEADER, len);
        if (rc == AL_OK) {
            rc = al_buf_add(c->body, "\n", 1);
        }
        if (rc != AL_OK) {
            return rc;
        }
        c->records++;
        at += SPOOL_HEADER + len;
    }
    *ret_used = at;
    return AL_OK;
}

static int
collect(struct spool *s, struct collect *c)
{
    AL_CLEANUP(al_buf_free) struct al_buf piece = {0};
    size_t want = CHUNK_BYTES;

    al_buf_init(&piece, SEGMENT_READ_MAX);
    while (c->pos < c->stop && c->records < c->records_max && c->body->len < c->bytes_max) {
        uint64_t end, base = segment_of(s, c->pos, &end);
        uint64_t left = (end < c->stop ? end : c->stop) - c->pos;
        bool whole = left <= want;
        size_t used = 0;
        int rc = segment_read(s, base, c->pos, whole ? (size_t)left : want, &piece);

        if (rc == AL_OK) {
            rc = collect_piece(c, &piece, whole, &used);
        }
        if (rc != AL_OK) {
            return rc;
        }
        if (whole && piece.len < left && used == piece.len) {
            /* The file is shorter than its records: they are gone. */
            al_log(s->log, AL_LOG_ERROR, "spool: %llu bytes at position %llu are missing",
                   (unsigned long long)(left - piece.len), (unsigned long long)(c->pos + used));
            used = (size_t)left;
        } else if (used == 0) {
            want = SEGMENT_READ_MAX; /* damaged here: the next good record is in the rest of the
                                        segment */
            continue;
        }
        c->pos += used;
        want = CHUNK_BYTES;
    }
    return AL_OK;
}

int
spool_head_save(struct spool *s)
{
    AL_CLEANUP(al_json_freep) json_t *j = json_object();
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc = al_json_set_u64(j, "v", 1);

    al_buf_init(&text, HEAD_MAX);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "stream", s->stream);
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "seq", s->seq);
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "begin", s->begin);
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "end", s->end_of_batch);
    rc = rc != AL_OK ? rc : al_json_print(j, &text);
    return rc != AL_OK ? rc
                       : port_write_file(s->port, s->dir, SPOOL_HEAD_NAME, text.at, text.len, 0600);
}

int
spool_new_stream(struct spool *s)
{
    uint8_t random[10];
    int rc = port_random(s->port, random, sizeof(random));

    if (rc != AL_OK) {
        return rc;
    }
    al_id_make(port_now_ns(s->port), random, s->stream);
    s->seq = 1;
    s->end_of_batch = s->begin;
    return spool_head_save(s);
}

static int
head_parse(struct spool *s, struct al_span text)
{
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    const char *stream = NULL;
    int rc = al_json_parse(text, &j, NULL);

    rc = rc != AL_OK ? rc : al_json_str(j, "stream", &stream, NULL);
    rc = rc != AL_OK ? rc : al_json_u64(j, "seq", &s->seq, NULL);
    rc = rc != AL_OK ? rc : al_json_u64(j, "begin", &s->begin, NULL);
    rc = rc != AL_OK ? rc : al_json_u64(j, "end", &s->end_of_batch, NULL);
    if (rc != AL_OK || !al_id_valid(stream) || s->seq == 0 || s->end_of_batch < s->begin) {
        return AL_ECORRUPT;
    }
    memcpy(s->stream, stream, sizeof(s->stream));
    return AL_OK;
}

int
spool_head_load(struct spool *s)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    al_buf_init(&text, HEAD_MAX);
    rc = port_read_file(s->port, s->dir, SPOOL_HEAD_NAME, HEAD_MAX, &text);
    if (rc == AL_OK) {
        rc = head_parse(s, al_buf_span(&text));
        if (rc == AL_OK) {
            return AL_OK;
        }
        al_log(s->log, AL_LOG_ERROR,
               "spool: the head is damaged; what is spooled is delivered in a new stream");
    } else if (rc != AL_ENOENT) {
        return rc;
    }
    s->begin = s->segment_count > 0 ? s->segments[0] : 0;
    return spool_new_stream(s);
}

/* Whatever ends at or before `begin` was applied, and the head that says so is durable. The last
 * segment stays: it is written to. */
static void
drop_old(struct spool *s)
{
    port_mutex_lock(&s->mutex);
    while (s->segment_count > 1 && s->segments[1] <= s->begin) {
        char name[24];
        int rc;

        spool_segment_name(s->segments[0], name);
        rc = port_unlink(s->port, s->dir, name);
        if (rc != AL_OK && rc != AL_ENOENT) {
            break; /* tried again after the next batch */
        }
        s->segment_count--;
        memmove(s->segments, s->segments + 1, s->segment_count * sizeof(*s->segments));
    }
    port_mutex_unlock(&s->mutex);
}

static void
set_begin(struct spool *s, uint64_t begin)
{
    port_mutex_lock(&s->mutex);
    s->begin = begin;
    port_mutex_unlock(&s->mutex);
}

/* Closes a new batch at c->pos and remembers it before anybody sees it. */
static int
batch_fix(struct spool *s, const struct collect *c)
{
    int rc;

    s->end_of_batch = c->pos;
    rc = spool_head_save(s);
    if (rc != AL_OK) {
        s->end_of_batch = s->begin;
        return rc;
    }
    drop_old(s);
    return AL_OK;
}

size_t
spool_batch_limit(struct spool *s, size_t bytes)
{
    bytes = bytes > SPOOL_BATCH_BYTES ? bytes : SPOOL_BATCH_BYTES;
    s->batch_bytes = bytes < SPOOL_BATCH_BYTES_MAX ? bytes : SPOOL_BATCH_BYTES_MAX;
    return s->batch_bytes;
}

int
spool_batch(struct spool *s, struct al_buf *body, al_id stream, uint64_t *ret_seq, bool *ret_any)
{
    bool under_way = s->end_of_batch > s->begin;
    struct collect c = {.pos = s->begin, .body = body, .log = s->log};
    int flushed = spool_flush(s), rc;

    port_mutex_lock(&s->mutex);
    c.stop = under_way ? s->end_of_batch : s->durable;
    port_mutex_unlock(&s->mutex);
    c.records_max = under_way ? UINT32_MAX : s->batch_records;
    c.bytes_max = under_way ? SIZE_MAX : s->batch_bytes;
    if (c.pos == c.stop) {
        *ret_any = false;
        return flushed;
    }
    al_buf_clear(body);
    rc = collect(s, &c);
    if (rc == AL_OK && body->len == 0) {
        /* All of it is damaged. Under its old number a later batch could be taken for one that was
         * applied. */
        set_begin(s, c.pos);
        *ret_any = false;
        return spool_new_stream(s);
    }
    if (rc == AL_OK && !under_way) {
        rc = batch_fix(s, &c);
    }
    if (rc != AL_OK) {
        return rc;
    }
    memcpy(stream, s->stream, sizeof(s->stream));
    *ret_seq = s->seq;
    *ret_any = true;
    return AL_OK;
}

int
spool_applied(struct spool *s, uint64_t seq, uint64_t applied_seq)
{
    assert(seq == s->seq && s->end_of_batch > s->begin);
    if (applied_seq + 1 == seq) {
        return AL_OK;
    }
    if (applied_seq != seq) {
        al_log(s->log, AL_LOG_ERROR,
               "spool: the server is at batch %llu of stream %s, this host at %llu: one of them "
               "was set back; a new stream begins",
               (unsigned long long)applied_seq, s->stream, (unsigned long long)seq);
        return spool_new_stream(s);
    }
    set_begin(s, s->end_of_batch);
    s->seq++;
    /* The head on disk still names the applied batch; sent again it would change nothing. It is
     * written only when that frees a file. */
    if (s->segment_count > 1 && s->segments[1] <= s->begin) {
        int rc = spool_head_save(s);

        if (rc != AL_OK) {
            return rc;
        }
        drop_old(s);
    }
    return AL_OK;
}

uint64_t
spool_applied_pos(struct spool *s)
{
    uint64_t pos;

    port_mutex_lock(&s->mutex);
    pos = s->begin;
    port_mutex_unlock(&s->mutex);
    return pos;
}
