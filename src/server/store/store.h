/* store.h: the nouns of altod and their record, in SQLite (WAL, foreign keys, synchronous=FULL).
 *
 *   struct store_db   the database: path, migrations, the one lock of writers      shared by all
 *                     threads
 *   struct store      a connection with its prepared statements                    one thread at a
 *                     time
 *
 *   store_begin ─▶ calls that change ─▶ store_event_add ─▶ store_commit          one writer at a
 *                                                                                time;
 *                                                                                store_rollback on
 *                                                                                any failure
 *
 * Scope. Every call that reads or changes a noun takes a `const struct scope *`; what lies outside
 * is "not there" (AL_ENOENT), never "not allowed". Calls that change demand an open transaction
 * (AL_EINTERNAL otherwise) and leave their event to the caller, who knows the actor: no change is
 * committed without one (service_commit refuses it).
 *
 * Rows come as typed structs (strings in the caller's arena), or straight from SQLite's columns as
 * JSON text (store_list, store_one).
 *
 * Errors, besides those told at each call: AL_ENOMEM, AL_EBUSY (another process held the write lock
 * for STORE_BUSY_MS_MAX), AL_ENOSPC, AL_EIO, AL_ECORRUPT, AL_EROFS from the file below;
 * AL_ECONFLICT for a name that is taken, with a sentence.
 *
 * This header is what service, series and auth see; SQL stands in src/server/store only.
 * store_priv.h has the statements. */
#ifndef ALTO_SERVER_STORE_STORE_H
#define ALTO_SERVER_STORE_STORE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "model/scope.h"
#include "port/port.h"

/* wait for another process (backup, sqlite3 shell); threads of our own queue on a lock */
#define STORE_BUSY_MS_MAX 10000
#define STORE_PAGE_DEFAULT 50u      /* rows of a page */
#define STORE_PAGE_MAX 500u         /* rows: some 200 kB of JSON */
#define STORE_CURSOR_BYTES_MAX 512u /* decoded */
#define STORE_NAME_BYTES_MAX 128u   /* a noun's name */
#define STORE_HASH_LEN 32           /* SHA-256 */

struct store_db;
struct store;

struct store_conf {
    const char *url;      /* "sqlite:///path" or NULL: DIR/alto.db */
    const char *data_dir; /* made if it is not there */
    struct port *port;
    struct al_log *log; /* NULL: says nothing */
};

/* ---- database, connection, transaction ---- */
/* Opens, and brings the tables to this program's version. AL_ENOTSUP for another kind of URL;
 * AL_ECORRUPT when the database was made by a newer program or is no database. */
int store_db_open(const struct store_conf *conf, struct store_db **ret,
                  struct al_fail *fail) AL_MUST_CHECK;
/* Every connection must be closed before. NULL is fine; returns NULL. */
struct store_db *store_db_close(struct store_db *db);
void store_db_closep(struct store_db **db);

int store_open(struct store_db *db, struct store **ret, struct al_fail *fail) AL_MUST_CHECK;
struct store *store_close(struct store *s); /* rolls back what is open */
void store_closep(struct store **s);        /* for AL_CLEANUP */
struct port *store_port(struct store *s);

/* BEGIN IMMEDIATE: waits for other writers. AL_EINTERNAL when one is open already. */
int store_begin(struct store *s, struct al_fail *fail) AL_MUST_CHECK;
/* Durable when it says AL_OK; otherwise nothing happened (it is rolled back). */
int store_commit(struct store *s, struct al_fail *fail) AL_MUST_CHECK;
void store_rollback(struct store *s); /* fine without a transaction */
bool store_in_tx(const struct store *s);
/* Whether somebody of this process is writing just now, so that what can wait does. */
bool store_writing(const struct store *s);
/* A fresh identifier of this moment. */
int store_id_make(struct store *s, int64_t now_ns, al_id ret) AL_MUST_CHECK;

/* ---- pages ---- */
struct store_page {
    uint32_t limit;     /* rows; 0: STORE_PAGE_DEFAULT; at most STORE_PAGE_MAX */
    const char *cursor; /* next_cursor of the page before; NULL: the first page */
    bool count;         /* tell the total too: costs a scan of what matches */
    bool turned;        /* the other way round */
};

