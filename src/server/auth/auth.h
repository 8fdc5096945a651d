/* auth.h: who somebody is: passwords (argon2id), random tokens of which only the SHA-256 is kept,
 * sessions, throttling of guesses; and the sealing of secrets at rest with the key in
 * DATA/seal.key. The one folder that includes sodium.h.
 *
 * A struct auth is shared by all threads. Hashing a password takes 64 MiB for some 100 ms; at most
 * AUTH_HASHING_MAX at a time, others wait. */
#ifndef ALTO_SERVER_AUTH_AUTH_H
#define ALTO_SERVER_AUTH_AUTH_H

#include "base/bytes.h"
#include "port/port.h"
#include "server/store/store.h"

/* passwords hashed at once: 128 MiB */
#define AUTH_HASHING_MAX 2u
#define AUTH_PASSWORD_MIN 10u  /* bytes */
#define AUTH_PASSWORD_MAX 256u /* bytes */
#define AUTH_HASH_TEXT 128u    /* crypto_pwhash_STRBYTES */
/* 32 random bytes as base64url, and the NUL */
#define AUTH_TOKEN_TEXT 48u
#define AUTH_SESSION_NS (INT64_C(12) * 3600 * 1000000000) /* since it was last used */
#define AUTH_PROLONG_NS (INT64_C(300) * 1000000000)       /* not written again before */
/* of one name from one address within AUTH_WINDOW_NS */
#define AUTH_FAILURES_MAX 5u
/* of one address, whatever the name */
#define AUTH_PEER_FAILURES_MAX 50u
#define AUTH_WINDOW_NS (INT64_C(900) * 1000000000)
/* bytes a sealed secret is longer than the plain one */
#define AUTH_SEAL_MORE 40u
#define AUTH_FIRST_PASSWORD 20u /* characters */

struct auth;

/* data_dir: where seal.key lies; it is made, mode 0600, when it is not there. AL_ECORRUPT when it
 * is not 32 bytes. */
int auth_open(struct port *port, const char *data_dir, struct auth **ret,
              struct al_fail *fail) AL_MUST_CHECK;
struct auth *auth_close(struct auth *a); /* NULL is fine; returns NULL */
void auth_closep(struct auth **a);

/* ---- secrets at rest ---- */
/* XChaCha20-Poly1305. `bound` names what the secret belongs to ("share:<id>"): it opens nowhere
 * else. Appends. */
int auth_seal(struct auth *a, const char *bound, struct al_span plain,
              struct al_buf *out) AL_MUST_CHECK;
/* AL_ECORRUPT: not ours, or altered */
int auth_unseal(struct auth *a, const char *bound, struct al_span sealed,
                struct al_buf *out) AL_MUST_CHECK;

/* A hash that only this altod can make, so that a guess cannot be tried against it elsewhere. */
int auth_keyed_hash(struct auth *a, struct al_span bytes,
                    uint8_t ret[STORE_HASH_LEN]) AL_MUST_CHECK;

/* ---- passwords ---- */
/* AL_EINVAL with the reason when too short, too long, or without any variety. */
int auth_password_good(const char *password, struct al_fail *fail) AL_MUST_CHECK;
int auth_password_hash(struct auth *a, const char *password,
                       char ret[AUTH_HASH_TEXT]) AL_MUST_CHECK;
/* AL_EAUTH. hash NULL: takes the same time and answers AL_EAUTH, so that time does not tell which
 * names are there. */
int auth_password_check(struct auth *a, const char *hash, const char *password) AL_MUST_CHECK;
/* AUTH_FIRST_PASSWORD characters that are hard to mistake for each other, about 100 bits; al_free
 * it. */
int auth_password_make(struct auth *a, char **ret) AL_MUST_CHECK;

/* ---- tokens: sessions, hosts' secrets, enrolment ---- */
int auth_token_make(struct auth *a, char ret[AUTH_TOKEN_TEXT],
                    uint8_t ret_hash[STORE_HASH_LEN]) AL_MUST_CHECK;
int auth_token_hash(const char *token, uint8_t ret[STORE_HASH_LEN]) AL_MUST_CHECK;

/* ---- logging in ---- */
struct auth_login {
    struct store_user user; /* strings in the arena */
    char token[AUTH_TOKEN_TEXT];
    struct store_session session;
};
/* Whether another try is allowed: AL_ELIMIT with *ret_wait_s. No transaction. */
int auth_throttle(struct store *db, const char *name, const char *peer, int64_t now_ns,
                  int *ret_wait_s, struct al_fail *fail) AL_MUST_CHECK;
/* Name and password. Checks without a transaction (it takes long), AL_EAUTH with one sentence for
 * every reason. On AL_EAUTH *ret_known is the user there is of that name, or has an empty id. */
int auth_check(struct auth *a, struct store *db, const char *name, const char *password,
               struct al_arena *arena, struct store_user *ret, struct store_user *ret_known,
               struct al_fail *fail) AL_MUST_CHECK;
/* Counts a failure, inside a transaction; *ret_locked: it was the one that closes the door. */
int auth_failed(struct store *db, const char *name, const char *peer, int64_t now_ns,
                bool *ret_locked, struct al_fail *fail) AL_MUST_CHECK;
/* Makes the session, inside a transaction. */
int auth_begin(struct auth *a, struct store *db, const struct store_user *user, const char *peer,
               int64_t now_ns, struct auth_login *ret, struct al_fail *fail) AL_MUST_CHECK;
/* The session of a token, prolonged when it is time (its own transaction). AL_EAUTH: unknown,
 * expired, user disabled. */
int auth_session(struct store *db, const char *token, int64_t now_ns, struct store_session *ret,
                 struct store_user *ret_user, char ret_name[STORE_NAME_BYTES_MAX + 1],
                 struct al_fail *fail) AL_MUST_CHECK;
/* The host of "<host id>.<secret>". AL_EAUTH. */
int auth_host(struct store *db, const char *credential, struct store_host *ret,
              char ret_name[STORE_NAME_BYTES_MAX + 1], struct al_fail *fail) AL_MUST_CHECK;

#endif
