/* auth_priv.h: the body of struct auth, for the files of src/server/auth. */
#ifndef ALTO_SERVER_AUTH_AUTH_PRIV_H
#define ALTO_SERVER_AUTH_AUTH_PRIV_H

#include <sodium.h>

#include "base/mem.h"
#include "port/thread.h"
#include "server/auth/auth.h"

struct auth {
    struct port *port;
    port_mutex lock; /* of hashing */
    port_cond freed;
    unsigned hashing;
    uint8_t *seal_key; /* in libsodium's guarded memory */
    /* a hash that no password has, checked for names that are not there */
    char nobody[AUTH_HASH_TEXT];
};

#endif
