#include "agent/stub/pieces.h"

#include "base/hash.h"
#include "base/mem.h"

uint32_t
stub_piece_count(uint64_t size, unsigned shift)
{
    return shift == 0 ? 0 : (uint32_t)((size + (1ull << shift) - 1) >> shift);
}

struct stub_pieces {
    struct al_xxh_state *xxh;
    uint64_t piece, filled; /* bytes of a piece; of the one under way */
};

int
stub_pieces_new(unsigned shift, struct stub_pieces **ret)
{
    struct stub_pieces *p = al_zalloc(sizeof(*p));

    if (p == NULL) {
        return AL_ENOMEM;
    }
    p->piece = 1ull << shift;
    p->xxh = al_xxh_new();
    if (p->xxh == NULL) {
        al_free(p);
        return AL_ENOMEM;
    }
    *ret = p;
    return AL_OK;
}

static int
piece_done(struct stub_pieces *p, struct al_buf *to)
{
    uint8_t sum[8];

    al_put_u64(sum, al_xxh_result(p->xxh).lo);
    al_xxh_reset(p->xxh);
    p->filled = 0;
    return al_buf_add(to, sum, sizeof(sum));
}

int
stub_pieces_add(struct stub_pieces *p, const void *bytes, size_t len, struct al_buf *to)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        uint64_t room = p->piece - p->filled;
        size_t n = len < room ? len : (size_t)room;
        int rc;

        al_xxh_add(p->xxh, at, n);
        p->filled += n;
        at += n;
        len -= n;
        rc = p->filled == p->piece ? piece_done(p, to) : AL_OK;
        if (rc != AL_OK) {
            return rc;
        }
    }
    return AL_OK;
}

int
stub_pieces_end(struct stub_pieces *p, struct al_buf *to)
{
    return p->filled > 0 ? piece_done(p, to) : AL_OK;
}

struct stub_pieces *
stub_pieces_free(struct stub_pieces *p)
{
    if (p != NULL) {
        p->xxh = al_xxh_free(p->xxh);
        al_free(p);
    }
    return NULL;
}

void
stub_pieces_freep(struct stub_pieces **p)
{
    *p = stub_pieces_free(*p);
}
