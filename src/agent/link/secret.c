#include "agent/link/secret.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "port/seal.h"

#define HEAD "ALTO-SEALED 1 "
#define HEAD_MAX 32u /* bytes of the first line */

static void
purpose_of(const char *name, size_t piece, size_t count, char to[128])
{
    (void)snprintf(to, 128, "alto-agent %.60s %zu/%zu", name, piece, count);
}

static void
wiped_free(struct al_buf *b)
{
    if (b->at != NULL) {
        al_wipe(b->at, b->cap);
    }
    al_buf_free(b);
}

/* ---- reading ---- */

static bool
is_sealed(struct al_span file)
{
    return file.len >= sizeof(HEAD) - 1 && memcmp(file.at, HEAD, sizeof(HEAD) - 1) == 0;
}

/* Takes the first line off; how many pieces follow. */
static int
take_head(struct al_span *io, size_t *ret_count)
{
    const uint8_t *end = memchr(io->at, '\n', io->len < HEAD_MAX ? io->len : HEAD_MAX);
    char number[HEAD_MAX] = "";
    uint64_t count = 0;
    size_t len;

    if (end == NULL) {
        return AL_ECORRUPT;
    }
    len = (size_t)(end - io->at) - (sizeof(HEAD) - 1);
    memcpy(number, io->at + sizeof(HEAD) - 1, len);
    if (al_parse_u64(number, &count) != AL_OK || count == 0 || count > SECRET_PIECES_MAX) {
        return AL_ECORRUPT;
    }
    io->len -= (size_t)(end - io->at) + 1;
    io->at = end + 1;
    *ret_count = (size_t)count;
    return AL_OK;
}

static int
open_pieces(const char *name, struct al_span file, struct al_buf *to)
{
    size_t count = 0;
    int rc = take_head(&file, &count);

    for (size_t i = 0; i < count && rc == AL_OK; i++) {
        struct al_span len, piece;
        char purpose[128];

        purpose_of(name, i, count, purpose);
        rc = al_span_take(&file, 4, &len);
        rc = rc != AL_OK ? rc : al_span_take(&file, al_get_u32(len.at), &piece);
        rc = rc != AL_OK ? rc : port_unseal(purpose, piece, to, NULL);
    }
    return rc == AL_OK && file.len > 0 ? AL_ECORRUPT : rc;
}

int
secret_read(struct port *port, struct port_file *state, const char *name, size_t max,
            struct al_buf *to, bool *ret_clear)
{
    AL_CLEANUP(wiped_free) struct al_buf file = {0};
    size_t before = to->len;
    bool sealed;
    int rc;

    al_buf_init(&file, max + HEAD_MAX + SECRET_PIECES_MAX * (size_t)SECRET_SEALED_MORE);
    rc = port_read_file(port, state, name, file.max, &file);
    if (rc != AL_OK) {
        return rc;
    }
    sealed = is_sealed(al_buf_span(&file));
    rc = sealed ? open_pieces(name, al_buf_span(&file), to) : al_buf_add(to, file.at, file.len);
    if (rc == AL_OK && to->len - before > max) {
        rc = AL_ELIMIT;
    }
    if (rc != AL_OK && to->at != NULL) {
        al_wipe(to->at + before, to->len - before);
        to->len = before;
    }
    if (rc == AL_OK && ret_clear != NULL) {
        *ret_clear = !sealed && port_seals();
    }
    return rc;
}

/* ---- writing ---- */

static int
seal_pieces(const char *name, struct al_span secret, struct al_buf *to)
{
    size_t count = secret.len / SECRET_PIECE_BYTES + 1;
    int rc = count > SECRET_PIECES_MAX ? AL_ELIMIT : al_buf_addf(to, HEAD "%zu\n", count);

    for (size_t i = 0; i < count && rc == AL_OK; i++) {
        size_t at = i * SECRET_PIECE_BYTES, left = secret.len - at, head;
        struct al_span piece = {secret.at + at,
                                left < SECRET_PIECE_BYTES ? left : SECRET_PIECE_BYTES};
        char purpose[128];

        purpose_of(name, i, count, purpose);
        head = to->len;
        rc = al_buf_add(to, "\0\0\0\0", 4);
        rc = rc != AL_OK ? rc : port_seal(purpose, piece, to, NULL);
        if (rc == AL_OK) {
            al_put_u32(to->at + head, (uint32_t)(to->len - head - 4));
        }
    }
    return rc;
}

int
secret_write(struct port *port, struct port_file *state, const char *name, struct al_span secret)
{
    AL_CLEANUP(al_buf_free) struct al_buf sealed = {0};
    int rc;

    if (!port_seals()) {
        return port_write_file(port, state, name, secret.at, secret.len, 0600);
    }
    al_buf_init(&sealed, secret.len + HEAD_MAX +
                             (secret.len / SECRET_PIECE_BYTES + 1) * (size_t)SECRET_SEALED_MORE);
    rc = seal_pieces(name, secret, &sealed);
    return rc != AL_OK ? rc : port_write_file(port, state, name, sealed.at, sealed.len, 0600);
}

int
secret_seal(struct port *port, struct port_file *state, const char *name, size_t max)
{
    AL_CLEANUP(wiped_free) struct al_buf text = {0};
    bool clear = false;
    int rc;

    if (!port_seals()) {
        return AL_OK;
    }
    al_buf_init(&text, max);
    rc = secret_read(port, state, name, max, &text, &clear);
    if (rc == AL_ENOENT || (rc == AL_OK && !clear)) {
        return AL_OK;
    }
    return rc != AL_OK ? rc : secret_write(port, state, name, al_buf_span(&text));
}
