/* stand_message.c: TEST CODE. One message as raw bytes, in memory of exactly its size and full of
 * rubbish where nothing is said; then every field of the reply held against the contract. */
#include "stand_priv.h"

#include <stdlib.h>
#include <string.h>

#define GUARD 256u
#define RUBBISH 0xa5

struct layout { /* offsets in bytes, x64 */
    size_t size, verify, id, command, file_object, fs_context, process, thread, offset, length,
        file_size, time, attributes, options, name_bytes, name, sid_bytes, sid, data_bytes, data;
};
static const struct layout layout_a = {67984, 67980, 0,  24,  8,   16,  28,   32,   40,   48,
                                       56,    64,    96, 112, 128, 132, 2180, 2184, 2440, 2444};
static const struct layout layout_b = {19960, 0,   8,   4,   64,  72,  88,   92,   96,   104,
                                       112,   120, 152, 168, 188, 192, 2240, 2244, 2500, 2504};
#define B_SHORT 18888u
#define B_EXTENDED 3576u /* where the data are in the extended tail */

static void
put32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
}

static void
put64(uint8_t *at, uint64_t v)
{
    put32(at, (uint32_t)v);
    put32(at + 4, (uint32_t)(v >> 32));
}

static uint32_t
get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static size_t
put_name(uint8_t *at, const uint16_t *path, bool prefix)
{
    static const uint16_t nt[4] = {'\\', '?', '?', '\\'};
    size_t n = 0;

    for (size_t i = 0; prefix && i < 4; i++, n++) {
        at[2 * n] = (uint8_t)nt[i];
        at[2 * n + 1] = 0;
    }
    for (; *path != 0 && n < 1024; path++, n++) {
        at[2 * n] = (uint8_t)*path;
        at[2 * n + 1] = (uint8_t)(*path >> 8);
    }
    return 2 * n;
}

static uint8_t *
build(const struct stand_item *item, const struct stand_settings *how, uint64_t seed,
      size_t *ret_len)
{
    bool short_tail = how->short_tail;
    const struct layout *l = stand_is_b ? &layout_b : &layout_a;
    size_t size = stand_is_b && short_tail ? B_SHORT : l->size, data = l->data;
    uint8_t *m = malloc(size);

    if (m == NULL) {
        abort();
    }
    for (size_t i = 0; i < size; i++) {
        m[i] = (uint8_t)(seed + i * 31);
    }
    put32(m + l->verify, how->wrong_number ? 0xff000002u : 0xff000001u);
    put32(m + l->id, item->id);
    put32(m + l->command, item->command);
    put64(m + l->file_object, 0xffffe00000000000ull + item->id);
    put64(m + l->fs_context, 0xffffe00000000000ull + item->path[0]);
    put32(m + l->process, item->process);
    put32(m + l->thread, (uint32_t)seed);
    put64(m + l->offset, item->offset);
    put32(m + l->length, item->length);
    put64(m + l->file_size, item->stub != NULL ? (uint64_t)item->stub->size : 0);
    put64(m + l->time, how->no_transaction_time ? 0 : (uint64_t)stand_filetime());
    put32(m + l->attributes, item->stub != NULL ? item->stub->attributes : 0);
    put32(m + l->options, seed % 3 == 0 ? 0x01000000u : 0);
    put32(m + l->name_bytes, (uint32_t)put_name(m + l->name, item->path, seed % 4 == 0));
    put32(m + l->sid_bytes, 12);
    if (stand_is_b && !short_tail) {
        put32(m + data, 0xabcdfe33u);
        put64(m + 3552, 0x1234);
        put64(m + 3560, stand_locked_id(item->path));
        put64(m + 3568, 0);
        data = B_EXTENDED;
    } else if (stand_is_b) {
        memset(m + data, 0, 4);
    }
    put32(m + l->data_bytes, item->stub != NULL ? item->stub->tag_bytes : 0);
    if (item->stub != NULL) {
        memcpy(m + data, item->stub->tag, item->stub->tag_bytes);
    }
    *ret_len = size;
    return m;
}

/* ---- the contract ---- */

/* A file of just the size, local, by a whole path without NUL. */
static const char *
path_wrong(const struct stand_item *item)
{
    uint16_t path[STAND_PATH_MAX] = {0};
    size_t units = item->data_bytes / 2;
    FILE *f;
    long long size;

    if (item->data_bytes == 0 || item->data_bytes % 2 != 0 || units >= STAND_PATH_MAX) {
        return "a path of no length";
    }
    for (size_t i = 0; i < units; i++) {
        path[i] = (uint16_t)(item->data[2 * i] | item->data[2 * i + 1] << 8);
        if (path[i] == 0 || path[i] == '/') {
            return "a path with a NUL or a slash";
        }
    }
    if (path[0] == '\\' && path[1] == '\\') {
        return "a path that is not local";
    }
    if (path[0] != '\\' && path[1] != ':') {
        return "a path that is not whole";
    }
    f = stand_fopen(path, "rb");
    if (f == NULL) {
        return "a path to nothing";
    }
    (void)fseek(f, 0, SEEK_END);
    size = (long long)ftell(f);
    (void)fclose(f);
    return size == item->stub->size ? NULL : "a path to a file of another size";
}

