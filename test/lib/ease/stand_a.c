/* stand_a.c: TEST CODE. What flavour A exports besides. */
#include "stand_dll.h"

#include <string.h>
#include <uchar.h>

const bool stand_is_b = false;
const uint32_t stand_tag_max = STAND_TAG_MAX;

/* In the form of a version resource: key, NUL, zeros up to four bytes, value. */
STAND_EXPORT extern const char16_t stand_version[];
STAND_EXPORT const char16_t stand_version[] =
    u"ProductName\0\0Stand-in for CloudTier FilterAPI.DLL\0ProductVersion\0\0"
    u"3.3.1.2\0";

#define HANDLES 256u
static struct {
    void *handle;
    uint16_t path[STAND_PATH_MAX];
} handles[HANDLES];
static unsigned next_handle;

static void
remember(void *handle, const uint16_t *path)
{
    unsigned i, at;

    pthread_mutex_lock(&stand.lock);
    at = next_handle++ % HANDLES;
    for (i = 0; i < HANDLES; i++) {
        if (handles[i].handle == handle) {
            at = i;
        }
    }
    handles[at].handle = handle;
    for (i = 0; i + 1 < STAND_PATH_MAX && path[i] != 0; i++) {
        handles[at].path[i] = path[i];
    }
    handles[at].path[i] = 0;
    pthread_mutex_unlock(&stand.lock);
}

static bool
path_of(void *handle, uint16_t to[STAND_PATH_MAX])
{
    bool found = false;

    pthread_mutex_lock(&stand.lock);
    for (unsigned i = 0; i < HANDLES && !found; i++) {
        found = handle != NULL && handles[i].handle == handle;
        if (found) {
            memcpy(to, handles[i].path, sizeof(handles[i].path));
        }
    }
    pthread_mutex_unlock(&stand.lock);
    return found;
}

STAND_EXPORT int32_t
CreateStubFileEx(const uint16_t *name, int64_t size, uint32_t attributes, uint32_t tag_bytes,
                 uint8_t *tag, uint64_t created, uint64_t written, uint64_t accessed,
                 int32_t overwrite, void **ret_handle)
{
    struct stand_stub s = {
        .size = size, .attributes = attributes != 0 ? attributes : 0x1000, .tag_bytes = tag_bytes};
    bool fails;

    if (tag_bytes > stand_tag_max || overwrite != 1 || size < 0 || created != 0 || written != 0 ||
        accessed != 0) {
        return 0;
    }
    memcpy(s.tag, tag, tag_bytes);
    fails = !stand_stub_call();
    if ((fails && !stand.settings.fail_after) ||
        !(stand.settings.new_files ? stand_stub_write(name, &s) : stand_stub_over(name, &s)) ||
        fails) {
        return 0;
    }
    *ret_handle = stand_handle(name);
    return *ret_handle != NULL;
}

STAND_EXPORT int32_t
OpenStubFile(const uint16_t *name, uint32_t access, uint32_t share, void **ret_handle)
{
    struct stand_stub s;

    if (access == 0 || !stand_stub_read(name, &s)) {
        return 0;
    }
    *ret_handle = stand_handle(name);
    if (*ret_handle == NULL) {
        return 0;
    }
    remember(*ret_handle, name);
    return 1;
}

STAND_EXPORT int32_t
GetTagData(void *handle, uint32_t *io_len, uint8_t *tag)
{
    uint16_t path[STAND_PATH_MAX];
    struct stand_stub s;
    bool fits = *io_len != 0 && tag != NULL;

    if ((tag != NULL && !stand_stub_call()) || !path_of(handle, path) || !stand_stub_read(path, &s)) {
        return 0;
    }
    fits = fits && *io_len >= s.tag_bytes;
    *io_len = s.tag_bytes;
    if (fits) {
        memcpy(tag, s.tag, s.tag_bytes);
    }
    return fits;
}

/* The file it was: as long as before, and nothing in it. */
STAND_EXPORT int32_t
RemoveTagData(void *handle, uint8_t touch_times)
{
    uint16_t path[STAND_PATH_MAX];
    struct stand_stub s;
    FILE *f;
    bool ok;

    if (touch_times > 1 || !path_of(handle, path) || !stand_stub_read(path, &s)) {
        return 0;
    }
    f = stand_fopen(path, "wb");
    ok = f != NULL;
    for (int64_t i = 0; ok && i < s.size; i++) {
        ok = fputc(0, f) == 0;
    }
    return (f == NULL || fclose(f) == 0) && ok;
}