/* how a noun looks as JSON, how it is filtered and ordered: a table, one per noun */
struct store_noun;
extern const struct store_noun store_customers, store_users, store_hosts, store_shares,
    store_volumes, store_rules, store_events, store_tokens;

struct store_filter {
    const char *name; /* one of store_noun_filter */
    const char *text; /* as it came; AL_EINVAL when it is not of the filter's kind */
};
/* The i-th filter's name, NULL behind the last. */
const char *store_noun_filter(const struct store_noun *n, size_t i);
/* Appends {"items":[..],"next_cursor":..|null[,"total":n]}. AL_EINVAL for a filter or cursor that
 * is none. */
int store_list(struct store *s, const struct scope *scope, const struct store_noun *n,
               const struct store_filter *filters, size_t count, const struct store_page *page,
               struct al_buf *out, struct al_fail *fail) AL_MUST_CHECK;
/* Appends the noun as an object. AL_ENOENT. *ret_version (may be NULL): 0 for a noun without. */
int store_one(struct store *s, const struct scope *scope, const struct store_noun *n,
              const char *id, struct al_buf *out, uint64_t *ret_version,
              struct al_fail *fail) AL_MUST_CHECK;

/* ---- customers ---- */
struct store_customer {
    al_id id;
    const char *name;
    int64_t created_ns;
    uint64_t version;
};
/* AL_EPERM unless scope is all */
int store_customer_add(struct store *s, const struct scope *scope, const struct store_customer *c,
                       struct al_fail *fail) AL_MUST_CHECK;
int store_customer_get(struct store *s, const struct scope *scope, const char *id,
                       struct al_arena *a, struct store_customer *ret,
                       struct al_fail *fail) AL_MUST_CHECK;
/* raises version */
int store_customer_set(struct store *s, const struct scope *scope, const struct store_customer *c,
                       struct al_fail *fail) AL_MUST_CHECK;
/* AL_ECONFLICT: has hosts, users ... */
int store_customer_del(struct store *s, const struct scope *scope, const char *id,
                       struct al_fail *fail) AL_MUST_CHECK;

/* ---- users and their sessions ---- */
struct store_user {
    al_id id;
    const char *name;
    enum service_role role;
    al_id customer_id; /* empty for an operator */
    bool disabled;
    const char *password_hash; /* argon2id, encoded */
    int64_t created_ns, last_login_ns;
    uint64_t version;
};
int store_user_add(struct store *s, const struct scope *scope, const struct store_user *u,
                   struct al_fail *fail) AL_MUST_CHECK;
int store_user_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                   struct store_user *ret, struct al_fail *fail) AL_MUST_CHECK;
/* By name, any letter case; for logging in, with the scope of the system. */
int store_user_by_name(struct store *s, const struct scope *scope, const char *name,
                       struct al_arena *a, struct store_user *ret,
                       struct al_fail *fail) AL_MUST_CHECK;
/* Name, role, disabled, password_hash; raises version. Disabling ends the sessions. AL_ECONFLICT
 * for the last operator. */
int store_user_set(struct store *s, const struct scope *scope, const struct store_user *u,
                   struct al_fail *fail) AL_MUST_CHECK;
/* AL_ECONFLICT: the last operator */
int store_user_del(struct store *s, const struct scope *scope, const char *id,
                   struct al_fail *fail) AL_MUST_CHECK;
int store_user_count(struct store *s, const struct scope *scope, uint64_t *ret,
                     struct al_fail *fail) AL_MUST_CHECK;
int store_user_logged_in(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                         struct al_fail *fail) AL_MUST_CHECK;

struct store_session {
    al_id id, user_id;
    uint8_t token_hash[STORE_HASH_LEN];
    char csrf[48];
    int64_t created_ns, expires_ns;
    char peer[64];
};
int store_session_add(struct store *s, const struct scope *scope, const struct store_session *t,
                      struct al_fail *fail) AL_MUST_CHECK;
/* The session and its user by the token's hash, expired ones too. AL_ENOENT. No arena: name goes to
 * ret_name (128 bytes). */
