/* zstd.h (wire): whole bodies in and out of zstd, with a ceiling on what comes out. Any thread. */
#ifndef ALTO_WIRE_ZSTD_H
#define ALTO_WIRE_ZSTD_H

#include "base/bytes.h"

#define WIRE_ZSTD_LEVEL 3
#define WIRE_ZSTD_WINDOW_LOG_MAX 24 /* 16 MiB: what one frame may make the reader keep */

/* Appends one frame. AL_ELIMIT when `to` is full, AL_ENOMEM. */
int wire_zstd_compress(struct al_span from, struct al_buf *to) AL_MUST_CHECK;
/* Appends what the frames hold, at most `max` bytes of it (AL_ELIMIT beyond; `to` needs a maximum
 * of one byte more). AL_ECORRUPT for anything that is no whole frame, AL_ENOMEM. */
int wire_zstd_decompress(struct al_span from, size_t max, struct al_buf *to) AL_MUST_CHECK;

/* A file's frames, piece by piece. Frames whose window is above 1 << window_log_max bytes are AL_ELIMIT.
 * One thread at a time. */
#define WIRE_ZSTD_FILE_WINDOW_LOG_MAX 27 /* 128 MiB: what `zstd --long` makes */
struct wire_unzstd;
struct wire_unzstd *wire_unzstd_new(int window_log_max) AL_MUST_CHECK; /* NULL on memory */
/* Takes from the front of *io_from and puts at most cap bytes to `to`; *ret_frame_ended: exactly at the end of
 * a frame, where a file may end. AL_ECORRUPT. */
int wire_unzstd_step(struct wire_unzstd *u, struct al_span *io_from, uint8_t *to, size_t cap,
                     size_t *ret_len, bool *ret_frame_ended) AL_MUST_CHECK;
struct wire_unzstd *wire_unzstd_free(struct wire_unzstd *u); /* NULL is fine; returns NULL */

#endif
