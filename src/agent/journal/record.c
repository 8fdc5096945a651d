#include <string.h>

#include "agent/journal/journal.h"
#include "base/hash.h"

#define FRAME_BYTES 12u /* u32 length of the body, u64 checksum */

const char *
journal_state_name(enum journal_state s)
{
    switch (s) {
#define STATE_NAME(name, number, text)                                                             \
    case name:                                                                                     \
        return text;
        JOURNAL_STATES(STATE_NAME)
#undef STATE_NAME
    }
    return "unknown";
}

static int
put_span(struct al_buf *to, struct al_span s)
{
    int rc = al_buf_add_varint(to, s.len);

    return rc == AL_OK ? al_buf_add(to, s.at, s.len) : rc;
}

static int
put_u64(struct al_buf *to, uint64_t v)
{
    uint8_t b[8];

    al_put_u64(b, v);
    return al_buf_add(to, b, sizeof(b));
}

static int
put_intent(struct al_buf *to, const struct journal_intent *in)
{
    const struct al_span strings[] = {
        al_span_of(in->volume_id),
        al_span_of(in->share_id),
        al_span_of(in->job_id),
        al_span_of(in->rule_id),
        al_span_of(in->object_id),
        al_span_of(in->object_name),
        in->path,
        {in->handle.bytes, in->handle.len},
    };
    const uint64_t numbers[] = {(uint32_t)in->handle.type, in->ino, in->generation, in->size};
    uint8_t kind = (uint8_t)in->kind;
    int rc = al_buf_add(to, &kind, 1);

    for (size_t k = 0; rc == AL_OK && k < AL_LEN(strings); k++) {
        rc = put_span(to, strings[k]);
    }
    for (size_t k = 0; rc == AL_OK && k < AL_LEN(numbers); k++) {
        rc = al_buf_add_varint(to, numbers[k]);
    }
    if (rc == AL_OK) {
        rc = put_u64(to, (uint64_t)in->atime_ns);
    }
    if (rc == AL_OK) {
        rc = put_u64(to, (uint64_t)in->mtime_ns);
    }
    if (rc == AL_OK) {
        rc = put_u64(to, (uint64_t)in->began_ns);
    }
    return rc == AL_OK ? put_span(to, in->capability) : rc;
}

static int
put_opener(struct al_buf *to, const struct journal_intent *in)
{
    struct al_span process = al_span_of(in->process);
    int rc = al_buf_add_varint(to, in->pid);

    if (rc == AL_OK) {
        rc = al_buf_add_varint(to, in->uid);
    }
    if (process.len > JOURNAL_PROCESS_MAX) {
        process.len = JOURNAL_PROCESS_MAX;
    }
    return rc == AL_OK ? put_span(to, process) : rc;
}

int
journal_record_print(const struct journal_record *r, uint64_t seed, struct al_buf *to)
{
    size_t at = to->len;
    uint8_t frame[FRAME_BYTES] = {0}, head[2] = {(uint8_t)r->state, r->whole};
    int rc;

    if (r->whole && (r->intent.path.len >= JOURNAL_PATH_MAX ||
                     r->intent.capability.len > JOURNAL_CAPABILITY_MAX ||
                     r->intent.handle.len > sizeof(r->intent.handle.bytes))) {
        return AL_ELIMIT;
    }
    rc = al_buf_add(to, frame, sizeof(frame));
    if (rc == AL_OK) {
        rc = al_buf_add_varint(to, r->seq);
    }
    if (rc == AL_OK) {
        rc = al_buf_add(to, head, sizeof(head));
    }
    if (rc == AL_OK && r->whole) {
        rc = put_intent(to, &r->intent);
    }
    if (rc == AL_OK && r->whole) {
        rc = put_opener(to, &r->intent);
    }
    if (rc == AL_OK) {
        size_t body = to->len - at - FRAME_BYTES;

        if (body > JOURNAL_RECORD_MAX) {
            rc = AL_ELIMIT;
        } else {
            al_put_u32(to->at + at, (uint32_t)body);
            al_put_u64(to->at + at + 4, al_xxh64(to->at + at + FRAME_BYTES, body, seed));
        }
    }
    if (rc != AL_OK && to->len > at) {
        to->len = at; /* never half a record */
    }
    return rc;
}

/* A string of at most `max` bytes, copied with its NUL behind *io_to; no NUL inside. */
static int
take_string(struct al_span *io, size_t max, char **io_to, const char **ret)
{
    struct al_span s;
    uint64_t len;
    int rc = al_span_varint(io, &len);

    if (rc != AL_OK || len > max) {
        return AL_ECORRUPT;
    }
    rc = al_span_take(io, (size_t)len, &s);
    if (rc != AL_OK || (len > 0 && memchr(s.at, 0, s.len) != NULL)) {
        return AL_ECORRUPT;
    }
    if (len > 0) {
        memcpy(*io_to, s.at, s.len);
    }
    (*io_to)[len] = '\0';
    *ret = *io_to;
    *io_to += len + 1;
    return AL_OK;
}

static int
take_handle(struct al_span *io, struct port_handle *h)
{
    struct al_span s;
    uint64_t len;

    if (al_span_varint(io, &len) != AL_OK || len > sizeof(h->bytes) ||
        al_span_take(io, (size_t)len, &s) != AL_OK) {
        return AL_ECORRUPT;
    }
    h->len = (uint32_t)len;
    if (len > 0) {
        memcpy(h->bytes, s.at, s.len);
    }
    return AL_OK;
}