int store_session_find(struct store *s, const uint8_t token_hash[STORE_HASH_LEN],
                       struct store_session *ret, struct store_user *ret_user,
                       char ret_name[STORE_NAME_BYTES_MAX + 1], struct al_fail *fail) AL_MUST_CHECK;
/* A session by its own id, for who came with it. csrf, times and peer; no token_hash. AL_ENOENT. */
int store_session_get(struct store *s, const char *id, struct store_session *ret,
                      struct al_fail *fail) AL_MUST_CHECK;
int store_session_prolong(struct store *s, const char *id, int64_t expires_ns,
                          struct al_fail *fail) AL_MUST_CHECK;
/* fine when it is gone */
int store_session_del(struct store *s, const char *id, struct al_fail *fail) AL_MUST_CHECK;
/* All of a user's; except: a session that stays, or NULL. */
int store_session_del_of(struct store *s, const char *user_id, const char *except,
                         struct al_fail *fail) AL_MUST_CHECK;

/* Failed logins, counted by a key (who and from where). */
int store_login_failures(struct store *s, const char *key, int64_t since_ns, uint32_t *ret_count,
                         int64_t *ret_last_ns, struct al_fail *fail) AL_MUST_CHECK;
int store_login_failed(struct store *s, const char *key, int64_t now_ns, int64_t since_ns,
                       uint32_t *ret_count, struct al_fail *fail) AL_MUST_CHECK;
int store_login_clear(struct store *s, const char *key, struct al_fail *fail) AL_MUST_CHECK;

/* ---- hosts and their enrolment ---- */
struct store_host {
    al_id id, customer_id;
    const char *name, *os, *agent_version, *boot_id;
    uint8_t secret_hash[STORE_HASH_LEN];
    int64_t last_seen_ns, enrolled_ns;
    bool online;
    bool expected; /* no agent has enrolled yet: there is no secret, and nobody can be it */
    uint64_t version;
};
int store_host_add(struct store *s, const struct scope *scope, const struct store_host *h,
                   struct al_fail *fail) AL_MUST_CHECK;
int store_host_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                   struct store_host *ret, struct al_fail *fail) AL_MUST_CHECK;
/* name; raises version */
int store_host_set(struct store *s, const struct scope *scope, const struct store_host *h,
                   struct al_fail *fail) AL_MUST_CHECK;
/* What its agent found of LucidLink filespaces: a JSON object, lent from the arena; "" and 0: it told nothing yet. AL_ENOENT:
 * the host. */
int store_host_found(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                     const char **ret, int64_t *ret_told_ns, struct al_fail *fail) AL_MUST_CHECK;
int store_host_found_set(struct store *s, const struct scope *scope, const char *id,
                         const char *found, int64_t told_ns, struct al_fail *fail) AL_MUST_CHECK;
/* How it stands with its filter driver: a JSON object, which the host's own JSON has as "driver". */
int store_host_driver_set(struct store *s, const struct scope *scope, const char *id,
                          const char *driver, int64_t told_ns, struct al_fail *fail) AL_MUST_CHECK;
/* An agent comes for the host of this customer and name that is expected: os, agent_version, boot_id,
 * secret_hash, times; raises version. *ret_id "": none is expected. */
int store_host_enrol(struct store *s, const struct scope *scope, const struct store_host *h,
                     al_id ret_id, struct al_fail *fail) AL_MUST_CHECK;
/* AL_ECONFLICT: has volumes */
int store_host_del(struct store *s, const struct scope *scope, const char *id,
                   struct al_fail *fail) AL_MUST_CHECK;
/* For authentication only: who has this id, and the hash of the secret. AL_ENOENT. */
int store_host_find(struct store *s, const char *id, struct store_host *ret,
                    char ret_name[STORE_NAME_BYTES_MAX + 1], struct al_fail *fail) AL_MUST_CHECK;

