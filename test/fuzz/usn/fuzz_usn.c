/* fuzz_usn.c: any bytes as what a USN journal gave, and as a kept place: records and names lie within the bytes, what changed is
 * sorted with each folder once, places come back as they were. */
#include <stdlib.h>
#include <string.h>

#include "agent/walk/usn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
    unsigned sum;
};

static int
see(void *ctx, const struct usn_record *r)
{
    struct input *in = ctx;

    if (r->name.at < in->data || r->name.at + r->name.len > in->data + in->size || r->name.len % 2 != 0) {
        abort();
    }
    for (size_t i = 0; i < r->name.len; i++) {
        in->sum += r->name.at[i];
    }
    return AL_OK;
}

static int
state(void *ctx, struct port_journal_state *ret)
{
    *ret = (struct port_journal_state){.id = 1, .next = INT64_C(1) << 20};
    return AL_OK;
}

static int
give(void *ctx, uint64_t id, int64_t from, void *to, size_t cap, size_t *ret_len)
{
    const struct input *in = ctx;

    *ret_len = in->size < cap ? in->size : cap;
    if (*ret_len > 0) {
        memcpy(to, in->data, *ret_len);
    }
    return AL_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.data = data, .size = size};
    const struct usn_source source = {.state = state, .read = give, .ctx = &in};
    struct usn_place place, since = {.journal = 1};
    uint8_t again[USN_PLACE_BYTES];
    struct usn_changes c;
    int64_t next;
    int rc = usn_decode((struct al_span){data, size}, &next, see, &in);

    if (usn_place_decode((struct al_span){data, size}, &place) == AL_OK) {
        usn_place_encode(&place, again);
        if (memcmp(again, data, size) != 0) {
            abort();
        }
    }
    if (usn_changes(&source, 0, &since, &c) != AL_OK || (rc != AL_OK && c.full == NULL)) {
        abort();
    }
    for (size_t i = 1; i < c.count; i++) {
        if (memcmp(c.folders[i - 1].id, c.folders[i].id, 16) >= 0) {
            abort();
        }
    }
    usn_changes_free(&c);
    return 0;
}