static const char *
data_wrong(const struct stand_item *item)
{
    uint64_t size = (uint64_t)item->stub->size, left;

    if (item->how == 0x10 || item->how == 0x20) {
        return path_wrong(item);
    }
    if (item->how != 0x08) {
        return "a filter status that is none of the three";
    }
    if (item->command != 0x01) {
        return "a block where a whole file was asked for";
    }
    left = item->offset < size ? size - item->offset : 0;
    if (left == 0) {
        return "a block behind the end";
    }
    return item->data_bytes == (left < item->length ? left : item->length)
               ? NULL
               : "a block of another length than was asked for";
}

static const char *
reply_wrong(struct stand_item *item, const uint8_t *reply, int32_t ret, bool wrong_number)
{
    if (wrong_number) {
        return ret == 0 && item->status == 0xc0000001u && item->how == 0 && item->data_bytes == 0
                   ? NULL
                   : "an answer to what is no message";
    }
    if (get32(reply) != item->id || get32(reply + 4) != item->command) {
        return "another message's id or type";
    }
    if (ret != 1) {
        return "false for a good message";
    }
    if (item->data_bytes > STAND_DATA) {
        return "more data than fit";
    }
    if (item->status == 0xc0000011u) {
        return item->command == 0x01 && item->how == 0 && item->data_bytes == 0 &&
                       (item->stub == NULL || item->offset >= (uint64_t)item->stub->size)
                   ? NULL
                   : "the end of the file where it is not";
    }
    if (item->status != 0) {
        return item->status == 0xc0000001u && item->how == 0 && item->data_bytes == 0
                   ? NULL
                   : "a failure that says more than that";
    }
    if (item->stub == NULL) {
        return "an answer where nothing was asked about";
    }
    return data_wrong(item);
}

static void
take_reply(struct stand_item *item, const uint8_t *reply, int32_t ret, bool wrong_number)
{
    const char *wrong;

    item->status = get32(reply + 8);
    item->how = get32(reply + 12);
    item->data_bytes = get32(reply + 16);
    if (item->data_bytes <= STAND_DATA && item->data_bytes > 0) {
        item->data = malloc(item->data_bytes);
        if (item->data == NULL) {
            abort();
        }
        memcpy(item->data, reply + 20, item->data_bytes);
    }
    wrong = reply_wrong(item, reply, ret, wrong_number);
    if (wrong != NULL) {
        item->broken = true;
        stand_violation("reply to 0x%x at %llu, %u bytes: %s (status 0x%x, 0x%x, %u bytes)",
                        item->command, (unsigned long long)item->offset, item->length, wrong,
                        item->status, item->how, item->data_bytes);
    }
}

static void
count(const struct stand_item *item)
{
    pthread_mutex_lock(&stand.lock);
    stand.counts.blocks += item->status == 0 && item->how == 0x08 ? 1 : 0;
    stand.counts.caches += item->status == 0 && item->how == 0x10 ? 1 : 0;
    stand.counts.fills += item->status == 0 && item->how == 0x20 ? 1 : 0;
    stand.counts.ends += item->status == 0xc0000011u ? 1 : 0;
    stand.counts.denied += item->status == 0xc0000001u ? 1 : 0;
    pthread_mutex_unlock(&stand.lock);
}

void
stand_deliver(struct stand_item *item, stand_message_fn call, const struct stand_settings *how,
              uint64_t seed)
{
    size_t len;
    uint8_t *message = build(item, how, seed, &len), *copy = malloc(len);
    uint8_t *reply = NULL;
    int32_t ret;

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, message, len);
    if (!item->notice) {
        reply = malloc(STAND_REPLY + GUARD);
        if (reply == NULL) {
            abort();
        }
        memset(reply, RUBBISH, STAND_REPLY + GUARD);
    }
    ret = call(message, reply);
    if (memcmp(message, copy, len) != 0) {
        item->broken = true;
        stand_violation("the message was written to");
    }
    for (size_t i = 0; reply != NULL && i < GUARD; i++) {
        if (reply[STAND_REPLY + i] != RUBBISH) {
            item->broken = true;
            stand_violation("bytes behind the reply were written to");
            break;
        }
    }
    if (reply != NULL) {
        take_reply(item, reply, ret, how->wrong_number);
        count(item);
    }
    free(reply);
    free(copy);
    free(message);
}
