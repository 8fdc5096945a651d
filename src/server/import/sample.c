#include "server/import/look.h"

#include <string.h>

void
import_sample_free(struct import_sample *s)
{
    al_buf_free(&s->bytes);
}

static int
add_window(struct import_sample *s, const uint8_t *at, size_t len)
{
    int rc;

    if (s->windows == IMPORT_LOOK_WINDOWS || len == 0) {
        return AL_OK;
    }
    rc = al_buf_add(&s->bytes, at, len);
    if (rc == AL_OK) {
        s->window_at[s->windows] = s->bytes.len - len;
        s->window_len[s->windows++] = len;
    }
    return rc;
}

/* A file that is read as it lies there: pieces from all over it. */
static int
spread_windows(struct port *port, struct port_file *file, struct import_sample *s,
               struct al_fail *fail)
{
    uint64_t rest = s->file_bytes > s->head_len ? s->file_bytes - s->head_len : 0;
    uint8_t piece[IMPORT_LOOK_WINDOW_BYTES];
    int rc = AL_OK;

    for (uint64_t i = 0; rc == AL_OK && rest > 0 && i < IMPORT_LOOK_WINDOWS; i++) {
        uint64_t at = s->head_len + rest / IMPORT_LOOK_WINDOWS * i;
        size_t len = 0;

        rc = port_pread(port, file, piece, sizeof(piece), at, &len);
        if (rc < 0) {
            return al_fail_set(fail, rc, port_os_error(port), "the file cannot be read");
        }
        rc = add_window(s, piece, len);
    }
    s->plain_about = s->file_bytes;
    return rc;
}

/* A packed or recoded one: pieces of what comes, for a while. */
static int
stream_windows(struct import_stream *stream, struct import_sample *s, struct al_fail *fail)
{
    uint8_t piece[IMPORT_LOOK_WINDOW_BYTES * 2];
    uint64_t given = s->head_len, kept_at = 0, used;
    int rc = AL_OK;
    bool whole = false;

    while (rc == AL_OK && given < IMPORT_LOOK_STREAM_BYTES) {
        size_t len = 0;

        rc = import_stream_read(stream, piece, sizeof(piece), &len, fail);
        if (rc < 0 || len == 0) {
            whole = rc == AL_OK;
            break;
        }
        given += len;
        if (given - kept_at >= IMPORT_LOOK_STREAM_BYTES / IMPORT_LOOK_WINDOWS) {
            rc = add_window(s, piece,
                            len < IMPORT_LOOK_WINDOW_BYTES ? len : IMPORT_LOOK_WINDOW_BYTES);
            kept_at = given;
        }
    }
    used = import_stream_at(stream);
    s->plain_about = whole || used == 0
                         ? given
                         : (uint64_t)((double)given / (double)used * (double)s->file_bytes);
    return rc;
}

int
import_sample_read(struct port *port, struct port_file *file, const struct import_options *options,
                   struct import_sample *ret, struct al_fail *fail)
{
    AL_CLEANUP(import_stream_closep) struct import_stream *stream = NULL;
    struct import_sample *s = ret;
    struct port_stat st;
    uint8_t magic[4] = {0};
    size_t len = 0;
    int rc = port_stat(port, file, &st);

    al_buf_init(&s->bytes,
                2 * IMPORT_LOOK_HEAD_BYTES + 2 * IMPORT_LOOK_WINDOWS * IMPORT_LOOK_WINDOW_BYTES);
    if (rc == AL_OK) {
        rc = port_pread(port, file, magic, sizeof(magic), 0, &len);
    }
    if (rc < 0) {
        return al_fail_set(fail, rc, port_os_error(port), "the file cannot be read");
    }
    s->file_bytes = st.size;
    s->is_parquet =
        options->format == IMPORT_PARQUET ||
        (options->format == IMPORT_FORMAT_GUESS && len == 4 && memcmp(magic, "PAR1", 4) == 0);
    if (s->is_parquet) {
        s->compression = IMPORT_PLAIN;
        return AL_OK;
    }
    rc = import_stream_open(port, file, options->compression, options->encoding, &stream, fail);
    while (rc == AL_OK && s->head_len < IMPORT_LOOK_HEAD_BYTES) {
        rc = al_buf_reserve(&s->bytes, IMPORT_LOOK_HEAD_BYTES - s->head_len);
        if (rc == AL_OK) {
            rc = import_stream_read(stream, s->bytes.at + s->head_len,
                                    IMPORT_LOOK_HEAD_BYTES - s->head_len, &len, fail);
        }
        if (rc < 0 || len == 0) {
            s->head_whole = rc == AL_OK;
            break;
        }
        s->head_len += len;
        s->bytes.len = s->head_len;
    }
    if (rc < 0) {
        return al_fail_set(fail, rc, 0, "the file cannot be read");
    }
    s->compression = import_stream_compression(stream);
    s->encoding = import_stream_encoding(stream);
    s->bom = import_stream_bom(stream);
    if (s->head_whole) {
        s->plain_about = s->head_len;
        return AL_OK;
    }
    return s->compression == IMPORT_PLAIN && s->encoding == IMPORT_UTF8
               ? spread_windows(port, file, s, fail)
               : stream_windows(stream, s, fail);
}