struct store_token { /* one-time permission to enrol */
    al_id id, customer_id;
    const char *name; /* what it is for, for people; NULL or "": nothing */
    uint8_t hash[STORE_HASH_LEN];
    al_id created_by;
    int64_t created_ns, expires_ns;
};
int store_token_add(struct store *s, const struct scope *scope, const struct store_token *t,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Uses it up. AL_EAUTH: unknown, used or expired (one answer for all three). */
int store_token_take(struct store *s, const uint8_t hash[STORE_HASH_LEN], int64_t now_ns,
                     struct al_arena *a, struct store_token *ret,
                     struct al_fail *fail) AL_MUST_CHECK;

/* ---- shares ---- */
struct store_share {
    al_id id, customer_id;
    const char *name, *url, *user;  /* user NULL: none */
    struct al_span password_sealed; /* .at NULL: none */
    const char *wire; /* what connections must be: "any" (or NULL), "signed", "encrypted" */
    const char *state, *state_text;
    uint64_t bytes_total, bytes_free;
    int64_t checked_ns, created_ns;
    uint64_t version;
};
int store_share_add(struct store *s, const struct scope *scope, const struct store_share *h,
                    struct al_fail *fail) AL_MUST_CHECK;
int store_share_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                    struct store_share *ret, struct al_fail *fail) AL_MUST_CHECK;
/* name, url, user, password, wire; raises version */
int store_share_set(struct store *s, const struct scope *scope, const struct store_share *h,
                    struct al_fail *fail) AL_MUST_CHECK;
/* AL_ECONFLICT: used by volumes or rules */
int store_share_del(struct store *s, const struct scope *scope, const char *id,
                    struct al_fail *fail) AL_MUST_CHECK;
/* What a check found; no new version. AL_EINVAL for a state that is none. */
int store_share_state(struct store *s, const struct scope *scope, const struct store_share *h,
                      struct al_fail *fail) AL_MUST_CHECK;

/* ---- volumes ---- */
struct store_volume {
    al_id id, customer_id, host_id, share_id; /* share_id empty: none */
    const char *name, *path, *kind, *state, *state_text;
    struct al_span marker_key_sealed; /* 32 random bytes, sealed (auth_unseal) */
    uint64_t files, bytes, allocated, stub_files, stub_bytes, freed_bytes;
    int64_t last_scan_ns, created_ns;
    uint64_t version;
    uint64_t bytes_total, bytes_free; /* of its filesystem, at space_ns; bytes_total 0: unknown */
    int64_t space_ns;
    const char *audit; /* how its audit logs are read, a JSON object; NULL: of a kind without */
};
int store_volume_add(struct store *s, const struct scope *scope, const struct store_volume *v,
                     struct al_fail *fail) AL_MUST_CHECK;
int store_volume_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                     struct store_volume *ret, struct al_fail *fail) AL_MUST_CHECK;
/* name, share_id, audit; raises version */
int store_volume_set(struct store *s, const struct scope *scope, const struct store_volume *v,
                     struct al_fail *fail) AL_MUST_CHECK;
/* AL_ECONFLICT: stubs or rules. Objects stay on the share */
int store_volume_del(struct store *s, const struct scope *scope, const char *id,
                     struct al_fail *fail) AL_MUST_CHECK;
/* How its files go to a share: *ret_kind "stub", "archive" or "report"; *ret_reason a sentence or
 * "". Of the arena. AL_ENOENT. */
int store_volume_way(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                     const char **ret_kind, const char **ret_reason,
                     struct al_fail *fail) AL_MUST_CHECK;
int store_volume_state(struct store *s, const struct scope *scope, const char *id,
                       const char *state, const char *text, struct al_fail *fail) AL_MUST_CHECK;
/* files, bytes, allocated, stub_files, stub_bytes, freed_bytes, last_scan_ns as they stand; no new
 * version. */
int store_volume_figures(struct store *s, const struct scope *scope, const struct store_volume *v,
                         struct al_fail *fail) AL_MUST_CHECK;
/* What its host tells of its filesystem; no new version. Nothing happens to a volume of another
 * host. */
int store_volume_space(struct store *s, const struct scope *scope, const char *host_id,
                       const char *id, uint64_t total, uint64_t free, int64_t now_ns,
                       struct al_fail *fail) AL_MUST_CHECK;
