/* unpack.h: a list as bytes in UTF-8 (or any bytes), whatever it was packed and encoded as.
 *
 *   file ─▶ gzip, zstd ─▶ UTF-16, CP1252 → UTF-8 ─▶ import_stream_read
 *
 * A byte order mark is taken off. Halves of surrogate pairs become three bytes each, as names on Windows
 * do everywhere in Alto. One thread at a time. */
#ifndef ALTO_SERVER_IMPORT_UNPACK_H
#define ALTO_SERVER_IMPORT_UNPACK_H

#include "port/port.h"
#include "server/import/kinds.h"

/* What a compressed list may become on disk, besides its folder's free space: a bomb ends here. */
#define IMPORT_UNPACKED_BYTES_MAX (UINT64_C(256) << 30)

struct import_stream;

/* file: open for reading, closed by the caller afterwards. GUESS is looked for. AL_ECORRUPT with fail. */
int import_stream_open(struct port *port, struct port_file *file,
                       enum import_compression compression, enum import_encoding encoding,
                       struct import_stream **ret, struct al_fail *fail) AL_MUST_CHECK;
/* At least 64 KiB of room; *ret_len 0: the end. AL_ECORRUPT (damaged, cut), AL_ELIMIT, with fail. */
int import_stream_read(struct import_stream *s, uint8_t *to, size_t cap, size_t *ret_len,
                       struct al_fail *fail) AL_MUST_CHECK;
/* What was found; the bytes of the file used up so far. */
enum import_compression import_stream_compression(const struct import_stream *s);
enum import_encoding import_stream_encoding(const struct import_stream *s);
uint64_t import_stream_at(const struct import_stream *s);
/* Bytes of a byte order mark at the front, of a file that is neither packed nor recoded. */
unsigned import_stream_bom(const struct import_stream *s);
struct import_stream *import_stream_close(struct import_stream *s); /* NULL is fine; returns NULL */
void import_stream_closep(struct import_stream **s);

/* CP1252 → UTF-8, appended; for a sample. */
int import_recode_cp1252(struct al_span from, struct al_buf *to) AL_MUST_CHECK;

#endif
