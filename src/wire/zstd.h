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

#endif
