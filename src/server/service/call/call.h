/* call.h: what the rooms of src/server/service share: the structs, and the helpers every
 * operation is written with.
 *
 * An operation that reads:                       An operation that writes:
 *   scope = service_scope(req->caller)             AL_TRY(service_begin(req, reply, &tx, fail));
 *                                                  replayed: done
 *   store_one(db, &scope, ...)                     ... store calls, service_event(req, ...) ...
 *                                                  return service_commit(&tx, reply, fail);
 *   `tx` is declared with AL_CLEANUP(service_tx_end), which rolls back whatever was not committed.
 *
 * After the commit: service_publish (live event) and service_wake (parked long polls). Never
 * before. */
#ifndef ALTO_SERVER_SERVICE_CALL_CALL_H
#define ALTO_SERVER_SERVICE_CALL_CALL_H

#include "base/jsonout.h"
#include "base/mem.h"
#include "port/thread.h"
#include "server/auth/auth.h"
#include "server/bus/bus.h"
#include "server/series/series.h"
#include "server/service/service.h"
#include "server/store/store.h"

/* Leaves the function with the code of a call that failed. */
#define SV_TRY(call)                                                                               \
    do {                                                                                           \
        int sv_try_rc_ = (call);                                                                   \
        if (sv_try_rc_ != AL_OK) {                                                                 \
            return sv_try_rc_;                                                                     \
        }                                                                                          \
    } while (0)

/* bytes of a text field of a body where no other cap is told */
#define SERVICE_TEXT_MAX 4096u
#define SERVICE_KEY_MAX 128u /* bytes of an Idempotency-Key */
#define SERVICE_PRUNE_EVERY_NS (INT64_C(60) * 1000000000)

struct work; /* work/work.h: what operations around work share between workers */

struct service {
    struct port *port;
    struct al_log *log;
    char *data_dir, *version;
    struct store_db *db;
    struct auth *auth;
    struct bus *bus;
    struct series *series;
    char *inventory_url;
    char *import_dir; /* NULL: no folder is watched */
    struct work *work;
    bool work_is_open;
    int64_t opened_ns;  /* what was due before was missed */
    int64_t planned_ns; /* the planner's alone: the clock when it looked last; 0: not yet */
    port_mutex lock;    /* of what follows */
    int64_t pruned_ns;
    bool first_untold; /* the first password was handed out and no worker is open yet */
    void (*on_event)(void *ctx, const struct service_event *e);
    void *on_event_ctx;
};

struct service_worker {
    struct service *service;
    struct store *db;
};

/* ---- the request ---- */
struct scope service_scope(const struct caller *c);
/* The caller's, or within it that customer's who is asked for by "customer_id". AL_ENOENT: there is none such for the caller. */
int service_asked_scope(struct service_req *req, struct scope *ret,
                        struct al_fail *fail) AL_MUST_CHECK;
/* Query parameter; NULL when absent or empty. */
const char *service_query(const struct service_req *req, const char *name);
/* AL_EINVAL when it is no number or above max. */
int service_query_u64(const struct service_req *req, const char *name, uint64_t absent,
                      uint64_t max, uint64_t *ret, struct al_fail *fail) AL_MUST_CHECK;
/* "true", "1", "false", "0". */
int service_query_bool(const struct service_req *req, const char *name, bool absent, bool *ret,
                       struct al_fail *fail) AL_MUST_CHECK;
/* Which of the words it is; they are told where it is none of them. */
int service_query_word(const struct service_req *req, const char *name, const char *const *words,
                       size_t count, size_t absent, size_t *ret,
                       struct al_fail *fail) AL_MUST_CHECK;
int service_query_time(const struct service_req *req, const char *name, int64_t absent,
                       int64_t *ret_ns, struct al_fail *fail) AL_MUST_CHECK;
/* limit, cursor, count. */
int service_page(const struct service_req *req, struct store_page *ret,
                 struct al_fail *fail) AL_MUST_CHECK;
/* The usual list: every filter of the noun that the query names. */
int service_list(struct service_req *req, struct service_reply *reply, const struct store_noun *n,
                 struct al_fail *fail) AL_MUST_CHECK;
/* The usual answer: the noun as it stands in the store, with its ETag; 201 comes with a Location.
 * status 0: stays as it is. */
int service_one(struct service_req *req, struct service_reply *reply, const struct store_noun *n,
                const char *id, int status, struct al_fail *fail) AL_MUST_CHECK;

/* ---- the body: all complain with the key's name, AL_EINVAL ---- */
/* must be an object */
int service_body(const struct service_req *req, struct al_fail *fail) AL_MUST_CHECK;
/* Refuses keys that are not in the list (NULL-ended), so that a misspelt one is not silently
 * ignored. */
