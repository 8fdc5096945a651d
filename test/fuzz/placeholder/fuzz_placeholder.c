/* fuzz_placeholder.c: any bytes as a placeholder; and the same bytes signed, so that what lies behind the checksum is met too. What
 * is taken prints so that it means the same. */
#include <stdlib.h>
#include <string.h>

#include "agent/mover/placeholder.h"
#include "base/mem.h"
#include "port/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[PLACEHOLDER_KEY_LEN] = {9};

static void
must(bool what)
{
    if (!what) {
        abort();
    }
}

static void
take(struct al_span text)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(4u << 20), *again = al_arena_new(4u << 20);
    AL_CLEANUP(al_buf_free) struct al_buf out = {0};
    struct placeholder_more more = {.path = text};
    struct placeholder p, q;
    int rc;

    must(arena != NULL && again != NULL);
    if (placeholder_parse(text, key, arena, &p) != AL_OK) {
        return;
    }
    must(al_id_valid(p.share_id) && al_id_valid(p.file.object_id));
    must(memchr(p.file.path.at, '/', p.file.path.len) == NULL);
    al_buf_init(&out, 1u << 20);
    rc = placeholder_print(&p, &more, key, &out);
    must(rc == AL_OK || rc == AL_ELIMIT);
    if (rc == AL_OK) {
        must(out.len <= PLACEHOLDER_BYTES_MAX);
        must(placeholder_parse(al_buf_span(&out), key, again, &q) == AL_OK && !q.edited);
        must(al_span_equal(p.file.path, q.file.path) && p.file.size == q.file.size && p.file.mtime_ns == q.file.mtime_ns);
        must(strcmp(p.file.object_id, q.file.object_id) == 0 && al_xxh_equal(p.file.xxh, q.file.xxh));
        must(q.attrs_elsewhere || p.file.xattr_count == q.file.xattr_count);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    uint8_t sum[PORT_SHA256_LEN];
    char hex[2 * PORT_SHA256_LEN + 1];

    take((struct al_span){data, size});
    if (size > PLACEHOLDER_READ_MAX / 2 || (size > 0 && memchr(data, '\n', size) != NULL)) {
        return 0;
    }
    al_buf_init(&text, PLACEHOLDER_READ_MAX);
    must(port_hmac_sha256(key, sizeof(key), data, size, sum) == AL_OK);
    al_hex(sum, sizeof(sum), hex);
    must(al_buf_adds(&text, "alto-object: ") == AL_OK && (size == 0 || al_buf_add(&text, data, size) == AL_OK));
    must(al_buf_addf(&text, " %s\n", hex) == AL_OK);
    take(al_buf_span(&text));
    return 0;
}
