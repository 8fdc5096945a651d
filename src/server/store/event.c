#include "server/store/store_priv.h"

#include "port/digest.h"

#include <string.h>

/* The canonical text: fixed keys in a fixed order, times as nanoseconds, the subject's bytes as
 * base/json.h tells. doc/format/audit.md. */
struct line {
    const char *customer_id;
    uint64_t seq;
    const char *id;
    int64_t at_ns;
    const char *actor_type, *actor_id, *actor_name, *act, *subject_type, *subject_id;
    struct al_span subject;
    const char *code;
    struct al_span detail;
};

static int
line_hash(const struct line *e, const uint8_t prev[STORE_HASH_LEN], struct al_buf *scratch,
          uint8_t ret[STORE_HASH_LEN])
{
    struct al_jsonout j;

    al_buf_clear(scratch);
    AL_TRY(al_buf_add(scratch, prev, STORE_HASH_LEN));
    al_jo_begin(&j, scratch);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "customer_id", e->customer_id);
    al_jo_u64(&j, "seq", e->seq);
    al_jo_str(&j, "id", e->id);
    al_jo_i64(&j, "at_ns", e->at_ns);
    al_jo_str(&j, "actor_type", e->actor_type);
    al_jo_str(&j, "actor_id", e->actor_id);
    al_jo_str(&j, "actor_name", e->actor_name);
    al_jo_str(&j, "act", e->act);
    al_jo_str(&j, "subject_type", e->subject_type);
    al_jo_str(&j, "subject_id", e->subject_id);
    al_jo_bytes(&j, "subject", e->subject);
    al_jo_str(&j, "code", e->code);
    al_jo_raw(&j, "detail", e->detail);
    al_jo_close(&j);
    AL_TRY(al_jo_end(&j));
    return port_sha256_of(scratch->at, scratch->len, ret);
}

/* ---- adding ---- */

int
store_chain_flush(struct store *s, struct al_fail *fail)
{
    if (!s->chain.loaded || !s->chain.dirty) {
        return AL_OK;
    }
    AL_TRY(store_run(s, fail,
                     "INSERT INTO chain(customer_id, seq, hash) VALUES(?1, ?2, ?3)"
                     " ON CONFLICT(customer_id) DO UPDATE SET seq=?2, hash=?3",
                     S_TEXT(s->chain.customer_id), S_U64(s->chain.seq),
                     S_BLOB(s->chain.hash, STORE_HASH_LEN)));
    s->chain.dirty = false;
    return AL_OK;
}

static int
chain_load(struct store *s, const char *customer_id, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_chain head = {.loaded = true};
    bool row = false;

    if (s->chain.loaded && strcmp(s->chain.customer_id, customer_id) == 0) {
        return AL_OK;
    }
    AL_TRY(store_chain_flush(s, fail));
    AL_TRY(store_query(s, fail, &q, "SELECT seq, hash FROM chain WHERE customer_id=?1",
                       S_TEXT(customer_id)));
    AL_TRY(store_step(q, &row, fail));
    if (row) {
        head.seq = store_col_u64(q, 0);
        AL_TRY(store_col_hash(q, 1, head.hash, fail));
    }
    memcpy(head.customer_id, customer_id, strlen(customer_id) + 1);
    s->chain = head;
    return AL_OK;
}

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