/* Every volume of a host, or of a share (one of the two), in the order of their ids. */
int store_volume_each(struct store *s, const struct scope *scope, const char *host_id,
                      const char *share_id, struct al_arena *a,
                      int (*each)(void *ctx, const struct store_volume *v), void *ctx,
                      struct al_fail *fail) AL_MUST_CHECK;

/* ---- rules ---- */
struct store_rule {
    al_id id, customer_id, volume_id, share_id;
    const char *name, *where, *action; /* where: canonical text */
    uint64_t position;                 /* lower decides first; excludes come before all others */
    bool enabled;
    uint64_t limit_files, limit_bytes; /* 0: none */
    uint64_t limit_minutes, limit_error_percent;
    uint64_t start_used_percent, stop_used_percent; /* of the volume; both or none */
    const char *cron, *zone;                        /* NULL: runs by hand, or by its marks */
    const char *windows;                            /* JSON as asked; NULL: always */
    const char *created_by, *updated_by;            /* users' names */
    int64_t created_ns, updated_ns;
    uint64_t version;
    /* no part of a version */
    int64_t suspended_ns; /* 0: not */
    const char *suspended_reason, *suspended_text;
    int64_t next_run_ns, rest_until_ns; /* by schedule, 0: none; not by its marks before */
};
/* position 0: behind the last */
int store_rule_add(struct store *s, const struct scope *scope, const struct store_rule *r,
                   struct al_fail *fail) AL_MUST_CHECK;
int store_rule_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                   struct store_rule *ret, struct al_fail *fail) AL_MUST_CHECK;
/* all but volume and what is no part of a version, but for next_run_ns; raises version. Its open
 * jobs look at their windows anew. */
int store_rule_set(struct store *s, const struct scope *scope, const struct store_rule *r,
                   struct al_fail *fail) AL_MUST_CHECK;
int store_rule_del(struct store *s, const struct scope *scope, const char *id, const char *by,
                   int64_t now_ns, struct al_fail *fail) AL_MUST_CHECK;
/* The volume's rules (all of them, AL_ECONFLICT otherwise) in this order; those that move get a new
 * version. *ret_moved may be NULL. */
int store_rule_order(struct store *s, const struct scope *scope, const char *volume_id,
                     const char *const *ids, size_t count, const char *by, int64_t now_ns,
                     uint64_t *ret_moved, struct al_fail *fail) AL_MUST_CHECK;
/* A rule as a version of it stood, also of one that is deleted; version 0: its last. AL_ENOENT. */
int store_rule_version(struct store *s, const struct scope *scope, const char *id, uint64_t version,
                       struct al_arena *a, struct store_rule *ret,
                       struct al_fail *fail) AL_MUST_CHECK;
extern const struct store_noun store_rule_versions; /* filter: rule_id */
/* ---- running by themselves ---- */
/* A rule that is on, not suspended, and due at now_ns: by its schedule, or by its marks with no job
 * of it open. AL_ENOENT: none. */
int store_rule_due(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                   struct store_rule *ret, struct al_fail *fail) AL_MUST_CHECK;
/* When it is due next; no new version. AL_ENOENT. */
int store_rule_next(struct store *s, const struct scope *scope, const char *id, int64_t next_run_ns,
                    int64_t rest_until_ns, struct al_fail *fail) AL_MUST_CHECK;