static int
take_numbers(struct al_span *io, struct journal_intent *in)
{
    uint64_t type, generation;
    struct al_span times;

    if (al_span_varint(io, &type) != AL_OK || type > UINT32_MAX ||
        al_span_varint(io, &in->ino) != AL_OK || al_span_varint(io, &generation) != AL_OK ||
        generation > UINT32_MAX || al_span_varint(io, &in->size) != AL_OK ||
        al_span_take(io, 24, &times) != AL_OK) {
        return AL_ECORRUPT;
    }
    in->handle.type = (int32_t)(uint32_t)type;
    in->generation = (uint32_t)generation;
    in->atime_ns = (int64_t)al_get_u64(times.at);
    in->mtime_ns = (int64_t)al_get_u64(times.at + 8);
    in->began_ns = (int64_t)al_get_u64(times.at + 16);
    return AL_OK;
}

static int
take_capability(struct al_span *io, char *to, struct al_span *ret)
{
    struct al_span s;
    uint64_t len;

    if (al_span_varint(io, &len) != AL_OK || len > JOURNAL_CAPABILITY_MAX ||
        al_span_take(io, (size_t)len, &s) != AL_OK) {
        return AL_ECORRUPT;
    }
    if (len > 0) {
        memcpy(to, s.at, s.len);
    }
    *ret = (struct al_span){(const uint8_t *)to, (size_t)len};
    return AL_OK;
}

/* Who opened. Not there in a file of 0.1.0: unknown then. */
static int
take_opener(struct al_span *io, char *strings, struct journal_intent *in)
{
    uint64_t pid, uid;

    if (io->len == 0) {
        in->process = NULL;
        return AL_OK;
    }
    if (al_span_varint(io, &pid) != AL_OK || pid > UINT32_MAX ||
        al_span_varint(io, &uid) != AL_OK || uid > UINT32_MAX ||
        take_string(io, JOURNAL_PROCESS_MAX, &strings, &in->process) != AL_OK) {
        return AL_ECORRUPT;
    }
    in->pid = (uint32_t)pid;
    in->uid = (uint32_t)uid;
    in->process = in->process[0] != '\0' ? in->process : NULL;
    return AL_OK;
}

static int
take_intent(struct al_span *io, char *strings, struct journal_intent *in)
{
    const char **ids[] = {&in->volume_id, &in->share_id, &in->job_id, &in->rule_id, &in->object_id};
    const char *path;
    struct al_span kind;

    if (al_span_take(io, 1, &kind) != AL_OK || kind.at[0] < JOURNAL_TIER ||
        kind.at[0] > JOURNAL_KIND_LAST) {
        return AL_ECORRUPT;
    }
    in->kind = (enum journal_kind)kind.at[0];
    for (size_t k = 0; k < AL_LEN(ids); k++) {
        if (take_string(io, 1023, &strings, ids[k]) != AL_OK) {
            return AL_ECORRUPT;
        }
    }
    if (take_string(io, 1023, &strings, &in->object_name) != AL_OK ||
        take_string(io, JOURNAL_PATH_MAX - 1, &strings, &path) != AL_OK ||
        take_handle(io, &in->handle) != AL_OK || take_numbers(io, in) != AL_OK ||
        take_capability(io, strings, &in->capability) != AL_OK ||
        take_opener(io, strings + in->capability.len, in) != AL_OK) {
        return AL_ECORRUPT;
    }
    in->path = al_span_of(path);
    in->job_id = in->job_id[0] != '\0' ? in->job_id : NULL;
    in->rule_id = in->rule_id[0] != '\0' ? in->rule_id : NULL;
    return AL_OK;
}

static int
take_body(struct al_span body, char *strings, struct journal_record *ret)
{
    struct journal_record r = {0};
    struct al_span head;

    if (al_span_varint(&body, &r.seq) != AL_OK || r.seq == 0 ||
        al_span_take(&body, 2, &head) != AL_OK || head.at[0] < JOURNAL_BEGUN ||
        head.at[0] > JOURNAL_ENDED || head.at[1] > 1) {
        return AL_ECORRUPT;
    }
    r.state = (enum journal_state)head.at[0];
    r.whole = head.at[1] != 0;
    if (r.whole && (r.state == JOURNAL_ENDED || take_intent(&body, strings, &r.intent) != AL_OK)) {
        return AL_ECORRUPT;
    }
    if (body.len != 0) {
        return AL_ECORRUPT;
    }
    r.intent.state = r.state;
    *ret = r;
    return AL_OK;
}

int
journal_record_parse(struct al_span *io, uint64_t seed, char *strings, struct journal_record *ret)
{
    struct al_span left = *io, frame, body;
    uint32_t len;

    if (al_span_take(&left, FRAME_BYTES, &frame) != AL_OK) {
        return AL_ECORRUPT;
    }
    len = al_get_u32(frame.at);
    if (len == 0 || len > JOURNAL_RECORD_MAX || al_span_take(&left, len, &body) != AL_OK ||
        al_get_u64(frame.at + 4) != al_xxh64(body.at, body.len, seed) ||
        take_body(body, strings, ret) != AL_OK) {
        return AL_ECORRUPT;
    }
    *io = left;
    return AL_OK;
}
