#include "agent/mover/placeholder.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "port/digest.h"

#define LINE_HEAD "alto-object: "
#define LINE_MAX_BYTES 2304u /* of the machine line with extended attributes in it */
#define HASH_LEN (2u * PORT_SHA256_LEN)

bool
placeholder_named(struct al_span name)
{
    return name.len > PLACEHOLDER_SUFFIX_LEN &&
           memcmp(name.at + name.len - PLACEHOLDER_SUFFIX_LEN, PLACEHOLDER_SUFFIX,
                  PLACEHOLDER_SUFFIX_LEN) == 0;
}

/* ---- print ---- */

/* As people may see it: one line of valid UTF-8, of at most max bytes. */
static int
show(struct al_span bytes, size_t max, struct al_buf *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    size_t end;
    int rc;

    al_buf_init(&clean, 3 * (bytes.len + 1));
    rc = al_utf8_clean(bytes, &clean);
    if (rc != AL_OK) {
        return rc;
    }
    for (size_t k = 0; k < clean.len; k++) {
        if (clean.at[k] < 0x20 || clean.at[k] == 0x7f) {
            clean.at[k] = '?';
        }
    }
    end = clean.len;
    if (end > max) {
        end = max;
        while (end > 0 && (clean.at[end] & 0xc0u) == 0x80u) {
            end--;
        }
    }
    rc = clean.len > 0 ? al_buf_add(to, clean.at, end) : AL_OK;
    return rc == AL_OK && end < clean.len ? al_buf_adds(to, " ...") : rc;
}

static int
print_people(const struct placeholder *p, const struct placeholder_more *more, struct al_buf *to)
{
    const struct manifest_record *f = &p->file;
    char changed[AL_TIME_TEXT_MAX], archived[AL_TIME_TEXT_MAX], sha[HASH_LEN + 1];
    int rc = al_buf_adds(to, "Alto placeholder 1\nThis file was archived. Its content is safe on a "
                             "share; this text stands in its place.\n\nName:      ");

    al_time_text(f->mtime_ns, changed);
    al_time_text(f->tiered_ns, archived);
    al_hex(f->sha256, sizeof(f->sha256), sha);
    rc = rc != AL_OK ? rc : show(f->path, PLACEHOLDER_PATH_SHOWN, to);
    rc = rc != AL_OK ? rc : al_buf_adds(to, "\nPath:      /");
    rc = rc != AL_OK ? rc : show(more->path, PLACEHOLDER_PATH_SHOWN, to);
    rc = rc != AL_OK ? rc
                     : al_buf_addf(to,
                                   "\nSize:      %llu bytes\nChanged:   %s\nSHA-256:   %s\n"
                                   "Archived:  %s, by %s%s\nShare:     %.100s (%s)\n"
                                   "Object:    %s\n\nTo get it back: open the console, or\n"
                                   "    alto file recall %.100s \"/",
                                   (unsigned long long)f->size, changed, sha, archived,
                                   more->rule_id != NULL ? "rule " : "hand",
                                   more->rule_id != NULL ? more->rule_id : "",
                                   more->share_name != NULL ? more->share_name : "-", p->share_id,
                                   f->object_name,
                                   more->volume_name != NULL ? more->volume_name : f->volume_id);
    rc = rc != AL_OK ? rc : show(more->path, PLACEHOLDER_PATH_SHOWN, to);
    return rc != AL_OK
               ? rc
               : al_buf_adds(to, "\"\nThe object can also be copied from the share by hand. "
                                 "Please leave the line below as it is.\n\n");
}

/* What stands between the line's head and its checksum. */
static int
print_signed(const struct placeholder *p, struct al_span people, bool attrs, struct al_buf *line)
{
    struct manifest_record file = p->file;
    int rc;

    if (!attrs) {
        file.xattrs = NULL;
        file.xattr_count = 0;
    }
    al_buf_clear(line);
    rc = al_buf_addf(line, "1 %s %016llx %s ", p->share_id,
                     (unsigned long long)al_xxh64(people.at, people.len, 0),
                     attrs ? "here" : "manifest");
    rc = rc != AL_OK ? rc : manifest_print(&file, line);
    if (rc == AL_OK) {
        line->len--; /* its line's end */
    }
    return rc;
}