int
store_event_add(struct store *s, const struct store_event *e, struct al_fail *fail)
{
    const char *customer_id = or_empty(e->customer_id);
    uint8_t hash[STORE_HASH_LEN];
    struct line line;
    al_id id;

    AL_TRY(store_need_tx(s, fail));
    if (strlen(customer_id) > AL_ID_LEN) {
        return al_fail_set(fail, AL_EINVAL, 0, "no such customer");
    }
    AL_TRY(chain_load(s, customer_id, fail));
    AL_TRY(store_id_make(s, e->at_ns, id));
    line = (struct line){customer_id,
                         s->chain.seq + 1,
                         id,
                         e->at_ns,
                         or_empty(e->actor_type),
                         or_empty(e->actor_id),
                         or_empty(e->actor_name),
                         or_empty(e->act),
                         or_empty(e->subject_type),
                         or_empty(e->subject_id),
                         e->subject,
                         e->code != NULL ? e->code : al_code_name(AL_OK),
                         e->detail};
    if (line.subject.at == NULL) {
        line.subject = (struct al_span){(const uint8_t *)"", 0};
    }
    if (line.detail.at == NULL || line.detail.len == 0) {
        line.detail = al_span_of("{}");
    }
    AL_TRY(line_hash(&line, s->chain.hash, &s->text, hash));
    AL_TRY(store_run(s, fail,
                     "INSERT INTO event(customer_id, seq, id, at_ns, actor_type, actor_id, "
                     "actor_name, act, subject_type,"
                     " subject_id, subject, code, detail, prev_hash, hash)"
                     " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,CAST(?13 AS TEXT),?14,?15)",
                     S_TEXT(line.customer_id), S_U64(line.seq), S_TEXT(line.id), S_I64(line.at_ns),
                     S_TEXT(line.actor_type), S_TEXT(line.actor_id), S_TEXT(line.actor_name),
                     S_TEXT(line.act), S_TEXT(line.subject_type), S_TEXT(line.subject_id),
                     S_SPAN(line.subject), S_TEXT(line.code), S_SPAN(line.detail),
                     S_BLOB(s->chain.hash, STORE_HASH_LEN), S_BLOB(hash, sizeof hash)));
    s->chain.seq = line.seq;
    memcpy(s->chain.hash, hash, sizeof hash);
    s->chain.dirty = true;
    s->events++;
    memcpy(s->last_event, id, sizeof id);
    memcpy(s->last_event_customer, s->chain.customer_id, sizeof s->last_event_customer);
    return AL_OK;
}

void
store_event_last(const struct store *s, al_id ret_id, al_id ret_customer_id)
{
    memcpy(ret_id, s->last_event, AL_ID_LEN + 1);
    memcpy(ret_customer_id, s->last_event_customer, AL_ID_LEN + 1);
}

uint32_t
store_event_count(const struct store *s)
{
    return s->events;
}

int
store_event_told(struct store *s, const struct store_event_key *k, bool *ret, struct al_fail *fail)
{
    uint64_t told;

    AL_TRY(store_number(s, fail, &told,
                        "SELECT EXISTS(SELECT 1 FROM event WHERE subject_type='file'"
                        " AND subject_id=?1 AND at_ns>=?2 AND act=?3 AND code='ok' AND subject=?4"
                        " AND customer_id=?5 AND json_extract(detail, '$.object_id')=?6)",
                        S_TEXT(k->subject_id), S_I64(k->from_ns), S_TEXT(k->act),
                        S_SPAN(k->subject), S_TEXT(k->customer_id), S_TEXT(k->object_id)));
    *ret = told != 0;
    return AL_OK;
}

/* ---- verifying ---- */

/* One stored event against what the one before left in seq and hash; moves both on. */
static int
verify_row(struct store_stmt *q, const char *customer_id, struct al_buf *scratch, uint64_t *io_seq,
           uint8_t io_hash[STORE_HASH_LEN], bool *ret_good)
{
    struct al_span prev = store_col_span(q, 12), stored = store_col_span(q, 13);
    uint8_t hash[STORE_HASH_LEN];
    struct line line = {
        customer_id,           store_col_u64(q, 0),  store_col_text(q, 1), store_col_i64(q, 2),
        store_col_text(q, 3),  store_col_text(q, 4), store_col_text(q, 5), store_col_text(q, 6),
        store_col_text(q, 7),  store_col_text(q, 8), store_col_span(q, 9), store_col_text(q, 10),
        store_col_span(q, 11),
    };

    *ret_good = false;
    (*io_seq)++;
    if (line.seq != *io_seq || prev.len != STORE_HASH_LEN || stored.len != STORE_HASH_LEN ||
        memcmp(prev.at, io_hash, STORE_HASH_LEN) != 0) {
        return AL_OK;
    }
    AL_TRY(line_hash(&line, io_hash, scratch, hash));
    if (memcmp(stored.at, hash, STORE_HASH_LEN) == 0) {
        memcpy(io_hash, hash, STORE_HASH_LEN);
        *ret_good = true;
    }
    return AL_OK;
}

