#include "wire/entries.h"

#include <string.h>
#include <zstd.h>

#include "base/mem.h"

#define MAGIC "ALE1"
#define MAGIC_LEN 4u
#define KIND_FOLDER 0x01
#define KIND_ENTRY 0x02
#define KIND_OWNER 0x03
/* The most bytes a record's numbers take: ten varints of ten bytes, five of five, kind and type. */
#define RECORD_NUMBERS_MAX 160u
/* Level 1: three times the speed of the default level for some 5 % more bytes; a walk must not wait
 * for it. */
#define ZSTD_LEVEL 1

static uint64_t
zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t
unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static uint8_t *
put_varint(uint8_t *to, uint64_t v)
{
    while (v >= 0x80) {
        *to++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *to++ = (uint8_t)v;
    return to;
}

static uint8_t *
put_name(uint8_t *to, struct al_span name)
{
    to = put_varint(to, name.len);
    if (name.len > 0) {
        memcpy(to, name.at, name.len);
    }
    return to + name.len;
}

static uint8_t *
put_entry(uint8_t *to, const struct entry_record *r)
{
    *to++ = KIND_ENTRY;
    to = put_varint(to, r->folder);
    *to++ = r->type;
    to = put_varint(to, r->flags);
    to = put_name(to, r->name);
    to = put_varint(to, r->mode);
    to = put_varint(to, r->uid);
    to = put_varint(to, r->gid);
    to = put_varint(to, r->nlink);
    to = put_varint(to, r->ino);
    to = put_varint(to, r->size);
    to = put_varint(to, r->allocated);
    to = put_varint(to, zigzag(r->mtime_ns));
    to = put_varint(to, zigzag(r->ctime_ns));
    to = put_varint(to, zigzag(r->atime_ns));
    return put_varint(to, zigzag(r->btime_ns));
}

int
entries_add(struct al_buf *body, const struct entry_record *r)
{
    size_t most = RECORD_NUMBERS_MAX + r->name.len;
    uint8_t *to;
    int rc;

    if (r->name.len > ENTRIES_NAME_MAX) {
        return AL_EINVAL;
    }
    /* Room for magic and count too, which entries_pack puts in front. */
    if (body->len + most > ENTRIES_PLAIN_MAX - MAGIC_LEN - 10) {
        return AL_ELIMIT;
    }
    rc = al_buf_reserve(body, most);
    if (rc < 0) {
        return rc;
    }
    to = body->at + body->len;
    if (r->is_folder_record) {
        *to++ = KIND_FOLDER;
        to = put_varint(to, r->folder);
        to = put_varint(to, r->parent);
        to = put_varint(to, r->flags);
        to = put_name(to, r->name);
    } else if (r->is_owner_record) {
        *to++ = KIND_OWNER;
        to = put_varint(to, r->uid);
        to = put_name(to, r->name);
    } else {
        to = put_entry(to, r);
    }
    body->len = (size_t)(to - body->at);
    *to = 0;
    return AL_OK;
}

static void
free_cctx(ZSTD_CCtx **c)
{
    (void)ZSTD_freeCCtx(*c); /* never fails */
}

/* Compresses head and body as one frame without putting them together first. */
static int
pack_stream(ZSTD_CCtx *c, struct al_span head, struct al_span body, struct al_buf *out)
{
    ZSTD_outBuffer to = {out->at + out->len, ZSTD_compressBound(head.len + body.len), 0};
    ZSTD_inBuffer a = {head.at, head.len, 0}, b = {body.at, body.len, 0};
    size_t left;

    if (ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1)) ||
        ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(c, head.len + body.len))) {
        return AL_EINTERNAL;
    }
    left = ZSTD_compressStream2(c, &to, &a, ZSTD_e_continue);
    if (ZSTD_isError(left) || a.pos != a.size) {
        return AL_ENOMEM;
    }
    left = ZSTD_compressStream2(c, &to, &b, ZSTD_e_end);
    if (ZSTD_isError(left) || left != 0 || b.pos != b.size) {
        return AL_ENOMEM;
    }
    out->len += to.pos;
    out->at[out->len] = 0;
    return AL_OK;
}