int
placeholder_print(const struct placeholder *p, const struct placeholder_more *more,
                  const uint8_t key[PLACEHOLDER_KEY_LEN], struct al_buf *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    uint8_t sum[PORT_SHA256_LEN];
    char hex[HASH_LEN + 1];
    size_t at = to->len;
    struct al_span people;
    int rc = print_people(p, more, to);

    if (rc != AL_OK) {
        return rc;
    }
    al_buf_init(&line, 2u * MANIFEST_LINE_MAX);
    people = (struct al_span){to->at + at, to->len - at};
    rc = print_signed(p, people, true, &line);
    if (rc == AL_ELIMIT || (rc == AL_OK && line.len + HASH_LEN > LINE_MAX_BYTES)) {
        al_buf_free(&line);
        al_buf_init(&line, 2u * MANIFEST_LINE_MAX);
        rc = print_signed(p, people, p->file.xattr_count == 0, &line);
    }
    rc = rc != AL_OK ? rc : port_hmac_sha256(key, PLACEHOLDER_KEY_LEN, line.at, line.len, sum);
    if (rc != AL_OK) {
        return rc;
    }
    al_hex(sum, sizeof(sum), hex);
    rc = al_buf_adds(to, LINE_HEAD);
    rc = rc != AL_OK ? rc : al_buf_add(to, line.at, line.len);
    rc = rc != AL_OK ? rc : al_buf_addf(to, " %s\n", hex);
    return rc == AL_OK && to->len - at > PLACEHOLDER_BYTES_MAX ? AL_ELIMIT : rc;
}

/* ---- parse ---- */

static bool
starts(struct al_span s, const char *with)
{
    size_t len = strlen(with);

    return s.len >= len && memcmp(s.at, with, len) == 0;
}

/* The one line with our head: *ret without it and its end; *ret_before and *ret_behind around. */
static bool
find_line(struct al_span text, struct al_span *ret, struct al_span *ret_before,
          struct al_span *ret_behind)
{
    unsigned found = 0;

    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.at + at, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - text.at) - at : text.len - at;
        struct al_span line = {text.at + at, len};

        if (starts(line, LINE_HEAD)) {
            *ret_before = (struct al_span){text.at, at};
            *ret_behind = (struct al_span){text.at + at + len, text.len - at - len};
            line.at += sizeof(LINE_HEAD) - 1;
            line.len -= sizeof(LINE_HEAD) - 1;
            line.len -= line.len > 0 && line.at[line.len - 1] == '\r';
            *ret = line;
            found++;
        }
        at += len + 1;
    }
    return found == 1;
}

/* Takes what stands before the next blank. */
static bool
take_word(struct al_span *io, struct al_span *ret)
{
    const uint8_t *blank = io->len > 0 ? memchr(io->at, ' ', io->len) : NULL;

    if (blank == NULL) {
        return false;
    }
    *ret = (struct al_span){io->at, (size_t)(blank - io->at)};
    io->len -= ret->len + 1;
    io->at = blank + 1;
    return true;
}

static bool
is_authentic(struct al_span *io_line, const uint8_t key[PLACEHOLDER_KEY_LEN])
{
    uint8_t want[PORT_SHA256_LEN], have[PORT_SHA256_LEN];
    struct al_span sum;

    if (io_line->len < HASH_LEN + 1 || io_line->at[io_line->len - HASH_LEN - 1] != ' ') {
        return false;
    }
    sum = (struct al_span){io_line->at + io_line->len - HASH_LEN, HASH_LEN};
    io_line->len -= HASH_LEN + 1;
    return al_unhex((const char *)sum.at, sum.len, have) == AL_OK &&
           port_hmac_sha256(key, PLACEHOLDER_KEY_LEN, io_line->at, io_line->len, want) == AL_OK &&
           port_same_secret(want, have, sizeof(want));
}

static bool
is_edited(struct al_span before, struct al_span behind, struct al_span told)
{
    char hash[17];

    (void)snprintf(hash, sizeof(hash), "%016llx",
                   (unsigned long long)al_xxh64(before.at, before.len, 0));
    for (size_t k = 0; k < behind.len; k++) {
        if (behind.at[k] != '\n' && behind.at[k] != '\r' && behind.at[k] != ' ') {
            return true;
        }
    }
    return !al_span_equal(told, al_span_of(hash));
}

int
placeholder_parse(struct al_span text, const uint8_t key[PLACEHOLDER_KEY_LEN],
                  struct al_arena *arena, struct placeholder *ret)
{
    struct placeholder p = {0};
    struct al_span line, before = {0}, behind = {0}, version, share, hash, attrs;
    char *id;
    int rc;

    if (text.len > PLACEHOLDER_READ_MAX || !find_line(text, &line, &before, &behind) ||
        !is_authentic(&line, key) || !take_word(&line, &version) || !take_word(&line, &share) ||
        !take_word(&line, &hash) || !take_word(&line, &attrs) ||
        !al_span_equal(version, al_span_of("1")) || share.len != AL_ID_LEN) {
        return AL_ENODATA;
    }
    id = al_arena_alloc(arena, AL_ID_LEN + 1);
    if (id == NULL) {
        return AL_ENOMEM;
    }
    memcpy(id, share.at, AL_ID_LEN);
    rc = manifest_parse(line, arena, &p.file, NULL);
    if (rc == AL_ECORRUPT || !al_id_valid(id) ||
        (rc == AL_OK && memchr(p.file.path.at, '/', p.file.path.len) != NULL)) {
        return AL_ENODATA;
    }
    p.share_id = id;
    p.attrs_elsewhere = al_span_equal(attrs, al_span_of("manifest"));
    p.edited = is_edited(before, behind, hash);
    if (rc == AL_OK) {
        *ret = p;
    }
    return rc;
}