/* The first rule behind after_id ("": of all) whose schedule is next later than now_ns. AL_ENOENT. */
int store_rule_ahead(struct store *s, const struct scope *scope, const char *after_id,
                     int64_t now_ns, struct al_arena *a, struct store_rule *ret,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Rests and looks at jobs that reach beyond until_ns are over: the clock was set back. */
int store_rule_rest_over(struct store *s, const struct scope *scope, int64_t until_ns,
                         struct al_fail *fail) AL_MUST_CHECK;
int store_rule_rest(struct store *s, const struct scope *scope, const char *id,
                    int64_t rest_until_ns, struct al_fail *fail) AL_MUST_CHECK;
/* reason "": resumes it. *ret_changed false: it was that already (resuming); AL_ENOENT. */
int store_rule_suspend(struct store *s, const struct scope *scope, const char *id,
                       const char *reason, const char *text, int64_t now_ns, bool *ret_changed,
                       struct al_fail *fail) AL_MUST_CHECK;
/* The enabled rules of a volume in the order in which they decide (excludes first, then
 * position). */
int store_rule_each(struct store *s, const struct scope *scope, const char *volume_id,
                    struct al_arena *a, int (*each)(void *ctx, const struct store_rule *r),
                    void *ctx, struct al_fail *fail) AL_MUST_CHECK;

/* ---- audit: events chained by hash, one chain a customer and one ("") for what belongs to none
 * ----
 *
 *   hash = SHA-256(prev_hash || canonical JSON of the event)        doc/format/audit.md
 * / */
struct store_event {
    const char *customer_id; /* NULL or "": the system's chain */
    int64_t at_ns;
    const char *actor_type; /* "user", "host", "system" */
    const char *actor_id, *actor_name;
    const char *act;                       /* "share.update", "file.tier" ... */
    const char *subject_type, *subject_id; /* "share", its id */
    struct al_span subject;                /* a name or path as bytes */
    const char *code;                      /* "ok" or a name of base/result.h */
    struct al_span detail;                 /* a JSON object as text; empty: {} . No secrets */
};
/* Joins the open transaction. AL_EINTERNAL without one. */
int store_event_add(struct store *s, const struct store_event *e,
                    struct al_fail *fail) AL_MUST_CHECK;
struct store_event_key {
    const char *customer_id, *act, *subject_id, *object_id;
    struct al_span subject;
    int64_t from_ns; /* not older */
};
/* Whether an event "ok" of that act about that subject (of type "file") and object stands in the
 * record. */
int store_event_told(struct store *s, const struct store_event_key *k, bool *ret,
                     struct al_fail *fail) AL_MUST_CHECK;
/* How many events this transaction has added. */
uint32_t store_event_count(const struct store *s);
/* The newest event this connection has added, and its customer; "" before the first. */
void store_event_last(const struct store *s, al_id ret_id, al_id ret_customer_id);
struct store_verify {
    bool ok;
    uint64_t events;
    uint64_t first_bad_seq; /* 0 when ok */
};
/* Walks a chain from its first event to its head. customer_id "" is the system's chain, for a scope
 * that sees all. AL_ENOENT. */
int store_event_verify(struct store *s, const struct scope *scope, const char *customer_id,
                       struct store_verify *ret, struct al_fail *fail) AL_MUST_CHECK;

/* ---- answers kept under an Idempotency-Key (for STORE_ANSWER_KEPT_NS) ---- */
#define STORE_ANSWER_KEPT_NS (INT64_C(24) * 3600 * 1000000000)
/* after it expired, so that one can see that it did */
#define STORE_TOKEN_KEPT_NS (INT64_C(7) * 86400 * 1000000000)
/* failed logins; longer than any window they are counted in */
#define STORE_FAILURE_KEPT_NS (INT64_C(86400) * 1000000000)
struct store_answer {
    const char *caller_id, *key;
    uint8_t request_hash[STORE_HASH_LEN];
    int status;
    struct al_span body_sealed;
    const char *location; /* NULL: none */
    uint64_t etag;
    int64_t at_ns;
};
/* AL_ENOENT */
int store_answer_find(struct store *s, const char *caller_id, const char *key, struct al_arena *a,
                      struct store_answer *ret, struct al_fail *fail) AL_MUST_CHECK;
int store_answer_add(struct store *s, const struct store_answer *n,
                     struct al_fail *fail) AL_MUST_CHECK;

/* ---- housekeeping ---- */
/* Sessions, tokens, answers and failed logins whose time is over; a bounded number at a time,
 * inside a transaction. It adds no event: nothing that people made is touched. */
int store_prune(struct store *s, int64_t now_ns, struct al_fail *fail) AL_MUST_CHECK;
/* A small value of altod itself. AL_ENOENT. */
int store_setting_get(struct store *s, const char *key, struct al_buf *to,
                      struct al_fail *fail) AL_MUST_CHECK;
int store_setting_set(struct store *s, const char *key, struct al_span value,
                      struct al_fail *fail) AL_MUST_CHECK;

#endif