int
entries_pack(const struct al_buf *body, uint64_t count, struct al_buf *out)
{
    AL_CLEANUP(free_cctx) ZSTD_CCtx *c = NULL;
    uint8_t head[MAGIC_LEN + 10];
    struct al_span head_span = {head, 0};
    int rc;

    if (count > ENTRIES_BATCH_RECORDS) {
        return AL_ELIMIT;
    }
    memcpy(head, MAGIC, MAGIC_LEN);
    head_span.len = (size_t)(put_varint(head + MAGIC_LEN, count) - head);
    rc = al_buf_reserve(out, ZSTD_compressBound(head_span.len + body->len));
    if (rc < 0) {
        return rc;
    }
    c = ZSTD_createCCtx();
    if (c == NULL) {
        return AL_ENOMEM;
    }
    return pack_stream(c, head_span, al_buf_span(body), out);
}

static void
free_dctx(ZSTD_DCtx **d)
{
    (void)ZSTD_freeDCtx(*d); /* never fails */
}

/* The frame must tell its size: a frame of ours does, and so nothing has to grow by guess. */
static int
unpack_frame(struct al_span packed, struct al_buf *plain)
{
    AL_CLEANUP(free_dctx) ZSTD_DCtx *d = NULL;
    unsigned long long size = ZSTD_getFrameContentSize(packed.at, packed.len);
    size_t got;
    int rc;

    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
        return AL_ECORRUPT;
    }
    if (size > ENTRIES_PLAIN_MAX) {
        return AL_ELIMIT;
    }
    got = ZSTD_findFrameCompressedSize(packed.at, packed.len);
    if (ZSTD_isError(got) || got != packed.len) {
        return AL_ECORRUPT;
    }
    rc = al_buf_reserve(plain, (size_t)size);
    if (rc < 0) {
        return rc;
    }
    d = ZSTD_createDCtx();
    if (d == NULL) {
        return AL_ENOMEM;
    }
    got = ZSTD_decompressDCtx(d, plain->at, (size_t)size, packed.at, packed.len);
    if (ZSTD_isError(got) || got != size) {
        return AL_ECORRUPT;
    }
    plain->len = got;
    plain->at[got] = 0;
    return AL_OK;
}

int
entries_unpack(struct al_span packed, struct al_buf *plain, struct entries_reader *ret)
{
    struct entries_reader reader = {0};
    struct al_span magic;
    int rc;

    if (packed.len == 0) {
        return AL_ECORRUPT;
    }
    al_buf_clear(plain);
    rc = unpack_frame(packed, plain);
    if (rc < 0) {
        return rc;
    }
    reader.left = al_buf_span(plain);
    rc = al_span_take(&reader.left, MAGIC_LEN, &magic);
    if (rc < 0) {
        return rc;
    }
    if (memcmp(magic.at, MAGIC, MAGIC_LEN) != 0) {
        return AL_ECORRUPT;
    }
    rc = al_span_varint(&reader.left, &reader.count);
    if (rc < 0) {
        return rc;
    }
    if (reader.count > ENTRIES_BATCH_RECORDS) {
        return AL_ELIMIT;
    }
    *ret = reader;
    return AL_OK;
}

/* A cursor that remembers that something was wrong, so that a record is read straight through and
 * judged once. */
struct cut {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t
cut_varint(struct cut *c)
{
    uint64_t v = 0;
    unsigned shift = 0;

    while (c->at < c->end) {
        uint8_t b = *c->at++;

        if (shift == 63 && b > 1) {
            break; /* more than 64 bits */
        }
        v |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0) {
            return v;
        }
        shift += 7;
        if (shift > 63) {
            break;
        }
    }
    c->bad = true;
    return 0;
}

