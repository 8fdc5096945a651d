#include "wire/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

#define CHUNK ((size_t)128 << 10)

int
wire_zstd_compress(struct al_span from, struct al_buf *to)
{
    size_t bound = ZSTD_compressBound(from.len), n;
    int rc = al_buf_reserve(to, bound);

    if (rc != AL_OK) {
        return rc;
    }
    n = ZSTD_compress(to->at + to->len, bound, from.at, from.len, WIRE_ZSTD_LEVEL);
    if (ZSTD_isError(n)) {
        return AL_ENOMEM;
    }
    to->len += n;
    to->at[to->len] = '\0';
    return AL_OK;
}

static void
stream_freep(ZSTD_DCtx **s)
{
    ZSTD_freeDCtx(*s);
}

int
wire_zstd_decompress(struct al_span from, size_t max, struct al_buf *to)
{
    AL_CLEANUP(stream_freep) ZSTD_DCtx *s = ZSTD_createDCtx();
    ZSTD_inBuffer in = {from.at, from.len, 0};
    size_t given = 0, left = 1;

    if (s == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(s, ZSTD_d_windowLogMax, WIRE_ZSTD_WINDOW_LOG_MAX))) {
        return AL_ENOMEM;
    }
    /* left is 0 exactly at the end of a frame, so a cut one is told from a whole one. */
    while (in.pos < in.size || left != 0) {
        /* One byte more than allowed, to tell "just full" from "too much". */
        size_t room = max - given + 1 < CHUNK ? max - given + 1 : CHUNK, before = in.pos;
        ZSTD_outBuffer out;
        int rc = al_buf_reserve(to, room);

        if (rc != AL_OK) {
            return rc;
        }
        out = (ZSTD_outBuffer){to->at + to->len, room, 0};
        left = ZSTD_decompressStream(s, &out, &in);
        if (ZSTD_isError(left) || (out.pos == 0 && in.pos == before)) {
            return AL_ECORRUPT;
        }
        given += out.pos;
        if (given > max) {
            return AL_ELIMIT;
        }
        to->len += out.pos;
        to->at[to->len] = '\0';
    }
    return AL_OK;
}

struct wire_unzstd {
    ZSTD_DCtx *d;
};

struct wire_unzstd *
wire_unzstd_new(int window_log_max)
{
    struct wire_unzstd *u = al_zalloc(sizeof(*u));

    if (u == NULL) {
        return NULL;
    }
    u->d = ZSTD_createDCtx();
    if (u->d == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(u->d, ZSTD_d_windowLogMax, window_log_max))) {
        return wire_unzstd_free(u);
    }
    return u;
}

int
wire_unzstd_step(struct wire_unzstd *u, struct al_span *io_from, uint8_t *to, size_t cap,
                 size_t *ret_len, bool *ret_frame_ended)
{
    ZSTD_inBuffer in = {io_from->at, io_from->len, 0};
    ZSTD_outBuffer out = {to, cap, 0};
    size_t left = ZSTD_decompressStream(u->d, &out, &in);

    if (ZSTD_isError(left)) {
        return ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge ? AL_ELIMIT
                                                                                   : AL_ECORRUPT;
    }
    io_from->at += in.pos;
    io_from->len -= in.pos;
    *ret_len = out.pos;
    *ret_frame_ended = left == 0;
    return AL_OK;
}

struct wire_unzstd *
wire_unzstd_free(struct wire_unzstd *u)
{
    if (u != NULL) {
        ZSTD_freeDCtx(u->d);
        al_free(u);
    }
    return NULL;
}
