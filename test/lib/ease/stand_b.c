/* stand_b.c: TEST CODE. What flavour B exports besides. */
#include "stand_dll.h"

#include <string.h>
#include <uchar.h>

const bool stand_is_b = true;
const uint32_t stand_tag_max = 900; /* below 1024 less a header of unknown size */

STAND_EXPORT extern const char16_t stand_version[];
STAND_EXPORT const char16_t stand_version[] =
    u"ProductName\0\0Stand-in for EaseFlt Encryption FilterAPI.DLL\0ProductVersion\0\0"
    u"5.8.7.1\0";

STAND_EXPORT int32_t
StartFilter(char *key, uint32_t threads, uint8_t per_thread, uint8_t round, stand_message_fn m,
            stand_disconnect_fn d)
{
    if (stand.settings.refuse_key || strcmp(key, "STAND-IN-KEY") != 0 || per_thread > 1 ||
        round > 1) {
        return 0;
    }
    stand.counts.key_set = true;
    return stand_start("StartFilter", threads, m, d);
}

STAND_EXPORT void
StopFilter(void)
{
    stand_end("StopFilter");
}

STAND_EXPORT int32_t
SetFilterType(uint32_t type)
{
    pthread_mutex_lock(&stand.lock);
    stand_called("SetFilterType");
    stand.counts.filter_type = type;
    pthread_mutex_unlock(&stand.lock);
    return 1;
}

static bool
same(const uint16_t *a, const uint16_t *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Masks must differ. */
STAND_EXPORT int32_t
AddFileFilterRule(uint32_t access, const uint16_t *mask, int32_t resident, uint32_t rule_id)
{
    bool ok;
    unsigned i, at;

    pthread_mutex_lock(&stand.lock);
    stand_called("AddFileFilterRule");
    at = stand.counts.rules;
    ok = access == 0xfffffff0u && rule_id != 0 && at < STAND_RULES && resident <= 1;
    for (i = 0; i < at; i++) {
        ok = ok && !same(stand.masks[i], mask);
    }
    for (i = 0; ok && i + 1 < STAND_PATH_MAX; i++) {
        stand.masks[at][i] = mask[i];
        if (mask[i] == 0) {
            break;
        }
    }
    stand.counts.rules += ok ? 1 : 0;
    pthread_mutex_unlock(&stand.lock);
    return ok;
}

STAND_EXPORT int32_t
AddBooleanConfigToFilterRule(const uint16_t *mask, uint32_t bits)
{
    bool found = false;

    pthread_mutex_lock(&stand.lock);
    stand_called("AddBooleanConfigToFilterRule");
    for (unsigned i = 0; i < stand.counts.rules; i++) {
        found = found || same(stand.masks[i], mask);
    }
    stand.counts.stub_rules += found && bits == 0x00800000u ? 1 : 0;
    pthread_mutex_unlock(&stand.lock);
    return found;
}

STAND_EXPORT int32_t
CreateVirtualStubFile(const uint16_t *name, int64_t size, uint32_t tag_bytes, uint8_t *tag)
{
    struct stand_stub s = {.size = size, .attributes = 0x1000, .tag_bytes = tag_bytes};

    if (tag_bytes > stand_tag_max || size < 0) {
        return 0;
    }
    memcpy(s.tag, tag, tag_bytes);
    return stand_stub_write(name, &s);
}

STAND_EXPORT int32_t
GetVirtualStubFileInfo(const uint16_t *name, int64_t *ret_size, uint32_t *io_len, uint8_t *tag)
{
    struct stand_stub s;
    bool fits = *io_len != 0 && tag != NULL;

    if (!stand_stub_read(name, &s)) {
        return 0;
    }
    fits = fits && *io_len >= s.tag_bytes;
    *ret_size = s.size;
    *io_len = s.tag_bytes;
    if (fits) {
        memcpy(tag, s.tag, s.tag_bytes);
    }
    return fits;
}