static uint32_t
cut_u32(struct cut *c)
{
    uint64_t v = cut_varint(c);

    if (v > UINT32_MAX) {
        c->bad = true;
    }
    return (uint32_t)v;
}

static struct al_span
cut_name(struct cut *c)
{
    struct al_span name = {NULL, 0};
    uint64_t len = cut_varint(c);

    if (c->bad || len > ENTRIES_NAME_MAX || len > (uint64_t)(c->end - c->at)) {
        c->bad = true;
        return name;
    }
    name.at = c->at;
    name.len = (size_t)len;
    c->at += len;
    return name;
}

/* Sizes above INT64_MAX exist on no system and would not fit the columns of an inventory. */
static uint64_t
cut_size(struct cut *c)
{
    uint64_t v = cut_varint(c);

    if (v > INT64_MAX) {
        c->bad = true;
    }
    return v;
}

static bool
name_fits(struct al_span n)
{
    if (n.len == 0 || memchr(n.at, '/', n.len) != NULL || memchr(n.at, 0, n.len) != NULL) {
        return false;
    }
    return !(n.at[0] == '.' && (n.len == 1 || (n.len == 2 && n.at[1] == '.')));
}

static void
cut_entry(struct cut *c, struct entry_record *r)
{
    r->folder = cut_varint(c);
    if (c->at < c->end) {
        r->type = *c->at++;
    } else {
        c->bad = true;
    }
    r->flags = cut_u32(c);
    r->name = cut_name(c);
    r->mode = cut_u32(c);
    r->uid = cut_u32(c);
    r->gid = cut_u32(c);
    r->nlink = cut_u32(c);
    r->ino = cut_varint(c);
    r->size = cut_size(c);
    r->allocated = cut_size(c);
    r->mtime_ns = unzigzag(cut_varint(c));
    r->ctime_ns = unzigzag(cut_varint(c));
    r->atime_ns = unzigzag(cut_varint(c));
    r->btime_ns = unzigzag(cut_varint(c));
    if (c->bad || r->folder == 0 || !name_fits(r->name)) {
        c->bad = true;
    }
}

static void
cut_folder(struct cut *c, struct entry_record *r)
{
    r->is_folder_record = true;
    r->folder = cut_varint(c);
    r->parent = cut_varint(c);
    r->flags = cut_u32(c);
    r->name = cut_name(c);
    if (c->bad || r->folder == 0 || r->folder == r->parent) {
        c->bad = true;
        return;
    }
    /* The root has no parent and no name; every other folder has both. */
    if (r->parent == 0 ? r->name.len != 0 : !name_fits(r->name)) {
        c->bad = true;
    }
}

int
entries_next(struct entries_reader *r, struct entry_record *ret, bool *ret_end)
{
    struct entry_record rec;
    struct cut c = {r->left.at, r->left.at + r->left.len, false};

    if (r->count == 0) {
        if (r->left.len != 0) {
            return AL_ECORRUPT;
        }
        *ret_end = true;
        return AL_OK;
    }
    if (r->left.len == 0) {
        return AL_ECORRUPT;
    }
    memset(&rec, 0, sizeof(rec));
    switch (*c.at++) {
    case KIND_FOLDER:
        cut_folder(&c, &rec);
        break;
    case KIND_ENTRY:
        cut_entry(&c, &rec);
        break;
    case KIND_OWNER:
        rec.is_owner_record = true;
        rec.uid = cut_u32(&c);
        rec.name = cut_name(&c);
        if (!c.bad && (rec.name.len == 0 || memchr(rec.name.at, 0, rec.name.len) != NULL)) {
            c.bad = true;
        }
        break;
    default:
        c.bad = true;
    }
    if (c.bad) {
        return AL_ECORRUPT;
    }
    r->left.at = c.at;
    r->left.len = (size_t)(c.end - c.at);
    r->count--;
    *ret = rec;
    *ret_end = false;
    return AL_OK;
}
