#include "server/auth/auth_priv.h"

#include "port/digest.h"

#include <stdio.h>
#include <string.h>

#define NS INT64_C(1000000000)
#define KEY_TEXT 320u

/* Names are the same in any letter case, so their keys are too. */
static void
key_of(const char *name, const char *peer, char ret[KEY_TEXT])
{
    (void)snprintf(ret, KEY_TEXT, "%.128s %.64s", name, peer);
    for (char *c = ret; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
    }
}

/* The address without its port, so that every connection of one peer counts together. "[::1]:80"
 * and "127.0.0.1:80" lose it. */
static void
peer_of(const char *peer, char ret[64])
{
    const char *colon = strrchr(peer, ':');
    size_t len = strlen(peer);

    if (colon != NULL && (strchr(peer, ':') == colon || (peer[0] == '[' && colon[-1] == ']'))) {
        len = (size_t)(colon - peer);
    }
    (void)snprintf(ret, 64, "%.*s", (int)(len < 63 ? len : 63), peer);
}

/* A door closes for the window counted from the last failure; a closed door counts no further
 * tries, so it opens by itself. */
static int
door(struct store *db, const char *key, uint32_t max, int64_t now_ns, int *ret_wait_s,
     struct al_fail *fail)
{
    uint32_t count;
    int64_t last;
    int rc = store_login_failures(db, key, now_ns - AUTH_WINDOW_NS, &count, &last, fail);

    if (rc != AL_OK || count < max) {
        return rc;
    }
    *ret_wait_s = (int)((last + AUTH_WINDOW_NS - now_ns) / NS) + 1;
    return al_fail_set(fail, AL_ELIMIT, 0, "too many wrong passwords; try again in %d minutes",
                       *ret_wait_s / 60 + 1);
}

int
auth_throttle(struct store *db, const char *name, const char *peer, int64_t now_ns, int *ret_wait_s,
              struct al_fail *fail)
{
    char key[KEY_TEXT], address[64];
    int rc;

    peer_of(peer, address);
    key_of(name, address, key);
    rc = door(db, key, AUTH_FAILURES_MAX, now_ns, ret_wait_s, fail);
    if (rc == AL_OK) {
        key_of("", address, key);
        rc = door(db, key, AUTH_PEER_FAILURES_MAX, now_ns, ret_wait_s, fail);
    }
    return rc;
}

int
auth_failed(struct store *db, const char *name, const char *peer, int64_t now_ns, bool *ret_locked,
            struct al_fail *fail)
{
    char key[KEY_TEXT], address[64];
    uint32_t of_name = 0, of_peer = 0;
    int rc;

    peer_of(peer, address);
    key_of(name, address, key);
    rc = store_login_failed(db, key, now_ns, now_ns - AUTH_WINDOW_NS, &of_name, fail);
    if (rc == AL_OK) {
        key_of("", address, key);
        rc = store_login_failed(db, key, now_ns, now_ns - AUTH_WINDOW_NS, &of_peer, fail);
    }
    if (rc == AL_OK) {
        *ret_locked = of_name >= AUTH_FAILURES_MAX || of_peer >= AUTH_PEER_FAILURES_MAX;
    }
    return rc;
}

int
auth_check(struct auth *a, struct store *db, const char *name, const char *password,
           struct al_arena *arena, struct store_user *ret, struct store_user *ret_known,
           struct al_fail *fail)
{
    struct scope all = scope_system();
    struct store_user user = {0};
    struct al_fail quiet = {0}; /* "no such user" is not for the caller */
    int rc = store_user_by_name(db, &all, name, arena, &user, &quiet);

    if (rc != AL_OK && rc != AL_ENOENT) {
        return al_fail_pass(fail, rc, &quiet);
    }
    *ret_known = user;
    rc = auth_password_check(a, rc == AL_OK ? user.password_hash : NULL, password);
    if (rc == AL_OK && user.disabled) {
        rc = AL_EAUTH;
    }
    if (rc == AL_OK) {
        *ret = user;
    }
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, 0, "name or password is wrong");
}