/* The head says where the chain ends, so that events cut off its end are missed too. */
static int
verify_head(struct store *s, const char *customer_id, uint64_t seq,
            const uint8_t hash[STORE_HASH_LEN], bool *ret_good, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct al_span stored;
    bool row = false;

    AL_TRY(store_query(s, fail, &q, "SELECT seq, hash FROM chain WHERE customer_id=?1",
                       S_TEXT(customer_id)));
    AL_TRY(store_step(q, &row, fail));
    if (!row) {
        *ret_good = seq == 0;
        return AL_OK;
    }
    stored = store_col_span(q, 1);
    *ret_good = store_col_u64(q, 0) == seq && stored.len == STORE_HASH_LEN &&
                memcmp(stored.at, hash, STORE_HASH_LEN) == 0;
    return AL_OK;
}

static int
verify_walk(struct store *s, const char *customer_id, struct store_verify *ret,
            struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {.max = s->text.max};
    uint8_t hash[STORE_HASH_LEN] = {0};
    struct store_verify v = {.ok = true};
    bool row = false, good = true;
    uint64_t seq = 0;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT seq, id, at_ns, actor_type, actor_id, actor_name, act, subject_type,"
                       " subject_id, subject, code, detail, prev_hash, hash FROM event"
                       " WHERE customer_id=?1 ORDER BY seq",
                       S_TEXT(customer_id)));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            break;
        }
        AL_TRY(verify_row(q, customer_id, &scratch, &seq, hash, &good));
        if (!good) {
            break;
        }
        v.events++;
    }
    if (good) {
        AL_TRY(verify_head(s, customer_id, seq, hash, &good, fail));
        seq++; /* what is missing, or wrong, is what should follow the last one */
    }
    if (!good) {
        v.ok = false;
        v.first_bad_seq = seq;
    }
    *ret = v;
    return AL_OK;
}

int
store_event_verify(struct store *s, const struct scope *scope, const char *customer_id,
                   struct store_verify *ret, struct al_fail *fail)
{
    bool own = !s->in_tx;
    int rc;

    if (!scope_sees(scope, customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    /* One read transaction: events that come while we walk must not look like ones cut off. */
    if (own) {
        AL_TRY(store_run_args(s, fail, "BEGIN", NULL, 0));
    }
    rc = verify_walk(s, customer_id, ret, fail);
    if (own) {
        (void)sqlite3_exec(s->sql, "ROLLBACK", NULL, NULL, NULL); /* nothing was written */
    }
    return rc;
}

/* ---- as JSON ---- */

static const struct store_field fields[] = {
    {"seq", "t.seq", STORE_K_INT},
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "nullif(t.customer_id, '')", STORE_K_TEXT},
    {"at", "t.at_ns", STORE_K_TIME},
    {"actor_type", "t.actor_type", STORE_K_TEXT},
    {"actor_id", "nullif(t.actor_id, '')", STORE_K_TEXT},
    {"actor_name", "t.actor_name", STORE_K_TEXT},
    {"act", "t.act", STORE_K_TEXT},
    {"subject_type", "t.subject_type", STORE_K_TEXT},
    {"subject_id", "nullif(t.subject_id, '')", STORE_K_TEXT},
    {"subject", "t.subject", STORE_K_BYTES},
    {"code", "t.code", STORE_K_TEXT},
    {"detail", "t.detail", STORE_K_JSON},
    {"prev_hash", "t.prev_hash", STORE_K_HEX},
    {"hash", "t.hash", STORE_K_HEX},
};

static const struct store_filter_kind filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"act", "t.act", STORE_T_EQ, STORE_K_TEXT},
    {"code", "t.code", STORE_T_EQ, STORE_K_TEXT},
    {"subject_type", "t.subject_type", STORE_T_EQ, STORE_K_TEXT},
    {"subject_id", "t.subject_id<>'' AND t.subject_id", STORE_T_EQ, STORE_K_TEXT},
    {"actor_id", "t.actor_id", STORE_T_EQ, STORE_K_TEXT},
    {"q", "t.actor_name||' '||t.subject", STORE_T_CONTAINS, STORE_K_TEXT},
    {"from", "t.at_ns", STORE_T_FROM, STORE_K_TIME},
    {"to", "t.at_ns", STORE_T_TO, STORE_K_TIME},
};

const struct store_noun store_events = {
    .what = "event",
    .from = "event t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.n",
    .order_kind = STORE_K_INT,
    .newest_first = true,
    .fields = fields,
    .field_count = AL_LEN(fields),
    .filters = filters,
    .filter_count = AL_LEN(filters),
};
