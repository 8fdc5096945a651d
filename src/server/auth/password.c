#include "server/auth/auth_priv.h"

#include "port/digest.h"

#include <string.h>

/* Letters and digits that are hard to mistake for each other: no 0 O 1 l I, 32 of them, so that a
 * byte's five bits choose one evenly. */
static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";

_Static_assert(sizeof letters == 33, "five bits a letter");

int
auth_password_good(const char *password, struct al_fail *fail)
{
    size_t len = strlen(password), kinds = 0;
    bool seen[256] = {false};

    if (len < AUTH_PASSWORD_MIN) {
        return al_fail_set(fail, AL_EINVAL, 0, "a password has at least %u characters",
                           AUTH_PASSWORD_MIN);
    }
    if (len > AUTH_PASSWORD_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a password has at most %u bytes",
                           AUTH_PASSWORD_MAX);
    }
    for (size_t i = 0; i < len; i++) {
        kinds += !seen[(uint8_t)password[i]];
        seen[(uint8_t)password[i]] = true;
    }
    if (kinds < 5) {
        return al_fail_set(fail, AL_EINVAL, 0, "a password has at least five different characters");
    }
    return AL_OK;
}

static void
hashing_enter(struct auth *a)
{
    port_mutex_lock(&a->lock);
    while (a->hashing == AUTH_HASHING_MAX) {
        port_cond_wait(&a->freed, &a->lock);
    }
    a->hashing++;
    port_mutex_unlock(&a->lock);
}

static void
hashing_leave(struct auth *a)
{
    port_mutex_lock(&a->lock);
    a->hashing--;
    port_cond_signal(&a->freed);
    port_mutex_unlock(&a->lock);
}

int
auth_password_hash(struct auth *a, const char *password, char ret[AUTH_HASH_TEXT])
{
    char out[AUTH_HASH_TEXT];
    int rc;

    hashing_enter(a);
    rc = crypto_pwhash_str(out, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                           crypto_pwhash_MEMLIMIT_INTERACTIVE);
    hashing_leave(a);
    if (rc != 0) { /* its manual: only for want of memory */
        return AL_ENOMEM;
    }
    memcpy(ret, out, sizeof out);
    return AL_OK;
}

/* The hash of a random password that nobody was told, made once. */
static int
nobody_hash(struct auth *a, char ret[AUTH_HASH_TEXT])
{
    AL_CLEANUP(al_freep) char *password = NULL;
    char hash[AUTH_HASH_TEXT];
    int rc;

    port_mutex_lock(&a->lock);
    memcpy(ret, a->nobody, sizeof a->nobody);
    port_mutex_unlock(&a->lock);
    if (ret[0] != '\0') {
        return AL_OK;
    }
    rc = auth_password_make(a, &password);
    if (rc == AL_OK) {
        rc = auth_password_hash(a, password, hash);
    }
    if (rc != AL_OK) {
        return rc;
    }
    port_mutex_lock(&a->lock);
    memcpy(a->nobody, hash, sizeof hash);
    port_mutex_unlock(&a->lock);
    memcpy(ret, hash, sizeof hash);
    return AL_OK;
}

int
auth_password_check(struct auth *a, const char *hash, const char *password)
{
    char nobody[AUTH_HASH_TEXT];
    bool good;
    int rc;

    if (strlen(password) > AUTH_PASSWORD_MAX) {
        return AL_EAUTH;
    }
    if (hash == NULL) {
        rc = nobody_hash(a, nobody);
        if (rc != AL_OK) {
            return rc;
        }
    }
    hashing_enter(a);
    good = crypto_pwhash_str_verify(hash != NULL ? hash : nobody, password, strlen(password)) == 0;
    hashing_leave(a);
    return good && hash != NULL ? AL_OK : AL_EAUTH;
}

int
auth_password_make(struct auth *a, char **ret)
{
    uint8_t random[AUTH_FIRST_PASSWORD];
    char *text;
    int rc = port_random(a->port, random, sizeof random);

    if (rc != AL_OK) {
        return rc;
    }
    text = al_alloc(AUTH_FIRST_PASSWORD + 1);
    if (text == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        text[i] = letters[random[i] & 31];
    }
    text[sizeof random] = '\0';
    al_wipe(random, sizeof random);
    *ret = text;
    return AL_OK;
}

int
auth_token_hash(const char *token, uint8_t ret[STORE_HASH_LEN])
{
    return port_sha256_of(token, strlen(token), ret);
}

int
auth_token_make(struct auth *a, char ret[AUTH_TOKEN_TEXT], uint8_t ret_hash[STORE_HASH_LEN])
{
    char text[AUTH_TOKEN_TEXT];
    uint8_t random[32];
    int rc = port_random(a->port, random, sizeof random);

    if (rc != AL_OK) {
        return rc;
    }
    al_base64(random, sizeof random, text);
    for (size_t i = 0; text[i] != '\0';
         i++) { /* base64url, without '=': fits headers, cookies and queries */
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i] == '=' ? '\0' : text[i];
    }
    al_wipe(random, sizeof random);
    rc = auth_token_hash(text, ret_hash);
    if (rc == AL_OK) {
        memcpy(ret, text, sizeof text);
    }
    al_wipe(text, sizeof text);
    return rc;
}
