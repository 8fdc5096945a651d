#include "server/auth/auth_priv.h"

#include <string.h>

#define KEY_FILE "seal.key"
#define KEY_LEN crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE_LEN + TAG_LEN == AUTH_SEAL_MORE, "the header tells the overhead");
_Static_assert(AUTH_HASH_TEXT == crypto_pwhash_STRBYTES, "the header tells the room for a hash");

static int
key_make(struct auth *a, struct port_file *dir, struct al_fail *fail)
{
    int rc;

    randombytes_buf(a->seal_key, KEY_LEN);
    rc = port_write_file(a->port, dir, KEY_FILE, a->seal_key, KEY_LEN, 0600);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(a->port),
                           "the key file " KEY_FILE " cannot be written");
    }
    return AL_OK;
}

static int
key_load(struct auth *a, struct port_file *dir, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf key = {.max = KEY_LEN};
    struct port_stat st;
    int rc;

    rc = port_read_file(a->port, dir, KEY_FILE, KEY_LEN, &key);
    if (rc == AL_ENOENT) {
        return key_make(a, dir, fail);
    }
    if (rc == AL_ELIMIT || (rc == AL_OK && key.len != KEY_LEN)) {
        return al_fail_set(fail, AL_ECORRUPT, 0,
                           KEY_FILE
                           " is not a key of %u bytes; put the right one back from the backup",
                           (unsigned)KEY_LEN);
    }
    if (rc == AL_OK) {
        rc = port_stat_at(a->port, dir, KEY_FILE, &st);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(a->port),
                           "the key file " KEY_FILE " cannot be read");
    }
    if ((st.mode & 077) != 0) {
        al_wipe(key.at, key.len);
        return al_fail_set(fail, AL_EACCES, 0,
                           KEY_FILE " may be read by others; set its mode to 0600");
    }
    memcpy(a->seal_key, key.at, KEY_LEN);
    al_wipe(key.at, key.len);
    return AL_OK;
}

int
auth_open(struct port *port, const char *data_dir, struct auth **ret, struct al_fail *fail)
{
    AL_CLEANUP(auth_closep) struct auth *a = al_zalloc(sizeof *a);
    AL_CLEANUP(port_holder_end) struct port_holder dir = {.port = port};
    int rc;

    if (a == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    a->port = port;
    port_mutex_init(&a->lock);
    port_cond_init(&a->freed);
    if (sodium_init() < 0) {
        return al_fail_set(fail, AL_EINTERNAL, 0, "libsodium cannot be used");
    }
    a->seal_key = sodium_malloc(KEY_LEN);
    if (a->seal_key == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = port_open(port, NULL, data_dir, PORT_READ | PORT_FOLDER, 0, &dir.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "the folder %.180s cannot be opened",
                           data_dir);
    }
    rc = key_load(a, dir.file, fail);
    if (rc != AL_OK) {
        return rc;
    }
    *ret = a;
    a = NULL;
    return AL_OK;
}

struct auth *
auth_close(struct auth *a)
{
    if (a != NULL) {
        sodium_free(a->seal_key);
        port_cond_end(&a->freed);
        port_mutex_end(&a->lock);
        al_wipe(a, sizeof *a);
        al_free(a);
    }
    return NULL;
}

void
auth_closep(struct auth **a)
{
    *a = auth_close(*a);
}

int
auth_seal(struct auth *a, const char *bound, struct al_span plain, struct al_buf *out)
{
    uint8_t *at;
    int rc;

    if (plain.len > SIZE_MAX / 2) {
        return AL_ELIMIT;
    }
    rc = al_buf_reserve(out, plain.len + AUTH_SEAL_MORE);
    if (rc != AL_OK) {
        return rc;
    }
    at = out->at + out->len;
    randombytes_buf(at, NONCE_LEN);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        at + NONCE_LEN, NULL, plain.at, plain.len, (const unsigned char *)bound, strlen(bound),
        NULL, at, a->seal_key); /* always 0, as its manual says */
    out->len += plain.len + AUTH_SEAL_MORE;
    out->at[out->len] = '\0';
    return AL_OK;
}

int
auth_unseal(struct auth *a, const char *bound, struct al_span sealed, struct al_buf *out)
{
    size_t len;
    int rc;

    if (sealed.at == NULL || sealed.len < AUTH_SEAL_MORE) {
        return AL_ECORRUPT;
    }
    len = sealed.len - AUTH_SEAL_MORE;
    rc = al_buf_reserve(out, len);
    if (rc != AL_OK) {
        return rc;
    }
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            out->at + out->len, NULL, NULL, sealed.at + NONCE_LEN, sealed.len - NONCE_LEN,
            (const unsigned char *)bound, strlen(bound), sealed.at, a->seal_key) != 0) {
        return AL_ECORRUPT;
    }
    out->len += len;
    out->at[out->len] = '\0';
    return AL_OK;
}

int
auth_keyed_hash(struct auth *a, struct al_span bytes, uint8_t ret[STORE_HASH_LEN])
{
    return crypto_generichash(ret, STORE_HASH_LEN, bytes.at, bytes.len, a->seal_key, KEY_LEN) == 0
               ? AL_OK
               : AL_EINTERNAL;
}