int service_body_keys(const struct service_req *req, const char *const *known,
                      struct al_fail *fail) AL_MUST_CHECK;
bool service_body_has(const struct service_req *req, const char *key);
/* Absent: *ret stays as it is, unless `needed`. JSON null: NULL. No control characters; valid UTF-8
 * by the JSON parser. */
int service_body_text(const struct service_req *req, const char *key, size_t min, size_t max,
                      bool needed, const char **ret, struct al_fail *fail) AL_MUST_CHECK;
/* A noun's name: 1 to STORE_NAME_BYTES_MAX bytes, no control characters, no blank at either end. */
int service_body_name(const struct service_req *req, const char *key, bool needed, const char **ret,
                      struct al_fail *fail) AL_MUST_CHECK;
int service_body_u64(const struct service_req *req, const char *key, uint64_t max, uint64_t *io,
                     struct al_fail *fail) AL_MUST_CHECK;
int service_body_bool(const struct service_req *req, const char *key, bool *io,
                      struct al_fail *fail) AL_MUST_CHECK;
/* An id, or "" when absent or null (unless needed). */
int service_body_id(const struct service_req *req, const char *key, bool needed, al_id io,
                    struct al_fail *fail) AL_MUST_CHECK;
/* One of the names (NULL-ended). */
int service_body_word(const struct service_req *req, const char *key, const char *const *words,
                      bool needed, const char **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Which customer something is made for: the body's customer_id, or the caller's own; AL_ENOENT when
 * out of scope. */
int service_body_customer(struct service_req *req, al_id ret, struct al_fail *fail) AL_MUST_CHECK;

/* ---- writing ---- */
struct service_tx { /* zeroed by its declaration */
    struct service_req *req;
    struct store *db;
    bool open, replayed, keep;
    uint8_t request_hash[STORE_HASH_LEN];
};
/* Opens the transaction. With an Idempotency-Key that was used before: tx->replayed, reply filled,
 * nothing open. The same key with another request: AL_ECONFLICT. */
int service_begin(struct service_req *req, struct service_reply *reply, struct service_tx *tx,
                  struct al_fail *fail) AL_MUST_CHECK;
/* Keeps the reply under the request's Idempotency-Key, and commits. AL_EINTERNAL when the
 * transaction has no event. */
int service_commit(struct service_tx *tx, struct service_reply *reply,
                   struct al_fail *fail) AL_MUST_CHECK;
void service_tx_end(struct service_tx *tx); /* for AL_CLEANUP */
/* If-Match against the version as it stands (inside the transaction): AL_ENODATA without one,
 * AL_ECHANGED when another. */
int service_if_match(const struct service_req *req, uint64_t version,
                     struct al_fail *fail) AL_MUST_CHECK;
/* An event of the caller. detail: JSON object text or empty. code NULL: "ok". */
int service_event(struct service_req *req, const char *customer_id, const char *act,
                  const char *subject_type, const char *subject_id, const char *subject,
                  const char *code, const struct al_buf *detail,
                  struct al_fail *fail) AL_MUST_CHECK;

/* What an update changed, for the event's detail: {"name":{"from":"a","to":"b"}}. */
struct service_detail {
    struct al_buf text;
    struct al_jsonout j;
};
void service_detail_begin(struct service_detail *d);
/* nothing when the same */
void service_detail_text(struct service_detail *d, const char *key, const char *from,
                         const char *to);
void service_detail_u64(struct service_detail *d, const char *key, uint64_t from, uint64_t to);
void service_detail_bool(struct service_detail *d, const char *key, bool from, bool to);
int service_detail_end(struct service_detail *d) AL_MUST_CHECK;
void service_detail_free(struct service_detail *d); /* for AL_CLEANUP */

/* ---- after the commit ---- */
/* Lost when it fails: whoever listens looks again by itself. json: text. */
void service_publish(struct service *s, const char *event, const char *customer_id,
                     const char *json);
void service_wake(struct service *s, const char *topic);
void service_wake_host(struct service *s, const char *host_id); /* topic "host:<id>" */
/* Publishes a noun as it stands now; one that is gone as {"id":..,"deleted":true}. */
void service_publish_noun(struct service_worker *w, const char *event, const struct store_noun *n,
                          const char *customer_id, const char *id);

/* 204 without a body. */
int service_done(struct service_reply *reply);
/* Text in the request's arena; NULL on memory. */
char *service_printf(struct service_req *req, const char *format, ...) AL_PRINTF(2, 3);

#endif
