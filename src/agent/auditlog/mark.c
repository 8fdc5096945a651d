#include "agent/auditlog/mark.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"

static const char magic[] = "ALTOMRK1";
#define SUM_AT (MARK_BYTES - 8u)

int
mark_read(struct port *p, struct port_file *dir, struct mark *ret, bool *ret_is)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    int rc;

    al_buf_init(&bytes, MARK_BYTES);
    rc = port_read_file(p, dir, MARK_FILE, MARK_BYTES, &bytes);
    *ret_is = rc == AL_OK && bytes.len == MARK_BYTES && memcmp(bytes.at, magic, 8) == 0 &&
              al_get_u64(bytes.at + SUM_AT) == al_xxh64(bytes.at, SUM_AT, 0);
    if (*ret_is) {
        *ret = (struct mark){.number = al_get_u64(bytes.at + 8),
                             .bytes = al_get_u64(bytes.at + 16),
                             .next_number = al_get_u64(bytes.at + 24),
                             .next_bytes = al_get_u64(bytes.at + 32)};
    }
    return rc == AL_ENOENT || rc == AL_ELIMIT ? AL_OK : rc;
}

int
mark_write(struct port *p, struct port_file *dir, const struct mark *m)
{
    uint8_t bytes[MARK_BYTES];

    memcpy(bytes, magic, 8);
    al_put_u64(bytes + 8, m->number);
    al_put_u64(bytes + 16, m->bytes);
    al_put_u64(bytes + 24, m->next_number);
    al_put_u64(bytes + 32, m->next_bytes);
    al_put_u64(bytes + SUM_AT, al_xxh64(bytes, SUM_AT, 0));
    return port_write_file(p, dir, MARK_FILE, bytes, sizeof(bytes), 0600);
}

bool
mark_holds(const struct mark *m, uint64_t number, uint64_t bytes)
{
    if (bytes == 0) {
        return m->bytes == 0;
    }
    return (number == m->number && m->bytes > 0 && bytes >= m->bytes) ||
           (number == m->next_number && m->next_bytes > 0 && bytes >= m->next_bytes);
}