int
auth_begin(struct auth *a, struct store *db, const struct store_user *user, const char *peer,
           int64_t now_ns, struct auth_login *ret, struct al_fail *fail)
{
    struct scope all = scope_system();
    struct auth_login login = {.user = *user};
    struct store_session *t = &login.session;
    char key[KEY_TEXT], address[64];
    uint8_t unused[STORE_HASH_LEN];
    int rc = store_id_make(db, now_ns, t->id);

    if (rc == AL_OK) {
        rc = auth_token_make(a, login.token, t->token_hash);
    }
    if (rc == AL_OK) {
        rc = auth_token_make(a, t->csrf, unused);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the session cannot be made");
    }
    memcpy(t->user_id, user->id, sizeof t->user_id);
    t->created_ns = now_ns;
    t->expires_ns = now_ns + AUTH_SESSION_NS;
    peer_of(peer, address);
    memcpy(t->peer, address, sizeof t->peer);
    rc = store_session_add(db, &all, t, fail);
    if (rc == AL_OK) {
        rc = store_user_logged_in(db, &all, user->id, now_ns, fail);
    }
    if (rc == AL_OK) {
        key_of(user->name, address, key);
        rc = store_login_clear(db, key, fail);
    }
    if (rc == AL_OK) {
        *ret = login;
    }
    return rc;
}

static int
nobody(struct al_fail *fail)
{
    return al_fail_set(fail, AL_EAUTH, 0, "log in first");
}

/* Its own small transaction; if it cannot be had now, the next request does it: this may run on a
 * thread that others' sockets wait for. */
static void
prolong(struct store *db, struct store_session *t, int64_t now_ns)
{
    struct al_fail quiet = {0};

    if (store_writing(db) || t->expires_ns - now_ns > AUTH_SESSION_NS - AUTH_PROLONG_NS ||
        store_begin(db, &quiet) != AL_OK) {
        return;
    }
    if (store_session_prolong(db, t->id, now_ns + AUTH_SESSION_NS, &quiet) != AL_OK) {
        store_rollback(db);
    } else if (store_commit(db, &quiet) == AL_OK) {
        t->expires_ns = now_ns + AUTH_SESSION_NS;
    }
}

int
auth_session(struct store *db, const char *token, int64_t now_ns, struct store_session *ret,
             struct store_user *ret_user, char ret_name[STORE_NAME_BYTES_MAX + 1],
             struct al_fail *fail)
{
    uint8_t hash[STORE_HASH_LEN];
    struct store_session t;
    struct store_user u;
    struct al_fail quiet = {0};
    int rc;

    if (strlen(token) >= AUTH_TOKEN_TEXT) {
        return nobody(fail);
    }
    rc = auth_token_hash(token, hash);
    if (rc == AL_OK) {
        rc = store_session_find(db, hash, &t, &u, ret_name, &quiet);
    }
    if (rc == AL_ENOENT) {
        return nobody(fail);
    }
    if (rc != AL_OK) {
        return al_fail_pass(fail, rc, &quiet);
    }
    if (t.expires_ns <= now_ns || u.disabled) {
        return nobody(fail);
    }
    prolong(db, &t, now_ns);
    *ret = t;
    *ret_user = u;
    return AL_OK;
}

int
auth_host(struct store *db, const char *credential, struct store_host *ret,
          char ret_name[STORE_NAME_BYTES_MAX + 1], struct al_fail *fail)
{
    uint8_t hash[STORE_HASH_LEN];
    struct store_host h;
    struct al_fail quiet = {0};
    size_t len = strlen(credential);
    al_id id = "";
    int rc;

    if (len <= AL_ID_LEN + 1 || len > AL_ID_LEN + AUTH_TOKEN_TEXT || credential[AL_ID_LEN] != '.') {
        return nobody(fail);
    }
    memcpy(id, credential, AL_ID_LEN);
    rc = al_id_valid(id) ? auth_token_hash(credential + AL_ID_LEN + 1, hash) : AL_ENOENT;
    if (rc == AL_OK) {
        rc = store_host_find(db, id, &h, ret_name, &quiet);
    }
    if (rc == AL_ENOENT) {
        return nobody(fail);
    }
    if (rc != AL_OK) {
        return al_fail_pass(fail, rc, &quiet);
    }
    if (h.expected || !port_same_secret(hash, h.secret_hash, sizeof hash)) {
        return nobody(fail);
    }
    *ret = h;
    return AL_OK;
}
